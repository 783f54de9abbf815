/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching with one's own money: from opening to the end. */
#include "fetch_paid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fetch_hub.h"
#include "http_keep.h"
#include "souk/base/check.h"
#include "souk/io/thread.h"

#define PROVIDERS_DEFAULT  8u
#define SLOTS_PER_PROVIDER 16u
#define OPENERS		   4u
#define PROVIDERS_SIZE	   (SOUK_DOWNLOAD_PROVIDERS_MAX * sizeof(struct paid_provider))

_Static_assert(PAID_TRANSFERS + SOUK_DOWNLOAD_PROVIDERS_MAX <= KEEP_ENGINE_TRANSFERS,
	"an engine takes every transfer of a fetch");

/* ------------------------------------------------------------------ opening */

static bool is_dearer(const struct paid *paid, const struct market_entry *entry)
{
	struct souk_amount cost;
	if (paid->config->price_max.ncoin == 0)
		return false;
	return souk_hub_price(&cost, entry->offer.offer.price, paid->fee_permille) != SOUK_OK ||
	       cost.ncoin > paid->config->price_max.ncoin;
}

static struct souk_amount or_no_limit(struct souk_amount amount)
{
	return amount.ncoin != 0 ? amount : souk_amount_of_ncoin(UINT64_MAX);
}

static souk_status make_plan(struct paid *paid)
{
	const struct fetch *fetch = paid->fetch;
	size_t words = SOUK_BITMAP_WORDS((size_t)fetch->chunk_count);
	struct souk_download_config config = {
		.content = fetch->content,
		.budget = or_no_limit(paid->config->budget),
		.price_max = or_no_limit(paid->config->price_max),
		.timeout_ms = paid->config->timeout_ms,
		.session_units_max = paid->config->is_streaming ? FETCH_STREAM_UNITS : 0,
		.wants_only = paid->config->is_streaming,
		.seed = paid->config->seed,
		.no_hedges = paid->config->no_hedges,
	};
	paid->slot_count = (uint32_t)paid->provider_count * SLOTS_PER_PROVIDER;
	if (paid->slot_count > SOUK_DOWNLOAD_SLOTS_MAX)
		paid->slot_count = SOUK_DOWNLOAD_SLOTS_MAX;
	config.slot_count = paid->slot_count;
	if (paid->hub != NULL)
		paid_hub_plan(paid, &config);
	paid->bitmaps =
		calloc((2 + SOUK_DOWNLOAD_PROVIDERS_MAX) * words + 1, sizeof *paid->bitmaps);
	if (paid->bitmaps == NULL)
		return SOUK_IO_MEMORY;
	souk_download_init(&paid->download, &config, paid->bitmaps, paid->bitmaps + words);
	return SOUK_OK;
}

/* The next of the cheapest that are cheap enough; NULL: there is none, or no room. */
static struct paid_provider *choose_next(struct paid *paid)
{
	const struct fetch *fetch = paid->fetch;
	for (; paid->entry_next < fetch->entry_count; paid->entry_next++) {
		const struct market_entry *entry = &fetch->entries[paid->entry_next];
		if (paid->provider_count == SOUK_DOWNLOAD_PROVIDERS_MAX)
			return NULL;
		if (is_dearer(paid, entry))
			continue;
		struct paid_provider *provider = &paid->providers[paid->provider_count++];
		provider->paid = paid;
		provider->entry = *entry;
		paid->entry_next++;
		return provider;
	}
	return NULL;
}

/* No more than there are chunks, since each costs a session; but two, as one may fail. */
static size_t providers_at_first(const struct paid *paid)
{
	uint64_t max = paid->config->providers_max;
	size_t count = max == 0 ? PROVIDERS_DEFAULT : (size_t)max;
	size_t useful = paid->fetch->chunk_count < 2 ? 2 : paid->fetch->chunk_count;
	return count < useful ? count : useful;
}

static souk_status choose_providers(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	/* They stay where they are: other threads know them. Few are used: the kernel's zeros cost
	 * nothing for the others. */
	void *memory = mmap(
		NULL, PROVIDERS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return SOUK_IO_MEMORY;
	paid->providers = memory;
	while (paid->provider_count < providers_at_first(paid) && choose_next(paid) != NULL)
		;
	if (paid->provider_count > 0)
		return SOUK_OK;
	fetch_tell(detail,
		paid->hub != NULL ? "no offer is cheap enough with the hub's fee"
				  : "no offer is cheap enough",
		"See who sells it, and for what: souk offers ID");
	return SOUK_LOCAL_BUDGET;
}

static souk_status open_parts(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	if (paid->config->hub_name != NULL)
		SOUK_TRY(paid_hub_begin(paid, detail));
	SOUK_TRY(choose_providers(paid, detail));
	fetch_tell(detail, "the plan", NULL);
	SOUK_TRY(make_plan(paid));
	return paid->hub != NULL ? SOUK_OK : paid_find_money(paid, detail);
}

/* ------------------------------------------------------------------ running */

static souk_status make_tools(struct paid *paid)
{
	unsigned processors = souk_thread_processors();
	unsigned checkers = processors > 2 ? processors / 2 : 1;
	paid->slots =
		aligned_alloc(4096, (size_t)paid->slot_count * paid->fetch->content.chunk_size);
	if (paid->slots == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(souk_worker_start(&paid->checkers, checkers, SOUK_DOWNLOAD_SLOTS_MAX));
	unsigned openers =
		paid->provider_count < OPENERS ? (unsigned)paid->provider_count + 1 : OPENERS;
	return souk_worker_start(&paid->openers, openers, 2 * SOUK_DOWNLOAD_PROVIDERS_MAX);
}

static souk_status add_provider(struct paid *paid, struct paid_provider *provider)
{
	provider->customer = calloc(1, sizeof *provider->customer);
	if (provider->customer == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(provider_client_init(
		&provider->client, &provider->entry.record, paid->config->timeout_ms));
	SOUK_TRY(souk_download_add(&paid->download, &provider->entry.offer.offer,
		provider->customer, paid_now(), &provider->number));
	size_t words = SOUK_BITMAP_WORDS((size_t)paid->fetch->chunk_count);
	souk_download_keep_parts(
		&paid->download, provider->number, paid->bitmaps + (2 + provider->number) * words);
	return SOUK_OK;
}

static void free_provider(struct paid_provider *provider)
{
	if (provider->customer == NULL)
		return;
	paid_end_strip(provider);
	paid_strip_drop(provider);
	souk_customer_wipe(provider->customer);
	free(provider->customer);
	provider_client_done(&provider->client);
}

static souk_status add_providers(struct paid *paid)
{
	for (size_t i = 0; i < paid->provider_count; i++)
		SOUK_TRY(add_provider(paid, &paid->providers[i]));
	return SOUK_OK;
}

void paid_replace(struct paid *paid)
{
	bool may = paid->download.state == SOUK_DOWNLOAD_RUNNING &&
		   (paid->config->providers_max == 0 ||
			   paid->provider_count < paid->config->providers_max);
	struct paid_provider *provider = may ? choose_next(paid) : NULL;
	if (provider == NULL || add_provider(paid, provider) == SOUK_OK)
		return;
	/* The planner does not know it: it was the last in the list, and is forgotten. */
	free(provider->customer);
	provider->customer = NULL;
	provider_client_done(&provider->client);
	paid->provider_count--;
}

static const char *allot_advice(const struct paid *paid, souk_status status)
{
	if (status == SOUK_LOCAL_BUDGET && paid->config->issuer_name != NULL)
		return "No leaf of this epoch names that issuer; its owner makes them: souk escrow "
		       "stand";
	if (status == SOUK_PEER_ALLOTMENT_OVER_LINE)
		return "What your escrow may spend in this epoch is allotted already. Wait for the "
		       "next\nepoch (souk ledger show), or open a longer line: souk escrow open "
		       "--number 1";
	return NULL;
}

/* What the loop needs; the first allotment. */
static souk_status begin(struct paid *paid, char detail[FETCH_DETAIL_SIZE])
{
	fetch_tell(detail, "cannot start", NULL);
	SOUK_TRY(make_tools(paid));
	SOUK_TRY(add_providers(paid));
	SOUK_TRY(paid_notes_start(paid));
	souk_status status = paid_find_agreements(paid);
	if (status != SOUK_OK) {
		fetch_tell_ledger(detail, "the agreement", status, paid->fetch->chain);
		return status;
	}
	status = paid->hub != NULL ? paid_hub_start(paid) : paid_allot_first(paid);
	if (status == SOUK_OK)
		return SOUK_OK;
	fetch_tell_ledger(
		detail, "cannot allot money to the providers", status, paid->fetch->chain);
	if (allot_advice(paid, status) != NULL)
		fetch_tell(
			detail, "cannot allot money to the providers", allot_advice(paid, status));
	return status;
}

static souk_status run(void *hands, char detail[FETCH_DETAIL_SIZE])
{
	struct paid *paid = hands;
	paid->result = SOUK_OK;
	if (paid->download.state != SOUK_DOWNLOAD_RUNNING) /* everything was there */
		return SOUK_OK;
	SOUK_TRY(begin(paid, detail));
	paid->has_begun = true;
	fetch_begins(paid->fetch);
	paid_loop(paid);
	paid_write_evidence(paid);
	if (paid->result != SOUK_OK)
		fetch_tell(detail, "not complete",
			paid->result == SOUK_PEER_HUB_CREDIT
				? "Put more in: souk hub redeem CODE --hub NAME"
				: NULL);
	return paid->result;
}

/* ------------------------------------------------------------------ the table */

static void have(void *hands, uint32_t chunk)
{
	struct paid *paid = hands;
	souk_download_have(&paid->download, chunk);
}

static void want(void *hands, uint32_t first, uint32_t count)
{
	struct paid *paid = hands;
	pthread_mutex_lock(&paid->lock);
	if (count == 0)
		paid->want_count = 0;
	if (paid->want_count == FETCH_WANTS_MAX)
		memmove(paid->wants, paid->wants + 1, --paid->want_count * sizeof *paid->wants);
	paid->wants[paid->want_count++] = (struct fetch_range){first, count};
	pthread_mutex_unlock(&paid->lock);
	paid_wake(paid);
}

static void stop(void *hands)
{
	struct paid *paid = hands;
	pthread_mutex_lock(&paid->lock);
	paid->is_stopped = true;
	pthread_mutex_unlock(&paid->lock);
	paid_wake(paid);
}

static struct fetch_figures figures(void *hands)
{
	struct paid *paid = hands;
	pthread_mutex_lock(&paid->lock);
	struct fetch_figures figures = paid->figures;
	pthread_mutex_unlock(&paid->lock);
	return figures;
}

static struct fetch_source source_of(const struct paid_provider *provider)
{
	const struct souk_download *download = &provider->paid->download;
	const struct souk_download_provider *p = &download->providers[provider->number];
	return (struct fetch_source){
		.address = provider->entry.address,
		.price = provider->entry.offer.offer.price,
		.units = p->units_verified,
		.bytes = p->bytes_verified,
		.spent = souk_download_spent(download, provider->number),
		.units_paid = souk_download_paid(download, provider->number),
		.units_lost = souk_download_lost(download, provider->number),
		.units_spare = p->units_spare,
		.dropped = provider->dropped,
		.is_accountable = provider->is_accountable,
	};
}

static size_t sources(void *hands, struct fetch_source *out, size_t max)
{
	const struct paid *paid = hands;
	size_t count = paid->has_begun ? paid->provider_count : 0;
	for (size_t i = 0; i < count && i < max; i++)
		out[i] = source_of(&paid->providers[i]);
	return count < max ? count : max;
}

static void done(void *hands)
{
	struct paid *paid = hands;
	souk_worker_stop(paid->openers);
	paid_hub_end(paid);
	souk_worker_stop(paid->checkers);
	paid_stop_asking(paid);
	http_keep_give_engine(paid->fetcher);
	for (size_t i = 0; i < paid->provider_count; i++)
		free_provider(&paid->providers[i]);
	paid_notes_stop(paid);
	paid_leave_plans(paid);
	wallet_close(paid->wallet);
	free(paid->slots);
	free(paid->statements);
	free(paid->plans);
	free(paid->own);
	free(paid->roots);
	if (paid->providers != NULL)
		munmap(paid->providers, PROVIDERS_SIZE);
	free(paid->bitmaps);
	pthread_mutex_destroy(&paid->money_lock);
	pthread_mutex_destroy(&paid->lock);
	free(paid);
}

static const struct fetch_way paid_way = {
	.have = have,
	.run = run,
	.want = want,
	.stop = stop,
	.figures = figures,
	.sources = sources,
	.free = done,
};

souk_status paid_open(struct fetch *fetch, struct fetch_engine *ret, char detail[FETCH_DETAIL_SIZE])
{
	struct paid *paid = calloc(1, sizeof *paid);
	fetch_tell(detail, "cannot start", NULL);
	if (paid == NULL)
		return SOUK_IO_MEMORY;
	paid->fetch = fetch;
	paid->config = &fetch->config;
	paid->identity = fetch->config.identity;
	pthread_mutex_init(&paid->money_lock, NULL);
	pthread_mutex_init(&paid->lock, NULL);
	/* First of all, since others wake it. */
	souk_status status = http_keep_take_engine(&paid->fetcher);
	if (status == SOUK_OK)
		status = open_parts(paid, detail);
	if (status != SOUK_OK) {
		done(paid);
		return status;
	}
	*ret = (struct fetch_engine){&paid_way, paid};
	return SOUK_OK;
}
