/* SPDX-License-Identifier: Apache-2.0
 *
 * Buys, and has its friend, the operator, draw no beacon any more: so nobody can claim. */
#include "greedy_payer.h"

enum { UNITS };

static void ready(struct greedy_payer *payer)
{
	payer->is_done = true;
	sim_ledger_withhold_draws(sim_world_ledger(payer->node->world), true);
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		(void)greedy_begin(payer, payer->sellers[i], i, (uint32_t)payer->knobs[UNITS]);
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && deal->flying == 0)
		greedy_end(payer, deal, status);
}

static const struct greedy_plan plan = {.ready = ready, .moved = moved};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
}

static const struct sim_knob knobs[] = {
	[UNITS] = {"units", 16, 1, 65536, "that it wants of each seller"},
	{0},
};

const struct sim_actor sim_beacon_withholder_actor = {
	.name = "beacon-withholder",
	.about = "has the operator draw no beacons, so that nobody claims",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
