/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "view_internal.h"

/* Starts that a worker tries before it looks whether another found the right one. */
#define STARTS_AT_ONCE 32u
/* So much to hash, a millisecond, is worth waking another worker. */
#define WORKER_WORTH (4u << 20)

void view_submit(struct view_bundle *bundle, struct view_job *job)
{
	job->bundle = bundle;
	bundle->jobs++;
	if (souk_worker_submit(bundle->view->worker, (void (*)(void *))job->run, job) == SOUK_OK)
		return;
	/* There is room for all: only memory can lack, and then waiting helps nobody. */
	bundle->jobs--;
	view_end(bundle->view, SOUK_IO_MEMORY);
}

/* ------------------------------------------------------------------ keys */

static void run_release(struct view_job *job)
{
	view_key_give(&job->bundle->key);
}

static void done_release(struct view_job *job)
{
	(void)job;
}

void view_bundle_give_key(struct view_bundle *bundle)
{
	if (bundle->has_key)
		view_key_give(&bundle->key);
	bundle->has_key = false;
}

void view_release_key(struct view_bundle *bundle)
{
	if (!bundle->has_key)
		return;
	bundle->has_key = false;
	bundle->key_job = (struct view_job){.run = run_release, .done = done_release};
	view_submit(bundle, &bundle->key_job);
}

/* ------------------------------------------------------------------ providers */

static void run_lookup(struct view_job *job)
{
	struct view_lookup *lookup = (struct view_lookup *)job;
	const struct view_config *config = &job->bundle->view->config;
	struct souk_chain_client *chain = souk_chain_client_new(config->ledger_url);
	lookup->status = SOUK_IO_MEMORY;
	if (chain == NULL)
		return;
	souk_chain_set_timeout(chain, config->timeout_ms);
	lookup->status = souk_chain_provider(chain, &lookup->address, &lookup->record);
	souk_chain_client_free(chain);
}

static void done_lookup(struct view_job *job)
{
	struct view_lookup *lookup = (struct view_lookup *)job;
	struct view_bundle *bundle = job->bundle;
	souk_status status = lookup->status;
	if (bundle->state != VIEW_BUNDLE_ALIVE)
		return;
	if (status == SOUK_OK &&
		view_provider_put(bundle->view, &lookup->address, &lookup->record) == NULL)
		status = SOUK_IO_MEMORY;
	/* A cache that left the ledger is not there. */
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_PEER_SILENT;
	if (status == SOUK_OK)
		view_send(bundle, &lookup->effect);
	else
		souk_viewer_failed(&bundle->viewer, &lookup->effect, status, view_time());
}

/* The offer says where the data server is; where the control server is, the ledger. */
void view_send_strip(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	const struct souk_address *address = &bundle->caches[effect->cache].customer.ask.provider;
	struct view_provider *provider = view_provider_of(bundle->view, address);
	if (!bundle->by_control[effect->cache] || (provider != NULL && !provider->is_stale)) {
		view_send(bundle, effect);
		return;
	}
	struct view_lookup *lookup = &bundle->lookups[effect->cache];
	*lookup = (struct view_lookup){
		.job = {.run = run_lookup, .done = done_lookup},
		.effect = *effect,
		.address = *address,
	};
	view_submit(bundle, &lookup->job);
}

/* ------------------------------------------------------------------ checking */

/* Decrypt, compare with the row, give away. Nothing unverified leaves. */
static void run_verify(struct view_job *job)
{
	struct view_unit *unit = (struct view_unit *)job;
	struct view *view = job->bundle->view;
	const struct souk_viewer_effect *effect = &unit->effect;
	const struct fetch_events *events = &view->config.events;
	struct souk_bytes data = souk_bytes_of(unit->data, effect->length);
	uint64_t bit = UINT64_C(1) << effect->chunk % 64;
	souk_unit_cipher_xor(&effect->cipher, unit->data, unit->data, effect->length);
	unit->status = souk_content_verify_chunk(
		&view->config.content, effect->chunk, &view->config.row[effect->chunk], data);
	unit->is_new = false;
	if (unit->status != SOUK_OK)
		return;
	/* Where the last row of a bundle wraps, and after failures, a chunk comes again. */
	unit->is_new = (atomic_fetch_or(&view->have[effect->chunk / 64], bit) & bit) == 0;
	if (unit->is_new)
		unit->status = events->chunk(events->ctx, effect->chunk, data);
}

static void note_chunk(struct view *view, const struct souk_viewer_effect *effect)
{
	pthread_mutex_lock(&view->lock);
	view->figures.bytes_done += effect->length;
	view->figures.chunks_done++;
	bool complete = view->figures.chunks_done == view->chunk_count;
	pthread_mutex_unlock(&view->lock);
	view->progress_ms = view_now_ms();
	if (complete && view->complete_ms == 0)
		view->complete_ms = view->progress_ms;
	view->failures = 0;
	view->order_failures = 0;
}

static void note_served(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	const struct souk_customer *customer = &bundle->caches[effect->cache].customer;
	struct view_provider *provider = view_provider_met(bundle->view, &customer->ask.provider);
	if (provider == NULL)
		return;
	provider->source.price = customer->price;
	provider->source.units++;
	provider->source.bytes += effect->length;
}

static void done_verify(struct view_job *job)
{
	struct view_unit *unit = (struct view_unit *)job;
	struct view_bundle *bundle = job->bundle;
	struct view *view = bundle->view;
	struct souk_viewer_effect effect = unit->effect;
	souk_status status = unit->status;
	bool is_new = unit->is_new;
	bundle->units[effect.cache][effect.unit % VIEW_RING] = NULL;
	view_unit_give(view, unit);
	/* The user's own trouble: nobody else is to blame. */
	if (is_new && status != SOUK_OK) {
		view_end(view, status);
		status = SOUK_LOCAL_STOPPED;
	}
	if (status == SOUK_OK)
		note_served(bundle, &effect);
	if (status == SOUK_OK && is_new)
		note_chunk(view, &effect);
	if (bundle->state == VIEW_BUNDLE_ALIVE)
		souk_viewer_verified(
			&bundle->viewer, effect.cache, effect.unit, status, view_time());
}

static void start_verify(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	struct view_unit *unit = bundle->units[effect->cache][effect->unit % VIEW_RING];
	unit->effect = *effect;
	unit->job = (struct view_job){.run = run_verify, .done = done_verify};
	view_submit(bundle, &unit->job);
}

/* ------------------------------------------------------------------ solving */

static void run_solve(struct view_job *job)
{
	struct view_solve *solve = &job->bundle->solve;
	struct souk_puzzle_token token;
	while (!atomic_load_explicit(&solve->found, memory_order_relaxed)) {
		uint32_t from = atomic_fetch_add(&solve->next, STARTS_AT_ONCE);
		if (from >= solve->puzzle.starts)
			return;
		if (souk_puzzle_solve(&token, &solve->puzzle, &solve->data, from, STARTS_AT_ONCE) !=
			SOUK_OK)
			continue;
		/* Starts that lead to the same goal are as good as each other, and one wins. */
		if (!atomic_exchange(&solve->found, true))
			solve->token = token;
		return;
	}
}

static void done_solve(struct view_job *job)
{
	struct view_bundle *bundle = job->bundle;
	struct view_solve *solve = &bundle->solve;
	if (--solve->running > 0 || bundle->state != VIEW_BUNDLE_ALIVE)
		return;
	if (atomic_load(&solve->found))
		souk_viewer_solved(&bundle->viewer, &solve->token, UINT32_MAX, view_time());
	else
		souk_viewer_solved(&bundle->viewer, NULL,
			souk_puzzle_spoiled(&solve->puzzle, &solve->data), view_time());
}

static void lay_out(struct view_bundle *bundle, uint32_t segment)
{
	struct view_solve *solve = &bundle->solve;
	const struct souk_bundle_plan *plan = &bundle->viewer.plan;
	uint32_t start = souk_bundle_segment_start(plan, segment);
	uint32_t end = souk_bundle_segment_end(plan, segment);
	souk_bundle_shape(&solve->data.shape, plan, segment);
	solve->data.unit_size = plan->content.chunk_size;
	for (uint32_t cache = 0; cache < plan->caches; cache++) {
		for (uint32_t unit = start + 1; unit <= end; unit++)
			solve->data.parts[cache].units[unit - start - 1] =
				bundle->units[cache][unit % VIEW_RING]->data;
	}
}

static unsigned solver_count(const struct view *view, const struct view_solve *solve)
{
	const struct souk_puzzle *puzzle = &solve->puzzle;
	uint64_t bytes = (uint64_t)puzzle->starts / 2 * puzzle->rounds *
			 solve->data.shape.part_count * puzzle->piece;
	uint64_t count = 1 + bytes / WORKER_WORTH;
	return count < view->thread_count ? (unsigned)count : view->thread_count;
}

static void start_solve(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	struct view_solve *solve = &bundle->solve;
	lay_out(bundle, effect->segment);
	solve->puzzle = bundle->viewer.puzzle;
	solve->effect = *effect;
	atomic_store(&solve->next, 0);
	atomic_store(&solve->found, false);
	unsigned count = solver_count(bundle->view, solve);
	solve->running = count;
	for (unsigned i = 0; i < count; i++) {
		solve->tasks[i] = (struct view_job){.run = run_solve, .done = done_solve};
		view_submit(bundle, &solve->tasks[i]);
	}
}

/* ------------------------------------------------------------------ effects */

static void note_complaint(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	char hex[2 * SOUK_ADDRESS_SIZE + 1];
	const struct souk_address *address = &bundle->caches[effect->cache].customer.ask.provider;
	struct view_provider *provider = view_provider_met(bundle->view, address);
	if (provider != NULL)
		provider->source.dropped = bundle->viewer.status;
	souk_hex_encode(hex, address->bytes, SOUK_ADDRESS_SIZE);
	view_note(bundle->view, "cache 0x%s failed: %s", hex,
		souk_status_text(bundle->viewer.status));
}

static void do_effect(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	switch (effect->kind) {
	case SOUK_VIEWER_FETCH:
		if (effect->opens)
			view_send_strip(bundle, effect);
		else
			view_send(bundle, effect);
		break;
	case SOUK_VIEWER_ASK:
	case SOUK_VIEWER_CLAIM:
	case SOUK_VIEWER_KEYS: view_send(bundle, effect); break;
	case SOUK_VIEWER_SOLVE: start_solve(bundle, effect); break;
	case SOUK_VIEWER_VERIFY: start_verify(bundle, effect); break;
	case SOUK_VIEWER_COMPLAIN:
		note_complaint(bundle, effect);
		view_send(bundle, effect);
		break;
	case SOUK_VIEWER_END:
		bundle->state = VIEW_BUNDLE_OVER;
		view_cancel_transfers(bundle);
		break;
	}
}

void view_pull(struct view_bundle *bundle)
{
	struct souk_viewer_effect effect;
	while (bundle->state == VIEW_BUNDLE_ALIVE &&
		souk_viewer_next_effect(&bundle->viewer, &effect, view_time()))
		do_effect(bundle, &effect);
}
