/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/io/ini.h"

static char folder[] = "/tmp/souk-ini-XXXXXX";
static char path[64];
static char error[SOUK_INI_ERROR_SIZE];

static souk_status read_text(struct souk_ini **ini, const char *text)
{
	assert_int_equal(souk_file_write_atomic(path, souk_bytes_text(text), false), SOUK_OK);
	error[0] = 0;
	return souk_ini_read(ini, path, error);
}

struct values {
	const char *name;
	unsigned mode;
	uint64_t window, lifetime_ms, chunk;
	bool is_on;
	struct souk_amount price;
};

static souk_status get_all(struct souk_ini *ini, struct values *v)
{
	static const char *const modes[] = {"slow", "fast", NULL};

	*v = (struct values){"default", 0, 16, 1000, 4096, false, SOUK_AMOUNT_ZERO};
	souk_ini_text(ini, "provider", "name", &v->name);
	souk_ini_choice(ini, "provider", "mode", modes, &v->mode);
	souk_ini_u64(ini, "provider", "window", 1, 256, &v->window);
	souk_ini_duration(ini, "provider", "lifetime", 1, 86400000, &v->lifetime_ms);
	souk_ini_size(ini, "provider", "chunk", 1, (uint64_t)1 << 40, &v->chunk);
	souk_ini_bool(ini, "provider", "on", &v->is_on);
	souk_ini_amount(ini, "provider", "price", &v->price);
	return souk_ini_finish(ini, error);
}

static void test_values(void **state)
{
	struct souk_ini *ini;
	struct values v;

	(void)state;
	assert_int_equal(
		read_text(&ini, "# a comment\n\n[provider]\nname = a shop ; inline\n"
				"  mode = fast\n\twindow=8\nlifetime = 2h\nchunk = 256MiB\n"
				"on = Yes\nprice = 0.000000001\n"),
		SOUK_OK);
	assert_true(souk_ini_has_section(ini, "provider"));
	assert_false(souk_ini_has_section(ini, "ledger"));
	assert_int_equal(get_all(ini, &v), SOUK_OK);
	assert_string_equal(v.name, "a shop");
	assert_int_equal(v.mode, 1);
	assert_int_equal(v.window, 8);
	assert_int_equal(v.lifetime_ms, 7200000);
	assert_int_equal(v.chunk, 256 << 20);
	assert_true(v.is_on);
	assert_int_equal(v.price.ncoin, 1);
	souk_ini_free(ini);
	assert_int_equal(read_text(&ini, ""), SOUK_OK);
	assert_int_equal(get_all(ini, &v), SOUK_OK);
	assert_string_equal(v.name, "default");
	assert_int_equal(v.window, 16);
	souk_ini_free(ini);
}

static void test_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms, bytes; /* 0: refused */
	} table[] = {{"500ms", 500, 0}, {"10s", 10000, 0}, {"5m", 300000, 0}, {"1d", 86400000, 0},
		{"2d", 0, 0}, {"5", 0, 5}, {"5 s", 0, 0}, {"-5s", 0, 0}, {"5S", 0, 0}, {"s", 0, 0},
		{"64KiB", 0, 65536}, {"1TiB", 0, (uint64_t)1 << 40}, {"2TiB", 0, 0},
		{"1.5MiB", 0, 0}, {"10MB", 0, 0}, {"99999999999999999999", 0, 0},
		{"18446744073709551615GiB", 0, 0}, {"0", 0, 0}};

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_ini *ini;
		uint64_t ms = 0, bytes = 0;
		char text[128];
		snprintf(text, sizeof(text), "[a]\nx = %s\n", table[i].text);
		assert_int_equal(read_text(&ini, text), SOUK_OK);
		souk_ini_duration(ini, "a", "x", 1, 86400000, &ms);
		souk_ini_size(ini, "a", "x", 1, (uint64_t)1 << 40, &bytes);
		assert_int_equal(ms, table[i].ms);
		assert_int_equal(bytes, table[i].bytes);
		souk_ini_free(ini);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"[provider]\nwindow = 0\n",
			":2: [provider] window = 0: a whole number from 1 to 256"},
		{"[provider]\nwindow = 257\n", "from 1 to 256"},
		{"[provider]\n\nwindow = 0x10\n", ":3: "},
		{"[provider]\nwindow = 1 \nwindw = 2\n", ":3: [provider] windw: no such key"},
		{"[povider]\nwindow = 1\n", ":2: [povider] window: no such key"},
		{"window = 1\n", ":1: [] window: no such key"},
		{"[provider]\nname =\n", "not empty"},
		{"[provider]\nmode = medium\n", "one of slow fast"},
		{"[provider]\non = maybe\n", "true or false"},
		{"[provider]\nprice = 1.0000000001\n", "an amount of coins"},
		{"[provider]\nprice = -1\n", "an amount of coins"},
		{"[provider]\nlifetime = 10\n", "a duration such as"},
		{"[provider]\nchunk = big\n", "a size such as"},
		/* the first mistake of two is told */
		{"[provider]\nprice = x\nwindow = 0\n", "window"},
	};

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_ini *ini;
		struct values v;
		assert_int_equal(read_text(&ini, table[i].text), SOUK_OK);
		assert_int_equal(get_all(ini, &v), SOUK_LOCAL_CONFIG);
		assert_non_null(strstr(error, table[i].says));
		assert_memory_equal(error, path, strlen(path));
		souk_ini_free(ini);
	}
}

static void test_unreadable(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"[a]\nx = 1\ny = 2\nx = 3\n", ":4: [a] x is there already, in line 2"},
		{"[a]\n  x = 1\n  x = 3\n", ":3: [a] x is there already, in line 2"},
		{"[a]\nhello\n", ":2: neither"},
		{"[a\nx = 1\n", ":1: neither"},
	};
	struct souk_ini *ini = NULL;
	char big[70000];

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		assert_int_equal(read_text(&ini, table[i].text), SOUK_LOCAL_CONFIG);
		assert_non_null(strstr(error, table[i].says));
	}
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	assert_int_equal(read_text(&ini, big), SOUK_LOCAL_FULL);
	assert_non_null(strstr(error, path));
	big[60000] = 0;
	assert_int_equal(read_text(&ini, big), SOUK_LOCAL_CONFIG);
	assert_non_null(strstr(error, "longer than"));
	assert_int_equal(
		souk_file_write_atomic(path, souk_bytes_of("[a]\0x=1\n", 8), false), SOUK_OK);
	assert_int_equal(souk_ini_read(&ini, path, error), SOUK_LOCAL_CONFIG);
	unlink(path);
	assert_int_equal(souk_ini_read(&ini, path, error), SOUK_LOCAL_NOT_FOUND);
	assert_null(ini);
}

static void test_refuse(void **state)
{
	struct souk_ini *ini;
	const char *a = NULL;

	(void)state;
	assert_int_equal(read_text(&ini, "[s]\na = 1\n"), SOUK_OK);
	souk_ini_text(ini, "s", "a", &a);
	souk_ini_refuse(ini, "s", "b", "never said: not there");
	assert_int_equal(souk_ini_finish(ini, error), SOUK_OK);
	souk_ini_refuse(ini, "s", "a", "not together with b");
	assert_int_equal(souk_ini_finish(ini, error), SOUK_LOCAL_CONFIG);
	assert_non_null(strstr(error, ":2: [s] a = 1: not together with b"));
	souk_ini_free(ini);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_refuse),
	};

	if (!mkdtemp(folder))
		return 99;
	snprintf(path, sizeof(path), "%s/souk.ini", folder);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(folder);
	return failed;
}
