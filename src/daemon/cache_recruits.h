/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_recruits.h - whom a cache has promised to serve contents for.
 *
 *   POST /v1/recruits --the policy allows it--> WAITING --a worker--> FETCHING --all is here-.
 *            |                                    ^                      |                   v
 *            |  the content is here               '---- tried again -----+            ENLISTED
 *            '-------------------------------------------------------------------------> | expires
 *                                                                        v                   v
 *                                                                      FAILED             (gone)
 *
 * What is promised is kept until the recruit expires: it is not evicted. So what strangers may have
 * promised is bounded: by the time of a recruit, the size of a content, the share of one sponsor,
 * and of all. What they may have the cache spend is bounded as well: no unit is bought for more
 * than the recruit pays for one, a day's fetches cost no more than the budget, and the sponsor's
 * escrow must be there and able to pay for one round.
 *
 *   provider.mdb 'E' content, escrow -> recruit_record
 *   HOME/cache.day  what of the day's budget is spent (gateway_purse.h)
 *
 * A recruit is stored before it is answered with anything but a refusal: after a kill -9 the cache
 * serves the same bundles, and fetches on what it had begun.
 *
 * Memory: heap. Threads: any. Spec: spec/cache.md, spec/sponsor.md 2. */
#ifndef SOUK_DAEMON_CACHE_RECRUITS_H
#define SOUK_DAEMON_CACHE_RECRUITS_H

#include <stdbool.h>

#include "souk/base/amount.h"
#include "souk/wire/messages.h"

#define CACHE_DETAIL_SIZE  192
#define CACHE_FETCHES_MAX  16
#define CACHE_SPONSORS_MAX 64

/* What a cache takes. */
struct cache_policy {
	uint64_t limit;		      /* bytes; 0: nothing is fetched */
	struct souk_amount price_min; /* of a unit; zero: the home's own price */
	struct souk_amount budget;    /* of a day, for fetching */
	uint64_t content_max;	      /* bytes of a content; 0: a quarter of the limit */
	uint64_t promise_ms;	      /* the longest recruit */
	uint64_t fetches;	      /* at a time */
	const char *sponsors;	      /* addresses apart by spaces or commas; NULL: any */
	uint64_t escrow;	      /* whose money fetches are paid with */
	const char *hub;	      /* pays instead of the escrow; NULL: none */
};

struct cache_policy cache_policy_default(void);

struct provider_node;
struct cache_recruits;

/* Over the node's stores; NODE is borrowed. SOUK_OK, SOUK_LOCAL_CONFIG (policy.sponsors are no
 * addresses), SOUK_IO_* or SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status cache_recruits_open(
	struct cache_recruits **ret, struct provider_node *node);
/* End what is being fetched; NULL is allowed, and a second time too. */
void cache_recruits_stop(struct cache_recruits *recruits);
void cache_recruits_free(struct cache_recruits *recruits); /* NULL is allowed */

/* cache_recruits_post: answer a recruit.
 *
 * Returns SOUK_OK and the enlistment; or, with more in DETAIL where there is more to say,
 *   those of souk_recruit_verify
 *   SOUK_PEER_NO_ESCROW, _ESCROW_TERMS  the escrow is not the sponsor's, or cannot pay.
 *   SOUK_LOCAL_STATE       it is being fetched: the sponsor asks again.
 *   SOUK_LOCAL_NOT_WANTED  the cache's policy says no, or fetching failed.
 *   SOUK_LOCAL_FULL        as many recruits as it takes.
 *   SOUK_IO_* */
SOUK_MUST_CHECK souk_status cache_recruits_post(struct cache_recruits *recruits,
	const struct souk_signed_recruit *recruit, struct souk_signed_enlist *ret,
	char detail[CACHE_DETAIL_SIZE]);

/* What was agreed with a sponsor: the price of a unit, and S; and the S before it, where sessions
 * may still come that were opened with that. Secret. */
struct cache_terms {
	struct souk_amount price;
	struct souk_hash secret, earlier;
	bool has_earlier;
};

/* cache_recruits_find: what STRIP pays for, where its content is served for the sponsor whose
 * escrow it is on. False: it is not, or not any more. */
bool cache_recruits_find(
	struct cache_recruits *recruits, const struct souk_strip *strip, struct cache_terms *ret);

/* What is shared with SPONSOR, whom we serve for; false: we do not. Secret. */
bool cache_recruits_pair(
	struct cache_recruits *recruits, const struct souk_address *sponsor, struct souk_hash *ret);

/* Who pays for viewers of CONTENT. */
void cache_recruits_list(struct cache_recruits *recruits, const struct souk_hash *content,
	struct souk_sponsor_list *ret);

/* What GET /v1/status tells. */
struct cache_recruit_figures {
	uint64_t waiting, fetching, enlisted;
	uint64_t refused, failed;
	struct souk_amount spent_today, budget;
};
struct cache_recruit_figures cache_recruits_figures(struct cache_recruits *recruits);

#endif
