/* SPDX-License-Identifier: Apache-2.0 */
#include "hub_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "souk/base/check.h"

#define KEY_SIZE_MAX (1 + HUB_STORE_ID_MAX)
/* Address space, not memory: a million sessions of history. */
#define MAP_SIZE_MAX (16ull << 30)

souk_status hub_store_open(struct hub_store *ret, const char *home, bool is_read_only)
{
	char path[512];
	snprintf(path, sizeof path, "%s/hub.mdb", home);
	struct souk_lmdb_config config = {
		.path = path, .map_size_max = MAP_SIZE_MAX, .is_read_only = is_read_only};
	return souk_lmdb_store_open(&ret->lmdb, &config);
}

void hub_store_close(struct hub_store *store)
{
	souk_lmdb_store_close(store->lmdb);
	store->lmdb = NULL;
}

static struct souk_bytes make_key(
	uint8_t out[KEY_SIZE_MAX], char kind, const void *id, size_t id_size)
{
	out[0] = (uint8_t)kind;
	memcpy(out + 1, id, id_size);
	return souk_bytes_of(out, 1 + id_size);
}

souk_status hub_store_session(const struct hub_store *store, const struct souk_nonce *session,
	struct souk_hub_session_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes value;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_store_get(
		&view, make_key(key, HUB_STORE_SESSION, session->bytes, SOUK_NONCE_SIZE), &value);
	if (status == SOUK_OK && souk_hub_session_record_decode(ret, value, NULL) != SOUK_OK)
		status = SOUK_CORRUPT_STORE;
	souk_lmdb_txn_abort(txn);
	return status;
}

static souk_status read_voucher(
	const struct souk_store *view, struct souk_bytes key, struct souk_hub_voucher_record *ret)
{
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(view, key, &value));
	return souk_hub_voucher_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
									   : SOUK_CORRUPT_STORE;
}

souk_status hub_store_voucher(const struct hub_store *store, const struct souk_hash *id,
	struct souk_hub_voucher_record *ret)
{
	uint8_t key[KEY_SIZE_MAX];
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = read_voucher(
		&view, make_key(key, HUB_STORE_VOUCHER, id->bytes, SOUK_HASH_SIZE), ret);
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status hub_store_add_voucher(
	const struct hub_store *store, const struct souk_hash *id, struct souk_amount amount)
{
	uint8_t key_bytes[KEY_SIZE_MAX], value[SOUK_HUB_VOUCHER_RECORD_SIZE_MAX];
	struct souk_bytes encoded,
		key = make_key(key_bytes, HUB_STORE_VOUCHER, id->bytes, SOUK_HASH_SIZE);
	struct souk_hub_voucher_record record = {.amount = amount}, before;
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_writer writer;
	souk_writer_init(&writer, value, sizeof value);
	souk_hub_voucher_record_encode(&writer, &record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = read_voucher(&view, key, &before);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = souk_store_put(&view, key, encoded);
	else if (status == SOUK_OK)
		status = SOUK_LOCAL_EXISTS;
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

/* ------------------------------------------------------------------ walks */

struct visitor {
	souk_status (*account)(void *ctx, const struct souk_address *address,
		const struct souk_hub_account_record *record);
	souk_status (*session)(void *ctx, const struct souk_hub_session_record *record);
	souk_status (*voucher)(void *ctx, const struct souk_hub_voucher_record *record);
	void *ctx;
	struct souk_hub_session_record *record;
};

static souk_status visit(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	const struct visitor *v = ctx;
	if (v->account != NULL) {
		struct souk_hub_account_record record;
		struct souk_address address;
		if (id.size != SOUK_ADDRESS_SIZE ||
			souk_hub_account_record_decode(&record, value, NULL) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		memcpy(address.bytes, id.data, SOUK_ADDRESS_SIZE);
		return v->account(v->ctx, &address, &record);
	}
	if (v->voucher != NULL) {
		struct souk_hub_voucher_record record;
		if (souk_hub_voucher_record_decode(&record, value, NULL) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		return v->voucher(v->ctx, &record);
	}
	if (souk_hub_session_record_decode(v->record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return v->session(v->ctx, v->record);
}

souk_status hub_store_each_account(const struct hub_store *store,
	souk_status (*visit_account)(void *ctx, const struct souk_address *address,
		const struct souk_hub_account_record *record),
	void *ctx)
{
	struct visitor v = {.account = visit_account, .ctx = ctx};
	return records_each(store->lmdb, HUB_STORE_ACCOUNT, visit, &v);
}

souk_status hub_store_each_voucher(const struct hub_store *store,
	souk_status (*visit_voucher)(void *ctx, const struct souk_hub_voucher_record *record),
	void *ctx)
{
	struct visitor v = {.voucher = visit_voucher, .ctx = ctx};
	return records_each(store->lmdb, HUB_STORE_VOUCHER, visit, &v);
}

souk_status hub_store_each_session(const struct hub_store *store,
	souk_status (*visit_session)(void *ctx, const struct souk_hub_session_record *record),
	void *ctx)
{
	struct visitor v = {.session = visit_session, .ctx = ctx};
	v.record = malloc(sizeof *v.record);
	if (v.record == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = records_each(store->lmdb, HUB_STORE_SESSION, visit, &v);
	souk_bytes_wipe(v.record, sizeof *v.record);
	free(v.record);
	return status;
}
