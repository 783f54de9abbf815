/* SPDX-License-Identifier: Apache-2.0
 *
 * That the schemes which Souk is compared with do their whole work: each of
 * their checks refuses what it is there for. A peer that accepts anything would
 * be fast, and the comparison worth nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "microcash.h"
#include "micropay.h"
#include "payout.h"

#define TICKETS 1000u
#define WINNERS 7u
#define WORDS	SOUK_BITMAP_WORDS(TICKETS)

struct shop {
	struct microcash_escrow escrow;
	struct microcash_merchant merchant;
	uint64_t won[WORDS], paid[WORDS], seen[WORDS];
	uint8_t kept[4][BENCH_SIGNATURE_SIZE];
};

static void open_shop(struct shop *shop, enum bench_scheme scheme)
{
	static const struct souk_hash delay = {{3}};
	uint8_t seed[32] = {1, 2, 3};
	memset(shop, 0, sizeof *shop);
	shop->escrow = (struct microcash_escrow){.id = {{5}},
		.first = 5000,
		.tickets = TICKETS,
		.winners = WINNERS,
		.payees = 3,
		.prize = 10,
		.won = shop->won,
		.paid = shop->paid};
	assert_true(bench_key_init(&shop->escrow.key, scheme, seed));
	microcash_draw(shop->won, &shop->escrow.id, &delay, TICKETS, WINNERS);
	shop->merchant = (struct microcash_merchant){.escrow = &shop->escrow,
		.payee = 2,
		.seen = shop->seen,
		.kept = shop->kept,
		.kept_count = 4};
}

static void test_microcash_merchant(void **state)
{
	(void)state;
	for (enum bench_scheme scheme = 0; scheme < BENCH_SCHEMES; scheme++) {
		struct shop shop;
		uint8_t ticket[MICROCASH_TICKET_SIZE];
		open_shop(&shop, scheme);
		assert_true(microcash_issue(ticket, &shop.escrow, 2, 5000));
		for (size_t i = 0; i < sizeof ticket; i++) {
			ticket[i] ^= 1;
			assert_false(microcash_accept(&shop.merchant, ticket));
			ticket[i] ^= 1;
		}
		assert_true(microcash_accept(&shop.merchant, ticket));
		assert_false(microcash_accept(&shop.merchant, ticket)); /* twice */
		assert_true(microcash_issue(ticket, &shop.escrow, 1, 5001));
		assert_false(microcash_accept(&shop.merchant, ticket)); /* somebody else's */
		assert_true(microcash_issue(ticket, &shop.escrow, 2, 4999));
		assert_false(microcash_accept(&shop.merchant, ticket)); /* of another round */
		assert_true(microcash_issue(ticket, &shop.escrow, 2, 5000 + TICKETS));
		assert_false(microcash_accept(&shop.merchant, ticket));
		assert_int_equal(shop.merchant.accepted, 1);
		bench_key_done(&shop.escrow.key);
	}
}

static void test_microcash_ledger(void **state)
{
	(void)state;
	static struct microcash_ledger ledger;
	struct shop shop;
	uint32_t won = 0;
	open_shop(&shop, BENCH_SECP256K1);
	assert_true(microcash_ledger_init(&ledger, &shop.escrow, 1));
	microcash_ledger_reset(&ledger, 1);
	for (uint32_t i = 0; i < TICKETS; i++) {
		uint8_t ticket[MICROCASH_TICKET_SIZE];
		bool wins = shop.won[i / 64] >> i % 64 & 1;
		assert_true(microcash_issue(ticket, &shop.escrow, 2, 5000 + i));
		ticket[MICROCASH_TICKET_SIZE - 1] ^= 1;
		assert_false(microcash_claim(&ledger, ticket)); /* forged */
		ticket[MICROCASH_TICKET_SIZE - 1] ^= 1;
		assert_int_equal(microcash_claim(&ledger, ticket), wins);
		assert_false(microcash_claim(&ledger, ticket)); /* lost, or paid already */
		won += wins;
	}
	assert_int_equal(won, WINNERS);
	assert_int_equal(ledger.balances[2], WINNERS * 10);
	assert_int_equal(shop.escrow.balance, 0);
	microcash_ledger_done(&ledger);
	bench_key_done(&shop.escrow.key);
}

/* The facts' example: about 1,980 rounds for a hundred payees, and none for one. */
static void test_microcash_penalty(void **state)
{
	(void)state;
	double rounds = microcash_penalty_rounds(100, 100000, 0.001, 10, 10);
	assert_true(rounds > 1975 && rounds < 1981);
	assert_true(microcash_penalty_rounds(1, 100000, 0.001, 10, 10) < 1e-9);
}

static void test_micropay(void **state)
{
	(void)state;
	for (enum bench_scheme scheme = 0; scheme < BENCH_SCHEMES; scheme++) {
		uint8_t seed[32] = {9}, request[MICROPAY_REQUEST_SIZE],
			ticket[MICROPAY_TICKET_SIZE];
		struct souk_secret_rng rng;
		struct micropay_escrow escrow = {.id = {{1}}, .odds = 4, .prize = 100};
		struct micropay_account account = {.address = {{2}}};
		struct micropay_merchant merchant = {
			.escrow = &escrow, .address = account.address, .rng = &rng};
		struct micropay_ledger ledger;
		souk_secret_rng_init(&rng, seed);
		assert_true(bench_key_init(&escrow.key, scheme, seed));
		assert_true(micropay_ledger_init(&ledger, &escrow, 1, &account, 1));
		for (int i = 0; i < 400; i++) {
			micropay_request(request, &merchant);
			assert_true(micropay_issue(ticket, &escrow, request, &rng));
			ticket[i % MICROPAY_TICKET_SIZE] ^= 1;
			assert_false(micropay_accept(&merchant, ticket));
			ticket[i % MICROPAY_TICKET_SIZE] ^= 1;
			assert_true(micropay_accept(&merchant, ticket));
		}
		assert_in_range(merchant.won, 60, 140);
		for (size_t i = 0; i < MICROPAY_CLAIM_SIZE; i++) {
			merchant.claim[i] ^= 1;
			assert_false(micropay_claim(&ledger, merchant.claim));
			merchant.claim[i] ^= 1;
		}
		assert_true(micropay_claim(&ledger, merchant.claim));
		assert_false(micropay_claim(&ledger, merchant.claim)); /* the escrow is spent */
		assert_int_equal(account.balance, 100);
		micropay_ledger_done(&ledger);
		bench_key_done(&escrow.key);
	}
}

/* Ours is within a prize, theirs is not; and nobody's lottery is unfair. */
static void test_payout(void **state)
{
	(void)state;
	struct payout payouts[PAYOUT_SYSTEMS];
	for (enum payout_system i = 0; i < PAYOUT_SYSTEMS; i++) {
		payout_simulate(&payouts[i], i, 500);
		assert_true(payouts[i].bias > -0.15 && payouts[i].bias < 0.15);
	}
	assert_true(payouts[PAYOUT_SOUK].max < 1);
	assert_true(payouts[PAYOUT_MICROCASH].sd > 1.5);
	assert_true(payouts[PAYOUT_MICROPAY].sd > 1.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_microcash_merchant),
		cmocka_unit_test(test_microcash_ledger),
		cmocka_unit_test(test_microcash_penalty),
		cmocka_unit_test(test_micropay),
		cmocka_unit_test(test_payout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
