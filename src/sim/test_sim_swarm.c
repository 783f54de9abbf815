/* SPDX-License-Identifier: Apache-2.0
 *
 * Buyers who sell on what they fetched: all of them are served sooner than by the shop alone, and
 * they earn by it; and nothing comes of those who say "not here" for ever, or are late on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#include "run.h"

/* One shop that would need 96 s for all of them. */
static const char market[] =
	"[market]\nabout = a crowd at one slow shop\nseed = %d\n"
	"duration = 100s\ncontents = 1\nunits-min = 64\nunits-max = 64\n"
	"crowd-at = 5s\nparts = %d\nepoch = 3m\nclaim-window = 1m\n"
	"draw-delay = 1s\nup = 2MiB\ndown = 8MiB\n"
	"[population shop]\nactor = provider\nsessions = 512\n"
	"[population peers]\nactor = %s\ncount = 12\ndownloads = 1\npeers = 6\n";

struct seen {
	uint32_t done;
	double last; /* seconds, when the last one had it */
};

static void note_line(void *ctx, const char *line)
{
	struct seen *seen = ctx;
	if (strstr(line, "has content") != NULL && sscanf(line, "%lf", &seen->last) == 1)
		seen->done++;
}

static struct seen run(struct sim_report *ret, int seed, const char *actor)
{
	static struct sim_scenario scenario;
	struct seen seen = {0};
	char text[1000], error[SIM_ERROR_SIZE] = "";
	struct sim_run_options options = {.line = note_line, .ctx = &seen};
	snprintf(text, sizeof text, market, seed, strcmp(actor, "reseller") == 0, actor);
	souk_status status = sim_scenario_parse(&scenario, "swarm", text, strlen(text), error);
	if (status != SOUK_OK)
		print_error("%s\n", error);
	assert_int_equal(status, SOUK_OK);
	assert_int_equal(sim_run(ret, &scenario, &options, error), SOUK_OK);
	for (uint32_t i = 0; i < ret->violation_count; i++)
		print_error("node %u: %s\n", ret->violations[i].node, ret->violations[i].text);
	assert_int_equal(ret->violation_count, 0);
	return seen;
}

static void who_sells_on_helps_all_and_earns(void **state)
{
	(void)state;
	for (int seed = 1; seed <= 3; seed++) {
		struct sim_report together, alone;
		struct seen swarm = run(&together, seed, "reseller");
		struct seen queue = run(&alone, seed, "customer");
		const struct sim_tally *shop = &together.populations[0].tally;
		const struct sim_tally *peers = &together.populations[1].tally;
		print_message("# the last of %u after %.1f s, of %u after %.1f s; peers sold %lu "
			      "of %lu units\n",
			swarm.done, swarm.last - 5, queue.done, queue.last - 5,
			(unsigned long)peers->units_served, (unsigned long)peers->units_verified);
		assert_int_equal(swarm.done, 12);
		assert_true(2 * (swarm.last - 5) < queue.last - 5);
		assert_true(peers->units_served > shop->units_served);
		assert_true(peers->owed.ncoin > shop->owed.ncoin);
		/* Few units are paid twice. */
		assert_true(peers->units_verified - peers->units_had <= 12 * 2);
		assert_true(peers->claimed.ncoin > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sells_on_helps_all_and_earns),
	};
	return cmocka_run_group_tests_name("sim_swarm", tests, NULL, NULL);
}
