/* SPDX-License-Identifier: Apache-2.0
 *
 * micropay.h - MICROPAY1 (Pass, shelat, CCS 2015), from its paper.
 *
 *   merchant ---- c = H(r1 || s), address ------------------------> customer
 *   customer ---- escrow, c, r2, address, signature over them ----> merchant
 *   merchant ---- all that, r1, s, where r1 xor r2 ends in zeros -> ledger
 *
 * One coin toss for each payment, so the merchant speaks first, and its number
 * of wins is binomial. A win spends the escrow, so a customer needs one for each
 * win that is not settled yet.
 *
 * In its favour: one address for all payments of a merchant (the paper has a
 * fresh one, a point multiplication, for each), compact signatures (here 164
 * bytes from customer to merchant, where MicroCash's authors measure 274), keys
 * parsed beforehand, and the new escrow after each win is not charged. */
#ifndef SOUK_BENCH_MICROPAY_H
#define SOUK_BENCH_MICROPAY_H

#include "signer.h"
#include "souk/base/bytes.h"
#include "souk/base/map.h"
#include "souk/crypto/secret.h"

#define MICROPAY_RANDOM_SIZE  16
#define MICROPAY_REQUEST_SIZE 52  /* 32 commitment, 20 address */
#define MICROPAY_SIGNED_SIZE  100 /* 32 escrow, 32 commitment, 16 r2, 20 address */
#define MICROPAY_TICKET_SIZE  (MICROPAY_SIGNED_SIZE + BENCH_SIGNATURE_SIZE)
#define MICROPAY_CLAIM_SIZE   (MICROPAY_TICKET_SIZE + 2 * MICROPAY_RANDOM_SIZE) /* r1, s */

struct micropay_escrow {
	struct souk_hash id;
	struct bench_key key;
	uint32_t odds; /* one ticket in so many wins; a power of two */
	uint64_t prize;
	bool spent; /* the ledger's */
};

struct micropay_merchant {
	const struct micropay_escrow *escrow;
	struct souk_address address;
	struct souk_secret_rng *rng;
	/* Of the open request. */
	uint8_t random[2 * MICROPAY_RANDOM_SIZE]; /* r1, s */
	struct souk_hash commitment;
	uint64_t accepted, won;
	uint8_t claim[MICROPAY_CLAIM_SIZE]; /* the last win */
};

/* The merchant asks for a payment. */
void micropay_request(uint8_t ret[MICROPAY_REQUEST_SIZE], struct micropay_merchant *merchant);
/* The customer pays it. */
bool micropay_issue(uint8_t ret[MICROPAY_TICKET_SIZE], const struct micropay_escrow *escrow,
	const uint8_t request[MICROPAY_REQUEST_SIZE], struct souk_secret_rng *rng);
/* The merchant: escrow, commitment, address, signature; then looks whether it won. */
bool micropay_accept(
	struct micropay_merchant *merchant, const uint8_t ticket[MICROPAY_TICKET_SIZE]);

struct micropay_account {
	struct souk_address address;
	uint64_t balance;
};

struct micropay_ledger {
	struct micropay_escrow *escrows;
	struct micropay_account *accounts;
	struct souk_map map, account_map;
	uint32_t *slots, *account_slots;
};

bool micropay_ledger_init(struct micropay_ledger *ledger, struct micropay_escrow *escrows,
	uint32_t count, struct micropay_account *accounts, uint32_t account_count);
void micropay_ledger_done(struct micropay_ledger *ledger);

/* A win comes in: escrow unspent, commitment opened, coin, signature; then pays. */
bool micropay_claim(struct micropay_ledger *ledger, const uint8_t claim[MICROPAY_CLAIM_SIZE]);

#endif
