/* SPDX-License-Identifier: Apache-2.0
 *
 * key audit: the log of the vault, shown, checked, anchored and proved. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/vault_audit.h"
#include "../client/vault_json.h"
#include "key.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

#define UNSET UINT64_MAX

static bool verifies, anchors, offline;
static uint64_t prove = UNSET, last_count = 20;
static const char *check_file, *account_text;

/* ---- shown ---- */

struct listing {
	json_t *json;
	struct cli_table *table;
};

static void list_entry(const struct listing *listing, const struct souk_signed_vault_entry *signed_)
{
	const struct souk_vault_entry *entry = &signed_->entry;
	char index[24], version[16];
	if (cli_json) {
		json_array_append_new(listing->json, vault_entry_json(signed_));
		return;
	}
	snprintf(index, sizeof index, "%" PRIu64, entry->index);
	snprintf(version, sizeof version, "%.0" PRIu32, entry->number);
	cli_table_add(listing->table,
		(const char *const[]){index, cli_date_text(entry->time), entry->operation.text,
			entry->label.text, version,
			souk_status_name(souk_status_of_code(entry->result)), entry->actor.text});
}

static souk_status list_last(const struct souk_vault *vault, void *ctx)
{
	struct souk_vault_log log;
	struct souk_signed_vault_entry entry;
	SOUK_TRY(souk_vault_log_load(vault, &log));
	uint64_t first = log.entries > last_count ? log.entries - last_count : 0;
	for (uint64_t i = first; i < log.entries; i++) {
		SOUK_TRY(souk_vault_log_entry(vault, i, &entry));
		list_entry(ctx, &entry);
	}
	return SOUK_OK;
}

static int show(const char *command, struct vault_home *home)
{
	static const char *const headings[] = {
		"entry", "time", "operation", "label", "version", "result", "by"};
	static const bool is_number[] = {true, false, false, false, true, false, false};
	struct listing listing = {.json = cli_json ? json_array() : NULL,
		.table = cli_json ? NULL : cli_table_new(7, headings, is_number)};
	souk_status status = key_read(home, list_last, &listing);
	if (status != SOUK_OK)
		return key_fail(command, "the log", status, home);
	vault_home_close(home);
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "entries", listing.json));
	else
		cli_table_print(listing.table);
	return 0;
}

/* ---- checked ---- */

static int print_report(const char *command, souk_status status, const struct vault_report *report)
{
	if (cli_json) {
		json_t *json = json_pack("{s:b, s:s, s:I, s:s, s:b, s:I}", "valid",
			status == SOUK_OK, "status", souk_status_name(status), "entries",
			(json_int_t)report->entries, "root", cli_hash_text(&report->root),
			"anchored", (int)report->has_anchor, "anchored_entries",
			(json_int_t)report->anchor.count);
		if (status != SOUK_OK)
			json_object_update_new(
				json, json_pack("{s:I, s:s}", "bad_entry",
					      (json_int_t)report->bad_entry, "what", report->what));
		cli_print_json(json);
	}
	if (status != SOUK_OK) {
		fprintf(stderr, "souk %s: entry %" PRIu64 ": %s (%s)\n", command, report->bad_entry,
			report->what, souk_status_name(status));
		return EXIT_REFUSED;
	}
	if (cli_json)
		return 0;
	printf("valid     %" PRIu64 " entries: chain, signatures and root\nroot      %s\n",
		report->entries, cli_hash_text(&report->root));
	if (report->has_anchor)
		printf("anchored  %" PRIu64 " of them, in block %" PRIu64 ", %s\n",
			report->anchor.count, report->anchor.height,
			cli_date_text(report->anchor.time));
	else
		printf("anchored  none of them%s\n",
			offline ? " looked for (--offline)" : ": souk key audit --anchor");
	return 0;
}

static int verify(const char *command, struct vault_home *home)
{
	struct souk_anchor_record anchor;
	struct vault_report report;
	bool has_anchor = false;
	if (!offline) {
		struct souk_chain_client *chain = cli_open_ledger();
		souk_status status =
			souk_chain_anchor(chain, &vault_home_identity(home)->address, &anchor);
		has_anchor = status == SOUK_OK;
		if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND) {
			cli_fail_ledger(command, "cannot ask for the anchor", status, chain);
			fputs("--offline checks the log by itself.\n", stderr);
		}
		souk_chain_client_free(chain);
		if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND) {
			vault_home_close(home);
			return EXIT_REFUSED;
		}
	}
	souk_status status = vault_check(home, has_anchor ? &anchor : NULL, &report);
	if (status != SOUK_OK && status != SOUK_CORRUPT_VAULT_LOG)
		return key_fail(command, "the log", status, home);
	vault_home_close(home);
	return print_report(command, status, &report);
}

static int anchor_log(const char *command, struct vault_home *home)
{
	struct souk_chain_client *chain = cli_open_ledger();
	uint64_t count = 0;
	bool is_new = false;
	int code = 0;
	souk_status status = vault_anchor(home, chain, &count, &is_new);
	if (status == SOUK_LOCAL_STATE)
		code = cli_fail(command, "the ledger has more entries than this log", status,
			"an old backup was restored, or the log was cut; see souk key audit "
			"--verify");
	else if (status == SOUK_PEER_NO_ACCOUNT)
		code = cli_fail(command, "cannot anchor the log", status,
			"this home has none on the ledger yet: have somebody send it a coin (souk "
			"id), or on a test market: souk faucet 1");
	else if (status != SOUK_OK)
		code = cli_fail_ledger(command, "cannot anchor the log", status, chain);
	else if (cli_json)
		cli_print_json(json_pack(
			"{s:I, s:b}", "anchored_entries", (json_int_t)count, "new", (int)is_new));
	else
		printf("anchored  %" PRIu64 " entries%s\n", count,
			is_new ? "" : ": the ledger has them already");
	souk_chain_client_free(chain);
	vault_home_close(home);
	return code;
}

/* ---- proved ---- */

static struct souk_vault_proof proof;

static souk_status make_proof(const struct souk_vault *vault, void *ctx)
{
	struct souk_vault_log log;
	(void)ctx;
	SOUK_TRY(souk_vault_log_load(vault, &log));
	/* Under the root that the ledger has, where that covers it. */
	uint64_t count = prove < log.anchored ? log.anchored : log.entries;
	return souk_vault_log_prove(vault, prove, count, &proof);
}

static int prove_entry(const char *command, struct vault_home *home)
{
	static uint8_t bytes[SOUK_VAULT_PROOF_SIZE_MAX];
	static char hex[2 * sizeof bytes + 1];
	struct souk_writer writer;
	struct souk_bytes written;
	souk_status status = key_read(home, make_proof, NULL);
	if (status != SOUK_OK)
		return key_fail(command, "the proof", status, home);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_vault_proof_encode(&writer, &proof);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	souk_hex_encode(hex, written.data, written.size);
	if (cli_json)
		cli_print_json(json_pack("{s:o, s:I, s:s, s:s, s:s}", "entry",
			vault_entry_json(&proof.entry), "entries", (json_int_t)proof.entries,
			"root", cli_hash_text(&proof.root), "account",
			cli_address_text(&vault_home_identity(home)->address), "proof", hex));
	else
		printf("%s\n", hex);
	vault_home_close(home);
	return 0;
}

/* The ledger's root for as many entries; it keeps the last one only. */
static int compare_with_ledger(const char *command, const struct souk_address *account)
{
	struct souk_anchor_record anchor;
	struct souk_chain_client *chain = cli_open_ledger();
	souk_status status = souk_chain_anchor(chain, account, &anchor);
	int code = 0;
	if (status != SOUK_OK)
		code = cli_fail_ledger(command, "no anchor of that account", status, chain);
	else if (anchor.count != proof.entries || !souk_hash_equal(&anchor.root, &proof.root))
		code = cli_fail(command, "the ledger's anchor", SOUK_PEER_BAD_PATH,
			"is of another root: ask for a fresh proof, or look for the anchor of so "
			"many entries in the account's history");
	else if (!cli_json)
		printf("anchored  in block %" PRIu64 ", %s\n", anchor.height,
			cli_date_text(anchor.time));
	souk_chain_client_free(chain);
	return code;
}

static bool read_proof(const char *command)
{
	static uint8_t bytes[SOUK_VAULT_PROOF_SIZE_MAX];
	char *text;
	size_t size;
	if (!key_read_data(command, check_file, 2 * sizeof bytes + 2, &text, &size))
		return false;
	text[strcspn(text, "\r\n")] = '\0';
	size = strlen(text) / 2;
	souk_status status =
		size <= sizeof bytes ? souk_hex_decode(bytes, size, text) : SOUK_PEER_BAD_HEX;
	if (status == SOUK_OK)
		status = souk_vault_proof_decode(&proof, souk_bytes_of(bytes, size), NULL);
	free(text);
	if (status != SOUK_OK)
		cli_fail(command, check_file, status, "not a proof of souk key audit --prove");
	return status == SOUK_OK;
}

/* By anybody: no vault, no home. */
static int check_proof(const char *command)
{
	struct souk_address account;
	if (account_text == NULL ||
		souk_hex_decode(account.bytes, sizeof account.bytes, account_text) != SOUK_OK) {
		fprintf(stderr,
			"souk key audit: --check needs --account ADDRESS, whose log it is\n");
		return EXIT_USAGE;
	}
	if (!read_proof(command))
		return EXIT_REFUSED;
	souk_status status = souk_vault_proof_check(&proof, &account);
	if (status != SOUK_OK)
		return cli_fail(command, check_file, status, "the proof is not right");
	if (!offline && compare_with_ledger(command, &account) != 0)
		return EXIT_REFUSED;
	if (cli_json)
		cli_print_json(json_pack(
			"{s:b, s:o}", "valid", 1, "entry", vault_entry_json(&proof.entry)));
	else
		printf("valid     entry %" PRIu64 " of %" PRIu64 ": %s %s, %s, %s\n",
			proof.entry.entry.index, proof.entries, proof.entry.entry.operation.text,
			proof.entry.entry.label.text,
			souk_status_name(souk_status_of_code(proof.entry.entry.result)),
			cli_date_text(proof.entry.entry.time));
	return 0;
}

int key_cmd_audit(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"last", "N", "show so many entries (20)", OPTION_U64, &last_count},
		{"verify", NULL, "check every entry, the chain, and the ledger's anchor",
			OPTION_FLAG, &verifies},
		{"anchor", NULL, "put the log's root on the ledger", OPTION_FLAG, &anchors},
		{"prove", "N", "print a proof that entry N is in the log", OPTION_U64, &prove},
		{"check", "FILE", "check such a proof", OPTION_TEXT, &check_file},
		{"account", "ADDRESS", "with --check: whose log it is", OPTION_TEXT, &account_text},
		{"offline", NULL, "with --verify and --check: do not ask the ledger", OPTION_FLAG,
			&offline},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key audit",
		.arguments = "",
		.summary = "Show what was done with the keys; check, anchor and prove it.",
		.details = "Every operation is an entry, signed by the home's identity, that "
			   "names the one before.\n"
			   "Once its root is on the ledger, nobody can change what came before: "
			   "not even you.",
		.examples = "  souk key audit --last 5\n  souk key audit --anchor\n"
			    "  souk key audit --verify\n  souk key audit --prove 17 > entry.proof\n"
			    "  souk key audit --check entry.proof --account 0x0123...67",
		.options = options,
		.option_count = SOUK_COUNT_OF(options)};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (check_file != NULL)
		return check_proof(command.name);
	struct vault_home *home = key_open(command.name, false);
	if (home == NULL)
		return EXIT_REFUSED;
	if (anchors)
		return anchor_log(command.name, home);
	if (verifies)
		return verify(command.name, home);
	return prove != UNSET ? prove_entry(command.name, home) : show(command.name, home);
}
