/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_store.h - contents on this machine's disk, whole or in part, within a limit.
 *
 *   HOME/content/ID        the bytes; of a part, a sparse file
 *   HOME/content/ID.row    the chunk row
 *   HOME/content/ID.have   a bit for each chunk that is here; no such file: all of them
 *   provider.mdb 'C'       content_record   'K' cache_record (what it earned, for eviction)
 *
 * What souk add put in is pinned: it is never evicted, and does not count against the limit. What
 * was fetched (by a cache, or by a gateway for its viewers) is evicted, least revenue for its bytes
 * first, when the limit is reached (souk/content/cache.h).
 *
 * A chunk is written and synced before its bit is: after kill -9 a bit never lies. What is read is
 * what was verified, unless the disk lies. Bits follow within a fraction of a second, many at once.
 *
 * A content takes room as it comes: its row and 8 KiB when it is created, its bytes chunk by chunk.
 * So who has something fetched that never comes has nothing evicted. Whether all of it finds room
 * beside what is in use, promised, or coming is looked at before: a fetch that began goes on to its
 * end.
 *
 *   item:  ABSENT --create--> PARTIAL --last chunk--> WHOLE --evicted--> ABSENT
 *                                '------- abandoned, evicted ------------^
 *
 * An item in use (taken) is not evicted: whoever reads or writes takes it, and gives it back.
 *
 * Memory: heap. Threads: any. One process at a time writes parts; souk add may add beside it. */
#ifndef SOUK_DAEMON_CHUNK_STORE_H
#define SOUK_DAEMON_CHUNK_STORE_H

#include "provider_store.h"
#include "souk/content/chunk.h"

struct chunk_store;
struct chunk_item;

/* chunk_store_open: over STORE, which is borrowed; LIMIT bytes for what is not pinned.
 *
 * Returns SOUK_OK, SOUK_IO_* or SOUK_CORRUPT_STORE. Whatever is over the limit is evicted. */
SOUK_MUST_CHECK souk_status chunk_store_open(
	struct chunk_store **ret, const struct provider_store *store, uint64_t limit);
/* What is not durable is made so. NULL is allowed; no item is taken any more. */
void chunk_store_close(struct chunk_store *store);
/* What a unit is sold for: newcomers are credited with one sale of each, so that they are not the
 * first to go. */
void chunk_store_set_price(struct chunk_store *store, struct souk_amount unit_price);

/* chunk_store_take: the item of CONTENT, for reading and writing.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_IO_MEMORY, SOUK_IO_READ. */
SOUK_MUST_CHECK souk_status chunk_store_take(
	struct chunk_store *store, const struct souk_hash *content, struct chunk_item **ret);

/* chunk_store_create: the same, made empty where it is not there. ROW is verified.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL     it does not fit the limit, whatever is evicted.
 *   SOUK_IO_DISK_FULL, SOUK_IO_* */
SOUK_MUST_CHECK souk_status chunk_store_create(struct chunk_store *store,
	const struct souk_content *content, const struct souk_hash *row, const char *name,
	struct chunk_item **ret);
void chunk_item_give(struct chunk_item *item); /* back; NULL is allowed */

const struct souk_content *chunk_item_content(const struct chunk_item *item);
/* The chunk row; valid while the item is taken. */
const struct souk_hash *chunk_item_row(const struct chunk_item *item);
bool chunk_item_has(struct chunk_item *item, uint32_t chunk);
bool chunk_item_is_whole(struct chunk_item *item);
uint32_t chunk_item_count(struct chunk_item *item); /* chunks that are here */

/* CHUNK is on its way, and no other: room for its bytes in the file is made now, so that it need
 * not be when they are here and somebody waits for them. Where it cannot be, or where others would
 * have to go for it, it is not. */
void chunk_item_expect(struct chunk_item *item, uint32_t chunk);
/* Keep a verified chunk, and wake who waits. SOUK_OK; SOUK_LOCAL_FULL (what is in use or promised
 * now leaves no room) or SOUK_IO_*: it is not there. */
SOUK_MUST_CHECK souk_status chunk_item_write(
	struct chunk_item *item, uint32_t chunk, struct souk_bytes data);
/* Wait until what was written is durable: SOUK_OK, or SOUK_IO_WRITE: a part of it is not here.
 * Needed only before somebody is promised that it is. */
SOUK_MUST_CHECK souk_status chunk_item_sync(struct chunk_item *item);
/* SIZE bytes at OFFSET, all of chunks that are here. SOUK_OK, SOUK_LOCAL_NOT_FOUND (a chunk is
 * not), SOUK_IO_READ. */
SOUK_MUST_CHECK souk_status chunk_item_read(
	struct chunk_item *item, uint64_t offset, uint8_t *out, size_t size);
/* The same without a copy, for who reads them once: USE(CTX, DATA) is called with the bytes where
 * they lie, and must not keep them. Where the disk fails it is left in the middle: it must take no
 * lock. At least one byte. */
SOUK_MUST_CHECK souk_status chunk_item_use(struct chunk_item *item, uint64_t offset, size_t size,
	void (*use)(void *ctx, struct souk_bytes data), void *ctx);
/* Wait until CHUNK is here: SOUK_OK; or TIMEOUT_MS over: SOUK_IO_TIMEOUT; or chunk_item_wake was
 * called with another status: that one. */
SOUK_MUST_CHECK souk_status chunk_item_wait(
	struct chunk_item *item, uint32_t chunk, uint64_t timeout_ms);
/* Who waits for ITEM is told STATUS: its fetch failed. */
void chunk_item_wake(struct chunk_item *item, souk_status status);
/* What is here, for others to fetch. */
void chunk_item_availability(struct chunk_item *item, struct souk_availability *ret);

/* UNITS of CONTENT were paid with EARNED: it is worth keeping. Cheap; durable now and then. */
void chunk_store_earned(struct chunk_store *store, const struct souk_hash *content, uint32_t units,
	struct souk_amount earned);
/* Fetching it cost SPENT: for reports. Durable. */
void chunk_store_spent(
	struct chunk_store *store, const struct souk_hash *content, struct souk_amount spent);
/* CONTENT was promised to somebody: it is not evicted until that is over. */
void chunk_store_promise(
	struct chunk_store *store, const struct souk_hash *content, bool is_promised);
/* chunk_store_evict: CONTENT is not wanted any more. SOUK_OK; or SOUK_LOCAL_NOT_FOUND: it is pinned
 * or not here; SOUK_LOCAL_STATE: in use, or promised; or why not. */
SOUK_MUST_CHECK souk_status chunk_store_evict(
	struct chunk_store *store, const struct souk_hash *content);
/* Bytes of the limit that CONTENT takes, once it is whole. */
uint64_t chunk_store_room_of(const struct souk_content *content);

/* For reports. */
struct chunk_store_figures {
	uint64_t limit, used; /* bytes; of what is not pinned */
	uint64_t pinned;      /* bytes */
	uint64_t items;	      /* that are not pinned */
	uint64_t evictions;
	uint64_t bytes_evicted;
};
struct chunk_store_figures chunk_store_figures_now(struct chunk_store *store);
/* Where its records are: for lists. */
const struct provider_store *chunk_store_records(const struct chunk_store *store);

#endif
