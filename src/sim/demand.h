/* SPDX-License-Identifier: Apache-2.0
 *
 * demand.h - what people want, and when.
 *
 *   content k:  weight (k + 1)^-s, s = zipf / 1000            a table of sums, shared by the world
 *   pause:      -ln(U) times the mean, U uniform              memoryless, as arrivals are
 *               divided by the tide: 1 by day, 1 - tide by night
 *   crowd:      from crowd-at on everybody's next wish is content 0
 *
 * Whole numbers only: powers and logarithms are made of 64-bit fixed point, so that two machines
 * never differ in what somebody wants.
 *
 * Memory: 8 bytes for each content, once for all. Threads: the world's. */
#ifndef SOUK_SIM_DEMAND_H
#define SOUK_SIM_DEMAND_H

#include "sim.h"

struct sim_demand;

/* The number of a content, by popularity. */
uint32_t sim_demand_content(struct sim_world *world, struct souk_rng *rng);
/* How long until the next wish, where it is MEAN_MS on average by day. */
uint64_t sim_demand_pause_ms(struct sim_world *world, struct souk_rng *rng, uint64_t mean_ms);
/* NULL is allowed. */
void sim_demand_free(struct sim_demand *demand);

/* The fixed point below it, for tests. log2 of VALUE, at least 1, in units of 2^-32. */
uint64_t sim_demand_log2(uint64_t value);
/* 2^-(X / 2^32), in units of 2^-62. */
uint64_t sim_demand_exp2_minus(uint64_t x);

#endif
