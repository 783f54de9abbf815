/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a window of units, pays some of them or none, and leaves; again and again.
 *
 * With `again` it has its session closed by bad tickets, and lays the next strip over the same part
 * of its leaf, as if that had not been promised. */
#include "greedy_payer.h"

enum { PAYS, SESSIONS, AGAIN, UNITS };

#define BAD_TICKETS 8u

static void begin(struct greedy_payer *payer)
{
	uint32_t leaf = (uint32_t)(payer->mark % payer->leaf_count);
	if (payer->mark++ >= payer->knobs[SESSIONS] * payer->epochs)
		return;
	if (payer->knobs[AGAIN] != 0)
		payer->free[leaf].used = SOUK_AMOUNT_ZERO;
	(void)greedy_begin(payer, payer->sellers[leaf], leaf, (uint32_t)payer->knobs[UNITS]);
}

static void ready(struct greedy_payer *payer)
{
	payer->mark = payer->knobs[SESSIONS] * (payer->epochs - 1);
	begin(payer);
}

static uint32_t ticket(struct greedy_payer *payer, struct greedy_deal *deal)
{
	uint64_t most = payer->knobs[PAYS];
	return deal->got < most ? deal->got : (uint32_t)most;
}

/* What makes a seller put the session away at once. */
static void spoil(struct greedy_payer *payer, struct greedy_deal *deal)
{
	const struct souk_ticket bad = {.unit = deal->paid + 1};
	for (uint32_t i = 0; i < BAD_TICKETS; i++)
		greedy_request_with(payer, deal, 0, 0, &bad);
	deal->mark = 1;
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OVER) {
		begin(payer);
	} else if (deal->step == GREEDY_OPEN && status != SOUK_OK) {
		if (deal->mark == 0 && payer->knobs[AGAIN] != 0)
			spoil(payer, deal);
		else if (deal->flying == 0)
			greedy_end(payer, deal, status);
	}
}

static const struct greedy_plan plan = {
	.is_bold = true, .ready = ready, .ticket = ticket, .moved = moved};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
}

static const struct sim_knob knobs[] = {
	[PAYS] = {"pays", 0, 0, 65536, "units that it pays in each session"},
	[SESSIONS] = {"steals", 16, 0, 1000, "sessions in an epoch"},
	[AGAIN] = {"again", 0, 0, 1, "whether it lays its strips over each other"},
	[UNITS] = {"units", 16, 1, 65536, "of a strip"},
	{0},
};

const struct sim_actor sim_non_payer_actor = {
	.name = "non-payer",
	.about = "takes windows of units and leaves without paying",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
