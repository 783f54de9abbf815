/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_row.h"

#include <stdlib.h>
#include <string.h>

souk_status chunk_row_take(
	struct souk_hash **ret, const struct souk_content *content, struct souk_bytes bytes)
{
	uint32_t count = souk_content_chunk_count(content);
	size_t size = (size_t)count * SOUK_HASH_SIZE;
	if (count == 1)
		bytes = souk_bytes_of(content->id.bytes, SOUK_HASH_SIZE);
	if (bytes.size != size)
		return SOUK_PEER_BAD_CONTENT;
	struct souk_hash *row = malloc(size);
	if (row == NULL)
		return SOUK_IO_MEMORY;
	memcpy(row, bytes.data, size);
	souk_status status = souk_content_verify_row(content, row, count, row);
	if (status != SOUK_OK) {
		free(row);
		return status;
	}
	/* The check has used it up. */
	memcpy(row, bytes.data, size);
	*ret = row;
	return SOUK_OK;
}
