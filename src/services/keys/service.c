/* SPDX-License-Identifier: Apache-2.0
 *
 * What an owner, a proxy and the ledger agree upon, and fragments without what stands there. */
#include "souk/keys/service.h"

#include <string.h>

#include "souk/base/check.h"
#include "umbral_hash.h"

/* ---- terms ---- */

static void pubkey_of(struct souk_pubkey *ret, const struct souk_point *point)
{
	souk_point_format(ret->bytes, point);
}

void souk_keys_terms_of(struct souk_key_terms *ret, const struct souk_umbral_kfrag *kfrag,
	const struct souk_point *delegating, const struct souk_point *receiving,
	const struct souk_point *verifying, uint32_t threshold, struct souk_amount price)
{
	SOUK_CHECK(threshold >= 1 && threshold <= SOUK_UMBRAL_SHARES_MAX);
	memset(ret, 0, sizeof *ret);
	ret->version = SOUK_EXCHANGE_VERSION;
	pubkey_of(&ret->delegating, delegating);
	pubkey_of(&ret->receiving, receiving);
	pubkey_of(&ret->verifying, verifying);
	pubkey_of(&ret->x, &kfrag->x);
	pubkey_of(&ret->u1, &kfrag->u1);
	memcpy(ret->id.bytes, kfrag->id, sizeof ret->id.bytes);
	memcpy(ret->receiver_r.bytes, kfrag->receiver_signature.bytes, 32);
	memcpy(ret->receiver_s.bytes, kfrag->receiver_signature.bytes + 32, 32);
	ret->threshold = (uint16_t)threshold;
	ret->price = price;
}

void souk_keys_agreement_set(struct souk_agreement *agreement, const struct souk_key_terms *terms)
{
	struct souk_writer writer;
	souk_writer_init(&writer, agreement->details.data, sizeof agreement->details.data);
	souk_key_terms_encode(&writer, terms);
	SOUK_CHECK(!writer.full);
	agreement->details.size = (uint16_t)writer.size;
	agreement->terms = souk_key_terms_digest(terms);
	agreement->service = SOUK_SERVICE_KEYS;
}

static souk_status parse_points(struct souk_keys_policy *ret, const struct souk_key_terms *terms)
{
	SOUK_TRY(souk_point_parse(&ret->delegating, terms->delegating.bytes));
	SOUK_TRY(souk_point_parse(&ret->receiving, terms->receiving.bytes));
	SOUK_TRY(souk_point_parse(&ret->verifying, terms->verifying.bytes));
	SOUK_TRY(souk_point_parse(&ret->x, terms->x.bytes));
	return souk_point_parse(&ret->u1, terms->u1.bytes);
}

/* Without it a fragment cannot be right, whoever made it. */
static souk_status check_signature(const struct souk_keys_policy *policy)
{
	struct souk_hash digest = umbral_kfrag_digest(
		policy->id, &policy->u1, &policy->x, &policy->delegating, &policy->receiving);
	if (souk_ecdsa_rs_verify(&policy->receiver_signature, &digest, &policy->verifying) !=
		SOUK_OK)
		return SOUK_PEER_BAD_KEY_FRAGMENT;
	return SOUK_OK;
}

souk_status souk_keys_policy_parse(
	struct souk_keys_policy *ret, const struct souk_agreement *agreement)
{
	struct souk_key_terms terms;
	struct souk_keys_policy policy;
	if (agreement->service != SOUK_SERVICE_KEYS)
		return SOUK_PEER_AGREEMENT_TERMS;
	SOUK_TRY(souk_key_terms_decode(
		&terms, souk_bytes_of(agreement->details.data, agreement->details.size), NULL));
	struct souk_hash digest = souk_key_terms_digest(&terms);
	if (!souk_hash_equal(&digest, &agreement->terms) || terms.threshold < 1 ||
		terms.threshold > SOUK_UMBRAL_SHARES_MAX || terms.price.ncoin == 0)
		return SOUK_PEER_AGREEMENT_TERMS;
	SOUK_TRY(parse_points(&policy, &terms));
	memcpy(policy.id, terms.id.bytes, sizeof policy.id);
	memcpy(policy.receiver_signature.bytes, terms.receiver_r.bytes, 32);
	memcpy(policy.receiver_signature.bytes + 32, terms.receiver_s.bytes, 32);
	policy.threshold = terms.threshold;
	policy.price = terms.price;
	SOUK_TRY(check_signature(&policy));
	*ret = policy;
	return SOUK_OK;
}

souk_status souk_keys_kfrag_check(
	const struct souk_keys_policy *policy, const struct souk_umbral_kfrag *kfrag)
{
	if (!souk_point_equal(&kfrag->u1, &policy->u1) ||
		!souk_point_equal(&kfrag->x, &policy->x) ||
		memcmp(kfrag->id, policy->id, sizeof policy->id) != 0 ||
		memcmp(&kfrag->receiver_signature, &policy->receiver_signature,
			sizeof policy->receiver_signature) != 0)
		return SOUK_PEER_BAD_KEY_FRAGMENT;
	return souk_umbral_kfrag_verify(
		kfrag, &policy->verifying, &policy->delegating, &policy->receiving);
}

/* ---- fragments on the wire ---- */

#define POINTS 5

void souk_keys_fragment_format(
	uint8_t ret[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_umbral_cfrag *cfrag)
{
	const struct souk_point *const points[POINTS] = {
		&cfrag->e1, &cfrag->v1, &cfrag->e2, &cfrag->v2, &cfrag->u2};
	for (size_t i = 0; i < POINTS; i++)
		souk_point_format(ret + i * SOUK_PUBKEY_SIZE, points[i]);
	memcpy(ret + POINTS * SOUK_PUBKEY_SIZE, cfrag->z.bytes, sizeof cfrag->z.bytes);
}

souk_status souk_keys_fragment_parse(struct souk_umbral_cfrag *ret,
	const uint8_t bytes[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_keys_policy *policy)
{
	struct souk_umbral_cfrag cfrag;
	struct souk_point *const points[POINTS] = {
		&cfrag.e1, &cfrag.v1, &cfrag.e2, &cfrag.v2, &cfrag.u2};
	for (size_t i = 0; i < POINTS; i++)
		SOUK_TRY(souk_point_parse(points[i], bytes + i * SOUK_PUBKEY_SIZE));
	SOUK_TRY(souk_scalar_parse(&cfrag.z, bytes + POINTS * SOUK_PUBKEY_SIZE));
	memcpy(cfrag.id, policy->id, sizeof cfrag.id);
	cfrag.x = policy->x;
	cfrag.u1 = policy->u1;
	cfrag.receiver_signature = policy->receiver_signature;
	*ret = cfrag;
	return SOUK_OK;
}

souk_status souk_keys_fragment_verify(struct souk_umbral_cfrag *ret,
	const uint8_t bytes[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_umbral_capsule *capsule,
	const struct souk_keys_policy *policy)
{
	struct souk_umbral_cfrag cfrag;
	SOUK_TRY(souk_keys_fragment_parse(&cfrag, bytes, policy));
	SOUK_TRY(souk_umbral_cfrag_verify(
		&cfrag, capsule, &policy->verifying, &policy->delegating, &policy->receiving));
	*ret = cfrag;
	return SOUK_OK;
}
