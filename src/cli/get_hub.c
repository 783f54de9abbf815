/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a hub pays for. */
#include "get_hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/hub_client.h"
#include "souk/base/check.h"
#include "souk/io/entropy_real.h"

/* A session holds credit for all its units, and what it leaves of the hub's line is lost to the
 * others for the epoch: so sessions are short. */
#define SESSION_UNITS_MAX 512u

/* What belongs to one provider. Its OPEN and its BUY may be under way at once. */
struct hub_seat {
	struct get_provider *provider;
	struct hub_client opener, buyer;
	bool is_open; /* a session at the hub is not closed yet */
	struct souk_signed_hub_close close;
	/* The running BUY. */
	struct souk_hub_ticket ticket;
	struct souk_ticket sold;
	souk_status status;
};

struct get_hub {
	struct hub_client client;
	struct souk_hub_terms terms;
	struct souk_signed_hub_statement statement;
	struct hub_seat seats[SOUK_DOWNLOAD_PROVIDERS_MAX];
	size_t seat_count;
	struct souk_worker *buyers;
};

static souk_status meet(struct get *get)
{
	struct get_hub *hub = get->hub;
	struct souk_hub_status status;
	SOUK_TRY(hub_client_status(&hub->client, &status));
	hub->terms = (struct souk_hub_terms){
		.hub = status.hub,
		.escrow = status.escrow,
		.fee_permille = status.fee_permille,
		.step = status.step,
		.account = &get->identity,
	};
	return hub_client_statement(
		&hub->client, &status.hub, &get->identity, cli_now(), &hub->statement);
}

bool get_hub_begin(struct get *get, const char *name)
{
	get->hub = calloc(1, sizeof *get->hub);
	souk_status status = get->hub == NULL
				     ? SOUK_IO_MEMORY
				     : hub_client_init(&get->hub->client, name, get->timeout_ms);
	if (status == SOUK_LOCAL_USAGE) {
		cli_fail("get", name, status, "a hub's name is https://HOST:PORT#PIN");
		return false;
	}
	if (status == SOUK_OK)
		status = meet(get);
	if (status == SOUK_OK && hub_statement_left(&get->hub->statement.statement).ncoin == 0)
		status = SOUK_PEER_HUB_CREDIT;
	if (status == SOUK_OK)
		return true;
	cli_fail("get", "the hub cannot pay for you", status,
		get->hub != NULL ? get->hub->client.detail : NULL);
	if (status == SOUK_PEER_NO_ACCOUNT || status == SOUK_PEER_HUB_CREDIT)
		fprintf(stderr, "Get credit there with: souk hub redeem CODE --hub NAME\n");
	return false;
}

void get_hub_plan(struct get *get, struct souk_download_config *config)
{
	uint64_t left = hub_statement_left(&get->hub->statement.statement).ncoin;
	uint64_t units = SESSION_UNITS_MAX;
	config->fee_permille = get->hub->terms.fee_permille;
	/* All of them can hold a session at once. */
	for (size_t i = 0; i < get->entry_count; i++) {
		struct souk_amount cost, price = get->entries[i].offer.offer.price;
		if (souk_hub_price(&cost, price, config->fee_permille) != SOUK_OK)
			continue;
		uint64_t share = left / cost.ncoin / get->entry_count;
		units = share < units ? share : units;
	}
	config->session_units_max = units > 0 ? (uint32_t)units : 1;
}

souk_status get_hub_start(struct get *get)
{
	struct get_hub *hub = get->hub;
	for (; hub->seat_count < get->provider_count; hub->seat_count++) {
		struct hub_seat *seat = &hub->seats[hub->seat_count];
		seat->provider = &get->providers[hub->seat_count];
		SOUK_TRY(hub_client_copy(&seat->opener, &hub->client));
		SOUK_TRY(hub_client_copy(&seat->buyer, &hub->client));
	}
	return souk_worker_start(
		&hub->buyers, (unsigned)hub->seat_count, SOUK_DOWNLOAD_PROVIDERS_MAX);
}

/* ------------------------------------------------------------------ sessions */

static struct hub_seat *seat_of(const struct get_provider *provider)
{
	return &provider->get->hub->seats[provider->number];
}

/* Tell the hub that a session is over, so that its credit is free. It ends by itself in time. */
static void close_seat(struct get *get, struct hub_seat *seat)
{
	struct souk_signed_hub_statement statement;
	if (!seat->is_open)
		return;
	seat->is_open = false;
	if (hub_client_close(&seat->opener, &seat->close, &get->identity.address, &statement) ==
		SOUK_OK)
		souk_bytes_wipe(&seat->close, sizeof seat->close);
}

/* How many units the credit covers now; the hub's epoch. */
static souk_status find_credit(struct get *get, struct hub_seat *seat, struct souk_amount price,
	uint32_t *ret_units, uint64_t *ret_epoch)
{
	struct souk_signed_hub_statement statement;
	struct souk_hub_status status;
	struct souk_amount cost;
	const struct souk_hub_terms *terms = &get->hub->terms;
	SOUK_TRY(souk_hub_price(&cost, price, terms->fee_permille));
	SOUK_TRY(hub_client_status(&seat->opener, &status));
	/* Another fee or escrow than the plan was made with: not in the middle of it. */
	if (!souk_address_equal(&status.hub, &terms->hub) ||
		!souk_hash_equal(&status.escrow, &terms->escrow) ||
		status.fee_permille != terms->fee_permille)
		return SOUK_PEER_HUB_PRICE;
	SOUK_TRY(hub_client_statement(
		&seat->opener, &terms->hub, &get->identity, cli_now(), &statement));
	uint64_t units = hub_statement_left(&statement.statement).ncoin / cost.ncoin;
	if (units == 0)
		return SOUK_PEER_HUB_CREDIT;
	*ret_units = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
	*ret_epoch = status.epoch;
	return SOUK_OK;
}

static souk_status have_strip(struct get_provider *provider, struct hub_seat *seat,
	const struct souk_hub_open *hub_open, struct souk_strip_open *open)
{
	struct get *get = provider->get;
	/* From here on the hub may hold credit for it. */
	seat->is_open = souk_customer_hub_close(provider->customer, &get->identity, &seat->close);
	souk_status status = hub_client_open(&seat->opener, hub_open, open);
	/* A lost answer is given again. */
	if (souk_status_class(status) == SOUK_CLASS_IO)
		status = hub_client_open(&seat->opener, hub_open, open);
	if (status != SOUK_OK)
		snprintf(provider->client.detail, sizeof provider->client.detail, "the hub: %.200s",
			seat->opener.detail);
	if (status == SOUK_OK)
		status = souk_customer_hub_strip(provider->customer, open);
	return status;
}

static souk_status open_session(
	struct get_provider *provider, struct hub_seat *seat, struct souk_strip_open *open)
{
	struct get *get = provider->get;
	struct souk_grant_open grant;
	struct souk_hub_open hub_open;
	uint32_t units;
	const struct souk_offer *offer = &provider->entry.offer.offer;
	struct souk_customer_config config = {.offer = offer,
		.escrow = get->hub->terms.escrow,
		.window_max = (uint16_t)get->window_max};
	close_seat(get, seat);
	SOUK_TRY(find_credit(get, seat, offer->price, &units, &config.epoch));
	config.units = provider->units < units ? provider->units : units;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	souk_status status = souk_customer_init(provider->customer, &config);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	SOUK_TRY(status);
	SOUK_TRY(provider_client_ask(
		&provider->client, souk_customer_ask(provider->customer), &grant));
	SOUK_TRY(souk_customer_grant(provider->customer, &grant, cli_now()));
	SOUK_TRY(souk_customer_hub_open(provider->customer, &get->hub->terms, &hub_open));
	SOUK_TRY(have_strip(provider, seat, &hub_open, open));
	SOUK_TRY(provider_client_strip(&provider->client, &grant.grant.grant.session, open));
	return souk_customer_opened(provider->customer);
}

souk_status get_hub_open(struct get_provider *provider, struct souk_strip_open *open)
{
	souk_status status = open_session(provider, seat_of(provider), open);
	/* The hub has just been started, and asks its ledger for the epoch. */
	return status == SOUK_LOCAL_STATE ? SOUK_IO_TIMEOUT : status;
}

/* ------------------------------------------------------------------ tickets */

static void run_buy(void *ctx)
{
	struct hub_seat *seat = ctx;
	seat->status = hub_client_ticket(&seat->buyer, &seat->ticket, &seat->sold);
	souk_http_fetcher_wake(seat->provider->get->fetcher);
}

void get_hub_buy(struct get *get, const struct souk_download_effect *effect)
{
	struct hub_seat *seat = &get->hub->seats[effect->provider];
	seat->ticket = effect->hub_ticket;
	souk_status status = souk_worker_submit(get->hub->buyers, run_buy, seat);
	if (status != SOUK_OK)
		souk_download_buy_failed(&get->download, effect->provider, status, cli_now());
}

void get_hub_take(struct get *get)
{
	void *done;
	while (souk_worker_next_done(get->hub->buyers, &done)) {
		struct hub_seat *seat = done;
		uint32_t number = seat->provider->number;
		if (seat->status == SOUK_OK)
			souk_download_bought(&get->download, number, &seat->sold, cli_now());
		else
			souk_download_buy_failed(&get->download, number, seat->status, cli_now());
	}
}

struct souk_amount get_hub_fee(const struct get *get)
{
	uint64_t fee = 0;
	for (size_t i = 0; i < get->provider_count; i++) {
		const struct get_provider *provider = &get->providers[i];
		uint64_t paid = souk_download_paid(&get->download, provider->number);
		fee += paid * (get->download.providers[provider->number].price.ncoin -
				      provider->entry.offer.offer.price.ncoin);
	}
	return souk_amount_of_ncoin(fee);
}

void get_hub_end(struct get *get)
{
	struct get_hub *hub = get->hub;
	if (hub == NULL)
		return;
	souk_worker_stop(hub->buyers);
	for (size_t i = 0; i < SOUK_DOWNLOAD_PROVIDERS_MAX; i++) {
		if (i < hub->seat_count)
			close_seat(get, &hub->seats[i]);
		hub_client_done(&hub->seats[i].opener);
		hub_client_done(&hub->seats[i].buyer);
	}
	/* The newest word on what is left, for the next time and as evidence. */
	if (hub->seat_count > 0 &&
		hub_client_statement(&hub->client, &hub->terms.hub, &get->identity, cli_now(),
			&hub->statement) == SOUK_OK &&
		hub_statement_keep(cli_home_path(), &hub->statement) != SOUK_OK)
		fprintf(stderr, "souk get: the hub's statement cannot be kept\n");
	hub_client_done(&hub->client);
	free(hub);
	get->hub = NULL;
}
