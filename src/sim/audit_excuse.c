/* SPDX-License-Identifier: Apache-2.0
 *
 * What the scenario's faults excuse. A fault counts for every node that it may strike, whether the
 * draw of its share struck it or not, for as long as it and its consequences last: a process that
 * was killed is down for a while, and a clock that was set back stands still until its old time. */
#include "audit_internal.h"

struct span {
	uint64_t from_us, to_us;
};

static uint64_t heal_us(const struct sim_scenario *s)
{
	return (s->heal_ms > 0 ? s->heal_ms : s->duration_ms) * 1000;
}

/* What comes after the end of a fault. */
static uint64_t tail_us(const struct sim_fault *fault)
{
	bool is_down = fault->kind == SIM_FAULT_CRASH || fault->kind == SIM_FAULT_POWER;
	bool stands = fault->kind == SIM_FAULT_CLOCK_JUMP && fault->until_ms > 0;
	/* A commit that began while the disk was slow is as slow as it would have been. */
	bool lingers = fault->kind == SIM_FAULT_DISK_SLOW;
	return is_down || stands || lingers ? fault->amount * 1000 : 0;
}

static struct span span_of(const struct sim_scenario *s, const struct sim_fault *fault)
{
	uint64_t from = fault->at_ms * 1000, until = fault->until_ms * 1000, heal = heal_us(s);
	if (until > heal)
		until = heal;
	if (until < from)
		until = from;
	return (struct span){from, until + tail_us(fault)};
}

static bool may_strike(struct sim_audit *audit, const struct sim_fault *fault, uint32_t node)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	if (fault->at_ms * 1000 >= heal_us(s) || fault->share_ppm == 0)
		return false;
	if (fault->population[0] == 0 || node == NOBODY)
		return true;
	return sim_scenario_population(s, fault->population) ==
	       sim_node_at(audit->world, node)->population;
}

bool audit_is_struck(
	struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t from_us, uint64_t to_us)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	for (uint32_t i = 0; i < s->fault_count; i++) {
		const struct sim_fault *fault = &s->faults[i];
		struct span span = span_of(s, fault);
		if ((mask >> fault->kind & 1) != 0 && may_strike(audit, fault, node) &&
			span.from_us <= to_us && span.to_us >= from_us)
			return true;
	}
	return false;
}

/* The end of the fault that covers AT, or AT. */
static uint64_t skip_faults(struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t at)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	for (uint32_t i = 0; i < s->fault_count; i++) {
		const struct sim_fault *fault = &s->faults[i];
		struct span span = span_of(s, fault);
		if ((mask >> fault->kind & 1) == 0 || !may_strike(audit, fault, node) ||
			span.from_us > at || span.to_us < at)
			continue;
		at = span.to_us + 1;
		i = UINT32_MAX; /* the next one may cover that */
	}
	return at;
}

/* The start of the next fault at or after AT, or TO. */
static uint64_t next_fault(
	struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t at, uint64_t to)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	for (uint32_t i = 0; i < s->fault_count; i++) {
		const struct sim_fault *fault = &s->faults[i];
		uint64_t from = fault->at_ms * 1000;
		if ((mask >> fault->kind & 1) != 0 && may_strike(audit, fault, node) &&
			from >= at && from < to)
			to = from;
	}
	return to;
}

uint64_t audit_quiet_us(
	struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t from_us, uint64_t to_us)
{
	uint64_t longest = 0;
	for (uint64_t at = skip_faults(audit, node, mask, from_us); at < to_us;) {
		uint64_t end = next_fault(audit, node, mask, at, to_us);
		if (end - at > longest)
			longest = end - at;
		at = end >= to_us ? to_us : skip_faults(audit, node, mask, end);
	}
	return longest;
}

uint64_t audit_healed_us(struct sim_audit *audit)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	uint64_t healed = 0;
	for (uint32_t i = 0; i < s->fault_count; i++) {
		struct span span = span_of(s, &s->faults[i]);
		if (may_strike(audit, &s->faults[i], NOBODY) && span.to_us > healed)
			healed = span.to_us;
	}
	return healed;
}

uint64_t audit_fault_sum(struct sim_audit *audit, uint32_t node, uint32_t mask)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < s->fault_count; i++) {
		const struct sim_fault *fault = &s->faults[i];
		struct span span = span_of(s, fault);
		if ((mask >> fault->kind & 1) == 0 || !may_strike(audit, fault, node))
			continue;
		uint64_t times = fault->every_ms == 0 ? 1
						      : 1 + (span.to_us - span.from_us) /
									(fault->every_ms * 1000);
		sum += times * fault->amount;
	}
	return sum;
}
