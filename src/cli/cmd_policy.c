/* SPDX-License-Identifier: Apache-2.0
 *
 * policy: what a choice of window, prize and deposit means for each side. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "souk/base/check.h"
#include "policy_name.h"

static const char *service = "content";
static const char *profile = "young";
/* Overrides; UNSET leaves the profile's. */
#define UNSET UINT64_MAX
#define NOT_SET                                                                                    \
	{                                                                                          \
		UNSET                                                                              \
	}
static uint64_t window = UNSET, sessions = UNSET, overhead = UNSET, payees = UNSET;
static uint64_t epoch_ms = UNSET, draw_delay_ms = UNSET, claim_ms = UNSET;
static uint64_t audit = UNSET, detect = UNSET, falsely = UNSET, report = UNSET;
static struct souk_amount unit_price = NOT_SET, line = NOT_SET, fee = NOT_SET, cap = NOT_SET,
			  deposit = NOT_SET, reward = NOT_SET, saving = NOT_SET;

/* All that follows from a policy. */
struct outcome {
	struct souk_policy policy;
	struct souk_amount window, provider, hub, prize, fees, capital, penalty, bond;
	struct souk_policy_deposits deposits;
	uint32_t warnings;
};

static const struct souk_amount one_coin = {SOUK_NCOIN_PER_COIN};

static souk_status work_out(struct outcome *o)
{
	const struct souk_policy *p = &o->policy;
	struct souk_genesis genesis = {0};
	souk_policy_periods(&genesis, p);
	souk_status status = souk_policy_window_value(&o->window, p);
	if (status == SOUK_OK)
		status = souk_policy_provider_loss(&o->provider, p);
	if (status == SOUK_OK)
		status = souk_policy_hub_loss(&o->hub, p);
	if (status == SOUK_OK)
		status = souk_policy_prize(&o->prize, p);
	if (status == SOUK_OK)
		status = souk_policy_fees(&o->fees, p->fee, o->prize, one_coin);
	if (status == SOUK_OK)
		status = souk_policy_capital(&o->capital, p);
	if (status == SOUK_OK)
		status = souk_policy_penalty(&o->penalty, p, p->line, &genesis);
	if (status == SOUK_OK && p->audit_ppm != 0 && p->detect_ppm != 0)
		status = souk_policy_bond(&o->bond, p);
	if (status == SOUK_OK)
		status = souk_policy_deposits(&o->deposits, p);
	return status == SOUK_OK ? souk_policy_check(&o->warnings, p) : status;
}

static void row(const char *name, const char *value, const char *why)
{
	printf("  %-20s %-17s %s\n", name, value, why);
}

static const char *time_text(uint64_t ms)
{
	static const struct {
		uint64_t ms;
		const char *suffix;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4];
	size_t i = 0;
	while (ms != 0 && ms % units[i].ms != 0)
		i++;
	snprintf(text, sizeof texts[0], "%" PRIu64 "%s", ms == 0 ? 0 : ms / units[i].ms,
		ms == 0 ? "ms" : units[i].suffix);
	return text;
}

static const char *share_text(uint32_t ppm)
{
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof texts[0], "%g %%", ppm / 10000.0);
	return text;
}

static void print_terms(const struct outcome *o)
{
	const struct souk_policy *p = &o->policy;
	char text[64];
	printf("%s, %s network\n\nTerms\n", p->service, p->profile);
	snprintf(text, sizeof text, "%u units", p->window);
	row("window", text, "may be delivered and not yet paid");
	row("unit", cli_amount_text(p->unit_price), "coins");
	row("line", cli_amount_text(p->line), "coins an escrow may pay in an epoch");
	row("prize", cli_amount_text(o->prize), "coins: fee of a claim / overhead");
	row("epoch", time_text(p->epoch_ms), "then the draw, then the claim window:");
	row("draw, claim", time_text(p->draw_delay_ms), time_text(p->claim_ms));
	row("audits", share_text(p->audit_ppm), "of tasks (p)");
	row("  convict a cheat", share_text(p->detect_ppm), "(T)");
	row("  convict the honest", share_text(p->false_ppm), "(F)");
}

static void print_losses(const struct outcome *o)
{
	const struct souk_policy *p = &o->policy;
	printf("\nWhat each side can lose at worst, in coins\n");
	row("customer", cli_amount_text(o->window),
		"at each provider: a window paid whose keys are withheld");
	row("provider", cli_amount_text(o->provider),
		"in a session: a window unpaid, and a prize of luck");
	row("payer", cli_amount_text(p->issuer_cap),
		"in an epoch: the leaves of one issuer key, if it is stolen");
	row("hub's customer", cli_amount_text(o->hub),
		"what the hub is paid ahead, and a window at the provider");
	printf("\nWhat it costs, in coins\n");
	row("fees", cli_amount_text(o->fees),
		"expected for each coin paid: a claim for each prize");
	row("locked", cli_amount_text(o->capital), "by a payer who spends the line in every epoch");
	row("penalty", cli_amount_text(o->penalty),
		"at least, for open leaves: else 0, as leaves are exclusive");
}

static void print_deposits(const struct outcome *o)
{
	const struct souk_policy_deposits *d = &o->deposits;
	printf("\nThe deposit that answers for a task, in coins\n");
	row("at least", d->has_least ? cli_amount_text(d->least) : "none does",
		"k / (p (T - F)): below it cheating pays");
	row("at most", d->has_most ? cli_amount_text(d->most) : "any",
		"(r - k) / (p F): above it honest work does not");
	printf("  %-20s %s\n", "chosen", cli_amount_text(o->policy.deposit));
	row("whole bond", o->bond.ncoin != 0 ? cli_amount_text(o->bond) : "none does",
		"of a provider: a window in every session, over p T");
	if (o->warnings != 0)
		putchar('\n');
	for (unsigned i = 0; i < SOUK_POLICY_WARNINGS; i++) {
		if (o->warnings & (1u << i))
			printf("warning: %s\n", souk_policy_warning_text(i));
	}
}

static json_t *warnings_json(uint32_t warnings)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < SOUK_POLICY_WARNINGS; i++) {
		if (warnings & (1u << i))
			json_array_append_new(list, json_string(souk_policy_warning_text(i)));
	}
	return list;
}

static void set_amount(json_t *object, const char *key, struct souk_amount amount)
{
	json_object_set_new(object, key, json_integer((json_int_t)amount.ncoin));
}

static void set_u64(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void print_json(const struct outcome *o)
{
	const struct souk_policy *p = &o->policy;
	json_t *j = json_pack("{s:s, s:s}", "service", p->service, "profile", p->profile);
	set_u64(j, "window", p->window);
	set_u64(j, "epoch_ms", p->epoch_ms);
	set_u64(j, "draw_delay_ms", p->draw_delay_ms);
	set_u64(j, "claim_ms", p->claim_ms);
	set_u64(j, "audit_ppm", p->audit_ppm);
	set_u64(j, "detect_ppm", p->detect_ppm);
	set_u64(j, "false_ppm", p->false_ppm);
	set_amount(j, "unit_price_ncoin", p->unit_price);
	set_amount(j, "line_ncoin", p->line);
	set_amount(j, "prize_ncoin", o->prize);
	set_amount(j, "customer_loss_ncoin", o->window);
	set_amount(j, "provider_loss_ncoin", o->provider);
	set_amount(j, "payer_loss_ncoin", p->issuer_cap);
	set_amount(j, "hub_customer_loss_ncoin", o->hub);
	set_amount(j, "fees_per_coin_ncoin", o->fees);
	set_amount(j, "locked_ncoin", o->capital);
	set_amount(j, "penalty_min_ncoin", o->penalty);
	set_amount(j, "bond_ncoin", o->bond);
	set_amount(j, "deposit_ncoin", p->deposit);
	json_object_set_new(j, "deposit_min_ncoin",
		o->deposits.has_least ? json_integer((json_int_t)o->deposits.least.ncoin)
				      : json_null());
	json_object_set_new(j, "deposit_max_ncoin",
		o->deposits.has_most ? json_integer((json_int_t)o->deposits.most.ncoin)
				     : json_null());
	json_object_set_new(j, "warnings", warnings_json(o->warnings));
	cli_print_json(j);
}

static void override_amount(struct souk_amount *field, struct souk_amount value)
{
	if (value.ncoin != UNSET)
		*field = value;
}

static bool override_number(
	uint32_t *field, uint64_t value, uint64_t least, uint64_t most, const char *name)
{
	if (value == UNSET)
		return true;
	if (value < least || value > most) {
		fprintf(stderr, "souk policy explain: --%s takes %" PRIu64 " to %" PRIu64 "\n",
			name, least, most);
		return false;
	}
	*field = (uint32_t)value;
	return true;
}

static bool apply_overrides(struct souk_policy *p)
{
	uint32_t units = p->window;
	bool good = override_number(&units, window, 1, UINT16_MAX, "window") &&
		    override_number(&p->sessions, sessions, 1, UINT32_MAX, "sessions") &&
		    override_number(&p->overhead_permille, overhead, 1, 1000, "overhead") &&
		    override_number(&p->payees, payees, 1, UINT32_MAX, "payees") &&
		    override_number(&p->audit_ppm, audit, 0, SOUK_POLICY_CERTAIN_PPM, "audit") &&
		    override_number(&p->detect_ppm, detect, 0, SOUK_POLICY_CERTAIN_PPM, "detect") &&
		    override_number(&p->false_ppm, falsely, 0, SOUK_POLICY_CERTAIN_PPM, "false") &&
		    override_number(&p->report_ppm, report, 0, SOUK_POLICY_CERTAIN_PPM, "report");
	struct souk_amount old = p->unit_price;
	override_amount(&p->unit_price, unit_price);
	/* A task is a window of units: its reward and cost follow them, unless they are given. */
	if (good && old.ncoin != 0 && p->window != 0 &&
		(units != p->window || p->unit_price.ncoin != old.ncoin)) {
		uint64_t worth;
		if (__builtin_mul_overflow(p->unit_price.ncoin, units, &worth))
			worth = UINT64_MAX;
		p->reward.ncoin = worth;
		p->saving.ncoin = worth / 5 * 4;
	}
	p->window = (uint16_t)units;
	override_amount(&p->line, line);
	override_amount(&p->fee, fee);
	override_amount(&p->issuer_cap, cap);
	override_amount(&p->deposit, deposit);
	override_amount(&p->reward, reward);
	override_amount(&p->saving, saving);
	if (epoch_ms != UNSET)
		p->epoch_ms = epoch_ms;
	if (draw_delay_ms != UNSET)
		p->draw_delay_ms = draw_delay_ms;
	if (claim_ms != UNSET)
		p->claim_ms = claim_ms;
	return good;
}

static int policy_explain(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"service", "NAME", "which service (content)", OPTION_TEXT, &service},
		{"profile", "NAME", "young or mature (young)", OPTION_TEXT, &profile},
		{"window", "N", "units that may be unpaid", OPTION_U64, &window},
		{"unit-price", "COINS", "of one unit", OPTION_AMOUNT, &unit_price},
		{"sessions", "N", "of one provider at once", OPTION_U64, &sessions},
		{"line", "COINS", "most that an epoch may cost", OPTION_AMOUNT, &line},
		{"issuer-cap", "COINS", "of one issuer key in an epoch", OPTION_AMOUNT, &cap},
		{"fee", "COINS", "what sending a claim costs", OPTION_AMOUNT, &fee},
		{"overhead", "PERMILLE", "what fees may take of a payment", OPTION_U64, &overhead},
		{"epoch", "TIME", "how long a line lasts", OPTION_DURATION, &epoch_ms},
		{"draw-delay", "TIME", "from its end to the draw", OPTION_DURATION, &draw_delay_ms},
		{"claim", "TIME", "from the draw to the last claim", OPTION_DURATION, &claim_ms},
		{"reward", "COINS", "r: of an honest task", OPTION_AMOUNT, &reward},
		{"saving", "COINS", "k: cost that cheating saves", OPTION_AMOUNT, &saving},
		{"audit", "PPM", "p: tasks audited, in millionths", OPTION_U64, &audit},
		{"detect", "PPM", "T: audits that convict a cheat", OPTION_U64, &detect},
		{"false", "PPM", "F: audits that convict the honest", OPTION_U64, &falsely},
		{"deposit", "COINS", "D: what answers for a task", OPTION_AMOUNT, &deposit},
		{"payees", "N", "m: providers that take one open leaf", OPTION_U64, &payees},
		{"report", "PPM", "q: double promises that are reported", OPTION_U64, &report},
	};
	static const struct command_spec command = {.name = "policy explain",
		.arguments = "",
		.summary = "Say what a policy means: losses, fees, capital, the deposit window.",
		.details = "Each option changes one number of the profile. Warns where numbers "
			   "contradict.",
		.examples = "  souk policy explain --profile mature\n"
			    "  souk policy explain --window 16 --audit 20000 --json",
		.options = options,
		.option_count = sizeof options / sizeof *options};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	const struct souk_policy *found = policy_named(command.name, service, profile);
	if (found == NULL)
		return EXIT_USAGE;
	struct outcome o = {.policy = *found};
	if (!apply_overrides(&o.policy))
		return EXIT_USAGE;
	souk_status status = work_out(&o);
	if (status != SOUK_OK)
		return cli_fail(command.name, "these numbers", status,
			status == SOUK_LOCAL_CONFIG ? "a number that divides is zero" : NULL);
	if (cli_json) {
		print_json(&o);
		return 0;
	}
	print_terms(&o);
	print_losses(&o);
	print_deposits(&o);
	return 0;
}

static int policy_list(int argc, char **argv)
{
	static const struct command_spec command = {.name = "policy list",
		.arguments = "",
		.summary = "List the profiles: a choice of numbers for a service.",
		.examples = "  souk policy list --json"};
	static const char *const headings[] = {
		"service", "profile", "window", "epoch", "prize", "deposit", "audits"};
	static const bool is_number[] = {false, false, true, true, true, true, true};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct cli_table *table = cli_json ? NULL : cli_table_new(7, headings, is_number);
	json_t *list = json_array();
	for (size_t i = 0; souk_policy_at(i) != NULL; i++) {
		const struct souk_policy *p = souk_policy_at(i);
		struct souk_amount prize = SOUK_AMOUNT_ZERO;
		if (souk_policy_prize(&prize, p) != SOUK_OK)
			continue;
		char units[16];
		snprintf(units, sizeof units, "%u", p->window);
		const char *cells[] = {p->service, p->profile, units, time_text(p->epoch_ms),
			cli_amount_text(prize), cli_amount_text(p->deposit),
			share_text(p->audit_ppm)};
		if (table != NULL)
			cli_table_add(table, cells);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:I}", "service", p->service,
				"profile", p->profile, "window", (int)p->window, "epoch_ms",
				(json_int_t)p->epoch_ms, "prize_ncoin", (json_int_t)prize.ncoin,
				"deposit_ncoin", (json_int_t)p->deposit.ncoin, "audit_ppm",
				(json_int_t)p->audit_ppm));
	}
	if (table != NULL)
		cli_table_print(table);
	if (cli_json)
		cli_print_json(json_pack("{s:O}", "policies", list));
	json_decref(list);
	return 0;
}

int cmd_policy(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"list", policy_list, "list the profiles"},
		{"explain", policy_explain, "what a policy means for each side"},
	};
	return cli_run_subcommand("policy", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
