/* SPDX-License-Identifier: Apache-2.0
 *
 * The sponsor's escrow: a leaf for each cache, and strips on them.
 *
 *   follower: allots for all caches together, ahead --keep--> leaf --use, strip after strip--> low
 *                ^                                                                              |
 *                '------------------------------- a further segment with new leaves <-----------'
 *
 * A strip never waits for the ledger, but where its leaf is too short: then its own request does.
 * How far a leaf is used is stored ahead of the strips, in steps: so few strips write a record of
 * their own, and after a crash a leaf goes on behind every strip that left. What is not used of it
 * is free again after the epoch. */
#include <stdlib.h>
#include <string.h>

#include "../client/escrow_line.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

#define ALLOT_TRIES 4
#define LAY_TRIES   3
#define RETRY_MS    2000u
/* New leaves together take this part of what is left of the line. */
#define LINE_PART 4u
/* A leaf with less than this part left is low. */
#define LOW_PART 4u
/* `used` is stored in steps of this part of a leaf. */
#define STORE_PART 64u
/* A new leaf of less units than that is not worth a transaction. */
#define LEAST_UNITS 4u
/* One network is drawn for this part of an epoch's line at most: bundles that are opened and never
 * paid use it up until the epoch is over, and one address could have all of it refused to others.
 */
#define NETWORK_PART 4u
#define CACHES_MAX   (SOUK_HUB_LEAVES_MAX / 2)

/* ------------------------------------------------------------------ leaves */

/* Under money_lock. What was stored of another leaf in its place no longer counts. */
static void keep_leaf(struct sponsor_node *node, const struct souk_payer_leaf *fresh,
	const struct souk_strip_open *proof)
{
	souk_hub_leaves_keep(&node->leaves, fresh, proof);
	for (uint32_t i = 0; i < SOUK_HUB_LEAVES_MAX; i++) {
		if (node->leaves.items[i].used_at == node->leaves.clock)
			node->stored[i] = fresh->used;
	}
}

void sponsor_restore_leaf(struct sponsor_node *node, const struct souk_sponsor_leaf_record *record)
{
	struct souk_payer_leaf fresh = {
		.escrow = record->escrow,
		.epoch = record->epoch,
		.segment = record->segment,
		.index = record->index,
		.amount = record->leaf.amount,
		.used = record->used,
	};
	struct souk_strip_open *proof = calloc(1, sizeof *proof);
	if (proof != NULL && !souk_amount_is_less(fresh.amount, fresh.used)) {
		proof->leaf = record->leaf;
		proof->leaf_path.count = record->path.count;
		memcpy(proof->leaf_path.items, record->path.items,
			record->path.count * sizeof *record->path.items);
		keep_leaf(node, &fresh, proof);
	}
	free(proof);
}

/* LEAF was used further: its record must be behind every strip before one leaves. */
static souk_status note_used(struct sponsor_node *node, const struct souk_hub_leaf *leaf)
{
	uint32_t index = (uint32_t)(leaf - node->leaves.items);
	uint8_t bytes[SOUK_SPONSOR_LEAF_RECORD_SIZE_MAX], id[SPONSOR_LEAF_ID_SIZE];
	struct souk_writer writer;
	struct souk_bytes encoded;
	uint64_t step = leaf->free.amount.ncoin / STORE_PART;
	uint64_t left = leaf->free.amount.ncoin - leaf->free.used.ncoin;
	if (!souk_amount_is_less(node->stored[index], leaf->free.used))
		return SOUK_OK;
	struct souk_sponsor_leaf_record record = {
		.escrow = leaf->free.escrow,
		.epoch = leaf->free.epoch,
		.segment = leaf->free.segment,
		.index = leaf->free.index,
		.used.ncoin = leaf->free.used.ncoin + (step < left ? step : left),
		.leaf = leaf->leaf,
		.path.count = leaf->depth,
	};
	memcpy(record.path.items, leaf->path, leaf->depth * sizeof *leaf->path);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_sponsor_leaf_record_encode(&writer, &record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	sponsor_store_leaf_id(id, &record);
	record_queue_round(&node->leaf_writes);
	SOUK_TRY(record_queue_put(&node->leaf_writes, SPONSOR_STORE_LEAF, id, sizeof id, encoded));
	node->stored[index] = record.used;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ allotments */

/* Who is to have a leaf, and of what worth at least. */
struct wanted {
	uint32_t count;
	struct souk_address providers[CACHES_MAX];
	struct souk_amount needs[CACHES_MAX];
};

/* What one of COUNT new leaves is worth. */
static struct souk_amount share_of(struct souk_amount room, uint32_t count)
{
	return souk_amount_of_ncoin(room.ncoin / LINE_PART / count);
}

static souk_status plan_leaves(struct sponsor_node *node, const struct wanted *wanted,
	struct souk_amount room, struct souk_allotment_leaf *leaves)
{
	struct souk_amount share = share_of(room, wanted->count), sum = SOUK_AMOUNT_ZERO;
	for (uint32_t i = 0; i < wanted->count; i++) {
		bool is_less = souk_amount_is_less(share, wanted->needs[i]);
		leaves[i] = (struct souk_allotment_leaf){.provider = wanted->providers[i],
			.issuer = node->identity->address,
			.amount = is_less ? wanted->needs[i] : share};
		SOUK_TRY(souk_amount_add(&sum, sum, leaves[i].amount));
	}
	return souk_amount_is_less(room, sum) ? SOUK_PEER_ALLOTMENT_OVER_LINE : SOUK_OK;
}

/* Under money_lock. */
static void note_room(struct sponsor_node *node, const struct line_room *room)
{
	node->room_epoch = room->epoch;
	node->room_is_known = true;
	node->room = room->amount;
	node->line = room->line;
}

static souk_status keep_all(struct sponsor_node *node, const struct souk_hash *escrow,
	const struct line_room *room, const struct souk_allotment_leaf *leaves, uint32_t count,
	struct souk_sum_node *nodes)
{
	struct souk_strip_open *proof = calloc(1, sizeof *proof);
	souk_status status = proof == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	pthread_mutex_lock(&node->money_lock);
	for (uint32_t i = 0; i < count && status == SOUK_OK; i++) {
		struct souk_payer_leaf fresh = {
			.escrow = *escrow,
			.epoch = room->epoch,
			.segment = room->segment,
			.index = i,
			.amount = leaves[i].amount,
		};
		/* The last of them is nobody's. */
		status = souk_allotment_prove(proof, leaves, count + 1, i, nodes);
		if (status == SOUK_OK)
			keep_leaf(node, &fresh, proof);
	}
	note_room(node, room);
	for (uint32_t i = 0; i < count; i++) {
		if (souk_amount_sub(&node->room, node->room, leaves[i].amount) != SOUK_OK)
			node->room = SOUK_AMOUNT_ZERO;
	}
	pthread_mutex_unlock(&node->money_lock);
	free(proof);
	return status;
}

struct allotting {
	struct souk_allotment_leaf leaves[CACHES_MAX + 1];
	struct souk_sum_node nodes[2 * CACHES_MAX];
};

static souk_status allot_with(
	struct sponsor_node *node, const struct wanted *wanted, struct allotting *a)
{
	struct line_room room;
	uint32_t count = wanted->count;
	souk_status status = SOUK_PEER_ALLOTMENT_INDEX;
	pthread_mutex_lock(&node->lock);
	struct souk_hash escrow = node->sponsor.config.escrow;
	pthread_mutex_unlock(&node->lock);
	SOUK_TRY(line_nobodys_leaf(&a->leaves[count], node->identity));
	for (int i = 0; i < ALLOT_TRIES && status == SOUK_PEER_ALLOTMENT_INDEX; i++) {
		SOUK_TRY(line_find_room(node->chain, &escrow, &room));
		SOUK_TRY(plan_leaves(node, wanted, room.amount, a->leaves));
		status = line_allot(node->chain, node->identity, &escrow, &room, a->leaves,
			count + 1, a->nodes);
	}
	SOUK_TRY(status);
	SOUK_LOG(SOUK_LOG_INFO, "sponsor_allotted", souk_log_u64("caches", count),
		souk_log_u64("epoch", room.epoch), souk_log_u64("segment", room.segment),
		souk_log_amount("each", a->leaves[0].amount));
	return keep_all(node, &escrow, &room, a->leaves, count, a->nodes);
}

/* Under allot_lock alone. */
static souk_status allot(struct sponsor_node *node, const struct wanted *wanted)
{
	struct allotting *a = calloc(1, sizeof *a);
	if (a == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = allot_with(node, wanted, a);
	free(a);
	if (status != SOUK_OK && status != node->allot_status)
		SOUK_LOG(SOUK_LOG_WARN, "sponsor_cannot_allot", souk_log_status(status),
			souk_log_text("detail", souk_chain_detail(node->chain)));
	node->allot_status = status;
	return status;
}

/* ------------------------------------------------------------------ ahead */

static bool is_wanted(const struct wanted *wanted, const struct souk_address *provider)
{
	for (uint32_t i = 0; i < wanted->count; i++) {
		if (souk_address_equal(&wanted->providers[i], provider))
			return true;
	}
	return false;
}

/* Every cache whose leaf is low, once. Under money_lock and lock. */
static void find_low(struct sponsor_node *node, struct wanted *wanted)
{
	const struct souk_sponsor *sponsor = &node->sponsor;
	struct souk_time now = sponsor_now();
	for (uint32_t i = 0; i < sponsor->cache_count && wanted->count < CACHES_MAX; i++) {
		const struct souk_sponsor_cache_record *r = &sponsor->memory.caches[i].record;
		const struct souk_address *provider = &r->offer.offer.provider;
		struct souk_amount least;
		if (r->barred || !souk_time_is_before(now, r->expires) ||
			is_wanted(wanted, provider) ||
			souk_amount_mul(&least, r->price, LEAST_UNITS) != SOUK_OK)
			continue;
		const struct souk_hub_leaf *leaf =
			souk_hub_leaves_find(&node->leaves, provider, sponsor->epoch);
		struct souk_amount low = SOUK_AMOUNT_ZERO;
		if (leaf != NULL)
			low.ncoin = leaf->free.amount.ncoin / LOW_PART;
		if (leaf != NULL && souk_hub_leaf_has_room(leaf, low))
			continue;
		wanted->providers[wanted->count] = *provider;
		wanted->needs[wanted->count++] = least;
	}
}

/* What bundles that were drawn want, for which no strips were laid yet. */
static uint64_t drawn_ncoin(const struct souk_sponsor *sponsor)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < sponsor->memory.bundle_max; i++) {
		const struct souk_sponsor_bundle *b = &sponsor->memory.bundles[i];
		if (b->state == SOUK_BUNDLE_DRAWN)
			sum += b->row.ncoin * b->record.units;
	}
	return sum;
}

/* The dearest price of a cache that may be drawn, and the least room that a leaf of one has. */
static void find_limits(struct sponsor_node *node, uint64_t *ret_price, uint64_t *ret_left)
{
	const struct souk_sponsor *sponsor = &node->sponsor;
	struct souk_time now = sponsor_now();
	*ret_price = 1;
	*ret_left = UINT64_MAX;
	for (uint32_t i = 0; i < sponsor->cache_count; i++) {
		const struct souk_sponsor_cache_record *r = &sponsor->memory.caches[i].record;
		if (r->barred || !souk_time_is_before(now, r->expires))
			continue;
		const struct souk_hub_leaf *leaf = souk_hub_leaves_find(
			&node->leaves, &r->offer.offer.provider, sponsor->epoch);
		uint64_t left = leaf == NULL ? 0 : leaf->free.amount.ncoin - leaf->free.used.ncoin;
		*ret_price = r->price.ncoin > *ret_price ? r->price.ncoin : *ret_price;
		*ret_left = left < *ret_left ? left : *ret_left;
	}
}

/* Where there is a quota for networks at all. */
static void limit_network(struct sponsor_node *node, uint64_t price)
{
	uint64_t quota = node->config.network_units, most = node->line.ncoin / price / NETWORK_PART;
	if (quota != 0 && most < quota)
		quota = most > 0 ? most : 1;
	node->sponsor.config.prefix_units = quota;
}

/* A viewer is not drawn more than its leaves and what is left of the line can pay: no strips could
 * be laid for it. */
void sponsor_limit(struct sponsor_node *node)
{
	uint64_t units = node->config.units_max, n = node->sponsor.config.caches, price, left;
	find_limits(node, &price, &left);
	/* The line outlasts epochs. */
	if (node->room_is_known)
		limit_network(node, price);
	if (node->room_is_known && node->room_epoch == node->sponsor.epoch) {
		uint64_t drawn = drawn_ncoin(&node->sponsor) / n, each = node->room.ncoin / n;
		each = left < UINT64_MAX - each ? each + left : UINT64_MAX;
		uint64_t most = each > drawn ? (each - drawn) / price : 0;
		units = most < units ? most : units;
	}
	node->sponsor.config.units_max = (uint32_t)units;
}

/* What there is of an escrow that can allot nothing: its line, and no room. */
static souk_status find_line(
	struct souk_chain_client *chain, const struct souk_hash *escrow, struct line_room *ret)
{
	struct souk_escrow_record record;
	souk_status status = souk_chain_escrow(chain, escrow, &record);
	if (status == SOUK_OK)
		ret->line = record.line;
	/* None yet, and so no line. */
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

souk_status sponsor_learn_line(
	struct sponsor_node *node, const struct souk_hash *escrow, uint64_t epoch)
{
	struct line_room room;
	pthread_mutex_lock(&node->money_lock);
	bool is_known = node->room_is_known && node->room_epoch == epoch;
	pthread_mutex_unlock(&node->money_lock);
	if (is_known)
		return SOUK_OK;
	pthread_mutex_lock(&node->allot_lock);
	souk_status status = line_find_room(node->chain, escrow, &room);
	if (status != SOUK_OK && souk_status_class(status) != SOUK_CLASS_IO) {
		room = (struct line_room){.epoch = epoch};
		status = find_line(node->chain, escrow, &room);
	}
	if (status == SOUK_OK) {
		pthread_mutex_lock(&node->money_lock);
		note_room(node, &room);
		pthread_mutex_unlock(&node->money_lock);
	}
	pthread_mutex_unlock(&node->allot_lock);
	return status;
}

void sponsor_allot_ahead(struct sponsor_node *node)
{
	struct wanted *wanted = calloc(1, sizeof *wanted);
	uint64_t now_ms = souk_clock_steady_ns() / 1000000;
	if (wanted == NULL)
		return;
	pthread_mutex_lock(&node->allot_lock);
	pthread_mutex_lock(&node->money_lock);
	pthread_mutex_lock(&node->lock);
	sponsor_limit(node);
	if (node->sponsor.epoch_known && now_ms >= node->allot_again_ms)
		find_low(node, wanted);
	pthread_mutex_unlock(&node->lock);
	pthread_mutex_unlock(&node->money_lock);
	if (wanted->count > 0) {
		souk_status status = allot(node, wanted);
		if (status != SOUK_OK)
			node->allot_again_ms = now_ms + RETRY_MS;
	}
	pthread_mutex_unlock(&node->allot_lock);
	free(wanted);
}

/* ------------------------------------------------------------------ strips */

/* LEAVES for all sessions of WORK; *WANTED those that have none. Under money_lock. */
static souk_status find_leaves(struct sponsor_node *node, const struct souk_sponsor_work *work,
	struct souk_hub_leaf **leaves, struct wanted *wanted)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	wanted->count = 0;
	for (uint32_t i = 0; i < r->sessions.count; i++) {
		const struct souk_sponsor_session_record *session = &r->sessions.items[i];
		struct souk_amount need;
		SOUK_TRY(souk_amount_mul(&need, session->price, r->units));
		leaves[i] = souk_hub_leaves_find(&node->leaves, &session->provider, r->epoch);
		if (leaves[i] != NULL && souk_hub_leaf_has_room(leaves[i], need))
			continue;
		wanted->providers[wanted->count] = session->provider;
		wanted->needs[wanted->count++] = need;
	}
	return SOUK_OK;
}

/* Under money_lock. */
static souk_status lay_on(struct sponsor_node *node, const struct souk_sponsor_work *work,
	struct souk_hub_leaf **leaves, struct souk_bundle_open *open)
{
	struct souk_payer_leaf *free_parts[SOUK_BUNDLE_CACHES_MAX];
	uint32_t count = work->record.sessions.count;
	for (uint32_t i = 0; i < count; i++) {
		free_parts[i] = &leaves[i]->free;
		souk_hub_leaves_use(&node->leaves, leaves[i], &open->sessions.items[i].strip);
	}
	pthread_mutex_lock(&node->lock);
	souk_status status =
		souk_sponsor_ask_finish(&node->sponsor, work, free_parts, sponsor_now(), open);
	pthread_mutex_unlock(&node->lock);
	for (uint32_t i = 0; status == SOUK_OK && i < count; i++)
		status = note_used(node, leaves[i]);
	return status;
}

/* SOUK_LOCAL_NOT_FOUND: *WANTED is to be allotted first. */
static souk_status lay_once(struct sponsor_node *node, const struct souk_sponsor_work *work,
	struct wanted *wanted, struct souk_bundle_open *open)
{
	struct souk_hub_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	pthread_mutex_lock(&node->money_lock);
	souk_status status = find_leaves(node, work, leaves, wanted);
	if (status == SOUK_OK && wanted->count > 0)
		status = SOUK_LOCAL_NOT_FOUND;
	if (status == SOUK_OK)
		status = lay_on(node, work, leaves, open);
	pthread_mutex_unlock(&node->money_lock);
	return status;
}

souk_status sponsor_lay(struct sponsor_node *node, const struct souk_sponsor_work *work,
	struct souk_bundle_open *open)
{
	struct wanted wanted;
	for (int i = 0; i < LAY_TRIES; i++) {
		souk_status status = lay_once(node, work, &wanted, open);
		if (status != SOUK_LOCAL_NOT_FOUND)
			return status;
		pthread_mutex_lock(&node->allot_lock);
		souk_status allotted = allot(node, &wanted);
		pthread_mutex_unlock(&node->allot_lock);
		/* The operator's trouble, and no fault of the viewer's. */
		if (allotted != SOUK_OK)
			return souk_status_class(allotted) == SOUK_CLASS_PEER ? SOUK_LOCAL_FULL
									      : allotted;
	}
	return SOUK_LOCAL_FULL;
}
