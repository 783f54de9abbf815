/* SPDX-License-Identifier: Apache-2.0
 *
 * http_answer.h - what the control servers of the roles answer with. */
#ifndef SOUK_DAEMON_HTTP_ANSWER_H
#define SOUK_DAEMON_HTTP_ANSWER_H

#include <pthread.h>

#include "provider_limit.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_server.h"
#include "souk/wire/messages.h"

#define ANSWER_BINARY "application/octet-stream"

static inline void answer_refuse(
	struct souk_http_reply *reply, souk_status status, const char *detail)
{
	souk_http_reply_problem(reply, souk_http_status_of(status), status, detail);
}

/* Whether the peer of REQUEST may cost us that now; LIMIT is LOCK's. */
static inline bool answer_may(const struct souk_http_request *request, struct provider_limit *limit,
	pthread_mutex_t *lock)
{
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	souk_http_request_peer(request, peer);
	pthread_mutex_lock(lock);
	bool may = provider_limit_take(limit, peer, souk_clock_steady_ns() / 1000000);
	pthread_mutex_unlock(lock);
	return may;
}

/* Encode a message of at most SIZE_MAX bytes and answer with it. */
#define ANSWER_MESSAGE(name, size_max, reply, message)                                             \
	do {                                                                                       \
		uint8_t bytes_[size_max];                                                          \
		struct souk_writer writer_;                                                        \
		struct souk_bytes encoded_;                                                        \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (message));                                         \
		if (souk_writer_finish(&writer_, &encoded_) == SOUK_OK)                            \
			souk_http_reply_copy((reply), 200, ANSWER_BINARY, encoded_);               \
	} while (0)

#endif
