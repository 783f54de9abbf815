/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask, and where a path leads. */
#include <stdio.h>
#include <string.h>

#include "gateway_internal.h"
#include "gateway_page.h"
#include "gateway_type.h"

/* Of a decoded path: longer than any file's. */
#define PATH_MAX_SIZE (2 * SOUK_DIRECTORY_PATH_MAX)
#define NAME_FRESH_MS 5000u

/* What a path names: a content, and a path below it. */
struct place {
	struct souk_content_name name;
	char where[SOUK_NAME_TEXT_SIZE + 16]; /* how the URL shows it: "/ID", "" under its origin */
	const char *below;		      /* from its "/" on; "" where there is none */
};

static void redirect(
	struct gateway_call *call, unsigned status, const char *where, const char *below)
{
	char url[SOUK_HTTP_HEADER_VALUE_SIZE];
	struct gateway_page text;

	/* From a path to itself with a slash; it was decoded, and names may have any character. */
	souk_writer_init(&text.writer, url, sizeof(url) - 1);
	souk_writer_text(&text.writer, where);
	gateway_page_path(&text, below);
	souk_writer_text(&text.writer, "/");
	url[text.writer.size] = 0;
	if (text.writer.full || strncmp(url, "//", 2) == 0) {
		gateway_refuse_as(call, 404, SOUK_LOCAL_NOT_FOUND,
			"the path is too long\nWrite it with a slash at its end.");
		return;
	}
	souk_http_reply_static(call->reply, status, NULL, souk_bytes_of("", 0));
	gateway_add_header(call, "Location", url);
	gateway_add_header(call, "Cache-Control", "no-store");
	gateway_add_common(call);
}

static bool asks_listing(const struct gateway_call *call)
{
	const char *accept = souk_http_request_header(call->request, "Accept");

	return souk_http_request_has_query(call->request, "json") ||
	       souk_http_request_has_query(call->request, "list") ||
	       (accept && strncmp(accept, "application/json", 16) == 0);
}

static void serve_entry(struct gateway_call *call, const struct place *place,
	struct gateway_tree *tree, const struct souk_directory_entry *entry, const char *shown_at)
{
	struct gateway_file file = {
		.name = souk_directory_content_name(entry),
		.title = entry->path,
		.type = gateway_type_of_name(entry->path),
		.root = &place->name.id,
		.shown_at = place->name.has_size ? NULL : shown_at,
		.packed = entry->is_packed ? entry : NULL,
		.tree = tree,
	};
	gateway_serve_file(call, &file);
}

/* A folder: its index.html, or what is in it. PATH has no slash at its end. */
static void serve_folder(struct gateway_call *call, const struct place *place,
	struct gateway_tree *tree, const char *path)
{
	struct souk_directory_entry entry;
	char index[PATH_MAX_SIZE + 16], where[PATH_MAX_SIZE + SOUK_NAME_TEXT_SIZE + 64];

	snprintf(index, sizeof(index), "%s%sindex.html", path, path[0] ? "/" : "");
	if (!asks_listing(call) && gateway_tree_find(tree, index, &entry) == SOUK_OK &&
		!entry.is_folder) {
		serve_entry(call, place, tree, &entry, place->below);
		return;
	}
	snprintf(where, sizeof(where), "%s/%s%s", place->where, path, path[0] ? "/" : "");
	gateway_serve_listing(call, gateway_tree_directory(tree), path, where);
}

static void serve_path(
	struct gateway_call *call, const struct place *place, struct gateway_tree *tree)
{
	struct souk_directory_entry entry;
	char path[PATH_MAX_SIZE];
	size_t size = strlen(place->below + 1);
	bool ends_in_slash = place->below[size] == '/'; /* its last character */

	if (size >= sizeof(path)) {
		gateway_refuse_as(call, 404, SOUK_LOCAL_NOT_FOUND, "there is no such path");
		return;
	}
	memcpy(path, place->below + 1, size + 1);
	if (size > 0 && ends_in_slash)
		path[size - 1] = 0;
	if (gateway_tree_find(tree, path, &entry) != SOUK_OK ||
		(!entry.is_folder && ends_in_slash)) {
		gateway_refuse_as(
			call, 404, SOUK_LOCAL_NOT_FOUND, "there is no such path in this directory");
		return;
	}
	if (!entry.is_folder)
		serve_entry(call, place, tree, &entry, place->below);
	else if (ends_in_slash)
		serve_folder(call, place, tree, path);
	else
		redirect(call, 307, place->where, place->below);
}

/* A content that is no directory, with a reader of it. */
static void serve_alone(
	struct gateway_call *call, const struct place *place, struct gateway_reader *reader)
{
	const char *download = souk_http_request_query(call->request, "download");
	const char *type = download ? gateway_type_of_name(download) : NULL;
	struct gateway_file file = {.name = place->name, .type = type};
	bool is_itself = place->below[0] == 0 || (place->where[0] == 0 && !place->below[1]);

	if (type && strcmp(type, gateway_type_of_name("")) == 0)
		file.type = NULL;
	if (is_itself) {
		gateway_serve_reader(call, &file, reader);
		return;
	}
	gateway_reader_close(reader);
	gateway_refuse_as(
		call, 404, SOUK_PEER_BAD_DIRECTORY, "this content is one file, and no directory");
}

static void serve_place(struct gateway_call *call, const struct place *place)
{
	struct gateway_node *node = call->node;
	char detail[FETCH_DETAIL_SIZE] = "";
	struct gateway_reader *reader;
	struct gateway_tree *tree;

	if (souk_hash_is_zero(&place->name.id)) {
		struct gateway_file empty = {.name = place->name};
		gateway_serve_file(call, &empty);
		return;
	}
	souk_status status = gateway_tree_take(node->trees, node->contents, &place->name,
		souk_http_request_socket(call->request), &tree, &reader, detail);
	if (status == SOUK_PEER_BAD_DIRECTORY) {
		serve_alone(call, place, reader);
		return;
	}
	if (status != SOUK_OK) {
		gateway_refuse(call, status, detail);
		return;
	}
	if (place->below[0] == 0)
		redirect(call, 307, place->where, "");
	else
		serve_path(call, place, tree);
	gateway_tree_give(node->trees, tree);
}

/* "/name/0xPUBLISHER/LABEL/path" */
static void serve_name(struct gateway_call *call, const char *path)
{
	struct name_question question = {
		.ledger_url = call->node->config.ledger_url, .fresh_ms = NAME_FRESH_MS};
	struct name_answer answer;
	char detail[NAME_DETAIL_SIZE] = "", text[SOUK_NAME_TEXT_SIZE];
	const char *label = strchr(path, '/');
	size_t size = label ? (size_t)(label - path) + 1 + strcspn(label + 1, "/") : strlen(path);
	struct place place = {.below = path + size};

	snprintf(text, sizeof(text), "%.*s", size < sizeof(text) ? (int)size : 0, path);
	if (souk_name_parse(&question.name, souk_bytes_text(text)) != SOUK_OK) {
		gateway_refuse_as(call, 404, SOUK_LOCAL_NOT_FOUND,
			"a name is written /name/0xPUBLISHER/LABEL/");
		return;
	}
	call->is_mutable = true;
	souk_status status = name_client_resolve(call->node->names, &question, &answer, detail);
	if (status != SOUK_OK) {
		gateway_refuse_as(call, status == SOUK_LOCAL_NOT_FOUND ? 404 : 502, status, detail);
		return;
	}
	place.name.id = answer.name.name.content;
	snprintf(place.where, sizeof(place.where), "/name/%s", text);
	serve_place(call, &place);
}

/* "/ID", "/ID.SIZE/path" */
static void serve_id(struct gateway_call *call, const char *path)
{
	char text[SOUK_CONTENT_NAME_SIZE];
	size_t size = strcspn(path, "/");
	struct place place = {.below = path + size};

	snprintf(text, sizeof(text), "%.*s", size < sizeof(text) ? (int)size : 0, path);
	if (souk_content_name_parse(&place.name, text) != SOUK_OK) {
		gateway_refuse_as(call, 404, SOUK_LOCAL_NOT_FOUND,
			"a content id has 64 digits, 0 to 9 and a to f");
		return;
	}
	snprintf(place.where, sizeof(place.where), "/%s", text);
	serve_place(call, &place);
}

static void route(struct gateway_call *call, const struct souk_hash *content)
{
	const char *path = call->request->path;

	if (call->host == GATEWAY_HOST_CONTENT) {
		struct place place = {.name = {.id = *content}, .below = path};
		serve_place(call, &place);
	} else if (strcmp(path, "/") == 0 && call->visit != GATEWAY_VISIT_INVITED) {
		gateway_serve_index(call);
	} else if (strncmp(path, "/name/", 6) == 0) {
		serve_name(call, path + 6);
	} else {
		serve_id(call, path + 1);
	}
}

static struct gateway_visit visit_of(const struct souk_http_request *request)
{
	return (struct gateway_visit){
		.host = souk_http_request_header(request, "Host"),
		.site = souk_http_request_header(request, "Sec-Fetch-Site"),
		.mode = souk_http_request_header(request, "Sec-Fetch-Mode"),
		.dest = souk_http_request_header(request, "Sec-Fetch-Dest"),
		.origin = souk_http_request_header(request, "Origin"),
		.referer = souk_http_request_header(request, "Referer"),
		.purpose = souk_http_request_header(request, "Sec-Purpose"),
	};
}

/* What a browser asks before a page that was invited may send an unusual header, such as Range. */
static void answer_preflight(struct gateway_call *call)
{
	if (call->visit != GATEWAY_VISIT_INVITED) {
		gateway_refuse_as(call, 403, SOUK_PEER_FOREIGN_PAGE, NULL);
		return;
	}
	souk_http_reply_static(call->reply, 204, NULL, souk_bytes_of("", 0));
	gateway_add_header(call, "Access-Control-Allow-Methods", "GET, HEAD");
	gateway_add_header(call, "Access-Control-Allow-Headers", "Range, If-Range");
	gateway_add_header(call, "Access-Control-Allow-Private-Network", "true");
	gateway_add_common(call);
}

void gateway_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct gateway_node *node = ctx;
	struct gateway_visit visit = visit_of(request);
	const char *accept = souk_http_request_header(request, "Accept");
	bool is_head = strcmp(request->method, "HEAD") == 0;
	struct souk_hash content;
	struct gateway_call call = {
		.node = node,
		.request = request,
		.reply = reply,
		.host = gateway_host_of(visit.host, node->config.hosts, &content),
		.visit = gateway_visit_of(&visit, node->config.pages),
		.origin = visit.origin,
		.is_head = is_head,
		.wants_html = accept && strstr(accept, "text/html"),
	};

	if (call.host == GATEWAY_HOST_FOREIGN) {
		gateway_refuse_as(&call, 403, SOUK_PEER_BAD_HOST,
			"this gateway does not go by that name\nUse its address, or add the name "
			"to hosts in [gateway] of souk.ini.");
	} else if (strcmp(request->method, "OPTIONS") == 0) {
		answer_preflight(&call);
	} else if (!is_head && strcmp(request->method, "GET") != 0) {
		gateway_refuse_as(&call, 405, SOUK_PEER_BAD_REQUEST, NULL);
		gateway_add_header(&call, "Allow", "GET, HEAD, OPTIONS");
	} else if (call.visit == GATEWAY_VISIT_REFUSED) {
		gateway_refuse_as(&call, 403, SOUK_PEER_FOREIGN_PAGE,
			"a page from elsewhere asked for this\nIf it is to be allowed, add its "
			"origin to pages in [gateway] of souk.ini.");
	} else if (strlen(request->path) >= PATH_MAX_SIZE) {
		gateway_refuse_as(&call, 404, SOUK_LOCAL_NOT_FOUND, "there is no such path");
	} else {
		route(&call, &content);
	}
}
