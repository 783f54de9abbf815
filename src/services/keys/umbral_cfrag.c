/* SPDX-License-Identifier: Apache-2.0
 *
 * Re-encryption with its proof, and the check of that proof. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"
#include "umbral_hash.h"

struct souk_point souk_umbral_parameter(void)
{
	/* Uncompressed: no square root each time. */
	static const uint8_t bytes[SOUK_POINT_FULL_SIZE] = {4, 0x07, 0x93, 0x90, 0xd0, 0xfb, 0xe2,
		0x20, 0xfc, 0x34, 0xaa, 0xb8, 0xec, 0xbf, 0x49, 0x09, 0x80, 0x98, 0x03, 0x68, 0x20,
		0xfa, 0xdb, 0x98, 0xc0, 0x31, 0x43, 0xe5, 0x5d, 0xb8, 0xec, 0x73, 0xcd, 0x7e, 0xa5,
		0x0b, 0x21, 0x9d, 0xa8, 0x6a, 0x70, 0xe8, 0x48, 0x94, 0x13, 0xe4, 0xb9, 0x38, 0x8a,
		0xfb, 0x63, 0xac, 0x6f, 0x26, 0xe5, 0xec, 0x2c, 0xfd, 0xd9, 0x83, 0xb8, 0x3f, 0x0e,
		0x84, 0xe7};
	struct souk_point u;
	SOUK_CHECK(souk_point_parse_full(&u, bytes) == SOUK_OK);
	return u;
}

/* The challenge: h over everything that the proof is about. */
static struct souk_scalar challenge(
	const struct souk_umbral_cfrag *cfrag, const struct souk_umbral_capsule *capsule)
{
	const struct souk_point u = souk_umbral_parameter();
	const struct souk_point *const points[9] = {&capsule->e, &cfrag->e1, &cfrag->e2,
		&capsule->v, &cfrag->v1, &cfrag->v2, &u, &cfrag->u1, &cfrag->u2};
	struct umbral_hash hash;
	umbral_hash_init(&hash, "CFRAG_VERIFICATION");
	for (size_t i = 0; i < 9; i++)
		umbral_hash_point(&hash, points[i]);
	return umbral_hash_scalar(&hash);
}

/* The proof's nonce: a repeated one would give rk away, so it hangs on all that changes. */
static struct souk_scalar make_nonce(const struct souk_umbral_capsule *capsule,
	const struct souk_umbral_kfrag *kfrag, const uint8_t fresh[32])
{
	uint8_t bytes[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE];
	struct umbral_hash hash;
	souk_umbral_capsule_format_simple(bytes, capsule);
	umbral_hash_init(&hash, "SOUK_REENCRYPTION_NONCE");
	umbral_hash_bytes(&hash, kfrag->rk.bytes, 32);
	umbral_hash_bytes(&hash, kfrag->id, 32);
	umbral_hash_bytes(&hash, bytes, sizeof bytes);
	umbral_hash_bytes(&hash, fresh, 32);
	return umbral_hash_scalar(&hash);
}

/* Neither scalar is zero: kfrag parsed, nonce hashed. */
static void multiply(
	struct souk_point *ret, const struct souk_point *point, const struct souk_scalar *scalar)
{
	SOUK_CHECK(souk_point_mul(ret, point, scalar) == SOUK_OK);
}

void souk_umbral_reencrypt(struct souk_umbral_cfrag *ret, const struct souk_umbral_capsule *capsule,
	const struct souk_umbral_kfrag *kfrag, const uint8_t fresh[32])
{
	struct souk_scalar t = make_nonce(capsule, kfrag, fresh), product;
	const struct souk_point u = souk_umbral_parameter();
	multiply(&ret->e1, &capsule->e, &kfrag->rk);
	multiply(&ret->v1, &capsule->v, &kfrag->rk);
	multiply(&ret->e2, &capsule->e, &t);
	multiply(&ret->v2, &capsule->v, &t);
	multiply(&ret->u2, &u, &t);
	memcpy(ret->id, kfrag->id, sizeof ret->id);
	ret->x = kfrag->x;
	ret->u1 = kfrag->u1;
	ret->receiver_signature = kfrag->receiver_signature;
	struct souk_scalar h = challenge(ret, capsule);
	product = souk_scalar_mul(&h, &kfrag->rk);
	ret->z = souk_scalar_add(&t, &product);
	souk_bytes_wipe(&t, sizeof t);
	souk_bytes_wipe(&product, sizeof product);
}

/* z P = P2 + h P1 */
static bool holds(const struct souk_point *p, const struct souk_point *p1,
	const struct souk_point *p2, const struct souk_scalar *z, const struct souk_scalar *h)
{
	struct souk_point left, right;
	return souk_point_mul_var(&left, p, z) == SOUK_OK &&
	       souk_point_mul_var(&right, p1, h) == SOUK_OK &&
	       souk_point_add(&right, &right, p2) == SOUK_OK && souk_point_equal(&left, &right);
}

souk_status souk_umbral_cfrag_verify(const struct souk_umbral_cfrag *cfrag,
	const struct souk_umbral_capsule *capsule, const struct souk_point *verifying,
	const struct souk_point *delegating, const struct souk_point *receiving)
{
	struct souk_hash digest =
		umbral_kfrag_digest(cfrag->id, &cfrag->u1, &cfrag->x, delegating, receiving);
	if (souk_ecdsa_rs_verify(&cfrag->receiver_signature, &digest, verifying) != SOUK_OK)
		return SOUK_PEER_BAD_FRAGMENT;
	struct souk_scalar h = challenge(cfrag, capsule);
	const struct souk_point u = souk_umbral_parameter();
	if (!holds(&capsule->e, &cfrag->e1, &cfrag->e2, &cfrag->z, &h) ||
		!holds(&capsule->v, &cfrag->v1, &cfrag->v2, &cfrag->z, &h) ||
		!holds(&u, &cfrag->u1, &cfrag->u2, &cfrag->z, &h))
		return SOUK_PEER_BAD_FRAGMENT;
	return SOUK_OK;
}
