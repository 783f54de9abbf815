/* SPDX-License-Identifier: Apache-2.0
 *
 * test_hub.h - one hub, one provider and one customer, for truth tables. Needs cmocka.h before it.
 */
#ifndef SOUK_EXCHANGE_TEST_HUB_H
#define SOUK_EXCHANGE_TEST_HUB_H

#include <stdlib.h>
#include <string.h>

#include "hub_kit.h"
#include "souk/base/check.h"
#include "souk/payment/claim.h"

#define PRICE	   100
#define COST	   105 /* 100 and 5 % */
#define FEE	   50
#define STEP	   4
#define WINDOW	   4
#define UNITS	   20
#define CHUNKS	   40
#define CHUNK_SIZE 16384

static const struct souk_time t0 = {1000000};
static const struct souk_time epoch_end = {90000000};

struct market {
	struct kit_hub *hub;
	struct kit_provider provider;
	struct souk_identity alice, bob;
	struct souk_customer customer;
	struct souk_provider_item item;
	uint8_t seed;
};

static inline void market_open(struct market *m)
{
	memset(m, 0, sizeof *m);
	kit_identity(&m->provider.identity, 1);
	kit_identity(&m->alice, 10);
	kit_identity(&m->bob, 11);
	m->provider.window = WINDOW;
	m->hub = malloc(sizeof *m->hub);
	assert_non_null(m->hub);
	kit_hub_init(m->hub, 2, &m->provider.identity.address, 1, 10000000, FEE, STEP);
	kit_payer_epoch(&m->hub->payer, 7);
	kit_hub_start(m->hub, 5, 7, epoch_end, t0);
	kit_provider_start(&m->provider, 3, 7, epoch_end, t0);
	memset(&m->item.content, 0xcc, sizeof m->item.content);
	m->item.size = CHUNKS * CHUNK_SIZE - 100;
	m->item.chunk_size = CHUNK_SIZE;
	m->item.price = souk_amount_of_ncoin(PRICE);
}

static inline void market_close(struct market *m)
{
	free(m->hub);
}

static inline void give_credit(
	struct market *m, const struct souk_identity *account, uint64_t ncoin)
{
	struct souk_signed_hub_statement statement;
	struct souk_nonce voucher = kit_hub_voucher(m->hub, ncoin);
	assert_int_equal(kit_hub_redeem(m->hub, account, &voucher, t0, &statement), SOUK_OK);
}

static inline void new_customer(struct market *m, uint32_t units)
{
	struct souk_offer offer = kit_offer(&m->provider.identity, &m->item.content, m->item.size,
		CHUNK_SIZE, PRICE, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = m->hub->payer.escrow_id, .epoch = 7, .units = units};
	memset(config.seed, ++m->seed, sizeof config.seed);
	assert_int_equal(souk_customer_init(&m->customer, &config), SOUK_OK);
}

/* A grant, and what ACCOUNT would send to the hub for it. */
static inline void ask(struct market *m, const struct souk_identity *account, uint32_t units,
	struct souk_hub_open *ret)
{
	struct souk_grant_open grant;
	struct souk_hub_terms terms = kit_hub_terms(m->hub, account);
	new_customer(m, units);
	assert_int_equal(souk_provider_ask(&m->provider.provider, &grant,
				 souk_customer_ask(&m->customer), &m->item, t0),
		SOUK_OK);
	assert_int_equal(souk_customer_grant(&m->customer, &grant, t0), SOUK_OK);
	assert_int_equal(souk_customer_hub_open(&m->customer, &terms, ret), SOUK_OK);
}

static inline void sign_open(struct souk_hub_open *open, const struct souk_identity *account)
{
	struct souk_hash digest = souk_hub_strip_digest(&open->strip);
	souk_ecdsa_sign(&open->signature, &digest, account);
}

static inline void open_session(struct market *m, uint32_t units)
{
	new_customer(m, units);
	assert_int_equal(
		kit_hub_handshake(&m->customer, m->hub, &m->alice, 0, &m->provider, &m->item, t0),
		SOUK_OK);
}

static const struct souk_hub_account *account_of(
	struct market *m, const struct souk_identity *identity)
{
	for (uint32_t i = 0; i < m->hub->hub.account_count; i++) {
		if (souk_address_equal(&m->hub->accounts[i].address, &identity->address))
			return &m->hub->accounts[i];
	}
	fail();
	return NULL;
}

static inline struct souk_hub_ticket ticket_to_hub(struct market *m, uint32_t unit)
{
	return (struct souk_hub_ticket){.session = m->customer.grant.session,
		.unit = unit,
		.value = souk_chain_value(&m->customer.hub_chain, unit)};
}

static inline souk_status pay_hub(struct market *m, uint32_t unit)
{
	struct souk_ticket sold;
	struct souk_hub_ticket ticket = ticket_to_hub(m, unit);
	return souk_hub_ticket(&m->hub->hub, &ticket, t0, &sold);
}

#endif
