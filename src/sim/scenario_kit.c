/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of actors for the tests of scenarios alone: names and knobs, and nothing behind them. */
#include <string.h>

#include "scenario.h"

static const struct sim_knob thief_knobs[] = {
	{"honest-until", 3, 0, 1000, "units that it pays"},
	{"share", 500000, 0, 1000000, "of its sessions, in ppm"},
	{0},
};

static const struct sim_actor actors[] = {
	{.name = "customer", .about = "buys"},
	{.name = "provider", .about = "sells"},
	{.name = "thief", .about = "does not pay", .is_greedy = true, .knobs = thief_knobs},
};

const struct sim_actor *sim_actor_at(size_t index)
{
	return index < sizeof actors / sizeof *actors ? &actors[index] : NULL;
}

const struct sim_actor *sim_actor_find(const char *name)
{
	for (size_t i = 0; i < sizeof actors / sizeof *actors; i++) {
		if (strcmp(actors[i].name, name) == 0)
			return &actors[i];
	}
	return NULL;
}
