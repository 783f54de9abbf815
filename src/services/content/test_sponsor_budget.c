/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor spends for one content is within that content's budget, whatever another has; and
 * caches that enlist anew meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sponsor_kit.h"

#define N 3u

static souk_status ask(
	struct kit_sponsor *kit, uint64_t seed, uint32_t chunks, struct souk_bundle_offer *ret)
{
	return kit_sponsor_draw(kit, seed, 0, chunks, seed, ret);
}

static struct souk_amount rows(uint64_t count)
{
	return souk_amount_of_ncoin(count * N * KIT_PRICE);
}

static void test_of_a_content(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	const struct souk_hash *id = &kit->content.id;
	struct souk_bundle_offer offer;
	assert_int_equal(souk_sponsor_set_budget(&kit->sponsor, id, rows(7)), SOUK_OK);
	assert_int_equal(souk_sponsor_free_for(&kit->sponsor, id).ncoin, rows(7).ncoin);
	assert_int_equal(ask(kit, 1, 9, &offer), SOUK_OK);
	assert_int_equal(offer.units, 3);
	assert_int_equal(ask(kit, 2, 30, &offer), SOUK_OK);
	assert_int_equal(offer.units, 4);
	assert_int_equal(souk_sponsor_free_for(&kit->sponsor, id).ncoin, 0);
	assert_true(souk_sponsor_free(&kit->sponsor).ncoin > 0);
	assert_int_equal(ask(kit, 3, 1, &offer), SOUK_LOCAL_BUDGET);
	/* More of it later; the sum of all contents bounds it too. */
	assert_int_equal(souk_sponsor_set_budget(&kit->sponsor, id, rows(100)), SOUK_OK);
	kit->sponsor.config.budget = rows(8);
	assert_int_equal(souk_sponsor_free_for(&kit->sponsor, id).ncoin, rows(1).ncoin);
	assert_int_equal(ask(kit, 3, 30, &offer), SOUK_OK);
	assert_int_equal(offer.units, 1);
	kit_sponsor_free(kit);
}

/* A budget that is taken back stops new bundles; who was drawn is paid. */
static void test_stopped(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer;
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, KIT_CHUNKS);
	while (v->viewer.state != SOUK_VIEWER_RUNNING)
		assert_true(kit_viewing_run(v, 1));
	assert_int_equal(
		souk_sponsor_set_budget(&kit->sponsor, &kit->content.id, rows(0)), SOUK_OK);
	assert_int_equal(ask(kit, 1, 1, &offer), SOUK_LOCAL_BUDGET);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	uint64_t spent = kit->contents[0].record.spent.ncoin;
	assert_int_equal(spent, kit->sponsor.totals.spent.ncoin);
	assert_true(spent > 0);
	assert_int_equal(kit->contents[0].held.ncoin, 0);
	/* It is known after a crash. */
	kit_sponsor_restart(kit, 3);
	assert_int_equal(kit->contents[0].record.spent.ncoin, spent);
	assert_int_equal(souk_sponsor_set_budget(&kit->sponsor, &kit->content.id,
				 souk_amount_of_ncoin(spent + rows(1).ncoin)),
		SOUK_OK);
	assert_int_equal(
		souk_sponsor_free_for(&kit->sponsor, &kit->content.id).ncoin, rows(1).ncoin);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* The line is spent: nobody is drawn anything, but who was drawn before is answered as before. */
static void test_no_units(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer, again;
	assert_int_equal(ask(kit, 1, 9, &offer), SOUK_OK);
	kit->sponsor.config.units_max = 0;
	assert_int_equal(ask(kit, 2, 9, &again), SOUK_LOCAL_BUDGET);
	assert_int_equal(ask(kit, 1, 9, &again), SOUK_OK);
	assert_memory_equal(&offer.bundle, &again.bundle, sizeof offer.bundle);
	kit->sponsor.config.units_max = 2;
	assert_int_equal(ask(kit, 2, 9, &again), SOUK_OK);
	assert_int_equal(again.units, 2);
	kit_sponsor_free(kit);
}

/* The files of a directory: what one spends, another cannot. */
static void test_group(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	struct souk_content other = kit->content;
	struct souk_bundle_offer offer;
	other.id.bytes[0] ^= 1;
	assert_int_equal(souk_sponsor_add_content(&kit->sponsor, &other, &kit->content.id, rows(7)),
		SOUK_OK);
	assert_int_equal(
		souk_sponsor_set_budget(&kit->sponsor, &kit->content.id, rows(7)), SOUK_OK);
	assert_int_equal(ask(kit, 1, 15, &offer), SOUK_OK);
	assert_int_equal(offer.units, 5);
	assert_int_equal(
		souk_sponsor_free_for(&kit->sponsor, &kit->content.id).ncoin, rows(2).ncoin);
	assert_int_equal(souk_sponsor_free_for(&kit->sponsor, &other.id).ncoin, rows(2).ncoin);
	kit_sponsor_free(kit);
}

/* Caches enlist anew before the strip comes: they know it by the secret that they had. */
static void test_renewed_between(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, KIT_CHUNKS);
	while (v->viewer.state == SOUK_VIEWER_ASKING)
		assert_true(kit_viewing_run(v, 1));
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		assert_int_equal(kit_sponsor_recruit(kit, i), SOUK_OK);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_unknown(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, 4, SOUK_PUZZLE_FAST);
	struct souk_hash other = {{9}};
	struct souk_sponsor_content_record record = {.units = 4};
	assert_int_equal(
		souk_sponsor_set_budget(&kit->sponsor, &other, rows(1)), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(
		souk_sponsor_restore_content(&kit->sponsor, &other, &record), SOUK_LOCAL_STATE);
	assert_int_equal(souk_sponsor_free_for(&kit->sponsor, &other).ncoin, 0);
	assert_null(souk_sponsor_content_of(&kit->sponsor, &other));
	assert_int_equal(souk_sponsor_add_content(&kit->sponsor, &kit->content, NULL, rows(1)),
		SOUK_LOCAL_EXISTS);
	kit_sponsor_free(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_content),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_no_units),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_renewed_between),
		cmocka_unit_test(test_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
