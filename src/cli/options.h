/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - one description of a command from which parsing and --help both come. */
#ifndef SOUK_CLI_OPTIONS_H
#define SOUK_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/amount.h"

enum option_kind {
	OPTION_FLAG,	 /* bool */
	OPTION_TEXT,	 /* const char * */
	OPTION_LIST,	 /* struct option_list; may stand several times */
	OPTION_U64,	 /* uint64_t */
	OPTION_AMOUNT,	 /* struct souk_amount, written in coins */
	OPTION_DURATION, /* uint64_t of milliseconds, written 500ms, 10s, 5m, 2h or 1d */
	OPTION_SIZE,	 /* uint64_t of bytes, written 4096, 64KiB, 10MiB or 1GiB */
};

/* The values of an option, in the order of the command line. */
#define OPTION_LIST_MAX 32

struct option_list {
	const char *values[OPTION_LIST_MAX];
	unsigned count;
};

struct option_spec {
	const char *name;  /* without the dashes */
	const char *value; /* what the value is called in --help; NULL for a flag */
	const char *help;
	enum option_kind kind;
	void *target;
};

struct command_spec {
	const char *name;      /* "escrow open" */
	const char *arguments; /* "CONTENT [FILE]" */
	const char *summary;
	const char *details;  /* further lines for --help, or NULL */
	const char *examples; /* lines, or NULL */
	const struct option_spec *options;
	int option_count;
	int arguments_min;
	int arguments_max;
};

/* What main() does after parsing. */
enum parse_outcome { PARSE_GO, PARSE_HELPED, PARSE_WRONG };

/* Options may stand anywhere; "--" ends them. The arguments that are no options are moved to the
 * front of ARGV; *RET_COUNT says how many. Besides the command's own options every command knows
 * --home, --ledger, --json and --help. A mistake is explained on standard error. */
enum parse_outcome options_parse(
	const struct command_spec *command, int argc, char **argv, int *ret_count);

void options_print_help(const struct command_spec *command);

/* Returns false, with nothing printed, when TEXT is not of that form. */
bool option_parse_duration_ms(uint64_t *ret, const char *text);
bool option_parse_size(uint64_t *ret, const char *text);
bool option_parse_u64(uint64_t *ret, const char *text);

#endif
