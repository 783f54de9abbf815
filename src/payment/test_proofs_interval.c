/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P1 and P2 of spec/payment.md: what a Merkle-sum root promises, to whoever
 * built the tree. The adversary here writes its nodes by itself, with any sums in
 * them, and tries every path that its tree could have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proofs.h"
#include "souk/base/bytes.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "souk/crypto/sum_tree.h"
#include "souk/payment/allotment.h"

#define NODES_MAX    64
#define DEPTH_MAX    6
#define ACCEPTED_MAX 4096

/* A tree as its builder imagines it. A node's claims are what it hashes about its children, and
 * need not be true. */
struct node {
	int left, right;		/* -1: a leaf */
	uint64_t left_says, right_says; /* leaf: left_says is its amount */
	struct souk_hash hash;
};

struct tree {
	struct node nodes[NODES_MAX];
	int count;
};

struct interval {
	uint32_t depth, index;
	uint64_t start, end;
};

static struct interval accepted[ACCEPTED_MAX];
static size_t accepted_count;

/* spec/payment.md 2 once more, written down independently. */
static struct souk_hash hash_node(const struct tree *tree, const struct node *node)
{
	uint8_t message[1 + 2 * (32 + 8)] = {3};
	memcpy(message + 1, tree->nodes[node->left].hash.bytes, 32);
	souk_store_be64(message + 33, node->left_says);
	memcpy(message + 41, tree->nodes[node->right].hash.bytes, 32);
	souk_store_be64(message + 73, node->right_says);
	return souk_sha256_of(message, sizeof message);
}

static struct souk_hash hash_leaf(uint8_t who, uint64_t amount)
{
	uint8_t message[1 + 40 + 8] = {2, who};
	souk_store_be64(message + 41, amount);
	return souk_sha256_of(message, sizeof message);
}

static struct souk_sum_node leaf_of(uint8_t who, uint64_t amount)
{
	return (struct souk_sum_node){
		.hash = hash_leaf(who, amount), .sum = souk_amount_of_ncoin(amount)};
}

static int add_leaf(struct tree *tree, uint64_t amount)
{
	int at = tree->count++;
	tree->nodes[at] = (struct node){.left = -1, .right = -1, .left_says = amount};
	tree->nodes[at].hash = hash_leaf((uint8_t)at, amount);
	return at;
}

static int add_node(struct tree *tree, int left, int right, uint64_t left_says, uint64_t right_says)
{
	int at = tree->count++;
	tree->nodes[at] = (struct node){left, right, left_says, right_says, {{0}}};
	tree->nodes[at].hash = hash_node(tree, &tree->nodes[at]);
	return at;
}

/* Two accepted places are one and the same, or have nothing in common; and all is below TOTAL. */
static void accept(uint32_t depth, uint32_t index, uint64_t start, uint64_t amount, uint64_t total)
{
	struct interval new = {depth, index, start, start + amount};
	assert_true(new.end >= new.start &&new.end <= total);
	for (size_t i = 0; i < accepted_count; i++) {
		const struct interval *old = &accepted[i];
		if (old->depth == depth && old->index == index) {
			assert_true(old->start == new.start && old->end == new.end);
			return;
		}
		bool is_empty = old->start == old->end || new.start == new.end;
		assert_true(is_empty || old->end <= new.start || new.end <= old->start);
	}
	assert_true(accepted_count < ACCEPTED_MAX);
	accepted[accepted_count++] = new;
}

/* P1: the accepted amounts add up to TOTAL at most. */
static void check_sum(uint64_t total)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < accepted_count; i++)
		sum += accepted[i].end - accepted[i].start;
	assert_true(sum <= total);
}

/* ---- every small tree ---- */

#define AMOUNTS	 2 /* of a leaf: 0 .. AMOUNTS - 1 */
#define CLAIMS	 3 /* of a node about a child: 0 .. CLAIMS - 1 */
#define TOTALS	 5
#define SIBLINGS 3 /* sums tried in a path: 0 .. SIBLINGS - 1 */

static uint64_t lies_accepted, pairs_seen;

/* What a tree says of itself, against all paths with the siblings of the place and any sums. */
struct attempt {
	const struct tree *tree;
	uint64_t total;
	int root;
};

static void try_sums(const struct attempt *attempt, int leaf, uint32_t index,
	const struct souk_hash *siblings, uint32_t depth)
{
	const struct node *node = &attempt->tree->nodes[leaf];
	struct souk_sum_node root = {.hash = attempt->tree->nodes[attempt->root].hash,
		.sum = souk_amount_of_ncoin(attempt->total)};
	uint32_t ways = 1;
	for (uint32_t level = 0; level < depth; level++)
		ways *= SIBLINGS;
	for (uint32_t way = 0; way < ways; way++) {
		struct souk_sum_path path = {.depth = depth};
		struct souk_amount start;
		struct souk_sum_node found = leaf_of((uint8_t)leaf, node->left_says);
		for (uint32_t level = 0, rest = way; level < depth; level++, rest /= SIBLINGS)
			path.siblings[level] = (struct souk_sum_node){.hash = siblings[level],
				.sum = souk_amount_of_ncoin(rest % SIBLINGS)};
		if (souk_sum_verify(&start, &root, &found, index, &path) == SOUK_OK)
			accept(depth, index, start.ncoin, node->left_says, attempt->total);
	}
}

/* Every leaf below AT, whose place so far is INDEX at DEPTH under SIBLINGS (the last one added
 * stands first in a path). */
static void try_leaves(const struct attempt *attempt, int at, uint32_t index, uint32_t depth,
	const struct souk_hash *siblings)
{
	const struct node *node = &attempt->tree->nodes[at];
	struct souk_hash below[DEPTH_MAX + 1];
	if (node->left < 0) {
		/* At its place, and at every other one of the same depth. */
		for (uint32_t other = 0; other < 1u << depth; other++)
			try_sums(attempt, at, other, siblings, depth);
		return;
	}
	memcpy(below + 1, siblings, depth * sizeof *siblings);
	below[0] = attempt->tree->nodes[node->right].hash;
	try_leaves(attempt, node->left, index * 2, depth + 1, below);
	below[0] = attempt->tree->nodes[node->left].hash;
	try_leaves(attempt, node->right, index * 2 + 1, depth + 1, below);
}

static void try_tree(const struct tree *tree, int root)
{
	struct souk_hash none[1] = {{{0}}};
	for (uint64_t total = 0; total < TOTALS; total++) {
		struct attempt attempt = {tree, total, root};
		accepted_count = 0;
		try_leaves(&attempt, root, 0, 0, none);
		check_sum(total);
		pairs_seen += accepted_count * (accepted_count - 1) / 2;
		lies_accepted += accepted_count > 0;
	}
}

/* Leaves under one node, with every amount and every pair of claims; then the same one level up.
 * SHAPE: which of the root's children are nodes themselves. */
static void each_tree(unsigned shape)
{
	unsigned nodes = 1 + (shape & 1) + (shape >> 1 & 1);
	unsigned leaves = nodes + 1, ways = 1;
	for (unsigned i = 0; i < leaves; i++)
		ways *= AMOUNTS;
	for (unsigned i = 0; i < 2 * nodes; i++)
		ways *= CLAIMS;
	for (unsigned way = 0; way < ways; way++) {
		struct tree tree = {.count = 0};
		unsigned rest = way;
		int children[2];
		for (unsigned side = 0; side < 2; side++) {
			int left = add_leaf(&tree, rest % AMOUNTS);
			rest /= AMOUNTS;
			children[side] = left;
			if (!(shape >> side & 1))
				continue;
			int right = add_leaf(&tree, rest % AMOUNTS);
			rest /= AMOUNTS;
			children[side] =
				add_node(&tree, left, right, rest % CLAIMS, rest / CLAIMS % CLAIMS);
			rest /= CLAIMS * CLAIMS;
		}
		try_tree(&tree, add_node(&tree, children[0], children[1], rest % CLAIMS,
					rest / CLAIMS % CLAIMS));
	}
}

/* P1, P2: all trees of two to four leaves, balanced or not, with every amount, every false sum in
 * every node, every total, and every sum in every path. */
static void p1_p2_no_small_tree_gives_a_coin_twice(void **state)
{
	(void)state;
	lies_accepted = pairs_seen = 0;
	for (unsigned shape = 0; shape < PROOFS_PICK(4, 3); shape++)
		each_tree(shape);
	/* Not for want of anything that verifies. */
	assert_true(lies_accepted > 100 && pairs_seen > 100);
}

/* P1, P2: in an honest tree of any small leaves each one has its interval, they stand in a row and
 * fill the total. */
static void p1_p2_small_honest_trees_are_tiled(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 5; count++)
		for (unsigned way = 0; way < 243; way++) {
			struct souk_sum_node leaves[8], scratch[8], root;
			uint64_t at = 0;
			for (unsigned i = 0, rest = way; i < count; i++, rest /= 3)
				leaves[i] = leaf_of((uint8_t)i, rest % 3);
			memcpy(scratch, leaves, sizeof leaves);
			assert_int_equal(souk_sum_root(&root, scratch, count), SOUK_OK);
			for (size_t i = 0; i < count; i++) {
				struct souk_sum_path path;
				struct souk_amount start;
				memcpy(scratch, leaves, sizeof leaves);
				assert_int_equal(souk_sum_prove(&path, scratch, count, i), SOUK_OK);
				assert_int_equal(souk_sum_verify(&start, &root, &leaves[i],
							 (uint32_t)i, &path),
					SOUK_OK);
				assert_int_equal(start.ncoin, at);
				at += leaves[i].sum.ncoin;
			}
			assert_int_equal(root.sum.ncoin, at);
		}
}

/* ---- large trees at random ---- */

/* A random tree in which a node lies now and then. Returns its root, with its true sum. */
static int grow(struct tree *tree, struct souk_rng *rng, unsigned depth, uint64_t *ret_sum)
{
	uint64_t left_sum, right_sum;
	if (depth == 0 || tree->count > NODES_MAX - 2 * DEPTH_MAX - 2 ||
		souk_rng_below(rng, 8) == 0) {
		*ret_sum = souk_rng_below(rng, 5);
		return add_leaf(tree, *ret_sum);
	}
	int left = grow(tree, rng, depth - 1, &left_sum);
	int right = grow(tree, rng, depth - 1, &right_sum);
	if (souk_rng_below(rng, 12) == 0)
		left_sum = souk_rng_below(rng, 3) == 0 ? UINT64_MAX : souk_rng_below(rng, 9);
	if (souk_rng_below(rng, 12) == 0)
		right_sum = souk_rng_below(rng, 9);
	*ret_sum = left_sum + right_sum;
	return add_node(tree, left, right, left_sum, right_sum);
}

/* The path of the leaf that INDEX leads to from ROOT, with the sums that the nodes claim; or with a
 * sibling taken from elsewhere in the tree. Returns the leaf, or -1. */
static int path_to(struct souk_sum_path *path, const struct tree *tree, struct souk_rng *rng,
	int root, uint32_t *ret_index)
{
	struct souk_sum_node down[DEPTH_MAX];
	uint32_t depth = 0, index = 0;
	int at = root;
	for (; tree->nodes[at].left >= 0; depth++) {
		const struct node *node = &tree->nodes[at];
		uint32_t side = (uint32_t)souk_rng_below(rng, 2);
		int other = side ? node->left : node->right;
		uint64_t says = side ? node->left_says : node->right_says;
		if (souk_rng_below(rng, 50) == 0)
			other = (int)souk_rng_below(rng, (uint64_t)tree->count);
		if (souk_rng_below(rng, 50) == 0)
			says = souk_rng_below(rng, 9);
		down[depth] = (struct souk_sum_node){
			.hash = tree->nodes[other].hash, .sum = souk_amount_of_ncoin(says)};
		index = index * 2 + side;
		at = side ? node->right : node->left;
	}
	path->depth = depth;
	for (uint32_t i = 0; i < depth; i++)
		path->siblings[i] = down[depth - 1 - i];
	*ret_index = index;
	return at;
}

/* P1, P2: random trees up to six levels deep, whose nodes lie, and random paths, some of them
 * spliced together. */
static void p1_p2_liars_trees_at_random(void **state)
{
	(void)state;
	struct souk_rng rng;
	uint64_t verified = 0, refused = 0;
	souk_rng_init(&rng, 11);
	for (int round = 0; round < PROOFS_PICK(4000, 600); round++) {
		struct tree tree = {.count = 0};
		uint64_t total;
		int root_at = grow(&tree, &rng, DEPTH_MAX, &total);
		struct souk_sum_node root = {
			.hash = tree.nodes[root_at].hash, .sum = souk_amount_of_ncoin(total)};
		accepted_count = 0;
		for (int i = 0; i < 200; i++) {
			struct souk_sum_path path;
			struct souk_amount start;
			uint32_t index;
			int at = path_to(&path, &tree, &rng, root_at, &index);
			struct souk_sum_node leaf = leaf_of((uint8_t)at, tree.nodes[at].left_says);
			if (souk_sum_verify(&start, &root, &leaf, index, &path) != SOUK_OK) {
				refused++;
				continue;
			}
			verified++;
			accept(path.depth, index, start.ncoin, leaf.sum.ncoin, total);
		}
		check_sum(total);
	}
	assert_true(verified > 1000 && refused > 1000);
}

/* P2: an inner node is no leaf. Its 80 bytes and a leaf's 48 are hashed under different prefixes,
 * so no leaf's bytes give a node's hash; here for every split of a node's bytes. */
static void p2_a_node_is_no_leaf(void **state)
{
	(void)state;
	struct tree tree = {.count = 0};
	int left = add_leaf(&tree, 1), right = add_leaf(&tree, 1);
	int at = add_node(&tree, left, right, 1, 1);
	uint8_t bytes[80];
	memcpy(bytes, tree.nodes[left].hash.bytes, 32);
	souk_store_be64(bytes + 32, 1);
	memcpy(bytes + 40, tree.nodes[right].hash.bytes, 32);
	souk_store_be64(bytes + 72, 1);
	for (size_t size = 0; size <= 72; size++) {
		struct souk_sum_node fake =
			souk_sum_leaf(souk_bytes_of(bytes, size), souk_amount_of_ncoin(1));
		assert_false(souk_hash_equal(&fake.hash, &tree.nodes[at].hash));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_p2_small_honest_trees_are_tiled),
		cmocka_unit_test(p1_p2_no_small_tree_gives_a_coin_twice),
		cmocka_unit_test(p1_p2_liars_trees_at_random),
		cmocka_unit_test(p2_a_node_is_no_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
