/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys that leave a vault and come into one. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

/* All of the file but what is sealed. */
static struct souk_hash name_of(const struct souk_vault_export *file)
{
	uint8_t bytes[64] = "vault_export";
	souk_store_be32(bytes + 16, file->kdf.passes);
	souk_store_be64(bytes + 20, file->kdf.memory);
	bytes[28] = file->kdf.passphrase;
	memcpy(bytes + 32, file->kdf.salt.bytes, sizeof file->kdf.salt.bytes);
	return souk_sha256_of(bytes, sizeof bytes);
}

/* ---- out ---- */

static souk_status collect(const struct souk_vault *vault, const struct souk_vault_key *key,
	struct souk_vault_export_key *ret)
{
	*ret = (struct souk_vault_export_key){.version = SOUK_VAULT_EXPORT_KEY_VERSION,
		.unwrap_min = key->unwrap_min,
		.expires = key->expires,
		.uses = key->uses,
		.uses_max = key->uses_max,
		.rate = key->rate,
		.rate_ms = key->rate_ms,
		.exportable = key->exportable,
		.protected = key->protected,
		.grace_ms = key->grace_ms};
	VAULT_COPY_TEXT(ret->label, key->label.text);
	for (uint32_t i = 1; i <= key->newest; i++) {
		struct souk_vault_key_version version;
		struct souk_umbral_key secret;
		struct souk_vault_export_version *out = &ret->versions.items[i - 1];
		SOUK_TRY(souk_vault_version(vault, key, i, &version));
		SOUK_TRY(vault_version_key(vault, &key->id, &version, &secret));
		out->number = i;
		out->created = version.created;
		memcpy(out->secret.bytes, secret.secret.bytes, sizeof out->secret.bytes);
		souk_bytes_wipe(&secret, sizeof secret);
		ret->versions.count = (uint16_t)i;
	}
	return SOUK_OK;
}

/* In place: what is encoded is encrypted where it stands. */
static void seal_export(const struct souk_vault *vault, const struct souk_vault_master *master,
	const struct souk_vault_export_key *key, struct souk_vault_export *ret)
{
	struct souk_writer writer;
	struct souk_bytes written;
	ret->version = SOUK_VAULT_EXPORT_VERSION;
	ret->kdf = master->kdf;
	ret->nonce.size = SOUK_AEAD_NONCE_SIZE;
	souk_writer_init(&writer, ret->sealed.data, sizeof ret->sealed.data - SOUK_AEAD_TAG_SIZE);
	souk_vault_export_key_encode(&writer, key);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	const struct souk_hash name = name_of(ret);
	souk_secret_rng_fill(vault->rng, ret->nonce.data, SOUK_AEAD_NONCE_SIZE);
	souk_aead_seal(ret->sealed.data, master->key, ret->nonce.data,
		souk_bytes_of(name.bytes, sizeof name.bytes), written);
	ret->sealed.size = (uint16_t)(written.size + SOUK_AEAD_TAG_SIZE);
}

static souk_status exportable_key(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	SOUK_TRY(vault_live_key(vault, label, ret));
	return ret->exportable ? SOUK_OK : SOUK_LOCAL_KEY_STAYS;
}

static const char *log_label(const char *label)
{
	return souk_vault_label_is_valid(label) ? label : "";
}

souk_status souk_vault_export(const struct souk_vault *vault, const char *label,
	const struct souk_vault_master *master, struct souk_vault_export_key *export_key,
	struct souk_vault_export *ret)
{
	struct souk_vault_key key = {.newest = 0};
	souk_status status = exportable_key(vault, label, &key);
	if (status == SOUK_OK)
		status = collect(vault, &key, export_key);
	if (status == SOUK_OK)
		seal_export(vault, master, export_key, ret);
	souk_bytes_wipe(export_key, sizeof *export_key);
	return vault_logged(vault, "export", log_label(label), 0, status, NULL);
}

static souk_status export_raw(const struct souk_vault *vault, const char *label, uint32_t *number,
	struct souk_umbral_key *secret)
{
	struct souk_vault_key key;
	struct souk_vault_key_version version;
	SOUK_TRY(exportable_key(vault, label, &key));
	SOUK_TRY(souk_vault_version(vault, &key, *number, &version));
	*number = version.number;
	return vault_version_key(vault, &key.id, &version, secret);
}

souk_status souk_vault_export_raw(
	const struct souk_vault *vault, const char *label, uint32_t number, uint8_t ret[32])
{
	struct souk_umbral_key secret;
	souk_status status = export_raw(vault, label, &number, &secret);
	status = vault_logged(vault, "export-raw", log_label(label), number, status, NULL);
	if (status == SOUK_OK)
		memcpy(ret, secret.secret.bytes, 32);
	souk_bytes_wipe(&secret, sizeof secret);
	return status;
}

/* ---- in ---- */

static souk_status open_export(const struct souk_vault_export *file,
	const struct souk_vault_master *master, struct souk_vault_export_key *ret, uint8_t *plain)
{
	const struct souk_hash name = name_of(file);
	if (file->nonce.size != SOUK_AEAD_NONCE_SIZE || file->sealed.size <= SOUK_AEAD_TAG_SIZE)
		return SOUK_PEER_BAD_REQUEST;
	if (souk_aead_open(plain, master->key, file->nonce.data,
		    souk_bytes_of(name.bytes, sizeof name.bytes),
		    souk_bytes_of(file->sealed.data, file->sealed.size)) != SOUK_OK)
		return SOUK_LOCAL_VAULT_LOCKED;
	return souk_vault_export_key_decode(
		ret, souk_bytes_of(plain, file->sealed.size - SOUK_AEAD_TAG_SIZE), NULL);
}

/* Nothing is written before all of it is known to be right: a refusal is committed. */
static souk_status check_versions(
	const struct souk_vault *vault, const struct souk_vault_export_key *in)
{
	struct souk_umbral_key secret;
	if (in->versions.count == 0 || in->unwrap_min < 1 || in->unwrap_min > in->versions.count)
		return SOUK_PEER_BAD_REQUEST;
	for (uint16_t i = 0; i < in->versions.count; i++) {
		if (in->versions.items[i].number != i + 1u)
			return SOUK_PEER_BAD_REQUEST;
		/* A vault never makes two of the same. */
		for (uint16_t j = 0; j < i; j++)
			if (souk_bytes_equal_secret(in->versions.items[i].secret.bytes,
				    in->versions.items[j].secret.bytes, SOUK_HASH_SIZE))
				return SOUK_PEER_BAD_REQUEST;
		SOUK_TRY(souk_umbral_key_of(&secret, in->versions.items[i].secret.bytes));
		struct souk_pubkey point = vault_pubkey_of(&secret.point);
		souk_bytes_wipe(&secret, sizeof secret);
		SOUK_TRY(vault_check_point_is_new(vault, &point));
	}
	return SOUK_OK;
}

static souk_status save_versions(const struct souk_vault *vault, struct souk_vault_key *key,
	const struct souk_vault_export_key *in)
{
	for (uint16_t i = 0; i < in->versions.count; i++) {
		struct souk_umbral_key secret;
		SOUK_CHECK(
			souk_umbral_key_of(&secret, in->versions.items[i].secret.bytes) == SOUK_OK);
		souk_status status = vault_add_version(
			vault, key, i + 1u, in->versions.items[i].created, &secret);
		souk_bytes_wipe(&secret, sizeof secret);
		SOUK_TRY(status);
	}
	key->newest = in->versions.count;
	return vault_save_key(vault, key);
}

/* As configured, also where its expiry is past: it was so when it left. */
static souk_status take_in(const struct souk_vault *vault, const char *label,
	const struct souk_vault_export_key *in, struct souk_vault_key *ret)
{
	const struct souk_vault_limits limits = {.uses_max = in->uses_max,
		.rate = in->rate,
		.rate_ms = in->rate_ms,
		.grace_ms = in->grace_ms,
		.exportable = in->exportable,
		.protected = in->protected};
	SOUK_TRY(vault_begin_key(vault, label, &limits, ret));
	SOUK_TRY(check_versions(vault, in));
	ret->expires = in->expires;
	ret->uses = in->uses;
	ret->unwrap_min = in->unwrap_min;
	return save_versions(vault, ret, in);
}

souk_status souk_vault_import(const struct souk_vault *vault, const char *label,
	const struct souk_vault_export *file, const struct souk_vault_master *master,
	struct souk_vault_export_key *export_key, uint8_t *scratch, struct souk_vault_key *ret)
{
	struct souk_vault_key key = {.newest = 0};
	souk_status status = open_export(file, master, export_key, scratch);
	if (status == SOUK_OK && label == NULL)
		label = export_key->label.text;
	if (status == SOUK_OK && !souk_vault_label_is_valid(label))
		status = SOUK_PEER_BAD_REQUEST;
	if (status == SOUK_OK)
		status = take_in(vault, label, export_key, &key);
	status = vault_logged(vault, "import", label != NULL ? log_label(label) : "",
		status == SOUK_OK ? key.newest : 0, status, NULL);
	if (status == SOUK_OK)
		*ret = key;
	souk_bytes_wipe(export_key, sizeof *export_key);
	souk_bytes_wipe(scratch, SOUK_VAULT_EXPORT_SCRATCH);
	return status;
}

static souk_status import_raw(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, const uint8_t bytes[32], struct souk_vault_key *ret)
{
	struct souk_umbral_key secret;
	SOUK_TRY(vault_begin_key(vault, label, limits, ret));
	SOUK_TRY(souk_umbral_key_of(&secret, bytes));
	struct souk_pubkey point = vault_pubkey_of(&secret.point);
	souk_status status = vault_check_point_is_new(vault, &point);
	ret->newest = 1;
	if (status == SOUK_OK)
		status = vault_add_version(vault, ret, 1, vault->now, &secret);
	souk_bytes_wipe(&secret, sizeof secret);
	SOUK_TRY(status);
	return vault_save_key(vault, ret);
}

souk_status souk_vault_import_raw(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, const uint8_t secret[32],
	struct souk_vault_key *ret)
{
	struct souk_vault_key key;
	if (!souk_vault_label_is_valid(label))
		return SOUK_PEER_BAD_REQUEST;
	souk_status status = import_raw(vault, label, limits, secret, &key);
	status = vault_logged(vault, "import-raw", label, status == SOUK_OK ? 1 : 0, status, NULL);
	if (status == SOUK_OK)
		*ret = key;
	return status;
}
