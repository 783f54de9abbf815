/* SPDX-License-Identifier: Apache-2.0
 *
 * Truth tables of a hub: what it accepts, refuses and leaves unchanged; what a crash loses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_hub.h"

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
	give_credit(&m, &m.bob, 1);
	assert_int_equal(kit_hub_redeem(m.hub, &m.bob, &voucher, t0, &s), SOUK_PEER_HUB_VOUCHER);
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

/* What could not be written is to be written still. */
static void an_effect_comes_again(void **state)
{
	(void)state;
	struct market m;
	struct souk_hub_effect effect;
	uint32_t count = 0, failed = 0;
	market_open(&m);
	give_credit(&m, &m.alice, UNITS * COST);
	open_session(&m, UNITS);
	assert_false(souk_hub_next_effect(&m.hub->hub, &effect));
	assert_int_equal(pay_hub(&m, 2), SOUK_OK);
	while (souk_hub_next_effect(&m.hub->hub, &effect)) {
		if (failed++ < 3)
			souk_hub_repeat_effect(&m.hub->hub, &effect);
		else
			count++;
	}
	assert_int_equal(count, 2);
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
		cmocka_unit_test(an_effect_comes_again),
		cmocka_unit_test(records_are_checked),
	};
	return cmocka_run_group_tests_name("hub", tests, NULL, NULL);
}
