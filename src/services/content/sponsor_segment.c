/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor pays: a session of each cache, and a segment's tickets for the token of its
 * puzzle. The sponsor computes what the caches send, since it knows the keys' secrets and the
 * content. */
#include <stddef.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/strip.h"
#include "sponsor_internal.h"

#define KEYSTREAM_BLOCK 64u
/* Marks are so many full segments ahead: the chains above them are walked once for each as many. */
#define MARK_SEGMENTS 8u

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

static void nonces_of(
	const struct souk_sponsor_bundle_record *r, struct souk_nonce ret[SOUK_BUNDLE_CACHES_MAX])
{
	for (uint32_t i = 0; i < r->sessions.count; i++)
		ret[i] = r->sessions.items[i].session;
}

/* Have marks from which END can be reached. */
static void find_marks(struct souk_sponsor_work *work, uint32_t end)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	struct souk_sponsor_marks *marks = &work->marks;
	struct souk_nonce nonces[SOUK_BUNDLE_CACHES_MAX];
	uint32_t ahead = MARK_SEGMENTS * work->plan.segment, count = r->sessions.count;
	if (marks->unit >= end)
		return;
	marks->unit = r->units - end > ahead ? end + ahead : r->units;
	nonces_of(r, nonces);
	for (uint32_t i = 0; i < count; i++) {
		marks->keys[i] = r->sessions.items[i].keys;
		marks->tickets[i] = ticket_secret(r, i);
	}
	souk_chain_walk_lanes(
		souk_chain_tag_key, nonces, r->units, marks->unit, marks->keys, count);
	souk_chain_walk_lanes(
		souk_chain_tag_ticket, nonces, r->units, marks->unit, marks->tickets, count);
}

/* work->keys: those of the units of SEGMENT. */
static void compute_keys(struct souk_sponsor_work *work, uint32_t segment)
{
	const struct souk_bundle_plan *plan = &work->plan;
	struct souk_nonce nonces[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash keys[SOUK_BUNDLE_CACHES_MAX];
	uint32_t start = souk_bundle_segment_start(plan, segment);
	uint32_t end = souk_bundle_segment_end(plan, segment);
	find_marks(work, end);
	memcpy(keys, work->marks.keys, sizeof keys);
	nonces_of(&work->record, nonces);
	for (uint32_t unit = end, at = work->marks.unit; unit > start; at = unit--) {
		souk_chain_walk_lanes(souk_chain_tag_key, nonces, at, unit, keys, plan->caches);
		for (uint32_t cache = 0; cache < plan->caches; cache++)
			work->keys[cache][unit - start - 1] = keys[cache];
	}
	souk_bytes_wipe(keys, sizeof keys);
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
	memset(work, 0, offsetof(struct souk_sponsor_work, keys));
	work->record = b->record;
	work->plan = sponsor_plan_of(sponsor, &b->record);
	work->policy = sponsor->config.puzzle;
	work->source = sponsor->config.source;
	work->payer = sponsor->config.identity->pubkey;
	work->escrow = sponsor->config.escrow;
}

void souk_sponsor_work_wipe(struct souk_sponsor_work *work)
{
	souk_bytes_wipe(work, sizeof *work);
}

/* ------------------------------------------------------------------ sessions */

static souk_status check_times(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b, struct souk_time now)
{
	if (!sponsor->epoch_known)
		return SOUK_LOCAL_STATE;
	if (b->record.epoch != sponsor->epoch || !souk_time_is_before(now, sponsor->epoch_end))
		return SOUK_PEER_EPOCH_CLOSED;
	return souk_time_is_before(now, b->record.expires) ? SOUK_OK : SOUK_PEER_STRIP_EXPIRED;
}

void sponsor_begin_sessions(struct souk_sponsor_work *work, const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b)
{
	begin_work(work, sponsor, b);
	for (uint32_t i = 0; i < b->record.sessions.count; i++) {
		const struct souk_sponsor_cache_record *cache = &sponsor_cache_of(
			sponsor, &b->record.sessions.items[i].provider, &b->record.content)
									 ->record;
		work->secrets[i] = cache->secret;
		work->pairs[i] = cache->pair;
	}
}

/* The strip of cache I's session but for its chains and its place. */
static struct souk_strip terms_of(const struct souk_sponsor_work *work, uint32_t i)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	const struct souk_sponsor_session_record *session = &r->sessions.items[i];
	return (struct souk_strip){
		.escrow = work->escrow,
		.epoch = r->epoch,
		.payee = session->provider,
		.customer = work->payer,
		.request = r->content,
		.nonce = session->session,
		.price = session->price,
		.count = r->units,
		.expires = r->expires,
	};
}

/* What the chains of all sessions come to, and where it goes. */
struct chains {
	struct souk_nonce nonces[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash values[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash roots[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash *leaves[SOUK_BUNDLE_CACHES_MAX];
};

/* What cache I shares with us; ret: with its viewer. */
static void share_secrets(
	struct souk_sponsor_work *work, uint32_t i, struct souk_bundle_session *ret)
{
	struct souk_sponsor_session_record *session = &work->record.sessions.items[i];
	struct souk_ask ask = souk_sponsored_ask(&ret->strip.strip);
	struct souk_hash digest = souk_ask_digest(&ask);
	ret->secret = souk_sponsored_session_secret(&work->secrets[i], &session->session, &digest);
	ret->seal = souk_strip_seal_of(&work->pairs[i], &session->session);
	session->keys = souk_sponsored_keys(&work->secrets[i], &session->session, &digest);
}

/* The chains of keys, that the caches will find, too: they come of what the two share. */
static void make_keys(
	struct souk_sponsor_work *work, struct chains *chains, struct souk_bundle_open *ret)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	uint32_t count = r->sessions.count;
	for (uint32_t i = 0; i < count; i++) {
		struct souk_bundle_session *session = &ret->sessions.items[i];
		chains->values[i] = r->sessions.items[i].keys;
		chains->leaves[i] = session->key_leaves.items;
		session->key_leaves.count = (uint16_t)souk_chain_checkpoint_count(r->units);
	}
	souk_chain_commit_lanes(souk_chain_tag_key, chains->nonces, r->units, chains->values,
		chains->leaves, chains->roots, count);
	for (uint32_t i = 0; i < count; i++) {
		struct souk_strip *strip = &ret->sessions.items[i].strip.strip;
		strip->key_anchor = chains->values[i];
		strip->key_checkpoints = chains->roots[i];
	}
}

static void make_tickets(
	struct souk_sponsor_work *work, struct chains *chains, struct souk_bundle_open *ret)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	uint32_t count = r->sessions.count;
	for (uint32_t i = 0; i < count; i++) {
		struct souk_strip_open *open = &ret->sessions.items[i].strip;
		chains->values[i] = ticket_secret(r, i);
		chains->leaves[i] = open->ticket_leaves.items;
		open->ticket_leaves.count = (uint16_t)souk_chain_checkpoint_count(r->units);
	}
	souk_chain_commit_lanes(souk_chain_tag_ticket, chains->nonces, r->units, chains->values,
		chains->leaves, chains->roots, count);
	for (uint32_t i = 0; i < count; i++) {
		struct souk_strip *strip = &ret->sessions.items[i].strip.strip;
		strip->anchor = chains->values[i];
		strip->checkpoints = chains->roots[i];
	}
}

void souk_sponsor_ask_compute(struct souk_sponsor_work *work, struct souk_bundle_open *ret)
{
	struct chains chains;
	uint32_t count = work->record.sessions.count;
	ret->sessions.count = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++) {
		ret->sessions.items[i].strip.strip = terms_of(work, i);
		share_secrets(work, i, &ret->sessions.items[i]);
	}
	nonces_of(&work->record, chains.nonces);
	make_keys(work, &chains, ret);
	make_tickets(work, &chains, ret);
	work->status = make_puzzle(work, 0, &work->puzzle, &work->token);
	souk_bytes_wipe(work->secrets, sizeof work->secrets);
	souk_bytes_wipe(work->pairs, sizeof work->pairs);
}

/* Lay all strips; nothing is changed where one does not fit. */
static souk_status lay_strips(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle_record *r, struct souk_payer_leaf *const *leaves,
	struct souk_bundle_open *ret)
{
	struct souk_amount used[SOUK_BUNDLE_CACHES_MAX];
	souk_status status = SOUK_OK;
	uint32_t laid = 0;
	for (; laid < r->sessions.count && status == SOUK_OK; laid++) {
		used[laid] = leaves[laid]->used;
		status = SOUK_PEER_STRIP_RANGE;
		if (souk_hash_equal(&leaves[laid]->escrow, &sponsor->config.escrow) &&
			leaves[laid]->epoch == r->epoch)
			status = souk_payer_leaf_take(
				leaves[laid], &ret->sessions.items[laid].strip.strip);
	}
	for (; status != SOUK_OK && laid > 0; laid--)
		leaves[laid - 1]->used = used[laid - 1];
	return status;
}

static souk_status finish_ask(struct souk_sponsor *sponsor, const struct souk_sponsor_work *work,
	struct souk_payer_leaf *const *leaves, struct souk_time now, struct souk_bundle_open *ret)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	struct souk_sponsor_bundle *b = sponsor_bundle_of(sponsor, &r->bundle);
	if (b == NULL)
		return SOUK_PEER_UNKNOWN_BUNDLE;
	SOUK_TRY(check_times(sponsor, b, now));
	if (b->record.opened)
		return SOUK_LOCAL_EXISTS;
	if (b->state != SOUK_BUNDLE_DRAWN)
		return SOUK_PEER_STRIP_EXPIRED;
	SOUK_TRY(work->status);
	SOUK_TRY(lay_strips(sponsor, r, leaves, ret));
	b->record.sessions = r->sessions;
	b->record.opened = true;
	b->state = SOUK_BUNDLE_OPEN;
	b->token = work->token;
	b->has_token = true;
	b->marks = work->marks;
	sponsor_touch_bundle(sponsor, b);
	ret->puzzle.count = work->policy.mode != 0;
	if (ret->puzzle.count != 0)
		ret->puzzle.items[0] = work->puzzle;
	return SOUK_OK;
}

souk_status souk_sponsor_ask_finish(struct souk_sponsor *sponsor,
	const struct souk_sponsor_work *work, struct souk_payer_leaf *const *leaves,
	struct souk_time now, struct souk_bundle_open *ret)
{
	souk_status status = finish_ask(sponsor, work, leaves, now, ret);
	sponsor->totals.refused += status != SOUK_OK && status != SOUK_LOCAL_EXISTS;
	return status;
}

void souk_sponsor_ask_sign(struct souk_bundle_open *open, const struct souk_identity *identity)
{
	struct souk_strip_open *strips[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash digest = souk_bundle_offer_digest(&open->offer.offer);
	souk_ecdsa_sign(&open->offer.signature, &digest, identity);
	for (uint32_t i = 0; i < open->sessions.count; i++)
		strips[i] = &open->sessions.items[i].strip;
	souk_status status = souk_strip_sign_batch(strips, open->sessions.count, identity);
	SOUK_CHECK(status == SOUK_OK); /* a bundle has fewer caches than a batch may have strips */
}

/* ------------------------------------------------------------------ claim */

/* x of the last unit of SEGMENT, for each cache. */
static void fill_tickets(
	const struct souk_sponsor_work *work, uint32_t segment, struct souk_segment_tickets *ret)
{
	const struct souk_sponsor_bundle_record *r = &work->record;
	struct souk_nonce nonces[SOUK_BUNDLE_CACHES_MAX];
	struct souk_hash values[SOUK_BUNDLE_CACHES_MAX];
	uint32_t end = souk_bundle_segment_end(&work->plan, segment), count = r->sessions.count;
	ret->bundle = r->bundle;
	ret->segment = segment;
	ret->tickets.count = (uint16_t)count;
	nonces_of(r, nonces);
	memcpy(values, work->marks.tickets, sizeof values);
	souk_chain_walk_lanes(souk_chain_tag_ticket, nonces, work->marks.unit, end, values, count);
	for (uint32_t i = 0; i < count; i++)
		ret->tickets.items[i] = (struct souk_ticket){.unit = end, .value = values[i]};
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
		work->marks = b->marks;
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
	find_marks(work, souk_bundle_segment_end(&work->plan, claim->segment));
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
	b->marks = work->marks;
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
	fill_tickets(work, claim->segment, ret);
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
