/* SPDX-License-Identifier: Apache-2.0 */
#include "payout.h"

#include <math.h>
#include <string.h>

#include "microcash.h"
#include "souk/base/rng.h"
#include "souk/payment/lottery.h"

#define NUMBERS (PAYOUT_PRIZES * PAYOUT_TICKETS)
#define SHARE	(NUMBERS / PAYOUT_PAYEES)
#define PRICE	1000u
#define PRIZE	((uint64_t)PAYOUT_TICKETS * PRICE)

struct epoch {
	uint64_t number;
	struct souk_hash escrow, beacon;
	uint32_t used[PAYOUT_PAYEES]; /* payments that each received */
	uint64_t won[PAYOUT_PAYEES];
};

/* Each payee's leaf is its share of the line, used from its start. */
static void draw_souk(struct epoch *epoch, struct souk_rng *rng)
{
	struct souk_amount prize = {PRIZE};
	struct souk_amount offset =
		souk_lottery_offset(&epoch->beacon, &epoch->escrow, epoch->number, prize);
	(void)rng;
	for (uint64_t i = 0; i < PAYOUT_PAYEES; i++) {
		uint64_t first, start = i * SHARE * PRICE;
		struct souk_amount lo = {start}, hi = {start + (uint64_t)epoch->used[i] * PRICE};
		epoch->won[i] = souk_lottery_points(&first, offset, prize, lo, hi);
	}
}

/* The numbers are handed out to payees from their shares; which ones makes no difference. */
static void draw_microcash(struct epoch *epoch, struct souk_rng *rng)
{
	static uint64_t won[SOUK_BITMAP_WORDS(NUMBERS)];
	(void)rng;
	microcash_draw(won, &epoch->escrow, &epoch->beacon, NUMBERS, PAYOUT_PRIZES);
	for (uint32_t word = 0; word < SOUK_BITMAP_WORDS(NUMBERS); word++) {
		for (uint64_t bits = won[word]; bits != 0; bits &= bits - 1) {
			uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(bits);
			epoch->won[number / SHARE] += number % SHARE < epoch->used[number / SHARE];
		}
	}
}

/* One coin each: from one win to the next, the gap is geometric. */
static void draw_micropay(struct epoch *epoch, struct souk_rng *rng)
{
	double scale = log1p(-1.0 / PAYOUT_TICKETS);
	for (uint32_t i = 0; i < PAYOUT_PAYEES; i++) {
		for (double at = 0;; epoch->won[i]++) {
			double uniform = (double)((souk_rng_u64(rng) >> 11) + 1) * 0x1p-53;
			at += floor(log(uniform) / scale) + 1;
			if (at > epoch->used[i])
				break;
		}
	}
}

struct sums {
	double sum, squares, max;
	uint64_t count;
};

static void add(struct sums *sums, double x)
{
	sums->sum += x;
	sums->squares += x * x;
	sums->max = fmax(sums->max, fabs(x));
	sums->count++;
}

static double deviation_of(const struct sums *sums)
{
	return sqrt(sums->squares / (double)sums->count);
}

void payout_simulate(struct payout *ret, enum payout_system system, uint32_t epochs)
{
	static void (*const draws[])(struct epoch *, struct souk_rng *) = {
		[PAYOUT_SOUK] = draw_souk,
		[PAYOUT_MICROCASH] = draw_microcash,
		[PAYOUT_MICROPAY] = draw_micropay,
	};
	struct souk_rng rng;
	struct sums each = {0}, run = {0};
	double total[PAYOUT_PAYEES] = {0};
	struct epoch epoch;
	souk_rng_init(&rng, 7);
	memset(&epoch, 0, sizeof epoch);
	for (epoch.number = 0; epoch.number < epochs; epoch.number++) {
		souk_rng_fill(&rng, epoch.beacon.bytes, sizeof epoch.beacon.bytes);
		for (uint32_t i = 0; i < PAYOUT_PAYEES; i++) {
			epoch.used[i] = (uint32_t)souk_rng_below(&rng, SHARE) + 1;
			epoch.won[i] = 0;
		}
		draws[system](&epoch, &rng);
		for (uint32_t i = 0; i < PAYOUT_PAYEES; i++) {
			double off = (double)epoch.won[i] -
				     (double)epoch.used[i] / (double)PAYOUT_TICKETS;
			add(&each, off);
			total[i] += off;
		}
		if ((epoch.number + 1) % PAYOUT_RUN != 0)
			continue;
		for (uint32_t i = 0; i < PAYOUT_PAYEES; i++)
			add(&run, total[i]);
		memset(total, 0, sizeof total);
	}
	*ret = (struct payout){.sd = deviation_of(&each),
		.max = each.max,
		.run_sd = deviation_of(&run),
		.run_max = run.max,
		.bias = each.sum / (double)each.count};
}
