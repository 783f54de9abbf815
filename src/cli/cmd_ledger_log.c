/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger log and export: the ledger as a list of blocks, to read and to keep. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_ledger.h"
#include "../client/problem.h"
#include "souk/io/http_client.h"
#include "souk/ledger/verify.h"

#define PAGE_SIZE_MAX (16u << 20)

const char *ledger_kind_text(unsigned kind)
{
	static const char *const names[] = {"?", "faucet", "transfer", "escrow-open",
		"escrow-top-up", "escrow-close", "escrow-withdraw", "allot", "claim",
		"provider-register", "provider-unbond", "provider-withdraw", "epoch-close", "draw",
		"claim-many", "claim-receipt", "stand", "double-issue", "agree", "accuse",
		"challenge", "answer", "silence", "agreement-end"};
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
	case SOUK_TX_BODY_AGREEMENT_REVOKE: return cli_hash_text(&body->agreement_revoke.agreement);
	case SOUK_TX_BODY_ANCHOR:
		snprintf(text, sizeof text, "%" PRIu64 " entries", body->anchor.count);
		return text;
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
	for (bool is_first = true;; is_first = false) {
		struct souk_http_answer answer;
		uint64_t before = height;
		souk_status status = pages_get_from(pages, height, &answer);
		if (status != SOUK_OK)
			return status;
		if (is_first && !cli_json)
			printf("%8s %4s  %-19s  %-17s %-42s  %s\n", "block", "tx", "time", "kind",
				"from", "about");
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
	if (status == SOUK_LOCAL_NOT_FOUND)
		snprintf(pages.detail, sizeof pages.detail,
			"block %" PRIu64 " is pruned; try a later --from", log_from);
	int code = status == SOUK_OK ? 0 : pages_fail(command.name, &pages, status);
	souk_http_client_free(pages.http);
	return code;
}

/* ---- export ---- */

struct exported {
	uint64_t from_height; /* of the snapshot it starts with, or 0 */
	uint64_t blocks, txs, bytes;
};

static const char *export_snapshot;

static souk_status write_all(FILE *file, const void *data, size_t size)
{
	if (fwrite(data, 1, size, file) == size)
		return SOUK_OK;
	return errno == ENOSPC ? SOUK_IO_DISK_FULL : SOUK_IO_WRITE;
}

static souk_status export_genesis(struct pages *pages, FILE *file)
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

/* The height of the snapshot that begins with IN: in its second frame. */
static souk_status snapshot_height(uint64_t *ret, struct souk_bytes in)
{
	struct souk_signed_block_header header;
	struct souk_bytes frame;
	size_t used;
	if (in.size < SOUK_LOG_MAGIC_SIZE ||
		memcmp(in.data, SOUK_LOG_SNAPSHOT_MAGIC, SOUK_LOG_MAGIC_SIZE) != 0)
		return SOUK_CORRUPT_LOG;
	in = souk_bytes_of(in.data + SOUK_LOG_MAGIC_SIZE, in.size - SOUK_LOG_MAGIC_SIZE);
	for (int i = 0; i < 2; i++) {
		if (souk_log_read_frame(&frame, &used, in) != SOUK_OK)
			return SOUK_CORRUPT_LOG;
		in = souk_bytes_of(in.data + used, in.size - used);
	}
	if (souk_signed_block_header_decode(&header, frame, NULL) != SOUK_OK)
		return SOUK_CORRUPT_LOG;
	*ret = header.header.height;
	return SOUK_OK;
}

/* A snapshot page by page, each as GET(ctx) brings it; empty at the end. */
static souk_status copy_snapshot(FILE *file, struct exported *exported,
	souk_status (*get)(void *ctx, uint64_t from, struct souk_bytes *ret), void *ctx)
{
	for (;;) {
		struct souk_bytes page;
		souk_status status = get(ctx, exported->bytes, &page);
		if (status == SOUK_OK && exported->bytes == 0)
			status = snapshot_height(&exported->from_height, page);
		if (status == SOUK_OK)
			status = write_all(file, page.data, page.size);
		if (status != SOUK_OK || page.size == 0)
			return status;
		exported->bytes += page.size;
	}
}

struct remote_snapshot {
	struct pages *pages;
	struct exported *exported;
	struct souk_http_answer answer;
	bool has_answer;
};

static souk_status remote_page(void *ctx, uint64_t from, struct souk_bytes *ret)
{
	struct remote_snapshot *remote = ctx;
	char path[96];
	if (remote->has_answer)
		souk_http_answer_done(&remote->answer);
	remote->has_answer = false;
	snprintf(path, sizeof path, "/v1/snapshot?from=%" PRIu64 "&height=%" PRIu64, from,
		remote->exported->from_height);
	souk_status status = pages_get(remote->pages, path, &remote->answer);
	if (status != SOUK_OK)
		return status;
	remote->has_answer = true;
	*ret = souk_bytes_of(remote->answer.body, remote->answer.size);
	return SOUK_OK;
}

static souk_status file_page(void *ctx, uint64_t from, struct souk_bytes *ret)
{
	static uint8_t memory[1 << 16];
	FILE *in = ctx;
	(void)from;
	*ret = souk_bytes_of(memory, fread(memory, 1, sizeof memory, in));
	return ferror(in) ? SOUK_IO_READ : SOUK_OK;
}

static souk_status export_from_file(struct pages *pages, FILE *file, struct exported *exported)
{
	FILE *in = fopen(export_snapshot, "rb");
	if (in == NULL) {
		snprintf(pages->detail, sizeof pages->detail, "%.200s: %s", export_snapshot,
			strerror(errno));
		return SOUK_IO_READ;
	}
	souk_status status = copy_snapshot(file, exported, file_page, in);
	fclose(in);
	if (status != SOUK_OK)
		snprintf(pages->detail, sizeof pages->detail, "%.200s is no snapshot",
			export_snapshot);
	return status;
}

/* The genesis of a ledger that has all its blocks; of a pruned one, the snapshot they start from.
 */
static souk_status export_head(struct pages *pages, FILE *file, struct exported *exported)
{
	struct remote_snapshot remote = {.pages = pages, .exported = exported};
	if (export_snapshot != NULL)
		return export_from_file(pages, file, exported);
	souk_status status = copy_snapshot(file, exported, remote_page, &remote);
	if (remote.has_answer)
		souk_http_answer_done(&remote.answer);
	if (status != SOUK_LOCAL_NOT_FOUND || exported->bytes != 0)
		return status;
	pages->detail[0] = '\0';
	return export_genesis(pages, file);
}

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
		souk_status status = pages_get_from(
			pages, exported->from_height + exported->blocks + 1, &answer);
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
	souk_status status = export_head(pages, file, exported);
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

static void print_exported(const char *path, const struct exported *exported)
{
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "file", path, "kind",
			exported->from_height ? "snapshot" : "log", "from_height",
			(json_int_t)exported->from_height, "blocks", (json_int_t)exported->blocks,
			"transactions", (json_int_t)exported->txs, "size_bytes",
			(json_int_t)exported->bytes));
		return;
	}
	printf("%s: ", path);
	if (exported->from_height != 0)
		printf("a snapshot at block %" PRIu64 ", then ", exported->from_height);
	printf("%" PRIu64 " blocks, %" PRIu64 " transactions, %s\n", exported->blocks,
		exported->txs, cli_size_text(exported->bytes));
}

int ledger_export(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"from-snapshot", "SNAPSHOT", "start with this file, and add the blocks after it",
			OPTION_TEXT, &export_snapshot},
	};
	static const struct command_spec command = {.name = "ledger export",
		.arguments = "FILE",
		.summary = "Save the log of the ledger, for souk ledger verify anywhere.",
		.details = "It starts with the genesis; that of a pruned ledger, with the snapshot "
			   "it goes\non from.",
		.examples = "  souk ledger export bazaar.log && souk ledger verify bazaar.log\n"
			    "  souk ledger export --from-snapshot monday.souk today.souk",
		.arguments_min = 1,
		.arguments_max = 1,
		.options = options,
		.option_count = 1};
	struct pages pages;
	struct exported exported = {0, 0, 0, 0};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = pages_open(&pages);
	if (status == SOUK_OK)
		status = export_to(&pages, argv[0], &exported);
	int code = status == SOUK_OK ? 0 : pages_fail(command.name, &pages, status);
	souk_http_client_free(pages.http);
	if (code == 0)
		print_exported(argv[0], &exported);
	return code;
}
