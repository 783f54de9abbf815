/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of sessions: time, epochs, draws, claims, and the effects of all that. */
#include <string.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/payment/claim.h"
#include "souk/payment/lottery.h"

struct souk_provider_due *provider_due_of(
	const struct souk_provider *provider, const struct souk_nonce *session)
{
	uint32_t index = souk_map_find(&provider->due_map, session);
	return index == SOUK_MAP_NONE ? NULL : &provider->memory.dues[index];
}

/* A session in the table may become a due at any time: its place is kept. One that is leaving has
 * got it already, but is counted still; that errs on the safe side. */
bool provider_has_due_room(const struct souk_provider *provider, uint32_t more)
{
	return provider->due_count + provider->session_count + more <= provider->memory.due_max;
}

static void settle_due(struct souk_provider *provider, struct souk_provider_due *due,
	souk_status status, struct souk_amount paid)
{
	due->state = SOUK_DUE_SETTLED;
	due->status = status;
	due->paid = paid;
	provider->dues_waiting = true;
}

static struct souk_provider_due *due_free_slot(struct souk_provider *provider)
{
	for (; provider->due_free < provider->memory.due_max; provider->due_free++) {
		uint32_t index = provider->due_free;
		if (provider->memory.dues[index].state != SOUK_DUE_FREE)
			continue;
		if (index >= provider->due_top)
			provider->due_top = index + 1;
		return &provider->memory.dues[index];
	}
	return NULL;
}

/* An unpaid due wins nothing; it only keeps its part of the leaf from being promised again, which
 * is of no use once strips of its epoch are refused anyhow. */
static bool is_of_use(
	const struct souk_provider *provider, const struct souk_provider_due *due, bool served)
{
	bool is_over = provider->epoch_known && due->epoch < provider->epoch;
	return due->unit > 0 || (served && !is_over);
}

/* More than one at a time: each try of who was refused for it leaves a grant, which wants room too.
 */
#define FORGET_COUNT 16u

void provider_due_forget(struct souk_provider *provider)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < provider->due_top && count < FORGET_COUNT; i++) {
		struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state != SOUK_DUE_WAITING || due->unit > 0)
			continue;
		settle_due(provider, due, SOUK_OK, SOUK_AMOUNT_ZERO);
		count++;
	}
}

void provider_due_add(
	struct souk_provider *provider, const struct souk_session_record *record, bool served)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_provider_due *due = due_free_slot(provider);
	SOUK_CHECK(due != NULL);
	*due = (struct souk_provider_due){
		.state = SOUK_DUE_WAITING,
		.session = record->grant.session,
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.segment = strip->segment,
		.leaf = strip->leaf,
		.unit = record->unit,
		.count = strip->count,
		.start = strip->start,
		.base = record->base,
		.price = strip->price,
		.prize = record->prize,
		.retry = SOUK_TIME_NEVER,
	};
	provider->due_count++;
	SOUK_CHECK(souk_map_insert(&provider->due_map, (uint32_t)(due - provider->memory.dues)) ==
		   SOUK_OK);
	if (!is_of_use(provider, due, served))
		settle_due(provider, due, SOUK_OK, SOUK_AMOUNT_ZERO);
}

static void due_free(struct souk_provider *provider, struct souk_provider_due *due)
{
	uint32_t index = (uint32_t)(due - provider->memory.dues);
	souk_map_remove(&provider->due_map, &due->session);
	memset(due, 0, sizeof *due);
	provider->due_count--;
	if (index < provider->due_free)
		provider->due_free = index;
}

static void update_record(struct souk_provider_session *s)
{
	s->record.unit = s->payee.unit;
	s->record.value = s->payee.value;
}

void provider_session_leave(struct souk_provider *provider, struct souk_provider_session *s)
{
	SOUK_CHECK(s->state == SOUK_PROVIDER_OPEN);
	update_record(s);
	s->state = SOUK_PROVIDER_LEAVING;
	s->dirty = false;
	s->store_due = true;
	provider->sessions_waiting = true;
	provider_due_add(provider, &s->record, s->served);
}

/* ------------------------------------------------------------------ time and epochs */

/* When S is put away if nothing is heard of it. */
static struct souk_time session_deadline(
	const struct souk_provider *provider, const struct souk_provider_session *s)
{
	const struct souk_provider_config *config = &provider->config;
	if (s->state == SOUK_PROVIDER_GRANTED)
		return souk_time_plus_ms(s->active, config->grant_ms);
	if (s->state != SOUK_PROVIDER_OPEN)
		return SOUK_TIME_NEVER;
	return souk_time_earlier(souk_time_plus_ms(s->active, config->idle_ms),
		souk_time_plus_ms(s->payee.expires, config->idle_ms));
}

/* Deadlines only move away while a session lives, but for what is noted here. */
void provider_note_deadline(struct souk_provider *provider, const struct souk_provider_session *s)
{
	provider->quiet = souk_time_earlier(provider->quiet, session_deadline(provider, s));
}

void souk_provider_tick(struct souk_provider *provider, struct souk_time now)
{
	/* A clock that was set back begins anew. */
	if (souk_time_is_before(now, provider->quiet) &&
		!souk_time_is_before(now, provider->quiet_from))
		return;
	provider->quiet_from = now;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_FREE ||
			souk_time_is_before(now, session_deadline(provider, s)))
			continue;
		if (s->state == SOUK_PROVIDER_GRANTED)
			provider_session_free(provider, s);
		else if (s->state == SOUK_PROVIDER_OPEN)
			provider_session_leave(provider, s);
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state != SOUK_DUE_CLAIMING || souk_time_is_before(now, due->retry))
			continue;
		due->state = SOUK_DUE_CLAIM;
		provider->dues_waiting = true;
	}
	provider->quiet = souk_provider_deadline(provider);
}

struct souk_time souk_provider_deadline(const struct souk_provider *provider)
{
	struct souk_time deadline = SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < provider->session_top; i++)
		deadline = souk_time_earlier(
			deadline, session_deadline(provider, &provider->memory.sessions[i]));
	for (uint32_t i = 0; i < provider->due_top; i++) {
		const struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state == SOUK_DUE_CLAIMING)
			deadline = souk_time_earlier(deadline, due->retry);
	}
	return deadline;
}

/* A session of an earlier epoch serves no more, but still answers for the keys that were paid,
 * until it is idle or its epoch is drawn. */
void souk_provider_set_epoch(
	struct souk_provider *provider, uint64_t epoch, struct souk_time end, struct souk_time now)
{
	provider->epoch = epoch;
	provider->epoch_end = end;
	provider->epoch_known = true;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_GRANTED && s->record.ask.epoch < epoch)
			provider_session_free(provider, s);
		if (s->state != SOUK_PROVIDER_OPEN || s->record.ask.epoch > epoch)
			continue;
		souk_payee_set_close(&s->payee, s->record.ask.epoch == epoch
							? end
							: souk_time_earlier(s->payee.closes, now));
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state == SOUK_DUE_WAITING && !is_of_use(provider, due, true))
			settle_due(provider, due, SOUK_OK, SOUK_AMOUNT_ZERO);
	}
}

void souk_provider_set_genesis(struct souk_provider *provider, const struct souk_genesis *genesis)
{
	provider->genesis = *genesis;
}

/* ------------------------------------------------------------------ receipts */

static bool is_on_leaf(const struct souk_strip *strip, const struct souk_leaf_id *leaf)
{
	return souk_hash_equal(&strip->escrow, &leaf->escrow) && strip->epoch == leaf->epoch &&
	       strip->segment == leaf->segment && strip->leaf == leaf->leaf;
}

static bool due_is_on_leaf(const struct souk_provider_due *due, const struct souk_leaf_id *leaf)
{
	return due->state != SOUK_DUE_FREE && souk_hash_equal(&due->escrow, &leaf->escrow) &&
	       due->epoch == leaf->epoch && due->segment == leaf->segment &&
	       due->leaf == leaf->leaf;
}

static souk_status add_owed(struct souk_amount *total, struct souk_amount price, uint32_t units)
{
	struct souk_amount owed;
	SOUK_TRY(souk_amount_mul(&owed, price, units));
	return souk_amount_add(total, *total, owed);
}

/* A session that is leaving is a due already. */
souk_status souk_provider_leaf_owed(const struct souk_provider *provider,
	const struct souk_leaf_id *leaf, struct souk_nonce *ret_session,
	struct souk_amount *ret_owed)
{
	souk_status status = SOUK_PEER_UNKNOWN_SESSION;
	struct souk_amount owed = SOUK_AMOUNT_ZERO;
	struct souk_nonce session;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state != SOUK_PROVIDER_OPEN || s->payee.unit == 0 ||
			!is_on_leaf(&s->record.strip_open.strip, leaf))
			continue;
		SOUK_TRY(add_owed(&owed, s->payee.price, s->payee.unit));
		session = s->record.grant.session;
		status = SOUK_OK;
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		const struct souk_provider_due *due = &provider->memory.dues[i];
		if (!due_is_on_leaf(due, leaf) || due->unit == 0)
			continue;
		if (due->state != SOUK_DUE_WAITING)
			return SOUK_PEER_LEAF_CLAIMED;
		SOUK_TRY(add_owed(&owed, due->price, due->unit));
		session = due->session;
		status = SOUK_OK;
	}
	if (status != SOUK_OK)
		return status;
	*ret_session = session;
	*ret_owed = owed;
	return SOUK_OK;
}

static void leave_leaf(struct souk_provider *provider, const struct souk_leaf_id *leaf)
{
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_OPEN && is_on_leaf(&s->record.strip_open.strip, leaf))
			provider_session_leave(provider, s);
	}
}

souk_status souk_provider_receipt(
	struct souk_provider *provider, const struct souk_leaf_id *leaf, struct souk_amount amount)
{
	struct souk_nonce session;
	struct souk_amount owed;
	SOUK_TRY(souk_provider_leaf_owed(provider, leaf, &session, &owed));
	if (souk_amount_is_less(amount, owed))
		return SOUK_PEER_UNPAID;
	leave_leaf(provider, leaf);
	return SOUK_OK;
}

void souk_provider_receipt_kept(struct souk_provider *provider, const struct souk_leaf_id *leaf)
{
	leave_leaf(provider, leaf);
	for (uint32_t i = 0; i < provider->due_top; i++) {
		struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state == SOUK_DUE_WAITING && due_is_on_leaf(due, leaf))
			settle_due(provider, due, SOUK_OK, SOUK_AMOUNT_ZERO);
	}
}

/* ------------------------------------------------------------------ draws and claims */

bool souk_provider_undrawn(const struct souk_provider *provider, uint64_t *ret_epoch)
{
	uint64_t oldest = UINT64_MAX;
	bool found = false;
	for (uint32_t i = 0; i < provider->due_top; i++) {
		const struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state != SOUK_DUE_WAITING)
			continue;
		found = true;
		oldest = due->epoch < oldest ? due->epoch : oldest;
	}
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state != SOUK_PROVIDER_OPEN)
			continue;
		found = true;
		oldest = s->record.ask.epoch < oldest ? s->record.ask.epoch : oldest;
	}
	if (found)
		*ret_epoch = oldest;
	return found;
}

/* Whether DUE's paid prefix covers a winning point. */
static souk_status has_won(
	bool *ret, const struct souk_provider_due *due, const struct souk_hash *beacon)
{
	struct souk_amount lo, length, hi;
	uint64_t first;
	SOUK_TRY(souk_amount_add(&lo, due->base, due->start));
	SOUK_TRY(souk_amount_mul(&length, due->price, due->unit));
	SOUK_TRY(souk_amount_add(&hi, lo, length));
	struct souk_amount offset =
		souk_lottery_offset(beacon, &due->escrow, due->epoch, due->prize);
	*ret = souk_lottery_points(&first, offset, due->prize, lo, hi) > 0;
	return SOUK_OK;
}

static void draw_due(struct souk_provider *provider, struct souk_provider_due *due,
	const struct souk_hash *beacon)
{
	bool won = false;
	if (has_won(&won, due, beacon) != SOUK_OK) {
		settle_due(provider, due, SOUK_CORRUPT_STORE, SOUK_AMOUNT_ZERO);
	} else if (!won) {
		settle_due(provider, due, SOUK_PEER_CLAIM_NO_PRIZE, SOUK_AMOUNT_ZERO);
	} else {
		due->state = SOUK_DUE_CLAIM;
		provider->dues_waiting = true;
	}
}

void souk_provider_draw(struct souk_provider *provider, uint64_t epoch,
	const struct souk_hash *beacon, struct souk_time now)
{
	(void)now;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_OPEN && s->record.ask.epoch == epoch)
			provider_session_leave(provider, s);
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state == SOUK_DUE_WAITING && due->epoch == epoch)
			draw_due(provider, due, beacon);
	}
}

/* Whether STATUS is the ledger's verdict on the claim. What speaks of the transaction around it, or
 * of the way to the ledger, is none: another try may be paid. */
static bool is_final(souk_status status)
{
	switch (status) {
	case SOUK_OK:
	case SOUK_CORRUPT_STORE: return true;
	case SOUK_PEER_NOT_DRAWN:
	case SOUK_PEER_BAD_REQUEST:
	case SOUK_PEER_BAD_AUTH:
	case SOUK_PEER_OVERSIZED:
	case SOUK_PEER_TX_NONCE:
	case SOUK_PEER_TX_WRONG_LEDGER:
	case SOUK_PEER_NO_ACCOUNT:
	case SOUK_PEER_NO_FUNDS: return false;
	default: return souk_status_class(status) == SOUK_CLASS_PEER;
	}
}

void souk_provider_claim_result(struct souk_provider *provider, const struct souk_nonce *session,
	souk_status status, struct souk_amount paid, struct souk_time now)
{
	struct souk_amount total;
	struct souk_provider_due *due = provider_due_of(provider, session);
	if (due == NULL || due->state != SOUK_DUE_CLAIMING)
		return;
	if (!is_final(status)) {
		due->retry = souk_time_plus_ms(now, SOUK_PROVIDER_RETRY_MS);
		provider->quiet = souk_time_earlier(provider->quiet, due->retry);
		return;
	}
	if (status != SOUK_OK) {
		settle_due(provider, due, status, SOUK_AMOUNT_ZERO);
		return;
	}
	provider->totals.claims_paid++;
	if (souk_amount_add(&total, provider->totals.paid, paid) == SOUK_OK)
		provider->totals.paid = total;
	settle_due(provider, due, SOUK_OK, paid);
}

souk_status souk_provider_claim(
	struct souk_claim *ret, const struct souk_session_record *record, struct souk_chain *chain)
{
	if (!record->open || record->grant.units == 0 ||
		record->grant.units > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_CORRUPT_STORE;
	souk_chain_init(chain, souk_chain_tag_key, &record->grant.session, record->grant.units,
		&record->key_secret);
	souk_status status =
		souk_claim_build(ret, &record->strip_open, record->unit, &record->value, chain);
	souk_bytes_wipe(chain, sizeof *chain);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

/* ------------------------------------------------------------------ effects */

uint32_t souk_provider_dirty_count(const struct souk_provider *provider)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < provider->session_top; i++)
		count += provider->memory.sessions[i].state == SOUK_PROVIDER_OPEN &&
			 provider->memory.sessions[i].dirty;
	return count;
}

void souk_provider_flush(struct souk_provider *provider)
{
	if (!provider->has_dirty)
		return;
	provider->has_dirty = false;
	for (uint32_t i = 0; i < provider->session_top; i++) {
		struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state != SOUK_PROVIDER_OPEN || !s->dirty)
			continue;
		s->dirty = false;
		s->store_due = true;
		provider->sessions_waiting = true;
	}
}

static bool next_store(struct souk_provider *provider, struct souk_provider_effect *ret)
{
	for (; provider->session_cursor < provider->session_top; provider->session_cursor++) {
		struct souk_provider_session *s =
			&provider->memory.sessions[provider->session_cursor];
		if (s->state == SOUK_PROVIDER_LEAVING && !s->store_due)
			provider_session_free(provider, s);
		if (!s->store_due)
			continue;
		s->store_due = false;
		s->dirty = false;
		if (s->state == SOUK_PROVIDER_LEAVING)
			provider_note_free(provider, provider->session_cursor);
		*ret = (struct souk_provider_effect){
			.kind = SOUK_PROVIDER_STORE,
			.index = provider->session_cursor,
			.session = s->record.grant.session,
		};
		return true;
	}
	provider->session_cursor = 0;
	return false;
}

static bool next_due(struct souk_provider *provider, struct souk_provider_effect *ret)
{
	for (; provider->due_cursor < provider->due_top; provider->due_cursor++) {
		struct souk_provider_due *due = &provider->memory.dues[provider->due_cursor];
		*ret = (struct souk_provider_effect){.session = due->session,
			.leaf = {due->escrow, due->epoch, due->segment, due->leaf},
			.paid = due->paid,
			.status = due->status};
		if (due->state == SOUK_DUE_CLAIM) {
			ret->kind = SOUK_PROVIDER_CLAIM;
			due->state = SOUK_DUE_CLAIMING;
			due->retry = SOUK_TIME_NEVER;
			return true;
		}
		if (due->state == SOUK_DUE_SETTLED) {
			ret->kind = SOUK_PROVIDER_SETTLED;
			due_free(provider, due);
			return true;
		}
	}
	provider->due_cursor = 0;
	return false;
}

/* A cursor ends its sweep at the end of the table; what came up behind it is found by a second. */
static bool sweep(struct souk_provider *provider, bool *waiting,
	bool (*next)(struct souk_provider *, struct souk_provider_effect *),
	struct souk_provider_effect *ret)
{
	if (!*waiting)
		return false;
	if (next(provider, ret) || next(provider, ret))
		return true;
	*waiting = false;
	return false;
}

bool souk_provider_next_effect(struct souk_provider *provider, struct souk_provider_effect *ret)
{
	struct souk_provider_effect effect;
	if (sweep(provider, &provider->sessions_waiting, next_store, &effect)) {
		provider->stored = true;
		*ret = effect;
		return true;
	}
	if (provider->stored) {
		provider->stored = false;
		return false;
	}
	if (!sweep(provider, &provider->dues_waiting, next_due, &effect))
		return false;
	*ret = effect;
	return true;
}

const struct souk_session_record *souk_provider_record(
	struct souk_provider *provider, uint32_t index)
{
	SOUK_CHECK(index < provider->memory.session_max);
	struct souk_provider_session *s = &provider->memory.sessions[index];
	SOUK_CHECK(s->state == SOUK_PROVIDER_OPEN || s->state == SOUK_PROVIDER_LEAVING);
	if (s->state == SOUK_PROVIDER_OPEN)
		update_record(s);
	return &s->record;
}
