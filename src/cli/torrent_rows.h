/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent_rows.h - where a torrent's piece layers come from: the chunk rows of its contents.
 *
 *   the home's row --.
 *                     >-- as long as a piece: the layer; shorter: joined; longer: the bytes,
 *   a provider's row -'                                                   from the home only
 *   the home's pack: the bytes
 *
 * Rows are given away: no money is needed. A folder's bytes, which list its files, are for
 * sale: they are fetched as souk get does, where the user asks for it.
 * Memory: heap. Threads: one owner. */
#ifndef SOUK_CLI_TORRENT_ROWS_H
#define SOUK_CLI_TORRENT_ROWS_H

#include "../client/market.h"
#include "../daemon/provider_store.h"
#include "souk/content/directory.h"
#include "souk/content/torrent.h"

#define TORRENT_ROWS_DETAIL_SIZE 512

struct torrent_rows {
	struct provider_store store;
	bool has_store;
	const char *ledger_url;
	struct market_entry *entries; /* of the market, once it was asked */
	size_t entry_count;
	uint64_t timeout_ms;
	char detail[TORRENT_ROWS_DETAIL_SIZE]; /* of the last failure */
};

/* The home's store, where it has one. */
void torrent_rows_open(struct torrent_rows *rows, const char *home, const char *ledger_url);
void torrent_rows_close(struct torrent_rows *rows);

/* A content as the home or the market has it. */
struct torrent_source {
	struct souk_content content;
	char name[160]; /* "" where nobody knows */
	bool is_here;	/* whole, in the home */
	bool is_packed; /* its bytes are those from OFFSET on of the content PACK, which is here */
	struct souk_hash pack;
	uint64_t offset;
	const struct market_entry *seller;
};

/* Each returns SOUK_OK, or, with a sentence in rows->detail,
 *   SOUK_LOCAL_NOT_FOUND  neither the home nor the market has it.
 *   SOUK_LOCAL_STATE      its chunks are longer than a piece, and its bytes are not here.
 *   SOUK_PEER_*, SOUK_IO_*, SOUK_CORRUPT_CONTENT  as they say. */
SOUK_MUST_CHECK souk_status torrent_rows_find(struct torrent_rows *rows,
	const struct souk_content_name *name, struct torrent_source *ret);
/* ENTRY of DIRECTORY: out of the pack, where that is here. As above. */
SOUK_MUST_CHECK souk_status torrent_rows_find_file(struct torrent_rows *rows,
	const struct souk_directory *directory, const struct souk_directory_entry *entry,
	struct torrent_source *ret);
/* The layer for pieces of PIECE_LENGTH; *RET is heap. */
SOUK_MUST_CHECK souk_status torrent_rows_layer(struct torrent_rows *rows,
	const struct torrent_source *source, uint32_t piece_length, struct souk_hash **ret,
	size_t *ret_count);
/* All bytes of a content that is here, of SOUK_DIRECTORY_SIZE_MAX at most; *RET is heap. */
SOUK_MUST_CHECK souk_status torrent_rows_bytes(
	struct torrent_rows *rows, const struct torrent_source *source, uint8_t **ret);

/* The same of a content that is in the market: fetched, and paid by a sponsor or from the home's
 * escrow. Also SOUK_LOCAL_FULL where it is too long for a folder, and as fetch_open and fetch_run.
 */
SOUK_MUST_CHECK souk_status torrent_rows_buy(struct torrent_rows *rows,
	const struct torrent_source *source, const char *home, uint8_t **ret);

#endif
