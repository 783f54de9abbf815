/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/recruiting.h"

#include <string.h>

#include "souk/base/bytes.h"

#define MILLI	     1000u
#define FAILURES_MAX 10u
/* Where sums of prices end: far above every real one. */
#define COST_MAX (UINT64_MAX / 64)

/* ------------------------------------------------------------------ how many */

static uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t product;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t rate_of(uint64_t units, uint64_t passed_ms)
{
	uint64_t rate = multiply(units, (uint64_t)MILLI * 1000);
	return rate == UINT64_MAX ? rate / 4 : rate / (passed_ms > 0 ? passed_ms : 1);
}

/* The average moves by the share of `smooth_ms` that passed. */
static void smooth(struct souk_recruiting *r, const struct souk_recruiting_policy *policy,
	uint64_t units, uint64_t passed_ms)
{
	uint64_t rate = rate_of(units, passed_ms);
	uint64_t whole = policy->smooth_ms > 0 ? policy->smooth_ms : 1;
	uint64_t part = passed_ms < whole ? passed_ms : whole;
	if (rate > UINT64_MAX / 4)
		rate = UINT64_MAX / 4;
	uint64_t apart = rate > r->demand ? rate - r->demand : r->demand - rate;
	/* In this order nothing can overflow; less than `whole` is rounded away. */
	uint64_t move = apart / whole * part + apart % whole * part / whole;
	if (part == whole)
		move = apart;
	r->demand = rate > r->demand ? r->demand + move : r->demand - move;
}

static uint32_t least(uint64_t a, uint64_t b)
{
	uint64_t value = a < b ? a : b;
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* By demand, between the bounds, and no more than have a chance to earn back what they paid. */
static uint32_t wanted_of(const struct souk_recruiting *r,
	const struct souk_recruiting_policy *policy, const struct souk_recruiting_view *view)
{
	uint64_t one = multiply(policy->replica_units > 0 ? policy->replica_units : 1, MILLI);
	uint64_t wanted = r->demand / one + (r->demand % one != 0);
	uint32_t most = policy->max > view->min ? policy->max : view->min;
	if (view->copy.ncoin > 0)
		wanted = least(wanted, view->left.ncoin / view->copy.ncoin);
	wanted = least(wanted, most);
	return wanted > view->min ? (uint32_t)wanted : view->min;
}

uint32_t souk_recruiting_look(struct souk_recruiting *r,
	const struct souk_recruiting_policy *policy, const struct souk_recruiting_view *view,
	struct souk_time now)
{
	if (r->is_started)
		smooth(r, policy, view->units, souk_time_since_ms(r->at, now));
	r->is_started = true;
	r->at = now;
	uint32_t wanted = wanted_of(r, policy, view);
	uint32_t most = policy->max > view->min ? policy->max : view->min;
	if (r->target > most)
		r->target = most;
	if (wanted >= r->target) {
		r->target = wanted;
		r->has_surplus = false;
	} else if (!r->has_surplus) {
		r->has_surplus = true;
		r->surplus = now;
	} else if (souk_time_since_ms(r->surplus, now) >= policy->hold_ms) {
		r->target--;
		r->surplus = now;
	}
	return r->target;
}

/* ------------------------------------------------------------------ who */

static uint32_t neighbours_of(
	const struct souk_prospect *prospects, uint32_t count, const struct souk_prospect *one)
{
	uint32_t neighbours = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct souk_prospect *p = &prospects[i];
		bool is_there =
			p->state == SOUK_PROSPECT_PENDING || p->state == SOUK_PROSPECT_ENLISTED;
		neighbours += is_there && p != one && p->network == one->network;
	}
	return neighbours;
}

/* A price with what speaks against it. */
static uint64_t cost_of(
	const struct souk_prospect *prospects, uint32_t count, const struct souk_prospect *one)
{
	uint32_t failures = one->failures < FAILURES_MAX ? one->failures : FAILURES_MAX;
	uint64_t cost = multiply(one->price.ncoin, 4 + failures);
	cost = multiply(cost, 1 + neighbours_of(prospects, count, one));
	return cost < COST_MAX ? cost : COST_MAX;
}

/* Among equals, so that sponsors do not all ask the same first. */
static uint64_t lot_of(const struct souk_prospect *one, uint64_t seed)
{
	uint64_t x = (souk_load_be64(one->address.bytes) ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
	x ^= souk_load_be64(one->address.bytes + 12);
	x = (x ^ (x >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ (x >> 32);
}

static bool is_before(uint64_t cost, uint64_t lot, uint64_t other_cost, uint64_t other_lot)
{
	return cost < other_cost || (cost == other_cost && lot < other_lot);
}

uint32_t souk_recruiting_choose(const struct souk_prospect *prospects, uint32_t count,
	struct souk_amount price_max, uint64_t seed, struct souk_time now)
{
	uint32_t best = SOUK_RECRUITING_NONE;
	uint64_t best_cost = 0, best_lot = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct souk_prospect *p = &prospects[i];
		if (p->state != SOUK_PROSPECT_FREE || souk_time_is_before(now, p->retry) ||
			souk_amount_is_less(price_max, p->price))
			continue;
		uint64_t cost = cost_of(prospects, count, p), lot = lot_of(p, seed);
		if (best != SOUK_RECRUITING_NONE && !is_before(cost, lot, best_cost, best_lot))
			continue;
		best = i;
		best_cost = cost;
		best_lot = lot;
	}
	return best;
}

uint32_t souk_recruiting_release(
	const struct souk_prospect *prospects, uint32_t count, uint64_t seed)
{
	uint32_t worst = SOUK_RECRUITING_NONE;
	uint64_t worst_cost = 0, worst_lot = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct souk_prospect *p = &prospects[i];
		if (p->state != SOUK_PROSPECT_ENLISTED)
			continue;
		uint64_t cost = cost_of(prospects, count, p), lot = lot_of(p, seed);
		if (worst != SOUK_RECRUITING_NONE && is_before(cost, lot, worst_cost, worst_lot))
			continue;
		worst = i;
		worst_cost = cost;
		worst_lot = lot;
	}
	return worst;
}

void souk_prospect_failed(struct souk_prospect *prospect,
	const struct souk_recruiting_policy *policy, struct souk_time now)
{
	uint32_t doublings = prospect->failures < FAILURES_MAX ? prospect->failures : FAILURES_MAX;
	prospect->state = SOUK_PROSPECT_FREE;
	prospect->failures += prospect->failures < UINT32_MAX;
	prospect->retry =
		souk_time_plus_ms(now, multiply(policy->retry_ms, UINT64_C(1) << doublings));
}
