/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/receipt.h - one receipt in place of all strips of a leaf.
 *
 * Strips are laid for more than is bought in the end, so what a provider earned
 * lies on its leaf in pieces, and the lottery may be off by a prize for each.
 * When the epoch is over, issuer and payee may agree on the sum instead: the
 * receipt pays the first `amount` of the leaf, one piece.
 *
 *   the leaf:    |#### .|## ....|###### ...|          strips, used in part
 *   its receipt: |############|                       the same amount
 *
 *   payee                                    issuer
 *     |   build, countersign: "so much, and no strip besides"
 *     |------------------------------------------>|   check, issue: "so much is owed"
 *     |<------------------------------------------|
 *
 * Either may sign first. Both sign ONE receipt for a leaf, when nothing is bought
 * on it any more: with two of them, the other side would choose after the draw.
 *
 * Memory: caller's. Threads: any. Spec: spec/payment.md 6. */
#ifndef SOUK_PAYMENT_RECEIPT_H
#define SOUK_PAYMENT_RECEIPT_H

#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

/* souk_leaf_receipt_build: the receipt for the first AMOUNT of LEAF, unsigned.
 *
 *  In: strip   any strip of that leaf: says where it is
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE  the leaf is open, or AMOUNT is 0 or more than it holds: there is no receipt
 *                     for that; claim the strips. */
SOUK_MUST_CHECK souk_status souk_leaf_receipt_build(struct souk_signed_leaf_receipt *ret,
	const struct souk_strip *strip, const struct souk_allotment_leaf *leaf,
	struct souk_amount amount);

/* Sign as the leaf's issuer, and as its payee. */
void souk_leaf_receipt_issue(
	struct souk_signed_leaf_receipt *receipt, const struct souk_identity *issuer);
void souk_leaf_receipt_countersign(
	struct souk_signed_leaf_receipt *receipt, const struct souk_identity *payee);

/* souk_leaf_receipt_check: what the receipt says of LEAF, whoever has signed.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION  not version 1.
 *   SOUK_PEER_NOT_PAYEE    for somebody else, or the leaf is open.
 *   SOUK_PEER_STRIP_RANGE  for more than the leaf holds, or for nothing.
 * Do not sign it. */
SOUK_MUST_CHECK souk_status souk_leaf_receipt_check(
	const struct souk_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf);

/* souk_leaf_receipt_verify_issuer, _verify_payee: that the other side has signed.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_SIGNATURE, SOUK_PEER_WRONG_SIGNER: keep the strips. */
SOUK_MUST_CHECK souk_status souk_leaf_receipt_verify_issuer(
	const struct souk_signed_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf);
SOUK_MUST_CHECK souk_status souk_leaf_receipt_verify_payee(
	const struct souk_signed_leaf_receipt *receipt);

/* souk_leaf_receipt_verify: all of it, and where the leaf starts on the value line: the receipt
 * pays [*ret_base, *ret_base + amount).
 *
 *  In: path    siblings from the leaf up, DEPTH of them
 *      record  the allotment as the ledger has it
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PATH and those of the three above: refuse it. */
SOUK_MUST_CHECK souk_status souk_leaf_receipt_verify(struct souk_amount *ret_base,
	const struct souk_signed_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf,
	const struct souk_sum_step *path, size_t depth, const struct souk_allotment_record *record);

#endif
