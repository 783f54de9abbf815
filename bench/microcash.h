/* SPDX-License-Identifier: Apache-2.0
 *
 * microcash.h - MicroCash (Almashaqbeh, Bishop, Cappos, FC 2020), from its paper.
 *
 *   customer ---- id_esc || payee || number || signature ----> merchant      every payment
 *   merchant ---- the same bytes, where the number won ------> ledger        one per prize
 *
 * The numbers of a draw round are 0 .. tickets - 1, shared by all payees of the
 * escrow. After the round a verifiable delay over a block gives the draw:
 * h1 = H(id_esc || delay output), h2 = H(h1), ..., each modulo the round's
 * tickets; numbers that came before are skipped, so that the winners of a round
 * are an exact count. The ledger pays each winning number once.
 *
 * In its favour: plain 64-byte signatures (the paper's claim and ticket have 110
 * bytes, these 102), keys parsed beforehand, one draw per round and escrow kept
 * by the ledger, and neither the delay function, its proof, nor the evidence
 * against double spending is charged. */
#ifndef SOUK_BENCH_MICROCASH_H
#define SOUK_BENCH_MICROCASH_H

#include "signer.h"
#include "souk/base/bitmap.h"
#include "souk/base/bytes.h"
#include "souk/base/map.h"

#define MICROCASH_SIGNED_SIZE 38 /* 32 escrow, 2 payee, 4 number */
#define MICROCASH_TICKET_SIZE (MICROCASH_SIGNED_SIZE + BENCH_SIGNATURE_SIZE)

/* What customer and merchant agree on, and the ledger knows. */
struct microcash_escrow {
	struct souk_hash id;
	struct bench_key key; /* the customer's */
	uint32_t first;	      /* number of the round being paid */
	uint32_t tickets;     /* numbers of a round */
	uint32_t winners;     /* of them */
	uint16_t payees;
	uint64_t prize, balance;
	uint64_t *won, *paid; /* bits by number in the round, of the ledger */
};

/* A merchant's side of one escrow. It must keep every ticket until the draw. */
struct microcash_merchant {
	const struct microcash_escrow *escrow;
	uint16_t payee;
	uint64_t *seen; /* bits by number in the round */
	uint64_t accepted;
	uint8_t (*kept)[BENCH_SIGNATURE_SIZE]; /* in a ring of kept_count */
	uint32_t kept_count;
};

/* The customer signs a ticket. */
bool microcash_issue(uint8_t ret[MICROCASH_TICKET_SIZE], const struct microcash_escrow *escrow,
	uint16_t payee, uint32_t number);

/* The merchant: escrow, payee, the round's range, duplicates, signature; then accounts for it. */
bool microcash_accept(
	struct microcash_merchant *merchant, const uint8_t ticket[MICROCASH_TICKET_SIZE]);

/* Bits of the winning numbers of a round into BITS, for the output of the delay function. */
void microcash_draw(uint64_t *bits, const struct souk_hash *escrow, const struct souk_hash *delay,
	uint32_t tickets, uint32_t winners);

/* The ledger: its escrows by id, and what it owes each payee. */
struct microcash_ledger {
	struct microcash_escrow *escrows;
	struct souk_map map;
	uint32_t *slots;
	uint64_t balances[UINT16_MAX + 1];
};

/* Whether there was memory. ESCROWS outlive it. */
bool microcash_ledger_init(
	struct microcash_ledger *ledger, struct microcash_escrow *escrows, uint32_t count);
void microcash_ledger_done(struct microcash_ledger *ledger);
/* Nothing is paid yet. */
void microcash_ledger_reset(struct microcash_ledger *ledger, uint32_t count);

/* A winning ticket comes in: escrow, payee, range, won, unpaid, signature; then pays. */
bool microcash_claim(struct microcash_ledger *ledger, const uint8_t ticket[MICROCASH_TICKET_SIZE]);

/* The penalty escrow in rounds of spend (what is paid out per round: p * prize * tickets), for M
 * payees, TICKETS per round of which a share P wins, a draw DELAY and REDEEM rounds to claim. */
double microcash_penalty_rounds(
	double payees, double tickets, double p, double delay, double redeem);

#endif
