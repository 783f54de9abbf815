/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_row.h - a content's chunk row, as somebody gave it.
 *
 * Memory: heap. Threads: any. Spec: spec/content.md 2. */
#ifndef SOUK_CLIENT_CHUNK_ROW_H
#define SOUK_CLIENT_CHUNK_ROW_H

#include "souk/content/chunk.h"

/* chunk_row_take: BYTES as the row of CONTENT, which has chunks. That of a single one is the
 * content's id, whatever BYTES are.
 *
 * Returns SOUK_OK and *RET, to be freed; or
 *   SOUK_PEER_BAD_CONTENT  they are not: ask another one.
 *   SOUK_IO_MEMORY */
SOUK_MUST_CHECK souk_status chunk_row_take(
	struct souk_hash **ret, const struct souk_content *content, struct souk_bytes bytes);

#endif
