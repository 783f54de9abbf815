/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario as text: what differs from the defaults, in the order of the tables. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario_slot.h"

struct printer {
	char *out;
	size_t size, used; /* used < size */
};

__attribute__((format(printf, 2, 3))) static void put(
	struct printer *printer, const char *format, ...)
{
	va_list args;
	size_t room = printer->size - printer->used;

	va_start(args, format);
	int n = vsnprintf(printer->out + printer->used, room, format, args);
	va_end(args);
	if (n > 0)
		printer->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_slot(struct printer *printer, const struct sim_slot *slot)
{
	char value[SIM_VALUE_SIZE];

	if (*slot->value == slot->parameter.value)
		return;
	sim_value_print(value, slot->parameter.unit, *slot->value);
	put(printer, "%s = %s\n", slot->parameter.name, value);
}

static void put_market(struct printer *printer, struct sim_scenario *scenario)
{
	struct sim_slot slot;
	size_t before;

	put(printer, "[market]\n");
	before = printer->used;
	if (scenario->about[0] != '\0')
		put(printer, "about = %.*s\n", SIM_ABOUT_MAX, scenario->about);
	for (unsigned i = 0; sim_slot_of_market(&slot, scenario, i); i++)
		put_slot(printer, &slot);
	/* A section must hold something to be read again. */
	if (printer->used == before && sim_slot_of_market(&slot, scenario, 0))
		put(printer, "%s = %llu\n", slot.parameter.name, (unsigned long long)*slot.value);
}

static void put_population(struct printer *printer, struct sim_population *population)
{
	struct sim_slot slot;

	put(printer, "\n[population %s]\nactor = %s\n", population->name, population->actor);
	for (unsigned i = 0; sim_slot_of_population(&slot, population, i); i++)
		put_slot(printer, &slot);
}

static void put_fault(struct printer *printer, struct sim_fault *fault)
{
	struct sim_slot slot;

	put(printer, "\n[fault %s]\nkind = %s\n", fault->name, sim_fault_names[fault->kind]);
	if (fault->population[0] != '\0')
		put(printer, "population = %s\n", fault->population);
	for (unsigned i = 0; sim_slot_of_fault(&slot, fault, i); i++)
		put_slot(printer, &slot);
}

static void put_violations(struct printer *printer, const struct sim_scenario *scenario)
{
	bool is_first = true;

	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		if (scenario->expects[i].kind != SIM_EXPECT_VIOLATION)
			continue;
		put(printer, "%s%s", is_first ? "violations = " : " ", scenario->expects[i].word);
		is_first = false;
	}
	if (!is_first)
		put(printer, "\n");
}

static void put_expects(struct printer *printer, const struct sim_scenario *scenario)
{
	char value[SIM_VALUE_SIZE];

	put(printer, "\n[expect]\n");
	put_violations(printer, scenario);
	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		const struct sim_expect *expect = &scenario->expects[i];
		switch (expect->kind) {
		case SIM_EXPECT_VIOLATION: break;
		case SIM_EXPECT_PROFIT_MAX:
		case SIM_EXPECT_PROFIT_MIN:
			sim_milli_print(value, expect->value);
			put(printer, "%s %s = %s\n",
				expect->kind == SIM_EXPECT_PROFIT_MAX ? "profit-max" : "profit-min",
				expect->word, value);
			break;
		case SIM_EXPECT_DONE_MIN:
			sim_value_print(value, SIM_PPM, (uint64_t)expect->value);
			put(printer, "done-min %s = %s\n", expect->word, value);
			break;
		}
	}
}

size_t sim_scenario_print(const struct sim_scenario *scenario, char *out, size_t size)
{
	struct sim_scenario copy = *scenario; /* slots are for writing too */
	struct printer printer = {.out = out, .size = size};

	if (size == 0)
		return 0;
	out[0] = '\0';
	put_market(&printer, &copy);
	for (uint32_t i = 0; i < copy.population_count; i++)
		put_population(&printer, &copy.populations[i]);
	for (uint32_t i = 0; i < copy.fault_count; i++)
		put_fault(&printer, &copy.faults[i]);
	if (copy.expect_count > 0)
		put_expects(&printer, &copy);
	return printer.used;
}
