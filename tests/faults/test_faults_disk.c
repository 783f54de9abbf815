/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth write, or sync, of the store's file fails: for every N, until nothing fails.
 *
 * LMDB is a shared library, so the functions of the same names that stand in this
 * program come before those of the C library. They fail when told to, for one
 * file only, and otherwise do as they are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>

#include "test_faults_kit.h"

#define PAYMENTS  4
#define STEPS_MAX 400 /* far more than there are */

enum fault {
	WRITE_EIO,
	WRITE_ENOSPC,
	WRITE_SHORT, /* half of it, as on a disk that fills up */
	SYNC_EIO,
	FAULTS,
};

static const char *const fault_names[] = {"write: EIO", "write: ENOSPC", "write: short", "sync"};

/* What fails, from which operation on, and how often; and the file. */
static struct {
	enum fault fault;
	atomic_int left; /* operations until the failing one; 0: it is this one */
	bool for_good;	 /* every later one fails as well */
	atomic_bool armed, fired;
	dev_t device;
	ino_t inode;
} plan;

static bool fails(int fd, bool is_sync)
{
	struct stat file;
	if (!atomic_load(&plan.armed) || is_sync != (plan.fault == SYNC_EIO))
		return false;
	if (fstat(fd, &file) != 0 || file.st_ino != plan.inode || file.st_dev != plan.device)
		return false;
	int left = atomic_fetch_sub(&plan.left, 1);
	if (left > 0 || (left < 0 && !plan.for_good))
		return false;
	atomic_store(&plan.fired, true);
	return true;
}

/* How many of SIZE bytes come through; -1 with errno where none does. */
static ssize_t fail_write(size_t size)
{
	if (plan.fault == WRITE_SHORT && size > 1)
		return (ssize_t)(size / 2);
	errno = plan.fault == WRITE_EIO ? EIO : ENOSPC;
	return -1;
}

/* Under the names that LMDB calls: with 64-bit offsets the headers rename what is called pwrite and
 * ftruncate here. */
ssize_t hook_pwrite(int fd, const void *data, size_t size, off_t at) __asm__("pwrite");
int hook_ftruncate(int fd, off_t size) __asm__("ftruncate");

ssize_t hook_pwrite(int fd, const void *data, size_t size, off_t at)
{
	if (fails(fd, false)) {
		ssize_t allowed = fail_write(size);
		return allowed < 0 ? -1 : syscall(SYS_pwrite64, fd, data, (size_t)allowed, at);
	}
	return syscall(SYS_pwrite64, fd, data, size, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	if (fails(fd, false)) {
		ssize_t allowed = fail_write(parts[0].iov_len);
		return allowed < 0 ? -1 : syscall(SYS_write, fd, parts[0].iov_base, allowed);
	}
	return syscall(SYS_writev, fd, parts, count);
}

int hook_ftruncate(int fd, off_t size)
{
	if (fails(fd, false)) {
		errno = plan.fault == WRITE_EIO ? EIO : ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

static int sync_or_fail(int fd, long number)
{
	if (fails(fd, true)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return sync_or_fail(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_or_fail(fd, SYS_fdatasync);
}

static void arm(const char *home, const char *name, enum fault fault, int number, bool for_good)
{
	struct stat file;
	char path[128];
	snprintf(path, sizeof path, "%s/%s", home, name);
	assert_int_equal(stat(path, &file), 0);
	plan.fault = fault;
	plan.for_good = for_good;
	plan.device = file.st_dev;
	plan.inode = file.st_ino;
	atomic_store(&plan.left, number);
	atomic_store(&plan.fired, false);
	atomic_store(&plan.armed, true);
}

/* Whether something failed meanwhile. */
static bool disarm(void)
{
	atomic_store(&plan.armed, false);
	return atomic_load(&plan.fired);
}

static bool is_clear(souk_status status)
{
	return status == SOUK_IO_STORE || status == SOUK_IO_DISK_FULL;
}

/* ---- the ledger ---- */

/* One life in which operation NUMBER fails. Whether there was such an operation. */
static bool pay_through_fault(
	const struct faults_kit *kit, enum fault fault, int number, bool for_good)
{
	struct faults_kit life;
	unsigned refused = 0;
	faults_kit_copy(&life, kit);
	assert_int_equal(faults_kit_start(&life), SOUK_OK);
	struct souk_chain_client *client = faults_kit_client(&life);
	arm(life.home, "ledger.mdb", fault, number, for_good);
	for (int i = 0; i < PAYMENTS && refused == 0; i++) {
		souk_status status = faults_kit_pay(&life, client);
		refused += status != SOUK_OK;
		if (status != SOUK_OK && !is_clear(status))
			fail_msg("%s %d: %s", fault_names[fault], number, souk_status_name(status));
	}
	souk_chain_client_free(client);
	faults_kit_stop(&life);
	bool fired = disarm();
	/* A failed commit leaves nothing: what was refused is not in. */
	faults_kit_check(&life, 0);
	assert_int_equal(refused, fired ? 1 : 0);
	faults_kit_remove(&life);
	return fired;
}

static void sweep(enum fault fault, bool for_good)
{
	struct faults_kit kit;
	int number = 0;
	faults_kit_make(&kit);
	while (pay_through_fault(&kit, fault, number, for_good))
		assert_true(++number < STEPS_MAX);
	/* Each block writes pages and its head, and syncs at least once. */
	assert_true(number >= (fault == SYNC_EIO ? PAYMENTS : 2 * PAYMENTS));
	print_message("# %s%s: %d failures survived\n", fault_names[fault],
		for_good ? ", for good" : "", number);
	faults_kit_remove(&kit);
}

static void test_ledger_once(void **state)
{
	(void)state;
	for (enum fault fault = 0; fault < FAULTS; fault++)
		sweep(fault, false);
}

static void test_ledger_for_good(void **state)
{
	(void)state;
	sweep(WRITE_ENOSPC, true);
	sweep(SYNC_EIO, true);
}

/* Once the disk does as it is told again, the node does, or says clearly that it cannot. */
static void test_ledger_goes_on(void **state)
{
	(void)state;
	struct faults_kit kit;
	faults_kit_make(&kit);
	for (int number = 0; number < 3; number++) {
		struct faults_kit life;
		faults_kit_copy(&life, &kit);
		assert_int_equal(faults_kit_start(&life), SOUK_OK);
		struct souk_chain_client *client = faults_kit_client(&life);
		arm(life.home, "ledger.mdb", WRITE_ENOSPC, number, false);
		assert_true(is_clear(faults_kit_pay(&life, client)));
		assert_true(disarm());
		souk_status status = faults_kit_pay(&life, client);
		assert_true(status == SOUK_OK || is_clear(status));
		souk_chain_client_free(client);
		faults_kit_stop(&life);
		faults_kit_check(&life, 0);
		faults_kit_remove(&life);
	}
	faults_kit_remove(&kit);
}

/* ---- a provider's store ---- */

static void remove_provider(const char *home)
{
	static const char *const names[] = {"provider.mdb", "provider.mdb-lock"};
	char path[128];
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", home, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/content", home);
	rmdir(path);
	rmdir(home);
}

/* Writes that grow the file and writes over it; what was acknowledged is there afterwards, what was
 * not is not, or whole. */
static bool store_through_fault(enum fault fault, int number)
{
	char home[] = "/tmp/souk-faults-XXXXXX";
	struct provider_store store;
	uint32_t versions[FAULTS_SESSIONS] = {0}, first = 0, count = 0, version = 0;
	souk_status status = SOUK_OK;
	assert_non_null(mkdtemp(home));
	assert_int_equal(provider_store_open(&store, home, false), SOUK_OK);
	assert_int_equal(faults_sessions_put(&store, 0, 8, 1), SOUK_OK);
	for (uint32_t i = 0; i < 8; i++)
		versions[i] = 1;
	arm(home, "provider.mdb", fault, number, false);
	for (version = 2; version < 6 && status == SOUK_OK; version++) {
		first = (version - 2) * 6;
		count = 14;
		status = faults_sessions_put(&store, first, count, version);
		for (uint32_t i = first; i < first + count && status == SOUK_OK; i++)
			versions[i] = version;
	}
	provider_store_close(&store);
	bool fired = disarm();
	assert_int_equal(status != SOUK_OK, fired);
	if (fired && !is_clear(status))
		fail_msg("%s %d: %s", fault_names[fault], number, souk_status_name(status));
	faults_sessions_check(home, versions, first, count, fired ? version - 1 : 0);
	remove_provider(home);
	return fired;
}

static void test_provider(void **state)
{
	(void)state;
	for (enum fault fault = 0; fault < FAULTS; fault++) {
		int number = 0;
		while (store_through_fault(fault, number))
			assert_true(++number < STEPS_MAX);
		assert_true(number >= 4);
		print_message("# provider, %s: %d failures survived\n", fault_names[fault], number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger_once),
		cmocka_unit_test(test_ledger_for_good),
		cmocka_unit_test(test_ledger_goes_on),
		cmocka_unit_test(test_provider),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
