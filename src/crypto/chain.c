/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/chain.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

const uint8_t souk_chain_tag_ticket[3] = {'S', 'K', 'T'};
const uint8_t souk_chain_tag_key[3] = {'S', 'K', 'K'};

#define NONCE_AT  3
#define INDEX_AT  (NONCE_AT + SOUK_NONCE_SIZE)
#define VALUE_AT  (INDEX_AT + 4)
#define STEP_SIZE (VALUE_AT + SOUK_HASH_SIZE)

_Static_assert(STEP_SIZE == SOUK_SHA256_ONE_BLOCK_MAX, "a step is one compression");

/* The padded block of a step, all but index and value. */
static void step_block_init(uint8_t block[64], const uint8_t tag[3], const struct souk_nonce *nonce)
{
	memset(block, 0, 64);
	memcpy(block, tag, 3);
	memcpy(block + NONCE_AT, nonce->bytes, SOUK_NONCE_SIZE);
	block[STEP_SIZE] = 0x80;
	souk_store_be16(block + 62, STEP_SIZE * 8);
}

/* *VALUE from v_i to v_{i-1}. */
static void step_block_run(uint8_t block[64], uint32_t i, struct souk_hash *value)
{
	souk_store_be32(block + INDEX_AT, i);
	memcpy(block + VALUE_AT, value->bytes, SOUK_HASH_SIZE);
	souk_sha256_blocks(value, (const uint8_t(*)[64])block, 1);
}

struct souk_hash souk_chain_walk(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t i,
	const struct souk_hash *value, uint32_t from)
{
	uint8_t block[64];
	struct souk_hash v = *value;
	SOUK_CHECK(from <= i);
	step_block_init(block, tag, nonce);
	for (; i > from; i--)
		step_block_run(block, i, &v);
	return v;
}

/* As many as the widest engine takes at once. */
#define LANES 16u

static void walk_group(const uint8_t tag[3], const struct souk_nonce *nonces, uint32_t i,
	uint32_t from, struct souk_hash *values, size_t count)
{
	uint8_t blocks[LANES][64];
	for (size_t lane = 0; lane < count; lane++)
		step_block_init(blocks[lane], tag, &nonces[lane]);
	for (; i > from; i--) {
		for (size_t lane = 0; lane < count; lane++) {
			souk_store_be32(blocks[lane] + INDEX_AT, i);
			memcpy(blocks[lane] + VALUE_AT, values[lane].bytes, SOUK_HASH_SIZE);
		}
		souk_sha256_blocks(values, (const uint8_t(*)[64])blocks, count);
	}
	souk_bytes_wipe(blocks, sizeof blocks);
}

void souk_chain_walk_lanes(const uint8_t tag[3], const struct souk_nonce *nonces, uint32_t i,
	uint32_t from, struct souk_hash *values, size_t count)
{
	SOUK_CHECK(from <= i);
	for (size_t done = 0; done < count; done += LANES) {
		size_t group = count - done < LANES ? count - done : LANES;
		walk_group(tag, nonces + done, i, from, values + done, group);
	}
}

void souk_chain_commit_lanes(const uint8_t tag[3], const struct souk_nonce *nonces, uint32_t length,
	struct souk_hash *values, struct souk_hash *const *leaves, struct souk_hash *roots,
	size_t count)
{
	struct souk_hash scratch[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t checkpoints = souk_chain_checkpoint_count(length);
	SOUK_CHECK(length >= 1 && length <= SOUK_CHAIN_LENGTH_MAX);
	for (uint32_t top = length, next; top > 0; top = next) {
		for (size_t k = 0; top % SOUK_CHAIN_SEGMENT == 0 && k < count; k++)
			leaves[k][top / SOUK_CHAIN_SEGMENT - 1] =
				souk_merkle_leaf(souk_bytes_of(values[k].bytes, SOUK_HASH_SIZE));
		next = (top - 1) / SOUK_CHAIN_SEGMENT * SOUK_CHAIN_SEGMENT;
		souk_chain_walk_lanes(tag, nonces, top, next, values, count);
	}
	for (size_t k = 0; k < count; k++) {
		memcpy(scratch, leaves[k], checkpoints * sizeof *scratch);
		roots[k] = souk_merkle_root(scratch, checkpoints);
	}
}

struct souk_hash souk_chain_step(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t i,
	const struct souk_hash *value)
{
	SOUK_CHECK(i >= 1);
	return souk_chain_walk(tag, nonce, i, value, i - 1);
}

/* Fill the segment that ends with v_TOP. */
static void fill_segment(struct souk_chain *chain, uint32_t top, const struct souk_hash *value)
{
	uint8_t block[64];
	uint32_t at = (top - 1) % SOUK_CHAIN_SEGMENT;
	step_block_init(block, chain->tag, &chain->nonce);
	chain->segment[at] = *value;
	for (uint32_t i = top; at > 0; i--, at--) {
		chain->segment[at - 1] = chain->segment[at];
		step_block_run(block, i, &chain->segment[at - 1]);
	}
	chain->segment_index = (top - 1) / SOUK_CHAIN_SEGMENT;
	souk_bytes_wipe(block, sizeof block);
}

static uint32_t segment_top(const struct souk_chain *chain, uint32_t segment)
{
	uint32_t top = (segment + 1) * SOUK_CHAIN_SEGMENT;
	return top < chain->length ? top : chain->length;
}

uint32_t souk_chain_checkpoint_leaves(
	const struct souk_chain *chain, struct souk_hash ret[SOUK_CHAIN_CHECKPOINT_MAX])
{
	uint32_t count = souk_chain_checkpoint_count(chain->length);
	for (uint32_t i = 0; i < count; i++)
		ret[i] = souk_merkle_leaf(
			souk_bytes_of(chain->checkpoints[i].bytes, SOUK_HASH_SIZE));
	return count;
}

void souk_chain_init(struct souk_chain *chain, const uint8_t tag[3], const struct souk_nonce *nonce,
	uint32_t length, const struct souk_hash *secret)
{
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX], value = *secret;
	SOUK_CHECK(length >= 1 && length <= SOUK_CHAIN_LENGTH_MAX);
	memset(chain, 0, sizeof *chain);
	memcpy(chain->tag, tag, sizeof chain->tag);
	chain->nonce = *nonce;
	chain->length = length;
	chain->last = *secret;
	/* Downwards, segment by segment; the first one stays in memory, ready to be spent. */
	for (uint32_t segment = (length - 1) / SOUK_CHAIN_SEGMENT + 1; segment-- > 0;) {
		uint32_t top = segment_top(chain, segment);
		if (top % SOUK_CHAIN_SEGMENT == 0)
			chain->checkpoints[top / SOUK_CHAIN_SEGMENT - 1] = value;
		fill_segment(chain, top, &value);
		value = souk_chain_step(
			tag, nonce, segment * SOUK_CHAIN_SEGMENT + 1, &chain->segment[0]);
	}
	chain->anchor = value;
	uint32_t count = souk_chain_checkpoint_leaves(chain, leaves);
	chain->checkpoint_root = souk_merkle_root(leaves, count);
}

struct souk_hash souk_chain_value(struct souk_chain *chain, uint32_t j)
{
	SOUK_CHECK(j <= chain->length);
	if (j == 0)
		return chain->anchor;
	uint32_t segment = (j - 1) / SOUK_CHAIN_SEGMENT;
	if (segment != chain->segment_index) {
		uint32_t top = segment_top(chain, segment);
		bool is_checkpoint = top % SOUK_CHAIN_SEGMENT == 0;
		fill_segment(chain, top,
			is_checkpoint ? &chain->checkpoints[top / SOUK_CHAIN_SEGMENT - 1]
				      : &chain->last);
	}
	return chain->segment[(j - 1) % SOUK_CHAIN_SEGMENT];
}

souk_status souk_chain_verify(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t length,
	const struct souk_hash *anchor, const struct souk_hash *checkpoint_root, uint32_t j,
	const struct souk_hash *value, const struct souk_merkle_path *path)
{
	uint32_t checkpoint = j / SOUK_CHAIN_SEGMENT;
	if (j > length || length > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_PEER_BAD_CHECKPOINT;
	struct souk_hash below =
		souk_chain_walk(tag, nonce, j, value, checkpoint * SOUK_CHAIN_SEGMENT);
	if (checkpoint == 0)
		return souk_hash_equal(&below, anchor) ? SOUK_OK : SOUK_PEER_BAD_CHECKPOINT;
	struct souk_hash leaf = souk_merkle_leaf(souk_bytes_of(below.bytes, sizeof below.bytes));
	if (souk_merkle_verify(checkpoint_root, &leaf, checkpoint - 1,
		    souk_chain_checkpoint_count(length), path) != SOUK_OK)
		return SOUK_PEER_BAD_CHECKPOINT;
	return SOUK_OK;
}
