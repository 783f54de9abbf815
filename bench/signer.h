/* SPDX-License-Identifier: Apache-2.0
 *
 * signer.h - the signature schemes of the schemes that Souk is compared with.
 *
 * MicroCash and MICROPAY sign every payment. Their papers measure secp256k1,
 * P-256 and Ed25519; here are the two that are fast in today's libraries:
 * ECDSA of libsecp256k1 over SHA-256, and Ed25519 of libcrypto. Keys are parsed
 * and contexts are made once per customer, so that a signature costs nothing but
 * itself. */
#ifndef SOUK_BENCH_SIGNER_H
#define SOUK_BENCH_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <secp256k1.h>

#define BENCH_SIGNATURE_SIZE 64

enum bench_scheme {
	BENCH_SECP256K1,
	BENCH_ED25519,
	BENCH_SCHEMES,
};

/* "secp256k1" or "ed25519". */
const char *bench_scheme_name(enum bench_scheme scheme);

struct bench_key {
	enum bench_scheme scheme;
	uint8_t seckey[32];
	secp256k1_pubkey point;
	EVP_PKEY *key;
	EVP_MD_CTX *signs, *verifies;
};

/* Whether the libraries made it. SEED is 32 random bytes. */
bool bench_key_init(struct bench_key *key, enum bench_scheme scheme, const uint8_t seed[32]);
void bench_key_done(struct bench_key *key);

bool bench_key_sign(uint8_t ret[BENCH_SIGNATURE_SIZE], const struct bench_key *key,
	const void *message, size_t size);
bool bench_key_verify(const struct bench_key *key, const uint8_t signature[BENCH_SIGNATURE_SIZE],
	const void *message, size_t size);

#endif
