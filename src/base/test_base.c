/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "souk/base/amount.h"

static void test_amount_add_refuses_overflow(void **state)
{
	struct souk_amount sum = souk_amount_of_ncoin(7);
	(void)state;
	assert_int_equal(souk_amount_add(&sum, souk_amount_of_ncoin(UINT64_MAX),
				 souk_amount_of_ncoin(1)),
		SOUK_LOCAL_OVERFLOW);
	assert_int_equal(sum.ncoin, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amount_add_refuses_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
