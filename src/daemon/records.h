/* SPDX-License-Identifier: Apache-2.0
 *
 * records.h - the records of a role's own store, and how many requests share one commit.
 *
 *   request --changes the machine--> records_commit: waits for the lock ---.
 *   request --changes the machine--> records_commit: waits                 | one of them takes all
 *   request --changes the machine--> records_commit: waits                 | effects, writes them
 * in v ONE transaction the others find nothing left to write: theirs is durable
 *
 * A record's key is a letter, its kind, and an id. What could not be written stays in the queue,
 * and goes with the next transaction; a newer record of the same key takes its place.
 *
 * Memory: heap, wiped. Threads: a queue has one owner at a time (its lock is the caller's). */
#ifndef SOUK_DAEMON_RECORDS_H
#define SOUK_DAEMON_RECORDS_H

#include <stdatomic.h>

#include "souk/io/lmdb_store.h"

#define RECORD_ID_MAX 64u

/* One record to write, or to delete: then its value is empty. */
struct record_write {
	char kind;
	uint8_t id[RECORD_ID_MAX];
	size_t id_size;
	struct souk_bytes record; /* heap */
};

struct record_queue {
	struct record_write *items;
	size_t count, max;
	size_t older; /* those of earlier rounds: a newer one may take their place */
};

/* The next calls of put are a round: no two in it have the same key. */
void record_queue_round(struct record_queue *queue);
/* RECORD, copied, is to be written; an empty one deletes. SOUK_OK, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status record_queue_put(struct record_queue *queue, char kind, const void *id,
	size_t id_size, struct souk_bytes record);
/* What waits to be written under that key, or NULL. */
const struct record_write *record_queue_find(
	const struct record_queue *queue, char kind, const void *id, size_t id_size);
/* All of FROM, and FROM is empty then. SOUK_OK, or SOUK_IO_MEMORY: what is left stays in FROM. */
SOUK_MUST_CHECK souk_status record_queue_move(
	struct record_queue *queue, struct record_queue *from);
void record_queue_clear(struct record_queue *queue); /* they are written */
void record_queue_free(struct record_queue *queue);

/* All of them in one durable transaction, or none. SOUK_OK, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status records_write(
	struct souk_lmdb_store *lmdb, const struct record_queue *queue);

/* *STORE is how the last write ended, a souk_status: it is STATUS now, and said where that is new,
 * with what it means for others. */
void records_note_status(atomic_int *store, souk_status status, const char *effect);

/* Call VISIT for every record of KIND, in a snapshot, until it returns something else than SOUK_OK,
 * which is then returned. */
SOUK_MUST_CHECK souk_status records_each(struct souk_lmdb_store *lmdb, char kind,
	souk_status (*visit)(void *ctx, struct souk_bytes id, struct souk_bytes record), void *ctx);

#endif
