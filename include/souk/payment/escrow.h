/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/escrow.h - the terms of an escrow, and how much to lock.
 *
 * Memory: values. Threads: any. Spec: spec/payment.md 1. */
#ifndef SOUK_PAYMENT_ESCROW_H
#define SOUK_PAYMENT_ESCROW_H

#include "souk/wire/messages.h"

/* Epochs of one escrow that may be open to claims at once. */
#define SOUK_ESCROW_OPEN_MAX 8u
/* Segments of one epoch. */
#define SOUK_ESCROW_SEGMENTS_MAX 1024u
/* Epochs for which an allotment may stand. */
#define SOUK_ESCROW_STANDING_MAX 4096u
/* Winning points on one value line: line / prize. */
#define SOUK_ESCROW_POINTS_MAX (1u << 20)
/* One part of so many of a forfeited penalty is the reporter's. The rest is burned, or a payer that
 * is found out would report itself and lose nothing. */
#define SOUK_ESCROW_REPORTER_PARTS 10u

/* The id of the escrow that PAYER opens with SALT on LEDGER. The ledger is in it because strips
 * name their escrow only: what was paid on one ledger must be worth nothing on another. */
struct souk_hash souk_escrow_id(const struct souk_hash *ledger, const struct souk_address *payer,
	const struct souk_nonce *salt);

/* souk_escrow_check_terms: LINE is a positive multiple of PRIZE, at most SOUK_ESCROW_POINTS_MAX of
 * it.
 *
 * Returns SOUK_OK, or SOUK_PEER_ESCROW_TERMS: refuse the escrow. */
SOUK_MUST_CHECK souk_status souk_escrow_check_terms(
	struct souk_amount line, struct souk_amount prize);

/* souk_escrow_deposit_for: what to lock so that LINE can be spent in every epoch without a gap:
 * line * (1 + ceil(d / T) + ceil(r / T)).
 *
 * Returns SOUK_OK, or SOUK_LOCAL_OVERFLOW: choose a shorter line. */
SOUK_MUST_CHECK souk_status souk_escrow_deposit_for(
	struct souk_amount *ret, struct souk_amount line, const struct souk_genesis *genesis);

#endif
