/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_store.h - what a sponsor keeps in its home, between runs and beside the daemon.
 *
 *   HOME/sponsor.mdb   'P' content id        -> sponsor_order: written by souk publish, souk
 *                                               sponsor stop; the daemon watches it
 *                      'D' content id        -> sponsor_content_record
 *                      'T'                   -> sponsor_totals_record
 *                      'C' provider, content -> sponsor_cache_record
 *                      'V' viewer            -> sponsor_viewer_record; until its epoch is over
 *                      'B' bundle            -> sponsor_bundle_record; until it is over
 *                      'L' epoch, segment, leaf -> sponsor_leaf_record; until its epoch is over
 *   HOME/content/ID    the bytes, as souk add put them there
 *
 * Threads: any; a call that writes begins and ends its transaction inside. */
#ifndef SOUK_DAEMON_SPONSOR_STORE_H
#define SOUK_DAEMON_SPONSOR_STORE_H

#include "records.h"
#include "souk/wire/messages.h"

#define SPONSOR_STORE_ORDER   'P'
#define SPONSOR_STORE_CONTENT 'D'
#define SPONSOR_STORE_TOTALS  'T'
#define SPONSOR_STORE_CACHE   'C'
#define SPONSOR_STORE_VIEWER  'V'
#define SPONSOR_STORE_BUNDLE  'B'
#define SPONSOR_STORE_LEAF    'L'

/* Whose cache record: an address and a content id. */
#define SPONSOR_CACHE_ID_SIZE (SOUK_ADDRESS_SIZE + SOUK_HASH_SIZE)
#define SPONSOR_LEAF_ID_SIZE  16u

struct sponsor_store {
	struct souk_lmdb_store *lmdb;
	char home[400];
};

/* Open or create the store of HOME. As souk_lmdb_store_open. */
SOUK_MUST_CHECK souk_status sponsor_store_open(
	struct sponsor_store *ret, const char *home, bool is_read_only);
void sponsor_store_close(struct sponsor_store *store);

/* HOME/content/ID; OUT has 512 characters. */
void sponsor_store_data_path(
	const struct sponsor_store *store, const struct souk_hash *content, char *out);
/* HOME/content/ID.row, of its chunks' ids; OUT has 512 characters. */
void sponsor_store_row_path(
	const struct sponsor_store *store, const struct souk_hash *content, char *out);

/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status sponsor_store_order(const struct sponsor_store *store,
	const struct souk_hash *content, struct souk_sponsor_order *ret);
SOUK_MUST_CHECK souk_status sponsor_store_content(const struct sponsor_store *store,
	const struct souk_hash *content, struct souk_sponsor_content_record *ret);
SOUK_MUST_CHECK souk_status sponsor_store_put_order(const struct sponsor_store *store,
	const struct souk_hash *content, const struct souk_sponsor_order *order);
/* Call VISIT for each, until it returns something else than SOUK_OK, which is then returned. */
SOUK_MUST_CHECK souk_status sponsor_store_each_order(const struct sponsor_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order),
	void *ctx);

void sponsor_store_cache_id(uint8_t out[SPONSOR_CACHE_ID_SIZE], const struct souk_address *provider,
	const struct souk_hash *content);
void sponsor_store_leaf_id(
	uint8_t out[SPONSOR_LEAF_ID_SIZE], const struct souk_sponsor_leaf_record *leaf);

#endif
