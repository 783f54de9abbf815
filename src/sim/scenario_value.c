/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a scenario as text, by their unit. What is printed is parsed to the same value. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"

struct suffix {
	const char *name;
	uint64_t factor;
	unsigned decimals; /* that a number before it may have; the factor is a multiple of 10^them
			    */
};

/* From the largest factor down: the first that divides a value prints it. */
static const struct suffix number_suffixes[] = {{"", 1, 0}, {NULL, 0, 0}};
static const struct suffix duration_suffixes[] = {{"d", 86400000, 0}, {"h", 3600000, 0},
	{"m", 60000, 0}, {"s", 1000, 0}, {"ms", 1, 0}, {NULL, 0, 0}};
static const struct suffix ppm_suffixes[] = {{"%", 10000, 4}, {"", 1, 0}, {NULL, 0, 0}};
static const struct suffix ncoin_suffixes[] = {{"c", 1000000000, 9}, {"", 1, 0}, {NULL, 0, 0}};
static const struct suffix bytes_suffixes[] = {{"TiB", 1ull << 40, 0}, {"GiB", 1ull << 30, 0},
	{"MiB", 1ull << 20, 0}, {"KiB", 1ull << 10, 0}, {"", 1, 0}, {NULL, 0, 0}};

static const struct {
	const struct suffix *suffixes;
	const char *allowed;
} units[] = {
	[SIM_NUMBER] = {number_suffixes, "a whole number"},
	[SIM_DURATION] = {duration_suffixes, "a duration such as 500ms, 10s, 5m, 2h or 1d"},
	[SIM_PPM] = {ppm_suffixes, "a share such as 0.5% or 30%, or millionths"},
	[SIM_NCOIN] = {ncoin_suffixes, "ncoin, or coins such as 0.001c"},
	[SIM_BYTES] = {bytes_suffixes, "bytes, or a size such as 16KiB or 10MiB"},
};

/* Digits, and DECIMALS more of them behind a point, as a whole number of the last decimal. What
 * follows is left at *RET_REST. */
static bool parse_decimal(
	uint64_t *ret, unsigned *ret_decimals, const char *text, const char **ret_rest)
{
	uint64_t value = 0;
	unsigned decimals = 0;
	bool is_fraction = false;

	if (*text < '0' || *text > '9')
		return false;
	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !is_fraction); text++) {
		if (*text == '.') {
			is_fraction = true;
			continue;
		}
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
		decimals += is_fraction;
	}
	*ret = value;
	*ret_decimals = decimals;
	*ret_rest = text;
	return !is_fraction || decimals > 0;
}

/* VALUE, which has DECIMALS, times FACTOR. */
static bool scale(uint64_t *value, unsigned decimals, uint64_t factor)
{
	for (; decimals > 0; decimals--)
		factor /= 10;
	return !__builtin_mul_overflow(*value, factor, value);
}

bool sim_value_parse(uint64_t *ret, const struct sim_parameter *parameter, const char *text)
{
	uint64_t value;
	unsigned decimals;
	const char *rest;

	if (!parse_decimal(&value, &decimals, text, &rest))
		return false;
	for (const struct suffix *s = units[parameter->unit].suffixes; s->name != NULL; s++) {
		if (strcmp(rest, s->name) != 0)
			continue;
		if (decimals > s->decimals || !scale(&value, decimals, s->factor) ||
			value < parameter->min || value > parameter->max)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

void sim_value_allowed(char out[SIM_ERROR_SIZE], const struct sim_parameter *parameter)
{
	char min[SIM_VALUE_SIZE], max[SIM_VALUE_SIZE];

	sim_value_print(min, parameter->unit, parameter->min);
	sim_value_print(max, parameter->unit, parameter->max);
	snprintf(
		out, SIM_ERROR_SIZE, "%s, from %s to %s", units[parameter->unit].allowed, min, max);
}

/* WHOLE and FRACTION, which has DECIMALS digits, without zeros at its end. */
static void print_decimal(
	char out[SIM_VALUE_SIZE], uint64_t whole, uint64_t fraction, unsigned decimals)
{
	for (; decimals > 0 && fraction % 10 == 0; decimals--)
		fraction /= 10;
	if (decimals == 0)
		snprintf(out, SIM_VALUE_SIZE, "%" PRIu64, whole);
	else
		snprintf(out, SIM_VALUE_SIZE, "%" PRIu64 ".%0*" PRIu64, whole, (int)decimals,
			fraction);
}

/* Small amounts of money are read more easily as ncoin, and so are zeros as such. */
static const struct suffix *suffix_for(enum sim_unit unit, uint64_t value)
{
	const struct suffix *s = units[unit].suffixes;

	if (unit == SIM_NCOIN)
		return value >= s->factor / 1000 && value % (s->factor / 10000) == 0 ? s : s + 1;
	while (s->decimals == 0 && s->factor > 1 && value % s->factor != 0)
		s++;
	return s;
}

void sim_value_print(char out[SIM_VALUE_SIZE], enum sim_unit unit, uint64_t value)
{
	const struct suffix *s = suffix_for(unit, value);

	if (value == 0) {
		snprintf(out, SIM_VALUE_SIZE, "%s", unit == SIM_DURATION ? "0s" : "0");
		return;
	}
	print_decimal(out, value / s->factor, value % s->factor, s->decimals);
	strncat(out, s->name, SIM_VALUE_SIZE - strlen(out) - 1);
}

void sim_milli_print(char out[SIM_VALUE_SIZE], int64_t milli)
{
	char text[SIM_VALUE_SIZE];
	uint64_t size = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;

	print_decimal(text, size / 1000, size % 1000, 3);
	snprintf(out, SIM_VALUE_SIZE, "%s%.30s", milli < 0 ? "-" : "", text);
}

bool sim_milli_parse(int64_t *ret, const char *text)
{
	bool is_negative = *text == '-';
	uint64_t value;
	unsigned decimals;
	const char *rest;

	if (!parse_decimal(&value, &decimals, text + is_negative, &rest) || *rest != '\0' ||
		decimals > 3 || !scale(&value, decimals, 1000) || value > INT64_MAX / 1000)
		return false;
	*ret = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}
