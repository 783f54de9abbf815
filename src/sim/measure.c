/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_slot.h"

__extension__ typedef __int128 wide;

static uint64_t root_of(wide square)
{
	wide low = 0, high = (wide)1 << 63;
	while (high - low > 1) {
		wide middle = (low + high) / 2;
		if (middle * middle <= square)
			low = middle;
		else
			high = middle;
	}
	return (uint64_t)low;
}

/* Of the mean of MEANS: sqrt(sum of squares / (n (n - 1))). */
static uint64_t error_of(const int64_t *means, uint32_t count, int64_t mean)
{
	wide sum = 0;
	if (count < 2)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		sum += (wide)(means[i] - mean) * (means[i] - mean);
	return root_of(sum / count / (count - 1));
}

static souk_status run_one(struct sim_report *report, const struct sim_scenario *scenario,
	struct sim_pace *pace, char error[SIM_ERROR_SIZE])
{
	souk_status status = sim_run(report, scenario, NULL, error);
	if (status != SOUK_OK || pace == NULL)
		return status;
	pace->runs++;
	if (pace->told != NULL && !pace->told(pace->ctx, pace->runs, pace->runs_most)) {
		snprintf(error, SIM_ERROR_SIZE, "stopped");
		return SOUK_LOCAL_STOPPED;
	}
	return SOUK_OK;
}

static void add_report(struct sim_mean *mean, const struct sim_report *report, uint32_t population)
{
	const struct sim_population_report *of = &report->populations[population];
	const struct sim_tally *tally = &of->tally;
	mean->runs++;
	mean->nodes = of->count;
	mean->violations += report->violation_count;
	mean->tally.sessions += tally->sessions;
	mean->tally.units_served += tally->units_served;
	mean->tally.units_had += tally->units_had;
	mean->tally.owed.ncoin += tally->owed.ncoin;
	mean->tally.spent.ncoin += tally->spent.ncoin;
	mean->tally.claimed.ncoin += tally->claimed.ncoin;
}

souk_status sim_measure(struct sim_mean *ret, const struct sim_scenario *scenario,
	uint32_t population, uint32_t seeds, struct sim_pace *pace, char error[SIM_ERROR_SIZE])
{
	int64_t means[SIM_SEEDS_MAX];
	wide sum = 0;
	struct sim_mean mean = {0};
	if (seeds == 0 || seeds > SIM_SEEDS_MAX || population >= scenario->population_count) {
		snprintf(error, SIM_ERROR_SIZE, "1 to %u seeds, and a population to look at",
			SIM_SEEDS_MAX);
		return SOUK_LOCAL_CONFIG;
	}
	struct sim_scenario *seeded = sim_alloc(sizeof *seeded);
	struct sim_report *report = sim_alloc(sizeof *report);
	memcpy(seeded, scenario, sizeof *seeded);
	souk_status status = SOUK_OK;
	for (uint32_t i = 0; i < seeds && status == SOUK_OK; i++) {
		seeded->seed = scenario->seed + i;
		status = run_one(report, seeded, pace, error);
		if (status != SOUK_OK)
			break;
		const struct sim_population_report *of = &report->populations[population];
		means[i] = of->count == 0 ? 0 : of->profit_sum / (int64_t)of->count;
		sum += means[i];
		add_report(&mean, report, population);
	}
	free(seeded);
	free(report);
	if (status != SOUK_OK)
		return status;
	mean.profit = (int64_t)(sum / seeds);
	mean.error = error_of(means, seeds, mean.profit);
	*ret = mean;
	return SOUK_OK;
}

souk_status sim_make_honest(
	struct sim_scenario *scenario, uint32_t population, char error[SIM_ERROR_SIZE])
{
	struct sim_population *of = &scenario->populations[population];
	const struct sim_actor *actor = sim_actor_find(of->actor);
	if (actor == NULL || actor->honest == NULL || !sim_population_become(of, actor->honest)) {
		snprintf(error, SIM_ERROR_SIZE,
			"[population %s]: nobody honest stands in the place of %s", of->name,
			of->actor);
		return SOUK_LOCAL_CONFIG;
	}
	scenario->expect_count = 0;
	return SOUK_OK;
}
