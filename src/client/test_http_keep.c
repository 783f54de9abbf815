/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "http_keep.h"

#define URL "https://127.0.0.1:1"

static const struct souk_hash pin = {{1}}, other = {{2}};

static struct souk_http_client *take(const char *url, const struct souk_hash *of)
{
	struct souk_http_client *http;
	assert_int_equal(http_keep_take(&http, url, of), SOUK_OK);
	return http;
}

static void one_is_used_again_for_the_same_server_only(void **state)
{
	(void)state;
	struct souk_http_client *a = take(URL, &pin), *b = take(URL, &pin);
	assert_ptr_not_equal(a, b);
	http_keep_give(a, URL, &pin);
	/* Another key is another server, and so is none. */
	struct souk_http_client *c = take(URL, &other), *d = take(URL, NULL),
				*e = take(URL "1", &pin);
	assert_ptr_not_equal(c, a);
	assert_ptr_not_equal(d, a);
	assert_ptr_not_equal(e, a);
	/* The one that was given back last is the least likely to be closed. */
	http_keep_give(b, URL, &pin);
	assert_ptr_equal(take(URL, &pin), b);
	assert_ptr_equal(take(URL, &pin), a);
	http_keep_give(a, URL, &pin);
	http_keep_give(b, URL, &pin);
	http_keep_give(c, URL, &other);
	http_keep_give(d, URL, NULL);
	http_keep_give(e, URL "1", &pin);
	http_keep_give(NULL, URL, &pin);
}

static void few_of_one_server_are_kept(void **state)
{
	struct souk_http_client *taken[KEEP_OF_ONE + 2];
	(void)state;
	for (size_t i = 0; i < KEEP_OF_ONE + 2; i++)
		taken[i] = take("https://few", &pin);
	for (size_t i = 0; i < KEEP_OF_ONE + 2; i++)
		http_keep_give(taken[i], "https://few", &pin);
	for (size_t i = 0; i < KEEP_OF_ONE; i++)
		assert_ptr_equal(take("https://few", &pin), taken[KEEP_OF_ONE - 1 - i]);
	for (size_t i = 0; i < KEEP_OF_ONE; i++)
		http_keep_give(taken[i], "https://few", &pin);
}

static void many_servers_push_out_the_oldest(void **state)
{
	char url[64];
	(void)state;
	struct souk_http_client *first = take("https://first", &pin), *last = NULL;
	http_keep_give(first, "https://first", &pin);
	for (unsigned i = 0; i < KEEP_MAX; i++) {
		snprintf(url, sizeof url, "https://server-%u", i);
		last = take(url, &pin);
		http_keep_give(last, url, &pin);
	}
	assert_ptr_equal(take(url, &pin), last);
	http_keep_give(last, url, &pin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_used_again_for_the_same_server_only),
		cmocka_unit_test(few_of_one_server_are_kept),
		cmocka_unit_test(many_servers_push_out_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
