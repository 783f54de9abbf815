/* SPDX-License-Identifier: Apache-2.0
 *
 * A bundle in the making: drawn and charged once, laid on leaves that may run short, asked for
 * again at any time, and crashes between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "sponsor_kit.h"

#define N	3u
#define SEGMENT 4u
#define CHUNKS	12u
#define UNITS	4u
#define VIEWER	900u

/* All that the steps of one bundle need. */
struct making {
	struct kit_sponsor *kit;
	struct souk_signed_bundle_ask ask;
	struct souk_sponsor_work work;
	struct souk_bundle_open open;
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
};

static struct making *making_new(struct kit_sponsor *kit, uint64_t viewer)
{
	struct making *m = calloc(1, sizeof *m);
	assert_non_null(m);
	m->kit = kit;
	kit_sponsor_ask(kit, viewer, 0, CHUNKS, &m->ask);
	return m;
}

static souk_status draw(struct making *m)
{
	souk_status status = souk_sponsor_ask_draw(
		&m->kit->sponsor, &m->ask.ask, 1, m->kit->now, &m->work, &m->open);
	kit_sponsor_commit(m->kit);
	if (status == SOUK_OK)
		kit_sponsor_leaves(m->kit, &m->work.record, m->leaves, &m->open);
	return status;
}

static souk_status finish(struct making *m)
{
	souk_status status = souk_sponsor_ask_finish(
		&m->kit->sponsor, &m->work, m->leaves, m->kit->now, &m->open);
	kit_sponsor_commit(m->kit);
	return status;
}

static souk_status make(struct making *m)
{
	SOUK_TRY(draw(m));
	souk_sponsor_ask_compute(&m->work, &m->open);
	return finish(m);
}

/* It was drawn, and charged, COUNT times: that many units of each of N caches are held for. */
static void check_charged(const struct kit_sponsor *kit, uint32_t count)
{
	assert_int_equal(kit->sponsor.totals.bundles, count);
	assert_int_equal(kit->viewers[0].record.number, count);
	assert_int_equal(kit->viewers[0].record.units, count * UNITS * N);
	assert_int_equal(kit->prefixes[0].units, count * UNITS * N);
	assert_int_equal(kit->contents[0].record.bundles, count);
}

static uint64_t used_of_all(const struct kit_sponsor *kit)
{
	uint64_t used = 0;
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		used += kit->payer.free[i].used.ncoin;
	return used;
}

/* Each cache derives what its viewer was told of the session. */
static void check_shared(const struct kit_sponsor *kit, const struct souk_bundle_open *open)
{
	for (uint32_t i = 0; i < open->sessions.count; i++) {
		const struct souk_bundle_session *session = &open->sessions.items[i];
		const struct souk_strip *strip = &session->strip.strip;
		uint32_t index = kit_sponsor_provider(kit, &strip->payee);
		struct souk_ask ask = souk_sponsored_ask(strip);
		struct souk_hash pair, digest = souk_ask_digest(&ask);
		assert_int_equal(souk_sponsor_pair(&pair, &kit->providers[index].identity,
					 &kit->payer.issuer.pubkey),
			SOUK_OK);
		struct souk_hash seal = souk_strip_seal_of(&pair, &strip->nonce);
		assert_memory_equal(&seal, &session->seal, sizeof seal);
		struct souk_hash secret =
			souk_sponsored_session_secret(&kit->secrets[index], &strip->nonce, &digest);
		assert_memory_equal(&secret, &session->secret, sizeof secret);
		assert_memory_equal(
			&strip->customer, &kit->payer.issuer.pubkey, sizeof strip->customer);
	}
}

/* ------------------------------------------------------------------ the same ask again */

static void test_again_while_drawn(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER), *again = making_new(kit, VIEWER);
	assert_int_equal(draw(m), SOUK_OK);
	check_charged(kit, 1);
	uint64_t held = kit->sponsor.held.ncoin;
	assert_int_equal(draw(again), SOUK_OK);
	check_charged(kit, 1);
	assert_int_equal(kit->sponsor.held.ncoin, held);
	assert_memory_equal(&m->open.offer.offer.bundle, &again->open.offer.offer.bundle,
		sizeof(struct souk_nonce));
	/* What comes of it is the same, so that either may be sent. */
	souk_sponsor_ask_compute(&m->work, &m->open);
	souk_sponsor_ask_compute(&again->work, &again->open);
	for (uint32_t i = 0; i < N; i++) {
		const struct souk_strip *a = &m->open.sessions.items[i].strip.strip;
		const struct souk_strip *b = &again->open.sessions.items[i].strip.strip;
		assert_memory_equal(&a->nonce, &b->nonce, sizeof a->nonce);
		assert_memory_equal(&a->anchor, &b->anchor, sizeof a->anchor);
		assert_memory_equal(&a->key_anchor, &b->key_anchor, sizeof a->key_anchor);
	}
	assert_int_equal(finish(again), SOUK_OK);
	assert_int_equal(used_of_all(kit), N * UNITS * KIT_PRICE);
	check_charged(kit, 1);
	free(m);
	free(again);
	kit_sponsor_free(kit);
}

static void test_again_when_open(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	assert_int_equal(make(m), SOUK_OK);
	struct souk_nonce bundle = m->open.offer.offer.bundle;
	uint64_t refused = kit->sponsor.totals.refused;
	memset(&m->work.record.bundle, 0, sizeof m->work.record.bundle);
	assert_int_equal(draw(m), SOUK_LOCAL_EXISTS);
	assert_memory_equal(&m->work.record.bundle, &bundle, sizeof bundle);
	assert_int_equal(kit->sponsor.totals.refused, refused);
	check_charged(kit, 1);
	assert_int_equal(used_of_all(kit), N * UNITS * KIT_PRICE);
	/* Another wish by the same number is no repetition. */
	m->ask.ask.chunks++;
	assert_int_equal(draw(m), SOUK_PEER_OUT_OF_ORDER);
	free(m);
	kit_sponsor_free(kit);
}

/* What is over is not begun again; what is open, and whose answer nobody has any more, is paid to
 * whoever has it. */
static void test_again_when_over(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	assert_int_equal(draw(m), SOUK_OK);
	kit->now = souk_time_plus_ms(kit->now, kit->config.drawn_ms);
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	assert_int_equal(draw(m), SOUK_PEER_OUT_OF_ORDER);
	check_charged(kit, 1);
	kit_sponsor_ask(kit, VIEWER, 1, CHUNKS, &m->ask);
	assert_int_equal(make(m), SOUK_OK);
	check_charged(kit, 2);
	free(m);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ leaves */

/* One leaf is too short: none is used, and the same work is finished with another. */
static void test_leaf_too_short(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	assert_int_equal(draw(m), SOUK_OK);
	souk_sponsor_ask_compute(&m->work, &m->open);
	for (uint32_t i = 0; i < N; i++) {
		struct souk_payer_leaf *whole = m->leaves[i], poor = *whole;
		poor.amount.ncoin = UNITS * KIT_PRICE - 1;
		m->leaves[i] = &poor;
		assert_int_equal(finish(m), SOUK_PEER_STRIP_RANGE);
		assert_int_equal(used_of_all(kit) + poor.used.ncoin, 0);
		m->leaves[i] = whole;
	}
	/* Of another epoch, or of somebody else's escrow, it is no leaf. */
	struct souk_payer_leaf *whole = m->leaves[1], other = *whole;
	m->leaves[1] = &other;
	other.epoch++;
	assert_int_equal(finish(m), SOUK_PEER_STRIP_RANGE);
	other = *whole;
	other.escrow.bytes[0] ^= 1;
	assert_int_equal(finish(m), SOUK_PEER_STRIP_RANGE);
	assert_int_equal(used_of_all(kit), 0);
	/* One that was allotted meanwhile, further on. */
	other = *whole;
	other.segment = 1;
	other.used.ncoin = 300;
	assert_int_equal(finish(m), SOUK_OK);
	const struct souk_strip *strip = &m->open.sessions.items[1].strip.strip;
	assert_int_equal(strip->segment, 1);
	assert_int_equal(strip->start.ncoin, 300);
	assert_int_equal(other.used.ncoin, 300 + UNITS * KIT_PRICE);
	assert_int_equal(used_of_all(kit), (N - 1) * UNITS * KIT_PRICE);
	check_charged(kit, 1);
	free(m);
	kit_sponsor_free(kit);
}

/* The content cannot be read: said by finish, which has changed nothing. */
static void test_unreadable(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	kit->disk_fails = true;
	assert_int_equal(make(m), SOUK_IO_READ);
	assert_int_equal(used_of_all(kit), 0);
	kit->disk_fails = false;
	assert_int_equal(make(m), SOUK_OK);
	check_charged(kit, 1);
	free(m);
	kit_sponsor_free(kit);
}

static void test_no_overlap(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m[8];
	/* Drawn and computed in one order, finished in another. */
	for (uint32_t i = 0; i < 8; i++) {
		m[i] = making_new(kit, 50 + i);
		assert_int_equal(draw(m[i]), SOUK_OK);
		souk_sponsor_ask_compute(&m[i]->work, &m[i]->open);
	}
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(finish(m[i * 3 % 8]), SOUK_OK);
	uint32_t leaves = 0;
	for (uint32_t i = 0; i < 8 * N; i++) {
		const struct souk_strip *a = &m[i / N]->open.sessions.items[i % N].strip.strip;
		for (uint32_t j = 0; j < i; j++) {
			const struct souk_strip *b =
				&m[j / N]->open.sessions.items[j % N].strip.strip;
			assert_false(souk_payee_strips_overlap(a, b));
			assert_memory_not_equal(&a->nonce, &b->nonce, sizeof a->nonce);
			leaves += a->leaf == b->leaf;
		}
	}
	assert_true(leaves > 0);
	assert_int_equal(used_of_all(kit), 8 * N * UNITS * KIT_PRICE);
	for (uint32_t i = 0; i < 8; i++)
		free(m[i]);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ crashes */

/* What was drawn is resumed, with the same caches and sessions, and not charged again. */
static void test_crash_while_drawn(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER), *after = making_new(kit, VIEWER);
	assert_int_equal(draw(m), SOUK_OK);
	kit_sponsor_restart(kit, 12);
	check_charged(kit, 1);
	assert_int_equal(make(after), SOUK_OK);
	check_shared(kit, &after->open);
	check_charged(kit, 1);
	assert_memory_equal(
		&m->work.record.bundle, &after->work.record.bundle, sizeof(struct souk_nonce));
	for (uint32_t i = 0; i < N; i++) {
		assert_memory_equal(&m->open.offer.offer.caches.items[i].offer.provider,
			&after->open.offer.offer.caches.items[i].offer.provider,
			sizeof(struct souk_address));
		assert_memory_equal(&m->work.record.sessions.items[i].session,
			&after->work.record.sessions.items[i].session, sizeof(struct souk_nonce));
	}
	/* What was in the making when it crashed comes to nothing. */
	souk_sponsor_ask_compute(&m->work, &m->open);
	uint64_t used = used_of_all(kit);
	assert_int_equal(finish(m), SOUK_LOCAL_EXISTS);
	assert_int_equal(used_of_all(kit), used);
	free(m);
	free(after);
	kit_sponsor_free(kit);
}

/* The strips were laid, and the answer was lost with the process: they are not laid again. */
static void test_crash_when_open(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct kit_viewing *v = kit_viewing_new(kit, VIEWER, 0, 0, CHUNKS);
	struct souk_segment_tickets tickets;
	static struct souk_bundle_open open;
	assert_int_equal(kit_sponsor_bundle(kit, &v->viewer.ask, 1, &open), SOUK_OK);
	struct souk_nonce bundle = open.offer.offer.bundle;
	const struct souk_sponsor_bundle *b = souk_sponsor_bundle_of(&kit->sponsor, &bundle);
	struct souk_segment_claim claim = {.bundle = bundle, .token.size = (uint16_t)b->token.size};
	memcpy(claim.token.data, b->token.bytes, b->token.size);
	kit_sponsor_restart(kit, 12);
	check_charged(kit, 1);
	uint64_t used = used_of_all(kit);
	assert_int_equal(
		kit_sponsor_draw(kit, VIEWER, 0, CHUNKS, 1, &open.offer.offer), SOUK_LOCAL_EXISTS);
	/* Nobody kept the answer: the viewer, a real one, gives up. */
	assert_true(kit_viewing_run(v, 100));
	assert_int_equal(v->viewer.state, SOUK_VIEWER_FAILED);
	assert_int_equal(v->viewer.status, SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(v->complaints, 0);
	assert_int_equal(used_of_all(kit), used);
	/* Who did get it goes on. */
	assert_int_equal(souk_sponsor_claim(&kit->sponsor, &claim, kit->now, &tickets), SOUK_OK);
	assert_int_equal(kit->sponsor.totals.spent.ncoin, N * KIT_PRICE);
	kit_viewing_free(v);
	kit_sponsor_free(kit);
}

/* A lost answer comes again, and is the same. */
static void test_answer_again(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	static struct souk_bundle_open first, second;
	assert_int_equal(kit_sponsor_bundle(kit, &m->ask, 1, &first), SOUK_OK);
	uint64_t used = used_of_all(kit);
	assert_int_equal(kit_sponsor_bundle(kit, &m->ask, 1, &second), SOUK_OK);
	assert_int_equal(used_of_all(kit), used);
	for (uint32_t i = 0; i < N; i++) {
		struct souk_hash a = souk_strip_digest(&first.sessions.items[i].strip.strip);
		struct souk_hash b = souk_strip_digest(&second.sessions.items[i].strip.strip);
		assert_memory_equal(&a, &b, sizeof a);
	}
	check_charged(kit, 1);
	free(m);
	kit_sponsor_free(kit);
}

/* ------------------------------------------------------------------ caches change */

/* A cache enlists anew between the draw and the sessions: they have the new secret. One that is
 * barred, or leaves, was drawn all the same. */
static void test_caches_change_meanwhile(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	assert_int_equal(draw(m), SOUK_OK);
	for (uint32_t i = 0; i < KIT_CACHES; i++) {
		assert_int_equal(kit_sponsor_recruit(kit, i), SOUK_OK);
		assert_int_equal(kit_sponsor_recruit(kit, i), SOUK_OK);
	}
	kit->caches[0].record.barred = true;
	souk_sponsor_release(&kit->sponsor, &kit->providers[1].identity.address, &kit->content.id);
	assert_int_equal(make(m), SOUK_OK);
	souk_sponsor_ask_sign(&m->open, kit->config.identity);
	check_shared(kit, &m->open);
	for (uint32_t i = 0; i < N; i++) {
		const struct souk_strip_open *strip = &m->open.sessions.items[i].strip;
		uint32_t index = kit_sponsor_provider(kit, &strip->strip.payee);
		assert_int_equal(kit_sponsor_strip(kit, index, strip), SOUK_OK);
	}
	free(m);
	kit_sponsor_free(kit);
}

/* Who asks, and never fetches, holds budgets for a minute. */
static void test_never_used(void **state)
{
	(void)state;
	struct kit_sponsor *kit = kit_sponsor_new(N, SEGMENT, SOUK_PUZZLE_FAST);
	struct making *m = making_new(kit, VIEWER);
	assert_int_equal(make(m), SOUK_OK);
	assert_int_equal(kit->sponsor.held.ncoin, N * UNITS * KIT_PRICE);
	struct souk_time end = souk_time_plus_ms(kit->now, SOUK_SPONSOR_FIRST_MS);
	assert_int_equal(souk_sponsor_deadline(&kit->sponsor).ms, end.ms);
	kit->now.ms = end.ms - 1;
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(kit->sponsor.held.ncoin, N * UNITS * KIT_PRICE);
	kit->now = end;
	souk_sponsor_tick(&kit->sponsor, kit->now);
	assert_int_equal(kit->sponsor.held.ncoin, 0);
	free(m);
	kit_sponsor_free(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again_while_drawn),
		cmocka_unit_test(test_again_when_open),
		cmocka_unit_test(test_again_when_over),
		cmocka_unit_test(test_leaf_too_short),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_crash_while_drawn),
		cmocka_unit_test(test_crash_when_open),
		cmocka_unit_test(test_answer_again),
		cmocka_unit_test(test_caches_change_meanwhile),
		cmocka_unit_test(test_never_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
