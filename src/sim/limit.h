/* SPDX-License-Identifier: Apache-2.0
 *
 * limit.h - how much one node may cost another: a bucket of tokens for each, as
 * src/daemon/provider_limit.h has it.
 *
 * Memory: caller's, all zero at first. Threads: one. */
#ifndef SOUK_SIM_LIMIT_H
#define SOUK_SIM_LIMIT_H

#include "sim.h"

#define SIM_LIMIT_BUCKETS 64u

struct sim_limit_bucket {
	uint32_t from; /* + 1; 0: free */
	uint32_t milli;
	uint64_t used_us;
};

struct sim_limit {
	struct sim_limit_bucket buckets[SIM_LIMIT_BUCKETS];
};

/* Whether node FROM may cost us something now. */
bool sim_limit_take(struct sim_limit *limit, uint32_t from, uint64_t now_us);

#endif
