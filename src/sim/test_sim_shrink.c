/* SPDX-License-Identifier: Apache-2.0
 *
 * Shrinking and swarms. What is shrunk is what the documentation gives up on: forks deeper than
 * what is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shrink.h"
#include "swarm.h"

static const char *const deep_forks =
	"[market]\nseed = 37\nduration = 30s\ncontents = 9\nskew = 100ms\ndrift = 50\n"
	"double = 1%\n"
	"[population shops]\nactor = provider\ncount = 4\n"
	"[population buyers]\nactor = customer\ncount = 10\ndownloads = 4\n"
	"[population others]\nactor = customer\ncount = 2\npeers = 2\n"
	"[fault forks]\nkind = fork\nat = 2s\nuntil = 28s\nevery = 1500ms\namount = 40\n"
	"[fault slow]\nkind = disk-slow\nat = 3s\nuntil = 6s\namount = 100ms\n"
	"[expect]\nviolations = unpaid-claim\n";

static struct sim_scenario scenario, again;
static struct sim_report report;
static char texts[2][SIM_TEXT_SIZE];

static void parse(struct sim_scenario *ret, const char *text)
{
	char error[SIM_ERROR_SIZE] = "";
	if (sim_scenario_parse(ret, "test", text, strlen(text), error) != SOUK_OK)
		fail_msg("%s", error);
}

static bool shows(const struct sim_scenario *s, enum sim_violation_kind kind)
{
	char error[SIM_ERROR_SIZE];
	assert_int_equal(sim_run(&report, s, NULL, error), SOUK_OK);
	for (uint32_t i = 0; i < report.violation_count; i++) {
		if (report.violations[i].kind == kind)
			return true;
	}
	return false;
}

/* It still shows the same, it is less of everything, and as a text it says the same again. */
static void test_shrinks(void **state)
{
	(void)state;
	struct sim_shrunk shrunk;
	struct sim_shrink_options options = {.runs_max = 70};
	parse(&scenario, deep_forks);
	assert_true(shows(&scenario, SIM_VIOLATION_UNPAID_CLAIM));
	uint64_t events = report.events;
	assert_int_equal(
		sim_shrink(&scenario, SIM_VIOLATION_UNPAID_CLAIM, &options, &shrunk), SOUK_OK);
	assert_int_equal(shrunk.violation.kind, SIM_VIOLATION_UNPAID_CLAIM);
	assert_int_equal(shrunk.events_before, events);
	assert_true(shrunk.runs <= 70 && shrunk.events < events / 4);
	assert_int_equal(scenario.population_count, 2);
	assert_int_equal(scenario.fault_count, 1);
	assert_int_equal(scenario.faults[0].kind, SIM_FAULT_FORK);
	assert_int_equal(scenario.expect_count, 0);
	assert_int_equal(scenario.seed, 37);
	sim_scenario_print(&scenario, texts[0], sizeof texts[0]);
	assert_true(strlen(texts[0]) < strlen(deep_forks));
	parse(&again, texts[0]);
	assert_true(shows(&again, SIM_VIOLATION_UNPAID_CLAIM));
	assert_int_equal(report.events, shrunk.events);
}

struct count {
	uint32_t calls;
	uint32_t until;
	uint64_t events;
};

static bool count_runs(void *ctx, uint32_t runs, uint32_t runs_max,
	const struct sim_scenario *smallest, uint64_t events)
{
	struct count *count = ctx;
	count->calls++;
	assert_int_equal(runs, count->calls);
	assert_true(runs <= runs_max && smallest->population_count > 0);
	count->events = events;
	return count->calls < count->until;
}

static void test_same_each_time_and_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct count count = {.until = 15};
		struct sim_shrink_options options = {
			.runs_max = 15, .progress = count_runs, .ctx = &count};
		struct sim_shrunk shrunk;
		parse(&scenario, deep_forks);
		assert_int_equal(
			sim_shrink(&scenario, SIM_VIOLATION_UNPAID_CLAIM, &options, &shrunk),
			SOUK_OK);
		assert_int_equal(count.calls, 15);
		assert_int_equal(count.events, shrunk.events);
		sim_scenario_print(&scenario, texts[i], sizeof texts[i]);
	}
	assert_string_equal(texts[0], texts[1]);
}

static void test_stops_when_told(void **state)
{
	(void)state;
	struct count count = {.until = 5};
	struct sim_shrink_options options = {.progress = count_runs, .ctx = &count};
	struct sim_shrunk shrunk;
	parse(&scenario, deep_forks);
	assert_int_equal(
		sim_shrink(&scenario, SIM_VIOLATION_UNPAID_CLAIM, &options, &shrunk), SOUK_OK);
	assert_int_equal(count.calls, 5);
	assert_int_equal(shrunk.runs, 5);
}

static void test_nothing_to_shrink(void **state)
{
	(void)state;
	struct sim_shrunk shrunk = {.runs = 7};
	parse(&scenario, deep_forks);
	memcpy(&again, &scenario, sizeof again);
	assert_int_equal(
		sim_shrink(&scenario, SIM_VIOLATION_SUPPLY, NULL, &shrunk), SOUK_LOCAL_NOT_FOUND);
	assert_memory_equal(&again, &scenario, sizeof again);
	assert_int_equal(shrunk.runs, 7);
}

/* ---------------------------------------------------------------- swarms */

/* Every seed leads to a market that can be, which is text and back the same. */
static void test_scenarios_of_seeds(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	for (uint64_t seed = 0; seed < 1000; seed++) {
		sim_swarm_scenario(&scenario, seed);
		if (sim_scenario_check(&scenario, error) != SOUK_OK)
			fail_msg("seed %llu: %s", (unsigned long long)seed, error);
		sim_swarm_scenario(&again, seed);
		assert_memory_equal(&scenario, &again, sizeof again);
		sim_scenario_print(&scenario, texts[0], sizeof texts[0]);
		parse(&again, texts[0]);
		sim_scenario_print(&again, texts[1], sizeof texts[1]);
		assert_string_equal(texts[0], texts[1]);
		assert_int_equal(scenario.expect_count, 0);
		assert_true(scenario.heal_ms > 0 && scenario.heal_ms < scenario.duration_ms);
		for (uint32_t i = 0; i < scenario.fault_count; i++)
			assert_true(scenario.faults[i].kind != SIM_FAULT_FORK ||
				    scenario.faults[i].amount < scenario.confirmations);
	}
}

struct lines {
	uint32_t count, asked;
};

static void count_line(void *ctx, const char *line)
{
	struct lines *lines = ctx;
	lines->count++;
	assert_true(strlen(line) > 0);
}

static bool three_times(void *ctx)
{
	struct lines *lines = ctx;
	return lines->asked++ < 3;
}

static void test_swarm(void **state)
{
	(void)state;
	static struct sim_swarm_result results[2];
	for (int i = 0; i < 2; i++) {
		struct lines lines = {0, 0};
		struct sim_swarm_options options = {.seed = 5,
			.runs_max = 100,
			.shrink_runs_max = UINT32_MAX,
			.keep_going = three_times,
			.line = count_line,
			.ctx = &lines};
		sim_swarm(&results[i], &options);
		assert_int_equal(results[i].runs, 3);
		assert_int_equal(lines.count, 3);
		assert_true(results[i].messages > 0 && results[i].sim_us > 0);
	}
	assert_int_equal(results[0].trace, results[1].trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shrinks),
		cmocka_unit_test(test_same_each_time_and_bounded),
		cmocka_unit_test(test_stops_when_told),
		cmocka_unit_test(test_nothing_to_shrink),
		cmocka_unit_test(test_scenarios_of_seeds),
		cmocka_unit_test(test_swarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
