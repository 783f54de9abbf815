/* SPDX-License-Identifier: Apache-2.0
 *
 * The content benchmark: its parts in turn, each of which can be had alone. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "content_figures.h"

static bool run_puzzle(struct content_figures *figures, const struct souk_bench_options *options)
{
	figures->has_puzzle = content_puzzle_run(figures->puzzle, options->quick);
	return figures->has_puzzle;
}

static bool run_issue(struct content_figures *figures, const struct souk_bench_options *options)
{
	figures->has_issue = content_issue_run(figures->issue, options->workdir, options->quick);
	return figures->has_issue;
}

static bool run_paid(struct content_figures *figures, const struct souk_bench_options *options)
{
	figures->has_paid = content_paid_run(&figures->paid, options);
	return figures->has_paid;
}

static bool run_delivery(struct content_figures *figures, const struct souk_bench_options *options)
{
	figures->has_delivery = content_delivery_run(&figures->delivery, options);
	return figures->has_delivery;
}

static bool run_first(struct content_figures *figures, const struct souk_bench_options *options)
{
	figures->has_first = content_first_run(figures->first, options);
	return figures->has_first;
}

static const struct part {
	const char *name;
	bool (*run)(struct content_figures *figures, const struct souk_bench_options *options);
} parts[] = {
	{"puzzle", run_puzzle},
	{"issuing", run_issue},
	{"delivery", run_delivery},
	{"first-byte", run_first},
	{"paid", run_paid},
};

int souk_bench_content(const struct souk_bench_options *options)
{
	static struct content_figures figures;
	bool found = false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (options->only != NULL && strcmp(options->only, parts[i].name) != 0)
			continue;
		found = true;
		if (!options->json)
			fprintf(stderr, "souk bench content: %s\n", parts[i].name);
		if (!parts[i].run(&figures, options))
			return 1;
	}
	if (!found) {
		fprintf(stderr, "souk bench content: no part %s\n", options->only);
		return 1;
	}
	if (options->json)
		content_print_json(&figures);
	else
		content_print_table(&figures);
	return options->report == NULL || content_report(&figures, options->report) ? 0 : 1;
}
