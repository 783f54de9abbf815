/* SPDX-License-Identifier: Apache-2.0
 *
 * The money of a greedy payer, and its life; its deals are in greedy_deal.c. */
#include "greedy_payer.h"

#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "directory.h"
#include "souk/base/check.h"
#include "souk/payment/escrow.h"

enum { TOKEN_OPEN = 1, TOKEN_ALLOT, TOKEN_CLOSE, TOKEN_WITHDRAW };

/* Between two tries to take the deposit back. */
#define WITHDRAW_US 1000000u

/* ---------------------------------------------------------------- money */

static uint64_t ceil_to(uint64_t value, uint64_t step)
{
	return (value + step - 1) / step * step;
}

static void choose_terms(struct greedy_payer *payer, const struct sim_scenario *scenario,
	const struct sim_population *population, uint64_t line_units)
{
	uint64_t line = population->line > 0 ? population->line : line_units * scenario->price;
	payer->prize.ncoin = scenario->prize;
	payer->line.ncoin = ceil_to(line, scenario->prize);
	payer->price.ncoin = scenario->price;
	/* As souk_escrow_deposit_for has it, and one line more for the epoch to come. */
	uint64_t epochs =
		2 + ceil_to(scenario->draw_delay_ms, scenario->epoch_ms) / scenario->epoch_ms +
		ceil_to(scenario->claim_ms, scenario->epoch_ms) / scenario->epoch_ms;
	payer->deposit.ncoin = payer->line.ncoin * epochs;
}

void greedy_payer_make(struct sim_node *node, const struct sim_population *population,
	const struct greedy_plan *plan, uint64_t line_units)
{
	struct greedy_payer *payer = sim_alloc(sizeof *payer);
	node->state = payer;
	payer->node = node;
	payer->plan = plan;
	payer->issuer = node->identity;
	memcpy(payer->knobs, population->knobs, sizeof payer->knobs);
	choose_terms(payer, sim_world_scenario(node->world), population, line_units);
	if (population->funds > 0)
		payer->deposit.ncoin = population->funds;
	if (souk_amount_is_less(payer->deposit, payer->line))
		payer->deposit = payer->line;
	sim_ledger_fund(node, payer->deposit);
}

void greedy_payer_done(struct sim_node *node)
{
	struct greedy_payer *payer = greedy_payer_of(node);
	for (uint32_t i = 0; i < GREEDY_DEALS; i++)
		free(payer->deals[i]);
	free(payer);
	node->state = NULL;
}

static void open_escrow(struct greedy_payer *payer)
{
	const struct souk_genesis *genesis =
		sim_ledger_genesis(sim_world_ledger(payer->node->world));
	struct souk_hash ledger = souk_genesis_digest(genesis);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN};
	body.escrow_open = (struct souk_tx_escrow_open){
		.salt = payer->salt,
		.line = payer->line,
		.prize = payer->prize,
		.deposit = payer->deposit,
	};
	payer->escrow = souk_escrow_id(&ledger, &payer->node->identity.address, &payer->salt);
	payer->is_opening = true;
	sim_ledger_submit(payer->node, &body, TOKEN_OPEN);
}

uint32_t greedy_sellers(struct greedy_payer *payer, uint32_t count)
{
	if (count > GREEDY_LEAVES)
		count = GREEDY_LEAVES;
	payer->seller_count = sim_directory_draw(
		payer->node->world, &payer->node->rng, payer->sellers, count, NULL, 0);
	return payer->seller_count;
}

void greedy_leaf(struct greedy_payer *payer, uint32_t seller, uint64_t units)
{
	SOUK_CHECK(payer->leaf_count < GREEDY_LEAVES);
	uint32_t index = payer->leaf_count++;
	payer->leaves[index] = (struct souk_allotment_leaf){
		.issuer = payer->issuer.address,
		.amount = souk_amount_of_ncoin(units * payer->price.ncoin),
	};
	if (seller != UINT32_MAX)
		payer->leaves[index].provider =
			sim_node_at(payer->node->world, seller)->identity.address;
	payer->free[index] = (struct souk_payer_leaf){
		.escrow = payer->escrow,
		.epoch = payer->epoch,
		.segment = payer->segment,
		.index = index,
		.amount = payer->leaves[index].amount,
	};
}

static bool allot_alike(struct greedy_payer *payer)
{
	uint32_t count = greedy_sellers(payer, 4);
	for (uint32_t i = 0; i < count; i++)
		greedy_leaf(
			payer, payer->sellers[i], payer->line.ncoin / payer->price.ncoin / count);
	return count > 0;
}

static void allot(struct greedy_payer *payer)
{
	struct souk_sum_node root, nodes[GREEDY_LEAVES];
	payer->leaf_count = 0;
	payer->segment = 0;
	if (!(payer->plan->allot != NULL ? payer->plan->allot : allot_alike)(payer))
		return;
	if (souk_allotment_commit(&root, payer->leaves, payer->leaf_count, nodes) != SOUK_OK)
		return;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT};
	body.allot = (struct souk_tx_allot){
		.escrow = payer->escrow,
		.epoch = payer->epoch,
		.root = root.hash,
		.total = root.sum,
	};
	payer->is_allotting = true;
	sim_ledger_submit(payer->node, &body, TOKEN_ALLOT);
}

void greedy_payer_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct greedy_payer *payer = greedy_payer_of(node);
	switch (token) {
	case TOKEN_OPEN:
		payer->is_opening = false;
		payer->is_open = status == SOUK_OK;
		break;
	case TOKEN_ALLOT:
		payer->is_allotting = false;
		payer->allotted = payer->leaf_count > 0 ? payer->free[0].epoch + 1 : 0;
		sim_say(node, "allots epoch %llu: %s", (unsigned long long)payer->free[0].epoch,
			souk_status_name(status));
		if (status != SOUK_OK || payer->free[0].epoch != payer->epoch)
			break;
		payer->epochs++;
		if (payer->plan->ready != NULL)
			payer->plan->ready(payer);
		break;
	case TOKEN_CLOSE: break;
	case TOKEN_WITHDRAW: payer->is_open = status == SOUK_PEER_ESCROW_LOCKED; break;
	default:
		if (payer->plan->ledger != NULL)
			payer->plan->ledger(payer, token, status, amount);
	}
}

/* ---------------------------------------------------------------- life */

/* In the end everybody wants to see its money. */
static void take_back(struct greedy_payer *payer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_WITHDRAW};
	uint64_t now_us = sim_time_us(payer->node->world);
	if (now_us < payer->withdraw_us)
		return;
	payer->withdraw_us = now_us + WITHDRAW_US;
	body.escrow_withdraw.escrow = payer->escrow;
	if (payer->is_closing) {
		sim_ledger_submit(payer->node, &body, TOKEN_WITHDRAW);
		return;
	}
	payer->is_closing = true;
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_CLOSE};
	body.escrow_close.escrow = payer->escrow;
	sim_ledger_submit(payer->node, &body, TOKEN_CLOSE);
}

/* A new epoch: what was promised in the last one counts no more. */
static void follow_epoch(struct greedy_payer *payer)
{
	struct souk_epoch_record record;
	uint64_t epoch;
	if (sim_ledger_now(payer->node, &epoch, &record) != SOUK_OK)
		return;
	payer->epoch_end = record.end;
	payer->epoch = epoch;
}

static void give_up_silent(struct greedy_payer *payer)
{
	uint64_t now_us = sim_time_us(payer->node->world);
	for (uint32_t i = 0; i < GREEDY_DEALS; i++) {
		struct greedy_deal *deal = payer->deals[i];
		if (deal != NULL && deal->step != GREEDY_FREE && deal->step != GREEDY_OVER &&
			now_us - deal->since_us > GREEDY_PATIENCE)
			greedy_end(payer, deal, SOUK_PEER_SILENT);
	}
}

void greedy_payer_timer(struct sim_node *node)
{
	struct greedy_payer *payer = greedy_payer_of(node);
	follow_epoch(payer);
	if (!payer->is_open && !payer->is_opening && !payer->is_done)
		open_escrow(payer);
	bool fresh = payer->allotted != payer->epoch + 1;
	if (payer->is_open && fresh && !payer->is_allotting && !payer->is_done &&
		!node->is_finishing)
		allot(payer);
	give_up_silent(payer);
	if (payer->is_open && node->is_finishing && greedy_running(payer) == 0)
		take_back(payer);
	if (payer->plan->tick != NULL)
		payer->plan->tick(payer);
	sim_wake(node, souk_time_plus_ms(sim_now(node), GREEDY_TICK_MS));
}

void greedy_payer_start(struct sim_node *node)
{
	struct greedy_payer *payer = greedy_payer_of(node);
	souk_rng_fill(&node->rng, &payer->salt, sizeof payer->salt);
	greedy_payer_timer(node);
}

void greedy_payer_finish(struct sim_node *node)
{
	greedy_payer_of(node)->is_done = true;
}
