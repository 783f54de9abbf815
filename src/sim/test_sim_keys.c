/* SPDX-License-Identifier: Apache-2.0
 *
 * Re-encryption in a market: whoever drops a tenth of its key fragments is found by forty-four
 * audits, honest markets lose nothing and nobody, and every cheat pays for what it did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run.h"
#include "souk/base/check.h"

/* A market of trials; a miss in two is less likely than one in three hundred. */
#define TRIALS	   40u
#define MISSES_MAX 1u

static const char audits[] = "[market]\nduration = 40s\nrespond = 2s\n"
			     "[population owners]\nactor = key-owner\nproxies = 1\nthreshold = 1\n"
			     "grants = 100\n"
			     "[population receivers]\nactor = key-receiver\ndownloads = 0\n"
			     "[population auditors]\nactor = key-auditor\ndownloads = 44\n"
			     "pause = 0s\n"
			     "[population thieves]\nactor = key-cheat\nlost = 100000\n";

static const char market[] = "[market]\nduration = 40s\nrespond = 4s\nvalue = 100%\ncost = 0%\n"
			     "[population owners]\nactor = key-owner\nproxies = 4\nthreshold = 2\n"
			     "[population thieves]\nactor = key-cheat\ncount = 4\n"
			     "[population receivers]\nactor = key-receiver\ncount = 2\n"
			     "downloads = 10\npause = 1s\n"
			     "[population auditors]\nactor = key-auditor\ndownloads = 10\n"
			     "pause = 1s\n";

static struct sim_report run(const char *text, const char *const *settings)
{
	static struct sim_scenario scenario;
	struct sim_report report;
	char error[SIM_ERROR_SIZE];
	assert_int_equal(sim_scenario_parse(&scenario, "test", text, strlen(text), error), SOUK_OK);
	for (; *settings != NULL; settings++)
		assert_int_equal(sim_scenario_set(&scenario, *settings, error), SOUK_OK);
	assert_int_equal(sim_run(&report, &scenario, NULL, error), SOUK_OK);
	for (uint32_t i = 0; i < report.violation_count; i++)
		print_message("# %s\n", report.violations[i].text);
	assert_int_equal(report.violation_count, 0);
	return report;
}

static int64_t profit(const struct sim_report *report, uint32_t population)
{
	return report->populations[population].profit_sum;
}

static void test_audits_find_who_drops(void **state)
{
	unsigned misses = 0;
	(void)state;
	for (unsigned seed = 1; seed <= TRIALS; seed++) {
		char setting[32];
		const char *const settings[] = {setting, NULL};
		snprintf(setting, sizeof setting, "seed=%u", seed);
		struct sim_report report = run(audits, settings);
		misses += profit(&report, 3) >= 0;
	}
	assert_true(misses <= MISSES_MAX);
}

/* Who drops nothing loses nothing to as many audits. */
static void test_audits_of_the_honest(void **state)
{
	const char *const kept[] = {"thieves.lost=0", NULL};
	(void)state;
	struct sim_report report = run(audits, kept);
	assert_int_equal(profit(&report, 3), 44 * 1000 - 44 * 500);
}

/* Twenty retrievals of two fragments and ten audits are paid, and worth what they cost. */
static void test_money(void **state)
{
	const char *const as_is[] = {NULL};
	(void)state;
	struct sim_report report = run(market, as_is);
	assert_int_equal(profit(&report, 0), 0);
	assert_int_equal(profit(&report, 1), (20 * 2 + 10) * 1000);
	assert_int_equal(profit(&report, 2), 0);
	assert_int_equal(profit(&report, 3), 0);
}

static void test_every_cheat_pays(void **state)
{
	static const char *const knobs[] = {"thieves.wrong=300000", "thieves.lock=300000",
		"thieves.silent=1", "thieves.lost=500000"};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(knobs); i++) {
		const char *const settings[] = {knobs[i], NULL};
		struct sim_report report = run(market, settings);
		assert_true(profit(&report, 1) < -1000 * 1000);
	}
	/* Receivers end after the revocation; those who served on are caught by then. */
	const char *const late[] = {"thieves.late=1", "owners.revoke=5000", NULL};
	struct sim_report report = run(market, late);
	assert_true(profit(&report, 1) < -1000 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audits_find_who_drops),
		cmocka_unit_test(test_audits_of_the_honest),
		cmocka_unit_test(test_money),
		cmocka_unit_test(test_every_cheat_pays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
