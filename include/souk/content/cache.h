/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/cache.h - what a cache keeps, and what it asks for it.
 *
 * Keeping is GreedyDual-Size-Frequency (L. Cherkasova, "Improving WWW Proxies Performance with
 * Greedy-Dual-Size-Frequency Caching Policy", HPL-98-69R1, 1998; the greedy-dual size rule is P.
 * Cao and S. Irani's, USITS 1997). There an object is worth frequency * cost / size; here frequency
 * * cost is what it really earned, so that it is revenue for each byte of disk:
 *
 *   priority = age + worth / size       worth: what it was credited with, and earned since;
 *                                       size: of the whole of it, also where a part is here
 *
 *                 insert (credit)                    sold: worth grows, priority from age anew
 *   (free slot) -----------------> item ------------+
 *        ^                          |  <------------+
 *        +---- the least priority --+   age = its priority, so what earns nothing is overtaken
 *
 * An item may come bit by bit: it takes room for what is here (souk_cache_extend), and others go as
 * it comes, not before. So a fetch that brings nothing takes nothing. That it finds room to its end
 * is looked at before: what is held, and what held items await, must fit together.
 *
 * The price follows demand in bounded steps, like the base fee of EIP-1559: at the target of
 * utilisation it stands, over it it rises, below it falls, at most an eighth in a step and never
 * outside [floor, ceiling].
 *
 * Invariants:
 *   C1 used is the sum of the sizes, and never over the limit; held and coming are those of the
 * items that are held. C2 an item that is held is no victim. C3 no victim has more priority than an
 * item that stays and is not held; of equals the one goes that was used longest ago. C4 age never
 * falls, and no priority is below the age at which it was last used. C5 floor <= price <= ceiling;
 * one step changes it by an eighth at most, or by one.
 *
 * Memory: the caller's array. Threads: one owner. Spec: spec/cache.md. */
#ifndef SOUK_CONTENT_CACHE_H
#define SOUK_CONTENT_CACHE_H

#include <stdbool.h>

#include "souk/base/amount.h"
#include "souk/base/time.h"

#define SOUK_CACHE_NONE UINT32_MAX

struct souk_cache_item {
	uint64_t size;	 /* bytes it takes from the limit; 0: a free slot */
	uint64_t coming; /* that it will take, too */
	uint64_t priority;
	uint64_t used; /* a count: the order of last uses */
	struct souk_amount worth;
	uint32_t holds; /* users that keep it from being evicted */
	uint32_t next_free;
};

struct souk_cache {
	uint64_t limit, used;
	uint64_t held;	 /* of used, what is held */
	uint64_t coming; /* of what is held */
	uint64_t age;
	uint64_t clock; /* counts uses */
	struct souk_cache_item *items;
	uint32_t max, count;
	uint32_t free_head;
};

/* ITEMS has room for MAX. LIMIT is in bytes. */
void souk_cache_init(
	struct souk_cache *cache, uint64_t limit, struct souk_cache_item *items, uint32_t max);
/* The array moved, and has room for MAX now, not less than before. What it held is in it. */
void souk_cache_grow(struct souk_cache *cache, struct souk_cache_item *items, uint32_t max);

/* souk_cache_victim: whom to evict so that SIZE more bytes find room. The caller evicts it
 * (souk_cache_evict) and asks again.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  there is room now.
 *   SOUK_LOCAL_FULL       there never is: SIZE with what is held is over the limit. Nobody need be
 *                         evicted: refuse what asks for room. */
SOUK_MUST_CHECK souk_status souk_cache_victim(
	const struct souk_cache *cache, uint64_t size, uint32_t *ret_index);

/* souk_cache_insert: SIZE bytes, at least 1, credited with CREDIT: what it is expected to earn
 * soon, or one round of its units at the price.
 *
 * Returns SOUK_OK and its index, which stays its own until it is evicted; or
 *   SOUK_LOCAL_FULL      no room: evict first.
 *   SOUK_LOCAL_TOO_SMALL no slot: grow the array. */
SOUK_MUST_CHECK souk_status souk_cache_insert(
	struct souk_cache *cache, uint64_t size, struct souk_amount credit, uint32_t *ret_index);
/* souk_cache_insert_part: the same for one that comes bit by bit: SIZE now, WHOLE at its end.
 *
 * Returns as that, and SOUK_LOCAL_FULL also where WHOLE does not fit beside what is held and will
 * come of that (souk_cache_fits): refuse it. */
SOUK_MUST_CHECK souk_status souk_cache_insert_part(struct souk_cache *cache, uint64_t size,
	uint64_t whole, struct souk_amount credit, uint32_t *ret_index);
/* Whether WHOLE bytes find room in time, if all that is not held goes. */
bool souk_cache_fits(const struct souk_cache *cache, uint64_t whole);
/* souk_cache_extend: MORE bytes of an item come, no more than it awaits.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_FULL: evict first. */
SOUK_MUST_CHECK souk_status souk_cache_extend(
	struct souk_cache *cache, uint32_t index, uint64_t more);
/* souk_cache_restore: as insert, with the priority that it had before a restart; the age becomes
 * the least of them all. Before anything is evicted. Over the limit as well: evict until it fits.
 */
SOUK_MUST_CHECK souk_status souk_cache_restore(struct souk_cache *cache, uint64_t size,
	uint64_t whole, struct souk_amount worth, uint64_t priority, uint32_t *ret_index);

/* It earned EARNED. */
void souk_cache_earned(struct souk_cache *cache, uint32_t index, struct souk_amount earned);
/* It was read: among equals it is the last to go. */
void souk_cache_used(struct souk_cache *cache, uint32_t index);
void souk_cache_hold(struct souk_cache *cache, uint32_t index);
void souk_cache_release(struct souk_cache *cache, uint32_t index);

/* A victim goes: the age rises to its priority. Not while it is held. */
void souk_cache_evict(struct souk_cache *cache, uint32_t index);
/* Another goes, for another reason: nothing is learned from it. Not while it is held. */
void souk_cache_remove(struct souk_cache *cache, uint32_t index);

/* ---- price by demand ---- */

/* Utilisation at which the price stands, in thousandths. */
#define SOUK_PRICE_TARGET_DEFAULT 500u
#define SOUK_PRICE_STEP_MS	  10000u
/* Of one call at most, however much time went by: a clock that leaps must not move prices far. */
#define SOUK_PRICE_STEPS_MAX 6u

struct souk_price_policy {
	struct souk_amount floor, ceiling; /* equal: it stands */
	uint32_t target_permille;	   /* 1 to 999 */
	uint64_t step_ms;
};

struct souk_price {
	struct souk_price_policy policy;
	struct souk_amount now;
	struct souk_time stepped;
};

/* It begins at START, brought into [floor, ceiling]; a floor over the ceiling counts as it. */
void souk_price_init(struct souk_price *price, const struct souk_price_policy *policy,
	struct souk_amount start, struct souk_time now);

/* souk_price_step: as many steps as are due at NOW, with what was in use since the last one:
 * UTILISATION in thousandths, of whatever is scarcest (session slots, bandwidth); over 1000 counts
 * as 1000. Returns whether the price changed. A time before the last step changes nothing. */
bool souk_price_step(struct souk_price *price, uint32_t utilisation_permille, struct souk_time now);

#endif
