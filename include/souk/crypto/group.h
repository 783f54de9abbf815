/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/group.h - points and scalars of secp256k1, for protocols that need more than
 * signatures.
 *
 * The engine is libsecp256k1, used through what it exports:
 *
 *   secret scalar * point   secp256k1_ecdh with a hash that hands out x and y: constant time
 *   public scalar * point   secp256k1_ec_pubkey_tweak_mul, suffix _var
 *   a P + b G, both public  public key recovery: Q = r^-1 (s R - m G), which is one
 *                           double multiplication, for r = x(P), s = a r, m = -b r
 *   scalars                 secp256k1_ec_seckey_tweak_{add,mul}: constant time
 *   inverse                 a^(n-2): constant time, one for any number of values by batches
 *
 * The point at infinity is no value here: whatever would give it returns
 * SOUK_PEER_BAD_POINT. A scalar is below the order n; zero is allowed.
 *
 * Memory: values; secret scalars are wiped by their owner. Threads: any. */
#ifndef SOUK_CRYPTO_GROUP_H
#define SOUK_CRYPTO_GROUP_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

struct souk_scalar {
	uint8_t bytes[32]; /* big-endian, below n */
};

/* An affine point, on the curve and not infinity: libsecp256k1's own form. */
struct souk_point {
	uint64_t opaque[8];
};

/* ---- points ---- */

/* souk_point_parse: a compressed point (SEC 1, 2.3.4).
 * Returns SOUK_OK, or SOUK_PEER_BAD_POINT: the bytes are none; refuse the message. */
SOUK_MUST_CHECK souk_status souk_point_parse(
	struct souk_point *ret, const uint8_t bytes[SOUK_PUBKEY_SIZE]);
/* The same, uncompressed: 4, x, y. Cheaper, as it needs no square root. */
#define SOUK_POINT_FULL_SIZE 65u
SOUK_MUST_CHECK souk_status souk_point_parse_full(
	struct souk_point *ret, const uint8_t bytes[SOUK_POINT_FULL_SIZE]);
void souk_point_format(uint8_t ret[SOUK_PUBKEY_SIZE], const struct souk_point *point);
void souk_point_format_full(uint8_t ret[SOUK_POINT_FULL_SIZE], const struct souk_point *point);
struct souk_point souk_point_generator(void);
bool souk_point_equal(const struct souk_point *a, const struct souk_point *b);

/* Each returns SOUK_OK, or SOUK_PEER_BAD_POINT where the result is infinity (as for a zero scalar).
 * RET may be one of the arguments. */
SOUK_MUST_CHECK souk_status souk_point_add(
	struct souk_point *ret, const struct souk_point *a, const struct souk_point *b);
/* SCALAR times the generator. Constant time. */
SOUK_MUST_CHECK souk_status souk_point_base(
	struct souk_point *ret, const struct souk_scalar *scalar);
/* SCALAR times POINT. Constant time in SCALAR. */
SOUK_MUST_CHECK souk_status souk_point_mul(
	struct souk_point *ret, const struct souk_point *point, const struct souk_scalar *scalar);
/* The same, compressed, for a product that is itself a secret: no later step sees it as a point,
 * whose handling takes a time that depends on it. */
SOUK_MUST_CHECK souk_status souk_point_mul_secret(uint8_t ret[SOUK_PUBKEY_SIZE],
	const struct souk_point *point, const struct souk_scalar *scalar);
/* The same for a SCALAR that anybody may know. */
SOUK_MUST_CHECK souk_status souk_point_mul_var(
	struct souk_point *ret, const struct souk_point *point, const struct souk_scalar *scalar);
/* A times POINT plus B times the generator, for the price of one; A and B are public. */
SOUK_MUST_CHECK souk_status souk_point_mul_base_var(struct souk_point *ret,
	const struct souk_point *point, const struct souk_scalar *a, const struct souk_scalar *b);

/* ---- scalars ---- */

/* souk_scalar_parse: 32 bytes, below n.
 * Returns SOUK_OK, or SOUK_PEER_NOT_CANONICAL: refuse the message. */
SOUK_MUST_CHECK souk_status souk_scalar_parse(struct souk_scalar *ret, const uint8_t bytes[32]);
/* HASH modulo n - 1, plus 1: never zero. */
struct souk_scalar souk_scalar_of_hash(const struct souk_hash *hash);
/* HASH modulo n, as ECDSA has it. */
struct souk_scalar souk_scalar_of_digest(const struct souk_hash *hash);
/* 64 uniform bytes modulo n: as good as uniform. */
struct souk_scalar souk_scalar_of_wide(const uint8_t bytes[64]);
bool souk_scalar_is_zero(const struct souk_scalar *scalar);
bool souk_scalar_equal(const struct souk_scalar *a, const struct souk_scalar *b);

/* Constant time. */
struct souk_scalar souk_scalar_add(const struct souk_scalar *a, const struct souk_scalar *b);
struct souk_scalar souk_scalar_sub(const struct souk_scalar *a, const struct souk_scalar *b);
struct souk_scalar souk_scalar_mul(const struct souk_scalar *a, const struct souk_scalar *b);
struct souk_scalar souk_scalar_negate(const struct souk_scalar *a);
/* 1 / A; A is not zero. */
struct souk_scalar souk_scalar_inverse(const struct souk_scalar *a);
/* The same for an A that anybody may know. */
struct souk_scalar souk_scalar_inverse_var(const struct souk_scalar *a);
/* COUNT inverses for the price of one and 3 COUNT products; none of VALUES is zero. In place;
 * SCRATCH has COUNT scalars. */
void souk_scalar_inverse_all(struct souk_scalar *values, struct souk_scalar *scratch, size_t count);

/* ---- plain ECDSA (r || s, low s) over SHA-256, as others' protocols have it ---- */

struct souk_ecdsa_rs {
	uint8_t bytes[64];
};

/* KEY is not zero. Constant time; nonces by RFC 6979. */
void souk_ecdsa_rs_sign(
	struct souk_ecdsa_rs *ret, const struct souk_hash *digest, const struct souk_scalar *key);
/* r and s, both below n and not zero, s low. SOUK_OK, or SOUK_PEER_BAD_SIGNATURE. */
SOUK_MUST_CHECK souk_status souk_ecdsa_rs_read(struct souk_scalar *ret_r, struct souk_scalar *ret_s,
	const struct souk_ecdsa_rs *signature);
/* SOUK_OK, or SOUK_PEER_BAD_SIGNATURE, for a high s too. */
SOUK_MUST_CHECK souk_status souk_ecdsa_rs_verify(const struct souk_ecdsa_rs *signature,
	const struct souk_hash *digest, const struct souk_point *key);

#endif
