/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/memory_store.h - the store port in the heap: fast, and gone afterwards.
 *
 * For replaying a ledger's log, for benchmarks and for tests. A hash table
 * answers get and put. Order costs nothing until somebody asks for it: new keys
 * wait in a list, and the first `next` moves them into a skip list.
 *
 *   hash -> node { key, value, tower } -> node ...
 *                          |
 *   head ==================+=========> nodes in the order of their keys
 *
 * Within a transaction every change is noted in an undo journal: abort walks it
 * backwards. The journal grows with the number of changes, so commit now and then.
 *
 * Memory: heap, bounded by size_max. Threads: one owner. */
#ifndef SOUK_IO_MEMORY_STORE_H
#define SOUK_IO_MEMORY_STORE_H

#include "souk/ports/store.h"

struct souk_memory_store;

/* souk_memory_store_new: an empty store of at most SIZE_MAX_BYTES of keys and values (0: no
 * limit), whose hash is keyed by SEED: give a random one where peers choose keys.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  out of memory. */
SOUK_MUST_CHECK souk_status souk_memory_store_new(
	struct souk_memory_store **ret_store, uint64_t size_max_bytes, uint64_t seed);

/* An open transaction is dropped with it. NULL is allowed. */
void souk_memory_store_free(struct souk_memory_store *store);

/* souk_memory_store_begin: start a transaction and give the port into it.
 *
 * Until commit or abort the port may be used; a put beyond the limit is
 * SOUK_IO_DISK_FULL, as on a disk. get and next also work between transactions.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE  one is open already; end it first. */
SOUK_MUST_CHECK souk_status souk_memory_store_begin(
	struct souk_memory_store *store, struct souk_store *ret_view);

/* Keep what was written since begin. */
void souk_memory_store_commit(struct souk_memory_store *store);
/* Put everything back as it was at begin. */
void souk_memory_store_abort(struct souk_memory_store *store);

/* Records in the store. */
uint64_t souk_memory_store_count(const struct souk_memory_store *store);

#endif
