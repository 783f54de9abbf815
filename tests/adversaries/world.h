/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - a small market: the real ledger, a payer with an escrow, providers that sell.
 *
 * Nobody here cheats. There is always a block under construction. */
#ifndef SOUK_ADVERSARIES_WORLD_H
#define SOUK_ADVERSARIES_WORLD_H

#include "attack.h"
#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/ledger/ledger.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"
#include "souk/payment/lottery.h"
#include "souk/payment/receipt.h"
#include "test_store.h"

/* Fails loudly: what an honest party does must work, whatever is removed from the code. */
#define REQUIRE(condition) require(condition, __FILE__, __LINE__, #condition)
void require(bool condition, const char *file, int line, const char *text);

#define PRICE	    1000u /* u: of one unit, in ncoin */
#define PRIZE_UNITS 16u	  /* a prize, in u */
#define PRIZE	    (PRIZE_UNITS * PRICE)
#define WINDOW	    4u
#define SALE_UNITS  64u /* of an ordinary sale: four prizes, whatever is drawn */
#define SHARES	    8u	/* leaves of a line, at most */
#define EPOCH_MS    10000u
#define DRAW_MS	    2000u
#define CLAIM_MS    19000u
#define UNLOCK_MS   5000u
#define BEACONS	    64u

enum party { OPERATOR, PAYER, CUSTOMER, STRANGER, PROVIDER, PARTIES = PROVIDER + SHARES };

struct world {
	uint64_t seed;
	struct souk_rng rng;
	struct test_store records;
	struct souk_ledger ledger;
	struct souk_time now;
	struct souk_chain beacons;
	struct souk_identity parties[PARTIES];
	struct souk_identity issuer; /* the payer's hot key */
	struct souk_receipt receipt; /* of the last transaction */
};

struct world *world_new(uint64_t seed);
/* The same parties on another ledger. */
struct world *world_new_named(uint64_t seed, const char *name);
void world_free(struct world *world);

/* Sign with the account's next nonce, and apply. */
souk_status world_send(struct world *world, enum party from, const struct souk_tx_body *body);
/* The same for somebody who is no party of the world. */
souk_status world_send_as(
	struct world *world, const struct souk_identity *signer, const struct souk_tx_body *body);
/* Money out of nothing, in u. */
void world_fund(struct world *world, enum party who, uint64_t units);
/* In u, whole ones. */
int64_t world_balance(const struct world *world, enum party who);
int64_t world_balance_ncoin(const struct world *world, enum party who);
/* Seal the block, and begin the next one so much later. */
void world_advance(struct world *world, uint64_t ms);
/* Move on to the end of the current epoch; not drawn yet. */
void world_end_epoch(struct world *world);
struct souk_hash world_beacon(struct world *world, uint64_t epoch);
souk_status world_draw(struct world *world, uint64_t epoch, const struct souk_hash *beacon);
/* End the current epoch, wait, draw; returns its beacon. */
struct souk_hash world_finish_epoch(struct world *world);

/* The payer's value line of one epoch, and how it is shared out. */
struct line {
	struct world *world;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t count;
	struct souk_allotment_leaf leaves[SHARES];
	struct souk_payer_leaf free[SHARES];
	struct souk_identity *issuer;
};

/* The escrow that PAYER opens with SALT: a line of LINE units, DEPOSIT units locked. */
struct souk_hash world_open_escrow(
	struct world *world, uint8_t salt, uint64_t line, uint64_t deposit);
/* COUNT leaves of UNITS each, for providers FIRST, FIRST + 1, ..., in the current epoch. */
void line_init(struct line *line, struct world *world, const struct souk_hash *escrow,
	uint32_t first, uint32_t count, uint64_t units);
/* What the payer would put on the ledger; segment 0. */
struct souk_allotment_record line_record(const struct line *line);
souk_status line_allot(struct line *line);
/* Path and signature of leaf INDEX. */
void line_complete(const struct line *line, uint32_t index, struct souk_strip_open *open);

/* An escrow whose whole deposit is one line, shared by COUNT providers, on the ledger. */
void line_open(struct line *line, struct world *world, uint32_t count, uint64_t units);

#endif
