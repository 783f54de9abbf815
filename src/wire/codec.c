/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include "souk/base/check.h"

void souk_codec_write_count(struct souk_writer *writer, uint16_t count, uint16_t max)
{
	SOUK_CHECK(count <= max);
	souk_writer_u16(writer, count);
}

void souk_codec_write_text(
	struct souk_writer *writer, const char *text, uint16_t size, uint16_t max)
{
	SOUK_CHECK(size <= max && souk_text_is_canonical(text, size));
	souk_writer_u16(writer, size);
	souk_writer_append(writer, text, size);
}

void souk_codec_write_bytes(
	struct souk_writer *writer, const uint8_t *data, uint16_t size, uint16_t max)
{
	SOUK_CHECK(size <= max);
	souk_writer_u16(writer, size);
	souk_writer_append(writer, data, size);
}

souk_status souk_codec_decoded(struct souk_reader *reader, const char *name, void *message,
	size_t message_size, struct souk_wire_error *ret_where)
{
	if (souk_reader_left(reader) != 0)
		souk_reader_fail(reader, SOUK_PEER_TRAILING, name);
	if (reader->status != SOUK_OK && ret_where != NULL)
		*ret_where = (struct souk_wire_error){.field = reader->field, .offset = reader->at};
	return souk_codec_was_read(reader, message, message_size);
}

souk_status souk_codec_was_read(
	const struct souk_reader *reader, void *message, size_t message_size)
{
	/* What came before the bad field may hold secrets, and is of no use to anybody. */
	if (reader->status != SOUK_OK)
		souk_bytes_wipe(message, message_size);
	return reader->status;
}

void souk_codec_json_key(struct souk_writer *writer, const char *key)
{
	uint8_t last = writer->size == 0 ? '{' : writer->data[writer->size - 1];
	if (last != '{' && last != '[')
		souk_writer_u8(writer, ',');
	if (key == NULL)
		return;
	souk_writer_u8(writer, '"');
	souk_writer_text(writer, key);
	souk_writer_text(writer, "\":");
}

void souk_codec_json_number(struct souk_writer *writer, const char *key, uint64_t value)
{
	souk_codec_json_key(writer, key);
	souk_writer_decimal(writer, value);
}

void souk_codec_json_bool(struct souk_writer *writer, const char *key, bool value)
{
	souk_codec_json_key(writer, key);
	souk_writer_text(writer, value ? "true" : "false");
}

void souk_codec_json_hex(struct souk_writer *writer, const char *key, const char *prefix,
	const void *data, size_t size)
{
	souk_codec_json_key(writer, key);
	souk_writer_u8(writer, '"');
	souk_writer_text(writer, prefix);
	souk_writer_hex(writer, data, size);
	souk_writer_u8(writer, '"');
}

void souk_codec_json_text(
	struct souk_writer *writer, const char *key, const char *text, size_t size)
{
	SOUK_CHECK(souk_text_is_canonical(text, size));
	souk_codec_json_key(writer, key);
	souk_writer_u8(writer, '"');
	for (size_t i = 0; i < size; i++) {
		/* Printable ASCII leaves only these two to escape. */
		if (text[i] == '"' || text[i] == '\\')
			souk_writer_u8(writer, '\\');
		souk_writer_u8(writer, (uint8_t)text[i]);
	}
	souk_writer_u8(writer, '"');
}
