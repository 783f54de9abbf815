/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"

static const struct souk_amount untouched = {0xdead};

static struct souk_strip strip_at(uint64_t start, uint32_t count, uint64_t price)
{
	return (struct souk_strip){.start = {start}, .count = count, .price = {price}};
}

static void end_of_a_strip(void **state)
{
	(void)state;
	static const struct {
		uint64_t start;
		uint32_t count;
		uint64_t price, end;
		souk_status status;
	} rows[] = {
		{0, 1, 1, 1, SOUK_OK},
		{5, 65536, 10, 655365, SOUK_OK},
		{5, 65537, 10, 0, SOUK_PEER_STRIP_RANGE},
		{5, 0, 10, 0, SOUK_PEER_STRIP_RANGE},
		{5, 1, 0, 0, SOUK_PEER_STRIP_RANGE},
		{0, 1, UINT64_MAX, UINT64_MAX, SOUK_OK},
		{1, 1, UINT64_MAX, 0, SOUK_PEER_STRIP_RANGE},
		{UINT64_MAX, 1, 1, 0, SOUK_PEER_STRIP_RANGE},
		{0, 65536, 1ull << 48, 0, SOUK_PEER_STRIP_RANGE},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		struct souk_amount end = untouched;
		struct souk_strip strip = strip_at(rows[i].start, rows[i].count, rows[i].price);
		assert_int_equal(souk_strip_end(&end, &strip), rows[i].status);
		assert_int_equal(
			end.ncoin, rows[i].status == SOUK_OK ? rows[i].end : untouched.ncoin);
	}
}

static void overlap_of_strips(void **state)
{
	(void)state;
	static const struct {
		uint64_t start_a, start_b;
		bool overlap;
	} rows[] = {{0, 0, true}, {0, 99, true}, {0, 100, false}, {99, 0, true}, {100, 0, false},
		{50, 60, true}, {UINT64_MAX - 5, 0, false}, {UINT64_MAX - 5, UINT64_MAX - 3, true}};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		struct souk_strip a = strip_at(rows[i].start_a, 10, 10),
				  b = strip_at(rows[i].start_b, 10, 10), c;
		assert_int_equal(souk_payee_strips_overlap(&a, &b), rows[i].overlap);
		assert_int_equal(souk_payee_strips_overlap(&b, &a), rows[i].overlap);
		c = b, c.leaf++;
		assert_false(souk_payee_strips_overlap(&a, &c));
		c = b, c.segment++;
		assert_false(souk_payee_strips_overlap(&a, &c));
		c = b, c.epoch++;
		assert_false(souk_payee_strips_overlap(&a, &c));
		c = b, c.escrow.bytes[31]++;
		assert_false(souk_payee_strips_overlap(&a, &c));
	}
}

static souk_status verify(
	const struct souk_strip_open *open, const struct souk_allotment_record *record)
{
	struct souk_amount ret = untouched;
	souk_status status = souk_strip_open_verify(&ret, open, record);
	if (status != SOUK_OK)
		assert_int_equal(ret.ncoin, untouched.ncoin);
	return status;
}

/* Each row breaks one thing and names the status that must come of it. */
static void broken_opens_are_named(void **state)
{
	(void)state;
	struct fixture f;
	struct fixture_sale sale;
	struct souk_strip_open bad;
	fixture_init(&f, 3, 5, 1000000, 500);
	fixture_sale_open(&f, &sale, 2, 600, 10);
	assert_int_equal(sale.base.ncoin, 500 + 2 * 1000000);
#define EXPECT(status, ...)                                                                        \
	do {                                                                                       \
		bad = sale.open;                                                                   \
		__VA_ARGS__;                                                                       \
		assert_int_equal(verify(&bad, &f.record), status);                                 \
	} while (0)
	EXPECT(SOUK_OK, (void)0);
	EXPECT(SOUK_PEER_BAD_VERSION, bad.strip.version = 2);
	EXPECT(SOUK_PEER_STRIP_RANGE, bad.strip.count = 0);
	EXPECT(SOUK_PEER_STRIP_RANGE, bad.strip.price.ncoin = 0);
	EXPECT(SOUK_PEER_STRIP_RANGE, bad.strip.start.ncoin = 1000000 - 5999);
	EXPECT(SOUK_PEER_BAD_SIGNATURE, bad.strip.start.ncoin = 1000000 - 6000;
		bad.signature.bytes[64] = 2);
	EXPECT(SOUK_PEER_BAD_PATH, bad.strip.leaf = 3);
	EXPECT(SOUK_PEER_BAD_PATH, bad.leaf.amount.ncoin++);
	EXPECT(SOUK_PEER_NOT_PAYEE, bad.leaf.provider.bytes[0] ^= 1);
	EXPECT(SOUK_PEER_BAD_PATH, bad.leaf.provider.bytes[0] ^= 1, bad.strip.payee.bytes[0] ^= 1);
	EXPECT(SOUK_PEER_BAD_PATH, bad.leaf_path.count = 0);
	EXPECT(SOUK_PEER_BAD_CHECKPOINT, bad.ticket_leaves.count--);
	EXPECT(SOUK_PEER_BAD_CHECKPOINT, bad.ticket_leaves.items[1].bytes[0] ^= 1);
	EXPECT(SOUK_PEER_BAD_CHECKPOINT, bad.strip.checkpoints.bytes[0] ^= 1);
	EXPECT(SOUK_PEER_BAD_CHECKPOINT, bad.strip.count = 255);
	EXPECT(SOUK_PEER_BAD_BATCH, bad.batch_index = 1);
	EXPECT(SOUK_PEER_BAD_BATCH, bad.batch_count = 0);
	EXPECT(SOUK_PEER_BAD_BATCH, bad.batch_count = 2);
	EXPECT(SOUK_PEER_BAD_BATCH, bad.batch_path.count = 1);
	EXPECT(SOUK_PEER_BAD_BATCH, bad.batch_count = SOUK_STRIP_BATCH_MAX + 1);
	EXPECT(SOUK_PEER_BAD_SIGNATURE, bad.signature.bytes[64] = 2);
	EXPECT(SOUK_PEER_WRONG_SIGNER, bad.signature.bytes[64] ^= 1);
	EXPECT(SOUK_PEER_WRONG_SIGNER, bad.strip.expires.ms++);
	EXPECT(SOUK_PEER_WRONG_SIGNER, bad.strip.request.bytes[0] ^= 1);
	EXPECT(SOUK_PEER_WRONG_SIGNER, bad.strip.customer.bytes[5] ^= 1);
#undef EXPECT
}

/* Roots of chains that have no checkpoints are zero, for both chains. */
static void short_strips_have_zero_roots(void **state)
{
	(void)state;
	struct fixture f;
	struct fixture_sale sale;
	fixture_init(&f, 4, 1, 1000000, 0);
	fixture_sale_open(&f, &sale, 0, 255, 10);
	assert_true(souk_hash_is_zero(&sale.open.strip.checkpoints));
	assert_int_equal(sale.open.ticket_leaves.count, 0);
	sale.open.strip.key_checkpoints.bytes[3] = 1;
	assert_int_equal(verify(&sale.open, &f.record), SOUK_PEER_BAD_CHECKPOINT);
}

/* Every size of batch that changes the tree's shape; every strip of it verifies, and only there. */
static void batches_of_every_shape(void **state)
{
	(void)state;
	static struct souk_strip_open opens[SOUK_STRIP_BATCH_MAX];
	static struct souk_strip_open *batch[SOUK_STRIP_BATCH_MAX + 1];
	static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 33, 255, 256};
	struct fixture f;
	struct fixture_sale sale;
	fixture_init(&f, 8, 3, 1000000, 0);
	fixture_sale_reserve(&f, &sale, 1, 20, 10);
	for (size_t s = 0; s < SOUK_COUNT_OF(sizes); s++) {
		for (size_t i = 0; i < sizes[s]; i++) {
			opens[i] = sale.open;
			opens[i].strip.start.ncoin = 200 * i;
			batch[i] = &opens[i];
		}
		assert_int_equal(souk_strip_sign_batch(batch, sizes[s], &f.issuer), SOUK_OK);
		for (size_t i = 0; i<sizes[s]; i += sizes[s]> 40 ? 17 : 1) {
			struct souk_strip_open bad = opens[i];
			assert_int_equal(verify(&bad, &f.record), SOUK_OK);
			assert_memory_equal(&opens[i].signature, &opens[0].signature,
				sizeof opens[i].signature);
			bad.batch_index ^= 1;
			assert_int_not_equal(verify(&bad, &f.record), SOUK_OK);
			bad.batch_index = opens[i].batch_index;
			bad.batch_count++;
			assert_int_not_equal(verify(&bad, &f.record), SOUK_OK);
			bad.batch_count -= 2;
			assert_int_not_equal(verify(&bad, &f.record), SOUK_OK);
		}
	}
	assert_int_equal(souk_strip_sign_batch(batch, 0, &f.issuer), SOUK_LOCAL_FULL);
	assert_int_equal(
		souk_strip_sign_batch(batch, SOUK_STRIP_BATCH_MAX + 1, &f.issuer), SOUK_LOCAL_FULL);
}

static void another_issuer_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	struct fixture_sale sale;
	struct souk_strip_open *open = &sale.open;
	fixture_init(&f, 9, 2, 1000000, 0);
	fixture_sale_reserve(&f, &sale, 1, 20, 10);
	assert_int_equal(souk_strip_sign_batch(&open, 1, &f.payer), SOUK_OK);
	assert_int_equal(verify(open, &f.record), SOUK_PEER_WRONG_SIGNER);
	/* A thief can't put his own key into the leaf either. */
	open->leaf.issuer = f.payer.address;
	assert_int_equal(verify(open, &f.record), SOUK_PEER_BAD_PATH);
}

/* The payer hands out a leaf once: strips follow each other until it is used up. */
static void payer_never_lays_strips_twice(void **state)
{
	(void)state;
	struct fixture f;
	struct fixture_sale sales[3];
	struct souk_payer_leaf before;
	fixture_init(&f, 10, 1, 1000, 0);
	fixture_sale_open(&f, &sales[0], 0, 40, 10);
	fixture_sale_open(&f, &sales[1], 0, 50, 10);
	assert_int_equal(sales[1].open.strip.start.ncoin, 400);
	assert_false(souk_payee_strips_overlap(&sales[0].open.strip, &sales[1].open.strip));
	before = f.free[0];
	struct souk_strip terms = sales[1].open.strip;
	struct souk_hash secret = {{1}};
	terms.count = 11;
	assert_int_equal(souk_payer_strip_open(
				 &sales[1].payer, &f.free[0], &terms, 0, &secret, &sales[1].open),
		SOUK_PEER_STRIP_RANGE);
	terms.count = 0;
	assert_int_equal(souk_payer_strip_open(
				 &sales[1].payer, &f.free[0], &terms, 0, &secret, &sales[1].open),
		SOUK_PEER_STRIP_RANGE);
	assert_memory_equal(&before, &f.free[0], sizeof before);
	assert_int_equal(verify(&sales[1].open, &f.record), SOUK_OK);
	fixture_sale_open(&f, &sales[2], 0, 10, 10);
	assert_int_equal(f.free[0].used.ncoin, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_a_strip),
		cmocka_unit_test(overlap_of_strips),
		cmocka_unit_test(broken_opens_are_named),
		cmocka_unit_test(short_strips_have_zero_roots),
		cmocka_unit_test(batches_of_every_shape),
		cmocka_unit_test(another_issuer_is_refused),
		cmocka_unit_test(payer_never_lays_strips_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
