/* SPDX-License-Identifier: Apache-2.0
 *
 * sim: the simulator's commands, and what they share. */
#include "cmd_sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "../sim/library.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX 65536
#define REDRAW_NS     200000000ull

struct option_list cli_sim_sets;
const char *cli_sim_seed;

/* ---------------------------------------------------------------- scenarios */

static const struct sim_library_entry *library_find(const char *name)
{
	for (size_t i = 0; i < sim_library_count; i++) {
		if (strcmp(sim_library[i].name, name) == 0)
			return &sim_library[i];
	}
	return NULL;
}

/* Whatever of the library's names holds a part of what was asked for. */
static void suggest(const char *name)
{
	bool is_first = true;

	for (size_t i = 0; *name != '\0' && i < sim_library_count; i++) {
		const char *candidate = sim_library[i].name;
		if (strstr(candidate, name) == NULL && strncmp(candidate, name, 4) != 0)
			continue;
		fprintf(stderr, "%s%s", is_first ? "Did you mean: " : ", ", candidate);
		is_first = false;
	}
	fputs(is_first ? "" : "?\n", stderr);
	fputs("souk sim list has all names; a file is named with its folder or with .scenario.\n",
		stderr);
}

static int load_file(struct sim_scenario *ret, const char *command, const char *path)
{
	char error[SIM_ERROR_SIZE];
	char *text;
	size_t size;

	souk_status status = souk_file_read(path, FILE_SIZE_MAX, &text, &size);
	if (status != SOUK_OK) {
		cli_fail(command, path, status,
			status == SOUK_LOCAL_FULL ? "too long for a scenario" : NULL);
		if (status == SOUK_LOCAL_NOT_FOUND)
			suggest(path);
		return EXIT_REFUSED;
	}
	status = sim_scenario_parse(ret, path, text, size, error);
	free(text);
	return status == SOUK_OK ? 0 : cli_fail(command, path, status, error);
}

static int load(struct sim_scenario *ret, const char *command, const char *name)
{
	char error[SIM_ERROR_SIZE];
	const struct sim_library_entry *entry = library_find(name);

	if (entry == NULL)
		return load_file(ret, command, name);
	souk_status status = sim_scenario_parse(ret, name, entry->text, entry->size, error);
	return status == SOUK_OK ? 0 : cli_fail(command, name, status, error);
}

static int apply(struct sim_scenario *scenario, const char *command, const char *assignment)
{
	char error[SIM_ERROR_SIZE];

	if (sim_scenario_set(scenario, assignment, error) == SOUK_OK)
		return 0;
	fprintf(stderr, "souk %s: --set %s: %s\n", command, assignment, error);
	return EXIT_USAGE;
}

int cli_sim_load(struct sim_scenario *ret, const char *command, const char *name)
{
	char error[SIM_ERROR_SIZE], seed[64];
	int code = load(ret, command, name);

	for (unsigned i = 0; code == 0 && i < cli_sim_sets.count; i++)
		code = apply(ret, command, cli_sim_sets.values[i]);
	if (code == 0 && cli_sim_seed != NULL) {
		snprintf(seed, sizeof seed, "seed=%s", cli_sim_seed);
		code = apply(ret, command, seed);
	}
	if (code == 0 && sim_scenario_check(ret, error) != SOUK_OK) {
		fprintf(stderr, "souk %s: %s: %s\n", command, name, error);
		code = EXIT_USAGE;
	}
	return code;
}

/* As a shell reads it. */
static void print_word(FILE *out, const char *word)
{
	if (*word != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789-_./=%+:,") == strlen(word)) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

void cli_sim_print_arguments(FILE *out, const char *name, uint64_t seed)
{
	print_word(out, name);
	fprintf(out, " --seed %" PRIu64, seed);
	for (unsigned i = 0; i < cli_sim_sets.count; i++) {
		fputs(" --set ", out);
		print_word(out, cli_sim_sets.values[i]);
	}
}

/* ---------------------------------------------------------------- while it runs */

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

void cli_sim_catch_interrupt(void)
{
	/* The second one ends the program. */
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
}

bool cli_sim_is_interrupted(void)
{
	return is_interrupted != 0;
}

void cli_sim_progress_start(struct cli_sim_progress *progress, const struct sim_scenario *scenario)
{
	progress->name = scenario->name;
	progress->seed = scenario->seed;
	progress->started_ns = progress->shown_ns = souk_clock_steady_ns();
	progress->is_drawn = false;
	progress->is_quiet |= !isatty(STDERR_FILENO);
}

double cli_sim_progress_seconds(const struct cli_sim_progress *progress)
{
	return (double)(souk_clock_steady_ns() - progress->started_ns) / 1e9;
}

static bool is_time_to_draw(struct cli_sim_progress *progress)
{
	uint64_t now = souk_clock_steady_ns();

	if (progress->is_quiet || now - progress->shown_ns < REDRAW_NS)
		return false;
	progress->shown_ns = now;
	progress->is_drawn = true;
	return true;
}

bool cli_sim_progress_show(void *ctx, uint64_t sim_us, uint64_t end_us, uint64_t messages)
{
	struct cli_sim_progress *progress = ctx;

	if (is_time_to_draw(progress)) {
		double seconds = cli_sim_progress_seconds(progress), now = (double)sim_us / 1e6;
		double ratio = seconds > 0 ? now / seconds : 0;
		double left = ((double)end_us - (double)sim_us) / 1e6;
		fprintf(stderr,
			"\r%s, seed %" PRIu64 ": %.0f of %.0f s simulated, %.1f x real time, "
			"%.0f messages/s, %.0f s left\033[K",
			progress->name, progress->seed, now, (double)end_us / 1e6, ratio,
			(double)messages / (seconds > 0 ? seconds : 1),
			ratio > 0 && left > 0 ? left / ratio : 0);
	}
	return !is_interrupted;
}

bool cli_sim_pace_show(void *ctx, uint32_t runs, uint32_t runs_most)
{
	struct cli_sim_progress *progress = ctx;

	if (is_time_to_draw(progress)) {
		double seconds = cli_sim_progress_seconds(progress);
		fprintf(stderr, "\r%s: %u runs of at most %u, %.1f runs/s, %.0f s left\033[K",
			progress->name, runs, runs_most, (double)runs / seconds,
			runs > 0 && runs_most > runs ? (runs_most - runs) * seconds / runs : 0.0);
	}
	return !is_interrupted;
}

void cli_sim_progress_end(struct cli_sim_progress *progress)
{
	if (progress->is_drawn)
		fputs("\r\033[K", stderr);
	progress->is_drawn = false;
}

/* ---------------------------------------------------------------- the command */

int cmd_sim(int argc, char **argv)
{
	static const struct cli_subcommand commands[] = {
		{"list", cmd_sim_list, "the scenarios that come with souk"},
		{"show", cmd_sim_show, "print a scenario, to be copied and changed"},
		{"run", cmd_sim_run, "run scenarios, and say what came of them"},
		{"replay", cmd_sim_replay, "run one again, with its log, and compare its trace"},
		{"sweep", cmd_sim_sweep, "vary a parameter: where does cheating stop to pay?"},
		{"best", cmd_sim_best, "search what a cheat gains at best"},
		{"shrink", cmd_sim_shrink, "make a scenario that fails as short as can be"},
		{"swarm", cmd_sim_swarm, "run random scenarios until one fails"},
		{"actors", cmd_sim_actors, "who can be in a scenario, and their knobs"},
		{"parameters", cmd_sim_parameters, "what a scenario can say"},
	};
	return cli_run_subcommand("sim", commands, sizeof commands / sizeof *commands, argc, argv);
}
