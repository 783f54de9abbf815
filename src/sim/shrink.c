/* SPDX-License-Identifier: Apache-2.0 */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>

#include "scenario_slot.h"

#define RUNS_MAX 400u
/* What a byte of text is worth in events: a shorter story is worth a little longer run. */
#define TEXT_WEIGHT 64u

struct shrinking {
	const struct sim_shrink_options *options;
	enum sim_violation_kind kind;
	struct sim_scenario *best;
	struct sim_scenario *candidate;
	struct sim_report *report;
	char *text;
	uint32_t runs, runs_max;
	uint64_t weight; /* of the best */
	uint64_t events, messages;
	struct sim_violation violation;
	bool is_over;
};

/* ---------------------------------------------------------------- one candidate */

/* A candidate that grows far beyond the best is of no use, and may take very long. */
static bool go_on(void *ctx, uint64_t sim_us, uint64_t end_us, uint64_t messages)
{
	const struct shrinking *s = ctx;
	(void)sim_us;
	(void)end_us;
	return messages <= 4 * s->messages + 100000;
}

static const struct sim_violation *find_violation(
	const struct sim_report *report, enum sim_violation_kind kind)
{
	for (uint32_t i = 0; i < report->violation_count; i++) {
		if (report->violations[i].kind == kind)
			return &report->violations[i];
	}
	return NULL;
}

/* Whether CANDIDATE shows what is looked for; the report is then its. */
static bool shows(struct shrinking *s, const struct sim_scenario *candidate)
{
	struct sim_run_options options = {.progress = go_on, .ctx = s};
	char error[SIM_ERROR_SIZE];
	if (sim_scenario_check(candidate, error) != SOUK_OK ||
		sim_run(s->report, candidate, &options, error) != SOUK_OK)
		return false;
	if (s->kind == SIM_VIOLATION_UNEXPECTED)
		return !s->report->is_expected;
	return find_violation(s->report, s->kind) != NULL;
}

static void take(struct shrinking *s, const struct sim_scenario *candidate, uint64_t weight)
{
	const struct sim_violation *v = find_violation(s->report, s->kind);
	*s->best = *candidate;
	s->weight = weight;
	s->events = s->report->events;
	s->messages = s->report->messages;
	if (v != NULL)
		s->violation = *v;
}

static uint64_t weigh(struct shrinking *s, const struct sim_scenario *candidate)
{
	return s->report->events +
	       TEXT_WEIGHT * sim_scenario_print(candidate, s->text, SIM_TEXT_SIZE);
}

/* Run the candidate; keep it if it is good, and less. */
static bool try_candidate(struct shrinking *s)
{
	if (s->is_over || s->runs == s->runs_max ||
		memcmp(s->candidate, s->best, sizeof *s->best) == 0)
		return false;
	s->runs++;
	bool is_better = false;
	if (shows(s, s->candidate)) {
		uint64_t weight = weigh(s, s->candidate);
		is_better = weight < s->weight;
		if (is_better)
			take(s, s->candidate, weight);
	}
	const struct sim_shrink_options *o = s->options;
	if (o != NULL && o->progress != NULL &&
		!o->progress(o->ctx, s->runs, s->runs_max, s->best, s->events))
		s->is_over = true;
	return is_better;
}

static struct sim_scenario *fresh(struct shrinking *s)
{
	*s->candidate = *s->best;
	return s->candidate;
}

/* ---------------------------------------------------------------- leaving out */

static void remove_fault(struct sim_scenario *scenario, uint32_t index)
{
	scenario->fault_count--;
	memmove(&scenario->faults[index], &scenario->faults[index + 1],
		(scenario->fault_count - index) * sizeof *scenario->faults);
	memset(&scenario->faults[scenario->fault_count], 0, sizeof *scenario->faults);
}

static void remove_expect(struct sim_scenario *scenario, uint32_t index)
{
	scenario->expect_count--;
	memmove(&scenario->expects[index], &scenario->expects[index + 1],
		(scenario->expect_count - index) * sizeof *scenario->expects);
	memset(&scenario->expects[scenario->expect_count], 0, sizeof *scenario->expects);
}

/* With what speaks of it. */
static void remove_population(struct sim_scenario *scenario, uint32_t index)
{
	char name[SIM_NAME_SIZE];
	memcpy(name, scenario->populations[index].name, sizeof name);
	for (uint32_t i = scenario->fault_count; i-- > 0;) {
		if (strcmp(scenario->faults[i].population, name) == 0)
			remove_fault(scenario, i);
	}
	for (uint32_t i = scenario->expect_count; i-- > 0;) {
		if (strcmp(scenario->expects[i].word, name) == 0)
			remove_expect(scenario, i);
	}
	scenario->population_count--;
	memmove(&scenario->populations[index], &scenario->populations[index + 1],
		(scenario->population_count - index) * sizeof *scenario->populations);
	memset(&scenario->populations[scenario->population_count], 0,
		sizeof *scenario->populations);
}

static bool leave_out(struct shrinking *s)
{
	bool any = false;
	for (uint32_t i = s->best->population_count; i-- > 0;) {
		remove_population(fresh(s), i);
		any |= try_candidate(s);
	}
	if (s->best->fault_count > 1) {
		struct sim_scenario *c = fresh(s);
		while (c->fault_count > 0)
			remove_fault(c, 0);
		any |= try_candidate(s);
	}
	for (uint32_t i = s->best->fault_count; i-- > 0;) {
		remove_fault(fresh(s), i);
		any |= try_candidate(s);
	}
	for (uint32_t i = s->best->expect_count; i-- > 0;) {
		remove_expect(fresh(s), i);
		any |= try_candidate(s);
	}
	return any;
}

/* ---------------------------------------------------------------- less of it */

enum section { OF_MARKET, OF_POPULATION, OF_FAULT };

/* The slot in the candidate; false behind the last. */
static bool slot_in(struct sim_slot *ret, struct sim_scenario *scenario, enum section section,
	uint32_t which, unsigned index)
{
	switch (section) {
	case OF_MARKET: return sim_slot_of_market(ret, scenario, index);
	case OF_POPULATION:
		return sim_slot_of_population(ret, &scenario->populations[which], index);
	case OF_FAULT: return sim_slot_of_fault(ret, &scenario->faults[which], index);
	}
	return false;
}

/* What makes a run shorter when it is less. */
static bool is_size(const char *name)
{
	static const char *const names[] = {"duration", "heal", "settle", "contents", "units-min",
		"units-max", "count", "downloads", "peers", "until", "amount", "at", "sessions",
		"session-units", "start", "pause"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool try_value(
	struct shrinking *s, enum section section, uint32_t which, unsigned index, uint64_t value)
{
	struct sim_slot slot;
	if (!slot_in(&slot, fresh(s), section, which, index) || value < slot.parameter.min ||
		value > slot.parameter.max || *slot.value == value)
		return false;
	*slot.value = value;
	return try_candidate(s);
}

/* The least, else halves, else one less. */
static bool lessen(struct shrinking *s, enum section section, uint32_t which, unsigned index)
{
	struct sim_slot slot;
	bool any = false;
	if (!slot_in(&slot, s->best, section, which, index) || !is_size(slot.parameter.name))
		return false;
	uint64_t least = slot.parameter.min == 0 ? 1 : slot.parameter.min;
	if (*slot.value <= least)
		return false;
	if (try_value(s, section, which, index, least))
		return true;
	while (*slot.value > least && try_value(s, section, which, index, *slot.value / 2))
		any = true;
	if (*slot.value < 16)
		any |= try_value(s, section, which, index, *slot.value - 1);
	else
		any |= try_value(s, section, which, index, *slot.value - *slot.value / 4);
	return any;
}

static bool by_default(struct shrinking *s, enum section section, uint32_t which, unsigned index)
{
	struct sim_slot slot;
	if (!slot_in(&slot, s->best, section, which, index) ||
		strcmp(slot.parameter.name, "seed") == 0)
		return false;
	return try_value(s, section, which, index, slot.parameter.value);
}

/* ACT on every parameter there is. */
static bool each(
	struct shrinking *s, bool (*act)(struct shrinking *, enum section, uint32_t, unsigned))
{
	struct sim_slot slot;
	bool any = false;
	for (unsigned i = 0; slot_in(&slot, s->best, OF_MARKET, 0, i); i++)
		any |= act(s, OF_MARKET, 0, i);
	for (uint32_t p = 0; p < s->best->population_count; p++) {
		for (unsigned i = 0; slot_in(&slot, s->best, OF_POPULATION, p, i); i++)
			any |= act(s, OF_POPULATION, p, i);
	}
	for (uint32_t f = 0; f < s->best->fault_count; f++) {
		for (unsigned i = 0; slot_in(&slot, s->best, OF_FAULT, f, i); i++)
			any |= act(s, OF_FAULT, f, i);
	}
	return any;
}

/* All parameters of the market at once: often none of them matters. */
static bool plain_market(struct shrinking *s)
{
	struct sim_scenario *c = fresh(s);
	struct sim_slot slot;
	for (unsigned i = 0; sim_slot_of_market(&slot, c, i); i++) {
		if (strcmp(slot.parameter.name, "seed") != 0)
			*slot.value = slot.parameter.value;
	}
	c->duration_ms = s->best->duration_ms;
	return try_candidate(s);
}

/* ---------------------------------------------------------------- in all */

static void shrink(struct shrinking *s)
{
	bool any = true;
	while (any && !s->is_over && s->runs < s->runs_max) {
		any = leave_out(s);
		any |= plain_market(s);
		any |= each(s, lessen);
		any |= each(s, by_default);
	}
}

/* The scenario as it is, without what would only stand in the way. */
static bool begin(struct shrinking *s, const struct sim_scenario *scenario)
{
	*s->best = *scenario;
	s->messages = UINT64_MAX / 8;
	if (s->kind != SIM_VIOLATION_UNEXPECTED) {
		s->best->expect_count = 0;
		memset(s->best->expects, 0, sizeof s->best->expects);
	}
	memset(s->best->about, 0, sizeof s->best->about);
	if (!shows(s, s->best))
		return false;
	*s->candidate = *s->best;
	take(s, s->candidate, weigh(s, s->best));
	return true;
}

souk_status sim_shrink(struct sim_scenario *scenario, enum sim_violation_kind kind,
	const struct sim_shrink_options *options, struct sim_shrunk *ret)
{
	struct shrinking s = {.options = options, .kind = kind, .runs_max = RUNS_MAX};
	if (options != NULL && options->runs_max > 0)
		s.runs_max = options->runs_max;
	s.best = sim_alloc(sizeof *s.best);
	s.candidate = sim_alloc(sizeof *s.candidate);
	s.report = sim_alloc(sizeof *s.report);
	s.text = sim_alloc(SIM_TEXT_SIZE);
	bool is_found = begin(&s, scenario);
	uint64_t events_before = s.events;
	if (is_found) {
		shrink(&s);
		*scenario = *s.best;
		*ret = (struct sim_shrunk){.runs = s.runs,
			.events_before = events_before,
			.events = s.events,
			.violation = s.violation};
	}
	free(s.best);
	free(s.candidate);
	free(s.report);
	free(s.text);
	return is_found ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}
