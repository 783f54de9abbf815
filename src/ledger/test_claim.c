/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims: who is paid, how much, when, and every way to be refused. The lottery is
 * recounted here point by point. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "test_market.h"

#define PRIZE	   10u
#define LINE	   1000u
#define UNIT_PRICE 3u

static struct market *market;
static struct souk_hash escrow_id;
static struct sale sale;

static int setup(void **state)
{
	(void)state;
	market = market_new();
	market_fund(market, ALICE, 1000 * COIN);
	struct souk_tx_body body = body_open(1, LINE, PRIZE, 5 * LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 1);
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

/* One segment with three leaves, and a strip of COUNT units on BOB's. */
static void allot_and_strip(uint32_t segment, uint64_t bob, uint64_t carol, uint32_t count)
{
	uint64_t epoch = market->ledger.record.epoch;
	sale_init(&sale, market, &escrow_id, epoch, segment, bob, carol, 50);
	struct souk_tx_body allot = sale_allot(&sale);
	market_do(market, ALICE, &allot);
	sale_strip(&sale, market, 0, count, UNIT_PRICE);
}

/* Prizes on [lo, hi) of this epoch's line, one point after the other. */
static uint64_t count_prizes(uint64_t epoch, uint64_t lo, uint64_t hi)
{
	struct souk_epoch_record record;
	uint64_t count = 0;
	assert_int_equal(souk_ledger_get_epoch(&record, &market->ledger, epoch), SOUK_OK);
	struct souk_amount offset =
		souk_lottery_offset(&record.beacon, &escrow_id, epoch, souk_amount_of_ncoin(PRIZE));
	for (uint64_t point = lo; point < hi; point++)
		count += point % PRIZE == offset.ncoin;
	return count;
}

static void test_pays_each_point_once(void **state)
{
	(void)state;
	allot_and_strip(0, 300, 100, 90);
	market_finish_epoch(market);
	struct souk_tx_body half = sale_claim(&sale, 40), all = sale_claim(&sale, 90);
	uint64_t first = count_prizes(0, 0, 120), total = count_prizes(0, 0, 270);
	assert_true(first > 0 && total > first);
	market_do(market, BOB, &half);
	assert_int_equal(market->receipt.amount.ncoin, first * PRIZE);
	market_refuse(market, BOB, &half, SOUK_PEER_CLAIM_PAID);
	market_do(market, BOB, &all);
	assert_int_equal(market->receipt.amount.ncoin, (total - first) * PRIZE);
	market_refuse(market, BOB, &all, SOUK_PEER_CLAIM_PAID);
	market_refuse(market, BOB, &half, SOUK_PEER_CLAIM_PAID);
	assert_int_equal(market_balance(market, BOB), total * PRIZE);
	int64_t difference = (int64_t)(total * PRIZE) - 270;
	assert_true(difference < PRIZE && difference > -(int64_t)PRIZE);
}

static void test_not_before_the_draw(void **state)
{
	(void)state;
	allot_and_strip(0, 300, 100, 90);
	struct souk_tx_body claim = sale_claim(&sale, 90);
	market_refuse(market, BOB, &claim, SOUK_PEER_NOT_DRAWN);
	market_advance(market, MARKET_EPOCH_MS + MARKET_DRAW_MS);
	market_refuse(market, BOB, &claim, SOUK_PEER_NOT_DRAWN);
	struct souk_tx_body draw = body_draw(market, 0);
	market_do(market, OPERATOR, &draw);
	market_do(market, BOB, &claim);
}

static void test_late(void **state)
{
	(void)state;
	allot_and_strip(0, 300, 100, 90);
	struct souk_tx_body claim = sale_claim(&sale, 90), half = sale_claim(&sale, 10);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS - 1);
	market_do(market, BOB, &half);
	market_advance(market, 1);
	market_refuse(market, BOB, &claim, SOUK_PEER_CLAIM_LATE);
	/* Also once the escrow has collected the epoch. */
	allot_and_strip(0, 300, 100, 90);
	market_refuse(market, BOB, &claim, SOUK_PEER_CLAIM_LATE);
}

static void test_next_epoch_is_not_drawn(void **state)
{
	(void)state;
	sale_init(&sale, market, &escrow_id, 1, 0, 300, 100, 50);
	struct souk_tx_body allot = sale_allot(&sale);
	market_do(market, ALICE, &allot);
	sale_strip(&sale, market, 0, 90, UNIT_PRICE);
	struct souk_tx_body claim = sale_claim(&sale, 90);
	market_refuse(market, BOB, &claim, SOUK_PEER_NOT_DRAWN);
	market_finish_epoch(market);
	market_refuse(market, BOB, &claim, SOUK_PEER_NOT_DRAWN);
	market_finish_epoch(market);
	market_do(market, BOB, &claim);
}

/* Whether exactly the points [lo, hi) of epoch 0 of escrow ID are marked, bit by bit. */
static bool marked_are(const struct souk_hash *id, uint64_t lo, uint64_t hi, uint64_t line)
{
	for (uint64_t point = 0; point < line; point++) {
		uint32_t bit = (uint32_t)(point % SOUK_LEDGER_PAID_BITS);
		struct souk_ledger_key key =
			souk_ledger_key_paid(id, 0, (uint32_t)(point / SOUK_LEDGER_PAID_BITS));
		struct souk_bytes value;
		bool marked = souk_store_get(&market->ledger.store, souk_ledger_key_bytes(&key),
				      &value) == SOUK_OK &&
			      (value.data[bit / 8] >> bit % 8 & 1);
		if (marked != (point >= lo && point < hi))
			return false;
	}
	return true;
}

/* Every ncoin is a point: claims of a strip that starts and ends inside words and records. */
static void test_points_within_words(void **state)
{
	(void)state;
	const uint64_t line = 1 << 16, bob = 1237, price = 61;
	struct souk_tx_body body = body_open(2, line, 1, line);
	struct souk_hash id = market_escrow_id(market, ALICE, 2);
	market_do(market, ALICE, &body);
	sale_init(&sale, market, &id, 0, 0, bob, line - bob, 0);
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	sale_strip(&sale, market, 1, 1000, price);
	market_finish_epoch(market);
	uint32_t units[] = {1, 2, 14, 15, 255, 256, 600, 1000};
	for (unsigned i = 0, before = 0; i < SOUK_COUNT_OF(units); before = units[i++]) {
		body = sale_claim(&sale, units[i]);
		market_do(market, CAROL, &body);
		assert_int_equal(market->receipt.amount.ncoin, (units[i] - before) * price);
		assert_true(marked_are(&id, bob, bob + units[i] * price, line));
		market_refuse(market, CAROL, &body, SOUK_PEER_CLAIM_PAID);
	}
	assert_int_equal(market_balance(market, CAROL), 1000 * price);
}

/* What was paid on one ledger is worth nothing on another, where the same payer has opened an
 * escrow of the same salt and allotted the same leaves in the same epoch. */
static void test_other_ledger(void **state)
{
	(void)state;
	struct market *play = market, *real = market_new_named("another market");
	allot_and_strip(0, 300, 100, 90);
	market_finish_epoch(play);
	struct souk_tx_body claim = sale_claim(&sale, 90);
	market_do(play, BOB, &claim);
	market_fund(real, ALICE, 1000 * COIN);
	struct souk_tx_body body = body_open(1, LINE, PRIZE, 5 * LINE);
	market_do(real, ALICE, &body);
	struct souk_hash id = market_escrow_id(real, ALICE, 1);
	assert_false(souk_hash_equal(&id, &escrow_id));
	body = sale_allot(&sale);
	body.allot.escrow = id;
	market_do(real, ALICE, &body);
	market_finish_epoch(real);
	market_refuse(real, BOB, &claim, SOUK_PEER_NO_ESCROW);
	claim.claim.claim.strip.escrow = id;
	market_refuse(real, BOB, &claim, SOUK_PEER_WRONG_SIGNER);
	market_seal(real);
	market_free(real);
}

/* Every part of a claim that could be bent, and what is said about it. */
static void test_forgeries(void **state)
{
	(void)state;
	allot_and_strip(0, 900, 0, 290);
	market_finish_epoch(market);
	const struct souk_tx_body good = sale_claim(&sale, 270);
	struct souk_tx_body bad;
	market_refuse(market, CAROL, &good, SOUK_PEER_NOT_PAYEE);
	market_refuse(market, ALICE, &good, SOUK_PEER_NOT_PAYEE);
#define BENT(change, status)                                                                       \
	do {                                                                                       \
		bad = good;                                                                        \
		struct souk_claim *c = &bad.claim.claim;                                           \
		change;                                                                            \
		market_refuse(market, BOB, &bad, status);                                          \
	} while (0)
	BENT(c->strip.escrow.bytes[0] ^= 1, SOUK_PEER_NO_ESCROW);
	BENT(c->strip.epoch = 5, SOUK_PEER_NO_ALLOTMENT);
	BENT(c->strip.segment = 1, SOUK_PEER_NO_ALLOTMENT);
	BENT(c->leaf.amount.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(c->strip.leaf = 1, SOUK_PEER_BAD_PATH);
	BENT(c->leaf_path.items[0].sum.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(c->leaf_path.count--, SOUK_PEER_BAD_PATH);
	BENT(c->strip.start.ncoin = 50, SOUK_PEER_STRIP_RANGE);
	BENT(c->strip.price.ncoin = 0, SOUK_PEER_STRIP_RANGE);
	BENT(c->strip.price.ncoin = UINT64_MAX, SOUK_PEER_STRIP_RANGE);
	BENT(c->strip.price.ncoin = 2, SOUK_PEER_WRONG_SIGNER);
	BENT(c->batch_count = 2, SOUK_PEER_BAD_BATCH);
	BENT(c->signature.bytes[64] = 2, SOUK_PEER_BAD_SIGNATURE);
	BENT(c->signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(c->unit = 0, SOUK_PEER_BAD_TICKET);
	BENT(c->unit = 291, SOUK_PEER_OVERDRAW);
	BENT(c->unit = 271, SOUK_PEER_BAD_TICKET);
	BENT(c->value.bytes[0] ^= 1, SOUK_PEER_BAD_TICKET);
	BENT(c->key.bytes[0] ^= 1, SOUK_PEER_BAD_KEY);
	BENT(memset(&c->key, 0, sizeof c->key), SOUK_PEER_BAD_KEY);
#undef BENT
	market_do(market, BOB, &good);
}

/* Two strips that their payer laid over each other: the second is paid what the first left. */
static void test_overlapping_strips(void **state)
{
	(void)state;
	allot_and_strip(0, 300, 100, 50);
	struct souk_tx_body first = sale_claim(&sale, 50);
	sale_strip(&sale, market, 0, 90, UNIT_PRICE);
	struct souk_tx_body second = sale_claim(&sale, 90);
	market_finish_epoch(market);
	market_do(market, BOB, &first);
	uint64_t paid = market->receipt.amount.ncoin;
	assert_int_equal(paid, PRIZE * count_prizes(0, 0, 150));
	market_do(market, BOB, &second);
	assert_int_equal(paid + market->receipt.amount.ncoin, PRIZE * count_prizes(0, 0, 270));
}

/* Segments end anywhere between two prizes: everybody is paid in full, and no more than was
 * reserved, for every way of cutting the line. */
static void test_segments_of_any_length(void **state)
{
	(void)state;
	for (uint64_t bob = 1; bob <= 25; bob++) {
		static struct sale sales[3];
		uint64_t epoch = market->ledger.record.epoch, expected = 0, got = 0, base = 0;
		for (uint32_t i = 0; i < 3; i++) {
			sale_init(&sales[i], market, &escrow_id, epoch, i, bob, 0, i);
			struct souk_tx_body allot = sale_allot(&sales[i]);
			market_do(market, ALICE, &allot);
			sale_strip(&sales[i], market, 0, (uint32_t)bob, 1);
		}
		market_finish_epoch(market);
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t prizes = count_prizes(epoch, base, base + bob);
			struct souk_tx_body claim = sale_claim(&sales[i], (uint32_t)bob);
			base += bob + i;
			expected += prizes;
			if (prizes == 0) {
				market_refuse(market, BOB, &claim, SOUK_PEER_CLAIM_NO_PRIZE);
				continue;
			}
			market_do(market, BOB, &claim);
			got += market->receipt.amount.ncoin;
		}
		assert_int_equal(got, expected * PRIZE);
		market_advance(market, 2 * MARKET_EPOCH_MS);
		market_seal(market);
		assert_int_equal(souk_ledger_audit(&market->ledger), SOUK_OK);
		market_begin(market);
	}
}

/* An escrow closed under an open claim still pays it, and opens only afterwards. */
static void test_closing_pays_claims(void **state)
{
	(void)state;
	struct souk_tx_body close = body_close(&escrow_id), withdraw = body_withdraw(&escrow_id);
	allot_and_strip(0, 300, 100, 90);
	struct souk_tx_body claim = sale_claim(&sale, 90);
	market_do(market, ALICE, &close);
	market_advance(market, MARKET_UNLOCK_MS);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_finish_epoch(market);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_do(market, BOB, &claim);
	uint64_t paid = market->receipt.amount.ncoin;
	assert_true(paid > 0);
	market_advance(market, MARKET_CLAIM_MS - 1);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_advance(market, 1);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 5 * LINE - paid);
	market_refuse(market, BOB, &claim, SOUK_PEER_NO_ESCROW);
}

/* The same escrow id again: old allotments and paid bits must not touch the new escrow. */
static void test_escrow_id_reused(void **state)
{
	(void)state;
	struct souk_tx_body close = body_close(&escrow_id), withdraw = body_withdraw(&escrow_id),
			    open = body_open(1, LINE, PRIZE, 5 * LINE);
	allot_and_strip(0, 300, 100, 90);
	struct souk_tx_body claim = sale_claim(&sale, 90), partly = sale_claim(&sale, 30);
	market_do(market, ALICE, &close);
	market_finish_epoch(market);
	market_do(market, BOB, &partly);
	market_advance(market, MARKET_CLAIM_MS);
	market_do(market, ALICE, &withdraw);
	market_do(market, ALICE, &open);
	market_refuse(market, BOB, &claim, SOUK_PEER_CLAIM_LATE);
}

/* More points than one stored record holds. */
static void test_many_points(void **state)
{
	(void)state;
	enum { POINTS = 5000 };
	struct souk_tx_body open = body_open(2, 6000, 1, 6000);
	market_do(market, ALICE, &open);
	struct souk_hash id = market_escrow_id(market, ALICE, 2);
	sale_init(&sale, market, &id, 0, 0, 5500, 0, 0);
	struct souk_tx_body allot = sale_allot(&sale);
	market_do(market, ALICE, &allot);
	sale_strip(&sale, market, 0, 5, POINTS / 5);
	struct souk_tx_body some = sale_claim(&sale, 3), all = sale_claim(&sale, 5);
	market_finish_epoch(market);
	market_do(market, BOB, &some);
	assert_int_equal(market->receipt.amount.ncoin, 3000);
	market_do(market, BOB, &all);
	assert_int_equal(market->receipt.amount.ncoin, 2000);
	market_refuse(market, BOB, &all, SOUK_PEER_CLAIM_PAID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pays_each_point_once),
		TEST(test_not_before_the_draw),
		TEST(test_late),
		TEST(test_next_epoch_is_not_drawn),
		TEST(test_points_within_words),
		TEST(test_other_ledger),
		TEST(test_forgeries),
		TEST(test_overlapping_strips),
		TEST(test_segments_of_any_length),
		TEST(test_closing_pays_claims),
		TEST(test_escrow_id_reused),
		TEST(test_many_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
