/* SPDX-License-Identifier: Apache-2.0
 *
 * A customer that buys through a hub, and what a cheating hub gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_hub.h"

/* Everything received whose key is known. */
static void verify_all(struct souk_customer *c)
{
	struct souk_unit_cipher cipher;
	for (uint32_t j = c->verified + 1; j <= c->keyed; j++) {
		if (souk_customer_cipher(c, &cipher, j) == SOUK_OK)
			assert_int_equal(souk_customer_verified(c, j), SOUK_OK);
	}
}

static void ask_keys(struct market *m)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	if (souk_customer_settle(&m->customer, &request, t0) != SOUK_OK)
		return;
	assert_int_equal(souk_provider_unit(&m->provider.provider, &reply, &request, t0), SOUK_OK);
	assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_OK);
	verify_all(&m->customer);
}

static bool ask_unit(struct market *m)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	if (souk_customer_next(&m->customer, &request, m->customer.requested % CHUNKS, t0) !=
		SOUK_OK)
		return false;
	assert_int_equal(souk_provider_unit(&m->provider.provider, &reply, &request, t0), SOUK_OK);
	assert_int_equal(souk_customer_received(&m->customer, request.unit), SOUK_OK);
	if (reply.has_key)
		assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_OK);
	verify_all(&m->customer);
	return true;
}

static bool buy_step(struct market *m)
{
	struct souk_hub_ticket ticket;
	struct souk_ticket sold;
	if (souk_customer_buy(&m->customer, &ticket, t0) != SOUK_OK)
		return false;
	assert_int_equal(souk_hub_ticket(&m->hub->hub, &ticket, t0, &sold), SOUK_OK);
	assert_int_equal(souk_customer_bought(&m->customer, &sold), SOUK_OK);
	return true;
}

/* A whole session; and the claim of the provider is good for the hub's money. */
static void a_session_runs_to_its_end(void **state)
{
	(void)state;
	struct market m;
	struct souk_amount lo, hi;
	uint32_t buys = 0;
	const uint32_t units = 600;
	struct souk_chain *chain = malloc(sizeof *chain);
	struct souk_claim *claim = malloc(sizeof *claim);
	market_open(&m);
	give_credit(&m, &m.alice, units * COST);
	open_session(&m, units);
	for (uint32_t i = 0; i < 3 * units && m.customer.verified < units; i++) {
		while (ask_unit(&m))
			;
		while (buy_step(&m))
			buys++;
		ask_keys(&m);
		assert_true(m.customer.bought <= m.customer.payer.known + STEP);
		assert_true(m.customer.bought <= m.customer.verified + WINDOW + STEP);
	}
	assert_int_equal(m.customer.verified, units);
	assert_int_equal(m.customer.bought, units);
	assert_in_range(buys, units / STEP, units);
	assert_int_equal(souk_customer_spent(&m.customer).ncoin, units * COST);
	assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, units * COST);
	assert_int_equal(m.hub->hub.totals.income.ncoin, units * COST);
	assert_int_equal(m.hub->hub.totals.owed.ncoin, m.provider.provider.totals.owed.ncoin);
	struct souk_provider_effect effect;
	souk_provider_flush(&m.provider.provider);
	while (souk_provider_next_effect(&m.provider.provider, &effect))
		kit_provider_keep(&m.provider, &effect);
	assert_int_equal(souk_provider_claim(claim, &m.provider.records[0], chain), SOUK_OK);
	assert_int_equal(souk_claim_verify(&lo, &hi, claim, &m.hub->payer.allotment), SOUK_OK);
	assert_int_equal(hi.ncoin - lo.ncoin, units * PRICE);
	free(chain);
	free(claim);
	market_close(&m);
}

/* A hub that takes y and gives no x has at most a step. */
static void a_silent_hub_gets_one_step(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_ticket ticket, again;
	struct souk_unit_request request;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	open_session(&m, UNITS);
	assert_int_equal(souk_customer_buy(&m.customer, &ticket, t0), SOUK_LOCAL_STATE);
	while (ask_unit(&m))
		;
	assert_int_equal(souk_customer_buy(&m.customer, &ticket, t0), SOUK_OK);
	assert_int_equal(ticket.unit, STEP);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(souk_customer_buy(&m.customer, &again, t0), SOUK_OK);
		assert_memory_equal(&ticket, &again, sizeof ticket);
	}
	assert_int_equal(souk_customer_next(&m.customer, &request, 0, t0), SOUK_LOCAL_UNBOUGHT);
	assert_int_equal(souk_customer_settle(&m.customer, &request, t0), SOUK_LOCAL_UNBOUGHT);
	assert_int_equal(souk_customer_spent(&m.customer).ncoin, STEP * COST);
	assert_int_equal(m.provider.provider.totals.units_paid, 0);
	market_close(&m);
}

static void a_lying_hub_is_noticed(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_ticket ticket;
	struct souk_ticket sold, bad;
	struct souk_unit_request request;
	for (int lie = 0; lie < 3; lie++) {
		market_open(&m);
		give_credit(&m, &m.alice, UNITS * COST);
		open_session(&m, UNITS);
		while (ask_unit(&m))
			;
		assert_int_equal(souk_customer_buy(&m.customer, &ticket, t0), SOUK_OK);
		assert_int_equal(souk_hub_ticket(&m.hub->hub, &ticket, t0, &sold), SOUK_OK);
		bad = sold;
		if (lie == 0)
			bad.value.bytes[0] ^= 1;
		else if (lie == 1)
			bad.unit--;
		else
			bad.value = souk_chain_value(&m.hub->sessions[0].payer.chain, 1);
		assert_int_equal(souk_customer_bought(&m.customer, &bad), SOUK_PEER_BAD_TICKET);
		assert_int_equal(m.customer.state, SOUK_CUSTOMER_ENDED);
		assert_int_equal(souk_customer_bought(&m.customer, &sold), SOUK_LOCAL_STATE);
		assert_int_equal(souk_customer_buy(&m.customer, &ticket, t0), SOUK_LOCAL_STATE);
		assert_int_equal(
			souk_customer_next(&m.customer, &request, 0, t0), SOUK_LOCAL_STATE);
		assert_int_equal(souk_customer_spent(&m.customer).ncoin, STEP * COST);
		market_close(&m);
	}
}

/* A strip that does not pay for the grant is not forwarded. */
static void a_wrong_strip_is_refused(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_open open;
	struct souk_strip_open *good = calloc(1, sizeof *good), *bad = calloc(1, sizeof *bad);
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	ask(&m, &m.alice, UNITS, &open);
	assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, good), SOUK_OK);
	for (int i = 0; i < 8; i++) {
		struct souk_strip *strip = &bad->strip;
		*bad = *good;
		if (i == 0)
			strip->count--;
		if (i == 1)
			strip->price.ncoin--;
		if (i == 2)
			strip->payee = m.bob.address;
		if (i == 3)
			strip->key_anchor.bytes[0] ^= 1;
		if (i == 4)
			strip->nonce.bytes[0] ^= 1;
		if (i == 5)
			strip->expires.ms--;
		if (i == 6)
			strip->escrow.bytes[0] ^= 1;
		if (i == 7)
			strip->epoch++;
		assert_int_equal(souk_customer_hub_strip(&m.customer, bad), SOUK_PEER_STRIP_TERMS);
	}
	assert_int_equal(souk_customer_hub_strip(&m.customer, good), SOUK_OK);
	assert_int_equal(souk_customer_hub_strip(&m.customer, good), SOUK_LOCAL_STATE);
	free(good);
	free(bad);
	market_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_runs_to_its_end),
		cmocka_unit_test(a_silent_hub_gets_one_step),
		cmocka_unit_test(a_lying_hub_is_noticed),
		cmocka_unit_test(a_wrong_strip_is_refused),
	};
	return cmocka_run_group_tests_name("hub_customer", tests, NULL, NULL);
}
