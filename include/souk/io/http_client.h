/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/http_client.h - one HTTP call at a time, over libcurl; it blocks.
 *
 * For control: asks, grants, transactions. Connections are kept and reused.
 * Over https the server is known either by a pin, the SHA-256 of the
 * SubjectPublicKeyInfo of its certificate, with which names and authorities do
 * not matter; or, without a pin, by the system's authorities. Redirects are not
 * followed and proxies of the environment are not used. The first client or
 * fetcher makes the process ignore SIGPIPE, unless it handles it.
 *
 * Memory: heap; an answer's body is bounded. Threads: one owner for each client. */
#ifndef SOUK_IO_HTTP_CLIENT_H
#define SOUK_IO_HTTP_CLIENT_H

#include <stdbool.h>

#include "souk/base/bytes.h"
#include "souk/base/status.h"

#define SOUK_HTTP_ERROR_TEXT_SIZE 256

struct souk_http_client;

struct souk_http_call {
	const char *method; /* NULL means GET */
	const char *url;
	struct souk_bytes body;
	const char *content_type;   /* of the body; NULL means application/octet-stream */
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	uint64_t timeout_ms;	     /* of the whole call; 0 means 30 s */
	const struct souk_hash *pin; /* NULL: the system's authorities */
	size_t answer_size_max;	     /* 0 means 1 MiB */
	bool is_public_only; /* a stranger named it: no address of the local network (network.h) */
};

struct souk_http_answer {
	unsigned status; /* of HTTP */
	char *body;	 /* heap, with a terminator after SIZE bytes; never NULL on SOUK_OK */
	size_t size;
};

/* souk_http_client_new: a client without connections.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  out of memory. */
SOUK_MUST_CHECK souk_status souk_http_client_new(struct souk_http_client **ret_client);
/* NULL is allowed. */
void souk_http_client_free(struct souk_http_client *client);

/* souk_http_client_call: send one request and wait for the whole answer, whatever its status.
 *
 *  Out:    ret_answer  end with souk_http_answer_done
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_NET          no connection, or it broke: souk_http_client_error tells more.
 *   SOUK_IO_TIMEOUT      the time is over.
 *   SOUK_IO_TLS_PIN      another key than the pinned one answered, or none; nothing was sent to it.
 *   SOUK_PEER_OVERSIZED  the answer is over its limit.
 *   SOUK_LOCAL_CONFIG    not a URL of http or https.
 *   SOUK_IO_MEMORY       out of memory. */
SOUK_MUST_CHECK souk_status souk_http_client_call(struct souk_http_client *client,
	const struct souk_http_call *call, struct souk_http_answer *ret_answer);

/* Free the body; the answer is then empty. An answer of all zeros is allowed. */
void souk_http_answer_done(struct souk_http_answer *answer);

/* What went wrong in the last call, in words; "" where nothing did. */
const char *souk_http_client_error(const struct souk_http_client *client);

#endif
