/* SPDX-License-Identifier: Apache-2.0
 *
 * What customers want, whom they ask, and that they get it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#include "actor_customer.h"
#include "demand.h"
#include "directory.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "world.h"

/* ---------------------------------------------------------------- demand */

static void powers_and_logarithms_are_those_of_the_tables(void **state)
{
	(void)state;
	assert_int_equal(sim_demand_log2(1), 0);
	assert_int_equal(sim_demand_log2(2), UINT64_C(1) << 32);
	assert_int_equal(sim_demand_log2(UINT64_C(1) << 63), UINT64_C(63) << 32);
	/* log2(3) = 1.58496250072..., log2(10) = 3.32192809488... */
	assert_in_range(sim_demand_log2(3), UINT64_C(6807362105), UINT64_C(6807362107));
	assert_in_range(sim_demand_log2(10), UINT64_C(14267572526), UINT64_C(14267572528));
	assert_int_equal(sim_demand_exp2_minus(0), UINT64_C(1) << 62);
	assert_int_equal(sim_demand_exp2_minus(UINT64_C(1) << 32), UINT64_C(1) << 61);
	/* 2^-(1/2) * 2^62 = 3260954456333195553.2... */
	assert_in_range(sim_demand_exp2_minus(UINT64_C(1) << 31), UINT64_C(3260954456333195500),
		UINT64_C(3260954456333195554));
	assert_int_equal(sim_demand_exp2_minus(UINT64_C(63) << 32), 0);
}

struct market {
	struct sim_scenario scenario;
	struct sim_world *world;
};

static struct market make_market(const char *text)
{
	struct market market;
	char error[SIM_ERROR_SIZE];
	assert_int_equal(
		sim_scenario_parse(&market.scenario, "test", text, strlen(text), error), SOUK_OK);
	return market;
}

/* A world in which nothing runs. */
static void begin(struct market *market)
{
	char error[SIM_ERROR_SIZE];
	assert_int_equal(sim_world_new(&market->world, &market->scenario, NULL, error), SOUK_OK);
}

static const char sellers[] = "[market]\nabout = x\ncontents = 10\nzipf = 1000\n"
			      "[population sellers]\nactor = provider\ncount = 12\n";

static void popular_contents_are_wanted_more(void **state)
{
	struct market market = make_market(sellers);
	uint64_t counts[10] = {0};
	struct souk_rng rng;
	(void)state;
	begin(&market);
	souk_rng_init(&rng, 1);
	for (int i = 0; i < 29290; i++)
		counts[sim_demand_content(market.world, &rng)]++;
	/* Weights 1, 1/2 .. 1/10 add up to 2.929: content k is wanted 10000 / (k + 1) times. */
	for (uint64_t k = 0; k < 10; k++)
		assert_in_range(counts[k], 9200 / (k + 1), 10800 / (k + 1));
	sim_world_free(market.world);
}

static void alike_contents_are_wanted_alike(void **state)
{
	struct market market = make_market(sellers);
	uint64_t counts[10] = {0};
	struct souk_rng rng;
	(void)state;
	market.scenario.zipf_milli = 0;
	begin(&market);
	souk_rng_init(&rng, 1);
	for (int i = 0; i < 10000; i++)
		counts[sim_demand_content(market.world, &rng)]++;
	for (int k = 0; k < 10; k++)
		assert_in_range(counts[k], 880, 1120);
	sim_world_free(market.world);
}

static uint64_t mean_pause(struct market *market, uint64_t at_ms)
{
	struct souk_rng rng;
	uint64_t sum = 0;
	souk_rng_init(&rng, 2);
	market->world->now_us = at_ms * 1000;
	for (int i = 0; i < 20000; i++)
		sum += sim_demand_pause_ms(market->world, &rng, 1000);
	return sum / 20000;
}

static void pauses_have_their_mean_and_follow_the_tide(void **state)
{
	struct market market = make_market(sellers);
	(void)state;
	begin(&market);
	assert_in_range(mean_pause(&market, 0), 970, 1030);
	market.scenario.day_ms = 100000;
	market.scenario.tide_ppm = 500000;
	assert_in_range(mean_pause(&market, 0), 970, 1030);
	assert_in_range(mean_pause(&market, 50000), 1940, 2060);
	assert_in_range(mean_pause(&market, 25000), 1280, 1390);
	assert_in_range(mean_pause(&market, 100000), 970, 1030);
	sim_world_free(market.world);
}

/* ---------------------------------------------------------------- the directory */

static void whoever_is_drawn_is_registered_and_drawn_once(void **state)
{
	struct market market = make_market(sellers);
	uint32_t drawn[16], not [] = {3, 7};
	struct souk_rng rng;
	(void)state;
	begin(&market);
	souk_rng_init(&rng, 3);
	assert_int_equal(sim_directory_draw(market.world, &rng, drawn, 4, NULL, 0), 0);
	for (uint32_t id = 0; id < 10; id++) {
		sim_directory_add(sim_node_at(market.world, id));
		sim_directory_add(sim_node_at(market.world, id));
	}
	assert_int_equal(sim_directory_count(market.world), 10);
	for (int round = 0; round < 100; round++) {
		uint32_t seen = 0;
		uint32_t count = sim_directory_draw(market.world, &rng, drawn, 16, not, 2);
		assert_int_equal(count, 8);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(seen >> drawn[i] & 1, 0);
			seen |= UINT32_C(1) << drawn[i];
		}
		assert_int_equal(seen, 0x3ff & ~(1u << 3) & ~(1u << 7));
	}
	sim_directory_remove(sim_node_at(market.world, 9));
	assert_int_equal(sim_directory_count(market.world), 9);
	sim_world_free(market.world);
}

/* ---------------------------------------------------------------- a customer's life */

static const char one[] = "[market]\nabout = x\nduration = 12s\nepoch = 4s\ndraw-delay = 500ms\n"
			  "claim-window = 6s\nunlock = 1s\ncontents = 3\n"
			  "[population sellers]\nactor = provider\ncount = 2\n"
			  "[population buyers]\nactor = customer\npeers = 2\ndownloads = 3\n"
			  "pause = 500ms\n";

static void a_customer_opens_buys_closes_and_withdraws(void **state)
{
	struct market market = make_market(one);
	struct souk_escrow_record escrow;
	struct souk_account_record account;
	(void)state;
	begin(&market);
	struct sim_node *buyer = sim_node_at(market.world, 2);
	sim_world_run_until(market.world, 2000000);
	assert_int_equal(sim_ledger_escrow(buyer, sim_customer_escrow(buyer), &escrow), SOUK_OK);
	assert_false(escrow.closing);
	assert_int_equal(sim_world_run(market.world), SOUK_OK);
	assert_int_equal(buyer->tally.downloads_done, 3);
	assert_int_equal(
		sim_ledger_escrow(buyer, sim_customer_escrow(buyer), &escrow), SOUK_PEER_NO_ESCROW);
	/* What it has less was won by those who sold to it. */
	assert_int_equal(sim_ledger_account(buyer, &buyer->identity.address, &account), SOUK_OK);
	uint64_t won = sim_node_at(market.world, 0)->tally.claimed.ncoin +
		       sim_node_at(market.world, 1)->tally.claimed.ncoin;
	assert_int_equal(account.balance.ncoin + won, buyer->funded.ncoin);
	assert_int_equal(
		buyer->tally.spent.ncoin, buyer->tally.units_verified * market.scenario.price);
	assert_int_equal(sim_audit_count(market.world->audit), 0);
	sim_world_free(market.world);
}

static void everybody_wants_the_same_in_a_crowd(void **state)
{
	struct market market = make_market(one);
	(void)state;
	market.scenario.crowd_ms = 3000;
	market.scenario.populations[1].count = 5;
	market.scenario.populations[1].pause_ms = 3600000;
	market.scenario.populations[1].downloads = 1;
	begin(&market);
	assert_int_equal(sim_world_run(market.world), SOUK_OK);
	for (uint32_t id = 2; id < 7; id++) {
		assert_int_equal(sim_node_at(market.world, id)->tally.downloads_done, 1);
		assert_int_equal(sim_node_at(market.world, id)->tally.units_verified,
			sim_content_units(market.world, 0));
	}
	sim_world_free(market.world);
}

/* Killed in the middle of a download, it goes on where it was: what is on the disk is not bought
 * again, but for the chunks of the last moments. */
static void a_killed_customer_goes_on_where_it_was(void **state)
{
	struct market market = make_market(one);
	(void)state;
	market.scenario.units_min = market.scenario.units_max = 400;
	market.scenario.populations[1].downloads = 1;
	begin(&market);
	struct sim_node *buyer = sim_node_at(market.world, 2);
	for (uint64_t us = 2500000; us <= 4500000; us += 1000000) {
		sim_world_run_until(market.world, us);
		sim_crash(buyer, 200000);
	}
	assert_int_equal(sim_world_run(market.world), SOUK_OK);
	assert_int_equal(buyer->tally.downloads_done, 1);
	assert_in_range(buyer->tally.units_verified, 400, 400 + 3 * 48);
	assert_int_equal(sim_audit_count(market.world->audit), 0);
	sim_world_free(market.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(powers_and_logarithms_are_those_of_the_tables),
		cmocka_unit_test(popular_contents_are_wanted_more),
		cmocka_unit_test(alike_contents_are_wanted_alike),
		cmocka_unit_test(pauses_have_their_mean_and_follow_the_tide),
		cmocka_unit_test(whoever_is_drawn_is_registered_and_drawn_once),
		cmocka_unit_test(a_customer_opens_buys_closes_and_withdraws),
		cmocka_unit_test(everybody_wants_the_same_in_a_crowd),
		cmocka_unit_test(a_killed_customer_goes_on_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
