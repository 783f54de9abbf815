/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_reseller.h"

#include <stdlib.h>

#include "scenario.h"
#include "souk/base/bitmap.h"

struct reseller {
	void *buyer, *seller; /* their states */
	uint32_t content_count;
	uint64_t **held; /* by content; NULL: never wanted */
	uint32_t *counts;
};

static struct reseller *reseller_of(const struct sim_node *node)
{
	return node->twist_state;
}

static void as_buyer(struct sim_node *node)
{
	node->state = reseller_of(node)->buyer;
}

static void as_seller(struct sim_node *node)
{
	node->state = reseller_of(node)->seller;
}

/* ---------------------------------------------------------------- what it has */

bool sim_is_reseller(const struct sim_node *node)
{
	return node->actor == &sim_reseller_actor;
}

void sim_reseller_note_want(struct sim_node *node, uint32_t number)
{
	struct reseller *r = reseller_of(node);
	size_t words = SOUK_BITMAP_WORDS((size_t)sim_content_units(node->world, number));
	if (r->held[number] == NULL)
		r->held[number] = sim_alloc(words * sizeof **r->held);
}

void sim_reseller_note_chunk(struct sim_node *node, uint32_t number, uint32_t chunk)
{
	struct reseller *r = reseller_of(node);
	uint64_t *word = &r->held[number][chunk / 64], bit = UINT64_C(1) << chunk % 64;
	r->counts[number] += (*word & bit) == 0;
	*word |= bit;
}

const uint64_t *sim_reseller_parts(const struct sim_node *node, uint32_t number)
{
	return reseller_of(node)->held[number];
}

bool sim_reseller_is_whole(const struct sim_node *node, uint32_t number)
{
	const struct reseller *r = reseller_of(node);
	return r->held[number] != NULL &&
	       r->counts[number] == sim_content_units(node->world, number);
}

void *sim_reseller_seller(const struct sim_node *node)
{
	return reseller_of(node)->seller;
}

/* What a crash leaves: contents that are whole. */
static void forget_parts(struct sim_node *node)
{
	struct reseller *r = reseller_of(node);
	for (uint32_t i = 0; i < r->content_count; i++) {
		if (r->held[i] == NULL || sim_reseller_is_whole(node, i))
			continue;
		free(r->held[i]);
		r->held[i] = NULL;
		r->counts[i] = 0;
	}
}

/* ---------------------------------------------------------------- the actor */

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct reseller *r = sim_alloc(sizeof *r);
	node->twist_state = r;
	r->content_count = sim_content_count(node->world);
	r->held = sim_alloc(r->content_count * sizeof *r->held);
	r->counts = sim_alloc(r->content_count * sizeof *r->counts);
	sim_customer_actor.make(node, population);
	r->buyer = node->state;
	sim_provider_actor.make(node, population);
	r->seller = node->state;
}

static void start(struct sim_node *node)
{
	as_seller(node);
	sim_provider_actor.start(node);
	as_buyer(node);
	sim_customer_actor.start(node);
}

static bool is_request(enum sim_kind kind)
{
	return kind < SIM_GOSSIP && kind % 2 == 0;
}

static void message(struct sim_node *node, const struct sim_message *message)
{
	if (is_request(message->kind)) {
		as_seller(node);
		sim_provider_actor.message(node, message);
	} else {
		as_buyer(node);
		sim_customer_actor.message(node, message);
	}
}

/* Each looks whether it is its turn. */
static void timer(struct sim_node *node)
{
	as_seller(node);
	sim_provider_actor.timer(node);
	as_buyer(node);
	sim_customer_actor.timer(node);
}

/* A provider's tokens have their kind in the highest byte, a customer's in the lowest. */
static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	if (token >> 56 != 0) {
		as_seller(node);
		sim_provider_actor.ledger(node, token, status, amount);
	} else {
		as_buyer(node);
		sim_customer_actor.ledger(node, token, status, amount);
	}
}

static void crash(struct sim_node *node)
{
	as_buyer(node);
	sim_customer_actor.crash(node);
	as_seller(node);
	sim_provider_actor.crash(node);
	forget_parts(node);
}

static void finish(struct sim_node *node)
{
	as_buyer(node);
	sim_customer_actor.finish(node);
}

static void done(struct sim_node *node)
{
	struct reseller *r = reseller_of(node);
	as_buyer(node);
	sim_customer_actor.done(node);
	as_seller(node);
	sim_provider_actor.done(node);
	for (uint32_t i = 0; i < r->content_count; i++)
		free(r->held[i]);
	free(r->held);
	free(r->counts);
	free(r);
	node->twist_state = NULL;
}

const struct sim_actor sim_reseller_actor = {
	.name = "reseller",
	.about = "buys, and sells on what it fetched",
	.has_disk = true,
	.make = make,
	.start = start,
	.message = message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.finish = finish,
	.done = done,
};
