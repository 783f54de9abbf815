/* SPDX-License-Identifier: Apache-2.0
 *
 * What came of a run, as a table and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "cmd_sim.h"
#include "commit.h"

const char *cli_sim_trace_text(uint64_t trace)
{
	static char text[24];
	snprintf(text, sizeof text, "0x%016" PRIx64, trace);
	return text;
}

const char *cli_sim_us_text(uint64_t us)
{
	static char text[32];
	snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu64 " s", us / 1000000, us / 1000 % 1000);
	return text;
}

/* Nodes are numbered population by population. */
const char *cli_sim_population_of(const struct sim_scenario *scenario, uint32_t node)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < scenario->population_count; i++) {
		first += scenario->populations[i].count;
		if (node < first)
			return scenario->populations[i].name;
	}
	return "the market";
}

/* ---------------------------------------------------------------- text */

struct cell {
	char text[48];
};

/* NCOIN in prices of a unit. */
static const char *profit_cell(
	struct cell *cell, const struct sim_scenario *scenario, int64_t ncoin)
{
	char text[SIM_VALUE_SIZE];
	/* Reports may round. */
	sim_milli_print(text, (int64_t)((double)ncoin * 1000 / (double)scenario->price));
	snprintf(cell->text, sizeof cell->text, "%s", text);
	return cell->text;
}

/* What a population was paid, less what it paid by tickets. */
static const char *money_cell(struct cell *cell, const struct sim_tally *tally)
{
	bool is_loss = tally->claimed.ncoin < tally->spent.ncoin;
	struct souk_amount size = {is_loss ? tally->spent.ncoin - tally->claimed.ncoin
					   : tally->claimed.ncoin - tally->spent.ncoin};
	snprintf(cell->text, sizeof cell->text, "%s%s", is_loss ? "-" : "", cli_amount_text(size));
	return cell->text;
}

static uint64_t units_of(const struct sim_tally *tally)
{
	uint64_t units = tally->units_served;
	if (tally->units_verified > units)
		units = tally->units_verified;
	return tally->units_had > units ? tally->units_had : units;
}

static void add_population(struct cli_table *table, const struct sim_scenario *scenario,
	const struct sim_report *report, uint32_t index)
{
	const struct sim_population_report *of = &report->populations[index];
	struct cell mean, least, most, money;
	char nodes[24], done[48], units[24], actor[48];

	snprintf(actor, sizeof actor, "%s%s", of->actor, of->is_greedy ? " !" : "");
	snprintf(nodes, sizeof nodes, "%u", of->count);
	snprintf(units, sizeof units, "%" PRIu64, units_of(&of->tally));
	if (of->tally.downloads_asked > 0)
		snprintf(done, sizeof done, "%" PRIu64 " of %" PRIu64, of->tally.downloads_done,
			of->tally.downloads_asked);
	else
		snprintf(done, sizeof done, "-");
	sim_milli_print(mean.text, sim_report_profit_milli(report, scenario, index));
	const char *cells[] = {of->name, actor, nodes, mean.text,
		profit_cell(&least, scenario, of->profit_least),
		profit_cell(&most, scenario, of->profit_most), done, units,
		money_cell(&money, &of->tally)};
	cli_table_add(table, cells);
}

static void print_populations(const struct sim_scenario *scenario, const struct sim_report *report)
{
	static const char *const headings[] = {"population", "actor", "nodes", "profit/u",
		"least/u", "most/u", "downloads", "units", "paid/coins"};
	static const bool is_number[] = {false, false, true, true, true, true, true, true, true};
	bool is_anybody_greedy = false;
	struct cli_table *table = cli_table_new(9, headings, is_number);

	for (uint32_t i = 0; i < report->population_count; i++) {
		add_population(table, scenario, report, i);
		is_anybody_greedy |= report->populations[i].is_greedy;
	}
	cli_table_print(table);
	printf("u is the price of a unit, %" PRIu64 " ncoin.%s\n", scenario->price,
		is_anybody_greedy ? " ! is a cheat." : "");
}

static void print_violation(
	const struct sim_scenario *scenario, const struct sim_violation *violation)
{
	printf("violation %s at %s, ", sim_violation_names[violation->kind],
		cli_sim_us_text(violation->world_us));
	if (violation->node == UINT32_MAX)
		printf("the market: ");
	else
		printf("node %u of %s: ", violation->node,
			cli_sim_population_of(scenario, violation->node));
	printf("%s\n  %s (measured %" PRId64 ", allowed %" PRId64 ")\n",
		sim_violation_texts[violation->kind], violation->text, violation->measured,
		violation->allowed);
}

static void print_what_next(
	const struct sim_scenario *scenario, const struct sim_report *report, const char *name)
{
	printf("The same run again, with its log, by souk %s (%s):\n  souk sim replay ",
		SOUK_VERSION, SOUK_COMMIT);
	cli_sim_print_arguments(stdout, name, scenario->seed);
	printf(" --trace %s\nThe shortest scenario that still shows it:\n  souk sim shrink ",
		cli_sim_trace_text(report->trace));
	cli_sim_print_arguments(stdout, name, scenario->seed);
	printf("\n");
}

void cli_sim_print_report(const struct sim_scenario *scenario, const struct sim_report *report,
	const char *name, double seconds)
{
	double simulated = (double)report->sim_us / 1e6;

	printf("%s: %s\n\n", scenario->name, scenario->about);
	print_populations(scenario, report);
	printf("\n%.1f s of %u nodes in %.2f s: %.0f x real time, %.0f messages/s\n", simulated,
		report->nodes, seconds, seconds > 0 ? simulated / seconds : 0,
		seconds > 0 ? (double)report->messages / seconds : 0);
	printf("%" PRIu64 " messages, %" PRIu64 " events; ledger: %" PRIu64
	       " transactions, %" PRIu64 " blocks\n",
		report->messages, report->events, report->txs, report->blocks);
	printf("seed %" PRIu64 ", trace %s\n", scenario->seed, cli_sim_trace_text(report->trace));
	for (uint32_t i = 0; i < report->violation_count; i++)
		print_violation(scenario, &report->violations[i]);
	if (report->is_expected) {
		printf("As expected.\n");
		return;
	}
	printf("UNEXPECTED: %s\n", report->unexpected);
	print_what_next(scenario, report, name);
}

/* ---------------------------------------------------------------- JSON */

static json_t *population_json(
	const struct sim_scenario *scenario, const struct sim_report *report, uint32_t index)
{
	const struct sim_population_report *of = &report->populations[index];
	const struct sim_tally *tally = &of->tally;
	double price = (double)scenario->price;

	return json_pack("{s:s, s:s, s:b, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:I}",
		"name", of->name, "actor", of->actor, "is_greedy", of->is_greedy, "nodes",
		(json_int_t)of->count, "profit_u",
		(double)sim_report_profit_milli(report, scenario, index) / 1000, "profit_least_u",
		(double)of->profit_least / price, "profit_most_u", (double)of->profit_most / price,
		"downloads_asked", (json_int_t)tally->downloads_asked, "downloads_done",
		(json_int_t)tally->downloads_done, "downloads_failed",
		(json_int_t)tally->downloads_failed, "sessions", (json_int_t)tally->sessions,
		"units_served", (json_int_t)tally->units_served, "units_verified",
		(json_int_t)tally->units_verified, "units_had", (json_int_t)tally->units_had,
		"owed_ncoin", (json_int_t)tally->owed.ncoin, "spent_ncoin",
		(json_int_t)tally->spent.ncoin, "claimed_ncoin", (json_int_t)tally->claimed.ncoin,
		"bytes_paid_for", (json_int_t)tally->bytes_paid_for);
}

/* The command's JSON has no negative whole numbers, so what may be one is a real. */
static json_t *violation_json(
	const struct sim_scenario *scenario, const struct sim_violation *violation)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "kind",
		sim_violation_names[violation->kind], "text", violation->text, "population",
		violation->node == UINT32_MAX ? ""
					      : cli_sim_population_of(scenario, violation->node),
		"at_s", (double)violation->world_us / 1e6, "measured", (double)violation->measured,
		"allowed", (double)violation->allowed);
	if (violation->node != UINT32_MAX)
		json_object_set_new(json, "node", json_integer(violation->node));
	return json;
}

json_t *cli_sim_report_json(const struct sim_scenario *scenario, const struct sim_report *report,
	const char *name, double seconds)
{
	json_t *populations = json_array(), *violations = json_array();

	for (uint32_t i = 0; i < report->population_count; i++)
		json_array_append_new(populations, population_json(scenario, report, i));
	for (uint32_t i = 0; i < report->violation_count; i++)
		json_array_append_new(violations, violation_json(scenario, &report->violations[i]));
	return json_pack("{s:s, s:s, s:I, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I, "
			 "s:o, s:o}",
		"scenario", scenario->name, "source", name, "seed", (json_int_t)scenario->seed,
		"trace", cli_sim_trace_text(report->trace), "is_expected", report->is_expected,
		"unexpected", report->unexpected, "nodes", (json_int_t)report->nodes, "messages",
		(json_int_t)report->messages, "events", (json_int_t)report->events, "txs",
		(json_int_t)report->txs, "blocks", (json_int_t)report->blocks, "simulated_s",
		(double)report->sim_us / 1e6, "wall_s", seconds, "price_ncoin",
		(json_int_t)scenario->price, "populations", populations, "violations", violations);
}
