/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/pool.h - a fixed number of equal buffers, so that memory has a ceiling.
 *
 * A server answers with a buffer of a pool and gives it back once it is sent;
 * when all are out, it says "busy" instead of growing.
 *
 * Memory: heap at the start, touched on first use. Threads: any. */
#ifndef SOUK_IO_POOL_H
#define SOUK_IO_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "souk/base/status.h"

struct souk_pool;

/* One buffer, and the way back: souk_pool_give(buffer) fits souk_http_reply_owned. */
struct souk_pool_buffer {
	struct souk_pool *pool;
	struct souk_pool_buffer *next;
	uint8_t *data; /* aligned to 4096 */
	size_t size;
};

/* souk_pool_new: COUNT buffers of SIZE bytes.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  out of memory. */
SOUK_MUST_CHECK souk_status souk_pool_new(struct souk_pool **ret_pool, size_t count, size_t size);
/* Every buffer must be back. NULL is allowed. */
void souk_pool_free(struct souk_pool *pool);
/* A buffer with any contents; NULL where all are out. */
struct souk_pool_buffer *souk_pool_take(struct souk_pool *pool);
/* Give a struct souk_pool_buffer back to its pool. */
void souk_pool_give(void *buffer);

#endif
