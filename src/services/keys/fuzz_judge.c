/* SPDX-License-Identifier: Apache-2.0
 *
 * Service and judge of keys under hostile bytes. The first byte of the input chooses:
 *
 *   0  the rest is a fault's number and evidence as it comes: convicts nobody
 *   1  the rest are patches (offset16, xor8) to evidence against an honest proxy: convicts nobody
 *   2  the same to evidence of fault 1, 2 and 3: convicts as long as not a bit differs
 *   3  patches to a statement that the proxy then signs, so that the fuzzer gets past the
 *      signature; the verdict is open, but is the same twice
 *   4  the rest is a question, asked and answered
 *   5  patches to an answer: it stays one as long as not a bit differs
 *   6  patches to a reply: the receiver pays it as long as not a bit differs
 *   7  patches to an agreement's details, whose digest then follows: no fault, or terms that the
 *      receiver's signature covers
 *   8  the rest is a request, parsed and served */
#include <stdlib.h>
#include <string.h>

#include "keys_kit.h"
#include "souk/base/check.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define LATE_MS (2u * KEYS_KIT_ENDS)

/* A message, encoded. */
struct made {
	uint8_t bytes[SOUK_KEY_REPLY_SIZE_MAX];
	size_t size;
};

static struct keys_kit kit;
static struct souk_key_request request;
static struct souk_key_reply honest_reply, guilty_reply;
static struct made guilty[3], honest[3], reply, answer, question;

#define MAKE(ret, kind, message)                                                                   \
	do {                                                                                       \
		struct souk_writer writer;                                                         \
		souk_writer_init(&writer, (ret)->bytes, sizeof(ret)->bytes);                       \
		souk_##kind##_encode(&writer, message);                                            \
		REQUIRE(!writer.full);                                                             \
		(ret)->size = writer.size;                                                         \
	} while (0)

static souk_status convict(uint32_t fault, struct souk_bytes evidence)
{
	souk_status status = souk_keys_convict(&kit.agreement, fault, evidence);
	REQUIRE(souk_keys_convict(&kit.agreement, fault, evidence) == status);
	REQUIRE(status == SOUK_OK || souk_status_class(status) == SOUK_CLASS_PEER);
	return status;
}

static void make_fault(struct made *ret, const struct souk_key_reply *about,
	const struct souk_signed_block_header *block)
{
	struct souk_key_evidence evidence;
	struct souk_key_late_evidence late = {
		.statement = about->statement, .genesis = kit.genesis, .block = *block};
	struct souk_key_lock_evidence lock = {.statement = about->statement, .grant = kit.grant};
	keys_kit_evidence(&kit, &evidence, &request, about, 1);
	lock.key = souk_chain_value(&kit.chain, 1);
	MAKE(&ret[0], key_evidence, &evidence);
	MAKE(&ret[1], key_late_evidence, &late);
	MAKE(&ret[2], key_lock_evidence, &lock);
}

static void make_questions(void)
{
	struct souk_key_question asked = {.capsule = {.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE}};
	struct souk_key_answer answered;
	memcpy(asked.capsule.data, request.capsules.items[0].bytes.data, asked.capsule.size);
	REQUIRE(souk_keys_answer(&answered, &asked, &kit.kfrags[0], kit.secret) == SOUK_OK);
	MAKE(&question, key_question, &asked);
	MAKE(&answer, key_answer, &answered);
}

/* One reply in time and right; one late and wrong; one of which the lock is false. */
static void make_scene(void)
{
	static struct souk_key_reply locked;
	struct souk_signed_block_header block;
	struct made three[3];
	static bool made;
	if (made)
		return;
	made = true;
	keys_kit_init(&kit, 1, 4);
	keys_kit_ask(&kit, &request, 3);
	keys_kit_block(&kit, &block, &request, KEYS_KIT_ENDS);
	keys_kit_serve(&kit, &honest_reply, &request, 1);
	make_fault(honest, &honest_reply, &block);
	MAKE(&reply, key_reply, &honest_reply);
	make_questions();
	keys_kit_block(&kit, &block, &request, LATE_MS);
	keys_kit_serve(&kit, &guilty_reply, &request, 1);
	guilty_reply.fragments.data[SOUK_KEYS_FRAGMENT_SIZE + 5] ^= 1;
	keys_kit_sign_again(&kit, &guilty_reply, &request);
	make_fault(guilty, &guilty_reply, &block);
	locked = honest_reply;
	locked.statement.statement.lock.bytes[0] ^= 1;
	souk_keys_reply_sign(&locked, &kit.proxy);
	make_fault(three, &locked, &block);
	guilty[2] = three[2];
	keys_kit_block(&kit, &block, &request, KEYS_KIT_ENDS);
}

/* Patch MADE; whether it differs from what it was. */
static bool patch(struct made *made, struct souk_bytes in)
{
	struct made before = *made;
	for (; in.size >= 3; in = souk_bytes_of(in.data + 3, in.size - 3))
		made->bytes[souk_load_be16(in.data) % made->size] ^= in.data[2];
	return memcmp(&before, made, sizeof before) != 0;
}

static struct souk_bytes bytes_of(const struct made *made)
{
	return souk_bytes_of(made->bytes, made->size);
}

static void fuzz_patched(const struct made base[3], struct souk_bytes in)
{
	if (in.size == 0)
		return;
	uint32_t fault = in.data[0] % 3;
	struct made made = base[fault];
	bool differs = patch(&made, souk_bytes_of(in.data + 1, in.size - 1));
	REQUIRE((convict(fault + 1, bytes_of(&made)) == SOUK_OK) == (base == guilty && !differs));
}

static void fuzz_signed(struct souk_bytes in)
{
	struct souk_key_reply bent = guilty_reply;
	struct souk_signed_block_header block;
	struct souk_key_request asked = request;
	struct made made, faults[3];
	MAKE(&made, key_statement, &bent.statement.statement);
	patch(&made, in);
	if (souk_key_statement_decode(&bent.statement.statement, bytes_of(&made), NULL) != SOUK_OK)
		return;
	if (bent.statement.statement.unit > kit.grant.grant.units)
		return; /* the kit has no key for it */
	souk_keys_reply_sign(&bent, &kit.proxy);
	keys_kit_block(&kit, &block, &asked, LATE_MS);
	make_fault(faults, &bent, &block);
	for (uint32_t i = 0; i < 3; i++)
		(void)convict(i + 1, bytes_of(&faults[i]));
}

static void fuzz_question(struct souk_bytes in)
{
	struct souk_key_question asked;
	struct souk_key_answer answered;
	struct made made;
	if (souk_keys_question_check(&kit.agreement, in) != SOUK_OK)
		return;
	REQUIRE(souk_key_question_decode(&asked, in, NULL) == SOUK_OK);
	REQUIRE(souk_keys_answer(&answered, &asked, &kit.kfrags[0], kit.secret) == SOUK_OK);
	MAKE(&made, key_answer, &answered);
	REQUIRE(souk_keys_answer_check(&kit.agreement, in, bytes_of(&made)) == SOUK_OK);
}

static void fuzz_answer(struct souk_bytes in)
{
	struct made made = answer;
	bool differs = patch(&made, in);
	souk_status status =
		souk_keys_answer_check(&kit.agreement, bytes_of(&question), bytes_of(&made));
	REQUIRE((status == SOUK_OK) == !differs);
}

static void fuzz_reply(struct souk_bytes in)
{
	struct souk_key_reply decoded;
	struct made made = reply;
	bool differs = patch(&made, in);
	if (souk_key_reply_decode(&decoded, bytes_of(&made), NULL) != SOUK_OK)
		return;
	souk_status status = souk_keys_reply_check(
		&decoded, &request, &kit.id, &kit.grant.grant.session, 1, &kit.proxy.address);
	REQUIRE((status == SOUK_OK) == !differs);
}

static void fuzz_terms(struct souk_bytes in)
{
	struct souk_agreement agreement = kit.agreement;
	struct souk_keys_policy policy;
	struct souk_key_terms terms;
	struct made made = {.size = agreement.details.size};
	memcpy(made.bytes, agreement.details.data, made.size);
	bool differs = patch(&made, in);
	memcpy(agreement.details.data, made.bytes, made.size);
	if (souk_key_terms_decode(&terms, bytes_of(&made), NULL) == SOUK_OK)
		agreement.terms = souk_key_terms_digest(&terms);
	if (souk_keys_terms_check(&agreement) != SOUK_OK) {
		REQUIRE(differs);
		return;
	}
	/* What the proxy was given serves these too: they differ in threshold and price at most. */
	REQUIRE(souk_keys_policy_parse(&policy, &agreement) == SOUK_OK);
	REQUIRE(souk_keys_kfrag_check(&policy, &kit.kfrags[0]) == SOUK_OK);
}

static void fuzz_request(struct souk_bytes in)
{
	struct souk_key_request asked;
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	struct souk_key_reply answered;
	uint32_t index = UINT32_MAX;
	if (souk_key_request_decode(&asked, in, NULL) != SOUK_OK)
		return;
	uint64_t number = souk_keys_request_number(&asked);
	if (souk_keys_request_parse(capsules, &index, &asked, number) != SOUK_OK) {
		REQUIRE(asked.capsules.count == 0 || index < asked.capsules.count);
		return;
	}
	keys_kit_serve(&kit, &answered, &asked, 2);
	REQUIRE(souk_keys_reply_check(&answered, &asked, &kit.id, &kit.grant.grant.session, 2,
			&kit.proxy.address) == SOUK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make_scene();
	if (size == 0)
		return 0;
	struct souk_bytes rest = souk_bytes_of(data + 1, size - 1);
	switch (data[0] % 9) {
	case 0:
		if (rest.size > 0)
			REQUIRE(convict(rest.data[0] % 5,
					souk_bytes_of(rest.data + 1, rest.size - 1)) != SOUK_OK);
		break;
	case 1: fuzz_patched(honest, rest); break;
	case 2: fuzz_patched(guilty, rest); break;
	case 3: fuzz_signed(rest); break;
	case 4: fuzz_question(rest); break;
	case 5: fuzz_answer(rest); break;
	case 6: fuzz_reply(rest); break;
	case 7: fuzz_terms(rest); break;
	default: fuzz_request(rest); break;
	}
	return 0;
}
