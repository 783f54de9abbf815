/* SPDX-License-Identifier: Apache-2.0
 *
 * Names at a provider: its own, those of the publishers that its operator lets, and some of
 * strangers for each content that it keeps. */
#include <string.h>

#include "provider_internal.h"
#include "souk/io/clock_real.h"

/* Under which its store keeps a content's record (provider_store.h). */
#define PREFIX_CONTENT 'C'

/* Whether CONTENT's record is there, whole or in part. */
static bool is_here(void *ctx, const struct souk_store *view, const struct souk_hash *content)
{
	uint8_t key[1 + SOUK_HASH_SIZE] = {PREFIX_CONTENT};
	struct souk_bytes record;
	(void)ctx;
	memcpy(key + 1, content->bytes, SOUK_HASH_SIZE);
	return souk_store_get(view, souk_bytes_of(key, sizeof key), &record) == SOUK_OK;
}

souk_status provider_names_init(struct provider_node *node)
{
	node->names.publishers[node->names.publisher_count++] = node->identity->address;
	return node->config.publishers == NULL
		       ? SOUK_OK
		       : name_policy_parse(&node->names, node->config.publishers);
}

void provider_names_post(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	souk_http_request_peer(request, peer);
	/* It costs a signature and a write to the disk: as many as asks. */
	pthread_mutex_lock(&node->lock);
	bool may = provider_limit_take(&node->limit, peer, souk_clock_steady_ns() / 1000000);
	pthread_mutex_unlock(&node->lock);
	if (may)
		name_http_post(node->store.lmdb, &node->names, is_here, NULL, request->body, reply);
	else
		souk_http_reply_problem(
			reply, 429, SOUK_LOCAL_FULL, "too often: try again in a second");
}
