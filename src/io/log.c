/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "souk/base/bytes.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic int level_min = SOUK_LOG_INFO;

/* Room that is always left for the line feed. */
struct line {
	char *text;
	size_t size;
};

static void line_put(struct line *line, const char *text, size_t size)
{
	size_t room = SOUK_LOG_LINE_SIZE - 2 - line->size;

	if (size > room)
		size = room;
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void line_text(struct line *line, const char *text)
{
	line_put(line, text, strlen(text));
}

/* Bare where that is unambiguous; otherwise quoted, with everything odd escaped. */
static void line_value(struct line *line, const char *text)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "_-./:,+@%";
	char escape[8];

	if (*text && text[strspn(text, bare)] == 0) {
		line_text(line, text);
		return;
	}
	line_text(line, "\"");
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(escape, sizeof(escape), "\\x%02x", c);
		else
			snprintf(escape, sizeof(escape), "%c", c);
		line_text(line, escape);
	}
	line_text(line, "\"");
}

static void line_hex(struct line *line, const uint8_t *data, uint64_t size)
{
	char digits[3];

	for (uint64_t i = 0; i < size && i < SOUK_LOG_LINE_SIZE; i++) {
		souk_hex_encode(digits, data + i, 1);
		line_put(line, digits, 2);
	}
}

static void line_field(struct line *line, const struct souk_log_field *field)
{
	char text[SOUK_AMOUNT_TEXT_SIZE];

	if (field->kind == SOUK_LOG_FIELD_NONE)
		return;
	line_text(line, " ");
	line_text(line, field->name);
	line_text(line, "=");
	switch (field->kind) {
	case SOUK_LOG_FIELD_NONE: break;
	case SOUK_LOG_FIELD_TEXT: line_value(line, field->data ? field->data : ""); break;
	case SOUK_LOG_FIELD_U64:
		snprintf(text, sizeof(text), "%" PRIu64, field->number);
		line_text(line, text);
		break;
	case SOUK_LOG_FIELD_HEX: line_hex(line, field->data, field->number); break;
	case SOUK_LOG_FIELD_AMOUNT:
		souk_amount_format(text, souk_amount_of_ncoin(field->number));
		line_text(line, text);
		break;
	case SOUK_LOG_FIELD_STATUS:
		line_text(line, souk_status_name((souk_status)field->number));
		line_text(line, " text=");
		line_value(line, souk_status_text((souk_status)field->number));
		break;
	}
}

size_t souk_log_format(char out[SOUK_LOG_LINE_SIZE], uint64_t ts_ms, enum souk_log_level level,
	const char *event, const struct souk_log_field *fields, size_t field_count)
{
	struct line line = {.text = out};
	char date[64];
	time_t seconds = (time_t)(ts_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	size_t n = strftime(date, sizeof(date), "ts=%Y-%m-%dT%H:%M:%S", &tm);
	line_put(&line, date, n);
	snprintf(date, sizeof(date), ".%03uZ level=%s event=", (unsigned)(ts_ms % 1000),
		level_names[level]);
	line_text(&line, date);
	line_text(&line, event);
	for (size_t i = 0; i < field_count; i++)
		line_field(&line, &fields[i]);
	out[line.size++] = '\n';
	out[line.size] = 0;
	return line.size;
}

void souk_log_write(enum souk_log_level level, const char *event,
	const struct souk_log_field *fields, size_t field_count)
{
	char text[SOUK_LOG_LINE_SIZE];

	if ((int)level < atomic_load(&level_min))
		return;
	struct souk_time now = souk_clock_now(souk_clock_real());
	size_t size = souk_log_format(text, now.ms, level, event, fields, field_count);
	/* Nowhere is left to complain that the log itself cannot be written. */
	if (write(STDERR_FILENO, text, size) < 0)
		return;
}

void souk_log_set_level(enum souk_log_level level)
{
	atomic_store(&level_min, (int)level);
}

souk_status souk_log_level_parse(enum souk_log_level *ret_level, const char *text)
{
	for (size_t i = 0; i < SOUK_COUNT_OF(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum souk_log_level)i;
			return SOUK_OK;
		}
	}
	return SOUK_LOCAL_CONFIG;
}
