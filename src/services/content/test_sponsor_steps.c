/* SPDX-License-Identifier: Apache-2.0
 *
 * A sponsor with many viewers at once: what one network may have of its tables, whom a site admits,
 * who is drawn after complaints, and calls in steps, between which the machine changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "sponsor_kit.h"

#define N	3u
#define SEGMENT 4u
#define BUNDLES 12u
#define THREADS 4u

/* Keys cost nothing: one network has its part of the tables, and leaves the others theirs. */
static void test_part_of_a_network(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_bundle_offer offer;
	kit->sponsor.config.prefix_viewers = kit->config.prefix_viewers = 4;
	kit->sponsor.config.prefix_bundles = kit->config.prefix_bundles = 6;
	for (uint64_t seed = 1; seed <= 4; seed++)
		assert_int_equal(kit_sponsor_draw(kit, seed, 0, 1, 55, &offer), SOUK_OK);
	assert_true(souk_sponsor_has_all_viewers(&kit->sponsor, 55));
	assert_int_equal(kit_sponsor_draw(kit, 5, 0, 1, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	/* Those that are known may go on, as far as bundles go; others are not concerned. */
	assert_int_equal(kit_sponsor_draw(kit, 1, 1, 1, 55, &offer), SOUK_OK);
	assert_int_equal(kit_sponsor_draw(kit, 1, 2, 1, 55, &offer), SOUK_OK);
	assert_int_equal(kit_sponsor_draw(kit, 1, 3, 1, 55, &offer), SOUK_LOCAL_FULL);
	assert_false(souk_sponsor_has_all_viewers(&kit->sponsor, 56));
	assert_int_equal(kit_sponsor_draw(kit, 5, 0, 1, 56, &offer), SOUK_OK);
	/* Nor is it forgotten with the process. */
	kit_sponsor_restart(kit, 78);
	assert_int_equal(kit_sponsor_draw(kit, 6, 0, 1, 55, &offer), SOUK_PEER_SPONSOR_QUOTA);
	assert_int_equal(kit_sponsor_draw(kit, 2, 1, 1, 55, &offer), SOUK_LOCAL_FULL);
	/* What nobody opened is no bundle any more; in the next epoch all are new. */
	kit->now = souk_time_plus_ms(kit->now, kit->config.drawn_ms);
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(kit_sponsor_draw(kit, 2, 1, 1, 55, &offer), SOUK_OK);
	kit->epoch++;
	kit->epoch_end = souk_time_plus_ms(kit->now, 500000);
	struct souk_hash beacon = {{4}};
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
	assert_int_equal(kit->sponsor.prefix_count, 0);
	assert_int_equal(kit_sponsor_draw(kit, 6, 0, 1, 55, &offer), SOUK_OK);
	kit_sponsor_free(kit);
}

static void test_admission(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_identity site, viewer, stranger;
	static struct souk_bundle_open open;
	kit_identity(&site, 70);
	kit_identity(&viewer, 71);
	kit_identity(&stranger, 72);
	kit->sponsor.config.site = site.address;
	struct souk_signed_bundle_ask signed_ask;
	kit_sponsor_ask(kit, 71, 0, 9, &signed_ask);
	struct souk_signed_admission *item = &signed_ask.admission.items[0];
	assert_int_equal(
		kit_sponsor_bundle(kit, &signed_ask, 1, &open), SOUK_PEER_SPONSOR_ADMISSION);
	signed_ask.admission.count = 1;
	for (uint32_t wrong = 0; wrong < 5; wrong++) {
		item->admission = (struct souk_admission){
			.version = (uint8_t)(wrong == 1 ? 2 : SOUK_SPONSOR_VERSION),
			.sponsor = wrong == 2 ? viewer.address : kit->payer.issuer.address,
			.viewer = wrong == 3 ? stranger.address : viewer.address,
			.expires = souk_time_plus_ms(kit->now, wrong == 4 ? 0 : 1000)};
		souk_admission_sign(item, wrong == 0 ? &stranger : &site);
		assert_int_equal(kit_sponsor_bundle(kit, &signed_ask, 1, &open),
			SOUK_PEER_SPONSOR_ADMISSION);
	}
	item->admission = (struct souk_admission){SOUK_SPONSOR_VERSION, kit->payer.issuer.address,
		viewer.address, souk_time_plus_ms(kit->now, 1000)};
	souk_admission_sign(item, &site);
	assert_int_equal(kit_sponsor_bundle(kit, &signed_ask, 1, &open), SOUK_OK);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ doubt */

static bool is_drawn(const struct souk_bundle_offer *offer, const struct souk_address *who)
{
	bool found = false;
	for (uint32_t i = 0; i < offer->caches.count; i++)
		found |= souk_address_equal(&offer->caches.items[i].offer.provider, who);
	return found;
}

/* How often WHO is drawn in 40 bundles of one viewer; *BUNDLE becomes the last that has it. */
static uint32_t times_drawn(struct kit_sponsor *kit, uint64_t *number,
	const struct souk_address *who, struct souk_nonce *bundle)
{
	struct souk_bundle_offer offer;
	uint32_t count = 0;
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(kit_sponsor_draw(kit, 1, (*number)++, 1, 1, &offer), SOUK_OK);
		if (is_drawn(&offer, who)) {
			count++;
			*bundle = offer.bundle;
		}
		kit->now = souk_time_plus_ms(kit->now, kit->config.drawn_ms);
		souk_sponsor_tick(&kit->sponsor, kit->now);
	}
	return count;
}

/* Who may be dead is not drawn until somebody looked; nobody is kept out for longer, or twice in a
 * moment; and where all may be dead they are drawn as before. */
static void test_doubt(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct souk_sponsor *sponsor = &kit->sponsor;
	struct souk_bundle_offer offer;
	uint64_t number = 1;
	kit->config.drawn_ms = sponsor->config.drawn_ms = 100;
	assert_int_equal(kit_sponsor_draw(kit, 1, 0, 1, 1, &offer), SOUK_OK);
	struct souk_nonce bundle = offer.bundle;
	struct souk_address who = offer.caches.items[1].offer.provider;
	uint32_t index = kit_sponsor_provider(kit, &who); /* they were enlisted in this order */
	assert_false(souk_sponsor_doubt(sponsor, &bundle, &kit->payer.issuer.address, kit->now));
	assert_true(souk_sponsor_doubt(sponsor, &bundle, &who, kit->now));
	assert_false(souk_sponsor_doubt(sponsor, &bundle, &who, kit->now));
	assert_int_equal(sponsor->doubts, 1);
	assert_int_equal(times_drawn(kit, &number, &who, &bundle), 0);
	souk_sponsor_found(sponsor, index, kit->now);
	assert_int_equal(sponsor->doubts, 0);
	assert_true(times_drawn(kit, &number, &who, &bundle) > 0);
	souk_sponsor_found(sponsor, index, kit->now);
	assert_false(souk_sponsor_doubt(sponsor, &bundle, &who, kit->now));
	kit->now = souk_time_plus_ms(kit->now, SOUK_SPONSOR_TRUST_MS);
	assert_true(souk_sponsor_doubt(sponsor, &bundle, &who, kit->now));
	/* It has spoken. */
	assert_int_equal(kit_sponsor_recruit(kit, index), SOUK_OK);
	assert_int_equal(sponsor->doubts, 0);
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		kit->caches[i].in_doubt = true;
	assert_true(times_drawn(kit, &number, &who, &bundle) > 0);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ steps */

/* A bundle in the making, and all that its steps need. */
struct opening {
	struct souk_signed_bundle_ask ask;
	struct souk_sponsor_work work;
	struct souk_bundle_open open;
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	uint64_t used[N]; /* before */
};

static souk_status draw_for(struct kit_sponsor *kit, struct opening *o)
{
	souk_status status =
		souk_sponsor_ask_draw(&kit->sponsor, &o->ask.ask, 1, kit->now, &o->work, &o->open);
	if (status != SOUK_OK)
		return status;
	kit_sponsor_leaves(kit, &o->work.record, o->leaves, &o->open);
	for (uint32_t i = 0; i < N; i++)
		o->used[i] = o->leaves[i]->used.ncoin;
	return SOUK_OK;
}

/* Up to finish. */
static struct opening *opening_new(struct kit_sponsor *kit, uint64_t seed)
{
	struct opening *o = calloc(1, sizeof *o);
	assert_non_null(o);
	kit_sponsor_ask(kit, seed, 0, 12, &o->ask);
	assert_int_equal(draw_for(kit, o), SOUK_OK);
	souk_sponsor_ask_compute(&o->work, &o->open);
	return o;
}

static souk_status finish(struct kit_sponsor *kit, struct opening *o)
{
	return souk_sponsor_ask_finish(&kit->sponsor, &o->work, o->leaves, kit->now, &o->open);
}

static void check_unused(const struct opening *o)
{
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(o->leaves[i]->used.ncoin, o->used[i]);
}

static void test_opened_meanwhile(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct opening *o = opening_new(kit, 900), *twin = opening_new(kit, 900);
	assert_memory_equal(
		&o->work.record.bundle, &twin->work.record.bundle, sizeof(struct souk_nonce));
	assert_int_equal(finish(kit, o), SOUK_OK);
	for (uint32_t i = 0; i < N; i++)
		twin->used[i] = twin->leaves[i]->used.ncoin;
	assert_int_equal(finish(kit, twin), SOUK_LOCAL_EXISTS);
	check_unused(twin);
	assert_int_equal(kit->sponsor.totals.bundles, 1);
	free(o);
	free(twin);
	kit_sponsor_free(kit);
}

static void test_over_meanwhile(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct opening *o = opening_new(kit, 900);
	kit->now = souk_time_plus_ms(kit->now, kit->config.drawn_ms);
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(finish(kit, o), SOUK_PEER_STRIP_EXPIRED);
	check_unused(o);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	free(o);
	/* The epoch ends, and the next one begins. */
	o = opening_new(kit, 901);
	struct souk_time now = kit->now;
	kit->now = kit->epoch_end;
	assert_int_equal(finish(kit, o), SOUK_PEER_EPOCH_CLOSED);
	kit->now = now;
	struct souk_hash beacon = {{4}};
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch + 1, kit->epoch_end, &beacon, kit->now);
	assert_int_equal(finish(kit, o), SOUK_PEER_EPOCH_CLOSED);
	check_unused(o);
	free(o);
	kit_sponsor_free(kit);
}

static struct souk_segment_claim claim_of(
	struct kit_sponsor *kit, const struct souk_nonce *bundle, uint32_t segment)
{
	const struct souk_sponsor_bundle *b = souk_sponsor_bundle_of(&kit->sponsor, bundle);
	struct souk_segment_claim claim = {.bundle = *bundle, .segment = segment};
	assert_non_null(b);
	assert_true(b->has_token);
	claim.token.size = (uint16_t)b->token.size;
	memcpy(claim.token.data, b->token.bytes, b->token.size);
	return claim;
}

static void assert_same_tickets(
	const struct souk_segment_tickets *a, const struct souk_segment_tickets *b)
{
	static uint8_t x[SOUK_SEGMENT_TICKETS_SIZE_MAX], y[SOUK_SEGMENT_TICKETS_SIZE_MAX];
	struct souk_writer first, second;
	souk_writer_init(&first, x, sizeof x);
	souk_writer_init(&second, y, sizeof y);
	souk_segment_tickets_encode(&first, a);
	souk_segment_tickets_encode(&second, b);
	assert_int_equal(first.size, second.size);
	assert_memory_equal(x, y, first.size);
}

static void test_paid_meanwhile(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct opening *o = opening_new(kit, 900);
	struct souk_sponsor_work *work = &o->work;
	struct souk_segment_tickets tickets, again;
	assert_int_equal(finish(kit, o), SOUK_OK);
	struct souk_segment_claim claim = claim_of(kit, &o->open.offer.offer.bundle, 0);
	assert_int_equal(souk_sponsor_claim_begin(&kit->sponsor, &claim, kit->now, work), SOUK_OK);
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets), SOUK_OK);
	souk_sponsor_claim_compute(work, &claim);
	assert_int_equal(souk_sponsor_claim_finish(&kit->sponsor, work, &claim, kit->now),
		SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, N * KIT_PRICE);
	/* The same again is answered the same, in steps as at once. */
	assert_int_equal(souk_sponsor_claim_begin(&kit->sponsor, &claim, kit->now, work), SOUK_OK);
	souk_sponsor_claim_compute(work, &claim);
	assert_int_equal(souk_sponsor_claim_finish(&kit->sponsor, work, &claim, kit->now), SOUK_OK);
	souk_sponsor_claim_answer(work, &claim, &again);
	assert_same_tickets(&tickets, &again);
	/* A wrong token is counted before anything is computed for it. */
	claim = claim_of(kit, &o->open.offer.offer.bundle, 1);
	claim.token.data[0] ^= 1;
	assert_int_equal(souk_sponsor_claim_begin(&kit->sponsor, &claim, kit->now, work),
		SOUK_PEER_SPONSOR_TOKEN);
	assert_int_equal(kit->sponsor.totals.suspected, 1);
	free(o);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ threads */

struct crowd {
	struct kit_sponsor *kit;
	pthread_mutex_t lock; /* the machine */
	struct opening *openings[BUNDLES];
	uint32_t next;
};

static void *serve(void *ctx)
{
	struct crowd *crowd = ctx;
	struct kit_sponsor *kit = crowd->kit;
	pthread_mutex_lock(&crowd->lock);
	while (crowd->next < BUNDLES) {
		struct opening *o = crowd->openings[crowd->next++];
		struct souk_segment_tickets tickets;
		assert_int_equal(draw_for(kit, o), SOUK_OK);
		pthread_mutex_unlock(&crowd->lock);
		souk_sponsor_ask_compute(&o->work, &o->open);
		pthread_mutex_lock(&crowd->lock);
		assert_int_equal(finish(kit, o), SOUK_OK);
		struct souk_segment_claim claim = claim_of(kit, &o->work.record.bundle, 0);
		assert_int_equal(
			souk_sponsor_claim_begin(&kit->sponsor, &claim, kit->now, &o->work),
			SOUK_OK);
		pthread_mutex_unlock(&crowd->lock);
		souk_sponsor_ask_sign(&o->open, kit->config.identity);
		souk_sponsor_claim_compute(&o->work, &claim);
		pthread_mutex_lock(&crowd->lock);
		assert_int_equal(
			souk_sponsor_claim_finish(&kit->sponsor, &o->work, &claim, kit->now),
			SOUK_OK);
		souk_sponsor_claim_answer(&o->work, &claim, &tickets);
	}
	pthread_mutex_unlock(&crowd->lock);
	return NULL;
}

/* A complaint is looked at, its signature checked beside the machine, and counted once; who is not
 * the viewer, or names no cache of the bundle, is refused before a signature is checked. */
static void test_complained_meanwhile(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct opening *o = opening_new(kit, 900);
	struct souk_sponsor *sponsor = &kit->sponsor;
	struct souk_identity viewer;
	const struct souk_address *provider = &o->work.record.sessions.items[1].provider;
	uint32_t cache = kit_sponsor_provider(kit, provider);
	kit_identity(&viewer, 900);
	struct souk_signed_bundle_complaint good = {
		.complaint = {.version = SOUK_SPONSOR_VERSION,
			.sponsor = kit->payer.issuer.address,
			.viewer = viewer.address,
			.bundle = o->work.record.bundle,
			.provider = *provider,
			.status = (uint16_t)SOUK_PEER_BAD_UNIT}};
	struct souk_signed_bundle_complaint bad;
	souk_bundle_complaint_sign(&good, &viewer);
#define REFUSED(change, why)                                                                       \
	bad = good;                                                                                \
	change;                                                                                    \
	assert_int_equal(souk_sponsor_complain_begin(sponsor, &bad.complaint), why);               \
	assert_int_equal(souk_sponsor_complain_finish(sponsor, &bad.complaint), why);              \
	assert_int_equal(souk_sponsor_complain(sponsor, &bad), why)
	REFUSED(bad.complaint.version++, SOUK_PEER_BAD_VERSION);
	REFUSED(bad.complaint.sponsor.bytes[0] ^= 1, SOUK_PEER_BAD_REQUEST);
	REFUSED(bad.complaint.bundle.bytes[0] ^= 1, SOUK_PEER_UNKNOWN_BUNDLE);
	REFUSED(bad.complaint.viewer.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	REFUSED(bad.complaint.provider.bytes[0] ^= 1, SOUK_PEER_NOT_PAYEE);
#undef REFUSED
	bad = good;
	bad.complaint.status++;
	assert_int_equal(souk_sponsor_complain_begin(sponsor, &bad.complaint), SOUK_OK);
	assert_int_equal(souk_sponsor_complaint_verify(&bad), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(souk_sponsor_complain(sponsor, &bad), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(kit->caches[cache].record.complaints, 0);
	/* Two at a time count once. */
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(souk_sponsor_complain_begin(sponsor, &good.complaint), SOUK_OK);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(souk_sponsor_complaint_verify(&good), SOUK_OK);
		assert_int_equal(souk_sponsor_complain_finish(sponsor, &good.complaint), SOUK_OK);
	}
	assert_int_equal(kit->caches[cache].record.complaints, 1);
	free(o);
	kit_sponsor_free(kit);
}

/* Several threads issue at a time: each bundle is paid once, and no two strips overlap. */
static void test_many_threads(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	struct crowd crowd = {.kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST)};
	pthread_mutex_init(&crowd.lock, NULL);
	for (uint32_t i = 0; i < BUNDLES; i++) {
		crowd.openings[i] = calloc(1, sizeof *crowd.openings[i]);
		assert_non_null(crowd.openings[i]);
		kit_sponsor_ask(crowd.kit, 900 + i, 0, 12, &crowd.openings[i]->ask);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, serve, &crowd), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	uint64_t used = 0;
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		used += crowd.kit->payer.free[i].used.ncoin;
	assert_int_equal(used, (uint64_t)BUNDLES * N * 4 * KIT_PRICE);
	assert_int_equal(crowd.kit->sponsor.totals.spent.ncoin, BUNDLES * N * KIT_PRICE);
	for (uint32_t i = 0; i < BUNDLES; i++)
		free(crowd.openings[i]);
	pthread_mutex_destroy(&crowd.lock);
	kit_sponsor_free(crowd.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_part_of_a_network),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_opened_meanwhile),
		cmocka_unit_test(test_over_meanwhile),
		cmocka_unit_test(test_paid_meanwhile),
		cmocka_unit_test(test_complained_meanwhile),
		cmocka_unit_test(test_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
