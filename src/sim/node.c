/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes: who they are, what their clocks say, how they die and come back. */
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "world.h"

void *sim_alloc(size_t size)
{
	void *memory = calloc(1, size);
	SOUK_CHECK(memory != NULL);
	return memory;
}

/* 32 bytes that depend on the seed of the run, a purpose, a node, and a number. */
static struct souk_hash derive(
	const struct sim_world *world, uint64_t purpose, uint32_t id, uint64_t number)
{
	uint8_t bytes[32];
	souk_store_be64(bytes, world->scenario->seed);
	souk_store_be64(bytes + 8, purpose);
	souk_store_be64(bytes + 16, id);
	souk_store_be64(bytes + 24, number);
	return souk_sha256_of(bytes, sizeof bytes);
}

enum { OF_IDENTITY = 1, OF_RNG, OF_NET, OF_SEED, OF_DISK };

static void make_identity(struct sim_node *node)
{
	struct souk_hash secret = derive(node->world, OF_IDENTITY, node->id, 0);
	struct souk_seckey seckey;
	memcpy(seckey.bytes, secret.bytes, sizeof seckey.bytes);
	/* Zero and the order of the curve are not among what SHA-256 has ever given. */
	SOUK_CHECK(souk_identity_of(&node->identity, &seckey) == SOUK_OK);
}

static void make_rng(struct sim_node *node, struct souk_rng *rng, uint64_t purpose)
{
	struct souk_hash seed = derive(node->world, purpose, node->id, 0);
	souk_rng_init(rng, souk_load_be64(seed.bytes));
}

static int64_t either_way(struct souk_rng *rng, uint64_t most)
{
	return (int64_t)souk_rng_below(rng, 2 * most + 1) - (int64_t)most;
}

static void make_link(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *s = node->world->scenario;
	node->link = (struct sim_link){
		.latency_us =
			(uint32_t)(population->latency_us ? population->latency_us : s->latency_us),
		.jitter_us = (uint32_t)s->jitter_us,
		.up_bps = population->up_bps ? population->up_bps : s->up_bps,
		.down_bps = population->down_bps ? population->down_bps : s->down_bps,
		.double_ppm = (uint32_t)s->double_ppm,
		.loss_ppm = (uint32_t)s->loss_ppm,
	};
	/* Who sells can be reached, or sells nothing. */
	if (!node->actor->has_disk || strcmp(node->actor->name, "customer") == 0)
		node->link.is_natted = souk_rng_below(&node->net_rng, SIM_PPM_ALL) < s->natted_ppm;
	node->clock.offset_ms = either_way(&node->net_rng, s->skew_ms);
	node->clock.drift_ppm = (int32_t)either_way(&node->net_rng, s->drift_ppm);
}

void sim_node_make(struct sim_world *world, uint32_t id, uint16_t population)
{
	const struct sim_population *of = &world->scenario->populations[population];
	struct sim_node *node = &world->nodes[id];
	*node = (struct sim_node){
		.world = world,
		.id = id,
		.population = population,
		.actor = sim_actor_find(of->actor),
		.wake = SOUK_TIME_NEVER,
		.steady_us = SIM_NEVER_US,
		.queued_us = SIM_NEVER_US,
	};
	node->is_greedy = node->actor->is_greedy;
	make_identity(node);
	make_rng(node, &node->rng, OF_RNG);
	make_rng(node, &node->net_rng, OF_NET);
	make_link(node, of);
	if (node->actor->has_disk) {
		struct souk_hash seed = derive(world, OF_DISK, id, 0);
		node->disk = sim_disk_new(world, souk_load_be64(seed.bytes));
		sim_disk_faults(node->disk)->latency_us = world->scenario->disk_us;
	}
	SOUK_CHECK(souk_map_insert(&world->node_map, id) == SOUK_OK);
	if (node->actor->make != NULL)
		node->actor->make(node, of);
}

void sim_seed(struct sim_node *node, uint8_t ret[32])
{
	struct souk_hash seed = derive(node->world, OF_SEED, node->id, node->seeds++);
	memcpy(ret, seed.bytes, 32);
}

/* ---------------------------------------------------------------- clocks */

/* What the clock would show at WORLD_US, if it might run backwards. */
static uint64_t clock_at(const struct sim_node *node, uint64_t world_us)
{
	int64_t drift = (int64_t)(world_us / 1000000) * node->clock.drift_ppm / 1000;
	return SIM_EPOCH_MS + world_us / 1000 + (uint64_t)(node->clock.offset_ms + drift);
}

struct souk_time sim_now(struct sim_node *node)
{
	uint64_t ms = clock_at(node, node->world->now_us);
	if (ms > node->clock.latest_ms)
		node->clock.latest_ms = ms;
	return souk_time_at_ms(node->clock.latest_ms);
}

uint64_t sim_world_us_at(const struct sim_node *node, struct souk_time at)
{
	uint64_t now_us = node->world->now_us, now_ms = clock_at(node, now_us);
	if (at.ms == SOUK_TIME_NEVER.ms)
		return SIM_NEVER_US;
	if (at.ms <= now_ms)
		return now_us;
	/* A clock that drifts gets there a little earlier or later: whoever waits looks again. */
	uint64_t ms = at.ms - now_ms;
	return ms > UINT64_MAX / 2000 ? SIM_NEVER_US : (now_us / 1000 + ms) * 1000;
}

/* An event that looks at the wake stands in the queue for as long as there is something to wake
 * for. Where the wake moves to later it is left where it is, and looks again then. */
static void queue_look(struct sim_node *node)
{
	uint64_t us = sim_world_us_at(node, node->wake);
	if (node->steady_us < us)
		us = node->steady_us > node->world->now_us ? node->steady_us : node->world->now_us;
	if (us >= node->queued_us)
		return;
	node->queued_us = us;
	sim_queue_push(&node->world->queue, us, SIM_EVENT_WAKE, node->id);
}

void sim_wake(struct sim_node *node, struct souk_time at)
{
	node->wake = at;
	queue_look(node);
}

void sim_wake_us(struct sim_node *node, uint64_t world_us)
{
	node->steady_us = world_us;
	queue_look(node);
}

/* Whether there is something to wake for now; it is forgotten. */
static bool is_due(struct sim_node *node)
{
	bool due = node->steady_us <= node->world->now_us;
	if (due)
		node->steady_us = SIM_NEVER_US;
	if (node->wake.ms == SOUK_TIME_NEVER.ms || souk_time_is_before(sim_now(node), node->wake))
		return due;
	node->wake = SOUK_TIME_NEVER;
	return true;
}

void sim_node_look(struct sim_node *node)
{
	struct sim_world *world = node->world;
	/* One of an earlier wake that was overtaken by a nearer one. */
	if (node->queued_us != world->now_us)
		return;
	node->queued_us = SIM_NEVER_US;
	if (!node->is_up)
		return;
	if (is_due(node)) {
		queue_look(node);
		if (node->actor->timer != NULL)
			node->actor->timer(node);
		return;
	}
	uint64_t us = sim_world_us_at(node, node->wake);
	us = us > world->now_us ? us : world->now_us + 1000;
	us = us < node->steady_us ? us : node->steady_us;
	if (us == SIM_NEVER_US)
		return;
	node->queued_us = us;
	sim_queue_push(&world->queue, us, SIM_EVENT_WAKE, node->id);
}

void sim_node_clock_changed(struct sim_node *node)
{
	queue_look(node);
}

/* ---------------------------------------------------------------- life */

void sim_node_start(struct sim_node *node)
{
	if (node->is_up)
		return;
	node->is_up = true;
	sim_mix(node->world, (uint64_t)node->id << 8 | 1);
	sim_say(node, "starts");
	node->actor->start(node);
	if (node->is_finishing && node->actor->finish != NULL)
		node->actor->finish(node);
}

void sim_node_kill(struct sim_node *node, uint64_t restart_us, bool is_power_cut)
{
	struct sim_world *world = node->world;
	if (!node->is_up)
		return;
	sim_say(node, "is killed");
	sim_mix(world, (uint64_t)node->id << 8 | 2);
	node->is_up = false;
	node->incarnation++;
	node->wake = SOUK_TIME_NEVER;
	node->steady_us = SIM_NEVER_US;
	if (node->actor->crash != NULL)
		node->actor->crash(node);
	if (node->disk != NULL)
		sim_disk_crash(node->disk, is_power_cut);
	if (restart_us != SIM_NEVER_US)
		sim_queue_push(
			&world->queue, world->now_us + restart_us, SIM_EVENT_START, node->id);
}

void sim_crash(struct sim_node *node, uint64_t restart_us)
{
	sim_node_kill(node, restart_us, false);
}
