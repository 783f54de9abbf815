/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads from a swarm: providers of parts, which change; slow ones; readers who seek. The
 * storms' auditor is in download_kit.c. */
#include <stdlib.h>
#include <string.h>

#include "download_kit.h"

#define SEEDS_DEFAULT 400u

static struct trade market; /* of one test after the other */

static void downloads_survive_a_hostile_swarm(void **state)
{
	(void)state;
	const char *seeds = getenv("SOUK_SEEDS");
	uint32_t count = seeds != NULL ? (uint32_t)strtoul(seeds, NULL, 10) : SEEDS_DEFAULT;
	uint32_t completed = 0, calm = 0;
	uint64_t hedges = 0, won = 0, spare = 0, fetches = 0;
	struct trade *w = &market;
	for (uint64_t seed = 1; seed <= count; seed++) {
		if (getenv("SOUK_SEED") != NULL)
			seed = strtoull(getenv("SOUK_SEED"), NULL, 10), count = 0;
		trade_make_swarm(w, seed);
		trade_run(w);
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
			const struct souk_download *d = &w->buyers[i].download;
			trade_audit_buyer(w, i);
			completed += w->buyers[i].status == SOUK_OK;
			hedges += d->hedges;
			won += d->hedges_won;
			fetches += w->buyers[i].fetches;
			for (uint32_t k = 0; k < d->provider_count; k++)
				spare += d->providers[k].units_spare;
		}
		/* Without a fault at the one that has it all, and with money, nobody may fail. */
		if (!w->crashed[TRADE_PROVIDERS - 1] && w->loss == 0 && !w->buyers[1].leech) {
			calm++;
			for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
				assert_true(w->buyers[i].status == SOUK_OK ||
					    w->buyers[i].status == SOUK_LOCAL_BUDGET);
		}
		trade_settle(w);
	}
	print_message("# %u downloads completed, %u calm worlds; %lu fetches, %lu hedges, %lu won, "
		      "%lu chunks paid twice\n",
		completed, calm, (unsigned long)fetches, (unsigned long)hedges, (unsigned long)won,
		(unsigned long)spare);
	assert_true(count == 0 || (completed > count && calm > count / 8 && won > count / 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads_survive_a_hostile_swarm),
	};
	return cmocka_run_group_tests_name("download_swarm", tests, NULL, NULL);
}
