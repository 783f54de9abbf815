/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: made, rotated, limited, deleted. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

#define RATE_MS_MAX (366ull * 24 * 3600 * 1000)

static bool is_label_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '/';
}

/* A part between slashes: neither empty nor a way to another folder. */
static bool is_label_part(const char *part, size_t size)
{
	return size > 0 && !(size == 1 && part[0] == '.') &&
	       !(size == 2 && part[0] == '.' && part[1] == '.');
}

bool souk_vault_label_is_valid(const char *label)
{
	size_t begin = 0, i;
	for (i = 0; label[i] != '\0'; i++) {
		if (i == SOUK_VAULT_LABEL_MAX || !is_label_character(label[i]))
			return false;
		if (label[i] != '/')
			continue;
		if (!is_label_part(label + begin, i - begin))
			return false;
		begin = i + 1;
	}
	return is_label_part(label + begin, i - begin);
}

souk_status vault_check_limits(
	const struct souk_vault *vault, const struct souk_vault_limits *limits)
{
	if (limits->expires.ms != 0 && !souk_time_is_before(vault->now, limits->expires))
		return SOUK_PEER_BAD_REQUEST;
	if ((limits->rate == 0) != (limits->rate_ms == 0) || limits->rate_ms > RATE_MS_MAX ||
		limits->rate > limits->rate_ms * 1000)
		return SOUK_PEER_BAD_REQUEST;
	return SOUK_OK;
}

static void set_limits(struct souk_vault_key *key, const struct souk_vault_limits *limits)
{
	key->expires = limits->expires;
	key->uses_max = limits->uses_max;
	key->rate = limits->rate;
	key->rate_ms = limits->rate_ms;
	key->exportable = limits->exportable;
	key->protected = limits->protected;
	key->grace_ms = limits->grace_ms != 0 ? limits->grace_ms : SOUK_VAULT_GRACE_MS;
}

souk_status vault_begin_key(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, struct souk_vault_key *ret)
{
	struct souk_vault_key key = {
		.version = SOUK_VAULT_KEY_VERSION, .created = vault->now, .unwrap_min = 1};
	struct souk_vault_key held;
	souk_status status = vault_load_key(vault, label, &held);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status == SOUK_OK ? SOUK_LOCAL_EXISTS : status;
	SOUK_TRY(vault_check_limits(vault, limits));
	souk_secret_rng_fill(vault->rng, key.id.bytes, sizeof key.id.bytes);
	VAULT_COPY_TEXT(key.label, label);
	set_limits(&key, limits);
	*ret = key;
	return SOUK_OK;
}

static souk_status create(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, struct souk_vault_key *ret)
{
	struct souk_umbral_key secret;
	SOUK_TRY(vault_begin_key(vault, label, limits, ret));
	souk_umbral_key_generate(&secret, vault->rng);
	ret->newest = 1;
	souk_status status = vault_add_version(vault, ret, 1, vault->now, &secret);
	souk_bytes_wipe(&secret, sizeof secret);
	SOUK_TRY(status);
	return vault_save_key(vault, ret);
}

souk_status souk_vault_create(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	if (!souk_vault_label_is_valid(label))
		return SOUK_PEER_BAD_REQUEST;
	souk_status status = create(vault, label, limits, &key);
	if (status == SOUK_OK)
		*ret = key;
	return vault_logged(vault, "create", label, status == SOUK_OK ? 1 : 0, status, NULL);
}

/* ---- looking ---- */

souk_status souk_vault_show(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	if (!souk_vault_label_is_valid(label))
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(vault_load_key(vault, label, &key));
	*ret = key;
	return SOUK_OK;
}

souk_status souk_vault_next(
	const struct souk_vault *vault, const char *after, struct souk_vault_key *ret)
{
	char label[SOUK_VAULT_LABEL_MAX + 1];
	struct souk_bytes name;
	if (strlen(after) > SOUK_VAULT_LABEL_MAX)
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(vault_next_key(vault->store, 'K', souk_bytes_text(after), &name));
	if (name.size >= sizeof label)
		return SOUK_CORRUPT_STORE;
	memcpy(label, name.data, name.size);
	label[name.size] = '\0';
	if (!souk_vault_label_is_valid(label))
		return SOUK_CORRUPT_STORE;
	return souk_vault_show(vault, label, ret);
}

souk_status souk_vault_version(const struct souk_vault *vault, const struct souk_vault_key *key,
	uint32_t number, struct souk_vault_key_version *ret)
{
	struct souk_vault_key_version version;
	if (number == 0)
		number = key->newest;
	if (number > key->newest)
		return SOUK_LOCAL_KEY_VERSION;
	souk_status status = vault_load_version(vault, &key->id, number, &version);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_CORRUPT_STORE;
	if (status == SOUK_OK)
		*ret = version;
	return status;
}

souk_status vault_live_key(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	SOUK_TRY(souk_vault_show(vault, label, ret));
	return ret->deleted.ms == 0 ? SOUK_OK : SOUK_LOCAL_KEY_DELETED;
}

/* ---- changing ---- */

static souk_status rotate(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	struct souk_umbral_key secret;
	SOUK_TRY(vault_live_key(vault, label, ret));
	if (ret->newest >= SOUK_VAULT_VERSIONS_MAX)
		return SOUK_LOCAL_FULL;
	souk_umbral_key_generate(&secret, vault->rng);
	ret->newest++;
	souk_status status = vault_add_version(vault, ret, ret->newest, vault->now, &secret);
	souk_bytes_wipe(&secret, sizeof secret);
	SOUK_TRY(status);
	return vault_save_key(vault, ret);
}

/* What all that change a key have in common: RET only where it was done, and an entry. */
static souk_status done(const struct souk_vault *vault, const char *operation, const char *label,
	const struct souk_vault_key *key, souk_status status, struct souk_vault_key *ret)
{
	status = vault_logged(vault, operation, souk_vault_label_is_valid(label) ? label : "",
		status == SOUK_OK ? key->newest : 0, status, NULL);
	if (status == SOUK_OK)
		*ret = *key;
	return status;
}

souk_status souk_vault_rotate(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	souk_status status = rotate(vault, label, &key);
	return done(vault, "rotate", label, &key, status, ret);
}

static souk_status configure(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, uint32_t unwrap_min, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	SOUK_TRY(vault_live_key(vault, label, &key));
	/* An expiry that is past may stand, but not be set. */
	struct souk_vault_limits checked = *limits;
	if (checked.expires.ms == key.expires.ms)
		checked.expires.ms = 0;
	SOUK_TRY(vault_check_limits(vault, &checked));
	if (limits->exportable && !key.exportable)
		return SOUK_LOCAL_KEY_STAYS;
	uint64_t grace_ms = limits->grace_ms != 0 ? limits->grace_ms : SOUK_VAULT_GRACE_MS;
	if (key.protected && (!limits->protected || grace_ms < key.grace_ms))
		return SOUK_LOCAL_KEY_GRACE;
	if (unwrap_min > key.newest)
		return SOUK_LOCAL_KEY_VERSION;
	bool has_new_rate = limits->rate != key.rate || limits->rate_ms != key.rate_ms;
	set_limits(&key, limits);
	if (has_new_rate)
		key.rate_full = 0;
	if (unwrap_min != 0)
		key.unwrap_min = unwrap_min;
	SOUK_TRY(vault_save_key(vault, &key));
	*ret = key;
	return SOUK_OK;
}

souk_status souk_vault_configure(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, uint32_t unwrap_min, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	souk_status status = configure(vault, label, limits, unwrap_min, &key);
	return done(vault, "configure", label, &key, status, ret);
}

static souk_status set_deleted(const struct souk_vault *vault, const char *label, bool is_deleted,
	struct souk_vault_key *ret)
{
	SOUK_TRY(souk_vault_show(vault, label, ret));
	if (is_deleted == (ret->deleted.ms != 0))
		return is_deleted ? SOUK_LOCAL_KEY_DELETED : SOUK_LOCAL_STATE;
	/* Time zero means that it is not. */
	ret->deleted.ms = !is_deleted ? 0 : vault->now.ms != 0 ? vault->now.ms : 1;
	return vault_save_key(vault, ret);
}

souk_status souk_vault_delete(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	souk_status status = set_deleted(vault, label, true, &key);
	return done(vault, "delete", label, &key, status, ret);
}

souk_status souk_vault_recover(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	souk_status status = set_deleted(vault, label, false, &key);
	return done(vault, "recover", label, &key, status, ret);
}

static souk_status forget_version(
	const struct souk_vault *vault, const struct souk_vault_key *key, uint32_t number)
{
	struct souk_vault_key_version version;
	const struct vault_store_key at = vault_version_at(&key->id, number);
	SOUK_TRY(souk_vault_version(vault, key, number, &version));
	const struct vault_store_key point = vault_point_at(&version.point);
	SOUK_TRY(souk_store_del(vault->store, vault_view(&at)));
	return souk_store_del(vault->store, vault_view(&point));
}

static souk_status forget_key(const struct souk_vault *vault, const struct souk_vault_key *key)
{
	const struct vault_store_key at = vault_key_at(key->label.text);
	for (uint32_t number = 1; number <= key->newest; number++)
		SOUK_TRY(forget_version(vault, key, number));
	return souk_store_del(vault->store, vault_view(&at));
}

static souk_status purge(
	const struct souk_vault *vault, const char *label, bool early, struct souk_vault_key *ret)
{
	SOUK_TRY(souk_vault_show(vault, label, ret));
	if (ret->deleted.ms == 0)
		return SOUK_LOCAL_STATE;
	bool is_over =
		!souk_time_is_before(vault->now, souk_time_plus_ms(ret->deleted, ret->grace_ms));
	if (!is_over && (!early || ret->protected))
		return SOUK_LOCAL_KEY_GRACE;
	/* A record that is missing half way is damage, and nothing of it may be committed. */
	souk_status status = forget_key(vault, ret);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_STORE : status;
}

souk_status souk_vault_purge(const struct souk_vault *vault, const char *label, bool early)
{
	struct souk_vault_key key, gone;
	souk_status status = purge(vault, label, early, &key);
	return done(vault, "purge", label, &key, status, &gone);
}
