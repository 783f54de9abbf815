/* SPDX-License-Identifier: Apache-2.0
 *
 * together.h - ask many at once, and wait for all of them. */
#ifndef SOUK_CLIENT_TOGETHER_H
#define SOUK_CLIENT_TOGETHER_H

#include <stddef.h>

#include "souk/base/status.h"

/* together_run: RUN on each of COUNT jobs of SIZE bytes at JOBS, sixteen at a time.
 *
 * Returns SOUK_OK: all were run; or SOUK_IO_MEMORY: none was. */
SOUK_MUST_CHECK souk_status together_run(
	void (*run)(void *job), void *jobs, size_t size, size_t count);

#endif
