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
#define STRATEGIES 5u

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
	return text == NULL ? 12 : (uint32_t)strtoul(text, NULL, 10);
}

/* Mean thousandths by strategy: prefix, turns, crowd with weight 1, 2, 16. */
static void measure(const struct souk_puzzle_policy *policy, uint32_t size, uint32_t m,
	uint32_t ret[STRATEGIES])
{
	struct souk_rng rng;
	uint64_t sums[STRATEGIES] = {0};
	souk_rng_init(&rng, 77 + m);
	for (uint32_t i = 0; i < tries(); i++) {
		struct kit_puzzle kit;
		uint32_t own = some_of(&rng, m);
		kit_puzzle_make(&kit, souk_rng_u64(&rng), policy, CACHES, 1, size, 0);
		sums[0] += kit_attack_prefix(&kit, own);
		sums[1] += kit_attack_turns(&kit, own);
		sums[2] += kit_attack_crowd(&kit, own, 1);
		sums[3] += kit_attack_crowd(&kit, own, 2);
		sums[4] += kit_attack_crowd(&kit, own, 16);
		kit_puzzle_free(&kit);
	}
	for (uint32_t i = 0; i < STRATEGIES; i++)
		ret[i] = (uint32_t)(sums[i] / tries());
}

static void show(const struct souk_puzzle_policy *policy, uint32_t size)
{
	printf("# R = %u, %u starts; thousandths of the others' bytes\n"
	       "# m  prefix  turns  crowd1  crowd2  crowd16  CAPnet\n",
		policy->rounds, policy->starts);
	for (uint32_t m = 1; m <= CACHES; m++) {
		uint32_t r[STRATEGIES];
		measure(policy, size, m, r);
		printf("# %u  %6u %6u %7u %7u %8u  %6s\n", m, r[0], r[1], r[2], r[3], r[4],
			capnet[m - 1]);
		for (uint32_t i = 0; i < STRATEGIES; i++) {
			/* A cache that serves whole units or prefixes: k / (k + 1), for k pieces.
			 */
			uint32_t least = m == CACHES ? 0 : i == 0 ? 700 : 400;
			assert_in_range(r[i], least, m == CACHES ? 0 : 1000);
		}
	}
}

static void test_five_rounds(void **state)
{
	struct souk_puzzle_policy policy = {SOUK_PUZZLE_FAST, 5, 256};
	(void)state;
	show(&policy, 16384);
}

/* A sponsor's default, with parts of sixteen pieces: as where a cache serves whole units, and a
 * segment has sixteen of each. */
static void test_default(void **state)
{
	struct souk_puzzle_policy policy = {
		SOUK_PUZZLE_FAST, SOUK_PUZZLE_ROUNDS_DEFAULT, SOUK_PUZZLE_STARTS_DEFAULT};
	(void)state;
	show(&policy, 16 * SOUK_PUZZLE_PIECE_MIN);
}

/* The longer the way, the more must be fetched by who lacks one part. */
static void test_rounds_help(void **state)
{
	struct souk_puzzle_policy two = {SOUK_PUZZLE_FAST, 2, 256};
	struct souk_puzzle_policy twelve = {SOUK_PUZZLE_FAST, 12, 256};
	uint32_t few[STRATEGIES], many[STRATEGIES];
	(void)state;
	measure(&two, 16384, 5, few);
	measure(&twelve, 16384, 5, many);
	for (uint32_t i = 0; i < STRATEGIES; i++)
		assert_true(few[i] < many[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_five_rounds),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_rounds_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
