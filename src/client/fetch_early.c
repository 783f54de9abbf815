/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch_early.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"

/* A provider may forget it after two seconds. */
#define FRESH_NS    1000000000ull
#define ANSWER_SIZE (SOUK_GRANT_OPEN_SIZE_MAX + 1024u)

struct fetch_early {
	enum { EARLY_WAITED, EARLY_GRANTED, EARLY_REFUSED } state;
	struct souk_customer customer; /* its ask says of whom, and for what */
	uint16_t window_max;
	uint64_t granted_ns;
	struct souk_grant_open grant;
	uint8_t answer[ANSWER_SIZE];
};

static bool may_ask(const struct fetch *fetch)
{
	const struct fetch_config *config = &fetch->config;
	return fetch->early == NULL && config->is_streaming && config->payer == FETCH_OWN &&
	       config->identity != NULL && config->hub_name == NULL &&
	       config->issuer_name == NULL && config->memory != NULL;
}

static const struct market_entry *find_entry(
	const struct fetch *fetch, const struct souk_address *address)
{
	for (size_t i = 0; i < fetch->entry_count; i++) {
		if (souk_address_equal(&fetch->entries[i].address, address))
			return &fetch->entries[i];
	}
	return NULL;
}

/* The customer's side of a session with SELLER, as far as its offer can be guessed. */
static souk_status make_customer(
	struct fetch *fetch, struct fetch_early *early, const struct memory_seller *seller)
{
	const struct fetch_config *config = &fetch->config;
	struct souk_ledger_status ledger;
	SOUK_TRY(memory_status(config->memory, fetch->chain, &ledger));
	const struct souk_offer offer = {.provider = seller->address,
		.content = config->name.id,
		.price = seller->price,
		.units_max = FETCH_STREAM_UNITS};
	struct souk_customer_config customer = {
		.offer = &offer,
		.escrow = escrow_number_id(
			&ledger.record.ledger, &config->identity->address, config->escrow_number),
		.epoch = ledger.record.epoch,
		.units = FETCH_STREAM_UNITS,
		.window_max = (uint16_t)config->window_max,
	};
	early->window_max = customer.window_max;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), customer.seed, sizeof customer.seed));
	souk_status status = souk_customer_init(&early->customer, &customer);
	souk_bytes_wipe(customer.seed, sizeof customer.seed);
	return status;
}

/* Without TLS the pin would mean nothing. */
static souk_status send_ask(struct fetch *fetch, struct fetch_early *early,
	const struct market_entry *entry, struct souk_http_fetcher *engine)
{
	uint8_t bytes[SOUK_ASK_SIZE_MAX];
	char url[200];
	struct souk_writer writer;
	struct souk_http_fetch call = {.url = url,
		.destination = early->answer,
		.size_max = sizeof early->answer,
		.timeout_ms = fetch->config.timeout_ms,
		.pin = &entry->record.tls_pin,
		.user = early};
	snprintf(url, sizeof url, "%.128s/v1/sessions", entry->record.control_url.text);
	if (strncmp(url, "https://", 8) != 0)
		return SOUK_PEER_BAD_OFFER;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ask_encode(&writer, souk_customer_ask(&early->customer));
	SOUK_TRY(souk_writer_finish(&writer, &call.body));
	return souk_http_fetcher_start(engine, &call);
}

static void wipe(struct fetch_early *early)
{
	souk_customer_wipe(&early->customer);
	free(early);
}

void fetch_early_ask(struct fetch *fetch, struct souk_http_fetcher *engine)
{
	struct memory_seller seller;
	if (!may_ask(fetch) || !memory_last_paid(fetch->config.memory, &seller) ||
		memory_is_silent(fetch->config.memory, &seller.address))
		return;
	const struct market_entry *entry = find_entry(fetch, &seller.address);
	struct fetch_early *early = entry == NULL ? NULL : calloc(1, sizeof *early);
	if (early == NULL)
		return;
	if (make_customer(fetch, early, &seller) == SOUK_OK &&
		send_ask(fetch, early, entry, engine) == SOUK_OK)
		fetch->early = early;
	else
		wipe(early);
}

static bool is_under_way(const struct fetch *fetch)
{
	return fetch->early != NULL && fetch->early->state == EARLY_WAITED;
}

bool fetch_early_is_waited(const struct fetch *fetch)
{
	const struct market_entry *entry =
		is_under_way(fetch) ? find_entry(fetch, &fetch->early->customer.ask.provider)
				    : NULL;
	return entry != NULL && entry->status == SOUK_OK;
}

bool fetch_early_take(struct fetch *fetch, const struct souk_http_fetched *fetched)
{
	struct fetch_early *early = fetch->early;
	if (early == NULL || fetched->user != early)
		return false;
	/* Whatever it was refused for, the offer says, or who asks again is told. */
	bool is_granted = fetched->status == SOUK_OK && fetched->http_status == 200 &&
			  souk_grant_open_decode(&early->grant,
				  souk_bytes_of(early->answer, fetched->size), NULL) == SOUK_OK;
	early->granted_ns = souk_clock_steady_ns();
	early->state = is_granted ? EARLY_GRANTED : EARLY_REFUSED;
	return true;
}

void fetch_early_end(struct fetch *fetch, struct souk_http_fetcher *engine)
{
	if (!is_under_way(fetch))
		return;
	souk_http_fetcher_cancel(engine, fetch->early);
	fetch->early->state = EARLY_REFUSED;
}

/* Whether what was asked is what would be asked now, and no more was granted than that. */
static bool suits(const struct fetch_early *early, const struct souk_customer_config *config)
{
	const struct souk_ask *ask = early != NULL ? &early->customer.ask : NULL;
	return early != NULL && early->state == EARLY_GRANTED &&
	       souk_clock_steady_ns() - early->granted_ns < FRESH_NS &&
	       souk_address_equal(&ask->provider, &config->offer->provider) &&
	       souk_hash_equal(&ask->content, &config->offer->content) &&
	       ask->price.ncoin == config->offer->price.ncoin &&
	       souk_hash_equal(&ask->escrow, &config->escrow) && ask->epoch == config->epoch &&
	       early->window_max == config->window_max &&
	       early->grant.grant.grant.units <= config->units;
}

bool fetch_early_suits(struct fetch *fetch, const struct souk_customer_config *config)
{
	pthread_mutex_lock(&fetch->lock);
	bool suited = suits(fetch->early, config);
	pthread_mutex_unlock(&fetch->lock);
	return suited;
}

static struct fetch_early *take_out(struct fetch *fetch, const struct souk_customer_config *config)
{
	struct fetch_early *early = NULL;
	pthread_mutex_lock(&fetch->lock);
	if (suits(fetch->early, config)) {
		early = fetch->early;
		fetch->early = NULL;
	}
	pthread_mutex_unlock(&fetch->lock);
	return early;
}

souk_status fetch_early_use(struct fetch *fetch, struct souk_customer *customer,
	const struct souk_customer_config *config)
{
	struct fetch_early *early = take_out(fetch, config);
	if (early == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	souk_status status = souk_customer_grant(
		&early->customer, &early->grant, souk_clock_now(souk_clock_real()));
	if (status == SOUK_OK)
		*customer = early->customer;
	wipe(early);
	return status == SOUK_OK ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}

void fetch_early_free(struct fetch *fetch)
{
	if (fetch->early != NULL)
		wipe(fetch->early);
	fetch->early = NULL;
}
