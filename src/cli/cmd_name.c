/* SPDX-License-Identifier: Apache-2.0
 *
 * name: have a label stand for one content after another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/market.h"
#include "../client/name_client.h"
#include "../daemon/provider_store.h"
#include "cli.h"
#include "content_argument.h"
#include "souk/base/check.h"

#define TIMEOUT_MS 5000u

static struct option_list to;
static uint64_t sequence_wanted;

/* The name, as text, in a static buffer. */
static const char *name_text(const struct souk_name *name)
{
	static char text[SOUK_NAME_TEXT_SIZE];
	souk_name_format(text, name);
	return text;
}

static struct name_client *open_memory(const char *command)
{
	struct name_client *client = NULL;
	souk_status status = name_client_open(&client, cli_home_path());
	if (status == SOUK_OK)
		return client;
	cli_fail(command, cli_home_file("names.mdb"), status, "make a home with: souk init");
	return NULL;
}

/* ------------------------------------------------------------------ publish */

/* The size of CONTENT as this home's own store has it. */
static souk_status size_at_home(const struct souk_hash *content, uint64_t *ret)
{
	struct provider_store store;
	struct souk_content_record record;
	SOUK_TRY(provider_store_open(&store, cli_home_path(), true));
	souk_status status = provider_store_content(&store, content, &record);
	provider_store_close(&store);
	if (status == SOUK_OK)
		*ret = record.size;
	return status;
}

/* What all who offer it say; an offer's size is only a provider's word. */
static souk_status size_on_offer(const struct souk_content_name *content, uint64_t *ret)
{
	struct market_entry *entries;
	size_t count;
	struct souk_chain_client *chain = cli_open_ledger();
	souk_status status = market_list(chain, &entries, &count);
	souk_chain_client_free(chain);
	SOUK_TRY(status);
	status = market_ask_offers(entries, count, content, TIMEOUT_MS);
	size_t offers = status == SOUK_OK ? market_sort(entries, count) : 0;
	if (status == SOUK_OK && offers == 0)
		status = SOUK_PEER_UNKNOWN_CONTENT;
	for (size_t i = 1; i < offers && status == SOUK_OK; i++) {
		if (entries[i].offer.offer.size != entries[0].offer.offer.size)
			status = SOUK_PEER_BAD_OFFER;
	}
	if (status == SOUK_OK)
		*ret = entries[0].offer.offer.size;
	free(entries);
	return status;
}

static int find_size(const char *command, const char *text, const struct souk_content_name *content,
	uint64_t *ret)
{
	*ret = content->size;
	if (content->has_size || souk_hash_is_zero(&content->id) ||
		size_at_home(&content->id, ret) == SOUK_OK)
		return 0;
	souk_status status = size_on_offer(content, ret);
	if (status == SOUK_OK)
		return 0;
	return cli_fail(command, text, status,
		"its size is not known here: put it on sale first, or name it ID.SIZE");
}

static int read_providers(
	const char *command, struct souk_address out[OPTION_LIST_MAX], size_t *ret_count)
{
	for (unsigned i = 0; i < to.count; i++) {
		const char *text = to.values[i];
		if (souk_hex_decode(out[i].bytes, SOUK_ADDRESS_SIZE,
			    strncmp(text, "0x", 2) == 0 ? text + 2 : text) != SOUK_OK) {
			cli_fail(command, text, SOUK_PEER_BAD_HEX, "--to takes an address");
			return EXIT_USAGE;
		}
	}
	*ret_count = to.count;
	return 0;
}

/* The record to publish: the newest where it names the content already, else a new one, which is
 * on the disk before anybody is sent it. */
static souk_status make_record(struct name_client *client, const struct name_question *question,
	const struct souk_content_name *content, const struct souk_identity *identity,
	struct souk_signed_name *ret, char detail[NAME_DETAIL_SIZE])
{
	uint64_t highest = sequence_wanted - 1;
	if (sequence_wanted == 0) {
		SOUK_TRY(name_client_highest(client, question, &highest, detail));
		souk_status status = name_client_known(client, &question->name, ret);
		if (status == SOUK_OK && ret->name.sequence == highest &&
			souk_hash_equal(&ret->name.content, &content->id) &&
			ret->name.size == content->size)
			return SOUK_OK;
	}
	if (highest == UINT64_MAX)
		return SOUK_LOCAL_OVERFLOW;
	SOUK_TRY(souk_name_sign(ret, &question->name, highest + 1, &content->id, content->size,
		cli_now(), identity));
	return name_client_remember(client, ret);
}

static int print_deliveries(
	const struct souk_signed_name *record, const struct name_delivery *deliveries, size_t count)
{
	const struct souk_name name = souk_name_of(&record->name);
	json_t *list = json_array();
	size_t taken = 0;
	for (size_t i = 0; i < count; i++) {
		const struct name_delivery *d = &deliveries[i];
		taken += d->status == SOUK_OK;
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s}", "provider", cli_address_text(&d->provider),
				"status", souk_status_name(d->status), "detail", d->detail));
	}
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:I, s:s, s:I, s:I, s:o}", "name", name_text(&name),
			"sequence", (json_int_t)record->name.sequence, "content",
			cli_hash_text(&record->name.content), "size", (json_int_t)record->name.size,
			"held_by", (json_int_t)taken, "providers", list));
	} else {
		printf("name      %s\nsequence  %" PRIu64 "\ncontent   %s\nheld by   %zu of %zu "
		       "providers\n",
			name_text(&name), record->name.sequence,
			cli_hash_text(&record->name.content), taken, count);
		for (size_t i = 0; i < count; i++)
			printf("  %s  %s%s%s\n", cli_address_text(&deliveries[i].provider),
				souk_status_name(deliveries[i].status),
				deliveries[i].detail[0] != '\0' ? ": " : "", deliveries[i].detail);
		json_decref(list);
	}
	if (taken > 0)
		return 0;
	fprintf(stderr,
		"No provider holds it. One keeps the names of its own home, of the publishers in "
		"its\nconfiguration ([provider] publishers), and some for each content that it "
		"has.\n");
	return EXIT_REFUSED;
}

static int publish(const char *command, const char *content_text, struct name_client *client,
	struct name_question *question, const struct souk_identity *identity)
{
	struct souk_content_name content;
	struct souk_signed_name record;
	struct souk_address providers[OPTION_LIST_MAX];
	struct name_delivery *deliveries;
	size_t count;
	char detail[NAME_DETAIL_SIZE] = "";
	int failed = cli_content_argument(command, content_text, &content);
	if (failed == 0)
		failed = find_size(command, content_text, &content, &content.size);
	if (failed == 0)
		failed = read_providers(command, providers, &count);
	if (failed != 0)
		return failed;
	souk_status status = make_record(client, question, &content, identity, &record, detail);
	if (status != SOUK_OK)
		return cli_fail(command, name_text(&question->name), status, detail);
	question->providers = providers;
	question->provider_count = count;
	status = name_client_publish(question, &record, &deliveries, &count, detail);
	if (status != SOUK_OK)
		return cli_fail(command, name_text(&question->name), status, detail);
	failed = print_deliveries(&record, deliveries, count);
	free(deliveries);
	return failed;
}

static int name_publish(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"to", "ADDRESS",
			"a provider to send it to; may be given again (all of the ledger)",
			OPTION_LIST, &to},
		{"sequence", "N", "its number (one more than any that is known)", OPTION_U64,
			&sequence_wanted},
	};
	static const struct command_spec command = {.name = "name publish",
		.arguments = "LABEL CONTENT",
		.summary = "Have a label of yours stand for a content from now on.",
		.details = "The record is signed with the home's identity and sent to the ledger's "
			   "providers. Its\n"
			   "number is one above any that they or this home know, and is kept "
			   "before it is sent.\n"
			   "Published again with the same content, the same record is sent again.",
		.examples = "  souk name publish site "
			    "6ce0f9a5cf6ee1d25c6bb2a5fd5d58c3ed6aae6b6ea8b2c2b4e9a7a9f0c1d2e3\n"
			    "  souk get 0x0123456789abcdef0123456789abcdef01234567/site index.html",
		.options = options,
		.option_count = 2,
		.arguments_min = 2,
		.arguments_max = 2};
	struct name_question question = {
		.providers_max = NAME_PROVIDERS_MAX, .timeout_ms = TIMEOUT_MS};
	struct souk_identity identity;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	question.ledger_url = cli_ledger_url();
	int failed = cli_name_argument(command.name, argv[0], &question.name);
	if (failed != 0)
		return failed;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	struct name_client *client = open_memory(command.name);
	failed = client == NULL ? EXIT_REFUSED
				: publish(command.name, argv[1], client, &question, &identity);
	name_client_close(client);
	souk_bytes_wipe(&identity, sizeof identity);
	return failed;
}

/* ------------------------------------------------------------------ show, list */

static int print_answer(const struct name_answer *answer)
{
	const struct souk_name_record *r = &answer->name.name;
	const struct souk_name name = souk_name_of(r);
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s}",
			"name", name_text(&name), "sequence", (json_int_t)r->sequence, "content",
			cli_hash_text(&r->content), "size", (json_int_t)r->size, "time_ms",
			(json_int_t)r->time.ms, "asked", (json_int_t)answer->asked, "behind",
			(json_int_t)answer->behind, "knew", (json_int_t)answer->knew, "twice",
			answer->is_twice, "other",
			answer->is_twice ? cli_hash_text(&answer->other.name.content) : ""));
		return 0;
	}
	printf("name      %s\nsequence  %" PRIu64 "\ncontent   %s\nsize      %s\nsigned    %s\n"
	       "asked     %u providers; %u know it, %u of them an older record\n",
		name_text(&name), r->sequence, cli_hash_text(&r->content), cli_size_text(r->size),
		cli_date_text(r->time), answer->asked, answer->knew, answer->behind);
	if (answer->is_twice)
		printf("warning   its publisher signed another content with this number too: %s\n",
			cli_hash_text(&answer->other.name.content));
	return 0;
}

static int name_show(int argc, char **argv)
{
	static const struct command_spec command = {.name = "name show",
		.arguments = "NAME",
		.summary = "Show what a name stands for, as the ledger's providers know it.",
		.details =
			"NAME is PUBLISHER/LABEL, or a label of this home. The highest record that "
			"is signed by\n"
			"the publisher counts. One that is older than what this home has seen "
			"before is refused.",
		.examples = "  souk name show 0x0123456789abcdef0123456789abcdef01234567/site",
		.arguments_min = 1,
		.arguments_max = 1};
	struct name_question question = {.timeout_ms = TIMEOUT_MS};
	struct name_answer answer;
	char detail[NAME_DETAIL_SIZE] = "";
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	question.ledger_url = cli_ledger_url();
	int failed = cli_name_argument(command.name, argv[0], &question.name);
	struct name_client *client = failed != 0 ? NULL : open_memory(command.name);
	if (client == NULL)
		return failed != 0 ? failed : EXIT_REFUSED;
	souk_status status = name_client_resolve(client, &question, &answer, detail);
	name_client_close(client);
	return status == SOUK_OK
		       ? print_answer(&answer)
		       : cli_fail(command.name, name_text(&question.name), status, detail);
}

struct listing {
	json_t *json;
	struct cli_table *table;
};

static souk_status list_one(
	void *ctx, const struct souk_signed_name *record, const struct souk_signed_name *twice)
{
	const struct listing *listing = ctx;
	const struct souk_name name = souk_name_of(&record->name);
	char sequence[24];
	snprintf(sequence, sizeof sequence, "%" PRIu64, record->name.sequence);
	if (cli_json)
		json_array_append_new(listing->json,
			json_pack("{s:s, s:I, s:s, s:I, s:I, s:b}", "name", name_text(&name),
				"sequence", (json_int_t)record->name.sequence, "content",
				cli_hash_text(&record->name.content), "size",
				(json_int_t)record->name.size, "time_ms",
				(json_int_t)record->name.time.ms, "twice", twice != NULL));
	else
		cli_table_add(listing->table, (const char *const[]){name_text(&name), sequence,
						      cli_hash_text(&record->name.content),
						      twice != NULL ? "signed twice" : ""});
	return SOUK_OK;
}

static int name_list(int argc, char **argv)
{
	static const struct command_spec command = {.name = "name list",
		.arguments = "",
		.summary = "List the names that this home has published or seen.",
		.details = "With the highest number of each; nothing is asked of anybody.",
		.examples = "  souk name list --json"};
	static const char *const headings[] = {"name", "sequence", "content", ""};
	static const bool is_number[] = {false, true, false, false};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct name_client *client = open_memory(command.name);
	if (client == NULL)
		return EXIT_REFUSED;
	struct listing listing = {.json = cli_json ? json_array() : NULL,
		.table = cli_json ? NULL : cli_table_new(4, headings, is_number)};
	souk_status status = name_client_each(client, list_one, &listing);
	name_client_close(client);
	if (status != SOUK_OK)
		return cli_fail(command.name, cli_home_file("names.mdb"), status, NULL);
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "names", listing.json));
	else
		cli_table_print(listing.table);
	return 0;
}

int cmd_name(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"publish", name_publish, "have a label stand for a content"},
		{"show", name_show, "what a name stands for"},
		{"list", name_list, "the names that this home knows"},
	};
	return cli_run_subcommand("name", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
