/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "curl_common.h"
#include "souk/base/check.h"
#include "souk/io/network.h"

#define TIMEOUT_DEFAULT_MS 30000
#define ANSWER_MAX_DEFAULT ((size_t)1 << 20)

struct souk_http_client {
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	bool is_refused; /* an address of the local network was */
};

/* The body as it comes in. */
struct intake {
	char *data;
	size_t size, room, max;
	souk_status status;
};

souk_status souk_http_client_new(struct souk_http_client **ret_client)
{
	struct souk_http_client *client = calloc(1, sizeof(*client));

	if (!client)
		return SOUK_IO_MEMORY;
	client->curl = souk_curl_new();
	if (!client->curl) {
		free(client);
		return SOUK_IO_MEMORY;
	}
	*ret_client = client;
	return SOUK_OK;
}

void souk_http_client_free(struct souk_http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client);
}

static souk_status intake_reserve(struct intake *intake, size_t size)
{
	size_t room = intake->room ? intake->room : 1024;

	if (size > intake->max)
		return SOUK_PEER_OVERSIZED;
	while (room < size)
		room *= 2;
	if (room == intake->room)
		return SOUK_OK;
	char *data = realloc(intake->data, room + 1);
	if (!data)
		return SOUK_IO_MEMORY;
	intake->data = data;
	intake->room = room;
	return SOUK_OK;
}

static size_t on_body(char *data, size_t one, size_t size, void *cls)
{
	struct intake *intake = cls;

	(void)one;
	intake->status = intake_reserve(intake, intake->size + size);
	if (intake->status != SOUK_OK)
		return CURL_WRITEFUNC_ERROR;
	memcpy(intake->data + intake->size, data, size);
	intake->size += size;
	return size;
}

/* HEAD and GET send no body; any other method sends one, if an empty one. */
static void set_method(CURL *curl, const struct souk_http_call *call)
{
	const char *method = call->method ? call->method : "GET";

	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(method, "GET") == 0 && !call->body.size)
		return;
	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
	curl_easy_setopt(
		curl, CURLOPT_POSTFIELDS, call->body.size ? (const char *)call->body.data : "");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

/* "Expect" would cost a round trip for each larger body. */
static souk_status make_headers(const struct souk_http_call *call, struct curl_slist **ret_list)
{
	char type[256];
	struct curl_slist *list = NULL, *longer;

	if (snprintf(type, sizeof(type), "Content-Type: %s",
		    call->content_type ? call->content_type : "application/octet-stream") >=
		(int)sizeof(type))
		return SOUK_LOCAL_CONFIG;
	SOUK_TRY(souk_curl_headers(call->headers, call->header_count, &list));
	longer = curl_slist_append(list, "Expect:");
	if (longer && call->body.size)
		longer = curl_slist_append(longer, type);
	if (!longer) {
		curl_slist_free_all(list);
		return SOUK_IO_MEMORY;
	}
	*ret_list = longer;
	return SOUK_OK;
}

/* Where the name really leads, whatever it led to when somebody else looked. */
static curl_socket_t open_public(void *cls, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct souk_http_client *client = cls;

	(void)purpose;
	if (!souk_network_is_public(&address->addr)) {
		client->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_reach(struct souk_http_client *client, bool is_public_only)
{
	client->is_refused = false;
	curl_easy_setopt(client->curl, CURLOPT_OPENSOCKETDATA, client);
	curl_easy_setopt(
		client->curl, CURLOPT_OPENSOCKETFUNCTION, is_public_only ? open_public : NULL);
	curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, is_public_only ? 1L : 0L);
}

static souk_status set_options(struct souk_http_client *client, const struct souk_http_call *call,
	struct curl_slist *headers, struct intake *intake)
{
	CURL *curl = client->curl;

	set_method(curl, call);
	set_reach(client, call->is_public_only);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, intake);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
		(long)(call->timeout_ms ? call->timeout_ms : TIMEOUT_DEFAULT_MS));
	if (curl_easy_setopt(curl, CURLOPT_URL, call->url) != CURLE_OK)
		return SOUK_IO_MEMORY;
	return souk_curl_set_pin(curl, call->pin);
}

static souk_status perform(struct souk_http_client *client, const struct souk_http_call *call,
	struct curl_slist *headers, struct intake *intake)
{
	SOUK_TRY(intake_reserve(intake, 0));
	SOUK_TRY(set_options(client, call, headers, intake));
	CURLcode code = curl_easy_perform(client->curl);
	if (intake->status != SOUK_OK)
		return intake->status;
	if (code != CURLE_OK && client->is_refused)
		snprintf(client->error, sizeof(client->error),
			"it is in the local network, where a stranger must not lead");
	if (code != CURLE_OK && !client->error[0])
		snprintf(client->error, sizeof(client->error), "%s", curl_easy_strerror(code));
	return souk_curl_status(code);
}

souk_status souk_http_client_call(struct souk_http_client *client,
	const struct souk_http_call *call, struct souk_http_answer *ret_answer)
{
	struct intake intake = {
		.max = call->answer_size_max ? call->answer_size_max : ANSWER_MAX_DEFAULT};
	struct curl_slist *headers = NULL;
	long http_status = 0;

	client->error[0] = 0;
	SOUK_TRY(make_headers(call, &headers));
	souk_status status = perform(client, call, headers, &intake);
	/* The handle must not keep what dies here. */
	curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
	if (status != SOUK_OK) {
		free(intake.data);
		return status;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
	intake.data[intake.size] = 0;
	*ret_answer = (struct souk_http_answer){
		.status = (unsigned)http_status, .body = intake.data, .size = intake.size};
	return SOUK_OK;
}

void souk_http_answer_done(struct souk_http_answer *answer)
{
	free(answer->body);
	*answer = (struct souk_http_answer){0};
}

const char *souk_http_client_error(const struct souk_http_client *client)
{
	return client->error;
}
