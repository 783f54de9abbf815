/* SPDX-License-Identifier: Apache-2.0
 *
 * Strips, and the unit that is asked for with one. A strip pays for a session that was asked for
 * and granted; or it is how a sponsor's session begins. Spec: spec/exchange.md 2,
 * spec/sponsor.md 2. */
#include <stdio.h>
#include <string.h>

#include "http_answer.h"
#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/exchange/sponsored.h"
#include "souk/io/log.h"

/* Where a strip is sent to; and the unit that is asked for with it, as the data server has it. */
struct strip_path {
	struct souk_nonce session;
	bool has_unit;
	char unit_path[SOUK_PATH_SIZE];
};

/* Nobody has us ask for money that the ask did not speak of. An open session's strip comes again
 * when the answer to it was lost: the money was looked up then. */
static souk_status find_granted(struct provider_node *node, const struct souk_nonce *session,
	const struct souk_strip_open *open, struct money *ret)
{
	struct souk_hash escrow;
	uint64_t epoch;
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_wants(&node->provider, session, &escrow, &epoch);
	pthread_mutex_unlock(&node->lock);
	if (status != SOUK_OK && status != SOUK_PEER_OUT_OF_ORDER)
		return status;
	if (!souk_hash_equal(&escrow, &open->strip.escrow) || epoch != open->strip.epoch)
		return SOUK_PEER_STRIP_TERMS;
	return status == SOUK_OK ? provider_find_money(node, open, ret) : SOUK_OK;
}

/* How a sponsor's strip came. */
struct arrival {
	const char *peer;
	bool may_wait; /* for the ledger; not in the loop of the data server */
};

/* What OPEN pays for, if that is a sponsor's whom we serve; what could be refused for nothing is.
 */
static souk_status find_sponsored(struct provider_node *node, const struct arrival *arrival,
	const struct souk_strip_open *open, const struct cache_terms *terms,
	struct souk_provider_item *ret)
{
	struct souk_content_record record;
	const struct souk_ask ask = souk_sponsored_ask(&open->strip);
	SOUK_TRY(provider_find_sale(node, &ask.content, &record));
	*ret = (struct souk_provider_item){
		.from = provider_limit_number(arrival->peer),
		.content = ask.content,
		.size = record.size,
		.chunk_size = record.chunk_size,
		.price = terms->price,
		.sponsor_secret = &terms->secret,
		.sponsor_earlier = terms->has_earlier ? &terms->earlier : NULL,
	};
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_ask_check(&node->provider, &ask, ret, provider_now());
	pthread_mutex_unlock(&node->lock);
	return status;
}

/* Nothing more is promised on a leaf that has a receipt. ITEM: of a sponsor's session; NULL: it was
 * granted. Under receipt_lock. */
static souk_status take_strip(struct provider_node *node, const struct souk_nonce *session,
	const struct souk_strip_open *open, const struct souk_provider_item *item,
	const struct money *money)
{
	souk_status status = provider_receipt_check(node, &open->strip);
	if (status != SOUK_OK)
		return status;
	pthread_mutex_lock(&node->lock);
	status = item != NULL ? souk_provider_open(&node->provider, open, item, &money->allotment,
					&money->escrow, provider_now())
			      : souk_provider_strip(&node->provider, session, open,
					&money->allotment, &money->escrow, provider_now());
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK && souk_address_is_zero(&open->leaf.provider))
		atomic_store(&node->has_open_leaves, true);
	return status;
}

/* receipt_lock is held alone while a receipt is written. */
static souk_status take_waiting(struct provider_node *node, const struct souk_nonce *session,
	const struct souk_strip_open *open, const struct souk_provider_item *item,
	const struct money *money)
{
	pthread_rwlock_rdlock(&node->receipt_lock);
	souk_status status = take_strip(node, session, open, item, money);
	pthread_rwlock_unlock(&node->receipt_lock);
	return status;
}

static souk_status take_at_once(struct provider_node *node, const struct souk_strip_open *open,
	const struct souk_provider_item *item)
{
	struct money money;
	if (!provider_recall_money(node, open, &money) ||
		pthread_rwlock_tryrdlock(&node->receipt_lock) != 0)
		return SOUK_LOCAL_STATE;
	souk_status status = take_strip(node, &open->strip.nonce, open, item, &money);
	pthread_rwlock_unlock(&node->receipt_lock);
	return status;
}

/* It costs signatures, and maybe a call to the ledger: what is refused counts as an ask of who sent
 * it. What is good was counted by the sponsor that signed it. */
static souk_status take_counted(struct provider_node *node, const struct arrival *arrival,
	const struct souk_strip_open *open, const struct souk_provider_item *item)
{
	struct money money;
	pthread_mutex_lock(&node->lock);
	bool may_ask = provider_may_ask_now(node, arrival->peer);
	pthread_mutex_unlock(&node->lock);
	if (!may_ask)
		return SOUK_LOCAL_FULL;
	souk_status status = arrival->may_wait ? provider_find_money(node, open, &money)
					       : take_at_once(node, open, item);
	if (status == SOUK_OK && arrival->may_wait)
		status = take_waiting(node, &open->strip.nonce, open, item, &money);
	if (status != SOUK_OK && status != SOUK_LOCAL_STATE)
		return status;
	pthread_mutex_lock(&node->lock);
	provider_limit_give(&node->limit, arrival->peer);
	pthread_mutex_unlock(&node->lock);
	return status;
}

/* A strip on a session that is not in the table. It is not durable yet, nor worth anything: its
 * record goes with the first tickets. */
static souk_status take_sponsored(struct provider_node *node, const struct arrival *arrival,
	const struct souk_nonce *session, const struct souk_strip_open *open)
{
	struct cache_terms terms;
	struct souk_provider_item item;
	if (memcmp(session->bytes, open->strip.nonce.bytes, SOUK_NONCE_SIZE) != 0 ||
		!cache_recruits_find(node->recruits, &open->strip, &terms))
		return SOUK_PEER_UNKNOWN_SESSION;
	souk_status status = find_sponsored(node, arrival, open, &terms, &item);
	if (status == SOUK_OK)
		status = take_counted(node, arrival, open, &item);
	souk_bytes_wipe(&terms, sizeof terms);
	return status;
}

/* SOUK_OK: it is accepted; one that was granted, durably. *RET_IS_KNOWN: the session was granted.
 */
static souk_status accept_strip(struct provider_node *node, const char *peer,
	const struct souk_nonce *session, const struct souk_strip_open *open, bool *ret_is_known)
{
	struct money money = {0};
	souk_status status = find_granted(node, session, open, &money);
	*ret_is_known = status != SOUK_PEER_UNKNOWN_SESSION;
	if (!*ret_is_known)
		return take_sponsored(node, &(struct arrival){peer, true}, session, open);
	if (status == SOUK_OK)
		status = take_waiting(node, session, open, NULL, &money);
	return status == SOUK_OK ? provider_commit(node) : status;
}

/* The unit at PATH, as the data server has it. */
static bool answer_first(struct provider_node *node, const struct souk_http_request *http,
	const char *path, struct souk_http_reply *reply)
{
	struct souk_unit_request unit;
	return souk_request_parse(&unit, souk_bytes_text(path),
		       souk_http_request_header(http, SOUK_HEADER_AUTH), NULL) == SOUK_OK &&
	       provider_unit_first(node, http, &unit, reply);
}

static void answer_strip(struct provider_node *node, const struct souk_http_request *request,
	const struct strip_path *path, struct souk_http_reply *reply)
{
	const struct souk_nonce *session = &path->session;
	struct souk_strip_open open;
	struct souk_wire_error where;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	bool is_known;
	souk_status status = souk_strip_open_decode(&open, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	souk_http_request_peer(request, peer);
	status = accept_strip(node, peer, session, &open, &is_known);
	/* Anybody can name a session that is none, and an escrow that we serve: what is refused of
	 * those is not worth a line each. */
	SOUK_LOG(status == SOUK_OK || is_known ? SOUK_LOG_INFO : SOUK_LOG_DEBUG,
		status == SOUK_OK ? "strip_accepted" : "strip_refused",
		souk_log_hex("session", session->bytes, SOUK_NONCE_SIZE),
		souk_log_u64("units", open.strip.count), souk_log_amount("price", open.strip.price),
		souk_log_status(status));
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else if (!path->has_unit || !answer_first(node, request, path->unit_path, reply))
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
}

/* ------------------------------------------------------------------ in the open */

/* The strip in BODY, sealed by what we share with the sponsor that SPONSOR, a header, names. */
static souk_status unseal(struct provider_node *node, const struct souk_nonce *session,
	const char *sponsor, struct souk_bytes body, struct souk_strip_open *ret)
{
	uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_address address;
	struct souk_hash pair;
	/* In its one form, as all headers. */
	if (strspn(sponsor, "0123456789abcdef") != 2 * SOUK_ADDRESS_SIZE ||
		souk_hex_decode(address.bytes, SOUK_ADDRESS_SIZE, sponsor) != SOUK_OK ||
		body.size == 0 || body.size > sizeof bytes)
		return SOUK_PEER_BAD_REQUEST;
	if (!cache_recruits_pair(node->recruits, &address, &pair))
		return SOUK_PEER_UNKNOWN_SESSION;
	struct souk_hash seal = souk_strip_seal_of(&pair, session);
	memcpy(bytes, body.data, body.size);
	souk_strip_seal(&seal, bytes, body.size);
	souk_status status = souk_strip_open_decode(ret, souk_bytes_of(bytes, body.size), NULL);
	souk_bytes_wipe(&pair, sizeof pair);
	souk_bytes_wipe(&seal, sizeof seal);
	return status == SOUK_OK ? SOUK_OK : SOUK_PEER_BAD_REQUEST;
}

/* One that is open was sent its strip before: the answer was lost. Who has not its secret is told
 * nothing by that. */
static souk_status take_sealed(struct provider_node *node, const struct souk_http_request *http,
	const struct souk_nonce *session, const char *sponsor, bool *ret_is_new)
{
	struct souk_strip_open open;
	struct souk_hash escrow;
	uint64_t epoch;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_wants(&node->provider, session, &escrow, &epoch);
	pthread_mutex_unlock(&node->lock);
	*ret_is_new = status == SOUK_PEER_UNKNOWN_SESSION;
	if (!*ret_is_new)
		return status == SOUK_PEER_OUT_OF_ORDER ? SOUK_OK : SOUK_PEER_OUT_OF_ORDER;
	SOUK_TRY(unseal(node, session, sponsor, http->body, &open));
	souk_http_request_peer(http, peer);
	return take_sponsored(node, &(struct arrival){peer, false}, session, &open);
}

void provider_strip_sealed(struct provider_node *node, const struct souk_http_request *http,
	const struct souk_unit_request *request, const char *sponsor, struct souk_http_reply *reply)
{
	bool is_new;
	souk_status status = take_sealed(node, http, &request->session, sponsor, &is_new);
	/* Who listens can send it again and again: that is not worth a line each. */
	SOUK_LOG(status == SOUK_OK && is_new ? SOUK_LOG_INFO : SOUK_LOG_DEBUG,
		status == SOUK_OK ? "strip_accepted" : "strip_refused",
		souk_log_hex("session", request->session.bytes, SOUK_NONCE_SIZE),
		souk_log_status(status));
	if (status != SOUK_OK)
		souk_http_reply_problem(reply, provider_data_status(status), status, NULL);
	else if (!provider_unit_first(node, http, request, reply))
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
}

/* ------------------------------------------------------------------ at the control server */

/* "<32 hex>/strip", or "<32 hex>/strip/<unit>/<chunk>" */
static bool parse_strip_path(const char *rest, struct strip_path *ret)
{
	char hex[2 * SOUK_NONCE_SIZE + 1] = "";
	if (strnlen(rest, sizeof hex) < 2 * SOUK_NONCE_SIZE ||
		strncmp(rest + 2 * SOUK_NONCE_SIZE, "/strip", 6) != 0)
		return false;
	memcpy(hex, rest, 2 * SOUK_NONCE_SIZE);
	rest += 2 * SOUK_NONCE_SIZE + 6;
	ret->has_unit = *rest == '/';
	snprintf(ret->unit_path, sizeof ret->unit_path, SOUK_PATH_UNITS "%s%.40s", hex, rest);
	return (ret->has_unit ? rest[1] != '\0' : *rest == '\0') &&
	       souk_hex_decode(ret->session.bytes, SOUK_NONCE_SIZE, hex) == SOUK_OK;
}

bool provider_strip_answer(struct provider_node *node, const struct souk_http_request *request,
	const char *rest, struct souk_http_reply *reply)
{
	struct strip_path path;
	if (!parse_strip_path(rest, &path))
		return false;
	answer_strip(node, request, &path, reply);
	return true;
}
