/* SPDX-License-Identifier: Apache-2.0 */
#include "best.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario_slot.h"
#include "souk/base/check.h"

#define RUNS_MAX   200u
#define POINTS_MAX 4096u
/* Values of the coarse grid on one knob. */
#define GRID 5u
/* A knob this much wider than its least value is walked in powers, not in steps. */
#define WIDE 64u
/* The share is searched as one knob more. */
#define DIMENSIONS (SIM_KNOBS_MAX + 1)
#define SHARE	   SIM_KNOBS_MAX

/* Without padding: points are compared as bytes. */
struct point {
	uint64_t actor; /* of the plan's */
	uint64_t at[DIMENSIONS];
};

struct tried {
	struct point point;
	struct sim_mean mean;
};

struct search {
	const struct sim_best_plan *plan;
	const struct sim_actor *actors[SIM_BEST_ACTORS_MAX];
	uint32_t actor_count;
	uint32_t honest; /* population of honest nodes of the same role; UINT32_MAX: none */
	uint64_t count_all;
	struct sim_pace pace;
	uint32_t runs_max;
	bool is_exhausted;
	struct sim_scenario *scratch;
	struct tried *tried;
	uint32_t tried_count;
	bool has_best;
	struct tried best;
	char *error;
};

struct range {
	uint64_t min, max;
	bool is_wide;
};

/* ---------------------------------------------------------------- points */

static unsigned knob_count(const struct sim_actor *actor)
{
	unsigned count = 0;
	while (actor->knobs != NULL && actor->knobs[count].name != NULL && count < SIM_KNOBS_MAX)
		count++;
	return count;
}

static struct range range_of(const struct search *search, const struct point *point, unsigned axis)
{
	const struct sim_actor *actor = search->actors[point->actor];
	struct range range = {0};
	if (axis == SHARE && search->honest != UINT32_MAX && !search->plan->keeps_share)
		range = (struct range){1, search->count_all - 1, false};
	else if (axis < knob_count(actor))
		range = (struct range){actor->knobs[axis].min, actor->knobs[axis].max, false};
	uint64_t from = range.min > 0 ? range.min : 1;
	range.is_wide = range.max / from >= WIDE;
	return range;
}

/* Whether there is anything to choose on AXIS. */
static bool is_open(const struct search *search, const struct point *point, unsigned axis)
{
	struct range range = range_of(search, point, axis);
	return range.max > range.min;
}

static void apply(const struct search *search, const struct point *point)
{
	const struct sim_best_plan *plan = search->plan;
	struct sim_scenario *scenario = search->scratch;
	memcpy(scenario, plan->scenario, sizeof *scenario);
	scenario->expect_count = 0;
	struct sim_population *of = &scenario->populations[plan->population];
	SOUK_CHECK(sim_population_become(of, search->actors[point->actor]->name));
	memcpy(of->knobs, point->at, sizeof of->knobs);
	of->count = point->at[SHARE];
	if (search->honest != UINT32_MAX)
		scenario->populations[search->honest].count = search->count_all - of->count;
}

/* The profit at POINT, run or remembered. SOUK_LOCAL_LIMIT would be an error; a budget that is used
 * up is none: the search sees is_exhausted. */
static souk_status try_point(struct search *search, const struct point *point)
{
	for (uint32_t i = 0; i < search->tried_count; i++) {
		if (memcmp(&search->tried[i].point, point, sizeof *point) == 0)
			return SOUK_OK;
	}
	if (search->tried_count == POINTS_MAX ||
		search->pace.runs + search->plan->seeds > search->runs_max) {
		search->is_exhausted = true;
		return SOUK_OK;
	}
	struct tried *tried = &search->tried[search->tried_count];
	tried->point = *point;
	apply(search, point);
	SOUK_TRY(sim_measure(&tried->mean, search->scratch, search->plan->population,
		search->plan->seeds, &search->pace, search->error));
	search->tried_count++;
	if (!search->has_best || tried->mean.profit > search->best.mean.profit) {
		search->best = *tried;
		search->has_best = true;
	}
	return SOUK_OK;
}

/* ---------------------------------------------------------------- grid */

static uint64_t power_between(const struct range *range, uint64_t index, uint64_t steps)
{
	uint64_t from = range->min > 0 ? range->min : 1, value = from;
	unsigned bits = 0;
	if (index == 0)
		return range->min;
	if (index == steps)
		return range->max;
	while (range->max / from >> bits > 1)
		bits++;
	return value << (bits * index / steps);
}

static uint64_t grid_at(const struct range *range, uint64_t index)
{
	uint64_t width = range->max - range->min;
	uint64_t steps = width < GRID - 1 ? width : GRID - 1;
	if (index > steps)
		return range->max;
	if (range->is_wide)
		return power_between(range, index, steps);
	return range->min + width / steps * index + width % steps * index / steps;
}

/* Each knob alone, the others as they are in the best point so far. */
static souk_status walk_grid(struct search *search, uint64_t actor)
{
	for (unsigned axis = 0; axis < DIMENSIONS; axis++) {
		struct point point = search->best.point;
		if (point.actor != actor)
			break;
		if (!is_open(search, &point, axis))
			continue;
		struct range range = range_of(search, &point, axis);
		for (uint64_t i = 0; i < GRID && !search->is_exhausted; i++) {
			point.at[axis] = grid_at(&range, i);
			SOUK_TRY(try_point(search, &point));
		}
	}
	return SOUK_OK;
}

/* ---------------------------------------------------------------- pattern search */

static uint64_t moved(const struct range *range, uint64_t value, uint64_t step, bool is_up)
{
	if (is_up)
		return range->max - value < step ? range->max : value + step;
	return value - range->min < step ? range->min : value - step;
}

static souk_status try_step(struct search *search, unsigned axis, uint64_t part, bool is_up)
{
	struct point point = search->best.point;
	if (!is_open(search, &point, axis))
		return SOUK_OK;
	struct range range = range_of(search, &point, axis);
	/* Powers are left behind here: steps on a wide range are parts of the value. */
	uint64_t width = range.is_wide ? point.at[axis] : range.max - range.min;
	uint64_t step = width / part > 0 ? width / part : 1;
	point.at[axis] = moved(&range, point.at[axis], step, is_up);
	return try_point(search, &point);
}

static souk_status walk_pattern(struct search *search)
{
	/* In parts of the width of each range: an eighth, and then halves of it. */
	for (uint64_t part = 8; part <= 64 && !search->is_exhausted; part *= 2) {
		int64_t before;
		do {
			before = search->best.mean.profit;
			for (unsigned way = 0; way < 2 * DIMENSIONS && !search->is_exhausted; way++)
				SOUK_TRY(try_step(search, way / 2, part, way % 2 == 0));
		} while (search->best.mean.profit > before && !search->is_exhausted);
	}
	return SOUK_OK;
}

/* ---------------------------------------------------------------- the search */

/* ACTOR as it is by default, or as the scenario has it. */
static struct point start_of(const struct search *search, uint64_t index)
{
	const struct sim_best_plan *plan = search->plan;
	const struct sim_population *of = &plan->scenario->populations[plan->population];
	const struct sim_actor *actor = search->actors[index];
	struct point point;
	memset(&point, 0, sizeof point);
	point.actor = index;
	point.at[SHARE] = of->count;
	bool is_own = strcmp(actor->name, of->actor) == 0;
	for (unsigned i = 0; i < knob_count(actor); i++)
		point.at[i] = is_own ? of->knobs[i] : actor->knobs[i].value;
	return point;
}

/* Each actor has its grid, from its own start; the best of all is refined. */
static souk_status walk(struct search *search)
{
	struct tried best = {0};
	bool has_best = false;
	for (uint32_t i = 0; i < search->actor_count && !search->is_exhausted; i++) {
		struct point start = start_of(search, i);
		search->has_best = false;
		SOUK_TRY(try_point(search, &start));
		if (!search->has_best)
			break;
		SOUK_TRY(walk_grid(search, i));
		if (!has_best || search->best.mean.profit > best.mean.profit)
			best = search->best;
		has_best = true;
	}
	search->best = best;
	search->has_best = has_best;
	return has_best ? walk_pattern(search) : SOUK_OK;
}

static void find_honest(struct search *search)
{
	const struct sim_scenario *scenario = search->plan->scenario;
	const struct sim_population *of = &scenario->populations[search->plan->population];
	const struct sim_actor *actor = search->actors[0];
	search->honest = UINT32_MAX;
	search->count_all = of->count;
	for (uint32_t i = 0; i < scenario->population_count && actor->honest != NULL; i++) {
		const struct sim_population *other = &scenario->populations[i];
		if (strcmp(other->actor, actor->honest) != 0 || i == search->plan->population)
			continue;
		search->honest = i;
		search->count_all += other->count;
		break;
	}
}

/* What was chosen for its luck under these seeds has none under others: what is told of the best
 * is measured again, with the seeds behind those of the search. */
static souk_status measure_again(struct search *search, struct sim_best *ret)
{
	const struct sim_best_plan *plan = search->plan;
	apply(search, &search->best.point);
	search->scratch->seed += plan->seeds;
	SOUK_TRY(sim_measure(&ret->mean, search->scratch, plan->population, plan->seeds,
		&search->pace, search->error));
	if (sim_make_honest(search->scratch, search->plan->population, search->error) != SOUK_OK)
		return SOUK_OK;
	ret->has_honest = true;
	return sim_measure(&ret->honest, search->scratch, plan->population, plan->seeds,
		&search->pace, search->error);
}

static souk_status run_search(struct search *search, struct sim_best *ret)
{
	struct sim_best best = {0};
	SOUK_TRY(walk(search));
	if (!search->has_best) {
		snprintf(search->error, SIM_ERROR_SIZE, "%u runs are too few for %u seeds",
			search->runs_max, search->plan->seeds);
		return SOUK_LOCAL_CONFIG;
	}
	SOUK_TRY(measure_again(search, &best));
	best.actor = search->actors[search->best.point.actor];
	memcpy(best.knobs, search->best.point.at, sizeof best.knobs);
	best.count = search->best.point.at[SHARE];
	best.count_all = search->count_all;
	best.searched = search->best.mean;
	best.runs = search->pace.runs;
	best.is_exhausted = search->is_exhausted;
	*ret = best;
	return SOUK_OK;
}

static bool take_actors(struct search *search)
{
	const struct sim_best_plan *plan = search->plan;
	search->actor_count = plan->actor_count;
	memcpy(search->actors, plan->actors, sizeof search->actors);
	if (search->actor_count == 0) {
		search->actors[0] =
			sim_actor_find(plan->scenario->populations[plan->population].actor);
		search->actor_count = 1;
	}
	return search->actors[0] != NULL;
}

souk_status sim_best_response(
	struct sim_best *ret, const struct sim_best_plan *plan, char error[SIM_ERROR_SIZE])
{
	struct search search = {.plan = plan, .pace = plan->pace, .error = error};
	if (plan->population >= plan->scenario->population_count || !take_actors(&search)) {
		snprintf(error, SIM_ERROR_SIZE, "no such population or actor");
		return SOUK_LOCAL_CONFIG;
	}
	/* The last runs are kept for the best once more, and for honest behaviour. */
	uint32_t runs_max = plan->runs_max > 0 ? plan->runs_max : RUNS_MAX;
	search.runs_max = runs_max > 2 * plan->seeds ? runs_max - 2 * plan->seeds : 0;
	search.pace.runs_most = runs_max;
	find_honest(&search);
	search.scratch = sim_alloc(sizeof *search.scratch);
	search.tried = sim_alloc(POINTS_MAX * sizeof *search.tried);
	souk_status status = run_search(&search, ret);
	free(search.scratch);
	free(search.tried);
	return status;
}

void sim_best_apply(struct sim_scenario *scenario, uint32_t population, const struct sim_best *best)
{
	struct sim_population *of = &scenario->populations[population];
	SOUK_CHECK(sim_population_become(of, best->actor->name));
	memcpy(of->knobs, best->knobs, sizeof of->knobs);
	for (uint32_t i = 0; i < scenario->population_count && best->actor->honest != NULL; i++) {
		struct sim_population *other = &scenario->populations[i];
		if (i == population || strcmp(other->actor, best->actor->honest) != 0)
			continue;
		other->count = best->count_all - best->count;
		break;
	}
	of->count = best->count;
}

uint32_t sim_best_rivals(
	const struct sim_actor *ret_actors[SIM_BEST_ACTORS_MAX], const char *honest)
{
	uint32_t count = 0;
	for (size_t i = 0; sim_actor_at(i) != NULL && count < SIM_BEST_ACTORS_MAX; i++) {
		const struct sim_actor *actor = sim_actor_at(i);
		if (actor->honest != NULL && strcmp(actor->honest, honest) == 0)
			ret_actors[count++] = actor;
	}
	return count;
}
