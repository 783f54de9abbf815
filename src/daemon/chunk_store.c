/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of contents, and who comes and goes. Items that may be evicted are all in the table;
 * pinned ones only while they are open. */
#include "chunk_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chunk_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"

/* Files that stay open though nobody reads them. */
#define IDLE_MAX  64u
#define SLOTS_MIN 64u
#define PINNED_MS 5000u

/* ------------------------------------------------------------------ the table */

static struct chunk_item **bucket_of(struct chunk_store *store, const struct souk_hash *content)
{
	/* Ids are hashes: whoever makes two that collide here has two slow ones. */
	return &store->buckets[souk_load_be32(content->bytes) % CHUNK_BUCKETS];
}

struct chunk_item *chunk_find(struct chunk_store *store, const struct souk_hash *content)
{
	struct chunk_item *item = *bucket_of(store, content);
	while (item != NULL && !souk_hash_equal(&item->content.id, content))
		item = item->next;
	return item;
}

struct chunk_item *chunk_add(struct chunk_store *store, const struct souk_content *content)
{
	struct chunk_item **bucket = bucket_of(store, &content->id);
	struct chunk_item *item = calloc(1, sizeof *item);
	if (item == NULL)
		return NULL;
	*item = (struct chunk_item){.store = store,
		.next = *bucket,
		.content = *content,
		.is_pinned = true,
		.slot = SOUK_CACHE_NONE,
		.fd = -1,
		.have_fd = -1};
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&item->changed, &steady);
	pthread_condattr_destroy(&steady);
	*bucket = item;
	return item;
}

void chunk_drop(struct chunk_item *item)
{
	struct chunk_item **link = bucket_of(item->store, &item->content.id);
	while (*link != item)
		link = &(*link)->next;
	*link = item->next;
	pthread_cond_destroy(&item->changed);
	free(item);
}

/* ITEM takes room from now on. Under lock. */
static void make_evictable(struct chunk_item *item, uint32_t slot)
{
	item->slot = slot;
	item->is_pinned = false;
	item->store->items++;
}

void chunk_make_pinned(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	if (item->is_pinned)
		return;
	if (item->users > 0)
		souk_cache_release(&store->cache, item->slot);
	if (item->is_promised)
		souk_cache_release(&store->cache, item->slot);
	item->is_promised = false;
	souk_cache_remove(&store->cache, item->slot);
	item->slot = SOUK_CACHE_NONE;
	item->is_pinned = true;
	store->items--;
}

/* Room for one more in the cache's array. Under lock. */
static souk_status grow_cache(struct chunk_store *store)
{
	if (store->cache.free_head != SOUK_CACHE_NONE)
		return SOUK_OK;
	uint32_t max = store->cache.max < SLOTS_MIN ? SLOTS_MIN : store->cache.max * 2;
	if (max <= store->cache.max)
		return SOUK_LOCAL_FULL;
	struct souk_cache_item *grown = realloc(store->cache_items, max * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	store->cache_items = grown;
	souk_cache_grow(&store->cache, grown, max);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ taking and giving */

/* Under lock. */
static void use(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	if (item->users++ == 0) {
		store->idle--;
		if (!item->is_pinned)
			souk_cache_hold(&store->cache, item->slot);
	}
	if (!item->is_pinned)
		souk_cache_used(&store->cache, item->slot);
}

/* Nobody uses ITEM: close its files. Under lock. Closing what was read, or synced, waits for no
 * disk. */
static void close_idle(struct chunk_item *item)
{
	chunk_files_close(item);
	item->state = ITEM_CLOSED;
	item->store->idle--;
	if (item->is_pinned)
		chunk_drop(item);
}

/* The one that is idle for longest and may be closed; under lock. Few are open: a look at all. */
static struct chunk_item *find_idle(struct chunk_store *store)
{
	struct chunk_item *oldest = NULL;
	for (unsigned i = 0; i < CHUNK_BUCKETS; i++) {
		for (struct chunk_item *item = store->buckets[i]; item; item = item->next) {
			if (item->state == ITEM_OPEN && item->users == 0 && !item->is_dirty &&
				(oldest == NULL || item->idle_since < oldest->idle_since))
				oldest = item;
		}
	}
	return oldest;
}

void chunk_item_give(struct chunk_item *item)
{
	if (item == NULL)
		return;
	struct chunk_store *store = item->store;
	pthread_mutex_lock(&store->lock);
	SOUK_CHECK(item->users > 0);
	if (--item->users == 0) {
		if (!item->is_pinned)
			souk_cache_release(&store->cache, item->slot);
		item->idle_since = ++store->clock;
		store->idle++;
		if (store->idle > IDLE_MAX && (item = find_idle(store)) != NULL)
			close_idle(item);
	}
	pthread_mutex_unlock(&store->lock);
}

/* One that is open, or SOUK_LOCAL_NOT_FOUND: it must be opened; SOUK_LOCAL_STATE: it comes or goes.
 * Under lock. */
static souk_status take_open(
	struct chunk_store *store, const struct souk_hash *content, struct chunk_item **ret)
{
	struct chunk_item *item = chunk_find(store, content);
	if (item == NULL || item->state == ITEM_CLOSED)
		return SOUK_LOCAL_NOT_FOUND;
	if (item->state != ITEM_OPEN)
		return SOUK_LOCAL_STATE;
	if (item->is_stale && item->users == 0) {
		chunk_make_pinned(item);
		close_idle(item);
		return SOUK_LOCAL_NOT_FOUND;
	}
	use(item);
	*ret = item;
	return SOUK_OK;
}

/* Read what CONTENT is, as its record says. */
static souk_status find_content(
	struct chunk_store *store, const struct souk_hash *id, struct souk_content *ret)
{
	struct souk_content_record record;
	SOUK_TRY(provider_store_content(&store->store, id, &record));
	*ret = (struct souk_content){*id, record.size, record.chunk_size};
	return SOUK_OK;
}

/* Under open_lock: nobody else opens it. */
static souk_status open_item(
	struct chunk_store *store, const struct souk_hash *id, struct chunk_item **ret)
{
	struct souk_content content;
	struct chunk_item opened = {.store = store, .fd = -1, .have_fd = -1};
	SOUK_TRY(find_content(store, id, &content));
	opened.content = content;
	SOUK_TRY(chunk_files_open(&opened));
	pthread_mutex_lock(&store->lock);
	/* It may have come or gone meanwhile; not been opened. */
	struct chunk_item *item = chunk_find(store, id);
	souk_status status = SOUK_OK;
	if (item == NULL)
		item = chunk_add(store, &content);
	if (item == NULL)
		status = SOUK_IO_MEMORY;
	else if (item->state != ITEM_CLOSED)
		status = SOUK_LOCAL_NOT_FOUND;
	if (status == SOUK_OK) {
		item->state = ITEM_OPEN;
		item->is_stale = false;
		item->content = content;
		item->fd = opened.fd;
		item->bytes = opened.bytes;
		item->have_fd = opened.have_fd;
		item->row = opened.row;
		item->row_size = opened.row_size;
		item->have = opened.have;
		item->synced = opened.synced;
		store->idle++;
		use(item);
		*ret = item;
	}
	pthread_mutex_unlock(&store->lock);
	if (status != SOUK_OK)
		chunk_files_close(&opened);
	return status;
}

souk_status chunk_store_take(
	struct chunk_store *store, const struct souk_hash *content, struct chunk_item **ret)
{
	pthread_mutex_lock(&store->lock);
	souk_status status = take_open(store, content, ret);
	pthread_mutex_unlock(&store->lock);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		pthread_mutex_lock(&store->open_lock);
		pthread_mutex_lock(&store->lock);
		status = take_open(store, content, ret);
		pthread_mutex_unlock(&store->lock);
		if (status == SOUK_LOCAL_NOT_FOUND)
			status = open_item(store, content, ret);
		pthread_mutex_unlock(&store->open_lock);
	}
	return status == SOUK_LOCAL_STATE ? SOUK_LOCAL_NOT_FOUND : status;
}

/* ------------------------------------------------------------------ creating */

static souk_status put_records(struct chunk_item *item, const char *name)
{
	struct souk_content_record record = {.size = item->content.size,
		.chunk_size = item->content.chunk_size,
		.added = souk_clock_now(souk_clock_real())};
	char text[sizeof record.name.text];
	snprintf(text, sizeof text, "%s", name != NULL ? name : "");
	for (char *c = text; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			*c = '_';
	}
	souk_status status = souk_text_set(&record.name, text);
	SOUK_CHECK(status == SOUK_OK);
	item->record.used = record.added;
	return provider_store_put_cached(
		&item->store->store, &item->content.id, &record, &item->record);
}

/* An item in the table that takes its room, and is nobody's yet. Under lock. */
static souk_status reserve(
	struct chunk_store *store, const struct souk_content *content, struct chunk_item **ret)
{
	struct souk_amount credit;
	uint32_t slot;
	SOUK_TRY(grow_cache(store));
	if (souk_amount_mul(&credit, store->unit_price, souk_content_chunk_count(content)) !=
		SOUK_OK)
		credit = store->unit_price;
	SOUK_TRY(souk_cache_insert_part(&store->cache, chunk_room_with(content, 0),
		chunk_store_room_of(content), credit, &slot));
	struct chunk_item *item = chunk_add(store, content);
	if (item == NULL) {
		souk_cache_remove(&store->cache, slot);
		return SOUK_IO_MEMORY;
	}
	make_evictable(item, slot);
	item->state = ITEM_MAKING;
	item->record = (struct souk_cache_record){
		.content = content->id, .priority = store->cache.items[slot].priority};
	*ret = item;
	return SOUK_OK;
}

static void unreserve(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	pthread_mutex_lock(&store->lock);
	chunk_make_pinned(item);
	chunk_drop(item);
	pthread_mutex_unlock(&store->lock);
}

/* Under change_lock. */
static souk_status create(struct chunk_store *store, const struct souk_content *content,
	const struct souk_hash *row, const char *name, struct chunk_item **ret)
{
	struct chunk_item *item;
	souk_status status = SOUK_LOCAL_FULL;
	for (int i = 0; i < CHUNK_ROOM_TRIES && status == SOUK_LOCAL_FULL; i++) {
		pthread_mutex_lock(&store->lock);
		bool fits = souk_cache_fits(&store->cache, chunk_store_room_of(content));
		pthread_mutex_unlock(&store->lock);
		if (!fits)
			return SOUK_LOCAL_FULL;
		SOUK_TRY(chunk_make_room(store, chunk_room_with(content, 0)));
		pthread_mutex_lock(&store->lock);
		status = reserve(store, content, &item);
		pthread_mutex_unlock(&store->lock);
	}
	SOUK_TRY(status);
	status = chunk_files_make(store, content, row);
	if (status == SOUK_OK)
		status = put_records(item, name);
	if (status == SOUK_OK)
		status = chunk_files_open(item);
	if (status != SOUK_OK) {
		souk_status dropped = provider_store_drop(&store->store, &content->id);
		(void)dropped; /* what is left is found at the next start */
		unreserve(item);
		return status;
	}
	pthread_mutex_lock(&store->lock);
	item->state = ITEM_OPEN;
	store->idle++;
	use(item);
	pthread_mutex_unlock(&store->lock);
	*ret = item;
	return SOUK_OK;
}

souk_status chunk_store_create(struct chunk_store *store, const struct souk_content *content,
	const struct souk_hash *row, const char *name, struct chunk_item **ret)
{
	struct chunk_item *item;
	pthread_mutex_lock(&store->change_lock);
	souk_status status = chunk_store_take(store, &content->id, &item);
	if (status == SOUK_OK && (item->content.size != content->size ||
					 item->content.chunk_size != content->chunk_size)) {
		/* Another provider may cut it otherwise; the same bytes have two rows then. */
		chunk_item_give(item);
		status = SOUK_LOCAL_EXISTS;
	} else if (status == SOUK_LOCAL_NOT_FOUND) {
		status = create(store, content, row, name, &item);
	}
	pthread_mutex_unlock(&store->change_lock);
	if (status == SOUK_OK)
		*ret = item;
	return status;
}

/* ------------------------------------------------------------------ revenue */

void chunk_store_set_price(struct chunk_store *store, struct souk_amount unit_price)
{
	pthread_mutex_lock(&store->lock);
	store->unit_price = unit_price;
	pthread_mutex_unlock(&store->lock);
}

static void add_amount(struct souk_amount *sum, struct souk_amount amount)
{
	if (souk_amount_add(sum, *sum, amount) != SOUK_OK)
		sum->ncoin = UINT64_MAX;
}

void chunk_store_earned(struct chunk_store *store, const struct souk_hash *content, uint32_t units,
	struct souk_amount earned)
{
	struct souk_time now = souk_clock_now(souk_clock_real());
	pthread_mutex_lock(&store->lock);
	struct chunk_item *item = chunk_find(store, content);
	if (item != NULL && !item->is_pinned && item->state != ITEM_LEAVING) {
		souk_cache_earned(&store->cache, item->slot, earned);
		add_amount(&item->record.earned, earned);
		item->record.units += units;
		item->record.used = now;
		item->record.priority = store->cache.items[item->slot].priority;
		item->record_is_dirty = true;
	}
	pthread_mutex_unlock(&store->lock);
}

void chunk_store_spent(
	struct chunk_store *store, const struct souk_hash *content, struct souk_amount spent)
{
	struct provider_store_cached cached = {.content = *content};
	pthread_mutex_lock(&store->lock);
	struct chunk_item *item = chunk_find(store, content);
	bool is_known = item != NULL && !item->is_pinned;
	if (is_known) {
		add_amount(&item->record.spent, spent);
		cached.cache = item->record;
		item->record_is_dirty = true;
	}
	pthread_mutex_unlock(&store->lock);
	/* Now, and not with what was earned later on: it is money that is gone. */
	souk_status status =
		is_known ? provider_store_put_caches(&store->store, &cached, 1) : SOUK_OK;
	(void)status; /* it is tried again with the others */
}

static souk_status add_size(
	void *ctx, const struct souk_hash *content, const struct souk_content_record *record)
{
	uint64_t *sum = ctx;
	(void)content;
	*sum += record->size;
	return SOUK_OK;
}

static souk_status take_size(
	void *ctx, const struct souk_hash *content, const struct souk_cache_record *cache)
{
	struct {
		struct chunk_store *store;
		uint64_t sum;
	} *sizes = ctx;
	struct souk_content found;
	(void)cache;
	/* It may have gone since. */
	if (find_content(sizes->store, content, &found) == SOUK_OK)
		sizes->sum += found.size;
	return SOUK_OK;
}

const struct provider_store *chunk_store_records(const struct chunk_store *store)
{
	return &store->store;
}

/* What is pinned is told by the store alone. Anybody may ask: it is not added up each time. */
static void update_pinned(struct chunk_store *store)
{
	struct {
		struct chunk_store *store;
		uint64_t sum;
	} evictable = {store, 0};
	uint64_t all = 0, now_ms = souk_clock_steady_ns() / 1000000;
	pthread_mutex_lock(&store->lock);
	bool is_new = store->pinned_ms != 0 && now_ms - store->pinned_ms < PINNED_MS;
	if (!is_new)
		store->pinned_ms = now_ms;
	pthread_mutex_unlock(&store->lock);
	if (is_new)
		return;
	souk_status status = provider_store_each_content(&store->store, add_size, &all);
	if (status == SOUK_OK)
		status = provider_store_each_cache(&store->store, take_size, &evictable);
	pthread_mutex_lock(&store->lock);
	if (status == SOUK_OK)
		store->pinned = all > evictable.sum ? all - evictable.sum : 0;
	pthread_mutex_unlock(&store->lock);
}

struct chunk_store_figures chunk_store_figures_now(struct chunk_store *store)
{
	update_pinned(store);
	pthread_mutex_lock(&store->lock);
	struct chunk_store_figures figures = {
		.limit = store->cache.limit,
		.used = store->cache.used,
		.pinned = store->pinned,
		.items = store->items,
		.evictions = store->evictions,
		.bytes_evicted = store->bytes_evicted,
	};
	pthread_mutex_unlock(&store->lock);
	return figures;
}

/* ------------------------------------------------------------------ opening and closing */

/* A list of what was found. */
struct found {
	struct provider_store_cached *items;
	size_t count, max;
};

static souk_status note_found(
	void *ctx, const struct souk_hash *content, const struct souk_cache_record *cache)
{
	struct found *found = ctx;
	if (found->count == found->max) {
		size_t max = found->max == 0 ? 64 : found->max * 2;
		struct provider_store_cached *grown = realloc(found->items, max * sizeof *grown);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		found->items = grown;
		found->max = max;
	}
	found->items[found->count++] = (struct provider_store_cached){*content, *cache};
	return SOUK_OK;
}

static souk_status restore(struct chunk_store *store, const struct provider_store_cached *cached)
{
	struct souk_content content;
	uint32_t slot, chunks;
	souk_status status = find_content(store, &cached->content, &content);
	/* A kill came while it was evicted. */
	if (status == SOUK_LOCAL_NOT_FOUND ||
		(status == SOUK_OK && !chunk_files_are_there(store, &content))) {
		SOUK_LOG(SOUK_LOG_WARN, "content_gone",
			souk_log_hex("content", cached->content.bytes, SOUK_HASH_SIZE));
		status = provider_store_drop(&store->store, &cached->content);
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
	}
	SOUK_TRY(status);
	SOUK_TRY(grow_cache(store));
	SOUK_TRY(chunk_files_count(store, &content, &chunks));
	SOUK_TRY(souk_cache_restore(&store->cache, chunk_room_with(&content, chunks),
		chunk_store_room_of(&content), cached->cache.earned, cached->cache.priority,
		&slot));
	struct chunk_item *item = chunk_add(store, &content);
	if (item == NULL)
		return SOUK_IO_MEMORY;
	item->record = cached->cache;
	make_evictable(item, slot);
	return SOUK_OK;
}

static int by_use(const void *a, const void *b)
{
	const struct provider_store_cached *x = a, *y = b;
	return x->cache.used.ms < y->cache.used.ms ? -1 : x->cache.used.ms > y->cache.used.ms;
}

static souk_status restore_all(struct chunk_store *store)
{
	struct found found = {0};
	souk_status status = provider_store_each_cache(&store->store, note_found, &found);
	if (found.count > 0) /* the order of their uses */
		qsort(found.items, found.count, sizeof *found.items, by_use);
	for (size_t i = 0; i < found.count && status == SOUK_OK; i++)
		status = restore(store, &found.items[i]);
	free(found.items);
	return status;
}

/* Remove what begins with HEX; the file of bits last, by which the rest is found. */
static void sweep_one(const char *folder_path, const char *hex)
{
	char path[800], bits[800];
	snprintf(bits, sizeof bits, "%s/%s.have", folder_path, hex);
	DIR *folder = opendir(folder_path);
	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
		if (strncmp(entry->d_name, hex, strlen(hex)) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", folder_path, entry->d_name);
		if (strcmp(path, bits) != 0)
			unlink(path);
	}
	if (folder != NULL)
		closedir(folder);
	unlink(bits);
}

/* A bitmap without records: a kill came while the content was created. souk add makes no bitmaps,
 * so that nothing of its work is touched. */
static void sweep(struct chunk_store *store)
{
	char path[512];
	snprintf(path, sizeof path, "%s/content", store->store.home);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
		char hex[2 * SOUK_HASH_SIZE + 1];
		struct souk_hash id;
		struct souk_content content;
		if (strlen(entry->d_name) != sizeof hex - 1 + strlen(".have") ||
			strcmp(entry->d_name + sizeof hex - 1, ".have") != 0)
			continue;
		memcpy(hex, entry->d_name, sizeof hex - 1);
		hex[sizeof hex - 1] = '\0';
		if (souk_hex_decode(id.bytes, SOUK_HASH_SIZE, hex) == SOUK_OK &&
			find_content(store, &id, &content) == SOUK_LOCAL_NOT_FOUND)
			sweep_one(path, hex);
	}
	if (folder != NULL)
		closedir(folder);
}

static souk_status start(struct chunk_store *store)
{
	sweep(store);
	SOUK_TRY(restore_all(store));
	/* Under a smaller limit than before. */
	SOUK_TRY(chunk_make_room(store, 0));
	store->syncer_runs = pthread_create(&store->syncer, NULL, chunk_syncer_run, store) == 0;
	return store->syncer_runs ? SOUK_OK : SOUK_IO_MEMORY;
}

souk_status chunk_store_open(
	struct chunk_store **ret, const struct provider_store *provider_store, uint64_t limit)
{
	struct chunk_store *store = calloc(1, sizeof *store);
	if (store == NULL)
		return SOUK_IO_MEMORY;
	store->store = *provider_store;
	pthread_mutex_init(&store->change_lock, NULL);
	pthread_mutex_init(&store->open_lock, NULL);
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&store->work, &steady);
	pthread_condattr_destroy(&steady);
	souk_cache_init(&store->cache, limit, NULL, 0);
	souk_status status = start(store);
	if (status != SOUK_OK) {
		chunk_store_close(store);
		return status;
	}
	*ret = store;
	return SOUK_OK;
}

void chunk_store_close(struct chunk_store *store)
{
	if (store == NULL)
		return;
	pthread_mutex_lock(&store->lock);
	store->is_stopping = true;
	pthread_cond_broadcast(&store->work);
	pthread_mutex_unlock(&store->lock);
	if (store->syncer_runs)
		pthread_join(store->syncer, NULL);
	for (unsigned i = 0; i < CHUNK_BUCKETS; i++) {
		while (store->buckets[i] != NULL) {
			struct chunk_item *item = store->buckets[i];
			SOUK_CHECK(item->users == 0);
			if (item->state == ITEM_OPEN)
				chunk_files_close(item);
			chunk_drop(item);
		}
	}
	pthread_mutex_destroy(&store->change_lock);
	pthread_mutex_destroy(&store->open_lock);
	pthread_mutex_destroy(&store->lock);
	pthread_cond_destroy(&store->work);
	free(store->cache_items);
	free(store);
}
