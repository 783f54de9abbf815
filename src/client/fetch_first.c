/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch_first.h"

#include <stdlib.h>
#include <string.h>

#include "http_keep.h"
#include "souk/base/check.h"
#include "view_early.h"

#define POLL_MS 100u

/* Whom to ask: the one that the user named, where its address is known; else who paid last. */
static bool find_sponsor(struct fetch *fetch)
{
	const struct fetch_config *config = &fetch->config;
	bool may = !fetch->has_asked_first && config->is_from_start && config->payer != FETCH_OWN &&
		   config->admission == NULL && !(config->name.has_size && config->name.size == 0);
	return may && (memory_sponsor(config->memory, config->sponsor, &fetch->first_sponsor) ||
			      (config->sponsor != NULL && view_sponsor_known(&fetch->first_sponsor,
								  config->home, config->sponsor)));
}

void fetch_first_ask(struct fetch *fetch, struct souk_http_fetcher *engine)
{
	const struct fetch_config *config = &fetch->config;
	if (!find_sponsor(fetch))
		return;
	const struct view_config view = {
		.home = config->home,
		.sponsors = &fetch->first_sponsor,
		.sponsor_count = 1,
		.content = {.id = config->name.id,
			.size = config->name.has_size ? config->name.size : 0},
		.timeout_ms = config->timeout_ms,
		.is_streaming = config->is_streaming,
	};
	fetch->has_asked_first = true;
	uint32_t chunks = config->is_streaming ? VIEW_EARLY_CHUNKS : UINT32_MAX;
	if (view_early_ask(&fetch->first, &view, chunks, engine) != SOUK_OK)
		fetch->first = NULL;
}

/* Who does not answer, or not as agreed, is not asked first again before it has paid again. That it
 * does not pay for this content is no fault. */
static void note_refused(struct fetch *fetch, souk_status status)
{
	if (status == SOUK_PEER_UNKNOWN_CONTENT)
		return;
	memory_forget_sponsor(fetch->config.memory, &fetch->first_sponsor.address);
	if (fetch->config.sponsor == NULL)
		fetch_note(fetch, "the sponsor that paid last gave no bundle: %s",
			souk_status_text(status));
}

bool fetch_first_take(struct fetch *fetch, const struct souk_http_fetched *fetched,
	struct souk_http_fetcher *engine)
{
	struct souk_content content;
	const struct souk_hash *row;
	if (!view_early_take(fetch->first, fetched, engine))
		return false;
	if (view_early_is_waited(fetch->first))
		return true;
	souk_status status = view_early_status(fetch->first, &content, &row);
	if (status != SOUK_OK)
		note_refused(fetch, status);
	return true;
}

bool fetch_first_is_waited(const struct fetch *fetch)
{
	return view_early_is_waited(fetch->first);
}

bool fetch_first_has_come(const struct fetch *fetch)
{
	struct souk_content content;
	const struct souk_hash *row;
	return fetch->first != NULL && view_early_status(fetch->first, &content, &row) == SOUK_OK;
}

void fetch_first_end(struct fetch *fetch, struct souk_http_fetcher *engine)
{
	if (!fetch_first_is_waited(fetch))
		return;
	view_early_end(fetch->first, engine);
	note_refused(fetch, SOUK_IO_TIMEOUT);
}

souk_status fetch_first_content(struct fetch *fetch)
{
	const struct souk_hash *row;
	SOUK_TRY(view_early_status(fetch->first, &fetch->content, &row));
	fetch->chunk_count = souk_content_chunk_count(&fetch->content);
	size_t size = (size_t)fetch->chunk_count * SOUK_HASH_SIZE;
	fetch->row = malloc(size);
	if (fetch->row == NULL)
		return SOUK_IO_MEMORY;
	memcpy(fetch->row, row, size);
	return SOUK_OK;
}

static souk_status wait(struct fetch *fetch, struct souk_http_fetcher *engine)
{
	struct souk_http_fetched fetched;
	while (fetch_first_is_waited(fetch)) {
		SOUK_TRY(souk_http_fetcher_poll(engine, POLL_MS, -1));
		while (souk_http_fetcher_next(engine, &fetched))
			fetch_first_take(fetch, &fetched, engine);
	}
	return SOUK_OK;
}

souk_status fetch_first_alone(struct fetch *fetch)
{
	struct souk_http_fetcher *engine;
	SOUK_TRY(http_keep_take_engine(&engine));
	fetch_first_ask(fetch, engine);
	souk_status status = wait(fetch, engine);
	fetch_first_end(fetch, engine);
	if (status != SOUK_OK)
		souk_http_fetcher_free(engine);
	else
		http_keep_give_engine(engine);
	SOUK_TRY(status);
	return fetch_first_has_come(fetch) ? fetch_first_content(fetch) : SOUK_LOCAL_NOT_FOUND;
}

void fetch_first_free(struct fetch *fetch)
{
	view_early_free(fetch->first);
	fetch->first = NULL;
}
