/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.h - what a population gains: a scenario run with several seeds, and the mean.
 *
 *   scenario x seeds --> mean profit of a node, its standard error, violations
 *
 * The seeds are those that follow the scenario's own, the same for whatever is measured: so what
 * differs between two measurements is what was changed, and not luck.
 *
 * Memory: heap while it runs. Threads: one. */
#ifndef SOUK_SIM_MEASURE_H
#define SOUK_SIM_MEASURE_H

#include "run.h"

#define SIM_SEEDS_MAX 1024u

struct sim_mean {
	uint32_t runs;
	uint32_t nodes;		/* of the population, in one run */
	int64_t profit;		/* ncoin, of a node */
	uint64_t error;		/* standard error of it over the seeds; 0 with one seed */
	uint32_t violations;	/* of all runs, whoever was struck */
	struct sim_tally tally; /* sums, over runs and nodes */
};

/* How far a long search has come; each run counts. */
struct sim_pace {
	/* Once a run is over; NULL: none. Return false to stop. */
	bool (*told)(void *ctx, uint32_t runs, uint32_t runs_most);
	void *ctx;
	uint32_t runs;
	uint32_t runs_most; /* an estimate from above */
};

/* sim_measure: run SCENARIO with SEEDS seeds, from its own on, and look at POPULATION.
 *
 *  In/out: pace  NULL: nobody asks
 *
 * Returns SOUK_OK, or those of sim_run; SOUK_LOCAL_CONFIG also for no seed or too many. */
SOUK_MUST_CHECK souk_status sim_measure(struct sim_mean *ret, const struct sim_scenario *scenario,
	uint32_t population, uint32_t seeds, struct sim_pace *pace, char error[SIM_ERROR_SIZE]);

/* sim_make_honest: put honest behaviour in the place of POPULATION: the same nodes, the same money,
 * the actor that its own names. What is expected of the scenario is dropped.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG: nobody honest stands in its place. */
SOUK_MUST_CHECK souk_status sim_make_honest(
	struct sim_scenario *scenario, uint32_t population, char error[SIM_ERROR_SIZE]);

#endif
