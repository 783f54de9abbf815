/* SPDX-License-Identifier: Apache-2.0
 *
 * place.h - what a strip_open and a claim have in common: a strip on its leaf.
 *
 * Private to src/payment. Both are judged by the same code, so that a strip
 * which a provider accepted can't fail as a claim.
 *
 * Memory: caller's. Threads: any. Spec: spec/payment.md 3. */
#ifndef SOUK_PAYMENT_PLACE_H
#define SOUK_PAYMENT_PLACE_H

#include "souk/payment/strip.h"

/* strip_fits: version, payee, range inside the leaf, form of the checkpoint roots.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _NOT_PAYEE, _STRIP_RANGE, _BAD_CHECKPOINT. */
SOUK_MUST_CHECK souk_status strip_fits(
	const struct souk_strip *strip, const struct souk_allotment_leaf *leaf);

/* strip_place: strip_fits, and the allotment's path.
 *
 * Returns SOUK_OK, or those of strip_fits, or SOUK_PEER_BAD_PATH. */
SOUK_MUST_CHECK souk_status strip_place(struct souk_amount *ret_base,
	const struct souk_strip *strip, const struct souk_allotment_leaf *leaf,
	const struct souk_sum_step *path, size_t depth, const struct souk_allotment_record *record);

/* strip_batch_digest: what the issuer signed, if PATH is right.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_BATCH. */
SOUK_MUST_CHECK souk_status strip_batch_digest(struct souk_hash *ret,
	const struct souk_strip *strip, uint32_t batch_index, uint32_t batch_count,
	const struct souk_hash *path, size_t depth);

/* merkle_path_set: a path from its wire form.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PATH: deeper than any path may be. */
SOUK_MUST_CHECK souk_status merkle_path_set(
	struct souk_merkle_path *ret, const struct souk_hash *siblings, size_t depth);

#endif
