/* SPDX-License-Identifier: Apache-2.0
 *
 * Truth tables of a hub, and of a customer that buys through one: what each accepts, refuses and
 * leaves unchanged; and what a cheat on either side gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static void market_open(struct market *m)
{
	memset(m, 0, sizeof *m);
	kit_identity(&m->provider.identity, 1);
	kit_identity(&m->alice, 10);
	kit_identity(&m->bob, 11);
	m->provider.window = WINDOW;
	m->hub = kit_hub_new(2, &m->provider.identity.address, 1, 10000000, FEE, STEP);
	kit_payer_epoch(&m->hub->payer, 7);
	kit_hub_start(m->hub, 5, 7, epoch_end, t0);
	kit_provider_start(&m->provider, 3, 7, epoch_end, t0);
	memset(&m->item.content, 0xcc, sizeof m->item.content);
	m->item.size = CHUNKS * CHUNK_SIZE - 100;
	m->item.chunk_size = CHUNK_SIZE;
	m->item.price = souk_amount_of_ncoin(PRICE);
}

static void market_close(struct market *m)
{
	kit_hub_free(m->hub);
}

static void give_credit(struct market *m, const struct souk_identity *account, uint64_t ncoin)
{
	struct souk_signed_hub_statement statement;
	struct souk_nonce voucher = kit_hub_voucher(m->hub, ncoin);
	assert_int_equal(kit_hub_redeem(m->hub, account, &voucher, t0, &statement), SOUK_OK);
}

static void new_customer(struct market *m, uint32_t units)
{
	struct souk_offer offer = kit_offer(&m->provider.identity, &m->item.content, m->item.size,
		CHUNK_SIZE, PRICE, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = m->hub->payer.escrow_id, .epoch = 7, .units = units};
	memset(config.seed, ++m->seed, sizeof config.seed);
	assert_int_equal(souk_customer_init(&m->customer, &config), SOUK_OK);
}

/* A grant, and what ACCOUNT would send to the hub for it. */
static void ask(struct market *m, const struct souk_identity *account, uint32_t units,
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

static void sign_open(struct souk_hub_open *open, const struct souk_identity *account)
{
	struct souk_hash digest = souk_hub_strip_digest(&open->strip);
	souk_ecdsa_sign(&open->signature, &digest, account);
}

static void open_session(struct market *m, uint32_t units)
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

static struct souk_hub_ticket ticket_to_hub(struct market *m, uint32_t unit)
{
	return (struct souk_hub_ticket){.session = m->customer.grant.session,
		.unit = unit,
		.value = souk_chain_value(&m->customer.hub_chain, unit)};
}

static souk_status pay_hub(struct market *m, uint32_t unit)
{
	struct souk_ticket sold;
	struct souk_hub_ticket ticket = ticket_to_hub(m, unit);
	return souk_hub_ticket(&m->hub->hub, &ticket, t0, &sold);
}

/* ------------------------------------------------------------------ vouchers and statements */

static void a_voucher_is_credit_once(void **state)
{
	(void)state;
	struct market m;
	struct souk_signed_hub_statement s;
	market_open(&m);
	struct souk_nonce voucher = kit_hub_voucher(m.hub, 5000), unknown = voucher;
	unknown.bytes[3] ^= 1;
	assert_int_equal(kit_hub_redeem(m.hub, &m.alice, &unknown, t0, &s), SOUK_PEER_HUB_VOUCHER);
	assert_int_equal(kit_hub_redeem(m.hub, &m.alice, &voucher, t0, &s), SOUK_OK);
	assert_int_equal(s.statement.credit.ncoin, 5000);
	assert_int_equal(s.statement.spent.ncoin, 0);
	/* Another account has nothing of it; the same has it again, said and not done. */
	assert_int_equal(kit_hub_redeem(m.hub, &m.bob, &voucher, t0, &s), SOUK_PEER_HUB_VOUCHER);
	for (int restart = 0; restart < 2; restart++) {
		assert_int_equal(kit_hub_redeem(m.hub, &m.alice, &voucher, t0, &s), SOUK_OK);
		assert_int_equal(s.statement.credit.ncoin, 5000);
		kit_hub_start(m.hub, 6, 7, epoch_end, t0);
	}
	assert_int_equal(m.hub->hub.account_count, 1);
	give_credit(&m, &m.alice, 70);
	assert_int_equal(account_of(&m, &m.alice)->record.credit.ncoin, 5070);
	voucher = kit_hub_voucher(m.hub, UINT64_MAX);
	assert_int_equal(kit_hub_redeem(m.hub, &m.alice, &voucher, t0, &s), SOUK_LOCAL_OVERFLOW);
	assert_false(m.hub->vouchers[m.hub->voucher_count - 1].record.redeemed);
	market_close(&m);
}

static void redemptions_are_checked(void **state)
{
	(void)state;
	struct market m;
	struct souk_signed_hub_statement s;
	market_open(&m);
	struct souk_nonce voucher = kit_hub_voucher(m.hub, 5000);
	struct souk_hub_voucher_record *record = &m.hub->vouchers[0].record;
	struct souk_signed_hub_redeem good = {
		.redeem = {1, m.hub->payer.issuer.address, m.alice.address, voucher}};
	souk_hub_redeem_sign(&good, &m.alice);
	struct souk_signed_hub_redeem bad = good;
	bad.redeem.account = m.bob.address;
	assert_int_equal(
		souk_hub_redeem(&m.hub->hub, &bad, record, t0, &s), SOUK_PEER_WRONG_SIGNER);
	bad = good;
	bad.redeem.hub = m.bob.address;
	souk_hub_redeem_sign(&bad, &m.alice);
	assert_int_equal(souk_hub_redeem(&m.hub->hub, &bad, record, t0, &s), SOUK_PEER_BAD_REQUEST);
	bad = good;
	bad.redeem.version = 2;
	assert_int_equal(souk_hub_redeem(&m.hub->hub, &bad, record, t0, &s), SOUK_PEER_BAD_VERSION);
	assert_false(record->redeemed);
	assert_int_equal(m.hub->hub.account_count, 0);
	/* The table has an end. */
	for (uint32_t i = 0; i < KIT_HUB_ACCOUNTS; i++) {
		struct souk_identity other;
		kit_identity(&other, 100 + i);
		give_credit(&m, &other, 1);
	}
	assert_int_equal(souk_hub_redeem(&m.hub->hub, &good, record, t0, &s), SOUK_LOCAL_FULL);
	assert_false(record->redeemed);
	market_close(&m);
}

static void a_statement_is_evidence(void **state)
{
	(void)state;
	struct market m;
	struct souk_signed_hub_statement s;
	market_open(&m);
	struct souk_signed_hub_question q = {
		.question = {1, m.hub->payer.issuer.address, m.alice.address, t0}};
	souk_hub_question_sign(&q, &m.alice);
	const struct souk_address *hub = &m.hub->payer.issuer.address;
	assert_int_equal(souk_hub_question(&m.hub->hub, &q, t0, &s), SOUK_PEER_NO_ACCOUNT);
	give_credit(&m, &m.alice, 5000);
	assert_int_equal(souk_hub_question(&m.hub->hub, &q, t0, &s), SOUK_OK);
	assert_int_equal(souk_hub_statement_verify(&s, hub, &m.alice.address), SOUK_OK);
	assert_int_equal(souk_hub_statement_verify(&s, hub, &m.bob.address), SOUK_PEER_BAD_REQUEST);
	s.statement.spent.ncoin++;
	assert_int_equal(
		souk_hub_statement_verify(&s, hub, &m.alice.address), SOUK_PEER_WRONG_SIGNER);
	struct souk_time late = souk_time_plus_ms(t0, SOUK_HUB_QUESTION_MS + 1);
	assert_int_equal(souk_hub_question(&m.hub->hub, &q, late, &s), SOUK_PEER_BAD_REQUEST);
	souk_hub_question_sign(&q, &m.bob);
	assert_int_equal(souk_hub_question(&m.hub->hub, &q, t0, &s), SOUK_PEER_WRONG_SIGNER);
	market_close(&m);
}

static void the_fee_is_rounded_up(void **state)
{
	(void)state;
	static const struct {
		uint64_t price;
		uint16_t permille;
		uint64_t cost;
	} table[] = {{100, 50, 105}, {100, 0, 100}, {1, 1, 2}, {1000, 1, 1001}, {1001, 1, 1003},
		{7, 1000, 14}, {3, 65535, 200}};
	struct souk_amount cost;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		assert_int_equal(souk_hub_price(&cost, souk_amount_of_ncoin(table[i].price),
					 table[i].permille),
			SOUK_OK);
		assert_int_equal(cost.ncoin, table[i].cost);
	}
	assert_int_equal(
		souk_hub_price(&cost, souk_amount_of_ncoin(UINT64_MAX), 1), SOUK_LOCAL_OVERFLOW);
}

/* ------------------------------------------------------------------ sessions */

enum spoil {
	NOTHING,
	VERSION,
	HUB,
	ESCROW,
	PRICE_LOW,
	COUNT,
	NONCE,
	GRANT_PRICE,
	GRANT_SIGNER,
	EXPIRES,
	EPOCH,
	SIGNER,
	SPOILS,
};

static void spoil(struct market *m, struct souk_hub_open *open, enum spoil what)
{
	struct souk_grant *grant = &open->grant.grant;
	switch (what) {
	case VERSION: open->strip.version = 2; break;
	case HUB: open->strip.hub = m->bob.address; break;
	case ESCROW: open->ask.escrow.bytes[0] ^= 1; break;
	case PRICE_LOW: open->strip.price.ncoin--; break;
	case COUNT: open->strip.count--; break;
	case NONCE: open->strip.nonce.bytes[0] ^= 1; break;
	case GRANT_PRICE: grant->price.ncoin = 1; break;
	case GRANT_SIGNER: open->grant.signature.bytes[5] ^= 1; break;
	case EXPIRES: open->strip.expires.ms++; break;
	case EPOCH:
		open->ask.epoch = 8;
		grant->ask = souk_ask_digest(&open->ask);
		souk_grant_sign(&open->grant, &m->provider.identity);
		open->strip.grant = souk_grant_digest(grant);
		break;
	default: break;
	}
	sign_open(open, what == SIGNER ? &m->bob : &m->alice);
}

static void opens_are_checked(void **state)
{
	(void)state;
	static const souk_status expected[SPOILS] = {
		[NOTHING] = SOUK_OK,
		[VERSION] = SOUK_PEER_BAD_VERSION,
		[HUB] = SOUK_PEER_BAD_REQUEST,
		[ESCROW] = SOUK_PEER_BAD_REQUEST,
		[PRICE_LOW] = SOUK_PEER_HUB_PRICE,
		[COUNT] = SOUK_PEER_BAD_GRANT,
		[NONCE] = SOUK_PEER_BAD_GRANT,
		[GRANT_PRICE] = SOUK_PEER_BAD_GRANT,
		[GRANT_SIGNER] = SOUK_PEER_WRONG_SIGNER,
		[EXPIRES] = SOUK_PEER_BAD_GRANT,
		[EPOCH] = SOUK_PEER_WRONG_EPOCH,
		[SIGNER] = SOUK_PEER_WRONG_SIGNER,
	};
	struct souk_strip_open *strip = calloc(1, sizeof *strip);
	for (enum spoil what = SPOILS; what-- > 0;) {
		struct market m;
		struct souk_hub_open open;
		market_open(&m);
		give_credit(&m, &m.alice, UNITS * COST);
		ask(&m, &m.alice, UNITS, &open);
		spoil(&m, &open, what);
		souk_status status = kit_hub_open(m.hub, 0, &open, t0, strip);
		/* A spoilt signature may still be one, of somebody. */
		if (what == GRANT_SIGNER && status == SOUK_PEER_BAD_SIGNATURE)
			status = SOUK_PEER_WRONG_SIGNER;
		assert_int_equal(status, expected[what]);
		assert_int_equal(
			account_of(&m, &m.alice)->held.ncoin, what == NOTHING ? UNITS * COST : 0);
		assert_int_equal(
			m.hub->payer.free[0].used.ncoin, what == NOTHING ? UNITS * PRICE : 0);
		market_close(&m);
	}
	free(strip);
}

static void time_and_room_are_checked(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_open open;
	struct souk_strip_open *strip = calloc(1, sizeof *strip);
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	ask(&m, &m.alice, UNITS, &open);
	assert_int_equal(kit_hub_open(m.hub, 0, &open, epoch_end, strip), SOUK_PEER_EPOCH_CLOSED);
	assert_int_equal(
		kit_hub_open(m.hub, 0, &open, open.strip.expires, strip), SOUK_PEER_STRIP_EXPIRED);
	m.hub->payer.free[0].used.ncoin = m.hub->payer.free[0].amount.ncoin - UNITS * PRICE + 1;
	assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, strip), SOUK_PEER_STRIP_RANGE);
	m.hub->payer.free[0].used.ncoin--;
	m.hub->hub.epoch_known = false;
	assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, strip), SOUK_LOCAL_STATE);
	m.hub->hub.epoch_known = true;
	assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, strip), SOUK_OK);
	free(strip);
	market_close(&m);
}

static void two_sessions_cannot_hold_the_same_credit(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_open first, second;
	struct souk_signed_hub_statement s;
	struct souk_signed_hub_close close;
	struct souk_strip_open *strip = calloc(1, sizeof *strip);
	market_open(&m);
	give_credit(&m, &m.alice, 2 * UNITS * COST - 1);
	ask(&m, &m.alice, UNITS, &first);
	assert_int_equal(kit_hub_open(m.hub, 0, &first, t0, strip), SOUK_OK);
	assert_true(souk_customer_hub_close(&m.customer, &m.alice, &close));
	ask(&m, &m.alice, UNITS, &second);
	assert_int_equal(kit_hub_open(m.hub, 0, &second, t0, strip), SOUK_PEER_HUB_CREDIT);
	/* Nor can an account without any. */
	struct souk_hub_open stranger;
	ask(&m, &m.bob, 1, &stranger);
	assert_int_equal(kit_hub_open(m.hub, 0, &stranger, t0, strip), SOUK_PEER_HUB_CREDIT);
	/* Not even after a crash. */
	kit_hub_start(m.hub, 9, 7, epoch_end, t0);
	assert_int_equal(kit_hub_open(m.hub, 0, &second, t0, strip), SOUK_PEER_HUB_CREDIT);
	/* What a session did not spend is free once it is closed, by its account. */
	struct souk_signed_hub_close forged = close;
	souk_hub_close_sign(&forged, &m.bob);
	assert_int_equal(souk_hub_close(&m.hub->hub, &forged, t0, &s), SOUK_PEER_WRONG_SIGNER);
	for (int i = 0; i < 2; i++)
		assert_int_equal(souk_hub_close(&m.hub->hub, &close, t0, &s), SOUK_OK);
	assert_int_equal(s.statement.held.ncoin, 0);
	assert_int_equal(kit_hub_open(m.hub, 0, &second, t0, strip), SOUK_OK);
	free(strip);
	market_close(&m);
}

/* A lost answer is given again, also after a crash and once the session is history; another strip
 * for the same grant is refused as long. */
static void a_grant_has_one_strip(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_open open, other;
	struct souk_signed_hub_statement s;
	struct souk_signed_hub_close close;
	struct souk_strip_open *first = calloc(1, sizeof *first);
	struct souk_strip_open *again = calloc(1, sizeof *again);
	market_open(&m);
	give_credit(&m, &m.alice, 3 * UNITS * COST);
	ask(&m, &m.alice, UNITS, &open);
	other = open;
	other.strip.anchor.bytes[0] ^= 1;
	sign_open(&other, &m.alice);
	assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, first), SOUK_OK);
	assert_true(souk_customer_hub_close(&m.customer, &m.alice, &close));
	for (int round = 0; round < 3; round++) {
		assert_int_equal(kit_hub_open(m.hub, 0, &open, t0, again), SOUK_OK);
		assert_memory_equal(&first->strip, &again->strip, sizeof first->strip);
		assert_memory_equal(&first->signature, &again->signature, sizeof first->signature);
		assert_int_equal(kit_hub_open(m.hub, 0, &other, t0, again), SOUK_PEER_OUT_OF_ORDER);
		assert_int_equal(m.hub->payer.free[0].used.ncoin, UNITS * PRICE);
		if (round == 1)
			assert_int_equal(souk_hub_close(&m.hub->hub, &close, t0, &s), SOUK_OK);
		kit_hub_commit(m.hub);
		kit_hub_start(m.hub, 20 + (uint64_t)round, 7, epoch_end, t0);
	}
	free(first);
	free(again);
	market_close(&m);
}

static void tickets_are_checked(void **state)
{
	(void)state;
	struct market m;
	struct souk_ticket sold, again;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	open_session(&m, UNITS);
	struct souk_hub *hub = &m.hub->hub;
	struct souk_hub_ticket ticket = ticket_to_hub(&m, 3);
	struct souk_hub_ticket bad = ticket;
	bad.value.bytes[0] ^= 1;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &sold), SOUK_PEER_BAD_TICKET);
	bad = ticket;
	bad.unit = 2;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &sold), SOUK_PEER_BAD_TICKET);
	bad = ticket;
	bad.session.bytes[0] ^= 1;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &sold), SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(pay_hub(&m, STEP + 1), SOUK_PEER_HUB_STEP);
	bad.session = ticket.session;
	bad.unit = UNITS + 1;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &sold), SOUK_PEER_OVERDRAW);
	bad.unit = 0;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &sold), SOUK_PEER_STALE_TICKET);
	assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, 0);
	assert_int_equal(souk_hub_ticket(hub, &ticket, t0, &sold), SOUK_OK);
	assert_int_equal(sold.unit, 3);
	assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, 3 * COST);
	assert_int_equal(account_of(&m, &m.alice)->held.ncoin, (UNITS - 3) * COST);
	/* Again: the same, for nothing; and a lower one for its own y. */
	assert_int_equal(souk_hub_ticket(hub, &ticket, t0, &again), SOUK_OK);
	assert_memory_equal(&sold, &again, sizeof sold);
	assert_int_equal(pay_hub(&m, 1), SOUK_OK);
	bad = ticket_to_hub(&m, 1);
	bad.value.bytes[31] ^= 1;
	assert_int_equal(souk_hub_ticket(hub, &bad, t0, &again), SOUK_PEER_BAD_TICKET);
	assert_int_equal(pay_hub(&m, 3 + STEP), SOUK_OK);
	assert_int_equal(pay_hub(&m, 2), SOUK_PEER_STALE_TICKET);
	assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, (3 + STEP) * COST);
	market_close(&m);
}

static void a_session_ends(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct market m;
		struct souk_signed_hub_statement s;
		struct souk_signed_hub_close close;
		struct souk_ticket sold;
		struct souk_time later = t0;
		souk_status expected = SOUK_PEER_OUT_OF_ORDER;
		market_open(&m);
		give_credit(&m, &m.alice, UNITS * COST);
		open_session(&m, UNITS);
		assert_int_equal(pay_hub(&m, 3), SOUK_OK);
		struct souk_hub *hub = &m.hub->hub;
		if (how == 0) {
			assert_true(souk_customer_hub_close(&m.customer, &m.alice, &close));
			assert_int_equal(souk_hub_close(hub, &close, t0, &s), SOUK_OK);
		} else if (how == 1) {
			later = souk_time_plus_ms(t0, 60000);
			souk_hub_tick(hub, later);
		} else if (how == 2) {
			souk_hub_set_epoch(hub, 8, SOUK_TIME_NEVER, t0);
			expected = SOUK_PEER_EPOCH_CLOSED;
		} else {
			later = m.customer.grant.expires;
			souk_hub_tick(hub, later);
			expected = SOUK_PEER_STRIP_EXPIRED;
		}
		assert_int_equal(account_of(&m, &m.alice)->held.ncoin, 0);
		assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, 3 * COST);
		struct souk_hub_ticket ticket = ticket_to_hub(&m, 4);
		assert_int_equal(souk_hub_ticket(hub, &ticket, later, &sold), expected);
		/* What was bought is still given. */
		ticket = ticket_to_hub(&m, 3);
		assert_int_equal(souk_hub_ticket(hub, &ticket, later, &sold), SOUK_OK);
		kit_hub_commit(m.hub);
		assert_true(kit_hub_stored(m.hub, &m.customer.grant.session)->over);
		market_close(&m);
	}
}

/* What is laid and not spent is lost to the line until the epoch ends: nobody may waste more than
 * a multiple of its credit. */
static void the_line_is_not_wasted(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_open open;
	struct souk_signed_hub_close close;
	struct souk_signed_hub_statement s;
	struct souk_strip_open *strip = calloc(1, sizeof *strip);
	souk_status status = SOUK_OK;
	uint32_t opened = 0;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	for (; opened < 20; opened++) {
		ask(&m, &m.alice, UNITS, &open);
		status = kit_hub_open(m.hub, 0, &open, t0, strip);
		if (status != SOUK_OK)
			break;
		assert_true(souk_customer_hub_close(&m.customer, &m.alice, &close));
		assert_int_equal(souk_hub_close(&m.hub->hub, &close, t0, &s), SOUK_OK);
		kit_hub_commit(m.hub);
		souk_provider_tick(&m.provider.provider, souk_time_plus_ms(t0, 5000));
	}
	assert_int_equal(status, SOUK_LOCAL_FULL);
	assert_int_equal(opened, SOUK_HUB_IDLE_FACTOR);
	souk_hub_set_epoch(&m.hub->hub, 8, SOUK_TIME_NEVER, t0);
	assert_int_equal(account_of(&m, &m.alice)->idle.ncoin, 0);
	free(strip);
	market_close(&m);
}

/* H2: a ticket that was not stored was not answered; after the crash it buys the same again. */
static void a_crash_costs_nobody(void **state)
{
	(void)state;
	struct market m;
	struct souk_ticket sold, again;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	open_session(&m, UNITS);
	struct souk_hub_ticket ticket = ticket_to_hub(&m, 3);
	for (int stored = 0; stored < 2; stored++) {
		assert_int_equal(souk_hub_ticket(&m.hub->hub, &ticket, t0, &sold), SOUK_OK);
		if (stored)
			kit_hub_commit(m.hub);
		kit_hub_start(m.hub, 30, 7, epoch_end, t0);
		assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, stored * 3 * COST);
		assert_int_equal(account_of(&m, &m.alice)->held.ncoin, (UNITS - 3 * stored) * COST);
		assert_int_equal(souk_hub_ticket(&m.hub->hub, &ticket, t0, &again), SOUK_OK);
		assert_memory_equal(&sold, &again, sizeof sold);
		assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, 3 * COST);
		if (!stored)
			kit_hub_start(m.hub, 31, 7, epoch_end, t0);
	}
	market_close(&m);
}

static void records_are_checked(void **state)
{
	(void)state;
	struct market m;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	open_session(&m, UNITS);
	assert_int_equal(pay_hub(&m, 2), SOUK_OK);
	kit_hub_commit(m.hub);
	struct souk_hub_session_record good = m.hub->records[0];
	for (int i = 0; i < 6; i++) {
		struct souk_hub_session_record bad = good;
		if (i == 0)
			bad.unit = 3;
		if (i == 1)
			bad.value.bytes[0] ^= 1;
		if (i == 2)
			bad.secret.bytes[0] ^= 1;
		if (i == 3)
			bad.strip.account = m.bob.address;
		if (i == 4)
			bad.strip.price.ncoin *= 2;
		if (i == 5)
			bad.strip.count--;
		m.hub->record_count = 0;
		kit_hub_start(m.hub, 7, 7, epoch_end, t0);
		assert_int_equal(souk_hub_restore(&m.hub->hub, &bad, t0), SOUK_CORRUPT_STORE);
		assert_int_equal(account_of(&m, &m.alice)->held.ncoin, 0);
		assert_int_equal(souk_hub_restore(&m.hub->hub, &good, t0), SOUK_OK);
		assert_int_equal(souk_hub_restore(&m.hub->hub, &good, t0), SOUK_LOCAL_EXISTS);
	}
	market_close(&m);
}

/* ------------------------------------------------------------------ the customer */

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
		cmocka_unit_test(a_voucher_is_credit_once),
		cmocka_unit_test(redemptions_are_checked),
		cmocka_unit_test(a_statement_is_evidence),
		cmocka_unit_test(the_fee_is_rounded_up),
		cmocka_unit_test(opens_are_checked),
		cmocka_unit_test(time_and_room_are_checked),
		cmocka_unit_test(two_sessions_cannot_hold_the_same_credit),
		cmocka_unit_test(a_grant_has_one_strip),
		cmocka_unit_test(tickets_are_checked),
		cmocka_unit_test(a_session_ends),
		cmocka_unit_test(the_line_is_not_wasted),
		cmocka_unit_test(a_crash_costs_nobody),
		cmocka_unit_test(records_are_checked),
		cmocka_unit_test(a_session_runs_to_its_end),
		cmocka_unit_test(a_silent_hub_gets_one_step),
		cmocka_unit_test(a_lying_hub_is_noticed),
		cmocka_unit_test(a_wrong_strip_is_refused),
	};
	return cmocka_run_group_tests_name("hub", tests, NULL, NULL);
}
