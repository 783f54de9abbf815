/* SPDX-License-Identifier: Apache-2.0
 *
 * The engines of souk/crypto/group8.h against one another, and against known multiples. Where the
 * processor lacks the wide one, the portable one is held against itself, and that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "souk/crypto/group8.h"
#include "souk/crypto/secret.h"

static struct souk_scalar drawn(struct souk_secret_rng *rng)
{
	struct souk_hash hash;
	souk_secret_rng_fill(rng, hash.bytes, 32);
	return souk_scalar_of_hash(&hash);
}

static struct souk_scalar small(int value)
{
	struct souk_scalar scalar = {{0}};
	scalar.bytes[31] = (uint8_t)(value < 0 ? -value : value);
	return value < 0 ? souk_scalar_negate(&scalar) : scalar;
}

/* Both engines on the same lanes. */
static void compare(
	const struct souk_point points[SOUK_LANES], const struct souk_scalar scalars[SOUK_LANES])
{
	struct souk_point wide[SOUK_LANES], portable[SOUK_LANES];
	(void)souk_group8_use("ifma");
	uint8_t infinite = souk_group8_mul(wide, points, scalars, SOUK_LANES);
	assert_true(souk_group8_use("portable"));
	assert_int_equal(souk_group8_mul(portable, points, scalars, SOUK_LANES), infinite);
	for (uint32_t i = 0; i < SOUK_LANES; i++) {
		if ((infinite >> i & 1) == 0)
			assert_true(souk_point_equal(&wide[i], &portable[i]));
	}
}

static void draw_points(struct souk_point points[SOUK_LANES], struct souk_secret_rng *rng)
{
	for (uint32_t i = 0; i < SOUK_LANES; i++) {
		struct souk_scalar k = drawn(rng);
		assert_int_equal(souk_point_base(&points[i], &k), SOUK_OK);
	}
}

static void test_random(void **state)
{
	struct souk_secret_rng rng;
	uint8_t seed[32] = {1};
	struct souk_point points[SOUK_LANES];
	struct souk_scalar scalars[SOUK_LANES];
	(void)state;
	souk_secret_rng_init(&rng, seed);
	if (!souk_group8_use("ifma"))
		printf("# this processor has no IFMA: one engine only\n");
	for (int round = 0; round < 200; round++) {
		draw_points(points, &rng);
		for (uint32_t i = 0; i < SOUK_LANES; i++)
			scalars[i] = drawn(&rng);
		compare(points, scalars);
	}
}

/* a + b lambda for small a and b: where an addition could meet its own point. And what lies at the
 * ends: 0, 1, n - 1, powers of two. */
static void test_special_scalars(void **state)
{
	static const struct souk_scalar lambda = {{0x53, 0x63, 0xad, 0x4c, 0xc0, 0x5c, 0x30, 0xe0,
		0xa5, 0x26, 0x1c, 0x02, 0x88, 0x12, 0x64, 0x5a, 0x12, 0x2e, 0x22, 0xea, 0x20, 0x81,
		0x66, 0x78, 0xdf, 0x02, 0x96, 0x7c, 0x1b, 0x23, 0xbd, 0x72}};
	struct souk_secret_rng rng;
	uint8_t seed[32] = {2};
	struct souk_point points[SOUK_LANES];
	struct souk_scalar scalars[SOUK_LANES];
	uint32_t lane = 0;
	(void)state;
	souk_secret_rng_init(&rng, seed);
	draw_points(points, &rng);
	for (int a = -31; a <= 31; a++) {
		for (int b = -31; b <= 31; b++) {
			struct souk_scalar left = small(a), right = small(b);
			right = souk_scalar_mul(&right, &lambda);
			scalars[lane++] = souk_scalar_add(&left, &right);
			if (lane == SOUK_LANES)
				compare(points, scalars);
			lane %= SOUK_LANES;
		}
	}
	for (int bit = 0; bit < 256; bit += 4) {
		for (lane = 0; lane < SOUK_LANES; lane++) {
			struct souk_scalar power = {{0}}, one = small(lane % 2 == 0 ? -1 : 1);
			power.bytes[31 - bit / 8] = (uint8_t)(1u << (bit + lane / 2) % 8);
			scalars[lane] = souk_scalar_add(&power, &one);
		}
		compare(points, scalars);
	}
}

static void test_few_lanes(void **state)
{
	struct souk_secret_rng rng;
	uint8_t seed[32] = {3};
	struct souk_point points[SOUK_LANES], out[SOUK_LANES], again;
	struct souk_scalar scalars[SOUK_LANES];
	(void)state;
	(void)souk_group8_use("ifma");
	souk_secret_rng_init(&rng, seed);
	draw_points(points, &rng);
	for (uint32_t i = 0; i < SOUK_LANES; i++)
		scalars[i] = i == 1 ? small(0) : drawn(&rng);
	for (size_t count = 0; count <= SOUK_LANES; count++) {
		memcpy(out, points, sizeof out);
		/* In place; what is beyond, and what is infinite, stays as it was. */
		assert_int_equal(souk_group8_mul(out, out, scalars, count), count > 1 ? 2 : 0);
		for (size_t i = 0; i < SOUK_LANES; i++) {
			again = points[i];
			if (i < count && i != 1)
				assert_int_equal(
					souk_point_mul(&again, &points[i], &scalars[i]), SOUK_OK);
			assert_true(souk_point_equal(&out[i], &again));
		}
	}
}

static void test_parse(void **state)
{
	struct souk_secret_rng rng;
	uint8_t seed[32] = {4}, bytes[SOUK_LANES][SOUK_PUBKEY_SIZE];
	const uint8_t *views[SOUK_LANES];
	struct souk_point points[SOUK_LANES], wide[SOUK_LANES], portable[SOUK_LANES];
	uint32_t refused = 0;
	(void)state;
	souk_secret_rng_init(&rng, seed);
	for (int round = 0; round < 300; round++) {
		draw_points(points, &rng);
		for (uint32_t i = 0; i < SOUK_LANES; i++) {
			souk_point_format(bytes[i], &points[i]);
			views[i] = bytes[i];
			if (round % 4 == 1)
				bytes[i][1 + (round + i) % 32] ^= (uint8_t)(1u << i);
			if (round % 4 == 2)
				bytes[i][0] = (uint8_t)(round / 4 + i);
			if (round % 4 == 3 && i % 2 == 0)
				memset(bytes[i] + 1, 0xff, 28); /* p is within reach */
		}
		(void)souk_group8_use("ifma");
		uint8_t bad = souk_group8_parse(wide, views, SOUK_LANES);
		assert_true(souk_group8_use("portable"));
		assert_int_equal(souk_group8_parse(portable, views, SOUK_LANES), bad);
		for (uint32_t i = 0; i < SOUK_LANES; i++) {
			refused += bad >> i & 1;
			if ((bad >> i & 1) == 0)
				assert_true(souk_point_equal(&wide[i], &portable[i]));
		}
	}
	assert_true(refused > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_special_scalars),
		cmocka_unit_test(test_few_lanes),
		cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
