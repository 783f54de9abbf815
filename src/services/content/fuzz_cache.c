/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzz a cache and a price: what it keeps, by C1 to C5 of souk/content/cache.h.
 *
 * Input: operations of four bytes. */
#include "souk/base/bytes.h"
#include "souk/base/check.h"
#include "souk/content/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX   16u
#define LIMIT 100000u

static struct souk_cache_item items[MAX];

static void check(const struct souk_cache *cache)
{
	uint64_t used = 0, held = 0, coming = 0;
	for (uint32_t i = 0; i < MAX; i++) {
		used += items[i].size;
		held += items[i].holds > 0 ? items[i].size : 0;
		coming += items[i].holds > 0 ? items[i].coming : 0;
	}
	SOUK_CHECK(used == cache->used && held == cache->held && coming == cache->coming);
}

static void evict(struct souk_cache *cache, uint32_t index)
{
	uint64_t age = cache->age, priority = items[index].priority;
	SOUK_CHECK(items[index].holds == 0);
	for (uint32_t i = 0; i < MAX; i++) {
		bool stays = items[i].size > 0 && items[i].holds == 0 && i != index;
		SOUK_CHECK(!stays || items[i].priority > priority ||
			   (items[i].priority == priority && items[i].used > items[index].used));
	}
	souk_cache_evict(cache, index);
	SOUK_CHECK(cache->age == 0 || (cache->age >= age && cache->age >= priority));
}

/* Room for WANTED bytes, by evicting; an item where there is room, to which MORE come later. */
static void insert(struct souk_cache *cache, uint64_t wanted, uint64_t more, uint64_t credit)
{
	uint32_t index;
	souk_status status;
	while ((status = souk_cache_victim(cache, wanted, &index)) == SOUK_OK)
		evict(cache, index);
	SOUK_CHECK((status == SOUK_LOCAL_FULL) ==
		   (cache->held > cache->limit || wanted > cache->limit - cache->held));
	if (status == SOUK_LOCAL_FULL)
		return;
	bool is_full = cache->count == MAX;
	bool fits = souk_cache_fits(cache, wanted + more);
	status = souk_cache_insert_part(
		cache, wanted, wanted + more, (struct souk_amount){credit}, &index);
	SOUK_CHECK(status == (!fits ? SOUK_LOCAL_FULL : is_full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK));
	SOUK_CHECK(cache->used <= cache->limit);
}

static void extend(struct souk_cache *cache, uint32_t index, uint64_t more)
{
	bool has_room = cache->used <= cache->limit && more <= cache->limit - cache->used;
	souk_status status = souk_cache_extend(cache, index, more);
	SOUK_CHECK(status == (has_room ? SOUK_OK : SOUK_LOCAL_FULL));
}

static void step_price(struct souk_price *price, uint32_t utilisation, uint64_t ms)
{
	uint64_t before = price->now.ncoin;
	souk_price_step(price, utilisation, souk_time_plus_ms(price->stepped, ms));
	uint64_t after = price->now.ncoin;
	SOUK_CHECK(after >= price->policy.floor.ncoin && after <= price->policy.ceiling.ncoin);
	if (ms < 2 * price->policy.step_ms)
		SOUK_CHECK(after <= before + before / 8 + 1 && before <= after + before / 8 + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct souk_price_policy policy = {{100}, {10000}, 500, 10};
	struct souk_cache cache;
	struct souk_price price;
	souk_cache_init(&cache, LIMIT, items, 0);
	souk_cache_grow(&cache, items, MAX);
	souk_price_init(&price, &policy, (struct souk_amount){1000}, (struct souk_time){0});
	for (; size >= 4; data += 4, size -= 4) {
		uint32_t index = data[1] % MAX;
		uint64_t value = souk_load_be16(data + 2);
		/* Amounts of all magnitudes. */
		uint64_t amount = value << (data[1] % 48);
		bool is_there = items[index].size > 0;
		switch (data[0] % 9) {
		case 0: insert(&cache, 1 + value, data[0] / 8 * 100u, amount); break;
		case 1:
			if (is_there)
				souk_cache_earned(&cache, index, (struct souk_amount){amount});
			break;
		case 2:
			if (is_there)
				souk_cache_used(&cache, index);
			break;
		case 3:
			if (is_there)
				souk_cache_hold(&cache, index);
			break;
		case 4:
			if (is_there && items[index].holds > 0)
				souk_cache_release(&cache, index);
			break;
		case 5:
			if (is_there && items[index].holds == 0)
				souk_cache_remove(&cache, index);
			break;
		case 6: step_price(&price, (uint32_t)value % 1500, data[1]); break;
		case 7: {
			souk_status status = souk_cache_restore(&cache, 1 + value % 1000, 1 + value,
				(struct souk_amount){value}, amount << 16, &index);
			SOUK_CHECK(status == SOUK_OK || status == SOUK_LOCAL_TOO_SMALL);
			break;
		}
		case 8:
			if (is_there)
				extend(&cache, index, value % (items[index].coming + 1));
			break;
		}
		check(&cache);
	}
	return 0;
}
