/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "listen_address.h"

static void test_good(void **state)
{
	static const struct {
		const char *text, *host, *url;
		uint16_t port;
	} rows[] = {
		{"127.0.0.1:7610", "127.0.0.1", "http://127.0.0.1:9", 7610},
		{"0.0.0.0:0", "0.0.0.0", "http://0.0.0.0:9", 0},
		{"[::1]:65535", "::1", "http://[::1]:9", 65535},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct listen_address address;
		char url[LISTEN_URL_SIZE];
		assert_true(listen_address_parse(&address, rows[i].text));
		assert_string_equal(address.host, rows[i].host);
		assert_int_equal(address.port, rows[i].port);
		listen_address_url(url, &address, "http", 9);
		assert_string_equal(url, rows[i].url);
	}
}

static void test_bad(void **state)
{
	static const char *const texts[] = {"", ":", ":80", "127.0.0.1", "127.0.0.1:", "h:65536",
		"h:-1", "h:1x", "h: 1", "::1:80", "[]:80", "[::1]80",
		"0123456789012345678901234567890123456789012345678901234567890123:1"};
	struct listen_address address;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(listen_address_parse(&address, texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
