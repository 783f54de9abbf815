/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ports/clock.h - what time it is, for those who must ask.
 *
 * Pure code is told the time; only a composition root or an adapter asks.
 * Successive answers never go back, whatever happens to the machine's clock.
 *
 * Memory: values. Threads: any, where the adapter says so. */
#ifndef SOUK_PORTS_CLOCK_H
#define SOUK_PORTS_CLOCK_H

#include "souk/base/time.h"

struct souk_clock {
	void *ctx;
	struct souk_time (*now)(void *ctx);
};

static inline struct souk_time souk_clock_now(const struct souk_clock *clock)
{
	return clock->now(clock->ctx);
}

#endif
