/* SPDX-License-Identifier: Apache-2.0
 *
 * plot.h - two kinds of chart as SVG, without a library.
 *
 * Lines on two axes, logarithmic or linear, each named at its end, and grouped
 * horizontal bars with their values. Both bring their own ground, light or dark as the
 * reader prefers; where that is not supported they are light. */
#ifndef SOUK_BENCH_PLOT_H
#define SOUK_BENCH_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum plot_colour {
	PLOT_TEAL,
	PLOT_ORANGE,
	PLOT_YELLOW,
	PLOT_PURPLE,
	PLOT_PINK,
};

struct plot_point {
	double x, y;
};

struct plot_line {
	const char *name;
	enum plot_colour colour;
	const struct plot_point *points;
	size_t count;
};

/* A line from top to bottom, with a note beside it: the first at the top, the next below it. */
struct plot_rule {
	double x;
	const char *note;
};

struct plot_lines {
	const char *title, *subtitle;
	const char *x_label, *y_label;
	struct plot_point from, to; /* corners; positive where an axis is logarithmic */
	bool x_linear, y_linear;
	const struct plot_line *lines;
	size_t count;
	struct plot_point mark; /* a dot with a note; x 0: none */
	const char *note;
	const struct plot_rule *rules;
	size_t rule_count;
};

void plot_lines_write(FILE *out, const struct plot_lines *plot);

struct plot_bar {
	const char *name;
	enum plot_colour colour;
	double value;
	const char *text; /* the value, as it is to be read */
};

struct plot_group {
	const char *name;
	const struct plot_bar *bars;
	size_t count;
};

struct plot_bars {
	const char *title, *subtitle;
	const char *x_label;
	bool logarithmic;
	double from, to;
	const struct plot_group *groups;
	size_t count;
	double mark; /* a line down the chart with a note; 0: none */
	const char *note;
};

void plot_bars_write(FILE *out, const struct plot_bars *plot);

#endif
