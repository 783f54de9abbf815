/* SPDX-License-Identifier: Apache-2.0
 *
 * Colluders against a sponsor: viewers, and caches that share their keys with them. They want
 * tickets for units that never moved.
 *
 *   colluding-cache    an honest provider; strangers it serves only where `serves` says so
 *   colluding-viewer   makes up the units of its friends from the content and their keys. A
 *                      stranger's units: without a puzzle it claims them too, fetched or not.
 *                      With one it must fetch them, and does so in a bundle of at least
 *                      `friends` friends; any other it leaves. Or, with `guesses`, it fetches
 *                      nothing and makes tokens up. Each bundle is asked for by the next of
 *                      `identities` keys
 *
 * A unit that is fetched costs its receiver as much as serving it costs. The content is of no value
 * to them. */
#include <stdlib.h>
#include <string.h>

#include "actor_viewer.h"
#include "greedy_seller.h"
#include "souk/base/check.h"

/* ---------------------------------------------------------------- caches */

enum { SERVES };

static bool is_cache(const struct sim_node *node)
{
	return node != NULL && node->actor == &sim_colluding_cache_actor;
}

/* To a stranger it has nothing to say: as a machine that is not there. */
static bool receive(struct sim_node *node, struct sim_message *message)
{
	if (greedy_seller_of(node)->knobs[SERVES] != 0 || !sim_asks_unit(message))
		return true;
	return sim_node_at(node->world, message->from)->actor == &sim_colluding_viewer_actor;
}

static const struct sim_twist twist = {.receive = receive};

static void make_cache(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob cache_knobs[] = {
	[SERVES] = {"serves", 1, 0, 1, "whether it serves strangers too"},
	{0},
};

const struct sim_actor sim_colluding_cache_actor = {
	.name = "colluding-cache",
	.about = "shares its keys with colluding viewers",
	.knobs = cache_knobs,
	.make = make_cache,
	GREEDY_SELLER_FUNCTIONS,
};

/* ---------------------------------------------------------------- viewers */

enum { FRIENDS, IDENTITIES, GUESSES };

struct colluder {
	uint64_t friends;
	bool guesses;
	uint32_t identities;
	uint32_t turn;
	uint64_t epoch;
	struct souk_identity *keys;
	uint64_t *numbers;
	uint32_t last; /* key of the bundle under way */
};

static struct colluder *colluder_of(struct sim_node *node)
{
	return node->twist_state;
}

/* The next key in turn; V->number comes in as that of the last one. */
static void choose_key(struct sim_node *node, struct souk_identity *ret, uint64_t *number)
{
	struct colluder *c = colluder_of(node);
	const struct sim_viewer *v = sim_viewer_of(node);
	if (c->epoch != v->epoch)
		memset(c->numbers, 0, c->identities * sizeof *c->numbers);
	else if (c->turn > 0)
		c->numbers[c->last] = *number;
	c->epoch = v->epoch;
	c->last = c->turn++ % c->identities;
	*ret = c->keys[c->last];
	*number = c->numbers[c->last];
}

static uint32_t count_friends(struct sim_node *node, const struct sim_viewing *v)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < v->viewer.plan.caches; i++)
		count += is_cache(sim_viewer_cache(node, v, i));
	return count;
}

static bool guesses(struct sim_node *node)
{
	return colluder_of(node)->guesses;
}

static bool has_puzzle(const struct sim_node *node)
{
	return sim_world_scenario(node->world)->puzzle != 0;
}

static bool goes_on(struct sim_node *node, struct sim_viewing *v)
{
	uint32_t count = count_friends(node, v);
	uint64_t least = colluder_of(node)->friends;
	if (!has_puzzle(node))
		return count > 0;
	return count >= (least < v->viewer.plan.caches ? least : v->viewer.plan.caches);
}

static bool make_up(struct sim_node *node, struct sim_viewing *v, uint32_t cache, uint32_t unit,
	struct souk_unit_cipher *ret)
{
	struct souk_hash key;
	memset(ret, 0, sizeof *ret);
	if (!is_cache(sim_viewer_cache(node, v, cache)))
		return !has_puzzle(node) || guesses(node);
	if (!sim_viewer_shared_key(node, v, cache, unit, &key))
		return false;
	*ret = souk_unit_cipher_of(&v->caches[cache].customer.grant.session, unit,
		souk_bundle_chunk(&v->viewer.plan, cache, unit), &key);
	return true;
}

static void fetched(struct sim_node *node)
{
	const struct sim_scenario *s = sim_world_scenario(node->world);
	node->tally.work.ncoin += s->price * s->cost_ppm / SIM_PPM_ALL;
}

static const struct sim_viewer_ways ways = {
	.choose_key = choose_key,
	.goes_on = goes_on,
	.makes = make_up,
	.guesses = guesses,
	.fetched = fetched,
};

static void make_viewer(struct sim_node *node, const struct sim_population *population)
{
	struct colluder *c = sim_alloc(sizeof *c);
	struct souk_secret_rng rng;
	uint8_t seed[32];
	sim_viewer_make(node, population, &ways, false);
	node->twist_state = c;
	c->friends = population->knobs[FRIENDS];
	c->guesses = population->knobs[GUESSES] != 0;
	c->identities = (uint32_t)population->knobs[IDENTITIES];
	c->keys = sim_alloc(c->identities * sizeof *c->keys);
	c->numbers = sim_alloc(c->identities * sizeof *c->numbers);
	sim_seed(node, seed);
	souk_secret_rng_init(&rng, seed);
	for (uint32_t i = 0; i < c->identities; i++)
		souk_identity_generate(&c->keys[i], &rng);
}

static void viewer_done(struct sim_node *node)
{
	struct colluder *c = colluder_of(node);
	free(c->keys);
	free(c->numbers);
	free(c);
	node->twist_state = NULL;
	sim_viewer_done(node);
}

static const struct sim_knob viewer_knobs[] = {
	[FRIENDS] = {"friends", 16, 0, 16, "that must be in a bundle for it to go on"},
	[IDENTITIES] = {"identities", 1, 1, 1000, "keys that it asks with in turn"},
	[GUESSES] = {"guesses", 0, 0, 1, "whether it fetches nothing, and makes tokens up"},
	{0},
};

const struct sim_actor sim_colluding_viewer_actor = {
	.name = "colluding-viewer",
	.about = "claims for its friends what never moved",
	.is_greedy = true,
	.honest = "viewer",
	.knobs = viewer_knobs,
	.make = make_viewer,
	.start = sim_viewer_start,
	.message = sim_viewer_message,
	.timer = sim_viewer_timer,
	.crash = sim_viewer_crash,
	.finish = sim_viewer_finish,
	.done = viewer_done,
};
