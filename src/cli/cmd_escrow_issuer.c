/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow issuer: hot keys. A machine that buys needs no key that owns an escrow: an issuer key, and
 * the leaves that name it, are enough; and all that a thief of it gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/identity_file.h"
#include "cli.h"
#include "escrow_run.h"
#include "issuer_file.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/payment/allotment.h"
#include "../client/wallet.h"

static bool valid_name(const char *command, const char *name)
{
	if (issuer_path(name) != NULL)
		return true;
	fprintf(stderr, "souk %s: a name is up to 40 letters, digits, dashes and underscores\n",
		command);
	return false;
}

static int print_issuer(const char *name, const struct souk_address *address)
{
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:s}", "issuer", name, "address",
			cli_address_text(address), "file", issuer_path(name)));
	else
		printf("%s\n", cli_address_text(address));
	return 0;
}

static souk_status check_free(const char *path)
{
	struct souk_identity key;
	souk_status status = identity_file_load(&key, path);
	souk_bytes_wipe(&key, sizeof key);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : SOUK_LOCAL_EXISTS;
}

static int issuer_new(int argc, char **argv)
{
	static const struct command_spec command = {.name = "escrow issuer new",
		.arguments = "NAME",
		.summary = "Make a hot key that can sign strips on leaves that name it.",
		.examples = "  souk escrow issuer new shop\n  souk escrow stand "
			    "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f=2@shop --epochs 24",
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_identity key;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!valid_name(command.name, argv[0]))
		return EXIT_USAGE;
	souk_status status = souk_file_make_folders(cli_home_file("issuers"));
	if (status == SOUK_OK)
		status = check_free(issuer_path(argv[0]));
	if (status == SOUK_OK)
		status = identity_file_make(&key, issuer_path(argv[0]));
	if (status != SOUK_OK)
		return cli_fail(command.name, argv[0], status, NULL);
	print_issuer(argv[0], &key.address);
	souk_bytes_wipe(&key, sizeof key);
	return 0;
}

struct export_run {
	struct souk_wallet_export file;
	struct souk_address issuer;
};

/* Where PLAN goes: behind the others, or over the oldest of them, itself included. */
static struct souk_wallet_plan *place_for(
	struct export_run *run, const struct souk_wallet_plan *plan)
{
	static struct souk_wallet_plan nowhere;
	struct souk_wallet_plan *items = run->file.plans.items, *oldest = &items[0];
	if (run->file.plans.count < SOUK_COUNT_OF(run->file.plans.items))
		return &items[run->file.plans.count++];
	for (size_t i = 1; i < SOUK_COUNT_OF(run->file.plans.items); i++) {
		if (items[i].epoch < oldest->epoch)
			oldest = &items[i];
	}
	return oldest->epoch < plan->epoch ? oldest : &nowhere;
}

static souk_status add_plan(
	void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan)
{
	struct export_run *run = ctx;
	bool names_it = false;
	(void)root;
	for (int i = 0; i < plan->leaves.count; i++)
		names_it |= souk_address_equal(&plan->leaves.items[i].issuer, &run->issuer);
	if (!names_it)
		return SOUK_OK;
	*place_for(run, plan) = *plan;
	return SOUK_OK;
}

static souk_status collect(struct export_run *run)
{
	struct wallet *wallet;
	souk_status status = wallet_open(&wallet, cli_home_path());
	if (status != SOUK_OK)
		return status;
	status = wallet_each_plan(wallet, add_plan, run);
	wallet_close(wallet);
	if (status == SOUK_OK && run->file.plans.count == 0)
		status = SOUK_LOCAL_NOT_FOUND;
	return status;
}

static souk_status write_export(const struct souk_wallet_export *file, const char *path)
{
	uint8_t *bytes = malloc(SOUK_WALLET_EXPORT_SIZE_MAX);
	struct souk_writer writer;
	struct souk_bytes encoded;
	if (bytes == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, bytes, SOUK_WALLET_EXPORT_SIZE_MAX);
	souk_wallet_export_encode(&writer, file);
	souk_status status = souk_writer_finish(&writer, &encoded);
	if (status == SOUK_OK)
		status = souk_file_write_atomic(path, encoded, true);
	souk_bytes_wipe(bytes, SOUK_WALLET_EXPORT_SIZE_MAX);
	free(bytes);
	return status;
}

static int issuer_export(int argc, char **argv)
{
	static const struct command_spec command = {.name = "escrow issuer export",
		.arguments = "NAME FILE",
		.summary = "Write an issuer key and its leaves to a file, for another machine.",
		.details = "The file holds no key that owns an escrow. Use the issuer on one "
			   "machine at a time: two\nwould lay strips over each other, which "
			   "providers refuse.",
		.examples = "  souk escrow issuer export shop shop.issuer\n"
			    "  souk escrow issuer import shop.issuer --home ~/shop",
		.arguments_min = 2,
		.arguments_max = 2};
	static struct export_run run; /* large */
	struct souk_identity key;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!issuer_load(command.name, argv[0], &key))
		return EXIT_REFUSED;
	run.issuer = key.address;
	memcpy(run.file.secret.bytes, key.seckey.bytes, sizeof run.file.secret.bytes);
	souk_bytes_wipe(&key, sizeof key);
	souk_status status = souk_text_set(&run.file.name, argv[0]);
	if (status == SOUK_OK)
		status = collect(&run);
	if (status == SOUK_OK)
		status = write_export(&run.file, argv[1]);
	souk_bytes_wipe(&run.file.secret, sizeof run.file.secret);
	if (status != SOUK_OK)
		return cli_fail(command.name, argv[1], status,
			status == SOUK_LOCAL_NOT_FOUND
				? "no leaf names this issuer yet; see: souk escrow allot --help"
				: NULL);
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:i}", "issuer", argv[0], "file", argv[1],
			"allotments", (int)run.file.plans.count));
	else
		printf("wrote %s: keep it as secret as money\n", argv[1]);
	return 0;
}

static souk_status read_export(struct souk_wallet_export *ret, const char *path)
{
	char *bytes;
	size_t size;
	souk_status status = souk_file_read(path, SOUK_WALLET_EXPORT_SIZE_MAX + 1, &bytes, &size);
	if (status != SOUK_OK)
		return status;
	status = souk_wallet_export_decode(ret, souk_bytes_of(bytes, size), NULL);
	souk_bytes_wipe(bytes, size);
	free(bytes);
	return status;
}

static souk_status write_key(const struct souk_wallet_export *file)
{
	char hex[2 * SOUK_HASH_SIZE + 2];
	souk_status status = souk_file_make_folders(cli_home_file("issuers"));
	if (status != SOUK_OK)
		return status;
	souk_hex_encode(hex, file->secret.bytes, SOUK_HASH_SIZE);
	hex[2 * SOUK_HASH_SIZE] = '\n';
	status = souk_file_write_atomic(
		issuer_path(file->name.text), souk_bytes_of(hex, 2 * SOUK_HASH_SIZE + 1), true);
	souk_bytes_wipe(hex, sizeof hex);
	return status;
}

static souk_status take_plans(const struct souk_wallet_export *file)
{
	struct wallet *wallet;
	souk_status status = wallet_open(&wallet, cli_home_path());
	if (status != SOUK_OK)
		return status;
	for (int i = 0; i < file->plans.count && status == SOUK_OK; i++) {
		struct souk_sum_node nodes[WALLET_LEAVES_MAX], root;
		const struct souk_wallet_plan *plan = &file->plans.items[i];
		status =
			souk_allotment_commit(&root, plan->leaves.items, plan->leaves.count, nodes);
		if (status == SOUK_OK)
			status = wallet_put_plan(wallet, &root.hash, plan);
	}
	wallet_close(wallet);
	return status;
}

static souk_status key_of(struct souk_identity *ret, const struct souk_hash *secret)
{
	struct souk_seckey seckey;
	memcpy(seckey.bytes, secret->bytes, sizeof seckey.bytes);
	souk_status status = souk_identity_of(ret, &seckey);
	souk_bytes_wipe(&seckey, sizeof seckey);
	return status;
}

/* A key of that name that is here already is never written over by another. */
static souk_status check_same(const char *path, const struct souk_address *address)
{
	struct souk_identity key;
	souk_status status = identity_file_load(&key, path);
	bool is_same = status == SOUK_OK && souk_address_equal(&key.address, address);
	souk_bytes_wipe(&key, sizeof key);
	return status == SOUK_LOCAL_NOT_FOUND || is_same ? SOUK_OK : SOUK_LOCAL_EXISTS;
}

static int issuer_import(int argc, char **argv)
{
	static const struct command_spec command = {.name = "escrow issuer import",
		.arguments = "FILE",
		.summary = "Take an issuer key and its leaves into this home.",
		.details = "Then: souk get ID --issuer NAME. The home needs no identity.",
		.examples = "  souk escrow issuer import shop.issuer --home ~/shop",
		.arguments_min = 1,
		.arguments_max = 1};
	static struct souk_wallet_export file; /* large */
	struct souk_identity key;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = read_export(&file, argv[0]);
	if (status != SOUK_OK)
		return cli_fail(command.name, argv[0], status,
			status == SOUK_LOCAL_NOT_FOUND
				? NULL
				: "souk escrow issuer export makes such a file");
	if (!valid_name(command.name, file.name.text))
		return EXIT_REFUSED;
	status = key_of(&key, &file.secret);
	if (status == SOUK_OK)
		status = souk_file_make_folders(cli_home_path());
	if (status == SOUK_OK)
		status = check_same(issuer_path(file.name.text), &key.address);
	if (status == SOUK_OK)
		status = write_key(&file);
	if (status == SOUK_OK)
		status = take_plans(&file);
	if (status != SOUK_OK)
		return cli_fail(command.name, argv[0], status, NULL);
	print_issuer(file.name.text, &key.address);
	souk_bytes_wipe(&key, sizeof key);
	souk_bytes_wipe(&file.secret, sizeof file.secret);
	return 0;
}

int escrow_cmd_issuer(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"new", issuer_new, "make a hot key"},
		{"export", issuer_export, "write it and its leaves to a file, for another machine"},
		{"import", issuer_import, "take such a file into this home"},
	};
	return cli_run_subcommand(
		"escrow issuer", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
