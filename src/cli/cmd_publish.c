/* SPDX-License-Identifier: Apache-2.0
 *
 * publish: a file or a folder that viewers get for nothing, at this home's expense.
 *
 *   FILE|DIR --import--> HOME/content --escrow--> locked --order--> sponsor.mdb
 *                                                                      | soukd watches it
 *   progress <---------------- report of the running soukd <-----------'
 *
 * Whatever is interrupted, the same command goes on from there: an import is whole or not at all,
 * only what is missing is locked, and the order is written last. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "import.h"
#include "sponsor_home.h"
#include "souk/base/check.h"

#define POLL_MS 300u

static struct souk_amount budget;
static struct souk_amount price;
static uint64_t replicas = 3;
static uint64_t wait_ms = 10ull * 60 * 1000;
static bool wants_link, wants_each, wants_no_pack;
static enum import_packing packing;

struct publishing {
	struct sponsor_home home;
	struct provider_store files;
	struct sponsor_store store;
	struct publication what;
	uint32_t max;			   /* room in what.ids */
	struct souk_sponsor_order *before; /* of each; size 0: there was none */
	char name[SOUK_CONTENT_NAME_SIZE];
	uint64_t size;
	uint64_t units;
	struct souk_amount locked;
};

/* ------------------------------------------------------------------ what is published */

static souk_status add_id(struct publishing *p, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < p->what.count; i++) {
		if (souk_hash_equal(&p->what.ids[i], id))
			return SOUK_OK; /* the same bytes under two names */
	}
	if (p->what.count == p->max) {
		uint32_t max = p->max == 0 ? 16 : 2 * p->max;
		struct souk_hash *grown = realloc(p->what.ids, max * sizeof *grown);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		p->what.ids = grown;
		p->max = max;
	}
	p->what.ids[p->what.count++] = *id;
	return SOUK_OK;
}

static souk_status take_item(struct publishing *p, const struct import_result *result)
{
	struct souk_content_name name = souk_content_name_of(&result->content);
	souk_content_name_format(p->name, &name);
	p->what.group = result->content.id;
	p->size = result->content.size;
	p->units = souk_content_chunk_count(&result->content);
	return add_id(p, &result->content.id);
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "souk publish: %s\n", text);
}

static int import_tree(struct publishing *p, const char *path)
{
	struct import_folder_result result;
	struct souk_directory_iterator iterator;
	struct souk_directory_entry entry;
	const struct import_folder_options folder = {
		.wants_link = wants_link, .packing = packing, .note = say};
	souk_status status = import_folder(&p->files, path, &folder, &result);
	if (status != SOUK_OK) {
		import_folder_done(&result);
		return cli_fail("publish", path, status, result.item.detail);
	}
	status = take_item(p, &result.item);
	p->units = result.units;
	p->size = result.directory.total_size;
	souk_directory_begin(&iterator, &result.directory);
	while (status == SOUK_OK && souk_directory_next(&iterator, &entry)) {
		if (entry.size > 0 && (!entry.is_packed || result.has_each))
			status = add_id(p, &entry.id);
	}
	if (status == SOUK_OK && result.directory.pack.file_count > 0)
		status = add_id(p, &result.directory.pack.id);
	import_folder_done(&result);
	return status == SOUK_OK ? 0 : cli_fail("publish", path, status, NULL);
}

static int import_all(struct publishing *p, const char *path)
{
	struct import_result result;
	struct stat info;
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return import_tree(p, path);
	souk_status status = import_file(&p->files, path, wants_link, SOUK_AMOUNT_ZERO, &result);
	if (status != SOUK_OK)
		return cli_fail("publish", path, status, result.detail);
	status = take_item(p, &result);
	if (status == SOUK_OK && result.content.size == 0)
		return cli_fail("publish", path, SOUK_LOCAL_USAGE,
			"an empty file is had for nothing: souk add it");
	return status == SOUK_OK ? 0 : cli_fail("publish", path, status, NULL);
}

/* ------------------------------------------------------------------ the order */

static souk_status order_one(struct publishing *p, const struct souk_hash *id)
{
	struct souk_content_record record;
	struct souk_sponsor_order order = {
		.budget = budget,
		.group = p->what.group,
		.price = price,
		.replicas = (uint16_t)replicas,
		.added = cli_now(),
	};
	SOUK_TRY(provider_store_content(&p->files, id, &record));
	order.size = record.size;
	order.chunk_size = record.chunk_size;
	order.name.size = record.name.size < 256 ? record.name.size : 256;
	memcpy(order.name.text, record.name.text, order.name.size);
	return sponsor_store_put_order(&p->store, id, &order);
}

/* As it was before; a first order is stopped. */
static souk_status order_back(struct publishing *p, uint32_t index)
{
	struct souk_sponsor_order *order = &p->before[index];
	if (order->size == 0) {
		SOUK_TRY(sponsor_store_order(&p->store, &p->what.ids[index], order));
		order->stopped = true;
	}
	return sponsor_store_put_order(&p->store, &p->what.ids[index], order);
}

static souk_status write_orders(struct publishing *p)
{
	p->before = calloc(p->what.count, sizeof *p->before);
	if (p->before == NULL)
		return SOUK_IO_MEMORY;
	for (uint32_t i = 0; i < p->what.count; i++) {
		souk_status status = sponsor_store_order(&p->store, &p->what.ids[i], &p->before[i]);
		if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
			return status;
	}
	for (uint32_t i = 0; i < p->what.count; i++)
		SOUK_TRY(order_one(p, &p->what.ids[i]));
	return SOUK_OK;
}

/* What is to be locked is the sum of the orders, so they are written first; without the money all
 * is as before. */
static int order_all(struct publishing *p)
{
	souk_status status = write_orders(p);
	int failed = status == SOUK_OK
			     ? publish_lock(&p->home, &p->store, &p->locked)
			     : cli_fail("publish", cli_home_file("sponsor.mdb"), status, NULL);
	for (uint32_t i = 0; failed != 0 && p->before != NULL && i < p->what.count; i++) {
		status = order_back(p, i);
		(void)status; /* what failed is said already */
	}
	return failed;
}

/* ------------------------------------------------------------------ progress */

static const json_t *find_content(const json_t *report, const struct souk_hash *id)
{
	const json_t *contents = json_object_get(report, "contents"), *entry;
	const char *hex = cli_hash_text(id);
	size_t index;
	json_array_foreach((json_t *)(uintptr_t)contents, index, entry)
	{
		if (strncmp(report_text(entry, "content"), hex, 2 * SOUK_HASH_SIZE) == 0)
			return entry;
	}
	return NULL;
}

struct standing {
	uint32_t complete; /* contents with as many caches as ordered */
	uint64_t fewest;   /* caches of the one that has fewest */
	uint64_t pulling;
	uint64_t spent, bytes;
	char refusal[160]; /* why a provider did not become a cache */
};

static struct standing standing_of(const struct publishing *p, const json_t *report)
{
	struct standing s = {.fewest = UINT64_MAX};
	for (uint32_t i = 0; i < p->what.count; i++) {
		const json_t *entry = find_content(report, &p->what.ids[i]);
		/* Until the daemon has read the order, what it says is about an older one. */
		bool is_read = entry != NULL && report_u64(entry, "budget_ncoin") == budget.ncoin &&
			       !json_is_true(json_object_get(entry, "stopped"));
		uint64_t there = is_read ? report_u64(entry, "replicas") : 0;
		s.complete += there >= replicas;
		s.fewest = there < s.fewest ? there : s.fewest;
		s.pulling += entry == NULL ? 0 : report_u64(entry, "pulling");
		s.spent += entry == NULL ? 0 : report_u64(entry, "spent_ncoin");
		s.bytes += entry == NULL ? 0 : report_u64(entry, "bytes");
		if (is_read && there < replicas)
			snprintf(s.refusal, sizeof s.refusal, "%s",
				report_text(entry, "last_refusal"));
	}
	return s;
}

static void show(const struct publishing *p, const struct standing *s, bool is_last)
{
	struct souk_amount spent = {s->spent};
	if (cli_json || (!isatty(STDERR_FILENO) && !is_last))
		return;
	fprintf(stderr, "%scaches   %" PRIu64 " of %" PRIu64 ", %" PRIu64 " more pull",
		isatty(STDERR_FILENO) ? "\r" : "", s->fewest, replicas, s->pulling);
	if (p->what.count > 1)
		fprintf(stderr, "; %" PRIu32 " of %" PRIu32 " contents ready", s->complete,
			p->what.count);
	fprintf(stderr, "; %s served; %s of %s coins spent%s", cli_size_text(s->bytes),
		cli_amount_text(spent), cli_amount_text(budget),
		isatty(STDERR_FILENO) ? "\033[K" : "");
	if (is_last)
		fputc('\n', stderr);
}

/* Until every content has its caches, or the time is over. Whether they all have. */
static bool wait_for_caches(const struct publishing *p, struct standing *ret)
{
	struct souk_time start = cli_now();
	bool has_said = false;
	*ret = (struct standing){0};
	for (;;) {
		souk_status status;
		json_t *report = sponsor_home_report(p->home.name, &status);
		if (report != NULL) {
			*ret = standing_of(p, report);
			json_decref(report);
		} else if (!has_said && !cli_json) {
			fprintf(stderr,
				"souk publish: no soukd answers for this home (%s); start it: "
				"soukd --home %s\n",
				souk_status_text(status), cli_home_path());
			has_said = true;
		}
		bool is_complete = report != NULL && ret->complete == p->what.count;
		bool is_over = souk_time_since_ms(start, cli_now()) >= wait_ms;
		if (report != NULL)
			show(p, ret, is_complete || is_over);
		if (is_complete || is_over)
			return is_complete;
		usleep(POLL_MS * 1000);
	}
}

/* ------------------------------------------------------------------ the command */

static void print_result(const struct publishing *p, const struct standing *s, bool is_complete)
{
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:s}",
			"content", p->name, "sponsor", p->home.name, "size_bytes",
			(json_int_t)p->size, "contents", (json_int_t)p->what.count, "budget_ncoin",
			(json_int_t)budget.ncoin, "locked_ncoin", (json_int_t)p->locked.ncoin,
			"replicas", (json_int_t)s->fewest, "replicas_ordered", (json_int_t)replicas,
			"complete", is_complete, "last_refusal", s->refusal, "home",
			cli_home_path()));
		return;
	}
	printf("budget   %s coins, for %s: about %" PRIu64 " whole downloads or more\n",
		cli_amount_text(budget), cli_size_text(p->size),
		budget.ncoin / (p->home.price.ncoin * (p->units > 0 ? p->units : 1)));
	printf("sponsor  %s\n", p->home.name);
	printf("view     souk get %s\n", p->name);
	printf("watch    souk sponsor report --follow --home %s\n", cli_home_path());
	if (!is_complete && s->refusal[0] != '\0')
		printf("refused  %s\n", s->refusal);
	if (!is_complete)
		printf("caches   recruiting goes on while soukd runs; viewers are served from "
		       "%" PRIu64 " caches on\n",
			p->home.caches);
}

static int publish(struct publishing *p, const char *path)
{
	struct standing standing;
	int failed = import_all(p, path);
	if (failed == 0 && p->what.count > p->home.contents)
		failed = cli_fail("publish", path, SOUK_LOCAL_FULL,
			packing == IMPORT_PACKED
				? "more files than this sponsor may pay for; raise [sponsor] "
				  "contents in souk.ini, or publish an archive of them"
				: "more files than this sponsor may pay for; raise [sponsor] "
				  "contents in souk.ini, or leave the small ones to the pack");
	if (failed == 0 && !cli_json)
		printf("content  %s\n", p->name);
	if (failed == 0)
		failed = order_all(p);
	if (failed != 0)
		return failed;
	fflush(stdout); /* before what goes to the other stream */
	bool is_complete = wait_for_caches(p, &standing);
	print_result(p, &standing, is_complete);
	return 0;
}

static int run(const char *path)
{
	struct publishing p = {.max = 0};
	if (!sponsor_home_read(&p.home, "publish"))
		return EXIT_REFUSED;
	if (price.ncoin != 0)
		p.home.price = price;
	if (replicas < p.home.caches) {
		fprintf(stderr,
			"souk publish: a bundle has %" PRIu64 " caches: --replicas %" PRIu64
			" or more, or less [sponsor] caches in souk.ini\n",
			p.home.caches, p.home.caches);
		return EXIT_USAGE;
	}
	souk_status status = provider_store_open(&p.files, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail("publish", cli_home_path(), status, NULL);
	status = sponsor_store_open(&p.store, cli_home_path(), false);
	int code = status == SOUK_OK ? publish(&p, path)
				     : cli_fail("publish", cli_home_path(), status, NULL);
	if (status == SOUK_OK)
		sponsor_store_close(&p.store);
	provider_store_close(&p.files);
	free(p.before);
	free(p.what.ids);
	return code;
}

int cmd_publish(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"budget", "COINS", "to spend on its viewers, ever; raise it by the same command",
			OPTION_AMOUNT, &budget},
		{"replicas", "N", "caches at least; more come where viewers do (3)", OPTION_U64,
			&replicas},
		{"price", "COINS", "most for a unit of 256 KiB (the home's)", OPTION_AMOUNT,
			&price},
		{"link", NULL, "keep hard links to the files, which must never change, and no copy",
			OPTION_FLAG, &wants_link},
		{"each", NULL, "pay for a folder's small files by themselves, too, not only packed",
			OPTION_FLAG, &wants_each},
		{"no-pack", NULL, "pay for a folder's small files by themselves, and pack none",
			OPTION_FLAG, &wants_no_pack},
		{"wait", "TIME", "how long to wait for the caches (10m); 0s: not at all",
			OPTION_DURATION, &wait_ms},
	};
	static const struct command_spec command = {.name = "publish",
		.arguments = "FILE|DIR",
		.summary = "Publish a file or a folder: caches serve it, viewers pay nothing, you "
			   "pay.",
		.details =
			"The home is a sponsor's (souk init --role sponsor), and its soukd "
			"recruits "
			"caches\n"
			"from the providers on the ledger. The budget is locked in your escrow: "
			"opened, or\n"
			"topped up, without asking. Caches are paid for what viewers prove to have "
			"fetched,\n"
			"and nothing else. Of a folder, all files share the budget; those of up to "
			"1 MiB are\n"
			"one content, the pack.",
		.examples = "  souk publish film.mkv --budget 5\n"
			    "  souk publish site/ --budget 2.5 --replicas 6 --price 0.0001\n"
			    "  souk publish film.mkv --budget 10 --wait 0s --json",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (budget.ncoin == 0 || replicas == 0 || replicas > 1000) {
		fprintf(stderr, "souk publish: --budget COINS is needed, and --replicas is 1 to "
				"1000\n");
		return EXIT_USAGE;
	}
	if (!import_packing_of(&packing, command.name, wants_each, wants_no_pack))
		return EXIT_USAGE;
	return run(argv[0]);
}
