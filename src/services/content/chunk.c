/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/chunk.h"

#include <string.h>

#include "souk/base/check.h"

/* What an inner node of the tree is made of, and so a size that an id alone cannot vouch for. */
#define AMBIGUOUS_SIZE (2 * SOUK_HASH_SIZE)

static bool parse_size(uint64_t *ret, const char *text)
{
	uint64_t value = 0;
	if (text[0] == 0 || (text[0] == '0' && text[1] != 0))
		return false;
	for (; *text != 0; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uint64_t digit = (uint64_t)(*text - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static bool is_lower_hex(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	}
	return true;
}

souk_status souk_content_name_parse(struct souk_content_name *ret, const char *text)
{
	char digits[2 * SOUK_HASH_SIZE + 1] = {0};
	struct souk_content_name name = {0};
	if (strnlen(text, 2 * SOUK_HASH_SIZE) < 2 * SOUK_HASH_SIZE)
		return SOUK_PEER_BAD_HEX;
	memcpy(digits, text, 2 * SOUK_HASH_SIZE);
	if (!is_lower_hex(digits, 2 * SOUK_HASH_SIZE))
		return SOUK_PEER_BAD_HEX;
	SOUK_TRY(souk_hex_decode(name.id.bytes, SOUK_HASH_SIZE, digits));
	text += 2 * SOUK_HASH_SIZE;
	name.has_size = text[0] != 0;
	if (name.has_size && (text[0] != '.' || !parse_size(&name.size, text + 1)))
		return SOUK_PEER_BAD_HEX;
	*ret = name;
	return SOUK_OK;
}

void souk_content_name_format(
	char out[SOUK_CONTENT_NAME_SIZE], const struct souk_content_name *name)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_CONTENT_NAME_SIZE);
	souk_writer_hex(&writer, name->id.bytes, SOUK_HASH_SIZE);
	if (name->has_size) {
		souk_writer_text(&writer, ".");
		souk_writer_decimal(&writer, name->size);
	}
	souk_writer_u8(&writer, 0);
	SOUK_CHECK(!writer.full);
}

struct souk_content_name souk_content_name_of(const struct souk_content *content)
{
	struct souk_content_name name = {.id = content->id};
	if (content->size == AMBIGUOUS_SIZE) {
		name.has_size = true;
		name.size = content->size;
	}
	return name;
}

static bool is_chunk_size(uint32_t size)
{
	return size >= SOUK_CHUNK_SIZE_MIN && size <= SOUK_CHUNK_SIZE_MAX &&
	       (size & (size - 1)) == 0;
}

souk_status souk_content_check(struct souk_content *ret, const struct souk_content_name *name,
	uint64_t size, uint32_t chunk_size)
{
	bool sized = name->has_size ? size == name->size : size != AMBIGUOUS_SIZE;
	if (!sized || !is_chunk_size(chunk_size) ||
		size > (uint64_t)SOUK_CHUNK_COUNT_MAX * chunk_size ||
		souk_hash_is_zero(&name->id) != (size == 0))
		return SOUK_PEER_BAD_CONTENT;
	*ret = (struct souk_content){.id = name->id, .size = size, .chunk_size = chunk_size};
	return SOUK_OK;
}

uint32_t souk_content_chunk_count(const struct souk_content *content)
{
	return (uint32_t)(content->size / content->chunk_size +
			  (content->size % content->chunk_size != 0));
}

uint32_t souk_content_chunk_length(const struct souk_content *content, uint64_t index)
{
	if (index >= souk_content_chunk_count(content))
		return 0;
	uint64_t left = content->size - souk_content_chunk_offset(content, index);
	return left < content->chunk_size ? (uint32_t)left : content->chunk_size;
}

souk_status souk_content_verify_row(const struct souk_content *content, const struct souk_hash *row,
	size_t count, struct souk_hash *scratch)
{
	if (count != souk_content_chunk_count(content))
		return SOUK_PEER_BAD_CONTENT;
	if (scratch != row && count > 0)
		memcpy(scratch, row, count * sizeof *row);
	struct souk_hash root = souk_bep52_root(scratch, count, content->chunk_size);
	return souk_hash_equal(&root, &content->id) ? SOUK_OK : SOUK_PEER_BAD_CONTENT;
}

souk_status souk_content_verify_chunk(const struct souk_content *content, uint64_t index,
	const struct souk_hash *expected, struct souk_bytes data)
{
	uint32_t count = souk_content_chunk_count(content);
	if (index >= count)
		return SOUK_PEER_NO_CHUNK;
	if (data.size != souk_content_chunk_length(content, index))
		return SOUK_PEER_WRONG_LENGTH;
	struct souk_hash root = souk_bep52_chunk_root(data, content->chunk_size, count == 1);
	return souk_hash_equal(&root, expected) ? SOUK_OK : SOUK_PEER_BAD_UNIT;
}

void souk_content_builder_init(struct souk_content_builder *builder, uint32_t chunk_size,
	struct souk_hash *row, uint32_t row_max)
{
	SOUK_CHECK(is_chunk_size(chunk_size));
	*builder = (struct souk_content_builder){
		.chunk_size = chunk_size, .row = row, .row_max = row_max};
}

souk_status souk_content_builder_add(struct souk_content_builder *builder, struct souk_bytes chunk)
{
	if (chunk.size == 0 || chunk.size > builder->chunk_size || builder->ended)
		return SOUK_PEER_WRONG_LENGTH;
	if (builder->count == builder->row_max)
		return SOUK_LOCAL_FULL;
	/* Only the end of the file tells whether the first chunk is the only one. */
	if (builder->count == 0)
		builder->alone = souk_bep52_chunk_root(chunk, builder->chunk_size, true);
	builder->row[builder->count++] = souk_bep52_chunk_root(chunk, builder->chunk_size, false);
	builder->size += chunk.size;
	builder->ended = chunk.size < builder->chunk_size;
	return SOUK_OK;
}

void souk_content_builder_finish(
	struct souk_content_builder *builder, struct souk_hash *scratch, struct souk_content *ret)
{
	if (builder->count == 1)
		builder->row[0] = builder->alone;
	if (builder->count > 0)
		memcpy(scratch, builder->row, builder->count * sizeof *scratch);
	ret->id = souk_bep52_root(scratch, builder->count, builder->chunk_size);
	ret->size = builder->size;
	ret->chunk_size = builder->chunk_size;
}
