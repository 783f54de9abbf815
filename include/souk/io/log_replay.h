/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/log_replay.h - the log verifier with all processors at work.
 *
 * Nearly all of the work of a replay is signatures, and these depend on no state.
 * So frames are gathered in batches; threads check the signatures of the batches
 * ahead, while the owner applies the oldest batch in order, and helps checking
 * when it would have to wait.
 *
 *   feed --> [filling] --> [checked by any thread] x RING --> applied in order
 *
 * The verdict is that of souk_log_verifier, to the same frame.
 *
 * Memory: heap; a few MiB for frames, and the whole state in a memory store.
 * Threads: one owner; its helpers are its own. */
#ifndef SOUK_IO_LOG_REPLAY_H
#define SOUK_IO_LOG_REPLAY_H

#include "souk/ledger/verify.h"

struct souk_log_replay;

struct souk_log_replay_config {
	unsigned
		thread_count; /* helpers beside the owner; UINT_MAX: one for each other processor */
	bool is_snapshot;     /* what souk_log_verifier_expect_snapshot says */
	bool keeps_index;     /* receipts and history too */
	const struct souk_judges *judges; /* outlive the replay; may be NULL */
};

/* souk_log_replay_new: with an empty state.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_MEMORY  no memory, or no thread. */
SOUK_MUST_CHECK souk_status souk_log_replay_new(
	struct souk_log_replay **ret, const struct souk_log_replay_config *config);
void souk_log_replay_free(struct souk_log_replay *replay); /* NULL is allowed */

/* souk_log_replay_feed: take a copy of FRAME; it may be applied later.
 *
 * Returns as souk_log_verifier_feed, of this frame or of an earlier one; or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status souk_log_replay_feed(
	struct souk_log_replay *replay, struct souk_bytes frame);

/* souk_log_replay_flush: apply all that was fed. Returns as souk_log_replay_feed. */
SOUK_MUST_CHECK souk_status souk_log_replay_flush(struct souk_log_replay *replay);

/* souk_log_replay_finish: flush, then souk_log_verifier_finish, and returns as that. */
SOUK_MUST_CHECK souk_status souk_log_replay_finish(struct souk_log_replay *replay);

/* The verifier with its verdict, its ledger and its store, as far as frames are applied. Its
 * transaction is open; only look. */
const struct souk_log_verifier *souk_log_replay_verifier(const struct souk_log_replay *replay);

/* souk_log_magic_is_snapshot: which kind of log begins with MAGIC.
 *
 * Returns SOUK_OK, or
 *   SOUK_CORRUPT_LOG  it opens neither kind. */
SOUK_MUST_CHECK souk_status souk_log_magic_is_snapshot(
	bool *ret, const uint8_t magic[SOUK_LOG_MAGIC_SIZE]);

#endif
