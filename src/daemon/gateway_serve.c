/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents, problems and the headers of answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_internal.h"
#include "gateway_page.h"
#include "gateway_range.h"
#include "gateway_type.h"
#include "souk/base/check.h"

#define ETAG_SIZE   (SOUK_CONTENT_NAME_SIZE + 2)
#define FIRST_BLOCK 16384u

void gateway_add_header(struct gateway_call *call, const char *name, const char *value)
{
	/* What is too long for a header, or cannot stand in one, is left out. */
	souk_status status = souk_http_reply_header(call->reply, name, value);
	(void)status;
}

/* What a browser must know of every answer. */
void gateway_add_common(struct gateway_call *call)
{
	bool may_read = call->visit == GATEWAY_VISIT_INVITED;

	gateway_add_header(call, "X-Content-Type-Options", "nosniff");
	gateway_add_header(
		call, "Cross-Origin-Resource-Policy", may_read ? "cross-origin" : "same-origin");
	gateway_add_header(call, "Vary", "Accept, Origin, Sec-Fetch-Dest, Sec-Fetch-Site");
	if (!may_read || !call->origin)
		return;
	gateway_add_header(call, "Access-Control-Allow-Origin", call->origin);
	gateway_add_header(call, "Access-Control-Expose-Headers",
		"Accept-Ranges, Content-Length, Content-Range, ETag");
}

/* ------------------------------------------------------------------ problems */

static unsigned http_status_of(souk_status status)
{
	switch (status) {
	case SOUK_PEER_UNKNOWN_CONTENT: return 404;
	/* No sponsor pays, and own money does not either. */
	case SOUK_LOCAL_NOT_FOUND:
	case SOUK_LOCAL_BUDGET:
	case SOUK_PEER_UNPAID:
	case SOUK_PEER_NO_ESCROW:
	case SOUK_PEER_ESCROW_CLOSING:
	case SOUK_PEER_NO_ACCOUNT:
	case SOUK_PEER_NO_FUNDS:
	case SOUK_PEER_HUB_CREDIT:
	case SOUK_PEER_SPONSOR_ADMISSION: return 402;
	case SOUK_PEER_SPONSOR_QUOTA: return 429;
	case SOUK_IO_TIMEOUT:
	case SOUK_PEER_SILENT:
	case SOUK_LOCAL_NO_PROVIDER_LEFT: return 504;
	case SOUK_LOCAL_FULL:
	case SOUK_LOCAL_STOPPED:
	case SOUK_IO_MEMORY: return 503;
	case SOUK_IO_DISK_FULL: return 507;
	default: break;
	}
	switch (souk_status_class(status)) {
	case SOUK_CLASS_PEER:
	case SOUK_CLASS_IO: return 502;
	default: return 500;
	}
}

static const char *title_of(unsigned http_status)
{
	switch (http_status) {
	case 402: return "nobody pays for this";
	case 403: return "not from here";
	case 404: return "not found";
	case 405: return "a gateway is only read";
	case 412: return "it is another content";
	case 416: return "there are no such bytes";
	case 429: return "enough for now";
	case 502: return "the market gave no good answer";
	case 503: return "busy";
	case 504: return "no answer in time";
	case 507: return "the disk is full";
	default: return "this did not work";
	}
}

/* What to do, where the one who refused did not say. */
static const char *hint_of(unsigned http_status)
{
	switch (http_status) {
	case 402:
		return "Open an escrow (souk faucet 100, souk escrow open --line 10), set payer = "
		       "sponsor-first or own in [gateway] of souk.ini, or ask the publisher for a "
		       "sponsor (souk publish).";
	case 404: return "Is the id right, and does somebody offer it? Ask with: souk offers ID";
	case 504:
	case 502: return "Are the ledger and the providers up? Try again in a moment.";
	case 503: return "Try again in a moment.";
	default: return NULL;
	}
}

void gateway_refuse_as(
	struct gateway_call *call, unsigned http_status, souk_status status, const char *detail)
{
	char memory[GATEWAY_PROBLEM_SIZE_MAX], what[FETCH_DETAIL_SIZE];

	snprintf(what, sizeof(what), "%s", detail && detail[0] ? detail : souk_status_text(status));
	char *hint = strchr(what, '\n');
	if (hint)
		*hint++ = 0;
	const char *next = hint && hint[0] ? hint : hint_of(http_status);
	if (call->wants_html) {
		struct souk_bytes page = gateway_problem_page(
			memory, sizeof(memory), http_status, title_of(http_status), what, next);
		souk_http_reply_copy(call->reply, http_status, "text/html; charset=utf-8", page);
		gateway_add_header(call, "Content-Security-Policy", GATEWAY_PAGE_POLICY);
	} else {
		snprintf(
			memory, sizeof(memory), "%s%s%s", what, next ? ". " : "", next ? next : "");
		souk_http_reply_problem(call->reply, http_status, status, memory);
	}
	if (http_status == 503 || http_status == 429)
		gateway_add_header(call, "Retry-After", "2");
	gateway_add_header(call, "Cache-Control", "no-store");
	gateway_add_common(call);
}

void gateway_refuse(struct gateway_call *call, souk_status status, const char *detail)
{
	gateway_refuse_as(call, http_status_of(status), status, detail);
}

/* ------------------------------------------------------------------ contents */

static void format_etag(char out[ETAG_SIZE], const struct souk_content_name *name)
{
	struct souk_content_name bare = *name;
	char text[SOUK_CONTENT_NAME_SIZE];

	/* A file has one tag, whether its size was said or not; 64 bytes need it. */
	bare.has_size = name->has_size && name->size == 64;
	souk_content_name_format(text, &bare);
	snprintf(out, ETAG_SIZE, "\"%s\"", text);
}

/* As RFC 6266 has it: whatever the name is, in characters that may stand there. */
static void add_disposition(struct gateway_call *call, const char *filename)
{
	char value[SOUK_HTTP_HEADER_VALUE_SIZE];
	struct gateway_page text;

	souk_writer_init(&text.writer, value, sizeof(value) - 1);
	souk_writer_text(&text.writer, "attachment; filename*=UTF-8''");
	gateway_page_url(&text, filename);
	/* A name that is too long is left to the browser. */
	value[text.writer.full ? strlen("attachment") : text.writer.size] = 0;
	gateway_add_header(call, "Content-Disposition", value);
}

static const char *request_header(const struct gateway_call *call, const char *name)
{
	return souk_http_request_header(call->request, name);
}

static bool is_document(const struct gateway_call *call)
{
	const char *dest = request_header(call, "Sec-Fetch-Dest");

	return dest && (strcmp(dest, "document") == 0 || strcmp(dest, "iframe") == 0);
}

/* Show a page under the origin of its content, where no other publisher's pages are. */
static void send_to_origin(struct gateway_call *call, const struct gateway_file *file)
{
	char host[GATEWAY_HOST_SIZE], url[SOUK_HTTP_HEADER_VALUE_SIZE];
	struct gateway_page text;

	gateway_host_of_content(host, file->root, call->node->port);
	souk_writer_init(&text.writer, url, sizeof(url) - 1);
	souk_writer_text(&text.writer, "http://");
	souk_writer_text(&text.writer, host);
	gateway_page_path(&text, file->shown_at);
	url[text.writer.size] = 0;
	if (text.writer.full) {
		gateway_refuse_as(call, 404, SOUK_LOCAL_FULL, "the path is too long to be shown");
		return;
	}
	souk_http_reply_static(call->reply, 307, NULL, souk_bytes_of("", 0));
	gateway_add_header(call, "Location", url);
	gateway_add_header(call, "Cache-Control", "no-store");
	gateway_add_common(call);
}

static void add_content_headers(struct gateway_call *call, const char *type, const char *etag,
	const struct gateway_cut *cut, uint64_t size)
{
	char range[96];

	gateway_add_header(call, "Accept-Ranges", "bytes");
	if (cut->status == 416)
		snprintf(range, sizeof(range), "bytes */%ju", (uintmax_t)size);
	else
		snprintf(range, sizeof(range), "bytes %ju-%ju/%ju", (uintmax_t)cut->first,
			(uintmax_t)(cut->first + cut->size - 1), (uintmax_t)size);
	if (cut->status == 206 || cut->status == 416)
		gateway_add_header(call, "Content-Range", range);
	if (cut->status >= 400)
		return;
	gateway_add_header(call, "ETag", etag);
	gateway_add_header(call, "Cache-Control",
		call->is_mutable ? "no-cache" : "public, max-age=31536000, immutable");
	/* Where the page may be next to those of others, it is locked in. */
	if (gateway_type_is_active(type) && call->host == GATEWAY_HOST_SHARED)
		gateway_add_header(call, "Content-Security-Policy",
			"sandbox allow-scripts allow-forms allow-popups allow-downloads");
	const char *download = souk_http_request_query(call->request, "download");
	if (download && cut->status != 304)
		add_disposition(call, download);
}

/* A reply that is being streamed. */
struct stream {
	struct gateway_reader *reader;
	uint64_t first;
};

static size_t read_stream(void *ctx, uint64_t offset, uint8_t *out, size_t size)
{
	struct stream *stream = ctx;
	char detail[FETCH_DETAIL_SIZE];
	size_t got;

	/* Who waits for the first byte does not wait for many others to be copied. */
	if (offset == 0 && size > FIRST_BLOCK)
		size = FIRST_BLOCK;
	/* A reply of headers alone has no stream. */
	return stream && gateway_reader_read(stream->reader, stream->first + offset, out, size,
				 &got, detail) == SOUK_OK
		       ? got
		       : 0;
}

static void free_stream(void *ctx)
{
	struct stream *stream = ctx;

	gateway_reader_close(stream->reader);
	free(stream);
}

/* See that the first byte is here before anything is promised. */
static souk_status see_first(
	struct gateway_reader *reader, const struct gateway_cut *cut, char *detail)
{
	uint8_t byte;
	size_t got;

	gateway_reader_limit(reader, cut->first, cut->size);
	return gateway_reader_read(reader, cut->first, &byte, 1, &got, detail);
}

/* READER is consumed. */
static void stream_cut(struct gateway_call *call, const char *type, const struct gateway_cut *cut,
	struct gateway_reader *reader)
{
	char detail[FETCH_DETAIL_SIZE] = "";
	struct stream *stream = malloc(sizeof(*stream));
	souk_status status = stream ? SOUK_OK : SOUK_IO_MEMORY;

	if (status == SOUK_OK && !call->is_head)
		status = see_first(reader, cut, detail);
	if (status != SOUK_OK) {
		gateway_refuse(call, status, detail);
		gateway_reader_close(reader);
		free(stream);
		return;
	}
	*stream = (struct stream){reader, cut->first};
	souk_http_reply_stream(
		call->reply, cut->status, type, cut->size, read_stream, free_stream, stream);
}

/* CUT of FILE from memory, where it was read out of a pack; else from READER, where there is one;
 * else nothing of it is read. Both are consumed. */
static void send_cut(struct gateway_call *call, const char *type, const struct gateway_cut *cut,
	uint8_t *memory, struct gateway_reader *reader)
{
	if (memory)
		souk_http_reply_owned(call->reply, cut->status, type,
			souk_bytes_of(memory + cut->first, (size_t)cut->size), free, memory);
	else if (reader)
		stream_cut(call, type, cut, reader);
	else
		souk_http_reply_stream(
			call->reply, cut->status, type, cut->size, read_stream, NULL, NULL);
	if (memory)
		gateway_reader_close(reader);
}

/* 304, 412, 416, and what is empty. SIZE is the whole file's. */
static void send_nothing(struct gateway_call *call, const char *type, const struct gateway_cut *cut,
	uint64_t size, const char *etag)
{
	char detail[FETCH_DETAIL_SIZE];

	if (cut->status < 400) {
		/* 304 states the size of what is not sent, or none at all: never 0 for it. */
		souk_http_reply_stream(call->reply, cut->status, cut->status == 304 ? NULL : type,
			size, read_stream, NULL, NULL);
		return;
	}
	snprintf(detail, sizeof(detail), "the content has %ju bytes, and the tag %s",
		(uintmax_t)size, etag);
	gateway_refuse_as(call, cut->status, SOUK_PEER_BAD_REQUEST, detail);
}

/* Have the bytes of a CUT that is sent: in MEMORY, which is heap, or by READER. */
static souk_status open_cut(struct gateway_call *call, const struct gateway_file *file,
	const struct gateway_cut *cut, uint8_t **memory, struct gateway_reader **reader,
	char detail[FETCH_DETAIL_SIZE])
{
	if (file->packed)
		SOUK_TRY(gateway_pack_read(call, file, memory, detail));
	if (*memory || *reader)
		return SOUK_OK;
	return gateway_reader_open(reader, call->node->contents, &file->name, file->title,
		cut->first, souk_http_request_socket(call->request), detail);
}

/* READER is consumed. Where it is NULL, it is opened once something of it is to be sent. */
static void serve_cut(struct gateway_call *call, const struct gateway_file *file, const char *type,
	uint64_t size, struct gateway_reader *reader)
{
	struct gateway_conditions conditions = {
		.is_get = !call->is_head,
		.range = request_header(call, "Range"),
		.if_range = request_header(call, "If-Range"),
		.if_match = request_header(call, "If-Match"),
		.if_none_match = request_header(call, "If-None-Match"),
	};
	char etag[ETAG_SIZE], detail[FETCH_DETAIL_SIZE] = "";
	uint8_t *memory = NULL; /* of a packed file */
	souk_status status = SOUK_OK;

	format_etag(etag, &file->name);
	struct gateway_cut cut = gateway_cut_of(&conditions, etag, size);
	bool has_body = cut.status < 300 && cut.size > 0;
	if (has_body && !call->is_head)
		status = open_cut(call, file, &cut, &memory, &reader, detail);
	if (status != SOUK_OK) {
		gateway_refuse(call, status, detail);
		gateway_reader_close(reader);
		return;
	}
	if (has_body) {
		send_cut(call, type, &cut, memory, reader);
	} else {
		send_nothing(call, type, &cut, size, etag);
		gateway_reader_close(reader);
	}
	if (call->reply->status == cut.status) {
		add_content_headers(call, type, etag, &cut, size);
		if (cut.status < 400)
			gateway_add_common(call);
	}
}

static bool is_shown_elsewhere(
	const struct gateway_call *call, const struct gateway_file *file, const char *type)
{
	return file->shown_at && call->host == GATEWAY_HOST_SHARED &&
	       call->node->config.own_origins && is_document(call) &&
	       gateway_type_is_active(type) &&
	       !souk_http_request_has_query(call->request, "download");
}

void gateway_serve_file(struct gateway_call *call, const struct gateway_file *file)
{
	char detail[FETCH_DETAIL_SIZE] = "";
	struct gateway_reader *reader;
	souk_status status;

	if (file->type && is_shown_elsewhere(call, file, file->type)) {
		send_to_origin(call, file);
		return;
	}
	if (souk_hash_is_zero(&file->name.id) || (file->type && file->name.has_size)) {
		uint64_t size = souk_hash_is_zero(&file->name.id) ? 0 : file->name.size;
		serve_cut(call, file, file->type ? file->type : "text/plain; charset=utf-8", size,
			NULL);
		return;
	}
	status = gateway_reader_open(&reader, call->node->contents, &file->name, file->title, 0,
		souk_http_request_socket(call->request), detail);
	if (status == SOUK_OK)
		gateway_serve_reader(call, file, reader);
	else
		gateway_refuse(call, status, detail);
}

/* The first bytes of a content say what it is. */
static souk_status look_at_type(
	struct gateway_reader *reader, const char **ret, char detail[FETCH_DETAIL_SIZE])
{
	uint64_t size = gateway_reader_content(reader)->size;
	uint8_t head[GATEWAY_TYPE_HEAD];
	size_t wanted = size < sizeof(head) ? (size_t)size : sizeof(head), got;

	gateway_reader_limit(reader, 0, wanted);
	SOUK_TRY(gateway_reader_read(reader, 0, head, wanted, &got, detail));
	*ret = gateway_type_of_bytes(souk_bytes_of(head, got));
	return SOUK_OK;
}

void gateway_serve_reader(
	struct gateway_call *call, const struct gateway_file *file, struct gateway_reader *reader)
{
	char detail[FETCH_DETAIL_SIZE] = "";
	const char *type = file->type;
	uint64_t size = gateway_reader_content(reader)->size;
	souk_status status = type ? SOUK_OK : look_at_type(reader, &type, detail);

	if (status == SOUK_OK) {
		serve_cut(call, file, type, size, reader);
		return;
	}
	gateway_reader_close(reader);
	gateway_refuse(call, status, detail);
}
