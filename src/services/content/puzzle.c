/* SPDX-License-Identifier: Apache-2.0
 *
 * A way through the parts: the digest so far says which piece of the next part comes next. Ways are
 * walked many at a time, so that the processor is never idle. */
#include "souk/content/puzzle.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/crypto/sha384.h"

/* As many as go through the processor at once, and a group to fetch for meanwhile. */
#define LANES	    16u
#define GROUPS	    2u
#define CACHE_LINE  64u
#define PREFETCH    1024u /* of each piece; the processor sees by itself how it goes on */
#define CHECK_BLOCK 64u

static bool is_reference(uint8_t mode)
{
	return mode == SOUK_PUZZLE_REFERENCE;
}

static uint64_t piece_count(uint64_t size, uint32_t piece)
{
	return size / piece + (size % piece != 0);
}

static uint32_t step_count(const struct souk_puzzle *puzzle, const struct souk_puzzle_shape *shape)
{
	return shape->part_count * puzzle->rounds;
}

uint32_t souk_puzzle_piece(
	const struct souk_puzzle_policy *policy, const struct souk_puzzle_shape *shape)
{
	uint32_t piece = SOUK_PUZZLE_PIECE_MIN;
	uint64_t most = 0;
	if (is_reference(policy->mode))
		return SOUK_PUZZLE_REFERENCE_PIECE;
	for (uint32_t i = 0; i < shape->part_count; i++)
		most = shape->sizes[i] > most ? shape->sizes[i] : most;
	/* All starts together read as much of a part as it is long. */
	while (piece < SOUK_PUZZLE_PIECE_MAX &&
		(uint64_t)piece * policy->starts * policy->rounds < most)
		piece *= 2;
	return piece;
}

souk_status souk_puzzle_check(
	const struct souk_puzzle *puzzle, const struct souk_puzzle_shape *shape)
{
	bool reference = is_reference(puzzle->mode);
	uint32_t digest = reference ? SOUK_PUZZLE_REFERENCE_DIGEST : SOUK_HASH_SIZE;
	if ((!reference && puzzle->mode != SOUK_PUZZLE_FAST) || puzzle->goal.size != digest ||
		puzzle->rounds == 0 || puzzle->rounds > SOUK_PUZZLE_ROUNDS_MAX ||
		puzzle->checks.count != shape->part_count || puzzle->starts == 0)
		return SOUK_PEER_BAD_PUZZLE;
	if (reference)
		return puzzle->piece == SOUK_PUZZLE_REFERENCE_PIECE &&
				       puzzle->starts == piece_count(shape->sizes[0], puzzle->piece)
			       ? SOUK_OK
			       : SOUK_PEER_BAD_PUZZLE;
	bool power = (puzzle->piece & (puzzle->piece - 1)) == 0;
	return power && puzzle->piece >= SOUK_PUZZLE_PIECE_MIN &&
			       puzzle->piece <= SOUK_PUZZLE_PIECE_MAX &&
			       puzzle->starts <= SOUK_PUZZLE_STARTS_MAX
		       ? SOUK_OK
		       : SOUK_PEER_BAD_PUZZLE;
}

/* ------------------------------------------------------------------ one way */

/* Digest so far; 32 bytes of it in the fast mode. */
struct way {
	uint8_t digest[SOUK_PUZZLE_REFERENCE_DIGEST];
};

static void way_start(struct way *way, const struct souk_puzzle *puzzle, uint32_t start)
{
	uint8_t message[3 + SOUK_HASH_SIZE + 4];
	memset(way, 0, sizeof *way);
	if (is_reference(puzzle->mode))
		return;
	memcpy(message, "SPZ", 3);
	memcpy(message + 3, puzzle->salt.bytes, SOUK_HASH_SIZE);
	souk_store_be32(message + 3 + SOUK_HASH_SIZE, start);
	struct souk_hash first = souk_sha256_one_block(message, sizeof message);
	memcpy(way->digest, first.bytes, SOUK_HASH_SIZE);
}

/* Where in its part the piece of STEP is. */
static uint64_t way_offset(const struct way *way, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, uint32_t step, uint32_t start)
{
	uint64_t size = shape->sizes[step % shape->part_count];
	uint64_t index =
		is_reference(puzzle->mode) && step == 0 ? start : souk_load_be64(way->digest);
	return index % piece_count(size, puzzle->piece) * puzzle->piece;
}

static uint32_t piece_size(const struct souk_puzzle *puzzle, const struct souk_puzzle_shape *shape,
	uint32_t step, uint64_t offset)
{
	uint64_t left = shape->sizes[step % shape->part_count] - offset;
	return left < puzzle->piece ? (uint32_t)left : puzzle->piece;
}

static void way_step(
	struct way *way, const struct souk_puzzle *puzzle, const uint8_t *piece, uint32_t size)
{
	struct souk_sha256 sha;
	struct souk_hash next;
	if (is_reference(puzzle->mode)) {
		souk_sha384_pair(way->digest, way->digest, sizeof way->digest, piece, size);
		return;
	}
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, way->digest, SOUK_HASH_SIZE);
	souk_sha256_update(&sha, piece, size);
	souk_sha256_final(&sha, &next);
	memcpy(way->digest, next.bytes, SOUK_HASH_SIZE);
}

/* "SPG" or "SPT" and the last digest of the fast mode: goal and token come from the same end. */
static struct souk_hash end_of(const char tag[4], const struct way *way)
{
	uint8_t message[3 + SOUK_HASH_SIZE];
	memcpy(message, tag, 3);
	memcpy(message + 3, way->digest, SOUK_HASH_SIZE);
	return souk_sha256_one_block(message, sizeof message);
}

static void token_of(struct souk_puzzle_token *ret, const struct souk_puzzle *puzzle,
	const struct way *last, const struct way *before)
{
	ret->size = is_reference(puzzle->mode) ? SOUK_PUZZLE_REFERENCE_DIGEST : SOUK_HASH_SIZE;
	memset(ret->bytes, 0, sizeof ret->bytes);
	if (is_reference(puzzle->mode)) {
		memcpy(ret->bytes, before->digest, sizeof before->digest);
		return;
	}
	struct souk_hash token = end_of("SPT", last);
	memcpy(ret->bytes, token.bytes, SOUK_HASH_SIZE);
}

static bool is_goal(const struct souk_puzzle *puzzle, const struct way *last)
{
	if (is_reference(puzzle->mode))
		return memcmp(last->digest, puzzle->goal.data, sizeof last->digest) == 0;
	struct souk_hash goal = end_of("SPG", last);
	return memcmp(goal.bytes, puzzle->goal.data, SOUK_HASH_SIZE) == 0;
}

/* The whole way from START; *RET_BEFORE is the digest before the last piece. */
static souk_status walk(struct way *ret, struct way *ret_before, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, uint32_t start,
	const struct souk_puzzle_source *source)
{
	uint8_t piece[SOUK_PUZZLE_PIECE_MAX];
	way_start(ret, puzzle, start);
	for (uint32_t step = 0; step < step_count(puzzle, shape); step++) {
		uint64_t offset = way_offset(ret, puzzle, shape, step, start);
		uint32_t size = piece_size(puzzle, shape, step, offset);
		SOUK_TRY(source->read(source->ctx, step % shape->part_count, offset, piece, size));
		*ret_before = *ret;
		way_step(ret, puzzle, piece, size);
	}
	return SOUK_OK;
}

souk_status souk_puzzle_try(struct souk_puzzle_token *ret, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, uint32_t start,
	const struct souk_puzzle_source *source)
{
	struct way last, before;
	SOUK_TRY(walk(&last, &before, puzzle, shape, start, source));
	if (!is_goal(puzzle, &last))
		return SOUK_LOCAL_NOT_FOUND;
	token_of(ret, puzzle, &last, &before);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ checks */

/* Where block NUMBER of the check of PART is. */
static uint64_t check_offset(const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, uint32_t part, uint32_t number)
{
	uint8_t message[3 + SOUK_HASH_SIZE + 8];
	memcpy(message, "SPC", 3);
	memcpy(message + 3, puzzle->salt.bytes, SOUK_HASH_SIZE);
	souk_store_be32(message + 3 + SOUK_HASH_SIZE, part);
	souk_store_be32(message + 3 + SOUK_HASH_SIZE + 4, number);
	struct souk_hash hash = souk_sha256_one_block(message, sizeof message);
	return souk_load_be64(hash.bytes) % piece_count(shape->sizes[part], CHECK_BLOCK) *
	       CHECK_BLOCK;
}

static souk_status check_of(struct souk_hash *ret, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, uint32_t part,
	const struct souk_puzzle_source *source)
{
	uint8_t blocks[SOUK_PUZZLE_CHECK_BLOCKS * CHECK_BLOCK] = {0};
	for (uint32_t i = 0; i < SOUK_PUZZLE_CHECK_BLOCKS; i++) {
		uint64_t offset = check_offset(puzzle, shape, part, i);
		uint64_t left = shape->sizes[part] - offset;
		SOUK_TRY(source->read(source->ctx, part, offset, blocks + i * CHECK_BLOCK,
			left < CHECK_BLOCK ? (uint32_t)left : CHECK_BLOCK));
	}
	*ret = souk_sha256_of(blocks, sizeof blocks);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ making */

/* Every start alike: 2^64 is so much more than there are that the bias is none. */
static uint32_t secret_start(const struct souk_hash *secret, uint32_t starts)
{
	return (uint32_t)(souk_load_be64(secret->bytes) % starts);
}

souk_status souk_puzzle_make(struct souk_puzzle *ret, struct souk_puzzle_token *ret_token,
	const struct souk_puzzle_policy *policy, const struct souk_puzzle_shape *shape,
	const struct souk_hash *salt, const struct souk_hash *secret,
	const struct souk_puzzle_source *source)
{
	struct way last, before;
	struct souk_puzzle puzzle = {
		.mode = policy->mode,
		.rounds = policy->rounds,
		.starts = policy->starts,
		.piece = souk_puzzle_piece(policy, shape),
		.salt = *salt,
	};
	if (is_reference(policy->mode))
		puzzle.starts = (uint32_t)piece_count(shape->sizes[0], puzzle.piece);
	SOUK_TRY(walk(&last, &before, &puzzle, shape, secret_start(secret, puzzle.starts), source));
	puzzle.checks.count = (uint16_t)shape->part_count;
	for (uint32_t part = 0; part < shape->part_count; part++)
		SOUK_TRY(check_of(&puzzle.checks.items[part], &puzzle, shape, part, source));
	if (is_reference(policy->mode)) {
		puzzle.goal.size = sizeof last.digest;
		memcpy(puzzle.goal.data, last.digest, sizeof last.digest);
	} else {
		struct souk_hash goal = end_of("SPG", &last);
		puzzle.goal.size = SOUK_HASH_SIZE;
		memcpy(puzzle.goal.data, goal.bytes, SOUK_HASH_SIZE);
	}
	token_of(ret_token, &puzzle, &last, &before);
	*ret = puzzle;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ solving */

static const uint8_t *data_at(const struct souk_puzzle_data *data, uint32_t part, uint64_t offset)
{
	return data->parts[part].units[offset / data->unit_size] + offset % data->unit_size;
}

static souk_status read_data(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	memcpy(out, data_at(ctx, part, offset), size);
	return SOUK_OK;
}

/* Ways of the fast mode, step by step together: two groups in turn. While one is hashed, what the
 * other reads next is on its way from memory. The last piece of a part may be short: it goes alone.
 */
struct group {
	struct souk_hash digests[LANES];
	const uint8_t *pieces[LANES];
	uint32_t sizes[LANES];
};

/* Find the pieces of STEP, and have them fetched. */
static void group_aim(struct group *group, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_data *data, uint32_t step)
{
	uint32_t part = step % data->shape.part_count;
	uint64_t count = piece_count(data->shape.sizes[part], puzzle->piece);
	for (uint32_t lane = 0; lane < LANES; lane++) {
		uint64_t offset =
			souk_load_be64(group->digests[lane].bytes) % count * puzzle->piece;
		uint32_t size = piece_size(puzzle, &data->shape, step, offset);
		const uint8_t *piece = data_at(data, part, offset);
		for (uint32_t at = 0; at < size && at < PREFETCH; at += CACHE_LINE)
			__builtin_prefetch(piece + at);
		group->pieces[lane] = piece;
		group->sizes[lane] = size;
	}
}

static void group_step(struct group *group, const struct souk_puzzle *puzzle)
{
	const uint8_t *messages[LANES];
	struct souk_hash next[LANES];
	uint32_t lane_of[LANES], count = 0;
	for (uint32_t lane = 0; lane < LANES; lane++) {
		struct way way;
		if (group->sizes[lane] == puzzle->piece) {
			messages[count] = group->pieces[lane];
			next[count] = group->digests[lane];
			lane_of[count++] = lane;
			continue;
		}
		memcpy(way.digest, group->digests[lane].bytes, SOUK_HASH_SIZE);
		way_step(&way, puzzle, group->pieces[lane], group->sizes[lane]);
		memcpy(group->digests[lane].bytes, way.digest, SOUK_HASH_SIZE);
	}
	souk_sha256_lanes_after(next, messages, puzzle->piece, count);
	for (uint32_t i = 0; i < count; i++)
		group->digests[lane_of[i]] = next[i];
}

/* The padding of FIPS 180-4, 5.1.1, for a message of SIZE bytes that fits in a block with it. */
static void pad_block(uint8_t block[64], size_t size)
{
	memset(block + size, 0, 64 - size);
	block[size] = 0x80;
	souk_store_be16(block + 62, (uint16_t)(size * 8));
}

/* What a way starts with, and what it ends with, are a block each: those of a group go together. */
static void group_start(struct group *group, const struct souk_puzzle *puzzle, uint32_t start)
{
	uint8_t blocks[LANES][64];
	for (uint32_t lane = 0; lane < LANES; lane++) {
		uint8_t *block = blocks[lane];
		memcpy(block, "SPZ", 3);
		memcpy(block + 3, puzzle->salt.bytes, SOUK_HASH_SIZE);
		souk_store_be32(block + 3 + SOUK_HASH_SIZE, start + lane);
		pad_block(block, 3 + SOUK_HASH_SIZE + 4);
	}
	souk_sha256_blocks(group->digests, (const uint8_t(*)[64])blocks, LANES);
}

static bool group_end(struct souk_puzzle_token *ret, const struct group *group,
	const struct souk_puzzle *puzzle, uint32_t count)
{
	uint8_t blocks[LANES][64];
	struct souk_hash goals[LANES];
	for (uint32_t lane = 0; lane < LANES; lane++) {
		memcpy(blocks[lane], "SPG", 3);
		memcpy(blocks[lane] + 3, group->digests[lane].bytes, SOUK_HASH_SIZE);
		pad_block(blocks[lane], 3 + SOUK_HASH_SIZE);
	}
	souk_sha256_blocks(goals, (const uint8_t(*)[64])blocks, LANES);
	for (uint32_t lane = 0; lane < count; lane++) {
		struct way last = {{0}};
		if (memcmp(goals[lane].bytes, puzzle->goal.data, SOUK_HASH_SIZE) != 0)
			continue;
		memcpy(last.digest, group->digests[lane].bytes, SOUK_HASH_SIZE);
		token_of(ret, puzzle, &last, &last);
		return true;
	}
	return false;
}

static souk_status solve_groups(struct souk_puzzle_token *ret, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_data *data, uint32_t from, uint32_t end)
{
	struct group groups[GROUPS];
	uint32_t steps = step_count(puzzle, &data->shape);
	for (uint32_t start = from; start < end; start += GROUPS * LANES) {
		for (uint32_t g = 0; g < GROUPS; g++) {
			group_start(&groups[g], puzzle, start + g * LANES);
			group_aim(&groups[g], puzzle, data, 0);
		}
		for (uint32_t step = 0; step < steps; step++) {
			for (uint32_t g = 0; g < GROUPS; g++) {
				group_step(&groups[g], puzzle);
				if (step + 1 < steps)
					group_aim(&groups[g], puzzle, data, step + 1);
			}
		}
		for (uint32_t g = 0; g < GROUPS && start + g * LANES < end; g++) {
			uint32_t left = end - start - g * LANES;
			if (group_end(ret, &groups[g], puzzle, left < LANES ? left : LANES))
				return SOUK_OK;
		}
	}
	return SOUK_LOCAL_NOT_FOUND;
}

souk_status souk_puzzle_solve(struct souk_puzzle_token *ret, const struct souk_puzzle *puzzle,
	const struct souk_puzzle_data *data, uint32_t from, uint32_t count)
{
	struct souk_puzzle_source source = {(void *)data, read_data};
	uint64_t limit = (uint64_t)from + count;
	uint32_t end = limit < puzzle->starts ? (uint32_t)limit : puzzle->starts;
	if (!is_reference(puzzle->mode))
		return solve_groups(ret, puzzle, data, from, end);
	for (uint32_t start = from; start < end; start++) {
		souk_status status = souk_puzzle_try(ret, puzzle, &data->shape, start, &source);
		if (status != SOUK_LOCAL_NOT_FOUND)
			return status;
	}
	return SOUK_LOCAL_NOT_FOUND;
}

uint32_t souk_puzzle_spoiled_at(const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, const struct souk_puzzle_source *source)
{
	struct souk_hash check;
	for (uint32_t part = 0; part < shape->part_count; part++) {
		if (check_of(&check, puzzle, shape, part, source) == SOUK_OK &&
			!souk_hash_equal(&check, &puzzle->checks.items[part]))
			return part;
	}
	return UINT32_MAX;
}

uint32_t souk_puzzle_spoiled(const struct souk_puzzle *puzzle, const struct souk_puzzle_data *data)
{
	struct souk_puzzle_source source = {(void *)data, read_data};
	return souk_puzzle_spoiled_at(puzzle, &data->shape, &source);
}

bool souk_puzzle_token_equal(const struct souk_puzzle_token *a, const struct souk_puzzle_token *b)
{
	return a->size == b->size && souk_bytes_equal_secret(a->bytes, b->bytes, sizeof a->bytes);
}
