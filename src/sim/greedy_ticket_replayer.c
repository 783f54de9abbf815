/* SPDX-License-Identifier: Apache-2.0
 *
 * Pays with one ticket, again and again. */
#include "greedy_payer.h"

enum { UNITS, PAYS };

static void ready(struct greedy_payer *payer)
{
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		(void)greedy_begin(payer, payer->sellers[i], i, (uint32_t)payer->knobs[UNITS]);
}

static uint32_t ticket(struct greedy_payer *payer, struct greedy_deal *deal)
{
	uint64_t most = payer->knobs[PAYS];
	return deal->got < most ? deal->got : (uint32_t)most;
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && deal->flying == 0)
		greedy_end(payer, deal, status);
}

static const struct greedy_plan plan = {
	.is_bold = true, .ready = ready, .ticket = ticket, .moved = moved};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
}

static const struct sim_knob knobs[] = {
	[UNITS] = {"units", 16, 1, 65536, "that it wants of each seller"},
	[PAYS] = {"pays", 1, 1, 65536, "units that its last ticket is for"},
	{0},
};

const struct sim_actor sim_ticket_replayer_actor = {
	.name = "ticket-replayer",
	.about = "pays with one ticket again and again",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
