/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor: what a publisher sees of its money and its caches, and how it stops. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/admission.h"
#include "content_argument.h"
#include "sponsor_home.h"
#include "souk/base/check.h"

static bool follows;
static uint64_t every_ms = 2000;

/* ------------------------------------------------------------------ report */

static struct souk_amount amount_of(const json_t *object, const char *key)
{
	return (struct souk_amount){report_u64(object, key)};
}

static void print_contents(const json_t *report)
{
	static const char *const headings[] = {
		"content", "name", "caches", "served", "spent", "held", "left", "bundles"};
	static const bool is_number[] = {false, false, true, true, true, true, true, true};
	const json_t *contents = json_object_get(report, "contents"), *c;
	struct cli_table *table = cli_table_new(8, headings, is_number);
	size_t index;
	json_array_foreach((json_t *)(uintptr_t)contents, index, c)
	{
		char id[17], caches[64], bundles[24];
		snprintf(id, sizeof id, "%.16s", report_text(c, "content"));
		snprintf(caches, sizeof caches, "%" PRIu64 " of %" PRIu64 "%s",
			report_u64(c, "replicas"), report_u64(c, "replicas_wanted"),
			json_is_true(json_object_get(c, "stopped")) ? ", stopped" : "");
		snprintf(bundles, sizeof bundles, "%" PRIu64, report_u64(c, "bundles"));
		const char *cells[] = {id, report_text(c, "name"), caches,
			cli_size_text(report_u64(c, "bytes")),
			cli_amount_text(amount_of(c, "spent_ncoin")),
			cli_amount_text(amount_of(c, "held_ncoin")),
			cli_amount_text(amount_of(c, "left_ncoin")), bundles};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void add_caches(struct cli_table *table, const json_t *content)
{
	const json_t *caches = json_object_get(content, "caches"), *c;
	size_t index;
	json_array_foreach((json_t *)(uintptr_t)caches, index, c)
	{
		char id[17], bundles[24], doubts[96];
		const char *state = json_is_true(json_object_get(c, "barred"))	   ? "barred"
				    : json_is_true(json_object_get(c, "enlisted")) ? "enlisted"
										   : "released";
		snprintf(id, sizeof id, "%.16s", report_text(content, "content"));
		snprintf(bundles, sizeof bundles, "%" PRIu64, report_u64(c, "bundles"));
		snprintf(doubts, sizeof doubts,
			"%" PRIu64 " complaints, %" PRIu64 " of %" PRIu64 " audits failed",
			report_u64(c, "complaints"), report_u64(c, "audits_failed"),
			report_u64(c, "audits"));
		const char *cells[] = {report_text(c, "provider"), id, state,
			cli_amount_text(amount_of(c, "price_ncoin")),
			cli_amount_text(amount_of(c, "spent_ncoin")), bundles, doubts};
		cli_table_add(table, cells);
	}
}

static void print_caches(const json_t *report)
{
	static const char *const headings[] = {
		"cache", "content", "state", "price", "spent", "bundles", "doubts"};
	static const bool is_number[] = {false, false, false, true, true, true, false};
	const json_t *contents = json_object_get(report, "contents"), *c;
	struct cli_table *table = cli_table_new(7, headings, is_number);
	size_t index;
	json_array_foreach((json_t *)(uintptr_t)contents, index, c) add_caches(table, c);
	cli_table_print(table);
}

static void print_report(const json_t *report)
{
	const json_t *rate = json_object_get(report, "per_second");
	printf("sponsor   %s\n", report_text(report, "name"));
	printf("served    %s to %" PRIu64 " viewers in %" PRIu64 " bundles; now %s/s\n",
		cli_size_text(report_u64(report, "bytes")), report_u64(report, "viewers"),
		report_u64(report, "bundles"), cli_size_text(report_u64(rate, "bytes")));
	printf("money     %s coins spent, %s held, %s left; now %s a second\n",
		cli_amount_text(amount_of(report, "spent_ncoin")),
		cli_amount_text(amount_of(report, "held_ncoin")),
		cli_amount_text(amount_of(report, "left_ncoin")),
		cli_amount_text(amount_of(rate, "spent_ncoin")));
	printf("doubts    %" PRIu64 " refused, %" PRIu64 " suspected\n\n",
		report_u64(report, "refused"), report_u64(report, "suspected"));
	if (json_array_size(json_object_get(report, "contents")) == 0) {
		puts("Nothing is published yet: souk publish FILE --budget COINS");
		return;
	}
	print_contents(report);
	putchar('\n');
	print_caches(report);
}

static int report_once(const struct sponsor_home *home)
{
	souk_status status;
	json_t *report = sponsor_home_report(home->name, &status);
	if (report == NULL) {
		cli_fail("sponsor report", home->name, status, NULL);
		fprintf(stderr, "Is its daemon running? soukd --home %s\n", cli_home_path());
		return EXIT_REFUSED;
	}
	if (cli_json) {
		cli_print_json(report);
		return 0;
	}
	if (follows && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	print_report(report);
	json_decref(report);
	return 0;
}

static int sponsor_report_cmd(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"follow", NULL, "again and again, until interrupted", OPTION_FLAG, &follows},
		{"every", "TIME", "with --follow: how often (2s)", OPTION_DURATION, &every_ms},
	};
	static const struct command_spec command = {.name = "sponsor report",
		.arguments = "",
		.summary = "Show what was served and spent, for each content and each cache.",
		.details = "Asks this home's running soukd. Held is what open downloads may still "
			   "cost;\n"
			   "suspected counts wrong tokens.",
		.examples = "  souk sponsor report --follow\n  souk sponsor report --json",
		.options = options,
		.option_count = SOUK_COUNT_OF(options)};
	struct sponsor_home home;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!sponsor_home_read(&home, command.name))
		return EXIT_REFUSED;
	int code = report_once(&home);
	while (follows && fflush(stdout) == 0) {
		usleep((useconds_t)(every_ms < 100 ? 100 : every_ms) * 1000);
		code = report_once(&home);
	}
	return code;
}

static int sponsor_show(int argc, char **argv)
{
	static const struct command_spec command = {.name = "sponsor show",
		.arguments = "",
		.summary = "Show this sponsor's name, which souk get --sponsor takes.",
		.examples = "  souk sponsor show --json"};
	struct sponsor_home home;
	struct souk_identity identity;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!sponsor_home_read(&home, command.name) || !cli_load_identity(&identity))
		return EXIT_REFUSED;
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I}", "sponsor", home.name, "address",
			cli_address_text(&identity.address), "escrow_number",
			(json_int_t)home.escrow, "bundle_caches", (json_int_t)home.caches));
	else
		printf("sponsor  %s\naddress  %s\nescrow   %" PRIu64 "\nbundle   %" PRIu64
		       " caches\n",
			home.name, cli_address_text(&identity.address), home.escrow, home.caches);
	souk_bytes_wipe(&identity, sizeof identity);
	return 0;
}

/* ------------------------------------------------------------------ stop */

struct stopping {
	const struct sponsor_store *store;
	struct souk_hash group;
	uint64_t count;
	struct souk_hash *ids; /* of the group; heap */
};

static souk_status find_group(
	void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order)
{
	struct stopping *s = ctx;
	if (order->stopped || (!souk_hash_equal(content, &s->group) &&
				      !souk_hash_equal(&order->group, &s->group)))
		return SOUK_OK;
	struct souk_hash *grown = realloc(s->ids, (s->count + 1) * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	s->ids = grown;
	s->ids[s->count++] = *content;
	return SOUK_OK;
}

static souk_status stop_all(struct stopping *s)
{
	struct souk_sponsor_order order;
	SOUK_TRY(sponsor_store_each_order(s->store, find_group, s));
	for (uint64_t i = 0; i < s->count; i++) {
		SOUK_TRY(sponsor_store_order(s->store, &s->ids[i], &order));
		order.stopped = true;
		SOUK_TRY(sponsor_store_put_order(s->store, &s->ids[i], &order));
	}
	return s->count > 0 ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}

static int sponsor_stop(int argc, char **argv)
{
	static const struct command_spec command = {.name = "sponsor stop",
		.arguments = "CONTENT",
		.summary = "Pay for no new downloads of a content, or of a folder's files.",
		.details = "Downloads that run are paid to their end. The caches are released. "
			   "What is left\n"
			   "of the budget stays in the escrow: souk escrow close, then withdraw. "
			   "To go on, publish\n"
			   "it again.",
		.examples = "  souk sponsor stop 3f9c0d1e...",
		.arguments_min = 1,
		.arguments_max = 1};
	struct sponsor_store store;
	struct souk_content_name name;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	int failed = cli_content_argument(command.name, argv[0], &name);
	if (failed != 0)
		return failed;
	souk_status status = sponsor_store_open(&store, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail(command.name, cli_home_file("sponsor.mdb"), status, NULL);
	struct stopping stopping = {.store = &store, .group = name.id};
	status = stop_all(&stopping);
	free(stopping.ids);
	sponsor_store_close(&store);
	if (status != SOUK_OK)
		return cli_fail(command.name, argv[0], status,
			status == SOUK_LOCAL_NOT_FOUND ? "nothing of that name is paid for" : NULL);
	if (cli_json)
		cli_print_json(json_pack(
			"{s:s, s:I}", "content", argv[0], "stopped", (json_int_t)stopping.count));
	else
		printf("stopped  %" PRIu64 " content%s; what runs is paid to its end\n",
			stopping.count, stopping.count == 1 ? "" : "s");
	return 0;
}

/* ------------------------------------------------------------------ admit */

static const char *sponsor_address;
static uint64_t life_ms = 24ull * 3600 * 1000;

static bool parse_address(struct souk_address *ret, const char *text)
{
	return strncmp(text, "0x", 2) == 0 &&
	       souk_hex_decode(ret->bytes, SOUK_ADDRESS_SIZE, text + 2) == SOUK_OK;
}

static int sponsor_admit(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"sponsor", "ADDRESS", "to which sponsor (this home's own identity)", OPTION_TEXT,
			&sponsor_address},
		{"for", "TIME", "how long it holds (1d)", OPTION_DURATION, &life_ms},
	};
	static const struct command_spec command = {.name = "sponsor admit",
		.arguments = "VIEWER",
		.summary = "Let a viewer in, as the site that a sponsor names in souk.ini.",
		.details = "VIEWER is an address, which souk get shows to the viewer. The line "
			   "that is printed\n"
			   "goes back to it, and into the file that souk get --admission takes.",
		.examples = "  souk sponsor admit 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed "
			    "--for 2h",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_identity site;
	struct souk_address viewer, sponsor;
	struct souk_signed_admission admission;
	char text[ADMISSION_TEXT_SIZE];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!parse_address(&viewer, argv[0]) ||
		(sponsor_address != NULL && !parse_address(&sponsor, sponsor_address))) {
		fprintf(stderr, "souk sponsor admit: an address is 0x and 40 hex digits\n");
		return EXIT_USAGE;
	}
	if (!cli_load_identity(&site))
		return EXIT_REFUSED;
	admission_make(&admission, &site, sponsor_address != NULL ? &sponsor : &site.address,
		&viewer, souk_time_plus_ms(cli_now(), life_ms));
	admission_text_format(text, &admission);
	souk_bytes_wipe(&site, sizeof site);
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:I}", "viewer", cli_address_text(&viewer),
			"admission", text, "expires_ms",
			(json_int_t)admission.admission.expires.ms));
	else
		puts(text);
	return 0;
}

int cmd_sponsor(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"report", sponsor_report_cmd, "what was served and spent, and by whom"},
		{"show", sponsor_show, "this sponsor's name"},
		{"stop", sponsor_stop, "pay for no new downloads of a content"},
		{"admit", sponsor_admit, "let a viewer in, as a site"},
	};
	return cli_run_subcommand("sponsor", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
