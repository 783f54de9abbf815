/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/aead.h - authenticated encryption of messages whose nonce may be drawn at random:
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), by libsodium.
 *
 * Memory: caller's; OUT may be the input itself. Threads: any. */
#ifndef SOUK_CRYPTO_AEAD_H
#define SOUK_CRYPTO_AEAD_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

#define SOUK_AEAD_KEY_SIZE   32u
#define SOUK_AEAD_NONCE_SIZE 24u
#define SOUK_AEAD_TAG_SIZE   16u

/* PLAIN into OUT: its size and SOUK_AEAD_TAG_SIZE more. A nonce is used once with a key. */
void souk_aead_seal(uint8_t *out, const uint8_t key[SOUK_AEAD_KEY_SIZE],
	const uint8_t nonce[SOUK_AEAD_NONCE_SIZE], struct souk_bytes associated,
	struct souk_bytes plain);

/* SEALED into OUT: its size less SOUK_AEAD_TAG_SIZE.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_CIPHERTEXT: too short, altered, or another key; OUT holds
 * nothing of it. */
SOUK_MUST_CHECK souk_status souk_aead_open(uint8_t *out, const uint8_t key[SOUK_AEAD_KEY_SIZE],
	const uint8_t nonce[SOUK_AEAD_NONCE_SIZE], struct souk_bytes associated,
	struct souk_bytes sealed);

#endif
