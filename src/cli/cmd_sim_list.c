/* SPDX-License-Identifier: Apache-2.0
 *
 * sim list, show, actors, parameters: what there is to choose from. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"
#include "../sim/library.h"

static enum parse_outcome parse(const char *name, const char *arguments, const char *summary,
	int argument_count, int argc, char **argv)
{
	const struct command_spec command = {.name = name,
		.arguments = arguments,
		.summary = summary,
		.options = NULL,
		.option_count = 0,
		.arguments_min = argument_count,
		.arguments_max = argument_count};
	int count;
	return options_parse(&command, argc, argv, &count);
}

/* ---------------------------------------------------------------- scenarios */

static uint64_t nodes_of(const struct sim_scenario *scenario)
{
	uint64_t nodes = 0;
	for (uint32_t i = 0; i < scenario->population_count; i++)
		nodes += scenario->populations[i].count;
	return nodes;
}

static json_t *scenario_json(const struct sim_scenario *scenario)
{
	json_t *populations = json_array();
	for (uint32_t i = 0; i < scenario->population_count; i++)
		json_array_append_new(populations,
			json_pack("{s:s, s:s, s:I}", "name", scenario->populations[i].name, "actor",
				scenario->populations[i].actor, "nodes",
				(json_int_t)scenario->populations[i].count));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "name", scenario->name, "about",
		scenario->about, "nodes", (json_int_t)nodes_of(scenario), "duration_ms",
		(json_int_t)scenario->duration_ms, "faults", (json_int_t)scenario->fault_count,
		"populations", populations);
}

int cmd_sim_list(int argc, char **argv)
{
	static const char *const headings[] = {"scenario", "nodes", "about"};
	static const bool is_number[] = {false, true, false};
	static struct sim_scenario scenario;
	enum parse_outcome outcome =
		parse("sim list", "", "List the scenarios that come with souk.", 0, argc, argv);

	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct cli_table *table = cli_json ? NULL : cli_table_new(3, headings, is_number);
	json_t *json = cli_json ? json_array() : NULL;
	for (size_t i = 0; i < sim_library_count; i++) {
		char nodes[24];
		int code = cli_sim_load(&scenario, "sim list", sim_library[i].name);
		if (code != 0)
			return code;
		snprintf(nodes, sizeof nodes, "%" PRIu64, nodes_of(&scenario));
		const char *cells[] = {scenario.name, nodes, scenario.about};
		if (cli_json)
			json_array_append_new(json, scenario_json(&scenario));
		else
			cli_table_add(table, cells);
	}
	if (cli_json) {
		cli_print_json(json_pack("{s:o}", "scenarios", json));
		return 0;
	}
	cli_table_print(table);
	printf("\nsouk sim run NAME runs one, souk sim show NAME prints it.\n");
	return 0;
}

int cmd_sim_show(int argc, char **argv)
{
	static const struct option_spec options[] = {SIM_SEED_OPTION, SIM_SET_OPTION};
	static const struct command_spec command = {.name = "sim show",
		.arguments = "NAME|FILE",
		.summary = "Print a scenario, to be copied and changed.",
		.details =
			"As it is written, with its comments; where --seed or --set change it, as "
			"the program\n"
			"has it: what differs from the defaults.",
		.examples = "  souk sim show flash-crowd > mine.scenario\n"
			    "  souk sim show flash-crowd --set window=8 > mine.scenario",
		.options = options,
		.option_count = 2,
		.arguments_min = 1,
		.arguments_max = 1};
	static struct sim_scenario scenario;
	static char text[SIM_TEXT_SIZE];
	int count;

	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	int code = cli_sim_load(&scenario, "sim show", argv[0]);
	if (code != 0)
		return code;
	const char *shown = text;
	sim_scenario_print(&scenario, text, sizeof text);
	for (size_t i = 0; cli_sim_sets.count == 0 && cli_sim_seed == NULL && i < sim_library_count;
		i++) {
		if (strcmp(sim_library[i].name, argv[0]) == 0)
			shown = sim_library[i].text;
	}
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s}", "name", scenario.name, "text", shown));
	else
		fputs(shown, stdout);
	return 0;
}

/* ---------------------------------------------------------------- actors */

static json_t *actor_json(const struct sim_actor *actor)
{
	json_t *knobs = json_array();
	for (const struct sim_knob *knob = actor->knobs; knob != NULL && knob->name != NULL; knob++)
		json_array_append_new(
			knobs, json_pack("{s:s, s:I, s:I, s:I, s:s}", "name", knob->name, "default",
				       (json_int_t)knob->value, "min", (json_int_t)knob->min, "max",
				       (json_int_t)knob->max, "about", knob->about));
	return json_pack("{s:s, s:s, s:b, s:s*, s:o}", "name", actor->name, "about", actor->about,
		"is_greedy", actor->is_greedy, "in_place_of", actor->honest, "knobs", knobs);
}

static void print_actor(const struct sim_actor *actor)
{
	printf("%s%s\n  %s\n", actor->name, actor->is_greedy ? " (cheats)" : "", actor->about);
	for (const struct sim_knob *knob = actor->knobs; knob != NULL && knob->name != NULL; knob++)
		printf("    %-18s %s; %" PRIu64 ", from %" PRIu64 " to %" PRIu64 "\n", knob->name,
			knob->about, knob->value, knob->min, knob->max);
}

int cmd_sim_actors(int argc, char **argv)
{
	enum parse_outcome outcome = parse("sim actors", "",
		"List who can be in a scenario, and the knobs of each.", 0, argc, argv);

	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	json_t *json = cli_json ? json_array() : NULL;
	for (size_t i = 0; sim_actor_at(i) != NULL; i++) {
		if (cli_json)
			json_array_append_new(json, actor_json(sim_actor_at(i)));
		else
			print_actor(sim_actor_at(i));
	}
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "actors", json));
	return 0;
}

/* ---------------------------------------------------------------- parameters */

static const char *const unit_names[] = {[SIM_NUMBER] = "number",
	[SIM_DURATION] = "time",
	[SIM_PPM] = "share",
	[SIM_NCOIN] = "money",
	[SIM_BYTES] = "size"};

static json_t *parameters_json(const struct sim_parameter *parameters)
{
	json_t *json = json_array();
	for (const struct sim_parameter *p = parameters; p->name != NULL; p++) {
		char value[SIM_VALUE_SIZE], min[SIM_VALUE_SIZE], max[SIM_VALUE_SIZE];
		sim_value_print(value, p->unit, p->value);
		sim_value_print(min, p->unit, p->min);
		sim_value_print(max, p->unit, p->max);
		json_array_append_new(
			json, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", p->name, "unit",
				      unit_names[p->unit], "default", value, "min", min, "max", max,
				      "about", p->about));
	}
	return json;
}

static void print_parameters(const struct sim_parameter *parameters)
{
	static const char *const headings[] = {"key", "default", "from", "to", "about"};
	static const bool is_number[] = {false, true, true, true, false};
	struct cli_table *table = cli_table_new(5, headings, is_number);

	for (const struct sim_parameter *p = parameters; p->name != NULL; p++) {
		char value[SIM_VALUE_SIZE], min[SIM_VALUE_SIZE], max[SIM_VALUE_SIZE];
		sim_value_print(value, p->unit, p->value);
		sim_value_print(min, p->unit, p->min);
		sim_value_print(max, p->unit, p->max);
		const char *cells[] = {p->name, value, min, max, p->about};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static json_t *kinds_json(void)
{
	json_t *json = json_array();
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
		json_array_append_new(json,
			json_pack("{s:s, s:s, s:s}", "kind", sim_fault_names[i], "amount",
				unit_names[sim_fault_units[i]], "about", sim_fault_abouts[i]));
	return json;
}

static json_t *violations_json(void)
{
	json_t *json = json_array();
	for (unsigned i = 0; i < SIM_VIOLATION_KINDS; i++)
		json_array_append_new(json, json_pack("{s:s, s:s}", "name", sim_violation_names[i],
						    "about", sim_violation_texts[i]));
	return json;
}

static void print_violations(void)
{
	static const char *const headings[] = {"violation", "about"};
	static const bool is_number[] = {false, false};
	struct cli_table *table = cli_table_new(2, headings, is_number);

	for (unsigned i = 0; i < SIM_VIOLATION_KINDS; i++) {
		const char *cells[] = {sim_violation_names[i], sim_violation_texts[i]};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_kinds(void)
{
	static const char *const headings[] = {"kind", "amount", "about"};
	static const bool is_number[] = {false, false, false};
	struct cli_table *table = cli_table_new(3, headings, is_number);

	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++) {
		const char *cells[] = {
			sim_fault_names[i], unit_names[sim_fault_units[i]], sim_fault_abouts[i]};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

int cmd_sim_parameters(int argc, char **argv)
{
	enum parse_outcome outcome = parse("sim parameters", "",
		"List what a scenario can say, and what it means.", 0, argc, argv);

	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (cli_json) {
		cli_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o}", "market",
			parameters_json(sim_market_parameters), "population",
			parameters_json(sim_population_parameters), "fault",
			parameters_json(sim_fault_parameters), "kinds", kinds_json(), "violations",
			violations_json()));
		return 0;
	}
	printf("[market]: about, and\n\n");
	print_parameters(sim_market_parameters);
	printf("\n[population NAME]: actor, the actor's knobs (souk sim actors), and\n\n");
	print_parameters(sim_population_parameters);
	printf("\n[fault NAME]: kind, population (all nodes where it is left out), and\n\n");
	print_parameters(sim_fault_parameters);
	printf("\n");
	print_kinds();
	printf("\n[expect]: violations = none or names, profit-max POPULATION, profit-min "
	       "POPULATION (in prices\nof a unit), done-min POPULATION (a share)\n\n");
	print_violations();
	printf("\n"
	       "Times are written 500ms, 10s, 5m, 2h, 1d; shares 0.5%% or as millionths; money as "
	       "ncoin or 0.001c\nfor coins; sizes 16KiB, 10MiB.\n");
	return 0;
}
