/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops over lanes are plain: compilers turn them into vector code. */
#include "souk/crypto/lthash.h"

#include <string.h>

#include "souk/crypto/cipher.h"

/* The key stream of ChaCha20 under the element, from block 0 on with a nonce of zeros. */
static void expand(struct souk_lthash *ret, const struct souk_hash *element)
{
	static const uint8_t nonce[12];
	uint8_t stream[SOUK_LTHASH_SIZE] = {0};
	souk_chacha20_xor(stream, stream, sizeof stream, element->bytes, nonce, 0);
	souk_lthash_decode(ret, stream);
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
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++) {
		out[2 * i] = (uint8_t)sum->lanes[i];
		out[2 * i + 1] = (uint8_t)(sum->lanes[i] >> 8);
	}
}

void souk_lthash_decode(struct souk_lthash *ret, const uint8_t in[SOUK_LTHASH_SIZE])
{
	for (size_t i = 0; i < SOUK_LTHASH_LANES; i++)
		ret->lanes[i] = (uint16_t)(in[2 * i] | in[2 * i + 1] << 8);
}
