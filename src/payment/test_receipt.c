/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts in place of strips, and strips claimed together: every bit of either is
 * bound, and what they say is checked by both sides before they sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/payment/receipt.h"

static struct fixture fixture;
static struct souk_identity payee;
static struct fixture_sale sales[4];

/* Three leaves of 1,000,000; the second one's provider is PAYEE. */
static int setup(void **state)
{
	(void)state;
	struct souk_sum_node root;
	fixture_init(&fixture, 51, 3, 1000000, 5000);
	fixture_identity(&payee, &fixture.rng);
	fixture.leaves[1].provider = payee.address;
	assert_int_equal(souk_allotment_commit(&root, fixture.leaves, 3, fixture.nodes), SOUK_OK);
	fixture.record.root = root.hash;
	return 0;
}

static struct souk_tx_claim_receipt receipt_of(uint64_t amount)
{
	struct souk_tx_claim_receipt ret;
	struct souk_strip place = {.escrow = fixture.escrow, .epoch = 7, .segment = 1, .leaf = 1};
	struct souk_strip_open open;
	memset(&ret, 0, sizeof ret);
	assert_int_equal(souk_leaf_receipt_build(&ret.receipt, &place, &fixture.leaves[1],
				 souk_amount_of_ncoin(amount)),
		SOUK_OK);
	souk_leaf_receipt_countersign(&ret.receipt, &payee);
	souk_leaf_receipt_issue(&ret.receipt, &fixture.issuer);
	assert_int_equal(souk_allotment_prove(&open, fixture.leaves, 3, 1, fixture.nodes), SOUK_OK);
	ret.leaf = open.leaf;
	ret.leaf_path.count = open.leaf_path.count;
	memcpy(ret.leaf_path.items, open.leaf_path.items, sizeof open.leaf_path.items);
	return ret;
}

static souk_status verify(const struct souk_tx_claim_receipt *claim)
{
	struct souk_amount base = {0xdead};
	souk_status status = souk_leaf_receipt_verify(&base, &claim->receipt, &claim->leaf,
		claim->leaf_path.items, claim->leaf_path.count, &fixture.record);
	assert_int_equal(base.ncoin, status == SOUK_OK ? 5000 + 1000000 : 0xdead);
	return status;
}

static void a_receipt_of_any_amount(void **state)
{
	(void)state;
	static const uint64_t amounts[] = {1, 2, 999999, 1000000};
	for (size_t i = 0; i < SOUK_COUNT_OF(amounts); i++) {
		struct souk_tx_claim_receipt claim = receipt_of(amounts[i]);
		assert_int_equal(verify(&claim), SOUK_OK);
		assert_int_equal(claim.receipt.receipt.amount.ncoin, amounts[i]);
	}
}

static void what_has_no_receipt(void **state)
{
	(void)state;
	struct souk_signed_leaf_receipt receipt, untouched;
	struct souk_strip place = {.leaf = 1};
	struct souk_allotment_leaf open = fixture.leaves[1];
	open.provider = (struct souk_address){{0}};
	memset(&receipt, 7, sizeof receipt);
	untouched = receipt;
	static const uint64_t amounts[] = {0, 1000001, UINT64_MAX};
	for (size_t i = 0; i < SOUK_COUNT_OF(amounts); i++)
		assert_int_equal(souk_leaf_receipt_build(&receipt, &place, &fixture.leaves[1],
					 souk_amount_of_ncoin(amounts[i])),
			SOUK_LOCAL_STATE);
	assert_int_equal(souk_leaf_receipt_build(&receipt, &place, &open, souk_amount_of_ncoin(1)),
		SOUK_LOCAL_STATE);
	assert_memory_equal(&receipt, &untouched, sizeof receipt);
}

static void each_side_sees_who_has_signed(void **state)
{
	(void)state;
	struct souk_tx_claim_receipt claim = receipt_of(500);
	struct souk_signed_leaf_receipt *receipt = &claim.receipt;
	const struct souk_allotment_leaf *leaf = &fixture.leaves[1];
	assert_int_equal(souk_leaf_receipt_verify_issuer(receipt, leaf), SOUK_OK);
	assert_int_equal(souk_leaf_receipt_verify_payee(receipt), SOUK_OK);
	receipt->receipt.amount.ncoin++;
	assert_int_equal(souk_leaf_receipt_check(&receipt->receipt, leaf), SOUK_OK);
	assert_int_equal(souk_leaf_receipt_verify_issuer(receipt, leaf), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(souk_leaf_receipt_verify_payee(receipt), SOUK_PEER_WRONG_SIGNER);
	souk_leaf_receipt_issue(receipt, &payee);
	souk_leaf_receipt_countersign(receipt, &fixture.issuer);
	assert_int_equal(souk_leaf_receipt_verify_issuer(receipt, leaf), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(souk_leaf_receipt_verify_payee(receipt), SOUK_PEER_WRONG_SIGNER);
	memset(&receipt->issuer_signature, 0, sizeof receipt->issuer_signature);
	assert_int_equal(souk_leaf_receipt_verify_issuer(receipt, leaf), SOUK_PEER_BAD_SIGNATURE);
	assert_int_equal(souk_leaf_receipt_check(&receipt->receipt, &fixture.leaves[0]),
		SOUK_PEER_NOT_PAYEE);
	receipt->receipt.version = 0;
	assert_int_equal(souk_leaf_receipt_check(&receipt->receipt, leaf), SOUK_PEER_BAD_VERSION);
}

/* Escrow, epoch and segment say which allotment it is verified under; the signatures bind them. */
static void every_bit_of_a_receipt_is_bound(void **state)
{
	(void)state;
	uint8_t bytes[SOUK_TX_CLAIM_RECEIPT_SIZE_MAX];
	struct souk_tx_claim_receipt claim = receipt_of(777);
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_tx_claim_receipt_encode(&writer, &claim);
	for (size_t bit = 0; bit < 8 * writer.size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (souk_tx_claim_receipt_decode(&claim, souk_bytes_of(bytes, writer.size), NULL) ==
			SOUK_OK)
			assert_int_not_equal(verify(&claim), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(
		souk_tx_claim_receipt_decode(&claim, souk_bytes_of(bytes, writer.size), NULL),
		SOUK_OK);
	assert_int_equal(verify(&claim), SOUK_OK);
}

/* Strips of one batch share their signature, the last one has its own. */
static void every_bit_of_a_batch_is_bound(void **state)
{
	(void)state;
	static uint8_t bytes[SOUK_TX_CLAIM_MANY_SIZE_MAX];
	static struct souk_tx_claim_many many;
	struct souk_claim_span spans[SOUK_CLAIM_ITEMS_MAX];
	struct souk_claim claims[4];
	struct souk_writer writer;
	struct fixture_sale *batch[] = {&sales[0], &sales[1], &sales[2]};
	for (size_t i = 0; i < 3; i++)
		fixture_sale_reserve(&fixture, batch[i], 1, i == 1 ? 300 : 20, 100);
	fixture_sign(&fixture, batch, 3);
	fixture_sale_open(&fixture, &sales[3], 1, 20, 100);
	for (size_t i = 0; i < 4; i++)
		fixture_claim(&claims[i], &sales[i], i == 1 ? 290 : 9);
	assert_int_equal(souk_claim_many_build(&many, claims, 4), SOUK_OK);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_tx_claim_many_encode(&writer, &many);
	for (size_t bit = 0; bit < 8 * writer.size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (souk_tx_claim_many_decode(&many, souk_bytes_of(bytes, writer.size), NULL) ==
			SOUK_OK)
			assert_int_not_equal(
				souk_claim_many_verify(spans, &many, &fixture.record), SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(
		souk_tx_claim_many_decode(&many, souk_bytes_of(bytes, writer.size), NULL), SOUK_OK);
	assert_int_equal(souk_claim_many_verify(spans, &many, &fixture.record), SOUK_OK);
	for (size_t i = 0; i < 4; i++) {
		struct souk_amount lo, hi;
		assert_int_equal(souk_claim_verify(&lo, &hi, &claims[i], &fixture.record), SOUK_OK);
		assert_int_equal(spans[i].lo.ncoin, lo.ncoin);
		assert_int_equal(spans[i].hi.ncoin, hi.ncoin);
	}
}

/* What a promise without its tickets proves: as strip_open, but for the tickets. */
static void a_promise_is_evidence(void **state)
{
	(void)state;
	struct souk_signed_strip promise;
	struct souk_amount base = {0};
	fixture_sale_open(&fixture, &sales[0], 1, 300, 100);
	souk_signed_strip_of(&promise, &sales[0].open);
	assert_int_equal(souk_signed_strip_verify(&base, &promise, &fixture.record), SOUK_OK);
	assert_int_equal(base.ncoin, 5000 + 1000000);
	promise.strip.count++;
	assert_int_equal(
		souk_signed_strip_verify(&base, &promise, &fixture.record), SOUK_PEER_WRONG_SIGNER);
	promise.strip.count = 1000000;
	assert_int_equal(
		souk_signed_strip_verify(&base, &promise, &fixture.record), SOUK_PEER_STRIP_RANGE);
	souk_signed_strip_of(&promise, &sales[0].open);
	promise.strip.payee.bytes[0] ^= 1;
	assert_int_equal(
		souk_signed_strip_verify(&base, &promise, &fixture.record), SOUK_PEER_NOT_PAYEE);
	souk_signed_strip_of(&promise, &sales[0].open);
	promise.leaf_path.items[0].sum.ncoin++;
	assert_int_equal(
		souk_signed_strip_verify(&base, &promise, &fixture.record), SOUK_PEER_BAD_PATH);
}

#define BETA 12u

/* Points that [lo, hi) holds under OFFSET. */
static uint64_t points(uint64_t offset, uint64_t lo, uint64_t hi)
{
	uint64_t first;
	return souk_lottery_points(&first, souk_amount_of_ncoin(offset), souk_amount_of_ncoin(BETA),
		souk_amount_of_ncoin(lo), souk_amount_of_ncoin(hi));
}

struct layout {
	unsigned count;
	struct {
		uint64_t lo, hi;
	} stretches[12];
};

/* Prizes that choosing the better after the draw brings over the receipt, summed over all BETA
 * offsets; and what the bound of spec/payment.md 6.2 allows, times BETA. */
static uint64_t gain_of_choosing(const struct layout *layout, uint64_t *ret_bound)
{
	uint64_t gain = 0, owed = 0, bound = 0;
	for (unsigned i = 0; i < layout->count; i++) {
		uint64_t length = layout->stretches[i].hi - layout->stretches[i].lo;
		owed += length;
		bound += length % BETA * (BETA - length % BETA);
	}
	for (uint64_t offset = 0; offset < BETA; offset++) {
		uint64_t strips = 0, receipt = points(offset, 0, owed);
		for (unsigned i = 0; i < layout->count; i++)
			strips += points(offset, layout->stretches[i].lo, layout->stretches[i].hi);
		gain += strips > receipt ? strips - receipt : 0;
	}
	*ret_bound = bound + owed % BETA * (BETA - owed % BETA);
	return gain;
}

static void what_choosing_is_worth(void **state)
{
	(void)state;
	uint64_t bound;
	for (unsigned round = 0; round < 20000; round++) {
		struct layout layout = {.count = 1 + (unsigned)souk_rng_below(&fixture.rng, 12)};
		uint64_t at = 0;
		for (unsigned i = 0; i < layout.count; i++) {
			layout.stretches[i].lo = at += souk_rng_below(&fixture.rng, 20);
			layout.stretches[i].hi = at += 1 + souk_rng_below(&fixture.rng, 30);
		}
		assert_true(gain_of_choosing(&layout, &bound) * BETA <= bound);
		assert_true(bound * 4 <= (layout.count + 1) * BETA * BETA);
	}
	/* From the leaf's start without a gap there is nothing to choose. */
	struct layout whole = {.count = 1, .stretches = {{0, 31}}};
	assert_int_equal(gain_of_choosing(&whole, &bound), 0);
	/* Strips of one prize each, all half used: a quarter of a prize for each. */
	struct layout halves = {.count = 12};
	for (unsigned i = 0; i < 12; i++) {
		halves.stretches[i].lo = (uint64_t)i * BETA;
		halves.stretches[i].hi = (uint64_t)i * BETA + BETA / 2;
	}
	assert_int_equal(gain_of_choosing(&halves, &bound), 3 * BETA);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_receipt_of_any_amount),
		TEST(what_has_no_receipt),
		TEST(each_side_sees_who_has_signed),
		TEST(every_bit_of_a_receipt_is_bound),
		TEST(every_bit_of_a_batch_is_bound),
		TEST(a_promise_is_evidence),
		TEST(what_choosing_is_worth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
