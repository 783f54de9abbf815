/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps and best responses, where theory says what they must find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "best.h"
#include "sweep.h"

static const char market[] = "[market]\nduration = 1h\nsettle = 1m\nepoch = 1h\n"
			     "draw-delay = 1s\nclaim-window = 1h\nblock = 50ms\n"
			     "latency-us = 500\njitter-us = 0\naudit = 50%\ndetect = 98%\n"
			     "false = 2%\nsaving = 80%\ndeposit = 5000\nrespond = 1s\n"
			     "[population cheats]\nactor = task-cheat\n"
			     "[population sponsors]\nactor = task-customer\npause = 0s\n";

static struct sim_scenario scenario;
static struct sim_sweep sweep;

static void parse(const char *const *settings)
{
	char error[SIM_ERROR_SIZE];
	assert_int_equal(
		sim_scenario_parse(&scenario, "test", market, sizeof market - 1, error), SOUK_OK);
	for (; *settings != NULL; settings++)
		assert_int_equal(sim_scenario_set(&scenario, *settings, error), SOUK_OK);
}

static struct sim_sweep_plan plan_of(const char *key, uint64_t from, uint64_t to)
{
	return (struct sim_sweep_plan){.scenario = &scenario,
		.key = key,
		.from = from,
		.to = to,
		.points = 2,
		.seeds = 1,
		.honest = UINT32_MAX,
		.steps_max = 1};
}

static bool is_near(double value, double expected, double share)
{
	double distance = value > expected ? value - expected : expected - value;
	if (distance <= expected * share)
		return true;
	print_message("# %f, not %f\n", value, expected);
	return false;
}

/* D = k / (p (T - F)), within one in a hundred. */
static void test_deposit(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	const char *const settings[] = {"sponsors.downloads=3000", NULL};
	parse(settings);
	struct sim_sweep_plan plan = plan_of("deposit", 1000, 3000);
	plan.steps_max = 0; /* profits are linear in the deposit: two rows say it all */
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
	assert_true(sweep.has_break_even);
	assert_false(sweep.pays_above);
	assert_true(sweep.prediction.is_known && sweep.prediction.applies);
	assert_true(is_near(sweep.prediction.value, 800 / (0.5 * 0.96), 0.001));
	assert_true(is_near(sweep.break_even, sweep.prediction.value, 0.01));
	assert_int_equal(sweep.rows[0].cheat.violations, 0);
}

/* Where the closed form does not apply, the sweep finds something else, and the other form it. */
static void test_exceptions(void **state)
{
	(void)state;
	static const struct {
		const char *settings[5];
		uint64_t to;
	} cases[] = {
		{{"sponsors.batch=8", NULL}, 20000},
		{{"cheats.accomplice=1", "sponsors.hearing=200", NULL}, 5000},
		{{"cheats.accomplice=2", "sponsors.sponsor=1", NULL}, 10000},
		{{"cheats.count=3", "sponsors.count=3", "sponsors.compare=1", "honest.count=2",
			 NULL},
			10000},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char error[SIM_ERROR_SIZE];
		const char *const settings[] = {"sponsors.downloads=400", NULL};
		parse(settings);
		assert_non_null(sim_scenario_add_population(&scenario, "honest", "task-provider"));
		scenario.populations[2].count = 0;
		for (const char *const *set = cases[i].settings; *set != NULL; set++)
			assert_int_equal(sim_scenario_set(&scenario, *set, error), SOUK_OK);
		struct sim_sweep_plan plan = plan_of("deposit", 1000, cases[i].to);
		plan.steps_max = 0;
		assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
		assert_true(sweep.has_break_even);
		assert_true(sweep.prediction.is_known && !sweep.prediction.applies);
		assert_non_null(sweep.prediction.why);
		assert_false(is_near(sweep.break_even, sweep.prediction.value, 0.05));
		assert_true(is_near(sweep.break_even, sweep.prediction.corrected, 0.05));
	}
}

static void test_values(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE], line[SIM_SWEEP_LINE_MAX];
	const char *const settings[] = {"sponsors.downloads=20", NULL};
	parse(settings);
	struct sim_sweep_plan plan = plan_of("deposit", 1000, 16000);
	plan.points = 5;
	plan.is_geometric = true;
	plan.steps_max = 0;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
	assert_int_equal(sweep.count, 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(sweep.rows[i].value, 1000u << i);
	assert_int_equal(sweep.runs, 10);
	sim_sweep_csv(line, &sweep, UINT32_MAX);
	assert_memory_equal(line, "deposit,cheat_profit_u,", 23);
	sim_sweep_csv(line, &sweep, 4);
	assert_memory_equal(line, "16000,", 6);

	plan.is_geometric = false;
	plan.points = 4;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
	assert_int_equal(sweep.rows[1].value, 6000);
	assert_int_equal(sweep.rows[3].value, 16000);
}

static void test_bad_plans(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	const char *const settings[] = {NULL};
	parse(settings);
	struct sim_sweep_plan good = plan_of("deposit", 1, 2), plan;
	plan = good;
	plan.key = "nonsense";
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_LOCAL_CONFIG);
	plan = good;
	plan.points = 0;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_LOCAL_CONFIG);
	plan = good;
	plan.from = 3;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_LOCAL_CONFIG);
	plan = good;
	plan.seeds = 0;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_LOCAL_CONFIG);
	plan = good;
	plan.population = 1; /* customers: honest already */
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_LOCAL_CONFIG);
}

/* Few tasks, so that profits have steps: the two rows come nearer all the same. */
static void test_narrow(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	const char *const settings[] = {"sponsors.downloads=40", NULL};
	parse(settings);
	struct sim_sweep_plan plan = plan_of("audit", 10000, 900000);
	plan.steps_max = 6;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
	assert_true(sweep.has_break_even && !sweep.pays_above);
	assert_true(sweep.high - sweep.low < 300000);
	assert_true(
		sweep.break_even >= (double)sweep.low && sweep.break_even <= (double)sweep.high);
	assert_int_equal(sweep.runs, 16);
}

/* The window's documented worst loss stands in each row. */
static void test_bounds(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	const char *const settings[] = {"sponsors.downloads=20", NULL};
	parse(settings);
	struct sim_sweep_plan plan = plan_of("prize", 100, 200);
	plan.steps_max = 0;
	assert_int_equal(sim_sweep(&sweep, &plan, error), SOUK_OK);
	assert_true(sweep.rows[0].has_bound);
	assert_int_equal(sweep.rows[1].bound, 2 * sweep.rows[0].bound);
	assert_false(sweep.prediction.is_known);
	char line[SIM_SWEEP_LINE_MAX];
	sim_sweep_verdict(line, &sweep);
	assert_non_null(strstr(line, "within its bound"));
	sweep.rows[1].cheat.profit = sweep.rows[1].bound + 1;
	sim_sweep_verdict(line, &sweep);
	assert_non_null(strstr(line, "1 of 2 rows are ABOVE"));
}

/* Below the threshold the best is to cheat at every task, above it at none. */
static void test_best(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	struct sim_best best;
	struct sim_best_plan plan = {.scenario = &scenario, .seeds = 2, .runs_max = 40};
	const char *const low[] = {"sponsors.downloads=100", "deposit=500", NULL};
	parse(low);
	assert_int_equal(sim_best_response(&best, &plan, error), SOUK_OK);
	assert_int_equal(best.knobs[0], 1000000);
	assert_true(best.has_honest && best.mean.profit > best.honest.profit);
	assert_true(best.runs <= 40);

	const char *const high[] = {"sponsors.downloads=100", "deposit=15000", "false=0", NULL};
	parse(high);
	assert_int_equal(sim_best_response(&best, &plan, error), SOUK_OK);
	assert_true(best.knobs[0] < 50000);
	/* A cheat of next to nothing may be lucky, with next to nothing. */
	assert_true(best.mean.profit <= best.honest.profit + best.honest.profit / 10);
	/* The same search gives the same answer. */
	struct sim_best again;
	assert_int_equal(sim_best_response(&again, &plan, error), SOUK_OK);
	assert_memory_equal(again.knobs, best.knobs, sizeof best.knobs);
	assert_int_equal(again.mean.profit, best.mean.profit);
	assert_int_equal(again.runs, best.runs);
}

/* With comparisons, cheats are the safer the more there are of them. */
static void test_best_share(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	struct sim_best best;
	const char *const settings[] = {"sponsors.downloads=40", "sponsors.count=4",
		"sponsors.compare=1", "deposit=1500", "false=0", NULL};
	parse(settings);
	assert_non_null(sim_scenario_add_population(&scenario, "honest", "task-provider"));
	scenario.populations[2].count = 3;
	struct sim_best_plan plan = {.scenario = &scenario, .seeds = 2, .runs_max = 40};
	assert_int_equal(sim_best_response(&best, &plan, error), SOUK_OK);
	assert_int_equal(best.count_all, 4);
	assert_int_equal(best.count, 3);
	sim_best_apply(&scenario, 0, &best);
	assert_int_equal(scenario.populations[0].count, 3);
	assert_int_equal(scenario.populations[2].count, 1);
}

static void test_rivals(void **state)
{
	(void)state;
	const struct sim_actor *rivals[SIM_BEST_ACTORS_MAX];
	assert_int_equal(sim_best_rivals(rivals, "task-provider"), 1);
	assert_string_equal(rivals[0]->name, "task-cheat");
	assert_int_equal(sim_best_rivals(rivals, "nobody"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deposit),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_plans),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_best),
		cmocka_unit_test(test_best_share),
		cmocka_unit_test(test_rivals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
