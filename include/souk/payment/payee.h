/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/payee.h - a provider's side of a strip: accept tickets, keep O(1).
 *
 *   souk_payee_init --> OPEN -- ticket j, j' > j ... --> OPEN -- closes --> CLOSED
 *
 * A ticket is good when x_j hashes down to the last value accepted. It may jump
 * over lost ones, at most SOUK_TICKET_JUMP_MAX units, which bounds what a
 * hostile ticket can cost: one compression per unit.
 *
 * A ticket that reaches or jumps over a checkpoint must also match the leaf that
 * the strip published for it. Without that, a customer could publish a tree that
 * has nothing to do with the chain, and every claim past unit 255 would fail.
 *
 * Invariants: P4 unit strictly increases and never passes count: replay, reorder
 *             and loss are harmless.  P5 no ticket counts at or after `closes`.
 *             P6 an accepted ticket can be claimed.
 * Memory: caller's; borrows the strip_open's ticket leaves for its whole life. Threads: one owner.
 * Spec: spec/payment.md 4. */
#ifndef SOUK_PAYMENT_PAYEE_H
#define SOUK_PAYMENT_PAYEE_H

#include "souk/base/time.h"
#include "souk/payment/strip.h"

#define SOUK_TICKET_JUMP_MAX 256u

struct souk_payee {
	const struct souk_hash *ticket_leaves; /* of the strip_open */
	struct souk_nonce nonce;
	uint32_t number; /* of the strip in its session */
	uint32_t count;
	uint32_t unit;		/* last accepted; 0: none */
	struct souk_hash value; /* x_unit */
	struct souk_amount price;
	struct souk_time closes;  /* end of the epoch */
	struct souk_time expires; /* of the strip */
};

/* Start at the anchor of OPEN's strip. OPEN passed souk_strip_open_verify, stays where it is and
 * outlives the payee. CLOSES is the end of the strip's epoch. */
void souk_payee_init(struct souk_payee *payee, const struct souk_strip_open *open, uint32_t number,
	struct souk_time closes);
/* Continue from a stored (unit, value) of the same strip. */
void souk_payee_resume(struct souk_payee *payee, uint32_t unit, const struct souk_hash *value);
/* The ledger announced another end of the epoch. */
void souk_payee_set_close(struct souk_payee *payee, struct souk_time closes);

/* souk_payee_accept: digest one ticket.
 *
 * Checks number, time, unit and value, in this order.
 *
 * Returns SOUK_OK: units 1 to ticket->unit are paid, or
 *   SOUK_PEER_STALE_TICKET   unit is not above the last; harmless, ignore it.
 *   SOUK_PEER_OVERDRAW       past the strip's count. Refuse; ask for a new strip.
 *   SOUK_PEER_JUMP_TOO_FAR   refuse; the payer sends one in between.
 *   SOUK_PEER_BAD_TICKET     refuse, and count it against the peer.
 *   SOUK_PEER_BAD_CHECKPOINT the strip's checkpoints are not of its chain: what was accepted stays
 *                            good; serve no more on this strip, and count it against the peer.
 *   SOUK_PEER_STRIP_TERMS    the number of another strip; refuse.
 *   SOUK_PEER_EPOCH_CLOSED, SOUK_PEER_STRIP_EXPIRED  too late: serve no more on this strip.
 * In every case but SOUK_OK the payee is unchanged. */
SOUK_MUST_CHECK souk_status souk_payee_accept(
	struct souk_payee *payee, const struct souk_ticket *ticket, struct souk_time now);

/* souk_payee_accept_many: one ticket each for COUNT different payees, four chains at a time.
 * RET_STATUSES[i] is what souk_payee_accept would have returned for payees[i]. */
void souk_payee_accept_many(souk_status *ret_statuses, struct souk_payee *const *payees,
	const struct souk_ticket *tickets, size_t count, struct souk_time now);

/* What the accepted tickets are worth: unit * price. Cannot overflow: the strip was verified. */
struct souk_amount souk_payee_owed(const struct souk_payee *payee);

/* Whether the two strips use a common part of one leaf of one allotment. */
bool souk_payee_strips_overlap(const struct souk_strip *a, const struct souk_strip *b);

#endif
