/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/sum_tree.h - a Merkle tree whose every node also carries a sum.
 *
 * A leaf commits to its bytes and an amount; a node to both children's hashes
 * AND both children's sums: H(0x03 || lh || ls || rh || rs), sum = ls + rs,
 * overflow-checked; leaf H(0x02 || data || amount). Absent leaves up to a power
 * of two have hash 0 and sum 0. A path therefore proves an interval [start,
 * start + amount) of the root's total, and the intervals of any two verified
 * paths of different leaves are disjoint: what makes double spending across
 * payees impossible rather than punishable.
 *
 * Memory: caller's. Threads: any. Spec: spec/payment.md. */
#ifndef SOUK_CRYPTO_SUM_TREE_H
#define SOUK_CRYPTO_SUM_TREE_H

#include "souk/base/amount.h"
#include "souk/base/bytes.h"
#include "souk/crypto/merkle.h"

struct souk_sum_node {
	struct souk_hash hash;
	struct souk_amount sum;
};

struct souk_sum_path {
	uint32_t depth;
	struct souk_sum_node siblings[SOUK_MERKLE_DEPTH_MAX]; /* from the leaf up */
};

struct souk_sum_node souk_sum_leaf(struct souk_bytes data, struct souk_amount amount);

/* souk_sum_root: over COUNT leaves in NODES, which has room for the next power of two and is
 * consumed as scratch.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_OVERFLOW  the amounts add up to no amount. Allot less. */
SOUK_MUST_CHECK souk_status souk_sum_root(
	struct souk_sum_node *ret, struct souk_sum_node *nodes, size_t count);

/* The path of leaf INDEX; as souk_sum_root, and SOUK_LOCAL_FULL past SOUK_MERKLE_DEPTH_MAX. */
SOUK_MUST_CHECK souk_status souk_sum_prove(
	struct souk_sum_path *ret, struct souk_sum_node *nodes, size_t count, size_t index);

/* souk_sum_verify: where leaf INDEX's interval starts under ROOT.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_PATH  another root or total, an overflow, or INDEX past the path's width:
 *                       refuse the message. */
SOUK_MUST_CHECK souk_status souk_sum_verify(struct souk_amount *ret_start,
	const struct souk_sum_node *root, const struct souk_sum_node *leaf, uint32_t index,
	const struct souk_sum_path *path);

#endif
