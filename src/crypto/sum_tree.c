/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/sum_tree.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

#define LEAF_PREFIX 0x02
#define NODE_PREFIX 0x03

struct souk_sum_node souk_sum_leaf(struct souk_bytes data, struct souk_amount amount)
{
	struct souk_sha256 sha;
	struct souk_sum_node leaf = {.sum = amount};
	const uint8_t prefix = LEAF_PREFIX;
	uint8_t amount_bytes[8];
	souk_store_be64(amount_bytes, amount.ncoin);
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, &prefix, 1);
	souk_sha256_update(&sha, data.data, data.size);
	souk_sha256_update(&sha, amount_bytes, sizeof amount_bytes);
	souk_sha256_final(&sha, &leaf.hash);
	return leaf;
}

static void write_child(struct souk_writer *writer, const struct souk_sum_node *child)
{
	souk_writer_append(writer, child->hash.bytes, sizeof child->hash.bytes);
	souk_writer_u64(writer, child->sum.ncoin);
}

/* LEFT and RIGHT may be where RET is. */
static souk_status parent_of(struct souk_sum_node *ret, const struct souk_sum_node *left,
	const struct souk_sum_node *right)
{
	uint8_t message[1 + 2 * (SOUK_HASH_SIZE + 8)];
	struct souk_writer writer;
	struct souk_amount sum;
	SOUK_TRY(souk_amount_add(&sum, left->sum, right->sum));
	souk_writer_init(&writer, message, sizeof message);
	souk_writer_u8(&writer, NODE_PREFIX);
	write_child(&writer, left);
	write_child(&writer, right);
	ret->hash = souk_sha256_of(message, sizeof message);
	ret->sum = sum;
	return SOUK_OK;
}

/* Fill NODES up to the next power of two with absent leaves. Returns that. */
static size_t pad_row(struct souk_sum_node *nodes, size_t count)
{
	size_t width = 1;
	while (width < count)
		width *= 2;
	for (size_t i = count; i < width; i++)
		nodes[i] = (struct souk_sum_node){0};
	return width;
}

static souk_status row_up(struct souk_sum_node *nodes, size_t width)
{
	for (size_t i = 0; i < width; i += 2)
		SOUK_TRY(parent_of(&nodes[i / 2], &nodes[i], &nodes[i + 1]));
	return SOUK_OK;
}

souk_status souk_sum_root(struct souk_sum_node *ret, struct souk_sum_node *nodes, size_t count)
{
	if (count == 0) {
		*ret = (struct souk_sum_node){0};
		return SOUK_OK;
	}
	for (size_t width = pad_row(nodes, count); width > 1; width /= 2)
		SOUK_TRY(row_up(nodes, width));
	*ret = nodes[0];
	return SOUK_OK;
}

souk_status souk_sum_prove(
	struct souk_sum_path *ret, struct souk_sum_node *nodes, size_t count, size_t index)
{
	struct souk_sum_path path = {0};
	SOUK_CHECK(index < count);
	if (count > (size_t)1 << SOUK_MERKLE_DEPTH_MAX)
		return SOUK_LOCAL_FULL;
	for (size_t width = pad_row(nodes, count); width > 1; width /= 2, index /= 2) {
		path.siblings[path.depth++] = nodes[index ^ 1];
		SOUK_TRY(row_up(nodes, width));
	}
	*ret = path;
	return SOUK_OK;
}

souk_status souk_sum_verify(struct souk_amount *ret_start, const struct souk_sum_node *root,
	const struct souk_sum_node *leaf, uint32_t index, const struct souk_sum_path *path)
{
	struct souk_sum_node node = *leaf;
	struct souk_amount start = SOUK_AMOUNT_ZERO;
	if (path->depth > SOUK_MERKLE_DEPTH_MAX || index >> path->depth != 0)
		return SOUK_PEER_BAD_PATH;
	for (uint32_t level = 0; level < path->depth; level++) {
		const struct souk_sum_node *sibling = &path->siblings[level];
		bool is_right = index >> level & 1;
		/* All that lies left of the leaf is in the left siblings. */
		if (is_right && souk_amount_add(&start, start, sibling->sum) != SOUK_OK)
			return SOUK_PEER_BAD_PATH;
		if (parent_of(&node, is_right ? sibling : &node, is_right ? &node : sibling) !=
			SOUK_OK)
			return SOUK_PEER_BAD_PATH;
	}
	if (!souk_hash_equal(&node.hash, &root->hash) || node.sum.ncoin != root->sum.ncoin)
		return SOUK_PEER_BAD_PATH;
	*ret_start = start;
	return SOUK_OK;
}
