/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sponsor's machine wants stored, written by all who wait in one transaction; and how it
 * comes back. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

/* Records of past epochs that one transaction forgets. */
#define PRUNE_MAX 1000u
/* A cache that was released so long ago is not taken back: its place is wanted. */
#define RELEASED_MS (24ull * 3600 * 1000)

#define PUT(node, name, kind, id, id_size, value)                                                  \
	put_##name(&(node)->pending, (kind), (id), (id_size), (value))

/* One function for each message that is stored: encode it, and queue the bytes. */
#define DEFINE_PUT(name, size_max)                                                                 \
	static souk_status put_##name(struct record_queue *queue, char kind, const void *id,       \
		size_t id_size, const struct souk_##name *value)                                   \
	{                                                                                          \
		uint8_t bytes[size_max];                                                           \
		struct souk_writer writer;                                                         \
		struct souk_bytes encoded;                                                         \
		souk_writer_init(&writer, bytes, sizeof bytes);                                    \
		souk_##name##_encode(&writer, value);                                              \
		SOUK_TRY(souk_writer_finish(&writer, &encoded));                                   \
		souk_status status = record_queue_put(queue, kind, id, id_size, encoded);          \
		souk_bytes_wipe(bytes, encoded.size);                                              \
		return status;                                                                     \
	}

DEFINE_PUT(sponsor_totals_record, SOUK_SPONSOR_TOTALS_RECORD_SIZE_MAX)
DEFINE_PUT(sponsor_content_record, SOUK_SPONSOR_CONTENT_RECORD_SIZE_MAX)
DEFINE_PUT(sponsor_cache_record, SOUK_SPONSOR_CACHE_RECORD_SIZE_MAX)
DEFINE_PUT(sponsor_viewer_record, SOUK_SPONSOR_VIEWER_RECORD_SIZE_MAX)
DEFINE_PUT(sponsor_bundle_record, SOUK_SPONSOR_BUNDLE_RECORD_SIZE_MAX)

/* ------------------------------------------------------------------ effects */

static souk_status put_cache(
	struct sponsor_node *node, const struct souk_sponsor_cache_record *record)
{
	uint8_t id[SPONSOR_CACHE_ID_SIZE];
	sponsor_store_cache_id(id, &record->offer.offer.provider, &record->offer.offer.content);
	return PUT(node, sponsor_cache_record, SPONSOR_STORE_CACHE, id, sizeof id, record);
}

/* One that is over is history: nothing of it is wanted after a crash. */
static souk_status put_bundle(
	struct sponsor_node *node, const struct souk_sponsor_bundle_record *record)
{
	if (record->over)
		return record_queue_put(&node->pending, SPONSOR_STORE_BUNDLE, record->bundle.bytes,
			SOUK_NONCE_SIZE, souk_bytes_of(NULL, 0));
	return PUT(node, sponsor_bundle_record, SPONSOR_STORE_BUNDLE, record->bundle.bytes,
		SOUK_NONCE_SIZE, record);
}

static souk_status put_effect(struct sponsor_node *node, const struct souk_sponsor_effect *effect)
{
	const struct souk_sponsor_memory *memory = &node->sponsor.memory;
	switch (effect->kind) {
	case SOUK_SPONSOR_STORE_TOTALS:
		return PUT(node, sponsor_totals_record, SPONSOR_STORE_TOTALS, "", 0,
			&node->sponsor.totals);
	case SOUK_SPONSOR_STORE_CONTENT:
		return PUT(node, sponsor_content_record, SPONSOR_STORE_CONTENT,
			memory->contents[effect->index].content.id.bytes, SOUK_HASH_SIZE,
			&memory->contents[effect->index].record);
	case SOUK_SPONSOR_STORE_CACHE:
		return put_cache(node, &memory->caches[effect->index].record);
	case SOUK_SPONSOR_STORE_VIEWER:
		return PUT(node, sponsor_viewer_record, SPONSOR_STORE_VIEWER,
			memory->viewers[effect->index].address.bytes, SOUK_ADDRESS_SIZE,
			&memory->viewers[effect->index].record);
	case SOUK_SPONSOR_STORE_BUNDLE:
		return put_bundle(node, &memory->bundles[effect->index].record);
	}
	return SOUK_OK;
}

/* A strip and the leaf it is on are in the same transaction: both are changed under money_lock. */
static souk_status take_effects(struct sponsor_node *node)
{
	struct souk_sponsor_effect effect;
	record_queue_round(&node->pending);
	pthread_mutex_lock(&node->money_lock);
	pthread_mutex_lock(&node->lock);
	souk_status status = record_queue_move(&node->pending, &node->leaf_writes);
	while (status == SOUK_OK && souk_sponsor_next_effect(&node->sponsor, &effect)) {
		status = put_effect(node, &effect);
		if (status != SOUK_OK)
			souk_sponsor_repeat_effect(&node->sponsor, &effect);
	}
	pthread_mutex_unlock(&node->lock);
	pthread_mutex_unlock(&node->money_lock);
	return status;
}

souk_status sponsor_commit(struct sponsor_node *node)
{
	pthread_mutex_lock(&node->commit_lock);
	souk_status status = take_effects(node);
	if (status == SOUK_OK && node->pending.count > 0)
		status = records_write(node->store.lmdb, &node->pending);
	if (status == SOUK_OK)
		record_queue_clear(&node->pending);
	records_note_status(&node->store_status, status, "nothing is paid until it works again");
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

/* ------------------------------------------------------------------ what is over */

struct pruning {
	uint64_t epoch;
	char kind;
	struct record_queue queue;
};

static souk_status prune_one(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct pruning *p = ctx;
	struct souk_sponsor_viewer_record viewer;
	bool is_old = p->kind == SPONSOR_STORE_LEAF && id.size == SPONSOR_LEAF_ID_SIZE &&
		      souk_load_be64(id.data) < p->epoch;
	if (p->kind == SPONSOR_STORE_VIEWER &&
		souk_sponsor_viewer_record_decode(&viewer, value, NULL) == SOUK_OK)
		is_old = viewer.epoch < p->epoch;
	if (!is_old)
		return SOUK_OK;
	if (p->queue.count == PRUNE_MAX)
		return SOUK_LOCAL_FULL;
	return record_queue_put(&p->queue, p->kind, id.data, id.size, souk_bytes_of(NULL, 0));
}

static souk_status prune_kind(struct sponsor_node *node, char kind, uint64_t epoch)
{
	struct pruning p = {.epoch = epoch, .kind = kind};
	souk_status status;
	do {
		/* Nobody writes a newer record of the same key meanwhile. */
		pthread_mutex_lock(&node->commit_lock);
		status = records_each(node->store.lmdb, kind, prune_one, &p);
		souk_status written = status == SOUK_OK || status == SOUK_LOCAL_FULL
					      ? records_write(node->store.lmdb, &p.queue)
					      : status;
		pthread_mutex_unlock(&node->commit_lock);
		record_queue_clear(&p.queue);
		status = written != SOUK_OK ? written : status;
	} while (status == SOUK_LOCAL_FULL);
	record_queue_free(&p.queue);
	return status;
}

void sponsor_prune(struct sponsor_node *node, uint64_t epoch)
{
	souk_status status = prune_kind(node, SPONSOR_STORE_VIEWER, epoch);
	if (status == SOUK_OK)
		status = prune_kind(node, SPONSOR_STORE_LEAF, epoch);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_WARN, "prune_failed", souk_log_status(status));
}

/* ------------------------------------------------------------------ after a start */

static souk_status restore_totals(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sponsor_node *node = ctx;
	struct souk_sponsor_totals_record record;
	(void)id;
	if (souk_sponsor_totals_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	souk_sponsor_restore_totals(&node->sponsor, &record);
	return SOUK_OK;
}

static souk_status restore_content(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sponsor_node *node = ctx;
	struct souk_sponsor_content_record record;
	struct souk_hash content;
	if (id.size != SOUK_HASH_SIZE ||
		souk_sponsor_content_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(content.bytes, id.data, SOUK_HASH_SIZE);
	souk_status status = souk_sponsor_restore_content(&node->sponsor, &content, &record);
	return status == SOUK_LOCAL_STATE ? SOUK_OK : status;
}

static souk_status restore_cache(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sponsor_node *node = ctx;
	struct souk_sponsor_cache_record record;
	(void)id;
	if (souk_sponsor_cache_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	souk_status status = SOUK_OK;
	bool is_old = record.expires.ms != 0 &&
		      souk_time_since_ms(record.expires, sponsor_now()) > RELEASED_MS;
	if (record.barred || !is_old)
		status = souk_sponsor_restore_cache(&node->sponsor, &record);
	souk_bytes_wipe(&record, sizeof record);
	return status == SOUK_LOCAL_STATE || status == SOUK_LOCAL_FULL ? SOUK_OK : status;
}

static souk_status restore_viewer(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sponsor_node *node = ctx;
	struct souk_sponsor_viewer_record record;
	struct souk_address address;
	if (id.size != SOUK_ADDRESS_SIZE ||
		souk_sponsor_viewer_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(address.bytes, id.data, SOUK_ADDRESS_SIZE);
	souk_status status = souk_sponsor_restore_viewer(&node->sponsor, &address, &record);
	return status == SOUK_LOCAL_STATE || status == SOUK_LOCAL_FULL ? SOUK_OK : status;
}

/* A bundle that cannot go on (its content is gone, a cache of it was too old) is only lost. */
static souk_status restore_bundle(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sponsor_node *node = ctx;
	struct souk_sponsor_bundle_record record;
	if (souk_sponsor_bundle_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	souk_status status = souk_sponsor_restore_bundle(&node->sponsor, &record, sponsor_now());
	souk_bytes_wipe(&record, sizeof record);
	if (status == SOUK_OK)
		return SOUK_OK;
	SOUK_LOG(SOUK_LOG_WARN, "bundle_not_restored", souk_log_hex("bundle", id.data, id.size),
		souk_log_status(status));
	return SOUK_OK;
}

static souk_status restore_leaf(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct souk_sponsor_leaf_record record;
	(void)id;
	if (souk_sponsor_leaf_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	sponsor_restore_leaf(ctx, &record);
	return SOUK_OK;
}

souk_status sponsor_restore(struct sponsor_node *node)
{
	static const struct {
		char kind;
		souk_status (*visit)(void *ctx, struct souk_bytes id, struct souk_bytes value);
	} kinds[] = {
		{SPONSOR_STORE_TOTALS, restore_totals},
		{SPONSOR_STORE_CONTENT, restore_content},
		{SPONSOR_STORE_CACHE, restore_cache},
		{SPONSOR_STORE_VIEWER, restore_viewer},
		{SPONSOR_STORE_BUNDLE, restore_bundle},
		{SPONSOR_STORE_LEAF, restore_leaf},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(kinds); i++)
		SOUK_TRY(records_each(node->store.lmdb, kinds[i].kind, kinds[i].visit, node));
	return SOUK_OK;
}
