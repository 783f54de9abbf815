/* SPDX-License-Identifier: Apache-2.0 */
#include "view_early.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_row.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "sponsor_paths.h"
#include "view_internal.h"

#define ANSWER_SIZE (SOUK_BUNDLE_OPEN_SIZE_MAX + VIEW_ROW_MAX)

struct view_early {
	struct view_config config;
	struct view_sponsor sponsor;
	struct control_place place;
	struct view_bundle *bundle;
	bool is_waited, is_again;
	souk_status status;
	struct souk_hash *row;
	uint8_t *answer; /* while it is waited for */
};

static souk_status send_ask(struct view_early *early, struct souk_http_fetcher *engine)
{
	uint8_t bytes[SOUK_SIGNED_BUNDLE_ASK_SIZE_MAX];
	char url[VIEW_URL_SIZE], row[SOUK_ROW_TEXT_SIZE];
	struct souk_viewer_effect effect;
	struct souk_writer writer;
	struct souk_viewer *viewer = &early->bundle->viewer;
	struct souk_http_fetch fetch = {.url = url,
		.destination = early->answer,
		.size_max = ANSWER_SIZE,
		.timeout_ms = early->config.timeout_ms,
		.pin = &early->place.pin,
		.reply_header = SOUK_HEADER_ROW,
		.user = early};
	view_start_viewer(early->bundle, &early->config, &early->sponsor.address);
	bool asks = souk_viewer_next_effect(viewer, &effect, view_time());
	SOUK_CHECK(asks && effect.kind == SOUK_VIEWER_ASK);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_bundle_ask_encode(&writer, &viewer->ask);
	SOUK_TRY(souk_writer_finish(&writer, &fetch.body));
	souk_row_format(row, VIEW_ROW_MAX);
	if (snprintf(url, sizeof url, "%s" SPONSOR_PATH_ASK "?" SOUK_QUERY_ROW "=%s",
		    early->place.url, row) >= (int)sizeof url)
		return SOUK_LOCAL_USAGE;
	SOUK_TRY(souk_http_fetcher_start(engine, &fetch));
	early->is_waited = true;
	return SOUK_OK;
}

static souk_status begin(
	struct view_early *early, uint32_t chunks, struct souk_http_fetcher *engine)
{
	const struct view_config *config = &early->config;
	early->answer = malloc(ANSWER_SIZE);
	early->bundle = view_bundle_new((struct view_want){0, chunks}, !config->is_streaming);
	if (early->answer == NULL || early->bundle == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(control_name_parse(&early->place, early->sponsor.name));
	SOUK_TRY(view_key_take(&early->bundle->key, config->home, &early->sponsor.address,
		&config->content.id, VIEW_KEY_ANY));
	early->bundle->has_key = true;
	return send_ask(early, engine);
}

souk_status view_early_ask(struct view_early **ret, const struct view_config *config,
	uint32_t chunks, struct souk_http_fetcher *engine)
{
	struct view_early *early = calloc(1, sizeof *early);
	if (early == NULL)
		return SOUK_IO_MEMORY;
	early->config = *config;
	early->sponsor = config->sponsors[0];
	early->status = SOUK_LOCAL_STATE;
	souk_status status = begin(early, chunks, engine);
	if (status != SOUK_OK) {
		view_early_free(early);
		return status;
	}
	*ret = early;
	return SOUK_OK;
}

static souk_status take_answer(struct view_early *early, const struct souk_http_fetched *fetched)
{
	struct view_bundle *bundle = early->bundle;
	struct souk_bytes row, body = souk_bytes_of(early->answer, fetched->size);
	SOUK_TRY(fetched->status);
	if (fetched->http_status != 200)
		return problem_parse(body, fetched->http_status, NULL, 0);
	body = souk_row_split(&row, body, souk_bytes_text(fetched->reply_header));
	SOUK_TRY(souk_bundle_open_decode(&bundle->open, body, NULL));
	souk_viewer_opened(&bundle->viewer, &bundle->open, view_time());
	if (bundle->viewer.state != SOUK_VIEWER_RUNNING)
		return bundle->viewer.status;
	bundle->key.epoch = bundle->open.offer.offer.epoch;
	bundle->key.number++;
	const struct souk_content *content = &bundle->viewer.config.content;
	if (row.size == 0 && souk_content_chunk_count(content) > 1)
		return SOUK_LOCAL_NOT_FOUND;
	return chunk_row_take(&early->row, content, row);
}

/* A key of an epoch that is over, or whose number was lost. */
static bool ask_again(struct view_early *early, struct souk_http_fetcher *engine)
{
	if (early->is_again || view_key_renew(&early->bundle->key) != SOUK_OK)
		return false;
	early->is_again = true;
	return send_ask(early, engine) == SOUK_OK;
}

bool view_early_take(struct view_early *early, const struct souk_http_fetched *fetched,
	struct souk_http_fetcher *engine)
{
	if (early == NULL || fetched->user != early)
		return false;
	early->is_waited = false;
	early->status = take_answer(early, fetched);
	if (early->status == SOUK_PEER_OUT_OF_ORDER && ask_again(early, engine))
		return true;
	/* Nobody asks by it any more. The key of a bundle is written down beside what follows. */
	if (early->status != SOUK_OK)
		view_bundle_give_key(early->bundle);
	free(early->answer);
	early->answer = NULL;
	return true;
}

bool view_early_is_waited(const struct view_early *early)
{
	return early != NULL && early->is_waited;
}

void view_early_end(struct view_early *early, struct souk_http_fetcher *engine)
{
	if (!view_early_is_waited(early))
		return;
	souk_http_fetcher_cancel(engine, early);
	early->is_waited = false;
	early->status = SOUK_LOCAL_STATE;
}

souk_status view_early_status(const struct view_early *early, struct souk_content *ret_content,
	const struct souk_hash **ret_row)
{
	SOUK_TRY(early->status);
	*ret_content = early->bundle->viewer.config.content;
	*ret_row = early->row;
	return SOUK_OK;
}

struct view_bundle *view_early_bundle(struct view_early *early)
{
	struct view_bundle *bundle = early->status == SOUK_OK ? early->bundle : NULL;
	if (bundle != NULL)
		early->bundle = NULL;
	view_early_free(early);
	return bundle;
}

void view_early_free(struct view_early *early)
{
	if (early == NULL)
		return;
	SOUK_CHECK(!early->is_waited);
	view_bundle_free(early->bundle);
	free(early->row);
	free(early->answer);
	free(early);
}
