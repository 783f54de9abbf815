/* SPDX-License-Identifier: Apache-2.0
 *
 * Spends to hurt: it asks and never comes, has units sent again and again, or sends tickets that
 * cost many hashes to refuse.
 *
 * Its profit is what it did to others less what that cost itself, at the prices of the market:
 *
 *   a body sent in vain       what a unit costs its seller, and as much to who receives it: nothing
 *   a step of a chain         a 40th of an ncoin: ten million of them cost as much as serving for a
 *                             second at a gigabit
 *   a message                 as much as 300 steps, to who sends it: what a request takes to make
 *
 * What is refused before it is looked at costs the seller nothing: its status says so. */
#include "greedy_payer.h"

enum { HOW, UNITS, JUMP, ROUNDS };
enum { ASKS, REPEATS, JUMPS };

#define STEPS_PER_NCOIN	  40
#define STEPS_PER_MESSAGE 300
#define REPEATS_MAX	  16u

static void hurt(struct greedy_payer *payer, int64_t steps)
{
	payer->node->tally.harm += steps / STEPS_PER_NCOIN;
}

static void begin(struct greedy_payer *payer)
{
	uint32_t leaf = (uint32_t)(payer->mark % payer->leaf_count);
	if (payer->mark++ >= payer->knobs[ROUNDS] * payer->epochs)
		return;
	hurt(payer, -3 * STEPS_PER_MESSAGE);
	(void)greedy_begin(payer, payer->sellers[leaf], leaf, (uint32_t)payer->knobs[UNITS]);
}

static void ready(struct greedy_payer *payer)
{
	payer->mark = payer->knobs[ROUNDS] * (payer->epochs - 1);
	begin(payer);
}

/* Both sides make a chain as long as the strip; who only asks makes none. */
static bool lay(struct greedy_payer *payer, struct greedy_deal *deal)
{
	if (payer->knobs[HOW] == ASKS) {
		hurt(payer, deal->customer.grant.units);
		return false;
	}
	if (souk_customer_strip(&deal->customer, &payer->free[deal->leaf], &deal->open) != SOUK_OK)
		return false;
	greedy_prove(payer, deal, payer->leaves, payer->leaf_count, deal->leaf);
	return true;
}

static uint32_t no_ticket(struct greedy_payer *payer, struct greedy_deal *deal)
{
	(void)payer;
	(void)deal;
	return 0;
}

static void send_jump(struct greedy_payer *payer, struct greedy_deal *deal)
{
	struct souk_ticket bad = {.unit = (uint32_t)payer->knobs[JUMP]};
	if (bad.unit > deal->units)
		bad.unit = deal->units;
	hurt(payer, -STEPS_PER_MESSAGE);
	greedy_request_with(payer, deal, 0, 0, &bad);
}

static void answered_jump(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	uint32_t jump =
		payer->knobs[JUMP] < deal->units ? (uint32_t)payer->knobs[JUMP] : deal->units;
	if (status == SOUK_PEER_BAD_TICKET || status == SOUK_PEER_BAD_CHECKPOINT)
		hurt(payer, jump);
	else if (status == SOUK_PEER_UNKNOWN_SESSION || deal->answered > REPEATS_MAX)
		greedy_end(payer, deal, status);
	if (deal->step == GREEDY_OPEN)
		send_jump(payer, deal);
}

/* A body costs who receives it what it costs who sends it: what is left is the message. */
static void answered_repeat(
	struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (status != SOUK_OK)
		greedy_end(payer, deal, status);
	if (deal->step != GREEDY_OPEN)
		return;
	hurt(payer, -STEPS_PER_MESSAGE);
	greedy_request(payer, deal, 1 + deal->answered % deal->customer.grant.window,
		deal->answered % deal->customer.grant.window, 0);
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OVER) {
		begin(payer);
		return;
	}
	if (deal->step != GREEDY_OPEN)
		return;
	if (deal->answered == 0) {
		/* The seller's chain of keys, and ours of tickets. */
		deal->asked = deal->units;
		if (payer->knobs[HOW] == JUMPS)
			send_jump(payer, deal);
		else
			greedy_request(payer, deal, 1, 0, 0);
	} else if (payer->knobs[HOW] == JUMPS) {
		answered_jump(payer, deal, status);
	} else {
		answered_repeat(payer, deal, status);
	}
}

static const struct greedy_plan plan = {
	.ready = ready, .lay = lay, .ticket = no_ticket, .moved = moved};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 4 * population->knobs[UNITS]);
}

static const struct sim_knob knobs[] = {
	[HOW] = {"how", JUMPS, ASKS, JUMPS,
		"0: only asks; 1: has units repeated; 2: hostile jumps"},
	[UNITS] = {"units", 256, 1, 65536, "of a strip"},
	[JUMP] = {"jump", 256, 1, 65536, "of a bad ticket"},
	[ROUNDS] = {"rounds", 16, 1, 1000, "sessions in an epoch"},
	{0},
};

const struct sim_actor sim_griefer_actor = {
	.name = "griefer",
	.about = "spends to hurt: asks in vain, repetitions, hostile jumps",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
