/* SPDX-License-Identifier: Apache-2.0
 *
 * The other side of judge.c: statements, evidence and answers are made here. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/judge.h"
#include "souk/crypto/sha256.h"

#define UNIT_BLOCKS_MAX (SOUK_CHUNK_SIZE_MAX / SOUK_BLOCK_SIZE)

static struct souk_bytes block_of(struct souk_bytes data, uint32_t block)
{
	size_t offset = (size_t)block * SOUK_BLOCK_SIZE, left = data.size - offset;
	return souk_bytes_of(data.data + offset, left < SOUK_BLOCK_SIZE ? left : SOUK_BLOCK_SIZE);
}

static uint32_t block_count(size_t size)
{
	return (uint32_t)((size + SOUK_BLOCK_SIZE - 1) / SOUK_BLOCK_SIZE);
}

/* Leaf hashes of a unit's encrypted blocks. Returns how many. */
static uint32_t cipher_leaves(struct souk_hash ret[UNIT_BLOCKS_MAX], struct souk_bytes unit)
{
	uint32_t count = block_count(unit.size);
	for (uint32_t i = 0; i < count; i++)
		ret[i] = souk_merkle_leaf(block_of(unit, i));
	return count;
}

struct souk_hash souk_content_cipher_root(struct souk_bytes unit)
{
	struct souk_hash leaves[UNIT_BLOCKS_MAX];
	SOUK_CHECK(unit.size > 0 && unit.size <= SOUK_CHUNK_SIZE_MAX);
	uint32_t count = cipher_leaves(leaves, unit);
	return souk_merkle_root(leaves, count);
}

/* ---- statements ---- */

void souk_content_statement_sign(
	struct souk_signed_unit *unit, const struct souk_identity *provider)
{
	struct souk_hash digest = souk_unit_statement_digest(&unit->statement);
	souk_ecdsa_sign(&unit->signature, &digest, provider);
}

souk_status souk_content_statement_check(const struct souk_signed_unit *unit,
	const struct souk_hash *agreement, const struct souk_grant *grant, uint32_t j,
	const struct souk_content *content, uint64_t index, struct souk_bytes cipher)
{
	const struct souk_unit_statement *statement = &unit->statement;
	struct souk_hash grant_digest = souk_grant_digest(grant);
	if (!souk_hash_equal(&statement->agreement, agreement) ||
		!souk_hash_equal(&statement->grant, &grant_digest) || statement->unit != j ||
		statement->chunk != index || statement->size != content->size ||
		statement->chunk_size != content->chunk_size || cipher.size == 0 ||
		cipher.size != souk_content_chunk_length(content, index))
		return SOUK_PEER_BAD_STATEMENT;
	struct souk_hash root = souk_content_cipher_root(cipher);
	if (!souk_hash_equal(&statement->cipher_root, &root))
		return SOUK_PEER_BAD_STATEMENT;
	struct souk_hash digest = souk_unit_statement_digest(statement);
	return souk_ecdsa_verify(&grant->provider, &digest, &unit->signature);
}

souk_status souk_content_statement_check_paid(
	const struct souk_unit_statement *statement, struct souk_payer_strip *payer)
{
	struct souk_ticket ticket = {.value = payer->strip.anchor};
	if (statement->paid > 0 && souk_payer_reissue(&ticket, payer, statement->paid) != SOUK_OK)
		return SOUK_PEER_BAD_STATEMENT;
	/* No provider sends further ahead, and the judge walks no further. */
	if (!souk_hash_equal(&ticket.value, &statement->value) ||
		(statement->unit > statement->paid &&
			statement->unit - statement->paid > SOUK_WINDOW_MAX))
		return SOUK_PEER_BAD_STATEMENT;
	return SOUK_OK;
}

/* ---- paths ---- */

static uint16_t path_into(struct souk_hash *items, size_t max, const struct souk_merkle_path *path)
{
	SOUK_CHECK(path->depth <= max);
	memcpy(items, path->siblings, path->depth * sizeof *items);
	return (uint16_t)path->depth;
}

/* The path of the checkpoint below j; LEAVES is consumed. */
static uint16_t key_path_into(
	struct souk_hash *items, size_t max, struct souk_hash *leaves, uint32_t count, uint32_t j)
{
	struct souk_merkle_path path;
	if (j < SOUK_CHAIN_SEGMENT)
		return 0;
	SOUK_CHECK(souk_merkle_prove(&path, leaves, count, j / SOUK_CHAIN_SEGMENT - 1) == SOUK_OK);
	return path_into(items, max, &path);
}

static struct souk_hash node_of(const struct souk_hash *left, const struct souk_hash *right)
{
	struct souk_hash pair[2] = {*left, *right};
	return souk_sha256_of(pair, sizeof pair);
}

/* Climb from node INDEX of NODES, a row of COUNT over subtrees of WIDTH leaves, to its one root;
 * each sibling goes into the path. NODES is consumed. */
static void climb(struct souk_content_evidence *evidence, struct souk_hash *nodes, uint64_t count,
	uint64_t width, uint64_t index)
{
	for (; count > 1; count = (count + 1) / 2, width *= 2, index /= 2) {
		struct souk_hash pad = souk_bep52_pad(width);
		uint64_t sibling = index ^ 1;
		SOUK_CHECK(evidence->expected_path.count <
			   SOUK_COUNT_OF(evidence->expected_path.items));
		evidence->expected_path.items[evidence->expected_path.count++] =
			sibling < count ? nodes[sibling] : pad;
		for (uint64_t i = 0; i < count; i += 2)
			nodes[i / 2] = node_of(&nodes[i], i + 1 < count ? &nodes[i + 1] : &pad);
	}
}

/* From the block to its chunk's root, then along the row. A content of one chunk is padded only to
 * the power of two of its own blocks. */
static void prove_block(struct souk_content_evidence *evidence,
	const struct souk_content_case *about, const struct souk_content *content)
{
	struct souk_hash leaves[UNIT_BLOCKS_MAX];
	uint32_t blocks = content->chunk_size / SOUK_BLOCK_SIZE;
	uint32_t there = block_count(about->chunk.size), count = souk_content_chunk_count(content);
	memset(leaves, 0, sizeof leaves);
	for (uint32_t i = 0; i < there; i++) {
		struct souk_bytes block = block_of(about->chunk, i);
		leaves[i] = souk_sha256_of(block.data, block.size);
	}
	evidence->expected = leaves[evidence->block];
	evidence->expected_path.count = 0;
	climb(evidence, leaves, count == 1 ? there : blocks, 1, evidence->block);
	memcpy(about->scratch, about->row, (size_t)count * sizeof *about->row);
	climb(evidence, about->scratch, count, blocks, about->unit->statement.chunk);
}

/* ---- evidence ---- */

static souk_status check_case(
	const struct souk_content_case *about, struct souk_content *ret_content)
{
	const struct souk_unit_statement *statement = &about->unit->statement;
	struct souk_content_name name = {
		.id = about->ask->content, .has_size = true, .size = statement->size};
	SOUK_TRY(souk_content_check(ret_content, &name, statement->size, statement->chunk_size));
	uint32_t length = souk_content_chunk_length(ret_content, statement->chunk);
	if (length == 0 || about->cipher.size != length || about->chunk.size != length)
		return SOUK_PEER_WRONG_LENGTH;
	return SOUK_OK;
}

/* The first block in which the unit does not decrypt to the chunk; one past the last if none. */
static uint32_t first_wrong_block(const struct souk_content_case *about)
{
	const struct souk_unit_statement *statement = &about->unit->statement;
	struct souk_unit_cipher cipher = souk_unit_cipher_of(
		&about->grant->session, statement->unit, statement->chunk, about->key);
	uint32_t count = block_count(about->chunk.size);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t plain[SOUK_BLOCK_SIZE];
		struct souk_bytes sent = block_of(about->cipher, i),
				  right = block_of(about->chunk, i);
		souk_unit_cipher_xor_at(
			&cipher, plain, sent.data, sent.size, (uint64_t)i * SOUK_BLOCK_SIZE);
		if (memcmp(plain, right.data, right.size) != 0)
			return i;
	}
	return count;
}

static void put_block(struct souk_content_evidence *evidence, const struct souk_content_case *about)
{
	struct souk_hash leaves[UNIT_BLOCKS_MAX];
	struct souk_merkle_path path;
	struct souk_bytes sent = block_of(about->cipher, evidence->block);
	memcpy(evidence->cipher.data, sent.data, sent.size);
	evidence->cipher.size = (uint16_t)sent.size;
	uint32_t count = cipher_leaves(leaves, about->cipher);
	SOUK_CHECK(souk_merkle_prove(&path, leaves, count, evidence->block) == SOUK_OK);
	evidence->cipher_path.count = path_into(
		evidence->cipher_path.items, SOUK_COUNT_OF(evidence->cipher_path.items), &path);
}

souk_status souk_content_accuse(
	struct souk_content_evidence *ret, const struct souk_content_case *about)
{
	const struct souk_unit_statement *statement = &about->unit->statement;
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_content content;
	SOUK_TRY(check_case(about, &content));
	uint32_t block = first_wrong_block(about);
	if (block == block_count(about->chunk.size))
		return SOUK_PEER_NOT_GUILTY;
	memset(ret, 0, sizeof *ret);
	ret->ask = *about->ask;
	ret->grant = *about->grant;
	ret->unit = *about->unit;
	ret->key = *about->key;
	ret->block = block;
	uint32_t count = souk_chain_checkpoint_count(about->grant->units);
	memcpy(leaves, about->key_leaves, count * sizeof *leaves);
	ret->key_path.count = key_path_into(ret->key_path.items, SOUK_COUNT_OF(ret->key_path.items),
		leaves, count, statement->unit);
	put_block(ret, about);
	prove_block(ret, about, &content);
	return SOUK_OK;
}

/* ---- answers ---- */

souk_status souk_content_answer(struct souk_content_answer *ret,
	const struct souk_content_question *question, const struct souk_session_record *record,
	struct souk_chain *chain)
{
	const struct souk_grant *grant = &record->grant;
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t unit = question->unit.statement.unit;
	if (memcmp(&grant->session, &question->grant.session, sizeof grant->session) != 0)
		return SOUK_PEER_UNKNOWN_SESSION;
	if (unit == 0 || unit > grant->units || grant->units > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_PEER_OVERDRAW;
	souk_chain_init(
		chain, souk_chain_tag_key, &grant->session, grant->units, &record->key_secret);
	memset(ret, 0, sizeof *ret);
	ret->key = souk_chain_value(chain, unit);
	uint32_t count = souk_chain_checkpoint_leaves(chain, leaves);
	ret->key_path.count = key_path_into(
		ret->key_path.items, SOUK_COUNT_OF(ret->key_path.items), leaves, count, unit);
	return SOUK_OK;
}
