/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - run a scenario from its first event to its last, and say what came of it.
 *
 *   parse -> run -> report: trace hash, violations, profit of each population
 *
 * Everything that drives many runs (sweep, best response, shrinking, swarms) is made of this.
 *
 * Memory: heap while it runs. Threads: one for each run; runs share nothing. */
#ifndef SOUK_SIM_RUN_H
#define SOUK_SIM_RUN_H

#include "audit.h"
#include "scenario.h"

struct sim_population_report {
	char name[SIM_NAME_SIZE];
	char actor[SIM_NAME_SIZE];
	bool is_greedy;
	uint32_t count;
	int64_t profit_sum; /* ncoin */
	int64_t profit_least;
	int64_t profit_most;
	struct sim_tally tally; /* sums */
};

struct sim_report {
	uint64_t trace;	   /* hash of the run */
	uint64_t messages; /* delivered */
	uint64_t events;
	uint64_t txs;
	uint64_t blocks;
	uint64_t sim_us; /* simulated time */
	uint32_t nodes;
	uint32_t violation_count;
	struct sim_violation violations[SIM_VIOLATIONS_KEPT];
	uint32_t population_count;
	struct sim_population_report populations[SIM_POPULATIONS_MAX];
	bool is_expected; /* every [expect] holds, and without one there is no violation */
	char unexpected[160];
};

struct sim_run_options {
	/* A line for each event; NULL: none. */
	void (*line)(void *ctx, const char *line);
	/* Every so many simulated seconds; NULL: none. Return false to stop the run. */
	bool (*progress)(void *ctx, uint64_t sim_us, uint64_t end_us, uint64_t messages);
	void *ctx;
};

/* sim_run: SOUK_OK with the report, or SOUK_LOCAL_CONFIG (ERROR says what: an actor or knob that is
 * not there), SOUK_LOCAL_STOPPED. */
SOUK_MUST_CHECK souk_status sim_run(struct sim_report *ret, const struct sim_scenario *scenario,
	const struct sim_run_options *options, char error[SIM_ERROR_SIZE]);

/* Mean profit of a population, in thousandths of a unit's price. */
int64_t sim_report_profit_milli(
	const struct sim_report *report, const struct sim_scenario *scenario, uint32_t population);

#endif
