/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ledger/verify.h - replay somebody else's ledger, and say where it lies.
 *
 * A log is a magic, then frames: a u32 length and that many bytes. The first
 * frame is the genesis; each block is a frame with its signed header, then one
 * for each of its transactions. The verifier is fed frame by frame and replays
 * them with the code that made them, over a store of its own.
 *
 * A snapshot log has a snapshot in front of its blocks: a signed header, the
 * ledger_record of its height, and all records of the state in the order of
 * their keys, up to an empty frame. They must sum up to what that header states.
 *
 *   log       GENESIS ------------------------------------------.
 *   snapshot  GENESIS --> AT_HEADER --> AT_RECORD --> AT_ITEM x n --empty--+
 *                                                                          v
 *             .---- the last transaction <--- TX x n <--header of n txs-- HEADER
 *             `---------------------------------------------------------->  ^
 *      any failure --> FAILED (verdict: status, height, transaction, record)
 *
 * What a log proves: every coin and rule since the genesis. What a snapshot log
 * proves: that the operator signed the state it starts with, and every coin and
 * rule since. What neither knows is whether it is the newest, or whether the
 * operator signed two: compare the last hash with somebody else's.
 *
 * Memory: caller's, about 36 KiB. Threads: one owner. Spec: spec/ledger.md 8. */
#ifndef SOUK_LEDGER_VERIFY_H
#define SOUK_LEDGER_VERIFY_H

#include "souk/ledger/ledger.h"

#define SOUK_LOG_MAGIC		"SOUKLOG1"
#define SOUK_LOG_SNAPSHOT_MAGIC "SOUKSNP1"
#define SOUK_LOG_MAGIC_SIZE	8
/* No frame is longer than a transaction may be. */
#define SOUK_LOG_FRAME_MAX SOUK_SIGNED_TX_SIZE_MAX
#define SOUK_LOG_NO_TX	   UINT32_MAX

/* Append one frame to WRITER. */
void souk_log_write_frame(struct souk_writer *writer, struct souk_bytes frame);

/* souk_log_read_frame: the first frame of IN.
 *
 *  Out: ret_frame  borrowed from IN
 *       ret_used   bytes of IN that it takes, length and all
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_TRUNCATED  IN ends inside it: read more and ask again, or, at the end, give up.
 *   SOUK_CORRUPT_LOG     longer than SOUK_LOG_FRAME_MAX: not a log. */
SOUK_MUST_CHECK souk_status souk_log_read_frame(
	struct souk_bytes *ret_frame, size_t *ret_used, struct souk_bytes in);

struct souk_log_verdict {
	souk_status status;
	uint64_t height; /* of the first bad block; 0: the genesis */
	uint32_t index;	 /* of its bad transaction, or SOUK_LOG_NO_TX: the block itself */
	struct souk_wire_error where; /* the field, where bytes did not decode; NULL elsewhere */
	uint64_t item; /* of a snapshot: its bad record, from 1; 0: none, or no single one */
	struct souk_ledger_key key; /* of that record, as far as it is known; size 0: it is not */
};

enum souk_log_state {
	SOUK_LOG_GENESIS,
	SOUK_LOG_AT_HEADER,
	SOUK_LOG_AT_RECORD,
	SOUK_LOG_AT_ITEM,
	SOUK_LOG_HEADER,
	SOUK_LOG_TX,
	SOUK_LOG_FAILED,
};

/* A snapshot while it is read. */
struct souk_snapshot {
	struct souk_ledger_record record; /* as it is stated */
	struct souk_ledger_record totals; /* as it is counted */
	struct souk_lthash sum;
	struct souk_ledger_key last_key;
	uint64_t items;
};

struct souk_log_verifier {
	struct souk_ledger ledger;
	struct souk_store store;
	const struct souk_judges *judges;
	enum souk_log_state state;
	struct souk_signed_block_header header; /* of the block being read */
	uint32_t tx_read;			/* of that block */
	bool is_snapshot, is_bare;
	uint64_t from_height;		 /* of the snapshot; 0: the genesis */
	uint64_t from_txs;		 /* transactions before it, which are taken on trust */
	struct souk_snapshot snapshot;	 /* in the states AT_ */
	struct souk_signed_tx tx;	 /* the last one read */
	struct souk_log_verdict verdict; /* once FAILED */
};

/* STORE is empty. Its one transaction may be committed after any frame, or never. */
void souk_log_verifier_init(struct souk_log_verifier *verifier, const struct souk_store *store);
/* What follows is a snapshot log: after a SOUK_LOG_SNAPSHOT_MAGIC; before the first frame. */
void souk_log_verifier_expect_snapshot(struct souk_log_verifier *verifier);
/* Write no receipts and no history, which only cost time where nobody asks; before the first frame.
 */
void souk_log_verifier_go_bare(struct souk_log_verifier *verifier);

/* As souk_ledger_set_judges; before the first frame. */
void souk_log_verifier_set_judges(
	struct souk_log_verifier *verifier, const struct souk_judges *judges);

/* souk_log_verifier_feed: digest one frame.
 *
 * Returns SOUK_OK, or why the log is bad from here on, the verdict's status:
 *   SOUK_CORRUPT_BLOCK_LINK, _BLOCK_ROOT, _STATE, _SUPPLY  see souk_ledger_accept.
 *   SOUK_PEER_*   the header's signature or time, or a transaction that the rules refuse, or bytes
 *                 that are no message.
 *   SOUK_LOCAL_CONFIG  the genesis has impossible rules.
 *   SOUK_IO_*     the verifier's own store failed: no verdict on the log; start again.
 * From the first failure on the same status is returned. */
SOUK_MUST_CHECK souk_status souk_log_verifier_feed(
	struct souk_log_verifier *verifier, struct souk_bytes frame);

/* souk_log_verifier_feed_checked: as souk_log_verifier_feed, of a frame that was checked before.
 * CHECK is what souk_block_check (for a block's header, with the operator of the log's genesis) or
 * souk_tx_check (for a transaction) made of these very bytes, or NULL; other frames need none. */
SOUK_MUST_CHECK souk_status souk_log_verifier_feed_checked(struct souk_log_verifier *verifier,
	struct souk_bytes frame, const struct souk_signed_check *check);

/* souk_log_verifier_finish: nothing follows; count the money once more.
 *
 * Returns SOUK_OK, the earlier failure, or
 *   SOUK_CORRUPT_LOG  the log ends inside a block, or before the genesis.
 *   and those of souk_ledger_audit. */
SOUK_MUST_CHECK souk_status souk_log_verifier_finish(struct souk_log_verifier *verifier);

/* ---- making snapshots ---- */

/* Where a snapshot that is being written has got to. Starts as {.store = ...}. */
struct souk_snapshot_source {
	struct souk_store store;
	unsigned step;
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1];
	size_t from_size;
	uint64_t items;
};

/* Longest frame of a snapshot, with its length. */
#define SOUK_SNAPSHOT_FRAME_MAX (4 + SOUK_STATE_ITEM_SIZE_MAX)

/* souk_snapshot_next: append the next frame of a snapshot of the store's last block to WRITER: the
 * genesis first, the empty one last. The whole snapshot must come from one transaction.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  all frames are written; or the store has no block yet.
 *   SOUK_LOCAL_TOO_SMALL  no room in WRITER, which has less than SOUK_SNAPSHOT_FRAME_MAX left.
 *   SOUK_CORRUPT_STORE, SOUK_IO_*  the store failed. */
SOUK_MUST_CHECK souk_status souk_snapshot_next(
	struct souk_snapshot_source *source, struct souk_writer *writer);

#endif
