/* SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

#define BURST	   64u
#define PER_SECOND 16u
#define MILLI	   1000u

static struct sim_limit_bucket *find(struct sim_limit *limit, uint32_t from, uint64_t now_us)
{
	struct sim_limit_bucket *oldest = &limit->buckets[0];
	for (uint32_t i = 0; i < SIM_LIMIT_BUCKETS; i++) {
		struct sim_limit_bucket *bucket = &limit->buckets[i];
		if (bucket->from == from + 1)
			return bucket;
		if (oldest->from != 0 && (bucket->from == 0 || bucket->used_us < oldest->used_us))
			oldest = bucket;
	}
	*oldest = (struct sim_limit_bucket){from + 1, BURST * MILLI, now_us};
	return oldest;
}

bool sim_limit_take(struct sim_limit *limit, uint32_t from, uint64_t now_us)
{
	struct sim_limit_bucket *bucket = find(limit, from, now_us);
	/* A thousandth for each millisecond and token a second. */
	uint64_t gain = (now_us - bucket->used_us) / 1000 * PER_SECOND;
	uint64_t room = BURST * MILLI - bucket->milli;
	bucket->milli += (uint32_t)(gain < room ? gain : room);
	bucket->used_us = now_us;
	if (bucket->milli < MILLI)
		return false;
	bucket->milli -= MILLI;
	return true;
}
