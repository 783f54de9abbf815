/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/allotment.h - who may be paid how much of an epoch's value line.
 *
 *   escrow's value line of one epoch: [0, C)
 *   |-- segment 0 ------------------|-- segment 1 --------|   free   |
 *   | leaf 0 | leaf 1 |   leaf 2    | leaf 0 |   leaf 1   |          C
 *
 * The payer allots a segment by putting one Merkle-sum root on the ledger. A
 * path from a leaf to that root proves an interval that no other leaf shares,
 * so one coin cannot be promised to two providers: there is nothing to punish.
 * Later segments of the same epoch start where the last one ended.
 *
 * Invariants: P1 sum of leaves = total.  P2 verified intervals are disjoint.
 *             P3 every interval lies below C.
 * Memory: caller's. Threads: any. Spec: spec/payment.md 2. */
#ifndef SOUK_PAYMENT_ALLOTMENT_H
#define SOUK_PAYMENT_ALLOTMENT_H

#include "souk/crypto/sum_tree.h"
#include "souk/wire/messages.h"

/* Leaves of one allotment, a power of two. */
#define SOUK_ALLOTMENT_LEAVES_MAX (1u << SOUK_MERKLE_DEPTH_MAX)

/* souk_allotment_commit: the root and total to put on the ledger.
 *
 *  In:  leaves, count   1 to SOUK_ALLOTMENT_LEAVES_MAX
 *       nodes           scratch: room for COUNT rounded up to a power of two
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_OVERFLOW  the amounts add up to no amount; allot less.
 *   SOUK_LOCAL_FULL      too many leaves, or none. */
SOUK_MUST_CHECK souk_status souk_allotment_commit(struct souk_sum_node *ret_root,
	const struct souk_allotment_leaf *leaves, size_t count, struct souk_sum_node *nodes);

/* souk_allotment_prove: the path of leaf INDEX, in its wire form, into OPEN's leaf and leaf_path.
 * As souk_allotment_commit. */
SOUK_MUST_CHECK souk_status souk_allotment_prove(struct souk_strip_open *open,
	const struct souk_allotment_leaf *leaves, size_t count, size_t index,
	struct souk_sum_node *nodes);

/* souk_allotment_verify: where LEAF's interval starts on the value line.
 *
 *  In: record   the allotment as the ledger has it
 *      path     siblings from the leaf up, DEPTH of them
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_PATH  refuse the strip or the claim. */
SOUK_MUST_CHECK souk_status souk_allotment_verify(struct souk_amount *ret_base,
	const struct souk_allotment_record *record, const struct souk_allotment_leaf *leaf,
	uint32_t index, const struct souk_sum_step *path, size_t depth);

#endif
