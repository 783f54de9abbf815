/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_client.h"

#include <stdio.h>
#include <string.h>

#include "control_call.h"
#include "http_keep.h"
#include "souk/base/check.h"

#define ANSWER_SIZE_MAX (4u << 20)

souk_status sponsor_name_parse(struct sponsor_place *ret, const char *name)
{
	struct sponsor_place place = {0};
	const char *mark = strchr(name, '#');
	/* Without TLS the pin would mean nothing. */
	if (mark == NULL || strncmp(name, "https://", 8) != 0 ||
		(size_t)(mark - name) >= sizeof place.url || mark - name <= 8 ||
		souk_hex_decode(place.pin.bytes, SOUK_HASH_SIZE, mark + 1) != SOUK_OK)
		return SOUK_LOCAL_USAGE;
	memcpy(place.url, name, (size_t)(mark - name));
	size_t length = strlen(place.url);
	if (place.url[length - 1] == '/')
		place.url[length - 1] = '\0';
	*ret = place;
	return SOUK_OK;
}

void sponsor_name_format(char out[SPONSOR_NAME_SIZE], const char *url, const struct souk_hash *pin)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, pin->bytes, SOUK_HASH_SIZE);
	snprintf(out, SPONSOR_NAME_SIZE, "%s#%s", url, hex);
}

souk_status sponsor_client_init(
	struct sponsor_client *client, const char *name, uint64_t timeout_ms)
{
	*client = (struct sponsor_client){.timeout_ms = timeout_ms};
	SOUK_TRY(sponsor_name_parse(&client->place, name));
	return http_keep_take(&client->http, client->place.url, &client->place.pin);
}

void sponsor_client_done(struct sponsor_client *client)
{
	http_keep_give(client->http, client->place.url, &client->place.pin);
	client->http = NULL;
}

static souk_status get(
	struct sponsor_client *client, const char *path, struct souk_http_answer *ret)
{
	char url[SPONSOR_URL_SIZE + 64];
	snprintf(url, sizeof url, "%s%s", client->place.url, path);
	struct souk_http_call request = {
		.url = url,
		.timeout_ms = client->timeout_ms,
		.pin = &client->place.pin,
		.answer_size_max = ANSWER_SIZE_MAX,
	};
	return control_call(client->http, &request, client->detail, sizeof client->detail, ret);
}

souk_status sponsor_client_status(struct sponsor_client *client, struct souk_sponsor_status *ret)
{
	struct souk_http_answer answer;
	SOUK_TRY(get(client, SPONSOR_PATH_STATUS, &answer));
	souk_status status =
		souk_sponsor_status_decode(ret, souk_bytes_of(answer.body, answer.size), NULL);
	souk_http_answer_done(&answer);
	return status;
}

souk_status sponsor_client_get_json(
	struct sponsor_client *client, const char *path, char **ret_text)
{
	struct souk_http_answer answer;
	SOUK_TRY(get(client, path, &answer));
	*ret_text = answer.body;
	return SOUK_OK;
}
