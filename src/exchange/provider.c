/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/provider.h"

#include <stddef.h>
#include <string.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/exchange/sponsored.h"
#include "souk/payment/escrow.h"

/* Of the table: with fewer free slots one more is sought for each that is taken. */
#define SPARE_PART 16u

static const void *session_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_provider_session *)ctx)[index].record.grant.session;
}

static const void *due_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_provider_due *)ctx)[index].session;
}

static uint64_t draw_u64(struct souk_secret_rng *rng)
{
	uint64_t value;
	souk_secret_rng_fill(rng, &value, sizeof value);
	return value;
}

void souk_provider_init(struct souk_provider *provider, const struct souk_provider_config *config,
	const struct souk_provider_memory *memory)
{
	SOUK_CHECK(config->window >= 1 && config->window <= SOUK_WINDOW_MAX);
	SOUK_CHECK(config->units_max >= 1 && config->units_max <= SOUK_CHAIN_LENGTH_MAX);
	SOUK_CHECK(memory->session_max >= 1 && memory->due_max >= memory->session_max);
	memset(provider, 0, sizeof *provider);
	provider->config = *config;
	provider->memory = *memory;
	/* A session is cleared when it begins: pages of those that never do are not touched. */
	for (uint32_t i = 0; i < memory->session_max; i++)
		memset(&memory->sessions[i], 0, offsetof(struct souk_provider_session, payee));
	memset(memory->dues, 0, memory->due_max * sizeof *memory->dues);
	souk_secret_rng_init(&provider->rng, config->seed);
	souk_map_init(&provider->session_map, memory->session_slots, memory->session_max,
		SOUK_NONCE_SIZE, draw_u64(&provider->rng), session_key_of, memory->sessions);
	souk_map_init(&provider->due_map, memory->due_slots, memory->due_max, SOUK_NONCE_SIZE,
		draw_u64(&provider->rng), due_key_of, memory->dues);
}

struct souk_provider_session *provider_session_of(
	const struct souk_provider *provider, const struct souk_nonce *session)
{
	uint32_t index = souk_map_find(&provider->session_map, session);
	return index == SOUK_MAP_NONE ? NULL : &provider->memory.sessions[index];
}

void provider_session_free(struct souk_provider *provider, struct souk_provider_session *s)
{
	souk_map_remove(&provider->session_map, &s->record.grant.session);
	provider->granted_count -= s->state == SOUK_PROVIDER_GRANTED;
	souk_bytes_wipe(s, sizeof *s);
	s->state = SOUK_PROVIDER_FREE;
	provider->session_count--;
	provider_note_free(provider, (uint32_t)(s - provider->memory.sessions));
}

void provider_note_free(struct souk_provider *provider, uint32_t index)
{
	if (index < provider->session_free)
		provider->session_free = index;
}

/* Sessions whose last STORE was pulled are only kept for souk_provider_record until now. */
static struct souk_provider_session *find_free(struct souk_provider *provider)
{
	for (; provider->session_free < provider->memory.session_max; provider->session_free++) {
		struct souk_provider_session *s =
			&provider->memory.sessions[provider->session_free];
		if (s->state == SOUK_PROVIDER_LEAVING && !s->store_due)
			provider_session_free(provider, s);
		if (s->state != SOUK_PROVIDER_FREE)
			continue;
		if (provider->session_free >= provider->session_top)
			provider->session_top++;
		return s;
	}
	return NULL;
}

/* Whether something was sent that is not paid yet. */
static bool is_owed(const struct souk_provider_session *s)
{
	for (uint32_t unit = s->payee.unit + 1; unit <= s->payee.unit + s->record.grant.window;
		unit++) {
		if (s->bindings[unit % SOUK_PROVIDER_BINDINGS].unit == unit)
			return true;
	}
	return false;
}

/* How long an open session may be silent once others want its slot. One that is paid to the end
 * only waits for its customer to have the last key. One that paid nothing costs its owner nothing
 * either: without this, a few coins could fill the table for as long as idle_ms. Most sessions end
 * with a part of their strip unused, and everything that was sent paid. */
static uint64_t patience_ms(const struct souk_provider_session *s)
{
	if (s->payee.unit == s->payee.count)
		return SOUK_PROVIDER_LINGER_MS;
	if (s->payee.unit == 0)
		return SOUK_PROVIDER_UNPAID_IDLE_MS;
	return is_owed(s) ? SOUK_PROVIDER_PAID_IDLE_MS : SOUK_PROVIDER_SETTLED_IDLE_MS;
}

/* Put away the session that tries our patience most. Its slot is free once it is stored. */
static void make_room(struct souk_provider *provider, struct souk_time now)
{
	struct souk_provider_session *worst = NULL;
	uint64_t most = 0;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state != SOUK_PROVIDER_OPEN)
			continue;
		uint64_t silent = souk_time_since_ms(s->active, now);
		if (silent < SOUK_PROVIDER_LINGER_MS)
			continue;
		uint64_t patience = patience_ms(s);
		if (silent < patience || (worst != NULL && silent - patience <= most))
			continue;
		worst = s;
		most = silent - patience;
	}
	if (worst != NULL)
		provider_session_leave(provider, worst);
}

/* The grant that waited longest, of those asked for by FROM or, without FROM, of all. */
static struct souk_provider_session *oldest_granted(
	const struct souk_provider *provider, const uint64_t *from)
{
	struct souk_provider_session *oldest = NULL;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_GRANTED && (from == NULL || s->from == *from) &&
			(oldest == NULL || souk_time_is_before(s->active, oldest->active)))
			oldest = s;
	}
	return oldest;
}

static uint32_t granted_to(const struct souk_provider *provider, uint64_t from)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		count += s->state == SOUK_PROVIDER_GRANTED && s->from == from;
	}
	return count;
}

/* The grant that makes way for one to FROM: of whoever has most of them, if that is clearly more
 * than FROM has; else any that had its time; NULL where there is none. */
static struct souk_provider_session *least_deserved(
	const struct souk_provider *provider, uint64_t from, struct souk_time now)
{
	uint64_t greedy = from;
	uint32_t mine = granted_to(provider, from), most = mine + 1;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		uint32_t count = s->state == SOUK_PROVIDER_GRANTED && s->from != greedy
					 ? granted_to(provider, s->from)
					 : 0;
		if (count <= most)
			continue;
		greedy = s->from;
		most = count;
	}
	if (greedy != from)
		return oldest_granted(provider, &greedy);
	struct souk_provider_session *oldest = oldest_granted(provider, NULL);
	bool had_time = souk_time_since_ms(oldest->active, now) >= SOUK_PROVIDER_GRANT_KEEP_MS;
	return had_time ? oldest : NULL;
}

/* Anybody may ask, and no ask costs more than a message: who only asks gets a part of the table,
 * and shares it with all others who only ask. */
static souk_status bound_granted(
	struct souk_provider *provider, uint64_t from, struct souk_time now)
{
	uint32_t max = provider->memory.session_max / SOUK_PROVIDER_GRANTED_PART;
	if (provider->granted_count < (max > 0 ? max : 1))
		return SOUK_OK;
	struct souk_provider_session *least = least_deserved(provider, from, now);
	if (least == NULL)
		return SOUK_LOCAL_FULL;
	provider_session_free(provider, least);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ ask */

souk_status souk_provider_ask_check(const struct souk_provider *provider,
	const struct souk_ask *ask, const struct souk_provider_item *item, struct souk_time now)
{
	struct souk_amount total;
	if (ask->version != SOUK_EXCHANGE_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&ask->provider, &provider->config.identity->address) ||
		!souk_hash_equal(&ask->content, &item->content) ||
		!souk_is_unit_shape(item->size, item->chunk_size))
		return SOUK_PEER_BAD_REQUEST;
	if (ask->units == 0 || ask->units > provider->config.units_max)
		return SOUK_PEER_BAD_REQUEST;
	if (ask->price.ncoin != item->price.ncoin || ask->price.ncoin == 0 ||
		souk_amount_mul(&total, ask->price, ask->units) != SOUK_OK)
		return SOUK_PEER_BAD_OFFER;
	if (!provider->epoch_known || ask->epoch != provider->epoch)
		return SOUK_PEER_WRONG_EPOCH;
	return souk_time_is_before(now, provider->epoch_end) ? SOUK_OK : SOUK_PEER_EPOCH_CLOSED;
}

static uint32_t granted_units(const struct souk_ask *ask, const struct souk_provider_item *item)
{
	bool is_cut = item->units_max > 0 && item->units_max < ask->units;
	return is_cut ? item->units_max : ask->units;
}

static void fill_grant(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_provider_item *item, const struct souk_identity *ephemeral,
	struct souk_time now)
{
	struct souk_grant *grant = &s->record.grant;
	grant->version = SOUK_EXCHANGE_VERSION;
	grant->provider = provider->config.identity->address;
	grant->ask = souk_ask_digest(&s->record.ask);
	grant->price = s->record.ask.price;
	grant->units = granted_units(&s->record.ask, item);
	grant->window = provider->config.window;
	grant->session_key = ephemeral->pubkey;
	grant->expires = souk_time_plus_ms(now, provider->config.session_ms);
}

/* The key chain, which grant->session tags, and what the grant says of it. */
static void start_keys(struct souk_provider_session *s)
{
	struct souk_grant *grant = &s->record.grant;
	souk_chain_init(
		&s->keys, souk_chain_tag_key, &grant->session, grant->units, &s->record.key_secret);
}

/* Room is made ahead of who needs it: what is put away must be stored before its slot is free. */
static souk_status find_slot(
	struct souk_provider *provider, struct souk_time now, struct souk_provider_session **ret)
{
	uint32_t spare = provider->memory.session_max / SPARE_PART;
	souk_provider_tick(provider, now);
	struct souk_provider_session *s = find_free(provider);
	if (s == NULL || provider->memory.session_max - provider->session_count <= spare)
		make_room(provider, now);
	if (s == NULL)
		return SOUK_LOCAL_FULL;
	memset(s, 0, sizeof *s);
	*ret = s;
	return SOUK_OK;
}

/* S has its ask, name and secret. */
static void start_session(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_provider_item *item, const struct souk_identity *ephemeral,
	struct souk_time now)
{
	s->state = SOUK_PROVIDER_GRANTED;
	s->from = item->from;
	s->active = now;
	s->record.content_size = item->size;
	s->record.chunk_size = item->chunk_size;
	souk_secret_rng_fill(&provider->rng, &s->record.key_secret, sizeof s->record.key_secret);
	fill_grant(provider, s, item, ephemeral, now);
	start_keys(s);
	s->record.grant.key_anchor = s->keys.anchor;
	s->record.grant.key_checkpoints = s->keys.checkpoint_root;
	SOUK_CHECK(souk_map_insert(&provider->session_map,
			   (uint32_t)(s - provider->memory.sessions)) == SOUK_OK);
	provider->session_count++;
	provider->granted_count++;
	provider_note_deadline(provider, s);
	provider->totals.asks_granted++;
}

souk_status souk_provider_ask(struct souk_provider *provider, struct souk_grant_open *ret,
	const struct souk_ask *ask, const struct souk_provider_item *item, struct souk_time now)
{
	struct souk_identity ephemeral;
	struct souk_nonce session;
	struct souk_hash secret, digest = souk_ask_digest(ask);
	struct souk_provider_session *s = NULL;
	SOUK_TRY(souk_provider_ask_check(provider, ask, item, now));
	souk_identity_generate(&ephemeral, &provider->rng);
	souk_secret_rng_fill(&provider->rng, &session, sizeof session);
	souk_status status =
		souk_session_secret(&secret, &ephemeral.seckey, &ask->customer, &session, &digest);
	if (status == SOUK_OK)
		status = bound_granted(provider, item->from, now);
	if (status == SOUK_OK)
		status = find_slot(provider, now, &s);
	if (status == SOUK_OK) {
		s->record.ask = *ask;
		s->record.session_secret = secret;
		s->record.grant.session = session;
		start_session(provider, s, item, &ephemeral, now);
		ret->grant.grant = s->record.grant;
		souk_grant_sign(&ret->grant, provider->config.identity);
		ret->key_leaves.count =
			(uint16_t)souk_chain_checkpoint_leaves(&s->keys, ret->key_leaves.items);
	}
	souk_bytes_wipe(&ephemeral, sizeof ephemeral);
	souk_bytes_wipe(&secret, sizeof secret);
	return status;
}

/* ------------------------------------------------------------------ strip */

souk_status souk_provider_wants(const struct souk_provider *provider,
	const struct souk_nonce *session, struct souk_hash *ret_escrow, uint64_t *ret_epoch)
{
	const struct souk_provider_session *s = provider_session_of(provider, session);
	if (s == NULL || s->state == SOUK_PROVIDER_LEAVING)
		return SOUK_PEER_UNKNOWN_SESSION;
	*ret_escrow = s->record.ask.escrow;
	*ret_epoch = s->record.ask.epoch;
	return s->state == SOUK_PROVIDER_GRANTED ? SOUK_OK : SOUK_PEER_OUT_OF_ORDER;
}

souk_status souk_provider_content(const struct souk_provider *provider,
	const struct souk_nonce *session, struct souk_hash *ret_content)
{
	const struct souk_provider_session *s = provider_session_of(provider, session);
	if (s == NULL || s->state == SOUK_PROVIDER_LEAVING)
		return SOUK_PEER_UNKNOWN_SESSION;
	*ret_content = s->record.ask.content;
	return SOUK_OK;
}

/* The strip is about what was asked and granted, and its key chain is the granted one. */
static souk_status check_terms(
	const struct souk_session_record *record, const struct souk_strip *strip)
{
	const struct souk_ask *ask = &record->ask;
	const struct souk_grant *grant = &record->grant;
	bool same = souk_hash_equal(&strip->escrow, &ask->escrow) && strip->epoch == ask->epoch &&
		    strip->count == grant->units && strip->price.ncoin == grant->price.ncoin &&
		    souk_hash_equal(&strip->key_anchor, &grant->key_anchor) &&
		    souk_hash_equal(&strip->key_checkpoints, &grant->key_checkpoints) &&
		    memcmp(&strip->customer, &ask->customer, sizeof ask->customer) == 0 &&
		    souk_hash_equal(&strip->request, &ask->content) &&
		    memcmp(&strip->nonce, &grant->session, sizeof grant->session) == 0;
	return same ? SOUK_OK : SOUK_PEER_STRIP_TERMS;
}

static souk_status check_times(
	const struct souk_provider *provider, const struct souk_strip *strip, struct souk_time now)
{
	if (!provider->epoch_known || strip->epoch != provider->epoch)
		return SOUK_PEER_WRONG_EPOCH;
	if (!souk_time_is_before(now, provider->epoch_end))
		return SOUK_PEER_EPOCH_CLOSED;
	return souk_time_is_before(now, strip->expires) ? SOUK_OK : SOUK_PEER_STRIP_EXPIRED;
}

/* What is promised to us on an open leaf may be promised to others too. */
static souk_status check_penalty(
	const struct souk_provider *provider, const struct souk_escrow_record *escrow)
{
	struct souk_amount least;
	if (provider->config.policy == NULL || provider->genesis.epoch_ms == 0 ||
		souk_policy_penalty(&least, provider->config.policy, escrow->line,
			&provider->genesis) != SOUK_OK)
		return SOUK_PEER_PENALTY_TOO_LOW;
	return souk_amount_is_less(escrow->penalty, least) ? SOUK_PEER_PENALTY_TOO_LOW : SOUK_OK;
}

/* Whether OPEN is good for money, whatever it pays for. */
static souk_status check_strip(const struct souk_provider *provider,
	const struct souk_strip_open *open, const struct souk_allotment_record *allotment,
	const struct souk_escrow_record *escrow, struct souk_amount *ret_base, struct souk_time now)
{
	if (!souk_address_equal(&open->strip.payee, &provider->config.identity->address))
		return SOUK_PEER_NOT_PAYEE;
	SOUK_TRY(check_times(provider, &open->strip, now));
	if (escrow->closing)
		return SOUK_PEER_ESCROW_CLOSING;
	SOUK_TRY(souk_escrow_check_terms(escrow->line, escrow->prize));
	if (souk_address_is_zero(&open->leaf.provider))
		SOUK_TRY(check_penalty(provider, escrow));
	if (provider_overlaps(provider, &open->strip))
		return SOUK_PEER_STRIP_OVERLAP;
	return souk_strip_open_verify(ret_base, open, allotment);
}

/* Whether the claims of all sessions, and of MORE besides, will have a place. Dues that nobody paid
 * make way: who leaves them behind on purpose must not shut out those who pay. */
static souk_status check_due_room(struct souk_provider *provider, uint32_t more)
{
	if (provider_has_due_room(provider, more))
		return SOUK_OK;
	provider_due_forget(provider);
	return SOUK_LOCAL_FULL;
}

static bool is_same_strip(const struct souk_strip *a, const struct souk_strip *b)
{
	struct souk_hash left = souk_strip_digest(a), right = souk_strip_digest(b);
	return souk_hash_equal(&left, &right);
}

/* OPEN pays for S from now on. */
static void accept_strip(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_strip_open *open, struct souk_amount base, struct souk_amount prize,
	struct souk_time now)
{
	s->record.open = true;
	s->record.strip_open = *open;
	s->record.base = base;
	s->record.prize = prize;
	souk_payee_init(&s->payee, &s->record.strip_open, 0, provider->epoch_end);
	s->state = SOUK_PROVIDER_OPEN;
	s->active = now;
	provider_note_deadline(provider, s);
	provider_leaf_note(provider, &s->record.strip_open.strip);
	provider->totals.strips_accepted++;
}

souk_status souk_provider_strip(struct souk_provider *provider, const struct souk_nonce *session,
	const struct souk_strip_open *open, const struct souk_allotment_record *allotment,
	const struct souk_escrow_record *escrow, struct souk_time now)
{
	struct souk_amount base;
	struct souk_provider_session *s = provider_session_of(provider, session);
	if (s == NULL || s->state == SOUK_PROVIDER_LEAVING)
		return SOUK_PEER_UNKNOWN_SESSION;
	if (s->state == SOUK_PROVIDER_OPEN)
		return is_same_strip(&s->record.strip_open.strip, &open->strip)
			       ? SOUK_OK
			       : SOUK_PEER_OUT_OF_ORDER;
	SOUK_TRY(check_terms(&s->record, &open->strip));
	SOUK_TRY(check_strip(provider, open, allotment, escrow, &base, now));
	SOUK_TRY(check_due_room(provider, 0));
	provider->granted_count--;
	accept_strip(provider, s, open, base, escrow->prize, now);
	s->store_due = true;
	provider->sessions_waiting = true;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ a sponsor's session */

/* S, but for its keys, is the session that STRIP pays for. */
static void fill_sponsored(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_strip *strip, const struct souk_provider_item *item)
{
	s->from = item->from;
	s->record.ask = souk_sponsored_ask(strip);
	s->record.grant = souk_sponsored_grant(strip, provider->config.window);
	s->record.content_size = item->size;
	s->record.chunk_size = item->chunk_size;
}

/* Whether the keys of S, derived from SECRET, are those that its strip states. */
static bool are_keys_of(struct souk_provider_session *s, const struct souk_hash *secret)
{
	const struct souk_grant *grant = &s->record.grant;
	s->record.key_secret = souk_sponsored_keys(secret, &grant->session, &grant->ask);
	s->record.session_secret =
		souk_sponsored_session_secret(secret, &grant->session, &grant->ask);
	start_keys(s);
	return souk_hash_equal(&s->keys.anchor, &grant->key_anchor) &&
	       souk_hash_equal(&s->keys.checkpoint_root, &grant->key_checkpoints);
}

/* A stranger's strip has no good signature: nobody makes room for it, and no chain is computed. */
static souk_status check_sponsored(struct souk_provider *provider,
	const struct souk_strip_open *open, const struct souk_provider_item *item,
	const struct souk_allotment_record *allotment, const struct souk_escrow_record *escrow,
	struct souk_amount *ret_base, struct souk_time now)
{
	const struct souk_ask ask = souk_sponsored_ask(&open->strip);
	SOUK_TRY(souk_provider_ask_check(provider, &ask, item, now));
	if (provider_due_of(provider, &open->strip.nonce) != NULL)
		return SOUK_PEER_STRIP_OVERLAP;
	SOUK_TRY(check_strip(provider, open, allotment, escrow, ret_base, now));
	return check_due_room(provider, 1);
}

/* S, which is free, becomes the session of OPEN, with one of ITEM's secrets; or stays free. */
static souk_status begin_sponsored(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_strip_open *open, const struct souk_provider_item *item)
{
	fill_sponsored(provider, s, &open->strip, item);
	if (!are_keys_of(s, item->sponsor_secret) &&
		(item->sponsor_earlier == NULL || !are_keys_of(s, item->sponsor_earlier))) {
		souk_bytes_wipe(s, sizeof *s);
		return SOUK_PEER_STRIP_TERMS;
	}
	SOUK_CHECK(souk_map_insert(&provider->session_map,
			   (uint32_t)(s - provider->memory.sessions)) == SOUK_OK);
	provider->session_count++;
	return SOUK_OK;
}

souk_status souk_provider_open(struct souk_provider *provider, const struct souk_strip_open *open,
	const struct souk_provider_item *item, const struct souk_allotment_record *allotment,
	const struct souk_escrow_record *escrow, struct souk_time now)
{
	struct souk_amount base;
	struct souk_provider_session *s = NULL;
	SOUK_CHECK(item->sponsor_secret != NULL);
	if (provider_session_of(provider, &open->strip.nonce) != NULL)
		return souk_provider_strip(
			provider, &open->strip.nonce, open, allotment, escrow, now);
	SOUK_TRY(check_sponsored(provider, open, item, allotment, escrow, &base, now));
	SOUK_TRY(find_slot(provider, now, &s));
	SOUK_TRY(begin_sponsored(provider, s, open, item));
	accept_strip(provider, s, open, base, escrow->prize, now);
	/* It is worth nothing before a ticket: it is stored with the next batch of them. */
	s->dirty = true;
	provider->has_dirty = true;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ restore */

static souk_status check_record(const struct souk_session_record *record)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_amount end;
	if (souk_strip_end(&end, strip) != SOUK_OK || strip->count != record->grant.units ||
		record->unit > strip->count || record->prize.ncoin == 0 ||
		!souk_is_unit_shape(record->content_size, record->chunk_size))
		return SOUK_CORRUPT_STORE;
	if (record->grant.window == 0 || record->grant.window > SOUK_WINDOW_MAX)
		return SOUK_CORRUPT_STORE;
	if (record->strip_open.ticket_leaves.count != souk_chain_checkpoint_count(strip->count))
		return SOUK_CORRUPT_STORE;
	return check_terms(record, strip) == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

static bool may_serve(const struct souk_provider *provider,
	const struct souk_session_record *record, struct souk_time now)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	return (!provider->epoch_known || strip->epoch >= provider->epoch) &&
	       souk_time_is_before(now, strip->expires);
}

/* Whether the secrets of a record belong to what it says the customer was told. */
static souk_status resume(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_session_record *record, struct souk_time now)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_hash below = souk_chain_walk(
		souk_chain_tag_ticket, &strip->nonce, record->unit, &record->value, 0);
	if (record->unit > 0 && !souk_hash_equal(&below, &strip->anchor))
		return SOUK_CORRUPT_STORE;
	memset(s, 0, sizeof *s);
	s->record = *record;
	start_keys(s);
	if (!souk_hash_equal(&s->keys.anchor, &record->grant.key_anchor)) {
		souk_bytes_wipe(s, sizeof *s);
		return SOUK_CORRUPT_STORE;
	}
	bool known = provider->epoch_known && strip->epoch == provider->epoch;
	souk_payee_init(
		&s->payee, &s->record.strip_open, 0, known ? provider->epoch_end : SOUK_TIME_NEVER);
	if (record->unit > 0)
		souk_payee_resume(&s->payee, record->unit, &record->value);
	s->state = SOUK_PROVIDER_OPEN;
	s->served = true;
	s->active = now;
	SOUK_CHECK(souk_map_insert(&provider->session_map,
			   (uint32_t)(s - provider->memory.sessions)) == SOUK_OK);
	provider->session_count++;
	provider_note_deadline(provider, s);
	provider_leaf_note(provider, strip);
	return SOUK_OK;
}

souk_status souk_provider_restore(struct souk_provider *provider,
	const struct souk_session_record *record, struct souk_time now)
{
	if (!record->open || record->claimed)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(check_record(record));
	if (provider_session_of(provider, &record->grant.session) != NULL ||
		provider_due_of(provider, &record->grant.session) != NULL)
		return SOUK_LOCAL_EXISTS;
	if (!provider_has_due_room(provider, 1))
		return SOUK_LOCAL_FULL;
	struct souk_provider_session *s =
		may_serve(provider, record, now) ? find_free(provider) : NULL;
	if (s != NULL)
		return resume(provider, s, record, now);
	provider_due_add(provider, record, true);
	provider_leaf_note(provider, &record->strip_open.strip);
	return SOUK_OK;
}
