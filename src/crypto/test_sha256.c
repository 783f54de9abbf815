/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"

static const char *const engines[] = {"avx512", "sha-ni", "libcrypto"};

static void assert_hash(const struct souk_hash *hash, const char *hex)
{
	char text[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(text, hash->bytes, sizeof hash->bytes);
	assert_string_equal(text, hex);
}

/* libcrypto's public interface, which our code does not use: the reference. */
static struct souk_hash reference(const void *data, size_t size)
{
	struct souk_hash hash;
	assert_int_equal(EVP_Digest(data, size, hash.bytes, NULL, EVP_sha256(), NULL), 1);
	return hash;
}

static void for_each_engine(void (*run)(void))
{
	for (size_t i = 0; i < SOUK_COUNT_OF(engines); i++) {
		if (!souk_sha256_engine_use(engines[i])) {
			print_message("# no %s on this processor\n", engines[i]);
			continue;
		}
		assert_string_equal(souk_sha256_engine(), engines[i]);
		run();
	}
}

static const struct {
	const char *message;
	bool is_hex;
	const char *digest;
} vectors[] = {
	/* FIPS 180-4 examples */
	{"", false, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", false, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", false,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		false, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	/* CAVP SHA256ShortMsg, lengths 8, 16, 24 and 512 */
	{"d3", true, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
	{"11af", true, "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
	{"b4190e", true, "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"},
	{"5a86b737eaea8ee976a0a24da63e7ed7eefad18a101c1211e2b3650c5187c2a8"
	 "a650547208251f6d4237e661c7bf4c77f335390394c37fa1a9f9be836ac28509",
		true, "42e61e174fbb3897d6dd6cef3dd2802fe67b331953b06114a65c772859dfc1aa"},
};

static void check_vectors(void)
{
	for (size_t i = 0; i < SOUK_COUNT_OF(vectors); i++) {
		uint8_t message[128];
		size_t size = strlen(vectors[i].message);
		if (vectors[i].is_hex) {
			size /= 2;
			assert_int_equal(souk_hex_decode(message, size, vectors[i].message), 0);
		} else {
			memcpy(message, vectors[i].message, size);
		}
		const uint8_t *lanes[1] = {message};
		struct souk_hash hash = souk_sha256_of(message, size);
		assert_hash(&hash, vectors[i].digest);
		souk_sha256_lanes(&hash, lanes, size, 1);
		assert_hash(&hash, vectors[i].digest);
		if (size > SOUK_SHA256_ONE_BLOCK_MAX)
			continue;
		hash = souk_sha256_one_block(message, size);
		assert_hash(&hash, vectors[i].digest);
	}
}

static void test_published_vectors(void **state)
{
	(void)state;
	for_each_engine(check_vectors);
}

static void check_million(void)
{
	static uint8_t message[1000000];
	const uint8_t *lanes[5] = {message, message, message, message, message};
	struct souk_hash hashes[5];
	memset(message, 'a', sizeof message);
	souk_sha256_lanes(hashes, lanes, sizeof message, 5);
	for (int i = 0; i < 5; i++)
		assert_hash(&hashes[i],
			"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_million_a(void **state)
{
	struct souk_sha256 sha;
	struct souk_hash hash;
	char thousand[1000];
	(void)state;
	for_each_engine(check_million);
	memset(thousand, 'a', sizeof thousand);
	souk_sha256_init(&sha);
	for (int i = 0; i < 1000; i++)
		souk_sha256_update(&sha, thousand, sizeof thousand);
	souk_sha256_final(&sha, &hash);
	assert_hash(&hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

#define LANES_MAX 37u

/* Every size, and with it every padding, in every lane. */
static void check_sizes(void)
{
	static uint8_t messages[LANES_MAX][300];
	const uint8_t *lanes[LANES_MAX];
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	souk_rng_fill(&rng, messages, sizeof messages);
	for (size_t size = 0; size <= 300; size++) {
		size_t count = size % (LANES_MAX + 1); /* none to two wide groups and more */
		struct souk_hash hashes[LANES_MAX];
		for (size_t i = 0; i < count; i++)
			lanes[i] = messages[i];
		souk_sha256_lanes(hashes, lanes, size, count);
		for (size_t i = 0; i < count; i++) {
			struct souk_hash expected = reference(messages[i], size);
			assert_memory_equal(&hashes[i], &expected, sizeof expected);
		}
		struct souk_hash alone = souk_sha256_of(messages[0], size);
		struct souk_hash expected = reference(messages[0], size);
		assert_memory_equal(&alone, &expected, sizeof expected);
		if (size > SOUK_SHA256_ONE_BLOCK_MAX)
			continue;
		alone = souk_sha256_one_block(messages[0], size);
		assert_memory_equal(&alone, &expected, sizeof expected);
	}
}

static void check_counts(void)
{
	static uint8_t messages[LANES_MAX][200], blocks[LANES_MAX][64];
	const uint8_t *lanes[LANES_MAX];
	struct souk_rng rng;
	souk_rng_init(&rng, 2);
	souk_rng_fill(&rng, messages, sizeof messages);
	for (size_t i = 0; i < LANES_MAX; i++) {
		lanes[i] = messages[i];
		memset(blocks[i], 0, 64);
		memcpy(blocks[i], messages[i], 40);
		blocks[i][40] = 0x80;
		souk_store_be16(&blocks[i][62], 320);
	}
	for (size_t count = 0; count <= LANES_MAX; count++) {
		struct souk_hash hashes[LANES_MAX + 1] = {0}, from_blocks[LANES_MAX + 1] = {0};
		souk_sha256_lanes(hashes, lanes, 200, count);
		souk_sha256_blocks(from_blocks, (const uint8_t(*)[64])blocks, count);
		for (size_t i = 0; i < count; i++) {
			struct souk_hash a = reference(messages[i], 200);
			struct souk_hash b = reference(messages[i], 40);
			assert_memory_equal(&hashes[i], &a, sizeof a);
			assert_memory_equal(&from_blocks[i], &b, sizeof b);
		}
		assert_true(souk_hash_is_zero(&hashes[count]));
		assert_true(souk_hash_is_zero(&from_blocks[count]));
	}
}

/* What goes on from a hash, in place. */
static void check_after(void)
{
	static uint8_t messages[LANES_MAX][300];
	const uint8_t *lanes[LANES_MAX];
	struct souk_rng rng;
	souk_rng_init(&rng, 4);
	souk_rng_fill(&rng, messages, sizeof messages);
	for (size_t i = 0; i < LANES_MAX; i++)
		lanes[i] = messages[i];
	for (size_t size = 32; size <= 300; size++) {
		size_t count = size % (LANES_MAX + 1);
		struct souk_hash hashes[LANES_MAX + 1] = {0}, expected[LANES_MAX];
		for (size_t i = 0; i < count; i++) {
			uint8_t whole[SOUK_HASH_SIZE + 300];
			souk_rng_fill(&rng, &hashes[i], sizeof hashes[i]);
			memcpy(whole, hashes[i].bytes, SOUK_HASH_SIZE);
			memcpy(whole + SOUK_HASH_SIZE, messages[i], size);
			expected[i] = reference(whole, SOUK_HASH_SIZE + size);
		}
		souk_sha256_lanes_after(hashes, lanes, size, count);
		assert_memory_equal(hashes, expected, count * sizeof *hashes);
		assert_true(souk_hash_is_zero(&hashes[count]));
	}
}

static void test_lanes_agree_with_libcrypto(void **state)
{
	(void)state;
	for_each_engine(check_sizes);
	for_each_engine(check_counts);
	for_each_engine(check_after);
}

static void test_update_in_pieces(void **state)
{
	uint8_t message[300];
	struct souk_rng rng;
	(void)state;
	souk_rng_init(&rng, 3);
	souk_rng_fill(&rng, message, sizeof message);
	struct souk_hash expected = reference(message, sizeof message);
	for (size_t piece = 1; piece < sizeof message; piece++) {
		struct souk_sha256 sha;
		struct souk_hash hash;
		souk_sha256_init(&sha);
		for (size_t at = 0; at < sizeof message; at += piece) {
			size_t left = sizeof message - at;
			souk_sha256_update(&sha, message + at, left < piece ? left : piece);
			souk_sha256_update(&sha, NULL, 0);
		}
		souk_sha256_final(&sha, &hash);
		assert_memory_equal(&hash, &expected, sizeof hash);
	}
}

static void test_unknown_engine_is_refused(void **state)
{
	(void)state;
	const char *before = souk_sha256_engine();
	assert_false(souk_sha256_engine_use("abacus"));
	assert_string_equal(souk_sha256_engine(), before);
}

/* A run of one byte, or the bytes of a text. */
struct input {
	uint8_t byte;
	size_t count;
	const char *text;
};

static struct souk_bytes input_bytes(const struct input *input, uint8_t memory[256])
{
	if (input->text != NULL)
		return souk_bytes_text(input->text);
	memset(memory, input->byte, input->count);
	return souk_bytes_of(memory, input->count);
}

static void test_hmac_rfc4231(void **state)
{
	static const struct {
		struct input key, message;
		const char *mac;
	} cases[] = {
		{{0x0b, 20, NULL}, {0, 0, "Hi There"},
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{{0, 0, "Jefe"}, {0, 0, "what do ya want for nothing?"},
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{{0xaa, 20, NULL}, {0xdd, 50, NULL},
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{{0xaa, 131, NULL},
			{0, 0, "Test Using Larger Than Block-Size Key - Hash Key First"},
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{{0xaa, 131, NULL},
			{0, 0,
				"This is a test using a larger than block-size key and a larger "
				"than block-size data. The key needs to be hashed before being "
				"used by the HMAC algorithm."},
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(cases); i++) {
		uint8_t key[256], message[256];
		struct souk_hash mac = souk_hmac_sha256(
			input_bytes(&cases[i].key, key), input_bytes(&cases[i].message, message));
		assert_hash(&mac, cases[i].mac);
	}
}

/* FROM, FROM + 1, ... */
static struct souk_bytes counting(uint8_t *memory, uint8_t from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memory[i] = (uint8_t)(from + i);
	return souk_bytes_of(memory, count);
}

static void test_hkdf_rfc5869(void **state)
{
	uint8_t secret[80], salt[80], info[80], out[82];
	char text[2 * sizeof out + 1];
	(void)state;
	memset(secret, 0x0b, 22);
	souk_hkdf_sha256(out, 42, counting(salt, 0, 13), souk_bytes_of(secret, 22),
		counting(info, 0xf0, 10));
	souk_hex_encode(text, out, 42);
	assert_string_equal(text, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
				  "34007208d5b887185865");
	souk_hkdf_sha256(
		out, 42, souk_bytes_of(NULL, 0), souk_bytes_of(secret, 22), souk_bytes_of(NULL, 0));
	souk_hex_encode(text, out, 42);
	assert_string_equal(text, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
				  "9d201395faa4b61a96c8");
	souk_hkdf_sha256(out, 82, counting(salt, 0x60, 80), counting(secret, 0, 80),
		counting(info, 0xb0, 80));
	souk_hex_encode(text, out, 82);
	assert_string_equal(text, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
				  "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
				  "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

static void test_domain_separates(void **state)
{
	static const uint8_t whole[] = "souk/strip\0body";
	(void)state;
	struct souk_hash hash = souk_sha256_domain("strip", souk_bytes_text("body"));
	struct souk_hash expected = reference(whole, sizeof whole - 1);
	assert_memory_equal(&hash, &expected, sizeof hash);
	struct souk_hash other = souk_sha256_domain("stripb", souk_bytes_text("ody"));
	assert_memory_not_equal(&hash, &other, sizeof hash);
}

/* RFC 2104 as it is written, for every length on both sides of each seam. */
static void test_hmac_sizes(void **state)
{
	static const size_t key_sizes[] = {0, 1, 32, 63, 64};
	uint8_t key[64], text[64 + 260], outer[64 + SOUK_HASH_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(7 * i + 3);
	for (size_t k = 0; k < sizeof key_sizes / sizeof *key_sizes; k++) {
		memset(key, 0, sizeof key);
		memcpy(key, text + 100, key_sizes[k]);
		for (size_t size = 0; size <= 260; size++) {
			struct souk_hash mac = souk_hmac_sha256(
				souk_bytes_of(key, key_sizes[k]), souk_bytes_of(text + 64, size));
			uint8_t inner[64 + 260];
			memcpy(inner + 64, text + 64, size);
			for (size_t i = 0; i < 64; i++) {
				inner[i] = key[i] ^ 0x36;
				outer[i] = key[i] ^ 0x5c;
			}
			struct souk_hash half = souk_sha256_of(inner, 64 + size);
			memcpy(outer + 64, half.bytes, sizeof half.bytes);
			struct souk_hash expected = souk_sha256_of(outer, sizeof outer);
			assert_memory_equal(&mac, &expected, sizeof mac);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_vectors),
		cmocka_unit_test(test_million_a),
		cmocka_unit_test(test_lanes_agree_with_libcrypto),
		cmocka_unit_test(test_update_in_pieces),
		cmocka_unit_test(test_unknown_engine_is_refused),
		cmocka_unit_test(test_hmac_rfc4231),
		cmocka_unit_test(test_hmac_sizes),
		cmocka_unit_test(test_hkdf_rfc5869),
		cmocka_unit_test(test_domain_separates),
	};
	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
