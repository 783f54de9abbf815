/* SPDX-License-Identifier: Apache-2.0
 *
 * What a cache keeps, and its price: examples, and properties against a slow model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/rng.h"
#include "souk/content/cache.h"

#define MAX  64u
#define MIB  (1ull << 20)
#define COIN SOUK_NCOIN_PER_COIN

static struct souk_amount ncoin(uint64_t n)
{
	return souk_amount_of_ncoin(n);
}

static uint32_t insert(struct souk_cache *cache, uint64_t size, uint64_t credit)
{
	uint32_t index = 77;
	assert_int_equal(souk_cache_insert(cache, size, ncoin(credit), &index), SOUK_OK);
	return index;
}

static uint32_t victim(const struct souk_cache *cache, uint64_t size)
{
	uint32_t index = 77;
	assert_int_equal(souk_cache_victim(cache, size, &index), SOUK_OK);
	return index;
}

/* ------------------------------------------------------------------ keeping */

static void test_revenue_for_a_byte_counts(void **state)
{
	struct souk_cache_item items[MAX];
	struct souk_cache cache;
	(void)state;
	souk_cache_init(&cache, 100 * MIB, items, MAX);
	uint32_t large = insert(&cache, 80 * MIB, 0), small = insert(&cache, 10 * MIB, 0);
	/* Four times as much in all, half as much for a byte. */
	souk_cache_earned(&cache, large, ncoin(4000));
	souk_cache_earned(&cache, small, ncoin(1000));
	assert_int_equal(victim(&cache, 20 * MIB), large);
	souk_cache_earned(&cache, large, ncoin(5000));
	assert_int_equal(victim(&cache, 20 * MIB), small);
}

static void test_of_equals_the_oldest_goes(void **state)
{
	struct souk_cache_item items[MAX];
	struct souk_cache cache;
	(void)state;
	souk_cache_init(&cache, 3 * MIB, items, MAX);
	uint32_t a = insert(&cache, MIB, 5), b = insert(&cache, MIB, 5);
	insert(&cache, MIB, 5);
	assert_int_equal(victim(&cache, 1), a);
	souk_cache_used(&cache, a);
	assert_int_equal(victim(&cache, 1), b);
}

/* What earned much long ago goes at last, when many that earn little came and went. */
static void test_old_fame_fades(void **state)
{
	struct souk_cache_item items[MAX];
	struct souk_cache cache;
	unsigned rounds = 0;
	(void)state;
	souk_cache_init(&cache, 2 * MIB, items, MAX);
	uint32_t famous = insert(&cache, MIB, 0);
	souk_cache_earned(&cache, famous, ncoin(1000));
	uint32_t last = insert(&cache, MIB, 10);
	while (victim(&cache, MIB) != famous) {
		assert_int_equal(victim(&cache, MIB), last);
		souk_cache_evict(&cache, last);
		last = insert(&cache, MIB, 10);
		assert_true(++rounds < 200);
	}
	assert_in_range(rounds, 95, 105);
}

static void test_room_and_refusals(void **state)
{
	struct souk_cache_item items[2], more[4];
	struct souk_cache cache;
	uint32_t index = 77;
	(void)state;
	souk_cache_init(&cache, 10, items, 2);
	uint32_t a = insert(&cache, 4, 1);
	assert_int_equal(souk_cache_victim(&cache, 6, &index), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_cache_victim(&cache, 11, &index), SOUK_LOCAL_FULL);
	assert_int_equal(souk_cache_insert(&cache, 7, ncoin(1), &index), SOUK_LOCAL_FULL);
	souk_cache_hold(&cache, a);
	souk_cache_hold(&cache, a);
	assert_int_equal(souk_cache_victim(&cache, 7, &index), SOUK_LOCAL_FULL);
	uint32_t b = insert(&cache, 5, 1000);
	assert_int_equal(victim(&cache, 6), b);
	assert_int_equal(souk_cache_victim(&cache, 7, &index), SOUK_LOCAL_FULL);
	souk_cache_release(&cache, a);
	assert_int_equal(souk_cache_victim(&cache, 7, &index), SOUK_LOCAL_FULL);
	souk_cache_release(&cache, a);
	assert_int_equal(victim(&cache, 6), a); /* b earned more for a byte */
	assert_int_equal(index, 77);
	assert_int_equal(cache.used, 9);
	assert_int_equal(souk_cache_insert(&cache, 1, ncoin(1), &index), SOUK_LOCAL_TOO_SMALL);
	memcpy(more, items, sizeof items);
	souk_cache_grow(&cache, more, 4);
	assert_int_equal(insert(&cache, 1, 1), 2);
	souk_cache_remove(&cache, b);
	assert_int_equal(cache.used, 5);
	assert_int_equal(cache.age, 0); /* nothing was learned from it */
}

/* What comes bit by bit takes room as it comes; and only so many may come at once as all find room
 * at their ends. */
static void test_bit_by_bit(void **state)
{
	struct souk_cache_item items[4];
	struct souk_cache cache;
	uint32_t part, other;
	(void)state;
	souk_cache_init(&cache, 100, items, 4);
	uint32_t a = insert(&cache, 50, 60), b = insert(&cache, 45, 1000);
	assert_int_equal(souk_cache_insert_part(&cache, 5, 50, ncoin(100), &part), SOUK_OK);
	assert_int_equal(items[part].priority, ncoin(100).ncoin * (1 << 24) / 50);
	souk_cache_hold(&cache, part);
	assert_int_equal(cache.used, 100);
	assert_int_equal(cache.coming, 45);
	assert_true(souk_cache_fits(&cache, 50));
	assert_false(souk_cache_fits(&cache, 51));
	assert_int_equal(souk_cache_extend(&cache, part, 10), SOUK_LOCAL_FULL);
	assert_int_equal(victim(&cache, 10), a);
	souk_cache_evict(&cache, a);
	assert_int_equal(souk_cache_extend(&cache, part, 10), SOUK_OK);
	assert_int_equal(souk_cache_insert_part(&cache, 5, 51, ncoin(1), &other), SOUK_LOCAL_FULL);
	/* All of the room is taken by parts that are held: they fit at their ends. */
	assert_int_equal(souk_cache_insert_part(&cache, 5, 50, ncoin(1), &other), SOUK_OK);
	souk_cache_hold(&cache, other);
	assert_int_equal(souk_cache_extend(&cache, part, 35), SOUK_OK);
	assert_int_equal(victim(&cache, 45), b);
	souk_cache_evict(&cache, b);
	assert_int_equal(souk_cache_extend(&cache, other, 45), SOUK_OK);
	assert_int_equal(cache.coming, 0);
	assert_int_equal(cache.used, 100);
	/* One that is given up takes what is here of it, and nothing is kept for the rest. */
	souk_cache_release(&cache, other);
	souk_cache_remove(&cache, other);
	assert_int_equal(souk_cache_insert_part(&cache, 5, 50, ncoin(1), &other), SOUK_OK);
	souk_cache_hold(&cache, other);
	assert_false(souk_cache_fits(&cache, 1));
	souk_cache_release(&cache, other);
	assert_true(souk_cache_fits(&cache, 50));
	/* As after a restart. */
	assert_int_equal(souk_cache_restore(&cache, 5, 40, ncoin(1), 3, &a), SOUK_OK);
	assert_int_equal(items[a].coming, 35);
}

static void test_a_restart_keeps_the_order(void **state)
{
	struct souk_cache_item items[MAX], again[MAX];
	struct souk_cache cache, restored;
	uint32_t index[3], r[3];
	(void)state;
	souk_cache_init(&cache, 3 * MIB, items, MAX);
	for (unsigned i = 0; i < 60; i++) {
		uint32_t gone = cache.count == 3 ? victim(&cache, MIB) : SOUK_CACHE_NONE;
		if (gone != SOUK_CACHE_NONE)
			souk_cache_evict(&cache, gone);
		souk_cache_earned(&cache, insert(&cache, MIB, 10), ncoin(i * 7 % 5));
	}
	souk_cache_init(&restored, 3 * MIB, again, MAX);
	for (uint32_t i = 0; i < 3; i++) {
		index[i] = i;
		assert_int_equal(souk_cache_restore(&restored, MIB, MIB, items[i].worth,
					 items[i].priority, &r[i]),
			SOUK_OK);
	}
	assert_true(restored.age > 0 && restored.age <= cache.age + (20ull << 24));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t first = victim(&cache, 3 * MIB - cache.used + 1);
		uint32_t second = victim(&restored, 3 * MIB - restored.used + 1);
		assert_int_equal(items[index[first]].priority, again[second].priority);
		souk_cache_evict(&cache, first);
		souk_cache_evict(&restored, second);
	}
	/* What no cache ever wrote is not believed. */
	assert_int_equal(
		souk_cache_restore(&restored, MIB, MIB, ncoin(1), UINT64_MAX, &r[0]), SOUK_OK);
	assert_int_equal(again[r[0]].priority, 0);
}

/* Under great numbers nothing wraps, and the order stays. */
static void test_great_numbers(void **state)
{
	struct souk_cache_item items[MAX];
	struct souk_cache cache;
	(void)state;
	souk_cache_init(&cache, 10 * MIB, items, MAX);
	uint32_t rich = insert(&cache, 1, UINT64_MAX), poor = insert(&cache, MIB, 1);
	souk_cache_earned(&cache, rich, ncoin(UINT64_MAX));
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(victim(&cache, 10 * MIB), poor);
		souk_cache_evict(&cache, poor);
		poor = insert(&cache, MIB, 1);
		uint32_t other = insert(&cache, 1, UINT64_MAX);
		souk_cache_evict(&cache, other); /* the age leaps, and is brought down */
		souk_cache_earned(&cache, rich, ncoin(1));
	}
	assert_true(cache.age <= 1ull << 61);
}

/* ------------------------------------------------------------------ the properties */

static void check(const struct souk_cache *cache)
{
	uint64_t used = 0, held = 0, coming = 0;
	uint32_t count = 0;
	for (uint32_t i = 0; i < cache->max; i++) {
		used += cache->items[i].size;
		held += cache->items[i].holds > 0 ? cache->items[i].size : 0;
		coming += cache->items[i].holds > 0 ? cache->items[i].coming : 0;
		count += cache->items[i].size > 0;
	}
	assert_int_equal(cache->used, used);
	assert_int_equal(cache->held, held);
	assert_int_equal(cache->coming, coming);
	assert_int_equal(cache->count, count);
	assert_true(used <= cache->limit);
}

/* C3, by looking at all. */
static void check_victim(const struct souk_cache *cache, uint32_t index)
{
	const struct souk_cache_item *gone = &cache->items[index];
	assert_int_equal(gone->holds, 0);
	for (uint32_t i = 0; i < cache->max; i++) {
		const struct souk_cache_item *stays = &cache->items[i];
		if (stays->size == 0 || stays->holds > 0 || i == index)
			continue;
		assert_true(gone->priority < stays->priority ||
			    (gone->priority == stays->priority && gone->used < stays->used));
	}
}

static uint32_t random_item(struct souk_cache *cache, struct souk_rng *rng)
{
	uint32_t at = (uint32_t)(souk_rng_u64(rng) % cache->max);
	return cache->items[at].size > 0 ? at : SOUK_CACHE_NONE;
}

static void test_properties(void **state)
{
	static struct souk_cache_item items[MAX];
	struct souk_cache cache;
	struct souk_rng rng;
	(void)state;
	souk_rng_init(&rng, 4711);
	souk_cache_init(&cache, 1000 * MIB, items, MAX);
	for (unsigned step = 0; step < 50000; step++) {
		uint64_t size = 1 + souk_rng_u64(&rng) % (100 * MIB), age = cache.age;
		uint32_t index = random_item(&cache, &rng), gone;
		switch (souk_rng_u64(&rng) % 8) {
		case 6:
			if (cache.free_head != SOUK_CACHE_NONE &&
				souk_cache_insert_part(&cache, 1, size, ncoin(step), &gone) ==
					SOUK_OK)
				assert_true(souk_cache_fits(&cache, size));
			break;
		case 7:
			if (index != SOUK_CACHE_NONE) {
				uint64_t more = size % (cache.items[index].coming + 1);
				bool has_room = more <= cache.limit - cache.used;
				assert_int_equal(souk_cache_extend(&cache, index, more),
					has_room ? SOUK_OK : SOUK_LOCAL_FULL);
			}
			break;
		case 0:
		case 1: {
			souk_status status;
			while ((status = souk_cache_victim(&cache, size, &gone)) == SOUK_OK) {
				check_victim(&cache, gone);
				souk_cache_evict(&cache, gone);
				assert_true(cache.age >= age);
			}
			if (status == SOUK_LOCAL_NOT_FOUND && cache.free_head != SOUK_CACHE_NONE &&
				souk_cache_fits(&cache, size))
				insert(&cache, size, souk_rng_u64(&rng) % 1000000);
			break;
		}
		case 2:
			if (index != SOUK_CACHE_NONE) {
				souk_cache_earned(
					&cache, index, ncoin(souk_rng_u64(&rng) % 1000000));
				assert_true(cache.items[index].priority >= cache.age);
			}
			break;
		case 3:
			if (index != SOUK_CACHE_NONE && cache.items[index].holds < 2)
				souk_cache_hold(&cache, index);
			break;
		case 4:
			if (index != SOUK_CACHE_NONE && cache.items[index].holds > 0)
				souk_cache_release(&cache, index);
			break;
		case 5:
			if (index != SOUK_CACHE_NONE && cache.items[index].holds == 0)
				souk_cache_remove(&cache, index);
			break;
		}
		if (step % 16 == 0)
			check(&cache);
	}
}

/* ------------------------------------------------------------------ price */

static const struct souk_price_policy policy = {
	.floor = {1000},
	.ceiling = {100000},
	.target_permille = 500,
	.step_ms = 1000,
};

static void test_price_follows_demand(void **state)
{
	struct souk_price price;
	struct souk_time now = {5000};
	(void)state;
	souk_price_init(&price, &policy, ncoin(8000), now);
	assert_int_equal(price.now.ncoin, 8000);
	assert_false(souk_price_step(&price, 1000, souk_time_plus_ms(now, 999)));
	assert_true(souk_price_step(&price, 1000, souk_time_plus_ms(now, 1000)));
	assert_int_equal(price.now.ncoin, 9000);
	assert_false(souk_price_step(&price, 500, souk_time_plus_ms(now, 2000)));
	assert_true(souk_price_step(&price, 750, souk_time_plus_ms(now, 3000)));
	assert_int_equal(price.now.ncoin, 9000 + 9000 / 16);
	assert_true(souk_price_step(&price, 0, souk_time_plus_ms(now, 4000)));
	assert_int_equal(price.now.ncoin, 9562 - 9562 / 8);
	/* A clock that leaps, either way. */
	uint64_t before = price.now.ncoin;
	assert_false(souk_price_step(&price, 0, (struct souk_time){0}));
	assert_true(souk_price_step(&price, 0, (struct souk_time){1ull << 60}));
	assert_true(price.now.ncoin > before / 3);
}

static void test_price_keeps_its_bounds(void **state)
{
	struct souk_price price;
	struct souk_time now = {0};
	struct souk_rng rng;
	(void)state;
	souk_rng_init(&rng, 815);
	souk_price_init(&price, &policy, ncoin(1), now);
	assert_int_equal(price.now.ncoin, 1000);
	for (unsigned i = 0; i < 100; i++)
		souk_price_step(&price, 5000, now = souk_time_plus_ms(now, 1000));
	assert_int_equal(price.now.ncoin, 100000);
	for (unsigned i = 0; i < 100; i++)
		souk_price_step(&price, 0, now = souk_time_plus_ms(now, 1000));
	assert_int_equal(price.now.ncoin, 1000);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t before = price.now.ncoin;
		souk_price_step(&price, (uint32_t)(souk_rng_u64(&rng) % 1200),
			now = souk_time_plus_ms(now, 1000));
		uint64_t after = price.now.ncoin,
			 change = after > before ? after - before : before - after;
		assert_in_range(after, 1000, 100000);
		assert_true(change <= before / 8 + 1);
	}
	/* The least price moves too; the greatest does not wrap. */
	struct souk_price_policy wide = {{0}, {UINT64_MAX}, 500, 1000};
	souk_price_init(&price, &wide, ncoin(0), (struct souk_time){0});
	assert_true(souk_price_step(&price, 1000, (struct souk_time){1000}));
	assert_int_equal(price.now.ncoin, 1);
	souk_price_init(&price, &wide, ncoin(UINT64_MAX), (struct souk_time){0});
	assert_false(souk_price_step(&price, 1000, (struct souk_time){1000}));
	struct souk_price_policy turned = {{10}, {5}, 500, 1000};
	souk_price_init(&price, &turned, ncoin(7), (struct souk_time){0});
	assert_int_equal(price.now.ncoin, 10);
	assert_false(souk_price_step(&price, 0, (struct souk_time){1000}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revenue_for_a_byte_counts),
		cmocka_unit_test(test_of_equals_the_oldest_goes),
		cmocka_unit_test(test_old_fame_fades),
		cmocka_unit_test(test_room_and_refusals),
		cmocka_unit_test(test_bit_by_bit),
		cmocka_unit_test(test_a_restart_keeps_the_order),
		cmocka_unit_test(test_great_numbers),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_price_follows_demand),
		cmocka_unit_test(test_price_keeps_its_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
