/* SPDX-License-Identifier: Apache-2.0 */
#include "key_grant_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "souk/base/check.h"
#include "souk/keys/judge.h"

#define ANSWER_SIZE_MAX 65536u

static souk_status call(struct provider_client *client, const char *method, const char *path,
	struct souk_bytes body, struct souk_http_answer *ret)
{
	return provider_client_call(client, method, path, body, ANSWER_SIZE_MAX, ret);
}

static struct souk_bytes bytes_of(const struct souk_http_answer *answer)
{
	return souk_bytes_of(answer->body, answer->size);
}

souk_status key_offer(struct provider_client *client, struct souk_key_offer *ret)
{
	struct souk_http_answer answer;
	SOUK_TRY(call(client, "GET", "/v1/key-offer", souk_bytes_of(NULL, 0), &answer));
	souk_status status = souk_key_offer_decode(ret, bytes_of(&answer), NULL);
	souk_http_answer_done(&answer);
	return status;
}

souk_status key_deliver(struct provider_client *client, const struct souk_key_delivery *delivery)
{
	uint8_t bytes[SOUK_KEY_DELIVERY_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes body;
	struct souk_http_answer answer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_delivery_encode(&writer, delivery);
	souk_status status = souk_writer_finish(&writer, &body);
	if (status == SOUK_OK)
		status = call(client, "POST", "/v1/key-grants", body, &answer);
	souk_bytes_wipe(bytes, sizeof bytes);
	if (status == SOUK_OK)
		souk_http_answer_done(&answer);
	return status;
}

souk_status key_delete(struct provider_client *client, const struct souk_hash *agreement,
	const struct souk_address *proxy, struct souk_signed_key_deletion *ret)
{
	struct souk_signed_key_deletion deletion;
	struct souk_http_answer answer;
	char hex[2 * SOUK_HASH_SIZE + 1], path[120];
	souk_hex_encode(hex, agreement->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/key-grants/%s/deletion", hex);
	SOUK_TRY(call(client, "POST", path, souk_bytes_of(NULL, 0), &answer));
	souk_status status = souk_signed_key_deletion_decode(&deletion, bytes_of(&answer), NULL);
	souk_http_answer_done(&answer);
	if (status == SOUK_OK && !souk_hash_equal(&deletion.deletion.agreement, agreement))
		status = SOUK_PEER_WRONG_SIGNER;
	if (status == SOUK_OK)
		status = souk_keys_deletion_verify(&deletion, proxy);
	if (status == SOUK_OK)
		*ret = deletion;
	return status;
}
