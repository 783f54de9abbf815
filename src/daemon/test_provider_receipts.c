/* SPDX-License-Identifier: Apache-2.0
 *
 * Which receipts a round of the settler claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "provider_internal.h"

#define ROUND	  4
#define UNDRAWN	  (3 * ROUND)
#define NEXT_DRAW 7u

static void put(const struct provider_store *store, uint8_t escrow, uint64_t epoch, bool claimed)
{
	struct souk_receipt_record record = {.claimed = claimed};
	record.receipt.receipt.version = SOUK_LEAF_RECEIPT_VERSION;
	record.receipt.receipt.escrow.bytes[0] = escrow;
	record.receipt.receipt.epoch = epoch;
	assert_int_equal(provider_store_put_receipt(store, &record), SOUK_OK);
}

/* Any number that is not drawn yet, of escrows that come first, keeps none waiting that is. */
static void test_undrawn_receipts_delay_no_others(void **state)
{
	char home[] = "/tmp/souk-receipts-XXXXXX", path[128];
	struct provider_store store;
	struct souk_receipt_record items[ROUND];
	size_t count = 77;
	(void)state;
	assert_non_null(mkdtemp(home));
	assert_int_equal(provider_store_open(&store, home, false), SOUK_OK);
	for (uint8_t i = 0; i < UNDRAWN; i++)
		put(&store, i, NEXT_DRAW + i, false);
	put(&store, 100, NEXT_DRAW - 1, true);
	put(&store, 101, NEXT_DRAW - 1, false);
	assert_int_equal(provider_receipts_open(&store, NEXT_DRAW, items, ROUND, &count), SOUK_OK);
	assert_int_equal(count, 1);
	assert_int_equal(items[0].receipt.receipt.escrow.bytes[0], 101);
	/* No more than a round takes. */
	assert_int_equal(provider_receipts_open(&store, UINT64_MAX, items, ROUND, &count), SOUK_OK);
	assert_int_equal(count, ROUND);
	provider_store_close(&store);
	snprintf(path, sizeof path, "rm -rf %s", home);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undrawn_receipts_delay_no_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
