/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/lthash.h - a digest of a set, which changes with its elements one by one.
 *
 * Each element is a hash; it is stretched to 1,024 numbers of 16 bits, and the
 * set is the sum of its elements, lane by lane mod 2^16. Adding and taking away
 * cost the same whatever the size of the set, and the order does not matter:
 *
 *   {a, b} = lanes(a) + lanes(b)      {a, c} = {a, b} - lanes(b) + lanes(c)
 *
 * To find two sets of one sum is to find a short vector in a random lattice
 * (Bellare and Micciancio 1997; Lewi, Kim, Maykov, Weis 2019: more than 200 bits
 * for 1,024 lanes of 16 bits). It is a digest of sets, not of bags with 65,536
 * equal elements: an element must be in at most once, which keys see to.
 *
 * Memory: values, 2 KiB. Threads: any. Spec: spec/ledger.md 2. */
#ifndef SOUK_CRYPTO_LTHASH_H
#define SOUK_CRYPTO_LTHASH_H

#include "souk/base/bytes.h"

#define SOUK_LTHASH_LANES 1024
#define SOUK_LTHASH_SIZE  (2 * SOUK_LTHASH_LANES)

/* All zero: the empty set. */
struct souk_lthash {
	uint16_t lanes[SOUK_LTHASH_LANES];
};

/* Put ELEMENT into the set, or take it out; it must not be in, or must be. */
void souk_lthash_add(struct souk_lthash *sum, const struct souk_hash *element);
void souk_lthash_sub(struct souk_lthash *sum, const struct souk_hash *element);

/* The union with, and the difference to, a set. */
void souk_lthash_add_set(struct souk_lthash *sum, const struct souk_lthash *set);
void souk_lthash_sub_set(struct souk_lthash *sum, const struct souk_lthash *set);

bool souk_lthash_equal(const struct souk_lthash *a, const struct souk_lthash *b);

/* Each lane with its low byte first. */
void souk_lthash_encode(uint8_t out[SOUK_LTHASH_SIZE], const struct souk_lthash *sum);
void souk_lthash_decode(struct souk_lthash *ret, const uint8_t in[SOUK_LTHASH_SIZE]);

#endif
