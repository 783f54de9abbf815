/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_purse.h"

#define DAY_MS (24ull * 3600 * 1000)
#define NOW    (20000 * DAY_MS + 5)
#define BUDGET 1000000u

static char home[] = "/tmp/souk-purse-XXXXXX", path[64];

static struct gateway_purse *open_purse(uint64_t budget)
{
	struct gateway_purse *purse = NULL;

	assert_int_equal(gateway_purse_open(&purse, home, (struct souk_amount){budget}), SOUK_OK);
	return purse;
}

static void check(struct gateway_purse *purse, uint64_t now, uint64_t spent, uint64_t given)
{
	struct souk_amount got_spent, got_given;

	gateway_purse_figures(purse, now, &got_spent, &got_given);
	assert_int_equal(got_spent.ncoin, spent);
	assert_int_equal(got_given.ncoin, given);
}

/* However many take, they never have more than the budget, and all of it can be had. */
static void test_budget(void **state)
{
	struct gateway_purse *purse = open_purse(BUDGET);
	struct gateway_part part, old;
	uint64_t taken = 0;

	(void)state;
	assert_int_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_OK);
	assert_int_equal(part.amount.ncoin, BUDGET / 4);
	old = part;
	for (taken = part.amount.ncoin; gateway_purse_take(purse, NOW, false, &part) == SOUK_OK;)
		taken += part.amount.ncoin;
	assert_int_equal(taken, BUDGET);
	check(purse, NOW, 0, BUDGET);
	assert_int_equal(gateway_purse_take(purse, NOW, true, &part), SOUK_LOCAL_BUDGET);
	/* The next day has its own; what comes back of the last one is none of it. */
	assert_int_equal(gateway_purse_take(purse, NOW + DAY_MS, true, &part), SOUK_OK);
	assert_int_equal(part.amount.ncoin, BUDGET);
	gateway_purse_settle(purse, old, (struct souk_amount){0});
	check(purse, NOW + DAY_MS, 0, BUDGET);
	gateway_purse_settle(purse, part, (struct souk_amount){300});
	check(purse, NOW + DAY_MS, 300, 0);
	/* A clock that goes back makes no new day. */
	check(purse, NOW, 300, 0);
	gateway_purse_close(purse);
	unlink(path);
}

/* What is not settled when the process ends counts as spent. */
static void test_crash(void **state)
{
	struct gateway_purse *purse = open_purse(BUDGET);
	struct gateway_part part, other;

	(void)state;
	assert_int_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_OK);
	assert_int_equal(gateway_purse_take(purse, NOW, false, &other), SOUK_OK);
	gateway_purse_settle(purse, part, (struct souk_amount){7});
	gateway_purse_close(purse);
	purse = open_purse(BUDGET);
	check(purse, NOW, 7 + other.amount.ncoin, 0);
	/* More than it had is gone, too. */
	assert_int_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_OK);
	gateway_purse_settle(purse, part, (struct souk_amount){part.amount.ncoin + 1});
	check(purse, NOW, 7 + other.amount.ncoin + part.amount.ncoin + 1, 0);
	gateway_purse_close(purse);
	/* A smaller budget than what is spent. */
	purse = open_purse(5);
	assert_int_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_LOCAL_BUDGET);
	gateway_purse_close(purse);
	unlink(path);
}

/* A clock that leaps ahead, and is put right, neither stops the spending until that day nor gives
 * what was spent again. */
static void test_clock_leaps(void **state)
{
	struct gateway_purse *purse = open_purse(BUDGET);
	struct gateway_part part, far;

	(void)state;
	assert_int_equal(gateway_purse_take(purse, NOW + 50000 * DAY_MS, false, &far), SOUK_OK);
	assert_int_equal(gateway_purse_take_amount(
				 purse, NOW, (struct souk_amount){BUDGET / 4 * 3 + 1}, &part),
		SOUK_LOCAL_BUDGET);
	assert_int_equal(
		gateway_purse_take_amount(purse, NOW, (struct souk_amount){BUDGET / 4 * 3}, &part),
		SOUK_OK);
	check(purse, NOW, 0, BUDGET);
	gateway_purse_settle(purse, part, (struct souk_amount){5});
	gateway_purse_settle(purse, far, (struct souk_amount){6});
	check(purse, NOW, 11, 0);
	gateway_purse_close(purse);
	purse = open_purse(BUDGET);
	check(purse, NOW, 11, 0);
	check(purse, NOW + DAY_MS, 0, 0);
	/* A little behind: the day that was begun counts. */
	assert_int_equal(gateway_purse_take(purse, NOW + DAY_MS, true, &part), SOUK_OK);
	assert_int_equal(gateway_purse_take(purse, NOW, true, &part), SOUK_LOCAL_BUDGET);
	gateway_purse_close(purse);
	unlink(path);
}

static void test_failures(void **state)
{
	struct gateway_purse *purse = NULL;
	struct gateway_part part;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fputs("20000 5 x\n", file);
	fclose(file);
	assert_int_equal(
		gateway_purse_open(&purse, home, (struct souk_amount){BUDGET}), SOUK_CORRUPT_STORE);
	unlink(path);
	assert_null(purse);
	/* What cannot be remembered is not given; nothing is left of one coin but itself. */
	purse = open_purse(1);
	assert_int_equal(rmdir(home), 0);
	assert_int_not_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_OK);
	check(purse, NOW, 0, 0);
	assert_non_null(mkdtemp(strcpy(home, "/tmp/souk-purse-XXXXXX")));
	gateway_purse_close(purse);
	snprintf(path, sizeof(path), "%s/gateway.day", home);
	purse = open_purse(1);
	assert_int_equal(gateway_purse_take(purse, NOW, false, &part), SOUK_OK);
	assert_int_equal(part.amount.ncoin, 1);
	gateway_purse_close(purse);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_clock_leaps),
		cmocka_unit_test(test_failures),
	};

	if (!mkdtemp(home))
		return 99;
	snprintf(path, sizeof(path), "%s/gateway.day", home);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(home);
	return failed;
}
