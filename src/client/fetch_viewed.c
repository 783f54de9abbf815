/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine that a sponsor pays for: view.h, behind the table of fetch_internal.h. */
#include <stdio.h>
#include <stdlib.h>

#include "fetch_first.h"
#include "souk/base/check.h"
#include "view.h"
#include "view_sponsors.h"

/* Who can pay, or ask others, does not wait long for a sponsor that gives nothing. */
#define PATIENCE_PAYING_MS 20000u

struct viewed {
	struct fetch *fetch;
	struct view *view;
	struct view_sponsor sponsors[VIEW_SPONSORS_MAX];
	size_t sponsor_count;
};

static void have(void *hands, uint32_t chunk)
{
	struct viewed *viewed = hands;
	view_have(viewed->view, chunk);
}

static souk_status run(void *hands, char detail[FETCH_DETAIL_SIZE])
{
	struct viewed *viewed = hands;
	fetch_begins(viewed->fetch);
	return view_run(viewed->view, detail);
}

static void want(void *hands, uint32_t first, uint32_t count)
{
	struct viewed *viewed = hands;
	view_want(viewed->view, first, count);
}

static void stop(void *hands)
{
	struct viewed *viewed = hands;
	view_stop(viewed->view);
}

static struct fetch_figures figures(void *hands)
{
	struct viewed *viewed = hands;
	return view_figures_now(viewed->view);
}

static size_t sources(void *hands, struct fetch_source *out, size_t max)
{
	struct viewed *viewed = hands;
	return view_sources(viewed->view, out, max);
}

static void done(void *hands)
{
	struct viewed *viewed = hands;
	view_free(viewed->view);
	free(viewed);
}

static const struct fetch_way viewed_way = {
	.have = have,
	.run = run,
	.want = want,
	.stop = stop,
	.figures = figures,
	.sources = sources,
	.free = done,
};

/* More is likely to be wanted of those that served. */
static void note_caches(struct fetch *fetch, const struct view_outcome *outcome)
{
	for (uint32_t i = 0; i < outcome->count; i++) {
		for (size_t k = 0; k < fetch->entry_count; k++) {
			struct market_entry entry = fetch->entries[k];
			if (!souk_address_equal(&entry.address, &outcome->providers[i]))
				continue;
			entry.offer = outcome->offer->caches.items[i];
			memory_note_provider(fetch->config.memory, &entry, false);
		}
	}
}

/* Who has paid for a whole bundle is asked first for the next content. */
static void on_outcome(void *ctx, const struct view_outcome *outcome)
{
	struct fetch *fetch = ctx;
	for (uint32_t i = 0; i < outcome->count; i++) {
		if (outcome->seen[i] != SOUK_OK)
			return;
	}
	memory_note_sponsor(fetch->config.memory, outcome->sponsor);
	note_caches(fetch, outcome);
}

/* The sponsor that the user named, or whoever the caches name. */
static souk_status find_sponsors(
	const struct fetch *fetch, struct viewed *viewed, char detail[FETCH_DETAIL_SIZE])
{
	const struct fetch_config *config = &fetch->config;
	fetch_tell(detail, "no sponsor pays for this content", NULL);
	if (fetch_first_has_come(fetch)) {
		viewed->sponsors[0] = fetch->first_sponsor;
		viewed->sponsor_count = 1;
		return SOUK_OK;
	}
	if (config->sponsor == NULL)
		return view_find_sponsors(fetch->entries, fetch->entry_count, &fetch->content.id,
			config->timeout_ms, viewed->sponsors, &viewed->sponsor_count);
	viewed->sponsors[0] = fetch->named;
	if (fetch->named.name[0] == '\0')
		SOUK_TRY(view_name_sponsor(
			&viewed->sponsors[0], config->sponsor, config->timeout_ms, detail));
	view_sponsor_keep(&viewed->sponsors[0], config->home);
	viewed->sponsor_count = 1;
	return SOUK_OK;
}

static souk_status open_view(
	struct fetch *fetch, struct viewed *viewed, char detail[FETCH_DETAIL_SIZE])
{
	const struct fetch_config *config = &fetch->config;
	bool pays = config->payer != FETCH_SPONSOR && config->identity != NULL;
	bool is_first = fetch_first_has_come(fetch);
	SOUK_TRY(find_sponsors(fetch, viewed, detail));
	struct view_config view = {
		.home = config->home,
		.ledger_url = config->ledger_url,
		.sponsors = viewed->sponsors,
		.sponsor_count = viewed->sponsor_count,
		.content = fetch->content,
		.row = fetch->row,
		.entries = fetch->entries,
		.entry_count = fetch->entry_count,
		.early = is_first ? fetch->first : NULL,
		.admission = config->admission,
		.timeout_ms = config->timeout_ms,
		.patience_ms = pays || is_first ? PATIENCE_PAYING_MS : 0,
		.is_streaming = config->is_streaming,
		.events = fetch->engine_events,
		.outcome = on_outcome,
	};
	fetch_tell(detail, "the sponsor", NULL);
	SOUK_TRY(view_new(&viewed->view, &view));
	if (is_first)
		fetch->first = NULL;
	return SOUK_OK;
}

souk_status viewed_open(
	struct fetch *fetch, struct fetch_engine *ret, char detail[FETCH_DETAIL_SIZE])
{
	struct viewed *viewed = calloc(1, sizeof *viewed);
	if (viewed == NULL)
		return SOUK_IO_MEMORY;
	viewed->fetch = fetch;
	souk_status status = open_view(fetch, viewed, detail);
	if (status != SOUK_OK) {
		done(viewed);
		return status;
	}
	*ret = (struct fetch_engine){&viewed_way, viewed};
	return SOUK_OK;
}
