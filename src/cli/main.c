/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "souk/io/entropy_real.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"init", cmd_init, "make a home: an identity and a configuration"},
	{"id", cmd_id, "show who you are"},
	{"balance", cmd_balance, "show what you have"},
	{"faucet", cmd_faucet, "get money on a test market"},
	{"send", cmd_send, "send coins to somebody"},
	{"escrow", cmd_escrow, "lock money, allot it, settle, take it back; hot keys"},
	{"agreement", cmd_agreement, "have a provider's deposit answer for what it sells you"},
	{"hub", cmd_hub, "buy through a hub, without an escrow; or be one"},
	{"offers", cmd_offers, "list providers, or who sells a content and for how much"},
	{"get", cmd_get, "buy a file"},
	{"add", cmd_add, "put files and folders on sale"},
	{"earnings", cmd_earnings, "show what a provider sold, is owed and was paid"},
	{"cache", cmd_cache, "show what a cache holds, and what that earned"},
	{"publish", cmd_publish, "have a file served to viewers who pay nothing"},
	{"sponsor", cmd_sponsor, "see what is served at your expense, and stop it"},
	{"share", cmd_share, "let somebody read a file until a date, by proxies"},
	{"unshare", cmd_unshare, "take a share back"},
	{"shares", cmd_shares, "show what is shared, and with whom"},
	{"name", cmd_name, "have a label of yours stand for one content after another"},
	{"key", cmd_key, "your keys: wrap, sign, rotate, delegate; and a log of all of it"},
	{"torrent", cmd_torrent, "to and from BitTorrent: torrent files, seeds, swarms"},
	{"ledger", souk_cmd_ledger, "make, read, export, verify, prune and check a ledger"},
	{"policy", cmd_policy, "say what a choice of window, prize and deposit means"},
	{"sim", cmd_sim, "simulate a market, with faults and cheats; sweep, replay, shrink"},
	{"bench", cmd_bench, "measure, beside the peers"},
	{"version", cmd_version, "show the version"},
};

static void print_help(FILE *out)
{
	fputs("usage: souk COMMAND [arguments] [options]\n\n"
	      "Buy and sell digital resources by the unit, without trusting the other side.\n\n"
	      "commands:\n",
		out);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nsouk COMMAND --help tells more about one. The daemon is soukd; man souk has "
	      "both.\n",
		out);
}

/* Where what was said did not get out, it was not said: a full disk behind a pipe is no success. */
static int after_output(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	fputs("souk: writing the output failed\n", stderr);
	return status == 0 ? EXIT_REFUSED : status;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(0, argv + 2);
	if (souk_entropy_blind() != SOUK_OK) {
		fputs("souk: the system gives no randomness\n", stderr);
		return EXIT_REFUSED;
	}
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return after_output(commands[i].run(argc - 2, argv + 2));
	}
	fprintf(stderr, "souk: no command %s; souk --help lists them\n", argv[1]);
	return EXIT_USAGE;
}
