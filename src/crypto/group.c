/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/group.h"

#include <string.h>

#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>

#include "context.h"
#include "souk/base/check.h"

_Static_assert(sizeof(struct souk_point) == sizeof(secp256k1_pubkey), "a point is a pubkey");

/* The library's form is bytes: copied, so that no type is read as another. */
static secp256k1_pubkey to_library(const struct souk_point *point)
{
	secp256k1_pubkey pubkey;
	memcpy(&pubkey, point, sizeof pubkey);
	return pubkey;
}

static void of_library(struct souk_point *ret, const secp256k1_pubkey *pubkey)
{
	memcpy(ret, pubkey, sizeof *ret);
}

/* ------------------------------------------------------------------ points */

souk_status souk_point_parse(struct souk_point *ret, const uint8_t bytes[SOUK_PUBKEY_SIZE])
{
	secp256k1_pubkey pubkey;
	if (!secp256k1_ec_pubkey_parse(souk_secp_context(), &pubkey, bytes, SOUK_PUBKEY_SIZE))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &pubkey);
	return SOUK_OK;
}

souk_status souk_point_parse_full(struct souk_point *ret, const uint8_t bytes[SOUK_POINT_FULL_SIZE])
{
	secp256k1_pubkey pubkey;
	/* The library's third form, the hybrid one, begins with 6 or 7. */
	if (bytes[0] != 4 || !secp256k1_ec_pubkey_parse(
				     souk_secp_context(), &pubkey, bytes, SOUK_POINT_FULL_SIZE))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &pubkey);
	return SOUK_OK;
}

void souk_point_format(uint8_t ret[SOUK_PUBKEY_SIZE], const struct souk_point *point)
{
	secp256k1_pubkey pubkey = to_library(point);
	size_t size = SOUK_PUBKEY_SIZE;
	SOUK_CHECK(secp256k1_ec_pubkey_serialize(
		souk_secp_context(), ret, &size, &pubkey, SECP256K1_EC_COMPRESSED));
}

void souk_point_format_full(uint8_t ret[SOUK_POINT_FULL_SIZE], const struct souk_point *point)
{
	secp256k1_pubkey pubkey = to_library(point);
	size_t size = SOUK_POINT_FULL_SIZE;
	SOUK_CHECK(secp256k1_ec_pubkey_serialize(
		souk_secp_context(), ret, &size, &pubkey, SECP256K1_EC_UNCOMPRESSED));
}

struct souk_point souk_point_generator(void)
{
	static const uint8_t bytes[SOUK_POINT_FULL_SIZE] = {4, 0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc,
		0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc, 0xdb,
		0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98, 0x48, 0x3a,
		0xda, 0x77, 0x26, 0xa3, 0xc4, 0x65, 0x5d, 0xa4, 0xfb, 0xfc, 0x0e, 0x11, 0x08, 0xa8,
		0xfd, 0x17, 0xb4, 0x48, 0xa6, 0x85, 0x54, 0x19, 0x9c, 0x47, 0xd0, 0x8f, 0xfb, 0x10,
		0xd4, 0xb8};
	struct souk_point g;
	SOUK_CHECK(souk_point_parse_full(&g, bytes) == SOUK_OK);
	return g;
}

bool souk_point_equal(const struct souk_point *a, const struct souk_point *b)
{
	/* Coordinates are stored reduced: one point has one form. */
	return memcmp(a, b, sizeof *a) == 0;
}

souk_status souk_point_add(
	struct souk_point *ret, const struct souk_point *a, const struct souk_point *b)
{
	secp256k1_pubkey left = to_library(a), right = to_library(b), sum;
	const secp256k1_pubkey *both[2] = {&left, &right};
	if (!secp256k1_ec_pubkey_combine(souk_secp_context(), &sum, both, 2))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &sum);
	return SOUK_OK;
}

souk_status souk_point_base(struct souk_point *ret, const struct souk_scalar *scalar)
{
	secp256k1_pubkey pubkey;
	if (!secp256k1_ec_pubkey_create(souk_secp_context(), &pubkey, scalar->bytes))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &pubkey);
	return SOUK_OK;
}

/* In place of a hash: the whole point, uncompressed. */
static int hand_out(
	unsigned char *output, const unsigned char *x32, const unsigned char *y32, void *data)
{
	(void)data;
	output[0] = 4;
	memcpy(output + 1, x32, 32);
	memcpy(output + 33, y32, 32);
	return 1;
}

static souk_status multiply(uint8_t ret[SOUK_POINT_FULL_SIZE], const struct souk_point *point,
	const struct souk_scalar *scalar)
{
	secp256k1_pubkey pubkey = to_library(point);
	/* Without a branch on the scalar: ecdh says no for zero, and for nothing else. */
	if (!secp256k1_ecdh(souk_secp_context(), ret, &pubkey, scalar->bytes, hand_out, NULL))
		return SOUK_PEER_BAD_POINT;
	return SOUK_OK;
}

souk_status souk_point_mul(
	struct souk_point *ret, const struct souk_point *point, const struct souk_scalar *scalar)
{
	uint8_t bytes[SOUK_POINT_FULL_SIZE];
	SOUK_TRY(multiply(bytes, point, scalar));
	SOUK_CHECK(souk_point_parse_full(ret, bytes) == SOUK_OK);
	return SOUK_OK;
}

souk_status souk_point_mul_secret(uint8_t ret[SOUK_PUBKEY_SIZE], const struct souk_point *point,
	const struct souk_scalar *scalar)
{
	uint8_t bytes[SOUK_POINT_FULL_SIZE];
	SOUK_TRY(multiply(bytes, point, scalar));
	ret[0] = (uint8_t)(2 + (bytes[64] & 1));
	memcpy(ret + 1, bytes + 1, 32);
	souk_bytes_wipe(bytes, sizeof bytes);
	return SOUK_OK;
}

souk_status souk_point_mul_var(
	struct souk_point *ret, const struct souk_point *point, const struct souk_scalar *scalar)
{
	secp256k1_pubkey pubkey = to_library(point);
	if (!secp256k1_ec_pubkey_tweak_mul(souk_secp_context(), &pubkey, scalar->bytes))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &pubkey);
	return SOUK_OK;
}

/* The plain way, for what recovery cannot express. */
static souk_status mul_base_slowly(struct souk_point *ret, const struct souk_point *point,
	const struct souk_scalar *a, const struct souk_scalar *b)
{
	struct souk_point left, right;
	if (souk_scalar_is_zero(a))
		return souk_point_base(ret, b);
	SOUK_TRY(souk_point_mul_var(&left, point, a));
	if (souk_scalar_is_zero(b)) {
		*ret = left;
		return SOUK_OK;
	}
	SOUK_TRY(souk_point_base(&right, b));
	return souk_point_add(ret, &left, &right);
}

souk_status souk_point_mul_base_var(struct souk_point *ret, const struct souk_point *point,
	const struct souk_scalar *a, const struct souk_scalar *b)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE], compact[64];
	struct souk_scalar r, s, m;
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey sum;
	souk_point_format(bytes, point);
	/* An x between n and p has no r: one in 2^128 points. */
	if (souk_scalar_is_zero(a) || souk_scalar_is_zero(b) ||
		souk_scalar_parse(&r, bytes + 1) != SOUK_OK || souk_scalar_is_zero(&r))
		return mul_base_slowly(ret, point, a, b);
	s = souk_scalar_mul(a, &r);
	m = souk_scalar_mul(b, &r);
	m = souk_scalar_negate(&m);
	memcpy(compact, r.bytes, 32);
	memcpy(compact + 32, s.bytes, 32);
	SOUK_CHECK(secp256k1_ecdsa_recoverable_signature_parse_compact(
		souk_secp_context(), &signature, compact, bytes[0] == 3));
	if (!secp256k1_ecdsa_recover(souk_secp_context(), &sum, &signature, m.bytes))
		return SOUK_PEER_BAD_POINT;
	of_library(ret, &sum);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ ECDSA */

void souk_ecdsa_rs_sign(
	struct souk_ecdsa_rs *ret, const struct souk_hash *digest, const struct souk_scalar *key)
{
	secp256k1_ecdsa_signature signature;
	SOUK_CHECK(secp256k1_ecdsa_sign(
		souk_secp_context(), &signature, digest->bytes, key->bytes, NULL, NULL));
	secp256k1_ecdsa_signature_serialize_compact(souk_secp_context(), ret->bytes, &signature);
}

souk_status souk_ecdsa_rs_read(
	struct souk_scalar *ret_r, struct souk_scalar *ret_s, const struct souk_ecdsa_rs *signature)
{
	struct souk_scalar r, s, negated;
	if (souk_scalar_parse(&r, signature->bytes) != SOUK_OK ||
		souk_scalar_parse(&s, signature->bytes + 32) != SOUK_OK ||
		souk_scalar_is_zero(&r) || souk_scalar_is_zero(&s))
		return SOUK_PEER_BAD_SIGNATURE;
	negated = souk_scalar_negate(&s);
	if (memcmp(s.bytes, negated.bytes, sizeof s.bytes) > 0)
		return SOUK_PEER_BAD_SIGNATURE;
	*ret_r = r;
	*ret_s = s;
	return SOUK_OK;
}

souk_status souk_ecdsa_rs_verify(const struct souk_ecdsa_rs *signature,
	const struct souk_hash *digest, const struct souk_point *key)
{
	secp256k1_ecdsa_signature parsed;
	secp256k1_pubkey pubkey = to_library(key);
	if (!secp256k1_ecdsa_signature_parse_compact(
		    souk_secp_context(), &parsed, signature->bytes) ||
		!secp256k1_ecdsa_verify(souk_secp_context(), &parsed, digest->bytes, &pubkey))
		return SOUK_PEER_BAD_SIGNATURE;
	return SOUK_OK;
}
