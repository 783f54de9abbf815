/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "http_keep.h"
#include "key_internal.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"

/* The last block is asked for again after it; what runs, too. */
#define STATUS_FRESH_NS (5ull * 1000 * 1000 * 1000)
#define RECORD_SIZE	(SOUK_AGREEMENT_RECORD_SIZE_MAX + KEY_REFUSAL_SIZE)
#define POLL_MS		100u

uint64_t key_now_ns(void)
{
	return souk_clock_steady_ns();
}

struct souk_time key_now(void)
{
	return souk_clock_now(souk_clock_real());
}

void key_note(const struct key_client *client, const char *format, ...)
{
	char line[400];
	va_list arguments;
	if (client->config.note == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	client->config.note(client->config.note_ctx, line);
}

static void set_defaults(struct key_client_config *config)
{
	if (config->ledger_url == NULL)
		config->ledger_url = SOUK_CHAIN_URL_DEFAULT;
	if (config->units == 0)
		config->units = 64;
	if (config->window == 0)
		config->window = 4;
	if (config->window > KEY_WAVE_MAX)
		config->window = KEY_WAVE_MAX;
	if (config->timeout_ms == 0)
		config->timeout_ms = 10000;
	if (config->hedge_ms == 0)
		config->hedge_ms = 400;
}

static souk_status open_parts(struct key_client *client)
{
	char path[512];
	uint8_t seed[32];
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed));
	souk_secret_rng_init(&client->rng, seed);
	souk_bytes_wipe(seed, sizeof seed);
	client->chain = souk_chain_client_new(client->ledger_url);
	if (client->chain == NULL)
		return SOUK_IO_MEMORY;
	snprintf(path, sizeof path, "%.480s/identity.key", client->config.home);
	souk_chain_set_lock(client->chain, path);
	SOUK_TRY(http_keep_take_engine(&client->engine));
	SOUK_TRY(wallet_open(&client->wallet, client->config.home));
	SOUK_TRY(wallet_enter(client->wallet));
	return key_purse_load(client);
}

souk_status key_client_new(struct key_client **ret, const struct key_client_config *config)
{
	struct key_client *client = calloc(1, sizeof *client);
	if (client == NULL)
		return SOUK_IO_MEMORY;
	client->config = *config;
	set_defaults(&client->config);
	client->ledger_url = strdup(client->config.ledger_url);
	souk_status status = client->ledger_url == NULL ? SOUK_IO_MEMORY : open_parts(client);
	if (status != SOUK_OK) {
		key_client_free(client);
		return status;
	}
	*ret = client;
	return SOUK_OK;
}

static void free_proxy(struct key_proxy *proxy)
{
	if (proxy->customer != NULL)
		souk_customer_wipe(proxy->customer);
	free(proxy->customer);
	free(proxy->parts);
	free(proxy);
}

void key_client_free(struct key_client *client)
{
	if (client == NULL)
		return;
	for (struct key_proxy *proxy = client->proxies; proxy != NULL; proxy = proxy->next) {
		key_session_end(proxy, SOUK_LOCAL_STATE);
		key_session_settle(client, &proxy, 1);
	}
	while (client->proxies != NULL) {
		struct key_proxy *proxy = client->proxies;
		client->proxies = proxy->next;
		free_proxy(proxy);
	}
	while (client->segments != NULL) {
		struct key_segment *segment = client->segments;
		client->segments = segment->next;
		free(segment);
	}
	http_keep_give_engine(client->engine);
	wallet_close(client->wallet);
	souk_chain_client_free(client->chain);
	free(client->ledger_url);
	souk_bytes_wipe(client, sizeof *client);
	free(client);
}

souk_status key_status(struct key_client *client)
{
	uint64_t now = key_now_ns();
	if (client->status_ns != 0 && now - client->status_ns < STATUS_FRESH_NS)
		return SOUK_OK;
	struct souk_ledger_status *ledger = malloc(sizeof *ledger);
	if (ledger == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = souk_chain_status(client->chain, ledger);
	if (status == SOUK_OK) {
		client->ledger = ledger->record.ledger;
		client->epoch = ledger->record.epoch;
		client->after = ledger->record.last;
		client->after_height = ledger->record.height;
		client->escrow = escrow_number_id(
			&client->ledger, &client->config.identity->address, client->config.escrow);
		client->status_ns = now;
	} else {
		snprintf(client->detail, sizeof client->detail, "%s",
			souk_chain_detail(client->chain));
	}
	free(ledger);
	return status;
}

/* ------------------------------------------------------------------ proxies */

struct key_proxy *key_proxy_of(struct key_client *client, const struct souk_key_share *share)
{
	struct key_proxy *proxy = client->proxies;
	while (proxy != NULL && !souk_hash_equal(&proxy->agreement_id, &share->agreement))
		proxy = proxy->next;
	if (proxy != NULL)
		return proxy;
	proxy = calloc(1, sizeof *proxy);
	if (proxy == NULL)
		return NULL;
	proxy->customer = calloc(1, sizeof *proxy->customer);
	if (proxy->customer == NULL) {
		free(proxy);
		return NULL;
	}
	proxy->client = client;
	proxy->agreement_id = share->agreement;
	proxy->address = share->provider;
	proxy->next = client->proxies;
	client->proxies = proxy;
	return proxy;
}

void key_forget(struct key_proxy *proxy)
{
	proxy->has_agreement = proxy->has_provider = false;
	proxy->offer.expires.ms = 0;
}

/* ------------------------------------------------------------------ the ledger, of many at once */

struct question {
	struct key_proxy *proxy;
	bool is_provider;
	uint8_t body[RECORD_SIZE];
};

static souk_status ask(struct key_client *client, struct question *question)
{
	static const char *const headers[] = {"Accept: application/souk"};
	char url[KEY_URL_SIZE], hex[2 * SOUK_HASH_SIZE + 1];
	const struct key_proxy *proxy = question->proxy;
	if (question->is_provider)
		souk_hex_encode(hex, proxy->address.bytes, SOUK_ADDRESS_SIZE);
	else
		souk_hex_encode(hex, proxy->agreement_id.bytes, SOUK_HASH_SIZE);
	snprintf(url, sizeof url, "%.200s/v1/%s/%s", client->ledger_url,
		question->is_provider ? "providers" : "agreements", hex);
	struct souk_http_fetch call = {.url = url,
		.headers = headers,
		.header_count = 1,
		.destination = question->body,
		.size_max = sizeof question->body,
		.timeout_ms = client->config.timeout_ms,
		.user = question};
	return souk_http_fetcher_start(client->engine, &call);
}

static souk_status take_agreement(struct key_proxy *proxy, struct souk_bytes body)
{
	struct souk_agreement_record record;
	SOUK_TRY(souk_agreement_record_decode(&record, body, NULL));
	struct souk_hash id = souk_agreement_digest(&record.agreement);
	if (!souk_hash_equal(&id, &proxy->agreement_id) ||
		!souk_address_equal(&record.agreement.provider, &proxy->address))
		return SOUK_PEER_BAD_SHARE;
	if (record.revoked.ms != 0 && !proxy->client->asks_revoked)
		return SOUK_PEER_AGREEMENT_REVOKED;
	if (record.convicted || !souk_time_is_before(key_now(), record.agreement.ends))
		return SOUK_PEER_AGREEMENT_OVER;
	SOUK_TRY(souk_keys_policy_parse(&proxy->terms, &record.agreement));
	proxy->agreement = record.agreement;
	proxy->has_agreement = true;
	return SOUK_OK;
}

static souk_status take_provider(struct key_proxy *proxy, struct souk_bytes body)
{
	struct souk_provider_record record;
	SOUK_TRY(souk_provider_record_decode(&record, body, NULL));
	/* Without TLS the pin would mean nothing. */
	if (strncmp(record.control_url.text, "https://", 8) != 0)
		return SOUK_PEER_BAD_OFFER;
	snprintf(proxy->control_url, sizeof proxy->control_url, "%s", record.control_url.text);
	proxy->pin = record.tls_pin;
	proxy->has_provider = true;
	return SOUK_OK;
}

static void take_answer(const struct souk_http_fetched *fetched)
{
	struct question *question = fetched->user;
	struct key_proxy *proxy = question->proxy;
	struct souk_bytes body = souk_bytes_of(question->body, fetched->size);
	souk_status status = fetched->status;
	if (status == SOUK_OK && fetched->http_status != 200)
		status = problem_parse(
			body, fetched->http_status, proxy->detail, sizeof proxy->detail);
	else if (status == SOUK_OK)
		status = question->is_provider ? take_provider(proxy, body)
					       : take_agreement(proxy, body);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = question->is_provider ? SOUK_PEER_NO_PROVIDER : SOUK_PEER_NO_AGREEMENT;
	/* The agreement's answer says more. */
	if (status != SOUK_OK && (proxy->status == SOUK_OK || !question->is_provider))
		proxy->status = status;
}

static souk_status run(struct key_client *client, struct question *questions, size_t count)
{
	struct souk_http_fetched fetched;
	souk_status status = SOUK_OK;
	size_t asked = 0, answered = 0;
	while (status == SOUK_OK && answered < count) {
		while (asked < count && status == SOUK_OK) {
			status = ask(client, &questions[asked]);
			asked += status == SOUK_OK;
		}
		if (status == SOUK_LOCAL_FULL)
			status = SOUK_OK;
		if (status == SOUK_OK)
			status = souk_http_fetcher_poll(client->engine, POLL_MS, -1);
		while (souk_http_fetcher_next(client->engine, &fetched)) {
			take_answer(&fetched);
			answered++;
		}
	}
	for (size_t i = 0; i < asked; i++)
		souk_http_fetcher_cancel(client->engine, &questions[i]);
	return status;
}

souk_status key_look_up(struct key_client *client, struct key_proxy *const *used, size_t count)
{
	size_t asked = 0;
	struct question *questions = calloc(2 * count, sizeof *questions);
	if (questions == NULL)
		return SOUK_IO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (!used[i]->has_agreement)
			questions[asked++].proxy = used[i];
		if (!used[i]->has_provider) {
			questions[asked].is_provider = true;
			questions[asked++].proxy = used[i];
		}
	}
	souk_status status = run(client, questions, asked);
	free(questions);
	return status;
}
