/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

/* What the common options set; common.c has them in the program. */
const char *cli_home;
const char *cli_ledger;
bool cli_json;

#define ARGUMENT_MAX 8
#define REFUSED	     UINT64_MAX

/* ------------------------------------------------------------------ values */

struct value_row {
	const char *text;
	uint64_t value; /* REFUSED: not of that form */
};

static void check_values(
	bool (*parse)(uint64_t *ret, const char *text), const struct value_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 0;
		bool good = parse(&value, rows[i].text);
		if (good != (rows[i].value != REFUSED) || (good && value != rows[i].value))
			fail_msg("\"%s\": %s, value %ju", rows[i].text, good ? "taken" : "refused",
				(uintmax_t)value);
	}
}

static void test_whole_numbers(void **state)
{
	(void)state;
	static const struct value_row rows[] = {{"0", 0}, {"7", 7}, {"007", 7},
		{"18446744073709551614", UINT64_MAX - 1}, {"18446744073709551616", REFUSED},
		{"99999999999999999999999", REFUSED}, {"", REFUSED}, {"-1", REFUSED},
		{"+1", REFUSED}, {" 1", REFUSED}, {"1 ", REFUSED}, {"1.0", REFUSED},
		{"0x10", REFUSED}, {"\xb2", REFUSED}};
	check_values(option_parse_u64, rows, sizeof rows / sizeof *rows);
}

static void test_durations(void **state)
{
	(void)state;
	static const struct value_row rows[] = {{"500ms", 500}, {"0s", 0}, {"10s", 10000},
		{"5m", 300000}, {"2h", 7200000}, {"1d", 86400000}, {"10", REFUSED}, {"s", REFUSED},
		{"", REFUSED}, {"10 s", REFUSED}, {"10S", REFUSED}, {"1.5h", REFUSED},
		{"-1s", REFUSED}, {"10sec", REFUSED}, {"213503982335d", REFUSED},
		{"213503982334d", 213503982334u * UINT64_C(86400000)},
		{"184467440737095516160s", REFUSED}};
	check_values(option_parse_duration_ms, rows, sizeof rows / sizeof *rows);
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct value_row rows[] = {{"0", 0}, {"4096", 4096}, {"64KiB", 65536},
		{"10MiB", 10485760}, {"1GiB", 1073741824}, {"1KB", REFUSED}, {"1K", REFUSED},
		{"1kib", REFUSED}, {"KiB", REFUSED}, {"1 KiB", REFUSED}, {"", REFUSED},
		{"-1", REFUSED}, {"0.5GiB", REFUSED}, {"17179869183GiB", UINT64_MAX - 1073741823},
		{"17179869184GiB", REFUSED}};
	check_values(option_parse_size, rows, sizeof rows / sizeof *rows);
}

/* ------------------------------------------------------------------ command lines */

static bool flag;
static const char *text;
static uint64_t number, duration_ms, size_bytes;
static struct souk_amount amount;
static struct option_list list;

static const struct option_spec options[] = {
	{"flag", NULL, "a flag", OPTION_FLAG, &flag},
	{"text", "TEXT", "a text", OPTION_TEXT, &text},
	{"number", "N", "a number", OPTION_U64, &number},
	{"amount", "COINS", "an amount", OPTION_AMOUNT, &amount},
	{"time", "TIME", "a duration", OPTION_DURATION, &duration_ms},
	{"size", "SIZE", "a size", OPTION_SIZE, &size_bytes},
	{"item", "TEXT", "one of several", OPTION_LIST, &list},
};

static const struct command_spec command = {.name = "trial",
	.arguments = "ONE [TWO]",
	.summary = "Try the parser.",
	.options = options,
	.option_count = sizeof options / sizeof *options,
	.arguments_min = 1,
	.arguments_max = 2};

struct trial {
	enum parse_outcome outcome;
	int count;
	char *argv[ARGUMENT_MAX];
	char said[4096];    /* on standard error */
	char printed[4096]; /* on standard output */
};

/* Send FD to a temporary file until restore gives back what was written. */
static FILE *divert(int fd, int *ret_kept)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(NULL);
	*ret_kept = dup(fd);
	dup2(fileno(file), fd);
	return file;
}

static void restore(int fd, int kept, FILE *file, char *out, size_t max)
{
	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	rewind(file);
	out[fread(out, 1, max - 1, file)] = '\0';
	fclose(file);
}

static void run(struct trial *trial, const char *const *words)
{
	int argc = 0, kept_out, kept_err;
	flag = cli_json = false;
	text = cli_home = cli_ledger = NULL;
	number = duration_ms = size_bytes = 0;
	amount = SOUK_AMOUNT_ZERO;
	list.count = 0;
	for (; words[argc] != NULL; argc++)
		trial->argv[argc] = (char *)words[argc];
	trial->count = -1;
	FILE *out = divert(STDOUT_FILENO, &kept_out), *err = divert(STDERR_FILENO, &kept_err);
	trial->outcome = options_parse(&command, argc, trial->argv, &trial->count);
	restore(STDERR_FILENO, kept_err, err, trial->said, sizeof trial->said);
	restore(STDOUT_FILENO, kept_out, out, trial->printed, sizeof trial->printed);
}

static void test_command_lines(void **state)
{
	(void)state;
	static const struct {
		const char *words[ARGUMENT_MAX];
		enum parse_outcome outcome;
		int count;	  /* -1: untouched */
		const char *said; /* must be part of the complaint */
	} rows[] = {
		{{"a"}, PARSE_GO, 1, NULL},
		{{"a", "b"}, PARSE_GO, 2, NULL},
		{{"--flag", "a"}, PARSE_GO, 1, NULL},
		{{"a", "--flag"}, PARSE_GO, 1, NULL},
		{{"a", "--text", "b"}, PARSE_GO, 1, NULL},
		{{"a", "--text="}, PARSE_GO, 1, NULL},
		{{"a", "--text", "--flag"}, PARSE_GO, 1, NULL},
		{{"--", "--flag"}, PARSE_GO, 1, NULL},
		{{"--", "--help"}, PARSE_GO, 1, NULL},
		{{"a", "--", "--"}, PARSE_GO, 2, NULL},
		{{"-"}, PARSE_GO, 1, NULL},
		{{"a", "--json", "--home", "/h", "--ledger=u"}, PARSE_GO, 1, NULL},
		{{"--help"}, PARSE_HELPED, -1, NULL},
		{{"-h", "--what"}, PARSE_HELPED, -1, NULL},
		{{NULL}, PARSE_WRONG, -1, "an argument is missing"},
		{{"--"}, PARSE_WRONG, -1, "an argument is missing"},
		{{"a", "b", "c"}, PARSE_WRONG, -1, "too many arguments"},
		{{"a", "--what"}, PARSE_WRONG, -1, "no option --what"},
		{{"a", "--fla"}, PARSE_WRONG, -1, "no option --fla"},
		{{"a", "--flags"}, PARSE_WRONG, -1, "no option --flags"},
		{{"a", "--what=1"}, PARSE_WRONG, -1, "no option --what=1"},
		{{"a", "--text"}, PARSE_WRONG, -1, "--text needs a text"},
		{{"a", "--number"}, PARSE_WRONG, -1, "--number needs a whole number"},
		{{"a", "--flag=yes"}, PARSE_WRONG, -1, "--flag takes no value, not \"yes\""},
		{{"a", "--number", "x"}, PARSE_WRONG, -1, "not \"x\""},
		{{"a", "--number="}, PARSE_WRONG, -1, "not \"\""},
		{{"a", "--amount", "1,5"}, PARSE_WRONG, -1, "an amount of coins"},
		{{"a", "--time", "10"}, PARSE_WRONG, -1, "a time such as"},
		{{"a", "--size", "1MB"}, PARSE_WRONG, -1, "a size such as"},
	};
	static struct trial trial;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		run(&trial, rows[i].words);
		bool said_it = rows[i].said == NULL ? trial.said[0] == '\0'
						    : strstr(trial.said, rows[i].said) != NULL;
		if (trial.outcome != rows[i].outcome || trial.count != rows[i].count || !said_it)
			fail_msg("row %zu: outcome %d, count %d, said: %s", i, (int)trial.outcome,
				trial.count, trial.said);
		if (rows[i].outcome == PARSE_WRONG)
			assert_non_null(strstr(trial.said, "try: souk trial --help"));
	}
}

static void test_values_arrive(void **state)
{
	(void)state;
	static struct trial trial;
	const char *const words[] = {"--number=3", "a", "--amount=0.5", "--time=2s", "--size=1KiB",
		"--text=t=u", "--flag", NULL};
	run(&trial, words);
	assert_int_equal(trial.outcome, PARSE_GO);
	assert_true(flag && number == 3 && duration_ms == 2000 && size_bytes == 1024);
	assert_true(amount.ncoin == SOUK_NCOIN_PER_COIN / 2);
	assert_string_equal(text, "t=u");
	assert_string_equal(trial.argv[0], "a");
}

static void test_lists_keep_their_order(void **state)
{
	(void)state;
	static struct trial trial;
	const char *const words[] = {"--item", "one", "a", "--item=two", NULL};
	run(&trial, words);
	assert_int_equal(trial.outcome, PARSE_GO);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.values[0], "one");
	assert_string_equal(list.values[1], "two");
	/* One more than there is room for. */
	char *many[OPTION_LIST_MAX + 2] = {"a"};
	for (int i = 0; i <= OPTION_LIST_MAX; i++)
		many[i + 1] = "--item=x";
	int count, kept;
	list.count = 0;
	FILE *err = divert(STDERR_FILENO, &kept);
	enum parse_outcome outcome = options_parse(&command, OPTION_LIST_MAX + 2, many, &count);
	restore(STDERR_FILENO, kept, err, trial.said, sizeof trial.said);
	assert_int_equal(outcome, PARSE_WRONG);
	assert_int_equal(list.count, OPTION_LIST_MAX);
	assert_non_null(strstr(trial.said, "--item takes a text, up to 32 times"));
}

static void test_arguments_keep_their_order(void **state)
{
	(void)state;
	static struct trial trial;
	const char *const words[] = {"--json", "a", "--home", "/h", "--", "--b", NULL};
	run(&trial, words);
	assert_int_equal(trial.count, 2);
	assert_string_equal(trial.argv[0], "a");
	assert_string_equal(trial.argv[1], "--b");
	assert_true(cli_json);
	assert_string_equal(cli_home, "/h");
}

static void test_help_names_everything(void **state)
{
	(void)state;
	static struct trial trial;
	const char *const words[] = {"--help", NULL};
	run(&trial, words);
	assert_non_null(strstr(trial.printed, "usage: souk trial ONE [TWO] [options]"));
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		assert_non_null(strstr(trial.printed, options[i].name));
		assert_non_null(strstr(trial.printed, options[i].help));
	}
	assert_non_null(strstr(trial.printed, "--home DIR"));
	assert_non_null(strstr(trial.printed, "--ledger URL"));
	assert_non_null(strstr(trial.printed, "--json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_values_arrive),
		cmocka_unit_test(test_lists_keep_their_order),
		cmocka_unit_test(test_arguments_keep_their_order),
		cmocka_unit_test(test_help_names_everything),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
