/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/log_replay.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/memory_store.h"

/* A batch is full at so many frames or bytes. */
#define BATCH_FRAMES 256
#define BATCH_SIZE   (256u << 10)
/* Batches on their way at once. */
#define RING 8
/* Frames that a thread takes at once: about half a millisecond. */
#define CHUNK 16
/* The undo journal of the memory store grows until a commit. */
#define COMMIT_FRAMES 65536
#define THREADS_MAX   64

enum frame_kind { FRAME_PLAIN, FRAME_HEADER, FRAME_TX };

struct item {
	size_t at, size;
	enum frame_kind kind;
	struct souk_signed_check check;
};

struct batch {
	uint8_t *bytes;
	size_t size, max;
	struct item items[BATCH_FRAMES];
	size_t count;
	size_t claimed, checked; /* under the lock, once it is in the ring */
};

struct souk_log_replay {
	struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	uint64_t frames_uncommitted;
	souk_status failure; /* the first one; nothing is applied after it */
	/* What the next frame is. */
	enum souk_log_state expected;
	uint32_t txs_left;
	struct souk_address operator_address;
	/* batches[first] is the oldest in the ring; the one after the last is being filled. */
	struct batch *batches;
	size_t first, in_ring; /* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	bool is_stopping;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
	bool has_locks;
};

/* ---- checking, in any thread ---- */

static struct batch *batch_at(struct souk_log_replay *replay, size_t number)
{
	return &replay->batches[(replay->first + number) % (RING + 1)];
}

/* The oldest batch with frames that nobody has taken. Under the lock. */
static struct batch *claim(struct souk_log_replay *replay, size_t *ret_from, size_t *ret_to)
{
	for (size_t i = 0; i < replay->in_ring; i++) {
		struct batch *batch = batch_at(replay, i);
		if (batch->claimed == batch->count)
			continue;
		*ret_from = batch->claimed;
		batch->claimed += CHUNK;
		if (batch->claimed > batch->count)
			batch->claimed = batch->count;
		*ret_to = batch->claimed;
		return batch;
	}
	return NULL;
}

static void check_frames(
	const struct souk_log_replay *replay, struct batch *batch, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct item *item = &batch->items[i];
		struct souk_bytes frame = souk_bytes_of(batch->bytes + item->at, item->size);
		if (item->kind == FRAME_TX)
			souk_tx_check(&item->check, frame);
		else if (item->kind == FRAME_HEADER)
			souk_block_check(&item->check, frame, &replay->operator_address);
	}
}

/* Check one chunk; false where there is none. Under the lock, which is let go meanwhile. */
static bool check_some(struct souk_log_replay *replay)
{
	size_t from, to;
	struct batch *batch = claim(replay, &from, &to);
	if (batch == NULL)
		return false;
	pthread_mutex_unlock(&replay->lock);
	check_frames(replay, batch, from, to);
	pthread_mutex_lock(&replay->lock);
	batch->checked += to - from;
	if (batch->checked == batch->count)
		pthread_cond_signal(&replay->done);
	return true;
}

static void *help(void *ctx)
{
	struct souk_log_replay *replay = ctx;
	pthread_mutex_lock(&replay->lock);
	while (!replay->is_stopping) {
		if (!check_some(replay))
			pthread_cond_wait(&replay->work, &replay->lock);
	}
	pthread_mutex_unlock(&replay->lock);
	return NULL;
}

/* ---- applying, in order ---- */

static souk_status commit_now_and_then(struct souk_log_replay *replay, size_t frames)
{
	struct souk_store view;
	replay->frames_uncommitted += frames;
	if (replay->frames_uncommitted < COMMIT_FRAMES)
		return SOUK_OK;
	replay->frames_uncommitted = 0;
	souk_memory_store_commit(replay->memory);
	return souk_memory_store_begin(replay->memory, &view);
}

static souk_status apply_batch(struct souk_log_replay *replay, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct item *item = &batch->items[i];
		SOUK_TRY(souk_log_verifier_feed_checked(&replay->verifier,
			souk_bytes_of(batch->bytes + item->at, item->size),
			item->kind == FRAME_PLAIN ? NULL : &item->check));
	}
	return commit_now_and_then(replay, batch->count);
}

/* Wait for the oldest batch, helping, and apply it. */
static void drain_oldest(struct souk_log_replay *replay)
{
	pthread_mutex_lock(&replay->lock);
	struct batch *batch = batch_at(replay, 0);
	while (batch->checked < batch->count) {
		if (!check_some(replay))
			pthread_cond_wait(&replay->done, &replay->lock);
	}
	pthread_mutex_unlock(&replay->lock);
	if (replay->failure == SOUK_OK)
		replay->failure = apply_batch(replay, batch);
	pthread_mutex_lock(&replay->lock);
	batch->size = batch->count = batch->claimed = batch->checked = 0;
	replay->first = (replay->first + 1) % (RING + 1);
	replay->in_ring--;
	pthread_mutex_unlock(&replay->lock);
}

/* Hand the batch that was filled to the threads. */
static void send_batch(struct souk_log_replay *replay)
{
	pthread_mutex_lock(&replay->lock);
	replay->in_ring++;
	pthread_cond_broadcast(&replay->work);
	pthread_mutex_unlock(&replay->lock);
	if (replay->in_ring == RING)
		drain_oldest(replay);
}

/* ---- filling ---- */

/* What FRAME is, by what came before it. A frame that cannot be what it should is found when it is
 * applied. */
static enum frame_kind kind_of(struct souk_log_replay *replay, struct souk_bytes frame)
{
	struct souk_signed_block_header header;
	struct souk_genesis genesis;
	switch (replay->expected) {
	case SOUK_LOG_GENESIS:
		if (souk_genesis_decode(&genesis, frame, NULL) == SOUK_OK)
			replay->operator_address = genesis.operator;
		replay->expected =
			replay->verifier.is_snapshot ? SOUK_LOG_AT_HEADER : SOUK_LOG_HEADER;
		return FRAME_PLAIN;
	case SOUK_LOG_AT_HEADER:
	case SOUK_LOG_AT_RECORD: replay->expected++; return FRAME_PLAIN;
	case SOUK_LOG_AT_ITEM:
		if (frame.size == 0)
			replay->expected = SOUK_LOG_HEADER;
		return FRAME_PLAIN;
	case SOUK_LOG_HEADER:
		if (souk_signed_block_header_decode(&header, frame, NULL) != SOUK_OK)
			return FRAME_HEADER;
		replay->txs_left = header.header.tx_count;
		replay->expected = replay->txs_left ? SOUK_LOG_TX : SOUK_LOG_HEADER;
		return FRAME_HEADER;
	case SOUK_LOG_TX:
		if (--replay->txs_left == 0)
			replay->expected = SOUK_LOG_HEADER;
		return FRAME_TX;
	case SOUK_LOG_FAILED: break;
	}
	return FRAME_PLAIN;
}

static souk_status make_room(struct batch *batch, size_t size)
{
	if (batch->max - batch->size >= size)
		return SOUK_OK;
	size_t max = batch->size + size > BATCH_SIZE ? batch->size + size : BATCH_SIZE;
	uint8_t *grown = realloc(batch->bytes, max);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	batch->bytes = grown;
	batch->max = max;
	return SOUK_OK;
}

souk_status souk_log_replay_feed(struct souk_log_replay *replay, struct souk_bytes frame)
{
	struct batch *batch = batch_at(replay, replay->in_ring);
	if (replay->failure != SOUK_OK)
		return replay->failure;
	SOUK_TRY(make_room(batch, frame.size));
	struct item *item = &batch->items[batch->count++];
	item->at = batch->size;
	item->size = frame.size;
	item->kind = kind_of(replay, frame);
	if (frame.size != 0)
		memcpy(batch->bytes + batch->size, frame.data, frame.size);
	batch->size += frame.size;
	if (batch->count == BATCH_FRAMES || batch->size >= BATCH_SIZE)
		send_batch(replay);
	return replay->failure;
}

souk_status souk_log_replay_flush(struct souk_log_replay *replay)
{
	if (batch_at(replay, replay->in_ring)->count != 0)
		send_batch(replay);
	while (replay->in_ring != 0)
		drain_oldest(replay);
	return replay->failure;
}

souk_status souk_log_replay_finish(struct souk_log_replay *replay)
{
	SOUK_TRY(souk_log_replay_flush(replay));
	return souk_log_verifier_finish(&replay->verifier);
}

const struct souk_log_verifier *souk_log_replay_verifier(const struct souk_log_replay *replay)
{
	return &replay->verifier;
}

souk_status souk_log_magic_is_snapshot(bool *ret, const uint8_t magic[SOUK_LOG_MAGIC_SIZE])
{
	bool is_snapshot = memcmp(magic, SOUK_LOG_SNAPSHOT_MAGIC, SOUK_LOG_MAGIC_SIZE) == 0;
	if (!is_snapshot && memcmp(magic, SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE) != 0)
		return SOUK_CORRUPT_LOG;
	*ret = is_snapshot;
	return SOUK_OK;
}

/* ---- start and end ---- */

static unsigned other_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 1 ? (unsigned)(count - 1) : 0;
}

static souk_status start_threads(struct souk_log_replay *replay, unsigned count)
{
	pthread_mutex_init(&replay->lock, NULL);
	pthread_cond_init(&replay->work, NULL);
	pthread_cond_init(&replay->done, NULL);
	replay->has_locks = true;
	if (count == UINT_MAX)
		count = other_processors();
	if (count > THREADS_MAX)
		count = THREADS_MAX;
	for (; replay->thread_count < count; replay->thread_count++) {
		if (pthread_create(&replay->threads[replay->thread_count], NULL, help, replay) != 0)
			return SOUK_IO_MEMORY;
	}
	return SOUK_OK;
}

static souk_status replay_init(
	struct souk_log_replay *replay, const struct souk_log_replay_config *config)
{
	struct souk_store view;
	replay->batches = calloc(RING + 1, sizeof *replay->batches);
	if (replay->batches == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(souk_memory_store_new(&replay->memory, 0, souk_clock_steady_ns()));
	SOUK_TRY(souk_memory_store_begin(replay->memory, &view));
	souk_log_verifier_init(&replay->verifier, &view);
	souk_log_verifier_set_judges(&replay->verifier, config->judges);
	if (config->is_snapshot)
		souk_log_verifier_expect_snapshot(&replay->verifier);
	if (!config->keeps_index)
		souk_log_verifier_go_bare(&replay->verifier);
	return start_threads(replay, config->thread_count);
}

souk_status souk_log_replay_new(
	struct souk_log_replay **ret, const struct souk_log_replay_config *config)
{
	struct souk_log_replay *replay = calloc(1, sizeof *replay);
	if (replay == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = replay_init(replay, config);
	if (status != SOUK_OK) {
		souk_log_replay_free(replay);
		return status;
	}
	*ret = replay;
	return SOUK_OK;
}

static void stop_threads(struct souk_log_replay *replay)
{
	pthread_mutex_lock(&replay->lock);
	replay->is_stopping = true;
	pthread_cond_broadcast(&replay->work);
	pthread_mutex_unlock(&replay->lock);
	for (unsigned i = 0; i < replay->thread_count; i++)
		pthread_join(replay->threads[i], NULL);
	pthread_cond_destroy(&replay->work);
	pthread_cond_destroy(&replay->done);
	pthread_mutex_destroy(&replay->lock);
}

void souk_log_replay_free(struct souk_log_replay *replay)
{
	if (replay == NULL)
		return;
	if (replay->has_locks)
		stop_threads(replay);
	for (size_t i = 0; replay->batches != NULL && i <= RING; i++)
		free(replay->batches[i].bytes);
	free(replay->batches);
	souk_memory_store_free(replay->memory);
	free(replay);
}
