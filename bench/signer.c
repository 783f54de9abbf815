/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include <string.h>

#include "souk/crypto/sha256.h"

/* One for the process, as in souk/crypto; never freed. */
static secp256k1_context *context;

const char *bench_scheme_name(enum bench_scheme scheme)
{
	return scheme == BENCH_SECP256K1 ? "secp256k1" : "ed25519";
}

static bool init_ed25519(struct bench_key *key)
{
	key->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->seckey, 32);
	key->signs = EVP_MD_CTX_new();
	key->verifies = EVP_MD_CTX_new();
	return key->key != NULL && key->signs != NULL && key->verifies != NULL &&
	       EVP_DigestSignInit(key->signs, NULL, NULL, NULL, key->key) == 1 &&
	       EVP_DigestVerifyInit(key->verifies, NULL, NULL, NULL, key->key) == 1;
}

static bool init_secp256k1(struct bench_key *key)
{
	if (context == NULL)
		context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
	return context != NULL &&
	       secp256k1_ec_pubkey_create(context, &key->point, key->seckey) == 1;
}

bool bench_key_init(struct bench_key *key, enum bench_scheme scheme, const uint8_t seed[32])
{
	memset(key, 0, sizeof *key);
	key->scheme = scheme;
	memcpy(key->seckey, seed, sizeof key->seckey);
	return scheme == BENCH_ED25519 ? init_ed25519(key) : init_secp256k1(key);
}

void bench_key_done(struct bench_key *key)
{
	EVP_MD_CTX_free(key->signs);
	EVP_MD_CTX_free(key->verifies);
	EVP_PKEY_free(key->key);
	memset(key, 0, sizeof *key);
}

/* libcrypto 3.0 signs again and again with a context that was made ready once; later versions want
 * it made ready each time. */
static bool sign_ed25519(
	uint8_t *ret, const struct bench_key *key, const void *message, size_t size)
{
	size_t length = BENCH_SIGNATURE_SIZE;
	if (EVP_DigestSign(key->signs, ret, &length, message, size) == 1)
		return true;
	return EVP_DigestSignInit(key->signs, NULL, NULL, NULL, key->key) == 1 &&
	       EVP_DigestSign(key->signs, ret, &length, message, size) == 1;
}

static bool verify_ed25519(
	const struct bench_key *key, const uint8_t *signature, const void *message, size_t size)
{
	if (EVP_DigestVerify(key->verifies, signature, BENCH_SIGNATURE_SIZE, message, size) == 1)
		return true;
	return EVP_DigestVerifyInit(key->verifies, NULL, NULL, NULL, key->key) == 1 &&
	       EVP_DigestVerify(key->verifies, signature, BENCH_SIGNATURE_SIZE, message, size) == 1;
}

bool bench_key_sign(uint8_t ret[BENCH_SIGNATURE_SIZE], const struct bench_key *key,
	const void *message, size_t size)
{
	secp256k1_ecdsa_signature signature;
	if (key->scheme == BENCH_ED25519)
		return sign_ed25519(ret, key, message, size);
	struct souk_hash digest = souk_sha256_of(message, size);
	return secp256k1_ecdsa_sign(context, &signature, digest.bytes, key->seckey, NULL, NULL) ==
		       1 &&
	       secp256k1_ecdsa_signature_serialize_compact(context, ret, &signature) == 1;
}

bool bench_key_verify(const struct bench_key *key, const uint8_t signature[BENCH_SIGNATURE_SIZE],
	const void *message, size_t size)
{
	secp256k1_ecdsa_signature parsed;
	if (key->scheme == BENCH_ED25519)
		return verify_ed25519(key, signature, message, size);
	struct souk_hash digest = souk_sha256_of(message, size);
	return secp256k1_ecdsa_signature_parse_compact(context, &parsed, signature) == 1 &&
	       secp256k1_ecdsa_verify(context, &parsed, digest.bytes, &key->point) == 1;
}
