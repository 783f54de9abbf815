/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a folder that is in the market, for its torrent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/fetch.h"
#include "../client/identity_file.h"
#include "torrent_rows.h"

struct buffer {
	uint8_t *bytes;
	struct souk_content content;
};

/* On a worker's thread; each chunk has a place of its own. */
static souk_status take_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct buffer *buffer = ctx;
	uint64_t offset = souk_content_chunk_offset(&buffer->content, chunk);
	memcpy(buffer->bytes + offset, data.data, data.size);
	return SOUK_OK;
}

static souk_status fetch_into(struct torrent_rows *rows, const struct torrent_source *source,
	const char *home, struct buffer *buffer)
{
	struct souk_content_name name = souk_content_name_of(&source->content);
	struct souk_identity identity;
	struct fetch_config config = {.home = home,
		.ledger_url = rows->ledger_url,
		.name = name,
		.payer = FETCH_SPONSOR_FIRST,
		.events = {.ctx = buffer, .chunk = take_chunk}};
	struct fetch *fetch;
	char path[500];
	snprintf(path, sizeof path, "%s/identity.key", home);
	/* Without a key there is no money of one's own; a sponsor may pay all the same. */
	if (identity_file_load(&identity, path) == SOUK_OK)
		config.identity = &identity;
	souk_status status = fetch_open(&fetch, &config, rows->detail);
	if (status == SOUK_OK) {
		buffer->content = *fetch_content(fetch);
		status = buffer->content.size == source->content.size
				 ? fetch_run(fetch, rows->detail)
				 : SOUK_PEER_BAD_CONTENT;
		fetch_free(fetch);
	}
	if (config.identity != NULL)
		souk_bytes_wipe(&identity, sizeof identity);
	return status;
}

souk_status torrent_rows_buy(struct torrent_rows *rows, const struct torrent_source *source,
	const char *home, uint8_t **ret)
{
	struct buffer buffer;
	if (source->content.size > SOUK_DIRECTORY_SIZE_MAX) {
		snprintf(rows->detail, sizeof rows->detail, "it is too long to be a folder");
		return SOUK_LOCAL_FULL;
	}
	buffer.bytes = malloc((size_t)source->content.size + 1);
	if (buffer.bytes == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = fetch_into(rows, source, home, &buffer);
	if (status != SOUK_OK) {
		free(buffer.bytes);
		return status;
	}
	*ret = buffer.bytes;
	return SOUK_OK;
}
