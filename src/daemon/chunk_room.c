/* SPDX-License-Identifier: Apache-2.0
 *
 * Room in the cache: what contents take of it, and who goes when more is wanted. */
#include <time.h>

#include "chunk_internal.h"
#include "souk/base/check.h"

/* A file's tail, its folder entry, its records: so that many small ones fill no disk either. */
#define ROOM_EXTRA 8192u
/* How often, and how long apart, it is looked whether what is in use has gone out of use. */
#define FULL_TRIES   50
#define FULL_WAIT_MS 20u

uint64_t chunk_room_with(const struct souk_content *content, uint64_t chunks)
{
	uint64_t row = (uint64_t)souk_content_chunk_count(content) * SOUK_HASH_SIZE;
	uint64_t bytes = chunks < souk_content_chunk_count(content) ? chunks * content->chunk_size
								    : content->size;
	return bytes > UINT64_MAX - row - ROOM_EXTRA ? UINT64_MAX : bytes + row + ROOM_EXTRA;
}

uint64_t chunk_store_room_of(const struct souk_content *content)
{
	return chunk_room_with(content, souk_content_chunk_count(content));
}

/* ------------------------------------------------------------------ eviction */

/* ITEM, which nobody uses, is marked as leaving: out of the table with it. Under change_lock. */
static souk_status evict(struct chunk_store *store, struct chunk_item *item)
{
	souk_status status = provider_store_drop(&store->store, &item->content.id);
	pthread_mutex_lock(&store->lock);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		/* souk add was quicker: it stays, and takes no room. */
		chunk_make_pinned(item);
		item->state = ITEM_CLOSED;
		chunk_drop(item);
		status = SOUK_OK;
	} else if (status == SOUK_OK) {
		store->bytes_evicted += store->cache.items[item->slot].size;
		souk_cache_evict(&store->cache, item->slot);
		store->items--;
		store->evictions++;
		chunk_drop(item);
	} else {
		item->state = ITEM_CLOSED;
	}
	pthread_mutex_unlock(&store->lock);
	return status;
}

/* Mark ITEM as leaving; its files are closed. Under lock. */
static void begin_leaving(struct chunk_item *item)
{
	if (item->state == ITEM_OPEN) {
		chunk_files_close(item);
		item->store->idle--;
	}
	item->state = ITEM_LEAVING;
}

static struct chunk_item *find_slot(struct chunk_store *store, uint32_t slot)
{
	for (unsigned i = 0; i < CHUNK_BUCKETS; i++) {
		for (struct chunk_item *item = store->buckets[i]; item; item = item->next) {
			if (item->slot == slot)
				return item;
		}
	}
	return NULL;
}

souk_status chunk_make_room(struct chunk_store *store, uint64_t size)
{
	for (;;) {
		struct chunk_item *item = NULL;
		uint32_t slot;
		pthread_mutex_lock(&store->lock);
		souk_status status = souk_cache_victim(&store->cache, size, &slot);
		if (status == SOUK_OK) {
			item = find_slot(store, slot);
			SOUK_CHECK(item != NULL && item->users == 0);
			begin_leaving(item);
		}
		pthread_mutex_unlock(&store->lock);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return SOUK_OK;
		SOUK_TRY(status);
		SOUK_TRY(evict(store, item));
	}
}

/* What ITEM takes beyond its room now, with MORE chunks. Under lock. */
static uint64_t room_wanted_with(const struct chunk_item *item, uint32_t more)
{
	if (item->is_pinned)
		return 0;
	uint64_t taken = item->store->cache.items[item->slot].size;
	uint64_t needed = chunk_room_with(&item->content, item->have.set + item->writing + more);
	return needed > taken ? needed - taken : 0;
}

static uint64_t wanted_room(const struct chunk_item *item)
{
	return room_wanted_with(item, 0);
}

/* Under change_lock, and lock: which is given up while others are evicted. */
static souk_status extend(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	souk_status status = SOUK_LOCAL_FULL;
	for (int i = 0; i < CHUNK_ROOM_TRIES && status == SOUK_LOCAL_FULL; i++) {
		uint64_t more = wanted_room(item);
		if (more == 0)
			return SOUK_OK;
		status = souk_cache_extend(&store->cache, item->slot, more);
		if (status == SOUK_OK)
			return SOUK_OK;
		pthread_mutex_unlock(&store->lock);
		souk_status made = chunk_make_room(store, more);
		pthread_mutex_lock(&store->lock);
		SOUK_TRY(made);
	}
	return status;
}

static souk_status extend_now(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	pthread_mutex_lock(&store->change_lock);
	pthread_mutex_lock(&store->lock);
	souk_status status = extend(item);
	pthread_mutex_unlock(&store->lock);
	pthread_mutex_unlock(&store->change_lock);
	return status;
}

souk_status chunk_take_room(struct chunk_item *item)
{
	static const struct timespec moment = {.tv_nsec = FULL_WAIT_MS * 1000000};
	struct chunk_store *store = item->store;
	pthread_mutex_lock(&store->lock);
	item->writing++;
	uint64_t more = wanted_room(item);
	souk_status status =
		more == 0 ? SOUK_OK : souk_cache_extend(&store->cache, item->slot, more);
	pthread_mutex_unlock(&store->lock);
	/* What is read or synced just now can go in a moment. */
	for (int i = 0; i < FULL_TRIES && status == SOUK_LOCAL_FULL; i++) {
		if (i > 0)
			nanosleep(&moment, NULL);
		status = extend_now(item);
	}
	if (status == SOUK_OK)
		return SOUK_OK;
	pthread_mutex_lock(&store->lock);
	chunk_wrote(item);
	pthread_mutex_unlock(&store->lock);
	return status;
}

bool chunk_take_spare_room(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	pthread_mutex_lock(&store->lock);
	uint64_t more = room_wanted_with(item, 1);
	bool is_taken = more == 0 || souk_cache_extend(&store->cache, item->slot, more) == SOUK_OK;
	pthread_mutex_unlock(&store->lock);
	return is_taken;
}

void chunk_wrote(struct chunk_item *item)
{
	SOUK_CHECK(item->writing > 0);
	item->writing--;
}

void chunk_store_promise(
	struct chunk_store *store, const struct souk_hash *content, bool is_promised)
{
	pthread_mutex_lock(&store->lock);
	struct chunk_item *item = chunk_find(store, content);
	if (item != NULL && !item->is_pinned && item->state != ITEM_LEAVING &&
		item->is_promised != is_promised) {
		if (is_promised)
			souk_cache_hold(&store->cache, item->slot);
		else
			souk_cache_release(&store->cache, item->slot);
		item->is_promised = is_promised;
	}
	pthread_mutex_unlock(&store->lock);
}

souk_status chunk_store_evict(struct chunk_store *store, const struct souk_hash *content)
{
	souk_status status = SOUK_OK;
	pthread_mutex_lock(&store->change_lock);
	pthread_mutex_lock(&store->lock);
	struct chunk_item *item = chunk_find(store, content);
	if (item == NULL || item->is_pinned)
		status = SOUK_LOCAL_NOT_FOUND;
	else if (item->users > 0 || item->is_promised)
		status = SOUK_LOCAL_STATE;
	else
		begin_leaving(item);
	pthread_mutex_unlock(&store->lock);
	if (status == SOUK_OK)
		status = evict(store, item);
	pthread_mutex_unlock(&store->change_lock);
	return status;
}
