/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/rng.h - a seeded stream for choices that need no secrecy.
 *
 * xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64. The same seed
 * gives the same stream on every machine. Secrets never come from here: see
 * souk/crypto/secret.h.
 *
 * Memory: a value. Threads: one owner. */
#ifndef SOUK_BASE_RNG_H
#define SOUK_BASE_RNG_H

#include <stdint.h>

struct souk_rng {
	uint64_t state[4];
};

void souk_rng_init(struct souk_rng *rng, uint64_t seed);
uint64_t souk_rng_u64(struct souk_rng *rng);
/* Uniform in [0, bound), by rejection; BOUND is at least 1. */
uint64_t souk_rng_below(struct souk_rng *rng, uint64_t bound);
void souk_rng_fill(struct souk_rng *rng, void *out, uint64_t size);

#endif
