/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of one content, and its bits.
 *
 * The order that keeps a bit from lying: data is written; fdatasync; then the bits of what that
 * covered are written, and synced. The last bit of all is the absence of the file of bits. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "chunk_internal.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/io/log.h"

/* How long bits may be behind; and records, of what was earned. */
#define SYNC_MS	   250u
#define RECORDS_MS 5000u
#define STALE_MS   1000u
#define BATCH_MAX  256u

/* ------------------------------------------------------------------ files */

static size_t have_size(uint32_t chunks)
{
	return (chunks + 7) / 8;
}

static souk_status make_file(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	souk_status status = SOUK_OK;
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	close(fd);
	return status;
}

souk_status chunk_files_make(
	struct chunk_store *store, const struct souk_content *content, const struct souk_hash *row)
{
	char path[512];
	uint32_t chunks = souk_content_chunk_count(content);
	/* The bits first: data without them would count as whole. */
	if (chunks > 0) {
		provider_store_have_path(&store->store, &content->id, path);
		SOUK_TRY(make_file(path, have_size(chunks)));
	}
	provider_store_data_path(&store->store, &content->id, path);
	SOUK_TRY(make_file(path, content->size));
	provider_store_row_path(&store->store, &content->id, path);
	/* This also makes the names durable: all are in one folder. */
	return souk_file_write_atomic(
		path, souk_bytes_of(row, (size_t)chunks * SOUK_HASH_SIZE), true);
}

static bool has_size(const char *path, uint64_t size)
{
	struct stat info;
	return stat(path, &info) == 0 && (uint64_t)info.st_size == size;
}

bool chunk_files_are_there(const struct chunk_store *store, const struct souk_content *content)
{
	char path[512];
	uint64_t chunks = souk_content_chunk_count(content);
	provider_store_row_path(&store->store, &content->id, path);
	if (!has_size(path, chunks * SOUK_HASH_SIZE))
		return false;
	provider_store_have_path(&store->store, &content->id, path);
	if (access(path, F_OK) == 0 && !has_size(path, have_size((uint32_t)chunks)))
		return false;
	provider_store_data_path(&store->store, &content->id, path);
	return has_size(path, content->size);
}

souk_status chunk_files_count(
	const struct chunk_store *store, const struct souk_content *content, uint32_t *ret)
{
	char path[512], *bytes;
	size_t size, most = have_size(souk_content_chunk_count(content));
	provider_store_have_path(&store->store, &content->id, path);
	souk_status status = souk_file_read(path, most + 1, &bytes, &size);
	*ret = souk_content_chunk_count(content);
	if (status == SOUK_LOCAL_NOT_FOUND) /* no bits: all are here */
		return SOUK_OK;
	SOUK_TRY(status);
	*ret = 0;
	for (size_t i = 0; i < size; i++)
		*ret += (uint32_t)__builtin_popcount((uint8_t)bytes[i]);
	free(bytes);
	return SOUK_OK;
}

static souk_status map_row(struct chunk_item *item, const char *path)
{
	size_t size = (size_t)souk_content_chunk_count(&item->content) * SOUK_HASH_SIZE;
	if (size == 0)
		return SOUK_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SOUK_IO_READ;
	void *data = MAP_FAILED;
	struct stat info;
	if (fstat(fd, &info) == 0 && (uint64_t)info.st_size == size)
		data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return SOUK_IO_READ;
	item->row = data;
	item->row_size = size;
	return SOUK_OK;
}

static souk_status read_bits(struct chunk_item *item, const char *path)
{
	uint32_t chunks = souk_content_chunk_count(&item->content);
	size_t size = have_size(chunks), words = SOUK_BITMAP_WORDS(chunks);
	uint8_t *bytes = malloc(size + 1);
	uint64_t *bits = calloc(words + 1, sizeof *bits);
	item->synced = calloc(words + 1, sizeof *bits);
	if (bytes == NULL || bits == NULL || item->synced == NULL) {
		free(bytes);
		free(bits);
		return SOUK_IO_MEMORY;
	}
	souk_bitmap_init(&item->have, bits, chunks);
	item->have_fd = open(path, O_RDWR | O_CLOEXEC);
	/* No bits: all are here. */
	bool is_whole = item->have_fd < 0 && errno == ENOENT;
	souk_status status = SOUK_OK;
	if (!is_whole)
		status = item->have_fd < 0 ? SOUK_IO_READ
					   : souk_file_read_at(item->have_fd, bytes, size, 0);
	for (uint32_t i = 0; i < chunks && status == SOUK_OK; i++) {
		if (is_whole || (bytes[i / 8] >> (i % 8) & 1) != 0)
			souk_bitmap_set(&item->have, i);
	}
	memcpy(item->synced, bits, words * sizeof *bits);
	free(bytes);
	return status;
}

souk_status chunk_files_open(struct chunk_item *item)
{
	const struct provider_store *store = &item->store->store;
	char path[512];
	provider_store_have_path(store, &item->content.id, path);
	souk_status status = read_bits(item, path);
	if (status == SOUK_OK) {
		provider_store_row_path(store, &item->content.id, path);
		status = map_row(item, path);
	}
	if (status == SOUK_OK) {
		provider_store_data_path(store, &item->content.id, path);
		item->fd = open(path, (item->have_fd < 0 ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (item->fd < 0)
			status = SOUK_IO_READ;
	}
	if (status == SOUK_OK)
		status = souk_mapped_open(&item->bytes, item->fd, item->content.size);
	if (status != SOUK_OK)
		chunk_files_close(item);
	return status;
}

void chunk_files_close(struct chunk_item *item)
{
	if (item->fd >= 0)
		close(item->fd);
	if (item->have_fd >= 0)
		close(item->have_fd);
	if (item->row != NULL)
		munmap(item->row, item->row_size);
	souk_mapped_close(&item->bytes);
	free(item->have.words);
	free(item->synced);
	item->fd = item->have_fd = -1;
	item->row = NULL;
	item->row_size = 0;
	item->have = (struct souk_bitmap){0};
	item->synced = NULL;
	item->is_dirty = false;
}

/* ------------------------------------------------------------------ reading and writing */

const struct souk_content *chunk_item_content(const struct chunk_item *item)
{
	return &item->content;
}

const struct souk_hash *chunk_item_row(const struct chunk_item *item)
{
	return item->row;
}

bool chunk_item_has(struct chunk_item *item, uint32_t chunk)
{
	pthread_mutex_lock(&item->store->lock);
	bool has = chunk < item->have.count && souk_bitmap_get(&item->have, chunk);
	pthread_mutex_unlock(&item->store->lock);
	return has;
}

uint32_t chunk_item_count(struct chunk_item *item)
{
	pthread_mutex_lock(&item->store->lock);
	uint32_t count = (uint32_t)item->have.set;
	pthread_mutex_unlock(&item->store->lock);
	return count;
}

bool chunk_item_is_whole(struct chunk_item *item)
{
	return chunk_item_count(item) == souk_content_chunk_count(&item->content);
}

void chunk_item_expect(struct chunk_item *item, uint32_t chunk)
{
	if (chunk < souk_content_chunk_count(&item->content) && chunk_take_spare_room(item))
		(void)posix_fallocate(item->fd,
			(off_t)souk_content_chunk_offset(&item->content, chunk),
			(off_t)souk_content_chunk_length(&item->content, chunk));
}

souk_status chunk_item_write(struct chunk_item *item, uint32_t chunk, struct souk_bytes data)
{
	struct chunk_store *store = item->store;
	if (chunk >= souk_content_chunk_count(&item->content))
		return SOUK_PEER_NO_CHUNK;
	if (data.size != souk_content_chunk_length(&item->content, chunk))
		return SOUK_PEER_WRONG_LENGTH;
	if (chunk_item_has(item, chunk))
		return SOUK_OK;
	SOUK_TRY(chunk_take_room(item));
	souk_status status = souk_file_write_at(
		item->fd, data.data, data.size, souk_content_chunk_offset(&item->content, chunk));
	pthread_mutex_lock(&store->lock);
	chunk_wrote(item);
	if (status != SOUK_OK) {
		pthread_mutex_unlock(&store->lock);
		return status;
	}
	if (!souk_bitmap_get(&item->have, chunk))
		souk_bitmap_set(&item->have, chunk);
	item->is_dirty = true;
	pthread_cond_broadcast(&item->changed);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	return SOUK_OK;
}

/* Whether all chunks of SIZE bytes at OFFSET are here. */
static bool has_all(struct chunk_item *item, uint64_t offset, size_t size)
{
	const struct souk_content *content = &item->content;
	if (offset >= content->size || size > content->size - offset)
		return false;
	uint64_t first = offset / content->chunk_size;
	uint64_t last = (offset + size - 1) / content->chunk_size;
	bool has = true;
	pthread_mutex_lock(&item->store->lock);
	for (uint64_t i = first; i <= last && has; i++)
		has = souk_bitmap_get(&item->have, i);
	pthread_mutex_unlock(&item->store->lock);
	return has;
}

souk_status chunk_item_read(struct chunk_item *item, uint64_t offset, uint8_t *out, size_t size)
{
	if (size == 0)
		return SOUK_OK;
	return has_all(item, offset, size) ? souk_file_read_at(item->fd, out, size, offset)
					   : SOUK_LOCAL_NOT_FOUND;
}

souk_status chunk_item_use(struct chunk_item *item, uint64_t offset, size_t size,
	void (*use)(void *ctx, struct souk_bytes data), void *ctx)
{
	return size > 0 && has_all(item, offset, size)
		       ? souk_mapped_use(&item->bytes, offset, size, use, ctx)
		       : SOUK_LOCAL_NOT_FOUND;
}

static struct timespec steady_in(uint64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

souk_status chunk_item_wait(struct chunk_item *item, uint32_t chunk, uint64_t timeout_ms)
{
	struct timespec until = steady_in(timeout_ms);
	souk_status status = SOUK_OK;
	if (chunk >= souk_content_chunk_count(&item->content))
		return SOUK_PEER_NO_CHUNK;
	pthread_mutex_lock(&item->store->lock);
	uint64_t wakes = item->wakes;
	while (status == SOUK_OK && !souk_bitmap_get(&item->have, chunk)) {
		if (item->wakes != wakes)
			status = item->woken;
		else if (pthread_cond_timedwait(&item->changed, &item->store->lock, &until) ==
			 ETIMEDOUT)
			status = SOUK_IO_TIMEOUT;
	}
	pthread_mutex_unlock(&item->store->lock);
	return status;
}

/* Under lock. */
static void wake(struct chunk_item *item, souk_status status)
{
	item->wakes++;
	item->woken = status == SOUK_OK ? SOUK_LOCAL_STOPPED : status;
	pthread_cond_broadcast(&item->changed);
}

void chunk_item_wake(struct chunk_item *item, souk_status status)
{
	pthread_mutex_lock(&item->store->lock);
	wake(item, status);
	pthread_mutex_unlock(&item->store->lock);
}

/* ------------------------------------------------------------------ what is here */

#define RANGES_MAX                                                                                 \
	(sizeof((struct souk_availability *)NULL)->ranges.items / sizeof(struct souk_chunk_range))

static bool goes_after(const struct souk_chunk_range *a, const struct souk_chunk_range *b)
{
	return a->count != b->count ? a->count < b->count : a->first > b->first;
}

/* A heap with the shortest on top: the longest stay when there are too many. */
static void sift_down(struct souk_chunk_range *heap, size_t count, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t child = left; child < left + 2 && child < count; child++) {
			if (goes_after(&heap[child], &heap[least]))
				least = child;
		}
		if (least == i)
			return;
		struct souk_chunk_range moved = heap[i];
		heap[i] = heap[least];
		heap[least] = moved;
		i = least;
	}
}

static void add_range(struct souk_availability *ret, struct souk_chunk_range range, bool *is_heap)
{
	struct souk_chunk_range *items = ret->ranges.items;
	if (ret->ranges.count < RANGES_MAX) {
		items[ret->ranges.count++] = range;
		return;
	}
	for (size_t i = RANGES_MAX / 2; !*is_heap && i > 0; i--)
		sift_down(items, RANGES_MAX, i - 1);
	*is_heap = true;
	if (goes_after(&items[0], &range)) {
		items[0] = range;
		sift_down(items, RANGES_MAX, 0);
	}
}

static int by_first(const void *a, const void *b)
{
	const struct souk_chunk_range *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

void chunk_item_availability(struct chunk_item *item, struct souk_availability *ret)
{
	uint32_t chunks = souk_content_chunk_count(&item->content);
	bool is_heap = false;
	ret->content = item->content.id;
	ret->chunks = chunks;
	ret->ranges.count = 0;
	pthread_mutex_lock(&item->store->lock);
	for (uint32_t i = 0; i < chunks;) {
		uint32_t end = (uint32_t)souk_bitmap_next_clear(&item->have, i);
		if (end > i)
			add_range(ret, (struct souk_chunk_range){i, end - i}, &is_heap);
		i = end + 1;
	}
	pthread_mutex_unlock(&item->store->lock);
	qsort(ret->ranges.items, ret->ranges.count, sizeof ret->ranges.items[0], by_first);
}

/* ------------------------------------------------------------------ making it durable */

/* The bits that are to be on the disk. */
struct bits {
	struct chunk_item *item;
	uint64_t *words;
	bool is_whole;
};

static souk_status write_bits(void *ctx)
{
	struct bits *bits = ctx;
	struct chunk_item *item = bits->item;
	uint32_t chunks = souk_content_chunk_count(&item->content);
	char path[512];
	size_t size = have_size(chunks);
	if (bits->is_whole) {
		provider_store_have_path(&item->store->store, &item->content.id, path);
		return unlink(path) == 0 || errno == ENOENT ? SOUK_OK : SOUK_IO_WRITE;
	}
	uint8_t *bytes = calloc(1, size);
	if (bytes == NULL)
		return SOUK_IO_MEMORY;
	for (uint32_t i = 0; i < chunks; i++)
		bytes[i / 8] |= (uint8_t)((bits->words[i / 64] >> (i % 64) & 1) << (i % 8));
	souk_status status = souk_file_write_at(item->have_fd, bytes, size, 0);
	free(bytes);
	return status;
}

/* What was written and could not be synced may be lost: it is not here. Under lock. */
static void take_back(struct chunk_item *item, souk_status status)
{
	for (size_t i = 0; i < item->have.count; i++) {
		if ((item->synced[i / 64] >> (i % 64) & 1) == 0 && souk_bitmap_get(&item->have, i))
			souk_bitmap_clear(&item->have, i);
	}
	wake(item, status);
}

/* Somebody has taken ITEM: its files stay open. */
static souk_status sync_open(struct chunk_item *item, struct bits *bits)
{
	if (fdatasync(item->fd) < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	SOUK_TRY(provider_store_while_cached(
		&item->store->store, &item->content.id, write_bits, bits));
	/* After the deletion of a name the folder is what must reach the disk; a crash before that
	 * leaves the older bits, which are true. */
	return bits->is_whole || fdatasync(item->have_fd) == 0 ? SOUK_OK : SOUK_IO_WRITE;
}

void chunk_sync(struct chunk_item *item)
{
	struct chunk_store *store = item->store;
	size_t words = SOUK_BITMAP_WORDS(item->have.count);
	struct bits bits = {.item = item, .words = malloc((words + 1) * sizeof(uint64_t))};
	if (bits.words == NULL)
		return; /* later */
	pthread_mutex_lock(&store->lock);
	memcpy(bits.words, item->have.words, words * sizeof(uint64_t));
	bits.is_whole = item->have.set == item->have.count;
	item->is_dirty = false;
	pthread_mutex_unlock(&store->lock);
	souk_status status = sync_open(item, &bits);
	pthread_mutex_lock(&store->lock);
	if (status == SOUK_OK)
		memcpy(item->synced, bits.words, words * sizeof(uint64_t));
	else if (status == SOUK_LOCAL_NOT_FOUND)
		item->is_stale = true; /* pinned: whoever did that has put its own files there */
	else
		take_back(item, status);
	pthread_mutex_unlock(&store->lock);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		SOUK_LOG(SOUK_LOG_ERROR, "content_unsynced",
			souk_log_hex("content", item->content.id.bytes, SOUK_HASH_SIZE),
			souk_log_status(status));
	free(bits.words);
}

souk_status chunk_item_sync(struct chunk_item *item)
{
	uint32_t before = chunk_item_count(item);
	pthread_mutex_lock(&item->store->change_lock);
	chunk_sync(item);
	pthread_mutex_unlock(&item->store->change_lock);
	return chunk_item_count(item) >= before ? SOUK_OK : SOUK_IO_WRITE;
}

/* One that is dirty, held as by a user. */
static struct chunk_item *take_dirty(struct chunk_store *store)
{
	struct chunk_item *found = NULL;
	pthread_mutex_lock(&store->lock);
	for (unsigned i = 0; i < CHUNK_BUCKETS && found == NULL; i++) {
		for (struct chunk_item *item = store->buckets[i]; item; item = item->next) {
			if (item->state == ITEM_OPEN && item->is_dirty)
				found = item;
		}
	}
	if (found != NULL && found->users++ == 0) {
		store->idle--;
		if (!found->is_pinned)
			souk_cache_hold(&store->cache, found->slot);
	}
	pthread_mutex_unlock(&store->lock);
	return found;
}

static size_t collect_records(struct chunk_store *store, struct provider_store_cached *out)
{
	size_t count = 0;
	pthread_mutex_lock(&store->lock);
	for (unsigned i = 0; i < CHUNK_BUCKETS; i++) {
		for (struct chunk_item *item = store->buckets[i]; item; item = item->next) {
			if (!item->record_is_dirty || count == BATCH_MAX)
				continue;
			out[count++] =
				(struct provider_store_cached){item->content.id, item->record};
			item->record_is_dirty = false;
		}
	}
	pthread_mutex_unlock(&store->lock);
	return count;
}

void chunk_sync_records(struct chunk_store *store)
{
	struct provider_store_cached *batch = malloc(BATCH_MAX * sizeof *batch);
	size_t count = BATCH_MAX;
	while (batch != NULL && count == BATCH_MAX) {
		count = collect_records(store, batch);
		souk_status status =
			count == 0 ? SOUK_OK
				   : provider_store_put_caches(&store->store, batch, count);
		/* Figures for eviction and reports: the next ones tell it again. */
		if (status != SOUK_OK)
			SOUK_LOG(SOUK_LOG_WARN, "cache_records_unsaved", souk_log_status(status));
	}
	free(batch);
}

/* souk add may have pinned an item, and put other files in the place of ours: that is seen here, at
 * the next taking, or where somebody wants to evict it. */
static void find_stale(struct chunk_store *store)
{
	struct souk_hash open[BATCH_MAX];
	struct souk_cache_record record;
	size_t count = 0;
	pthread_mutex_lock(&store->lock);
	for (unsigned i = 0; i < CHUNK_BUCKETS; i++) {
		for (struct chunk_item *item = store->buckets[i]; item; item = item->next) {
			if (item->state == ITEM_OPEN && !item->is_pinned && !item->is_stale &&
				count < BATCH_MAX)
				open[count++] = item->content.id;
		}
	}
	pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < count; i++) {
		/* Nobody creates or evicts it meanwhile. */
		pthread_mutex_lock(&store->change_lock);
		souk_status status = provider_store_cache(&store->store, &open[i], &record);
		pthread_mutex_lock(&store->lock);
		struct chunk_item *item = chunk_find(store, &open[i]);
		if (item != NULL && status == SOUK_LOCAL_NOT_FOUND)
			item->is_stale = true;
		pthread_mutex_unlock(&store->lock);
		pthread_mutex_unlock(&store->change_lock);
	}
}

static void sync_all(struct chunk_store *store)
{
	struct chunk_item *item;
	while ((item = take_dirty(store)) != NULL) {
		pthread_mutex_lock(&store->change_lock);
		chunk_sync(item);
		pthread_mutex_unlock(&store->change_lock);
		chunk_item_give(item);
	}
}

/* Wait for work, or MS; whether the store is being closed. */
static bool rest(struct chunk_store *store, uint64_t ms)
{
	struct timespec until = steady_in(ms);
	pthread_mutex_lock(&store->lock);
	while (!store->is_stopping &&
		pthread_cond_timedwait(&store->work, &store->lock, &until) != ETIMEDOUT)
		;
	bool stops = store->is_stopping;
	pthread_mutex_unlock(&store->lock);
	return stops;
}

void *chunk_syncer_run(void *ctx)
{
	struct chunk_store *store = ctx;
	for (uint64_t round = 1;; round++) {
		bool stops = rest(store, SYNC_MS);
		sync_all(store);
		if (round % (STALE_MS / SYNC_MS) == 0)
			find_stale(store);
		if (stops || round % (RECORDS_MS / SYNC_MS) == 0)
			chunk_sync_records(store);
		if (stops)
			return NULL;
	}
}
