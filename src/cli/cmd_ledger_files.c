/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger snapshot, prune, check: what is done to the stored log of a home, beside
 * a running daemon or without one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../daemon/judges.h"
#include "../daemon/ledger_archive.h"
#include "../daemon/ledger_home.h"
#include "cli.h"
#include "cmd_ledger.h"

/* The store of the home, and one transaction that reads it. */
struct opened {
	struct souk_lmdb_store *store;
	struct souk_lmdb_txn *txn;
	struct souk_store view;
};

static souk_status open_home(struct opened *opened, const char **ret_what)
{
	*opened = (struct opened){.store = NULL};
	souk_status status = ledger_home_open(&opened->store, cli_home_path(), ret_what);
	if (status != SOUK_OK)
		return status;
	return souk_lmdb_store_begin(opened->store, SOUK_LMDB_READ, &opened->txn, &opened->view);
}

static void close_home(struct opened *opened)
{
	souk_lmdb_txn_abort(opened->txn);
	souk_lmdb_store_close(opened->store);
}

static int fail(const char *command, const char *what, souk_status status)
{
	cli_fail(command, what, status, NULL);
	if (status == SOUK_LOCAL_NOT_FOUND)
		fprintf(stderr, "%s is no ledger's home; name it with --home DIR.\n",
			cli_home_path());
	return EXIT_REFUSED;
}

/* ---- snapshot ---- */

int ledger_snapshot(int argc, char **argv)
{
	static const struct command_spec command = {.name = "ledger snapshot",
		.arguments = "FILE",
		.summary = "Save the state of the home's ledger, as its operator signed it.",
		.details =
			"All accounts, escrows and so on at the last block, with its header. "
			"The daemon may\nrun. Who has the file can check it without the log, and "
			"go on from it.",
		.examples = "  souk ledger snapshot --home ~/ledger monday.souk\n"
			    "  souk ledger verify monday.souk",
		.arguments_min = 1,
		.arguments_max = 1};
	struct ledger_snapshot_made made;
	struct opened opened;
	const char *what = argv[0];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = open_home(&opened, &what);
	if (status == SOUK_OK) {
		what = argv[0];
		status = ledger_archive_snapshot(&made, &opened.view, argv[0]);
	}
	close_home(&opened);
	if (status != SOUK_OK)
		return fail(command.name, what, status);
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "file", argv[0], "height",
			(json_int_t)made.height, "records", (json_int_t)made.records, "size_bytes",
			(json_int_t)made.size));
	else
		printf("%s: block %" PRIu64 ", %" PRIu64 " records, %s\n", argv[0], made.height,
			made.records, cli_size_text(made.size));
	return 0;
}

/* ---- prune ---- */

static uint64_t prune_keep = UINT64_MAX;

int ledger_prune(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"keep", "BLOCKS", "how many of the last blocks stay", OPTION_U64, &prune_keep},
	};
	static const struct command_spec command = {.name = "ledger prune",
		.arguments = "",
		.summary = "Replace the old blocks of the home's ledger by a snapshot.",
		.details =
			"They are replayed first: what is not true is not thrown away. With "
			"them go the\nreceipts and the history of their time. The daemon may run; "
			"it waits while the\nrecords are deleted, about a second for each "
			"million. soukd does the same by\nitself with keep_blocks in [ledger].",
		.examples = "  souk ledger prune --home ~/ledger --keep 100000",
		.options = options,
		.option_count = 1};
	struct ledger_pruned pruned = {0};
	struct souk_lmdb_store *store = NULL;
	const char *what = "the log";
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (prune_keep == UINT64_MAX) {
		fprintf(stderr, "souk ledger prune: say how many blocks stay: --keep BLOCKS\n");
		return EXIT_USAGE;
	}
	souk_status status = ledger_home_open(&store, cli_home_path(), &what);
	if (status == SOUK_OK) {
		what = "nothing is pruned; souk ledger check tells more";
		status = ledger_archive_prune(
			&pruned, store, cli_home_path(), prune_keep, known_judges());
	}
	souk_lmdb_store_close(store);
	if (status != SOUK_OK)
		return fail(command.name, what, status);
	if (cli_json)
		cli_print_json(json_pack("{s:I, s:I, s:I}", "height", (json_int_t)pruned.height,
			"blocks", (json_int_t)(pruned.height - pruned.from_height), "records",
			(json_int_t)pruned.records));
	else if (pruned.height == pruned.from_height)
		puts("nothing to prune");
	else
		printf("blocks %" PRIu64 " to %" PRIu64 " are replaced by a snapshot; %" PRIu64
		       " records deleted\n",
			pruned.from_height + 1, pruned.height, pruned.records);
	return 0;
}

/* ---- check ---- */

static void print_bad_json(const struct ledger_check *check, souk_status status)
{
	const struct souk_log_verdict *verdict = &check->verdict;
	bool has_tx = verdict->index != SOUK_LOG_NO_TX;
	if (check->what != NULL)
		cli_print_json(json_pack("{s:b, s:s, s:s, s:s, s:s}", "valid", 0, "record",
			check->record, "text", check->what, "error", souk_status_name(status),
			"about", "record"));
	else
		cli_print_json(json_pack("{s:b, s:I, s:o, s:s, s:s, s:s}", "valid", 0, "height",
			(json_int_t)verdict->height, "index",
			has_tx ? json_integer(verdict->index) : json_null(), "text",
			souk_status_text(status), "error", souk_status_name(status), "about",
			"block"));
}

static void print_bad(const struct ledger_check *check, souk_status status)
{
	const struct souk_log_verdict *verdict = &check->verdict;
	if (cli_json) {
		print_bad_json(check, status);
		return;
	}
	if (check->what != NULL) {
		printf("bad: %s %s\n", check->record, check->what);
		return;
	}
	printf("bad: block %" PRIu64, verdict->height);
	if (verdict->index != SOUK_LOG_NO_TX)
		printf(", transaction %" PRIu32, verdict->index);
	printf(": %s (%s)", souk_status_text(status), souk_status_name(status));
	if (verdict->where.field != NULL)
		printf(" at %s, byte %zu", verdict->where.field, verdict->where.offset);
	puts("");
}

static void print_good(const struct ledger_check *check)
{
	if (cli_json)
		cli_print_json(json_pack("{s:b, s:I, s:I, s:I, s:I}", "valid", 1, "from_height",
			(json_int_t)check->from_height, "height", (json_int_t)check->height,
			"transactions", (json_int_t)check->txs, "records",
			(json_int_t)check->records));
	else
		printf("good: %" PRIu64 " transactions in blocks %" PRIu64 " to %" PRIu64
		       " replayed, and all %" PRIu64 " records are what they lead to\n",
			check->txs, check->from_height + 1, check->height, check->records);
}

int ledger_check(int argc, char **argv)
{
	static const struct command_spec command = {.name = "ledger check",
		.arguments = "",
		.summary = "Replay the home's stored log, and compare all records with it.",
		.details = "Finds and names whatever is not as it was written: a flipped bit in a "
			   "header, a\ntransaction, a receipt, the history, an account. A pruned "
			   "ledger is replayed from\nits snapshot. The daemon may run. Exit status "
			   "0: all is as it should be; 1: not.",
		.examples = "  souk ledger check --home ~/ledger"};
	struct ledger_check check = {.what = NULL};
	struct opened opened;
	const char *what = "ledger.mdb";
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = open_home(&opened, &what);
	bool is_open = status == SOUK_OK;
	if (is_open)
		status =
			ledger_archive_check(&check, &opened.view, cli_home_path(), known_judges());
	close_home(&opened);
	if (status == SOUK_OK)
		print_good(&check);
	else if (is_open && check.what == NULL && check.verdict.status != status)
		return cli_fail(command.name, "the check could not be made", status, NULL);
	else if (is_open)
		print_bad(&check, status);
	else
		return fail(command.name, what, status);
	return status == SOUK_OK ? 0 : EXIT_REFUSED;
}
