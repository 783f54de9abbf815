/* SPDX-License-Identifier: Apache-2.0
 *
 * The compression function of FIPS 180-4, 6.2.2, word for word: the fallback,
 * and the reference the fast engine is tested against. */
#include "sha256_engine.h"

#include "souk/base/bytes.h"

const uint32_t sha256_round_constants[64] __attribute__((aligned(16))) = {0x428a2f98, 0x71374491,
	0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
	0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
	0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354,
	0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
	0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f,
	0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void expand(uint32_t w[64], const uint8_t *block)
{
	for (int t = 0; t < 16; t++)
		w[t] = souk_load_be32(block + 4 * t);
	for (int t = 16; t < 64; t++) {
		uint32_t s0 =
			rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ (w[t - 15] >> 3);
		uint32_t s1 =
			rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ (w[t - 2] >> 10);
		w[t] = w[t - 16] + s0 + w[t - 7] + s1;
	}
}

static void compress_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], v[8];
	expand(w, block);
	for (int i = 0; i < 8; i++)
		v[i] = state[i];
	for (int t = 0; t < 64; t++) {
		uint32_t a = v[0], e = v[4];
		uint32_t sum1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
		uint32_t choice = (e & v[5]) ^ (~e & v[6]);
		uint32_t t1 = v[7] + sum1 + choice + sha256_round_constants[t] + w[t];
		uint32_t sum0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
		uint32_t majority = (a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]);
		for (int i = 7; i > 0; i--)
			v[i] = v[i - 1];
		v[4] += t1;
		v[0] = t1 + sum0 + majority;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

static void compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		compress_block(state, blocks + 64 * i);
}

static void compress_lanes(
	uint32_t states[SHA256_LANES][8], const uint8_t *const blocks[SHA256_LANES], size_t count)
{
	for (int lane = 0; lane < SHA256_LANES; lane++)
		compress(states[lane], blocks[lane], count);
}

const struct sha256_engine sha256_engine_portable = {
	.name = "portable",
	.compress = compress,
	.compress_lanes = compress_lanes,
};
