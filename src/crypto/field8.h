/* SPDX-License-Identifier: Apache-2.0
 *
 * field8.h - eight numbers modulo p = 2^256 - 2^32 - 977, in lanes of AVX-512, by its 52-bit
 * multiply-add (IFMA). Private to group8_ifma.c.
 *
 * A number is five limbs of 52 bits. Two shapes:
 *
 *   tight   limbs 0 to 3 below 2^52, limb 4 below 2^48 + 2^10: what a multiplication takes and
 * gives loose   each limb below 2^57: sums and differences, to be carried before they are
 * multiplied
 *
 * A tight number is below 2p, not reduced: only field8_store reduces.
 *
 *   2^256 = F (mod p), F = 0x1000003d1        2^260 = 16 F */
#ifndef SOUK_CRYPTO_FIELD8_H
#define SOUK_CRYPTO_FIELD8_H

#include <immintrin.h>
#include <stdint.h>

/* Instrumented, these functions take minutes to compile; every index in them is a constant. */
#define FIELD8_TARGET                                                                              \
	__attribute__((target("avx512f,avx512ifma"), no_sanitize("address", "undefined")))
#define FIELD8 static inline __attribute__((always_inline)) FIELD8_TARGET

/* Limbs must be registers: loops over them are written out. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

struct field8 {
	__m512i l[5];
};

#define LIMB_MASK _mm512_set1_epi64((1ll << 52) - 1)
#define TOP_MASK  _mm512_set1_epi64((1ll << 48) - 1)
#define FOLD_256  _mm512_set1_epi64(0x1000003d1ll)
#define FOLD_260  _mm512_set1_epi64(0x1000003d10ll)
/* p in limbs. */
#define P0  0xffffefffffc2full
#define P13 0xfffffffffffffull
#define P4  0xffffffffffffull

/* Loose to tight: what is above 2^256 is folded first, so that one chain of carries is enough. */
FIELD8 struct field8 field8_carry(struct field8 a)
{
	__m512i top = _mm512_srli_epi64(a.l[4], 48);
	a.l[4] = _mm512_and_si512(a.l[4], TOP_MASK);
	a.l[0] = _mm512_madd52lo_epu64(a.l[0], top, FOLD_256);
	UNROLL
	for (int i = 0; i < 4; i++) {
		a.l[i + 1] = _mm512_add_epi64(a.l[i + 1], _mm512_srli_epi64(a.l[i], 52));
		a.l[i] = _mm512_and_si512(a.l[i], LIMB_MASK);
	}
	return a;
}

/* Ten limbs of a product, each below 2^57, to a tight number. */
FIELD8 struct field8 field8_reduce(__m512i z[10])
{
	struct field8 r;
	__m512i high[5], over[5], top;
	/* Bits 52 and up of each high limb belong to the next one: multiplied there by themselves,
	 * so that no chain of carries is waited for. */
	UNROLL
	for (int i = 0; i < 5; i++) {
		high[i] = _mm512_and_si512(z[5 + i], LIMB_MASK);
		over[i] = _mm512_srli_epi64(z[5 + i], 52);
	}
	UNROLL
	for (int i = 0; i < 5; i++)
		r.l[i] = _mm512_madd52lo_epu64(z[i], high[i], FOLD_260);
	UNROLL
	for (int i = 1; i < 5; i++) {
		r.l[i] = _mm512_madd52hi_epu64(r.l[i], high[i - 1], FOLD_260);
		r.l[i] = _mm512_madd52lo_epu64(r.l[i], over[i - 1], FOLD_260);
	}
	/* What is left over limb 4: 2^260 times this. Limb 9 has no bits over 52. */
	top = _mm512_madd52hi_epu64(_mm512_setzero_si512(), high[4], FOLD_260);
	top = _mm512_add_epi64(_mm512_slli_epi64(top, 4), _mm512_srli_epi64(r.l[4], 48));
	r.l[4] = _mm512_and_si512(r.l[4], TOP_MASK);
	r.l[0] = _mm512_madd52lo_epu64(r.l[0], top, FOLD_256);
	r.l[1] = _mm512_madd52hi_epu64(r.l[1], top, FOLD_256);
	UNROLL
	for (int i = 0; i < 4; i++) {
		r.l[i + 1] = _mm512_add_epi64(r.l[i + 1], _mm512_srli_epi64(r.l[i], 52));
		r.l[i] = _mm512_and_si512(r.l[i], LIMB_MASK);
	}
	return r;
}

/* Tight times tight. */
FIELD8 struct field8 field8_mul(const struct field8 *a, const struct field8 *b)
{
	__m512i z[10];
	UNROLL
	for (int i = 0; i < 10; i++)
		z[i] = _mm512_setzero_si512();
	UNROLL
	for (int i = 0; i < 5; i++) {
		UNROLL
		for (int j = 0; j < 5; j++)
			z[i + j] = _mm512_madd52lo_epu64(z[i + j], a->l[i], b->l[j]);
		UNROLL
		for (int j = 0; j < 5; j++)
			z[i + j + 1] = _mm512_madd52hi_epu64(z[i + j + 1], a->l[i], b->l[j]);
	}
	return field8_reduce(z);
}

FIELD8 struct field8 field8_square(const struct field8 *a)
{
	__m512i z[10];
	UNROLL
	for (int i = 0; i < 10; i++)
		z[i] = _mm512_setzero_si512();
	UNROLL
	for (int i = 0; i < 5; i++) {
		UNROLL
		for (int j = i + 1; j < 5; j++) {
			z[i + j] = _mm512_madd52lo_epu64(z[i + j], a->l[i], a->l[j]);
			z[i + j + 1] = _mm512_madd52hi_epu64(z[i + j + 1], a->l[i], a->l[j]);
		}
	}
	UNROLL
	for (int i = 1; i < 9; i++)
		z[i] = _mm512_add_epi64(z[i], z[i]);
	UNROLL
	for (int i = 0; i < 5; i++) {
		z[2 * i] = _mm512_madd52lo_epu64(z[2 * i], a->l[i], a->l[i]);
		z[2 * i + 1] = _mm512_madd52hi_epu64(z[2 * i + 1], a->l[i], a->l[i]);
	}
	return field8_reduce(z);
}

/* Loose; no carry. */
FIELD8 struct field8 field8_add(const struct field8 *a, const struct field8 *b)
{
	struct field8 r;
	UNROLL
	for (int i = 0; i < 5; i++)
		r.l[i] = _mm512_add_epi64(a->l[i], b->l[i]);
	return r;
}

/* a + 2^SHIFT p - b: loose. 2^SHIFT p has no limb below b's: 2 for a tight b or twice one, 4 for
 * eight times one. */
FIELD8 struct field8 field8_sub(const struct field8 *a, const struct field8 *b, unsigned shift)
{
	static const uint64_t p[5] = {P0, P13, P13, P13, P4};
	struct field8 r;
	UNROLL
	for (int i = 0; i < 5; i++) {
		__m512i multiple = _mm512_set1_epi64((long long)(p[i] << shift));
		r.l[i] = _mm512_sub_epi64(_mm512_add_epi64(a->l[i], multiple), b->l[i]);
	}
	return r;
}

/* 2^SHIFT times a tight number: loose. */
FIELD8 struct field8 field8_double(const struct field8 *a, unsigned shift)
{
	struct field8 r;
	UNROLL
	for (int i = 0; i < 5; i++)
		r.l[i] = _mm512_slli_epi64(a->l[i], shift);
	return r;
}

/* b where MASK, else a. */
FIELD8 struct field8 field8_select(__mmask8 mask, const struct field8 *a, const struct field8 *b)
{
	struct field8 r;
	UNROLL
	for (int i = 0; i < 5; i++)
		r.l[i] = _mm512_mask_mov_epi64(a->l[i], mask, b->l[i]);
	return r;
}

FIELD8 struct field8 field8_small(uint64_t value)
{
	struct field8 r;
	r.l[0] = _mm512_set1_epi64((long long)value);
	UNROLL
	for (int i = 1; i < 5; i++)
		r.l[i] = _mm512_setzero_si512();
	return r;
}

#endif
