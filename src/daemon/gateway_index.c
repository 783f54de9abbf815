/* SPDX-License-Identifier: Apache-2.0
 *
 * What is on this machine, and what is in a folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_internal.h"
#include "gateway_page.h"
#include "souk/io/clock_real.h"

static bool wants_json(const struct gateway_call *call)
{
	const char *accept = souk_http_request_header(call->request, "Accept");

	return souk_http_request_has_query(call->request, "json") ||
	       (accept && strncmp(accept, "application/json", 16) == 0);
}

/* PAGE is MEMORY's, which is released with the reply. */
static void reply_page(
	struct gateway_call *call, bool is_json, struct souk_bytes page, void *memory)
{
	souk_http_reply_owned(call->reply, 200,
		is_json ? "application/json" : "text/html; charset=utf-8", page, free, memory);
	gateway_add_header(call, "Content-Security-Policy", GATEWAY_PAGE_POLICY);
	gateway_add_header(call, "Cache-Control", "no-cache");
	gateway_add_common(call);
}

/* ------------------------------------------------------------------ listings */

static struct gateway_folder folder_of(const struct gateway_call *call,
	const struct souk_directory *directory, const struct souk_directory_entry *entry,
	const char *where, char title[SOUK_DIRECTORY_COMPONENT_MAX + 1], uint32_t count)
{
	const char *asked = souk_http_request_query(call->request, "page");
	unsigned long part = asked ? strtoul(asked, NULL, 10) : 1;
	uint32_t parts = (count + GATEWAY_PAGE_ROWS - 1) / GATEWAY_PAGE_ROWS;
	bool is_root = entry->path[0] == 0;

	if (is_root)
		snprintf(title, SOUK_DIRECTORY_COMPONENT_MAX + 1, "%.*s", (int)directory->name.size,
			(const char *)directory->name.data);
	else
		snprintf(title, SOUK_DIRECTORY_COMPONENT_MAX + 1, "%s", entry->name);
	parts = parts ? parts : 1;
	return (struct gateway_folder){
		.title = title,
		.path = where,
		.is_root = is_root,
		.part = part < 1       ? 1
			: part > parts ? parts
				       : (uint32_t)part,
		.parts = parts,
		.count = count,
		.total = entry->size,
	};
}

/* LISTING is at its begin. */
static void put_rows(struct gateway_page *page, const struct gateway_folder *folder,
	struct souk_directory_listing *listing)
{
	struct souk_directory_entry entry;
	uint64_t first = (uint64_t)(folder->part - 1) * GATEWAY_PAGE_ROWS;

	for (uint64_t i = 0; i < first + GATEWAY_PAGE_ROWS; i++) {
		if (!souk_directory_list_next(listing, &entry))
			return;
		struct gateway_row row = {entry.name, entry.is_folder, entry.size, entry.file_count,
			entry.is_folder ? NULL : &entry.id};
		if (i >= first)
			gateway_listing_row(page, &row);
	}
}

void gateway_serve_listing(struct gateway_call *call, const struct souk_directory *directory,
	const char *path, const char *where)
{
	char title[SOUK_DIRECTORY_COMPONENT_MAX + 1];
	struct souk_directory_listing *listing = malloc(sizeof(*listing));
	char *memory = malloc(GATEWAY_PAGE_SIZE_MAX);
	struct souk_directory_entry folder_entry, entry;
	bool is_json = wants_json(call);
	struct gateway_page page;
	uint32_t count = 0;

	souk_status status = listing && memory ? SOUK_OK : SOUK_IO_MEMORY;
	if (status == SOUK_OK)
		status = souk_directory_find(directory, path, &folder_entry);
	if (status == SOUK_OK)
		status = souk_directory_list(listing, directory, path);
	while (status == SOUK_OK && souk_directory_list_next(listing, &entry))
		count++;
	if (status == SOUK_OK)
		status = souk_directory_list(listing, directory, path);
	if (status != SOUK_OK) {
		gateway_refuse(call, status, NULL);
		free(memory);
	} else {
		struct gateway_folder folder =
			folder_of(call, directory, &folder_entry, where, title, count);
		gateway_listing_begin(&page, memory, GATEWAY_PAGE_SIZE_MAX, is_json, &folder);
		put_rows(&page, &folder, listing);
		reply_page(call, is_json, gateway_listing_end(&page, &folder), memory);
	}
	free(listing);
}

/* ------------------------------------------------------------------ the index */

/* Contents as they are found in the store; they are looked at when it is not being walked. */
struct found {
	struct souk_hash ids[GATEWAY_PAGE_ROWS];
	char titles[GATEWAY_PAGE_ROWS][SOUK_DIRECTORY_COMPONENT_MAX + 1];
	uint32_t count;
	bool is_cut;
};

static souk_status find_content(
	void *ctx, const struct souk_hash *content, const struct souk_content_record *record)
{
	struct found *found = ctx;

	if (found->count == GATEWAY_PAGE_ROWS) {
		found->is_cut = true;
		return SOUK_LOCAL_STOPPED;
	}
	found->ids[found->count] = *content;
	snprintf(found->titles[found->count++], SOUK_DIRECTORY_COMPONENT_MAX + 1, "%.*s",
		(int)record->name.size, (const char *)record->name.text);
	return SOUK_OK;
}

static void put_held(
	struct gateway_call *call, struct gateway_page *page, const struct found *found)
{
	for (uint32_t i = 0; i < found->count; i++) {
		struct chunk_item *item;
		char name[SOUK_CONTENT_NAME_SIZE];
		if (chunk_store_take(call->node->chunks, &found->ids[i], &item) != SOUK_OK)
			continue;
		const struct souk_content *content = chunk_item_content(item);
		struct souk_content_name named = souk_content_name_of(content);
		souk_content_name_format(name, &named);
		struct gateway_held held = {name, found->titles[i], content->size,
			souk_content_chunk_count(content), chunk_item_count(item)};
		gateway_index_row(page, &held);
		chunk_item_give(item);
	}
}

static const char *payer_text(const struct gateway_node *node)
{
	switch (node->config.payer) {
	case FETCH_SPONSOR_FIRST: return "the publisher's sponsor, else you";
	case FETCH_SPONSOR: return "the publisher's sponsor, or nobody";
	case FETCH_OWN: break;
	}
	return "you";
}

void gateway_serve_index(struct gateway_call *call)
{
	struct gateway_node *node = call->node;
	char budget[SOUK_AMOUNT_TEXT_SIZE], spent[SOUK_AMOUNT_TEXT_SIZE];
	char given[SOUK_AMOUNT_TEXT_SIZE];
	struct souk_amount spent_amount, given_amount;
	char price[SOUK_AMOUNT_TEXT_SIZE] = "";
	struct chunk_store_figures figures = chunk_store_figures_now(node->chunks);
	struct found *found = calloc(1, sizeof(*found));
	char *memory = malloc(GATEWAY_PAGE_SIZE_MAX);
	bool is_json = wants_json(call);
	struct gateway_page page;

	souk_status status =
		found && memory ? provider_store_each_content(
					  chunk_store_records(node->chunks), find_content, found)
				: SOUK_IO_MEMORY;
	if (status != SOUK_OK && status != SOUK_LOCAL_STOPPED) {
		gateway_refuse(call, status, NULL);
		free(found);
		free(memory);
		return;
	}
	souk_amount_format(budget, node->config.budget);
	gateway_purse_figures(
		node->purse, souk_clock_now(souk_clock_real()).ms, &spent_amount, &given_amount);
	souk_amount_format(spent, spent_amount);
	souk_amount_format(given, given_amount);
	if (node->config.price_max.ncoin > 0)
		souk_amount_format(price, node->config.price_max);
	struct gateway_state state = {.url = node->url,
		.payer = payer_text(node),
		.budget = budget,
		.spent = spent,
		.given = given,
		.price_max = price,
		.cache_used = figures.used,
		.cache_limit = figures.limit,
		.pinned = figures.pinned,
		.fetching = gateway_contents_fetching(node->contents),
		.is_cut = found->is_cut};
	gateway_index_begin(&page, memory, GATEWAY_PAGE_SIZE_MAX, is_json, &state);
	put_held(call, &page, found);
	free(found);
	reply_page(call, is_json, gateway_index_end(&page, &state), memory);
}
