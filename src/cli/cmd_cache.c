/* SPDX-License-Identifier: Apache-2.0
 *
 * cache: what a home's cache holds, what it earned, and whom it serves it for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../daemon/provider_store.h"
#include "../daemon/records.h"
#include "cli.h"
#include "souk/content/chunk.h"

#define KIND_RECRUIT 'E'

static bool wants_sponsors;

/* A content that may be evicted. */
struct item {
	struct souk_content content;
	struct souk_cache_record cache;
	uint64_t here;		   /* bytes */
	uint32_t recruits;	   /* that it is promised for */
	struct souk_time promised; /* until then */
	struct souk_amount price;  /* the least that a sponsor pays; zero: the home's */
};

struct items {
	const struct provider_store *store;
	struct item *items;
	size_t count, max;
	struct souk_recruit_record *recruits;
	size_t recruit_count, recruit_max;
};

/* ------------------------------------------------------------------ reading */

static bool grow(void **items, size_t *max, size_t count, size_t item_size)
{
	if (count < *max)
		return true;
	size_t wanted = *max == 0 ? 64 : *max * 2;
	void *grown = realloc(*items, wanted * item_size);
	if (grown == NULL)
		return false;
	*items = grown;
	*max = wanted;
	return true;
}

/* Bytes that are here, by the file of bits. */
static uint64_t bytes_here(const struct provider_store *store, const struct souk_content *content)
{
	char path[512];
	uint64_t sum = 0;
	provider_store_have_path(store, &content->id, path);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return content->size;
	int byte;
	for (uint32_t i = 0; (byte = getc(file)) != EOF; i += 8) {
		for (uint32_t bit = 0; bit < 8; bit++)
			sum += (byte >> bit & 1) != 0 ? souk_content_chunk_length(content, i + bit)
						      : 0;
	}
	fclose(file);
	return sum;
}

static souk_status note_item(
	void *ctx, const struct souk_hash *id, const struct souk_cache_record *cache)
{
	struct items *items = ctx;
	struct souk_content_record record;
	souk_status status = provider_store_content(items->store, id, &record);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_OK; /* it has just gone */
	if (status != SOUK_OK)
		return status;
	if (!grow((void **)&items->items, &items->max, items->count, sizeof *items->items))
		return SOUK_IO_MEMORY;
	struct item *item = &items->items[items->count++];
	*item = (struct item){.content = {*id, record.size, record.chunk_size}, .cache = *cache};
	item->here = bytes_here(items->store, &item->content);
	return SOUK_OK;
}

static souk_status note_recruit(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct items *items = ctx;
	(void)id;
	if (!grow((void **)&items->recruits, &items->recruit_max, items->recruit_count,
		    sizeof *items->recruits))
		return SOUK_IO_MEMORY;
	struct souk_recruit_record *record = &items->recruits[items->recruit_count];
	if (souk_recruit_record_decode(record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	souk_bytes_wipe(&record->secret, sizeof record->secret);
	items->recruit_count++;
	return SOUK_OK;
}

static void join(struct items *items)
{
	struct souk_time now = cli_now();
	for (size_t i = 0; i < items->recruit_count; i++) {
		const struct souk_recruit_record *record = &items->recruits[i];
		const struct souk_recruit *recruit = &record->recruit.recruit;
		for (size_t k = 0; k < items->count; k++) {
			struct item *item = &items->items[k];
			if (!record->enlisted || !souk_time_is_before(now, recruit->expires) ||
				!souk_hash_equal(&recruit->content, &item->content.id))
				continue;
			item->recruits++;
			if (souk_time_is_before(item->promised, recruit->expires))
				item->promised = recruit->expires;
			if (item->price.ncoin == 0 ||
				souk_amount_is_less(record->price, item->price))
				item->price = record->price;
		}
	}
}

/* The next to go last: so as eviction sees them. */
static int by_priority(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->cache.priority != y->cache.priority)
		return x->cache.priority < y->cache.priority ? 1 : -1;
	return x->cache.used.ms < y->cache.used.ms   ? 1
	       : x->cache.used.ms > y->cache.used.ms ? -1
						     : 0;
}

static souk_status read_items(struct items *items, struct provider_store *store)
{
	souk_status status = provider_store_open(store, cli_home_path(), true);
	if (status != SOUK_OK)
		return status;
	items->store = store;
	status = provider_store_each_cache(store, note_item, items);
	if (status == SOUK_OK)
		status = records_each(store->lmdb, KIND_RECRUIT, note_recruit, items);
	provider_store_close(store);
	join(items);
	if (items->count > 0)
		qsort(items->items, items->count, sizeof *items->items, by_priority);
	return status;
}

/* ------------------------------------------------------------------ printing */

/* What it earned for each GiB of its size: revenue per byte, in readable numbers. */
static struct souk_amount earned_per_gib(const struct item *item)
{
	__extension__ unsigned __int128 wide = item->cache.earned.ncoin;
	uint64_t size = item->content.size > 0 ? item->content.size : 1;
	wide = (wide << 30) / size;
	return souk_amount_of_ncoin(wide > UINT64_MAX ? UINT64_MAX : (uint64_t)wide);
}

static json_t *item_json(const struct item *item)
{
	struct souk_content_name name = souk_content_name_of(&item->content);
	char text[SOUK_CONTENT_NAME_SIZE];
	souk_content_name_format(text, &name);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:I}", "content", text,
		"size_bytes", (json_int_t)item->content.size, "here_bytes", (json_int_t)item->here,
		"units_sold", (json_int_t)item->cache.units, "earned_ncoin",
		(json_int_t)item->cache.earned.ncoin, "earned_ncoin_per_gib",
		(json_int_t)earned_per_gib(item).ncoin, "spent_ncoin",
		(json_int_t)item->cache.spent.ncoin, "sponsor_price_ncoin",
		(json_int_t)item->price.ncoin, "used_ms", (json_int_t)item->cache.used.ms,
		"recruits", (int)item->recruits, "promised_until_ms",
		(json_int_t)item->promised.ms);
}

static json_t *recruit_json(const struct souk_recruit_record *record)
{
	const struct souk_recruit *recruit = &record->recruit.recruit;
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:s}", "content",
		cli_hash_text(&recruit->content), "sponsor", cli_address_text(&recruit->sponsor),
		"escrow", cli_hash_text(&recruit->escrow), "enlisted", record->enlisted,
		"price_ncoin", (json_int_t)record->price.ncoin, "expires_ms",
		(json_int_t)recruit->expires.ms, "url", recruit->url.text);
}

static void print_json(const struct items *items)
{
	json_t *contents = json_array(), *recruits = json_array();
	uint64_t bytes = 0;
	for (size_t i = 0; i < items->count; i++) {
		bytes += items->items[i].content.size;
		json_array_append_new(contents, item_json(&items->items[i]));
	}
	for (size_t i = 0; i < items->recruit_count; i++)
		json_array_append_new(recruits, recruit_json(&items->recruits[i]));
	cli_print_json(json_pack("{s:I, s:o, s:o}", "size_bytes", (json_int_t)bytes, "contents",
		contents, "recruits", recruits));
}

static void print_contents(const struct items *items)
{
	static const char *const headings[] = {"content", "size", "here", "units sold", "earned",
		"earned per GiB", "paid for it", "promised until"};
	static const bool is_number[] = {false, true, true, true, true, true, true, false};
	struct cli_table *table = cli_table_new(8, headings, is_number);
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->items[i];
		struct souk_content_name name = souk_content_name_of(&item->content);
		char id[SOUK_CONTENT_NAME_SIZE], units[24], here[24];
		souk_content_name_format(id, &name);
		snprintf(units, sizeof units, "%" PRIu64, item->cache.units);
		snprintf(here, sizeof here, "%.0f %%",
			item->content.size == 0
				? 100.0
				: 100.0 * (double)item->here / (double)item->content.size);
		const char *cells[] = {id, cli_size_text(item->content.size), here, units,
			cli_amount_text(item->cache.earned), cli_amount_text(earned_per_gib(item)),
			cli_amount_text(item->cache.spent),
			item->recruits > 0 ? cli_date_text(item->promised) : "-"};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_recruits(const struct items *items)
{
	static const char *const headings[] = {
		"sponsor", "content", "state", "price per unit", "until"};
	static const bool is_number[] = {false, false, false, true, false};
	struct cli_table *table = cli_table_new(5, headings, is_number);
	for (size_t i = 0; i < items->recruit_count; i++) {
		const struct souk_recruit_record *record = &items->recruits[i];
		const struct souk_recruit *recruit = &record->recruit.recruit;
		const char *cells[] = {cli_address_text(&recruit->sponsor),
			cli_hash_text(&recruit->content), record->enlisted ? "served" : "fetching",
			cli_amount_text(record->enlisted ? record->price : recruit->price),
			cli_date_text(recruit->expires)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_text(const struct items *items)
{
	if (items->count == 0)
		printf("The cache holds nothing. souk.ini says how much it may: [provider] cache; "
		       "what\nsouk add put on sale is not in it (souk add --list).\n");
	else
		print_contents(items);
	if (wants_sponsors && items->recruit_count > 0) {
		putchar('\n');
		print_recruits(items);
	}
}

int cmd_cache(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"sponsors", NULL, "also list for whom contents are served, or fetched",
			OPTION_FLAG, &wants_sponsors},
	};
	static const struct command_spec command = {.name = "cache",
		.arguments = "",
		.summary = "Show what this home's cache holds, and what that earned.",
		.details =
			"What earns most for its size stays longest: the last line is the next to "
			"be evicted,\n"
			"unless it was promised to a sponsor. What souk add put on sale is never "
			"evicted, and\n"
			"not listed here. Figures of a soukd that runs are some seconds old.",
		.examples = "  souk cache\n  souk cache --sponsors --json",
		.options = options,
		.option_count = 1};
	struct items items = {0};
	struct provider_store store;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	souk_status status = read_items(&items, &store);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_OK; /* nothing ever was here */
	if (status == SOUK_OK && cli_json)
		print_json(&items);
	else if (status == SOUK_OK)
		print_text(&items);
	free(items.items);
	free(items.recruits);
	return status == SOUK_OK ? 0
				 : cli_fail(command.name, cli_home_path(), status,
					   "the cache cannot be read");
}
