/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway_range.h"

#define TAG "\"abc\""

struct row {
	const char *range;
	uint64_t size;
	unsigned status;
	uint64_t first, part;
};

static const struct row rows[] = {
	/* no range, or none that can be understood: all of it */
	{NULL, 1000, 200, 0, 1000},
	{NULL, 0, 200, 0, 0},
	{"", 1000, 200, 0, 1000},
	{"bytes", 1000, 200, 0, 1000},
	{"bytes=", 1000, 200, 0, 1000},
	{"bytes=-", 1000, 200, 0, 1000},
	{"bytes=5", 1000, 200, 0, 1000},
	{"bytes=a-", 1000, 200, 0, 1000},
	{"bytes=0-1x", 1000, 200, 0, 1000},
	{"bytes=5-4", 1000, 200, 0, 1000},
	{"bytes=--5", 1000, 200, 0, 1000},
	{"bytes=+1-5", 1000, 200, 0, 1000},
	{"bytes 0-1", 1000, 200, 0, 1000},
	{"octets=0-1", 1000, 200, 0, 1000},
	{"byte=0-1", 1000, 200, 0, 1000},
	{"bytes=0 - 1", 1000, 200, 0, 1000},
	/* several: all of it */
	{"bytes=0-1,5-6", 1000, 200, 0, 1000},
	{"bytes=0-1,", 1000, 200, 0, 1000},
	{"bytes=2000-,0-1", 1000, 200, 0, 1000},
	/* one */
	{"bytes=0-", 1000, 206, 0, 1000},
	{"bytes=0-0", 1000, 206, 0, 1},
	{"bytes=0-999", 1000, 206, 0, 1000},
	{"bytes=0-1000", 1000, 206, 0, 1000},
	{"bytes=1-2", 1000, 206, 1, 2},
	{"bytes=999-", 1000, 206, 999, 1},
	{"bytes=999-999", 1000, 206, 999, 1},
	{"BYTES= 1-2 ", 1000, 206, 1, 2},
	{"bytes=001-0002", 1000, 206, 1, 2},
	{"bytes=5-18446744073709551615", 1000, 206, 5, 995},
	{"bytes=5-99999999999999999999999", 1000, 206, 5, 995},
	/* the last ones */
	{"bytes=-1", 1000, 206, 999, 1},
	{"bytes=-1000", 1000, 206, 0, 1000},
	{"bytes=-1001", 1000, 206, 0, 1000},
	{"bytes=-99999999999999999999999", 1000, 206, 0, 1000},
	{"bytes=-1", 0, 200, 0, 0},
	/* not there */
	{"bytes=1000-", 1000, 416, 0, 0},
	{"bytes=1000-2000", 1000, 416, 0, 0},
	{"bytes=18446744073709551616-", 1000, 416, 0, 0},
	{"bytes=-0", 1000, 416, 0, 0},
	{"bytes=-0", 0, 416, 0, 0},
	{"bytes=0-", 0, 416, 0, 0},
	/* at the end of what can be counted */
	{"bytes=18446744073709551614-", UINT64_MAX, 206, UINT64_MAX - 1, 1},
	{"bytes=0-", UINT64_MAX, 206, 0, UINT64_MAX},
	{"bytes=18446744073709551615-", UINT64_MAX, 416, 0, 0},
};

static void check(
	struct gateway_cut cut, unsigned status, uint64_t first, uint64_t size, const char *what)
{
	if (cut.status != status || cut.first != first || cut.size != size)
		fail_msg("%s: %u %ju+%ju", what ? what : "(none)", cut.status, (uintmax_t)cut.first,
			(uintmax_t)cut.size);
}

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct gateway_conditions get = {.is_get = true, .range = row->range};
		struct gateway_conditions head = {.range = row->range};
		check(gateway_cut_of(&get, TAG, row->size), row->status, row->first, row->part,
			row->range);
		/* A range is of GET alone. */
		check(gateway_cut_of(&head, TAG, row->size), 200, 0, row->size, row->range);
	}
}

static unsigned status_of(struct gateway_conditions conditions)
{
	conditions.is_get = true;
	return gateway_cut_of(&conditions, TAG, 1000).status;
}

static void test_conditions(void **state)
{
	static const struct {
		const char *list;
		bool strong, weak; /* whether it names TAG */
	} lists[] = {
		{TAG, true, true},
		{"*", true, true},
		{"  *", true, true},
		{"W/\"abc\"", false, true},
		{"\"x\", \"abc\"", true, true},
		{"\"x\",W/\"abc\" , \"y\"", false, true},
		{",, \"abc\"", true, true},
		{"\"ab\"", false, false},
		{"\"abcd\"", false, false},
		{"abc", false, false},
		{"\"abc", false, false},
		{"\"", false, false},
		{"W/", false, false},
		{"", false, false},
		{"\"x\" \"abc\"", true, true},
		{"x, \"abc\"", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		const char *list = lists[i].list;
		unsigned match = status_of((struct gateway_conditions){.if_match = list});
		unsigned none = status_of((struct gateway_conditions){.if_none_match = list});
		if (match != (lists[i].strong ? 200u : 412u) ||
			none != (lists[i].weak ? 304u : 200u))
			fail_msg("%s: %u %u", list, match, none);
	}
}

static void test_if_range(void **state)
{
	const char *range = "bytes=1-2";

	(void)state;
	assert_int_equal(
		status_of((struct gateway_conditions){.range = range, .if_range = TAG}), 206);
	assert_int_equal(
		status_of((struct gateway_conditions){.range = range, .if_range = "W/\"abc\""}),
		200);
	assert_int_equal(
		status_of((struct gateway_conditions){.range = range, .if_range = "\"other\""}),
		200);
	assert_int_equal(status_of((struct gateway_conditions){
				 .range = range, .if_range = "Mon, 23 Nov 2026 00:00:00 GMT"}),
		200);
	/* Without a match there is nothing out of range. */
	assert_int_equal(status_of((struct gateway_conditions){
				 .range = "bytes=5000-", .if_range = "\"other\""}),
		200);
	/* The tag decides before the range. */
	assert_int_equal(status_of((struct gateway_conditions){
				 .range = "bytes=5000-", .if_none_match = TAG}),
		304);
	assert_int_equal(
		status_of((struct gateway_conditions){.if_match = "\"no\"", .if_none_match = TAG}),
		412);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_if_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
