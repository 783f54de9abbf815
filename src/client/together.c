/* SPDX-License-Identifier: Apache-2.0 */
#include "together.h"

#include <poll.h>

#include "souk/base/check.h"
#include "souk/io/worker.h"

#define THREADS 16u

souk_status together_run(void (*run)(void *job), void *jobs, size_t size, size_t count)
{
	struct souk_worker *worker;
	void *done;
	size_t running = 0;
	if (count == 0)
		return SOUK_OK;
	SOUK_TRY(souk_worker_start(
		&worker, count < THREADS ? (unsigned)count : THREADS, (unsigned)count));
	for (size_t i = 0; i < count; i++) {
		souk_status status = souk_worker_submit(worker, run, (char *)jobs + i * size);
		SOUK_CHECK(status == SOUK_OK);
		running++;
	}
	while (running > 0) {
		struct pollfd fd = {.fd = souk_worker_fd(worker), .events = POLLIN};
		poll(&fd, 1, -1);
		while (souk_worker_next_done(worker, &done))
			running--;
	}
	souk_worker_stop(worker);
	return SOUK_OK;
}
