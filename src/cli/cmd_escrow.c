/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow: money locked so that providers can be paid from it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "escrow_run.h"
#include "souk/base/check.h"
#include "policy_name.h"

static struct souk_amount line = {10ull * SOUK_NCOIN_PER_COIN};
static struct souk_amount prize;
static struct souk_amount deposit;
static struct souk_amount penalty;
static const char *policy;

/* The prize and the deposit that the options left open. */
static souk_status choose_terms(struct escrow_run *run)
{
	if (prize.ncoin == 0 && policy != NULL) {
		souk_status status = souk_policy_prize(&prize, souk_policy_find("content", policy));
		if (status != SOUK_OK)
			return status;
		line.ncoin -= line.ncoin % prize.ncoin;
	} else if (prize.ncoin == 0) {
		prize.ncoin = line.ncoin / 10000;
		if (prize.ncoin == 0)
			prize.ncoin = 1;
		line.ncoin -= line.ncoin % prize.ncoin;
	}
	if (deposit.ncoin != 0)
		return SOUK_OK;
	return souk_escrow_deposit_for(&deposit, line, &run->ledger.genesis);
}

static int escrow_open(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"line", "COINS", "most that one epoch may cost (10)", OPTION_AMOUNT, &line},
		{"prize", "COINS", "one lottery prize (line / 10,000)", OPTION_AMOUNT, &prize},
		{"deposit", "COINS", "what to lock (enough to spend the line in every epoch)",
			OPTION_AMOUNT, &deposit},
		{"penalty", "COINS", "forfeited if an open leaf is promised twice (0)",
			OPTION_AMOUNT, &penalty},
		{"policy", "NAME", "young or mature: its prize", OPTION_TEXT, &policy},
		ESCROW_OPTION_NUMBER,
	};
	static const struct command_spec command = {.name = "escrow open",
		.arguments = "",
		.summary = "Lock money from which providers will be paid.",
		.details = "The line is what you may spend in one epoch. Providers are paid in "
			   "prizes: what\n"
			   "each gets differs from what it is owed by less than one prize.",
		.examples = "  souk escrow open --line 10\n  souk escrow open --line 1 --prize "
			    "0.001 --deposit 3",
		.options = options,
		.option_count = sizeof options / sizeof *options};
	struct escrow_run run;
	char done[240], backing[64] = "";
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (policy != NULL && policy_named(command.name, "content", policy) == NULL)
		return EXIT_USAGE;
	if (!escrow_start(&run, command.name))
		return EXIT_REFUSED;
	souk_status status = choose_terms(&run);
	if (status != SOUK_OK)
		return escrow_finish(&run, cli_fail_ledger(command.name, "cannot choose the terms",
						   status, run.client));
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = escrow_number_salt(escrow_number),
			.line = line,
			.prize = prize,
			.deposit = deposit,
			.penalty = penalty}};
	if (penalty.ncoin != 0)
		snprintf(backing, sizeof backing, "; and %s as penalty", cli_amount_text(penalty));
	snprintf(done, sizeof done, "locked %s coins: %s an epoch, in prizes of %s%s",
		cli_amount_text(deposit), cli_amount_text(line), cli_amount_text(prize), backing);
	return escrow_submit(&run, &body, done);
}

static void print_escrow(const struct escrow_run *run, const struct souk_escrow_record *escrow)
{
	printf("escrow    %s\n", cli_hash_text(&run->id));
	printf("line      %s coins an epoch\n", cli_amount_text(escrow->line));
	printf("prize     %s coins\n", cli_amount_text(escrow->prize));
	printf("free      %s coins\n", cli_amount_text(escrow->free));
	if (escrow->penalty.ncoin != 0)
		printf("penalty   %s coins back its open leaves\n",
			cli_amount_text(escrow->penalty));
	if (escrow->standing.total.ncoin != 0)
		printf("stands    %s coins in each of the epochs %" PRIu64 " to %" PRIu64 "\n",
			cli_amount_text(escrow->standing.total), escrow->standing.from,
			escrow->standing.until - 1);
	if (escrow->closing)
		printf("state     closing: locked until the last claim, and until %s\n",
			cli_date_text(escrow->unlock));
	else
		printf("state     open\n");
	if (escrow->open.count == 0)
		return;
	static const char *const headings[] = {"epoch", "allotments", "reserved", "paid"};
	static const bool is_number[] = {true, true, true, true};
	struct cli_table *table = cli_table_new(4, headings, is_number);
	for (int i = 0; i < escrow->open.count; i++) {
		const struct souk_open_epoch *open = &escrow->open.items[i];
		char epoch[24], segments[16];
		snprintf(epoch, sizeof epoch, "%" PRIu64, open->epoch);
		snprintf(segments, sizeof segments, "%" PRIu32, open->segments);
		const char *cells[] = {epoch, segments, cli_amount_text(open->reserved),
			cli_amount_text(open->paid)};
		cli_table_add(table, cells);
	}
	putchar('\n');
	cli_table_print(table);
}

static json_t *standing_json(const struct souk_escrow_record *escrow)
{
	const struct souk_standing *standing = &escrow->standing;
	if (standing->total.ncoin == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "total_ncoin", (json_int_t)standing->total.ncoin,
		"from", (json_int_t)standing->from, "until", (json_int_t)standing->until);
}

static void print_escrow_json(const struct escrow_run *run, const struct souk_escrow_record *escrow)
{
	json_t *epochs = json_array();
	for (int i = 0; i < escrow->open.count; i++) {
		const struct souk_open_epoch *open = &escrow->open.items[i];
		json_array_append_new(
			epochs, json_pack("{s:I, s:i, s:I, s:I}", "epoch", (json_int_t)open->epoch,
					"allotments", (int)open->segments, "reserved_ncoin",
					(json_int_t)open->reserved.ncoin, "paid_ncoin",
					(json_int_t)open->paid.ncoin));
	}
	cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:I, s:I, s:o, s:o}", "escrow",
		cli_hash_text(&run->id), "payer", cli_address_text(&escrow->payer), "line_ncoin",
		(json_int_t)escrow->line.ncoin, "prize_ncoin", (json_int_t)escrow->prize.ncoin,
		"free_ncoin", (json_int_t)escrow->free.ncoin, "closing", escrow->closing,
		"unlock_ms", (json_int_t)escrow->unlock.ms, "penalty_ncoin",
		(json_int_t)escrow->penalty.ncoin, "standing", standing_json(escrow), "epochs",
		epochs));
}

static int escrow_show(int argc, char **argv)
{
	static const struct option_spec options[] = {ESCROW_OPTION_NUMBER};
	static const struct command_spec command = {.name = "escrow show",
		.arguments = "",
		.summary = "Show your escrow: terms, free money, epochs still open to claims.",
		.examples = "  souk escrow show --json",
		.options = options,
		.option_count = 1};
	struct escrow_run run;
	struct souk_escrow_record escrow;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!escrow_start(&run, command.name))
		return EXIT_REFUSED;
	souk_status status = souk_chain_escrow(run.client, &run.id, &escrow);
	if (status != SOUK_OK) {
		cli_fail_ledger(command.name, "cannot show the escrow", status, run.client);
		if (status == SOUK_LOCAL_NOT_FOUND || status == SOUK_PEER_NO_ESCROW)
			fprintf(stderr, "Open one with: souk escrow open --line 10\n");
		return escrow_finish(&run, EXIT_REFUSED);
	}
	if (cli_json)
		print_escrow_json(&run, &escrow);
	else
		print_escrow(&run, &escrow);
	return escrow_finish(&run, 0);
}

static int escrow_top_up(int argc, char **argv)
{
	static const struct option_spec options[] = {ESCROW_OPTION_NUMBER};
	static const struct command_spec command = {.name = "escrow top-up",
		.arguments = "AMOUNT",
		.summary = "Lock more money in your escrow.",
		.examples = "  souk escrow top-up 5",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	struct escrow_run run;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_TOP_UP};
	char done[80];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = souk_amount_parse(&body.escrow_top_up.amount, argv[0]);
	if (status != SOUK_OK) {
		cli_fail(command.name, argv[0], status, NULL);
		return EXIT_USAGE;
	}
	if (!escrow_start(&run, command.name))
		return EXIT_REFUSED;
	body.escrow_top_up.escrow = run.id;
	snprintf(done, sizeof done, "locked %s coins more",
		cli_amount_text(body.escrow_top_up.amount));
	return escrow_submit(&run, &body, done);
}

static int escrow_close(int argc, char **argv)
{
	static const struct option_spec options[] = {ESCROW_OPTION_NUMBER};
	static const struct command_spec command = {.name = "escrow close",
		.arguments = "",
		.summary = "Close your escrow: no new spending; what is owed is still paid.",
		.details = "The money can be withdrawn after the ledger's unlock delay and the "
			   "last claim.",
		.examples = "  souk escrow close\n  souk escrow withdraw",
		.options = options,
		.option_count = 1};
	struct escrow_run run;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!escrow_start(&run, command.name))
		return EXIT_REFUSED;
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_ESCROW_CLOSE, .escrow_close = {.escrow = run.id}};
	return escrow_submit(&run, &body, "closing; later: souk escrow withdraw");
}

static int escrow_withdraw(int argc, char **argv)
{
	static const struct option_spec options[] = {ESCROW_OPTION_NUMBER};
	static const struct command_spec command = {.name = "escrow withdraw",
		.arguments = "",
		.summary = "Take the rest of a closed escrow back into your account.",
		.examples = "  souk escrow withdraw",
		.options = options,
		.option_count = 1};
	struct escrow_run run;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!escrow_start(&run, command.name))
		return EXIT_REFUSED;
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_ESCROW_WITHDRAW, .escrow_withdraw = {.escrow = run.id}};
	return escrow_submit(&run, &body, "withdrawn");
}

int cmd_escrow(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"open", escrow_open, "lock money from which providers will be paid"},
		{"show", escrow_show, "show terms, free money and open epochs"},
		{"top-up", escrow_top_up, "lock more"},
		{"allot", escrow_cmd_allot, "allot the current epoch's money to providers"},
		{"stand", escrow_cmd_stand, "allot every epoch's, without a transaction each"},
		{"settle", escrow_cmd_settle, "have the payees paid by one receipt a leaf"},
		{"issuer", escrow_cmd_issuer, "hot keys that pay from leaves of their own"},
		{"close", escrow_close, "stop spending; what is owed is still paid"},
		{"withdraw", escrow_withdraw, "take the rest of a closed escrow back"},
	};
	return cli_run_subcommand("escrow", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
