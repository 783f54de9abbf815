/* SPDX-License-Identifier: Apache-2.0
 *
 * Several strips of a leaf in one claim, and a receipt in place of all of them:
 * what is paid, and each way to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/payment/receipt.h"
#include "test_market.h"

#define PRIZE 10u
#define LINE  1000u
#define STRIP 30u /* units of 1 ncoin in a strip */
#define ITEMS SOUK_CLAIM_ITEMS_MAX

static struct market *market;
static struct souk_hash escrow_id;
static struct sale sale;	  /* the leaves: BOB 400, CAROL 100, DAVE 50 */
static struct sale strips[ITEMS]; /* on BOB's leaf, side by side */

static int setup(void **state)
{
	(void)state;
	market = market_new();
	market_fund(market, ALICE, 1000 * COIN);
	struct souk_tx_body body = body_open(1, LINE, PRIZE, 5 * LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 1);
	sale_init(&sale, market, &escrow_id, 0, 0, 400, 100, 50);
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	for (unsigned i = 0; i < ITEMS; i++) {
		strips[i] = sale;
		sale_strip_at(&strips[i], market, 0, BOB, i * STRIP, STRIP, 1, (uint8_t)i);
	}
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

/* Sign the strips again, as one batch. */
static void sign_together(unsigned count)
{
	struct souk_strip_open *opens[ITEMS];
	for (unsigned i = 0; i < count; i++)
		opens[i] = &strips[i].open;
	assert_int_equal(souk_strip_sign_batch(opens, count, &market->issuer), SOUK_OK);
}

static struct souk_tx_body claim_many(unsigned count, uint32_t unit)
{
	struct souk_tx_body claims[ITEMS];
	for (unsigned i = 0; i < count; i++)
		claims[i] = sale_claim(&strips[i], unit);
	return body_claim_many(claims, count);
}

static uint64_t offset_of(uint64_t epoch)
{
	struct souk_epoch_record record;
	assert_int_equal(souk_ledger_get_epoch(&record, &market->ledger, epoch), SOUK_OK);
	return souk_lottery_offset(&record.beacon, &escrow_id, epoch, souk_amount_of_ncoin(PRIZE))
		.ncoin;
}

/* Prizes on [lo, hi) of epoch 0's line, one point after the other. */
static uint64_t prizes(uint64_t lo, uint64_t hi)
{
	uint64_t count = 0, offset = offset_of(0);
	for (uint64_t point = lo; point < hi; point++)
		count += point % PRIZE == offset;
	return count * PRIZE;
}

/* ---- several strips ---- */

static void test_many_are_paid(void **state)
{
	(void)state;
	for (unsigned together = 0; together < 2; together++) {
		uint64_t expected = 0;
		if (together) {
			teardown(NULL);
			setup(NULL);
			sign_together(ITEMS);
		}
		struct souk_tx_body many = claim_many(ITEMS, 15), all = claim_many(ITEMS, STRIP);
		market_refuse(market, BOB, &many, SOUK_PEER_NOT_DRAWN);
		market_finish_epoch(market);
		for (unsigned i = 0; i < ITEMS; i++)
			expected += prizes(i * STRIP, i * STRIP + 15);
		market_do(market, BOB, &many);
		assert_int_equal(market->receipt.amount.ncoin, expected);
		market_refuse(market, BOB, &many, SOUK_PEER_CLAIM_PAID);
		market_do(market, BOB, &all);
		assert_int_equal(market_balance(market, BOB), prizes(0, ITEMS * STRIP));
		struct souk_tx_body one = sale_claim(&strips[3], STRIP);
		market_refuse(market, BOB, &one, SOUK_PEER_CLAIM_PAID);
	}
}

static void test_one_is_enough(void **state)
{
	(void)state;
	struct souk_tx_body many = claim_many(1, STRIP);
	market_finish_epoch(market);
	market_do(market, BOB, &many);
	assert_int_equal(market->receipt.amount.ncoin, prizes(0, STRIP));
}

/* All or none: one item without a prize, or with one paid already, refuses the rest. */
static void test_all_or_none(void **state)
{
	(void)state;
	market_finish_epoch(market);
	uint64_t offset = offset_of(0);
	struct souk_tx_body claims[3] = {sale_claim(&strips[0], STRIP), sale_claim(&strips[1], 1),
		sale_claim(&strips[2], STRIP)};
	struct souk_tx_body many = body_claim_many(claims, 3);
	if (offset != 0) {
		market_refuse(market, BOB, &many, SOUK_PEER_CLAIM_NO_PRIZE);
		claims[1] = sale_claim(&strips[1], STRIP);
	}
	market_do(market, BOB, &claims[1]);
	many = body_claim_many(claims, 3);
	market_refuse(market, BOB, &many, SOUK_PEER_CLAIM_PAID);
	claims[1] = claims[0];
	many = body_claim_many(claims, 3);
	market_refuse(market, BOB, &many, SOUK_PEER_CLAIM_PAID);
	claims[1] = claims[2];
	many = body_claim_many(claims, 2);
	market_do(market, BOB, &many);
}

/* Strips that their issuer laid over each other: a common point is paid once. */
static void test_overlapping_items(void **state)
{
	(void)state;
	struct sale *over = &strips[1];
	sale_strip_at(over, market, 0, BOB, 10, 60, 1, 1);
	struct souk_tx_body claims[2] = {sale_claim(&strips[0], STRIP), sale_claim(over, 60)};
	struct souk_tx_body many = body_claim_many(claims, 2), swapped;
	struct souk_tx_body inner[2] = {claims[1], claims[0]};
	swapped = body_claim_many(inner, 2);
	market_finish_epoch(market);
	/* The point below 10 is not in the larger one: each has one of its own, either way. */
	market_do(market, BOB, &many);
	assert_int_equal(market->receipt.amount.ncoin, prizes(0, 70));
	market_refuse(market, BOB, &swapped, SOUK_PEER_CLAIM_PAID);
}

static void test_many_forgeries(void **state)
{
	(void)state;
	sign_together(4);
	struct souk_tx_body good = claim_many(4, STRIP), bad;
	market_finish_epoch(market);
	market_refuse(market, CAROL, &good, SOUK_PEER_NOT_PAYEE);
#define BENT(change, status)                                                                       \
	do {                                                                                       \
		bad = good;                                                                        \
		struct souk_tx_claim_many *m = &bad.claim_many;                                    \
		change;                                                                            \
		market_refuse(market, BOB, &bad, status);                                          \
	} while (0)
	BENT(m->items.count = 0, SOUK_PEER_BAD_REQUEST);
	BENT(m->items.items[0].strip.escrow.bytes[0] ^= 1, SOUK_PEER_NO_ESCROW);
	BENT(m->items.items[3].strip.escrow.bytes[0] ^= 1, SOUK_PEER_BAD_PATH);
	BENT(m->items.items[1].strip.epoch = 1, SOUK_PEER_BAD_PATH);
	BENT(m->items.items[1].strip.segment = 1, SOUK_PEER_BAD_PATH);
	BENT(m->items.items[1].strip.leaf = 1, SOUK_PEER_BAD_PATH);
	BENT(m->items.items[2].strip.payee.bytes[0] ^= 1, SOUK_PEER_NOT_PAYEE);
	BENT(m->leaf.amount.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(m->leaf_path.items[0].sum.ncoin++, SOUK_PEER_BAD_PATH);
	BENT(m->items.items[1].strip.version = 2, SOUK_PEER_BAD_VERSION);
	BENT(m->items.items[1].strip.start.ncoin = 390, SOUK_PEER_STRIP_RANGE);
	BENT(m->items.items[1].unit = 0, SOUK_PEER_BAD_TICKET);
	BENT(m->items.items[1].unit = STRIP + 1, SOUK_PEER_OVERDRAW);
	BENT(m->items.items[3].unit = STRIP - 1, SOUK_PEER_BAD_TICKET);
	BENT(m->items.items[3].value.bytes[5] ^= 1, SOUK_PEER_BAD_TICKET);
	BENT(m->items.items[3].key.bytes[5] ^= 1, SOUK_PEER_BAD_KEY);
	/* A signature that was found good once is good for its own batch only. */
	BENT(m->items.items[3].strip.price.ncoin = 2, SOUK_PEER_WRONG_SIGNER);
	BENT(m->items.items[1].strip.start.ncoin = 31, SOUK_PEER_WRONG_SIGNER);
	BENT(m->items.items[3].batch_count = 5, SOUK_PEER_BAD_BATCH);
	BENT(m->items.items[3].batch_index = 2, SOUK_PEER_WRONG_SIGNER);
	BENT(m->items.items[3].batch_path.items[0].bytes[0] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(m->items.items[3].signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(m->items.items[3].signature.bytes[64] = 2, SOUK_PEER_BAD_SIGNATURE);
	BENT(m->items.items[0].signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
#undef BENT
	market_do(market, BOB, &good);
}

static void test_many_built_of_one_leaf(void **state)
{
	(void)state;
	static struct souk_claim claims[ITEMS + 1];
	static struct souk_tx_claim_many many;
	static struct sale other;
	for (unsigned i = 0; i < ITEMS; i++)
		claims[i] = sale_claim(&strips[i], 1).claim.claim;
	claims[ITEMS] = claims[0];
	assert_int_equal(souk_claim_many_build(&many, claims, 0), SOUK_LOCAL_FULL);
	assert_int_equal(souk_claim_many_build(&many, claims, ITEMS + 1), SOUK_LOCAL_FULL);
	assert_int_equal(souk_claim_many_build(&many, claims, ITEMS), SOUK_OK);
	other = sale;
	sale_strip(&other, market, 1, 10, 1);
	claims[1] = sale_claim(&other, 1).claim.claim;
	assert_int_equal(souk_claim_many_build(&many, claims, 2), SOUK_LOCAL_STATE);
	claims[1] = claims[2];
	claims[1].leaf_path.items[0].sum.ncoin++;
	assert_int_equal(souk_claim_many_build(&many, claims, 2), SOUK_LOCAL_STATE);
}

/* ---- receipts ---- */

/* Half-used strips win here and there; their receipt is off by less than one prize. */
static void test_receipt_closes_gaps(void **state)
{
	(void)state;
	const uint64_t owed = ITEMS * 13;
	struct souk_tx_body receipt = sale_receipt(&sale, market, 0, owed);
	struct souk_tx_body strip = sale_claim(&strips[1], STRIP), many = claim_many(2, STRIP);
	struct souk_tx_body other = sale_receipt(&sale, market, 0, owed + 1);
	market_finish_epoch(market);
	market_do(market, BOB, &receipt);
	assert_int_equal(market->receipt.amount.ncoin, prizes(0, owed));
	int64_t off = (int64_t)market->receipt.amount.ncoin - (int64_t)owed;
	assert_true(off < PRIZE && off > -(int64_t)PRIZE);
	/* From then on the leaf pays nothing but this. */
	market_refuse(market, BOB, &receipt, SOUK_PEER_CLAIM_PAID);
	market_refuse(market, BOB, &other, SOUK_PEER_LEAF_CLAIMED);
	market_refuse(market, BOB, &strip, SOUK_PEER_LEAF_CLAIMED);
	market_refuse(market, BOB, &many, SOUK_PEER_LEAF_CLAIMED);
	/* Other leaves are not concerned. */
	sale_strip(&sale, market, 1, 100, 1);
	struct souk_tx_body carol = sale_claim(&sale, 100);
	market_do(market, CAROL, &carol);
	struct souk_tx_body dave = sale_receipt(&sale, market, 2, 50);
	market_do(market, DAVE, &dave);
}

/* Every amount of the leaf: paid is what its prefix won. */
static void test_receipt_amounts(void **state)
{
	(void)state;
	static const uint64_t amounts[] = {1, 9, 10, 11, 57, 399, 400};
	for (unsigned i = 0; i < SOUK_COUNT_OF(amounts); i++) {
		if (i != 0) {
			teardown(NULL);
			setup(NULL);
		}
		struct souk_tx_body receipt = sale_receipt(&sale, market, 0, amounts[i]);
		market_finish_epoch(market);
		uint64_t won = prizes(0, amounts[i]);
		if (won == 0) {
			market_refuse(market, BOB, &receipt, SOUK_PEER_CLAIM_NO_PRIZE);
			continue;
		}
		market_do(market, BOB, &receipt);
		assert_int_equal(market->receipt.amount.ncoin, won);
	}
}

static void test_strips_first(void **state)
{
	(void)state;
	struct souk_tx_body strip = sale_claim(&strips[7], STRIP),
			    receipt = sale_receipt(&sale, market, 0, 60);
	market_finish_epoch(market);
	market_do(market, BOB, &strip);
	market_refuse(market, BOB, &receipt, SOUK_PEER_LEAF_CLAIMED);
	/* On another segment the same leaf number is another leaf. */
	sale.segment = 0;
	sale.epoch = market->ledger.record.epoch;
	struct souk_tx_body allot = sale_allot(&sale);
	market_do(market, ALICE, &allot);
	receipt = sale_receipt(&sale, market, 0, 60);
	market_finish_epoch(market);
	market_do(market, BOB, &receipt);
}

/* Lodged before the draw, by either side, a receipt is what counts. */
static void lodged_by(enum party who)
{
	struct souk_tx_body receipt = sale_receipt(&sale, market, 0, 60),
			    lower = sale_receipt(&sale, market, 0, 59),
			    strip = sale_claim(&strips[0], STRIP);
	market_do(market, who, &receipt);
	assert_int_equal(market->receipt.amount.ncoin, 0);
	market_refuse(market, who, &receipt, SOUK_PEER_NOT_DRAWN);
	market_refuse(market, who, &lower, SOUK_PEER_LEAF_CLAIMED);
	market_finish_epoch(market);
	market_refuse(market, BOB, &strip, SOUK_PEER_LEAF_CLAIMED);
	market_refuse(market, BOB, &lower, SOUK_PEER_LEAF_CLAIMED);
	market_refuse(market, ALICE, &receipt, SOUK_PEER_NOT_PAYEE);
	market_do(market, BOB, &receipt);
	assert_int_equal(market->receipt.amount.ncoin, prizes(0, 60));
	market_refuse(market, BOB, &receipt, SOUK_PEER_CLAIM_PAID);
}

static void test_lodged_by_payee(void **state)
{
	(void)state;
	lodged_by(BOB);
}

static void test_lodged_by_payer(void **state)
{
	(void)state;
	lodged_by(ALICE);
}

static void test_receipt_forgeries(void **state)
{
	(void)state;
	struct souk_tx_body good = sale_receipt(&sale, market, 0, 60), bad;
	market_fund(market, CAROL, 1);
	market_refuse(market, CAROL, &good, SOUK_PEER_NOT_PAYEE);
	market_finish_epoch(market);
	market_refuse(market, CAROL, &good, SOUK_PEER_NOT_PAYEE);
	market_refuse(market, ALICE, &good, SOUK_PEER_NOT_PAYEE);
#define BENT(change, status)                                                                       \
	do {                                                                                       \
		bad = good;                                                                        \
		struct souk_tx_claim_receipt *c = &bad.claim_receipt;                              \
		struct souk_leaf_receipt *r = &c->receipt.receipt;                                 \
		change;                                                                            \
		(void)r;                                                                           \
		market_refuse(market, BOB, &bad, status);                                          \
	} while (0)
	BENT(r->escrow.bytes[0] ^= 1, SOUK_PEER_NO_ESCROW);
	BENT(r->epoch = 1, SOUK_PEER_NO_ALLOTMENT);
	BENT(r->epoch = UINT64_MAX, SOUK_PEER_NO_ALLOTMENT);
	BENT(r->segment = 1, SOUK_PEER_NO_ALLOTMENT);
	BENT(r->version = 2, SOUK_PEER_BAD_VERSION);
	BENT(r->payee = market->parties[CAROL].address, SOUK_PEER_NOT_PAYEE);
	BENT(c->leaf.provider = market->parties[CAROL].address, SOUK_PEER_NOT_PAYEE);
	BENT(c->leaf.provider = (struct souk_address){{0}}, SOUK_PEER_NOT_PAYEE);
	BENT(r->amount.ncoin = 0, SOUK_PEER_STRIP_RANGE);
	BENT(r->amount.ncoin = 401, SOUK_PEER_STRIP_RANGE);
	BENT(r->amount.ncoin = UINT64_MAX, SOUK_PEER_STRIP_RANGE);
	BENT(c->leaf.amount.ncoin = 401, SOUK_PEER_BAD_PATH);
	BENT(r->leaf = 1, SOUK_PEER_BAD_PATH);
	BENT(c->leaf_path.count--, SOUK_PEER_BAD_PATH);
	BENT(r->amount.ncoin = 61, SOUK_PEER_WRONG_SIGNER);
	BENT(c->receipt.issuer_signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(c->receipt.issuer_signature.bytes[64] = 7, SOUK_PEER_BAD_SIGNATURE);
	BENT(c->receipt.payee_signature.bytes[64] ^= 1, SOUK_PEER_WRONG_SIGNER);
	BENT(c->receipt.payee_signature = c->receipt.issuer_signature, SOUK_PEER_WRONG_SIGNER);
	BENT(souk_leaf_receipt_issue(&c->receipt, &market->parties[ALICE]), SOUK_PEER_WRONG_SIGNER);
	BENT(souk_leaf_receipt_countersign(&c->receipt, &market->parties[CAROL]),
		SOUK_PEER_WRONG_SIGNER);
#undef BENT
	market_do(market, BOB, &good);
}

static void test_receipt_late(void **state)
{
	(void)state;
	struct souk_tx_body receipt = sale_receipt(&sale, market, 0, 60);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS - 1);
	market_do(market, BOB, &receipt);
	receipt = sale_receipt(&sale, market, 2, 50);
	market_advance(market, 1);
	market_refuse(market, DAVE, &receipt, SOUK_PEER_CLAIM_LATE);
}

/* No receipt for an open leaf: what its payee did not claim is another's. */
static void test_no_receipt_on_open_leaf(void **state)
{
	(void)state;
	struct souk_tx_body good = sale_receipt(&sale, market, 0, 60), allot;
	sale.segment = 1;
	sale.leaves[0].provider = (struct souk_address){{0}};
	sale.leaves[0].amount.ncoin = 100;
	allot = sale_allot(&sale);
	market_do(market, ALICE, &allot);
	struct souk_signed_leaf_receipt receipt;
	struct souk_strip place = {.escrow = escrow_id, .segment = 1};
	assert_int_equal(souk_leaf_receipt_build(
				 &receipt, &place, &sale.leaves[0], souk_amount_of_ncoin(60)),
		SOUK_LOCAL_STATE);
	good.claim_receipt.receipt.receipt.segment = 1;
	souk_leaf_receipt_issue(&good.claim_receipt.receipt, &market->issuer);
	souk_leaf_receipt_countersign(&good.claim_receipt.receipt, &market->parties[BOB]);
	good.claim_receipt.leaf = sale.leaves[0];
	market_finish_epoch(market);
	market_refuse(market, BOB, &good, SOUK_PEER_NOT_PAYEE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_are_paid),
		TEST(test_one_is_enough),
		TEST(test_all_or_none),
		TEST(test_overlapping_items),
		TEST(test_many_forgeries),
		TEST(test_many_built_of_one_leaf),
		TEST(test_receipt_closes_gaps),
		TEST(test_receipt_amounts),
		TEST(test_strips_first),
		TEST(test_lodged_by_payee),
		TEST(test_lodged_by_payer),
		TEST(test_receipt_forgeries),
		TEST(test_receipt_late),
		TEST(test_no_receipt_on_open_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
