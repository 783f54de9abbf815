/* SPDX-License-Identifier: Apache-2.0
 *
 * Re-encryption as a unit: from the owner's terms to the receiver's content key, and what each side
 * refuses on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys_kit.h"
#include "souk/crypto/group8.h"

static struct keys_kit kit;
static struct souk_key_request request;
static struct souk_key_reply reply;

static void setup(uint32_t count)
{
	keys_kit_init(&kit, 1, 4);
	keys_kit_ask(&kit, &request, count);
	keys_kit_serve(&kit, &reply, &request, 1);
}

static souk_status check(void)
{
	return souk_keys_reply_check(
		&reply, &request, &kit.id, &kit.grant.grant.session, 1, &kit.proxy.address);
}

/* ---- all goes well ---- */

static void test_receiver_reads(void **state)
{
	(void)state;
	keys_kit_init(&kit, 2, 4);
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed hidden, seed;
	struct souk_umbral_cfrag cfrags[2];
	uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE], fresh[32] = {1};
	souk_umbral_encapsulate(&capsule, &hidden, &kit.delegating.point, &kit.rng);
	keys_kit_ask(&kit, &request, 3);
	souk_umbral_capsule_format_simple(request.capsules.items[1].bytes.data, &capsule);
	keys_kit_serve(&kit, &reply, &request, 1);
	assert_int_equal(check(), SOUK_OK);
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 1, &request);
	assert_int_equal(souk_keys_reply_open(fragments, &reply, &request, &cipher), SOUK_OK);
	assert_int_equal(souk_keys_fragment_verify(&cfrags[0], fragments[1], &capsule, &kit.policy),
		SOUK_OK);
	souk_umbral_reencrypt(&cfrags[1], &capsule, &kit.kfrags[1], fresh);
	assert_int_equal(
		souk_umbral_open(&seed, &capsule, cfrags, 2, &kit.receiving, &kit.delegating.point),
		SOUK_OK);
	assert_memory_equal(&seed, &hidden, sizeof seed);
}

static void test_the_same_twice(void **state)
{
	static struct souk_key_reply again;
	(void)state;
	setup(8);
	keys_kit_serve(&kit, &again, &request, 1);
	assert_memory_equal(&again, &reply, sizeof reply);
	keys_kit_serve(&kit, &again, &request, 2);
	assert_memory_not_equal(again.fragments.data, reply.fragments.data, 64);
}

/* Whichever engine there is, and however many at once: byte for byte the same. */
static void test_every_engine(void **state)
{
	static struct souk_key_reply others;
	const char *engine = souk_group8_engine();
	(void)state;
	for (uint32_t count = 1; count <= SOUK_KEYS_BATCH_MAX; count++) {
		setup(count);
		assert_true(souk_group8_use("portable"));
		keys_kit_serve(&kit, &others, &request, 1);
		assert_true(souk_group8_use(engine));
		assert_memory_equal(&others, &reply, sizeof reply);
		for (uint32_t bad = 0; bad < count; bad++) {
			struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
			struct souk_key_request bent = request;
			uint32_t index[2] = {77, 78};
			bent.capsules.items[bad].bytes.data[97] ^= 1;
			uint64_t number = souk_keys_request_number(&bent);
			assert_int_equal(
				souk_keys_request_parse(capsules, &index[0], &bent, number),
				SOUK_PEER_BAD_CAPSULE);
			assert_true(souk_group8_use("portable"));
			assert_int_equal(
				souk_keys_request_parse(capsules, &index[1], &bent, number),
				SOUK_PEER_BAD_CAPSULE);
			assert_true(souk_group8_use(engine));
			assert_int_equal(index[0], bad);
			assert_int_equal(index[1], bad);
		}
	}
}

/* Two requests under one unit, as somebody may find with one number: what both have is the same,
 * and no keystream covers two different things. */
static void test_no_keystream_twice(void **state)
{
	static struct souk_key_request other;
	static struct souk_key_reply replies[2];
	uint8_t plain[2][SOUK_KEYS_FRAGMENT_SIZE], mixed[SOUK_KEYS_FRAGMENT_SIZE];
	(void)state;
	setup(1);
	other = request;
	keys_kit_ask(&kit, &other, 2);
	other.capsules.items[1] = request.capsules.items[0];
	/* The kit's cipher, made for the first number, in both. */
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 1, &request);
	const struct souk_key_request *const both[2] = {&request, &other};
	for (size_t i = 0; i < 2; i++) {
		struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
		uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
		uint32_t index;
		assert_int_equal(souk_keys_request_parse(capsules, &index, both[i],
					 souk_keys_request_number(both[i])),
			SOUK_OK);
		souk_keys_serve(&replies[i], both[i], capsules, &kit.id, &kit.grant.grant.session,
			1, &kit.kfrags[0], &cipher, kit.secret);
		assert_int_equal(
			souk_keys_reply_open(fragments, &replies[i], both[i], &cipher), SOUK_OK);
		memcpy(plain[i], fragments[0], sizeof plain[i]);
	}
	assert_memory_equal(replies[0].fragments.data,
		replies[1].fragments.data + SOUK_KEYS_FRAGMENT_SIZE, SOUK_KEYS_FRAGMENT_SIZE);
	for (size_t i = 0; i < sizeof mixed; i++)
		mixed[i] = (uint8_t)(replies[0].fragments.data[i] ^ replies[1].fragments.data[i] ^
				     plain[0][i]);
	assert_memory_not_equal(mixed, plain[1], 32);
}

/* ---- what an owner gives ---- */

static souk_status parse(const struct souk_agreement *agreement)
{
	struct souk_keys_policy policy;
	return souk_keys_policy_parse(&policy, agreement);
}

static struct souk_agreement with(const struct souk_key_terms *terms)
{
	struct souk_agreement agreement = kit.agreement;
	souk_keys_agreement_set(&agreement, terms);
	return agreement;
}

static void test_bad_terms(void **state)
{
	(void)state;
	setup(1);
	struct souk_key_terms good, terms;
	assert_int_equal(
		souk_key_terms_decode(&good,
			souk_bytes_of(kit.agreement.details.data, kit.agreement.details.size),
			NULL),
		SOUK_OK);
	struct souk_agreement agreement = with(&good);
	assert_int_equal(parse(&agreement), SOUK_OK);
	agreement.service = 1;
	assert_int_equal(parse(&agreement), SOUK_PEER_AGREEMENT_TERMS);
	agreement = with(&good);
	agreement.terms.bytes[0] ^= 1;
	assert_int_equal(parse(&agreement), SOUK_PEER_AGREEMENT_TERMS);
	agreement = with(&good);
	agreement.details.size--;
	assert_int_equal(parse(&agreement), SOUK_PEER_TRUNCATED);
	static const uint16_t thresholds[] = {0, SOUK_UMBRAL_SHARES_MAX + 1};
	for (size_t i = 0; i < 2; i++) {
		terms = good;
		terms.threshold = thresholds[i];
		agreement = with(&terms);
		assert_int_equal(parse(&agreement), SOUK_PEER_AGREEMENT_TERMS);
	}
	terms = good;
	terms.price = SOUK_AMOUNT_ZERO;
	agreement = with(&terms);
	assert_int_equal(parse(&agreement), SOUK_PEER_AGREEMENT_TERMS);
}

/* Each point, the id and the signature stand under the receiver's signature. */
static void test_bent_terms(void **state)
{
	(void)state;
	setup(1);
	struct souk_agreement agreement = kit.agreement;
	/* Not the last bytes: threshold and price are what the owner likes. */
	for (size_t i = 1; i < agreement.details.size - 10u; i++) {
		struct souk_key_terms terms;
		agreement.details = kit.agreement.details;
		agreement.details.data[i] ^= 1;
		if (souk_key_terms_decode(&terms,
			    souk_bytes_of(agreement.details.data, agreement.details.size),
			    NULL) == SOUK_OK)
			agreement.terms = souk_key_terms_digest(&terms);
		assert_int_not_equal(parse(&agreement), SOUK_OK);
	}
}

static void test_kfrag_is_the_one(void **state)
{
	(void)state;
	setup(1);
	struct souk_umbral_kfrag kfrag = kit.kfrags[0];
	struct souk_secret_rng *rng = &kit.rng;
	assert_int_equal(
		souk_keys_kfrag_check(&kit.policy, &kit.kfrags[1]), SOUK_PEER_BAD_KEY_FRAGMENT);
	kfrag.rk = kit.kfrags[1].rk;
	assert_int_equal(souk_keys_kfrag_check(&kit.policy, &kfrag), SOUK_PEER_BAD_KEY_FRAGMENT);
	kfrag = kit.kfrags[0];
	kfrag.proxy_signature = kit.kfrags[1].proxy_signature;
	assert_int_equal(souk_keys_kfrag_check(&kit.policy, &kfrag), SOUK_PEER_BAD_KEY_FRAGMENT);
	kfrag = kit.kfrags[0];
	kfrag.x = kit.policy.u1;
	assert_int_equal(souk_keys_kfrag_check(&kit.policy, &kfrag), SOUK_PEER_BAD_KEY_FRAGMENT);
	/* Another policy for the same two. */
	struct souk_umbral_kfrag others[2];
	assert_int_equal(souk_umbral_delegate(others, 2, 2, &kit.delegating, &kit.receiving.point,
				 &kit.signer, true, true, rng),
		SOUK_OK);
	assert_int_equal(
		souk_keys_kfrag_check(&kit.policy, &others[0]), SOUK_PEER_BAD_KEY_FRAGMENT);
}

/* ---- what a receiver asks ---- */

static void test_bad_requests(void **state)
{
	(void)state;
	setup(3);
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	uint32_t index = 77;
	uint64_t number = souk_keys_request_number(&request);
	assert_int_equal(souk_keys_request_parse(capsules, &index, &request, number), SOUK_OK);
	assert_int_equal(souk_keys_request_parse(capsules, &index, &request, number + 1),
		SOUK_PEER_BAD_REQUEST);
	request.capsules.items[2].bytes.data[97] ^= 1;
	number = souk_keys_request_number(&request);
	assert_int_equal(index, 77);
	assert_int_equal(
		souk_keys_request_parse(capsules, &index, &request, number), SOUK_PEER_BAD_CAPSULE);
	assert_int_equal(index, 2);
	request.capsules.items[1].bytes.size--;
	number = souk_keys_request_number(&request);
	assert_int_equal(
		souk_keys_request_parse(capsules, &index, &request, number), SOUK_PEER_TRUNCATED);
	assert_int_equal(index, 1);
	request.capsules.count = 0;
	number = souk_keys_request_number(&request);
	assert_int_equal(
		souk_keys_request_parse(capsules, &index, &request, number), SOUK_PEER_BAD_REQUEST);
}

/* ---- what a proxy answers ---- */

static void test_bad_replies(void **state)
{
	(void)state;
	setup(5);
	struct souk_key_statement *statement = &reply.statement.statement;
	const struct souk_key_reply good = reply;
	assert_int_equal(check(), SOUK_OK);
	uint8_t *const fields[] = {statement->agreement.bytes, statement->session.bytes,
		(uint8_t *)&statement->unit, (uint8_t *)&statement->number, statement->after.bytes,
		&statement->count, statement->root.bytes};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		*fields[i] ^= 1;
		souk_keys_reply_sign(&reply, &kit.proxy);
		assert_int_equal(check(), SOUK_PEER_BAD_STATEMENT);
		reply = good;
	}
	for (size_t i = 0; i < reply.fragments.size; i++) {
		reply.fragments.data[i] ^= 0x80;
		assert_int_equal(check(), SOUK_PEER_BAD_STATEMENT);
		reply = good;
	}
	reply.fragments.size--;
	assert_int_equal(check(), SOUK_PEER_WRONG_LENGTH);
	reply = good;
	souk_keys_reply_sign(&reply, &kit.owner);
	assert_int_equal(check(), SOUK_PEER_WRONG_SIGNER);
	reply = good;
	reply.statement.signature.bytes[64] = 9;
	assert_int_equal(check(), SOUK_PEER_BAD_SIGNATURE);
}

static void test_another_lock(void **state)
{
	(void)state;
	setup(1);
	uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 2, &request);
	assert_int_equal(
		souk_keys_reply_open(fragments, &reply, &request, &cipher), SOUK_PEER_BAD_KEY);
}

/* Any bit of a fragment, and it is no longer right. */
static void test_bent_fragments(void **state)
{
	(void)state;
	setup(1);
	struct souk_umbral_cfrag cfrag;
	struct souk_umbral_capsule capsule;
	uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE], *bytes = fragments[0];
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 1, &request);
	assert_int_equal(souk_keys_reply_open(fragments, &reply, &request, &cipher), SOUK_OK);
	assert_int_equal(souk_umbral_capsule_parse_simple(
				 &capsule, souk_bytes_of(request.capsules.items[0].bytes.data,
						   SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE)),
		SOUK_OK);
	assert_int_equal(souk_keys_fragment_verify(&cfrag, bytes, &capsule, &kit.policy), SOUK_OK);
	uint8_t again[SOUK_KEYS_FRAGMENT_SIZE];
	souk_keys_fragment_format(again, &cfrag);
	assert_memory_equal(again, bytes, sizeof again);
	for (size_t bit = 0; bit < SOUK_KEYS_FRAGMENT_SIZE * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			souk_keys_fragment_verify(&cfrag, bytes, &capsule, &kit.policy), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receiver_reads),
		cmocka_unit_test(test_the_same_twice),
		cmocka_unit_test(test_every_engine),
		cmocka_unit_test(test_no_keystream_twice),
		cmocka_unit_test(test_bad_terms),
		cmocka_unit_test(test_bent_terms),
		cmocka_unit_test(test_kfrag_is_the_one),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_bad_replies),
		cmocka_unit_test(test_another_lock),
		cmocka_unit_test(test_bent_fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
