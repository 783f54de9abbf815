/* SPDX-License-Identifier: Apache-2.0
 *
 * offers: who sells, and for how much. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "../client/market.h"

static uint64_t timeout_ms = 3000;

static json_t *entry_json(const struct market_entry *entry, bool asked)
{
	json_t *object = json_pack("{s:s, s:s, s:I}", "provider", cli_address_text(&entry->address),
		"control_url", entry->record.control_url.text, "deposit_ncoin",
		(json_int_t)entry->record.deposit.ncoin);
	if (asked && entry->status == SOUK_OK) {
		const struct souk_offer *offer = &entry->offer.offer;
		json_object_set_new(
			object, "price_ncoin", json_integer((json_int_t)offer->price.ncoin));
		json_object_set_new(object, "size_bytes", json_integer((json_int_t)offer->size));
		json_object_set_new(object, "unit_bytes", json_integer(offer->chunk_size));
		json_object_set_new(object, "window_units", json_integer(offer->window));
		json_object_set_new(object, "data_url", json_string(offer->data_url.text));
	} else if (asked) {
		json_object_set_new(object, "error", json_string(souk_status_name(entry->status)));
	}
	return object;
}

/* What the whole content costs there. */
static const char *total_text(const struct souk_offer *offer)
{
	struct souk_content content = {offer->content, offer->size, offer->chunk_size};
	struct souk_amount total;
	if (souk_amount_mul(&total, offer->price, souk_content_chunk_count(&content)) != SOUK_OK)
		return "-";
	return cli_amount_text(total);
}

static void print_offers(const struct market_entry *entries, size_t count)
{
	static const char *const headings[] = {
		"provider", "price per unit", "total", "size", "unit", "window", "state"};
	static const bool is_number[] = {false, true, true, true, true, true, false};
	struct cli_table *table = cli_table_new(7, headings, is_number);
	for (size_t i = 0; i < count; i++) {
		const struct souk_offer *offer = &entries[i].offer.offer;
		char window[16];
		snprintf(window, sizeof window, "%u", offer->window);
		bool good = entries[i].status == SOUK_OK;
		const char *cells[] = {cli_address_text(&entries[i].address),
			good ? cli_amount_text(offer->price) : "-", good ? total_text(offer) : "-",
			good ? cli_size_text(offer->size) : "-",
			good ? cli_size_text(offer->chunk_size) : "-", good ? window : "-",
			good ? "ready" : souk_status_text(entries[i].status)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_providers(const struct market_entry *entries, size_t count)
{
	static const char *const headings[] = {"provider", "deposit", "control"};
	static const bool is_number[] = {false, true, false};
	struct cli_table *table = cli_table_new(3, headings, is_number);
	for (size_t i = 0; i < count; i++) {
		const char *cells[] = {cli_address_text(&entries[i].address),
			cli_amount_text(entries[i].record.deposit),
			entries[i].record.control_url.text};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

int cmd_offers(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"timeout", "TIME", "how long to wait for each provider (3s)", OPTION_DURATION,
			&timeout_ms},
	};
	static const struct command_spec command = {.name = "offers",
		.arguments = "[CONTENT]",
		.summary = "List the providers on the ledger or, with a content id, their offers "
			   "for it.",
		.examples = "  souk offers\n  souk offers "
			    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		.options = options,
		.option_count = 1,
		.arguments_max = 1};
	struct souk_content_name name;
	struct market_entry *entries;
	size_t count;
	int arguments;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &arguments);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (arguments > 0 && souk_content_name_parse(&name, argv[0]) != SOUK_OK) {
		cli_fail(command.name, argv[0], SOUK_PEER_BAD_HEX, "a content id is 64 hex digits");
		return EXIT_USAGE;
	}
	struct souk_chain_client *chain = cli_open_ledger();
	souk_status status = market_list(chain, &entries, &count);
	if (status != SOUK_OK) {
		cli_fail_ledger(command.name, "cannot list the providers", status, chain);
		souk_chain_client_free(chain);
		return EXIT_REFUSED;
	}
	if (arguments > 0)
		status = market_ask_offers(entries, count, &name, timeout_ms);
	size_t offers = arguments > 0 ? market_sort(entries, count) : count;
	if (cli_json) {
		json_t *list = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(list, entry_json(&entries[i], arguments > 0));
		cli_print_json(json_pack("{s:o}", "providers", list));
	} else if (arguments > 0) {
		print_offers(entries, count);
	} else {
		print_providers(entries, count);
	}
	free(entries);
	souk_chain_client_free(chain);
	return status == SOUK_OK && (arguments == 0 || offers > 0) ? 0 : EXIT_REFUSED;
}
