/* SPDX-License-Identifier: Apache-2.0
 *
 * Allotments and sessions. A provider that has a leaf of an allotment made before (get_plan.c) is
 * paid from that, without a transaction. The others get leaves of one allotment at the start; a
 * further session (the leaf is used up, or the epoch is over) finds or gets another leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/identity_file.h"
#include "../client/escrow_line.h"
#include "get_hub.h"
#include "issuer_file.h"
#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/payment/allotment.h"

#define ALLOT_TRIES 4
/* Epochs that the wallet remembers: more than any that could still be claimed or settled. */
#define EPOCHS_KEPT 64u

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Give COUNT providers UNITS units each, or an equal share of what there is. */
static souk_status allot(
	struct get *get, struct get_provider *const *providers, size_t count, uint64_t units)
{
	if (get->issuer_name != NULL) {
		for (size_t k = 0; k < count; k++)
			snprintf(providers[k]->client.detail, sizeof providers[k]->client.detail,
				"no leaf of issuer %.40s is left for it", get->issuer_name);
		return SOUK_LOCAL_BUDGET;
	}
	struct get_segment segment = {.count = count + 1};
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	SOUK_TRY(line_nobodys_leaf(&segment.leaves[count], &get->identity));
	souk_status status = SOUK_PEER_ALLOTMENT_INDEX;
	/* Another program of this identity may have taken the segment's number. */
	for (int i = 0; i < ALLOT_TRIES && status == SOUK_PEER_ALLOTMENT_INDEX; i++) {
		struct line_room room;
		SOUK_TRY(line_find_room(get->chain, &get->escrow, &room));
		segment.epoch = room.epoch;
		segment.number = room.segment;
		uint64_t share = room.amount.ncoin / count;
		for (size_t k = 0; k < count; k++) {
			struct souk_amount price = providers[k]->entry.offer.offer.price;
			uint64_t affordable = least(units, share / price.ncoin);
			if (affordable == 0)
				return SOUK_PEER_ALLOTMENT_OVER_LINE;
			segment.leaves[k] = (struct souk_allotment_leaf){
				.provider = providers[k]->entry.address,
				.issuer = get->identity.address,
				.amount = souk_amount_of_ncoin(affordable * price.ncoin)};
		}
		status = line_allot(get->chain, &get->identity, &get->escrow, &room, segment.leaves,
			segment.count, nodes);
	}
	if (status != SOUK_OK)
		return status;
	for (size_t k = 0; k < count; k++) {
		providers[k]->segment = segment;
		providers[k]->leaf = (struct souk_payer_leaf){
			.escrow = get->escrow,
			.epoch = segment.epoch,
			.segment = segment.number,
			.index = (uint32_t)k,
			.amount = segment.leaves[k].amount,
		};
	}
	return SOUK_OK;
}

souk_status get_allot_first(struct get *get)
{
	struct get_provider *without[SOUK_DOWNLOAD_PROVIDERS_MAX];
	struct souk_ledger_status ledger;
	size_t count = 0;
	SOUK_TRY(souk_chain_status(get->chain, &ledger));
	for (size_t i = 0; i < get->provider_count; i++) {
		souk_status status = get_find_leaf(&get->providers[i], ledger.record.epoch);
		if (status == SOUK_LOCAL_NOT_FOUND)
			without[count++] = &get->providers[i];
		else if (status != SOUK_OK)
			return status;
	}
	/* An issuer key cannot allot: who has no leaf of it sells nothing, unless nobody has. */
	if (count == 0 || (get->issuer_name != NULL && count < get->provider_count))
		return SOUK_OK;
	return allot(get, without, count, get->chunk_count - get->resumed_count);
}

/* Units that the provider's leaf can still pay. */
static uint64_t leaf_units(const struct get_provider *provider)
{
	return (provider->leaf.amount.ncoin - provider->leaf.used.ncoin) /
	       provider->entry.offer.offer.price.ncoin;
}

/* A leaf with something on it, in the current epoch. */
static souk_status make_leaf_ready(struct get_provider *provider)
{
	struct get *get = provider->get;
	struct souk_ledger_status ledger;
	pthread_mutex_lock(&get->money_lock);
	souk_status status = souk_chain_status(get->chain, &ledger);
	if (status == SOUK_OK &&
		(provider->leaf.epoch != ledger.record.epoch || leaf_units(provider) == 0)) {
		status = get_find_leaf(provider, ledger.record.epoch);
		if (status == SOUK_LOCAL_NOT_FOUND)
			status = allot(get, &provider, 1, provider->units);
	}
	pthread_mutex_unlock(&get->money_lock);
	return status;
}

/* Take the strip's part of the leaf, durably: no other process gets it, and none after a crash. */
static souk_status reserve_strip(struct get_provider *provider, const struct souk_grant *grant)
{
	const struct souk_payer_leaf *leaf = &provider->leaf;
	const struct souk_allotment_leaf *allotted = &provider->segment.leaves[leaf->index];
	struct souk_wallet_strip strip = {
		.escrow = leaf->escrow,
		.epoch = leaf->epoch,
		.segment = leaf->segment,
		.leaf = leaf->index,
		.open = souk_address_is_zero(&allotted->provider),
		.issuer = allotted->issuer,
		.payee = provider->entry.address,
		.session = grant->session,
		.count = grant->units,
		.price = grant->price,
	};
	souk_status status = wallet_reserve(provider->get->wallet, &strip, leaf->amount);
	if (status == SOUK_PEER_STRIP_RANGE || status == SOUK_LOCAL_STATE) {
		/* Another purchase was quicker: look for another leaf. */
		provider->leaf.used = leaf->amount;
		return SOUK_IO_TIMEOUT;
	}
	if (status != SOUK_OK)
		return status;
	provider->strip = strip;
	provider->leaf.used = strip.start;
	return SOUK_OK;
}

void get_end_strip(struct get_provider *provider)
{
	struct souk_wallet_strip *strip = &provider->strip;
	if (strip->count == 0 || strip->over)
		return;
	get_notes_settle(provider);
	strip->unit = provider->customer->payer.unit;
	strip->over = true;
	if (wallet_put_strip(provider->get->wallet, strip) != SOUK_OK)
		fprintf(stderr, "souk get: the wallet cannot be written\n");
}

/* The strip over the rest of the leaf, with all that proves it good. */
static souk_status make_strip(struct get_provider *provider, struct souk_strip_open *open)
{
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	const struct get_segment *segment = &provider->segment;
	SOUK_TRY(souk_customer_strip(provider->customer, &provider->leaf, open));
	SOUK_TRY(souk_allotment_prove(
		open, segment->leaves, segment->count, provider->leaf.index, nodes));
	return souk_strip_sign_batch(&open, 1, &provider->get->identity);
}

static souk_status open_session(struct get_provider *provider, struct souk_strip_open *open)
{
	struct get *get = provider->get;
	struct souk_grant_open grant;
	get_end_strip(provider);
	SOUK_TRY(make_leaf_ready(provider));
	struct souk_customer_config config = {
		.offer = &provider->entry.offer.offer,
		.escrow = get->escrow,
		.epoch = provider->leaf.epoch,
		.units = (uint32_t)least(provider->units, leaf_units(provider)),
		.window_max = (uint16_t)get->window_max,
	};
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	souk_status status = souk_customer_init(provider->customer, &config);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	if (status != SOUK_OK)
		return status;
	SOUK_TRY(provider_client_ask(
		&provider->client, souk_customer_ask(provider->customer), &grant));
	SOUK_TRY(souk_customer_grant(provider->customer, &grant, cli_now()));
	SOUK_TRY(reserve_strip(provider, &grant.grant.grant));
	SOUK_TRY(make_strip(provider, open));
	SOUK_TRY(provider_client_strip(&provider->client, &grant.grant.grant.session, open));
	return souk_customer_opened(provider->customer);
}

void get_open_job(void *ctx)
{
	struct get_provider *provider = ctx;
	struct souk_strip_open *open = calloc(1, sizeof *open);
	provider->client.detail[0] = '\0';
	if (open == NULL)
		provider->open_status = SOUK_IO_MEMORY;
	else if (provider->get->hub != NULL)
		provider->open_status = get_hub_open(provider, open);
	else
		provider->open_status = open_session(provider, open);
	/* Too little would be forfeited for its taste: it gets a leaf of its own. */
	if (provider->open_status == SOUK_PEER_PENALTY_TOO_LOW) {
		provider->no_open_leaf = true;
		provider->leaf.used = provider->leaf.amount;
		provider->open_status = SOUK_IO_TIMEOUT;
	}
	/* The provider may learn of a new epoch a moment after us. */
	if (provider->open_status == SOUK_PEER_WRONG_EPOCH ||
		provider->open_status == SOUK_PEER_EPOCH_CLOSED)
		provider->open_status = SOUK_IO_TIMEOUT;
	snprintf(
		provider->open_detail, sizeof provider->open_detail, "%s", provider->client.detail);
	free(open);
	souk_http_fetcher_wake(provider->get->fetcher);
}

bool get_load_key(struct get *get)
{
	if (get->issuer_name == NULL)
		return cli_load_identity(&get->identity);
	return issuer_load("get", get->issuer_name, &get->identity);
}

/* The escrow that pays: the user's own, or the one whose leaves name the issuer. */
static souk_status choose_escrow(struct get *get, const struct souk_hash *ledger)
{
	if (get->issuer_name == NULL) {
		get->escrow = escrow_number_id(ledger, &get->identity.address, get->escrow_number);
		return SOUK_OK;
	}
	if (get->plan_count == 0)
		return SOUK_LOCAL_NOT_FOUND;
	get->escrow = get->plans[get->plan_count - 1].plan.escrow;
	return SOUK_OK;
}

static souk_status open_wallet(struct get *get)
{
	souk_status status = wallet_open(&get->wallet, cli_home_path());
	if (status == SOUK_OK)
		status = wallet_enter(get->wallet);
	if (status == SOUK_OK)
		status = get_load_plans(get);
	if (status != SOUK_OK)
		cli_fail("get", cli_home_file("wallet.mdb"), status, NULL);
	return status;
}

bool get_find_money(struct get *get)
{
	struct souk_ledger_status ledger;
	struct souk_escrow_record escrow;
	if (get->hub != NULL)
		return true;
	if (open_wallet(get) != SOUK_OK)
		return false;
	souk_status status = souk_chain_status(get->chain, &ledger);
	if (status == SOUK_OK)
		status = choose_escrow(get, &ledger.record.ledger);
	if (status == SOUK_OK)
		status = souk_chain_escrow(get->chain, &get->escrow, &escrow);
	if (status == SOUK_OK && ledger.record.epoch > EPOCHS_KEPT)
		status = wallet_forget(get->wallet, ledger.record.epoch - EPOCHS_KEPT);
	if (status == SOUK_OK && !escrow.closing)
		return true;
	if (status == SOUK_OK)
		status = SOUK_PEER_ESCROW_CLOSING;
	cli_fail_ledger("get", "your escrow cannot pay", status, get->chain);
	if (get->issuer_name != NULL)
		fprintf(stderr,
			"No leaf names the issuer %s here; see: souk escrow issuer export\n",
			get->issuer_name);
	else if (status == SOUK_LOCAL_NOT_FOUND || status == SOUK_PEER_NO_ESCROW)
		fprintf(stderr, "Open one with: souk escrow open --line 10\n");
	return false;
}
