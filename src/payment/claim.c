/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/claim.h"

#include <string.h>

#include "place.h"
#include "souk/base/check.h"
#include "souk/payment/allotment.h"

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

/* ---- many in one ---- */

static bool is_on_same_leaf(const struct souk_strip *a, const struct souk_strip *b)
{
	return souk_hash_equal(&a->escrow, &b->escrow) && a->epoch == b->epoch &&
	       a->segment == b->segment && a->leaf == b->leaf;
}

static bool is_same_leaf(const struct souk_claim *a, const struct souk_claim *b)
{
	if (!is_on_same_leaf(&a->strip, &b->strip) || a->leaf_path.count != b->leaf_path.count)
		return false;
	for (uint16_t i = 0; i < a->leaf_path.count; i++) {
		const struct souk_sum_step *x = &a->leaf_path.items[i], *y = &b->leaf_path.items[i];
		if (!souk_hash_equal(&x->hash, &y->hash) || x->sum.ncoin != y->sum.ncoin)
			return false;
	}
	return souk_address_equal(&a->leaf.provider, &b->leaf.provider) &&
	       souk_address_equal(&a->leaf.issuer, &b->leaf.issuer) &&
	       a->leaf.amount.ncoin == b->leaf.amount.ncoin;
}

static void copy_item(struct souk_claim_item *item, const struct souk_claim *claim)
{
	item->strip = claim->strip;
	item->signature = claim->signature;
	item->batch_index = claim->batch_index;
	item->batch_count = claim->batch_count;
	memcpy(&item->batch_path, &claim->batch_path, sizeof item->batch_path);
	item->unit = claim->unit;
	item->value = claim->value;
	memcpy(&item->value_path, &claim->value_path, sizeof item->value_path);
	item->key = claim->key;
	memcpy(&item->key_path, &claim->key_path, sizeof item->key_path);
}

souk_status souk_claim_many_build(
	struct souk_tx_claim_many *ret, const struct souk_claim *claims, size_t count)
{
	if (count == 0 || count > SOUK_CLAIM_ITEMS_MAX)
		return SOUK_LOCAL_FULL;
	for (size_t i = 1; i < count; i++) {
		if (!is_same_leaf(&claims[0], &claims[i]))
			return SOUK_LOCAL_STATE;
	}
	memset(ret, 0, sizeof *ret);
	ret->leaf = claims[0].leaf;
	memcpy(&ret->leaf_path, &claims[0].leaf_path, sizeof ret->leaf_path);
	for (size_t i = 0; i < count; i++)
		copy_item(&ret->items.items[i], &claims[i]);
	ret->items.count = (uint16_t)count;
	return SOUK_OK;
}

/* ---- verification ---- */

/* Batches whose signature by the leaf's issuer was found good. */
struct batches {
	size_t count;
	struct souk_hash digests[SOUK_CLAIM_ITEMS_MAX];
	struct souk_signature signatures[SOUK_CLAIM_ITEMS_MAX];
};

/* REFUSAL where VALUE is not value j of the chain. A path that is not needed must be empty. */
static souk_status verify_chain(const uint8_t tag[3], const struct souk_claim_item *item,
	const struct souk_hash *anchor, const struct souk_hash *checkpoints,
	const struct souk_hash *value, const struct souk_hash *siblings, size_t depth,
	souk_status refusal)
{
	struct souk_merkle_path path;
	const struct souk_strip *strip = &item->strip;
	if (merkle_path_set(&path, siblings, depth) != SOUK_OK)
		return SOUK_PEER_BAD_CHECKPOINT;
	if (item->unit < SOUK_CHAIN_SEGMENT && depth != 0)
		return SOUK_PEER_BAD_CHECKPOINT;
	if (souk_chain_verify(tag, &strip->nonce, strip->count, anchor, checkpoints, item->unit,
		    value, &path) != SOUK_OK)
		return refusal;
	return SOUK_OK;
}

static souk_status verify_chains(const struct souk_claim_item *item)
{
	const struct souk_strip *strip = &item->strip;
	SOUK_TRY(verify_chain(souk_chain_tag_ticket, item, &strip->anchor, &strip->checkpoints,
		&item->value, item->value_path.items, item->value_path.count,
		SOUK_PEER_BAD_TICKET));
	return verify_chain(souk_chain_tag_key, item, &strip->key_anchor, &strip->key_checkpoints,
		&item->key, item->key_path.items, item->key_path.count, SOUK_PEER_BAD_KEY);
}

/* A batch that several items share is recovered once. */
static souk_status verify_batch(struct batches *batches, const struct souk_claim_item *item,
	const struct souk_allotment_leaf *leaf)
{
	struct souk_hash digest;
	SOUK_TRY(strip_batch_digest(&digest, &item->strip, item->batch_index, item->batch_count,
		item->batch_path.items, item->batch_path.count));
	for (size_t i = 0; i < batches->count; i++) {
		if (souk_hash_equal(&batches->digests[i], &digest) &&
			memcmp(&batches->signatures[i], &item->signature, sizeof item->signature) ==
				0)
			return SOUK_OK;
	}
	SOUK_TRY(souk_ecdsa_verify(&leaf->issuer, &digest, &item->signature));
	batches->digests[batches->count] = digest;
	batches->signatures[batches->count++] = item->signature;
	return SOUK_OK;
}

/* All of ITEM but its leaf's path, which starts at BASE. */
static souk_status verify_item(struct souk_claim_span *ret, struct batches *batches,
	const struct souk_claim_item *item, const struct souk_allotment_leaf *leaf,
	struct souk_amount base)
{
	const struct souk_strip *strip = &item->strip;
	struct souk_amount lo, length, hi;
	if (item->unit == 0)
		return SOUK_PEER_BAD_TICKET;
	if (item->unit > strip->count)
		return SOUK_PEER_OVERDRAW;
	SOUK_TRY(verify_chains(item));
	SOUK_TRY(verify_batch(batches, item, leaf));
	if (souk_amount_add(&lo, base, strip->start) != SOUK_OK ||
		souk_amount_mul(&length, strip->price, item->unit) != SOUK_OK ||
		souk_amount_add(&hi, lo, length) != SOUK_OK)
		return SOUK_PEER_STRIP_RANGE;
	*ret = (struct souk_claim_span){lo, hi};
	return SOUK_OK;
}

souk_status souk_claim_verify(struct souk_amount *ret_lo, struct souk_amount *ret_hi,
	const struct souk_claim *claim, const struct souk_allotment_record *record)
{
	struct batches batches = {.count = 0};
	struct souk_claim_item item;
	struct souk_claim_span span;
	struct souk_amount base;
	SOUK_TRY(strip_place(&base, &claim->strip, &claim->leaf, claim->leaf_path.items,
		claim->leaf_path.count, record));
	copy_item(&item, claim);
	SOUK_TRY(verify_item(&span, &batches, &item, &claim->leaf, base));
	*ret_lo = span.lo;
	*ret_hi = span.hi;
	return SOUK_OK;
}

souk_status souk_claim_many_verify(struct souk_claim_span *ret_spans,
	const struct souk_tx_claim_many *many, const struct souk_allotment_record *record)
{
	struct batches batches = {.count = 0};
	struct souk_claim_span spans[SOUK_CLAIM_ITEMS_MAX];
	const struct souk_strip *first = &many->items.items[0].strip;
	struct souk_amount base;
	if (many->items.count == 0)
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(souk_allotment_verify(&base, record, &many->leaf, first->leaf,
		many->leaf_path.items, many->leaf_path.count));
	for (uint16_t i = 0; i < many->items.count; i++) {
		const struct souk_claim_item *item = &many->items.items[i];
		if (!is_on_same_leaf(first, &item->strip))
			return SOUK_PEER_BAD_PATH;
		SOUK_TRY(strip_fits(&item->strip, &many->leaf));
		SOUK_TRY(verify_item(&spans[i], &batches, item, &many->leaf, base));
	}
	memcpy(ret_spans, spans, many->items.count * sizeof spans[0]);
	return SOUK_OK;
}
