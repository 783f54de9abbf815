/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/chain.h - hash chains of one SHA-256 block per step, with checkpoints.
 *
 *   v_{i-1} = SHA-256(tag3 || nonce16 || be32(i) || v_i)      55 bytes: one block
 *   anchor v_0 <-- v_1 <-- ... <-- v_n = secret
 *
 * Two chains run through a session: the customer's tickets (tag "SKT") and the
 * provider's unit keys (tag "SKK"). Every 256th value is a leaf of a Merkle
 * tree whose root is known from the start, so a judge verifies v_j from the
 * checkpoint below it: at most 255 steps and 8 path levels.
 *
 * An owner walks its chain forward, from v_1 to v_n, although it is computed
 * backward: it keeps every checkpoint and the 256 values of the current
 * segment, 16 KiB in all, and one hash per value on average beyond the first
 * pass.
 *
 * Memory: caller's, fixed size; holds secrets, wipe it. Threads: one owner.
 * Spec: spec/payment.md, spec/exchange.md. */
#ifndef SOUK_CRYPTO_CHAIN_H
#define SOUK_CRYPTO_CHAIN_H

#include "souk/base/bytes.h"
#include "souk/crypto/merkle.h"

#define SOUK_CHAIN_LENGTH_MAX	  65536u
#define SOUK_CHAIN_SEGMENT	  256u
#define SOUK_CHAIN_CHECKPOINT_MAX (SOUK_CHAIN_LENGTH_MAX / SOUK_CHAIN_SEGMENT)

extern const uint8_t souk_chain_tag_ticket[3]; /* "SKT" */
extern const uint8_t souk_chain_tag_key[3];    /* "SKK" */

struct souk_chain {
	uint8_t tag[3];
	struct souk_nonce nonce;
	uint32_t length;
	struct souk_hash anchor;
	struct souk_hash checkpoint_root;			 /* zero where length < 256 */
	struct souk_hash checkpoints[SOUK_CHAIN_CHECKPOINT_MAX]; /* v_256, v_512, ...: secret */
	struct souk_hash last;					 /* v_n: secret */
	struct souk_hash
		segment[SOUK_CHAIN_SEGMENT]; /* v_{256 s + 1} ... of segment_index: secret */
	uint32_t segment_index;
};

/* v_{i-1} from v_i. */
struct souk_hash souk_chain_step(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t i,
	const struct souk_hash *value);

/* v_from from v_i, FROM <= I: I - FROM steps. */
struct souk_hash souk_chain_walk(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t i,
	const struct souk_hash *value, uint32_t from);

/* The same for COUNT chains side by side, each of its NONCE, which costs half as much for each and
 * less: VALUES are v_i before and v_from after. */
void souk_chain_walk_lanes(const uint8_t tag[3], const struct souk_nonce *nonces, uint32_t i,
	uint32_t from, struct souk_hash *values, size_t count);

/* What the owner of COUNT chains of LENGTH states of each, side by side, without keeping them:
 * VALUES are v_n before and the anchors after. LEAVES[k] has room for souk_chain_checkpoint_count
 * of them; ROOTS are zero where there are none. */
void souk_chain_commit_lanes(const uint8_t tag[3], const struct souk_nonce *nonces, uint32_t length,
	struct souk_hash *values, struct souk_hash *const *leaves, struct souk_hash *roots,
	size_t count);

/* The chain of LENGTH (1 to SOUK_CHAIN_LENGTH_MAX) that ends in SECRET. */
void souk_chain_init(struct souk_chain *chain, const uint8_t tag[3], const struct souk_nonce *nonce,
	uint32_t length, const struct souk_hash *secret);

/* v_j, 0 <= j <= length. Cheap within one segment and onward; a step back recomputes a segment. */
struct souk_hash souk_chain_value(struct souk_chain *chain, uint32_t j);

/* Leaf hashes of the checkpoint tree (souk_merkle_leaf of each): safe to publish.
 * Returns how many: length / 256. */
uint32_t souk_chain_checkpoint_leaves(
	const struct souk_chain *chain, struct souk_hash ret[SOUK_CHAIN_CHECKPOINT_MAX]);

/* How many checkpoints a chain of LENGTH has, and which one a claim of J starts from (0: the
 * anchor). */
static inline uint32_t souk_chain_checkpoint_count(uint32_t length)
{
	return length / SOUK_CHAIN_SEGMENT;
}

/* souk_chain_verify: whether VALUE is v_j of the chain with ANCHOR and CHECKPOINT_ROOT.
 *
 *  In: path  of checkpoint j / 256 (counted from 1; leaf index j / 256 - 1); ignored where j < 256
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_CHECKPOINT  the path does not lead from the value to the root, or, where
 *                             j < 256, the value does not hash to the anchor: refuse the claim. */
SOUK_MUST_CHECK souk_status souk_chain_verify(const uint8_t tag[3], const struct souk_nonce *nonce,
	uint32_t length, const struct souk_hash *anchor, const struct souk_hash *checkpoint_root,
	uint32_t j, const struct souk_hash *value, const struct souk_merkle_path *path);

#endif
