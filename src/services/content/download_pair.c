/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks that two are asked for: the slow tail of a download, and what a reader waits for.
 *
 *   late --second request--> PAIR --first one checked good--> the other is SPARE:
 *                             |         cancelled where nothing of it is paid, and else read too
 *                             '--one of them fails--> the other goes on alone
 *
 * hedges_cost counts each pair from its beginning, and gives it back where one of both was not
 * paid. So it never says less than what was paid twice. */
#include "download_internal.h"
#include "souk/base/check.h"

/* A chunk is late after so many times what it would take elsewhere. */
#define LATE_FACTOR	2u
#define LATE_MIN_MS	200u
#define LATE_UNKNOWN_MS 1000u
#define COST_MIN	2u

/* ------------------------------------------------------------------ pairs */

static bool is_live(const struct souk_download_slot *s)
{
	return s->state != SOUK_SLOT_FREE && !s->vacant &&
	       (!s->orphan || s->state == SOUK_SLOT_CHECKING);
}

struct souk_download_slot *download_twin(
	struct souk_download *download, const struct souk_download_slot *slot)
{
	if (!slot->paired && !slot->spare)
		return NULL;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		struct souk_download_slot *s = &download->slots[i];
		if (s != slot && is_live(s) && s->chunk == slot->chunk)
			return s;
	}
	return NULL;
}

void download_pair(struct souk_download *download, struct souk_download_slot *slot)
{
	slot->paired = slot->hedge = true;
	struct souk_download_slot *twin = download_twin(download, slot);
	SOUK_CHECK(twin != NULL && !twin->paired);
	twin->paired = true;
	download->pairs++;
	download->hedges_cost++;
	download->hedges++;
}

/* Whether the unit of SLOT is paid, or may be: nobody asks of a session that is over. */
static bool is_paid(const struct souk_download *download, const struct souk_download_slot *slot)
{
	return slot->orphan ||
	       slot->unit <= souk_customer_paid(download->providers[slot->provider].customer);
}

void download_unpair(struct souk_download *download, struct souk_download_slot *slot)
{
	if (!slot->paired && !slot->spare)
		return;
	if (!is_paid(download, slot))
		download->hedges_cost--;
	if (slot->paired) {
		struct souk_download_slot *twin = download_twin(download, slot);
		SOUK_CHECK(twin != NULL);
		twin->paired = twin->hedge = false;
		download->pairs--;
	}
	download->spares -= slot->spare;
	slot->paired = slot->hedge = slot->spare = false;
}

bool download_is_last(const struct souk_download *download, const struct souk_download_slot *slot)
{
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->state != SOUK_SLOT_FREE && !s->orphan && s->provider == slot->provider &&
			s->unit > slot->unit)
			return false;
	}
	return true;
}

/* Nobody needs what SLOT is asked for. Where units after it are waited for it must come, and is
 * paid: a session's units are paid in their order. */
static void stop_spare(struct souk_download *download, struct souk_download_slot *slot)
{
	bool is_asked = slot->state == SOUK_SLOT_FETCHING;
	if ((!is_asked && slot->state != SOUK_SLOT_PLANNED) || !download_is_last(download, slot))
		return;
	download->providers[slot->provider].ending = true;
	if (is_asked) {
		slot->cancel_due = true;
		download->cancels++;
	} else {
		download_slot_free(download, slot);
	}
}

void download_win(struct souk_download *download, struct souk_download_slot *slot)
{
	struct souk_download_slot *twin = download_twin(download, slot);
	if (!slot->paired || twin == NULL)
		return;
	download->hedges_won += slot->hedge;
	download->pairs--;
	slot->paired = slot->hedge = twin->paired = twin->hedge = false;
	twin->spare = true;
	download->spares++;
	stop_spare(download, twin);
}

/* ------------------------------------------------------------------ what is late */

static uint64_t cost_max(const struct souk_download *download)
{
	uint64_t max = (uint64_t)download->chunk_count * download->config.hedge_permille / 1000;
	return max < COST_MIN ? COST_MIN : max;
}

static bool may_hedge(const struct souk_download *download)
{
	return !download->config.no_hedges && download->provider_count > 1 &&
	       download->pairs < download->config.hedges_max &&
	       download->hedges_cost < cost_max(download);
}

static bool can_help(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	return download_is_running(p) && !p->ending && p->failures == 0 &&
	       p->flying < download->config.pipeline;
}

/* How old a request to P is before PROVIDER is asked too. */
static uint64_t late_ms(const struct souk_download *download, uint32_t provider,
	const struct souk_download_provider *p)
{
	uint64_t ms = download->providers[provider].unit_ms;
	ms = ms > 0 ? ms : p->unit_ms;
	if (ms == 0)
		return LATE_UNKNOWN_MS;
	ms = ms > UINT64_MAX / LATE_FACTOR ? UINT64_MAX : ms * LATE_FACTOR;
	return ms < LATE_MIN_MS ? LATE_MIN_MS : ms;
}

/* Whether SLOT is one that a second request could help. */
static bool may_be_late(const struct souk_download *download, const struct souk_download_slot *s)
{
	bool waits = s->state == SOUK_SLOT_FETCHING || s->state == SOUK_SLOT_PLANNED ||
		     (s->state == SOUK_SLOT_RECEIVED &&
			     s->unit > download->providers[s->provider].customer->keyed);
	return waits && !s->orphan && !s->paired && !s->spare && !s->vacant;
}

static struct souk_time late_at(
	const struct souk_download *download, const struct souk_download_slot *s, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[s->provider];
	/* Its request has failed already. */
	if (s->state == SOUK_SLOT_PLANNED)
		return p->failing_since;
	return souk_time_plus_ms(s->since, late_ms(download, provider, p));
}

uint32_t download_hedge(const struct souk_download *download, uint32_t provider, bool only_wanted,
	struct souk_time now)
{
	const struct souk_download_slot *found = NULL;
	if (!may_hedge(download))
		return download->chunk_count;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->provider == provider || !may_be_late(download, s) ||
			!download_has(download, provider, s->chunk) ||
			souk_time_is_before(now, late_at(download, s, provider)) ||
			(only_wanted && !download_is_wanted(download, s->chunk)))
			continue;
		if (found == NULL || souk_time_is_before(s->since, found->since))
			found = s;
	}
	return found == NULL ? download->chunk_count : found->chunk;
}

/* Who could help soonest, and who else. */
static void find_helpers(const struct souk_download *download, uint32_t ret[2])
{
	ret[0] = ret[1] = UINT32_MAX;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		uint64_t ms = download->providers[i].unit_ms;
		if (!can_help(download, i))
			continue;
		if (ret[0] == UINT32_MAX || ms < download->providers[ret[0]].unit_ms) {
			ret[1] = ret[0];
			ret[0] = i;
		} else if (ret[1] == UINT32_MAX || ms < download->providers[ret[1]].unit_ms) {
			ret[1] = i;
		}
	}
}

struct souk_time download_hedge_deadline(const struct souk_download *download)
{
	struct souk_time deadline = SOUK_TIME_NEVER;
	uint32_t helpers[2];
	if (!may_hedge(download) || download->used == 0)
		return deadline;
	find_helpers(download, helpers);
	for (uint32_t i = 0; helpers[0] != UINT32_MAX && i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		uint32_t helper = helpers[s->provider == helpers[0]];
		if (helper == UINT32_MAX || !may_be_late(download, s))
			continue;
		struct souk_time at = late_at(download, s, helper);
		/* What is past was looked at, and helped nobody so far. */
		if (souk_time_is_before(download->pulled, at))
			deadline = souk_time_earlier(deadline, at);
	}
	return deadline;
}
