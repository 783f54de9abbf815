/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_internal.h - the records of a vault's store: where each stands, and its tag.
 *
 *   H           vault_head          how it opens; sealed, so without a tag
 *   L           vault_log           where the log ends
 *   E index     signed_vault_entry  signed, so without a tag
 *   N lvl index hash                of a complete subtree of entries; made from them
 *   K label     vault_key
 *   V id number vault_key_version
 *   P point     vault_point         whose version
 *   G id        vault_policy
 *   Q point     id of the policy whose delegating key it is
 *
 * A tag is HMAC(mac, size of the key || key || SHA-256(value)), behind the value. */
#ifndef SOUK_KEYS_VAULT_INTERNAL_H
#define SOUK_KEYS_VAULT_INTERNAL_H

#include <string.h>

#include "souk/crypto/sha256.h"
#include "souk/keys/vault.h"

#define VAULT_TAG_SIZE	    32u
#define VAULT_STORE_KEY_MAX 80u

struct vault_store_key {
	uint8_t bytes[VAULT_STORE_KEY_MAX];
	size_t size;
};

struct vault_store_key vault_key_at(const char *label);
struct vault_store_key vault_version_at(const struct souk_nonce *id, uint32_t number);
struct vault_store_key vault_point_at(const struct souk_pubkey *point);
struct vault_store_key vault_policy_at(const struct souk_nonce *id);
struct vault_store_key vault_policy_point_at(const struct souk_pubkey *point);
struct vault_store_key vault_entry_at(uint64_t index);
struct vault_store_key vault_node_at(uint8_t level, uint64_t index);

static inline struct souk_bytes vault_view(const struct vault_store_key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

/* Each returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_IO_*, or SOUK_CORRUPT_STORE: the tag is wrong,
 * or the record makes no sense. */
SOUK_MUST_CHECK souk_status vault_load_key(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);
SOUK_MUST_CHECK souk_status vault_load_version(const struct souk_vault *vault,
	const struct souk_nonce *id, uint32_t number, struct souk_vault_key_version *ret);
SOUK_MUST_CHECK souk_status vault_load_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, struct souk_vault_point *ret);
SOUK_MUST_CHECK souk_status vault_load_policy(
	const struct souk_vault *vault, const struct souk_nonce *id, struct souk_vault_policy *ret);
SOUK_MUST_CHECK souk_status vault_load_policy_point(
	const struct souk_vault *vault, const struct souk_pubkey *point, struct souk_nonce *ret);
SOUK_MUST_CHECK souk_status vault_load_log(
	const struct souk_vault *vault, struct souk_vault_log *ret);

SOUK_MUST_CHECK souk_status vault_save_key(
	const struct souk_vault *vault, const struct souk_vault_key *key);
SOUK_MUST_CHECK souk_status vault_save_version(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_vault_key_version *version);
SOUK_MUST_CHECK souk_status vault_save_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, const struct souk_vault_point *place);
SOUK_MUST_CHECK souk_status vault_save_policy(
	const struct souk_vault *vault, const struct souk_vault_policy *policy);
SOUK_MUST_CHECK souk_status vault_save_policy_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, const struct souk_nonce *id);
SOUK_MUST_CHECK souk_status vault_save_log(
	const struct souk_vault *vault, const struct souk_vault_log *log);
SOUK_MUST_CHECK souk_status vault_save_head(
	const struct souk_store *store, const struct souk_vault_head *head);

/* The first record behind PREFIX and AFTER; *RET_KEY is what follows the prefix. */
SOUK_MUST_CHECK souk_status vault_next_key(const struct souk_store *store, char prefix,
	struct souk_bytes after, struct souk_bytes *ret_key);

/* ---- secrets at rest ---- */

/* SIZE bytes, at most 64, into OUT, SIZE and SOUK_AEAD_TAG_SIZE; NONCE is drawn. WHAT and NAME say
 * what they are, so that none stands for another. */
void vault_seal(uint8_t nonce[SOUK_AEAD_NONCE_SIZE], uint8_t *out, const uint8_t key[32],
	const char *what, struct souk_bytes name, struct souk_bytes secret,
	struct souk_secret_rng *rng);
/* SOUK_OK, or SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status vault_unseal(uint8_t *out, size_t size, const uint8_t key[32],
	const char *what, struct souk_bytes name, struct souk_bytes nonce,
	struct souk_bytes sealed);

/* The secret of a version; wipe it. */
SOUK_MUST_CHECK souk_status vault_version_key(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_vault_key_version *version,
	struct souk_umbral_key *ret);
/* A version of KEY with SECRET, and its point. SOUK_LOCAL_EXISTS: some key has that point. */
SOUK_MUST_CHECK souk_status vault_add_version(const struct souk_vault *vault,
	const struct souk_vault_key *key, uint32_t number, struct souk_time created,
	const struct souk_umbral_key *secret);

/* SOUK_OK, or SOUK_LOCAL_EXISTS: it is a key's or a policy's. */
SOUK_MUST_CHECK souk_status vault_check_point_is_new(
	const struct souk_vault *vault, const struct souk_pubkey *point);

/* ---- keys ---- */

/* A key that is there and not deleted. */
SOUK_MUST_CHECK souk_status vault_live_key(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);
/* SOUK_LOCAL_KEY_EXPIRED. */
SOUK_MUST_CHECK souk_status vault_check_expiry(
	const struct souk_vault *vault, const struct souk_vault_key *key);
/* Whether KEY may be used now; and count it. */
SOUK_MUST_CHECK souk_status vault_take_use(
	const struct souk_vault *vault, struct souk_vault_key *key);
/* Limits that make sense. SOUK_OK, or SOUK_PEER_BAD_REQUEST. */
SOUK_MUST_CHECK souk_status vault_check_limits(
	const struct souk_vault *vault, const struct souk_vault_limits *limits);
/* A key under a new label, without versions. SOUK_LOCAL_EXISTS. */
SOUK_MUST_CHECK souk_status vault_begin_key(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, struct souk_vault_key *ret);

struct souk_pubkey vault_pubkey_of(const struct souk_point *point);

/* Secret key of a policy, and the seed of its fragments; wipe both. */
SOUK_MUST_CHECK souk_status vault_policy_secret(const struct souk_vault *vault,
	const struct souk_vault_policy *policy, struct souk_umbral_key *ret_key,
	uint8_t ret_seed[32]);
/* SOUK_PEER_AGREEMENT_REVOKED, SOUK_LOCAL_KEY_EXPIRED. */
SOUK_MUST_CHECK souk_status vault_policy_runs(
	const struct souk_vault *vault, const struct souk_vault_policy *policy);
struct souk_hash vault_subject_of_policy(const struct souk_nonce *id);

/* ---- the log ---- */

/* Write the entry of what ended with STATUS, and return STATUS; or why it cannot be written. What
 * is to be aborted anyway, and what is asked too often, leaves none. */
SOUK_MUST_CHECK souk_status vault_logged(const struct souk_vault *vault, const char *operation,
	const char *label, uint32_t number, souk_status status, const struct souk_hash *subject);

#define VAULT_COPY_TEXT(field, from)                                                               \
	do {                                                                                       \
		size_t size_ = strnlen((from), sizeof(field).text - 1);                            \
		(field).size = (uint16_t)size_;                                                    \
		memcpy((field).text, (from), size_);                                               \
		(field).text[size_] = '\0';                                                        \
	} while (0)

#endif
