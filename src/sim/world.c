/* SPDX-License-Identifier: Apache-2.0
 *
 * A world from its making to its end: one queue of events, one after the other. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "disk.h"
#include "ledger.h"
#include "souk/base/check.h"

/* Between two looks of the auditor at everything. */
#define AUDIT_US 5000000u
/* After the last claim window, for whoever still has something to take back. */
#define SLACK_MS 10000u

static const void *key_of_node(const void *ctx, uint32_t index)
{
	return ((const struct sim_node *)ctx)[index].identity.address.bytes;
}

static uint64_t settle_ms(const struct sim_scenario *s)
{
	if (s->settle_ms > 0)
		return s->settle_ms;
	return 2 * s->epoch_ms + s->draw_delay_ms + s->claim_ms + s->unlock_ms + SLACK_MS;
}

static souk_status check_actors(
	const struct sim_scenario *scenario, uint64_t *ret_count, char error[SIM_ERROR_SIZE])
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		const struct sim_population *population = &scenario->populations[i];
		if (sim_actor_find(population->actor) == NULL) {
			snprintf(error, SIM_ERROR_SIZE, "[population %s]: there is no actor %s",
				population->name, population->actor);
			return SOUK_LOCAL_CONFIG;
		}
		count += population->count;
	}
	if (count == 0 || count > 1000000) {
		snprintf(error, SIM_ERROR_SIZE, "a market has 1 to 1000000 nodes, not %llu",
			(unsigned long long)count);
		return SOUK_LOCAL_CONFIG;
	}
	*ret_count = count;
	return SOUK_OK;
}

static void make_nodes(struct sim_world *world, uint32_t count)
{
	world->nodes = sim_alloc(count * sizeof *world->nodes);
	world->node_slots = sim_alloc(SOUK_MAP_SLOTS((size_t)count) * sizeof *world->node_slots);
	souk_map_init(&world->node_map, world->node_slots, count, SOUK_ADDRESS_SIZE,
		world->scenario->seed, key_of_node, world->nodes);
	/* All of them are there before the first is made: actors may look for each other. */
	world->node_count = count;
	uint32_t id = 0;
	for (uint32_t p = 0; p < world->scenario->population_count; p++) {
		const struct sim_population *population = &world->scenario->populations[p];
		for (uint64_t i = 0; i < population->count; i++)
			sim_node_make(world, id++, (uint16_t)p);
	}
}

static void plan_starts(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct sim_node *node = &world->nodes[i];
		const struct sim_population *p = &world->scenario->populations[node->population];
		/* Not all in one instant: nothing real does. */
		uint64_t us = p->start_ms * 1000 + souk_rng_below(&node->net_rng, 100000);
		sim_queue_push(&world->queue, us, SIM_EVENT_START, i);
	}
}

souk_status sim_world_new(struct sim_world **ret, const struct sim_scenario *scenario,
	const struct sim_run_options *options, char error[SIM_ERROR_SIZE])
{
	uint64_t count;
	SOUK_TRY(check_actors(scenario, &count, error));
	struct sim_world *world = sim_alloc(sizeof *world);
	world->scenario = scenario;
	world->options = options;
	world->trace = 0x736f756b;
	world->ledger_queued_us = SIM_NEVER_US;
	world->finish_us = scenario->duration_ms * 1000;
	world->heal_us = scenario->heal_ms > 0 ? scenario->heal_ms * 1000 : world->finish_us;
	world->end_us = world->finish_us + settle_ms(scenario) * 1000;
	world->contents = sim_contents_new(scenario);
	world->ledger = sim_ledger_new(world);
	world->audit = sim_audit_new(world);
	make_nodes(world, (uint32_t)count);
	sim_ledger_settle(world->ledger);
	plan_starts(world);
	sim_fault_plan(world);
	sim_queue_push(&world->queue, AUDIT_US, SIM_EVENT_AUDIT, 0);
	sim_queue_push(&world->queue, world->finish_us, SIM_EVENT_FINISH, 0);
	*ret = world;
	return SOUK_OK;
}

void sim_world_free(struct sim_world *world)
{
	struct sim_event event;
	if (world == NULL)
		return;
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct sim_node *node = &world->nodes[i];
		if (node->is_up && node->actor->crash != NULL)
			node->actor->crash(node);
		if (node->actor->done != NULL)
			node->actor->done(node);
		sim_disk_free(node->disk);
	}
	while (sim_queue_pop(&world->queue, &event)) {
		if (sim_event_kind_of(&event) <= SIM_EVENT_LEAVE)
			sim_message_free(world, event.of.message);
	}
	while (world->spare != NULL)
		free(sim_message_take(world));
	sim_queue_free(&world->queue);
	sim_demand_free(world->demand);
	sim_directory_free(world->directory);
	sim_contents_free(world->contents);
	sim_audit_free(world->audit);
	sim_ledger_free(world->ledger);
	free(world->node_slots);
	free(world->nodes);
	free(world);
}

/* ---------------------------------------------------------------- the run */

/* The ledger is looked at when it is due, which may come nearer with each transaction. */
static void follow_ledger(struct sim_world *world)
{
	uint64_t us = sim_ledger_due(world->ledger);
	if (us < world->now_us)
		us = world->now_us;
	if (us >= world->ledger_queued_us)
		return;
	world->ledger_queued_us = us;
	sim_queue_push(&world->queue, us, SIM_EVENT_LEDGER, 0);
}

static void step_ledger(struct sim_world *world)
{
	if (world->ledger_queued_us != world->now_us)
		return;
	world->ledger_queued_us = SIM_NEVER_US;
	if (sim_ledger_due(world->ledger) <= world->now_us)
		sim_ledger_step(world->ledger);
}

static void finish(struct sim_world *world)
{
	sim_mix(world, 0xf1415);
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct sim_node *node = &world->nodes[i];
		node->is_finishing = true;
		if (node->is_up && node->actor->finish != NULL)
			node->actor->finish(node);
	}
}

static void carry_out(struct sim_world *world, const struct sim_event *event)
{
	switch (sim_event_kind_of(event)) {
	case SIM_EVENT_ARRIVE: sim_net_arrive(world, event->of.message); break;
	case SIM_EVENT_LEAVE: sim_net_leave(world, event->of.message); break;
	case SIM_EVENT_WAKE: sim_node_look(&world->nodes[event->of.word]); break;
	case SIM_EVENT_START: sim_node_start(&world->nodes[event->of.word]); break;
	case SIM_EVENT_LEDGER: step_ledger(world); break;
	case SIM_EVENT_FAULT: sim_fault_run(world, event->of.word); break;
	case SIM_EVENT_AUDIT:
		sim_audit_check(world->audit);
		sim_queue_push(&world->queue, world->now_us + AUDIT_US, SIM_EVENT_AUDIT, 0);
		break;
	case SIM_EVENT_FINISH: finish(world); break;
	}
}

static void tell_progress(struct sim_world *world, uint64_t before_us)
{
	const struct sim_run_options *options = world->options;
	if (options == NULL || options->progress == NULL ||
		before_us / 1000000 == world->now_us / 1000000)
		return;
	if (!options->progress(options->ctx, world->now_us, world->end_us, world->delivered))
		world->is_stopped = true;
}

void sim_world_run_until(struct sim_world *world, uint64_t world_us)
{
	struct sim_event event;
	follow_ledger(world);
	while (!world->is_stopped && world->queue.count > 0 &&
		world->queue.events[0].us <= world_us && sim_queue_pop(&world->queue, &event)) {
		uint64_t before_us = world->now_us;
		world->now_us = event.us;
		world->events++;
		carry_out(world, &event);
		follow_ledger(world);
		tell_progress(world, before_us);
	}
	if (!world->is_stopped && world->now_us < world_us)
		world->now_us = world_us;
}

souk_status sim_world_run(struct sim_world *world)
{
	sim_world_run_until(world, world->end_us);
	if (world->is_stopped)
		return SOUK_LOCAL_STOPPED;
	sim_audit_end(world->audit);
	return SOUK_OK;
}

/* ---------------------------------------------------------------- what actors see */

uint64_t sim_time_us(const struct sim_world *world)
{
	return world->now_us;
}

uint32_t sim_node_count(const struct sim_world *world)
{
	return world->node_count;
}

struct sim_node *sim_node_at(struct sim_world *world, uint32_t id)
{
	return &world->nodes[id];
}

struct sim_node *sim_node_of(struct sim_world *world, const struct souk_address *address)
{
	uint32_t id = souk_map_find(&world->node_map, address->bytes);
	return id == SOUK_MAP_NONE ? NULL : &world->nodes[id];
}

struct sim_ledger *sim_world_ledger(struct sim_world *world)
{
	return world->ledger;
}

struct sim_audit *sim_world_audit(struct sim_world *world)
{
	return world->audit;
}

const struct sim_scenario *sim_world_scenario(const struct sim_world *world)
{
	return world->scenario;
}

const struct sim_contents *sim_world_contents(const struct sim_world *world)
{
	return world->contents;
}

uint32_t sim_content_count(const struct sim_world *world)
{
	return sim_contents_count(world->contents);
}

struct souk_hash sim_content_id(const struct sim_world *world, uint32_t number)
{
	return sim_contents_at(world->contents, number)->id;
}

uint32_t sim_content_units(const struct sim_world *world, uint32_t number)
{
	return sim_contents_units(world->contents, number);
}

uint32_t sim_content_number(const struct sim_world *world, const struct souk_hash *id)
{
	return sim_contents_find(world->contents, id);
}

uint32_t sim_unit_size(const struct sim_world *world)
{
	return (uint32_t)world->scenario->unit_size;
}

/* The finalizer of splitmix64 over the hash so far and the word. */
void sim_mix(struct sim_world *world, uint64_t word)
{
	uint64_t z = world->trace * UINT64_C(0x9e3779b97f4a7c15) + word;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	world->trace = z ^ z >> 31;
}

void sim_say(struct sim_node *node, const char *format, ...)
{
	const struct sim_world *world = node->world;
	if (world->options == NULL || world->options->line == NULL)
		return;
	char line[320];
	int used = snprintf(line, sizeof line, "%4llu.%06llu %-16s %5u ",
		(unsigned long long)(world->now_us / 1000000),
		(unsigned long long)(world->now_us % 1000000), node->actor->name, node->id);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
	va_end(arguments);
	world->options->line(world->options->ctx, line);
}
