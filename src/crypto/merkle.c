/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/merkle.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01
#define NODE_SIZE   (1 + 2 * SOUK_HASH_SIZE)
#define BATCH	    4

struct souk_hash souk_merkle_leaf(struct souk_bytes data)
{
	struct souk_sha256 sha;
	struct souk_hash hash;
	const uint8_t prefix = LEAF_PREFIX;
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, &prefix, 1);
	souk_sha256_update(&sha, data.data, data.size);
	souk_sha256_final(&sha, &hash);
	return hash;
}

static void write_node(
	uint8_t out[NODE_SIZE], const struct souk_hash *left, const struct souk_hash *right)
{
	out[0] = NODE_PREFIX;
	memcpy(out + 1, left->bytes, SOUK_HASH_SIZE);
	memcpy(out + 1 + SOUK_HASH_SIZE, right->bytes, SOUK_HASH_SIZE);
}

struct souk_hash souk_merkle_node(const struct souk_hash *left, const struct souk_hash *right)
{
	uint8_t message[NODE_SIZE];
	write_node(message, left, right);
	return souk_sha256_of(message, sizeof message);
}

/* The row above a row of COUNT nodes, in place. Returns its length. The parents of one batch are
 * written only after their children were copied, and never before a child still to be read. */
static size_t row_up(struct souk_hash *nodes, size_t count)
{
	size_t pairs = count / 2;
	for (size_t i = 0; i < pairs; i += BATCH) {
		uint8_t messages[BATCH][NODE_SIZE];
		const uint8_t *lanes[BATCH];
		size_t n = pairs - i < BATCH ? pairs - i : BATCH;
		for (size_t k = 0; k < n; k++) {
			write_node(messages[k], &nodes[2 * (i + k)], &nodes[2 * (i + k) + 1]);
			lanes[k] = messages[k];
		}
		souk_sha256_lanes(&nodes[i], lanes, NODE_SIZE, n);
	}
	if (count % 2 != 0)
		nodes[pairs] = nodes[count - 1];
	return pairs + count % 2;
}

struct souk_hash souk_merkle_root(struct souk_hash *nodes, size_t count)
{
	if (count == 0)
		return (struct souk_hash){0};
	while (count > 1)
		count = row_up(nodes, count);
	return nodes[0];
}

/* Whether node INDEX of a row of COUNT has a sibling; the odd one at the end has none. */
static bool has_sibling(size_t index, size_t count)
{
	return (index ^ 1) < count;
}

souk_status souk_merkle_prove(
	struct souk_merkle_path *ret, struct souk_hash *nodes, size_t count, size_t index)
{
	SOUK_CHECK(index < count);
	/* Depth of the deepest leaf: refused for every leaf alike. */
	if (count > (size_t)1 << SOUK_MERKLE_DEPTH_MAX)
		return SOUK_LOCAL_FULL;
	ret->depth = 0;
	for (; count > 1; index /= 2) {
		if (has_sibling(index, count))
			ret->siblings[ret->depth++] = nodes[index ^ 1];
		count = row_up(nodes, count);
	}
	return SOUK_OK;
}

souk_status souk_merkle_verify(const struct souk_hash *root, const struct souk_hash *leaf,
	size_t index, size_t count, const struct souk_merkle_path *path)
{
	struct souk_hash node = *leaf;
	uint32_t used = 0;
	if (index >= count || path->depth > SOUK_MERKLE_DEPTH_MAX)
		return SOUK_PEER_BAD_PATH;
	for (; count > 1; index /= 2, count = count / 2 + count % 2) {
		if (!has_sibling(index, count))
			continue;
		if (used == path->depth)
			return SOUK_PEER_BAD_PATH;
		const struct souk_hash *sibling = &path->siblings[used++];
		node = index % 2 == 0 ? souk_merkle_node(&node, sibling)
				      : souk_merkle_node(sibling, &node);
	}
	return used == path->depth && souk_hash_equal(&node, root) ? SOUK_OK : SOUK_PEER_BAD_PATH;
}
