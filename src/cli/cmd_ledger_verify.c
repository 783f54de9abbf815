/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger verify: replay a saved log, and say whether it is true. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../daemon/judges.h"
#include "cli.h"
#include "cmd_ledger.h"
#include "souk/io/clock_real.h"
#include "souk/io/log_replay.h"

struct verification {
	FILE *file;
	uint64_t size, read_size;
	struct souk_log_replay *replay;
	struct souk_log_verdict verdict;
	bool is_snapshot;
	uint64_t start_ns, shown_ns;
};

static const struct souk_log_verifier *verifier_of(const struct verification *v)
{
	return souk_log_replay_verifier(v->replay);
}

static void show_progress(struct verification *v)
{
	const struct souk_ledger_record *record = &verifier_of(v)->ledger.record;
	uint64_t now = souk_clock_steady_ns();
	if (now - v->shown_ns < 200000000u || !isatty(STDERR_FILENO))
		return;
	v->shown_ns = now;
	fprintf(stderr, "\rverifying: %3u %%, block %" PRIu64 ", %" PRIu64 " transactions ",
		v->size ? (unsigned)(v->read_size * 100 / v->size) : 0, record->height,
		record->tx_count);
}

/* One frame of the file into FRAME. SOUK_LOCAL_NOT_FOUND at the end. */
static souk_status read_frame(
	struct verification *v, uint8_t frame[SOUK_LOG_FRAME_MAX], struct souk_bytes *ret)
{
	uint8_t head[4];
	size_t got = fread(head, 1, sizeof head, v->file);
	if (got == 0)
		return ferror(v->file) ? SOUK_IO_READ : SOUK_LOCAL_NOT_FOUND;
	uint32_t size = got == sizeof head ? souk_load_be32(head) : UINT32_MAX;
	if (size > SOUK_LOG_FRAME_MAX || fread(frame, 1, size, v->file) != size)
		return ferror(v->file) ? SOUK_IO_READ : SOUK_CORRUPT_LOG;
	v->read_size += 4 + size;
	*ret = souk_bytes_of(frame, size);
	return SOUK_OK;
}

/* The file makes no sense from here on; what comes before it may be bad already. */
static souk_status fail_here(struct verification *v, souk_status status)
{
	const struct souk_log_verifier *verifier = verifier_of(v);
	souk_status earlier = souk_log_replay_flush(v->replay);
	if (earlier != SOUK_OK)
		return earlier;
	bool in_block = verifier->state == SOUK_LOG_TX;
	v->verdict.status = status;
	v->verdict.height =
		verifier->ledger.record.height + (verifier->state == SOUK_LOG_HEADER ? 1 : 0);
	v->verdict.index = in_block ? verifier->tx_read : SOUK_LOG_NO_TX;
	return status;
}

static souk_status verify_frames(struct verification *v)
{
	static uint8_t memory[SOUK_LOG_FRAME_MAX];
	struct souk_bytes frame;
	for (;;) {
		souk_status status = read_frame(v, memory, &frame);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return souk_log_replay_finish(v->replay);
		if (status != SOUK_OK)
			return fail_here(v, status);
		status = souk_log_replay_feed(v->replay, frame);
		if (status != SOUK_OK)
			return status;
		show_progress(v);
	}
}

static void print_valid_json(const struct verification *v, double seconds)
{
	const struct souk_ledger_record *record = &verifier_of(v)->ledger.record;
	uint64_t from = verifier_of(v)->from_height,
		 txs = record->tx_count - verifier_of(v)->from_txs;
	json_t *out = json_pack("{s:b, s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:f, s:f}", "valid", 1,
		"kind", v->is_snapshot ? "snapshot" : "log", "proves",
		v->is_snapshot ? "since a state that the operator signed" : "since the genesis",
		"from_height", (json_int_t)from, "ledger", cli_hash_text(&record->ledger), "name",
		verifier_of(v)->ledger.genesis.name.text, "blocks", (json_int_t)record->height,
		"transactions", (json_int_t)txs, "seconds", seconds, "transactions_per_s",
		(double)txs / seconds);
	json_t *money = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "minted_ncoin",
		(json_int_t)record->minted.ncoin, "burned_ncoin", (json_int_t)record->burned.ncoin,
		"accounts_ncoin", (json_int_t)record->accounts.ncoin, "escrows_ncoin",
		(json_int_t)record->escrows.ncoin, "deposits_ncoin",
		(json_int_t)record->deposits.ncoin, "last", cli_hash_text(&record->last), "state",
		cli_hash_text(&record->state));
	json_object_update(out, money);
	json_decref(money);
	cli_print_json(out);
}

static void print_valid(const struct verification *v, double seconds)
{
	const struct souk_log_verifier *verifier = verifier_of(v);
	const struct souk_ledger_record *record = &verifier->ledger.record;
	uint64_t txs = record->tx_count - verifier->from_txs;
	if (v->is_snapshot)
		printf("valid, from a snapshot: the operator signed the state of block %" PRIu64
		       ",\nand every rule was kept since\n",
			verifier->from_height);
	else
		puts("valid: every rule was kept since the genesis");
	printf("ledger       %s\nname         %s\nblocks       %" PRIu64 "\ntransactions %" PRIu64
	       " (%.0f/s)\n",
		cli_hash_text(&record->ledger), verifier->ledger.genesis.name.text, record->height,
		txs, (double)txs / seconds);
	printf("minted       %s coins, and all of it is there:\n  accounts   %s\n  escrows    %s\n"
	       "  deposits   %s\n  burned     %s\nlast block   %s\n",
		cli_amount_text(record->minted), cli_amount_text(record->accounts),
		cli_amount_text(record->escrows), cli_amount_text(record->deposits),
		cli_amount_text(record->burned), cli_hash_text(&record->last));
}

static const char *key_text(const struct souk_ledger_key *key)
{
	static char text[2 * SOUK_LEDGER_KEY_MAX + 4];
	if (key->size == 0)
		return "";
	text[0] = (char)key->bytes[0];
	text[1] = ' ';
	souk_hex_encode(text + 2, key->bytes + 1, key->size - 1u);
	return text;
}

static void print_bad_json(const struct souk_log_verdict *verdict, souk_status status)
{
	bool has_tx = verdict->index != SOUK_LOG_NO_TX;
	json_t *out = json_pack("{s:b, s:I, s:o, s:s, s:s, s:s}", "valid", 0, "height",
		(json_int_t)verdict->height, "index",
		has_tx ? json_integer(verdict->index) : json_null(), "error",
		souk_status_name(status), "text", souk_status_text(status), "field",
		verdict->where.field ? verdict->where.field : "");
	if (verdict->item != 0)
		json_object_update_new(
			out, json_pack("{s:I, s:s}", "record", (json_int_t)verdict->item, "key",
				     key_text(&verdict->key)));
	cli_print_json(out);
}

static void print_bad(const struct verification *v, souk_status status)
{
	const struct souk_log_verdict *verdict = &v->verdict;
	bool in_snapshot =
		v->is_snapshot && (v->replay == NULL || verifier_of(v)->from_height == 0);
	if (cli_json) {
		print_bad_json(verdict, status);
		return;
	}
	if (in_snapshot && verdict->height != 0)
		printf("bad: the snapshot at block %" PRIu64, verdict->height);
	else if (verdict->height == 0)
		printf("bad: the genesis");
	else
		printf("bad: block %" PRIu64, verdict->height);
	if (verdict->index != SOUK_LOG_NO_TX)
		printf(", transaction %" PRIu32, verdict->index);
	if (verdict->item != 0)
		printf(", record %" PRIu64 " (%s)", verdict->item, key_text(&verdict->key));
	printf(": %s (%s)", souk_status_text(status), souk_status_name(status));
	if (verdict->where.field != NULL)
		printf(" at %s, byte %zu", verdict->where.field, verdict->where.offset);
	puts("");
}

static souk_status verify_file(struct verification *v)
{
	struct souk_log_replay_config config = {.thread_count = UINT_MAX, .judges = known_judges()};
	uint8_t magic[SOUK_LOG_MAGIC_SIZE];
	v->start_ns = souk_clock_steady_ns();
	v->verdict.index = SOUK_LOG_NO_TX;
	fseek(v->file, 0, SEEK_END);
	v->size = (uint64_t)ftell(v->file);
	rewind(v->file);
	if (fread(magic, 1, sizeof magic, v->file) != sizeof magic ||
		souk_log_magic_is_snapshot(&v->is_snapshot, magic) != SOUK_OK)
		return SOUK_CORRUPT_LOG;
	config.is_snapshot = v->is_snapshot;
	souk_status status = souk_log_replay_new(&v->replay, &config);
	if (status != SOUK_OK)
		return status;
	status = verify_frames(v);
	if (verifier_of(v)->state == SOUK_LOG_FAILED)
		v->verdict = verifier_of(v)->verdict;
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return status;
}

int ledger_verify(int argc, char **argv)
{
	static const struct command_spec command = {.name = "ledger verify",
		.arguments = "FILE",
		.summary = "Replay a saved log or snapshot log, and say whether it is true.",
		.details =
			"Every signature, rule, balance and digest is checked again, on all "
			"processors. A\nlog proves everything since the genesis; one that starts "
			"with a snapshot, that the\noperator signed that state, and everything "
			"since. Exit status 0: valid;\n1: the first bad block and transaction (or "
			"record of the snapshot) are named, and\nwhy. Compare the last block's "
			"hash with somebody else's: a log cannot say that\nit is the newest.",
		.examples = "  souk ledger verify bazaar.log",
		.arguments_min = 1,
		.arguments_max = 1};
	static struct verification v;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	v.file = fopen(argv[0], "rb");
	if (v.file == NULL)
		return cli_fail(command.name, argv[0], SOUK_IO_READ, strerror(errno));
	souk_status status = verify_file(&v);
	double seconds = (double)(souk_clock_steady_ns() - v.start_ns) / 1e9;
	if (status == SOUK_OK && cli_json)
		print_valid_json(&v, seconds);
	else if (status == SOUK_OK)
		print_valid(&v, seconds);
	else
		print_bad(&v, status);
	fclose(v.file);
	souk_log_replay_free(v.replay);
	return status == SOUK_OK ? 0 : EXIT_REFUSED;
}
