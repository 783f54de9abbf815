/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/ecdsa.h - identities: secp256k1 keys, recoverable signatures, addresses.
 *
 * A signature is r || s || v with low s (EIP-2) and v in {0, 1}; high s is
 * refused, so that a signature has one form. Deterministic nonces (RFC 6979).
 * A party is named by the last 20 bytes of Keccak-256 of its uncompressed point.
 *
 * Threads: any; the shared context is made before main and changes in souk_ecdsa_blind only. */
#ifndef SOUK_CRYPTO_ECDSA_H
#define SOUK_CRYPTO_ECDSA_H

#include "souk/base/bytes.h"
#include "souk/crypto/secret.h"

/* souk_ecdsa_blind: blind the library with 32 fresh secret bytes, against power and timing traces.
 * It changes no result. A program calls it once at its start, before it has other threads. */
void souk_ecdsa_blind(const uint8_t seed[32]);

/* A key pair with the address it signs for. */
struct souk_identity {
	struct souk_seckey seckey;
	struct souk_pubkey pubkey;
	struct souk_address address;
};

/* Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY when the scalar is 0 or not below the order: draw again.
 */
SOUK_MUST_CHECK souk_status souk_identity_of(
	struct souk_identity *ret, const struct souk_seckey *seckey);
/* A fresh identity; draws until the scalar is valid. */
void souk_identity_generate(struct souk_identity *ret, struct souk_secret_rng *rng);

/* Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY: the bytes are no point; refuse the message. */
SOUK_MUST_CHECK souk_status souk_address_of_pubkey(
	struct souk_address *ret, const struct souk_pubkey *pubkey);

void souk_ecdsa_sign(struct souk_signature *ret, const struct souk_hash *digest,
	const struct souk_identity *signer);

/* souk_ecdsa_recover: the address that signed DIGEST.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_SIGNATURE  high s, v over 1, or no such point: refuse the message. */
SOUK_MUST_CHECK souk_status souk_ecdsa_recover(struct souk_address *ret,
	const struct souk_hash *digest, const struct souk_signature *signature);

/* As recover, and SOUK_PEER_WRONG_SIGNER where somebody else signed. */
SOUK_MUST_CHECK souk_status souk_ecdsa_verify(const struct souk_address *signer,
	const struct souk_hash *digest, const struct souk_signature *signature);

/* SHA-256 of the compressed shared point: the same for (a, B) and (b, A). Constant time.
 * Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY. */
SOUK_MUST_CHECK souk_status souk_ecdh(
	struct souk_hash *ret, const struct souk_seckey *seckey, const struct souk_pubkey *peer);

#endif
