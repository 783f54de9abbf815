/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/puzzle.h - proof that the bytes of a segment were moved.
 *
 *   part 0 (cache 0's units)   ..[piece]..................      L0 = H(salt, start)
 *   part 1                     ...............[piece]......     L  = H(L || piece), and L says
 *   ...                                                         where in the next part to read
 *   part n-1                   ...[piece].................      n * R pieces: goal and token
 *
 * The parts are the units of each cache as they were sent, still encrypted. Whoever has them all
 * tries the starts one after the other until one leads to the goal, and so learns the token.
 * Whoever lacks a share of a part fails where the way leads into it, on R pieces of each such part.
 *
 * The sponsor knows the start. It computes the bytes of n * R pieces from the content and the keys,
 * and nothing else.
 *
 * Two modes: fast (SHA-256, pieces of 64 bytes to 16 KiB, at most SOUK_PUZZLE_STARTS_MAX starts),
 * and reference, as in CAPnet (SHA-384, pieces of 16 bytes, every piece of part 0 is a start).
 *
 * What it bounds, and what not: spec/sponsor.md 5.
 *
 * Memory: caller's; values. Threads: any; a search is split by its range of starts. */
#ifndef SOUK_CONTENT_PUZZLE_H
#define SOUK_CONTENT_PUZZLE_H

#include "souk/wire/messages.h"

#define SOUK_PUZZLE_FAST      1u
#define SOUK_PUZZLE_REFERENCE 2u

#define SOUK_PUZZLE_PARTS_MAX  16u
#define SOUK_PUZZLE_UNITS_MAX  64u /* of a part */
#define SOUK_PUZZLE_ROUNDS_MAX 32u
#define SOUK_PUZZLE_STARTS_MAX 65536u
#define SOUK_PUZZLE_PIECE_MIN  64u
/* What a sponsor takes where its operator says nothing: spec/sponsor.md 4, 5. */
#define SOUK_PUZZLE_ROUNDS_DEFAULT   5u
#define SOUK_PUZZLE_STARTS_DEFAULT   2048u
#define SOUK_PUZZLE_PIECE_MAX	     16384u
#define SOUK_PUZZLE_REFERENCE_PIECE  16u
#define SOUK_PUZZLE_REFERENCE_DIGEST 48u
/* Blocks of 64 bytes of each part that its check is over. */
#define SOUK_PUZZLE_CHECK_BLOCKS 8u

/* What a sponsor may choose. */
struct souk_puzzle_policy {
	uint8_t mode;
	uint16_t rounds; /* R, 1 to SOUK_PUZZLE_ROUNDS_MAX */
	uint32_t starts; /* fast: Q, 1 to SOUK_PUZZLE_STARTS_MAX */
};

/* How long the parts are: the sizes of their units in order. */
struct souk_puzzle_shape {
	uint32_t part_count;
	uint64_t sizes[SOUK_PUZZLE_PARTS_MAX]; /* bytes of each part, at least one */
};

/* Where pieces come from: SIZE bytes at OFFSET of PART. Never across the end of a part. Anything
 * but SOUK_OK ends the call that asked, with that status. */
struct souk_puzzle_source {
	void *ctx;
	souk_status (*read)(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size);
};

/* The units of a segment in memory. Units of a part are of UNIT_SIZE but for its last one. */
struct souk_puzzle_part {
	const uint8_t *units[SOUK_PUZZLE_UNITS_MAX];
};
struct souk_puzzle_data {
	struct souk_puzzle_shape shape;
	uint32_t unit_size; /* a power of two, at least SOUK_PUZZLE_PIECE_MAX */
	struct souk_puzzle_part parts[SOUK_PUZZLE_PARTS_MAX];
};

/* The last digest but one, or what comes of the last: opens the next segment. */
struct souk_puzzle_token {
	uint32_t size; /* 32, or 48 for the reference */
	uint8_t bytes[SOUK_PUZZLE_REFERENCE_DIGEST];
};

/* The size of a piece for parts of SHAPE: so that all starts together read as much of a part as it
 * is long, as near as powers of two come. */
uint32_t souk_puzzle_piece(
	const struct souk_puzzle_policy *policy, const struct souk_puzzle_shape *shape);

/* souk_puzzle_check: whether PUZZLE is one to work on, for SHAPE.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PUZZLE: leave that sponsor. */
SOUK_MUST_CHECK souk_status souk_puzzle_check(
	const struct souk_puzzle *puzzle, const struct souk_puzzle_shape *shape);

/* souk_puzzle_make: a puzzle over SOURCE, and its token.
 *
 *  In: salt    fresh for each puzzle
 *      secret  where it starts: 32 bytes that nobody else knows; the same ones, the same puzzle
 *
 * Returns SOUK_OK, or what SOURCE said. */
SOUK_MUST_CHECK souk_status souk_puzzle_make(struct souk_puzzle *ret,
	struct souk_puzzle_token *ret_token, const struct souk_puzzle_policy *policy,
	const struct souk_puzzle_shape *shape, const struct souk_hash *salt,
	const struct souk_hash *secret, const struct souk_puzzle_source *source);

/* souk_puzzle_try: whether START leads to the goal; for who has no memory with all of it.
 *
 * Returns SOUK_OK and the token, SOUK_LOCAL_NOT_FOUND, or what SOURCE said. */
SOUK_MUST_CHECK souk_status souk_puzzle_try(struct souk_puzzle_token *ret,
	const struct souk_puzzle *puzzle, const struct souk_puzzle_shape *shape, uint32_t start,
	const struct souk_puzzle_source *source);

/* souk_puzzle_solve: try COUNT starts from FROM on.
 *
 *  In: puzzle  souk_puzzle_check has passed it
 *
 * Returns SOUK_OK and the token, or
 *   SOUK_LOCAL_NOT_FOUND  none of them: go on behind; after the last start a unit is not what the
 *                         sponsor knows (souk_puzzle_spoiled). */
SOUK_MUST_CHECK souk_status souk_puzzle_solve(struct souk_puzzle_token *ret,
	const struct souk_puzzle *puzzle, const struct souk_puzzle_data *data, uint32_t from,
	uint32_t count);

/* A part whose check fails: which cache sent something else than it should have. UINT32_MAX where
 * all pass, or cannot be read: few bytes are wrong, or the sponsor lies. */
uint32_t souk_puzzle_spoiled(const struct souk_puzzle *puzzle, const struct souk_puzzle_data *data);
/* The same for who has no memory with all of it. */
uint32_t souk_puzzle_spoiled_at(const struct souk_puzzle *puzzle,
	const struct souk_puzzle_shape *shape, const struct souk_puzzle_source *source);

/* Whether A is B, in constant time. */
bool souk_puzzle_token_equal(const struct souk_puzzle_token *a, const struct souk_puzzle_token *b);

#endif
