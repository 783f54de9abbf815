/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/time.h - time as a value that is passed in.
 *
 * No code below the adapters reads a clock: whoever calls says what time it is.
 * A moment is its own type, so that it is never mistaken for a duration.
 *
 * Unit: milliseconds since 1970-01-01 00:00 UTC. Threads: any. */
#ifndef SOUK_BASE_TIME_H
#define SOUK_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct souk_time {
	uint64_t ms;
};

#define SOUK_TIME_NEVER ((struct souk_time){UINT64_MAX})

static inline struct souk_time souk_time_at_ms(uint64_t ms)
{
	return (struct souk_time){ms};
}

static inline bool souk_time_is_before(struct souk_time a, struct souk_time b)
{
	return a.ms < b.ms;
}

/* T moved DURATION_MS later; at the end of time it stays there. */
static inline struct souk_time souk_time_plus_ms(struct souk_time t, uint64_t duration_ms)
{
	return t.ms > UINT64_MAX - duration_ms ? SOUK_TIME_NEVER
					       : (struct souk_time){t.ms + duration_ms};
}

/* Milliseconds from A to B; 0 where B is not later. */
static inline uint64_t souk_time_since_ms(struct souk_time a, struct souk_time b)
{
	return b.ms > a.ms ? b.ms - a.ms : 0;
}

static inline struct souk_time souk_time_earlier(struct souk_time a, struct souk_time b)
{
	return a.ms < b.ms ? a : b;
}

#endif
