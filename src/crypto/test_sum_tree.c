/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "souk/crypto/sum_tree.h"

#define LEAVES_MAX 40
#define NODES_MAX  64

static struct souk_sum_node leaf_of(uint32_t i, uint64_t ncoin)
{
	uint8_t data[4];
	souk_store_be32(data, i);
	return souk_sum_leaf(souk_bytes_of(data, sizeof data), souk_amount_of_ncoin(ncoin));
}

static void random_leaves(struct souk_sum_node *leaves, size_t count, uint64_t seed)
{
	struct souk_rng rng;
	souk_rng_init(&rng, seed);
	for (size_t i = 0; i < count; i++) /* some are empty */
		leaves[i] =
			leaf_of((uint32_t)i, souk_rng_below(&rng, 3) * souk_rng_below(&rng, 1000));
}

static struct souk_sum_node root_of(const struct souk_sum_node *leaves, size_t count)
{
	struct souk_sum_node scratch[NODES_MAX], root;
	memcpy(scratch, leaves, count * sizeof *leaves);
	assert_int_equal(souk_sum_root(&root, scratch, count), SOUK_OK);
	return root;
}

static struct souk_sum_path path_of(const struct souk_sum_node *leaves, size_t count, size_t index)
{
	struct souk_sum_node scratch[NODES_MAX];
	struct souk_sum_path path;
	memcpy(scratch, leaves, count * sizeof *leaves);
	assert_int_equal(souk_sum_prove(&path, scratch, count, index), SOUK_OK);
	return path;
}

/* The bytes that are hashed, spelled out. */
static void test_layout(void **state)
{
	uint8_t leaf_bytes[10] = {2, 'x', [9] = 5}, node_bytes[81] = {3};
	struct souk_sum_node leaves[2] = {
		souk_sum_leaf(souk_bytes_text("x"), souk_amount_of_ncoin(5)), leaf_of(1, 7)};
	(void)state;
	struct souk_hash expected = souk_sha256_of(leaf_bytes, sizeof leaf_bytes);
	assert_true(souk_hash_equal(&leaves[0].hash, &expected));
	memcpy(node_bytes + 1, leaves[0].hash.bytes, 32);
	node_bytes[40] = 5;
	memcpy(node_bytes + 41, leaves[1].hash.bytes, 32);
	node_bytes[80] = 7;
	expected = souk_sha256_of(node_bytes, sizeof node_bytes);
	struct souk_sum_node root = root_of(leaves, 2);
	assert_true(souk_hash_equal(&root.hash, &expected));
	assert_int_equal(root.sum.ncoin, 12);
	root = root_of(leaves, 1);
	assert_true(souk_hash_equal(&root.hash, &leaves[0].hash));
	root = root_of(leaves, 0);
	assert_true(souk_hash_is_zero(&root.hash));
	assert_int_equal(root.sum.ncoin, 0);
}

/* Each interval starts where the one before ends, and the last ends at the total: disjoint, and
 * nothing is left out. */
static void test_intervals_tile_the_total(void **state)
{
	struct souk_sum_node leaves[NODES_MAX];
	(void)state;
	for (size_t count = 1; count <= LEAVES_MAX; count++) {
		uint64_t end = 0;
		random_leaves(leaves, count, count);
		struct souk_sum_node root = root_of(leaves, count);
		for (size_t i = 0; i < count; i++) {
			struct souk_sum_path path = path_of(leaves, count, i);
			struct souk_amount start;
			assert_int_equal(
				souk_sum_verify(&start, &root, &leaves[i], (uint32_t)i, &path),
				SOUK_OK);
			assert_int_equal(start.ncoin, end);
			end += leaves[i].sum.ncoin;
		}
		assert_int_equal(root.sum.ncoin, end);
	}
}

static void test_no_other_index(void **state)
{
	struct souk_sum_node leaves[NODES_MAX];
	(void)state;
	for (size_t count = 1; count <= 17; count++) {
		random_leaves(leaves, count, count);
		struct souk_sum_node root = root_of(leaves, count);
		for (uint32_t i = 0; i < count; i++) {
			struct souk_sum_path path = path_of(leaves, count, i);
			for (uint32_t other = 0; other < 70; other++) {
				struct souk_amount start = {77};
				if (other == i)
					continue;
				assert_int_equal(
					souk_sum_verify(&start, &root, &leaves[i], other, &path),
					SOUK_PEER_BAD_PATH);
				assert_int_equal(start.ncoin, 77);
			}
		}
	}
}

static void flip(struct souk_sum_node *node, size_t bit)
{
	if (bit < 256)
		node->hash.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	else
		node->sum.ncoin ^= UINT64_C(1) << (bit - 256);
}

static void assert_bad(const struct souk_sum_node *root, const struct souk_sum_node *leaf,
	uint32_t index, const struct souk_sum_path *path)
{
	struct souk_amount start = {77};
	assert_int_equal(souk_sum_verify(&start, root, leaf, index, path), SOUK_PEER_BAD_PATH);
	assert_int_equal(start.ncoin, 77);
}

static void test_every_changed_bit_fails(void **state)
{
	struct souk_sum_node leaves[NODES_MAX];
	const size_t count = 11;
	(void)state;
	random_leaves(leaves, count, 5);
	struct souk_sum_node root = root_of(leaves, count);
	for (uint32_t index = 0; index < count; index += 5) {
		struct souk_sum_path path = path_of(leaves, count, index);
		for (size_t bit = 0; bit < 320; bit++) {
			for (uint32_t level = 0; level < path.depth; level++) {
				struct souk_sum_path bad = path;
				flip(&bad.siblings[level], bit);
				assert_bad(&root, &leaves[index], index, &bad);
			}
			struct souk_sum_node bad = leaves[index];
			flip(&bad, bit);
			assert_bad(&root, &bad, index, &path);
			bad = root;
			flip(&bad, bit);
			assert_bad(&bad, &leaves[index], index, &path);
		}
	}
}

static void test_depth_is_bounded(void **state)
{
	struct souk_sum_node leaf = leaf_of(0, 1), root = leaf;
	struct souk_sum_path path = {.depth = 0};
	struct souk_amount start;
	static struct souk_sum_node none[1];
	(void)state;
	assert_int_equal(souk_sum_verify(&start, &root, &leaf, 0, &path), SOUK_OK);
	assert_int_equal(start.ncoin, 0);
	assert_bad(&root, &leaf, 1, &path);
	path.depth = SOUK_MERKLE_DEPTH_MAX;
	assert_bad(&root, &leaf, 1u << SOUK_MERKLE_DEPTH_MAX, &path);
	path.depth = SOUK_MERKLE_DEPTH_MAX + 1;
	assert_bad(&root, &leaf, 0, &path);
	path.depth = UINT32_MAX;
	assert_bad(&root, &leaf, 0, &path);
	assert_int_equal(souk_sum_prove(&path, none, ((size_t)1 << SOUK_MERKLE_DEPTH_MAX) + 1, 0),
		SOUK_LOCAL_FULL);
	assert_int_equal(path.depth, UINT32_MAX);
}

static void test_overflow_is_refused(void **state)
{
	struct souk_sum_node leaves[4], scratch[4], root = {.sum = {77}};
	struct souk_sum_path path = {.depth = 3};
	(void)state;
	for (uint32_t big = 0; big < 4; big++) {
		for (uint32_t i = 0; i < 4; i++)
			leaves[i] = leaf_of(i, i == big ? UINT64_MAX - 2 : 1);
		memcpy(scratch, leaves, sizeof scratch);
		assert_int_equal(souk_sum_root(&root, scratch, 4), SOUK_LOCAL_OVERFLOW);
		assert_int_equal(root.sum.ncoin, 77);
		memcpy(scratch, leaves, sizeof scratch);
		assert_int_equal(souk_sum_prove(&path, scratch, 4, big), SOUK_LOCAL_OVERFLOW);
		assert_int_equal(path.depth, 3);
	}
	/* The largest total there is. */
	leaves[3] = leaf_of(3, UINT64_MAX - 3);
	for (uint32_t i = 0; i < 3; i++)
		leaves[i] = leaf_of(i, 1);
	root = root_of(leaves, 4);
	assert_true(root.sum.ncoin == UINT64_MAX);
	/* A peer's path whose sums wrap to the right total is refused all the same. */
	path = path_of(leaves, 4, 3);
	path.siblings[0].sum.ncoin = UINT64_MAX;
	assert_bad(&root, &leaves[3], 3, &path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_intervals_tile_the_total),
		cmocka_unit_test(test_no_other_index),
		cmocka_unit_test(test_every_changed_bit_fails),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_overflow_is_refused),
	};
	return cmocka_run_group_tests_name("sum_tree", tests, NULL, NULL);
}
