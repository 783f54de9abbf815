/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_internal.h - what the files of a cache's recruits share. */
#ifndef SOUK_DAEMON_CACHE_INTERNAL_H
#define SOUK_DAEMON_CACHE_INTERNAL_H

#include "../client/fetch.h"
#include "cache_recruits.h"
#include "gateway_purse.h"
#include "provider_internal.h"
#include "records.h"
#include "souk/base/map.h"

#define RECRUITS_MAX	4096u
#define RECRUIT_ID_SIZE (2 * SOUK_HASH_SIZE)

enum recruit_state {
	RECRUIT_WAITING,
	RECRUIT_FETCHING,
	RECRUIT_ENLISTED,
	RECRUIT_FAILED,
};

struct recruit {
	uint8_t id[RECRUIT_ID_SIZE]; /* content, escrow */
	enum recruit_state state;
	struct souk_recruit_record record;
	uint64_t room; /* of the cache's limit, once it is known */
	uint32_t done, chunks;
	unsigned tries;
	struct souk_time next_try; /* FAILED: until when the reason is told */
	char detail[CACHE_DETAIL_SIZE];
	struct fetch *fetch; /* while it runs */
};

/* What is shared with a sponsor whatever the content: it never changes. */
struct sponsor_pair {
	struct souk_address sponsor;
	struct souk_hash pair;
};

struct cache_recruits {
	struct provider_node *node;
	const struct cache_policy *policy;
	struct souk_address allowed[CACHE_SPONSORS_MAX];
	size_t allowed_count;
	pthread_mutex_t commit_lock; /* before the next: `writing`, and writes of the store */
	struct record_queue writing;
	pthread_mutex_t lock; /* taken before the node's, never after; held over no disk write */
	struct record_queue changes;
	pthread_cond_t work;
	bool stopping;
	struct recruit *items[RECRUITS_MAX];
	size_t count;
	struct souk_map by_id; /* in items: every strip of a sponsor's session looks for its own */
	uint32_t id_slots[SOUK_MAP_SLOTS(RECRUITS_MAX)];
	struct sponsor_pair pairs[RECRUITS_MAX];
	uint32_t pair_count;
	struct souk_map by_sponsor; /* in pairs: every sealed strip looks for its own */
	uint32_t sponsor_slots[SOUK_MAP_SLOTS(RECRUITS_MAX)];
	struct gateway_purse *purse; /* of the day's budget; a lock of its own */
	uint64_t refused, failed;
	pthread_t threads[CACHE_FETCHES_MAX];
	size_t thread_count;
};

static inline const struct souk_recruit *recruit_of(const struct recruit *item)
{
	return &item->record.recruit.recruit;
}

/* All of these under lock. */

/* Room that is promised, or is to be, to SPONSOR; NULL: to all. */
uint64_t cache_promised_room(
	const struct cache_recruits *recruits, const struct souk_address *sponsor);
/* Whether the configuration names SPONSOR. */
bool cache_is_allowed(const struct cache_recruits *recruits, const struct souk_address *sponsor);
/* ITEM, whose content is here, says yes. cache_flush before anybody is told. */
SOUK_MUST_CHECK souk_status cache_enlist(struct cache_recruits *recruits, struct recruit *item);
/* ITEM is over: out of the table and the store with it. */
void cache_forget(struct cache_recruits *recruits, struct recruit *item);
/* CONTENT is kept from being evicted as long as somebody was promised that it is here. */
void cache_update_promise(struct cache_recruits *recruits, const struct souk_hash *content);
/* The record of ITEM is not wanted any more. */
void cache_drop_record(struct cache_recruits *recruits, const struct recruit *item);

/* Not under lock: what was changed so far is durable, or why it is not (it is tried again). */
souk_status cache_flush(struct cache_recruits *recruits);

void *cache_worker_run(void *recruits);

#endif
