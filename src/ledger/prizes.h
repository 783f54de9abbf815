/* SPDX-License-Identifier: Apache-2.0
 *
 * prizes.h - winning points of one epoch that somebody has proved a right to.
 *
 *   open --add span (1 to 8)--> ... --pay--> credited, marked, written
 *
 * A claim, a batch of claims and a receipt differ in how they prove a right; what
 * they win is found, and paid, here. Until ledger_prizes_pay nothing is written.
 *
 * Private to src/ledger. Memory: caller's, about 1 KiB. Spec: spec/ledger.md 5. */
#ifndef SOUK_LEDGER_PRIZES_H
#define SOUK_LEDGER_PRIZES_H

#include "souk/payment/claim.h"
#include "apply.h"
#include "escrow_epochs.h"

/* Points first to first + count - 1 of the line. */
struct ledger_points {
	uint64_t first, count;
};

struct ledger_prizes {
	struct ledger_escrow escrow;
	struct souk_allotment_record allotment; /* of the segment that the claims are on */
	uint64_t epoch;
	bool drawn;
	struct souk_amount offset; /* once drawn */
	struct ledger_points spans[SOUK_CLAIM_ITEMS_MAX];
	uint32_t span_count;
	uint64_t unpaid; /* of their points */
};

/* ledger_prizes_open: the segment and its epoch, which may pay now or later.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NO_ESCROW, SOUK_PEER_NO_ALLOTMENT
 *   SOUK_PEER_CLAIM_LATE  the epoch's window is over. */
SOUK_MUST_CHECK souk_status ledger_prizes_open(struct ledger_prizes *ret,
	const struct ledger_tx *tx, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment);

/* As ledger_prizes_open, for whoever claims STRIP; SOUK_PEER_NOT_DRAWN where it cannot pay yet. */
SOUK_MUST_CHECK souk_status ledger_prizes_open_strip(
	struct ledger_prizes *ret, const struct ledger_tx *tx, const struct souk_strip *strip);

/* The key of what is known of leaf INDEX whose verified path has DEPTH siblings. An index alone
 * names no leaf: in a payer's crooked tree two leaves at different depths have the same one, and a
 * receipt for one of them would take the other's claims. */
struct souk_ledger_key ledger_leaf_key(const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment, uint32_t index, uint32_t depth);

/* SOUK_PEER_LEAF_CLAIMED where a receipt stands for the leaf of STRIP, at the end of a path of
 * DEPTH. */
SOUK_MUST_CHECK souk_status ledger_check_no_receipt(
	const struct ledger_tx *tx, const struct souk_strip *strip, uint32_t depth);

/* ledger_prizes_add: what [lo, hi) won and nobody was paid for, neither before nor by an earlier
 * span. The epoch is drawn.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_CLAIM_NO_PRIZE, SOUK_PEER_CLAIM_PAID */
SOUK_MUST_CHECK souk_status ledger_prizes_add(struct ledger_prizes *prizes,
	const struct ledger_tx *tx, struct souk_amount lo, struct souk_amount hi);

/* Whether any winning point of [lo, hi) is paid. The epoch is drawn. */
SOUK_MUST_CHECK souk_status ledger_prizes_any_paid(bool *ret, const struct ledger_prizes *prizes,
	const struct ledger_tx *tx, struct souk_amount lo, struct souk_amount hi);

/* ledger_prizes_pay: credit the signer, mark the points, write them and the escrow.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_OVERFLOW where the signer's account cannot hold it (nothing is
 * written then), or SOUK_CORRUPT_*, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_prizes_pay(struct ledger_prizes *prizes, struct ledger_tx *tx);

#endif
