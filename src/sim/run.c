/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "ledger.h"
#include "souk/base/check.h"
#include "world.h"

static void add(struct souk_amount *sum, struct souk_amount more)
{
	SOUK_CHECK(souk_amount_add(sum, *sum, more) == SOUK_OK);
}

static void add_tally(struct sim_tally *sum, const struct sim_tally *more)
{
	sum->sessions += more->sessions;
	sum->units_served += more->units_served;
	sum->units_verified += more->units_verified;
	sum->units_had += more->units_had;
	sum->downloads_asked += more->downloads_asked;
	sum->downloads_done += more->downloads_done;
	sum->downloads_failed += more->downloads_failed;
	sum->bytes_paid_for += more->bytes_paid_for;
	add(&sum->owed, more->owed);
	add(&sum->spent, more->spent);
	add(&sum->claimed, more->claimed);
	add(&sum->work, more->work);
	sum->harm += more->harm;
}

static void report_node(struct sim_report *report, struct sim_world *world, uint32_t id)
{
	struct sim_node *node = &world->nodes[id];
	struct sim_population_report *of = &report->populations[node->population];
	int64_t profit = sim_audit_profit(world->audit, node);
	if (of->count == 0 || profit < of->profit_least)
		of->profit_least = profit;
	if (of->count == 0 || profit > of->profit_most)
		of->profit_most = profit;
	of->profit_sum += profit;
	of->count++;
	of->is_greedy = node->is_greedy;
	add_tally(&of->tally, &node->tally);
}

static void report_populations(struct sim_report *report, struct sim_world *world)
{
	const struct sim_scenario *scenario = world->scenario;
	report->population_count = scenario->population_count;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		memcpy(report->populations[i].name, scenario->populations[i].name, SIM_NAME_SIZE);
		memcpy(report->populations[i].actor, scenario->populations[i].actor, SIM_NAME_SIZE);
	}
	for (uint32_t id = 0; id < world->node_count; id++)
		report_node(report, world, id);
}

int64_t sim_report_profit_milli(
	const struct sim_report *report, const struct sim_scenario *scenario, uint32_t population)
{
	const struct sim_population_report *of = &report->populations[population];
	if (of->count == 0)
		return 0;
	/* In two steps, rounded towards zero: a sum of thousands of nodes times 1,000 may not fit.
	 */
	__extension__ typedef __int128 wide;
	return (int64_t)((wide)of->profit_sum * 1000 / (wide)of->count / (wide)scenario->price);
}

/* ---------------------------------------------------------------- expectations */

static bool has_violation(const struct sim_report *report, const char *name)
{
	for (uint32_t i = 0; i < report->violation_count; i++) {
		if (strcmp(sim_violation_names[report->violations[i].kind], name) == 0)
			return true;
	}
	return false;
}

static bool expect_profit(struct sim_report *report, const struct sim_scenario *scenario,
	const struct sim_expect *expect)
{
	uint32_t population = sim_scenario_population(scenario, expect->word);
	SOUK_CHECK(population != UINT32_MAX);
	int64_t milli = sim_report_profit_milli(report, scenario, population);
	bool is_max = expect->kind == SIM_EXPECT_PROFIT_MAX;
	if (is_max ? milli <= expect->value : milli >= expect->value)
		return true;
	char gained[SIM_VALUE_SIZE], wanted[SIM_VALUE_SIZE];
	sim_milli_print(gained, milli);
	sim_milli_print(wanted, expect->value);
	snprintf(report->unexpected, sizeof report->unexpected,
		"%s gained %s u each: %s %s was expected", expect->word, gained,
		is_max ? "at most" : "at least", wanted);
	return false;
}

static bool expect_done(struct sim_report *report, const struct sim_scenario *scenario,
	const struct sim_expect *expect)
{
	uint32_t population = sim_scenario_population(scenario, expect->word);
	SOUK_CHECK(population != UINT32_MAX);
	const struct sim_tally *tally = &report->populations[population].tally;
	uint64_t asked = tally->downloads_asked;
	uint64_t done_ppm = asked == 0 ? 0 : tally->downloads_done * SIM_PPM_ALL / asked;
	if (done_ppm >= (uint64_t)expect->value)
		return true;
	snprintf(report->unexpected, sizeof report->unexpected,
		"%s: %llu of %llu downloads were done, fewer than expected", expect->word,
		(unsigned long long)tally->downloads_done, (unsigned long long)asked);
	return false;
}

static bool expect_violation(struct sim_report *report, const struct sim_expect *expect)
{
	if (strcmp(expect->word, "none") == 0 || has_violation(report, expect->word))
		return true;
	snprintf(report->unexpected, sizeof report->unexpected,
		"no violation of kind %s, although it was expected", expect->word);
	return false;
}

static bool is_expected_violation(const struct sim_scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		const struct sim_expect *expect = &scenario->expects[i];
		if (expect->kind == SIM_EXPECT_VIOLATION && strcmp(expect->word, name) == 0)
			return true;
	}
	return false;
}

static bool check_expectation(struct sim_report *report, const struct sim_scenario *scenario,
	const struct sim_expect *expect)
{
	switch (expect->kind) {
	case SIM_EXPECT_VIOLATION: return expect_violation(report, expect);
	case SIM_EXPECT_PROFIT_MAX:
	case SIM_EXPECT_PROFIT_MIN: return expect_profit(report, scenario, expect);
	case SIM_EXPECT_DONE_MIN: return expect_done(report, scenario, expect);
	}
	return false;
}

/* A violation that the scenario does not name is never expected. */
static void check_expectations(struct sim_report *report, const struct sim_scenario *scenario)
{
	report->is_expected = true;
	for (uint32_t i = 0; i < report->violation_count && report->is_expected; i++) {
		const struct sim_violation *violation = &report->violations[i];
		if (is_expected_violation(scenario, sim_violation_names[violation->kind]))
			continue;
		report->is_expected = false;
		snprintf(report->unexpected, sizeof report->unexpected, "%s", violation->text);
	}
	for (uint32_t i = 0; i < scenario->expect_count && report->is_expected; i++)
		report->is_expected = check_expectation(report, scenario, &scenario->expects[i]);
}

/* ---------------------------------------------------------------- a run */

static void report_world(struct sim_report *report, struct sim_world *world)
{
	const struct souk_ledger *state = sim_ledger_state(world->ledger);
	*report = (struct sim_report){
		.messages = world->delivered,
		.events = world->events,
		.txs = state->record.tx_count,
		.blocks = state->record.height,
		.sim_us = world->now_us,
		.nodes = world->node_count,
	};
	report_populations(report, world);
	report->violation_count = sim_audit_count(world->audit);
	for (uint32_t i = 0; i < report->violation_count; i++)
		report->violations[i] = *sim_audit_at(world->audit, i);
	sim_mix(world, souk_load_be64(state->record.state.bytes));
	report->trace = world->trace;
	check_expectations(report, world->scenario);
}

souk_status sim_run(struct sim_report *ret, const struct sim_scenario *scenario,
	const struct sim_run_options *options, char error[SIM_ERROR_SIZE])
{
	struct sim_world *world;
	SOUK_TRY(sim_scenario_check(scenario, error));
	SOUK_TRY(sim_world_new(&world, scenario, options, error));
	souk_status status = sim_world_run(world);
	if (status == SOUK_OK)
		report_world(ret, world);
	else
		snprintf(error, SIM_ERROR_SIZE, "stopped");
	sim_world_free(world);
	return status;
}
