/* SPDX-License-Identifier: Apache-2.0
 *
 * A crowd comes to a sponsored content and goes: the number of caches follows, and falls again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "actor_sponsor.h"
#include "souk/base/check.h"
#include "world.h"

#define SECOND UINT64_C(1000000)

static const char market[] =
	"[market]\nseed = 5\nduration = 60s\nepoch = 1h\ncontents = 1\nunits-min = 40\n"
	"units-max = 40\nunit-size = 16KiB\nsegment = 4\nbundle = 3\nquota = 0\n"
	"prefix-quota = 0\ncrowd-at = 12s\n"
	"[population publisher]\nactor = sponsor\nreplica-units = 8\nhold = 1500\n"
	"[population caches]\nactor = provider\ncount = 12\n"
	"[population viewers]\nactor = viewer\ncount = 30\ndownloads = 2\npause = 25s\n";

static struct sim_world *make_world(void)
{
	static struct sim_scenario scenario;
	char error[SIM_ERROR_SIZE];
	struct sim_world *world;
	if (sim_scenario_parse(&scenario, "recruits", market, sizeof market - 1, error) != SOUK_OK)
		print_error("%s\n", error);
	assert_int_equal(sim_world_new(&world, &scenario, NULL, error), SOUK_OK);
	return world;
}

static uint32_t caches_of(const struct sim_sponsor *s)
{
	return s->crews[0].enlisted;
}

static void the_number_of_caches_follows(void **state)
{
	(void)state;
	struct sim_world *world = make_world();
	const struct sim_sponsor *s = sim_sponsor_of(sim_sponsor_pick(world, 0));
	uint32_t peak = 0, before = 0, falls = 0;
	for (uint64_t at = 5; at <= 120; at++) {
		sim_world_run_until(world, at * SECOND);
		uint32_t now = caches_of(s);
		assert_true(now >= 3 && now <= 12);
		peak = now > peak ? now : peak;
		falls += now < before;
		before = now;
	}
	assert_true(peak >= 6);
	assert_true(falls >= peak - 3); /* one after the other */
	assert_int_equal(caches_of(s), 3);
	assert_true(s->sponsor->totals.finished > 0);
	sim_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_of_caches_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
