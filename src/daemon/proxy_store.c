/* SPDX-License-Identifier: Apache-2.0
 *
 * Grants on the disk: a record each, its key fragment sealed under a secret that is a file of its
 * own, so that a copy of the database alone gives nothing away. */
#include <stdlib.h>
#include <string.h>

#include "proxy_internal.h"
#include "records.h"
#include "souk/base/check.h"
#include "souk/crypto/aead.h"
#include "souk/crypto/sha256.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/io/log.h"

#define PREFIX	    'G'
#define KEY_SIZE    (1 + SOUK_HASH_SIZE)
#define SECRET_SIZE 32u
#define SECRET_TEXT (2 * SECRET_SIZE + 1)

/* ------------------------------------------------------------------ secrets */

static souk_status read_secret(uint8_t ret[SECRET_SIZE], const char *path)
{
	char *text;
	size_t size;
	SOUK_TRY(souk_file_read(path, SECRET_TEXT, &text, &size));
	souk_status status =
		size == SECRET_TEXT && text[size - 1] == '\n'
			? souk_hex_decode_secret(ret, SECRET_SIZE, souk_bytes_of(text, size))
			: SOUK_LOCAL_CONFIG;
	souk_bytes_wipe(text, size);
	free(text);
	return status == SOUK_OK ? SOUK_OK : SOUK_LOCAL_CONFIG;
}

static souk_status make_secret(const char *path)
{
	uint8_t secret[SECRET_SIZE];
	char text[SECRET_TEXT + 1];
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), secret, sizeof secret));
	souk_hex_encode(text, secret, sizeof secret);
	text[SECRET_TEXT - 1] = '\n';
	souk_status status = souk_file_write_new(path, souk_bytes_of(text, SECRET_TEXT));
	souk_bytes_wipe(secret, sizeof secret);
	souk_bytes_wipe(text, sizeof text);
	return status == SOUK_LOCAL_EXISTS ? SOUK_OK : status;
}

static void derive(uint8_t ret[32], const char *domain, const uint8_t secret[SECRET_SIZE])
{
	struct souk_hash hash = souk_sha256_domain(domain, souk_bytes_of(secret, SECRET_SIZE));
	memcpy(ret, hash.bytes, sizeof hash.bytes);
	souk_bytes_wipe(&hash, sizeof hash);
}

souk_status proxy_secrets_load(struct proxy_secrets *ret, const char *path, bool may_make)
{
	uint8_t secret[SECRET_SIZE];
	souk_status status = read_secret(secret, path);
	if (status == SOUK_LOCAL_NOT_FOUND && may_make) {
		SOUK_TRY(make_secret(path));
		status = read_secret(secret, path);
	}
	if (status != SOUK_OK)
		return status;
	derive(ret->seal, "proxy_seal", secret);
	derive(ret->proof, "proxy_proof", secret);
	souk_bytes_wipe(secret, sizeof secret);
	return SOUK_OK;
}

souk_status proxy_seal(struct souk_key_grant_record *record, const struct proxy_secrets *secrets,
	const struct souk_hash *id, struct souk_bytes kfrag)
{
	SOUK_CHECK(kfrag.size == SOUK_UMBRAL_KFRAG_SIZE);
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), record->nonce.data, SOUK_AEAD_NONCE_SIZE));
	souk_aead_seal(record->sealed.data, secrets->seal, record->nonce.data,
		souk_bytes_of(id->bytes, SOUK_HASH_SIZE), kfrag);
	record->nonce.size = SOUK_AEAD_NONCE_SIZE;
	record->sealed.size = SOUK_UMBRAL_KFRAG_SIZE + SOUK_AEAD_TAG_SIZE;
	return SOUK_OK;
}

souk_status proxy_unseal(struct souk_umbral_kfrag *ret, const struct proxy_secrets *secrets,
	const struct souk_hash *id, const struct souk_key_grant_record *record)
{
	uint8_t bytes[SOUK_UMBRAL_KFRAG_SIZE];
	if (record->nonce.size != SOUK_AEAD_NONCE_SIZE ||
		record->sealed.size != SOUK_UMBRAL_KFRAG_SIZE + SOUK_AEAD_TAG_SIZE)
		return SOUK_CORRUPT_STORE;
	souk_status status = souk_aead_open(bytes, secrets->seal, record->nonce.data,
		souk_bytes_of(id->bytes, SOUK_HASH_SIZE),
		souk_bytes_of(record->sealed.data, record->sealed.size));
	if (status == SOUK_OK)
		status = souk_umbral_kfrag_parse(ret, souk_bytes_of(bytes, sizeof bytes));
	souk_bytes_wipe(bytes, sizeof bytes);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

/* ------------------------------------------------------------------ records */

struct key {
	uint8_t bytes[KEY_SIZE];
};

static struct key key_of(const struct souk_hash *id)
{
	struct key key = {{PREFIX}};
	memcpy(key.bytes + 1, id->bytes, SOUK_HASH_SIZE);
	return key;
}

souk_status proxy_store_get(const struct provider_store *store, const struct souk_hash *id,
	struct souk_key_grant_record *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes value;
	struct key key = key_of(id);
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_store_get(&view, souk_bytes_of(key.bytes, KEY_SIZE), &value);
	if (status == SOUK_OK && souk_key_grant_record_decode(ret, value, NULL) != SOUK_OK)
		status = SOUK_CORRUPT_STORE;
	souk_lmdb_txn_abort(txn);
	return status;
}

static souk_status finish(struct souk_lmdb_txn *txn, souk_status status)
{
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status proxy_store_put(const struct provider_store *store, const struct souk_hash *id,
	const struct souk_key_grant_record *record)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	uint8_t bytes[SOUK_KEY_GRANT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes value;
	struct key key = key_of(id);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_grant_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &value));
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	return finish(txn, souk_store_put(&view, souk_bytes_of(key.bytes, KEY_SIZE), value));
}

souk_status proxy_store_del(const struct provider_store *store, const struct souk_hash *id)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct key key = key_of(id);
	SOUK_TRY(souk_lmdb_store_begin(store->lmdb, SOUK_LMDB_WRITE, &txn, &view));
	souk_status status = souk_store_del(&view, souk_bytes_of(key.bytes, KEY_SIZE));
	return finish(txn, status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status);
}

struct visitor {
	souk_status (*visit)(
		void *ctx, const struct souk_hash *id, const struct souk_key_grant_record *record);
	void *ctx;
};

static souk_status visit_grant(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	const struct visitor *visitor = ctx;
	struct souk_key_grant_record record;
	struct souk_hash agreement;
	if (id.size != SOUK_HASH_SIZE ||
		souk_key_grant_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(agreement.bytes, id.data, SOUK_HASH_SIZE);
	return visitor->visit(visitor->ctx, &agreement, &record);
}

souk_status proxy_store_each(const struct provider_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *id, const struct souk_key_grant_record *record),
	void *ctx)
{
	struct visitor visitor = {visit, ctx};
	return records_each(store->lmdb, PREFIX, visit_grant, &visitor);
}
