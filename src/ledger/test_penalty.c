/* SPDX-License-Identifier: Apache-2.0
 *
 * Open leaves: strips to anybody, and what it costs to lay two over each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "test_market.h"

#define PRIZE	10u
#define LINE	1000u
#define PENALTY 5555u

static struct market *market;
static struct souk_hash escrow_id;
static struct sale sale; /* an open leaf of 400, and CAROL's 100 */
static struct sale first, second;

static int setup(void **state)
{
	(void)state;
	market = market_new();
	market_fund(market, ALICE, COIN);
	market_fund(market, STRANGER, 1);
	struct souk_tx_body body = body_open_penal(1, LINE, PRIZE, 3 * LINE, PENALTY);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 1);
	sale_init(&sale, market, &escrow_id, 0, 0, 400, 100, 0);
	sale.leaves[0].provider = (struct souk_address){{0}};
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	first = second = sale;
	sale_strip_at(&first, market, 0, BOB, 0, 100, 1, 1);
	sale_strip_at(&second, market, 0, DAVE, 100, 100, 1, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	market_seal(market);
	int failed = souk_ledger_audit(&market->ledger) != SOUK_OK;
	market_free(market);
	return failed;
}

static struct souk_escrow_record escrow(void)
{
	struct souk_escrow_record record;
	assert_int_equal(souk_ledger_view_escrow(&record, &market->ledger, &escrow_id), SOUK_OK);
	return record;
}

/* Lay the second strip over the last unit of the first. */
static struct souk_tx_body overlap(void)
{
	sale_strip_at(&second, market, 0, DAVE, 99, 100, 1, 2);
	return body_double_issue(&first.open, &second.open);
}

static void test_penalty_is_locked(void **state)
{
	(void)state;
	assert_int_equal(market_balance(market, ALICE), COIN - 3 * LINE - PENALTY);
	assert_int_equal(escrow().penalty.ncoin, PENALTY);
	assert_int_equal(escrow().free.ncoin, 3 * LINE - 500);
	assert_int_equal(market->ledger.record.escrows.ncoin, 3 * LINE + PENALTY);
	struct souk_tx_body body = body_open_penal(2, LINE, PRIZE, LINE, UINT64_MAX);
	market_refuse(market, ALICE, &body, SOUK_LOCAL_OVERFLOW);
	body = body_open_penal(2, LINE, PRIZE, LINE, COIN);
	market_refuse(market, ALICE, &body, SOUK_PEER_NO_FUNDS);
}

/* An open leaf pays whoever the strip names; common points once, to who comes first. */
static void test_pays_anybody(void **state)
{
	(void)state;
	struct souk_tx_body bob = sale_claim(&first, 100), dave = sale_claim(&second, 100);
	market_finish_epoch(market);
	market_refuse(market, DAVE, &bob, SOUK_PEER_NOT_PAYEE);
	market_refuse(market, CAROL, &dave, SOUK_PEER_NOT_PAYEE);
	market_do(market, BOB, &bob);
	assert_int_equal(market->receipt.amount.ncoin, 100);
	market_do(market, DAVE, &dave);
	assert_int_equal(market->receipt.amount.ncoin, 100);
	struct souk_tx_body evidence = body_double_issue(&first.open, &second.open);
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_NO_DOUBLE_ISSUE);
}

static void test_first_come_first_served(void **state)
{
	(void)state;
	sale_strip_at(&second, market, 0, DAVE, 50, 100, 1, 2);
	struct souk_tx_body bob = sale_claim(&first, 100), dave = sale_claim(&second, 100);
	market_finish_epoch(market);
	market_do(market, DAVE, &dave);
	assert_int_equal(market->receipt.amount.ncoin, 100);
	market_do(market, BOB, &bob);
	assert_int_equal(market->receipt.amount.ncoin, 50);
}

static void test_forfeits(void **state)
{
	(void)state;
	struct souk_tx_body evidence = overlap();
	market_do(market, STRANGER, &evidence);
	assert_int_equal(market->receipt.amount.ncoin, PENALTY / 10);
	assert_int_equal(market_balance(market, STRANGER), 1 + PENALTY / 10);
	assert_int_equal(market->ledger.record.burned.ncoin, PENALTY - PENALTY / 10);
	assert_int_equal(escrow().penalty.ncoin, 0);
	assert_int_equal(escrow().free.ncoin, 3 * LINE - 500);
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_NO_PENALTY);
	market_refuse(market, ALICE, &evidence, SOUK_PEER_NO_PENALTY);
}

/* A payee that was cheated before it was ever paid has no account: reporting opens one. */
static void test_reporter_without_account(void **state)
{
	(void)state;
	struct souk_tx_body evidence = overlap();
	market_do(market, DAVE, &evidence);
	assert_int_equal(market_balance(market, DAVE), PENALTY / 10);
}

/* Who reports itself loses nine tenths. */
static void test_self_report(void **state)
{
	(void)state;
	uint64_t before = market_balance(market, ALICE);
	struct souk_tx_body evidence = overlap(), close = body_close(&escrow_id),
			    withdraw = body_withdraw(&escrow_id);
	market_do(market, ALICE, &evidence);
	market_do(market, ALICE, &close);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 3 * LINE);
	assert_int_equal(market_balance(market, ALICE), before + 3 * LINE + PENALTY / 10);
}

/* The payer cannot take the penalty away while anybody may still prove it. */
static void test_no_escape_by_closing(void **state)
{
	(void)state;
	struct souk_tx_body evidence = overlap(), close = body_close(&escrow_id),
			    withdraw = body_withdraw(&escrow_id);
	market_do(market, ALICE, &close);
	market_advance(market, MARKET_UNLOCK_MS);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS - 1);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_do(market, STRANGER, &evidence);
	market_advance(market, 1);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 3 * LINE);
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_NO_ESCROW);
}

static void test_until_the_window_ends(void **state)
{
	(void)state;
	struct souk_tx_body evidence = overlap(), close = body_close(&escrow_id),
			    withdraw = body_withdraw(&escrow_id);
	market_do(market, ALICE, &close);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS);
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_CLAIM_LATE);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 3 * LINE + PENALTY);
}

static void test_no_evidence(void **state)
{
	(void)state;
	struct souk_tx_body good = overlap(), bad;
#define BENT(change, status)                                                                       \
	do {                                                                                       \
		bad = good;                                                                        \
		struct souk_signed_strip *a = &bad.double_issue.first;                             \
		struct souk_signed_strip *b = &bad.double_issue.second;                            \
		change;                                                                            \
		(void)a;                                                                           \
		(void)b;                                                                           \
		market_refuse(market, STRANGER, &bad, status);                                     \
	} while (0)
	/* The same promise twice is one promise, whatever batch it is in. */
	BENT(*b = *a, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(b->strip.start.ncoin = 100, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(b->strip.count = 0, SOUK_PEER_STRIP_RANGE);
	BENT(b->strip.escrow.bytes[0] ^= 1, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(b->strip.epoch = 1, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(b->strip.segment = 1, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(b->strip.leaf = 1, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT(a->leaf.provider.bytes[0] = 1, SOUK_PEER_NO_DOUBLE_ISSUE);
	BENT((a->strip.escrow.bytes[0] ^= 1, b->strip.escrow = a->strip.escrow),
		SOUK_PEER_NO_ESCROW);
	BENT(a->strip.epoch = b->strip.epoch = 1, SOUK_PEER_NO_ALLOTMENT);
	BENT(a->strip.segment = b->strip.segment = 1, SOUK_PEER_NO_ALLOTMENT);
	BENT(a->strip.leaf = b->strip.leaf = 1, SOUK_PEER_BAD_PATH);
	BENT(a->strip.version = 0, SOUK_PEER_BAD_VERSION);
	BENT(a->leaf.amount.ncoin = 99, SOUK_PEER_STRIP_RANGE);
	BENT(a->leaf.amount.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(b->leaf_path.items[0].sum.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(a->strip.price.ncoin = 2, SOUK_PEER_WRONG_SIGNER);
	BENT(b->strip.nonce.bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(b->batch_count = 2, SOUK_PEER_BAD_BATCH);
	BENT(b->signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(a->signature.bytes[64] = 2, SOUK_PEER_BAD_SIGNATURE);
	/* Nobody is framed: the payer's own strip, and one that the accuser signed. */
	BENT(b->signature = a->signature, SOUK_PEER_WRONG_SIGNER);
#undef BENT
	market_do(market, STRANGER, &good);
}

/* A provider's own leaf cannot be issued twice to others; strips over each other on it are between
 * the two of them. */
static void test_not_on_a_providers_leaf(void **state)
{
	(void)state;
	sale_strip_at(&first, market, 1, CAROL, 0, 50, 1, 1);
	sale_strip_at(&second, market, 1, CAROL, 20, 50, 1, 2);
	struct souk_tx_body evidence = body_double_issue(&first.open, &second.open);
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_NO_DOUBLE_ISSUE);
}

static void test_no_penalty(void **state)
{
	(void)state;
	struct souk_tx_body body = body_open(2, LINE, PRIZE, LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 2);
	sale.escrow = escrow_id;
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	first = second = sale;
	sale_strip_at(&first, market, 0, BOB, 0, 100, 1, 1);
	struct souk_tx_body evidence = overlap();
	market_refuse(market, STRANGER, &evidence, SOUK_PEER_NO_PENALTY);
}

/* Penalties whose tenth is not whole: nothing is lost, and the payer never keeps any. */
static void test_small_penalties(void **state)
{
	(void)state;
	for (uint8_t penalty = 1; penalty <= 21; penalty++) {
		struct souk_tx_body body = body_open_penal(penalty + 2, LINE, PRIZE, LINE, penalty);
		uint64_t burned = market->ledger.record.burned.ncoin;
		market_do(market, ALICE, &body);
		escrow_id = market_escrow_id(market, ALICE, penalty + 2);
		sale.escrow = escrow_id;
		body = sale_allot(&sale);
		market_do(market, ALICE, &body);
		first = second = sale;
		sale_strip_at(&first, market, 0, BOB, 0, 100, 1, 1);
		body = overlap();
		market_do(market, STRANGER, &body);
		assert_int_equal(market->receipt.amount.ncoin, penalty / 10);
		assert_int_equal(
			market->ledger.record.burned.ncoin - burned, penalty - penalty / 10);
	}
}

/* On an epoch that nobody has touched since it began: the standing allotment is the segment. */
static void test_on_a_standing_leaf(void **state)
{
	(void)state;
	struct souk_tx_body stand = sale_stand(&sale, 3);
	market_do(market, ALICE, &stand);
	market_finish_epoch(market);
	market_finish_epoch(market);
	first.epoch = second.epoch = sale.epoch = 2;
	sale_strip_at(&first, market, 0, BOB, 0, 100, 1, 1);
	struct souk_tx_body evidence = overlap();
	market_do(market, STRANGER, &evidence);
	struct souk_tx_body bob = sale_claim(&first, 100);
	market_finish_epoch(market);
	market_do(market, BOB, &bob);
	assert_int_equal(market->receipt.amount.ncoin, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_penalty_is_locked),
		TEST(test_pays_anybody),
		TEST(test_first_come_first_served),
		TEST(test_forfeits),
		TEST(test_reporter_without_account),
		TEST(test_self_report),
		TEST(test_no_escape_by_closing),
		TEST(test_until_the_window_ends),
		TEST(test_no_evidence),
		TEST(test_not_on_a_providers_leaf),
		TEST(test_no_penalty),
		TEST(test_small_penalties),
		TEST(test_on_a_standing_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
