/* SPDX-License-Identifier: Apache-2.0
 *
 * Pays for those units only whose tickets win nothing. For that it must know the beacon:
 *
 *   waits     lets the epoch end mid-stream, and goes on once it is drawn. A seller that goes by
 * its own clock takes no such ticket. One that has not heard of the draw, as the ledger is out of
 * its reach, has nothing else to go by. early     is the operator's friend, who draws while the
 * epoch still runs. knows     is told by the operator, who made the beacons. Nothing prevents that:
 * it is what the operator is trusted with, and worth less than a prize for each strip. */
#include "greedy_payer.h"
#include "ledger_internal.h"
#include "souk/payment/lottery.h"

enum { HOW, UNITS };
enum { WAITS, EARLY, KNOWS };

#define TOKEN_DRAW GREEDY_TOKEN

#define PATIENCE_US 60000000u

/* What only the operator knows before the draw. */
static struct souk_hash beacon_of(struct greedy_payer *payer, uint64_t epoch)
{
	struct sim_ledger *ledger = sim_world_ledger(payer->node->world);
	return souk_chain_value(&ledger->beacons, (uint32_t)epoch + 1);
}

static bool find_beacon(struct greedy_payer *payer, uint64_t number, struct souk_hash *ret)
{
	struct souk_epoch_record epoch;
	if (payer->knobs[HOW] == KNOWS) {
		*ret = beacon_of(payer, number);
		return true;
	}
	if (sim_ledger_epoch(payer->node, number, &epoch) != SOUK_OK || !epoch.drawn)
		return false;
	*ret = epoch.beacon;
	return true;
}

/* One epoch: until its draw the leaves stay as they are. */
static void ready(struct greedy_payer *payer)
{
	const struct sim_ledger *ledger = sim_world_ledger(payer->node->world);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_DRAW};
	payer->is_done = true;
	body.draw.epoch = payer->epoch;
	body.draw.beacon = beacon_of(payer, payer->epoch);
	if (payer->knobs[HOW] == EARLY)
		sim_ledger_submit_first(payer->node, &ledger->operator_identity, &body, TOKEN_DRAW);
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		(void)greedy_begin(payer, payer->sellers[i], i, (uint32_t)payer->knobs[UNITS]);
}

/* Units of DEAL that may be paid and win nothing. */
static uint32_t free_units(struct greedy_payer *payer, const struct greedy_deal *deal)
{
	const struct souk_strip *strip = &deal->open.strip;
	struct souk_hash beacon;
	uint64_t first, base = strip->start.ncoin;
	if (!find_beacon(payer, strip->epoch, &beacon))
		return 0;
	for (uint32_t i = 0; i < strip->leaf; i++)
		base += payer->leaves[i].amount.ncoin;
	struct souk_amount offset =
		souk_lottery_offset(&beacon, &payer->escrow, strip->epoch, payer->prize);
	uint32_t units = 0;
	while (units < deal->units &&
		souk_lottery_points(&first, offset, payer->prize, souk_amount_of_ncoin(base),
			souk_amount_of_ncoin(base + (units + 1) * strip->price.ncoin)) == 0)
		units++;
	return units;
}

static uint32_t ticket(struct greedy_payer *payer, struct greedy_deal *deal)
{
	uint32_t most = free_units(payer, deal);
	return deal->got < most ? deal->got : most;
}

/* It waits with what it has: no deal is over before the draw. */
static void tick(struct greedy_payer *payer)
{
	for (uint32_t i = 0; i < GREEDY_DEALS; i++) {
		struct greedy_deal *deal = payer->deals[i];
		if (deal == NULL || deal->step != GREEDY_OPEN)
			continue;
		if (deal->mark == 0)
			deal->mark = sim_time_us(payer->node->world);
		bool is_late = sim_time_us(payer->node->world) - deal->mark > PATIENCE_US;
		deal->since_us = sim_time_us(payer->node->world);
		if (is_late)
			greedy_end(payer, deal, SOUK_PEER_SILENT);
		else if (deal->flying == 0 && ticket(payer, deal) > deal->paid)
			greedy_request(payer, deal, 0, 0, ticket(payer, deal));
	}
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && status != SOUK_PEER_UNPAID &&
		deal->flying == 0)
		greedy_end(payer, deal, status);
}

static const struct greedy_plan plan = {
	.is_waiting = true, .ready = ready, .ticket = ticket, .moved = moved, .tick = tick};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
}

static const struct sim_knob knobs[] = {
	[HOW] = {"how", WAITS, WAITS, KNOWS, "0: waits for the draw; 1: has it early; 2: knows"},
	[UNITS] = {"units", 16, 1, 65536, "that it wants of each seller"},
	{0},
};

const struct sim_actor sim_late_payer_actor = {
	.name = "late-payer",
	.about = "pays with tickets only that win nothing",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
