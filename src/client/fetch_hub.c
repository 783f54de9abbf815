/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a hub pays for. */
#include "fetch_hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub_client.h"
#include "souk/base/check.h"
#include "souk/io/entropy_real.h"

/* A session holds credit for all its units, and what it leaves of the hub's line is lost to the
 * others for the epoch: so sessions are short. */
#define SESSION_UNITS_MAX 512u

/* What belongs to one provider. Its OPEN and its BUY may be under way at once. */
struct hub_seat {
	struct paid_provider *provider;
	struct hub_client opener, buyer;
	bool is_open; /* a session at the hub is not closed yet */
	struct souk_signed_hub_close close;
	/* The running BUY. */
	struct souk_hub_ticket ticket;
	struct souk_ticket sold;
	souk_status status;
	bool is_answered; /* it waits for the loop; under `lock` */
};

struct paid_hub {
	struct hub_client client;
	struct souk_hub_terms terms;
	struct souk_signed_hub_statement statement;
	struct hub_seat seats[SOUK_DOWNLOAD_PROVIDERS_MAX];
	size_t seat_count;
	struct souk_worker *buyers;
};

static souk_status meet(struct paid *paid)
{
	struct paid_hub *hub = paid->hub;
	struct souk_hub_status status;
	SOUK_TRY(hub_client_status(&hub->client, &status));
	hub->terms = (struct souk_hub_terms){
		.hub = status.hub,
		.escrow = status.escrow,
		.fee_permille = status.fee_permille,
		.step = status.step,
		.account = paid->identity,
	};
	return hub_client_statement(
		&hub->client, &status.hub, paid->identity, paid_now(), &hub->statement);
}

souk_status paid_hub_begin(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	char what[FETCH_DETAIL_SIZE];
	const char *advice = NULL;
	paid->hub = calloc(1, sizeof *paid->hub);
	if (paid->hub == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = hub_client_init(
		&paid->hub->client, paid->config->hub_name, paid->config->timeout_ms);
	if (status == SOUK_LOCAL_USAGE) {
		fetch_tell(detail, paid->config->hub_name, "A hub's name is https://HOST:PORT#PIN");
		return status;
	}
	if (status == SOUK_OK)
		status = meet(paid);
	if (status == SOUK_OK && hub_statement_left(&paid->hub->statement.statement).ncoin == 0)
		status = SOUK_PEER_HUB_CREDIT;
	if (status == SOUK_PEER_NO_ACCOUNT || status == SOUK_PEER_HUB_CREDIT)
		advice = "Get credit there with: souk hub redeem CODE --hub NAME";
	snprintf(what, sizeof what, "the hub cannot pay for you%s%s",
		paid->hub->client.control.detail[0] != '\0' ? ": " : "",
		paid->hub->client.control.detail);
	fetch_tell(detail, what, advice);
	paid->fee_permille = paid->hub->terms.fee_permille;
	return status;
}

void paid_hub_plan(struct paid *paid, struct souk_download_config *config)
{
	uint64_t left = hub_statement_left(&paid->hub->statement.statement).ncoin;
	uint64_t units = SESSION_UNITS_MAX;
	config->fee_permille = paid->hub->terms.fee_permille;
	/* All of them can hold a session at once. */
	for (size_t i = 0; i < paid->provider_count; i++) {
		struct souk_amount cost, price = paid->providers[i].entry.offer.offer.price;
		if (souk_hub_price(&cost, price, config->fee_permille) != SOUK_OK)
			continue;
		uint64_t share = left / cost.ncoin / paid->provider_count;
		units = share < units ? share : units;
	}
	config->session_units_max = units > 0 ? (uint32_t)units : 1;
}

souk_status paid_hub_start(struct paid *paid)
{
	struct paid_hub *hub = paid->hub;
	/* Also for those that come in the place of others. */
	for (; hub->seat_count < SOUK_DOWNLOAD_PROVIDERS_MAX; hub->seat_count++) {
		struct hub_seat *seat = &hub->seats[hub->seat_count];
		seat->provider = &paid->providers[hub->seat_count];
		SOUK_TRY(hub_client_copy(&seat->opener, &hub->client));
		SOUK_TRY(hub_client_copy(&seat->buyer, &hub->client));
	}
	return souk_worker_start(
		&hub->buyers, (unsigned)paid->provider_count, 2 * SOUK_DOWNLOAD_PROVIDERS_MAX);
}

/* ------------------------------------------------------------------ sessions */

static struct hub_seat *seat_of(const struct paid_provider *provider)
{
	return &provider->paid->hub->seats[provider->number];
}

/* Tell the hub that a session is over, so that its credit is free. It ends by itself in time. */
static void close_seat(struct paid *paid, struct hub_seat *seat)
{
	struct souk_signed_hub_statement statement;
	if (!seat->is_open)
		return;
	seat->is_open = false;
	if (hub_client_close(&seat->opener, &seat->close, &paid->identity->address, &statement) ==
		SOUK_OK)
		souk_bytes_wipe(&seat->close, sizeof seat->close);
}

/* How many units the credit covers now; the hub's epoch. */
static souk_status find_credit(struct paid *paid, struct hub_seat *seat, struct souk_amount price,
	uint32_t *ret_units, uint64_t *ret_epoch)
{
	struct souk_signed_hub_statement statement;
	struct souk_hub_status status;
	struct souk_amount cost;
	const struct souk_hub_terms *terms = &paid->hub->terms;
	SOUK_TRY(souk_hub_price(&cost, price, terms->fee_permille));
	SOUK_TRY(hub_client_status(&seat->opener, &status));
	/* Another fee or escrow than the plan was made with: not in the middle of it. */
	if (!souk_address_equal(&status.hub, &terms->hub) ||
		!souk_hash_equal(&status.escrow, &terms->escrow) ||
		status.fee_permille != terms->fee_permille)
		return SOUK_PEER_HUB_PRICE;
	SOUK_TRY(hub_client_statement(
		&seat->opener, &terms->hub, paid->identity, paid_now(), &statement));
	uint64_t units = hub_statement_left(&statement.statement).ncoin / cost.ncoin;
	if (units == 0)
		return SOUK_PEER_HUB_CREDIT;
	*ret_units = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
	*ret_epoch = status.epoch;
	return SOUK_OK;
}

static souk_status have_strip(struct paid_provider *provider, struct hub_seat *seat,
	const struct souk_hub_open *hub_open, struct souk_strip_open *open)
{
	struct paid *paid = provider->paid;
	/* From here on the hub may hold credit for it. */
	seat->is_open = souk_customer_hub_close(provider->customer, paid->identity, &seat->close);
	souk_status status = hub_client_open(&seat->opener, hub_open, open);
	/* A lost answer is given again. */
	if (souk_status_class(status) == SOUK_CLASS_IO)
		status = hub_client_open(&seat->opener, hub_open, open);
	if (status != SOUK_OK)
		snprintf(provider->client.control.detail, sizeof provider->client.control.detail,
			"the hub: %.200s", seat->opener.control.detail);
	if (status == SOUK_OK)
		status = souk_customer_hub_strip(provider->customer, open);
	return status;
}

static souk_status open_session(
	struct paid_provider *provider, struct hub_seat *seat, struct souk_strip_open *open)
{
	struct paid *paid = provider->paid;
	struct souk_grant_open grant;
	struct souk_hub_open hub_open;
	uint32_t units;
	const struct souk_offer *offer = &provider->entry.offer.offer;
	struct souk_customer_config config = {.offer = offer,
		.escrow = paid->hub->terms.escrow,
		.window_max = (uint16_t)paid->config->window_max};
	close_seat(paid, seat);
	SOUK_TRY(find_credit(paid, seat, offer->price, &units, &config.epoch));
	config.units = provider->units < units ? provider->units : units;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	souk_status status = souk_customer_init(provider->customer, &config);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	SOUK_TRY(status);
	SOUK_TRY(provider_client_ask(
		&provider->client, souk_customer_ask(provider->customer), &grant));
	SOUK_TRY(souk_customer_grant(provider->customer, &grant, paid_now()));
	SOUK_TRY(souk_customer_hub_open(provider->customer, &paid->hub->terms, &hub_open));
	SOUK_TRY(have_strip(provider, seat, &hub_open, open));
	SOUK_TRY(paid_strip_give(provider, open));
	return souk_customer_opened(provider->customer);
}

souk_status paid_hub_open(struct paid_provider *provider, struct souk_strip_open *open)
{
	souk_status status = open_session(provider, seat_of(provider), open);
	/* The hub has just been started, and asks its ledger for the epoch. */
	return status == SOUK_LOCAL_STATE ? SOUK_IO_TIMEOUT : status;
}

/* ------------------------------------------------------------------ tickets */

static void run_buy(void *ctx)
{
	struct hub_seat *seat = ctx;
	struct paid *paid = seat->provider->paid;
	seat->status = hub_client_ticket(&seat->buyer, &seat->ticket, &seat->sold);
	pthread_mutex_lock(&paid->lock);
	seat->is_answered = true;
	pthread_mutex_unlock(&paid->lock);
	paid_wake(paid);
}

void paid_hub_buy(struct paid *paid, const struct souk_download_effect *effect)
{
	struct hub_seat *seat = &paid->hub->seats[effect->provider];
	seat->ticket = effect->hub_ticket;
	souk_status status = souk_worker_submit(paid->hub->buyers, run_buy, seat);
	if (status != SOUK_OK)
		souk_download_buy_failed(&paid->download, effect->provider, status, paid_now());
}

static bool take_answer(struct paid *paid, struct hub_seat *seat)
{
	pthread_mutex_lock(&paid->lock);
	bool taken = seat->is_answered;
	seat->is_answered = false;
	pthread_mutex_unlock(&paid->lock);
	return taken;
}

void paid_hub_take(struct paid *paid)
{
	void *over;
	while (souk_worker_next_done(paid->hub->buyers, &over))
		;
	for (size_t i = 0; i < paid->hub->seat_count; i++) {
		struct hub_seat *seat = &paid->hub->seats[i];
		uint32_t number = seat->provider->number;
		if (!take_answer(paid, seat))
			continue;
		if (seat->status == SOUK_OK)
			souk_download_bought(&paid->download, number, &seat->sold, paid_now());
		else
			souk_download_buy_failed(&paid->download, number, seat->status, paid_now());
	}
}

struct souk_amount paid_hub_fee(const struct paid *paid)
{
	uint64_t fee = 0;
	for (size_t i = 0; i < paid->provider_count; i++) {
		const struct paid_provider *provider = &paid->providers[i];
		uint64_t units = souk_download_paid(&paid->download, provider->number);
		fee += units * (paid->download.providers[provider->number].price.ncoin -
				       provider->entry.offer.offer.price.ncoin);
	}
	return souk_amount_of_ncoin(fee);
}

void paid_hub_end(struct paid *paid)
{
	struct paid_hub *hub = paid->hub;
	if (hub == NULL)
		return;
	souk_worker_stop(hub->buyers);
	for (size_t i = 0; i < SOUK_DOWNLOAD_PROVIDERS_MAX; i++) {
		if (i < hub->seat_count)
			close_seat(paid, &hub->seats[i]);
		hub_client_done(&hub->seats[i].opener);
		hub_client_done(&hub->seats[i].buyer);
	}
	/* The newest word on what is left, for the next time and as evidence. */
	if (hub->seat_count > 0 &&
		hub_client_statement(&hub->client, &hub->terms.hub, paid->identity, paid_now(),
			&hub->statement) == SOUK_OK &&
		hub_statement_keep(paid->config->home, &hub->statement) != SOUK_OK)
		fetch_note(paid->fetch, "the hub's statement cannot be kept");
	hub_client_done(&hub->client);
	free(hub);
	paid->hub = NULL;
}
