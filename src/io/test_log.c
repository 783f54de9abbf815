/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/log.h"

static void test_format(void **state)
{
	const uint8_t id[] = {0x0a, 0xf3};
	const struct souk_log_field fields[] = {
		souk_log_hex("session", id, 2),
		souk_log_u64("unit", 7),
		souk_log_amount("paid", souk_amount_of_ncoin(500000000)),
		souk_log_text("peer", "127.0.0.1:80"),
		souk_log_text("name", "a \"b\"\\\nlevel=error\x80"),
		souk_log_text("none", NULL),
		souk_log_status(SOUK_PEER_UNKNOWN_SESSION),
	};
	char line[SOUK_LOG_LINE_SIZE];

	(void)state;
	size_t size = souk_log_format(line, 1700000000123u, SOUK_LOG_WARN, "ticket_refused", fields,
		SOUK_COUNT_OF(fields));
	assert_string_equal(line,
		"ts=2023-11-14T22:13:20.123Z level=warn event=ticket_refused session=0af3 unit=7 "
		"paid=0.5 peer=127.0.0.1:80 name=\"a \\\"b\\\"\\\\\\x0alevel=error\\x80\" "
		"none=\"\" "
		"error=PEER_UNKNOWN_SESSION text=\"no such session\"\n");
	assert_int_equal(size, strlen(line));
}

static void test_too_long(void **state)
{
	char line[SOUK_LOG_LINE_SIZE], text[5000];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	const struct souk_log_field fields[] = {
		souk_log_text("a", text), souk_log_hex("b", text, sizeof(text))};
	size_t size = souk_log_format(line, 0, SOUK_LOG_INFO, "e", fields, 2);
	assert_int_equal(size, SOUK_LOG_LINE_SIZE - 1);
	assert_int_equal(line[size - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + size - 1);
}

static void *writer(void *arg)
{
	for (uint64_t i = 0; i < 200; i++)
		SOUK_LOG(SOUK_LOG_INFO, "noise", souk_log_u64("i", i), souk_log_text("who", arg),
			souk_log_text("pad", "xxxxxxxxxxxxxxxxxxxxxxx"));
	return NULL;
}

/* Lines of several threads do not mix, and the level is minded. */
static void test_threads(void **state)
{
	char name[] = "/tmp/souk-log-XXXXXX", line[256];
	pthread_t threads[4];
	int fd = mkstemp(name), saved = dup(2), count = 0;

	(void)state;
	dup2(fd, 2);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, writer, "t");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	souk_log_set_level(SOUK_LOG_ERROR);
	SOUK_LOG(SOUK_LOG_WARN, "dropped");
	souk_log_set_level(SOUK_LOG_INFO);
	SOUK_LOG(SOUK_LOG_DEBUG, "dropped");
	SOUK_LOG(SOUK_LOG_INFO, "last");
	dup2(saved, 2);
	close(saved);
	FILE *file = fdopen(fd, "r");
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		assert_memory_equal(line, "ts=", 3);
		assert_null(strstr(line, "dropped"));
		assert_non_null(strstr(line,
			count < 800 ? "pad=xxxxxxxxxxxxxxxxxxxxxxx\n" : "level=info event=last\n"));
		count++;
	}
	assert_int_equal(count, 801);
	fclose(file);
	unlink(name);
}

static void test_level(void **state)
{
	enum souk_log_level level = SOUK_LOG_INFO;

	(void)state;
	assert_int_equal(souk_log_level_parse(&level, "error"), SOUK_OK);
	assert_int_equal(level, SOUK_LOG_ERROR);
	assert_int_equal(souk_log_level_parse(&level, "loud"), SOUK_LOCAL_CONFIG);
	assert_int_equal(level, SOUK_LOG_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
