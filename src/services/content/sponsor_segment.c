/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor pays: a strip for each grant, and a segment's tickets for the token of its puzzle.
 * The sponsor computes what the caches send, since it knows the keys' secrets and the content. */
#include <stddef.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/strip.h"
#include "sponsor_internal.h"

#define KEYSTREAM_BLOCK 64u

/* ------------------------------------------------------------------ what only the sponsor knows */

static struct souk_hash derive(
	const char *domain, const void *base, size_t base_size, uint32_t number)
{
	uint8_t message[SOUK_HASH_SIZE + 4];
	memcpy(message, base, base_size);
	souk_store_be32(message + base_size, number);
	struct souk_hash hash = souk_sha256_domain(domain, souk_bytes_of(message, base_size + 4));
	souk_bytes_wipe(message, sizeof message);
	return hash;
}

/* x_units of the strip for CACHE. */
static struct souk_hash ticket_secret(const struct souk_sponsor_bundle_record *r, uint32_t cache)
{
	return derive("sponsor_ticket", r->secret.bytes, SOUK_HASH_SIZE, cache);
}

/* work->keys: those of the units of SEGMENT. */
static void compute_keys(struct souk_sponsor_work *work, uint32_t segment)
{
	const struct souk_bundle_plan *plan = &work->plan;
	uint32_t start = souk_bundle_segment_start(plan, segment);
	uint32_t end = souk_bundle_segment_end(plan, segment);
	for (uint32_t cache = 0; cache < plan->caches; cache++) {
		const struct souk_sponsor_session_record *session =
			&work->record.sessions.items[cache];
		struct souk_hash key = session->keys;
		key = souk_chain_walk(
			souk_chain_tag_key, &session->session, plan->units, &key, end);
		for (uint32_t unit = end; unit > start; unit--) {
			work->keys[cache][unit - start - 1] = key;
			key = souk_chain_step(souk_chain_tag_key, &session->session, unit, &key);
		}
		souk_bytes_wipe(&key, sizeof key);
	}
}

/* What a cache sends, computed. */
struct sent {
	const struct souk_sponsor_work *work;
	uint32_t start; /* units before the segment */
};

static souk_status read_sent(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	uint8_t buffer[SOUK_PUZZLE_PIECE_MAX + KEYSTREAM_BLOCK];
	const struct sent *sent = ctx;
	const struct souk_sponsor_work *work = sent->work;
	const struct souk_bundle_plan *plan = &work->plan;
	uint32_t index = (uint32_t)(offset / plan->content.chunk_size);
	uint32_t unit = sent->start + 1 + index, chunk = souk_bundle_chunk(plan, part, unit);
	uint32_t within = (uint32_t)(offset % plan->content.chunk_size);
	uint32_t lead = within % KEYSTREAM_BLOCK;
	struct souk_unit_cipher cipher = souk_unit_cipher_of(
		&work->record.sessions.items[part].session, unit, chunk, &work->keys[part][index]);
	/* In place, where the keystream's blocks allow it: always in the fast mode. */
	uint8_t *to = lead == 0 ? out : buffer;
	SOUK_TRY(work->source.read(work->source.ctx, &plan->content.id,
		souk_content_chunk_offset(&plan->content, chunk) + within - lead, to, lead + size));
	souk_unit_cipher_xor_at(&cipher, to, to, lead + size, within - lead);
	if (lead != 0)
		memcpy(out, buffer + lead, size);
	return SOUK_OK;
}

/* The puzzle of SEGMENT; RET_PUZZLE is empty where none is wanted. */
static souk_status make_puzzle(struct souk_sponsor_work *work, uint32_t segment,
	struct souk_puzzle *ret, struct souk_puzzle_token *ret_token)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	struct souk_puzzle_shape shape;
	struct sent sent = {work, souk_bundle_segment_start(&work->plan, segment)};
	struct souk_puzzle_source source = {&sent, read_sent};
	struct souk_hash salt =
		derive("puzzle_salt", r->bundle.bytes, sizeof r->bundle.bytes, segment);
	struct souk_hash secret = derive("puzzle_start", r->secret.bytes, SOUK_HASH_SIZE, segment);
	memset(ret_token, 0, sizeof *ret_token);
	if (work->policy.mode == 0)
		return SOUK_OK;
	souk_bundle_shape(&shape, &work->plan, segment);
	compute_keys(work, segment);
	souk_status status =
		souk_puzzle_make(ret, ret_token, &work->policy, &shape, &salt, &secret, &source);
	souk_bytes_wipe(work->keys, sizeof work->keys);
	return status;
}

/* All that is read of the machine. */
static void begin_work(struct souk_sponsor_work *work, const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b)
{
	memset(work, 0, offsetof(struct souk_sponsor_work, chain));
	work->record = b->record;
	work->plan = sponsor_plan_of(sponsor, &b->record);
	work->policy = sponsor->config.puzzle;
	work->source = sponsor->config.source;
	work->suspect = SOUK_BUNDLE_CACHES_MAX;
}

void souk_sponsor_work_wipe(struct souk_sponsor_work *work)
{
	souk_bytes_wipe(work, sizeof *work);
}

/* ------------------------------------------------------------------ open */

/* Whether SESSION is what the offer's cache I was to grant. */
static souk_status check_session(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b, uint32_t i, const struct souk_bundle_session *session,
	struct souk_time now)
{
	const struct souk_sponsor_bundle_record *r = &b->record;
	const struct souk_sponsor_session_record *want = &r->sessions.items[i];
	const struct souk_ask *ask = &session->ask;
	const struct souk_grant *grant = &session->grant.grant;
	struct souk_hash digest = souk_ask_digest(ask);
	bool asked = souk_address_equal(&ask->provider, &want->provider) &&
		     souk_hash_equal(&ask->content, &r->content) && ask->units == r->units &&
		     ask->price.ncoin == want->price.ncoin && ask->epoch == r->epoch &&
		     souk_hash_equal(&ask->escrow, &sponsor->config.escrow);
	bool granted = souk_hash_equal(&grant->ask, &digest) &&
		       souk_address_equal(&grant->provider, &want->provider) &&
		       grant->price.ncoin == want->price.ncoin && grant->units == r->units &&
		       grant->window >= r->segment && souk_time_is_before(now, grant->expires);
	return asked && granted ? SOUK_OK : SOUK_PEER_BAD_GRANT;
}

/* Whether OPEN is the one that B was opened with. */
static bool is_same_open(
	const struct souk_sponsor_bundle_record *r, const struct souk_bundle_open *open)
{
	for (uint32_t i = 0; i < r->sessions.count; i++) {
		struct souk_hash ask = souk_ask_digest(&open->sessions.items[i].ask);
		if (!souk_hash_equal(&ask, &r->sessions.items[i].ask) ||
			memcmp(&open->sessions.items[i].grant.grant.session,
				&r->sessions.items[i].session, sizeof(struct souk_nonce)) != 0)
			return false;
	}
	return true;
}

static souk_status check_times(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b, struct souk_time now)
{
	if (!sponsor->epoch_known)
		return SOUK_LOCAL_STATE;
	if (b->record.epoch != sponsor->epoch || !souk_time_is_before(now, sponsor->epoch_end))
		return SOUK_PEER_EPOCH_CLOSED;
	return souk_time_is_before(now, b->record.expires) ? SOUK_OK : SOUK_PEER_STRIP_EXPIRED;
}

static souk_status check_open(
	struct souk_sponsor *sponsor, const struct souk_bundle_open *open, struct souk_time now)
{
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &open->bundle);
	if (b == NULL)
		return SOUK_PEER_UNKNOWN_BUNDLE;
	SOUK_TRY(check_times(sponsor, b, now));
	if (open->sessions.count != b->record.sessions.count)
		return SOUK_PEER_BAD_GRANT;
	if (b->record.opened)
		return is_same_open(&b->record, open) ? SOUK_LOCAL_EXISTS : SOUK_PEER_OUT_OF_ORDER;
	if (b->state != SOUK_BUNDLE_DRAWN)
		return SOUK_PEER_STRIP_EXPIRED;
	for (uint32_t i = 0; i < open->sessions.count; i++)
		SOUK_TRY(check_session(sponsor, b, i, &open->sessions.items[i], now));
	return SOUK_OK;
}

souk_status souk_sponsor_check(
	struct souk_sponsor *sponsor, const struct souk_bundle_open *open, struct souk_time now)
{
	souk_status status = check_open(sponsor, open, now);
	sponsor->totals.refused += status != SOUK_OK && status != SOUK_LOCAL_EXISTS;
	return status;
}

/* Whether GRANT's keys come of SECRET, which is shared with the cache; *RET is k_n then. */
static bool are_keys_of(struct souk_sponsor_work *work, const struct souk_grant *grant,
	const struct souk_hash *secret, struct souk_hash *ret)
{
	struct souk_chain *chain = &work->chain;
	struct souk_hash keys = souk_sponsored_keys(secret, &grant->session, &grant->ask);
	souk_chain_init(chain, souk_chain_tag_key, &grant->session, grant->units, &keys);
	bool same = souk_hash_equal(&chain->anchor, &grant->key_anchor) &&
		    souk_hash_equal(&chain->checkpoint_root, &grant->key_checkpoints);
	if (same)
		*ret = keys;
	souk_bytes_wipe(&keys, sizeof keys);
	return same;
}

/* Whether the granted keys are the ones that we can compute: no other secret leads to their anchor.
 * So the grant's signature need not be checked, but where it shows that the cache itself cheats. */
static souk_status check_keys(struct souk_sponsor_work *work, uint32_t i,
	const struct souk_bundle_session *session, struct souk_time now)
{
	const struct souk_grant *grant = &session->grant.grant;
	struct souk_hash *keys = &work->record.sessions.items[i].keys;
	if (are_keys_of(work, grant, &work->secrets[i], keys) ||
		(work->has_earlier[i] && are_keys_of(work, grant, &work->earlier[i], keys)))
		return SOUK_OK;
	if (souk_grant_verify(&session->grant, now) == SOUK_OK)
		work->suspect = i;
	return SOUK_PEER_BAD_GRANT;
}

/* The strip for SESSION but for its place and its chain. */
static struct souk_strip terms_of(const struct souk_bundle_session *session)
{
	const struct souk_grant *grant = &session->grant.grant;
	return (struct souk_strip){
		.payee = grant->provider,
		.customer = session->ask.customer,
		.request = session->ask.content,
		.nonce = grant->session,
		.key_anchor = grant->key_anchor,
		.key_checkpoints = grant->key_checkpoints,
		.price = grant->price,
		.count = grant->units,
		.expires = grant->expires,
	};
}

/* All but the places on the leaves. */
static void make_strip(struct souk_sponsor_work *work, const struct souk_bundle_session *session,
	uint32_t i, struct souk_strip_open *ret)
{
	struct souk_hash secret = ticket_secret(&work->record, i);
	ret->strip = terms_of(session);
	souk_chain_init(
		&work->chain, souk_chain_tag_ticket, &ret->strip.nonce, ret->strip.count, &secret);
	ret->strip.anchor = work->chain.anchor;
	ret->strip.checkpoints = work->chain.checkpoint_root;
	ret->ticket_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(&work->chain, ret->ticket_leaves.items);
	souk_bytes_wipe(&secret, sizeof secret);
}

souk_status souk_sponsor_open_begin(struct souk_sponsor *sponsor,
	const struct souk_bundle_open *open, struct souk_time now, struct souk_sponsor_work *work)
{
	souk_status status = check_open(sponsor, open, now);
	if (status != SOUK_OK) {
		sponsor->totals.refused += status != SOUK_LOCAL_EXISTS;
		return status;
	}
	const struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &open->bundle);
	begin_work(work, sponsor, b);
	for (uint32_t i = 0; i < open->sessions.count; i++) {
		const struct souk_sponsor_cache *cache = sponsor_cache_of(
			sponsor, &b->record.sessions.items[i].provider, &b->record.content);
		work->secrets[i] = cache->record.secret;
		work->earlier[i] = cache->earlier;
		work->has_earlier[i] = cache->has_earlier;
	}
	return SOUK_OK;
}

void souk_sponsor_open_compute(struct souk_sponsor_work *work, const struct souk_bundle_open *open,
	struct souk_time now, struct souk_bundle_strips *ret)
{
	struct souk_sponsor_bundle_record *r = &work->record;
	work->status = SOUK_OK;
	for (uint32_t i = 0; i < open->sessions.count && work->status == SOUK_OK; i++) {
		const struct souk_bundle_session *session = &open->sessions.items[i];
		r->sessions.items[i].session = session->grant.grant.session;
		r->sessions.items[i].ask = session->grant.grant.ask;
		work->status = check_keys(work, i, session, now);
	}
	if (work->status == SOUK_OK)
		work->status = make_puzzle(work, 0, &work->puzzle, &work->token);
	for (uint32_t i = 0; i < open->sessions.count && work->status == SOUK_OK; i++)
		make_strip(work, &open->sessions.items[i], i, &ret->strips.items[i]);
	souk_bytes_wipe(work->secrets, sizeof work->secrets);
	souk_bytes_wipe(work->earlier, sizeof work->earlier);
	souk_bytes_wipe(&work->chain, sizeof work->chain);
}

/* Lay all strips; nothing is changed where one does not fit. */
static souk_status lay_strips(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle_record *r, struct souk_payer_leaf *const *leaves,
	struct souk_bundle_strips *ret)
{
	struct souk_amount used[SOUK_BUNDLE_CACHES_MAX];
	souk_status status = SOUK_OK;
	uint32_t laid = 0;
	for (; laid < r->sessions.count && status == SOUK_OK; laid++) {
		used[laid] = leaves[laid]->used;
		status = SOUK_PEER_STRIP_RANGE;
		if (souk_hash_equal(&leaves[laid]->escrow, &sponsor->config.escrow) &&
			leaves[laid]->epoch == r->epoch)
			status = souk_payer_leaf_take(leaves[laid], &ret->strips.items[laid].strip);
	}
	for (; status != SOUK_OK && laid > 0; laid--)
		leaves[laid - 1]->used = used[laid - 1];
	return status;
}

/* The cache that WORK found to cheat. */
static void note_suspect(struct souk_sponsor *sponsor, const struct souk_sponsor_work *work)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	if (work->suspect >= r->sessions.count)
		return;
	struct souk_sponsor_cache *cache =
		sponsor_cache_of(sponsor, &r->sessions.items[work->suspect].provider, &r->content);
	cache->record.suspected++;
	sponsor->totals.suspected++;
	sponsor_touch_cache(sponsor, cache);
}

static souk_status finish_open(struct souk_sponsor *sponsor, const struct souk_sponsor_work *work,
	const struct souk_bundle_open *open, struct souk_payer_leaf *const *leaves,
	struct souk_time now, struct souk_bundle_strips *ret)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	SOUK_TRY(check_open(sponsor, open, now));
	note_suspect(sponsor, work);
	SOUK_TRY(work->status);
	SOUK_TRY(lay_strips(sponsor, r, leaves, ret));
	struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &open->bundle);
	b->record.sessions = r->sessions;
	b->record.opened = true;
	b->state = SOUK_BUNDLE_OPEN;
	b->token = work->token;
	b->has_token = true;
	sponsor_touch_bundle(sponsor, b);
	ret->bundle = r->bundle;
	ret->strips.count = r->sessions.count;
	ret->puzzle.count = work->policy.mode != 0;
	if (ret->puzzle.count != 0)
		ret->puzzle.items[0] = work->puzzle;
	return SOUK_OK;
}

souk_status souk_sponsor_open_finish(struct souk_sponsor *sponsor,
	const struct souk_sponsor_work *work, const struct souk_bundle_open *open,
	struct souk_payer_leaf *const *leaves, struct souk_time now, struct souk_bundle_strips *ret)
{
	souk_status status = finish_open(sponsor, work, open, leaves, now, ret);
	sponsor->totals.refused += status != SOUK_OK && status != SOUK_LOCAL_EXISTS;
	return status;
}

void souk_sponsor_open_sign(struct souk_bundle_strips *strips, const struct souk_identity *identity)
{
	struct souk_strip_open *opens[SOUK_BUNDLE_CACHES_MAX];
	for (uint32_t i = 0; i < strips->strips.count; i++)
		opens[i] = &strips->strips.items[i];
	souk_status status = souk_strip_sign_batch(opens, strips->strips.count, identity);
	SOUK_CHECK(status == SOUK_OK); /* a bundle has fewer caches than a batch may have strips */
}

souk_status souk_sponsor_open(struct souk_sponsor *sponsor, const struct souk_bundle_open *open,
	struct souk_payer_leaf *const *leaves, struct souk_time now, struct souk_bundle_strips *ret)
{
	struct souk_sponsor_work *work = &sponsor->work;
	souk_status status = souk_sponsor_open_begin(sponsor, open, now, work);
	if (status == SOUK_OK) {
		souk_sponsor_open_compute(work, open, now, ret);
		status = souk_sponsor_open_finish(sponsor, work, open, leaves, now, ret);
	}
	if (status == SOUK_OK)
		souk_sponsor_open_sign(ret, sponsor->config.identity);
	souk_sponsor_work_wipe(work);
	return status;
}

/* ------------------------------------------------------------------ claim */

/* x of the last unit of SEGMENT, for each cache. */
static void fill_tickets(const struct souk_sponsor_bundle_record *r,
	const struct souk_bundle_plan *plan, uint32_t segment, struct souk_segment_tickets *ret)
{
	uint32_t end = souk_bundle_segment_end(plan, segment);
	ret->bundle = r->bundle;
	ret->segment = segment;
	ret->tickets.count = (uint16_t)plan->caches;
	for (uint32_t i = 0; i < plan->caches; i++) {
		struct souk_hash secret = ticket_secret(r, i);
		ret->tickets.items[i] = (struct souk_ticket){
			.unit = end,
			.value = souk_chain_walk(souk_chain_tag_ticket,
				&r->sessions.items[i].session, plan->units, &secret, end),
		};
		souk_bytes_wipe(&secret, sizeof secret);
	}
}

/* The tickets count as given: everything that is paid goes through here. */
static void pay_segment(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b,
	const struct souk_bundle_plan *plan)
{
	struct souk_puzzle_shape shape;
	uint32_t segment = b->record.paid, n = plan->caches;
	uint32_t units =
		souk_bundle_segment_end(plan, segment) - souk_bundle_segment_start(plan, segment);
	struct souk_sponsor_content *content = sponsor_content_of(sponsor, &b->record.content);
	struct souk_amount gain = sponsor_worth(b, units);
	SOUK_CHECK(souk_amount_sub(&sponsor->held, sponsor->held, gain) == SOUK_OK);
	SOUK_CHECK(souk_amount_sub(&content->held, content->held, gain) == SOUK_OK);
	sponsor_add(&sponsor->totals.spent, gain);
	sponsor_add(&content->record.spent, gain);
	souk_bundle_shape(&shape, plan, segment);
	for (uint32_t i = 0; i < n; i++) {
		const struct souk_sponsor_session_record *session = &b->record.sessions.items[i];
		struct souk_sponsor_cache *cache =
			sponsor_cache_of(sponsor, &session->provider, &b->record.content);
		struct souk_amount part;
		SOUK_CHECK(souk_amount_mul(&part, session->price, units) == SOUK_OK);
		sponsor_add(&cache->record.spent, part);
		sponsor_touch_cache(sponsor, cache);
		sponsor->totals.bytes += shape.sizes[i];
		content->record.bytes += shape.sizes[i];
	}
	sponsor->totals.units += (uint64_t)units * n;
	content->record.units += (uint64_t)units * n;
	sponsor_touch_content(sponsor, content);
	b->record.paid = segment + 1;
	b->record.wrong = 0;
	sponsor_touch_bundle(sponsor, b);
	if (b->record.paid < souk_bundle_segment_count(plan))
		return;
	sponsor->totals.finished++;
	sponsor_bundle_end(sponsor, b);
}

static bool is_token(const struct souk_puzzle_token *token, const struct souk_segment_claim *claim)
{
	struct souk_puzzle_token given = {.size = claim->token.size};
	memcpy(given.bytes, claim->token.data, claim->token.size);
	return souk_puzzle_token_equal(token, &given);
}

static void note_wrong(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b)
{
	sponsor->totals.suspected++;
	b->record.wrong++;
	sponsor_touch_bundle(sponsor, b);
	if (b->record.wrong >= SOUK_SPONSOR_WRONG_MAX)
		sponsor_bundle_end(sponsor, b);
}

souk_status souk_sponsor_claim_begin(struct souk_sponsor *sponsor,
	const struct souk_segment_claim *claim, struct souk_time now,
	struct souk_sponsor_work *work)
{
	struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &claim->bundle);
	souk_status status = b == NULL ? SOUK_PEER_UNKNOWN_BUNDLE : check_times(sponsor, b, now);
	bool is_again = status == SOUK_OK && b->record.opened && b->record.paid > 0 &&
			claim->segment == b->record.paid - 1;
	if (status == SOUK_OK && !is_again &&
		(b->state != SOUK_BUNDLE_OPEN || claim->segment != b->record.paid))
		status = SOUK_PEER_OUT_OF_ORDER;
	/* A guess costs us nothing. */
	if (status == SOUK_OK && !is_again && b->has_token && !is_token(&b->token, claim)) {
		note_wrong(sponsor, b);
		status = SOUK_PEER_SPONSOR_TOKEN;
	}
	if (status == SOUK_OK) {
		begin_work(work, sponsor, b);
		work->is_again = is_again;
		work->has_token = b->has_token && !is_again;
		work->token = b->token;
	}
	sponsor->totals.refused += status != SOUK_OK;
	return status;
}

void souk_sponsor_claim_compute(
	struct souk_sponsor_work *work, const struct souk_segment_claim *claim)
{
	struct souk_puzzle puzzle;
	work->status = SOUK_OK;
	/* Of the last segment again, or of one that was opened before a restart. */
	if (!work->has_token)
		work->status = make_puzzle(work, claim->segment, &puzzle, &work->token);
	if (work->status == SOUK_OK && !is_token(&work->token, claim))
		work->status = SOUK_PEER_SPONSOR_TOKEN;
	work->is_last = claim->segment + 1 == souk_bundle_segment_count(&work->plan);
	if (work->status == SOUK_OK && !work->is_last)
		work->status = make_puzzle(work, claim->segment + 1, &work->puzzle, &work->next);
}

static souk_status finish_claim(struct souk_sponsor *sponsor, const struct souk_sponsor_work *work,
	const struct souk_segment_claim *claim, struct souk_time now)
{
	if (work->is_again)
		return work->status;
	struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &claim->bundle);
	if (b == NULL)
		return SOUK_PEER_UNKNOWN_BUNDLE;
	SOUK_TRY(check_times(sponsor, b, now));
	if (b->state != SOUK_BUNDLE_OPEN || claim->segment != b->record.paid)
		return SOUK_PEER_OUT_OF_ORDER;
	if (work->status == SOUK_PEER_SPONSOR_TOKEN)
		note_wrong(sponsor, b);
	SOUK_TRY(work->status);
	pay_segment(sponsor, b, &work->plan);
	b->token = work->next;
	b->has_token = !work->is_last;
	return SOUK_OK;
}

souk_status souk_sponsor_claim_finish(struct souk_sponsor *sponsor,
	const struct souk_sponsor_work *work, const struct souk_segment_claim *claim,
	struct souk_time now)
{
	souk_status status = finish_claim(sponsor, work, claim, now);
	sponsor->totals.refused += status != SOUK_OK;
	return status;
}

void souk_sponsor_claim_answer(const struct souk_sponsor_work *work,
	const struct souk_segment_claim *claim, struct souk_segment_tickets *ret)
{
	fill_tickets(&work->record, &work->plan, claim->segment, ret);
	ret->puzzle.count = !work->is_last && work->policy.mode != 0;
	if (ret->puzzle.count != 0)
		ret->puzzle.items[0] = work->puzzle;
}

souk_status souk_sponsor_claim(struct souk_sponsor *sponsor, const struct souk_segment_claim *claim,
	struct souk_time now, struct souk_segment_tickets *ret)
{
	struct souk_sponsor_work *work = &sponsor->work;
	souk_status status = souk_sponsor_claim_begin(sponsor, claim, now, work);
	if (status == SOUK_OK) {
		souk_sponsor_claim_compute(work, claim);
		status = souk_sponsor_claim_finish(sponsor, work, claim, now);
	}
	if (status == SOUK_OK)
		souk_sponsor_claim_answer(work, claim, ret);
	souk_sponsor_work_wipe(work);
	return status;
}
