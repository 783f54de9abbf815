/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ports/entropy.h - where secrets come from.
 *
 * Real bytes come from the kernel; a simulation gives seeded ones, so that a run
 * can be repeated.
 *
 * Memory: caller's. Threads: any, where the adapter says so. */
#ifndef SOUK_PORTS_ENTROPY_H
#define SOUK_PORTS_ENTROPY_H

#include <stddef.h>

#include "souk/base/status.h"

struct souk_entropy {
	void *ctx;
	souk_status (*fill)(void *ctx, void *out, size_t size);
};

/* souk_entropy_fill: SIZE unpredictable bytes at OUT.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_ENTROPY  OUT is unusable. Stop: nothing secret can be made. */
SOUK_MUST_CHECK static inline souk_status souk_entropy_fill(
	const struct souk_entropy *entropy, void *out, size_t size)
{
	return entropy->fill(entropy->ctx, out, size);
}

#endif
