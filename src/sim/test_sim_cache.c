/* SPDX-License-Identifier: Apache-2.0
 *
 * Caches with bounded disks in a whole market: what they earn by either rule of eviction, that they
 * come back warm, and what their price does when many come at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#include "run.h"

/* Caches with room for an eighth of all, cheaper than the shop. */
static const char market[] =
	"[market]\nabout = caches before a dear shop\nseed = %d\nduration = 60s\ncontents = 96\n"
	"units-min = 2\nunits-max = 64\nzipf = 1000\n"
	"[population caches]\nactor = cache\nroom = 400\nprice = 700\nlru = %d\nsessions = %d\n"
	"price-min = %d\nprice-max = %d\n"
	"[population shop]\nactor = provider\nprice = 1400\n"
	"[population buyers]\nactor = customer\ncount = 32\ndownloads = 20\npause = 1s\n"
	"peers = 2\noffers = 6\n%s";

static const char crashes[] = "[fault kills]\nkind = crash\npopulation = caches\nat = 10s\n"
			      "until = 50s\nevery = 8s\namount = 2s\n";

struct market_of {
	int seed, lru, sessions, price_min, price_max;
	const char *faults;
};

static void run(struct sim_report *ret, const struct market_of *of)
{
	static struct sim_scenario scenario;
	char text[1500], error[SIM_ERROR_SIZE] = "";
	struct sim_run_options options = {0};
	snprintf(text, sizeof text, market, of->seed, of->lru, of->sessions, of->price_min,
		of->price_max, of->faults);
	souk_status status = sim_scenario_parse(&scenario, "cache", text, strlen(text), error);
	if (status != SOUK_OK)
		print_error("%s\n", error);
	assert_int_equal(status, SOUK_OK);
	assert_int_equal(sim_run(ret, &scenario, &options, error), SOUK_OK);
	for (uint32_t i = 0; i < ret->violation_count; i++)
		print_error("node %u: %s\n", ret->violations[i].node, ret->violations[i].text);
	assert_int_equal(ret->violation_count, 0);
}

static const struct sim_tally *caches_of(const struct sim_report *report)
{
	return &report->populations[0].tally;
}

static void revenue_for_a_byte_earns_more(void **state)
{
	static struct sim_report gdsf, lru;
	uint64_t sum = 0, lru_sum = 0;
	(void)state;
	for (int seed = 1; seed <= 4; seed++) {
		run(&gdsf, &(struct market_of){seed, 0, 64, 0, 0, ""});
		run(&lru, &(struct market_of){seed, 1, 64, 0, 0, ""});
		sum += caches_of(&gdsf)->owed.ncoin;
		lru_sum += caches_of(&lru)->owed.ncoin;
	}
	print_message("# the cache earned %lu ncoin, %lu by LRU\n", (unsigned long)sum,
		(unsigned long)lru_sum);
	assert_true(sum > lru_sum);
}

static void a_killed_cache_comes_back_warm(void **state)
{
	static struct sim_report calm, killed;
	(void)state;
	run(&calm, &(struct market_of){7, 0, 64, 0, 0, ""});
	run(&killed, &(struct market_of){7, 0, 64, 0, 0, crashes});
	print_message("# killed five times it sold %lu units, else %lu\n",
		(unsigned long)caches_of(&killed)->units_served,
		(unsigned long)caches_of(&calm)->units_served);
	assert_true(2 * caches_of(&killed)->units_served > caches_of(&calm)->units_served);
}

/* With few sessions for many buyers a price that follows demand brings more for each unit. */
static void demand_raises_the_price(void **state)
{
	static struct sim_report moves, stands;
	(void)state;
	run(&moves, &(struct market_of){9, 0, 2, 350, 1300, ""});
	run(&stands, &(struct market_of){9, 0, 2, 0, 0, ""});
	const struct sim_tally *a = caches_of(&moves), *b = caches_of(&stands);
	print_message("# %lu units for %lu ncoin, else %lu for %lu\n",
		(unsigned long)a->units_served, (unsigned long)a->owed.ncoin,
		(unsigned long)b->units_served, (unsigned long)b->owed.ncoin);
	assert_true(a->units_served > 0 && b->units_served > 0);
	assert_true(a->owed.ncoin / a->units_served > b->owed.ncoin / b->units_served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revenue_for_a_byte_earns_more),
		cmocka_unit_test(a_killed_cache_comes_back_warm),
		cmocka_unit_test(demand_raises_the_price),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
