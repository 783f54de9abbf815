/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is silent or slow, and when a download wants to be looked at again. */
#include "download_internal.h"

/* ------------------------------------------------------------------ time */

/* A provider this much slower than the fastest is not waited for at the end. */
#define SLOW_FACTOR 8u
#define SLOW_MIN_MS 1000u

/* Whether the provider owes an answer now. */
static bool is_awaited(const struct souk_download_provider *p)
{
	return p->state == SOUK_DOWNLOAD_OPENED && (p->fetching > 0 || p->busy_keys);
}

/* The time a unit takes at the fastest other provider that has nothing to do, and has the chunk of
 * SLOT; 0: there is none. */
static uint64_t idle_unit_ms(
	const struct souk_download *download, const struct souk_download_slot *slot)
{
	uint64_t best = 0;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (i == slot->provider || !download_is_running(p) || p->held > 0 ||
			p->unit_ms == 0 || !download_has(download, i, slot->chunk))
			continue;
		best = best == 0 || p->unit_ms < best ? p->unit_ms : best;
	}
	return best;
}

/* When PROVIDER, the last one that work is left at, is too slow to be waited for, and nobody was
 * asked in its place. */
static struct souk_time slow_deadline(const struct souk_download *download, uint32_t provider)
{
	const struct souk_download_provider *p = &download->providers[provider];
	struct souk_time deadline = SOUK_TIME_NEVER;
	if (p->fetching == 0 || download->config.wants_only ||
		souk_bitmap_next_clear(&download->taken, download->cursor) < download->chunk_count)
		return SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->state != SOUK_SLOT_FETCHING || s->orphan || s->provider != provider ||
			s->paired || s->spare)
			continue;
		uint64_t others = idle_unit_ms(download, s);
		if (others == 0)
			continue;
		uint64_t ms = others > UINT64_MAX / SLOW_FACTOR ? UINT64_MAX : others * SLOW_FACTOR;
		deadline = souk_time_earlier(
			deadline, souk_time_plus_ms(s->since, ms < SLOW_MIN_MS ? SLOW_MIN_MS : ms));
	}
	return deadline;
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
	if (download->is_stuck && !souk_time_is_before(now, download->stuck_until))
		download_end(download, SOUK_DOWNLOAD_FAILED, download->status);
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
		if (p->state == SOUK_DOWNLOAD_OPENED)
			deadline = upcoming(download, deadline, p->ask_at);
	}
	for (uint32_t i = 0; download->planned > 0 && i < download->config.slot_count; i++) {
		if (download->slots[i].state == SOUK_SLOT_PLANNED && !download->slots[i].vacant)
			deadline = upcoming(download, deadline, download->slots[i].since);
	}
	return deadline;
}

struct souk_time souk_download_deadline(const struct souk_download *download)
{
	if (download->state != SOUK_DOWNLOAD_RUNNING)
		return SOUK_TIME_NEVER;
	struct souk_time deadline =
		souk_time_earlier(pause_deadline(download), download_hedge_deadline(download));
	if (download->is_stuck)
		deadline = souk_time_earlier(deadline, download->stuck_until);
	for (uint32_t i = 0; i < download->provider_count; i++)
		deadline = souk_time_earlier(deadline, provider_deadline(download, i));
	return deadline;
}
