/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole sales of simulated providers, with a fault of theirs at every moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void run_with(
	const char *name, const char *kind, uint64_t at_ms, uint64_t for_ms, uint64_t amount)
{
	char text[1024], error[SIM_ERROR_SIZE];
	struct sim_scenario *scenario = sim_alloc(sizeof *scenario);
	struct sim_report *report = sim_alloc(sizeof *report);
	struct sim_run_options options = {0};
	int size = snprintf(text, sizeof text,
		"[market]\nseed = 11\nduration = 12s\ncontents = 3\nunits-max = 40\n"
		"[population shops]\nactor = provider\ncount = 2\nsessions = 8\n"
		"[population buyers]\nactor = customer\ncount = 2\ndownloads = 2\npause = 1s\n"
		"peers = 2\n");
	assert_int_equal(sim_scenario_parse(scenario, name, text, (size_t)size, error), SOUK_OK);
	struct sim_fault *fault = &scenario->faults[scenario->fault_count++];
	snprintf(fault->name, sizeof fault->name, "fault");
	snprintf(fault->population, sizeof fault->population, "shops");
	for (int i = 0; i < SIM_FAULT_KINDS; i++) {
		if (strcmp(sim_fault_names[i], kind) == 0)
			fault->kind = (enum sim_fault_kind)i;
	}
	fault->at_ms = at_ms;
	fault->until_ms = for_ms > 0 ? at_ms + for_ms : 0;
	fault->share_ppm = SIM_PPM_ALL;
	fault->amount = amount;
	assert_int_equal(sim_run(report, scenario, &options, error), SOUK_OK);
	for (uint32_t i = 0; i < report->violation_count; i++)
		print_message(
			"%s at %u ms: %s\n", kind, (unsigned)at_ms, report->violations[i].text);
	assert_int_equal(report->violation_count, 0);
	assert_int_equal(report->populations[1].tally.downloads_done, 4);
	free(report);
	free(scenario);
}

static void power_cuts_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 100; ms < 12000; ms += 137)
		run_with("power", "power", ms, 0, 200);
}

static void kills_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 150; ms < 12000; ms += 337)
		run_with("crash", "crash", ms, 0, 100);
}

static void disk_faults_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 150; ms < 12000; ms += 537) {
		run_with("full", "disk-full", ms, 1000, 0);
		run_with("fails", "disk-fails", ms, 1000, 0);
		run_with("slow", "disk-slow", ms, 1000, 300);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_cuts_at_every_moment),
		cmocka_unit_test(kills_at_every_moment),
		cmocka_unit_test(disk_faults_at_every_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
