/* SPDX-License-Identifier: Apache-2.0
 *
 * What m colluding caches of six must still fetch from the others, by the best strategy of
 * puzzle_kit.h, with CAPnet's published figures beside it. SOUK_TRIES=200 makes the means sharper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "puzzle_kit.h"
#include "souk/base/rng.h"

#define CACHES	   6u
#define STRATEGIES 8u
#define UNITS	   16u

/* How the bytes of a part come. */
struct parts {
	uint32_t units, unit_size;
};

static const char *const capnet[CACHES] = {".95", ".94", ".93", ".60", ".29", "0"};

/* M of the caches, any of them. */
static uint32_t some_of(struct souk_rng *rng, uint32_t m)
{
	uint32_t own = 0;
	while ((uint32_t)__builtin_popcount(own) < m)
		own |= 1u << souk_rng_below(rng, CACHES);
	return own;
}

static uint32_t tries(void)
{
	const char *text = getenv("SOUK_TRIES");
	return text == NULL ? 6 : (uint32_t)strtoul(text, NULL, 10);
}

/* Mean thousandths by strategy: prefix, turns, crowd with weight 1, 2, 16, units with the same. */
static void measure(const struct souk_puzzle_policy *policy, struct parts parts, uint32_t m,
	uint32_t ret[STRATEGIES])
{
	static const uint32_t weights[] = {1, 2, 16};
	struct souk_rng rng;
	uint64_t sums[STRATEGIES] = {0};
	souk_rng_init(&rng, 77 + m);
	for (uint32_t i = 0; i < tries(); i++) {
		struct kit_puzzle kit;
		uint32_t own = some_of(&rng, m);
		kit_puzzle_make(
			&kit, souk_rng_u64(&rng), policy, CACHES, parts.units, parts.unit_size, 0);
		sums[0] += kit_attack_prefix(&kit, own);
		sums[1] += kit_attack_turns(&kit, own);
		for (uint32_t k = 0; k < 3; k++) {
			sums[2 + k] += kit_attack_crowd(&kit, own, weights[k]);
			sums[5 + k] += kit_attack_units(&kit, own, weights[k]);
		}
		kit_puzzle_free(&kit);
	}
	for (uint32_t i = 0; i < STRATEGIES; i++)
		ret[i] = (uint32_t)(sums[i] / tries());
}

/* Whatever is fetched from its start on costs at least LEAST, any piece alone LEAST_ALONE. */
static void show(const struct souk_puzzle_policy *policy, struct parts parts, uint32_t least,
	uint32_t least_alone)
{
	printf("# R = %u, %u starts, %u units of %u KiB; thousandths of the others' bytes\n"
	       "# m  prefix  turns  crowd1  crowd2  crowd16  units1  units2  units16  CAPnet\n",
		policy->rounds, policy->starts, parts.units, parts.unit_size / 1024);
	for (uint32_t m = 1; m <= CACHES; m++) {
		uint32_t r[STRATEGIES];
		measure(policy, parts, m, r);
		printf("# %u  %6u %6u %7u %7u %8u %7u %7u %8u  %6s\n", m, r[0], r[1], r[2], r[3],
			r[4], r[5], r[6], r[7], capnet[m - 1]);
		for (uint32_t i = 0; i < STRATEGIES; i++) {
			bool is_alone = i >= 1 && i <= 4;
			assert_in_range(r[i],
				m == CACHES ? 0
				: is_alone  ? least_alone
					    : least,
				m == CACHES ? 0 : 1000);
		}
	}
}

static void test_five_rounds(void **state)
{
	struct souk_puzzle_policy policy = {SOUK_PUZZLE_FAST, 5, 256};
	(void)state;
	show(&policy, (struct parts){1, 16384}, 700, 400);
}

/* A sponsor's default where a cache serves whole units, and a segment has sixteen of each: a piece
 * stands for a unit. */
static void test_default_whole_units(void **state)
{
	struct souk_puzzle_policy policy = {
		SOUK_PUZZLE_FAST, SOUK_PUZZLE_ROUNDS_DEFAULT, SOUK_PUZZLE_STARTS_DEFAULT};
	(void)state;
	show(&policy, (struct parts){1, UNITS * SOUK_PUZZLE_PIECE_MIN}, 700, 700);
}

/* The same with pieces as small as the sponsor makes them, a quarter of a part for each round of
 * all starts: units cut off at will. A cache that serves ranges gives much away. */
static void test_default_cut_units(void **state)
{
	struct souk_puzzle_policy policy = {
		SOUK_PUZZLE_FAST, SOUK_PUZZLE_ROUNDS_DEFAULT, SOUK_PUZZLE_STARTS_DEFAULT};
	(void)state;
	show(&policy, (struct parts){UNITS, 32768}, 700, 200);
}

/* The longer the way, the more must be fetched by who lacks one part. */
static void test_rounds_help(void **state)
{
	struct souk_puzzle_policy two = {SOUK_PUZZLE_FAST, 2, 256};
	struct souk_puzzle_policy twelve = {SOUK_PUZZLE_FAST, 12, 256};
	uint32_t few[STRATEGIES], many[STRATEGIES];
	(void)state;
	measure(&two, (struct parts){1, 16384}, 5, few);
	measure(&twelve, (struct parts){1, 16384}, 5, many);
	for (uint32_t i = 0; i < STRATEGIES; i++)
		assert_true(few[i] < many[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_five_rounds),
		cmocka_unit_test(test_default_whole_units),
		cmocka_unit_test(test_default_cut_units),
		cmocka_unit_test(test_rounds_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
