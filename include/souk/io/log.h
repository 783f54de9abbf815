/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/log.h - one line on stderr for each event, as logfmt.
 *
 *   ts=2026-11-22T16:48:51.123Z level=info event=ticket_refused session=0af3 error=PEER_BAD_TICKET
 *
 *   SOUK_LOG(SOUK_LOG_INFO, "ticket_refused", souk_log_hex("session", id.bytes, 16),
 *            souk_log_u64("unit", j), souk_log_status(status));
 *
 * An event is a stable name in snake_case. Values that a peer may choose are
 * quoted and escaped, so nobody can forge a line. Never log a secret.
 *
 * Memory: a line of at most SOUK_LOG_LINE_SIZE, on the stack; longer ones are cut.
 * Threads: any; a line is one write, so lines do not mix. */
#ifndef SOUK_IO_LOG_H
#define SOUK_IO_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "souk/base/amount.h"
#include "souk/base/status.h"

#define SOUK_LOG_LINE_SIZE 2048

enum souk_log_level {
	SOUK_LOG_DEBUG,
	SOUK_LOG_INFO,
	SOUK_LOG_WARN,
	SOUK_LOG_ERROR,
};

enum souk_log_kind {
	SOUK_LOG_FIELD_NONE,
	SOUK_LOG_FIELD_TEXT,
	SOUK_LOG_FIELD_U64,
	SOUK_LOG_FIELD_HEX,
	SOUK_LOG_FIELD_AMOUNT,
	SOUK_LOG_FIELD_STATUS,
};

struct souk_log_field {
	enum souk_log_kind kind;
	const char *name;
	const void *data;
	uint64_t number; /* or the size of the data */
};

static inline struct souk_log_field souk_log_text(const char *name, const char *text)
{
	return (struct souk_log_field){SOUK_LOG_FIELD_TEXT, name, text, 0};
}

static inline struct souk_log_field souk_log_u64(const char *name, uint64_t number)
{
	return (struct souk_log_field){SOUK_LOG_FIELD_U64, name, NULL, number};
}

static inline struct souk_log_field souk_log_hex(const char *name, const void *data, size_t size)
{
	return (struct souk_log_field){SOUK_LOG_FIELD_HEX, name, data, size};
}

static inline struct souk_log_field souk_log_amount(const char *name, struct souk_amount amount)
{
	return (struct souk_log_field){SOUK_LOG_FIELD_AMOUNT, name, NULL, amount.ncoin};
}

/* error=NAME text="..." */
static inline struct souk_log_field souk_log_status(souk_status status)
{
	return (struct souk_log_field){SOUK_LOG_FIELD_STATUS, "error", NULL, status};
}

#define SOUK_LOG(level, event, ...)                                                                \
	souk_log_write((level), (event),                                                           \
		(const struct souk_log_field[]){{SOUK_LOG_FIELD_NONE, 0, 0, 0}, ##__VA_ARGS__},    \
		sizeof((const struct souk_log_field[]){                                            \
			{SOUK_LOG_FIELD_NONE, 0, 0, 0}, ##__VA_ARGS__}) /                          \
			sizeof(struct souk_log_field))

void souk_log_write(enum souk_log_level level, const char *event,
	const struct souk_log_field *fields, size_t field_count);

/* Events below LEVEL are dropped. At the start: INFO. */
void souk_log_set_level(enum souk_log_level level);

/* souk_log_level_parse: "debug", "info", "warn" or "error".
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_CONFIG  none of them. */
SOUK_MUST_CHECK souk_status souk_log_level_parse(enum souk_log_level *ret_level, const char *text);

/* The line of an event, as it is written, with its line feed; for tests. Returns its length. */
size_t souk_log_format(char out[SOUK_LOG_LINE_SIZE], uint64_t ts_ms, enum souk_log_level level,
	const char *event, const struct souk_log_field *fields, size_t field_count);

#endif
