/* SPDX-License-Identifier: Apache-2.0
 *
 * get: fetch a file from several providers at once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/admission.h"
#include "../client/identity_file.h"
#include "content_argument.h"
#include "get.h"
#include "issuer_file.h"
#include "souk/base/check.h"
#include "souk/content/download.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"

/* More than anybody may say. */
#define PROVIDERS_UNSAID UINT64_MAX

/* ------------------------------------------------------------------ Ctrl-C */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* The first one ends it in order; whoever insists ends it at once. */
static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool get_is_interrupted(void)
{
	return interrupted != 0;
}

/* ------------------------------------------------------------------ one file */

static void on_progress(void *ctx, const struct fetch_figures *figures)
{
	struct get_file *file = ctx;
	struct fetch_figures wanted = *figures;
	if (interrupted)
		fetch_stop(file->fetch);
	wanted.bytes_done -= file->skipped_bytes;
	get_progress_show(file->get, &wanted, false);
}

static void on_note(void *ctx, const char *text)
{
	const struct get_file *file = ctx;
	if (!cli_json)
		fprintf(stderr, "%ssouk get: %s\n", file->get->quiet ? "" : "\r\033[K", text);
}

static void add_amount(struct souk_amount *sum, struct souk_amount amount)
{
	if (souk_amount_add(sum, *sum, amount) != SOUK_OK)
		*sum = souk_amount_of_ncoin(UINT64_MAX);
}

static struct fetch_source *source_of(struct get_totals *totals, const struct fetch_source *source)
{
	for (size_t i = 0; i < totals->source_count; i++) {
		struct fetch_source *known = &totals->sources[i];
		if (souk_address_equal(&known->address, &source->address) &&
			known->price.ncoin == source->price.ncoin)
			return known;
	}
	struct fetch_source *grown =
		realloc(totals->sources, (totals->source_count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	totals->sources = grown;
	grown[totals->source_count] =
		(struct fetch_source){.address = source->address, .price = source->price};
	return &grown[totals->source_count++];
}

static void add_source(struct get_totals *totals, const struct fetch_source *source)
{
	struct fetch_source *sum = source_of(totals, source);
	if (sum == NULL)
		return;
	sum->units += source->units;
	sum->bytes += source->bytes;
	add_amount(&sum->spent, source->spent);
	sum->units_paid += source->units_paid;
	sum->units_lost += source->units_lost;
	sum->units_spare += source->units_spare;
	sum->dropped = source->dropped;
	sum->is_accountable |= source->is_accountable;
	sum->is_sponsored |= source->is_sponsored;
}

/* What FILE came to; returns whether it came as far as a provider. */
static bool add_up(struct get *get, struct get_file *file)
{
	struct fetch_source sources[FETCH_SOURCES_MAX];
	struct fetch_figures figures = fetch_figures_now(file->fetch);
	size_t count = fetch_sources(file->fetch, sources, FETCH_SOURCES_MAX);
	for (size_t i = 0; i < count; i++)
		add_source(&get->totals, &sources[i]);
	get->totals.bytes_done += figures.bytes_done - file->skipped_bytes;
	get->totals.elapsed_ns += figures.elapsed_ns;
	add_amount(&get->totals.spent, figures.spent);
	add_amount(&get->totals.fee, figures.fee);
	get->totals.hedges += figures.hedges;
	get->totals.hedges_won += figures.hedges_won;
	return count > 0;
}

/* Bytes in which a path is looked for. */
static souk_status say_no_directory(const struct get *get, char detail[FETCH_DETAIL_SIZE])
{
	char id[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(id, get->config.name.id.bytes, SOUK_HASH_SIZE);
	snprintf(detail, FETCH_DETAIL_SIZE,
		"the content is a file, and no directory that could have %.200s in it\n"
		"Fetch it with: souk get %s %.150s",
		get->inner, id, get->path);
	return SOUK_LOCAL_USAGE;
}

static souk_status run(struct get_file *file, bool *ret_began, char detail[FETCH_DETAIL_SIZE])
{
	struct get *get = file->get;
	SOUK_TRY(get_part_open(file, detail));
	get->totals.resumed_bytes += file->resumed_bytes;
	catch_interrupts();
	souk_status status = get_share_outcome(file, fetch_run(file->fetch, detail), detail);
	bool dealt = add_up(get, file);
	*ret_began = dealt || status == SOUK_OK;
	if (file->is_no_directory)
		return say_no_directory(get, detail);
	if (status != SOUK_OK || file->pack != NULL || get_tree_read(file))
		return status;
	if (file->tree != NULL && get->inner != NULL)
		return say_no_directory(get, detail);
	status =
		get->share != NULL ? get_share_finish(file, detail) : get_part_finish(file, detail);
	*ret_began = status == SOUK_OK || file->is_of_tree;
	return status;
}

souk_status get_one(struct get *get, struct get_file *file, const struct souk_content_name *name,
	bool *ret_began, char detail[FETCH_DETAIL_SIZE])
{
	struct fetch_config config = get->config;
	config.name = *name;
	config.events = (struct fetch_events){
		.ctx = file,
		.chunk = get_part_write,
		.read = get_part_read,
		.note = on_note,
		.progress = on_progress,
		.evidence = get_evidence,
	};
	/* Of a pack parts are wanted, and of a path perhaps nothing. */
	config.is_from_start = file->pack == NULL && (get->inner == NULL || file->is_of_tree) &&
			       faccessat(file->folder_fd, file->part, F_OK, 0) != 0;
	file->get = get;
	file->part_fd = -1;
	*ret_began = false;
	SOUK_TRY(fetch_open(&file->fetch, &config, detail));
	if (!file->is_of_tree)
		get->totals.bytes = fetch_content(file->fetch)->size;
	pthread_mutex_init(&file->writing, NULL);
	bool is_too_long = file->tree != NULL && get->inner != NULL &&
			   fetch_content(file->fetch)->size > SOUK_DIRECTORY_SIZE_MAX;
	souk_status status =
		is_too_long ? say_no_directory(get, detail) : run(file, ret_began, detail);
	fetch_free(file->fetch);
	pthread_mutex_destroy(&file->writing);
	get_part_close(file);
	return status;
}

/* ------------------------------------------------------------------ the result */

static double seconds_of(const struct get *get)
{
	return (double)get->totals.elapsed_ns / 1e9;
}

static json_t *source_json(const struct fetch_source *source)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b, s:b}", "provider",
		cli_address_text(&source->address), "price_ncoin", (json_int_t)source->price.ncoin,
		"units", (json_int_t)source->units, "bytes", (json_int_t)source->bytes,
		"spent_ncoin", (json_int_t)source->spent.ncoin, "units_paid",
		(json_int_t)source->units_paid, "units_lost", (json_int_t)source->units_lost,
		"units_spare", (json_int_t)source->units_spare, "status",
		souk_status_name(source->dropped), "accountable", source->is_accountable,
		"sponsored", source->is_sponsored);
}

static void print_result_json(const struct get *get, const struct get_tree *tree)
{
	const struct get_totals *totals = &get->totals;
	json_t *providers = json_array();
	for (size_t i = 0; i < totals->source_count; i++)
		json_array_append_new(providers, source_json(&totals->sources[i]));
	json_t *result = json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:o, s:O}",
		"status", souk_status_name(get->result), "file", get->path, "content",
		cli_hash_text(&get->config.name.id), "bytes", (json_int_t)totals->bytes,
		"resumed_bytes", (json_int_t)totals->resumed_bytes, "seconds", seconds_of(get),
		"spent_ncoin", (json_int_t)totals->spent.ncoin, "hub_fee_ncoin",
		(json_int_t)totals->fee.ncoin, "hedges", (json_int_t)totals->hedges, "hedges_won",
		(json_int_t)totals->hedges_won, "providers", providers, "evidence", get->evidence);
	if (tree->bytes != NULL)
		json_object_update_new(result,
			json_pack("{s:I, s:I, s:I}", "files", (json_int_t)tree->file_count,
				"files_done", (json_int_t)tree->files_done, "files_unpacked",
				(json_int_t)(tree->is_unpacked ? tree->packed_count : 0)));
	if (get->inner != NULL)
		json_object_set_new(result, "path", json_string(get->inner));
	if (tree->failed != NULL)
		json_object_set_new(result, "failed", json_string(tree->failed));
	if (get->share != NULL)
		json_object_set_new(result, "share", get_share_json(get));
	cli_print_json(result);
}

static void print_sources(const struct get *get)
{
	static const char *const headings[] = {
		"provider", "price", "units", "bytes", "spent", "lost", "state"};
	static const bool is_number[] = {false, true, true, true, true, true, false};
	struct cli_table *table = cli_table_new(7, headings, is_number);
	for (size_t i = 0; i < get->totals.source_count; i++) {
		const struct fetch_source *source = &get->totals.sources[i];
		char units[24], lost[24];
		snprintf(units, sizeof units, "%" PRIu64, source->units);
		snprintf(lost, sizeof lost, "%" PRIu64, source->units_lost);
		const char *good = source->is_sponsored ? "sponsored" : "good";
		const char *cells[] = {cli_address_text(&source->address),
			cli_amount_text(source->price), units, cli_size_text(source->bytes),
			cli_amount_text(source->spent), lost,
			source->dropped == SOUK_OK ? good : souk_status_text(source->dropped)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_result(const struct get *get, const struct get_tree *tree)
{
	const struct get_totals *totals = &get->totals;
	double seconds = seconds_of(get);
	uint64_t fetched = totals->bytes_done - totals->resumed_bytes;
	if (totals->source_count > 0)
		print_sources(get);
	if (get->share != NULL)
		get_share_print(get);
	if (totals->resumed_bytes > 0)
		printf("%s were here already and were checked, not bought again\n",
			cli_size_text(totals->resumed_bytes));
	if (get->config.hub_name != NULL)
		printf("%s coins of it are the hub's fee\n", cli_amount_text(totals->fee));
	if (tree->bytes != NULL)
		printf("%" PRIu32 " of %" PRIu32 " files\n", tree->files_done, tree->file_count);
	if (get->result == SOUK_OK)
		printf("%s  %s verified, %s/s, %s coins\n", get->path, cli_size_text(totals->bytes),
			cli_size_text(
				seconds > 0 ? (uint64_t)((double)fetched / seconds) : fetched),
			cli_amount_text(totals->spent));
}

/* The sentence of DETAIL, and the advice after it. */
static int fail(souk_status status, char detail[FETCH_DETAIL_SIZE])
{
	char *advice = strchr(detail, '\n');
	if (advice != NULL)
		*advice++ = '\0';
	int code = cli_fail("get", detail, status, NULL);
	if (advice != NULL)
		fprintf(stderr, "%s\n", advice);
	return code;
}

static int report(
	const struct get *get, const struct get_tree *tree, char detail[FETCH_DETAIL_SIZE])
{
	if (cli_json)
		print_result_json(get, tree);
	else
		print_result(get, tree);
	if (get->result == SOUK_OK)
		return 0;
	bool json = cli_json;
	cli_json = false; /* the result above says it */
	fail(get->result, detail);
	cli_json = json;
	if (get->result != SOUK_LOCAL_USAGE)
		fprintf(stderr,
			"What is verified is kept in %s.part; the same command goes on from "
			"there.\n",
			get->path);
	return EXIT_REFUSED;
}

/* ------------------------------------------------------------------ the command */

/* What the site of a sponsor gave to this viewer. */
static bool load_admission(struct get *get, const char *path)
{
	static struct souk_signed_admission admission;
	if (path == NULL)
		return true;
	souk_status status = admission_file_read(&admission, path);
	get->config.admission = &admission;
	if (status != SOUK_OK)
		cli_fail("get", path, status, "it holds the line that souk sponsor admit prints");
	return status == SOUK_OK;
}

/* Not all buyers of a content should have the same parts of it first. */
static void choose_order(struct get *get)
{
	uint32_t seed;
	if (souk_entropy_fill(souk_entropy_real(), (uint8_t *)&seed, sizeof seed) == SOUK_OK)
		get->config.seed = seed;
}

/* Who lets a sponsor pay needs no key. */
static bool load_key(struct get *get)
{
	struct fetch_config *config = &get->config;
	bool needs_key = config->payer == FETCH_OWN ||
			 access(cli_home_file("identity.key"), F_OK) == 0 || errno != ENOENT;
	if (config->payer == FETCH_SPONSOR || !needs_key)
		return true;
	bool good = config->issuer_name == NULL
			    ? cli_load_identity(&get->identity)
			    : issuer_load("get", config->issuer_name, &get->identity);
	config->identity = good ? &get->identity : NULL;
	return good;
}

static souk_status fetch_all(
	struct get *get, struct get_tree *tree, bool *ret_began, char detail[FETCH_DETAIL_SIZE])
{
	struct get_file file = {
		.folder_fd = AT_FDCWD, .name = get->path, .tree = get->is_raw ? NULL : tree};
	snprintf(file.part, sizeof file.part, "%s.part", get->path);
	SOUK_TRY(get_one(get, &file, &get->config.name, ret_began, detail));
	if (tree->bytes == NULL)
		return SOUK_OK;
	SOUK_TRY(get_tree_files(get, tree, detail));
	unlink(file.part);
	return SOUK_OK;
}

static int buy(struct get *get)
{
	char detail[FETCH_DETAIL_SIZE] = "";
	struct get_tree tree = {0};
	bool began = false;
	if (!load_key(get))
		return EXIT_REFUSED;
	get->config.home = cli_home_path();
	get->config.ledger_url = cli_ledger_url();
	get->evidence = json_array();
	choose_order(get);
	int code = get->share != NULL ? get_share_key(get) : 0;
	if (code == 0) {
		struct fetch_figures none = {0};
		get->result = fetch_all(get, &tree, &began, detail);
		if (get->totals.source_count > 0)
			get_progress_show(get, &none, true);
		code = began ? report(get, &tree, detail) : fail(get->result, detail);
	}
	souk_bytes_wipe(&get->identity, sizeof get->identity);
	free(get->totals.sources);
	free(tree.bytes);
	json_decref(get->evidence);
	return code;
}

int cmd_get(int argc, char **argv)
{
	static char default_path[80], inner[SOUK_DIRECTORY_PATH_MAX + 1];
	static bool pays;
	static const char *admission_path, *out;
	static struct get get = {.config = {.providers_max = PROVIDERS_UNSAID,
					 .timeout_ms = 5000,
					 .window_max = 16,
					 .payer = FETCH_SPONSOR_FIRST}};
	static const struct option_spec options[] = {
		{"providers", "N", "buy from at most N, the cheapest (8 at once)", OPTION_U64,
			&get.config.providers_max},
		{"max-price", "COINS", "pay no more for one unit", OPTION_AMOUNT,
			&get.config.price_max},
		{"budget", "COINS", "pay no more for all of it", OPTION_AMOUNT, &get.config.budget},
		{"escrow", "N", "which of your escrows pays (0)", OPTION_U64,
			&get.config.escrow_number},
		{"sponsor", "NAME", "have this sponsor pay, or nobody", OPTION_TEXT,
			&get.config.sponsor},
		{"admission", "FILE", "what the sponsor's site gave you", OPTION_TEXT,
			&admission_path},
		{"pay", NULL, "pay yourself, though a sponsor would", OPTION_FLAG, &pays},
		{"no-hedges", NULL, "ask nobody for a late unit of another one", OPTION_FLAG,
			&get.config.no_hedges},
		{"raw", NULL, "of a directory, fetch its own bytes, not its files", OPTION_FLAG,
			&get.is_raw},
		{"hub", "NAME", "have this hub pay, for your credit there", OPTION_TEXT,
			&get.config.hub_name},
		{"agreement", "ID", "have units stood up for under this agreement", OPTION_TEXT,
			&get.config.agreement_text},
		{"issuer", "NAME", "pay from leaves of this issuer key only", OPTION_TEXT,
			&get.config.issuer_name},
		{"window", "N", "risk at most N units at each provider (16)", OPTION_U64,
			&get.config.window_max},
		{"timeout", "TIME", "drop a provider that is silent so long (5s)", OPTION_DURATION,
			&get.config.timeout_ms},
		{"out", "FILE", "where it goes, as the second argument does", OPTION_TEXT, &out},
		{"quiet", NULL, "no progress line", OPTION_FLAG, &get.quiet},
	};
	static const struct command_spec command = {.name = "get",
		.arguments = "CONTENT[/PATH]|FILE.share [FILE]",
		.summary = "Fetch a file or a directory, from all who have it at once.",
		.details = "Every block is verified against the content id before it reaches the "
			   "disk. A provider\n"
			   "that fails, stalls or lies is dropped, and its part is bought "
			   "elsewhere. What is\n"
			   "verified is in FILE.part; interrupted, the same command goes on "
			   "without paying for\n"
			   "it again. A directory comes as a folder FILE; /PATH is a file or a "
			   "folder in it,\n"
			   "which alone is fetched then.\n"
			   "\n"
			   "Where a sponsor pays for viewers of the content, it costs you "
			   "nothing. Where none\n"
			   "does, or not for all of it, your escrow pays, or --hub.\n"
			   "\n"
			   "FILE.share is what souk share made for a key of your vault: as many "
			   "proxies as the\n"
			   "owner said are paid to help open it, then the file is fetched and "
			   "decrypted.",
		.examples = "  souk get "
			    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae "
			    "film.mkv\n"
			    "  souk get ID film.mkv --max-price 0.0002 --budget 1 --json\n"
			    "  souk get ID/docs/manual.pdf\n"
			    "  souk get ID site --sponsor 'https://sponsor.example:7640#PIN'\n"
			    "  souk get ID film.mkv --hub 'https://hub.example:7620#PIN'\n"
			    "  souk get report.pdf.share",
		.options = options,
		.option_count = sizeof options / sizeof *options,
		.arguments_min = 1,
		.arguments_max = 2};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	int failed = get_share_is(argv[0])
			     ? get_share_load(&get, argv[0])
			     : cli_content_path_argument("get", argv[0], &get.config.name, inner);
	if (failed != 0)
		return failed;
	get.inner = inner[0] != '\0' ? inner : NULL;
	if (get.inner != NULL && get.is_raw) {
		fprintf(stderr, "souk get: --raw is for a directory itself, without a path\n");
		return EXIT_USAGE;
	}
	if (get.config.hub_name != NULL && get.config.issuer_name != NULL) {
		fprintf(stderr, "souk get: either --hub or --issuer pays\n");
		return EXIT_USAGE;
	}
	pays |= get.config.hub_name != NULL || get.config.issuer_name != NULL ||
		get.config.agreement_text != NULL;
	if (pays && get.config.sponsor != NULL) {
		fprintf(stderr, "souk get: either --sponsor pays, or you do\n");
		return EXIT_USAGE;
	}
	if (pays)
		get.config.payer = FETCH_OWN;
	if (!load_admission(&get, admission_path))
		return EXIT_REFUSED;
	if (get.config.sponsor != NULL)
		get.config.payer = FETCH_SPONSOR;
	if (get.config.providers_max == PROVIDERS_UNSAID)
		get.config.providers_max = 0;
	else if (get.config.providers_max < 1 ||
		 get.config.providers_max > SOUK_DOWNLOAD_PROVIDERS_MAX) {
		fprintf(stderr, "souk get: --providers takes 1 to %u\n",
			SOUK_DOWNLOAD_PROVIDERS_MAX);
		return EXIT_USAGE;
	}
	if (get.config.window_max < 1 || get.config.window_max > SOUK_WINDOW_MAX) {
		fprintf(stderr, "souk get: --window takes 1 to %u\n", SOUK_WINDOW_MAX);
		return EXIT_USAGE;
	}
	souk_hex_encode(default_path, get.config.name.id.bytes, SOUK_HASH_SIZE);
	get.path = get.share != NULL ? get_share_name(&get) : default_path;
	if (get.inner != NULL)
		get.path = strrchr(inner, '/') != NULL ? strrchr(inner, '/') + 1 : inner;
	get.path = out != NULL ? out : count > 1 ? argv[1] : get.path;
	get.quiet |= cli_json || !isatty(STDERR_FILENO);
	int code = buy(&get);
	get_share_free(&get);
	return code;
}
