/* SPDX-License-Identifier: Apache-2.0
 *
 * The set digest: order does not matter, what is taken out was never in, and the
 * lanes are those of RFC 8439's key stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/rng.h"
#include "souk/crypto/lthash.h"
#include "souk/crypto/sha256.h"

#define ELEMENTS 40

static struct souk_hash element(uint32_t number)
{
	return souk_sha256_of(&number, sizeof number);
}

/* RFC 8439 A.1, test vectors 1 and 2: key, nonce and counter zero, then counter one. */
static void test_published_key_stream(void **state)
{
	static const uint8_t first[] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90};
	static const uint8_t second[] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a};
	struct souk_hash zero = {{0}};
	struct souk_lthash sum = {{0}};
	uint8_t bytes[SOUK_LTHASH_SIZE];
	(void)state;
	souk_lthash_add(&sum, &zero);
	souk_lthash_encode(bytes, &sum);
	assert_memory_equal(bytes, first, sizeof first);
	assert_memory_equal(bytes + 64, second, sizeof second);
	assert_int_equal(sum.lanes[0], 0xb876);
	assert_int_equal(sum.lanes[32], 0x079f);
}

static void test_any_order(void **state)
{
	struct souk_rng rng;
	struct souk_lthash forward = {{0}}, shuffled = {{0}};
	uint32_t order[ELEMENTS];
	(void)state;
	souk_rng_init(&rng, 7);
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct souk_hash e = element(i);
		souk_lthash_add(&forward, &e);
		order[i] = i;
	}
	for (uint32_t i = ELEMENTS; i-- > 0;) {
		uint32_t at = (uint32_t)souk_rng_below(&rng, i + 1), chosen = order[at];
		struct souk_hash e = element(chosen);
		order[at] = order[i];
		souk_lthash_add(&shuffled, &e);
	}
	assert_true(souk_lthash_equal(&forward, &shuffled));
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct souk_hash e = element(i);
		assert_true(souk_lthash_equal(&forward, &shuffled));
		souk_lthash_sub(&shuffled, &e);
		assert_false(souk_lthash_equal(&forward, &shuffled));
		souk_lthash_sub(&forward, &e);
	}
	static const struct souk_lthash empty;
	assert_true(souk_lthash_equal(&forward, &empty));
}

static void test_sets(void **state)
{
	struct souk_lthash left = {{0}}, right = {{0}}, both = {{0}}, copy;
	uint8_t bytes[SOUK_LTHASH_SIZE];
	(void)state;
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct souk_hash e = element(i);
		souk_lthash_add(i % 3 ? &left : &right, &e);
		souk_lthash_add(&both, &e);
	}
	copy = left;
	souk_lthash_add_set(&copy, &right);
	assert_true(souk_lthash_equal(&copy, &both));
	souk_lthash_sub_set(&copy, &left);
	assert_true(souk_lthash_equal(&copy, &right));
	souk_lthash_encode(bytes, &both);
	souk_lthash_decode(&copy, bytes);
	assert_true(souk_lthash_equal(&copy, &both));
	bytes[SOUK_LTHASH_SIZE - 1] ^= 0x80;
	souk_lthash_decode(&copy, bytes);
	assert_false(souk_lthash_equal(&copy, &both));
}

/* One bit of an element changes about half of all bits of the sum. */
static void test_one_bit(void **state)
{
	struct souk_hash e = element(1);
	struct souk_lthash before = {{0}}, after = {{0}};
	unsigned changed = 0;
	(void)state;
	souk_lthash_add(&before, &e);
	e.bytes[31] ^= 1;
	souk_lthash_add(&after, &e);
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		changed += (unsigned)__builtin_popcount(before.lanes[i] ^ after.lanes[i]);
	assert_in_range(changed, 7800, 8600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_key_stream),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_one_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
