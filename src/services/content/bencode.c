/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/bencode.h"

#include <string.h>

#include "souk/base/check.h"

void souk_bencode_reader_init(struct souk_bencode_reader *reader, struct souk_bytes bytes)
{
	reader->bytes = bytes;
	reader->at = 0;
	reader->depth = 0;
	reader->is_complete = false;
	reader->status = SOUK_OK;
}

static struct souk_bencode_level *innermost(struct souk_bencode_reader *reader)
{
	return reader->depth == 0 ? NULL : &reader->levels[reader->depth - 1];
}

/* A value has been read, or a list or dictionary has ended. */
static void value_is_complete(struct souk_bencode_reader *reader)
{
	struct souk_bencode_level *level = innermost(reader);
	if (level == NULL)
		reader->is_complete = true;
	else
		level->wants_value = false;
}

/* Decimal digits up to END, without leading zeros; the cursor moves behind END. */
static souk_status read_number(struct souk_bencode_reader *reader, uint8_t end, uint64_t *ret)
{
	const uint8_t *data = reader->bytes.data;
	size_t start = reader->at, at = start;
	uint64_t value = 0;
	for (; at < reader->bytes.size && data[at] >= '0' && data[at] <= '9'; at++) {
		uint64_t digit = (uint64_t)(data[at] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return SOUK_PEER_OVERSIZED;
		value = value * 10 + digit;
	}
	if (at == reader->bytes.size)
		return SOUK_PEER_TRUNCATED;
	if (at == start || data[at] != end)
		return SOUK_PEER_BAD_BENCODE;
	if (data[start] == '0' && at != start + 1)
		return SOUK_PEER_NOT_CANONICAL;
	reader->at = at + 1;
	*ret = value;
	return SOUK_OK;
}

static souk_status read_integer(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	uint64_t size, limit = INT64_MAX;
	reader->at++; /* the i */
	bool is_negative = reader->at < reader->bytes.size && reader->bytes.data[reader->at] == '-';
	if (is_negative) {
		reader->at++;
		limit++;
	}
	SOUK_TRY(read_number(reader, 'e', &size));
	if (size > limit)
		return SOUK_PEER_OVERSIZED;
	if (is_negative && size == 0)
		return SOUK_PEER_NOT_CANONICAL;
	ret->kind = SOUK_BENCODE_INTEGER;
	ret->integer = is_negative ? -(int64_t)(size - 1) - 1 : (int64_t)size;
	value_is_complete(reader);
	return SOUK_OK;
}

static souk_status read_string(struct souk_bencode_reader *reader, struct souk_bytes *ret)
{
	uint64_t size;
	SOUK_TRY(read_number(reader, ':', &size));
	if (size > reader->bytes.size - reader->at)
		return SOUK_PEER_TRUNCATED;
	*ret = souk_bytes_of(reader->bytes.data + reader->at, (size_t)size);
	reader->at += (size_t)size;
	return SOUK_OK;
}

static bool is_before(struct souk_bytes a, struct souk_bytes b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
	return order != 0 ? order < 0 : a.size < b.size;
}

static souk_status read_key(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	struct souk_bencode_level *level = innermost(reader);
	struct souk_bytes key;
	SOUK_TRY(read_string(reader, &key));
	if (level->has_key && !is_before(level->key, key))
		return SOUK_PEER_NOT_CANONICAL;
	level->key = key;
	level->has_key = level->wants_value = true;
	ret->kind = SOUK_BENCODE_KEY;
	ret->string = key;
	return SOUK_OK;
}

static souk_status begin(
	struct souk_bencode_reader *reader, bool is_dictionary, struct souk_bencode_token *ret)
{
	if (reader->depth == SOUK_BENCODE_DEPTH_MAX)
		return SOUK_PEER_OVERSIZED;
	reader->at++;
	reader->levels[reader->depth++] =
		(struct souk_bencode_level){.is_dictionary = is_dictionary};
	ret->kind = is_dictionary ? SOUK_BENCODE_DICTIONARY : SOUK_BENCODE_LIST;
	return SOUK_OK;
}

static souk_status end(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	const struct souk_bencode_level *level = innermost(reader);
	if (level == NULL || level->wants_value)
		return SOUK_PEER_BAD_BENCODE;
	reader->at++;
	reader->depth--;
	ret->kind = SOUK_BENCODE_END;
	value_is_complete(reader);
	return SOUK_OK;
}

static souk_status read_value(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	uint8_t first = reader->bytes.data[reader->at];
	if (first == 'i')
		return read_integer(reader, ret);
	if (first == 'l' || first == 'd')
		return begin(reader, first == 'd', ret);
	if (first < '0' || first > '9')
		return SOUK_PEER_BAD_BENCODE;
	ret->kind = SOUK_BENCODE_STRING;
	SOUK_TRY(read_string(reader, &ret->string));
	value_is_complete(reader);
	return SOUK_OK;
}

static souk_status next(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	const struct souk_bencode_level *level = innermost(reader);
	if (reader->is_complete) {
		ret->kind = SOUK_BENCODE_DONE;
		return reader->at == reader->bytes.size ? SOUK_OK : SOUK_PEER_TRAILING;
	}
	if (reader->at == reader->bytes.size)
		return SOUK_PEER_TRUNCATED;
	if (reader->bytes.data[reader->at] == 'e')
		return end(reader, ret);
	if (level != NULL && level->is_dictionary && !level->wants_value)
		return read_key(reader, ret);
	return read_value(reader, ret);
}

souk_status souk_bencode_next(struct souk_bencode_reader *reader, struct souk_bencode_token *ret)
{
	struct souk_bencode_token token = {0};
	if (reader->status == SOUK_OK)
		reader->status = next(reader, &token);
	if (reader->status == SOUK_OK)
		*ret = token;
	return reader->status;
}

souk_status souk_bencode_skip(struct souk_bencode_reader *reader, struct souk_bytes *ret)
{
	struct souk_bencode_token token;
	uint32_t depth = reader->depth;
	size_t start = reader->at;
	SOUK_TRY(souk_bencode_next(reader, &token));
	if (token.kind == SOUK_BENCODE_KEY || token.kind == SOUK_BENCODE_END ||
		token.kind == SOUK_BENCODE_DONE)
		return reader->status = SOUK_PEER_BAD_BENCODE;
	while (reader->depth > depth)
		SOUK_TRY(souk_bencode_next(reader, &token));
	if (ret != NULL)
		*ret = souk_bytes_of(reader->bytes.data + start, reader->at - start);
	return SOUK_OK;
}

souk_status souk_bencode_begin_dictionary(
	struct souk_bencode_reader *reader, struct souk_bytes bytes, souk_status refusal)
{
	struct souk_bencode_token token;
	souk_bencode_reader_init(reader, bytes);
	SOUK_TRY(souk_bencode_next(reader, &token));
	return token.kind == SOUK_BENCODE_DICTIONARY ? SOUK_OK : refusal;
}

bool souk_bencode_next_pair(struct souk_bencode_reader *reader, struct souk_bytes *ret_key,
	struct souk_bytes *ret_value)
{
	struct souk_bencode_token token;
	if (souk_bencode_next(reader, &token) != SOUK_OK || token.kind != SOUK_BENCODE_KEY ||
		souk_bencode_skip(reader, ret_value) != SOUK_OK)
		return false;
	*ret_key = token.string;
	return true;
}

souk_status souk_bencode_check(struct souk_bytes bytes)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	souk_bencode_reader_init(&reader, bytes);
	do
		SOUK_TRY(souk_bencode_next(&reader, &token));
	while (token.kind != SOUK_BENCODE_DONE);
	return SOUK_OK;
}

souk_status souk_bencode_find(struct souk_bytes *ret, struct souk_bytes bytes, const char *key)
{
	struct souk_bencode_reader reader;
	struct souk_bytes found, value;
	SOUK_TRY(souk_bencode_begin_dictionary(&reader, bytes, SOUK_PEER_BAD_BENCODE));
	while (souk_bencode_next_pair(&reader, &found, &value)) {
		if (souk_bencode_is(found, key)) {
			*ret = value;
			return SOUK_OK;
		}
	}
	return reader.status == SOUK_OK ? SOUK_LOCAL_NOT_FOUND : reader.status;
}

/* The one token that BYTES are. */
static souk_status only_token(
	struct souk_bencode_token *ret, struct souk_bytes bytes, enum souk_bencode_kind kind)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token, done;
	souk_bencode_reader_init(&reader, bytes);
	SOUK_TRY(souk_bencode_next(&reader, &token));
	if (token.kind != kind)
		return SOUK_PEER_BAD_BENCODE;
	SOUK_TRY(souk_bencode_next(&reader, &done));
	*ret = token;
	return SOUK_OK;
}

souk_status souk_bencode_integer(int64_t *ret, struct souk_bytes bytes)
{
	struct souk_bencode_token token;
	SOUK_TRY(only_token(&token, bytes, SOUK_BENCODE_INTEGER));
	*ret = token.integer;
	return SOUK_OK;
}

souk_status souk_bencode_string(struct souk_bytes *ret, struct souk_bytes bytes)
{
	struct souk_bencode_token token;
	SOUK_TRY(only_token(&token, bytes, SOUK_BENCODE_STRING));
	*ret = token.string;
	return SOUK_OK;
}

bool souk_bencode_is(struct souk_bytes string, const char *text)
{
	return souk_bytes_equal_var(string, souk_bytes_text(text));
}

void souk_bencode_put_integer(struct souk_writer *writer, uint64_t value)
{
	souk_writer_u8(writer, 'i');
	souk_writer_decimal(writer, value);
	souk_writer_u8(writer, 'e');
}

void souk_bencode_put_string(struct souk_writer *writer, struct souk_bytes string)
{
	souk_writer_decimal(writer, string.size);
	souk_writer_u8(writer, ':');
	souk_writer_append(writer, string.data, string.size);
}

void souk_bencode_put_text(struct souk_writer *writer, const char *text)
{
	souk_bencode_put_string(writer, souk_bytes_text(text));
}
