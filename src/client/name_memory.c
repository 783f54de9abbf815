/* SPDX-License-Identifier: Apache-2.0 */
#include "name_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/lmdb_store.h"

#define PREFIX_NAME  'N'
#define PREFIX_TWICE 'E'
#define KEY_SIZE_MAX (1 + SOUK_ADDRESS_SIZE + SOUK_NAME_LABEL_MAX)
/* Address space, not memory. */
#define MAP_SIZE_MAX (1ull << 30)

struct name_memory {
	struct souk_lmdb_store *lmdb;
};

struct key {
	uint8_t bytes[KEY_SIZE_MAX + 1];
	size_t size;
};

static struct souk_bytes view(const struct key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

static struct key key_of(char prefix, const struct souk_name *name)
{
	struct key key = {{(uint8_t)prefix}, 1 + SOUK_ADDRESS_SIZE + strlen(name->label)};
	memcpy(key.bytes + 1, name->publisher.bytes, SOUK_ADDRESS_SIZE);
	memcpy(key.bytes + 1 + SOUK_ADDRESS_SIZE, name->label, strlen(name->label));
	return key;
}

souk_status name_memory_open(struct name_memory **ret, const char *home)
{
	char path[512];
	struct name_memory *memory = calloc(1, sizeof *memory);
	if (memory == NULL)
		return SOUK_IO_MEMORY;
	snprintf(path, sizeof path, "%s/names.mdb", home);
	const struct souk_lmdb_config config = {.path = path, .map_size_max = MAP_SIZE_MAX};
	souk_status status = souk_lmdb_store_open(&memory->lmdb, &config);
	if (status != SOUK_OK) {
		free(memory);
		return status;
	}
	*ret = memory;
	return SOUK_OK;
}

void name_memory_close(struct name_memory *memory)
{
	if (memory == NULL)
		return;
	souk_lmdb_store_close(memory->lmdb);
	free(memory);
}

/* Decode the COUNT records that stand under KEY one after the other. */
static souk_status read_records(const struct souk_store *store, const struct key *key,
	struct souk_signed_name *ret, size_t count)
{
	struct souk_bytes value;
	struct souk_reader reader;
	SOUK_TRY(souk_store_get(store, view(key), &value));
	souk_reader_init(&reader, value);
	for (size_t i = 0; i < count; i++) {
		if (souk_signed_name_read(&ret[i], &reader) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
	}
	return souk_reader_left(&reader) == 0 ? SOUK_OK : SOUK_CORRUPT_STORE;
}

static souk_status write_records(const struct souk_store *store, const struct key *key,
	const struct souk_signed_name *records, size_t count)
{
	uint8_t bytes[2 * SOUK_SIGNED_NAME_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes value;
	souk_writer_init(&writer, bytes, sizeof bytes);
	for (size_t i = 0; i < count; i++)
		souk_signed_name_encode(&writer, &records[i]);
	SOUK_TRY(souk_writer_finish(&writer, &value));
	return souk_store_put(store, view(key), value);
}

souk_status name_memory_get(
	struct name_memory *memory, const struct souk_name *name, struct souk_signed_name *ret)
{
	const struct key key = key_of(PREFIX_NAME, name);
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct souk_signed_name held;
	SOUK_TRY(souk_lmdb_store_begin(memory->lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = read_records(&store, &key, &held, 1);
	souk_lmdb_txn_abort(txn);
	if (status == SOUK_OK)
		*ret = held;
	return status;
}

/* What is to be written is written; the status says what FRESH is to what was held. */
static souk_status put_record(const struct souk_store *store, const struct souk_signed_name *fresh,
	struct souk_signed_name *ret_held)
{
	const struct souk_name name = souk_name_of(&fresh->name);
	const struct key key = key_of(PREFIX_NAME, &name), twice = key_of(PREFIX_TWICE, &name);
	struct souk_signed_name pair[2];
	souk_status status = read_records(store, &key, &pair[0], 1);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	status = souk_name_accept(status == SOUK_OK ? &pair[0].name : NULL, &fresh->name);
	*ret_held = status == SOUK_OK ? *fresh : pair[0];
	if (status == SOUK_OK)
		return write_records(store, &key, fresh, 1);
	pair[1] = *fresh;
	if (status == SOUK_PEER_NAME_TWICE)
		SOUK_TRY(write_records(store, &twice, pair, 2));
	return status;
}

souk_status name_memory_put(struct name_memory *memory, const struct souk_signed_name *fresh,
	struct souk_signed_name *ret_held)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct souk_signed_name held;
	SOUK_TRY(souk_lmdb_store_begin(memory->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = put_record(&store, fresh, &held), committed = SOUK_OK;
	if (status == SOUK_OK || status == SOUK_PEER_NAME_TWICE)
		committed = souk_lmdb_txn_commit(txn);
	else
		souk_lmdb_txn_abort(txn);
	SOUK_TRY(committed);
	if (status == SOUK_LOCAL_EXISTS)
		status = SOUK_OK;
	if (status == SOUK_OK || souk_status_class(status) == SOUK_CLASS_PEER)
		*ret_held = held;
	return status;
}

souk_status name_memory_put_twice(struct name_memory *memory, const struct souk_signed_name *a,
	const struct souk_signed_name *b)
{
	const struct souk_name name = souk_name_of(&a->name);
	const struct key key = key_of(PREFIX_TWICE, &name);
	const struct souk_signed_name pair[2] = {*a, *b};
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(memory->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = write_records(&store, &key, pair, 2);
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

/* ------------------------------------------------------------------ visits */

struct visit {
	souk_status (*visit)(void *ctx, const struct souk_signed_name *name,
		const struct souk_signed_name *twice);
	void *ctx;
};

/* A name that is known by its evidence alone is shown by the first of the two. */
static souk_status visit_key(
	const struct visit *visit, const struct souk_store *store, const struct key *key)
{
	struct souk_signed_name held, pair[2];
	struct key other = *key;
	souk_status status;
	other.bytes[0] = PREFIX_TWICE;
	if (key->bytes[0] == PREFIX_NAME)
		SOUK_TRY(read_records(store, key, &held, 1));
	status = read_records(store, &other, pair, 2);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (key->bytes[0] == PREFIX_NAME)
		return visit->visit(visit->ctx, &held, status == SOUK_OK ? &pair[1] : NULL);
	other.bytes[0] = PREFIX_NAME;
	status = read_records(store, &other, &held, 1);
	return status == SOUK_LOCAL_NOT_FOUND ? visit->visit(visit->ctx, &pair[0], &pair[1])
					      : status;
}

static souk_status visit_prefix(
	const struct visit *visit, const struct souk_store *store, char prefix)
{
	struct key from = {{(uint8_t)prefix}, 1};
	for (;;) {
		struct souk_bytes found, value;
		struct key key;
		souk_status status = souk_store_next(store, view(&from), &found, &value);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return SOUK_OK;
		SOUK_TRY(status);
		if (found.data[0] != (uint8_t)prefix || found.size > KEY_SIZE_MAX)
			return SOUK_OK;
		memcpy(key.bytes, found.data, found.size);
		key.size = found.size;
		SOUK_TRY(visit_key(visit, store, &key));
		/* The next key is at least this one with a zero byte after it. */
		from = key;
		from.bytes[from.size++] = 0;
	}
}

souk_status name_memory_each(struct name_memory *memory,
	souk_status (*visit)(void *ctx, const struct souk_signed_name *name,
		const struct souk_signed_name *twice),
	void *ctx)
{
	const struct visit visitor = {visit, ctx};
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(memory->lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = visit_prefix(&visitor, &store, PREFIX_NAME);
	if (status == SOUK_OK)
		status = visit_prefix(&visitor, &store, PREFIX_TWICE);
	souk_lmdb_txn_abort(txn);
	return status;
}
