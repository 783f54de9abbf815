/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct option_spec common_options[] = {
	{"home", "DIR", "where keys and data are (SOUK_HOME; ~/.souk)", OPTION_TEXT, &cli_home},
	{"ledger", "URL", "the ledger to talk to (SOUK_LEDGER; the home's souk.ini)", OPTION_TEXT,
		&cli_ledger},
	{"json", NULL, "print JSON", OPTION_FLAG, &cli_json},
};

bool option_parse_u64(uint64_t *ret, const char *text)
{
	uint64_t value = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) || __builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*ret = value;
	return true;
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

static bool parse_with_unit(
	uint64_t *ret, const char *text, const struct unit *units, size_t unit_count)
{
	char digits[24];
	uint64_t value;
	size_t length = strspn(text, "0123456789");
	if (length == 0 || length >= sizeof digits)
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!option_parse_u64(&value, digits))
		return false;
	for (size_t i = 0; i < unit_count; i++) {
		if (strcmp(text + length, units[i].suffix) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].factor, &value))
			return false;
		*ret = value;
		return true;
	}
	return false;
}

bool option_parse_duration_ms(uint64_t *ret, const char *text)
{
	static const struct unit units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	return parse_with_unit(ret, text, units, sizeof units / sizeof *units);
}

bool option_parse_size(uint64_t *ret, const char *text)
{
	static const struct unit units[] = {
		{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
	return parse_with_unit(ret, text, units, sizeof units / sizeof *units);
}

static bool add_value(struct option_list *list, const char *text)
{
	if (list->count == OPTION_LIST_MAX)
		return false;
	list->values[list->count++] = text;
	return true;
}

static bool set_value(const struct option_spec *option, const char *text)
{
	switch (option->kind) {
	case OPTION_FLAG: *(bool *)option->target = true; return true;
	case OPTION_TEXT: *(const char **)option->target = text; return true;
	case OPTION_LIST: return add_value(option->target, text);
	case OPTION_U64: return option_parse_u64(option->target, text);
	case OPTION_AMOUNT: return souk_amount_parse(option->target, text) == SOUK_OK;
	case OPTION_DURATION: return option_parse_duration_ms(option->target, text);
	case OPTION_SIZE: return option_parse_size(option->target, text);
	}
	return false;
}

static const char *value_form(enum option_kind kind)
{
	switch (kind) {
	case OPTION_FLAG: return "no value";
	case OPTION_TEXT: return "a text";
	case OPTION_LIST: return "a text, up to 32 times";
	case OPTION_U64: return "a whole number";
	case OPTION_AMOUNT: return "an amount of coins such as 2 or 0.000001";
	case OPTION_DURATION: return "a time such as 500ms, 10s, 5m, 2h or 1d";
	case OPTION_SIZE: return "a size such as 4096, 64KiB, 10MiB or 1GiB";
	}
	return "";
}

static const struct option_spec *find_in(
	const struct option_spec *options, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(options[i].name) == length &&
			strncmp(options[i].name, name, length) == 0)
			return &options[i];
	}
	return NULL;
}

static const struct option_spec *find_option(
	const struct command_spec *command, const char *name, size_t length)
{
	const struct option_spec *option =
		find_in(command->options, (size_t)command->option_count, name, length);
	if (option == NULL)
		option = find_in(common_options, sizeof common_options / sizeof *common_options,
			name, length);
	return option;
}

static enum parse_outcome complain(const struct command_spec *command)
{
	fprintf(stderr, "try: souk %s --help\n", command->name);
	return PARSE_WRONG;
}

/* Take the option at argv[*at], and its value. */
static enum parse_outcome take_option(
	const struct command_spec *command, int argc, char **argv, int *at)
{
	const char *name = argv[*at] + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] == '=' ? name + length + 1 : NULL;
	const struct option_spec *option = find_option(command, name, length);
	if (option == NULL) {
		fprintf(stderr, "souk %s: no option %s\n", command->name, argv[*at]);
		return complain(command);
	}
	if (option->kind != OPTION_FLAG && value == NULL) {
		if (*at + 1 == argc) {
			fprintf(stderr, "souk %s: --%s needs %s\n", command->name, option->name,
				value_form(option->kind));
			return complain(command);
		}
		value = argv[++*at];
	}
	if ((option->kind == OPTION_FLAG && value != NULL) || !set_value(option, value)) {
		fprintf(stderr, "souk %s: --%s takes %s, not \"%s\"\n", command->name, option->name,
			value_form(option->kind), value);
		return complain(command);
	}
	return PARSE_GO;
}

enum parse_outcome options_parse(
	const struct command_spec *command, int argc, char **argv, int *ret_count)
{
	bool options_over = false;
	int count = 0;
	for (int i = 0; i < argc; i++) {
		if (!options_over && strcmp(argv[i], "--") == 0) {
			options_over = true;
		} else if (!options_over &&
			   (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			options_print_help(command);
			return PARSE_HELPED;
		} else if (!options_over && argv[i][0] == '-' && argv[i][1] == '-') {
			enum parse_outcome outcome = take_option(command, argc, argv, &i);
			if (outcome != PARSE_GO)
				return outcome;
		} else {
			argv[count++] = argv[i];
		}
	}
	if (count < command->arguments_min || count > command->arguments_max) {
		fprintf(stderr, "souk %s: %s\nusage: souk %s%s%s\n", command->name,
			count < command->arguments_min ? "an argument is missing"
						       : "too many arguments",
			command->name, *command->arguments ? " " : "", command->arguments);
		return complain(command);
	}
	*ret_count = count;
	return PARSE_GO;
}

static void print_option(const struct option_spec *option)
{
	char left[40];
	snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
		option->value ? option->value : "");
	printf("  %-22s %s\n", left, option->help);
}

void options_print_help(const struct command_spec *command)
{
	printf("usage: souk %s%s%s [options]\n\n%s\n", command->name,
		*command->arguments ? " " : "", command->arguments, command->summary);
	if (command->details != NULL)
		printf("\n%s\n", command->details);
	printf("\noptions:\n");
	for (int i = 0; i < command->option_count; i++)
		print_option(&command->options[i]);
	for (size_t i = 0; i < sizeof common_options / sizeof *common_options; i++)
		print_option(&common_options[i]);
	if (command->examples != NULL)
		printf("\nexamples:\n%s\n", command->examples);
}
