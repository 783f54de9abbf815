/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_page.h"

#define NASTY "<a href=\"x\">'&\x01\xc3\xbc%/?#"

static char *memory;

static const char *text_of(struct souk_bytes page)
{
	assert_true(page.size < GATEWAY_PAGE_SIZE_MAX);
	memory[page.size] = 0;
	return memory;
}

static struct souk_bytes listing(bool is_json, const struct gateway_row *row, uint32_t rows)
{
	struct gateway_folder folder = {NASTY, "/ID/" NASTY "/", false, 1, 3, rows, 5};
	struct gateway_page page;

	gateway_listing_begin(&page, memory, GATEWAY_PAGE_SIZE_MAX, is_json, &folder);
	for (uint32_t i = 0; i < rows; i++)
		gateway_listing_row(&page, row);
	return gateway_listing_end(&page, &folder);
}

static void test_escaping(void **state)
{
	struct souk_hash id = {{0xab}};
	struct gateway_row row = {NASTY, false, 1536, 1, &id};

	(void)state;
	const char *html = text_of(listing(false, &row, 1));
	assert_null(strstr(html, "<a href=\"x\""));
	assert_non_null(strstr(html, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"));
	assert_non_null(strstr(html, "\"./%3Ca%20href%3D%22x%22%3E%27%26%01%C3%BC%25%2F%3F%23\""));
	assert_non_null(strstr(html, "1.5 KiB"));
	assert_non_null(strstr(html, "?list&amp;page=2"));
	const char *json = text_of(listing(true, &row, 2));
	assert_non_null(strstr(
		json, "\"name\":\"<a href=\\\"x\\\">'&\\u0001\xc3\xbc%/?#\",\"kind\":\"file\""));
	assert_non_null(strstr(json, "\"id\":\"ab00000000"));
	assert_non_null(strstr(json, "},\n{"));
	assert_non_null(strstr(json, "\"pages\":3,\"entries\":["));
}

/* Where a redirect leads: the slashes stay, and nothing in a name ends the path. */
static void test_path(void **state)
{
	char text[64];
	struct gateway_page page;

	(void)state;
	souk_writer_init(&page.writer, text, sizeof(text) - 1);
	gateway_page_path(&page, "/a?b #1/%41\xc3\xbc\r\n/c.d/");
	text[page.writer.size] = 0;
	assert_string_equal(text, "/a%3Fb%20%231/%2541%C3%BC%0D%0A/c.d/");
}

/* A full page of the longest names fits, and its end with it. */
static void test_full_page(void **state)
{
	char name[256];
	struct gateway_row row = {name, true, UINT64_MAX, UINT32_MAX, NULL};

	(void)state;
	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	for (int is_json = 0; is_json < 2; is_json++) {
		const char *page = text_of(listing(is_json, &row, GATEWAY_PAGE_ROWS));
		size_t count = 0;
		for (const char *p = page; (p = strstr(p, is_json ? "\n{" : "<tr><td>")); p++)
			count++;
		assert_int_equal(count, GATEWAY_PAGE_ROWS + !is_json); /* and the way up */
		assert_non_null(strstr(page, is_json ? "\n]}\n" : "</html>"));
	}
	/* More than that is left out, and the end is there all the same. */
	assert_non_null(strstr(text_of(listing(false, &row, 3 * GATEWAY_PAGE_ROWS)), "</html>"));
}

static void test_index(void **state)
{
	struct gateway_state here = {.url = "http://127.0.0.1:7680",
		.payer = "you",
		.budget = "1",
		.spent = "0.5",
		.given = "0.25",
		.price_max = "",
		.is_cut = true};
	struct gateway_held held = {"ab.64", NASTY, 64, 4, 1}, empty = {"cd", "", 0, 0, 0};
	struct gateway_page page;

	(void)state;
	gateway_index_begin(&page, memory, GATEWAY_PAGE_SIZE_MAX, false, &here);
	gateway_index_row(&page, &held);
	gateway_index_row(&page, &empty);
	const char *html = text_of(gateway_index_end(&page, &here));
	assert_non_null(strstr(html, "<a href=\"/ab.64\">&lt;a href"));
	assert_non_null(strstr(html, ">25 %<"));
	assert_non_null(strstr(html, ">100 %<"));
	assert_non_null(strstr(html, "There is more"));
	gateway_index_begin(&page, memory, GATEWAY_PAGE_SIZE_MAX, true, &here);
	const char *json = text_of(gateway_index_end(&page, &here));
	assert_non_null(strstr(json, "\"spent\":\"0.5\",\"set_aside\":\"0.25\""));
	assert_non_null(strstr(json, "\"cut\":true,\"contents\":[\n]}"));
}

static void test_problem(void **state)
{
	const char *page = text_of(gateway_problem_page(
		memory, GATEWAY_PROBLEM_SIZE_MAX, 402, "nobody pays", NASTY, NULL));

	(void)state;
	assert_non_null(strstr(page, "402: nobody pays"));
	assert_null(strstr(page, "<a href=\"x\""));
	assert_non_null(strstr(page, "</html>"));
}

static void test_sizes(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} rows[] = {
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1023948, "999.9 KiB"},
		{1048575, "1.0 MiB"},
		{10737418240, "10.0 GiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char text[GATEWAY_SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		gateway_size_text(text, rows[i].size);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_full_page),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_sizes),
	};

	memory = malloc(GATEWAY_PAGE_SIZE_MAX + 1);
	int failed = memory ? cmocka_run_group_tests(tests, NULL, NULL) : 99;
	free(memory);
	return failed;
}
