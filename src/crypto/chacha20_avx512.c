/* SPDX-License-Identifier: Apache-2.0
 *
 * ChaCha20 of thirty-two blocks at once, on AVX-512: one vector for each word of the state, one
 * lane for each block, and two groups of sixteen blocks side by side.
 *
 *   words 0..15 of blocks n .. n+15       x[0..15] }  thirty-two vectors:
 *   words 0..15 of blocks n+16 .. n+31    y[0..15] }  all that there are
 *
 * Every instruction of a round waits two cycles for the one before it. Four columns of one group,
 * which is what libcrypto does, fill half of that time; those of a second group fill the rest. No
 * vector is left over, so each step works in place; a compiler that is free to choose moves them
 * to the stack and back, hence the assembly.
 *
 * What is read next is fetched meanwhile, across the border of a page, where no processor looks
 * ahead: a file's bytes come from memory that nothing has touched for long. */
#ifdef __x86_64__

#include "avx512_words.h"
#include "chacha20_engine.h"

#define TARGET __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline)) TARGET

#define GROUP_SIZE (16 * 64)
#define LINE	   64
/* Far enough ahead that memory has answered by then. */
#define AHEAD 4096

#define ADD(a, b)  __asm__("vpaddd %1, %0, %0" : "+v"(a) : "v"(b))
#define XOR(a, b)  __asm__("vpxord %1, %0, %0" : "+v"(a) : "v"(b))
#define TURN(a, n) __asm__("vprold %1, %0, %0" : "+v"(a) : "i"(n))

/* OP on rows A and B of S, of which B is turned by TA and TB columns. */
#define ROW(OP, s, a, ta, b, tb)                                                                   \
	OP(s[a + (0 + ta) % 4], s[b + (0 + tb) % 4]);                                              \
	OP(s[a + (1 + ta) % 4], s[b + (1 + tb) % 4]);                                              \
	OP(s[a + (2 + ta) % 4], s[b + (2 + tb) % 4]);                                              \
	OP(s[a + (3 + ta) % 4], s[b + (3 + tb) % 4])
#define TURN_ROW(s, a, n)                                                                          \
	TURN(s[a], n);                                                                             \
	TURN(s[a + 1], n);                                                                         \
	TURN(s[a + 2], n);                                                                         \
	TURN(s[a + 3], n)
/* RFC 8439, 2.1: a += b; d ^= a; d <<<= n; of both groups. */
#define QUARTER(a, ta, b, tb, d, td, n)                                                            \
	ROW(ADD, x, a, ta, b, tb);                                                                 \
	ROW(ADD, y, a, ta, b, tb);                                                                 \
	ROW(XOR, x, d, td, a, ta);                                                                 \
	ROW(XOR, y, d, td, a, ta);                                                                 \
	TURN_ROW(x, d, n);                                                                         \
	TURN_ROW(y, d, n)
/* Columns with T 0, diagonals with T 1. */
#define ROUND(t)                                                                                   \
	QUARTER(0, 0, 4, t, 12, 3 * t, 16);                                                        \
	QUARTER(8, 2 * t, 12, 3 * t, 4, t, 12);                                                    \
	QUARTER(0, 0, 4, t, 12, 3 * t, 8);                                                         \
	QUARTER(8, 2 * t, 12, 3 * t, 4, t, 7)

/* The state is added to what the rounds made of it, and that to sixteen blocks of IN. */
INLINE void finish(__m512i x[16], const __m512i state[16], uint8_t *out, const uint8_t *in)
{
	AVX512_UNROLL
	for (int i = 0; i < 16; i++)
		x[i] = _mm512_add_epi32(x[i], state[i]);
	avx512_transpose(x);
	AVX512_UNROLL
	for (int i = 0; i < 16; i++)
		_mm512_storeu_si512(
			out + LINE * i, _mm512_xor_si512(x[i], _mm512_loadu_si512(in + LINE * i)));
}

INLINE void fetch(const uint8_t *line)
{
	_mm_prefetch(line, _MM_HINT_T0);
	_mm_prefetch(line + LINE, _MM_HINT_T0);
}

TARGET static void two_groups(
	uint8_t *out, const uint8_t *in, const uint8_t *next, __m512i state[16])
{
	const __m512i sixteen = _mm512_set1_epi32(16);
	__m512i x[16], y[16];
	AVX512_UNROLL
	for (int i = 0; i < 16; i++)
		x[i] = y[i] = state[i];
	y[12] = _mm512_add_epi32(y[12], sixteen);
	for (int i = 0; i < 10; i++) {
		/* Spread among the rounds, it costs nothing. */
		const uint8_t *lines = next + 4 * LINE * i % CHACHA20_WIDE;
		fetch(lines);
		ROUND(0);
		fetch(lines + 2 * LINE);
		ROUND(1);
	}
	finish(x, state, out, in);
	state[12] = _mm512_add_epi32(state[12], sixteen);
	finish(y, state, out + GROUP_SIZE, in + GROUP_SIZE);
	state[12] = _mm512_add_epi32(state[12], sixteen);
}

TARGET size_t chacha20_avx512_xor(
	uint8_t *out, const uint8_t *in, size_t size, const uint32_t words[16])
{
	__m512i state[16];
	size_t done = 0;
	for (int i = 0; i < 16; i++)
		state[i] = _mm512_set1_epi32((int)words[i]);
	state[12] = _mm512_add_epi32(
		state[12], _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
	for (; size - done >= CHACHA20_WIDE; done += CHACHA20_WIDE) {
		size_t ahead = size - done >= AHEAD + CHACHA20_WIDE ? AHEAD : 0;
		two_groups(out + done, in + done, in + done + ahead, state);
	}
	souk_bytes_wipe(state, sizeof state);
	return done;
}

bool chacha20_avx512_is_supported(void)
{
	return __builtin_cpu_supports("avx512f");
}

#endif
