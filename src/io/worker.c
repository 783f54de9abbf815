/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/worker.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/base/ring.h"
#include "souk/io/thread.h"

struct job {
	void (*run)(void *ctx);
	void *ctx;
};

struct souk_worker {
	pthread_mutex_t lock;
	pthread_cond_t work;	/* a job was queued, or stopping */
	struct souk_ring queue; /* of struct job */
	struct souk_ring done;	/* of void * */
	unsigned job_count;	/* submitted and not yet taken: bounds both rings */
	unsigned job_max;
	int done_fd;
	bool stopping;
	unsigned idle_count; /* threads that wait for a job, or are about to */
	unsigned thread_count, thread_max;
	struct souk_thread *threads[];
};

static void announce_done(struct souk_worker *worker)
{
	uint64_t one = 1;

	/* It only fails when its counter is full, and then it is readable anyway. */
	if (write(worker->done_fd, &one, sizeof(one)) < 0)
		return;
}

static void wait_for_work(struct souk_worker *worker)
{
	worker->idle_count++;
	pthread_cond_wait(&worker->work, &worker->lock);
	worker->idle_count--;
}

/* The next job, under lock, which is let go of while it runs. */
static void run_next(struct souk_worker *worker)
{
	struct job job;

	SOUK_CHECK(souk_ring_pop(&worker->queue, &job));
	pthread_mutex_unlock(&worker->lock);
	job.run(job.ctx);
	pthread_mutex_lock(&worker->lock);
	SOUK_CHECK(souk_ring_push(&worker->done, &job.ctx) == SOUK_OK);
	if (worker->done.count == 1)
		announce_done(worker);
}

static void run_jobs(void *arg)
{
	struct souk_worker *worker = arg;

	pthread_mutex_lock(&worker->lock);
	worker->idle_count--;
	for (;;) {
		while (!worker->stopping && !worker->queue.count)
			wait_for_work(worker);
		if (worker->stopping)
			break;
		run_next(worker);
	}
	pthread_mutex_unlock(&worker->lock);
}

static void worker_release(struct souk_worker *worker)
{
	free(worker->queue.items);
	free(worker->done.items);
	if (worker->done_fd >= 0)
		close(worker->done_fd);
	pthread_cond_destroy(&worker->work);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

static void start_thread(struct souk_worker *worker)
{
	worker->idle_count++;
	souk_status status =
		souk_thread_start(&worker->threads[worker->thread_count], run_jobs, worker);
	if (status == SOUK_OK)
		worker->thread_count++;
	else
		worker->idle_count--;
}

/* A thread is made once there is a job that none waits for: most are never needed. Where none can
 * be made, the others do it, or whoever submits it. Under lock. */
static void see_to_threads(struct souk_worker *worker)
{
	if (worker->queue.count > worker->idle_count && worker->thread_count < worker->thread_max)
		start_thread(worker);
	if (worker->thread_count == 0)
		run_next(worker);
}

souk_status souk_worker_start(
	struct souk_worker **ret_worker, unsigned thread_count, unsigned job_max)
{
	SOUK_CHECK(thread_count > 0 && job_max > 0);
	struct souk_worker *worker =
		calloc(1, sizeof(*worker) + thread_count * sizeof(worker->threads[0]));
	if (!worker)
		return SOUK_IO_MEMORY;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->work, NULL);
	worker->job_max = job_max;
	worker->thread_max = thread_count;
	worker->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	void *queue = calloc(job_max, sizeof(struct job));
	void *done = calloc(job_max, sizeof(void *));
	souk_ring_init(&worker->queue, queue, sizeof(struct job), job_max);
	souk_ring_init(&worker->done, done, sizeof(void *), job_max);
	if (worker->done_fd < 0 || !queue || !done) {
		worker_release(worker);
		return SOUK_IO_MEMORY;
	}
	*ret_worker = worker;
	return SOUK_OK;
}

void souk_worker_stop(struct souk_worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_broadcast(&worker->work);
	pthread_mutex_unlock(&worker->lock);
	for (unsigned i = 0; i < worker->thread_count; i++)
		souk_thread_join(worker->threads[i]);
	worker_release(worker);
}

souk_status souk_worker_submit(struct souk_worker *worker, void (*run)(void *ctx), void *ctx)
{
	struct job job = {run, ctx};
	souk_status status = SOUK_LOCAL_FULL;

	pthread_mutex_lock(&worker->lock);
	if (worker->job_count < worker->job_max) {
		status = souk_ring_push(&worker->queue, &job);
		worker->job_count++;
		pthread_cond_signal(&worker->work);
		see_to_threads(worker);
	}
	pthread_mutex_unlock(&worker->lock);
	return status;
}

bool souk_worker_next_done(struct souk_worker *worker, void **ret_ctx)
{
	uint64_t count;

	pthread_mutex_lock(&worker->lock);
	bool taken = souk_ring_pop(&worker->done, ret_ctx);
	if (taken)
		worker->job_count--;
	/* Lowered only when nothing is left, under the lock, so it never misses a job. */
	if (!worker->done.count && read(worker->done_fd, &count, sizeof(count)) < 0)
		count = 0;
	pthread_mutex_unlock(&worker->lock);
	return taken;
}

int souk_worker_fd(const struct souk_worker *worker)
{
	return worker->done_fd;
}
