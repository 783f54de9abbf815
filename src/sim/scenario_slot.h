/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_slot.h - where in a scenario a key stands, for parser, printer and `set`. */
#ifndef SOUK_SIM_SCENARIO_SLOT_H
#define SOUK_SIM_SCENARIO_SLOT_H

#include "scenario.h"

/* A text that one line of a scenario can hold, whatever stands around it. */
#define SIM_ABOUT_MAX 180
/* Slots of one section at most, for what was seen of it. */
#define SIM_SLOTS_MAX 96

struct sim_slot {
	struct sim_parameter parameter;
	uint64_t *value;
	unsigned index; /* its own among those of its section */
};

/* The slot at INDEX, or that of KEY. False: there is none. Of a population also its actor's knobs.
 */
bool sim_slot_of_market(struct sim_slot *ret, struct sim_scenario *scenario, unsigned index);
bool sim_slot_of_population(
	struct sim_slot *ret, struct sim_population *population, unsigned index);
bool sim_slot_of_fault(struct sim_slot *ret, struct sim_fault *fault, unsigned index);

bool sim_slot_find_market(struct sim_slot *ret, struct sim_scenario *scenario, const char *key);
bool sim_slot_find_population(
	struct sim_slot *ret, struct sim_population *population, const char *key);
bool sim_slot_find_fault(struct sim_slot *ret, struct sim_fault *fault, const char *key);

/* "KEY = TEXT: what is allowed" of a text that is refused. */
bool sim_slot_parse(const struct sim_slot *slot, const char *text, char error[SIM_ERROR_SIZE]);

uint32_t sim_scenario_fault(const struct sim_scenario *scenario, const char *name);
/* Letters, digits and dashes: what stands in a section's name, and before the point in a set. */
bool sim_name_is_good(const char *name);
/* ACTOR, and its knobs as they are by default. False: no such actor. */
bool sim_population_become(struct sim_population *population, const char *actor);
/* SIM_FAULT_KINDS: none. */
enum sim_fault_kind sim_fault_kind_of(const char *name);
/* One after the other, behind what ERROR says already. */
void sim_list_fault_kinds(char error[SIM_ERROR_SIZE]);

#endif
