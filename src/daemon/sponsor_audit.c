/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor: a viewer of the sponsor's own, now and then, as strange to caches as any other.
 *
 *   wait, at random --> the content audited longest ago; after a complaint that one, soon
 *        ^                   |
 *        |                   v  fresh key, a random place, a few units of each cache
 *        '--- outcome <-- view_run --drawn--> souk_sponsor_audit: it is ours
 *                |
 *                '--> souk_sponsor_audited: who failed is never drawn again
 *
 * It goes through the sponsor's own door, so it is drawn caches as anybody is, and costs what its
 * units cost: no more than a share of what was spent, beyond the first.
 *
 * A cache that knows the sponsor's network address knows this viewer by it: who has another one
 * should run viewers there, too.
 *
 * Threads: one of its own; stop from another. Spec: spec/sponsor.md 6. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/view.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

#define ROUND_MS    250u
#define UNITS_EACH  2u
#define BUNDLES_MAX 2u
#define PATIENCE_MS 20000u
#define TIMEOUT_MS  4000u
/* After a complaint the wait is so much shorter. */
#define HASTE 8u

struct sponsor_auditor {
	struct sponsor_node *node;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock; /* view, is_stopping */
	struct view *view;
	bool is_stopping;
	uint64_t cost_ncoin; /* of all audits since the start, at most */
	uint64_t next_ms;    /* by a steady clock */
	uint32_t drawn;	     /* bundles of the audit that runs */
};

/* What is audited. */
struct audit {
	struct souk_content content;
	uint32_t caches;     /* of a bundle */
	uint64_t cost_ncoin; /* of one, at most */
};

static uint64_t random_u64(void)
{
	uint64_t value = 0;
	souk_status status = souk_entropy_fill(souk_entropy_real(), &value, sizeof value);
	return status == SOUK_OK ? value : 0;
}

static uint64_t steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

/* From half to one and a half of the interval: no cache knows when. One that met fewer CACHES than
 * a bundle may have is followed the sooner: so each cache is met as often. */
static void set_next(struct sponsor_auditor *a, uint64_t caches)
{
	uint64_t interval = a->node->config.audit_ms * caches / a->node->config.caches;
	a->next_ms = steady_ms() + interval / 2 + random_u64() % (interval + 1);
}

/* ------------------------------------------------------------------ whom */

static bool has_caches(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_content *content)
{
	struct souk_time now = sponsor_now();
	const struct souk_sponsor_cache *cache = NULL;
	uint32_t count = 0;
	while ((cache = souk_sponsor_next_cache(sponsor, content, cache)) != NULL)
		count += !cache->record.barred && souk_time_is_before(now, cache->record.expires);
	return count >= souk_sponsor_caches(sponsor, &content->content);
}

/* The content with most complaints; of equals the one that was audited longest ago. Under the
 * node's lock. */
static uint32_t choose(const struct sponsor_node *node)
{
	const struct souk_sponsor *sponsor = &node->sponsor;
	uint32_t best = UINT32_MAX;
	for (uint32_t i = 0; i < sponsor->content_count; i++) {
		const struct souk_sponsor_content *c = &sponsor->memory.contents[i];
		const struct sponsor_wish *wish = &node->wishes[i];
		const struct sponsor_wish *than = best == UINT32_MAX ? NULL : &node->wishes[best];
		if (c->record.bundles == 0 || !has_caches(sponsor, c))
			continue;
		if (than == NULL || wish->complaints > than->complaints ||
			(wish->complaints == than->complaints &&
				wish->audited_ms < than->audited_ms))
			best = i;
	}
	return best;
}

/* Whether one is due now, and of what. */
static bool take_audit(struct sponsor_auditor *a, struct audit *ret)
{
	struct sponsor_node *node = a->node;
	bool is_due = false;
	pthread_mutex_lock(&node->lock);
	uint32_t index = node->sponsor.epoch_known ? choose(node) : UINT32_MAX;
	if (index != UINT32_MAX) {
		struct sponsor_wish *wish = &node->wishes[index];
		uint64_t price = wish->order.price.ncoin != 0 ? wish->order.price.ncoin
							      : node->config.price.ncoin;
		uint64_t haste = wish->complaints > 0
					 ? node->config.audit_ms - node->config.audit_ms / HASTE
					 : 0;
		ret->content = node->sponsor.memory.contents[index].content;
		ret->caches = souk_sponsor_caches(&node->sponsor, &ret->content);
		ret->cost_ncoin = price * UNITS_EACH * ret->caches;
		uint64_t share =
			node->sponsor.totals.spent.ncoin / 1000 * node->config.audit_permille;
		is_due = steady_ms() + haste >= a->next_ms && a->cost_ncoin <= share;
		if (is_due) {
			wish->complaints = 0;
			wish->audited_ms = steady_ms();
		}
	}
	pthread_mutex_unlock(&node->lock);
	return is_due;
}

/* ------------------------------------------------------------------ what it sees */

static souk_status ignore_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	(void)ctx;
	(void)chunk;
	(void)data;
	return SOUK_OK;
}

static souk_status was_drawn(void *ctx, const struct souk_address *viewer)
{
	struct sponsor_auditor *a = ctx;
	pthread_mutex_lock(&a->node->lock);
	souk_status status = souk_sponsor_audit(&a->node->sponsor, viewer);
	pthread_mutex_unlock(&a->node->lock);
	if (status == SOUK_OK && ++a->drawn > BUNDLES_MAX)
		status = SOUK_LOCAL_STOPPED;
	return status;
}

static void note_outcome(void *ctx, const struct view_outcome *outcome)
{
	struct sponsor_auditor *a = ctx;
	for (uint32_t i = 0; i < outcome->count; i++) {
		if (outcome->seen[i] == SOUK_LOCAL_STATE)
			continue;
		pthread_mutex_lock(&a->node->lock);
		souk_status status = souk_sponsor_audited(&a->node->sponsor, outcome->bundle,
			&outcome->providers[i], outcome->seen[i]);
		pthread_mutex_unlock(&a->node->lock);
		if (status == SOUK_OK && souk_status_class(outcome->seen[i]) == SOUK_CLASS_PEER)
			SOUK_LOG(SOUK_LOG_WARN, "cache_barred",
				souk_log_hex(
					"provider", outcome->providers[i].bytes, SOUK_ADDRESS_SIZE),
				souk_log_status(outcome->seen[i]));
	}
	souk_status status = sponsor_commit(a->node);
	(void)status; /* noted there */
}

/* ------------------------------------------------------------------ one audit */

/* All but a few chunks at a random place are there already, as far as VIEW knows. */
static void leave_few(struct view *view, const struct audit *what)
{
	uint32_t count = souk_content_chunk_count(&what->content);
	uint32_t wanted = UNITS_EACH * what->caches;
	uint32_t first = count > wanted ? (uint32_t)(random_u64() % (count - wanted + 1)) : 0;
	for (uint32_t i = 0; i < count; i++) {
		if (i < first || i >= first + wanted)
			view_have(view, i);
	}
}

/* VIEW is the one that runs; false where all is to end. */
static bool publish_view(struct sponsor_auditor *a, struct view *view)
{
	pthread_mutex_lock(&a->lock);
	bool goes_on = !a->is_stopping;
	a->view = goes_on ? view : NULL;
	pthread_mutex_unlock(&a->lock);
	return goes_on;
}

static void audit(struct sponsor_auditor *a, const struct audit *what)
{
	struct sponsor_node *node = a->node;
	struct view_sponsor self = {.address = node->identity->address};
	char *row = NULL, detail[FETCH_DETAIL_SIZE] = "";
	struct view *view = NULL;
	snprintf(self.name, sizeof self.name, "%s", node->name);
	souk_status status = sponsor_read_row(node, &what->content, &row);
	struct view_config config = {
		.ledger_url = node->config.ledger_url,
		.sponsors = &self,
		.sponsor_count = 1,
		.content = what->content,
		.row = (const struct souk_hash *)row,
		.timeout_ms = TIMEOUT_MS,
		.patience_ms = PATIENCE_MS,
		.events = {.ctx = a, .chunk = ignore_chunk},
		.outcome = note_outcome,
		.drawn = was_drawn,
	};
	if (status == SOUK_OK)
		status = view_new(&view, &config);
	a->drawn = 0;
	if (status == SOUK_OK && publish_view(a, view)) {
		leave_few(view, what);
		status = view_run(view, detail);
		(void)publish_view(a, NULL);
	}
	view_free(view);
	free(row);
	a->cost_ncoin += what->cost_ncoin * a->drawn;
	SOUK_LOG(SOUK_LOG_INFO, "audited",
		souk_log_hex("content", what->content.id.bytes, SOUK_HASH_SIZE),
		souk_log_status(status), souk_log_text("detail", detail));
}

static void *auditor_run(void *ctx)
{
	struct sponsor_auditor *a = ctx;
	set_next(a, a->node->config.caches);
	while (!stopper_pause(&a->node->stopper, ROUND_MS)) {
		struct audit what;
		if (!take_audit(a, &what))
			continue;
		audit(a, &what);
		set_next(a, what.caches);
	}
	return NULL;
}

/* ------------------------------------------------------------------ start and stop */

souk_status sponsor_auditor_start(struct sponsor_node *node)
{
	/* Where a site admits viewers, the sponsor is not the one who could admit its own. */
	if (node->config.audit_ms == 0 || node->config.site != NULL)
		return SOUK_OK;
	struct sponsor_auditor *a = node->auditor = calloc(1, sizeof *a);
	if (a == NULL)
		return SOUK_IO_MEMORY;
	a->node = node;
	pthread_mutex_init(&a->lock, NULL);
	a->runs = pthread_create(&a->thread, NULL, auditor_run, a) == 0;
	return a->runs ? SOUK_OK : SOUK_IO_MEMORY;
}

void sponsor_auditor_stop(struct sponsor_node *node)
{
	struct sponsor_auditor *a = node->auditor;
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	if (a->view != NULL)
		view_stop(a->view);
	pthread_mutex_unlock(&a->lock);
	if (a->runs)
		pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->lock);
	free(a);
	node->auditor = NULL;
}
