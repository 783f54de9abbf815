/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_sim.h - what the commands of `souk sim` share: scenarios, progress, reports. */
#ifndef SOUK_CLI_CMD_SIM_H
#define SOUK_CLI_CMD_SIM_H

#include <jansson.h>
#include <stdio.h>

#include "options.h"
#include "../sim/run.h"

/* --set and --seed, which all of them know that run something. */
extern struct option_list cli_sim_sets;
extern const char *cli_sim_seed;
#define SIM_SET_OPTION                                                                             \
	{                                                                                          \
		"set", "KEY=VALUE",                                                                \
			"change a parameter: window=8, buyers.count=3; again for more",            \
			OPTION_LIST, &cli_sim_sets                                                 \
	}
#define SIM_SEED_OPTION                                                                            \
	{                                                                                          \
		"seed", "N", "everything random follows from it; the scenario's", OPTION_TEXT,     \
			&cli_sim_seed                                                              \
	}

/* Read NAME, of the library or a file, and apply --set and --seed. Returns 0, or an exit status:
 * what is wrong is said. */
int cli_sim_load(struct sim_scenario *ret, const char *command, const char *name);
/* "NAME --seed N --set ...": what repeats a run, behind "souk sim run" and the like. */
void cli_sim_print_arguments(FILE *out, const char *name, uint64_t seed);

/* ---------------------------------------------------------------- while it runs */

struct cli_sim_progress {
	const char *name;
	uint64_t seed;
	uint64_t started_ns;
	uint64_t shown_ns;
	bool is_drawn; /* a line stands on the terminal */
	bool is_quiet; /* no line */
};

/* Ctrl-C stops what runs; then a run ends with SOUK_LOCAL_STOPPED. */
void cli_sim_catch_interrupt(void);
bool cli_sim_is_interrupted(void);
void cli_sim_progress_start(struct cli_sim_progress *progress, const struct sim_scenario *scenario);
/* Of sim_run_options; CTX is the struct above. */
bool cli_sim_progress_show(void *ctx, uint64_t sim_us, uint64_t end_us, uint64_t messages);
/* Of sim_pace, for many runs. */
bool cli_sim_pace_show(void *ctx, uint32_t runs, uint32_t runs_most);
void cli_sim_progress_end(struct cli_sim_progress *progress);
double cli_sim_progress_seconds(const struct cli_sim_progress *progress);

/* ---------------------------------------------------------------- what came of it */

/* "0x0123456789abcdef", in a static buffer. */
const char *cli_sim_trace_text(uint64_t trace);
/* "12.345 s" of world time, in a static buffer. */
const char *cli_sim_us_text(uint64_t us);
/* The population that node ID belongs to, or "the market". */
const char *cli_sim_population_of(const struct sim_scenario *scenario, uint32_t node);

/* Populations, violations and what to do next. NAME is as the command line had it. */
void cli_sim_print_report(const struct sim_scenario *scenario, const struct sim_report *report,
	const char *name, double seconds);
json_t *cli_sim_report_json(const struct sim_scenario *scenario, const struct sim_report *report,
	const char *name, double seconds);

/* The population NAME, or where it is NULL the first that cheats. UINT32_MAX: none, which is said.
 */
uint32_t cli_sim_find_cheats(
	const struct sim_scenario *scenario, const char *command, const char *name);
/* Returns 0, or an exit status. */
int cli_sim_write_scenario(
	const struct sim_scenario *scenario, const char *command, const char *path);

int cmd_sim_list(int argc, char **argv);
int cmd_sim_show(int argc, char **argv);
int cmd_sim_actors(int argc, char **argv);
int cmd_sim_parameters(int argc, char **argv);
int cmd_sim_run(int argc, char **argv);
int cmd_sim_replay(int argc, char **argv);
int cmd_sim_sweep(int argc, char **argv);
int cmd_sim_best(int argc, char **argv);
int cmd_sim_shrink(int argc, char **argv);
int cmd_sim_swarm(int argc, char **argv);

#endif
