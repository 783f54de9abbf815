/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor pays for: a content's size, and its chunk row behind. Spec: spec/sponsor.md 8. */
#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/file.h"
#include "sponsor_internal.h"

/* A longer row is asked of a cache: this one is copied for each who asks. */
#define ROW_MAX (1u << 20)

souk_status sponsor_read_row(
	const struct sponsor_node *node, const struct souk_content *content, char **ret)
{
	char path[512 + 4];
	size_t size, wanted = souk_content_chunk_count(content) * (size_t)SOUK_HASH_SIZE;
	sponsor_store_data_path(&node->store, &content->id, path);
	strcat(path, ".row");
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

/* How many bytes of row go along, for who asks for ASKED at most; that of one chunk is its id. */
static size_t row_size(const struct souk_content *content, const char *asked)
{
	uint32_t most, chunks = souk_content_chunk_count(content);
	size_t size = (size_t)chunks * SOUK_HASH_SIZE;
	if (asked == NULL || souk_row_parse(&most, souk_bytes_text(asked)) != SOUK_OK)
		return 0;
	most = most < ROW_MAX ? most : ROW_MAX;
	return chunks > 1 && size <= most ? size : 0;
}

/* HEAD, and the row behind it. Where that cannot be, a cache has it. */
static bool answer_with_row(struct sponsor_node *node, const struct souk_content *content,
	struct souk_bytes head, size_t size, struct souk_http_reply *reply)
{
	char text[SOUK_ROW_TEXT_SIZE], *row = NULL;
	uint8_t *body = malloc(head.size + size);
	souk_row_format(text, (uint32_t)head.size);
	if (body == NULL || sponsor_read_row(node, content, &row) != SOUK_OK ||
		souk_http_reply_header(reply, SOUK_HEADER_ROW, text) != SOUK_OK) {
		free(body);
		free(row);
		return false;
	}
	memcpy(body, head.data, head.size);
	memcpy(body + head.size, row, size);
	free(row);
	souk_http_reply_owned(
		reply, 200, ANSWER_BINARY, souk_bytes_of(body, head.size + size), free, body);
	return true;
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
	struct souk_content content;
	souk_status status = answer_may(request, &node->claims, &node->lock)
				     ? find_content(node, id, &content)
				     : SOUK_LOCAL_FULL;
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	struct souk_bytes head = souk_bytes_of(bytes, encode(bytes, node, &content));
	size_t size = row_size(&content, souk_http_request_query(request, SOUK_QUERY_ROW));
	if (size == 0 || !answer_with_row(node, &content, head, size, reply))
		souk_http_reply_copy(reply, 200, ANSWER_BINARY, head);
}
