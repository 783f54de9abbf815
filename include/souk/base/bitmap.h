/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/bitmap.h - a fixed number of bits in memory of the caller.
 *
 * Memory: caller's words, SOUK_BITMAP_WORDS(count) of them. Threads: one owner. */
#ifndef SOUK_BASE_BITMAP_H
#define SOUK_BASE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUK_BITMAP_WORDS(count) (((count) + 63) / 64)

struct souk_bitmap {
	uint64_t *words;
	size_t count; /* bits */
	size_t set;   /* how many are 1 */
};

/* All bits 0. */
void souk_bitmap_init(struct souk_bitmap *bitmap, uint64_t *words, size_t count);
bool souk_bitmap_get(const struct souk_bitmap *bitmap, size_t index);
void souk_bitmap_set(struct souk_bitmap *bitmap, size_t index);
void souk_bitmap_clear(struct souk_bitmap *bitmap, size_t index);
/* The first 0 bit at or after FROM; `count` where there is none. */
size_t souk_bitmap_next_clear(const struct souk_bitmap *bitmap, size_t from);

#endif
