/* SPDX-License-Identifier: Apache-2.0
 *
 * sim swarm: random markets, until one shows a violation. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_sim.h"
#include "commit.h"
#include "souk/io/clock_real.h"
#include "../sim/swarm.h"

static const char *out_path;
static uint64_t minutes, first_seed, runs_max;
static bool is_brief, does_not_shrink;

struct swarm {
	uint64_t started_ns, end_ns;
	uint64_t runs; /* that were begun */
	bool is_drawn;
};

static bool keep_going(void *ctx)
{
	struct swarm *swarm = ctx;
	uint64_t now = souk_clock_steady_ns();

	if (isatty(STDERR_FILENO) && is_brief && !cli_json) {
		fprintf(stderr, "\rswarm: %" PRIu64 " scenarios, %.0f s left\033[K", swarm->runs,
			now < swarm->end_ns ? (double)(swarm->end_ns - now) / 1e9 : 0.0);
		swarm->is_drawn = true;
	}
	swarm->runs++;
	return now < swarm->end_ns && !cli_sim_is_interrupted();
}

static void print_line(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(cli_json ? stderr : stdout, "%s\n", line);
	fflush(stdout);
}

/* Where the violation can be looked at again; PATH may be NULL. */
static void print_found(const struct sim_swarm_result *result)
{
	const char *kind = sim_violation_names[result->violation.kind];

	printf("\nFOUND by souk " SOUK_VERSION " (" SOUK_COMMIT "), seed %" PRIu64
	       ": %s: %s\n\n%s\n",
		result->seed, kind, result->violation.text, result->text);
	printf("The random scenario again:\n  souk sim swarm --seed %" PRIu64 " --runs 1\n",
		result->seed);
	if (out_path != NULL)
		printf("The short one, with its log:\n  souk sim replay %s\n", out_path);
	else
		printf("Keep the short one in a file, or give --out FILE, and see its log with:\n"
		       "  souk sim replay FILE\n");
}

static int write_text(const char *text)
{
	FILE *out = fopen(out_path, "w");

	if (out == NULL)
		return cli_fail("sim swarm", out_path, SOUK_IO_WRITE, "cannot be written");
	bool is_written = fputs(text, out) >= 0;
	return fclose(out) == 0 && is_written
		       ? 0
		       : cli_fail("sim swarm", out_path, SOUK_IO_WRITE, NULL);
}

static json_t *result_json(const struct sim_swarm_result *result, double seconds)
{
	json_t *json = json_pack("{s:I, s:I, s:I, s:f, s:f, s:s, s:b, s:s, s:s}", "first_seed",
		(json_int_t)first_seed, "runs", (json_int_t)result->runs, "messages",
		(json_int_t)result->messages, "simulated_s", (double)result->sim_us / 1e6, "wall_s",
		seconds, "trace", cli_sim_trace_text(result->trace), "is_found", result->is_found,
		"version", SOUK_VERSION, "commit", SOUK_COMMIT);
	if (result->is_found) {
		json_object_set_new(json, "seed", json_integer((json_int_t)result->seed));
		json_object_set_new(json, "violation",
			json_string(sim_violation_names[result->violation.kind]));
		json_object_set_new(json, "what", json_string(result->violation.text));
		json_object_set_new(json, "text", json_string(result->text));
	}
	return json;
}

static int swarm_run(void)
{
	static struct sim_swarm_result result;
	struct swarm swarm = {.started_ns = souk_clock_steady_ns()};
	struct sim_swarm_options options = {.seed = first_seed,
		.runs_max = runs_max,
		.shrink_runs_max = does_not_shrink ? UINT32_MAX : 0,
		.keep_going = keep_going,
		.line = is_brief || cli_json ? NULL : print_line,
		.ctx = &swarm};
	int code = 0;

	swarm.end_ns = swarm.started_ns + minutes * 60000000000ull;
	sim_swarm(&result, &options);
	double seconds = (double)(souk_clock_steady_ns() - swarm.started_ns) / 1e9;
	if (swarm.is_drawn)
		fputs("\r\033[K", stderr);
	if (cli_json)
		cli_print_json(result_json(&result, seconds));
	else
		printf("%" PRIu64 " scenarios from seed %" PRIu64 " on, %" PRIu64
		       " messages, %.0f s simulated in %.0f s, trace %s: %s\n",
			result.runs, first_seed, result.messages, (double)result.sim_us / 1e6,
			seconds, cli_sim_trace_text(result.trace),
			result.is_found ? "a violation" : "no violation");
	if (!result.is_found)
		return 0;
	if (out_path != NULL)
		code = write_text(result.text);
	if (!cli_json)
		print_found(&result);
	return code != 0 ? code : EXIT_REFUSED;
}

int cmd_sim_swarm(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"minutes", "N", "for so long (1; without end where --runs is given)", OPTION_U64,
			&minutes},
		{"seed", "N", "of the first scenario; the next has one more (1)", OPTION_U64,
			&first_seed},
		{"runs", "N", "at most so many scenarios", OPTION_U64, &runs_max},
		{"brief", NULL, "without a line for each scenario", OPTION_FLAG, &is_brief},
		{"no-shrink", NULL, "leave what fails as it is", OPTION_FLAG, &does_not_shrink},
		{"out", "FILE", "write what fails there", OPTION_TEXT, &out_path},
	};
	static const struct command_spec command = {.name = "sim swarm",
		.arguments = "",
		.summary =
			"Run random scenarios, one after the other, until one shows a violation.",
		.details =
			"Honest parties, cheats of all kinds, faults and a policy are drawn from "
			"the seed. What\n"
			"fails is made short and printed; the exit status is 1 then.",
		.examples = "  souk sim swarm --minutes 5 --seed 1000\n"
			    "  souk sim swarm --seed 1234 --runs 1",
		.options = options,
		.option_count = (int)(sizeof options / sizeof *options),
		.arguments_min = 0,
		.arguments_max = 0};
	int count;

	first_seed = 1;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (minutes == 0)
		minutes = runs_max > 0 ? 100000 : 1;
	if (runs_max == 0)
		runs_max = UINT64_MAX;
	if (minutes > 100000) {
		fprintf(stderr, "souk sim swarm: --minutes: at most 100000\n");
		return EXIT_USAGE;
	}
	cli_sim_catch_interrupt();
	return swarm_run();
}
