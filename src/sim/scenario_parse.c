/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario from text, which libinih takes apart.
 *
 * It is read twice: first for who is there, as actor and kind decide which keys a section has and
 * may stand behind them; then for the rest. No line is stored in between. */
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "scenario_slot.h"
#include "souk/base/check.h"

enum section { MARKET, EXPECT, POPULATION, FAULT, SECTIONS };

struct parser {
	const char *file;
	struct sim_scenario *scenario;
	char *error;
	int error_line; /* 0: none so far */
	bool is_naming; /* the first time */

	const char *left;
	size_t left_size;
	int line;

	enum section section;
	bool is_begun;	   /* the section has a key */
	int section_line;  /* 0: none so far */
	unsigned sections; /* bit by bit, of market and expect: which were there */
	uint32_t population, fault;
	bool seen[SIM_SLOTS_MAX + 2]; /* keys of this section */
	bool has_word;		      /* actor or kind */
};

__attribute__((format(printf, 3, 4))) static bool fail(
	struct parser *parser, int line, const char *format, ...)
{
	va_list args;

	if (parser->error_line != 0 && parser->error_line <= line)
		return false;
	parser->error_line = line;
	int n = snprintf(parser->error, SIM_ERROR_SIZE, "%.100s:%d: ", parser->file, line);
	va_start(args, format);
	vsnprintf(parser->error + n, SIM_ERROR_SIZE - (size_t)n, format, args);
	va_end(args);
	return false;
}

/* ---------------------------------------------------------------- sections */

/* A population without an actor is nobody, and a fault without a kind no fault. */
static bool end_section(struct parser *parser)
{
	static const char *const words[SECTIONS] = {[POPULATION] = "actor", [FAULT] = "kind"};

	if (parser->section_line == 0)
		return true;
	if (!parser->is_begun)
		return fail(parser, parser->section_line, "the section is empty");
	if (parser->is_naming && words[parser->section] != NULL && !parser->has_word)
		return fail(parser, parser->section_line, "`%s =` is missing in this section",
			words[parser->section]);
	return true;
}

/* [market] and [expect] are there once. */
static bool begin_single(struct parser *parser, enum section section)
{
	parser->section = section;
	if (parser->sections & 1u << section)
		return fail(parser, parser->section_line, "the section is there already");
	parser->sections |= 1u << section;
	return true;
}

static bool begin_population(struct parser *parser, const char *name)
{
	struct sim_scenario *scenario = parser->scenario;
	const struct sim_actor *any = sim_actor_at(0);

	parser->section = POPULATION;
	if (parser->is_naming) {
		if (scenario->population_count == SIM_POPULATIONS_MAX)
			return fail(parser, parser->section_line, "more than %d populations",
				SIM_POPULATIONS_MAX);
		if (any == NULL || sim_scenario_add_population(scenario, name, any->name) == NULL)
			return fail(parser, parser->section_line,
				"[population %s] is there already", name);
	}
	parser->population = sim_scenario_population(scenario, name);
	return true;
}

static bool begin_fault(struct parser *parser, const char *name)
{
	struct sim_scenario *scenario = parser->scenario;

	parser->section = FAULT;
	if (parser->is_naming) {
		if (scenario->fault_count == SIM_FAULTS_MAX)
			return fail(parser, parser->section_line, "more than %d faults",
				SIM_FAULTS_MAX);
		if (sim_scenario_add_fault(scenario, name, SIM_FAULT_CRASH) == NULL)
			return fail(
				parser, parser->section_line, "[fault %s] is there already", name);
	}
	parser->fault = sim_scenario_fault(scenario, name);
	return true;
}

static bool begin_section(struct parser *parser, const char *section)
{
	bool is_population = strncmp(section, "population ", 11) == 0;
	bool is_fault = strncmp(section, "fault ", 6) == 0;
	const char *name = section + (is_population ? 11 : 6);

	parser->is_begun = true;
	parser->has_word = false;
	memset(parser->seen, 0, sizeof parser->seen);
	if (strcmp(section, "market") == 0)
		return begin_single(parser, MARKET);
	if (strcmp(section, "expect") == 0)
		return begin_single(parser, EXPECT);
	if (!is_population && !is_fault)
		return fail(parser, parser->section_line,
			"[%.40s]: one of [market], [population NAME], [fault NAME], [expect]",
			section);
	if (!sim_name_is_good(name))
		return fail(parser, parser->section_line,
			"[%.49s]: a name is of at most %d small letters, digits and dashes",
			section, SIM_NAME_SIZE - 1);
	return is_population ? begin_population(parser, name) : begin_fault(parser, name);
}

/* ---------------------------------------------------------------- keys */

static bool see(struct parser *parser, unsigned index, const char *key)
{
	if (parser->seen[index])
		return fail(parser, parser->line, "%.40s is there already", key);
	parser->seen[index] = true;
	return true;
}

static bool assign(struct parser *parser, const char *section, struct sim_slot *slot,
	const char *key, const char *value)
{
	char error[SIM_ERROR_SIZE];

	if (!see(parser, slot->index + 2, key))
		return false;
	return sim_slot_parse(slot, value, error) ||
	       fail(parser, parser->line, "[%s] %s", section, error);
}

static bool on_market(struct parser *parser, const char *key, const char *value)
{
	struct sim_scenario *scenario = parser->scenario;
	struct sim_slot slot;

	if (strcmp(key, "about") == 0) {
		if (strlen(value) > SIM_ABOUT_MAX || *value == ';')
			return fail(parser, parser->line,
				"[market] about: at most %d characters, no ; in front",
				SIM_ABOUT_MAX);
		snprintf(scenario->about, sizeof scenario->about, "%s", value);
		return see(parser, 0, key);
	}
	if (!sim_slot_find_market(&slot, scenario, key))
		return fail(parser, parser->line,
			"[market] %.40s: no such key; about, and what souk sim parameters lists",
			key);
	return assign(parser, "market", &slot, key, value);
}

static bool refuse_key(
	struct parser *parser, const struct sim_population *population, const char *key)
{
	char keys[SIM_ERROR_SIZE] = "";
	struct sim_slot slot;
	size_t size = 0;

	for (unsigned i = 0; size < sizeof keys; i++) {
		struct sim_population copy = *population;
		if (!sim_slot_of_population(&slot, &copy, i))
			break;
		size += (size_t)snprintf(
			keys + size, sizeof keys - size, " %s", slot.parameter.name);
	}
	return fail(parser, parser->line, "[population %s] %.40s: no such key; actor,%s",
		population->name, key, keys);
}

static bool on_population(struct parser *parser, const char *key, const char *value)
{
	struct sim_population *population = &parser->scenario->populations[parser->population];
	char section[2 * SIM_NAME_SIZE];
	struct sim_slot slot;

	snprintf(section, sizeof section, "population %s", population->name);
	if (strcmp(key, "actor") == 0) {
		parser->has_word = true;
		if (parser->is_naming && !sim_population_become(population, value))
			return fail(parser, parser->line,
				"[%s] actor = %.40s: no such actor; souk sim actors lists them",
				section, value);
		return see(parser, 0, key);
	}
	if (parser->is_naming)
		return true;
	if (!sim_slot_find_population(&slot, population, key))
		return refuse_key(parser, population, key);
	return assign(parser, section, &slot, key, value);
}

static bool on_kind(struct parser *parser, struct sim_fault *fault, const char *value)
{
	char kinds[SIM_ERROR_SIZE] = "";
	enum sim_fault_kind kind = sim_fault_kind_of(value);

	parser->has_word = true;
	if (kind != SIM_FAULT_KINDS) {
		fault->kind = kind;
		return see(parser, 0, "kind");
	}
	sim_list_fault_kinds(kinds);
	return fail(parser, parser->line, "kind = %.20s: %s", value, kinds);
}

static bool on_fault(struct parser *parser, const char *key, const char *value)
{
	struct sim_fault *fault = &parser->scenario->faults[parser->fault];
	char section[2 * SIM_NAME_SIZE];
	struct sim_slot slot;

	snprintf(section, sizeof section, "fault %s", fault->name);
	if (strcmp(key, "kind") == 0)
		return on_kind(parser, fault, value);
	if (parser->is_naming)
		return true;
	if (strcmp(key, "population") == 0) {
		if (sim_scenario_population(parser->scenario, value) == UINT32_MAX)
			return fail(parser, parser->line,
				"[%s] population = %.40s: no such population; leave the line out "
				"for all nodes",
				section, value);
		snprintf(fault->population, sizeof fault->population, "%s", value);
		return see(parser, 1, key);
	}
	if (!sim_slot_find_fault(&slot, fault, key))
		return fail(parser, parser->line,
			"[%s] %.40s: no such key; kind, population, at, until, every, share, "
			"amount",
			section, key);
	return assign(parser, section, &slot, key, value);
}

/* ---------------------------------------------------------------- expectations */

static bool add_expect(
	struct parser *parser, enum sim_expect_kind kind, const char *word, int64_t value)
{
	struct sim_scenario *scenario = parser->scenario;

	for (uint32_t i = 0; i < scenario->expect_count; i++) {
		const struct sim_expect *twin = &scenario->expects[i];
		if (twin->kind == kind && strcmp(twin->word, word) == 0)
			return fail(
				parser, parser->line, "[expect] of %s this is there already", word);
	}
	if (scenario->expect_count == SIM_EXPECTS_MAX)
		return fail(parser, parser->line, "more than %d expectations", SIM_EXPECTS_MAX);
	struct sim_expect *expect = &scenario->expects[scenario->expect_count++];
	expect->kind = kind;
	expect->value = value;
	snprintf(expect->word, sizeof expect->word, "%s", word);
	return true;
}

static bool is_violation(const char *word)
{
#define X(name, text, ...)                                                                         \
	if (strcmp(word, text) == 0)                                                               \
		return true;
	SIM_VIOLATIONS(X)
#undef X
	return strcmp(word, "none") == 0;
}

static const char violation_list[] =
#define X(name, text, ...) " " text
	SIM_VIOLATIONS(X)
#undef X
	;

/* "none", or names with spaces between them. */
static bool on_violations(struct parser *parser, const char *value)
{
	char words[SIM_ERROR_SIZE], *rest = words;
	uint32_t before = parser->scenario->expect_count;

	snprintf(words, sizeof words, "%s", value);
	for (char *word; (word = strsep(&rest, " \t")) != NULL;) {
		if (*word == '\0')
			continue;
		if (!is_violation(word))
			return fail(parser, parser->line,
				"[expect] violations = %.20s: none, or of%s", word, violation_list);
		if (!add_expect(parser, SIM_EXPECT_VIOLATION, word, 0))
			return false;
	}
	uint32_t count = parser->scenario->expect_count - before;
	if (count == 0 ||
		(count > 1 && strcmp(parser->scenario->expects[before].word, "none") == 0))
		return fail(
			parser, parser->line, "[expect] violations: none, or of%s", violation_list);
	return see(parser, 0, "violations");
}

static bool on_expect(struct parser *parser, const char *key, const char *value)
{
	static const char *const kinds[] = {[SIM_EXPECT_PROFIT_MAX] = "profit-max",
		[SIM_EXPECT_PROFIT_MIN] = "profit-min",
		[SIM_EXPECT_DONE_MIN] = "done-min"};
	static const struct sim_parameter share = {.unit = SIM_PPM, .max = 1000000};
	size_t size = strcspn(key, " \t");
	const char *name = key + size + strspn(key + size, " \t");
	unsigned kind = SIM_EXPECT_PROFIT_MAX;
	uint64_t ppm = 0;
	int64_t expected = 0;

	if (strcmp(key, "violations") == 0)
		return on_violations(parser, value);
	while (kind < SOUK_COUNT_OF(kinds) &&
		(strlen(kinds[kind]) != size || strncmp(key, kinds[kind], size) != 0))
		kind++;
	if (kind == SOUK_COUNT_OF(kinds))
		return fail(parser, parser->line,
			"[expect] %.40s: no such key; violations, profit-max POPULATION, "
			"profit-min POPULATION, done-min POPULATION",
			key);
	if (sim_scenario_population(parser->scenario, name) == UINT32_MAX)
		return fail(parser, parser->line, "[expect] %.60s: no such population", key);
	if (kind == SIM_EXPECT_DONE_MIN) {
		if (!sim_value_parse(&ppm, &share, value))
			return fail(parser, parser->line,
				"[expect] %.60s = %.30s: a share such as 95%%", key, value);
		expected = (int64_t)ppm;
	} else if (!sim_milli_parse(&expected, value)) {
		return fail(parser, parser->line,
			"[expect] %.60s = %.30s: prices of a unit, such as 4, 0.5 or -1.25", key,
			value);
	}
	return add_expect(parser, (enum sim_expect_kind)kind, name, expected);
}

/* ---------------------------------------------------------------- reading */

/* Called by libinih for each key; 0 for a mistake. */
static int on_entry(void *ctx, const char *section, const char *key, const char *value)
{
	struct parser *parser = ctx;

	if (parser->error_line != 0)
		return 0;
	if (parser->section_line == 0)
		return fail(parser, parser->line, "%.40s stands before the first [section]", key);
	if (!parser->is_begun && !begin_section(parser, section))
		return 0;
	switch (parser->section) {
	case MARKET: return parser->is_naming || on_market(parser, key, value);
	case EXPECT: return parser->is_naming || on_expect(parser, key, value);
	case POPULATION: return on_population(parser, key, value);
	case FAULT: return on_fault(parser, key, value);
	case SECTIONS: break;
	}
	return 0;
}

static bool is_text(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)line[i];
		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
			return false;
	}
	return true;
}

/* libinih says nothing of sections without a key, so they are noticed here. */
static bool meet_section(struct parser *parser, const char *line, size_t size)
{
	if (!end_section(parser))
		return false;
	parser->section_line = parser->line;
	parser->is_begun = false;
	return memchr(line, ']', size) != NULL ||
	       fail(parser, parser->line, "a section is written as [name]");
}

/* One line for each call, as fgets. Indentation is dropped: libinih would take an indented key for
 * the rest of the value above it. */
static char *next_line(char *out, int out_size, void *ctx)
{
	struct parser *parser = ctx;

	if (parser->left_size == 0 || parser->error_line != 0)
		return NULL;
	const char *end = memchr(parser->left, '\n', parser->left_size);
	size_t size = end != NULL ? (size_t)(end - parser->left) + 1 : parser->left_size;
	const char *line = parser->left;
	parser->line++;
	parser->left += size;
	parser->left_size -= size;
	while (size > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		size--;
	}
	if (!is_text(line, size)) {
		fail(parser, parser->line, "not a text");
		return NULL;
	}
	if (size >= (size_t)out_size - 1) {
		fail(parser, parser->line, "the line is longer than %d characters", out_size - 3);
		return NULL;
	}
	if (size > 0 && *line == '[' && !meet_section(parser, line, size))
		return NULL;
	memcpy(out, line, size);
	out[size] = '\0';
	return out;
}

static bool read_once(struct parser *parser, const char *text, size_t size, bool is_naming)
{
	parser->left = text;
	parser->left_size = size;
	parser->line = 0;
	parser->section_line = 0;
	parser->sections = 0;
	parser->is_naming = is_naming;
	int rc = ini_parse_stream(next_line, parser, on_entry, parser);
	if (rc > 0 && rc != parser->error_line)
		fail(parser, rc, "neither [section], key = value nor a # comment");
	if (parser->error_line == 0)
		end_section(parser);
	return parser->error_line == 0;
}

/* Of "scenarios/flash-crowd.scenario" the middle. */
static void name_after(struct sim_scenario *scenario, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	size_t size = strlen(base), end = strlen(".scenario");

	if (size > end && strcmp(base + size - end, ".scenario") == 0)
		size -= end;
	snprintf(scenario->name, sizeof scenario->name, "%.*s", (int)size, base);
}

souk_status sim_scenario_parse(struct sim_scenario *ret, const char *name, const char *text,
	size_t size, char error[SIM_ERROR_SIZE])
{
	struct sim_scenario scenario;
	struct parser parser = {.file = name, .scenario = &scenario, .error = error};

	sim_scenario_init(&scenario);
	name_after(&scenario, name);
	if (!read_once(&parser, text, size, true) || !read_once(&parser, text, size, false))
		return SOUK_LOCAL_CONFIG;
	char what[SIM_ERROR_SIZE];
	souk_status status = sim_scenario_check(&scenario, what);
	if (status != SOUK_OK) {
		snprintf(error, SIM_ERROR_SIZE, "%.100s: %.150s", name, what);
		return status;
	}
	*ret = scenario;
	return SOUK_OK;
}
