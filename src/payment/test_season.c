/* SPDX-License-Identifier: Apache-2.0
 *
 * One epoch of a whole market, from escrow to payout, over many seeds: customers
 * with an escrow each, several allotments, several providers, tickets lost and
 * replayed, claims in any order and twice. The judge here is a naive ledger with
 * one owner per winning point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"

#define SEEDS	    200
#define POINTS_MAX  64
#define CLAIMS_MAX  256
#define LEAVES_MAX  4
#define STRIPS_MAX  4
#define CLOSED	    FIXTURE_CLOSES
#define HOLDERS_MAX 32

/* What one provider may be paid on one leaf. */
struct holder {
	uint64_t owed_ncoin;
	uint64_t paid_ncoin;
	unsigned strips;
};

struct filed_claim {
	struct souk_claim claim;
	struct souk_allotment_record record;
	unsigned holder;
};

/* One escrow in one epoch. */
struct season {
	struct souk_rng rng;
	uint64_t line_ncoin, prize_ncoin;
	struct fixture fixture;
	struct holder holders[HOLDERS_MAX];
	unsigned holder_count;
	struct filed_claim claims[CLAIMS_MAX];
	size_t claim_count;
	int owner_of_point[POINTS_MAX]; /* -1: not paid */
};

static struct season season;

static uint64_t pick(uint64_t lo, uint64_t hi)
{
	return lo + souk_rng_below(&season.rng, hi - lo + 1);
}

static void file_claim(struct fixture_sale *sale, uint32_t unit, unsigned holder)
{
	struct filed_claim *filed = &season.claims[season.claim_count];
	if (unit == 0 || season.claim_count == CLAIMS_MAX)
		return;
	fixture_claim(&filed->claim, sale, unit);
	filed->record = season.fixture.record;
	filed->holder = holder;
	season.claim_count++;
}

/* The ticket of UNIT reaches the payee, maybe after losses, replays and one smaller step. */
static void deliver(struct fixture_sale *sale, uint32_t unit)
{
	struct souk_ticket ticket;
	while (sale->payee.unit < unit) {
		uint32_t most = sale->payee.unit + SOUK_TICKET_JUMP_MAX;
		uint32_t to = most < unit ? most : unit;
		if (to <= sale->payer.unit)
			assert_int_equal(souk_payer_reissue(&ticket, &sale->payer, to), SOUK_OK);
		else
			assert_int_equal(souk_payer_pay(&ticket, &sale->payer, to), SOUK_OK);
		if (pick(0, 3) == 0)
			continue; /* lost */
		assert_int_equal(souk_payee_accept(&sale->payee, &ticket, FIXTURE_NOW), SOUK_OK);
		if (pick(0, 3) == 0)
			assert_int_equal(souk_payee_accept(&sale->payee, &ticket, FIXTURE_NOW),
				SOUK_PEER_STALE_TICKET);
	}
}

/* Buy WANTED units on one strip; in steps, so that a claim may be filed half-way. */
static void buy(struct fixture_sale *sale, uint32_t wanted, unsigned holder)
{
	uint32_t half = (uint32_t)pick(0, wanted);
	deliver(sale, half);
	if (pick(0, 2) == 0)
		file_claim(sale, half, holder);
	deliver(sale, wanted);
	file_claim(sale, wanted, holder);
	if (pick(0, 2) == 0)
		file_claim(sale, wanted, holder);
	season.holders[holder].owed_ncoin += souk_payee_owed(&sale->payee).ncoin;
	season.holders[holder].strips++;
}

/* Money that is paid after the close does not count. */
static void pay_too_late(struct fixture_sale *sale)
{
	struct souk_ticket ticket;
	if (souk_payer_pay(&ticket, &sale->payer, sale->payer.unit + 1) == SOUK_OK)
		assert_int_equal(
			souk_payee_accept(&sale->payee, &ticket, CLOSED), SOUK_PEER_EPOCH_CLOSED);
}

/* Strip after strip. CONTIGUOUS: each but the last one is used to its end. */
static void use_leaf(size_t leaf, bool contiguous)
{
	static struct fixture_sale sale;
	unsigned holder = season.holder_count++;
	for (int i = 0; i < STRIPS_MAX; i++) {
		const struct souk_payer_leaf *free = &season.fixture.free[leaf];
		uint64_t left = free->amount.ncoin - free->used.ncoin;
		uint64_t price = pick(1, 2 * season.prize_ncoin), most = left / price;
		if (most == 0)
			return;
		uint32_t count = (uint32_t)pick(1, most < 400 ? most : 400);
		uint32_t wanted = (uint32_t)pick(0, count);
		bool last = i == STRIPS_MAX - 1 || pick(0, 3) == 0;
		fixture_sale_open(&season.fixture, &sale, leaf, count, price);
		buy(&sale, contiguous && !last ? count : wanted, holder);
		pay_too_late(&sale);
		if (last)
			return;
	}
}

static void season_init(uint64_t seed)
{
	memset(&season, 0, sizeof season);
	souk_rng_init(&season.rng, seed);
	season.prize_ncoin = pick(1, 300);
	season.line_ncoin = season.prize_ncoin * pick(4, POINTS_MAX);
	for (size_t i = 0; i < POINTS_MAX; i++)
		season.owner_of_point[i] = -1;
}

/* SEGMENTS allotments of one escrow, one after the other, with the same leaves. */
static void trade(uint64_t seed, bool contiguous)
{
	uint64_t segments = pick(1, 2), base = 0;
	for (uint64_t segment = 0; segment < segments; segment++) {
		size_t leaves = pick(1, LEAVES_MAX);
		uint64_t amount = (season.line_ncoin - base) / (segments - segment) / leaves;
		fixture_init(&season.fixture, seed, leaves, amount, base);
		souk_rng_init(&season.fixture.rng, seed << 8 | segment);
		base += season.fixture.record.total.ncoin;
		for (size_t leaf = 0; leaf < leaves; leaf++)
			use_leaf(leaf, contiguous);
	}
	assert_true(base <= season.line_ncoin);
}

/* Pay every winning point of the claim that nobody was paid for. */
static void settle(const struct filed_claim *filed, struct souk_amount offset)
{
	struct souk_amount lo, hi, prize = souk_amount_of_ncoin(season.prize_ncoin);
	uint64_t first;
	assert_int_equal(souk_claim_verify(&lo, &hi, &filed->claim, &filed->record), SOUK_OK);
	assert_true(hi.ncoin <= season.line_ncoin);
	uint64_t count = souk_lottery_points(&first, offset, prize, lo, hi);
	for (uint64_t k = first; k < first + count; k++) {
		int *owner = &season.owner_of_point[k];
		assert_true(k < season.line_ncoin / season.prize_ncoin);
		/* P2: no two holders can ever ask for the same point. */
		assert_true(*owner == -1 || *owner == (int)filed->holder);
		if (*owner == -1)
			season.holders[filed->holder].paid_ncoin += season.prize_ncoin;
		*owner = (int)filed->holder;
	}
}

static void draw_and_settle(void)
{
	struct souk_hash beacon = fixture_hash(&season.rng);
	struct souk_amount offset = souk_lottery_offset(
		&beacon, &season.fixture.escrow, 7, souk_amount_of_ncoin(season.prize_ncoin));
	for (size_t left = season.claim_count; left > 0; left--) {
		size_t i = souk_rng_below(&season.rng, left);
		settle(&season.claims[i], offset);
		season.claims[i] = season.claims[left - 1];
	}
}

static uint64_t difference(const struct holder *holder)
{
	return holder->paid_ncoin > holder->owed_ncoin ? holder->paid_ncoin - holder->owed_ncoin
						       : holder->owed_ncoin - holder->paid_ncoin;
}

static void run(uint64_t seed, bool contiguous)
{
	uint64_t paid = 0;
	season_init(seed);
	trade(seed, contiguous);
	draw_and_settle();
	for (unsigned i = 0; i < season.holder_count; i++) {
		const struct holder *holder = &season.holders[i];
		uint64_t intervals = contiguous ? 1 : holder->strips;
		if (holder->strips > 0)
			assert_true(difference(holder) < intervals * season.prize_ncoin);
		paid += holder->paid_ncoin;
	}
	assert_true(paid <= season.line_ncoin);
}

/* P9, P13: total paid <= C, and |paid - owed| < prize for each provider that uses its leaf without
 * gaps. */
static void contiguous_seasons(void **state)
{
	(void)state;
	uint64_t owed = 0, paid = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(seed, true);
		for (unsigned i = 0; i < season.holder_count; i++) {
			owed += season.holders[i].owed_ncoin;
			paid += season.holders[i].paid_ncoin;
		}
	}
	/* Unbiased: over everything, payouts come to what is owed. */
	assert_true(owed > 100000);
	assert_true(paid > owed - owed / 50 && paid < owed + owed / 50);
}

/* With gaps the bound holds for each strip only; and the bound above is not empty words: some
 * provider does miss it here. */
static void seasons_with_gaps(void **state)
{
	(void)state;
	unsigned beyond = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(seed, false);
		for (unsigned i = 0; i < season.holder_count; i++)
			beyond += difference(&season.holders[i]) >= season.prize_ncoin;
	}
	assert_true(beyond > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contiguous_seasons),
		cmocka_unit_test(seasons_with_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
