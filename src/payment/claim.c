/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/claim.h"

#include <string.h>

#include "place.h"
#include "souk/base/check.h"

/* Whether VALUE is x_UNIT, as far as the checkpoint leaves of OPEN go. */
static bool is_ticket_value(
	const struct souk_strip_open *open, uint32_t unit, const struct souk_hash *value)
{
	uint32_t checkpoint = unit / SOUK_CHAIN_SEGMENT;
	struct souk_hash below = souk_chain_walk(souk_chain_tag_ticket, &open->strip.nonce, unit,
		value, checkpoint * SOUK_CHAIN_SEGMENT);
	if (checkpoint == 0)
		return souk_hash_equal(&below, &open->strip.anchor);
	struct souk_hash leaf = souk_merkle_leaf(souk_bytes_of(below.bytes, sizeof below.bytes));
	return souk_hash_equal(&leaf, &open->ticket_leaves.items[checkpoint - 1]);
}

static bool is_key_chain_of(const struct souk_chain *keys, const struct souk_strip *strip)
{
	return keys->length == strip->count && souk_hash_equal(&keys->anchor, &strip->key_anchor) &&
	       souk_hash_equal(&keys->checkpoint_root, &strip->key_checkpoints);
}

/* The path of the checkpoint below UNIT into ITEMS; LEAVES is consumed. Returns its depth. */
static uint16_t checkpoint_path(struct souk_hash *items, size_t max, struct souk_hash *leaves,
	uint32_t count, uint32_t unit)
{
	struct souk_merkle_path path;
	if (unit < SOUK_CHAIN_SEGMENT)
		return 0;
	SOUK_CHECK(
		souk_merkle_prove(&path, leaves, count, unit / SOUK_CHAIN_SEGMENT - 1) == SOUK_OK);
	SOUK_CHECK(path.depth <= max);
	memcpy(items, path.siblings, path.depth * sizeof *items);
	return (uint16_t)path.depth;
}

static void copy_open(struct souk_claim *claim, const struct souk_strip_open *open)
{
	claim->strip = open->strip;
	claim->signature = open->signature;
	claim->batch_index = open->batch_index;
	claim->batch_count = open->batch_count;
	claim->batch_path.count = open->batch_path.count;
	memcpy(claim->batch_path.items, open->batch_path.items, sizeof open->batch_path.items);
	claim->leaf = open->leaf;
	claim->leaf_path.count = open->leaf_path.count;
	memcpy(claim->leaf_path.items, open->leaf_path.items, sizeof open->leaf_path.items);
}

souk_status souk_claim_build(struct souk_claim *ret, const struct souk_strip_open *open,
	uint32_t unit, const struct souk_hash *value, struct souk_chain *keys)
{
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t count = souk_chain_checkpoint_count(open->strip.count);
	if (unit == 0 || unit > open->strip.count || count != open->ticket_leaves.count)
		return SOUK_LOCAL_STATE;
	if (!is_key_chain_of(keys, &open->strip) || !is_ticket_value(open, unit, value))
		return SOUK_LOCAL_STATE;
	memset(ret, 0, sizeof *ret);
	copy_open(ret, open);
	ret->unit = unit;
	ret->value = *value;
	memcpy(leaves, open->ticket_leaves.items, count * sizeof *leaves);
	ret->value_path.count = checkpoint_path(
		ret->value_path.items, SOUK_COUNT_OF(ret->value_path.items), leaves, count, unit);
	ret->key = souk_chain_value(keys, unit);
	souk_chain_checkpoint_leaves(keys, leaves);
	ret->key_path.count = checkpoint_path(
		ret->key_path.items, SOUK_COUNT_OF(ret->key_path.items), leaves, count, unit);
	return SOUK_OK;
}

/* REFUSAL where VALUE is not value j of the chain. A path that is not needed must be empty. */
static souk_status verify_chain(const uint8_t tag[3], const struct souk_claim *claim,
	const struct souk_hash *anchor, const struct souk_hash *checkpoints,
	const struct souk_hash *value, const struct souk_hash *siblings, size_t depth,
	souk_status refusal)
{
	struct souk_merkle_path path;
	const struct souk_strip *strip = &claim->strip;
	if (merkle_path_set(&path, siblings, depth) != SOUK_OK)
		return SOUK_PEER_BAD_CHECKPOINT;
	if (claim->unit < SOUK_CHAIN_SEGMENT && depth != 0)
		return SOUK_PEER_BAD_CHECKPOINT;
	if (souk_chain_verify(tag, &strip->nonce, strip->count, anchor, checkpoints, claim->unit,
		    value, &path) != SOUK_OK)
		return refusal;
	return SOUK_OK;
}

static souk_status verify_chains(const struct souk_claim *claim)
{
	const struct souk_strip *strip = &claim->strip;
	SOUK_TRY(verify_chain(souk_chain_tag_ticket, claim, &strip->anchor, &strip->checkpoints,
		&claim->value, claim->value_path.items, claim->value_path.count,
		SOUK_PEER_BAD_TICKET));
	return verify_chain(souk_chain_tag_key, claim, &strip->key_anchor, &strip->key_checkpoints,
		&claim->key, claim->key_path.items, claim->key_path.count, SOUK_PEER_BAD_KEY);
}

souk_status souk_claim_verify(struct souk_amount *ret_lo, struct souk_amount *ret_hi,
	const struct souk_claim *claim, const struct souk_allotment_record *record)
{
	const struct souk_strip *strip = &claim->strip;
	struct souk_amount base, lo, length, hi;
	SOUK_TRY(strip_place(&base, strip, &claim->leaf, claim->leaf_path.items,
		claim->leaf_path.count, record));
	if (claim->unit == 0)
		return SOUK_PEER_BAD_TICKET;
	if (claim->unit > strip->count)
		return SOUK_PEER_OVERDRAW;
	SOUK_TRY(verify_chains(claim));
	SOUK_TRY(souk_strip_verify_signature(strip, &claim->leaf, &claim->signature,
		claim->batch_index, claim->batch_count, claim->batch_path.items,
		claim->batch_path.count));
	if (souk_amount_add(&lo, base, strip->start) != SOUK_OK ||
		souk_amount_mul(&length, strip->price, claim->unit) != SOUK_OK ||
		souk_amount_add(&hi, lo, length) != SOUK_OK)
		return SOUK_PEER_STRIP_RANGE;
	*ret_lo = lo;
	*ret_hi = hi;
	return SOUK_OK;
}
