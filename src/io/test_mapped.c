/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "souk/io/mapped.h"

#define SIZE 100000u

struct file {
	char path[64];
	int fd;
	struct souk_mapped mapped;
};

static void enter(struct file *file)
{
	uint8_t bytes[SIZE];
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	snprintf(file->path, sizeof file->path, "/tmp/souk-mapped-XXXXXX");
	file->fd = mkstemp(file->path);
	assert_true(file->fd >= 0);
	assert_int_equal(write(file->fd, bytes, SIZE), SIZE);
	assert_int_equal(souk_mapped_open(&file->mapped, file->fd, SIZE), SOUK_OK);
}

static void leave(struct file *file)
{
	souk_mapped_close(&file->mapped);
	souk_mapped_close(&file->mapped);
	close(file->fd);
	unlink(file->path);
}

struct sum {
	uint64_t value;
	unsigned calls;
};

static void add_up(void *ctx, struct souk_bytes data)
{
	struct sum *sum = ctx;
	sum->calls++;
	for (size_t i = 0; i < data.size; i++)
		sum->value += data.data[i];
}

static void what_is_there_is_read(void **state)
{
	struct file file;
	struct sum sum = {0};
	uint64_t expected = 0;
	(void)state;
	enter(&file);
	for (size_t i = 5; i < SIZE - 7; i++)
		expected += (uint8_t)(i * 7 + i / 251);
	assert_int_equal(souk_mapped_use(&file.mapped, 5, SIZE - 12, add_up, &sum), SOUK_OK);
	assert_int_equal(sum.value, expected);
	assert_int_equal(souk_mapped_use(&file.mapped, SIZE, 0, add_up, &sum), SOUK_OK);
	leave(&file);
}

static void what_is_outside_is_refused(void **state)
{
	struct file file;
	struct sum sum = {0};
	const struct souk_mapped none = {0};
	(void)state;
	enter(&file);
	assert_int_equal(souk_mapped_use(&file.mapped, 1, SIZE, add_up, &sum), SOUK_IO_READ);
	assert_int_equal(souk_mapped_use(&file.mapped, SIZE + 1, 0, add_up, &sum), SOUK_IO_READ);
	assert_int_equal(souk_mapped_use(&file.mapped, UINT64_MAX, 2, add_up, &sum), SOUK_IO_READ);
	assert_int_equal(souk_mapped_use(&none, 0, 1, add_up, &sum), SOUK_IO_READ);
	assert_int_equal(sum.calls, 0);
	leave(&file);
}

/* As when the disk fails: the reader is told, again and again, and what is left is still read. */
static void a_file_that_is_cut_is_a_failed_read(void **state)
{
	struct file file;
	(void)state;
	enter(&file);
	assert_int_equal(ftruncate(file.fd, 8192), 0);
	for (int i = 0; i < 3; i++) {
		struct sum sum = {0};
		assert_int_equal(
			souk_mapped_use(&file.mapped, 0, SIZE, add_up, &sum), SOUK_IO_READ);
		assert_int_equal(sum.calls, 1);
		assert_int_equal(souk_mapped_use(&file.mapped, 0, 8192, add_up, &sum), SOUK_OK);
	}
	leave(&file);
}

static void *read_often(void *ctx)
{
	const struct file *file = ctx;
	uintptr_t failed = 0;
	for (int i = 0; i < 200; i++) {
		struct sum sum = {0};
		failed += souk_mapped_use(&file->mapped, 0, i % 2 ? SIZE : 4096, add_up, &sum) !=
			  SOUK_OK;
	}
	return (void *)failed;
}

static void each_thread_is_told_by_itself(void **state)
{
	struct file file;
	pthread_t threads[4];
	(void)state;
	enter(&file);
	assert_int_equal(ftruncate(file.fd, 4096), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &file), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_int_equal((uintptr_t)failed, 100);
	}
	leave(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_read),
		cmocka_unit_test(what_is_outside_is_refused),
		cmocka_unit_test(a_file_that_is_cut_is_a_failed_read),
		cmocka_unit_test(each_thread_is_told_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
