/* SPDX-License-Identifier: Apache-2.0
 *
 * control_call.h - calls to a server whose TLS key is pinned: a provider, a hub, a sponsor.
 *
 * The name of a hub or a sponsor is "https://HOST:PORT#PIN": where it is, and the hash of its TLS
 * key in 64 hex digits. A provider's place stands in its registration on the ledger.
 *
 *   place --control_client_init--> calls, one after the other --control_client_done--> kept
 *
 * Memory: the caller's; the connection is of http_keep.h. Threads: one client, one thread. */
#ifndef SOUK_CLIENT_CONTROL_CALL_H
#define SOUK_CLIENT_CONTROL_CALL_H

#include "souk/io/http_client.h"

#define CONTROL_URL_SIZE  192
#define CONTROL_NAME_SIZE (CONTROL_URL_SIZE + 1 + 2 * SOUK_HASH_SIZE)

struct control_place {
	char url[CONTROL_URL_SIZE]; /* "https://...", without a slash at its end */
	struct souk_hash pin;
};

struct control_client {
	struct souk_http_client *http;
	struct control_place place;
	uint64_t timeout_ms;
	char detail[256]; /* of the last failure */
};

/* control_name_parse: where NAME is.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_USAGE: not "https://HOST:PORT#PIN". */
SOUK_MUST_CHECK souk_status control_name_parse(struct control_place *ret, const char *name);
void control_name_format(char out[CONTROL_NAME_SIZE], const char *url, const struct souk_hash *pin);

/* control_client_init: a client of PLACE. A client may be a copy of another, and is begun with this
 * all the same: connections are not shared.
 *
 * Returns SOUK_OK, or SOUK_IO_MEMORY; control_client_done is allowed in any case. */
SOUK_MUST_CHECK souk_status control_client_init(
	struct control_client *client, const struct control_place *place, uint64_t timeout_ms);
/* One that was never begun, all zeros, is allowed. */
void control_client_done(struct control_client *client);

/* control_client_call: METHOD PATH, with BODY; for an answer other than 200 the status that it
 * names. ANSWER_SIZE_MAX 0: 1 MiB. RET is given back with souk_http_answer_done.
 *
 * Returns SOUK_OK, SOUK_IO_* (try again), or what the server refused with; `detail` then has what
 * there is to say about it. */
SOUK_MUST_CHECK souk_status control_client_call(struct control_client *client, const char *method,
	const char *path, struct souk_bytes body, size_t answer_size_max,
	struct souk_http_answer *ret);

#endif
