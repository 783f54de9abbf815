/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider with a bounded disk: of what it is asked for it fetches what it has not, and evicts
 * what earned least for its size (souk/content/cache.h); its price follows demand, where it is let.
 *
 *   asked for an offer of what is not here --> wanted --fetch-ms--> here --evicted--> gone
 *
 * Everything else is the honest provider, whose stock this is. Fetching costs time and no money: a
 * sponsor's seed sells to its caches for next to nothing. What a running session sells is held. Who
 * it is, what it has and what that earned outlives a crash, as a cache's disk does; what was being
 * fetched does not.
 *
 * Memory: heap; node->twist_state. Threads: one. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "souk/base/check.h"
#include "souk/content/cache.h"

#define NOBODY	   UINT32_MAX
#define FETCHES	   8u
#define PRICE_STEP 2000u /* ms */

enum { ROOM, LRU, FETCH_MS, PRICE_MIN, PRICE_MAX };

struct fetch {
	uint32_t number; /* NOBODY: free */
	uint64_t end_us;
};

struct cache_seller {
	uint64_t knobs[SIM_KNOBS_MAX];
	struct souk_cache cache;
	struct souk_cache_item *items;
	uint32_t *owners; /* of slots */
	uint32_t *slots;  /* of contents */
	struct fetch fetches[FETCHES];
	struct souk_price price;
	bool has_price;
};

static struct cache_seller *cache_of(struct sim_node *node)
{
	return node->twist_state;
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct cache_seller *c = sim_alloc(sizeof *c);
	uint32_t count = sim_content_count(node->world);
	sim_provider_actor.make(node, population);
	struct sim_provider *p = sim_provider_of(node);
	node->twist_state = c;
	memcpy(c->knobs, population->knobs, sizeof c->knobs);
	free(p->stock);
	p->stock = sim_alloc(count / 8 + 1); /* nothing at first */
	c->items = sim_alloc(count * sizeof *c->items);
	c->owners = sim_alloc(count * sizeof *c->owners);
	c->slots = sim_alloc(count * sizeof *c->slots);
	for (uint32_t i = 0; i < count; i++)
		c->slots[i] = NOBODY;
	for (uint32_t i = 0; i < FETCHES; i++)
		c->fetches[i].number = NOBODY;
	souk_cache_init(&c->cache, c->knobs[ROOM], c->items, count);
}

/* ---------------------------------------------------------------- what is here */

static void set_stock(struct sim_node *node, uint32_t number, bool is_here)
{
	uint8_t *byte = &sim_provider_of(node)->stock[number / 8],
		bit = (uint8_t)(1u << number % 8);
	*byte = (uint8_t)(is_here ? *byte | bit : *byte & ~bit);
}

/* Hold, or let go, what running sessions sell. */
static void hold_sold(struct sim_node *node, bool is_held)
{
	struct cache_seller *c = cache_of(node);
	const struct souk_provider *provider = &sim_provider_of(node)->provider;
	for (uint32_t i = 0; i < provider->memory.session_max; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state != SOUK_PROVIDER_GRANTED && s->state != SOUK_PROVIDER_OPEN)
			continue;
		uint32_t number =
			sim_contents_find(sim_world_contents(node->world), &s->record.ask.content);
		if (number == NOBODY || c->slots[number] == NOBODY)
			continue;
		if (is_held)
			souk_cache_hold(&c->cache, c->slots[number]);
		else
			souk_cache_release(&c->cache, c->slots[number]);
	}
}

static void keep(struct sim_node *node, uint32_t number)
{
	struct cache_seller *c = cache_of(node);
	uint64_t units = sim_content_units(node->world, number);
	struct souk_amount credit = {
		c->knobs[LRU] ? 0 : units * sim_provider_of(node)->price.ncoin};
	uint32_t gone;
	souk_status status;
	hold_sold(node, true);
	while ((status = souk_cache_victim(&c->cache, units, &gone)) == SOUK_OK) {
		set_stock(node, c->owners[gone], false);
		c->slots[c->owners[gone]] = NOBODY;
		souk_cache_evict(&c->cache, gone);
	}
	hold_sold(node, false);
	if (status == SOUK_LOCAL_FULL)
		return;
	status = souk_cache_insert(&c->cache, units, credit, &c->slots[number]);
	SOUK_CHECK(status == SOUK_OK && c->cache.used <= c->cache.limit);
	c->owners[c->slots[number]] = number;
	set_stock(node, number, true);
	sim_provider_forget_offers(sim_provider_of(node));
}

static void end_fetches(struct sim_node *node)
{
	struct cache_seller *c = cache_of(node);
	for (uint32_t i = 0; i < FETCHES; i++) {
		struct fetch *fetch = &c->fetches[i];
		if (fetch->number == NOBODY || sim_time_us(node->world) < fetch->end_us)
			continue;
		uint32_t number = fetch->number;
		fetch->number = NOBODY;
		keep(node, number);
	}
}

static void want(struct sim_node *node, uint32_t number)
{
	struct cache_seller *c = cache_of(node);
	struct fetch *empty = NULL;
	for (uint32_t i = 0; i < FETCHES; i++) {
		if (c->fetches[i].number == number)
			return;
		if (c->fetches[i].number == NOBODY)
			empty = &c->fetches[i];
	}
	if (empty != NULL)
		*empty = (struct fetch){
			number, sim_time_us(node->world) + 1000 * c->knobs[FETCH_MS]};
}

/* ---------------------------------------------------------------- price */

static void step_price(struct sim_node *node)
{
	struct cache_seller *c = cache_of(node);
	struct sim_provider *p = sim_provider_of(node);
	if (c->knobs[PRICE_MAX] == 0)
		return;
	if (!c->has_price) {
		const struct souk_price_policy policy = {{c->knobs[PRICE_MIN]},
			{c->knobs[PRICE_MAX]}, SOUK_PRICE_TARGET_DEFAULT, PRICE_STEP};
		souk_price_init(&c->price, &policy, p->price, sim_now(node));
		c->has_price = true;
	}
	uint32_t used = p->provider.session_count * 1000 / p->provider.memory.session_max;
	souk_price_step(&c->price, used, sim_now(node));
	SOUK_CHECK(c->price.now.ncoin >= c->price.policy.floor.ncoin &&
		   c->price.now.ncoin <= c->price.policy.ceiling.ncoin);
	if (p->price.ncoin == c->price.now.ncoin)
		return;
	p->price = c->price.now;
	sim_provider_forget_offers(p);
}

/* ---------------------------------------------------------------- the actor */

/* For the next fetch that ends, and the next step of the price; the provider's own timer stands
 * beside this. */
static void arm(struct sim_node *node)
{
	struct cache_seller *c = cache_of(node);
	uint64_t now_us = sim_time_us(node->world), next_us = SIM_NEVER_US;
	if (c->knobs[PRICE_MAX] != 0)
		next_us = now_us + 1000 * PRICE_STEP;
	for (uint32_t i = 0; i < FETCHES; i++) {
		if (c->fetches[i].number != NOBODY && c->fetches[i].end_us < next_us)
			next_us = c->fetches[i].end_us;
	}
	if (next_us != SIM_NEVER_US)
		sim_wake(node, souk_time_plus_ms(sim_now(node),
				       next_us > now_us ? (next_us - now_us) / 1000 + 1 : 1));
}

static void start(struct sim_node *node)
{
	sim_provider_actor.start(node);
	arm(node);
}

/* What is asked for and not here is fetched; what tickets bring goes to their content. */
static void message(struct sim_node *node, const struct sim_message *message)
{
	struct cache_seller *c = cache_of(node);
	struct sim_provider *p = sim_provider_of(node);
	struct souk_hash id;
	uint32_t number = NOBODY;
	if (message->kind == SIM_OFFERS && message->size == sizeof id) {
		memcpy(&id, message->bytes, sizeof id);
		number = sim_contents_find(sim_world_contents(node->world), &id);
		if (number != NOBODY && c->slots[number] == NOBODY) {
			want(node, number);
			arm(node);
		}
	}
	number = NOBODY;
	if (message->kind == SIM_UNIT &&
		souk_provider_content(&p->provider, &message->data.unit.session, &id) == SOUK_OK)
		number = sim_contents_find(sim_world_contents(node->world), &id);
	uint64_t owed = p->provider.totals.owed.ncoin;
	sim_provider_actor.message(node, message);
	struct souk_amount earned = {p->provider.totals.owed.ncoin - owed};
	if (number == NOBODY || c->slots[number] == NOBODY || earned.ncoin == 0)
		return;
	if (c->knobs[LRU])
		souk_cache_used(&c->cache, c->slots[number]);
	else
		souk_cache_earned(&c->cache, c->slots[number], earned);
}

static void timer(struct sim_node *node)
{
	end_fetches(node);
	step_price(node);
	arm(node);
	sim_provider_actor.timer(node);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	sim_provider_actor.ledger(node, token, status, amount);
}

static void crash(struct sim_node *node)
{
	struct cache_seller *c = cache_of(node);
	for (uint32_t i = 0; i < FETCHES; i++)
		c->fetches[i].number = NOBODY;
	sim_provider_actor.crash(node);
}

static void done(struct sim_node *node)
{
	struct cache_seller *c = cache_of(node);
	sim_provider_actor.done(node);
	free(c->items);
	free(c->owners);
	free(c->slots);
	free(c);
	node->twist_state = NULL;
}

static const struct sim_knob knobs[] = {
	[ROOM] = {"room", 256, 1, 1000000000, "units that it has room for"},
	[LRU] = {"lru", 0, 0, 1, "1: evicts what was used longest ago, whatever it earned"},
	[FETCH_MS] = {"fetch", 200, 0, 1000000, "ms to fetch a content"},
	[PRICE_MIN] = {"price-min", 0, 0, 1000000000, "of a unit, ncoin: it follows demand"},
	[PRICE_MAX] = {"price-max", 0, 0, 1000000000, "0: the price stands"},
	{0},
};

const struct sim_actor sim_cache_actor = {
	.name = "cache",
	.about = "sells what its disk has room for, and fetches what is asked for",
	.has_disk = true,
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.done = done,
};
