/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents of fewer chunks than a bundle has caches: who is drawn, what is paid, what is charged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sponsor_kit.h"

#define N	6u
#define SEGMENT 4u

/* ------------------------------------------------------------------ how many */

static uint32_t caches_of(uint64_t chunks, uint32_t most, uint32_t share)
{
	struct souk_content content = {.size = chunks * KIT_CHUNK, .chunk_size = KIT_CHUNK};
	return souk_bundle_caches(&content, most, share);
}

static void test_count(void **state)
{
	(void)state;
	assert_int_equal(caches_of(1, N, 1), 1);
	assert_int_equal(caches_of(5, N, 1), 5);
	assert_int_equal(caches_of(6, N, 1), 6);
	assert_int_equal(caches_of(7, N, 1), 6);
	assert_int_equal(caches_of(1000000, 16, 1), 16);
	assert_int_equal(caches_of(1, 1, 1), 1);
	/* Each has four at least. */
	assert_int_equal(caches_of(1, N, 4), 1);
	assert_int_equal(caches_of(7, N, 4), 1);
	assert_int_equal(caches_of(8, N, 4), 2);
	assert_int_equal(caches_of(24, N, 4), 6);
	assert_int_equal(caches_of(24, N, UINT32_MAX), 1);
	/* All, always. */
	assert_int_equal(caches_of(1, N, 0), 6);
	/* An empty one is never drawn for. */
	assert_int_equal(caches_of(0, N, 1), 1);
}

/* ------------------------------------------------------------------ what it costs */

static void download(uint32_t chunks, uint32_t share, uint32_t caches, uint32_t units)
{
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, chunks, share);
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, chunks);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(v->viewer.plan.caches, caches);
	assert_int_equal(v->viewer.plan.units, units);
	for (uint32_t i = 0; i < chunks; i++)
		assert_true(v->have[i]);
	assert_int_equal(v->fetched, units * caches);
	assert_int_equal(kit->sponsor.totals.units, units * caches);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, units * caches * KIT_PRICE);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	/* Quotas know no small bundles. */
	assert_int_equal(kit->viewers[0].record.units, units * N);
	assert_int_equal(kit->prefixes[0].units, units * N);
	kit_sponsor_restart(kit, 5);
	assert_int_equal(kit->prefixes[0].units, units * N);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_one_unit_for_each_chunk(void **state)
{
	(void)state;
	for (uint32_t chunks = 1; chunks <= N; chunks++)
		download(chunks, 1, chunks, 1);
	download(N + 1, 1, N, 2);
}

static void test_share(void **state)
{
	(void)state;
	download(4, 4, 1, 4);
	download(3, 4, 1, 3);
	download(8, 4, 2, 4);
	download(9, 4, 2, 5);
	download(1, 0, N, 1);
	download(4, 0, N, 1);
}

/* The last chunk of many, asked for alone: all n are drawn, as for any part of that content. */
static void test_a_part_is_not_small(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, 12, 1);
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 11, 1);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(v->viewer.plan.caches, N);
	assert_int_equal(kit->sponsor.totals.units, N);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* S3: with a friend among eight caches it is drawn as often as before, and no oftener. */
static void test_quota(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, 1, 1);
	struct souk_bundle_offer offer;
	uint32_t bundles = 0;
	kit->sponsor.config.viewer_units = 5 * N;
	kit->sponsor.config.prefix_units = 7 * N + N - 1;
	while (kit_sponsor_draw(kit, 1, bundles, 1, 9, &offer) == SOUK_OK) {
		assert_int_equal(offer.caches.count, 1);
		bundles++;
	}
	assert_int_equal(bundles, 5);
	while (kit_sponsor_draw(kit, 2, bundles - 5, 1, 9, &offer) == SOUK_OK)
		bundles++;
	assert_int_equal(bundles, 7);
	assert_int_equal(kit_sponsor_draw(kit, 2, 2, 1, 9, &offer), SOUK_PEER_SPONSOR_QUOTA);
	kit_sponsor_free(kit);
}

static void test_budget(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, 2, 1);
	struct souk_bundle_offer offer;
	kit->sponsor.config.budget.ncoin = 5 * KIT_PRICE;
	assert_int_equal(kit_sponsor_draw(kit, 1, 0, 2, 1, &offer), SOUK_OK);
	assert_int_equal(kit_sponsor_draw(kit, 2, 0, 2, 1, &offer), SOUK_OK);
	assert_int_equal(kit->sponsor.held.ncoin, 4 * KIT_PRICE);
	assert_int_equal(kit_sponsor_draw(kit, 3, 0, 2, 1, &offer), SOUK_LOCAL_BUDGET);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ who is there */

static void release_from(struct kit_sponsor *kit, uint32_t first)
{
	for (uint32_t i = first; i < KIT_CACHES; i++)
		souk_sponsor_release(
			&kit->sponsor, &kit->providers[i].identity.address, &kit->content.id);
}

/* As many caches as it has chunks are enough, and one fewer is not. */
static void test_few_caches(void **state)
{
	(void)state;
	for (uint32_t chunks = 1; chunks <= 3; chunks++) {
		struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, chunks, 1);
		struct souk_bundle_offer offer;
		release_from(kit, chunks);
		assert_int_equal(kit_sponsor_draw(kit, 1, 0, chunks, 1, &offer), SOUK_OK);
		release_from(kit, chunks - 1);
		assert_int_equal(kit_sponsor_draw(kit, 2, 0, chunks, 1, &offer),
			SOUK_LOCAL_NO_PROVIDER_LEFT);
		kit_sponsor_free(kit);
	}
}

/* Of two caches the one in doubt is not drawn, and alone it is; a barred one never. */
static void test_doubt(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, 1, 1);
	struct souk_bundle_offer offer;
	release_from(kit, 2);
	kit->caches[0].in_doubt = true;
	kit->sponsor.doubts = 1;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(kit_sponsor_draw(kit, i, 0, 1, i, &offer), SOUK_OK);
		assert_int_equal(
			kit_sponsor_provider(kit, &offer.caches.items[0].offer.provider), 1);
	}
	release_from(kit, 1);
	assert_int_equal(kit_sponsor_draw(kit, 8, 0, 1, 8, &offer), SOUK_OK);
	kit->caches[0].record.barred = true;
	assert_int_equal(kit_sponsor_draw(kit, 9, 0, 1, 9, &offer), SOUK_LOCAL_NO_PROVIDER_LEFT);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ its puzzle */

/* S2 with one cache: what came spoilt, or not at all, is not paid. */
static void test_one_part(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(N, SEGMENT, SOUK_PUZZLE_FAST, 1, 1);
	for (uint64_t viewer = 0; viewer < 3; viewer++) {
		struct kit_viewing *v = kit_viewing_new(kit, viewer, 0, 0, 1);
		while (v->viewer.state == SOUK_VIEWER_ASKING)
			assert_true(kit_viewing_run(v, 1));
		v->garbage = kit_sponsor_provider(kit, &v->caches[0].customer.ask.provider);
		assert_true(kit_viewing_run(v, 5000));
		assert_int_equal(v->viewer.state, SOUK_VIEWER_FAILED);
		assert_int_equal(v->viewer.status, SOUK_PEER_BAD_UNIT);
		assert_int_equal(v->viewer.failed, 0);
		assert_int_equal(v->complaints, 1);
		kit_viewing_free(v);
	}
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	kit_sponsor_free(kit);
}

/* One cache for all chunks: its chains are walked from marks on the way, which a restart forgets.
 */
static void test_long_chains(void **state)
{
	(void)state;
	for (uint32_t restart = 0; restart < 40; restart += 13) {
		struct kit_sponsor *kit = kit_sponsor_new(1, 2, SOUK_PUZZLE_FAST);
		struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, KIT_CHUNKS);
		while (kit->sponsor.totals.units < restart)
			assert_true(kit_viewing_run(v, 1));
		if (restart > 0)
			kit_sponsor_restart(kit, 3);
		assert_true(kit_viewing_run(v, 5000));
		assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
		assert_int_equal(v->viewer.plan.units, KIT_CHUNKS);
		assert_int_equal(kit->sponsor.totals.units, KIT_CHUNKS);
		kit_viewing_free(v);
		kit_sponsor_free(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_one_unit_for_each_chunk),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_a_part_is_not_small),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_few_caches),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_one_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
