/* SPDX-License-Identifier: Apache-2.0
 *
 * id, balance, faucet, send, version: what concerns an account. */
#include <stdio.h>

#include "cli.h"

#ifndef SOUK_VERSION
#define SOUK_VERSION "unknown"
#endif

int cmd_version(int argc, char **argv)
{
	static const struct command_spec command = {
		.name = "version", .arguments = "", .summary = "Show the version."};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (cli_json)
		cli_print_json(json_pack("{s:s}", "version", SOUK_VERSION));
	else
		puts("souk " SOUK_VERSION);
	return 0;
}

int cmd_id(int argc, char **argv)
{
	static const struct command_spec command = {.name = "id",
		.arguments = "",
		.summary = "Show the address of this home's identity.",
		.examples = "  souk id\n  souk id --json"};
	struct souk_identity identity;
	char pubkey[2 * SOUK_PUBKEY_SIZE + 1];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	souk_hex_encode(pubkey, identity.pubkey.bytes, SOUK_PUBKEY_SIZE);
	if (cli_json)
		cli_print_json(
			json_pack("{s:s, s:s, s:s}", "address", cli_address_text(&identity.address),
				"public_key", pubkey, "home", cli_home_path()));
	else
		puts(cli_address_text(&identity.address));
	souk_bytes_wipe(&identity, sizeof identity);
	return 0;
}

/* The address of ARGUMENT, or the home's own where it is NULL. */
static bool address_of(struct souk_address *ret, const char *argument)
{
	struct souk_identity identity;
	if (argument == NULL) {
		if (!cli_load_identity(&identity))
			return false;
		*ret = identity.address;
		souk_bytes_wipe(&identity, sizeof identity);
		return true;
	}
	if (souk_hex_decode(ret->bytes, sizeof ret->bytes, argument) == SOUK_OK)
		return true;
	fprintf(stderr, "souk: \"%s\" is no address: 0x and 40 hexadecimal digits\n", argument);
	return false;
}

int cmd_balance(int argc, char **argv)
{
	static const struct command_spec command = {.name = "balance",
		.arguments = "[ADDRESS]",
		.summary = "Show the balance of an account, this home's by default.",
		.examples =
			"  souk balance\n  souk balance 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f",
		.arguments_max = 1};
	struct souk_address address;
	struct souk_account_record account;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!address_of(&address, count > 0 ? argv[0] : NULL))
		return EXIT_REFUSED;
	struct souk_chain_client *client = cli_open_ledger();
	souk_status status = souk_chain_account(client, &address, &account);
	int code = 0;
	if (status != SOUK_OK)
		code = cli_fail_ledger("balance", "cannot read the account", status, client);
	else if (cli_json)
		cli_print_json(json_pack("{s:s, s:I, s:I}", "address", cli_address_text(&address),
			"balance_ncoin", (json_int_t)account.balance.ncoin, "nonce",
			(json_int_t)account.nonce));
	else
		printf("%s coins\n", cli_amount_text(account.balance));
	souk_chain_client_free(client);
	return code;
}

/* Submit BODY and print what became of it. */
static int submit_and_tell(const char *command, const char *done, const struct souk_tx_body *body)
{
	struct souk_identity identity;
	struct souk_chain_result result;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	struct souk_chain_client *client = cli_open_ledger();
	souk_status status = souk_chain_submit(client, body, &identity, &result);
	int code = 0;
	if (status != SOUK_OK)
		code = cli_fail_ledger(command, "the ledger refused", status, client);
	else if (cli_json)
		cli_print_json(json_pack("{s:s, s:I}", "tx", cli_hash_text(&result.hash), "height",
			(json_int_t)result.receipt.height));
	else
		printf("%s (block %ju)\n", done, (uintmax_t)result.receipt.height);
	souk_bytes_wipe(&identity, sizeof identity);
	souk_chain_client_free(client);
	return code;
}

int cmd_faucet(int argc, char **argv)
{
	static const struct command_spec command = {.name = "faucet",
		.arguments = "AMOUNT",
		.summary = "Get coins on a test market, for yourself.",
		.details = "The ledger's genesis says how much one call may give; a real market "
			   "has no faucet.",
		.examples = "  souk faucet 100",
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET};
	char done[80];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = souk_amount_parse(&body.faucet.amount, argv[0]);
	if (status != SOUK_OK) {
		cli_fail("faucet", argv[0], status, NULL);
		return EXIT_USAGE;
	}
	snprintf(done, sizeof done, "got %s coins", cli_amount_text(body.faucet.amount));
	return submit_and_tell("faucet", done, &body);
}

int cmd_send(int argc, char **argv)
{
	static const struct command_spec command = {.name = "send",
		.arguments = "ADDRESS AMOUNT",
		.summary = "Send coins from this home's account to another.",
		.examples = "  souk send 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f 2.5",
		.arguments_min = 2,
		.arguments_max = 2};
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_TRANSFER};
	char done[160];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!address_of(&body.transfer.to, argv[0]))
		return EXIT_USAGE;
	souk_status status = souk_amount_parse(&body.transfer.amount, argv[1]);
	if (status != SOUK_OK) {
		cli_fail("send", argv[1], status, NULL);
		return EXIT_USAGE;
	}
	snprintf(done, sizeof done, "sent %s coins to %s", cli_amount_text(body.transfer.amount),
		cli_address_text(&body.transfer.to));
	return submit_and_tell("send", done, &body);
}
