/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer that nobody waits for sends its tickets with units, and not alone: it gets the same, by
 * fewer requests, and who keeps the keys is found out as soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "souk/base/rng.h"
#include "sponsor_kit.h"

#define N	3u
#define SEGMENT 4u

static struct kit_viewing *viewing(struct kit_sponsor *kit, uint64_t seed, bool is_patient)
{
	struct kit_viewing *v = kit_viewing_new(kit, seed, 0, 0, KIT_CHUNKS);
	v->viewer.config.is_patient = is_patient;
	return v;
}

/* Requests for keys alone, of a whole download. */
static uint32_t keys_of(bool is_patient, uint8_t puzzle)
{
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, puzzle);
	struct kit_viewing *v = viewing(kit, 900, is_patient);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_true(v->have[i]);
	uint32_t asked = v->keys_asked;
	kit_viewing_free(v);
	kit_sponsor_free(kit);
	return asked;
}

static void test_tickets_ride(void **state)
{
	static const uint8_t puzzles[] = {0, SOUK_PUZZLE_FAST};
	(void)state;
	/* Segments of 1, 2, 4, 4, 3 units. The first is waited for, and after the last, or the last
	 * two, there is nothing left to ride on. */
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(keys_of(false, puzzles[i]), 5 * N);
		assert_in_range(keys_of(true, puzzles[i]), 2 * N, 3 * N);
	}
}

/* A cache that gave keys, and then no more: it is asked for them alone at once, and left. */
static void test_keys_withheld_later(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = viewing(kit, 3, true);
	while (v->caches[1].customer.keyed == 0)
		assert_true(kit_viewing_run(v, 1) || !v->ended);
	uint32_t asked = v->keys_asked;
	v->withholds = kit_sponsor_provider(kit, &v->caches[1].customer.ask.provider);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_FAILED);
	assert_int_equal(v->viewer.status, SOUK_PEER_BAD_KEY);
	assert_int_equal(v->viewer.failed, 1);
	assert_true(v->keys_asked > asked);
	/* Segments of 1 and 2 units, and one that was solved meanwhile. */
	assert_in_range(kit->sponsor.totals.units, N, 7 * N);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* Answers are lost, also those with keys: it ends, and nobody is blamed. */
static void test_losses(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		struct souk_rng rng;
		souk_rng_init(&rng, seed);
		struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
		struct kit_viewing *v = viewing(kit, seed, true);
		v->rng = &rng;
		v->loss = (uint32_t)souk_rng_below(&rng, 25);
		v->late = (uint32_t)souk_rng_below(&rng, 80);
		assert_true(kit_viewing_run(v, 20000));
		assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
		kit_viewing_free(v);
		kit_sponsor_free(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tickets_ride),
		cmocka_unit_test(test_keys_withheld_later),
		cmocka_unit_test(test_losses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
