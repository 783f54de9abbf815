/* SPDX-License-Identifier: Apache-2.0
 *
 * The server of a sponsor, over HTTPS with a key of its own. Spec: spec/sponsor.md 8.
 *
 * What a stranger may cost is bounded by his address: asks and complaints cost signatures, asks
 * chains and a puzzle, too; a claim costs a puzzle, and honest viewers make one for each segment.
 */
#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "souk/base/check.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

/* Durable first, where anything changed; a refusal is counted, too. */
static souk_status commit_after(struct sponsor_node *node, souk_status status)
{
	souk_status stored = sponsor_commit(node);
	return status != SOUK_OK ? status : stored;
}

static souk_status claim_with(struct sponsor_node *node, const struct souk_segment_claim *claim,
	struct souk_sponsor_work *work, struct souk_segment_tickets *ret)
{
	int file;
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_sponsor_claim_begin(&node->sponsor, claim, sponsor_now(), work);
	if (status == SOUK_OK)
		work->source = sponsor_source_of(node, &work->record.content, &file);
	pthread_mutex_unlock(&node->lock);
	SOUK_TRY(status);
	souk_sponsor_claim_compute(work, claim);
	pthread_mutex_lock(&node->lock);
	status = souk_sponsor_claim_finish(&node->sponsor, work, claim, sponsor_now());
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		souk_sponsor_claim_answer(work, claim, ret);
	return status;
}

/* The puzzles beside the machine. */
static souk_status serve_claim(struct sponsor_node *node, const struct souk_segment_claim *claim,
	struct souk_segment_tickets *ret)
{
	struct souk_sponsor_work *work = malloc(sizeof *work);
	if (work == NULL)
		return SOUK_IO_MEMORY;
	pthread_mutex_lock(sponsor_bundle_lock(node, &claim->bundle));
	souk_status status = claim_with(node, claim, work, ret);
	pthread_mutex_unlock(sponsor_bundle_lock(node, &claim->bundle));
	souk_sponsor_work_wipe(work);
	free(work);
	return status;
}

static void answer_claim(struct sponsor_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_segment_claim claim;
	struct souk_segment_tickets tickets;
	struct souk_wire_error where;
	souk_status status = souk_segment_claim_decode(&claim, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	if (!answer_may(request, &node->claims, &node->lock)) {
		answer_refuse(reply, SOUK_LOCAL_FULL, "too many claims from this address");
		return;
	}
	memset(&tickets, 0, sizeof tickets);
	status = serve_claim(node, &claim, &tickets);
	/* The segment is paid on the disk before a ticket leaves; wrong tokens count there, too. */
	status = commit_after(node, status);
	if (status == SOUK_OK) {
		ANSWER_MESSAGE(segment_tickets, SOUK_SEGMENT_TICKETS_SIZE_MAX, reply, &tickets);
		return;
	}
	SOUK_LOG(SOUK_LOG_DEBUG, "claim_refused",
		souk_log_hex("bundle", claim.bundle.bytes, SOUK_NONCE_SIZE),
		souk_log_u64("segment", claim.segment), souk_log_status(status));
	answer_refuse(reply, status, NULL);
}

/* Under lock: the cache is looked at, and the content of the bundle audited sooner. */
static void note_complaint(struct sponsor_node *node, const struct souk_bundle_complaint *complaint)
{
	(void)souk_sponsor_doubt(
		&node->sponsor, &complaint->bundle, &complaint->provider, sponsor_now());
	const struct souk_sponsor_bundle *b =
		souk_sponsor_bundle_of(&node->sponsor, &complaint->bundle);
	const struct souk_sponsor_content *content =
		b == NULL ? NULL : souk_sponsor_content_of(&node->sponsor, &b->record.content);
	if (content != NULL)
		node->wishes[content - node->sponsor.memory.contents].complaints++;
}

/* The signature beside the machine. */
static souk_status serve_complaint(
	struct sponsor_node *node, const struct souk_signed_bundle_complaint *complaint)
{
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_sponsor_complain_begin(&node->sponsor, &complaint->complaint);
	pthread_mutex_unlock(&node->lock);
	SOUK_TRY(status);
	SOUK_TRY(souk_sponsor_complaint_verify(complaint));
	pthread_mutex_lock(&node->lock);
	status = souk_sponsor_complain_finish(&node->sponsor, &complaint->complaint);
	if (status == SOUK_OK)
		note_complaint(node, &complaint->complaint);
	pthread_mutex_unlock(&node->lock);
	return status;
}

static void answer_complaint(struct sponsor_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_bundle_complaint complaint;
	struct souk_wire_error where;
	souk_status status = souk_signed_bundle_complaint_decode(&complaint, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	if (!answer_may(request, &node->asks, &node->lock)) {
		answer_refuse(reply, SOUK_LOCAL_FULL, NULL);
		return;
	}
	status = serve_complaint(node, &complaint);
	if (status == SOUK_OK)
		status = sponsor_commit(node);
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		souk_http_reply_static(reply, 200, NULL, souk_bytes_of(NULL, 0));
}

/* ------------------------------------------------------------------ what anybody may read */

static void answer_status(struct sponsor_node *node, struct souk_http_reply *reply)
{
	pthread_mutex_lock(&node->lock);
	struct souk_sponsor_status status = {
		.sponsor = node->identity->address,
		.epoch = node->sponsor.epoch,
		.site = node->sponsor.config.site,
	};
	bool known = node->sponsor.epoch_known;
	pthread_mutex_unlock(&node->lock);
	if (!known)
		souk_http_reply_problem(reply, 503, SOUK_LOCAL_STATE, "no ledger was reached yet");
	else
		ANSWER_MESSAGE(sponsor_status, SOUK_SPONSOR_STATUS_SIZE_MAX, reply, &status);
}

static void answer_report(struct sponsor_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	if (!answer_may(request, &node->claims, &node->lock)) {
		answer_refuse(reply, SOUK_LOCAL_FULL, NULL);
		return;
	}
	char *text = sponsor_report(node);
	if (text == NULL)
		answer_refuse(reply, SOUK_IO_MEMORY, NULL);
	else
		souk_http_reply_owned(reply, 200, "application/json",
			souk_bytes_of(text, strlen(text)), free, text);
}

void sponsor_control_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	static const struct {
		const char *path;
		void (*answer)(struct sponsor_node *node, const struct souk_http_request *request,
			struct souk_http_reply *reply);
	} posts[] = {
		{SPONSOR_PATH_ASK, sponsor_bundle_answer},
		{SPONSOR_PATH_CLAIM, answer_claim},
		{SPONSOR_PATH_COMPLAIN, answer_complaint},
	};
	struct sponsor_node *node = ctx;
	souk_status store = (souk_status)atomic_load(&node->store_status);
	if (strcmp(request->method, "GET") == 0) {
		if (strcmp(request->path, SPONSOR_PATH_STATUS) == 0) {
			answer_status(node, reply);
			return;
		}
		if (strncmp(request->path, SPONSOR_PATH_CONTENT, strlen(SPONSOR_PATH_CONTENT)) ==
			0) {
			sponsor_content_answer(
				node, request, request->path + strlen(SPONSOR_PATH_CONTENT), reply);
			return;
		}
		if (strcmp(request->path, SPONSOR_PATH_REPORT) == 0) {
			answer_report(node, request, reply);
			return;
		}
	}
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
		if (strcmp(request->method, "POST") != 0 ||
			strcmp(request->path, posts[i].path) != 0)
			continue;
		/* What cannot be kept must not be promised. */
		if (store != SOUK_OK)
			souk_http_reply_problem(reply, 503, store, "this sponsor cannot write now");
		else
			posts[i].answer(node, request, reply);
		return;
	}
	souk_http_reply_problem(reply, 404, SOUK_LOCAL_NOT_FOUND, request->path);
}
