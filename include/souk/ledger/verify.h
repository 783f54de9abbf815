/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ledger/verify.h - replay somebody else's ledger, and say where it lies.
 *
 * A log is a magic, then frames: a u32 length and that many bytes. The first
 * frame is the genesis; each block is a frame with its signed header, then one
 * for each of its transactions. The verifier is fed frame by frame and replays
 * them with the code that made them, over a store of its own.
 *
 *   GENESIS --genesis--> HEADER --header of n txs--> TX x n --> HEADER ...
 *      any failure --> FAILED (verdict: status, height, transaction)
 *
 * What it cannot know is whether the log is the newest, or whether the operator
 * signed two: compare the last hash with somebody else's.
 *
 * Memory: caller's, about 2 KiB. Threads: one owner. Spec: spec/ledger.md 8. */
#ifndef SOUK_LEDGER_VERIFY_H
#define SOUK_LEDGER_VERIFY_H

#include "souk/ledger/ledger.h"

#define SOUK_LOG_MAGIC	    "SOUKLOG1"
#define SOUK_LOG_MAGIC_SIZE 8
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
};

enum souk_log_state {
	SOUK_LOG_GENESIS,
	SOUK_LOG_HEADER,
	SOUK_LOG_TX,
	SOUK_LOG_FAILED,
};

struct souk_log_verifier {
	struct souk_ledger ledger;
	struct souk_store store;
	const struct souk_judges *judges;
	enum souk_log_state state;
	struct souk_signed_block_header header; /* of the block being read */
	uint32_t tx_read;			/* of that block */
	struct souk_log_verdict verdict;	/* once FAILED */
};

/* STORE is empty. Its one transaction may be committed after any frame, or never. */
void souk_log_verifier_init(struct souk_log_verifier *verifier, const struct souk_store *store);

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

/* souk_log_verifier_finish: nothing follows; count the money once more.
 *
 * Returns SOUK_OK, the earlier failure, or
 *   SOUK_CORRUPT_LOG  the log ends inside a block, or before the genesis.
 *   and those of souk_ledger_audit. */
SOUK_MUST_CHECK souk_status souk_log_verifier_finish(struct souk_log_verifier *verifier);

#endif
