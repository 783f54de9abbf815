/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P7, P12 and P13 of spec/payment.md: the lottery is fair. The draw is
 * looked at in two ways: with the hash replaced by a script, which shows what is
 * refused and what is kept for every v at the edge; and as it is, by chi-square. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proofs.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/lottery.h"

static struct souk_amount amount(uint64_t ncoin)
{
	return souk_amount_of_ncoin(ncoin);
}

/* ---- the draw, by a script ---- */

struct souk_hash __real_souk_sha256_domain(const char *name, struct souk_bytes message);
struct souk_hash __wrap_souk_sha256_domain(const char *name, struct souk_bytes message);

static struct {
	bool on;
	uint64_t values[80];
	unsigned count, used;
} script;

struct souk_hash __wrap_souk_sha256_domain(const char *name, struct souk_bytes message)
{
	struct souk_hash hash = {{0}};
	if (!script.on)
		return __real_souk_sha256_domain(name, message);
	assert_string_equal(name, "lottery");
	assert_true(script.used < script.count);
	/* Each attempt is told apart by its number. */
	assert_int_equal(message.data[message.size - 1], script.used);
	souk_store_be64(hash.bytes, script.values[script.used++]);
	return hash;
}

/* The offset that comes of these v; how many were looked at stands in script.used. */
static uint64_t offset_of_script(uint64_t prize, unsigned count, const uint64_t *values)
{
	struct souk_hash beacon = {{1}}, escrow = {{2}};
	script.on = true;
	script.count = count;
	script.used = 0;
	memcpy(script.values, values, count * sizeof *values);
	uint64_t offset = souk_lottery_offset(&beacon, &escrow, 3, amount(prize)).ncoin;
	script.on = false;
	return offset;
}

/* The number of v that are kept is the largest multiple of the prize up to 2^64, so each offset has
 * equally many of them. Kept are exactly those below it. */
static void check_edge(uint64_t prize)
{
	unsigned __int128 all = (unsigned __int128)1 << 64, kept = all / prize * prize;
	uint64_t last = (uint64_t)(kept - 1), values[] = {UINT64_MAX, last, 0};
	bool rejects = kept != all;
	assert_int_equal(offset_of_script(prize, 1, &last), prize - 1);
	assert_int_equal(script.used, 1);
	if (rejects) {
		values[0] = last + 1;
		assert_int_equal(offset_of_script(prize, 2, values), prize - 1);
		assert_int_equal(script.used, 2);
		values[0] = UINT64_MAX;
	}
	assert_int_equal(offset_of_script(prize, 2, values), prize - 1);
	assert_int_equal(script.used, rejects ? 2 : 1);
	/* Fewer than half of all are refused. */
	assert_true(kept > all / 2);
}

/* P12: every prize up to 2^16, every one in the last 2^16, and about each power of two. */
static void p12_every_offset_has_equally_many_values(void **state)
{
	(void)state;
	for (uint64_t prize = 1; prize <= 65536; prize++) {
		check_edge(prize);
		check_edge(0 - prize);
	}
	for (unsigned bit = 2; bit < 64; bit++)
		for (uint64_t near = 0; near < 5; near++)
			check_edge((1ull << bit) - 2 + near);
}

/* P12: for small prizes, all v about the ends of the range: v and v + prize give the same offset,
 * and every residue stands in every run of `prize` values. */
static void p12_offsets_are_residues(void **state)
{
	(void)state;
	for (uint64_t prize = 1; prize <= 64; prize++) {
		uint64_t middle = (1ull << 63) / prize * prize;
		for (uint64_t v = 0; v < 3 * prize; v++) {
			uint64_t far = middle + v;
			assert_int_equal(offset_of_script(prize, 1, &v), v % prize);
			assert_int_equal(offset_of_script(prize, 1, &far), v % prize);
		}
	}
}

/* P12: a beacon that is refused time after time is drawn again each time, past the 64 attempts that
 * fail less than once in 2^64. */
static void p12_many_rejections(void **state)
{
	(void)state;
	uint64_t values[80];
	for (unsigned refused = 0; refused < 79; refused++) {
		for (unsigned i = 0; i < refused; i++)
			values[i] = UINT64_MAX;
		values[refused] = 12345;
		assert_int_equal(offset_of_script((1ull << 63) + 1, refused + 1, values), 12345);
		assert_int_equal(script.used, refused + 1);
	}
}

/* ---- the draw, as it is ---- */

#define BINS_MAX 1024

/* How far chi-square over SEEN lies from its mean, as a standard normal deviate (Wilson and
 * Hilferty). WEIGHTS are the bins' parts of PRIZE offsets. */
static double deviate(const uint32_t *seen, const double *weights, unsigned bins, double draws)
{
	double sum = 0, free = bins - 1;
	for (unsigned i = 0; i < bins; i++) {
		double expected = draws * weights[i];
		sum += (seen[i] - expected) * (seen[i] - expected) / expected;
	}
	return (cbrt(sum / free) - (1 - 2 / (9 * free))) / sqrt(2 / (9 * free));
}

/* Draws are tried by where they lie on [0, prize), or by their residue. The first sees what `mod`
 * without rejection does, the second what a bad generator does. */
static void check_uniform(uint64_t prize, unsigned bins, uint32_t draws, bool by_residue)
{
	static uint32_t seen[BINS_MAX];
	static double weights[BINS_MAX];
	struct souk_hash beacon = {{(uint8_t)prize, (uint8_t)bins}}, escrow = {{9}};
	memset(seen, 0, sizeof seen);
	for (uint32_t epoch = 0; epoch < draws; epoch++) {
		uint64_t offset = souk_lottery_offset(&beacon, &escrow, epoch, amount(prize)).ncoin;
		assert_true(offset < prize);
		seen[by_residue ? offset % bins
				: (uint64_t)((unsigned __int128)offset * bins / prize)]++;
	}
	/* Bin i holds the offsets from ceil(i * prize / bins) on, or those of residue i. */
	for (uint64_t i = 0; i < bins; i++) {
		unsigned __int128 wide = prize;
		uint64_t from = (uint64_t)((i * wide + bins - 1) / bins);
		uint64_t to = (uint64_t)(((i + 1) * wide + bins - 1) / bins);
		uint64_t size = by_residue ? prize / bins + (i < prize % bins) : to - from;
		weights[i] = (double)size / (double)prize;
	}
	double z = deviate(seen, weights, bins, draws);
	/* Both tails together: p < 1e-6. Too even is as suspicious as too uneven. */
	assert_true(z > -4.9 && z < 4.9);
}

/* P12: chi-square of more than ten million draws, over prizes that are powers of two, are not, are
 * prime, are one coin, and are so large that a third or half of all v is refused. */
static void p12_offsets_are_uniform(void **state)
{
	(void)state;
	uint32_t million = PROOFS_PICK(1000000, 30000);
	check_uniform(1000000007, 1024, 4 * million, false);
	check_uniform(1000000000, 1000, 2 * million, true);
	check_uniform(1 << 20, 1024, million, false);
	check_uniform(97, 97, million, true);
	check_uniform(50000000000, 512, million, false);
	check_uniform(3ull << 62, 64, million, false);
	check_uniform((1ull << 63) + 1, 64, million / 2, false);
	check_uniform(UINT64_MAX, 256, million / 2, false);
}

/* The check above can fail: one offset in 500 moved is seen, and so is the modulo without
 * rejection. */
static void p12_the_chi_square_is_not_blind(void **state)
{
	(void)state;
	static uint32_t seen[64];
	static double weights[64];
	for (unsigned i = 0; i < 64; i++) {
		seen[i] = 1000000 / 64;
		weights[i] = 1.0 / 64;
	}
	assert_true(deviate(seen, weights, 64, 1000000) < -4.9); /* too even */
	for (unsigned i = 0; i < 64; i++)
		seen[i] = i < 22 ? 23438 : 11718; /* 2^64 mod (3 << 62), unrejected */
	assert_true(deviate(seen, weights, 64, 1000000) > 100);
}

/* ---- points and payouts ---- */

static uint64_t points(uint64_t offset, uint64_t prize, uint64_t lo, uint64_t hi)
{
	uint64_t first;
	return souk_lottery_points(&first, amount(offset), amount(prize), amount(lo), amount(hi));
}

/* P13: every set of units of a line of twelve, as the stretches that were paid for; every prize and
 * offset. The mean over the offsets is what is owed, exactly; and each payout is less than one
 * prize off for each stretch. */
static void p13_the_mean_payout_is_what_is_owed(void **state)
{
	(void)state;
	enum { LINE = 12 };
	for (uint64_t prize = 1; prize <= LINE; prize++)
		for (uint32_t set = 0; set < 1u << LINE; set++) {
			uint64_t total = 0, owed = (uint64_t)__builtin_popcount(set);
			for (uint64_t offset = 0; offset < prize; offset++) {
				uint64_t paid = 0, stretches = 0;
				for (uint64_t lo = 0, hi; lo < LINE; lo = hi + 1) {
					for (hi = lo; hi < LINE && set >> hi & 1; hi++)
						;
					stretches += hi > lo;
					paid += prize * points(offset, prize, lo, hi);
				}
				total += paid;
				assert_true(paid < owed + stretches * prize || owed == 0);
				assert_true(paid + stretches * prize > owed || owed == 0);
				assert_true(paid <= (LINE + prize - 1) / prize * prize);
			}
			assert_int_equal(total, owed * prize);
		}
}

/* P7: an interval of any length at any place: floor or ceil of its share, and shares that touch add
 * up. Amounts over the whole range. */
static void p7_points_of_large_intervals(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252ull;
	for (int i = 0; i < 200000; i++) {
		uint64_t r[4];
		for (int k = 0; k < 4; k++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			r[k] = x >> (x >> 58);
		}
		uint64_t prize = r[0] / 4 + 1, offset = r[1] % prize;
		uint64_t lo = r[2] / 4, middle = lo + r[3] / 4, hi = middle + r[1] / 4;
		uint64_t left = points(offset, prize, lo, middle);
		uint64_t right = points(offset, prize, middle, hi);
		assert_true(left == (middle - lo) / prize || left == (middle - lo) / prize + 1);
		assert_int_equal(points(offset, prize, lo, hi), left + right);
	}
}

/* P7: every partition of every line of up to ten, every prize that divides it, every offset: the
 * parts' points are those of the line, its length over the prize, none left out and none twice. */
static void p7_every_partition_pays_the_line_once(void **state)
{
	(void)state;
	for (uint64_t line = 1; line <= 10; line++)
		for (uint64_t prize = 1; prize <= line; prize++)
			for (uint64_t offset = 0; line % prize == 0 && offset < prize; offset++)
				for (uint32_t cuts = 0; cuts < 1u << (line - 1); cuts++) {
					uint64_t next = 0, lo = 0;
					for (uint64_t hi = 1; hi <= line; hi++) {
						uint64_t first;
						if (hi < line && !(cuts >> (hi - 1) & 1))
							continue;
						uint64_t n = souk_lottery_points(&first,
							amount(offset), amount(prize), amount(lo),
							amount(hi));
						assert_true(n == 0 || first == next);
						next += n;
						lo = hi;
					}
					assert_int_equal(next, line / prize);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p12_every_offset_has_equally_many_values),
		cmocka_unit_test(p12_offsets_are_residues),
		cmocka_unit_test(p12_many_rejections),
		cmocka_unit_test(p12_offsets_are_uniform),
		cmocka_unit_test(p12_the_chi_square_is_not_blind),
		cmocka_unit_test(p13_the_mean_payout_is_what_is_owed),
		cmocka_unit_test(p7_points_of_large_intervals),
		cmocka_unit_test(p7_every_partition_pays_the_line_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
