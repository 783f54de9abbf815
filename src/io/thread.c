/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "souk/base/check.h"

#define THREADS_KEPT 32u
#define KEPT_S	     30

/* One thread, and what it does now. Under `lock`, but for run and ctx while it runs. */
struct souk_thread {
	pthread_cond_t changed;
	void (*run)(void *ctx); /* NULL: it has returned */
	void *ctx;
	bool is_joined; /* somebody will ask whether it has returned */
	bool is_waiting;
	struct souk_thread *next; /* of those that wait */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under it; the one that waits shortest is first: its stack is still in the processor's caches. */
static struct souk_thread *waiting;
static unsigned waiting_count;

/* Unless enough of them wait. */
static void enter_line(struct souk_thread *thread)
{
	thread->is_waiting = waiting_count < THREADS_KEPT;
	if (!thread->is_waiting)
		return;
	thread->next = waiting;
	waiting = thread;
	waiting_count++;
}

static void leave_line(struct souk_thread *thread)
{
	struct souk_thread **link = &waiting;
	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
	thread->is_waiting = false;
	waiting_count--;
}

/* What ran has returned. Whoever joins it puts it into the line, so that it is there for what they
 * start next; under lock. */
static void end_run(struct souk_thread *self)
{
	self->run = NULL;
	if (!self->is_joined) {
		enter_line(self);
		return;
	}
	pthread_cond_broadcast(&self->changed);
	while (self->is_joined && self->run == NULL)
		pthread_cond_wait(&self->changed, &lock);
}

/* Until there is something to run; false: nothing came, or enough others wait. */
static bool wait_for_work(struct souk_thread *self)
{
	struct timespec until;
	int failed = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += KEPT_S;
	while (self->is_waiting && !failed)
		failed = pthread_cond_timedwait(&self->changed, &lock, &until);
	if (self->is_waiting)
		leave_line(self);
	return self->run != NULL;
}

static void *thread_main(void *arg)
{
	struct souk_thread *self = arg;
	pthread_mutex_lock(&lock);
	do {
		pthread_mutex_unlock(&lock);
		self->run(self->ctx);
		pthread_mutex_lock(&lock);
		end_run(self);
	} while (wait_for_work(self));
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&self->changed);
	free(self);
	return NULL;
}

static void set_work(struct souk_thread *thread, void (*run)(void *ctx), void *ctx, bool is_joined)
{
	thread->ctx = ctx;
	thread->run = run;
	thread->is_joined = is_joined;
}

static void only_faults(sigset_t *ret)
{
	static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
	sigfillset(ret);
	for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++)
		sigdelset(ret, faults[i]);
}

static int make_thread(struct souk_thread *thread)
{
	pthread_attr_t attributes;
	pthread_t id;
	sigset_t blocked, before;
	only_faults(&blocked);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int failed = pthread_create(&id, &attributes, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return failed;
}

static souk_status start_new(
	struct souk_thread **ret, void (*run)(void *ctx), void *ctx, bool is_joined)
{
	struct souk_thread *thread = calloc(1, sizeof *thread);
	pthread_condattr_t attributes;
	if (thread == NULL)
		return SOUK_IO_MEMORY;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&thread->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	set_work(thread, run, ctx, is_joined);
	if (make_thread(thread) != 0) {
		pthread_cond_destroy(&thread->changed);
		free(thread);
		return SOUK_IO_MEMORY;
	}
	*ret = thread;
	return SOUK_OK;
}

souk_status souk_thread_start(struct souk_thread **ret, void (*run)(void *ctx), void *ctx)
{
	SOUK_CHECK(run != NULL);
	pthread_mutex_lock(&lock);
	struct souk_thread *thread = waiting;
	if (thread != NULL) {
		leave_line(thread);
		set_work(thread, run, ctx, ret != NULL);
		pthread_cond_broadcast(&thread->changed);
	}
	pthread_mutex_unlock(&lock);
	if (thread == NULL)
		SOUK_TRY(start_new(&thread, run, ctx, ret != NULL));
	if (ret != NULL)
		*ret = thread;
	return SOUK_OK;
}

void souk_thread_join(struct souk_thread *thread)
{
	if (thread == NULL)
		return;
	pthread_mutex_lock(&lock);
	while (thread->run != NULL)
		pthread_cond_wait(&thread->changed, &lock);
	thread->is_joined = false;
	enter_line(thread);
	pthread_cond_broadcast(&thread->changed);
	pthread_mutex_unlock(&lock);
}

/* sysconf reads a file for it each time. */
unsigned souk_thread_processors(void)
{
	cpu_set_t set;
	long count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
								 : sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (unsigned)count : 1;
}
