/* SPDX-License-Identifier: Apache-2.0
 *
 * Truth tables of both sides of a session: what each accepts, refuses, and leaves unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_session.h"
#include "souk/base/check.h"

static void a_session_runs_to_its_end(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_unit_request request;
	for (uint32_t i = 0; i < UNITS; i++)
		buy(m, i * 2);
	assert_int_equal(souk_customer_next(&m->customer, &request, 1, t0), SOUK_PEER_OVERDRAW);
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_LOCAL_STATE);
	assert_int_equal(souk_customer_spent(&m->customer).ncoin, UNITS * PRICE);
	assert_int_equal(souk_customer_earned(&m->customer).ncoin, UNITS * PRICE);
	assert_int_equal(m->kit.provider.totals.owed.ncoin, UNITS * PRICE);
	free(m);
}

static void the_window_bounds_what_is_served(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	for (uint32_t j = 1; j <= WINDOW; j++)
		assert_int_equal(serve(m, j, j, 0), SOUK_OK);
	assert_int_equal(serve(m, WINDOW + 1, 9, 0), SOUK_PEER_UNPAID);
	assert_int_equal(serve(m, WINDOW + 1, 9, 1), SOUK_OK);
	assert_int_equal(serve(m, WINDOW + 2, 9, 1), SOUK_PEER_UNPAID);
	assert_int_equal(serve(m, UNITS + 1, 9, UNITS), SOUK_PEER_OVERDRAW);
	assert_int_equal(serve(m, UNITS, 9, UNITS), SOUK_OK);
	assert_int_equal(serve(m, UNITS - WINDOW, 9, 0), SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(serve(m, UNITS - WINDOW + 1, 8, 0), SOUK_OK);
	free(m);
}

static void a_unit_number_is_one_chunk(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	assert_int_equal(serve(m, 1, 5, 0), SOUK_OK);
	assert_int_equal(serve(m, 1, 6, 0), SOUK_PEER_UNIT_REBOUND);
	assert_int_equal(serve(m, 2, CHUNKS, 0), SOUK_PEER_NO_CHUNK);
	for (uint32_t i = 1; i < SOUK_PROVIDER_SENDS_MAX; i++)
		assert_int_equal(serve(m, 1, 5, 0), SOUK_OK);
	assert_int_equal(serve(m, 1, 5, 0), SOUK_LOCAL_FULL);
	free(m);
}

static struct market *service_open(uint32_t units)
{
	struct market *m = market_new();
	m->item.size = m->item.chunk_size = 0;
	customer_new(m, 9, units);
	assert_int_equal(kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0), SOUK_OK);
	return m;
}

static void a_service_numbers_its_units_as_it_likes(void **state)
{
	(void)state;
	static const uint64_t numbers[] = {0, UINT64_MAX, 1ull << 32, 77, UINT64_MAX - 1};
	struct market *m = service_open(UNITS);
	for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		buy(m, numbers[i]);
	/* Two units with the same number are two ciphers. */
	buy(m, 77);
	assert_int_equal(souk_customer_earned(&m->customer).ncoin, 6 * PRICE);
	struct souk_provider_reply reply;
	struct souk_unit_request request = forge(m, 7, UINT64_MAX, 6);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	assert_int_equal(reply.length, 0);
	assert_int_equal(reply.offset, 0);
	/* One unit is one request, X3, and what is sent is no content. */
	assert_int_equal(serve(m, 7, UINT64_MAX - 1, 6), SOUK_PEER_UNIT_REBOUND);
	assert_int_equal(serve(m, 7, UINT64_MAX, 6), SOUK_OK);
	struct souk_unit_statement statement;
	assert_int_equal(souk_provider_statement(&m->kit.provider, &statement, &request),
		SOUK_PEER_NO_AGREEMENT);
	free(m);
}

static void a_services_session_survives_a_restart(void **state)
{
	(void)state;
	struct market *m = service_open(UNITS);
	struct souk_provider_effect effect;
	buy(m, UINT64_MAX);
	souk_provider_flush(&m->kit.provider);
	while (souk_provider_next_effect(&m->kit.provider, &effect))
		kit_provider_keep(&m->kit, &effect);
	kit_provider_start(&m->kit, 4, 7, epoch_end, t0);
	buy(m, 1ull << 63);
	/* A size without chunks contradicts itself. */
	struct souk_session_record record =
		*kit_provider_stored(&m->kit, &m->customer.grant.session);
	record.content_size = 1;
	m->kit.record_count = 0;
	kit_provider_start(&m->kit, 5, 7, epoch_end, t0);
	assert_int_equal(souk_provider_restore(&m->kit.provider, &record, t0), SOUK_CORRUPT_STORE);
	free(m);
}

static void a_size_needs_chunks(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_signed_offer offer = {
		.offer = kit_offer(&m->kit.identity, &m->item.content, 0, 0, PRICE, WINDOW, 1024)};
	souk_offer_sign(&offer, &m->kit.identity);
	assert_int_equal(souk_offer_verify(&offer, t0), SOUK_OK);
	offer.offer.size = 1;
	souk_offer_sign(&offer, &m->kit.identity);
	assert_int_equal(souk_offer_verify(&offer, t0), SOUK_PEER_BAD_OFFER);
	customer_new(m, 9, UNITS);
	m->item.chunk_size = 0;
	assert_int_equal(souk_provider_ask_check(
				 &m->kit.provider, souk_customer_ask(&m->customer), &m->item, t0),
		SOUK_PEER_BAD_REQUEST);
	free(m);
}

/* A service looks first: what it refuses binds nothing. */
static void looking_first_changes_nothing(void **state)
{
	(void)state;
	struct market *m = service_open(UNITS);
	struct souk_unit_request request = forge(m, 1, 5, 1);
	uint32_t paid = 77;
	for (uint32_t i = 0; i < 2 * SOUK_PROVIDER_SENDS_MAX; i++)
		assert_int_equal(souk_provider_may_send(&m->kit.provider, &request, t0), SOUK_OK);
	assert_true(souk_provider_paid(&m->kit.provider, &request.session, &paid));
	assert_int_equal(paid, 0);
	assert_int_equal(serve(m, 1, 6, 0), SOUK_OK);
	assert_int_equal(
		souk_provider_may_send(&m->kit.provider, &request, t0), SOUK_PEER_UNIT_REBOUND);
	request.ticket.value.bytes[0] ^= 1;
	assert_int_equal(
		souk_provider_may_send(&m->kit.provider, &request, t0), SOUK_PEER_BAD_AUTH);
	request.auth = souk_unit_request_auth(&m->customer.session_secret, &request);
	for (uint32_t i = 0; i < 2 * SOUK_PROVIDER_BAD_MAX; i++)
		assert_int_equal(souk_provider_may_send(&m->kit.provider, &request, t0),
			SOUK_PEER_BAD_TICKET);
	assert_int_equal(m->kit.provider.totals.refused_ticket, 0);
	assert_int_equal(serve(m, 1, 6, 1), SOUK_OK);
	/* What cost work and was nothing is counted. */
	for (uint32_t i = 0; i < SOUK_PROVIDER_BAD_MAX; i++) {
		assert_int_equal(serve(m, 2, i, 1), i == 0 ? SOUK_OK : SOUK_PEER_UNIT_REBOUND);
		souk_provider_blame(&m->kit.provider, &request.session);
	}
	assert_int_equal(serve(m, 1, 6, 1), SOUK_PEER_UNKNOWN_SESSION);
	free(m);
}

static void bad_tickets_close_the_session(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	uint32_t paid = 77;
	struct souk_provider_reply reply;
	struct souk_unit_request request = forge(m, 1, 1, 1);
	request.ticket.value.bytes[0] ^= 1;
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_PEER_BAD_AUTH);
	request.auth = souk_unit_request_auth(&m->customer.session_secret, &request);
	for (uint32_t i = 1; i < SOUK_PROVIDER_BAD_MAX; i++)
		assert_int_equal(ask_unit(m, &request, &reply), SOUK_PEER_BAD_TICKET);
	assert_true(souk_provider_paid(&m->kit.provider, &request.session, &paid));
	assert_int_equal(paid, 0);
	assert_int_equal(serve(m, 1, 1, 1), SOUK_OK);
	assert_int_equal(serve(m, 1, 1, UNITS + 0), SOUK_PEER_OUT_OF_ORDER);
	request.ticket.unit = 2;
	request.auth = souk_unit_request_auth(&m->customer.session_secret, &request);
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_PEER_BAD_TICKET);
	assert_int_equal(serve(m, 2, 2, 2), SOUK_PEER_UNKNOWN_SESSION);
	free(m);
}

static void refusals_change_nothing(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider_reply reply, before;
	assert_int_equal(serve(m, 1, 1, 0), SOUK_OK);
	struct souk_provider_session *copy = malloc(sizeof *copy);
	*copy = m->kit.sessions[0];
	memset(&reply, 0x5a, sizeof reply);
	before = reply;
	struct souk_unit_request table[] = {
		forge(m, WINDOW + 2, 1, 1), /* a good ticket, but too far ahead */
		forge(m, 1, 3, 1),	    /* rebound */
		forge(m, 2, CHUNKS + 1, 1), /* no such chunk */
		forge(m, 0, 0, 0),	    /* no key is paid */
		forge(m, UNITS + 1, 1, 1),
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		assert_int_not_equal(ask_unit(m, &table[i], &reply), SOUK_OK);
		assert_memory_equal(copy, &m->kit.sessions[0], sizeof *copy);
		assert_memory_equal(&reply, &before, sizeof reply);
	}
	free(copy);
	free(m);
}

static void asks_are_checked(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_grant_open grant;
	customer_new(m, 1, UNITS);
	const struct souk_ask good = *souk_customer_ask(&m->customer);
	struct {
		struct souk_ask ask;
		souk_status status;
	} table[9];
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++)
		table[i].ask = good;
	table[0].ask.version = 2, table[0].status = SOUK_PEER_BAD_VERSION;
	table[1].ask.provider.bytes[0] ^= 1, table[1].status = SOUK_PEER_BAD_REQUEST;
	table[2].ask.content.bytes[0] ^= 1, table[2].status = SOUK_PEER_BAD_REQUEST;
	table[3].ask.units = 0, table[3].status = SOUK_PEER_BAD_REQUEST;
	table[4].ask.units = 1025, table[4].status = SOUK_PEER_BAD_REQUEST;
	table[5].ask.price.ncoin++, table[5].status = SOUK_PEER_BAD_OFFER;
	table[6].ask.epoch++, table[6].status = SOUK_PEER_WRONG_EPOCH;
	memset(&table[7].ask.customer, 9, sizeof table[7].ask.customer);
	table[7].status = SOUK_PEER_BAD_PUBKEY;
	table[8].status = SOUK_OK;
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++)
		assert_int_equal(
			souk_provider_ask(&m->kit.provider, &grant, &table[i].ask, &m->item, t0),
			table[i].status);
	assert_int_equal(souk_provider_ask(&m->kit.provider, &grant, &good, &m->item, epoch_end),
		SOUK_PEER_EPOCH_CLOSED);
	for (uint32_t i = 1; i < KIT_SESSIONS / SOUK_PROVIDER_GRANTED_PART; i++)
		assert_int_equal(
			souk_provider_ask(&m->kit.provider, &grant, &good, &m->item, t0), SOUK_OK);
	assert_int_equal(
		souk_provider_ask(&m->kit.provider, &grant, &good, &m->item, t0), SOUK_LOCAL_FULL);
	/* Grants that nobody took up make room again. */
	assert_int_equal(souk_provider_ask(&m->kit.provider, &grant, &good, &m->item,
				 souk_time_plus_ms(t0, 3000)),
		SOUK_OK);
	free(m);
}

static void strips_are_checked(void **state)
{
	(void)state;
	struct market *m = market_new();
	struct souk_grant_open grant;
	struct souk_strip_open good = {0};
	struct souk_provider *provider = &m->kit.provider;
	customer_new(m, 1, UNITS);
	assert_int_equal(
		souk_provider_ask(provider, &grant, souk_customer_ask(&m->customer), &m->item, t0),
		SOUK_OK);
	assert_int_equal(souk_customer_grant(&m->customer, &grant, t0), SOUK_OK);
	assert_int_equal(souk_customer_strip(&m->customer, &m->payer.free[0], &good), SOUK_OK);
	kit_payer_complete(&m->payer, 0, &good);
	for (int i = 0; i < 14; i++) {
		struct souk_strip_open open = good;
		struct souk_escrow_record escrow = m->payer.escrow;
		struct souk_nonce session = grant.grant.grant.session;
		struct souk_time now = t0;
		souk_status want = SOUK_PEER_STRIP_TERMS;
		switch (i) {
		case 0: open.strip.escrow.bytes[0] ^= 1; break;
		case 1: open.strip.price.ncoin++; break;
		case 2: open.strip.count--; break;
		case 3: open.strip.key_anchor.bytes[3] ^= 1; break;
		case 4: open.strip.customer.bytes[3] ^= 1; break;
		case 5: open.strip.request.bytes[3] ^= 1; break;
		case 6: open.strip.nonce.bytes[3] ^= 1; break;
		case 7: open.leaf.provider.bytes[0] ^= 1, want = SOUK_PEER_NOT_PAYEE; break;
		case 8: now = epoch_end, want = SOUK_PEER_EPOCH_CLOSED; break;
		case 9: escrow.closing = true, want = SOUK_PEER_ESCROW_CLOSING; break;
		case 10: escrow.prize.ncoin = 0, want = SOUK_PEER_ESCROW_TERMS; break;
		case 11: open.leaf.amount.ncoin++, want = SOUK_PEER_BAD_PATH; break;
		case 12: session.bytes[0] ^= 1, want = SOUK_PEER_UNKNOWN_SESSION; break;
		case 13: open.strip.expires = now, want = SOUK_PEER_STRIP_EXPIRED; break;
		}
		assert_int_equal(souk_provider_strip(provider, &session, &open, &m->payer.allotment,
					 &escrow, now),
			want);
	}
	assert_int_equal(souk_provider_strip(provider, &grant.grant.grant.session, &good,
				 &m->payer.allotment, &m->payer.escrow, t0),
		SOUK_OK);
	assert_int_equal(souk_provider_strip(provider, &grant.grant.grant.session, &good,
				 &m->payer.allotment, &m->payer.escrow, t0),
		SOUK_OK);
	free(m);
}

static void overlapping_strips_are_refused(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	m->payer.free[0].used.ncoin = (UNITS - 1) * PRICE; /* one unit back */
	customer_new(m, 2, UNITS);
	assert_int_equal(kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0),
		SOUK_PEER_STRIP_OVERLAP);
	m->payer.free[0].used.ncoin = UNITS * PRICE;
	customer_new(m, 3, UNITS);
	assert_int_equal(kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0), SOUK_OK);
	free(m);
}

/* After STOREs it says once that there is none: two times in a row, and there is none. */
static void pull_all(struct market *m)
{
	struct souk_provider_effect effect;
	for (uint32_t idle = 0; idle < 2; idle++) {
		while (souk_provider_next_effect(&m->kit.provider, &effect)) {
			kit_provider_keep(&m->kit, &effect);
			idle = 0;
		}
	}
}

/* The session that is open is closed by bad tickets, and all that follows is carried out. */
static void spoil(struct market *m)
{
	struct souk_unit_request request = forge(m, 0, 0, 1);
	struct souk_provider_reply reply;
	request.ticket.value.bytes[0] ^= 1;
	request.auth = souk_unit_request_auth(&m->customer.session_secret, &request);
	for (uint32_t i = 0; i < SOUK_PROVIDER_BAD_MAX; i++)
		assert_int_equal(ask_unit(m, &request, &reply), SOUK_PEER_BAD_TICKET);
	pull_all(m);
}

/* A further session of the same payer, with a strip on the leaf from START on. */
static souk_status open_at(struct market *m, uint8_t seed, uint32_t units, uint64_t start)
{
	customer_new(m, seed, units);
	m->payer.free[0].used = souk_amount_of_ncoin(start);
	return kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0);
}

/* Who takes a window and pays nothing has used up that part of its leaf, however the session ended;
 * until the epoch is over, when nobody can lay a strip there anyhow. */
static void an_unpaid_window_uses_up_its_part_of_the_leaf(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	assert_int_equal(serve(m, 1, 1, 0), SOUK_OK);
	spoil(m);
	assert_int_equal(open_at(m, 10, UNITS, 0), SOUK_PEER_STRIP_OVERLAP);
	assert_int_equal(open_at(m, 11, UNITS, (UNITS - 1) * PRICE), SOUK_PEER_STRIP_OVERLAP);
	assert_int_equal(open_at(m, 12, UNITS, UNITS * PRICE), SOUK_OK);
	/* Nothing was taken of this one: it may be promised again. */
	spoil(m);
	assert_int_equal(m->kit.provider.due_count, 1);
	assert_int_equal(open_at(m, 13, UNITS, UNITS * PRICE), SOUK_OK);
	souk_provider_set_epoch(
		&m->kit.provider, 8, souk_time_plus_ms(epoch_end, 500000), epoch_end);
	pull_all(m);
	assert_int_equal(m->kit.provider.due_count, 0);
	free(m);
}

/* Nor is it forgotten over a restart, which remembers no unit that was sent. */
static void a_restart_forgets_no_unpaid_window(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	assert_int_equal(serve(m, 1, 1, 0), SOUK_OK);
	kit_provider_start(&m->kit, 4, 7, epoch_end, t0);
	spoil(m);
	assert_int_equal(open_at(m, 10, UNITS, 0), SOUK_PEER_STRIP_OVERLAP);
	free(m);
}

/* They make way, a few at a time, where there is no room for what may be paid. */
static void unpaid_windows_do_not_fill_the_table(void **state)
{
	(void)state;
	struct market *m = market_open(1);
	struct souk_provider_effect effect;
	uint64_t start = 0;
	souk_status status = SOUK_OK;
	for (uint32_t i = 0; i < KIT_DUES && status == SOUK_OK; i++) {
		assert_int_equal(serve(m, 1, 1, 0), SOUK_OK);
		spoil(m);
		m->kit.record_count = 0; /* the kit's disk is small */
		start += PRICE;
		status = open_at(m, (uint8_t)(20 + i), 1, start);
	}
	assert_int_equal(status, SOUK_LOCAL_FULL);
	while (souk_provider_next_effect(&m->kit.provider, &effect))
		assert_int_equal(effect.kind, SOUK_PROVIDER_SETTLED);
	assert_int_equal(open_at(m, 10, 1, start), SOUK_OK);
	free(m);
}

/* From the last ticket to the money: what is stored can be claimed, also after a crash. */
static void a_claim_follows_a_draw(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider_effect effect;
	struct souk_hash beacon = {{1}};
	struct souk_chain *chain = malloc(sizeof *chain);
	struct souk_claim *claim = malloc(sizeof *claim);
	struct souk_amount lo, hi;
	uint64_t epoch = 0;
	for (uint32_t i = 0; i < UNITS; i++)
		buy(m, i);
	assert_int_equal(souk_provider_dirty_count(&m->kit.provider), 1);
	souk_provider_flush(&m->kit.provider);
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	kit_provider_keep(&m->kit, &effect);
	assert_false(souk_provider_next_effect(&m->kit.provider, &effect));
	kit_provider_start(&m->kit, 99, 8, SOUK_TIME_NEVER, epoch_end);
	assert_true(souk_provider_undrawn(&m->kit.provider, &epoch));
	assert_int_equal(epoch, 7);
	souk_provider_draw(&m->kit.provider, 7, &beacon, epoch_end);
	/* 20 units of 100 on a line with a prize each 1000: two points, whatever the beacon says.
	 */
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	assert_int_equal(effect.kind, SOUK_PROVIDER_CLAIM);
	struct souk_session_record *record = kit_provider_stored(&m->kit, &effect.session);
	assert_int_equal(souk_provider_claim(claim, record, chain), SOUK_OK);
	assert_int_equal(souk_claim_verify(&lo, &hi, claim, &m->payer.allotment), SOUK_OK);
	assert_int_equal(hi.ncoin - lo.ncoin, UNITS * PRICE);
	souk_provider_claim_result(
		&m->kit.provider, &effect.session, SOUK_IO_NET, SOUK_AMOUNT_ZERO, epoch_end);
	assert_false(souk_provider_next_effect(&m->kit.provider, &effect));
	souk_provider_tick(&m->kit.provider, souk_provider_deadline(&m->kit.provider));
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	assert_int_equal(effect.kind, SOUK_PROVIDER_CLAIM);
	souk_provider_claim_result(
		&m->kit.provider, &effect.session, SOUK_OK, souk_amount_of_ncoin(2000), epoch_end);
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	assert_int_equal(effect.kind, SOUK_PROVIDER_SETTLED);
	assert_int_equal(effect.paid.ncoin, 2000);
	assert_int_equal(m->kit.provider.due_count, 0);
	free(chain);
	free(claim);
	free(m);
}

static souk_status ask(struct market *m, struct souk_time now)
{
	struct souk_grant_open grant;
	return souk_provider_ask(
		&m->kit.provider, &grant, souk_customer_ask(&m->customer), &m->item, now);
}

/* Every slot is an open session of UNITS units, the first of which is there already. */
static void fill_table(struct market *m, struct souk_time now)
{
	for (uint32_t i = m->kit.provider.session_count; i < KIT_SESSIONS; i++) {
		customer_new(m, (uint8_t)(20 + i), UNITS);
		assert_int_equal(
			kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, now), SOUK_OK);
	}
	customer_new(m, 99, UNITS);
}

/* Nothing but a STORE of the session that makes room, which frees its slot. */
static void expect_room(struct market *m, uint32_t unit, struct souk_time now)
{
	struct souk_provider_effect effect;
	assert_int_equal(ask(m, now), SOUK_LOCAL_FULL);
	assert_true(souk_provider_next_effect(&m->kit.provider, &effect));
	assert_int_equal(effect.kind, SOUK_PROVIDER_STORE);
	assert_int_equal(souk_provider_record(&m->kit.provider, effect.index)->unit, unit);
	assert_int_equal(ask(m, now), SOUK_OK);
}

static void expect_no_room(struct market *m, struct souk_time now)
{
	struct souk_provider_effect effect;
	assert_int_equal(ask(m, now), SOUK_LOCAL_FULL);
	assert_false(souk_provider_next_effect(&m->kit.provider, &effect));
}

/* A full table makes room by what is paid to the end, and keeps what is not. */
static void finished_sessions_make_room(void **state)
{
	(void)state;
	struct market *m = market_open(2);
	buy(m, 0);
	buy(m, 1);
	fill_table(m, t0);
	expect_no_room(m, souk_time_plus_ms(t0, SOUK_PROVIDER_LINGER_MS - 1));
	expect_room(m, 2, souk_time_plus_ms(t0, SOUK_PROVIDER_LINGER_MS));
	free(m);
}

/* Then by who has paid for all it was sent; by who paid nothing; by who paid, and owes for more,
 * only after minutes. Repetitions of a request do not keep a slot. */
static void silent_sessions_make_room(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider_reply reply;
	struct souk_unit_request request = forge(m, 1, 1, 0);
	struct souk_time unpaid = souk_time_plus_ms(t0, SOUK_PROVIDER_UNPAID_IDLE_MS);
	struct souk_time paid = souk_time_plus_ms(t0, SOUK_PROVIDER_PAID_IDLE_MS);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, t0), SOUK_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request,
					 souk_time_plus_ms(t0, 20000)),
			SOUK_OK);
	fill_table(m, t0);
	expect_no_room(m, souk_time_plus_ms(t0, SOUK_PROVIDER_UNPAID_IDLE_MS - 1));
	expect_room(m, 0, unpaid);
	free(m);

	m = market_open(UNITS);
	m->kit.provider.config.idle_ms = 2 * SOUK_PROVIDER_PAID_IDLE_MS;
	buy(m, 0);
	request = forge(m, 2, 1, 1);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, t0), SOUK_OK);
	/* No later: the last slots but one are looked after as they are taken. */
	fill_table(m, souk_time_plus_ms(t0, SOUK_PROVIDER_PAID_IDLE_MS - 1));
	expect_no_room(m, souk_time_plus_ms(t0, SOUK_PROVIDER_PAID_IDLE_MS - 1));
	expect_room(m, 1, paid);
	free(m);

	m = market_open(UNITS);
	struct souk_time settled = souk_time_plus_ms(t0, SOUK_PROVIDER_SETTLED_IDLE_MS);
	request = forge(m, 1, 0, 0);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, t0), SOUK_OK);
	request = forge(m, 0, 0, 1);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, t0), SOUK_OK);
	fill_table(m, souk_time_plus_ms(t0, SOUK_PROVIDER_SETTLED_IDLE_MS - 1));
	expect_no_room(m, souk_time_plus_ms(t0, SOUK_PROVIDER_SETTLED_IDLE_MS - 1));
	expect_room(m, 1, settled);
	free(m);
}

/* Who only asks gets a part of the table, and the grant that waited longest goes first. */
static void asks_alone_do_not_fill_the_table(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider *provider = &m->kit.provider;
	struct souk_grant_open first;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t max = KIT_SESSIONS / SOUK_PROVIDER_GRANTED_PART;
	customer_new(m, 5, UNITS);
	assert_int_equal(souk_provider_ask(provider, &first, souk_customer_ask(&m->customer),
				 &m->item, souk_time_at_ms(t0.ms - 1)),
		SOUK_OK);
	for (uint32_t i = 1; i < max; i++)
		assert_int_equal(ask(m, t0), SOUK_OK);
	struct souk_time later = souk_time_plus_ms(t0, SOUK_PROVIDER_GRANT_KEEP_MS - 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(m, later), SOUK_LOCAL_FULL);
	assert_int_equal(provider->session_count, 1 + max);
	assert_int_equal(souk_provider_wants(provider, &first.grant.grant.session, &escrow, &epoch),
		SOUK_OK);
	/* An ask that is refused for itself costs nobody the grant. */
	later.ms++;
	m->customer.ask.customer.bytes[0] = 9;
	assert_int_equal(ask(m, later), SOUK_PEER_BAD_PUBKEY);
	assert_int_equal(souk_provider_wants(provider, &first.grant.grant.session, &escrow, &epoch),
		SOUK_OK);
	customer_new(m, 6, UNITS);
	assert_int_equal(ask(m, later), SOUK_OK);
	assert_int_equal(souk_provider_wants(provider, &first.grant.grant.session, &escrow, &epoch),
		SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(ask(m, later), SOUK_LOCAL_FULL);
	/* None is left once they were all too late, or accepted. */
	souk_provider_tick(provider, souk_time_plus_ms(later, 3000));
	assert_int_equal(provider->granted_count, 0);
	assert_int_equal(provider->session_count, 1);
	free(m);
}

/* Who has many grants makes way for who has none, at once. */
static void grants_are_shared_among_addresses(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider *provider = &m->kit.provider;
	struct souk_grant_open honest;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t max = KIT_SESSIONS / SOUK_PROVIDER_GRANTED_PART;
	customer_new(m, 5, UNITS);
	for (uint32_t i = 0; i < max; i++) {
		m->item.from = 100 + i % 2;
		assert_int_equal(ask(m, t0), SOUK_OK);
	}
	assert_int_equal(ask(m, t0), SOUK_LOCAL_FULL);
	m->item.from = 1;
	assert_int_equal(
		souk_provider_ask(provider, &honest, souk_customer_ask(&m->customer), &m->item, t0),
		SOUK_OK);
	/* The greedy ones cannot drive it out again. */
	for (uint32_t i = 0; i < 3 * max; i++) {
		m->item.from = 100 + i % 2;
		(void)ask(m, t0);
	}
	assert_int_equal(provider->granted_count, max);
	assert_int_equal(
		souk_provider_wants(provider, &honest.grant.grant.session, &escrow, &epoch),
		SOUK_OK);
	free(m);
}

/* What is no verdict on the claim is tried again: a claim given up is money given away. */
static void only_a_verdict_ends_a_claim(void **state)
{
	(void)state;
	static const struct {
		souk_status status;
		bool is_final;
	} table[] = {
		{SOUK_PEER_NOT_DRAWN, false},
		{SOUK_PEER_BAD_REQUEST, false},
		{SOUK_PEER_TX_NONCE, false},
		{SOUK_PEER_NO_FUNDS, false},
		{SOUK_PEER_TX_WRONG_LEDGER, false},
		{SOUK_LOCAL_FULL, false},
		{SOUK_LOCAL_NOT_FOUND, false},
		{SOUK_IO_NET, false},
		{SOUK_CORRUPT_STATE, false},
		{SOUK_CORRUPT_STORE, true},
		{SOUK_PEER_CLAIM_LATE, true},
		{SOUK_PEER_CLAIM_PAID, true},
		{SOUK_PEER_CLAIM_NO_PRIZE, true},
		{SOUK_PEER_NO_ESCROW, true},
		{SOUK_PEER_BAD_TICKET, true},
		{SOUK_OK, true},
	};
	struct souk_hash beacon = {{1}};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct market *m = market_open(UNITS);
		struct souk_provider *provider = &m->kit.provider;
		struct souk_provider_effect effect;
		for (uint32_t k = 0; k < UNITS; k++)
			buy(m, k);
		souk_provider_draw(provider, 7, &beacon, epoch_end);
		while (souk_provider_next_effect(provider, &effect))
			kit_provider_keep(&m->kit, &effect);
		assert_true(souk_provider_next_effect(provider, &effect));
		assert_int_equal(effect.kind, SOUK_PROVIDER_CLAIM);
		souk_provider_claim_result(
			provider, &effect.session, table[i].status, SOUK_AMOUNT_ZERO, epoch_end);
		assert_int_equal(souk_provider_next_effect(provider, &effect), table[i].is_final);
		free(m);
	}
}

static void a_closed_epoch_still_gives_keys(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_provider_reply reply;
	assert_int_equal(serve(m, 1, 1, 0), SOUK_OK);
	assert_int_equal(serve(m, 2, 2, 1), SOUK_OK);
	souk_provider_set_epoch(&m->kit.provider, 8, SOUK_TIME_NEVER, epoch_end);
	struct souk_unit_request request = forge(m, 2, 2, 1);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, epoch_end),
		SOUK_PEER_EPOCH_CLOSED);
	request = forge(m, 0, 0, 2);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, epoch_end),
		SOUK_PEER_EPOCH_CLOSED);
	request = forge(m, 0, 0, 1);
	assert_int_equal(
		souk_provider_unit(&m->kit.provider, &reply, &request, epoch_end), SOUK_OK);
	assert_int_equal(reply.key.unit, 1);
	free(m);
}

/* A customer whose newest ticket came too late asks without one, and reads what it paid in time. */
static void the_last_keys_need_no_ticket(void **state)
{
	(void)state;
	struct market *m = market_open(UNITS);
	struct souk_unit_request requests[3], request;
	struct souk_provider_reply reply;
	assert_int_equal(souk_customer_last_keys(&m->customer, &request), SOUK_LOCAL_STATE);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(souk_customer_next(&m->customer, &requests[i], i, t0), SOUK_OK);
		assert_int_equal(ask_unit(m, &requests[i], &reply), SOUK_OK);
		assert_int_equal(souk_customer_received(&m->customer, i + 1), SOUK_OK);
		/* Ticket 1 goes out with the second unit; its key is lost on the way. */
	}
	assert_int_equal(souk_customer_next(&m->customer, &requests[2], 2, t0), SOUK_OK);
	assert_int_equal(requests[2].ticket.unit, 2);
	souk_provider_set_epoch(&m->kit.provider, 8, SOUK_TIME_NEVER, epoch_end);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &requests[2], epoch_end),
		SOUK_PEER_EPOCH_CLOSED);
	assert_int_equal(souk_customer_settle(&m->customer, &request, t0), SOUK_OK);
	assert_int_equal(souk_provider_unit(&m->kit.provider, &reply, &request, epoch_end),
		SOUK_PEER_EPOCH_CLOSED);
	assert_int_equal(souk_customer_last_keys(&m->customer, &request), SOUK_OK);
	assert_false(request.has_ticket);
	assert_int_equal(
		souk_provider_unit(&m->kit.provider, &reply, &request, epoch_end), SOUK_OK);
	assert_int_equal(souk_customer_key(&m->customer, &reply.key), SOUK_OK);
	assert_int_equal(m->customer.keyed, 1);
	assert_int_equal(souk_customer_verified(&m->customer, 1), SOUK_OK);
	free(m);
}

static void texts_have_one_form(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		souk_status status;
	} paths[] = {
		{"/v1/units/000102030405060708090a0b0c0d0e0f/1/0", SOUK_OK},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/65536/18446744073709551615", SOUK_OK},
		{"/v1/keys/000102030405060708090a0b0c0d0e0f", SOUK_OK},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/0/0", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/65537/0", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/01/0", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/1/+1", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/1/18446744073709551616",
			SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090A0b0c0d0e0f/1/0", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/1/0/", SOUK_PEER_BAD_REQUEST},
		{"/v1/units/000102030405060708090a0b0c0d0e0f/1/", SOUK_PEER_BAD_REQUEST},
		{"/v1/keys/000102030405060708090a0b0c0d0e0f/1", SOUK_PEER_BAD_REQUEST},
		{"/v1/keys/0001", SOUK_PEER_BAD_REQUEST},
		{"/v1/offers/00", SOUK_LOCAL_NOT_FOUND},
		{"", SOUK_LOCAL_NOT_FOUND},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(paths); i++) {
		struct souk_unit_request request;
		char text[SOUK_PATH_SIZE];
		assert_int_equal(
			souk_path_parse(&request, souk_bytes_text(paths[i].path)), paths[i].status);
		if (paths[i].status != SOUK_OK)
			continue;
		souk_path_format(text, &request);
		assert_string_equal(text, paths[i].path);
	}
	struct souk_unit_key key = {.unit = 65536};
	char text[SOUK_KEY_TEXT_SIZE];
	souk_key_format(text, &key);
	assert_int_equal(souk_key_parse(&key, souk_bytes_text(text)), SOUK_OK);
	text[0] = '0';
	assert_int_equal(souk_key_parse(&key, souk_bytes_text(text)), SOUK_PEER_BAD_REQUEST);
	char row_text[SOUK_ROW_TEXT_SIZE];
	uint32_t row;
	souk_row_format(row_text, UINT32_MAX);
	assert_int_equal(souk_row_parse(&row, souk_bytes_text(row_text)), SOUK_OK);
	assert_int_equal(row, UINT32_MAX);
	static const char *bad_rows[] = {"", "x", "64 ", "064", "-1", "4294967296"};
	for (size_t i = 0; i < SOUK_COUNT_OF(bad_rows); i++)
		assert_int_equal(
			souk_row_parse(&row, souk_bytes_text(bad_rows[i])), SOUK_PEER_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_runs_to_its_end),
		cmocka_unit_test(the_window_bounds_what_is_served),
		cmocka_unit_test(a_unit_number_is_one_chunk),
		cmocka_unit_test(a_service_numbers_its_units_as_it_likes),
		cmocka_unit_test(a_services_session_survives_a_restart),
		cmocka_unit_test(a_size_needs_chunks),
		cmocka_unit_test(looking_first_changes_nothing),
		cmocka_unit_test(bad_tickets_close_the_session),
		cmocka_unit_test(refusals_change_nothing),
		cmocka_unit_test(asks_are_checked),
		cmocka_unit_test(strips_are_checked),
		cmocka_unit_test(overlapping_strips_are_refused),
		cmocka_unit_test(an_unpaid_window_uses_up_its_part_of_the_leaf),
		cmocka_unit_test(a_restart_forgets_no_unpaid_window),
		cmocka_unit_test(unpaid_windows_do_not_fill_the_table),
		cmocka_unit_test(a_claim_follows_a_draw),
		cmocka_unit_test(finished_sessions_make_room),
		cmocka_unit_test(silent_sessions_make_room),
		cmocka_unit_test(asks_alone_do_not_fill_the_table),
		cmocka_unit_test(grants_are_shared_among_addresses),
		cmocka_unit_test(only_a_verdict_ends_a_claim),
		cmocka_unit_test(a_closed_epoch_still_gives_keys),
		cmocka_unit_test(the_last_keys_need_no_ticket),
		cmocka_unit_test(texts_have_one_form),
	};
	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
