/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of souk get: what the planner wants is done here, and what happened is told to it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/problem.h"
#include "get_hub.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"

#define POLL_MAX_MS	     100u
#define CONNECTIONS_PER_HOST 8u
/* The planner decides who is silent; this only bounds what it forgets. */
#define TRANSFER_TIMEOUT_MS (24u * 3600 * 1000)
/* The text of a refusal; every slot has as much, since chunks are larger. */
#define REFUSAL_SIZE sizeof((struct get_transfer *)0)->keys_body

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static uint8_t *slot_memory(struct get *get, uint32_t slot)
{
	return get->slots + (size_t)slot * get->content.chunk_size;
}

/* ------------------------------------------------------------------ transfers */

static struct get_transfer *free_transfer(struct get *get)
{
	for (size_t i = 0; i < sizeof get->transfers / sizeof *get->transfers; i++) {
		if (!get->transfers[i].busy)
			return &get->transfers[i];
	}
	return NULL;
}

static void transfer_failed(
	struct get *get, const struct get_transfer *transfer, souk_status status)
{
	if (transfer->is_keys)
		souk_download_keys_failed(&get->download, transfer->provider, status, cli_now());
	else
		souk_download_fetch_failed(&get->download, transfer->slot, status, cli_now());
}

static void start_transfer(struct get *get, const struct souk_download_effect *effect)
{
	struct get_transfer *transfer = free_transfer(get);
	char url[SOUK_PATH_SIZE + 160], path[SOUK_PATH_SIZE];
	char auth[sizeof SOUK_HEADER_AUTH + 2 + SOUK_AUTH_TEXT_SIZE] = SOUK_HEADER_AUTH ": ";
	char ticket[sizeof SOUK_HEADER_TICKET + 2 + SOUK_TICKET_TEXT_SIZE] =
		SOUK_HEADER_TICKET ": ";
	char agreement[sizeof SOUK_HEADER_AGREEMENT + 2 + SOUK_AGREEMENT_TEXT_SIZE] =
		SOUK_HEADER_AGREEMENT ": ";
	const char *headers[3] = {auth};
	size_t header_count = 1;
	bool is_keys = effect->kind == SOUK_DOWNLOAD_KEYS;
	/* There is one for each slot and each provider: the planner has no more at once. */
	*transfer = (struct get_transfer){
		.get = get,
		.busy = true,
		.is_keys = is_keys,
		.provider = effect->provider,
		.slot = effect->slot,
		.unit = effect->unit,
		.chunk = effect->chunk,
		.length = is_keys ? 0 : effect->length,
		.is_accountable = !is_keys && get_is_accountable(&get->providers[effect->provider]),
	};
	souk_path_format(path, &effect->request);
	snprintf(url, sizeof url, "%s%s",
		get->providers[effect->provider].entry.offer.offer.data_url.text, path);
	souk_auth_format(auth + strlen(auth), &effect->request.auth);
	if (effect->request.has_ticket) {
		souk_ticket_format(ticket + strlen(ticket), &effect->request.ticket);
		headers[header_count++] = ticket;
	}
	if (transfer->is_accountable) {
		souk_agreement_format(agreement + strlen(agreement),
			&get->providers[effect->provider].agreement_id);
		headers[header_count++] = agreement;
	}
	struct souk_http_fetch fetch = {
		.url = url,
		.headers = headers,
		.header_count = header_count,
		.reply_header = SOUK_HEADER_KEY,
		.second_header = transfer->is_accountable ? SOUK_HEADER_STATEMENT : NULL,
		.destination = is_keys ? transfer->keys_body : slot_memory(get, effect->slot),
		/* Room for a refusal too, where the last chunk is shorter than its text. */
		.size_max =
			is_keys || effect->length < REFUSAL_SIZE ? REFUSAL_SIZE : effect->length,
		.timeout_ms = TRANSFER_TIMEOUT_MS,
		.user = transfer,
		.progress = &transfer->bytes,
	};
	if (effect->request.has_ticket)
		get_note_ticket(&get->providers[effect->provider], effect->request.ticket.unit);
	souk_status status = souk_http_fetcher_start(get->fetcher, &fetch);
	if (status != SOUK_OK) {
		transfer->busy = false;
		transfer_failed(get, transfer, status);
	}
}

/* What an answer that is no unit says. */
static souk_status refusal_of(struct get *get, const struct get_transfer *transfer,
	const struct souk_http_fetched *fetched)
{
	const uint8_t *body =
		transfer->is_keys ? transfer->keys_body : slot_memory(get, transfer->slot);
	souk_status status =
		problem_parse(souk_bytes_of(body, fetched->size), fetched->http_status, NULL, 0);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_BAD_REQUEST : status;
}

static void end_transfer(struct get *get, const struct souk_http_fetched *fetched)
{
	struct get_transfer *transfer = fetched->user;
	struct souk_unit_key key;
	bool has_key = fetched->reply_header[0] != '\0';
	souk_status status = fetched->status;
	transfer->busy = false;
	if (status == SOUK_OK && fetched->http_status != 200)
		status = refusal_of(get, transfer, fetched);
	if (status == SOUK_OK && fetched->size != transfer->length)
		status = SOUK_PEER_WRONG_LENGTH;
	if (status == SOUK_OK && has_key)
		status = souk_key_parse(&key, souk_bytes_text(fetched->reply_header));
	if (status == SOUK_OK && !transfer->is_keys)
		status = get_check_statement(
			get, transfer, fetched->second_header, slot_memory(get, transfer->slot));
	if (status != SOUK_OK)
		transfer_failed(get, transfer, status);
	else if (transfer->is_keys)
		souk_download_keys(
			&get->download, transfer->provider, has_key ? &key : NULL, cli_now());
	else
		souk_download_received(
			&get->download, transfer->slot, has_key ? &key : NULL, cli_now());
}

/* Every transfer of PROVIDER is answered now, as stopped. */
static void cancel_transfers(struct get *get, uint32_t provider)
{
	for (size_t i = 0; i < sizeof get->transfers / sizeof *get->transfers; i++) {
		struct get_transfer *transfer = &get->transfers[i];
		if (!transfer->busy || transfer->provider != provider)
			continue;
		souk_http_fetcher_cancel(get->fetcher, transfer);
		transfer->busy = false;
		transfer_failed(get, transfer, SOUK_LOCAL_STOPPED);
	}
}

/* ------------------------------------------------------------------ checks */

/* On a worker: decrypt, compare with the row, write. Nothing unverified reaches the disk. */
static void run_check(void *ctx)
{
	struct get_check *check = ctx;
	struct get *get = check->get;
	uint8_t *data = slot_memory(get, check->slot);
	souk_unit_cipher_xor(&check->cipher, data, data, check->length);
	check->status = souk_content_verify_chunk(&get->content, check->chunk,
		&get->row[check->chunk], souk_bytes_of(data, check->length));
	if (check->status == SOUK_OK)
		check->status = souk_file_write_at(get->part_fd, data, check->length,
			souk_content_chunk_offset(&get->content, check->chunk));
	get_suspect_settle(get, check->suspect, check->status, &check->cipher, data);
}

static void start_check(struct get *get, const struct souk_download_effect *effect)
{
	struct get_check *check = &get->checks[effect->slot];
	*check = (struct get_check){
		.get = get,
		.slot = effect->slot,
		.chunk = effect->chunk,
		.length = effect->length,
		.cipher = effect->cipher,
		.suspect = get_suspect_new(get, effect->provider, effect->slot, effect->length),
	};
	souk_status status = souk_worker_submit(get->checkers, run_check, check);
	if (status != SOUK_OK)
		get_suspect_settle(get, check->suspect, status, NULL, NULL);
	if (status != SOUK_OK)
		souk_download_checked(&get->download, effect->slot, status, cli_now());
}

/* ------------------------------------------------------------------ effects */

static void start_open(struct get *get, const struct souk_download_effect *effect)
{
	struct get_provider *provider = &get->providers[effect->provider];
	provider->units = effect->units;
	souk_status status = souk_worker_submit(get->openers, get_open_job, provider);
	if (status != SOUK_OK)
		souk_download_open_failed(&get->download, effect->provider, status, cli_now());
}

static void note_drop(struct get *get, const struct souk_download_effect *effect)
{
	struct get_provider *provider = &get->providers[effect->provider];
	provider->dropped = effect->status;
	get_note_withheld(provider);
	if (!cli_json)
		fprintf(stderr, "%ssouk get: dropped %s: %s%s%s\n", get->quiet ? "" : "\r\033[K",
			cli_address_text(&provider->entry.address),
			souk_status_text(effect->status),
			provider->open_detail[0] != '\0' ? ": " : "", provider->open_detail);
	cancel_transfers(get, effect->provider);
}

static void do_effect(struct get *get, const struct souk_download_effect *effect)
{
	switch (effect->kind) {
	case SOUK_DOWNLOAD_OPEN: start_open(get, effect); break;
	case SOUK_DOWNLOAD_FETCH:
	case SOUK_DOWNLOAD_KEYS: start_transfer(get, effect); break;
	case SOUK_DOWNLOAD_VERIFY: start_check(get, effect); break;
	case SOUK_DOWNLOAD_BUY: get_hub_buy(get, effect); break;
	case SOUK_DOWNLOAD_DROP: note_drop(get, effect); break;
	case SOUK_DOWNLOAD_COMPLETE: get->result = SOUK_OK; break;
	case SOUK_DOWNLOAD_GIVE_UP:
		get->result = effect->status;
		for (uint32_t i = 0; i < get->provider_count; i++)
			cancel_transfers(get, i);
		break;
	}
}

/* Who sends slowly is not silent. */
static void tell_progress(struct get *get)
{
	for (size_t i = 0; i < sizeof get->transfers / sizeof *get->transfers; i++) {
		struct get_transfer *transfer = &get->transfers[i];
		if (!transfer->busy || transfer->bytes == transfer->bytes_told)
			continue;
		transfer->bytes_told = transfer->bytes;
		souk_download_progress(&get->download, transfer->provider, cli_now());
	}
}

static void take_results(struct get *get)
{
	struct souk_http_fetched fetched;
	void *done;
	while (souk_http_fetcher_next(get->fetcher, &fetched))
		end_transfer(get, &fetched);
	while (souk_worker_next_done(get->checkers, &done)) {
		struct get_check *check = done;
		souk_download_checked(&get->download, check->slot, check->status, cli_now());
	}
	while (souk_worker_next_done(get->openers, &done)) {
		struct get_provider *provider = done;
		if (provider->open_status == SOUK_OK)
			souk_download_opened(&get->download, provider->number, cli_now());
		else
			souk_download_open_failed(
				&get->download, provider->number, provider->open_status, cli_now());
	}
}

static void take_all(struct get *get)
{
	take_results(get);
	if (get->hub != NULL)
		get_hub_take(get);
}

static unsigned wait_ms(struct get *get)
{
	uint64_t left = souk_time_since_ms(cli_now(), souk_download_deadline(&get->download));
	return left < POLL_MAX_MS ? (unsigned)left : POLL_MAX_MS;
}

static bool is_over(const struct get *get)
{
	return get->download.state != SOUK_DOWNLOAD_RUNNING && !get->download.end_due &&
	       souk_download_is_quiet(&get->download);
}

static void loop(struct get *get)
{
	struct souk_download_effect effect;
	int fd = souk_worker_fd(get->checkers);
	for (;;) {
		if (interrupted)
			souk_download_stop(&get->download, SOUK_LOCAL_STOPPED);
		souk_download_tick(&get->download, cli_now());
		while (souk_download_next_effect(&get->download, &effect, cli_now()))
			do_effect(get, &effect);
		get_progress_show(get, false);
		if (is_over(get))
			return;
		souk_status status = souk_http_fetcher_poll(get->fetcher, wait_ms(get), fd);
		if (status != SOUK_OK)
			souk_download_stop(&get->download, status);
		tell_progress(get);
		take_all(get);
	}
}

/* ------------------------------------------------------------------ before and after */

static souk_status make_tools(struct get *get)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned checkers = processors > 2 ? (unsigned)processors / 2 : 1;
	get->slots = aligned_alloc(4096, (size_t)get->slot_count * get->content.chunk_size);
	if (get->slots == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = souk_http_fetcher_new(&get->fetcher,
		SOUK_DOWNLOAD_SLOTS_MAX + SOUK_DOWNLOAD_PROVIDERS_MAX, CONNECTIONS_PER_HOST);
	if (status == SOUK_OK)
		status = souk_worker_start(&get->checkers, checkers, SOUK_DOWNLOAD_SLOTS_MAX);
	if (status == SOUK_OK)
		status = souk_worker_start(&get->openers, 4, SOUK_DOWNLOAD_PROVIDERS_MAX);
	return status;
}

static souk_status add_providers(struct get *get)
{
	get->providers = calloc(get->entry_count, sizeof *get->providers);
	if (get->providers == NULL)
		return SOUK_IO_MEMORY;
	for (size_t i = 0; i < get->entry_count; i++) {
		struct get_provider *provider = &get->providers[get->provider_count];
		*provider = (struct get_provider){.get = get, .entry = get->entries[i]};
		provider->customer = calloc(1, sizeof *provider->customer);
		if (provider->customer == NULL)
			return SOUK_IO_MEMORY;
		souk_status status = souk_download_add(&get->download, &provider->entry.offer.offer,
			provider->customer, cli_now(), &provider->number);
		/* With the hub's fee it is dearer than --max-price. */
		if (status == SOUK_LOCAL_BUDGET) {
			free(provider->customer);
			continue;
		}
		if (status == SOUK_OK)
			status = provider_client_init(
				&provider->client, &provider->entry.record, get->timeout_ms);
		if (status != SOUK_OK) {
			free(provider->customer);
			return status;
		}
		get->provider_count++;
	}
	return get->provider_count != 0 ? SOUK_OK : SOUK_LOCAL_BUDGET;
}

void get_done(struct get *get)
{
	souk_worker_stop(get->openers);
	get_hub_end(get);
	souk_worker_stop(get->checkers);
	souk_http_fetcher_free(get->fetcher);
	for (size_t i = 0; i < get->provider_count; i++) {
		get_end_strip(&get->providers[i]);
		souk_customer_wipe(get->providers[i].customer);
		free(get->providers[i].customer);
		provider_client_done(&get->providers[i].client);
	}
	get_notes_stop(get);
	free(get->slots);
	free(get->statements);
	json_decref(get->evidence);
}

static bool work(struct get *get)
{
	const char *what = "cannot start";
	souk_status status = make_tools(get);
	if (status == SOUK_OK)
		status = add_providers(get);
	if (status == SOUK_OK)
		status = get_notes_start(get);
	if (status == SOUK_LOCAL_BUDGET)
		what = "no offer is cheap enough with the hub's fee";
	if (status == SOUK_OK) {
		what = "the agreement";
		status = get_find_agreements(get);
	}
	if (status == SOUK_OK) {
		what = "cannot allot money to the providers";
		status = get->hub != NULL ? get_hub_start(get) : get_allot_first(get);
	}
	if (status != SOUK_OK) {
		cli_fail_ledger("get", what, status, get->chain);
		if (status == SOUK_LOCAL_BUDGET && get->issuer_name != NULL)
			fprintf(stderr,
				"No leaf of this epoch names issuer %s; its owner makes "
				"them: souk escrow stand\n",
				get->issuer_name);
		if (status == SOUK_PEER_ALLOTMENT_OVER_LINE)
			fprintf(stderr, "What your escrow may spend in this epoch is allotted "
					"already. Wait for the next\n"
					"epoch (souk ledger show), or open a longer line: souk "
					"escrow open --number 1\n");
		return false;
	}
	get->started_ns = souk_clock_steady_ns();
	loop(get);
	get->ended_ns = souk_clock_steady_ns();
	get_progress_show(get, true);
	get_write_evidence(get);
	return true;
}

bool get_run(struct get *get)
{
	/* The first one ends it in order; whoever insists ends it at once. */
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	get->started_ns = get->ended_ns = souk_clock_steady_ns();
	get->result = SOUK_OK;
	get->evidence = json_array();
	if (get->resumed_count == get->chunk_count)
		return true;
	return work(get);
}
