/* SPDX-License-Identifier: Apache-2.0
 *
 * Sells honestly, and claims more than it was paid: the same claim again, more units than there
 * were tickets for, or what others claim. */
#include <stdlib.h>
#include <string.h>

#include "greedy_seller.h"
#include "souk/base/check.h"

enum { HOW, TIMES };
enum { AGAIN, MORE, OTHERS };

#define TICK_MS 200u
/* After the draw, when its honest claims are in. */
#define AFTER_MS   3000u
#define SEEN_MAX   16u
#define TOKEN_KIND (UINT64_C(99) << 32)

struct redeemer {
	struct greedy_seller seller; /* first: it is the twist_state */
	uint64_t epoch;		     /* the next to be robbed */
	uint32_t seen;
	struct souk_tx_body *stolen; /* SEEN_MAX */
};

static struct redeemer *redeemer_of(struct sim_node *node)
{
	return node->twist_state;
}

static void submit(struct sim_node *node, const struct souk_tx_body *body)
{
	for (uint64_t i = 0; i < redeemer_of(node)->seller.knobs[TIMES]; i++)
		sim_ledger_submit(node, body, TOKEN_KIND);
}

struct visit {
	struct sim_node *node;
	uint64_t epoch;
	struct souk_chain *chain;
	struct souk_tx_body *body;
};

/* All units of the strip: keys it has for all of them, tickets it makes up. */
static void claim_all(struct visit *visit, const struct souk_session_record *record)
{
	struct souk_claim *claim = &visit->body->claim.claim;
	if (record->grant.units >= SOUK_CHAIN_SEGMENT)
		return;
	souk_chain_init(visit->chain, souk_chain_tag_key, &record->grant.session,
		record->grant.units, &record->key_secret);
	claim->unit = record->grant.units;
	claim->key = souk_chain_value(visit->chain, claim->unit);
	souk_rng_fill(&visit->node->rng, &claim->value, sizeof claim->value);
}

static bool claim_record(void *ctx, const struct souk_session_record *record)
{
	struct visit *visit = ctx;
	if (!record->open || record->unit == 0 || record->strip_open.strip.epoch != visit->epoch)
		return true;
	visit->body->kind = SOUK_TX_BODY_CLAIM;
	if (souk_provider_claim(&visit->body->claim.claim, record, visit->chain) != SOUK_OK)
		return true;
	if (redeemer_of(visit->node)->seller.knobs[HOW] == MORE)
		claim_all(visit, record);
	submit(visit->node, visit->body);
	return true;
}

static void claim_epoch(struct sim_node *node, uint64_t epoch)
{
	struct visit visit = {.node = node, .epoch = epoch};
	visit.chain = sim_alloc(sizeof *visit.chain);
	visit.body = sim_alloc(sizeof *visit.body);
	sim_provider_each_record(sim_provider_of(node), claim_record, &visit);
	free(visit.chain);
	free(visit.body);
}

static bool see_claim(void *ctx, const struct souk_address *from, const struct souk_tx_body *body)
{
	struct sim_node *node = ctx;
	struct redeemer *redeemer = redeemer_of(node);
	bool is_claim = body->kind == SOUK_TX_BODY_CLAIM || body->kind == SOUK_TX_BODY_CLAIM_MANY;
	if (is_claim && !souk_address_equal(from, &node->identity.address))
		redeemer->stolen[redeemer->seen++] = *body;
	return redeemer->seen < SEEN_MAX;
}

/* In front of whom they belong to. */
static void claim_others(struct sim_node *node)
{
	struct redeemer *redeemer = redeemer_of(node);
	redeemer->seen = 0;
	sim_ledger_peek(node, 0, see_claim, node);
	for (uint32_t i = 0; i < redeemer->seen; i++)
		sim_ledger_submit_first(node, NULL, &redeemer->stolen[i], TOKEN_KIND);
}

static void look(struct sim_node *node)
{
	struct redeemer *redeemer = redeemer_of(node);
	struct souk_epoch_record epoch;
	if (redeemer->seller.knobs[HOW] == OTHERS)
		claim_others(node);
	else if (sim_ledger_epoch(node, redeemer->epoch, &epoch) == SOUK_OK && epoch.drawn &&
		 souk_time_since_ms(epoch.drawn_at, sim_now(node)) >= AFTER_MS)
		claim_epoch(node, redeemer->epoch++);
	sim_wake(node, souk_time_plus_ms(sim_now(node), TICK_MS));
}

static void timer(struct sim_node *node)
{
	greedy_seller_timer(node);
	if (node->wake.ms == SOUK_TIME_NEVER.ms)
		look(node);
}

static void start(struct sim_node *node)
{
	greedy_seller_start(node);
	look(node);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	if (token != TOKEN_KIND) {
		greedy_seller_ledger(node, token, status, amount);
		return;
	}
	sim_say(node, "claims more: %s, %llu", souk_status_name(status),
		(unsigned long long)amount.ncoin);
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	static const struct sim_twist none = {.send = NULL};
	struct redeemer *redeemer = sim_alloc(sizeof *redeemer);
	greedy_seller_make(node, population, &none);
	redeemer->seller = *greedy_seller_of(node);
	redeemer->stolen = sim_alloc(SEEN_MAX * sizeof *redeemer->stolen);
	free(node->twist_state);
	node->twist_state = redeemer;
}

static void done(struct sim_node *node)
{
	free(redeemer_of(node)->stolen);
	greedy_seller_done(node);
}

static const struct sim_knob knobs[] = {
	[HOW] = {"how", AGAIN, AGAIN, OTHERS, "0: again; 1: more units; 2: what others claim"},
	[TIMES] = {"times", 3, 1, 64, "that it sends each claim"},
	{0},
};

const struct sim_actor sim_double_redeemer_actor = {
	.name = "double-redeemer",
	.about = "claims again, claims more, claims what others won",
	.has_disk = true,
	.is_greedy = true,
	.honest = "provider",
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = greedy_seller_message,
	.timer = timer,
	.ledger = ledger,
	.crash = greedy_seller_crash,
	.finish = greedy_seller_finish,
	.done = done,
};
