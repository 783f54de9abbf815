/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/lmdb_store.h - the store port over LMDB: one file, crash-safe.
 *
 *   open --begin(WRITE)--> put, del, get, next --commit--> durable
 *    |                                         --abort---> gone
 *    +---begin(READ)-----> get, next on one unchanging snapshot --abort--> released
 *
 * A commit returns after the file is on the disk (fsync), unless the config says
 * otherwise. After a kill or a power cut the file holds exactly the last commit.
 * Several processes may open the same file: one writes at a time, any number read.
 * The map is address space only; memory in use is the page cache's and is given
 * back under pressure. A snapshot that stays open keeps old pages from being
 * reused, so keep it short.
 *
 * Memory: heap. Threads: the environment any; a WRITE transaction belongs to the
 * thread that began it, and one thread never begins a second; a READ transaction
 * may move between threads but has one owner at a time. */
#ifndef SOUK_IO_LMDB_STORE_H
#define SOUK_IO_LMDB_STORE_H

#include "souk/ports/store.h"

struct souk_lmdb_store;
struct souk_lmdb_txn;

enum souk_lmdb_mode {
	SOUK_LMDB_READ,
	SOUK_LMDB_WRITE,
};

struct souk_lmdb_config {
	const char *path;      /* the file; PATH-lock appears beside it */
	uint64_t map_size_max; /* the file never grows over this; 0 means 64 GiB */
	bool is_read_only;     /* the file must exist; only READ transactions */
	bool is_fast_unsafe;   /* no fsync: for benchmarks, a power cut may corrupt the file */
};

/* souk_lmdb_store_open: open or create the file, mode 0600.
 *
 * One process opens the same file only once.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  is_read_only, and there is no such file.
 *   SOUK_IO_DISK_FULL     no room for it.
 *   SOUK_IO_STORE         not readable, locked out, or no folder to be in.
 *   SOUK_CORRUPT_STORE    not a store of this kind. Do not write over it.
 *   SOUK_IO_MEMORY        out of memory. */
SOUK_MUST_CHECK souk_status souk_lmdb_store_open(
	struct souk_lmdb_store **ret_store, const struct souk_lmdb_config *config);

/* Every transaction must have ended. NULL is allowed. */
void souk_lmdb_store_close(struct souk_lmdb_store *store);

/* souk_lmdb_store_begin: a transaction, and the port into it. A WRITE waits for other writers.
 *
 *  Out:    ret_txn   to be ended by commit or abort
 *          ret_view  the port; dead once the transaction has ended
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL   too many readers at once; try again later.
 *   SOUK_LOCAL_STATE  WRITE on a store that was opened read-only.
 *   SOUK_IO_STORE, SOUK_IO_MEMORY, SOUK_IO_DISK_FULL  as they say. */
SOUK_MUST_CHECK souk_status souk_lmdb_store_begin(struct souk_lmdb_store *store,
	enum souk_lmdb_mode mode, struct souk_lmdb_txn **ret_txn, struct souk_store *ret_view);

/* souk_lmdb_txn_commit: make it durable, and end the transaction, whatever is returned.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_DISK_FULL  nothing was changed. Tell the operator; later ones may succeed.
 *   SOUK_IO_STORE      nothing was changed, or an earlier put had failed. */
SOUK_MUST_CHECK souk_status souk_lmdb_txn_commit(struct souk_lmdb_txn *txn);

/* End the transaction without a trace. NULL is allowed. */
void souk_lmdb_txn_abort(struct souk_lmdb_txn *txn);

#endif
