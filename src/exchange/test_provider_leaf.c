/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider remembers of leaves says the same as looking at every strip: at random, with
 * sessions that come out of order, are put away, settled and restored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider_internal.h"
#include "souk/base/rng.h"
#include "souk/exchange/sponsored.h"
#include "test_session.h"

#define LEAVES 4u
#define PLACES 60u /* units that a leaf has room for, in this test */
#define ROUNDS 1500u

static const struct souk_hash secret = {{0x5e}};

struct place {
	struct market *m;
	struct souk_rng rng;
	struct souk_time now;
	uint64_t names;
	uint32_t clear, walked, accepted;
	uint32_t next[LEAVES]; /* in order, mostly */
};

static struct place *place_new(uint64_t seed)
{
	struct place *p = calloc(1, sizeof *p);
	struct souk_address same[LEAVES];
	assert_non_null(p);
	p->m = market_new();
	p->now = t0;
	souk_rng_init(&p->rng, seed);
	for (uint32_t i = 0; i < LEAVES; i++)
		same[i] = p->m->kit.identity.address;
	kit_payer_init(&p->m->payer, 2, same, LEAVES, 100000);
	kit_payer_epoch(&p->m->payer, 7);
	p->m->item.sponsor_secret = &secret;
	return p;
}

static void place_free(struct place *p)
{
	free(p->m);
	free(p);
}

/* A strip of COUNT units at AT, signed. */
static void lay(
	struct place *p, uint32_t leaf, uint32_t at, uint32_t count, struct souk_strip_open *ret)
{
	struct souk_chain chain;
	struct souk_strip *strip = &ret->strip;
	memset(ret, 0, sizeof *ret);
	*strip = (struct souk_strip){
		.escrow = p->m->payer.escrow_id,
		.epoch = 7,
		.payee = p->m->kit.identity.address,
		.customer = p->m->payer.issuer.pubkey,
		.request = p->m->item.content,
		.price = souk_amount_of_ncoin(PRICE),
		.count = count,
		.expires = epoch_end,
	};
	p->names++;
	memcpy(&strip->nonce, &p->names, sizeof p->names);
	struct souk_ask ask = souk_sponsored_ask(strip);
	struct souk_hash digest = souk_ask_digest(&ask);
	struct souk_hash keys = souk_sponsored_keys(&secret, &strip->nonce, &digest);
	souk_chain_init(&chain, souk_chain_tag_key, &strip->nonce, count, &keys);
	strip->key_anchor = chain.anchor;
	souk_chain_init(&chain, souk_chain_tag_ticket, &strip->nonce, count, &secret);
	strip->anchor = chain.anchor;
	p->m->payer.free[leaf].used.ncoin = at * PRICE;
	assert_int_equal(souk_payer_leaf_take(&p->m->payer.free[leaf], strip), SOUK_OK);
	kit_payer_complete(&p->m->payer, leaf, ret);
}

static void take_effects(struct place *p)
{
	struct souk_provider_effect effect;
	for (int i = 0; i < 3; i++)
		while (souk_provider_next_effect(&p->m->kit.provider, &effect))
			kit_provider_keep(&p->m->kit, &effect);
}

/* There is no slot, or no place for its claim. */
static bool is_full(const struct market *m)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < KIT_SESSIONS; i++)
		used += m->kit.sessions[i].state == SOUK_PROVIDER_OPEN ||
			m->kit.sessions[i].store_due;
	return used == KIT_SESSIONS || used + m->kit.provider.due_count >= KIT_DUES;
}

/* One strip, about where the next one of its leaf would be. */
static void try_strip(struct place *p, uint32_t spread)
{
	struct souk_strip_open open;
	struct market *m = p->m;
	struct souk_provider *provider = &m->kit.provider;
	uint32_t leaf = (uint32_t)souk_rng_below(&p->rng, LEAVES);
	uint32_t count = 1 + (uint32_t)souk_rng_below(&p->rng, 3);
	uint32_t at = p->next[leaf] + (uint32_t)souk_rng_below(&p->rng, spread);
	lay(p, leaf, at, count, &open);
	bool overlaps = provider_walk_overlaps(provider, &open.strip);
	bool is_clear = provider_leaf_is_clear(provider, &open.strip);
	assert_false(is_clear && overlaps);
	assert_int_equal(provider_overlaps(provider, &open.strip), overlaps);
	p->clear += is_clear;
	p->walked += !is_clear;
	souk_status status = souk_provider_open(
		provider, &open, &m->item, &m->payer.allotment, &m->payer.escrow, p->now);
	assert_true(status == SOUK_OK || status == SOUK_LOCAL_FULL ||
		    status == SOUK_PEER_STRIP_OVERLAP);
	assert_true(status != SOUK_OK || !overlaps);
	assert_true(status != SOUK_PEER_STRIP_OVERLAP || overlaps);
	assert_true(status != SOUK_LOCAL_FULL || is_full(m));
	p->accepted += status == SOUK_OK;
	if (souk_rng_below(&p->rng, 3) == 0)
		p->next[leaf] = (at + count) % PLACES;
}

static void run(uint64_t seed, uint32_t spread)
{
	struct place *p = place_new(seed);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		try_strip(p, spread);
		switch (souk_rng_below(&p->rng, 24)) {
		case 0:
			/* All are put away; nothing was served, so their places are free again. */
			p->now = souk_time_plus_ms(p->now, 1);
			for (uint32_t j = 0; j < KIT_SESSIONS; j++)
				if (p->m->kit.sessions[j].state == SOUK_PROVIDER_OPEN &&
					souk_rng_below(&p->rng, 2) == 0)
					provider_session_leave(
						&p->m->kit.provider, &p->m->kit.sessions[j]);
			take_effects(p);
			break;
		case 1:
			if (souk_rng_below(&p->rng, 4) != 0)
				break;
			p->m->kit.record_count = 0;
			souk_provider_flush(&p->m->kit.provider);
			take_effects(p);
			kit_provider_start(&p->m->kit, i, 7, epoch_end, p->now);
			break;
		}
		if (p->m->kit.record_count > KIT_RECORDS / 2)
			p->m->kit.record_count = 0;
	}
	assert_true(p->accepted > ROUNDS / 20);
	assert_true(p->clear > 0 && p->walked > 0);
	place_free(p);
}

static void test_as_the_walk(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		run(seed, 2);
		run(seed, 12);
		run(seed, PLACES);
	}
}

/* Sessions of one leaf that come a little out of order are never looked for among all. */
static void test_out_of_order(void **state)
{
	(void)state;
	static const uint8_t order[20] = {
		0, 3, 1, 2, 7, 5, 4, 6, 9, 8, 15, 10, 12, 11, 14, 13, 19, 18, 17, 16};
	struct place *p = place_new(1);
	struct souk_strip_open open;
	for (uint32_t i = 0; i < 20; i++) {
		lay(p, 1, order[i] * 2, 2, &open);
		assert_int_equal(provider_leaf_is_clear(&p->m->kit.provider, &open.strip), i > 0);
		assert_int_equal(souk_provider_open(&p->m->kit.provider, &open, &p->m->item,
					 &p->m->payer.allotment, &p->m->payer.escrow, p->now),
			SOUK_OK);
		assert_false(provider_leaf_is_clear(&p->m->kit.provider, &open.strip));
	}
	place_free(p);
}

/* More gaps than are remembered: it takes longer, and says the same. */
static void test_many_gaps(void **state)
{
	(void)state;
	struct place *p = place_new(1);
	struct souk_provider *provider = &p->m->kit.provider;
	struct souk_strip strip = {.epoch = 7,
		.escrow = p->m->payer.escrow_id,
		.price = souk_amount_of_ncoin(1),
		.count = 1};
	for (uint32_t i = 0; i < 3 * SOUK_PROVIDER_GAPS; i++) {
		strip.start.ncoin = 3 * i + 2;
		provider_leaf_note(provider, &strip);
	}
	strip.start.ncoin = 0;
	assert_false(provider_leaf_is_clear(provider, &strip));
	uint32_t clear = 0;
	for (uint64_t at = 0; at < 9 * SOUK_PROVIDER_GAPS; at++) {
		strip.start.ncoin = at;
		bool is_clear = provider_leaf_is_clear(provider, &strip);
		assert_false(is_clear && at % 3 == 2);
		clear += is_clear;
	}
	assert_int_equal(clear, 2 * SOUK_PROVIDER_GAPS);
	place_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_walk),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_many_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
