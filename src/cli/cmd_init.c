/* SPDX-License-Identifier: Apache-2.0
 *
 * init: a home with an identity and a configuration that explains itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "../client/identity_file.h"
#include "souk/io/file.h"

static const char *role = "customer";
static const char *control = "127.0.0.1:7610";
static const char *data = "127.0.0.1:7611";
static struct souk_amount price = {100000}; /* 0.0001 coins for 256 KiB */

static const char config_provider[] =
	"\n"
	"[provider]\n"
	"# Where customers ask for offers and sessions (HTTPS, a key of its own).\n"
	"control = %s\n"
	"# Where units are fetched (plain HTTP; units are encrypted by themselves).\n"
	"data = %s\n"
	"# How others reach those two, where that differs from the addresses above.\n"
	"# control_url = https://seller.example:7610\n"
	"# data_url = http://seller.example:7611\n"
	"# Price in coins of one unit (256 KiB), for content added without a price of its own.\n"
	"price = %s\n"
	"# Defaults for a young or a mature network (souk policy explain): young or mature.\n"
	"# policy = none\n"
	"# Units a customer may have received and not yet paid: the most that one can owe you.\n"
	"# window = 8\n"
	"# Coins locked on the ledger as a provider's deposit (at least the ledger's minimum).\n"
	"# deposit = 1\n"
	"# On a test market: get the deposit from the faucet when the account is short of it.\n"
	"# faucet = yes\n"
	"# Enter into agreements: deposits that answer for what you sell (man souk.ini).\n"
	"# agreements = no\n"
	"# Whose names to keep and hand out beside your own, by address (souk name --help).\n"
	"# publishers = 0x0123456789abcdef0123456789abcdef01234567\n"
	"# Threads that encrypt and send units.\n"
	"# threads = 1\n"
	"# Sessions open at once; each takes about 40 KiB.\n"
	"# sessions = 256\n"
	"# How often accepted tickets are made durable: what a crash may cost you.\n"
	"# commit = 50ms\n";

static souk_status write_config(const char *path, bool is_provider)
{
	char text[4096];
	int size = snprintf(text, sizeof text, cli_config_head, cli_ledger_url());
	if (is_provider)
		size += snprintf(text + size, sizeof text - (size_t)size, config_provider, control,
			data, cli_amount_text(price));
	return souk_file_write_atomic(path, souk_bytes_of(text, (size_t)size), true);
}

static bool exists(const char *path)
{
	char *content;
	size_t size;
	souk_status status = souk_file_read(path, 1 << 16, &content, &size);
	if (status == SOUK_OK)
		free(content);
	return status != SOUK_LOCAL_NOT_FOUND;
}

static int init_home(const char *command, bool is_provider)
{
	struct souk_identity identity;
	const char *key_path = cli_home_file("identity.key");
	const char *config_path = cli_home_file("souk.ini");
	souk_status status = souk_file_make_folders(cli_home_path());
	if (status != SOUK_OK)
		return cli_fail(command, cli_home_path(), status, NULL);
	if (exists(key_path)) {
		fprintf(stderr,
			"souk init: %s holds an identity already, and was left as it is.\n"
			"Choose another home with --home DIR.\n",
			cli_home_path());
		return EXIT_REFUSED;
	}
	status = identity_file_make(&identity, key_path);
	if (status != SOUK_OK)
		return cli_fail(command, key_path, status, NULL);
	status = exists(config_path) ? SOUK_OK : write_config(config_path, is_provider);
	if (status != SOUK_OK)
		return cli_fail(command, config_path, status, NULL);
	if (cli_json) {
		cli_print_json(
			json_pack("{s:s, s:s, s:s}", "address", cli_address_text(&identity.address),
				"home", cli_home_path(), "config", config_path));
	} else {
		printf("home     %s\naddress  %s\n", cli_home_path(),
			cli_address_text(&identity.address));
		printf("next     %s\n", is_provider ? "souk add FILE, then soukd"
						    : "souk faucet 100, then souk escrow open");
	}
	souk_bytes_wipe(&identity, sizeof identity);
	return 0;
}

int cmd_init(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"role", "ROLE", "customer or provider (customer)", OPTION_TEXT, &role},
		{"control", "ADDR:PORT", "provider: where to take orders (127.0.0.1:7610)",
			OPTION_TEXT, &control},
		{"data", "ADDR:PORT", "provider: where to deliver (127.0.0.1:7611)", OPTION_TEXT,
			&data},
		{"price", "COINS", "provider: of one unit of 256 KiB (0.0001)", OPTION_AMOUNT,
			&price},
	};
	static const struct command_spec command = {.name = "init",
		.arguments = "",
		.summary = "Make a home: an identity and a configuration.",
		.details =
			"The identity is a secp256k1 key; its Ethereum address is your name here. "
			"Whoever\n"
			"has HOME/identity.key has your money: back it up, and show it to nobody.\n"
			"A ledger's home is made by souk ledger init.",
		.examples =
			"  souk init\n  souk init --home ~/seller --role provider --price 0.0002",
		.options = options,
		.option_count = 4};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	bool is_provider = strcmp(role, "provider") == 0;
	if (!is_provider && strcmp(role, "customer") != 0) {
		fprintf(stderr, "souk init: --role takes customer or provider, not \"%s\"\n", role);
		return EXIT_USAGE;
	}
	return init_home(command.name, is_provider);
}
