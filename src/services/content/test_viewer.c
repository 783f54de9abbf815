/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer: what it believes of a sponsor, how it opens sessions, and how it pays. One that nobody
 * waits for sends its tickets with units, and not alone: it gets the same, by fewer requests, and
 * who keeps the keys is found out as soon. */
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
		v->admits = (uint32_t)souk_rng_below(&rng, 100);
		assert_true(kit_viewing_run(v, 20000));
		assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
		kit_viewing_free(v);
		kit_sponsor_free(kit);
	}
}

/* ------------------------------------------------------------------ what a sponsor says */

/* A viewer that has asked, and what the sponsor would answer. */
static struct kit_viewing *asking(
	struct kit_sponsor *kit, uint64_t seed, struct souk_bundle_open *ret)
{
	struct souk_viewer_effect effect;
	struct kit_viewing *v = kit_viewing_new(kit, seed, 0, 0, KIT_CHUNKS);
	assert_true(souk_viewer_next_effect(&v->viewer, &effect, kit->now));
	assert_int_equal(effect.kind, SOUK_VIEWER_ASK);
	assert_false(souk_viewer_next_effect(&v->viewer, &effect, kit->now));
	assert_int_equal(kit_sponsor_bundle(kit, &v->viewer.ask, 1, ret), SOUK_OK);
	return v;
}

/* By its id alone, or with the size: the sponsor says the rest. */
static void test_knows_only_the_id(void **state)
{
	(void)state;
	for (int has_size = 0; has_size < 2; has_size++) {
		struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
		struct kit_viewing *v = viewing(kit, 900, false);
		v->viewer.config.content = (struct souk_content){.id = kit->content.id};
		if (has_size)
			v->viewer.config.content.size = kit->content.size;
		assert_true(kit_viewing_run(v, 5000));
		assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
		assert_int_equal(v->viewer.config.content.size, kit->content.size);
		assert_int_equal(v->viewer.config.content.chunk_size, KIT_CHUNK);
		for (uint32_t i = 0; i < KIT_CHUNKS; i++)
			assert_true(v->have[i]);
		kit_viewing_free(v);
		kit_sponsor_free(kit);
	}
}

/* OPEN, which the sponsor signed, ends the bundle with STATUS: nobody else is blamed for it. */
static void check_unbelieved(struct kit_viewing *v, struct souk_bundle_open *open, uint64_t size,
	uint32_t chunk_size, souk_status status)
{
	struct souk_viewer viewer = v->viewer;
	struct souk_viewer_effect effect;
	viewer.config.content.size = size;
	viewer.config.content.chunk_size = chunk_size;
	souk_viewer_opened(&viewer, open, v->kit->now);
	assert_int_equal(viewer.status, status);
	assert_int_equal(viewer.state, SOUK_VIEWER_FAILED);
	assert_true(souk_viewer_next_effect(&viewer, &effect, v->kit->now));
	assert_int_equal(effect.kind, SOUK_VIEWER_END);
	assert_false(souk_viewer_next_effect(&viewer, &effect, v->kit->now));
}

static void test_lies_of_a_sponsor(void **state)
{
	(void)state;
	static struct souk_bundle_open good, bad;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = asking(kit, 900, &good);
	struct souk_bundle_offer *offer = &bad.offer.offer;
	struct souk_bundle_session *session = &bad.sessions.items[1];
	struct souk_strip *strip = &session->strip.strip;
	uint64_t size = kit->content.size;
#define REFUSED(change, known_size, known_chunk, status)                                           \
	bad = good;                                                                                \
	change;                                                                                    \
	souk_sponsor_ask_sign(&bad, kit->config.identity);                                         \
	check_unbelieved(v, &bad, known_size, known_chunk, status)
	/* Of the content: a size that the name states, a chunk size that is known, or is none. */
	REFUSED(offer->size--, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->size--, size, 0, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->size = 0, 0, 0, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->chunk_size *= 2, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->chunk_size = 0, 0, 0, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->chunk_size--, 0, 0, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->size = KIT_CHUNK, 0, 0, SOUK_PEER_BAD_BUNDLE); /* and units for more */
	/* Of what was asked. */
	REFUSED(offer->first++, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->ask.bytes[0] ^= 1, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->sponsor.bytes[0] ^= 1, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->expires = kit->now, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->version++, size, KIT_CHUNK, SOUK_PEER_BAD_VERSION);
	/* Of the sessions. */
	REFUSED(bad.sessions.count--, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(offer->caches.count = 0, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	REFUSED(*session = good.sessions.items[0], size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->count--, size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->epoch++, size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->escrow.bytes[0] ^= 1, size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->request.bytes[0] ^= 1, size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->price.ncoin++, size, KIT_CHUNK, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->expires = kit->now, size, KIT_CHUNK, SOUK_PEER_STRIP_EXPIRED);
	REFUSED(session->key_leaves.count = 1, size, KIT_CHUNK, SOUK_PEER_BAD_CHECKPOINT);
#undef REFUSED
	bad = good;
	bad.sessions.count = 0;
	check_unbelieved(v, &bad, size, KIT_CHUNK, SOUK_PEER_BAD_BUNDLE);
	bad = good;
	souk_sponsor_ask_sign(&bad, &v->identity);
	check_unbelieved(v, &bad, size, KIT_CHUNK, SOUK_PEER_WRONG_SIGNER);
	bad = good;
	souk_offer_sign(&bad.offer.offer.caches.items[1], &v->identity);
	souk_sponsor_ask_sign(&bad, kit->config.identity);
	check_unbelieved(v, &bad, size, KIT_CHUNK, SOUK_PEER_WRONG_SIGNER);
	souk_viewer_opened(&v->viewer, &good, kit->now);
	assert_int_equal(v->viewer.state, SOUK_VIEWER_RUNNING);
	/* It is heard once. */
	struct souk_nonce bundle = v->viewer.bundle;
	souk_viewer_opened(&v->viewer, &bad, kit->now);
	assert_int_equal(v->viewer.state, SOUK_VIEWER_RUNNING);
	assert_memory_equal(&v->viewer.bundle, &bundle, sizeof bundle);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ sessions are opened */

/* The effects that are due now; how many, of CACHE, in RET. All are FETCH. */
static uint32_t fetches_of(struct kit_viewing *v, uint32_t cache, struct souk_viewer_effect *ret)
{
	struct souk_viewer_effect effect;
	uint32_t count = 0;
	while (souk_viewer_next_effect(&v->viewer, &effect, v->kit->now)) {
		assert_int_equal(effect.kind, SOUK_VIEWER_FETCH);
		if (effect.cache == cache)
			ret[count++] = effect;
		assert_true(count < 16);
	}
	return count;
}

/* The request that opens a session is alone until it is answered; what was lost is asked for again,
 * with the strip, and what was taken without it. */
static void test_opens_alone(void **state)
{
	(void)state;
	static struct souk_bundle_open open;
	struct souk_viewer_effect fetch[16];
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = asking(kit, 900, &open);
	souk_viewer_opened(&v->viewer, &open, kit->now);
	for (uint32_t i = 0; i < N; i++) {
		assert_true(souk_viewer_next_effect(&v->viewer, &fetch[i], kit->now));
		assert_int_equal(fetch[i].kind, SOUK_VIEWER_FETCH);
		assert_int_equal(fetch[i].cache, i);
		assert_int_equal(fetch[i].unit, 1);
		assert_true(fetch[i].opens);
	}
	struct souk_viewer_effect first = fetch[0], third = fetch[2];
	assert_int_equal(fetches_of(v, 0, fetch), 0);
	/* No answer: the same again, after a pause, and still with the strip. */
	souk_viewer_failed(&v->viewer, &first, SOUK_IO_NET, kit->now);
	assert_int_equal(fetches_of(v, 0, fetch), 0);
	kit->now = souk_viewer_deadline(&v->viewer);
	assert_int_equal(fetches_of(v, 0, fetch), 1);
	assert_int_equal(fetch[0].unit, 1);
	assert_true(fetch[0].opens);
	assert_memory_equal(&fetch[0].request, &first.request, sizeof first.request);
	/* The cache is full: later. */
	souk_viewer_failed(&v->viewer, &fetch[0], SOUK_LOCAL_FULL, kit->now);
	kit->now = souk_viewer_deadline(&v->viewer);
	assert_int_equal(fetches_of(v, 0, fetch), 1);
	assert_true(fetch[0].opens);
	/* The strip was taken, and no unit came: the same again without it, and others beside it.
	 */
	souk_viewer_admitted(&v->viewer, 0, 1, kit->now);
	assert_int_equal(fetches_of(v, 0, fetch), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(fetch[i].unit, i + 1);
		assert_false(fetch[i].opens);
	}
	/* Said twice, or of a cache that is none, it changes nothing. */
	souk_viewer_admitted(&v->viewer, 0, 1, kit->now);
	souk_viewer_admitted(&v->viewer, N, 1, kit->now);
	assert_int_equal(fetches_of(v, 0, fetch), 0);
	/* The unit came with the strip: it is open as well. */
	souk_viewer_received(&v->viewer, 2, third.unit, NULL, kit->now);
	assert_int_equal(fetches_of(v, 2, fetch), 2);
	assert_int_equal(fetch[0].unit, 2);
	assert_false(fetch[0].opens);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* Where nothing is lost, a cache gets one strip, and it costs no request of its own. */
static void test_requests(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_of(6, SEGMENT, SOUK_PUZZLE_FAST, 1, 1);
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, 1);
	assert_true(kit_viewing_run(v, 100));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(v->requests, 2); /* strip and unit; the key */
	assert_int_equal(v->opening, 1);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
	kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	v = viewing(kit, 900, false);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(v->opening, N);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tickets_ride),
		cmocka_unit_test(test_keys_withheld_later),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_knows_only_the_id),
		cmocka_unit_test(test_lies_of_a_sponsor),
		cmocka_unit_test(test_opens_alone),
		cmocka_unit_test(test_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
