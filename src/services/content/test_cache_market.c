/* SPDX-License-Identifier: Apache-2.0
 *
 * A cache in a modelled market: what its rule of eviction earns against LRU, and what its price
 * does to the load. With SOUK_TABLE=1 the figures are printed as spec/cache.md has them.
 *
 *   wish: content k, by Zipf --> here:     it earns units * the sponsor's price
 *                            '-> not here: it is fetched, for units * the cost; what must go, goes
 *
 * Sizes and prices are drawn apart from popularity. Half of the wishes are for a part. From the
 * middle on other contents are popular than before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/cache.h"

#define CONTENTS 2000u
#define WISHES	 150000u
#define UNIT	 262144u
#define COST	 1000u /* ncoin, of fetching a unit */
#define NOBODY	 UINT32_MAX

enum rule {
	RULE_GDSF, /* souk/content/cache.h with what was earned */
	RULE_LRU,  /* the same without: of equals the one goes that was used longest ago */
};

struct content {
	uint32_t units;
	uint32_t price; /* ncoin, that its sponsor pays for a unit */
	uint32_t slot;	/* in the cache */
};

struct market {
	struct souk_rng rng;
	struct content contents[CONTENTS];
	uint64_t sums[CONTENTS]; /* of the weights of popularity */
	uint32_t ranks[CONTENTS];
	uint32_t owners[CONTENTS]; /* of slots */
	struct souk_cache_item items[CONTENTS];
	struct souk_cache cache;
	uint64_t catalogue; /* bytes */
};

struct outcome {
	uint64_t earned, spent; /* ncoin */
	uint64_t hits;
};

/* (k + 1)^-zipf in 2^-32: of the two exponents that are played, by whole numbers. */
static uint64_t weight(uint32_t k, unsigned zipf_milli)
{
	uint64_t n = k + 1, root = 1;
	if (zipf_milli == 1000)
		return (1ull << 40) / n;
	/* 0.75: the root of n times the root of that root. */
	while ((root + 1) * (root + 1) <= n << 20)
		root++;
	uint64_t fourth = 1; /* n^(1/4), times 2^10 */
	while ((fourth + 1) * (fourth + 1) <= root << 10)
		fourth++;
	return (1ull << 60) / (root * fourth);
}

static void make_market(struct market *market, unsigned zipf_milli)
{
	uint64_t sum = 0;
	souk_rng_init(&market->rng, 1998);
	market->catalogue = 0;
	for (uint32_t i = 0; i < CONTENTS; i++) {
		/* 1 to 1024 units, each power of two as often as the others. */
		uint32_t power = (uint32_t)souk_rng_below(&market->rng, 11);
		uint32_t units =
			(1u << power) + (uint32_t)souk_rng_below(&market->rng, 1u << power);
		uint32_t price = 2000u << souk_rng_below(&market->rng, 4);
		market->contents[i] = (struct content){units, price, NOBODY};
		market->ranks[i] = i;
		market->catalogue += (uint64_t)units * UNIT;
		sum += weight(i, zipf_milli);
		market->sums[i] = sum;
	}
}

/* Other contents are popular from now on. */
static void turn(struct market *market)
{
	for (uint32_t i = CONTENTS - 1; i > 0; i--) {
		uint32_t k = (uint32_t)souk_rng_below(&market->rng, i + 1), rank = market->ranks[i];
		market->ranks[i] = market->ranks[k];
		market->ranks[k] = rank;
	}
}

static struct content *wish(struct market *market)
{
	uint64_t point = souk_rng_below(&market->rng, market->sums[CONTENTS - 1]);
	uint32_t low = 0, high = CONTENTS - 1;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (market->sums[middle] <= point)
			low = middle + 1;
		else
			high = middle;
	}
	return &market->contents[market->ranks[low]];
}

static void fetch(
	struct market *market, struct content *content, enum rule rule, struct outcome *outcome)
{
	struct souk_cache *cache = &market->cache;
	uint64_t size = (uint64_t)content->units * UNIT;
	struct souk_amount credit = {
		rule == RULE_GDSF ? (uint64_t)content->units * content->price : 0};
	uint32_t gone;
	souk_status status;
	while ((status = souk_cache_victim(cache, size, &gone)) == SOUK_OK) {
		market->contents[market->owners[gone]].slot = NOBODY;
		souk_cache_evict(cache, gone);
	}
	if (status == SOUK_LOCAL_FULL)
		return; /* larger than the cache */
	status = souk_cache_insert(cache, size, credit, &content->slot);
	SOUK_CHECK(status == SOUK_OK);
	market->owners[content->slot] = (uint32_t)(content - market->contents);
	outcome->spent += (uint64_t)content->units * COST;
}

static struct outcome play(
	struct market *market, unsigned zipf_milli, uint32_t limit_permille, enum rule rule)
{
	struct outcome outcome = {0};
	make_market(market, zipf_milli);
	souk_cache_init(
		&market->cache, market->catalogue / 1000 * limit_permille, market->items, CONTENTS);
	for (uint32_t i = 0; i < WISHES; i++) {
		if (i == WISHES / 2)
			turn(market);
		struct content *content = wish(market);
		uint32_t units =
			souk_rng_below(&market->rng, 2) == 0
				? content->units
				: 1 + (uint32_t)souk_rng_below(&market->rng, content->units);
		if (content->slot == NOBODY) {
			fetch(market, content, rule, &outcome);
			continue;
		}
		uint64_t earned = (uint64_t)units * content->price;
		outcome.earned += earned;
		outcome.hits++;
		if (rule == RULE_GDSF)
			souk_cache_earned(
				&market->cache, content->slot, (struct souk_amount){earned});
		else
			souk_cache_used(&market->cache, content->slot);
	}
	return outcome;
}

/* Thousandths of a coin; less than nothing where fetching costs more than it brings. */
static long net(const struct outcome *outcome)
{
	return (long)(outcome->earned / 1000000) - (long)(outcome->spent / 1000000);
}

/* The figures that spec/cache.md quotes; whole numbers, the same on every machine. */
static void test_it_earns_more_than_lru(void **state)
{
	static const unsigned zipfs[] = {750, 1000};
	static const uint32_t limits[] = {10, 50, 200};
	struct market *market = calloc(1, sizeof *market);
	(void)state;
	assert_non_null(market);
	for (unsigned z = 0; z < 2; z++) {
		for (unsigned l = 0; l < 3; l++) {
			struct outcome gdsf = play(market, zipfs[z], limits[l], RULE_GDSF);
			struct outcome lru = play(market, zipfs[z], limits[l], RULE_LRU);
			if (getenv("SOUK_TABLE") != NULL)
				fprintf(stderr,
					"| %u.%02u | %u %% | %ld | %ld | %.0f %% | %.0f %% |\n",
					zipfs[z] / 1000, zipfs[z] % 1000 / 10, limits[l] / 10,
					net(&gdsf) / 1000, net(&lru) / 1000,
					100.0 * (double)gdsf.hits / WISHES,
					100.0 * (double)lru.hits / WISHES);
			assert_true(net(&gdsf) > net(&lru) + labs(net(&lru)) / 25);
			assert_true(gdsf.spent < lru.spent);
		}
	}
	free(market);
}

/* ------------------------------------------------------------------ price by demand */

/* Demand that halves where the price doubles; SLOTS at most are served. What was earned in STEPS
 * ticks, and the mean load of the last half. */
static uint64_t sell(struct souk_price *price, uint64_t demand, uint32_t steps, uint32_t *ret_load)
{
	const uint64_t slots = 1000;
	uint64_t earned = 0, load = 0;
	struct souk_time now = price->stepped;
	for (uint32_t i = 0; i < steps; i++) {
		uint64_t wanted = demand * 10000 / price->now.ncoin;
		uint64_t served = wanted < slots ? wanted : slots;
		earned += served * price->now.ncoin;
		load += i >= steps / 2 ? served : 0;
		now = souk_time_plus_ms(now, price->policy.step_ms);
		souk_price_step(price, (uint32_t)(served * 1000 / slots), now);
	}
	*ret_load = (uint32_t)(load / (steps - steps / 2));
	return earned;
}

static void test_price_brings_the_load_to_its_target(void **state)
{
	static const uint64_t demands[] = {100, 600, 3000, 20000};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct souk_price_policy moves = {{2000}, {1000000}, 500, 1000};
		const struct souk_price_policy stands = {{10000}, {10000}, 500, 1000};
		struct souk_price price, fixed;
		uint32_t load, fixed_load;
		souk_price_init(&price, &moves, (struct souk_amount){10000}, (struct souk_time){0});
		souk_price_init(
			&fixed, &stands, (struct souk_amount){10000}, (struct souk_time){0});
		uint64_t earned = sell(&price, demands[i], 400, &load);
		uint64_t before = sell(&fixed, demands[i], 400, &fixed_load);
		if (getenv("SOUK_TABLE") != NULL)
			fprintf(stderr, "| %ju | %u %% | %u %% | %ju | %.2f |\n",
				(uintmax_t)demands[i] / 10, fixed_load / 10, load / 10,
				(uintmax_t)price.now.ncoin, (double)earned / (double)before);
		/* Up to the bounds of the price. */
		if (demands[i] * 10000 / 500 <= 2000)
			assert_int_equal(price.now.ncoin, 2000);
		else
			assert_in_range(load, 450, 560);
		assert_true(demands[i] < 1000 || earned > before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_earns_more_than_lru),
		cmocka_unit_test(test_price_brings_the_load_to_its_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
