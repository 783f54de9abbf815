/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider_limit.h"

static struct provider_limit limit;

static unsigned take_all(const char *peer, uint64_t now)
{
	unsigned taken = 0;
	while (provider_limit_take(&limit, peer, now))
		taken++;
	return taken;
}

static int forget(void **state)
{
	(void)state;
	memset(&limit, 0, sizeof limit);
	return 0;
}

static void a_bucket_empties_and_fills(void **state)
{
	(void)state;
	assert_int_equal(take_all("192.0.2.1:1", 1000), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("192.0.2.1:2", 1000), 0);
	assert_int_equal(take_all("192.0.2.2:1", 1000), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("192.0.2.1:3", 2000), PROVIDER_LIMIT_PER_SECOND);
	/* A clock that went back gives nothing, and takes nothing. */
	assert_int_equal(take_all("192.0.2.1:3", 10), 0);
	assert_int_equal(take_all("192.0.2.1:3", 2500), PROVIDER_LIMIT_PER_SECOND / 2);
	assert_int_equal(take_all("192.0.2.1:3", UINT64_MAX), PROVIDER_LIMIT_BURST);
}

static void what_cost_nothing_is_given_back(void **state)
{
	(void)state;
	provider_limit_give(&limit, "192.0.2.1:1"); /* of a stranger: nothing happens */
	assert_int_equal(take_all("192.0.2.1:1", 5), PROVIDER_LIMIT_BURST);
	provider_limit_give(&limit, "192.0.2.1:2");
	provider_limit_give(&limit, "192.0.2.1:3");
	assert_int_equal(take_all("192.0.2.1:1", 5), 2);
	/* Never more than there is room for. */
	assert_true(provider_limit_take(&limit, "192.0.2.2:1", 5));
	for (int i = 0; i < 5; i++)
		provider_limit_give(&limit, "192.0.2.2:1");
	assert_int_equal(take_all("192.0.2.2:1", 5), PROVIDER_LIMIT_BURST);
}

static void one_owner_has_one_bucket(void **state)
{
	(void)state;
	assert_int_equal(take_all("[2001:db8::1]:1", 5), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("[2001:db8::ffff:2]:1", 5), 0);
	assert_int_equal(take_all("[2001:db8:0:1::1]:1", 5), PROVIDER_LIMIT_BURST);
	assert_true(provider_limit_number("[2001:db8::1]:1") ==
		    provider_limit_number("[2001:db8::2]:9"));
	assert_true(provider_limit_number("192.0.2.1:1") != provider_limit_number("192.0.2.2:1"));
	/* What a socket of both kinds shows of IPv4 is as many owners as there are addresses. */
	assert_int_equal(take_all("[::ffff:192.0.2.3]:1", 5), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("[::ffff:192.0.2.4]:1", 5), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("192.0.2.4:1", 5), 0);
	/* What is no address is one stranger. */
	assert_int_equal(take_all("?:0", 5), PROVIDER_LIMIT_BURST);
	assert_int_equal(take_all("", 5), 0);
	assert_int_equal(take_all("[", 5), 0);
	assert_int_equal(take_all("[]:1", 5), 0);
}

static void strangers_take_the_oldest_bucket(void **state)
{
	(void)state;
	char peer[32];
	assert_int_equal(take_all("192.0.2.1:1", 1), PROVIDER_LIMIT_BURST);
	for (unsigned i = 0; i < PROVIDER_LIMIT_BUCKETS - 1; i++) {
		snprintf(peer, sizeof peer, "10.0.%u.%u:1", i / 256, i % 256);
		assert_true(provider_limit_take(&limit, peer, 2 + i / 256));
	}
	assert_int_equal(take_all("192.0.2.1:1", 5), 0);
	/* One more stranger takes the place of the first of them, not of who asked last. */
	assert_true(provider_limit_take(&limit, "10.1.0.0:1", 9));
	assert_int_equal(take_all("10.0.0.0:1", 9), PROVIDER_LIMIT_BURST);
}

static void another_rate(void **state)
{
	(void)state;
	limit.per_second = 100;
	assert_int_equal(take_all("192.0.2.1:1", 1000), 400);
	assert_int_equal(take_all("192.0.2.1:1", 1500), 50);
	assert_int_equal(take_all("192.0.2.1:1", 90000), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_bucket_empties_and_fills, forget),
		cmocka_unit_test_setup(what_cost_nothing_is_given_back, forget),
		cmocka_unit_test_setup(one_owner_has_one_bucket, forget),
		cmocka_unit_test_setup(another_rate, forget),
		cmocka_unit_test_setup(strangers_take_the_oldest_bucket, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
