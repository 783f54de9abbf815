/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_internal.h - what the files of the gateway node share. */
#ifndef SOUK_DAEMON_GATEWAY_INTERNAL_H
#define SOUK_DAEMON_GATEWAY_INTERNAL_H

#include <stdatomic.h>

#include "../client/name_client.h"
#include "gateway_contents.h"
#include "gateway_guard.h"
#include "gateway_node.h"
#include "gateway_tree.h"
#include "listen_address.h"
#include "souk/io/http_server.h"

struct gateway_node {
	struct gateway_node_config config;
	char url[LISTEN_URL_SIZE];
	uint16_t port;
	struct provider_store own_store; /* where there is no provider */
	bool has_own_store;
	struct chunk_store *own_chunks;
	struct chunk_store *chunks;
	struct gateway_purse *purse;
	struct market_memory *memory;
	struct gateway_contents *contents;
	struct gateway_trees *trees;
	struct name_client *names;
	struct souk_signed_admission admission;
	struct souk_http_server *server;
};

/* A request on its way. */
struct gateway_call {
	struct gateway_node *node;
	const struct souk_http_request *request;
	struct souk_http_reply *reply;
	enum gateway_host_kind host;
	enum gateway_visit_kind visit;
	const char *origin; /* of the page that asks; NULL: none is said */
	bool is_head;
	bool wants_html; /* problems as a page */
	bool is_mutable; /* by a name: the next answer may be another */
};

/* Answer with STATUS of a fetch, and DETAIL: a sentence, and perhaps a second line with what to do.
 */
void gateway_refuse(struct gateway_call *call, souk_status status, const char *detail);
/* The same with an HTTP status of one's own. */
void gateway_refuse_as(
	struct gateway_call *call, unsigned http_status, souk_status status, const char *detail);
/* The headers that all answers have. */
void gateway_add_header(struct gateway_call *call, const char *name, const char *value);
void gateway_add_common(struct gateway_call *call);

/* Answer with the content NAME. TYPE is its media type, NULL: what its bytes say. SHOWN_AT, where
 * it is a page, is the path of it under its own origin, of the content ROOT; NULL: there is none.
 */
struct gateway_file {
	struct souk_content_name name;
	const char *title; /* what it is listed under; NULL: not known */
	const char *type;
	const struct souk_hash *root;
	const char *shown_at;
	/* A file of the pack of TREE; NULL: it is none. */
	const struct souk_directory_entry *packed;
	struct gateway_tree *tree;
};
void gateway_serve_file(struct gateway_call *call, const struct gateway_file *file);
/* The same with an open reader of it, which is consumed. */
void gateway_serve_reader(
	struct gateway_call *call, const struct gateway_file *file, struct gateway_reader *reader);

/* gateway_pack_read: the bytes of FILE, which is a packed one, out of the pack.
 *
 *  Out: ret  heap; NULL where it is to be taken by its own id: the pack is not to be had
 *
 * Returns SOUK_OK, or with a sentence in DETAIL
 *   SOUK_PEER_BAD_DIRECTORY  the pack is not of the files that the directory names.
 *   SOUK_IO_MEMORY, or as gateway_reader_open and _read. */
SOUK_MUST_CHECK souk_status gateway_pack_read(struct gateway_call *call,
	const struct gateway_file *file, uint8_t **ret, char detail[FETCH_DETAIL_SIZE]);

/* Answer with the index. */
void gateway_serve_index(struct gateway_call *call);
/* Answer with the listing of folder PATH of TREE; WHERE is how its URL shows it. */
void gateway_serve_listing(struct gateway_call *call, const struct souk_directory *tree,
	const char *path, const char *where);

souk_http_handler gateway_handler;

#endif
