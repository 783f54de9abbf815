/* SPDX-License-Identifier: Apache-2.0
 *
 * adversaries [--list] [--only NAME] [--seeds N] [--markdown]
 *
 * Runs every attack against the naive party and against the real code, with each
 * value of its knob, over N seeds, and prints what it is worth. Ends with 1 where
 * the real code lets a cheater have more than the attack's bound, or where the
 * attack gains nothing from the naive party: then it proves nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"

#define SEEDS_DEFAULT 10u
#define SEEDS_MAX     100000u
#define NAME_WIDTH    20

static const struct attack *const families[] = {
	payer_attacks,
	ticket_attacks,
	payee_attacks,
	claim_attacks,
	operator_attacks,
	receipt_attacks,
	open_leaf_attacks,
	agreement_attacks,
	hub_attacks,
};

/* Of one world: the best the cheater found, and the worst that befell anybody. */
struct measured {
	uint32_t knob; /* with the highest sum of profits */
	int64_t sum, min, max;
	int64_t profit_max; /* over all knobs */
	int64_t loss_max;
};

struct options {
	bool list, markdown;
	const char *only;
	uint32_t seeds;
};

static uint32_t knob_count(const struct attack *attack)
{
	uint32_t count = 1;
	while (count < KNOBS_MAX && attack->knobs[count] != 0)
		count++;
	return count;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct measured measure(const struct attack *attack, bool guarded, uint32_t seeds)
{
	struct measured best = {.profit_max = INT64_MIN};
	for (uint32_t k = 0; k < knob_count(attack); k++) {
		struct measured here = {.knob = attack->knobs[k], .min = INT64_MAX};
		here.max = INT64_MIN;
		for (uint64_t seed = 1; seed <= seeds; seed++) {
			struct outcome outcome = attack->run(seed, guarded, here.knob);
			here.sum += outcome.profit;
			here.min = here.min < outcome.profit ? here.min : outcome.profit;
			here.max = larger(here.max, outcome.profit);
			here.loss_max = larger(here.loss_max, outcome.loss);
		}
		here.profit_max = larger(here.max, best.profit_max);
		here.loss_max = larger(here.loss_max, best.loss_max);
		if (k > 0 && here.sum <= best.sum) {
			best.profit_max = here.profit_max;
			best.loss_max = here.loss_max;
			continue;
		}
		best = here;
	}
	return best;
}

/* Few seeds may all be unlucky for a cheater who needs luck. */
static bool judge(const struct attack *attack, const struct measured *without,
	const struct measured *with, uint32_t seeds)
{
	bool good = true;
	if (without->sum < 0 || (without->sum == 0 && seeds >= SEEDS_DEFAULT)) {
		fprintf(stderr, "%s: gains nothing without its countermeasure\n", attack->name);
		good = false;
	}
	if (with->profit_max > attack->bound) {
		fprintf(stderr, "%s: gains %" PRId64 " %s, and the bound is %" PRId64 "\n",
			attack->name, with->profit_max, attack->unit, attack->bound);
		good = false;
	}
	if (with->loss_max > attack->loss_bound) {
		fprintf(stderr,
			"%s: costs the honest %" PRId64 " %s, and the bound is %" PRId64 "\n",
			attack->name, with->loss_max, attack->unit, attack->loss_bound);
		good = false;
	}
	return good;
}

/* ---- printing ---- */

/* The mean with one decimal, and the range where there is one: "7.4 (0 to 15)". */
static void format_profit(char *out, size_t size, const struct measured *m, uint32_t seeds)
{
	int64_t tenths = (m->sum < 0 ? -m->sum : m->sum) * 10 / seeds;
	const char *sign = m->sum < 0 && tenths > 0 ? "-" : "";
	int used;
	if (tenths % 10 == 0)
		used = snprintf(out, size, "%s%" PRId64, sign, tenths / 10);
	else
		used = snprintf(
			out, size, "%s%" PRId64 ".%" PRId64, sign, tenths / 10, tenths % 10);
	if (m->min != m->max)
		snprintf(out + used, size - (size_t)used, " (%" PRId64 " to %" PRId64 ")", m->min,
			m->max);
}

static void print_row(const struct attack *attack, const struct measured *without,
	const struct measured *with, uint32_t seeds)
{
	char before[64], after[64], knob[64] = "";
	format_profit(before, sizeof before, without, seeds);
	format_profit(after, sizeof after, with, seeds);
	if (attack->knob != NULL)
		snprintf(knob, sizeof knob, "%s: %u", attack->knob, without->knob);
	printf("%-*s %-18s %-22s %-18s %6" PRId64 " %6" PRId64 "  %-6s  %s\n", NAME_WIDTH,
		attack->name, attack->who, before, after, attack->bound, with->loss_max,
		attack->unit, knob);
}

static void print_markdown_row(const struct attack *attack, const struct measured *without,
	const struct measured *with, uint32_t seeds)
{
	char before[64], after[64];
	format_profit(before, sizeof before, without, seeds);
	format_profit(after, sizeof after, with, seeds);
	printf("| %s | %s | %s", attack->name, attack->who, attack->how);
	if (attack->knob != NULL)
		printf("; %s: %u", attack->knob, without->knob);
	printf(" | %s (%s; `%s`) | %s %s | %s %s", attack->guard, attack->where, attack->code,
		before, attack->unit, after, attack->unit);
	printf(" | %" PRId64 " | %" PRId64 " %s | `--only %s` |\n", attack->bound, with->loss_max,
		attack->unit, attack->name);
}

static void print_head(const struct options *options)
{
	if (options->markdown)
		printf("| attack | who | how; best choice | countermeasure | profit without it "
		       "| profit with it | bound | worst loss with it | run |\n"
		       "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
	else
		printf("%-*s %-18s %-22s %-18s %6s %6s  %-6s  %s\n", NAME_WIDTH, "attack", "who",
			"profit without", "profit with", "bound", "loss", "in", "best choice");
}

static bool run_one(const struct attack *attack, const struct options *options)
{
	if (options->list) {
		printf("%-*s %s: %s\n", NAME_WIDTH, attack->name, attack->who, attack->how);
		return true;
	}
	struct measured without = measure(attack, false, options->seeds);
	struct measured with = measure(attack, true, options->seeds);
	if (options->markdown)
		print_markdown_row(attack, &without, &with, options->seeds);
	else
		print_row(attack, &without, &with, options->seeds);
	fflush(stdout);
	return judge(attack, &without, &with, options->seeds);
}

static bool run_all(const struct options *options)
{
	bool good = true;
	uint32_t count = 0;
	if (!options->list)
		print_head(options);
	for (uint32_t f = 0; f < sizeof families / sizeof *families; f++) {
		for (const struct attack *a = families[f]; a->name != NULL; a++) {
			if (options->only != NULL && strcmp(options->only, a->name) != 0)
				continue;
			good = run_one(a, options) && good;
			count++;
		}
	}
	if (count == 0)
		fprintf(stderr, "no attack is called %s; see --list\n", options->only);
	return good && count > 0;
}

static bool parse(struct options *ret, int argc, char **argv)
{
	*ret = (struct options){.seeds = SEEDS_DEFAULT};
	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;
		if (strcmp(argv[i], "--list") == 0)
			ret->list = true;
		else if (strcmp(argv[i], "--markdown") == 0)
			ret->markdown = true;
		else if (strcmp(argv[i], "--only") == 0 && more)
			ret->only = argv[++i];
		else if (strcmp(argv[i], "--seeds") == 0 && more)
			ret->seeds = (uint32_t)strtoul(argv[++i], NULL, 10);
		else
			return false;
	}
	return ret->seeds >= 1 && ret->seeds <= SEEDS_MAX;
}

int main(int argc, char **argv)
{
	struct options options;
	if (!parse(&options, argc, argv)) {
		fprintf(stderr, "usage: %s [--list] [--only NAME] [--seeds N] [--markdown]\n",
			argv[0]);
		return 2;
	}
	bool good = true;
	for (uint64_t seed = 1; !options.list && seed <= 4; seed++)
		good = naive_agrees(seed) && good;
	if (!good)
		fprintf(stderr, "the naive ledger differs from the real one\n");
	return run_all(&options) && good ? 0 : 1;
}
