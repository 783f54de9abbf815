/* SPDX-License-Identifier: Apache-2.0
 *
 * A unit: a request of a few capsules, on a thread of the data server. Nothing here waits but for
 * the table's lock, and, once for a grant, for a page of the store. */
#include <string.h>

#include "http_answer.h"
#include "proxy_internal.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"

/* Who asks, and what; before a capsule is looked at. */
static souk_status find_grant(struct provider_node *node, const struct souk_unit_request *request,
	struct souk_hash *ret_id)
{
	struct souk_provider_reply unused;
	souk_status status = SOUK_IO_TIMEOUT;
	pthread_mutex_lock(&node->lock);
	if (node->provider.epoch_known) {
		status = souk_provider_may_send(&node->provider, request, provider_now());
		/* It is refused the same way, and counted. */
		if (status != SOUK_OK)
			status = souk_provider_unit(
				&node->provider, &unused, request, provider_now());
	}
	if (status == SOUK_OK)
		status = souk_provider_content(&node->provider, &request->session, ret_id);
	pthread_mutex_unlock(&node->lock);
	return status;
}

static souk_status take_kfrag(
	struct proxy *proxy, const struct souk_hash *id, struct souk_umbral_kfrag *ret)
{
	const struct souk_umbral_kfrag *kfrag;
	pthread_mutex_lock(&proxy->lock);
	struct proxy_entry *entry = proxy_entry_of(proxy, id);
	/* A content is fetched with GET; a grant that was deleted is over. */
	souk_status status =
		entry == NULL ? SOUK_PEER_AGREEMENT_OVER : proxy_entry_serves(proxy, entry);
	if (status == SOUK_OK)
		status = proxy_entry_kfrag(proxy, entry, &kfrag);
	if (status == SOUK_OK)
		*ret = *kfrag;
	pthread_mutex_unlock(&proxy->lock);
	return status;
}

/* From here on the unit is bound, and owed. */
static souk_status take_request(struct provider_node *node, const struct souk_unit_request *request,
	struct souk_provider_reply *ret)
{
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_unit(&node->provider, ret, request, provider_now());
	pthread_mutex_unlock(&node->lock);
	return status;
}

static void send_reply(struct proxy *proxy, struct souk_key_reply *answer,
	const struct souk_provider_reply *unit, struct souk_http_reply *reply)
{
	char text[SOUK_KEY_TEXT_SIZE];
	souk_keys_reply_sign(answer, proxy->node->identity);
	ANSWER_MESSAGE(key_reply, SOUK_KEY_REPLY_SIZE_MAX, reply, answer);
	if (!unit->has_key)
		return;
	souk_key_format(text, &unit->key);
	if (souk_http_reply_header(reply, SOUK_HEADER_KEY, text) != SOUK_OK)
		souk_http_reply_problem(reply, 500, SOUK_LOCAL_FULL, NULL);
}

static souk_status serve(struct proxy *proxy, const struct souk_unit_request *request,
	const struct souk_key_request *asked, struct souk_http_reply *reply)
{
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	struct souk_umbral_kfrag kfrag;
	struct souk_provider_reply unit;
	struct souk_key_reply answer;
	struct souk_hash id;
	uint32_t bad;
	SOUK_TRY(find_grant(proxy->node, request, &id));
	souk_status status = souk_keys_request_parse(capsules, &bad, asked, request->chunk);
	if (status != SOUK_OK) {
		/* It cost us the check of its capsules. */
		pthread_mutex_lock(&proxy->node->lock);
		souk_provider_blame(&proxy->node->provider, &request->session);
		pthread_mutex_unlock(&proxy->node->lock);
		return status;
	}
	SOUK_TRY(take_kfrag(proxy, &id, &kfrag));
	status = take_request(proxy->node, request, &unit);
	if (status == SOUK_OK) {
		souk_keys_serve(&answer, asked, capsules, &id, &request->session, request->unit,
			&kfrag, &unit.cipher, proxy->secrets.proof);
		send_reply(proxy, &answer, &unit, reply);
		atomic_fetch_add(&proxy->units, 1);
		atomic_fetch_add(&proxy->fragments, asked->capsules.count);
	}
	souk_bytes_wipe(&kfrag, sizeof kfrag);
	souk_bytes_wipe(&unit, sizeof unit);
	return status;
}

void proxy_unit(struct provider_node *node, const struct souk_unit_request *request,
	struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_key_request asked;
	struct souk_wire_error where;
	const char *detail = NULL;
	souk_status status = node->proxy == NULL ? SOUK_LOCAL_NOT_FOUND
						 : souk_key_request_decode(&asked, body, &where);
	if (status != SOUK_OK && node->proxy != NULL)
		detail = where.field;
	if (status == SOUK_OK)
		status = serve(node->proxy, request, &asked, reply);
	if (status == SOUK_OK)
		return;
	if (node->proxy != NULL)
		atomic_fetch_add(&node->proxy->refused, 1);
	souk_http_reply_problem(reply, provider_data_status(status), status, detail);
}
