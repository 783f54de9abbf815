/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/cipher.h - ChaCha20 (RFC 8439): a 32-byte key, a 12-byte nonce, a
 * 32-bit block counter.
 *
 * A (key, nonce, counter) is used for one message only. From COUNTER on there
 * must be a number for each 64-byte block: 256 GiB from counter 0.
 *
 * Memory: for some lengths libcrypto takes a context from the heap during the call; where it
 * cannot, a slower plain version does the work, so the call never fails.
 * Threads: any. */
#ifndef SOUK_CRYPTO_CIPHER_H
#define SOUK_CRYPTO_CIPHER_H

#include "souk/base/bytes.h"

/* OUT = IN xor keystream, for SIZE bytes; OUT may be IN. Encrypts and decrypts. */
void souk_chacha20_xor(uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32],
	const uint8_t nonce[12], uint32_t counter);

#endif
