/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_contents_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "souk/base/check.h"
#include "souk/io/http_server.h"
#include "souk/io/thread.h"

/* How often who waits says again what it wants. */
#define AGAIN_LOOKS 8u
#define KEEPER_MS   200u
#define RETRY_MS    500u
#define ROOM_MS	    3000u
#define AHEAD_MIN   (1024u * 1024u)

/* Wait for a change, but not longer than MS. Under lock. */
void gateway_wait_changed(struct gateway_contents *contents, uint64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&contents->changed, &contents->lock, &until);
}

void gateway_say_wants(struct shared_fetch *shared)
{
	for (const struct gateway_reader *r = shared->readers; r && shared->fetch; r = r->next) {
		if (r->want_count)
			fetch_want(shared->fetch, r->want_first, r->want_count);
	}
}

/* ------------------------------------------------------------------ fetches, under lock */

static bool same_name(const struct souk_content_name *a, const struct souk_content_name *b)
{
	return souk_hash_equal(&a->id, &b->id) && a->has_size == b->has_size &&
	       (!a->has_size || a->size == b->size);
}

static bool is_free(const struct shared_fetch *shared)
{
	return shared->state == FETCH_FREE || (shared->state == FETCH_ENDED && !shared->readers);
}

static struct shared_fetch *find_fetch(
	struct gateway_contents *contents, const struct souk_content_name *name)
{
	for (size_t i = 0; i < contents->config.fetches_max; i++) {
		struct shared_fetch *shared = &contents->fetches[i];
		if (!is_free(shared) && same_name(&shared->name, name))
			return shared;
	}
	return NULL;
}

static struct shared_fetch *find_free(struct gateway_contents *contents)
{
	for (size_t i = 0; i < contents->config.fetches_max; i++) {
		if (is_free(&contents->fetches[i]))
			return &contents->fetches[i];
	}
	return NULL;
}

static void stop_fetch(struct shared_fetch *shared)
{
	if (shared->fetch)
		fetch_stop(shared->fetch);
}

static souk_status begin_fetch(struct shared_fetch *shared)
{
	struct gateway_contents *contents = shared->contents;

	shared->state = FETCH_OPENING;
	shared->item = NULL;
	shared->is_fruitful = false;
	shared->detail[0] = 0;
	souk_status begun = souk_thread_start(NULL, gateway_fetch_run, shared);
	if (begun != SOUK_OK) {
		shared->state = FETCH_ENDED;
		shared->status = begun;
		return begun;
	}
	contents->threads++;
	return SOUK_OK;
}

/* READER takes part in the fetch of its content, which is begun where there is none. */
static souk_status attach(struct gateway_reader *reader)
{
	struct gateway_contents *contents = reader->contents;
	struct shared_fetch *shared = find_fetch(contents, &reader->name);

	if (!shared) {
		shared = find_free(contents);
		if (!shared)
			return SOUK_LOCAL_FULL;
		shared->name = reader->name;
		memcpy(shared->title, reader->title, sizeof(shared->title));
		SOUK_TRY(begin_fetch(shared));
	}
	reader->fetch = shared;
	reader->next = shared->readers;
	shared->readers = reader;
	return SOUK_OK;
}

static void detach(struct gateway_reader *reader)
{
	struct shared_fetch *shared = reader->fetch;

	if (!shared)
		return;
	struct gateway_reader **link = &shared->readers;
	while (*link != reader)
		link = &(*link)->next;
	*link = reader->next;
	reader->fetch = NULL;
	shared->changed_ms =
		shared->state == FETCH_ENDED ? shared->changed_ms : gateway_steady_ms();
	if (shared->fetch)
		fetch_want(shared->fetch, 0, 0);
	gateway_say_wants(shared);
}

/* Whether a fetch that ended may be begun again for READER. */
static bool may_go_on(const struct shared_fetch *shared, const struct gateway_reader *reader)
{
	souk_status status = shared->status;

	if (status == SOUK_OK || status == SOUK_LOCAL_STOPPED || shared->is_fruitful)
		return true;
	/* A stream is not given up at once because nobody answers. */
	return reader->consumed > 0 &&
	       (souk_status_class(status) == SOUK_CLASS_IO || status == SOUK_PEER_SILENT ||
		       status == SOUK_LOCAL_NO_PROVIDER_LEFT ||
		       status == SOUK_PEER_UNKNOWN_CONTENT);
}

static souk_status say_why(const struct shared_fetch *shared, char detail[FETCH_DETAIL_SIZE])
{
	const char *text = shared->detail[0] ? shared->detail : souk_status_text(shared->status);

	snprintf(detail, FETCH_DETAIL_SIZE, "%s", text);
	return shared->status;
}

/* Ends what nobody reads. */
static void *keeper_thread(void *ctx)
{
	struct gateway_contents *contents = ctx;

	pthread_mutex_lock(&contents->lock);
	while (!contents->stopping) {
		gateway_wait_changed(contents, KEEPER_MS);
		for (size_t i = 0; i < contents->config.fetches_max; i++) {
			struct shared_fetch *shared = &contents->fetches[i];
			if (!shared->readers && gateway_steady_ms() - shared->changed_ms >=
							contents->config.idle_ms)
				stop_fetch(shared);
		}
	}
	pthread_mutex_unlock(&contents->lock);
	return NULL;
}

/* Room for another fetch: those that nobody reads end now. */
static void stop_idle(struct gateway_contents *contents)
{
	for (size_t i = 0; i < contents->config.fetches_max; i++) {
		if (!contents->fetches[i].readers)
			stop_fetch(&contents->fetches[i]);
	}
}

/* ------------------------------------------------------------------ readers */

static bool is_over(const struct gateway_reader *reader)
{
	return reader->contents->stopping || souk_http_peer_is_gone(reader->socket);
}

/* See that the content of READER is being fetched, or say why it cannot be; under lock. */
static souk_status keep_fetching(
	struct gateway_reader *reader, bool again, char detail[FETCH_DETAIL_SIZE])
{
	struct shared_fetch *shared;

	if (is_over(reader))
		return SOUK_LOCAL_STOPPED;
	if (!reader->fetch) {
		souk_status status = attach(reader);
		if (status == SOUK_LOCAL_FULL)
			stop_idle(reader->contents);
		if (status != SOUK_OK)
			snprintf(detail, FETCH_DETAIL_SIZE,
				"as many contents are being fetched as may be at once\nTry again "
				"in a moment.");
		return status;
	}
	shared = reader->fetch;
	/* One that is just ending has none any more. */
	if (shared->fetch && again && reader->want_count)
		fetch_want(shared->fetch, reader->want_first, reader->want_count);
	if (shared->state != FETCH_ENDED)
		return SOUK_OK;
	if (!may_go_on(shared, reader))
		return say_why(shared, detail);
	if (shared->status == SOUK_OK || shared->status == SOUK_LOCAL_STOPPED ||
		shared->is_fruitful || gateway_steady_ms() - shared->changed_ms >= RETRY_MS)
		return begin_fetch(shared);
	return SOUK_OK;
}

/* The same, where it may take a moment until there is room. */
static souk_status keep_fetching_soon(
	struct gateway_reader *reader, bool again, uint64_t since, char detail[FETCH_DETAIL_SIZE])
{
	souk_status status = keep_fetching(reader, again, detail);

	return status == SOUK_LOCAL_FULL && gateway_steady_ms() - since < ROOM_MS ? SOUK_OK
										  : status;
}

static souk_status say_late(struct gateway_reader *reader, char detail[FETCH_DETAIL_SIZE])
{
	snprintf(detail, FETCH_DETAIL_SIZE, "nothing came for %ju seconds\nTry again later.",
		(uintmax_t)(reader->contents->config.wait_ms / 1000));
	return SOUK_IO_TIMEOUT;
}

/* What ID names must be what NAME says of it: a size, or any but 64 bytes. */
static souk_status check_name(struct gateway_reader *reader, char detail[FETCH_DETAIL_SIZE])
{
	const struct souk_content *held = chunk_item_content(reader->item);
	struct souk_content checked;

	if (souk_content_check(&checked, &reader->name, held->size, held->chunk_size) == SOUK_OK)
		return SOUK_OK;
	snprintf(detail, FETCH_DETAIL_SIZE,
		"the content with this id has %ju bytes\nName it ID.%ju where its size matters.",
		(uintmax_t)held->size, (uintmax_t)held->size);
	return SOUK_PEER_UNKNOWN_CONTENT;
}

/* Have it fetched until it is in the store at least in name. */
static souk_status fetch_item(struct gateway_reader *reader, char detail[FETCH_DETAIL_SIZE])
{
	struct gateway_contents *contents = reader->contents;
	uint64_t since = gateway_steady_ms();

	for (;;) {
		pthread_mutex_lock(&contents->lock);
		souk_status status = keep_fetching_soon(reader, false, since, detail);
		bool is_there = reader->fetch && reader->fetch->state != FETCH_OPENING;
		if (status == SOUK_OK && !is_there)
			gateway_wait_changed(contents, LOOK_MS);
		pthread_mutex_unlock(&contents->lock);
		SOUK_TRY(status);
		if (is_there) {
			status = chunk_store_take(
				contents->config.chunks, &reader->name.id, &reader->item);
			if (status != SOUK_LOCAL_NOT_FOUND)
				return status;
		}
		if (gateway_steady_ms() - since > contents->config.wait_ms)
			return say_late(reader, detail);
	}
}

souk_status gateway_reader_open(struct gateway_reader **ret, struct gateway_contents *contents,
	const struct souk_content_name *name, const char *title, uint64_t first, int socket,
	char detail[FETCH_DETAIL_SIZE])
{
	struct gateway_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return SOUK_IO_MEMORY;
	reader->contents = contents;
	reader->name = *name;
	/* Cut, it could end inside of a character. */
	if (title && strlen(title) < sizeof(reader->title))
		strcpy(reader->title, title);
	reader->first = first;
	reader->socket = socket;
	souk_status status = chunk_store_take(contents->config.chunks, &name->id, &reader->item);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = fetch_item(reader, detail);
	else if (status != SOUK_OK)
		snprintf(detail, FETCH_DETAIL_SIZE, "%s", souk_status_text(status));
	if (status == SOUK_OK)
		status = check_name(reader, detail);
	if (status != SOUK_OK) {
		gateway_reader_close(reader);
		return status;
	}
	reader->end = gateway_reader_content(reader)->size;
	*ret = reader;
	return SOUK_OK;
}

void gateway_reader_close(struct gateway_reader *reader)
{
	if (!reader)
		return;
	pthread_mutex_lock(&reader->contents->lock);
	detach(reader);
	pthread_mutex_unlock(&reader->contents->lock);
	chunk_item_give(reader->item);
	free(reader);
}

const struct souk_content *gateway_reader_content(const struct gateway_reader *reader)
{
	return chunk_item_content(reader->item);
}

void gateway_reader_limit(struct gateway_reader *reader, uint64_t first, uint64_t size)
{
	uint64_t all = gateway_reader_content(reader)->size;

	reader->end = size < all - first ? first + size : all;
}

/* Chunks that should be here soon: from the one at OFFSET on, those that are not. */
static void find_want(struct gateway_reader *reader, uint64_t offset)
{
	uint32_t chunk_size = gateway_reader_content(reader)->chunk_size;
	uint64_t ahead = reader->consumed, ahead_max = reader->contents->config.read_ahead;

	ahead = ahead < AHEAD_MIN ? AHEAD_MIN : ahead;
	ahead = ahead > ahead_max ? ahead_max : ahead;
	uint64_t end = reader->end - offset < ahead ? reader->end : offset + ahead;
	uint32_t first = (uint32_t)(offset / chunk_size);
	uint32_t after = end > offset ? (uint32_t)((end - 1) / chunk_size) + 1 : first + 1;
	while (first < after && chunk_item_has(reader->item, first))
		first++;
	reader->want_first = first;
	reader->want_count = after - first;
}

/* The reader has come to another chunk. What is lacking ahead of it is fetched; where that cannot
 * be, it is said when the reader comes there. */
static void come_to(struct gateway_reader *reader, uint64_t offset)
{
	struct gateway_contents *contents = reader->contents;
	char detail[FETCH_DETAIL_SIZE];

	pthread_mutex_lock(&contents->lock);
	find_want(reader, offset);
	if (reader->want_count) {
		souk_status status = keep_fetching(reader, true, detail);
		(void)status;
	}
	pthread_mutex_unlock(&contents->lock);
}

static souk_status wait_for(
	struct gateway_reader *reader, uint32_t chunk, char detail[FETCH_DETAIL_SIZE])
{
	struct gateway_contents *contents = reader->contents;
	uint64_t since = gateway_steady_ms();

	for (unsigned looks = 0; !chunk_item_has(reader->item, chunk); looks++) {
		pthread_mutex_lock(&contents->lock);
		souk_status status =
			keep_fetching_soon(reader, looks % AGAIN_LOOKS == 0, since, detail);
		pthread_mutex_unlock(&contents->lock);
		SOUK_TRY(status);
		if (gateway_steady_ms() - since > contents->config.wait_ms)
			return say_late(reader, detail);
		status = chunk_item_wait(reader->item, chunk, LOOK_MS);
		(void)status;
	}
	return SOUK_OK;
}

souk_status gateway_reader_read(struct gateway_reader *reader, uint64_t offset, uint8_t *out,
	size_t size, size_t *ret_got, char detail[FETCH_DETAIL_SIZE])
{
	const struct souk_content *content = gateway_reader_content(reader);
	uint32_t chunk = (uint32_t)(offset / content->chunk_size);

	SOUK_CHECK(offset < content->size && size > 0);
	reader->consumed = offset == reader->place ? reader->consumed : 0;
	if (!reader->has_come || chunk != reader->chunk)
		come_to(reader, offset);
	reader->has_come = true;
	reader->chunk = chunk;
	SOUK_TRY(wait_for(reader, chunk, detail));
	uint64_t left = souk_content_chunk_offset(content, chunk) +
			souk_content_chunk_length(content, chunk) - offset;
	size = size < left ? size : (size_t)left;
	souk_status status = chunk_item_read(reader->item, offset, out, size);
	if (status != SOUK_OK) {
		snprintf(detail, FETCH_DETAIL_SIZE, "%s", souk_status_text(status));
		return status;
	}
	reader->consumed += size;
	reader->place = offset + size;
	*ret_got = size;
	return SOUK_OK;
}

souk_status gateway_reader_read_all(struct gateway_reader *reader, uint64_t first, uint8_t *out,
	uint64_t size, char detail[FETCH_DETAIL_SIZE])
{
	size_t got;

	gateway_reader_limit(reader, first, size);
	for (uint64_t at = 0; at < size; at += got)
		SOUK_TRY(gateway_reader_read(
			reader, first + at, out + at, (size_t)(size - at), &got, detail));
	return SOUK_OK;
}

/* ------------------------------------------------------------------ start and stop */

souk_status gateway_contents_start(
	struct gateway_contents **ret, const struct gateway_contents_config *config)
{
	struct gateway_contents *contents = calloc(1, sizeof(*contents));
	pthread_condattr_t attributes;

	if (!contents)
		return SOUK_IO_MEMORY;
	contents->config = *config;
	contents->fetches = calloc(config->fetches_max, sizeof(*contents->fetches));
	if (!contents->fetches) {
		free(contents);
		return SOUK_IO_MEMORY;
	}
	for (size_t i = 0; i < config->fetches_max; i++)
		contents->fetches[i].contents = contents;
	pthread_mutex_init(&contents->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&contents->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&contents->keeper, NULL, keeper_thread, contents) != 0) {
		pthread_cond_destroy(&contents->changed);
		pthread_mutex_destroy(&contents->lock);
		free(contents->fetches);
		free(contents);
		return SOUK_IO_MEMORY;
	}
	*ret = contents;
	return SOUK_OK;
}

void gateway_contents_stop(struct gateway_contents *contents)
{
	pthread_mutex_lock(&contents->lock);
	contents->stopping = true;
	for (size_t i = 0; i < contents->config.fetches_max; i++)
		stop_fetch(&contents->fetches[i]);
	pthread_cond_broadcast(&contents->changed);
	pthread_mutex_unlock(&contents->lock);
}

void gateway_contents_free(struct gateway_contents *contents)
{
	if (!contents)
		return;
	pthread_join(contents->keeper, NULL);
	pthread_mutex_lock(&contents->lock);
	while (contents->threads > 0)
		gateway_wait_changed(contents, LOOK_MS);
	pthread_mutex_unlock(&contents->lock);
	pthread_cond_destroy(&contents->changed);
	pthread_mutex_destroy(&contents->lock);
	free(contents->fetches);
	free(contents);
}

uint32_t gateway_contents_fetching(struct gateway_contents *contents)
{
	uint32_t count = 0;

	pthread_mutex_lock(&contents->lock);
	for (size_t i = 0; i < contents->config.fetches_max; i++) {
		enum fetch_state state = contents->fetches[i].state;
		count += state == FETCH_OPENING || state == FETCH_RUNNING;
	}
	pthread_mutex_unlock(&contents->lock);
	return count;
}
