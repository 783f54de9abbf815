/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of the API: JSON to the vault and back. */
#include <stdio.h>
#include <string.h>

#include "../client/vault_json.h"
#include "souk/base/check.h"
#include "souk/crypto/base64.h"
#include "souk/crypto/sha256.h"
#include "vault_internal.h"

#define PAGE	       100u
#define VERSIONS_SHOWN 32u

/* ---- members of a body ---- */

static souk_status refuse(struct vault_call *call, const char *detail)
{
	call->detail = detail;
	return SOUK_PEER_BAD_REQUEST;
}

static json_t *member(const struct vault_call *call, const char *name)
{
	return json_object_get(call->body, name);
}

/* A number that is not negative, or null, which is zero; *RET stays where it is not there. */
static souk_status take_number(
	struct vault_call *call, const char *name, uint64_t max, uint64_t *ret)
{
	const json_t *value = member(call, name);
	if (value == NULL)
		return SOUK_OK;
	json_int_t number = json_is_null(value) ? 0 : json_integer_value(value);
	if ((!json_is_integer(value) && !json_is_null(value)) || number < 0 ||
		(uint64_t)number > max)
		return refuse(call, "a limit is a number that is not negative, or null");
	*ret = (uint64_t)number;
	return SOUK_OK;
}

static souk_status take_bool(struct vault_call *call, const char *name, bool *ret)
{
	const json_t *value = member(call, name);
	if (value == NULL)
		return SOUK_OK;
	if (!json_is_boolean(value))
		return refuse(call, "true or false is wanted");
	*ret = json_is_true(value);
	return SOUK_OK;
}

static souk_status take_limits(struct vault_call *call, struct souk_vault_limits *limits)
{
	uint64_t rate = limits->rate;
	SOUK_TRY(take_number(call, "expires_ms", UINT64_MAX, &limits->expires.ms));
	SOUK_TRY(take_number(call, "uses_max", UINT64_MAX, &limits->uses_max));
	SOUK_TRY(take_number(call, "rate", UINT32_MAX, &rate));
	SOUK_TRY(take_number(call, "rate_ms", UINT64_MAX, &limits->rate_ms));
	SOUK_TRY(take_number(call, "grace_ms", UINT64_MAX, &limits->grace_ms));
	SOUK_TRY(take_bool(call, "exportable", &limits->exportable));
	SOUK_TRY(take_bool(call, "protected", &limits->protected));
	limits->rate = (uint32_t)rate;
	return SOUK_OK;
}

static souk_status take_base64(
	struct vault_call *call, const char *name, uint8_t *out, size_t max, struct souk_bytes *ret)
{
	const json_t *value = member(call, name);
	size_t size;
	if (!json_is_string(value))
		return refuse(call, "a member with base64 text is missing");
	struct souk_bytes text = souk_bytes_of(json_string_value(value), json_string_length(value));
	if (text.size > SOUK_BASE64_SIZE(max))
		return SOUK_PEER_OVERSIZED;
	if (souk_base64_decode(out, max, &size, text) != SOUK_OK)
		return refuse(call, "not base64, with padding (RFC 4648, 4), or too long");
	*ret = souk_bytes_of(out, size);
	return SOUK_OK;
}

static souk_status take_hex(
	struct vault_call *call, const char *name, uint8_t *out, size_t size, const char *detail)
{
	const char *text = json_string_value(member(call, name));
	if (text == NULL || strlen(text) != 2 * size || souk_hex_decode(out, size, text) != SOUK_OK)
		return refuse(call, detail);
	return SOUK_OK;
}

static souk_status take_wrapped(struct vault_call *call, struct souk_vault_wrap *ret)
{
	const json_t *value = member(call, "wrapped");
	if (!json_is_string(value))
		return refuse(call, "the member wrapped is missing: a text that begins with "
				    "souk-wrap:");
	if (json_string_length(value) > SOUK_VAULT_WRAP_SIZE_MAX)
		return SOUK_PEER_OVERSIZED;
	return souk_vault_wrap_parse(ret,
		souk_bytes_of(json_string_value(value), json_string_length(value)),
		call->buffers->scratch, sizeof call->buffers->scratch);
}

/* Either a message, or its SHA-256. */
static souk_status take_digest(struct vault_call *call, struct souk_hash *ret)
{
	const json_t *message = member(call, "message");
	struct souk_bytes data;
	if ((message != NULL) == (member(call, "digest") != NULL))
		return refuse(call, "either message (base64) or digest (64 hex digits)");
	if (message == NULL)
		return take_hex(
			call, "digest", ret->bytes, SOUK_HASH_SIZE, "a digest has 64 hex digits");
	SOUK_TRY(take_base64(
		call, "message", call->buffers->plain, sizeof call->buffers->plain, &data));
	*ret = souk_sha256_of(data.data, data.size);
	return SOUK_OK;
}

/* ---- keys ---- */

static souk_status answer_key(
	const struct souk_vault *vault, const struct souk_vault_key *key, json_t **ret)
{
	json_t *versions;
	SOUK_TRY(vault_versions_json(vault, key, VERSIONS_SHOWN, &versions));
	*ret = vault_key_json(key, vault->now);
	json_object_set_new(*ret, "versions", versions);
	return SOUK_OK;
}

souk_status vault_call_list(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	const char *after = souk_http_request_query(call->request, "after");
	bool deleted = souk_http_request_has_query(call->request, "deleted");
	struct souk_vault_key key = {.newest = 0};
	json_t *keys = json_array();
	souk_status status = SOUK_OK;
	if (after != NULL && !souk_vault_label_is_valid(after)) {
		json_decref(keys);
		return refuse(call, "after is no label");
	}
	snprintf(key.label.text, sizeof key.label.text, "%s", after != NULL ? after : "");
	while (json_array_size(keys) < PAGE &&
		(status = souk_vault_next(vault, key.label.text, &key)) == SOUK_OK) {
		if (key.deleted.ms == 0 || deleted)
			json_array_append_new(keys, vault_key_json(&key, vault->now));
	}
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND) {
		json_decref(keys);
		return status;
	}
	*ret = json_pack("{s:o, s:o}", "keys", keys, "next",
		status == SOUK_OK ? json_string(key.label.text) : json_null());
	return SOUK_OK;
}

static souk_status create(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_limits limits = {.uses_max = 0};
	struct souk_vault_key key;
	SOUK_TRY(take_limits(call, &limits));
	SOUK_TRY(souk_vault_create(vault, call->label, &limits, &key));
	return answer_key(vault, &key, ret);
}

static souk_status show(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_key key;
	SOUK_TRY(souk_vault_show(vault, call->label, &key));
	return answer_key(vault, &key, ret);
}

static souk_status configure(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_key key;
	uint64_t unwrap_min = 0;
	SOUK_TRY(souk_vault_show(vault, call->label, &key));
	struct souk_vault_limits limits = {.expires = key.expires,
		.uses_max = key.uses_max,
		.rate = key.rate,
		.rate_ms = key.rate_ms,
		.grace_ms = key.grace_ms,
		.exportable = key.exportable,
		.protected = key.protected};
	SOUK_TRY(take_limits(call, &limits));
	SOUK_TRY(take_number(call, "unwrap_min", UINT32_MAX, &unwrap_min));
	SOUK_TRY(souk_vault_configure(vault, call->label, &limits, (uint32_t)unwrap_min, &key));
	return answer_key(vault, &key, ret);
}

#define CHANGE(name)                                                                               \
	static souk_status name(                                                                   \
		struct vault_call *call, const struct souk_vault *vault, json_t **ret)             \
	{                                                                                          \
		struct souk_vault_key key;                                                         \
		SOUK_TRY(souk_vault_##name(vault, call->label, &key));                             \
		return answer_key(vault, &key, ret);                                               \
	}
CHANGE(rotate)
CHANGE(delete)
CHANGE(recover)

static souk_status purge(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	bool early = false;
	SOUK_TRY(take_bool(call, "now", &early));
	SOUK_TRY(souk_vault_purge(vault, call->label, early));
	*ret = json_pack("{s:s}", "purged", call->label);
	return SOUK_OK;
}

/* ---- what they do ---- */

/* A key that is used too often: when that ends. */
static souk_status used(struct vault_call *call, const struct souk_vault *vault, souk_status status)
{
	struct souk_vault_key key;
	if (status == SOUK_LOCAL_KEY_RATE && souk_vault_show(vault, call->label, &key) == SOUK_OK)
		call->ready = souk_vault_ready_at(&key, vault->now);
	return status;
}

static souk_status wrap(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_bytes plain;
	SOUK_TRY(take_base64(
		call, "plaintext", call->buffers->plain, sizeof call->buffers->plain, &plain));
	SOUK_TRY(souk_vault_wrap_text(vault, call->label, plain, call->buffers->text));
	*ret = json_pack("{s:s}", "wrapped", call->buffers->text);
	return SOUK_OK;
}

static souk_status unwrap(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_wrap parsed;
	SOUK_TRY(take_wrapped(call, &parsed));
	SOUK_TRY(used(
		call, vault, souk_vault_unwrap(vault, call->label, &parsed, call->buffers->plain)));
	souk_base64_encode(call->buffers->base64,
		souk_bytes_of(call->buffers->plain,
			parsed.ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA));
	*ret = json_pack("{s:s}", "plaintext", call->buffers->base64);
	return SOUK_OK;
}

static souk_status rewrap(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_wrap parsed;
	struct souk_nonce policy;
	bool has_policy = member(call, "policy") != NULL;
	if (has_policy)
		SOUK_TRY(take_hex(call, "policy", policy.bytes, sizeof policy.bytes,
			"a policy's id has 32 hex digits"));
	SOUK_TRY(take_wrapped(call, &parsed));
	SOUK_TRY(used(call, vault,
		souk_vault_rewrap(vault, call->label, &parsed, has_policy ? &policy : NULL,
			call->buffers->plain, call->buffers->text)));
	*ret = json_pack("{s:s}", "wrapped", call->buffers->text);
	return SOUK_OK;
}

static souk_status sign(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_hash digest;
	struct souk_vault_signature signature;
	SOUK_TRY(take_digest(call, &digest));
	SOUK_TRY(used(call, vault, souk_vault_sign(vault, call->label, &digest, &signature)));
	*ret = vault_signature_json(&signature);
	return SOUK_OK;
}

static souk_status verify(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	uint8_t bytes[SOUK_SIGNATURE_SIZE];
	struct souk_hash digest;
	struct souk_ecdsa_rs rs;
	uint64_t wanted = 0;
	uint32_t number = 0;
	const char *text = json_string_value(member(call, "signature"));
	bool with_v = text != NULL && strlen(text) == 2 * sizeof bytes;
	SOUK_TRY(take_hex(call, "signature", bytes, with_v ? sizeof bytes : sizeof rs.bytes,
		"a signature has 128 hex digits, or 130 with v"));
	SOUK_TRY(take_number(call, "version", UINT32_MAX, &wanted));
	SOUK_TRY(take_digest(call, &digest));
	memcpy(rs.bytes, bytes, sizeof rs.bytes);
	souk_status status =
		souk_vault_verify(vault, call->label, (uint32_t)wanted, &digest, &rs, &number);
	if (status == SOUK_PEER_BAD_SIGNATURE) {
		*ret = json_pack("{s:b}", "valid", 0);
		return SOUK_OK;
	}
	SOUK_TRY(status);
	*ret = json_pack("{s:b, s:I}", "valid", 1, "version", (json_int_t)number);
	return SOUK_OK;
}

/* ---- the log ---- */

souk_status vault_call_audit(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_log log;
	struct souk_signed_vault_entry entry;
	SOUK_TRY(souk_vault_log_load(vault, &log));
	uint64_t first = call->number;
	if (first == UINT64_MAX)
		first = log.entries > PAGE ? log.entries - PAGE : 0;
	json_t *entries = json_array();
	souk_status status = SOUK_OK;
	for (uint64_t i = 0; i < PAGE && first < log.entries - i && status == SOUK_OK; i++) {
		status = souk_vault_log_entry(vault, first + i, &entry);
		if (status == SOUK_OK)
			json_array_append_new(entries, vault_entry_json(&entry));
	}
	if (status != SOUK_OK) {
		json_decref(entries);
		return status;
	}
	*ret = json_pack("{s:o, s:I, s:I}", "entries", entries, "total", (json_int_t)log.entries,
		"anchored", (json_int_t)log.anchored);
	return SOUK_OK;
}

souk_status vault_call_prove(struct vault_call *call, const struct souk_vault *vault, json_t **ret)
{
	struct souk_vault_proof proof;
	struct souk_vault_log log;
	uint8_t bytes[SOUK_VAULT_PROOF_SIZE_MAX];
	char hex[2 * sizeof bytes + 1], root[2 * SOUK_HASH_SIZE + 1];
	char account[2 * SOUK_ADDRESS_SIZE + 3] = "0x";
	struct souk_writer writer;
	struct souk_bytes written;
	SOUK_TRY(souk_vault_log_load(vault, &log));
	uint64_t count = call->number < log.anchored ? log.anchored : log.entries;
	SOUK_TRY(souk_vault_log_prove(vault, call->number, count, &proof));
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_vault_proof_encode(&writer, &proof);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	souk_hex_encode(hex, written.data, written.size);
	souk_hex_encode(root, proof.root.bytes, SOUK_HASH_SIZE);
	souk_hex_encode(account + 2, vault->identity->address.bytes, SOUK_ADDRESS_SIZE);
	*ret = json_pack("{s:o, s:I, s:s, s:s, s:s}", "entry", vault_entry_json(&proof.entry),
		"entries", (json_int_t)proof.entries, "root", root, "account", account, "proof",
		hex);
	return SOUK_OK;
}

/* ---- the table ---- */

#define LIMIT_MEMBERS                                                                              \
	"expires_ms", "uses_max", "rate", "rate_ms", "grace_ms", "exportable", "protected"
static const char *const nothing[] = {NULL};
static const char *const of_limits[] = {LIMIT_MEMBERS, NULL};
static const char *const of_changes[] = {LIMIT_MEMBERS, "unwrap_min", NULL};
static const char *const of_wrap[] = {"plaintext", NULL};
static const char *const of_unwrap[] = {"wrapped", NULL};
static const char *const of_rewrap[] = {"wrapped", "policy", NULL};
static const char *const of_sign[] = {"message", "digest", NULL};
static const char *const of_verify[] = {"message", "digest", "signature", "version", NULL};
static const char *const of_purge[] = {"now", NULL};

const struct vault_route vault_routes[] = {
	{"PUT", "", of_limits, create, 201, false},
	{"GET", "", NULL, show, 200, true},
	{"PATCH", "", of_changes, configure, 200, false},
	{"DELETE", "", NULL, delete, 200, false},
	{"POST", "rotate", nothing, rotate, 200, false},
	{"POST", "wrap", of_wrap, wrap, 200, false},
	{"POST", "unwrap", of_unwrap, unwrap, 200, false},
	{"POST", "rewrap", of_rewrap, rewrap, 200, false},
	{"POST", "sign", of_sign, sign, 200, false},
	{"POST", "verify", of_verify, verify, 200, true},
	{"POST", "recover", nothing, recover, 200, false},
	{"POST", "purge", of_purge, purge, 200, false},
};
const size_t vault_route_count = SOUK_COUNT_OF(vault_routes);
