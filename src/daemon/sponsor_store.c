/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_store.h"

#include <stdio.h>
#include <string.h>

#include "souk/base/bytes.h"
#include "souk/base/check.h"

/* Address space, not memory. */
#define MAP_SIZE_MAX (16ull << 30)

souk_status sponsor_store_open(struct sponsor_store *ret, const char *home, bool is_read_only)
{
	char path[512];
	snprintf(ret->home, sizeof ret->home, "%s", home);
	snprintf(path, sizeof path, "%s/sponsor.mdb", home);
	struct souk_lmdb_config config = {
		.path = path, .map_size_max = MAP_SIZE_MAX, .is_read_only = is_read_only};
	return souk_lmdb_store_open(&ret->lmdb, &config);
}

void sponsor_store_close(struct sponsor_store *store)
{
	souk_lmdb_store_close(store->lmdb);
	store->lmdb = NULL;
}

void sponsor_store_data_path(
	const struct sponsor_store *store, const struct souk_hash *content, char *out)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	snprintf(out, 512, "%s/content/%s", store->home, hex);
}

void sponsor_store_row_path(
	const struct sponsor_store *store, const struct souk_hash *content, char *out)
{
	sponsor_store_data_path(store, content, out);
	strcat(out, ".row");
}

/* ------------------------------------------------------------------ orders */

static void make_key(uint8_t out[1 + SOUK_HASH_SIZE], char kind, const struct souk_hash *content)
{
	out[0] = (uint8_t)kind;
	memcpy(out + 1, content->bytes, SOUK_HASH_SIZE);
}

souk_status sponsor_store_order(const struct sponsor_store *store, const struct souk_hash *content,
	struct souk_sponsor_order *ret)
{
	uint8_t key[1 + SOUK_HASH_SIZE];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes value;
	make_key(key, SPONSOR_STORE_ORDER, content);
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_store_get(&view, souk_bytes_of(key, sizeof key), &value);
	if (status == SOUK_OK && souk_sponsor_order_decode(ret, value, NULL) != SOUK_OK)
		status = SOUK_CORRUPT_STORE;
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status sponsor_store_content(const struct sponsor_store *store,
	const struct souk_hash *content, struct souk_sponsor_content_record *ret)
{
	uint8_t key[1 + SOUK_HASH_SIZE];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes value;
	make_key(key, SPONSOR_STORE_CONTENT, content);
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_store_get(&view, souk_bytes_of(key, sizeof key), &value);
	if (status == SOUK_OK && souk_sponsor_content_record_decode(ret, value, NULL) != SOUK_OK)
		status = SOUK_CORRUPT_STORE;
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status sponsor_store_put_order(const struct sponsor_store *store,
	const struct souk_hash *content, const struct souk_sponsor_order *order)
{
	uint8_t key[1 + SOUK_HASH_SIZE], value[SOUK_SPONSOR_ORDER_SIZE_MAX];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_writer writer;
	struct souk_bytes encoded;
	make_key(key, SPONSOR_STORE_ORDER, content);
	souk_writer_init(&writer, value, sizeof value);
	souk_sponsor_order_encode(&writer, order);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = souk_store_put(&view, souk_bytes_of(key, sizeof key), encoded);
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

struct order_visitor {
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order);
	void *ctx;
};

static souk_status visit_order(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	const struct order_visitor *visitor = ctx;
	struct souk_sponsor_order order;
	struct souk_hash content;
	if (id.size != SOUK_HASH_SIZE || souk_sponsor_order_decode(&order, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(content.bytes, id.data, SOUK_HASH_SIZE);
	return visitor->visit(visitor->ctx, &content, &order);
}

souk_status sponsor_store_each_order(const struct sponsor_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order),
	void *ctx)
{
	struct order_visitor visitor = {visit, ctx};
	return records_each(store->lmdb, SPONSOR_STORE_ORDER, visit_order, &visitor);
}

/* ------------------------------------------------------------------ names of records */

void sponsor_store_cache_id(uint8_t out[SPONSOR_CACHE_ID_SIZE], const struct souk_address *provider,
	const struct souk_hash *content)
{
	memcpy(out, provider->bytes, SOUK_ADDRESS_SIZE);
	memcpy(out + SOUK_ADDRESS_SIZE, content->bytes, SOUK_HASH_SIZE);
}

void sponsor_store_leaf_id(
	uint8_t out[SPONSOR_LEAF_ID_SIZE], const struct souk_sponsor_leaf_record *leaf)
{
	souk_store_be64(out, leaf->epoch);
	souk_store_be32(out + 8, leaf->segment);
	souk_store_be32(out + 12, leaf->index);
}
