/* SPDX-License-Identifier: Apache-2.0
 *
 * sim shrink: a scenario that fails, made as short as can be. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_sim.h"
#include "../sim/shrink.h"

static const char *violation_name, *out_path;
static uint64_t runs_max;

static bool show(void *ctx, uint32_t runs, uint32_t most, const struct sim_scenario *smallest,
	uint64_t events)
{
	(void)smallest;
	(void)events;
	return cli_sim_pace_show(ctx, runs, most);
}

static bool is_expected(const struct sim_scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		const struct sim_expect *expect = &scenario->expects[i];
		if (expect->kind == SIM_EXPECT_VIOLATION && strcmp(expect->word, name) == 0)
			return true;
	}
	return false;
}

/* What it is to go on showing: a violation that it does not expect, or that it shows something
 * else than it expects. SIM_VIOLATION_KINDS: nothing is wrong. */
static enum sim_violation_kind find_wrong(
	const struct sim_scenario *scenario, const struct sim_report *report)
{
	for (uint32_t i = 0; i < report->violation_count; i++) {
		enum sim_violation_kind kind = report->violations[i].kind;
		if (!is_expected(scenario, sim_violation_names[kind]))
			return kind;
	}
	if (!report->is_expected)
		return SIM_VIOLATION_UNEXPECTED;
	return report->violation_count > 0 ? report->violations[0].kind : SIM_VIOLATION_KINDS;
}

/* By the option, or from a run. Returns an exit status. */
static int choose_kind(
	enum sim_violation_kind *ret, const struct sim_scenario *scenario, const char *name)
{
	static struct sim_report report;
	char error[SIM_ERROR_SIZE] = "";
	unsigned kind = 0;

	if (violation_name != NULL) {
		while (kind < SIM_VIOLATION_KINDS &&
			strcmp(sim_violation_names[kind], violation_name) != 0)
			kind++;
	} else {
		souk_status status = sim_run(&report, scenario, NULL, error);
		if (status != SOUK_OK)
			return cli_fail("sim shrink", name, status, error);
		kind = find_wrong(scenario, &report);
	}
	*ret = (enum sim_violation_kind)kind;
	if (kind < SIM_VIOLATION_KINDS)
		return 0;
	if (violation_name == NULL)
		return cli_fail("sim shrink", name, SOUK_LOCAL_NOT_FOUND,
			"it shows what it expects, and no violation");
	fprintf(stderr, "souk sim shrink: --violation %s: one of", violation_name);
	for (kind = 0; kind < SIM_VIOLATION_KINDS; kind++)
		fprintf(stderr, " %s", sim_violation_names[kind]);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

static void print_shrunk(const struct sim_scenario *scenario, const struct sim_shrunk *shrunk)
{
	static char text[SIM_TEXT_SIZE];

	sim_scenario_print(scenario, text, sizeof text);
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "violation",
			sim_violation_names[shrunk->violation.kind], "what", shrunk->violation.text,
			"events_before", (json_int_t)shrunk->events_before, "events",
			(json_int_t)shrunk->events, "runs", (json_int_t)shrunk->runs, "text",
			text));
		return;
	}
	printf("# %s: %s\n# %" PRIu64 " events, %" PRIu64 " before; %u runs\n%s",
		sim_violation_names[shrunk->violation.kind], shrunk->violation.text, shrunk->events,
		shrunk->events_before, shrunk->runs, text);
}

static int shrink(const char *name, struct sim_scenario *scenario)
{
	struct cli_sim_progress progress = {.is_quiet = cli_json};
	struct sim_shrink_options options = {
		.runs_max = (uint32_t)runs_max, .progress = show, .ctx = &progress};
	struct sim_shrunk shrunk;
	enum sim_violation_kind kind = SIM_VIOLATION_KINDS;
	int code = choose_kind(&kind, scenario, name);

	if (code != 0)
		return code;
	cli_sim_progress_start(&progress, scenario);
	souk_status status = sim_shrink(scenario, kind, &options, &shrunk);
	cli_sim_progress_end(&progress);
	if (status != SOUK_OK)
		return cli_fail("sim shrink", name, status, "it shows no such violation");
	print_shrunk(scenario, &shrunk);
	return out_path == NULL ? 0 : cli_sim_write_scenario(scenario, "sim shrink", out_path);
}

int cmd_sim_shrink(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"violation", "NAME", "what it must go on showing; the first it does not expect",
			OPTION_TEXT, &violation_name},
		{"runs", "N", "at most so many (400)", OPTION_U64, &runs_max},
		{"out", "FILE", "write the scenario there too", OPTION_TEXT, &out_path},
		SIM_SEED_OPTION,
		SIM_SET_OPTION,
	};
	static const struct command_spec command = {.name = "sim shrink",
		.arguments = "NAME|FILE",
		.summary = "Make a scenario that fails as short as can be.",
		.details =
			"Populations and faults are left out, numbers made smaller, as long as it "
			"still fails in\n"
			"the same way. Ctrl-C prints the shortest so far.",
		.examples = "  souk sim shrink my.scenario --seed 7 --out short.scenario\n"
			    "  souk sim shrink fork-beyond --violation unpaid-claim",
		.options = options,
		.option_count = (int)(sizeof options / sizeof *options),
		.arguments_min = 1,
		.arguments_max = 1};
	static struct sim_scenario scenario;
	int count;

	runs_max = 400;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (runs_max == 0 || runs_max > 1000000) {
		fprintf(stderr, "souk sim shrink: --runs: from 1 to 1000000\n");
		return EXIT_USAGE;
	}
	int code = cli_sim_load(&scenario, "sim shrink", argv[0]);
	if (code != 0)
		return code;
	cli_sim_catch_interrupt();
	return shrink(argv[0], &scenario);
}
