/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/log.h"

#define KEY_SIZE_MAX (1 + RECORD_ID_MAX)

static struct souk_bytes make_key(
	uint8_t out[KEY_SIZE_MAX], char kind, const void *id, size_t id_size)
{
	SOUK_CHECK(id_size <= RECORD_ID_MAX);
	out[0] = (uint8_t)kind;
	memcpy(out + 1, id, id_size);
	return souk_bytes_of(out, 1 + id_size);
}

/* ------------------------------------------------------------------ the queue */

void record_queue_round(struct record_queue *queue)
{
	queue->older = queue->count;
}

static struct record_write *find(
	const struct record_queue *queue, size_t count, char kind, const void *id, size_t id_size)
{
	for (size_t i = count; i > 0; i--) {
		struct record_write *w = &queue->items[i - 1];
		if (w->kind == kind && w->id_size == id_size && memcmp(w->id, id, id_size) == 0)
			return w;
	}
	return NULL;
}

const struct record_write *record_queue_find(
	const struct record_queue *queue, char kind, const void *id, size_t id_size)
{
	return find(queue, queue->count, kind, id, id_size);
}

static souk_status grow(struct record_queue *queue)
{
	if (queue->count < queue->max)
		return SOUK_OK;
	size_t max = queue->max == 0 ? 16 : 2 * queue->max;
	struct record_write *grown = realloc(queue->items, max * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	queue->items = grown;
	queue->max = max;
	return SOUK_OK;
}

static void forget(struct record_write *w)
{
	void *data = (void *)(uintptr_t)w->record.data;
	souk_bytes_wipe(data, w->record.size);
	free(data);
	w->record = souk_bytes_of(NULL, 0);
}

souk_status record_queue_put(struct record_queue *queue, char kind, const void *id, size_t id_size,
	struct souk_bytes record)
{
	SOUK_CHECK(id_size <= RECORD_ID_MAX);
	SOUK_TRY(grow(queue));
	struct record_write *w = find(queue, queue->older, kind, id, id_size);
	uint8_t *copy = malloc(record.size + 1);
	if (copy == NULL)
		return SOUK_IO_MEMORY;
	if (record.size > 0)
		memcpy(copy, record.data, record.size);
	if (w == NULL) {
		w = &queue->items[queue->count++];
		*w = (struct record_write){.kind = kind, .id_size = id_size};
		memcpy(w->id, id, id_size);
	} else {
		forget(w);
	}
	w->record = souk_bytes_of(copy, record.size);
	return SOUK_OK;
}

souk_status record_queue_move(struct record_queue *queue, struct record_queue *from)
{
	while (from->count > 0) {
		struct record_write *w = &from->items[from->count - 1];
		SOUK_TRY(record_queue_put(queue, w->kind, w->id, w->id_size, w->record));
		forget(w);
		from->count--;
	}
	return SOUK_OK;
}

void record_queue_clear(struct record_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		forget(&queue->items[i]);
	queue->count = queue->older = 0;
}

void record_queue_free(struct record_queue *queue)
{
	record_queue_clear(queue);
	free(queue->items);
	*queue = (struct record_queue){0};
}

/* ------------------------------------------------------------------ the store */

static souk_status write_one(const struct souk_store *view, const struct record_write *w)
{
	uint8_t bytes[KEY_SIZE_MAX];
	struct souk_bytes key = make_key(bytes, w->kind, w->id, w->id_size);
	if (w->record.size > 0)
		return souk_store_put(view, key, w->record);
	souk_status status = souk_store_del(view, key);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

souk_status records_write(struct souk_lmdb_store *lmdb, const struct record_queue *queue)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &view));
	for (size_t i = 0; i < queue->count; i++) {
		souk_status status = write_one(&view, &queue->items[i]);
		if (status != SOUK_OK) {
			souk_lmdb_txn_abort(txn);
			return status;
		}
	}
	return souk_lmdb_txn_commit(txn);
}

void records_note_status(atomic_int *store, souk_status status, const char *effect)
{
	souk_status before = (souk_status)atomic_exchange(store, (int)status);
	if (status != SOUK_OK && before != status)
		SOUK_LOG(SOUK_LOG_ERROR, "store_failed", souk_log_status(status),
			souk_log_text("effect", effect));
	else if (status == SOUK_OK && before != SOUK_OK)
		SOUK_LOG(SOUK_LOG_INFO, "store_recovered");
}

souk_status records_each(struct souk_lmdb_store *lmdb, char kind,
	souk_status (*visit)(void *ctx, struct souk_bytes id, struct souk_bytes record), void *ctx)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	uint8_t from[KEY_SIZE_MAX + 1] = {(uint8_t)kind};
	size_t from_size = 1;
	SOUK_TRY(souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txn, &view));
	souk_status status;
	for (;;) {
		struct souk_bytes key, value;
		status = souk_store_next(&view, souk_bytes_of(from, from_size), &key, &value);
		if (status != SOUK_OK || key.data[0] != (uint8_t)kind || key.size > KEY_SIZE_MAX)
			break;
		/* The next key is at least this one with a zero byte after it. */
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		from_size = key.size + 1;
		status = visit(ctx, souk_bytes_of(key.data + 1, key.size - 1), value);
		if (status != SOUK_OK)
			break;
	}
	souk_lmdb_txn_abort(txn);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}
