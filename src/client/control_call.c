/* SPDX-License-Identifier: Apache-2.0 */
#include "control_call.h"

#include <stdio.h>
#include <string.h>

#include "http_keep.h"
#include "problem.h"
#include "souk/base/check.h"

#define PATH_SIZE 384

souk_status control_name_parse(struct control_place *ret, const char *name)
{
	struct control_place place = {0};
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

void control_name_format(char out[CONTROL_NAME_SIZE], const char *url, const struct souk_hash *pin)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, pin->bytes, SOUK_HASH_SIZE);
	snprintf(out, CONTROL_NAME_SIZE, "%s#%s", url, hex);
}

souk_status control_client_init(
	struct control_client *client, const struct control_place *place, uint64_t timeout_ms)
{
	struct control_place copy = *place; /* may be the client's own */
	*client = (struct control_client){.place = copy, .timeout_ms = timeout_ms};
	return http_keep_take(&client->http, client->place.url, &client->place.pin);
}

void control_client_done(struct control_client *client)
{
	http_keep_give(client->http, client->place.url, &client->place.pin);
	client->http = NULL;
}

souk_status control_client_call(struct control_client *client, const char *method, const char *path,
	struct souk_bytes body, size_t answer_size_max, struct souk_http_answer *ret)
{
	char url[CONTROL_URL_SIZE + PATH_SIZE];
	snprintf(url, sizeof url, "%s%s", client->place.url, path);
	struct souk_http_call call = {
		.method = method,
		.url = url,
		.body = body,
		.timeout_ms = client->timeout_ms,
		.pin = &client->place.pin,
		.answer_size_max = answer_size_max,
	};
	client->detail[0] = '\0';
	souk_status status = souk_http_client_call(client->http, &call, ret);
	if (status != SOUK_OK) {
		snprintf(client->detail, sizeof client->detail, "%s",
			souk_http_client_error(client->http));
		return status;
	}
	if (ret->status == 200)
		return SOUK_OK;
	status = problem_parse(souk_bytes_of(ret->body, ret->size), ret->status, client->detail,
		sizeof client->detail);
	souk_http_answer_done(ret);
	return status;
}
