/* SPDX-License-Identifier: Apache-2.0
 *
 * Payers that promise more than they have, or leave before they pay. Profit is what
 * they were served, less what the ledger took from them. */
#include <stdlib.h>

#include "naive.h"
#include "shop.h"

static struct deal deal;

static int64_t units_of(int64_t ncoin)
{
	return ncoin / PRICE;
}

/* ---- one value, many providers ---- */

/* The payer has one leaf on the ledger, and a private tree for each further provider. The naive
 * provider checks the path against the root that the payer shows; the real one takes the ledger's.
 */
static struct outcome double_spend(uint64_t seed, bool guarded, uint32_t providers)
{
	struct world *world = world_new(seed);
	struct shop *shops[SHARES];
	struct line line, other;
	int64_t served = 0, paid = 0;
	line_open(&line, world, 1, SALE_UNITS);
	for (uint32_t i = 0; i < providers; i++) {
		shops[i] = shop_new(world, i, WINDOW);
		line_init(&other, world, &line.escrow, i, 1, SALE_UNITS);
		struct souk_allotment_record shown = line_record(&other);
		if (deal_ask(&deal, shops[i], &other, 0, SALE_UNITS) != SOUK_OK ||
			deal_lay(&deal) != SOUK_OK)
			continue;
		if (deal_submit(&deal, guarded ? NULL : &shown) != SOUK_OK) {
			/* The true leaf then, with its true path, though it names provider 0. */
			deal.open.leaf = line.leaves[0];
			line_complete(&line, 0, &deal.open);
			if (deal_submit(&deal, NULL) != SOUK_OK)
				continue;
		}
		deal_buy(&deal, SALE_UNITS);
		served += deal.served;
	}
	struct souk_hash beacon = world_finish_epoch(world);
	for (uint32_t i = 0; i < providers; i++) {
		paid += shop_settle(shops[i], 0, &beacon, court_of_ledger, NULL).paid;
		shop_free(shops[i]);
	}
	world_free(world);
	int64_t profit = served - units_of(paid);
	return (struct outcome){profit, profit};
}

/* ---- one value, many strips ---- */

/* Strips over the same part of a leaf. The naive provider does not know its sessions of each other:
 * as many providers of one name. */
static struct outcome overlap(uint64_t seed, bool guarded, uint32_t strips)
{
	struct world *world = world_new(seed);
	struct shop *shops[SHARES] = {NULL};
	struct line line;
	int64_t served = 0, paid = 0;
	line_open(&line, world, 1, SALE_UNITS);
	for (uint32_t i = 0; i < strips; i++) {
		shops[i] = guarded && i > 0 ? NULL : shop_new(world, 0, WINDOW);
		line.free[0].used = SOUK_AMOUNT_ZERO;
		if (deal_open(&deal, guarded ? shops[0] : shops[i], &line, 0, SALE_UNITS) !=
			SOUK_OK)
			continue;
		deal_buy(&deal, SALE_UNITS);
		served += deal.served;
	}
	struct souk_hash beacon = world_finish_epoch(world);
	for (uint32_t i = 0; i < strips; i++) {
		if (shops[i] == NULL)
			continue;
		paid += shop_settle(shops[i], 0, &beacon, court_of_ledger, NULL).paid;
		shop_free(shops[i]);
	}
	world_free(world);
	int64_t profit = served - units_of(paid);
	return (struct outcome){profit, profit};
}

/* ---- more than the deposit ---- */

/* One line is locked, and a line is spent in each of so many epochs. The naive ledger writes down
 * any allotment, and pays while the deposit lasts. */
static struct outcome overdraft(uint64_t seed, bool guarded, uint32_t epochs)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_hash escrow = world_open_escrow(world, 1, SALE_UNITS, SALE_UNITS);
	struct naive naive;
	int64_t served = 0, paid = 0;
	naive_init(&naive, world, &escrow, OMIT_NOTHING);
	for (uint64_t epoch = 0; epoch < epochs; epoch++) {
		struct line line;
		struct souk_allotment_record written;
		line_init(&line, world, &escrow, 0, 1, SALE_UNITS);
		written = line_record(&line);
		naive.allotment = &written;
		bool allotted = !guarded || line_allot(&line) == SOUK_OK;
		if (allotted && deal_ask(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK &&
			deal_lay(&deal) == SOUK_OK &&
			deal_submit(&deal, guarded ? NULL : &written) == SOUK_OK) {
			deal_buy(&deal, SALE_UNITS);
			served += deal.served;
		}
		struct souk_hash beacon = world_finish_epoch(world);
		paid += shop_settle(
			shop, epoch, &beacon, guarded ? court_of_ledger : court_of_naive, &naive)
				.paid;
		__builtin_memset(naive.paid, 0, sizeof naive.paid);
		shop_follow(shop);
	}
	shop_free(shop);
	world_free(world);
	int64_t profit = served - units_of(paid);
	return (struct outcome){profit, profit};
}

/* ---- away with the money before the claims ---- */

static bool withdraw(struct world *world, const struct souk_hash *escrow)
{
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_ESCROW_WITHDRAW, .escrow_withdraw = {.escrow = *escrow}};
	return world_send(world, PAYER, &body) == SOUK_OK;
}

/* Closes after so many seconds, and tries to withdraw in every block until the draw. The naive
 * ledger gives a closed escrow back at once. */
static struct outcome withdraw_first(uint64_t seed, bool guarded, uint32_t seconds)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct naive naive;
	struct line line;
	line_open(&line, world, 1, SALE_UNITS);
	naive_init(&naive, world, &line.escrow, OMIT_NOTHING);
	struct souk_tx_body close = {
		.kind = SOUK_TX_BODY_ESCROW_CLOSE, .escrow_close = {.escrow = line.escrow}};
	bool gone = false;
	for (uint32_t second = 0; second < (EPOCH_MS + DRAW_MS) / 1000; second++) {
		if (second == seconds)
			REQUIRE(world_send(world, PAYER, &close) == SOUK_OK);
		/* After the first block, so that one who closes at once finds no seller. */
		if (second == 1 && deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK)
			deal_buy(&deal, SALE_UNITS);
		if (second >= seconds && !guarded)
			naive.purse = 0;
		gone = gone || (guarded && withdraw(world, &line.escrow));
		world_advance(world, 1000);
	}
	struct souk_hash beacon = world_beacon(world, 0);
	REQUIRE(world_draw(world, 0, &beacon) == SOUK_OK);
	struct settlement settlement =
		shop_settle(shop, 0, &beacon, guarded ? court_of_ledger : court_of_naive, &naive);
	int64_t profit = deal.served - units_of(settlement.paid);
	shop_free(shop);
	world_free(world);
	return (struct outcome){profit, profit};
}

/* ---- not paying at all ---- */

/* Pays so many units, takes what comes, and leaves. The naive provider sends its bill at the end: a
 * window as long as the strip. */
static struct outcome non_payer(uint64_t seed, bool guarded, uint32_t paid_units)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, guarded ? WINDOW : SALE_UNITS);
	struct line line;
	line_open(&line, world, 1, SALE_UNITS);
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, paid_units);
	deal_grab(&deal, paid_units);
	int64_t profit = (int64_t)deal.served - paid_units;
	shop_free(shop);
	world_free(world);
	return (struct outcome){profit, profit};
}

/* Session after session, each for its first window only. The naive provider wants no strip before
 * the first window. With strips each session uses up a part of the leaf, paid or not. */
#define SYBIL_LEAF 32u
static struct outcome sybil_windows(uint64_t seed, bool guarded, uint32_t sessions)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line line;
	int64_t served = 0;
	line_open(&line, world, 1, SYBIL_LEAF);
	for (uint32_t i = 0; i < sessions; i++) {
		/* Slowly enough that a grant without a strip makes room for the next. */
		world->now = souk_time_plus_ms(world->now, 400);
		if (deal_ask(&deal, shop, &line, 0, WINDOW) != SOUK_OK)
			continue;
		if (!guarded) {
			served += WINDOW;
			continue;
		}
		deal_grab(&deal, 0);
		if (deal_lay(&deal) == SOUK_OK && deal_submit(&deal, NULL) == SOUK_OK)
			deal_grab(&deal, 0);
		served += deal.served;
	}
	shop_free(shop);
	world_free(world);
	return (struct outcome){served, served};
}

const struct attack payer_attacks[] = {
	{
		.name = "double-spend",
		.who = "payer",
		.how = "promises one value to several providers",
		.guard = "the leaf's path leads to the root on the ledger",
		.where = "payment.md 2, P2",
		.code = "souk_allotment_verify",
		.unit = "u",
		.knob = "providers",
		.knobs = {2, 3, 5, 8},
		.run = double_spend,
	},
	{
		.name = "overlapping-strips",
		.who = "payer",
		.how = "lays several strips over one part of a leaf",
		.guard = "a provider refuses a strip over another",
		.where = "exchange.md 2, step 5",
		.code = "provider_overlaps",
		.unit = "u",
		.knob = "strips",
		.knobs = {2, 3, 5, 8},
		.run = overlap,
	},
	{
		.name = "overdraft",
		.who = "payer",
		.how = "spends one deposit in several epochs",
		.guard = "an allotment reserves its prizes, or is refused",
		.where = "ledger.md 5, allot",
		.code = "reserve",
		.unit = "u",
		.knob = "epochs",
		.knobs = {2, 3, 4},
		.run = overdraft,
	},
	{
		.name = "withdraw-first",
		.who = "payer",
		.how = "takes its escrow back before the claims",
		.guard = "no withdrawal while an epoch is open",
		.where = "ledger.md 5, escrow_withdraw",
		.code = "ledger_apply_escrow_withdraw",
		.unit = "u",
		.knob = "closes at, s",
		.knobs = {0, 1, 2, 6, 11},
		.run = withdraw_first,
	},
	{
		.name = "non-payer",
		.who = "payer",
		.how = "takes what comes and leaves",
		.guard = "the window",
		.where = "exchange.md 5, step 3",
		.code = "check_unit",
		.unit = "u",
		.knob = "units paid first",
		.knobs = {0, 1, 16, 48},
		.bound = WINDOW,
		.loss_bound = WINDOW,
		.run = non_payer,
	},
	{
		.name = "sybil-windows",
		.who = "payer",
		.how = "takes a first window in session after session",
		.guard = "a strip before the first unit: each uses up its part of a leaf",
		.where = "exchange.md 2",
		.code = "souk_provider_unit",
		.unit = "u",
		.knob = "sessions",
		.knobs = {1, 4, 8, 20},
		.bound = SYBIL_LEAF,
		.loss_bound = SYBIL_LEAF,
		.run = sybil_windows,
	},
	{.name = NULL},
};
