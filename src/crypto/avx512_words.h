/* SPDX-License-Identifier: Apache-2.0
 *
 * avx512_words.h - sixteen vectors of sixteen words, turned over. Private to src/crypto.
 *
 * Where as many messages, or blocks, are worked on at once as a vector has lanes, a vector holds
 * one word of each; in memory each lies by itself. */
#ifndef SOUK_CRYPTO_AVX512_WORDS_H
#define SOUK_CRYPTO_AVX512_WORDS_H
#ifdef __x86_64__

#include <immintrin.h>

/* An array stays in registers only where every index is a constant. */
#define AVX512_UNROLL _Pragma("GCC unroll 16")

/* Rows become columns: by pairs, by fours, then by quarters of a vector. */
static inline __attribute__((always_inline, target("avx512f"))) void avx512_transpose(__m512i x[16])
{
	__m512i t[16];
	AVX512_UNROLL
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
	}
	AVX512_UNROLL
	for (int i = 0; i < 16; i += 4) {
		x[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		x[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		x[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		x[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	AVX512_UNROLL
	for (int i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
	}
	AVX512_UNROLL
	for (int i = 0; i < 4; i++) {
		x[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		x[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
		x[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
		x[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
	}
}

#endif
#endif
