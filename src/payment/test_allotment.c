/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"

static const struct souk_amount untouched = {0xdead};

static void escrow_terms(void **state)
{
	(void)state;
	static const struct {
		uint64_t line, prize;
		souk_status status;
	} rows[] = {
		{100, 10, SOUK_OK},
		{10, 10, SOUK_OK},
		{1, 1, SOUK_OK},
		{SOUK_ESCROW_POINTS_MAX, 1, SOUK_OK},
		{UINT64_MAX, UINT64_MAX, SOUK_OK},
		{0, 10, SOUK_PEER_ESCROW_TERMS},
		{10, 0, SOUK_PEER_ESCROW_TERMS},
		{0, 0, SOUK_PEER_ESCROW_TERMS},
		{101, 10, SOUK_PEER_ESCROW_TERMS},
		{5, 10, SOUK_PEER_ESCROW_TERMS},
		{SOUK_ESCROW_POINTS_MAX + 1ull, 1, SOUK_PEER_ESCROW_TERMS},
		{UINT64_MAX, 1, SOUK_PEER_ESCROW_TERMS},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++)
		assert_int_equal(souk_escrow_check_terms(souk_amount_of_ncoin(rows[i].line),
					 souk_amount_of_ncoin(rows[i].prize)),
			rows[i].status);
}

static void escrow_deposit(void **state)
{
	(void)state;
	static const struct {
		uint64_t line, epoch_ms, delay_ms, claim_ms, deposit;
		souk_status status;
	} rows[] = {
		{100, 10, 0, 0, 100, SOUK_OK},
		{100, 10, 1, 0, 200, SOUK_OK},
		{100, 10, 10, 10, 300, SOUK_OK},
		{100, 10, 11, 10, 400, SOUK_OK},
		{100, 10, 11, 21, 600, SOUK_OK},
		{UINT64_MAX, 10, 0, 0, UINT64_MAX, SOUK_OK},
		{UINT64_MAX, 10, 1, 0, 0, SOUK_LOCAL_OVERFLOW},
		{100, 0, 1, 1, 0, SOUK_LOCAL_OVERFLOW},
		{1, 1, UINT64_MAX, 0, 0, SOUK_LOCAL_OVERFLOW},
		{1, 1, UINT64_MAX, UINT64_MAX, 0, SOUK_LOCAL_OVERFLOW},
		{1, 1, UINT64_MAX - 1, 0, UINT64_MAX, SOUK_OK},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		struct souk_amount ret = untouched;
		struct souk_genesis genesis = {.epoch_ms = rows[i].epoch_ms,
			.draw_delay_ms = rows[i].delay_ms,
			.claim_ms = rows[i].claim_ms};
		assert_int_equal(
			souk_escrow_deposit_for(&ret, souk_amount_of_ncoin(rows[i].line), &genesis),
			rows[i].status);
		assert_int_equal(
			ret.ncoin, rows[i].status == SOUK_OK ? rows[i].deposit : untouched.ncoin);
	}
}

static void escrow_id_depends_on_all(void **state)
{
	(void)state;
	struct souk_hash ledger = {{5}}, fork = {{6}};
	struct souk_address payer = {{1}}, other = {{2}};
	struct souk_nonce salt = {{3}}, pepper = {{4}};
	struct souk_hash a = souk_escrow_id(&ledger, &payer, &salt);
	struct souk_hash b = souk_escrow_id(&ledger, &other, &salt);
	struct souk_hash c = souk_escrow_id(&ledger, &payer, &pepper);
	struct souk_hash d = souk_escrow_id(&fork, &payer, &salt);
	assert_false(souk_hash_equal(&a, &b));
	assert_false(souk_hash_equal(&a, &c));
	assert_false(souk_hash_equal(&a, &d));
}

/* A random allotment in which some leaves are empty. */
static size_t random_leaves(struct souk_rng *rng, struct souk_allotment_leaf *leaves, size_t max)
{
	size_t count = 1 + souk_rng_below(rng, max);
	for (size_t i = 0; i < count; i++) {
		souk_rng_fill(rng, leaves[i].provider.bytes, sizeof leaves[i].provider.bytes);
		souk_rng_fill(rng, leaves[i].issuer.bytes, sizeof leaves[i].issuer.bytes);
		leaves[i].amount = souk_amount_of_ncoin(
			souk_rng_below(rng, 4) ? souk_rng_below(rng, 1000) : 0);
	}
	return count;
}

/* P1, P2, P3: the verified intervals tile [base, base + total) in order. */
static void intervals_tile_the_segment(void **state)
{
	(void)state;
	enum { MAX = 40 };
	struct souk_allotment_leaf leaves[MAX];
	struct souk_sum_node nodes[64], root;
	struct souk_strip_open open;
	struct souk_rng rng;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		souk_rng_init(&rng, seed);
		size_t count = random_leaves(&rng, leaves, MAX);
		struct souk_allotment_record record = {
			.base = souk_amount_of_ncoin(souk_rng_below(&rng, 1u << 30))};
		uint64_t end = record.base.ncoin;
		assert_int_equal(souk_allotment_commit(&root, leaves, count, nodes), SOUK_OK);
		record.root = root.hash;
		record.total = root.sum;
		for (uint32_t i = 0; i < count; i++) {
			struct souk_amount start;
			assert_int_equal(
				souk_allotment_prove(&open, leaves, count, i, nodes), SOUK_OK);
			assert_memory_equal(&open.leaf, &leaves[i], sizeof open.leaf);
			assert_int_equal(souk_allotment_verify(&start, &record, &open.leaf, i,
						 open.leaf_path.items, open.leaf_path.count),
				SOUK_OK);
			assert_int_equal(start.ncoin, end);
			end += open.leaf.amount.ncoin;
		}
		assert_int_equal(end, record.base.ncoin + record.total.ncoin);
	}
}

static void limits_are_refused(void **state)
{
	(void)state;
	struct souk_allotment_leaf leaves[3] = {{.amount = {UINT64_MAX}}, {.amount = {1}}};
	struct souk_sum_node nodes[4], root = {.sum = untouched};
	struct souk_strip_open open;
	assert_int_equal(souk_allotment_commit(&root, leaves, 0, nodes), SOUK_LOCAL_FULL);
	assert_int_equal(souk_allotment_commit(&root, leaves, SOUK_ALLOTMENT_LEAVES_MAX + 1, nodes),
		SOUK_LOCAL_FULL);
	assert_int_equal(souk_allotment_commit(&root, leaves, 2, nodes), SOUK_LOCAL_OVERFLOW);
	assert_int_equal(souk_allotment_prove(&open, leaves, 2, 0, nodes), SOUK_LOCAL_OVERFLOW);
	assert_int_equal(souk_allotment_prove(&open, leaves, 0, 0, nodes), SOUK_LOCAL_FULL);
	assert_int_equal(root.sum.ncoin, untouched.ncoin);
	assert_int_equal(souk_allotment_commit(&root, leaves, 1, nodes), SOUK_OK);
	assert_int_equal(root.sum.ncoin, UINT64_MAX);
}

static souk_status verify(const struct souk_strip_open *open,
	const struct souk_allotment_record *record, uint32_t index)
{
	struct souk_amount ret = untouched;
	souk_status status = souk_allotment_verify(
		&ret, record, &open->leaf, index, open->leaf_path.items, open->leaf_path.count);
	if (status != SOUK_OK)
		assert_int_equal(ret.ncoin, untouched.ncoin);
	return status;
}

static void wrong_paths_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	struct souk_strip_open good, bad;
	fixture_init(&f, 1, 5, 100, 1000);
	assert_int_equal(souk_allotment_prove(&good, f.leaves, 5, 3, f.nodes), SOUK_OK);
	assert_int_equal(verify(&good, &f.record, 3), SOUK_OK);
	for (uint32_t index = 0; index < 20; index++)
		if (index != 3)
			assert_int_equal(verify(&good, &f.record, index), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf.amount.ncoin++;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf.provider.bytes[0] ^= 1;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf.issuer.bytes[19] ^= 1;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf_path.items[1].sum.ncoin ^= 1;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf_path.items[0].sum.ncoin = UINT64_MAX;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	bad = good, bad.leaf_path.count--;
	assert_int_equal(verify(&bad, &f.record, 3), SOUK_PEER_BAD_PATH);
	struct souk_allotment_record record = f.record;
	record.total.ncoin++;
	assert_int_equal(verify(&good, &record, 3), SOUK_PEER_BAD_PATH);
	record = f.record, record.base.ncoin = UINT64_MAX - 300;
	assert_int_equal(verify(&good, &record, 3), SOUK_PEER_BAD_PATH);
	record = f.record, record.base.ncoin = UINT64_MAX - 400;
	assert_int_equal(verify(&good, &record, 3), SOUK_OK);
	assert_int_equal(souk_allotment_verify(&record.base, &f.record, &good.leaf, 3,
				 good.leaf_path.items, SOUK_MERKLE_DEPTH_MAX + 1),
		SOUK_PEER_BAD_PATH);
}

/* LEFT and RIGHT under one node, as a payer who builds a tree by hand may lay them. */
static struct souk_sum_node above(struct souk_sum_node left, struct souk_sum_node right)
{
	struct souk_sum_node row[2] = {left, right}, ret;
	assert_int_equal(souk_sum_root(&ret, row, 2), SOUK_OK);
	return ret;
}

/* In a tree that is not even, leaves of different depth may have one index: both are leaf 1 here.
 *
 *          root
 *         /    \
 *      pair     leaf 1 of depth 1
 *     /    \
 *    0      leaf 1 of depth 2
 *
 * Their intervals are apart all the same, and neither path proves the other. */
static void one_index_at_two_depths(void **state)
{
	(void)state;
	struct souk_allotment_leaf leaves[3] = {{.provider = {{1}}, .amount = {100}},
		{.provider = {{2}}, .amount = {200}}, {.provider = {{3}}, .amount = {300}}};
	struct souk_sum_node nodes[3], pair, root;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(souk_allotment_commit(&nodes[i], &leaves[i], 1, &pair), SOUK_OK);
	pair = above(nodes[0], nodes[1]);
	root = above(pair, nodes[2]);
	const struct souk_allotment_record record = {.root = root.hash, .total = {600}};
	const struct souk_sum_step deep[] = {
		{nodes[0].hash, nodes[0].sum}, {nodes[2].hash, nodes[2].sum}};
	const struct souk_sum_step shallow[] = {{pair.hash, pair.sum}};
	struct souk_amount start;
	assert_int_equal(souk_allotment_verify(&start, &record, &leaves[1], 1, deep, 2), SOUK_OK);
	assert_int_equal(start.ncoin, 100);
	assert_int_equal(
		souk_allotment_verify(&start, &record, &leaves[2], 1, shallow, 1), SOUK_OK);
	assert_int_equal(start.ncoin, 300);
	for (uint32_t index = 0; index < 8; index++) {
		assert_int_equal(souk_allotment_verify(&start, &record, &leaves[2], index, deep, 2),
			SOUK_PEER_BAD_PATH);
		assert_int_equal(
			souk_allotment_verify(&start, &record, &leaves[1], index, shallow, 1),
			SOUK_PEER_BAD_PATH);
		if (index != 1)
			assert_int_equal(
				souk_allotment_verify(&start, &record, &leaves[1], index, deep, 2),
				SOUK_PEER_BAD_PATH);
	}
}

/* A node of a tree is no leaf of it, whatever its bytes say. */
static void a_node_is_no_leaf(void **state)
{
	(void)state;
	struct fixture f;
	struct souk_strip_open open;
	fixture_init(&f, 1, 4, 100, 0);
	assert_int_equal(souk_allotment_prove(&open, f.leaves, 4, 0, f.nodes), SOUK_OK);
	open.leaf.amount.ncoin = 200;
	memmove(open.leaf_path.items, open.leaf_path.items + 1, sizeof open.leaf_path.items[0]);
	open.leaf_path.count = 1;
	assert_int_equal(verify(&open, &f.record, 0), SOUK_PEER_BAD_PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escrow_terms),
		cmocka_unit_test(escrow_deposit),
		cmocka_unit_test(escrow_id_depends_on_all),
		cmocka_unit_test(intervals_tile_the_segment),
		cmocka_unit_test(limits_are_refused),
		cmocka_unit_test(wrong_paths_are_refused),
		cmocka_unit_test(one_index_at_two_depths),
		cmocka_unit_test(a_node_is_no_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
