/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h - the ledger of a simulated market: the real rules, a modelled sequencer.
 *
 *   submit --latency--> waiting --block: at most so many--> applied --confirmations--> result
 *                       ^                                     |
 *                       '---------- undone by a fork ---------'
 *
 * souk_ledger applies every transaction, signed and checked as everywhere. Around it are modelled:
 * how often blocks may be made and how many transactions they hold (congestion: the rest waits),
 * forks (the last blocks are undone, and their transactions come again in another order), and who
 * can reach it at all. It draws by itself, from a chain of beacons that follows from the seed.
 *
 * What a node reads is what is `confirmations` blocks deep: one means the last block. Where it is
 * more, a second copy of the ledger follows the first at that distance; it takes its blocks as
 * anybody would, so it must come to the same digests.
 *
 * What is promised to who submits: it is told once what became of the transaction. A refusal is
 * told when the block is made that would have held it; everything else when its block is deep
 * enough. Only where a fork goes deeper than the confirmations may it be told again: when the
 * transaction, come again, is refused or pays another amount. A node that is cut off is told what
 * it waits for once it is back, one that crashed is not.
 *
 * Every block is logged, for the replay that the auditor does at the end.
 *
 * Memory: heap; a transaction is kept for SIM_FORK_MAX blocks, and its bytes in the log.
 * Threads: one. */
#ifndef SOUK_SIM_LEDGER_H
#define SOUK_SIM_LEDGER_H

#include "sim.h"
#include "souk/ledger/ledger.h"

/* Blocks that can be undone. */
#define SIM_FORK_MAX 64u

/* SOUK_OK, or SOUK_LOCAL_CONFIG where no ledger can have the periods of SCENARIO:
 * ceil((draw-delay + claim-window) / epoch) is 6 at most. */
SOUK_MUST_CHECK souk_status sim_ledger_check(const struct sim_scenario *scenario);
/* Make the ledger of WORLD by its scenario, which passes sim_ledger_check: genesis under its
 * periods, and beacons for longer than it lasts. */
struct sim_ledger *sim_ledger_new(struct sim_world *world);
void sim_ledger_free(struct sim_ledger *ledger);

/* Called by the world at sim_ledger_due; makes blocks, draws beacons, reports results. */
void sim_ledger_step(struct sim_ledger *ledger);
uint64_t sim_ledger_due(const struct sim_ledger *ledger);

/* ---------------------------------------------------------------- sending */

/* souk_tx BODY of NODE's account. It is signed when it is its turn, with the nonce that is right
 * then; what one node submits stays in order. The actor's `ledger` is called with TOKEN and what
 * became of it, if the node has not crashed meanwhile. A node that cannot reach the ledger is told
 * SOUK_IO_NET after a while. There is no faucet for actors: SOUK_PEER_FAUCET. */
void sim_ledger_submit(struct sim_node *node, const struct souk_tx_body *body, uint64_t token);
/* The same signed by another key: an attacker's, an operator's. */
void sim_ledger_submit_as(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token);
/* The same, and in front of all that waits once it is there: what a front-runner's fee, or its
 * friend the sequencer, gets it. SIGNER NULL: the node's own. */
void sim_ledger_submit_first(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token);
/* What waits for a block, in its order, as a sequencer's friend sees it: of KIND, or all (0). SEE
 * returns false where it has seen enough. Nothing where NODE cannot reach the ledger. */
void sim_ledger_peek(struct sim_node *node, uint8_t kind,
	bool (*see)(void *ctx, const struct souk_address *from, const struct souk_tx_body *body),
	void *ctx);

/* Money out of nothing, in the first block, also added to node->funded; only before the world runs.
 */
void sim_ledger_fund(struct sim_node *node, struct souk_amount amount);
/* A block with all that waits, at once, before the world runs. No fork goes behind it. */
void sim_ledger_settle(struct sim_ledger *ledger);

/* ---------------------------------------------------------------- faults */

/* COUNT transactions fit in a block from now on. */
void sim_ledger_set_block_txs(struct sim_ledger *ledger, uint64_t count);
/* No blocks, until it is called with false. */
void sim_ledger_stop(struct sim_ledger *ledger, bool is_stopped);
/* The operator makes blocks and draws no beacon, until it is called with false. */
void sim_ledger_withhold_draws(struct sim_ledger *ledger, bool is_withholding);
/* Undo what was made at the last COUNT times of blocks. Its transactions wait again, before those
 * that wait already, in a random order that keeps each account's. */
void sim_ledger_fork(struct sim_ledger *ledger, uint32_t count);

/* ---------------------------------------------------------------- reading */

/* What the ledger says; SOUK_IO_NET where NODE cannot reach it. As souk_ledger_view_*, _get_*. */
SOUK_MUST_CHECK souk_status sim_ledger_escrow(
	struct sim_node *node, const struct souk_hash *id, struct souk_escrow_record *ret);
SOUK_MUST_CHECK souk_status sim_ledger_allotment(struct sim_node *node,
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment,
	struct souk_allotment_record *ret);
SOUK_MUST_CHECK souk_status sim_ledger_epoch(
	struct sim_node *node, uint64_t epoch, struct souk_epoch_record *ret);
/* The current epoch's number too. */
SOUK_MUST_CHECK souk_status sim_ledger_now(
	struct sim_node *node, uint64_t *ret_epoch, struct souk_epoch_record *ret);
SOUK_MUST_CHECK souk_status sim_ledger_agreement(
	struct sim_node *node, const struct souk_hash *id, struct souk_agreement_record *ret);
SOUK_MUST_CHECK souk_status sim_ledger_account(
	struct sim_node *node, const struct souk_address *address, struct souk_account_record *ret);
SOUK_MUST_CHECK souk_status sim_ledger_provider(struct sim_node *node,
	const struct souk_address *address, struct souk_provider_record *ret);
/* The last block's header, signed, and its time (zero where there is none, or NODE is cut off). */
SOUK_MUST_CHECK souk_status sim_ledger_header(
	struct sim_node *node, struct souk_signed_block_header *ret);
struct souk_time sim_ledger_time(struct sim_node *node);
const struct souk_genesis *sim_ledger_genesis(const struct sim_ledger *ledger);

/* ---------------------------------------------------------------- for the auditor */

/* The state machine itself, at the last block. */
const struct souk_ledger *sim_ledger_state(const struct sim_ledger *ledger);
/* SOUK_OK, or why no further block can be made: the rules contradict themselves. */
souk_status sim_ledger_health(const struct sim_ledger *ledger);
/* Blocks that forks have undone. */
uint64_t sim_ledger_undone(const struct sim_ledger *ledger);
/* Whether nothing waits, on the way, for a block, for confirmations or to be told. */
bool sim_ledger_is_quiet(const struct sim_ledger *ledger);
/* Forget the log, and log no more, where memory matters more than a replay. */
void sim_ledger_drop_log(struct sim_ledger *ledger);
/* The whole log, as `souk ledger verify` reads it, piece by piece. */
void sim_ledger_log(const struct sim_ledger *ledger,
	void (*write)(void *ctx, struct souk_bytes piece), void *ctx);
/* sim_ledger_replay: apply the log to a fresh ledger, and hold every digest against the header.
 *
 *  In: is_thorough  check every signature again; otherwise those of blocks only, since each
 *                   transaction's was checked when it came
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  there is no log.
 *   otherwise             what souk_log_verifier_feed says of the first bad block, or
 *                         SOUK_CORRUPT_STATE where the replay ends elsewhere than the ledger. */
SOUK_MUST_CHECK souk_status sim_ledger_replay(const struct sim_ledger *ledger, bool is_thorough);

#endif
