/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/http_fetch.h - many downloads at once, into memory of the caller, over
 * libcurl's multi interface.
 *
 *   start ... start --poll--> next, next ... --poll--> next ...
 *
 * For units. The body goes straight into the destination: a provider that sends
 * more than that is cut off. Connections are kept and reused for each host.
 *
 * Memory: heap for the engine, the destinations are the caller's and must live
 * until the transfer's result is taken or it is cancelled. Threads: one owner;
 * souk_http_fetcher_wake from any. */
#ifndef SOUK_IO_HTTP_FETCH_H
#define SOUK_IO_HTTP_FETCH_H

#include <stdbool.h>

#include "souk/base/bytes.h"
#include "souk/base/status.h"

#define SOUK_HTTP_FETCH_HEADERS_MAX	16
#define SOUK_HTTP_FETCH_HEADER_SIZE_MAX 512
/* All headers of one answer; a peer that sends more is cut off. */
#define SOUK_HTTP_FETCH_HEAD_SIZE_MAX 32768

struct souk_http_fetcher;

struct souk_http_fetch {
	const char *url;
	const char *const *headers; /* "Name: value", copied */
	size_t header_count;	    /* at most SOUK_HTTP_FETCH_HEADERS_MAX */
	struct souk_bytes body;	    /* sent with POST, copied; none: GET */
	const char *reply_header;   /* this header of the answer is kept; copied; NULL: none */
	const char *second_header;  /* as reply_header */
	void *destination;
	size_t size_max;	     /* bytes at destination */
	uint64_t timeout_ms;	     /* of the whole transfer; 0 means 60 s */
	const struct souk_hash *pin; /* for https, as in http_client.h; NULL otherwise */
	void *user;		     /* given back with the result; tells the transfer in cancel */
	uint64_t *progress; /* grows by each byte that comes, also of headers; NULL: nobody asks */
};

struct souk_http_fetched {
	void *user;
	souk_status status;
	unsigned http_status;				    /* 0 where none came */
	size_t size;					    /* bytes written at destination */
	char reply_header[SOUK_HTTP_FETCH_HEADER_SIZE_MAX]; /* "" where it did not come */
	char second_header[SOUK_HTTP_FETCH_HEADER_SIZE_MAX];
};

/* It tells the process's heap to keep freed memory (mallopt): libcurl takes a large buffer for each
 * transfer and gives it back, and the kernel would unmap and clear those pages every time.
 *
 * souk_http_fetcher_new: an engine for at most TRANSFER_MAX transfers at once, and at most
 * HOST_CONNECTION_MAX connections to each host; transfers over that wait their turn.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  out of memory. */
SOUK_MUST_CHECK souk_status souk_http_fetcher_new(struct souk_http_fetcher **ret_fetcher,
	unsigned transfer_max, unsigned host_connection_max);

/* Drops every transfer. NULL is allowed. */
void souk_http_fetcher_free(struct souk_http_fetcher *fetcher);

/* souk_http_fetcher_start: begin a transfer; its result comes from next, after polls.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL    transfer_max are under way (or results untaken); take results first.
 *   SOUK_LOCAL_CONFIG  not a URL of http or https, or too many headers.
 *   SOUK_IO_MEMORY     out of memory. */
SOUK_MUST_CHECK souk_status souk_http_fetcher_start(
	struct souk_http_fetcher *fetcher, const struct souk_http_fetch *fetch);

/* souk_http_fetcher_poll: move bytes; wait at most TIMEOUT_MS for the network, for EXTRA_FD to be
 * readable (-1: none; the worker's fd, for instance) or for a wake. Does not wait while results
 * are ready.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_NET     waiting failed. Nothing will help but a new engine.
 *   SOUK_IO_MEMORY  out of memory. */
SOUK_MUST_CHECK souk_status souk_http_fetcher_poll(
	struct souk_http_fetcher *fetcher, unsigned timeout_ms, int extra_fd);

/* souk_http_fetcher_next: take the result of a transfer that ended; false where there is none.
 *
 * ret_fetched->status is
 *   SOUK_OK                 an answer came, whole. Look at http_status and size: an answer that is
 *                           not 2xx has its text at destination, cut at size_max.
 *   SOUK_PEER_WRONG_LENGTH  a 2xx answer is longer than size_max; it was cut off.
 *   SOUK_IO_NET             no connection, or it broke; `size` bytes had come.
 *   SOUK_IO_TIMEOUT         the time is over.
 *   SOUK_IO_TLS_PIN         another key than the pinned one answered. */
bool souk_http_fetcher_next(
	struct souk_http_fetcher *fetcher, struct souk_http_fetched *ret_fetched);

/* Drop the transfers (and untaken results) of USER. Their destination is free at once. */
void souk_http_fetcher_cancel(struct souk_http_fetcher *fetcher, const void *user);

/* Transfers started whose results are not yet taken. */
unsigned souk_http_fetcher_count(const struct souk_http_fetcher *fetcher);

/* Make a running or the next poll return at once. */
void souk_http_fetcher_wake(struct souk_http_fetcher *fetcher);

#endif
