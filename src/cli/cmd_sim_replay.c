/* SPDX-License-Identifier: Apache-2.0
 *
 * sim replay: a run again, with its log, held against the trace it had. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"
#include "commit.h"

static const char *trace_text;
static bool is_brief;

static void print_log_line(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(cli_json ? stderr : stdout, "%s\n", line);
}

/* "0x0123456789abcdef", the 0x may be missing. */
static bool parse_trace(uint64_t *ret, const char *text)
{
	char *end;
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;

	if (strlen(digits) != 16 || strspn(digits, "0123456789abcdefABCDEF") != 16)
		return false;
	*ret = strtoull(digits, &end, 16);
	return true;
}

static int say_same(const struct sim_report *report, bool has_trace, uint64_t trace)
{
	if (!has_trace) {
		printf("Hold another run against this one: --trace %s\n",
			cli_sim_trace_text(report->trace));
		return 0;
	}
	if (report->trace == trace) {
		printf("The same run: the traces agree.\n");
		return 0;
	}
	printf("ANOTHER RUN: the trace was %s. Scenario, settings, seed or code differ.\n",
		cli_sim_trace_text(trace));
	return EXIT_REFUSED;
}

static int replay(const char *name, bool has_trace, uint64_t trace)
{
	static struct sim_scenario scenario;
	static struct sim_report report;
	struct cli_sim_progress progress = {.is_quiet = cli_json || !is_brief};
	struct sim_run_options options = {.line = is_brief ? NULL : print_log_line,
		.progress = cli_sim_progress_show,
		.ctx = &progress};
	char error[SIM_ERROR_SIZE] = "";
	int code = cli_sim_load(&scenario, "sim replay", name);

	if (code != 0)
		return code;
	if (!cli_json)
		printf("souk " SOUK_VERSION " (" SOUK_COMMIT "), %s, seed %" PRIu64 "\n",
			scenario.name, scenario.seed);
	cli_sim_progress_start(&progress, &scenario);
	souk_status status = sim_run(&report, &scenario, &options, error);
	double seconds = cli_sim_progress_seconds(&progress);
	cli_sim_progress_end(&progress);
	if (status != SOUK_OK)
		return cli_fail("sim replay", name, status, error);
	bool is_same = !has_trace || report.trace == trace;
	if (!cli_json) {
		cli_sim_print_report(&scenario, &report, name, seconds);
		return say_same(&report, has_trace, trace);
	}
	json_t *json = cli_sim_report_json(&scenario, &report, name, seconds);
	json_object_set_new(json, "version", json_string(SOUK_VERSION));
	json_object_set_new(json, "commit", json_string(SOUK_COMMIT));
	json_object_set_new(json, "is_same", json_boolean(is_same));
	cli_print_json(json);
	return is_same ? 0 : EXIT_REFUSED;
}

int cmd_sim_replay(int argc, char **argv)
{
	static const struct option_spec options[] = {
		SIM_SEED_OPTION,
		{"trace", "HASH", "the trace that it had; the exit status is 1 for another",
			OPTION_TEXT, &trace_text},
		SIM_SET_OPTION,
		{"brief", NULL, "without the line for each event", OPTION_FLAG, &is_brief},
	};
	static const struct command_spec command = {.name = "sim replay",
		.arguments = "NAME|FILE",
		.summary = "Run a scenario again, with a line for each event.",
		.details = "souk sim run and souk sim swarm print the line that repeats what went "
			   "wrong.\n"
			   "Each line of the log: seconds, who it is about, its node's number, "
			   "what happened.",
		.examples = "  souk sim replay plain-sale --seed 7 | less\n"
			    "  souk sim replay my.scenario --seed 7 --trace 0x0123456789abcdef",
		.options = options,
		.option_count = 4,
		.arguments_min = 1,
		.arguments_max = 1};
	uint64_t trace = 0;
	int count;

	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (trace_text != NULL && !parse_trace(&trace, trace_text)) {
		fprintf(stderr,
			"souk sim replay: --trace %s: 16 hexadecimal digits, as souk sim run "
			"prints them\n",
			trace_text);
		return EXIT_USAGE;
	}
	cli_sim_catch_interrupt();
	return replay(argv[0], trace_text != NULL, trace);
}
