/* SPDX-License-Identifier: Apache-2.0 */
#include "provider_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_keep.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"

souk_status provider_client_init(struct provider_client *client,
	const struct souk_provider_record *record, uint64_t timeout_ms)
{
	struct control_place place = {.pin = record->tls_pin};
	*client = (struct provider_client){0};
	snprintf(place.url, sizeof place.url, "%s", record->control_url.text);
	/* Without TLS the pin would mean nothing. */
	if (strncmp(place.url, "https://", 8) != 0)
		return SOUK_PEER_BAD_OFFER;
	return control_client_init(&client->control, &place, timeout_ms);
}

void provider_client_done(struct provider_client *client)
{
	control_client_done(&client->control);
}

souk_status provider_client_call(struct provider_client *client, const char *method,
	const char *path, struct souk_bytes body, size_t answer_size_max,
	struct souk_http_answer *ret)
{
	return control_client_call(&client->control, method, path, body, answer_size_max, ret);
}

static struct souk_bytes bytes_of(const struct souk_http_answer *answer)
{
	return souk_bytes_of(answer->body, answer->size);
}

souk_status provider_client_offer(struct provider_client *client, const struct souk_hash *content,
	struct souk_signed_offer *ret)
{
	char hex[2 * SOUK_HASH_SIZE + 1], path[100];
	struct souk_http_answer answer;
	struct souk_wire_error where;
	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/offers/%s", hex);
	SOUK_TRY(provider_client_call(client, "GET", path, souk_bytes_of(NULL, 0), 65536, &answer));
	souk_status status = souk_signed_offer_decode(ret, bytes_of(&answer), &where);
	souk_http_answer_done(&answer);
	return status;
}

souk_status provider_client_row(struct provider_client *client, const struct souk_hash *content,
	size_t count, struct souk_hash **ret_row)
{
	char hex[2 * SOUK_HASH_SIZE + 1], path[100];
	struct souk_http_answer answer;
	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/chunks/%s", hex);
	SOUK_TRY(provider_client_call(
		client, "GET", path, souk_bytes_of(NULL, 0), count * SOUK_HASH_SIZE + 1, &answer));
	if (answer.size != count * SOUK_HASH_SIZE) {
		souk_http_answer_done(&answer);
		return SOUK_PEER_BAD_CONTENT;
	}
	*ret_row = (struct souk_hash *)answer.body; /* bytes, without padding between them */
	return SOUK_OK;
}

souk_status provider_client_ask(
	struct provider_client *client, const struct souk_ask *ask, struct souk_grant_open *ret)
{
	uint8_t bytes[SOUK_ASK_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	struct souk_wire_error where;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ask_encode(&writer, ask);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	SOUK_TRY(provider_client_call(client, "POST", "/v1/sessions", body, 65536, &answer));
	souk_status status = souk_grant_open_decode(ret, bytes_of(&answer), &where);
	souk_http_answer_done(&answer);
	return status;
}

souk_status provider_client_agree(
	struct provider_client *client, const struct souk_signed_agreement *proposal)
{
	uint8_t bytes[SOUK_SIGNED_AGREEMENT_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_agreement_encode(&writer, proposal);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	SOUK_TRY(provider_client_call(client, "POST", "/v1/agreements", body, 65536, &answer));
	souk_http_answer_done(&answer);
	return SOUK_OK;
}

souk_status provider_client_recruit(struct provider_client *client,
	const struct souk_signed_recruit *recruit, struct souk_signed_enlist *ret)
{
	uint8_t bytes[SOUK_SIGNED_RECRUIT_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	struct souk_wire_error where;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_recruit_encode(&writer, recruit);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	SOUK_TRY(provider_client_call(client, "POST", "/v1/recruits", body, 65536, &answer));
	souk_status status = souk_signed_enlist_decode(ret, bytes_of(&answer), &where);
	souk_http_answer_done(&answer);
	return status;
}

souk_status provider_client_strip(struct provider_client *client, const struct souk_nonce *session,
	const struct souk_strip_open *open)
{
	uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	char hex[2 * SOUK_NONCE_SIZE + 1], path[80];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_open_encode(&writer, open);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	souk_hex_encode(hex, session->bytes, SOUK_NONCE_SIZE);
	snprintf(path, sizeof path, "/v1/sessions/%s/strip", hex);
	SOUK_TRY(provider_client_call(client, "POST", path, body, 65536, &answer));
	souk_http_answer_done(&answer);
	return SOUK_OK;
}

souk_status provider_client_receipt(struct provider_client *client,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret)
{
	uint8_t bytes[SOUK_RECEIPT_PROPOSAL_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	struct souk_wire_error where;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_receipt_proposal_encode(&writer, proposal);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	SOUK_TRY(provider_client_call(client, "POST", "/v1/receipts", body, 65536, &answer));
	souk_status status = souk_signed_leaf_receipt_decode(ret, bytes_of(&answer), &where);
	souk_http_answer_done(&answer);
	return status;
}

souk_status provider_client_name(
	struct provider_client *client, const struct souk_name *name, struct souk_signed_name *ret)
{
	char text[SOUK_NAME_TEXT_SIZE], path[SOUK_NAME_TEXT_SIZE + 16];
	struct souk_http_answer answer;
	struct souk_wire_error where;
	souk_name_format(text, name);
	snprintf(path, sizeof path, "/v1/names/%s", text);
	SOUK_TRY(provider_client_call(client, "GET", path, souk_bytes_of(NULL, 0),
		SOUK_SIGNED_NAME_SIZE_MAX + 512, &answer));
	souk_status status = souk_signed_name_decode(ret, bytes_of(&answer), &where);
	souk_http_answer_done(&answer);
	return status;
}

souk_status provider_client_put_name(
	struct provider_client *client, const struct souk_signed_name *record)
{
	uint8_t bytes[SOUK_SIGNED_NAME_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_name_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &body));
	SOUK_TRY(provider_client_call(client, "POST", "/v1/names", body, 65536, &answer));
	souk_http_answer_done(&answer);
	return SOUK_OK;
}

/* No provider has it, nor could who asks say so under its secret. */
#define NO_SESSION "00000000000000000000000000000000"

souk_status provider_data_is_there(const char *url, uint64_t timeout_ms)
{
	char whole[256];
	struct souk_http_client *http;
	struct souk_http_answer answer;
	snprintf(whole, sizeof whole, "%s" SOUK_PATH_KEYS NO_SESSION, url);
	struct souk_http_call call = {
		.url = whole, .timeout_ms = timeout_ms, .answer_size_max = 65536};
	SOUK_TRY(http_keep_take(&http, url, NULL));
	souk_status status = souk_http_client_call(http, &call, &answer);
	http_keep_give(http, url, NULL);
	SOUK_TRY(status);
	status = problem_parse(
		souk_bytes_of(answer.body, answer.size), (unsigned)answer.status, NULL, 0);
	souk_http_answer_done(&answer);
	/* A page of something else names neither. */
	return status == SOUK_PEER_BAD_AUTH || status == SOUK_PEER_UNKNOWN_SESSION ? SOUK_OK
										   : status;
}
