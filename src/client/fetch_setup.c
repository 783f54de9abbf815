/* SPDX-License-Identifier: Apache-2.0
 *
 * Before anything is paid: who has the content, in which shape, and its chunk row. */
#include <stdio.h>
#include <stdlib.h>

#include "fetch_ask.h"
#include "fetch_first.h"
#include "souk/base/check.h"

/* Of those that sell a content, the cheapest: connections to them are kept. */
#define SELLERS_NOTED 6u

static bool same_shape(const struct souk_offer *a, const struct souk_offer *b)
{
	return a->size == b->size && a->chunk_size == b->chunk_size;
}

/* The id alone does not prove the size, and providers may disagree: most of them decide, the
 * cheapest where that is no answer. A user who knows better writes ID.SIZE. */
static const struct souk_offer *choose_shape(const struct fetch *fetch, size_t offers)
{
	size_t best = 0, best_votes = 0;
	for (size_t i = 0; i < offers; i++) {
		size_t votes = 0;
		for (size_t k = 0; k < offers; k++)
			votes += same_shape(
				&fetch->entries[i].offer.offer, &fetch->entries[k].offer.offer);
		if (votes > best_votes) {
			best = i;
			best_votes = votes;
		}
	}
	if (best_votes < offers)
		fetch_note(fetch, "%zu of %zu offers are of another size, and are left out",
			offers - best_votes, offers);
	return &fetch->entries[best].offer.offer;
}

/* Who does not answer may well have it: that is worth another try, the other is not. */
static souk_status no_offer(const struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	char text[128];
	souk_status status = SOUK_PEER_UNKNOWN_CONTENT;
	size_t silent = 0;
	for (size_t i = 0; i < fetch->entry_count; i++) {
		if (souk_status_class(fetch->entries[i].status) != SOUK_CLASS_IO)
			continue;
		silent++;
		status = fetch->entries[i].status;
	}
	snprintf(text, sizeof text, "%s: %zu provider%s asked, %zu did not answer",
		silent > 0 ? "nobody who answers offers this content"
			   : "nobody offers this content",
		fetch->entry_count, fetch->entry_count == 1 ? "" : "s", silent);
	fetch_tell(detail, text,
		silent > 0 ? "Try again later; souk offers with this id shows who is silent."
			   : NULL);
	return status;
}

static souk_status choose_content(
	struct fetch *fetch, size_t offers, char detail[FETCH_DETAIL_SIZE])
{
	const struct souk_content known = fetch->content;
	struct souk_offer shape = {.size = known.size, .chunk_size = known.chunk_size};
	if (fetch->chunk_count == 0)
		shape = *choose_shape(fetch, offers);
	size_t kept = 0;
	for (size_t i = 0; i < offers; i++) {
		if (same_shape(&fetch->entries[i].offer.offer, &shape))
			fetch->entries[kept++] = fetch->entries[i];
	}
	fetch->entry_count = kept;
	if (fetch->chunk_count != 0)
		return kept > 0 ? SOUK_OK : no_offer(fetch, detail);
	souk_status status = souk_content_check(
		&fetch->content, &fetch->config.name, shape.size, shape.chunk_size);
	if (status != SOUK_OK)
		fetch_tell(detail, "the offers", NULL);
	fetch->chunk_count = status == SOUK_OK ? souk_content_chunk_count(&fetch->content) : 0;
	return status;
}

/* A cache, or a gateway that sells on, is on the ledger too: nobody buys from himself. */
static void leave_out_self(struct fetch *fetch)
{
	size_t kept = 0;
	for (size_t i = 0; i < fetch->entry_count; i++) {
		if (fetch->config.identity == NULL ||
			!souk_address_equal(
				&fetch->entries[i].address, &fetch->config.identity->address))
			fetch->entries[kept++] = fetch->entries[i];
	}
	fetch->entry_count = kept;
}

/* Who is on the ledger, or was a moment ago. */
static souk_status list_all(struct fetch *fetch, bool *ret_is_old, char detail[FETCH_DETAIL_SIZE])
{
	free(fetch->entries);
	fetch->entries = NULL;
	fetch->entry_count = 0;
	souk_status status = memory_list(fetch->config.memory, fetch->chain, &fetch->entries,
		&fetch->entry_count, ret_is_old);
	if (status != SOUK_OK) {
		fetch_tell_ledger(detail, "cannot list the providers", status, fetch->chain);
		return status;
	}
	leave_out_self(fetch);
	return SOUK_OK;
}

/* Who of them sells it. */
static souk_status ask_all(
	struct fetch *fetch, size_t *ret_offers, bool *ret_is_old, char detail[FETCH_DETAIL_SIZE])
{
	SOUK_TRY(list_all(fetch, ret_is_old, detail));
	souk_status status = fetch_ask_offers(fetch->ask);
	if (status != SOUK_OK) {
		fetch_tell(detail, "cannot ask for offers", NULL);
		return status;
	}
	*ret_offers = market_sort(fetch->entries, fetch->entry_count);
	return SOUK_OK;
}

/* More is likely to be wanted of those that sell this. */
static void note_sellers(struct fetch *fetch)
{
	fetch->has_sellers = true;
	for (size_t i = 0; i < fetch->entry_count && i < SELLERS_NOTED; i++)
		memory_note_provider(fetch->config.memory, &fetch->entries[i], false);
}

/* Who lets a named sponsor pay, or nobody, needs no offers: and no list of providers, but to
 * remember those that served. */
static souk_status ask_sponsor(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	bool is_old;
	if (fetch->config.payer != FETCH_SPONSOR || fetch->config.sponsor == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	if (fetch->config.memory != NULL)
		SOUK_TRY(list_all(fetch, &is_old, detail));
	return fetch_find_named(fetch, detail);
}

souk_status fetch_find(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	size_t offers;
	bool is_old;
	souk_status status = ask_sponsor(fetch, detail);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	fetch_tell(detail, "cannot ask for offers", NULL);
	SOUK_TRY(fetch_ask_new(&fetch->ask, fetch));
	SOUK_TRY(ask_all(fetch, &offers, &is_old, detail));
	if (fetch_first_has_come(fetch))
		return fetch_first_content(fetch);
	/* Somebody may have come to the market since. */
	if (offers == 0 && is_old) {
		memory_forget_list(fetch->config.memory);
		SOUK_TRY(ask_all(fetch, &offers, &is_old, detail));
	}
	if (offers == 0)
		return no_offer(fetch, detail);
	SOUK_TRY(choose_content(fetch, offers, detail));
	note_sellers(fetch);
	return SOUK_OK;
}

souk_status fetch_load_row(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	if (fetch->chunk_count == 0 || fetch->row != NULL)
		return SOUK_OK;
	souk_status status = fetch_ask_row(fetch->ask, &fetch->row);
	if (status != SOUK_OK)
		fetch_tell(detail, "no provider gave the chunk list", NULL);
	return status;
}
