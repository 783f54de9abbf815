/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_kit.h - a ledger to measure, in memory or in a file, and what is sent to it.
 *
 *   ledger_kit_new -> block open -> take* -> (every BLOCK_TX: seal, commit, next block)
 *
 * Everything takes bytes, as from the network. A failure ends the program: a
 * benchmark has nobody to report to. One owner; free with ledger_kit_free. */
#ifndef SOUK_BENCH_LEDGER_KIT_H
#define SOUK_BENCH_LEDGER_KIT_H

#include "souk/crypto/chain.h"
#include "souk/io/lmdb_store.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/ledger.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/payer.h"

#define BLOCK_TX    1000u
#define LEAVES	    16u
#define PRIZE	    100000u
#define STRIP_UNITS 512u
#define CLAIM_UNIT  400u /* a checkpoint's path, and 144 steps of each chain */
/* So that what is claimed is as long as a prize, and wins exactly one. */
#define UNIT_PRICE	(PRIZE / CLAIM_UNIT)
#define CLAIMS_MAX	SOUK_CLAIM_ITEMS_MAX /* strips of one leaf that one transaction claims */
#define SEGMENT(strips) ((uint64_t)(strips)*STRIP_UNITS * UNIT_PRICE + (LEAVES - 1) * PRIZE)
#define EPOCH_MS	1000u
#define START_MS	1000000u

/* Transactions as they come from the network: frames of a u32 length and that many bytes. */
struct ledger_batch {
	uint8_t *bytes;
	size_t size, max;
	size_t at; /* of the first that is not taken yet */
	uint32_t count;
};

struct ledger_kit {
	struct souk_identity operator_identity, payer, provider, issuer;
	uint64_t payer_nonce, provider_nonce, operator_nonce;
	struct souk_chain beacons;
	struct souk_memory_store *memory;
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	char path[512];
	struct souk_ledger ledger;
	struct souk_time now;
	uint64_t epoch_ms;
	uint32_t block_tx;
	/* The log of what is applied, where it is wanted. */
	bool keeps_log;
	struct ledger_batch block, log;
};

/* One segment of an escrow: an allotment with a strip on its first leaf. */
struct ledger_segment {
	struct souk_allotment_leaf leaves[LEAVES];
	struct souk_payer_strip payer;
	struct souk_chain keys;
	struct souk_strip_open open;
};

/* End the program where STATUS is not SOUK_OK, or where there is no MEMORY. */
void bench_must(souk_status status, const char *what);
void *bench_must_have(void *memory);

/* A ledger with a rich payer and an open block, its file in WORKDIR; NULL: in memory. */
struct ledger_kit *ledger_kit_new(const char *workdir, bool keeps_log);
/* One that began at CREATED. */
struct ledger_kit *ledger_kit_new_at(
	const char *workdir, bool keeps_log, struct souk_time created, uint64_t epoch_ms);
void ledger_kit_free(struct ledger_kit *b);

void ledger_kit_block_begin(struct ledger_kit *b);
void ledger_kit_block_end(struct ledger_kit *b);

void ledger_batch_free(struct ledger_batch *batch);

/* Sign BODY and append it to BATCH; returns its bytes. */
size_t ledger_kit_sign(struct ledger_kit *b, struct ledger_batch *batch,
	const struct souk_tx_body *body, const struct souk_identity *signer, uint64_t *nonce);
/* What a sequencer does with bytes from the network; a full block is sealed and committed. */
void ledger_kit_take(struct ledger_kit *b, struct souk_bytes message);
/* A transaction of the payer's, signed and taken; returns its bytes. */
size_t ledger_kit_pay(struct ledger_kit *b, const struct souk_tx_body *body);
/* The next COUNT of BATCH are taken: messages per second, to the last commit. */
double ledger_kit_measure(struct ledger_kit *b, struct ledger_batch *batch, uint32_t count);

/* Escrow NUMBER is opened with the salt of that number. */
struct souk_nonce ledger_kit_salt(uint32_t number);
void ledger_kit_open_escrows(struct ledger_kit *b, uint32_t count, uint64_t line);
/* Allot SEGMENT of ESCROW, its first leaf for so many strips; returns the bytes of that
 * transaction. */
size_t ledger_kit_allot(struct ledger_kit *b, struct ledger_segment *s,
	const struct souk_hash *escrow, uint32_t segment, uint32_t strips);
/* The provider's claim of CLAIM_UNIT units of each strip, a prize each; several are one batch. */
void ledger_kit_claim(struct ledger_kit *b, struct ledger_segment *s,
	const struct souk_hash *escrow, uint32_t segment, uint32_t strips,
	struct ledger_batch *batch);
/* COUNT claims of STRIPS each, spread evenly over ESCROWS escrows, ready to be taken: the epoch is
 * drawn. */
void ledger_kit_make_claims(struct ledger_kit *b, uint32_t escrows, uint32_t strips,
	struct ledger_batch *batch, uint32_t count, size_t *ret_allot_bytes);
/* Epoch 0 ends and is drawn. */
void ledger_kit_draw(struct ledger_kit *b);
/* Apply BODY of the payer's without a signature: to fill a ledger, not to measure it. */
void ledger_kit_push(struct ledger_kit *b, const struct souk_tx_body *body);

#endif
