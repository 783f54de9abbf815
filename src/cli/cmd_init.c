/* SPDX-License-Identifier: Apache-2.0
 *
 * init: a home with an identity and a configuration that explains itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "sponsor_home.h"
#include "../client/identity_file.h"
#include "souk/io/file.h"

static const char *role = "customer";
static const char *control = "127.0.0.1:7610";
static const char *data = "127.0.0.1:7611";
static const char *listen_on;		    /* NULL: as the role has it */
static struct souk_amount price = {100000}; /* 0.0001 coins for 256 KiB */

static uint64_t cache_size; /* 0: no cache */
static const char *viewers = "127.0.0.1:7630";

#define CACHE_EXAMPLE  (10ull << 30)
#define LISTEN_GATEWAY "127.0.0.1:7680"
#define LISTEN_VAULT   "127.0.0.1:7690"

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
	"# Let it follow demand between these.\n"
	"# price_min = 0.00005\n"
	"# price_max = 0.0005\n"
	"# Be a cache: disk for what sponsors have this provider fetch; and what a day's\n"
	"# fetching may cost, from an escrow of this home (souk escrow open, souk cache).\n"
	"%scache = %s\n"
	"# cache_budget = 1\n"
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
	"# Be a proxy: keep key fragments, and re-encrypt for those who pay (man souk.ini).\n"
	"# keys = no\n"
	"# Whose names to keep and hand out beside your own, by address (souk name --help).\n"
	"# publishers = 0x0123456789abcdef0123456789abcdef01234567\n"
	"# Threads that encrypt and send units.\n"
	"# threads = 1\n"
	"# Sessions open at once; each takes about 40 KiB.\n"
	"# sessions = 256\n"
	"# How often accepted tickets are made durable: what a crash may cost you.\n"
	"# commit = 50ms\n";

static const char config_gateway[] =
	"\n"
	"[gateway]\n"
	"# Where browsers, curl and players ask (plain HTTP; there is no password: keep it on "
	"loopback).\n"
	"listen = %s\n"
	"# Disk for what was fetched; the oldest and least wanted goes first. A home that is a "
	"provider,\n"
	"# too, has one cache for both: [provider] cache.\n"
	"# cache = 10GiB\n"
	"# Who pays: sponsor-first (the publisher's sponsor, else you), sponsor, or own.\n"
	"# payer = sponsor-first\n"
	"# Coins of your own that may be spent in a day (UTC), and for a unit (256 KiB).\n"
	"# budget = 1\n"
	"# price_max = 0.001\n"
	"# Which of your escrows pays, or a hub that you have credit at.\n"
	"# escrow = 0\n"
	"# hub = https://hub.example:7620#...\n"
	"# How far ahead of a reader to fetch, at most; less at first, and after a jump.\n"
	"# read_ahead = 16MiB\n"
	"# How long to wait for a part before giving up; how long to go on when nobody reads.\n"
	"# wait = 30s\n"
	"# idle = 5s\n"
	"# Pages elsewhere that may embed and fetch; further names this gateway answers to.\n"
	"# pages = https://site.example\n"
	"# hosts = media.home.example\n"
	"# Show the pages of each content under an origin of its own, so that none reads "
	"another's.\n"
	"# own_origins = yes\n";

static const char config_vault[] =
	"\n"
	"[vault]\n"
	"# Where programs of this machine ask for your keys (plain HTTP: keep it on loopback).\n"
	"# They send what HOME/vault.token holds; the API is at /v1/openapi.json.\n"
	"listen = %s\n"
	"# What opens the vault, where vault.secret does not: a file with a passphrase.\n"
	"# passphrase_file = /run/secrets/vault\n"
	"# How often, or after how many entries, the log's root goes onto the ledger; 0s: never.\n"
	"# anchor = 1d\n"
	"# anchor_entries = 1000\n"
	"# Further names it answers to.\n"
	"# hosts = vault.home.example\n";

/* A role of its own adds its section behind the head that all share. */
/* Exactly, as souk.ini takes it. */
static const char *size_text(uint64_t bytes)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB"};
	static char text[32];
	unsigned unit = 0;
	while (unit < 3 && bytes > 0 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, sizeof text, "%ju%s", (uintmax_t)bytes, units[unit]);
	return text;
}

static int write_provider(char *out, size_t size)
{
	return snprintf(out, size, config_provider, control, data, cli_amount_text(price),
		cache_size == 0 ? "# " : "",
		size_text(cache_size == 0 ? CACHE_EXAMPLE : cache_size));
}

/* The seed, from which caches pull, and who pays them. */
static int write_sponsor(char *out, size_t size)
{
	int used = write_provider(out, size);
	return used + snprintf(out + used, size - (size_t)used, config_sponsor, viewers);
}

static int write_gateway(char *out, size_t size)
{
	return snprintf(out, size, config_gateway, listen_on != NULL ? listen_on : LISTEN_GATEWAY);
}

static int write_vault(char *out, size_t size)
{
	return snprintf(out, size, config_vault, listen_on != NULL ? listen_on : LISTEN_VAULT);
}

static int write_nothing(char *out, size_t size)
{
	(void)out;
	(void)size;
	return 0;
}

static const struct role {
	const char *name, *next;
	int (*write)(char *out, size_t size);
} roles[] = {
	{"customer", "souk faucet 100, then souk escrow open", write_nothing},
	{"provider", "souk add FILE, then soukd", write_provider},
	{"sponsor", "souk faucet 100, then soukd, then souk publish FILE --budget 5",
		write_sponsor},
	{"gateway",
		"soukd, then open http://127.0.0.1:7680/ (own money: souk faucet 100, souk escrow "
		"open)",
		write_gateway},
	{"vault", "souk key create LABEL, then soukd; its token is in HOME/vault.token",
		write_vault},
};

/* A cache sells what others publish, and pays for fetching that. */
static const char *next_of(const struct role *chosen)
{
	bool is_cache = cache_size != 0 && chosen->write == write_provider;
	return is_cache ? "souk faucet 5, then souk escrow open --line 1, then soukd"
			: chosen->next;
}

static souk_status write_config(const char *path, const struct role *chosen)
{
	char text[8192];
	int size = snprintf(text, sizeof text, cli_config_head, cli_ledger_url());
	size += chosen->write(text + size, sizeof text - (size_t)size);
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

static int init_home(const char *command, const struct role *chosen)
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
	status = exists(config_path) ? SOUK_OK : write_config(config_path, chosen);
	if (status != SOUK_OK)
		return cli_fail(command, config_path, status, NULL);
	if (cli_json) {
		cli_print_json(
			json_pack("{s:s, s:s, s:s}", "address", cli_address_text(&identity.address),
				"home", cli_home_path(), "config", config_path));
	} else {
		printf("home     %s\naddress  %s\n", cli_home_path(),
			cli_address_text(&identity.address));
		printf("next     %s\n", next_of(chosen));
	}
	souk_bytes_wipe(&identity, sizeof identity);
	return 0;
}

int cmd_init(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"role", "ROLE", "customer, provider, sponsor, gateway or vault (customer)",
			OPTION_TEXT, &role},
		{"control", "ADDR:PORT", "provider: where to take orders (127.0.0.1:7610)",
			OPTION_TEXT, &control},
		{"data", "ADDR:PORT", "provider: where to deliver (127.0.0.1:7611)", OPTION_TEXT,
			&data},
		{"price", "COINS", "provider: of one unit of 256 KiB (0.0001)", OPTION_AMOUNT,
			&price},
		{"cache", "SIZE", "provider: be a cache for sponsors, with so much disk (none)",
			OPTION_SIZE, &cache_size},
		{"viewers", "ADDR:PORT", "sponsor: where viewers ask (127.0.0.1:7630)", OPTION_TEXT,
			&viewers},
		{"listen", "ADDR:PORT", "gateway, vault: where to answer (127.0.0.1:7680, :7690)",
			OPTION_TEXT, &listen_on},
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
			"  souk init\n  souk init --home ~/seller --role provider --price 0.0002\n"
			"  souk init --home ~/cache --role provider --cache 10GiB\n"
			"  souk init --home ~/viewer --role gateway\n"
			"  souk init --home ~/publisher --role sponsor\n"
			"  souk init --home ~/keys --role vault",
		.options = options,
		.option_count = sizeof options / sizeof *options};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(role, roles[i].name) == 0)
			return init_home(command.name, &roles[i]);
	}
	fprintf(stderr,
		"souk init: --role takes customer, provider, sponsor, gateway or "
		"vault, not \"%s\"\n",
		role);
	return EXIT_USAGE;
}
