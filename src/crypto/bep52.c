/* SPDX-License-Identifier: Apache-2.0
 *
 * BitTorrent v2's file trees: a binary tree over 16 KiB blocks with no prefixes,
 * padded with zero hashes to a power of two. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "souk/crypto/sha256.h"

/* Leaves hashed in one go: 256 KiB, the usual chunk. */
#define GROUP 16

static struct souk_hash node_of(const struct souk_hash *left, const struct souk_hash *right)
{
	struct souk_hash pair[2] = {*left, *right};
	return souk_sha256_of(pair, sizeof pair);
}

struct souk_hash souk_bep52_pad(uint64_t width)
{
	struct souk_hash pad = {0};
	for (; width > 1; width /= 2)
		pad = node_of(&pad, &pad);
	return pad;
}

/* Reduce COUNT nodes, in place, to one; PAD stands for an absent node of their row. */
static struct souk_hash reduce(struct souk_hash *nodes, size_t count, struct souk_hash pad)
{
	while (count > 1) {
		for (size_t i = 0; i < count; i += 2)
			nodes[i / 2] = node_of(&nodes[i], i + 1 < count ? &nodes[i + 1] : &pad);
		count = count / 2 + count % 2;
		pad = node_of(&pad, &pad);
	}
	return nodes[0];
}

/* Leaf hashes of DATA, at most GROUP blocks. Returns how many. */
static size_t hash_blocks(struct souk_hash leaves[GROUP], struct souk_bytes data)
{
	const uint8_t *blocks[GROUP];
	size_t full = data.size / SOUK_BLOCK_SIZE, rest = data.size % SOUK_BLOCK_SIZE;
	for (size_t i = 0; i < full; i++)
		blocks[i] = data.data + i * SOUK_BLOCK_SIZE;
	souk_sha256_lanes(leaves, blocks, SOUK_BLOCK_SIZE, full);
	if (rest != 0)
		leaves[full] = souk_sha256_of(data.data + full * SOUK_BLOCK_SIZE, rest);
	return full + (rest != 0);
}

/* The root of WIDTH leaves, a power of two, over DATA; halves until a group fits. */
static struct souk_hash subtree_root(struct souk_bytes data, uint32_t width)
{
	struct souk_hash nodes[GROUP] = {0};
	if (data.size == 0)
		return souk_bep52_pad(width);
	if (width <= GROUP) {
		hash_blocks(nodes, data);
		return reduce(nodes, width, (struct souk_hash){0});
	}
	size_t half = (size_t)(width / 2) * SOUK_BLOCK_SIZE;
	size_t left = data.size < half ? data.size : half;
	nodes[0] = subtree_root(souk_bytes_of(data.data, left), width / 2);
	nodes[1] = subtree_root(souk_bytes_of(data.data + left, data.size - left), width / 2);
	return node_of(&nodes[0], &nodes[1]);
}

struct souk_hash souk_bep52_chunk_root(struct souk_bytes data, uint32_t chunk_size, bool alone)
{
	uint32_t width = chunk_size / SOUK_BLOCK_SIZE;
	SOUK_CHECK(width != 0 && (chunk_size & (chunk_size - 1)) == 0);
	SOUK_CHECK(data.size > 0 && data.size <= chunk_size);
	while (alone && width > 1 && data.size <= (size_t)(width / 2) * SOUK_BLOCK_SIZE)
		width /= 2;
	return subtree_root(data, width);
}

struct souk_hash souk_bep52_root(struct souk_hash *nodes, size_t count, uint32_t chunk_size)
{
	if (count == 0)
		return (struct souk_hash){0};
	return reduce(nodes, count, souk_bep52_pad(chunk_size / SOUK_BLOCK_SIZE));
}
