/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_page.h - the pages a gateway makes itself: listings, its index, and what went wrong.
 *
 * Plain HTML without scripts, or JSON. Names and paths are of strangers: all text is escaped, and
 * no page may load anything.
 *
 *   begin --row, row, ...--> end
 *
 * A page has a maximum given at its start. Rows that do not fit any more are left out, which is
 * only so where names are as long as they can be; a page of GATEWAY_PAGE_ROWS rows always fits.
 *
 * Memory: the caller's. Threads: one owner. */
#ifndef SOUK_DAEMON_GATEWAY_PAGE_H
#define SOUK_DAEMON_GATEWAY_PAGE_H

#include <stdbool.h>

#include "souk/base/bytes.h"

#define GATEWAY_PAGE_ROWS 1000u
/* Enough for any page of so many rows. */
#define GATEWAY_PAGE_SIZE_MAX (GATEWAY_PAGE_ROWS * 3072u + 65536u)
/* The headers of all of them. */
#define GATEWAY_PAGE_POLICY                                                                        \
	"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "                  \
	"base-uri 'none'; form-action 'none'"

struct gateway_page {
	struct souk_writer writer;
	bool is_json;
	bool has_rows;
};

/* TEXT as it stands between tags or in a quoted attribute. */
void gateway_page_text(struct gateway_page *page, const char *text);
/* TEXT as one component of a path. */
void gateway_page_url(struct gateway_page *page, const char *text);
/* PATH with its slashes, each component as above. */
void gateway_page_path(struct gateway_page *page, const char *path);

/* A row of a listing. */
struct gateway_row {
	const char *name;
	bool is_folder;
	uint64_t size;
	uint32_t file_count;	    /* of a folder */
	const struct souk_hash *id; /* of a file; NULL for a folder */
};

/* PATH is where the folder is, "ID/docs/"; PART of PARTS pages, from 1; COUNT entries in all of
 * TOTAL bytes. */
struct gateway_folder {
	const char *title;
	const char *path;
	bool is_root;
	uint32_t part, parts;
	uint32_t count;
	uint64_t total;
};

void gateway_listing_begin(struct gateway_page *page, void *memory, size_t max, bool is_json,
	const struct gateway_folder *folder);
void gateway_listing_row(struct gateway_page *page, const struct gateway_row *row);
struct souk_bytes gateway_listing_end(
	struct gateway_page *page, const struct gateway_folder *folder);

/* A content that is on this machine, whole or in part. */
struct gateway_held {
	const char *name; /* as its URL has it */
	const char *title;
	uint64_t size;
	uint32_t chunks, chunks_here;
};

/* What the index says of the gateway. Amounts are texts, in coins. */
struct gateway_state {
	const char *url; /* "http://127.0.0.1:7680" */
	const char *payer;
	const char *budget, *spent, *given; /* given: to fetches that run */
	const char *price_max;		    /* "": none */
	uint64_t cache_used, cache_limit, pinned;
	uint32_t fetching;
	bool is_cut; /* more is held than is listed */
};

void gateway_index_begin(struct gateway_page *page, void *memory, size_t max, bool is_json,
	const struct gateway_state *state);
void gateway_index_row(struct gateway_page *page, const struct gateway_held *held);
struct souk_bytes gateway_index_end(struct gateway_page *page, const struct gateway_state *state);

/* STATUS 404, say; WHAT one sentence; HINT what to do next, or NULL. */
struct souk_bytes gateway_problem_page(void *memory, size_t max, unsigned status, const char *title,
	const char *what, const char *hint);
#define GATEWAY_PROBLEM_SIZE_MAX 16384u

/* "1.4 MiB". */
#define GATEWAY_SIZE_TEXT 24
void gateway_size_text(char out[GATEWAY_SIZE_TEXT], uint64_t size);

#endif
