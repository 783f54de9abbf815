/* SPDX-License-Identifier: Apache-2.0
 *
 * The server of a hub, over HTTPS with a key of its own. Spec: spec/exchange.md 8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "hub_internal.h"
#include "souk/io/log.h"

static void answer_statement(struct souk_http_reply *reply, souk_status status,
	const struct souk_signed_hub_statement *statement)
{
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		ANSWER_MESSAGE(
			signed_hub_statement, SOUK_SIGNED_HUB_STATEMENT_SIZE_MAX, reply, statement);
}

static void answer_redeem(struct hub_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_hub_redeem redeem;
	struct souk_signed_hub_statement statement;
	struct souk_wire_error where;
	souk_status status = souk_signed_hub_redeem_decode(&redeem, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	status = answer_may(request, &node->limit, &node->lock)
			 ? hub_redeem(node, &redeem, &statement)
			 : SOUK_LOCAL_FULL;
	answer_statement(reply, status, &statement);
}

static void answer_question(struct hub_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_hub_question question;
	struct souk_signed_hub_statement statement;
	struct souk_wire_error where;
	souk_status status = souk_signed_hub_question_decode(&question, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	status = SOUK_LOCAL_FULL;
	if (answer_may(request, &node->limit, &node->lock)) {
		pthread_mutex_lock(&node->lock);
		status = souk_hub_question(&node->hub, &question, hub_now(), &statement);
		pthread_mutex_unlock(&node->lock);
	}
	/* What is signed must be true after a crash, too. */
	if (status == SOUK_OK)
		status = hub_commit(node);
	answer_statement(reply, status, &statement);
}

static void answer_close(struct hub_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_hub_close close;
	struct souk_signed_hub_statement statement;
	struct souk_wire_error where;
	souk_status status = souk_signed_hub_close_decode(&close, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	pthread_mutex_lock(&node->lock);
	status = souk_hub_close(&node->hub, &close, hub_now(), &statement);
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = hub_commit(node);
	answer_statement(reply, status, &statement);
}

static void answer_open(struct hub_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_hub_open open;
	struct souk_wire_error where;
	struct souk_strip_open *strip = malloc(sizeof *strip);
	souk_status status = souk_hub_open_decode(&open, request->body, &where);
	if (status != SOUK_OK || strip == NULL) {
		answer_refuse(reply, status != SOUK_OK ? status : SOUK_IO_MEMORY, where.field);
		free(strip);
		return;
	}
	status = answer_may(request, &node->limit, &node->lock) ? hub_open(node, &open, strip)
								: SOUK_LOCAL_FULL;
	SOUK_LOG(SOUK_LOG_INFO, status == SOUK_OK ? "hub_session_opened" : "hub_session_refused",
		souk_log_hex("session", open.strip.nonce.bytes, SOUK_NONCE_SIZE),
		souk_log_u64("units", open.strip.count), souk_log_amount("price", open.strip.price),
		souk_log_status(status));
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		ANSWER_MESSAGE(strip_open, SOUK_STRIP_OPEN_SIZE_MAX, reply, strip);
	free(strip);
}

static void answer_ticket(struct hub_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_hub_ticket ticket;
	struct souk_ticket sold;
	struct souk_wire_error where;
	souk_status status = souk_hub_ticket_decode(&ticket, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	pthread_mutex_lock(&node->lock);
	status = souk_hub_ticket(&node->hub, &ticket, hub_now(), &sold);
	pthread_mutex_unlock(&node->lock);
	/* y_j first, then x_j: also where it was stored before, since nobody knows that here. */
	if (status == SOUK_OK)
		status = hub_commit(node);
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		ANSWER_MESSAGE(ticket, SOUK_TICKET_SIZE_MAX, reply, &sold);
}

static void answer_status(struct hub_node *node, struct souk_http_reply *reply)
{
	pthread_mutex_lock(&node->lock);
	struct souk_hub_status status = souk_hub_status_of(&node->hub);
	bool known = node->hub.epoch_known;
	pthread_mutex_unlock(&node->lock);
	if (!known)
		souk_http_reply_problem(reply, 503, SOUK_LOCAL_STATE, "no ledger was reached yet");
	else
		ANSWER_MESSAGE(hub_status, SOUK_HUB_STATUS_SIZE_MAX, reply, &status);
}

static void answer_totals(struct hub_node *node, struct souk_http_reply *reply)
{
	char text[640];
	pthread_mutex_lock(&node->lock);
	const struct souk_hub_totals t = node->hub.totals;
	uint32_t sessions = node->hub.session_count, accounts = node->hub.account_count;
	pthread_mutex_unlock(&node->lock);
	int size = snprintf(text, sizeof text,
		"{\"sessions\":%u,\"accounts\":%u,\"vouchers_redeemed\":%ju,"
		"\"sessions_opened\":%ju,\"units_sold\":%ju,\"refused_ticket\":%ju,"
		"\"redeemed_ncoin\":%ju,\"income_ncoin\":%ju,\"owed_ncoin\":%ju}\n",
		sessions, accounts, (uintmax_t)t.redeemed_count, (uintmax_t)t.sessions_opened,
		(uintmax_t)t.units_sold, (uintmax_t)t.refused, (uintmax_t)t.redeemed.ncoin,
		(uintmax_t)t.income.ncoin, (uintmax_t)t.owed.ncoin);
	souk_http_reply_copy(reply, 200, "application/json", souk_bytes_of(text, (size_t)size));
}

void hub_control_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	static const struct {
		const char *path;
		void (*answer)(struct hub_node *node, const struct souk_http_request *request,
			struct souk_http_reply *reply);
	} posts[] = {
		{"/v1/redeem", answer_redeem},
		{"/v1/statement", answer_question},
		{"/v1/sessions", answer_open},
		{"/v1/tickets", answer_ticket},
		{"/v1/close", answer_close},
	};
	struct hub_node *node = ctx;
	souk_status store = (souk_status)atomic_load(&node->store_status);
	bool is_get = strcmp(request->method, "GET") == 0;
	if (is_get && strcmp(request->path, "/v1/hub") == 0) {
		answer_status(node, reply);
		return;
	}
	if (is_get && strcmp(request->path, "/v1/totals") == 0) {
		answer_totals(node, reply);
		return;
	}
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
		if (strcmp(request->method, "POST") != 0 ||
			strcmp(request->path, posts[i].path) != 0)
			continue;
		/* What cannot be kept must not be promised. */
		if (store != SOUK_OK)
			souk_http_reply_problem(reply, 503, store, "this hub cannot write now");
		else
			posts[i].answer(node, request, reply);
		return;
	}
	souk_http_reply_problem(reply, 404, SOUK_LOCAL_NOT_FOUND, request->path);
}
