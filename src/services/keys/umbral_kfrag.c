/* SPDX-License-Identifier: Apache-2.0
 *
 * Delegation: a key in n parts, of which t are needed. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"
#include "umbral_hash.h"

/* What all fragments of one policy are made from; secret. */
struct policy {
	struct souk_scalar coefficients[SOUK_UMBRAL_SHARES_MAX];
	uint32_t threshold;
	struct souk_point x; /* public */
	uint8_t d[SOUK_PUBKEY_SIZE];
};

static struct souk_scalar draw_scalar(struct souk_secret_rng *rng)
{
	struct souk_hash fresh;
	souk_secret_rng_fill(rng, fresh.bytes, sizeof fresh.bytes);
	struct souk_scalar scalar = souk_scalar_of_hash(&fresh);
	souk_bytes_wipe(&fresh, sizeof fresh);
	return scalar;
}

static void make_policy(struct policy *policy, uint32_t threshold,
	const struct souk_umbral_key *delegating, const struct souk_point *receiving,
	struct souk_secret_rng *rng)
{
	struct souk_scalar x = draw_scalar(rng), shared, inverse;
	policy->threshold = threshold;
	SOUK_CHECK(souk_point_base(&policy->x, &x) == SOUK_OK);
	SOUK_CHECK(souk_point_mul_secret(policy->d, receiving, &x) == SOUK_OK);
	shared = umbral_shared_hash(&policy->x, receiving, policy->d);
	inverse = souk_scalar_inverse(&shared);
	policy->coefficients[0] = souk_scalar_mul(&delegating->secret, &inverse);
	for (uint32_t i = 1; i < threshold; i++)
		policy->coefficients[i] = draw_scalar(rng);
	souk_bytes_wipe(&x, sizeof x);
	souk_bytes_wipe(&shared, sizeof shared);
	souk_bytes_wipe(&inverse, sizeof inverse);
}

/* Horner. */
static struct souk_scalar evaluate(const struct policy *policy, const struct souk_scalar *at)
{
	struct souk_scalar value = policy->coefficients[policy->threshold - 1];
	for (uint32_t i = policy->threshold - 1; i-- > 0;) {
		value = souk_scalar_mul(&value, at);
		value = souk_scalar_add(&value, &policy->coefficients[i]);
	}
	return value;
}

/* A value of zero, once in 2^256, would be no fragment: another id. */
static void share(struct souk_umbral_kfrag *ret, const struct policy *policy,
	const struct souk_point *receiving, struct souk_secret_rng *rng)
{
	const struct souk_point u = souk_umbral_parameter();
	do {
		souk_secret_rng_fill(rng, ret->id, sizeof ret->id);
		struct souk_scalar at =
			umbral_argument_hash(&policy->x, receiving, policy->d, ret->id);
		ret->rk = evaluate(policy, &at);
		souk_bytes_wipe(&at, sizeof at);
	} while (souk_point_mul(&ret->u1, &u, &ret->rk) != SOUK_OK);
	ret->x = policy->x;
}

static void sign(struct souk_umbral_kfrag *kfrag, const struct souk_point *delegating,
	const struct souk_point *receiving, const struct souk_umbral_key *signer)
{
	struct souk_hash digest = umbral_kfrag_digest(kfrag->id, &kfrag->u1, &kfrag->x,
		kfrag->names_delegating ? delegating : NULL,
		kfrag->names_receiving ? receiving : NULL);
	souk_ecdsa_rs_sign(&kfrag->proxy_signature, &digest, &signer->secret);
	digest = umbral_kfrag_digest(kfrag->id, &kfrag->u1, &kfrag->x, delegating, receiving);
	souk_ecdsa_rs_sign(&kfrag->receiver_signature, &digest, &signer->secret);
}

souk_status souk_umbral_delegate(struct souk_umbral_kfrag *ret, uint32_t threshold, uint32_t shares,
	const struct souk_umbral_key *delegating, const struct souk_point *receiving,
	const struct souk_umbral_key *signer, bool names_delegating, bool names_receiving,
	struct souk_secret_rng *rng)
{
	struct policy policy;
	if (threshold < 1 || threshold > shares || shares > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_LOCAL_STATE;
	make_policy(&policy, threshold, delegating, receiving, rng);
	for (uint32_t i = 0; i < shares; i++) {
		ret[i].names_delegating = names_delegating;
		ret[i].names_receiving = names_receiving;
		share(&ret[i], &policy, receiving, rng);
		sign(&ret[i], &delegating->point, receiving, signer);
	}
	souk_bytes_wipe(&policy, sizeof policy);
	return SOUK_OK;
}

souk_status souk_umbral_kfrag_verify(const struct souk_umbral_kfrag *kfrag,
	const struct souk_point *verifying, const struct souk_point *delegating,
	const struct souk_point *receiving)
{
	const struct souk_point u = souk_umbral_parameter();
	struct souk_point u1;
	if ((kfrag->names_delegating && delegating == NULL) ||
		(kfrag->names_receiving && receiving == NULL))
		return SOUK_PEER_BAD_KEY_FRAGMENT;
	if (souk_point_mul(&u1, &u, &kfrag->rk) != SOUK_OK || !souk_point_equal(&u1, &kfrag->u1))
		return SOUK_PEER_BAD_KEY_FRAGMENT;
	struct souk_hash digest = umbral_kfrag_digest(kfrag->id, &kfrag->u1, &kfrag->x,
		kfrag->names_delegating ? delegating : NULL,
		kfrag->names_receiving ? receiving : NULL);
	if (souk_ecdsa_rs_verify(&kfrag->proxy_signature, &digest, verifying) != SOUK_OK)
		return SOUK_PEER_BAD_KEY_FRAGMENT;
	return SOUK_OK;
}
