/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_plot.h"

#include <math.h>
#include <string.h>

#include "plot.h"

#define NOTE_SIZE  96
#define TITLE_SIZE 512

/* What the axis along the values is in. */
static double scale_of(const struct sim_sweep *sweep)
{
	switch (sweep->unit) {
	case SIM_PPM: return 1e-4; /* in per cent */
	case SIM_DURATION: return 1e-3;
	case SIM_NCOIN: return 1 / (double)sweep->price;
	case SIM_NUMBER:
	case SIM_BYTES: break;
	}
	return 1;
}

static const char *unit_of(const struct sim_sweep *sweep)
{
	switch (sweep->unit) {
	case SIM_PPM: return ", %";
	case SIM_DURATION: return ", s";
	case SIM_NCOIN: return ", in prices of a unit";
	case SIM_BYTES: return ", bytes";
	case SIM_NUMBER: break;
	}
	return "";
}

/* XML takes no ampersand or angle bracket as it is. */
static void escape(char out[TITLE_SIZE], const char *text)
{
	size_t used = 0;
	for (; *text != '\0' && used + 8 < TITLE_SIZE; text++) {
		const char *as = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : NULL;
		if (as == NULL)
			out[used++] = *text;
		else
			used += (size_t)sprintf(out + used, "%s", as);
	}
	out[used] = '\0';
}

/* Values over two decades, and none of them zero, are read better by their powers. */
static bool is_wide(const struct sim_sweep *sweep)
{
	const struct sim_sweep_row *rows = sweep->rows;
	return rows[0].value > 0 && rows[sweep->count - 1].value / rows[0].value >= 30;
}

static void fill(struct plot_lines *plot, const struct sim_sweep *sweep,
	struct plot_point cheat[SIM_SWEEP_ROWS_MAX], struct plot_point honest[SIM_SWEEP_ROWS_MAX])
{
	double scale = scale_of(sweep), low = 0, high = 0;
	for (uint32_t i = 0; i < sweep->count; i++) {
		const struct sim_sweep_row *row = &sweep->rows[i];
		double x = (double)row->value * scale, price = (double)sweep->price;
		cheat[i] = (struct plot_point){x, (double)row->cheat.profit / price};
		honest[i] = (struct plot_point){x, (double)row->honest.profit / price};
		low = fmin(low, fmin(cheat[i].y, honest[i].y));
		high = fmax(high, fmax(cheat[i].y, honest[i].y));
	}
	double room = fmax((high - low) * 0.08, 1e-6);
	plot->from = (struct plot_point){cheat[0].x, low < 0 ? low - room : 0};
	plot->to = (struct plot_point){cheat[sweep->count - 1].x, high + room};
	if (plot->to.x <= plot->from.x)
		plot->to.x = plot->from.x + 1;
}

/* The break-even, and what paper says, where the chart shows that place. */
static size_t add_rules(struct plot_rule rules[3], char notes[3][NOTE_SIZE],
	const struct plot_lines *plot, const struct sim_sweep *sweep)
{
	const struct sim_prediction *p = &sweep->prediction;
	const struct {
		double value;
		const char *name;
	} marks[] = {
		{sweep->has_break_even ? sweep->break_even : -1, "found: "},
		{p->is_known ? p->value : -1, p->form},
		{p->is_known && !p->applies && p->corrected > 0 ? p->corrected : -1,
			p->correct_form},
	};
	size_t count = 0;
	for (size_t i = 0; i < 3; i++) {
		double x = marks[i].value * scale_of(sweep);
		if (marks[i].value < 0 || x < plot->from.x || x > plot->to.x)
			continue;
		snprintf(
			notes[count], NOTE_SIZE, i == 0 ? "%s%.4g" : "%s = %.4g", marks[i].name, x);
		rules[count] = (struct plot_rule){x, notes[count]};
		count++;
	}
	return count;
}

void sweep_plot_write(FILE *out, const struct sim_sweep *sweep, const char *about)
{
	struct plot_point cheat[SIM_SWEEP_ROWS_MAX], honest[SIM_SWEEP_ROWS_MAX];
	char name[2 * SIM_NAME_SIZE + 64], below[TITLE_SIZE], label[TITLE_SIZE];
	char notes[3][NOTE_SIZE];
	struct plot_rule rules[3];
	const struct plot_line lines[] = {
		{"cheat", PLOT_ORANGE, cheat, sweep->count},
		{"honest", PLOT_TEAL, honest, sweep->count},
	};
	snprintf(name, sizeof name, "Where cheating stops to pay, by %s", sweep->key);
	escape(below, about);
	snprintf(label, sizeof label, "%s%s", sweep->key, unit_of(sweep));
	struct plot_lines plot = {
		.title = name,
		.subtitle = below,
		.x_label = label,
		.y_label = "profit of one, in prices of a unit",
		.x_linear = !is_wide(sweep),
		.y_linear = true,
		.lines = lines,
		.count = 2,
		.rules = rules,
	};
	fill(&plot, sweep, cheat, honest);
	plot.rule_count = add_rules(rules, notes, &plot, sweep);
	plot_lines_write(out, &plot);
}
