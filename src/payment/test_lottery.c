/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

static uint64_t points(uint64_t *first, uint64_t offset, uint64_t prize, uint64_t lo, uint64_t hi)
{
	return souk_lottery_points(first, souk_amount_of_ncoin(offset), souk_amount_of_ncoin(prize),
		souk_amount_of_ncoin(lo), souk_amount_of_ncoin(hi));
}

static uint64_t offset_of(const struct souk_hash *beacon, const struct souk_hash *escrow,
	uint64_t epoch, uint64_t prize)
{
	return souk_lottery_offset(beacon, escrow, epoch, souk_amount_of_ncoin(prize)).ncoin;
}

/* By looking at every point of the line. */
static uint64_t points_slowly(
	uint64_t *first, uint64_t offset, uint64_t prize, uint64_t lo, uint64_t hi)
{
	uint64_t count = 0, k = 0;
	*first = 0;
	for (uint64_t point = offset; point < hi; point += prize, k++) {
		if (point < lo)
			continue;
		if (count++ == 0)
			*first = k;
	}
	return count;
}

/* Every interval of every small line under every offset. */
static void small_lines_exhaustively(void **state)
{
	(void)state;
	for (uint64_t prize = 1; prize <= 8; prize++)
		for (uint64_t lo = 0; lo <= 64; lo++)
			for (uint64_t hi = lo; hi <= 64; hi++) {
				uint64_t all = 0, length = hi - lo;
				for (uint64_t offset = 0; offset < prize; offset++) {
					uint64_t first, slow_first;
					uint64_t n = points(&first, offset, prize, lo, hi);
					assert_int_equal(n,
						points_slowly(&slow_first, offset, prize, lo, hi));
					if (n > 0)
						assert_int_equal(first, slow_first);
					/* Floor or ceil of the fair share: less than a prize off.
					 */
					assert_true(n * prize < length + prize);
					assert_true(n * prize + prize > length);
					all += n;
				}
				/* Mean over the offsets: length / prize exactly. */
				assert_int_equal(all, length);
			}
}

/* However a line is divided, all of its line / prize points are paid, once each. */
static void partitions_pay_every_point_once(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 5);
	for (int round = 0; round < 20000; round++) {
		uint64_t prize = 1 + souk_rng_below(&rng, 8);
		uint64_t line = prize * (1 + souk_rng_below(&rng, 64 / prize));
		uint64_t offset = souk_rng_below(&rng, prize), at = 0, next = 0;
		while (at < line) {
			uint64_t first, to = at + 1 + souk_rng_below(&rng, line - at);
			uint64_t n = points(&first, offset, prize, at, to);
			assert_int_equal(first, next);
			next += n;
			at = to;
		}
		assert_int_equal(next, line / prize);
	}
}

static void ends_of_the_range(void **state)
{
	(void)state;
	uint64_t first;
	assert_int_equal(points(&first, 0, 1, 0, UINT64_MAX), UINT64_MAX);
	assert_int_equal(points(&first, 0, UINT64_MAX, 0, UINT64_MAX), 1);
	assert_int_equal(points(&first, UINT64_MAX - 1, UINT64_MAX, 0, UINT64_MAX), 1);
	assert_int_equal(points(&first, UINT64_MAX - 1, UINT64_MAX, 0, UINT64_MAX - 1), 0);
	assert_int_equal(points(&first, 3, 10, 13, 13), 0);
	assert_int_equal(points(&first, 3, 10, 13, 14), 1);
	assert_int_equal(first, 1);
	assert_int_equal(points(&first, 3, 10, 20, 10), 0);
}

/* spec/payment.md 5 once more, written down independently. */
static uint64_t offset_slowly(unsigned *attempts, const struct souk_hash *beacon,
	const struct souk_hash *escrow, uint64_t epoch, uint64_t prize)
{
	unsigned __int128 all = (unsigned __int128)1 << 64, limit = all / prize * prize;
	for (uint32_t attempt = 0;; attempt++) {
		uint8_t message[13 + 32 + 32 + 8 + 4] = "souk/lottery";
		memcpy(message + 13, beacon->bytes, 32);
		memcpy(message + 45, escrow->bytes, 32);
		souk_store_be64(message + 77, epoch);
		souk_store_be32(message + 85, attempt);
		struct souk_hash hash = souk_sha256_of(message, sizeof message);
		uint64_t value = souk_load_be64(hash.bytes);
		if (value < limit) {
			*attempts = attempt + 1;
			return value % prize;
		}
	}
}

static void awkward_prizes(void **state)
{
	(void)state;
	static const struct {
		uint64_t prize;
		unsigned mean_percent; /* of attempts, at most */
	} rows[] = {{1, 100}, {2, 100}, {3, 100}, {1000000000, 100}, {1ull << 63, 100},
		{(1ull << 63) + 1, 220}, {3ull << 62, 150}, {UINT64_MAX - 1, 100},
		{UINT64_MAX, 100}};
	struct souk_rng rng;
	souk_rng_init(&rng, 6);
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		unsigned total = 0;
		for (unsigned n = 0; n < 2000; n++) {
			unsigned attempts;
			struct souk_hash beacon = fixture_hash(&rng), escrow = fixture_hash(&rng);
			uint64_t epoch = souk_rng_u64(&rng), prize = rows[i].prize;
			uint64_t offset = offset_of(&beacon, &escrow, epoch, prize);
			assert_int_equal(
				offset, offset_slowly(&attempts, &beacon, &escrow, epoch, prize));
			assert_true(offset < prize);
			assert_true(attempts < 64);
			total += attempts;
		}
		assert_true(total * 100 <= rows[i].mean_percent * 2000);
	}
}

/* With 64 equal parts of [0, prize), chi-square has mean 63 and deviation 11. */
static double chi_square(uint64_t prize, uint32_t draws, uint64_t seed)
{
	uint32_t seen[64] = {0};
	struct souk_rng rng;
	double sum = 0, expected = draws / 64.0;
	souk_rng_init(&rng, seed);
	struct souk_hash beacon = fixture_hash(&rng), escrow = fixture_hash(&rng);
	for (uint32_t epoch = 0; epoch < draws; epoch++) {
		uint64_t offset = offset_of(&beacon, &escrow, epoch, prize);
		seen[(unsigned)((unsigned __int128)offset * 64 / prize)]++;
	}
	for (int i = 0; i < 64; i++)
		sum += (seen[i] - expected) * (seen[i] - expected) / expected;
	return sum;
}

static void offsets_are_uniform(void **state)
{
	(void)state;
	double sum = chi_square(1000000007, 1000000, 1);
	assert_true(sum > 25 && sum < 120);
	/* Without rejection, the lower third would be drawn twice as often. */
	sum = chi_square(3ull << 62, 100000, 2);
	assert_true(sum > 25 && sum < 120);
}

static void offset_depends_on_everything(void **state)
{
	(void)state;
	struct souk_hash a = {{1}}, b = {{2}};
	uint64_t prize = 1ull << 60, x = offset_of(&a, &b, 1, prize);
	assert_int_equal(x, offset_of(&a, &b, 1, prize));
	assert_int_not_equal(x, offset_of(&b, &b, 1, prize));
	assert_int_not_equal(x, offset_of(&a, &a, 1, prize));
	assert_int_not_equal(x, offset_of(&b, &a, 1, prize));
	assert_int_not_equal(x, offset_of(&a, &b, 2, prize));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_lines_exhaustively),
		cmocka_unit_test(partitions_pay_every_point_once),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(awkward_prizes),
		cmocka_unit_test(offsets_are_uniform),
		cmocka_unit_test(offset_depends_on_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
