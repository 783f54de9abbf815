/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/ini.h - a configuration file, read strictly.
 *
 *   read --> get, get, get ... --> finish
 *
 * Getters do not fail one by one. Each fills in a value where its key is present
 * and leaves the default that is there where it is not; the first mistake is
 * kept, and finish reports it with file, line, key and what is allowed. A key that
 * no getter asked for is a mistake too, so a misspelt one is never ignored.
 *
 *   uint64_t window = 16;
 *   souk_ini_u64(ini, "provider", "window", 1, 256, &window);
 *
 * Texts are borrowed from the ini and die with it.
 *
 * Memory: heap, bounded. Threads: one owner. */
#ifndef SOUK_IO_INI_H
#define SOUK_IO_INI_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/amount.h"
#include "souk/base/status.h"

#define SOUK_INI_ERROR_SIZE 512

struct souk_ini;

/* souk_ini_read: parse PATH, of at most 64 KiB.
 *
 *  Out:    ret_ini  on SOUK_OK; end with souk_ini_free
 *          error    what is wrong and where, otherwise
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_CONFIG     a line is not of the form, or a key is there twice.
 *   SOUK_LOCAL_NOT_FOUND  no such file.
 *   SOUK_LOCAL_FULL, SOUK_IO_READ, SOUK_IO_MEMORY  too long, not readable, out of memory. */
SOUK_MUST_CHECK souk_status souk_ini_read(
	struct souk_ini **ret_ini, const char *path, char error[SOUK_INI_ERROR_SIZE]);
/* NULL is allowed. */
void souk_ini_free(struct souk_ini *ini);

/* Whether the section holds a key. */
bool souk_ini_has_section(const struct souk_ini *ini, const char *section);

void souk_ini_text(struct souk_ini *ini, const char *section, const char *key, const char **value);
/* A text that must be one of WORDS, which end with NULL; VALUE is its place among them. */
void souk_ini_choice(struct souk_ini *ini, const char *section, const char *key,
	const char *const *words, unsigned *value);
void souk_ini_u64(struct souk_ini *ini, const char *section, const char *key, uint64_t min,
	uint64_t max, uint64_t *value);
/* true, yes, on, 1 or false, no, off, 0. */
void souk_ini_bool(struct souk_ini *ini, const char *section, const char *key, bool *value);
/* Coins: 12 or 0.5. */
void souk_ini_amount(
	struct souk_ini *ini, const char *section, const char *key, struct souk_amount *value);
/* A whole number and a unit: 500ms, 10s, 5m, 2h, 1d. */
void souk_ini_duration(struct souk_ini *ini, const char *section, const char *key, uint64_t min_ms,
	uint64_t max_ms, uint64_t *value_ms);
/* A whole number of bytes, or with a unit: 4096, 64KiB, 256MiB, 10GiB. */
void souk_ini_size(struct souk_ini *ini, const char *section, const char *key, uint64_t min,
	uint64_t max, uint64_t *value);

/* Report a mistake of another kind at a key that is present, such as two that exclude each other.
 */
void souk_ini_refuse(struct souk_ini *ini, const char *section, const char *key, const char *why);

/* souk_ini_finish: after the last getter: is all of it understood?
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_CONFIG  ERROR says what is wrong, such as
 *                      "souk.ini:12: [provider] window = 0: a whole number from 1 to 256". */
SOUK_MUST_CHECK souk_status souk_ini_finish(
	const struct souk_ini *ini, char error[SOUK_INI_ERROR_SIZE]);

#endif
