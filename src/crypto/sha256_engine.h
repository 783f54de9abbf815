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

struct sha256_engine {
	const char *name;
	/* Absorb COUNT consecutive 64-byte blocks into one state. */
	void (*compress)(struct souk_hash *state, const uint8_t *blocks, size_t count);
	/* Absorb COUNT consecutive blocks of each of four messages into its state. */
	void (*compress_lanes)(struct souk_hash states[SHA256_LANES],
		const uint8_t *const blocks[SHA256_LANES], size_t count);
};

#ifdef __x86_64__
extern const struct sha256_engine sha256_engine_ni;
/* Whether this processor has the instructions that engine needs. */
bool sha256_engine_ni_is_supported(void);
#endif

#endif
