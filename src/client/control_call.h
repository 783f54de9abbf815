/* SPDX-License-Identifier: Apache-2.0
 *
 * control_call.h - one call to a server whose TLS key is pinned: a provider, a hub. */
#ifndef SOUK_CLIENT_CONTROL_CALL_H
#define SOUK_CLIENT_CONTROL_CALL_H

#include "souk/io/http_client.h"

/* control_call: METHOD URL, with BODY; for an answer other than 200 the status that it names.
 *
 *  Out: detail  what there is to say about a failure, DETAIL_SIZE bytes at most
 *       ret     the answer; the caller ends it with souk_http_answer_done
 *
 * Returns SOUK_OK, those of souk_http_client_call, or what the server refused with. */
SOUK_MUST_CHECK souk_status control_call(struct souk_http_client *http,
	const struct souk_http_call *call, char *detail, size_t detail_size,
	struct souk_http_answer *ret);

#endif
