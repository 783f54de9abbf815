/* SPDX-License-Identifier: Apache-2.0 */
#include "row_answer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_answer.h"
#include "souk/exchange/header.h"
#include "souk/io/file.h"

/* How many bytes of row go along, for who asks for ASKED at most. */
static size_t size_of(const struct souk_content *content, const char *asked)
{
	uint32_t most, chunks = souk_content_chunk_count(content);
	size_t size = (size_t)chunks * SOUK_HASH_SIZE;
	if (asked == NULL || souk_row_parse(&most, souk_bytes_text(asked)) != SOUK_OK)
		return 0;
	most = most < ROW_ANSWER_MAX ? most : ROW_ANSWER_MAX;
	return chunks > 1 && size <= most ? size : 0;
}

static souk_status read_row(const char *path, uint8_t *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SOUK_IO_READ;
	souk_status status = souk_file_read_at(fd, out, size, 0);
	close(fd);
	return status;
}

static bool answer_both(
	struct souk_http_reply *reply, struct souk_bytes head, const char *path, size_t size)
{
	char text[SOUK_ROW_TEXT_SIZE];
	uint8_t *body = malloc(head.size + size);
	souk_row_format(text, (uint32_t)head.size);
	if (body == NULL || read_row(path, body + head.size, size) != SOUK_OK ||
		souk_http_reply_header(reply, SOUK_HEADER_ROW, text) != SOUK_OK) {
		free(body);
		return false;
	}
	memcpy(body, head.data, head.size);
	souk_http_reply_owned(
		reply, 200, ANSWER_BINARY, souk_bytes_of(body, head.size + size), free, body);
	return true;
}

void row_answer(struct souk_http_reply *reply, const struct souk_http_request *request,
	struct souk_bytes head, const struct souk_content *content, const char *path)
{
	size_t size = size_of(content, souk_http_request_query(request, SOUK_QUERY_ROW));
	if (size == 0 || !answer_both(reply, head, path, size))
		souk_http_reply_copy(reply, 200, ANSWER_BINARY, head);
}
