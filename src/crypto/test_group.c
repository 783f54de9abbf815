/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "souk/crypto/aead.h"
#include "souk/crypto/group.h"
#include "souk/crypto/secret.h"

#define N_HEX  "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define N1_HEX "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"

static struct souk_scalar scalar_of(const char *hex)
{
	struct souk_scalar scalar;
	uint8_t bytes[32];
	assert_int_equal(souk_hex_decode(bytes, 32, hex), SOUK_OK);
	assert_int_equal(souk_scalar_parse(&scalar, bytes), SOUK_OK);
	return scalar;
}

static struct souk_scalar small(uint8_t value)
{
	struct souk_scalar scalar = {{0}};
	scalar.bytes[31] = value;
	return scalar;
}

static struct souk_scalar drawn(struct souk_secret_rng *rng)
{
	struct souk_hash hash;
	souk_secret_rng_fill(rng, hash.bytes, 32);
	return souk_scalar_of_hash(&hash);
}

static void assert_point(const struct souk_point *point, const char *hex)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE];
	char text[2 * SOUK_PUBKEY_SIZE + 1];
	souk_point_format(bytes, point);
	souk_hex_encode(text, bytes, sizeof bytes);
	assert_string_equal(text, hex);
}

/* Multiples of the generator as everybody publishes them (SEC 2; secg). */
static void test_multiples(void **state)
{
	static const struct {
		uint8_t k;
		const char *hex;
	} known[] = {
		{1, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"},
		{2, "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"},
		{3, "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"},
		{20, "024ce119c96e2fa357200b559b2f7dd5a5f02d5290aff74b03f3e471b273211c97"},
	};
	struct souk_point g, sum, twice;
	struct souk_scalar one = small(1), zero = small(0), last = scalar_of(N1_HEX);
	(void)state;
	assert_int_equal(souk_point_base(&g, &one), SOUK_OK);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct souk_scalar k = small(known[i].k);
		struct souk_point point;
		assert_int_equal(souk_point_base(&point, &k), SOUK_OK);
		assert_point(&point, known[i].hex);
		assert_int_equal(souk_point_mul(&point, &g, &k), SOUK_OK);
		assert_point(&point, known[i].hex);
		assert_int_equal(souk_point_mul_var(&point, &g, &k), SOUK_OK);
		assert_point(&point, known[i].hex);
	}
	assert_int_equal(souk_point_add(&twice, &g, &g), SOUK_OK);
	assert_point(&twice, known[1].hex);
	/* (n - 1) G = -G: the sum with G is infinity. */
	assert_int_equal(souk_point_mul(&sum, &g, &last), SOUK_OK);
	assert_int_equal(souk_point_add(&sum, &sum, &g), SOUK_PEER_BAD_POINT);
	assert_int_equal(souk_point_base(&sum, &zero), SOUK_PEER_BAD_POINT);
	assert_int_equal(souk_point_mul(&sum, &g, &zero), SOUK_PEER_BAD_POINT);
	assert_int_equal(souk_point_mul_var(&sum, &g, &zero), SOUK_PEER_BAD_POINT);
}

static void test_points_that_are_none(void **state)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE] = {2}, full[SOUK_POINT_FULL_SIZE] = {4};
	struct souk_point point, again;
	struct souk_scalar one = small(1);
	(void)state;
	/* x = 5 is on no point of the curve; x = p is not reduced. */
	bytes[32] = 5;
	assert_int_equal(souk_point_parse(&point, bytes), SOUK_PEER_BAD_POINT);
	memset(bytes + 1, 0xff, 32);
	assert_int_equal(souk_point_parse(&point, bytes), SOUK_PEER_BAD_POINT);
	assert_int_equal(souk_point_base(&point, &one), SOUK_OK);
	souk_point_format(bytes, &point);
	for (int first = 0; first < 256; first++) {
		bytes[0] = (uint8_t)first;
		assert_int_equal(souk_point_parse(&again, bytes),
			first == 2 || first == 3 ? SOUK_OK : SOUK_PEER_BAD_POINT);
	}
	/* Uncompressed: y is checked, and the hybrid forms are refused. */
	assert_int_equal(
		souk_hex_decode(full + 1, 64,
			"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
			"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
		SOUK_OK);
	assert_int_equal(souk_point_parse_full(&again, full), SOUK_OK);
	assert_true(souk_point_equal(&again, &point));
	full[0] = 6;
	assert_int_equal(souk_point_parse_full(&again, full), SOUK_PEER_BAD_POINT);
	full[0] = 4;
	full[64] ^= 1;
	assert_int_equal(souk_point_parse_full(&again, full), SOUK_PEER_BAD_POINT);
}

static void test_scalar_edges(void **state)
{
	struct souk_scalar one = small(1), zero = small(0), last = scalar_of(N1_HEX), out;
	struct souk_hash hash = {{0}};
	uint8_t bytes[32], wide[64];
	(void)state;
	assert_int_equal(souk_hex_decode(bytes, 32, N_HEX), SOUK_OK);
	assert_int_equal(souk_scalar_parse(&out, bytes), SOUK_PEER_NOT_CANONICAL);
	memset(bytes, 0xff, 32);
	assert_int_equal(souk_scalar_parse(&out, bytes), SOUK_PEER_NOT_CANONICAL);
	out = souk_scalar_add(&last, &one);
	assert_true(souk_scalar_is_zero(&out));
	out = souk_scalar_sub(&zero, &one);
	assert_true(souk_scalar_equal(&out, &last));
	out = souk_scalar_negate(&zero);
	assert_true(souk_scalar_is_zero(&out));
	out = souk_scalar_mul(&zero, &last);
	assert_true(souk_scalar_is_zero(&out));
	out = souk_scalar_mul(&last, &last); /* (-1)(-1) */
	assert_true(souk_scalar_equal(&out, &one));
	out = souk_scalar_inverse(&last);
	assert_true(souk_scalar_equal(&out, &last));
	out = souk_scalar_add(&last, &last); /* over 2^256, too */
	struct souk_scalar minus_two = souk_scalar_sub(&last, &one);
	assert_true(souk_scalar_equal(&out, &minus_two));
	/* Hashes: modulo n - 1, plus 1. */
	out = souk_scalar_of_hash(&hash);
	assert_true(souk_scalar_equal(&out, &one));
	assert_int_equal(souk_hex_decode(hash.bytes, 32, N1_HEX), SOUK_OK);
	out = souk_scalar_of_hash(&hash);
	assert_true(souk_scalar_equal(&out, &one));
	hash.bytes[31]--;
	out = souk_scalar_of_hash(&hash);
	assert_true(souk_scalar_equal(&out, &last));
	memset(hash.bytes, 0xff, 32);
	out = souk_scalar_of_hash(&hash);
	struct souk_scalar top =
		scalar_of("000000000000000000000000000000014551231950b75fc4402da1732fc9bec0");
	assert_true(souk_scalar_equal(&out, &top));
	/* 2^512 - 1 modulo n, from an independent calculation. */
	memset(wide, 0xff, 64);
	out = souk_scalar_of_wide(wide);
	top = scalar_of("9d671cd581c69bc5e697f5e45bcd07c6741496c20e7cf878896cf21467d7d13f");
	assert_true(souk_scalar_equal(&out, &top));
}

/* Whatever is multiplied in two ways gives one point. */
static void test_ways_agree(void **state)
{
	struct souk_secret_rng rng;
	uint8_t seed[32] = {7};
	(void)state;
	souk_secret_rng_init(&rng, seed);
	for (int i = 0; i < 50; i++) {
		struct souk_scalar k = drawn(&rng), a = drawn(&rng), b = drawn(&rng);
		struct souk_point p, fast, left, right, slow;
		struct souk_scalar product, sum, inverse, one = small(1);
		assert_int_equal(souk_point_base(&p, &k), SOUK_OK);
		assert_int_equal(souk_point_mul_base_var(&fast, &p, &a, &b), SOUK_OK);
		assert_int_equal(souk_point_mul(&left, &p, &a), SOUK_OK);
		assert_int_equal(souk_point_base(&right, &b), SOUK_OK);
		assert_int_equal(souk_point_add(&slow, &left, &right), SOUK_OK);
		assert_true(souk_point_equal(&fast, &slow));
		/* k a + b as scalars */
		product = souk_scalar_mul(&k, &a);
		sum = souk_scalar_add(&product, &b);
		assert_int_equal(souk_point_base(&slow, &sum), SOUK_OK);
		assert_true(souk_point_equal(&fast, &slow));
		inverse = souk_scalar_inverse(&a);
		product = souk_scalar_mul(&inverse, &a);
		assert_true(souk_scalar_equal(&product, &one));
		struct souk_scalar quick = souk_scalar_inverse_var(&a);
		assert_true(souk_scalar_equal(&quick, &inverse));
	}
	for (uint8_t i = 1; i < 100; i++) {
		struct souk_scalar value = small(i), other = souk_scalar_negate(&value);
		struct souk_scalar one = souk_scalar_inverse(&value),
				   two = souk_scalar_inverse(&other);
		struct souk_scalar fast_one = souk_scalar_inverse_var(&value),
				   fast_two = souk_scalar_inverse_var(&other);
		assert_true(souk_scalar_equal(&one, &fast_one));
		assert_true(souk_scalar_equal(&two, &fast_two));
	}
}

static void test_double_multiplication_edges(void **state)
{
	struct souk_scalar zero = small(0), two = small(2), minus, k = small(9);
	struct souk_point p, out, expected;
	(void)state;
	assert_int_equal(souk_point_base(&p, &k), SOUK_OK);
	assert_int_equal(souk_point_mul_base_var(&out, &p, &zero, &two), SOUK_OK);
	assert_int_equal(souk_point_base(&expected, &two), SOUK_OK);
	assert_true(souk_point_equal(&out, &expected));
	assert_int_equal(souk_point_mul_base_var(&out, &p, &two, &zero), SOUK_OK);
	assert_int_equal(souk_point_mul_var(&expected, &p, &two), SOUK_OK);
	assert_true(souk_point_equal(&out, &expected));
	assert_int_equal(souk_point_mul_base_var(&out, &p, &zero, &zero), SOUK_PEER_BAD_POINT);
	/* 2 * 9 G - 18 G */
	minus = small(18);
	minus = souk_scalar_negate(&minus);
	assert_int_equal(souk_point_mul_base_var(&out, &p, &two, &minus), SOUK_PEER_BAD_POINT);
}

static void test_inverses_in_batches(void **state)
{
	struct souk_scalar values[33], copies[33], scratch[33], one = small(1);
	struct souk_secret_rng rng;
	uint8_t seed[32] = {8};
	(void)state;
	souk_secret_rng_init(&rng, seed);
	for (size_t count = 0; count <= 33; count += 11) {
		for (size_t i = 0; i < count; i++)
			copies[i] = values[i] = drawn(&rng);
		souk_scalar_inverse_all(values, scratch, count);
		for (size_t i = 0; i < count; i++) {
			struct souk_scalar product = souk_scalar_mul(&values[i], &copies[i]);
			assert_true(souk_scalar_equal(&product, &one));
		}
	}
}

static void test_signatures(void **state)
{
	struct souk_scalar key = small(77);
	struct souk_point point;
	struct souk_hash digest = {{1, 2, 3}};
	struct souk_ecdsa_rs signature, high;
	(void)state;
	assert_int_equal(souk_point_base(&point, &key), SOUK_OK);
	souk_ecdsa_rs_sign(&signature, &digest, &key);
	assert_int_equal(souk_ecdsa_rs_verify(&signature, &digest, &point), SOUK_OK);
	for (size_t i = 0; i < 64; i++) {
		high = signature;
		high.bytes[i] ^= 1;
		assert_int_equal(
			souk_ecdsa_rs_verify(&high, &digest, &point), SOUK_PEER_BAD_SIGNATURE);
	}
	/* The other s, n - s, has the same meaning and is refused: one form. */
	struct souk_scalar s;
	assert_int_equal(souk_scalar_parse(&s, signature.bytes + 32), SOUK_OK);
	s = souk_scalar_negate(&s);
	high = signature;
	memcpy(high.bytes + 32, s.bytes, 32);
	assert_int_equal(souk_ecdsa_rs_verify(&high, &digest, &point), SOUK_PEER_BAD_SIGNATURE);
}

/* draft-irtf-cfrg-xchacha-03, A.3.1 */
static void test_aead(void **state)
{
	static const char plain[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you "
		"only one tip for the future, sunscreen would be it.";
	uint8_t key[32], nonce[24], associated[12], sealed[sizeof plain - 1 + SOUK_AEAD_TAG_SIZE];
	uint8_t opened[sizeof sealed];
	char hex[2 * sizeof sealed + 1];
	(void)state;
	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < 24; i++)
		nonce[i] = (uint8_t)(0x40 + i);
	assert_int_equal(souk_hex_decode(associated, 12, "50515253c0c1c2c3c4c5c6c7"), SOUK_OK);
	souk_aead_seal(sealed, key, nonce, souk_bytes_of(associated, 12),
		souk_bytes_of(plain, sizeof plain - 1));
	souk_hex_encode(hex, sealed, sizeof sealed);
	assert_memory_equal(
		hex, "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb", 64);
	assert_string_equal(hex + 2 * (sizeof sealed - 16), "c0875924c1c7987947deafd8780acf49");
	assert_int_equal(souk_aead_open(opened, key, nonce, souk_bytes_of(associated, 12),
				 souk_bytes_of(sealed, sizeof sealed)),
		SOUK_OK);
	assert_memory_equal(opened, plain, sizeof plain - 1);
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		assert_int_equal(souk_aead_open(opened, key, nonce, souk_bytes_of(associated, 12),
					 souk_bytes_of(sealed, sizeof sealed)),
			SOUK_PEER_BAD_CIPHERTEXT);
		sealed[i] ^= 1;
	}
	assert_int_equal(souk_aead_open(opened, key, nonce, souk_bytes_of(associated, 12),
				 souk_bytes_of(sealed, 15)),
		SOUK_PEER_BAD_CIPHERTEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiples),
		cmocka_unit_test(test_points_that_are_none),
		cmocka_unit_test(test_scalar_edges),
		cmocka_unit_test(test_ways_agree),
		cmocka_unit_test(test_double_multiplication_edges),
		cmocka_unit_test(test_inverses_in_batches),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_aead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
