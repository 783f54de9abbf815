/* SPDX-License-Identifier: Apache-2.0
 *
 * race.h - Souk beside MicroCash and MICROPAY: the same core, the same run.
 *
 * Rounds are interleaved: each measures every system once, one after the other,
 * so that what disturbs the machine disturbs them all. A rate is the median over
 * the rounds; a ratio is the median of the ratios of each round.
 *
 *   customer  payments issued per second
 *   provider  payments verified and accounted for per second
 *   ledger    claims of one prize each, from bytes to a paid account, per second
 *
 * Souk's rates count everything that a payment brings with it: the customer's
 * strips are made and signed, the provider's verified, at OURS_UNITS payments for
 * each. */
#ifndef SOUK_BENCH_RACE_H
#define SOUK_BENCH_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "payout.h"

#define RACE_ROUNDS_MAX 15

enum race_role {
	RACE_CUSTOMER,
	RACE_PROVIDER,
	RACE_LEDGER,
	RACE_ROLES,
};

enum race_system {
	RACE_SOUK,
	RACE_MICROCASH_SECP256K1,
	RACE_MICROCASH_ED25519,
	RACE_MICROPAY_SECP256K1,
	RACE_MICROPAY_ED25519,
	RACE_SYSTEMS,
};

/* Of Souk's own parts. */
enum race_part {
	RACE_ISSUE,
	RACE_OPEN_STRIPS,
	RACE_VERIFY,
	RACE_VERIFY_MANY,
	RACE_VERIFY_STRIPS,
	RACE_VERIFY_CLAIMS,
	RACE_PARTS,
};

struct race {
	unsigned rounds;
	double rates[RACE_SYSTEMS][RACE_ROLES][RACE_ROUNDS_MAX];
	double parts[RACE_PARTS][RACE_ROUNDS_MAX];
	size_t ticket_bytes, strip_bytes, claim_bytes, claim_tx_bytes, allot_tx_bytes;
	size_t batched_claim_bytes; /* a strip's share of a transaction that claims CLAIMS_MAX */
	struct payout payouts[PAYOUT_SYSTEMS];
	uint32_t payout_epochs;
};

/* Run it: about two seconds for each round. Whether it could; the reason is on standard error. */
bool race_run(struct race *race, unsigned rounds, uint32_t payout_epochs);

double race_rate(const struct race *race, enum race_system system, enum race_role role);
double race_part(const struct race *race, enum race_part part);
/* Souk's rate divided by SYSTEM's. */
double race_ratio(const struct race *race, enum race_system system, enum race_role role);
/* The faster of SYSTEM's two signature schemes in ROLE; SYSTEM is the one with secp256k1. */
enum race_system race_faster(const struct race *race, enum race_system system, enum race_role role);

/* ---- what follows by arithmetic ---- */

/* Bytes on the ledger per million payments, at PAYOUT_TICKETS payments for a prize. Souk has a
 * claim for every PER_CLAIM payments and shares its allotment among PAYOUT_PAYEES; the others have
 * one claim for each prize. */
double race_ledger_bytes(const struct race *race, enum race_system system, double per_claim);
/* From how many prizes per claim on Souk needs fewer bytes on the ledger than SYSTEM. */
double race_crossover_bytes(const struct race *race, enum race_system system);
/* The same where a transaction claims as many strips as it can. */
double race_crossover_bytes_batched(const struct race *race, enum race_system system);
/* From how many prizes per claim on Souk's ledger needs less time than SYSTEM's. */
double race_crossover_time(const struct race *race, enum race_system system);
/* Payments per strip from which Souk's provider is faster than SYSTEM's. */
double race_crossover_strip(const struct race *race, enum race_system system);
/* Souk's provider, at COUNT payments for each strip. */
double race_provider_rate_at(const struct race *race, double count);

/* The setting of the capital table: what is locked, in rounds (epochs) of spend. */
#define RACE_DRAW_ROUNDS   10
#define RACE_REDEEM_ROUNDS 10
double race_payment_capital(void);
double race_penalty_capital(enum race_system system, double payees);

#endif
