/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done before somebody asks: connections are kept open, and leaves are allotted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "http_keep.h"
#include "market_memory_internal.h"
#include "provider_client.h"
#include "sponsor_paths.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "souk/payment/allotment.h"

#define CALL_MS 3000u
/* To the control server, for an offer and, beside it, a stream's first session (fetch_early.c):
 * each is a thread of the provider's. To the data server, for two units and the first key beside
 * them. No more than the next fetch needs. */
#define CONTROL_CONNECTIONS 2u
#define DATA_CONNECTIONS    3u
#define CONNECTIONS	    (CONTROL_CONNECTIONS + DATA_CONNECTIONS)
#define ANSWER_SIZE	    4096u
/* Where no more than half is left, more is allotted. What could not be is tried again later. */
#define UNITS_LOW    (MEMORY_UNITS_AHEAD / 2)
#define LEAVES_MS    5000u
#define LINE_DIVISOR 4u

souk_status memory_make_chain(struct market_memory *memory)
{
	char lock[400];
	memory->chain = souk_chain_client_new(memory->config.ledger_url);
	if (memory->chain == NULL)
		return SOUK_IO_MEMORY;
	snprintf(lock, sizeof lock, "%.380s/identity.key", memory->config.home);
	souk_chain_set_lock(memory->chain, lock);
	souk_chain_set_timeout(memory->chain, 2 * CALL_MS);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ connections */

struct touch {
	struct souk_http_fetcher *engine;
	uint8_t answers[MEMORY_PROVIDERS_MAX * CONNECTIONS + 1][ANSWER_SIZE];
	size_t count;
};

/* Any answer will do, a refusal too. */
static void touch_url(struct touch *touch, const char *base, const char *path,
	const struct souk_hash *pin, unsigned times)
{
	char url[256];
	snprintf(url, sizeof url, "%.128s%s", base, path);
	for (unsigned i = 0; i < times; i++) {
		struct souk_http_fetch fetch = {
			.url = url,
			.destination = touch->answers[touch->count],
			.size_max = ANSWER_SIZE,
			.timeout_ms = CALL_MS,
			.pin = pin,
			.user = touch->answers[touch->count],
		};
		touch->count += souk_http_fetcher_start(touch->engine, &fetch) == SOUK_OK;
	}
}

/* Who paid last is asked first. */
static void touch_sponsor(struct market_memory *memory, struct touch *touch)
{
	struct view_sponsor sponsor;
	struct control_place place;
	if (memory_sponsor(memory, NULL, &sponsor) &&
		control_name_parse(&place, sponsor.name) == SOUK_OK)
		touch_url(touch, place.url, SPONSOR_PATH_STATUS, &place.pin, 1);
}

/* The engine that the next fetch will take. One that begins meanwhile takes another. */
static void touch_engine(struct market_memory *memory, struct touch *touch,
	const struct memory_provider *providers, size_t count)
{
	struct souk_http_fetched fetched;
	if (http_keep_take_engine(&touch->engine) != SOUK_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		touch_url(touch, providers[i].record.control_url.text, "/v1/status",
			&providers[i].record.tls_pin, CONTROL_CONNECTIONS);
		touch_url(touch, providers[i].data_url,
			SOUK_PATH_KEYS "00000000000000000000000000000000", NULL, DATA_CONNECTIONS);
	}
	touch_sponsor(memory, touch);
	while (souk_http_fetcher_count(touch->engine) > 0 && !memory_is_stopping(memory)) {
		if (souk_http_fetcher_poll(touch->engine, 100, -1) != SOUK_OK)
			break;
		while (souk_http_fetcher_next(touch->engine, &fetched))
			;
	}
	http_keep_give_engine(touch->engine);
}

static void touch_client(const struct memory_provider *provider)
{
	struct provider_client client;
	struct souk_http_answer answer;
	souk_status status = provider_client_init(&client, &provider->record, CALL_MS);
	if (status == SOUK_OK)
		status = provider_client_call(
			&client, "GET", "/v1/status", souk_bytes_of(NULL, 0), 0, &answer);
	if (status == SOUK_OK)
		souk_http_answer_done(&answer);
	provider_client_done(&client);
}

void memory_touch(struct market_memory *memory)
{
	struct memory_provider providers[MEMORY_PROVIDERS_MAX];
	size_t count = memory_providers(memory, providers);
	struct touch *touch = count == 0 ? NULL : calloc(1, sizeof *touch);
	if (touch == NULL)
		return;
	/* Every other session is asked for by these. */
	for (size_t i = 0; i < count && !memory_is_stopping(memory); i++)
		touch_client(&providers[i]);
	touch_engine(memory, touch, providers, count);
	free(touch);
}

/* ------------------------------------------------------------------ leaves */

/* What is allotted and not used, in ncoin. */
struct tally {
	struct souk_hash escrow;
	uint64_t epoch;
	struct souk_wallet_plan *plans;
	size_t plan_count;
	struct memory_provider providers[MEMORY_PROVIDERS_MAX];
	uint64_t left[MEMORY_PROVIDERS_MAX];
	size_t count;
};

static souk_status add_plan(
	void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan)
{
	struct tally *tally = ctx;
	(void)root;
	if (!souk_hash_equal(&plan->escrow, &tally->escrow) ||
		(!plan->standing && plan->epoch != tally->epoch))
		return SOUK_OK;
	struct souk_wallet_plan *grown =
		realloc(tally->plans, (tally->plan_count + 1) * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	tally->plans = grown;
	grown[tally->plan_count++] = *plan;
	return SOUK_OK;
}

/* Who has a leaf that stands needs none ahead, however much of that is used: it is its payer's
 * wish. */
static uint64_t left_of_leaf(
	struct market_memory *memory, const struct souk_wallet_plan *plan, uint32_t index)
{
	uint64_t amount = plan->leaves.items[index].amount.ncoin;
	struct souk_wallet_leaf used;
	struct souk_wallet_strip where = {.escrow = plan->escrow,
		.epoch = plan->epoch,
		.segment = plan->segment,
		.leaf = index};
	if (plan->standing)
		return amount;
	if (wallet_leaf(memory->wallet, &where, &used) != SOUK_OK || used.closed ||
		used.used.ncoin > amount)
		return 0;
	return amount - used.used.ncoin;
}

static void add_up(struct market_memory *memory, struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++) {
		for (size_t p = 0; p < tally->plan_count; p++) {
			const struct souk_wallet_plan *plan = &tally->plans[p];
			for (int k = 0; k < plan->leaves.count; k++) {
				if (souk_address_equal(&plan->leaves.items[k].provider,
					    &tally->providers[i].address))
					tally->left[i] += left_of_leaf(memory, plan, (uint32_t)k);
			}
		}
	}
}

static souk_status make_tally(struct market_memory *memory, struct tally *tally)
{
	struct souk_ledger_status ledger;
	struct memory_provider met[MEMORY_PROVIDERS_MAX];
	size_t count = memory_providers(memory, met);
	for (size_t i = 0; i < count; i++) {
		if (met[i].is_paid && met[i].price.ncoin > 0)
			tally->providers[tally->count++] = met[i];
	}
	if (tally->count == 0)
		return SOUK_LOCAL_NOT_FOUND;
	if (memory->wallet == NULL)
		SOUK_TRY(wallet_open(&memory->wallet, memory->config.home));
	SOUK_TRY(memory_status(memory, memory->chain, &ledger));
	tally->epoch = ledger.record.epoch;
	tally->escrow = escrow_number_id(&ledger.record.ledger, &memory->config.identity->address,
		memory->config.escrow_number);
	SOUK_TRY(wallet_each_plan(memory->wallet, add_plan, tally));
	add_up(memory, tally);
	return SOUK_OK;
}

/* Leaves for those that have little left, of what may lie unused: a quarter of the line. */
static size_t choose_leaves(const struct market_memory *memory, const struct tally *tally,
	const struct line_room *room, struct souk_allotment_leaf *leaves)
{
	uint64_t unused = 0, most = room->line.ncoin / LINE_DIVISOR;
	size_t count = 0;
	for (size_t i = 0; i < tally->count; i++)
		unused += tally->left[i];
	most = most > unused ? most - unused : 0;
	most = (most < room->amount.ncoin ? most : room->amount.ncoin) / tally->count;
	for (size_t i = 0; i < tally->count; i++) {
		uint64_t price = tally->providers[i].price.ncoin;
		uint64_t units = tally->left[i] / price, affordable = most / price;
		if (units > UNITS_LOW || affordable == 0)
			continue;
		units = MEMORY_UNITS_AHEAD - units;
		units = units < affordable ? units : affordable;
		leaves[count++] =
			(struct souk_allotment_leaf){.provider = tally->providers[i].address,
				.issuer = memory->config.identity->address,
				.amount = souk_amount_of_ncoin(units * price)};
	}
	return count;
}

static bool is_low(const struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++) {
		if (tally->left[i] / tally->providers[i].price.ncoin <= UNITS_LOW)
			return true;
	}
	return false;
}

/* The plan is kept once it stands: what a crash between the two takes is free again with the next
 * epoch. */
static souk_status allot(struct market_memory *memory, const struct tally *tally)
{
	struct souk_allotment_leaf leaves[MEMORY_PROVIDERS_MAX + 1];
	struct souk_sum_node nodes[2 * MEMORY_PROVIDERS_MAX], root;
	struct line_room room;
	SOUK_TRY(line_find_room(memory->chain, &tally->escrow, &room));
	size_t count = room.epoch == tally->epoch ? choose_leaves(memory, tally, &room, leaves) : 0;
	if (count == 0)
		return SOUK_OK;
	SOUK_TRY(line_nobodys_leaf(&leaves[count++], memory->config.identity));
	SOUK_TRY(line_allot(memory->chain, memory->config.identity, &tally->escrow, &room, leaves,
		count, nodes));
	SOUK_TRY(souk_allotment_commit(&root, leaves, count, nodes));
	struct souk_wallet_plan *plan = calloc(1, sizeof *plan);
	if (plan == NULL)
		return SOUK_IO_MEMORY;
	*plan = (struct souk_wallet_plan){
		.escrow = tally->escrow, .epoch = room.epoch, .segment = room.segment};
	plan->leaves.count = (int)count;
	memcpy(plan->leaves.items, leaves, count * sizeof *leaves);
	souk_status status = wallet_put_plan(memory->wallet, &root.hash, plan);
	free(plan);
	memory_note_segment(memory);
	return status;
}

void memory_leaves(struct market_memory *memory)
{
	uint64_t now_ms = souk_clock_steady_ns() / 1000000;
	struct tally tally = {.count = 0};
	souk_status status = SOUK_OK;
	pthread_mutex_lock(&memory->lock);
	bool due = memory->leaves_due || now_ms - memory->leaves_ms >= LEAVES_MS;
	memory->leaves_due = false;
	pthread_mutex_unlock(&memory->lock);
	if (!due || !memory->config.allots || memory->config.identity == NULL)
		return;
	memory->leaves_ms = now_ms;
	if (make_tally(memory, &tally) == SOUK_OK && is_low(&tally))
		status = allot(memory, &tally);
	(void)status; /* a purchase allots for itself, and says what is wrong */
	free(tally.plans);
}

void memory_leaves_done(struct market_memory *memory)
{
	wallet_close(memory->wallet);
}
