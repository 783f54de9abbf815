/* SPDX-License-Identifier: Apache-2.0
 *
 * Payers that promise an open leaf to many. Nothing prevents it; the escrow's penalty must make it
 * a loss. Every payee claims as late as it may, so that the payer has most time. */
#include <stdlib.h>
#include <string.h>

#include "shop.h"

#define EPOCHS 4u /* that begin before the first epoch's claim window is over */

struct scheme {
	struct world *world;
	struct shop *shops[SHARES];
	uint32_t payees;
	struct souk_hash escrow;
	struct souk_policy policy; /* of every payee */
	int64_t served, paid;	   /* served in units, paid in ncoin */
	struct souk_signed_strip proof[2];
};

static struct souk_amount penalty_of(const struct scheme *scheme)
{
	struct souk_escrow_record record;
	REQUIRE(souk_ledger_view_escrow(&record, &scheme->world->ledger, &scheme->escrow) ==
		SOUK_OK);
	return record.penalty;
}

/* The least penalty that the payees want; the naive ones think that nobody else is promised
 * anything, and want next to none. */
static void scheme_init(struct scheme *scheme, uint64_t seed, bool guarded, uint32_t payees,
	uint32_t report_ppm, bool locks_penalty)
{
	struct souk_amount penalty;
	struct souk_nonce salt = {{1}};
	const struct souk_policy *young = souk_policy_find("content", "young");
	memset(scheme, 0, sizeof *scheme);
	scheme->world = world_new(seed);
	scheme->payees = payees;
	scheme->policy = *young;
	scheme->policy.payees = guarded ? SHARES : 1;
	scheme->policy.report_ppm = report_ppm;
	REQUIRE(souk_policy_penalty(&penalty, &scheme->policy,
			souk_amount_of_ncoin(SALE_UNITS * PRICE),
			&scheme->world->ledger.genesis) == SOUK_OK);
	if (!locks_penalty)
		penalty = souk_amount_of_ncoin(1);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = salt,
			.line = {SALE_UNITS * PRICE},
			.prize = {PRIZE},
			.deposit = {EPOCHS * SALE_UNITS * PRICE},
			.penalty = penalty}};
	world_fund(scheme->world, PAYER, EPOCHS * SALE_UNITS + penalty.ncoin / PRICE + 1);
	REQUIRE(world_send(scheme->world, PAYER, &body) == SOUK_OK);
	scheme->escrow = souk_escrow_id(&scheme->world->ledger.record.ledger,
		&scheme->world->parties[PAYER].address, &salt);
	for (uint32_t i = 0; i < payees; i++) {
		scheme->shops[i] = shop_new(scheme->world, i, WINDOW);
		scheme->shops[i]->kit.provider.config.policy = &scheme->policy;
		souk_provider_set_genesis(
			&scheme->shops[i]->kit.provider, &scheme->world->ledger.genesis);
	}
}

static struct souk_signed_strip evidence_of(const struct souk_strip_open *open)
{
	struct souk_signed_strip ret = {.strip = open->strip,
		.signature = open->signature,
		.batch_index = open->batch_index,
		.batch_count = open->batch_count,
		.leaf = open->leaf};
	memcpy(&ret.batch_path, &open->batch_path, sizeof ret.batch_path);
	memcpy(&ret.leaf_path, &open->leaf_path, sizeof ret.leaf_path);
	return ret;
}

/* The same open leaf for everybody. */
static void promise_all(struct scheme *scheme)
{
	static struct deal deal;
	struct line line;
	line_init(&line, scheme->world, &scheme->escrow, 0, 1, SALE_UNITS);
	line.leaves[0].provider = (struct souk_address){{0}};
	if (line_allot(&line) != SOUK_OK)
		return;
	for (uint32_t i = 0; i < scheme->payees; i++) {
		shop_follow(scheme->shops[i]);
		line.free[0].used = SOUK_AMOUNT_ZERO;
		if (deal_open(&deal, scheme->shops[i], &line, 0, SALE_UNITS) != SOUK_OK)
			continue;
		deal_buy(&deal, SALE_UNITS);
		scheme->served += deal.served;
		if (line.epoch == 0 && i < 2)
			scheme->proof[i] = evidence_of(&deal.open);
	}
}

static void settle_all(struct scheme *scheme, uint64_t epoch)
{
	struct souk_hash beacon = world_beacon(scheme->world, epoch);
	for (uint32_t i = 0; i < scheme->payees; i++)
		scheme->paid +=
			shop_settle(scheme->shops[i], epoch, &beacon, court_of_ledger, NULL).paid;
}

static void draw(struct scheme *scheme, uint64_t epoch)
{
	struct souk_hash beacon = world_beacon(scheme->world, epoch);
	world_advance(scheme->world, DRAW_MS);
	REQUIRE(world_draw(scheme->world, epoch, &beacon) == SOUK_OK);
}

static int64_t report(struct scheme *scheme, enum party who)
{
	static struct souk_tx_body body;
	int64_t before = world_balance_ncoin(scheme->world, who);
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_DOUBLE_ISSUE};
	body.double_issue.first = scheme->proof[0];
	body.double_issue.second = scheme->proof[1];
	(void)!world_send(scheme->world, who, &body);
	return world_balance_ncoin(scheme->world, who) - before;
}

/* All epochs up to the end of the first one's claim window are promised to all; then the first
 * claims come, and whoever was refused reports, or the payer itself in a stranger's name just
 * before. Returns what the payer has of it all, in u. */
static struct outcome run_scheme(struct scheme *scheme, bool reports_itself)
{
	struct world *world = scheme->world;
	struct souk_amount before = penalty_of(scheme);
	world_fund(world, STRANGER, 1);
	promise_all(scheme);
	for (uint64_t epoch = 0; epoch + 1 < EPOCHS; epoch++) {
		world_end_epoch(world);
		promise_all(scheme);
		if (epoch + 2 < EPOCHS)
			draw(scheme, epoch);
	}
	int64_t rescued = reports_itself ? report(scheme, STRANGER) : 0;
	settle_all(scheme, 0);
	int64_t rewarded = report(scheme, PROVIDER + 1);
	int64_t lost = (int64_t)before.ncoin - (int64_t)penalty_of(scheme).ncoin;
	draw(scheme, EPOCHS - 2);
	settle_all(scheme, 1);
	settle_all(scheme, 2);
	world_end_epoch(world);
	draw(scheme, EPOCHS - 1);
	settle_all(scheme, 3);
	for (uint32_t i = 0; i < scheme->payees; i++)
		shop_free(scheme->shops[i]);
	world_free(world);
	int64_t gain = scheme->served * PRICE - scheme->paid;
	return (struct outcome){(gain - lost + rescued) / PRICE, (gain - rewarded) / PRICE};
}

/* With the penalty that is wanted, or with next to none. */
static struct outcome double_issue(uint64_t seed, bool guarded, uint32_t payees)
{
	static struct scheme scheme;
	scheme_init(&scheme, seed, guarded, payees, 900000, true);
	struct outcome dear = run_scheme(&scheme, false);
	scheme_init(&scheme, seed, guarded, payees, 900000, false);
	struct outcome cheap = run_scheme(&scheme, false);
	return (struct outcome){cheap.profit > dear.profit ? cheap.profit : dear.profit,
		cheap.loss > dear.loss ? cheap.loss : dear.loss};
}

/* With a policy that takes it for certain that somebody reports: then only the burned part of the
 * penalty keeps the payer from having it back. */
static struct outcome self_report(uint64_t seed, bool guarded, uint32_t payees)
{
	static struct scheme scheme;
	scheme_init(&scheme, seed, guarded, payees, SOUK_POLICY_CERTAIN_PPM, true);
	return run_scheme(&scheme, true);
}

#define VICTIMS_LOSS ((SHARES - 1) * SALE_UNITS * EPOCHS)

const struct attack open_leaf_attacks[] = {
	{
		.name = "double-issue",
		.who = "payer",
		.how = "promises an open leaf to many payees, epoch after epoch",
		.guard = "a penalty that outweighs it, or no strip is accepted",
		.where = "payment.md, Policy",
		.code = "check_penalty, ledger_apply_double_issue",
		.unit = "u",
		.knob = "payees",
		.knobs = {2, 4, 8},
		.loss_bound = VICTIMS_LOSS,
		.run = double_issue,
	},
	{
		.name = "self-report",
		.who = "payer",
		.how = "does so, and reports itself to have the reward",
		.guard = "nine parts of ten are burned, and the penalty is as much larger",
		.where = "ledger.md 5, double_issue",
		.code = "forfeit, souk_policy_penalty",
		.unit = "u",
		.knob = "payees",
		.knobs = {2, 4, 8},
		.loss_bound = VICTIMS_LOSS,
		.run = self_report,
	},
	{.name = NULL},
};
