/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast the simulator is: a sale of long sessions, and markets of a thousand to a hundred
 * thousand nodes with the same load for each node. Each run is a process of its own, so that its
 * memory is its own too. Rates are per second of processor time: a run uses one core. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "plot.h"
#include "run.h"
#include "library.h"
#include "souk/io/clock_real.h"

#define SIZES	    5
#define QUICK_SIZES 2
#define SALE_ROUNDS 3
#define SHOPS_IN    20u /* one node of so many sells */

static const uint32_t sizes[SIZES] = {1000, 3000, 10000, 30000, 100000};
static const char *const size_names[SIZES] = {"1k", "3k", "10k", "30k", "100k"};

/* What a run says of itself. */
struct told {
	uint64_t messages;
	uint64_t wall_ns;
	uint32_t nodes;
	uint32_t violations;
};

struct figures {
	struct told told;
	double cpu_s;
	double rss_mib;
};

static double rate(const struct figures *figures)
{
	return (double)figures->told.messages / figures->cpu_s;
}

/* ---------------------------------------------------------------- one run */

static bool load(struct sim_scenario *ret, const char *name)
{
	char error[SIM_ERROR_SIZE] = "is not built in";
	for (size_t i = 0; i < sim_library_count; i++) {
		const struct sim_library_entry *entry = &sim_library[i];
		if (strcmp(entry->name, name) == 0 &&
			sim_scenario_parse(ret, name, entry->text, entry->size, error) == SOUK_OK)
			return true;
	}
	fprintf(stderr, "souk bench sim: scenario %s %s\n", name, error);
	return false;
}

/* In the child. */
static int run_here(const struct sim_scenario *scenario, int out)
{
	static struct sim_report report;
	char error[SIM_ERROR_SIZE];
	uint64_t started_ns = souk_clock_steady_ns();
	if (sim_run(&report, scenario, NULL, error) != SOUK_OK) {
		fprintf(stderr, "souk bench sim: %s: %s\n", scenario->name, error);
		return 1;
	}
	struct told told = {.messages = report.messages,
		.wall_ns = souk_clock_steady_ns() - started_ns,
		.nodes = report.nodes,
		.violations = report.violation_count};
	return write(out, &told, sizeof told) == (ssize_t)sizeof told ? 0 : 1;
}

static bool wait_for(pid_t child, int in, struct figures *ret)
{
	struct rusage usage;
	int status;
	bool is_told = read(in, &ret->told, sizeof ret->told) == (ssize_t)sizeof ret->told;
	if (wait4(child, &status, 0, &usage) != child || status != 0 || !is_told) {
		fprintf(stderr, "souk bench sim: a run ended before it told its figures%s\n",
			WIFSIGNALED(status) ? ": it was killed, perhaps for its memory" : "");
		return false;
	}
	ret->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	ret->rss_mib = (double)usage.ru_maxrss / 1024;
	return true;
}

static bool run(struct figures *ret, const struct sim_scenario *scenario)
{
	int ends[2];
	fflush(NULL);
	if (pipe(ends) != 0)
		return false;
	pid_t child = fork();
	if (child == 0)
		_exit(run_here(scenario, ends[1]));
	close(ends[1]);
	bool is_good = child > 0 && wait_for(child, ends[0], ret);
	close(ends[0]);
	if (is_good && ret->told.violations > 0) {
		fprintf(stderr, "souk bench sim: %s shows %u violations: souk sim run %s\n",
			scenario->name, ret->told.violations, scenario->name);
		return false;
	}
	return is_good;
}

/* The best of a few: what else the machine does only takes away. */
static bool run_sale(struct figures *ret)
{
	static struct sim_scenario scenario;
	if (!load(&scenario, "bench-sale"))
		return false;
	for (int i = 0; i < SALE_ROUNDS; i++) {
		struct figures figures;
		if (!run(&figures, &scenario))
			return false;
		if (i == 0 || rate(&figures) > rate(ret))
			*ret = figures;
	}
	return true;
}

static bool run_size(struct figures *ret, uint32_t nodes)
{
	static struct sim_scenario scenario;
	if (!load(&scenario, "bench-nodes"))
		return false;
	scenario.populations[0].count = nodes / SHOPS_IN;
	scenario.populations[1].count = nodes - nodes / SHOPS_IN;
	return run(ret, &scenario);
}

/* ---------------------------------------------------------------- what is shown */

static void print_json(const struct figures *sale, const struct figures *all, int count)
{
	const struct figures *last = &all[count - 1];
	printf("{\"bench\": \"sim\", \"messages_per_s\": %.0f, \"messages_per_wall_s\": %.0f, "
	       "\"nodes_max\": %u, ",
		rate(sale), (double)sale->told.messages / ((double)sale->told.wall_ns / 1e9),
		last->told.nodes);
	if (count == SIZES)
		printf("\"rss_mib_100k\": %.0f, ", last->rss_mib);
	for (int i = 0; i < count; i++)
		printf("\"seconds_%s\": %.2f, \"messages_%s_count\": %llu, "
		       "\"messages_per_s_%s\": %.0f, \"rss_mib_%s_nodes\": %.0f, ",
			size_names[i], all[i].cpu_s, size_names[i],
			(unsigned long long)all[i].told.messages, size_names[i], rate(&all[i]),
			size_names[i], all[i].rss_mib);
	printf("\"growth_exponent\": %.3f}\n",
		log(last->cpu_s / all[0].cpu_s) /
			log((double)last->told.nodes / all[0].told.nodes));
}

static void print_table(const struct figures *sale, const struct figures *all, int count)
{
	printf("a sale of long sessions  %.0f messages/s of one core (%.0f by the clock)\n\n",
		rate(sale), (double)sale->told.messages / ((double)sale->told.wall_ns / 1e9));
	printf("%8s %10s %12s %12s %10s\n", "nodes", "seconds", "messages", "messages/s", "MiB");
	for (int i = 0; i < count; i++)
		printf("%8u %10.2f %12llu %12.0f %10.0f\n", all[i].told.nodes, all[i].cpu_s,
			(unsigned long long)all[i].told.messages, rate(&all[i]), all[i].rss_mib);
}

static FILE *open_file(const char *dir, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		perror(path);
	return file;
}

static bool close_file(FILE *file)
{
	bool is_good = !ferror(file);
	return fclose(file) == 0 && is_good;
}

static bool chart(const char *dir, const struct figures *all, int count)
{
	struct plot_point points[SIZES], even[2];
	FILE *out = open_file(dir, "sim-growth.svg");
	if (out == NULL)
		return false;
	for (int i = 0; i < count; i++)
		points[i] = (struct plot_point){all[i].told.nodes, all[i].cpu_s};
	double last = points[count - 1].x, first = points[0].x;
	even[0] = points[0];
	even[1] = (struct plot_point){last, points[0].y * last / first};
	struct plot_line lines[] = {
		{"measured", PLOT_TEAL, points, (size_t)count}, {"", PLOT_ORANGE, even, 2}};
	struct plot_lines plot = {
		.title = "Time of a simulation, by its nodes",
		.subtitle =
			"The same load for each node at every size. Orange: in proportion to the "
			"nodes",
		.x_label = "nodes",
		.y_label = "seconds of one core",
		.from = {first, pow(10, floor(log10(points[0].y)))},
		.to = {last, pow(10, ceil(log10(fmax(points[count - 1].y, even[1].y))))},
		.lines = lines,
		.count = 2,
	};
	plot_lines_write(out, &plot);
	return close_file(out);
}

static bool page(const char *dir, const struct figures *sale, const struct figures *all, int count)
{
	FILE *out = open_file(dir, "sim-speed.md");
	if (out == NULL)
		return false;
	fprintf(out,
		"# How fast the simulator is\n\n"
		"Written by `souk bench sim --report docs`. Seconds and rates are of processor "
		"time of one core; cryptography, ledger and state machines are the real ones.\n\n"
		"- A sale of long sessions (`souk sim show bench-sale`): **%.0f thousand messages "
		"delivered in a second**.\n"
		"- Markets of short sales (`souk sim show bench-nodes`), in which each node signs "
		"for an escrow, an allotment, a session and a claim: most of the time is "
		"libsecp256k1's.\n\n"
		"| nodes | seconds | messages | messages/s | MiB |\n"
		"| ---: | ---: | ---: | ---: | ---: |\n",
		rate(sale) / 1000);
	for (int i = 0; i < count; i++)
		fprintf(out, "| %u | %.2f | %llu | %.0f | %.0f |\n", all[i].told.nodes,
			all[i].cpu_s, (unsigned long long)all[i].told.messages, rate(&all[i]),
			all[i].rss_mib);
	fprintf(out, "\n![growth](sim-growth.svg)\n");
	return close_file(out);
}

int souk_bench_sim(const struct souk_bench_options *options)
{
	struct figures sale, all[SIZES];
	int count = options->quick ? QUICK_SIZES : SIZES;
	if (!run_sale(&sale))
		return 1;
	for (int i = 0; i < count; i++) {
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%u nodes ...\033[K", sizes[i]);
		if (!run_size(&all[i], sizes[i]))
			return 1;
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (options->json)
		print_json(&sale, all, count);
	else
		print_table(&sale, all, count);
	if (options->report != NULL &&
		(!chart(options->report, all, count) || !page(options->report, &sale, all, count)))
		return 1;
	return 0;
}
