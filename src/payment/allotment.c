/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/allotment.h"

#include <string.h>

#include "souk/base/check.h"

/* The amount is part of the sum tree's own leaf; these bytes say whose it is. */
static struct souk_sum_node node_of(const struct souk_allotment_leaf *leaf)
{
	uint8_t data[2 * SOUK_ADDRESS_SIZE];
	memcpy(data, leaf->provider.bytes, SOUK_ADDRESS_SIZE);
	memcpy(data + SOUK_ADDRESS_SIZE, leaf->issuer.bytes, SOUK_ADDRESS_SIZE);
	return souk_sum_leaf(souk_bytes_of(data, sizeof data), leaf->amount);
}

static souk_status nodes_of(
	struct souk_sum_node *nodes, const struct souk_allotment_leaf *leaves, size_t count)
{
	if (count == 0 || count > SOUK_ALLOTMENT_LEAVES_MAX)
		return SOUK_LOCAL_FULL;
	for (size_t i = 0; i < count; i++)
		nodes[i] = node_of(&leaves[i]);
	return SOUK_OK;
}

souk_status souk_allotment_commit(struct souk_sum_node *ret_root,
	const struct souk_allotment_leaf *leaves, size_t count, struct souk_sum_node *nodes)
{
	SOUK_TRY(nodes_of(nodes, leaves, count));
	return souk_sum_root(ret_root, nodes, count);
}

souk_status souk_allotment_prove(struct souk_strip_open *open,
	const struct souk_allotment_leaf *leaves, size_t count, size_t index,
	struct souk_sum_node *nodes)
{
	struct souk_sum_path path;
	SOUK_TRY(nodes_of(nodes, leaves, count));
	SOUK_TRY(souk_sum_prove(&path, nodes, count, index));
	open->leaf = leaves[index];
	open->leaf_path.count = (uint16_t)path.depth;
	for (uint32_t i = 0; i < path.depth; i++)
		open->leaf_path.items[i] = (struct souk_sum_step){
			.hash = path.siblings[i].hash, .sum = path.siblings[i].sum};
	return SOUK_OK;
}

souk_status souk_allotment_verify(struct souk_amount *ret_base,
	const struct souk_allotment_record *record, const struct souk_allotment_leaf *leaf,
	uint32_t index, const struct souk_sum_step *path, size_t depth)
{
	struct souk_sum_path siblings = {.depth = (uint32_t)depth};
	const struct souk_sum_node root = {.hash = record->root, .sum = record->total};
	const struct souk_sum_node node = node_of(leaf);
	struct souk_amount start, base, end;
	if (depth > SOUK_MERKLE_DEPTH_MAX)
		return SOUK_PEER_BAD_PATH;
	for (size_t i = 0; i < depth; i++)
		siblings.siblings[i] =
			(struct souk_sum_node){.hash = path[i].hash, .sum = path[i].sum};
	SOUK_TRY(souk_sum_verify(&start, &root, &node, index, &siblings));
	/* The leaf's end too, so that nobody who stays inside the leaf can overflow. */
	if (souk_amount_add(&base, record->base, start) != SOUK_OK ||
		souk_amount_add(&end, base, leaf->amount) != SOUK_OK)
		return SOUK_PEER_BAD_PATH;
	*ret_base = base;
	return SOUK_OK;
}
