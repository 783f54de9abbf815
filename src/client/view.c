/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_keep.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/thread.h"
#include "view_internal.h"

#define POLL_MAX_MS 100u
#define SHOW_MS	    200u
#define TIMEOUT_MS  5000u
#define PATIENCE_MS 60000u
#define JOBS_MAX    32768u
/* Once all is there, what is under way may end in order. */
#define LINGER_MS 2000u

_Static_assert(VIEW_BUNDLES_MAX *VIEW_TRANSFERS < KEEP_ENGINE_TRANSFERS,
	"an engine takes every transfer of a view");

uint64_t view_now_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

struct souk_time view_time(void)
{
	return souk_clock_now(souk_clock_real());
}

/* ------------------------------------------------------------------ before and after */

static souk_status know_entries(struct view *view)
{
	for (size_t i = 0; i < view->config.entry_count; i++) {
		const struct market_entry *entry = &view->config.entries[i];
		if (view_provider_put(view, &entry->address, &entry->record) == NULL)
			return SOUK_IO_MEMORY;
	}
	return SOUK_OK;
}

static souk_status make_tools(struct view *view)
{
	unsigned processors = souk_thread_processors();
	view->thread_count = processors < VIEW_THREADS_MAX ? processors : VIEW_THREADS_MAX;
	SOUK_TRY(http_keep_take_engine(&view->fetcher));
	return souk_worker_start(&view->worker, view->thread_count, JOBS_MAX);
}

souk_status view_new(struct view **ret, const struct view_config *config)
{
	struct control_place place;
	for (size_t i = 0; i < config->sponsor_count; i++)
		SOUK_TRY(control_name_parse(&place, config->sponsors[i].name));
	if (config->sponsor_count == 0)
		return SOUK_LOCAL_USAGE;
	struct view *view = calloc(1, sizeof *view);
	if (view == NULL)
		return SOUK_IO_MEMORY;
	view->config = *config;
	view->config.timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : TIMEOUT_MS;
	view->config.patience_ms = config->patience_ms != 0 ? config->patience_ms : PATIENCE_MS;
	view->chunk_count = souk_content_chunk_count(&config->content);
	view->figures.bytes = config->content.size;
	view->figures.is_sponsored = true;
	view->stream_end = UINT32_MAX;
	pthread_mutex_init(&view->lock, NULL);
	view->have = calloc(view->chunk_count / 64 + 1, sizeof *view->have);
	souk_status status = view->have == NULL ? SOUK_IO_MEMORY : know_entries(view);
	if (status == SOUK_OK)
		status = control_name_parse(&view->place, config->sponsors[0].name);
	if (status != SOUK_OK) {
		view_free(view);
		return status;
	}
	struct view_bundle *early = config->early != NULL ? view_early_bundle(config->early) : NULL;
	if (early != NULL)
		view_begin_with(view, early);
	*ret = view;
	return SOUK_OK;
}

void view_have(struct view *view, uint32_t chunk)
{
	if (chunk >= view->chunk_count || view_has(view, chunk))
		return;
	atomic_fetch_or(&view->have[chunk / 64], UINT64_C(1) << chunk % 64);
	view->figures.chunks_done++;
	view->figures.bytes_done += souk_content_chunk_length(&view->config.content, chunk);
}

void view_free(struct view *view)
{
	if (view == NULL)
		return;
	view_drop_bundles(view);
	view_units_free(view);
	pthread_mutex_destroy(&view->lock);
	free(view->providers);
	free(view->have);
	free(view);
}

/* ------------------------------------------------------------------ other threads */

static void wake(struct view *view)
{
	if (view->fetcher != NULL)
		souk_http_fetcher_wake(view->fetcher);
}

void view_want(struct view *view, uint32_t first, uint32_t count)
{
	pthread_mutex_lock(&view->lock);
	size_t at = 0;
	while (at < view->want_count &&
		(view->wants[at].first != first || view->wants[at].count != count))
		at++;
	if (count == 0) {
		view->want_count = 0;
	} else {
		/* The same again comes to the front; else the oldest falls out. */
		if (at == view->want_count && view->want_count < FETCH_WANTS_MAX)
			view->want_count++;
		if (at == FETCH_WANTS_MAX)
			at--;
		memmove(&view->wants[1], &view->wants[0], at * sizeof view->wants[0]);
		view->wants[0] = (struct view_want){first, count};
	}
	wake(view);
	pthread_mutex_unlock(&view->lock);
}

void view_stop(struct view *view)
{
	pthread_mutex_lock(&view->lock);
	view->stopping = true;
	wake(view);
	pthread_mutex_unlock(&view->lock);
}

struct fetch_figures view_figures_now(struct view *view)
{
	pthread_mutex_lock(&view->lock);
	struct fetch_figures figures = view->figures;
	pthread_mutex_unlock(&view->lock);
	return figures;
}

size_t view_sources(struct view *view, struct fetch_source *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < view->provider_count && count < max; i++) {
		const struct fetch_source *source = &view->providers[i].source;
		if (source->units > 0 || source->dropped != SOUK_OK)
			out[count++] = *source;
	}
	return count;
}

/* ------------------------------------------------------------------ the loop */

static uint32_t count_sources(const struct view *view)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		const struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL || bundle->state != VIEW_BUNDLE_ALIVE ||
			bundle->viewer.state != SOUK_VIEWER_RUNNING)
			continue;
		for (uint32_t k = 0; k < bundle->viewer.plan.caches; k++)
			count += bundle->caches[k].fetching > 0;
	}
	return count;
}

static void show(struct view *view)
{
	uint64_t now_ms = view_now_ms();
	if (now_ms - view->shown_ms < SHOW_MS)
		return;
	view->shown_ms = now_ms;
	pthread_mutex_lock(&view->lock);
	view->figures.sources = count_sources(view);
	view->figures.elapsed_ns = souk_clock_steady_ns() - view->started_ns;
	struct fetch_figures figures = view->figures;
	pthread_mutex_unlock(&view->lock);
	if (view->config.events.progress != NULL)
		view->config.events.progress(view->config.events.ctx, &figures);
}

static void pull_all(struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL || bundle->state != VIEW_BUNDLE_ALIVE)
			continue;
		pthread_mutex_lock(&view->lock);
		/* Who has the key is waited for by all who have not. */
		bundle->gives_way =
			!bundle->viewer.end_due && !bundle->has_key && !view_may_run(view, bundle);
		pthread_mutex_unlock(&view->lock);
		if (!bundle->gives_way)
			view_pull(bundle);
	}
}

static bool has_bundles(const struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (view->bundles[i] != NULL)
			return true;
	}
	return false;
}

/* Nobody waits for anything: then no time passes in which nothing came. */
static bool is_idle(struct view *view)
{
	pthread_mutex_lock(&view->lock);
	bool idle = view->config.is_streaming && view->want_count == 0;
	pthread_mutex_unlock(&view->lock);
	return idle && !has_bundles(view);
}

static unsigned wait_ms(const struct view *view)
{
	uint64_t wait = POLL_MAX_MS, now_ms = view_now_ms();
	if (view->pause_until > now_ms && view->pause_until - now_ms < wait)
		wait = view->pause_until - now_ms;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		const struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL || bundle->state != VIEW_BUNDLE_ALIVE || bundle->gives_way)
			continue;
		uint64_t left =
			souk_time_since_ms(view_time(), souk_viewer_deadline(&bundle->viewer));
		wait = left < wait ? left : wait;
	}
	return (unsigned)wait;
}

static void take_jobs(struct view *view)
{
	void *ctx;
	while (souk_worker_next_done(view->worker, &ctx)) {
		struct view_job *job = ctx;
		job->bundle->jobs--;
		job->done(job);
	}
}

static void check_end(struct view *view)
{
	pthread_mutex_lock(&view->lock);
	bool stopping = view->stopping;
	pthread_mutex_unlock(&view->lock);
	if (stopping)
		view_end(view, view->complete_ms != 0 ? SOUK_OK : SOUK_LOCAL_STOPPED);
	if (view->complete_ms != 0 &&
		(!has_bundles(view) || view_now_ms() - view->complete_ms > LINGER_MS))
		view_end(view, SOUK_OK);
	if (is_idle(view))
		view->progress_ms = view_now_ms();
}

static void loop(struct view *view)
{
	int fd = souk_worker_fd(view->worker);
	if (view->bundles[0] != NULL)
		view_release_key(view->bundles[0]);
	for (;;) {
		check_end(view);
		view_check_leaving(view);
		do {
			view_plan(view);
			view_next_key(view);
			pull_all(view);
		} while (view_reap(view));
		check_end(view);
		show(view);
		if (view->is_over && !has_bundles(view))
			return;
		souk_status status = souk_http_fetcher_poll(view->fetcher, wait_ms(view), fd);
		if (status != SOUK_OK) {
			view->engine_failed = true;
			view_end(view, status);
		}
		view_take_transfers(view);
		take_jobs(view);
		view_check_transfers(view);
	}
}

souk_status view_run(struct view *view, char detail[FETCH_DETAIL_SIZE])
{
	detail[0] = '\0';
	view->detail = detail;
	view->started_ns = souk_clock_steady_ns();
	view->progress_ms = view_now_ms();
	if (view->figures.chunks_done == view->chunk_count)
		return SOUK_OK;
	pthread_mutex_lock(&view->lock);
	souk_status status = make_tools(view);
	pthread_mutex_unlock(&view->lock);
	if (status == SOUK_OK) {
		loop(view);
		status = view->result;
	}
	/* Jobs that were dropped have nobody who waits for them. */
	souk_worker_stop(view->worker);
	pthread_mutex_lock(&view->lock);
	struct souk_http_fetcher *engine = view->fetcher;
	view->fetcher = NULL;
	view->worker = NULL;
	pthread_mutex_unlock(&view->lock);
	if (engine != NULL)
		souk_http_fetcher_cancel(engine, &view->status_transfer);
	if (view->engine_failed)
		souk_http_fetcher_free(engine);
	else
		http_keep_give_engine(engine);
	free(view->status_transfer.reply);
	view->status_transfer.reply = NULL;
	if (status != SOUK_OK && detail[0] == '\0')
		snprintf(detail, FETCH_DETAIL_SIZE, "%s", souk_status_text(status));
	return status;
}
