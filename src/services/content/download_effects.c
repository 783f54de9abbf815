/* SPDX-License-Identifier: Apache-2.0
 *
 * What a download wants done next. Nothing is queued: each call looks at the state and finds the
 * most urgent thing, so that no decision is older than the last input. */
#include <string.h>

#include "download_internal.h"
#include "souk/base/check.h"

/* ------------------------------------------------------------------ money */

struct souk_amount souk_download_spent(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	struct souk_amount total = p->spent;
	if (p->state == SOUK_DOWNLOAD_OPENED)
		SOUK_CHECK(souk_amount_add(&total, total, souk_customer_spent(p->customer)) ==
			   SOUK_OK);
	return total;
}

struct souk_amount souk_download_spent_all(const struct souk_download *download)
{
	struct souk_amount total = SOUK_AMOUNT_ZERO;
	for (uint32_t i = 0; i < download->provider_count; i++)
		SOUK_CHECK(souk_amount_add(&total, total, souk_download_spent(download, i)) ==
			   SOUK_OK);
	return total;
}

uint64_t souk_download_paid(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	return p->units_paid +
	       (p->state == SOUK_DOWNLOAD_OPENED ? souk_customer_paid(p->customer) : 0);
}

uint64_t souk_download_lost(const struct souk_download *download, uint32_t provider)
{
	uint64_t paid = souk_download_paid(download, provider);
	uint64_t verified = download->providers[provider].units_verified;
	return paid > verified ? paid - verified : 0;
}

/* What is left of the budget once everything asked for is paid. Never wraps: no unit is asked for
 * that the rest does not cover. */
static struct souk_amount budget_left(const struct souk_download *download)
{
	struct souk_amount left = download->config.budget;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		SOUK_CHECK(souk_amount_sub(&left, left, p->spent) == SOUK_OK);
		if (p->state == SOUK_DOWNLOAD_OPENED)
			SOUK_CHECK(souk_amount_sub(&left, left,
					   souk_customer_committed(p->customer)) == SOUK_OK);
	}
	return left;
}

static bool is_affordable(
	const struct souk_download *download, const struct souk_download_provider *p)
{
	return !souk_amount_is_less(budget_left(download), p->price);
}

/* ------------------------------------------------------------------ work */

/* The next chunk of the pool; chunk_count where it is empty. */
static uint32_t next_chunk(struct souk_download *download)
{
	download->cursor = (uint32_t)souk_bitmap_next_clear(&download->taken, download->cursor);
	return download->cursor;
}

static bool has_work(struct souk_download *download)
{
	return next_chunk(download) < download->chunk_count;
}

static uint32_t free_slot(const struct souk_download *download)
{
	uint32_t i = 0;
	if (download->used == download->config.slot_count)
		return download->config.slot_count;
	while (download->slots[i].state != SOUK_SLOT_FREE)
		i++;
	return i;
}

/* ------------------------------------------------------------------ single effects */

static bool pull_drop(struct souk_download *download, struct souk_download_effect *ret)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (!p->drop_due)
			continue;
		p->drop_due = false;
		ret->kind = SOUK_DOWNLOAD_DROP;
		ret->provider = i;
		ret->status = p->dropped;
		return true;
	}
	return false;
}

static bool pull_end(struct souk_download *download, struct souk_download_effect *ret)
{
	if (!download->end_due)
		return false;
	download->end_due = false;
	ret->kind = download->state == SOUK_DOWNLOAD_DONE ? SOUK_DOWNLOAD_COMPLETE
							  : SOUK_DOWNLOAD_GIVE_UP;
	ret->status = download->status;
	return true;
}

static void describe_slot(
	const struct souk_download *download, uint32_t slot, struct souk_download_effect *ret)
{
	const struct souk_download_slot *s = &download->slots[slot];
	ret->provider = s->provider;
	ret->slot = slot;
	ret->unit = s->unit;
	ret->chunk = s->chunk;
	ret->length = souk_content_chunk_length(&download->config.content, s->chunk);
}

static bool pull_verify(struct souk_download *download, struct souk_download_effect *ret)
{
	for (uint32_t i = 0; download->received > 0 && i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		const struct souk_customer *customer = download->providers[s->provider].customer;
		if (s->state != SOUK_SLOT_RECEIVED || s->unit > customer->keyed ||
			souk_customer_cipher(customer, &ret->cipher, s->unit) != SOUK_OK)
			continue;
		download_slot_move(download, s, SOUK_SLOT_CHECKING);
		ret->kind = SOUK_DOWNLOAD_VERIFY;
		describe_slot(download, i, ret);
		return true;
	}
	return false;
}

static void start_fetch(struct souk_download *download, uint32_t slot, struct souk_time now,
	struct souk_download_effect *ret)
{
	struct souk_download_slot *s = &download->slots[slot];
	struct souk_download_provider *p = &download->providers[s->provider];
	download_slot_move(download, s, SOUK_SLOT_FETCHING);
	s->since = now;
	/* Silence is counted from the moment that something is asked. */
	if (p->fetching == 0 && !p->busy_keys)
		p->heard = now;
	p->fetching++;
	ret->kind = SOUK_DOWNLOAD_FETCH;
	describe_slot(download, slot, ret);
}

/* A request whose answer was lost, once its pause is over. */
static bool pull_again(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; download->planned > 0 && i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		uint32_t provider = s->provider;
		if (s->state != SOUK_SLOT_PLANNED || souk_time_is_before(now, s->since) ||
			!download_is_running(&download->providers[provider]))
			continue;
		souk_status status = souk_customer_again(
			download->providers[provider].customer, &ret->request, s->unit, now);
		if (status != SOUK_OK) {
			download_close(download, provider, status, now);
			continue;
		}
		start_fetch(download, i, now, ret);
		return true;
	}
	return false;
}

/* The session can give no more: open another, once nothing of it is left to wait for. */
static void note_refused(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	const struct souk_download_provider *p = &download->providers[provider];
	if (status == SOUK_PEER_STRIP_EXPIRED)
		download_close(download, provider, status, now);
	else if (status == SOUK_PEER_OVERDRAW && p->held == 0)
		download_reopen(download, provider, status, now);
}

static bool pull_next_of(struct souk_download *download, uint32_t provider,
	struct souk_download_effect *ret, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	if (!download_is_running(p) || p->flying >= download->config.pipeline)
		return false;
	/* After a failure one request at a time is tried, and after its pause. */
	if (p->failures > 0 && (p->flying > 0 || souk_time_is_before(now, p->keys_at)))
		return false;
	uint32_t slot = free_slot(download);
	if (slot == download->config.slot_count || !has_work(download) ||
		!is_affordable(download, p))
		return false;
	souk_status status = souk_customer_next(p->customer, &ret->request, download->cursor, now);
	if (status != SOUK_OK) {
		note_refused(download, provider, status, now);
		return false;
	}
	download->slots[slot] = (struct souk_download_slot){
		.provider = (uint8_t)provider,
		.unit = ret->request.unit,
		.chunk = download->cursor,
	};
	souk_bitmap_set(&download->taken, download->cursor);
	p->held++;
	start_fetch(download, slot, now, ret);
	return true;
}

/* Each provider in turn, so that slots are shared. */
static bool pull_next(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		uint32_t provider = (download->turn + i) % download->provider_count;
		if (!pull_next_of(download, provider, ret, now))
			continue;
		download->turn = provider + 1;
		return true;
	}
	return false;
}

static void start_keys(struct souk_download *download, uint32_t provider, struct souk_time now,
	struct souk_download_effect *ret)
{
	struct souk_download_provider *p = &download->providers[provider];
	p->busy_keys = true;
	p->keys_session = p->sessions;
	p->heard = now;
	ret->kind = SOUK_DOWNLOAD_KEYS;
	ret->provider = provider;
}

/* Sessions whose time is over, as may just have been found: the last keys, once; and when what they
 * open is being checked, the next session. */
static bool pull_last(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (p->state != SOUK_DOWNLOAD_OPENED || p->closing == SOUK_OK || p->busy_keys)
			continue;
		bool wants = !p->asked_last &&
			     souk_customer_last_keys(p->customer, &ret->request) == SOUK_OK;
		p->asked_last = true;
		if (wants) {
			start_keys(download, i, now, ret);
			return true;
		}
		download_reopen(download, i, p->closing, now);
	}
	return false;
}

/* Only where no request for a unit is under way that would bring the key anyhow. */
static bool pull_keys(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (!download_is_running(p) || p->busy_keys || p->flying > 0 ||
			souk_time_is_before(now, p->keys_at))
			continue;
		souk_status status = souk_customer_settle(p->customer, &ret->request, now);
		if (status == SOUK_PEER_STRIP_EXPIRED)
			download_close(download, i, status, now);
		if (status != SOUK_OK)
			continue;
		start_keys(download, i, now, ret);
		return true;
	}
	return false;
}

/* Tickets of the hub, before they are due: no unit should wait for them. */
static bool pull_buy(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (!download_is_running(p) || p->busy_buying ||
			souk_time_is_before(now, p->buy_at) ||
			souk_customer_buy(p->customer, &ret->hub_ticket, now) != SOUK_OK)
			continue;
		p->busy_buying = true;
		p->buy_session = p->sessions;
		ret->kind = SOUK_DOWNLOAD_BUY;
		ret->provider = i;
		return true;
	}
	return false;
}

static uint32_t session_units(
	const struct souk_download *download, const struct souk_download_provider *p)
{
	uint64_t units = download->chunk_count - download->done.set;
	uint64_t affordable = budget_left(download).ncoin / p->price.ncoin;
	uint32_t max = download->config.session_units_max;
	units = affordable < units ? affordable : units;
	units = p->units_max < units ? p->units_max : units;
	return (uint32_t)(max > 0 && max < units ? max : units);
}

static bool pull_open(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	if (!has_work(download))
		return false;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (p->state != SOUK_DOWNLOAD_ADDED || p->busy_opening ||
			souk_time_is_before(now, p->open_at) || !is_affordable(download, p))
			continue;
		p->state = SOUK_DOWNLOAD_OPENING;
		p->busy_opening = true;
		ret->kind = SOUK_DOWNLOAD_OPEN;
		ret->provider = i;
		ret->units = session_units(download, p);
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------ the end */

static bool is_busy(
	const struct souk_download *download, bool (*counts)(const struct souk_download_slot *))
{
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		if (counts(&download->slots[i]))
			return true;
	}
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (p->busy_opening || p->busy_keys || p->busy_buying)
			return true;
	}
	return false;
}

static bool is_unanswered(const struct souk_download_slot *slot)
{
	return slot->state == SOUK_SLOT_FETCHING || slot->state == SOUK_SLOT_CHECKING;
}

static bool is_used(const struct souk_download_slot *slot)
{
	return slot->state != SOUK_SLOT_FREE;
}

bool souk_download_is_quiet(const struct souk_download *download)
{
	return !is_busy(download, is_unanswered);
}

/* With nothing under way and nothing to wait for, it is over: without a provider, or without money
 * for those that are left. */
static void give_up_if_stuck(struct souk_download *download)
{
	bool alive = false, affordable = false;
	if (download->provider_count == 0 || is_busy(download, is_used))
		return;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		bool lives = p->state != SOUK_DOWNLOAD_DROPPED;
		alive = alive || lives;
		affordable = affordable || (lives && is_affordable(download, p));
	}
	if (!alive)
		download_end(download, SOUK_DOWNLOAD_FAILED, SOUK_LOCAL_NO_PROVIDER_LEFT);
	else if (!affordable)
		download_end(download, SOUK_DOWNLOAD_FAILED, SOUK_LOCAL_BUDGET);
}

static bool pull(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	if (download->state == SOUK_DOWNLOAD_RUNNING &&
		(pull_verify(download, ret) || pull_buy(download, ret, now) ||
			pull_again(download, ret, now) || pull_next(download, ret, now) ||
			pull_keys(download, ret, now) || pull_last(download, ret, now) ||
			pull_open(download, ret, now)))
		return true;
	return false;
}

bool souk_download_next_effect(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	struct souk_download_effect effect = {.status = SOUK_OK};
	bool found = pull_drop(download, &effect) || pull_end(download, &effect) ||
		     pull(download, &effect, now);
	if (!found && download->state == SOUK_DOWNLOAD_RUNNING)
		give_up_if_stuck(download);
	/* What was looked at may have dropped a provider, or ended it all. */
	if (!found)
		found = pull_drop(download, &effect) || pull_end(download, &effect);
	if (found)
		*ret = effect;
	else
		download->pulled = now;
	return found;
}
