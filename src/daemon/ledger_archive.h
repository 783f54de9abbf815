/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_archive.h - the stored log as a whole: snapshots of it, its pruning, and
 * the search for what is wrong with it.
 *
 * All three work beside a running sequencer: they read one transaction of the
 * store, and prune deletes in one. A pruned home has a file snapshot-HEIGHT.souk:
 * the state at that height, from which the blocks that are left go on.
 *
 *   prune --keep N:  replay up to tip - N  -->  snapshot file, durable
 *                    -->  one transaction: forget the blocks up to there
 *
 * So nothing is thrown away that was not verified, and a kill at any moment
 * leaves the old log or the new one. */
#ifndef SOUK_DAEMON_LEDGER_ARCHIVE_H
#define SOUK_DAEMON_LEDGER_ARCHIVE_H

#include "souk/io/lmdb_store.h"
#include "souk/io/log_replay.h"

#define LEDGER_ARCHIVE_PATH_SIZE 600
#define LEDGER_RECORD_TEXT_SIZE	 192

/* The height that VIEW is pruned to; 0: it begins with its genesis. */
SOUK_MUST_CHECK souk_status ledger_archive_base(uint64_t *ret, const struct souk_store *view);

void ledger_archive_path(char out[LEDGER_ARCHIVE_PATH_SIZE], const char *home, uint64_t height);

struct ledger_snapshot_made {
	uint64_t height, records, size;
};

/* ledger_archive_snapshot: write a snapshot of VIEW's last block to the file PATH; a file of that
 * name appears when it is whole.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND (no block yet), SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_archive_snapshot(
	struct ledger_snapshot_made *ret, const struct souk_store *view, const char *path);

struct ledger_pruned {
	uint64_t from_height, height; /* blocks after from_height, up to height, are gone */
	uint64_t records;	      /* deleted */
};

/* ledger_archive_prune: keep the last KEEP blocks; the ones before are replayed, replaced by a
 * snapshot, and deleted with their receipts and history. What is kept already stays.
 *
 * Returns SOUK_OK, or why the log is bad, as souk_log_replay_finish (nothing is deleted), or
 * SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_archive_prune(struct ledger_pruned *ret,
	struct souk_lmdb_store *store, const char *home, uint64_t keep,
	const struct souk_judges *judges);

struct ledger_check {
	uint64_t from_height, height, txs;
	uint64_t records;		      /* compared */
	struct souk_log_verdict verdict;      /* where the blocks are bad */
	char record[LEDGER_RECORD_TEXT_SIZE]; /* the first bad record, where it is one */
	const char *what;		      /* what is wrong with it */
};

/* ledger_archive_check: replay the stored blocks, and compare every record with what they lead to.
 *
 * Returns SOUK_OK, SOUK_CORRUPT_* or SOUK_PEER_* with what is wrong in RET, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_archive_check(struct ledger_check *ret,
	const struct souk_store *view, const char *home, const struct souk_judges *judges);

/* ---- shared by ledger_archive.c and ledger_check.c ---- */

/* Feed the genesis, or the snapshot file, and the blocks up to HEIGHT to a new replay. On a failure
 * *RET is the replay as well, for its verdict, or NULL. */
SOUK_MUST_CHECK souk_status ledger_archive_replay(struct souk_log_replay **ret,
	const struct souk_store *view, const char *home, uint64_t height,
	const struct souk_judges *judges);

#endif
