/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256_engine.h - what a SHA-256 compression function must offer. Private to src/crypto.
 *
 * The state between blocks is kept as FIPS 180-4 outputs it, big-endian, so
 * that after the last block it is the digest and nothing is left to convert. */
#ifndef SOUK_CRYPTO_SHA256_ENGINE_H
#define SOUK_CRYPTO_SHA256_ENGINE_H

#include "souk/base/bytes.h"

#define SHA256_LANES 4
#define SHA256_WIDE  16

struct sha256_engine {
	const char *name;
	/* Absorb COUNT consecutive 64-byte blocks into one state. */
	void (*compress)(struct souk_hash *state, const uint8_t *blocks, size_t count);
	/* Absorb COUNT consecutive blocks of each of four messages into its state. */
	void (*compress_lanes)(struct souk_hash states[SHA256_LANES],
		const uint8_t *const blocks[SHA256_LANES], size_t count);
	/* The same for sixteen; NULL where four are as good. */
	void (*compress_wide)(struct souk_hash states[SHA256_WIDE],
		const uint8_t *const blocks[SHA256_WIDE], size_t count);
};

/* COUNT blocks of one message, padded by the caller, from the initial state to the digest. */
struct souk_hash sha256_padded(const uint8_t *blocks, size_t count);
/* The last SIZE % 64 bytes of MESSAGE with the padding of FIPS 180-4, 5.1.1, for a message of TOTAL
 * bytes of which these are the end. Returns the blocks: 1 or 2. */
size_t sha256_pad_tail(uint8_t tail[128], const uint8_t *message, size_t size, uint64_t total);

#ifdef __x86_64__
extern const struct sha256_engine sha256_engine_ni;
/* Whether this processor has the instructions that engine needs. */
bool sha256_engine_ni_is_supported(void);
void sha256_ni_compress(struct souk_hash *state, const uint8_t *blocks, size_t count);
void sha256_ni_compress_lanes(struct souk_hash states[SHA256_LANES],
	const uint8_t *const blocks[SHA256_LANES], size_t count);
/* SHA-NI for few messages, AVX-512 for many. */
extern const struct sha256_engine sha256_engine_avx512;
bool sha256_engine_avx512_is_supported(void);
#endif

#endif
