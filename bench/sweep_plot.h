/* SPDX-License-Identifier: Apache-2.0
 *
 * sweep_plot.h - a sweep as a chart: what a cheat gains beside honest behaviour, where they cross,
 * and where they should. */
#ifndef SOUK_BENCH_SWEEP_PLOT_H
#define SOUK_BENCH_SWEEP_PLOT_H

#include <stdio.h>

#include "sweep.h"

/* ABOUT: below the title, such as the scenario's `about`. */
void sweep_plot_write(FILE *out, const struct sim_sweep *sweep, const char *about);

#endif
