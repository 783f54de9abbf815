/* SPDX-License-Identifier: Apache-2.0
 *
 * What parses as a path or a header formats to the same bytes. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/exchange/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(const char *text, const uint8_t *data, size_t size)
{
	SOUK_CHECK(strlen(text) == size && memcmp(text, data, size) == 0);
}

static void try_request(const uint8_t *data, size_t size)
{
	char text[SOUK_PATH_SIZE];
	struct souk_unit_request request;
	if (souk_path_parse(&request, souk_bytes_of(data, size)) != SOUK_OK)
		return;
	SOUK_CHECK(request.unit <= SOUK_CHAIN_LENGTH_MAX && !request.has_ticket);
	souk_path_format(text, &request);
	expect(text, data, size);
}

static void try_headers(const uint8_t *data, size_t size)
{
	char auth_text[SOUK_AUTH_TEXT_SIZE], ticket_text[SOUK_TICKET_TEXT_SIZE];
	char key_text[SOUK_KEY_TEXT_SIZE];
	struct souk_unit_auth auth;
	struct souk_ticket ticket;
	struct souk_unit_key key;
	char agreement_text[SOUK_AGREEMENT_TEXT_SIZE], statement_text[SOUK_STATEMENT_TEXT_SIZE];
	struct souk_hash agreement;
	struct souk_signed_unit statement;
	if (souk_auth_parse(&auth, souk_bytes_of(data, size)) == SOUK_OK) {
		souk_auth_format(auth_text, &auth);
		expect(auth_text, data, size);
	}
	if (souk_ticket_parse(&ticket, souk_bytes_of(data, size)) == SOUK_OK) {
		souk_ticket_format(ticket_text, &ticket);
		expect(ticket_text, data, size);
	}
	if (souk_key_parse(&key, souk_bytes_of(data, size)) == SOUK_OK) {
		souk_key_format(key_text, &key);
		expect(key_text, data, size);
	}
	if (souk_agreement_parse(&agreement, souk_bytes_of(data, size)) == SOUK_OK) {
		souk_agreement_format(agreement_text, &agreement);
		expect(agreement_text, data, size);
	}
	uint32_t row;
	struct souk_bytes behind, text = souk_bytes_of(data, size);
	struct souk_bytes head = souk_row_split(&behind, text, text);
	SOUK_CHECK(head.data == data && head.size + behind.size == size);
	if (souk_row_parse(&row, text) == SOUK_OK) {
		char row_text[SOUK_ROW_TEXT_SIZE];
		souk_row_format(row_text, row);
		expect(row_text, data, size);
	}
	if (souk_statement_parse(&statement, souk_bytes_of(data, size)) == SOUK_OK) {
		souk_statement_format(statement_text, &statement);
		expect(statement_text, data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request(data, size);
	try_headers(data, size);
	return 0;
}
