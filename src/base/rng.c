/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/rng.h"

#include <string.h>

#include "souk/base/check.h"

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

void souk_rng_init(struct souk_rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		rng->state[i] = splitmix(&seed);
}

uint64_t souk_rng_u64(struct souk_rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t souk_rng_below(struct souk_rng *rng, uint64_t bound)
{
	SOUK_CHECK(bound > 0);
	uint64_t excess = (UINT64_MAX % bound + 1) % bound; /* 2^64 mod bound */
	for (;;) {
		uint64_t v = souk_rng_u64(rng);
		if (v <= UINT64_MAX - excess)
			return v % bound;
	}
}

void souk_rng_fill(struct souk_rng *rng, void *out, uint64_t size)
{
	uint8_t *p = out;
	while (size > 0) {
		uint64_t v = souk_rng_u64(rng);
		uint64_t n = size < sizeof v ? size : sizeof v;
		memcpy(p, &v, n);
		p += n;
		size -= n;
	}
}
