/* SPDX-License-Identifier: Apache-2.0 */
#include "market_memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "escrow_line.h"
#include "http_keep.h"
#include "market_memory_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"

/* So long after the last use it is kept fresh. */
#define USE_MS 300000u
/* So long an answer is used; it is asked for again after a third of that. */
#define LIST_MS	      60000u
#define STATUS_MS     15000u
#define ESCROW_MS     15000u
#define AGREEMENTS_MS 60000u
/* A provider's server closes what is idle for 30 s. */
#define TOUCH_MS       10000u
#define SILENT_MS      60000u
#define SETTLE_MS      500u
#define PROVIDER_MS    600000u
#define SPONSOR_MS     3600000u
#define TICK_MS	       250u
#define LEDGER_WAIT_MS 5000u

static uint64_t now_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

static bool is_fresh(uint64_t at_ms, uint64_t life_ms)
{
	return at_ms != 0 && now_ms() - at_ms < life_ms;
}

/* ------------------------------------------------------------------ the ledger */

/* An epoch that should be over by now is not believed to run on. */
static bool knows_status(const struct market_memory *memory, uint64_t life_ms)
{
	return is_fresh(memory->status_ms, life_ms) &&
	       souk_time_is_before(souk_clock_now(souk_clock_real()), memory->status.epoch.end);
}

static souk_status ask_status(struct market_memory *memory, struct souk_chain_client *chain,
	struct souk_ledger_status *ret)
{
	uint64_t began_ms = now_ms();
	SOUK_TRY(souk_chain_status(chain, ret));
	if (memory == NULL)
		return SOUK_OK;
	pthread_mutex_lock(&memory->lock);
	memory->status = *ret;
	memory->status_ms = began_ms;
	pthread_mutex_unlock(&memory->lock);
	return SOUK_OK;
}

souk_status memory_status(struct market_memory *memory, struct souk_chain_client *chain,
	struct souk_ledger_status *ret)
{
	bool is_known = false;
	if (memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		is_known = knows_status(memory, STATUS_MS);
		if (is_known)
			*ret = memory->status;
		pthread_mutex_unlock(&memory->lock);
	}
	return is_known ? SOUK_OK : ask_status(memory, chain, ret);
}

static souk_status ask_escrow(struct market_memory *memory, struct souk_chain_client *chain,
	const struct souk_hash *escrow, struct souk_escrow_record *ret)
{
	uint64_t began_ms = now_ms();
	SOUK_TRY(souk_chain_escrow(chain, escrow, ret));
	if (memory == NULL)
		return SOUK_OK;
	pthread_mutex_lock(&memory->lock);
	memory->escrow_id = *escrow;
	memory->escrow = *ret;
	memory->escrow_ms = began_ms;
	pthread_mutex_unlock(&memory->lock);
	return SOUK_OK;
}

souk_status memory_escrow(struct market_memory *memory, struct souk_chain_client *chain,
	const struct souk_hash *escrow, struct souk_escrow_record *ret)
{
	bool is_known = false;
	if (memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		is_known = is_fresh(memory->escrow_ms, ESCROW_MS) &&
			   souk_hash_equal(&memory->escrow_id, escrow);
		if (is_known)
			*ret = memory->escrow;
		pthread_mutex_unlock(&memory->lock);
	}
	return is_known ? SOUK_OK : ask_escrow(memory, chain, escrow, ret);
}

/* Under the lock. */
static struct memory_root *find_root(struct market_memory *memory, const struct souk_hash *escrow,
	uint64_t epoch, uint32_t segment)
{
	for (size_t i = 0; i < MEMORY_ROOTS; i++) {
		struct memory_root *root = &memory->roots[i];
		if (root->is_known && root->epoch == epoch && root->segment == segment &&
			souk_hash_equal(&root->escrow, escrow))
			return root;
	}
	return NULL;
}

souk_status memory_root(struct market_memory *memory, struct souk_chain_client *chain,
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment, struct souk_hash *ret)
{
	struct souk_allotment_record record;
	const struct memory_root *found = NULL;
	if (memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		found = find_root(memory, escrow, epoch, segment);
		if (found != NULL)
			*ret = found->root;
		pthread_mutex_unlock(&memory->lock);
	}
	if (found != NULL)
		return SOUK_OK;
	SOUK_TRY(souk_chain_allotment(chain, escrow, epoch, segment, &record));
	*ret = record.root;
	if (memory == NULL)
		return SOUK_OK;
	pthread_mutex_lock(&memory->lock);
	memory->roots[memory->root_next++ % MEMORY_ROOTS] =
		(struct memory_root){true, *escrow, epoch, segment, record.root};
	pthread_mutex_unlock(&memory->lock);
	return SOUK_OK;
}

static souk_status copy_list(const struct market_entry *entries, size_t count,
	struct market_entry **ret, size_t *ret_count)
{
	struct market_entry *copy = malloc((count + 1) * sizeof *copy);
	if (copy == NULL)
		return SOUK_IO_MEMORY;
	if (count > 0)
		memcpy(copy, entries, count * sizeof *copy);
	*ret = copy;
	*ret_count = count;
	return SOUK_OK;
}

static souk_status ask_list(struct market_memory *memory, struct souk_chain_client *chain,
	struct market_entry **ret, size_t *ret_count)
{
	struct market_entry *kept;
	uint64_t began_ms = now_ms();
	SOUK_TRY(market_list(chain, ret, ret_count));
	if (memory == NULL || copy_list(*ret, *ret_count, &kept, ret_count) != SOUK_OK)
		return SOUK_OK;
	pthread_mutex_lock(&memory->lock);
	free(memory->list);
	memory->list = kept;
	memory->list_count = *ret_count;
	memory->list_ms = began_ms;
	pthread_mutex_unlock(&memory->lock);
	return SOUK_OK;
}

souk_status memory_list(struct market_memory *memory, struct souk_chain_client *chain,
	struct market_entry **ret, size_t *ret_count, bool *ret_is_old)
{
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	if (memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		if (is_fresh(memory->list_ms, LIST_MS))
			status = copy_list(memory->list, memory->list_count, ret, ret_count);
		pthread_mutex_unlock(&memory->lock);
	}
	*ret_is_old = status == SOUK_OK;
	return status == SOUK_OK ? SOUK_OK : ask_list(memory, chain, ret, ret_count);
}

static souk_status read_agreements(struct souk_chain_client *chain,
	const struct souk_address *party, struct souk_agreement_page *page,
	struct souk_agreement_record **ret, size_t *ret_count)
{
	struct souk_hash from = {{0}};
	do {
		SOUK_TRY(souk_chain_agreements(chain, &from, party, page));
		struct souk_agreement_record *grown =
			realloc(*ret, (*ret_count + page->items.count + 1) * sizeof *grown);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		*ret = grown;
		for (int i = 0; i < page->items.count; i++)
			grown[(*ret_count)++] = page->items.items[i];
		from = page->next;
	} while (page->more);
	return SOUK_OK;
}

/* *RET is heap, also where it fails. */
static souk_status list_agreements(struct souk_chain_client *chain,
	const struct souk_address *party, struct souk_agreement_record **ret, size_t *ret_count)
{
	struct souk_agreement_page *page = malloc(sizeof *page);
	*ret = NULL;
	*ret_count = 0;
	souk_status status =
		page == NULL ? SOUK_IO_MEMORY : read_agreements(chain, party, page, ret, ret_count);
	free(page);
	return status;
}

static souk_status ask_agreements(struct market_memory *memory, struct souk_chain_client *chain,
	const struct souk_address *party,
	void (*visit)(void *ctx, const struct souk_agreement_record *record), void *ctx)
{
	struct souk_agreement_record *items;
	size_t count;
	uint64_t began_ms = now_ms();
	souk_status status = list_agreements(chain, party, &items, &count);
	for (size_t i = 0; i < count && status == SOUK_OK && visit != NULL; i++)
		visit(ctx, &items[i]);
	if (status == SOUK_OK && memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		free(memory->agreements);
		memory->agreements = items;
		memory->agreement_count = count;
		memory->agreements_ms = began_ms;
		pthread_mutex_unlock(&memory->lock);
		items = NULL;
	}
	free(items);
	return status;
}

souk_status memory_agreements(struct market_memory *memory, struct souk_chain_client *chain,
	const struct souk_address *party,
	void (*visit)(void *ctx, const struct souk_agreement_record *record), void *ctx)
{
	bool is_known = false;
	if (memory != NULL) {
		pthread_mutex_lock(&memory->lock);
		is_known = is_fresh(memory->agreements_ms, AGREEMENTS_MS);
		for (size_t i = 0; i < memory->agreement_count && is_known; i++)
			visit(ctx, &memory->agreements[i]);
		pthread_mutex_unlock(&memory->lock);
	}
	return is_known ? SOUK_OK : ask_agreements(memory, chain, party, visit, ctx);
}

/* ------------------------------------------------------------------ who knows better */

void memory_forget_epoch(struct market_memory *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	memory->status_ms = memory->escrow_ms = 0;
	pthread_mutex_unlock(&memory->lock);
}

void memory_forget_list(struct market_memory *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	memory->list_ms = 0;
	pthread_mutex_unlock(&memory->lock);
}

void memory_note_segment(struct market_memory *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	memory->escrow_due = true;
	pthread_cond_signal(&memory->changed);
	pthread_mutex_unlock(&memory->lock);
}

/* ------------------------------------------------------------------ providers */

static bool is_known(const struct memory_provider *provider)
{
	return is_fresh(provider->met_ms, PROVIDER_MS);
}

/* Whether A goes before B where somebody has to: who is not paid before who is. */
static bool goes_before(const struct memory_provider *a, const struct memory_provider *b)
{
	bool a_stays = is_known(a) && a->is_paid, b_stays = is_known(b) && b->is_paid;
	return a_stays != b_stays ? b_stays : a->met_ms < b->met_ms;
}

/* Under the lock: its place, or the one to give it. */
static struct memory_provider *find_provider(
	struct market_memory *memory, const struct souk_address *address)
{
	struct memory_provider *first = &memory->providers[0];
	for (size_t i = 0; i < MEMORY_PROVIDERS_MAX; i++) {
		struct memory_provider *provider = &memory->providers[i];
		if (provider->met_ms != 0 && souk_address_equal(&provider->address, address))
			return provider;
		if (goes_before(provider, first))
			first = provider;
	}
	return first;
}

/* Who is paid is not forgotten for somebody who only sells. */
static void take_place(struct market_memory *memory, struct memory_provider *place,
	const struct market_entry *entry, bool is_paid)
{
	bool is_same = souk_address_equal(&place->address, &entry->address);
	bool was_paid = is_known(place) && place->is_paid;
	if (!is_same && was_paid && !is_paid)
		return;
	*place = (struct memory_provider){.address = entry->address,
		.record = entry->record,
		.price = entry->offer.offer.price,
		.is_paid = is_paid || (is_same && was_paid),
		.met_ms = now_ms()};
	snprintf(place->data_url, sizeof place->data_url, "%s", entry->offer.offer.data_url.text);
	memory->leaves_due |= is_paid;
	memory->touch_due |= !is_same;
	pthread_cond_signal(&memory->changed);
}

void memory_note_provider(
	struct market_memory *memory, const struct market_entry *entry, bool is_paid)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	take_place(memory, find_provider(memory, &entry->address), entry, is_paid);
	pthread_mutex_unlock(&memory->lock);
}

bool memory_last_paid(struct market_memory *memory, struct memory_seller *ret)
{
	const struct memory_provider *last = NULL;
	if (memory == NULL)
		return false;
	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < MEMORY_PROVIDERS_MAX; i++) {
		const struct memory_provider *provider = &memory->providers[i];
		if (is_known(provider) && provider->is_paid &&
			(last == NULL || provider->met_ms > last->met_ms))
			last = provider;
	}
	if (last != NULL)
		*ret = (struct memory_seller){last->address, last->price};
	pthread_mutex_unlock(&memory->lock);
	return last != NULL;
}

bool memory_knows_provider(struct market_memory *memory, const struct souk_address *address)
{
	bool found = false;
	if (memory == NULL)
		return false;
	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < MEMORY_PROVIDERS_MAX; i++) {
		const struct memory_provider *provider = &memory->providers[i];
		found |= is_known(provider) && souk_address_equal(&provider->address, address);
	}
	pthread_mutex_unlock(&memory->lock);
	return found;
}

/* Under the lock: its place, or the oldest. */
static struct memory_sponsor *find_sponsor(
	struct market_memory *memory, const struct souk_address *address)
{
	struct memory_sponsor *oldest = &memory->sponsors[0];
	for (size_t i = 0; i < MEMORY_SPONSORS; i++) {
		struct memory_sponsor *sponsor = &memory->sponsors[i];
		if (sponsor->paid_ms != 0 && souk_address_equal(&sponsor->who.address, address))
			return sponsor;
		if (sponsor->paid_ms < oldest->paid_ms)
			oldest = sponsor;
	}
	return oldest;
}

void memory_note_sponsor(struct market_memory *memory, const struct view_sponsor *sponsor)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	struct memory_sponsor *place = find_sponsor(memory, &sponsor->address);
	memory->touch_due |= place->paid_ms == 0;
	*place = (struct memory_sponsor){*sponsor, now_ms()};
	pthread_cond_signal(&memory->changed);
	pthread_mutex_unlock(&memory->lock);
}

void memory_forget_sponsor(struct market_memory *memory, const struct souk_address *address)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	struct memory_sponsor *place = find_sponsor(memory, address);
	if (souk_address_equal(&place->who.address, address))
		place->paid_ms = 0;
	pthread_mutex_unlock(&memory->lock);
}

bool memory_sponsor(struct market_memory *memory, const char *name, struct view_sponsor *ret)
{
	const struct memory_sponsor *last = NULL;
	if (memory == NULL)
		return false;
	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < MEMORY_SPONSORS; i++) {
		const struct memory_sponsor *sponsor = &memory->sponsors[i];
		if (is_fresh(sponsor->paid_ms, SPONSOR_MS) &&
			(name == NULL || strcmp(sponsor->who.name, name) == 0) &&
			(last == NULL || sponsor->paid_ms > last->paid_ms))
			last = sponsor;
	}
	if (last != NULL)
		*ret = last->who;
	pthread_mutex_unlock(&memory->lock);
	return last != NULL;
}

/* Under the lock, and so the next. */
static struct memory_silent *oldest_silent(struct market_memory *memory)
{
	struct memory_silent *oldest = &memory->silent[0];
	for (size_t i = 1; i < MEMORY_SILENT; i++) {
		if (memory->silent[i].since_ms < oldest->since_ms)
			oldest = &memory->silent[i];
	}
	return oldest;
}

static struct memory_silent *find_silent(
	struct market_memory *memory, const struct souk_address *address)
{
	for (size_t i = 0; i < MEMORY_SILENT; i++) {
		struct memory_silent *silent = &memory->silent[i];
		if (silent->since_ms != 0 && souk_address_equal(&silent->address, address))
			return silent;
	}
	return NULL;
}

void memory_note_silent(struct market_memory *memory, const struct souk_address *address)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	struct memory_silent *place = find_silent(memory, address);
	if (place == NULL)
		place = oldest_silent(memory);
	*place = (struct memory_silent){*address, now_ms()};
	pthread_mutex_unlock(&memory->lock);
}

void memory_note_answer(struct market_memory *memory, const struct souk_address *address)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	struct memory_silent *silent = find_silent(memory, address);
	if (silent != NULL)
		silent->since_ms = 0;
	pthread_mutex_unlock(&memory->lock);
}

bool memory_is_silent(struct market_memory *memory, const struct souk_address *address)
{
	if (memory == NULL)
		return false;
	pthread_mutex_lock(&memory->lock);
	const struct memory_silent *silent = find_silent(memory, address);
	bool is_silent = silent != NULL && is_fresh(silent->since_ms, SILENT_MS);
	pthread_mutex_unlock(&memory->lock);
	return is_silent;
}

size_t memory_providers(
	struct market_memory *memory, struct memory_provider out[MEMORY_PROVIDERS_MAX])
{
	size_t count = 0;
	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < MEMORY_PROVIDERS_MAX; i++) {
		if (is_known(&memory->providers[i]))
			out[count++] = memory->providers[i];
	}
	pthread_mutex_unlock(&memory->lock);
	return count;
}

/* ------------------------------------------------------------------ its thread */

static bool is_due(struct market_memory *memory, const uint64_t *at_ms, uint64_t life_ms)
{
	pthread_mutex_lock(&memory->lock);
	bool due = !memory->stopping && !is_fresh(*at_ms, life_ms / 3);
	pthread_mutex_unlock(&memory->lock);
	return due;
}

/* The segments of EPOCH, of which a purchase looks for those that it has leaves of. */
static void refresh_roots(struct market_memory *memory, const struct souk_hash *id,
	const struct souk_escrow_record *escrow, uint64_t epoch)
{
	struct souk_hash root;
	souk_status status = SOUK_OK;
	for (int i = 0; i < escrow->open.count; i++) {
		uint32_t segments = escrow->open.items[i].segments;
		if (escrow->open.items[i].epoch != epoch)
			continue;
		for (uint32_t s = 0; s < segments && s < MEMORY_ROOTS / 2 && status == SOUK_OK; s++)
			status = memory_root(memory, memory->chain, id, epoch, s, &root);
	}
}

static void refresh_escrow(struct market_memory *memory)
{
	struct souk_escrow_record record;
	struct souk_ledger_status ledger;
	pthread_mutex_lock(&memory->lock);
	bool due = memory->escrow_due || !is_fresh(memory->escrow_ms, ESCROW_MS / 3);
	memory->escrow_due = false;
	pthread_mutex_unlock(&memory->lock);
	if (!due || memory->config.identity == NULL || !memory->config.allots ||
		memory_status(memory, memory->chain, &ledger) != SOUK_OK)
		return;
	struct souk_hash id = escrow_number_id(&ledger.record.ledger,
		&memory->config.identity->address, memory->config.escrow_number);
	/* Who needs what is not known asks, and is told why. */
	if (ask_escrow(memory, memory->chain, &id, &record) == SOUK_OK)
		refresh_roots(memory, &id, &record, ledger.record.epoch);
}

/* What fails is asked again the next time, and by whoever needs it. */
static void refresh(struct market_memory *memory)
{
	struct souk_ledger_status ledger;
	struct market_entry *entries = NULL;
	size_t count;
	souk_status status = SOUK_OK;
	if (is_due(memory, &memory->status_ms, STATUS_MS))
		status = ask_status(memory, memory->chain, &ledger);
	if (status != SOUK_OK)
		return;
	if (is_due(memory, &memory->list_ms, LIST_MS) &&
		ask_list(memory, memory->chain, &entries, &count) == SOUK_OK)
		free(entries);
	refresh_escrow(memory);
	if (memory->config.identity != NULL && memory->config.allots &&
		is_due(memory, &memory->agreements_ms, AGREEMENTS_MS))
		status = ask_agreements(
			memory, memory->chain, &memory->config.identity->address, NULL, NULL);
}

static bool is_used(const struct market_memory *memory)
{
	return is_fresh(memory->used_ms, USE_MS);
}

/* Wait for something to do; false: it stops. */
static bool wait_turn(struct market_memory *memory)
{
	struct timespec until;
	pthread_mutex_lock(&memory->lock);
	while (!memory->stopping && !is_used(memory))
		pthread_cond_wait(&memory->changed, &memory->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)TICK_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!memory->stopping && !memory->leaves_due && !memory->escrow_due && !memory->touch_due &&
		memory->has_begun)
		pthread_cond_timedwait(&memory->changed, &memory->lock, &until);
	memory->has_begun = true;
	bool goes_on = !memory->stopping;
	pthread_mutex_unlock(&memory->lock);
	return goes_on;
}

/* Now and then; where somebody is new; and a moment after each use, as what was open is in use
 * then. */
static bool is_touch_due(struct market_memory *memory)
{
	uint64_t now = now_ms();
	pthread_mutex_lock(&memory->lock);
	uint64_t used_ms = memory->used_ms;
	bool goes_on = !memory->stopping, is_new = memory->touch_due;
	memory->touch_due = false;
	pthread_mutex_unlock(&memory->lock);
	return goes_on && (is_new || now - memory->touched_ms >= TOUCH_MS ||
				  (used_ms > memory->touched_ms && now - used_ms >= SETTLE_MS));
}

static void *run(void *ctx)
{
	struct market_memory *memory = ctx;
	while (wait_turn(memory)) {
		refresh(memory);
		memory_leaves(memory);
		if (is_touch_due(memory)) {
			memory->touched_ms = now_ms();
			memory_touch(memory);
		}
	}
	return NULL;
}

bool memory_is_stopping(struct market_memory *memory)
{
	pthread_mutex_lock(&memory->lock);
	bool stopping = memory->stopping;
	pthread_mutex_unlock(&memory->lock);
	return stopping;
}

void market_memory_use(struct market_memory *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	memory->used_ms = now_ms();
	pthread_cond_signal(&memory->changed);
	pthread_mutex_unlock(&memory->lock);
}

souk_status market_memory_start(
	struct market_memory **ret, const struct market_memory_config *config)
{
	struct market_memory *memory = calloc(1, sizeof *memory);
	pthread_condattr_t attributes;
	if (memory == NULL)
		return SOUK_IO_MEMORY;
	memory->config = *config;
	pthread_mutex_init(&memory->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&memory->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	souk_status status = memory_make_chain(memory);
	memory->runs = status == SOUK_OK && pthread_create(&memory->thread, NULL, run, memory) == 0;
	if (!memory->runs) {
		market_memory_stop(memory);
		return SOUK_IO_MEMORY;
	}
	*ret = memory;
	return SOUK_OK;
}

void market_memory_stop(struct market_memory *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&memory->lock);
	memory->stopping = true;
	pthread_cond_signal(&memory->changed);
	pthread_mutex_unlock(&memory->lock);
	if (memory->runs)
		pthread_join(memory->thread, NULL);
	memory_leaves_done(memory);
	souk_chain_client_free(memory->chain);
	pthread_cond_destroy(&memory->changed);
	pthread_mutex_destroy(&memory->lock);
	free(memory->list);
	free(memory->agreements);
	free(memory);
}
