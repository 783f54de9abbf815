/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_json.h"

#include "souk/base/check.h"

const char *vault_key_state(const struct souk_vault_key *key, struct souk_time now)
{
	if (key->deleted.ms != 0)
		return "deleted";
	if (key->expires.ms != 0 && !souk_time_is_before(now, key->expires))
		return "expired";
	return key->uses_max != 0 && key->uses >= key->uses_max ? "used_up" : "live";
}

static json_t *time_or_null(struct souk_time time)
{
	return time.ms == 0 ? json_null() : json_integer((json_int_t)time.ms);
}

static json_t *limit_or_null(uint64_t limit)
{
	return limit == 0 ? json_null() : json_integer((json_int_t)limit);
}

json_t *vault_key_json(const struct souk_vault_key *key, struct souk_time now)
{
	struct souk_time purge = {0};
	if (key->deleted.ms != 0)
		purge = souk_time_plus_ms(key->deleted, key->grace_ms);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:o, s:o, s:o, s:b, s:b, s:I, "
			 "s:o, s:o}",
		"label", key->label.text, "kind", "secp256k1", "state", vault_key_state(key, now),
		"version", (json_int_t)key->newest, "unwrap_min", (json_int_t)key->unwrap_min,
		"created_ms", (json_int_t)key->created.ms, "expires_ms", time_or_null(key->expires),
		"uses", (json_int_t)key->uses, "uses_max", limit_or_null(key->uses_max), "rate",
		limit_or_null(key->rate), "rate_ms", limit_or_null(key->rate_ms), "exportable",
		(int)key->exportable, "protected", (int)key->protected, "grace_ms",
		(json_int_t)key->grace_ms, "deleted_ms", time_or_null(key->deleted), "purge_ms",
		time_or_null(purge));
}

souk_status vault_versions_json(const struct souk_vault *vault, const struct souk_vault_key *key,
	uint32_t max, json_t **ret)
{
	json_t *list = json_array();
	souk_status status = list == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	for (uint32_t i = key->newest; i > 0 && max > 0 && status == SOUK_OK; i--, max--) {
		struct souk_vault_key_version version;
		char point[2 * SOUK_PUBKEY_SIZE + 1];
		status = souk_vault_version(vault, key, i, &version);
		if (status != SOUK_OK)
			break;
		souk_hex_encode(point, version.point.bytes, SOUK_PUBKEY_SIZE);
		json_array_append_new(
			list, json_pack("{s:I, s:s, s:I}", "version", (json_int_t)i, "point", point,
				      "created_ms", (json_int_t)version.created.ms));
	}
	if (status == SOUK_OK)
		*ret = list;
	else
		json_decref(list);
	return status;
}

json_t *vault_entry_json(const struct souk_signed_vault_entry *entry)
{
	const struct souk_vault_entry *e = &entry->entry;
	char previous[2 * SOUK_HASH_SIZE + 1], subject[2 * SOUK_HASH_SIZE + 1];
	char signature[2 * SOUK_SIGNATURE_SIZE + 1];
	souk_hex_encode(previous, e->previous.bytes, SOUK_HASH_SIZE);
	souk_hex_encode(subject, e->subject.bytes, SOUK_HASH_SIZE);
	souk_hex_encode(signature, entry->signature.bytes, SOUK_SIGNATURE_SIZE);
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "index",
		(json_int_t)e->index, "time_ms", (json_int_t)e->time.ms, "operation",
		e->operation.text, "label", e->label.text, "version", (json_int_t)e->number,
		"result", souk_status_name(souk_status_of_code(e->result)), "actor", e->actor.text,
		"subject", subject, "previous", previous, "signature", signature);
}

json_t *vault_signature_json(const struct souk_vault_signature *signature)
{
	char rs[2 * 64 + 1], recoverable[2 * SOUK_SIGNATURE_SIZE + 1];
	char point[2 * SOUK_PUBKEY_SIZE + 1];
	souk_hex_encode(rs, signature->rs.bytes, sizeof signature->rs.bytes);
	souk_hex_encode(recoverable, signature->recoverable.bytes, SOUK_SIGNATURE_SIZE);
	souk_hex_encode(point, signature->point.bytes, SOUK_PUBKEY_SIZE);
	return json_pack("{s:s, s:s, s:s, s:I}", "signature", rs, "recoverable", recoverable,
		"point", point, "version", (json_int_t)signature->number);
}

const char *vault_advice(souk_status status)
{
	static const struct {
		souk_status status;
		const char *text;
	} advice[] = {
		{SOUK_LOCAL_KEY_EXPIRED, "give it more time: souk key set LABEL --expires 90d"},
		{SOUK_LOCAL_KEY_USED_UP, "allow it more uses: souk key set LABEL --uses N"},
		{SOUK_LOCAL_KEY_RATE, "wait, or raise the rate: souk key set LABEL --rate N --per "
				      "1m"},
		{SOUK_LOCAL_KEY_DELETED, "bring it back: souk key recover LABEL"},
		{SOUK_LOCAL_KEY_GRACE,
			"wait for the end of its grace period (souk key show LABEL), or purge it "
			"--now where it is not protected"},
		{SOUK_LOCAL_KEY_STAYS, "only a key made with --exportable leaves the vault; a "
				       "backup (souk key backup) holds the others too"},
		{SOUK_LOCAL_KEY_VERSION, "souk key show LABEL lists its versions, and which still "
					 "unwrap"},
		{SOUK_LOCAL_VAULT_LOCKED, "give --passphrase-file FILE, set "
					  "SOUK_VAULT_PASSPHRASE, or put HOME/vault.secret back"},
		{SOUK_PEER_BAD_WRAP, "a wrapped text begins with souk-wrap: and is opened by the "
				     "key that it was wrapped for"},
		{SOUK_PEER_OVERSIZED, "at most 64 KiB: wrap a file's key, not the file (souk "
				      "share)"},
		{SOUK_LOCAL_NOT_FOUND, "souk key list shows what is there"},
		{SOUK_LOCAL_EXISTS, "take another label, or purge the deleted key that has it"},
		{SOUK_LOCAL_STATE, "it is not deleted: souk key delete LABEL comes first"},
		{SOUK_CORRUPT_STORE, "a record of the vault is damaged: stop, and restore a "
				     "backup (souk key restore)"},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(advice); i++)
		if (advice[i].status == status)
			return advice[i].text;
	return "";
}
