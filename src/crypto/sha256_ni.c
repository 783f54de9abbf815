/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 on the SHA extensions of x86-64.
 *
 * sha256rnds2 does two rounds with a latency of several cycles and depends on
 * the one before, so a single message leaves the unit idle about half the time.
 * Four messages side by side fill it. The lanes are written out by macros
 * because every variable must end up in a register of its own. */
#ifdef __x86_64__

#include "sha256_engine.h"

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline)) TARGET

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {0x428a2f98, 0x71374491,
	0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
	0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
	0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354,
	0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
	0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f,
	0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* One message in flight: the state as the instructions want it (ABEF, CDGH), and 16 words. */
struct lane {
	__m128i abef, cdgh;
	__m128i abef_before, cdgh_before;
	__m128i w[4];
};

/* Reverses the bytes of each 32-bit word. */
#define SWAP _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)

INLINE void lane_load_state(struct lane *lane, const struct souk_hash *state)
{
	const __m128i *p = (const __m128i *)state->bytes;
	__m128i dcba = _mm_shuffle_epi8(_mm_loadu_si128(p), SWAP);
	__m128i hgfe = _mm_shuffle_epi8(_mm_loadu_si128(p + 1), SWAP);
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
	__m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	lane->abef = _mm_alignr_epi8(cdab, efgh, 8);
	lane->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

INLINE void lane_store_state(const struct lane *lane, struct souk_hash *state)
{
	__m128i *p = (__m128i *)state->bytes;
	__m128i feba = _mm_shuffle_epi32(lane->abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(lane->cdgh, 0xb1);
	_mm_storeu_si128(p, _mm_shuffle_epi8(_mm_blend_epi16(feba, dchg, 0xf0), SWAP));
	_mm_storeu_si128(p + 1, _mm_shuffle_epi8(_mm_alignr_epi8(dchg, feba, 8), SWAP));
}

INLINE void lane_load_block(struct lane *lane, const uint8_t *block)
{
	const __m128i *p = (const __m128i *)block;
	lane->abef_before = lane->abef;
	lane->cdgh_before = lane->cdgh;
	lane->w[0] = _mm_shuffle_epi8(_mm_loadu_si128(p), SWAP);
	lane->w[1] = _mm_shuffle_epi8(_mm_loadu_si128(p + 1), SWAP);
	lane->w[2] = _mm_shuffle_epi8(_mm_loadu_si128(p + 2), SWAP);
	lane->w[3] = _mm_shuffle_epi8(_mm_loadu_si128(p + 3), SWAP);
}

INLINE void lane_add_state(struct lane *lane)
{
	lane->abef = _mm_add_epi32(lane->abef, lane->abef_before);
	lane->cdgh = _mm_add_epi32(lane->cdgh, lane->cdgh_before);
}

/* Rounds 4 G to 4 G + 3, and what of the message schedule can be done meanwhile. */
INLINE void lane_rounds(struct lane *lane, const int g)
{
	__m128i *w = lane->w;
	const __m128i *k = (const __m128i *)round_constants;
	__m128i wk = _mm_add_epi32(w[g & 3], _mm_load_si128(k + g));
	lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, wk);
	if (g >= 3 && g <= 14) {
		__m128i carried = _mm_alignr_epi8(w[g & 3], w[(g + 3) & 3], 4);
		__m128i next = _mm_add_epi32(w[(g + 1) & 3], carried);
		w[(g + 1) & 3] = _mm_sha256msg2_epu32(next, w[g & 3]);
	}
	if (g >= 1 && g <= 12)
		w[(g + 3) & 3] = _mm_sha256msg1_epu32(w[(g + 3) & 3], w[g & 3]);
	wk = _mm_shuffle_epi32(wk, 0x0e);
	lane->abef = _mm_sha256rnds2_epu32(lane->abef, lane->cdgh, wk);
}

#define SIXTEEN(DO)                                                                                \
	DO(0);                                                                                     \
	DO(1);                                                                                     \
	DO(2);                                                                                     \
	DO(3);                                                                                     \
	DO(4);                                                                                     \
	DO(5);                                                                                     \
	DO(6);                                                                                     \
	DO(7);                                                                                     \
	DO(8);                                                                                     \
	DO(9);                                                                                     \
	DO(10);                                                                                    \
	DO(11);                                                                                    \
	DO(12);                                                                                    \
	DO(13);                                                                                    \
	DO(14);                                                                                    \
	DO(15)

TARGET void sha256_ni_compress(struct souk_hash *state, const uint8_t *blocks, size_t count)
{
	struct lane lane;
	lane_load_state(&lane, state);
	for (size_t i = 0; i < count; i++) {
		lane_load_block(&lane, blocks + 64 * i);
#define ROUNDS(g) lane_rounds(&lane, g)
		SIXTEEN(ROUNDS);
#undef ROUNDS
		lane_add_state(&lane);
	}
	lane_store_state(&lane, state);
}

TARGET void sha256_ni_compress_lanes(struct souk_hash states[SHA256_LANES],
	const uint8_t *const blocks[SHA256_LANES], size_t count)
{
	struct lane a, b, c, d;
	lane_load_state(&a, &states[0]);
	lane_load_state(&b, &states[1]);
	lane_load_state(&c, &states[2]);
	lane_load_state(&d, &states[3]);
	for (size_t at = 0; at < 64 * count; at += 64) {
		lane_load_block(&a, blocks[0] + at);
		lane_load_block(&b, blocks[1] + at);
		lane_load_block(&c, blocks[2] + at);
		lane_load_block(&d, blocks[3] + at);
#define ROUNDS(g)                                                                                  \
	lane_rounds(&a, g);                                                                        \
	lane_rounds(&b, g);                                                                        \
	lane_rounds(&c, g);                                                                        \
	lane_rounds(&d, g)
		SIXTEEN(ROUNDS);
#undef ROUNDS
		lane_add_state(&a);
		lane_add_state(&b);
		lane_add_state(&c);
		lane_add_state(&d);
	}
	lane_store_state(&a, &states[0]);
	lane_store_state(&b, &states[1]);
	lane_store_state(&c, &states[2]);
	lane_store_state(&d, &states[3]);
}

const struct sha256_engine sha256_engine_ni = {
	.name = "sha-ni",
	.compress = sha256_ni_compress,
	.compress_lanes = sha256_ni_compress_lanes,
};

/* By cpuid itself: the compilers' own feature tests know "sha" only in later versions. */
bool sha256_engine_ni_is_supported(void)
{
	unsigned eax, ebx, ecx, edx;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSSE3) || !(ecx & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA);
}

#endif
