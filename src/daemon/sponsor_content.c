/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor pays for: a content's size, and its chunk row behind. Spec: spec/sponsor.md 8. */
#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "row_answer.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "sponsor_internal.h"

souk_status sponsor_read_row(
	const struct sponsor_node *node, const struct souk_content *content, char **ret)
{
	char path[512];
	size_t size, wanted = souk_content_chunk_count(content) * (size_t)SOUK_HASH_SIZE;
	sponsor_store_row_path(&node->store, &content->id, path);
	souk_status status = souk_file_read(path, wanted + 1, ret, &size);
	if (status == SOUK_OK && size != wanted) {
		free(*ret);
		status = SOUK_CORRUPT_STORE;
	}
	return status;
}

static souk_status find_content(struct sponsor_node *node, const char *id, struct souk_content *ret)
{
	struct souk_hash hash;
	SOUK_TRY(souk_hex_decode(hash.bytes, SOUK_HASH_SIZE, id));
	pthread_mutex_lock(&node->lock);
	const struct souk_sponsor_content *found = souk_sponsor_content_of(&node->sponsor, &hash);
	if (found != NULL)
		*ret = found->content;
	pthread_mutex_unlock(&node->lock);
	return found != NULL ? SOUK_OK : SOUK_PEER_UNKNOWN_CONTENT;
}

static size_t encode(uint8_t out[SOUK_SPONSORED_CONTENT_SIZE_MAX], const struct sponsor_node *node,
	const struct souk_content *content)
{
	const struct souk_sponsored_content message = {
		.sponsor = node->identity->address,
		.size = content->size,
		.chunk_size = content->chunk_size,
	};
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, out, SOUK_SPONSORED_CONTENT_SIZE_MAX);
	souk_sponsored_content_encode(&writer, &message);
	SOUK_CHECK(souk_writer_finish(&writer, &encoded) == SOUK_OK);
	return encoded.size;
}

void sponsor_content_answer(struct sponsor_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply)
{
	uint8_t bytes[SOUK_SPONSORED_CONTENT_SIZE_MAX];
	char path[512];
	struct souk_content content;
	souk_status status = answer_may(request, &node->claims, &node->lock)
				     ? find_content(node, id, &content)
				     : SOUK_LOCAL_FULL;
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	sponsor_store_row_path(&node->store, &content.id, path);
	row_answer(reply, request, souk_bytes_of(bytes, encode(bytes, node, &content)), &content,
		path);
}
