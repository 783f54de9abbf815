/* SPDX-License-Identifier: Apache-2.0
 *
 * chacha20_engine.h - ChaCha20 by instructions that not every processor has. Private to src/crypto.
 */
#ifndef SOUK_CRYPTO_CHACHA20_ENGINE_H
#define SOUK_CRYPTO_CHACHA20_ENGINE_H

#include "souk/base/bytes.h"

/* What is done at once: 32 blocks. */
#define CHACHA20_WIDE 2048u

#ifdef __x86_64__
/* As many bytes as are whole multiples of CHACHA20_WIDE, from the state WORDS on (RFC 8439, 2.3);
 * OUT may be IN. Returns how many that are. */
size_t chacha20_avx512_xor(uint8_t *out, const uint8_t *in, size_t size, const uint32_t words[16]);
/* Whether this processor has the instructions. */
bool chacha20_avx512_is_supported(void);
#endif

#endif
