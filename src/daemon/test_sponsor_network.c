/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sponsor_network.h"

#define PEER sponsor_network_of_peer
#define URL  sponsor_network_of_url

static void test_peers(void **state)
{
	(void)state;
	assert_true(PEER("192.0.2.1:4711") == PEER("192.0.2.254:1"));
	assert_true(PEER("192.0.2.1:4711") != PEER("192.0.3.1:4711"));
	assert_true(PEER("192.0.2.1:4711") == PEER("[::ffff:192.0.2.7]:4711"));
	assert_true(PEER("[2001:db8:1:2::1]:1") == PEER("[2001:db8:1:ffff::9]:2"));
	assert_true(PEER("[2001:db8:1::1]:1") != PEER("[2001:db8:2::1]:1"));
	/* An IPv6 address cannot pass for an IPv4 one. */
	assert_true(PEER("[::c000:0201]:1") != PEER("192.0.2.1:1"));
	assert_true(PEER("[fe80::1%eth0]:1") == PEER("[fe80::2]:1"));
	assert_true(PEER("0.0.0.1:1") != 0);
	assert_true(PEER("") == 0 && PEER("[") == 0 && PEER("nonsense") == 0);
	assert_true(
		PEER("[1111111111111111111111111111111111111111111111111111111111111111111]:1") ==
		0);
}

static void test_urls(void **state)
{
	(void)state;
	assert_true(URL("https://192.0.2.9:7610") == PEER("192.0.2.1:1"));
	assert_true(URL("https://[2001:db8:1::5]:7610/x") == PEER("[2001:db8:1::1]:1"));
	assert_true(URL("https://a.example:7610") == URL("https://a.example:99"));
	assert_true(URL("https://a.example:7610") != URL("https://b.example:7610"));
	assert_true(URL("https://a.example") != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
