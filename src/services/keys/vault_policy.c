/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies: a delegating key for one receiver, and what became of its shares.
 *
 * Key fragments are not kept. They are drawn from a seed that is sealed with the delegating key, so
 * that the same ones come out each time. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

struct secret {
	uint8_t key[32];
	uint8_t seed[32];
};

struct policy_name {
	uint8_t bytes[SOUK_NONCE_SIZE + SOUK_PUBKEY_SIZE];
};

static struct policy_name name_of(const struct souk_vault_policy *policy)
{
	struct policy_name name;
	memcpy(name.bytes, policy->id.bytes, SOUK_NONCE_SIZE);
	memcpy(name.bytes + SOUK_NONCE_SIZE, policy->delegating.bytes, SOUK_PUBKEY_SIZE);
	return name;
}

souk_status vault_policy_secret(const struct souk_vault *vault,
	const struct souk_vault_policy *policy, struct souk_umbral_key *ret_key,
	uint8_t ret_seed[32])
{
	const struct policy_name name = name_of(policy);
	struct secret secret;
	if (souk_point_parse(&ret_key->point, policy->delegating.bytes) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	SOUK_TRY(vault_unseal((uint8_t *)&secret, sizeof secret, vault->keys->seal, "policy",
		souk_bytes_of(name.bytes, sizeof name.bytes),
		souk_bytes_of(policy->nonce.data, policy->nonce.size),
		souk_bytes_of(policy->sealed.data, policy->sealed.size)));
	memcpy(ret_key->secret.bytes, secret.key, sizeof secret.key);
	memcpy(ret_seed, secret.seed, sizeof secret.seed);
	souk_bytes_wipe(&secret, sizeof secret);
	return SOUK_OK;
}

struct souk_hash vault_subject_of_policy(const struct souk_nonce *id)
{
	struct souk_hash subject = {{0}};
	memcpy(subject.bytes, id->bytes, sizeof id->bytes);
	return subject;
}

souk_status vault_policy_runs(
	const struct souk_vault *vault, const struct souk_vault_policy *policy)
{
	if (policy->revoked)
		return SOUK_PEER_AGREEMENT_REVOKED;
	return policy->expires.ms == 0 || souk_time_is_before(vault->now, policy->expires)
		       ? SOUK_OK
		       : SOUK_LOCAL_KEY_EXPIRED;
}

/* ---- made ---- */

/* X is the first that the seed gives: of one fragment as of many. */
static struct souk_pubkey x_of(const struct souk_vault *vault, const struct souk_umbral_key *key,
	const struct souk_point *receiving, const uint8_t seed[32])
{
	struct souk_secret_rng rng;
	struct souk_umbral_kfrag kfrag;
	souk_secret_rng_init(&rng, seed);
	SOUK_CHECK(souk_umbral_delegate(&kfrag, 1, 1, key, receiving, &vault->keys->signer, true,
			   true, &rng) == SOUK_OK);
	struct souk_pubkey x = vault_pubkey_of(&kfrag.x);
	souk_bytes_wipe(&kfrag, sizeof kfrag);
	souk_bytes_wipe(&rng, sizeof rng);
	return x;
}

static void make_secret(const struct souk_vault *vault, struct souk_vault_policy *policy,
	const struct souk_point *receiving)
{
	struct souk_umbral_key key;
	struct secret secret;
	souk_umbral_key_generate(&key, vault->rng);
	memcpy(secret.key, key.secret.bytes, sizeof secret.key);
	souk_secret_rng_fill(vault->rng, secret.seed, sizeof secret.seed);
	policy->delegating = vault_pubkey_of(&key.point);
	policy->x = x_of(vault, &key, receiving, secret.seed);
	const struct policy_name name = name_of(policy);
	policy->nonce.size = SOUK_AEAD_NONCE_SIZE;
	policy->sealed.size = sizeof secret + SOUK_AEAD_TAG_SIZE;
	vault_seal(policy->nonce.data, policy->sealed.data, vault->keys->seal, "policy",
		souk_bytes_of(name.bytes, sizeof name.bytes), souk_bytes_of(&secret, sizeof secret),
		vault->rng);
	souk_bytes_wipe(&secret, sizeof secret);
	souk_bytes_wipe(&key, sizeof key);
}

static souk_status create(const struct souk_vault *vault, const char *label,
	const struct souk_pubkey *receiving, uint32_t threshold, uint32_t shares_max,
	struct souk_time expires, struct souk_vault_policy *policy)
{
	struct souk_point point;
	if (threshold < 1 || threshold > shares_max || shares_max > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_LOCAL_STATE;
	if (expires.ms != 0 && !souk_time_is_before(vault->now, expires))
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(souk_point_parse(&point, receiving->bytes));
	*policy = (struct souk_vault_policy){.version = SOUK_VAULT_POLICY_VERSION,
		.created = vault->now,
		.expires = expires,
		.receiving = *receiving,
		.threshold = (uint16_t)threshold,
		.shares_max = (uint16_t)shares_max};
	souk_secret_rng_fill(vault->rng, policy->id.bytes, sizeof policy->id.bytes);
	VAULT_COPY_TEXT(policy->label, label);
	make_secret(vault, policy, &point);
	SOUK_TRY(vault_save_policy(vault, policy));
	return vault_save_policy_point(vault, &policy->delegating, &policy->id);
}

souk_status souk_vault_policy_create(const struct souk_vault *vault, const char *label,
	const struct souk_pubkey *receiving, uint32_t threshold, uint32_t shares_max,
	struct souk_time expires, struct souk_vault_policy *ret)
{
	struct souk_vault_policy policy = {.version = 0};
	if (!souk_vault_label_is_valid(label))
		return SOUK_PEER_BAD_REQUEST;
	souk_status status =
		create(vault, label, receiving, threshold, shares_max, expires, &policy);
	const struct souk_hash subject = vault_subject_of_policy(&policy.id);
	status = vault_logged(vault, "policy-create", label, 0, status, &subject);
	if (status == SOUK_OK)
		*ret = policy;
	return status;
}

/* ---- looking ---- */

souk_status souk_vault_policy_show(
	const struct souk_vault *vault, const struct souk_nonce *id, struct souk_vault_policy *ret)
{
	struct souk_vault_policy policy;
	SOUK_TRY(vault_load_policy(vault, id, &policy));
	*ret = policy;
	return SOUK_OK;
}

souk_status souk_vault_policy_next(const struct souk_vault *vault, const struct souk_nonce *after,
	struct souk_vault_policy *ret)
{
	struct souk_nonce id;
	struct souk_bytes name, from = {NULL, 0};
	if (after != NULL)
		from = souk_bytes_of(after->bytes, sizeof after->bytes);
	else
		from = souk_bytes_of("", 0);
	SOUK_TRY(vault_next_key(vault->store, 'G', from, &name));
	if (name.size != sizeof id.bytes)
		return SOUK_CORRUPT_STORE;
	memcpy(id.bytes, name.data, sizeof id.bytes);
	return souk_vault_policy_show(vault, &id, ret);
}

souk_status souk_vault_policy_of_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, struct souk_vault_policy *ret)
{
	struct souk_nonce id;
	SOUK_TRY(vault_load_policy_point(vault, point, &id));
	souk_status status = souk_vault_policy_show(vault, &id, ret);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_STORE : status;
}

/* ---- delegated ---- */

static souk_status delegate(const struct souk_vault *vault, const struct souk_vault_policy *policy,
	uint32_t count, struct souk_umbral_kfrag *ret)
{
	struct souk_point receiving;
	struct souk_umbral_key key;
	struct souk_secret_rng rng;
	uint8_t seed[32];
	if (count < policy->threshold || count > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(vault_policy_runs(vault, policy));
	if (souk_point_parse(&receiving, policy->receiving.bytes) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	SOUK_TRY(vault_policy_secret(vault, policy, &key, seed));
	souk_secret_rng_init(&rng, seed);
	souk_status status = souk_umbral_delegate(ret, policy->threshold, count, &key, &receiving,
		&vault->keys->signer, true, true, &rng);
	souk_bytes_wipe(seed, sizeof seed);
	souk_bytes_wipe(&rng, sizeof rng);
	souk_bytes_wipe(&key, sizeof key);
	return status;
}

/* An entry about a policy that was loaded, or was not. */
static souk_status logged(const struct souk_vault *vault, const char *operation,
	const struct souk_nonce *id, const struct souk_vault_policy *policy, souk_status status)
{
	const struct souk_hash subject = vault_subject_of_policy(id);
	return vault_logged(vault, operation, policy->label.text, 0, status, &subject);
}

souk_status souk_vault_policy_delegate(const struct souk_vault *vault, const struct souk_nonce *id,
	uint32_t count, struct souk_umbral_kfrag *ret)
{
	struct souk_vault_policy policy = {.version = 0};
	souk_status status = souk_vault_policy_show(vault, id, &policy);
	if (status == SOUK_OK)
		status = delegate(vault, &policy, count, ret);
	souk_status said = logged(vault, "policy-delegate", id, &policy, status);
	if (said != SOUK_OK && status == SOUK_OK)
		souk_bytes_wipe(ret, count * sizeof *ret);
	return said;
}

static struct souk_vault_share *find_share(
	struct souk_vault_policy *policy, const struct souk_hash *agreement)
{
	for (uint16_t i = 0; i < policy->shares.count; i++)
		if (souk_hash_equal(&policy->shares.items[i].agreement, agreement))
			return &policy->shares.items[i];
	return NULL;
}

static souk_status add(const struct souk_vault *vault, struct souk_vault_policy *policy,
	const struct souk_address *provider, const struct souk_hash *agreement)
{
	struct souk_vault_share *share = find_share(policy, agreement);
	if (share != NULL)
		return souk_address_equal(&share->provider, provider) ? SOUK_OK : SOUK_LOCAL_EXISTS;
	if (policy->shares.count == SOUK_COUNT_OF(policy->shares.items))
		return SOUK_LOCAL_FULL;
	policy->shares.items[policy->shares.count++] =
		(struct souk_vault_share){.provider = *provider, .agreement = *agreement};
	return vault_save_policy(vault, policy);
}

souk_status souk_vault_policy_add(const struct souk_vault *vault, const struct souk_nonce *id,
	const struct souk_address *provider, const struct souk_hash *agreement)
{
	struct souk_vault_policy policy = {.version = 0};
	souk_status status = souk_vault_policy_show(vault, id, &policy);
	if (status == SOUK_OK)
		status = add(vault, &policy, provider, agreement);
	return logged(vault, "policy-add", id, &policy, status);
}

static souk_status revoke(const struct souk_vault *vault, struct souk_vault_policy *policy,
	const struct souk_hash *agreement)
{
	struct souk_vault_share *share = NULL;
	if (agreement != NULL && (share = find_share(policy, agreement)) == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	if (share != NULL)
		share->revoked = true;
	else
		policy->revoked = true;
	return vault_save_policy(vault, policy);
}

souk_status souk_vault_policy_revoke(const struct souk_vault *vault, const struct souk_nonce *id,
	const struct souk_hash *agreement)
{
	struct souk_vault_policy policy = {.version = 0};
	souk_status status = souk_vault_policy_show(vault, id, &policy);
	if (status == SOUK_OK)
		status = revoke(vault, &policy, agreement);
	return logged(vault, "policy-revoke", id, &policy, status);
}

static souk_status keep(const struct souk_vault *vault, struct souk_vault_policy *policy,
	const struct souk_signed_key_deletion *deletion)
{
	struct souk_vault_share *share = find_share(policy, &deletion->deletion.agreement);
	const struct souk_hash digest = souk_key_deletion_digest(&deletion->deletion);
	if (share == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(souk_ecdsa_verify(&share->provider, &digest, &deletion->signature));
	share->deleted.count = 1;
	share->deleted.items[0] = *deletion;
	return vault_save_policy(vault, policy);
}

souk_status souk_vault_policy_keep(const struct souk_vault *vault, const struct souk_nonce *id,
	const struct souk_signed_key_deletion *deletion)
{
	struct souk_vault_policy policy = {.version = 0};
	souk_status status = souk_vault_policy_show(vault, id, &policy);
	if (status == SOUK_OK)
		status = keep(vault, &policy, deletion);
	return logged(vault, "policy-keep", id, &policy, status);
}

/* ---- content keys ---- */

souk_status souk_vault_policy_capsule(const struct souk_vault *vault, const struct souk_nonce *id,
	struct souk_umbral_capsule *ret_capsule, struct souk_umbral_seed *ret_seed)
{
	struct souk_vault_policy policy;
	struct souk_point point;
	SOUK_TRY(souk_vault_policy_show(vault, id, &policy));
	SOUK_TRY(vault_policy_runs(vault, &policy));
	if (souk_point_parse(&point, policy.delegating.bytes) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	souk_umbral_encapsulate(ret_capsule, ret_seed, &point, vault->rng);
	return SOUK_OK;
}

souk_status souk_vault_policy_decapsulate(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_umbral_capsule *capsule,
	struct souk_umbral_seed *ret)
{
	struct souk_vault_policy policy = {.version = 0};
	struct souk_umbral_key key;
	struct souk_umbral_seed opened;
	uint8_t seed[32];
	souk_status status = souk_vault_policy_show(vault, id, &policy);
	if (status == SOUK_OK)
		status = vault_policy_secret(vault, &policy, &key, seed);
	if (status == SOUK_OK)
		souk_umbral_decapsulate(&opened, capsule, &key);
	status = logged(vault, "policy-open", id, &policy, status);
	if (status == SOUK_OK)
		*ret = opened;
	souk_bytes_wipe(&opened, sizeof opened);
	souk_bytes_wipe(&key, sizeof key);
	souk_bytes_wipe(seed, sizeof seed);
	return status;
}
