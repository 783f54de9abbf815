/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway_guard.h"
#include "gateway_type.h"

#define A "00112233445566778899aabbccddeeff"
#define B "ffeeddccbbaa99887766554433221100"

static void test_hosts(void **state)
{
	static const struct {
		const char *host;
		enum gateway_host_kind kind;
	} rows[] = {
		{NULL, GATEWAY_HOST_SHARED},
		{"127.0.0.1:7680", GATEWAY_HOST_SHARED},
		{"127.0.0.1", GATEWAY_HOST_SHARED},
		{"192.168.1.5:80", GATEWAY_HOST_SHARED},
		{"[::1]:7680", GATEWAY_HOST_SHARED},
		{"[::1]", GATEWAY_HOST_SHARED},
		{"localhost:7680", GATEWAY_HOST_SHARED},
		{"LocalHost", GATEWAY_HOST_SHARED},
		{"localhost.", GATEWAY_HOST_SHARED},
		{"media.example:7680", GATEWAY_HOST_SHARED},
		{"tv.example", GATEWAY_HOST_SHARED},
		{A "." B ".localhost:7680", GATEWAY_HOST_CONTENT},
		{A "." B ".localhost", GATEWAY_HOST_CONTENT},
		{"00112233445566778899AABBCCDDEEFF." B ".LOCALHOST", GATEWAY_HOST_CONTENT},
		{"", GATEWAY_HOST_FOREIGN},
		{":7680", GATEWAY_HOST_FOREIGN},
		{"evil.example:7680", GATEWAY_HOST_FOREIGN},
		{"evil.media.example", GATEWAY_HOST_FOREIGN},
		{"media.exampl", GATEWAY_HOST_FOREIGN},
		{"media.example,", GATEWAY_HOST_FOREIGN},
		{"localhost.evil.example", GATEWAY_HOST_FOREIGN},
		{"127.0.0.1.evil.example", GATEWAY_HOST_FOREIGN},
		{"127.0.0.1@evil.example", GATEWAY_HOST_FOREIGN},
		{"evil.localhost", GATEWAY_HOST_FOREIGN},
		{A ".localhost", GATEWAY_HOST_FOREIGN},
		{A B ".localhost", GATEWAY_HOST_FOREIGN},
		{A "." B ".localhost.evil.example", GATEWAY_HOST_FOREIGN},
		{"x" A "." B ".localhost", GATEWAY_HOST_FOREIGN},
		{"0x112233445566778899aabbccddeeff." B "ff.localhost", GATEWAY_HOST_FOREIGN},
		{"[::1", GATEWAY_HOST_FOREIGN},
		{"[evil]", GATEWAY_HOST_FOREIGN},
		{"[]", GATEWAY_HOST_FOREIGN},
		{"[", GATEWAY_HOST_FOREIGN},
		{"2130706433", GATEWAY_HOST_FOREIGN},
		{"127.1", GATEWAY_HOST_FOREIGN},
	};
	struct souk_hash content;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		memset(&content, 0x77, sizeof(content));
		enum gateway_host_kind kind =
			gateway_host_of(rows[i].host, "media.example, tv.example", &content);
		if (kind != rows[i].kind)
			fail_msg("%s: %d", rows[i].host, kind);
		assert_int_equal(content.bytes[1], kind == GATEWAY_HOST_CONTENT ? 0x11 : 0x77);
	}
	assert_int_equal(gateway_host_of("media.example", NULL, &content), GATEWAY_HOST_FOREIGN);
}

static void test_content_host(void **state)
{
	struct souk_hash content, back;
	char host[GATEWAY_HOST_SIZE];

	(void)state;
	for (size_t i = 0; i < SOUK_HASH_SIZE; i++)
		content.bytes[i] = (uint8_t)(i * 37 + 200);
	gateway_host_of_content(host, &content, 7680);
	assert_int_equal(gateway_host_of(host, NULL, &back), GATEWAY_HOST_CONTENT);
	assert_true(souk_hash_equal(&content, &back));
}

#define OWN	"127.0.0.1:7680"
#define INVITED "https://site.example, http://dev.example:3000"

static void test_visits(void **state)
{
	static const struct {
		const char *site, *mode, *dest, *origin, *referer;
		enum gateway_visit_kind kind;
	} rows[] = {
		/* programs */
		{NULL, NULL, NULL, NULL, NULL, GATEWAY_VISIT_OWN},
		{NULL, NULL, NULL, NULL, "http://elsewhere.example/", GATEWAY_VISIT_OWN},
		/* the address bar, and pages of the gateway */
		{"none", "navigate", "document", NULL, NULL, GATEWAY_VISIT_OWN},
		{"same-origin", "cors", "empty", NULL, "http://" OWN "/x", GATEWAY_VISIT_OWN},
		{"same-origin", "no-cors", "video", NULL, NULL, GATEWAY_VISIT_OWN},
		/* its sandboxed pages */
		{"cross-site", "cors", "empty", "null", "http://" OWN "/", GATEWAY_VISIT_INVITED},
		{"cross-site", "cors", "empty", "null", NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "null", "http://evil.example/?http://" OWN "/",
			GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "null", "https://" OWN "/", GATEWAY_VISIT_REFUSED},
		/* pages elsewhere */
		{"cross-site", "no-cors", "image", NULL, NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "no-cors", "video", NULL, "http://evil.example/",
			GATEWAY_VISIT_REFUSED},
		{"same-site", "no-cors", "image", NULL, NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "http://evil.example", NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "http://evil.example", "http://" OWN "/",
			GATEWAY_VISIT_REFUSED},
		{"cross-site", "navigate", "iframe", NULL, NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "navigate", "document", NULL, "http://evil.example/",
			GATEWAY_VISIT_LINK},
		{NULL, NULL, NULL, "http://evil.example", NULL, GATEWAY_VISIT_REFUSED},
		{"nonsense", NULL, NULL, NULL, NULL, GATEWAY_VISIT_REFUSED},
		/* invited ones */
		{"cross-site", "cors", "empty", "https://site.example", NULL,
			GATEWAY_VISIT_INVITED},
		{"cross-site", "no-cors", "video", NULL, "https://site.example/play?x",
			GATEWAY_VISIT_INVITED},
		{NULL, NULL, NULL, "http://dev.example:3000", NULL, GATEWAY_VISIT_INVITED},
		{"cross-site", "cors", "empty", "https://site.example.evil.example", NULL,
			GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "http://site.example", NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "https://", NULL, GATEWAY_VISIT_REFUSED},
		{"cross-site", "cors", "empty", "", NULL, GATEWAY_VISIT_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct gateway_visit visit = {OWN, rows[i].site, rows[i].mode, rows[i].dest,
			rows[i].origin, rows[i].referer, NULL};
		enum gateway_visit_kind kind = gateway_visit_of(&visit, INVITED);
		if (kind != rows[i].kind)
			fail_msg("row %zu: %d", i, kind);
	}
	/* A link that a browser follows beforehand, and a page of one's own that it does so for. */
	struct gateway_visit early = {.host = OWN,
		.site = "cross-site",
		.mode = "navigate",
		.dest = "document",
		.purpose = "prefetch"};
	assert_int_equal(gateway_visit_of(&early, NULL), GATEWAY_VISIT_REFUSED);
	early.site = "same-origin";
	assert_int_equal(gateway_visit_of(&early, NULL), GATEWAY_VISIT_OWN);
}

static void check_bytes(const void *data, size_t size, const char *type)
{
	assert_string_equal(gateway_type_of_bytes(souk_bytes_of(data, size)), type);
}

static void test_types(void **state)
{
	static uint8_t stream[400];

	(void)state;
	assert_string_equal(gateway_type_of_name("film.mp4"), "video/mp4");
	assert_string_equal(gateway_type_of_name("a/b/index.HTML"), "text/html; charset=utf-8");
	assert_string_equal(gateway_type_of_name("live.m3u8"), "application/vnd.apple.mpegurl");
	assert_string_equal(gateway_type_of_name("x.tar.gz"), "application/gzip");
	assert_string_equal(gateway_type_of_name("README"), "application/octet-stream");
	assert_string_equal(gateway_type_of_name("a.mp4/b"), "application/octet-stream");
	assert_string_equal(gateway_type_of_name("a."), "application/octet-stream");
	assert_string_equal(gateway_type_of_name(""), "application/octet-stream");

	check_bytes("\0\0\0\x20"
		    "ftypisom",
		12, "video/mp4");
	check_bytes("\0\0\0\x20"
		    "ftypavif",
		12, "image/avif");
	check_bytes("\x1a\x45\xdf\xa3....webm", 12, "video/webm");
	check_bytes("\x1a\x45\xdf\xa3....matroska", 16, "video/x-matroska");
	check_bytes("\x89PNG\r\n\x1a\n", 8, "image/png");
	check_bytes("\x89PNG\r\n\x1a", 7, "application/octet-stream");
	check_bytes("RIFF....WEBPVP8 ", 16, "image/webp");
	check_bytes("", 0, "application/octet-stream");
	stream[0] = stream[188] = stream[376] = 0x47;
	check_bytes(stream, sizeof(stream), "video/mp2t");
	check_bytes(stream, 376, "application/octet-stream");
	/* Text is text, whatever it looks like: nothing of it runs. */
	check_bytes("<!DOCTYPE html><script>", 23, "text/plain; charset=utf-8");
	check_bytes("<svg xmlns='x'>", 15, "text/plain; charset=utf-8");
	check_bytes("gr\xc3\xbc\xc3\x9f", 6, "text/plain; charset=utf-8");
	check_bytes("gr\xc3", 3, "text/plain; charset=utf-8");
	check_bytes("gr\xc3(", 4, "application/octet-stream");
	check_bytes("a\0b", 3, "application/octet-stream");
	check_bytes("\xff\xfe"
		    "a",
		3, "application/octet-stream");

	assert_true(gateway_type_is_active(gateway_type_of_name("a.html")));
	assert_true(gateway_type_is_active(gateway_type_of_name("a.svg")));
	assert_true(gateway_type_is_active(gateway_type_of_name("a.xhtml")));
	assert_true(gateway_type_is_active(gateway_type_of_name("a.xml")));
	assert_false(gateway_type_is_active(gateway_type_of_name("a.mp4")));
	assert_false(gateway_type_is_active(gateway_type_of_name("a.js")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_content_host),
		cmocka_unit_test(test_visits),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
