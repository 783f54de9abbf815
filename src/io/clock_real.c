/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/clock_real.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

/* The latest moment ever told, so that none is told before it. */
static _Atomic uint64_t latest_ms;

static struct souk_time clock_now(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	uint64_t ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	uint64_t seen = atomic_load(&latest_ms);
	while (ms > seen && !atomic_compare_exchange_weak(&latest_ms, &seen, ms))
		;
	return souk_time_at_ms(ms > seen ? ms : seen);
}

const struct souk_clock *souk_clock_real(void)
{
	static const struct souk_clock real = {.ctx = NULL, .now = clock_now};

	return &real;
}

uint64_t souk_clock_steady_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
