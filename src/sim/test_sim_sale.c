/* SPDX-License-Identifier: Apache-2.0
 *
 * Ten customers and four providers, under whatever goes wrong: every download ends, nobody is
 * harmed beyond what is documented, the money adds up, and the same seed is the same run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#include "run.h"

static const char market[] = "[market]\nabout = ten customers, four providers\n"
			     "duration = 30s\nepoch = 3s\ndraw-delay = 500ms\n"
			     "claim-window = 6s\nunlock = 1s\nloss = 2%\ndouble = 1%\n"
			     "[population sellers]\nactor = provider\ncount = 4\n"
			     "[population buyers]\nactor = customer\ncount = 10\npeers = 3\n"
			     "downloads = 3\npause = 2s\n";

static const char *const faults[] = {
	"kind = crash\nat = 3s\nuntil = 25s\nevery = 2s\nshare = 15%\namount = 500ms\n",
	"kind = power\nat = 3s\nuntil = 25s\nevery = 2s\nshare = 15%\namount = 500ms\n",
	"kind = partition\nat = 5s\nuntil = 15s\nshare = 30%\n",
	"kind = one-way\nat = 5s\nuntil = 15s\nshare = 30%\n",
	"kind = delay\nat = 5s\nuntil = 15s\namount = 1500ms\n",
	"kind = loss\nat = 5s\nuntil = 15s\namount = 30%\n",
	"kind = no-ledger\nat = 5s\nuntil = 15s\nshare = 50%\n",
	"kind = disk-slow\nat = 5s\nuntil = 15s\nshare = 50%\namount = 800ms\n",
	"kind = disk-full\nat = 5s\nuntil = 15s\nshare = 50%\n",
	"kind = disk-fails\nat = 5s\nuntil = 15s\nshare = 50%\n",
	"kind = clock-jump\nat = 5s\nuntil = 15s\nshare = 50%\namount = 8s\n",
	"kind = congestion\nat = 5s\nuntil = 15s\namount = 2\n",
	"kind = ledger-stop\nat = 5s\nuntil = 15s\n",
};

static void add(char *text, const char *more)
{
	strcat(text, more);
}

static void run(struct sim_report *ret, const char *text, uint64_t seed)
{
	static struct sim_scenario scenario;
	char error[SIM_ERROR_SIZE] = "";
	souk_status status = sim_scenario_parse(&scenario, "sale", text, strlen(text), error);
	if (status != SOUK_OK)
		print_error("%s\n%s\n", text, error);
	assert_int_equal(status, SOUK_OK);
	scenario.seed = seed;
	assert_int_equal(sim_run(ret, &scenario, NULL, error), SOUK_OK);
}

static const struct sim_tally *tally_of(const struct sim_report *report, const char *name)
{
	for (uint32_t i = 0; i < report->population_count; i++) {
		if (strcmp(report->populations[i].name, name) == 0)
			return &report->populations[i].tally;
	}
	fail();
	return NULL;
}

/* Everything ended well. */
static void check(const struct sim_report *report)
{
	const struct sim_tally *bought = tally_of(report, "buyers");
	const struct sim_tally *sold = tally_of(report, "sellers");
	for (uint32_t i = 0; i < report->violation_count; i++)
		print_error("node %u at %llu us: %s\n", report->violations[i].node,
			(unsigned long long)report->violations[i].world_us,
			report->violations[i].text);
	assert_int_equal(report->violation_count, 0);
	/* Who is busy to the end of demand wants no more. */
	assert_in_range(bought->downloads_asked, 20, 30);
	assert_int_equal(bought->downloads_done, bought->downloads_asked);
	assert_int_equal(bought->downloads_failed, 0);
	/* Nobody is owed what nobody spent, and what was verified was paid. */
	assert_true(sold->owed.ncoin <= bought->spent.ncoin);
	assert_true(bought->units_verified <= sold->units_served);
	assert_true(bought->units_verified * 1000 <= bought->spent.ncoin);
}

static void run_twice(const char *text, uint64_t seed)
{
	struct sim_report first, second;
	run(&first, text, seed);
	check(&first);
	run(&second, text, seed);
	assert_int_equal(first.trace, second.trace);
	assert_int_equal(first.messages, second.messages);
	run(&second, text, seed + 1);
	check(&second);
	assert_int_not_equal(first.trace, second.trace);
}

static void every_download_ends_with_each_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		char text[2000];
		strcpy(text, market);
		add(text, "[fault f]\n");
		add(text, faults[i]);
		run_twice(text, 10 + i);
	}
}

static void every_download_ends_with_forks(void **state)
{
	char text[2000];
	(void)state;
	strcpy(text, market);
	strcpy(strstr(text, "loss = 2%"), "confirmations = 4\n");
	add(text, strstr(market, "[population sellers]"));
	add(text, "[fault f]\nkind = fork\nat = 3s\nuntil = 25s\nevery = 2s\namount = 3\n");
	run_twice(text, 1);
}

static const char hub[] = "via-hub = 1\n[population hubs]\nactor = hub\n";

static void every_download_ends_through_a_hub(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[2000];
		strcpy(text, market);
		add(text, hub);
		add(text, "[fault f]\n");
		add(text, faults[i]);
		run_twice(text, 20 + i);
	}
}

static const char agreements[] = "[market]\nagreements = 1\nunit-size = 16KiB\n";

static void every_download_ends_under_agreements(void **state)
{
	char text[2000];
	(void)state;
	strcpy(text, agreements);
	add(text, market + strlen("[market]\n"));
	add(text, "[fault f]\n");
	add(text, faults[0]);
	run_twice(text, 30);
}

/* A liar is found out by who bought from it, and loses its deposit to them. */
static void who_sends_garbage_is_convicted(void **state)
{
	char text[2000];
	struct sim_report report;
	(void)state;
	strcpy(text, agreements);
	add(text, market + strlen("[market]\n"));
	add(text, "[population liars]\nactor = garbage-server\ncount = 2\n");
	run(&report, text, 40);
	check(&report);
	for (uint32_t i = 0; i < report.population_count; i++) {
		const struct sim_population_report *p = &report.populations[i];
		if (strcmp(p->name, "liars") == 0)
			assert_true(p->profit_sum < -1000000 + 100000);
	}
}

static const char epochs[] = "[market]\nabout = an epoch ends every four seconds\n"
			     "duration = 20s\nepoch = 4s\ndraw-delay = 1s\nclaim-window = 8s\n"
			     "contents = 2\nunits-min = 256\nunits-max = 256\n"
			     "unit-size = 64KiB\nup = 2MiB\n"
			     "[population sellers]\nactor = provider\ncount = 3\n"
			     "[population buyers]\nactor = customer\ncount = 4\ndownloads = 2\n";

/* Every ticket that came in time was given its key, and what it opens was read. */
static void no_epoch_ends_at_a_buyers_expense(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		char text[2000];
		struct sim_report report;
		strcpy(text, epochs);
		add(text, seed % 2 == 0 ? hub : "");
		run(&report, text, seed);
		const struct sim_tally *bought = tally_of(&report, "buyers");
		assert_int_equal(report.violation_count, 0);
		assert_true(bought->downloads_done > 0);
		assert_int_equal(bought->downloads_done, bought->downloads_asked);
		assert_int_equal(bought->units_verified, 256 * bought->downloads_done);
		assert_int_equal(
			tally_of(&report, "sellers")->owed.ncoin, bought->units_verified * 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_download_ends_with_each_fault),
		cmocka_unit_test(every_download_ends_with_forks),
		cmocka_unit_test(every_download_ends_through_a_hub),
		cmocka_unit_test(every_download_ends_under_agreements),
		cmocka_unit_test(who_sends_garbage_is_convicted),
		cmocka_unit_test(no_epoch_ends_at_a_buyers_expense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
