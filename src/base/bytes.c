/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/bytes.h"

#include <string.h>

#include "souk/base/check.h"

struct souk_bytes souk_bytes_text(const char *text)
{
	return souk_bytes_of(text, strlen(text));
}

bool souk_bytes_equal_var(struct souk_bytes a, struct souk_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool souk_bytes_equal_secret(const void *a, const void *b, size_t size)
{
	const uint8_t *p = a, *q = b;
	uint8_t difference = 0;
	for (size_t i = 0; i < size; i++)
		difference |= (uint8_t)(p[i] ^ q[i]);
	return difference == 0;
}

void souk_bytes_wipe(void *data, size_t size)
{
	if (size == 0)
		return;
	memset(data, 0, size);
	/* The compiler must assume that the memory is read after this. */
	__asm__ __volatile__("" : : "r"(data) : "memory");
}

bool souk_hash_is_zero(const struct souk_hash *hash)
{
	static const struct souk_hash zero;
	return souk_hash_equal(hash, &zero);
}

bool souk_address_is_zero(const struct souk_address *address)
{
	static const struct souk_address zero;
	return souk_address_equal(address, &zero);
}

void souk_writer_init(struct souk_writer *writer, void *memory, size_t max)
{
	*writer = (struct souk_writer){.data = memory, .max = max};
}

void souk_writer_append(struct souk_writer *writer, const void *data, size_t size)
{
	if (writer->full || size > writer->max - writer->size) {
		writer->full = true;
		return;
	}
	if (size != 0)
		memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

void souk_writer_u8(struct souk_writer *writer, uint8_t v)
{
	souk_writer_append(writer, &v, 1);
}

void souk_writer_u16(struct souk_writer *writer, uint16_t v)
{
	uint8_t b[2];
	souk_store_be16(b, v);
	souk_writer_append(writer, b, sizeof b);
}

void souk_writer_u32(struct souk_writer *writer, uint32_t v)
{
	uint8_t b[4];
	souk_store_be32(b, v);
	souk_writer_append(writer, b, sizeof b);
}

void souk_writer_u64(struct souk_writer *writer, uint64_t v)
{
	uint8_t b[8];
	souk_store_be64(b, v);
	souk_writer_append(writer, b, sizeof b);
}

void souk_writer_text(struct souk_writer *writer, const char *text)
{
	souk_writer_append(writer, text, strlen(text));
}

void souk_writer_decimal(struct souk_writer *writer, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	souk_writer_append(writer, digits + at, sizeof digits - at);
}

void souk_writer_hex(struct souk_writer *writer, const void *data, size_t size)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < size; i++) {
		char pair[3];
		souk_hex_encode(pair, p + i, 1);
		souk_writer_append(writer, pair, 2);
	}
}

souk_status souk_writer_finish(const struct souk_writer *writer, struct souk_bytes *ret_bytes)
{
	if (writer->full)
		return SOUK_LOCAL_TOO_SMALL;
	*ret_bytes = souk_bytes_of(writer->data, writer->size);
	return SOUK_OK;
}

/* Digits are found by arithmetic: a table or a comparison would tell secrets by its time. */
static char hex_digit_of(uint32_t value)
{
	uint32_t is_letter = (9u - value) >> 8; /* all ones in the low bits, or 0 */
	return (char)('0' + value + (is_letter & ('a' - '0' - 10)));
}

void souk_hex_encode(char *out, const void *data, size_t size)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < size; i++) {
		out[2 * i] = hex_digit_of(p[i] >> 4);
		out[2 * i + 1] = hex_digit_of(p[i] & 15);
	}
	out[2 * size] = '\0';
}

/* The value of digit C; RET_BAD is set to all ones in its low bits where C is none. */
static uint32_t hex_value_of(char c, uint32_t *ret_bad)
{
	uint32_t digit = (uint32_t)(uint8_t)c ^ '0'; /* below 10 for digits alone */
	uint32_t letter = ((uint32_t)(uint8_t)c & ~32u) - ('A' - 10);
	uint32_t is_digit = (digit - 10) >> 8;
	uint32_t is_letter = ((letter - 10) ^ (letter - 16)) >> 8;
	*ret_bad |= ~(is_digit | is_letter) & 0xff;
	return (is_digit & digit) | (is_letter & letter);
}

/* SIZE bytes from 2 * SIZE characters; OUT is untouched where one of them is no digit. */
static souk_status decode_digits(uint8_t *out, size_t size, const char *digits)
{
	uint32_t bad = 0;
	for (size_t i = 0; i < 2 * size; i++)
		(void)hex_value_of(digits[i], &bad);
	uint32_t good = (bad - 1) >> 8; /* all ones in the low bits where bad is 0 */
	for (size_t i = 0; i < size; i++) {
		uint32_t high = hex_value_of(digits[2 * i], &bad);
		uint32_t low = hex_value_of(digits[2 * i + 1], &bad);
		out[i] = (uint8_t)((good & (high << 4 | low)) | (~good & out[i]));
	}
	return (souk_status)(~good & SOUK_PEER_BAD_HEX);
}

souk_status souk_hex_decode(void *out, size_t size, const char *text)
{
	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	return strlen(text) == 2 * size ? decode_digits(out, size, text) : SOUK_PEER_BAD_HEX;
}

/* Whether a line of LENGTH characters ends there. Looks at what follows the digits only. */
static bool is_line(struct souk_bytes text, size_t length)
{
	return text.size == length ||
	       (text.size > length && (text.data[length] == '\r' || text.data[length] == '\n'));
}

souk_status souk_hex_decode_secret(void *out, size_t size, struct souk_bytes text)
{
	const char *digits = (const char *)text.data;
	if (is_line(text, 2 * size))
		return decode_digits(out, size, digits);
	if (is_line(text, 2 * size + 2) && digits[0] == '0' && digits[1] == 'x')
		return decode_digits(out, size, digits + 2);
	return SOUK_PEER_BAD_HEX;
}
