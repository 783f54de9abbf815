/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "souk/base/check.h"

static struct sim_scenario scenario, again;
static char error[SIM_ERROR_SIZE];
static char text[SIM_TEXT_SIZE];

static souk_status parse(const char *source)
{
	error[0] = '\0';
	return sim_scenario_parse(&scenario, "folder/sale.scenario", source, strlen(source), error);
}

static const char sale[] = "# a comment\n"
			   "[market]\n"
			   "about = a shop, and who robs it ; another comment\n"
			   "  window=8\n"
			   "duration = 2m\n"
			   "price = 0.000002c\n"
			   "loss = 0.5%\n"
			   "unit-size = 1MiB\n"
			   "[population thieves]\n"
			   "honest-until = 7\n"
			   "actor = thief\n"
			   "count = 5\r\n"
			   "[population shop]\n"
			   "actor = provider\n"
			   "price = 900\n"
			   "[fault storm]\n"
			   "amount = 30s\n"
			   "kind = crash\n"
			   "population = shop\n"
			   "at = 10s\n"
			   "until = 20s\n"
			   "every = 500ms\n"
			   "share = 30%\n"
			   "[fault lossy]\n"
			   "kind = loss\n"
			   "amount = 12.5%\n"
			   "until = 11s\n"
			   "[expect]\n"
			   "violations = overpaid stuck\n"
			   "profit-max thieves = -1.25\n"
			   "profit-min thieves = -4\n"
			   "done-min  thieves = 99.5%";

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(parse(sale), SOUK_OK);
	assert_string_equal(scenario.name, "sale");
	assert_string_equal(scenario.about, "a shop, and who robs it");
	assert_int_equal(scenario.window, 8);
	assert_int_equal(scenario.duration_ms, 120000);
	assert_int_equal(scenario.price, 2000);
	assert_int_equal(scenario.loss_ppm, 5000);
	assert_int_equal(scenario.unit_size, 1 << 20);
	assert_int_equal(scenario.contents, 16);
	assert_int_equal(scenario.population_count, 2);
	const struct sim_population *thieves = &scenario.populations[0];
	assert_string_equal(thieves->name, "thieves");
	assert_string_equal(thieves->actor, "thief");
	assert_int_equal(thieves->count, 5);
	assert_int_equal(thieves->knobs[0], 7);
	assert_int_equal(thieves->knobs[1], 500000);
	assert_int_equal(scenario.populations[1].price, 900);
	assert_int_equal(sim_scenario_population(&scenario, "shop"), 1);
	assert_int_equal(sim_scenario_population(&scenario, "storm"), UINT32_MAX);
	assert_int_equal(scenario.fault_count, 2);
	assert_int_equal(scenario.faults[0].kind, SIM_FAULT_CRASH);
	assert_int_equal(scenario.faults[0].amount, 30000);
	assert_int_equal(scenario.faults[0].share_ppm, 300000);
	assert_string_equal(scenario.faults[0].population, "shop");
	assert_int_equal(scenario.faults[1].amount, 125000);
	assert_int_equal(scenario.expect_count, 5);
	assert_string_equal(scenario.expects[1].word, "stuck");
	assert_int_equal(scenario.expects[2].kind, SIM_EXPECT_PROFIT_MAX);
	assert_int_equal(scenario.expects[2].value, -1250);
	assert_int_equal(scenario.expects[4].kind, SIM_EXPECT_DONE_MIN);
	assert_int_equal(scenario.expects[4].value, 995000);
}

static void test_again(void **state)
{
	static char second[SIM_TEXT_SIZE];

	(void)state;
	assert_int_equal(parse(sale), SOUK_OK);
	size_t size = sim_scenario_print(&scenario, text, sizeof text);
	assert_int_equal(size, strlen(text));
	assert_int_equal(sim_scenario_parse(&again, "sale", text, size, error), SOUK_OK);
	assert_memory_equal(&scenario, &again, sizeof again);
	sim_scenario_print(&again, second, sizeof second);
	assert_string_equal(text, second);
	assert_null(strstr(text, "contents")); /* a default */
	assert_non_null(strstr(text, "amount = 30s\n"));
	assert_non_null(strstr(text, "amount = 12.5%\n"));
	/* Cut, but never written past. */
	for (size_t room = 0; room < size; room += 7) {
		memset(second, 'x', sizeof second);
		assert_int_equal(
			sim_scenario_print(&scenario, second, room), room == 0 ? 0 : room - 1);
		assert_int_equal(second[room], 'x');
	}
}

/* Everybody, every fault and every value as long as can be: it still is a text, and fits. */
static void test_longest(void **state)
{
	struct sim_parameter parameter;
	char key[96], name[SIM_NAME_SIZE];
	uint64_t value;

	(void)state;
	sim_scenario_init(&scenario);
	memset(scenario.about, 'a', 180);
	for (const struct sim_parameter *p = sim_market_parameters; p->name != NULL; p++)
		*(uint64_t *)(void *)((char *)&scenario + p->offset) = p->max - (p->max > 3);
	for (unsigned i = 0; i < SIM_POPULATIONS_MAX; i++) {
		snprintf(name, sizeof name, "population-with-a-long-name-%03u", i);
		struct sim_population *population =
			sim_scenario_add_population(&scenario, name, "thief");
		assert_non_null(population);
		for (const struct sim_parameter *p = sim_population_parameters; p->name; p++)
			*(uint64_t *)(void *)((char *)population + p->offset) = p->max - 1;
		population->knobs[0] = 999;
		snprintf(key, sizeof key, "%s.honest-until", name);
		assert_int_equal(sim_scenario_get(&scenario, key, &parameter, &value), SOUK_OK);
		assert_int_equal(value, 999);
		assert_int_equal(parameter.max, 1000);
	}
	assert_null(sim_scenario_add_population(&scenario, "more", "thief"));
	for (unsigned i = 0; i < SIM_FAULTS_MAX; i++) {
		snprintf(name, sizeof name, "fault-with-a-rather-long-nam-%u", i);
		struct sim_fault *fault = sim_scenario_add_fault(
			&scenario, name, i % 2 ? SIM_FAULT_POWER : SIM_FAULT_CLOCK_JUMP);
		assert_non_null(fault);
		memcpy(fault->population, scenario.populations[0].name, SIM_NAME_SIZE);
		for (const struct sim_parameter *p = sim_fault_parameters; p->name; p++)
			*(uint64_t *)(void *)((char *)fault + p->offset) = p->max - 1;
		fault->amount = 86399999;
		fault->at_ms--;
	}
	/* What no single value shows. */
	scenario.units_min = scenario.units_max;
	scenario.victim_permille = 1;
	size_t size = sim_scenario_print(&scenario, text, sizeof text);
	assert_true(size < sizeof text - 1);
	if (sim_scenario_parse(&again, "", text, size, error) != SOUK_OK)
		fail_msg("%s", error);
	assert_memory_equal(&scenario, &again, sizeof again);
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(parse(""), SOUK_OK);
	sim_scenario_init(&again);
	memcpy(again.name, "sale", 5);
	assert_memory_equal(&scenario, &again, sizeof again);
	size_t size = sim_scenario_print(&scenario, text, sizeof text);
	assert_int_equal(sim_scenario_parse(&again, "sale", text, size, error), SOUK_OK);
	assert_memory_equal(&scenario, &again, sizeof again);
}

static void test_defaults(void **state)
{
	static const struct sim_parameter *const tables[] = {
		sim_market_parameters, sim_population_parameters, sim_fault_parameters};

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(tables); i++) {
		for (const struct sim_parameter *p = tables[i]; p->name != NULL; p++) {
			uint64_t values[] = {p->value, p->min, p->max}, value;
			char printed[SIM_VALUE_SIZE];
			assert_true(p->min <= p->value && p->value <= p->max);
			for (size_t j = 0; j < SOUK_COUNT_OF(values); j++) {
				sim_value_print(printed, p->unit, values[j]);
				assert_true(sim_value_parse(&value, p, printed));
				assert_int_equal(value, values[j]);
			}
		}
	}
	for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
		assert_true(sim_fault_names[i] != NULL && sim_fault_abouts[i] != NULL);
}

static void test_printed(void **state)
{
	static const struct {
		enum sim_unit unit;
		uint64_t value;
		const char *text;
	} rows[] = {
		{SIM_NUMBER, 0, "0"},
		{SIM_NUMBER, UINT64_MAX, "18446744073709551615"},
		{SIM_DURATION, 0, "0s"},
		{SIM_DURATION, 1500, "1500ms"},
		{SIM_DURATION, 90000, "90s"},
		{SIM_DURATION, 86400000, "1d"},
		{SIM_PPM, 5000, "0.5%"},
		{SIM_PPM, 1, "0.0001%"},
		{SIM_PPM, 1500000, "150%"},
		{SIM_NCOIN, 1000, "1000"},
		{SIM_NCOIN, 1000000, "0.001c"},
		{SIM_NCOIN, 2500000000, "2.5c"},
		{SIM_NCOIN, 2500000001, "2500000001"},
		{SIM_BYTES, 16384, "16KiB"},
		{SIM_BYTES, 1000000, "1000000"},
	};
	char out[SIM_VALUE_SIZE];

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		sim_value_print(out, rows[i].unit, rows[i].value);
		assert_string_equal(out, rows[i].text);
	}
}

static void test_milli(void **state)
{
	static const struct {
		int64_t milli;
		const char *text;
	} rows[] = {{0, "0"}, {1, "0.001"}, {-1250, "-1.25"}, {4000, "4"}, {-30, "-0.03"}};
	static const char *const bad[] = {"", "-", "x", "1.", ".5", "1.2345", "1 ", "+1", "--1",
		"99999999999999999999", "9223372036854775807"};
	char out[SIM_VALUE_SIZE];
	int64_t value = 77;

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		sim_milli_print(out, rows[i].milli);
		assert_string_equal(out, rows[i].text);
		assert_true(sim_milli_parse(&value, rows[i].text));
		assert_int_equal(value, rows[i].milli);
	}
	sim_milli_print(out, INT64_MIN);
	assert_string_equal(out, "-9223372036854775.808");
	value = 77;
	for (size_t i = 0; i < SOUK_COUNT_OF(bad); i++)
		assert_false(sim_milli_parse(&value, bad[i]));
	assert_int_equal(value, 77);
}

#define SHOP "[population shop]\nactor = provider\n"

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"window = 8\n", ":1: window stands before the first [section]"},
		{"[market\nwindow = 8\n", ":1: a section is written as [name]"},
		{"[market]\nwindow = 8\nwindow\n", ":3: neither [section], key = value"},
		{"[market]\nwindow = 8\n\n# x\nwindow = 9\n", ":5: window is there already"},
		{"[market]\nabout = 8\nabout = 9\n", ":3: about is there already"},
		{"[market]\nwindow = 0\n", ":2: [market] window = 0: a whole number, from 1 to 64"},
		{"[market]\nwindow = 1 # one\n", "window = 1 # one: a whole number"},
		{"[market]\nwindow = -1\n", "window = -1: a whole number"},
		{"[market]\nduration = 60\n", "duration = 60: a duration such as 500ms"},
		{"[market]\nduration = 1.5s\n", "duration = 1.5s: a duration such as 500ms"},
		{"[market]\nprice = 2000c\n",
			"price = 2000c: ncoin, or coins such as 0.001c, from 1 to"},
		{"[market]\nloss = 0.00001%\n", "loss = 0.00001%: a share"},
		{"[market]\nunit-size = 15KiB\n",
			"a size such as 16KiB or 10MiB, from 16KiB to 16MiB"},
		{"[market]\nwindw = 1\n", ":2: [market] windw: no such key"},
		{"[markt]\nwindow = 1\n", ":1: [markt]: one of [market], [population NAME]"},
		{"[market]\nwindow = 1\n[market]\nloss = 0\n", ":3: the section is there already"},
		{"[market]\n[expect]\n", ":1: the section is empty"},
		{"[expect]\n", ":1: the section is empty"},
		{"[population shop]\ncount = 1\n", ":1: `actor =` is missing"},
		{"[population shop]\n", ":1: the section is empty"},
		{"[population shop]\nactor = shopkeeper\n",
			":2: [population shop] actor = shopkeeper: no such actor; souk sim actors"},
		{"[population Shop]\nactor = provider\n", "small letters, digits and dashes"},
		{"[population a.b]\nactor = provider\n", "small letters, digits and dashes"},
		{"[population a-name-that-is-just-too-long-xxx]\nactor = provider\n",
			"small letters, digits and dashes"},
		{"[population ]\nactor = provider\n", "small letters, digits and dashes"},
		{SHOP "honest-until = 1\n",
			":3: [population shop] honest-until: no such key; actor, count start"},
		{"[population t]\nactor = thief\nhonest-until = 1001\n",
			":3: [population t] honest-until = 1001: a whole number, from 0 to 1000"},
		{"[population t]\nactor = thief\nactor = thief\n", ":3: actor is there already"},
		{"[population t]\nactor = thief\nshare = 1\nshare = 1\n",
			":4: share is there already"},
		{SHOP SHOP, ":3: [population shop] is there already"},
		{SHOP "[fault shop]\nkind = crash\n", ":3: [fault shop] is there already"},
		{"[fault f]\nat = 1s\n", ":1: `kind =` is missing"},
		{"[fault f]\nkind = flood\n", ":2: kind = flood: one of crash power partition"},
		{"[fault f]\nkind = crash\npopulation = nobody\n",
			":3: [fault f] population = nobody: no such population"},
		{"[fault f]\nkind = crash\namount = 5\n", "amount = 5: a duration such as"},
		{"[fault f]\nkind = loss\namount = 101%\n", "amount = 101%: a share such as"},
		{"[fault f]\nkind = crash\namount = 25h\n", "from 0s to 1d"},
		{"[fault f]\nkind = disk-rots\namount = 1000001\n", "from 0 to 1000000"},
		{"[fault f]\nkind = crash\nwhen = 5\n", "when: no such key; kind, population, at"},
		{"[fault f]\nkind = crash\nat = 5s\nuntil = 4s\n", "until: later than `at`"},
		{"[fault f]\nkind = loss\namount = 5%\n", "until: is missing"},
		{"[fault f]\nkind = disk-full\nat = 5s\nuntil = 5s\n", "later than `at`"},
		{"[fault f]\nkind = disk-full\nuntil = 50s\nevery = 1s\n",
			"every: a disk-full lasts, it does not come again"},
		{"[fault f]\nkind = fork\nshare = 50%\n",
			"a fork is of the ledger or the whole network"},
		{"[fault f]\nkind = crash\nevery = 5s\n", "until: is missing"},
		{"[expect]\nviolations = theft\n",
			":2: [expect] violations = theft: none, or of supply"},
		{"[expect]\nviolations =\n", "violations: none, or of supply"},
		{"[expect]\nviolations = none stuck\n", "violations: none, or of supply"},
		{"[expect]\nviolations = stuck stuck\n", "of stuck this is there already"},
		{"[expect]\nprofit = 1\n", "profit: no such key; violations, profit-max"},
		{"[expect]\nprofit-max nobody = 1\n", "profit-max nobody: no such population"},
		{"[expect]\nprofit-max = 1\n", "profit-max: no such population"},
		{SHOP "[expect]\nprofit-max shop = much\n", "prices of a unit, such as 4"},
		{SHOP "[expect]\ndone-min shop = 101%\n", "done-min shop = 101%: a share such as"},
		{SHOP "[expect]\ndone-min shop = 1%\ndone-min shop = 2%\n", ":5: [expect] of shop"},
		{"[market]\nabout = a\033[2J\n", ":2: not a text"},
		{"[market]\nabout = a\n\001", ":3: not a text"},
		{"[market]\nunits-min = 65\n", "units-min: at most units-max"},
		{"[market]\nvictim = 950\n", "victim: with reporter at most 1000"},
		{"[market]\nclaim-window = 5m\n", "epoch: draw-delay and claim-window are longer"},
	};

	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		memset(&scenario, 0x5a, sizeof scenario);
		memset(&again, 0x5a, sizeof again);
		if (parse(rows[i].text) != SOUK_LOCAL_CONFIG)
			fail_msg("%s\nis not refused", rows[i].text);
		if (strstr(error, rows[i].says) == NULL)
			fail_msg("%s\nsays: %s\nnot: %s", rows[i].text, error, rows[i].says);
		assert_memory_equal(error, "folder/sale.scenario:", 21);
		assert_memory_equal(&scenario, &again, sizeof again);
	}
}

static void test_long_line(void **state)
{
	char line[260];

	(void)state;
	for (size_t size = 150; size < sizeof line; size++) {
		snprintf(line, sizeof line, "[market]\nabout = %0*d", (int)(size - 17), 0);
		souk_status status = parse(line);
		if (status == SOUK_OK)
			assert_int_equal(strlen(scenario.about), size - 17);
		assert_int_equal(status == SOUK_OK, size - 17 <= 180);
	}
	assert_non_null(strstr(error, ":2: the line is longer than 197 characters"));
	/* Zero bytes do not end it. */
	assert_int_equal(sim_scenario_parse(&scenario, "x", "[market]\nwindow = 8\0", 20, error),
		SOUK_LOCAL_CONFIG);
}

static void test_set(void **state)
{
	static const struct {
		const char *assignment, *says; /* NULL: good */
	} rows[] = {
		{"window=16", NULL},
		{"thieves.count=9", NULL},
		{"thieves.honest-until=2", NULL},
		{"storm.at=5s", NULL},
		{"storm.amount=7s", NULL},
		{"storm.population=", NULL},
		{"storm.kind=power", NULL},
		{"shop.actor=thief", NULL},
		{"shop.share=5", NULL},
		{"window", "not of the form"},
		{"window=", "window = : a whole number"},
		{"window=65", "window = 65: a whole number, from 1 to 64"},
		{"windw=6", "windw: no such key"},
		{"nobody.count=6", "nobody.count: no such key"},
		{"thieves.at=6", "thieves.at: no such key"},
		{"lossy.honest-until=6", "no such key"},
		{"storm.kind=flood", "kind = flood: one of crash"},
		{"shop.actor=flood", "actor = flood: no such actor"},
		{"storm.population=A B", "no such population"},
		{"a-name-that-is-much-longer-than-any-there-can-be-of-anything.count=6", "form"},
	};

	(void)state;
	assert_int_equal(parse(sale), SOUK_OK);
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		again = scenario;
		error[0] = '\0';
		souk_status status = sim_scenario_set(&scenario, rows[i].assignment, error);
		assert_int_equal(status, rows[i].says == NULL ? SOUK_OK : SOUK_LOCAL_CONFIG);
		if (rows[i].says != NULL && strstr(error, rows[i].says) == NULL)
			fail_msg("%s says: %s", rows[i].assignment, error);
		if (rows[i].says != NULL)
			assert_memory_equal(&scenario, &again, sizeof again);
	}
	assert_int_equal(scenario.window, 16);
	assert_int_equal(scenario.populations[0].count, 9);
	assert_int_equal(scenario.populations[0].knobs[0], 2);
	assert_int_equal(scenario.faults[0].at_ms, 5000);
	assert_int_equal(scenario.faults[0].kind, SIM_FAULT_POWER);
	assert_int_equal(scenario.faults[0].population[0], 0);
	assert_string_equal(scenario.populations[1].actor, "thief");
	assert_int_equal(scenario.populations[1].knobs[1], 5);
	assert_int_equal(sim_scenario_check(&scenario, error), SOUK_OK);
	assert_int_equal(sim_scenario_set(&scenario, "storm.population=nobody", error), SOUK_OK);
	assert_int_equal(sim_scenario_check(&scenario, error), SOUK_LOCAL_CONFIG);
	assert_string_equal(error, "[fault storm] population = nobody: no such population");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_milli),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
