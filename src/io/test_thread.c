/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "souk/io/thread.h"

#define MANY 100

/* What one run leaves behind; it waits for `may_end`, where there is one. */
struct run {
	pthread_t by;
	sigset_t blocked;
	sem_t *may_end;
	sem_t *begun;
	atomic_int count;
};

static void run(void *ctx)
{
	struct run *self = ctx;
	self->by = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &self->blocked);
	if (self->begun != NULL)
		sem_post(self->begun);
	if (self->may_end != NULL)
		sem_wait(self->may_end);
	atomic_fetch_add(&self->count, 1);
}

static void run_and_join(struct run *self)
{
	struct souk_thread *thread;
	assert_int_equal(souk_thread_start(&thread, run, self), SOUK_OK);
	souk_thread_join(thread);
	assert_int_equal(atomic_load(&self->count), 1);
}

/* Who has been joined is there for the next one. */
static void test_used_again(void **state)
{
	struct run first = {0};
	(void)state;
	run_and_join(&first);
	for (int i = 0; i < 1000; i++) {
		struct run next = {0};
		run_and_join(&next);
		assert_true(pthread_equal(first.by, next.by));
	}
	assert_false(pthread_equal(first.by, pthread_self()));
	assert_true(sigismember(&first.blocked, SIGTERM));
	assert_true(sigismember(&first.blocked, SIGINT));
	assert_false(sigismember(&first.blocked, SIGBUS));
}

/* None waits for another: as many run at once as were started, each once. */
static void test_many_at_once(void **state)
{
	static struct run runs[MANY];
	struct souk_thread *threads[MANY];
	sem_t may_end, begun;
	(void)state;
	sem_init(&may_end, 0, 0);
	sem_init(&begun, 0, 0);
	for (int round = 0; round < 3; round++) {
		memset(runs, 0, sizeof runs);
		for (int i = 0; i < MANY; i++) {
			runs[i].may_end = &may_end;
			runs[i].begun = &begun;
			assert_int_equal(souk_thread_start(&threads[i], run, &runs[i]), SOUK_OK);
		}
		for (int i = 0; i < MANY; i++)
			sem_wait(&begun);
		for (int i = 0; i < MANY; i++)
			sem_post(&may_end);
		for (int i = 0; i < MANY; i++)
			souk_thread_join(threads[i]);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(atomic_load(&runs[i].count), 1);
	}
	sem_destroy(&may_end);
	sem_destroy(&begun);
}

/* Nobody waits for it, and it runs all the same. */
static void test_not_joined(void **state)
{
	static struct run runs[MANY];
	sem_t begun;
	(void)state;
	sem_init(&begun, 0, 0);
	for (int i = 0; i < MANY; i++) {
		runs[i].begun = &begun;
		assert_int_equal(souk_thread_start(NULL, run, &runs[i]), SOUK_OK);
	}
	for (int i = 0; i < MANY; i++)
		sem_wait(&begun);
	/* BEGUN is used no more: each of them counts after it. */
	for (int i = 0; i < MANY; i++) {
		while (atomic_load(&runs[i].count) < 1)
			sched_yield();
	}
	sem_destroy(&begun);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_not_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
