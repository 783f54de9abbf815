/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop: what the planner wants is done here, and what happened is told to it. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fetch_hub.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"

/* A few times a second, while there is something to tell; where there is not, now and then. */
#define POLL_MAX_MS 100u
#define IDLE_MAX_MS 1000u
#define PROGRESS_NS 150000000ull
/* The planner decides who is silent; this only bounds what it forgets. */
#define TRANSFER_TIMEOUT_MS (24u * 3600 * 1000)
/* The text of a refusal; every slot has as much, since chunks are larger. */
#define REFUSAL_SIZE sizeof((struct paid_transfer *)0)->keys_body

static uint8_t *slot_memory(struct paid *paid, uint32_t slot)
{
	return paid->slots + (size_t)slot * paid->fetch->content.chunk_size;
}

/* ------------------------------------------------------------------ transfers */

static struct paid_transfer *free_transfer(struct paid *paid)
{
	for (size_t i = 0; i < PAID_TRANSFERS; i++) {
		if (!paid->transfers[i].busy)
			return &paid->transfers[i];
	}
	return NULL;
}

static void transfer_failed(
	struct paid *paid, const struct paid_transfer *transfer, souk_status status)
{
	if (transfer->is_keys)
		souk_download_keys_failed(&paid->download, transfer->provider, status, paid_now());
	else
		souk_download_fetch_failed(&paid->download, transfer->slot, status, paid_now());
}

/* Before the first ticket, or the first that a hub sells. */
static souk_status see_to_money(struct paid *paid)
{
	const struct fetch_events *events = &paid->fetch->config.events;
	if (paid->may_pay || events->pay == NULL)
		return SOUK_OK;
	SOUK_TRY(events->pay(events->ctx));
	paid->may_pay = true;
	return SOUK_OK;
}

/* What TRANSFER asks for, with the strip where that is still to be sent. */
static souk_status send_transfer(struct paid *paid, struct paid_transfer *transfer)
{
	struct paid_provider *provider = &paid->providers[transfer->provider];
	const struct souk_unit_request *request = &transfer->request;
	char url[SOUK_PATH_SIZE + 160], path[SOUK_PATH_SIZE];
	char auth[sizeof SOUK_HEADER_AUTH + 2 + SOUK_AUTH_TEXT_SIZE] = SOUK_HEADER_AUTH ": ";
	char ticket[sizeof SOUK_HEADER_TICKET + 2 + SOUK_TICKET_TEXT_SIZE] =
		SOUK_HEADER_TICKET ": ";
	char agreement[sizeof SOUK_HEADER_AGREEMENT + 2 + SOUK_AGREEMENT_TEXT_SIZE] =
		SOUK_HEADER_AGREEMENT ": ";
	const char *headers[3] = {auth};
	size_t header_count = 1;
	souk_path_format(path, request);
	snprintf(url, sizeof url, "%s%s", provider->entry.offer.offer.data_url.text, path);
	souk_auth_format(auth + strlen(auth), &request->auth);
	if (request->has_ticket) {
		souk_ticket_format(ticket + strlen(ticket), &request->ticket);
		headers[header_count++] = ticket;
	}
	if (transfer->is_accountable) {
		souk_agreement_format(agreement + strlen(agreement), &provider->agreement_id);
		headers[header_count++] = agreement;
	}
	struct souk_http_fetch fetch = {
		.url = url,
		.headers = headers,
		.header_count = header_count,
		.reply_header = SOUK_HEADER_KEY,
		.second_header = transfer->is_accountable ? SOUK_HEADER_STATEMENT : NULL,
		.destination =
			transfer->is_keys ? transfer->keys_body : slot_memory(paid, transfer->slot),
		/* Room for a refusal too, where the last chunk is shorter than its text. */
		.size_max = transfer->is_keys || transfer->length < REFUSAL_SIZE ? REFUSAL_SIZE
										 : transfer->length,
		.timeout_ms = TRANSFER_TIMEOUT_MS,
		.user = transfer,
		.progress = &transfer->bytes,
	};
	transfer->waits = false;
	transfer->rides = provider->sending.state == PAID_STRIP_DUE && !transfer->is_keys;
	if (transfer->rides) {
		paid_strip_ride(provider, path, &fetch, url, sizeof url);
		paid->cold = fetch.destination;
	}
	if (request->has_ticket) {
		souk_status status = see_to_money(paid);
		if (status != SOUK_OK) {
			souk_download_stop(&paid->download, status);
			return SOUK_LOCAL_STOPPED;
		}
		paid_note_ticket(provider, request->ticket.unit);
	}
	return souk_http_fetcher_start(paid->fetcher, &fetch);
}

/* Now, or once the strip is accepted that it is paid by. */
static void send_or_wait(struct paid *paid, struct paid_transfer *transfer)
{
	const struct paid_strip *sending = &paid->providers[transfer->provider].sending;
	transfer->waits = sending->state == PAID_STRIP_SENT ||
			  (sending->state == PAID_STRIP_DUE && transfer->is_keys);
	souk_status status = transfer->waits ? SOUK_OK : send_transfer(paid, transfer);
	if (status == SOUK_OK)
		return;
	transfer->busy = false;
	if (transfer->rides)
		paid->providers[transfer->provider].sending.state = PAID_STRIP_DUE;
	transfer_failed(paid, transfer, status);
}

static void start_transfer(struct paid *paid, const struct souk_download_effect *effect)
{
	struct paid_transfer *transfer = free_transfer(paid);
	bool is_keys = effect->kind == SOUK_DOWNLOAD_KEYS;
	/* There is one for each slot and each provider: the planner has no more at once. */
	*transfer = (struct paid_transfer){
		.paid = paid,
		.busy = true,
		.is_keys = is_keys,
		.request = effect->request,
		.provider = effect->provider,
		.slot = effect->slot,
		.unit = effect->unit,
		.chunk = effect->chunk,
		.length = is_keys ? 0 : effect->length,
		.is_accountable =
			!is_keys && paid_is_accountable(&paid->providers[effect->provider]),
	};
	send_or_wait(paid, transfer);
}

/* ------------------------------------------------------------------ strips */

/* Whether TRANSFER took along the strip that its provider's session waits for. While another
 * session is opened that strip is its opener's. */
static bool has_strip(const struct paid *paid, const struct paid_transfer *transfer)
{
	const struct paid_strip *sending = &paid->providers[transfer->provider].sending;
	return (transfer->rides || transfer->is_strip) &&
	       !paid->download.providers[transfer->provider].busy_opening &&
	       sending->state == PAID_STRIP_SENT &&
	       memcmp(sending->session.bytes, transfer->request.session.bytes, SOUK_NONCE_SIZE) ==
		       0;
}

/* Strips that no unit has taken along. */
static void send_strips(struct paid *paid)
{
	for (uint32_t i = 0; i < paid->provider_count; i++) {
		struct paid_provider *provider = &paid->providers[i];
		if (paid->download.providers[i].state != SOUK_DOWNLOAD_OPENED ||
			provider->sending.state != PAID_STRIP_DUE)
			continue;
		struct paid_transfer *transfer = free_transfer(paid);
		*transfer = (struct paid_transfer){.paid = paid,
			.busy = true,
			.is_strip = true,
			.provider = i,
			.request.session = provider->sending.session};
		if (paid_strip_send(paid, transfer) == SOUK_OK)
			continue;
		/* A unit will find that there is no session, and another is opened. */
		transfer->busy = false;
		paid_strip_drop(provider);
	}
}

/* STATUS became of PROVIDER's strip: what waited for it goes now, or has failed. */
static void end_wait(struct paid *paid, uint32_t provider, souk_status status)
{
	for (size_t i = 0; i < PAID_TRANSFERS; i++) {
		struct paid_transfer *transfer = &paid->transfers[i];
		if (!transfer->busy || !transfer->waits || transfer->provider != provider)
			continue;
		if (status == SOUK_OK) {
			send_or_wait(paid, transfer);
			continue;
		}
		transfer->busy = false;
		transfer_failed(paid, transfer, status);
	}
}

/* Whether FETCHED is all there is to TRANSFER: it was a strip, or one that is refused, or the unit
 * did not come along and is asked for by itself. */
static bool end_strip(
	struct paid *paid, struct paid_transfer *transfer, const struct souk_http_fetched *fetched)
{
	struct paid_provider *provider = &paid->providers[transfer->provider];
	const uint8_t *body =
		transfer->is_strip ? transfer->keys_body : slot_memory(paid, transfer->slot);
	souk_status status = paid_strip_answered(provider, fetched, body);
	if (!transfer->is_strip && status != SOUK_OK)
		transfer_failed(paid, transfer, status);
	end_wait(paid, transfer->provider, status);
	if (transfer->is_strip || status != SOUK_OK)
		return true;
	transfer->rides = false;
	if (fetched->size > 0)
		return false;
	transfer->busy = true;
	send_or_wait(paid, transfer);
	return true;
}

/* What an answer that is no unit says. */
static souk_status refusal_of(struct paid *paid, const struct paid_transfer *transfer,
	const struct souk_http_fetched *fetched)
{
	const uint8_t *body =
		transfer->is_keys ? transfer->keys_body : slot_memory(paid, transfer->slot);
	souk_status status =
		problem_parse(souk_bytes_of(body, fetched->size), fetched->http_status, NULL, 0);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_BAD_REQUEST : status;
}

static void end_transfer(struct paid *paid, const struct souk_http_fetched *fetched)
{
	struct paid_transfer *transfer = fetched->user;
	struct souk_unit_key key;
	bool has_key = fetched->reply_header[0] != '\0';
	souk_status status = fetched->status;
	transfer->busy = false;
	if (has_strip(paid, transfer) && end_strip(paid, transfer, fetched))
		return;
	if (transfer->is_strip) /* of a session that is over */
		return;
	if (status == SOUK_OK && fetched->http_status != 200)
		status = refusal_of(paid, transfer, fetched);
	if (status == SOUK_OK && fetched->size != transfer->length)
		status = SOUK_PEER_WRONG_LENGTH;
	if (status == SOUK_OK && has_key)
		status = souk_key_parse(&key, souk_bytes_text(fetched->reply_header));
	if (status == SOUK_OK && !transfer->is_keys)
		status = paid_check_statement(
			paid, transfer, fetched->second_header, slot_memory(paid, transfer->slot));
	if (status != SOUK_OK)
		transfer_failed(paid, transfer, status);
	else if (transfer->is_keys)
		souk_download_keys(
			&paid->download, transfer->provider, has_key ? &key : NULL, paid_now());
	else
		souk_download_received(
			&paid->download, transfer->slot, has_key ? &key : NULL, paid_now());
}

/* TRANSFER is answered now, as stopped. Its strip goes alone then, if there is use for it. */
static void cancel(struct paid *paid, struct paid_transfer *transfer)
{
	struct paid_strip *sending = &paid->providers[transfer->provider].sending;
	souk_http_fetcher_cancel(paid->fetcher, transfer);
	transfer->busy = false;
	if (has_strip(paid, transfer))
		sending->state = PAID_STRIP_DUE;
	if (!transfer->is_strip)
		transfer_failed(paid, transfer, SOUK_LOCAL_STOPPED);
}

static void cancel_transfers(struct paid *paid, uint32_t provider)
{
	for (size_t i = 0; i < PAID_TRANSFERS; i++) {
		struct paid_transfer *transfer = &paid->transfers[i];
		if (transfer->busy && transfer->provider == provider)
			cancel(paid, transfer);
	}
	if (!paid->download.providers[provider].busy_opening)
		paid_strip_drop(&paid->providers[provider]);
}

/* The transfer into SLOT, which is not needed any more. */
static void cancel_transfer(struct paid *paid, uint32_t slot)
{
	for (size_t i = 0; i < PAID_TRANSFERS; i++) {
		struct paid_transfer *transfer = &paid->transfers[i];
		if (transfer->busy && !transfer->is_keys && !transfer->is_strip &&
			transfer->slot == slot)
			cancel(paid, transfer);
	}
}

/* ------------------------------------------------------------------ checks */

/* On a worker: decrypt, compare with the row, give to the user. Nothing unverified leaves. */
static void run_check(void *ctx)
{
	struct paid_check *check = ctx;
	struct paid *paid = check->paid;
	const struct fetch *fetch = paid->fetch;
	uint8_t *data = slot_memory(paid, check->slot);
	struct souk_bytes bytes = souk_bytes_of(data, check->length);
	souk_unit_cipher_xor(&check->cipher, data, data, check->length);
	check->status = souk_content_verify_chunk(
		&fetch->content, check->chunk, &fetch->row[check->chunk], bytes);
	if (check->status == SOUK_OK && !check->is_spare) {
		check->status =
			fetch->engine_events.chunk(fetch->engine_events.ctx, check->chunk, bytes);
		check->is_refused = check->status != SOUK_OK;
	}
	paid_suspect_settle(paid, check->suspect, check->status, &check->cipher, data);
}

static void start_check(struct paid *paid, const struct souk_download_effect *effect)
{
	struct paid_check *check = &paid->checks[effect->slot];
	*check = (struct paid_check){
		.paid = paid,
		.slot = effect->slot,
		.chunk = effect->chunk,
		.length = effect->length,
		.cipher = effect->cipher,
		.is_spare = effect->spare,
		.suspect = paid_suspect_new(paid, effect->provider, effect->slot, effect->length),
	};
	souk_status status = souk_worker_submit(paid->checkers, run_check, check);
	if (status != SOUK_OK)
		paid_suspect_settle(paid, check->suspect, status, NULL, NULL);
	if (status != SOUK_OK)
		souk_download_checked(&paid->download, effect->slot, status, paid_now());
}

/* ------------------------------------------------------------------ effects */

/* What needs no answer of a provider is done in less time than it takes to wake an opener. */
static void start_open(struct paid *paid, const struct souk_download_effect *effect)
{
	struct paid_provider *provider = &paid->providers[effect->provider];
	provider->units = effect->units;
	if (paid->open_here == NULL && paid_has_grant(provider)) {
		paid->open_here = provider;
		return;
	}
	souk_status status = souk_worker_submit(paid->openers, paid_open_job, provider);
	if (status != SOUK_OK)
		souk_download_open_failed(&paid->download, effect->provider, status, paid_now());
}

static void note_drop(struct paid *paid, const struct souk_download_effect *effect)
{
	struct paid_provider *provider = &paid->providers[effect->provider];
	char who[FETCH_ADDRESS_SIZE];
	provider->dropped = effect->status;
	paid_note_withheld(provider);
	fetch_address_text(who, &provider->entry.address);
	fetch_note(paid->fetch, "dropped %s: %s%s%s", who, souk_status_text(effect->status),
		provider->open_detail[0] != '\0' ? ": " : "", provider->open_detail);
	cancel_transfers(paid, effect->provider);
	paid_replace(paid);
}

static void buy(struct paid *paid, const struct souk_download_effect *effect)
{
	souk_status status = see_to_money(paid);
	if (status == SOUK_OK) {
		paid_hub_buy(paid, effect);
		return;
	}
	souk_download_stop(&paid->download, status);
	souk_download_buy_failed(&paid->download, effect->provider, SOUK_LOCAL_STOPPED, paid_now());
}

static void do_effect(struct paid *paid, const struct souk_download_effect *effect)
{
	switch (effect->kind) {
	case SOUK_DOWNLOAD_OPEN: start_open(paid, effect); break;
	case SOUK_DOWNLOAD_FETCH:
	case SOUK_DOWNLOAD_KEYS: start_transfer(paid, effect); break;
	case SOUK_DOWNLOAD_VERIFY: start_check(paid, effect); break;
	case SOUK_DOWNLOAD_BUY: buy(paid, effect); break;
	case SOUK_DOWNLOAD_DROP: note_drop(paid, effect); break;
	case SOUK_DOWNLOAD_CANCEL: cancel_transfer(paid, effect->slot); break;
	case SOUK_DOWNLOAD_COMPLETE:
	case SOUK_DOWNLOAD_GIVE_UP:
		paid->result = effect->kind == SOUK_DOWNLOAD_COMPLETE ? SOUK_OK : effect->status;
		for (uint32_t i = 0; i < paid->provider_count; i++)
			cancel_transfers(paid, i);
		break;
	}
}

/* Who sends slowly is not silent. */
static void tell_progress(struct paid *paid)
{
	for (size_t i = 0; i < PAID_TRANSFERS; i++) {
		struct paid_transfer *transfer = &paid->transfers[i];
		if (!transfer->busy || transfer->bytes == transfer->bytes_told)
			continue;
		transfer->bytes_told = transfer->bytes;
		souk_download_progress(&paid->download, transfer->provider, paid_now());
	}
}

static bool take_open(struct paid *paid, struct paid_provider *provider)
{
	pthread_mutex_lock(&paid->lock);
	bool taken = provider->open_done;
	provider->open_done = false;
	pthread_mutex_unlock(&paid->lock);
	return taken;
}

static void take_opens(struct paid *paid)
{
	void *over;
	while (souk_worker_next_done(paid->openers, &over))
		;
	for (size_t i = 0; i < paid->provider_count; i++) {
		struct paid_provider *provider = &paid->providers[i];
		if (!take_open(paid, provider))
			continue;
		if (provider->open_status == SOUK_OK)
			souk_download_opened(&paid->download, provider->number, paid_now());
		else
			souk_download_open_failed(&paid->download, provider->number,
				provider->open_status, paid_now());
	}
}

static void take_results(struct paid *paid)
{
	struct souk_http_fetched fetched;
	void *checked;
	while (souk_http_fetcher_next(paid->fetcher, &fetched)) {
		if (!paid_take_parts(paid, &fetched))
			end_transfer(paid, &fetched);
	}
	while (souk_worker_next_done(paid->checkers, &checked)) {
		struct paid_check *check = checked;
		if (check->is_refused)
			souk_download_stop(&paid->download, check->status);
		souk_download_checked(&paid->download, check->slot,
			check->is_refused ? SOUK_LOCAL_STOPPED : check->status, paid_now());
	}
	take_opens(paid);
	if (paid->hub != NULL)
		paid_hub_take(paid);
}

/* What other threads said since the last time. */
static void take_orders(struct paid *paid)
{
	struct fetch_range wants[FETCH_WANTS_MAX];
	pthread_mutex_lock(&paid->lock);
	bool is_stopped = paid->is_stopped;
	size_t want_count = paid->want_count;
	memcpy(wants, paid->wants, sizeof wants);
	paid->want_count = 0;
	pthread_mutex_unlock(&paid->lock);
	for (size_t i = 0; i < want_count; i++)
		souk_download_want(&paid->download, wants[i].first, wants[i].count);
	if (is_stopped)
		souk_download_stop(&paid->download, SOUK_LOCAL_STOPPED);
}

/* ------------------------------------------------------------------ figures */

static uint32_t count_sources(const struct paid *paid)
{
	uint32_t count = 0;
	for (size_t i = 0; i < paid->provider_count; i++)
		count += paid->download.providers[i].state == SOUK_DOWNLOAD_OPENED;
	return count;
}

static void tell_figures(struct paid *paid, bool is_last)
{
	const struct fetch_events *events = &paid->fetch->engine_events;
	uint64_t now = souk_clock_steady_ns();
	if (!is_last && now - paid->shown_ns < PROGRESS_NS)
		return;
	paid->shown_ns = now;
	struct fetch_figures figures = {
		.bytes_done = paid->download.bytes_done,
		.bytes = paid->fetch->content.size,
		.chunks_done = paid->download.done.set,
		.spent = souk_download_spent_all(&paid->download),
		.fee = paid_hub_fee(paid),
		.sources = count_sources(paid),
		.hedges = paid->download.hedges,
		.hedges_won = paid->download.hedges_won,
	};
	pthread_mutex_lock(&paid->lock);
	paid->figures = figures;
	pthread_mutex_unlock(&paid->lock);
	if (events->progress != NULL)
		events->progress(events->ctx, &figures);
}

/* ------------------------------------------------------------------ the loop */

static unsigned wait_ms(struct paid *paid)
{
	uint64_t left = souk_time_since_ms(paid_now(), souk_download_deadline(&paid->download));
	bool is_idle = souk_http_fetcher_count(paid->fetcher) == 0 &&
		       paid->fetch->engine_events.progress == NULL;
	unsigned most = is_idle ? IDLE_MAX_MS : POLL_MAX_MS;
	return left < most ? (unsigned)left : most;
}

static bool is_over(const struct paid *paid)
{
	return paid->download.state != SOUK_DOWNLOAD_RUNNING && !paid->download.end_due &&
	       souk_download_is_quiet(&paid->download);
}

void paid_wake(struct paid *paid)
{
	souk_http_fetcher_wake(paid->fetcher);
}

/* Others are opened meanwhile. */
static void open_here(struct paid *paid)
{
	struct paid_provider *provider = paid->open_here;
	paid->open_here = NULL;
	paid_open_job(provider);
	take_opens(paid);
}

static void do_effects(struct paid *paid)
{
	struct souk_download_effect effect;
	do {
		if (paid->open_here != NULL)
			open_here(paid);
		while (souk_download_next_effect(&paid->download, &effect, paid_now()))
			do_effect(paid, &effect);
	} while (paid->open_here != NULL);
}

/* Somebody waits for the first unit. Its request leaves now; until the answer is here there is time
 * for the kernel to find the pages that it goes to. Where it cannot, it finds them later. */
static souk_status warm(struct paid *paid)
{
	uint8_t *memory = paid->cold;
	paid->cold = NULL;
	SOUK_TRY(souk_http_fetcher_poll(paid->fetcher, 0, -1));
	(void)madvise(memory, paid->fetch->content.chunk_size, MADV_POPULATE_WRITE);
	return SOUK_OK;
}

void paid_loop(struct paid *paid)
{
	int fd = souk_worker_fd(paid->checkers);
	for (;;) {
		take_orders(paid);
		souk_download_tick(&paid->download, paid_now());
		do_effects(paid);
		send_strips(paid);
		paid_ask_parts(paid);
		tell_figures(paid, false);
		if (is_over(paid))
			break;
		souk_status status = paid->cold != NULL ? warm(paid) : SOUK_OK;
		if (status == SOUK_OK)
			status = souk_http_fetcher_poll(paid->fetcher, wait_ms(paid), fd);
		if (status != SOUK_OK)
			souk_download_stop(&paid->download, status);
		tell_progress(paid);
		take_results(paid);
	}
	tell_figures(paid, true);
}
