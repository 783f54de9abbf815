/* SPDX-License-Identifier: Apache-2.0
 *
 * What the answers to its effects do to a download. */
#include "download_internal.h"
#include "souk/base/check.h"

/* So many times more often than otherwise a provider without room is asked for a session. */
#define FULL_FACTOR 2u
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
	else if (download_is_robber(p))
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

/* Whether PROVIDER may be an epoch ahead of us, or behind: the ledger tells one of us first, at
 * each epoch's turn. That passes, sooner than anybody is taken for silent. */
static bool is_at_turn(const struct souk_download *download, uint32_t provider, souk_status status,
	struct souk_time now)
{
	struct souk_time since = download->providers[provider].failing_since;
	return (status == SOUK_PEER_WRONG_EPOCH || status == SOUK_PEER_EPOCH_CLOSED) &&
	       souk_time_is_before(now, souk_time_plus_ms(since, download->config.timeout_ms));
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
	download_count_failure(p, now);
	/* A price may have changed and an epoch ended meanwhile: the caller asks with the new ones.
	 */
	bool again = souk_status_class(status) == SOUK_CLASS_IO || status == SOUK_LOCAL_FULL ||
		     status == SOUK_PEER_WRONG_EPOCH || status == SOUK_PEER_EPOCH_CLOSED ||
		     status == SOUK_PEER_UNKNOWN_SESSION;
	/* Who has no room now is not broken, and nothing of ours waits with it. */
	bool more = status == SOUK_LOCAL_FULL
			    ? p->failures < FULL_FACTOR * download->config.failures_max
			    : is_at_turn(download, provider, status, now) ||
				      download_is_patient(download, provider, status, now);
	if (status == SOUK_PEER_HUB_CREDIT)
		again = more = others_run(download, provider);
	if (again && more)
		p->open_at = souk_time_plus_ms(now, download_backoff_ms(download, p));
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

/* SLOT is not needed, and nothing that its session still owes is paid with it. */
static void end_without(struct souk_download *download, struct souk_download_slot *slot)
{
	download->providers[slot->provider].ending = true;
	download_slot_free(download, slot);
}

/* Nobody is to blame: caches come and go. The unit takes another chunk, when there is one. */
static void note_absent(
	struct souk_download *download, struct souk_download_slot *s, struct souk_time now)
{
	struct souk_download_provider *p = &download->providers[s->provider];
	note_heard(p, now);
	p->parts[s->chunk / 64] &= ~(UINT64_C(1) << s->chunk % 64);
	p->is_partial = p->rebinds = true;
	p->failures = 0;
	if (p->absent++ >= DOWNLOAD_ABSENT_MAX) {
		uint32_t doublings = p->absent - DOWNLOAD_ABSENT_MAX;
		doublings = doublings > DOWNLOAD_BACKOFF_MAX ? DOWNLOAD_BACKOFF_MAX : doublings;
		p->ask_at = souk_time_plus_ms(now, download->config.retry_ms << (doublings - 1));
	}
	download_return_chunk(download, s);
	download->cancels -= s->cancel_due;
	s->cancel_due = false;
	s->vacant = true;
	download_slot_move(download, s, SOUK_SLOT_PLANNED);
	s->since = now;
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
	p->failures = p->absent = 0;
	note_unit_time(p, souk_time_since_ms(s->since, now));
	if (s->spare && download_is_last(download, s)) {
		end_without(download, s);
		return;
	}
	download->cancels -= s->cancel_due;
	s->cancel_due = false;
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
	if (status == SOUK_LOCAL_NOT_HERE && download->providers[provider].parts != NULL) {
		note_absent(download, s, now);
		return;
	}
	if (s->spare && status == SOUK_LOCAL_STOPPED) {
		end_without(download, s);
		return;
	}
	download->cancels -= s->cancel_due;
	s->cancel_due = false;
	download_slot_move(download, s, SOUK_SLOT_PLANNED);
	if (download_note_failure(download, provider, status, now))
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
		if (download_note_failure(download, provider, SOUK_PEER_UNPAID, now))
			p->keys_at = p->paused_until;
		return;
	}
	p->failures = 0;
}

void souk_download_keys_failed(
	struct souk_download *download, uint32_t provider, souk_status status, struct souk_time now)
{
	struct souk_download_provider *p = answered_keys(download, provider);
	if (p != NULL && download_note_failure(download, provider, status, now))
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
	if (download_ends_session(status) || status == SOUK_PEER_OUT_OF_ORDER) {
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
	uint32_t doublings =
		p->buy_failures > DOWNLOAD_BACKOFF_MAX ? DOWNLOAD_BACKOFF_MAX : p->buy_failures;
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

/* A chunk that proved good counts, also where its provider was dropped meanwhile. */
static void note_good(struct souk_download *download, struct souk_download_slot *s)
{
	struct souk_download_provider *p = &download->providers[s->provider];
	p->units_verified++;
	p->units_spare += s->spare;
	if (!s->spare)
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
	if (status == SOUK_OK) {
		note_good(download, s);
		download_win(download, s);
	} else {
		download->providers[provider].units_wasted++;
		download_return_chunk(download, s);
	}
	download_slot_free(download, s);
	if (status == SOUK_OK)
		download_set_done(download, chunk);
	else if (souk_status_class(status) == SOUK_CLASS_PEER)
		download_drop(download, provider, status);
	else if (status != SOUK_LOCAL_STOPPED)
		download_end(download, SOUK_DOWNLOAD_FAILED, status);
}
