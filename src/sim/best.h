/* SPDX-License-Identifier: Apache-2.0
 *
 * best.h - the best response: what a cheat gains that chooses its behaviour for the most profit.
 *
 *   actors that it may be x their knobs x its share of those like it
 *     --coarse grid, knob by knob--> a start --pattern search--> no neighbour is better
 *
 * Each point is a measurement over the same seeds. What was measured once is remembered. The best
 * is measured again with fresh seeds, because it was chosen for its luck as well. The search ends
 * with its budget of runs at the latest; it is no proof that nothing is better, so the number of
 * runs stands in the result.
 *
 * Its share: where the scenario has honest nodes of the same role, cheats take places of them, one
 * at least, all but one at most; the profit is that of one cheat.
 *
 * Memory: heap while it runs. Threads: one. See docs/simulator.md. */
#ifndef SOUK_SIM_BEST_H
#define SOUK_SIM_BEST_H

#include "measure.h"

#define SIM_BEST_ACTORS_MAX 16u

struct sim_best_plan {
	const struct sim_scenario *scenario;
	uint32_t population;
	/* Actors that it may be; count 0: the one that it is. They stand in the same place. */
	const struct sim_actor *actors[SIM_BEST_ACTORS_MAX];
	uint32_t actor_count;
	bool keeps_share; /* do not vary how many there are */
	uint32_t seeds;
	uint32_t runs_max; /* of the simulator, honest ones included; 0: 200 */
	struct sim_pace pace;
};

struct sim_best {
	const struct sim_actor *actor;
	uint64_t knobs[SIM_KNOBS_MAX];
	uint64_t count;		  /* cheats */
	uint64_t count_all;	  /* cheats and honest nodes of the same role */
	struct sim_mean searched; /* of a cheat, under the seeds of the search */
	struct sim_mean mean;	  /* the same under fresh seeds: this is what to believe */
	bool has_honest;
	struct sim_mean honest; /* of the same nodes, behaving honestly, under the fresh seeds */
	uint32_t runs;
	bool is_exhausted; /* the budget ended before the search did */
};

/* sim_best_response: search.
 *
 * Returns SOUK_OK, or those of sim_measure. */
SOUK_MUST_CHECK souk_status sim_best_response(
	struct sim_best *ret, const struct sim_best_plan *plan, char error[SIM_ERROR_SIZE]);

/* SCENARIO with what was found in its POPULATION's place: to run it again, or to print it. */
void sim_best_apply(
	struct sim_scenario *scenario, uint32_t population, const struct sim_best *best);

/* All greedy actors that stand in the place of HONEST ("customer"); returns how many, at most
 * SIM_BEST_ACTORS_MAX. */
uint32_t sim_best_rivals(
	const struct sim_actor *ret_actors[SIM_BEST_ACTORS_MAX], const char *honest);

#endif
