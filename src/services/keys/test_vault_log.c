/* SPDX-License-Identifier: Apache-2.0
 *
 * The log, policies, export: what of a vault is shown to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "vault_internal.h"
#include "vault_kit.h"

#define DAY (24ull * 3600 * 1000)

static struct vault_kit kit;
static struct souk_vault_key key;
static struct souk_vault_policy policy;
static struct souk_umbral_kfrag kfrags[SOUK_UMBRAL_SHARES_MAX], more[SOUK_UMBRAL_SHARES_MAX];
static struct souk_umbral_key receiver;
static struct souk_pubkey receiving;
static const struct souk_vault_limits none;

#define EXPECT(expression, status) assert_int_equal(VAULT_DO(&kit, expression), status)

static int setup(void **state)
{
	(void)state;
	vault_kit_init(&kit);
	souk_umbral_key_generate(&receiver, &kit.rng);
	souk_point_format(receiving.bytes, &receiver.point);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vault_kit_done(&kit);
	return 0;
}

static void add_entry(const char *label)
{
	EXPECT(souk_vault_log_add(v, "note", label, 0, SOUK_OK, NULL), SOUK_OK);
}

/* ---- the log ---- */

/* The stored bytes of each entry, to an auditor; where it fails, the entry's index and why. */
static souk_status audit(struct souk_vault_audit *auditor, const char **ret_what)
{
	struct souk_vault_log log;
	assert_int_equal(souk_vault_log_load(&kit.vault, &log), SOUK_OK);
	souk_vault_audit_init(auditor, &kit.identity.address);
	for (uint64_t i = 0; i < log.entries; i++) {
		struct souk_bytes stored;
		assert_int_equal(souk_vault_log_stored(&kit.vault, i, &stored), SOUK_OK);
		SOUK_TRY(souk_vault_audit_next(auditor, stored, ret_what));
	}
	return SOUK_OK;
}

/* At each length the three ways to a root agree: kept nodes, an auditor's peaks, the plain tree. */
static void roots_agree(void **state)
{
	struct souk_hash leaves[40], nodes[40], root;
	struct souk_vault_audit auditor;
	const char *what;
	(void)state;
	for (uint64_t count = 1; count < 40; count++) {
		struct souk_bytes stored;
		assert_int_equal(souk_vault_log_stored(&kit.vault, count - 1, &stored), SOUK_OK);
		leaves[count - 1] = souk_merkle_leaf(stored);
		for (uint64_t earlier = 1; earlier <= count; earlier++) {
			memcpy(nodes, leaves, sizeof nodes);
			struct souk_hash expected = souk_merkle_root(nodes, earlier);
			assert_int_equal(souk_vault_log_root(&kit.vault, earlier, &root), SOUK_OK);
			assert_true(souk_hash_equal(&root, &expected));
		}
		assert_int_equal(audit(&auditor, &what), SOUK_OK);
		struct souk_hash seen = souk_vault_audit_root(&auditor);
		assert_true(souk_hash_equal(&root, &seen));
		assert_int_equal(
			souk_vault_log_root(&kit.vault, count + 1, &root), SOUK_LOCAL_NOT_FOUND);
		add_entry("x");
	}
}

static void every_entry_is_proved(void **state)
{
	struct souk_vault_proof proof, spoilt;
	struct souk_address other = {{9}};
	(void)state;
	for (int i = 0; i < 20; i++)
		add_entry("x");
	for (uint64_t count = 1; count <= 21; count++)
		for (uint64_t index = 0; index < count; index++) {
			assert_int_equal(
				souk_vault_log_prove(&kit.vault, index, count, &proof), SOUK_OK);
			assert_int_equal(
				souk_vault_proof_check(&proof, &kit.identity.address), SOUK_OK);
			assert_int_equal(
				souk_vault_proof_check(&proof, &other), SOUK_PEER_WRONG_SIGNER);
			spoilt = proof;
			spoilt.root.bytes[3] ^= 1;
			assert_int_equal(souk_vault_proof_check(&spoilt, &kit.identity.address),
				SOUK_PEER_BAD_PATH);
			spoilt = proof;
			spoilt.entry.entry.time.ms++;
			assert_int_not_equal(
				souk_vault_proof_check(&spoilt, &kit.identity.address), SOUK_OK);
			spoilt = proof;
			spoilt.path.count++;
			assert_int_equal(souk_vault_proof_check(&spoilt, &kit.identity.address),
				SOUK_PEER_BAD_PATH);
		}
	assert_int_equal(souk_vault_log_prove(&kit.vault, 21, 21, &proof), SOUK_LOCAL_NOT_FOUND);
}

/* Any byte of any entry, changed: the auditor names that entry. */
static void tampering_is_named(void **state)
{
	struct souk_vault_audit auditor;
	const char *what = NULL;
	(void)state;
	for (int i = 0; i < 4; i++)
		add_entry("label");
	for (uint64_t index = 0; index < 5; index++) {
		const struct vault_store_key at = vault_entry_at(index);
		struct test_record *record = kit.records.records;
		while (record->key_size != at.size || memcmp(record->key, at.bytes, at.size) != 0)
			record++;
		for (size_t i = 0; i < record->value_size; i++) {
			record->value[i] ^= 1;
			assert_int_equal(audit(&auditor, &what), SOUK_CORRUPT_VAULT_LOG);
			assert_int_equal(auditor.entries, index);
			assert_non_null(what);
			record->value[i] ^= 1;
		}
	}
	assert_int_equal(audit(&auditor, &what), SOUK_OK);
}

/* Two entries exchanged, one left out, one twice. */
static void order_matters(void **state)
{
	static const uint64_t orders[][4] = {
		{1, 0, 2, 3}, {0, 2, 1, 3}, {0, 1, 1, 2}, {0, 2, 3, 3}, {1, 2, 3, 3}};
	struct souk_vault_audit auditor;
	const char *what;
	(void)state;
	for (int i = 0; i < 3; i++)
		add_entry("label");
	for (size_t i = 0; i < SOUK_COUNT_OF(orders); i++) {
		souk_status status = SOUK_OK;
		souk_vault_audit_init(&auditor, &kit.identity.address);
		for (int j = 0; j < 4 && status == SOUK_OK; j++) {
			struct souk_bytes stored;
			assert_int_equal(
				souk_vault_log_stored(&kit.vault, orders[i][j], &stored), SOUK_OK);
			status = souk_vault_audit_next(&auditor, stored, &what);
		}
		assert_int_equal(status, SOUK_CORRUPT_VAULT_LOG);
		assert_string_equal(what, "index");
	}
}

/* A signed entry that hangs on another history. */
static void history_matters(void **state)
{
	struct souk_vault_audit auditor;
	struct souk_bytes stored;
	struct souk_hash seed = {{3}};
	const char *what;
	(void)state;
	add_entry("label");
	souk_vault_audit_init(&auditor, &kit.identity.address);
	auditor.entries = 1;
	auditor.last = seed;
	assert_int_equal(souk_vault_log_stored(&kit.vault, 1, &stored), SOUK_OK);
	assert_int_equal(souk_vault_audit_next(&auditor, stored, &what), SOUK_CORRUPT_VAULT_LOG);
	assert_string_equal(what, "previous");
}

static void time_never_goes_back(void **state)
{
	struct souk_vault_audit auditor;
	struct souk_signed_vault_entry entry;
	const char *what;
	(void)state;
	kit.vault.now.ms -= 5000;
	add_entry("label");
	assert_int_equal(souk_vault_log_entry(&kit.vault, 1, &entry), SOUK_OK);
	assert_int_equal(entry.entry.time.ms, 1000000);
	assert_int_equal(audit(&auditor, &what), SOUK_OK);
}

static void refusals_are_logged(void **state)
{
	struct souk_signed_vault_entry entry;
	(void)state;
	EXPECT(souk_vault_rotate(v, "nobody", &key), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_vault_log_entry(&kit.vault, 1, &entry), SOUK_OK);
	assert_int_equal(entry.entry.result, SOUK_LOCAL_NOT_FOUND);
	assert_string_equal(entry.entry.label.text, "nobody");
	assert_string_equal(entry.entry.actor.text, "test");
}

static void anchors_grow(void **state)
{
	struct souk_vault_log log;
	(void)state;
	add_entry("x");
	EXPECT(souk_vault_log_anchored(v, 3), SOUK_LOCAL_STATE);
	EXPECT(souk_vault_log_anchored(v, 2), SOUK_OK);
	EXPECT(souk_vault_log_anchored(v, 1), SOUK_OK);
	assert_int_equal(souk_vault_log_load(&kit.vault, &log), SOUK_OK);
	assert_int_equal(log.anchored, 2);
}

/* ---- policies ---- */

static void make_policy(uint32_t threshold, uint32_t shares)
{
	EXPECT(souk_vault_policy_create(v, "films/one", &receiving, threshold, shares,
		       souk_time_at_ms(1000000 + DAY), &policy),
		SOUK_OK);
}

/* The receiver opens with fragments FROM to FROM + threshold - 1 of those in KFRAGS. */
static souk_status open_with(const struct souk_umbral_capsule *capsule, uint32_t from,
	uint32_t count, struct souk_umbral_seed *ret)
{
	struct souk_umbral_cfrag cfrags[8];
	struct souk_point delegating;
	const uint8_t fresh[32] = {4};
	assert_int_equal(souk_point_parse(&delegating, policy.delegating.bytes), SOUK_OK);
	for (uint32_t i = 0; i < count; i++)
		souk_umbral_reencrypt(&cfrags[i], capsule, &kfrags[from + i], fresh);
	return souk_umbral_open(ret, capsule, cfrags, count, &receiver, &delegating);
}

static void delegates(void **state)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed, opened;
	struct souk_point delegating;
	(void)state;
	make_policy(2, 3);
	assert_int_equal(souk_point_parse(&delegating, policy.delegating.bytes), SOUK_OK);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 3, kfrags), SOUK_OK);
	for (int i = 0; i < 3; i++) {
		struct souk_pubkey x = vault_pubkey_of(&kfrags[i].x);
		assert_memory_equal(&x, &policy.x, sizeof x);
		assert_int_equal(souk_umbral_kfrag_verify(&kfrags[i], &kit.keys.signer.point,
					 &delegating, &receiver.point),
			SOUK_OK);
	}
	EXPECT(souk_vault_policy_capsule(v, &policy.id, &capsule, &seed), SOUK_OK);
	assert_int_equal(open_with(&capsule, 1, 2, &opened), SOUK_OK);
	assert_memory_equal(&opened, &seed, sizeof seed);
	assert_int_not_equal(open_with(&capsule, 1, 1, &opened), SOUK_OK);
	EXPECT(souk_vault_policy_decapsulate(v, &policy.id, &capsule, &opened), SOUK_OK);
	assert_memory_equal(&opened, &seed, sizeof seed);
}

static void delegates_the_same_again(void **state)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed, opened;
	(void)state;
	make_policy(2, 3);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 3, kfrags), SOUK_OK);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 5, more), SOUK_OK);
	assert_memory_equal(kfrags, more, 3 * sizeof *kfrags);
	/* An old fragment and one for the proxy that replaced another. */
	kfrags[1] = more[4];
	EXPECT(souk_vault_policy_capsule(v, &policy.id, &capsule, &seed), SOUK_OK);
	assert_int_equal(open_with(&capsule, 0, 2, &opened), SOUK_OK);
	assert_memory_equal(&opened, &seed, sizeof seed);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 1, kfrags), SOUK_LOCAL_STATE);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 65, kfrags), SOUK_LOCAL_STATE);
}

static void policies_are_apart(void **state)
{
	struct souk_vault_policy second;
	(void)state;
	make_policy(1, 1);
	EXPECT(souk_vault_policy_create(
		       v, "films/one", &receiving, 1, 1, (struct souk_time){0}, &second),
		SOUK_OK);
	assert_memory_not_equal(&policy.delegating, &second.delegating, SOUK_PUBKEY_SIZE);
	assert_memory_not_equal(&policy.id, &second.id, SOUK_NONCE_SIZE);
	struct souk_vault_policy found;
	assert_int_equal(
		souk_vault_policy_of_point(&kit.vault, &second.delegating, &found), SOUK_OK);
	assert_memory_equal(&found.id, &second.id, SOUK_NONCE_SIZE);
	assert_int_equal(souk_vault_policy_next(&kit.vault, NULL, &found), SOUK_OK);
	struct souk_nonce first = found.id;
	assert_int_equal(souk_vault_policy_next(&kit.vault, &first, &found), SOUK_OK);
	first = found.id;
	assert_int_equal(souk_vault_policy_next(&kit.vault, &first, &found), SOUK_LOCAL_NOT_FOUND);
}

static void policies_end(void **state)
{
	(void)state;
	make_policy(1, 1);
	kit.vault.now.ms += DAY;
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 1, kfrags), SOUK_LOCAL_KEY_EXPIRED);
	kit.vault.now.ms -= DAY;
	EXPECT(souk_vault_policy_revoke(v, &policy.id, NULL), SOUK_OK);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 1, kfrags), SOUK_PEER_AGREEMENT_REVOKED);
	EXPECT(souk_vault_policy_create(v, "x", &receiving, 3, 2, (struct souk_time){0}, &policy),
		SOUK_LOCAL_STATE);
	EXPECT(souk_vault_policy_create(
		       v, "x", &receiving, 1, 1, souk_time_at_ms(1000000), &policy),
		SOUK_PEER_BAD_REQUEST);
	receiving.bytes[0] = 9;
	EXPECT(souk_vault_policy_create(v, "x", &receiving, 1, 1, (struct souk_time){0}, &policy),
		SOUK_PEER_BAD_POINT);
}

static void shares_are_kept(void **state)
{
	struct souk_identity proxy, other;
	struct souk_hash agreement = {{5}}, unknown = {{6}};
	struct souk_signed_key_deletion deletion = {.deletion = {.version = 1, .time = {5}}};
	(void)state;
	souk_identity_generate(&proxy, &kit.rng);
	souk_identity_generate(&other, &kit.rng);
	make_policy(1, 1);
	for (int i = 0; i < 2; i++)
		EXPECT(souk_vault_policy_add(v, &policy.id, &proxy.address, &agreement), SOUK_OK);
	EXPECT(souk_vault_policy_add(v, &policy.id, &other.address, &agreement), SOUK_LOCAL_EXISTS);
	EXPECT(souk_vault_policy_revoke(v, &policy.id, &unknown), SOUK_LOCAL_NOT_FOUND);
	EXPECT(souk_vault_policy_revoke(v, &policy.id, &agreement), SOUK_OK);
	deletion.deletion.agreement = agreement;
	struct souk_hash digest = souk_key_deletion_digest(&deletion.deletion);
	souk_ecdsa_sign(&deletion.signature, &digest, &other);
	EXPECT(souk_vault_policy_keep(v, &policy.id, &deletion), SOUK_PEER_WRONG_SIGNER);
	souk_ecdsa_sign(&deletion.signature, &digest, &proxy);
	EXPECT(souk_vault_policy_keep(v, &policy.id, &deletion), SOUK_OK);
	assert_int_equal(souk_vault_policy_show(&kit.vault, &policy.id, &policy), SOUK_OK);
	assert_int_equal(policy.shares.count, 1);
	assert_true(policy.shares.items[0].revoked);
	assert_int_equal(policy.shares.items[0].deleted.count, 1);
	assert_false(policy.revoked);
	for (uint8_t i = 1; i < 64; i++) {
		struct souk_hash next = {{100, i}};
		EXPECT(souk_vault_policy_add(v, &policy.id, &proxy.address, &next), SOUK_OK);
	}
	EXPECT(souk_vault_policy_add(v, &policy.id, &proxy.address, &unknown), SOUK_LOCAL_FULL);
}

/* From the owner's key to the receiver, without plain text in between. */
static void rewraps_for_a_policy(void **state)
{
	static char text[SOUK_VAULT_WRAP_SIZE(5)], shared[SOUK_VAULT_WRAP_SIZE(5)];
	uint8_t memory[256], scratch[64], plain[5];
	struct souk_vault_wrap wrap;
	struct souk_umbral_seed seed;
	(void)state;
	make_policy(2, 3);
	EXPECT(souk_vault_create(v, "films", &none, &key), SOUK_OK);
	EXPECT(souk_vault_wrap_text(v, "films", souk_bytes_of("plain", 5), text), SOUK_OK);
	assert_int_equal(souk_vault_wrap_parse(&wrap, souk_bytes_text(text), memory, sizeof memory),
		SOUK_OK);
	EXPECT(souk_vault_rewrap(v, "films", &wrap, &policy.id, scratch, shared), SOUK_OK);
	assert_int_equal(
		souk_vault_wrap_parse(&wrap, souk_bytes_text(shared), memory, sizeof memory),
		SOUK_OK);
	EXPECT(souk_vault_policy_delegate(v, &policy.id, 3, kfrags), SOUK_OK);
	assert_int_equal(open_with(&wrap.capsule, 0, 2, &seed), SOUK_OK);
	assert_int_equal(souk_umbral_unseal(plain, &seed, &wrap.capsule, wrap.ciphertext), SOUK_OK);
	assert_memory_equal(plain, "plain", 5);
	/* The owner itself, by no label. */
	memset(plain, 0, sizeof plain);
	EXPECT(souk_vault_unwrap(v, NULL, &wrap, plain), SOUK_OK);
	assert_memory_equal(plain, "plain", 5);
	EXPECT(souk_vault_unwrap(v, "films", &wrap, plain), SOUK_PEER_BAD_WRAP);
	EXPECT(souk_vault_policy_revoke(v, &policy.id, NULL), SOUK_OK);
	EXPECT(souk_vault_rewrap(v, "films", &wrap, &policy.id, scratch, shared),
		SOUK_PEER_AGREEMENT_REVOKED);
}

static void receives(void **state)
{
	struct souk_vault_key_version version;
	struct souk_umbral_key secret;
	struct souk_pubkey nobody = receiving;
	(void)state;
	EXPECT(souk_vault_create(v, "me", &none, &key), SOUK_OK);
	assert_int_equal(souk_vault_version(&kit.vault, &key, 1, &version), SOUK_OK);
	EXPECT(souk_vault_receive(v, "me", 0, &secret), SOUK_OK);
	struct souk_pubkey point = vault_pubkey_of(&secret.point);
	assert_memory_equal(&point, &version.point, sizeof point);
	EXPECT(souk_vault_receive_point(v, &version.point, &secret), SOUK_OK);
	EXPECT(souk_vault_receive_point(v, &nobody, &secret), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_vault_show(&kit.vault, "me", &key), SOUK_OK);
	assert_int_equal(key.uses, 2);
}

/* ---- out and in ---- */

static struct souk_vault_export file;
static struct souk_vault_export_key export_key;
static uint8_t import_scratch[SOUK_VAULT_EXPORT_SCRATCH];

static void exports_and_imports(void **state)
{
	const struct souk_vault_limits limits = {.exportable = true, .uses_max = 5};
	struct souk_vault_master master = {.kdf = {.passphrase = true, .passes = 1}, .key = {8}};
	struct souk_hash digest = {{1}};
	struct souk_vault_signature signature;
	uint32_t number;
	(void)state;
	EXPECT(souk_vault_create(v, "mail", &limits, &key), SOUK_OK);
	EXPECT(souk_vault_sign(v, "mail", &digest, &signature), SOUK_OK);
	EXPECT(souk_vault_rotate(v, "mail", &key), SOUK_OK);
	EXPECT(souk_vault_export(v, "mail", &master, &export_key, &file), SOUK_OK);
#define IMPORT(label) souk_vault_import(v, label, &file, &master, &export_key, import_scratch, &key)
	EXPECT(IMPORT(NULL), SOUK_LOCAL_EXISTS);
	EXPECT(IMPORT("copy"), SOUK_LOCAL_EXISTS);
	assert_int_equal(souk_vault_show(&kit.vault, "copy", &key), SOUK_LOCAL_NOT_FOUND);
	EXPECT(souk_vault_delete(v, "mail", &key), SOUK_OK);
	EXPECT(souk_vault_purge(v, "mail", true), SOUK_OK);
	master.key[0] ^= 1;
	EXPECT(IMPORT(NULL), SOUK_LOCAL_VAULT_LOCKED);
	master.key[0] ^= 1;
	EXPECT(IMPORT("copy"), SOUK_OK);
	assert_int_equal(key.uses, 1);
	assert_int_equal(key.uses_max, 5);
	assert_int_equal(key.newest, 2);
	assert_int_equal(
		souk_vault_verify(&kit.vault, "copy", 0, &digest, &signature.rs, &number), SOUK_OK);
	assert_int_equal(number, 1);
	for (size_t i = 0; i < sizeof export_key; i++)
		assert_int_equal(((uint8_t *)&export_key)[i], 0);
	file.kdf.passes++;
	EXPECT(IMPORT("other"), SOUK_LOCAL_VAULT_LOCKED);
}

static void imports_raw(void **state)
{
	const struct souk_vault_limits limits = {.exportable = true};
	uint8_t secret[32] = {0}, again[32];
	(void)state;
	EXPECT(souk_vault_import_raw(v, "raw", &limits, secret, &key), SOUK_PEER_NOT_CANONICAL);
	assert_int_equal(souk_vault_show(&kit.vault, "raw", &key), SOUK_LOCAL_NOT_FOUND);
	memcpy(secret, receiver.secret.bytes, 32);
	EXPECT(souk_vault_import_raw(v, "raw", &limits, secret, &key), SOUK_OK);
	EXPECT(souk_vault_import_raw(v, "twice", &limits, secret, &key), SOUK_LOCAL_EXISTS);
	EXPECT(souk_vault_export_raw(v, "raw", 1, again), SOUK_OK);
	assert_memory_equal(secret, again, 32);
	EXPECT(souk_vault_export_raw(v, "raw", 2, again), SOUK_LOCAL_KEY_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(roots_agree),
		TEST(every_entry_is_proved),
		TEST(tampering_is_named),
		TEST(order_matters),
		TEST(history_matters),
		TEST(time_never_goes_back),
		TEST(refusals_are_logged),
		TEST(anchors_grow),
		TEST(delegates),
		TEST(delegates_the_same_again),
		TEST(policies_are_apart),
		TEST(policies_end),
		TEST(shares_are_kept),
		TEST(rewraps_for_a_policy),
		TEST(receives),
		TEST(exports_and_imports),
		TEST(imports_raw),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
