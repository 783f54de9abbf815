/* SPDX-License-Identifier: Apache-2.0
 *
 * hub: buy without an escrow of your own; or be the one who has it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon/hub_node.h"
#include "../daemon/hub_store.h"
#include "../daemon/listen_address.h"
#include "cli.h"
#include "souk/base/check.h"
#include "../client/hub_client.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/io/ini.h"
#include "souk/io/tls_key.h"

#define TIMEOUT_MS	  15000u
#define CONFIG_SIZE_MAX	  65536u
#define VOUCHERS_MAX	  10000u
#define VOUCHER_TEXT_SIZE (2 * SOUK_NONCE_SIZE + 4)

static const char *hub_name;

#define OPTION_HUB                                                                                 \
	{                                                                                          \
		"hub", "NAME", "which hub: https://HOST:PORT#PIN, as souk hub show prints it",     \
			OPTION_TEXT, &hub_name                                                     \
	}

/* ------------------------------------------------------------------ for operators */

static const char *control = "127.0.0.1:7620";
static const char *public_url;
static uint64_t fee_permille = 20;
static uint64_t escrow_number;

static const char config_hub[] =
	"\n"
	"[hub]\n"
	"# Where customers reach the hub (HTTPS, a key of its own).\n"
	"control = %s\n"
	"# How others reach it, where that differs.\n"
	"%surl = %s\n"
	"# Which of this identity's escrows pays providers.\n"
	"escrow = %" PRIu64 "\n"
	"# The fee on top of a provider's price, in thousandths of it.\n"
	"fee_permille = %" PRIu64 "\n"
	"# Units a customer may buy ahead at once: the most that it can lose to this hub.\n"
	"# step = 8\n"
	"# Sessions open at once; each takes about 30 KiB.\n"
	"# sessions = 256\n"
	"# Customers.\n"
	"# accounts = 65536\n"
	"# A session without a ticket ends after, and its credit is free again.\n"
	"# idle = 5m\n";

/* Add the section to the home's configuration, which has none yet. */
static souk_status add_section(const char *path)
{
	char error[SOUK_INI_ERROR_SIZE], section[2048];
	struct souk_ini *ini;
	char *before;
	size_t size;
	souk_status status = souk_ini_read(&ini, path, error);
	if (status != SOUK_OK)
		return status;
	bool exists = souk_ini_has_section(ini, "hub");
	souk_ini_free(ini);
	if (exists)
		return SOUK_LOCAL_EXISTS;
	status = souk_file_read(path, CONFIG_SIZE_MAX, &before, &size);
	if (status != SOUK_OK)
		return status;
	int more = snprintf(section, sizeof section, config_hub, control, public_url ? "" : "# ",
		public_url ? public_url : "https://hub.example:7620", escrow_number, fee_permille);
	char *text = malloc(size + (size_t)more + 1);
	if (text == NULL) {
		free(before);
		return SOUK_IO_MEMORY;
	}
	memcpy(text, before, size);
	memcpy(text + size, section, (size_t)more);
	status = souk_file_write_atomic(path, souk_bytes_of(text, size + (size_t)more), true);
	free(before);
	free(text);
	return status;
}

static int hub_init(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"control", "ADDR:PORT", "where customers reach it (127.0.0.1:7620)", OPTION_TEXT,
			&control},
		{"url", "URL", "how others reach it, where that differs", OPTION_TEXT, &public_url},
		{"fee", "PERMILLE", "on top of a provider's price (20)", OPTION_U64, &fee_permille},
		{"escrow", "N", "which of your escrows pays (0)", OPTION_U64, &escrow_number},
	};
	static const struct command_spec command = {.name = "hub init",
		.arguments = "",
		.summary = "Make this home a hub: add a section to its configuration.",
		.details = "The home needs an identity and an escrow. Then run soukd, and hand "
			   "out vouchers.",
		.examples = "  souk init && souk faucet 100 && souk escrow open --line 10\n"
			    "  souk hub init --fee 30\n"
			    "  soukd",
		.options = options,
		.option_count = 4};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct listen_address where;
	if (!listen_address_parse(&where, control) || fee_permille > 1000) {
		fprintf(stderr, "souk hub init: --control takes ADDR:PORT, --fee 0 to 1000\n");
		return EXIT_USAGE;
	}
	const char *path = cli_home_file("souk.ini");
	souk_status status = add_section(path);
	if (status != SOUK_OK) {
		cli_fail(command.name, path, status, NULL);
		if (status == SOUK_LOCAL_NOT_FOUND)
			fprintf(stderr, "Make a home first: souk init\n");
		else if (status == SOUK_LOCAL_EXISTS)
			fprintf(stderr, "It has a section [hub], which was left as it is: edit it, "
					"and restart soukd.\n");
		return EXIT_REFUSED;
	}
	if (cli_json)
		cli_print_json(json_pack("{s:s}", "config", path));
	else
		printf("config   %s\nnext     soukd, then souk hub show\n", path);
	return 0;
}

/* Four groups of eight digits: read over a telephone, if need be. */
static void format_voucher(char out[VOUCHER_TEXT_SIZE], const struct souk_nonce *voucher)
{
	char hex[2 * SOUK_NONCE_SIZE + 1];
	souk_hex_encode(hex, voucher->bytes, SOUK_NONCE_SIZE);
	snprintf(out, VOUCHER_TEXT_SIZE, "%.8s-%.8s-%.8s-%.8s", hex, hex + 8, hex + 16, hex + 24);
}

static bool parse_voucher(struct souk_nonce *ret, const char *text)
{
	char hex[2 * SOUK_NONCE_SIZE + 1];
	size_t size = 0;
	for (; *text != '\0'; text++) {
		if (*text == '-')
			continue;
		if (size == 2 * SOUK_NONCE_SIZE)
			return false;
		hex[size++] = *text;
	}
	hex[size] = '\0';
	return souk_hex_decode(ret->bytes, SOUK_NONCE_SIZE, hex) == SOUK_OK;
}

static souk_status make_voucher(
	const struct hub_store *store, struct souk_amount amount, char text[VOUCHER_TEXT_SIZE])
{
	struct souk_nonce secret;
	souk_status status = souk_entropy_fill(souk_entropy_real(), secret.bytes, sizeof secret);
	if (status != SOUK_OK)
		return status;
	struct souk_hash id = souk_hub_voucher_id(&secret);
	status = hub_store_add_voucher(store, &id, amount);
	format_voucher(text, &secret);
	souk_bytes_wipe(&secret, sizeof secret);
	return status;
}

static int hub_voucher(int argc, char **argv)
{
	static uint64_t number = 1;
	static const struct option_spec options[] = {
		{"count", "N", "make so many of them (1)", OPTION_U64, &number},
	};
	static const struct command_spec command = {.name = "hub voucher",
		.arguments = "AMOUNT",
		.summary = "Make a voucher: a code that is worth credit at this hub, once.",
		.details = "The code is printed and stored nowhere; the hub keeps its hash. "
			   "Whoever redeems it\n"
			   "first has the credit. Works beside a running soukd.",
		.examples = "  souk hub voucher 0.5\n  souk hub voucher 0.1 --count 20 --json",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_amount amount;
	struct hub_store store;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (souk_amount_parse(&amount, argv[0]) != SOUK_OK || amount.ncoin == 0) {
		cli_fail(command.name, argv[0], SOUK_LOCAL_BAD_AMOUNT, NULL);
		return EXIT_USAGE;
	}
	if (number < 1 || number > VOUCHERS_MAX) {
		fprintf(stderr, "souk hub voucher: --count takes 1 to %u\n", VOUCHERS_MAX);
		return EXIT_USAGE;
	}
	souk_status status = hub_store_open(&store, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail(command.name, cli_home_file("hub.mdb"), status, NULL);
	json_t *codes = json_array();
	for (uint64_t i = 0; i < number && status == SOUK_OK; i++) {
		char text[VOUCHER_TEXT_SIZE];
		status = make_voucher(&store, amount, text);
		if (status == SOUK_OK && cli_json)
			json_array_append_new(codes, json_string(text));
		else if (status == SOUK_OK)
			puts(text);
	}
	hub_store_close(&store);
	if (status == SOUK_OK && cli_json)
		cli_print_json(json_pack(
			"{s:I, s:O}", "amount_ncoin", (json_int_t)amount.ncoin, "vouchers", codes));
	json_decref(codes);
	return status == SOUK_OK ? 0 : cli_fail(command.name, "cannot store it", status, NULL);
}

struct accounts {
	struct cli_table *table;
	json_t *json;
	uint64_t credit, spent, unredeemed, unredeemed_count;
	uint64_t income, owed, units;
};

static souk_status show_account(
	void *ctx, const struct souk_address *address, const struct souk_hub_account_record *record)
{
	struct accounts *a = ctx;
	struct souk_amount left = {record->credit.ncoin - record->spent.ncoin};
	const char *cells[] = {cli_address_text(address), cli_amount_text(record->credit),
		cli_amount_text(record->spent), cli_amount_text(left)};
	a->credit += record->credit.ncoin;
	a->spent += record->spent.ncoin;
	if (cli_json)
		json_array_append_new(
			a->json, json_pack("{s:s, s:I, s:I}", "account", cells[0], "credit_ncoin",
					 (json_int_t)record->credit.ncoin, "spent_ncoin",
					 (json_int_t)record->spent.ncoin));
	else
		cli_table_add(a->table, cells);
	return SOUK_OK;
}

static souk_status add_voucher(void *ctx, const struct souk_hub_voucher_record *record)
{
	struct accounts *a = ctx;
	if (!record->redeemed) {
		a->unredeemed += record->amount.ncoin;
		a->unredeemed_count++;
	}
	return SOUK_OK;
}

static souk_status add_session(void *ctx, const struct souk_hub_session_record *record)
{
	struct accounts *a = ctx;
	a->units += record->unit;
	a->income += record->unit * record->strip.price.ncoin;
	a->owed += record->unit * record->strip_open.strip.price.ncoin;
	return SOUK_OK;
}

static souk_status read_accounts(struct accounts *a)
{
	struct hub_store store;
	souk_status status = hub_store_open(&store, cli_home_path(), true);
	if (status != SOUK_OK)
		return status;
	status = hub_store_each_account(&store, show_account, a);
	if (status == SOUK_OK)
		status = hub_store_each_voucher(&store, add_voucher, a);
	if (status == SOUK_OK)
		status = hub_store_each_session(&store, add_session, a);
	hub_store_close(&store);
	return status;
}

static void print_accounts(struct accounts *a)
{
	struct souk_amount fee = {a->income - a->owed};
	if (cli_json) {
		cli_print_json(json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			"accounts", a->json, "credit_ncoin", (json_int_t)a->credit, "spent_ncoin",
			(json_int_t)a->spent, "vouchers_open", (json_int_t)a->unredeemed_count,
			"vouchers_open_ncoin", (json_int_t)a->unredeemed, "units",
			(json_int_t)a->units, "income_ncoin", (json_int_t)a->income, "owed_ncoin",
			(json_int_t)a->owed, "fee_ncoin", (json_int_t)fee.ncoin));
		return;
	}
	cli_table_print(a->table);
	printf("\nopen vouchers  %" PRIu64 ", %s coins\n", a->unredeemed_count,
		cli_amount_text((struct souk_amount){a->unredeemed}));
	printf("units sold     %" PRIu64 " for %s coins, of which providers are owed %s\n",
		a->units, cli_amount_text((struct souk_amount){a->income}),
		cli_amount_text((struct souk_amount){a->owed}));
	printf("fees           %s coins\n", cli_amount_text(fee));
}

static int hub_accounts(int argc, char **argv)
{
	static const struct command_spec command = {.name = "hub accounts",
		.arguments = "",
		.summary = "List the accounts at this hub: what they put in and spent.",
		.examples = "  souk hub accounts --json"};
	static const char *const headings[] = {"account", "credit", "spent", "left"};
	static const bool is_number[] = {false, true, true, true};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct accounts a = {.json = json_array()};
	if (!cli_json)
		a.table = cli_table_new(4, headings, is_number);
	souk_status status = read_accounts(&a);
	if (status == SOUK_OK)
		print_accounts(&a);
	else
		cli_fail(command.name, cli_home_file("hub.mdb"), status, NULL);
	json_decref(a.json);
	return status == SOUK_OK ? 0 : EXIT_REFUSED;
}

/* What the configuration says of the hub. False where it says nothing, after saying so. */
static bool read_config(struct hub_node_config *config, char url[CONTROL_URL_SIZE])
{
	char error[SOUK_INI_ERROR_SIZE];
	struct souk_ini *ini;
	struct listen_address where;
	hub_node_config_default(config);
	souk_status status = souk_ini_read(&ini, cli_home_file("souk.ini"), error);
	if (status != SOUK_OK) {
		cli_fail("hub show", cli_home_file("souk.ini"), status, error);
		return false;
	}
	bool is_hub = souk_ini_has_section(ini, "hub");
	souk_ini_text(ini, "hub", "control", &config->control);
	souk_ini_text(ini, "hub", "url", &config->url);
	souk_ini_u64(ini, "hub", "escrow", 0, UINT64_MAX, &config->escrow);
	souk_ini_u64(ini, "hub", "fee_permille", 0, 1000, &config->fee_permille);
	souk_ini_u64(ini, "hub", "step", 1, SOUK_HUB_STEP_MAX, &config->step);
	is_hub = is_hub && listen_address_parse(&where, config->control);
	if (is_hub && config->url != NULL)
		snprintf(url, CONTROL_URL_SIZE, "%s", config->url);
	else if (is_hub)
		listen_address_url(url, &where, "https", where.port);
	souk_ini_free(ini);
	config->control = config->url = NULL;
	if (!is_hub)
		cli_fail("hub show", cli_home_file("souk.ini"), SOUK_LOCAL_NOT_FOUND,
			"no section [hub]; make one with: souk hub init");
	return is_hub;
}

static int hub_show(int argc, char **argv)
{
	static const struct command_spec command = {.name = "hub show",
		.arguments = "",
		.summary = "Show this hub's name, which customers need, and its terms.",
		.details = "The name states where the hub is and which TLS key is its own. Give "
			   "it along with\n"
			   "vouchers.",
		.examples = "  souk hub show --json"};
	struct hub_node_config config;
	struct souk_identity identity;
	struct souk_tls_key tls = {0};
	char url[CONTROL_URL_SIZE], name[CONTROL_NAME_SIZE];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!cli_load_identity(&identity) || !read_config(&config, url))
		return EXIT_REFUSED;
	souk_status status = souk_tls_key_open(&tls, cli_home_file("tls.pem"));
	if (status != SOUK_OK)
		return cli_fail(command.name, cli_home_file("tls.pem"), status, NULL);
	control_name_format(name, url, &tls.pin);
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I}", "hub", name, "address",
			cli_address_text(&identity.address), "escrow_number",
			(json_int_t)config.escrow, "fee_permille", (json_int_t)config.fee_permille,
			"step", (json_int_t)config.step));
	else
		printf("hub      %s\naddress  %s\nescrow   %" PRIu64 "\nfee      %" PRIu64
		       " in 1000\nstep     %" PRIu64 " units\n",
			name, cli_address_text(&identity.address), config.escrow,
			config.fee_permille, config.step);
	souk_tls_key_done(&tls);
	souk_bytes_wipe(&identity, sizeof identity);
	return 0;
}

/* ------------------------------------------------------------------ for customers */

struct visit {
	const char *command;
	struct souk_identity account;
	struct hub_client client;
	struct souk_hub_status hub;
	struct souk_signed_hub_statement statement;
};

/* 0, or the exit status after it said why. */
static int start_visit(struct visit *visit, const char *command)
{
	memset(visit, 0, sizeof *visit);
	visit->command = command;
	if (hub_name == NULL ||
		hub_client_init(&visit->client, hub_name, TIMEOUT_MS) == SOUK_LOCAL_USAGE) {
		fprintf(stderr,
			"souk %s: --hub takes a hub's name, https://HOST:PORT#PIN; its operator's "
			"souk hub show prints it\n",
			command);
		return EXIT_USAGE;
	}
	if (!cli_load_identity(&visit->account))
		return EXIT_REFUSED;
	souk_status status = hub_client_status(&visit->client, &visit->hub);
	if (status != SOUK_OK)
		return cli_fail(
			command, "cannot reach the hub", status, visit->client.control.detail);
	return 0;
}

static int end_visit(struct visit *visit, const char *what, souk_status status)
{
	const struct souk_hub_statement *s = &visit->statement.statement;
	if (status == SOUK_OK) {
		status = hub_statement_keep(cli_home_path(), &visit->statement);
		what = "cannot keep the hub's statement";
	}
	if (status != SOUK_OK) {
		cli_fail(visit->command, what, status, visit->client.control.detail);
		if (status == SOUK_PEER_NO_ACCOUNT)
			fprintf(stderr, "Put something in first: souk hub redeem CODE --hub "
					"NAME\n");
	} else if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "hub",
			cli_address_text(&s->hub), "account", cli_address_text(&s->account),
			"credit_ncoin", (json_int_t)s->credit.ncoin, "spent_ncoin",
			(json_int_t)s->spent.ncoin, "held_ncoin", (json_int_t)s->held.ncoin,
			"left_ncoin", (json_int_t)hub_statement_left(s).ncoin));
	} else {
		printf("credit   %s coins\nspent    %s\nheld     %s\nleft     %s\n",
			cli_amount_text(s->credit), cli_amount_text(s->spent),
			cli_amount_text(s->held), cli_amount_text(hub_statement_left(s)));
	}
	hub_client_done(&visit->client);
	souk_bytes_wipe(&visit->account, sizeof visit->account);
	return status == SOUK_OK ? 0 : EXIT_REFUSED;
}

static int hub_redeem(int argc, char **argv)
{
	static const struct option_spec options[] = {OPTION_HUB};
	static const struct command_spec command = {.name = "hub redeem",
		.arguments = "CODE",
		.summary = "Turn a voucher into credit at a hub.",
		.details = "Needs a home with an identity (souk init), and neither coins nor an "
			   "escrow. The hub's\n"
			   "signed statement is kept in HOME/hubs. Credit is prepaid: what it is "
			   "worth depends on\n"
			   "the hub.",
		.examples = "  souk hub redeem 0a1b2c3d-00000000-11111111-22222222 "
			    "--hub 'https://hub.example:7620#PIN'",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	static struct visit visit;
	struct souk_nonce voucher;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!parse_voucher(&voucher, argv[0])) {
		cli_fail(command.name, argv[0], SOUK_PEER_BAD_HEX,
			"a voucher is four groups of eight hex digits");
		return EXIT_USAGE;
	}
	int failed = start_visit(&visit, command.name);
	if (failed != 0)
		return failed;
	souk_status status = hub_client_redeem(
		&visit.client, &visit.hub.hub, &visit.account, &voucher, &visit.statement);
	return end_visit(&visit, "the hub refused", status);
}

static int hub_balance(int argc, char **argv)
{
	static const struct option_spec options[] = {OPTION_HUB};
	static const struct command_spec command = {.name = "hub balance",
		.arguments = "",
		.summary = "Show your credit at a hub.",
		.details = "The answer is signed by the hub, and kept in HOME/hubs as evidence.",
		.examples = "  souk hub balance --hub 'https://hub.example:7620#PIN'",
		.options = options,
		.option_count = 1};
	static struct visit visit;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	int failed = start_visit(&visit, command.name);
	if (failed != 0)
		return failed;
	souk_status status = hub_client_statement(
		&visit.client, &visit.hub.hub, &visit.account, cli_now(), &visit.statement);
	return end_visit(&visit, "the hub refused", status);
}

int cmd_hub(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"redeem", hub_redeem, "turn a voucher into credit"},
		{"balance", hub_balance, "show your credit"},
		{"init", hub_init, "operator: make this home a hub"},
		{"show", hub_show, "operator: the hub's name and terms"},
		{"voucher", hub_voucher, "operator: make vouchers"},
		{"accounts", hub_accounts, "operator: who has put in and spent how much"},
	};
	return cli_run_subcommand("hub", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
