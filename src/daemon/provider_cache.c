/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider answers about what it has: parts of contents, and who pays for their viewers. */
#include <string.h>

#include "http_answer.h"
#include "provider_internal.h"
#include "souk/base/check.h"

static void answer_available(struct provider_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply)
{
	struct souk_hash content;
	struct chunk_item *item;
	struct souk_availability availability;
	/* A look at every chunk, and a long answer: a fetch wants one in 5 seconds. */
	if (!answer_may(request, &node->looks, &node->lock)) {
		answer_refuse(reply, SOUK_LOCAL_FULL, "too many questions from this address");
		return;
	}
	souk_status status = souk_hex_decode(content.bytes, SOUK_HASH_SIZE, id);
	if (status == SOUK_OK)
		status = chunk_store_take(node->chunks, &content, &item);
	if (status != SOUK_OK) {
		answer_refuse(reply,
			status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_UNKNOWN_CONTENT : status, NULL);
		return;
	}
	chunk_item_availability(item, &availability);
	chunk_item_give(item);
	ANSWER_MESSAGE(availability, SOUK_AVAILABILITY_SIZE_MAX, reply, &availability);
}

static void answer_recruit(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_recruit recruit;
	struct souk_signed_enlist enlist;
	struct souk_wire_error where;
	char detail[CACHE_DETAIL_SIZE] = "";
	souk_status status = souk_signed_recruit_decode(&recruit, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	/* It costs signatures, a call to the ledger and a write: as many as asks. */
	status = provider_may_ask(node, request)
			 ? cache_recruits_post(node->recruits, &recruit, &enlist, detail)
			 : SOUK_LOCAL_FULL;
	if (status != SOUK_OK)
		answer_refuse(reply, status, detail[0] != '\0' ? detail : NULL);
	else
		ANSWER_MESSAGE(signed_enlist, SOUK_SIGNED_ENLIST_SIZE_MAX, reply, &enlist);
}

static void answer_sponsors(
	struct provider_node *node, const char *id, struct souk_http_reply *reply)
{
	struct souk_hash content;
	struct souk_sponsor_list list;
	souk_status status = souk_hex_decode(content.bytes, SOUK_HASH_SIZE, id);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	cache_recruits_list(node->recruits, &content, &list);
	ANSWER_MESSAGE(sponsor_list, SOUK_SPONSOR_LIST_SIZE_MAX, reply, &list);
}

/* What follows PREFIX in PATH, or NULL. */
static const char *after(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(path, prefix, length) == 0 ? path + length : NULL;
}

bool provider_cache_answer(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	bool is_get = strcmp(request->method, "GET") == 0;
	const char *rest;
	if (is_get && (rest = after(request->path, "/v1/available/")) != NULL)
		answer_available(node, request, rest, reply);
	else if (is_get && (rest = after(request->path, "/v1/sponsors/")) != NULL)
		answer_sponsors(node, rest, reply);
	else if (strcmp(request->method, "POST") == 0 && strcmp(request->path, "/v1/recruits") == 0)
		answer_recruit(node, request, reply);
	else
		return false;
	return true;
}
