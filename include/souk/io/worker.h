/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/worker.h - a bounded pool of threads for jobs that take a while.
 *
 *   submit --> [queue] --> a thread runs it --> [done] --next_done--> taken
 *
 * Jobs end in any order. The descriptor is readable while finished jobs wait to
 * be taken, so a poll loop can sleep on it together with its sockets.
 *
 * Memory: heap at the start, none afterwards; a job's ctx is the caller's until
 * taken back. Threads: submit and next_done from one owner; jobs run in others. */
#ifndef SOUK_IO_WORKER_H
#define SOUK_IO_WORKER_H

#include <stdbool.h>

#include "souk/base/status.h"

struct souk_worker;

/* souk_worker_start: THREAD_COUNT threads at most, made as there are jobs for them (thread.h), for
 * at most JOB_MAX jobs at once, from submit until taken.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  no memory, or no descriptor. */
SOUK_MUST_CHECK souk_status souk_worker_start(
	struct souk_worker **ret_worker, unsigned thread_count, unsigned job_max);

/* Waits for the jobs that run and drops those that do not yet. NULL is allowed. */
void souk_worker_stop(struct souk_worker *worker);

/* souk_worker_submit: have RUN(CTX) called in some thread; in this one, where none can be made.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL  job_max are on their way; take finished ones first. */
SOUK_MUST_CHECK souk_status souk_worker_submit(
	struct souk_worker *worker, void (*run)(void *ctx), void *ctx);

/* Take the ctx of a finished job; false where there is none. Does not wait. */
bool souk_worker_next_done(struct souk_worker *worker, void **ret_ctx);

/* Readable while finished jobs wait. Never read from it. */
int souk_worker_fd(const struct souk_worker *worker);

#endif
