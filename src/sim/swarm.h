/* SPDX-License-Identifier: Apache-2.0
 *
 * swarm.h - random markets, one after the other, each under the auditor's eyes.
 *
 *   seed --> scenario --> run --clean--> the next seed
 *                          |
 *                          '--violation--> shrink --> a short text: the bug report
 *
 * A scenario of the swarm has honest parties, cheats of every kind there is, faults until some
 * moment, and a policy, all drawn from its seed; and it expects nothing but that there is no
 * violation. What such a scenario may not have, since the documentation promises nothing then, is
 * said in docs/simulator.md, "Swarms", and left out where it is drawn, in swarm.c.
 *
 * Memory: heap while it runs. Threads: one for each swarm. */
#ifndef SOUK_SIM_SWARM_H
#define SOUK_SIM_SWARM_H

#include "shrink.h"

/* The scenario of SEED: the same one everywhere, as long as the list of actors is the same. */
void sim_swarm_scenario(struct sim_scenario *ret, uint64_t seed);

struct sim_swarm_options {
	uint64_t seed; /* of the first scenario; the next has one more */
	uint64_t runs_max;
	uint32_t shrink_runs_max; /* 0: as sim_shrink; UINT32_MAX: do not shrink */
	/* Asked before each scenario, since there is no clock here; NULL: always. */
	bool (*keep_going)(void *ctx);
	/* A line for each scenario, and for each step of a report; NULL: none. */
	void (*line)(void *ctx, const char *line);
	void *ctx;
};

struct sim_swarm_result {
	uint64_t runs;
	uint64_t messages;
	uint64_t sim_us;
	uint64_t trace; /* over all runs */
	bool is_found;	/* the rest is of what was found */
	uint64_t seed;
	struct sim_violation violation;
	char text[SIM_TEXT_SIZE]; /* the shrunk scenario */
};

/* Up to the first violation, or the end. RET is large. */
void sim_swarm(struct sim_swarm_result *ret, const struct sim_swarm_options *options);

#endif
