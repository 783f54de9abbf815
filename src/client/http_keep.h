/* SPDX-License-Identifier: Apache-2.0
 *
 * http_keep.h - connections that outlive who used them: a provider is asked for an offer, for a
 * chunk row, for a session, by one fetch and then by the next, and a new connection with TLS costs
 * three round trips each time.
 *
 *   take --> calls, by one owner --> give --> idle, for others --30 s, or too many--> closed
 *
 * Bounds: KEEP_MAX idle ones in a process, KEEP_OF_ONE of one server.
 * Memory: heap. Threads: any; what was taken has one owner. */
#ifndef SOUK_CLIENT_HTTP_KEEP_H
#define SOUK_CLIENT_HTTP_KEEP_H

#include "souk/io/http_client.h"
#include "souk/io/http_fetch.h"

#define KEEP_MAX    64u
#define KEEP_OF_ONE 4u

/* http_keep_take: a client for calls to URL under PIN (NULL: none), connected where one is idle.
 *
 * Returns SOUK_OK, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status http_keep_take(
	struct souk_http_client **ret, const char *url, const struct souk_hash *pin);
/* Give it back, with the same URL and PIN. NULL is allowed. */
void http_keep_give(struct souk_http_client *http, const char *url, const struct souk_hash *pin);

/* The same of the engines that move units, KEEP_ENGINES of them, for so many transfers at once and
 * so many connections to a host: whatever the next one fetches, in whatever way it is paid, from
 * the same providers it finds connections open. */
#define KEEP_ENGINES		8u
#define KEEP_ENGINE_TRANSFERS	320u
#define KEEP_ENGINE_CONNECTIONS 8u
SOUK_MUST_CHECK souk_status http_keep_take_engine(struct souk_http_fetcher **ret);
/* NULL is allowed. One that still moves something is not kept. */
void http_keep_give_engine(struct souk_http_fetcher *engine);

#endif
