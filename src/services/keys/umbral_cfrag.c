/* SPDX-License-Identifier: Apache-2.0
 *
 * Re-encryption with its proof, and the check of that proof. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/group8.h"
#include "souk/keys/umbral.h"
#include "umbral_form.h"
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

/* What is multiplied for a fragment, in lanes: E, V, E, V, U. Neither scalar is zero: one was
 * parsed, the other one is a hash. */
static void fill_lanes(struct souk_point points[SOUK_LANES], struct souk_scalar scalars[SOUK_LANES],
	const struct souk_umbral_capsule *capsule, const struct souk_scalar *rk,
	const struct souk_scalar *t)
{
	for (size_t i = 0; i < 4; i++) {
		points[i] = i % 2 == 0 ? capsule->e : capsule->v;
		scalars[i] = i < 2 ? *rk : *t;
	}
	points[4] = souk_umbral_parameter();
	scalars[4] = *t;
}

/* The fragment, once its five products are known. */
static void finish(struct souk_umbral_cfrag *ret, const struct souk_point products[SOUK_LANES],
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_kfrag *kfrag,
	const struct souk_scalar *t)
{
	ret->e1 = products[0];
	ret->v1 = products[1];
	ret->e2 = products[2];
	ret->v2 = products[3];
	ret->u2 = products[4];
	memcpy(ret->id, kfrag->id, sizeof ret->id);
	ret->x = kfrag->x;
	ret->u1 = kfrag->u1;
	ret->receiver_signature = kfrag->receiver_signature;
	struct souk_scalar h = challenge(ret, capsule);
	struct souk_scalar product = souk_scalar_mul(&h, &kfrag->rk);
	ret->z = souk_scalar_add(t, &product);
	souk_bytes_wipe(&product, sizeof product);
}

void souk_umbral_reencrypt(struct souk_umbral_cfrag *ret, const struct souk_umbral_capsule *capsule,
	const struct souk_umbral_kfrag *kfrag, const uint8_t fresh[32])
{
	struct souk_scalar t = make_nonce(capsule, kfrag, fresh), scalars[SOUK_LANES];
	struct souk_point points[SOUK_LANES];
	fill_lanes(points, scalars, capsule, &kfrag->rk, &t);
	SOUK_CHECK(souk_group8_mul(points, points, scalars, 5) == 0);
	finish(ret, points, capsule, kfrag, &t);
	souk_bytes_wipe(&t, sizeof t);
	souk_bytes_wipe(scalars, sizeof scalars);
}

#define PRODUCTS 5u /* of a fragment */
#define MANY	 8u

static void reencrypt_wide(struct souk_umbral_cfrag *ret,
	const struct souk_umbral_capsule *capsules, size_t count,
	const struct souk_umbral_kfrag *kfrag, const struct souk_hash *fresh)
{
	struct souk_point points[PRODUCTS * MANY];
	struct souk_scalar scalars[PRODUCTS * MANY], t[MANY];
	size_t all = PRODUCTS * count;
	for (size_t i = 0; i < count; i++) {
		t[i] = make_nonce(&capsules[i], kfrag, fresh[i].bytes);
		fill_lanes(&points[PRODUCTS * i], &scalars[PRODUCTS * i], &capsules[i], &kfrag->rk,
			&t[i]);
	}
	for (size_t at = 0; at < all; at += SOUK_LANES)
		SOUK_CHECK(souk_group8_mul(&points[at], &points[at], &scalars[at],
				   all - at < SOUK_LANES ? all - at : SOUK_LANES) == 0);
	for (size_t i = 0; i < count; i++)
		finish(&ret[i], &points[PRODUCTS * i], &capsules[i], kfrag, &t[i]);
	souk_bytes_wipe(t, sizeof t);
	souk_bytes_wipe(scalars, sizeof scalars);
}

void souk_umbral_reencrypt_all(struct souk_umbral_cfrag *ret,
	const struct souk_umbral_capsule *capsules, size_t count,
	const struct souk_umbral_kfrag *kfrag, const struct souk_hash *fresh)
{
	bool is_wide = souk_group8_is_wide();
	for (size_t at = 0; is_wide && at < count; at += MANY)
		reencrypt_wide(&ret[at], &capsules[at], count - at < MANY ? count - at : MANY,
			kfrag, &fresh[at]);
	for (size_t i = 0; !is_wide && i < count; i++)
		souk_umbral_reencrypt(&ret[i], &capsules[i], kfrag, fresh[i].bytes);
}

/* Two lanes that are free tell whether the capsule is valid: s G = V + h E. */
souk_status souk_umbral_serve(struct souk_umbral_cfrag *ret, struct souk_bytes capsule_bytes,
	const struct souk_umbral_kfrag *kfrag, const uint8_t fresh[32])
{
	struct souk_umbral_capsule capsule;
	struct souk_scalar t, scalars[SOUK_LANES];
	struct souk_point points[SOUK_LANES];
	if (!souk_group8_is_wide()) {
		SOUK_TRY(souk_umbral_capsule_parse(&capsule, capsule_bytes));
		souk_umbral_reencrypt(ret, &capsule, kfrag, fresh);
		return SOUK_OK;
	}
	SOUK_TRY(umbral_capsule_read(&capsule, capsule_bytes));
	t = make_nonce(&capsule, kfrag, fresh);
	fill_lanes(points, scalars, &capsule, &kfrag->rk, &t);
	points[5] = capsule.e;
	scalars[5] = umbral_capsule_hash(&capsule.e, &capsule.v);
	points[6] = souk_point_generator();
	scalars[6] = capsule.s;
	uint8_t infinite = souk_group8_mul(points, points, scalars, 7);
	souk_status status = infinite == 0 ? umbral_capsule_check(&capsule, &points[5], &points[6])
					   : SOUK_PEER_BAD_CAPSULE;
	if (status == SOUK_OK)
		finish(ret, points, &capsule, kfrag, &t);
	souk_bytes_wipe(&t, sizeof t);
	souk_bytes_wipe(scalars, sizeof scalars);
	souk_bytes_wipe(points, sizeof points);
	return status;
}

/* LEFT = RIGHT + THIRD */
static bool is_sum(const struct souk_point *left, const struct souk_point *right,
	const struct souk_point *third)
{
	struct souk_point sum;
	return souk_point_add(&sum, right, third) == SOUK_OK && souk_point_equal(left, &sum);
}

/* The receiver's signature, as two products: m/s G + r/s Q, whose x is r. */
static souk_status read_signature(struct souk_scalar *ret_g, struct souk_scalar *ret_q,
	struct souk_scalar *ret_r, const struct souk_ecdsa_rs *signature,
	const struct souk_hash *digest)
{
	struct souk_scalar r, s, m;
	if (souk_ecdsa_rs_read(&r, &s, signature) != SOUK_OK)
		return SOUK_PEER_BAD_FRAGMENT;
	s = souk_scalar_inverse_var(&s);
	m = souk_scalar_of_digest(digest);
	*ret_g = souk_scalar_mul(&m, &s);
	*ret_q = souk_scalar_mul(&r, &s);
	*ret_r = r;
	return SOUK_OK;
}

/* x of the sum, modulo n, is R. */
static bool is_signed(
	const struct souk_point *a, const struct souk_point *b, const struct souk_scalar *r)
{
	struct souk_point sum;
	struct souk_hash x;
	uint8_t bytes[SOUK_PUBKEY_SIZE];
	if (souk_point_add(&sum, a, b) != SOUK_OK)
		return false;
	souk_point_format(bytes, &sum);
	memcpy(x.bytes, bytes + 1, sizeof x.bytes);
	struct souk_scalar reduced = souk_scalar_of_digest(&x);
	return souk_scalar_equal(&reduced, r);
}

/* Eight products: z E, h e1, z V, h v1, z U, h u1, and the signature's two. */
static souk_status verify_wide(const struct souk_umbral_cfrag *cfrag,
	const struct souk_umbral_capsule *capsule, const struct souk_point *verifying,
	const struct souk_hash *digest)
{
	const struct souk_scalar h = challenge(cfrag, capsule);
	struct souk_point points[SOUK_LANES] = {capsule->e, cfrag->e1, capsule->v, cfrag->v1,
		souk_umbral_parameter(), cfrag->u1, souk_point_generator(), *verifying};
	struct souk_scalar scalars[SOUK_LANES] = {cfrag->z, h, cfrag->z, h, cfrag->z, h}, r;
	SOUK_TRY(read_signature(&scalars[6], &scalars[7], &r, &cfrag->receiver_signature, digest));
	if (souk_group8_mul(points, points, scalars, 8) != 0 ||
		!is_sum(&points[0], &points[1], &cfrag->e2) ||
		!is_sum(&points[2], &points[3], &cfrag->v2) ||
		!is_sum(&points[4], &points[5], &cfrag->u2) ||
		!is_signed(&points[6], &points[7], &r))
		return SOUK_PEER_BAD_FRAGMENT;
	return SOUK_OK;
}

/* z P = P2 + h P1 */
static bool holds(const struct souk_point *p, const struct souk_point *p1,
	const struct souk_point *p2, const struct souk_scalar *z, const struct souk_scalar *h)
{
	struct souk_point left, right;
	return souk_point_mul_var(&left, p, z) == SOUK_OK &&
	       souk_point_mul_var(&right, p1, h) == SOUK_OK && is_sum(&left, &right, p2);
}

souk_status souk_umbral_cfrag_verify(const struct souk_umbral_cfrag *cfrag,
	const struct souk_umbral_capsule *capsule, const struct souk_point *verifying,
	const struct souk_point *delegating, const struct souk_point *receiving)
{
	const struct souk_hash digest =
		umbral_kfrag_digest(cfrag->id, &cfrag->u1, &cfrag->x, delegating, receiving);
	if (souk_group8_is_wide())
		return verify_wide(cfrag, capsule, verifying, &digest);
	if (souk_ecdsa_rs_verify(&cfrag->receiver_signature, &digest, verifying) != SOUK_OK)
		return SOUK_PEER_BAD_FRAGMENT;
	const struct souk_scalar h = challenge(cfrag, capsule);
	const struct souk_point u = souk_umbral_parameter();
	if (!holds(&capsule->e, &cfrag->e1, &cfrag->e2, &cfrag->z, &h) ||
		!holds(&capsule->v, &cfrag->v1, &cfrag->v2, &cfrag->z, &h) ||
		!holds(&u, &cfrag->u1, &cfrag->u2, &cfrag->z, &h))
		return SOUK_PEER_BAD_FRAGMENT;
	return SOUK_OK;
}
