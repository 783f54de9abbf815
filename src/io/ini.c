/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/ini.h"

#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX 65536
#define ENTRIES_MAX   512

struct entry {
	char *section, *key, *value;
	int line;
	bool is_used;
};

struct souk_ini {
	char *path;
	struct entry entries[ENTRIES_MAX];
	size_t count;
	char error[SOUK_INI_ERROR_SIZE]; /* the first mistake, or "" */
	souk_status status;
	struct text_cursor {
		const char *left;
		int line;
	} cursor; /* while reading */
};

/* --- reading --- */

__attribute__((format(printf, 3, 4))) static void fail(
	struct souk_ini *ini, int line, const char *format, ...)
{
	va_list args;

	if (ini->status != SOUK_OK)
		return;
	ini->status = SOUK_LOCAL_CONFIG;
	int n = snprintf(ini->error, sizeof(ini->error), "%.200s:%d: ", ini->path, line);
	va_start(args, format);
	vsnprintf(ini->error + n, sizeof(ini->error) - (size_t)n, format, args);
	va_end(args);
}

static struct entry *find(const struct souk_ini *ini, const char *section, const char *key)
{
	for (size_t i = 0; i < ini->count; i++) {
		const struct entry *entry = &ini->entries[i];
		if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0)
			return (struct entry *)(uintptr_t)entry;
	}
	return NULL;
}

/* Called by libinih for each key. It tells no line number, so the reader counts. */
static int on_entry(void *cls, const char *section, const char *key, const char *value)
{
	struct souk_ini *ini = cls;
	const struct entry *twin = find(ini, section, key);

	if (twin) {
		fail(ini, ini->cursor.line, "[%.64s] %.64s is there already, in line %d", section,
			key, twin->line);
		return 0;
	}
	if (ini->count == ENTRIES_MAX) {
		fail(ini, ini->cursor.line, "more than %d keys", ENTRIES_MAX);
		return 0;
	}
	struct entry *entry = &ini->entries[ini->count++];
	*entry = (struct entry){
		strdup(section), strdup(key), strdup(value ? value : ""), ini->cursor.line, false};
	if (entry->section && entry->key && entry->value)
		return 1;
	ini->status = SOUK_IO_MEMORY;
	return 0;
}

/* One line for each call, as fgets. Indentation is dropped: libinih would take an indented key for
 * the rest of the value above it. */
static char *next_line(char *out, int size, void *cls)
{
	struct souk_ini *ini = cls;
	const char *text = ini->cursor.left + strspn(ini->cursor.left, " \t");
	size_t length = strcspn(text, "\n");

	if (!*text)
		return NULL;
	ini->cursor.line++;
	if (text[length])
		length++;
	ini->cursor.left = text + length;
	if (length >= (size_t)size) {
		fail(ini, ini->cursor.line, "the line is longer than %d characters", size - 2);
		return NULL;
	}
	memcpy(out, text, length);
	out[length] = 0;
	return out;
}

static void parse(struct souk_ini *ini, const char *text, size_t size)
{
	ini->cursor.left = text;
	if (strlen(text) != size) {
		fail(ini, 1, "not a text: it holds a zero byte");
		return;
	}
	int rc = ini_parse_stream(next_line, ini, on_entry, ini);
	if (rc > 0)
		fail(ini, rc, "neither [section], key = value nor a # comment");
	if (rc < 0 && ini->status == SOUK_OK)
		ini->status = SOUK_IO_MEMORY;
}

souk_status souk_ini_read(
	struct souk_ini **ret_ini, const char *path, char error[SOUK_INI_ERROR_SIZE])
{
	char *text;
	size_t size;

	souk_status status = souk_file_read(path, FILE_SIZE_MAX, &text, &size);
	if (status != SOUK_OK) {
		snprintf(error, SOUK_INI_ERROR_SIZE, "%.200s: %s", path, souk_status_text(status));
		return status;
	}
	struct souk_ini *ini = calloc(1, sizeof(*ini));
	if (ini)
		ini->path = strdup(path);
	if (!ini || !ini->path) {
		snprintf(error, SOUK_INI_ERROR_SIZE, "%s", souk_status_text(SOUK_IO_MEMORY));
		free(ini);
		free(text);
		return SOUK_IO_MEMORY;
	}
	parse(ini, text, size);
	free(text);
	if (ini->status != SOUK_OK) {
		status = ini->status;
		snprintf(error, SOUK_INI_ERROR_SIZE, "%s",
			ini->error[0] ? ini->error : souk_status_text(status));
		souk_ini_free(ini);
		return status;
	}
	*ret_ini = ini;
	return SOUK_OK;
}

void souk_ini_free(struct souk_ini *ini)
{
	if (!ini)
		return;
	for (size_t i = 0; i < ini->count; i++) {
		free(ini->entries[i].section);
		free(ini->entries[i].key);
		free(ini->entries[i].value);
	}
	free(ini->path);
	free(ini);
}

/* --- getting --- */

bool souk_ini_has_section(const struct souk_ini *ini, const char *section)
{
	for (size_t i = 0; i < ini->count; i++) {
		if (strcmp(ini->entries[i].section, section) == 0)
			return true;
	}
	return false;
}

static const struct entry *use(struct souk_ini *ini, const char *section, const char *key)
{
	struct entry *entry = find(ini, section, key);

	if (entry)
		entry->is_used = true;
	return entry;
}

static void refuse(struct souk_ini *ini, const struct entry *entry, const char *allowed)
{
	fail(ini, entry->line, "[%.64s] %.64s = %.64s: %s", entry->section, entry->key,
		entry->value, allowed);
}

void souk_ini_refuse(struct souk_ini *ini, const char *section, const char *key, const char *why)
{
	const struct entry *entry = find(ini, section, key);

	if (entry)
		refuse(ini, entry, why);
}

void souk_ini_text(struct souk_ini *ini, const char *section, const char *key, const char **value)
{
	const struct entry *entry = use(ini, section, key);

	if (!entry)
		return;
	if (entry->value[0])
		*value = entry->value;
	else
		refuse(ini, entry, "a text that is not empty");
}

void souk_ini_choice(struct souk_ini *ini, const char *section, const char *key,
	const char *const *words, unsigned *value)
{
	const struct entry *entry = use(ini, section, key);
	char allowed[256] = "one of";

	for (unsigned i = 0; entry && words[i]; i++) {
		if (strcmp(entry->value, words[i]) == 0) {
			*value = i;
			return;
		}
		size_t n = strlen(allowed);
		snprintf(allowed + n, sizeof(allowed) - n, " %s", words[i]);
	}
	if (entry)
		refuse(ini, entry, allowed);
}

/* Digits only, no sign, no space; the unit that follows is left at *RET_UNIT. */
static bool parse_number(const char *text, uint64_t *ret_number, const char **ret_unit)
{
	uint64_t number = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return false;
	}
	*ret_number = number;
	*ret_unit = text;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number, times its unit, in [min, max]. */
static bool parse_scaled(const char *text, const struct unit *units, size_t unit_count,
	uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *unit;
	uint64_t number;

	if (!parse_number(text, &number, &unit))
		return false;
	for (size_t i = 0; i < unit_count; i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].factor, &number) || number < min ||
			number > max)
			return false;
		*ret = number;
		return true;
	}
	return false;
}

void souk_ini_u64(struct souk_ini *ini, const char *section, const char *key, uint64_t min,
	uint64_t max, uint64_t *value)
{
	static const struct unit units[] = {{"", 1}};
	const struct entry *entry = use(ini, section, key);
	char allowed[128];

	if (!entry || parse_scaled(entry->value, units, 1, min, max, value))
		return;
	snprintf(allowed, sizeof(allowed), "a whole number from %" PRIu64 " to %" PRIu64, min, max);
	refuse(ini, entry, allowed);
}

void souk_ini_bool(struct souk_ini *ini, const char *section, const char *key, bool *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
	const struct entry *entry = use(ini, section, key);

	for (size_t i = 0; entry && i < SOUK_COUNT_OF(words); i++) {
		if (strcasecmp(entry->value, words[i]) == 0) {
			*value = i % 2;
			return;
		}
	}
	if (entry)
		refuse(ini, entry, "true or false");
}

void souk_ini_amount(
	struct souk_ini *ini, const char *section, const char *key, struct souk_amount *value)
{
	const struct entry *entry = use(ini, section, key);

	if (entry && souk_amount_parse(value, entry->value) != SOUK_OK)
		refuse(ini, entry, "an amount of coins such as 12 or 0.000000001");
}

void souk_ini_duration(struct souk_ini *ini, const char *section, const char *key, uint64_t min_ms,
	uint64_t max_ms, uint64_t *value_ms)
{
	static const struct unit units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const struct entry *entry = use(ini, section, key);
	char allowed[160];

	if (!entry ||
		parse_scaled(entry->value, units, SOUK_COUNT_OF(units), min_ms, max_ms, value_ms))
		return;
	snprintf(allowed, sizeof(allowed),
		"a duration such as 500ms, 10s, 5m, 2h or 1d, from %" PRIu64 "ms to %" PRIu64 "ms",
		min_ms, max_ms);
	refuse(ini, entry, allowed);
}

void souk_ini_size(struct souk_ini *ini, const char *section, const char *key, uint64_t min,
	uint64_t max, uint64_t *value)
{
	static const struct unit units[] = {{"", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20},
		{"GiB", 1u << 30}, {"TiB", (uint64_t)1 << 40}};
	const struct entry *entry = use(ini, section, key);
	char allowed[160];

	if (!entry || parse_scaled(entry->value, units, SOUK_COUNT_OF(units), min, max, value))
		return;
	snprintf(allowed, sizeof(allowed),
		"a size such as 4096, 64KiB, 256MiB or 10GiB, from %" PRIu64 " to %" PRIu64
		" bytes",
		min, max);
	refuse(ini, entry, allowed);
}

souk_status souk_ini_finish(const struct souk_ini *ini, char error[SOUK_INI_ERROR_SIZE])
{
	if (ini->status != SOUK_OK) {
		snprintf(error, SOUK_INI_ERROR_SIZE, "%s", ini->error);
		return ini->status;
	}
	for (size_t i = 0; i < ini->count; i++) {
		const struct entry *entry = &ini->entries[i];
		if (entry->is_used)
			continue;
		snprintf(error, SOUK_INI_ERROR_SIZE, "%.200s:%d: [%.64s] %.64s: no such key",
			ini->path, entry->line, entry->section, entry->key);
		return SOUK_LOCAL_CONFIG;
	}
	return SOUK_OK;
}
