/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalars modulo the order of secp256k1, by what libsecp256k1 does with secret keys. It refuses a
 * zero key and a zero result, so these two are dealt with here, by masks and not by branches. */
#include <string.h>

#include "context.h"
#include "souk/base/check.h"
#include "souk/crypto/group.h"

/* n, n - 1, n - 2 */
static const uint8_t ORDER[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2,
	0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
static const struct souk_scalar ONE = {{[31] = 1}};

/* All ones where A < B, else zero; big-endian. Constant time. */
static uint8_t mask_below(const uint8_t a[32], const uint8_t b[32])
{
	uint32_t borrow = 0;
	for (size_t i = 32; i-- > 0;)
		borrow = ((uint32_t)a[i] - b[i] - borrow) >> 31;
	return (uint8_t)(0u - borrow);
}

static uint8_t mask_zero(const uint8_t a[32])
{
	uint32_t any = 0;
	for (size_t i = 0; i < 32; i++)
		any |= a[i];
	return (uint8_t)(0u - ((any - 1) >> 31));
}

/* A where MASK, else B. */
static struct souk_scalar select(
	uint8_t mask, const struct souk_scalar *a, const struct souk_scalar *b)
{
	struct souk_scalar chosen;
	for (size_t i = 0; i < 32; i++)
		chosen.bytes[i] = (uint8_t)((a->bytes[i] & mask) | (b->bytes[i] & (uint8_t)~mask));
	return chosen;
}

souk_status souk_scalar_parse(struct souk_scalar *ret, const uint8_t bytes[32])
{
	if (!mask_below(bytes, ORDER))
		return SOUK_PEER_NOT_CANONICAL;
	memcpy(ret->bytes, bytes, 32);
	return SOUK_OK;
}

bool souk_scalar_is_zero(const struct souk_scalar *scalar)
{
	return mask_zero(scalar->bytes) != 0;
}

bool souk_scalar_equal(const struct souk_scalar *a, const struct souk_scalar *b)
{
	uint32_t difference = 0;
	for (size_t i = 0; i < 32; i++)
		difference |= a->bytes[i] ^ b->bytes[i];
	return difference == 0;
}

/* A - B where A >= B, else A. */
static void subtract_once(uint8_t a[32], const uint8_t b[32])
{
	uint8_t keep = mask_below(a, b);
	uint32_t borrow = 0;
	for (size_t i = 32; i-- > 0;) {
		uint32_t d = (uint32_t)a[i] - (b[i] & (uint8_t)~keep) - borrow;
		a[i] = (uint8_t)d;
		borrow = d >> 31;
	}
}

struct souk_scalar souk_scalar_of_hash(const struct souk_hash *hash)
{
	uint8_t below[32];
	struct souk_scalar scalar;
	uint32_t carry = 1;
	memcpy(below, ORDER, 32);
	below[31]--;
	memcpy(scalar.bytes, hash->bytes, 32);
	/* 2^256 < 2 (n - 1): once is enough. */
	subtract_once(scalar.bytes, below);
	for (size_t i = 32; i-- > 0;) {
		carry += scalar.bytes[i];
		scalar.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return scalar;
}

struct souk_scalar souk_scalar_of_digest(const struct souk_hash *hash)
{
	struct souk_scalar scalar;
	memcpy(scalar.bytes, hash->bytes, 32);
	subtract_once(scalar.bytes, ORDER);
	return scalar;
}

struct souk_scalar souk_scalar_of_wide(const uint8_t bytes[64])
{
	/* 2^256 mod n */
	static const struct souk_scalar shift = {{[15] = 1,
		0x45,
		0x51,
		0x23,
		0x19,
		0x50,
		0xb7,
		0x5f,
		0xc4,
		0x40,
		0x2d,
		0xa1,
		0x73,
		0x2f,
		0xc9,
		0xbe,
		0xbf}};
	struct souk_scalar high, low;
	memcpy(high.bytes, bytes, 32);
	memcpy(low.bytes, bytes + 32, 32);
	subtract_once(high.bytes, ORDER);
	subtract_once(low.bytes, ORDER);
	high = souk_scalar_mul(&high, &shift);
	low = souk_scalar_add(&high, &low);
	souk_bytes_wipe(&high, sizeof high);
	return low;
}

struct souk_scalar souk_scalar_mul(const struct souk_scalar *a, const struct souk_scalar *b)
{
	static const struct souk_scalar zero = {{0}};
	uint8_t a_zero = mask_zero(a->bytes), b_zero = mask_zero(b->bytes);
	struct souk_scalar product = select(a_zero, &ONE, a), factor = select(b_zero, &ONE, b);
	/* Never refused: neither is zero. To look would be a branch on a secret. */
	(void)!secp256k1_ec_seckey_tweak_mul(souk_secp_context(), product.bytes, factor.bytes);
	product = select(a_zero | b_zero, &zero, &product);
	souk_bytes_wipe(&factor, sizeof factor);
	return product;
}

struct souk_scalar souk_scalar_negate(const struct souk_scalar *a)
{
	static const struct souk_scalar zero = {{0}};
	uint8_t is_zero = mask_zero(a->bytes);
	struct souk_scalar negated = select(is_zero, &ONE, a);
	(void)!secp256k1_ec_seckey_negate(souk_secp_context(), negated.bytes);
	return select(is_zero, &zero, &negated);
}

struct souk_scalar souk_scalar_add(const struct souk_scalar *a, const struct souk_scalar *b)
{
	/* Byte for byte, and n taken off once: the library refuses a sum of zero. */
	struct souk_scalar sum;
	uint32_t carry = 0;
	uint8_t below, off;
	for (size_t i = 32; i-- > 0;) {
		carry += (uint32_t)a->bytes[i] + b->bytes[i];
		sum.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	below = mask_below(sum.bytes, ORDER);
	/* With a carry it is over 2^256, and n comes off whatever is left. */
	off = (uint8_t)(~below | (uint8_t)(0u - carry));
	carry = 0;
	for (size_t i = 32; i-- > 0;) {
		uint32_t d = (uint32_t)sum.bytes[i] - (ORDER[i] & off) - carry;
		sum.bytes[i] = (uint8_t)d;
		carry = d >> 31;
	}
	return sum;
}

struct souk_scalar souk_scalar_sub(const struct souk_scalar *a, const struct souk_scalar *b)
{
	struct souk_scalar negated = souk_scalar_negate(b);
	struct souk_scalar difference = souk_scalar_add(a, &negated);
	souk_bytes_wipe(&negated, sizeof negated);
	return difference;
}

/* a^(n-2), four bits of the exponent at a time. The exponent is public, the base is not. */
struct souk_scalar souk_scalar_inverse(const struct souk_scalar *a)
{
	struct souk_scalar powers[16], result = ONE;
	uint8_t exponent[32];
	memcpy(exponent, ORDER, 32);
	exponent[31] -= 2;
	powers[0] = ONE;
	for (size_t i = 1; i < 16; i++)
		powers[i] = souk_scalar_mul(&powers[i - 1], a);
	for (size_t i = 0; i < 64; i++) {
		uint8_t digit = i % 2 == 0 ? exponent[i / 2] >> 4 : exponent[i / 2] & 15;
		for (size_t k = 0; k < 4 && i > 0; k++)
			result = souk_scalar_mul(&result, &result);
		if (digit != 0)
			result = souk_scalar_mul(&result, &powers[digit]);
	}
	souk_bytes_wipe(powers, sizeof powers);
	return result;
}

/* ---- an inverse that takes as long as it takes: the binary extended algorithm of Euclid ---- */

struct words {
	uint64_t w[4]; /* least first */
};

static struct words words_of(const uint8_t bytes[32])
{
	struct words r;
	for (int i = 0; i < 4; i++)
		r.w[i] = souk_load_be64(bytes + 8 * (3 - i));
	return r;
}

/* a += b; the carry out. */
static uint64_t words_add(struct words *a, const struct words *b)
{
	unsigned __int128 sum = 0;
	for (int i = 0; i < 4; i++) {
		sum += (unsigned __int128)a->w[i] + b->w[i];
		a->w[i] = (uint64_t)sum;
		sum >>= 64;
	}
	return (uint64_t)sum;
}

/* a -= b; 1 where that was below zero. */
static uint64_t words_sub(struct words *a, const struct words *b)
{
	unsigned __int128 borrow = 0;
	for (int i = 0; i < 4; i++) {
		unsigned __int128 d = (unsigned __int128)a->w[i] - b->w[i] - borrow;
		a->w[i] = (uint64_t)d;
		borrow = d >> 64 & 1;
	}
	return (uint64_t)borrow;
}

/* a / 2, with TOP as its bit 256. */
static void words_halve(struct words *a, uint64_t top)
{
	for (int i = 0; i < 4; i++)
		a->w[i] = a->w[i] >> 1 | (i < 3 ? a->w[i + 1] : top) << 63;
}

static bool words_is_one(const struct words *a)
{
	return a->w[0] == 1 && (a->w[1] | a->w[2] | a->w[3]) == 0;
}

/* Halve A as long as it is even, and X with it, modulo n. */
static void strip_twos(struct words *a, struct words *x, const struct words *n)
{
	while ((a->w[0] & 1) == 0) {
		words_halve(a, 0);
		uint64_t top = (x->w[0] & 1) != 0 ? words_add(x, n) : 0;
		words_halve(x, top);
	}
}

/* a -= b and x -= y modulo n, where a >= b; else nothing. */
static bool take_away(struct words *a, struct words *x, const struct words *b,
	const struct words *y, const struct words *n)
{
	struct words difference = *a;
	if (words_sub(&difference, b) != 0)
		return false;
	*a = difference;
	if (words_sub(x, y) != 0)
		words_add(x, n);
	return true;
}

struct souk_scalar souk_scalar_inverse_var(const struct souk_scalar *a)
{
	struct words n = words_of(ORDER), u = words_of(a->bytes), v = n, x = {{1}}, y = {{0}};
	struct souk_scalar r;
	SOUK_CHECK(!souk_scalar_is_zero(a));
	/* x a = u and y a = v modulo n, all the time. */
	while (!words_is_one(&u) && !words_is_one(&v)) {
		strip_twos(&u, &x, &n);
		strip_twos(&v, &y, &n);
		if (!take_away(&u, &x, &v, &y, &n))
			(void)take_away(&v, &y, &u, &x, &n);
	}
	const struct words *one = words_is_one(&u) ? &x : &y;
	for (int i = 0; i < 4; i++)
		souk_store_be64(r.bytes + 8 * (3 - i), one->w[i]);
	return r;
}

void souk_scalar_inverse_all(struct souk_scalar *values, struct souk_scalar *scratch, size_t count)
{
	if (count == 0)
		return;
	/* Montgomery: products from the left, one inverse, and back. */
	scratch[0] = values[0];
	for (size_t i = 1; i < count; i++)
		scratch[i] = souk_scalar_mul(&scratch[i - 1], &values[i]);
	struct souk_scalar inverse = souk_scalar_inverse(&scratch[count - 1]);
	for (size_t i = count; i-- > 1;) {
		struct souk_scalar one = souk_scalar_mul(&inverse, &scratch[i - 1]);
		inverse = souk_scalar_mul(&inverse, &values[i]);
		values[i] = one;
	}
	values[0] = inverse;
	souk_bytes_wipe(&inverse, sizeof inverse);
}
