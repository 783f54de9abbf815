/* SPDX-License-Identifier: Apache-2.0
 *
 * The sponsor's escrow: in each epoch one allotment, with a leaf for each cache, all alike. */
#include <stdlib.h>
#include <string.h>

#include "actor_sponsor.h"
#include "directory.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "souk/payment/allotment.h"
#include "souk/payment/escrow.h"

#define LINE_MAX (UINT64_C(1) << 50)
/* Units of a line that nobody chose, and more for each node that may be a viewer. */
#define LINE_UNITS	    4096u
#define LINE_UNITS_PER_NODE 512u

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t whole_prizes(uint64_t ncoin, uint64_t prize)
{
	uint64_t points = ncoin / prize + (ncoin % prize != 0);
	points = least(points, least(SOUK_ESCROW_POINTS_MAX, LINE_MAX / prize));
	return (points > 0 ? points : 1) * prize;
}

static uint64_t line_needed(const struct sim_scenario *scenario)
{
	uint64_t units = LINE_UNITS;
	for (uint32_t i = 0; i < scenario->population_count; i++)
		units += scenario->populations[i].count * LINE_UNITS_PER_NODE;
	return least(units, LINE_MAX / scenario->price) * scenario->price;
}

void sim_sponsor_open_escrow(struct sim_sponsor *s, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(s->node->world);
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(s->node->world));
	struct souk_hash ledger = souk_genesis_digest(genesis);
	struct souk_nonce salt = {{0}};
	struct souk_amount deposit;
	s->escrow = souk_escrow_id(&ledger, &s->node->identity.address, &salt);
	s->line.ncoin = whole_prizes(
		population->line != 0 ? population->line : line_needed(scenario), scenario->prize);
	SOUK_CHECK(souk_escrow_deposit_for(&deposit, s->line, genesis) == SOUK_OK);
	sim_ledger_fund(s->node,
		souk_amount_of_ncoin(
			population->funds > deposit.ncoin ? population->funds : deposit.ncoin));
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ESCROW_OPEN;
	body->escrow_open = (struct souk_tx_escrow_open){
		.line = s->line, .prize = {scenario->prize}, .deposit = deposit};
	sim_ledger_submit(s->node, body, 0);
	free(body);
}

/* ---------------------------------------------------------------- leaves */

/* Everybody in the directory, in the order of their nodes. */
static void plan_leaves(struct sim_sponsor *s)
{
	struct sim_world *world = s->node->world;
	uint32_t count = sim_directory_count(world);
	s->leaf_count = 0;
	for (uint32_t id = 0; id < sim_node_count(world); id++) {
		bool is_there = false;
		for (uint32_t place = 0; place < count && !is_there; place++)
			is_there = sim_directory_at(world, place) == id;
		if (!is_there)
			continue;
		s->leaves[s->leaf_count++] = (struct souk_allotment_leaf){
			.provider = sim_node_at(world, id)->identity.address,
			.issuer = s->node->identity.address,
			.amount = souk_amount_of_ncoin(s->line.ncoin / count),
		};
	}
}

static void submit(struct sim_sponsor *s, uint64_t epoch)
{
	struct souk_sum_node root;
	SOUK_CHECK(souk_allotment_commit(&root, s->leaves, s->leaf_count, s->scratch) == SOUK_OK);
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ALLOT;
	body->allot = (struct souk_tx_allot){
		.escrow = s->escrow, .epoch = epoch, .root = root.hash, .total = root.sum};
	s->leaf_epoch = epoch;
	s->has_leaves = false;
	s->token = ++s->token_count;
	sim_ledger_submit(s->node, body, s->token);
	free(body);
}

void sim_sponsor_allot(struct sim_sponsor *s, uint64_t epoch)
{
	uint32_t count = sim_directory_count(s->node->world);
	/* Whoever is about to register is waited for. */
	bool is_steady = count == s->seen;
	s->seen = count;
	if (s->token != 0 || (s->has_leaves && s->leaf_epoch == epoch) || !is_steady ||
		count < sim_world_scenario(s->node->world)->bundle)
		return;
	plan_leaves(s);
	submit(s, epoch);
}

void sim_sponsor_allotted(struct sim_sponsor *s, souk_status status)
{
	s->token = 0;
	sim_say(s->node, "allotted to %u caches: %s", s->leaf_count, souk_status_name(status));
	if (status != SOUK_OK)
		return;
	s->has_leaves = true;
	for (uint32_t i = 0; i < s->leaf_count; i++)
		s->free[i] = (struct souk_payer_leaf){
			.escrow = s->escrow,
			.epoch = s->leaf_epoch,
			.index = i,
			.amount = s->leaves[i].amount,
		};
}

struct souk_payer_leaf *sim_sponsor_leaf(
	struct sim_sponsor *s, const struct souk_address *provider, struct souk_strip_open *open)
{
	if (!s->has_leaves || s->leaf_epoch != s->sponsor->epoch)
		return NULL;
	for (uint32_t i = 0; i < s->leaf_count; i++) {
		if (!souk_address_equal(&s->leaves[i].provider, provider))
			continue;
		return souk_allotment_prove(open, s->leaves, s->leaf_count, i, s->scratch) ==
				       SOUK_OK
			       ? &s->free[i]
			       : NULL;
	}
	return NULL;
}
