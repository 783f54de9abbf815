/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/keccak.h"
#include "souk/crypto/secret.h"

/* The build puts this in libcrypto's place, so that it can be made to run out of memory. */
EVP_CIPHER_CTX *__real_EVP_CIPHER_CTX_new(void);
EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void);

static bool libcrypto_refuses;
static unsigned libcrypto_calls;

EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void)
{
	libcrypto_calls++;
	return libcrypto_refuses ? NULL : __real_EVP_CIPHER_CTX_new();
}

static void counting_key(uint8_t key[32])
{
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
}

static void assert_bytes(const void *bytes, size_t size, const char *hex)
{
	char text[1024];
	assert_true(2 * size < sizeof text);
	souk_hex_encode(text, bytes, size);
	assert_string_equal(text, hex);
}

static void test_rfc8439_block(void **state)
{
	static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
	uint8_t key[32], out[64] = {0};
	(void)state;
	counting_key(key);
	souk_chacha20_xor(out, out, sizeof out, key, nonce, 1);
	assert_bytes(out, sizeof out,
		"10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
		"d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
}

static void test_rfc8439_message(void **state)
{
	static const char message[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	static const uint8_t nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0x4a, 0, 0, 0, 0};
	uint8_t key[32], out[sizeof message - 1];
	(void)state;
	counting_key(key);
	souk_chacha20_xor(out, (const uint8_t *)message, sizeof out, key, nonce, 1);
	assert_bytes(out, sizeof out,
		"6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
		"f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
		"07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
		"5af90bbf74a35be6b40b8eedf2785e42874d");
	souk_chacha20_xor(out, out, sizeof out, key, nonce, 1);
	assert_memory_equal(out, message, sizeof out);
}

static void random_inputs(
	uint64_t seed, uint8_t *message, size_t size, uint8_t key[32], uint8_t nonce[12])
{
	struct souk_rng rng;
	souk_rng_init(&rng, seed);
	souk_rng_fill(&rng, message, size);
	souk_rng_fill(&rng, key, 32);
	souk_rng_fill(&rng, nonce, 12);
}

static void xor_by_blocks(uint8_t *out, const uint8_t *message, size_t size, const uint8_t key[32],
	const uint8_t nonce[12], uint32_t counter)
{
	for (size_t at = 0; at < size; at += 64)
		souk_chacha20_xor(out + at, message + at, size - at < 64 ? size - at : 64, key,
			nonce, counter + (uint32_t)(at / 64));
}

/* One call to libcrypto, a call per block, and our own code for all blocks: the same bytes. */
static void test_whole_equals_blocks(void **state)
{
	uint8_t message[1500], whole[1500], blocks[1500], plain[1500], key[32], nonce[12];
	(void)state;
	random_inputs(1, message, sizeof message, key, nonce);
	for (size_t size = 0; size < sizeof message; size += 1 + size / 16) {
		uint32_t counter = 0xffffffe0u; /* its last blocks use the last counters */
		memset(whole, 0xee, sizeof whole);
		souk_chacha20_xor(whole, message, size, key, nonce, counter);
		xor_by_blocks(blocks, message, size, key, nonce, counter);
		assert_memory_equal(whole, blocks, size);
		unsigned calls = libcrypto_calls;
		libcrypto_refuses = true;
		souk_chacha20_xor(plain, message, size, key, nonce, counter);
		libcrypto_refuses = false;
		assert_int_equal(libcrypto_calls - calls, size > 64);
		assert_memory_equal(plain, whole, size);
		for (size_t at = size; at < sizeof whole; at++)
			assert_int_equal(whole[at], 0xee);
	}
}

/* What goes by many blocks at once, from lengths below that on to past two rounds of it with a
 * rest: the same bytes as block by block; in place, and neither aligned nor written past the end.
 */
static void test_long_equals_blocks(void **state)
{
	enum { SIZE = 3 * 2048 + 200, ROOM = SIZE + 2 };
	static uint8_t message[SIZE], whole[ROOM], blocks[SIZE];
	uint8_t key[32], nonce[12];
	(void)state;
	random_inputs(2, message, sizeof message, key, nonce);
	for (size_t size = 2047; size <= SIZE; size += 1 + size % 61) {
		uint32_t counter = (uint32_t)(0 - (size + 63) / 64); /* to the last counter */
		memset(whole, 0xee, sizeof whole);
		memcpy(whole + 1, message, size);
		souk_chacha20_xor(whole + 1, whole + 1, size, key, nonce, counter);
		xor_by_blocks(blocks, message, size, key, nonce, counter);
		assert_memory_equal(whole + 1, blocks, size);
		assert_int_equal(whole[0], 0xee);
		assert_int_equal(whole[size + 1], 0xee);
	}
}

/* As much as a unit is, from elsewhere in memory: libcrypto says the same. */
static void test_unit_equals_libcrypto(void **state)
{
	enum { SIZE = 256 * 1024 };
	static uint8_t message[SIZE], ours[SIZE], theirs[SIZE];
	uint8_t key[32], iv[16] = {7};
	int written = 0;
	struct souk_rng rng;
	(void)state;
	souk_rng_init(&rng, 3);
	souk_rng_fill(&rng, message, sizeof message);
	souk_rng_fill(&rng, key, sizeof key);
	souk_rng_fill(&rng, iv + 4, 12);
	souk_chacha20_xor(ours, message, SIZE, key, iv + 4, 7);
	EVP_CIPHER_CTX *ctx = __real_EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_chacha20(), NULL, key, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, theirs, &written, message, SIZE), 1);
	EVP_CIPHER_CTX_free(ctx);
	assert_memory_equal(ours, theirs, SIZE);
}

static void test_secret_rng(void **state)
{
	struct souk_secret_rng a, b;
	uint8_t seed[32] = {1}, first[100], second[100], expected[100] = {0};
	static const uint8_t nonce_of_second_call[12] = {[11] = 1};
	(void)state;
	souk_secret_rng_init(&a, seed);
	souk_secret_rng_init(&b, seed);
	souk_secret_rng_fill(&a, first, sizeof first);
	souk_secret_rng_fill(&b, second, sizeof second);
	assert_memory_equal(first, second, sizeof first);
	souk_secret_rng_fill(&a, second, sizeof second);
	assert_memory_not_equal(first, second, 32);
	souk_chacha20_xor(expected, expected, sizeof expected, seed, nonce_of_second_call, 0);
	assert_memory_equal(second, expected, sizeof expected);
	seed[31] = 1;
	souk_secret_rng_init(&b, seed);
	souk_secret_rng_fill(&b, second, sizeof second);
	assert_memory_not_equal(first, second, 32);
}

static void test_keccak256(void **state)
{
	static const struct {
		const char *text;
		const char *digest;
	} texts[] = {
		{"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
		{"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
		{"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"},
	};
	/* Bytes i mod 251 around the rate of 136, from an independent implementation that was
	 * checked as SHA3-256 first. */
	static const struct {
		size_t size;
		const char *digest;
	} runs[] = {
		{135, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62"},
		{136, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e"},
		{137, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db"},
		{272, "8e2476e65823b24d96ebe239f2c1534cdf763e689e2410c3b1cb0c74e6177bfc"},
		{300, "4699841dafd5e26cca72b05a41d38c96b4b468e5a6cbf694cbebe77dacdf6528"},
	};
	uint8_t run[300];
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(texts); i++) {
		struct souk_hash hash = souk_keccak256_of(texts[i].text, strlen(texts[i].text));
		assert_bytes(hash.bytes, sizeof hash.bytes, texts[i].digest);
	}
	for (size_t i = 0; i < sizeof run; i++)
		run[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < SOUK_COUNT_OF(runs); i++) {
		struct souk_hash hash = souk_keccak256_of(run, runs[i].size);
		assert_bytes(hash.bytes, sizeof hash.bytes, runs[i].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8439_block),
		cmocka_unit_test(test_rfc8439_message),
		cmocka_unit_test(test_whole_equals_blocks),
		cmocka_unit_test(test_long_equals_blocks),
		cmocka_unit_test(test_unit_equals_libcrypto),
		cmocka_unit_test(test_secret_rng),
		cmocka_unit_test(test_keccak256),
	};
	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
