/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of a download, and how sessions and providers end; see download_internal.h. */
#include "souk/content/download.h"

#include <string.h>

#include "download_internal.h"
#include "souk/base/check.h"

#define PIPELINE_DEFAULT   4u
#define FAILURES_DEFAULT   3u
#define TIMEOUT_DEFAULT_MS 10000u
#define RETRY_DEFAULT_MS   250u
#define WAIT_DEFAULT_MS	   30000u
#define HEDGES_DEFAULT	   4u
#define PERMILLE_DEFAULT   30u
/* Sessions in a row that verified nothing, after which a provider is given up. */
#define FRUITLESS_MAX 3u
/* What a provider may cost in windows that were paid and not delivered, over all its sessions,
 * before it is given up: so many, and one unit for each LOSS_PART of them that it delivered. What
 * is lost with the end of an epoch does not count: that takes a window at most, also from the
 * honest. Who robs one in each session, and blames its end for it, is found out. */
#define LOSS_WINDOWS 2u
#define LOSS_PART    8u
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
	if (config->wait_ms == 0)
		config->wait_ms = WAIT_DEFAULT_MS;
	if (config->hedges_max == 0)
		config->hedges_max = HEDGES_DEFAULT;
	if (config->hedge_permille == 0)
		config->hedge_permille = PERMILLE_DEFAULT;
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

void download_set_done(struct souk_download *download, uint32_t chunk)
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
		download_set_done(download, chunk);
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

void download_return_chunk(struct souk_download *download, struct souk_download_slot *slot)
{
	bool has_other = download_twin(download, slot) != NULL;
	download_unpair(download, slot);
	if (slot->vacant || has_other || souk_bitmap_get(&download->done, slot->chunk))
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

void download_slot_free(struct souk_download *download, struct souk_download_slot *slot)
{
	if (!slot->orphan && slot->state != SOUK_SLOT_FREE)
		download->providers[slot->provider].held--;
	download_unpair(download, slot);
	count_slot(download, slot, UINT32_MAX);
	download->cancels -= slot->cancel_due;
	*slot = (struct souk_download_slot){0};
}

/* A slot is free once nobody outside uses it. */
void download_orphan(struct souk_download *download, struct souk_download_slot *slot)
{
	struct souk_download_provider *p = &download->providers[slot->provider];
	p->held--;
	/* What is being checked may yet be good, and then nobody need fetch it again. */
	if (slot->state != SOUK_SLOT_CHECKING)
		download_return_chunk(download, slot);
	p->units_wasted += slot->state == SOUK_SLOT_RECEIVED;
	count_slot(download, slot, UINT32_MAX);
	slot->orphan = true;
	download->cancels -= slot->cancel_due;
	slot->cancel_due = false;
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
	p->asked_last = p->ending = p->rebinds = false;
	p->units_paid += souk_customer_paid(p->customer);
	if (souk_amount_add(&spent, p->spent, souk_customer_spent(p->customer)) == SOUK_OK)
		p->spent = spent;
	note_loss(download, provider, reason);
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		struct souk_download_slot *slot = &download->slots[i];
		if (slot->state != SOUK_SLOT_FREE && !slot->orphan && slot->provider == provider)
			download_orphan(download, slot);
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
bool download_is_robber(const struct souk_download_provider *p)
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
			download_orphan(download, slot);
	}
}

uint64_t download_backoff_ms(
	const struct souk_download *download, const struct souk_download_provider *p)
{
	uint32_t doublings =
		p->failures > DOWNLOAD_BACKOFF_MAX ? DOWNLOAD_BACKOFF_MAX : p->failures;
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

void download_count_failure(struct souk_download_provider *p, struct souk_time now)
{
	if (p->failures++ == 0)
		p->failing_since = now;
}

/* Whether PROVIDER, unreachable, is asked once more. The work of one of several is given to the
 * others soon; the last one may be restarting, and is waited for as long as for a silent one. */
bool download_is_patient(const struct souk_download *download, uint32_t provider,
	souk_status status, struct souk_time now)
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

bool download_ends_session(souk_status status)
{
	return is_too_late(status) || status == SOUK_PEER_UNKNOWN_SESSION ||
	       status == SOUK_PEER_OVERDRAW || status == SOUK_PEER_JUMP_TOO_FAR;
}

bool download_note_failure(
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
	/* Of a unit that it said it would not send it may have sent an earlier copy. */
	if (download_ends_session(status) || (status == SOUK_PEER_UNIT_REBOUND && p->rebinds)) {
		download_reopen(download, provider, status, now);
		return false;
	}
	/* An unpaid answer may come of a provider that restarted: our next ticket settles it. */
	bool again = souk_status_class(status) != SOUK_CLASS_PEER || status == SOUK_PEER_UNPAID;
	/* One broken connection fails every request on it: that is one failure, not several. */
	if (!souk_time_is_before(now, p->paused_until)) {
		download_count_failure(p, now);
		p->paused_until = souk_time_plus_ms(now, download_backoff_ms(download, p));
	}
	if (again && download_is_patient(download, provider, status, now))
		return true;
	download_drop(download, provider, status);
	return false;
}

void souk_download_stop(struct souk_download *download, souk_status status)
{
	download_end(download, SOUK_DOWNLOAD_FAILED, status);
}
