/* SPDX-License-Identifier: Apache-2.0
 *
 * Buys like anybody, and then fills the ledger's blocks with transactions of its own, so that the
 * claims on what it owes come too late. It sends a coin to itself: that costs nothing. */
#include "greedy_payer.h"

enum { RATE, UNITS };

#define TOKEN_NOISE   GREEDY_TOKEN
#define TICKS_PER_SEC (1000 / GREEDY_TICK_MS)

static void ready(struct greedy_payer *payer)
{
	payer->is_done = true;
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		(void)greedy_begin(payer, payer->sellers[i], i, (uint32_t)payer->knobs[UNITS]);
}

/* From the moment that it has what it wants, to the end of the claim window. */
static void tick(struct greedy_payer *payer)
{
	struct souk_epoch_record epoch;
	const struct sim_scenario *s = sim_world_scenario(payer->node->world);
	if (payer->epochs == 0 || greedy_running(payer) > 0 ||
		sim_ledger_epoch(payer->node, payer->allotted - 1, &epoch) != SOUK_OK)
		return;
	if (epoch.drawn && souk_time_since_ms(epoch.drawn_at, sim_now(payer->node)) > s->claim_ms)
		return;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_TRANSFER};
	body.transfer.to = payer->node->identity.address;
	body.transfer.amount.ncoin = 1;
	for (uint64_t i = 0; i < payer->knobs[RATE] / TICKS_PER_SEC; i++)
		sim_ledger_submit(payer->node, &body, TOKEN_NOISE);
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && deal->flying == 0)
		greedy_end(payer, deal, status);
}

static const struct greedy_plan plan = {.ready = ready, .moved = moved, .tick = tick};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
	sim_ledger_fund(node, souk_amount_of_ncoin(1));
}

static const struct sim_knob knobs[] = {
	[RATE] = {"rate", 200, 0, 100000, "transactions a second"},
	[UNITS] = {"units", 16, 1, 65536, "that it wants of each seller"},
	{0},
};

const struct sim_actor sim_flooder_actor = {
	.name = "flooder",
	.about = "fills the ledger's blocks, so that claims come too late",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
