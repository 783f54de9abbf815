/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask, and which operation that is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../client/vault_audit.h"
#include "../client/vault_json.h"
#include "gateway_guard.h"
#include "http_answer.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"
#include "vault_internal.h"

#define JSON	  "application/json"
#define KEYS_PATH "/v1/keys"

/* ---- answers ---- */

struct text {
	size_t size;
	char *data;
};

static void release_text(void *ctx)
{
	struct text *text = ctx;
	souk_bytes_wipe(text->data, text->size);
	free(text->data);
	free(text);
}

static void add_header(struct souk_http_reply *reply, const char *name, const char *value)
{
	(void)!souk_http_reply_header(reply, name, value);
}

/* What may be a secret is not kept by anybody on the way, and wiped once it is sent. */
static void answer_json(struct souk_http_reply *reply, unsigned status, json_t *json)
{
	struct text *text = malloc(sizeof *text);
	char *data = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text == NULL || data == NULL) {
		free(text);
		free(data);
		answer_refuse(reply, SOUK_IO_MEMORY, NULL);
		return;
	}
	*text = (struct text){.size = strlen(data), .data = data};
	souk_http_reply_owned(
		reply, status, JSON, souk_bytes_of(data, text->size), release_text, text);
	add_header(reply, "Cache-Control", "no-store");
}

static unsigned http_status_of(souk_status status)
{
	switch ((int)status) {
	case SOUK_PEER_BAD_AUTH: return 401;
	case SOUK_PEER_BAD_HOST: return 403;
	case SOUK_LOCAL_NOT_FOUND: return 404;
	case SOUK_PEER_OVERSIZED: return 413;
	case SOUK_LOCAL_KEY_RATE: return 429;
	case SOUK_PEER_AGREEMENT_REVOKED: return 409;
	default: return souk_http_status_of(status);
	}
}

static void refuse(struct souk_http_reply *reply, souk_status status, const char *detail)
{
	souk_http_reply_problem(reply, http_status_of(status), status, detail);
	add_header(reply, "Cache-Control", "no-store");
	if (status == SOUK_PEER_BAD_AUTH)
		add_header(reply, "WWW-Authenticate", "Bearer");
}

static void refuse_call(
	const struct vault_call *call, struct souk_http_reply *reply, souk_status status)
{
	char seconds[24];
	refuse(reply, status, call->detail != NULL ? call->detail : vault_advice(status));
	if (status != SOUK_LOCAL_KEY_RATE)
		return;
	uint64_t ms = souk_time_since_ms(souk_clock_now(souk_clock_real()), call->ready);
	snprintf(seconds, sizeof seconds, "%" PRIu64, (ms + 999) / 1000);
	add_header(reply, "Retry-After", seconds);
}

/* ---- who asks ---- */

/* The token in time that depends on its length alone. */
static bool has_token(struct vault_node *node, const struct souk_http_request *request)
{
	static const char scheme[] = "Bearer ";
	const char *value = souk_http_request_header(request, "Authorization");
	if (value != NULL && strlen(value) == sizeof scheme - 1 + VAULT_TOKEN_SIZE &&
		strncmp(value, scheme, sizeof scheme - 1) == 0 &&
		souk_bytes_equal_secret(value + sizeof scheme - 1, node->token, VAULT_TOKEN_SIZE))
		return true;
	/* Said each time that the number doubles: strangers do not fill the log. */
	uint64_t count = atomic_fetch_add(&node->strangers, 1) + 1;
	if ((count & (count - 1)) == 0)
		SOUK_LOG(SOUK_LOG_WARN, "vault_without_token", souk_log_u64("requests", count));
	return false;
}

/* ---- what is asked ---- */

static bool is_allowed(const char *const *members, const char *name)
{
	for (; *members != NULL; members++)
		if (strcmp(*members, name) == 0)
			return true;
	return false;
}

/* The body as an object with no other members than MEMBERS; none at all is an empty one. */
static souk_status read_body(struct vault_call *call, const char *const *members)
{
	const struct souk_bytes body = call->request->body;
	const char *name;
	json_t *value;
	if (members == NULL || body.size == 0)
		return SOUK_OK;
	call->body = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
	call->detail = "the body is no JSON object";
	if (!json_is_object(call->body))
		return SOUK_PEER_BAD_REQUEST;
	json_object_foreach(call->body, name, value)
	{
		call->detail = "the body has a member that this operation does not know; see "
			       "/v1/openapi.json";
		if (!is_allowed(members, name))
			return SOUK_PEER_BAD_REQUEST;
	}
	call->detail = NULL;
	return SOUK_OK;
}

static bool is_json(const struct souk_http_request *request)
{
	const char *type = souk_http_request_header(request, "Content-Type");
	return request->body.size == 0 ||
	       (type != NULL && strncasecmp(type, JSON, sizeof JSON - 1) == 0 &&
		       (type[sizeof JSON - 1] == '\0' || type[sizeof JSON - 1] == ';' ||
			       type[sizeof JSON - 1] == ' '));
}

static souk_status run_inside(
	struct vault_call *call, vault_operation *run, bool reads, json_t **ret)
{
	struct vault_snapshot snapshot;
	if (!reads)
		return vault_writer_run(call->node, call, run, ret);
	SOUK_TRY(vault_home_snapshot(call->node->home, &snapshot));
	souk_status status = run(call, &snapshot.vault, ret);
	vault_snapshot_end(&snapshot);
	return status;
}

static void run(struct vault_call *call, struct souk_http_reply *reply, vault_operation *operation,
	const char *const *members, unsigned success, bool reads)
{
	json_t *result = NULL;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	if (!is_json(call->request)) {
		souk_http_reply_problem(reply, 415, SOUK_PEER_BAD_REQUEST,
			"send the body with Content-Type: application/json");
		return;
	}
	souk_http_request_peer(call->request, peer);
	snprintf(call->actor, sizeof call->actor, "http:%.48s", peer);
	call->buffers = malloc(sizeof *call->buffers);
	souk_status status = call->buffers == NULL ? SOUK_IO_MEMORY : read_body(call, members);
	if (status == SOUK_OK)
		status = run_inside(call, operation, reads, &result);
	if (status == SOUK_OK) {
		answer_json(reply, success, result);
	} else {
		json_decref(result);
		refuse_call(call, reply, status);
	}
	json_decref(call->body);
	if (call->buffers != NULL)
		souk_bytes_wipe(call->buffers, sizeof *call->buffers);
	free(call->buffers);
}

static void refuse_method(struct souk_http_reply *reply, const char *allowed)
{
	souk_http_reply_problem(reply, 405, SOUK_PEER_BAD_REQUEST, "another method is wanted");
	add_header(reply, "Allow", allowed);
}

/* A label has slashes of its own: what stands behind the last one is the action of a POST, and a
 * part of the label for the other methods. */
static void route_key(struct vault_call *call, struct souk_http_reply *reply, const char *path)
{
	char label[SOUK_VAULT_LABEL_MAX + 32];
	const char *action = "";
	if ((size_t)snprintf(label, sizeof label, "%s", path) >= sizeof label) {
		refuse(reply, SOUK_PEER_BAD_REQUEST, "the label is too long");
		return;
	}
	if (strcmp(call->request->method, "POST") == 0) {
		char *slash = strrchr(label, '/');
		if (slash != NULL) {
			*slash = '\0';
			action = slash + 1;
		}
	}
	call->label = label;
	for (size_t i = 0; i < vault_route_count; i++) {
		const struct vault_route *route = &vault_routes[i];
		if (strcmp(route->method, call->request->method) == 0 &&
			strcmp(route->action, action) == 0) {
			run(call, reply, route->run, route->members, route->status, route->reads);
			return;
		}
	}
	if (strcmp(call->request->method, "POST") == 0 && *action != '\0')
		refuse(reply, SOUK_LOCAL_NOT_FOUND, "no such operation; see /v1/openapi.json");
	else
		refuse_method(reply, "GET, PUT, PATCH, DELETE");
}

/* ---- the log ---- */

static void answer_check(struct vault_node *node, struct souk_http_reply *reply)
{
	struct vault_report report;
	char root[2 * SOUK_HASH_SIZE + 1];
	souk_status status = vault_check(node->home, NULL, &report);
	if (status != SOUK_OK && status != SOUK_CORRUPT_VAULT_LOG) {
		refuse(reply, status, NULL);
		return;
	}
	souk_hex_encode(root, report.root.bytes, SOUK_HASH_SIZE);
	json_t *json = json_pack("{s:b, s:s, s:I, s:s}", "valid", status == SOUK_OK, "status",
		souk_status_name(status), "entries", (json_int_t)report.entries, "root", root);
	if (status != SOUK_OK)
		json_object_update_new(
			json, json_pack("{s:I, s:s}", "bad_entry", (json_int_t)report.bad_entry,
				      "what", report.what));
	answer_json(reply, 200, json);
}

static void answer_anchor(struct vault_node *node, struct souk_http_reply *reply)
{
	uint64_t count = 0;
	bool is_new = false;
	pthread_mutex_lock(&node->anchoring);
	souk_status status = vault_anchor(node->home, node->chain, &count, &is_new);
	pthread_mutex_unlock(&node->anchoring);
	if (status == SOUK_OK)
		answer_json(reply, 200,
			json_pack("{s:I, s:b}", "anchored_entries", (json_int_t)count, "new",
				(int)is_new));
	else if (status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT)
		refuse(reply, status, "the ledger does not answer; see [souk] ledger in souk.ini");
	else
		souk_http_reply_problem(reply, 409, status, "the ledger does not take the anchor");
}

static bool parse_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	if (*text == '\0' || strlen(text) > 18)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret = value;
	return true;
}

static void route_log(struct vault_call *call, struct souk_http_reply *reply, const char *path)
{
	const char *method = call->request->method;
	const char *from = souk_http_request_query(call->request, "from");
	bool is_get = strcmp(method, "GET") == 0, is_post = strcmp(method, "POST") == 0;
	call->number = UINT64_MAX;
	if (*path == '\0' && is_get) {
		if (from != NULL && !parse_number(from, &call->number))
			refuse(reply, SOUK_PEER_BAD_REQUEST, "from is an entry's index");
		else
			run(call, reply, vault_call_audit, NULL, 200, true);
	} else if (strncmp(path, "/proof/", 7) == 0 && is_get) {
		if (!parse_number(path + 7, &call->number))
			refuse(reply, SOUK_PEER_BAD_REQUEST, "an entry's index is a number");
		else
			run(call, reply, vault_call_prove, NULL, 200, true);
	} else if (strcmp(path, "/verify") == 0 && is_post) {
		answer_check(call->node, reply);
	} else if (strcmp(path, "/anchor") == 0 && is_post) {
		answer_anchor(call->node, reply);
	} else if (*path == '\0' || strncmp(path, "/proof/", 7) == 0) {
		refuse_method(reply, "GET");
	} else if (strcmp(path, "/verify") == 0 || strcmp(path, "/anchor") == 0) {
		refuse_method(reply, "POST");
	} else {
		refuse(reply, SOUK_LOCAL_NOT_FOUND, "no such path; see /v1/openapi.json");
	}
}

static void route(struct vault_call *call, struct souk_http_reply *reply)
{
	const char *path = call->request->path;
	bool is_get = strcmp(call->request->method, "GET") == 0;
	if (strcmp(path, KEYS_PATH) == 0) {
		if (is_get)
			run(call, reply, vault_call_list, NULL, 200, true);
		else
			refuse_method(reply, "GET");
	} else if (strncmp(path, KEYS_PATH "/", sizeof KEYS_PATH) == 0) {
		route_key(call, reply, path + sizeof KEYS_PATH);
	} else if (strncmp(path, "/v1/audit", 9) == 0 && (path[9] == '\0' || path[9] == '/')) {
		route_log(call, reply, path + 9);
	} else {
		refuse(reply, SOUK_LOCAL_NOT_FOUND, "no such path; see /v1/openapi.json");
	}
}

void vault_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct vault_node *node = ctx;
	struct vault_call call = {.node = node, .request = request};
	struct souk_hash content;
	const char *host = souk_http_request_header(request, "Host");
	if (gateway_host_of(host, node->config.hosts, &content) != GATEWAY_HOST_SHARED)
		refuse(reply, SOUK_PEER_BAD_HOST,
			"use the address of the vault, or add the name to hosts in [vault] of "
			"souk.ini");
	else if (strcmp(request->path, "/v1/openapi.json") == 0 &&
		 strcmp(request->method, "GET") == 0)
		souk_http_reply_static(
			reply, 200, JSON, souk_bytes_of(vault_openapi, vault_openapi_size));
	else if (!has_token(node, request))
		refuse(reply, SOUK_PEER_BAD_AUTH,
			"send Authorization: Bearer and the digits of HOME/vault.token");
	else
		route(&call, reply);
}
