/* SPDX-License-Identifier: Apache-2.0
 *
 * Allotments and sessions. A provider that has a leaf of an allotment made before (fetch_plan.c) is
 * paid from that, without a transaction. The others get leaves of one allotment at the start; a
 * further session (the leaf is used up, or the epoch is over) finds or gets another leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "fetch_early.h"
#include "fetch_hub.h"
#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/payment/allotment.h"

#define ALLOT_TRIES 4
/* Epochs that the wallet remembers: more than any that could still be claimed or settled. */
#define EPOCHS_KEPT 64u
/* What is allotted for later is nobody else's meanwhile. */
#define AHEAD_MAX 1024u
/* Of a content of which only some may be wanted. */
#define FIRST_UNITS 256u
/* So long nobody asks again which epoch it is, unless a session could not be opened. */
#define EPOCH_FRESH_NS 2000000000ull

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void note_epoch(struct paid *paid, uint64_t epoch)
{
	paid->epoch = epoch;
	paid->epoch_ns = souk_clock_steady_ns();
}

/* So that what it leaves can be used after it; no more than that is lost without. */
static void remember_own(
	struct paid *paid, const struct paid_segment *segment, struct souk_sum_node *nodes)
{
	struct souk_sum_node root;
	struct paid_plan *grown = realloc(paid->own, (paid->own_count + 1) * sizeof *grown);
	if (grown == NULL)
		return;
	paid->own = grown;
	if (souk_allotment_commit(&root, segment->leaves, segment->count, nodes) != SOUK_OK)
		return;
	struct paid_plan *own = &grown[paid->own_count++];
	*own = (struct paid_plan){.root = root.hash,
		.plan = {.escrow = paid->escrow,
			.epoch = segment->epoch,
			.segment = segment->number}};
	own->plan.leaves.count = (int)segment->count;
	memcpy(own->plan.leaves.items, segment->leaves, segment->count * sizeof *segment->leaves);
}

/* Another program of this identity may have taken the segment's number; and what was remembered of
 * the escrow may be behind. */
static bool is_room_wrong(const struct paid *paid, souk_status status)
{
	return status == SOUK_PEER_ALLOTMENT_INDEX ||
	       (paid->config->memory != NULL &&
		       (status == SOUK_PEER_EPOCH_CLOSED || status == SOUK_PEER_WRONG_EPOCH ||
			       status == SOUK_PEER_ALLOTMENT_OVER_LINE));
}

/* What of the line is free, as far as is known; where that was wrong, as it is. */
static souk_status find_room(struct paid *paid, bool is_again, struct line_room *ret)
{
	struct market_memory *memory = paid->config->memory;
	struct souk_chain_client *chain = paid->fetch->chain;
	struct souk_ledger_status ledger;
	struct souk_escrow_record escrow;
	if (is_again)
		memory_forget_epoch(memory);
	SOUK_TRY(memory_status(memory, chain, &ledger));
	SOUK_TRY(memory_escrow(memory, chain, &paid->escrow, &escrow));
	return line_room_of(chain, &paid->escrow, ledger.record.epoch, &escrow, ret);
}

/* One leaf for each of COUNT providers in the next segment, whose last leaf is nobody's. */
static souk_status try_allot(struct paid *paid, struct paid_provider *const *providers,
	size_t count, uint64_t units, bool is_again, struct paid_segment *segment,
	struct souk_sum_node *nodes)
{
	struct line_room room;
	SOUK_TRY(find_room(paid, is_again, &room));
	segment->epoch = room.epoch;
	segment->number = room.segment;
	uint64_t share = room.amount.ncoin / count;
	for (size_t k = 0; k < count; k++) {
		struct souk_amount price = providers[k]->entry.offer.offer.price;
		uint64_t affordable = least(units, share / price.ncoin);
		if (affordable == 0)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		segment->leaves[k] =
			(struct souk_allotment_leaf){.provider = providers[k]->entry.address,
				.issuer = paid->identity->address,
				.amount = souk_amount_of_ncoin(affordable * price.ncoin)};
	}
	return line_allot(paid->fetch->chain, paid->identity, &paid->escrow, &room, segment->leaves,
		segment->count, nodes);
}

/* Give COUNT providers UNITS units each, or an equal share of what there is. */
static souk_status allot(
	struct paid *paid, struct paid_provider *const *providers, size_t count, uint64_t units)
{
	if (paid->config->issuer_name != NULL) {
		for (size_t k = 0; k < count; k++)
			snprintf(providers[k]->client.control.detail,
				sizeof providers[k]->client.control.detail,
				"no leaf of issuer %.40s is left for it",
				paid->config->issuer_name);
		return SOUK_LOCAL_BUDGET;
	}
	struct paid_segment segment = {.count = count + 1};
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	SOUK_TRY(line_nobodys_leaf(&segment.leaves[count], paid->identity));
	souk_status status = try_allot(paid, providers, count, units, false, &segment, nodes);
	for (int i = 1; i < ALLOT_TRIES && is_room_wrong(paid, status); i++)
		status = try_allot(paid, providers, count, units, true, &segment, nodes);
	if (status != SOUK_OK)
		return status;
	memory_note_segment(paid->config->memory);
	note_epoch(paid, segment.epoch);
	remember_own(paid, &segment, nodes);
	for (size_t k = 0; k < count; k++) {
		providers[k]->segment = segment;
		providers[k]->leaf = (struct souk_payer_leaf){
			.escrow = paid->escrow,
			.epoch = segment.epoch,
			.segment = segment.number,
			.index = (uint32_t)k,
			.amount = segment.leaves[k].amount,
		};
	}
	return SOUK_OK;
}

/* What a provider may have to deliver; where nobody knows how much will be wanted, not all of it.
 */
static uint64_t units_at_first(const struct paid *paid)
{
	uint64_t missing = paid->fetch->chunk_count - paid->download.done.set;
	/* What it does not need pays for the viewer's next content. */
	if (paid->config->is_streaming)
		missing = FIRST_UNITS;
	return missing + least(paid->config->units_ahead, AHEAD_MAX);
}

static void forget_epoch(struct paid *paid)
{
	memory_forget_epoch(paid->config->memory);
	pthread_mutex_lock(&paid->money_lock);
	paid->epoch_ns = 0;
	pthread_mutex_unlock(&paid->money_lock);
}

/* The running epoch, as the ledger said a moment ago. A provider that knows better says so, and the
 * session is opened anew. Under money_lock, once the loop runs. */
static souk_status find_epoch(struct paid *paid, uint64_t *ret)
{
	struct souk_ledger_status ledger;
	if (atomic_exchange(&paid->epoch_doubted, false) || paid->epoch_ns == 0 ||
		souk_clock_steady_ns() - paid->epoch_ns > EPOCH_FRESH_NS) {
		SOUK_TRY(memory_status(paid->config->memory, paid->fetch->chain, &ledger));
		note_epoch(paid, ledger.record.epoch);
	}
	*ret = paid->epoch;
	return SOUK_OK;
}

souk_status paid_allot_first(struct paid *paid)
{
	struct paid_provider *without[SOUK_DOWNLOAD_PROVIDERS_MAX];
	uint64_t epoch;
	size_t count = 0;
	SOUK_TRY(find_epoch(paid, &epoch));
	for (size_t i = 0; i < paid->provider_count; i++) {
		souk_status status = paid_find_leaf(&paid->providers[i], epoch);
		if (status == SOUK_LOCAL_NOT_FOUND)
			without[count++] = &paid->providers[i];
		else if (status != SOUK_OK)
			return status;
	}
	/* An issuer key cannot allot: who has no leaf of it sells nothing, unless nobody has. */
	if (count == 0 || (paid->config->issuer_name != NULL && count < paid->provider_count))
		return SOUK_OK;
	return allot(paid, without, count, units_at_first(paid));
}

/* Units that the provider's leaf can still pay. */
static uint64_t leaf_units(const struct paid_provider *provider)
{
	return (provider->leaf.amount.ncoin - provider->leaf.used.ncoin) /
	       provider->entry.offer.offer.price.ncoin;
}

/* A leaf with something on it, in the current epoch. */
static souk_status make_leaf_ready(struct paid_provider *provider)
{
	struct paid *paid = provider->paid;
	uint64_t epoch;
	pthread_mutex_lock(&paid->money_lock);
	souk_status status = find_epoch(paid, &epoch);
	if (status == SOUK_OK && (provider->leaf.epoch != epoch || leaf_units(provider) == 0)) {
		status = paid_find_leaf(provider, epoch);
		if (status == SOUK_LOCAL_NOT_FOUND)
			status = allot(paid, &provider, 1, provider->units);
	}
	pthread_mutex_unlock(&paid->money_lock);
	return status;
}

/* Take the strip's part of the leaf, durably: no other process gets it, and none after a crash. */
static souk_status reserve_strip(struct paid_provider *provider, const struct souk_grant *grant)
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
	souk_status status = wallet_reserve(provider->paid->wallet, &strip, leaf->amount);
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

void paid_end_strip(struct paid_provider *provider)
{
	struct souk_wallet_strip *strip = &provider->strip;
	if (strip->count == 0 || strip->over)
		return;
	paid_notes_settle(provider);
	strip->unit = provider->customer->payer.unit;
	strip->over = true;
	if (wallet_put_strip(provider->paid->wallet, strip) != SOUK_OK)
		fetch_note(provider->paid->fetch, "the wallet cannot be written");
}

/* The strip over the rest of the leaf, with all that proves it good. */
static souk_status make_strip(struct paid_provider *provider, struct souk_strip_open *open)
{
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	const struct paid_segment *segment = &provider->segment;
	SOUK_TRY(souk_customer_strip(provider->customer, &provider->leaf, open));
	SOUK_TRY(souk_allotment_prove(
		open, segment->leaves, segment->count, provider->leaf.index, nodes));
	return souk_strip_sign_batch(&open, 1, provider->paid->identity);
}

static struct souk_customer_config config_of(const struct paid_provider *provider, uint64_t units)
{
	return (struct souk_customer_config){
		.offer = &provider->entry.offer.offer,
		.escrow = provider->paid->escrow,
		.epoch = provider->leaf.epoch,
		.units = (uint32_t)least(units, leaf_units(provider)),
		.window_max = (uint16_t)provider->paid->config->window_max,
	};
}

bool paid_has_grant(const struct paid_provider *provider)
{
	struct souk_customer_config config = config_of(provider, FETCH_STREAM_UNITS);
	return fetch_early_suits(provider->paid->fetch, &config);
}

/* Where one was asked for early it is here. That it is longer than the planner would have it is no
 * harm: the planner asks for no unit that it cannot afford. */
static souk_status get_grant(struct paid_provider *provider)
{
	struct paid *paid = provider->paid;
	struct souk_grant_open grant;
	struct souk_customer_config config = config_of(provider, FETCH_STREAM_UNITS);
	if (fetch_early_use(paid->fetch, provider->customer, &config) == SOUK_OK)
		return SOUK_OK;
	config = config_of(provider, provider->units);
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	souk_status status = souk_customer_init(provider->customer, &config);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	if (status != SOUK_OK)
		return status;
	SOUK_TRY(provider_client_ask(
		&provider->client, souk_customer_ask(provider->customer), &grant));
	return souk_customer_grant(provider->customer, &grant, paid_now());
}

static souk_status open_session(struct paid_provider *provider, struct souk_strip_open *open)
{
	paid_end_strip(provider);
	SOUK_TRY(make_leaf_ready(provider));
	SOUK_TRY(get_grant(provider));
	SOUK_TRY(reserve_strip(provider, &provider->customer->grant));
	SOUK_TRY(make_strip(provider, open));
	SOUK_TRY(paid_strip_give(provider, open));
	return souk_customer_opened(provider->customer);
}

void paid_open_job(void *ctx)
{
	struct paid_provider *provider = ctx;
	struct souk_strip_open *open = calloc(1, sizeof *open);
	provider->client.control.detail[0] = '\0';
	if (open == NULL)
		provider->open_status = SOUK_IO_MEMORY;
	else if (provider->paid->hub != NULL)
		provider->open_status = paid_hub_open(provider, open);
	else
		provider->open_status = open_session(provider, open);
	snprintf(provider->open_detail, sizeof provider->open_detail, "%s",
		provider->client.control.detail);
	free(open);
	if (provider->open_status != SOUK_OK)
		forget_epoch(provider->paid);
	pthread_mutex_lock(&provider->paid->lock);
	provider->open_done = true;
	pthread_mutex_unlock(&provider->paid->lock);
	paid_wake(provider->paid);
}

/* The escrow that pays: the user's own, or the one whose leaves name the issuer. */
static souk_status choose_escrow(struct paid *paid, const struct souk_hash *ledger)
{
	if (paid->config->issuer_name == NULL) {
		paid->escrow = escrow_number_id(
			ledger, &paid->identity->address, paid->config->escrow_number);
		return SOUK_OK;
	}
	if (paid->plan_count == 0)
		return SOUK_LOCAL_NOT_FOUND;
	paid->escrow = paid->plans[paid->plan_count - 1].plan.escrow;
	return SOUK_OK;
}

static souk_status open_wallet(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	char what[FETCH_DETAIL_SIZE];
	souk_status status = wallet_open(&paid->wallet, paid->config->home);
	if (status == SOUK_OK)
		status = wallet_enter(paid->wallet);
	if (status == SOUK_OK)
		status = paid_load_plans(paid);
	snprintf(what, sizeof what, "%.400s/wallet.mdb", paid->config->home);
	if (status != SOUK_OK)
		fetch_tell(detail, what, NULL);
	return status;
}

static souk_status find_escrow(struct paid *paid)
{
	struct souk_ledger_status ledger;
	struct souk_escrow_record escrow;
	struct souk_chain_client *chain = paid->fetch->chain;
	SOUK_TRY(memory_status(paid->config->memory, chain, &ledger));
	note_epoch(paid, ledger.record.epoch);
	SOUK_TRY(choose_escrow(paid, &ledger.record.ledger));
	SOUK_TRY(memory_escrow(paid->config->memory, chain, &paid->escrow, &escrow));
	if (ledger.record.epoch > EPOCHS_KEPT)
		SOUK_TRY(wallet_forget(paid->wallet, ledger.record.epoch - EPOCHS_KEPT));
	return escrow.closing ? SOUK_PEER_ESCROW_CLOSING : SOUK_OK;
}

souk_status paid_find_money(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	const char *what = "your escrow cannot pay";
	SOUK_TRY(open_wallet(paid, detail));
	souk_status status = find_escrow(paid);
	if (status == SOUK_OK)
		return SOUK_OK;
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_PEER_NO_ESCROW;
	fetch_tell_ledger(detail, what, status, paid->fetch->chain);
	if (paid->config->issuer_name != NULL)
		fetch_tell(detail, what,
			"No leaf names that issuer here; see: souk escrow issuer export");
	else if (status == SOUK_PEER_NO_ESCROW)
		fetch_tell(detail, what, "Open one with: souk escrow open --line 10");
	return status;
}
