/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "souk/io/worker.h"

struct work {
	_Atomic int *gate; /* waits until it is open */
	int ran;
	int taken;
};

static void run(void *ctx)
{
	struct work *work = ctx;

	while (work->gate && !atomic_load(work->gate))
		usleep(100);
	work->ran++;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

/* More jobs than fit at once: each runs once and is taken once, woken by the descriptor only. */
static void test_all_run_once(void **state)
{
	enum { COUNT = 2000 };
	static struct work work[COUNT];
	struct souk_worker *worker;
	int submitted = 0, taken = 0;
	void *ctx;

	(void)state;
	assert_int_equal(souk_worker_start(&worker, 3, 16), SOUK_OK);
	while (taken < COUNT) {
		while (submitted < COUNT &&
			souk_worker_submit(worker, run, &work[submitted]) == SOUK_OK)
			submitted++;
		assert_true(is_readable(souk_worker_fd(worker), 5000));
		while (souk_worker_next_done(worker, &ctx)) {
			struct work *done = ctx;
			assert_int_equal(done->ran, 1);
			assert_int_equal(done->taken++, 0);
			taken++;
		}
	}
	assert_int_equal(submitted, COUNT);
	assert_false(is_readable(souk_worker_fd(worker), 0));
	souk_worker_stop(worker);
}

static void test_bounds(void **state)
{
	_Atomic int gate = 0;
	struct work a = {.gate = &gate}, b = {.gate = &gate}, c = {0};
	struct souk_worker *worker;
	void *ctx = NULL;

	(void)state;
	assert_int_equal(souk_worker_start(&worker, 1, 2), SOUK_OK);
	assert_false(souk_worker_next_done(worker, &ctx));
	assert_int_equal(souk_worker_submit(worker, run, &a), SOUK_OK);
	assert_int_equal(souk_worker_submit(worker, run, &b), SOUK_OK);
	assert_int_equal(souk_worker_submit(worker, run, &c), SOUK_LOCAL_FULL);
	assert_false(is_readable(souk_worker_fd(worker), 0));
	atomic_store(&gate, 1);
	assert_true(is_readable(souk_worker_fd(worker), 5000));
	/* Finished, but not taken: still counted. */
	usleep(20000);
	assert_int_equal(souk_worker_submit(worker, run, &c), SOUK_LOCAL_FULL);
	assert_true(souk_worker_next_done(worker, &ctx));
	assert_ptr_equal(ctx, &a);
	assert_true(is_readable(souk_worker_fd(worker), 1000));
	assert_int_equal(souk_worker_submit(worker, run, &c), SOUK_OK);
	souk_worker_stop(worker);
	assert_int_equal(b.ran, 1);
}

static void test_stop_drops_the_queue(void **state)
{
	_Atomic int gate = 1;
	struct work slow = {.gate = &gate};
	struct souk_worker *worker;

	(void)state;
	assert_int_equal(souk_worker_start(&worker, 2, 4), SOUK_OK);
	assert_int_equal(souk_worker_submit(worker, run, &slow), SOUK_OK);
	souk_worker_stop(worker);
	assert_true(slow.ran <= 1);
	souk_worker_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_run_once),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_stop_drops_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
