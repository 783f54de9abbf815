/* SPDX-License-Identifier: Apache-2.0
 *
 * Puzzles: they are what the specification says (values of an independent program), who has the
 * bytes solves them, who lacks some does not, and who spoiled a part is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "puzzle_kit.h"
#include "souk/base/rng.h"

static const struct souk_puzzle_policy fast = {SOUK_PUZZLE_FAST, 5, 64};
static const struct souk_puzzle_policy reference = {SOUK_PUZZLE_REFERENCE, 5, 0};

/* ------------------------------------------------------------------ vectors */

static void pattern(struct kit_puzzle *kit)
{
	for (uint32_t part = 0; part < 3; part++) {
		for (uint32_t i = 0; i < 32768; i++)
			kit->bytes[part * 32768 + i] = (uint8_t)(i * 7 + part * 13 + (i >> 8));
	}
}

static void check_vector(const struct souk_puzzle_policy *policy, uint64_t start, const char *goal,
	const char *token, const char *const *checks)
{
	struct kit_puzzle kit;
	uint8_t want[48];
	struct souk_hash salt, secret = {{0}};
	kit_puzzle_make(&kit, 1, policy, 3, 2, 16384, 100);
	pattern(&kit);
	memset(&salt, 9, sizeof salt);
	souk_store_be64(secret.bytes, start);
	struct souk_puzzle_source source = kit_puzzle_source(&kit);
	assert_int_equal(souk_puzzle_make(&kit.puzzle, &kit.token, policy, &kit.data.shape, &salt,
				 &secret, &source),
		SOUK_OK);
	assert_int_equal(strlen(goal), 2 * kit.puzzle.goal.size);
	assert_int_equal(souk_hex_decode(want, kit.puzzle.goal.size, goal), SOUK_OK);
	assert_memory_equal(want, kit.puzzle.goal.data, kit.puzzle.goal.size);
	assert_int_equal(souk_hex_decode(want, kit.token.size, token), SOUK_OK);
	assert_memory_equal(want, kit.token.bytes, kit.token.size);
	for (uint32_t i = 0; checks != NULL && i < 3; i++) {
		assert_int_equal(souk_hex_decode(want, 32, checks[i]), SOUK_OK);
		assert_memory_equal(want, kit.puzzle.checks.items[i].bytes, 32);
	}
	kit_puzzle_free(&kit);
}

static void test_vectors(void **state)
{
	static const char *const checks[] = {
		"e00435afc59788aba5812659d3efd9f96e9cb2c803dffca069ddf23fdd3a7211",
		"4da6c3f0b6fdecc8b7d1bec58a4318fccd81601c9a0a71f447f818d5e3523e0e",
		"fc7041e2ebb7eb4a17907c5d169c094755188d67f939c8b4b8e5bfec132cc799"};
	(void)state;
	check_vector(&fast, 17, "70e61944e8d409dba56394dcb5f665035bff0ed821104a589fdc2639c3669da3",
		"ccc97698231f28e1713b795292367c5b136644d713aa22dca44e41d78433dbe8", checks);
	check_vector(&reference, 1234,
		"d596567742c11cb19af784a901739ff54ef936b88894903da2364a98dc1d13e6"
		"ecd82f10030d5734f65cbcd1caa86434",
		"e724dfc1c6bcad11f5856fdad84e6b6a61be28ed1d514a51313be361cb4c92ba"
		"b5114e021f80629c4c2fb2a29467f053",
		NULL);
}

/* ------------------------------------------------------------------ solving */

static void solves(const struct souk_puzzle_policy *policy, uint64_t seed, uint32_t parts,
	uint32_t units, uint32_t cut)
{
	struct kit_puzzle kit;
	struct souk_puzzle_token token = {0};
	kit_puzzle_make(&kit, seed, policy, parts, units, 16384, cut);
	assert_int_equal(souk_puzzle_check(&kit.puzzle, &kit.data.shape), SOUK_OK);
	assert_int_equal(
		souk_puzzle_solve(&token, &kit.puzzle, &kit.data, 0, kit.puzzle.starts), SOUK_OK);
	assert_true(souk_puzzle_token_equal(&token, &kit.token));
	assert_int_equal(souk_puzzle_spoiled(&kit.puzzle, &kit.data), UINT32_MAX);
	kit_puzzle_free(&kit);
}

static void test_who_has_it_all_solves_it(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 12; seed++) {
		solves(&fast, seed, 1 + seed % 6, 1 + seed % 4, 0);
		solves(&fast, seed, 1 + seed % 6, 1 + seed % 4, 16384 - seed * seed);
		solves(&reference, seed, 2 + seed % 3, 1, 0);
		solves(&reference, seed, 2 + seed % 3, 1, 16384 - seed);
	}
	struct souk_puzzle_policy one = {SOUK_PUZZLE_FAST, 1, 1};
	struct souk_puzzle_policy odd = {SOUK_PUZZLE_FAST, 7, 37};
	solves(&one, 3, 1, 1, 16383);
	solves(&odd, 4, 16, 2, 5);
}

/* The range may be split, and in no part of it but one is the start. */
static void test_split_search(void **state)
{
	(void)state;
	struct kit_puzzle kit;
	struct souk_puzzle_token token;
	uint32_t found = 0;
	kit_puzzle_make(&kit, 8, &fast, 4, 2, 16384, 0);
	for (uint32_t from = 0; from < 80; from += 5) {
		souk_status status = souk_puzzle_solve(&token, &kit.puzzle, &kit.data, from, 5);
		assert_true(status == SOUK_OK || status == SOUK_LOCAL_NOT_FOUND);
		found += status == SOUK_OK;
	}
	assert_int_equal(found, 1);
	kit_puzzle_free(&kit);
}

/* Any part that is not what it should be hides the token, and is named. */
static void test_spoiled_part(void **state)
{
	(void)state;
	struct souk_puzzle_token token;
	for (uint32_t part = 0; part < 4; part++) {
		struct kit_puzzle kit;
		kit_puzzle_make(&kit, 20 + part, &fast, 4, 2, 16384, 10);
		memset(kit.bytes + part * 32768, 0, 32768 - (part == 3 ? 10 : 0));
		assert_int_equal(
			souk_puzzle_solve(&token, &kit.puzzle, &kit.data, 0, kit.puzzle.starts),
			SOUK_LOCAL_NOT_FOUND);
		assert_int_equal(souk_puzzle_spoiled(&kit.puzzle, &kit.data), part);
		kit_puzzle_free(&kit);
	}
}

/* A share of a part is lacking: its pieces are on the way R times, so (1 - share)^R succeed. */
static void test_lacking_a_half(void **state)
{
	(void)state;
	struct souk_puzzle_token token;
	uint32_t solved = 0, tries = 200;
	struct souk_puzzle_policy three = {SOUK_PUZZLE_FAST, 3, 16};
	for (uint32_t seed = 0; seed < tries; seed++) {
		struct kit_puzzle kit;
		kit_puzzle_make(&kit, 500 + seed, &three, 3, 2, 16384, 0);
		memset(kit.bytes + 16384, 0xee, 16384);
		solved += souk_puzzle_solve(&token, &kit.puzzle, &kit.data, 0, kit.puzzle.starts) ==
			  SOUK_OK;
		kit_puzzle_free(&kit);
	}
	/* One in eight: 25 of 200, and the bounds are 4 standard deviations off. */
	assert_in_range(solved, 7, 44);
}

/* ------------------------------------------------------------------ refusals */

static void test_bad_puzzles(void **state)
{
	(void)state;
	struct kit_puzzle kit;
	kit_puzzle_make(&kit, 2, &fast, 3, 1, 16384, 0);
	struct souk_puzzle good = kit.puzzle, *p = &kit.puzzle;
#define REFUSED(change)                                                                            \
	*p = good;                                                                                 \
	change;                                                                                    \
	assert_int_equal(souk_puzzle_check(p, &kit.data.shape), SOUK_PEER_BAD_PUZZLE)
	REFUSED(p->mode = 0);
	REFUSED(p->mode = 3);
	REFUSED(p->mode = SOUK_PUZZLE_REFERENCE);
	REFUSED(p->rounds = 0);
	REFUSED(p->rounds = SOUK_PUZZLE_ROUNDS_MAX + 1);
	REFUSED(p->starts = 0);
	REFUSED(p->starts = SOUK_PUZZLE_STARTS_MAX + 1);
	REFUSED(p->piece = 32);
	REFUSED(p->piece = 96);
	REFUSED(p->piece = 32768);
	REFUSED(p->goal.size = 48);
	REFUSED(p->checks.count = 2);
	*p = good;
	assert_int_equal(souk_puzzle_check(p, &kit.data.shape), SOUK_OK);
	kit_puzzle_free(&kit);
}

static souk_status no_bytes(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	(void)ctx, (void)part, (void)offset, (void)out, (void)size;
	return SOUK_IO_READ;
}

static void test_unreadable_source(void **state)
{
	(void)state;
	struct kit_puzzle kit;
	struct souk_puzzle_source source = {NULL, no_bytes};
	struct souk_hash hash = {{1}};
	kit_puzzle_make(&kit, 2, &fast, 3, 1, 16384, 0);
	struct souk_puzzle before = kit.puzzle;
	assert_int_equal(souk_puzzle_make(&kit.puzzle, &kit.token, &fast, &kit.data.shape, &hash,
				 &hash, &source),
		SOUK_IO_READ);
	assert_memory_equal(&before, &kit.puzzle, sizeof before);
	assert_int_equal(souk_puzzle_try(&kit.token, &kit.puzzle, &kit.data.shape, 0, &source),
		SOUK_IO_READ);
	kit_puzzle_free(&kit);
}

/* All starts together read as much as the longest part has, within what a piece may be. */
static void test_piece_sizes(void **state)
{
	static const struct {
		uint32_t starts;
		uint64_t size;
		uint32_t piece;
	} rows[] = {
		{2048, 1, 64},
		{2048, 262144, 64},
		{2048, 5 * 131072, 64},
		{2048, 5 * 131072 + 1, 128},
		{2048, 8 * 262144, 256},
		{4096, 8 * 262144, 128},
		{1, 1 << 20, 16384},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct souk_puzzle_policy policy = {SOUK_PUZZLE_FAST, 5, rows[i].starts};
		struct souk_puzzle_shape shape = {2, {1, rows[i].size}};
		assert_int_equal(souk_puzzle_piece(&policy, &shape), rows[i].piece);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_who_has_it_all_solves_it),
		cmocka_unit_test(test_split_search),
		cmocka_unit_test(test_spoiled_part),
		cmocka_unit_test(test_lacking_a_half),
		cmocka_unit_test(test_bad_puzzles),
		cmocka_unit_test(test_unreadable_source),
		cmocka_unit_test(test_piece_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
