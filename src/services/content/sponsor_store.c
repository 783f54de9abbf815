/* SPDX-License-Identifier: Apache-2.0
 *
 * The sponsor's tables: what is in them, what is to be stored of them, and how it comes back. */
#include <string.h>

#include "souk/base/check.h"
#include "sponsor_internal.h"

static const void *viewer_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_sponsor_viewer *)ctx)[index].address;
}

static const void *prefix_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_sponsor_prefix *)ctx)[index].prefix;
}

static const void *bundle_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_sponsor_bundle *)ctx)[index].record.bundle;
}

static uint64_t draw_u64(struct souk_secret_rng *rng)
{
	uint64_t value;
	souk_secret_rng_fill(rng, &value, sizeof value);
	return value;
}

/* Nobody has asked yet, in this epoch. */
static void forget_viewers(struct souk_sponsor *sponsor)
{
	struct souk_sponsor_memory *memory = &sponsor->memory;
	sponsor->viewer_count = sponsor->prefix_count = sponsor->viewers_due = 0;
	souk_map_init(&sponsor->viewer_map, memory->viewer_slots, memory->viewer_max,
		SOUK_ADDRESS_SIZE, draw_u64(&sponsor->rng), viewer_key_of, memory->viewers);
	souk_map_init(&sponsor->prefix_map, memory->prefix_slots, memory->prefix_max,
		sizeof(uint64_t), draw_u64(&sponsor->rng), prefix_key_of, memory->prefixes);
}

void souk_sponsor_init(struct souk_sponsor *sponsor, const struct souk_sponsor_config *config,
	const struct souk_sponsor_memory *memory)
{
	SOUK_CHECK(config->caches >= 1 && config->caches <= SOUK_BUNDLE_CACHES_MAX);
	SOUK_CHECK(config->segment >= 1 && config->segment <= SOUK_BUNDLE_SEGMENT_MAX);
	SOUK_CHECK(config->units_max >= 1 && config->units_max <= SOUK_BUNDLE_UNITS_MAX);
	SOUK_CHECK(config->puzzle.mode == 0 ||
		   (config->puzzle.rounds >= 1 && config->puzzle.rounds <= SOUK_PUZZLE_ROUNDS_MAX));
	SOUK_CHECK(config->puzzle.mode != SOUK_PUZZLE_FAST ||
		   (config->puzzle.starts >= 1 && config->puzzle.starts <= SOUK_PUZZLE_STARTS_MAX));
	SOUK_CHECK(config->url == NULL || strlen(config->url) <= 256);
	SOUK_CHECK(memory->content_max >= 1 && memory->cache_max >= 1 && memory->viewer_max >= 1 &&
		   memory->prefix_max >= 1 && memory->bundle_max >= 1);
	memset(sponsor, 0, sizeof *sponsor);
	sponsor->config = *config;
	sponsor->memory = *memory;
	souk_secret_rng_init(&sponsor->rng, config->seed);
	souk_secret_rng_fill(&sponsor->rng, &sponsor->draw_secret, sizeof sponsor->draw_secret);
	for (uint32_t i = 0; i < memory->bundle_max; i++) {
		memory->bundles[i].state = SOUK_BUNDLE_FREE;
		memory->bundles[i].store_due = false;
	}
	forget_viewers(sponsor);
	souk_map_init(&sponsor->bundle_map, memory->bundle_slots, memory->bundle_max,
		SOUK_NONCE_SIZE, draw_u64(&sponsor->rng), bundle_key_of, memory->bundles);
}

/* ------------------------------------------------------------------ tables */

struct souk_sponsor_content *sponsor_content_of(
	const struct souk_sponsor *sponsor, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < sponsor->content_count; i++) {
		if (souk_hash_equal(&sponsor->memory.contents[i].content.id, id))
			return &sponsor->memory.contents[i];
	}
	return NULL;
}

const struct souk_sponsor_content *souk_sponsor_content_of(
	const struct souk_sponsor *sponsor, const struct souk_hash *content)
{
	return sponsor_content_of(sponsor, content);
}

static struct souk_sponsor_cache *cache_at(const struct souk_sponsor *sponsor, uint32_t place)
{
	return place == 0 ? NULL : &sponsor->memory.caches[place - 1];
}

const struct souk_sponsor_cache *souk_sponsor_next_cache(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_content *content, const struct souk_sponsor_cache *cache)
{
	return cache_at(sponsor, cache == NULL ? content->first_cache : cache->next_cache);
}

struct souk_sponsor_cache *sponsor_cache_of(const struct souk_sponsor *sponsor,
	const struct souk_address *provider, const struct souk_hash *content)
{
	const struct souk_sponsor_content *entry = sponsor_content_of(sponsor, content);
	struct souk_sponsor_cache *cache =
		entry == NULL ? NULL : cache_at(sponsor, entry->first_cache);
	while (cache != NULL && !souk_address_equal(&cache->record.offer.offer.provider, provider))
		cache = cache_at(sponsor, cache->next_cache);
	return cache;
}

struct souk_sponsor_cache *sponsor_cache_add(
	struct souk_sponsor *sponsor, struct souk_sponsor_content *content)
{
	if (sponsor->cache_count == sponsor->memory.cache_max)
		return NULL;
	struct souk_sponsor_cache *cache = &sponsor->memory.caches[sponsor->cache_count++];
	struct souk_sponsor_cache *last = cache_at(sponsor, content->last_cache);
	memset(cache, 0, sizeof *cache);
	content->last_cache = sponsor->cache_count;
	if (last != NULL)
		last->next_cache = sponsor->cache_count;
	else
		content->first_cache = sponsor->cache_count;
	return cache;
}

struct souk_sponsor_viewer *sponsor_viewer_of(
	const struct souk_sponsor *sponsor, const struct souk_address *address)
{
	uint32_t index = souk_map_find(&sponsor->viewer_map, address);
	return index == SOUK_MAP_NONE ? NULL : &sponsor->memory.viewers[index];
}

struct souk_sponsor_bundle *sponsor_bundle_of(
	const struct souk_sponsor *sponsor, const struct souk_nonce *bundle)
{
	uint32_t index = souk_map_find(&sponsor->bundle_map, bundle);
	return index == SOUK_MAP_NONE ? NULL : &sponsor->memory.bundles[index];
}

const struct souk_sponsor_bundle *souk_sponsor_bundle_of(
	const struct souk_sponsor *sponsor, const struct souk_nonce *bundle)
{
	return sponsor_bundle_of(sponsor, bundle);
}

struct souk_sponsor_prefix *sponsor_prefix_of(struct souk_sponsor *sponsor, uint64_t prefix)
{
	uint32_t index = souk_map_find(&sponsor->prefix_map, &prefix);
	if (index != SOUK_MAP_NONE)
		return &sponsor->memory.prefixes[index];
	if (sponsor->prefix_count == sponsor->memory.prefix_max)
		return NULL;
	struct souk_sponsor_prefix *entry = &sponsor->memory.prefixes[sponsor->prefix_count];
	*entry = (struct souk_sponsor_prefix){.prefix = prefix};
	SOUK_CHECK(souk_map_insert(&sponsor->prefix_map, sponsor->prefix_count) == SOUK_OK);
	sponsor->prefix_count++;
	return entry;
}

struct souk_sponsor_viewer *sponsor_viewer_add(
	struct souk_sponsor *sponsor, const struct souk_address *address, uint64_t prefix)
{
	struct souk_sponsor_prefix *network = sponsor_prefix_of(sponsor, prefix);
	if (network == NULL || sponsor->viewer_count == sponsor->memory.viewer_max)
		return NULL;
	struct souk_sponsor_viewer *viewer = &sponsor->memory.viewers[sponsor->viewer_count];
	*viewer = (struct souk_sponsor_viewer){
		.address = *address, .record = {.epoch = sponsor->epoch, .prefix = prefix}};
	SOUK_CHECK(souk_map_insert(&sponsor->viewer_map, sponsor->viewer_count) == SOUK_OK);
	sponsor->viewer_count++;
	network->viewers++;
	return viewer;
}

struct souk_sponsor_prefix *sponsor_network_of(
	struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b)
{
	const struct souk_sponsor_viewer *viewer = sponsor_viewer_of(sponsor, &b->record.viewer);
	if (viewer == NULL || viewer->record.epoch != b->record.epoch)
		return NULL;
	return sponsor_prefix_of(sponsor, viewer->record.prefix);
}

souk_status souk_sponsor_add_content(struct souk_sponsor *sponsor,
	const struct souk_content *content, const struct souk_hash *group,
	struct souk_amount budget)
{
	if (sponsor_content_of(sponsor, &content->id) != NULL)
		return SOUK_LOCAL_EXISTS;
	if (sponsor->content_count == sponsor->memory.content_max)
		return SOUK_LOCAL_FULL;
	sponsor->memory.contents[sponsor->content_count++] =
		(struct souk_sponsor_content){.content = *content,
			.group = group != NULL ? *group : content->id,
			.budget = budget};
	return SOUK_OK;
}

souk_status souk_sponsor_set_budget(
	struct souk_sponsor *sponsor, const struct souk_hash *content, struct souk_amount budget)
{
	struct souk_sponsor_content *entry = sponsor_content_of(sponsor, content);
	if (entry == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	entry->budget = budget;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ money of a bundle */

void sponsor_add(struct souk_amount *total, struct souk_amount gain)
{
	struct souk_amount sum;
	*total = souk_amount_add(&sum, *total, gain) == SOUK_OK ? sum
								: souk_amount_of_ncoin(UINT64_MAX);
}

static struct souk_amount left_of(
	struct souk_amount budget, struct souk_amount spent, struct souk_amount held)
{
	struct souk_amount left;
	if (souk_amount_sub(&left, budget, spent) != SOUK_OK ||
		souk_amount_sub(&left, left, held) != SOUK_OK)
		return SOUK_AMOUNT_ZERO;
	return left;
}

struct souk_amount souk_sponsor_free(const struct souk_sponsor *sponsor)
{
	return left_of(sponsor->config.budget, sponsor->totals.spent, sponsor->held);
}

struct souk_amount souk_sponsor_free_for(
	const struct souk_sponsor *sponsor, const struct souk_hash *content)
{
	const struct souk_sponsor_content *entry = sponsor_content_of(sponsor, content);
	struct souk_amount all = souk_sponsor_free(sponsor);
	if (entry == NULL)
		return SOUK_AMOUNT_ZERO;
	struct souk_amount spent = SOUK_AMOUNT_ZERO, held = SOUK_AMOUNT_ZERO;
	for (uint32_t i = 0; i < sponsor->content_count; i++) {
		const struct souk_sponsor_content *other = &sponsor->memory.contents[i];
		if (!souk_hash_equal(&other->group, &entry->group))
			continue;
		sponsor_add(&spent, other->record.spent);
		sponsor_add(&held, other->held);
	}
	struct souk_amount own = left_of(entry->budget, spent, held);
	return souk_amount_is_less(own, all) ? own : all;
}

struct souk_bundle_plan sponsor_plan_of(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle_record *record)
{
	const struct souk_sponsor_content *content = sponsor_content_of(sponsor, &record->content);
	SOUK_CHECK(content != NULL);
	return (struct souk_bundle_plan){
		.content = content->content,
		.caches = record->sessions.count,
		.first = record->first,
		.units = record->units,
		.segment = record->segment,
	};
}

souk_status sponsor_row_of(struct souk_sponsor_bundle *b)
{
	struct souk_amount row = SOUK_AMOUNT_ZERO, total;
	for (uint32_t i = 0; i < b->record.sessions.count; i++)
		SOUK_TRY(souk_amount_add(&row, row, b->record.sessions.items[i].price));
	SOUK_TRY(souk_amount_mul(&total, row, b->record.units));
	b->row = row;
	return SOUK_OK;
}

struct souk_amount sponsor_worth(const struct souk_sponsor_bundle *b, uint64_t units)
{
	struct souk_amount amount;
	SOUK_CHECK(souk_amount_mul(&amount, b->row, units) == SOUK_OK);
	return amount;
}

struct souk_amount sponsor_left(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b)
{
	struct souk_bundle_plan plan = sponsor_plan_of(sponsor, &b->record);
	return sponsor_worth(b, plan.units - souk_bundle_segment_start(&plan, b->record.paid));
}

/* The next slot in turn that nothing runs in. */
struct souk_sponsor_bundle *sponsor_bundle_slot(struct souk_sponsor *sponsor)
{
	uint32_t max = sponsor->memory.bundle_max;
	for (uint32_t i = 0; i < max; i++) {
		uint32_t index = (sponsor->bundle_cursor + i) % max;
		struct souk_sponsor_bundle *b = &sponsor->memory.bundles[index];
		if (b->store_due || (b->state != SOUK_BUNDLE_FREE && b->state != SOUK_BUNDLE_OVER))
			continue;
		if (b->state == SOUK_BUNDLE_OVER)
			souk_map_remove(&sponsor->bundle_map, &b->record.bundle);
		souk_bytes_wipe(b, sizeof *b);
		b->state = SOUK_BUNDLE_FREE;
		sponsor->bundle_cursor = (index + 1) % max;
		return b;
	}
	return NULL;
}

void sponsor_bundle_start(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b,
	enum souk_sponsor_bundle_state state, struct souk_time now)
{
	b->state = state;
	b->drawn = now;
	sponsor_add(&sponsor->held, sponsor_left(sponsor, b));
	sponsor_add(
		&sponsor_content_of(sponsor, &b->record.content)->held, sponsor_left(sponsor, b));
	SOUK_CHECK(souk_map_insert(&sponsor->bundle_map, (uint32_t)(b - sponsor->memory.bundles)) ==
		   SOUK_OK);
}

void sponsor_bundle_end(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b)
{
	struct souk_amount left = sponsor_left(sponsor, b);
	struct souk_sponsor_content *content = sponsor_content_of(sponsor, &b->record.content);
	struct souk_sponsor_prefix *network = sponsor_network_of(sponsor, b);
	SOUK_CHECK(souk_amount_sub(&sponsor->held, sponsor->held, left) == SOUK_OK);
	SOUK_CHECK(souk_amount_sub(&content->held, content->held, left) == SOUK_OK);
	if (network != NULL && network->bundles > 0)
		network->bundles--;
	b->state = SOUK_BUNDLE_OVER;
	b->record.over = true;
	sponsor_touch_bundle(sponsor, b);
}

/* ------------------------------------------------------------------ time */

/* Until when something is to come of B, which nothing was paid for yet: else who asks for bundles
 * and never uses them would hold budgets. */
static struct souk_time patience_end(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b)
{
	if (b->state == SOUK_BUNDLE_DRAWN)
		return souk_time_plus_ms(b->drawn, sponsor->config.drawn_ms);
	return b->record.paid == 0 ? souk_time_plus_ms(b->drawn, SOUK_SPONSOR_FIRST_MS)
				   : SOUK_TIME_NEVER;
}

static bool is_done(const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b,
	struct souk_time now)
{
	if (sponsor->epoch_known && (b->record.epoch != sponsor->epoch ||
					    !souk_time_is_before(now, sponsor->epoch_end)))
		return true;
	return !souk_time_is_before(now, b->record.expires) ||
	       !souk_time_is_before(now, patience_end(sponsor, b));
}

static bool is_running(const struct souk_sponsor_bundle *b)
{
	return b->state == SOUK_BUNDLE_DRAWN || b->state == SOUK_BUNDLE_OPEN;
}

void souk_sponsor_tick(struct souk_sponsor *sponsor, struct souk_time now)
{
	sponsor->ticked = now;
	for (uint32_t i = 0; i < sponsor->memory.bundle_max; i++) {
		struct souk_sponsor_bundle *b = &sponsor->memory.bundles[i];
		if (is_running(b) && is_done(sponsor, b, now))
			sponsor_bundle_end(sponsor, b);
	}
}

struct souk_time souk_sponsor_deadline(const struct souk_sponsor *sponsor)
{
	struct souk_time deadline = SOUK_TIME_NEVER;
	for (uint32_t i = 0; i < sponsor->memory.bundle_max; i++) {
		const struct souk_sponsor_bundle *b = &sponsor->memory.bundles[i];
		if (!is_running(b))
			continue;
		deadline = souk_time_earlier(deadline, b->record.expires);
		deadline = souk_time_earlier(deadline, patience_end(sponsor, b));
		if (sponsor->epoch_known)
			deadline = souk_time_earlier(deadline, sponsor->epoch_end);
	}
	return deadline;
}

void souk_sponsor_set_epoch(struct souk_sponsor *sponsor, uint64_t epoch, struct souk_time end,
	const struct souk_hash *beacon, struct souk_time now)
{
	bool is_new = !sponsor->epoch_known || sponsor->epoch != epoch;
	bool is_later = sponsor->epoch_known && is_new;
	sponsor->epoch = epoch;
	sponsor->epoch_end = end;
	sponsor->epoch_known = true;
	sponsor->beacon = *beacon;
	/* Viewers that were restored before the first call are this epoch's, or do not count. */
	if (is_later || (is_new && sponsor->viewer_count > 0 &&
				sponsor->memory.viewers[0].record.epoch != epoch))
		forget_viewers(sponsor);
	souk_sponsor_tick(sponsor, now);
}

/* ------------------------------------------------------------------ restore */

void souk_sponsor_restore_totals(
	struct souk_sponsor *sponsor, const struct souk_sponsor_totals_record *record)
{
	sponsor->totals = *record;
}

souk_status souk_sponsor_restore_content(struct souk_sponsor *sponsor,
	const struct souk_hash *content, const struct souk_sponsor_content_record *record)
{
	struct souk_sponsor_content *entry = sponsor_content_of(sponsor, content);
	if (entry == NULL)
		return SOUK_LOCAL_STATE;
	entry->record = *record;
	return SOUK_OK;
}

souk_status souk_sponsor_restore_cache(
	struct souk_sponsor *sponsor, const struct souk_sponsor_cache_record *record)
{
	const struct souk_offer *offer = &record->offer.offer;
	struct souk_sponsor_content *content = sponsor_content_of(sponsor, &offer->content);
	if (content == NULL)
		return SOUK_LOCAL_STATE;
	if (offer->price.ncoin == 0 || offer->units_max == 0 || offer->window == 0)
		return SOUK_CORRUPT_STORE;
	if (sponsor_cache_of(sponsor, &offer->provider, &offer->content) != NULL)
		return SOUK_LOCAL_EXISTS;
	struct souk_sponsor_cache *cache = sponsor_cache_add(sponsor, content);
	if (cache == NULL)
		return SOUK_LOCAL_FULL;
	cache->record = *record;
	return SOUK_OK;
}

souk_status souk_sponsor_restore_viewer(struct souk_sponsor *sponsor,
	const struct souk_address *address, const struct souk_sponsor_viewer_record *record)
{
	uint64_t epoch = sponsor->epoch_known	     ? sponsor->epoch
			 : sponsor->viewer_count > 0 ? sponsor->memory.viewers[0].record.epoch
						     : record->epoch;
	if (record->epoch < epoch)
		return SOUK_LOCAL_STATE;
	if (record->epoch > epoch) {
		if (sponsor->epoch_known)
			return SOUK_CORRUPT_STORE;
		forget_viewers(sponsor);
	}
	if (sponsor_viewer_of(sponsor, address) != NULL)
		return SOUK_LOCAL_EXISTS;
	struct souk_sponsor_viewer *viewer = sponsor_viewer_add(sponsor, address, record->prefix);
	if (viewer == NULL)
		return SOUK_LOCAL_FULL;
	viewer->record = *record;
	sponsor_prefix_of(sponsor, record->prefix)->units += record->units;
	return SOUK_OK;
}

static souk_status check_bundle(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle_record *record)
{
	uint32_t count = record->sessions.count;
	if (count == 0 || sponsor_content_of(sponsor, &record->content) == NULL)
		return SOUK_CORRUPT_STORE;
	struct souk_bundle_plan plan = sponsor_plan_of(sponsor, record);
	if (souk_bundle_plan_check(&plan) != SOUK_OK ||
		record->paid > souk_bundle_segment_count(&plan))
		return SOUK_CORRUPT_STORE;
	for (uint32_t i = 0; i < count; i++) {
		if (sponsor_cache_of(
			    sponsor, &record->sessions.items[i].provider, &record->content) == NULL)
			return SOUK_CORRUPT_STORE;
	}
	return SOUK_OK;
}

souk_status souk_sponsor_restore_bundle(struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle_record *record, struct souk_time now)
{
	if (record->over)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(check_bundle(sponsor, record));
	if (sponsor_bundle_of(sponsor, &record->bundle) != NULL)
		return SOUK_LOCAL_EXISTS;
	struct souk_sponsor_bundle *b = sponsor_bundle_slot(sponsor);
	if (b == NULL)
		return SOUK_LOCAL_FULL;
	b->record = *record;
	if (sponsor_row_of(b) != SOUK_OK) {
		souk_bytes_wipe(b, sizeof *b);
		return SOUK_CORRUPT_STORE;
	}
	sponsor_bundle_start(
		sponsor, b, record->opened ? SOUK_BUNDLE_OPEN : SOUK_BUNDLE_DRAWN, now);
	struct souk_sponsor_prefix *network = sponsor_network_of(sponsor, b);
	if (network != NULL)
		network->bundles++;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ effects */

void sponsor_touch_content(struct souk_sponsor *sponsor, struct souk_sponsor_content *content)
{
	if (content->store_due)
		return;
	content->store_due = true;
	content->due_next = sponsor->contents_due;
	sponsor->contents_due = (uint32_t)(content - sponsor->memory.contents) + 1;
}

void sponsor_touch_cache(struct souk_sponsor *sponsor, struct souk_sponsor_cache *cache)
{
	sponsor->totals_due = true;
	if (cache->store_due)
		return;
	cache->store_due = true;
	cache->due_next = sponsor->caches_due;
	sponsor->caches_due = (uint32_t)(cache - sponsor->memory.caches) + 1;
}

void sponsor_touch_viewer(struct souk_sponsor *sponsor, struct souk_sponsor_viewer *viewer)
{
	if (viewer->store_due)
		return;
	viewer->store_due = true;
	viewer->due_next = sponsor->viewers_due;
	sponsor->viewers_due = (uint32_t)(viewer - sponsor->memory.viewers) + 1;
}

void sponsor_touch_bundle(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b)
{
	sponsor->totals_due = true;
	if (b->store_due)
		return;
	b->store_due = true;
	b->due_next = sponsor->bundles_due;
	sponsor->bundles_due = (uint32_t)(b - sponsor->memory.bundles) + 1;
}

bool souk_sponsor_next_effect(struct souk_sponsor *sponsor, struct souk_sponsor_effect *ret)
{
	uint32_t index;
	if (sponsor->totals_due) {
		sponsor->totals_due = false;
		*ret = (struct souk_sponsor_effect){SOUK_SPONSOR_STORE_TOTALS, 0};
	} else if (sponsor->contents_due != 0) {
		index = sponsor->contents_due - 1;
		sponsor->contents_due = sponsor->memory.contents[index].due_next;
		sponsor->memory.contents[index].store_due = false;
		*ret = (struct souk_sponsor_effect){SOUK_SPONSOR_STORE_CONTENT, index};
	} else if (sponsor->caches_due != 0) {
		index = sponsor->caches_due - 1;
		sponsor->caches_due = sponsor->memory.caches[index].due_next;
		sponsor->memory.caches[index].store_due = false;
		*ret = (struct souk_sponsor_effect){SOUK_SPONSOR_STORE_CACHE, index};
	} else if (sponsor->viewers_due != 0) {
		index = sponsor->viewers_due - 1;
		sponsor->viewers_due = sponsor->memory.viewers[index].due_next;
		sponsor->memory.viewers[index].store_due = false;
		*ret = (struct souk_sponsor_effect){SOUK_SPONSOR_STORE_VIEWER, index};
	} else if (sponsor->bundles_due != 0) {
		index = sponsor->bundles_due - 1;
		sponsor->bundles_due = sponsor->memory.bundles[index].due_next;
		sponsor->memory.bundles[index].store_due = false;
		*ret = (struct souk_sponsor_effect){SOUK_SPONSOR_STORE_BUNDLE, index};
	} else {
		return false;
	}
	return true;
}

void souk_sponsor_repeat_effect(
	struct souk_sponsor *sponsor, const struct souk_sponsor_effect *effect)
{
	switch (effect->kind) {
	case SOUK_SPONSOR_STORE_TOTALS: sponsor->totals_due = true; return;
	case SOUK_SPONSOR_STORE_CONTENT:
		sponsor_touch_content(sponsor, &sponsor->memory.contents[effect->index]);
		return;
	case SOUK_SPONSOR_STORE_CACHE:
		sponsor_touch_cache(sponsor, &sponsor->memory.caches[effect->index]);
		return;
	case SOUK_SPONSOR_STORE_VIEWER:
		sponsor_touch_viewer(sponsor, &sponsor->memory.viewers[effect->index]);
		return;
	case SOUK_SPONSOR_STORE_BUNDLE:
		sponsor_touch_bundle(sponsor, &sponsor->memory.bundles[effect->index]);
		return;
	}
}

void souk_sponsor_wipe(struct souk_sponsor *sponsor)
{
	struct souk_sponsor_memory *memory = &sponsor->memory;
	souk_bytes_wipe(memory->caches, memory->cache_max * sizeof *memory->caches);
	souk_bytes_wipe(memory->bundles, memory->bundle_max * sizeof *memory->bundles);
	souk_bytes_wipe(sponsor, sizeof *sponsor);
}
