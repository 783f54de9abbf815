/* SPDX-License-Identifier: Apache-2.0
 *
 * test_market.h - a small market for tests: a ledger, a few parties, sales.
 *
 * There is always a block under construction; market_advance seals it and begins
 * the next one later. Every sealed block is appended to the market's log. */
#ifndef SOUK_LEDGER_TEST_MARKET_H
#define SOUK_LEDGER_TEST_MARKET_H

#include "souk/ledger/verify.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"
#include "souk/payment/lottery.h"
#include "souk/payment/payer.h"
#include "souk/payment/allotment.h"
#include "test_store.h"

#define COIN		    1000000000ull
#define MARKET_START	    1000000ull
#define MARKET_EPOCH_MS	    10000ull
#define MARKET_DRAW_MS	    2000ull
#define MARKET_CLAIM_MS	    15000ull
#define MARKET_UNLOCK_MS    5000ull
#define MARKET_UNBOND_MS    20000ull
#define MARKET_NOTICE_MS    1000ull
#define MARKET_BEACON_COUNT 300u
#define MARKET_BLOCK_TX_MAX 256

enum party { OPERATOR, ALICE, BOB, CAROL, DAVE, STRANGER, PARTY_COUNT };

struct market {
	struct test_store records;
	struct souk_ledger ledger;
	struct souk_identity parties[PARTY_COUNT];
	struct souk_identity issuer; /* the hot key of every payer */
	struct souk_chain beacons;
	const char *name; /* of the ledger */
	struct souk_time now;
	struct souk_signed_tx txs[MARKET_BLOCK_TX_MAX]; /* of the block under construction */
	uint32_t tx_count;
	struct souk_receipt receipt; /* of the last transaction */
	uint8_t *log;
	size_t log_size, log_max;
};

struct market *market_new(void);
/* The same parties on another ledger: all that differs is its NAME. */
struct market *market_new_named(const char *name);
/* A ledger with one of most things on it: six blocks, sealed, none under construction. */
struct market *market_example(void);
/* The same, and four blocks more: a standing allotment, strips claimed together, a receipt lodged
 * and claimed, and an open leaf that was issued twice. */
struct market *market_example_more(void);
void market_free(struct market *market);
struct souk_genesis market_genesis(const struct market *market);
void market_seal(struct market *market);
void market_begin(struct market *market);
void market_advance(struct market *market, uint64_t ms);
/* Move on until the epoch is over and drawn; NUMBER is the current one. */
void market_finish_epoch(struct market *market);

/* Sign with the account's next nonce and apply. */
souk_status market_send(struct market *market, enum party from, const struct souk_tx_body *body);
/* The transaction that market_send would send. */
void market_sign(struct souk_signed_tx *ret, const struct market *market, enum party from,
	const struct souk_tx_body *body);
/* Apply and assert that it is accepted. */
void market_do(struct market *market, enum party from, const struct souk_tx_body *body);
/* Apply and assert that it is refused with STATUS, and that not a byte changed. */
void market_refuse(struct market *market, enum party from, const struct souk_tx_body *body,
	souk_status status);
void market_refuse_signed(
	struct market *market, const struct souk_signed_tx *tx, souk_status status);

uint64_t market_balance(const struct market *market, enum party who);
void market_fund(struct market *market, enum party who, uint64_t ncoin);

/* Bodies. */
struct souk_tx_body body_faucet(uint64_t ncoin);
struct souk_tx_body body_transfer(const struct market *market, enum party to, uint64_t ncoin);
struct souk_tx_body body_open(uint8_t salt, uint64_t line, uint64_t prize, uint64_t deposit);
struct souk_tx_body body_top_up(const struct souk_hash *escrow, uint64_t ncoin);
struct souk_tx_body body_close(const struct souk_hash *escrow);
struct souk_tx_body body_withdraw(const struct souk_hash *escrow);
struct souk_tx_body body_register(uint64_t deposit);
struct souk_tx_body body_draw(struct market *market, uint64_t epoch);
/* As body_open, with a penalty. */
struct souk_tx_body body_open_penal(
	uint8_t salt, uint64_t line, uint64_t prize, uint64_t deposit, uint64_t penalty);
/* What stands on ESCROW ends with this epoch. */
struct souk_tx_body body_stand_no_more(const struct souk_hash *escrow);
struct souk_tx_body body_claim_many(const struct souk_tx_body *claims, size_t count);
struct souk_tx_body body_double_issue(
	const struct souk_strip_open *first, const struct souk_strip_open *second);
struct souk_hash market_escrow_id(const struct market *market, enum party payer, uint8_t salt);

/* One allotment with leaves for BOB, CAROL and DAVE, and one strip on one of them. */
struct sale {
	struct souk_allotment_leaf leaves[3];
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	struct souk_payer_strip payer;
	struct souk_chain keys;
	struct souk_strip_open open;
};

/* Amounts of the three leaves; 0 makes a leaf of nothing. */
void sale_init(struct sale *sale, const struct market *market, const struct souk_hash *escrow,
	uint64_t epoch, uint32_t segment, uint64_t bob, uint64_t carol, uint64_t dave);
struct souk_tx_body sale_allot(const struct sale *sale);
/* A strip over the first COUNT * PRICE of leaf INDEX. */
void sale_strip(struct sale *sale, const struct market *market, uint32_t index, uint32_t count,
	uint64_t price);
/* A strip that starts at START, for PAYEE: the leaf may be open. SALT tells strips apart that are
 * on the same leaf. */
void sale_strip_at(struct sale *sale, const struct market *market, uint32_t index, enum party payee,
	uint64_t start, uint32_t count, uint64_t price, uint8_t salt);
struct souk_tx_body sale_claim(struct sale *sale, uint32_t unit);
/* SALE's leaves, for EPOCHS epochs from the next one on. */
struct souk_tx_body sale_stand(const struct sale *sale, uint32_t epochs);
/* The receipt for the first AMOUNT of leaf INDEX, signed by both. */
struct souk_tx_body sale_receipt(
	const struct sale *sale, const struct market *market, uint32_t index, uint64_t amount);

#endif
