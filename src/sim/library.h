/* SPDX-License-Identifier: Apache-2.0
 *
 * library.h - the scenarios of the folder scenarios/, as they were when this was built.
 *
 * Made by tools/scenarios.py, so that an installed command has them. Memory: constant. */
#ifndef SOUK_SIM_LIBRARY_H
#define SOUK_SIM_LIBRARY_H

#include <stddef.h>

struct sim_library_entry {
	const char *name; /* NULL behind the last */
	const char *text;
	size_t size;
};

/* In the order of their names. */
extern const struct sim_library_entry sim_library[];
extern const size_t sim_library_count;

#endif
