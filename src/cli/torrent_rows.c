/* SPDX-License-Identifier: Apache-2.0 */
#include "torrent_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/provider_client.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

#define TIMEOUT_MS 5000u

void torrent_rows_open(struct torrent_rows *rows, const char *home, const char *ledger_url)
{
	*rows = (struct torrent_rows){.ledger_url = ledger_url, .timeout_ms = TIMEOUT_MS};
	rows->has_store = strlen(home) < sizeof rows->store.home &&
			  provider_store_open(&rows->store, home, true) == SOUK_OK;
}

void torrent_rows_close(struct torrent_rows *rows)
{
	if (rows->has_store)
		provider_store_close(&rows->store);
	free(rows->entries);
}

static souk_status say(struct torrent_rows *rows, souk_status status, const char *text)
{
	snprintf(rows->detail, sizeof rows->detail, "%s", text);
	return status;
}

/* ------------------------------------------------------------------ finding */

/* Only what is whole: of a part, rows and bytes are not all there to be checked. */
static bool find_here(
	struct torrent_rows *rows, const struct souk_content_name *name, struct torrent_source *ret)
{
	struct souk_content_record record;
	char have[512];
	if (!rows->has_store ||
		provider_store_content(&rows->store, &name->id, &record) != SOUK_OK ||
		souk_content_check(&ret->content, name, record.size, record.chunk_size) != SOUK_OK)
		return false;
	provider_store_have_path(&rows->store, &name->id, have);
	snprintf(ret->name, sizeof ret->name, "%s", record.name.text);
	ret->is_here = access(have, F_OK) < 0;
	return ret->is_here;
}

static souk_status ask_market(struct torrent_rows *rows)
{
	struct souk_chain_client *chain = souk_chain_client_new(rows->ledger_url);
	if (chain == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = market_list(chain, &rows->entries, &rows->entry_count);
	if (status != SOUK_OK)
		snprintf(rows->detail, sizeof rows->detail,
			"it is not in this home, and the ledger at %.100s does not answer: %.80s",
			rows->ledger_url, souk_chain_detail(chain));
	souk_chain_client_free(chain);
	return status;
}

souk_status torrent_rows_find(
	struct torrent_rows *rows, const struct souk_content_name *name, struct torrent_source *ret)
{
	memset(ret, 0, sizeof *ret);
	if (find_here(rows, name, ret))
		return SOUK_OK;
	if (rows->entries == NULL)
		SOUK_TRY(ask_market(rows));
	SOUK_TRY(market_ask_offers(rows->entries, rows->entry_count, name, rows->timeout_ms));
	if (rows->entry_count == 0 || market_sort(rows->entries, rows->entry_count) == 0)
		return say(rows, SOUK_LOCAL_NOT_FOUND, "neither this home nor the market has it");
	const struct souk_offer *offer = &rows->entries[0].offer.offer;
	ret->seller = &rows->entries[0];
	return souk_content_check(&ret->content, name, offer->size, offer->chunk_size);
}

souk_status torrent_rows_find_file(struct torrent_rows *rows,
	const struct souk_directory *directory, const struct souk_directory_entry *entry,
	struct torrent_source *ret)
{
	struct souk_content_name name = souk_directory_content_name(entry);
	struct souk_content_name pack = souk_directory_pack_name(directory);
	struct torrent_source packed = {0};
	if (entry->is_packed && find_here(rows, &pack, &packed)) {
		*ret = (struct torrent_source){
			.content = {entry->id, entry->size, packed.content.chunk_size},
			.is_here = true,
			.is_packed = true,
			.pack = pack.id,
			.offset = entry->pack_offset};
		return SOUK_OK;
	}
	souk_status status = torrent_rows_find(rows, &name, ret);
	if (status == SOUK_LOCAL_NOT_FOUND && entry->is_packed)
		return say(rows, status,
			"it is in the folder's pack only, which is not in this home: have the "
			"folder with souk get, and put it here with souk add");
	return status;
}

/* ------------------------------------------------------------------ rows */

static souk_status row_here(struct torrent_rows *rows, const struct souk_content *content,
	size_t count, struct souk_hash **ret)
{
	char path[512], *data;
	size_t size;
	provider_store_row_path(&rows->store, &content->id, path);
	SOUK_TRY(souk_file_read(path, count * SOUK_HASH_SIZE, &data, &size));
	if (size != count * SOUK_HASH_SIZE) {
		free(data);
		return say(rows, SOUK_CORRUPT_CONTENT, "its chunk row has another length");
	}
	*ret = (struct souk_hash *)data;
	return SOUK_OK;
}

/* Each seller in turn, the cheapest first. */
static souk_status row_there(struct torrent_rows *rows, const struct souk_content *content,
	size_t count, struct souk_hash **ret)
{
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	for (size_t i = 0; i < rows->entry_count && rows->entries[i].status == SOUK_OK; i++) {
		struct provider_client client;
		const struct souk_offer *offer = &rows->entries[i].offer.offer;
		if (offer->size != content->size || offer->chunk_size != content->chunk_size)
			continue;
		SOUK_TRY(provider_client_init(&client, &rows->entries[i].record, rows->timeout_ms));
		status = provider_client_row(&client, &content->id, count, ret);
		snprintf(rows->detail, sizeof rows->detail, "%s", client.control.detail);
		provider_client_done(&client);
		if (status == SOUK_OK)
			return SOUK_OK;
	}
	return status;
}

static souk_status verified_row(struct torrent_rows *rows, const struct torrent_source *source,
	struct souk_hash **ret, size_t *ret_count)
{
	size_t count = souk_content_chunk_count(&source->content);
	struct souk_hash *row, *scratch = calloc(count, sizeof *scratch);
	if (scratch == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = source->is_here ? row_here(rows, &source->content, count, &row)
					     : row_there(rows, &source->content, count, &row);
	if (status == SOUK_OK) {
		status = souk_content_verify_row(&source->content, row, count, scratch);
		if (status != SOUK_OK) {
			free(row);
			say(rows, status, "its chunk row does not lead to its id");
		}
	}
	free(scratch);
	SOUK_TRY(status);
	*ret = row;
	*ret_count = count;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ bytes */

/* Where chunks are longer than pieces, or are not the file's own: hash the bytes again, by the
 * piece. */
static souk_status hash_pieces(struct torrent_rows *rows, const struct torrent_source *source,
	uint32_t piece_length, int fd, struct souk_hash *row, size_t count)
{
	struct souk_content_builder builder;
	struct souk_content content;
	uint8_t *piece = malloc(piece_length);
	struct souk_hash *scratch = calloc(count, sizeof *scratch);
	souk_status status = piece == NULL || scratch == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	souk_content_builder_init(&builder, piece_length, row, (uint32_t)count);
	while (status == SOUK_OK && builder.size < source->content.size) {
		uint64_t left = source->content.size - builder.size;
		size_t size = left < piece_length ? (size_t)left : piece_length;
		status = souk_file_read_at(fd, piece, size, source->offset + builder.size);
		if (status == SOUK_OK)
			status = souk_content_builder_add(&builder, souk_bytes_of(piece, size));
	}
	if (status == SOUK_OK) {
		souk_content_builder_finish(&builder, scratch, &content);
		if (!souk_hash_equal(&content.id, &source->content.id))
			status = say(rows, SOUK_CORRUPT_CONTENT, "its bytes are not its own");
	}
	free(piece);
	free(scratch);
	return status;
}

static souk_status layer_of_bytes(struct torrent_rows *rows, const struct torrent_source *source,
	uint32_t piece_length, struct souk_hash **ret, size_t *ret_count)
{
	uint64_t count = souk_torrent_pieces(source->content.size, piece_length);
	char path[512];
	if (!source->is_here)
		return say(rows, SOUK_LOCAL_STATE,
			"the torrent's pieces are shorter than its chunks, so its bytes are "
			"needed: "
			"export it from a home that has them");
	if (count > SOUK_TORRENT_PIECES_MAX)
		return say(rows, SOUK_LOCAL_FULL, "a torrent has no more than 2097152 pieces");
	provider_store_data_path(
		&rows->store, source->is_packed ? &source->pack : &source->content.id, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return say(rows, SOUK_IO_READ, strerror(errno));
	struct souk_hash *row = calloc((size_t)count, sizeof *row);
	souk_status status =
		row == NULL ? SOUK_IO_MEMORY
			    : hash_pieces(rows, source, piece_length, fd, row, (size_t)count);
	close(fd);
	if (status != SOUK_OK) {
		free(row);
		return status;
	}
	*ret = row;
	*ret_count = (size_t)count;
	return SOUK_OK;
}

souk_status torrent_rows_layer(struct torrent_rows *rows, const struct torrent_source *source,
	uint32_t piece_length, struct souk_hash **ret, size_t *ret_count)
{
	struct souk_hash *row;
	size_t count;
	if (source->is_packed || piece_length < source->content.chunk_size)
		return layer_of_bytes(rows, source, piece_length, ret, ret_count);
	SOUK_TRY(verified_row(rows, source, &row, &count));
	*ret_count = souk_torrent_reduce(row, count, source->content.chunk_size, piece_length);
	*ret = row;
	return SOUK_OK;
}

souk_status torrent_rows_bytes(
	struct torrent_rows *rows, const struct torrent_source *source, uint8_t **ret)
{
	char path[512], *data;
	size_t size;
	if (!source->is_here)
		return say(rows, SOUK_LOCAL_NOT_FOUND, "it is not in this home");
	provider_store_data_path(&rows->store, &source->content.id, path);
	SOUK_TRY(souk_file_read(path, SOUK_DIRECTORY_SIZE_MAX, &data, &size));
	if (size != source->content.size) {
		free(data);
		return say(rows, SOUK_CORRUPT_CONTENT, "it has another length than its record");
	}
	*ret = (uint8_t *)data;
	return SOUK_OK;
}
