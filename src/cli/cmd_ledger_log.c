/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger log, export, verify: the ledger as a list of blocks, to read, to keep and
 * to check. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_ledger.h"
#include "../daemon/judges.h"
#include "../daemon/problem.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_client.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/verify.h"

#define PAGE_SIZE_MAX (16u << 20)

const char *ledger_kind_text(unsigned kind)
{
	static const char *const names[] = {"?", "faucet", "transfer", "escrow-open",
		"escrow-top-up", "escrow-close", "escrow-withdraw", "allot", "claim",
		"provider-register", "provider-unbond", "provider-withdraw", "epoch-close", "draw"};
	return kind < sizeof names / sizeof *names ? names[kind] : "?";
}

/* ---- pages of the log over HTTP ---- */

struct pages {
	struct souk_http_client *http;
	const char *url;
	char detail[SOUK_HTTP_ERROR_TEXT_SIZE];
};

static souk_status pages_open(struct pages *pages)
{
	*pages = (struct pages){.url = cli_ledger_url()};
	return souk_http_client_new(&pages->http);
}

static souk_status pages_get(struct pages *pages, const char *path, struct souk_http_answer *ret)
{
	static const char *const headers[] = {"Accept: application/souk"};
	char url[512];
	snprintf(url, sizeof url, "%s%s", pages->url, path);
	struct souk_http_call call = {.url = url,
		.headers = headers,
		.header_count = 1,
		.answer_size_max = PAGE_SIZE_MAX};
	souk_status status = souk_http_client_call(pages->http, &call, ret);
	if (status != SOUK_OK) {
		snprintf(pages->detail, sizeof pages->detail, "%s",
			souk_http_client_error(pages->http));
		return status;
	}
	if (ret->status == 200)
		return SOUK_OK;
	status = problem_parse(souk_bytes_of(ret->body, ret->size), ret->status, pages->detail,
		sizeof pages->detail);
	souk_http_answer_done(ret);
	return status;
}

static souk_status pages_get_from(
	struct pages *pages, uint64_t height, struct souk_http_answer *ret)
{
	char path[64];
	snprintf(path, sizeof path, "/v1/log?from=%" PRIu64, height);
	return pages_get(pages, path, ret);
}

static int pages_fail(const char *command, const struct pages *pages, souk_status status)
{
	int code = cli_fail(command, pages->url, status, pages->detail);
	if (status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT)
		fprintf(stderr, "No ledger answers at %s. Name another with --ledger URL.\n",
			pages->url);
	return code;
}

/* Blocks of a page, one after the other. */
struct page_reader {
	struct souk_bytes in;
	struct souk_signed_block_header header;
	uint32_t tx_read;
	bool in_block;
};

/* The next frame: a header, which is kept, or a transaction of its block. */
static souk_status page_next(struct page_reader *page, struct souk_bytes *ret, bool *ret_is_header)
{
	size_t used;
	souk_status status = souk_log_read_frame(ret, &used, page->in);
	if (status != SOUK_OK)
		return SOUK_CORRUPT_LOG;
	page->in.data += used;
	page->in.size -= used;
	*ret_is_header = !page->in_block || page->tx_read == page->header.header.tx_count;
	if (!*ret_is_header) {
		page->tx_read++;
		return SOUK_OK;
	}
	page->in_block = true;
	page->tx_read = 0;
	return souk_signed_block_header_decode(&page->header, *ret, NULL);
}

/* ---- log ---- */

static uint64_t log_from = 1;
static uint64_t log_count = UINT64_MAX;

static const char *clock_text(struct souk_time time)
{
	static char texts[2][32]; /* in turn: a line may have two times */
	static unsigned next;
	char *text = texts[next++ % 2];
	time_t seconds = (time_t)(time.ms / 1000);
	struct tm parts;
	if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 32, "%F %T", &parts) == 0)
		return "-";
	return text;
}

/* What the transaction is about, in a few words. */
static const char *about_text(const struct souk_tx_body *body)
{
	static char text[160];
	switch (body->kind) {
	case SOUK_TX_BODY_FAUCET: return cli_amount_text(body->faucet.amount);
	case SOUK_TX_BODY_TRANSFER:
		snprintf(text, sizeof text, "%s to %s", cli_amount_text(body->transfer.amount),
			cli_address_text(&body->transfer.to));
		return text;
	case SOUK_TX_BODY_ESCROW_OPEN:
		snprintf(text, sizeof text, "%s, line %s, prize %s",
			cli_amount_text(body->escrow_open.deposit),
			cli_amount_text(body->escrow_open.line),
			cli_amount_text(body->escrow_open.prize));
		return text;
	case SOUK_TX_BODY_ESCROW_TOP_UP: return cli_amount_text(body->escrow_top_up.amount);
	case SOUK_TX_BODY_ESCROW_CLOSE: return cli_hash_text(&body->escrow_close.escrow);
	case SOUK_TX_BODY_ESCROW_WITHDRAW: return cli_hash_text(&body->escrow_withdraw.escrow);
	case SOUK_TX_BODY_ALLOT:
		snprintf(text, sizeof text, "%s, epoch %" PRIu64 ", segment %" PRIu32,
			cli_amount_text(body->allot.total), body->allot.epoch, body->allot.segment);
		return text;
	case SOUK_TX_BODY_CLAIM:
		snprintf(text, sizeof text, "%" PRIu32 " units, epoch %" PRIu64,
			body->claim.claim.unit, body->claim.claim.strip.epoch);
		return text;
	case SOUK_TX_BODY_PROVIDER_REGISTER:
		snprintf(text, sizeof text, "%s, %s",
			cli_amount_text(body->provider_register.deposit),
			body->provider_register.control_url.text);
		return text;
	case SOUK_TX_BODY_PROVIDER_UNBOND:
	case SOUK_TX_BODY_PROVIDER_WITHDRAW: return "";
	case SOUK_TX_BODY_CLAIM_MANY:
		snprintf(text, sizeof text, "%u strips, epoch %" PRIu64,
			(unsigned)body->claim_many.items.count,
			body->claim_many.items.items[0].strip.epoch);
		return text;
	case SOUK_TX_BODY_CLAIM_RECEIPT:
		snprintf(text, sizeof text, "%s, epoch %" PRIu64,
			cli_amount_text(body->claim_receipt.receipt.receipt.amount),
			body->claim_receipt.receipt.receipt.epoch);
		return text;
	case SOUK_TX_BODY_STAND:
		snprintf(text, sizeof text, "%s in each of %" PRIu32 " epochs",
			cli_amount_text(body->stand.total), body->stand.epochs);
		return text;
	case SOUK_TX_BODY_DOUBLE_ISSUE:
		return cli_hash_text(&body->double_issue.first.strip.escrow);
	case SOUK_TX_BODY_AGREE:
		snprintf(text, sizeof text, "%s for %s",
			cli_amount_text(body->agree.agreement.agreement.deposit),
			cli_address_text(&body->agree.agreement.agreement.customer));
		return text;
	case SOUK_TX_BODY_ACCUSE:
		snprintf(text, sizeof text, "fault %" PRIu32 " of %s", body->accuse.fault,
			cli_hash_text(&body->accuse.agreement));
		return text;
	case SOUK_TX_BODY_CHALLENGE: return cli_hash_text(&body->challenge.agreement);
	case SOUK_TX_BODY_ANSWER: return cli_hash_text(&body->answer.agreement);
	case SOUK_TX_BODY_SILENCE: return cli_hash_text(&body->silence.agreement);
	case SOUK_TX_BODY_AGREEMENT_END: return cli_hash_text(&body->agreement_end.agreement);
	case SOUK_TX_BODY_EPOCH_CLOSE: return clock_text(body->epoch_close.end);
	case SOUK_TX_BODY_DRAW:
		snprintf(text, sizeof text, "epoch %" PRIu64, body->draw.epoch);
		return text;
	}
	return "";
}

static souk_status print_tx(const struct page_reader *page, struct souk_bytes frame)
{
	static char json[SOUK_SIGNED_TX_JSON_MAX + 1];
	struct souk_signed_tx tx;
	struct souk_writer writer;
	uint32_t index = page->tx_read - 1;
	souk_status status = souk_signed_tx_decode(&tx, frame, NULL);
	if (status != SOUK_OK)
		return status;
	struct souk_hash hash = souk_tx_digest(&tx.tx);
	if (!cli_json) {
		printf("%8" PRIu64 " %4" PRIu32 "  %s  %-17s %s  %s\n", page->header.header.height,
			index, clock_text(page->header.header.time),
			ledger_kind_text(tx.tx.body.kind), cli_address_text(&tx.tx.from),
			about_text(&tx.tx.body));
		return SOUK_OK;
	}
	souk_writer_init(&writer, json, sizeof json - 1);
	souk_signed_tx_json(&writer, &tx);
	json[writer.size] = '\0';
	printf("{\"height\":%" PRIu64 ",\"index\":%" PRIu32 ",\"time_ms\":%" PRIu64
	       ",\"hash\":\"%s\",\"signed_tx\":%s}\n",
		page->header.header.height, index, page->header.header.time.ms,
		cli_hash_text(&hash), json);
	return SOUK_OK;
}

/* Print one page; *HEIGHT moves behind its last block, *LEFT counts down. */
static souk_status print_page(struct souk_bytes in, uint64_t *height, uint64_t *left)
{
	struct page_reader page = {.in = in};
	while (page.in.size) {
		struct souk_bytes frame;
		bool is_header;
		souk_status status = page_next(&page, &frame, &is_header);
		if (status != SOUK_OK)
			return status;
		if (is_header && (*left)-- == 0)
			return SOUK_OK;
		if (is_header)
			*height = page.header.header.height + 1;
		else if ((status = print_tx(&page, frame)) != SOUK_OK)
			return status;
	}
	return SOUK_OK;
}

static souk_status print_log(struct pages *pages)
{
	uint64_t height = log_from, left = log_count;
	if (!cli_json)
		printf("%8s %4s  %-19s  %-17s %-42s  %s\n", "block", "tx", "time", "kind", "from",
			"about");
	for (;;) {
		struct souk_http_answer answer;
		uint64_t before = height;
		souk_status status = pages_get_from(pages, height, &answer);
		if (status != SOUK_OK)
			return status;
		status = print_page(souk_bytes_of(answer.body, answer.size), &height, &left);
		souk_http_answer_done(&answer);
		if (status != SOUK_OK || height == before || left == 0 || left == UINT64_MAX)
			return status;
	}
}

int ledger_log(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"from", "HEIGHT", "the first block (1)", OPTION_U64, &log_from},
		{"count", "N", "how many blocks (all)", OPTION_U64, &log_count},
	};
	static const struct command_spec command = {.name = "ledger log",
		.arguments = "",
		.summary = "List the transactions of the ledger, block by block.",
		.details = "With --json each transaction is an object on a line of its own.",
		.examples = "  souk ledger log --from 100\n  souk ledger log --json | jq .hash",
		.options = options,
		.option_count = 2};
	struct pages pages;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (log_count == UINT64_MAX)
		log_count--;
	souk_status status = pages_open(&pages);
	if (status == SOUK_OK)
		status = print_log(&pages);
	int code = status == SOUK_OK ? 0 : pages_fail(command.name, &pages, status);
	souk_http_client_free(pages.http);
	return code;
}

/* ---- export ---- */

static souk_status write_all(FILE *file, const void *data, size_t size)
{
	if (fwrite(data, 1, size, file) == size)
		return SOUK_OK;
	return errno == ENOSPC ? SOUK_IO_DISK_FULL : SOUK_IO_WRITE;
}

static souk_status export_head(struct pages *pages, FILE *file)
{
	struct souk_http_answer answer;
	uint8_t size[4];
	souk_status status = pages_get(pages, "/v1/genesis", &answer);
	if (status != SOUK_OK)
		return status;
	souk_store_be32(size, (uint32_t)answer.size);
	status = write_all(file, SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE);
	if (status == SOUK_OK)
		status = write_all(file, size, sizeof size);
	if (status == SOUK_OK)
		status = write_all(file, answer.body, answer.size);
	souk_http_answer_done(&answer);
	return status;
}

struct exported {
	uint64_t blocks, txs, bytes;
};

/* The blocks of a page are counted while they are written: their number says where to go on. */
static souk_status export_page(struct souk_bytes in, FILE *file, struct exported *exported)
{
	struct page_reader page = {.in = in};
	souk_status status = write_all(file, in.data, in.size);
	while (status == SOUK_OK && page.in.size) {
		struct souk_bytes frame;
		bool is_header;
		status = page_next(&page, &frame, &is_header);
		exported->blocks += status == SOUK_OK && is_header;
		exported->txs += status == SOUK_OK && !is_header;
	}
	exported->bytes += in.size;
	return status;
}

static souk_status export_blocks(struct pages *pages, FILE *file, struct exported *exported)
{
	for (;;) {
		struct souk_http_answer answer;
		souk_status status = pages_get_from(pages, exported->blocks + 1, &answer);
		if (status != SOUK_OK)
			return status;
		bool is_end = answer.size == 0;
		status = export_page(souk_bytes_of(answer.body, answer.size), file, exported);
		souk_http_answer_done(&answer);
		if (status != SOUK_OK || is_end)
			return status;
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%" PRIu64 " blocks, %s ", exported->blocks,
				cli_size_text(exported->bytes));
	}
}

static souk_status export_to(struct pages *pages, const char *path, struct exported *exported)
{
	char partial[4096];
	snprintf(partial, sizeof partial, "%s.part", path);
	FILE *file = fopen(partial, "wb");
	if (file == NULL) {
		snprintf(pages->detail, sizeof pages->detail, "%.200s: %s", partial,
			strerror(errno));
		return SOUK_IO_WRITE;
	}
	souk_status status = export_head(pages, file);
	if (status == SOUK_OK)
		status = export_blocks(pages, file, exported);
	if (fclose(file) != 0 && status == SOUK_OK)
		status = errno == ENOSPC ? SOUK_IO_DISK_FULL : SOUK_IO_WRITE;
	if (status == SOUK_OK && rename(partial, path) != 0)
		status = SOUK_IO_WRITE;
	if (status != SOUK_OK)
		unlink(partial);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return status;
}

int ledger_export(int argc, char **argv)
{
	static const struct command_spec command = {.name = "ledger export",
		.arguments = "FILE",
		.summary = "Save the whole log of the ledger, for souk ledger verify anywhere.",
		.examples = "  souk ledger export bazaar.log && souk ledger verify bazaar.log",
		.arguments_min = 1,
		.arguments_max = 1};
	struct pages pages;
	struct exported exported = {0, 0, 0};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = pages_open(&pages);
	if (status == SOUK_OK)
		status = export_to(&pages, argv[0], &exported);
	int code = status == SOUK_OK ? 0 : pages_fail(command.name, &pages, status);
	souk_http_client_free(pages.http);
	if (code == 0 && cli_json)
		cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "file", argv[0], "blocks",
			(json_int_t)exported.blocks, "transactions", (json_int_t)exported.txs,
			"size_bytes", (json_int_t)exported.bytes));
	else if (code == 0)
		printf("%s: %" PRIu64 " blocks, %" PRIu64 " transactions, %s\n", argv[0],
			exported.blocks, exported.txs, cli_size_text(exported.bytes));
	return code;
}

/* ---- verify ---- */

/* The undo journal of the memory store grows until a commit. */
#define COMMIT_BLOCKS 256

struct verification {
	FILE *file;
	uint64_t size, read_size;
	struct souk_memory_store *memory;
	struct souk_log_verifier verifier;
	uint64_t blocks_committed;
	uint64_t start_ns, shown_ns;
};

static void show_progress(struct verification *v)
{
	uint64_t now = souk_clock_steady_ns();
	if (!isatty(STDERR_FILENO) || now - v->shown_ns < 200000000u)
		return;
	v->shown_ns = now;
	fprintf(stderr, "\rverifying: %3u %%, block %" PRIu64 ", %" PRIu64 " transactions ",
		v->size ? (unsigned)(v->read_size * 100 / v->size) : 0,
		v->verifier.ledger.record.height, v->verifier.ledger.record.tx_count);
}

static souk_status commit_now_and_then(struct verification *v)
{
	struct souk_ledger *ledger = &v->verifier.ledger;
	if (v->verifier.state != SOUK_LOG_HEADER ||
		ledger->record.height < v->blocks_committed + COMMIT_BLOCKS)
		return SOUK_OK;
	souk_memory_store_commit(v->memory);
	v->blocks_committed = ledger->record.height;
	return souk_memory_store_begin(v->memory, &ledger->store);
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

/* What the log is worth up to where its frames make no sense any more. */
static souk_status fail_here(struct verification *v, souk_status status)
{
	struct souk_log_verdict *verdict = &v->verifier.verdict;
	bool in_block = v->verifier.state == SOUK_LOG_TX;
	verdict->status = status;
	verdict->height =
		v->verifier.ledger.record.height + (v->verifier.state == SOUK_LOG_HEADER ? 1 : 0);
	verdict->index = in_block ? v->verifier.tx_read : SOUK_LOG_NO_TX;
	return status;
}

static souk_status verify_frames(struct verification *v)
{
	static uint8_t memory[SOUK_LOG_FRAME_MAX];
	struct souk_bytes frame;
	char magic[SOUK_LOG_MAGIC_SIZE];
	if (fread(magic, 1, sizeof magic, v->file) != sizeof magic ||
		memcmp(magic, SOUK_LOG_MAGIC, sizeof magic) != 0)
		return fail_here(v, SOUK_CORRUPT_LOG);
	for (;;) {
		souk_status status = read_frame(v, memory, &frame);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return souk_log_verifier_finish(&v->verifier);
		if (status != SOUK_OK)
			return fail_here(v, status);
		status = souk_log_verifier_feed(&v->verifier, frame);
		if (status == SOUK_OK)
			status = commit_now_and_then(v);
		if (status != SOUK_OK)
			return status;
		show_progress(v);
	}
}

static void print_valid_json(const struct verification *v, double seconds)
{
	const struct souk_ledger_record *record = &v->verifier.ledger.record;
	cli_print_json(
		json_pack("{s:b, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:s, s:s}",
			"valid", 1, "ledger", cli_hash_text(&record->ledger), "name",
			v->verifier.ledger.genesis.name.text, "blocks", (json_int_t)record->height,
			"transactions", (json_int_t)record->tx_count, "seconds", seconds,
			"transactions_per_s", (double)record->tx_count / seconds, "minted_ncoin",
			(json_int_t)record->minted.ncoin, "accounts_ncoin",
			(json_int_t)record->accounts.ncoin, "escrows_ncoin",
			(json_int_t)record->escrows.ncoin, "deposits_ncoin",
			(json_int_t)record->deposits.ncoin, "last", cli_hash_text(&record->last),
			"state", cli_hash_text(&record->state)));
}

static void print_valid(const struct verification *v, double seconds)
{
	const struct souk_ledger_record *record = &v->verifier.ledger.record;
	printf("valid\nledger       %s\nname         %s\nblocks       %" PRIu64
	       "\ntransactions %" PRIu64 " (%.0f/s)\n",
		cli_hash_text(&record->ledger), v->verifier.ledger.genesis.name.text,
		record->height, record->tx_count, (double)record->tx_count / seconds);
	printf("minted       %s coins, and all of it is there:\n  accounts   %s\n  escrows    %s\n"
	       "  deposits   %s\nlast block   %s\n",
		cli_amount_text(record->minted), cli_amount_text(record->accounts),
		cli_amount_text(record->escrows), cli_amount_text(record->deposits),
		cli_hash_text(&record->last));
}

static void print_bad(const struct verification *v, souk_status status)
{
	const struct souk_log_verdict *verdict = &v->verifier.verdict;
	bool has_tx = verdict->index != SOUK_LOG_NO_TX;
	if (cli_json) {
		cli_print_json(json_pack("{s:b, s:I, s:o, s:s, s:s, s:s}", "valid", 0, "height",
			(json_int_t)verdict->height, "index",
			has_tx ? json_integer(verdict->index) : json_null(), "error",
			souk_status_name(status), "text", souk_status_text(status), "field",
			verdict->where.field ? verdict->where.field : ""));
		return;
	}
	if (verdict->height == 0)
		printf("bad: the genesis");
	else
		printf("bad: block %" PRIu64, verdict->height);
	if (has_tx)
		printf(", transaction %" PRIu32, verdict->index);
	printf(": %s (%s)", souk_status_text(status), souk_status_name(status));
	if (verdict->where.field != NULL)
		printf(" at %s, byte %zu", verdict->where.field, verdict->where.offset);
	puts("");
}

static souk_status verify_file(struct verification *v)
{
	struct souk_store view;
	uint64_t seed = souk_clock_steady_ns();
	v->start_ns = seed;
	souk_status status = souk_memory_store_new(&v->memory, 0, seed);
	if (status == SOUK_OK)
		status = souk_memory_store_begin(v->memory, &view);
	if (status != SOUK_OK)
		return status;
	souk_log_verifier_init(&v->verifier, &view);
	souk_log_verifier_set_judges(&v->verifier, known_judges());
	fseek(v->file, 0, SEEK_END);
	v->size = (uint64_t)ftell(v->file);
	rewind(v->file);
	status = verify_frames(v);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return status;
}

int ledger_verify(int argc, char **argv)
{
	static const struct command_spec command = {.name = "ledger verify",
		.arguments = "FILE",
		.summary = "Replay a saved log from its genesis, and say whether it is true.",
		.details = "Every signature, rule, balance and digest is checked again. Exit "
			   "status 0: "
			   "valid;\n1: the first bad block and transaction are named, and why. "
			   "Compare the last\nblock's hash with somebody else's: a log cannot say "
			   "that it is the newest.",
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
	souk_memory_store_free(v.memory);
	return status == SOUK_OK ? 0 : EXIT_REFUSED;
}
