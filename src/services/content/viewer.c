/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/viewer.h"

#include <string.h>

#include "souk/base/check.h"

#define RETRY_DOUBLINGS_MAX 6u
/* Of `retry`: nothing is waited for. */
#define NO_PAUSE ((struct souk_time){0})

static void fill_ask(struct souk_viewer *viewer)
{
	const struct souk_viewer_config *config = &viewer->config;
	viewer->ask.ask = (struct souk_bundle_ask){
		.version = SOUK_SPONSOR_VERSION,
		.sponsor = config->sponsor,
		.viewer = config->identity->address,
		.number = config->number,
		.content = config->content.id,
		.first = config->first,
		.chunks = config->chunks,
	};
	souk_bundle_ask_sign(&viewer->ask, config->identity);
	if (config->admission == NULL)
		return;
	viewer->ask.admission.count = 1;
	viewer->ask.admission.items[0] = *config->admission;
	viewer->config.admission = NULL;
}

void souk_viewer_init(struct souk_viewer *viewer, const struct souk_viewer_config *config,
	struct souk_viewer_cache *caches)
{
	SOUK_CHECK(config->pipeline >= 1 && config->pipeline <= SOUK_BUNDLE_SEGMENT_MAX);
	memset(viewer, 0, sizeof *viewer);
	viewer->config = *config;
	viewer->caches = caches;
	viewer->failed = UINT32_MAX;
	fill_ask(viewer);
}

static bool is_over(const struct souk_viewer *viewer)
{
	return viewer->state == SOUK_VIEWER_DONE || viewer->state == SOUK_VIEWER_FAILED;
}

/* Whether STATUS is somebody's fault, and not the time's. */
static bool is_fault(souk_status status)
{
	return status != SOUK_PEER_EPOCH_CLOSED && status != SOUK_PEER_WRONG_EPOCH &&
	       status != SOUK_PEER_STRIP_EXPIRED;
}

/* It ends for STATUS, by the fault of CACHE, if that is one. */
static void fail(struct souk_viewer *viewer, uint32_t cache, souk_status status)
{
	if (is_over(viewer))
		return;
	if (!is_fault(status))
		cache = UINT32_MAX;
	viewer->state = SOUK_VIEWER_FAILED;
	viewer->status = status;
	viewer->failed = cache;
	viewer->complain_due = cache != UINT32_MAX;
	viewer->end_due = true;
}

void souk_viewer_stop(struct souk_viewer *viewer, souk_status status)
{
	fail(viewer, UINT32_MAX, status);
}

/* ------------------------------------------------------------------ the sponsor's offer */

/* Who knows nothing but the name learns the rest here. */
static souk_status learn_content(struct souk_viewer *viewer, const struct souk_bundle_offer *offer)
{
	const struct souk_content *known = &viewer->config.content;
	struct souk_content_name name = {
		.id = known->id, .has_size = known->size != 0, .size = known->size};
	if (known->chunk_size != 0)
		return SOUK_OK;
	souk_status status =
		souk_content_check(&viewer->config.content, &name, offer->size, offer->chunk_size);
	return status == SOUK_OK ? SOUK_OK : SOUK_PEER_BAD_BUNDLE;
}

static souk_status check_offer(const struct souk_viewer *viewer,
	const struct souk_signed_bundle_offer *signed_offer, struct souk_time now)
{
	const struct souk_bundle_offer *offer = &signed_offer->offer;
	struct souk_hash digest = souk_bundle_offer_digest(offer);
	struct souk_hash asked = souk_bundle_ask_digest(&viewer->ask.ask);
	if (offer->version != SOUK_SPONSOR_VERSION)
		return SOUK_PEER_BAD_VERSION;
	SOUK_TRY(souk_ecdsa_verify(&viewer->config.sponsor, &digest, &signed_offer->signature));
	bool good = souk_address_equal(&offer->sponsor, &viewer->config.sponsor) &&
		    souk_hash_equal(&offer->ask, &asked) &&
		    offer->size == viewer->config.content.size &&
		    offer->chunk_size == viewer->config.content.chunk_size &&
		    offer->first == viewer->config.first &&
		    souk_time_is_before(now, offer->expires);
	return good ? souk_bundle_plan_check(&viewer->plan) : SOUK_PEER_BAD_BUNDLE;
}

/* The customer of each cache, whose session is open. */
static souk_status start_caches(
	struct souk_viewer *viewer, const struct souk_bundle_open *open, struct souk_time now)
{
	const struct souk_bundle_offer *offer = &open->offer.offer;
	if (open->sessions.count != offer->caches.count)
		return SOUK_PEER_BAD_BUNDLE;
	for (uint32_t i = 0; i < offer->caches.count; i++) {
		const struct souk_offer *of = &offer->caches.items[i].offer;
		const struct souk_bundle_session *session = &open->sessions.items[i];
		const struct souk_strip *strip = &session->strip.strip;
		memset(&viewer->caches[i], 0, sizeof viewer->caches[i]);
		SOUK_TRY(souk_offer_verify(&offer->caches.items[i], now));
		if (of->window < offer->segment ||
			!souk_hash_equal(&of->content, &viewer->config.content.id))
			return SOUK_PEER_BAD_BUNDLE;
		if (strip->count != offer->units || strip->epoch != offer->epoch ||
			!souk_hash_equal(&strip->escrow, &offer->escrow))
			return SOUK_PEER_STRIP_TERMS;
		SOUK_TRY(souk_customer_sponsored(&viewer->caches[i].customer, of, session, now));
	}
	return SOUK_OK;
}

/* PUZZLE, of COUNT ones, is for the segment that is next. */
static souk_status take_puzzle(
	struct souk_viewer *viewer, const struct souk_puzzle *puzzle, uint32_t count)
{
	struct souk_puzzle_shape shape;
	viewer->has_puzzle = count != 0;
	if (count == 0)
		return SOUK_OK;
	souk_bundle_shape(&shape, &viewer->plan, viewer->segment);
	SOUK_TRY(souk_puzzle_check(puzzle, &shape));
	viewer->puzzle = *puzzle;
	return SOUK_OK;
}

void souk_viewer_opened(
	struct souk_viewer *viewer, const struct souk_bundle_open *open, struct souk_time now)
{
	const struct souk_bundle_offer *offer = &open->offer.offer;
	if (viewer->state != SOUK_VIEWER_ASKING || !viewer->busy)
		return;
	viewer->busy = false;
	viewer->failures = 0;
	souk_status status = learn_content(viewer, offer);
	viewer->plan = (struct souk_bundle_plan){
		.content = viewer->config.content,
		.caches = offer->caches.count,
		.first = offer->first,
		.units = offer->units,
		.segment = offer->segment,
	};
	if (status == SOUK_OK)
		status = check_offer(viewer, &open->offer, now);
	if (status == SOUK_OK)
		status = start_caches(viewer, open, now);
	if (status == SOUK_OK)
		status = take_puzzle(viewer, &open->puzzle.items[0], open->puzzle.count);
	if (status != SOUK_OK) {
		fail(viewer, UINT32_MAX, status);
		return;
	}
	viewer->bundle = offer->bundle;
	viewer->segment_count = souk_bundle_segment_count(&viewer->plan);
	viewer->state = SOUK_VIEWER_RUNNING;
}

/* ------------------------------------------------------------------ units and keys */

/* An answer of CACHE came: what failed before need not wait. NULL: to nothing that is asked. */
static struct souk_viewer_cache *answered(struct souk_viewer *viewer, uint32_t cache)
{
	if (cache >= viewer->plan.caches || is_over(viewer))
		return NULL;
	struct souk_viewer_cache *entry = &viewer->caches[cache];
	entry->failures = 0;
	entry->retry = NO_PAUSE;
	return entry;
}

static void take_key(struct souk_viewer *viewer, uint32_t cache, const struct souk_unit_key *key)
{
	souk_status status =
		key == NULL ? SOUK_OK : souk_customer_key(&viewer->caches[cache].customer, key);
	if (status != SOUK_OK)
		fail(viewer, cache, status);
}

/* UNIT did not come: it is asked for again. */
static void not_received(struct souk_viewer_cache *entry, uint32_t unit)
{
	if (entry->fetching == 0)
		return;
	entry->fetching--;
	if (entry->carrier == unit)
		entry->carrier = 0;
	entry->again[entry->again_count++] = unit;
}

void souk_viewer_admitted(
	struct souk_viewer *viewer, uint32_t cache, uint32_t unit, struct souk_time now)
{
	struct souk_viewer_cache *entry = answered(viewer, cache);
	(void)now;
	if (entry == NULL || viewer->state != SOUK_VIEWER_RUNNING || entry->is_open ||
		entry->fetching == 0)
		return;
	entry->is_open = true;
	not_received(entry, unit);
}

void souk_viewer_received(struct souk_viewer *viewer, uint32_t cache, uint32_t unit,
	const struct souk_unit_key *key, struct souk_time now)
{
	struct souk_viewer_cache *entry = answered(viewer, cache);
	(void)now;
	if (entry == NULL || viewer->state != SOUK_VIEWER_RUNNING || entry->fetching == 0)
		return;
	entry->fetching--;
	entry->is_open = true;
	if (entry->carrier == unit) {
		entry->carrier = 0;
		entry->keeps_keys = key == NULL;
	}
	if (souk_customer_received(&entry->customer, unit) == SOUK_OK)
		take_key(viewer, cache, key);
}

void souk_viewer_keys(struct souk_viewer *viewer, uint32_t cache, const struct souk_unit_key *key,
	struct souk_time now)
{
	struct souk_viewer_cache *entry = answered(viewer, cache);
	(void)now;
	if (entry == NULL || viewer->state != SOUK_VIEWER_RUNNING || !entry->busy)
		return;
	entry->busy = false;
	take_key(viewer, cache, key);
	/* It is owed up to the ticket on the request. It may have come with a unit meanwhile. */
	if (entry->customer.keyed < entry->owed)
		fail(viewer, cache, SOUK_PEER_BAD_KEY);
}

void souk_viewer_verified(struct souk_viewer *viewer, uint32_t cache, uint32_t unit,
	souk_status status, struct souk_time now)
{
	struct souk_viewer_cache *entry = answered(viewer, cache);
	(void)now;
	if (entry == NULL || viewer->state != SOUK_VIEWER_RUNNING)
		return;
	if (status != SOUK_OK) {
		bool blamed = souk_status_class(status) == SOUK_CLASS_PEER;
		fail(viewer, blamed ? cache : UINT32_MAX, status);
		return;
	}
	if (souk_customer_verified(&entry->customer, unit) != SOUK_OK)
		return;
	viewer->verified++;
	if (viewer->verified < (uint64_t)viewer->plan.units * viewer->plan.caches)
		return;
	viewer->state = SOUK_VIEWER_DONE;
	viewer->end_due = true;
}

/* ------------------------------------------------------------------ tokens and tickets */

void souk_viewer_solved(struct souk_viewer *viewer, const struct souk_puzzle_token *token,
	uint32_t spoiled, struct souk_time now)
{
	(void)now;
	if (viewer->state != SOUK_VIEWER_RUNNING || !viewer->busy || viewer->claim_due)
		return;
	viewer->busy = false;
	if (token == NULL) {
		fail(viewer, spoiled < viewer->plan.caches ? spoiled : UINT32_MAX,
			SOUK_PEER_BAD_UNIT);
		return;
	}
	viewer->token = *token;
	viewer->claim_due = true;
}

void souk_viewer_tickets(struct souk_viewer *viewer, const struct souk_segment_tickets *tickets,
	struct souk_time now)
{
	souk_status status = SOUK_OK;
	(void)now;
	if (viewer->state != SOUK_VIEWER_RUNNING || !viewer->busy || !viewer->claim_due)
		return;
	viewer->busy = false;
	viewer->claim_due = false;
	viewer->failures = 0;
	uint32_t end = souk_bundle_segment_end(&viewer->plan, viewer->segment);
	if (tickets->segment != viewer->segment || tickets->tickets.count != viewer->plan.caches)
		status = SOUK_PEER_BAD_TICKET;
	for (uint32_t i = 0; i < viewer->plan.caches && status == SOUK_OK; i++) {
		status = tickets->tickets.items[i].unit != end
				 ? SOUK_PEER_BAD_TICKET
				 : souk_customer_sponsor_ticket(
					   &viewer->caches[i].customer, &tickets->tickets.items[i]);
	}
	viewer->segment++;
	if (status == SOUK_OK && viewer->segment < viewer->segment_count)
		status = take_puzzle(viewer, &tickets->puzzle.items[0], tickets->puzzle.count);
	if (status != SOUK_OK)
		fail(viewer, UINT32_MAX, status);
}

/* ------------------------------------------------------------------ failures */

static struct souk_time pause_after(
	const struct souk_viewer *viewer, uint32_t failures, struct souk_time now)
{
	uint32_t doublings =
		failures - 1 < RETRY_DOUBLINGS_MAX ? failures - 1 : RETRY_DOUBLINGS_MAX;
	return souk_time_plus_ms(now, viewer->config.retry_ms << doublings);
}

static bool may_retry(souk_status status)
{
	enum souk_status_class class = souk_status_class(status);
	return class == SOUK_CLASS_IO || class == SOUK_CLASS_LOCAL;
}

/* What the sponsor was asked for, or the caller's own job. */
static void sponsor_failed(struct souk_viewer *viewer, souk_status status, struct souk_time now)
{
	uint32_t limit = viewer->config.sponsor_failures_max != 0
				 ? viewer->config.sponsor_failures_max
				 : viewer->config.failures_max;
	viewer->busy = false;
	viewer->failures++;
	if (!may_retry(status) || viewer->failures > limit)
		fail(viewer, UINT32_MAX, status);
	else
		viewer->retry = pause_after(viewer, viewer->failures, now);
}

static void cache_failed(struct souk_viewer *viewer, const struct souk_viewer_effect *effect,
	souk_status status, struct souk_time now)
{
	struct souk_viewer_cache *entry = &viewer->caches[effect->cache];
	if (effect->kind != SOUK_VIEWER_FETCH)
		entry->busy = false;
	else
		not_received(entry, effect->unit);
	/* What fails during the pause is the same failure. */
	if (!souk_time_is_before(now, entry->retry))
		entry->failures++;
	if (!may_retry(status) || entry->failures > viewer->config.failures_max)
		fail(viewer, effect->cache, status);
	else if (!souk_time_is_before(now, entry->retry))
		entry->retry = pause_after(viewer, entry->failures, now);
}

void souk_viewer_failed(struct souk_viewer *viewer, const struct souk_viewer_effect *effect,
	souk_status status, struct souk_time now)
{
	if (is_over(viewer))
		return;
	switch (effect->kind) {
	case SOUK_VIEWER_ASK:
	case SOUK_VIEWER_SOLVE:
	case SOUK_VIEWER_CLAIM: sponsor_failed(viewer, status, now); return;
	case SOUK_VIEWER_FETCH:
	case SOUK_VIEWER_KEYS: cache_failed(viewer, effect, status, now); return;
	case SOUK_VIEWER_VERIFY:
		souk_viewer_verified(viewer, effect->cache, effect->unit, status, now);
		return;
	case SOUK_VIEWER_COMPLAIN:
	case SOUK_VIEWER_END: return;
	}
}

/* ------------------------------------------------------------------ effects */

static bool next_for_sponsor(struct souk_viewer *viewer, enum souk_viewer_effect_kind kind,
	struct souk_viewer_effect *ret, struct souk_time now)
{
	if (viewer->busy || souk_time_is_before(now, viewer->retry))
		return false;
	viewer->busy = true;
	*ret = (struct souk_viewer_effect){.kind = kind};
	return true;
}

static bool next_verify(struct souk_viewer *viewer, uint32_t cache, struct souk_viewer_effect *ret)
{
	struct souk_viewer_cache *entry = &viewer->caches[cache];
	struct souk_viewer_effect effect = {.kind = SOUK_VIEWER_VERIFY, .cache = cache};
	effect.unit = entry->shown + 1;
	if (souk_customer_cipher(&entry->customer, &effect.cipher, effect.unit) != SOUK_OK)
		return false;
	effect.chunk = souk_bundle_chunk(&viewer->plan, cache, effect.unit);
	effect.length = souk_content_chunk_length(&viewer->plan.content, effect.chunk);
	entry->shown++;
	*ret = effect;
	return true;
}

static bool next_keys(struct souk_viewer *viewer, uint32_t cache, struct souk_viewer_effect *ret,
	struct souk_time now)
{
	struct souk_viewer_cache *entry = &viewer->caches[cache];
	struct souk_viewer_effect effect = {.kind = SOUK_VIEWER_KEYS, .cache = cache};
	if (entry->busy || entry->carrier != 0 || souk_time_is_before(now, entry->retry) ||
		souk_customer_settle(&entry->customer, &effect.request, now) != SOUK_OK)
		return false;
	entry->busy = true;
	entry->owed = effect.request.ticket.unit;
	*ret = effect;
	return true;
}

/* Units up to the end of the next segment may be fetched, so that no link is idle while a puzzle is
 * solved. */
static uint32_t fetch_limit(const struct souk_viewer *viewer)
{
	return souk_bundle_segment_end(&viewer->plan, viewer->segment + 1);
}

/* Whether a ticket for CACHE may go with a unit. Never the first: its chunks are what is waited
 * for.
 */
static bool may_carry(const struct souk_viewer *viewer, const struct souk_viewer_cache *cache)
{
	return viewer->config.is_patient && cache->customer.keyed > 0 && cache->carrier == 0 &&
	       !cache->busy && !cache->keeps_keys;
}

static bool next_fetch(struct souk_viewer *viewer, uint32_t cache, struct souk_viewer_effect *ret,
	struct souk_time now)
{
	struct souk_viewer_cache *entry = &viewer->caches[cache];
	struct souk_viewer_effect effect = {
		.kind = SOUK_VIEWER_FETCH, .cache = cache, .opens = !entry->is_open};
	uint32_t limit = entry->is_open ? viewer->config.pipeline : 1;
	if (souk_time_is_before(now, entry->retry) || entry->fetching >= limit)
		return false;
	if (entry->again_count > 0) {
		effect.unit = entry->again[entry->again_count - 1];
		if (souk_customer_again(&entry->customer, &effect.request, effect.unit, now) !=
			SOUK_OK)
			return false;
		entry->again_count--;
	} else {
		effect.unit = entry->asked + 1;
		if (effect.unit > fetch_limit(viewer) ||
			souk_customer_next(&entry->customer, &effect.request,
				souk_bundle_chunk(&viewer->plan, cache, effect.unit),
				now) != SOUK_OK)
			return false;
		entry->asked++;
	}
	effect.chunk = (uint32_t)effect.request.chunk;
	effect.length = souk_content_chunk_length(&viewer->plan.content, effect.chunk);
	entry->fetching++;
	if (may_carry(viewer, entry) && effect.request.has_ticket &&
		effect.request.ticket.unit > entry->customer.keyed)
		entry->carrier = effect.unit;
	*ret = effect;
	return true;
}

/* Keys of CACHE, or another unit of it; where both are due and the ticket may ride, the unit. */
static bool next_request(struct souk_viewer *viewer, uint32_t cache, struct souk_viewer_effect *ret,
	struct souk_time now)
{
	if (may_carry(viewer, &viewer->caches[cache]) && next_fetch(viewer, cache, ret, now))
		return true;
	return next_keys(viewer, cache, ret, now) || next_fetch(viewer, cache, ret, now);
}

/* Whether every unit of the segment came, still encrypted. */
static bool is_complete(const struct souk_viewer *viewer)
{
	uint32_t end = souk_bundle_segment_end(&viewer->plan, viewer->segment);
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		if (viewer->caches[i].customer.received < end)
			return false;
	}
	return viewer->segment < viewer->segment_count;
}

static bool next_claim(
	struct souk_viewer *viewer, struct souk_viewer_effect *ret, struct souk_time now)
{
	if (!viewer->claim_due && !viewer->busy && is_complete(viewer)) {
		if (viewer->has_puzzle) {
			if (!next_for_sponsor(viewer, SOUK_VIEWER_SOLVE, ret, now))
				return false;
			ret->segment = viewer->segment;
			return true;
		}
		viewer->token.size = 0;
		viewer->claim_due = true;
	}
	if (!viewer->claim_due || !next_for_sponsor(viewer, SOUK_VIEWER_CLAIM, ret, now))
		return false;
	ret->segment = viewer->segment;
	ret->claim = (struct souk_segment_claim){
		.bundle = viewer->bundle,
		.segment = viewer->segment,
		.token.size = (uint16_t)viewer->token.size,
	};
	memcpy(ret->claim.token.data, viewer->token.bytes, viewer->token.size);
	return true;
}

static struct souk_time expires_at(const struct souk_viewer *viewer)
{
	struct souk_time expires = SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < viewer->plan.caches; i++)
		expires = souk_time_earlier(expires, viewer->caches[i].customer.grant.expires);
	return expires;
}

static bool next_running(
	struct souk_viewer *viewer, struct souk_viewer_effect *ret, struct souk_time now)
{
	if (!souk_time_is_before(now, expires_at(viewer))) {
		fail(viewer, UINT32_MAX, SOUK_PEER_STRIP_EXPIRED);
		return false;
	}
	if (next_claim(viewer, ret, now))
		return true;
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		uint32_t cache = (viewer->turn + i) % viewer->plan.caches;
		if (!next_verify(viewer, cache, ret) && !next_request(viewer, cache, ret, now))
			continue;
		viewer->turn = cache + 1;
		return true;
	}
	return false;
}

static void fill_complaint(const struct souk_viewer *viewer, struct souk_viewer_effect *ret)
{
	*ret = (struct souk_viewer_effect){
		.kind = SOUK_VIEWER_COMPLAIN,
		.cache = viewer->failed,
		.complaint.complaint =
			{
				.version = SOUK_SPONSOR_VERSION,
				.sponsor = viewer->config.sponsor,
				.viewer = viewer->config.identity->address,
				.bundle = viewer->bundle,
				.provider = viewer->caches[viewer->failed].customer.ask.provider,
				.status = (uint16_t)viewer->status,
			},
	};
	souk_bundle_complaint_sign(&ret->complaint, viewer->config.identity);
}

/* A pause that is over is none: nobody is woken for it again. */
static void end_pauses(struct souk_viewer *viewer, struct souk_time now)
{
	if (!souk_time_is_before(now, viewer->retry))
		viewer->retry = NO_PAUSE;
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		if (!souk_time_is_before(now, viewer->caches[i].retry))
			viewer->caches[i].retry = NO_PAUSE;
	}
}

bool souk_viewer_next_effect(
	struct souk_viewer *viewer, struct souk_viewer_effect *ret, struct souk_time now)
{
	end_pauses(viewer, now);
	switch (viewer->state) {
	case SOUK_VIEWER_ASKING: return next_for_sponsor(viewer, SOUK_VIEWER_ASK, ret, now);
	case SOUK_VIEWER_RUNNING:
		if (next_running(viewer, ret, now))
			return true;
		break;
	case SOUK_VIEWER_DONE:
	case SOUK_VIEWER_FAILED: break;
	}
	if (viewer->complain_due) {
		viewer->complain_due = false;
		fill_complaint(viewer, ret);
		return true;
	}
	if (!viewer->end_due)
		return false;
	viewer->end_due = false;
	*ret = (struct souk_viewer_effect){.kind = SOUK_VIEWER_END};
	return true;
}

struct souk_time souk_viewer_deadline(const struct souk_viewer *viewer)
{
	struct souk_time deadline = SOUK_TIME_NEVER;
	if (is_over(viewer))
		return deadline;
	if (viewer->retry.ms != NO_PAUSE.ms)
		deadline = viewer->retry;
	if (viewer->state == SOUK_VIEWER_RUNNING)
		deadline = souk_time_earlier(deadline, expires_at(viewer));
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		if (viewer->caches[i].retry.ms != NO_PAUSE.ms)
			deadline = souk_time_earlier(deadline, viewer->caches[i].retry);
	}
	return deadline;
}

void souk_viewer_wipe(struct souk_viewer *viewer)
{
	for (uint32_t i = 0; i < viewer->plan.caches && i < SOUK_BUNDLE_CACHES_MAX; i++)
		souk_bytes_wipe(&viewer->caches[i], sizeof viewer->caches[i]);
	souk_bytes_wipe(viewer, sizeof *viewer);
}
