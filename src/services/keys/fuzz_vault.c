/* SPDX-License-Identifier: Apache-2.0
 *
 * A vault driven by bytes, beside a model of it: four bytes are a step. Operations in any order,
 * time in both directions, crashes (a transaction that is aborted instead of committed), full
 * disks, wraps that are spoilt. After each step:
 *
 *   the status is the one that the model expects
 *   each key's uses, versions and state are the model's; uses never went back
 *   a refusal changed no record but the log's
 *   what was wrapped opens to what it was, or is refused for the reason that the model knows
 *
 * and at the end the log is whole, and as long as the model says. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "vault_internal.h"
#include "vault_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LABELS	 3u
#define WRAPS	 4u
#define POLICIES 2u
#define STEPS	 120u
#define PLAIN	 5u
#define GRACE_MS 100000u

struct model_key {
	bool exists, deleted, protected;
	uint64_t generation; /* of the label: a purged key's wraps open no more */
	uint32_t newest, unwrap_min;
	uint64_t uses, uses_max, expires, deleted_at;
};

struct model_wrap {
	char text[SOUK_VAULT_WRAP_SIZE(PLAIN)];
	uint8_t plain[PLAIN];
	bool is_there, is_spoilt;
	unsigned label;
	uint32_t number;
	uint64_t generation;
};

struct model_policy {
	bool exists, revoked;
	struct souk_nonce id;
	uint32_t threshold, shares;
	struct souk_umbral_kfrag first; /* of its key fragments, once they were made */
	bool is_made;
};

static struct bench {
	struct vault_kit kit;
	struct model_key keys[LABELS];
	struct model_wrap wraps[WRAPS];
	struct model_policy policies[POLICIES];
	uint64_t entries, generations;
	bool crashes; /* this step is aborted */
} b;

static const char *const labels[LABELS] = {"a", "a/b", "z"};

/* ---- what must come of it ---- */

static souk_status live(const struct model_key *key)
{
	if (!key->exists)
		return SOUK_LOCAL_NOT_FOUND;
	return key->deleted ? SOUK_LOCAL_KEY_DELETED : SOUK_OK;
}

static souk_status usable(const struct model_key *key)
{
	SOUK_TRY(live(key));
	if (key->expires != 0 && b.kit.vault.now.ms >= key->expires)
		return SOUK_LOCAL_KEY_EXPIRED;
	return key->uses_max != 0 && key->uses >= key->uses_max ? SOUK_LOCAL_KEY_USED_UP : SOUK_OK;
}

/* Records that are not the log's. */
static struct souk_hash state_digest(void)
{
	struct souk_sha256 sha;
	struct souk_hash hash;
	souk_sha256_init(&sha);
	for (size_t i = 0; i < b.kit.records.count; i++) {
		const struct test_record *record = &b.kit.records.records[i];
		if (strchr("LEN", record->key[0]) != NULL)
			continue;
		souk_sha256_update(&sha, record->key, record->key_size);
		souk_sha256_update(&sha, record->value, record->value_size);
	}
	souk_sha256_final(&sha, &hash);
	return hash;
}

static souk_status full_disk(souk_status status)
{
	return b.kit.records.failing && souk_vault_commits(status) ? SOUK_IO_DISK_FULL : status;
}

/* Run an operation that the model expects to end with EXPECTED; whether it happened. */
#define STEP(expected, counts_anyway, expression)                                                  \
	({                                                                                         \
		const struct souk_hash before_ = state_digest();                                   \
		const souk_status wanted_ = full_disk(expected);                                   \
		const struct souk_vault *v = vault_kit_begin(&b.kit);                              \
		souk_status got_ = (expression);                                                   \
		SOUK_CHECK(got_ == wanted_);                                                       \
		bool lost_ = b.crashes || !souk_vault_commits(got_);                               \
		(void)!vault_kit_end(&b.kit, b.crashes ? SOUK_IO_STORE : got_);                    \
		const struct souk_hash after_ = state_digest();                                    \
		if (lost_ || (got_ != SOUK_OK && !(counts_anyway)))                                \
			SOUK_CHECK(souk_hash_equal(&before_, &after_));                            \
		b.entries += lost_ ? 0 : 1;                                                        \
		!lost_ &&got_ == SOUK_OK;                                                          \
	})

/* ---- steps ---- */

static void create(struct model_key *key, const char *label, const uint8_t bytes[4])
{
	struct souk_vault_key out;
	struct souk_vault_limits limits = {.uses_max = bytes[2] % 5,
		.protected = bytes[3] & 1,
		.grace_ms = GRACE_MS,
		.expires = {bytes[3] & 2 ? b.kit.vault.now.ms + 500u * bytes[2] : 0}};
	souk_status expected = key->exists ? SOUK_LOCAL_EXISTS : SOUK_OK;
	if (!key->exists && limits.expires.ms != 0 && bytes[2] == 0)
		expected = SOUK_PEER_BAD_REQUEST;
	if (STEP(expected, false, souk_vault_create(v, label, &limits, &out)))
		*key = (struct model_key){.exists = true,
			.protected = limits.protected,
			.generation = ++b.generations,
			.newest = 1,
			.unwrap_min = 1,
			.uses_max = limits.uses_max,
			.expires = limits.expires.ms};
}

static void rotate(struct model_key *key, const char *label)
{
	struct souk_vault_key out;
	if (STEP(live(key), false, souk_vault_rotate(v, label, &out)))
		key->newest++;
}

static void configure(struct model_key *key, const char *label, const uint8_t bytes[4])
{
	struct souk_vault_key out;
	uint32_t least = bytes[2] % 4;
	struct souk_vault_limits limits = {.uses_max = bytes[3] % 8,
		.protected = key->protected,
		.grace_ms = GRACE_MS,
		.expires = {key->expires}};
	souk_status expected = live(key);
	if (expected == SOUK_OK && least > key->newest)
		expected = SOUK_LOCAL_KEY_VERSION;
	if (STEP(expected, false, souk_vault_configure(v, label, &limits, least, &out))) {
		key->uses_max = limits.uses_max;
		key->unwrap_min = least != 0 ? least : key->unwrap_min;
	}
}

static void delete_or_recover(struct model_key *key, const char *label, bool deletes)
{
	struct souk_vault_key out;
	souk_status expected = SOUK_LOCAL_NOT_FOUND;
	if (key->exists)
		expected = deletes == key->deleted
				   ? (deletes ? SOUK_LOCAL_KEY_DELETED : SOUK_LOCAL_STATE)
				   : SOUK_OK;
	if (STEP(expected, false,
		    deletes ? souk_vault_delete(v, label, &out)
			    : souk_vault_recover(v, label, &out))) {
		key->deleted = deletes;
		key->deleted_at = b.kit.vault.now.ms;
	}
}

static void purge(struct model_key *key, const char *label, bool early)
{
	souk_status expected = SOUK_OK;
	if (!key->exists)
		expected = SOUK_LOCAL_NOT_FOUND;
	else if (!key->deleted)
		expected = SOUK_LOCAL_STATE;
	else if (b.kit.vault.now.ms < key->deleted_at + GRACE_MS && (!early || key->protected))
		expected = SOUK_LOCAL_KEY_GRACE;
	if (STEP(expected, false, souk_vault_purge(v, label, early)))
		*key = (struct model_key){.exists = false};
}

static void wrap(struct model_key *key, unsigned label, const uint8_t bytes[4])
{
	struct model_wrap *slot = &b.wraps[bytes[2] % WRAPS], made = {.is_there = true};
	souk_status expected = live(key);
	memset(made.plain, bytes[3], sizeof made.plain);
	if (expected == SOUK_OK && key->expires != 0 && b.kit.vault.now.ms >= key->expires)
		expected = SOUK_LOCAL_KEY_EXPIRED;
	if (!STEP(expected, false,
		    souk_vault_wrap_text(
			    v, labels[label], souk_bytes_of(made.plain, PLAIN), made.text)))
		return;
	made.label = label;
	made.number = key->newest;
	made.generation = key->generation;
	*slot = made;
}

/* Why WRAP would not open with the key of LABEL. */
static souk_status opens(const struct model_wrap *wrap, unsigned label)
{
	const struct model_key *key = &b.keys[label];
	SOUK_TRY(live(key));
	if (wrap->label != label || wrap->generation != key->generation)
		return SOUK_PEER_BAD_WRAP;
	if (wrap->number < key->unwrap_min)
		return SOUK_LOCAL_KEY_VERSION;
	SOUK_TRY(usable(key));
	return wrap->is_spoilt ? SOUK_PEER_BAD_CIPHERTEXT : SOUK_OK;
}

static void count_use(unsigned label, souk_status expected)
{
	if (!b.crashes && !b.kit.records.failing &&
		(expected == SOUK_OK || expected == SOUK_PEER_BAD_CIPHERTEXT))
		b.keys[label].uses++;
}

static void unwrap(unsigned label, const uint8_t bytes[4])
{
	struct model_wrap *slot = &b.wraps[bytes[2] % WRAPS];
	uint8_t scratch[SOUK_VAULT_WRAP_BINARY + PLAIN], plain[PLAIN];
	struct souk_vault_wrap parsed;
	if (!slot->is_there)
		return;
	SOUK_CHECK(souk_vault_wrap_parse(&parsed, souk_bytes_text(slot->text), scratch,
			   sizeof scratch) == SOUK_OK);
	const souk_status expected = opens(slot, label);
	if (STEP(expected, expected == SOUK_PEER_BAD_CIPHERTEXT,
		    souk_vault_unwrap(v, labels[label], &parsed, plain)))
		SOUK_CHECK(memcmp(plain, slot->plain, PLAIN) == 0);
	count_use(label, expected);
}

static void rewrap(unsigned label, const uint8_t bytes[4])
{
	struct model_wrap *slot = &b.wraps[bytes[2] % WRAPS], made = *slot;
	uint8_t scratch[SOUK_VAULT_WRAP_BINARY + PLAIN], plain[PLAIN];
	struct souk_vault_wrap parsed;
	const struct model_key *key = &b.keys[label];
	if (!slot->is_there)
		return;
	SOUK_CHECK(souk_vault_wrap_parse(&parsed, souk_bytes_text(slot->text), scratch,
			   sizeof scratch) == SOUK_OK);
	souk_status expected = live(key);
	if (expected == SOUK_OK && key->expires != 0 && b.kit.vault.now.ms >= key->expires)
		expected = SOUK_LOCAL_KEY_EXPIRED;
	if (expected == SOUK_OK)
		expected = opens(slot, label);
	bool is_done = STEP(expected, expected == SOUK_PEER_BAD_CIPHERTEXT,
		souk_vault_rewrap(v, labels[label], &parsed, NULL, plain, made.text));
	for (size_t i = 0; i < PLAIN; i++)
		SOUK_CHECK(plain[i] == 0 || expected != SOUK_OK);
	count_use(label, expected);
	if (!is_done)
		return;
	made.number = key->newest;
	*slot = made;
}

static void sign(struct model_key *key, unsigned label, const uint8_t bytes[4])
{
	struct souk_hash digest = {{bytes[2], bytes[3]}};
	struct souk_vault_signature signature;
	uint32_t number;
	const souk_status expected = usable(key);
	if (STEP(expected, false, souk_vault_sign(v, labels[label], &digest, &signature))) {
		SOUK_CHECK(souk_vault_verify(&b.kit.vault, labels[label], 0, &digest, &signature.rs,
				   &number) == SOUK_OK);
		SOUK_CHECK(number == key->newest);
	}
	count_use(label, expected);
}

/* One character of the ciphertext: the last but two always holds whole bits of it. */
static void spoil(const uint8_t bytes[4])
{
	struct model_wrap *slot = &b.wraps[bytes[2] % WRAPS];
	if (!slot->is_there || slot->is_spoilt)
		return;
	char *at = slot->text + strlen(slot->text) - 3;
	*at = *at == 'A' ? 'B' : 'A';
	slot->is_spoilt = true;
}

/* ---- policies ---- */

static void make_policy(struct model_policy *policy, const uint8_t bytes[4])
{
	const uint32_t threshold = bytes[3] % 4, shares = bytes[3] / 4 % 4;
	struct souk_vault_policy made;
	const struct souk_pubkey receiving = vault_pubkey_of(&b.kit.keys.signer.point);
	souk_status expected = threshold >= 1 && threshold <= shares ? SOUK_OK : SOUK_LOCAL_STATE;
	if (STEP(expected, false,
		    souk_vault_policy_create(
			    v, "p", &receiving, threshold, shares, (struct souk_time){0}, &made)))
		*policy = (struct model_policy){
			.exists = true, .id = made.id, .threshold = threshold, .shares = shares};
}

/* The same fragments each time, whatever lies in between. */
static void delegate(struct model_policy *policy, const uint8_t bytes[4])
{
	struct souk_umbral_kfrag kfrags[5];
	const uint32_t count = bytes[3] % 6;
	if (!policy->exists)
		return;
	souk_status expected = policy->revoked ? SOUK_PEER_AGREEMENT_REVOKED : SOUK_OK;
	if (count < policy->threshold)
		expected = SOUK_LOCAL_STATE;
	if (!STEP(expected, false, souk_vault_policy_delegate(v, &policy->id, count, kfrags)))
		return;
	SOUK_CHECK(!policy->is_made || memcmp(policy->first.id, kfrags[0].id, 32) == 0);
	SOUK_CHECK(!policy->is_made || souk_scalar_equal(&policy->first.rk, &kfrags[0].rk));
	policy->first = kfrags[0];
	policy->is_made = true;
}

static void revoke(struct model_policy *policy)
{
	if (policy->exists && STEP(SOUK_OK, false, souk_vault_policy_revoke(v, &policy->id, NULL)))
		policy->revoked = true;
}

/* What is wrapped for a policy, its owner opens without a label. */
static void wrap_for_policy(struct model_policy *policy, unsigned label, const uint8_t bytes[4])
{
	struct model_wrap *slot = &b.wraps[bytes[3] % WRAPS];
	uint8_t scratch[SOUK_VAULT_WRAP_BINARY + PLAIN], plain[PLAIN];
	char text[SOUK_VAULT_WRAP_SIZE(PLAIN)];
	struct souk_vault_wrap parsed;
	if (!policy->exists || !slot->is_there)
		return;
	SOUK_CHECK(souk_vault_wrap_parse(&parsed, souk_bytes_text(slot->text), scratch,
			   sizeof scratch) == SOUK_OK);
	const souk_status expected =
		policy->revoked ? SOUK_PEER_AGREEMENT_REVOKED : opens(slot, label);
	bool is_done = STEP(expected, expected == SOUK_PEER_BAD_CIPHERTEXT,
		souk_vault_rewrap(v, labels[label], &parsed, &policy->id, plain, text));
	count_use(label, expected);
	if (!is_done)
		return;
	SOUK_CHECK(souk_vault_wrap_parse(&parsed, souk_bytes_text(text), scratch, sizeof scratch) ==
		   SOUK_OK);
	if (STEP(SOUK_OK, false, souk_vault_unwrap(v, NULL, &parsed, plain)))
		SOUK_CHECK(memcmp(plain, slot->plain, PLAIN) == 0);
}

static void step(const uint8_t bytes[4])
{
	const unsigned label = bytes[1] % LABELS;
	struct model_key *key = &b.keys[label];
	b.crashes = bytes[1] / LABELS % 8 == 7;
	struct model_policy *policy = &b.policies[bytes[2] % POLICIES];
	switch (bytes[0] % 17) {
	case 0: create(key, labels[label], bytes); break;
	case 1: rotate(key, labels[label]); break;
	case 2: configure(key, labels[label], bytes); break;
	case 3: delete_or_recover(key, labels[label], true); break;
	case 4: delete_or_recover(key, labels[label], false); break;
	case 5: purge(key, labels[label], bytes[2] & 1); break;
	case 6: wrap(key, label, bytes); break;
	case 7: unwrap(label, bytes); break;
	case 8: rewrap(label, bytes); break;
	case 9: sign(key, label, bytes); break;
	case 10: spoil(bytes); break;
	case 13: make_policy(policy, bytes); break;
	case 14: delegate(policy, bytes); break;
	case 15: revoke(policy); break;
	case 16: wrap_for_policy(policy, label, bytes); break;
	case 11: b.kit.vault.now.ms += 400u * bytes[2]; break;
	case 12:
		if (bytes[2] & 1)
			b.kit.records.failing = !b.kit.records.failing;
		else
			b.kit.vault.now.ms -= bytes[3];
		break;
	}
}

/* ---- after each step, and at the end ---- */

static void compare(void)
{
	for (unsigned i = 0; i < LABELS; i++) {
		const struct model_key *model = &b.keys[i];
		struct souk_vault_key key;
		souk_status status = souk_vault_show(&b.kit.vault, labels[i], &key);
		SOUK_CHECK(status == (model->exists ? SOUK_OK : SOUK_LOCAL_NOT_FOUND));
		if (!model->exists)
			continue;
		SOUK_CHECK(key.uses == model->uses && key.newest == model->newest);
		SOUK_CHECK(key.unwrap_min == model->unwrap_min);
		SOUK_CHECK((key.deleted.ms != 0) == model->deleted);
	}
}

static void audit(void)
{
	struct souk_vault_audit auditor;
	struct souk_vault_log log;
	struct souk_hash root;
	const char *what;
	SOUK_CHECK(souk_vault_log_load(&b.kit.vault, &log) == SOUK_OK);
	SOUK_CHECK(log.entries == b.entries);
	souk_vault_audit_init(&auditor, &b.kit.identity.address);
	for (uint64_t i = 0; i < log.entries; i++) {
		struct souk_bytes stored;
		SOUK_CHECK(souk_vault_log_stored(&b.kit.vault, i, &stored) == SOUK_OK);
		SOUK_CHECK(souk_vault_audit_next(&auditor, stored, &what) == SOUK_OK);
	}
	SOUK_CHECK(souk_vault_log_root(&b.kit.vault, log.entries, &root) == SOUK_OK);
	const struct souk_hash seen = souk_vault_audit_root(&auditor);
	SOUK_CHECK(souk_hash_equal(&root, &seen));
	SOUK_CHECK(souk_hash_equal(&log.last, &auditor.last));
}

/* Any bytes as what comes from outside: they are refused, or come out the same. */
static void parse_anything(struct souk_bytes bytes)
{
	static uint8_t scratch[SOUK_VAULT_WRAP_BINARY + SOUK_VAULT_PLAIN_MAX];
	struct souk_vault_wrap wrap;
	struct souk_vault_proof proof;
	struct souk_address account = {{1}};
	char label[80] = "";
	memcpy(label, bytes.data, bytes.size < sizeof label - 1 ? bytes.size : sizeof label - 1);
	if (souk_vault_label_is_valid(label))
		SOUK_CHECK(strlen(label) <= SOUK_VAULT_LABEL_MAX && strstr(label, "//") == NULL);
	(void)!souk_vault_wrap_parse(&wrap, bytes, scratch, sizeof scratch);
	if (souk_vault_proof_decode(&proof, bytes, NULL) == SOUK_OK)
		(void)!souk_vault_proof_check(&proof, &account);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size != 0)
		parse_anything(souk_bytes_of(data, size));
	memset(&b, 0, sizeof b);
	vault_kit_init(&b.kit);
	b.entries = 1;
	for (size_t i = 0; i + 4 <= size && i / 4 < STEPS; i += 4) {
		step(data + i);
		compare();
	}
	audit();
	vault_kit_done(&b.kit);
	return 0;
}
