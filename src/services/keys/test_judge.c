/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge of keys: whoever sends a wrong fragment, serves too late or locks with another key is
 * convicted; and nothing that anybody puts together convicts a proxy that does what it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keys_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"

/* As many of each as the project promises; a sanitised build is slower. */
#define FRAGMENTS 10000u
#define PER_SCENE 2000u

static struct keys_kit kit, other;
static struct souk_key_request request;
static struct souk_key_reply reply;
static struct souk_key_evidence evidence;
static struct souk_signed_block_header block;
static struct souk_rng rng;

static void setup(uint32_t count)
{
	souk_rng_init(&rng, 1);
	keys_kit_init(&kit, 1, 600);
	keys_kit_ask(&kit, &request, count);
	keys_kit_serve(&kit, &reply, &request, 1);
}

static souk_status convict_bytes(
	const struct souk_agreement *about, uint32_t fault, const struct souk_writer *writer)
{
	assert_false(writer->full);
	souk_status status =
		souk_keys_convict(about, fault, souk_bytes_of(writer->data, writer->size));
	assert_true(status == SOUK_OK || souk_status_class(status) == SOUK_CLASS_PEER);
	return status;
}

static souk_status convict_by(
	const struct souk_agreement *about, const struct souk_key_evidence *by)
{
	uint8_t bytes[SOUK_KEY_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_evidence_encode(&writer, by);
	assert_true(writer.size <= SOUK_KEYS_EVIDENCE_SIZE_MAX);
	return convict_bytes(about, SOUK_KEYS_FAULT_FRAGMENT, &writer);
}

static souk_status convict(void)
{
	return convict_by(&kit.agreement, &evidence);
}

/* ---- ten thousand of each ---- */

/* What wrong proxies send in place of a fragment, as a change of its encrypted bytes. */
static void spoil(uint32_t how, uint32_t index)
{
	uint8_t *bytes = reply.fragments.data + index * SOUK_KEYS_FRAGMENT_SIZE;
	uint32_t at = (uint32_t)souk_rng_below(&rng, SOUK_KEYS_FRAGMENT_SIZE);
	switch (how % 4) {
	case 0: bytes[at] ^= (uint8_t)(1u << souk_rng_below(&rng, 8)); break;
	case 1: bytes[at] ^= (uint8_t)(1 + souk_rng_below(&rng, 255)); break;
	case 2:
		for (size_t i = 0; i < SOUK_KEYS_FRAGMENT_SIZE; i++)
			bytes[i] = (uint8_t)souk_rng_below(&rng, 256);
		break;
	default: bytes[SOUK_KEYS_FRAGMENT_SIZE - 1] ^= 1; break;
	}
}

static void assert_wrong(const uint8_t *fragment, const uint8_t *bytes)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_cfrag cfrag;
	assert_int_equal(souk_umbral_capsule_parse_simple(
				 &capsule, souk_bytes_of(bytes, SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE)),
		SOUK_OK);
	assert_int_not_equal(
		souk_keys_fragment_verify(&cfrag, fragment, &capsule, &kit.policy), SOUK_OK);
}

static void judge_unit(uint32_t unit, bool is_honest)
{
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, unit, &request);
	uint8_t plain[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
	assert_int_equal(souk_keys_reply_check(&reply, &request, &kit.id, &kit.grant.grant.session,
				 unit, &kit.proxy.address),
		SOUK_OK);
	assert_int_equal(souk_keys_reply_open(plain, &reply, &request, &cipher), SOUK_OK);
	for (uint32_t i = 0; i < request.capsules.count; i++) {
		/* Of a right one the judge says so: it does the same. */
		if (!is_honest)
			assert_wrong(plain[i], request.capsules.items[i].bytes.data);
		keys_kit_evidence(&kit, &evidence, &request, &reply, i);
		assert_int_equal(convict(), is_honest ? SOUK_PEER_NOT_GUILTY : SOUK_OK);
	}
}

static void many(bool is_honest)
{
	for (uint32_t done = 0, unit = 0; done < FRAGMENTS; done += SOUK_KEYS_BATCH_MAX, unit++) {
		if (done % PER_SCENE == 0) {
			keys_kit_init(&kit, done, PER_SCENE / SOUK_KEYS_BATCH_MAX);
			keys_kit_ask(&kit, &request, SOUK_KEYS_BATCH_MAX);
			unit = 1;
		}
		/* A capsule that was never seen, in place of the oldest. */
		struct souk_key_request one;
		keys_kit_ask(&kit, &one, 1);
		request.capsules.items[unit % SOUK_KEYS_BATCH_MAX] = one.capsules.items[0];
		keys_kit_serve(&kit, &reply, &request, unit);
		for (uint32_t i = 0; !is_honest && i < SOUK_KEYS_BATCH_MAX; i++)
			spoil(done + i, i);
		if (!is_honest)
			keys_kit_sign_again(&kit, &reply, &request);
		judge_unit(unit, is_honest);
	}
}

static void test_honest_fragments_convict_nobody(void **state)
{
	(void)state;
	souk_rng_init(&rng, 3);
	many(true);
}

static void test_wrong_fragments_convict(void **state)
{
	(void)state;
	souk_rng_init(&rng, 4);
	many(false);
}

/* Fragments that are right, but of something else. */
static void test_borrowed_fragments_convict(void **state)
{
	struct souk_umbral_cfrag cfrag;
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	uint8_t right[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
	uint8_t wrong[3][SOUK_KEYS_FRAGMENT_SIZE], fresh[32] = {7};
	uint32_t index;
	(void)state;
	setup(2);
	struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 1, &request);
	assert_int_equal(souk_keys_reply_open(right, &reply, &request, &cipher), SOUK_OK);
	assert_int_equal(souk_keys_request_parse(
				 capsules, &index, &request, souk_keys_request_number(&request)),
		SOUK_OK);
	/* Of the other capsule, with another key fragment, with e1 and v1 swapped. */
	memcpy(wrong[0], right[1], sizeof wrong[0]);
	souk_umbral_reencrypt(&cfrag, &capsules[0], &kit.kfrags[1], fresh);
	souk_keys_fragment_format(wrong[1], &cfrag);
	memcpy(wrong[2], right[0], sizeof wrong[2]);
	memcpy(wrong[2], right[0] + 33, 33);
	memcpy(wrong[2] + 33, right[0], 33);
	for (size_t k = 0; k < SOUK_COUNT_OF(wrong); k++) {
		for (size_t i = 0; i < SOUK_KEYS_FRAGMENT_SIZE; i++)
			reply.fragments.data[i] ^= right[0][i] ^ wrong[k][i];
		keys_kit_sign_again(&kit, &reply, &request);
		assert_int_equal(souk_keys_accuse_fragment(
					 &evidence, &request, &reply, 0, &cipher, &kit.agreement),
			SOUK_OK);
		assert_int_equal(convict(), SOUK_OK);
		assert_int_equal(souk_keys_accuse_fragment(
					 &evidence, &request, &reply, 1, &cipher, &kit.agreement),
			SOUK_PEER_NOT_GUILTY);
		memcpy(right[0], wrong[k], sizeof wrong[k]);
	}
}

/* Every place in a request of every size. */
static void test_every_place(void **state)
{
	(void)state;
	for (uint32_t count = 1; count <= SOUK_KEYS_BATCH_MAX; count++) {
		setup(count);
		struct souk_unit_cipher cipher = keys_kit_cipher(&kit, 1, &request);
		const struct souk_key_reply good = reply;
		for (uint32_t i = 0; i < count; i++) {
			reply = good;
			assert_int_equal(souk_keys_accuse_fragment(&evidence, &request, &reply, i,
						 &cipher, &kit.agreement),
				SOUK_PEER_NOT_GUILTY);
			spoil(0, i);
			keys_kit_sign_again(&kit, &reply, &request);
			assert_int_equal(souk_keys_accuse_fragment(&evidence, &request, &reply, i,
						 &cipher, &kit.agreement),
				SOUK_OK);
			assert_int_equal(evidence.index, i);
			assert_int_equal(convict(), SOUK_OK);
		}
	}
}

/* ---- framing, fault 1 ---- */

/* An honest reply, and the best evidence there is against it. */
static void frame(void)
{
	setup(5);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 2);
	assert_int_equal(convict(), SOUK_PEER_NOT_GUILTY);
}

static void test_bent_evidence_convicts_nobody(void **state)
{
	uint8_t bytes[SOUK_KEY_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	(void)state;
	frame();
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_evidence_encode(&writer, &evidence);
	for (size_t bit = 0; bit < writer.size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_FRAGMENT, &writer), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	size_t size = writer.size;
	for (writer.size = 0; writer.size < size; writer.size++)
		assert_int_not_equal(
			convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_FRAGMENT, &writer), SOUK_OK);
}

/* A foreign base point is refused on the way in; and where somebody else than souk made the key
 * fragment, its u1 is not rk U, so the proxy never enters into the agreement. */
static void test_foreign_parameter(void **state)
{
	uint8_t bytes[SOUK_UMBRAL_KFRAG_SIZE];
	struct souk_umbral_kfrag kfrag;
	struct souk_key_terms terms;
	struct souk_keys_policy policy;
	(void)state;
	setup(1);
	souk_umbral_kfrag_format(bytes, &kit.kfrags[0]);
	struct souk_point foreign;
	assert_int_equal(souk_point_add(&foreign, &kit.policy.u1, &kit.policy.x), SOUK_OK);
	souk_point_format(bytes + 4, &foreign);
	assert_int_equal(souk_umbral_kfrag_parse(&kfrag, souk_bytes_of(bytes, sizeof bytes)),
		SOUK_PEER_FOREIGN_PARAMETER);
	/* u1 = rk U' under U, signed by who knows the signer's key. */
	kfrag = kit.kfrags[0];
	assert_int_equal(souk_point_mul(&kfrag.u1, &foreign, &kfrag.rk), SOUK_OK);
	souk_keys_terms_of(&terms, &kfrag, &kit.delegating.point, &kit.receiving.point,
		&kit.signer.point, 2, (struct souk_amount){5});
	souk_keys_agreement_set(&kit.agreement, &terms);
	/* The old signature does not cover it ... */
	assert_int_equal(
		souk_keys_policy_parse(&policy, &kit.agreement), SOUK_PEER_BAD_KEY_FRAGMENT);
	/* ... and with one that does, the key fragment is not what it says. */
	policy = kit.policy;
	policy.u1 = kfrag.u1;
	assert_int_equal(souk_keys_kfrag_check(&policy, &kfrag), SOUK_PEER_BAD_KEY_FRAGMENT);
}

/* A careless proxy signs for a capsule that is none: no fragment could be right. */
static void test_bad_capsule_convicts_nobody(void **state)
{
	(void)state;
	setup(2);
	request.capsules.items[0].bytes.data[97] ^= 1;
	reply.statement.statement.number = souk_keys_request_number(&request);
	spoil(2, 0);
	keys_kit_sign_again(&kit, &reply, &request);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 0);
	/* The kit's cipher has the lock of another number's nonce, but the same key. */
	assert_int_equal(convict(), SOUK_PEER_BAD_CAPSULE);
}

static void test_malformed_terms_convict_nobody(void **state)
{
	(void)state;
	setup(1);
	spoil(1, 0);
	/* The proxy signed this under terms that are none: it is the terms' fault. */
	kit.agreement.details.data[40] ^= 1;
	struct souk_hash id = souk_agreement_digest(&kit.agreement);
	reply.statement.statement.agreement = id;
	keys_kit_sign_again(&kit, &reply, &request);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 0);
	assert_int_not_equal(convict(), SOUK_OK);
	kit.agreement.details.size = 0;
	reply.statement.statement.agreement = souk_agreement_digest(&kit.agreement);
	keys_kit_sign_again(&kit, &reply, &request);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 0);
	assert_int_not_equal(convict(), SOUK_OK);
}

/* A statement of one agreement is none of another, be it of the same proxy. */
static void test_other_agreement(void **state)
{
	(void)state;
	setup(1);
	spoil(1, 0);
	keys_kit_sign_again(&kit, &reply, &request);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 0);
	assert_int_equal(convict(), SOUK_OK);
	keys_kit_init(&other, 99, 4);
	assert_int_equal(convict_by(&other.agreement, &evidence), SOUK_PEER_WRONG_SIGNER);
	other.agreement = kit.agreement;
	other.agreement.nonce.bytes[0] ^= 1;
	souk_status status = convict_by(&other.agreement, &evidence);
	assert_true(status == SOUK_PEER_WRONG_SIGNER || status == SOUK_PEER_BAD_SIGNATURE);
}

/* Honest statements of one unit, put together with parts of another. */
static void test_mixed_units(void **state)
{
	static struct souk_key_evidence others;
	static struct souk_key_request asked;
	static struct souk_key_reply answered;
	(void)state;
	frame();
	keys_kit_ask(&kit, &asked, 5);
	keys_kit_serve(&kit, &answered, &asked, 2);
	keys_kit_evidence(&kit, &others, &asked, &answered, 2);
	const struct souk_key_evidence good = evidence;
#define SWAPPED(field)                                                                             \
	do {                                                                                       \
		evidence.field = others.field;                                                     \
		assert_int_not_equal(convict(), SOUK_OK);                                          \
		evidence = good;                                                                   \
	} while (0)
	SWAPPED(unit);
	SWAPPED(number);
	SWAPPED(key);
	SWAPPED(capsule);
	SWAPPED(fragment);
	SWAPPED(path);
	SWAPPED(signature);
#undef SWAPPED
	evidence.session.bytes[0] ^= 1;
	assert_int_not_equal(convict(), SOUK_OK);
	evidence = good;
	/* The path of one place with the capsule and fragment of another. */
	for (uint32_t i = 0; i < 5; i++) {
		keys_kit_evidence(&kit, &others, &request, &reply, i);
		evidence = good;
		evidence.path = others.path;
		evidence.index = others.index;
		assert_int_not_equal(convict(), SOUK_OK);
		evidence = others;
		evidence.index = (uint8_t)(i ^ 1);
		assert_int_not_equal(convict(), SOUK_OK);
	}
	/* A place that is none, and a count that the path does not fit. */
	for (uint32_t count = 0; count < 256; count++) {
		evidence = good;
		evidence.count = (uint8_t)count;
		assert_true(convict() != SOUK_OK);
		evidence = good;
		evidence.index = (uint8_t)count;
		assert_true(convict() != SOUK_OK);
	}
}

static void test_unknown_faults(void **state)
{
	static const uint32_t faults[] = {0, 4, 1000, UINT32_MAX};
	(void)state;
	setup(1);
	spoil(1, 0);
	keys_kit_sign_again(&kit, &reply, &request);
	keys_kit_evidence(&kit, &evidence, &request, &reply, 0);
	uint8_t bytes[SOUK_KEY_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_evidence_encode(&writer, &evidence);
	for (size_t i = 0; i < SOUK_COUNT_OF(faults); i++)
		assert_int_equal(
			convict_bytes(&kit.agreement, faults[i], &writer), SOUK_PEER_NOT_GUILTY);
	assert_int_not_equal(convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LATE, &writer), SOUK_OK);
	assert_int_not_equal(convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LOCK, &writer), SOUK_OK);
}

/* ---- fault 2: served too late ---- */

static struct souk_key_late_evidence late;

static souk_status accuse_late(uint64_t revoked, const struct souk_signed_key_deletion *deletion)
{
	return souk_keys_accuse_late(&late, &kit.agreement, souk_time_at_ms(revoked),
		&reply.statement, &kit.genesis, &block, deletion);
}

static void serve_at(uint64_t ms)
{
	keys_kit_block(&kit, &block, &request, ms);
	keys_kit_serve(&kit, &reply, &request, 1);
}

static void test_late(void **state)
{
	const uint64_t revoked = 500000, slack = KEYS_KIT_RESPOND / 2;
	(void)state;
	setup(1);
	serve_at(revoked + slack);
	assert_int_equal(accuse_late(revoked, NULL), SOUK_PEER_NOT_GUILTY);
	serve_at(revoked + slack + 1);
	assert_int_equal(accuse_late(revoked, NULL), SOUK_OK);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_NOT_GUILTY);
	/* Not revoked: what the ledger asks then. */
	serve_at(KEYS_KIT_ENDS + slack);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_NOT_GUILTY);
	serve_at(KEYS_KIT_ENDS + slack + 1);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_OK);
	assert_int_equal(accuse_late(UINT64_MAX, NULL), SOUK_OK);
	uint8_t bytes[SOUK_KEY_LATE_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_late_evidence_encode(&writer, &late);
	assert_int_equal(convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LATE, &writer), SOUK_OK);
	for (size_t bit = 0; bit < writer.size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LATE, &writer), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Served although it said that it had deleted. */
static void test_served_after_deletion(void **state)
{
	struct souk_signed_key_deletion deletion = {.deletion = {.version = 1, .time = {300000}}};
	(void)state;
	setup(1);
	deletion.deletion.agreement = kit.id;
	souk_keys_deletion_sign(&deletion, &kit.proxy);
	assert_int_equal(souk_keys_deletion_verify(&deletion, &kit.proxy.address), SOUK_OK);
	assert_int_equal(
		souk_keys_deletion_verify(&deletion, &kit.owner.address), SOUK_PEER_WRONG_SIGNER);
	serve_at(300000 + KEYS_KIT_RESPOND / 2);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, &deletion), SOUK_PEER_NOT_GUILTY);
	serve_at(300001 + KEYS_KIT_RESPOND / 2);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, &deletion), SOUK_OK);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_NOT_GUILTY);
	/* A receipt that somebody else made, or of another agreement. */
	souk_keys_deletion_sign(&deletion, &kit.owner);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, &deletion), SOUK_PEER_WRONG_SIGNER);
	deletion.deletion.agreement.bytes[0] ^= 1;
	souk_keys_deletion_sign(&deletion, &kit.proxy);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, &deletion), SOUK_PEER_BAD_STATEMENT);
}

/* Blocks that prove nothing: another ledger's, not the operator's, not the one that was named. */
static void test_late_by_false_blocks(void **state)
{
	const uint64_t far = KEYS_KIT_ENDS * 2;
	(void)state;
	setup(1);
	serve_at(100);
	keys_kit_block(&kit, &block, &(struct souk_key_request){0}, far);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_BAD_STATEMENT);
	/* Not signed by the operator: an owner made it up, and asked with its hash. */
	serve_at(far);
	struct souk_hash name = souk_block_header_digest(&block.header);
	souk_ecdsa_sign(&block.signature, &name, &kit.owner);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_WRONG_SIGNER);
	/* A ledger of the owner's own, with blocks of any time. */
	keys_kit_init(&other, 5, 1);
	other.genesis.operator= kit.owner.address;
	keys_kit_block(&other, &block, &request, far);
	block.header.ledger = souk_genesis_digest(&other.genesis);
	request.after = souk_block_header_digest(&block.header);
	souk_ecdsa_sign(&block.signature, &request.after, &kit.owner);
	keys_kit_serve(&kit, &reply, &request, 1);
	assert_int_equal(
		souk_keys_accuse_late(&late, &kit.agreement, souk_time_at_ms(KEYS_KIT_ENDS),
			&reply.statement, &other.genesis, &block, NULL),
		SOUK_PEER_TX_WRONG_LEDGER);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_TX_WRONG_LEDGER);
	/* The right ledger's name in it, but signed by who operates another. */
	block.header.ledger = kit.agreement.ledger;
	request.after = souk_block_header_digest(&block.header);
	souk_ecdsa_sign(&block.signature, &request.after, &kit.owner);
	keys_kit_serve(&kit, &reply, &request, 1);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_WRONG_SIGNER);
	/* A request may name anything. */
	memset(request.after.bytes, 0x55, sizeof request.after.bytes);
	keys_kit_serve(&kit, &reply, &request, 1);
	assert_int_equal(accuse_late(KEYS_KIT_ENDS, NULL), SOUK_PEER_BAD_STATEMENT);
}

/* ---- fault 3: a false lock ---- */

static struct souk_key_lock_evidence lock_evidence;

static souk_status accuse_lock(uint32_t unit, const struct souk_signed_grant *grant)
{
	struct souk_hash key = souk_chain_value(&kit.chain, unit);
	return souk_keys_accuse_lock(
		&lock_evidence, &reply, grant, &key, kit.key_leaves, &kit.agreement);
}

static void test_false_lock(void **state)
{
	static const uint32_t units[] = {1, 255, 256, 257, 512, 600};
	(void)state;
	setup(3);
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++) {
		keys_kit_serve(&kit, &reply, &request, units[i]);
		assert_int_equal(accuse_lock(units[i], &kit.grant), SOUK_PEER_NOT_GUILTY);
		reply.statement.statement.lock.bytes[3] ^= 1;
		souk_keys_reply_sign(&reply, &kit.proxy);
		assert_int_equal(accuse_lock(units[i], &kit.grant), SOUK_OK);
	}
	uint8_t bytes[SOUK_KEY_LOCK_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_lock_evidence_encode(&writer, &lock_evidence);
	assert_int_equal(convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LOCK, &writer), SOUK_OK);
	for (size_t bit = 0; bit < writer.size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			convict_bytes(&kit.agreement, SOUK_KEYS_FAULT_LOCK, &writer), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* An honest statement with the key of another unit, or with a grant of another session. */
static void test_borrowed_locks(void **state)
{
	struct souk_signed_grant grant;
	struct souk_hash key;
	(void)state;
	setup(1);
	for (uint32_t unit = 0; unit <= 600; unit += 75) {
		key = souk_chain_value(&kit.chain, unit);
		assert_int_not_equal(souk_keys_accuse_lock(&lock_evidence, &reply, &kit.grant, &key,
					     kit.key_leaves, &kit.agreement),
			SOUK_OK);
	}
	keys_kit_init(&other, 8, 4);
	key = souk_chain_value(&other.chain, 1);
	assert_int_equal(souk_keys_accuse_lock(&lock_evidence, &reply, &other.grant, &key,
				 other.key_leaves, &kit.agreement),
		SOUK_PEER_BAD_GRANT);
	/* The same session's name in a grant that the owner signed. */
	grant = other.grant;
	grant.grant.session = kit.grant.grant.session;
	grant.grant.provider = kit.owner.address;
	souk_grant_sign(&grant, &kit.owner);
	assert_int_equal(accuse_lock(1, &grant), SOUK_PEER_BAD_GRANT);
	grant.grant.provider = kit.proxy.address;
	souk_grant_sign(&grant, &kit.owner);
	assert_int_equal(accuse_lock(1, &grant), SOUK_PEER_WRONG_SIGNER);
	/* Another session of the same proxy. */
	other.grant.grant.provider = kit.proxy.address;
	souk_grant_sign(&other.grant, &kit.proxy);
	assert_int_equal(souk_keys_accuse_lock(&lock_evidence, &reply, &other.grant, &key,
				 other.key_leaves, &kit.agreement),
		SOUK_PEER_BAD_GRANT);
	/* Units that a grant has not. */
	reply.statement.statement.unit = 0;
	souk_keys_reply_sign(&reply, &kit.proxy);
	assert_int_equal(accuse_lock(1, &kit.grant), SOUK_PEER_BAD_GRANT);
	reply.statement.statement.unit = 601;
	souk_keys_reply_sign(&reply, &kit.proxy);
	assert_int_equal(accuse_lock(1, &kit.grant), SOUK_PEER_BAD_GRANT);
}

/* ---- silence ---- */

static size_t write_question(
	uint8_t out[SOUK_KEY_QUESTION_SIZE_MAX], const struct souk_key_question *question)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_KEY_QUESTION_SIZE_MAX);
	souk_key_question_encode(&writer, question);
	return writer.size;
}

static size_t write_answer(
	uint8_t out[SOUK_KEY_ANSWER_SIZE_MAX], const struct souk_key_answer *answer)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_KEY_ANSWER_SIZE_MAX);
	souk_key_answer_encode(&writer, answer);
	return writer.size;
}

static void test_questions_and_answers(void **state)
{
	uint8_t asked[SOUK_KEY_QUESTION_SIZE_MAX], answered[SOUK_KEY_ANSWER_SIZE_MAX];
	struct souk_key_question question = {.capsule = {.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE}};
	struct souk_key_answer answer;
	(void)state;
	setup(1);
	memcpy(question.capsule.data, request.capsules.items[0].bytes.data, question.capsule.size);
	struct souk_bytes q = souk_bytes_of(asked, write_question(asked, &question));
	assert_int_equal(souk_keys_question_check(&kit.agreement, q), SOUK_OK);
	assert_int_equal(souk_keys_answer(&answer, &question, &kit.kfrags[0], kit.secret), SOUK_OK);
	struct souk_bytes a = souk_bytes_of(answered, write_answer(answered, &answer));
	assert_int_equal(souk_keys_answer_check(&kit.agreement, q, a), SOUK_OK);
	for (size_t bit = 0; bit < a.size * 8; bit++) {
		answered[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(souk_keys_answer_check(&kit.agreement, q, a), SOUK_OK);
		answered[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* Another key fragment's answer. */
	assert_int_equal(souk_keys_answer(&answer, &question, &kit.kfrags[1], kit.secret), SOUK_OK);
	write_answer(answered, &answer);
	assert_int_not_equal(souk_keys_answer_check(&kit.agreement, q, a), SOUK_OK);
	/* What is no capsule is no question, and nobody need answer it. */
	for (size_t bit = 0; bit < q.size * 8; bit++) {
		asked[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(souk_keys_question_check(&kit.agreement, q), SOUK_OK);
		asked[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < q.size; cut++)
		assert_int_not_equal(
			souk_keys_question_check(&kit.agreement, souk_bytes_of(asked, cut)),
			SOUK_OK);
	question.capsule.data[97] ^= 1;
	assert_int_equal(souk_keys_answer(&answer, &question, &kit.kfrags[0], kit.secret),
		SOUK_PEER_BAD_CAPSULE);
}

static void test_who_may_ask(void **state)
{
	struct souk_pubkey pubkey;
	struct souk_address receiver;
	(void)state;
	setup(1);
	souk_point_format(pubkey.bytes, &kit.receiving.point);
	assert_int_equal(souk_address_of_pubkey(&receiver, &pubkey), SOUK_OK);
	assert_true(souk_keys_may_ask(&kit.agreement, &receiver));
	assert_false(souk_keys_may_ask(&kit.agreement, &kit.proxy.address));
	kit.agreement.details.size = 3;
	assert_false(souk_keys_may_ask(&kit.agreement, &receiver));
	assert_int_not_equal(souk_keys_terms_check(&kit.agreement), SOUK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest_fragments_convict_nobody),
		cmocka_unit_test(test_wrong_fragments_convict),
		cmocka_unit_test(test_borrowed_fragments_convict),
		cmocka_unit_test(test_every_place),
		cmocka_unit_test(test_bent_evidence_convicts_nobody),
		cmocka_unit_test(test_foreign_parameter),
		cmocka_unit_test(test_bad_capsule_convicts_nobody),
		cmocka_unit_test(test_malformed_terms_convict_nobody),
		cmocka_unit_test(test_other_agreement),
		cmocka_unit_test(test_mixed_units),
		cmocka_unit_test(test_unknown_faults),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_served_after_deletion),
		cmocka_unit_test(test_late_by_false_blocks),
		cmocka_unit_test(test_false_lock),
		cmocka_unit_test(test_borrowed_locks),
		cmocka_unit_test(test_questions_and_answers),
		cmocka_unit_test(test_who_may_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
