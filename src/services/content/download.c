/* SPDX-License-Identifier: Apache-2.0
 *
 * State and inputs of a download; what it wants done next is decided in download_effects.c. */
#include "souk/content/download.h"

#include <string.h>

#include "download_internal.h"
#include "souk/base/check.h"

#define PIPELINE_DEFAULT   4u
#define FAILURES_DEFAULT   3u
#define TIMEOUT_DEFAULT_MS 10000u
#define RETRY_DEFAULT_MS   250u
#define BACKOFF_MAX	   6u
/* Sessions in a row that verified nothing, after which a provider is given up. */
#define FRUITLESS_MAX 3u
/* What a provider may cost in windows that were paid and not delivered, over all its sessions,
 * before it is given up: so many, and one unit for each LOSS_PART of them that it delivered. What
 * is lost with the end of an epoch does not count: that takes a window at most, also from the
 * honest. Who robs one in each session, and blames its end for it, is found out. */
#define LOSS_WINDOWS 2u
#define LOSS_PART    8u
/* So many times more often than otherwise a provider without room is asked for a session. */
#define FULL_FACTOR 2u
/* A provider this much slower than the fastest is not waited for at the end. */
#define SLOW_FACTOR 8u
#define SLOW_MIN_MS 1000u

static void set_defaults(struct souk_download_config *config)
{
	if (config->pipeline == 0)
		config->pipeline = PIPELINE_DEFAULT;
	if (config->failures_max == 0)
		config->failures_max = FAILURES_DEFAULT;
	if (config->timeout_ms == 0)
		config->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (config->retry_ms == 0)
		config->retry_ms = RETRY_DEFAULT_MS;
}

void download_end(
	struct souk_download *download, enum souk_download_state state, souk_status status)
{
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return;
	download->state = state;
	download->status = status;
	download->end_due = true;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		struct souk_download_provider *p = &download->providers[i];
		if (p->state == SOUK_DOWNLOAD_OPENED)
			souk_customer_end(p->customer, SOUK_LOCAL_STOPPED);
	}
}

static void end_if_complete(struct souk_download *download)
{
	if (download->done.set == download->chunk_count)
		download_end(download, SOUK_DOWNLOAD_DONE, SOUK_OK);
}

void souk_download_init(struct souk_download *download, const struct souk_download_config *config,
	uint64_t *done_words, uint64_t *taken_words)
{
	SOUK_CHECK(config->slot_count >= 1 && config->slot_count <= SOUK_DOWNLOAD_SLOTS_MAX);
	memset(download, 0, sizeof *download);
	download->config = *config;
	set_defaults(&download->config);
	download->chunk_count = souk_content_chunk_count(&config->content);
	download->last_drop = SOUK_LOCAL_NO_PROVIDER_LEFT;
	souk_bitmap_init(&download->done, done_words, download->chunk_count);
	souk_bitmap_init(&download->taken, taken_words, download->chunk_count);
	end_if_complete(download);
}

static void set_done(struct souk_download *download, uint32_t chunk)
{
	if (souk_bitmap_get(&download->done, chunk))
		return;
	souk_bitmap_set(&download->done, chunk);
	souk_bitmap_set(&download->taken, chunk);
	download->bytes_done += souk_content_chunk_length(&download->config.content, chunk);
	end_if_complete(download);
}

void souk_download_have(struct souk_download *download, uint32_t chunk)
{
	if (chunk < download->chunk_count)
		set_done(download, chunk);
}

souk_status souk_download_add(struct souk_download *download, const struct souk_offer *offer,
	struct souk_customer *customer, struct souk_time now, uint32_t *ret_provider)
{
	const struct souk_content *content = &download->config.content;
	struct souk_amount cost;
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return SOUK_LOCAL_STATE;
	if (!souk_hash_equal(&offer->content, &content->id) || offer->size != content->size ||
		offer->chunk_size != content->chunk_size || offer->units_max == 0 ||
		offer->price.ncoin == 0)
		return SOUK_PEER_BAD_OFFER;
	if (souk_hub_price(&cost, offer->price, download->config.fee_permille) != SOUK_OK ||
		souk_amount_is_less(download->config.price_max, cost))
		return SOUK_LOCAL_BUDGET;
	if (download->provider_count == SOUK_DOWNLOAD_PROVIDERS_MAX)
		return SOUK_LOCAL_FULL;
	download->providers[download->provider_count] = (struct souk_download_provider){
		.state = SOUK_DOWNLOAD_ADDED,
		.customer = customer,
		.price = cost,
		.units_max = offer->units_max,
		.heard = now,
	};
	*ret_provider = download->provider_count++;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ the end of sessions */

/* The chunk of a slot goes back to the pool. */
static void return_chunk(struct souk_download *download, struct souk_download_slot *slot)
{
	if (souk_bitmap_get(&download->done, slot->chunk))
		return;
	souk_bitmap_clear(&download->taken, slot->chunk);
	if (slot->chunk < download->cursor)
		download->cursor = slot->chunk;
}

/* Count SLOT as it is, or no more: BY is 1 or -1. */
static void count_slot(
	struct souk_download *download, const struct souk_download_slot *slot, uint32_t by)
{
	bool planned = slot->state == SOUK_SLOT_PLANNED;
	download->used += slot->state != SOUK_SLOT_FREE ? by : 0;
	download->planned += planned ? by : 0;
	download->received += slot->state == SOUK_SLOT_RECEIVED ? by : 0;
	if (!slot->orphan && (planned || slot->state == SOUK_SLOT_FETCHING))
		download->providers[slot->provider].flying += by;
}

void download_slot_move(struct souk_download *download, struct souk_download_slot *slot,
	enum souk_download_slot_state state)
{
	count_slot(download, slot, UINT32_MAX);
	slot->state = state;
	count_slot(download, slot, 1);
}

/* A slot is free once nobody outside uses it. */
static void orphan_slot(struct souk_download *download, struct souk_download_provider *p,
	struct souk_download_slot *slot)
{
	p->held--;
	/* What is being checked may yet be good, and then nobody need fetch it again. */
	if (slot->state != SOUK_SLOT_CHECKING)
		return_chunk(download, slot);
	p->units_wasted += slot->state == SOUK_SLOT_RECEIVED;
	count_slot(download, slot, UINT32_MAX);
	slot->orphan = true;
	if (slot->state == SOUK_SLOT_PLANNED || slot->state == SOUK_SLOT_RECEIVED)
		*slot = (struct souk_download_slot){0};
	count_slot(download, slot, 1);
}

/* What the session that ends was paid for and did not deliver; what is being checked counts as
 * delivered. Whether its epoch is to blame is known once the next one is open. */
static void note_loss(struct souk_download *download, uint32_t provider, souk_status reason)
{
	struct souk_download_provider *p = &download->providers[provider];
	uint64_t had = p->session_units, paid = souk_customer_paid(p->customer);
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *slot = &download->slots[i];
		had += slot->state == SOUK_SLOT_CHECKING && !slot->orphan &&
		       slot->provider == provider;
	}
	p->fruitless = had == 0 ? p->fruitless + 1 : 0;
	p->lost_last = paid > had ? paid - had : 0;
	p->lost_epoch = p->customer->ask.epoch;
	p->lost_reason = reason;
}

/* Book what the session cost, and let go of its slots. */
static void close_session(struct souk_download *download, uint32_t provider, souk_status reason)
{
	struct souk_download_provider *p = &download->providers[provider];
	struct souk_amount spent;
	if (p->state != SOUK_DOWNLOAD_OPENED)
		return;
	souk_customer_end(p->customer, reason);
	p->closing = SOUK_OK;
	p->asked_last = false;
	p->units_paid += souk_customer_paid(p->customer);
	if (souk_amount_add(&spent, p->spent, souk_customer_spent(p->customer)) == SOUK_OK)
		p->spent = spent;
	note_loss(download, provider, reason);
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		struct souk_download_slot *slot = &download->slots[i];
		if (slot->state != SOUK_SLOT_FREE && !slot->orphan && slot->provider == provider)
			orphan_slot(download, p, slot);
	}
}

void download_drop(struct souk_download *download, uint32_t provider, souk_status reason)
{
	struct souk_download_provider *p = &download->providers[provider];
	/* After the end nothing is asked of anybody: there is nothing to cancel either. */
	if (p->state == SOUK_DOWNLOAD_DROPPED || download->state != SOUK_DOWNLOAD_RUNNING)
		return;
	close_session(download, provider, reason);
	p->state = SOUK_DOWNLOAD_DROPPED;
	p->dropped = reason;
	p->drop_due = true;
	download->last_drop = reason;
}

/* Whether PROVIDER took more than it can blame on the end of sessions. */
static bool is_robber(const struct souk_download_provider *p)
{
	uint64_t window = p->customer->window + (p->customer->via_hub ? p->customer->step : 0);
	return p->units_robbed > LOSS_WINDOWS * window + p->units_verified / LOSS_PART;
}

/* The session is over, the provider is not to blame: open another one. */
void download_reopen(
	struct souk_download *download, uint32_t provider, souk_status reason, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	close_session(download, provider, reason);
	p->state = SOUK_DOWNLOAD_ADDED;
	if (p->fruitless >= FRUITLESS_MAX) {
		download_drop(download, provider, reason);
		return;
	}
	p->was_open = true;
	p->open_at = p->fruitless > 0 ? souk_time_plus_ms(now, download->config.retry_ms) : now;
}

bool download_is_running(const struct souk_download_provider *p)
{
	return p->state == SOUK_DOWNLOAD_OPENED && p->closing == SOUK_OK;
}

/* The provider takes no more tickets; but those that came in time have their keys, and what they
 * paid was received and can be read. Nothing else of the session can: others may have it. */
void download_close(
	struct souk_download *download, uint32_t provider, souk_status reason, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	if (!download_is_running(p))
		return;
	if (p->customer->payer.unit <= p->customer->keyed) {
		download_reopen(download, provider, reason, now);
		return;
	}
	p->closing = reason;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		struct souk_download_slot *slot = &download->slots[i];
		if (slot->state != SOUK_SLOT_FREE && !slot->orphan && slot->provider == provider &&
			slot->unit > p->customer->payer.unit)
			orphan_slot(download, p, slot);
	}
}

/* How long to pause after the failures in a row. */
static uint64_t backoff_ms(
	const struct souk_download *download, const struct souk_download_provider *p)
{
	uint32_t doublings = p->failures > BACKOFF_MAX ? BACKOFF_MAX : p->failures;
	return download->config.retry_ms << (doublings > 0 ? doublings - 1 : 0);
}

/* Whether somebody beside PROVIDER answers, as far as is known. */
static bool has_other(const struct souk_download *download, uint32_t provider)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (i != provider && p->failures == 0 && p->state != SOUK_DOWNLOAD_ABSENT &&
			p->state != SOUK_DOWNLOAD_DROPPED)
			return true;
	}
	return false;
}

static void count_failure(struct souk_download_provider *p, struct souk_time now)
{
	if (p->failures++ == 0)
		p->failing_since = now;
}

/* Whether PROVIDER, unreachable, is asked once more. The work of one of several is given to the
 * others soon; the last one may be restarting, and is waited for as long as for a silent one. */
static bool is_patient(const struct souk_download *download, uint32_t provider, souk_status status,
	struct souk_time now)
{
	const struct souk_download_provider *p = &download->providers[provider];
	if (p->failures < download->config.failures_max)
		return true;
	return souk_status_class(status) == SOUK_CLASS_IO && p->sessions > 0 &&
	       !has_other(download, provider) &&
	       souk_time_is_before(
		       now, souk_time_plus_ms(p->failing_since, download->config.timeout_ms));
}

static bool is_too_late(souk_status status)
{
	return status == SOUK_PEER_EPOCH_CLOSED || status == SOUK_PEER_STRIP_EXPIRED;
}

static bool ends_session(souk_status status)
{
	return is_too_late(status) || status == SOUK_PEER_UNKNOWN_SESSION ||
	       status == SOUK_PEER_OVERDRAW || status == SOUK_PEER_JUMP_TOO_FAR;
}

/* What a failed FETCH or KEYS means. True where it is to be tried again, at
 * paused_until. */
static bool note_failure(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	/* Its end is under way: see pull_last. */
	if (!download_is_running(p))
		return false;
	if (is_too_late(status)) {
		download_close(download, provider, status, now);
		return false;
	}
	if (ends_session(status)) {
		download_reopen(download, provider, status, now);
		return false;
	}
	/* An unpaid answer may come of a provider that restarted: our next ticket settles it. */
	bool again = souk_status_class(status) != SOUK_CLASS_PEER || status == SOUK_PEER_UNPAID;
	/* One broken connection fails every request on it: that is one failure, not several. */
	if (!souk_time_is_before(now, p->paused_until)) {
		count_failure(p, now);
		p->paused_until = souk_time_plus_ms(now, backoff_ms(download, p));
	}
	if (again && is_patient(download, provider, status, now))
		return true;
	download_drop(download, provider, status);
	return false;
}

static void note_heard(struct souk_download_provider *p, struct souk_time now)
{
	p->heard = now;
}

/* ------------------------------------------------------------------ answers to OPEN */

void souk_download_opened(struct souk_download *download, uint32_t provider, struct souk_time now)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	SOUK_CHECK(p->busy_opening);
	p->busy_opening = false;
	if (p->state != SOUK_DOWNLOAD_OPENING)
		return;
	SOUK_CHECK(p->customer->state == SOUK_CUSTOMER_OPEN);
	p->state = SOUK_DOWNLOAD_OPENED;
	p->sessions++;
	p->session_units = 0;
	/* The same epoch: it was not its end that ended the last session. */
	if (p->customer->ask.epoch == p->lost_epoch)
		p->units_robbed += p->lost_last;
	p->lost_last = 0;
	p->failures = 0;
	p->buy_failures = 0;
	p->keys_at = p->buy_at = now;
	note_heard(p, now);
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		souk_customer_end(p->customer, SOUK_LOCAL_STOPPED);
	else if (is_robber(p))
		download_drop(download, provider, p->lost_reason);
}

/* Whether a session with another provider runs, or is opened: its credit may come free. */
static bool others_run(const struct souk_download *download, uint32_t provider)
{
	for (uint32_t i = 0; i < download->provider_count; i++) {
		enum souk_download_provider_state state = download->providers[i].state;
		if (i != provider &&
			(state == SOUK_DOWNLOAD_OPENED || state == SOUK_DOWNLOAD_OPENING))
			return true;
	}
	return false;
}

void souk_download_open_failed(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	SOUK_CHECK(p->busy_opening);
	p->busy_opening = false;
	if (p->state != SOUK_DOWNLOAD_OPENING)
		return;
	p->state = SOUK_DOWNLOAD_ADDED;
	count_failure(p, now);
	/* A price may have changed and an epoch ended meanwhile: the caller asks with the new ones.
	 */
	bool again = souk_status_class(status) == SOUK_CLASS_IO || status == SOUK_LOCAL_FULL ||
		     status == SOUK_PEER_WRONG_EPOCH || status == SOUK_PEER_EPOCH_CLOSED ||
		     status == SOUK_PEER_UNKNOWN_SESSION;
	/* Who has no room now is not broken, and nothing of ours waits with it. */
	bool more = status == SOUK_LOCAL_FULL
			    ? p->failures < FULL_FACTOR * download->config.failures_max
			    : is_patient(download, provider, status, now);
	if (status == SOUK_PEER_HUB_CREDIT)
		again = more = others_run(download, provider);
	if (again && more)
		p->open_at = souk_time_plus_ms(now, backoff_ms(download, p));
	else
		download_drop(download, provider, status);
}

/* ------------------------------------------------------------------ answers to FETCH */

static struct souk_download_slot *answered_slot(struct souk_download *download, uint32_t slot)
{
	SOUK_CHECK(slot < download->config.slot_count);
	struct souk_download_slot *s = &download->slots[slot];
	SOUK_CHECK(s->state == SOUK_SLOT_FETCHING);
	download->providers[s->provider].fetching--;
	return s;
}

/* False where KEY ended the session: the provider is dropped. */
static bool take_key(
	struct souk_download *download, uint32_t provider, const struct souk_unit_key *key)
{
	if (key == NULL)
		return true;
	souk_status status = souk_customer_key(download->providers[provider].customer, key);
	if (status == SOUK_PEER_BAD_KEY || status == SOUK_PEER_BAD_CHECKPOINT)
		download_drop(download, provider, status);
	return status == SOUK_OK;
}

static void note_unit_time(struct souk_download_provider *p, uint64_t took_ms)
{
	took_ms = took_ms == 0 ? 1 : took_ms;
	p->unit_ms = p->unit_ms == 0 ? took_ms : (7 * p->unit_ms + took_ms + 4) / 8;
}

void souk_download_received(struct souk_download *download, uint32_t slot,
	const struct souk_unit_key *key, struct souk_time now)
{
	struct souk_download_slot *s = answered_slot(download, slot);
	uint32_t provider = s->provider;
	struct souk_download_provider *p = &download->providers[provider];
	if (s->orphan || download->state != SOUK_DOWNLOAD_RUNNING) {
		download_slot_free(download, s);
		return;
	}
	note_heard(p, now);
	p->failures = 0;
	note_unit_time(p, souk_time_since_ms(s->since, now));
	download_slot_move(download, s, SOUK_SLOT_RECEIVED);
	s->since = now;
	SOUK_CHECK(souk_customer_received(p->customer, s->unit) == SOUK_OK);
	(void)take_key(download, provider, key);
}

void souk_download_fetch_failed(
	struct souk_download *download, uint32_t slot, souk_status status, struct souk_time now)
{
	struct souk_download_slot *s = answered_slot(download, slot);
	uint32_t provider = s->provider;
	if (s->orphan || download->state != SOUK_DOWNLOAD_RUNNING) {
		download_slot_free(download, s);
		return;
	}
	download_slot_move(download, s, SOUK_SLOT_PLANNED);
	if (note_failure(download, provider, status, now))
		s->since = download->providers[provider].paused_until;
}

void souk_download_progress(struct souk_download *download, uint32_t provider, struct souk_time now)
{
	SOUK_CHECK(provider < download->provider_count);
	note_heard(&download->providers[provider], now);
}

/* ------------------------------------------------------------------ answers to KEYS */

/* The provider whose KEYS is answered; NULL where it matters no more. */
static struct souk_download_provider *answered_keys(
	struct souk_download *download, uint32_t provider)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	SOUK_CHECK(p->busy_keys);
	bool stale = p->keys_session != p->sessions;
	p->busy_keys = false;
	if (stale || p->state != SOUK_DOWNLOAD_OPENED || download->state != SOUK_DOWNLOAD_RUNNING)
		return NULL;
	return p;
}

void souk_download_keys(struct souk_download *download, uint32_t provider,
	const struct souk_unit_key *key, struct souk_time now)
{
	struct souk_download_provider *p = answered_keys(download, provider);
	if (p == NULL)
		return;
	note_heard(p, now);
	uint32_t before = p->customer->keyed;
	if (!take_key(download, provider, key))
		return;
	/* An answer without the key that was paid is a failure, however polite; but for the last
	 * one: not every ticket came in time. */
	if (download_is_running(p) && p->customer->keyed == before &&
		p->customer->keyed < p->customer->payer.unit) {
		if (note_failure(download, provider, SOUK_PEER_UNPAID, now))
			p->keys_at = p->paused_until;
		return;
	}
	p->failures = 0;
}

void souk_download_keys_failed(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	struct souk_download_provider *p = answered_keys(download, provider);
	if (p != NULL && note_failure(download, provider, status, now))
		p->keys_at = p->paused_until;
}

/* ------------------------------------------------------------------ answers to BUY */

/* The provider whose BUY is answered; NULL where it matters no more. */
static struct souk_download_provider *answered_buy(
	struct souk_download *download, uint32_t provider)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	SOUK_CHECK(p->busy_buying);
	bool stale = p->buy_session != p->sessions;
	p->busy_buying = false;
	if (stale || p->state != SOUK_DOWNLOAD_OPENED || download->state != SOUK_DOWNLOAD_RUNNING)
		return NULL;
	return p;
}

/* What the hub's answer, or its silence, means. Unlike a provider it has no other in its place. */
static void note_buy_failure(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[provider];
	/* Its end at the hub is not its end at the provider, who has been paid. */
	if (ends_session(status) || status == SOUK_PEER_OUT_OF_ORDER) {
		download_close(download, provider, status, now);
		return;
	}
	if (p->buy_failures++ == 0)
		p->buy_failing_since = now;
	bool again = souk_status_class(status) != SOUK_CLASS_PEER;
	if (!again || !souk_time_is_before(now, souk_time_plus_ms(p->buy_failing_since,
							download->config.timeout_ms))) {
		download_end(download, SOUK_DOWNLOAD_FAILED, status);
		return;
	}
	uint32_t doublings = p->buy_failures > BACKOFF_MAX ? BACKOFF_MAX : p->buy_failures;
	p->buy_at = souk_time_plus_ms(now, download->config.retry_ms << (doublings - 1));
}

void souk_download_bought(struct souk_download *download, uint32_t provider,
	const struct souk_ticket *ticket, struct souk_time now)
{
	struct souk_download_provider *p = answered_buy(download, provider);
	if (p == NULL)
		return;
	uint32_t before = p->customer->payer.known;
	souk_status status = souk_customer_bought(p->customer, ticket);
	/* An old ticket is no answer to a new question. */
	if (status == SOUK_OK && p->customer->payer.known == before)
		status = SOUK_PEER_STALE_TICKET;
	if (status == SOUK_OK)
		p->buy_failures = 0;
	else
		note_buy_failure(download, provider, status, now);
}

void souk_download_buy_failed(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	if (answered_buy(download, provider) != NULL)
		note_buy_failure(download, provider, status, now);
}

/* ------------------------------------------------------------------ answers to VERIFY */

void download_slot_free(struct souk_download *download, struct souk_download_slot *slot)
{
	if (!slot->orphan && slot->state != SOUK_SLOT_FREE)
		download->providers[slot->provider].held--;
	count_slot(download, slot, UINT32_MAX);
	*slot = (struct souk_download_slot){0};
}

/* A chunk that proved good counts, also where its provider was dropped meanwhile. */
static void note_good(struct souk_download *download, struct souk_download_slot *s)
{
	struct souk_download_provider *p = &download->providers[s->provider];
	p->units_verified++;
	p->bytes_verified += souk_content_chunk_length(&download->config.content, s->chunk);
	if (!s->orphan) {
		p->session_units++;
		if (download->state == SOUK_DOWNLOAD_RUNNING)
			SOUK_CHECK(souk_customer_verified(p->customer, s->unit) == SOUK_OK);
	}
}

void souk_download_checked(
	struct souk_download *download, uint32_t slot, souk_status status, struct souk_time now)
{
	(void)now;
	SOUK_CHECK(slot < download->config.slot_count);
	struct souk_download_slot *s = &download->slots[slot];
	SOUK_CHECK(s->state == SOUK_SLOT_CHECKING);
	uint32_t provider = s->provider, chunk = s->chunk;
	if (status == SOUK_OK)
		note_good(download, s);
	else
		download->providers[provider].units_wasted++;
	if (status != SOUK_OK)
		return_chunk(download, s);
	download_slot_free(download, s);
	if (status == SOUK_OK)
		set_done(download, chunk);
	else if (souk_status_class(status) == SOUK_CLASS_PEER)
		download_drop(download, provider, status);
	else if (status != SOUK_LOCAL_STOPPED)
		download_end(download, SOUK_DOWNLOAD_FAILED, status);
}

void souk_download_stop(struct souk_download *download, souk_status status)
{
	download_end(download, SOUK_DOWNLOAD_FAILED, status);
}

/* ------------------------------------------------------------------ time */

/* Whether the provider owes an answer now. */
static bool is_awaited(const struct souk_download_provider *p)
{
	return p->state == SOUK_DOWNLOAD_OPENED && (p->fetching > 0 || p->busy_keys);
}

/* The time a unit takes at the fastest other provider that has nothing to do; 0: there is none. */
static uint64_t idle_unit_ms(const struct souk_download *download, uint32_t provider)
{
	uint64_t best = 0;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (i == provider || !download_is_running(p) || p->held > 0 || p->unit_ms == 0)
			continue;
		best = best == 0 || p->unit_ms < best ? p->unit_ms : best;
	}
	return best;
}

/* When PROVIDER, the last one that work is left at, is too slow to be waited for. */
static struct souk_time slow_deadline(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	struct souk_time oldest = SOUK_TIME_NEVER;
	if (p->fetching == 0 ||
		souk_bitmap_next_clear(&download->taken, download->cursor) < download->chunk_count)
		return SOUK_TIME_NEVER;
	uint64_t others = idle_unit_ms(download, provider);
	if (others == 0)
		return SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->state == SOUK_SLOT_FETCHING && !s->orphan && s->provider == provider)
			oldest = souk_time_earlier(oldest, s->since);
	}
	uint64_t patience = others > UINT64_MAX / SLOW_FACTOR ? UINT64_MAX : others * SLOW_FACTOR;
	return souk_time_plus_ms(oldest, patience < SLOW_MIN_MS ? SLOW_MIN_MS : patience);
}

static struct souk_time provider_deadline(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	if (!is_awaited(p))
		return SOUK_TIME_NEVER;
	return souk_time_earlier(souk_time_plus_ms(p->heard, download->config.timeout_ms),
		slow_deadline(download, provider));
}

void souk_download_tick(struct souk_download *download, struct souk_time now)
{
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		if (!souk_time_is_before(now, provider_deadline(download, i)))
			download_drop(download, i, SOUK_PEER_SILENT);
	}
}

/* The earlier of DEADLINE and T, where T has not passed already when effects were last pulled. */
static struct souk_time upcoming(
	const struct souk_download *download, struct souk_time deadline, struct souk_time t)
{
	return souk_time_is_before(download->pulled, t) ? souk_time_earlier(deadline, t) : deadline;
}

/* Pauses end too: the caller pulls effects after each tick. */
static struct souk_time pause_deadline(const struct souk_download *download)
{
	struct souk_time deadline = SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (p->state == SOUK_DOWNLOAD_ADDED && !p->busy_opening)
			deadline = upcoming(download, deadline, p->open_at);
		if (p->state == SOUK_DOWNLOAD_OPENED && !p->busy_keys)
			deadline = upcoming(download, deadline, p->keys_at);
		if (p->state == SOUK_DOWNLOAD_OPENED && !p->busy_buying)
			deadline = upcoming(download, deadline, p->buy_at);
	}
	for (uint32_t i = 0; download->planned > 0 && i < download->config.slot_count; i++) {
		if (download->slots[i].state == SOUK_SLOT_PLANNED)
			deadline = upcoming(download, deadline, download->slots[i].since);
	}
	return deadline;
}

struct souk_time souk_download_deadline(const struct souk_download *download)
{
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return SOUK_TIME_NEVER;
	struct souk_time deadline = pause_deadline(download);
	for (uint32_t i = 0; i < download->provider_count; i++)
		deadline = souk_time_earlier(deadline, provider_deadline(download, i));
	return deadline;
}
