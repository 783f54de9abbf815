/* SPDX-License-Identifier: Apache-2.0
 *
 * Content names as users and offers bring them: whatever parses has one form, and a content that
 * passes the check can be cut into chunks that cover it exactly. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chunks(const struct souk_content *content)
{
	uint32_t count = souk_content_chunk_count(content);
	SOUK_CHECK((count == 0) == (content->size == 0));
	SOUK_CHECK(souk_content_chunk_length(content, count) == 0);
	if (count == 0)
		return;
	uint64_t last = souk_content_chunk_offset(content, count - 1);
	SOUK_CHECK(last + souk_content_chunk_length(content, count - 1) == content->size);
}

/* 8 bytes of a claimed size, 4 of a chunk size, then the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct souk_content_name name;
	struct souk_content content;
	char text[256], formatted[SOUK_CONTENT_NAME_SIZE];
	if (size < 12 || size - 12 >= sizeof text)
		return 0;
	memcpy(text, data + 12, size - 12);
	text[size - 12] = '\0';
	if (souk_content_name_parse(&name, text) != SOUK_OK)
		return 0;
	souk_content_name_format(formatted, &name);
	SOUK_CHECK(strcmp(text, formatted) == 0);
	if (souk_content_check(&content, &name, souk_load_be64(data), souk_load_be32(data + 8)) !=
		SOUK_OK)
		return 0;
	SOUK_CHECK(!name.has_size || content.size == name.size);
	SOUK_CHECK(name.has_size || content.size != 64);
	check_chunks(&content);
	return 0;
}
