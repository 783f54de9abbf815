/* SPDX-License-Identifier: Apache-2.0
 *
 * What a customer takes of a provider's grant; and what it loses to one that withholds keys, gives
 * wrong ones, or lies about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_session.h"
#include "souk/base/check.h"
#include "souk/crypto/merkle.h"

static void the_customer_stops_at_a_wrong_key(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	assert_int_equal(souk_customer_next(&m->customer, &request, 0, t0), SOUK_OK);
	assert_false(request.has_ticket);
	assert_int_equal(souk_customer_received(&m->customer, 1), SOUK_OK);
	assert_int_equal(souk_customer_received(&m->customer, 1), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_received(&m->customer, 2), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_next(&m->customer, &request, 1, t0), SOUK_OK);
	assert_true(request.has_ticket);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	reply.key.masked.bytes[31] ^= 1;
	assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_PEER_BAD_KEY);
	assert_int_equal(souk_customer_next(&m->customer, &request, 2, t0), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_spent(&m->customer).ncoin, PRICE);
	free(m);
}

/* ------------------------------------------------------------------ shorter grants */

/* Who does not know how long a content is asks for many units, and is granted what there is; never
 * more than that, nor more than asked for. */
static void a_grant_may_be_shorter(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_grant_open grant;
	const struct {
		uint32_t most, asked, granted;
	} table[] = {{0, 20, 20}, {20, 20, 20}, {7, 20, 7}, {1, 20, 1}, {21, 20, 20}};
	for (uint32_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		customer_new(m, (uint8_t)(20 + i), table[i].asked);
		m->item.units_max = table[i].most;
		assert_int_equal(souk_provider_ask(&m->kit.provider, &grant,
					 souk_customer_ask(&m->customer), &m->item, t0),
			SOUK_OK);
		assert_int_equal(grant.grant.grant.units, table[i].granted);
		struct souk_grant_open longer = grant;
		longer.grant.grant.units = table[i].asked + 1;
		souk_grant_sign(&longer.grant, &m->kit.identity);
		assert_int_equal(
			souk_customer_grant(&m->customer, &longer, t0), SOUK_PEER_BAD_GRANT);
		assert_int_equal(souk_customer_grant(&m->customer, &grant, t0), SOUK_OK);
	}
	free(m);
}

/* ------------------------------------------------------------------ false key checkpoints */

#define LONG_UNITS 300

/* Leaves of a tree over keys that are none of the chain's, and the grant signed for them. */
static void lie_about_keys(struct market *m, struct souk_grant_open *open)
{
	struct souk_hash nodes[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_provider_session *s = &m->kit.sessions[0];
	assert_int_equal(open->key_leaves.count, LONG_UNITS / SOUK_CHAIN_SEGMENT);
	open->key_leaves.items[0].bytes[7] ^= 1;
	memcpy(nodes, open->key_leaves.items, sizeof nodes);
	open->grant.grant.key_checkpoints = souk_merkle_root(nodes, open->key_leaves.count);
	souk_grant_sign(&open->grant, &m->kit.identity);
	assert_int_equal(s->state, SOUK_PROVIDER_GRANTED);
	s->record.grant = open->grant.grant;
}

static void open_with(struct market *m, const struct souk_grant_open *grant)
{
	struct souk_strip_open *open = calloc(1, sizeof *open);
	assert_non_null(open);
	assert_int_equal(souk_customer_grant(&m->customer, grant, t0), SOUK_OK);
	assert_int_equal(souk_customer_strip(&m->customer, &m->payer.free[0], open), SOUK_OK);
	kit_payer_complete(&m->payer, 0, open);
	assert_int_equal(souk_provider_strip(&m->kit.provider, &grant->grant.grant.session, open,
				 &m->payer.allotment, &m->payer.escrow, t0),
		SOUK_OK);
	assert_int_equal(souk_customer_opened(&m->customer), SOUK_OK);
	free(open);
}

static souk_status ask_long(struct market *m, struct souk_grant_open *grant)
{
	customer_new(m, 9, LONG_UNITS);
	return souk_provider_ask(
		&m->kit.provider, grant, souk_customer_ask(&m->customer), &m->item, t0);
}

/* The tree's root alone proves nothing: the leaves are part of the grant's answer. */
static void a_grant_must_show_its_key_leaves(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_grant_open grant, bad;
	assert_int_equal(ask_long(m, &grant), SOUK_OK);
	bad = grant;
	bad.key_leaves.count = 0;
	assert_int_equal(souk_customer_grant(&m->customer, &bad, t0), SOUK_PEER_BAD_CHECKPOINT);
	bad = grant;
	bad.key_leaves.count++;
	assert_int_equal(souk_customer_grant(&m->customer, &bad, t0), SOUK_PEER_BAD_CHECKPOINT);
	bad = grant;
	bad.key_leaves.items[0].bytes[31] ^= 1;
	assert_int_equal(souk_customer_grant(&m->customer, &bad, t0), SOUK_PEER_BAD_CHECKPOINT);
	assert_int_equal(souk_customer_grant(&m->customer, &grant, t0), SOUK_OK);
	free(m);
}

/* A false tree is found out at the first crossing: a window of units is lost at most, and what was
 * paid before has its keys with the customer. */
static void false_key_checkpoints_end_at_the_first(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_grant_open grant;
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	assert_int_equal(ask_long(m, &grant), SOUK_OK);
	lie_about_keys(m, &grant);
	open_with(m, &grant);
	for (uint32_t i = 0; i < SOUK_CHAIN_SEGMENT - 1; i++)
		buy(m, i % CHUNKS);
	assert_int_equal(souk_customer_next(&m->customer, &request, 0, t0), SOUK_OK);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	assert_int_equal(souk_customer_received(&m->customer, request.unit), SOUK_OK);
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_OK);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	assert_int_equal(reply.key.unit, SOUK_CHAIN_SEGMENT);
	assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_PEER_BAD_CHECKPOINT);
	assert_int_equal(m->customer.state, SOUK_CUSTOMER_ENDED);
	assert_int_equal(souk_customer_next(&m->customer, &request, 1, t0), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_LOCAL_STATE);
	assert_in_range(m->customer.payer.unit - m->customer.verified, 1, WINDOW);
	free(m);
}

/* The same, where the key that arrives is already past the multiple. */
static void a_checkpoint_is_checked_on_the_way(void **state)
{
	(void)state;
	for (int lies = 0; lies < 2; lies++) {
		struct market *m = market_new();
		struct souk_grant_open grant;
		struct souk_unit_request request;
		struct souk_provider_reply reply;
		assert_int_equal(ask_long(m, &grant), SOUK_OK);
		if (lies)
			lie_about_keys(m, &grant);
		open_with(m, &grant);
		for (uint32_t i = 0; i < SOUK_CHAIN_SEGMENT - 1; i++)
			buy(m, i % CHUNKS);
		for (uint32_t i = 0; i < WINDOW; i++) {
			assert_int_equal(
				souk_customer_next(&m->customer, &request, i, t0), SOUK_OK);
			assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
			assert_int_equal(
				souk_customer_received(&m->customer, request.unit), SOUK_OK);
		}
		assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_OK);
		assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
		assert_int_equal(reply.key.unit, SOUK_CHAIN_SEGMENT - 1 + WINDOW);
		assert_int_equal(souk_customer_key(&m->customer, &reply.key),
			lies ? SOUK_PEER_BAD_CHECKPOINT : SOUK_OK);
		free(m);
	}
}

/* A provider that gives no keys is paid a window and no more. */
static void the_customer_risks_one_window(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_unit_request request;
	souk_status status;
	while ((status = souk_customer_next(&m->customer, &request, 0, t0)) == SOUK_OK)
		assert_int_equal(souk_customer_received(&m->customer, request.unit), SOUK_OK);
	assert_int_equal(status, SOUK_LOCAL_STATE);
	assert_int_equal(m->customer.payer.unit, WINDOW);
	assert_int_equal(m->customer.requested, 2 * WINDOW);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_may_be_shorter),
		cmocka_unit_test(the_customer_stops_at_a_wrong_key),
		cmocka_unit_test(a_grant_must_show_its_key_leaves),
		cmocka_unit_test(false_key_checkpoints_end_at_the_first),
		cmocka_unit_test(a_checkpoint_is_checked_on_the_way),
		cmocka_unit_test(the_customer_risks_one_window),
	};
	return cmocka_run_group_tests_name("customer", tests, NULL, NULL);
}
