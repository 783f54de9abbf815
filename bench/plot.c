/* SPDX-License-Identifier: Apache-2.0 */
#include "plot.h"

#include <math.h>

#define WIDTH 760
#define TOP   84 /* title and subtitle */
#define FOOT  56 /* ticks and the axis' name */

static void open_svg(FILE *out, double height, const char *title, const char *subtitle)
{
	static const char *const light[] = {"#0f766e", "#c2410c", "#d97706", "#6d28d9", "#be6a9f"};
	static const char *const dark[] = {"#2dd4bf", "#fb923c", "#fbbf24", "#a78bfa", "#f0abd0"};
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" width=\"%d\" "
		"height=\"%.0f\" role=\"img\">\n<title>%s</title>\n<desc>%s</desc>\n<style>\n"
		"text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;"
		"font-size:13px;fill:#1f2933}\n"
		".title{font-size:18px;font-weight:600}.quiet{fill:#5b6774;font-size:12.5px}\n"
		".ground{fill:#ffffff}.grid{stroke:#e2e6ea}.axis{stroke:#8a96a3}"
		".mark{stroke:#1f2933;stroke-dasharray:4 4}.dot{fill:#ffffff;stroke:#1f2933}\n",
		WIDTH, height, WIDTH, height, title, subtitle);
	for (int i = 0; i < 5; i++)
		fprintf(out, ".f%d{fill:%s}.s%d{stroke:%s}\n", i, light[i], i, light[i]);
	fprintf(out, "@media (prefers-color-scheme:dark){\ntext{fill:#e6edf3}.quiet{fill:#9aa7b4}"
		     ".ground{fill:#0d1117}.grid{stroke:#232a33}.axis{stroke:#6b7784}"
		     ".mark{stroke:#e6edf3}.dot{fill:#0d1117;stroke:#e6edf3}\n");
	for (int i = 0; i < 5; i++)
		fprintf(out, ".f%d{fill:%s}.s%d{stroke:%s}\n", i, dark[i], i, dark[i]);
	fprintf(out,
		"}\n</style>\n<rect class=\"ground\" width=\"%d\" height=\"%.0f\" rx=\"6\"/>\n"
		"<text class=\"title\" x=\"24\" y=\"34\">%s</text>\n"
		"<text class=\"quiet\" x=\"24\" y=\"56\">%s</text>\n",
		WIDTH, height, title, subtitle);
}

/* 20, 5 k, 1.5 M: at most one decimal. */
static void print_number(FILE *out, double x)
{
	static const char *const units[] = {"", " k", " M", " G", " T"};
	int unit = 0;
	for (; fabs(x) >= 999.5 && unit < 4; unit++)
		x /= 1000;
	/* A sum of steps is never quite zero. */
	if (fabs(x) < 1e-9)
		x = 0;
	fprintf(out,
		fabs(x) < 1				    ? "%g%s"
		: fabs(x) < 10 && fabs(x - round(x)) > 0.04 ? "%.1f%s"
							    : "%.0f%s",
		x, units[unit]);
}

static void line(FILE *out, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		class, x1, y1, x2, y2);
}

struct axis {
	double from, to;  /* values */
	double low, high; /* places */
	bool logarithmic;
};

static double place(const struct axis *axis, double value)
{
	double share = axis->logarithmic ? log(value / axis->from) / log(axis->to / axis->from)
					 : (value - axis->from) / (axis->to - axis->from);
	return axis->low + share * (axis->high - axis->low);
}

/* Between the ticks of a linear axis: a round number. */
static double step_of(const struct axis *axis)
{
	double step = pow(10, floor(log10((axis->to - axis->from) / 2)));
	return (axis->to - axis->from) / step > 8 ? 2 * step : step;
}

/* The next tick after AT: tenfold, on short axes 1, 2, 5; or a round step. */
static double next_tick(const struct axis *axis, double at)
{
	if (axis->logarithmic && axis->to / axis->from < 300) {
		double lead = at / pow(10, floor(log10(at * 1.0001)));
		return at * (lead > 1.5 && lead < 2.5 ? 2.5 : 2);
	}
	return axis->logarithmic ? at * 10 : at + step_of(axis);
}

static double first_tick(const struct axis *axis)
{
	if (axis->logarithmic)
		return pow(10, ceil(log10(axis->from) - 1e-9));
	return ceil(axis->from / step_of(axis) - 1e-9) * step_of(axis);
}

/* A little beyond the end, for what rounding adds. */
static double last_tick(const struct axis *axis)
{
	return axis->logarithmic ? axis->to * 1.0001 : axis->to + (axis->to - axis->from) * 0.0001;
}

static void x_grid(FILE *out, const struct axis *axis, double top, double foot)
{
	for (double at = first_tick(axis); at <= last_tick(axis); at = next_tick(axis, at))
		line(out, "grid", place(axis, at), top, place(axis, at), foot);
}

static void x_axis(FILE *out, const struct axis *axis, double foot, const char *label)
{
	for (double at = first_tick(axis); at <= last_tick(axis); at = next_tick(axis, at)) {
		fprintf(out, "<text class=\"quiet\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
			place(axis, at), foot + 19);
		print_number(out, at);
		fprintf(out, "</text>\n");
	}
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
		(axis->low + axis->high) / 2, foot + 42, label);
}

static void y_axis(FILE *out, const struct axis *axis, double left, double right, const char *label)
{
	for (double at = first_tick(axis); at <= last_tick(axis); at = next_tick(axis, at)) {
		double y = place(axis, at);
		line(out, "grid", left, y, right, y);
		fprintf(out, "<text class=\"quiet\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">",
			left - 8, y + 4);
		print_number(out, at);
		fprintf(out, "</text>\n");
	}
	fprintf(out,
		"<text x=\"22\" y=\"%.1f\" text-anchor=\"middle\" "
		"transform=\"rotate(-90 22 %.1f)\">%s</text>\n",
		(axis->low + axis->high) / 2, (axis->low + axis->high) / 2, label);
}

static void draw_line(
	FILE *out, const struct axis *x, const struct axis *y, const struct plot_line *l)
{
	fprintf(out, "<polyline class=\"s%d\" fill=\"none\" stroke-width=\"2.6\" points=\"",
		l->colour);
	for (size_t i = 0; i < l->count; i++)
		fprintf(out, "%.1f,%.1f ", place(x, l->points[i].x), place(y, l->points[i].y));
	fprintf(out, "\"/>\n<text class=\"f%d\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", l->colour,
		place(x, l->points[l->count - 1].x) + 8, place(y, l->points[l->count - 1].y) + 4,
		l->name);
}

/* The note stands below the dot, on the side where there is more room. */
static void draw_mark(
	FILE *out, const struct axis *x, const struct axis *y, const struct plot_lines *plot)
{
	double at_x = place(x, plot->mark.x), at_y = place(y, plot->mark.y);
	bool right = at_x - x->low < (x->high - x->low) / 2;
	line(out, "mark", at_x, at_y, at_x, y->low);
	fprintf(out,
		"<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\" stroke-width=\"2\"/>\n"
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
		at_x, at_y, right ? at_x + 10 : at_x - 10, at_y + 26, right ? "start" : "end",
		plot->note);
}

static void draw_rule(FILE *out, const struct axis *x, const struct axis *y,
	const struct plot_rule *rule, size_t index)
{
	double at = place(x, rule->x), top = y->high + 16 + 18 * (double)index;
	bool right = at - x->low < (x->high - x->low) / 2;
	line(out, "mark", at, y->low, at, y->high);
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
		right ? at + 8 : at - 8, top, right ? "start" : "end", rule->note);
}

void plot_lines_write(FILE *out, const struct plot_lines *plot)
{
	double foot = TOP + 300, left = 84, right = WIDTH - 120;
	struct axis x = {plot->from.x, plot->to.x, left, right, !plot->x_linear};
	struct axis y = {plot->from.y, plot->to.y, foot, TOP, !plot->y_linear};
	open_svg(out, foot + FOOT, plot->title, plot->subtitle);
	x_grid(out, &x, TOP, foot);
	x_axis(out, &x, foot, plot->x_label);
	y_axis(out, &y, left, right, plot->y_label);
	line(out, "axis", left, foot, right, foot);
	if (plot->y_linear && plot->from.y < 0 && plot->to.y > 0)
		line(out, "axis", left, place(&y, 0), right, place(&y, 0));
	for (size_t i = 0; i < plot->rule_count; i++)
		draw_rule(out, &x, &y, &plot->rules[i], i);
	for (size_t i = 0; i < plot->count; i++)
		draw_line(out, &x, &y, &plot->lines[i]);
	if (plot->mark.x > 0)
		draw_mark(out, &x, &y, plot);
	fprintf(out, "</svg>\n");
}

/* The value stands beside its bar, and never under the line at MARK. */
static void draw_bar(
	FILE *out, const struct axis *x, double y, const struct plot_bar *bar, double mark)
{
	double end = fmax(place(x, bar->value), x->low + 1.5), text = end + 7;
	double at = mark > 0 ? place(x, mark) : 0;
	if (text <= at + 4 && at < text + 32)
		text = at + 7;
	fprintf(out,
		"<text class=\"quiet\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n"
		"<rect class=\"f%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"15\" "
		"rx=\"2\"/>\n<text x=\"%.1f\" y=\"%.1f\">%s</text>\n",
		x->low - 10, y + 12, bar->name, bar->colour, x->low, y, end - x->low, text, y + 12,
		bar->text);
}

static double draw_group(
	FILE *out, const struct axis *x, double y, const struct plot_group *group, double mark)
{
	double top = y + 22, foot = top + 4 + 20 * (double)group->count;
	fprintf(out, "<text x=\"24\" y=\"%.1f\" font-weight=\"600\">%s</text>\n", y + 14,
		group->name);
	x_grid(out, x, top, foot);
	for (size_t i = 0; i < group->count; i++)
		draw_bar(out, x, top + 4 + 20 * (double)i, &group->bars[i], mark);
	line(out, "axis", x->low, top, x->low, foot);
	if (mark > 0)
		line(out, "mark", place(x, mark), top - 4, place(x, mark), foot + 4);
	return foot + 18;
}

void plot_bars_write(FILE *out, const struct plot_bars *plot)
{
	double foot = TOP - 16, y = TOP;
	for (size_t i = 0; i < plot->count; i++)
		foot += 44 + 20 * (double)plot->groups[i].count;
	struct axis x = {plot->from, plot->to, 186, WIDTH - 190, plot->logarithmic};
	open_svg(out, foot + FOOT, plot->title, plot->subtitle);
	x_axis(out, &x, foot, plot->x_label);
	for (size_t i = 0; i < plot->count; i++)
		y = draw_group(out, &x, y, &plot->groups[i], plot->mark);
	if (plot->mark > 0) {
		line(out, "mark", x.high + 30, TOP + 10, x.high + 58, TOP + 10);
		fprintf(out, "<text class=\"quiet\" x=\"%.1f\" y=\"%d\">%s</text>\n", x.high + 66,
			TOP + 14, plot->note);
	}
	fprintf(out, "</svg>\n");
}
