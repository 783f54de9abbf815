/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth allocation of Souk's own code fails: for every N, until nothing fails.
 *
 * The linker turns each malloc, calloc and realloc of the code that is linked in
 * into a call of the functions here; shared libraries are left alone. Only the
 * threads of one side are counted, so that a sweep means the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "test_faults_kit.h"

#define PAYMENTS  2
#define STEPS_MAX 500 /* far more than there are */

enum side {
	NOBODY,
	CALLER, /* the thread that armed */
	OTHERS, /* and all but that */
};

static atomic_int side, left;
static atomic_bool fired;
static _Thread_local bool is_caller;

static bool fails(void)
{
	int armed = atomic_load(&side);
	if (armed == NOBODY || (armed == CALLER) != is_caller)
		return false;
	if (atomic_fetch_sub(&left, 1) != 0)
		return false;
	atomic_store(&fired, true);
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

static void arm(enum side which, int number)
{
	is_caller = true;
	atomic_store(&fired, false);
	atomic_store(&left, number);
	atomic_store(&side, which);
}

/* Whether an allocation failed meanwhile. */
static bool disarm(void)
{
	atomic_store(&side, NOBODY);
	return atomic_load(&fired);
}

/* The client lost its memory, or the server did and said so, or it closed the connection. */
static bool is_clear(souk_status status)
{
	return status == SOUK_IO_MEMORY || status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT;
}

/* ---- client and node ---- */

/* Start, ask and pay with allocation NUMBER failing in this thread. */
static void live_as_caller(struct faults_kit *life, int number)
{
	struct souk_ledger_status status;
	arm(CALLER, number);
	souk_status started = faults_kit_start(life);
	struct souk_chain_client *client = started == SOUK_OK ? faults_kit_client(life) : NULL;
	souk_status asked = client ? souk_chain_status(client, &status) : SOUK_IO_MEMORY;
	souk_status paid = asked == SOUK_OK ? faults_kit_pay(life, client) : asked;
	if (paid == SOUK_OK)
		paid = faults_kit_pay(life, client);
	bool failed = disarm();
	if (started != SOUK_OK && started != SOUK_IO_MEMORY)
		fail_msg("allocation %d: start says %s", number, souk_status_name(started));
	if (paid != SOUK_OK && !is_clear(paid))
		fail_msg("allocation %d: pay says %s", number, souk_status_name(paid));
	if (!failed)
		assert_int_equal(paid, SOUK_OK);
	souk_chain_client_free(client);
	if (started == SOUK_OK)
		faults_kit_stop(life);
}

/* Pay with allocation NUMBER failing in the threads of the server. */
static void live_as_server(struct faults_kit *life, int number)
{
	souk_status paid = SOUK_OK;
	assert_int_equal(faults_kit_start(life), SOUK_OK);
	struct souk_chain_client *client = faults_kit_client(life);
	assert_non_null(client);
	arm(OTHERS, number);
	for (int i = 0; i < PAYMENTS && paid == SOUK_OK; i++)
		paid = faults_kit_pay(life, client);
	disarm();
	if (paid != SOUK_OK && !is_clear(paid))
		fail_msg("allocation %d: pay says %s", number, souk_status_name(paid));
	souk_chain_client_free(client);
	/* It goes on as if nothing had been. */
	client = faults_kit_client(life);
	souk_status after = faults_kit_pay(life, client);
	if (after != SOUK_OK)
		fail_msg("allocation %d: afterwards %s", number, souk_status_name(after));
	souk_chain_client_free(client);
	faults_kit_stop(life);
}

static void sweep(const char *name, void (*live)(struct faults_kit *life, int number), int least)
{
	struct faults_kit kit;
	int number = 0;
	faults_kit_make(&kit);
	for (bool failed = true; failed; number++) {
		struct faults_kit life;
		assert_true(number < STEPS_MAX);
		faults_kit_copy(&life, &kit);
		live(&life, number);
		failed = atomic_load(&fired);
		/* One payment may be in whose answer was lost. */
		faults_kit_check(&life, failed ? 1 : 0);
		faults_kit_remove(&life);
	}
	assert_true(number > least);
	print_message("# %s: %d failures survived\n", name, number - 1);
	faults_kit_remove(&kit);
}

static void test_client_and_start(void **state)
{
	(void)state;
	sweep("start and client", live_as_caller, 4);
}

static void test_server(void **state)
{
	(void)state;
	sweep("server", live_as_server, 2);
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

static bool store_through_failure(int number)
{
	char home[] = "/tmp/souk-faults-XXXXXX";
	struct provider_store store;
	uint32_t versions[FAULTS_SESSIONS] = {0};
	assert_non_null(mkdtemp(home));
	arm(CALLER, number);
	souk_status status = provider_store_open(&store, home, false);
	bool is_open = status == SOUK_OK;
	for (uint32_t version = 1; version < 4 && status == SOUK_OK; version++) {
		status = faults_sessions_put(&store, version * 6, 12, version);
		for (uint32_t i = version * 6; i < version * 6 + 12 && status == SOUK_OK; i++)
			versions[i] = version;
	}
	bool failed = disarm();
	assert_int_equal(status, failed ? SOUK_IO_MEMORY : SOUK_OK);
	if (is_open)
		provider_store_close(&store);
	faults_sessions_check(home, versions, 0, 0, 0);
	remove_provider(home);
	return failed;
}

static void test_provider(void **state)
{
	(void)state;
	int number = 0;
	while (store_through_failure(number))
		assert_true(++number < STEPS_MAX);
	assert_true(number >= 4);
	print_message("# provider: %d failures survived\n", number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_and_start),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_provider),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
