/* SPDX-License-Identifier: Apache-2.0
 *
 * Promises one part of its value line to several: shows others a tree that is not on the ledger, or
 * another's leaf, or lays several strips over one part of a leaf. */
#include "greedy_payer.h"

enum { HOW, COPIES, UNITS };
enum { FORGED, FOREIGN, OVERLAPPING };

/* One leaf, for the first seller alone; the others are to be paid out of the same money. */
static bool allot(struct greedy_payer *payer)
{
	if (greedy_sellers(payer, (uint32_t)payer->knobs[COPIES]) == 0)
		return false;
	greedy_leaf(payer, payer->sellers[0], payer->knobs[UNITS]);
	return true;
}

static void ready(struct greedy_payer *payer)
{
	uint32_t copies = (uint32_t)payer->knobs[COPIES];
	for (uint32_t i = 0; i < copies; i++) {
		uint32_t seller = payer->knobs[HOW] == OVERLAPPING ? 0 : i % payer->seller_count;
		if (i > 0 && seller == 0 && payer->knobs[HOW] != OVERLAPPING)
			break;
		(void)greedy_begin(payer, payer->sellers[seller], 0, (uint32_t)payer->knobs[UNITS]);
	}
}

static bool lay(struct greedy_payer *payer, struct greedy_deal *deal)
{
	struct souk_allotment_leaf leaf = payer->leaves[0];
	payer->free[0].used = SOUK_AMOUNT_ZERO;
	if (souk_customer_strip(&deal->customer, &payer->free[0], &deal->open) != SOUK_OK)
		return false;
	if (payer->knobs[HOW] == FORGED)
		leaf.provider = deal->customer.ask.provider;
	greedy_prove(payer, deal, &leaf, 1, 0);
	return true;
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && deal->flying == 0)
		greedy_end(payer, deal, status);
}

static const struct greedy_plan plan = {.allot = allot, .ready = ready, .lay = lay, .moved = moved};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, population->knobs[UNITS]);
}

static const struct sim_knob knobs[] = {
	[HOW] = {"how", FORGED, FORGED, OVERLAPPING,
		"0: a tree of its own; 1: another's leaf; 2: strips over each other"},
	[COPIES] = {"copies", 4, 2, GREEDY_DEALS, "promises of the same money"},
	[UNITS] = {"units", 16, 1, 65536, "that it wants for each"},
	{0},
};

const struct sim_actor sim_double_spender_actor = {
	.name = "double-spender",
	.about = "promises the same money to several sellers",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
