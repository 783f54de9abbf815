/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread of a fetch: money, who sells, a place for it, and then what readers want. What takes
 * the disk a moment is done beside what takes the network one. */
#include <stdio.h>
#include <string.h>

#include "../client/market_memory.h"
#include "gateway_contents_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

static uint64_t wall_ms(void)
{
	return souk_clock_now(souk_clock_real()).ms;
}

static void begin_beside(struct beside *beside, void (*job)(void *), void *ctx)
{
	if (souk_thread_start(&beside->thread, job, ctx) != SOUK_OK)
		job(ctx);
}

static souk_status end_beside(struct beside *beside)
{
	souk_thread_join(beside->thread);
	beside->thread = NULL;
	return beside->status;
}

/* The first chunk may be here before there is a place for it. */
static souk_status wait_for_item(struct shared_fetch *shared)
{
	struct gateway_contents *contents = shared->contents;

	pthread_mutex_lock(&contents->lock);
	while (!shared->item && shared->made == SOUK_OK)
		gateway_wait_changed(contents, LOOK_MS);
	souk_status status = shared->made;
	pthread_mutex_unlock(&contents->lock);
	return status;
}

static souk_status keep_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct shared_fetch *shared = ctx;

	SOUK_TRY(wait_for_item(shared));
	SOUK_TRY(chunk_item_write(shared->item, chunk, data));
	shared->is_fruitful = true;
	return SOUK_OK;
}

static souk_status read_chunk(void *ctx, uint32_t chunk, uint8_t *out, size_t size)
{
	struct shared_fetch *shared = ctx;
	const struct souk_content *content = chunk_item_content(shared->item);

	return chunk_item_read(shared->item, souk_content_chunk_offset(content, chunk), out, size);
}

static void log_note(void *ctx, const char *text)
{
	const struct shared_fetch *shared = ctx;

	SOUK_LOG(SOUK_LOG_INFO, "gateway_fetch_note",
		souk_log_hex("content", shared->name.id.bytes, SOUK_HASH_SIZE),
		souk_log_text("note", text));
}

/* Who pays, and how much. *RET_PART is to be settled where SOUK_OK is returned. */
static souk_status find_money(struct shared_fetch *shared, struct fetch_config *config, bool all,
	struct gateway_part *ret_part)
{
	*ret_part = (struct gateway_part){0};
	if (config->payer == FETCH_SPONSOR)
		return SOUK_OK;
	souk_status status =
		gateway_purse_take_soon(shared->contents->config.purse, wall_ms(), all, ret_part);
	config->budget = ret_part->amount;
	if (status != SOUK_OK && config->payer == FETCH_OWN) {
		snprintf(shared->detail, sizeof(shared->detail),
			"today's budget for own money is used up\nRaise budget in [gateway] of "
			"souk.ini, or come back tomorrow (UTC).");
		return status;
	}
	if (status != SOUK_OK)
		config->payer = FETCH_SPONSOR;
	return SOUK_OK;
}

/* Under lock: until they come to read they want the chunk that they begin with. */
static void say_first_wants(struct shared_fetch *shared)
{
	const struct souk_content *content = fetch_content(shared->fetch);

	for (const struct gateway_reader *r = shared->readers; r; r = r->next) {
		if (!r->want_count && r->first < content->size)
			fetch_want(shared->fetch, (uint32_t)(r->first / content->chunk_size), 1);
	}
}

/* The place of what is fetched; under lock once it is there. */
static souk_status make_item(struct shared_fetch *shared, struct chunk_item **ret)
{
	struct chunk_store *chunks = shared->contents->config.chunks;
	souk_status status = chunk_store_create(
		chunks, fetch_content(shared->fetch), fetch_row(shared->fetch), shared->title, ret);

	if (status == SOUK_LOCAL_FULL) {
		/* Busy is something else: trying again would not help. */
		status = SOUK_IO_DISK_FULL;
		snprintf(shared->refusal, sizeof(shared->refusal),
			"it does not fit the cache\nRaise cache in souk.ini.");
	}
	return status;
}

static void note_item(struct shared_fetch *shared, souk_status status, struct chunk_item *item)
{
	struct gateway_contents *contents = shared->contents;

	pthread_mutex_lock(&contents->lock);
	shared->made = status;
	shared->item = status == SOUK_OK ? item : NULL;
	if (status == SOUK_OK)
		shared->state = FETCH_RUNNING;
	else
		fetch_stop(shared->fetch);
	gateway_say_wants(shared);
	pthread_cond_broadcast(&contents->changed);
	pthread_mutex_unlock(&contents->lock);
}

/* Where a reader will begin; 0 where there is none any more. */
static uint64_t first_offset(struct shared_fetch *shared)
{
	pthread_mutex_lock(&shared->contents->lock);
	uint64_t first = shared->readers ? shared->readers->first : 0;
	pthread_mutex_unlock(&shared->contents->lock);
	return first;
}

/* Whether all that is known of it is its name, and a reader begins at its start. */
static bool is_from_start(struct shared_fetch *shared)
{
	struct chunk_item *item;
	souk_status status =
		chunk_store_take(shared->contents->config.chunks, &shared->name.id, &item);

	if (status == SOUK_OK)
		chunk_item_give(item);
	return status == SOUK_LOCAL_NOT_FOUND && first_offset(shared) == 0;
}

static void make_job(void *ctx)
{
	struct shared_fetch *shared = ctx;
	struct chunk_item *item = NULL;

	shared->making.status = make_item(shared, &item);
	note_item(shared, shared->making.status, item);
	if (item && chunk_item_content(item)->size > 0)
		chunk_item_expect(item,
			(uint32_t)(first_offset(shared) / chunk_item_content(item)->chunk_size));
}

/* Where some of it is here, the fetch must know before it begins. A place that is new takes some
 * writes, which are done while the first chunk is on its way. */
static souk_status find_item(struct shared_fetch *shared, struct fetch *fetch)
{
	const struct souk_content *content = fetch_content(fetch);
	struct chunk_item *item;
	souk_status status = chunk_store_take(shared->contents->config.chunks, &content->id, &item);

	if (status == SOUK_LOCAL_NOT_FOUND) {
		begin_beside(&shared->making, make_job, shared);
		return SOUK_OK;
	}
	if (status == SOUK_OK)
		chunk_item_give(item);
	status = make_item(shared, &item);
	for (uint32_t i = 0; i < souk_content_chunk_count(content) && status == SOUK_OK; i++) {
		if (chunk_item_has(item, i))
			fetch_have(fetch, i);
	}
	shared->making.status = status;
	note_item(shared, status, item);
	return status;
}

static souk_status run_opened(struct shared_fetch *shared, struct fetch *fetch)
{
	struct gateway_contents *contents = shared->contents;

	pthread_mutex_lock(&contents->lock);
	shared->fetch = fetch;
	if (contents->stopping)
		fetch_stop(fetch);
	say_first_wants(shared);
	pthread_mutex_unlock(&contents->lock);
	souk_status status = find_item(shared, fetch);
	if (status == SOUK_OK)
		status = fetch_run(fetch, shared->detail);
	souk_status made = end_beside(&shared->making);
	pthread_mutex_lock(&contents->lock);
	shared->fetch = NULL;
	if (made != SOUK_OK)
		snprintf(shared->detail, sizeof(shared->detail), "%s", shared->refusal);
	pthread_mutex_unlock(&contents->lock);
	return made != SOUK_OK ? made : status;
}

/* Nothing is paid that the purse does not remember. */
static souk_status may_pay(void *ctx)
{
	struct shared_fetch *shared = ctx;

	return end_beside(&shared->keeping);
}

static void keep_job(void *ctx)
{
	struct shared_fetch *shared = ctx;

	shared->keeping.status = gateway_purse_keep(shared->contents->config.purse);
}

/* Fetch what is wanted with a part of the day's money, or with all of it. */
static souk_status try_fetch(struct shared_fetch *shared, bool all)
{
	struct gateway_contents *contents = shared->contents;
	struct fetch_config config = contents->config.fetch;
	struct fetch *fetch = NULL;
	struct fetch_figures figures = {0};
	struct gateway_part part;

	market_memory_use(config.memory);
	shared->made = SOUK_OK;
	shared->refusal[0] = 0;
	shared->making = shared->keeping = (struct beside){.status = SOUK_OK};
	config.name = shared->name;
	config.is_streaming = true;
	config.is_from_start = is_from_start(shared);
	config.events = (struct fetch_events){.ctx = shared,
		.chunk = keep_chunk,
		.pay = may_pay,
		.note = log_note,
		.read = read_chunk};
	souk_status status = find_money(shared, &config, all, &part);
	if (part.amount.ncoin > 0)
		begin_beside(&shared->keeping, keep_job, shared);
	if (status == SOUK_OK)
		status = fetch_open(&fetch, &config, shared->detail);
	if (status == SOUK_OK) {
		status = run_opened(shared, fetch);
		figures = fetch_figures_now(fetch);
		fetch_free(fetch);
		/* What it gives back is what the next one takes: that is to be ready, too. */
		market_memory_use(config.memory);
		chunk_item_give(shared->item);
		shared->item = NULL;
	}
	souk_status kept = end_beside(&shared->keeping);
	status = status == SOUK_OK ? kept : status;
	gateway_purse_settle(contents->config.purse, part, figures.spent);
	SOUK_LOG(SOUK_LOG_INFO, "gateway_fetch_over",
		souk_log_hex("content", shared->name.id.bytes, SOUK_HASH_SIZE),
		souk_log_u64("bytes", figures.bytes_done), souk_log_amount("spent", figures.spent),
		souk_log_u64("sponsored", figures.is_sponsored), souk_log_status(status));
	return status;
}

void gateway_fetch_run(void *ctx)
{
	struct shared_fetch *shared = ctx;
	struct gateway_contents *contents = shared->contents;
	souk_status status = try_fetch(shared, false);

	/* The part may have been too small for a single unit. */
	if (status == SOUK_LOCAL_BUDGET && !shared->is_fruitful)
		status = try_fetch(shared, true);
	pthread_mutex_lock(&contents->lock);
	shared->status = status;
	shared->state = FETCH_ENDED;
	shared->changed_ms = gateway_steady_ms();
	contents->threads--;
	pthread_cond_broadcast(&contents->changed);
	pthread_mutex_unlock(&contents->lock);
}
