/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/bitmap.h"

#include <string.h>

#include "souk/base/check.h"

void souk_bitmap_init(struct souk_bitmap *bitmap, uint64_t *words, size_t count)
{
	*bitmap = (struct souk_bitmap){.words = words, .count = count};
	if (count != 0)
		memset(words, 0, SOUK_BITMAP_WORDS(count) * sizeof *words);
}

bool souk_bitmap_get(const struct souk_bitmap *bitmap, size_t index)
{
	SOUK_CHECK(index < bitmap->count);
	return bitmap->words[index / 64] >> (index % 64) & 1;
}

void souk_bitmap_set(struct souk_bitmap *bitmap, size_t index)
{
	if (souk_bitmap_get(bitmap, index))
		return;
	bitmap->words[index / 64] |= UINT64_C(1) << (index % 64);
	bitmap->set++;
}

void souk_bitmap_clear(struct souk_bitmap *bitmap, size_t index)
{
	if (!souk_bitmap_get(bitmap, index))
		return;
	bitmap->words[index / 64] &= ~(UINT64_C(1) << (index % 64));
	bitmap->set--;
}

size_t souk_bitmap_next_clear(const struct souk_bitmap *bitmap, size_t from)
{
	for (size_t i = from; i < bitmap->count;) {
		uint64_t clear = ~bitmap->words[i / 64] >> (i % 64);
		if (clear != 0) {
			i += (size_t)__builtin_ctzll(clear);
			return i < bitmap->count ? i : bitmap->count;
		}
		i = (i / 64 + 1) * 64;
	}
	return bitmap->count;
}
