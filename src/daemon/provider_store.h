/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_store.h - what a provider keeps in its home, between runs and beside the daemon.
 *
 *   HOME/provider.mdb      records: 'C' content id -> content_record
 *                                   'K' content id -> cache_record, of what may be evicted
 *                                   'S' session id -> session_record
 *                                   'R' leaf       -> receipt_record
 *                                   'G' agreement  -> key_grant_record (proxy_store.c)
 *                                   'W'            -> the last block that was watched
 *   HOME/content/ID        the bytes of a content
 *   HOME/content/ID.row    its chunk row: 32 bytes for each chunk
 *
 * souk add and souk earnings open the same store while soukd runs: LMDB lets one
 * write at a time and any number read.
 *
 * Threads: any; a call that writes begins and ends its transaction inside. */
#ifndef SOUK_DAEMON_PROVIDER_STORE_H
#define SOUK_DAEMON_PROVIDER_STORE_H

#include <stdbool.h>

#include "souk/exchange/provider.h"
#include "souk/io/lmdb_store.h"
#include "souk/wire/messages.h"

struct provider_store {
	struct souk_lmdb_store *lmdb;
	char home[400];
};

/* Open or create the store of HOME. As souk_lmdb_store_open. */
SOUK_MUST_CHECK souk_status provider_store_open(
	struct provider_store *ret, const char *home, bool is_read_only);
void provider_store_close(struct provider_store *store);

/* HOME/content/ID, HOME/content/ID.row and HOME/content/ID.have; OUT has 512 characters. */
void provider_store_data_path(
	const struct provider_store *store, const struct souk_hash *content, char *out);
void provider_store_row_path(
	const struct provider_store *store, const struct souk_hash *content, char *out);
void provider_store_have_path(
	const struct provider_store *store, const struct souk_hash *content, char *out);

/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status provider_store_content(const struct provider_store *store,
	const struct souk_hash *content, struct souk_content_record *ret);
SOUK_MUST_CHECK souk_status provider_store_put_content(const struct provider_store *store,
	const struct souk_hash *content, const struct souk_content_record *record);

/* ---- contents that may be evicted: those that have a cache_record. A content without one is
 * pinned. Another process may pin one at any time (souk add), so that what changes or removes its
 * files is done while this process is the store's only writer, and looks again. ---- */

/* What is on sale and may be evicted: both records at once. */
SOUK_MUST_CHECK souk_status provider_store_put_cached(const struct provider_store *store,
	const struct souk_hash *content, const struct souk_content_record *record,
	const struct souk_cache_record *cache);
/* SOUK_LOCAL_NOT_FOUND: it is pinned, or not here. */
SOUK_MUST_CHECK souk_status provider_store_cache(const struct provider_store *store,
	const struct souk_hash *content, struct souk_cache_record *ret);
/* Those that are pinned by now, or gone, are passed over. */
struct provider_store_cached {
	struct souk_hash content;
	struct souk_cache_record cache;
};
SOUK_MUST_CHECK souk_status provider_store_put_caches(const struct provider_store *store,
	const struct provider_store_cached *items, size_t count);
/* Call ACT(ctx) while CONTENT cannot become pinned. SOUK_LOCAL_NOT_FOUND: it is pinned; else what
 * ACT said. */
SOUK_MUST_CHECK souk_status provider_store_while_cached(const struct provider_store *store,
	const struct souk_hash *content, souk_status (*act)(void *ctx), void *ctx);
/* Both records and all files. SOUK_LOCAL_NOT_FOUND: it is pinned; nothing is done. */
SOUK_MUST_CHECK souk_status provider_store_drop(
	const struct provider_store *store, const struct souk_hash *content);
/* It is never evicted from now on; no harm where it is pinned, or not here. Before its files are
 * replaced. */
SOUK_MUST_CHECK souk_status provider_store_pin(
	const struct provider_store *store, const struct souk_hash *content);
SOUK_MUST_CHECK souk_status provider_store_each_cache(const struct provider_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_cache_record *cache),
	void *ctx);

SOUK_MUST_CHECK souk_status provider_store_session(const struct provider_store *store,
	const struct souk_nonce *session, struct souk_session_record *ret);

/* One durable transaction for a number of encoded session records. */
struct provider_store_write {
	struct souk_nonce session;
	struct souk_bytes record;
};
SOUK_MUST_CHECK souk_status provider_store_put_sessions(const struct provider_store *store,
	const struct provider_store_write *writes, size_t count);

SOUK_MUST_CHECK souk_status provider_store_receipt(const struct provider_store *store,
	const struct souk_leaf_id *leaf, struct souk_receipt_record *ret);
/* Under the leaf that it names. */
SOUK_MUST_CHECK souk_status provider_store_put_receipt(
	const struct provider_store *store, const struct souk_receipt_record *record);

/* The height of the last block that was searched for double promises; 0 at first. */
SOUK_MUST_CHECK souk_status provider_store_watched(
	const struct provider_store *store, uint64_t *ret_height);
SOUK_MUST_CHECK souk_status provider_store_put_watched(
	const struct provider_store *store, uint64_t height);

/* Call VISIT for every session, receipt, or content, in a snapshot, until it returns something else
 * than SOUK_OK, which is then returned. A session that cannot be decoded is said in the log and
 * left where it is: one must not keep the others from being claimed. */
SOUK_MUST_CHECK souk_status provider_store_each_session(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_session_record *record), void *ctx);
SOUK_MUST_CHECK souk_status provider_store_each_receipt(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_receipt_record *record), void *ctx);
SOUK_MUST_CHECK souk_status provider_store_each_content(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_hash *content,
		const struct souk_content_record *record),
	void *ctx);

#endif
