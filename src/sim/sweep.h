/* SPDX-License-Identifier: Apache-2.0
 *
 * sweep.h - vary one parameter, and see from where on cheating does not pay.
 *
 *   value 1 .. n --> the cheat's mean profit, and that of honest behaviour in its place
 *                --> where the two cross: the break-even
 *                --> what the closed form says, where there is one, and whether it applies
 *
 * Both sides of a row are run with the same seeds and the same nodes, so that their difference has
 * much less noise than either. The crossing is first bracketed by the rows, then narrowed by
 * interpolation; everything that decides is in whole ncoin.
 *
 * Memory: caller's, and heap while it runs. Threads: one. See docs/simulator.md, docs/security.md.
 */
#ifndef SOUK_SIM_SWEEP_H
#define SOUK_SIM_SWEEP_H

#include "measure.h"

#define SIM_SWEEP_ROWS_MAX 256u
/* A longest line of CSV. */
#define SIM_SWEEP_LINE_MAX 512u

struct sim_sweep_plan {
	const struct sim_scenario *scenario;
	const char *key;   /* as sim_scenario_set has it: "deposit", "thieves.count" */
	uint64_t from, to; /* as sim_scenario_get tells values */
	bool is_geometric;
	uint32_t points; /* 1: only FROM */
	uint32_t seeds;
	uint32_t population; /* the cheats */
	/* Honest nodes to compare with; UINT32_MAX: honest behaviour in the cheats' place. */
	uint32_t honest;
	uint32_t steps_max; /* to narrow the break-even; 0: it is interpolated between rows */
	/* The cheat's best response at each value, in so many runs; 0: the cheat as it is. */
	uint32_t best_runs;
	struct sim_pace pace;
};

struct sim_sweep_row {
	uint64_t value;
	struct sim_mean cheat, honest;
	/* What the documentation promises that a cheat gains at most, in ncoin, where it depends on
	 * the parameter: a window in each session, a prize in each. */
	bool has_bound;
	int64_t bound;
};

/* What paper says. */
struct sim_prediction {
	bool is_known;
	bool applies;	  /* the assumptions of the closed form hold */
	double value;	  /* by the closed form */
	const char *form; /* "k / (p (T - F))" */
	double corrected; /* where they do not hold: by the form below, 0: there is none */
	const char *correct_form;
	const char *why; /* they do not hold */
};

struct sim_sweep {
	char key[2 * SIM_NAME_SIZE + 2];
	enum sim_unit unit;
	uint64_t price; /* of a unit, to print profits in */
	uint32_t count;
	struct sim_sweep_row rows[SIM_SWEEP_ROWS_MAX];
	bool has_break_even;
	bool pays_above; /* cheating pays above the break-even, not below it */
	double break_even;
	uint64_t low, high; /* the values between which it lies */
	struct sim_prediction prediction;
	uint32_t runs;
};

/* sim_sweep: run it all.
 *
 * Returns SOUK_OK, or those of sim_measure and sim_scenario_set: ERROR says what, and nothing of
 * RET counts. */
SOUK_MUST_CHECK souk_status sim_sweep(
	struct sim_sweep *ret, const struct sim_sweep_plan *plan, char error[SIM_ERROR_SIZE]);

/* CSV: the heading (ROW UINT32_MAX) or one row, with its end of line. Profits are in prices of a
 * unit. Returns the length, below SIM_SWEEP_LINE_MAX. */
size_t sim_sweep_csv(char out[SIM_SWEEP_LINE_MAX], const struct sim_sweep *sweep, uint32_t row);

/* Break-even, prediction and how far they are apart, or why not, in one line. */
void sim_sweep_verdict(char out[SIM_SWEEP_LINE_MAX], const struct sim_sweep *sweep);

/* sim_predict: what the closed form says for KEY, and whether it applies to SCENARIO. */
void sim_predict(struct sim_prediction *ret, const struct sim_scenario *scenario,
	uint32_t population, const char *key);

#endif
