/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators of a ledger, who trade on it themselves. */
#include "naive.h"

static struct deal deal;

static int64_t prizes_of(int64_t ncoin)
{
	return ncoin / PRICE;
}

/* ---- a beacon to one's liking ---- */

/* The operator is a provider too, and has sold half a prize's worth to each of four payers. It
 * tries so many beacons and draws the best. The naive ledger takes any. Profit is what it wins
 * beyond what the beacon would have given that it committed to. */
#define PAYERS	   4u
#define HALF_PRIZE (PRIZE_UNITS / 2)

static uint64_t prizes_won(const struct souk_hash *beacon, const struct line lines[PAYERS])
{
	uint64_t first, won = 0;
	struct souk_amount prize = souk_amount_of_ncoin(PRIZE);
	for (uint32_t i = 0; i < PAYERS; i++) {
		struct souk_amount offset = souk_lottery_offset(beacon, &lines[i].escrow, 0, prize);
		won += souk_lottery_points(&first, offset, prize, SOUK_AMOUNT_ZERO,
			souk_amount_of_ncoin(HALF_PRIZE * PRICE));
	}
	return won;
}

static struct outcome choose_beacon(uint64_t seed, bool guarded, uint32_t tries)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line lines[PAYERS];
	for (uint32_t i = 0; i < PAYERS; i++) {
		struct souk_hash escrow =
			world_open_escrow(world, (uint8_t)(i + 1), PRIZE_UNITS, PRIZE_UNITS);
		line_init(&lines[i], world, &escrow, 0, 1, PRIZE_UNITS);
		REQUIRE(line_allot(&lines[i]) == SOUK_OK);
		REQUIRE(deal_open(&deal, shop, &lines[i], 0, HALF_PRIZE) == SOUK_OK);
		deal_buy(&deal, HALF_PRIZE);
	}
	struct souk_hash honest = world_beacon(world, 0), best = honest, other;
	for (uint32_t i = 0; i < tries; i++) {
		souk_rng_fill(&world->rng, &other, sizeof other);
		if (prizes_won(&other, lines) > prizes_won(&best, lines))
			best = other;
	}
	uint64_t expected = prizes_won(&honest, lines), won;
	world_end_epoch(world);
	world_advance(world, DRAW_MS);
	if (guarded) {
		struct souk_hash *drawn = world_draw(world, 0, &best) == SOUK_OK ? &best : &honest;
		if (drawn == &honest && world->ledger.record.next_draw == 0)
			REQUIRE(world_draw(world, 0, &honest) == SOUK_OK);
		won = (uint64_t)shop_settle(shop, 0, drawn, court_of_ledger, NULL).paid / PRIZE;
	} else {
		won = prizes_won(&best, lines);
	}
	shop_free(shop);
	world_free(world);
	int64_t profit = ((int64_t)won - (int64_t)expected) * PRIZE_UNITS;
	return (struct outcome){profit, profit};
}

/* ---- a beacon before its time ---- */

/* A draw while the epoch is open would tell every payer which tickets cost nothing. The naive
 * ledger draws on demand; then the payer lays its strips and stops each before it wins. */
static struct outcome early_draw(uint64_t seed, bool guarded, uint32_t strips)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_hash beacon = world_beacon(world, 0);
	struct line line;
	int64_t served = 0;
	line_open(&line, world, 1, strips * 2 * PRIZE_UNITS);
	bool known = !guarded || world_draw(world, 0, &beacon) == SOUK_OK;
	uint64_t offset =
		souk_lottery_offset(&beacon, &line.escrow, 0, souk_amount_of_ncoin(PRIZE)).ncoin;
	for (uint32_t i = 0; i < strips; i++) {
		/* Who knows nothing buys a prize's worth, and pays it on average. */
		uint32_t units = PRIZE_UNITS;
		if (known) {
			line.free[0].used.ncoin = i == 0 ? 0 : offset + 1 + (i - 1) * PRIZE;
			units = (uint32_t)((i == 0 ? offset : PRIZE - 1) / PRICE);
		}
		if (units == 0 || deal_open(&deal, shop, &line, 0, units) != SOUK_OK)
			continue;
		deal_buy(&deal, units);
		served += deal.served;
	}
	world_end_epoch(world);
	world_advance(world, DRAW_MS);
	if (world->ledger.record.next_draw == 0)
		REQUIRE(world_draw(world, 0, &beacon) == SOUK_OK);
	int64_t paid = prizes_of(shop_settle(shop, 0, &beacon, court_of_ledger, NULL).paid);
	shop_free(shop);
	world_free(world);
	return (struct outcome){served - paid, served - paid};
}

/* ---- a beacon that one knows ---- */

/* The operator is a payer, knows the beacon that will be drawn, and pays so many units of one
 * strip, or until just before it would lose. On a ledger where each number is drawn by itself
 * (the naive one: a ticket wins for its own unit only) it never sends one that wins. */
static struct outcome known_beacon(uint64_t seed, bool guarded, uint32_t units)
{
	static struct souk_claim claim;
	static struct souk_chain keys;
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_hash beacon = world_beacon(world, 0);
	struct naive naive;
	struct line line;
	struct souk_amount paid = SOUK_AMOUNT_ZERO;
	line_open(&line, world, 1, SALE_UNITS);
	naive_init(&naive, world, &line.escrow, OMIT_PREFIX);
	uint64_t offset =
		souk_lottery_offset(&beacon, &line.escrow, 0, souk_amount_of_ncoin(PRIZE)).ncoin;
	/* A last ticket whose own unit does not win; for few units, one before the first point. */
	uint32_t safe = (uint32_t)(offset / PRICE);
	uint32_t stop = units > PRIZE_UNITS ? units : safe;
	if (stop > 0 && (stop - 1) % PRIZE_UNITS == safe)
		stop--;
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, stop);
	souk_provider_flush(&shop->kit.provider);
	shop_store(shop);
	world_finish_epoch(world);
	claim_court court = guarded ? court_of_ledger : court_of_naive;
	if (shop->kit.records[0].unit > 0) {
		REQUIRE(souk_provider_claim(&claim, &shop->kit.records[0], &keys) == SOUK_OK);
		if (court(&naive, world, PROVIDER, &claim, &paid) != SOUK_OK)
			paid = SOUK_AMOUNT_ZERO;
	}
	shop_free(shop);
	world_free(world);
	int64_t profit = (int64_t)stop - prizes_of((int64_t)paid.ncoin);
	return (struct outcome){profit, profit};
}

/* ---- no beacon at all ---- */

/* The operator is a payer and does not draw. The naive ledger gives the money back after a while;
 * on the real one it stays locked, and the operator has lost what the tickets were worth. */
static struct outcome withhold_draw(uint64_t seed, bool guarded, uint32_t epochs)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line line;
	line_open(&line, world, 1, SALE_UNITS);
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, SALE_UNITS);
	struct souk_tx_body close = {
		.kind = SOUK_TX_BODY_ESCROW_CLOSE, .escrow_close = {.escrow = line.escrow}};
	struct souk_tx_body withdraw = {
		.kind = SOUK_TX_BODY_ESCROW_WITHDRAW, .escrow_withdraw = {.escrow = line.escrow}};
	REQUIRE(world_send(world, PAYER, &close) == SOUK_OK);
	for (uint32_t i = 0; i < epochs; i++)
		world_end_epoch(world);
	bool back = !guarded || world_send(world, PAYER, &withdraw) == SOUK_OK;
	shop_free(shop);
	world_free(world);
	/* It was served in any case, and nobody is paid. */
	int64_t kept = back ? SALE_UNITS : 0;
	return (struct outcome){kept, SALE_UNITS};
}

const struct attack operator_attacks[] = {
	{
		.name = "chosen-beacon",
		.who = "operator and payee",
		.how = "draws the beacon under which it wins most",
		.guard = "beacons are of a chain that the genesis names",
		.where = "ledger.md 5, draw",
		.code = "ledger_apply_draw",
		.unit = "u",
		.knob = "tries",
		.knobs = {16, 64, 256},
		.run = choose_beacon,
	},
	{
		.name = "early-draw",
		.who = "operator and payer",
		.how = "draws while tickets still count",
		.guard = "no draw before the epoch's end and a delay",
		.where = "ledger.md 5, draw",
		.code = "souk_ledger_draw_due",
		.unit = "u",
		.knob = "strips",
		.knobs = {2, 4, 8},
		.run = early_draw,
	},
	{
		.name = "known-beacon",
		.who = "operator and payer",
		.how = "stops paying just before it would lose",
		.guard = "one line: a ticket pays for all before it, so a prize per strip is all",
		.where = "payment.md 5, P7 and 7",
		.code = "souk_lottery_points, souk_claim_verify",
		.unit = "u",
		.knob = "units",
		.knobs = {1, 32, 48, 64},
		.bound = PRIZE_UNITS,
		.loss_bound = PRIZE_UNITS,
		.run = known_beacon,
	},
	{
		.name = "withheld-draw",
		.who = "operator and payer",
		.how = "never draws, so that nobody claims",
		.guard = "what is not drawn stays locked: the operator pays all the same",
		.where = "ledger.md 6, 7",
		.code = "ledger_epoch_expired",
		.unit = "u",
		.knob = "epochs",
		.knobs = {1, 4, 8},
		.loss_bound = SALE_UNITS,
		.run = withhold_draw,
	},
	{.name = NULL},
};
