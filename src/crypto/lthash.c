/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops over lanes are plain: compilers turn them into vector code. */
#include "souk/crypto/lthash.h"

#include <string.h>

#include "souk/crypto/cipher.h"

/* The lane whose low byte comes first in memory; nothing on most machines. */
static inline uint16_t lane_of(uint16_t stored)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (uint16_t)(stored << 8 | stored >> 8);
#else
	return stored;
#endif
}

/* The key stream of ChaCha20 under the element, from block 0 on with a nonce of zeros. */
static void expand(struct souk_lthash *ret, const struct souk_hash *element)
{
	static const uint8_t nonce[12];
	uint8_t *stream = (uint8_t *)ret->lanes;
	memset(ret, 0, sizeof *ret);
	souk_chacha20_xor(stream, stream, SOUK_LTHASH_SIZE, element->bytes, nonce, 0);
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		ret->lanes[i] = lane_of(ret->lanes[i]);
}

void souk_lthash_add_set(struct souk_lthash *sum, const struct souk_lthash *set)
{
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		sum->lanes[i] = (uint16_t)(sum->lanes[i] + set->lanes[i]);
}

void souk_lthash_sub_set(struct souk_lthash *sum, const struct souk_lthash *set)
{
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		sum->lanes[i] = (uint16_t)(sum->lanes[i] - set->lanes[i]);
}

void souk_lthash_add(struct souk_lthash *sum, const struct souk_hash *element)
{
	struct souk_lthash lanes;
	expand(&lanes, element);
	souk_lthash_add_set(sum, &lanes);
}

void souk_lthash_sub(struct souk_lthash *sum, const struct souk_hash *element)
{
	struct souk_lthash lanes;
	expand(&lanes, element);
	souk_lthash_sub_set(sum, &lanes);
}

bool souk_lthash_equal(const struct souk_lthash *a, const struct souk_lthash *b)
{
	return memcmp(a->lanes, b->lanes, sizeof a->lanes) == 0;
}

void souk_lthash_encode(uint8_t out[SOUK_LTHASH_SIZE], const struct souk_lthash *sum)
{
	struct souk_lthash stored;
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		stored.lanes[i] = lane_of(sum->lanes[i]);
	memcpy(out, stored.lanes, SOUK_LTHASH_SIZE);
}

void souk_lthash_decode(struct souk_lthash *ret, const uint8_t in[SOUK_LTHASH_SIZE])
{
	memcpy(ret->lanes, in, SOUK_LTHASH_SIZE);
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		ret->lanes[i] = lane_of(ret->lanes[i]);
}
