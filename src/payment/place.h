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

/* strip_place: version, range inside the leaf, form of the checkpoint roots, allotment path.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _STRIP_RANGE, _BAD_CHECKPOINT, _BAD_PATH. */
SOUK_MUST_CHECK souk_status strip_place(struct souk_amount *ret_base,
	const struct souk_strip *strip, const struct souk_allotment_leaf *leaf,
	const struct souk_sum_step *path, size_t depth, const struct souk_allotment_record *record);

/* merkle_path_set: a path from its wire form.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PATH: deeper than any path may be. */
SOUK_MUST_CHECK souk_status merkle_path_set(
	struct souk_merkle_path *ret, const struct souk_hash *siblings, size_t depth);

#endif
