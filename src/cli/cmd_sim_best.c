/* SPDX-License-Identifier: Apache-2.0
 *
 * sim best: what a cheat gains that chooses its behaviour for the most profit. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"
#include "../sim/best.h"

static const char *cheats, *out_path;
static uint64_t runs_max, seeds;
static bool is_any, keeps_share;

/* Any greedy actor that can stand where those of the population do. */
static void take_rivals(struct sim_best_plan *plan)
{
	const char *name = plan->scenario->populations[plan->population].actor;
	const struct sim_actor *actor = sim_actor_find(name);

	if (actor->is_greedy && actor->honest == NULL)
		return;
	plan->actor_count =
		sim_best_rivals(plan->actors, actor->is_greedy ? actor->honest : actor->name);
}

static void print_mean(const char *what, const struct sim_mean *mean, uint64_t price)
{
	printf("%-30s %12.3f u, +- %.3f (%u runs)\n", what, (double)mean->profit / (double)price,
		(double)mean->error / (double)price, mean->runs);
}

static void print_best(const struct sim_best *best, uint64_t price, double seconds)
{
	printf("%s", best->actor->name);
	for (unsigned i = 0; i < SIM_KNOBS_MAX && best->actor->knobs != NULL &&
			     best->actor->knobs[i].name != NULL;
		i++)
		printf("%s %s = %" PRIu64, i == 0 ? ":" : ",", best->actor->knobs[i].name,
			best->knobs[i]);
	printf("\n%" PRIu64 " cheats of %" PRIu64 " nodes of their role\n", best->count,
		best->count_all);
	print_mean("a cheat gains", &best->mean, price);
	if (best->has_honest)
		print_mean("behaving honestly it gains", &best->honest, price);
	printf("%u runs in %.1f s%s\n", best->runs, seconds,
		best->is_exhausted ? "; the search was not over: more with --runs" : "");
}

static json_t *mean_json(const struct sim_mean *mean, uint64_t price)
{
	return json_pack("{s:f, s:f, s:I, s:I}", "profit_u", (double)mean->profit / (double)price,
		"error_u", (double)mean->error / (double)price, "runs", (json_int_t)mean->runs,
		"violations", (json_int_t)mean->violations);
}

static void print_best_json(const struct sim_best *best, uint64_t price)
{
	json_t *knobs = json_object();
	for (unsigned i = 0; i < SIM_KNOBS_MAX && best->actor->knobs != NULL &&
			     best->actor->knobs[i].name != NULL;
		i++)
		json_object_set_new(knobs, best->actor->knobs[i].name,
			json_integer((json_int_t)best->knobs[i]));
	json_t *json = json_pack("{s:s, s:o, s:I, s:I, s:o, s:I, s:b}", "actor", best->actor->name,
		"knobs", knobs, "count", (json_int_t)best->count, "count_all",
		(json_int_t)best->count_all, "cheat", mean_json(&best->mean, price), "runs",
		(json_int_t)best->runs, "is_exhausted", best->is_exhausted);
	if (best->has_honest)
		json_object_set_new(json, "honest", mean_json(&best->honest, price));
	cli_print_json(json);
}

int cli_sim_write_scenario(
	const struct sim_scenario *scenario, const char *command, const char *path)
{
	static char text[SIM_TEXT_SIZE];
	size_t size = sim_scenario_print(scenario, text, sizeof text);
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return cli_fail(command, path, SOUK_IO_WRITE, "cannot be written");
	bool is_written = fwrite(text, 1, size, out) == size;
	return fclose(out) == 0 && is_written ? 0 : cli_fail(command, path, SOUK_IO_WRITE, NULL);
}

static int search(const char *name, struct sim_scenario *scenario)
{
	static struct sim_best best;
	struct cli_sim_progress progress = {.is_quiet = cli_json};
	struct sim_best_plan plan = {.scenario = scenario,
		.keeps_share = keeps_share,
		.seeds = (uint32_t)seeds,
		.runs_max = (uint32_t)runs_max,
		.pace = {.told = cli_sim_pace_show, .ctx = &progress}};
	char error[SIM_ERROR_SIZE] = "";

	plan.population = cli_sim_find_cheats(scenario, "sim best", cheats);
	if (plan.population == UINT32_MAX)
		return EXIT_USAGE;
	if (is_any)
		take_rivals(&plan);
	cli_sim_progress_start(&progress, scenario);
	souk_status status = sim_best_response(&best, &plan, error);
	double seconds = cli_sim_progress_seconds(&progress);
	cli_sim_progress_end(&progress);
	if (status != SOUK_OK)
		return cli_fail("sim best", name, status, error);
	if (cli_json)
		print_best_json(&best, scenario->price);
	else
		print_best(&best, scenario->price, seconds);
	if (out_path == NULL)
		return 0;
	sim_best_apply(scenario, plan.population, &best);
	return cli_sim_write_scenario(scenario, "sim best", out_path);
}

int cmd_sim_best(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"cheats", "POPULATION", "who chooses; the first that cheats", OPTION_TEXT,
			&cheats},
		{"any", NULL, "it may be any cheat of the same role", OPTION_FLAG, &is_any},
		{"keep-share", NULL, "leave their number as it is", OPTION_FLAG, &keeps_share},
		{"runs", "N", "at most so many (200)", OPTION_U64, &runs_max},
		{"seeds", "N", "runs for each behaviour (3)", OPTION_U64, &seeds},
		{"out", "FILE", "write the scenario with what was found", OPTION_TEXT, &out_path},
		SIM_SEED_OPTION,
		SIM_SET_OPTION,
	};
	static const struct command_spec command = {.name = "sim best",
		.arguments = "NAME|FILE",
		.summary = "Search what a cheat gains at best.",
		.details = "Its knobs, what it is, and how many there are of it are varied for the "
			   "most profit of one\n"
			   "of them. No proof that nothing is better: more --runs search further.",
		.examples = "  souk sim best attack-non-payer --runs 400\n"
			    "  souk sim best plain-sale --cheats shop --any --out best.scenario",
		.options = options,
		.option_count = (int)(sizeof options / sizeof *options),
		.arguments_min = 1,
		.arguments_max = 1};
	static struct sim_scenario scenario;
	int count;

	runs_max = 200;
	seeds = 3;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (seeds == 0 || seeds > SIM_SEEDS_MAX || runs_max == 0 || runs_max > 1000000) {
		fprintf(stderr, "souk sim best: --seeds: from 1 to %u; --runs: from 1 to 1000000\n",
			SIM_SEEDS_MAX);
		return EXIT_USAGE;
	}
	int code = cli_sim_load(&scenario, "sim best", argv[0]);
	if (code != 0)
		return code;
	cli_sim_catch_interrupt();
	return search(argv[0], &scenario);
}
