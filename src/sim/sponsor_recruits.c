/* SPDX-License-Identifier: Apache-2.0
 *
 * How many caches a simulated sponsor has: by souk/content/recruiting.h, as soukd has it. A recruit
 * and its answer take no time here, and nobody need pull. */
#include <stdlib.h>

#include "actor_provider.h"
#include "actor_sponsor.h"
#include "souk/base/check.h"

#define SMOOTH_MS   2000u
#define RETRY_MS    1000u
#define REPLICA_MAX 64u

static const struct souk_sponsor_cache *cache_of(const struct sim_sponsor *s,
	const struct souk_address *provider, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < s->sponsor->cache_count; i++) {
		const struct souk_sponsor_cache *cache = &s->sponsor->memory.caches[i];
		if (souk_address_equal(&cache->record.offer.offer.provider, provider) &&
			souk_hash_equal(&cache->record.offer.offer.content, id))
			return cache;
	}
	return NULL;
}

static enum souk_prospect_state state_of(const struct sim_sponsor *s,
	const struct souk_address *provider, const struct souk_hash *id)
{
	const struct souk_sponsor_cache *cache = cache_of(s, provider, id);
	if (cache == NULL)
		return SOUK_PROSPECT_FREE;
	if (cache->record.barred)
		return SOUK_PROSPECT_BARRED;
	return souk_time_is_before(sim_now(s->node), cache->record.expires) ? SOUK_PROSPECT_ENLISTED
									    : SOUK_PROSPECT_FREE;
}

/* Whoever has a leaf and the content; returns how many of them are enlisted. */
static uint32_t list_prospects(struct sim_sponsor *s, uint32_t number, const struct souk_hash *id)
{
	uint32_t enlisted = 0;
	s->prospect_count = 0;
	for (uint32_t i = 0; i < s->leaf_count; i++) {
		struct sim_node *provider = sim_node_of(s->node->world, &s->leaves[i].provider);
		struct souk_prospect *p = &s->prospects[s->prospect_count];
		if (!sim_provider_stocks(sim_provider_of(provider), number))
			continue;
		*p = (struct souk_prospect){
			.state = state_of(s, &s->leaves[i].provider, id),
			.address = s->leaves[i].provider,
			.network = sim_sponsor_network(s->node->world, provider->id),
			.price = sim_provider_of(provider)->price,
		};
		enlisted += p->state == SOUK_PROSPECT_ENLISTED;
		s->prospect_count++;
	}
	return enlisted;
}

static uint32_t target_of(
	struct sim_sponsor *s, struct sim_crew *crew, const struct souk_sponsor_content *content)
{
	const struct souk_recruiting_policy policy = {
		.max = REPLICA_MAX,
		.replica_units = s->replica_units,
		.smooth_ms = SMOOTH_MS,
		.hold_ms = s->hold_ms,
		.retry_ms = RETRY_MS,
	};
	uint64_t price = sim_world_scenario(s->node->world)->price;
	/* Drawn: what was given up since is taken for nothing. */
	uint64_t units = content->record.units + content->held.ncoin / price;
	const struct souk_recruiting_view view = {
		.units = units > crew->units ? units - crew->units : 0,
		.min = s->sponsor->config.caches,
		.left = souk_sponsor_free_for(s->sponsor, &content->content.id),
	};
	crew->units = units;
	return souk_recruiting_look(&crew->recruiting, &policy, &view, sim_now(s->node));
}

static void follow(struct sim_sponsor *s, uint32_t number)
{
	const struct souk_sponsor_content *content = &s->sponsor->memory.contents[number];
	const struct souk_hash *id = &content->content.id;
	struct sim_crew *crew = &s->crews[number];
	uint32_t target = target_of(s, crew, content);
	uint32_t enlisted = list_prospects(s, number, id), before = enlisted;
	while (enlisted < target) {
		uint32_t index = souk_recruiting_choose(s->prospects, s->prospect_count,
			souk_amount_of_ncoin(UINT64_MAX), s->node->id, sim_now(s->node));
		if (index == SOUK_RECRUITING_NONE)
			break;
		struct souk_prospect *p = &s->prospects[index];
		bool is_there = sim_sponsor_enlist(s, &p->address, number) == SOUK_OK;
		p->state = is_there ? SOUK_PROSPECT_ENLISTED : SOUK_PROSPECT_BARRED;
		enlisted += is_there;
	}
	while (enlisted > target) {
		uint32_t index =
			souk_recruiting_release(s->prospects, s->prospect_count, s->node->id);
		SOUK_CHECK(index != SOUK_RECRUITING_NONE);
		s->prospects[index].state = SOUK_PROSPECT_FREE;
		souk_sponsor_release(s->sponsor, &s->prospects[index].address, id);
		enlisted--;
	}
	crew->enlisted = enlisted;
	if (enlisted != before)
		sim_say(s->node, "content %u has %u caches, and wants %u", number, enlisted,
			target);
}

void sim_sponsor_follow(struct sim_sponsor *s)
{
	for (uint32_t i = 0; i < s->sponsor->content_count; i++)
		follow(s, i);
}
