/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of sixteen messages at once, on AVX-512: one vector for each word of the state, one lane
 * for each message. Where many independent messages wait (blocks of a chunk, ways through a
 * puzzle) that is more than twice as fast as the SHA extensions, which do four side by side. One
 * message alone is left to them. */
#ifdef __x86_64__

#include "avx512_words.h"
#include "sha256_engine.h"

#define TARGET __attribute__((target("avx512f,avx512bw")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* FIPS 180-4, 4.2.2. */
static const uint32_t round_constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
	0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
	0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3,
	0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

INLINE __m512i swap_bytes(__m512i x)
{
	const __m512i order =
		_mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
	return _mm512_shuffle_epi8(x, order);
}

#define XOR3(a, b, c)	_mm512_ternarylogic_epi32(a, b, c, 0x96)
#define CHOOSE(e, f, g) _mm512_ternarylogic_epi32(e, f, g, 0xca)
#define MOST(a, b, c)	_mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define ADD(a, b)	_mm512_add_epi32(a, b)
#define TURN(x, n)	_mm512_ror_epi32(x, n)

/* Round T: S holds a to h, and they move on by one place each round. The sums are put together so
 * that few instructions are between one round's e and a and the next's, since each takes two
 * cycles; and that they are few in all, since then those hold the round up. */
INLINE void one_round(__m512i s[8], const int t, __m512i wk)
{
	const int at = (64 - t) % 8;
#define S(i) s[(at + (i)) % 8]
	__m512i e = S(4), a = S(0), h = ADD(S(7), wk);
	__m512i choice = CHOOSE(e, S(5), S(6)), most = MOST(a, S(1), S(2));
	__m512i big1 = XOR3(TURN(e, 6), TURN(e, 11), TURN(e, 25));
	__m512i big0 = XOR3(TURN(a, 2), TURN(a, 13), TURN(a, 22));
	__m512i hc = ADD(h, choice), t1 = ADD(hc, big1);
	S(3) = ADD(ADD(S(3), hc), big1);
	S(7) = ADD(t1, ADD(most, big0));
#undef S
}

/* Word T + 16 of the schedule, over word T. */
INLINE void next_word(__m512i w[16], const int t)
{
	__m512i x = w[(t + 1) % 16], y = w[(t + 14) % 16];
	__m512i small0 = XOR3(TURN(x, 7), TURN(x, 18), _mm512_srli_epi32(x, 3));
	__m512i small1 = XOR3(TURN(y, 17), TURN(y, 19), _mm512_srli_epi32(y, 10));
	w[t % 16] = ADD(ADD(w[t % 16], small0), ADD(w[(t + 9) % 16], small1));
}

INLINE void sixteen_rounds(__m512i s[8], __m512i w[16], const uint32_t *k, const bool has_more)
{
#define ROUND(t)                                                                                   \
	one_round(s, t, ADD(w[t], _mm512_set1_epi32((int)k[t])));                                  \
	if (has_more)                                                                              \
	next_word(w, t)
	ROUND(0);
	ROUND(1);
	ROUND(2);
	ROUND(3);
	ROUND(4);
	ROUND(5);
	ROUND(6);
	ROUND(7);
	ROUND(8);
	ROUND(9);
	ROUND(10);
	ROUND(11);
	ROUND(12);
	ROUND(13);
	ROUND(14);
	ROUND(15);
#undef ROUND
}

/* The states lie as digests, eight words each: two to a vector's row. */
INLINE void load_states(__m512i s[8], const struct souk_hash *states)
{
	__m512i x[16];
	AVX512_UNROLL
	for (int lane = 0; lane < 16; lane++)
		x[lane] = swap_bytes(_mm512_castsi256_si512(
			_mm256_loadu_si256((const __m256i *)states[lane].bytes)));
	avx512_transpose(x);
	AVX512_UNROLL
	for (int i = 0; i < 8; i++)
		s[i] = x[i];
}

INLINE void store_states(const __m512i s[8], struct souk_hash *states)
{
	__m512i x[16];
	AVX512_UNROLL
	for (int i = 0; i < 8; i++)
		x[i] = x[i + 8] = s[i];
	avx512_transpose(x);
	AVX512_UNROLL
	for (int lane = 0; lane < 16; lane++)
		_mm256_storeu_si256(
			(__m256i *)states[lane].bytes, _mm512_castsi512_si256(swap_bytes(x[lane])));
}

TARGET static void compress_wide(struct souk_hash states[SHA256_WIDE],
	const uint8_t *const blocks[SHA256_WIDE], size_t count)
{
	__m512i s[8], before[8], w[16];
	load_states(s, states);
	for (size_t at = 0; at < 64 * count; at += 64) {
		AVX512_UNROLL
		for (int lane = 0; lane < 16; lane++)
			w[lane] = swap_bytes(_mm512_loadu_si512(blocks[lane] + at));
		avx512_transpose(w);
		AVX512_UNROLL
		for (int i = 0; i < 8; i++)
			before[i] = s[i];
		sixteen_rounds(s, w, round_constants, true);
		sixteen_rounds(s, w, round_constants + 16, true);
		sixteen_rounds(s, w, round_constants + 32, true);
		sixteen_rounds(s, w, round_constants + 48, false);
		AVX512_UNROLL
		for (int i = 0; i < 8; i++)
			s[i] = ADD(s[i], before[i]);
	}
	store_states(s, states);
}

const struct sha256_engine sha256_engine_avx512 = {
	.name = "avx512",
	.compress = sha256_ni_compress,
	.compress_lanes = sha256_ni_compress_lanes,
	.compress_wide = compress_wide,
};

bool sha256_engine_avx512_is_supported(void)
{
	return sha256_engine_ni_is_supported() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw");
}

#endif
