/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_epochs.h - an escrow as it is now, and the epochs in which it may have to pay.
 *
 *   absent --allot, or what stands, at the epoch's start--> open --claims--> open
 *          <---------- window over: the rest is free again, records pruned ---'
 *
 * A standing allotment funds each epoch at its start, and nobody sends a
 * transaction then. So the record in the store says how things stood when the
 * escrow was last touched, and what has happened at every start since follows
 * from it and from the epochs' records alone. ledger_escrow_get computes it;
 * ledger_escrow_put writes it, with all that a transaction has changed besides.
 *
 * Invariant: what ledger_escrow_get gives does not depend on when, or how often, anybody touched
 * the escrow before. Private to src/ledger. Memory: caller's, about 1 KiB. Spec: spec/ledger.md 5.
 */
#ifndef SOUK_LEDGER_ESCROW_EPOCHS_H
#define SOUK_LEDGER_ESCROW_EPOCHS_H

#include "souk/ledger/ledger.h"
#include "souk/payment/escrow.h"

struct ledger_escrow {
	struct souk_hash id;
	struct souk_escrow_record record; /* as it is now */
	struct souk_hash root;		  /* what stood when the fresh epochs began */
	struct souk_amount total;
	uint16_t fresh_count, gone_count;
	uint64_t fresh[SOUK_ESCROW_OPEN_MAX];		   /* funded, and not yet in the store */
	struct souk_open_epoch gone[SOUK_ESCROW_OPEN_MAX]; /* expired, and still in the store */
};

/* Whether claims on EPOCH are over: drawn, and claim_ms gone by since. */
bool ledger_epoch_expired(const struct souk_ledger *ledger, const struct souk_epoch_record *epoch);

/* ledger_escrow_get: the escrow ID, rolled up to the block's time. Writes nothing.
 *
 * Returns SOUK_OK, or SOUK_PEER_NO_ESCROW, SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_escrow_get(
	struct ledger_escrow *ret, const struct souk_ledger *ledger, const struct souk_hash *id);

/* Write the escrow: allotments that what stands has made, its record; what nobody needs any more
 * is deleted. SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_escrow_put(
	struct souk_ledger *ledger, const struct ledger_escrow *escrow);
/* Delete an escrow that has no open epoch. */
SOUK_MUST_CHECK souk_status ledger_escrow_del(
	struct souk_ledger *ledger, const struct ledger_escrow *escrow);

/* A segment of an open epoch; SOUK_PEER_NO_ALLOTMENT where there is none. */
SOUK_MUST_CHECK souk_status ledger_escrow_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct ledger_escrow *escrow, uint64_t epoch,
	uint32_t segment);

/* Whole prizes for the line up to END: a point just below END wins a full one.
 * SOUK_LOCAL_OVERFLOW. */
SOUK_MUST_CHECK souk_status ledger_reserve_for(
	struct souk_amount *ret, struct souk_amount prize, struct souk_amount end);

/* NULL where EPOCH is not open. */
struct souk_open_epoch *ledger_epochs_find(struct souk_escrow_record *escrow, uint64_t epoch);

/* SOUK_PEER_TOO_MANY_EPOCHS where there is no room for another. */
SOUK_MUST_CHECK souk_status ledger_epochs_find_or_add(
	struct souk_open_epoch **ret, struct souk_escrow_record *escrow, uint64_t epoch);

#endif
