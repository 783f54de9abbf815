/* SPDX-License-Identifier: Apache-2.0
 *
 * sim sweep: vary a parameter, and see from where on cheating does not pay. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"
#include "sweep_plot.h"
#include "../sim/sweep.h"

static const char *key, *from_text, *to_text, *cheats, *honest, *csv_path, *svg_path;
static uint64_t points, seeds, steps, best_runs;
static bool is_geometric;

static int refuse(const char *option, const char *text, const char *why)
{
	fprintf(stderr, "souk sim sweep: --%s %s: %s\n", option, text, why);
	return EXIT_USAGE;
}

uint32_t cli_sim_find_cheats(
	const struct sim_scenario *scenario, const char *command, const char *name)
{
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		const struct sim_population *population = &scenario->populations[i];
		const struct sim_actor *actor = sim_actor_find(population->actor);
		if (name != NULL ? strcmp(population->name, name) == 0
				 : actor != NULL && actor->is_greedy)
			return i;
	}
	fprintf(stderr, "souk %s: %s: ", command, scenario->name);
	if (name != NULL)
		fprintf(stderr, "there is no population %s\n", name);
	else
		fprintf(stderr, "nobody cheats in it; name a population with --cheats\n");
	return UINT32_MAX;
}

static int parse_value(
	uint64_t *ret, const struct sim_parameter *parameter, const char *option, const char *text)
{
	char allowed[SIM_ERROR_SIZE];

	if (sim_value_parse(ret, parameter, text))
		return 0;
	sim_value_allowed(allowed, parameter);
	return refuse(option, text, allowed);
}

static int make_plan(struct sim_sweep_plan *plan, const struct sim_scenario *scenario)
{
	struct sim_parameter parameter;
	uint64_t value;

	*plan = (struct sim_sweep_plan){.scenario = scenario,
		.key = key,
		.is_geometric = is_geometric,
		.points = (uint32_t)points,
		.seeds = (uint32_t)seeds,
		.honest = UINT32_MAX,
		.steps_max = (uint32_t)steps,
		.best_runs = (uint32_t)best_runs};
	if (sim_scenario_get(scenario, key, &parameter, &value) != SOUK_OK)
		return refuse("vary", key, "no such parameter; souk sim parameters lists them");
	int code = parse_value(&plan->from, &parameter, "from", from_text);
	if (code == 0)
		code = parse_value(&plan->to, &parameter, "to", to_text);
	if (code != 0)
		return code;
	if (plan->to < plan->from || (is_geometric && plan->from == 0))
		return refuse("to", to_text,
			is_geometric ? "at least --from, which is not 0 with --geometric"
				     : "at least --from");
	plan->population = cli_sim_find_cheats(scenario, "sim sweep", cheats);
	if (plan->population == UINT32_MAX)
		return EXIT_USAGE;
	if (honest == NULL)
		return 0;
	plan->honest = cli_sim_find_cheats(scenario, "sim sweep", honest);
	return plan->honest == UINT32_MAX ? EXIT_USAGE : 0;
}

/* ---------------------------------------------------------------- what is written */

static int write_csv(const struct sim_sweep *sweep)
{
	char line[SIM_SWEEP_LINE_MAX];
	FILE *out = fopen(csv_path, "w");

	if (out == NULL)
		return cli_fail("sim sweep", csv_path, SOUK_IO_WRITE, "cannot be written");
	sim_sweep_csv(line, sweep, UINT32_MAX);
	fputs(line, out);
	for (uint32_t i = 0; i < sweep->count; i++) {
		sim_sweep_csv(line, sweep, i);
		fputs(line, out);
	}
	bool is_written = !ferror(out);
	return fclose(out) == 0 && is_written
		       ? 0
		       : cli_fail("sim sweep", csv_path, SOUK_IO_WRITE, NULL);
}

static int write_svg(const struct sim_sweep *sweep, const struct sim_scenario *scenario)
{
	FILE *out = fopen(svg_path, "w");

	if (out == NULL)
		return cli_fail("sim sweep", svg_path, SOUK_IO_WRITE, "cannot be written");
	sweep_plot_write(out, sweep, scenario->about);
	bool is_written = !ferror(out);
	return fclose(out) == 0 && is_written
		       ? 0
		       : cli_fail("sim sweep", svg_path, SOUK_IO_WRITE, NULL);
}

static int64_t milli(const struct sim_sweep *sweep, int64_t ncoin)
{
	return (int64_t)((double)ncoin * 1000 / (double)sweep->price);
}

static void print_sweep(const struct sim_sweep *sweep)
{
	const char *const headings[] = {
		sweep->key, "cheat/u", "honest/u", "cheating gains/u", "at most/u", "violations"};
	static const bool is_number[] = {true, true, true, true, true, true};
	struct cli_table *table = cli_table_new(6, headings, is_number);

	for (uint32_t i = 0; i < sweep->count; i++) {
		const struct sim_sweep_row *row = &sweep->rows[i];
		char value[SIM_VALUE_SIZE], cheat[SIM_VALUE_SIZE], fair[SIM_VALUE_SIZE];
		char gain[SIM_VALUE_SIZE], bound[SIM_VALUE_SIZE] = "-", violations[24];
		sim_value_print(value, sweep->unit, row->value);
		sim_milli_print(cheat, milli(sweep, row->cheat.profit));
		sim_milli_print(fair, milli(sweep, row->honest.profit));
		sim_milli_print(gain, milli(sweep, row->cheat.profit - row->honest.profit));
		if (row->has_bound)
			sim_milli_print(bound, milli(sweep, row->bound));
		snprintf(violations, sizeof violations, "%u", row->cheat.violations);
		const char *cells[] = {value, cheat, fair, gain, bound, violations};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_sweep_json(const struct sim_sweep *sweep)
{
	char verdict[SIM_SWEEP_LINE_MAX];
	json_t *rows = json_array();
	double price = (double)sweep->price;

	for (uint32_t i = 0; i < sweep->count; i++) {
		const struct sim_sweep_row *row = &sweep->rows[i];
		json_array_append_new(rows,
			json_pack("{s:I, s:f, s:f, s:f, s:f, s:I}", "value", (json_int_t)row->value,
				"cheat_profit_u", (double)row->cheat.profit / price,
				"cheat_error_u", (double)row->cheat.error / price,
				"honest_profit_u", (double)row->honest.profit / price,
				"honest_error_u", (double)row->honest.error / price, "violations",
				(json_int_t)row->cheat.violations));
	}
	sim_sweep_verdict(verdict, sweep);
	json_t *json = json_pack("{s:s, s:o, s:I, s:s}", "key", sweep->key, "rows", rows, "runs",
		(json_int_t)sweep->runs, "verdict", verdict);
	if (sweep->has_break_even)
		json_object_set_new(json, "break_even", json_real(sweep->break_even));
	if (sweep->prediction.is_known)
		json_object_set_new(json, "predicted", json_real(sweep->prediction.value));
	cli_print_json(json);
}

static int finish(
	const struct sim_sweep *sweep, const struct sim_scenario *scenario, double seconds)
{
	char verdict[SIM_SWEEP_LINE_MAX];
	int code = 0;

	if (csv_path != NULL)
		code = write_csv(sweep);
	if (code == 0 && svg_path != NULL)
		code = write_svg(sweep, scenario);
	if (code != 0)
		return code;
	if (cli_json) {
		print_sweep_json(sweep);
		return 0;
	}
	sim_sweep_verdict(verdict, sweep);
	print_sweep(sweep);
	printf("u is the price of a unit, %" PRIu64 " ncoin.\n\n%s\n%u runs in %.1f s\n",
		sweep->price, verdict, sweep->runs, seconds);
	return 0;
}

static int run(const char *name)
{
	static struct sim_scenario scenario;
	static struct sim_sweep sweep;
	struct sim_sweep_plan plan;
	struct cli_sim_progress progress = {.is_quiet = cli_json};
	char error[SIM_ERROR_SIZE] = "";
	int code = cli_sim_load(&scenario, "sim sweep", name);

	if (code == 0)
		code = make_plan(&plan, &scenario);
	if (code != 0)
		return code;
	plan.pace = (struct sim_pace){.told = cli_sim_pace_show, .ctx = &progress};
	cli_sim_progress_start(&progress, &scenario);
	souk_status status = sim_sweep(&sweep, &plan, error);
	double seconds = cli_sim_progress_seconds(&progress);
	cli_sim_progress_end(&progress);
	if (status != SOUK_OK)
		return cli_fail("sim sweep", name, status, error);
	return finish(&sweep, &scenario, seconds);
}

static int check_numbers(void)
{
	if (points == 0 || points > SIM_SWEEP_ROWS_MAX) {
		fprintf(stderr, "souk sim sweep: --points: from 1 to %u\n", SIM_SWEEP_ROWS_MAX);
		return EXIT_USAGE;
	}
	if (seeds == 0 || seeds > SIM_SEEDS_MAX || steps > 1000 || best_runs > 1000000) {
		fprintf(stderr,
			"souk sim sweep: --seeds: from 1 to %u; --steps: at most 1000; "
			"--best: at most 1000000\n",
			SIM_SEEDS_MAX);
		return EXIT_USAGE;
	}
	if (key != NULL && from_text != NULL && to_text != NULL)
		return 0;
	fprintf(stderr, "souk sim sweep: --vary, --from and --to are needed\n"
			"try: souk sim sweep --help\n");
	return EXIT_USAGE;
}

int cmd_sim_sweep(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"vary", "KEY", "the parameter, as --set has it: deposit, thieves.count",
			OPTION_TEXT, &key},
		{"from", "VALUE", "its first value", OPTION_TEXT, &from_text},
		{"to", "VALUE", "its last value", OPTION_TEXT, &to_text},
		{"points", "N", "how many values (9)", OPTION_U64, &points},
		{"geometric", NULL, "each value a multiple of the one before, not a step more",
			OPTION_FLAG, &is_geometric},
		{"cheats", "POPULATION", "whose profit; the first that cheats", OPTION_TEXT,
			&cheats},
		{"honest", "POPULATION", "compared with; honest behaviour in the cheats' place",
			OPTION_TEXT, &honest},
		{"seeds", "N", "runs of each value and side (1)", OPTION_U64, &seeds},
		{"steps", "N", "runs more, to narrow the break-even (0)", OPTION_U64, &steps},
		{"best", "N", "the cheats' best response at each value, in so many runs (0: as is)",
			OPTION_U64, &best_runs},
		{"csv", "FILE", "write the rows there", OPTION_TEXT, &csv_path},
		{"svg", "FILE", "draw them there", OPTION_TEXT, &svg_path},
		SIM_SEED_OPTION,
		SIM_SET_OPTION,
	};
	static const struct command_spec command = {.name = "sim sweep",
		.arguments = "NAME|FILE",
		.summary = "Vary a parameter: from where on does cheating not pay?",
		.details =
			"For each value the mean profit of a cheat, beside that of honest "
			"behaviour in its place,\n"
			"over the same seeds; where the two cross, and what the closed form says "
			"of it.\n"
			"Profits are in prices of a unit (u).",
		.examples = "  souk sim sweep sweep-deposit --vary deposit --from 10000 --to 30000 "
			    "--svg deposit.svg\n"
			    "  souk sim sweep attack-key-withholder --vary window --from 1 --to 32 "
			    "--points 6 --geometric --csv window.csv",
		.options = options,
		.option_count = (int)(sizeof options / sizeof *options),
		.arguments_min = 1,
		.arguments_max = 1};
	int count;

	points = 9;
	seeds = 1;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	int code = check_numbers();
	if (code != 0)
		return code;
	cli_sim_catch_interrupt();
	return run(argv[0]);
}
