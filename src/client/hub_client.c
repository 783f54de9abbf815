/* SPDX-License-Identifier: Apache-2.0 */
#include "hub_client.h"

#include <stdio.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

#define ANSWER_SIZE_MAX 65536u

souk_status hub_client_init(struct hub_client *client, const char *name, uint64_t timeout_ms)
{
	struct control_place place;
	*client = (struct hub_client){0};
	SOUK_TRY(control_name_parse(&place, name));
	return control_client_init(&client->control, &place, timeout_ms);
}

souk_status hub_client_copy(struct hub_client *client, const struct hub_client *from)
{
	return control_client_init(
		&client->control, &from->control.place, from->control.timeout_ms);
}

void hub_client_done(struct hub_client *client)
{
	control_client_done(&client->control);
}

static souk_status call(struct hub_client *client, const char *method, const char *path,
	struct souk_bytes body, struct souk_http_answer *ret)
{
	return control_client_call(&client->control, method, path, body, ANSWER_SIZE_MAX, ret);
}

/* POST an encoded message and decode the answer. */
#define CALL(client, path, out_name, out_size, message, in_name, ret)                              \
	do {                                                                                       \
		uint8_t bytes_[out_size];                                                          \
		struct souk_writer writer_;                                                        \
		struct souk_bytes body_;                                                           \
		struct souk_http_answer answer_;                                                   \
		struct souk_wire_error where_;                                                     \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##out_name##_encode(&writer_, (message));                                     \
		SOUK_TRY(souk_writer_finish(&writer_, &body_));                                    \
		SOUK_TRY(call((client), "POST", (path), body_, &answer_));                         \
		souk_status status_ = souk_##in_name##_decode(                                     \
			(ret), souk_bytes_of(answer_.body, answer_.size), &where_);                \
		souk_http_answer_done(&answer_);                                                   \
		SOUK_TRY(status_);                                                                 \
	} while (0)

souk_status hub_client_status(struct hub_client *client, struct souk_hub_status *ret)
{
	struct souk_http_answer answer;
	struct souk_wire_error where;
	SOUK_TRY(call(client, "GET", "/v1/hub", souk_bytes_of(NULL, 0), &answer));
	souk_status status =
		souk_hub_status_decode(ret, souk_bytes_of(answer.body, answer.size), &where);
	souk_http_answer_done(&answer);
	if (status == SOUK_OK && (ret->step == 0 || ret->step > SOUK_HUB_STEP_MAX))
		status = SOUK_PEER_BAD_REQUEST;
	return status;
}

souk_status hub_client_redeem(struct hub_client *client, const struct souk_address *hub,
	const struct souk_identity *account, const struct souk_nonce *voucher,
	struct souk_signed_hub_statement *ret)
{
	struct souk_signed_hub_redeem redeem = {.redeem = {.version = SOUK_HUB_VERSION,
							.hub = *hub,
							.account = account->address,
							.voucher = *voucher}};
	souk_hub_redeem_sign(&redeem, account);
	CALL(client, "/v1/redeem", signed_hub_redeem, SOUK_SIGNED_HUB_REDEEM_SIZE_MAX, &redeem,
		signed_hub_statement, ret);
	return souk_hub_statement_verify(ret, hub, &account->address);
}

souk_status hub_client_statement(struct hub_client *client, const struct souk_address *hub,
	const struct souk_identity *account, struct souk_time now,
	struct souk_signed_hub_statement *ret)
{
	struct souk_signed_hub_question question = {.question = {.version = SOUK_HUB_VERSION,
							    .hub = *hub,
							    .account = account->address,
							    .time = now}};
	souk_hub_question_sign(&question, account);
	CALL(client, "/v1/statement", signed_hub_question, SOUK_SIGNED_HUB_QUESTION_SIZE_MAX,
		&question, signed_hub_statement, ret);
	return souk_hub_statement_verify(ret, hub, &account->address);
}

souk_status hub_client_open(
	struct hub_client *client, const struct souk_hub_open *open, struct souk_strip_open *ret)
{
	CALL(client, "/v1/sessions", hub_open, SOUK_HUB_OPEN_SIZE_MAX, open, strip_open, ret);
	return SOUK_OK;
}

souk_status hub_client_ticket(
	struct hub_client *client, const struct souk_hub_ticket *ticket, struct souk_ticket *ret)
{
	CALL(client, "/v1/tickets", hub_ticket, SOUK_HUB_TICKET_SIZE_MAX, ticket, ticket, ret);
	return SOUK_OK;
}

souk_status hub_client_close(struct hub_client *client, const struct souk_signed_hub_close *close,
	const struct souk_address *account, struct souk_signed_hub_statement *ret)
{
	CALL(client, "/v1/close", signed_hub_close, SOUK_SIGNED_HUB_CLOSE_SIZE_MAX, close,
		signed_hub_statement, ret);
	return souk_hub_statement_verify(ret, &close->close.hub, account);
}

struct souk_amount hub_statement_left(const struct souk_hub_statement *statement)
{
	struct souk_amount left;
	if (souk_amount_sub(&left, statement->credit, statement->spent) != SOUK_OK ||
		souk_amount_sub(&left, left, statement->held) != SOUK_OK)
		return SOUK_AMOUNT_ZERO;
	return left;
}

souk_status hub_statement_keep(const char *home, const struct souk_signed_hub_statement *statement)
{
	char path[512], hex[2 * SOUK_ADDRESS_SIZE + 1];
	uint8_t bytes[SOUK_SIGNED_HUB_STATEMENT_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	snprintf(path, sizeof path, "%s/hubs", home);
	SOUK_TRY(souk_file_make_folders(path));
	souk_hex_encode(hex, statement->statement.hub.bytes, SOUK_ADDRESS_SIZE);
	snprintf(path, sizeof path, "%s/hubs/%s.statement", home, hex);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_hub_statement_encode(&writer, statement);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return souk_file_write_atomic(path, encoded, true);
}
