/* SPDX-License-Identifier: Apache-2.0
 *
 * One proxy: GET its offer, ask, strip, then requests and the keys that open them.
 *
 *   READY -> OFFERING -> ASKING -> GRANTED -> STRIPPING -> OPEN: requests of the wave,
 *                                                          their keys, verified --> the next wave
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key_internal.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/entropy_real.h"
#include "souk/payment/allotment.h"
#include "souk/payment/strip.h"

#define SESSION_UNITS_FIRST 8u
#define SESSION_UNITS_MAX   16384u
/* Sessions opened in one retrieval: an epoch that ends, a proxy that was started again. */
#define TRIES_MAX 3u
/* A proxy that says that it is busy is asked again after it. */
#define WAIT_NS	  (150ull * 1000 * 1000)
#define WAITS_MAX 8u
#define AGAIN_MAX 2u
/* And one that does not know of the new epoch yet, up to three seconds. */
#define EPOCH_WAITS_MAX 20u

void key_session_fail(struct key_proxy *proxy, souk_status status, const char *detail)
{
	if (proxy->has_failed)
		return;
	proxy->has_failed = true;
	proxy->status = status;
	if (detail != NULL)
		snprintf(proxy->detail, sizeof proxy->detail, "%s", detail);
	key_session_end(proxy, status);
	proxy->took_ns = 0;
	key_forget(proxy);
}

static void cancel(struct key_proxy *proxy, struct key_call *call)
{
	if (call->busy)
		souk_http_fetcher_cancel(proxy->client->engine, call);
	call->busy = false;
}

void key_session_end(struct key_proxy *proxy, souk_status reason)
{
	struct key_client *client = proxy->client;
	cancel(proxy, &proxy->control);
	cancel(proxy, &proxy->keys);
	for (size_t i = 0; proxy->parts != NULL && i < client->config.window; i++)
		cancel(proxy, &proxy->parts[i].call);
	if (proxy->strip.count > 0 && !proxy->strip.over) {
		struct souk_amount cost = souk_customer_spent(proxy->customer), sum;
		proxy->strip.unit = proxy->customer->payer.unit;
		proxy->strip.over = true;
		proxy->is_unsettled = true;
		if (cost.ncoin >= proxy->spent_before.ncoin &&
			souk_amount_add(&sum, client->spent,
				souk_amount_of_ncoin(cost.ncoin - proxy->spent_before.ncoin)) ==
				SOUK_OK)
			client->spent = sum;
		souk_customer_end(proxy->customer, reason);
	}
	proxy->spent_before = SOUK_AMOUNT_ZERO;
	if (proxy->step > KEY_NO_MONEY)
		proxy->step = KEY_NO_MONEY;
}

void key_session_settle(struct key_client *client, struct key_proxy *const *used, size_t count)
{
	const struct souk_wallet_strip *strips[SOUK_UMBRAL_SHARES_MAX];
	size_t due = 0;
	for (size_t i = 0; i < count; i++) {
		if (used[i]->is_unsettled)
			strips[due++] = &used[i]->strip;
		used[i]->is_unsettled = false;
	}
	if (due > 0 && wallet_put_strips(client->wallet, strips, due) != SOUK_OK)
		key_note(client, "the wallet cannot be written");
}

/* The session is of no use any more, but the proxy may be: it is opened anew. */
static void retry(struct key_proxy *proxy, souk_status status)
{
	struct key_proxy *const one[] = {proxy};
	if (proxy->tries >= TRIES_MAX) {
		key_session_fail(proxy, status, NULL);
		return;
	}
	proxy->client->status_ns = 0;
	key_session_end(proxy, status);
	key_session_settle(proxy->client, one, 1);
	for (size_t i = 0; i < proxy->client->config.window; i++)
		proxy->parts[i] = (struct key_part){.unit = 0};
	proxy->sent = 0;
}

static bool is_busy(souk_status status)
{
	return status == SOUK_LOCAL_FULL || status == SOUK_LOCAL_STATE || status == SOUK_IO_TIMEOUT;
}

static bool is_of_session(souk_status status)
{
	return status == SOUK_PEER_UNKNOWN_SESSION || status == SOUK_PEER_EPOCH_CLOSED ||
	       status == SOUK_PEER_STRIP_EXPIRED || status == SOUK_PEER_WRONG_EPOCH ||
	       status == SOUK_PEER_UNIT_REBOUND || status == SOUK_PEER_STRIP_OVERLAP ||
	       status == SOUK_PEER_LEAF_CLAIMED;
}

/* A proxy may learn of a new epoch a moment after us. */
static bool is_of_epoch(souk_status status)
{
	return status == SOUK_PEER_WRONG_EPOCH || status == SOUK_PEER_EPOCH_CLOSED;
}

/* What a refusal leads to; DID_REFUSE, where the proxy itself said it. */
static void refused(struct key_proxy *proxy, souk_status status, bool did_refuse)
{
	if (is_of_epoch(status) && proxy->epoch_waits++ < EPOCH_WAITS_MAX) {
		proxy->tries = 0;
		proxy->wait_ns = key_now_ns() + WAIT_NS;
	}
	if (did_refuse && is_busy(status) && proxy->waits++ < WAITS_MAX)
		proxy->wait_ns = key_now_ns() + WAIT_NS;
	else if (is_of_session(status))
		retry(proxy, status);
	else
		key_session_fail(proxy, status, NULL);
}

/* ------------------------------------------------------------------ control calls */

static souk_status control(
	struct key_proxy *proxy, enum key_step step, const char *path, struct souk_bytes body)
{
	char url[KEY_URL_SIZE];
	snprintf(url, sizeof url, "%.128s%.180s", proxy->control_url, path);
	struct souk_http_fetch call = {.url = url,
		.body = body,
		.destination = proxy->call_body,
		.size_max = sizeof proxy->call_body,
		.timeout_ms = proxy->client->config.timeout_ms,
		.pin = &proxy->pin,
		.user = &proxy->control};
	proxy->control = (struct key_call){.kind = KEY_CALL_CONTROL, .proxy = proxy};
	SOUK_TRY(souk_http_fetcher_start(proxy->client->engine, &call));
	proxy->control.busy = true;
	proxy->step = step;
	return SOUK_OK;
}

static souk_status ask_offer(struct key_proxy *proxy)
{
	char path[100] = "/v1/offers/";
	souk_hex_encode(path + strlen(path), proxy->agreement_id.bytes, SOUK_HASH_SIZE);
	return control(proxy, KEY_OFFERING, path, souk_bytes_of(NULL, 0));
}

static souk_status take_offer(struct key_proxy *proxy, struct souk_bytes body)
{
	struct souk_signed_offer signed_offer;
	const struct souk_offer *offer = &signed_offer.offer;
	SOUK_TRY(souk_signed_offer_decode(&signed_offer, body, NULL));
	SOUK_TRY(souk_offer_verify(&signed_offer, key_now()));
	if (!souk_address_equal(&offer->provider, &proxy->address) ||
		!souk_hash_equal(&offer->content, &proxy->agreement_id) || offer->size != 0 ||
		offer->chunk_size != 0 || offer->price.ncoin != proxy->terms.price.ncoin ||
		strncmp(offer->data_url.text, "http", 4) != 0)
		return SOUK_PEER_BAD_OFFER;
	proxy->offer = *offer;
	proxy->step = KEY_READY;
	return SOUK_OK;
}

static uint32_t units_of_session(const struct key_proxy *proxy)
{
	uint64_t units = SESSION_UNITS_FIRST;
	for (uint32_t i = 0; i < proxy->sessions && units < SESSION_UNITS_MAX; i++)
		units *= 2;
	if (units < proxy->client->needed)
		units = proxy->client->needed;
	if (units > proxy->offer.units_max)
		units = proxy->offer.units_max;
	if (units > key_leaf_units(proxy))
		units = key_leaf_units(proxy);
	return (uint32_t)units;
}

static souk_status ask_session(struct key_proxy *proxy)
{
	uint8_t bytes[SOUK_ASK_SIZE_MAX];
	struct souk_writer writer;
	struct souk_customer_config config = {.offer = &proxy->offer,
		.escrow = proxy->client->escrow,
		.epoch = proxy->leaf.epoch,
		.units = units_of_session(proxy),
		.window_max = proxy->client->config.window};
	proxy->tries++;
	souk_secret_rng_fill(&proxy->client->rng, config.seed, sizeof config.seed);
	souk_status status = souk_customer_init(proxy->customer, &config);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	if (status != SOUK_OK)
		return status;
	proxy->strip = (struct souk_wallet_strip){.count = 0};
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ask_encode(&writer, souk_customer_ask(proxy->customer));
	return control(proxy, KEY_ASKING, "/v1/sessions", souk_bytes_of(bytes, writer.size));
}

static souk_status take_grant(struct key_proxy *proxy, struct souk_bytes body)
{
	struct souk_grant_open grant;
	SOUK_TRY(souk_grant_open_decode(&grant, body, NULL));
	SOUK_TRY(souk_customer_grant(proxy->customer, &grant, key_now()));
	proxy->step = KEY_GRANTED;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ strips, of many at once */

/* The part of its leaf that the grant of PROXY takes. */
static struct souk_wallet_strip strip_of(const struct key_proxy *proxy)
{
	const struct souk_payer_leaf *leaf = &proxy->leaf;
	const struct souk_grant *grant = &proxy->customer->grant;
	return (struct souk_wallet_strip){.escrow = leaf->escrow,
		.epoch = leaf->epoch,
		.segment = leaf->segment,
		.leaf = leaf->index,
		.issuer = proxy->segment->plan.leaves.items[leaf->index].issuer,
		.payee = proxy->address,
		.session = grant->session,
		.count = grant->units,
		.price = grant->price};
}

static souk_status send_strip(struct key_proxy *proxy, struct souk_strip_open *open)
{
	uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	struct souk_writer writer;
	char path[100] = "/v1/sessions/";
	const struct souk_wallet_plan *plan = &proxy->segment->plan;
	memset(open, 0, sizeof *open);
	proxy->leaf.used = proxy->strip.start;
	SOUK_TRY(souk_customer_strip(proxy->customer, &proxy->leaf, open));
	SOUK_TRY(souk_allotment_prove(
		open, plan->leaves.items, plan->leaves.count, proxy->leaf.index, nodes));
	SOUK_TRY(souk_strip_sign_batch(&open, 1, proxy->client->config.identity));
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_open_encode(&writer, open);
	souk_hex_encode(path + strlen(path), proxy->customer->grant.session.bytes, SOUK_NONCE_SIZE);
	strcat(path, "/strip");
	return control(proxy, KEY_STRIPPING, path, souk_bytes_of(bytes, writer.size));
}

static void lay(struct key_proxy *proxy, souk_status status, const struct souk_wallet_strip *strip,
	struct souk_strip_open *open)
{
	/* Another process was quicker: another leaf. */
	if (status == SOUK_PEER_STRIP_RANGE || status == SOUK_LOCAL_STATE) {
		proxy->leaf.used = proxy->leaf.amount;
		retry(proxy, status);
		return;
	}
	proxy->strip = *strip;
	status = send_strip(proxy, open);
	if (status != SOUK_OK)
		key_session_fail(proxy, status, NULL);
}

void key_session_strips(struct key_client *client, struct key_proxy *const *used, size_t count)
{
	struct key_proxy *granted[SOUK_UMBRAL_SHARES_MAX];
	struct souk_wallet_strip strips[SOUK_UMBRAL_SHARES_MAX], *each[SOUK_UMBRAL_SHARES_MAX];
	struct souk_amount amounts[SOUK_UMBRAL_SHARES_MAX];
	souk_status statuses[SOUK_UMBRAL_SHARES_MAX];
	size_t due = 0;
	for (size_t i = 0; i < count; i++) {
		if (used[i]->step != KEY_GRANTED)
			continue;
		granted[due] = used[i];
		strips[due] = strip_of(used[i]);
		each[due] = &strips[due];
		amounts[due++] = used[i]->leaf.amount;
	}
	if (due == 0)
		return;
	struct souk_strip_open *open = malloc(sizeof *open);
	souk_status status =
		open == NULL ? SOUK_IO_MEMORY
			     : wallet_reserve_many(client->wallet, each, amounts, due, statuses);
	for (size_t i = 0; i < due; i++) {
		if (status == SOUK_OK)
			lay(granted[i], statuses[i], &strips[i], open);
		else
			key_session_fail(granted[i], status, "the wallet cannot be written");
	}
	free(open);
}

static souk_status take_opened(struct key_proxy *proxy)
{
	SOUK_TRY(souk_customer_opened(proxy->customer));
	proxy->step = KEY_OPEN;
	proxy->sessions++;
	proxy->spent_before = SOUK_AMOUNT_ZERO;
	return SOUK_OK;
}

static void take_control(struct key_proxy *proxy, const struct souk_http_fetched *fetched)
{
	struct souk_bytes body = souk_bytes_of(proxy->call_body, fetched->size);
	souk_status status = fetched->status;
	bool did_refuse = status == SOUK_OK && fetched->http_status != 200;
	if (did_refuse)
		status = problem_parse(
			body, fetched->http_status, proxy->detail, sizeof proxy->detail);
	else if (status == SOUK_OK && proxy->step == KEY_OFFERING)
		status = take_offer(proxy, body);
	else if (status == SOUK_OK && proxy->step == KEY_ASKING)
		status = take_grant(proxy, body);
	else if (status == SOUK_OK)
		status = take_opened(proxy);
	if (status == SOUK_OK)
		return;
	/* The same is asked again: the strip that was laid is the session's. */
	if (proxy->step == KEY_STRIPPING && did_refuse && is_busy(status)) {
		retry(proxy, status);
		return;
	}
	if (proxy->step == KEY_OFFERING || proxy->step == KEY_ASKING)
		proxy->step = KEY_READY;
	refused(proxy, status, did_refuse);
}

/* ------------------------------------------------------------------ requests */

static souk_status start_unit(
	struct key_proxy *proxy, struct key_part *part, const struct souk_unit_request *request)
{
	uint8_t bytes[SOUK_KEY_REQUEST_SIZE_MAX];
	struct souk_writer writer;
	char url[KEY_URL_SIZE], path[SOUK_PATH_SIZE];
	char auth[sizeof SOUK_HEADER_AUTH + 2 + SOUK_AUTH_TEXT_SIZE] = SOUK_HEADER_AUTH ": ";
	char ticket[sizeof SOUK_HEADER_TICKET + 2 + SOUK_TICKET_TEXT_SIZE] =
		SOUK_HEADER_TICKET ": ";
	const char *headers[2] = {auth, ticket};
	bool is_unit = part != NULL;
	souk_path_format(path, request);
	snprintf(url, sizeof url, "%s%s", proxy->offer.data_url.text, path);
	souk_auth_format(auth + strlen(auth), &request->auth);
	if (request->has_ticket)
		souk_ticket_format(ticket + strlen(ticket), &request->ticket);
	souk_writer_init(&writer, bytes, sizeof bytes);
	if (is_unit)
		souk_key_request_encode(
			&writer, &proxy->client->wave.requests[part - proxy->parts]);
	struct key_call *user = is_unit ? &part->call : &proxy->keys;
	*user = (struct key_call){is_unit ? KEY_CALL_UNIT : KEY_CALL_KEYS, false, proxy, part};
	struct souk_http_fetch call = {.url = url,
		.headers = headers,
		.header_count = request->has_ticket ? 2 : 1,
		.body = is_unit ? souk_bytes_of(bytes, writer.size) : souk_bytes_of(NULL, 0),
		.reply_header = SOUK_HEADER_KEY,
		.destination = is_unit ? part->body : proxy->keys_body,
		.size_max = is_unit ? sizeof part->body : sizeof proxy->keys_body,
		.timeout_ms = proxy->client->config.timeout_ms,
		.user = user};
	SOUK_TRY(souk_http_fetcher_start(proxy->client->engine, &call));
	user->busy = true;
	return SOUK_OK;
}

/* Requests of the wave, as far as the window goes. SOUK_LOCAL_STATE: it is used up. */
static souk_status send_units(struct key_proxy *proxy)
{
	struct key_wave *wave = &proxy->client->wave;
	for (uint32_t i = 0; i < wave->count; i++) {
		struct key_part *part = &proxy->parts[i];
		struct souk_unit_request request;
		if (part->unit != 0 && !part->is_lost)
			continue;
		souk_status status = part->unit != 0 ? souk_customer_again(proxy->customer,
							       &request, part->unit, key_now())
						     : souk_customer_next(proxy->customer, &request,
							       wave->numbers[i], key_now());
		if (status != SOUK_OK)
			return status;
		part->unit = request.unit;
		part->is_lost = false;
		SOUK_TRY(start_unit(proxy, part, &request));
	}
	return SOUK_OK;
}

static bool is_waiting(const struct key_proxy *proxy)
{
	bool waits = proxy->control.busy || proxy->keys.busy;
	for (uint32_t i = 0; i < proxy->client->wave.count && !waits; i++)
		waits = proxy->parts[i].call.busy;
	return waits;
}

/* All that was asked has come, and is to be paid for and opened. */
static souk_status ask_keys(struct key_proxy *proxy)
{
	struct souk_unit_request request;
	SOUK_TRY(souk_customer_settle(proxy->customer, &request, key_now()));
	return start_unit(proxy, NULL, &request);
}

static void drive(struct key_proxy *proxy)
{
	souk_status status = send_units(proxy);
	if (status == SOUK_PEER_OVERDRAW || status == SOUK_PEER_STRIP_EXPIRED) {
		if (!is_waiting(proxy))
			retry(proxy, status);
		return;
	}
	if (status != SOUK_OK && status != SOUK_LOCAL_STATE) {
		key_session_fail(proxy, status, NULL);
		return;
	}
	if (proxy->is_complete || is_waiting(proxy))
		return;
	status = ask_keys(proxy);
	/* A window smaller than the wave: the caller verifies what there is. */
	if (status != SOUK_OK && status != SOUK_LOCAL_STATE)
		key_session_fail(proxy, status, NULL);
}

void key_session_go(struct key_proxy *proxy)
{
	souk_status status = SOUK_OK;
	if (proxy->has_failed || proxy->control.busy || key_now_ns() < proxy->wait_ns)
		return;
	switch (proxy->step) {
	case KEY_READY:
		status = souk_time_is_before(key_now(), proxy->offer.expires) ? ask_session(proxy)
									      : ask_offer(proxy);
		break;
	case KEY_OPEN: drive(proxy); return;
	default: return;
	}
	if (status != SOUK_OK)
		key_session_fail(proxy, status, NULL);
}

/* ------------------------------------------------------------------ answers */

static void take_unit(struct key_part *part, const struct souk_http_fetched *fetched)
{
	struct key_proxy *proxy = part->call.proxy;
	struct souk_bytes body = souk_bytes_of(part->body, fetched->size);
	const struct souk_key_request *request = &proxy->client->wave.requests[part - proxy->parts];
	struct souk_unit_key key;
	souk_status status = fetched->status;
	bool did_refuse = status == SOUK_OK && fetched->http_status != 200;
	if (did_refuse)
		status = problem_parse(
			body, fetched->http_status, proxy->detail, sizeof proxy->detail);
	else if (status == SOUK_OK)
		status = souk_key_reply_decode(&part->reply, body, NULL);
	if (!did_refuse && status == SOUK_OK)
		status = souk_keys_reply_check(&part->reply, request, &proxy->agreement_id,
			&proxy->customer->grant.session, part->unit, &proxy->address);
	if (status == SOUK_OK)
		status = souk_customer_received(proxy->customer, part->unit);
	if (status == SOUK_OK && fetched->reply_header[0] != '\0') {
		status = souk_key_parse(&key, souk_bytes_text(fetched->reply_header));
		if (status == SOUK_OK)
			status = souk_customer_key(proxy->customer, &key);
	}
	if (status == SOUK_OK) {
		part->received = true;
		proxy->client->requests++;
		return;
	}
	part->is_lost = true;
	if (status == SOUK_IO_NET && part->again++ < AGAIN_MAX)
		return;
	refused(proxy, status, did_refuse);
}

static void take_keys(struct key_proxy *proxy, const struct souk_http_fetched *fetched)
{
	struct souk_bytes body = souk_bytes_of(proxy->keys_body, fetched->size);
	struct souk_unit_key key;
	souk_status status = fetched->status;
	bool did_refuse = status == SOUK_OK && fetched->http_status != 200;
	if (did_refuse)
		status = problem_parse(
			body, fetched->http_status, proxy->detail, sizeof proxy->detail);
	else if (status == SOUK_OK)
		status = souk_key_parse(&key, souk_bytes_text(fetched->reply_header));
	if (status == SOUK_OK)
		status = souk_customer_key(proxy->customer, &key);
	if (status == SOUK_IO_NET && proxy->waits++ < AGAIN_MAX)
		return;
	if (status != SOUK_OK)
		refused(proxy, status, did_refuse);
}

/* What can be opened now is. */
static void open_parts(struct key_proxy *proxy)
{
	struct key_wave *wave = &proxy->client->wave;
	bool is_complete = true;
	for (uint32_t i = 0; i < wave->count && !proxy->has_failed; i++) {
		struct key_part *part = &proxy->parts[i];
		if (part->received && !part->opened &&
			souk_customer_cipher(proxy->customer, &part->cipher, part->unit) ==
				SOUK_OK) {
			/* Another lock: opened, and nothing right in it; key_retrieve.c blames. */
			souk_status status = souk_keys_reply_open(
				part->fragments, &part->reply, &wave->requests[i], &part->cipher);
			part->opened = status == SOUK_OK;
			if (part->opened)
				continue;
			proxy->fault = SOUK_KEYS_FAULT_LOCK;
			proxy->bad_part = i;
			key_session_fail(proxy, status, "it locked another key");
		}
		is_complete &= part->opened;
	}
	if (is_complete && !proxy->has_failed && !proxy->is_complete) {
		proxy->is_complete = true;
		proxy->took_ns = key_now_ns() - proxy->began_ns;
	}
}

void key_session_take(const struct souk_http_fetched *fetched)
{
	struct key_call *call = fetched->user;
	struct key_proxy *proxy = call->proxy;
	call->busy = false;
	proxy->moved_ns = key_now_ns();
	switch (call->kind) {
	case KEY_CALL_CONTROL: take_control(proxy, fetched); break;
	case KEY_CALL_UNIT: take_unit(call->part, fetched); break;
	case KEY_CALL_KEYS: take_keys(proxy, fetched); break;
	}
	if (proxy->step == KEY_OPEN && !proxy->has_failed)
		open_parts(proxy);
}

void key_session_verified(struct key_proxy *proxy)
{
	for (uint32_t i = 0; i < proxy->client->wave.count; i++) {
		struct key_part *part = &proxy->parts[i];
		if (!part->opened || part->verified)
			continue;
		part->verified = true;
		if (souk_customer_verified(proxy->customer, part->unit) != SOUK_OK)
			key_session_fail(proxy, SOUK_LOCAL_STATE, NULL);
	}
}

void key_session_begin(struct key_proxy *proxy)
{
	proxy->is_complete = false;
	proxy->is_late = false;
	proxy->waits = 0;
	proxy->wait_ns = 0;
	proxy->began_ns = proxy->moved_ns = key_now_ns();
	for (size_t i = 0; i < proxy->client->config.window; i++)
		proxy->parts[i].unit = proxy->parts[i].again = 0;
	for (size_t i = 0; i < proxy->client->config.window; i++) {
		struct key_part *part = &proxy->parts[i];
		part->received = part->opened = part->verified = part->is_lost = false;
	}
}
