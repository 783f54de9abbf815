/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_buffers.h - the memory that units are sent from, shared so that nobody takes it all.
 *
 * A unit occupies its buffer until the customer has read it, at whatever pace it likes. Whoever
 * reads slowly on many connections would leave nothing for others. So a session may hold a buffer
 * more only while it holds less than an eighth of what is free: alone it gets a ninth of them,
 * among many each gets a fair share, and there is always one for who has none.
 *
 * Memory: heap at the start, touched on first use. Threads: any. */
#ifndef SOUK_DAEMON_PROVIDER_BUFFERS_H
#define SOUK_DAEMON_PROVIDER_BUFFERS_H

#include "souk/io/pool.h"
#include "souk/wire/messages.h"

#define PROVIDER_BUFFER_SIZE (1u << 20)

struct provider_buffers;

/* One buffer; provider_buffer_give(buffer) fits souk_http_reply_owned. */
struct provider_buffer {
	struct provider_buffers *owner;
	struct souk_nonce session;
	struct souk_pool_buffer *memory; /* NULL: free */
};

/* COUNT buffers of PROVIDER_BUFFER_SIZE bytes. SOUK_OK or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status provider_buffers_new(struct provider_buffers **ret, size_t count);
/* Every buffer must be back. NULL is allowed. */
void provider_buffers_free(struct provider_buffers *buffers);

/* A buffer for SESSION; NULL where it holds its share, or all are out: it may ask again. */
struct provider_buffer *provider_buffer_take(
	struct provider_buffers *buffers, const struct souk_nonce *session);
void provider_buffer_give(void *buffer);

#endif
