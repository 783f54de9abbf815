/* SPDX-License-Identifier: Apache-2.0
 *
 * The hub's escrow: a leaf for each provider that its customers buy from, and sessions on them.
 *
 * A leaf is worth many sessions, so that few need a transaction. After a restart it goes on where
 * the stored sessions end: they hold its path. What is not used of it is free again after the
 * epoch. */
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "hub_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

#define ALLOT_TRIES 4
/* A new leaf is at least this part of what is left of the line: of the line itself, so many
 * providers would use it up, and their customers find no room at any other. */
#define LEAF_PART 32u

static bool has_room(const struct hub_leaf *leaf, struct souk_amount need)
{
	return leaf->free.amount.ncoin - leaf->free.used.ncoin >= need.ncoin;
}

static struct hub_leaf *find_leaf(
	struct hub_node *node, const struct souk_address *provider, uint64_t epoch)
{
	struct hub_leaf *best = NULL;
	for (uint32_t i = 0; i < HUB_LEAVES_MAX; i++) {
		struct hub_leaf *leaf = &node->leaves[i];
		if (leaf->free.amount.ncoin == 0 || leaf->free.epoch != epoch ||
			!souk_address_equal(&leaf->provider, provider))
			continue;
		if (best == NULL || leaf->free.amount.ncoin - leaf->free.used.ncoin >
					    best->free.amount.ncoin - best->free.used.ncoin)
			best = leaf;
	}
	return best;
}

/* A free entry, or the one used longest ago: the rest of that leaf is lost for its epoch. */
static struct hub_leaf *take_entry(struct hub_node *node)
{
	struct hub_leaf *oldest = &node->leaves[0];
	for (uint32_t i = 0; i < HUB_LEAVES_MAX; i++) {
		struct hub_leaf *leaf = &node->leaves[i];
		if (leaf->free.amount.ncoin == 0)
			return leaf;
		if (leaf->used_at < oldest->used_at)
			oldest = leaf;
	}
	return oldest;
}

static void keep_leaf(struct hub_node *node, const struct souk_payer_leaf *free,
	const struct souk_strip_open *proof)
{
	struct hub_leaf *leaf = take_entry(node);
	*leaf = (struct hub_leaf){
		.provider = proof->leaf.provider,
		.free = *free,
		.leaf = proof->leaf,
		.depth = proof->leaf_path.count,
		.used_at = ++node->leaf_clock,
	};
	memcpy(leaf->path, proof->leaf_path.items, proof->leaf_path.count * sizeof *leaf->path);
}

void hub_restore_leaf(struct hub_node *node, const struct souk_hub_session_record *record)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_amount end;
	if (souk_strip_end(&end, strip) != SOUK_OK)
		return;
	for (uint32_t i = 0; i < HUB_LEAVES_MAX; i++) {
		struct souk_payer_leaf *free = &node->leaves[i].free;
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
	keep_leaf(node, &fresh, &record->strip_open);
}

/* A further segment with one leaf for PROVIDER, worth NEED at least. */
static souk_status allot(struct hub_node *node, const struct souk_address *provider,
	struct souk_amount need, struct souk_strip_open *proof)
{
	struct souk_sum_node nodes[2];
	struct souk_allotment_leaf leaves[2];
	struct line_room room;
	souk_status status = SOUK_PEER_ALLOTMENT_INDEX;
	SOUK_TRY(line_nobodys_leaf(&leaves[1], node->identity));
	for (int i = 0; i < ALLOT_TRIES && status == SOUK_PEER_ALLOTMENT_INDEX; i++) {
		SOUK_TRY(line_find_room(node->chain, &node->hub.config.escrow, &room));
		uint64_t amount = room.amount.ncoin / LEAF_PART;
		amount = amount > need.ncoin ? amount : need.ncoin;
		amount = amount < room.amount.ncoin ? amount : room.amount.ncoin;
		if (amount < need.ncoin)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		leaves[0] = (struct souk_allotment_leaf){.provider = *provider,
			.issuer = node->identity->address,
			.amount = souk_amount_of_ncoin(amount)};
		status = line_allot(node->chain, node->identity, &node->hub.config.escrow, &room,
			leaves, 2, nodes);
	}
	SOUK_TRY(status);
	struct souk_payer_leaf fresh = {
		.escrow = node->hub.config.escrow,
		.epoch = room.epoch,
		.segment = room.segment,
		.amount = leaves[0].amount,
	};
	SOUK_TRY(souk_allotment_prove(proof, leaves, 2, 0, nodes));
	keep_leaf(node, &fresh, proof);
	SOUK_LOG(SOUK_LOG_INFO, "hub_allotted",
		souk_log_hex("provider", provider->bytes, SOUK_ADDRESS_SIZE),
		souk_log_u64("epoch", room.epoch), souk_log_amount("amount", leaves[0].amount));
	return SOUK_OK;
}

/* A leaf for OPEN's provider with room for all of it. Under money_lock. */
static souk_status make_leaf_ready(struct hub_node *node, const struct souk_hub_open *open,
	struct souk_strip_open *proof, struct hub_leaf **ret)
{
	const struct souk_grant *grant = &open->grant.grant;
	struct souk_amount need;
	SOUK_TRY(souk_amount_mul(&need, grant->price, grant->units));
	struct hub_leaf *leaf = find_leaf(node, &grant->provider, open->ask.epoch);
	if (leaf == NULL || !has_room(leaf, need)) {
		souk_status status = allot(node, &grant->provider, need, proof);
		if (status != SOUK_OK) {
			SOUK_LOG(SOUK_LOG_WARN, "hub_cannot_allot", souk_log_status(status),
				souk_log_text("detail", souk_chain_detail(node->chain)));
			/* The operator's trouble, and no fault of the customer's. */
			return souk_status_class(status) == SOUK_CLASS_PEER ? SOUK_LOCAL_FULL
									    : status;
		}
		leaf = find_leaf(node, &grant->provider, open->ask.epoch);
		/* A new epoch began meanwhile. */
		if (leaf == NULL || !has_room(leaf, need))
			return SOUK_PEER_WRONG_EPOCH;
	}
	leaf->used_at = ++node->leaf_clock;
	proof->leaf = leaf->leaf;
	proof->leaf_path.count = leaf->depth;
	memcpy(proof->leaf_path.items, leaf->path, leaf->depth * sizeof *leaf->path);
	*ret = leaf;
	return SOUK_OK;
}

struct opening {
	struct souk_hub_session_record stored;
	struct souk_strip_open proof;
};

static souk_status open_with(struct hub_node *node, const struct souk_hub_open *open,
	struct opening *o, struct souk_strip_open *ret)
{
	struct hub_leaf *leaf = NULL;
	souk_status status = hub_newest_session(node, &open->strip.nonce, &o->stored);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	const struct souk_hub_session_record *stored = status == SOUK_OK ? &o->stored : NULL;
	pthread_mutex_lock(&node->lock);
	status = souk_hub_check(&node->hub, open, stored, hub_now());
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = make_leaf_ready(node, open, &o->proof, &leaf);
	else if (status == SOUK_LOCAL_EXISTS)
		status = SOUK_OK;
	SOUK_TRY(status);
	pthread_mutex_lock(&node->lock);
	status = souk_hub_open(&node->hub, open, stored, leaf != NULL ? &leaf->free : NULL,
		&o->proof, hub_now(), ret);
	pthread_mutex_unlock(&node->lock);
	return status;
}

souk_status hub_open(
	struct hub_node *node, const struct souk_hub_open *open, struct souk_strip_open *ret)
{
	struct opening *opening = calloc(1, sizeof *opening);
	if (opening == NULL)
		return SOUK_IO_MEMORY;
	pthread_mutex_lock(&node->money_lock);
	souk_status status = open_with(node, open, opening, ret);
	pthread_mutex_unlock(&node->money_lock);
	souk_bytes_wipe(opening, sizeof *opening);
	free(opening);
	if (status == SOUK_OK)
		status = hub_commit(node);
	return status;
}
