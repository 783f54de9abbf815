/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/thread.h - threads that are kept for the next one who needs one.
 *
 *   start --> a waiting thread, or a new one --> RUN(CTX) --> waits for the next, 30 s at most
 *   join  --> RUN has returned
 *
 * To make a thread and to be rid of it costs a tenth of a millisecond, and what makes a few of them
 * for one request makes its reader wait for each. To wake one that waits costs a tenth of that.
 *
 * Invariants: of those that wait there are THREADS_KEPT at most. Signals are for the main thread:
 * here they are blocked, but for those that say what an instruction did (mapped.h needs SIGBUS).
 *
 * Memory: heap, for a thread that is new. Threads: any. */
#ifndef SOUK_IO_THREAD_H
#define SOUK_IO_THREAD_H

#include "souk/base/status.h"

struct souk_thread;

/* souk_thread_start: have RUN(CTX) called beside. RET is to be joined, or NULL: nobody waits.
 *
 * Returns SOUK_OK, or SOUK_IO_MEMORY: no memory, or no further thread; RUN is not called. */
SOUK_MUST_CHECK souk_status souk_thread_start(
	struct souk_thread **ret, void (*run)(void *ctx), void *ctx);

/* Waits until RUN has returned; THREAD is gone then. NULL is allowed. */
void souk_thread_join(struct souk_thread *thread);

/* Processors that this process may run on; at least 1. */
unsigned souk_thread_processors(void);

#endif
