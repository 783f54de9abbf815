/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/crypto/merkle.h"
#include "souk/crypto/sha256.h"

#define LEAVES_MAX 40

static void leaf_hashes(struct souk_hash *leaves, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t data[4];
		souk_store_be32(data, (uint32_t)i);
		leaves[i] = souk_merkle_leaf(souk_bytes_of(data, sizeof data));
	}
}

/* The definition, as slow as it reads: the left subtree is the largest full one that leaves some.
 */
static struct souk_hash naive_root(const struct souk_hash *leaves, size_t count)
{
	uint8_t message[65] = {1};
	size_t left = 1;
	if (count == 1)
		return leaves[0];
	while (left * 2 < count)
		left *= 2;
	struct souk_hash l = naive_root(leaves, left);
	struct souk_hash r = naive_root(leaves + left, count - left);
	memcpy(message + 1, l.bytes, 32);
	memcpy(message + 33, r.bytes, 32);
	return souk_sha256_of(message, sizeof message);
}

static void test_leaf_is_prefixed(void **state)
{
	(void)state;
	struct souk_hash leaf = souk_merkle_leaf(souk_bytes_text("x"));
	struct souk_hash expected = souk_sha256_of("\0x", 2);
	assert_true(souk_hash_equal(&leaf, &expected));
}

static void test_root_matches_the_definition(void **state)
{
	struct souk_hash leaves[LEAVES_MAX], scratch[LEAVES_MAX];
	(void)state;
	struct souk_hash none = souk_merkle_root(scratch, 0);
	assert_true(souk_hash_is_zero(&none));
	for (size_t count = 1; count <= LEAVES_MAX; count++) {
		leaf_hashes(leaves, count);
		memcpy(scratch, leaves, sizeof scratch);
		struct souk_hash root = souk_merkle_root(scratch, count);
		struct souk_hash expected = naive_root(leaves, count);
		assert_true(souk_hash_equal(&root, &expected));
	}
}

/* No position but its own verifies a leaf: neither another index nor another count of the same
 * depth pattern, unless both describe the same place in the same tree. */
static void check_other_positions(const struct souk_hash *root, const struct souk_hash *leaf,
	size_t index, size_t count, const struct souk_merkle_path *path)
{
	for (size_t other = 0; other <= count; other++) {
		souk_status expected = other == index ? SOUK_OK : SOUK_PEER_BAD_PATH;
		assert_int_equal(souk_merkle_verify(root, leaf, other, count, path), expected);
	}
}

static void check_corruptions(const struct souk_hash *root, const struct souk_hash *leaf,
	size_t index, size_t count, const struct souk_merkle_path *path)
{
	struct souk_merkle_path bad = *path;
	for (uint32_t level = 0; level < path->depth; level++) {
		bad.siblings[level].bytes[index % 32] ^= 0x10;
		assert_int_equal(
			souk_merkle_verify(root, leaf, index, count, &bad), SOUK_PEER_BAD_PATH);
		bad.siblings[level] = path->siblings[level];
	}
	bad.depth = path->depth + 1;
	memset(&bad.siblings[path->depth], 0, sizeof bad.siblings[0]);
	assert_int_equal(souk_merkle_verify(root, leaf, index, count, &bad), SOUK_PEER_BAD_PATH);
	bad.depth = path->depth - 1; /* huge where the path is empty */
	assert_int_equal(souk_merkle_verify(root, leaf, index, count, &bad), SOUK_PEER_BAD_PATH);
	struct souk_hash other = *leaf;
	other.bytes[31] ^= 1;
	assert_int_equal(souk_merkle_verify(root, &other, index, count, path), SOUK_PEER_BAD_PATH);
	other = *root;
	other.bytes[0] ^= 0x80;
	assert_int_equal(souk_merkle_verify(&other, leaf, index, count, path), SOUK_PEER_BAD_PATH);
}

static void test_every_path(void **state)
{
	struct souk_hash leaves[LEAVES_MAX], scratch[LEAVES_MAX];
	(void)state;
	leaf_hashes(leaves, LEAVES_MAX);
	for (size_t count = 1; count <= LEAVES_MAX; count++) {
		struct souk_hash root = naive_root(leaves, count);
		for (size_t index = 0; index < count; index++) {
			struct souk_merkle_path path;
			memcpy(scratch, leaves, sizeof scratch);
			assert_int_equal(souk_merkle_prove(&path, scratch, count, index), SOUK_OK);
			check_other_positions(&root, &leaves[index], index, count, &path);
			check_corruptions(&root, &leaves[index], index, count, &path);
		}
	}
}

static void test_empty_tree_has_no_leaf(void **state)
{
	static const struct souk_hash zero;
	static const struct souk_merkle_path path;
	(void)state;
	assert_int_equal(souk_merkle_verify(&zero, &zero, 0, 0, &path), SOUK_PEER_BAD_PATH);
}

static void test_too_deep_is_refused(void **state)
{
	struct souk_hash leaf = {{1}};
	struct souk_merkle_path path = {.depth = 1};
	size_t over = ((size_t)1 << SOUK_MERKLE_DEPTH_MAX) + 1;
	(void)state;
	/* Refused by the count alone: the one leaf given is never read past. */
	assert_int_equal(souk_merkle_prove(&path, &leaf, over, 0), SOUK_LOCAL_FULL);
	assert_int_equal(path.depth, 1);
	assert_int_equal(souk_merkle_verify(&leaf, &leaf, 0, SIZE_MAX, &path), SOUK_PEER_BAD_PATH);
	path.depth = UINT32_MAX;
	assert_int_equal(souk_merkle_verify(&leaf, &leaf, 0, SIZE_MAX, &path), SOUK_PEER_BAD_PATH);
}

/* BEP 52 by its definition: every leaf to the next power of two, then pairs. */
static struct souk_hash naive_bep52(struct souk_bytes data, size_t width)
{
	static const struct souk_hash zero;
	struct souk_hash pair[2];
	if (width == 1)
		return data.size == 0 ? zero : souk_sha256_of(data.data, data.size);
	size_t half = width / 2 * SOUK_BLOCK_SIZE;
	size_t left = data.size < half ? data.size : half;
	pair[0] = naive_bep52(souk_bytes_of(data.data, left), width / 2);
	pair[1] = naive_bep52(souk_bytes_of(data.data + left, data.size - left), width / 2);
	return souk_sha256_of(pair, sizeof pair);
}

/* Sizes around every boundary, up to 40 blocks; chunks larger than one group of leaves too. */
static void test_bep52_chunks_match_the_definition(void **state)
{
	static uint8_t data[40 * SOUK_BLOCK_SIZE];
	static const uint32_t chunk_sizes[] = {16384, 65536, 262144, 1048576};
	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	for (size_t c = 0; c < 4; c++) {
		size_t limit = chunk_sizes[c] < sizeof data ? chunk_sizes[c] : sizeof data;
		for (size_t blocks = 1; blocks * SOUK_BLOCK_SIZE <= limit; blocks += 1 + blocks / 3)
			for (size_t less = 0; less <= 2; less++) {
				struct souk_bytes view =
					souk_bytes_of(data, blocks * SOUK_BLOCK_SIZE - less * 8191);
				size_t width = 1;
				while (width < blocks)
					width *= 2;
				struct souk_hash a =
					souk_bep52_chunk_root(view, chunk_sizes[c], true);
				struct souk_hash b = naive_bep52(view, width);
				assert_true(souk_hash_equal(&a, &b));
				a = souk_bep52_chunk_root(view, chunk_sizes[c], false);
				b = naive_bep52(view, chunk_sizes[c] / SOUK_BLOCK_SIZE);
				assert_true(souk_hash_equal(&a, &b));
			}
	}
}

static void test_bep52_root_of_chunks(void **state)
{
	static uint8_t data[21 * SOUK_BLOCK_SIZE - 5];
	struct souk_hash rows[6];
	size_t chunk = 4 * SOUK_BLOCK_SIZE, count = 0;
	(void)state;
	memset(data, 0x5a, sizeof data);
	for (size_t at = 0; at < sizeof data; at += chunk) {
		size_t n = sizeof data - at < chunk ? sizeof data - at : chunk;
		rows[count++] =
			souk_bep52_chunk_root(souk_bytes_of(data + at, n), (uint32_t)chunk, false);
	}
	assert_int_equal(count, 6);
	struct souk_hash root = souk_bep52_root(rows, count, (uint32_t)chunk);
	struct souk_hash expected = naive_bep52(souk_bytes_of(data, sizeof data), 32);
	assert_true(souk_hash_equal(&root, &expected));
	root = souk_bep52_root(rows, 0, (uint32_t)chunk);
	assert_true(souk_hash_is_zero(&root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf_is_prefixed),
		cmocka_unit_test(test_root_matches_the_definition),
		cmocka_unit_test(test_every_path),
		cmocka_unit_test(test_empty_tree_has_no_leaf),
		cmocka_unit_test(test_too_deep_is_refused),
		cmocka_unit_test(test_bep52_chunks_match_the_definition),
		cmocka_unit_test(test_bep52_root_of_chunks),
	};
	return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
