/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/claim.h - turn a strip's last ticket into the prizes that it won.
 *
 * A claim carries the leaf's path, the strip with its batch path and signature,
 * x_j, and k_j: nobody is paid for unit j without publishing the keys of units
 * 1 to j. Both chains are verified from the checkpoint below j, so a claim
 * costs a judge at most 2 * 255 steps, whatever j is.
 *
 * Every bit of a claim is bound: by the signature, by the allotment's root, by a
 * chain, or by having one form only. So no two claims prove the same unit.
 *
 * Memory: caller's. Threads: any. Spec: spec/payment.md 6. */
#ifndef SOUK_PAYMENT_CLAIM_H
#define SOUK_PAYMENT_CLAIM_H

#include "souk/payment/payee.h"

/* souk_claim_build: the claim for UNIT (at least 1) of a verified strip.
 *
 *  In: open    as the customer sent it
 *      value   x_unit
 *      keys    the provider's key chain of that session
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE  unit is 0 or past the strip, or OPEN, VALUE or KEYS are of another strip. */
SOUK_MUST_CHECK souk_status souk_claim_build(struct souk_claim *ret,
	const struct souk_strip_open *open, uint32_t unit, const struct souk_hash *value,
	struct souk_chain *keys);

/* souk_claim_verify: that CLAIM proves the right to [*ret_lo, *ret_hi) of the value line.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _BAD_PATH, _STRIP_RANGE, _OVERDRAW, _BAD_BATCH,
 * _BAD_SIGNATURE, _WRONG_SIGNER, _BAD_TICKET (x_j), _BAD_KEY (k_j), _BAD_CHECKPOINT:
 * refuse it; nothing is paid. */
SOUK_MUST_CHECK souk_status souk_claim_verify(struct souk_amount *ret_lo,
	struct souk_amount *ret_hi, const struct souk_claim *claim,
	const struct souk_allotment_record *record);

/* Strips of one leaf that one transaction may claim. */
#define SOUK_CLAIM_ITEMS_MAX 8u

/* What a claim proves the right to: [lo, hi) of the value line. */
struct souk_claim_span {
	struct souk_amount lo, hi;
};

/* souk_claim_many_build: COUNT claims of one leaf as one transaction.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL   more than SOUK_CLAIM_ITEMS_MAX, or none; send several.
 *   SOUK_LOCAL_STATE  they are not on one leaf of one allotment. */
SOUK_MUST_CHECK souk_status souk_claim_many_build(
	struct souk_tx_claim_many *ret, const struct souk_claim *claims, size_t count);

/* souk_claim_many_verify: souk_claim_verify of each item. The leaf's path is verified once, and so
 * is a batch signature that items share.
 *
 *  Out: ret_spans  one for each item
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_REQUEST (no item), _BAD_PATH (also where an item is on another
 * leaf), and those of souk_claim_verify for the first bad item: refuse all. */
SOUK_MUST_CHECK souk_status souk_claim_many_verify(struct souk_claim_span *ret_spans,
	const struct souk_tx_claim_many *many, const struct souk_allotment_record *record);

#endif
