/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/header.h"

#include <string.h>

#include "souk/base/check.h"

/* A text of our own: it fits, by the sizes in the header, and is terminated. */
static void end_text(struct souk_writer *writer)
{
	souk_writer_u8(writer, 0);
	SOUK_CHECK(!writer->full);
}

void souk_path_format(char out[SOUK_PATH_SIZE], const struct souk_unit_request *request)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_PATH_SIZE);
	souk_writer_text(&writer, request->unit > 0 ? SOUK_PATH_UNITS : SOUK_PATH_KEYS);
	souk_writer_hex(&writer, request->session.bytes, SOUK_NONCE_SIZE);
	if (request->unit > 0) {
		souk_writer_text(&writer, "/");
		souk_writer_decimal(&writer, request->unit);
		souk_writer_text(&writer, "/");
		souk_writer_decimal(&writer, request->chunk);
	}
	end_text(&writer);
}

void souk_auth_format(char out[SOUK_AUTH_TEXT_SIZE], const struct souk_unit_auth *auth)
{
	souk_hex_encode(out, auth->bytes, sizeof auth->bytes);
}

void souk_ticket_format(char out[SOUK_TICKET_TEXT_SIZE], const struct souk_ticket *ticket)
{
	uint8_t bytes[SOUK_TICKET_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ticket_encode(&writer, ticket);
	souk_hex_encode(out, bytes, sizeof bytes);
}

void souk_key_format(char out[SOUK_KEY_TEXT_SIZE], const struct souk_unit_key *key)
{
	struct souk_writer writer;
	SOUK_CHECK(key->unit >= 1 && key->unit <= SOUK_CHAIN_LENGTH_MAX);
	souk_writer_init(&writer, out, SOUK_KEY_TEXT_SIZE);
	souk_writer_decimal(&writer, key->unit);
	souk_writer_text(&writer, ":");
	souk_writer_hex(&writer, key->masked.bytes, SOUK_HASH_SIZE);
	end_text(&writer);
}

void souk_agreement_format(char out[SOUK_AGREEMENT_TEXT_SIZE], const struct souk_hash *agreement)
{
	souk_hex_encode(out, agreement->bytes, sizeof agreement->bytes);
}

void souk_statement_format(char out[SOUK_STATEMENT_TEXT_SIZE], const struct souk_signed_unit *unit)
{
	uint8_t bytes[SOUK_SIGNED_UNIT_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_unit_encode(&writer, unit);
	souk_hex_encode(out, bytes, writer.size);
}

void souk_row_format(char out[SOUK_ROW_TEXT_SIZE], uint32_t bytes)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_ROW_TEXT_SIZE);
	souk_writer_decimal(&writer, bytes);
	end_text(&writer);
}

/* Take TEXT off the front of IN; false where it does not begin so. */
static bool take_text(struct souk_bytes *in, const char *text)
{
	size_t size = strlen(text);
	if (in->size < size || memcmp(in->data, text, size) != 0)
		return false;
	*in = souk_bytes_of(in->data + size, in->size - size);
	return true;
}

/* -1 where C is no lower-case digit: each text has one form. */
static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct souk_bytes *in, uint8_t *out, size_t size)
{
	if (in->size < 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(in->data[2 * i]);
		int low = hex_digit(in->data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*in = souk_bytes_of(in->data + 2 * size, in->size - 2 * size);
	return true;
}

/* A decimal of at most MAX, without sign or leading zeros. */
static bool take_decimal(struct souk_bytes *in, uint64_t *ret, uint64_t max)
{
	uint64_t value = 0;
	size_t digits = 0;
	for (; digits < in->size && in->data[digits] >= '0' && in->data[digits] <= '9'; digits++) {
		uint64_t digit = in->data[digits] - '0';
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	if (digits == 0 || (digits > 1 && in->data[0] == '0'))
		return false;
	*in = souk_bytes_of(in->data + digits, in->size - digits);
	*ret = value;
	return true;
}

/* "/<unit>/<chunk>" up to the end. */
static bool take_unit(struct souk_bytes *in, struct souk_unit_request *request)
{
	uint64_t unit;
	if (!take_text(in, "/") || !take_decimal(in, &unit, SOUK_CHAIN_LENGTH_MAX) || unit == 0)
		return false;
	request->unit = (uint32_t)unit;
	return take_text(in, "/") && take_decimal(in, &request->chunk, UINT64_MAX);
}

souk_status souk_path_parse(struct souk_unit_request *ret, struct souk_bytes path)
{
	struct souk_unit_request request = {0};
	bool is_unit = take_text(&path, SOUK_PATH_UNITS);
	if (!is_unit && !take_text(&path, SOUK_PATH_KEYS))
		return SOUK_LOCAL_NOT_FOUND;
	if (!take_hex(&path, request.session.bytes, SOUK_NONCE_SIZE))
		return SOUK_PEER_BAD_REQUEST;
	if ((is_unit && !take_unit(&path, &request)) || path.size != 0)
		return SOUK_PEER_BAD_REQUEST;
	*ret = request;
	return SOUK_OK;
}

souk_status souk_auth_parse(struct souk_unit_auth *ret, struct souk_bytes text)
{
	struct souk_unit_auth auth;
	if (!take_hex(&text, auth.bytes, sizeof auth.bytes) || text.size != 0)
		return SOUK_PEER_BAD_REQUEST;
	*ret = auth;
	return SOUK_OK;
}

souk_status souk_ticket_parse(struct souk_ticket *ret, struct souk_bytes text)
{
	uint8_t bytes[SOUK_TICKET_SIZE_MAX];
	struct souk_ticket ticket;
	if (!take_hex(&text, bytes, sizeof bytes) || text.size != 0)
		return SOUK_PEER_BAD_REQUEST;
	if (souk_ticket_decode(&ticket, souk_bytes_of(bytes, sizeof bytes), NULL) != SOUK_OK)
		return SOUK_PEER_BAD_REQUEST;
	*ret = ticket;
	return SOUK_OK;
}

souk_status souk_key_parse(struct souk_unit_key *ret, struct souk_bytes text)
{
	struct souk_unit_key key;
	uint64_t unit;
	if (!take_decimal(&text, &unit, SOUK_CHAIN_LENGTH_MAX) || unit == 0 ||
		!take_text(&text, ":") || !take_hex(&text, key.masked.bytes, SOUK_HASH_SIZE) ||
		text.size != 0)
		return SOUK_PEER_BAD_REQUEST;
	key.unit = (uint32_t)unit;
	*ret = key;
	return SOUK_OK;
}

souk_status souk_agreement_parse(struct souk_hash *ret, struct souk_bytes text)
{
	struct souk_hash agreement;
	if (!take_hex(&text, agreement.bytes, SOUK_HASH_SIZE) || text.size != 0)
		return SOUK_PEER_BAD_REQUEST;
	*ret = agreement;
	return SOUK_OK;
}

souk_status souk_statement_parse(struct souk_signed_unit *ret, struct souk_bytes text)
{
	uint8_t bytes[SOUK_SIGNED_UNIT_SIZE_MAX];
	struct souk_signed_unit unit;
	/* Every field of it has one size. */
	if (!take_hex(&text, bytes, sizeof bytes) || text.size != 0 ||
		souk_signed_unit_decode(&unit, souk_bytes_of(bytes, sizeof bytes), NULL) != SOUK_OK)
		return SOUK_PEER_BAD_REQUEST;
	*ret = unit;
	return SOUK_OK;
}

souk_status souk_request_parse(
	struct souk_unit_request *ret, struct souk_bytes path, const char *auth, const char *ticket)
{
	struct souk_unit_request request;
	SOUK_TRY(souk_path_parse(&request, path));
	if (auth == NULL)
		return SOUK_PEER_BAD_AUTH;
	SOUK_TRY(souk_auth_parse(&request.auth, souk_bytes_text(auth)));
	request.has_ticket = ticket != NULL;
	if (ticket != NULL)
		SOUK_TRY(souk_ticket_parse(&request.ticket, souk_bytes_text(ticket)));
	*ret = request;
	return SOUK_OK;
}

souk_status souk_row_parse(uint32_t *ret, struct souk_bytes text)
{
	uint64_t bytes;
	if (!take_decimal(&text, &bytes, UINT32_MAX) || text.size > 0)
		return SOUK_PEER_BAD_REQUEST;
	*ret = (uint32_t)bytes;
	return SOUK_OK;
}

struct souk_bytes souk_row_split(
	struct souk_bytes *ret_row, struct souk_bytes body, struct souk_bytes text)
{
	uint32_t head;
	*ret_row = souk_bytes_of(NULL, 0);
	if (souk_row_parse(&head, text) != SOUK_OK || head >= body.size)
		return body;
	*ret_row = souk_bytes_of(body.data + head, body.size - head);
	return souk_bytes_of(body.data, head);
}
