/* SPDX-License-Identifier: Apache-2.0
 *
 * Hubs that cheat their customers, and customers that cheat a hub. Hub, customer and provider are
 * real; the hub takes no fee, so a unit costs u on both legs. */
#include <stdlib.h>
#include <string.h>

#include "hub_kit.h"
#include "world.h"

#define STEP	 2u
#define UNITS	 32u /* of a session; what an account has prepaid */
#define ACCOUNTS 8u
#define EPOCH	 7u
#define CHUNK	 16384u

static const struct souk_time start = {1000};
static const struct souk_time epoch_end = {500000};

struct bazaar {
	struct kit_hub hub;
	struct kit_provider provider;
	struct souk_provider_item item;
	struct souk_identity accounts[ACCOUNTS];
	struct souk_customer customer;
	struct souk_rng rng;
	bool is_open;
};

static struct bazaar *bazaar_new(uint64_t seed, uint64_t line)
{
	struct bazaar *b = calloc(1, sizeof *b);
	REQUIRE(b != NULL);
	souk_rng_init(&b->rng, seed);
	b->provider.window = WINDOW;
	kit_identity(&b->provider.identity, seed * 100);
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		kit_identity(&b->accounts[i], seed * 100 + 1 + i);
	kit_hub_init(
		&b->hub, seed * 100 + 99, &b->provider.identity.address, 1, line * PRICE, 0, STEP);
	kit_payer_epoch(&b->hub.payer, EPOCH);
	kit_hub_start(&b->hub, seed, EPOCH, epoch_end, start);
	kit_provider_start(&b->provider, seed + 1, EPOCH, epoch_end, start);
	memset(&b->item.content, 0xcc, sizeof b->item.content);
	b->item.size = 4096 * CHUNK;
	b->item.chunk_size = CHUNK;
	b->item.price = souk_amount_of_ncoin(PRICE);
	return b;
}

static int64_t redeem(struct bazaar *b, uint32_t account, const struct souk_nonce *voucher)
{
	struct souk_signed_hub_statement statement;
	if (kit_hub_redeem(&b->hub, &b->accounts[account], voucher, start, &statement) != SOUK_OK)
		return 0;
	return (int64_t)(statement.statement.credit.ncoin / PRICE);
}

static void give_credit(struct bazaar *b, uint64_t units)
{
	struct souk_nonce voucher = kit_hub_voucher(&b->hub, units * PRICE);
	REQUIRE(redeem(b, 0, &voucher) == (int64_t)units);
}

/* A session of the first account's over UNITS, at HUB and the bazaar's provider. */
static bool open_session(struct bazaar *b, struct kit_hub *hub)
{
	struct souk_offer offer = kit_offer(
		&b->provider.identity, &b->item.content, b->item.size, CHUNK, PRICE, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = hub->payer.escrow_id, .epoch = EPOCH, .units = UNITS};
	souk_rng_fill(&b->rng, config.seed, sizeof config.seed);
	REQUIRE(souk_customer_init(&b->customer, &config) == SOUK_OK);
	b->is_open = kit_hub_handshake(&b->customer, hub, &b->accounts[0], 0, &b->provider,
			     &b->item, start) == SOUK_OK;
	return b->is_open;
}

/* Buy up to LIMIT of what the hub sells, a step at a time; returns the units. */
static uint32_t buy_up_to(struct bazaar *b, struct kit_hub *hub, uint32_t limit, bool commits)
{
	struct souk_ticket sold;
	uint32_t bought = 0;
	while (bought < limit) {
		struct souk_hub_ticket ticket = {.session = b->customer.grant.session,
			.unit = bought + STEP,
			.value = souk_chain_value(&b->customer.hub_chain, bought + STEP)};
		if (souk_hub_ticket(&hub->hub, &ticket, start, &sold) != SOUK_OK)
			break;
		bought = ticket.unit;
		if (commits)
			kit_hub_commit(hub);
	}
	return bought;
}

/* ---- hubs ---- */

static bool ask_unit(struct bazaar *b)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_customer *c = &b->customer;
	if (souk_customer_next(c, &request, c->requested, start) != SOUK_OK)
		return false;
	REQUIRE(souk_provider_unit(&b->provider.provider, &reply, &request, start) == SOUK_OK);
	REQUIRE(souk_customer_received(c, request.unit) == SOUK_OK);
	if (reply.has_key)
		REQUIRE(souk_customer_key(c, &reply.key) == SOUK_OK);
	while (c->verified < c->keyed)
		REQUIRE(souk_customer_verified(c, c->verified + 1) == SOUK_OK);
	return true;
}

/* The hub is honest until unit FROM; then it takes y and gives LIE in place of x, or nothing. The
 * naive customer pays the hub for the whole session at once, or looks at no x. */
static struct outcome cheat_customer(uint64_t seed, bool guarded, uint32_t from, bool lies)
{
	struct bazaar *b = bazaar_new(seed, UNITS);
	struct souk_customer *c = &b->customer;
	give_credit(b, UNITS);
	REQUIRE(open_session(b, &b->hub));
	int64_t taken = 0, useful = 0;
	if (!guarded) {
		taken = buy_up_to(b, &b->hub, UNITS, true);
		useful = (from - 1) / STEP * STEP;
	}
	for (uint32_t round = 0; guarded && round < 3 * UNITS && c->state == SOUK_CUSTOMER_OPEN;
		round++) {
		struct souk_hub_ticket ticket;
		struct souk_ticket sold;
		while (ask_unit(b))
			;
		if (souk_customer_buy(c, &ticket, start) != SOUK_OK)
			break;
		/* It has y, whatever an honest hub would say to it. */
		taken = ticket.unit;
		if (souk_hub_ticket(&b->hub.hub, &ticket, start, &sold) != SOUK_OK)
			break;
		if (ticket.unit < from)
			useful = ticket.unit;
		else if (lies)
			souk_rng_fill(&b->rng, &sold.value, sizeof sold.value);
		else
			break;
		/* What the customer thinks of it is its own affair. */
		(void)!souk_customer_bought(c, &sold);
	}
	free(b);
	return (struct outcome){taken - useful, taken - useful};
}

static struct outcome silent_hub(uint64_t seed, bool guarded, uint32_t from)
{
	return cheat_customer(seed, guarded, from, false);
}

static struct outcome lying_hub(uint64_t seed, bool guarded, uint32_t from)
{
	return cheat_customer(seed, guarded, from, true);
}

/* ---- customers ---- */

/* Prepaid for one session, spent in several. The naive hub looks at the credit of each session by
 * itself: as many hubs of one name, each with the same account. */
static struct outcome overdraw_hub(uint64_t seed, bool guarded, uint32_t sessions)
{
	struct bazaar *b = bazaar_new(seed, sessions * UNITS);
	struct kit_hub *naive = malloc(sizeof *naive);
	static struct souk_customer customers[ACCOUNTS];
	int64_t bought = 0;
	REQUIRE(naive != NULL && sessions <= ACCOUNTS);
	give_credit(b, UNITS);
	if (guarded) {
		/* All are opened before any is paid. */
		for (uint32_t i = 0; i < sessions; i++) {
			if (!open_session(b, &b->hub))
				b->customer.state = SOUK_CUSTOMER_ENDED;
			customers[i] = b->customer;
		}
		for (uint32_t i = 0; i < sessions; i++) {
			b->customer = customers[i];
			if (customers[i].state == SOUK_CUSTOMER_OPEN)
				bought += buy_up_to(b, &b->hub, UNITS, true);
		}
	} else {
		for (uint32_t i = 0; i < sessions; i++) {
			*naive = b->hub;
			kit_hub_start(naive, seed, EPOCH, epoch_end, start);
			/* Only its leaf is one. */
			naive->payer.free[0].used.ncoin = i * UNITS * PRICE;
			if (open_session(b, naive))
				bought += buy_up_to(b, naive, UNITS, true);
		}
	}
	free(naive);
	free(b);
	return (struct outcome){bought - UNITS, bought - UNITS};
}

/* One voucher for several accounts. The naive hub does not note that it is used. */
static struct outcome voucher_twice(uint64_t seed, bool guarded, uint32_t times)
{
	struct bazaar *b = bazaar_new(seed, UNITS);
	struct souk_nonce voucher = kit_hub_voucher(&b->hub, UNITS * PRICE);
	int64_t credit = 0;
	for (uint32_t i = 0; i < times; i++) {
		/* Twice each: the second may be the same again, or more. */
		int64_t first = redeem(b, i, &voucher), again = redeem(b, i, &voucher);
		credit += again > first ? again : first;
		if (!guarded)
			b->hub.vouchers[0].record.redeemed = false;
	}
	free(b);
	return (struct outcome){credit - UNITS, credit - UNITS};
}

/* Buys a session but for its end, and has the hub crash; what was not stored is credit again. The
 * naive hub answers first and stores later. */
static struct outcome crash_hub(uint64_t seed, bool guarded, uint32_t crashes)
{
	struct bazaar *b = bazaar_new(seed, (crashes + 1) * UNITS);
	int64_t bought = 0;
	give_credit(b, UNITS);
	for (uint32_t i = 0; i <= crashes; i++) {
		struct souk_signed_hub_close close;
		struct souk_signed_hub_statement statement;
		if (open_session(b, &b->hub))
			bought += buy_up_to(b, &b->hub, UNITS - STEP, guarded);
		kit_hub_start(&b->hub, seed + i, EPOCH, epoch_end, start);
		if (b->is_open && souk_customer_hub_close(&b->customer, &b->accounts[0], &close))
			(void)!souk_hub_close(&b->hub.hub, &close, start, &statement);
		kit_hub_commit(&b->hub);
	}
	free(b);
	return (struct outcome){bought - UNITS, bought - UNITS};
}

/* Opens sessions for all of its credit and leaves each: the part of the line under them is lost for
 * the epoch. Profit is that part, beyond the one that the account's credit would use. The naive hub
 * has no limit to it. */
static struct outcome waste_line(uint64_t seed, bool guarded, uint32_t sessions)
{
	struct bazaar *b = bazaar_new(seed, sessions * UNITS);
	give_credit(b, UNITS);
	for (uint32_t i = 0; i < sessions; i++) {
		struct souk_signed_hub_close close;
		struct souk_signed_hub_statement statement;
		if (!open_session(b, &b->hub))
			break;
		REQUIRE(souk_customer_hub_close(&b->customer, &b->accounts[0], &close));
		REQUIRE(souk_hub_close(&b->hub.hub, &close, start, &statement) == SOUK_OK);
		kit_hub_commit(&b->hub);
		if (!guarded)
			b->hub.accounts[0].idle = SOUK_AMOUNT_ZERO;
		/* The provider has seen enough of this customer too: another one. */
		kit_provider_start(&b->provider, seed + i + 2, EPOCH, epoch_end, start);
	}
	int64_t wasted = (int64_t)(b->hub.payer.free[0].used.ncoin / PRICE) - UNITS;
	free(b);
	return (struct outcome){wasted, wasted};
}

const struct attack hub_attacks[] = {
	{
		.name = "silent-hub",
		.who = "hub",
		.how = "takes the customer's tickets and gives none",
		.guard = "a step is bought at a time",
		.where = "exchange.md 8",
		.code = "souk_customer_buy",
		.unit = "u",
		.knob = "honest until unit",
		.knobs = {1, 9, 32},
		.bound = STEP,
		.loss_bound = STEP,
		.run = silent_hub,
	},
	{
		.name = "lying-hub",
		.who = "hub",
		.how = "sells tickets of no chain",
		.guard = "a ticket that does not lead to the anchor ends the session",
		.where = "exchange.md 8",
		.code = "souk_customer_bought",
		.unit = "u",
		.knob = "honest until unit",
		.knobs = {1, 9, 32},
		.bound = STEP,
		.loss_bound = STEP,
		.run = lying_hub,
	},
	{
		.name = "overdraw-hub",
		.who = "customer",
		.how = "spends one credit in several sessions",
		.guard = "an open session holds its credit",
		.where = "exchange.md 8",
		.code = "check_money",
		.unit = "u",
		.knob = "sessions",
		.knobs = {2, 4, 8},
		.run = overdraw_hub,
	},
	{
		.name = "voucher-twice",
		.who = "customer",
		.how = "redeems one voucher for several accounts",
		.guard = "a voucher's record says who redeemed it",
		.where = "exchange.md 8",
		.code = "souk_hub_redeem",
		.unit = "u",
		.knob = "accounts",
		.knobs = {2, 3, KIT_HUB_ACCOUNTS},
		.run = voucher_twice,
	},
	{
		.name = "crash-hub",
		.who = "customer",
		.how = "spends again what a crash made the hub forget",
		.guard = "a ticket is stored before it is answered",
		.where = "exchange.md 8",
		.code = "hub_touch, souk_hub_restore",
		.unit = "u",
		.knob = "crashes",
		.knobs = {1, 2, 4},
		.run = crash_hub,
	},
	{
		.name = "waste-line",
		.who = "customer",
		.how = "opens sessions at a hub and leaves them unused",
		.guard = "an account leaves eight times its credit at most",
		.where = "exchange.md 8",
		.code = "check_money",
		.unit = "u of line",
		.knob = "sessions",
		.knobs = {4, 12, 20},
		.bound = 7 * UNITS,
		.loss_bound = 7 * UNITS,
		.run = waste_line,
	},
	{.name = NULL},
};
