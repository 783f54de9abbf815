/* SPDX-License-Identifier: Apache-2.0
 *
 * Every check here is on bytes that anybody may have made up. What is not covered
 * by the provider's signature, directly or through a hash in what it signed, is
 * only a way of finding the signed thing. */
#include "souk/content/judge.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

/* ---- what evidence and questions have in common ---- */

static souk_status path_of(
	struct souk_merkle_path *ret, const struct souk_hash *siblings, size_t depth)
{
	if (depth > SOUK_MERKLE_DEPTH_MAX)
		return SOUK_PEER_BAD_PATH;
	ret->depth = (uint32_t)depth;
	memcpy(ret->siblings, siblings, depth * sizeof *siblings);
	return SOUK_OK;
}

/* The statement is the provider's, of this agreement, and GRANT is the one that it names. */
static souk_status check_statement(const struct souk_agreement *agreement,
	const struct souk_grant *grant, const struct souk_signed_unit *unit)
{
	const struct souk_unit_statement *statement = &unit->statement;
	struct souk_hash id = souk_agreement_digest(agreement);
	struct souk_hash grant_digest = souk_grant_digest(grant);
	if (!souk_hash_equal(&statement->agreement, &id) ||
		!souk_hash_equal(&statement->grant, &grant_digest))
		return SOUK_PEER_BAD_STATEMENT;
	if (!souk_address_equal(&grant->provider, &agreement->provider))
		return SOUK_PEER_BAD_GRANT;
	if (statement->unit == 0 || statement->unit > grant->units)
		return SOUK_PEER_BAD_STATEMENT;
	struct souk_hash digest = souk_unit_statement_digest(statement);
	return souk_ecdsa_verify(&agreement->provider, &digest, &unit->signature);
}

/* VALUE is k_j of the grant's key chain. A path that is not needed must be empty. */
static souk_status check_key(const struct souk_grant *grant, uint32_t j,
	const struct souk_hash *value, const struct souk_hash *siblings, size_t depth)
{
	struct souk_merkle_path path;
	if ((j < SOUK_CHAIN_SEGMENT && depth != 0) || path_of(&path, siblings, depth) != SOUK_OK)
		return SOUK_PEER_BAD_KEY;
	souk_status status = souk_chain_verify(souk_chain_tag_key, &grant->session, grant->units,
		&grant->key_anchor, &grant->key_checkpoints, j, value, &path);
	return status == SOUK_OK ? SOUK_OK : SOUK_PEER_BAD_KEY;
}

/* ---- fault 1: a wrong unit ---- */

/* Where a block stands, in the unit and in the content. */
struct place {
	uint32_t unit_blocks;
	uint32_t block_size;
	uint64_t leaf;	 /* of the content's tree */
	uint64_t leaves; /* that are there */
};

/* From the signed size and chunk size: nothing that the accuser says moves a block. */
static souk_status find_place(struct place *ret, const struct souk_hash *id,
	const struct souk_unit_statement *statement, uint32_t block)
{
	struct souk_content content;
	struct souk_content_name name = {.id = *id, .has_size = true, .size = statement->size};
	SOUK_TRY(souk_content_check(&content, &name, statement->size, statement->chunk_size));
	uint32_t length = souk_content_chunk_length(&content, statement->chunk);
	uint32_t blocks = (length + SOUK_BLOCK_SIZE - 1) / SOUK_BLOCK_SIZE;
	if (block >= blocks)
		return SOUK_PEER_NO_CHUNK;
	uint32_t left = length - block * SOUK_BLOCK_SIZE;
	*ret = (struct place){
		.unit_blocks = blocks,
		.block_size = left < SOUK_BLOCK_SIZE ? left : SOUK_BLOCK_SIZE,
		.leaf = (uint64_t)statement->chunk * (content.chunk_size / SOUK_BLOCK_SIZE) + block,
		.leaves = content.size / SOUK_BLOCK_SIZE + (content.size % SOUK_BLOCK_SIZE != 0),
	};
	return SOUK_OK;
}

/* LEAF is leaf INDEX of the BEP 52 tree of COUNT leaves under ID. The depth is the tree's own: an
 * inner node cannot pass for a leaf. */
static souk_status check_leaf(const struct souk_hash *id, const struct souk_hash *leaf,
	const struct place *place, const struct souk_hash *siblings, size_t depth)
{
	struct souk_hash node = *leaf;
	size_t levels = 0;
	while (((uint64_t)1 << levels) < place->leaves)
		levels++;
	if (depth != levels)
		return SOUK_PEER_BAD_PATH;
	for (size_t i = 0; i < depth; i++) {
		bool is_right = place->leaf >> i & 1;
		struct souk_hash pair[2] = {
			is_right ? siblings[i] : node, is_right ? node : siblings[i]};
		node = souk_sha256_of(pair, sizeof pair);
	}
	return souk_hash_equal(&node, id) ? SOUK_OK : SOUK_PEER_BAD_PATH;
}

static souk_status check_cipher(
	const struct souk_content_evidence *evidence, const struct place *place)
{
	struct souk_merkle_path path;
	if (evidence->cipher.size != place->block_size)
		return SOUK_PEER_WRONG_LENGTH;
	SOUK_TRY(path_of(&path, evidence->cipher_path.items, evidence->cipher_path.count));
	struct souk_hash leaf =
		souk_merkle_leaf(souk_bytes_of(evidence->cipher.data, evidence->cipher.size));
	return souk_merkle_verify(&evidence->unit.statement.cipher_root, &leaf, evidence->block,
		place->unit_blocks, &path);
}

/* The leaf hash of what the block decrypts to. */
static struct souk_hash delivered_leaf(const struct souk_content_evidence *evidence)
{
	const struct souk_unit_statement *statement = &evidence->unit.statement;
	uint8_t plain[SOUK_BLOCK_SIZE];
	struct souk_unit_cipher cipher = souk_unit_cipher_of(
		&evidence->grant.session, statement->unit, statement->chunk, &evidence->key);
	souk_unit_cipher_xor_at(&cipher, plain, evidence->cipher.data, evidence->cipher.size,
		(uint64_t)evidence->block * SOUK_BLOCK_SIZE);
	return souk_sha256_of(plain, evidence->cipher.size);
}

static souk_status convict_unit(
	const struct souk_agreement *agreement, const struct souk_content_evidence *evidence)
{
	const struct souk_unit_statement *statement = &evidence->unit.statement;
	struct place place;
	SOUK_TRY(check_statement(agreement, &evidence->grant, &evidence->unit));
	/* What was sold is what was agreed upon. */
	struct souk_hash ask = souk_ask_digest(&evidence->ask);
	if (!souk_hash_equal(&ask, &evidence->grant.ask) ||
		!souk_hash_equal(&evidence->ask.content, &agreement->terms))
		return SOUK_PEER_BAD_GRANT;
	SOUK_TRY(check_key(&evidence->grant, statement->unit, &evidence->key,
		evidence->key_path.items, evidence->key_path.count));
	SOUK_TRY(find_place(&place, &agreement->terms, statement, evidence->block));
	SOUK_TRY(check_cipher(evidence, &place));
	SOUK_TRY(check_leaf(&agreement->terms, &evidence->expected, &place,
		evidence->expected_path.items, evidence->expected_path.count));
	struct souk_hash delivered = delivered_leaf(evidence);
	return souk_hash_equal(&delivered, &evidence->expected) ? SOUK_PEER_NOT_GUILTY : SOUK_OK;
}

souk_status souk_content_convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	struct souk_content_evidence decoded;
	if (fault != SOUK_CONTENT_FAULT_UNIT)
		return SOUK_PEER_NOT_GUILTY;
	SOUK_TRY(souk_content_evidence_decode(&decoded, evidence, NULL));
	return convict_unit(agreement, &decoded);
}

/* ---- silence: a key that is owed ---- */

/* Whether x_j leads to the last ticket of which the provider itself says that it had it. No unit is
 * sent further than a window ahead of that. */
static souk_status check_paid(const struct souk_content_question *question)
{
	const struct souk_unit_statement *statement = &question->unit.statement;
	if (statement->unit <= statement->paid)
		return SOUK_OK;
	if (statement->unit - statement->paid > SOUK_WINDOW_MAX)
		return SOUK_PEER_UNPAID;
	struct souk_hash value = souk_chain_walk(souk_chain_tag_ticket, &question->grant.session,
		statement->unit, &question->ticket, statement->paid);
	return souk_hash_equal(&value, &statement->value) ? SOUK_OK : SOUK_PEER_UNPAID;
}

souk_status souk_content_question_check(
	const struct souk_agreement *agreement, struct souk_bytes question)
{
	struct souk_content_question decoded;
	SOUK_TRY(souk_content_question_decode(&decoded, question, NULL));
	SOUK_TRY(check_statement(agreement, &decoded.grant, &decoded.unit));
	return check_paid(&decoded);
}

souk_status souk_content_answer_check(const struct souk_agreement *agreement,
	struct souk_bytes question, struct souk_bytes answer)
{
	struct souk_content_question asked;
	struct souk_content_answer decoded;
	(void)agreement; /* the question was checked against it */
	SOUK_TRY(souk_content_question_decode(&asked, question, NULL));
	SOUK_TRY(souk_content_answer_decode(&decoded, answer, NULL));
	return check_key(&asked.grant, asked.unit.statement.unit, &decoded.key,
		decoded.key_path.items, decoded.key_path.count);
}
