/* SPDX-License-Identifier: Apache-2.0
 *
 * name_store.h - the names that a provider, a cache or a sponsor keeps and hands out.
 *
 *   'N' publisher, label           -> hash of the content it was let in for (zero: none),
 * signed_name 'n' content, publisher, label  -> nothing: names of strangers that a content let in
 *
 * They lie in the daemon's own store, beside its other records.
 *
 * Anybody can make a key and sign names, so a name is kept only for whom the operator lets, or
 * where its content is kept here too: each content lets in NAME_STORE_STRANGERS_MAX names of
 * strangers, first come. A name that is here is updated by its publisher, whatever it moves to; the
 * content that let it in stays charged with it.
 *
 * Threads: any; a call that writes begins and ends its transaction inside. */
#ifndef SOUK_DAEMON_NAME_STORE_H
#define SOUK_DAEMON_NAME_STORE_H

#include "souk/content/name.h"
#include "souk/io/http_server.h"
#include "souk/io/lmdb_store.h"

#define NAME_STORE_STRANGERS_MAX 4u
/* Of all publishers together, strangers or not. */
#define NAME_STORE_NAMES_MAX	  16384u
#define NAME_STORE_PUBLISHERS_MAX 32u

/* Whose names are kept. */
struct name_policy {
	struct souk_address publishers[NAME_STORE_PUBLISHERS_MAX]; /* as many names as they like */
	size_t publisher_count;
};

/* Whether a content is kept here; given the transaction that writes. */
typedef bool name_content_check(
	void *ctx, const struct souk_store *view, const struct souk_hash *content);

/* name_policy_parse: addresses, apart by spaces or commas, after those that POLICY has.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG: not addresses, or too many. */
SOUK_MUST_CHECK souk_status name_policy_parse(struct name_policy *policy, const char *text);

/* name_store_get: what is held of NAME.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status name_store_get(
	struct souk_lmdb_store *lmdb, const struct souk_name *name, struct souk_signed_name *ret);

/* name_store_put: verify FRESH and hold it, durably; again what is held is no mistake.
 *
 *  In: is_here  whether a content is kept here; NULL: none is
 *
 * Returns SOUK_OK, or, and nothing is changed,
 *   those of souk_name_verify
 *   SOUK_PEER_NAME_ROLLBACK, _NAME_TWICE  another one is held: ask for it.
 *   SOUK_PEER_UNKNOWN_CONTENT             a stranger's, and of a content that is not here.
 *   SOUK_LOCAL_FULL                       no room for a name more.
 *   SOUK_IO_*, SOUK_CORRUPT_STORE */
SOUK_MUST_CHECK souk_status name_store_put(struct souk_lmdb_store *lmdb,
	const struct name_policy *policy, name_content_check *is_here, void *ctx,
	const struct souk_signed_name *fresh);

/* GET /v1/names/REST and POST /v1/names. */
void name_http_get(struct souk_lmdb_store *lmdb, const char *rest, struct souk_http_reply *reply);
void name_http_post(struct souk_lmdb_store *lmdb, const struct name_policy *policy,
	name_content_check *is_here, void *ctx, struct souk_bytes body,
	struct souk_http_reply *reply);

#endif
