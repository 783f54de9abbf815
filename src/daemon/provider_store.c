/* SPDX-License-Identifier: Apache-2.0 */
#include "provider_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "records.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/io/log.h"

#define PREFIX_CONTENT 'C'
#define PREFIX_CACHE   'K'
#define PREFIX_SESSION 'S'
#define PREFIX_RECEIPT 'R'
#define PREFIX_WATCHED 'W'
#define LEAF_ID_SIZE   (SOUK_HASH_SIZE + 8 + 4 + 4)
#define KEY_SIZE_MAX   (1 + LEAF_ID_SIZE)
/* Address space, not memory: a million sessions of history. */
#define MAP_SIZE_MAX (16ull << 30)

souk_status provider_store_open(struct provider_store *ret, const char *home, bool is_read_only)
{
	char path[512];
	snprintf(ret->home, sizeof ret->home, "%s", home);
	snprintf(path, sizeof path, "%s/content", home);
	if (!is_read_only)
		SOUK_TRY(souk_file_make_folders(path));
	snprintf(path, sizeof path, "%s/provider.mdb", home);
	struct souk_lmdb_config config = {
		.path = path, .map_size_max = MAP_SIZE_MAX, .is_read_only = is_read_only};
	return souk_lmdb_store_open(&ret->lmdb, &config);
}

void provider_store_close(struct provider_store *store)
{
	souk_lmdb_store_close(store->lmdb);
	store->lmdb = NULL;
}

void provider_store_data_path(
	const struct provider_store *store, const struct souk_hash *content, char *out)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	snprintf(out, 512, "%s/content/%s", store->home, hex);
}

void provider_store_row_path(
	const struct provider_store *store, const struct souk_hash *content, char *out)
{
	provider_store_data_path(store, content, out);
	strcat(out, ".row");
}

void provider_store_have_path(
	const struct provider_store *store, const struct souk_hash *content, char *out)
{
	provider_store_data_path(store, content, out);
	strcat(out, ".have");
}

static struct souk_bytes make_key(
	uint8_t out[KEY_SIZE_MAX], char prefix, const void *id, size_t id_size)
{
	out[0] = (uint8_t)prefix;
	memcpy(out + 1, id, id_size);
	return souk_bytes_of(out, 1 + id_size);
}

/* The value of KEY, copied to the heap. */
static souk_status get_copy(const struct provider_store *store, struct souk_bytes key,
	uint8_t **ret_data, size_t *ret_size)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes value;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_store_get(&view, key, &value);
	if (status == SOUK_OK) {
		uint8_t *copy = malloc(value.size + 1);
		if (copy == NULL) {
			status = SOUK_IO_MEMORY;
		} else {
			memcpy(copy, value.data, value.size);
			*ret_data = copy;
			*ret_size = value.size;
		}
	}
	souk_lmdb_txn_abort(txn);
	return status;
}

static souk_status put_all(
	const struct provider_store *store, const struct souk_bytes (*pairs)[2], size_t count)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	for (size_t i = 0; i < count; i++) {
		souk_status status = souk_store_put(&view, pairs[i][0], pairs[i][1]);
		if (status != SOUK_OK) {
			souk_lmdb_txn_abort(txn);
			return status;
		}
	}
	return souk_lmdb_txn_commit(txn);
}

souk_status provider_store_content(const struct provider_store *store,
	const struct souk_hash *content, struct souk_content_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	uint8_t *data;
	size_t size;
	SOUK_TRY(get_copy(store, make_key(key, PREFIX_CONTENT, content->bytes, SOUK_HASH_SIZE),
		&data, &size));
	struct souk_content_record record;
	souk_status status = souk_content_record_decode(&record, souk_bytes_of(data, size), NULL);
	free(data);
	if (status != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = record;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ what may be evicted */

static struct souk_bytes content_key(
	uint8_t out[KEY_SIZE_MAX], char prefix, const struct souk_hash *content)
{
	return make_key(out, prefix, content->bytes, SOUK_HASH_SIZE);
}

static souk_status put_cache(struct souk_store *view, const struct souk_hash *content,
	const struct souk_cache_record *cache)
{
	uint8_t key[KEY_SIZE_MAX], value[SOUK_CACHE_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes bytes;
	souk_writer_init(&writer, value, sizeof value);
	souk_cache_record_encode(&writer, cache);
	SOUK_TRY(souk_writer_finish(&writer, &bytes));
	return souk_store_put(view, content_key(key, PREFIX_CACHE, content), bytes);
}

static souk_status put_content(struct souk_store *view, const struct souk_hash *content,
	const struct souk_content_record *record)
{
	uint8_t key[KEY_SIZE_MAX], value[SOUK_CONTENT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes bytes;
	souk_writer_init(&writer, value, sizeof value);
	souk_content_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &bytes));
	return souk_store_put(view, content_key(key, PREFIX_CONTENT, content), bytes);
}

static souk_status finish(struct souk_lmdb_txn *txn, souk_status status)
{
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status provider_store_put_content(const struct provider_store *store,
	const struct souk_hash *content, const struct souk_content_record *record)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	return finish(txn, put_content(&view, content, record));
}

souk_status provider_store_put_cached(const struct provider_store *store,
	const struct souk_hash *content, const struct souk_content_record *record,
	const struct souk_cache_record *cache)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = put_content(&view, content, record);
	if (status == SOUK_OK)
		status = put_cache(&view, content, cache);
	return finish(txn, status);
}

souk_status provider_store_cache(const struct provider_store *store,
	const struct souk_hash *content, struct souk_cache_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	uint8_t *data;
	size_t size;
	struct souk_cache_record cache;
	SOUK_TRY(get_copy(store, content_key(key, PREFIX_CACHE, content), &data, &size));
	souk_status status = souk_cache_record_decode(&cache, souk_bytes_of(data, size), NULL);
	free(data);
	if (status != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = cache;
	return SOUK_OK;
}

/* Whether CONTENT may be evicted, in this transaction: SOUK_OK, or SOUK_LOCAL_NOT_FOUND. */
static souk_status check_cached(const struct souk_store *view, const struct souk_hash *content)
{
	uint8_t key[KEY_SIZE_MAX];
	struct souk_bytes value;
	return souk_store_get(view, content_key(key, PREFIX_CACHE, content), &value);
}

souk_status provider_store_put_caches(
	const struct provider_store *store, const struct provider_store_cached *items, size_t count)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	souk_status status = SOUK_OK;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	for (size_t i = 0; i < count && status == SOUK_OK; i++) {
		status = check_cached(&view, &items[i].content);
		if (status == SOUK_OK)
			status = put_cache(&view, &items[i].content, &items[i].cache);
		if (status == SOUK_LOCAL_NOT_FOUND)
			status = SOUK_OK;
	}
	return finish(txn, status);
}

souk_status provider_store_while_cached(const struct provider_store *store,
	const struct souk_hash *content, souk_status (*act)(void *ctx), void *ctx)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = check_cached(&view, content);
	if (status == SOUK_OK)
		status = act(ctx);
	souk_lmdb_txn_abort(txn);
	return status;
}

static void unlink_files(const struct provider_store *store, const struct souk_hash *content)
{
	char path[512];
	provider_store_data_path(store, content, path);
	unlink(path);
	provider_store_row_path(store, content, path);
	unlink(path);
	provider_store_have_path(store, content, path);
	unlink(path);
}

/* The files first: records without files are found and dropped at the next start; files without
 * records would stay for ever. */
souk_status provider_store_drop(const struct provider_store *store, const struct souk_hash *content)
{
	uint8_t key[KEY_SIZE_MAX];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = check_cached(&view, content);
	if (status == SOUK_OK)
		status = souk_store_del(&view, content_key(key, PREFIX_CACHE, content));
	if (status == SOUK_OK)
		status = souk_store_del(&view, content_key(key, PREFIX_CONTENT, content));
	if (status == SOUK_OK)
		unlink_files(store, content);
	return finish(txn, status);
}

souk_status provider_store_pin(const struct provider_store *store, const struct souk_hash *content)
{
	uint8_t key[KEY_SIZE_MAX];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = souk_store_del(&view, content_key(key, PREFIX_CACHE, content));
	status = finish(txn, status);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

/* ------------------------------------------------------------------ sessions */

souk_status provider_store_session(const struct provider_store *store,
	const struct souk_nonce *session, struct souk_session_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	uint8_t *data;
	size_t size;
	SOUK_TRY(get_copy(store, make_key(key, PREFIX_SESSION, session->bytes, SOUK_NONCE_SIZE),
		&data, &size));
	souk_status status = souk_session_record_decode(ret, souk_bytes_of(data, size), NULL);
	souk_bytes_wipe(data, size);
	free(data);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status provider_store_put_sessions(
	const struct provider_store *store, const struct provider_store_write *writes, size_t count)
{
	uint8_t(*keys)[KEY_SIZE_MAX] = calloc(count, sizeof *keys);
	struct souk_bytes(*pairs)[2] = calloc(count, sizeof *pairs);
	souk_status status = SOUK_IO_MEMORY;
	if (keys != NULL && pairs != NULL) {
		for (size_t i = 0; i < count; i++) {
			pairs[i][0] = make_key(
				keys[i], PREFIX_SESSION, writes[i].session.bytes, SOUK_NONCE_SIZE);
			pairs[i][1] = writes[i].record;
		}
		status = put_all(store, (const struct souk_bytes(*)[2])pairs, count);
	}
	free(keys);
	free(pairs);
	return status;
}

/* ------------------------------------------------------------------ receipts, and the watch */

static struct souk_bytes receipt_key(uint8_t out[KEY_SIZE_MAX], const struct souk_leaf_id *leaf)
{
	uint8_t id[LEAF_ID_SIZE];
	memcpy(id, leaf->escrow.bytes, SOUK_HASH_SIZE);
	souk_store_be64(id + SOUK_HASH_SIZE, leaf->epoch);
	souk_store_be32(id + SOUK_HASH_SIZE + 8, leaf->segment);
	souk_store_be32(id + SOUK_HASH_SIZE + 12, leaf->leaf);
	return make_key(out, PREFIX_RECEIPT, id, sizeof id);
}

souk_status provider_store_receipt(const struct provider_store *store,
	const struct souk_leaf_id *leaf, struct souk_receipt_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	uint8_t *data;
	size_t size;
	SOUK_TRY(get_copy(store, receipt_key(key, leaf), &data, &size));
	souk_status status = souk_receipt_record_decode(ret, souk_bytes_of(data, size), NULL);
	free(data);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status provider_store_put_receipt(
	const struct provider_store *store, const struct souk_receipt_record *record)
{
	const struct souk_leaf_receipt *receipt = &record->receipt.receipt;
	const struct souk_leaf_id leaf = {
		receipt->escrow, receipt->epoch, receipt->segment, receipt->leaf};
	uint8_t key[KEY_SIZE_MAX], value[SOUK_RECEIPT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes pair[2];
	souk_writer_init(&writer, value, sizeof value);
	souk_receipt_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &pair[1]));
	pair[0] = receipt_key(key, &leaf);
	return put_all(store, (const struct souk_bytes(*)[2]) & pair, 1);
}

souk_status provider_store_watched(const struct provider_store *store, uint64_t *ret_height)
{
	uint8_t key[KEY_SIZE_MAX];
	uint8_t *data;
	size_t size;
	souk_status status = get_copy(store, make_key(key, PREFIX_WATCHED, "", 0), &data, &size);
	if (status == SOUK_LOCAL_NOT_FOUND)
		*ret_height = 0;
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
	status = size == 8 ? SOUK_OK : SOUK_CORRUPT_STORE;
	if (status == SOUK_OK)
		*ret_height = souk_load_be64(data);
	free(data);
	return status;
}

souk_status provider_store_put_watched(const struct provider_store *store, uint64_t height)
{
	uint8_t key[KEY_SIZE_MAX], value[8];
	struct souk_bytes pair[2];
	souk_store_be64(value, height);
	pair[0] = make_key(key, PREFIX_WATCHED, "", 0);
	pair[1] = souk_bytes_of(value, sizeof value);
	return put_all(store, (const struct souk_bytes(*)[2]) & pair, 1);
}

struct session_visitor {
	souk_status (*visit)(void *ctx, const struct souk_session_record *record);
	void *ctx;
	struct souk_session_record *record;
};

static souk_status visit_session(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct session_visitor *visitor = ctx;
	if (souk_session_record_decode(visitor->record, value, NULL) != SOUK_OK) {
		SOUK_LOG(SOUK_LOG_ERROR, "session_unreadable",
			souk_log_hex("session", id.data, id.size), souk_log_u64("size", value.size),
			souk_log_status(SOUK_CORRUPT_STORE));
		return SOUK_OK;
	}
	return visitor->visit(visitor->ctx, visitor->record);
}

souk_status provider_store_each_session(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_session_record *record), void *ctx)
{
	struct session_visitor visitor = {visit, ctx, malloc(sizeof *visitor.record)};
	if (visitor.record == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = records_each(store->lmdb, PREFIX_SESSION, visit_session, &visitor);
	souk_bytes_wipe(visitor.record, sizeof *visitor.record);
	free(visitor.record);
	return status;
}

struct content_visitor {
	souk_status (*visit)(void *ctx, const struct souk_hash *content,
		const struct souk_content_record *record);
	void *ctx;
};

static souk_status visit_content(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct content_visitor *visitor = ctx;
	struct souk_content_record record;
	struct souk_hash content;
	if (id.size != SOUK_HASH_SIZE ||
		souk_content_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(content.bytes, id.data, SOUK_HASH_SIZE);
	return visitor->visit(visitor->ctx, &content, &record);
}

souk_status provider_store_each_content(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_hash *content,
		const struct souk_content_record *record),
	void *ctx)
{
	struct content_visitor visitor = {visit, ctx};
	return records_each(store->lmdb, PREFIX_CONTENT, visit_content, &visitor);
}

struct cache_visitor {
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_cache_record *cache);
	void *ctx;
};

static souk_status visit_cache(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct cache_visitor *visitor = ctx;
	struct souk_cache_record cache;
	struct souk_hash content;
	if (id.size != SOUK_HASH_SIZE || souk_cache_record_decode(&cache, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(content.bytes, id.data, SOUK_HASH_SIZE);
	return visitor->visit(visitor->ctx, &content, &cache);
}

souk_status provider_store_each_cache(const struct provider_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *content, const struct souk_cache_record *cache),
	void *ctx)
{
	struct cache_visitor visitor = {visit, ctx};
	return records_each(store->lmdb, PREFIX_CACHE, visit_cache, &visitor);
}

struct receipt_visitor {
	souk_status (*visit)(void *ctx, const struct souk_receipt_record *record);
	void *ctx;
};

static souk_status visit_receipt(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct receipt_visitor *visitor = ctx;
	struct souk_receipt_record record;
	if (id.size != LEAF_ID_SIZE || souk_receipt_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return visitor->visit(visitor->ctx, &record);
}

souk_status provider_store_each_receipt(const struct provider_store *store,
	souk_status (*visit)(void *ctx, const struct souk_receipt_record *record), void *ctx)
{
	struct receipt_visitor visitor = {visit, ctx};
	return records_each(store->lmdb, PREFIX_RECEIPT, visit_receipt, &visitor);
}
