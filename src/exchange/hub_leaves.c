/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/hub_leaves.h"

#include <string.h>

/* A new leaf is worth at least this part of what is left of the line. */
#define LEAF_PART 32u

static uint64_t left_of(const struct souk_hub_leaf *leaf)
{
	return leaf->free.amount.ncoin - leaf->free.used.ncoin;
}

bool souk_hub_leaf_has_room(const struct souk_hub_leaf *leaf, struct souk_amount need)
{
	return left_of(leaf) >= need.ncoin;
}

struct souk_amount souk_hub_leaf_amount(struct souk_amount need, struct souk_amount room)
{
	uint64_t part = room.ncoin / LEAF_PART;
	return souk_amount_of_ncoin(part > need.ncoin ? part : need.ncoin);
}

struct souk_hub_leaf *souk_hub_leaves_find(
	struct souk_hub_leaves *leaves, const struct souk_address *provider, uint64_t epoch)
{
	struct souk_hub_leaf *best = NULL;
	for (uint32_t i = 0; i < SOUK_HUB_LEAVES_MAX; i++) {
		struct souk_hub_leaf *leaf = &leaves->items[i];
		if (leaf->free.amount.ncoin == 0 || leaf->free.epoch != epoch ||
			!souk_address_equal(&leaf->provider, provider))
			continue;
		if (best == NULL || left_of(leaf) > left_of(best))
			best = leaf;
	}
	return best;
}

/* A free place, or that of the leaf used longest ago. */
static struct souk_hub_leaf *take_place(struct souk_hub_leaves *leaves)
{
	struct souk_hub_leaf *oldest = &leaves->items[0];
	for (uint32_t i = 0; i < SOUK_HUB_LEAVES_MAX; i++) {
		struct souk_hub_leaf *leaf = &leaves->items[i];
		if (leaf->free.amount.ncoin == 0)
			return leaf;
		if (leaf->used_at < oldest->used_at)
			oldest = leaf;
	}
	return oldest;
}

void souk_hub_leaves_keep(struct souk_hub_leaves *leaves, const struct souk_payer_leaf *free,
	const struct souk_strip_open *proof)
{
	struct souk_hub_leaf *leaf = take_place(leaves);
	*leaf = (struct souk_hub_leaf){
		.provider = proof->leaf.provider,
		.free = *free,
		.leaf = proof->leaf,
		.depth = proof->leaf_path.count,
		.used_at = ++leaves->clock,
	};
	memcpy(leaf->path, proof->leaf_path.items, proof->leaf_path.count * sizeof *leaf->path);
}

void souk_hub_leaves_restore(
	struct souk_hub_leaves *leaves, const struct souk_hub_session_record *record)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_amount end;
	if (souk_strip_end(&end, strip) != SOUK_OK)
		return;
	for (uint32_t i = 0; i < SOUK_HUB_LEAVES_MAX; i++) {
		struct souk_payer_leaf *free = &leaves->items[i].free;
		if (free->amount.ncoin == 0 || free->epoch != strip->epoch ||
			free->segment != strip->segment || free->index != strip->leaf)
			continue;
		if (souk_amount_is_less(free->used, end))
			free->used = end;
		return;
	}
	struct souk_payer_leaf fresh = {
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.segment = strip->segment,
		.index = strip->leaf,
		.amount = record->strip_open.leaf.amount,
		.used = end,
	};
	souk_hub_leaves_keep(leaves, &fresh, &record->strip_open);
}

void souk_hub_leaves_use(
	struct souk_hub_leaves *leaves, struct souk_hub_leaf *leaf, struct souk_strip_open *proof)
{
	leaf->used_at = ++leaves->clock;
	proof->leaf = leaf->leaf;
	proof->leaf_path.count = leaf->depth;
	memcpy(proof->leaf_path.items, leaf->path, leaf->depth * sizeof *leaf->path);
}
