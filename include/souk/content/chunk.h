/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/chunk.h - content ids, and the row of chunks below them.
 *
 *              content id: BitTorrent v2 root
 *               /                    \
 *          o        o            o        (pad)
 *       chunk 0  chunk 1  ...  chunk n-1             the row: one hash per chunk
 *       16 KiB blocks ...
 *
 * A chunk is the unit of exchange. The row is checked against the id once; then
 * each chunk stands or falls on its own.
 *
 * A 64-byte file is a single block of 64 bytes, hashed just like an inner node:
 * whoever knows any file's tree could pass its root's two children off as a
 * 64-byte file of the same id. So a bare id never means a file of 64 bytes; such
 * a file is named by "<id>.64".
 *
 * Memory: caller's. Threads: any. Spec: spec/content.md. */
#ifndef SOUK_CONTENT_CHUNK_H
#define SOUK_CONTENT_CHUNK_H

#include <stdbool.h>

#include "souk/base/bytes.h"
#include "souk/crypto/merkle.h"

#define SOUK_CHUNK_SIZE_DEFAULT 262144u
#define SOUK_CHUNK_SIZE_MIN	SOUK_BLOCK_SIZE
#define SOUK_CHUNK_SIZE_MAX	16777216u
#define SOUK_CHUNK_COUNT_MAX	(1u << 24)
/* 64 digits, a point, 20 digits, a terminator. */
#define SOUK_CONTENT_NAME_SIZE 86

/* What a user names: an id, and perhaps its size. */
struct souk_content_name {
	struct souk_hash id;
	bool has_size;
	uint64_t size;
};

/* A content whose size is known, cut into chunks. */
struct souk_content {
	struct souk_hash id;
	uint64_t size;
	uint32_t chunk_size;
};

/* souk_content_name_parse: "<64 hex digits>" or "<64 hex digits>.<size>"; lower case, no leading
 * zeros.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_HEX: tell the user. */
SOUK_MUST_CHECK souk_status souk_content_name_parse(
	struct souk_content_name *ret, const char *text);
/* With the size where it is there. */
void souk_content_name_format(
	char out[SOUK_CONTENT_NAME_SIZE], const struct souk_content_name *name);
/* The name to show for CONTENT: with its size only where it needs one. */
struct souk_content_name souk_content_name_of(const struct souk_content *content);

/* souk_content_check: whether a provider's SIZE and CHUNK_SIZE may be those of NAME.
 *
 * Returns SOUK_OK and *RET, or
 *   SOUK_PEER_BAD_CONTENT  another size than the name's, 64 bytes under a bare id, a chunk size
 * that is no power of two in range, too many chunks, or an empty file whose id is not zero (or the
 * reverse): ignore the offer. */
SOUK_MUST_CHECK souk_status souk_content_check(struct souk_content *ret,
	const struct souk_content_name *name, uint64_t size, uint32_t chunk_size);

/* Chunks of CONTENT; 0 for an empty one. */
uint32_t souk_content_chunk_count(const struct souk_content *content);
/* Bytes of chunk INDEX; 0 past the end. */
uint32_t souk_content_chunk_length(const struct souk_content *content, uint64_t index);
static inline uint64_t souk_content_chunk_offset(const struct souk_content *content, uint64_t index)
{
	return index * content->chunk_size;
}

/* souk_content_verify_row: whether ROW, COUNT hashes, is CONTENT's.
 *
 *  In: scratch  room for COUNT hashes; may be ROW itself, which is then consumed
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_CONTENT: ask another provider. */
SOUK_MUST_CHECK souk_status souk_content_verify_row(const struct souk_content *content,
	const struct souk_hash *row, size_t count, struct souk_hash *scratch);

/* souk_content_verify_chunk: whether DATA is chunk INDEX, whose row hash is EXPECTED.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NO_CHUNK, SOUK_PEER_WRONG_LENGTH, SOUK_PEER_BAD_UNIT: the provider lied. */
SOUK_MUST_CHECK souk_status souk_content_verify_chunk(const struct souk_content *content,
	uint64_t index, const struct souk_hash *expected, struct souk_bytes data);

/* An importer: fed the chunks in order, it makes the row and the id. */
struct souk_content_builder {
	uint32_t chunk_size;
	struct souk_hash *row;
	uint32_t row_max;
	uint32_t count;
	uint64_t size;
	bool ended;		/* a short chunk came: it was the last one */
	struct souk_hash alone; /* of the first chunk, if it stays the only one */
};

void souk_content_builder_init(struct souk_content_builder *builder, uint32_t chunk_size,
	struct souk_hash *row, uint32_t row_max);
/* souk_content_builder_add: the next chunk, full unless it is the last.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL         more chunks than row_max.
 *   SOUK_PEER_WRONG_LENGTH  empty, too long, or after a short one. */
SOUK_MUST_CHECK souk_status souk_content_builder_add(
	struct souk_content_builder *builder, struct souk_bytes chunk);
/* The row is complete in builder->row; SCRATCH has room for builder->count hashes. */
void souk_content_builder_finish(
	struct souk_content_builder *builder, struct souk_hash *scratch, struct souk_content *ret);

#endif
