/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "best.h"
#include "souk/base/check.h"

__extension__ typedef __int128 wide;

struct sweeper {
	const struct sim_sweep_plan *plan;
	struct sim_sweep *sweep;
	struct sim_parameter parameter;
	struct sim_pace pace;
	struct sim_scenario *cheat, *honest; /* scratch */
	char *error;
};

/* ---------------------------------------------------------------- rows */

static souk_status set(struct sim_scenario *scenario, const char *key, enum sim_unit unit,
	uint64_t value, char error[SIM_ERROR_SIZE])
{
	char text[SIM_VALUE_SIZE], assignment[2 * SIM_NAME_SIZE + SIM_VALUE_SIZE + 3];
	sim_value_print(text, unit, value);
	snprintf(assignment, sizeof assignment, "%s=%s", key, text);
	SOUK_TRY(sim_scenario_set(scenario, assignment, error));
	return sim_scenario_check(scenario, error);
}

/* The cheats, as they are or as they would be for the most profit under this value. */
static souk_status measure_cheat(struct sweeper *sweeper, struct sim_mean *ret)
{
	const struct sim_sweep_plan *plan = sweeper->plan;
	struct sim_best best;
	if (plan->best_runs == 0)
		return sim_measure(ret, sweeper->cheat, plan->population, plan->seeds,
			&sweeper->pace, sweeper->error);
	struct sim_best_plan search = {
		.scenario = sweeper->cheat,
		.population = plan->population,
		.keeps_share = true,
		.seeds = plan->seeds,
		.runs_max = plan->best_runs,
	};
	SOUK_TRY(sim_best_response(&best, &search, sweeper->error));
	*ret = best.mean;
	sweeper->pace.runs += best.runs;
	return SOUK_OK;
}

static souk_status measure_honest(struct sweeper *sweeper, struct sim_mean *ret)
{
	const struct sim_sweep_plan *plan = sweeper->plan;
	if (plan->honest != UINT32_MAX)
		return sim_measure(ret, sweeper->cheat, plan->honest, plan->seeds, &sweeper->pace,
			sweeper->error);
	memcpy(sweeper->honest, sweeper->cheat, sizeof *sweeper->honest);
	SOUK_TRY(sim_make_honest(sweeper->honest, plan->population, sweeper->error));
	return sim_measure(ret, sweeper->honest, plan->population, plan->seeds, &sweeper->pace,
		sweeper->error);
}

/* What one cheat may gain, by the documentation: a window, or a prize, in each session. */
static void bound_row(const struct sweeper *sweeper, struct sim_sweep_row *row)
{
	const struct sim_mean *mean = &row->cheat;
	const struct sim_scenario *s = sweeper->cheat;
	uint64_t sessions = (uint64_t)mean->nodes * mean->runs;
	if (sessions == 0)
		return;
	sessions = (mean->tally.sessions + sessions - 1) / sessions;
	const char *key = sweeper->plan->key;
	row->has_bound = strcmp(key, "window") == 0 || strcmp(key, "prize") == 0;
	uint64_t worth = s->value_ppm > SIM_PPM_ALL ? s->value_ppm : SIM_PPM_ALL;
	if (strcmp(key, "window") == 0)
		row->bound =
			(int64_t)((wide)sessions * row->value * s->price * worth / SIM_PPM_ALL);
	else if (strcmp(key, "prize") == 0)
		row->bound = (int64_t)((wide)sessions * row->value);
}

static souk_status run_row(struct sweeper *sweeper, struct sim_sweep_row *ret, uint64_t value)
{
	const struct sim_sweep_plan *plan = sweeper->plan;
	struct sim_sweep_row row = {.value = value};
	memcpy(sweeper->cheat, plan->scenario, sizeof *sweeper->cheat);
	sweeper->cheat->expect_count = 0;
	SOUK_TRY(set(sweeper->cheat, plan->key, sweeper->parameter.unit, value, sweeper->error));
	SOUK_TRY(measure_cheat(sweeper, &row.cheat));
	SOUK_TRY(measure_honest(sweeper, &row.honest));
	bound_row(sweeper, &row);
	*ret = row;
	return SOUK_OK;
}

/* The N-th root of RATIO, by Newton: where a geometric row stands is a choice of the caller's, and
 * no decision of a run. */
static double root(double ratio, uint32_t n)
{
	double low = 1, high = ratio;
	for (int i = 0; i < 200; i++) {
		double middle = (low + high) / 2, power = 1;
		for (uint32_t j = 0; j < n && power <= ratio; j++)
			power *= middle;
		*(power <= ratio ? &low : &high) = middle;
	}
	return low;
}

static uint64_t value_at(const struct sim_sweep_plan *plan, uint32_t index)
{
	uint32_t last = plan->points - 1;
	if (index == 0 || last == 0)
		return plan->from;
	if (index == last)
		return plan->to;
	if (!plan->is_geometric)
		return (uint64_t)((wide)plan->from + (wide)(plan->to - plan->from) * index / last);
	double factor = root((double)plan->to / (double)plan->from, last), value = 1;
	for (uint32_t i = 0; i < index; i++)
		value *= factor;
	return (uint64_t)((double)plan->from * value + 0.5);
}

/* ---------------------------------------------------------------- break-even */

static int64_t advantage(const struct sim_sweep_row *row)
{
	return row->cheat.profit - row->honest.profit;
}

/* Where the line through both rows is zero, times 1,000. */
static wide crossing_milli(const struct sim_sweep_row *a, const struct sim_sweep_row *b)
{
	wide from = advantage(a), to = advantage(b);
	wide width = (wide)b->value - (wide)a->value;
	return (wide)a->value * 1000 +
	       (from == to ? width * 500 : width * 1000 * from / (from - to));
}

/* Two rows, on both sides of the break-even, which come nearer. A line through both gives the next
 * value; where it moves only one of them, the middle is taken in between. */
static souk_status narrow(
	struct sweeper *sweeper, struct sim_sweep_row *low, struct sim_sweep_row *high)
{
	for (uint32_t i = 0; i < sweeper->plan->steps_max && high->value - low->value > 1; i++) {
		struct sim_sweep_row row;
		uint64_t value = (uint64_t)(crossing_milli(low, high) / 1000);
		if (i % 3 == 2)
			value = low->value + (high->value - low->value) / 2;
		if (value <= low->value)
			value = low->value + 1;
		if (value >= high->value)
			value = high->value - 1;
		SOUK_TRY(run_row(sweeper, &row, value));
		bool is_low = (advantage(&row) > 0) == (advantage(low) > 0);
		memcpy(is_low ? low : high, &row, sizeof row);
	}
	return SOUK_OK;
}

static souk_status find_break_even(struct sweeper *sweeper)
{
	struct sim_sweep *sweep = sweeper->sweep;
	for (uint32_t i = 0; i + 1 < sweep->count; i++) {
		struct sim_sweep_row low = sweep->rows[i], high = sweep->rows[i + 1];
		if ((advantage(&low) > 0) == (advantage(&high) > 0))
			continue;
		SOUK_TRY(narrow(sweeper, &low, &high));
		sweep->has_break_even = true;
		sweep->pays_above = advantage(&high) > 0;
		sweep->break_even = (double)crossing_milli(&low, &high) / 1000;
		sweep->low = low.value;
		sweep->high = high.value;
		return SOUK_OK;
	}
	return SOUK_OK;
}

/* ---------------------------------------------------------------- the whole */

static souk_status check_plan(struct sweeper *sweeper)
{
	const struct sim_sweep_plan *plan = sweeper->plan;
	uint64_t now;
	if (sim_scenario_get(plan->scenario, plan->key, &sweeper->parameter, &now) != SOUK_OK ||
		strlen(plan->key) >= sizeof sweeper->sweep->key) {
		snprintf(sweeper->error, SIM_ERROR_SIZE, "%s: no such parameter", plan->key);
		return SOUK_LOCAL_CONFIG;
	}
	const struct sim_parameter *p = &sweeper->parameter;
	if (plan->from > plan->to || plan->from < p->min || plan->to > p->max ||
		plan->points == 0 || plan->points > SIM_SWEEP_ROWS_MAX ||
		(plan->is_geometric && plan->from == 0)) {
		snprintf(sweeper->error, SIM_ERROR_SIZE,
			"%s: from %llu to %llu, rising, not from 0 where geometric; 1 to %u values",
			plan->key, (unsigned long long)p->min, (unsigned long long)p->max,
			SIM_SWEEP_ROWS_MAX);
		return SOUK_LOCAL_CONFIG;
	}
	return SOUK_OK;
}

static souk_status run_all(struct sweeper *sweeper)
{
	const struct sim_sweep_plan *plan = sweeper->plan;
	struct sim_sweep *sweep = sweeper->sweep;
	uint32_t each = plan->best_runs > 0 ? plan->best_runs : plan->seeds;
	sweeper->pace.runs_most = (plan->points + plan->steps_max) * (each + plan->seeds);
	for (uint32_t i = 0; i < plan->points; i++) {
		uint64_t value = value_at(plan, i);
		if (i > 0 && value == sweep->rows[sweep->count - 1].value)
			continue;
		SOUK_TRY(run_row(sweeper, &sweep->rows[sweep->count], value));
		sweep->count++;
	}
	SOUK_TRY(find_break_even(sweeper));
	sim_predict(&sweep->prediction, plan->scenario, plan->population, plan->key);
	sweep->runs = sweeper->pace.runs;
	return SOUK_OK;
}

souk_status sim_sweep(
	struct sim_sweep *ret, const struct sim_sweep_plan *plan, char error[SIM_ERROR_SIZE])
{
	struct sweeper sweeper = {.plan = plan, .sweep = ret, .pace = plan->pace, .error = error};
	SOUK_TRY(check_plan(&sweeper));
	memset(ret, 0, sizeof *ret);
	snprintf(ret->key, sizeof ret->key, "%s", plan->key);
	ret->unit = sweeper.parameter.unit;
	ret->price = plan->scenario->price;
	sweeper.cheat = sim_alloc(sizeof *sweeper.cheat);
	sweeper.honest = sim_alloc(sizeof *sweeper.honest);
	souk_status status = run_all(&sweeper);
	free(sweeper.cheat);
	free(sweeper.honest);
	return status;
}

/* ---------------------------------------------------------------- text */

static double prices(const struct sim_sweep *sweep, double ncoin)
{
	return ncoin / (double)sweep->price;
}

size_t sim_sweep_csv(char out[SIM_SWEEP_LINE_MAX], const struct sim_sweep *sweep, uint32_t row)
{
	if (row == UINT32_MAX)
		return (size_t)snprintf(out, SIM_SWEEP_LINE_MAX,
			"%s,cheat_profit_u,cheat_error_u,honest_profit_u,honest_error_u,"
			"advantage_u,bound_u,violations,runs\n",
			sweep->key);
	const struct sim_sweep_row *r = &sweep->rows[row];
	char bound[SIM_VALUE_SIZE] = "";
	if (r->has_bound)
		snprintf(bound, sizeof bound, "%.3f", prices(sweep, (double)r->bound));
	return (size_t)snprintf(out, SIM_SWEEP_LINE_MAX, "%llu,%.3f,%.3f,%.3f,%.3f,%.3f,%s,%u,%u\n",
		(unsigned long long)r->value, prices(sweep, (double)r->cheat.profit),
		prices(sweep, (double)r->cheat.error), prices(sweep, (double)r->honest.profit),
		prices(sweep, (double)r->honest.error), prices(sweep, (double)advantage(r)), bound,
		r->cheat.violations + r->honest.violations, r->cheat.runs + r->honest.runs);
}

static void print_value(char out[SIM_VALUE_SIZE], const struct sim_sweep *sweep, double value)
{
	/* Small numbers have decimals that their unit's text would not show. */
	if (sweep->unit == SIM_PPM)
		snprintf(out, SIM_VALUE_SIZE, "%.3f%%", value / 10000);
	else
		snprintf(out, SIM_VALUE_SIZE, value < 100 ? "%.2f" : "%.0f", value);
}

static const char *side(const struct sim_sweep *sweep)
{
	if (sweep->has_break_even)
		return "";
	for (uint32_t i = 0; i < sweep->count; i++) {
		if (advantage(&sweep->rows[i]) > 0)
			return "cheating pays at every value";
	}
	return "cheating pays at no value";
}

/* Whether each row keeps what the documentation promises of it; empty where it promises nothing. */
static void print_bounds(char out[64], const struct sim_sweep *sweep)
{
	uint32_t above = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < sweep->count; i++) {
		const struct sim_sweep_row *row = &sweep->rows[i];
		if (!row->has_bound)
			return;
		above += row->cheat.profit > row->bound;
	}
	if (above > 0)
		snprintf(out, 64, "; %u of %u rows are ABOVE their bound", above, sweep->count);
	else
		snprintf(out, 64, "; each row is within its bound");
}

void sim_sweep_verdict(char out[SIM_SWEEP_LINE_MAX], const struct sim_sweep *sweep)
{
	const struct sim_prediction *p = &sweep->prediction;
	char found[SIM_VALUE_SIZE], said[SIM_VALUE_SIZE], corrected[SIM_VALUE_SIZE], bounds[64];
	print_bounds(bounds, sweep);
	if (!sweep->has_break_even) {
		snprintf(out, SIM_SWEEP_LINE_MAX, "%s%s", side(sweep), bounds);
		return;
	}
	print_value(found, sweep, sweep->break_even);
	int used = snprintf(out, SIM_SWEEP_LINE_MAX, "break-even at %s = %s: cheating pays %s it%s",
		sweep->key, found, sweep->pays_above ? "above" : "below", bounds);
	if (!p->is_known)
		return;
	print_value(said, sweep, p->value);
	used += snprintf(out + used, SIM_SWEEP_LINE_MAX - (size_t)used, "; %s = %s (%+.2f%%)",
		p->form, said, 100 * (sweep->break_even / p->value - 1));
	if (p->applies)
		return;
	used += snprintf(out + used, SIM_SWEEP_LINE_MAX - (size_t)used,
		", which does not apply: %s", p->why);
	if (p->corrected <= 0)
		return;
	print_value(corrected, sweep, p->corrected);
	snprintf(out + used, SIM_SWEEP_LINE_MAX - (size_t)used, "; %s = %s (%+.2f%%)",
		p->correct_form, corrected, 100 * (sweep->break_even / p->corrected - 1));
}
