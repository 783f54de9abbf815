/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "sponsor_paths.h"
#include "view_internal.h"

/* The text of a refusal. */
#define REFUSAL_SIZE 1024u
/* A unit that takes so many times as long as those of the other caches is given up. */
#define SLOW_TIMES 8u
/* And, while nothing is known of the others, so many times the time limit of a message. */
#define FIRST_TIMES 12u

/* ------------------------------------------------------------------ starting */

static struct view_transfer *free_transfer(struct view_bundle *bundle)
{
	for (size_t i = 0; i < VIEW_TRANSFERS; i++) {
		if (!bundle->transfers[i].busy)
			return &bundle->transfers[i];
	}
	return NULL;
}

static void failed(
	struct view_bundle *bundle, const struct souk_viewer_effect *effect, souk_status status)
{
	bool is_said = effect->kind == SOUK_VIEWER_ASK &&
		       (status == SOUK_LOCAL_BUDGET || status == SOUK_LOCAL_NO_PROVIDER_LEFT);
	bool is_cache = effect->kind == SOUK_VIEWER_FETCH || effect->kind == SOUK_VIEWER_KEYS;
	/* It had its time. Whoever waits that long again, for each of its units, waits for ever. */
	if (is_cache && status == SOUK_IO_TIMEOUT)
		status = SOUK_PEER_SILENT;
	/* What the sponsor knows is not so in a moment either. */
	if (is_said)
		souk_viewer_stop(&bundle->viewer, status);
	/* Nobody waits for an answer to a complaint. */
	else if (effect->kind != SOUK_VIEWER_COMPLAIN)
		souk_viewer_failed(&bundle->viewer, effect, status, view_time());
}

static souk_status start(struct view *view, struct view_transfer *transfer,
	struct souk_http_fetch *fetch, size_t reply_size)
{
	if (transfer->unit == NULL) {
		transfer->reply_size = reply_size > REFUSAL_SIZE ? reply_size : REFUSAL_SIZE;
		transfer->reply = malloc(transfer->reply_size);
		if (transfer->reply == NULL)
			return SOUK_IO_MEMORY;
		fetch->destination = transfer->reply;
		fetch->size_max = transfer->reply_size;
		fetch->timeout_ms = view->config.timeout_ms;
	}
	fetch->user = transfer;
	fetch->progress = &transfer->bytes;
	transfer->bytes = transfer->bytes_seen = 0;
	transfer->started_ms = transfer->moved_ms = view_now_ms();
	souk_status status = souk_http_fetcher_start(view->fetcher, fetch);
	transfer->busy = status == SOUK_OK;
	if (status == SOUK_OK)
		return SOUK_OK;
	free(transfer->reply);
	transfer->reply = NULL;
	return status;
}

/* A message to URL and PATH, which answers with REPLY_SIZE bytes at most. */
static souk_status post(struct view_bundle *bundle, struct view_transfer *transfer, const char *url,
	const char *path, const struct souk_hash *pin, const struct souk_writer *message,
	size_t reply_size)
{
	char whole[VIEW_URL_SIZE];
	struct souk_bytes body;
	SOUK_TRY(souk_writer_finish(message, &body));
	if (snprintf(whole, sizeof whole, "%s%s", url, path) >= (int)sizeof whole)
		return SOUK_PEER_BAD_OFFER;
	struct souk_http_fetch fetch = {.url = whole, .body = body, .pin = pin};
	return start(bundle->view, transfer, &fetch, reply_size);
}

#define POST_SPONSOR(bundle, transfer, path, name, size, message, reply_size)                      \
	do {                                                                                       \
		uint8_t bytes_[size];                                                              \
		struct souk_writer writer_;                                                        \
		struct view *view_ = (bundle)->view;                                               \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (message));                                         \
		return post((bundle), (transfer), view_->place.url, (path), &view_->place.pin,     \
			&writer_, (reply_size));                                                   \
	} while (0)

static souk_status send_ask(struct view_bundle *bundle, struct view_transfer *transfer)
{
	POST_SPONSOR(bundle, transfer, SPONSOR_PATH_ASK, signed_bundle_ask,
		SOUK_SIGNED_BUNDLE_ASK_SIZE_MAX, &bundle->viewer.ask, SOUK_BUNDLE_OPEN_SIZE_MAX);
}

static souk_status send_claim(struct view_bundle *bundle, struct view_transfer *transfer)
{
	POST_SPONSOR(bundle, transfer, SPONSOR_PATH_CLAIM, segment_claim,
		SOUK_SEGMENT_CLAIM_SIZE_MAX, &transfer->effect.claim,
		SOUK_SEGMENT_TICKETS_SIZE_MAX);
}

static souk_status send_complaint(struct view_bundle *bundle, struct view_transfer *transfer)
{
	POST_SPONSOR(bundle, transfer, SPONSOR_PATH_COMPLAIN, signed_bundle_complaint,
		SOUK_SIGNED_BUNDLE_COMPLAINT_SIZE_MAX, &transfer->effect.complaint, 0);
}

static struct view_provider *provider_of(struct view_bundle *bundle, uint32_t cache)
{
	return view_provider_of(bundle->view, &bundle->caches[cache].customer.ask.provider);
}

/* The headers of a unit's request. */
struct headers {
	char auth[sizeof SOUK_HEADER_AUTH + 2 + SOUK_AUTH_TEXT_SIZE];
	char other[sizeof SOUK_HEADER_SPONSOR + 2 + SOUK_TICKET_TEXT_SIZE];
	const char *items[2];
	size_t count;
};

static void put_headers(struct headers *headers, const struct view_bundle *bundle,
	const struct souk_viewer_effect *effect)
{
	const struct souk_address *sponsor = &bundle->viewer.config.sponsor;
	headers->items[0] = headers->auth;
	headers->items[1] = headers->other;
	headers->count = effect->opens || effect->request.has_ticket ? 2 : 1;
	strcpy(headers->auth, SOUK_HEADER_AUTH ": ");
	souk_auth_format(headers->auth + strlen(headers->auth), &effect->request.auth);
	strcpy(headers->other, effect->opens ? SOUK_HEADER_SPONSOR ": " : SOUK_HEADER_TICKET ": ");
	char *end = headers->other + strlen(headers->other);
	if (effect->opens)
		souk_hex_encode(end, sponsor->bytes, SOUK_ADDRESS_SIZE);
	else if (effect->request.has_ticket)
		souk_ticket_format(end, &effect->request.ticket);
}

/* The strip of CACHE's session: sealed where it goes in the open. */
static souk_status put_strip(struct souk_bytes *ret, uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX],
	const struct view_bundle *bundle, uint32_t cache)
{
	const struct souk_bundle_session *session = &bundle->open.sessions.items[cache];
	const size_t size_max = SOUK_STRIP_OPEN_SIZE_MAX;
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, size_max);
	souk_strip_open_encode(&writer, &session->strip);
	SOUK_TRY(souk_writer_finish(&writer, ret));
	if (!bundle->by_control[cache])
		souk_strip_seal(&session->seal, bytes, ret->size);
	return SOUK_OK;
}

/* Where EFFECT's request goes: to the control server, with its pin, or to the data server. */
static souk_status put_url(char url[VIEW_URL_SIZE], const struct souk_hash **ret_pin,
	struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	uint32_t cache = effect->cache;
	const char *data_url = bundle->open.offer.offer.caches.items[cache].offer.data_url.text;
	const struct view_provider *provider = provider_of(bundle, cache);
	char path[SOUK_PATH_SIZE], strip[2 * SOUK_PATH_SIZE];
	const char *server = data_url, *tail = path;
	/* The first key is waited for: it comes from where there is a connection already. */
	bool is_first = effect->opens || (effect->kind == SOUK_VIEWER_KEYS &&
						 bundle->caches[cache].customer.keyed == 0);
	souk_path_format(path, &effect->request);
	*ret_pin = NULL;
	if (is_first && bundle->by_control[cache]) {
		if (provider == NULL)
			return SOUK_LOCAL_NOT_FOUND;
		*ret_pin = &provider->record.tls_pin;
		server = provider->record.control_url.text;
	}
	if (effect->opens && bundle->by_control[cache]) {
		const char *unit = path + strlen(SOUK_PATH_UNITS) + 2 * SOUK_NONCE_SIZE;
		snprintf(strip, sizeof strip, "/v1/sessions/%.*s/strip%s", 2 * SOUK_NONCE_SIZE,
			path + strlen(SOUK_PATH_UNITS), unit);
		tail = strip;
	}
	return snprintf(url, VIEW_URL_SIZE, "%s%s", server, tail) < VIEW_URL_SIZE
		       ? SOUK_OK
		       : SOUK_PEER_BAD_OFFER;
}

/* A unit or a key. */
static souk_status send_request(struct view_bundle *bundle, struct view_transfer *transfer)
{
	const struct souk_viewer_effect *effect = &transfer->effect;
	uint8_t strip[SOUK_STRIP_OPEN_SIZE_MAX];
	char url[VIEW_URL_SIZE];
	struct headers headers;
	struct souk_http_fetch fetch = {.url = url, .reply_header = SOUK_HEADER_KEY};
	SOUK_TRY(put_url(url, &fetch.pin, bundle, effect));
	put_headers(&headers, bundle, effect);
	fetch.headers = headers.items;
	fetch.header_count = headers.count;
	if (effect->opens)
		SOUK_TRY(put_strip(&fetch.body, strip, bundle, effect->cache));
	if (transfer->unit != NULL) {
		fetch.destination = transfer->unit->data;
		/* Room for a refusal too, where the last chunk is shorter than its text. */
		fetch.size_max = effect->length < REFUSAL_SIZE ? REFUSAL_SIZE : effect->length;
		/* view_check_transfers knows better. */
		fetch.timeout_ms = bundle->view->config.timeout_ms * FIRST_TIMES;
	}
	return start(bundle->view, transfer, &fetch, REFUSAL_SIZE);
}

static souk_status send_fetch(struct view_bundle *bundle, struct view_transfer *transfer)
{
	transfer->unit = view_unit_take(bundle->view);
	if (transfer->unit == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = send_request(bundle, transfer);
	if (status == SOUK_OK)
		return SOUK_OK;
	view_unit_give(bundle->view, transfer->unit);
	transfer->unit = NULL;
	return status;
}

void view_send(struct view_bundle *bundle, const struct souk_viewer_effect *effect)
{
	struct view_transfer *transfer = free_transfer(bundle);
	souk_status status = SOUK_LOCAL_FULL;
	if (transfer != NULL) {
		*transfer = (struct view_transfer){.bundle = bundle, .effect = *effect};
		switch (effect->kind) {
		case SOUK_VIEWER_ASK: status = send_ask(bundle, transfer); break;
		case SOUK_VIEWER_CLAIM: status = send_claim(bundle, transfer); break;
		case SOUK_VIEWER_COMPLAIN: status = send_complaint(bundle, transfer); break;
		case SOUK_VIEWER_FETCH: status = send_fetch(bundle, transfer); break;
		default: status = send_request(bundle, transfer); break;
		}
	}
	if (status != SOUK_OK)
		failed(bundle, effect, status);
}

void view_ask_status(struct view *view)
{
	char url[VIEW_URL_SIZE];
	view->status_transfer = (struct view_transfer){0};
	snprintf(url, sizeof url, "%s%s", view->place.url, SPONSOR_PATH_STATUS);
	struct souk_http_fetch fetch = {.url = url, .pin = &view->place.pin};
	souk_status status = start(view, &view->status_transfer, &fetch, REFUSAL_SIZE);
	if (status != SOUK_OK)
		view_sponsor_status(view, status, NULL);
}

/* ------------------------------------------------------------------ answers */

static souk_status take_bundle(struct view_bundle *bundle, struct souk_bytes bytes)
{
	SOUK_TRY(souk_bundle_open_decode(&bundle->open, bytes, NULL));
	souk_viewer_opened(&bundle->viewer, &bundle->open, view_time());
	if (bundle->viewer.state != SOUK_VIEWER_RUNNING)
		return SOUK_OK;
	bundle->key.epoch = bundle->open.offer.offer.epoch;
	bundle->key.number++;
	view_release_key(bundle);
	view_note_drawn(bundle);
	return SOUK_OK;
}

static souk_status take_tickets(struct view_bundle *bundle, struct souk_bytes bytes)
{
	struct souk_segment_tickets tickets;
	SOUK_TRY(souk_segment_tickets_decode(&tickets, bytes, NULL));
	souk_viewer_tickets(&bundle->viewer, &tickets, view_time());
	return SOUK_OK;
}

static void take_unit(struct view_transfer *transfer, const struct souk_unit_key *key)
{
	struct view_bundle *bundle = transfer->bundle;
	const struct souk_viewer_effect *effect = &transfer->effect;
	struct view_unit **place = &bundle->units[effect->cache][effect->unit % VIEW_RING];
	/* One that is there already came twice. */
	view_unit_give(bundle->view, *place);
	*place = transfer->unit;
	transfer->unit = NULL;
	bundle->unit_ms[effect->cache] += view_now_ms() - transfer->started_ms;
	bundle->unit_count[effect->cache]++;
	souk_viewer_received(&bundle->viewer, effect->cache, effect->unit, key, view_time());
}

static souk_status take_keyed(
	struct view_transfer *transfer, const struct souk_http_fetched *fetched)
{
	struct souk_unit_key key;
	bool has_key = fetched->reply_header[0] != '\0';
	bool is_unit = transfer->unit != NULL;
	if (transfer->effect.opens && fetched->size == 0) {
		souk_viewer_admitted(&transfer->bundle->viewer, transfer->effect.cache,
			transfer->effect.unit, view_time());
		return SOUK_OK;
	}
	if (fetched->size != (is_unit ? transfer->effect.length : 0))
		return SOUK_PEER_WRONG_LENGTH;
	if (has_key)
		SOUK_TRY(souk_key_parse(&key, souk_bytes_text(fetched->reply_header)));
	if (is_unit)
		take_unit(transfer, has_key ? &key : NULL);
	else
		souk_viewer_keys(&transfer->bundle->viewer, transfer->effect.cache,
			has_key ? &key : NULL, view_time());
	return SOUK_OK;
}

/* What an answer that is none says. */
static souk_status refusal_of(
	struct view *view, struct view_transfer *transfer, const struct souk_http_fetched *fetched)
{
	const uint8_t *text = transfer->unit != NULL ? transfer->unit->data : transfer->reply;
	souk_status status = problem_parse(souk_bytes_of(text, fetched->size), fetched->http_status,
		view->refusal, sizeof view->refusal);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_BAD_REQUEST : status;
}

static souk_status take_answer(
	struct view_transfer *transfer, const struct souk_http_fetched *fetched)
{
	struct view_bundle *bundle = transfer->bundle;
	struct souk_bytes bytes = souk_bytes_of(transfer->reply, fetched->size);
	if (fetched->status != SOUK_OK)
		return fetched->status;
	if (fetched->http_status != 200)
		return refusal_of(bundle->view, transfer, fetched);
	switch (transfer->effect.kind) {
	case SOUK_VIEWER_ASK: return take_bundle(bundle, bytes);
	case SOUK_VIEWER_CLAIM: return take_tickets(bundle, bytes);
	case SOUK_VIEWER_FETCH:
	case SOUK_VIEWER_KEYS: return take_keyed(transfer, fetched);
	default: return SOUK_OK;
	}
}

static void end_transfer(struct view *view, struct view_transfer *transfer)
{
	view_unit_give(view, transfer->unit);
	free(transfer->reply);
	transfer->unit = NULL;
	transfer->reply = NULL;
	transfer->busy = false;
}

/* A cache is not where its record says any more: it may have moved. */
static void note_unreachable(
	struct view_bundle *bundle, const struct souk_viewer_effect *effect, souk_status status)
{
	bool is_control = effect->opens && bundle->by_control[effect->cache];
	struct view_provider *provider = is_control ? provider_of(bundle, effect->cache) : NULL;
	if (provider != NULL && souk_status_class(status) == SOUK_CLASS_IO)
		provider->is_stale = true;
}

static void take_status(struct view *view, const struct souk_http_fetched *fetched)
{
	struct souk_sponsor_status answer;
	struct view_transfer *transfer = &view->status_transfer;
	souk_status status = fetched->status;
	if (status == SOUK_OK && fetched->http_status != 200)
		status = refusal_of(view, transfer, fetched);
	if (status == SOUK_OK)
		status = souk_sponsor_status_decode(
			&answer, souk_bytes_of(transfer->reply, fetched->size), NULL);
	end_transfer(view, transfer);
	view_sponsor_status(view, status, status == SOUK_OK ? &answer : NULL);
}

/* Whether a cache's data server does not take the strip that was sent to it: it would have to ask
 * the ledger first, or it knows of no such thing. */
static bool wants_control(const struct view_transfer *transfer,
	const struct souk_http_fetched *fetched, souk_status status)
{
	return transfer->effect.opens && !transfer->bundle->by_control[transfer->effect.cache] &&
	       fetched->status == SOUK_OK &&
	       (status == SOUK_LOCAL_STATE || fetched->http_status == 404 ||
		       fetched->http_status == 405);
}

void view_take_transfers(struct view *view)
{
	struct souk_http_fetched fetched;
	while (souk_http_fetcher_next(view->fetcher, &fetched)) {
		struct view_transfer *transfer = fetched.user;
		if (transfer == &view->status_transfer) {
			take_status(view, &fetched);
			continue;
		}
		souk_status status = take_answer(transfer, &fetched);
		struct view_bundle *bundle = transfer->bundle;
		struct souk_viewer_effect effect = transfer->effect;
		bool goes_on = wants_control(transfer, &fetched, status);
		end_transfer(view, transfer);
		if (goes_on) {
			bundle->by_control[effect.cache] = true;
			view_send_strip(bundle, &effect);
		}
		if (status == SOUK_OK || goes_on)
			continue;
		note_unreachable(bundle, &effect, status);
		failed(bundle, &effect, status);
	}
}

/* ------------------------------------------------------------------ time limits */

/* How long a unit of another cache than CACHE takes; 0: none came yet. */
static uint64_t others_ms(const struct view_bundle *bundle, uint32_t cache)
{
	uint64_t sum = 0, count = 0;
	for (uint32_t i = 0; i < bundle->viewer.plan.caches; i++) {
		sum += i == cache ? 0 : bundle->unit_ms[i];
		count += i == cache ? 0 : bundle->unit_count[i];
	}
	return count == 0 ? 0 : sum / count + 1;
}

static bool is_late(const struct view_transfer *transfer, uint64_t now_ms)
{
	const struct view_bundle *bundle = transfer->bundle;
	uint64_t limit = bundle->view->config.timeout_ms;
	uint64_t slow = SLOW_TIMES * others_ms(bundle, transfer->effect.cache);
	if (now_ms - transfer->moved_ms > limit)
		return true;
	return slow != 0 && now_ms - transfer->started_ms > (slow > limit ? slow : limit);
}

static void check_bundle(struct view *view, struct view_bundle *bundle, uint64_t now_ms)
{
	for (size_t i = 0; i < VIEW_TRANSFERS; i++) {
		struct view_transfer *transfer = &bundle->transfers[i];
		if (!transfer->busy || transfer->unit == NULL)
			continue;
		if (transfer->bytes != transfer->bytes_seen) {
			transfer->bytes_seen = transfer->bytes;
			transfer->moved_ms = now_ms;
		}
		if (!is_late(transfer, now_ms))
			continue;
		struct souk_viewer_effect effect = transfer->effect;
		souk_http_fetcher_cancel(view->fetcher, transfer);
		end_transfer(view, transfer);
		failed(bundle, &effect, SOUK_IO_TIMEOUT);
	}
}

void view_check_transfers(struct view *view)
{
	uint64_t now_ms = view_now_ms();
	for (uint32_t i = 0; i < VIEW_BUNDLES_MAX; i++) {
		if (view->bundles[i] != NULL && view->bundles[i]->state == VIEW_BUNDLE_ALIVE)
			check_bundle(view, view->bundles[i], now_ms);
	}
}

/* But for a complaint, which is still sent. */
void view_cancel_transfers(struct view_bundle *bundle)
{
	for (size_t i = 0; i < VIEW_TRANSFERS; i++) {
		struct view_transfer *transfer = &bundle->transfers[i];
		if (!transfer->busy || transfer->effect.kind == SOUK_VIEWER_COMPLAIN)
			continue;
		souk_http_fetcher_cancel(bundle->view->fetcher, transfer);
		end_transfer(bundle->view, transfer);
	}
}
