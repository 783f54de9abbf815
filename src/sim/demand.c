/* SPDX-License-Identifier: Apache-2.0 */
#include "demand.h"

#include <stdlib.h>

#include "scenario.h"
#include "world.h"

/* A weight of 1. A hundred thousand of them fit in 64 bits. */
#define WEIGHT_BITS 40
/* ln 2 in units of 2^-32. */
#define LN2 UINT64_C(2977044472)
/* No pause is longer than so many times the mean: of a hundred million, one would be. */
#define PAUSE_MAX 20u
/* By the darkest night some people are awake. */
#define RATE_LEAST_PPM 10000u

typedef unsigned __int128 wide;

struct sim_demand {
	uint32_t count;
	uint64_t sums[]; /* of the weights of contents 0 to k */
};

/* ---------------------------------------------------------------- fixed point */

uint64_t sim_demand_log2(uint64_t value)
{
	int whole = 63 - __builtin_clzll(value);
	uint64_t log = (uint64_t)whole << 32;
	/* The mantissa in [1, 2), in units of 2^-63. Squaring it doubles its logarithm. */
	uint64_t mantissa = value << (63 - whole);
	for (int bit = 31; bit >= 0; bit--) {
		wide square = (wide)mantissa * mantissa >> 63;
		if (square >> 64 != 0) {
			log |= UINT64_C(1) << bit;
			square >>= 1;
		}
		mantissa = (uint64_t)square;
	}
	return log;
}

static uint64_t root_of(wide value)
{
	uint64_t root = 0;
	for (int bit = 63; bit >= 0; bit--) {
		uint64_t more = root | UINT64_C(1) << bit;
		if ((wide)more * more <= value)
			root = more;
	}
	return root;
}

uint64_t sim_demand_exp2_minus(uint64_t x)
{
	uint64_t value = UINT64_C(1) << 62;
	/* 2^-(1/2), 2^-(1/4), ... in units of 2^-64: each is the root of the one before. */
	uint64_t factor = root_of((wide)1 << 127);
	if (x >> 32 > 62)
		return 0;
	for (int bit = 31; bit >= 0; bit--) {
		if (x >> bit & 1)
			value = (uint64_t)((wide)value * factor >> 64);
		factor = root_of((wide)factor << 64);
	}
	return value >> (x >> 32);
}

/* ---------------------------------------------------------------- what */

static uint64_t weight_of(uint32_t number, uint64_t zipf_milli)
{
	wide exponent = (wide)sim_demand_log2((uint64_t)number + 1) * zipf_milli / 1000;
	uint64_t weight = sim_demand_exp2_minus((uint64_t)exponent) >> (62 - WEIGHT_BITS);
	return weight > 0 ? weight : 1;
}

static struct sim_demand *demand_of(struct sim_world *world)
{
	if (world->demand != NULL)
		return world->demand;
	uint32_t count = sim_content_count(world);
	struct sim_demand *demand = sim_alloc(sizeof *demand + count * sizeof *demand->sums);
	uint64_t sum = 0;
	demand->count = count;
	for (uint32_t i = 0; i < count; i++) {
		sum += weight_of(i, world->scenario->zipf_milli);
		demand->sums[i] = sum;
	}
	world->demand = demand;
	return demand;
}

uint32_t sim_demand_content(struct sim_world *world, struct souk_rng *rng)
{
	const struct sim_demand *demand = demand_of(world);
	uint32_t low = 0, high = demand->count - 1;
	uint64_t point = souk_rng_below(rng, demand->sums[high]);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (point < demand->sums[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void sim_demand_free(struct sim_demand *demand)
{
	free(demand);
}

/* ---------------------------------------------------------------- when */

/* How much of the day's demand there is now. The day begins at its height. */
static uint64_t rate_ppm(const struct sim_world *world)
{
	uint64_t day = world->scenario->day_ms;
	if (day == 0)
		return SIM_PPM_ALL;
	uint64_t phase = world->now_us / 1000 % day;
	uint64_t to_noon = 2 * phase > day ? 2 * phase - day : day - 2 * phase;
	/* A smooth step from 0 to 1 and back, close to a cosine. */
	uint64_t night = SIM_PPM_ALL - to_noon * SIM_PPM_ALL / day;
	uint64_t smooth = night * night / SIM_PPM_ALL * (3 * SIM_PPM_ALL - 2 * night) / SIM_PPM_ALL;
	uint64_t rate = SIM_PPM_ALL - world->scenario->tide_ppm * smooth / SIM_PPM_ALL;
	return rate > RATE_LEAST_PPM ? rate : RATE_LEAST_PPM;
}

uint64_t sim_demand_pause_ms(struct sim_world *world, struct souk_rng *rng, uint64_t mean_ms)
{
	/* -ln(U) = (64 - log2(U * 2^64)) * ln 2 */
	uint64_t drawn = souk_rng_u64(rng) | 1;
	uint64_t bits = (UINT64_C(64) << 32) - sim_demand_log2(drawn);
	wide pause = ((wide)bits * LN2 >> 32) * mean_ms >> 32;
	if (pause > (wide)PAUSE_MAX * mean_ms)
		pause = (wide)PAUSE_MAX * mean_ms;
	return (uint64_t)(pause * SIM_PPM_ALL / rate_ppm(world));
}
