/* SPDX-License-Identifier: Apache-2.0
 *
 * sim run: scenarios, one or several, with one seed or several. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"

#define NAMES_MAX 128
#define SEEDS_MAX 1000000u

static bool has_log;
static uint64_t seeds;

/* Of many runs only a line each is shown, and their sum. */
struct runs {
	bool are_many;
	uint32_t count, unexpected;
	double seconds;
	json_t *json;
};

static void print_log_line(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(cli_json ? stderr : stdout, "%s\n", line);
}

static void print_one_of_many(const struct sim_scenario *scenario, const struct sim_report *report,
	const char *name, double seconds)
{
	printf("%-10s %-28s seed %-6" PRIu64 " %s %9.2f s\n",
		report->is_expected ? "ok" : "UNEXPECTED", scenario->name, scenario->seed,
		cli_sim_trace_text(report->trace), seconds);
	if (report->is_expected)
		return;
	printf("  %s\n  souk sim replay ", report->unexpected);
	cli_sim_print_arguments(stdout, name, scenario->seed);
	printf(" --trace %s\n", cli_sim_trace_text(report->trace));
}

/* Returns 0 unless it could not be run. */
static int run_once(struct runs *runs, const struct sim_scenario *scenario, const char *name)
{
	static struct sim_report report;
	struct cli_sim_progress progress = {.is_quiet = cli_json || has_log};
	struct sim_run_options options = {.line = has_log ? print_log_line : NULL,
		.progress = cli_sim_progress_show,
		.ctx = &progress};
	char error[SIM_ERROR_SIZE] = "";

	cli_sim_progress_start(&progress, scenario);
	souk_status status = sim_run(&report, scenario, &options, error);
	double seconds = cli_sim_progress_seconds(&progress);
	cli_sim_progress_end(&progress);
	if (status != SOUK_OK)
		return cli_fail("sim run", name, status, error);
	runs->count++;
	runs->unexpected += !report.is_expected;
	runs->seconds += seconds;
	if (cli_json)
		json_array_append_new(
			runs->json, cli_sim_report_json(scenario, &report, name, seconds));
	else if (runs->are_many)
		print_one_of_many(scenario, &report, name, seconds);
	else
		cli_sim_print_report(scenario, &report, name, seconds);
	fflush(stdout);
	return 0;
}

static int run_scenario(struct runs *runs, const char *name)
{
	static struct sim_scenario scenario;
	int code = cli_sim_load(&scenario, "sim run", name);

	for (uint64_t i = 0; code == 0 && i < seeds; i++) {
		code = run_once(runs, &scenario, name);
		scenario.seed++;
	}
	return code;
}

static int finish(struct runs *runs)
{
	if (cli_json)
		cli_print_json(json_pack("{s:o, s:I, s:I}", "runs", runs->json, "count",
			(json_int_t)runs->count, "unexpected", (json_int_t)runs->unexpected));
	else if (runs->are_many)
		printf("%u runs in %.1f s, %u unexpected\n", runs->count, runs->seconds,
			runs->unexpected);
	return runs->unexpected > 0 ? EXIT_REFUSED : 0;
}

int cmd_sim_run(int argc, char **argv)
{
	static const struct option_spec options[] = {
		SIM_SEED_OPTION,
		{"seeds", "N", "run with so many seeds, one after the other (1)", OPTION_U64,
			&seeds},
		SIM_SET_OPTION,
		{"log", NULL, "print a line for each event", OPTION_FLAG, &has_log},
	};
	static const struct command_spec command = {.name = "sim run",
		.arguments = "NAME|FILE...",
		.summary = "Run scenarios: of the library by their names, or of files.",
		.details =
			"For each population: the profit of a node on average, least and most, in "
			"prices of a\n"
			"unit (u); downloads done; units got or served; money paid to it, less "
			"what it paid.\n"
			"The auditor looks for violations meanwhile. The exit status is 1 where a "
			"result is not\n"
			"what the scenario expects; then the line that repeats the run is "
			"printed.\n"
			"The trace is a hash of all that happened: same scenario and seed, same "
			"trace.",
		.examples = "  souk sim run plain-sale\n"
			    "  souk sim run flash-crowd --seeds 20 --set window=8\n"
			    "  souk sim run my.scenario --log",
		.options = options,
		.option_count = 4,
		.arguments_min = 1,
		.arguments_max = NAMES_MAX};
	struct runs runs = {0};
	int count, code = 0;

	seeds = 1;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (seeds == 0 || seeds > SEEDS_MAX) {
		fprintf(stderr, "souk sim run: --seeds: from 1 to %u\n", SEEDS_MAX);
		return EXIT_USAGE;
	}
	runs.are_many = seeds > 1 || count > 1;
	runs.json = cli_json ? json_array() : NULL;
	cli_sim_catch_interrupt();
	for (int i = 0; code == 0 && i < count; i++)
		code = run_scenario(&runs, argv[i]);
	if (code == 0)
		return finish(&runs);
	json_decref(runs.json);
	return code;
}
