/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.h - one provider, one payer and one customer, for truth tables. Needs cmocka.h
 * before it. */
#ifndef SOUK_EXCHANGE_TEST_SESSION_H
#define SOUK_EXCHANGE_TEST_SESSION_H

#include <stdlib.h>
#include <string.h>

#include "market_kit.h"
#include "souk/exchange/header.h"
#include "souk/payment/claim.h"

#define PRICE	   100
#define CHUNK_SIZE 16384
#define CHUNKS	   40
#define WINDOW	   4
#define UNITS	   20

static const struct souk_time t0 = {1000};
static const struct souk_time epoch_end = {500000};

struct market {
	struct kit_provider kit;
	struct kit_payer payer;
	struct souk_customer customer;
	struct souk_provider_item item;
};

static inline struct market *market_new(void)
{
	struct market *m = calloc(1, sizeof *m);
	assert_non_null(m);
	m->kit.window = WINDOW;
	kit_identity(&m->kit.identity, 1);
	kit_payer_init(&m->payer, 2, &m->kit.identity.address, 1, 100000);
	kit_payer_epoch(&m->payer, 7);
	kit_provider_start(&m->kit, 3, 7, epoch_end, t0);
	memset(&m->item.content, 0xcc, sizeof m->item.content);
	m->item.size = CHUNKS * CHUNK_SIZE - 100;
	m->item.chunk_size = CHUNK_SIZE;
	m->item.price = souk_amount_of_ncoin(PRICE);
	return m;
}

static inline void customer_new(struct market *m, uint8_t seed, uint32_t units)
{
	struct souk_offer offer = kit_offer(&m->kit.identity, &m->item.content, m->item.size,
		m->item.chunk_size, PRICE, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = m->payer.escrow_id, .epoch = 7, .units = units};
	memset(config.seed, seed, sizeof config.seed);
	assert_int_equal(souk_customer_init(&m->customer, &config), SOUK_OK);
}

static inline struct market *market_open(uint32_t units)
{
	struct market *m = market_new();
	customer_new(m, 9, units);
	assert_int_equal(kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0), SOUK_OK);
	return m;
}

static inline souk_status ask_unit(struct market *m, const struct souk_unit_request *request,
	struct souk_provider_reply *reply)
{
	return souk_provider_unit(&m->kit.provider, reply, request, t0);
}

/* A request as the customer's key holder could write it: whatever the tables want. */
static inline struct souk_unit_request forge(
	struct market *m, uint32_t unit, uint64_t chunk, uint32_t ticket_unit)
{
	struct souk_unit_request request = {
		.session = m->customer.grant.session, .unit = unit, .chunk = chunk};
	if (ticket_unit > 0) {
		request.has_ticket = true;
		request.ticket.unit = ticket_unit;
		request.ticket.value = souk_chain_value(&m->customer.payer.chain, ticket_unit);
	}
	request.auth = souk_unit_request_auth(&m->customer.session_secret, &request);
	return request;
}

static inline souk_status serve(
	struct market *m, uint32_t unit, uint64_t chunk, uint32_t ticket_unit)
{
	struct souk_provider_reply reply;
	struct souk_unit_request request = forge(m, unit, chunk, ticket_unit);
	return ask_unit(m, &request, &reply);
}

/* One unit through both machines, in order. */
static inline void buy(struct market *m, uint64_t chunk)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_unit_cipher cipher;
	assert_int_equal(souk_customer_next(&m->customer, &request, chunk, t0), SOUK_OK);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	assert_int_equal(souk_customer_received(&m->customer, request.unit), SOUK_OK);
	if (reply.has_key)
		assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_OK);
	for (uint32_t j = m->customer.verified + 1; j <= m->customer.keyed; j++) {
		assert_int_equal(souk_customer_cipher(&m->customer, &cipher, j), SOUK_OK);
		assert_int_equal(souk_customer_verified(&m->customer, j), SOUK_OK);
	}
	/* The unit just received has the cipher that it was encrypted under, once it is paid. */
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_OK);
	struct souk_provider_reply keys;
	assert_int_equal(ask_unit(m, &request, &keys), SOUK_OK);
	assert_int_equal(keys.length, 0);
	assert_int_equal(souk_customer_key(&m->customer, &keys.key), SOUK_OK);
	assert_int_equal(
		souk_customer_cipher(&m->customer, &cipher, m->customer.requested), SOUK_OK);
	assert_memory_equal(&cipher, &reply.cipher, sizeof cipher);
	assert_int_equal(souk_customer_verified(&m->customer, m->customer.requested), SOUK_OK);
}

#endif
