/* SPDX-License-Identifier: Apache-2.0
 *
 * add: put files on sale. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "import.h"
#include "share.h"
#include "souk/base/check.h"
#include "souk/io/ini.h"

#define FILES_MAX 1000

static struct souk_amount price;
static bool wants_link;
static bool wants_list;
static bool wants_seal;
static bool wants_each;
static bool wants_no_pack;
static enum import_packing packing;

/* The price that soukd takes for a content whose record names none; false where the home's
 * configuration sells nothing. */
static bool read_default_price(struct souk_amount *ret)
{
	char error[SOUK_INI_ERROR_SIZE];
	struct souk_ini *ini;
	*ret = (struct souk_amount){100000};
	if (souk_ini_read(&ini, cli_home_file("souk.ini"), error) != SOUK_OK)
		return false;
	bool sells = souk_ini_has_section(ini, "provider");
	souk_ini_amount(ini, "provider", "price", ret);
	souk_ini_free(ini);
	return sells;
}

/* A content with what people want to know of it. */
struct item {
	struct souk_content content;
	const struct souk_content_record *record;
	char name[SOUK_CONTENT_NAME_SIZE];
	uint32_t units;
	struct souk_amount price; /* that soukd takes now */
	const char *total;	  /* of all units */
};

static struct item item_of(const struct souk_hash *id, const struct souk_content_record *record,
	struct souk_amount default_price)
{
	struct item item = {
		.content = {.id = *id, .size = record->size, .chunk_size = record->chunk_size},
		.record = record,
		.price = record->price.ncoin != 0 ? record->price : default_price};
	struct souk_content_name name = souk_content_name_of(&item.content);
	struct souk_amount total;
	souk_content_name_format(item.name, &name);
	item.units = souk_content_chunk_count(&item.content);
	item.total = souk_amount_mul(&total, item.price, item.units) == SOUK_OK
			     ? cli_amount_text(total)
			     : "-";
	return item;
}

static json_t *item_json(const struct item *item)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:I}", "content", item->name, "name",
		item->record->name.text, "size_bytes", (json_int_t)item->record->size, "unit_bytes",
		(json_int_t)item->record->chunk_size, "units", (json_int_t)item->units,
		"price_ncoin", (json_int_t)item->price.ncoin, "price_is_default",
		item->record->price.ncoin == 0, "added_ms", (json_int_t)item->record->added.ms);
}

static void print_item(const struct item *item, bool was_there)
{
	printf("content  %s\n", item->name);
	printf("file     %s, %" PRIu64 " bytes%s\n", item->record->name.text, item->record->size,
		was_there ? "; was on sale already: name and price are updated" : "");
	if (item->units == 0)
		printf("units    none: an empty file is had for nothing\n");
	else
		printf("units    %" PRIu32 " of %s\n", item->units,
			cli_size_text(item->record->chunk_size));
	printf("price    %s coins a unit%s, %s in all\n", cli_amount_text(item->price),
		item->record->price.ncoin == 0 ? " (the home's price)" : "", item->total);
	printf("buy      souk get %s\n", item->name);
}

/* ------------------------------------------------------------------ list */

struct listing {
	struct souk_amount default_price;
	struct cli_table *table;
	json_t *json;
};

static souk_status list_one(
	void *ctx, const struct souk_hash *id, const struct souk_content_record *record)
{
	struct listing *listing = ctx;
	struct item item = item_of(id, record, listing->default_price);
	char units[16];
	snprintf(units, sizeof units, "%" PRIu32, item.units);
	const char *cells[] = {item.name, record->name.text, cli_size_text(record->size), units,
		cli_amount_text(item.price), item.total};
	if (cli_json)
		json_array_append_new(listing->json, item_json(&item));
	else
		cli_table_add(listing->table, cells);
	return SOUK_OK;
}

static int list_all(const char *command)
{
	static const char *const headings[] = {
		"content", "name", "size", "units", "price per unit", "total"};
	static const bool is_number[] = {false, false, true, true, true, true};
	struct listing listing = {.table = cli_json ? NULL : cli_table_new(6, headings, is_number),
		.json = json_array()};
	struct provider_store store;
	read_default_price(&listing.default_price);
	souk_status status = provider_store_open(&store, cli_home_path(), true);
	if (status == SOUK_OK) {
		status = provider_store_each_content(&store, list_one, &listing);
		provider_store_close(&store);
	} else if (status == SOUK_LOCAL_NOT_FOUND) {
		status = SOUK_OK; /* nothing was ever added */
	}
	if (status != SOUK_OK) {
		json_decref(listing.json);
		return cli_fail(command, cli_home_path(), status, NULL);
	}
	if (cli_json) {
		cli_print_json(json_pack("{s:o}", "contents", listing.json));
	} else {
		cli_table_print(listing.table);
		json_decref(listing.json);
	}
	return 0;
}

/* ------------------------------------------------------------------ add */

/* As add_file, encrypted; of the plain file nothing is on sale. */
static int add_sealed(const struct provider_store *store, const char *path,
	struct souk_amount default_price, json_t *list)
{
	struct share_content content;
	struct souk_content_record record;
	struct share_home home;
	if (!share_home_open(&home, "add", true, false))
		return EXIT_REFUSED;
	souk_status status = share_seal(&home, store, path, price, &content);
	share_home_close(&home);
	if (status == SOUK_OK)
		status = provider_store_content(store, &content.id, &record);
	if (status != SOUK_OK)
		return cli_fail("add", path, status, content.detail);
	struct item item = item_of(&content.id, &record, default_price);
	if (cli_json) {
		json_t *object = item_json(&item);
		json_object_set_new(object, "was_there", json_boolean(content.was_there));
		json_object_set_new(object, "sealed", json_true());
		json_object_set_new(
			object, "plain_bytes", json_integer((json_int_t)content.record.plain_size));
		json_array_append_new(list, object);
		return 0;
	}
	print_item(&item, false);
	printf("sealed   %s: nobody reads it but whom you share it with%s\n",
		content.record.name.text, content.was_there ? "; it was sealed before" : "");
	printf("share    souk share %s --with KEY\n", cli_hash_text(&content.id));
	return 0;
}

/* Returns 0 or the exit status; appends to LIST. */
static int add_file(const struct provider_store *store, const char *path,
	struct souk_amount default_price, json_t *list)
{
	struct import_result result;
	souk_status status = import_file(store, path, wants_link, price, &result);
	if (status != SOUK_OK)
		return cli_fail("add", path, status,
			status == SOUK_LOCAL_STOPPED ? "nothing of it was added" : result.detail);
	struct item item = item_of(&result.content.id, &result.record, default_price);
	if (cli_json) {
		json_t *object = item_json(&item);
		json_object_set_new(object, "was_there", json_boolean(result.was_there));
		json_array_append_new(list, object);
	} else {
		print_item(&item, result.was_there);
	}
	return 0;
}

static json_t *files_json(const struct souk_directory *directory)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	char name[SOUK_CONTENT_NAME_SIZE];
	json_t *files = json_array();
	souk_directory_begin(&it, directory);
	while (souk_directory_next(&it, &entry)) {
		struct souk_content content = {entry.id, entry.size, 0};
		struct souk_content_name named = souk_content_name_of(&content);
		souk_content_name_format(name, &named);
		json_array_append_new(files,
			json_pack("{s:s, s:s, s:I, s:b}", "path", entry.path, "content", name,
				"size_bytes", (json_int_t)entry.size, "packed", entry.is_packed));
	}
	return files;
}

static json_t *pack_json(const struct import_folder_result *result)
{
	struct souk_content_name named = souk_directory_pack_name(&result->directory);
	char name[SOUK_CONTENT_NAME_SIZE];
	if (result->directory.pack.file_count == 0)
		return json_null();
	named.has_size = named.size == 64;
	souk_content_name_format(name, &named);
	return json_pack("{s:s, s:I, s:I, s:b}", "content", name, "size_bytes",
		(json_int_t)named.size, "file_count", (json_int_t)result->directory.pack.file_count,
		"was_there", result->pack.was_there);
}

static json_t *folder_json(const struct item *item, const struct import_folder_result *result,
	struct souk_amount total)
{
	json_t *object = item_json(item);
	json_object_set_new(object, "was_there", json_boolean(result->item.was_there));
	json_object_set_new(object, "file_count", json_integer(result->directory.file_count));
	json_object_set_new(
		object, "files_bytes", json_integer((json_int_t)result->directory.total_size));
	json_object_set_new(object, "units_in_all", json_integer((json_int_t)result->units));
	json_object_set_new(object, "total_ncoin", json_integer((json_int_t)total.ncoin));
	json_object_set_new(object, "skipped", json_integer(result->skipped));
	json_object_set_new(object, "gateway_path", json_sprintf("/%s/", item->name));
	json_object_set_new(object, "pack", pack_json(result));
	json_object_set_new(object, "files", files_json(&result->directory));
	return object;
}

static void print_folder(const struct item *item, const struct import_folder_result *result,
	struct souk_amount total)
{
	printf("content  %s\n", item->name);
	printf("folder   %s %" PRIu32 " files, %s\n", item->record->name.text,
		result->directory.file_count, cli_size_text(result->directory.total_size));
	if (result->directory.pack.file_count > 0)
		printf("packed   %" PRIu32 " small files, %s, in one content%s\n",
			result->directory.pack.file_count,
			cli_size_text(result->directory.pack.size),
			result->has_each ? "; each by itself, too" : "");
	if (result->skipped > 0)
		printf("skipped  %" PRIu32 "\n", result->skipped);
	printf("units    %" PRIu64 " of %s in all, with the folder's own\n", result->units,
		cli_size_text(item->record->chunk_size));
	printf("price    %s coins a unit%s, %s in all\n", cli_amount_text(item->price),
		item->record->price.ncoin == 0 ? " (the home's price)" : "",
		cli_amount_text(total));
	printf("buy      souk get %s\n", item->name);
	printf("browse   /%s/ at a gateway\n", item->name);
}

static void say_skipped(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "souk add: %s\n", text);
}

/* As add_file. */
static int add_folder(const struct provider_store *store, const char *path,
	struct souk_amount default_price, json_t *list)
{
	struct import_folder_result result;
	struct souk_amount total = {0};
	const struct import_folder_options folder = {
		.wants_link = wants_link, .packing = packing, .price = price, .note = say_skipped};
	souk_status status = import_folder(store, path, &folder, &result);
	if (status != SOUK_OK) {
		import_folder_done(&result);
		return cli_fail("add", path, status,
			status == SOUK_LOCAL_STOPPED ? "the files before are on sale; the same "
						       "command goes on from there"
						     : result.item.detail);
	}
	struct item item = item_of(&result.item.content.id, &result.item.record, default_price);
	if (souk_amount_mul(&total, item.price, result.units) != SOUK_OK)
		total = (struct souk_amount){UINT64_MAX};
	if (cli_json)
		json_array_append_new(list, folder_json(&item, &result, total));
	else
		print_folder(&item, &result, total);
	import_folder_done(&result);
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Returns 0 or the exit status; appends to LIST. */
static int add_one(const struct provider_store *store, const char *path,
	struct souk_amount default_price, json_t *list)
{
	static bool is_next;
	if (is_next && !cli_json)
		putchar('\n');
	is_next = true;
	if (wants_seal)
		return add_sealed(store, path, default_price, list);
	return is_folder(path) ? add_folder(store, path, default_price, list)
			       : add_file(store, path, default_price, list);
}

static int add_all(const char *command, int count, char **paths)
{
	struct souk_identity identity;
	struct provider_store store;
	struct souk_amount default_price;
	int code = 0;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	souk_bytes_wipe(&identity, sizeof identity);
	if (strlen(cli_home_path()) >= sizeof store.home)
		return cli_fail(command, cli_home_path(), SOUK_LOCAL_FULL, "the path is too long");
	bool sells = read_default_price(&default_price);
	souk_status status = provider_store_open(&store, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail(command, cli_home_path(), status, NULL);
	json_t *list = json_array();
	for (int i = 0; i < count; i++) {
		int failed = add_one(&store, paths[i], default_price, list);
		if (failed)
			code = failed;
	}
	if (cli_json)
		cli_print_json(json_pack("{s:O}", "contents", list));
	json_decref(list);
	provider_store_close(&store);
	if (!sells)
		fprintf(stderr,
			"souk add: %s has no [provider] section, so soukd sells nothing from this "
			"home.\n",
			cli_home_file("souk.ini"));
	return code;
}

int cmd_add(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"price", "COINS", "of one unit (the home's price)", OPTION_AMOUNT, &price},
		{"link", NULL, "keep hard links to the files, which must never change, and no copy",
			OPTION_FLAG, &wants_link},
		{"seal", NULL, "encrypt the files, for whom souk share names later", OPTION_FLAG,
			&wants_seal},
		{"each", NULL, "sell a folder's small files by themselves, too, not only packed",
			OPTION_FLAG, &wants_each},
		{"no-pack", NULL, "sell a folder's small files by themselves, and pack none",
			OPTION_FLAG, &wants_no_pack},
		{"list", NULL, "show what is on sale, and add nothing", OPTION_FLAG, &wants_list},
	};
	static const struct command_spec command = {.name = "add",
		.arguments = "FILE|FOLDER...",
		.summary = "Put files and folders on sale.",
		.details =
			"Each file is copied into HOME/content and named by its content id, "
			"the root of its\n"
			"BitTorrent v2 tree. A soukd that runs offers it at once. The same file "
			"added again\n"
			"changes its name and price.\n\n"
			"A folder's files are added, and then a directory of them, which has an id "
			"of its own.\n"
			"Its files of up to 1 MiB become one content, the pack, which is a copy "
			"also with\n"
			"--link. Symbolic links, devices and empty folders are skipped and said. "
			"A command that\n"
			"was stopped goes on where it was when it is given again.",
		.examples =
			"  souk add film.mkv\n  souk add site/\n  souk add *.iso --price 0.0002\n"
			"  souk add --seal report.pdf\n  souk add --list --json",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_max = FILES_MAX};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (wants_seal && wants_link) {
		fprintf(stderr, "souk add: what is encrypted is a copy: --seal or --link\n");
		return EXIT_USAGE;
	}
	if (!import_packing_of(&packing, command.name, wants_each, wants_no_pack))
		return EXIT_USAGE;
	if (wants_list == (count > 0)) {
		fprintf(stderr, "souk add: name the files to add, or --list\n");
		return EXIT_USAGE;
	}
	return wants_list ? list_all(command.name) : add_all(command.name, count, argv);
}
