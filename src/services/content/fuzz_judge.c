/* SPDX-License-Identifier: Apache-2.0
 *
 * Content's judge under hostile bytes. The first byte of the input chooses:
 *
 *   0  the rest is evidence as it comes
 *   1  the rest are patches (offset16, xor8) to evidence of an honest exchange: convicts nobody
 *   2  the same to evidence of a fault: convicts as long as not a bit differs
 *   3  patches to a statement that the provider then signs, so that the fuzzer gets past the
 *      signature; the verdict is open, but is the same twice
 *   4  the rest is a question, asked and answered
 *   5  patches to a good question: it stays one as long as not a bit differs
 *
 * What decodes encodes to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "judge_kit.h"
#include "souk/base/check.h"

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define SIZE  (5u * SOUK_BLOCK_SIZE + 9)
#define CHUNK (2u * SOUK_BLOCK_SIZE)

static struct judge_kit kit;
static struct souk_content_evidence honest, guilty;
static struct souk_content_question question;

static void sell(struct judge_kit_unit *unit, uint64_t spoil)
{
	judge_kit_init(&kit, 1, SIZE, CHUNK, 1);
	judge_kit_fetch(&kit, unit, 2, spoil);
	judge_kit_settle(&kit, 1);
}

/* The last chunk: two blocks, the second of nine bytes. Evidence is about the second. */
static void make_scene(void)
{
	static struct judge_kit_unit unit;
	struct souk_ticket ticket;
	static bool made;
	if (made)
		return;
	made = true;
	sell(&unit, SOUK_BLOCK_SIZE * 8);
	REQUIRE(judge_kit_accuse(&kit, &guilty, &unit) == SOUK_OK);
	sell(&unit, JUDGE_KIT_HONEST);
	honest = guilty;
	honest.unit = unit.signed_unit;
	memcpy(honest.cipher.data, unit.cipher + SOUK_BLOCK_SIZE, unit.length - SOUK_BLOCK_SIZE);
	honest.cipher_path.items[0] = souk_merkle_leaf(souk_bytes_of(unit.cipher, SOUK_BLOCK_SIZE));
	REQUIRE(judge_kit_convict(&kit.agreement, &guilty) == SOUK_OK);
	REQUIRE(judge_kit_convict(&kit.agreement, &honest) == SOUK_PEER_NOT_GUILTY);
	REQUIRE(souk_payer_reissue(&ticket, &kit.customer.payer, 1) == SOUK_OK);
	question = (struct souk_content_question){
		.grant = kit.customer.grant, .unit = unit.signed_unit, .ticket = ticket.value};
}

static size_t encode_evidence(uint8_t *out, const struct souk_content_evidence *evidence)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_CONTENT_EVIDENCE_SIZE_MAX);
	souk_content_evidence_encode(&writer, evidence);
	REQUIRE(!writer.full);
	return writer.size;
}

static size_t encode_question(uint8_t *out, const struct souk_content_question *about)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_CONTENT_QUESTION_SIZE_MAX);
	souk_content_question_encode(&writer, about);
	REQUIRE(!writer.full);
	return writer.size;
}

/* Patch BYTES; whether they differ from what they were. */
static bool patch(uint8_t *bytes, size_t size, struct souk_bytes in)
{
	static uint8_t before[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	memcpy(before, bytes, size);
	for (; in.size >= 3; in = souk_bytes_of(in.data + 3, in.size - 3))
		bytes[souk_load_be16(in.data) % size] ^= in.data[2];
	return memcmp(before, bytes, size) != 0;
}

static void check_round_trip(struct souk_bytes in)
{
	static struct souk_content_evidence decoded;
	static uint8_t again[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	if (souk_content_evidence_decode(&decoded, in, NULL) != SOUK_OK)
		return;
	size_t size = encode_evidence(again, &decoded);
	REQUIRE(size == in.size && memcmp(again, in.data, size) == 0);
}

static souk_status judge(struct souk_bytes evidence)
{
	souk_status status =
		souk_content_convict(&kit.agreement, SOUK_CONTENT_FAULT_UNIT, evidence);
	check_round_trip(evidence);
	REQUIRE(souk_content_convict(&kit.agreement, SOUK_CONTENT_FAULT_UNIT, evidence) == status);
	REQUIRE(status == SOUK_OK || souk_status_class(status) == SOUK_CLASS_PEER);
	return status;
}

static void fuzz_patched(const struct souk_content_evidence *base, struct souk_bytes in)
{
	static uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	size_t size = encode_evidence(bytes, base);
	bool differs = patch(bytes, size, in);
	souk_status status = judge(souk_bytes_of(bytes, size));
	REQUIRE((status == SOUK_OK) == (base == &guilty && !differs));
}

static void fuzz_signed(struct souk_bytes in)
{
	static struct souk_content_evidence evidence;
	static uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	uint8_t statement[SOUK_UNIT_STATEMENT_SIZE_MAX];
	struct souk_writer writer;
	evidence = guilty;
	souk_writer_init(&writer, statement, sizeof statement);
	souk_unit_statement_encode(&writer, &evidence.unit.statement);
	patch(statement, writer.size, in);
	if (souk_unit_statement_decode(&evidence.unit.statement,
		    souk_bytes_of(statement, writer.size), NULL) != SOUK_OK)
		return;
	souk_content_statement_sign(&evidence.unit, &kit.provider.identity);
	judge(souk_bytes_of(bytes, encode_evidence(bytes, &evidence)));
}

static void fuzz_question(struct souk_bytes in)
{
	static struct souk_chain chain;
	struct souk_content_question decoded;
	struct souk_content_answer answer;
	souk_status status = souk_content_question_check(&kit.agreement, in);
	/* Only one question is owed an answer in this scene, and nobody else can sign another. */
	if (status != SOUK_OK)
		return;
	REQUIRE(souk_content_question_decode(&decoded, in, NULL) == SOUK_OK);
	REQUIRE(souk_content_answer(&answer, &decoded, judge_kit_record(&kit), &chain) == SOUK_OK);
	uint8_t bytes[SOUK_CONTENT_ANSWER_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_content_answer_encode(&writer, &answer);
	REQUIRE(souk_content_answer_check(&kit.agreement, in, souk_bytes_of(bytes, writer.size)) ==
		SOUK_OK);
}

static void fuzz_patched_question(struct souk_bytes in)
{
	uint8_t bytes[SOUK_CONTENT_QUESTION_SIZE_MAX];
	size_t size = encode_question(bytes, &question);
	bool differs = patch(bytes, size, in);
	struct souk_bytes asked = souk_bytes_of(bytes, size);
	REQUIRE((souk_content_question_check(&kit.agreement, asked) == SOUK_OK) == !differs);
	fuzz_question(asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make_scene();
	if (size == 0)
		return 0;
	struct souk_bytes rest = souk_bytes_of(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0: judge(rest); break;
	case 1: fuzz_patched(&honest, rest); break;
	case 2: fuzz_patched(&guilty, rest); break;
	case 3: fuzz_signed(rest); break;
	case 4: fuzz_question(rest); break;
	default: fuzz_patched_question(rest); break;
	}
	return 0;
}
