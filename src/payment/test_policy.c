/* SPDX-License-Identifier: Apache-2.0
 *
 * The expected numbers were worked out by hand, and once more with exact fractions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/payment/escrow.h"
#include "souk/payment/policy.h"

#define SCALED 1000000000u /* 1 of the example, in ncoin */

static struct souk_policy young(void)
{
	const struct souk_policy *found = souk_policy_find("content", "young");
	assert_non_null(found);
	return *found;
}

static void profiles_are_found(void **state)
{
	(void)state;
	assert_non_null(souk_policy_find("content", "mature"));
	assert_null(souk_policy_find("content", "old"));
	assert_null(souk_policy_find("stone", "young"));
	assert_null(souk_policy_at(SOUK_POLICY_PROFILES));
	assert_string_equal(souk_policy_at(0)->profile, "young");
}

/* r = 1, k = 0.8, p = 5 %, T = 0.98: the worked example of the deposit's two bounds. */
static void deposits_of_the_worked_example(void **state)
{
	static const struct {
		uint32_t false_ppm;
		uint64_t least, most;
	} rows[] = {
		/* 0.8 / (0.05 * 0.9795) and 0.2 / (0.05 * 0.0005) */
		{500, 16334864727, 8000ull * SCALED},
		/* 0.8 / (0.05 * 0.94) and 0.2 / (0.05 * 0.04) */
		{40000, 17021276596, 100ull * SCALED},
	};
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		struct souk_policy p = young();
		struct souk_policy_deposits d;
		p.reward.ncoin = SCALED;
		p.saving.ncoin = SCALED / 10 * 8;
		p.audit_ppm = 50000;
		p.detect_ppm = 980000;
		p.false_ppm = rows[i].false_ppm;
		assert_int_equal(souk_policy_deposits(&d, &p), SOUK_OK);
		assert_true(d.has_least && d.has_most);
		assert_int_equal(d.least.ncoin, rows[i].least);
		assert_int_equal(d.most.ncoin, rows[i].most);
	}
}

/* One millionth below the least deposit a cheat gains, at it he does not: k <= p (T - F) D. */
static void the_least_deposit_is_the_least(void **state)
{
	(void)state;
	for (uint32_t p_ppm = 1000; p_ppm <= 1000000; p_ppm *= 10)
		for (uint32_t f = 0; f < 900000; f += 299999)
			for (uint64_t k = 1; k < 10000000; k = k * 7 + 3) {
				struct souk_policy p = young();
				struct souk_policy_deposits d;
				p.saving.ncoin = k;
				p.reward.ncoin = 2 * k;
				p.audit_ppm = p_ppm;
				p.detect_ppm = 980000;
				p.false_ppm = f;
				assert_int_equal(souk_policy_deposits(&d, &p), SOUK_OK);
				long double rate = (long double)p_ppm * (980000 - f) / 1e12L;
				assert_true(rate * (long double)d.least.ncoin >= k - 1e-6L);
				assert_true(rate * ((long double)d.least.ncoin - 1) < k);
			}
}

static void losses_and_needs(void **state)
{
	struct souk_policy p = young();
	struct souk_amount amount;
	(void)state;
	assert_int_equal(souk_policy_window_value(&amount, &p), SOUK_OK);
	assert_int_equal(amount.ncoin, 400000); /* 4 * 100,000 */
	assert_int_equal(souk_policy_prize(&amount, &p), SOUK_OK);
	assert_int_equal(amount.ncoin, 1000000); /* 50 * 20,000 */
	assert_int_equal(souk_policy_provider_loss(&amount, &p), SOUK_OK);
	assert_int_equal(amount.ncoin, 1400000);
	assert_int_equal(souk_policy_hub_loss(&amount, &p), SOUK_OK);
	assert_int_equal(amount.ncoin, 800000);
	assert_int_equal(souk_policy_capital(&amount, &p), SOUK_OK);
	assert_int_equal(amount.ncoin, 30000000000); /* 10 coins * (1 + 1 + 1) */
	assert_int_equal(souk_policy_bond(&amount, &p), SOUK_OK);
	/* 400,000 * 256 / (0.2 * 0.98), rounded up */
	assert_int_equal(amount.ncoin, 522448980);
	/* 1 coin in prizes of 0.001 at 20,000 each: 2 % */
	assert_int_equal(souk_policy_fees(&amount, p.fee, souk_amount_of_ncoin(1000000),
				 souk_amount_of_ncoin(SOUK_NCOIN_PER_COIN)),
		SOUK_OK);
	assert_int_equal(amount.ncoin, 20000000);
}

static void the_penalty_is_above_its_bound(void **state)
{
	struct souk_policy p = young();
	struct souk_genesis genesis = {.epoch_ms = 1000, .draw_delay_ms = 1, .claim_ms = 2000};
	struct souk_amount penalty;
	(void)state;
	/* m - 1 = 7, A = 9, D = 1 + 1 + 2 = 4, q = 0.9, and nine parts of ten are burned:
	 * 7 * 9 * 4 / 0.81 = 311.1, and more than that */
	assert_int_equal(
		souk_policy_penalty(&penalty, &p, souk_amount_of_ncoin(9), &genesis), SOUK_OK);
	assert_int_equal(penalty.ncoin, 312);
	/* Nobody else to promise it to: any penalty at all. */
	p.payees = 1;
	assert_int_equal(
		souk_policy_penalty(&penalty, &p, souk_amount_of_ncoin(9), &genesis), SOUK_OK);
	assert_int_equal(penalty.ncoin, 1);
}

static void a_claim_that_is_free_has_the_least_prize(void **state)
{
	struct souk_policy p = young();
	struct souk_amount prize;
	(void)state;
	p.fee.ncoin = 0;
	assert_int_equal(souk_policy_prize(&prize, &p), SOUK_OK);
	assert_int_equal(prize.ncoin, 1);
	p.fee.ncoin = 7;
	p.overhead_permille = 30; /* 233.3 */
	assert_int_equal(souk_policy_prize(&prize, &p), SOUK_OK);
	assert_int_equal(prize.ncoin, 234);
}

static void nonsense_is_refused(void **state)
{
	struct souk_policy p = young();
	struct souk_genesis genesis = {.epoch_ms = 1};
	struct souk_policy_deposits deposits;
	struct souk_amount amount = {77};
	(void)state;
	p.overhead_permille = 0;
	assert_int_equal(souk_policy_prize(&amount, &p), SOUK_LOCAL_CONFIG);
	p = young();
	p.report_ppm = 0;
	assert_int_equal(souk_policy_penalty(&amount, &p, p.line, &genesis), SOUK_LOCAL_CONFIG);
	p = young();
	p.audit_ppm = 0;
	assert_int_equal(souk_policy_bond(&amount, &p), SOUK_LOCAL_CONFIG);
	p.audit_ppm = SOUK_POLICY_CERTAIN_PPM + 1;
	assert_int_equal(souk_policy_deposits(&deposits, &p), SOUK_LOCAL_CONFIG);
	p = young();
	p.epoch_ms = 0;
	assert_int_equal(souk_policy_capital(&amount, &p), SOUK_LOCAL_CONFIG);
	p = young();
	p.unit_price.ncoin = UINT64_MAX;
	assert_int_equal(souk_policy_window_value(&amount, &p), SOUK_LOCAL_OVERFLOW);
	p = young();
	p.saving.ncoin = UINT64_MAX;
	assert_int_equal(souk_policy_deposits(&deposits, &p), SOUK_LOCAL_OVERFLOW);
	assert_int_equal(souk_policy_fees(&amount, souk_amount_of_ncoin(UINT64_MAX),
				 souk_amount_of_ncoin(1), souk_amount_of_ncoin(2)),
		SOUK_LOCAL_OVERFLOW);
	assert_int_equal(amount.ncoin, 77);
}

static uint32_t warnings_of(const struct souk_policy *p)
{
	uint32_t warnings = 0;
	assert_int_equal(souk_policy_check(&warnings, p), SOUK_OK);
	return warnings;
}

static void contradictions_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOUK_POLICY_PROFILES; i++) {
		struct souk_amount prize;
		struct souk_amount line = souk_policy_at(i)->line;
		assert_int_equal(warnings_of(souk_policy_at(i)), 0);
		assert_int_equal(souk_policy_prize(&prize, souk_policy_at(i)), SOUK_OK);
		assert_int_equal(souk_escrow_check_terms(line, prize), SOUK_OK);
	}
	struct souk_policy p = young();
	p.false_ppm = 900000;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_NO_DEPOSIT | SOUK_POLICY_DEPOSIT_HIGH);
	p = young();
	p.audit_ppm = 0;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_NO_DETECTION);
	p = young();
	p.deposit.ncoin = 1;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_DEPOSIT_LOW);
	p = young();
	p.reward = p.saving;
	p.false_ppm = 0;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_UNPROFITABLE);
	p = young();
	p.line.ncoin = 300000;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_PRIZE_OVER_LINE |
						  SOUK_POLICY_WINDOW_OVER_LINE |
						  SOUK_POLICY_CAP_OVER_LINE);
	p = young();
	p.claim_ms = p.epoch_ms - 1;
	assert_int_equal(warnings_of(&p), SOUK_POLICY_CLAIM_SHORT);
	for (unsigned i = 0; i < SOUK_POLICY_WARNINGS; i++)
		assert_true(strlen(souk_policy_warning_text(i)) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_are_found),
		cmocka_unit_test(deposits_of_the_worked_example),
		cmocka_unit_test(the_least_deposit_is_the_least),
		cmocka_unit_test(losses_and_needs),
		cmocka_unit_test(the_penalty_is_above_its_bound),
		cmocka_unit_test(a_claim_that_is_free_has_the_least_prize),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(contradictions_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
