/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/sealed.h - a file encrypted once, under a key of its own, for whoever is given that key
 * later.
 *
 *   plain   |-- 65,440 --|---- 65,520 ----|---- 65,520 ----|-- the rest --|
 *                |                |                |               |
 *   sealed  | header, 0  |       1        |       2        |   3, last    |
 *           0          65,536          131,072          196,608
 *
 * What is published is the sealed file: its id and its chunks are those of any content. A segment
 * never crosses a chunk (65,536 divides every chunk size), so each chunk can be decrypted by
 * itself, and any range of the plain file is read without the rest. A segment's nonce has its
 * number, and a mark in the last one: nothing can be left out, put elsewhere, cut off or added.
 *
 * The header commits to the key. Without that somebody could make a file that says one thing under
 * one key and another under another one, and a wrong key could not be told from altered bytes.
 *
 * Invariants: X1 a plain size has one sealed size, and the other way round.
 *             X2 a key and a salt are used for one plain file: the caller draws both.
 *
 * Memory: a value; wipe it (souk_sealed_done). Threads: any, segments may be done side by side.
 * Spec: spec/keys.md 9. */
#ifndef SOUK_KEYS_SEALED_H
#define SOUK_KEYS_SEALED_H

#include "souk/crypto/aead.h"

#define SOUK_SEALED_SEGMENT_SIZE 65536u
#define SOUK_SEALED_HEADER_SIZE	 80u
#define SOUK_SEALED_KEY_SIZE	 32u
#define SOUK_SEALED_SALT_SIZE	 32u
/* Plain bytes of the first segment, and of every other one but the last. */
#define SOUK_SEALED_FIRST_SIZE                                                                     \
	(SOUK_SEALED_SEGMENT_SIZE - SOUK_SEALED_HEADER_SIZE - SOUK_AEAD_TAG_SIZE)
#define SOUK_SEALED_PLAIN_SIZE (SOUK_SEALED_SEGMENT_SIZE - SOUK_AEAD_TAG_SIZE)
/* As far as 32-bit segment numbers reach: 128 TiB. */
#define SOUK_SEALED_PLAIN_MAX ((uint64_t)1 << 47)

struct souk_sealed {
	uint8_t key[SOUK_AEAD_KEY_SIZE]; /* of the segments: secret */
	uint8_t header[SOUK_SEALED_HEADER_SIZE];
	uint64_t plain_size;
	uint32_t count; /* segments, at least 1 */
};

/* Where a segment is in both files. */
struct souk_sealed_segment {
	uint64_t plain_offset, sealed_offset;
	uint32_t plain_size, sealed_size; /* segment 0's sealed size has the header in it */
};

/* The sealed size of a plain file of at most SOUK_SEALED_PLAIN_MAX bytes. */
uint64_t souk_sealed_size_of(uint64_t plain_size);

/* souk_sealed_plain_size: the way back.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_SEAL: no sealed file has that size. */
SOUK_MUST_CHECK souk_status souk_sealed_plain_size(uint64_t *ret, uint64_t sealed_size);

/* Begin to seal a file of PLAIN_SIZE bytes, at most SOUK_SEALED_PLAIN_MAX, under a file key and a
 * salt that were never used before. */
void souk_sealed_create(struct souk_sealed *ret, const uint8_t file_key[SOUK_SEALED_KEY_SIZE],
	const uint8_t salt[SOUK_SEALED_SALT_SIZE], uint64_t plain_size);

/* souk_sealed_open: begin to read a file of SEALED_SIZE bytes.
 *
 *  In: header  its first SOUK_SEALED_HEADER_SIZE bytes
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_SEAL  not such a file, or one of another version, or cut short: it was fetched by
 *                       its content id, so that is what its owner shared: ask the owner.
 *   SOUK_PEER_SEAL_KEY  it is encrypted under another key, or the header was altered. */
SOUK_MUST_CHECK souk_status souk_sealed_open(struct souk_sealed *ret,
	const uint8_t file_key[SOUK_SEALED_KEY_SIZE], const uint8_t header[SOUK_SEALED_HEADER_SIZE],
	uint64_t sealed_size);

/* souk_sealed_segment_of: where segment INDEX is, which is below sealed->count. */
struct souk_sealed_segment souk_sealed_segment_of(const struct souk_sealed *sealed, uint32_t index);
/* The segment that has the plain byte at OFFSET; the last one where there is no such byte. */
uint32_t souk_sealed_segment_at(const struct souk_sealed *sealed, uint64_t offset);

/* souk_sealed_encrypt: segment INDEX, whose plain bytes are of the size it must have.
 *
 *  Out: out  segment.sealed_size bytes; must not overlap PLAIN */
void souk_sealed_encrypt(
	uint8_t *out, const struct souk_sealed *sealed, uint32_t index, struct souk_bytes plain);

/* souk_sealed_decrypt: segment INDEX, which is below sealed->count.
 *
 *  In:  bytes  as they were fetched
 *  Out: out    segment.plain_size bytes; must not overlap BYTES
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_CIPHERTEXT: another length, altered, or of another place; OUT
 * holds nothing of it, and nothing of this file should be believed. */
SOUK_MUST_CHECK souk_status souk_sealed_decrypt(
	uint8_t *out, const struct souk_sealed *sealed, uint32_t index, struct souk_bytes bytes);

void souk_sealed_done(struct souk_sealed *sealed); /* wipes it */

#endif
