/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/content/recruiting.h"

static const struct souk_recruiting_policy policy = {
	.max = 12, .replica_units = 10, .smooth_ms = 10000, .hold_ms = 20000, .retry_ms = 1000};

/* One look a second, for SECONDS, at so many units a second; the last target. */
static uint32_t run(struct souk_recruiting *r, struct souk_time *now, uint64_t seconds,
	uint64_t units, uint32_t min)
{
	uint32_t target = 0;
	struct souk_recruiting_view view = {
		.units = units, .min = min, .left.ncoin = 1000000, .copy.ncoin = 100};
	for (uint64_t i = 0; i < seconds; i++) {
		*now = souk_time_plus_ms(*now, 1000);
		uint32_t before = r->target;
		target = souk_recruiting_look(r, &policy, &view, *now);
		assert_true(target >= min && target <= policy.max);
		assert_true(before == 0 || target + 1 >= before); /* by one at most */
	}
	return target;
}

static void test_a_flash_crowd(void **state)
{
	(void)state;
	struct souk_recruiting r = {0};
	struct souk_time now = souk_time_at_ms(5000);
	assert_int_equal(run(&r, &now, 10, 0, 3), 3);
	assert_int_equal(run(&r, &now, 10, 9, 3), 3);
	/* The crowd comes: within the smoothing the caches for it are asked. */
	assert_true(run(&r, &now, 5, 80, 3) >= 4);
	assert_int_equal(run(&r, &now, 120, 80, 3), 8);
	/* More than the policy allows. */
	assert_int_equal(run(&r, &now, 60, 100000, 3), 12);
	/* A short lull changes nothing. */
	assert_int_equal(run(&r, &now, 15, 0, 3), 12);
	/* It goes: down to the order's, slowly. */
	assert_true(run(&r, &now, 60, 0, 3) > 6);
	assert_int_equal(run(&r, &now, 300, 0, 3), 3);
}

/* Demand that sways about a limit does not make the target sway. */
static void test_hysteresis(void **state)
{
	(void)state;
	struct souk_recruiting r = {0};
	struct souk_time now = souk_time_at_ms(5000);
	run(&r, &now, 60, 44, 3);
	uint32_t falls = 0, before = r.target;
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t target = run(&r, &now, 3, i % 2 == 0 ? 30 : 52, 3);
		falls += target < before;
		before = target;
	}
	assert_int_equal(falls, 0);
}

static void test_budget(void **state)
{
	(void)state;
	struct souk_recruiting r = {0};
	struct souk_recruiting_view view = {
		.units = 100000, .min = 3, .left.ncoin = 550, .copy.ncoin = 100};
	struct souk_time now = souk_time_at_ms(5000);
	assert_int_equal(souk_recruiting_look(&r, &policy, &view, now), 3);
	for (uint32_t i = 0; i < 100; i++) {
		now = souk_time_plus_ms(now, 1000);
		assert_true(souk_recruiting_look(&r, &policy, &view, now) <= 5);
	}
	assert_int_equal(r.target, 5);
	/* What the publisher ordered is ordered. */
	view.min = 20;
	assert_int_equal(souk_recruiting_look(&r, &policy, &view, now), 20);
}

static struct souk_prospect prospect(
	uint8_t name, enum souk_prospect_state state, uint64_t network, uint64_t price)
{
	return (struct souk_prospect){
		.state = state, .address.bytes = {name}, .network = network, .price.ncoin = price};
}

static void test_whom(void **state)
{
	(void)state;
	struct souk_time now = souk_time_at_ms(100000);
	struct souk_amount most = {100};
	struct souk_prospect p[6] = {
		prospect(1, SOUK_PROSPECT_FREE, 1, 50),
		prospect(2, SOUK_PROSPECT_FREE, 2, 40),
		prospect(3, SOUK_PROSPECT_FREE, 2, 45),
		prospect(4, SOUK_PROSPECT_FREE, 3, 101),
		prospect(5, SOUK_PROSPECT_BARRED, 4, 1),
		prospect(6, SOUK_PROSPECT_FREE, 5, 2),
	};
	p[5].retry = souk_time_plus_ms(now, 1);
	assert_int_equal(souk_recruiting_choose(p, 6, most, 1, now), 1);
	p[1].state = SOUK_PROSPECT_PENDING;
	/* Its neighbour counts twice now. */
	assert_int_equal(souk_recruiting_choose(p, 6, most, 1, now), 0);
	p[0].state = SOUK_PROSPECT_ENLISTED;
	assert_int_equal(souk_recruiting_choose(p, 6, most, 1, now), 2);
	p[2].state = SOUK_PROSPECT_ENLISTED;
	assert_int_equal(souk_recruiting_choose(p, 6, most, 1, now), SOUK_RECRUITING_NONE);
	now = souk_time_plus_ms(now, 1);
	assert_int_equal(souk_recruiting_choose(p, 6, most, 1, now), 5);
	/* The dearest goes first: the one with a neighbour. */
	assert_int_equal(souk_recruiting_release(p, 6, 1), 2);
	p[2].state = SOUK_PROSPECT_FREE;
	assert_int_equal(souk_recruiting_release(p, 6, 1), 0);
	p[0].state = SOUK_PROSPECT_FREE;
	assert_int_equal(souk_recruiting_release(p, 6, 1), SOUK_RECRUITING_NONE);
}

static void test_failures(void **state)
{
	(void)state;
	struct souk_time now = souk_time_at_ms(100000);
	struct souk_amount most = {100};
	struct souk_prospect p[2] = {
		prospect(1, SOUK_PROSPECT_PENDING, 1, 40), prospect(2, SOUK_PROSPECT_FREE, 2, 44)};
	souk_prospect_failed(&p[0], &policy, now);
	assert_int_equal(p[0].state, SOUK_PROSPECT_FREE);
	assert_int_equal(souk_time_since_ms(now, p[0].retry), 1000);
	/* After the wait the other one is cheaper by the measure. */
	now = souk_time_plus_ms(now, 1000);
	assert_int_equal(souk_recruiting_choose(p, 2, most, 1, now), 1);
	souk_prospect_failed(&p[0], &policy, now);
	assert_int_equal(souk_time_since_ms(now, p[0].retry), 2000);
	for (uint32_t i = 0; i < 100; i++)
		souk_prospect_failed(&p[0], &policy, now);
	assert_int_equal(souk_time_since_ms(now, p[0].retry), 1024000);
}

/* Equals: another seed asks another one first. */
static void test_seeds(void **state)
{
	(void)state;
	struct souk_prospect p[8];
	struct souk_time now = souk_time_at_ms(100000);
	uint32_t seen = 0;
	for (uint8_t i = 0; i < 8; i++)
		p[i] = prospect(i + 1, SOUK_PROSPECT_FREE, i, 40);
	for (uint64_t seed = 0; seed < 200; seed++)
		seen |= 1u << souk_recruiting_choose(p, 8, p[0].price, seed, now);
	assert_int_equal(seen, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_flash_crowd),
		cmocka_unit_test(test_hysteresis),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_whom),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_seeds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
