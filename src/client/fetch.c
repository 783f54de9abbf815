/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch_ask.h"
#include "fetch_early.h"
#include "fetch_first.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"

#define TIMEOUT_DEFAULT_MS 5000u
#define WINDOW_DEFAULT	   16u
#define NOTE_SIZE	   512

/* ------------------------------------------------------------------ words */

void fetch_tell(char detail[FETCH_DETAIL_SIZE], const char *what, const char *advice)
{
	snprintf(detail, FETCH_DETAIL_SIZE, "%.300s%s%.200s", what, advice != NULL ? "\n" : "",
		advice != NULL ? advice : "");
}

void fetch_tell_ledger(char detail[FETCH_DETAIL_SIZE], const char *what, souk_status status,
	const struct souk_chain_client *chain)
{
	char text[FETCH_DETAIL_SIZE], advice[FETCH_DETAIL_SIZE];
	const char *more = souk_chain_detail(chain);
	bool is_silent = status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT;
	snprintf(text, sizeof text, "%s%s%s", what, more[0] != '\0' ? ": " : "", more);
	snprintf(advice, sizeof advice,
		"No ledger answers at %.90s. Start one with soukd, or name another with --ledger "
		"URL.",
		souk_chain_url(chain));
	fetch_tell(detail, text, is_silent ? advice : NULL);
}

void fetch_note(const struct fetch *fetch, const char *format, ...)
{
	char text[NOTE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (fetch->config.events.note != NULL)
		fetch->config.events.note(fetch->config.events.ctx, text);
}

void fetch_address_text(char out[FETCH_ADDRESS_SIZE], const struct souk_address *address)
{
	out[0] = '0';
	out[1] = 'x';
	souk_hex_encode(out + 2, address->bytes, SOUK_ADDRESS_SIZE);
}

/* ------------------------------------------------------------------ what engines tell */

/* Of a chunk that two providers were asked for the second is as good as the first. */
static bool claim_chunk(struct fetch *fetch, uint32_t chunk)
{
	pthread_mutex_lock(&fetch->lock);
	bool is_new = !souk_bitmap_get(&fetch->had, chunk);
	if (is_new)
		souk_bitmap_set(&fetch->had, chunk);
	pthread_mutex_unlock(&fetch->lock);
	return is_new;
}

static souk_status on_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct fetch *fetch = ctx;
	const struct fetch_events *events = &fetch->config.events;
	if (!claim_chunk(fetch, chunk))
		return SOUK_OK;
	souk_status status = events->chunk(events->ctx, chunk, data);
	pthread_mutex_lock(&fetch->lock);
	if (status == SOUK_OK)
		fetch->bytes_done += data.size;
	else
		souk_bitmap_clear(&fetch->had, chunk);
	pthread_mutex_unlock(&fetch->lock);
	return status;
}

static void on_progress(void *ctx, const struct fetch_figures *figures)
{
	struct fetch *fetch = ctx;
	(void)figures;
	struct fetch_figures all = fetch_figures_now(fetch);
	fetch->config.events.progress(fetch->config.events.ctx, &all);
}

static void on_note(void *ctx, const char *text)
{
	fetch_note(ctx, "%s", text);
}

static void set_engine_events(struct fetch *fetch)
{
	fetch->engine_events = fetch->config.events;
	fetch->engine_events.ctx = fetch;
	fetch->engine_events.chunk = on_chunk;
	fetch->engine_events.note = on_note;
	fetch->engine_events.progress = fetch->config.events.progress != NULL ? on_progress : NULL;
	/* These take the user's ctx: who needs them calls config.events. */
	fetch->engine_events.pay = NULL;
	fetch->engine_events.evidence = NULL;
	fetch->engine_events.read = NULL;
}

void fetch_begins(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->lock);
	if (fetch->started_ns == 0)
		fetch->started_ns = souk_clock_steady_ns();
	pthread_mutex_unlock(&fetch->lock);
}

/* ------------------------------------------------------------------ opening */

static void set_defaults(struct fetch_config *config)
{
	if (config->timeout_ms == 0)
		config->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (config->window_max == 0)
		config->window_max = WINDOW_DEFAULT;
}

void fetch_init(struct fetch *fetch, const struct fetch_config *config)
{
	fetch->config = *config;
	set_defaults(&fetch->config);
	set_engine_events(fetch);
	pthread_mutex_init(&fetch->lock, NULL);
}

souk_status fetch_note_shape(struct fetch *fetch)
{
	size_t words = SOUK_BITMAP_WORDS((size_t)fetch->chunk_count);
	fetch->had_words = calloc(words + 1, sizeof *fetch->had_words);
	if (fetch->had_words == NULL)
		return SOUK_IO_MEMORY;
	souk_bitmap_init(&fetch->had, fetch->had_words, fetch->chunk_count);
	return SOUK_OK;
}

static bool may_pay(const struct fetch *fetch)
{
	return fetch->config.payer != FETCH_SPONSOR && fetch->config.identity != NULL;
}

static souk_status open_engine(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	fetch_tell(detail, "nobody may pay: neither a sponsor, nor an identity", NULL);
	if (fetch->config.payer != FETCH_OWN) {
		struct fetch_engine *engine =
			&fetch->engines[fetch_first_has_come(fetch) ? FETCH_BY_FIRST
								    : FETCH_BY_SPONSOR];
		status = viewed_open(fetch, engine, detail);
		if (status == SOUK_OK)
			fetch->current = engine;
	}
	if (status == SOUK_LOCAL_NOT_FOUND && fetch->config.payer == FETCH_SPONSOR_FIRST)
		fetch_tell(detail,
			"no sponsor pays for this content, and there is no identity that could",
			"Make one with: souk init");
	if (status == SOUK_OK || !may_pay(fetch))
		return status;
	SOUK_TRY(paid_open(fetch, &fetch->engines[FETCH_BY_OWN], detail));
	fetch->current = &fetch->engines[FETCH_BY_OWN];
	return SOUK_OK;
}

static souk_status open_all(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	char lock[400];
	fetch->chain = souk_chain_client_new(fetch->config.ledger_url);
	if (fetch->chain == NULL)
		return SOUK_IO_MEMORY;
	snprintf(lock, sizeof lock, "%.380s/identity.key", fetch->config.home);
	souk_chain_set_lock(fetch->chain, lock);
	SOUK_TRY(fetch_find(fetch, detail));
	SOUK_TRY(fetch_load_row(fetch, detail));
	/* Its engine is the next one's that fetches. */
	fetch_ask_free(fetch->ask);
	fetch->ask = NULL;
	SOUK_TRY(fetch_note_shape(fetch));
	return open_engine(fetch, detail);
}

souk_status fetch_open(
	struct fetch **ret, const struct fetch_config *config, char detail[FETCH_DETAIL_SIZE])
{
	struct fetch *fetch = calloc(1, sizeof *fetch);
	fetch_tell(detail, "cannot start", NULL);
	if (fetch == NULL)
		return SOUK_IO_MEMORY;
	fetch_init(fetch, config);
	souk_status status = open_all(fetch, detail);
	if (status != SOUK_OK) {
		fetch_free(fetch);
		return status;
	}
	*ret = fetch;
	return SOUK_OK;
}

bool fetch_is_nowhere(souk_status status)
{
	return status == SOUK_PEER_UNKNOWN_CONTENT || status == SOUK_LOCAL_NOT_FOUND ||
	       status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT;
}

const struct souk_content *fetch_content(const struct fetch *fetch)
{
	return &fetch->content;
}

const struct souk_hash *fetch_row(const struct fetch *fetch)
{
	return fetch->row;
}

void fetch_have(struct fetch *fetch, uint32_t chunk)
{
	if (chunk >= fetch->chunk_count || !claim_chunk(fetch, chunk))
		return;
	fetch->bytes_done += souk_content_chunk_length(&fetch->content, chunk);
	fetch->current->way->have(fetch->current->hands, chunk);
}

/* ------------------------------------------------------------------ running */

/* Whether STATUS means that the sponsor does not pay, or not on; anything else would befall the
 * other engine as well. */
static bool is_sponsors_no(souk_status status)
{
	return souk_status_class(status) == SOUK_CLASS_PEER || status == SOUK_LOCAL_BUDGET ||
	       status == SOUK_LOCAL_NO_PROVIDER_LEFT || status == SOUK_LOCAL_NOT_FOUND ||
	       status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT || status == SOUK_IO_TLS_PIN;
}

/* From here on it is fetched by ENGINE, which learns what is there and what was said. */
static void switch_to(struct fetch *fetch, struct fetch_engine *engine)
{
	for (uint32_t chunk = 0; chunk < fetch->chunk_count; chunk++) {
		if (souk_bitmap_get(&fetch->had, chunk))
			engine->way->have(engine->hands, chunk);
	}
	pthread_mutex_lock(&fetch->lock);
	for (size_t i = 0; i < fetch->want_count; i++)
		engine->way->want(engine->hands, fetch->wants[i].first, fetch->wants[i].count);
	if (fetch->stopping)
		engine->way->stop(engine->hands);
	fetch->current = engine;
	pthread_mutex_unlock(&fetch->lock);
}

static souk_status pay_for_the_rest(
	struct fetch *fetch, souk_status why, char detail[FETCH_DETAIL_SIZE])
{
	struct fetch_engine *paid = &fetch->engines[FETCH_BY_OWN];
	fetch_note(fetch, "the sponsor does not pay on (%s): the rest is bought",
		souk_status_text(why));
	SOUK_TRY(paid_open(fetch, paid, detail));
	switch_to(fetch, paid);
	return paid->way->run(paid->hands, detail);
}

/* Who sells it, now that it must be known. */
static souk_status find_sellers(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	souk_status status = fetch_find(fetch, detail);
	fetch_ask_free(fetch->ask);
	fetch->ask = NULL;
	return status;
}

/* The sponsor that was asked first does not pay on, for WHY: the ordinary way, from there. */
static souk_status ask_others(struct fetch *fetch, souk_status why, char detail[FETCH_DETAIL_SIZE])
{
	const struct fetch_config *config = &fetch->config;
	struct fetch_engine *viewed = &fetch->engines[FETCH_BY_SPONSOR];
	memory_forget_sponsor(config->memory, &fetch->first_sponsor.address);
	if (config->sponsor != NULL && !may_pay(fetch))
		return why;
	fetch_note(fetch, "the sponsor that paid last does not pay on: %s", souk_status_text(why));
	SOUK_TRY(find_sellers(fetch, detail));
	if (config->sponsor != NULL)
		return why;
	SOUK_TRY(viewed_open(fetch, viewed, detail));
	switch_to(fetch, viewed);
	return viewed->way->run(viewed->hands, detail);
}

souk_status fetch_run(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	detail[0] = '\0';
	souk_status status = fetch->current->way->run(fetch->current->hands, detail);
	if (is_sponsors_no(status) && fetch->current == &fetch->engines[FETCH_BY_FIRST])
		status = ask_others(fetch, status, detail);
	if (is_sponsors_no(status) && fetch->current != &fetch->engines[FETCH_BY_OWN] &&
		may_pay(fetch) && fetch->has_sellers)
		status = pay_for_the_rest(fetch, status, detail);
	pthread_mutex_lock(&fetch->lock);
	fetch->ended_ns = souk_clock_steady_ns();
	pthread_mutex_unlock(&fetch->lock);
	return status;
}

/* ------------------------------------------------------------------ on any thread */

static void remember_want(struct fetch *fetch, uint32_t first, uint32_t count)
{
	if (count == 0) {
		fetch->want_count = 0;
		return;
	}
	if (fetch->want_count == FETCH_WANTS_MAX)
		memmove(fetch->wants, fetch->wants + 1, --fetch->want_count * sizeof *fetch->wants);
	fetch->wants[fetch->want_count++] = (struct fetch_range){first, count};
}

void fetch_want(struct fetch *fetch, uint32_t first, uint32_t count)
{
	if (first >= fetch->chunk_count)
		return;
	if (count > fetch->chunk_count - first)
		count = fetch->chunk_count - first;
	pthread_mutex_lock(&fetch->lock);
	remember_want(fetch, first, count);
	fetch->current->way->want(fetch->current->hands, first, count);
	pthread_mutex_unlock(&fetch->lock);
}

void fetch_stop(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->lock);
	fetch->stopping = true;
	fetch->current->way->stop(fetch->current->hands);
	pthread_mutex_unlock(&fetch->lock);
}

static uint64_t elapsed_ns(const struct fetch *fetch)
{
	if (fetch->started_ns == 0)
		return 0;
	return (fetch->ended_ns != 0 ? fetch->ended_ns : souk_clock_steady_ns()) -
	       fetch->started_ns;
}

struct fetch_figures fetch_figures_now(struct fetch *fetch)
{
	pthread_mutex_lock(&fetch->lock);
	struct fetch_figures figures = fetch->current->way->figures(fetch->current->hands);
	figures.bytes = fetch->content.size;
	figures.bytes_done = fetch->bytes_done;
	figures.chunks_done = fetch->had.set;
	figures.is_sponsored = fetch->current != &fetch->engines[FETCH_BY_OWN];
	figures.elapsed_ns = elapsed_ns(fetch);
	pthread_mutex_unlock(&fetch->lock);
	return figures;
}

size_t fetch_sources(struct fetch *fetch, struct fetch_source *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < FETCH_ENGINES; i++) {
		const struct fetch_engine *engine = &fetch->engines[i];
		if (engine->way != NULL)
			count += engine->way->sources(engine->hands, out + count, max - count);
	}
	return count;
}

void fetch_free(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	for (size_t i = 0; i < FETCH_ENGINES; i++) {
		if (fetch->engines[i].way != NULL)
			fetch->engines[i].way->free(fetch->engines[i].hands);
	}
	fetch_ask_free(fetch->ask);
	fetch_early_free(fetch);
	fetch_first_free(fetch);
	souk_chain_client_free(fetch->chain);
	free(fetch->entries);
	free(fetch->row);
	free(fetch->had_words);
	pthread_mutex_destroy(&fetch->lock);
	free(fetch);
}
