/* SPDX-License-Identifier: Apache-2.0 */
#include "market.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_client.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/exchange/session.h"
#include "souk/io/worker.h"

#define ASK_THREADS   16
#define PROVIDERS_MAX 4096

static souk_status list_pages(struct souk_chain_client *chain, struct souk_provider_page *page,
	struct market_entry **ret, size_t *ret_count)
{
	struct souk_address from = {{0}};
	struct market_entry *entries = NULL;
	size_t count = 0;
	do {
		souk_status status = souk_chain_providers(chain, &from, page);
		struct market_entry *grown =
			status != SOUK_OK ? NULL
					  : realloc(entries, (count + page->entries.count + 1) *
								     sizeof *entries);
		if (grown == NULL) {
			free(entries);
			return status != SOUK_OK ? status : SOUK_IO_MEMORY;
		}
		entries = grown;
		for (int i = 0; i < page->entries.count; i++) {
			from = page->entries.items[i].address;
			if (page->entries.items[i].record.unbonding)
				continue;
			entries[count++] = (struct market_entry){.address = from,
				.record = page->entries.items[i].record,
				.status = SOUK_LOCAL_NOT_FOUND};
		}
		/* The next page starts after the last address: at it plus one. */
		for (int i = SOUK_ADDRESS_SIZE - 1; i >= 0 && ++from.bytes[i] == 0; i--)
			;
	} while (page->more && page->entries.count > 0 && count < PROVIDERS_MAX);
	*ret = entries;
	*ret_count = count;
	return SOUK_OK;
}

souk_status market_list(
	struct souk_chain_client *chain, struct market_entry **ret, size_t *ret_count)
{
	struct souk_provider_page *page = malloc(sizeof *page);
	souk_status status =
		page == NULL ? SOUK_IO_MEMORY : list_pages(chain, page, ret, ret_count);
	free(page);
	return status;
}

struct ask_job {
	struct market_entry *entry;
	const struct souk_content_name *name;
	uint64_t timeout_ms;
};

/* Whether the entry's offer is one of the content that NAME names. */
static souk_status check_offer(struct market_entry *entry, const struct souk_content_name *name)
{
	struct souk_content content;
	const struct souk_offer *offer = &entry->offer.offer;
	SOUK_TRY(souk_offer_verify(&entry->offer, souk_clock_now(souk_clock_real())));
	if (!souk_address_equal(&offer->provider, &entry->address) ||
		!souk_hash_equal(&offer->content, &name->id))
		return SOUK_PEER_BAD_OFFER;
	return souk_content_check(&content, name, offer->size, offer->chunk_size);
}

souk_status market_take_offer(
	struct market_entry *entry, const struct souk_content_name *name, struct souk_bytes bytes)
{
	struct souk_wire_error where;
	SOUK_TRY(souk_signed_offer_decode(&entry->offer, bytes, &where));
	return check_offer(entry, name);
}

static souk_status ask_one(struct ask_job *job, struct provider_client *client)
{
	SOUK_TRY(provider_client_offer(client, &job->name->id, &job->entry->offer));
	return check_offer(job->entry, job->name);
}

static void run_ask(void *ctx)
{
	struct ask_job *job = ctx;
	struct provider_client client;
	job->entry->status = provider_client_init(&client, &job->entry->record, job->timeout_ms);
	if (job->entry->status == SOUK_OK) {
		job->entry->status = ask_one(job, &client);
		memcpy(job->entry->detail, client.control.detail, sizeof job->entry->detail);
	}
	provider_client_done(&client);
}

souk_status market_ask_offers(struct market_entry *entries, size_t count,
	const struct souk_content_name *name, uint64_t timeout_ms)
{
	struct souk_worker *worker;
	struct ask_job *jobs = calloc(count + 1, sizeof *jobs);
	souk_status status =
		jobs == NULL ? SOUK_IO_MEMORY
			     : souk_worker_start(&worker,
				       count < ASK_THREADS ? (unsigned)count + 1 : ASK_THREADS,
				       (unsigned)count + 1);
	if (status != SOUK_OK) {
		free(jobs);
		return status;
	}
	size_t running = 0;
	for (; running < count && status == SOUK_OK; running += status == SOUK_OK) {
		jobs[running] = (struct ask_job){&entries[running], name, timeout_ms};
		status = souk_worker_submit(worker, run_ask, &jobs[running]);
	}
	while (running > 0) {
		struct pollfd wait = {.fd = souk_worker_fd(worker), .events = POLLIN};
		void *done;
		poll(&wait, 1, 1000);
		while (souk_worker_next_done(worker, &done))
			running--;
	}
	souk_worker_stop(worker);
	free(jobs);
	return status;
}

static int compare(const void *a, const void *b)
{
	const struct market_entry *p = a, *q = b;
	if ((p->status == SOUK_OK) != (q->status == SOUK_OK))
		return p->status == SOUK_OK ? -1 : 1;
	if (p->status == SOUK_OK && p->offer.offer.price.ncoin != q->offer.offer.price.ncoin)
		return p->offer.offer.price.ncoin < q->offer.offer.price.ncoin ? -1 : 1;
	return memcmp(p->address.bytes, q->address.bytes, SOUK_ADDRESS_SIZE);
}

size_t market_sort(struct market_entry *entries, size_t count)
{
	size_t offers = 0;
	if (count > 0)
		qsort(entries, count, sizeof *entries, compare);
	while (offers < count && entries[offers].status == SOUK_OK)
		offers++;
	return offers;
}
