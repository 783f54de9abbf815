/* SPDX-License-Identifier: Apache-2.0
 *
 * sample.h - random values for the generated samples.c: the edges more often than
 * chance would. Tests and fuzzers only. */
#ifndef SOUK_WIRE_SAMPLE_H
#define SOUK_WIRE_SAMPLE_H

#include "souk/base/rng.h"

/* 0, the maximum, something small, or anything. */
static inline uint64_t sample_number(struct souk_rng *rng)
{
	switch (souk_rng_below(rng, 8)) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return souk_rng_below(rng, 256);
	default: return souk_rng_u64(rng);
	}
}

/* Mostly a few, so that most samples stay small; sometimes any count, sometimes MAX. */
static inline uint16_t sample_count(struct souk_rng *rng, uint16_t max)
{
	switch (souk_rng_below(rng, 8)) {
	case 0: return max;
	case 1: return (uint16_t)souk_rng_below(rng, max + 1u);
	default: return (uint16_t)souk_rng_below(rng, max < 4 ? max + 1u : 4u);
	}
}

static inline uint16_t sample_text(struct souk_rng *rng, char *text, uint16_t max)
{
	uint16_t size = (uint16_t)souk_rng_below(rng, max + 1u);
	for (uint16_t i = 0; i < size; i++)
		text[i] = (char)(0x20 + souk_rng_below(rng, 0x7f - 0x20));
	text[size] = '\0';
	return size;
}

#endif
