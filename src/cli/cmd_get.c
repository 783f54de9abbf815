/* SPDX-License-Identifier: Apache-2.0
 *
 * get: buy a file from several providers at once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "get_hub.h"

#define SLOTS_PER_PROVIDER 16u

/* One download a process: it is large. */
static struct get get = {.providers_max = 8, .timeout_ms = 5000, .window_max = 16, .part_fd = -1};

static double seconds(void)
{
	return (double)(get.ended_ns - get.started_ns) / 1e9;
}

static const char *state_of(const struct get_provider *provider)
{
	return provider->dropped == SOUK_OK ? "good" : souk_status_text(provider->dropped);
}

static json_t *provider_json(const struct get_provider *provider)
{
	const struct souk_download_provider *p = &get.download.providers[provider->number];
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "provider",
		cli_address_text(&provider->entry.address), "price_ncoin",
		(json_int_t)provider->entry.offer.offer.price.ncoin, "units",
		(json_int_t)p->units_verified, "bytes", (json_int_t)p->bytes_verified,
		"spent_ncoin",
		(json_int_t)souk_download_spent(&get.download, provider->number).ncoin,
		"units_paid", (json_int_t)souk_download_paid(&get.download, provider->number),
		"units_lost", (json_int_t)souk_download_lost(&get.download, provider->number),
		"status", souk_status_name(provider->dropped), "accountable",
		provider->is_accountable);
}

static void print_result_json(void)
{
	json_t *providers = json_array();
	for (size_t i = 0; i < get.provider_count; i++)
		json_array_append_new(providers, provider_json(&get.providers[i]));
	cli_print_json(json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:o, s:O}", "status",
		souk_status_name(get.result), "file", get.path, "content",
		cli_hash_text(&get.name.id), "bytes", (json_int_t)get.content.size, "resumed_bytes",
		(json_int_t)get.resumed_bytes, "seconds", seconds(), "spent_ncoin",
		(json_int_t)souk_download_spent_all(&get.download).ncoin, "hub_fee_ncoin",
		(json_int_t)get_hub_fee(&get).ncoin, "providers", providers, "evidence",
		get.evidence));
}

static void print_providers(void)
{
	static const char *const headings[] = {
		"provider", "price", "units", "bytes", "spent", "lost", "state"};
	static const bool is_number[] = {false, true, true, true, true, true, false};
	struct cli_table *table = cli_table_new(7, headings, is_number);
	for (size_t i = 0; i < get.provider_count; i++) {
		const struct get_provider *provider = &get.providers[i];
		const struct souk_download_provider *p = &get.download.providers[provider->number];
		char units[24], lost[24];
		snprintf(units, sizeof units, "%" PRIu64, p->units_verified);
		snprintf(lost, sizeof lost, "%" PRIu64,
			souk_download_lost(&get.download, provider->number));
		const char *cells[] = {cli_address_text(&provider->entry.address),
			cli_amount_text(provider->entry.offer.offer.price), units,
			cli_size_text(p->bytes_verified),
			cli_amount_text(souk_download_spent(&get.download, provider->number)), lost,
			state_of(provider)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_result(void)
{
	uint64_t fetched = get.content.size - get.resumed_bytes;
	if (get.provider_count > 0)
		print_providers();
	if (get.resumed_bytes > 0)
		printf("%s were here already and were checked, not bought again\n",
			cli_size_text(get.resumed_bytes));
	if (get.hub_name != NULL)
		printf("%s coins of it are the hub's fee\n", cli_amount_text(get_hub_fee(&get)));
	if (get.result == SOUK_OK)
		printf("%s  %s verified, %s/s, %s coins\n", get.path,
			cli_size_text(get.content.size),
			cli_size_text(
				seconds() > 0 ? (uint64_t)((double)fetched / seconds()) : fetched),
			cli_amount_text(souk_download_spent_all(&get.download)));
}

static bool plan(void)
{
	size_t words = SOUK_BITMAP_WORDS((size_t)get.chunk_count);
	struct souk_download_config config = {
		.content = get.content,
		.budget = get.budget.ncoin != 0 ? get.budget : souk_amount_of_ncoin(UINT64_MAX),
		.price_max =
			get.price_max.ncoin != 0 ? get.price_max : souk_amount_of_ncoin(UINT64_MAX),
		.timeout_ms = get.timeout_ms,
	};
	get.slot_count = (uint32_t)get.entry_count * SLOTS_PER_PROVIDER;
	if (get.slot_count > SOUK_DOWNLOAD_SLOTS_MAX)
		get.slot_count = SOUK_DOWNLOAD_SLOTS_MAX;
	config.slot_count = get.slot_count;
	if (get.hub != NULL)
		get_hub_plan(&get, &config);
	get.bitmaps = calloc(2 * words + 1, sizeof *get.bitmaps);
	if (get.bitmaps == NULL) {
		cli_fail("get", "the plan", SOUK_IO_MEMORY, NULL);
		return false;
	}
	souk_download_init(&get.download, &config, get.bitmaps, get.bitmaps + words);
	return true;
}

static int conclude(void)
{
	if (get.result == SOUK_OK && !get_finish_part(&get))
		return EXIT_REFUSED;
	if (cli_json)
		print_result_json();
	else
		print_result();
	if (get.result == SOUK_OK)
		return 0;
	bool json = cli_json;
	cli_json = false; /* the result above says it */
	cli_fail("get", "not complete", get.result, NULL);
	cli_json = json;
	for (size_t i = 0; i < get.provider_count; i++) {
		if (get.providers[i].dropped == SOUK_PEER_HUB_CREDIT) {
			fprintf(stderr, "Put more in: souk hub redeem CODE --hub NAME\n");
			break;
		}
	}
	fprintf(stderr, "What is verified is kept in %s; the same command goes on from there.\n",
		get.part_path);
	return EXIT_REFUSED;
}

static int buy(void)
{
	if (!get_load_key(&get))
		return EXIT_REFUSED;
	pthread_mutex_init(&get.money_lock, NULL);
	get.chain = cli_open_ledger();
	bool good = (get.hub_name == NULL || get_hub_begin(&get, get.hub_name)) && get_find(&get) &&
		    get_load_row(&get) && plan() && get_open_part(&get) && get_find_money(&get) &&
		    get_run(&get);
	int code = good ? conclude() : EXIT_REFUSED;
	get_done(&get);
	if (get.part_fd >= 0)
		close(get.part_fd);
	souk_bytes_wipe(&get.identity, sizeof get.identity);
	souk_chain_client_free(get.chain);
	wallet_close(get.wallet);
	free(get.plans);
	free(get.roots);
	free(get.providers);
	free(get.entries);
	free(get.bitmaps);
	free(get.row);
	return code;
}

int cmd_get(int argc, char **argv)
{
	static char default_path[80];
	static const struct option_spec options[] = {
		{"providers", "N", "buy from at most N at once, the cheapest (8)", OPTION_U64,
			&get.providers_max},
		{"max-price", "COINS", "pay no more for one unit", OPTION_AMOUNT, &get.price_max},
		{"budget", "COINS", "pay no more for all of it", OPTION_AMOUNT, &get.budget},
		{"escrow", "N", "which of your escrows pays (0)", OPTION_U64, &get.escrow_number},
		{"hub", "NAME", "have this hub pay, for your credit there", OPTION_TEXT,
			&get.hub_name},
		{"agreement", "ID", "have units stood up for under this agreement", OPTION_TEXT,
			&get.agreement_text},
		{"issuer", "NAME", "pay from leaves of this issuer key only", OPTION_TEXT,
			&get.issuer_name},
		{"window", "N", "risk at most N units at each provider (16)", OPTION_U64,
			&get.window_max},
		{"timeout", "TIME", "drop a provider that is silent so long (5s)", OPTION_DURATION,
			&get.timeout_ms},
		{"quiet", NULL, "no progress line", OPTION_FLAG, &get.quiet},
	};
	static const struct command_spec command = {.name = "get",
		.arguments = "CONTENT [FILE]",
		.summary = "Buy a file, from all who sell it at once.",
		.details = "Every block is verified against the content id before it reaches the "
			   "disk. A provider\n"
			   "that fails, stalls or lies is dropped, and its part is bought "
			   "elsewhere. What is\n"
			   "verified is in FILE.part; interrupted, the same command goes on "
			   "without paying for\n"
			   "it again.",
		.examples = "  souk get "
			    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae "
			    "film.mkv\n"
			    "  souk get ID film.mkv --max-price 0.0002 --budget 1 --json\n"
			    "  souk get ID film.mkv --hub 'https://hub.example:7620#PIN'",
		.options = options,
		.option_count = sizeof options / sizeof *options,
		.arguments_min = 1,
		.arguments_max = 2};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (souk_content_name_parse(&get.name, argv[0]) != SOUK_OK) {
		cli_fail("get", argv[0], SOUK_PEER_BAD_HEX,
			"a content id is 64 hex digits; souk add printed it");
		return EXIT_USAGE;
	}
	if (get.hub_name != NULL && get.issuer_name != NULL) {
		fprintf(stderr, "souk get: either --hub or --issuer pays\n");
		return EXIT_USAGE;
	}
	if (get.providers_max < 1 || get.providers_max > SOUK_DOWNLOAD_PROVIDERS_MAX) {
		fprintf(stderr, "souk get: --providers takes 1 to %u\n",
			SOUK_DOWNLOAD_PROVIDERS_MAX);
		return EXIT_USAGE;
	}
	if (get.window_max < 1 || get.window_max > SOUK_WINDOW_MAX) {
		fprintf(stderr, "souk get: --window takes 1 to %u\n", SOUK_WINDOW_MAX);
		return EXIT_USAGE;
	}
	souk_hex_encode(default_path, get.name.id.bytes, SOUK_HASH_SIZE);
	get.path = count > 1 ? argv[1] : default_path;
	get.quiet |= cli_json || !isatty(STDERR_FILENO);
	return buy();
}
