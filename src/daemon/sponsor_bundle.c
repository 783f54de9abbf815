/* SPDX-License-Identifier: Apache-2.0
 *
 * A bundle for who asks: caches are drawn, a session of each is opened, strips are laid. All in one
 * request, and one commit.
 *
 *   ask --verify--> draw --> sessions, strips, puzzle --> lay --> sign --> keep --> durable -->
 * answer | lock                               | money_lock, lock          ^
 *                    '-- asked for before, and open ----------------------------------'
 *
 * Between draw and keep a bundle is one thread's: the same ask again waits for it. One for which
 * there was no money stays drawn, and is gone on with when it is asked for again. Answers are kept
 * in memory only: after a restart, or SPONSOR_ANSWERS others, the viewer takes another key. */
#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "row_answer.h"
#include "souk/base/check.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"
#include "sponsor_network.h"

/* An ask on its way. Large, so it is on the heap, and nothing of it is cleared before. */
struct issuing {
	struct souk_signed_bundle_ask ask;
	uint64_t network;
	struct souk_content content;
	const char *why; /* it is refused; NULL: the status says enough */
	int file;	 /* that the work reads */
	struct souk_sponsor_work work;
	struct souk_bundle_open open;
	struct souk_bytes answer; /* of the bytes below */
	uint8_t bytes[SOUK_BUNDLE_OPEN_SIZE_MAX];
};

/* ------------------------------------------------------------------ kept answers */

/* Under money_lock. */
static const struct sponsor_answer *find_answer(
	const struct sponsor_node *node, const struct souk_nonce *bundle)
{
	for (uint32_t i = 0; i < SPONSOR_ANSWERS; i++) {
		const struct sponsor_answer *answer = &node->answers[i];
		if (answer->bytes.data != NULL &&
			memcmp(&answer->bundle, bundle, sizeof *bundle) == 0)
			return answer;
	}
	return NULL;
}

/* Without memory it is not kept: then nobody gets it again. */
static void keep_answer(struct sponsor_node *node, const struct issuing *o)
{
	uint8_t *copy = malloc(o->answer.size);
	if (copy == NULL)
		return;
	memcpy(copy, o->answer.data, o->answer.size);
	pthread_mutex_lock(&node->money_lock);
	struct sponsor_answer *kept = &node->answers[node->answer_count++ % SPONSOR_ANSWERS];
	uint8_t *old = (void *)(uintptr_t)kept->bytes.data;
	*kept = (struct sponsor_answer){
		o->open.offer.offer.bundle, souk_bytes_of(copy, o->answer.size)};
	pthread_mutex_unlock(&node->money_lock);
	free(old);
}

/* What was answered before. */
static souk_status answer_again(struct sponsor_node *node, struct issuing *o)
{
	pthread_mutex_lock(&node->money_lock);
	const struct sponsor_answer *kept = find_answer(node, &o->work.record.bundle);
	if (kept != NULL) {
		memcpy(o->bytes, kept->bytes.data, kept->bytes.size);
		o->answer = souk_bytes_of(o->bytes, kept->bytes.size);
	}
	pthread_mutex_unlock(&node->money_lock);
	return kept != NULL ? SOUK_OK : SOUK_PEER_OUT_OF_ORDER;
}

/* ------------------------------------------------------------------ issuing */

/* Whether it may ask; the signatures beside the machine. */
static souk_status check_ask(struct sponsor_node *node, struct issuing *o)
{
	const struct souk_bundle_ask *ask = &o->ask.ask;
	pthread_mutex_lock(&node->lock);
	struct souk_address site = node->sponsor.config.site;
	souk_status status = souk_sponsor_ask_begin(&node->sponsor, ask, sponsor_now());
	if (status == SOUK_OK)
		o->content = souk_sponsor_content_of(&node->sponsor, &ask->content)->content;
	pthread_mutex_unlock(&node->lock);
	SOUK_TRY(status);
	status = souk_sponsor_ask_verify(&node->identity->address, &site, &o->ask, sponsor_now());
	if (status != SOUK_OK) {
		pthread_mutex_lock(&node->lock);
		souk_sponsor_note_refused(&node->sponsor);
		pthread_mutex_unlock(&node->lock);
	}
	return status;
}

/* Under lock. */
static souk_status draw_one(struct sponsor_node *node, struct issuing *o)
{
	struct souk_sponsor *sponsor = &node->sponsor;
	souk_status status = souk_sponsor_ask_draw(
		sponsor, &o->ask.ask, o->network, sponsor_now(), &o->work, &o->open);
	if (status == SOUK_OK)
		o->work.source = sponsor_source_of(node, &o->content.id, &o->file);
	if (status == SOUK_LOCAL_BUDGET && sponsor->config.units_max == 0)
		o->why = "what one epoch may cost is used up; the next one has more";
	if (status == SOUK_PEER_SPONSOR_QUOTA && souk_sponsor_has_all_viewers(sponsor, o->network))
		o->why = "as many viewers of this network asked as one network may have in an "
			 "epoch: wait for the next one, or ask with a key that asked before";
	return status;
}

static souk_status draw(struct sponsor_node *node, struct issuing *o)
{
	pthread_mutex_lock(&node->lock);
	souk_status status = draw_one(node, o);
	pthread_mutex_unlock(&node->lock);
	return status;
}

/* Whether somebody opened it since it was drawn. */
static bool is_open(struct sponsor_node *node, const struct souk_nonce *bundle)
{
	pthread_mutex_lock(&node->lock);
	const struct souk_sponsor_bundle *b = souk_sponsor_bundle_of(&node->sponsor, bundle);
	bool is = b != NULL && b->record.opened;
	pthread_mutex_unlock(&node->lock);
	return is;
}

static souk_status open_sessions(struct sponsor_node *node, struct issuing *o)
{
	struct souk_writer writer;
	if (is_open(node, &o->work.record.bundle))
		return SOUK_LOCAL_EXISTS;
	souk_sponsor_ask_compute(&o->work, &o->open);
	SOUK_TRY(sponsor_lay(node, &o->work, &o->open));
	souk_sponsor_ask_sign(&o->open, node->identity);
	souk_writer_init(&writer, o->bytes, sizeof o->bytes);
	souk_bundle_open_encode(&writer, &o->open);
	SOUK_TRY(souk_writer_finish(&writer, &o->answer));
	keep_answer(node, o);
	return SOUK_OK;
}

pthread_mutex_t *sponsor_bundle_lock(struct sponsor_node *node, const struct souk_nonce *bundle)
{
	return &node->bundle_locks[bundle->bytes[0] % SPONSOR_BUNDLE_LOCKS];
}

/* The commit is shared with others, so it is outside the bundle's lock. An answer that was kept may
 * not be durable yet, either. */
static souk_status issue(struct sponsor_node *node, struct issuing *o)
{
	SOUK_TRY(check_ask(node, o));
	souk_status status = draw(node, o);
	if (status != SOUK_OK && status != SOUK_LOCAL_EXISTS)
		return status;
	pthread_mutex_lock(sponsor_bundle_lock(node, &o->work.record.bundle));
	if (status == SOUK_OK)
		status = open_sessions(node, o);
	if (status == SOUK_LOCAL_EXISTS)
		status = answer_again(node, o);
	pthread_mutex_unlock(sponsor_bundle_lock(node, &o->work.record.bundle));
	souk_status stored = sponsor_commit(node);
	return status != SOUK_OK ? status : stored;
}

static void answer_with(struct sponsor_node *node, const struct souk_http_request *request,
	struct issuing *o, struct souk_http_reply *reply)
{
	char path[512];
	souk_status status = issue(node, o);
	SOUK_LOG(SOUK_LOG_DEBUG, status == SOUK_OK ? "bundle_opened" : "bundle_refused",
		souk_log_hex("viewer", o->ask.ask.viewer.bytes, SOUK_ADDRESS_SIZE),
		souk_log_status(status));
	if (status != SOUK_OK) {
		answer_refuse(reply, status, o->why);
		return;
	}
	sponsor_store_row_path(&node->store, &o->content.id, path);
	row_answer(reply, request, o->answer, &o->content, path);
}

void sponsor_bundle_answer(struct sponsor_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	struct souk_wire_error where;
	struct issuing *o = malloc(sizeof *o);
	souk_status status =
		o == NULL ? SOUK_IO_MEMORY
			  : souk_signed_bundle_ask_decode(&o->ask, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, o == NULL ? NULL : where.field);
	} else if (!answer_may(request, &node->asks, &node->lock)) {
		answer_refuse(reply, SOUK_LOCAL_FULL, "too many asks from this address");
	} else {
		souk_http_request_peer(request, peer);
		o->network = sponsor_network_of_peer(peer);
		o->why = NULL;
		answer_with(node, request, o, reply);
		souk_sponsor_work_wipe(&o->work);
	}
	free(o);
}
