/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_json.h - a vault's keys and entries as JSON: the same from souk and from soukd.
 *
 * Threads: any. */
#ifndef SOUK_CLIENT_VAULT_JSON_H
#define SOUK_CLIENT_VAULT_JSON_H

#include <jansson.h>

#include "souk/keys/vault.h"

/* "live", "expired", "used_up" or "deleted". */
const char *vault_key_state(const struct souk_vault_key *key, struct souk_time now);

/* A new reference, or NULL where there is no memory. Times that are not set are null. */
json_t *vault_key_json(const struct souk_vault_key *key, struct souk_time now);
/* {"version", "point", "created_ms"} of each of KEY's versions, the newest first, at most MAX. */
SOUK_MUST_CHECK souk_status vault_versions_json(const struct souk_vault *vault,
	const struct souk_vault_key *key, uint32_t max, json_t **ret);
json_t *vault_entry_json(const struct souk_signed_vault_entry *entry);
json_t *vault_signature_json(const struct souk_vault_signature *signature);

/* What to do about STATUS, in one sentence; "" where its own text says it all. */
const char *vault_advice(souk_status status);

#endif
