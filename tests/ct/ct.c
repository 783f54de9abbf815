/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether anything that touches a secret branches on it, or uses it as an index.
 *
 *   valgrind --suppressions=ct.supp ct
 *
 * Each secret is marked as undefined memory. Memcheck follows such bits through
 * all arithmetic, and reports a jump or an address that depends on them: in our
 * code as in libcrypto and libsecp256k1, as they are installed. What is public by
 * design is marked as defined again as soon as the function under test returns.
 *
 * Leaky functions come first, and must be reported: else the check is blind.
 * Prints TAP. Without valgrind there is nothing to see: skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/memcheck.h>

#include "../../src/client/identity_file.h"
#include "souk/base/check.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/sha256.h"
#include "souk/exchange/customer.h"
#include "souk/exchange/hub.h"
#include "souk/crypto/base64.h"
#include "souk/io/file.h"
#include "souk/io/memory_store.h"
#include "souk/keys/umbral.h"
#include "souk/keys/vault.h"
#include "souk/ledger/ledger.h"
#include "souk/payment/receipt.h"

/* ---- marks ---- */

static void hide(void *secret, size_t size)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(secret, size);
}

static void show(const void *public_now, size_t size)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(public_now, size);
}

/* SIZE secret bytes that follow from SEED. */
static void make_secret(void *out, size_t size, uint8_t seed)
{
	uint8_t *p = out;
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(seed * 31 + i * 7 + 1);
	hide(out, size);
}

static struct souk_identity identity_of(uint8_t seed)
{
	struct souk_identity identity;
	struct souk_seckey seckey;
	memset(seckey.bytes, seed, sizeof seckey.bytes);
	SOUK_CHECK(souk_identity_of(&identity, &seckey) == SOUK_OK);
	return identity;
}

/* An identity of which only the key is secret. */
static struct souk_identity hidden_identity(uint8_t seed)
{
	struct souk_identity identity = identity_of(seed);
	hide(&identity.seckey, sizeof identity.seckey);
	return identity;
}

static volatile uint8_t sink;

/* ---- leaks, which must be seen ---- */

__attribute__((noinline)) static int first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return (int)i;
	return -1;
}

static void leak_comparison(void)
{
	uint8_t secret[32], guess[32] = {1};
	make_secret(secret, sizeof secret, 1);
	int at = first_difference(secret, guess, sizeof secret);
	show(&at, sizeof at);
	sink = (uint8_t)at;
}

static void leak_table(void)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t secret;
	make_secret(&secret, 1, 2);
	char digit = ((const volatile char *)digits)[secret & 15];
	show(&digit, 1);
	sink = (uint8_t)digit;
}

static void leak_branch_on_a_bit(void)
{
	struct souk_identity identity = hidden_identity(3);
	for (int i = 0; i < 8; i++)
		if (identity.seckey.bytes[31] >> i & 1)
			sink++;
}

static void leak_hash_equal(void)
{
	struct souk_hash a, b = {{9}};
	make_secret(&a, sizeof a, 4);
	if (souk_hash_equal(&a, &b))
		sink++;
}

/* ---- what must not leak ---- */

static void compare_secrets(void)
{
	uint8_t a[32], b[32];
	make_secret(a, sizeof a, 5);
	make_secret(b, sizeof b, 5);
	bool same = souk_bytes_equal_secret(a, b, sizeof a);
	show(&same, sizeof same);
	SOUK_CHECK(same);
	souk_bytes_wipe(a, sizeof a);
	SOUK_CHECK(a[0] == 0 && a[31] == 0);
}

static void hexadecimal(void)
{
	uint8_t secret[32], back[32];
	char text[66];
	make_secret(secret, sizeof secret, 6);
	souk_hex_encode(text, secret, sizeof secret);
	text[64] = '\n';
	souk_status status = souk_hex_decode_secret(back, sizeof back, souk_bytes_of(text, 65));
	show(&status, sizeof status);
	show(secret, sizeof secret);
	show(back, sizeof back);
	SOUK_CHECK(status == SOUK_OK && memcmp(secret, back, sizeof back) == 0);
}

static void load_identity(void)
{
	struct souk_seckey seckey;
	struct souk_identity identity;
	make_secret(&seckey, sizeof seckey, 7);
	souk_status status = souk_identity_of(&identity, &seckey);
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
}

/* The whole way from a key file to an identity. */
souk_status __wrap_souk_file_read(
	const char *path, size_t size_max, char **ret_text, size_t *ret_size);
souk_status __wrap_souk_file_read(
	const char *path, size_t size_max, char **ret_text, size_t *ret_size)
{
	static const char key[] =
		"9b74c9897bac770ffc029102a200c5de1b5e3a0ce5f8d2a1c47e60f3b98d5a21\n";
	(void)path;
	SOUK_CHECK(size_max >= sizeof key);
	*ret_text = strdup(key);
	SOUK_CHECK(*ret_text != NULL);
	hide(*ret_text, 64);
	*ret_size = sizeof key - 1;
	return SOUK_OK;
}

static void load_key_file(void)
{
	struct souk_identity identity;
	souk_status status = identity_file_load(&identity, "identity.key");
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
}

static void generate_identity(void)
{
	struct souk_secret_rng rng;
	struct souk_identity identity;
	uint8_t seed[32], bytes[200];
	make_secret(seed, sizeof seed, 8);
	souk_secret_rng_init(&rng, seed);
	souk_identity_generate(&identity, &rng);
	souk_secret_rng_fill(&rng, bytes, 32);
	souk_secret_rng_fill(&rng, bytes, sizeof bytes);
}

static void sign(void)
{
	struct souk_identity identity = hidden_identity(9);
	struct souk_hash digest = {{1, 2, 3}};
	struct souk_signature signature;
	souk_ecdsa_sign(&signature, &digest, &identity);
	show(&signature, sizeof signature);
	SOUK_CHECK(souk_ecdsa_verify(&identity.address, &digest, &signature) == SOUK_OK);
}

/* ---- Umbral ---- */

static struct souk_umbral_key hidden_umbral_key(uint8_t seed)
{
	struct souk_umbral_key key;
	uint8_t secret[32];
	memset(secret, seed, sizeof secret);
	SOUK_CHECK(souk_umbral_key_of(&key, secret) == SOUK_OK);
	hide(&key.secret, sizeof key.secret);
	return key;
}

static struct souk_secret_rng hidden_rng(uint8_t seed)
{
	struct souk_secret_rng rng;
	uint8_t bytes[32];
	make_secret(bytes, sizeof bytes, seed);
	souk_secret_rng_init(&rng, bytes);
	return rng;
}

static void umbral_scalars(void)
{
	struct souk_scalar a, b, c[3], scratch[3];
	make_secret(&a, sizeof a, 1);
	make_secret(&b, sizeof b, 2);
	c[0] = souk_scalar_add(&a, &b);
	c[1] = souk_scalar_sub(&a, &b);
	c[2] = souk_scalar_mul(&c[0], &c[1]);
	souk_scalar_inverse_all(c, scratch, 3);
	c[0] = souk_scalar_inverse(&c[1]);
	sink = c[0].bytes[0];
	show((const void *)&sink, 1);
}

static struct souk_umbral_capsule make_capsule(struct souk_umbral_seed *ret_seed)
{
	struct souk_umbral_key owner = hidden_umbral_key(1);
	struct souk_umbral_capsule capsule;
	struct souk_secret_rng rng = hidden_rng(11);
	souk_umbral_encapsulate(&capsule, ret_seed, &owner.point, &rng);
	show(&capsule, sizeof capsule);
	return capsule;
}

static void umbral_encrypt(void)
{
	struct souk_umbral_seed seed, again;
	struct souk_umbral_capsule capsule = make_capsule(&seed);
	struct souk_umbral_key owner = hidden_umbral_key(1);
	uint8_t text[20 + SOUK_UMBRAL_CIPHERTEXT_EXTRA] = {0};
	struct souk_secret_rng rng = hidden_rng(12);
	souk_umbral_decapsulate(&again, &capsule, &owner);
	souk_umbral_seal(text, &again, &capsule, souk_bytes_of(text, 20), &rng);
	show(text, sizeof text);
	souk_status status =
		souk_umbral_unseal(text, &seed, &capsule, souk_bytes_of(text, sizeof text));
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
}

static void make_kfrags(struct souk_umbral_kfrag kfrags[3])
{
	struct souk_umbral_key owner = hidden_umbral_key(1), receiver = hidden_umbral_key(2),
			       signer = hidden_umbral_key(3);
	struct souk_secret_rng rng = hidden_rng(13);
	souk_status status = souk_umbral_delegate(
		kfrags, 2, 3, &owner, &receiver.point, &signer, true, true, &rng);
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
	/* All but rk is sent in the open. */
	for (int i = 0; i < 3; i++) {
		struct souk_scalar rk = kfrags[i].rk;
		show(&kfrags[i], sizeof kfrags[i]);
		kfrags[i].rk = rk;
	}
}

static void umbral_delegate(void)
{
	struct souk_umbral_kfrag kfrags[3];
	make_kfrags(kfrags);
}

static void umbral_reencrypt_and_open(void)
{
	struct souk_umbral_kfrag kfrags[3];
	struct souk_umbral_cfrag cfrags[2];
	struct souk_umbral_seed seed, opened;
	struct souk_umbral_key owner = hidden_umbral_key(1), receiver = hidden_umbral_key(2);
	struct souk_umbral_capsule capsule = make_capsule(&seed);
	uint8_t fresh[32];
	make_kfrags(kfrags);
	for (int i = 0; i < 2; i++) {
		make_secret(fresh, sizeof fresh, (uint8_t)(20 + i));
		souk_umbral_reencrypt(&cfrags[i], &capsule, &kfrags[i], fresh);
		show(&cfrags[i], sizeof cfrags[i]);
	}
	souk_status status =
		souk_umbral_open(&opened, &capsule, cfrags, 2, &receiver, &owner.point);
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
	show(&seed, sizeof seed);
	show(&opened, sizeof opened);
	SOUK_CHECK(memcmp(seed.bytes, opened.bytes, sizeof seed.bytes) == 0);
}

static void umbral_derive(void)
{
	struct souk_umbral_key key;
	uint8_t seed[32];
	make_secret(seed, sizeof seed, 14);
	souk_umbral_key_derive(&key, seed, souk_bytes_text("label"));
}

/* ---- vaults ---- */

static struct vault_bench {
	struct souk_memory_store *memory;
	struct souk_store store;
	struct souk_identity identity;
	struct souk_secret_rng rng;
	struct souk_vault_master master;
	struct souk_vault_keys keys;
	struct souk_vault vault;
	char text[SOUK_VAULT_WRAP_SIZE(9)];
	uint8_t memory_of_wrap[SOUK_VAULT_WRAP_BINARY + 9];
	struct souk_vault_wrap wrap;
} vb;

/* A vault with a key and a wrapped text; then what opens its secrets is hidden. The key of the
 * records' tags is not: a tag is stored beside its record, and whether it is right is said aloud.
 */
static void open_vault(void)
{
	const struct souk_vault_limits limits = {.exportable = true};
	struct souk_vault_key key;
	uint8_t seed[32] = {5};
	memset(&vb, 0, sizeof vb);
	SOUK_CHECK(souk_memory_store_new(&vb.memory, 0, 1) == SOUK_OK);
	SOUK_CHECK(souk_memory_store_begin(vb.memory, &vb.store) == SOUK_OK);
	souk_secret_rng_init(&vb.rng, seed);
	vb.identity = identity_of(6);
	vb.vault = (struct souk_vault){.store = &vb.store,
		.keys = &vb.keys,
		.identity = &vb.identity,
		.rng = &vb.rng,
		.now = souk_time_at_ms(1),
		.actor = "ct"};
	SOUK_CHECK(souk_vault_found(&vb.keys, &vb.store, &vb.master, &vb.identity, &vb.rng,
			   vb.vault.now, "ct") == SOUK_OK);
	SOUK_CHECK(souk_vault_create(&vb.vault, "k", &limits, &key) == SOUK_OK);
	SOUK_CHECK(souk_vault_wrap_text(&vb.vault, "k", souk_bytes_text("plaintext"), vb.text) ==
		   SOUK_OK);
	SOUK_CHECK(souk_vault_wrap_parse(&vb.wrap, souk_bytes_text(vb.text), vb.memory_of_wrap,
			   sizeof vb.memory_of_wrap) == SOUK_OK);
	hide(vb.keys.seal, sizeof vb.keys.seal);
	hide(&vb.keys.signer.secret, sizeof vb.keys.signer.secret);
}

static void close_vault(souk_status status)
{
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
	souk_memory_store_free(vb.memory);
}

static void vault_unwraps(void)
{
	uint8_t plain[9];
	open_vault();
	close_vault(souk_vault_unwrap(&vb.vault, "k", &vb.wrap, plain));
	show(plain, sizeof plain);
	SOUK_CHECK(memcmp(plain, "plaintext", sizeof plain) == 0);
}

static void vault_signs(void)
{
	struct souk_hash digest = {{7}};
	struct souk_vault_signature signature;
	open_vault();
	close_vault(souk_vault_sign(&vb.vault, "k", &digest, &signature));
}

static void vault_rewraps(void)
{
	static char text[SOUK_VAULT_WRAP_SIZE(9)];
	uint8_t scratch[9];
	open_vault();
	close_vault(souk_vault_rewrap(&vb.vault, "k", &vb.wrap, NULL, scratch, text));
}

static void vault_exports(void)
{
	uint8_t secret[32];
	open_vault();
	close_vault(souk_vault_export_raw(&vb.vault, "k", 1, secret));
}

static void vault_opens(void)
{
	struct souk_vault_head head;
	struct souk_vault_keys keys;
	open_vault();
	SOUK_CHECK(souk_vault_head_load(&head, &vb.store) == SOUK_OK);
	hide(vb.master.key, sizeof vb.master.key);
	souk_status status = souk_vault_open(&keys, &head, &vb.master);
	show(&status, sizeof status);
	close_vault(status);
}

static void base64_of_secrets(void)
{
	uint8_t secret[40], again[40];
	char text[SOUK_BASE64_SIZE(40)];
	size_t size = 0;
	make_secret(secret, sizeof secret, 30);
	souk_base64_encode(text, souk_bytes_of(secret, sizeof secret));
	souk_status status = souk_base64_decode(
		again, sizeof again, &size, souk_bytes_of(text, sizeof text - 1));
	show(&status, sizeof status);
	show(&size, sizeof size);
	SOUK_CHECK(status == SOUK_OK && size == sizeof secret);
}

/* The last one: the library stays blinded by a secret, and so all that it makes is one to memcheck.
 */
static void sign_blinded(void)
{
	struct souk_identity identity = hidden_identity(9);
	struct souk_hash digest = {{1, 2, 3}};
	struct souk_signature signature;
	uint8_t seed[32];
	make_secret(seed, sizeof seed, 10);
	souk_ecdsa_blind(seed);
	souk_ecdsa_sign(&signature, &digest, &identity);
}

static void session_secret(void)
{
	struct souk_identity mine = hidden_identity(11), peer = identity_of(12);
	struct souk_nonce session = {{1}};
	struct souk_hash ask = {{2}}, secret;
	souk_status status =
		souk_session_secret(&secret, &mine.seckey, &peer.pubkey, &session, &ask);
	show(&status, sizeof status);
	SOUK_CHECK(status == SOUK_OK);
}

static void authenticate(void)
{
	struct souk_hash secret;
	struct souk_unit_request request = {.unit = 3, .chunk = 5, .has_ticket = true};
	make_secret(&secret, sizeof secret, 13);
	make_secret(&request.ticket.value, sizeof request.ticket.value, 14);
	request.auth = souk_unit_request_auth(&secret, &request);
	struct souk_unit_auth auth = souk_unit_request_auth(&secret, &request);
	bool same = souk_bytes_equal_secret(auth.bytes, request.auth.bytes, sizeof auth.bytes);
	show(&same, sizeof same);
	SOUK_CHECK(same);
}

static void derive_keys(void)
{
	uint8_t secret[100], out[96];
	make_secret(secret, sizeof secret, 15);
	souk_hkdf_sha256(out, sizeof out, souk_bytes_text("salt"),
		souk_bytes_of(secret, sizeof secret), souk_bytes_text("info"));
	(void)souk_hmac_sha256(souk_bytes_of(secret, sizeof secret), souk_bytes_text("text"));
}

static void mask_key(void)
{
	struct souk_hash secret, key;
	make_secret(&secret, sizeof secret, 16);
	make_secret(&key, sizeof key, 17);
	struct souk_hash masked = souk_unit_key_mask(&secret, 9, &key);
	(void)souk_unit_key_mask(&secret, 9, &masked);
}

/* By the plain code, and by libcrypto; a payload is as secret as its key. */
static void encrypt_unit(void)
{
	static uint8_t unit[4096 + 17];
	struct souk_hash key;
	struct souk_nonce session = {{3}};
	make_secret(&key, sizeof key, 18);
	struct souk_unit_cipher cipher = souk_unit_cipher_of(&session, 4, 77, &key);
	make_secret(unit, sizeof unit, 19);
	souk_unit_cipher_xor(&cipher, unit, unit, 40);
	souk_unit_cipher_xor(&cipher, unit, unit, sizeof unit);
}

static void run_chain(const uint8_t tag[3], uint32_t length)
{
	static struct souk_chain chain;
	static struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_nonce nonce = {{4}};
	struct souk_hash secret;
	make_secret(&secret, sizeof secret, 20);
	souk_chain_init(&chain, tag, &nonce, length, &secret);
	(void)souk_chain_value(&chain, length);
	struct souk_hash value = souk_chain_value(&chain, length / 2);
	(void)souk_chain_walk(tag, &nonce, length / 2, &value, 0);
	(void)souk_chain_checkpoint_leaves(&chain, leaves);
	souk_bytes_wipe(&chain, sizeof chain);
}

static void ticket_chain(void)
{
	run_chain(souk_chain_tag_ticket, 5);
	run_chain(souk_chain_tag_ticket, 700);
}

static void key_chain(void)
{
	run_chain(souk_chain_tag_key, 700);
}

static void beacon_chain(void)
{
	run_chain(souk_chain_tag_beacon, 300);
}

static void voucher(void)
{
	struct souk_nonce secret;
	make_secret(&secret, sizeof secret, 21);
	(void)souk_hub_voucher_id(&secret);
}

/* A payer's strip and its tickets. */
static void issue_tickets(void)
{
	static struct souk_payer_strip payer;
	static struct souk_strip_open open;
	struct souk_strip terms = {.count = 600, .price = {1}, .nonce = {{5}}};
	struct souk_payer_leaf leaf = {.amount = {1000}};
	struct souk_ticket ticket;
	struct souk_hash secret;
	make_secret(&secret, sizeof secret, 22);
	SOUK_CHECK(souk_payer_strip_open(&payer, &leaf, &terms, 0, &secret, &open) == SOUK_OK);
	SOUK_CHECK(souk_payer_pay(&ticket, &payer, 200) == SOUK_OK);
	SOUK_CHECK(souk_payer_pay(&ticket, &payer, 400) == SOUK_OK);
	SOUK_CHECK(souk_payer_last(&ticket, &payer));
	souk_payer_strip_wipe(&payer);
}

/* A customer's secrets, all from one seed. */
static void start_customer(void)
{
	static struct souk_customer customer;
	struct souk_offer offer = {.version = 1, .units_max = 10, .price = {1}};
	struct souk_customer_config config = {.offer = &offer, .units = 10};
	make_secret(config.seed, sizeof config.seed, 23);
	SOUK_CHECK(souk_customer_init(&customer, &config) == SOUK_OK);
	show(&customer.ask, sizeof customer.ask);
	SOUK_CHECK(souk_customer_ask(&customer)->units == 10);
	souk_customer_wipe(&customer);
}

static void sign_receipt(void)
{
	static struct souk_signed_leaf_receipt receipt;
	struct souk_identity identity = hidden_identity(24);
	souk_leaf_receipt_issue(&receipt, &identity);
	souk_leaf_receipt_countersign(&receipt, &identity);
}

/* ---- */

struct ct_case {
	const char *name;
	void (*run)(void);
	bool leaks;
};

#define SAFE(name)                                                                                 \
	{                                                                                          \
#name, name, false                                                                 \
	}
#define LEAK(name)                                                                                 \
	{                                                                                          \
#name, name, true                                                                  \
	}

static const struct ct_case cases[] = {
	LEAK(leak_comparison),
	LEAK(leak_table),
	LEAK(leak_branch_on_a_bit),
	LEAK(leak_hash_equal),
	SAFE(compare_secrets),
	SAFE(hexadecimal),
	SAFE(load_identity),
	SAFE(load_key_file),
	SAFE(generate_identity),
	SAFE(sign),
	SAFE(session_secret),
	SAFE(authenticate),
	SAFE(derive_keys),
	SAFE(mask_key),
	SAFE(encrypt_unit),
	SAFE(ticket_chain),
	SAFE(key_chain),
	SAFE(beacon_chain),
	SAFE(voucher),
	SAFE(issue_tickets),
	SAFE(start_customer),
	SAFE(sign_receipt),
	SAFE(vault_unwraps),
	SAFE(vault_signs),
	SAFE(vault_rewraps),
	SAFE(vault_exports),
	SAFE(vault_opens),
	SAFE(base64_of_secrets),
	SAFE(umbral_scalars),
	SAFE(umbral_derive),
	SAFE(umbral_encrypt),
	SAFE(umbral_delegate),
	SAFE(umbral_reencrypt_and_open),
	SAFE(sign_blinded),
};

int main(void)
{
	int failed = 0;
	if (!RUNNING_ON_VALGRIND) {
		puts("1..0 # SKIP not under valgrind");
		return 0;
	}
	printf("1..%zu\n", SOUK_COUNT_OF(cases));
	for (size_t i = 0; i < SOUK_COUNT_OF(cases); i++) {
		unsigned before = (unsigned)VALGRIND_COUNT_ERRORS;
		cases[i].run();
		bool reported = (unsigned)VALGRIND_COUNT_ERRORS != before;
		bool good = reported == cases[i].leaks;
		failed += !good;
		printf("%sok %zu - %s: %s\n", good ? "" : "not ", i + 1, cases[i].name,
			reported ? "time depends on the secret" : "nothing seen");
	}
	return failed != 0;
}
