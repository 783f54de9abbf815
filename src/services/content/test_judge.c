/* SPDX-License-Identifier: Apache-2.0
 *
 * Content's judge: whoever sends a wrong unit is convicted, whatever bit of it is wrong; and no
 * bent, borrowed or made-up evidence convicts who sent right ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "judge_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"

#define BLOCK SOUK_BLOCK_SIZE

static struct judge_kit kit, other;
static struct judge_kit_unit unit, honest;
static struct souk_content_evidence evidence;

static const struct shape {
	uint64_t size;
	uint32_t chunk_size;
} shapes[] = {{1, BLOCK}, {64, BLOCK}, {BLOCK - 1, BLOCK}, {BLOCK, BLOCK}, {BLOCK + 1, BLOCK},
	{3 * BLOCK, BLOCK}, {1, 4 * BLOCK}, {BLOCK + 1, 4 * BLOCK}, {3 * BLOCK, 4 * BLOCK},
	{4 * BLOCK, 4 * BLOCK}, {4 * BLOCK + 1, 4 * BLOCK}, {11 * BLOCK + 7, 4 * BLOCK},
	{20 * BLOCK, 4 * BLOCK}, {262144, 262144}, {262145, 262144}, {600000, 262144}};

/* One unit of a session of one unit, for CHUNK, and its key. */
static void sell(struct judge_kit *to, const struct shape *shape, uint64_t seed, uint32_t chunk,
	uint64_t spoil, struct judge_kit_unit *ret)
{
	judge_kit_init(to, seed, shape->size, shape->chunk_size, 1);
	judge_kit_fetch(to, ret, chunk, spoil);
	judge_kit_settle(to, 1);
}

/* Evidence as far as it can be had against a unit that is right: block BLOCK of it. */
static void honest_evidence(const struct shape *shape, uint32_t chunk, uint32_t block)
{
	struct souk_hash leaves[64];
	struct souk_merkle_path path;
	sell(&kit, shape, 5, chunk, (uint64_t)block * BLOCK * 8, &unit);
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
	assert_int_equal(evidence.block, block);
	sell(&kit, shape, 5, chunk, JUDGE_KIT_HONEST, &honest);
	uint32_t count = 0;
	for (uint32_t at = 0; at < honest.length; at += BLOCK) {
		uint32_t size = honest.length - at < BLOCK ? honest.length - at : BLOCK;
		leaves[count++] = souk_merkle_leaf(souk_bytes_of(honest.cipher + at, size));
	}
	assert_int_equal(souk_merkle_prove(&path, leaves, count, block), SOUK_OK);
	evidence.unit = honest.signed_unit;
	memcpy(evidence.cipher.data, honest.cipher + (size_t)block * BLOCK, evidence.cipher.size);
	memcpy(evidence.cipher_path.items, path.siblings, path.depth * sizeof(struct souk_hash));
}

/* ---- the guilty ---- */

static void test_any_wrong_bit_convicts(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	for (size_t i = 0; i < SOUK_COUNT_OF(shapes); i++) {
		const struct shape *shape = &shapes[i];
		uint32_t chunks =
			(uint32_t)((shape->size + shape->chunk_size - 1) / shape->chunk_size);
		for (uint32_t chunk = 0; chunk < chunks; chunk++) {
			uint64_t start = (uint64_t)chunk * shape->chunk_size;
			uint64_t length = shape->size - start < shape->chunk_size
						  ? shape->size - start
						  : shape->chunk_size;
			uint64_t bits[] = {0, length * 8 - 1, souk_rng_below(&rng, length * 8)};
			for (size_t k = 0; k < SOUK_COUNT_OF(bits); k++) {
				sell(&kit, shape, i + 1, chunk, bits[k], &unit);
				assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
				assert_int_equal(evidence.block, bits[k] / 8 / BLOCK);
				assert_int_equal(
					judge_kit_convict(&kit.agreement, &evidence), SOUK_OK);
			}
		}
	}
}

/* Deep in a session: the key is proved from a checkpoint, not from the anchor. */
static void test_beyond_a_checkpoint(void **state)
{
	(void)state;
	static const uint32_t wrong[] = {255, 256, 257, 511, 512, 600};
	judge_kit_init(&kit, 3, 2 * BLOCK, BLOCK, 600);
	for (uint32_t j = 1, next = 0; j <= 600; j++) {
		bool is_wrong = wrong[next] == j;
		judge_kit_fetch(&kit, &unit, j % 2, is_wrong ? 77 : JUDGE_KIT_HONEST);
		judge_kit_settle(&kit, j);
		souk_status status = judge_kit_accuse(&kit, &evidence, &unit);
		assert_int_equal(status, is_wrong ? SOUK_OK : SOUK_PEER_NOT_GUILTY);
		if (!is_wrong)
			continue;
		next = next + 1 < SOUK_COUNT_OF(wrong) ? next + 1 : next;
		assert_int_equal(evidence.key_path.count, j < 256 ? 0 : 1);
		assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_OK);
	}
}

/* ---- the innocent ---- */

static void test_right_units_convict_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(shapes); i++) {
		const struct shape *shape = &shapes[i];
		uint32_t last = (uint32_t)((shape->size - 1) / shape->chunk_size);
		for (uint32_t chunk = 0; chunk <= last; chunk += last > 0 ? last : 1) {
			uint64_t left = shape->size - (uint64_t)chunk * shape->chunk_size;
			uint64_t length = left < shape->chunk_size ? left : shape->chunk_size;
			for (uint32_t block = 0; block * (uint64_t)BLOCK < length; block++) {
				honest_evidence(shape, chunk, block);
				assert_int_equal(judge_kit_convict(&kit.agreement, &evidence),
					SOUK_PEER_NOT_GUILTY);
			}
			assert_int_equal(
				judge_kit_accuse(&kit, &evidence, &honest), SOUK_PEER_NOT_GUILTY);
		}
	}
}

static size_t encode(uint8_t out[SOUK_CONTENT_EVIDENCE_SIZE_MAX])
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_CONTENT_EVIDENCE_SIZE_MAX);
	souk_content_evidence_encode(&writer, &evidence);
	assert_false(writer.full);
	return writer.size;
}

/* Flip each bit of the encoded evidence (of the block itself only some): nobody is convicted. */
static void flip_every_bit(void)
{
	static uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	size_t size = encode(bytes), block = evidence.cipher.size;
	size_t head = size - block > 1000 ? 1000 : size - block;
	for (size_t bit = 0; bit < size * 8; bit++) {
		/* What stands around the block, all; and every 997th of the block. */
		bool is_block = bit / 8 > head && bit / 8 < head + block - 1000 && block > 2000;
		if (is_block && bit % 997 != 0)
			continue;
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(souk_content_convict(&kit.agreement, SOUK_CONTENT_FAULT_UNIT,
					     souk_bytes_of(bytes, size)),
			SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_bent_evidence_convicts_nobody(void **state)
{
	(void)state;
	static const struct shape some[] = {{11 * BLOCK + 7, 4 * BLOCK}, {300, BLOCK}};
	for (size_t i = 0; i < SOUK_COUNT_OF(some); i++) {
		/* Of an honest exchange; and of a guilty one, whose evidence has one form only. */
		honest_evidence(&some[i], 0, 0);
		flip_every_bit();
		sell(&kit, &some[i], 9, 0, 5, &unit);
		assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
		assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_OK);
		flip_every_bit();
	}
}

static void test_cut_evidence_convicts_nobody(void **state)
{
	(void)state;
	static uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX + 1];
	sell(&kit, &shapes[11], 9, 1, 5, &unit);
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
	size_t size = encode(bytes);
	for (size_t cut = 0; cut <= size + 1; cut++) {
		souk_status status = souk_content_convict(
			&kit.agreement, SOUK_CONTENT_FAULT_UNIT, souk_bytes_of(bytes, cut));
		assert_int_equal(status == SOUK_OK, cut == size);
	}
	for (uint32_t fault = 0; fault < 5; fault++)
		assert_int_equal(souk_content_convict(&kit.agreement, fault,
					 souk_bytes_of(bytes, size)) == SOUK_OK,
			fault == SOUK_CONTENT_FAULT_UNIT);
}

/* Every lie that an accuser could think of, against a provider that is guilty of nothing. */
static void test_lies(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	struct souk_content_evidence good;
	honest_evidence(&shape, 1, 0);
	good = evidence;
	sell(&other, &shape, 6, 1, 3, &unit); /* another provider, session, content */
#define LIE(change, status)                                                                        \
	do {                                                                                       \
		struct souk_agreement a = kit.agreement;                                           \
		struct souk_content_evidence *e = &evidence;                                       \
		evidence = good;                                                                   \
		change;                                                                            \
		assert_int_equal(judge_kit_convict(&a, &evidence), status);                        \
		(void)e;                                                                           \
		(void)a;                                                                           \
	} while (0)
	LIE((void)0, SOUK_PEER_NOT_GUILTY);
	/* Another agreement, or one with somebody else. */
	LIE(a.nonce.bytes[0]++, SOUK_PEER_BAD_STATEMENT);
	LIE(a.deposit.ncoin++, SOUK_PEER_BAD_STATEMENT);
	LIE(a = other.agreement, SOUK_PEER_BAD_STATEMENT);
	LIE(a.provider = other.agreement.provider, SOUK_PEER_BAD_STATEMENT);
	/* A foreign grant, ask or statement. */
	LIE(e->grant = other.customer.grant, SOUK_PEER_BAD_STATEMENT);
	LIE(e->grant.units = 2, SOUK_PEER_BAD_STATEMENT);
	LIE(e->ask = other.customer.ask, SOUK_PEER_BAD_GRANT);
	LIE(e->ask.content.bytes[0] ^= 1, SOUK_PEER_BAD_GRANT);
	LIE(e->ask.units++, SOUK_PEER_BAD_GRANT);
	LIE(e->unit = unit.signed_unit, SOUK_PEER_BAD_STATEMENT);
	LIE(e->unit.signature = unit.signed_unit.signature, SOUK_PEER_WRONG_SIGNER);
	LIE(e->unit.signature.bytes[64] = 9, SOUK_PEER_BAD_SIGNATURE);
	/* What was signed said otherwise. */
	LIE(e->unit.statement.unit = 0, SOUK_PEER_BAD_STATEMENT);
	LIE(e->unit.statement.unit = 2, SOUK_PEER_BAD_STATEMENT);
	LIE(e->unit.statement.chunk = 0, SOUK_PEER_WRONG_SIGNER);
	LIE(e->unit.statement.size++, SOUK_PEER_WRONG_SIGNER);
	LIE(e->unit.statement.chunk_size *= 2, SOUK_PEER_WRONG_SIGNER);
	LIE(e->unit.statement.cipher_root.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	LIE(e->unit.statement.paid++, SOUK_PEER_WRONG_SIGNER);
	/* A key that is none. */
	LIE(e->key.bytes[0] ^= 1, SOUK_PEER_BAD_KEY);
	LIE(e->key = e->grant.key_anchor, SOUK_PEER_BAD_KEY);
	LIE(e->key_path.count = 1, SOUK_PEER_BAD_KEY);
	/* A block from elsewhere. */
	LIE(e->block = 1, SOUK_PEER_BAD_PATH);
	LIE(e->block = 4, SOUK_PEER_NO_CHUNK);
	LIE(e->block = UINT32_MAX, SOUK_PEER_NO_CHUNK);
	LIE(e->cipher.data[0] ^= 1, SOUK_PEER_BAD_PATH);
	LIE(e->cipher.size--, SOUK_PEER_WRONG_LENGTH);
	LIE(e->cipher.size = 0, SOUK_PEER_WRONG_LENGTH);
	LIE(e->cipher_path.count--, SOUK_PEER_BAD_PATH);
	LIE(e->cipher_path.items[0].bytes[9] ^= 1, SOUK_PEER_BAD_PATH);
	/* A leaf that is not the content's, or not there. */
	LIE(e->expected.bytes[0] ^= 1, SOUK_PEER_BAD_PATH);
	LIE(e->expected_path.count--, SOUK_PEER_BAD_PATH);
	LIE(e->expected_path.count++, SOUK_PEER_BAD_PATH);
	LIE(e->expected_path.items[3].bytes[0] ^= 1, SOUK_PEER_BAD_PATH);
	/* The neighbour's leaf with its own path. */
	LIE((e->expected = good.expected_path.items[0], e->expected_path.items[0] = good.expected),
		SOUK_PEER_BAD_PATH);
#undef LIE
}

/* An inner node is no leaf, though its path is a true one: the tree's depth is the signed size's.
 */
static void test_inner_node_as_leaf(void **state)
{
	(void)state;
	static const struct shape shape = {8 * BLOCK, 4 * BLOCK};
	/* At the left edge, where the sides of a path do not tell its depth. */
	honest_evidence(&shape, 0, 0);
	struct souk_hash pair[2] = {evidence.expected, evidence.expected_path.items[0]};
	evidence.expected = souk_sha256_of(pair, sizeof pair);
	evidence.expected_path.count--;
	memmove(evidence.expected_path.items, evidence.expected_path.items + 1,
		evidence.expected_path.count * sizeof(struct souk_hash));
	assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_PEER_BAD_PATH);
}

/* A provider that signs carelessly what is not about the agreement is not convicted for it. */
static void test_careless_signatures(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	/* Another's grant. */
	sell(&kit, &shape, 5, 1, 3, &unit);
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
	evidence.grant.provider = kit.buyer.address;
	evidence.unit.statement.grant = souk_grant_digest(&evidence.grant);
	souk_content_statement_sign(&evidence.unit, &kit.provider.identity);
	assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_PEER_BAD_GRANT);
	/* A session of another content than was agreed upon. */
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
	kit.agreement.terms.bytes[0] ^= 1;
	evidence.unit.statement.agreement = souk_agreement_digest(&kit.agreement);
	souk_content_statement_sign(&evidence.unit, &kit.provider.identity);
	assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_PEER_BAD_GRANT);
}

/* A right unit, and bytes that somebody says were the right ones. */
static void test_made_up_chunk(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	sell(&kit, &shape, 5, 2, JUDGE_KIT_HONEST, &unit);
	kit.data[2 * 4 * BLOCK + BLOCK + 5] ^= 1;
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_OK);
	assert_int_equal(judge_kit_convict(&kit.agreement, &evidence), SOUK_PEER_BAD_PATH);
}

/* A provider that signs another size than the true one is not convicted by it. Its customer does
 * not accept the statement in the first place. */
static void test_wrong_size_is_not_paid(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	static const uint64_t sizes[] = {0, 1, 64, BLOCK, 11 * BLOCK, 11 * BLOCK + 8, 12 * BLOCK,
		16 * BLOCK, 32 * BLOCK, 1ull << 40, UINT64_MAX};
	for (size_t i = 0; i < SOUK_COUNT_OF(sizes); i++) {
		honest_evidence(&shape, 0, 0);
		evidence.unit.statement.size = sizes[i];
		souk_content_statement_sign(&evidence.unit, &kit.provider.identity);
		souk_status status = judge_kit_convict(&kit.agreement, &evidence);
		assert_int_not_equal(status, SOUK_OK);
		status = souk_content_statement_check(&evidence.unit, &kit.id, &kit.customer.grant,
			1, &kit.content, 0, souk_bytes_of(honest.cipher, honest.length));
		assert_int_equal(status, SOUK_PEER_BAD_STATEMENT);
	}
}

static void test_statement_check(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	sell(&kit, &shape, 5, 2, JUDGE_KIT_HONEST, &unit);
	struct souk_bytes cipher = souk_bytes_of(unit.cipher, unit.length);
#define CHECK(change, status)                                                                      \
	do {                                                                                       \
		struct souk_signed_unit s = unit.signed_unit;                                      \
		struct souk_hash id = kit.id;                                                      \
		struct souk_grant grant = kit.customer.grant;                                      \
		uint32_t j = 1, index = 2;                                                         \
		struct souk_bytes got = cipher;                                                    \
		change;                                                                            \
		assert_int_equal(souk_content_statement_check(                                     \
					 &s, &id, &grant, j, &kit.content, index, got),            \
			status);                                                                   \
	} while (0)
	CHECK((void)0, SOUK_OK);
	CHECK(id.bytes[0] ^= 1, SOUK_PEER_BAD_STATEMENT);
	CHECK(grant.window++, SOUK_PEER_BAD_STATEMENT);
	CHECK(j = 2, SOUK_PEER_BAD_STATEMENT);
	CHECK(index = 1, SOUK_PEER_BAD_STATEMENT);
	CHECK(index = 9, SOUK_PEER_BAD_STATEMENT);
	CHECK(got.size--, SOUK_PEER_BAD_STATEMENT);
	CHECK(got.size = 0, SOUK_PEER_BAD_STATEMENT);
	CHECK(got.data = kit.data, SOUK_PEER_BAD_STATEMENT);
	CHECK(s.statement.chunk_size *= 2, SOUK_PEER_BAD_STATEMENT);
	CHECK(s.statement.paid++, SOUK_PEER_WRONG_SIGNER);
	CHECK(s.statement.value.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	CHECK(s.signature.bytes[64] = 3, SOUK_PEER_BAD_SIGNATURE);
#undef CHECK
}

/* What a provider must own up to, or its silence could not be proved. */
static void test_statement_check_paid(void **state)
{
	(void)state;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 100);
	for (uint32_t j = 1; j <= 80; j++) {
		judge_kit_fetch(&kit, &unit, j % 2, JUDGE_KIT_HONEST);
		judge_kit_settle(&kit, j);
	}
	const struct souk_unit_statement good = unit.signed_unit.statement;
	struct souk_payer_strip *payer = &kit.customer.payer;
	assert_int_equal(good.paid, 79);
	assert_int_equal(souk_content_statement_check_paid(&good, payer), SOUK_OK);
#define CHECK(change, status)                                                                      \
	do {                                                                                       \
		struct souk_unit_statement s = good;                                               \
		struct souk_ticket ticket;                                                         \
		(void)ticket;                                                                      \
		change;                                                                            \
		assert_int_equal(souk_content_statement_check_paid(&s, payer), status);            \
	} while (0)
	CHECK(s.value.bytes[0] ^= 1, SOUK_PEER_BAD_STATEMENT);
	CHECK(s.paid--, SOUK_PEER_BAD_STATEMENT);
	CHECK(s.paid++, SOUK_PEER_BAD_STATEMENT);
	CHECK(s.paid = 5000, SOUK_PEER_BAD_STATEMENT);
	/* True, and so long ago that no judge would walk from there. */
	CHECK((s.paid = 0, s.value = payer->strip.anchor), SOUK_PEER_BAD_STATEMENT);
	CHECK((s.paid = 0, s.value = payer->strip.anchor, s.unit = 64), SOUK_OK);
	CHECK((assert_int_equal(souk_payer_reissue(&ticket, payer, 15), SOUK_OK), s.paid = 15,
		      s.value = ticket.value),
		SOUK_PEER_BAD_STATEMENT);
	CHECK((assert_int_equal(souk_payer_reissue(&ticket, payer, 16), SOUK_OK), s.paid = 16,
		      s.value = ticket.value),
		SOUK_OK);
#undef CHECK
}

static void test_accuse_refusals(void **state)
{
	(void)state;
	static const struct shape shape = {11 * BLOCK + 7, 4 * BLOCK};
	sell(&kit, &shape, 5, 2, 1, &unit);
	unit.length--;
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_PEER_WRONG_LENGTH);
	unit.length++;
	unit.signed_unit.statement.size = 12 * BLOCK;
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_PEER_WRONG_LENGTH);
	unit.signed_unit.statement.chunk_size = 5;
	assert_int_equal(judge_kit_accuse(&kit, &evidence, &unit), SOUK_PEER_BAD_CONTENT);
}

/* ---- silence ---- */

static struct souk_content_question question;

static souk_status ask(const struct souk_agreement *about)
{
	uint8_t bytes[SOUK_CONTENT_QUESTION_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_content_question_encode(&writer, &question);
	assert_false(writer.full);
	return souk_content_question_check(about, souk_bytes_of(bytes, writer.size));
}

static void make_question(const struct judge_kit_unit *about)
{
	struct souk_ticket ticket = {.unit = 0};
	uint32_t j = about->signed_unit.statement.unit;
	question.grant = kit.customer.grant;
	question.unit = about->signed_unit;
	souk_status status = souk_payer_reissue(&ticket, &kit.customer.payer, j);
	if (status != SOUK_OK)
		assert_int_equal(souk_payer_pay(&ticket, &kit.customer.payer, j), SOUK_OK);
	question.ticket = ticket.value;
}

static souk_status answer(const struct souk_content_answer *given)
{
	uint8_t asked[SOUK_CONTENT_QUESTION_SIZE_MAX], bytes[SOUK_CONTENT_ANSWER_SIZE_MAX];
	struct souk_writer q, a;
	souk_writer_init(&q, asked, sizeof asked);
	souk_content_question_encode(&q, &question);
	souk_writer_init(&a, bytes, sizeof bytes);
	souk_content_answer_encode(&a, given);
	assert_false(q.full || a.full);
	return souk_content_answer_check(
		&kit.agreement, souk_bytes_of(asked, q.size), souk_bytes_of(bytes, a.size));
}

/* Every unit of a session that is paid can be asked for, and every key be given. */
static void test_every_question_has_its_answer(void **state)
{
	(void)state;
	static struct souk_chain chain;
	struct souk_content_answer given;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 520);
	for (uint32_t j = 1; j <= 520; j++) {
		judge_kit_fetch(&kit, &unit, j % 2, JUDGE_KIT_HONEST);
		if (j % 37 == 0 || j % 256 < 2 || j == 520) {
			make_question(&unit);
			assert_int_equal(ask(&kit.agreement), SOUK_OK);
			assert_int_equal(souk_content_answer(
						 &given, &question, judge_kit_record(&kit), &chain),
				SOUK_OK);
			assert_int_equal(answer(&given), SOUK_OK);
		}
		judge_kit_settle(&kit, j);
	}
}

static void test_what_is_not_owed(void **state)
{
	(void)state;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 20);
	judge_kit_fetch(&kit, &unit, 0, JUDGE_KIT_HONEST);
	make_question(&unit);
	const struct souk_content_question good = question;
	assert_int_equal(ask(&kit.agreement), SOUK_OK);
#define ASK(change, status)                                                                        \
	do {                                                                                       \
		struct souk_agreement a = kit.agreement;                                           \
		struct souk_content_question *q = &question;                                       \
		question = good;                                                                   \
		change;                                                                            \
		assert_int_equal(ask(&a), status);                                                 \
		(void)q;                                                                           \
		(void)a;                                                                           \
	} while (0)
	ASK(a.nonce.bytes[0]++, SOUK_PEER_BAD_STATEMENT);
	ASK(q->grant.window++, SOUK_PEER_BAD_STATEMENT);
	ASK(q->unit.statement.unit = 2, SOUK_PEER_WRONG_SIGNER);
	ASK(q->unit.statement.unit = 21, SOUK_PEER_BAD_STATEMENT);
	ASK(q->unit.statement.paid = 1, SOUK_PEER_WRONG_SIGNER);
	/* Not paid: x_1 is wanted, not the anchor, which everybody knows. */
	ASK(q->ticket = q->unit.statement.value, SOUK_PEER_UNPAID);
	ASK(q->ticket.bytes[0] ^= 1, SOUK_PEER_UNPAID);
#undef ASK
	/* Even the provider's own signature on nonsense makes the judge walk no further. */
	question = good;
	question.grant.units = 60000;
	question.unit.statement.grant = souk_grant_digest(&question.grant);
	question.unit.statement.unit = 60000;
	souk_content_statement_sign(&question.unit, &kit.provider.identity);
	assert_int_equal(ask(&kit.agreement), SOUK_PEER_UNPAID);
}

/* True tickets, but the provider signed that it was paid 65 units ago: the judge walks no further
 * than any provider sends ahead. */
static void test_no_long_walk(void **state)
{
	(void)state;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 100);
	for (uint32_t j = 1; j <= 65; j++) {
		judge_kit_fetch(&kit, &unit, 0, JUDGE_KIT_HONEST);
		judge_kit_settle(&kit, j);
		make_question(&unit);
		question.unit.statement.paid = 0;
		question.unit.statement.value = kit.customer.payer.strip.anchor;
		souk_content_statement_sign(&question.unit, &kit.provider.identity);
		assert_int_equal(ask(&kit.agreement), j <= 64 ? SOUK_OK : SOUK_PEER_UNPAID);
	}
}

/* The provider said itself that it was paid: no ticket is needed. */
static void test_paid_by_its_own_word(void **state)
{
	(void)state;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 20);
	judge_kit_fetch(&kit, &unit, 0, JUDGE_KIT_HONEST);
	make_question(&unit);
	question.unit.statement.paid = 1;
	souk_content_statement_sign(&question.unit, &kit.provider.identity);
	memset(&question.ticket, 0, sizeof question.ticket);
	assert_int_equal(ask(&kit.agreement), SOUK_OK);
}

static void test_wrong_answers(void **state)
{
	(void)state;
	static struct souk_chain chain;
	struct souk_content_answer given;
	struct souk_session_record record;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 300);
	for (uint32_t j = 1; j <= 256; j++) {
		judge_kit_fetch(&kit, &unit, 0, JUDGE_KIT_HONEST);
		if (j < 256)
			judge_kit_settle(&kit, j);
	}
	make_question(&unit);
	record = *judge_kit_record(&kit);
	assert_int_equal(souk_content_answer(&given, &question, &record, &chain), SOUK_OK);
	assert_int_equal(answer(&given), SOUK_OK);
	struct souk_content_answer bad = given;
	for (size_t bit = 0; bit < 256; bit++) {
		bad.key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(answer(&bad), SOUK_PEER_BAD_KEY);
		bad = given;
	}
	bad.key_path.count = 1;
	assert_int_equal(answer(&bad), SOUK_PEER_BAD_KEY);
	bad = given;
	bad.key = souk_chain_value(&chain, 255);
	assert_int_equal(answer(&bad), SOUK_PEER_BAD_KEY);
	record.grant.session.bytes[0] ^= 1;
	assert_int_equal(
		souk_content_answer(&given, &question, &record, &chain), SOUK_PEER_UNKNOWN_SESSION);
	record = *judge_kit_record(&kit);
	record.grant.units = 255;
	assert_int_equal(
		souk_content_answer(&given, &question, &record, &chain), SOUK_PEER_OVERDRAW);
	uint8_t nothing = 0;
	assert_int_not_equal(souk_content_answer_check(&kit.agreement, souk_bytes_of(&nothing, 1),
				     souk_bytes_of(&nothing, 1)),
		SOUK_OK);
}

/* Flip each bit of a question: it asks for nothing that is owed, but for the ticket's, which
 * must not count where it is not needed. */
static void test_bent_questions(void **state)
{
	(void)state;
	uint8_t bytes[SOUK_CONTENT_QUESTION_SIZE_MAX];
	struct souk_writer writer;
	judge_kit_init(&kit, 4, 2 * BLOCK, BLOCK, 20);
	judge_kit_fetch(&kit, &unit, 0, JUDGE_KIT_HONEST);
	make_question(&unit);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_content_question_encode(&writer, &question);
	for (size_t bit = 0; bit < writer.size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(souk_content_question_check(
					     &kit.agreement, souk_bytes_of(bytes, writer.size)),
			SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < writer.size; cut++)
		assert_int_not_equal(
			souk_content_question_check(&kit.agreement, souk_bytes_of(bytes, cut)),
			SOUK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_wrong_bit_convicts),
		cmocka_unit_test(test_beyond_a_checkpoint),
		cmocka_unit_test(test_right_units_convict_nobody),
		cmocka_unit_test(test_bent_evidence_convicts_nobody),
		cmocka_unit_test(test_cut_evidence_convicts_nobody),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_inner_node_as_leaf),
		cmocka_unit_test(test_careless_signatures),
		cmocka_unit_test(test_made_up_chunk),
		cmocka_unit_test(test_wrong_size_is_not_paid),
		cmocka_unit_test(test_statement_check),
		cmocka_unit_test(test_statement_check_paid),
		cmocka_unit_test(test_accuse_refusals),
		cmocka_unit_test(test_every_question_has_its_answer),
		cmocka_unit_test(test_what_is_not_owed),
		cmocka_unit_test(test_no_long_walk),
		cmocka_unit_test(test_paid_by_its_own_word),
		cmocka_unit_test(test_wrong_answers),
		cmocka_unit_test(test_bent_questions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
