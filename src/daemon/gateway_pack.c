/* SPDX-License-Identifier: Apache-2.0
 *
 * A small file out of the pack of its directory. It is in memory as a whole, since it is checked by
 * its own id before a byte of it is sent: the pack's id vouches for the pack alone. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway_internal.h"
#include "souk/base/check.h"

/* How long a pack that was not to be had is not asked for again. */
#define AGAIN_MS 30000u

/* Whether FILE is here as a content of its own, and whole. */
static bool is_here_alone(struct gateway_call *call, const struct gateway_file *file)
{
	struct chunk_item *item;

	if (chunk_store_take(call->node->chunks, &file->name.id, &item) != SOUK_OK)
		return false;
	const struct souk_content *content = chunk_item_content(item);
	bool is_whole = content->size == file->name.size &&
			chunk_item_count(item) == souk_content_chunk_count(content);
	chunk_item_give(item);
	return is_whole;
}

/* Whether the chunks of the pack that FILE lies in are here. */
static bool is_here_packed(struct gateway_call *call, const struct gateway_file *file)
{
	const struct souk_directory_pack *pack = &gateway_tree_directory(file->tree)->pack;
	struct chunk_item *item;

	if (chunk_store_take(call->node->chunks, &pack->id, &item) != SOUK_OK)
		return false;
	const struct souk_content *content = chunk_item_content(item);
	uint64_t end = file->packed->pack_offset + file->packed->size;
	uint32_t chunk = (uint32_t)(file->packed->pack_offset / content->chunk_size);
	bool is_here = content->size == pack->size;
	for (; is_here && souk_content_chunk_offset(content, chunk) < end; chunk++)
		is_here = chunk_item_has(item, chunk);
	chunk_item_give(item);
	return is_here;
}

static souk_status read_file(struct gateway_call *call, const struct gateway_file *file,
	uint8_t *out, char detail[FETCH_DETAIL_SIZE])
{
	const struct souk_directory *directory = gateway_tree_directory(file->tree);
	struct souk_content_name name = souk_directory_pack_name(directory);
	char title[SOUK_DIRECTORY_PACK_TITLE_SIZE];
	struct gateway_reader *reader;

	souk_directory_pack_title(title, directory->name);
	SOUK_TRY(gateway_reader_open(&reader, call->node->contents, &name, title,
		file->packed->pack_offset, souk_http_request_socket(call->request), detail));
	souk_status status = gateway_reader_read_all(
		reader, file->packed->pack_offset, out, file->packed->size, detail);
	gateway_reader_close(reader);
	return status;
}

souk_status gateway_pack_read(struct gateway_call *call, const struct gateway_file *file,
	uint8_t **ret, char detail[FETCH_DETAIL_SIZE])
{
	*ret = NULL;
	if (!is_here_packed(call, file) &&
		(!gateway_tree_may_seek_pack(file->tree, AGAIN_MS) || is_here_alone(call, file)))
		return SOUK_OK;
	uint8_t *memory = malloc((size_t)file->packed->size);
	souk_status status = memory ? read_file(call, file, memory, detail) : SOUK_IO_MEMORY;
	if (status == SOUK_OK) {
		status = souk_directory_check_packed(
			file->packed, souk_bytes_of(memory, (size_t)file->packed->size));
		if (status != SOUK_OK)
			snprintf(detail, FETCH_DETAIL_SIZE,
				"the pack of this directory has other bytes for this file than the "
				"directory says\nWhoever published it is to blame.");
	}
	if (status == SOUK_OK) {
		*ret = memory;
		return SOUK_OK;
	}
	free(memory);
	/* It may have been published without. */
	if (!fetch_is_nowhere(status))
		return status;
	gateway_tree_no_pack(file->tree);
	detail[0] = 0;
	return SOUK_OK;
}
