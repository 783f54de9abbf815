/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/payer.h - a customer's side: lay strips on a leaf, issue tickets.
 *
 * souk_payer_leaf hands out a leaf's interval from its start, strip after
 * strip, never twice. souk_payer_strip owns a strip's ticket chain and issues
 * its tickets in rising order; the last issued ticket is what the strip has
 * cost, whatever the network lost.
 *
 * A strip may also be laid by somebody else, who gives its values one after the other (a hub,
 * souk/exchange/hub.h): souk_payer_strip_adopt and souk_payer_learn stand in for the chain then.
 *
 * Memory: caller's, fixed size (about 17 KiB); holds secrets. Threads: one owner.
 * Spec: spec/payment.md 3, 4. */
#ifndef SOUK_PAYMENT_PAYER_H
#define SOUK_PAYMENT_PAYER_H

#include "souk/payment/strip.h"

/* The part of one leaf that is still free for strips. */
struct souk_payer_leaf {
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t index;
	struct souk_amount amount;
	struct souk_amount used;
};

struct souk_payer_strip {
	struct souk_chain chain;
	struct souk_strip strip;
	uint32_t number;      /* of the strip in its session */
	uint32_t unit;	      /* last ticket issued; 0: none */
	bool adopted;	      /* the chain is another's; these two stand for it */
	uint32_t known;	      /* highest value learnt; 0: the anchor alone */
	struct souk_hash top; /* x_known */
};

/* souk_payer_strip_open: reserve the next COUNT * PRICE of LEAF and build the strip on it.
 *
 *  In/out: leaf      used grows
 *  In:     terms     payee, customer, request, nonce, key_anchor, key_checkpoints, price, count,
 *                    expires are read; the rest is filled in here. COUNT is the key chain's length
 *          secret    end of the ticket chain, 32 fresh secret bytes
 *  Out:    payer     payer->strip is complete
 *          open      strip and ticket_leaves are set: ready for souk_strip_sign_batch and
 *                    souk_allotment_prove
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_STRIP_RANGE  the leaf has not that much left (or terms are out of range); nothing
 *                          is changed. Allot a further segment. */
SOUK_MUST_CHECK souk_status souk_payer_strip_open(struct souk_payer_strip *payer,
	struct souk_payer_leaf *leaf, const struct souk_strip *terms, uint32_t number,
	const struct souk_hash *secret, struct souk_strip_open *open);

/* souk_payer_leaf_take: the same without a chain: reserve the next COUNT * PRICE of LEAF for STRIP,
 * whose chain was made elsewhere: its anchor and checkpoints are set, its place is filled in here.
 *
 * Returns as souk_payer_strip_open. */
SOUK_MUST_CHECK souk_status souk_payer_leaf_take(
	struct souk_payer_leaf *leaf, struct souk_strip *strip);

/* Issue tickets of STRIP, which is another's: values come by souk_payer_learn. */
void souk_payer_strip_adopt(
	struct souk_payer_strip *payer, const struct souk_strip *strip, uint32_t number);

/* souk_payer_learn: VALUE is said to be x_UNIT of an adopted strip.
 *
 * Returns SOUK_OK, or, with nothing changed,
 *   SOUK_PEER_STALE_TICKET  UNIT is known already.
 *   SOUK_PEER_OVERDRAW, SOUK_PEER_JUMP_TOO_FAR
 *   SOUK_PEER_BAD_TICKET    it does not lead to what is known: whoever gave it lies.
 *   SOUK_LOCAL_STATE        the strip is our own. */
SOUK_MUST_CHECK souk_status souk_payer_learn(
	struct souk_payer_strip *payer, uint32_t unit, const struct souk_hash *value);

/* souk_payer_pay: the ticket that pays units 1 to UNIT.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_STALE_TICKET   UNIT is not above the last ticket's. Nothing to pay.
 *   SOUK_PEER_OVERDRAW       UNIT is past the strip's count. Open a new strip.
 *   SOUK_PEER_JUMP_TOO_FAR   more than SOUK_TICKET_JUMP_MAX at once; pay a smaller step first.
 *   SOUK_LOCAL_UNBOUGHT      an adopted strip, whose values are not known so far. */
SOUK_MUST_CHECK souk_status souk_payer_pay(
	struct souk_ticket *ret, struct souk_payer_strip *payer, uint32_t unit);

/* The last ticket again, for a request that was lost; false where none was issued. */
bool souk_payer_last(struct souk_ticket *ret, struct souk_payer_strip *payer);

/* souk_payer_reissue: the ticket of a UNIT that is paid already, for a payee that lost so many
 * tickets that the last one is too far a jump for it. Costs nothing more.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE  UNIT is 0 or above the last ticket's: souk_payer_pay pays it. */
SOUK_MUST_CHECK souk_status souk_payer_reissue(
	struct souk_ticket *ret, struct souk_payer_strip *payer, uint32_t unit);

/* What the issued tickets are worth. */
struct souk_amount souk_payer_spent(const struct souk_payer_strip *payer);

void souk_payer_strip_wipe(struct souk_payer_strip *payer);

#endif
