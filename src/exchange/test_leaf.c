/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves as a provider sees them: open ones, and those that a receipt pays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "test_session.h"

static struct souk_leaf_id leaf_of(const struct market *m)
{
	return (struct souk_leaf_id){.escrow = m->payer.escrow_id, .epoch = 7};
}

static void pull(struct market *m)
{
	struct souk_provider_effect effect;
	for (int i = 0; i < 2; i++) {
		while (souk_provider_next_effect(&m->kit.provider, &effect))
			kit_provider_keep(&m->kit, &effect);
	}
}

/* A market whose only leaf is open. */
static struct market *open_market(void)
{
	static const struct souk_address anybody;
	struct market *m = market_new();
	kit_payer_init(&m->payer, 2, &anybody, 1, 100000);
	kit_payer_epoch(&m->payer, 7);
	return m;
}

static souk_status handshake(struct market *m, uint8_t seed)
{
	customer_new(m, seed, UNITS);
	return kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0);
}

static void open_leaves_need_a_penalty(void **state)
{
	const struct souk_policy *policy = souk_policy_find("content", "young");
	const struct souk_genesis genesis = {
		.epoch_ms = 1000, .draw_delay_ms = 1, .claim_ms = 1000};
	struct souk_amount least;
	(void)state;
	struct market *m = open_market();
	m->payer.escrow.penalty.ncoin = UINT64_MAX;
	/* Without a policy, or without the ledger's periods, none is accepted. */
	m->kit.provider.config.policy = NULL;
	souk_provider_set_genesis(&m->kit.provider, &genesis);
	assert_int_equal(handshake(m, 1), SOUK_PEER_PENALTY_TOO_LOW);
	m->kit.provider.config.policy = policy;
	m->kit.provider.genesis.epoch_ms = 0;
	assert_int_equal(handshake(m, 2), SOUK_PEER_PENALTY_TOO_LOW);
	souk_provider_set_genesis(&m->kit.provider, &genesis);
	assert_int_equal(
		souk_policy_penalty(&least, policy, m->payer.escrow.line, &genesis), SOUK_OK);
	m->payer.escrow.penalty.ncoin = least.ncoin - 1;
	assert_int_equal(handshake(m, 3), SOUK_PEER_PENALTY_TOO_LOW);
	m->payer.escrow.penalty = least;
	kit_payer_epoch(&m->payer, 7);
	assert_int_equal(handshake(m, 4), SOUK_OK);
	buy(m, 0);
	free(m);
}

static void a_receipt_must_cover_what_is_owed(void **state)
{
	struct souk_nonce session;
	struct souk_amount owed = {77};
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider *provider = &m->kit.provider;
	struct souk_leaf_id leaf = leaf_of(m), other = leaf;
	other.leaf = 1;
	/* Nothing is owed before the first ticket, nor on another leaf. */
	assert_int_equal(souk_provider_leaf_owed(provider, &leaf, &session, &owed),
		SOUK_PEER_UNKNOWN_SESSION);
	for (uint32_t i = 0; i < 8; i++)
		buy(m, i);
	assert_int_equal(souk_provider_leaf_owed(provider, &other, &session, &owed),
		SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(owed.ncoin, 77);
	assert_int_equal(souk_provider_leaf_owed(provider, &leaf, &session, &owed), SOUK_OK);
	assert_int_equal(owed.ncoin, 8 * PRICE);
	assert_memory_equal(&session, &m->customer.grant.session, sizeof session);
	assert_int_equal(
		souk_provider_receipt(provider, &leaf, souk_amount_of_ncoin(8 * PRICE - 1)),
		SOUK_PEER_UNPAID);
	/* That changed nothing: it still sells. */
	buy(m, 8);
	assert_int_equal(
		souk_provider_receipt(provider, &leaf, souk_amount_of_ncoin(9 * PRICE)), SOUK_OK);
	assert_int_equal(serve(m, 10, 9, 9), SOUK_PEER_UNKNOWN_SESSION);
	free(m);
}

/* Two sessions of a leaf, one of them over; then the receipt, or a crash, and the draw. */
static void a_kept_receipt_settles_the_strips(void **state)
{
	const struct souk_hash beacon = {{1}};
	struct souk_provider_effect effect;
	(void)state;
	for (int crash = 0; crash <= 1; crash++) {
		struct market *m = market_open(UNITS);
		struct souk_leaf_id leaf = leaf_of(m);
		for (uint32_t i = 0; i < UNITS; i++)
			buy(m, i);
		customer_new(m, 2, UNITS);
		assert_int_equal(
			kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0), SOUK_OK);
		for (uint32_t i = 0; i < 5; i++)
			buy(m, i);
		souk_provider_flush(&m->kit.provider);
		pull(m);
		assert_int_equal(souk_provider_receipt(&m->kit.provider, &leaf,
					 souk_amount_of_ncoin((UNITS + 5) * PRICE)),
			SOUK_OK);
		pull(m);
		if (crash)
			kit_provider_start(&m->kit, 99, 7, epoch_end, t0);
		souk_provider_receipt_kept(&m->kit.provider, &leaf);
		while (souk_provider_next_effect(&m->kit.provider, &effect)) {
			assert_int_not_equal(effect.kind, SOUK_PROVIDER_CLAIM);
			kit_provider_keep(&m->kit, &effect);
		}
		pull(m);
		souk_provider_draw(&m->kit.provider, 7, &beacon, epoch_end);
		assert_false(souk_provider_next_effect(&m->kit.provider, &effect));
		assert_int_equal(m->kit.provider.due_count, 0);
		free(m);
	}
}

/* Without the receipt the strips are claimed as ever; and then it is too late for one. */
static void a_receipt_that_was_not_kept_costs_nothing(void **state)
{
	const struct souk_hash beacon = {{1}};
	struct souk_provider_effect effect;
	struct souk_nonce session;
	struct souk_amount owed;
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_leaf_id leaf = leaf_of(m);
	for (uint32_t i = 0; i < UNITS; i++)
		buy(m, i);
	assert_int_equal(
		souk_provider_receipt(&m->kit.provider, &leaf, souk_amount_of_ncoin(UNITS * PRICE)),
		SOUK_OK);
	pull(m);
	souk_provider_draw(&m->kit.provider, 7, &beacon, epoch_end);
	assert_int_equal(souk_provider_leaf_owed(&m->kit.provider, &leaf, &session, &owed),
		SOUK_PEER_LEAF_CLAIMED);
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	assert_int_equal(effect.kind, SOUK_PROVIDER_CLAIM);
	assert_memory_equal(&effect.leaf.escrow, &leaf.escrow, sizeof leaf.escrow);
	assert_int_equal(effect.leaf.epoch, 7);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_leaves_need_a_penalty),
		cmocka_unit_test(a_receipt_must_cover_what_is_owed),
		cmocka_unit_test(a_kept_receipt_settles_the_strips),
		cmocka_unit_test(a_receipt_that_was_not_kept_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
