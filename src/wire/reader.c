/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/wire/reader.h"

#include <string.h>

void souk_reader_init(struct souk_reader *reader, struct souk_bytes in)
{
	*reader = (struct souk_reader){.data = in.data, .size = in.size, .status = SOUK_OK};
}

void souk_reader_fail(struct souk_reader *reader, souk_status status, const char *field)
{
	if (reader->status != SOUK_OK)
		return;
	reader->status = status;
	reader->field = field;
}

/* The SIZE bytes that begin AFTER bytes past the cursor, which does not move; NULL on failure. */
static const uint8_t *peek(struct souk_reader *reader, const char *field, size_t after, size_t size)
{
	size_t left = souk_reader_left(reader);
	if (reader->status != SOUK_OK)
		return NULL;
	if (left < after || left - after < size) {
		souk_reader_fail(reader, SOUK_PEER_TRUNCATED, field);
		return NULL;
	}
	/* No bytes may stand at no address. */
	if (size == 0)
		return (const uint8_t *)"";
	return reader->data + reader->at + after;
}

uint8_t souk_reader_u8(struct souk_reader *reader, const char *field)
{
	const uint8_t *p = peek(reader, field, 0, 1);
	if (p == NULL)
		return 0;
	reader->at += 1;
	return p[0];
}

uint16_t souk_reader_u16(struct souk_reader *reader, const char *field)
{
	const uint8_t *p = peek(reader, field, 0, 2);
	if (p == NULL)
		return 0;
	reader->at += 2;
	return souk_load_be16(p);
}

uint32_t souk_reader_u32(struct souk_reader *reader, const char *field)
{
	const uint8_t *p = peek(reader, field, 0, 4);
	if (p == NULL)
		return 0;
	reader->at += 4;
	return souk_load_be32(p);
}

uint64_t souk_reader_u64(struct souk_reader *reader, const char *field)
{
	const uint8_t *p = peek(reader, field, 0, 8);
	if (p == NULL)
		return 0;
	reader->at += 8;
	return souk_load_be64(p);
}

bool souk_reader_bool(struct souk_reader *reader, const char *field)
{
	const uint8_t *p = peek(reader, field, 0, 1);
	if (p == NULL)
		return false;
	if (p[0] > 1) {
		souk_reader_fail(reader, SOUK_PEER_NOT_CANONICAL, field);
		return false;
	}
	reader->at += 1;
	return p[0] == 1;
}

struct souk_amount souk_reader_amount(struct souk_reader *reader, const char *field)
{
	return souk_amount_of_ncoin(souk_reader_u64(reader, field));
}

struct souk_time souk_reader_time(struct souk_reader *reader, const char *field)
{
	return souk_time_at_ms(souk_reader_u64(reader, field));
}

void souk_reader_raw(struct souk_reader *reader, const char *field, void *out, size_t size)
{
	const uint8_t *p = peek(reader, field, 0, size);
	if (p == NULL || size == 0)
		return;
	memcpy(out, p, size);
	reader->at += size;
}

uint8_t souk_reader_constant(
	struct souk_reader *reader, const char *field, uint8_t value, souk_status refusal)
{
	const uint8_t *p = peek(reader, field, 0, 1);
	if (p == NULL)
		return 0;
	if (p[0] != value) {
		souk_reader_fail(reader, refusal, field);
		return 0;
	}
	reader->at += 1;
	return value;
}

uint8_t souk_reader_tag(struct souk_reader *reader, const char *field, uint8_t max)
{
	const uint8_t *p = peek(reader, field, 0, 1);
	if (p == NULL)
		return 0;
	if (p[0] == 0 || p[0] > max) {
		souk_reader_fail(reader, SOUK_PEER_NOT_CANONICAL, field);
		return 0;
	}
	reader->at += 1;
	return p[0];
}

uint16_t souk_reader_count(struct souk_reader *reader, const char *field, uint16_t max)
{
	const uint8_t *p = peek(reader, field, 0, 2);
	if (p == NULL)
		return 0;
	if (souk_load_be16(p) > max) {
		souk_reader_fail(reader, SOUK_PEER_OVERSIZED, field);
		return 0;
	}
	reader->at += 2;
	return souk_load_be16(p);
}

/* The bytes after a u16 length of at most MAX, and that length; the cursor does not move. */
static const uint8_t *peek_sized(
	struct souk_reader *reader, const char *field, uint16_t max, uint16_t *size)
{
	const uint8_t *p = peek(reader, field, 0, 2);
	if (p == NULL)
		return NULL;
	*size = souk_load_be16(p);
	if (*size > max) {
		souk_reader_fail(reader, SOUK_PEER_OVERSIZED, field);
		return NULL;
	}
	return peek(reader, field, 2, *size);
}

uint16_t souk_reader_text(struct souk_reader *reader, const char *field, char *out, uint16_t max)
{
	uint16_t size;
	const uint8_t *p = peek_sized(reader, field, max, &size);
	if (p == NULL)
		return 0;
	if (!souk_text_is_canonical((const char *)p, size)) {
		souk_reader_fail(reader, SOUK_PEER_NOT_CANONICAL, field);
		return 0;
	}
	memcpy(out, p, size);
	out[size] = '\0';
	reader->at += 2u + size;
	return size;
}

uint16_t souk_reader_bytes(
	struct souk_reader *reader, const char *field, uint8_t *out, uint16_t max)
{
	uint16_t size;
	const uint8_t *p = peek_sized(reader, field, max, &size);
	if (p == NULL)
		return 0;
	memcpy(out, p, size);
	reader->at += 2u + size;
	return size;
}

bool souk_text_is_canonical(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

souk_status souk_text_copy(char *out, size_t max, uint16_t *ret_size, const char *string)
{
	size_t size = strlen(string);
	if (size > max)
		return SOUK_PEER_OVERSIZED;
	if (!souk_text_is_canonical(string, size))
		return SOUK_PEER_NOT_CANONICAL;
	/* Zeros behind it: equal texts are equal bytes in memory too. */
	memset(out, 0, max + 1);
	memcpy(out, string, size);
	*ret_size = (uint16_t)size;
	return SOUK_OK;
}
