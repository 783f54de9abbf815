/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/strip.h"

#include <string.h>

#include "place.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/allotment.h"

souk_status souk_strip_end(struct souk_amount *ret, const struct souk_strip *strip)
{
	struct souk_amount length, end;
	if (strip->count == 0 || strip->count > SOUK_CHAIN_LENGTH_MAX || strip->price.ncoin == 0)
		return SOUK_PEER_STRIP_RANGE;
	if (souk_amount_mul(&length, strip->price, strip->count) != SOUK_OK ||
		souk_amount_add(&end, strip->start, length) != SOUK_OK)
		return SOUK_PEER_STRIP_RANGE;
	*ret = end;
	return SOUK_OK;
}

souk_status merkle_path_set(
	struct souk_merkle_path *ret, const struct souk_hash *siblings, size_t depth)
{
	if (depth > SOUK_MERKLE_DEPTH_MAX)
		return SOUK_PEER_BAD_PATH;
	ret->depth = (uint32_t)depth;
	if (depth != 0)
		memcpy(ret->siblings, siblings, depth * sizeof *siblings);
	return SOUK_OK;
}

static struct souk_hash batch_leaf(const struct souk_strip *strip)
{
	struct souk_hash digest = souk_strip_digest(strip);
	return souk_merkle_leaf(souk_bytes_of(digest.bytes, sizeof digest.bytes));
}

/* The count is signed too: where the tree's shape around a strip is the same for several counts,
 * the path alone would not fix it, and one claim could be written in several ways. */
static struct souk_hash batch_digest(const struct souk_hash *root, uint32_t count)
{
	uint8_t message[SOUK_HASH_SIZE + 4];
	memcpy(message, root->bytes, SOUK_HASH_SIZE);
	souk_store_be32(message + SOUK_HASH_SIZE, count);
	return souk_sha256_domain("strips", souk_bytes_of(message, sizeof message));
}

/* NODES is a copy of LEAVES to be consumed; the path fits, as count is at most 256. */
static void set_batch_path(struct souk_strip_open *open, const struct souk_hash *leaves,
	uint32_t count, uint32_t index)
{
	struct souk_hash nodes[SOUK_STRIP_BATCH_MAX];
	struct souk_merkle_path path;
	memcpy(nodes, leaves, count * sizeof *leaves);
	SOUK_CHECK(souk_merkle_prove(&path, nodes, count, index) == SOUK_OK);
	SOUK_CHECK(path.depth <= SOUK_COUNT_OF(open->batch_path.items));
	open->batch_index = index;
	open->batch_count = count;
	open->batch_path.count = (uint16_t)path.depth;
	memcpy(open->batch_path.items, path.siblings, path.depth * sizeof *path.siblings);
}

souk_status souk_strip_sign_batch(
	struct souk_strip_open *const *opens, size_t count, const struct souk_identity *issuer)
{
	struct souk_hash leaves[SOUK_STRIP_BATCH_MAX];
	struct souk_signature signature;
	if (count == 0 || count > SOUK_STRIP_BATCH_MAX)
		return SOUK_LOCAL_FULL;
	for (size_t i = 0; i < count; i++)
		leaves[i] = batch_leaf(&opens[i]->strip);
	for (uint32_t i = 0; i < count; i++)
		set_batch_path(opens[i], leaves, (uint32_t)count, i);
	struct souk_hash root = souk_merkle_root(leaves, count);
	struct souk_hash digest = batch_digest(&root, (uint32_t)count);
	souk_ecdsa_sign(&signature, &digest, issuer);
	for (size_t i = 0; i < count; i++)
		opens[i]->signature = signature;
	return SOUK_OK;
}

/* The root that PATH leads to from leaf INDEX of COUNT; the signature says whether it is right. */
static souk_status batch_root(struct souk_hash *ret, const struct souk_hash *leaf, uint32_t index,
	uint32_t count, const struct souk_hash *path, size_t depth)
{
	struct souk_hash node = *leaf;
	size_t used = 0;
	if (count == 0 || count > SOUK_STRIP_BATCH_MAX || index >= count)
		return SOUK_PEER_BAD_BATCH;
	for (; count > 1; index /= 2, count = count / 2 + count % 2) {
		if ((index ^ 1) >= count)
			continue; /* the odd one at the end moves up */
		if (used == depth)
			return SOUK_PEER_BAD_BATCH;
		node = index % 2 == 0 ? souk_merkle_node(&node, &path[used])
				      : souk_merkle_node(&path[used], &node);
		used++;
	}
	if (used != depth)
		return SOUK_PEER_BAD_BATCH;
	*ret = node;
	return SOUK_OK;
}

souk_status strip_batch_digest(struct souk_hash *ret, const struct souk_strip *strip,
	uint32_t batch_index, uint32_t batch_count, const struct souk_hash *path, size_t depth)
{
	struct souk_hash root, node = batch_leaf(strip);
	SOUK_TRY(batch_root(&root, &node, batch_index, batch_count, path, depth));
	*ret = batch_digest(&root, batch_count);
	return SOUK_OK;
}

souk_status souk_strip_verify_signature(const struct souk_strip *strip,
	const struct souk_allotment_leaf *leaf, const struct souk_signature *signature,
	uint32_t batch_index, uint32_t batch_count, const struct souk_hash *path, size_t depth)
{
	struct souk_hash digest;
	SOUK_TRY(strip_batch_digest(&digest, strip, batch_index, batch_count, path, depth));
	return souk_ecdsa_verify(&leaf->issuer, &digest, signature);
}

/* A chain without checkpoints has one root only, so that a strip has one form. */
static bool is_checkpoint_root_formed(uint32_t count, const struct souk_hash *root)
{
	return souk_chain_checkpoint_count(count) != 0 || souk_hash_is_zero(root);
}

souk_status strip_fits(const struct souk_strip *strip, const struct souk_allotment_leaf *leaf)
{
	struct souk_amount end;
	if (strip->version != SOUK_STRIP_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_is_zero(&leaf->provider) &&
		!souk_address_equal(&leaf->provider, &strip->payee))
		return SOUK_PEER_NOT_PAYEE;
	SOUK_TRY(souk_strip_end(&end, strip));
	if (souk_amount_is_less(leaf->amount, end))
		return SOUK_PEER_STRIP_RANGE;
	if (!is_checkpoint_root_formed(strip->count, &strip->checkpoints) ||
		!is_checkpoint_root_formed(strip->count, &strip->key_checkpoints))
		return SOUK_PEER_BAD_CHECKPOINT;
	return SOUK_OK;
}

souk_status strip_place(struct souk_amount *ret_base, const struct souk_strip *strip,
	const struct souk_allotment_leaf *leaf, const struct souk_sum_step *path, size_t depth,
	const struct souk_allotment_record *record)
{
	SOUK_TRY(strip_fits(strip, leaf));
	return souk_allotment_verify(ret_base, record, leaf, strip->leaf, path, depth);
}

static souk_status verify_ticket_leaves(const struct souk_strip_open *open)
{
	struct souk_hash nodes[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t count = souk_chain_checkpoint_count(open->strip.count);
	if (open->ticket_leaves.count != count)
		return SOUK_PEER_BAD_CHECKPOINT;
	memcpy(nodes, open->ticket_leaves.items, count * sizeof *nodes);
	struct souk_hash root = souk_merkle_root(nodes, count);
	return souk_hash_equal(&root, &open->strip.checkpoints) ? SOUK_OK
								: SOUK_PEER_BAD_CHECKPOINT;
}

souk_status souk_strip_open_verify(struct souk_amount *ret_base, const struct souk_strip_open *open,
	const struct souk_allotment_record *record)
{
	struct souk_amount base;
	SOUK_TRY(strip_place(&base, &open->strip, &open->leaf, open->leaf_path.items,
		open->leaf_path.count, record));
	SOUK_TRY(verify_ticket_leaves(open));
	SOUK_TRY(souk_strip_verify_signature(&open->strip, &open->leaf, &open->signature,
		open->batch_index, open->batch_count, open->batch_path.items,
		open->batch_path.count));
	*ret_base = base;
	return SOUK_OK;
}

void souk_signed_strip_of(struct souk_signed_strip *ret, const struct souk_strip_open *open)
{
	memset(ret, 0, sizeof *ret);
	ret->strip = open->strip;
	ret->signature = open->signature;
	ret->batch_index = open->batch_index;
	ret->batch_count = open->batch_count;
	ret->batch_path.count = open->batch_path.count;
	memcpy(ret->batch_path.items, open->batch_path.items, sizeof open->batch_path.items);
	ret->leaf = open->leaf;
	ret->leaf_path.count = open->leaf_path.count;
	memcpy(ret->leaf_path.items, open->leaf_path.items, sizeof open->leaf_path.items);
}

souk_status souk_signed_strip_verify(struct souk_amount *ret_base,
	const struct souk_signed_strip *strip, const struct souk_allotment_record *record)
{
	struct souk_amount base;
	SOUK_TRY(strip_place(&base, &strip->strip, &strip->leaf, strip->leaf_path.items,
		strip->leaf_path.count, record));
	SOUK_TRY(souk_strip_verify_signature(&strip->strip, &strip->leaf, &strip->signature,
		strip->batch_index, strip->batch_count, strip->batch_path.items,
		strip->batch_path.count));
	*ret_base = base;
	return SOUK_OK;
}
