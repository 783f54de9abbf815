/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/merkle.h - the two plain Merkle trees: ours, and BitTorrent v2's.
 *
 * Ours (batches of strips, checkpoints, blocks of transactions): leaf =
 * H(0x00 || data), node = H(0x01 || left || right); an odd node at the end of a
 * row moves up unchanged. No leaves: 32 zero bytes.
 *
 * BitTorrent v2 (BEP 52): leaf = SHA-256 of a 16 KiB block (the last one as
 * short as it is), node = SHA-256(left || right), absent leaves are 32 zero
 * bytes up to a power of two. A file of one block has that block's hash as its
 * root; an empty file, by our convention (and libtorrent's), 32 zero bytes.
 *
 * Memory: caller's. Threads: any. Spec: spec/content.md, spec/payment.md. */
#ifndef SOUK_CRYPTO_MERKLE_H
#define SOUK_CRYPTO_MERKLE_H

#include "souk/base/bytes.h"

/* Levels of the deepest path any message may carry. */
#define SOUK_MERKLE_DEPTH_MAX 20

struct souk_merkle_path {
	uint32_t depth;
	struct souk_hash siblings[SOUK_MERKLE_DEPTH_MAX]; /* from the leaf up */
};

struct souk_hash souk_merkle_leaf(struct souk_bytes data);
struct souk_hash souk_merkle_node(const struct souk_hash *left, const struct souk_hash *right);

/* The root over COUNT leaf hashes; NODES is consumed as scratch. */
struct souk_hash souk_merkle_root(struct souk_hash *nodes, size_t count);

/* souk_merkle_prove: the path of leaf INDEX of COUNT; NODES (the leaf hashes) is consumed.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL  deeper than SOUK_MERKLE_DEPTH_MAX. Use fewer leaves. */
SOUK_MUST_CHECK souk_status souk_merkle_prove(
	struct souk_merkle_path *ret, struct souk_hash *nodes, size_t count, size_t index);

/* souk_merkle_verify: whether LEAF is leaf INDEX of a tree of COUNT leaves under ROOT.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_PATH  wrong depth for that position, or another root: refuse the message. */
SOUK_MUST_CHECK souk_status souk_merkle_verify(const struct souk_hash *root,
	const struct souk_hash *leaf, size_t index, size_t count,
	const struct souk_merkle_path *path);

#define SOUK_BLOCK_SIZE 16384u

/* The root of a subtree of WIDTH leaves (a power of two) that are all absent. */
struct souk_hash souk_bep52_pad(uint64_t width);

/* souk_bep52_chunk_root: the hash that stands for DATA in the row of chunks.
 *
 *  In: data   1 to CHUNK_SIZE bytes; short only at the end of the file
 *      chunk_size  a power of two, at least SOUK_BLOCK_SIZE
 *      alone  the file fits in this one chunk: padded only to the next power of two of its blocks,
 *             so the result is the file's root */
struct souk_hash souk_bep52_chunk_root(struct souk_bytes data, uint32_t chunk_size, bool alone);

/* The root of a file from the row of its chunk roots; NODES is consumed. COUNT 0: zero bytes;
 * COUNT 1: that hash. Rows are padded to a power of two with souk_bep52_pad(chunk_size / 16 KiB).
 */
struct souk_hash souk_bep52_root(struct souk_hash *nodes, size_t count, uint32_t chunk_size);

#endif
