/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/cache.h"

#include <string.h>

#include "souk/base/check.h"

/* Priorities count ncoin for 16 MiB: one for each such part of a byte's worth. */
#define SCALE_BITS 24
/* No worth counts for more, so that age + worth never wraps. */
#define WORTH_MAX (1ull << 61)
/* Over this everything is brought down again. */
#define AGE_MAX (1ull << 61)

__extension__ typedef unsigned __int128 wide;

/* ------------------------------------------------------------------ keeping */

static void make_free(struct souk_cache *cache, uint32_t index)
{
	cache->items[index] = (struct souk_cache_item){.next_free = cache->free_head};
	cache->free_head = index;
}

void souk_cache_init(
	struct souk_cache *cache, uint64_t limit, struct souk_cache_item *items, uint32_t max)
{
	*cache = (struct souk_cache){.limit = limit, .free_head = SOUK_CACHE_NONE};
	souk_cache_grow(cache, items, max);
}

void souk_cache_grow(struct souk_cache *cache, struct souk_cache_item *items, uint32_t max)
{
	uint32_t before = cache->max;
	SOUK_CHECK(max >= before && max < SOUK_CACHE_NONE);
	cache->items = items;
	cache->max = max;
	for (uint32_t i = max; i > before; i--)
		make_free(cache, i - 1);
}

static struct souk_cache_item *item_at(struct souk_cache *cache, uint32_t index)
{
	SOUK_CHECK(index < cache->max && cache->items[index].size > 0);
	return &cache->items[index];
}

/* Worth for each byte. */
static uint64_t value_of(const struct souk_cache_item *item)
{
	wide whole = (wide)item->size + item->coming;
	wide value = ((wide)item->worth.ncoin << SCALE_BITS) / whole;
	return value < WORTH_MAX ? (uint64_t)value : WORTH_MAX;
}

/* Ages only rise. Long before one wraps all are brought down by it. */
static void bring_down(struct souk_cache *cache)
{
	if (cache->age <= AGE_MAX)
		return;
	for (uint32_t i = 0; i < cache->max; i++) {
		struct souk_cache_item *item = &cache->items[i];
		item->priority -= item->priority < cache->age ? item->priority : cache->age;
	}
	cache->age = 0;
}

static bool goes_before(const struct souk_cache_item *a, const struct souk_cache_item *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->used < b->used;
}

static bool has_room(const struct souk_cache *cache, uint64_t size)
{
	return cache->used <= cache->limit && size <= cache->limit - cache->used;
}

souk_status souk_cache_victim(const struct souk_cache *cache, uint64_t size, uint32_t *ret_index)
{
	const struct souk_cache_item *least = NULL;
	if (has_room(cache, size))
		return SOUK_LOCAL_NOT_FOUND;
	if (cache->held > cache->limit || size > cache->limit - cache->held)
		return SOUK_LOCAL_FULL;
	for (uint32_t i = 0; i < cache->max; i++) {
		const struct souk_cache_item *item = &cache->items[i];
		if (item->size > 0 && item->holds == 0 &&
			(least == NULL || goes_before(item, least)))
			least = item;
	}
	SOUK_CHECK(least != NULL);
	*ret_index = (uint32_t)(least - cache->items);
	return SOUK_OK;
}

static souk_status add(
	struct souk_cache *cache, const struct souk_cache_item *item, uint32_t *ret_index)
{
	uint32_t index = cache->free_head;
	if (index == SOUK_CACHE_NONE)
		return SOUK_LOCAL_TOO_SMALL;
	if (item->size > UINT64_MAX - cache->used)
		return SOUK_LOCAL_FULL;
	cache->free_head = cache->items[index].next_free;
	cache->items[index] = *item;
	cache->items[index].used = ++cache->clock;
	cache->used += item->size;
	cache->count++;
	*ret_index = index;
	return SOUK_OK;
}

souk_status souk_cache_insert(
	struct souk_cache *cache, uint64_t size, struct souk_amount credit, uint32_t *ret_index)
{
	return souk_cache_insert_part(cache, size, size, credit, ret_index);
}

bool souk_cache_fits(const struct souk_cache *cache, uint64_t whole)
{
	wide wanted = (wide)cache->held + cache->coming + whole;
	return wanted <= cache->limit;
}

souk_status souk_cache_insert_part(struct souk_cache *cache, uint64_t size, uint64_t whole,
	struct souk_amount credit, uint32_t *ret_index)
{
	struct souk_cache_item item = {.size = size, .coming = whole - size, .worth = credit};
	SOUK_CHECK(size > 0 && size <= whole);
	if (!has_room(cache, size) || !souk_cache_fits(cache, whole))
		return SOUK_LOCAL_FULL;
	item.priority = cache->age + value_of(&item);
	return add(cache, &item, ret_index);
}

souk_status souk_cache_extend(struct souk_cache *cache, uint32_t index, uint64_t more)
{
	struct souk_cache_item *item = item_at(cache, index);
	SOUK_CHECK(more <= item->coming);
	if (!has_room(cache, more))
		return SOUK_LOCAL_FULL;
	item->size += more;
	item->coming -= more;
	cache->used += more;
	if (item->holds > 0) {
		cache->held += more;
		cache->coming -= more;
	}
	return SOUK_OK;
}

souk_status souk_cache_restore(struct souk_cache *cache, uint64_t size, uint64_t whole,
	struct souk_amount worth, uint64_t priority, uint32_t *ret_index)
{
	struct souk_cache_item item = {
		.size = size, .coming = whole - size, .worth = worth, .priority = priority};
	SOUK_CHECK(size > 0 && size <= whole);
	if (priority > AGE_MAX + WORTH_MAX) /* none that was ever given */
		item.priority = 0;
	uint64_t age = cache->count == 0 || item.priority < cache->age ? item.priority : cache->age;
	SOUK_TRY(add(cache, &item, ret_index));
	cache->age = age;
	bring_down(cache);
	return SOUK_OK;
}

void souk_cache_earned(struct souk_cache *cache, uint32_t index, struct souk_amount earned)
{
	struct souk_cache_item *item = item_at(cache, index);
	if (souk_amount_add(&item->worth, item->worth, earned) != SOUK_OK)
		item->worth.ncoin = UINT64_MAX;
	item->priority = cache->age + value_of(item);
	item->used = ++cache->clock;
}

void souk_cache_used(struct souk_cache *cache, uint32_t index)
{
	item_at(cache, index)->used = ++cache->clock;
}

void souk_cache_hold(struct souk_cache *cache, uint32_t index)
{
	struct souk_cache_item *item = item_at(cache, index);
	if (item->holds++ > 0)
		return;
	cache->held += item->size;
	cache->coming += item->coming;
}

void souk_cache_release(struct souk_cache *cache, uint32_t index)
{
	struct souk_cache_item *item = item_at(cache, index);
	SOUK_CHECK(item->holds > 0);
	if (--item->holds > 0)
		return;
	cache->held -= item->size;
	cache->coming -= item->coming;
}

void souk_cache_remove(struct souk_cache *cache, uint32_t index)
{
	struct souk_cache_item *item = item_at(cache, index);
	SOUK_CHECK(item->holds == 0);
	cache->used -= item->size;
	cache->count--;
	make_free(cache, index);
}

void souk_cache_evict(struct souk_cache *cache, uint32_t index)
{
	uint64_t priority = item_at(cache, index)->priority;
	if (priority > cache->age)
		cache->age = priority;
	souk_cache_remove(cache, index);
	bring_down(cache);
}

/* ------------------------------------------------------------------ price by demand */

static uint64_t clamp(uint64_t value, const struct souk_price_policy *policy)
{
	if (value > policy->ceiling.ncoin)
		value = policy->ceiling.ncoin;
	return value < policy->floor.ncoin ? policy->floor.ncoin : value;
}

void souk_price_init(struct souk_price *price, const struct souk_price_policy *policy,
	struct souk_amount start, struct souk_time now)
{
	SOUK_CHECK(policy->target_permille > 0 && policy->target_permille < 1000);
	SOUK_CHECK(policy->step_ms > 0);
	*price = (struct souk_price){.policy = *policy, .stepped = now};
	if (policy->ceiling.ncoin < policy->floor.ncoin)
		price->policy.ceiling = policy->floor;
	price->now.ncoin = clamp(start.ncoin, &price->policy);
}

/* An eighth, in the share that utilisation is away from the target; but one at least, or a low
 * price would never move. */
static void step_once(struct souk_price *price, uint32_t utilisation)
{
	uint32_t target = price->policy.target_permille;
	bool rises = utilisation > target;
	uint32_t away = rises ? utilisation - target : target - utilisation;
	uint32_t most = rises ? 1000 - target : target;
	uint64_t change = (uint64_t)((wide)price->now.ncoin * away / most / 8);
	if (away == 0)
		return;
	if (change == 0)
		change = 1;
	uint64_t next = rises ? price->now.ncoin + change : price->now.ncoin - change;
	if (rises && next < price->now.ncoin)
		next = UINT64_MAX;
	if (!rises && next > price->now.ncoin)
		next = 0;
	price->now.ncoin = clamp(next, &price->policy);
}

bool souk_price_step(struct souk_price *price, uint32_t utilisation_permille, struct souk_time now)
{
	uint64_t before = price->now.ncoin;
	if (utilisation_permille > 1000)
		utilisation_permille = 1000;
	if (souk_time_is_before(now, price->stepped))
		return false;
	uint64_t due = souk_time_since_ms(price->stepped, now) / price->policy.step_ms;
	if (due == 0)
		return false;
	for (uint64_t i = 0; i < due && i < SOUK_PRICE_STEPS_MAX; i++)
		step_once(price, utilisation_permille);
	price->stepped = souk_time_plus_ms(price->stepped, due * price->policy.step_ms);
	return price->now.ncoin != before;
}
