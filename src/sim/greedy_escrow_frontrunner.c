/* SPDX-License-Identifier: Apache-2.0
 *
 * Buys like anybody, and takes its deposit back before the claims come: it closes the escrow, and
 * from then on tries to withdraw, in front of whatever else waits for the next block. */
#include "greedy_payer.h"

enum { CLOSES_MS, UNITS };
enum { TOKEN_CLOSE = GREEDY_TOKEN, TOKEN_WITHDRAW };

static void ready(struct greedy_payer *payer)
{
	payer->mark = sim_time_us(payer->node->world);
	payer->is_done = true;
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		(void)greedy_begin(payer, payer->sellers[i], i, (uint32_t)payer->knobs[UNITS]);
}

static void moved(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OPEN && status != SOUK_OK && deal->flying == 0)
		greedy_end(payer, deal, status);
}

static void close_escrow(struct greedy_payer *payer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_CLOSE};
	body.escrow_close.escrow = payer->escrow;
	sim_ledger_submit_first(payer->node, NULL, &body, TOKEN_CLOSE);
	payer->mark = UINT64_MAX;
}

static void withdraw(struct greedy_payer *payer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_WITHDRAW};
	body.escrow_withdraw.escrow = payer->escrow;
	sim_ledger_submit_first(payer->node, NULL, &body, TOKEN_WITHDRAW);
}

static void tick(struct greedy_payer *payer)
{
	uint64_t now_us = sim_time_us(payer->node->world);
	if (payer->mark != 0 && payer->mark != UINT64_MAX &&
		now_us >= payer->mark + payer->knobs[CLOSES_MS] * 1000)
		close_escrow(payer);
}

/* Refused for now: at once again. */
static void ledger(
	struct greedy_payer *payer, uint64_t token, souk_status status, struct souk_amount amount)
{
	(void)amount;
	if (token == TOKEN_CLOSE || (token == TOKEN_WITHDRAW && status == SOUK_PEER_ESCROW_LOCKED))
		withdraw(payer);
}

static const struct greedy_plan plan = {
	.ready = ready, .moved = moved, .tick = tick, .ledger = ledger};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_payer_make(node, population, &plan, 64);
}

static const struct sim_knob knobs[] = {
	[CLOSES_MS] = {"closes-ms", 5000, 0, 3600000, "from its allotment to the closing"},
	[UNITS] = {"units", 16, 1, 65536, "that it wants of each seller"},
	{0},
};

const struct sim_actor sim_escrow_frontrunner_actor = {
	.name = "escrow-frontrunner",
	.about = "takes its deposit back in front of the claims",
	.knobs = knobs,
	.make = make,
	GREEDY_PAYER_FUNCTIONS,
};
