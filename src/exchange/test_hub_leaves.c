/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/exchange/hub_leaves.h"

#define LINE 1000000u

static struct souk_hub_leaf items[SOUK_HUB_LEAVES_MAX];

static struct souk_hub_leaves empty(void)
{
	memset(items, 0, sizeof items);
	return (struct souk_hub_leaves){.items = items};
}

static struct souk_address provider(uint32_t number)
{
	struct souk_address address = {{0}};
	souk_store_be32(address.bytes, number + 1);
	return address;
}

static void keep(struct souk_hub_leaves *leaves, uint32_t number, uint64_t epoch, uint64_t amount)
{
	struct souk_payer_leaf part = {.epoch = epoch,
		.segment = number,
		.index = 0,
		.amount = souk_amount_of_ncoin(amount)};
	struct souk_strip_open *proof = calloc(1, sizeof *proof);
	proof->leaf.provider = provider(number);
	proof->leaf_path.count = 1;
	proof->leaf_path.items[0].sum = souk_amount_of_ncoin(number);
	souk_hub_leaves_keep(leaves, &part, proof);
	free(proof);
}

/* Sixty providers, each of whom one small session is bought from, all find room on the line. */
static void many_providers_share_a_line(void **state)
{
	(void)state;
	uint64_t room = LINE, need = 1000;
	for (uint32_t i = 0; i < 60; i++) {
		struct souk_amount amount = souk_hub_leaf_amount(
			souk_amount_of_ncoin(need), souk_amount_of_ncoin(room));
		assert_true(amount.ncoin >= need && amount.ncoin <= room);
		room -= amount.ncoin;
	}
	/* What is asked for is never cut down: whether it fits is the caller's to see. */
	assert_int_equal(
		souk_hub_leaf_amount(souk_amount_of_ncoin(7), souk_amount_of_ncoin(5)).ncoin, 7);
}

static void the_roomiest_leaf_is_found(void **state)
{
	(void)state;
	struct souk_hub_leaves leaves = empty();
	struct souk_address one = provider(1), two = provider(2);
	assert_null(souk_hub_leaves_find(&leaves, &one, 5));
	keep(&leaves, 1, 5, 100);
	keep(&leaves, 1, 5, 300);
	keep(&leaves, 1, 6, 900);
	keep(&leaves, 2, 5, 500);
	assert_int_equal(souk_hub_leaves_find(&leaves, &one, 5)->free.amount.ncoin, 300);
	assert_int_equal(souk_hub_leaves_find(&leaves, &one, 6)->free.amount.ncoin, 900);
	assert_int_equal(souk_hub_leaves_find(&leaves, &two, 5)->free.amount.ncoin, 500);
	souk_hub_leaves_find(&leaves, &one, 5)->free.used = souk_amount_of_ncoin(250);
	struct souk_hub_leaf *leaf = souk_hub_leaves_find(&leaves, &one, 5);
	assert_int_equal(leaf->free.amount.ncoin, 100);
	assert_true(souk_hub_leaf_has_room(leaf, souk_amount_of_ncoin(100)));
	assert_false(souk_hub_leaf_has_room(leaf, souk_amount_of_ncoin(101)));
}

/* The place that is taken is that of the leaf used longest ago. */
static void a_full_table_forgets_the_oldest(void **state)
{
	(void)state;
	struct souk_hub_leaves leaves = empty();
	struct souk_strip_open *proof = calloc(1, sizeof *proof);
	struct souk_address first = provider(0), second = provider(1), last = provider(9999);
	for (uint32_t i = 0; i < SOUK_HUB_LEAVES_MAX; i++)
		keep(&leaves, i, 5, 100);
	souk_hub_leaves_use(&leaves, souk_hub_leaves_find(&leaves, &first, 5), proof);
	assert_memory_equal(&proof->leaf.provider, &first, sizeof first);
	assert_int_equal(proof->leaf_path.count, 1);
	keep(&leaves, 9999, 5, 100);
	assert_non_null(souk_hub_leaves_find(&leaves, &first, 5));
	assert_null(souk_hub_leaves_find(&leaves, &second, 5));
	assert_non_null(souk_hub_leaves_find(&leaves, &last, 5));
	free(proof);
}

/* Sessions of one leaf come back in any order; what is used only grows. */
static void restored_sessions_use_up_their_leaf(void **state)
{
	(void)state;
	static const uint64_t starts[3][3] = {{0, 20, 40}, {40, 0, 20}, {20, 40, 0}};
	struct souk_hub_session_record *record = calloc(1, sizeof *record);
	struct souk_address one = provider(1);
	struct souk_strip *strip = &record->strip_open.strip;
	record->strip_open.leaf.provider = one;
	record->strip_open.leaf.amount = souk_amount_of_ncoin(100);
	strip->epoch = 5;
	strip->count = 10;
	strip->price = souk_amount_of_ncoin(2);
	for (int order = 0; order < 3; order++) {
		struct souk_hub_leaves leaves = empty();
		for (int i = 0; i < 3; i++) {
			strip->start = souk_amount_of_ncoin(starts[order][i]);
			souk_hub_leaves_restore(&leaves, record);
		}
		struct souk_hub_leaf *leaf = souk_hub_leaves_find(&leaves, &one, 5);
		assert_int_equal(leaf->free.used.ncoin, 60);
		assert_true(items[1].free.amount.ncoin == 0);
	}
	struct souk_hub_leaves leaves = empty();
	strip->start = souk_amount_of_ncoin(UINT64_MAX);
	souk_hub_leaves_restore(&leaves, record);
	assert_null(souk_hub_leaves_find(&leaves, &one, 5));
	free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_providers_share_a_line),
		cmocka_unit_test(the_roomiest_leaf_is_found),
		cmocka_unit_test(a_full_table_forgets_the_oldest),
		cmocka_unit_test(restored_sessions_use_up_their_leaf),
	};
	return cmocka_run_group_tests_name("hub_leaves", tests, NULL, NULL);
}
