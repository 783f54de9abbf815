/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h - the ledger of a simulated market: the real rules, a modelled sequencer.
 *
 *   submit --delay--> queue --block: at most so many--> applied --confirmations--> result
 *                       ^                                  |
 *                       '------- taken back by a fork -----'
 *
 * souk_ledger applies every transaction. Around it are modelled: how often blocks are made and how
 * many transactions they hold (congestion: the rest waits), forks (the last blocks are undone, and
 * their transactions come again in another order), and who can reach it at all.
 *
 * What a node reads is the state under the last `confirmations` blocks' depth or later, see
 * sim_ledger_refresh. Every block is logged, for the replay that the auditor does at the end. */
#ifndef SOUK_SIM_LEDGER_H
#define SOUK_SIM_LEDGER_H

#include "sim.h"
#include "souk/ledger/ledger.h"

/* Make the ledger of WORLD by its scenario: genesis under the scenario's policy, all the beacons.
 */
struct sim_ledger *sim_ledger_new(struct sim_world *world);
void sim_ledger_free(struct sim_ledger *ledger);

/* Called by the world at sim_ledger_due; makes blocks, draws beacons, reports results. */
void sim_ledger_step(struct sim_ledger *ledger);
uint64_t sim_ledger_due(const struct sim_ledger *ledger);

/* souk_tx BODY of NODE's account. It is signed when it is its turn, with the nonce that is right
 * then. The actor's `ledger` is called with TOKEN and what became of it, if the node has not
 * crashed meanwhile. A node that cannot reach the ledger is told SOUK_IO_NET after a while. */
void sim_ledger_submit(struct sim_node *node, const struct souk_tx_body *body, uint64_t token);
/* The same signed by another key: an attacker's, an operator's. */
void sim_ledger_submit_as(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token);

/* Faults: blocks hold so many transactions; no blocks are made; the last BLOCKS are undone, and what
 * they held comes again in another order. */
void sim_ledger_set_block_txs(struct sim_ledger *ledger, uint64_t txs);
void sim_ledger_stop(struct sim_ledger *ledger, bool is_stopped);
void sim_ledger_fork(struct sim_ledger *ledger, uint32_t blocks);

/* Money out of nothing, in the first block; only before the world runs. */
void sim_ledger_fund(struct sim_node *node, struct souk_amount amount);
/* A block with all that waits, at once, before the world runs. */
void sim_ledger_settle(struct sim_ledger *ledger);

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
const struct souk_genesis *sim_ledger_genesis(const struct sim_ledger *ledger);
/* The state machine itself, for the auditor. */
const struct souk_ledger *sim_ledger_state(const struct sim_ledger *ledger);

#endif
