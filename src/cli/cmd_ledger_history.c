/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger show --account: what befell an account, newest first, page by page. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "cmd_ledger.h"
#include "souk/base/check.h"

static const char *when_text(uint64_t time_ms)
{
	static char text[32];
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;
	if (gmtime_r(&seconds, &parts) == NULL || strftime(text, sizeof text, "%F %T", &parts) == 0)
		return "-";
	return text;
}

static const char *change_text(const struct souk_history_item *item)
{
	static char text[SOUK_AMOUNT_TEXT_SIZE + 2];
	bool is_loss = item->lost.ncoin != 0;
	snprintf(text, sizeof text, "%s%s",
		is_loss		     ? "-"
		: item->gained.ncoin ? "+"
				     : "",
		cli_amount_text(is_loss ? item->lost : item->gained));
	return text;
}

static void add_row(struct cli_table *table, const struct souk_history_item *item)
{
	char where[40];
	snprintf(where, sizeof where, "%" PRIu64 ".%" PRIu32, item->height, item->index);
	const char *cells[] = {where, when_text(item->time.ms), ledger_kind_text(item->kind),
		item->signer ? "signed" : "", change_text(item), cli_hash_text(&item->tx)};
	cli_table_add(table, cells);
}

souk_status ledger_print_history(struct souk_chain_client *client, const char *account)
{
	static const char *const headings[] = {
		"block.tx", "time", "kind", "by", "balance", "transaction"};
	static const bool is_number[] = {true, false, false, false, true, false};
	static struct souk_history_page page;
	struct cli_table *table = cli_table_new(6, headings, is_number);
	uint64_t height = UINT64_MAX;
	uint32_t index = UINT32_MAX;
	souk_status status;
	size_t rows = 0;
	do {
		status = souk_chain_history(client, account, height, index, &page);
		for (uint16_t i = 0; status == SOUK_OK && i < page.items.count; i++, rows++)
			add_row(table, &page.items.items[i]);
		if (status == SOUK_OK && page.items.count != 0) {
			height = page.items.items[page.items.count - 1].height;
			index = page.items.items[page.items.count - 1].index;
		}
	} while (status == SOUK_OK && page.more && page.items.count != 0);
	if (status == SOUK_OK && rows != 0) {
		puts("");
		cli_table_print(table);
	}
	return status;
}

/* The place of the last item, for the question of the next page; false where there is none. */
static bool next_page(char path[192], const char *account, const json_t *page)
{
	const json_t *items = json_object_get(page, "items");
	const json_t *last = json_array_get(items, json_array_size(items) - 1);
	const json_t *height = json_object_get(last, "height");
	if (!json_is_true(json_object_get(page, "more")) || height == NULL)
		return false;
	/* The ledger writes u64 as text, for readers with only doubles. */
	if (json_is_string(height))
		snprintf(path, 192, "/v1/accounts/%.80s/history?before=%s.%lld", account,
			json_string_value(height),
			(long long)json_integer_value(json_object_get(last, "index")));
	else
		snprintf(path, 192, "/v1/accounts/%.80s/history?before=%lld.%lld", account,
			(long long)json_integer_value(height),
			(long long)json_integer_value(json_object_get(last, "index")));
	return true;
}

souk_status ledger_print_history_json(
	struct souk_chain_client *client, const char *account, const char *account_json)
{
	char path[192], *text;
	json_t *whole = json_loads(account_json, 0, NULL), *history = json_array();
	souk_status status = json_is_object(whole) ? SOUK_OK : SOUK_PEER_BAD_REQUEST;
	bool more = true;
	snprintf(path, sizeof path, "/v1/accounts/%.80s/history", account);
	while (status == SOUK_OK && more) {
		status = souk_chain_get_json(client, path, &text);
		if (status != SOUK_OK)
			break;
		json_t *page = json_loads(text, 0, NULL);
		json_array_extend(history, json_object_get(page, "items"));
		more = next_page(path, account, page);
		json_decref(page);
		free(text);
	}
	json_object_set_new(whole, "history", history);
	if (status == SOUK_OK)
		cli_print_json(json_incref(whole));
	json_decref(whole);
	return status;
}
