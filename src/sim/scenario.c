/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario_slot.h"
#include "souk/base/check.h"
#include "souk/payment/escrow.h"

/* ---------------------------------------------------------------- the tables */

const struct sim_parameter sim_market_parameters[] = {
#define X(field, name, unit, value, min, max, about)                                               \
	{name, unit, value, min, max, about, offsetof(struct sim_scenario, field)},
	SIM_MARKET(X)
#undef X
		{0},
};

const struct sim_parameter sim_population_parameters[] = {
#define X(field, name, unit, value, min, max, about)                                               \
	{name, unit, value, min, max, about, offsetof(struct sim_population, field)},
	SIM_POPULATION(X)
#undef X
		{0},
};

const struct sim_parameter sim_fault_parameters[] = {
#define X(field, name, unit, value, min, max, about)                                               \
	{name, unit, value, min, max, about, offsetof(struct sim_fault, field)},
	SIM_FAULT(X)
#undef X
		{0},
};

enum how {
	SUDDEN = 0,  /* comes and is gone */
	LASTING = 1, /* until it is over */
	EITHER = 2,
	OF_ALL = 4, /* of the ledger or the whole network, not of single nodes */
};

/* X(kind, name, unit of the amount, how, about) */
#define KINDS(X)                                                                                   \
	X(CRASH, "crash", SIM_DURATION, SUDDEN, "killed; back after the amount")                   \
	X(POWER, "power", SIM_DURATION, SUDDEN, "the same, and what was not durable is lost")      \
	X(PARTITION, "partition", SIM_NUMBER, LASTING,                                             \
		"cut off from the others and from the ledger")                                     \
	X(ONE_WAY, "one-way", SIM_NUMBER, LASTING, "what it sends does not arrive")                \
	X(LOSS, "loss", SIM_PPM, LASTING | OF_ALL, "so many of all messages are lost")             \
	X(DELAY, "delay", SIM_DURATION, LASTING | OF_ALL, "all messages take so much longer")      \
	X(NO_LEDGER, "no-ledger", SIM_NUMBER, LASTING, "cut off from the ledger")                  \
	X(DISK_SLOW, "disk-slow", SIM_DURATION, LASTING, "a commit takes so long")                 \
	X(DISK_FULL, "disk-full", SIM_NUMBER, LASTING, "nothing can be written")                   \
	X(DISK_FAILS, "disk-fails", SIM_NUMBER, LASTING, "no commit succeeds")                     \
	X(DISK_TEARS, "disk-tears", SIM_NUMBER, LASTING,                                           \
		"a crash leaves a part of the last commit")                                        \
	X(DISK_LOSES, "disk-loses", SIM_NUMBER, LASTING,                                           \
		"commits are said to be durable and are not")                                      \
	X(DISK_ROTS, "disk-rots", SIM_NUMBER, SUDDEN, "so many bits flip")                         \
	X(CLOCK_JUMP, "clock-jump", SIM_DURATION, EITHER,                                          \
		"clocks go ahead by the amount, then back")                                        \
	X(CONGESTION, "congestion", SIM_NUMBER, LASTING | OF_ALL,                                  \
		"of the ledger: so many transactions in a block")                                  \
	X(FORK, "fork", SIM_NUMBER, SUDDEN | OF_ALL, "of the ledger: so many blocks are undone")   \
	X(LEDGER_STOP, "ledger-stop", SIM_NUMBER, LASTING | OF_ALL, "no blocks")

#define X(kind, name, unit, how, about) [SIM_FAULT_##kind] = (name),
const char *const sim_fault_names[SIM_FAULT_KINDS] = {KINDS(X)};
#undef X
#define X(kind, name, unit, how, about) [SIM_FAULT_##kind] = (unit),
const enum sim_unit sim_fault_units[SIM_FAULT_KINDS] = {KINDS(X)};
#undef X
#define X(kind, name, unit, how, about) [SIM_FAULT_##kind] = (about),
const char *const sim_fault_abouts[SIM_FAULT_KINDS] = {KINDS(X)};
#undef X
#define X(kind, name, unit, how, about) [SIM_FAULT_##kind] = (how),
static const unsigned char fault_hows[SIM_FAULT_KINDS] = {KINDS(X)};
#undef X

/* ---------------------------------------------------------------- slots */

static bool slot_at(
	struct sim_slot *ret, const struct sim_parameter *table, void *base, unsigned index)
{
	unsigned count = 0;

	while (count < index && table[count].name != NULL)
		count++;
	if (table[count].name == NULL)
		return false;
	ret->parameter = table[index];
	ret->value = (uint64_t *)(void *)((char *)base + table[index].offset);
	ret->index = index;
	return true;
}

bool sim_slot_of_market(struct sim_slot *ret, struct sim_scenario *scenario, unsigned index)
{
	return slot_at(ret, sim_market_parameters, scenario, index);
}

/* The table's rows, then the knobs. */
bool sim_slot_of_population(struct sim_slot *ret, struct sim_population *population, unsigned index)
{
	const struct sim_actor *actor = sim_actor_find(population->actor);
	unsigned rows = SOUK_COUNT_OF(sim_population_parameters) - 1;

	if (index < rows)
		return slot_at(ret, sim_population_parameters, population, index);
	if (actor == NULL || actor->knobs == NULL)
		return false;
	for (unsigned i = 0; i < SIM_KNOBS_MAX && actor->knobs[i].name != NULL; i++) {
		const struct sim_knob *knob = &actor->knobs[i];
		if (rows + i != index)
			continue;
		*ret = (struct sim_slot){
			{knob->name, SIM_NUMBER, knob->value, knob->min, knob->max, knob->about, 0},
			&population->knobs[i], index};
		return true;
	}
	return false;
}

/* Of time down, more or jumped; and of blocks, transactions or bits. */
#define FAULT_MS_MAX	86400000u
#define FAULT_COUNT_MAX 1000000u

bool sim_slot_of_fault(struct sim_slot *ret, struct sim_fault *fault, unsigned index)
{
	if (!slot_at(ret, sim_fault_parameters, fault, index))
		return false;
	if (ret->value != &fault->amount)
		return true;
	ret->parameter.unit = sim_fault_units[fault->kind];
	ret->parameter.max = ret->parameter.unit == SIM_PPM	   ? SIM_PPM_ALL
			     : ret->parameter.unit == SIM_DURATION ? FAULT_MS_MAX
								   : FAULT_COUNT_MAX;
	return true;
}

bool sim_slot_find_market(struct sim_slot *ret, struct sim_scenario *scenario, const char *key)
{
	struct sim_slot slot;

	for (unsigned i = 0; sim_slot_of_market(&slot, scenario, i); i++) {
		if (strcmp(slot.parameter.name, key) == 0) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

bool sim_slot_find_population(
	struct sim_slot *ret, struct sim_population *population, const char *key)
{
	struct sim_slot slot;

	for (unsigned i = 0; sim_slot_of_population(&slot, population, i); i++) {
		if (strcmp(slot.parameter.name, key) == 0) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

bool sim_slot_find_fault(struct sim_slot *ret, struct sim_fault *fault, const char *key)
{
	struct sim_slot slot;

	for (unsigned i = 0; sim_slot_of_fault(&slot, fault, i); i++) {
		if (strcmp(slot.parameter.name, key) == 0) {
			*ret = slot;
			return true;
		}
	}
	return false;
}

bool sim_slot_parse(const struct sim_slot *slot, const char *text, char error[SIM_ERROR_SIZE])
{
	char allowed[SIM_ERROR_SIZE];

	if (sim_value_parse(slot->value, &slot->parameter, text))
		return true;
	sim_value_allowed(allowed, &slot->parameter);
	snprintf(error, SIM_ERROR_SIZE, "%.31s = %.40s: %.160s", slot->parameter.name, text,
		allowed);
	return false;
}

/* ---------------------------------------------------------------- building */

void sim_scenario_init(struct sim_scenario *scenario)
{
	struct sim_slot slot;

	memset(scenario, 0, sizeof *scenario);
	for (unsigned i = 0; sim_slot_of_market(&slot, scenario, i); i++)
		*slot.value = slot.parameter.value;
}

bool sim_name_is_good(const char *name)
{
	size_t size = strlen(name);
	size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return size > 0 && size < SIM_NAME_SIZE && good == size;
}

static bool is_taken(const struct sim_scenario *scenario, const char *name)
{
	return sim_scenario_population(scenario, name) != UINT32_MAX ||
	       sim_scenario_fault(scenario, name) != UINT32_MAX;
}

/* With nothing behind its end, so that equal scenarios are equal byte by byte. */
static void copy_name(char out[SIM_NAME_SIZE], const char *name)
{
	memset(out, 0, SIM_NAME_SIZE);
	memcpy(out, name, strnlen(name, SIM_NAME_SIZE - 1));
}

bool sim_population_become(struct sim_population *population, const char *actor)
{
	struct sim_slot slot;

	if (sim_actor_find(actor) == NULL)
		return false;
	copy_name(population->actor, actor);
	memset(population->knobs, 0, sizeof population->knobs);
	for (unsigned i = SOUK_COUNT_OF(sim_population_parameters) - 1;
		sim_slot_of_population(&slot, population, i); i++)
		*slot.value = slot.parameter.value;
	return true;
}

struct sim_population *sim_scenario_add_population(
	struct sim_scenario *scenario, const char *name, const char *actor)
{
	struct sim_population population = {0};
	struct sim_slot slot;

	if (scenario->population_count == SIM_POPULATIONS_MAX || !sim_name_is_good(name) ||
		is_taken(scenario, name) || !sim_population_become(&population, actor))
		return NULL;
	copy_name(population.name, name);
	for (unsigned i = 0; sim_slot_of_population(&slot, &population, i); i++)
		*slot.value = slot.parameter.value;
	struct sim_population *place = &scenario->populations[scenario->population_count++];
	*place = population;
	return place;
}

struct sim_fault *sim_scenario_add_fault(
	struct sim_scenario *scenario, const char *name, enum sim_fault_kind kind)
{
	struct sim_slot slot;

	if (scenario->fault_count == SIM_FAULTS_MAX || !sim_name_is_good(name) ||
		is_taken(scenario, name))
		return NULL;
	struct sim_fault *fault = &scenario->faults[scenario->fault_count++];
	memset(fault, 0, sizeof *fault);
	copy_name(fault->name, name);
	fault->kind = kind;
	for (unsigned i = 0; sim_slot_of_fault(&slot, fault, i); i++)
		*slot.value = slot.parameter.value;
	return fault;
}

uint32_t sim_scenario_population(const struct sim_scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		if (strcmp(scenario->populations[i].name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

uint32_t sim_scenario_fault(const struct sim_scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->fault_count; i++) {
		if (strcmp(scenario->faults[i].name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

enum sim_fault_kind sim_fault_kind_of(const char *name)
{
	unsigned kind = 0;

	while (kind < SIM_FAULT_KINDS && strcmp(sim_fault_names[kind], name) != 0)
		kind++;
	return (enum sim_fault_kind)kind;
}

void sim_list_fault_kinds(char error[SIM_ERROR_SIZE])
{
	size_t size = strlen(error);

	for (unsigned i = 0; i < SIM_FAULT_KINDS && size < SIM_ERROR_SIZE; i++)
		size += (size_t)snprintf(error + size, SIM_ERROR_SIZE - size, "%s%s",
			i == 0 ? "one of " : " ", sim_fault_names[i]);
}

/* ---------------------------------------------------------------- setting */

/* Of "thieves.count" the slot; of "thieves.actor" and the like none, but the population. */
struct target {
	struct sim_slot slot;
	bool has_slot;
	struct sim_population *population;
	struct sim_fault *fault;
	const char *key; /* behind the point */
};

static bool find_target(struct target *ret, struct sim_scenario *scenario, const char *key)
{
	char owner[SIM_NAME_SIZE];
	const char *point = strchr(key, '.');

	*ret = (struct target){.key = point != NULL ? point + 1 : key};
	if (point == NULL) {
		ret->has_slot = sim_slot_find_market(&ret->slot, scenario, key);
		return ret->has_slot;
	}
	if (point - key >= SIM_NAME_SIZE)
		return false;
	snprintf(owner, sizeof owner, "%.*s", (int)(point - key), key);
	uint32_t population = sim_scenario_population(scenario, owner);
	uint32_t fault = sim_scenario_fault(scenario, owner);
	if (population != UINT32_MAX) {
		ret->population = &scenario->populations[population];
		ret->has_slot = sim_slot_find_population(&ret->slot, ret->population, ret->key);
		return ret->has_slot || strcmp(ret->key, "actor") == 0;
	}
	if (fault == UINT32_MAX)
		return false;
	ret->fault = &scenario->faults[fault];
	ret->has_slot = sim_slot_find_fault(&ret->slot, ret->fault, ret->key);
	return ret->has_slot || strcmp(ret->key, "kind") == 0 ||
	       strcmp(ret->key, "population") == 0;
}

__attribute__((format(printf, 2, 3))) static souk_status refuse(
	char error[SIM_ERROR_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, SIM_ERROR_SIZE, format, args);
	va_end(args);
	return SOUK_LOCAL_CONFIG;
}

static souk_status set_word(struct target *target, const char *value, char error[SIM_ERROR_SIZE])
{
	enum sim_fault_kind kind;

	if (target->population != NULL)
		return sim_population_become(target->population, value)
			       ? SOUK_OK
			       : refuse(error,
					 "actor = %.40s: no such actor; souk sim actors lists them",
					 value);
	if (strcmp(target->key, "population") == 0) {
		if (*value != '\0' && !sim_name_is_good(value))
			return refuse(error, "population = %.40s: no such population", value);
		copy_name(target->fault->population, value);
		return SOUK_OK;
	}
	kind = sim_fault_kind_of(value);
	if (kind == SIM_FAULT_KINDS) {
		refuse(error, "kind = %.20s: ", value);
		sim_list_fault_kinds(error);
		return SOUK_LOCAL_CONFIG;
	}
	target->fault->kind = kind;
	return SOUK_OK;
}

souk_status sim_scenario_set(
	struct sim_scenario *scenario, const char *assignment, char error[SIM_ERROR_SIZE])
{
	char key[2 * SIM_NAME_SIZE];
	const char *equals = strchr(assignment, '=');
	struct target target;

	if (equals == NULL || equals - assignment >= (ptrdiff_t)sizeof key)
		return refuse(
			error, "%.60s: not of the form key=value or name.key=value", assignment);
	snprintf(key, sizeof key, "%.*s", (int)(equals - assignment), assignment);
	if (!find_target(&target, scenario, key))
		return refuse(error,
			"%.63s: no such key; souk sim parameters lists them, and those of a "
			"population or fault are written as its name, a point and the key",
			key);
	if (!target.has_slot)
		return set_word(&target, equals + 1, error);
	return sim_slot_parse(&target.slot, equals + 1, error) ? SOUK_OK : SOUK_LOCAL_CONFIG;
}

souk_status sim_scenario_get(const struct sim_scenario *scenario, const char *key,
	struct sim_parameter *ret_parameter, uint64_t *ret_value)
{
	struct target target;

	/* Nothing is written through the slot. */
	if (!find_target(&target, (struct sim_scenario *)(uintptr_t)scenario, key) ||
		!target.has_slot)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_parameter = target.slot.parameter;
	*ret_value = *target.slot.value;
	return SOUK_OK;
}

/* ---------------------------------------------------------------- checking */

static souk_status check_market(const struct sim_scenario *s, char error[SIM_ERROR_SIZE])
{
	uint64_t open_ms = s->draw_delay_ms + s->claim_ms;

	if (s->units_min > s->units_max)
		return refuse(error, "[market] units-min: at most units-max");
	if (s->victim_permille + s->reporter_permille > 1000)
		return refuse(error, "[market] victim: with reporter at most 1000");
	if ((open_ms + s->epoch_ms - 1) / s->epoch_ms > SOUK_ESCROW_OPEN_MAX - 2)
		return refuse(error,
			"[market] epoch: draw-delay and claim-window are longer than %u of them",
			SOUK_ESCROW_OPEN_MAX - 2);
	return SOUK_OK;
}

static souk_status check_fault(
	const struct sim_scenario *s, const struct sim_fault *fault, char error[SIM_ERROR_SIZE])
{
	if (fault->population[0] != '\0' &&
		sim_scenario_population(s, fault->population) == UINT32_MAX)
		return refuse(error, "[fault %s] population = %s: no such population", fault->name,
			fault->population);
	unsigned how = fault_hows[fault->kind];
	if (how & OF_ALL && (fault->population[0] != '\0' || fault->share_ppm != 1000000))
		return refuse(error,
			"[fault %s] population, share: a %s is of the ledger or the whole network",
			fault->name, sim_fault_names[fault->kind]);
	if (fault->until_ms != 0 && fault->until_ms <= fault->at_ms)
		return refuse(error, "[fault %s] until: later than `at`", fault->name);
	if (fault->until_ms == 0 && (fault->every_ms != 0 || how & LASTING))
		return refuse(error, "[fault %s] until: is missing", fault->name);
	if (fault->every_ms != 0 && how & LASTING)
		return refuse(error, "[fault %s] every: a %s lasts, it does not come again",
			fault->name, sim_fault_names[fault->kind]);
	return SOUK_OK;
}

souk_status sim_scenario_check(const struct sim_scenario *scenario, char error[SIM_ERROR_SIZE])
{
	SOUK_TRY(check_market(scenario, error));
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		const struct sim_population *p = &scenario->populations[i];
		if (sim_actor_find(p->actor) == NULL)
			return refuse(error,
				"[population %s] actor = %s: no such actor; souk sim actors lists "
				"them",
				p->name, p->actor);
	}
	for (uint32_t i = 0; i < scenario->fault_count; i++)
		SOUK_TRY(check_fault(scenario, &scenario->faults[i], error));
	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		const struct sim_expect *expect = &scenario->expects[i];
		if (expect->kind != SIM_EXPECT_VIOLATION &&
			sim_scenario_population(scenario, expect->word) == UINT32_MAX)
			return refuse(error, "[expect] %s: no such population", expect->word);
	}
	return SOUK_OK;
}
