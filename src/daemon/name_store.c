/* SPDX-License-Identifier: Apache-2.0 */
#include "name_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/log.h"

#define PREFIX_NAME    'N'
#define PREFIX_LET_IN  'n'
#define NAME_KEY_MAX   (1 + SOUK_ADDRESS_SIZE + SOUK_NAME_LABEL_MAX)
#define LET_IN_KEY_MAX (NAME_KEY_MAX + SOUK_HASH_SIZE)
#define BINARY	       "application/octet-stream"

struct key {
	uint8_t bytes[LET_IN_KEY_MAX + 1];
	size_t size;
};

static struct souk_bytes view(const struct key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

static void add(struct key *key, const void *data, size_t size)
{
	memcpy(key->bytes + key->size, data, size);
	key->size += size;
}

static struct key name_key(const struct souk_name *name)
{
	struct key key = {{PREFIX_NAME}, 1};
	add(&key, name->publisher.bytes, SOUK_ADDRESS_SIZE);
	add(&key, name->label, strlen(name->label));
	return key;
}

static struct key let_in_key(const struct souk_hash *content, const struct souk_name *name)
{
	struct key key = {{PREFIX_LET_IN}, 1};
	add(&key, content->bytes, SOUK_HASH_SIZE);
	if (name != NULL) {
		add(&key, name->publisher.bytes, SOUK_ADDRESS_SIZE);
		add(&key, name->label, strlen(name->label));
	}
	return key;
}

souk_status name_policy_parse(struct name_policy *policy, const char *text)
{
	char copy[NAME_STORE_PUBLISHERS_MAX * (2 * SOUK_ADDRESS_SIZE + 4)], *rest = copy, *word;
	if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
		return SOUK_LOCAL_CONFIG;
	while ((word = strsep(&rest, " ,\t")) != NULL) {
		const char *digits = strncmp(word, "0x", 2) == 0 ? word + 2 : word;
		if (*word == '\0')
			continue;
		if (policy->publisher_count == NAME_STORE_PUBLISHERS_MAX ||
			souk_hex_decode(policy->publishers[policy->publisher_count].bytes,
				SOUK_ADDRESS_SIZE, digits) != SOUK_OK)
			return SOUK_LOCAL_CONFIG;
		policy->publisher_count++;
	}
	return SOUK_OK;
}

static bool is_let(const struct name_policy *policy, const struct souk_address *publisher)
{
	for (size_t i = 0; i < policy->publisher_count; i++) {
		if (souk_address_equal(&policy->publishers[i], publisher))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ records */

static souk_status read_record(const struct souk_store *store, const struct souk_name *name,
	struct souk_hash *ret_let_in, struct souk_signed_name *ret)
{
	const struct key key = name_key(name);
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(store, view(&key), &value));
	if (value.size < SOUK_HASH_SIZE ||
		souk_signed_name_decode(ret,
			souk_bytes_of(value.data + SOUK_HASH_SIZE, value.size - SOUK_HASH_SIZE),
			NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(ret_let_in->bytes, value.data, SOUK_HASH_SIZE);
	return SOUK_OK;
}

static souk_status write_record(const struct souk_store *store, const struct souk_name *name,
	const struct souk_hash *let_in, const struct souk_signed_name *record)
{
	uint8_t value[SOUK_HASH_SIZE + SOUK_SIGNED_NAME_SIZE_MAX];
	const struct key key = name_key(name);
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, value, sizeof value);
	souk_writer_append(&writer, let_in->bytes, SOUK_HASH_SIZE);
	souk_signed_name_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return souk_store_put(store, view(&key), encoded);
}

/* How many keys start with PREFIX, up to MAX. */
static souk_status count_keys(
	const struct souk_store *store, const struct key *prefix, size_t max, size_t *ret)
{
	struct key from = *prefix;
	size_t count = 0;
	while (count < max) {
		struct souk_bytes key, value;
		souk_status status = souk_store_next(store, view(&from), &key, &value);
		if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
			return status;
		if (status != SOUK_OK || key.size < prefix->size || key.size > LET_IN_KEY_MAX ||
			memcmp(key.data, prefix->bytes, prefix->size) != 0)
			break;
		/* The next key is at least this one with a zero byte after it. */
		memcpy(from.bytes, key.data, key.size);
		from.bytes[key.size] = 0;
		from.size = key.size + 1;
		count++;
	}
	*ret = count;
	return SOUK_OK;
}

souk_status name_store_get(
	struct souk_lmdb_store *lmdb, const struct souk_name *name, struct souk_signed_name *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct souk_hash let_in;
	struct souk_signed_name held;
	SOUK_TRY(souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = read_record(&store, name, &let_in, &held);
	souk_lmdb_txn_abort(txn);
	if (status == SOUK_OK)
		*ret = held;
	return status;
}

/* ------------------------------------------------------------------ letting in */

struct put {
	const struct name_policy *policy;
	name_content_check *is_here;
	void *ctx;
	const struct souk_signed_name *fresh;
	struct souk_name name;
};

/* A name that was never here: who or what lets it in. */
static souk_status let_in(
	const struct put *put, const struct souk_store *store, struct souk_hash *ret)
{
	const struct souk_hash *content = &put->fresh->name.content;
	const struct key all = {{PREFIX_NAME}, 1}, of_content = let_in_key(content, NULL);
	const struct key mark = let_in_key(content, &put->name);
	size_t count;
	SOUK_TRY(count_keys(store, &all, NAME_STORE_NAMES_MAX, &count));
	if (count == NAME_STORE_NAMES_MAX)
		return SOUK_LOCAL_FULL;
	*ret = (struct souk_hash){{0}};
	if (is_let(put->policy, &put->fresh->name.publisher))
		return SOUK_OK;
	if (put->is_here == NULL || !put->is_here(put->ctx, store, content))
		return SOUK_PEER_UNKNOWN_CONTENT;
	SOUK_TRY(count_keys(store, &of_content, NAME_STORE_STRANGERS_MAX, &count));
	if (count == NAME_STORE_STRANGERS_MAX)
		return SOUK_LOCAL_FULL;
	*ret = *content;
	return souk_store_put(store, view(&mark), souk_bytes_of("", 0));
}

/* SOUK_LOCAL_EXISTS: nothing is to be written. */
static souk_status put_record(const struct put *put, const struct souk_store *store)
{
	struct souk_signed_name held;
	struct souk_hash charged;
	souk_status status = read_record(store, &put->name, &charged, &held);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = let_in(put, store, &charged);
	else if (status == SOUK_OK)
		status = souk_name_accept(&held.name, &put->fresh->name);
	return status == SOUK_OK ? write_record(store, &put->name, &charged, put->fresh) : status;
}

souk_status name_store_put(struct souk_lmdb_store *lmdb, const struct name_policy *policy,
	name_content_check *is_here, void *ctx, const struct souk_signed_name *fresh)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	/* Before the transaction: a store has one writer at a time, and forgeries are cheap. */
	SOUK_TRY(souk_name_verify(fresh, NULL));
	const struct put put = {policy, is_here, ctx, fresh, souk_name_of(&fresh->name)};
	SOUK_TRY(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = put_record(&put, &store);
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status == SOUK_LOCAL_EXISTS ? SOUK_OK : status;
}

/* ------------------------------------------------------------------ http */

static void refuse(struct souk_http_reply *reply, souk_status status, const char *detail)
{
	unsigned http = status == SOUK_PEER_NAME_ROLLBACK || status == SOUK_PEER_NAME_TWICE
				? 409
				: souk_http_status_of(status);
	souk_http_reply_problem(reply, http, status, detail);
}

void name_http_get(struct souk_lmdb_store *lmdb, const char *rest, struct souk_http_reply *reply)
{
	uint8_t bytes[SOUK_SIGNED_NAME_SIZE_MAX];
	struct souk_name name;
	struct souk_signed_name held;
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_status status = souk_name_parse(&name, souk_bytes_text(rest));
	if (status == SOUK_OK)
		status = name_store_get(lmdb, &name, &held);
	if (status == SOUK_OK) {
		souk_writer_init(&writer, bytes, sizeof bytes);
		souk_signed_name_encode(&writer, &held);
		status = souk_writer_finish(&writer, &encoded);
	}
	if (status == SOUK_OK)
		souk_http_reply_copy(reply, 200, BINARY, encoded);
	else
		souk_http_reply_problem(reply,
			status == SOUK_LOCAL_NOT_FOUND ? 404 : souk_http_status_of(status), status,
			NULL);
}

void name_http_post(struct souk_lmdb_store *lmdb, const struct name_policy *policy,
	name_content_check *is_here, void *ctx, struct souk_bytes body,
	struct souk_http_reply *reply)
{
	struct souk_signed_name fresh, held;
	struct souk_wire_error where;
	char detail[96] = "";
	souk_status status = souk_signed_name_decode(&fresh, body, &where);
	if (status != SOUK_OK) {
		refuse(reply, status, where.field);
		return;
	}
	status = name_store_put(lmdb, policy, is_here, ctx, &fresh);
	if (status == SOUK_OK) {
		SOUK_LOG(SOUK_LOG_DEBUG, "name_held",
			souk_log_hex("publisher", fresh.name.publisher.bytes, SOUK_ADDRESS_SIZE),
			souk_log_text("label", fresh.name.label.text),
			souk_log_u64("sequence", fresh.name.sequence));
		souk_http_reply_static(reply, 200, BINARY, souk_bytes_of("", 0));
		return;
	}
	if (status == SOUK_PEER_NAME_ROLLBACK || status == SOUK_PEER_NAME_TWICE) {
		const struct souk_name name = souk_name_of(&fresh.name);
		if (name_store_get(lmdb, &name, &held) == SOUK_OK)
			snprintf(detail, sizeof detail, "sequence %ju is held here, %ju was sent",
				(uintmax_t)held.name.sequence, (uintmax_t)fresh.name.sequence);
	}
	refuse(reply, status, detail[0] != '\0' ? detail : NULL);
}
