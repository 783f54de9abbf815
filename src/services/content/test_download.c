/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole downloads from providers that have everything; see download_kit.h. */
#include <stdlib.h>
#include <string.h>

#include "download_kit.h"

#define SEEDS_DEFAULT 300u

static struct trade market; /* of one test after the other */

static void downloads_survive_a_hostile_market(void **state)
{
	(void)state;
	const char *seeds = getenv("SOUK_SEEDS");
	uint32_t count = seeds != NULL ? (uint32_t)strtoul(seeds, NULL, 10) : SEEDS_DEFAULT;
	uint32_t completed = 0, calm = 0;
	uint64_t restarts = 0;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= count; seed++) {
		if (getenv("SOUK_SEED") != NULL)
			seed = strtoull(getenv("SOUK_SEED"), NULL, 10), count = 0;
		trade_make(w, seed);
		trade_run(w);
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
			trade_audit_buyer(w, i);
			completed += w->buyers[i].status == SOUK_OK;
		}
		/* Without a fault at the honest one, and with money, nobody may fail. */
		if (!w->crashed[TRADE_PROVIDERS - 1] && w->loss == 0 && !w->buyers[1].leech) {
			calm++;
			for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
				assert_true(w->buyers[i].status == SOUK_OK ||
					    w->buyers[i].status == SOUK_LOCAL_BUDGET);
		}
		trade_settle(w);
		restarts += w->restarts;
	}
	print_message("# %u downloads completed, %u calm worlds, %lu restarts\n", completed, calm,
		(unsigned long)restarts);
	assert_true(count == 0 || (completed > count && restarts > count / 4 && calm > count / 8));
}

static void a_leech_gets_one_window(void **state)
{
	(void)state;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		trade_make_calm(w, seed);
		w->buyers[1].leech = true;
		trade_run(w);
		for (uint32_t i = 0; i < w->audit_count; i++) {
			struct trade_audit *a = &w->audits[i];
			if (a->buyer == 1)
				assert_true(a->issued == 0 &&
					    a->served <= w->providers[a->provider].window);
		}
	}
}

/* Every provider robs a window in each session, and delivers one unit to look honest. */
static void a_robber_gets_no_endless_sessions(void **state)
{
	(void)state;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		trade_make_calm(w, seed);
		for (uint32_t i = 0; i < TRADE_PROVIDERS; i++)
			w->lies[i] = FORGETFUL;
		trade_run(w);
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
			trade_audit_buyer(w, i);
	}
}

/* Sessions end in the middle of it all, without a fault: an epoch every 200 ms, or a life of 300.
 */
static void sell_briefly(struct trade *w, uint64_t seed, enum trade_lie lie)
{
	trade_make_calm(w, seed);
	memset(w->lies, 0, sizeof w->lies);
	w->lies[0] = lie;
	for (uint32_t i = 0; i < TRADE_PROVIDERS && seed % 2 == 0; i++)
		w->providers[i].provider.config.session_ms = 300;
	for (uint64_t i = 1; i <= 20 && seed % 2 == 1; i++)
		trade_post(w, 200 * i)->kind = EPOCH;
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
		w->buyers[i].download.config.slot_count = TRADE_SLOTS;
		w->buyers[i].download.config.budget.ncoin = 1000000;
	}
	trade_run(w);
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
		trade_audit_buyer(w, i);
		assert_int_equal(w->buyers[i].status, SOUK_OK);
	}
}

static void what_was_paid_in_time_is_read(void **state)
{
	(void)state;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t paid = 0, read = 0;
		sell_briefly(w, seed, HONEST);
		for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
			paid += w->providers[i].provider.totals.units_paid;
			for (uint32_t k = 0; k < TRADE_CUSTOMERS; k++)
				read += w->buyers[k].download.providers[i].units_verified;
		}
		assert_int_equal(paid, read);
	}
}

/* Who gives no last key is waited for once, and holds up no more than what it was paid for. */
static void the_mute_hold_up_what_they_were_paid_for(void **state)
{
	(void)state;
	uint32_t waited = 0;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		sell_briefly(w, seed, MUTE);
		assert_true(w->now.ms < 1000000 + 15000);
		for (uint32_t i = 0; i<TRADE_CUSTOMERS; waited += w->buyers[i++].open_at_drop> 0)
			assert_true(w->buyers[i].open_at_drop <= w->providers[0].window);
	}
	assert_true(waited > 5);
}

/* The only provider left is away for AWAY_MS in the middle of it all; how many downloads failed. */
static uint32_t failed_without_the_last(uint64_t away_ms, uint32_t *ret_slow)
{
	uint32_t failed = 0;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		trade_make_calm(w, seed);
		for (uint32_t i = 0; i + 1 < TRADE_PROVIDERS; i++)
			w->down[i] = true;
		uint64_t start = w->now.ms;
		for (int i = 0; i < 2; i++) {
			struct trade_event *e = trade_post(w, 200 + (i == 1 ? away_ms : 0));
			e->kind = i == 0 ? CRASH : RESTART;
			e->provider = TRADE_PROVIDERS - 1;
		}
		trade_run(w);
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
			trade_audit_buyer(w, i);
			failed += w->buyers[i].status != SOUK_OK &&
				  w->buyers[i].status != SOUK_LOCAL_BUDGET;
		}
		*ret_slow += w->now.ms > start + 200 + away_ms;
		assert_true(w->now.ms < start + 30000);
	}
	return failed;
}

static void the_last_provider_is_waited_for(void **state)
{
	(void)state;
	uint32_t slow = 0;
	assert_int_equal(failed_without_the_last(6000, &slow), 0);
	assert_true(slow > 5);
	assert_true(failed_without_the_last(60000, &slow) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads_survive_a_hostile_market),
		cmocka_unit_test(a_leech_gets_one_window),
		cmocka_unit_test(a_robber_gets_no_endless_sessions),
		cmocka_unit_test(what_was_paid_in_time_is_read),
		cmocka_unit_test(the_mute_hold_up_what_they_were_paid_for),
		cmocka_unit_test(the_last_provider_is_waited_for),
	};
	return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
