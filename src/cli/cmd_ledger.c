/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger: make one, look at it, end an epoch early. The log is in cmd_ledger_log.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_ledger.h"
#include "policy_name.h"
#include "../client/identity_file.h"
#include "../daemon/ledger_home.h"
#include "souk/io/file.h"
#include "souk/io/ini.h"

/* ---- init ---- */

static const char *name = "souk";
static const char *listen_on = "127.0.0.1:7600";
/* The periods: what an option said, else what the policy says. */
#define UNSET UINT64_MAX
static uint64_t epoch_ms = UNSET, draw_delay_ms = UNSET, claim_ms = UNSET;
static uint64_t unlock_ms = UNSET, unbond_ms = UNSET, notice_ms = UNSET;
static const char *policy;
static uint64_t beacon_count = SOUK_CHAIN_LENGTH_MAX;
static struct souk_amount deposit_min = {SOUK_NCOIN_PER_COIN};
static struct souk_amount faucet_max = {1000ull * SOUK_NCOIN_PER_COIN};

static const char config_ledger[] =
	"\n"
	"[ledger]\n"
	"# Where transactions are taken and questions answered (HTTP).\n"
	"listen = %s\n"
	"# A block at most so often; whatever waits goes into one block, with one fsync.\n"
	"# block = 50ms\n"
	"# Replace blocks older than so many by a snapshot; 0 keeps all.\n"
	"# keep_blocks = 0\n";

/* The operator's key: the home's, or a fresh one. */
static bool find_operator(struct souk_identity *ret)
{
	const char *path = cli_home_file("identity.key");
	if (access(path, F_OK) == 0)
		return cli_load_identity(ret);
	souk_status status = identity_file_make(ret, path);
	if (status != SOUK_OK)
		cli_fail("ledger init", path, status, NULL);
	return status == SOUK_OK;
}

static int format_head(char *out, size_t size)
{
	char url[256];
	snprintf(url, sizeof url, "http://%s", listen_on);
	return snprintf(out, size, cli_config_head, url);
}

/* Write souk.ini, or add the section to the one that is there. */
static souk_status write_config(const char *path)
{
	char text[8192], error[SOUK_INI_ERROR_SIZE];
	char *old = NULL;
	size_t old_size = 0;
	struct souk_ini *ini;
	int size = 0;
	if (souk_ini_read(&ini, path, error) == SOUK_OK) {
		bool has_section = souk_ini_has_section(ini, "ledger");
		souk_ini_free(ini);
		if (has_section)
			return SOUK_OK;
	}
	souk_status status = souk_file_read(path, sizeof text / 2, &old, &old_size);
	if (status == SOUK_LOCAL_NOT_FOUND)
		size = format_head(text, sizeof text);
	else if (status == SOUK_OK)
		size = snprintf(text, sizeof text, "%s", old);
	else
		return status;
	free(old);
	size += snprintf(text + size, sizeof text - (size_t)size, config_ledger, listen_on);
	return souk_file_write_atomic(path, souk_bytes_of(text, (size_t)size), true);
}

static void fill_periods(struct souk_genesis *genesis)
{
	const struct {
		uint64_t *field;
		uint64_t asked, usual;
	} periods[] = {
		{&genesis->epoch_ms, epoch_ms, 3600000},
		{&genesis->draw_delay_ms, draw_delay_ms, 10000},
		{&genesis->claim_ms, claim_ms, 3600000},
		{&genesis->unlock_ms, unlock_ms, 3600000},
		{&genesis->unbond_ms, unbond_ms, 86400000},
		{&genesis->notice_ms, notice_ms, 5000},
	};
	const struct souk_policy *found =
		policy == NULL ? NULL : souk_policy_find("content", policy);
	for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
		*periods[i].field = periods[i].usual;
	if (found != NULL)
		souk_policy_periods(genesis, found);
	for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
		if (periods[i].asked != UNSET)
			*periods[i].field = periods[i].asked;
	}
}

static souk_status fill_genesis(struct souk_genesis *genesis, const struct souk_identity *operator)
{
	*genesis = (struct souk_genesis){
		.version = SOUK_GENESIS_VERSION,
		.created = cli_now(),
		.operator= operator->address,
		.deposit_min = deposit_min,
		.faucet_max = faucet_max,
		.beacon_count = beacon_count > UINT32_MAX ? UINT32_MAX : (uint32_t)beacon_count,
	};
	fill_periods(genesis);
	return souk_text_set(&genesis->name, name);
}

static int explain_init_failure(souk_status status, const char *what)
{
	int code = cli_fail("ledger init", what, status, NULL);
	if (status == SOUK_LOCAL_CONFIG)
		fprintf(stderr,
			"An epoch and a claim window must last; draw delay and claim window "
			"together at most 6 "
			"epochs;\n"
			"and at most %u beacons.\n",
			SOUK_CHAIN_LENGTH_MAX);
	if (status == SOUK_LOCAL_EXISTS)
		fprintf(stderr, "%s holds a ledger already, and it was left as it is.\n",
			cli_home_path());
	return code;
}

static void print_made(const struct souk_genesis *genesis)
{
	struct souk_hash id = souk_genesis_digest(genesis);
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:s, s:s}", "ledger", cli_hash_text(&id),
			"name", genesis->name.text, "operator",
			cli_address_text(&genesis->operator), "home", cli_home_path()));
		return;
	}
	printf("ledger    %s\nname      %s\noperator  %s\nhome      %s\nnext      soukd --home "
	       "%s\n",
		cli_hash_text(&id), genesis->name.text, cli_address_text(&genesis->operator),
		cli_home_path(), cli_home_path());
}

static int make_ledger(void)
{
	struct souk_identity operator;
	struct souk_genesis genesis;
	const char *what = "--name";
	souk_status status = souk_file_make_folders(cli_home_path());
	if (status != SOUK_OK)
		return cli_fail("ledger init", cli_home_path(), status, NULL);
	if (!find_operator(&operator))
		return EXIT_REFUSED;
	status = fill_genesis(&genesis, &operator);
	souk_bytes_wipe(&operator, sizeof operator);
	if (status == SOUK_OK)
		status = ledger_home_create(cli_home_path(), &genesis, &what);
	if (status != SOUK_OK)
		return explain_init_failure(status, what);
	status = write_config(cli_home_file("souk.ini"));
	if (status != SOUK_OK)
		return cli_fail("ledger init", "souk.ini", status, NULL);
	print_made(&genesis);
	return 0;
}

static int ledger_init(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"name", "NAME", "what the ledger is called (souk)", OPTION_TEXT, &name},
		{"listen", "ADDR:PORT", "where it answers (127.0.0.1:7600)", OPTION_TEXT,
			&listen_on},
		{"epoch", "TIME", "how long a value line lasts (1h)", OPTION_DURATION, &epoch_ms},
		{"draw-delay", "TIME", "from an epoch's end to its draw (10s)", OPTION_DURATION,
			&draw_delay_ms},
		{"claim", "TIME", "from the draw to the last claim (1h)", OPTION_DURATION,
			&claim_ms},
		{"unlock", "TIME", "from closing an escrow to its withdrawal (1h)", OPTION_DURATION,
			&unlock_ms},
		{"unbond", "TIME", "from unbonding a deposit to its withdrawal (1d)",
			OPTION_DURATION, &unbond_ms},
		{"notice", "TIME", "least notice of ending an epoch early; 0ms: never (5s)",
			OPTION_DURATION, &notice_ms},
		{"policy", "NAME", "young or mature: its periods, where no option says otherwise",
			OPTION_TEXT, &policy},
		{"deposit-min", "COINS", "a provider's deposit, at least (1)", OPTION_AMOUNT,
			&deposit_min},
		{"faucet-max", "COINS", "test money per call; 0: none (1000)", OPTION_AMOUNT,
			&faucet_max},
		{"beacons", "N", "draws that can ever be made (65536)", OPTION_U64, &beacon_count},
	};
	static const struct command_spec command = {.name = "ledger init",
		.arguments = "",
		.summary = "Make the home of a ledger: its rules, its beacons, its operator's key.",
		.details =
			"The rules cannot be changed later: their hash is the ledger's name. Who "
			"has\nHOME/beacon.seed knows every draw beforehand: keep it as secret as "
			"the key.",
		.examples = "  souk ledger init --home ~/ledger --name bazaar --epoch 10m\n"
			    "  soukd --home ~/ledger",
		.options = options,
		.option_count = sizeof options / sizeof *options};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (policy != NULL && policy_named(command.name, "content", policy) == NULL)
		return EXIT_USAGE;
	return make_ledger();
}

/* ---- show ---- */

static const char *show_account, *show_escrow, *show_provider, *show_epoch;

static const char *time_text(struct souk_time time)
{
	static char texts[4][40];
	static unsigned next;
	char *text = texts[next++ % 4];
	time_t seconds = (time_t)(time.ms / 1000);
	struct tm parts;
	if (time.ms == 0 || time.ms / 1000 > 253402300799u || gmtime_r(&seconds, &parts) == NULL)
		return "-";
	size_t size = strftime(text, 32, "%Y-%m-%d %H:%M:%S", &parts);
	snprintf(text + size, 40 - size, ".%03u", (unsigned)(time.ms % 1000));
	return text;
}

static void print_epoch(uint64_t number, const struct souk_epoch_record *epoch)
{
	printf("epoch        %" PRIu64 "\nstart        %s\nend          %s\n", number,
		time_text(epoch->start), time_text(epoch->end));
	if (epoch->drawn)
		printf("drawn        %s\nbeacon       %s\n", time_text(epoch->drawn_at),
			cli_hash_text(&epoch->beacon));
	else
		printf("drawn        not yet\n");
}

static void print_ledger(const struct souk_ledger_status *status)
{
	const struct souk_ledger_record *record = &status->record;
	printf("ledger       %s\nname         %s\noperator     %s\n",
		cli_hash_text(&record->ledger), status->genesis.name.text,
		cli_address_text(&status->genesis.operator));
	printf("height       %" PRIu64 "\nlast block   %s\nlast time    %s\n", record->height,
		cli_hash_text(&record->last), time_text(record->time));
	printf("transactions %" PRIu64 "\naccounts     %" PRIu64 "\nescrows      %" PRIu64 "\n",
		record->tx_count, record->account_count, record->escrow_count);
	printf("minted       %s coins\n", cli_amount_text(record->minted));
	printf("  accounts   %s\n", cli_amount_text(record->accounts));
	printf("  escrows    %s\n", cli_amount_text(record->escrows));
	printf("  deposits   %s\n", cli_amount_text(record->deposits));
	printf("  burned     %s\n", cli_amount_text(record->burned));
	print_epoch(record->epoch, &status->epoch);
	printf("next draw    epoch %" PRIu64 "\n", record->next_draw);
}

static void print_escrow(const struct souk_escrow_record *escrow)
{
	static const char *const headings[] = {"epoch", "segments", "reserved", "paid"};
	static const bool is_number[] = {true, true, true, true};
	printf("payer        %s\nline         %s coins an epoch\nprize        %s\n"
	       "free         %s\nclosing      %s\n",
		cli_address_text(&escrow->payer), cli_amount_text(escrow->line),
		cli_amount_text(escrow->prize), cli_amount_text(escrow->free),
		escrow->closing ? time_text(escrow->unlock) : "no");
	if (escrow->open.count == 0)
		return;
	struct cli_table *table = cli_table_new(4, headings, is_number);
	for (uint16_t i = 0; i < escrow->open.count; i++) {
		const struct souk_open_epoch *open = &escrow->open.items[i];
		char epoch[24], segments[16];
		snprintf(epoch, sizeof epoch, "%" PRIu64, open->epoch);
		snprintf(segments, sizeof segments, "%" PRIu32, open->segments);
		const char *cells[] = {epoch, segments, cli_amount_text(open->reserved),
			cli_amount_text(open->paid)};
		cli_table_add(table, cells);
	}
	puts("");
	cli_table_print(table);
}

static souk_status show_one_account(struct souk_chain_client *client)
{
	struct souk_address address;
	struct souk_account_record record;
	souk_status status = souk_hex_decode(address.bytes, sizeof address.bytes, show_account);
	if (status == SOUK_OK)
		status = souk_chain_account(client, &address, &record);
	if (status == SOUK_OK)
		printf("account      %s\nbalance      %s coins\nnonce        %" PRIu64 "\n",
			cli_address_text(&address), cli_amount_text(record.balance), record.nonce);
	return status == SOUK_OK ? ledger_print_history(client, show_account) : status;
}

static souk_status show_one_escrow(struct souk_chain_client *client)
{
	struct souk_hash id;
	struct souk_escrow_record record;
	souk_status status = souk_hex_decode(id.bytes, sizeof id.bytes, show_escrow);
	if (status == SOUK_OK)
		status = souk_chain_escrow(client, &id, &record);
	if (status == SOUK_OK)
		print_escrow(&record);
	return status;
}

static souk_status show_one_provider(struct souk_chain_client *client)
{
	struct souk_address address;
	struct souk_provider_record record;
	souk_status status = souk_hex_decode(address.bytes, sizeof address.bytes, show_provider);
	if (status == SOUK_OK)
		status = souk_chain_provider(client, &address, &record);
	if (status == SOUK_OK)
		printf("provider     %s\ndeposit      %s coins\nunbonding    %s\ncontrol      "
		       "%s\ntls pin      %s\n",
			cli_address_text(&address), cli_amount_text(record.deposit),
			record.unbonding ? time_text(record.unlock) : "no", record.control_url.text,
			cli_hash_text(&record.tls_pin));
	return status;
}

static souk_status show_one_epoch(struct souk_chain_client *client)
{
	uint64_t number;
	struct souk_epoch_record record;
	if (!option_parse_u64(&number, show_epoch))
		return SOUK_LOCAL_USAGE;
	souk_status status = souk_chain_epoch(client, number, &record);
	if (status == SOUK_OK)
		print_epoch(number, &record);
	return status;
}

static souk_status show_whole(struct souk_chain_client *client)
{
	struct souk_ledger_status ledger;
	souk_status status = souk_chain_status(client, &ledger);
	if (status == SOUK_OK)
		print_ledger(&ledger);
	return status;
}

/* What the ledger itself says, as it says it. */
static souk_status show_json(struct souk_chain_client *client)
{
	char path[256], *text;
	const char *argument = show_account    ? show_account
			       : show_escrow   ? show_escrow
			       : show_provider ? show_provider
					       : show_epoch;
	const char *table = show_account    ? "accounts"
			    : show_escrow   ? "escrows"
			    : show_provider ? "providers"
					    : "epochs";
	if (argument == NULL)
		snprintf(path, sizeof path, "/v1/status");
	else
		snprintf(path, sizeof path, "/v1/%s/%s", table, argument);
	souk_status status = souk_chain_get_json(client, path, &text);
	if (status != SOUK_OK)
		return status;
	if (show_account != NULL)
		status = ledger_print_history_json(client, show_account, text);
	else
		puts(text);
	free(text);
	return status;
}

static int ledger_show(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"account", "ADDRESS", "an account", OPTION_TEXT, &show_account},
		{"escrow", "ID", "an escrow", OPTION_TEXT, &show_escrow},
		{"epoch", "N", "an epoch", OPTION_TEXT, &show_epoch},
		{"provider", "ADDRESS", "a registered provider", OPTION_TEXT, &show_provider},
	};
	static const struct command_spec command = {.name = "ledger show",
		.arguments = "",
		.summary = "Show the ledger, or one thing on it.",
		.examples = "  souk ledger show\n  souk ledger show --epoch 3 --json",
		.options = options,
		.option_count = 4};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct souk_chain_client *client = cli_open_ledger();
	souk_status status = cli_json	     ? show_json(client)
			     : show_account  ? show_one_account(client)
			     : show_escrow   ? show_one_escrow(client)
			     : show_provider ? show_one_provider(client)
			     : show_epoch    ? show_one_epoch(client)
					     : show_whole(client);
	int code = status == SOUK_OK
			   ? 0
			   : cli_fail_ledger(command.name, "cannot show that", status, client);
	souk_chain_client_free(client);
	return code;
}

/* ---- close-epoch ---- */

/* Time for the transaction to get into a block; notice counts from the block. */
#define CLOSE_SLACK_MS 500

static uint64_t close_in_ms;

static souk_status submit_close(struct souk_chain_client *client,
	const struct souk_identity *identity, struct souk_tx_epoch_close *ret,
	struct souk_ledger_status *ledger)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_EPOCH_CLOSE};
	souk_status status = souk_chain_status(client, ledger);
	if (status != SOUK_OK)
		return status;
	uint64_t wait_ms = ledger->genesis.notice_ms + CLOSE_SLACK_MS;
	if (wait_ms < close_in_ms)
		wait_ms = close_in_ms;
	body.epoch_close.end = souk_time_plus_ms(cli_now(), wait_ms);
	*ret = body.epoch_close;
	/* An epoch that ends by itself before that needs no help. */
	if (!souk_time_is_before(ret->end, ledger->epoch.end)) {
		ret->end = ledger->epoch.end;
		return SOUK_OK;
	}
	return souk_chain_submit(client, &body, identity, NULL);
}

static int ledger_close_epoch(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"in", "TIME", "how long from now (the ledger's least notice)", OPTION_DURATION,
			&close_in_ms},
	};
	static const struct command_spec command = {.name = "ledger close-epoch",
		.arguments = "",
		.summary = "End the current epoch early; only the ledger's operator may.",
		.examples = "  souk ledger close-epoch --home ~/ledger",
		.options = options,
		.option_count = 1};
	struct souk_identity identity;
	struct souk_ledger_status ledger;
	struct souk_tx_epoch_close close;
	int count, code = 0;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	struct souk_chain_client *client = cli_open_ledger();
	souk_status status = submit_close(client, &identity, &close, &ledger);
	if (status != SOUK_OK)
		code = cli_fail_ledger(command.name, "the ledger refused", status, client);
	else if (cli_json)
		cli_print_json(json_pack("{s:I, s:I, s:I}", "epoch",
			(json_int_t)ledger.record.epoch, "end_ms", (json_int_t)close.end.ms,
			"draw_ms", (json_int_t)(close.end.ms + ledger.genesis.draw_delay_ms)));
	else
		printf("epoch %" PRIu64 " ends at %s UTC; its beacon may be drawn from %s\n",
			ledger.record.epoch, time_text(close.end),
			time_text(souk_time_plus_ms(close.end, ledger.genesis.draw_delay_ms)));
	souk_bytes_wipe(&identity, sizeof identity);
	souk_chain_client_free(client);
	return code;
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"init", ledger_init, "make the home of a ledger"},
	{"show", ledger_show, "show the ledger, an account, an escrow, an epoch or a provider"},
	{"log", ledger_log, "list its blocks and transactions"},
	{"export", ledger_export, "save its log"},
	{"verify", ledger_verify, "replay a saved log and say whether it is true"},
	{"snapshot", ledger_snapshot, "save its state, as its operator signed it"},
	{"prune", ledger_prune, "replace old blocks by a snapshot"},
	{"check", ledger_check, "compare what is stored with what its blocks lead to"},
	{"close-epoch", ledger_close_epoch, "end the current epoch early"},
};

static void print_help(FILE *out)
{
	fputs("usage: souk ledger COMMAND [arguments] [options]\n\ncommands:\n", out);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fputs("\nsouk ledger COMMAND --help tells more about one.\n", out);
}

int souk_cmd_ledger(int argc, char **argv)
{
	if (argc < 1) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "souk ledger: no command %s; souk ledger --help lists them\n", argv[0]);
	return EXIT_USAGE;
}
