/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bundle is asked for next, and what its end means.
 *
 *   a want, the newest first    at once where none is on its way to it (somebody has sought)
 *   what follows                when the bundle before it is in its last segment
 *   a whole content             from the first chunk that lacks
 *
 * A bundle is charged to the viewer's quota in full when it is drawn. So for wants they are small
 * at first, and grow while what is wanted follows on what came. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view_internal.h"

#define STREAM_CHUNKS_MIN VIEW_EARLY_CHUNKS
#define STREAM_CHUNKS_MAX 192u
/* So many chunks that are there already are rather fetched again than asked around. */
#define GAP_CHUNKS   32u
#define PAUSE_MS     100u
#define PAUSE_MAX_MS 2000u
#define FAILURES_MIN 6u
/* Numbers to try where only one key is let in: how far its file may be behind. */
#define ORDER_MAX 64u
/* Of one message, in a bundle: a cache that is gone is noticed soon, a sponsor may restart. */
#define CACHE_FAILURES	 2u
#define SPONSOR_FAILURES 6u
#define RETRY_MS	 200u

/* ------------------------------------------------------------------ what lacks */

static bool is_alive(const struct view_bundle *bundle)
{
	return bundle != NULL && bundle->state != VIEW_BUNDLE_OVER;
}

static bool has_alive(const struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (is_alive(view->bundles[i]))
			return true;
	}
	return false;
}

static bool covers(const struct view_bundle *bundle, uint32_t chunk)
{
	return is_alive(bundle) && chunk >= bundle->first && chunk - bundle->first < bundle->count;
}

/* The bundle that CHUNK is to come with; NULL: none. */
static const struct view_bundle *bundle_of(const struct view *view, uint32_t chunk)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (covers(view->bundles[i], chunk))
			return view->bundles[i];
	}
	return NULL;
}

/* The first chunk of [FIRST, END) that lacks; END where none does. */
static uint32_t next_lacking(const struct view *view, uint32_t first, uint32_t end)
{
	while (first < end && view_has(view, first))
		first++;
	return first;
}

/* The run of chunks to ask for, of [FIRST, END): COUNT 0 where nothing is. */
static struct view_want run_of(const struct view *view, uint32_t first, uint32_t end)
{
	const struct view_bundle *bundle = NULL;
	while (first < end && (view_has(view, first) || (bundle = bundle_of(view, first)) != NULL))
		first = view_has(view, first) ? first + 1 : bundle->first + bundle->count;
	if (first > end)
		first = end;
	uint32_t last = first;
	for (uint32_t i = first; i < end && i - last <= GAP_CHUNKS && !bundle_of(view, i); i++) {
		if (!view_has(view, i))
			last = i;
	}
	return (struct view_want){first, first < end ? last - first + 1 : 0};
}

static struct view_want want_of(const struct view *view, size_t index)
{
	struct view_want want = view->wants[index];
	if (want.first >= view->chunk_count)
		return (struct view_want){0, 0};
	if (want.count > view->chunk_count - want.first)
		want.count = view->chunk_count - want.first;
	return want;
}

/* Whether nothing is on its way to the first chunk that lacks of the newest want that lacks any. */
static bool is_urgent(const struct view *view)
{
	for (size_t i = 0; i < view->want_count; i++) {
		struct view_want want = want_of(view, i);
		uint32_t end = want.first + want.count;
		uint32_t first = next_lacking(view, want.first, end);
		if (first < end)
			return bundle_of(view, first) == NULL;
	}
	return false;
}

/* How new the newest want is that BUNDLE serves: 0 is the newest, FETCH_WANTS_MAX none. */
static size_t rank_of(const struct view *view, const struct view_bundle *bundle)
{
	for (size_t i = 0; i < view->want_count; i++) {
		struct view_want want = want_of(view, i);
		uint32_t end = want.first + want.count;
		uint32_t first = next_lacking(view, want.first, end);
		if (first < end && first < bundle->first + bundle->count && bundle->first < end)
			return i;
	}
	return FETCH_WANTS_MAX;
}

/* ------------------------------------------------------------------ beginning a bundle */

static void run_key(struct view_job *job)
{
	struct view_bundle *bundle = job->bundle;
	const struct view *view = bundle->view;
	const struct view_config *config = &view->config;
	bundle->key_status =
		view_key_take(&bundle->key, config->home, &config->sponsors[view->sponsor].address,
			config->admission != NULL ? NULL : &config->content.id, bundle->key.epoch);
}

void view_start_viewer(struct view_bundle *bundle, const struct view_config *config,
	const struct souk_address *sponsor)
{
	const struct souk_viewer_config viewer = {
		.identity = &bundle->identity,
		.sponsor = *sponsor,
		.content = config->content,
		.number = bundle->key.number,
		.first = bundle->first,
		.chunks = bundle->count,
		.pipeline = VIEW_PIPELINE,
		.failures_max = CACHE_FAILURES,
		.sponsor_failures_max = SPONSOR_FAILURES,
		.retry_ms = RETRY_MS,
		.is_patient = !config->is_streaming,
		.admission = config->admission,
	};
	bundle->identity = bundle->key.identity;
	souk_viewer_init(&bundle->viewer, &viewer, bundle->caches);
	bundle->state = VIEW_BUNDLE_ALIVE;
}

static void done_key(struct view_job *job)
{
	struct view_bundle *bundle = job->bundle;
	struct view *view = bundle->view;
	const struct souk_address *sponsor = &view->config.sponsors[view->sponsor].address;
	bundle->is_keying = false;
	bundle->has_key = bundle->key_status == SOUK_OK;
	if (!bundle->has_key)
		view_end(view, bundle->key_status);
	if (view->is_over) {
		bundle->state = VIEW_BUNDLE_OVER;
		return;
	}
	bundle->sponsor = view->sponsor;
	view_start_viewer(bundle, &view->config, sponsor);
}

struct view_bundle *view_bundle_new(struct view_want run, bool is_whole)
{
	struct view_bundle *bundle = calloc(1, sizeof *bundle);
	if (bundle == NULL)
		return NULL;
	bundle->state = VIEW_BUNDLE_KEYING;
	bundle->first = run.first;
	bundle->count = run.count;
	bundle->is_whole = is_whole;
	bundle->key.fd = -1;
	return bundle;
}

static void begin(struct view *view, uint32_t slot, struct view_want run, bool is_whole)
{
	struct view_bundle *bundle = view_bundle_new(run, is_whole);
	if (bundle == NULL) {
		view_end(view, SOUK_IO_MEMORY);
		return;
	}
	bundle->view = view;
	bundle->serial = ++view->serial;
	bundle->key.epoch = view->config.admission != NULL ? view->epoch : VIEW_KEY_ANY;
	view->bundles[slot] = bundle;
}

void view_begin_with(struct view *view, struct view_bundle *bundle)
{
	bundle->view = view;
	bundle->serial = ++view->serial;
	view->bundles[0] = bundle;
	view_note_drawn(bundle);
	view->stream_chunks = STREAM_CHUNKS_MIN;
	view->stream_end = bundle->count;
}

void view_note_drawn(struct view_bundle *bundle)
{
	struct view *view = bundle->view;
	const struct souk_bundle_plan *plan = &bundle->viewer.plan;
	uint64_t chunks = (uint64_t)plan->units * plan->caches;
	uint32_t left = souk_content_chunk_count(&plan->content) - plan->first;
	uint32_t held = plan->segment * VIEW_HELD_SEGMENTS;
	bundle->is_counted = true;
	chunks = chunks < left ? chunks : left;
	bundle->count = chunks < bundle->count ? (uint32_t)chunks : bundle->count;
	bundle->memory = (uint64_t)plan->caches * plan->content.chunk_size *
			 (held < plan->units ? held : plan->units);
	view->memory += bundle->memory;
	souk_status status = SOUK_OK;
	if (view->memory > VIEW_MEMORY_MAX)
		status = bundle->memory > VIEW_MEMORY_MAX ? SOUK_PEER_BAD_BUNDLE : SOUK_LOCAL_FULL;
	if (status == SOUK_OK && view->config.drawn != NULL)
		status = view->config.drawn(view->config.events.ctx, &bundle->identity.address);
	if (status != SOUK_OK)
		souk_viewer_stop(&bundle->viewer, status);
}

void view_next_key(struct view *view)
{
	struct view_bundle *newest = NULL;
	bool is_taken = false;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL)
			continue;
		is_taken |= bundle->has_key || bundle->is_keying;
		if (bundle->state != VIEW_BUNDLE_KEYING || bundle->jobs > 0)
			continue;
		if (view->is_over)
			bundle->state = VIEW_BUNDLE_OVER;
		else if (newest == NULL || bundle->serial > newest->serial)
			newest = bundle;
	}
	if (is_taken || newest == NULL || view->is_over)
		return;
	newest->is_keying = true;
	newest->key_job = (struct view_job){.run = run_key, .done = done_key};
	view_submit(newest, &newest->key_job);
}

/* Every unit of its last segment is asked for. */
static bool is_ending(const struct view_bundle *bundle)
{
	const struct souk_viewer *viewer = &bundle->viewer;
	if (bundle->state != VIEW_BUNDLE_ALIVE || viewer->state != SOUK_VIEWER_RUNNING)
		return false;
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		if (bundle->caches[i].asked < viewer->plan.units)
			return false;
	}
	return true;
}

/* A place for another bundle. SOUGHT: one that serves no newer want is left for it. */
static uint32_t free_slot(struct view *view, bool sought)
{
	uint32_t worst = VIEW_BUNDLES_MAX;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		const struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL)
			return i;
		if (bundle->state != VIEW_BUNDLE_ALIVE || bundle->viewer.end_due)
			continue;
		if (worst == VIEW_BUNDLES_MAX ||
			rank_of(view, bundle) > rank_of(view, view->bundles[worst]))
			worst = i;
	}
	if (sought && worst < VIEW_BUNDLES_MAX)
		souk_viewer_stop(&view->bundles[worst]->viewer, SOUK_LOCAL_STOPPED);
	return VIEW_BUNDLES_MAX;
}

static bool may_begin(const struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (is_alive(view->bundles[i]) && !is_ending(view->bundles[i]))
			return false;
	}
	return true;
}

/* Wants come in pieces of a stream, or from anywhere. */
static void limit_stream(struct view *view, struct view_want *run)
{
	bool follows = run->first == view->stream_end;
	view->stream_chunks = follows && view->stream_chunks < STREAM_CHUNKS_MAX
				      ? 2 * view->stream_chunks
			      : follows ? STREAM_CHUNKS_MAX
					: STREAM_CHUNKS_MIN;
	if (run->count > view->stream_chunks)
		run->count = view->stream_chunks;
	view->stream_end = run->first + run->count;
}

/* A key that a site lets in counts its bundles in each epoch; any other is fresh where it must be.
 * And whom to ask for an admission, the sponsor says. */
static bool needs_status(const struct view *view)
{
	return !view->epoch_known && (view->config.admission != NULL || view->site_wanted);
}

void view_plan(struct view *view)
{
	bool is_whole = false;
	struct view_want run = {0, 0};
	if (view->is_over || view->complete_ms != 0 || view->leaving != SOUK_OK ||
		view_now_ms() < view->pause_until)
		return;
	pthread_mutex_lock(&view->lock);
	bool urgent = is_urgent(view);
	for (size_t i = 0; i < view->want_count && run.count == 0; i++) {
		struct view_want want = want_of(view, i);
		run = run_of(view, want.first, want.first + want.count);
	}
	pthread_mutex_unlock(&view->lock);
	if (!urgent && !may_begin(view))
		return;
	if (run.count == 0 && !view->config.is_streaming) {
		is_whole = true;
		view->low = next_lacking(view, view->low, view->chunk_count);
		run = run_of(view, view->low, view->chunk_count);
	}
	if (run.count == 0) {
		/* Nobody waits: then no time passes in which nothing comes. */
		if (!has_alive(view))
			view->progress_ms = view_now_ms();
		return;
	}
	if (needs_status(view)) {
		if (!view->status_transfer.busy)
			view_ask_status(view);
		return;
	}
	uint32_t slot = free_slot(view, urgent);
	if (slot == VIEW_BUNDLES_MAX)
		return;
	if (!is_whole)
		limit_stream(view, &run);
	begin(view, slot, run, is_whole);
}

bool view_may_run(struct view *view, const struct view_bundle *bundle)
{
	size_t rank = rank_of(view, bundle);
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		const struct view_bundle *other = view->bundles[i];
		if (other != bundle && is_alive(other) && other->serial > bundle->serial &&
			!is_ending(other) && rank_of(view, other) < rank)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ how it goes */

void view_note(struct view *view, const char *format, ...)
{
	char text[FETCH_DETAIL_SIZE];
	va_list arguments;
	if (view->config.events.note == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	view->config.events.note(view->config.events.ctx, text);
}

void view_end(struct view *view, souk_status status)
{
	if (view->is_over)
		return;
	view->is_over = true;
	view->result = status;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (view->bundles[i] != NULL && view->bundles[i]->state == VIEW_BUNDLE_ALIVE)
			souk_viewer_stop(&view->bundles[i]->viewer, SOUK_LOCAL_STOPPED);
	}
}

/* The words of STATUS, and what to do about it. */
static void tell(struct view *view, souk_status status)
{
	const char *advice = "Try again later, or pay yourself: --pay";
	char hex[2 * SOUK_ADDRESS_SIZE + 1] = "", lead[300] = "";
	struct souk_identity viewer;
	if (status == SOUK_PEER_SPONSOR_QUOTA)
		advice = "Wait for the next epoch (souk ledger show), or pay yourself: --pay";
	if (status == SOUK_LOCAL_BUDGET)
		advice = "Pay yourself: --pay";
	if (status == SOUK_PEER_SPONSOR_ADMISSION && view->config.home != NULL &&
		view_key_admitted(&viewer, view->config.home) == SOUK_OK) {
		char site[2 * SOUK_ADDRESS_SIZE + 1];
		souk_hex_encode(hex, viewer.address.bytes, SOUK_ADDRESS_SIZE);
		souk_hex_encode(site, view->site.bytes, SOUK_ADDRESS_SIZE);
		snprintf(lead, sizeof lead,
			"Ask the site 0x%s to admit viewer 0x%s, and give what it sends: "
			"--admission FILE; or pay yourself: --pay",
			site, hex);
		advice = lead;
		souk_bytes_wipe(&viewer, sizeof viewer);
	}
	/* Whoever shows it adds the status and its text. */
	bool says_more =
		view->refusal[0] != '\0' && strcmp(view->refusal, souk_status_text(status)) != 0;
	/* What the sponsor said may be long, and is cut off before what to do is. */
	size_t room = FETCH_DETAIL_SIZE - 1 - strlen(advice);
	snprintf(view->detail, room, "the sponsor at %s does not pay%s%s", view->place.url,
		says_more ? ": " : "", says_more ? view->refusal : "");
	size_t used = strlen(view->detail);
	snprintf(view->detail + used, FETCH_DETAIL_SIZE - used, "\n%s", advice);
}

/* Nothing of this sponsor is to be had: the next one, or none. */
static void leave_sponsor(struct view *view, souk_status status)
{
	if (view->sponsor + 1 >= view->config.sponsor_count) {
		if (!view->is_over)
			tell(view, status);
		view_end(view, status);
		return;
	}
	view_note(view, "sponsor %s does not pay: %s", view->place.url, souk_status_text(status));
	view->sponsor++;
	/* view_new has parsed them all. */
	souk_status parsed =
		control_name_parse(&view->place, view->config.sponsors[view->sponsor].name);
	view->epoch_known = false;
	view->failures = 0;
	view->order_failures = 0;
	view->progress_ms = view_now_ms();
	if (parsed != SOUK_OK)
		view_end(view, parsed);
}

/* What no other bundle of this sponsor would make better. */
static bool is_hopeless(souk_status status)
{
	switch (status) {
	case SOUK_PEER_SPONSOR_QUOTA:
	case SOUK_PEER_SPONSOR_ADMISSION:
	case SOUK_PEER_UNKNOWN_CONTENT:
	case SOUK_PEER_BAD_VERSION:
	case SOUK_PEER_BAD_SIGNATURE:
	case SOUK_PEER_WRONG_SIGNER:
	case SOUK_PEER_BAD_BUNDLE:
	case SOUK_PEER_BAD_PUZZLE:
	case SOUK_PEER_BAD_TICKET:
	case SOUK_PEER_STRIP_TERMS:
	case SOUK_LOCAL_BUDGET:
	case SOUK_IO_TLS_PIN: return true;
	default: return false;
	}
}

void view_failed(struct view *view, souk_status status)
{
	uint64_t now_ms = view_now_ms();
	uint64_t pause = PAUSE_MS, patience = view->config.patience_ms;
	/* The sponsor says so, and caches are not recruited in a moment. */
	if (status == SOUK_LOCAL_NO_PROVIDER_LEFT)
		patience /= 4;
	for (uint32_t i = 0; i < view->failures && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	view->failures++;
	view->pause_until = now_ms + pause;
	if (is_hopeless(status) ||
		(view->failures >= FAILURES_MIN && now_ms - view->progress_ms > patience))
		view->leaving = status;
}

/* But what is under way ends in order. */
void view_check_leaving(struct view *view)
{
	souk_status status = view->leaving;
	if (has_alive(view))
		return;
	view->leaving = SOUK_OK;
	if (status != SOUK_OK)
		leave_sponsor(view, status);
}

void view_sponsor_status(
	struct view *view, souk_status status, const struct souk_sponsor_status *answer)
{
	const struct souk_address *expected = &view->config.sponsors[view->sponsor].address;
	bool has_site = false;
	if (status == SOUK_OK && !souk_address_equal(&answer->sponsor, expected))
		status = SOUK_PEER_WRONG_SIGNER;
	for (int i = 0; status == SOUK_OK && i < SOUK_ADDRESS_SIZE; i++)
		has_site |= answer->site.bytes[i] != 0;
	if (status == SOUK_OK)
		view->site = answer->site;
	if (has_site && view->config.admission == NULL)
		status = SOUK_PEER_SPONSOR_ADMISSION;
	if (status != SOUK_OK) {
		view_failed(view, status);
		return;
	}
	view->epoch = answer->epoch;
	view->epoch_known = true;
}

/* ------------------------------------------------------------------ the end of a bundle */

static void tell_outcome(struct view *view, const struct view_bundle *bundle, souk_status status)
{
	const struct souk_viewer *viewer = &bundle->viewer;
	struct view_outcome outcome = {.viewer = &bundle->identity.address,
		.bundle = &viewer->bundle,
		.sponsor = &view->config.sponsors[bundle->sponsor],
		.offer = &bundle->open.offer.offer,
		.count = viewer->plan.caches};
	if (view->config.outcome == NULL || !bundle->is_counted)
		return;
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		outcome.providers[i] = bundle->caches[i].customer.ask.provider;
		outcome.seen[i] = status == SOUK_OK	? SOUK_OK
				  : viewer->failed != i ? SOUK_LOCAL_STATE
				  /* Who does not answer has failed as well as who lies. */
				  : souk_status_class(status) == SOUK_CLASS_IO ? SOUK_PEER_SILENT
									       : status;
	}
	view->config.outcome(view->config.events.ctx, &outcome);
}

/* The sponsor counts the viewer's bundles otherwise: a new epoch, or what a crash left unwritten.
 */
static void out_of_order(struct view *view, struct view_bundle *bundle)
{
	view->epoch_known = false;
	view->order_failures++;
	if (bundle->has_key && view_key_renew(&bundle->key) != SOUK_OK)
		view_end(view, SOUK_IO_ENTROPY);
	if (view->order_failures > ORDER_MAX)
		view_failed(view, SOUK_PEER_OUT_OF_ORDER);
}

static void ended(struct view *view, struct view_bundle *bundle)
{
	bool was_asked = bundle->viewer.caches != NULL;
	souk_status status =
		bundle->viewer.state == SOUK_VIEWER_DONE ? SOUK_OK : bundle->viewer.status;
	if (!was_asked || view->is_over)
		status = SOUK_LOCAL_STOPPED;
	if (was_asked)
		tell_outcome(view, bundle, status);
	switch (status) {
	case SOUK_OK:
	case SOUK_LOCAL_STOPPED: break;
	case SOUK_PEER_OUT_OF_ORDER: out_of_order(view, bundle); break;
	case SOUK_PEER_EPOCH_CLOSED:
	case SOUK_PEER_WRONG_EPOCH:
	case SOUK_PEER_STRIP_EXPIRED:
		view->epoch_known = false;
		view_failed(view, status);
		break;
	case SOUK_PEER_SPONSOR_ADMISSION:
		if (view->config.admission != NULL || view->site_wanted)
			view_failed(view, status);
		view->site_wanted = true;
		break;
	default:
		/* A cache's fault is none of the sponsor's. */
		if (bundle->viewer.failed != UINT32_MAX && is_hopeless(status))
			status = SOUK_PEER_BAD_GRANT;
		view_failed(view, status);
		break;
	}
}

static bool is_quiet(const struct view_bundle *bundle)
{
	if (bundle->state != VIEW_BUNDLE_OVER || bundle->jobs > 0)
		return false;
	for (size_t i = 0; i < VIEW_TRANSFERS; i++) {
		if (bundle->transfers[i].busy)
			return false;
	}
	return true;
}

/* What is secret of it: a megabyte has room for 16 caches, and most of it was never touched. */
static void wipe_bundle(struct view_bundle *bundle)
{
	uint32_t caches = bundle->viewer.plan.caches;
	for (uint32_t i = 0; i < caches; i++) {
		souk_bytes_wipe(&bundle->caches[i], sizeof bundle->caches[i]);
		souk_bytes_wipe(
			&bundle->open.sessions.items[i], sizeof bundle->open.sessions.items[i]);
	}
	for (size_t i = 0; i < VIEW_TRANSFERS; i++) {
		if (bundle->transfers[i].bundle != NULL)
			souk_bytes_wipe(&bundle->transfers[i], sizeof bundle->transfers[i]);
	}
	souk_bytes_wipe(&bundle->solve, sizeof bundle->solve);
	souk_bytes_wipe(&bundle->viewer, sizeof bundle->viewer);
	souk_bytes_wipe(&bundle->key, sizeof bundle->key);
	souk_bytes_wipe(&bundle->identity, sizeof bundle->identity);
}

void view_bundle_free(struct view_bundle *bundle)
{
	if (bundle == NULL)
		return;
	view_bundle_give_key(bundle);
	wipe_bundle(bundle);
	free(bundle);
}

static void free_bundle(struct view *view, struct view_bundle *bundle)
{
	for (uint32_t i = 0; i < bundle->viewer.plan.caches; i++) {
		for (uint32_t k = 0; k < VIEW_RING; k++)
			view_unit_give(view, bundle->units[i][k]);
	}
	view->memory -= bundle->memory;
	view_bundle_free(bundle);
}

/* Those that were given to a view that never ran. */
void view_drop_bundles(struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (view->bundles[i] != NULL)
			free_bundle(view, view->bundles[i]);
		view->bundles[i] = NULL;
	}
}

bool view_reap(struct view *view)
{
	bool changed = false;
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		struct view_bundle *bundle = view->bundles[i];
		if (bundle == NULL || !is_quiet(bundle))
			continue;
		/* A lock that is still held is let go of first. */
		if (!bundle->is_settled) {
			bundle->is_settled = true;
			ended(view, bundle);
			view_release_key(bundle);
		}
		if (bundle->jobs > 0)
			continue;
		view->bundles[i] = NULL;
		free_bundle(view, bundle);
		changed = true;
	}
	return changed;
}
