/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a proxy on the control server: its offer, grants, deletions. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_answer.h"
#include "proxy_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

#define LOOKUP_WAIT_S 4
#define GRANT_WAIT_S  10

static bool wait_for(pthread_mutex_t *lock, time_t seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	return pthread_mutex_timedlock(lock, &until) == 0;
}

static void answer_key_offer(struct proxy *proxy, struct souk_http_reply *reply)
{
	struct souk_key_offer offer = {
		.provider = proxy->node->identity->address,
		.price = proxy->policy.price,
		.deposit_max = proxy->policy.deposit_max,
		.life_max_ms = proxy->policy.life_max_ms,
		.respond_min_ms = proxy->policy.respond_min_ms,
		.left = proxy_room(proxy),
	};
	ANSWER_MESSAGE(key_offer, SOUK_KEY_OFFER_SIZE_MAX, reply, &offer);
}

/* ------------------------------------------------------------------ grants */

/* What of AGREEMENT the policy does not allow; NULL where it allows it. */
static const char *objection_to(struct proxy *proxy, const struct souk_agreement *agreement,
	const struct souk_keys_policy *terms)
{
	const struct proxy_policy *policy = &proxy->policy;
	uint64_t life_ms = souk_time_since_ms(provider_now(), agreement->ends);
	if (!policy->accepts)
		return "this provider takes no key fragments";
	if (souk_amount_is_less(policy->deposit_max, agreement->deposit))
		return "the deposit is higher than this proxy locks";
	if (souk_amount_is_less(terms->price, policy->price))
		return "the price of a unit is lower than this proxy's";
	if (policy->life_max_ms < life_ms)
		return "it ends later than this proxy agrees to";
	if (agreement->respond_ms < policy->respond_min_ms)
		return "the time to respond is too short";
	if (agreement->respond_ms > policy->life_max_ms)
		return "the time to respond is too long: the deposit stays locked for it";
	return NULL;
}

/* Whether DELIVERY is one that never brings blame, by who signed it. */
static souk_status check_delivery(struct proxy *proxy, const struct souk_key_delivery *delivery,
	const struct souk_hash *id, const char **ret_detail)
{
	const struct souk_agreement *agreement = &delivery->agreement.agreement;
	struct souk_keys_policy terms;
	struct souk_umbral_kfrag kfrag;
	if (!souk_address_equal(&agreement->provider, &proxy->node->identity->address))
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(souk_ecdsa_verify(&agreement->customer, id, &delivery->agreement.signature));
	SOUK_TRY(souk_keys_policy_parse(&terms, agreement));
	*ret_detail = objection_to(proxy, agreement, &terms);
	if (*ret_detail != NULL)
		return SOUK_PEER_AGREEMENT_TERMS;
	souk_status status = souk_umbral_kfrag_parse(
		&kfrag, souk_bytes_of(delivery->kfrag.data, delivery->kfrag.size));
	if (status == SOUK_OK)
		status = souk_keys_kfrag_check(&terms, &kfrag);
	souk_bytes_wipe(&kfrag, sizeof kfrag);
	return status;
}

static souk_status submit(struct provider_node *node, const struct souk_signed_agreement *agreement)
{
	struct souk_tx_body *body = calloc(1, sizeof *body);
	if (body == NULL)
		return SOUK_IO_MEMORY;
	body->kind = SOUK_TX_BODY_AGREE;
	body->agree.agreement = *agreement;
	souk_status status = SOUK_IO_TIMEOUT;
	if (wait_for(&node->lookup_lock, LOOKUP_WAIT_S)) {
		status = souk_chain_submit(node->lookup, body, node->identity, NULL);
		pthread_mutex_unlock(&node->lookup_lock);
	}
	free(body);
	/* The answer to an earlier request may have been lost. */
	return status == SOUK_PEER_AGREEMENT_EXISTS ? SOUK_OK : status;
}

static souk_status store_first(
	struct proxy *proxy, const struct souk_key_delivery *delivery, const struct souk_hash *id)
{
	struct souk_key_grant_record record = {.agreement = delivery->agreement.agreement};
	SOUK_TRY(proxy_seal(&record, &proxy->secrets, id,
		souk_bytes_of(delivery->kfrag.data, delivery->kfrag.size)));
	SOUK_TRY(proxy_store_put(&proxy->node->store, id, &record));
	return proxy_add(proxy, id, &record.agreement, false);
}

/* Whether STATUS is what the ledger says of an agreement that it does not enter. */
static bool is_verdict(souk_status status)
{
	return status == SOUK_PEER_NO_FUNDS || status == SOUK_PEER_AGREEMENT_TERMS ||
	       status == SOUK_PEER_NO_JUDGE || status == SOUK_PEER_TX_WRONG_LEDGER ||
	       status == SOUK_PEER_BAD_SIGNATURE || status == SOUK_PEER_WRONG_SIGNER ||
	       status == SOUK_PEER_TX_NONCE;
}

/* What is known of ID: SOUK_OK, where it is entered into; SOUK_LOCAL_NOT_FOUND; SOUK_LOCAL_STATE
 * where it is stored, and the ledger has to be asked still. */
static souk_status find_stored(struct proxy *proxy, const struct souk_hash *id)
{
	struct souk_key_grant_record record;
	SOUK_TRY(proxy_store_get(&proxy->node->store, id, &record));
	if (record.deleted.count > 0)
		return SOUK_PEER_AGREEMENT_OVER;
	return record.entered ? SOUK_OK : SOUK_LOCAL_STATE;
}

/* Under grant_lock: stored, then on the ledger, then stored as entered. */
static souk_status enter(struct proxy *proxy, const struct souk_key_delivery *delivery,
	const struct souk_hash *id, const char **ret_detail)
{
	souk_status status = find_stored(proxy, id);
	if (status != SOUK_LOCAL_NOT_FOUND && status != SOUK_LOCAL_STATE)
		return status;
	if (status == SOUK_LOCAL_NOT_FOUND) {
		if (proxy_room(proxy) == 0) {
			*ret_detail = "this proxy has as many grants as it wants";
			return SOUK_PEER_AGREEMENT_TERMS;
		}
		SOUK_TRY(store_first(proxy, delivery, id));
	}
	status = submit(proxy->node, &delivery->agreement);
	/* After any other answer nobody knows, and the ledger is watched (proxy_watch.c). */
	if (is_verdict(status))
		proxy_take_back(proxy, id);
	return status == SOUK_OK ? proxy_note_entered(proxy, id) : status;
}

static void answer_grant(
	struct proxy *proxy, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_key_delivery delivery;
	struct souk_wire_error where;
	const char *detail = NULL;
	souk_status status = souk_key_delivery_decode(&delivery, request->body, &where);
	if (status != SOUK_OK) {
		souk_bytes_wipe(&delivery, sizeof delivery);
		answer_refuse(reply, status, where.field);
		return;
	}
	struct souk_hash id = souk_agreement_digest(&delivery.agreement.agreement);
	status = provider_may_ask(proxy->node, request) ? SOUK_OK : SOUK_LOCAL_FULL;
	if (status == SOUK_OK)
		status = check_delivery(proxy, &delivery, &id, &detail);
	if (status == SOUK_OK && !wait_for(&proxy->grant_lock, GRANT_WAIT_S)) {
		status = SOUK_IO_TIMEOUT;
	} else if (status == SOUK_OK) {
		status = enter(proxy, &delivery, &id, &detail);
		pthread_mutex_unlock(&proxy->grant_lock);
	}
	souk_bytes_wipe(&delivery.kfrag, sizeof delivery.kfrag);
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_DEBUG,
		status == SOUK_OK ? "grant_entered" : "grant_refused",
		souk_log_hex("agreement", id.bytes, SOUK_HASH_SIZE),
		souk_log_amount("deposit", delivery.agreement.agreement.deposit),
		souk_log_status(status));
	if (status != SOUK_OK)
		answer_refuse(reply, status, detail);
	else
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
}

/* ------------------------------------------------------------------ deletions */

/* The ledger's time, and what it says of ID afterwards: SOUK_OK where the fragment may go. */
static souk_status look(
	struct provider_node *node, const struct souk_hash *id, struct souk_time *ret_head)
{
	struct souk_ledger_status *ledger = malloc(sizeof *ledger);
	struct souk_agreement_record *record = malloc(sizeof *record);
	souk_status status = ledger == NULL || record == NULL ? SOUK_IO_MEMORY : SOUK_IO_TIMEOUT;
	if (status == SOUK_IO_TIMEOUT && wait_for(&node->lookup_lock, LOOKUP_WAIT_S)) {
		status = souk_chain_status(node->lookup, ledger);
		if (status == SOUK_OK)
			status = souk_chain_agreement(node->lookup, id, record);
		pthread_mutex_unlock(&node->lookup_lock);
	}
	/* It is stored, and may be entered into still: what was submitted cannot be called back. */
	if (status == SOUK_PEER_NO_AGREEMENT || status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_PEER_AGREEMENT_RUNS;
	if (status == SOUK_OK) {
		*ret_head = ledger->record.time;
		status = proxy_may_forget(record, ledger->record.time) ? SOUK_OK
								       : SOUK_PEER_AGREEMENT_RUNS;
	}
	free(ledger);
	free(record);
	return status;
}

static souk_status delete_grant(struct proxy *proxy, const struct souk_http_request *request,
	const struct souk_hash *id, struct souk_signed_key_deletion *ret)
{
	struct souk_key_grant_record record;
	struct souk_time head;
	souk_status status = proxy_store_get(&proxy->node->store, id, &record);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_PEER_NO_AGREEMENT;
	if (status == SOUK_OK && record.deleted.count > 0) {
		*ret = record.deleted.items[0];
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (!provider_may_ask(proxy->node, request))
		return SOUK_LOCAL_FULL;
	SOUK_TRY(look(proxy->node, id, &head));
	return proxy_delete(proxy, id, head, ret);
}

static void answer_deletion(struct proxy *proxy, const struct souk_http_request *request,
	const struct souk_hash *id, struct souk_http_reply *reply)
{
	struct souk_signed_key_deletion deletion;
	souk_status status = request->body.size == 0 ? delete_grant(proxy, request, id, &deletion)
						     : SOUK_PEER_TRAILING;
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		ANSWER_MESSAGE(
			signed_key_deletion, SOUK_SIGNED_KEY_DELETION_SIZE_MAX, reply, &deletion);
}

bool proxy_deletion_path(const char *path, struct souk_hash *ret)
{
	static const char prefix[] = "/v1/key-grants/", suffix[] = "/deletion";
	char hex[2 * SOUK_HASH_SIZE + 1];
	size_t length = strlen(path), fixed = sizeof prefix - 1;
	if (strncmp(path, prefix, fixed) != 0 ||
		length != fixed + 2 * SOUK_HASH_SIZE + sizeof suffix - 1 ||
		strcmp(path + fixed + 2 * SOUK_HASH_SIZE, suffix) != 0)
		return false;
	memcpy(hex, path + fixed, sizeof hex - 1);
	hex[sizeof hex - 1] = '\0';
	return souk_hex_decode(ret->bytes, SOUK_HASH_SIZE, hex) == SOUK_OK;
}

bool proxy_control(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	bool is_get = strcmp(request->method, "GET") == 0;
	bool is_post = strcmp(request->method, "POST") == 0;
	struct souk_hash id;
	if (node->proxy == NULL)
		return false;
	if (is_get && strcmp(request->path, "/v1/key-offer") == 0)
		answer_key_offer(node->proxy, reply);
	else if (is_post && strcmp(request->path, "/v1/key-grants") == 0)
		answer_grant(node->proxy, request, reply);
	else if (is_post && proxy_deletion_path(request->path, &id))
		answer_deletion(node->proxy, request, &id, reply);
	else
		return false;
	return true;
}
