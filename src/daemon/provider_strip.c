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

/* What OPEN pays for, and the money behind it, if that is a sponsor's whom we serve. It costs what
 * an ask does, and a call to the ledger: it is counted as one. */
static souk_status find_sponsored(struct provider_node *node, const char *peer,
	const struct souk_strip_open *open, const struct cache_terms *terms,
	struct souk_provider_item *ret_item, struct money *ret_money)
{
	struct souk_content_record record;
	const struct souk_ask ask = souk_sponsored_ask(&open->strip);
	SOUK_TRY(provider_find_sale(node, &ask.content, &record));
	*ret_item = (struct souk_provider_item){
		.from = provider_limit_number(peer),
		.content = ask.content,
		.size = record.size,
		.chunk_size = record.chunk_size,
		.price = terms->price,
		.sponsor_secret = &terms->secret,
		.sponsor_earlier = terms->has_earlier ? &terms->earlier : NULL,
	};
	pthread_mutex_lock(&node->lock);
	souk_status status =
		souk_provider_ask_check(&node->provider, &ask, ret_item, provider_now());
	if (status == SOUK_OK && !provider_may_ask_now(node, peer))
		status = SOUK_LOCAL_FULL;
	pthread_mutex_unlock(&node->lock);
	return status == SOUK_OK ? provider_find_money(node, open, ret_money) : status;
}

/* Nothing more is promised on a leaf that has a receipt. ITEM: of a sponsor's session; NULL: it was
 * granted. */
static souk_status take_strip(struct provider_node *node, const struct souk_nonce *session,
	const struct souk_strip_open *open, const struct souk_provider_item *item,
	const struct money *money)
{
	pthread_mutex_lock(&node->receipt_lock);
	souk_status status = provider_receipt_check(node, &open->strip);
	if (status == SOUK_OK) {
		pthread_mutex_lock(&node->lock);
		status = item != NULL ? souk_provider_open(&node->provider, open, item,
						&money->allotment, &money->escrow, provider_now())
				      : souk_provider_strip(&node->provider, session, open,
						&money->allotment, &money->escrow, provider_now());
		pthread_mutex_unlock(&node->lock);
	}
	pthread_mutex_unlock(&node->receipt_lock);
	if (status == SOUK_OK && souk_address_is_zero(&open->leaf.provider))
		atomic_store(&node->has_open_leaves, true);
	return status;
}

/* A strip on a session that is not in the table. */
static souk_status take_sponsored(struct provider_node *node, const char *peer,
	const struct souk_nonce *session, const struct souk_strip_open *open, struct money *money)
{
	struct cache_terms terms;
	struct souk_provider_item item;
	if (memcmp(session->bytes, open->strip.nonce.bytes, SOUK_NONCE_SIZE) != 0 ||
		!cache_recruits_find(node->recruits, &open->strip, &terms))
		return SOUK_PEER_UNKNOWN_SESSION;
	souk_status status = find_sponsored(node, peer, open, &terms, &item, money);
	if (status == SOUK_OK)
		status = take_strip(node, session, open, &item, money);
	souk_bytes_wipe(&terms, sizeof terms);
	return status;
}

/* SOUK_OK: it is accepted, and durable. *RET_IS_KNOWN: the session was granted. */
static souk_status accept_strip(struct provider_node *node, const char *peer,
	const struct souk_nonce *session, const struct souk_strip_open *open, bool *ret_is_known)
{
	struct money money = {0};
	souk_status status = find_granted(node, session, open, &money);
	*ret_is_known = status != SOUK_PEER_UNKNOWN_SESSION;
	if (status == SOUK_OK)
		status = take_strip(node, session, open, NULL, &money);
	else if (!*ret_is_known)
		status = take_sponsored(node, peer, session, open, &money);
	return status == SOUK_OK ? provider_commit(node) : status;
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
	else if (!path->has_unit || !provider_unit_first(node, request, path->unit_path, reply))
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
}

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
