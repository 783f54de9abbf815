/* SPDX-License-Identifier: Apache-2.0
 *
 * The doubter: it looks at once at caches that viewers complained of.
 *
 *   complaint --> in doubt: drawn last --asked for its offer, and its data server--> both answer:
 *                     ^                                          |                   as before
 *                     '--- after 1 s, 2 s, ... 30 s: silence ----'
 *
 * until the recruiter gives it up. The data server is asked too: viewers fetch from that one, and a
 * cache that is half dead would be drawn again each time.
 *
 * So a dead cache costs viewers one failure and not those of ten seconds, and who complains of an
 * honest one keeps it out for a round trip. New doubts go first: dead ones keep nobody waiting for
 * longer than one of them is silent.
 *
 * One thread, with a client of the ledger of its own. Memory only. */
#include <stdio.h>
#include <stdlib.h>

#include "../client/provider_client.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

#define ROUND_MS   100u
#define TIMEOUT_MS 2000u
#define AGAIN_MS   1000u
#define AGAIN_MAX  30000u

/* When a cache in doubt is asked again, by a steady clock. */
struct doubt {
	uint64_t next_ms, wait_ms; /* 0: it was not asked so far */
};

struct sponsor_doubter {
	struct sponsor_node *node;
	struct souk_chain_client *chain;
	struct doubt *doubts; /* of caches, by index */
	pthread_t thread;
	bool runs;
};

/* Who is asked now. */
struct suspect {
	uint32_t index;
	struct souk_address provider;
	struct souk_hash content;
	char data_url[sizeof(((struct souk_offer *)0)->data_url.text)]; /* as viewers are told */
};

static uint64_t steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

/* The one that waits for longest of those that are due; false where there is none. Under lock. */
static bool choose(struct sponsor_doubter *d, struct suspect *ret)
{
	struct souk_sponsor *sponsor = &d->node->sponsor;
	struct souk_time now = sponsor_now();
	uint64_t now_ms = steady_ms();
	const struct doubt *best = NULL;
	for (uint32_t i = 0; sponsor->doubts > 0 && i < sponsor->cache_count; i++) {
		const struct souk_sponsor_cache *cache = &sponsor->memory.caches[i];
		struct doubt *doubt = &d->doubts[i];
		if (!cache->in_doubt) {
			*doubt = (struct doubt){0};
		} else if (cache->record.barred ||
			   !souk_time_is_before(now, cache->record.expires)) {
			souk_sponsor_found(sponsor, i, now);
		} else if (doubt->next_ms <= now_ms &&
			   (best == NULL || doubt->next_ms < best->next_ms)) {
			const struct souk_offer *offer = &cache->record.offer.offer;
			best = doubt;
			*ret = (struct suspect){
				.index = i, .provider = offer->provider, .content = offer->content};
			snprintf(ret->data_url, sizeof ret->data_url, "%s", offer->data_url.text);
		}
	}
	return best != NULL;
}

/* Whether it is there, has the content, and could send it. */
static souk_status ask(struct sponsor_doubter *d, const struct suspect *suspect)
{
	struct souk_provider_record record;
	struct provider_client client;
	struct souk_signed_offer offer;
	SOUK_TRY(souk_chain_provider(d->chain, &suspect->provider, &record));
	souk_status status = provider_client_init(&client, &record, TIMEOUT_MS);
	if (status == SOUK_OK)
		status = provider_client_offer(&client, &suspect->content, &offer);
	provider_client_done(&client);
	SOUK_TRY(status);
	return provider_data_is_there(suspect->data_url, TIMEOUT_MS);
}

static void look_at(struct sponsor_doubter *d, const struct suspect *suspect)
{
	struct doubt *doubt = &d->doubts[suspect->index];
	bool is_first = doubt->wait_ms == 0;
	souk_status status = ask(d, suspect);
	doubt->wait_ms = is_first ? AGAIN_MS : doubt->wait_ms * 2;
	doubt->wait_ms = doubt->wait_ms < AGAIN_MAX ? doubt->wait_ms : AGAIN_MAX;
	doubt->next_ms = steady_ms() + doubt->wait_ms;
	if (status == SOUK_OK) {
		pthread_mutex_lock(&d->node->lock);
		souk_sponsor_found(&d->node->sponsor, suspect->index, sponsor_now());
		pthread_mutex_unlock(&d->node->lock);
	} else if (is_first) {
		SOUK_LOG(SOUK_LOG_INFO, "cache_doubted",
			souk_log_hex("provider", suspect->provider.bytes, SOUK_ADDRESS_SIZE),
			souk_log_hex("content", suspect->content.bytes, SOUK_HASH_SIZE),
			souk_log_status(status));
	}
}

static void *doubter_run(void *ctx)
{
	struct sponsor_doubter *d = ctx;
	while (!stopper_pause(&d->node->stopper, ROUND_MS)) {
		struct suspect suspect;
		bool is_due;
		do {
			pthread_mutex_lock(&d->node->lock);
			is_due = choose(d, &suspect);
			pthread_mutex_unlock(&d->node->lock);
			if (is_due)
				look_at(d, &suspect);
		} while (is_due && !stopper_pause(&d->node->stopper, 0));
	}
	return NULL;
}

souk_status sponsor_doubter_start(struct sponsor_node *node)
{
	struct sponsor_doubter *d = node->doubter = calloc(1, sizeof *d);
	if (d == NULL)
		return SOUK_IO_MEMORY;
	d->node = node;
	d->doubts = calloc(node->sponsor.memory.cache_max, sizeof *d->doubts);
	d->chain = souk_chain_client_new(node->config.ledger_url);
	if (d->doubts == NULL || d->chain == NULL)
		return SOUK_IO_MEMORY;
	souk_chain_set_timeout(d->chain, TIMEOUT_MS);
	d->runs = pthread_create(&d->thread, NULL, doubter_run, d) == 0;
	return d->runs ? SOUK_OK : SOUK_IO_MEMORY;
}

void sponsor_doubter_stop(struct sponsor_node *node)
{
	struct sponsor_doubter *d = node->doubter;
	if (d == NULL)
		return;
	if (d->runs)
		pthread_join(d->thread, NULL);
	souk_chain_client_free(d->chain);
	free(d->doubts);
	free(d);
	node->doubter = NULL;
}
