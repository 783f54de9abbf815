/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/crypto/ecdsa.h"
#include "souk/crypto/sha256.h"

#define ORDER_HEX "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void from_hex(void *out, size_t size, const char *hex)
{
	assert_int_equal(souk_hex_decode(out, size, hex), SOUK_OK);
}

static void assert_bytes(const void *bytes, size_t size, const char *hex)
{
	char text[256];
	assert_true(2 * size < sizeof text);
	souk_hex_encode(text, bytes, size);
	assert_string_equal(text, hex);
}

static struct souk_identity identity_of_hex(const char *seckey_hex)
{
	struct souk_seckey seckey;
	struct souk_identity identity;
	from_hex(seckey.bytes, sizeof seckey.bytes, seckey_hex);
	assert_int_equal(souk_identity_of(&identity, &seckey), SOUK_OK);
	return identity;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *seckey, *address;
	} cases[] = {
		/* EIP-155's example */
		{"4646464646464646464646464646464646464646464646464646464646464646",
			"9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"},
		/* the first account of Hardhat's well-known test mnemonic */
		{"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
			"f39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
		{"0000000000000000000000000000000000000000000000000000000000000001",
			"7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
	};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(cases); i++) {
		struct souk_identity identity = identity_of_hex(cases[i].seckey);
		struct souk_address address;
		assert_bytes(identity.address.bytes, 20, cases[i].address);
		assert_int_equal(souk_address_of_pubkey(&address, &identity.pubkey), SOUK_OK);
		assert_true(souk_address_equal(&address, &identity.address));
	}
}

static void test_bad_keys_are_refused(void **state)
{
	static const char *const scalars[] = {
		"0000000000000000000000000000000000000000000000000000000000000000", ORDER_HEX,
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
	static const char *const points[] = {
		"000000000000000000000000000000000000000000000000000000000000000000",
		/* no y for this x; a prefix of another form; x not below the field's prime */
		"020000000000000000000000000000000000000000000000000000000000000005",
		"0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"};
	struct souk_identity identity =
		identity_of_hex("4646464646464646464646464646464646464646464646464646464646464646");
	struct souk_identity before = identity;
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(scalars); i++) {
		struct souk_seckey seckey;
		struct souk_hash shared = {{7}};
		from_hex(seckey.bytes, sizeof seckey.bytes, scalars[i]);
		assert_int_equal(souk_identity_of(&identity, &seckey), SOUK_PEER_BAD_PUBKEY);
		assert_memory_equal(&identity, &before, sizeof before);
		assert_int_equal(souk_ecdh(&shared, &seckey, &before.pubkey), SOUK_PEER_BAD_PUBKEY);
		assert_int_equal(shared.bytes[0], 7);
	}
	for (size_t i = 0; i < SOUK_COUNT_OF(points); i++) {
		struct souk_pubkey pubkey;
		struct souk_address address = {{7}};
		struct souk_hash shared = {{7}};
		from_hex(pubkey.bytes, sizeof pubkey.bytes, points[i]);
		assert_int_equal(souk_address_of_pubkey(&address, &pubkey), SOUK_PEER_BAD_PUBKEY);
		assert_int_equal(address.bytes[0], 7);
		assert_int_equal(souk_ecdh(&shared, &before.seckey, &pubkey), SOUK_PEER_BAD_PUBKEY);
		assert_int_equal(shared.bytes[0], 7);
	}
}

/* Deterministic signatures, as widely reproduced for secp256k1 with RFC 6979 and SHA-256. */
static void test_rfc6979(void **state)
{
	static const struct {
		const char *seckey, *message, *r_s;
	} cases[] = {
		{"0000000000000000000000000000000000000000000000000000000000000001",
			"Satoshi Nakamoto",
			"934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
			"2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
		{"0000000000000000000000000000000000000000000000000000000000000001",
			"All those moments will be lost in time, like tears in rain. Time to "
			"die...",
			"8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b"
			"547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
		{"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
			"Satoshi Nakamoto",
			"fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0"
			"6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5"},
		{"f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
			"7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c"
			"58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea"},
	};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(cases); i++) {
		struct souk_identity signer = identity_of_hex(cases[i].seckey);
		struct souk_hash digest =
			souk_sha256_of(cases[i].message, strlen(cases[i].message));
		struct souk_signature signature;
		souk_ecdsa_sign(&signature, &digest, &signer);
		assert_bytes(signature.bytes, 64, cases[i].r_s);
		assert_int_equal(souk_ecdsa_verify(&signer.address, &digest, &signature), SOUK_OK);
	}
}

/* EIP-155's example transaction: its signing hash, and v = 37 for recovery id 0. */
static void eip155(struct souk_hash *digest, struct souk_signature *signature)
{
	from_hex(digest->bytes, 32,
		"daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
	from_hex(signature->bytes, 65,
		"28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
		"67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d8300");
}

static void test_eip155_recovers_and_signs(void **state)
{
	struct souk_identity signer =
		identity_of_hex("4646464646464646464646464646464646464646464646464646464646464646");
	struct souk_hash digest;
	struct souk_signature published, ours;
	struct souk_address address;
	(void)state;
	eip155(&digest, &published);
	assert_int_equal(souk_ecdsa_recover(&address, &digest, &published), SOUK_OK);
	assert_true(souk_address_equal(&address, &signer.address));
	souk_ecdsa_sign(&ours, &digest, &signer);
	assert_memory_equal(&ours, &published, sizeof ours);
}

/* *S = the group order - *S: the other valid s of the same signature. */
static void negate_scalar(uint8_t s[32])
{
	uint8_t order[32];
	int borrow = 0;
	from_hex(order, sizeof order, ORDER_HEX);
	for (int i = 31; i >= 0; i--) {
		int difference = order[i] - s[i] - borrow;
		borrow = difference < 0;
		s[i] = (uint8_t)difference;
	}
}

static void assert_refused(const struct souk_hash *digest, const struct souk_signature *signature)
{
	struct souk_address address = {{7}}, expected = {{7}};
	assert_int_equal(souk_ecdsa_recover(&address, digest, signature), SOUK_PEER_BAD_SIGNATURE);
	assert_true(souk_address_equal(&address, &expected));
	assert_int_equal(souk_ecdsa_verify(&address, digest, signature), SOUK_PEER_BAD_SIGNATURE);
}

static void test_other_forms_are_refused(void **state)
{
	struct souk_hash digest;
	struct souk_signature good, bad;
	(void)state;
	eip155(&digest, &good);
	bad = good;
	negate_scalar(bad.bytes + 32);
	bad.bytes[64] ^= 1;
	assert_refused(&digest, &bad); /* high s, valid for others */
	for (unsigned v = 2; v < 256; v++) {
		bad = good;
		bad.bytes[64] = (uint8_t)v;
		assert_refused(&digest, &bad);
	}
	for (size_t at = 0; at < 64; at += 32) {
		bad = good;
		memset(bad.bytes + at, 0, 32);
		assert_refused(&digest, &bad);
		from_hex(bad.bytes + at, 32, ORDER_HEX);
		assert_refused(&digest, &bad);
		memset(bad.bytes + at, 0xff, 32);
		assert_refused(&digest, &bad);
	}
}

static void test_every_changed_bit_fails(void **state)
{
	struct souk_identity signer =
		identity_of_hex("4646464646464646464646464646464646464646464646464646464646464646");
	struct souk_hash digest;
	struct souk_signature good;
	(void)state;
	eip155(&digest, &good);
	for (size_t bit = 0; bit < 8 * sizeof good.bytes; bit++) {
		struct souk_signature bad = good;
		bad.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(souk_ecdsa_verify(&signer.address, &digest, &bad), SOUK_OK);
	}
	for (size_t bit = 0; bit < 8 * sizeof digest.bytes; bit++) {
		struct souk_hash other = digest;
		other.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_equal(
			souk_ecdsa_verify(&signer.address, &other, &good), SOUK_PEER_WRONG_SIGNER);
	}
}

static void test_generated_identities(void **state)
{
	struct souk_secret_rng rng;
	uint8_t seed[32] = {9};
	struct souk_identity previous = {0};
	(void)state;
	souk_secret_rng_init(&rng, seed);
	for (uint8_t i = 0; i < 40; i++) {
		struct souk_identity identity;
		struct souk_signature signature;
		struct souk_hash digest = souk_sha256_of(&i, 1);
		souk_identity_generate(&identity, &rng);
		assert_memory_not_equal(&identity.seckey, &previous.seckey, 32);
		souk_ecdsa_sign(&signature, &digest, &identity);
		assert_int_equal(
			souk_ecdsa_verify(&identity.address, &digest, &signature), SOUK_OK);
		assert_int_equal(souk_ecdsa_verify(&previous.address, &digest, &signature),
			SOUK_PEER_WRONG_SIGNER);
		previous = identity;
	}
}

static void test_ecdh_is_symmetric(void **state)
{
	struct souk_identity a =
		identity_of_hex("4646464646464646464646464646464646464646464646464646464646464646");
	struct souk_identity b =
		identity_of_hex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
	struct souk_identity one =
		identity_of_hex("0000000000000000000000000000000000000000000000000000000000000001");
	struct souk_hash ab, ba, with_one;
	(void)state;
	assert_int_equal(souk_ecdh(&ab, &a.seckey, &b.pubkey), SOUK_OK);
	assert_int_equal(souk_ecdh(&ba, &b.seckey, &a.pubkey), SOUK_OK);
	assert_true(souk_hash_equal(&ab, &ba));
	/* 1 * A is A: the definition, spelled out. */
	assert_int_equal(souk_ecdh(&with_one, &one.seckey, &a.pubkey), SOUK_OK);
	struct souk_hash expected = souk_sha256_of(a.pubkey.bytes, sizeof a.pubkey.bytes);
	assert_true(souk_hash_equal(&with_one, &expected));
	assert_false(souk_hash_equal(&with_one, &ab));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_bad_keys_are_refused),
		cmocka_unit_test(test_rfc6979),
		cmocka_unit_test(test_eip155_recovers_and_signs),
		cmocka_unit_test(test_other_forms_are_refused),
		cmocka_unit_test(test_every_changed_bit_fails),
		cmocka_unit_test(test_generated_identities),
		cmocka_unit_test(test_ecdh_is_symmetric),
	};
	return cmocka_run_group_tests_name("ecdsa", tests, NULL, NULL);
}
