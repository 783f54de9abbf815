/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults: what breaks, when, and for whom; and that it is whole again afterwards.
 *
 * Who is struck is drawn once for each fault, from the seed and the fault's place: what lasts is
 * taken back from the same nodes. */
#include <string.h>

#include "disk.h"
#include "ledger.h"
#include "world.h"

/* A fault comes to one node, or goes. */
static void strike(struct sim_node *node, const struct sim_fault *fault, uint32_t index, bool ends,
	struct souk_rng *rng)
{
	int sign = ends ? -1 : 1;
	struct sim_disk_faults *disk = node->disk != NULL ? sim_disk_faults(node->disk) : NULL;
	switch (fault->kind) {
	case SIM_FAULT_CRASH:
	case SIM_FAULT_POWER:
		if (!ends)
			sim_node_kill(
				node, fault->amount * 1000 + 1, fault->kind == SIM_FAULT_POWER);
		break;
	case SIM_FAULT_PARTITION: node->side = ends ? 0 : (uint16_t)(index + 1); break;
	case SIM_FAULT_ONE_WAY: node->muted = (uint16_t)(node->muted + sign); break;
	case SIM_FAULT_NO_LEDGER: node->cut = (uint16_t)(node->cut + sign); break;
	case SIM_FAULT_DISK_SLOW:
		if (disk != NULL)
			disk->latency_us =
				ends ? node->world->scenario->disk_us : fault->amount * 1000;
		break;
	case SIM_FAULT_DISK_FULL:
		if (disk != NULL)
			disk->is_full = !ends;
		break;
	case SIM_FAULT_DISK_FAILS:
		if (disk != NULL)
			disk->is_failing = !ends;
		break;
	case SIM_FAULT_DISK_TEARS:
		if (disk != NULL)
			disk->tears = !ends;
		break;
	case SIM_FAULT_DISK_LOSES:
		if (disk != NULL)
			disk->loses = !ends;
		break;
	case SIM_FAULT_DISK_ROTS:
		for (uint64_t i = 0; disk != NULL && !ends && i < fault->amount; i++)
			(void)sim_disk_rot(node->disk, souk_rng_u64(rng));
		break;
	case SIM_FAULT_CLOCK_JUMP:
		node->clock.offset_ms += sign * (int64_t)fault->amount;
		sim_node_clock_changed(node);
		break;
	case SIM_FAULT_LOSS:
	case SIM_FAULT_DELAY:
	case SIM_FAULT_CONGESTION:
	case SIM_FAULT_FORK:
	case SIM_FAULT_LEDGER_STOP:
	case SIM_FAULT_KINDS: break;
	}
}

/* Those that are not of single nodes; false for the rest. */
static bool strike_world(struct sim_world *world, const struct sim_fault *fault, bool ends)
{
	switch (fault->kind) {
	case SIM_FAULT_LOSS: world->loss_ppm = ends ? 0 : (uint32_t)fault->amount; return true;
	case SIM_FAULT_DELAY: world->delay_us = ends ? 0 : fault->amount * 1000; return true;
	case SIM_FAULT_CONGESTION:
		sim_ledger_set_block_txs(
			world->ledger, ends ? world->scenario->block_txs : fault->amount);
		return true;
	case SIM_FAULT_FORK:
		if (!ends)
			sim_ledger_fork(world->ledger, (uint32_t)fault->amount);
		return true;
	case SIM_FAULT_LEDGER_STOP: sim_ledger_stop(world->ledger, !ends); return true;
	case SIM_FAULT_CRASH:
	case SIM_FAULT_POWER:
	case SIM_FAULT_PARTITION:
	case SIM_FAULT_ONE_WAY:
	case SIM_FAULT_NO_LEDGER:
	case SIM_FAULT_DISK_SLOW:
	case SIM_FAULT_DISK_FULL:
	case SIM_FAULT_DISK_FAILS:
	case SIM_FAULT_DISK_TEARS:
	case SIM_FAULT_DISK_LOSES:
	case SIM_FAULT_DISK_ROTS:
	case SIM_FAULT_CLOCK_JUMP:
	case SIM_FAULT_KINDS: break;
	}
	return false;
}

/* When FAULT is over; 0: at once. */
static uint64_t end_us(const struct sim_world *world, const struct sim_fault *fault)
{
	uint64_t us = fault->until_ms * 1000;
	return us > world->heal_us ? world->heal_us : us;
}

/* What comes again and again has no end: each time is struck by itself. */
static bool is_repeated(const struct sim_fault *fault)
{
	return fault->every_ms > 0;
}

void sim_fault_plan(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->scenario->fault_count; i++) {
		const struct sim_fault *fault = &world->scenario->faults[i];
		uint64_t at = fault->at_ms * 1000, until = end_us(world, fault);
		if (at >= world->heal_us)
			continue;
		sim_queue_push(&world->queue, at, SIM_EVENT_FAULT, (uint64_t)i << 1);
		if (!is_repeated(fault) && until > at)
			sim_queue_push(&world->queue, until, SIM_EVENT_FAULT, (uint64_t)i << 1 | 1);
	}
}

/* FAULT of INDEX comes, or goes, for all whom it strikes. */
static void carry_out(struct sim_world *world, uint32_t index, bool ends)
{
	const struct sim_fault *fault = &world->scenario->faults[index];
	uint32_t population = fault->population[0] == 0
				      ? UINT32_MAX
				      : sim_scenario_population(world->scenario, fault->population);
	struct souk_rng rng;
	souk_rng_init(&rng, world->scenario->seed ^ (uint64_t)(index + 1) << 32 ^
				    (is_repeated(fault) ? world->now_us : 0));
	if (strike_world(world, fault, ends))
		return;
	for (uint32_t i = 0; i < world->node_count; i++) {
		struct sim_node *node = &world->nodes[i];
		bool is_struck = souk_rng_below(&rng, SIM_PPM_ALL) < fault->share_ppm;
		if (is_struck && (population == UINT32_MAX || node->population == population))
			strike(node, fault, index, ends, &rng);
	}
}

/* Faults that count by themselves how many of their kind there are, or leave nothing behind. */
static bool adds_up(const struct sim_fault *fault)
{
	return fault->kind == SIM_FAULT_ONE_WAY || fault->kind == SIM_FAULT_NO_LEDGER ||
	       fault->kind == SIM_FAULT_CLOCK_JUMP || is_repeated(fault) || fault->until_ms == 0;
}

/* What the end of a fault healed is broken again where another of its kind still lasts. */
static void strike_lasting(struct sim_world *world, uint32_t ended)
{
	for (uint32_t i = 0; i < world->scenario->fault_count; i++) {
		const struct sim_fault *fault = &world->scenario->faults[i];
		if (i != ended && fault->kind == world->scenario->faults[ended].kind &&
			!adds_up(fault) && fault->at_ms * 1000 <= world->now_us &&
			end_us(world, fault) > world->now_us)
			carry_out(world, i, false);
	}
}

void sim_fault_run(struct sim_world *world, uint64_t word)
{
	uint32_t index = (uint32_t)(word >> 1);
	bool ends = word & 1;
	const struct sim_fault *fault = &world->scenario->faults[index];
	sim_mix(world, word ^ 0xfa017);
	carry_out(world, index, ends);
	if (ends)
		strike_lasting(world, index);
	uint64_t next = world->now_us + fault->every_ms * 1000;
	if (is_repeated(fault) && next < end_us(world, fault))
		sim_queue_push(&world->queue, next, SIM_EVENT_FAULT, word);
}
