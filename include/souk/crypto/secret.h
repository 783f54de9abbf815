/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/secret.h - secrets from a seed.
 *
 * A ChaCha20 keystream under a 32-byte seed that the entropy port gave at
 * start. Same seed, same secrets: that is how the simulator repeats a run.
 *
 * Memory: a value, wipe it at the end. Threads: one owner. */
#ifndef SOUK_CRYPTO_SECRET_H
#define SOUK_CRYPTO_SECRET_H

#include "souk/base/bytes.h"

struct souk_secret_rng {
	uint8_t key[32];
	uint64_t counter; /* each call has a nonce of its own */
};

void souk_secret_rng_init(struct souk_secret_rng *rng, const uint8_t seed[32]);
void souk_secret_rng_fill(struct souk_secret_rng *rng, void *out, size_t size);

#endif
