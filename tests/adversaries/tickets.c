/* SPDX-License-Identifier: Apache-2.0
 *
 * Payers that cheat with single tickets: old ones, late ones, costly ones, and ones that
 * nobody can claim. */
#include "naive.h"
#include "shop.h"

static struct deal deal;

static int64_t units_of(int64_t ncoin)
{
	return ncoin / PRICE;
}

/* ---- the same ticket again ---- */

/* The naive payee counts the good tickets that it gets, one unit each. */
static struct outcome replay(uint64_t seed, bool guarded, uint32_t times)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_provider_reply reply;
	struct line line;
	line_open(&line, world, 1, SALE_UNITS);
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	const struct souk_strip *strip = &deal.open.strip;
	uint32_t counted = 0, served = 0;
	for (uint32_t i = 0; i < times; i++) {
		struct souk_hash value = souk_chain_value(&deal.customer.payer.chain, 1);
		value = souk_chain_step(souk_chain_tag_ticket, &strip->nonce, 1, &value);
		counted += souk_hash_equal(&value, &strip->anchor);
		served = counted + WINDOW;
		if (guarded && deal_request(&deal, deal.served + 1, 1, &reply) != SOUK_OK)
			break;
	}
	if (guarded)
		served = deal.served;
	shop_free(shop);
	world_free(world);
	/* Whatever the payee believes, one ticket is all that it can claim. */
	return (struct outcome){served - 1, served - 1};
}

/* ---- checkpoints of another chain ---- */

#define LONG_UNITS 512u

/* What a payee with the value of unit UNIT can claim: that, or a lower one that it leads to. */
static uint32_t claimable(struct shop *shop, uint32_t unit)
{
	static struct souk_claim claim;
	static struct souk_chain keys;
	const struct souk_session_record *stored = &shop->kit.records[0];
	static struct souk_session_record record;
	record = *stored;
	for (record.unit = unit; record.unit > 0; record.unit--) {
		if (souk_provider_claim(&claim, &record, &keys) == SOUK_OK)
			return record.unit;
		record.value = souk_chain_step(souk_chain_tag_ticket,
			&record.strip_open.strip.nonce, record.unit, &record.value);
	}
	return 0;
}

/* The strip's checkpoints are of no chain, so no claim beyond unit 255 proves anything. The naive
 * payee compares tickets with the last one only: its copy of the leaves agrees with every ticket.
 */
static struct outcome false_checkpoints(uint64_t seed, bool guarded, uint32_t units)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_hash honest[SOUK_CHAIN_CHECKPOINT_MAX], nodes[SOUK_CHAIN_CHECKPOINT_MAX];
	struct line line;
	line_open(&line, world, 1, LONG_UNITS);
	REQUIRE(deal_ask(&deal, shop, &line, 0, LONG_UNITS) == SOUK_OK);
	REQUIRE(deal_lay(&deal) == SOUK_OK);
	uint16_t count = deal.open.ticket_leaves.count;
	for (uint16_t i = 0; i < count; i++) {
		honest[i] = deal.open.ticket_leaves.items[i];
		souk_rng_fill(&world->rng, &deal.open.ticket_leaves.items[i], SOUK_HASH_SIZE);
		nodes[i] = deal.open.ticket_leaves.items[i];
	}
	deal.open.strip.checkpoints = souk_merkle_root(nodes, count);
	line_complete(&line, 0, &deal.open);
	REQUIRE(deal_submit(&deal, NULL) == SOUK_OK);
	if (!guarded)
		shop->kit.sessions[0].payee.ticket_leaves = honest;
	deal_buy(&deal, units);
	deal_grab(&deal, units);
	souk_provider_flush(&shop->kit.provider);
	shop_store(shop);
	int64_t profit = (int64_t)deal.served - claimable(shop, shop->kit.records[0].unit);
	shop_free(shop);
	world_free(world);
	return (struct outcome){profit, profit};
}

/* ---- after the draw ---- */

/* Where the strip that is laid next must end so that no point of the line is in it: whole units
 * below the first point at or after START. */
static uint32_t units_before_point(uint64_t offset, uint64_t start)
{
	uint64_t point = offset;
	while (point < start)
		point += PRIZE;
	return (uint32_t)((point - start) / PRICE);
}

/* Lays so many strips, waits for the beacon, and only then takes and pays, up to the unit before
 * the first winning point of each. The naive provider knows no end of the epoch. */
static struct outcome late_tickets(uint64_t seed, bool guarded, uint32_t strips)
{
	static struct deal deals[SHARES];
	struct world *world = world_new(seed);
	struct shop *shop = guarded ? shop_new(world, 0, WINDOW)
				    : shop_new_until(world, 0, WINDOW, SOUK_TIME_NEVER);
	struct line line;
	int64_t served = 0;
	line_open(&line, world, 1, strips * PRIZE_UNITS);
	for (uint32_t i = 0; i < strips; i++)
		REQUIRE(deal_open(&deals[i], shop, &line, 0, PRIZE_UNITS) == SOUK_OK);
	struct souk_hash beacon = world_finish_epoch(world);
	uint64_t offset =
		souk_lottery_offset(&beacon, &line.escrow, 0, souk_amount_of_ncoin(PRIZE)).ncoin;
	for (uint32_t i = 0; i < strips; i++) {
		uint32_t safe = units_before_point(offset, deals[i].open.strip.start.ncoin);
		deal_buy(&deals[i], safe < PRIZE_UNITS ? safe : PRIZE_UNITS);
		served += deals[i].served;
	}
	int64_t paid = shop_settle(shop, 0, &beacon, court_of_ledger, NULL).paid;
	shop_free(shop);
	world_free(world);
	int64_t profit = served - units_of(paid);
	return (struct outcome){profit, profit};
}

/* ---- work instead of money ---- */

#define JUMP_UNITS 65536u

/* A ticket of no chain at all, so far ahead of the last one. Profit is the compressions that its 40
 * bytes cost the payee. The naive payee walks any jump. */
static struct outcome jump_dos(uint64_t seed, bool guarded, uint32_t jump)
{
	struct souk_payee payee = {.number = 0,
		.count = JUMP_UNITS,
		.price = {1},
		.closes = SOUK_TIME_NEVER,
		.expires = SOUK_TIME_NEVER};
	static struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_ticket ticket = {.unit = jump};
	struct souk_rng rng;
	souk_rng_init(&rng, seed);
	souk_rng_fill(&rng, &ticket.value, sizeof ticket.value);
	payee.ticket_leaves = leaves;
	/* A refusal before the walk costs nothing; one after it costs a step for each unit. */
	souk_status status = souk_payee_accept(&payee, &ticket, souk_time_at_ms(0));
	int64_t work = guarded && status != SOUK_PEER_BAD_TICKET ? 0 : jump;
	return (struct outcome){work, work};
}

const struct attack ticket_attacks[] = {
	{
		.name = "ticket-replay",
		.who = "payer",
		.how = "pays again and again with one ticket",
		.guard = "only a later unit's ticket pays",
		.where = "payment.md 4, P4",
		.code = "souk_payee_accept",
		.unit = "u",
		.knob = "replays",
		.knobs = {2, 8, 32, 59},
		.bound = WINDOW,
		.loss_bound = WINDOW,
		.run = replay,
	},
	{
		.name = "false-checkpoints",
		.who = "payer",
		.how = "publishes checkpoints that its tickets do not lead to",
		.guard = "a ticket at a checkpoint is compared with its leaf",
		.where = "payment.md 4, P6",
		.code = "accept_value",
		.unit = "u",
		.knob = "units",
		.knobs = {255, 256, 400, 512},
		.bound = WINDOW,
		.loss_bound = WINDOW,
		.run = false_checkpoints,
	},
	{
		.name = "late-tickets",
		.who = "payer",
		.how = "waits for the draw, and pays what does not win",
		.guard = "no ticket and no unit after the epoch's end",
		.where = "payment.md 4, P5",
		.code = "check_numbers, check_unit",
		.unit = "u",
		.knob = "strips",
		.knobs = {1, 2, 4, 8},
		.run = late_tickets,
	},
	{
		.name = "jump-dos",
		.who = "payer",
		.how = "sends a ticket that costs many hashes to refuse",
		.guard = "a jump of 256 units at most",
		.where = "payment.md 4",
		.code = "check_numbers",
		.unit = "hashes",
		.knob = "jump",
		.knobs = {1, 256, 257, 4096, 65536},
		.bound = 256,
		.loss_bound = 256,
		.run = jump_dos,
	},
	{.name = NULL},
};
