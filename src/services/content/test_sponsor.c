/* SPDX-License-Identifier: Apache-2.0
 *
 * A sponsor, its caches and viewers, with real sessions and real bytes. SOUK_SEED=17 repeats one
 * storm, SOUK_SEEDS=1000 runs many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "sponsor_kit.h"

#define N	3u
#define SEGMENT 4u

/* ------------------------------------------------------------------ invariants */

/* S1, S3 and that the books agree with each other. */
static void check_books(struct kit_sponsor *kit)
{
	const struct souk_sponsor *sponsor = &kit->sponsor;
	uint64_t spent = 0, held = 0, drawn = 0, networks = 0;
	uint32_t running = 0, viewers = 0, bundles = 0;
	for (uint32_t i = 0; i < sponsor->cache_count; i++)
		spent += kit->caches[i].record.spent.ncoin;
	assert_int_equal(spent, sponsor->totals.spent.ncoin);
	assert_int_equal(spent, sponsor->totals.units * KIT_PRICE);
	for (uint32_t i = 0; i < KIT_BUNDLES; i++) {
		const struct souk_sponsor_bundle *b = &kit->bundles[i];
		if (b->state != SOUK_BUNDLE_DRAWN && b->state != SOUK_BUNDLE_OPEN)
			continue;
		running++;
		struct souk_bundle_plan plan = {.content = kit->content,
			.caches = b->record.sessions.count,
			.first = b->record.first,
			.units = b->record.units,
			.segment = b->record.segment};
		uint32_t paid = souk_bundle_segment_start(&plan, b->record.paid);
		held += (uint64_t)(plan.units - paid) * plan.caches * KIT_PRICE;
	}
	assert_int_equal(held, sponsor->held.ncoin);
	assert_int_equal(held, kit->contents[0].held.ncoin);
	assert_int_equal(spent, kit->contents[0].record.spent.ncoin);
	assert_true(spent + held <= kit->contents[0].budget.ncoin);
	assert_true(spent + held <= sponsor->config.budget.ncoin);
	for (uint32_t i = 0; i < sponsor->viewer_count; i++) {
		drawn += kit->viewers[i].record.units;
		if (sponsor->config.viewer_units != 0)
			assert_true(kit->viewers[i].record.units <= sponsor->config.viewer_units);
	}
	for (uint32_t i = 0; i < sponsor->prefix_count; i++) {
		networks += kit->prefixes[i].units;
		viewers += kit->prefixes[i].viewers;
		bundles += kit->prefixes[i].bundles;
	}
	assert_int_equal(drawn, networks);
	const struct souk_sponsor_cache *cache = NULL;
	for (uint32_t i = 0; i < sponsor->cache_count; i++) {
		cache = souk_sponsor_next_cache(sponsor, &kit->contents[0], cache);
		assert_ptr_equal(cache, &kit->caches[i]);
	}
	assert_null(sponsor->cache_count == 0
			    ? NULL
			    : souk_sponsor_next_cache(sponsor, &kit->contents[0], cache));
	assert_int_equal(viewers, sponsor->viewer_count);
	assert_int_equal(bundles, running);
}

/* What the caches were paid by tickets is what the sponsor gave, at most. */
static uint64_t owed_to_caches(const struct kit_sponsor *kit)
{
	uint64_t owed = 0;
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		owed += kit->providers[i].provider.totals.owed.ncoin;
	return owed;
}

static void check_paid(const struct kit_sponsor *kit)
{
	assert_true(owed_to_caches(kit) <= kit->sponsor.totals.spent.ncoin);
}

/* ------------------------------------------------------------------ whole downloads */

static void download_all(uint8_t puzzle, uint16_t n, uint16_t segment)
{
	struct kit_sponsor *kit = kit_sponsor_new(n, segment, puzzle);
	struct kit_viewing *v = kit_viewing_new(kit, 900, 0, 0, KIT_CHUNKS);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.status, SOUK_OK);
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_true(v->have[i]);
	uint32_t units = (KIT_CHUNKS + n - 1) / n * n;
	assert_int_equal(kit->sponsor.totals.units, units);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, units * KIT_PRICE);
	assert_int_equal(kit->sponsor.totals.finished, 1);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	assert_int_equal(owed_to_caches(kit), units * KIT_PRICE);
	assert_int_equal(souk_customer_spent(&v->caches[0].customer).ncoin, 0);
	check_books(kit);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_downloads(void **state)
{
	(void)state;
	download_all(SOUK_PUZZLE_FAST, 3, 4);
	download_all(SOUK_PUZZLE_FAST, 1, 1);
	download_all(SOUK_PUZZLE_FAST, 6, 8);
	download_all(SOUK_PUZZLE_REFERENCE, 3, 4);
	download_all(0, 4, 4);
}

/* Answers get lost, the sponsor crashes: nothing is paid twice, everything arrives. */
static void storm(uint64_t seed)
{
	struct souk_rng rng;
	souk_rng_init(&rng, seed);
	struct kit_sponsor *kit = kit_sponsor_new((uint16_t)(1 + souk_rng_below(&rng, 6)),
		(uint16_t)(1 + souk_rng_below(&rng, 8)),
		(uint8_t)(souk_rng_below(&rng, 4) == 0 ? 0 : SOUK_PUZZLE_FAST));
	struct kit_viewing *v[3];
	for (uint32_t i = 0; i < 3; i++) {
		v[i] = kit_viewing_new(kit, seed * 10 + i, 0,
			(uint32_t)souk_rng_below(&rng, KIT_CHUNKS),
			1 + (uint32_t)souk_rng_below(&rng, KIT_CHUNKS));
		v[i]->rng = &rng;
		v[i]->loss = (uint32_t)souk_rng_below(&rng, 20);
		v[i]->late = (uint32_t)souk_rng_below(&rng, 80);
		v[i]->admits = (uint32_t)souk_rng_below(&rng, 80);
	}
	for (uint32_t i = 0; i < 4000; i++) {
		uint32_t who = (uint32_t)souk_rng_below(&rng, 3);
		(void)kit_viewing_run(v[who], 1);
		if (souk_rng_below(&rng, 100) == 0)
			kit_sponsor_restart(kit, souk_rng_u64(&rng));
		if (i % 16 == 0) {
			check_books(kit);
			check_paid(kit);
		}
	}
	uint64_t done = 0;
	for (uint32_t i = 0; i < 3; i++) {
		(void)kit_viewing_run(v[i], 5000);
		assert_true(v[i]->ended);
		done += v[i]->viewer.state == SOUK_VIEWER_DONE;
		assert_int_not_equal(v[i]->viewer.status, SOUK_PEER_BAD_TICKET);
		assert_int_not_equal(v[i]->viewer.status, SOUK_PEER_SPONSOR_TOKEN);
		assert_int_not_equal(v[i]->viewer.status, SOUK_PEER_BAD_KEY);
		kit_viewing_free(v[i]);
	}
	assert_true(done <= kit->sponsor.totals.finished);
	check_books(kit);
	kit_sponsor_free(kit);
}

static void test_storms(void **state)
{
	const char *one = getenv("SOUK_SEED"), *many = getenv("SOUK_SEEDS");
	(void)state;
	if (one != NULL) {
		storm(strtoull(one, NULL, 10));
		return;
	}
	uint64_t count = many == NULL ? 12 : strtoull(many, NULL, 10);
	for (uint64_t seed = 1; seed <= count; seed++)
		storm(seed);
}

/* ------------------------------------------------------------------ a bundle by hand */

/* A viewer that has got so far that it would claim segment 0. */
static struct kit_viewing *at_first_claim(
	struct kit_sponsor *kit, uint64_t seed, struct souk_viewer_effect *ret)
{
	struct kit_viewing *v = kit_viewing_new(kit, seed, 0, 0, KIT_CHUNKS);
	while (v->viewer.state != SOUK_VIEWER_RUNNING || !v->viewer.claim_due)
		assert_true(kit_viewing_run(v, 1));
	assert_true(souk_viewer_next_effect(&v->viewer, ret, kit->now));
	assert_int_equal(ret->kind, SOUK_VIEWER_CLAIM);
	return v;
}

static bool is_same_answer(
	const struct souk_segment_tickets *a, const struct souk_segment_tickets *b)
{
	static uint8_t left[SOUK_SEGMENT_TICKETS_SIZE_MAX], right[SOUK_SEGMENT_TICKETS_SIZE_MAX];
	struct souk_writer l, r;
	souk_writer_init(&l, left, sizeof left);
	souk_writer_init(&r, right, sizeof right);
	souk_segment_tickets_encode(&l, a);
	souk_segment_tickets_encode(&r, b);
	return l.size == r.size && memcmp(left, right, l.size) == 0;
}

/* S2: nothing but the token opens a segment, and only its own. */
static void test_no_token_no_tickets(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_viewer_effect effect;
	struct kit_viewing *v = at_first_claim(kit, 900, &effect);
	struct souk_segment_tickets tickets = {0}, again = {0};
	struct souk_segment_claim claim = effect.claim;
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	claim.segment = 1;
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets),
		SOUK_PEER_OUT_OF_ORDER);
	claim = effect.claim;
	claim.token.data[7] ^= 1;
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets),
		SOUK_PEER_SPONSOR_TOKEN);
	claim.token.size = 0;
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets),
		SOUK_PEER_SPONSOR_TOKEN);
	claim = effect.claim;
	claim.bundle.bytes[0] ^= 1;
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets),
		SOUK_PEER_UNKNOWN_BUNDLE);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	check_books(kit);
	assert_int_equal(
		souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets), SOUK_OK);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, N * KIT_PRICE);
	assert_int_equal(tickets.tickets.count, N);
	/* The same token again: the same answer, and not a coin more. */
	kit_sponsor_commit(kit);
	for (int restarted = 0; restarted < 2; restarted++) {
		assert_int_equal(souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &again),
			SOUK_OK);
		assert_true(is_same_answer(&tickets, &again));
		assert_int_equal(kit->sponsor.totals.spent.ncoin, N * KIT_PRICE);
		claim = effect.claim;
		claim.token.data[0] ^= 1;
		assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &again),
			SOUK_PEER_SPONSOR_TOKEN);
		kit_sponsor_restart(kit, 5);
	}
	/* And it does not open the next one. */
	claim = effect.claim;
	claim.segment = 1;
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &again),
		SOUK_PEER_SPONSOR_TOKEN);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_guessing_ends_the_bundle(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_viewer_effect effect;
	struct kit_viewing *v = at_first_claim(kit, 900, &effect);
	struct souk_segment_tickets tickets = {0};
	struct souk_segment_claim claim = effect.claim;
	claim.token.data[0] ^= 1;
	for (uint32_t i = 0; i < SOUK_SPONSOR_WRONG_MAX; i++)
		assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets),
			SOUK_PEER_SPONSOR_TOKEN);
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets),
		SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(kit->sponsor.totals.suspected, SOUK_SPONSOR_WRONG_MAX);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	check_books(kit);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* The tickets that were given are no help for a unit behind them: neither key nor payment. */
static void test_tickets_end_with_the_segment(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_viewer_effect effect;
	struct kit_viewing *v = at_first_claim(kit, 900, &effect);
	struct souk_segment_tickets tickets = {0};
	assert_int_equal(
		souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets), SOUK_OK);
	souk_viewer_tickets(&v->viewer, &tickets, kit->now);
	assert_true(kit_viewing_run(v, 60));
	for (uint32_t i = 0; i < N; i++) {
		const struct souk_customer *customer = &v->caches[i].customer;
		assert_true(customer->keyed <= customer->payer.known);
	}
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* A source that cannot be read changes nothing. */
static void test_unreadable_content(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_viewer_effect effect;
	struct kit_viewing *v = at_first_claim(kit, 900, &effect);
	struct souk_segment_tickets tickets = {0};
	kit->disk_fails = true;
	assert_int_equal(
		souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets), SOUK_IO_READ);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	struct kit_viewing *w = kit_viewing_new(kit, 901, 0, 0, 5);
	(void)kit_viewing_run(w, 12);
	assert_int_equal(w->viewer.state, SOUK_VIEWER_ASKING);
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		assert_true(kit->payer.free[i].used.ncoin == 0 ||
			    kit->payer.free[i].used.ncoin == 14 * KIT_PRICE);
	kit->disk_fails = false;
	assert_true(kit_viewing_run(w, 500));
	assert_int_equal(w->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(
		souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets), SOUK_OK);
	kit_viewing_free(v);
	kit_viewing_free(w);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ quotas and draws */

static souk_status ask(struct kit_sponsor *kit, uint64_t seed, uint64_t number, uint32_t chunks,
	uint64_t prefix, struct souk_bundle_offer *ret)
{
	souk_status status = kit_sponsor_draw(kit, seed, number, chunks, prefix, ret);
	check_books(kit);
	return status;
}

static void test_quotas(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer, again;
	kit->sponsor.config.viewer_units = kit->config.viewer_units = 20;
	kit->sponsor.config.prefix_units = kit->config.prefix_units = 31;
	assert_int_equal(ask(kit, 1, 0, 9, 55, &offer), SOUK_OK);
	assert_int_equal(offer.units, 3);
	assert_int_equal(offer.caches.count, N);
	/* The same again is not charged again, and is the same draw. */
	assert_int_equal(ask(kit, 1, 0, 9, 55, &again), SOUK_OK);
	assert_memory_equal(&offer.bundle, &again.bundle, sizeof offer.bundle);
	assert_memory_equal(&offer.caches, &again.caches, sizeof offer.caches);
	assert_int_equal(kit->viewers[0].record.units, 9);
	/* Another wish under the same number is not. */
	assert_int_equal(ask(kit, 1, 0, 10, 55, &again), SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(ask(kit, 1, 2, 9, 55, &again), SOUK_PEER_OUT_OF_ORDER);
	/* Cut to what is left: 11 units, 3 rows. */
	assert_int_equal(ask(kit, 1, 1, 30, 55, &offer), SOUK_OK);
	assert_int_equal(offer.units, 3);
	assert_int_equal(ask(kit, 1, 2, 30, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	/* A fresh key in the same network has what is left of that: 13 units, 4 rows. */
	assert_int_equal(ask(kit, 2, 0, 30, 55, &offer), SOUK_OK);
	assert_int_equal(offer.units, 4);
	assert_int_equal(ask(kit, 3, 0, 30, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	/* Quotas outlive the process. */
	kit_sponsor_restart(kit, 77);
	assert_int_equal(ask(kit, 1, 2, 30, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	assert_int_equal(ask(kit, 3, 0, 30, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	assert_int_equal(ask(kit, 3, 0, 30, 56, &offer), SOUK_OK);
	/* They begin anew with the epoch, as do numbers. */
	kit->epoch++;
	kit->now = kit->epoch_end;
	kit->epoch_end = souk_time_plus_ms(kit->now, 500000);
	struct souk_hash beacon = {{4}};
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	assert_int_equal(ask(kit, 1, 0, 30, 55, &offer), SOUK_OK);
	kit_sponsor_free(kit);
}

static void test_budget(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer;
	kit->sponsor.config.budget.ncoin = 7 * N * KIT_PRICE + 5;
	assert_int_equal(ask(kit, 1, 0, 9, 1, &offer), SOUK_OK);
	assert_int_equal(ask(kit, 2, 0, 30, 1, &offer), SOUK_OK);
	assert_int_equal(offer.units, 4);
	assert_int_equal(ask(kit, 3, 0, 1, 1, &offer), SOUK_LOCAL_BUDGET);
	/* What nobody opened is free again. */
	kit->now = souk_time_plus_ms(kit->now, kit->config.drawn_ms);
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(ask(kit, 3, 0, 1, 1, &offer), SOUK_OK);
	kit_sponsor_free(kit);
}

/* S4: every cache alike, none twice, and another draw for another secret. */
static void test_draws(void **state)
{
	(void)state;
	struct souk_bundle_offer offer, other;
	uint32_t drawn[KIT_CACHES] = {0}, differs = 0;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	for (uint32_t i = 0; i < 400; i++) {
		if (i % KIT_VIEWERS == 0) {
			kit->epoch++;
			struct souk_hash beacon = souk_sha256_of(&i, sizeof i);
			souk_sponsor_set_epoch(
				&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
			kit_sponsor_commit(kit);
		}
		assert_int_equal(ask(kit, 100 + i, 0, 1, i, &offer), SOUK_OK);
		uint32_t seen = 0;
		for (uint32_t j = 0; j < N; j++)
			seen |= 1u
				<< kit_sponsor_provider(kit, &offer.caches.items[j].offer.provider);
		assert_int_equal(__builtin_popcount(seen), N);
		for (uint32_t j = 0; j < KIT_CACHES; j++)
			drawn[j] += seen >> j & 1;
		kit->viewer_record_count = kit->bundle_record_count = 0;
	}
	for (uint32_t j = 0; j < KIT_CACHES; j++)
		assert_in_range(drawn[j], 110, 190); /* 150, sd 9.7 */
	for (uint32_t i = 0; i < 8; i++) {
		struct kit_sponsor *a = kit_sponsor_new(N, SEGMENT, 0);
		struct kit_sponsor *b = kit_sponsor_new(N, SEGMENT, 0);
		kit_sponsor_restart(b, 1000 + i);
		assert_int_equal(ask(a, i, 0, 1, 1, &offer), SOUK_OK);
		assert_int_equal(ask(b, i, 0, 1, 1, &other), SOUK_OK);
		differs += memcmp(&offer.caches.items[0].offer.provider,
				   &other.caches.items[0].offer.provider,
				   sizeof(struct souk_address)) != 0;
		kit_sponsor_free(a);
		kit_sponsor_free(b);
	}
	assert_true(differs >= 3);
	kit_sponsor_free(kit);
}

/* However little is asked for, all n caches are in it. */
static void test_no_small_bundles(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(6, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = kit_viewing_new(kit, 4, 0, KIT_CHUNKS - 1, 1);
	assert_true(kit_viewing_run(v, 1000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	assert_int_equal(v->viewer.plan.caches, 6);
	assert_int_equal(v->viewer.plan.units, 1);
	assert_true(v->have[KIT_CHUNKS - 1] && v->have[0] && v->have[4] && !v->have[5]);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_bad_asks(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	static struct souk_bundle_open open;
	struct souk_identity viewer;
	struct souk_signed_bundle_ask good, bad;
	struct souk_time now = kit->now;
	kit_identity(&viewer, 71);
	kit_sponsor_ask(kit, 71, 0, 9, &good);
#define REFUSED(change, status)                                                                    \
	bad = good;                                                                                \
	change;                                                                                    \
	souk_bundle_ask_sign(&bad, &viewer);                                                       \
	assert_int_equal(kit_sponsor_bundle(kit, &bad, 1, &open), status)
	REFUSED(bad.ask.version = 2, SOUK_PEER_BAD_VERSION);
	REFUSED(bad.ask.sponsor.bytes[0] ^= 1, SOUK_PEER_BAD_REQUEST);
	REFUSED(bad.ask.content.bytes[0] ^= 1, SOUK_PEER_UNKNOWN_CONTENT);
	REFUSED(bad.ask.viewer.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	REFUSED(bad.ask.first = KIT_CHUNKS, SOUK_PEER_NO_CHUNK);
	REFUSED(bad.ask.chunks = 0, SOUK_PEER_NO_CHUNK);
	REFUSED(bad.ask.number = 1, SOUK_PEER_OUT_OF_ORDER);
	kit->now = kit->epoch_end;
	REFUSED(, SOUK_PEER_EPOCH_CLOSED);
	kit->now = now;
	assert_int_equal(kit->sponsor.viewer_count + kit->sponsor.prefix_count, 0);
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		assert_int_equal(kit->payer.free[i].used.ncoin, 0);
	kit->sponsor.epoch_known = false;
	REFUSED(, SOUK_LOCAL_STATE);
	kit_sponsor_free(kit);
}
#undef REFUSED

/* A cache enlists anew while it serves: what runs goes on. */
static void test_enlist_again(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_viewer_effect effect;
	struct kit_viewing *v = at_first_claim(kit, 900, &effect);
	struct souk_segment_tickets tickets = {0};
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		assert_int_equal(kit_sponsor_recruit(kit, i), SOUK_OK);
	assert_int_equal(kit->sponsor.cache_count, KIT_CACHES);
	kit_sponsor_restart(kit, 8);
	assert_int_equal(
		souk_sponsor_claim(&kit->sponsor, &effect.claim, kit->now, &tickets), SOUK_OK);
	souk_viewer_tickets(&v->viewer, &tickets, kit->now);
	assert_true(kit_viewing_run(v, 5000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_DONE);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ caches that cheat */

/* A cache of the bundle that V will be drawn. */
static uint32_t one_of(struct kit_viewing *v)
{
	while (v->viewer.state == SOUK_VIEWER_ASKING)
		assert_true(kit_viewing_run(v, 1));
	return kit_sponsor_provider(v->kit, &v->caches[1].customer.ask.provider);
}

static void test_garbage_is_not_paid(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = kit_viewing_new(kit, 3, 0, 0, 12);
	uint32_t cheat = v->garbage = one_of(v);
	assert_true(kit_viewing_run(v, 1000));
	assert_int_equal(v->viewer.status, SOUK_PEER_BAD_UNIT);
	assert_int_equal(v->viewer.failed, 1);
	assert_int_equal(v->complaints, 1);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, 0);
	const struct souk_address *address = &kit->providers[cheat].identity.address;
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		assert_int_equal(kit->caches[i].record.complaints, i == cheat);
	/* Complaints bar nobody. Our own viewers do. */
	assert_false(kit->caches[cheat].record.barred);
	assert_int_equal(
		souk_sponsor_audited(&kit->sponsor, &v->viewer.bundle, address, SOUK_PEER_BAD_UNIT),
		SOUK_LOCAL_STATE);
	assert_int_equal(souk_sponsor_audit(&kit->sponsor, &v->identity.address), SOUK_OK);
	assert_int_equal(
		souk_sponsor_audited(&kit->sponsor, &v->viewer.bundle, address, SOUK_IO_NET),
		SOUK_OK);
	assert_false(kit->caches[cheat].record.barred);
	assert_int_equal(
		souk_sponsor_audited(&kit->sponsor, &v->viewer.bundle, address, SOUK_PEER_BAD_UNIT),
		SOUK_OK);
	assert_true(kit->caches[cheat].record.barred);
	kit_sponsor_commit(kit);
	kit_sponsor_restart(kit, 3);
	assert_int_equal(kit_sponsor_recruit(kit, cheat), SOUK_LOCAL_STATE);
	for (uint32_t i = 0; i < 12; i++) {
		struct souk_bundle_offer offer;
		assert_int_equal(ask(kit, 50 + i, 0, 1, i, &offer), SOUK_OK);
		for (uint32_t j = 0; j < N; j++)
			assert_false(
				souk_address_equal(&offer.caches.items[j].offer.provider, address));
	}
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

static void test_keys_withheld(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = kit_viewing_new(kit, 3, 0, 0, 36);
	v->withholds = one_of(v);
	assert_true(kit_viewing_run(v, 1000));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_FAILED);
	assert_int_equal(v->viewer.failed, 1);
	/* The loss: segments of one unit, and of two that were fetched ahead. */
	assert_in_range(kit->sponsor.totals.units, N, 3 * N);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* Fewer caches than a bundle needs: none is given. */
static void test_too_few_caches(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer;
	for (uint32_t i = N - 1; i < KIT_CACHES; i++)
		souk_sponsor_release(
			&kit->sponsor, &kit->providers[i].identity.address, &kit->content.id);
	assert_int_equal(ask(kit, 1, 0, 9, 1, &offer), SOUK_LOCAL_NO_PROVIDER_LEFT);
	assert_int_equal(kit_sponsor_recruit(kit, 5), SOUK_OK);
	assert_int_equal(ask(kit, 1, 0, 9, 1, &offer), SOUK_OK);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ the two sides' derivations */

static void test_shared_secret(void **state)
{
	(void)state;
	struct souk_identity a, b, c;
	struct souk_recruit recruit = {.version = 1}, other = {.version = 1, .price = {1}};
	struct souk_hash ab, ba, ac, again;
	struct souk_nonce session = {{1}};
	kit_identity(&a, 1);
	kit_identity(&b, 2);
	kit_identity(&c, 3);
	assert_int_equal(souk_sponsor_secret(&ab, &a, &b.pubkey, &recruit), SOUK_OK);
	assert_int_equal(souk_sponsor_secret(&ba, &b, &a.pubkey, &recruit), SOUK_OK);
	assert_int_equal(souk_sponsor_secret(&ac, &a, &c.pubkey, &recruit), SOUK_OK);
	assert_int_equal(souk_sponsor_secret(&again, &a, &b.pubkey, &other), SOUK_OK);
	assert_true(souk_hash_equal(&ab, &ba));
	assert_false(souk_hash_equal(&ab, &ac));
	assert_false(souk_hash_equal(&ab, &again));
	struct souk_hash one = souk_sponsored_keys(&ab, &session, &ac);
	struct souk_hash two = souk_sponsored_keys(&ab, &session, &ab);
	assert_false(souk_hash_equal(&one, &two));
}

static void test_bad_recruits(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	const struct souk_address *me = &kit->providers[0].identity.address;
	struct souk_signed_recruit good, bad;
	souk_sponsor_recruit(&kit->sponsor, me, &kit->content.id, souk_amount_of_ncoin(KIT_PRICE),
		souk_time_plus_ms(kit->now, 1000), &good);
	assert_int_equal(souk_recruit_verify(&good, me, kit->now), SOUK_OK);
#define REFUSED(change, status)                                                                    \
	bad = good;                                                                                \
	change;                                                                                    \
	souk_recruit_sign(&bad, &kit->payer.issuer);                                               \
	assert_int_equal(souk_recruit_verify(&bad, me, kit->now), status)
	REFUSED(bad.recruit.version = 2, SOUK_PEER_BAD_VERSION);
	REFUSED(bad.recruit.provider.bytes[0] ^= 1, SOUK_PEER_BAD_REQUEST);
	REFUSED(bad.recruit.price.ncoin = 0, SOUK_PEER_BAD_REQUEST);
	REFUSED(bad.recruit.expires = kit->now, SOUK_PEER_BAD_REQUEST);
	REFUSED(bad.recruit.sponsor.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	REFUSED(bad.recruit.sponsor_key = kit->providers[1].identity.pubkey,
		SOUK_PEER_WRONG_SIGNER);
	REFUSED(memset(&bad.recruit.sponsor_key, 0, sizeof bad.recruit.sponsor_key),
		SOUK_PEER_BAD_PUBKEY);
	bad = good;
	bad.recruit.price.ncoin++;
	assert_int_equal(souk_recruit_verify(&bad, me, kit->now), SOUK_PEER_WRONG_SIGNER);
	kit_sponsor_free(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_secret),
		cmocka_unit_test(test_bad_recruits),
		cmocka_unit_test(test_downloads),
		cmocka_unit_test(test_no_token_no_tickets),
		cmocka_unit_test(test_guessing_ends_the_bundle),
		cmocka_unit_test(test_tickets_end_with_the_segment),
		cmocka_unit_test(test_unreadable_content),
		cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_no_small_bundles),
		cmocka_unit_test(test_bad_asks),
		cmocka_unit_test(test_enlist_again),
		cmocka_unit_test(test_garbage_is_not_paid),
		cmocka_unit_test(test_keys_withheld),
		cmocka_unit_test(test_too_few_caches),
		cmocka_unit_test(test_storms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
