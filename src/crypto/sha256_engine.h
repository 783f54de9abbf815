/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256_engine.h - what a SHA-256 compression function must offer. Private to src/crypto. */
#ifndef SOUK_CRYPTO_SHA256_ENGINE_H
#define SOUK_CRYPTO_SHA256_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LANES 4

struct sha256_engine {
	const char *name;
	/* Absorb COUNT consecutive 64-byte blocks into one state. */
	void (*compress)(uint32_t state[8], const uint8_t *blocks, size_t count);
	/* Absorb COUNT consecutive blocks into each of four states. */
	void (*compress_lanes)(uint32_t states[SHA256_LANES][8],
		const uint8_t *const blocks[SHA256_LANES], size_t count);
};

extern const uint32_t sha256_round_constants[64];
extern const struct sha256_engine sha256_engine_portable;

#ifdef __x86_64__
extern const struct sha256_engine sha256_engine_ni;
/* Whether this processor has the instructions that engine needs. */
bool sha256_engine_ni_is_supported(void);
#endif

#endif
