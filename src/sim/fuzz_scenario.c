/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenarios from arbitrary bytes: what is parsed prints to a text that parses to the same, what is
 * refused says where and leaves the target alone, and each line `key = value` that is good can be
 * set alone. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "souk/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printed(const struct sim_scenario *scenario)
{
	static struct sim_scenario again;
	static char text[SIM_TEXT_SIZE];
	char error[SIM_ERROR_SIZE];
	size_t size = sim_scenario_print(scenario, text, sizeof text);

	SOUK_CHECK(size < sizeof text - 1 && strlen(text) == size);
	SOUK_CHECK(sim_scenario_parse(&again, scenario->name, text, size, error) == SOUK_OK);
	SOUK_CHECK(memcmp(&again, scenario, sizeof again) == 0);
}

/* Each line as an assignment to what was parsed: refused, or a change that is there to be read. */
static void check_set(struct sim_scenario *scenario, const char *text, size_t size)
{
	static struct sim_scenario before;
	char line[256], error[SIM_ERROR_SIZE];

	for (const char *end = text + size; text < end;) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t length = stop != NULL ? (size_t)(stop - text) : (size_t)(end - text);
		snprintf(line, sizeof line, "%.*s", (int)(length < 255 ? length : 255), text);
		before = *scenario;
		error[0] = '\0';
		if (sim_scenario_set(scenario, line, error) != SOUK_OK) {
			SOUK_CHECK(error[0] != '\0');
			SOUK_CHECK(memcmp(&before, scenario, sizeof before) == 0);
		}
		text += length + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sim_scenario scenario, untouched;
	char error[SIM_ERROR_SIZE] = "";
	const char *text = (const char *)data;

	memset(&scenario, 0x5a, sizeof scenario);
	memset(&untouched, 0x5a, sizeof untouched);
	if (sim_scenario_parse(&scenario, "f", text, size, error) != SOUK_OK) {
		SOUK_CHECK(strncmp(error, "f:", 2) == 0 && strlen(error) > 4);
		SOUK_CHECK(memcmp(&scenario, &untouched, sizeof scenario) == 0);
		return 0;
	}
	check_printed(&scenario);
	check_set(&scenario, text, size);
	if (sim_scenario_check(&scenario, error) == SOUK_OK)
		check_printed(&scenario);
	return 0;
}
