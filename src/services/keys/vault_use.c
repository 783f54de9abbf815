/* SPDX-License-Identifier: Apache-2.0
 *
 * What keys do: wrap, unwrap, sign, rewrap. What needs the secret is a use, counted before its
 * result is known: whoever sees the result sees a count that is on the disk. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

/* ---- may it be used ---- */

souk_status vault_check_expiry(const struct souk_vault *vault, const struct souk_vault_key *key)
{
	return key->expires.ms == 0 || souk_time_is_before(vault->now, key->expires)
		       ? SOUK_OK
		       : SOUK_LOCAL_KEY_EXPIRED;
}

static uint64_t microseconds(struct souk_time time)
{
	return time.ms > UINT64_MAX / 4000 ? UINT64_MAX / 4 : time.ms * 1000;
}

/* The bucket of tokens, as the moment at which it is full again: each use moves that by what one
 * token takes to come back, and there is none while it is further than a whole bucket ahead. A
 * clock that was set back costs one bucket, not all the time it was ahead. */
static uint64_t full_after_use(const struct souk_vault_key *key, uint64_t now_us)
{
	const uint64_t bucket_us = key->rate_ms * 1000, token_us = bucket_us / key->rate;
	uint64_t full = key->rate_full > now_us ? key->rate_full : now_us;
	if (full > now_us + bucket_us)
		full = now_us + bucket_us;
	return full + token_us;
}

static bool is_too_fast(const struct souk_vault_key *key, uint64_t full_us, uint64_t now_us)
{
	return full_us > now_us + key->rate_ms * 1000;
}

struct souk_time souk_vault_ready_at(const struct souk_vault_key *key, struct souk_time now)
{
	const uint64_t now_us = microseconds(now);
	if (key->rate == 0)
		return now;
	const uint64_t full_us = full_after_use(key, now_us);
	if (!is_too_fast(key, full_us, now_us))
		return now;
	return souk_time_plus_ms(now, (full_us - now_us - key->rate_ms * 1000 + 999) / 1000);
}

souk_status vault_take_use(const struct souk_vault *vault, struct souk_vault_key *key)
{
	const uint64_t now_us = microseconds(vault->now);
	SOUK_TRY(vault_check_expiry(vault, key));
	if (key->uses == UINT64_MAX || (key->uses_max != 0 && key->uses >= key->uses_max))
		return SOUK_LOCAL_KEY_USED_UP;
	if (key->rate != 0) {
		const uint64_t full_us = full_after_use(key, now_us);
		if (is_too_fast(key, full_us, now_us))
			return SOUK_LOCAL_KEY_RATE;
		key->rate_full = full_us;
	}
	key->uses++;
	return vault_save_key(vault, key);
}

static const char *log_label(const char *label)
{
	return label != NULL && souk_vault_label_is_valid(label) ? label : "";
}

/* ---- wrap ---- */

static souk_status newest_point(const struct souk_vault *vault, const char *label,
	struct souk_vault_key *ret_key, struct souk_point *ret)
{
	struct souk_vault_key_version version;
	SOUK_TRY(vault_live_key(vault, label, ret_key));
	SOUK_TRY(vault_check_expiry(vault, ret_key));
	SOUK_TRY(souk_vault_version(vault, ret_key, 0, &version));
	return souk_point_parse(ret, version.point.bytes) == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status souk_vault_wrap_text(
	const struct souk_vault *vault, const char *label, struct souk_bytes plain, char *text)
{
	struct souk_vault_key key = {.newest = 0};
	struct souk_point point;
	souk_status status = newest_point(vault, label, &key, &point);
	if (status == SOUK_OK)
		status = souk_vault_wrap_for(text, &point, key.newest, plain, vault->rng);
	return vault_logged(
		vault, "wrap", log_label(label), status == SOUK_OK ? key.newest : 0, status, NULL);
}

/* ---- unwrap ---- */

/* Whose secret opens a wrapped text. */
struct opener {
	char label[SOUK_VAULT_LABEL_MAX + 1]; /* for the log */
	uint32_t number;		      /* 0: a policy's */
	struct souk_umbral_key key;
};

static souk_status open_version(
	const struct souk_vault *vault, const struct souk_vault_point *place, struct opener *opener)
{
	struct souk_vault_key key;
	struct souk_vault_key_version version;
	SOUK_TRY(vault_live_key(vault, place->label.text, &key));
	if (place->number < key.unwrap_min)
		return SOUK_LOCAL_KEY_VERSION;
	SOUK_TRY(souk_vault_version(vault, &key, place->number, &version));
	SOUK_TRY(vault_take_use(vault, &key));
	return vault_version_key(vault, &key.id, &version, &opener->key);
}

static souk_status open_policy(
	const struct souk_vault *vault, const struct souk_nonce *id, struct opener *opener)
{
	struct souk_vault_policy policy;
	uint8_t seed[32];
	SOUK_TRY(souk_vault_policy_show(vault, id, &policy));
	memcpy(opener->label, policy.label.text, policy.label.size + 1u);
	SOUK_TRY(vault_policy_secret(vault, &policy, &opener->key, seed));
	souk_bytes_wipe(seed, sizeof seed);
	return SOUK_OK;
}

/* The secret for WRAP; LABEL as souk_vault_unwrap. */
static souk_status find_opener(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, struct opener *opener)
{
	const struct souk_pubkey point = vault_pubkey_of(&wrap->point);
	struct souk_vault_point place;
	struct souk_vault_key key;
	struct souk_nonce id;
	if (label != NULL)
		SOUK_TRY(vault_live_key(vault, label, &key));
	souk_status status = vault_load_point(vault, &point, &place);
	if (status == SOUK_OK) {
		memcpy(opener->label, place.label.text, place.label.size + 1u);
		opener->number = place.number;
		if (wrap->number != place.number ||
			(label != NULL && strcmp(label, place.label.text) != 0))
			return SOUK_PEER_BAD_WRAP;
		return open_version(vault, &place, opener);
	}
	if (status == SOUK_LOCAL_NOT_FOUND && label == NULL && wrap->number == 0)
		status = vault_load_policy_point(vault, &point, &id);
	if (status == SOUK_OK)
		return open_policy(vault, &id, opener);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_BAD_WRAP : status;
}

static struct souk_hash subject_of(const struct souk_vault_wrap *wrap)
{
	uint8_t capsule[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE];
	struct souk_sha256 sha;
	struct souk_hash hash;
	souk_umbral_capsule_format_simple(capsule, &wrap->capsule);
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, capsule, sizeof capsule);
	souk_sha256_update(&sha, wrap->ciphertext.data, wrap->ciphertext.size);
	souk_sha256_final(&sha, &hash);
	return hash;
}

static souk_status unwrap(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, struct opener *opener, uint8_t *plain)
{
	struct souk_umbral_seed seed;
	souk_status status = find_opener(vault, label, wrap, opener);
	if (status == SOUK_OK) {
		souk_umbral_decapsulate(&seed, &wrap->capsule, &opener->key);
		status = souk_umbral_unseal(plain, &seed, &wrap->capsule, wrap->ciphertext);
		souk_bytes_wipe(&seed, sizeof seed);
	}
	souk_bytes_wipe(&opener->key, sizeof opener->key);
	return status;
}

souk_status souk_vault_unwrap(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, uint8_t *plain)
{
	const struct souk_hash subject = subject_of(wrap);
	struct opener opener = {.number = 0};
	souk_status status = unwrap(vault, label, wrap, &opener, plain);
	status = vault_logged(vault, "unwrap",
		opener.label[0] != '\0' ? opener.label : log_label(label), opener.number, status,
		&subject);
	if (status != SOUK_OK)
		souk_bytes_wipe(plain, wrap->ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA);
	return status;
}

/* ---- rewrap ---- */

struct target {
	struct souk_point point;
	uint32_t number;
};

static souk_status find_target(const struct souk_vault *vault, const char *label,
	const struct souk_nonce *policy_id, struct target *target)
{
	struct souk_vault_key key;
	struct souk_vault_policy policy;
	if (policy_id == NULL) {
		SOUK_TRY(newest_point(vault, label, &key, &target->point));
		target->number = key.newest;
		return SOUK_OK;
	}
	SOUK_TRY(souk_vault_policy_show(vault, policy_id, &policy));
	SOUK_TRY(vault_policy_runs(vault, &policy));
	target->number = 0;
	return souk_point_parse(&target->point, policy.delegating.bytes) == SOUK_OK
		       ? SOUK_OK
		       : SOUK_CORRUPT_STORE;
}

souk_status souk_vault_rewrap(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, const struct souk_nonce *policy, uint8_t *scratch,
	char *text)
{
	const struct souk_hash subject = subject_of(wrap);
	const size_t size = wrap->ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA;
	struct opener opener = {.number = 0};
	struct target target;
	souk_status status = find_target(vault, label, policy, &target);
	if (status == SOUK_OK)
		status = unwrap(vault, label, wrap, &opener, scratch);
	if (status == SOUK_OK)
		status = souk_vault_wrap_for(text, &target.point, target.number,
			souk_bytes_of(scratch, size), vault->rng);
	souk_bytes_wipe(scratch, size);
	return vault_logged(vault, "rewrap", log_label(label), opener.number, status, &subject);
}

/* ---- sign ---- */

static souk_status sign(const struct souk_vault *vault, const char *label,
	const struct souk_hash *digest, struct souk_vault_signature *ret)
{
	struct souk_vault_key key;
	struct souk_vault_key_version version;
	struct souk_umbral_key secret;
	struct souk_identity identity = {.seckey = {{0}}};
	SOUK_TRY(vault_live_key(vault, label, &key));
	SOUK_TRY(souk_vault_version(vault, &key, 0, &version));
	SOUK_TRY(vault_take_use(vault, &key));
	SOUK_TRY(vault_version_key(vault, &key.id, &version, &secret));
	memcpy(identity.seckey.bytes, secret.secret.bytes, sizeof identity.seckey.bytes);
	souk_ecdsa_sign(&ret->recoverable, digest, &identity);
	memcpy(ret->rs.bytes, ret->recoverable.bytes, sizeof ret->rs.bytes);
	ret->point = version.point;
	ret->number = version.number;
	souk_bytes_wipe(&secret, sizeof secret);
	souk_bytes_wipe(&identity, sizeof identity);
	return SOUK_OK;
}

souk_status souk_vault_sign(const struct souk_vault *vault, const char *label,
	const struct souk_hash *digest, struct souk_vault_signature *ret)
{
	struct souk_vault_signature signature = {.number = 0};
	souk_status status = sign(vault, label, digest, &signature);
	status = vault_logged(vault, "sign", log_label(label), signature.number, status, digest);
	if (status == SOUK_OK)
		*ret = signature;
	return status;
}

souk_status souk_vault_verify(const struct souk_vault *vault, const char *label, uint32_t number,
	const struct souk_hash *digest, const struct souk_ecdsa_rs *signature, uint32_t *ret_number)
{
	struct souk_vault_key key;
	struct souk_vault_key_version version;
	struct souk_point point;
	SOUK_TRY(vault_live_key(vault, label, &key));
	if (number > key.newest)
		return SOUK_LOCAL_KEY_VERSION;
	/* The newest first, as most are by it. */
	uint32_t last = number != 0 ? number : 1;
	for (uint32_t i = number != 0 ? number : key.newest; i >= last; i--) {
		SOUK_TRY(souk_vault_version(vault, &key, i, &version));
		if (souk_point_parse(&point, version.point.bytes) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		if (souk_ecdsa_rs_verify(signature, digest, &point) == SOUK_OK) {
			*ret_number = i;
			return SOUK_OK;
		}
	}
	return SOUK_PEER_BAD_SIGNATURE;
}

/* ---- the receiver's part ---- */

static souk_status receive(const struct souk_vault *vault, const char *label, uint32_t number,
	struct souk_vault_key_version *version, struct souk_umbral_key *ret)
{
	struct souk_vault_key key;
	SOUK_TRY(vault_live_key(vault, label, &key));
	SOUK_TRY(souk_vault_version(vault, &key, number, version));
	if (version->number < key.unwrap_min)
		return SOUK_LOCAL_KEY_VERSION;
	SOUK_TRY(vault_take_use(vault, &key));
	return vault_version_key(vault, &key.id, version, ret);
}

souk_status souk_vault_receive(const struct souk_vault *vault, const char *label, uint32_t number,
	struct souk_umbral_key *ret)
{
	struct souk_vault_key_version version = {.number = 0};
	struct souk_umbral_key secret;
	souk_status status = receive(vault, label, number, &version, &secret);
	status = vault_logged(vault, "receive", log_label(label), version.number, status, NULL);
	if (status == SOUK_OK)
		*ret = secret;
	souk_bytes_wipe(&secret, sizeof secret);
	return status;
}

souk_status souk_vault_receive_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, struct souk_umbral_key *ret)
{
	struct souk_vault_point place;
	SOUK_TRY(vault_load_point(vault, point, &place));
	return souk_vault_receive(vault, place.label.text, place.number, ret);
}
