/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/recruiting.h - how many caches a sponsor should have for a content, whom to ask, and
 * whom to let go.
 *
 *   units drawn --> [smoothed demand] --> wanted = demand / what one cache serves
 *                                            |   at least the order's, at most the policy's,
 *                                            |   no more than the budget could pay back
 *   target:   .---- rises at once -----------'
 *             '---- falls by one, each time `hold_ms` passed with more than is wanted
 *
 *   provider:  FREE --asked--> PENDING --enlisted--> ENLISTED --released, dead--> FREE
 *                 ^               |                                               (later: retry)
 *                 '--- refused ---'
 *
 * Demand is smoothed, and the target falls slowly, so that a crowd that comes and goes does not
 * make caches pull a content again and again: a pull is what a cache pays for.
 *
 * Whom: the cheapest, where each failure costs a candidate a quarter of its price on top, and each
 * cache that is there already in its network the whole price again: so that no one network serves
 * all, and no one provider's network is drawn for whole bundles.
 *
 * Invariants:
 *   R1 min <= target <= max, and with `min` alone wanted the target comes down to it.
 *   R2 between two falls of a target at least `hold_ms` pass.
 *   R3 never chosen: who is not free, whose retry time has not come, who is dearer than the order
 *      allows; never released: who is not enlisted.
 *
 * Memory: values; the caller's array. Threads: one owner. Spec: spec/sponsor.md 9. */
#ifndef SOUK_CONTENT_RECRUITING_H
#define SOUK_CONTENT_RECRUITING_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/amount.h"
#include "souk/base/time.h"
#include "souk/wire/messages.h"

#define SOUK_RECRUITING_NONE UINT32_MAX

struct souk_recruiting_policy {
	uint32_t max;		/* caches of a content */
	uint64_t replica_units; /* a second, that one is thought to serve; at least 1 */
	uint64_t smooth_ms;	/* demand is an average over about so long; at least 1 */
	uint64_t hold_ms;	/* too many for so long before the target falls by one */
	uint64_t retry_ms;	/* after a first failure; twice as long after each further one */
};

/* Of a content. */
struct souk_recruiting {
	uint64_t demand; /* thousandths of units a second */
	struct souk_time at;
	struct souk_time surplus; /* since then more than wanted, or the last fall */
	bool is_started, has_surplus;
	uint32_t target;
};

/* What is known when a target is looked at. */
struct souk_recruiting_view {
	uint64_t units;		 /* drawn since the last look */
	uint32_t min;		 /* the order's */
	struct souk_amount left; /* of the content's budget */
	struct souk_amount copy; /* what a whole copy costs a cache at most */
};

/* souk_recruiting_look: the target, from now on. */
uint32_t souk_recruiting_look(struct souk_recruiting *recruiting,
	const struct souk_recruiting_policy *policy, const struct souk_recruiting_view *view,
	struct souk_time now);

enum souk_prospect_state {
	SOUK_PROSPECT_FREE,
	SOUK_PROSPECT_PENDING, /* asked, and has not the content yet */
	SOUK_PROSPECT_ENLISTED,
	SOUK_PROSPECT_BARRED,
};

/* A provider that may be a cache of the content. */
struct souk_prospect {
	enum souk_prospect_state state;
	struct souk_address address;
	uint64_t network;
	struct souk_amount price; /* of a unit, as it asks */
	uint32_t failures;	  /* in a row */
	struct souk_time retry;	  /* not asked before */
};

/* souk_recruiting_choose: whom to ask next, for at most PRICE_MAX a unit; SEED decides among
 * equals. Returns its index, or SOUK_RECRUITING_NONE. */
uint32_t souk_recruiting_choose(const struct souk_prospect *prospects, uint32_t count,
	struct souk_amount price_max, uint64_t seed, struct souk_time now);

/* Whom to let go first: the dearest by the same measure. Its index, or SOUK_RECRUITING_NONE. */
uint32_t souk_recruiting_release(
	const struct souk_prospect *prospects, uint32_t count, uint64_t seed);

/* It failed, or refused: it is free, and asked again later. */
void souk_prospect_failed(struct souk_prospect *prospect,
	const struct souk_recruiting_policy *policy, struct souk_time now);

#endif
