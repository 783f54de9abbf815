/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink.h - make a scenario small that shows a violation.
 *
 *   leave out populations, leave out faults, fewer and shorter, back to the defaults
 *     ^                                                            |
 *     '------------- as long as anything of it helps --------------'
 *
 * Each candidate is run; one that shows a violation of the same kind with less to it (events, and
 * words) takes the scenario's place. Which are tried, and in which order, follows from the scenario
 * alone: the same scenario shrinks to the same one.
 *
 * Memory: heap while it runs. Threads: one. */
#ifndef SOUK_SIM_SHRINK_H
#define SOUK_SIM_SHRINK_H

#include "run.h"

struct sim_shrink_options {
	uint32_t runs_max; /* 0: 400 */
	/* After each run, with the smallest scenario so far; NULL: none. Return false to stop. */
	bool (*progress)(void *ctx, uint32_t runs, uint32_t runs_max,
		const struct sim_scenario *smallest, uint64_t events);
	void *ctx;
};

struct sim_shrunk {
	uint32_t runs;
	uint64_t events_before;
	uint64_t events;
	struct sim_violation violation; /* as the smallest shows it */
};

/* sim_shrink: SCENARIO becomes the smallest that was found; its expectations are left out, but for
 * SIM_VIOLATION_UNEXPECTED, which means that those do not hold.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_NOT_FOUND where SCENARIO itself shows no violation of KIND, or
 * cannot be run; it is as it was. OPTIONS may be NULL. */
SOUK_MUST_CHECK souk_status sim_shrink(struct sim_scenario *scenario, enum sim_violation_kind kind,
	const struct sim_shrink_options *options, struct sim_shrunk *ret);

#endif
