/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_internal.h - what the files of the chunk store share.
 *
 * Locks, in this order: change_lock, open_lock, lock.
 *
 *   change_lock  who creates, evicts or syncs: held over the store and syncs of files
 *   open_lock    who opens files: held over reads of the disk
 *   lock         the table, the items' fields, the bits: held over nothing slow
 *
 * The fields of an item's files stay as they are while it has users: they are read without a lock.
 */
#ifndef SOUK_DAEMON_CHUNK_INTERNAL_H
#define SOUK_DAEMON_CHUNK_INTERNAL_H

#include <pthread.h>

#include "chunk_store.h"
#include "souk/base/bitmap.h"
#include "souk/content/cache.h"
#include "souk/io/mapped.h"

#define CHUNK_BUCKETS 4096u

enum chunk_item_state {
	ITEM_CLOSED,
	ITEM_OPEN,
	ITEM_MAKING,  /* its files and records are being made */
	ITEM_LEAVING, /* is being evicted */
};

struct chunk_item {
	struct chunk_store *store;
	struct chunk_item *next; /* in its bucket */
	struct souk_content content;
	enum chunk_item_state state;
	unsigned users;
	uint64_t idle_since; /* of the store's clock; meaningful where nobody uses it */
	bool is_pinned;
	bool is_promised;
	bool is_stale; /* another process pinned it: its files may be others by now */
	uint32_t slot; /* in the cache; where it is not pinned */
	struct souk_cache_record record;
	bool record_is_dirty;
	uint32_t writing; /* chunks that are on their way to the disk, and have their room */

	/* While it is open. */
	int fd;
	struct souk_mapped bytes; /* of fd */
	int have_fd;		  /* -1: it is whole on the disk too */
	struct souk_hash *row;
	size_t row_size;
	struct souk_bitmap have;
	uint64_t *synced; /* the bits that the disk has */
	bool is_dirty;	  /* chunks were written since the last sync */

	pthread_cond_t changed;
	uint64_t wakes;
	souk_status woken;
};

struct chunk_store {
	struct provider_store store;
	pthread_mutex_t change_lock, open_lock, lock;
	struct chunk_item *buckets[CHUNK_BUCKETS];
	struct souk_cache cache;
	struct souk_cache_item *cache_items;
	struct souk_amount unit_price; /* what newcomers are credited with, for each unit */
	uint64_t clock;
	unsigned idle; /* items that are open and not in use */
	unsigned items;
	uint64_t evictions, bytes_evicted;
	uint64_t pinned, pinned_ms; /* bytes, when they were last added up; steady */
	pthread_t syncer;
	bool syncer_runs, is_stopping;
	pthread_cond_t work;
};

/* The item of CONTENT, or NULL; under lock. */
struct chunk_item *chunk_find(struct chunk_store *store, const struct souk_hash *content);
/* A new one in the table, closed and pinned; NULL without memory. Under lock. */
struct chunk_item *chunk_add(struct chunk_store *store, const struct souk_content *content);
void chunk_drop(struct chunk_item *item); /* out of the table, and free; under lock */

/* Open, and close, the files of ITEM. Not under lock: nobody else may look at it. */
SOUK_MUST_CHECK souk_status chunk_files_open(struct chunk_item *item);
void chunk_files_close(struct chunk_item *item);
/* Make them: sparse data, an empty bitmap, the row. On failure there are none. */
SOUK_MUST_CHECK souk_status chunk_files_make(
	struct chunk_store *store, const struct souk_content *content, const struct souk_hash *row);
/* Whether all of them are there, and as long as they must be. */
bool chunk_files_are_there(const struct chunk_store *store, const struct souk_content *content);

/* Chunks of CONTENT that are here, by the disk. SOUK_OK, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status chunk_files_count(
	const struct chunk_store *store, const struct souk_content *content, uint32_t *ret);

/* Others may take the room that was made: so often it is made again. */
#define CHUNK_ROOM_TRIES 8
/* What CONTENT takes of the limit with CHUNKS of it here. */
uint64_t chunk_room_with(const struct souk_content *content, uint64_t chunks);
/* Evict until SIZE more bytes find room. Under change_lock. SOUK_OK, SOUK_LOCAL_FULL, or what the
 * store said. */
SOUK_MUST_CHECK souk_status chunk_make_room(struct chunk_store *store, uint64_t size);
/* ITEM takes no room any more. Under lock; with as many holds as users. */
void chunk_make_pinned(struct chunk_item *item);
/* Room for one more chunk of ITEM, which counts as being written until chunk_wrote: what earns
 * least goes. SOUK_OK, SOUK_LOCAL_FULL, or what the store said. */
SOUK_MUST_CHECK souk_status chunk_take_room(struct chunk_item *item);
void chunk_wrote(struct chunk_item *item); /* under lock */
/* Room for one chunk that is to come, if nobody has to go for it: it counts as taken from now on.
 */
bool chunk_take_spare_room(struct chunk_item *item);

/* Make durable what is not; under change_lock. */
void chunk_sync(struct chunk_item *item);
void chunk_sync_records(struct chunk_store *store);
void *chunk_syncer_run(void *store);

#endif
