/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/secret.h"

#include <string.h>

#include "souk/crypto/cipher.h"

void souk_secret_rng_init(struct souk_secret_rng *rng, const uint8_t seed[32])
{
	memcpy(rng->key, seed, sizeof rng->key);
	rng->counter = 0;
}

void souk_secret_rng_fill(struct souk_secret_rng *rng, void *out, size_t size)
{
	uint8_t nonce[12] = {0};
	if (size == 0)
		return;
	souk_store_be64(nonce + 4, rng->counter++);
	memset(out, 0, size);
	souk_chacha20_xor(out, out, size, rng->key, nonce, 0);
}
