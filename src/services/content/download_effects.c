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
	ret->spare = s->spare;
	ret->hedge = s->hedge;
}

static bool pull_cancel(struct souk_download *download, struct souk_download_effect *ret)
{
	for (uint32_t i = 0; download->cancels > 0 && i < download->config.slot_count; i++) {
		if (!download->slots[i].cancel_due)
			continue;
		download->slots[i].cancel_due = false;
		download->cancels--;
		ret->kind = SOUK_DOWNLOAD_CANCEL;
		describe_slot(download, i, ret);
		return true;
	}
	return false;
}

/* Of two copies one is checked: the other after that, if need be. */
static bool is_checked_elsewhere(
	struct souk_download *download, const struct souk_download_slot *slot)
{
	const struct souk_download_slot *twin = download_twin(download, slot);
	return twin != NULL && twin->state == SOUK_SLOT_CHECKING;
}

static bool pull_verify(struct souk_download *download, struct souk_download_effect *ret)
{
	for (uint32_t i = 0; download->received > 0 && i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		const struct souk_customer *customer = download->providers[s->provider].customer;
		if (s->state != SOUK_SLOT_RECEIVED || s->unit > customer->keyed ||
			is_checked_elsewhere(download, s) ||
			souk_customer_cipher(customer, &ret->cipher, s->unit) != SOUK_OK)
			continue;
		download_slot_move(download, s, SOUK_SLOT_CHECKING);
		ret->kind = SOUK_DOWNLOAD_VERIFY;
		describe_slot(download, i, ret);
		return true;
	}
	return false;
}

/* Of whoever says "not here" again and again nothing is expected. */
static bool may_deliver(const struct souk_download_provider *p)
{
	return p->state != SOUK_DOWNLOAD_DROPPED && p->absent <= DOWNLOAD_ABSENT_MAX;
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
	download->is_stuck &= !may_deliver(p);
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
		if (s->state != SOUK_SLOT_PLANNED || s->vacant ||
			souk_time_is_before(now, s->since) ||
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

/* ------------------------------------------------------------------ units without a chunk */

/* The first unit of PROVIDER whose chunk was "not here"; slot_count: none. */
static uint32_t vacant_slot(const struct souk_download *download, uint32_t provider)
{
	uint32_t found = download->config.slot_count;
	for (uint32_t i = 0; download->planned > 0 && i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->vacant && !s->orphan && s->provider == provider &&
			(found == download->config.slot_count ||
				s->unit < download->slots[found].unit))
			found = i;
	}
	return found;
}

/* PROVIDER has nothing for its vacant units. The last ones are withdrawn, so that it can wait. One
 * that others follow would hold up their payment for ever: the session ends. */
static void withdraw(struct souk_download *download, uint32_t provider)
{
	struct souk_download_provider *p = &download->providers[provider];
	uint32_t slot;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		if (!s->vacant || s->provider != provider ||
			souk_customer_withdraw(p->customer, s->unit) != SOUK_OK)
			continue;
		download_slot_free(download, s);
		i = UINT32_MAX; /* the one before may be the last now */
	}
	if (p->fetching > 0)
		return;
	while ((slot = vacant_slot(download, provider)) < download->config.slot_count) {
		p->ending = true;
		download_slot_free(download, &download->slots[slot]);
	}
}

static bool pull_vacant(struct souk_download *download, uint32_t provider,
	struct souk_download_effect *ret, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	uint32_t slot = vacant_slot(download, provider);
	if (slot == download->config.slot_count)
		return false;
	struct souk_download_slot *s = &download->slots[slot];
	/* Who says it again and again keeps no slot from others meanwhile. */
	bool rests = p->ending || souk_time_is_before(now, p->ask_at);
	uint32_t chunk = rests ? download->chunk_count : download_choose(download, provider, NULL);
	if (chunk == download->chunk_count) {
		withdraw(download, provider);
		return false;
	}
	souk_status status = souk_customer_instead(p->customer, &ret->request, s->unit, chunk, now);
	if (status != SOUK_OK) {
		download_close(download, provider, status, now);
		return false;
	}
	s->vacant = false;
	s->chunk = chunk;
	souk_bitmap_set(&download->taken, chunk);
	start_fetch(download, slot, now, ret);
	return true;
}

/* ------------------------------------------------------------------ further units */

/* What PROVIDER is asked for next; chunk_count: nothing. A late chunk that a reader waits for comes
 * first; any other late one when there is nothing else to do. */
static uint32_t next_chunk(struct souk_download *download, uint32_t provider,
	const struct download_speeds *speeds, struct souk_time now, bool *ret_is_hedge)
{
	uint32_t chunk = download->chunk_count;
	if (download->want_count > 0)
		chunk = download_hedge(download, provider, true, now);
	*ret_is_hedge = chunk < download->chunk_count;
	if (!*ret_is_hedge)
		chunk = download_choose(download, provider, speeds);
	if (chunk < download->chunk_count)
		return chunk;
	chunk = download_hedge(download, provider, false, now);
	*ret_is_hedge = chunk < download->chunk_count;
	return chunk;
}

/* Whether PROVIDER may have another request in flight. */
static bool has_room(const struct souk_download *download, uint32_t provider,
	const struct download_speeds *speeds, struct souk_time now)
{
	const struct souk_download_provider *p = &download->providers[provider];
	if (!download_is_running(p) || p->ending || p->flying >= download->config.pipeline ||
		souk_time_is_before(now, p->ask_at))
		return false;
	/* One is enough to find out how fast it is, where others are known. */
	if (p->unit_ms == 0 && speeds->any_known && p->flying > 0)
		return false;
	/* After a failure one request at a time is tried, and after its pause. */
	return p->failures == 0 || (p->flying == 0 && !souk_time_is_before(now, p->keys_at));
}

static bool pull_next_of(struct souk_download *download, uint32_t provider,
	const struct download_speeds *speeds, struct souk_download_effect *ret,
	struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	bool is_hedge;
	if (pull_vacant(download, provider, ret, now))
		return true;
	uint32_t slot = free_slot(download);
	if (slot == download->config.slot_count || !has_room(download, provider, speeds, now) ||
		!is_affordable(download, p))
		return false;
	uint32_t chunk = next_chunk(download, provider, speeds, now, &is_hedge);
	if (chunk == download->chunk_count)
		return false;
	souk_status status = souk_customer_next(p->customer, &ret->request, chunk, now);
	if (status != SOUK_OK) {
		note_refused(download, provider, status, now);
		return false;
	}
	download->slots[slot] = (struct souk_download_slot){
		.provider = (uint8_t)provider,
		.unit = ret->request.unit,
		.chunk = chunk,
	};
	souk_bitmap_set(&download->taken, chunk);
	p->held++;
	start_fetch(download, slot, now, ret);
	if (is_hedge) {
		download_pair(download, &download->slots[slot]);
		ret->hedge = true;
	}
	return true;
}

/* The fastest first; equals in turn, so that slots are shared. */
static bool pull_next(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	struct download_speeds speeds;
	if (download->provider_count == 0)
		return false;
	download_look_at_speeds(download, &speeds, now);
	for (uint32_t i = 0; i < download->provider_count; i++) {
		uint32_t provider = speeds.order[i];
		if (!download_is_running(&download->providers[provider]) ||
			!pull_next_of(download, provider, &speeds, ret, now))
			continue;
		download->turn = provider + 1;
		return true;
	}
	return false;
}

/* ------------------------------------------------------------------ keys, and sessions' ends */

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

/* Whether a unit that is not read yet is of use, or is paid anyhow. Otherwise nothing is asked, and
 * the session has nothing more to give: the chunks came from others. */
static bool has_use(struct souk_download *download, uint32_t provider)
{
	struct souk_download_provider *p = &download->providers[provider];
	if (download->spares == 0 || souk_customer_paid(p->customer) > p->customer->keyed)
		return true;
	uint32_t waiting = 0;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->state != SOUK_SLOT_RECEIVED || s->orphan || s->provider != provider)
			continue;
		if (!s->spare)
			return true;
		waiting++;
	}
	p->ending |= waiting > 0;
	return waiting == 0;
}

/* Only where no request for a unit is under way that would bring the key anyhow. */
static bool pull_keys(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (!download_is_running(p) || p->busy_keys || p->flying > 0 ||
			souk_time_is_before(now, p->keys_at) || !has_use(download, i))
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

/* Whether anything of PROVIDER's ending session is waited for; what never can be read is let go. */
static bool is_ending(struct souk_download *download, uint32_t provider)
{
	struct souk_download_provider *p = &download->providers[provider];
	bool waits = p->flying > 0 || p->busy_keys;
	for (uint32_t i = 0; !waits && i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		if (s->state == SOUK_SLOT_FREE || s->orphan || s->provider != provider)
			continue;
		bool is_paid = s->unit <= souk_customer_paid(p->customer);
		if (s->state == SOUK_SLOT_RECEIVED && !is_paid &&
			(s->spare || s->unit > p->customer->received))
			download_orphan(download, s);
		else
			waits = true;
	}
	return waits;
}

/* Sessions that are left, now that all that is of use in them is here. */
static void end_sessions(struct souk_download *download, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (download_is_running(p) && p->ending && !is_ending(download, i))
			download_reopen(download, i, SOUK_LOCAL_SLOWER, now);
	}
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
	/* A hedge may be all that is left. */
	units = units == 0 ? 1 : units;
	return (uint32_t)(max > 0 && max < units ? max : units);
}

/* Whether a session with PROVIDER is of use now. */
static bool is_useful(struct souk_download *download, uint32_t provider,
	const struct download_speeds *speeds, struct souk_time now)
{
	bool is_hedge;
	return next_chunk(download, provider, speeds, now, &is_hedge) < download->chunk_count;
}

static bool pull_open(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	struct download_speeds speeds;
	bool has_speeds = false;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (p->state != SOUK_DOWNLOAD_ADDED || p->busy_opening ||
			souk_time_is_before(now, p->open_at) || !is_affordable(download, p))
			continue;
		if (!has_speeds)
			download_look_at_speeds(download, &speeds, now);
		has_speeds = true;
		if (!is_useful(download, i, &speeds, now))
			continue;
		download->is_stuck &= !may_deliver(p);
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

static bool is_unanswered(const struct souk_download_slot *slot)
{
	return slot->state == SOUK_SLOT_FETCHING || slot->state == SOUK_SLOT_CHECKING;
}

/* Whether SLOT may still bring its chunk. What was asked of a session that is over brings nothing.
 */
static bool is_used(const struct souk_download_slot *slot)
{
	return slot->state != SOUK_SLOT_FREE &&
	       (!slot->orphan || slot->state == SOUK_SLOT_CHECKING);
}

static bool any_slot(
	const struct souk_download *download, bool (*counts)(const struct souk_download_slot *))
{
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		if (counts(&download->slots[i]))
			return true;
	}
	return false;
}

bool souk_download_is_quiet(const struct souk_download *download)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (p->busy_opening || p->busy_keys || p->busy_buying)
			return false;
	}
	return !any_slot(download, is_unanswered);
}

/* Whether anything is under way that may bring a chunk. */
static bool is_busy(const struct souk_download *download)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		bool asks = (p->busy_keys && p->keys_session == p->sessions) ||
			    (p->busy_buying && p->buy_session == p->sessions);
		if (p->busy_opening || (p->state == SOUK_DOWNLOAD_OPENED && asks))
			return true;
	}
	return any_slot(download, is_used);
}

/* Why nobody can bring what is left now; SOUK_OK: somebody can. */
static souk_status look_for_help(struct souk_download *download)
{
	souk_status status = SOUK_LOCAL_NO_PROVIDER_LEFT;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (!may_deliver(p) || download_choose(download, i, NULL) == download->chunk_count)
			continue;
		if (is_affordable(download, p))
			return SOUK_OK;
		status = SOUK_LOCAL_BUDGET;
	}
	return status;
}

/* With nothing under way and nothing to wait for, it is over: without a provider, or without money
 * for those that are left. Those that have nothing of use may have it soon. */
static void give_up_if_stuck(struct souk_download *download, struct souk_time now)
{
	bool alive = false, affordable = false, was_stuck = download->is_stuck;
	if (download->provider_count == 0 || is_busy(download))
		return;
	download->is_stuck = false;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		bool lives = p->state != SOUK_DOWNLOAD_DROPPED;
		alive = alive || lives;
		affordable = affordable || (lives && is_affordable(download, p));
	}
	if (!alive)
		download_end(download, SOUK_DOWNLOAD_FAILED, SOUK_LOCAL_NO_PROVIDER_LEFT);
	if (!alive || !download_has_work(download))
		return;
	if (!affordable)
		download_end(download, SOUK_DOWNLOAD_FAILED, SOUK_LOCAL_BUDGET);
	souk_status status = look_for_help(download);
	if (!affordable || status == SOUK_OK)
		return;
	download->status = status;
	download->is_stuck = true;
	if (!was_stuck)
		download->stuck_until = souk_time_plus_ms(now, download->config.wait_ms);
}

static bool pull(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return false;
	if (pull_cancel(download, ret) || pull_verify(download, ret) ||
		pull_buy(download, ret, now) || pull_again(download, ret, now) ||
		pull_next(download, ret, now) || pull_keys(download, ret, now) ||
		pull_last(download, ret, now))
		return true;
	end_sessions(download, now);
	return pull_open(download, ret, now);
}

bool souk_download_next_effect(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now)
{
	struct souk_download_effect effect = {.status = SOUK_OK};
	bool found = pull_drop(download, &effect) || pull_end(download, &effect) ||
		     pull(download, &effect, now);
	if (!found && download->state == SOUK_DOWNLOAD_RUNNING)
		give_up_if_stuck(download, now);
	/* What was looked at may have dropped a provider, or ended it all. */
	if (!found)
		found = pull_drop(download, &effect) || pull_end(download, &effect);
	if (found)
		*ret = effect;
	else
		download->pulled = now;
	return found;
}
