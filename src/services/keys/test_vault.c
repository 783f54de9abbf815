/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/crypto/passphrase.h"
#include "souk/crypto/sha256.h"
#include "vault_internal.h"
#include "vault_kit.h"

#define SECOND 1000u
#define DAY    (24ull * 3600 * 1000)

static struct vault_kit kit;
static struct souk_vault_key key;
static char text[SOUK_VAULT_WRAP_SIZE_MAX];
static char text2[SOUK_VAULT_WRAP_SIZE_MAX];
static uint8_t scratch[SOUK_VAULT_WRAP_BINARY + SOUK_VAULT_PLAIN_MAX];
static uint8_t plain[SOUK_VAULT_PLAIN_MAX];
static const struct souk_vault_limits none;

#define DO(expression)		   VAULT_DO(&kit, expression)
#define EXPECT(expression, status) assert_int_equal(DO(expression), status)

static int setup(void **state)
{
	(void)state;
	vault_kit_init(&kit);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vault_kit_done(&kit);
	return 0;
}

static struct souk_bytes bytes_of(const char *string)
{
	return souk_bytes_of(string, strlen(string));
}

static void create(const char *label, const struct souk_vault_limits *limits)
{
	EXPECT(souk_vault_create(v, label, limits, &key), SOUK_OK);
}

static void wrap(const char *label, const char *what)
{
	EXPECT(souk_vault_wrap_text(v, label, bytes_of(what), text), SOUK_OK);
}

static souk_status unwrap_text(const char *label, const char *token)
{
	struct souk_vault_wrap parsed;
	SOUK_TRY(souk_vault_wrap_parse(&parsed, bytes_of(token), scratch, sizeof scratch));
	return DO(souk_vault_unwrap(v, label, &parsed, plain));
}

static uint64_t entries(void)
{
	struct souk_vault_log log;
	assert_int_equal(souk_vault_log_load(&kit.vault, &log), SOUK_OK);
	return log.entries;
}

static struct souk_signed_vault_entry last_entry(void)
{
	struct souk_signed_vault_entry entry;
	assert_int_equal(souk_vault_log_entry(&kit.vault, entries() - 1, &entry), SOUK_OK);
	return entry;
}

/* ---- labels ---- */

static void labels(void **state)
{
	static const char *const good[] = {"a", "a/b", "0-9._", "payroll/2026.old", "a..b", "..."};
	static const char *const bad[] = {
		"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "./a", "A", "a b", "\xc3\xa4"};
	char longest[SOUK_VAULT_LABEL_MAX + 2];
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(good); i++)
		assert_true(souk_vault_label_is_valid(good[i]));
	for (size_t i = 0; i < SOUK_COUNT_OF(bad); i++) {
		assert_false(souk_vault_label_is_valid(bad[i]));
		EXPECT(souk_vault_create(v, bad[i], &none, &key), SOUK_PEER_BAD_REQUEST);
		EXPECT(souk_vault_rotate(v, bad[i], &key), SOUK_PEER_BAD_REQUEST);
		EXPECT(souk_vault_purge(v, bad[i], true), SOUK_PEER_BAD_REQUEST);
	}
	memset(longest, 'a', sizeof longest);
	longest[SOUK_VAULT_LABEL_MAX + 1] = '\0';
	assert_false(souk_vault_label_is_valid(longest));
	longest[SOUK_VAULT_LABEL_MAX] = '\0';
	assert_true(souk_vault_label_is_valid(longest));
	create(longest, &none);
	assert_int_equal(souk_vault_show(&kit.vault, longest, &key), SOUK_OK);
}

static void listed_in_order(void **state)
{
	static const char *const labels_of[] = {"b", "a/x", "a", "ab"};
	static const char *const sorted[] = {"a", "a/x", "ab", "b"};
	const char *after = "";
	char held[SOUK_VAULT_LABEL_MAX + 1];
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(labels_of); i++)
		create(labels_of[i], &none);
	EXPECT(souk_vault_create(v, "ab", &none, &key), SOUK_LOCAL_EXISTS);
	for (size_t i = 0; i < SOUK_COUNT_OF(sorted); i++) {
		assert_int_equal(souk_vault_next(&kit.vault, after, &key), SOUK_OK);
		assert_string_equal(key.label.text, sorted[i]);
		strcpy(held, key.label.text);
		after = held;
	}
	assert_int_equal(souk_vault_next(&kit.vault, after, &key), SOUK_LOCAL_NOT_FOUND);
}

/* ---- wrapping ---- */

static void wraps_and_unwraps(void **state)
{
	(void)state;
	create("mail", &none);
	create("other", &none);
	for (size_t size = 0; size < 8; size++) {
		uint8_t before[8] = {1, 2, 3, 4, 5, 6, 7, 8};
		EXPECT(souk_vault_wrap_text(v, "mail", souk_bytes_of(before, size), text), SOUK_OK);
		assert_int_equal(strlen(text) + 1, SOUK_VAULT_WRAP_SIZE(size));
		assert_int_equal(unwrap_text("mail", text), SOUK_OK);
		assert_memory_equal(plain, before, size);
		assert_int_equal(unwrap_text(NULL, text), SOUK_OK);
		assert_int_equal(unwrap_text("other", text), SOUK_PEER_BAD_WRAP);
	}
	assert_int_equal(souk_vault_show(&kit.vault, "mail", &key), SOUK_OK);
	assert_int_equal(key.uses, 16);
}

static void wraps_up_to_64_kib(void **state)
{
	static uint8_t large[SOUK_VAULT_PLAIN_MAX + 1];
	(void)state;
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (uint8_t)(i * 7);
	create("mail", &none);
	EXPECT(souk_vault_wrap_text(v, "mail", souk_bytes_of(large, sizeof large), text),
		SOUK_PEER_OVERSIZED);
	EXPECT(souk_vault_wrap_text(v, "mail", souk_bytes_of(large, sizeof large - 1), text),
		SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	assert_memory_equal(plain, large, sizeof large - 1);
}

/* Each character of a wrapped text matters, and there is one text for it. */
static void wraps_have_one_text(void **state)
{
	char spoilt[512];
	(void)state;
	create("mail", &none);
	wrap("mail", "twelve bytes");
	const size_t size = strlen(text);
	for (size_t i = 0; i < size; i++) {
		memcpy(spoilt, text, size + 1);
		spoilt[i] = spoilt[i] == 'A' ? 'B' : 'A';
		assert_int_not_equal(unwrap_text("mail", spoilt), SOUK_OK);
	}
	for (size_t i = 0; i < size; i++) {
		memcpy(spoilt, text, i);
		spoilt[i] = '\0';
		assert_int_not_equal(unwrap_text("mail", spoilt), SOUK_OK);
	}
	snprintf(spoilt, sizeof spoilt, " \n%s\r\n", text);
	assert_int_equal(unwrap_text("mail", spoilt), SOUK_OK);
	snprintf(spoilt, sizeof spoilt, "%s=", text);
	assert_int_equal(unwrap_text("mail", spoilt), SOUK_PEER_BAD_WRAP);
}

static void wrapped_without_a_vault(void **state)
{
	struct souk_vault_key_version version;
	struct souk_point point;
	(void)state;
	create("mail", &none);
	assert_int_equal(souk_vault_version(&kit.vault, &key, 0, &version), SOUK_OK);
	assert_int_equal(souk_point_parse(&point, version.point.bytes), SOUK_OK);
	assert_int_equal(
		souk_vault_wrap_for(text, &point, 1, bytes_of("from outside"), &kit.rng), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	assert_memory_equal(plain, "from outside", 12);
}

static void old_versions_unwrap_until_retired(void **state)
{
	(void)state;
	create("mail", &none);
	wrap("mail", "old");
	EXPECT(souk_vault_rotate(v, "mail", &key), SOUK_OK);
	assert_int_equal(key.newest, 2);
	memcpy(text2, text, sizeof text);
	wrap("mail", "new");
	assert_int_equal(unwrap_text("mail", text2), SOUK_OK);
	assert_memory_equal(plain, "old", 3);
	EXPECT(souk_vault_configure(v, "mail", &none, 3, &key), SOUK_LOCAL_KEY_VERSION);
	EXPECT(souk_vault_configure(v, "mail", &none, 2, &key), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text2), SOUK_LOCAL_KEY_VERSION);
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	EXPECT(souk_vault_configure(v, "mail", &none, 1, &key), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text2), SOUK_OK);
}

static void rewraps(void **state)
{
	static uint8_t other[sizeof scratch];
	struct souk_vault_wrap parsed;
	(void)state;
	create("mail", &none);
	wrap("mail", "hidden");
	EXPECT(souk_vault_rotate(v, "mail", &key), SOUK_OK);
	assert_int_equal(
		souk_vault_wrap_parse(&parsed, bytes_of(text), scratch, sizeof scratch), SOUK_OK);
	EXPECT(souk_vault_rewrap(v, "mail", &parsed, NULL, other, text2), SOUK_OK);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(other[i], 0);
	EXPECT(souk_vault_configure(v, "mail", &none, 2, &key), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_VERSION);
	assert_int_equal(unwrap_text("mail", text2), SOUK_OK);
	assert_memory_equal(plain, "hidden", 6);
}

/* ---- signatures ---- */

static void signs(void **state)
{
	struct souk_hash digest = souk_sha256_of("m", 1), wrong = souk_sha256_of("n", 1);
	struct souk_vault_signature signature, second;
	struct souk_address signer, recovered;
	uint32_t number = 0;
	(void)state;
	create("code", &none);
	EXPECT(souk_vault_sign(v, "code", &digest, &signature), SOUK_OK);
	EXPECT(souk_vault_rotate(v, "code", &key), SOUK_OK);
	EXPECT(souk_vault_sign(v, "code", &digest, &second), SOUK_OK);
	assert_int_equal(signature.number, 1);
	assert_int_equal(second.number, 2);
	assert_int_equal(
		souk_vault_verify(&kit.vault, "code", 0, &digest, &signature.rs, &number), SOUK_OK);
	assert_int_equal(number, 1);
	assert_int_equal(souk_vault_verify(&kit.vault, "code", 2, &digest, &signature.rs, &number),
		SOUK_PEER_BAD_SIGNATURE);
	assert_int_equal(souk_vault_verify(&kit.vault, "code", 0, &wrong, &signature.rs, &number),
		SOUK_PEER_BAD_SIGNATURE);
	assert_int_equal(souk_vault_verify(&kit.vault, "code", 3, &digest, &signature.rs, &number),
		SOUK_LOCAL_KEY_VERSION);
	assert_int_equal(souk_address_of_pubkey(&signer, &signature.point), SOUK_OK);
	assert_int_equal(souk_ecdsa_recover(&recovered, &digest, &signature.recoverable), SOUK_OK);
	assert_true(souk_address_equal(&signer, &recovered));
	struct souk_signed_vault_entry entry = last_entry();
	assert_true(souk_hash_equal(&entry.entry.subject, &digest));
	assert_string_equal(entry.entry.operation.text, "sign");
}

/* ---- limits ---- */

static void expires(void **state)
{
	struct souk_vault_limits limits = {.expires = souk_time_at_ms(1000000 + DAY)};
	struct souk_vault_signature signature;
	struct souk_hash digest = {{1}};
	(void)state;
	create("mail", &limits);
	wrap("mail", "x");
	kit.vault.now = souk_time_at_ms(1000000 + DAY);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_EXPIRED);
	EXPECT(souk_vault_sign(v, "mail", &digest, &signature), SOUK_LOCAL_KEY_EXPIRED);
	EXPECT(souk_vault_wrap_text(v, "mail", bytes_of("x"), text2), SOUK_LOCAL_KEY_EXPIRED);
	EXPECT(souk_vault_create(v, "late", &limits, &key), SOUK_PEER_BAD_REQUEST);
	/* Other limits may change while it is past, and it may be moved on. */
	limits.uses_max = 7;
	EXPECT(souk_vault_configure(v, "mail", &limits, 0, &key), SOUK_OK);
	limits.expires.ms += DAY;
	EXPECT(souk_vault_configure(v, "mail", &limits, 0, &key), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
}

static void is_used_up(void **state)
{
	const struct souk_vault_limits limits = {.uses_max = 3};
	(void)state;
	create("mail", &limits);
	wrap("mail", "x");
	for (int i = 0; i < 3; i++)
		assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_USED_UP);
	wrap("mail", "still");
	assert_int_equal(souk_vault_show(&kit.vault, "mail", &key), SOUK_OK);
	assert_int_equal(key.uses, 3);
}

static void has_a_bucket(void **state)
{
	const struct souk_vault_limits limits = {.rate = 4, .rate_ms = 8 * SECOND};
	(void)state;
	create("mail", &limits);
	wrap("mail", "x");
	for (int i = 0; i < 4; i++)
		assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	uint64_t before = entries();
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_RATE);
	assert_int_equal(entries(), before);
	assert_int_equal(souk_vault_show(&kit.vault, "mail", &key), SOUK_OK);
	assert_int_equal(
		souk_vault_ready_at(&key, kit.vault.now).ms, kit.vault.now.ms + 2 * SECOND);
	kit.vault.now.ms += 2 * SECOND - 1;
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_RATE);
	kit.vault.now.ms += 1;
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_RATE);
	/* A clock that goes back costs a bucket at most. */
	kit.vault.now.ms -= 500 * SECOND;
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_RATE);
	assert_int_equal(souk_vault_show(&kit.vault, "mail", &key), SOUK_OK);
	assert_true(souk_vault_ready_at(&key, kit.vault.now).ms <= kit.vault.now.ms + 2 * SECOND);
	kit.vault.now.ms += 600 * SECOND;
	for (int i = 0; i < 4; i++)
		assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_RATE);
}

static void bad_limits(void **state)
{
	static const struct souk_vault_limits bad[] = {
		{.rate = 1},
		{.rate_ms = 1},
		{.rate = 1001, .rate_ms = 1},
		{.rate = 1, .rate_ms = UINT64_MAX},
		{.expires = {1000000}},
	};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(bad); i++)
		EXPECT(souk_vault_create(v, "x", &bad[i], &key), SOUK_PEER_BAD_REQUEST);
	assert_int_equal(souk_vault_show(&kit.vault, "x", &key), SOUK_LOCAL_NOT_FOUND);
}

static void some_limits_stay(void **state)
{
	struct souk_vault_limits limits = {.protected = true, .grace_ms = DAY};
	uint8_t secret[32];
	(void)state;
	create("mail", &limits);
	limits.exportable = true;
	EXPECT(souk_vault_configure(v, "mail", &limits, 0, &key), SOUK_LOCAL_KEY_STAYS);
	limits.exportable = false;
	limits.grace_ms = DAY - 1;
	EXPECT(souk_vault_configure(v, "mail", &limits, 0, &key), SOUK_LOCAL_KEY_GRACE);
	limits.grace_ms = DAY;
	limits.protected = false;
	EXPECT(souk_vault_configure(v, "mail", &limits, 0, &key), SOUK_LOCAL_KEY_GRACE);
	EXPECT(souk_vault_export_raw(v, "mail", 0, secret), SOUK_LOCAL_KEY_STAYS);
}

/* ---- deletion ---- */

static void deletes_softly(void **state)
{
	(void)state;
	create("mail", &none);
	wrap("mail", "x");
	EXPECT(souk_vault_recover(v, "mail", &key), SOUK_LOCAL_STATE);
	EXPECT(souk_vault_purge(v, "mail", true), SOUK_LOCAL_STATE);
	EXPECT(souk_vault_delete(v, "mail", &key), SOUK_OK);
	EXPECT(souk_vault_delete(v, "mail", &key), SOUK_LOCAL_KEY_DELETED);
	assert_int_equal(unwrap_text("mail", text), SOUK_LOCAL_KEY_DELETED);
	assert_int_equal(unwrap_text(NULL, text), SOUK_LOCAL_KEY_DELETED);
	EXPECT(souk_vault_rotate(v, "mail", &key), SOUK_LOCAL_KEY_DELETED);
	EXPECT(souk_vault_create(v, "mail", &none, &key), SOUK_LOCAL_EXISTS);
	EXPECT(souk_vault_recover(v, "mail", &key), SOUK_OK);
	assert_int_equal(unwrap_text("mail", text), SOUK_OK);
	EXPECT(souk_vault_delete(v, "mail", &key), SOUK_OK);
	EXPECT(souk_vault_purge(v, "mail", false), SOUK_LOCAL_KEY_GRACE);
	kit.vault.now.ms += SOUK_VAULT_GRACE_MS;
	EXPECT(souk_vault_purge(v, "mail", false), SOUK_OK);
	assert_int_equal(souk_vault_show(&kit.vault, "mail", &key), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(unwrap_text(NULL, text), SOUK_PEER_BAD_WRAP);
	create("mail", &none);
	assert_int_equal(unwrap_text("mail", text), SOUK_PEER_BAD_WRAP);
}

static void purges_early_unless_protected(void **state)
{
	const struct souk_vault_limits kept = {.protected = true};
	(void)state;
	create("a", &none);
	create("b", &kept);
	EXPECT(souk_vault_rotate(v, "a", &key), SOUK_OK);
	size_t records = kit.records.count;
	EXPECT(souk_vault_delete(v, "a", &key), SOUK_OK);
	EXPECT(souk_vault_delete(v, "b", &key), SOUK_OK);
	EXPECT(souk_vault_purge(v, "a", true), SOUK_OK);
	EXPECT(souk_vault_purge(v, "b", true), SOUK_LOCAL_KEY_GRACE);
	/* A key, two versions and two points are gone; four entries and their nodes came. */
	size_t nodes = 0;
	for (size_t i = 0; i < kit.records.count; i++)
		nodes += kit.records.records[i].key[0] == 'N' ||
			 kit.records.records[i].key[0] == 'E';
	assert_true(kit.records.count - nodes < records);
	for (size_t i = 0; i < kit.records.count; i++)
		assert_false(kit.records.records[i].key[0] == 'K' &&
			     kit.records.records[i].key[1] == 'a');
}

/* ---- at rest ---- */

static void no_secret_is_stored(void **state)
{
	uint8_t secret[32];
	const struct souk_vault_limits limits = {.exportable = true};
	(void)state;
	create("mail", &limits);
	EXPECT(souk_vault_export_raw(v, "mail", 0, secret), SOUK_OK);
	for (size_t i = 0; i < kit.records.count; i++) {
		const struct test_record *record = &kit.records.records[i];
		for (size_t at = 0; at + 32 <= record->value_size; at++)
			assert_memory_not_equal(record->value + at, secret, 32);
	}
}

/* Any byte of any record with a tag, changed: it is seen, and nothing is written. */
static void records_have_tags(void **state)
{
	struct souk_hash digest = {{1}};
	struct souk_vault_signature signature;
	(void)state;
	create("mail", &none);
	for (size_t i = 0; i < kit.records.count; i++) {
		struct test_record *record = &kit.records.records[i];
		if (strchr("KVL", record->key[0]) == NULL)
			continue;
		for (size_t at = 0; at < record->value_size; at += 3) {
			record->value[at] ^= 4;
			struct souk_hash before = test_store_digest(&kit.records);
			EXPECT(souk_vault_sign(v, "mail", &digest, &signature), SOUK_CORRUPT_STORE);
			struct souk_hash after = test_store_digest(&kit.records);
			assert_true(souk_hash_equal(&before, &after));
			record = &kit.records.records[i];
			record->value[at] ^= 4;
		}
	}
	EXPECT(souk_vault_sign(v, "mail", &digest, &signature), SOUK_OK);
}

static void opens_with_its_master_alone(void **state)
{
	struct souk_vault_head head;
	struct souk_vault_keys keys;
	struct souk_vault_master other = kit.master;
	(void)state;
	assert_int_equal(souk_vault_head_load(&head, &kit.port), SOUK_OK);
	assert_int_equal(souk_vault_open(&keys, &head, &kit.master), SOUK_OK);
	assert_memory_equal(&keys, &kit.keys, sizeof keys);
	other.key[0] ^= 1;
	assert_int_equal(souk_vault_open(&keys, &head, &other), SOUK_LOCAL_VAULT_LOCKED);
	head.created.ms++;
	assert_int_equal(souk_vault_open(&keys, &head, &kit.master), SOUK_LOCAL_VAULT_LOCKED);
	EXPECT(souk_vault_reseal(v, &kit.master, &other), SOUK_OK);
	assert_int_equal(souk_vault_head_load(&head, &kit.port), SOUK_OK);
	assert_int_equal(souk_vault_open(&keys, &head, &kit.master), SOUK_LOCAL_VAULT_LOCKED);
	assert_int_equal(souk_vault_open(&keys, &head, &other), SOUK_OK);
	assert_int_equal(souk_vault_found(&keys, &kit.port, &other, &kit.identity, &kit.rng,
				 kit.vault.now, "x"),
		SOUK_LOCAL_EXISTS);
}

/* Each put that fails aborts all of its operation. */
static void disk_is_full(void **state)
{
	struct souk_hash digest = {{1}};
	struct souk_vault_signature signature;
	(void)state;
	create("mail", &none);
	struct souk_hash before = test_store_digest(&kit.records);
	kit.records.failing = true;
	EXPECT(souk_vault_sign(v, "mail", &digest, &signature), SOUK_IO_DISK_FULL);
	EXPECT(souk_vault_create(v, "x", &none, &key), SOUK_IO_DISK_FULL);
	EXPECT(souk_vault_rotate(v, "mail", &key), SOUK_IO_DISK_FULL);
	kit.records.failing = false;
	struct souk_hash after = test_store_digest(&kit.records);
	assert_true(souk_hash_equal(&before, &after));
}

static void argon2id(void **state)
{
	struct souk_nonce salt = {{1}}, other = {{2}};
	uint8_t a[32], b[32];
	const struct souk_bytes word = bytes_of("correct horse");
	(void)state;
	assert_int_equal(souk_passphrase_key(a, word, &salt, 1, 65536), SOUK_OK);
	assert_int_equal(souk_passphrase_key(b, word, &other, 1, 65536), SOUK_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(souk_passphrase_key(b, word, &salt, 1, 65536), SOUK_OK);
	assert_memory_equal(a, b, 32);
	assert_int_equal(souk_passphrase_key(b, word, &salt, 0, 65536), SOUK_PEER_OVERSIZED);
	assert_int_equal(souk_passphrase_key(b, word, &salt, 1, 1ull << 40), SOUK_PEER_OVERSIZED);
	assert_int_equal(souk_passphrase_key(b, word, &salt, 99, 65536), SOUK_PEER_OVERSIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(labels),
		TEST(listed_in_order),
		TEST(wraps_and_unwraps),
		TEST(wraps_up_to_64_kib),
		TEST(wraps_have_one_text),
		TEST(wrapped_without_a_vault),
		TEST(old_versions_unwrap_until_retired),
		TEST(rewraps),
		TEST(signs),
		TEST(expires),
		TEST(is_used_up),
		TEST(has_a_bucket),
		TEST(bad_limits),
		TEST(some_limits_stay),
		TEST(deletes_softly),
		TEST(purges_early_unless_protected),
		TEST(no_secret_is_stored),
		TEST(records_have_tags),
		TEST(opens_with_its_master_alone),
		TEST(disk_is_full),
		TEST(argon2id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
