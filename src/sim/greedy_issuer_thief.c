/* SPDX-License-Identifier: Apache-2.0
 *
 * Sits on the hosts of customers, and has their hot issuer keys: it sees every strip that leaves,
 * and signs others over the same leaves, to be paid itself.
 *
 *   victim --strip_open--> seller          the leaf, and its path
 *            '--> thief: strip over the whole leaf, payee: thief --> claim, in front of the
 * seller's
 *
 * The key that owns the escrow is not stolen: whoever has that has the escrow. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"
#include "souk/payment/claim.h"
#include "souk/payment/strip.h"

enum { VICTIMS };

#define LOOT_MAX	 64u
#define TICK_MS		 100u
#define BELOW_CHECKPOINT 255u

struct loot {
	struct souk_strip_open *open; /* as the victim signed it; NULL: none */
	const struct souk_identity *issuer;
};

struct thief {
	struct sim_node *node;
	struct loot loot[LOOT_MAX];
	uint32_t turn;
	uint64_t victims;
};

/* ---------------------------------------------------------------- the victim's host */

static bool spy(struct sim_node *victim, struct sim_message *message)
{
	struct thief *thief = victim->twist_state;
	if (message->kind != SIM_STRIP)
		return true;
	struct loot *loot = &thief->loot[thief->turn++ % LOOT_MAX];
	if (loot->open == NULL)
		loot->open = sim_alloc(sizeof *loot->open);
	SOUK_CHECK(souk_strip_open_decode(loot->open, sim_message_bytes(message), NULL) == SOUK_OK);
	loot->issuer = &victim->identity;
	return true;
}

static const struct sim_twist spying = {.send = spy};

/* Customers that nobody sits on yet, the first ones. */
static void break_in(struct thief *thief)
{
	struct sim_world *world = thief->node->world;
	uint64_t found = 0;
	for (uint32_t i = 0; i < sim_node_count(world) && found < thief->victims; i++) {
		struct sim_node *victim = sim_node_at(world, i);
		if (strcmp(victim->actor->name, "customer") != 0 || victim->twist != NULL)
			continue;
		victim->twist = &spying;
		victim->twist_state = thief;
		found++;
	}
}

/* ---------------------------------------------------------------- the claim */

/* A strip of our own over the leaf of LOOT, and all its tickets. */
static void forge(struct thief *thief, const struct loot *loot, struct souk_claim *ret)
{
	struct souk_hash ticket_secret, key_secret;
	struct souk_chain *tickets = sim_alloc(sizeof *tickets), *keys = sim_alloc(sizeof *keys);
	struct souk_strip_open *open = sim_alloc(sizeof *open);
	struct souk_strip *strip = &open->strip;
	*open = *loot->open;
	open->ticket_leaves.count = 0;
	strip->payee = thief->node->identity.address;
	strip->start = SOUK_AMOUNT_ZERO;
	uint64_t count = open->leaf.amount.ncoin / strip->price.ncoin;
	strip->count = count < BELOW_CHECKPOINT ? (uint32_t)count : BELOW_CHECKPOINT;
	strip->price.ncoin = open->leaf.amount.ncoin / strip->count;
	souk_rng_fill(&thief->node->rng, &strip->nonce, sizeof strip->nonce);
	souk_rng_fill(&thief->node->rng, &ticket_secret, sizeof ticket_secret);
	souk_rng_fill(&thief->node->rng, &key_secret, sizeof key_secret);
	souk_chain_init(
		tickets, souk_chain_tag_ticket, &strip->nonce, strip->count, &ticket_secret);
	souk_chain_init(keys, souk_chain_tag_key, &strip->nonce, strip->count, &key_secret);
	strip->anchor = tickets->anchor;
	strip->checkpoints = tickets->checkpoint_root;
	strip->key_anchor = keys->anchor;
	strip->key_checkpoints = keys->checkpoint_root;
	SOUK_CHECK(souk_strip_sign_batch(&open, 1, loot->issuer) == SOUK_OK);
	struct souk_hash last = souk_chain_value(tickets, strip->count);
	SOUK_CHECK(souk_claim_build(ret, open, strip->count, &last, keys) == SOUK_OK);
	free(tickets);
	free(keys);
	free(open);
}

/* As soon as it is drawn: before the one who was promised it. */
static void rob(struct thief *thief, struct loot *loot)
{
	struct souk_epoch_record epoch;
	if (sim_ledger_epoch(thief->node, loot->open->strip.epoch, &epoch) != SOUK_OK ||
		!epoch.drawn)
		return;
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_CLAIM;
	forge(thief, loot, &body->claim.claim);
	sim_ledger_submit_first(thief->node, NULL, body, 1);
	free(body);
	free(loot->open);
	loot->open = NULL;
}

static void timer(struct sim_node *node)
{
	struct thief *thief = node->state;
	for (uint32_t i = 0; i < LOOT_MAX; i++) {
		if (thief->loot[i].open != NULL)
			rob(thief, &thief->loot[i]);
	}
	sim_wake(node, souk_time_plus_ms(sim_now(node), TICK_MS));
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	(void)token;
	sim_say(node, "claims another's leaf: %s, %llu", souk_status_name(status),
		(unsigned long long)amount.ncoin);
}

/* ---------------------------------------------------------------- life */

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct thief *thief = sim_alloc(sizeof *thief);
	thief->node = node;
	thief->victims = population->knobs[VICTIMS];
	node->state = thief;
}

static void start(struct sim_node *node)
{
	break_in(node->state);
	timer(node);
}

static void message(struct sim_node *node, const struct sim_message *message)
{
	(void)node;
	(void)message;
}

static void done(struct sim_node *node)
{
	struct thief *thief = node->state;
	for (uint32_t i = 0; i < sim_node_count(node->world); i++) {
		struct sim_node *victim = sim_node_at(node->world, i);
		if (victim->twist_state == thief)
			victim->twist = NULL;
	}
	for (uint32_t i = 0; i < LOOT_MAX; i++)
		free(thief->loot[i].open);
	free(thief);
	node->state = NULL;
}

static const struct sim_knob knobs[] = {
	[VICTIMS] = {"victims", 4, 1, 1000000, "customers whose hosts it sits on"},
	{0},
};

const struct sim_actor sim_issuer_thief_actor = {
	.name = "issuer-thief",
	.about = "signs strips for itself with stolen issuer keys",
	.is_greedy = true,
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = message,
	.timer = timer,
	.ledger = ledger,
	.done = done,
};
