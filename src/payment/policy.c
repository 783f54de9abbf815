/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/policy.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/escrow.h"

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define COIN   ((uint64_t)SOUK_NCOIN_PER_COIN)

/* A product of three numbers, of which two are small, does not fit in 64 bits. */
__extension__ typedef unsigned __int128 wide;

static const struct souk_policy profiles[SOUK_POLICY_PROFILES] = {
	{
		.service = "content",
		.profile = "young",
		.window = 4,
		.unit_price = {100000},
		.sessions = 256,
		.hub_step = 4,
		.line = {10 * COIN},
		.issuer_cap = {COIN / 2},
		.fee = {20000},
		.overhead_permille = 20,
		.epoch_ms = 10 * MINUTE,
		.draw_delay_ms = 5 * SECOND,
		.claim_ms = 10 * MINUTE,
		.unlock_ms = 10 * MINUTE,
		.unbond_ms = HOUR,
		.notice_ms = 5 * SECOND,
		.reward = {400000},
		.saving = {320000},
		.audit_ppm = 200000,
		.detect_ppm = 980000,
		.false_ppm = 1,
		.deposit = {COIN},
		.payees = 8,
		.report_ppm = 900000,
	},
	{
		.service = "content",
		.profile = "mature",
		.window = 16,
		.unit_price = {100000},
		.sessions = 1024,
		.hub_step = 16,
		.line = {100 * COIN},
		.issuer_cap = {10 * COIN},
		.fee = {20000},
		.overhead_permille = 5,
		.epoch_ms = DAY,
		.draw_delay_ms = MINUTE,
		.claim_ms = 2 * DAY,
		.unlock_ms = DAY,
		.unbond_ms = 7 * DAY,
		.notice_ms = 0,
		.reward = {1600000},
		.saving = {1280000},
		.audit_ppm = 20000,
		.detect_ppm = 980000,
		.false_ppm = 1,
		.deposit = {COIN / 4},
		.payees = 64,
		.report_ppm = 990000,
	},
};

const struct souk_policy *souk_policy_at(size_t index)
{
	return index < SOUK_POLICY_PROFILES ? &profiles[index] : NULL;
}

const struct souk_policy *souk_policy_find(const char *service, const char *profile)
{
	for (size_t i = 0; i < SOUK_POLICY_PROFILES; i++) {
		if (strcmp(profiles[i].service, service) == 0 &&
			strcmp(profiles[i].profile, profile) == 0)
			return &profiles[i];
	}
	return NULL;
}

/* Bit by bit: a division of 128 bits by the compiler is a call into its library, which a pure layer
 * does without. This is no hot path. */
static wide divide(wide dividend, uint64_t divisor, uint64_t *ret_rest)
{
	wide quotient = 0, rest = 0;
	for (int i = 0; i < 128; i++) {
		rest = rest << 1 | dividend >> 127;
		dividend <<= 1;
		quotient <<= 1;
		if (rest >= divisor) {
			rest -= divisor;
			quotient |= 1;
		}
	}
	*ret_rest = (uint64_t)rest;
	return quotient;
}

/* A * B / DIVISOR, as an amount. */
static souk_status scale(struct souk_amount *ret, wide a, wide b, uint64_t divisor, bool up)
{
	wide product;
	uint64_t rest;
	if (divisor == 0)
		return SOUK_LOCAL_CONFIG;
	if (__builtin_mul_overflow(a, b, &product))
		return SOUK_LOCAL_OVERFLOW;
	wide result = divide(product, divisor, &rest);
	if (up && rest != 0)
		result++;
	if (result > UINT64_MAX)
		return SOUK_LOCAL_OVERFLOW;
	ret->ncoin = (uint64_t)result;
	return SOUK_OK;
}

static souk_status check_chances(const struct souk_policy *policy)
{
	const uint32_t most = SOUK_POLICY_CERTAIN_PPM;
	bool good = policy->audit_ppm <= most && policy->detect_ppm <= most &&
		    policy->false_ppm <= most && policy->report_ppm <= most;
	return good ? SOUK_OK : SOUK_LOCAL_CONFIG;
}

souk_status souk_policy_window_value(struct souk_amount *ret, const struct souk_policy *policy)
{
	return souk_amount_mul(ret, policy->unit_price, policy->window);
}

souk_status souk_policy_prize(struct souk_amount *ret, const struct souk_policy *policy)
{
	struct souk_amount prize;
	SOUK_TRY(scale(&prize, policy->fee.ncoin, 1000, policy->overhead_permille, true));
	if (prize.ncoin == 0)
		prize.ncoin = 1;
	*ret = prize;
	return SOUK_OK;
}

souk_status souk_policy_provider_loss(struct souk_amount *ret, const struct souk_policy *policy)
{
	struct souk_amount window, prize;
	SOUK_TRY(souk_policy_window_value(&window, policy));
	SOUK_TRY(souk_policy_prize(&prize, policy));
	return souk_amount_add(ret, window, prize);
}

souk_status souk_policy_hub_loss(struct souk_amount *ret, const struct souk_policy *policy)
{
	struct souk_amount window, ahead;
	SOUK_TRY(souk_policy_window_value(&window, policy));
	SOUK_TRY(souk_amount_mul(&ahead, policy->unit_price, policy->hub_step));
	return souk_amount_add(ret, window, ahead);
}

souk_status souk_policy_fees(struct souk_amount *ret, struct souk_amount fee,
	struct souk_amount prize, struct souk_amount owed)
{
	return scale(ret, owed.ncoin, fee.ncoin, prize.ncoin, true);
}

souk_status souk_policy_deposits(struct souk_policy_deposits *ret, const struct souk_policy *policy)
{
	const wide certain = SOUK_POLICY_CERTAIN_PPM, square = certain * certain;
	struct souk_policy_deposits deposits = {0};
	SOUK_TRY(check_chances(policy));
	if (policy->audit_ppm != 0 && policy->detect_ppm > policy->false_ppm) {
		deposits.has_least = true;
		SOUK_TRY(scale(&deposits.least, policy->saving.ncoin, square,
			(uint64_t)policy->audit_ppm * (policy->detect_ppm - policy->false_ppm),
			true));
	}
	if (policy->audit_ppm != 0 && policy->false_ppm != 0) {
		uint64_t profit = policy->reward.ncoin > policy->saving.ncoin
					  ? policy->reward.ncoin - policy->saving.ncoin
					  : 0;
		deposits.has_most = true;
		/* A bound that no amount reaches is none. */
		if (scale(&deposits.most, profit, square,
			    (uint64_t)policy->audit_ppm * policy->false_ppm, false) != SOUK_OK)
			deposits.has_most = false;
	}
	*ret = deposits;
	return SOUK_OK;
}

void souk_policy_periods(struct souk_genesis *ret, const struct souk_policy *policy)
{
	ret->epoch_ms = policy->epoch_ms;
	ret->draw_delay_ms = policy->draw_delay_ms;
	ret->claim_ms = policy->claim_ms;
	ret->unlock_ms = policy->unlock_ms;
	ret->unbond_ms = policy->unbond_ms;
	ret->notice_ms = policy->notice_ms;
}

souk_status souk_policy_capital(struct souk_amount *ret, const struct souk_policy *policy)
{
	struct souk_genesis genesis = {0};
	souk_policy_periods(&genesis, policy);
	if (genesis.epoch_ms == 0)
		return SOUK_LOCAL_CONFIG;
	return souk_escrow_deposit_for(ret, policy->line, &genesis);
}

souk_status souk_policy_penalty(struct souk_amount *ret, const struct souk_policy *policy,
	struct souk_amount line, const struct souk_genesis *genesis)
{
	struct souk_amount promised, bound;
	SOUK_TRY(check_chances(policy));
	if (policy->payees == 0 || genesis->epoch_ms == 0)
		return SOUK_LOCAL_CONFIG;
	SOUK_TRY(souk_escrow_deposit_for(&promised, line, genesis));
	/* A payer that sees it coming reports itself: the reporter's part deters nobody. */
	SOUK_TRY(scale(&bound, promised.ncoin,
		(wide)(policy->payees - 1) * SOUK_POLICY_CERTAIN_PPM * SOUK_ESCROW_REPORTER_PARTS,
		(uint64_t)policy->report_ppm * (SOUK_ESCROW_REPORTER_PARTS - 1), false));
	return souk_amount_add(ret, bound, souk_amount_of_ncoin(1));
}

souk_status souk_policy_bond(struct souk_amount *ret, const struct souk_policy *policy)
{
	const wide certain = SOUK_POLICY_CERTAIN_PPM;
	struct souk_amount window;
	SOUK_TRY(check_chances(policy));
	SOUK_TRY(souk_policy_window_value(&window, policy));
	return scale(ret, window.ncoin, (wide)policy->sessions * certain * certain,
		(uint64_t)policy->audit_ppm * policy->detect_ppm, true);
}

static uint32_t warn_deposits(
	const struct souk_policy *policy, const struct souk_policy_deposits *deposits)
{
	uint32_t found = 0;
	if (!deposits->has_least)
		found |= SOUK_POLICY_NO_DETECTION;
	else if (souk_amount_is_less(policy->deposit, deposits->least))
		found |= SOUK_POLICY_DEPOSIT_LOW;
	if (deposits->has_most && souk_amount_is_less(deposits->most, policy->deposit))
		found |= SOUK_POLICY_DEPOSIT_HIGH;
	if (deposits->has_least && deposits->has_most &&
		souk_amount_is_less(deposits->most, deposits->least))
		found |= SOUK_POLICY_NO_DEPOSIT;
	if (policy->reward.ncoin <= policy->saving.ncoin)
		found |= SOUK_POLICY_UNPROFITABLE;
	return found;
}

static bool fits_line(struct souk_amount line, struct souk_amount prize)
{
	return prize.ncoin <= line.ncoin && line.ncoin / prize.ncoin <= SOUK_ESCROW_POINTS_MAX;
}

souk_status souk_policy_check(uint32_t *ret_warnings, const struct souk_policy *policy)
{
	struct souk_policy_deposits deposits;
	struct souk_amount window, prize;
	SOUK_TRY(souk_policy_deposits(&deposits, policy));
	SOUK_TRY(souk_policy_window_value(&window, policy));
	SOUK_TRY(souk_policy_prize(&prize, policy));
	uint32_t found = warn_deposits(policy, &deposits);
	if (!fits_line(policy->line, prize))
		found |= SOUK_POLICY_PRIZE_OVER_LINE;
	if (souk_amount_is_less(policy->line, window))
		found |= SOUK_POLICY_WINDOW_OVER_LINE;
	if (policy->claim_ms < policy->epoch_ms)
		found |= SOUK_POLICY_CLAIM_SHORT;
	if (souk_amount_is_less(policy->line, policy->issuer_cap))
		found |= SOUK_POLICY_CAP_OVER_LINE;
	*ret_warnings = found;
	return SOUK_OK;
}

const char *souk_policy_warning_text(unsigned index)
{
	SOUK_CHECK(index < SOUK_POLICY_WARNINGS);
	switch ((enum souk_policy_warning)(1u << index)) {
	case SOUK_POLICY_NO_DEPOSIT:
		return "no deposit works: what deters a cheat is more than honest work can afford";
	case SOUK_POLICY_DEPOSIT_LOW: return "the deposit is too low: cheating pays";
	case SOUK_POLICY_DEPOSIT_HIGH:
		return "the deposit is too high: false convictions cost more than honest work "
		       "earns";
	case SOUK_POLICY_NO_DETECTION:
		return "audits deter nobody: none are made, or they convict the honest as often";
	case SOUK_POLICY_UNPROFITABLE:
		return "honest work earns nothing: the reward is not above its cost";
	case SOUK_POLICY_PRIZE_OVER_LINE:
		return "the prize does not fit the line: 1 to 2^20 prizes do";
	case SOUK_POLICY_WINDOW_OVER_LINE:
		return "a window is worth more than a whole epoch may cost";
	case SOUK_POLICY_CLAIM_SHORT:
		return "claims end before the next epoch does: a provider that is away once loses "
		       "them";
	case SOUK_POLICY_CAP_OVER_LINE:
		return "an issuer key's cap is above the line: it caps nothing";
	}
	return "";
}
