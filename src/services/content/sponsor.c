/* SPDX-License-Identifier: Apache-2.0
 *
 * The sponsor's caches and viewers: who is recruited, who may ask, who is drawn, who is doubted.
 * What is paid is in sponsor_segment.c. */
#include "souk/content/sponsor.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "sponsor_internal.h"

/* What has ended is noticed that late at most. */
#define TICK_MS 100u

/* ------------------------------------------------------------------ signing */

void souk_bundle_ask_sign(
	struct souk_signed_bundle_ask *signed_ask, const struct souk_identity *viewer)
{
	struct souk_hash digest = souk_bundle_ask_digest(&signed_ask->ask);
	souk_ecdsa_sign(&signed_ask->signature, &digest, viewer);
}

void souk_admission_sign(
	struct souk_signed_admission *signed_admission, const struct souk_identity *site)
{
	struct souk_hash digest = souk_admission_digest(&signed_admission->admission);
	souk_ecdsa_sign(&signed_admission->signature, &digest, site);
}

void souk_bundle_complaint_sign(
	struct souk_signed_bundle_complaint *signed_complaint, const struct souk_identity *viewer)
{
	struct souk_hash digest = souk_bundle_complaint_digest(&signed_complaint->complaint);
	souk_ecdsa_sign(&signed_complaint->signature, &digest, viewer);
}

/* ------------------------------------------------------------------ caches */

void souk_sponsor_recruit(struct souk_sponsor *sponsor, const struct souk_address *provider,
	const struct souk_hash *content, struct souk_amount price, struct souk_time expires,
	struct souk_signed_recruit *ret)
{
	const struct souk_identity *identity = sponsor->config.identity;
	ret->recruit = (struct souk_recruit){
		.version = SOUK_SPONSOR_VERSION,
		.sponsor = identity->address,
		.sponsor_key = identity->pubkey,
		.provider = *provider,
		.escrow = sponsor->config.escrow,
		.content = *content,
		.price = price,
		.expires = expires,
	};
	souk_secret_rng_fill(&sponsor->rng, &ret->recruit.nonce, sizeof ret->recruit.nonce);
	if (sponsor->config.url != NULL) {
		ret->recruit.url.size = (uint16_t)strlen(sponsor->config.url);
		memcpy(ret->recruit.url.text, sponsor->config.url, ret->recruit.url.size);
	}
	souk_recruit_sign(ret, identity);
}

/* The recruit is ours, for what we pay for; and the offer of that content as we know it. */
static souk_status check_recruit(const struct souk_sponsor *sponsor,
	const struct souk_signed_recruit *signed_recruit, const struct souk_offer *offer,
	struct souk_time now)
{
	const struct souk_recruit *recruit = &signed_recruit->recruit;
	const struct souk_sponsor_content *content = sponsor_content_of(sponsor, &recruit->content);
	if (!souk_address_equal(&recruit->sponsor, &sponsor->config.identity->address) ||
		!souk_hash_equal(&recruit->escrow, &sponsor->config.escrow))
		return SOUK_PEER_WRONG_SIGNER;
	SOUK_TRY(souk_recruit_verify(signed_recruit, &recruit->provider, now));
	if (content == NULL || offer->size != content->content.size ||
		offer->chunk_size != content->content.chunk_size)
		return SOUK_PEER_UNKNOWN_CONTENT;
	return SOUK_OK;
}

souk_status souk_sponsor_enlist(struct souk_sponsor *sponsor,
	const struct souk_signed_recruit *signed_recruit,
	const struct souk_signed_enlist *signed_enlist, struct souk_time now)
{
	struct souk_hash secret, pair;
	const struct souk_recruit *recruit = &signed_recruit->recruit;
	const struct souk_offer *offer = &signed_enlist->offer.offer;
	SOUK_TRY(check_recruit(sponsor, signed_recruit, offer, now));
	SOUK_TRY(souk_enlist_verify(signed_enlist, recruit, now));
	SOUK_TRY(souk_sponsor_secret(
		&secret, sponsor->config.identity, &signed_enlist->enlist.provider_key, recruit));
	SOUK_TRY(souk_sponsor_pair(
		&pair, sponsor->config.identity, &signed_enlist->enlist.provider_key));
	struct souk_sponsor_cache *cache =
		sponsor_cache_of(sponsor, &recruit->provider, &recruit->content);
	if (cache != NULL && cache->record.barred)
		return SOUK_LOCAL_STATE;
	if (cache == NULL)
		cache = sponsor_cache_add(sponsor, sponsor_content_of(sponsor, &recruit->content));
	if (cache == NULL)
		return SOUK_LOCAL_FULL;
	sponsor->doubts -= cache->in_doubt;
	cache->in_doubt = false;
	cache->record.secret = secret;
	cache->record.pair = pair;
	cache->record.offer = signed_enlist->offer;
	cache->record.price = offer->price;
	cache->record.expires = souk_time_earlier(recruit->expires, offer->expires);
	souk_bytes_wipe(&secret, sizeof secret);
	souk_bytes_wipe(&pair, sizeof pair);
	sponsor_touch_cache(sponsor, cache);
	return SOUK_OK;
}

/* What runs goes on: its keys are still wanted. */
void souk_sponsor_release(struct souk_sponsor *sponsor, const struct souk_address *provider,
	const struct souk_hash *content)
{
	struct souk_sponsor_cache *cache = sponsor_cache_of(sponsor, provider, content);
	if (cache == NULL)
		return;
	cache->record.expires = souk_time_at_ms(0);
	sponsor_touch_cache(sponsor, cache);
}

/* ------------------------------------------------------------------ drawing */

/* The caches of CONTENT that may be drawn, in doubt or not, behind COUNT of memory.draw; how many
 * there are then. */
static uint32_t add_eligible(struct souk_sponsor *sponsor,
	const struct souk_sponsor_content *content, bool in_doubt, uint32_t count,
	struct souk_time now)
{
	const struct souk_sponsor_cache *cache = NULL;
	while ((cache = souk_sponsor_next_cache(sponsor, content, cache)) != NULL) {
		const struct souk_sponsor_cache_record *r = &cache->record;
		if (!r->barred && souk_time_is_before(now, r->expires) &&
			cache->in_doubt == in_doubt)
			sponsor->memory.draw[count++] = (uint32_t)(cache - sponsor->memory.caches);
	}
	return count;
}

uint32_t souk_sponsor_caches(const struct souk_sponsor *sponsor, const struct souk_content *content)
{
	return souk_bundle_caches(content, sponsor->config.caches, sponsor->config.share);
}

/* As indices in memory.draw, N or more if there are so many; how many. */
static uint32_t eligible(struct souk_sponsor *sponsor, const struct souk_sponsor_content *content,
	uint32_t n, struct souk_time now)
{
	uint32_t count = add_eligible(sponsor, content, false, 0, now);
	if (count < n)
		count = add_eligible(sponsor, content, true, count, now);
	return count;
}

/* A number for each pick of a draw. The secret keeps a viewer from trying keys until it likes who
 * would be drawn. */
static uint64_t lot(
	const struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask, uint32_t pick)
{
	uint8_t message[2 * SOUK_HASH_SIZE + SOUK_ADDRESS_SIZE + 12], *p = message;
	memcpy(p, sponsor->draw_secret.bytes, SOUK_HASH_SIZE);
	memcpy(p += SOUK_HASH_SIZE, sponsor->beacon.bytes, SOUK_HASH_SIZE);
	memcpy(p += SOUK_HASH_SIZE, ask->viewer.bytes, SOUK_ADDRESS_SIZE);
	souk_store_be64(p += SOUK_ADDRESS_SIZE, ask->number);
	souk_store_be32(p + 8, pick);
	struct souk_hash hash =
		souk_sha256_domain("bundle_draw", souk_bytes_of(message, sizeof message));
	return souk_load_be64(hash.bytes);
}

/* The first N of memory.draw are the drawn ones. */
static souk_status draw(struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask, uint32_t n,
	struct souk_time now)
{
	uint32_t *pool = sponsor->memory.draw;
	uint32_t count = eligible(sponsor, sponsor_content_of(sponsor, &ask->content), n, now);
	if (count < n)
		return SOUK_LOCAL_NO_PROVIDER_LEFT;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pick = i + (uint32_t)(lot(sponsor, ask, i) % (count - i));
		uint32_t other = pool[i];
		pool[i] = pool[pick];
		pool[pick] = other;
	}
	return SOUK_OK;
}

/* ------------------------------------------------------------------ asking */

static souk_status check_admission(const struct souk_address *sponsor,
	const struct souk_address *site, const struct souk_signed_bundle_ask *signed_ask,
	struct souk_time now)
{
	if (souk_address_is_zero(site))
		return SOUK_OK;
	if (signed_ask->admission.count == 0)
		return SOUK_PEER_SPONSOR_ADMISSION;
	const struct souk_signed_admission *item = &signed_ask->admission.items[0];
	const struct souk_admission *admission = &item->admission;
	struct souk_hash digest = souk_admission_digest(admission);
	bool good = admission->version == SOUK_SPONSOR_VERSION &&
		    souk_address_equal(&admission->sponsor, sponsor) &&
		    souk_address_equal(&admission->viewer, &signed_ask->ask.viewer) &&
		    souk_time_is_before(now, admission->expires) &&
		    souk_ecdsa_verify(site, &digest, &item->signature) == SOUK_OK;
	return good ? SOUK_OK : SOUK_PEER_SPONSOR_ADMISSION;
}

souk_status souk_sponsor_ask_verify(const struct souk_address *sponsor,
	const struct souk_address *site, const struct souk_signed_bundle_ask *signed_ask,
	struct souk_time now)
{
	struct souk_hash digest = souk_bundle_ask_digest(&signed_ask->ask);
	SOUK_TRY(souk_ecdsa_verify(&signed_ask->ask.viewer, &digest, &signed_ask->signature));
	return check_admission(sponsor, site, signed_ask, now);
}

static souk_status check_ask(
	const struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask, struct souk_time now)
{
	if (!sponsor->epoch_known)
		return SOUK_LOCAL_STATE;
	if (ask->version != SOUK_SPONSOR_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&ask->sponsor, &sponsor->config.identity->address))
		return SOUK_PEER_BAD_REQUEST;
	if (sponsor_content_of(sponsor, &ask->content) == NULL)
		return SOUK_PEER_UNKNOWN_CONTENT;
	return souk_time_is_before(now, sponsor->epoch_end) ? SOUK_OK : SOUK_PEER_EPOCH_CLOSED;
}

/* UNITS of each of N caches, cut to what QUOTA leaves after USED; 0: nothing is left. */
static uint32_t cut_to_quota(uint32_t units, uint32_t n, uint64_t quota, uint64_t used)
{
	if (quota == 0)
		return units;
	uint64_t left = used < quota ? (quota - used) / n : 0;
	return left < units ? (uint32_t)left : units;
}

/* The least of what the N drawn ones allow: units of a session, and of a segment. */
static void limits_of(
	const struct souk_sponsor *sponsor, uint32_t n, uint32_t *ret_units, uint32_t *ret_segment)
{
	*ret_units = sponsor->config.units_max;
	*ret_segment = sponsor->config.segment;
	for (uint32_t i = 0; i < n; i++) {
		const struct souk_offer *offer =
			&sponsor->memory.caches[sponsor->memory.draw[i]].record.offer.offer;
		*ret_units = offer->units_max < *ret_units ? offer->units_max : *ret_units;
		/* Half a window: the next segment is fetched while this one's puzzle is solved. */
		uint32_t half = offer->window > 1 ? offer->window / 2u : 1;
		*ret_segment = half < *ret_segment ? half : *ret_segment;
	}
}

/* How many units of each of N there may be: by what is asked, and left of quotas and budget. */
static souk_status size_bundle(struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask,
	uint32_t n, uint64_t viewer_used, uint64_t prefix_used, struct souk_bundle_plan *ret)
{
	const struct souk_sponsor_config *config = &sponsor->config;
	uint32_t units_max, segment;
	struct souk_amount row = SOUK_AMOUNT_ZERO;
	limits_of(sponsor, n, &units_max, &segment);
	SOUK_TRY(souk_bundle_plan_of(ret, &sponsor_content_of(sponsor, &ask->content)->content,
		ask->first, ask->chunks, n, segment, units_max));
	if (ret->units == 0)
		return SOUK_LOCAL_BUDGET;
	ret->units = cut_to_quota(ret->units, config->caches, config->viewer_units, viewer_used);
	ret->units = cut_to_quota(ret->units, config->caches, config->prefix_units, prefix_used);
	if (ret->units == 0)
		return SOUK_PEER_SPONSOR_QUOTA;
	for (uint32_t i = 0; i < ret->caches; i++)
		SOUK_TRY(souk_amount_add(
			&row, row, sponsor->memory.caches[sponsor->memory.draw[i]].record.price));
	uint64_t most = souk_sponsor_free_for(sponsor, &ask->content).ncoin / row.ncoin;
	if (most < ret->units)
		ret->units = (uint32_t)most;
	return ret->units > 0 ? SOUK_OK : SOUK_LOCAL_BUDGET;
}

static void fill_bundle(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b,
	const struct souk_bundle_ask *ask, const struct souk_bundle_plan *plan,
	struct souk_time now)
{
	struct souk_sponsor_bundle_record *r = &b->record;
	souk_secret_rng_fill(&sponsor->rng, &r->bundle, sizeof r->bundle);
	souk_secret_rng_fill(&sponsor->rng, &r->secret, sizeof r->secret);
	r->viewer = ask->viewer;
	r->ask = souk_bundle_ask_digest(ask);
	r->content = ask->content;
	r->first = plan->first;
	r->units = plan->units;
	r->segment = (uint16_t)plan->segment;
	r->epoch = sponsor->epoch;
	r->expires = souk_time_plus_ms(now, sponsor->config.bundle_ms);
	r->sessions.count = (uint16_t)plan->caches;
	for (uint32_t i = 0; i < plan->caches; i++) {
		struct souk_sponsor_cache *cache = &sponsor->memory.caches[sponsor->memory.draw[i]];
		struct souk_sponsor_session_record *session = &r->sessions.items[i];
		session->provider = cache->record.offer.offer.provider;
		session->price = cache->record.price;
		souk_secret_rng_fill(&sponsor->rng, &session->session, sizeof session->session);
		cache->record.bundles++;
		sponsor_touch_cache(sponsor, cache);
	}
}

static void fill_offer(const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b,
	struct souk_signed_bundle_offer *ret)
{
	const struct souk_sponsor_bundle_record *r = &b->record;
	const struct souk_content *content = &sponsor_content_of(sponsor, &r->content)->content;
	ret->offer = (struct souk_bundle_offer){
		.version = SOUK_SPONSOR_VERSION,
		.sponsor = sponsor->config.identity->address,
		.bundle = r->bundle,
		.ask = r->ask,
		.escrow = sponsor->config.escrow,
		.epoch = r->epoch,
		.size = content->size,
		.chunk_size = content->chunk_size,
		.first = r->first,
		.units = r->units,
		.segment = r->segment,
		.expires = r->expires,
		.caches.count = r->sessions.count,
	};
	for (uint32_t i = 0; i < r->sessions.count; i++)
		ret->offer.caches.items[i] =
			sponsor_cache_of(sponsor, &r->sessions.items[i].provider, &r->content)
				->record.offer;
}

/* The last bundle of VIEWER, if ASK is what it was drawn for. */
static const struct souk_sponsor_bundle *drawn_before(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_viewer *viewer, const struct souk_bundle_ask *ask)
{
	struct souk_hash digest = souk_bundle_ask_digest(ask);
	if (viewer == NULL || viewer->record.number != ask->number + 1)
		return NULL;
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &viewer->record.bundle);
	return b != NULL && souk_hash_equal(&b->record.ask, &digest) ? b : NULL;
}

/* Charge the quotas, whatever becomes of the bundle: else one could draw until one likes it. As if
 * n caches were drawn, where they are fewer: else one could draw alone as often again. */
static void charge(struct souk_sponsor *sponsor, struct souk_sponsor_viewer *viewer,
	const struct souk_sponsor_bundle *b)
{
	uint64_t units = (uint64_t)b->record.units * sponsor->config.caches;
	viewer->record.number++;
	viewer->record.units += units;
	viewer->record.bundle = b->record.bundle;
	/* Of the network that it first asked from. */
	struct souk_sponsor_prefix *prefix = sponsor_prefix_of(sponsor, viewer->record.prefix);
	struct souk_sponsor_content *content = sponsor_content_of(sponsor, &b->record.content);
	SOUK_CHECK(prefix != NULL && content != NULL);
	prefix->units += units;
	prefix->bundles++;
	sponsor->totals.bundles++;
	content->record.bundles++;
	sponsor_touch_content(sponsor, content);
	sponsor_touch_viewer(sponsor, viewer);
}

static bool is_over_part(uint32_t count, uint32_t part)
{
	return part != 0 && count >= part;
}

bool souk_sponsor_has_all_viewers(const struct souk_sponsor *sponsor, uint64_t prefix)
{
	uint32_t index = souk_map_find(&sponsor->prefix_map, &prefix);
	return index != SOUK_MAP_NONE && is_over_part(sponsor->memory.prefixes[index].viewers,
						 sponsor->config.prefix_viewers);
}

/* Room in the tables for a bundle of VIEWER (NULL: a new one) of PREFIX. A key costs nothing: one
 * network could fill them alone. *RET is what the network's viewers were drawn. */
static souk_status check_room(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_viewer *viewer, uint64_t prefix, uint64_t *ret)
{
	uint32_t index = souk_map_find(&sponsor->prefix_map, &prefix);
	if (viewer == NULL && souk_sponsor_has_all_viewers(sponsor, prefix))
		return SOUK_PEER_SPONSOR_QUOTA;
	if (viewer == NULL && sponsor->viewer_count == sponsor->memory.viewer_max)
		return SOUK_LOCAL_FULL;
	if (index == SOUK_MAP_NONE && sponsor->prefix_count == sponsor->memory.prefix_max)
		return SOUK_LOCAL_FULL;
	const struct souk_sponsor_prefix *entry =
		index == SOUK_MAP_NONE ? NULL : &sponsor->memory.prefixes[index];
	if (entry != NULL && is_over_part(entry->bundles, sponsor->config.prefix_bundles))
		return SOUK_LOCAL_FULL;
	*ret = entry != NULL ? entry->units : 0;
	return SOUK_OK;
}

static souk_status draw_bundle(struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask,
	uint64_t prefix, struct souk_sponsor_viewer *viewer, struct souk_time now,
	struct souk_sponsor_bundle **ret)
{
	struct souk_bundle_plan plan;
	if (ask->number != (viewer == NULL ? 0 : viewer->record.number))
		return SOUK_PEER_OUT_OF_ORDER;
	uint64_t used = 0;
	SOUK_TRY(check_room(
		sponsor, viewer, viewer == NULL ? prefix : viewer->record.prefix, &used));
	uint32_t n =
		souk_sponsor_caches(sponsor, &sponsor_content_of(sponsor, &ask->content)->content);
	SOUK_TRY(draw(sponsor, ask, n, now));
	SOUK_TRY(size_bundle(
		sponsor, ask, n, viewer == NULL ? 0 : viewer->record.units, used, &plan));
	struct souk_sponsor_bundle *b = sponsor_bundle_slot(sponsor);
	if (b == NULL)
		return SOUK_LOCAL_FULL;
	if (viewer == NULL) {
		viewer = sponsor_viewer_add(sponsor, &ask->viewer, prefix);
		sponsor->totals.viewers++;
	}
	fill_bundle(sponsor, b, ask, &plan, now);
	SOUK_CHECK(sponsor_row_of(b) == SOUK_OK); /* within the budget */
	sponsor_bundle_start(sponsor, b, SOUK_BUNDLE_DRAWN, now);
	sponsor_touch_bundle(sponsor, b);
	charge(sponsor, viewer, b);
	*ret = b;
	return SOUK_OK;
}

souk_status souk_sponsor_ask_begin(
	struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask, struct souk_time now)
{
	souk_status status = check_ask(sponsor, ask, now);
	sponsor->totals.refused += status != SOUK_OK;
	return status;
}

void souk_sponsor_note_refused(struct souk_sponsor *sponsor)
{
	sponsor->totals.refused++;
}

/* B, which was drawn before, is asked for again. */
static souk_status resume(const struct souk_sponsor_bundle *b, struct souk_sponsor_work *work)
{
	if (b->state == SOUK_BUNDLE_DRAWN)
		return SOUK_OK;
	work->record.bundle = b->record.bundle;
	return b->record.opened ? SOUK_LOCAL_EXISTS : SOUK_PEER_OUT_OF_ORDER;
}

static souk_status find_or_draw(struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask,
	uint64_t prefix, struct souk_time now, struct souk_sponsor_work *work,
	const struct souk_sponsor_bundle **ret)
{
	struct souk_sponsor_viewer *viewer = sponsor_viewer_of(sponsor, &ask->viewer);
	struct souk_sponsor_bundle *drawn;
	SOUK_TRY(check_ask(sponsor, ask, now));
	*ret = drawn_before(sponsor, viewer, ask);
	if (*ret != NULL)
		return resume(*ret, work);
	/* Over all bundles: not for every ask of thousands a second. */
	if (souk_time_since_ms(sponsor->ticked, now) >= TICK_MS)
		souk_sponsor_tick(sponsor, now);
	SOUK_TRY(draw_bundle(sponsor, ask, prefix, viewer, now, &drawn));
	*ret = drawn;
	return SOUK_OK;
}

souk_status souk_sponsor_ask_draw(struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask,
	uint64_t prefix, struct souk_time now, struct souk_sponsor_work *work,
	struct souk_bundle_open *ret)
{
	const struct souk_sponsor_bundle *b;
	souk_status status = find_or_draw(sponsor, ask, prefix, now, work, &b);
	sponsor->totals.refused += status != SOUK_OK && status != SOUK_LOCAL_EXISTS;
	SOUK_TRY(status);
	fill_offer(sponsor, b, &ret->offer);
	sponsor_begin_sessions(work, sponsor, b);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ doubt */

static struct souk_sponsor_cache *cache_in(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b, const struct souk_address *provider)
{
	for (uint32_t i = 0; i < b->record.sessions.count; i++) {
		if (souk_address_equal(&b->record.sessions.items[i].provider, provider))
			return sponsor_cache_of(sponsor, provider, &b->record.content);
	}
	return NULL;
}

souk_status souk_sponsor_complain_begin(
	const struct souk_sponsor *sponsor, const struct souk_bundle_complaint *complaint)
{
	if (complaint->version != SOUK_SPONSOR_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&complaint->sponsor, &sponsor->config.identity->address))
		return SOUK_PEER_BAD_REQUEST;
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &complaint->bundle);
	if (b == NULL)
		return SOUK_PEER_UNKNOWN_BUNDLE;
	if (!souk_address_equal(&complaint->viewer, &b->record.viewer))
		return SOUK_PEER_WRONG_SIGNER;
	return cache_in(sponsor, b, &complaint->provider) != NULL ? SOUK_OK : SOUK_PEER_NOT_PAYEE;
}

souk_status souk_sponsor_complaint_verify(
	const struct souk_signed_bundle_complaint *signed_complaint)
{
	const struct souk_bundle_complaint *complaint = &signed_complaint->complaint;
	struct souk_hash digest = souk_bundle_complaint_digest(complaint);
	return souk_ecdsa_verify(&complaint->viewer, &digest, &signed_complaint->signature);
}

souk_status souk_sponsor_complain_finish(
	struct souk_sponsor *sponsor, const struct souk_bundle_complaint *complaint)
{
	SOUK_TRY(souk_sponsor_complain_begin(sponsor, complaint));
	struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &complaint->bundle);
	struct souk_sponsor_cache *cache = cache_in(sponsor, b, &complaint->provider);
	if (b->complained)
		return SOUK_OK;
	b->complained = true;
	cache->record.complaints++;
	sponsor_touch_cache(sponsor, cache);
	return SOUK_OK;
}

souk_status souk_sponsor_complain(
	struct souk_sponsor *sponsor, const struct souk_signed_bundle_complaint *signed_complaint)
{
	SOUK_TRY(souk_sponsor_complain_begin(sponsor, &signed_complaint->complaint));
	SOUK_TRY(souk_sponsor_complaint_verify(signed_complaint));
	return souk_sponsor_complain_finish(sponsor, &signed_complaint->complaint);
}

bool souk_sponsor_doubt(struct souk_sponsor *sponsor, const struct souk_nonce *bundle,
	const struct souk_address *provider, struct souk_time now)
{
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, bundle);
	struct souk_sponsor_cache *cache = b == NULL ? NULL : cache_in(sponsor, b, provider);
	if (cache == NULL || cache->in_doubt ||
		(cache->found.ms != 0 &&
			souk_time_since_ms(cache->found, now) < SOUK_SPONSOR_TRUST_MS))
		return false;
	cache->in_doubt = true;
	sponsor->doubts++;
	return true;
}

void souk_sponsor_found(struct souk_sponsor *sponsor, uint32_t index, struct souk_time now)
{
	struct souk_sponsor_cache *cache = &sponsor->memory.caches[index];
	SOUK_CHECK(index < sponsor->cache_count);
	sponsor->doubts -= cache->in_doubt;
	cache->in_doubt = false;
	cache->found = now;
}

souk_status souk_sponsor_audit(struct souk_sponsor *sponsor, const struct souk_address *viewer)
{
	struct souk_sponsor_viewer *entry = sponsor_viewer_of(sponsor, viewer);
	if (entry == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	entry->record.audit = true;
	sponsor_touch_viewer(sponsor, entry);
	return SOUK_OK;
}

souk_status souk_sponsor_audited(struct souk_sponsor *sponsor, const struct souk_nonce *bundle,
	const struct souk_address *provider, souk_status seen)
{
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, bundle);
	if (b == NULL)
		return SOUK_PEER_UNKNOWN_BUNDLE;
	const struct souk_sponsor_viewer *viewer = sponsor_viewer_of(sponsor, &b->record.viewer);
	if (viewer == NULL || !viewer->record.audit)
		return SOUK_LOCAL_STATE;
	struct souk_sponsor_cache *cache = cache_in(sponsor, b, provider);
	if (cache == NULL)
		return SOUK_PEER_NOT_PAYEE;
	bool failed = souk_status_class(seen) == SOUK_CLASS_PEER;
	cache->record.audits++;
	cache->record.failed += failed;
	cache->record.barred = cache->record.barred || failed;
	sponsor_touch_cache(sponsor, cache);
	return SOUK_OK;
}
