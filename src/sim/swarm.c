/* SPDX-License-Identifier: Apache-2.0
 *
 * Random markets. Small ones: a thousand small ones find more than a large one, and the same is
 * short to read. */
#include "swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"

/* Requests of a customer to one provider. */
#define IN_FLIGHT 4u

/* Transactions a second of all who flood the ledger: each has a signature, and takes real time. */
#define FLOOD_MAX 400u
/* Under agreements, where a judge reads them, bytes are real, and so are their ciphers and hashes.
 */
#define REAL_UNIT_MAX 262144u

/* Of the scenarios that a seed leads to: another number, other scenarios. */
#define SWARM_SEED 0x737761726dull

static uint64_t between(struct souk_rng *rng, uint64_t least, uint64_t most)
{
	return least + souk_rng_below(rng, most - least + 1);
}

static bool chance(struct souk_rng *rng, uint64_t percent)
{
	return souk_rng_below(rng, 100) < percent;
}

static uint64_t pick(struct souk_rng *rng, const uint64_t *values, size_t count)
{
	return values[souk_rng_below(rng, count)];
}

#define PICK(rng, ...)                                                                             \
	pick(rng, (const uint64_t[]){__VA_ARGS__},                                                 \
		sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* ---------------------------------------------------------------- the market */

static void draw_content(struct sim_scenario *s, struct souk_rng *rng)
{
	s->contents = between(rng, 1, 8);
	s->units_min = between(rng, 1, 24);
	s->units_max = s->units_min + between(rng, 0, 60);
	s->unit_size = PICK(rng, 16384, 65536, 262144, 1048576);
	s->zipf_milli = PICK(rng, 0, 900, 1200);
	if (chance(rng, 20))
		s->units_max += 300; /* sessions with checkpoints */
}

static void draw_money(struct sim_scenario *s, struct souk_rng *rng)
{
	s->price = PICK(rng, 1, 7, 1000, 999983);
	s->prize = s->price * PICK(rng, 1, 3, 16, 64) + (chance(rng, 50) ? 0 : 5);
	s->window = PICK(rng, 1, 2, 4, 8, 16);
	s->session_units = PICK(rng, 16, 64, 256, 600);
	s->fee_permille = PICK(rng, 0, 20, 333);
	s->hub_step = PICK(rng, 1, 2, 4, 8);
	s->agreements = chance(rng, 30);
	if (s->agreements && s->unit_size > REAL_UNIT_MAX)
		s->unit_size = REAL_UNIT_MAX;
	s->bond = s->window * s->price * 2;
	s->respond_ms = between(rng, 4000, 15000);
}

/* An escrow has eight epochs open at most: a claim window of three epochs is far from that. */
static void draw_ledger(struct sim_scenario *s, struct souk_rng *rng)
{
	s->epoch_ms = PICK(rng, 8000, 10000, 20000);
	s->draw_delay_ms = between(rng, 0, 3000);
	s->claim_ms = between(rng, 20000, 30000);
	s->unlock_ms = between(rng, 0, 5000);
	s->block_ms = PICK(rng, 50, 200, 500);
	s->confirmations = between(rng, 1, 4);
}

static void draw_network(struct sim_scenario *s, struct souk_rng *rng)
{
	s->latency_us = PICK(rng, 100, 5000, 10000, 60000);
	s->jitter_us = s->latency_us * PICK(rng, 0, 1, 5);
	s->up_bps = chance(rng, 30) ? PICK(rng, 2000000, 20000000) : 0;
	s->down_bps = chance(rng, 30) ? PICK(rng, 2000000, 20000000) : 0;
	s->loss_ppm = PICK(rng, 0, 0, 1000, 20000, 100000);
	s->double_ppm = PICK(rng, 0, 0, 10000, 100000);
	s->natted_ppm = PICK(rng, 0, 300000);
	s->skew_ms = PICK(rng, 0, 0, 50, 1000);
	s->drift_ppm = PICK(rng, 0, 100);
	s->disk_us = PICK(rng, 100, 5000, 50000);
	s->commit_ms = PICK(rng, 5, 50, 500);
}

static void draw_market(struct sim_scenario *s, struct souk_rng *rng)
{
	s->duration_ms = between(rng, 10000, 30000);
	s->heal_ms = s->duration_ms * between(rng, 20, 70) / 100;
	draw_content(s, rng);
	draw_money(s, rng);
	draw_ledger(s, rng);
	draw_network(s, rng);
}

/* ---------------------------------------------------------------- who is there */

static struct sim_population *add(
	struct sim_scenario *s, const char *name, const char *actor, uint64_t count)
{
	if (sim_actor_find(actor) == NULL)
		return NULL;
	struct sim_population *p = sim_scenario_add_population(s, name, actor);
	if (p != NULL)
		p->count = count;
	return p;
}

static void draw_customers(
	struct sim_scenario *s, struct souk_rng *rng, const char *name, bool via_hub)
{
	struct sim_population *p = add(s, name, "customer", between(rng, 1, 5));
	if (p == NULL)
		return;
	p->downloads = between(rng, 1, 4);
	p->pause_ms = between(rng, 200, 6000);
	p->peers = between(rng, 1, 4);
	p->via_hub = via_hub;
}

/* Buyers who sell on what they fetched. */
static void draw_resellers(struct sim_scenario *s, struct souk_rng *rng)
{
	if (!chance(rng, 30))
		return;
	struct sim_population *p = add(s, "peers", "reseller", between(rng, 1, 5));
	if (p == NULL)
		return;
	s->parts = 1;
	p->downloads = between(rng, 1, 4);
	p->pause_ms = between(rng, 200, 6000);
	p->peers = between(rng, 1, 4);
}

static void draw_honest(struct sim_scenario *s, struct souk_rng *rng)
{
	struct sim_population *p = add(s, "providers", "provider", between(rng, 1, 5));
	if (p != NULL)
		p->sessions = PICK(rng, 4, 64);
	if (p != NULL && chance(rng, 30))
		p->stock_ppm = 600000;
	draw_customers(s, rng, "customers", false);
	draw_resellers(s, rng);
	if (chance(rng, 35) && add(s, "hubs", "hub", 1) != NULL)
		draw_customers(s, rng, "guests", true);
}

/* Viewers, who are paid for by a sponsor. */
static void draw_sponsored(struct sim_scenario *s, struct souk_rng *rng)
{
	if (!chance(rng, 25) || add(s, "sponsors", "sponsor", 1) == NULL)
		return;
	struct sim_population *p = add(s, "viewers", "viewer", between(rng, 1, 4));
	if (p == NULL)
		return;
	p->downloads = between(rng, 1, 3);
	p->pause_ms = between(rng, 200, 6000);
	s->bundle = between(rng, 1, s->populations[0].count);
	s->segment_units = PICK(rng, 1, 4, 8, 16);
	s->share = PICK(rng, 0, 1, 1, 4);
	s->puzzle = !chance(rng, 25);
	s->quota_units = chance(rng, 30) ? between(rng, 8, 200) : 0;
}

/* Owners of keys, who grant to proxies that re-encrypt for receivers. */
static void draw_keys(struct sim_scenario *s, struct souk_rng *rng)
{
	enum { PROXIES, THRESHOLD, GRANTS, REVOKE };
	uint64_t proxies = between(rng, 1, 4);
	if (!chance(rng, 20) || add(s, "proxies", "key-proxy", proxies) == NULL)
		return;
	struct sim_population *p = add(s, "owners", "key-owner", between(rng, 1, 2));
	if (p != NULL) {
		p->knobs[PROXIES] = between(rng, 1, proxies);
		p->knobs[THRESHOLD] = between(rng, 1, p->knobs[PROXIES]);
		p->knobs[GRANTS] = between(rng, 1, 3);
		p->knobs[REVOKE] = chance(rng, 30) ? between(rng, 1000, s->duration_ms) : 0;
	}
	p = add(s, "receivers", "key-receiver", between(rng, 1, 3));
	if (p != NULL) {
		p->downloads = between(rng, 1, 6);
		p->pause_ms = between(rng, 200, 4000);
	}
	p = chance(rng, 40) ? add(s, "auditors", "key-auditor", 1) : NULL;
	if (p != NULL)
		p->downloads = between(rng, 1, 6);
}

static void draw_knobs(
	struct sim_population *p, const struct sim_actor *actor, struct souk_rng *rng)
{
	for (size_t i = 0; actor->knobs != NULL && actor->knobs[i].name != NULL; i++) {
		const struct sim_knob *knob = &actor->knobs[i];
		uint64_t most = knob->max;
		if (most > knob->value && most - knob->min > 1000)
			most = knob->value < knob->min + 10 ? knob->min + 100 : knob->value * 4;
		if (most > knob->max)
			most = knob->max;
		if (chance(rng, 60))
			p->knobs[i] = between(rng, knob->min, most);
	}
}

static uint32_t greedy_count(void)
{
	uint32_t count = 0;
	for (size_t i = 0; sim_actor_at(i) != NULL; i++)
		count += sim_actor_at(i)->is_greedy;
	return count;
}

static const struct sim_actor *greedy_at(uint64_t which)
{
	for (size_t i = 0; sim_actor_at(i) != NULL; i++) {
		if (sim_actor_at(i)->is_greedy && which-- == 0)
			return sim_actor_at(i);
	}
	return NULL;
}

static void draw_greedy(struct sim_scenario *s, struct souk_rng *rng)
{
	static const char *const names[] = {"greedy-a", "greedy-b", "greedy-c"};
	uint64_t kinds = chance(rng, 40) ? 0 : between(rng, 1, 3);
	uint32_t count = greedy_count();
	for (uint64_t i = 0; i < kinds && count > 0; i++) {
		const struct sim_actor *actor = greedy_at(souk_rng_below(rng, count));
		struct sim_population *p = add(s, names[i], actor->name, between(rng, 1, 3));
		if (p == NULL)
			continue;
		p->downloads = between(rng, 1, 4);
		p->pause_ms = between(rng, 200, 3000);
		p->peers = between(rng, 1, 4);
		draw_knobs(p, actor, rng);
	}
}

/* ---------------------------------------------------------------- what breaks */

/* docs/simulator.md, "Swarms": forks undo no more than waits for its confirmations; at least a few
 * transactions fit in a block; a clock does not jump further than claims have time. */
static uint64_t draw_amount(
	const struct sim_scenario *s, enum sim_fault_kind kind, struct souk_rng *rng)
{
	switch (kind) {
	case SIM_FAULT_CRASH:
	case SIM_FAULT_POWER: return between(rng, 0, 5000);
	case SIM_FAULT_LOSS: return between(rng, 10000, 500000);
	case SIM_FAULT_DELAY: return between(rng, 10, 3000);
	case SIM_FAULT_DISK_SLOW: return between(rng, 10, 2000);
	case SIM_FAULT_DISK_ROTS: return between(rng, 1, 5);
	case SIM_FAULT_CLOCK_JUMP: return between(rng, 10, 8000);
	case SIM_FAULT_CONGESTION: return between(rng, 1, 10);
	case SIM_FAULT_FORK: return between(rng, 1, s->confirmations - 1);
	default: return 0;
	}
}

static bool is_allowed(const struct sim_scenario *s, enum sim_fault_kind kind)
{
	return kind != SIM_FAULT_FORK || s->confirmations > 1;
}

/* Of single nodes, of which some or all of one population can be struck. */
static bool is_of_nodes(enum sim_fault_kind kind)
{
	return kind != SIM_FAULT_LOSS && kind != SIM_FAULT_DELAY && kind != SIM_FAULT_CONGESTION &&
	       kind != SIM_FAULT_FORK && kind != SIM_FAULT_LEDGER_STOP;
}

static bool is_sudden(enum sim_fault_kind kind)
{
	return kind == SIM_FAULT_CRASH || kind == SIM_FAULT_POWER || kind == SIM_FAULT_DISK_ROTS ||
	       kind == SIM_FAULT_FORK;
}

static void draw_times(const struct sim_scenario *s, struct sim_fault *fault, struct souk_rng *rng)
{
	fault->at_ms = between(rng, 500, s->heal_ms - 500);
	if (!is_sudden(fault->kind)) {
		fault->until_ms = between(rng, fault->at_ms + 1, s->heal_ms);
		return;
	}
	if (fault->kind != SIM_FAULT_DISK_ROTS && chance(rng, 40)) {
		fault->every_ms = between(rng, 300, 4000);
		fault->until_ms = between(rng, fault->at_ms + 1, s->heal_ms);
	}
}

static void draw_fault(struct sim_scenario *s, struct souk_rng *rng, const char *name)
{
	enum sim_fault_kind kind = (enum sim_fault_kind)souk_rng_below(rng, SIM_FAULT_KINDS);
	struct sim_fault *fault =
		is_allowed(s, kind) ? sim_scenario_add_fault(s, name, kind) : NULL;
	if (fault == NULL)
		return;
	draw_times(s, fault, rng);
	fault->amount = draw_amount(s, kind, rng);
	if (!is_of_nodes(kind))
		return;
	fault->share_ppm = PICK(rng, 1000000, 1000000, 500000, 300000);
	if (chance(rng, 60))
		memcpy(fault->population,
			s->populations[souk_rng_below(rng, s->population_count)].name,
			SIM_NAME_SIZE);
}

static void draw_faults(struct sim_scenario *s, struct souk_rng *rng)
{
	static const char *const names[] = {"fault-a", "fault-b", "fault-c", "fault-d"};
	uint64_t count = chance(rng, 25) ? 0 : between(rng, 1, 4);
	for (uint64_t i = 0; i < count; i++)
		draw_fault(s, rng, names[i]);
}

/* Messages there and back from a wish to the first unit, through a hub: offers, parts, voucher,
 * ask, the hub's session, strip, unit. */
#define OPENING_ROUNDS 7u

/* A session that is opened when an epoch begins must have half of it left for its units: before
 * that its buyer, or a hub, sees the epoch, and makes an allotment that counts. */
static void lengthen_epochs(struct sim_scenario *s)
{
	uint64_t round_ms = 4 * (s->latency_us + s->jitter_us / 2) / 1000;
	uint64_t ledger_ms = 2 * (s->confirmations + 1) * s->block_ms;
	uint64_t least = 2 * (OPENING_ROUNDS * round_ms + ledger_ms);
	if (s->epoch_ms < least)
		s->epoch_ms = least;
}

/* What carries BYTES in half an epoch, where BPS is a limit and less than that. */
static uint64_t widened(const struct sim_scenario *s, uint64_t bps, uint64_t bytes)
{
	uint64_t least = 2 * bytes * 1000 / s->epoch_ms;
	return bps != 0 && bps < least ? least : bps;
}

/* What all buyers ask of one provider at once must come within half an epoch, and so must what one
 * of them asks of all its providers: else every session ends before it is paid, and nothing is
 * promised to anybody (docs/simulator.md). */
static void widen_links(struct sim_scenario *s)
{
	uint64_t buyers = 0, sellers = s->bundle;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_population *p = &s->populations[i];
		if (strcmp(p->actor, "provider") == 0)
			continue;
		buyers += p->count;
		sellers = p->peers > sellers ? p->peers : sellers;
	}
	s->up_bps = widened(s, s->up_bps, buyers * IN_FLIGHT * s->unit_size);
	s->down_bps = widened(s, s->down_bps, sellers * IN_FLIGHT * s->unit_size);
}

/* Where POPULATION has its rate of transactions; NULL: it sends no more than it needs. */
static uint64_t *rate_of(struct sim_population *p)
{
	const struct sim_knob *knobs = sim_actor_find(p->actor)->knobs;
	for (size_t i = 0; knobs != NULL && knobs[i].name != NULL; i++) {
		if (strcmp(knobs[i].name, "rate") == 0)
			return &p->knobs[i];
	}
	return NULL;
}

/* One market of a swarm must not take as long as all others. */
static void bound_floods(struct sim_scenario *s)
{
	uint64_t flooders = 0;
	for (uint32_t i = 0; i < s->population_count; i++)
		flooders += rate_of(&s->populations[i]) != NULL ? s->populations[i].count : 0;
	for (uint32_t i = 0; i < s->population_count; i++) {
		uint64_t *rate = rate_of(&s->populations[i]);
		if (rate != NULL && *rate > FLOOD_MAX / flooders)
			*rate = FLOOD_MAX / flooders;
	}
}

void sim_swarm_scenario(struct sim_scenario *ret, uint64_t seed)
{
	struct souk_rng rng;
	souk_rng_init(&rng, seed ^ SWARM_SEED);
	sim_scenario_init(ret);
	snprintf(ret->name, sizeof ret->name, "swarm-%llu", (unsigned long long)seed);
	ret->seed = seed;
	draw_market(ret, &rng);
	draw_honest(ret, &rng);
	draw_sponsored(ret, &rng);
	draw_keys(ret, &rng);
	draw_greedy(ret, &rng);
	draw_faults(ret, &rng);
	lengthen_epochs(ret);
	widen_links(ret);
	bound_floods(ret);
}

/* ---------------------------------------------------------------- many of them */

static void say(const struct sim_swarm_options *options, const char *line)
{
	if (options->line != NULL)
		options->line(options->ctx, line);
}

static void say_run(const struct sim_swarm_options *options, const struct sim_scenario *s,
	const struct sim_report *report)
{
	char line[512];
	int used = snprintf(line, sizeof line,
		"seed %llu trace %016llx nodes %u messages %llu:", (unsigned long long)s->seed,
		(unsigned long long)report->trace, report->nodes,
		(unsigned long long)report->messages);
	for (uint32_t i = 0; i < s->fault_count && used < (int)sizeof line; i++)
		used += snprintf(line + used, sizeof line - (size_t)used, " %s",
			sim_fault_names[s->faults[i].kind]);
	for (uint32_t i = 0; i < s->population_count && used < (int)sizeof line; i++) {
		if (report->populations[i].is_greedy)
			used += snprintf(line + used, sizeof line - (size_t)used, " %s",
				s->populations[i].actor);
	}
	if (used < (int)sizeof line)
		snprintf(line + used, sizeof line - (size_t)used, " %s",
			report->violation_count == 0
				? "ok"
				: sim_violation_names[report->violations[0].kind]);
	say(options, line);
}

struct reporting {
	const struct sim_swarm_options *options;
	uint64_t events;
};

static bool say_step(void *ctx, uint32_t runs, uint32_t runs_max,
	const struct sim_scenario *smallest, uint64_t events)
{
	struct reporting *reporting = ctx;
	char line[160];
	if (events != reporting->events) {
		snprintf(line, sizeof line,
			"  shrunk: run %u of %u, %u populations, %u faults, %llu events", runs,
			runs_max, smallest->population_count, smallest->fault_count,
			(unsigned long long)events);
		say(reporting->options, line);
	}
	reporting->events = events;
	return true;
}

static void report_find(struct sim_swarm_result *ret, const struct sim_swarm_options *options,
	struct sim_scenario *scenario, const struct sim_violation *violation)
{
	struct reporting reporting = {options, 0};
	struct sim_shrink_options shrink = {
		.runs_max = options->shrink_runs_max, .progress = say_step, .ctx = &reporting};
	struct sim_shrunk shrunk;
	ret->is_found = true;
	ret->seed = scenario->seed;
	ret->violation = *violation;
	if (options->shrink_runs_max != UINT32_MAX &&
		sim_shrink(scenario, violation->kind, &shrink, &shrunk) == SOUK_OK)
		ret->violation = shrunk.violation;
	sim_scenario_print(scenario, ret->text, sizeof ret->text);
}

/* One scenario; false where it found something. */
static bool run_one(struct sim_swarm_result *ret, const struct sim_swarm_options *options,
	struct sim_scenario *scenario, struct sim_report *report)
{
	char error[SIM_ERROR_SIZE];
	sim_swarm_scenario(scenario, options->seed + ret->runs);
	SOUK_CHECK(sim_scenario_check(scenario, error) == SOUK_OK);
	SOUK_CHECK(sim_run(report, scenario, NULL, error) == SOUK_OK);
	ret->runs++;
	ret->messages += report->messages;
	ret->sim_us += report->sim_us;
	ret->trace = (ret->trace << 1 | ret->trace >> 63) ^ report->trace;
	say_run(options, scenario, report);
	if (report->violation_count == 0)
		return true;
	const struct sim_violation violation = report->violations[0];
	report_find(ret, options, scenario, &violation);
	return false;
}

void sim_swarm(struct sim_swarm_result *ret, const struct sim_swarm_options *options)
{
	struct sim_scenario *scenario = sim_alloc(sizeof *scenario);
	struct sim_report *report = sim_alloc(sizeof *report);
	memset(ret, 0, sizeof *ret);
	while (ret->runs < options->runs_max &&
		(options->keep_going == NULL || options->keep_going(options->ctx)) &&
		run_one(ret, options, scenario, report)) {
	}
	free(scenario);
	free(report);
}
