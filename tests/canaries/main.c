/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs scenarios and prints what the auditor says and what each population gained. Linked once as
 * it is, and once for each canary: see README.md.
 *
 *   souk_sim_canary_NAME FILE...
 *   souk_sim_canary_NAME --swarm COUNT SEED   COUNT random scenarios, from SEED on
 *
 * Exit status: 0, 1 where there was a violation, 2 where a scenario could not be run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "scenario.h"
#include "swarm.h"

#define TEXT_MAX 65536

static struct sim_scenario scenario;
static struct sim_report report;
static char text[TEXT_MAX];

static bool read_file(const char *path)
{
	char error[SIM_ERROR_SIZE];
	FILE *file = fopen(path, "r");
	if (file == NULL) {
		perror(path);
		return false;
	}
	size_t size = fread(text, 1, sizeof text, file);
	fclose(file);
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	if (sim_scenario_parse(&scenario, name, text, size, error) == SOUK_OK)
		return true;
	fprintf(stderr, "%s: %s\n", path, error);
	return false;
}

/* 0, 1 or 2, as the program ends. */
static int run(const char *name)
{
	char error[SIM_ERROR_SIZE] = "";
	if (sim_run(&report, &scenario, NULL, error) != SOUK_OK) {
		fprintf(stderr, "%s: %s\n", name, error);
		return 2;
	}
	printf("run %s seed %llu trace %016llx\n", name, (unsigned long long)scenario.seed,
		(unsigned long long)report.trace);
	for (uint32_t i = 0; i < report.violation_count; i++) {
		const struct sim_violation *v = &report.violations[i];
		printf("violation %s node %d at %llu us: %lld, allowed %lld: %s\n",
			sim_violation_names[v->kind], (int)v->node, (unsigned long long)v->world_us,
			(long long)v->measured, (long long)v->allowed, v->text);
	}
	/* What the scenario itself expects, a cheat's profit above all. */
	if (!report.is_expected)
		printf("violation unexpected: %s\n", report.unexpected);
	for (uint32_t i = 0; i < report.population_count; i++)
		printf("profit %s %lld\n", report.populations[i].name,
			(long long)sim_report_profit_milli(&report, &scenario, i));
	return report.violation_count > 0 || !report.is_expected;
}

static int run_swarm(uint64_t count, uint64_t seed)
{
	int worst = 0;
	for (uint64_t i = 0; i < count; i++) {
		char name[32];
		sim_swarm_scenario(&scenario, seed + i);
		snprintf(name, sizeof name, "swarm-%llu", (unsigned long long)(seed + i));
		int result = run(name);
		worst = result > worst ? result : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	int worst = 0;
	if (argc == 4 && strcmp(argv[1], "--swarm") == 0)
		return run_swarm(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	for (int i = 1; i < argc; i++) {
		int result = read_file(argv[i]) ? run(argv[i]) : 2;
		worst = result > worst ? result : worst;
	}
	return argc < 2 ? 2 : worst;
}
