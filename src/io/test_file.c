/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/io/pool.h"
#include "souk/io/tls_key.h"

static char folder[] = "/tmp/souk-file-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void test_errno(void **state)
{
	static const struct {
		int error;
		souk_status status;
	} table[] = {{ENOSPC, SOUK_IO_DISK_FULL}, {EDQUOT, SOUK_IO_DISK_FULL},
		{EFBIG, SOUK_IO_DISK_FULL}, {ENOENT, SOUK_LOCAL_NOT_FOUND},
		{EEXIST, SOUK_LOCAL_EXISTS}, {ENOMEM, SOUK_IO_MEMORY}, {EIO, SOUK_IO_READ},
		{EACCES, SOUK_IO_READ}};

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++)
		assert_int_equal(souk_file_status(table[i].error, SOUK_IO_READ), table[i].status);
}

static void check_file(const char *path, const char *want, mode_t mode)
{
	struct stat st;
	char *data;
	size_t size;

	assert_int_equal(souk_file_read(path, 100, &data, &size), SOUK_OK);
	assert_string_equal(data, want);
	assert_int_equal(size, strlen(want));
	free(data);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
}

/* Of two who make it, the first one does. */
static void test_write_new(void **state)
{
	const char *path = in_folder("new");

	(void)state;
	assert_int_equal(souk_file_write_new(path, souk_bytes_text("first")), SOUK_OK);
	assert_int_equal(souk_file_write_new(path, souk_bytes_text("second")), SOUK_LOCAL_EXISTS);
	check_file(path, "first", 0600);
	unlink(path);
}

static void test_write_atomic(void **state)
{
	const char *path = in_folder("whole");

	(void)state;
	umask(022);
	assert_int_equal(souk_file_write_atomic(path, souk_bytes_text("one"), true), SOUK_OK);
	check_file(path, "one", 0600);
	assert_int_equal(souk_file_write_atomic(path, souk_bytes_text(""), false), SOUK_OK);
	check_file(path, "", 0644);
	assert_int_equal(souk_file_write_atomic(path, souk_bytes_text("three"), false), SOUK_OK);
	check_file(path, "three", 0644);
	unlink(path);
	assert_int_equal(souk_file_write_atomic("/nonexistent/x/y", souk_bytes_text("1"), true),
		SOUK_LOCAL_NOT_FOUND);
}

/* A file size limit stands for a full disk: the old file stays, no temporary one is left. */
static void test_disk_full(void **state)
{
	static uint8_t much[8192];
	struct rlimit before, limit;
	const char *path = in_folder("full");

	(void)state;
	assert_int_equal(souk_file_write_atomic(path, souk_bytes_text("old"), true), SOUK_OK);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 4096;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	int fd = open(in_folder("at"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	souk_status at = souk_file_write_at(fd, much, sizeof(much), 0);
	souk_status atomic =
		souk_file_write_atomic(in_folder("full"), souk_bytes_of(much, sizeof(much)), true);
	setrlimit(RLIMIT_FSIZE, &before);
	close(fd);
	unlink(in_folder("at"));
	assert_int_equal(at, SOUK_IO_DISK_FULL);
	assert_int_equal(atomic, SOUK_IO_DISK_FULL);
	check_file(in_folder("full"), "old", 0600);
	unlink(in_folder("full"));
}

static void test_read(void **state)
{
	char *data = NULL;
	size_t size;
	static char text[10001];

	(void)state;
	assert_int_equal(souk_file_read(in_folder("none"), 10, &data, &size), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_file_read(folder, 10, &data, &size), SOUK_IO_READ);
	memset(text, 'x', 10000);
	assert_int_equal(
		souk_file_write_atomic(in_folder("big"), souk_bytes_text(text), true), SOUK_OK);
	assert_int_equal(souk_file_read(in_folder("big"), 9999, &data, &size), SOUK_LOCAL_FULL);
	assert_null(data);
	assert_int_equal(souk_file_read(in_folder("big"), 10000, &data, &size), SOUK_OK);
	assert_int_equal(size, 10000);
	assert_string_equal(data, text);
	free(data);
	assert_int_equal(souk_file_read("/dev/zero", 100000, &data, &size), SOUK_LOCAL_FULL);
	unlink(in_folder("big"));
}

static void test_at(void **state)
{
	char got[6] = {0};
	int fd = open(in_folder("at"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(souk_file_write_at(fd, "hello", 5, 1000), SOUK_OK);
	assert_int_equal(souk_file_read_at(fd, got, 5, 1000), SOUK_OK);
	assert_string_equal(got, "hello");
	assert_int_equal(souk_file_read_at(fd, got, 6, 1000), SOUK_IO_READ);
	assert_int_equal(souk_file_read_at(-1, got, 1, 0), SOUK_IO_READ);
	assert_int_equal(souk_file_write_at(-1, got, 1, 0), SOUK_IO_WRITE);
	close(fd);
	unlink(in_folder("at"));
}

static void test_folders(void **state)
{
	(void)state;
	assert_int_equal(souk_file_make_folders(in_folder("a/b//c/")), SOUK_OK);
	assert_int_equal(souk_file_make_folders(in_folder("a/b/c")), SOUK_OK);
	assert_int_equal(
		souk_file_write_atomic(in_folder("a/f"), souk_bytes_text("1"), true), SOUK_OK);
	assert_int_equal(souk_file_make_folders(in_folder("a/f")), SOUK_IO_WRITE);
	assert_int_equal(souk_file_make_folders(in_folder("a/f/g")), SOUK_IO_WRITE);
	unlink(in_folder("a/f"));
	rmdir(in_folder("a/b/c"));
	rmdir(in_folder("a/b"));
	assert_int_equal(rmdir(in_folder("a")), 0);
}

static void test_tls_key(void **state)
{
	struct souk_tls_key made = {0}, again = {0}, other = {0};
	struct stat st;
	char line[512], want[65];
	FILE *pipe;

	(void)state;
	assert_int_equal(souk_tls_key_open(&made, in_folder("tls.pem")), SOUK_OK);
	assert_int_equal(stat(in_folder("tls.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(souk_tls_key_open(&again, in_folder("tls.pem")), SOUK_OK);
	assert_true(souk_hash_equal(&made.pin, &again.pin));
	assert_string_equal(made.certificate_pem, again.certificate_pem);
	assert_string_equal(made.key_pem, again.key_pem);
	/* The pin as another program computes it. */
	snprintf(line, sizeof(line),
		"openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum",
		in_folder("tls.pem"));
	pipe = popen(line, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	pclose(pipe);
	souk_hex_encode(want, made.pin.bytes, SOUK_HASH_SIZE);
	assert_memory_equal(line, want, 64);
	/* Two keys differ; a certificate with another's key is refused, and so is garbage. */
	assert_int_equal(souk_tls_key_open(&other, in_folder("other.pem")), SOUK_OK);
	assert_false(souk_hash_equal(&made.pin, &other.pin));
	int n = snprintf(line, 0, "%s%s", made.certificate_pem, other.key_pem);
	char *mixed = malloc((size_t)n + 1);
	snprintf(mixed, (size_t)n + 1, "%s%s", made.certificate_pem, other.key_pem);
	assert_int_equal(souk_file_write_atomic(in_folder("tls.pem"), souk_bytes_text(mixed), true),
		SOUK_OK);
	souk_tls_key_done(&again);
	assert_int_equal(souk_tls_key_open(&again, in_folder("tls.pem")), SOUK_LOCAL_CONFIG);
	free(mixed);
	assert_int_equal(
		souk_file_write_atomic(in_folder("tls.pem"), souk_bytes_text("x"), true), SOUK_OK);
	assert_int_equal(souk_tls_key_open(&again, in_folder("tls.pem")), SOUK_LOCAL_CONFIG);
	assert_null(again.key_pem);
	assert_int_equal(souk_tls_key_open(&again, in_folder("no/tls.pem")), SOUK_IO_WRITE);
	unlink(in_folder("tls.pem"));
	unlink(in_folder("other.pem"));
	souk_tls_key_done(&made);
	souk_tls_key_done(&other);
	souk_tls_key_done(&other);
}

static void test_clock_and_entropy(void **state)
{
	uint8_t a[64] = {0}, b[64] = {0};
	struct souk_time before = souk_clock_now(souk_clock_real());
	uint64_t steady = souk_clock_steady_ns();

	(void)state;
	assert_true(before.ms > 1700000000000u);
	for (int i = 0; i < 1000; i++) {
		struct souk_time now = souk_clock_now(souk_clock_real());
		assert_false(souk_time_is_before(now, before));
		before = now;
	}
	assert_true(souk_clock_steady_ns() >= steady);
	assert_int_equal(souk_entropy_fill(souk_entropy_real(), a, sizeof(a)), SOUK_OK);
	assert_int_equal(souk_entropy_fill(souk_entropy_real(), b, sizeof(b)), SOUK_OK);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void test_pool(void **state)
{
	struct souk_pool *pool;
	struct souk_pool_buffer *a, *b;

	(void)state;
	assert_int_equal(souk_pool_new(&pool, 2, 5000), SOUK_OK);
	a = souk_pool_take(pool);
	b = souk_pool_take(pool);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(souk_pool_take(pool));
	assert_int_equal((uintptr_t)a->data % 4096, 0);
	assert_int_equal((uintptr_t)b->data % 4096, 0);
	memset(a->data, 1, a->size);
	memset(b->data, 2, b->size);
	assert_int_equal(a->data[4999], 1);
	souk_pool_give(a);
	assert_ptr_equal(souk_pool_take(pool), a);
	souk_pool_give(b);
	souk_pool_give(a);
	souk_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_write_new),
		cmocka_unit_test(test_write_atomic),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_tls_key),
		cmocka_unit_test(test_clock_and_entropy),
		cmocka_unit_test(test_pool),
	};

	if (!mkdtemp(folder))
		return 99;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* Fails where a test has left a file behind. */
	return failed ? failed : rmdir(folder) != 0;
}
