/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/header.h - a unit request as an HTTP path and headers, and back.
 *
 *   GET /v1/units/<session: 32 hex>/<unit>/<chunk>     or  GET /v1/keys/<session: 32 hex>
 *   Souk-Auth: <32 hex>
 *   Souk-Ticket: <80 hex>          when something is paid
 *   Souk-Agreement: <64 hex>       when the unit is to be stood up for
 *   200 ... Souk-Key: <unit>:<64 hex>
 *           Souk-Statement: <436 hex>
 *
 *   POST /v1/units/<session>/<unit>/<chunk>             the first of a sponsor's session
 *   Souk-Auth: <32 hex>
 *   Souk-Sponsor: <40 hex>                              body: its strip, sealed
 *   200 ... the unit, or nothing
 *
 *   GET /v1/offers/<content: 64 hex>?row=<most bytes>
 *   200 ... Souk-Row: <bytes of the offer>              when the chunk row follows it
 *
 * Each text has one form: lower-case hexadecimal, decimals without sign or
 * leading zeros. Anything else is refused, so a request that parses also formats
 * to the same bytes.
 *
 * Memory: caller's. Threads: any. Spec: spec/exchange.md 4. */
#ifndef SOUK_EXCHANGE_HEADER_H
#define SOUK_EXCHANGE_HEADER_H

#include "souk/exchange/session.h"

#define SOUK_HEADER_AUTH      "Souk-Auth"
#define SOUK_HEADER_TICKET    "Souk-Ticket"
#define SOUK_HEADER_KEY	      "Souk-Key"
#define SOUK_HEADER_AGREEMENT "Souk-Agreement"
#define SOUK_HEADER_STATEMENT "Souk-Statement"
#define SOUK_HEADER_ROW	      "Souk-Row"
#define SOUK_HEADER_SPONSOR   "Souk-Sponsor"
#define SOUK_QUERY_ROW	      "row"
#define SOUK_PATH_UNITS	      "/v1/units/"
#define SOUK_PATH_KEYS	      "/v1/keys/"

/* Room for each text with its terminator. */
#define SOUK_PATH_SIZE		 80
#define SOUK_AUTH_TEXT_SIZE	 33
#define SOUK_TICKET_TEXT_SIZE	 81
#define SOUK_KEY_TEXT_SIZE	 72
#define SOUK_AGREEMENT_TEXT_SIZE 65
#define SOUK_ROW_TEXT_SIZE	 11
#define SOUK_STATEMENT_TEXT_SIZE (2 * SOUK_SIGNED_UNIT_SIZE_MAX + 1)

/* The path of REQUEST. */
void souk_path_format(char out[SOUK_PATH_SIZE], const struct souk_unit_request *request);
void souk_auth_format(char out[SOUK_AUTH_TEXT_SIZE], const struct souk_unit_auth *auth);
void souk_ticket_format(char out[SOUK_TICKET_TEXT_SIZE], const struct souk_ticket *ticket);
void souk_key_format(char out[SOUK_KEY_TEXT_SIZE], const struct souk_unit_key *key);

void souk_agreement_format(char out[SOUK_AGREEMENT_TEXT_SIZE], const struct souk_hash *agreement);
void souk_statement_format(char out[SOUK_STATEMENT_TEXT_SIZE], const struct souk_signed_unit *unit);

/* Of a chunk row that is asked for, or is sent, with an offer: how many bytes. */
void souk_row_format(char out[SOUK_ROW_TEXT_SIZE], uint32_t bytes);

/* souk_path_parse: session, unit and chunk of REQUEST from the whole path; the rest of it is
 * zeroed.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND   neither /v1/units/ nor /v1/keys/: try other routes, or answer 404.
 *   SOUK_PEER_BAD_REQUEST  not in its one form: answer 400. */
SOUK_MUST_CHECK souk_status souk_path_parse(struct souk_unit_request *ret, struct souk_bytes path);

/* The value of one header.
 *
 * Each returns SOUK_OK, or SOUK_PEER_BAD_REQUEST: answer 400, or count it against the provider. */
SOUK_MUST_CHECK souk_status souk_auth_parse(struct souk_unit_auth *ret, struct souk_bytes text);
SOUK_MUST_CHECK souk_status souk_ticket_parse(struct souk_ticket *ret, struct souk_bytes text);
SOUK_MUST_CHECK souk_status souk_key_parse(struct souk_unit_key *ret, struct souk_bytes text);
SOUK_MUST_CHECK souk_status souk_agreement_parse(struct souk_hash *ret, struct souk_bytes text);
SOUK_MUST_CHECK souk_status souk_row_parse(uint32_t *ret, struct souk_bytes text);
/* What BODY begins with, and in *RET_ROW the row behind it, as Souk-Row's TEXT says; all of it, and
 * no row, where that is none. */
struct souk_bytes souk_row_split(
	struct souk_bytes *ret_row, struct souk_bytes body, struct souk_bytes text);
SOUK_MUST_CHECK souk_status souk_statement_parse(
	struct souk_signed_unit *ret, struct souk_bytes text);

/* souk_request_parse: all of a request; AUTH and TICKET are NULL where the header is absent.
 *
 * Returns SOUK_OK, or as souk_path_parse, and
 *   SOUK_PEER_BAD_AUTH  no Souk-Auth: answer 401. */
SOUK_MUST_CHECK souk_status souk_request_parse(struct souk_unit_request *ret,
	struct souk_bytes path, const char *auth, const char *ticket);

#endif
