/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent export: the torrent file of a content or of a directory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd_torrent.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "torrent_rows.h"

static const char *name_asked;
static const char *tracker;
static bool is_folder; /* says the user: its bytes are worth buying */

struct export
{
	struct torrent_rows rows;
	struct torrent_source source;
	uint8_t *info; /* heap */
	struct souk_directory directory;
	bool is_directory; /* the content is one; else it is the only file of one made here */
	struct souk_torrent_layer *layers;
	size_t layer_count;
	struct souk_hash infohash;
	uint8_t *torrent; /* heap */
	size_t size;
	char magnet[4096];
};

static souk_status say(struct export *export, souk_status status, const char *text)
{
	snprintf(export->rows.detail, sizeof export->rows.detail, "%s", text);
	return status;
}

/* ------------------------------------------------------------------ the info dictionary */

/* Whether the content's bytes are a directory: where they are here, or may be bought. */
static souk_status try_directory(struct export *export)
{
	uint8_t *bytes;
	if (!is_folder &&
		(!export->source.is_here || export->source.content.size > SOUK_DIRECTORY_SIZE_MAX))
		return SOUK_OK;
	SOUK_TRY(export->source.is_here ? torrent_rows_bytes(&export->rows, &export->source, &bytes)
					: torrent_rows_buy(&export->rows, &export->source,
						  cli_home_path(), &bytes));
	struct souk_bytes view = souk_bytes_of(bytes, (size_t) export->source.content.size);
	souk_status status = souk_directory_parse(&export->directory, view);
	export->is_directory = status == SOUK_OK;
	if (export->is_directory)
		export->info = bytes;
	else
		free(bytes);
	return is_folder ? status : SOUK_OK;
}

/* A single file: its name is what the torrent is called, a piece is a chunk. */
static souk_status make_info(struct export *export)
{
	const struct souk_content *content = &export->source.content;
	struct souk_content_name id = souk_content_name_of(content);
	char text[SOUK_CONTENT_NAME_SIZE];
	souk_content_name_format(text, &id);
	const char *name = name_asked != NULL		    ? name_asked
			   : export->source.name[0] != '\0' ? export->source.name
							    : text;
	struct souk_directory_file file = {
		.path = souk_bytes_text(name), .size = content->size, .id = content->id};
	struct souk_writer writer;
	if (content->size == 0)
		return say(export, SOUK_LOCAL_USAGE, "an empty file has no torrent");
	if (!souk_directory_component_is_good(file.path))
		return say(export, SOUK_LOCAL_USAGE,
			"its name may not stand in a torrent; give another with --name");
	export->info = malloc(1024);
	if (export->info == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, export->info, 1024);
	SOUK_TRY(souk_directory_encode(&writer, file.path, content->chunk_size, &file, 1, NULL));
	return souk_directory_parse(&export->directory, souk_bytes_of(export->info, writer.size));
}

/* ------------------------------------------------------------------ layers */

static int compare_layers(const void *a, const void *b)
{
	return memcmp(a, b, SOUK_HASH_SIZE);
}

static souk_status add_layer(struct export *export, const struct souk_directory_entry *entry)
{
	struct torrent_source source = export->source;
	struct souk_hash *hashes;
	size_t count;
	if (export->is_directory)
		SOUK_TRY(torrent_rows_find_file(&export->rows, &export->directory, entry, &source));
	SOUK_TRY(torrent_rows_layer(
		&export->rows, &source, export->directory.piece_length, &hashes, &count));
	export->layers[export->layer_count++] = (struct souk_torrent_layer){
		entry->id, souk_bytes_of(hashes, count * sizeof *hashes)};
	return SOUK_OK;
}

/* The same file twice has one layer. */
static void drop_doubles(struct export *export)
{
	size_t kept = 0;
	if (export->layer_count > 0)
		qsort(export->layers, export->layer_count, sizeof *export->layers, compare_layers);
	for (size_t i = 0; i < export->layer_count; i++) {
		if (kept > 0 &&
			souk_hash_equal(&export->layers[kept - 1].id, &export->layers[i].id))
			free((void *)export->layers[i].hashes.data);
		else
			export->layers[kept++] = export->layers[i];
	}
	export->layer_count = kept;
}

static souk_status find_layers(struct export *export)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	export->layers = calloc(export->directory.file_count, sizeof *export->layers);
	if (export->layers == NULL)
		return SOUK_IO_MEMORY;
	souk_directory_begin(&it, &export->directory);
	while (souk_directory_next(&it, &entry)) {
		if (entry.size <= export->directory.piece_length)
			continue;
		souk_status status = add_layer(export, &entry);
		if (status != SOUK_OK) {
			char why[TORRENT_ROWS_DETAIL_SIZE];
			snprintf(why, sizeof why, "%.80s: %.400s", entry.path, export->rows.detail);
			return say(export, status, why);
		}
	}
	drop_doubles(export);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ writing */

static souk_status encode(struct export *export)
{
	struct souk_writer writer;
	size_t room = export->directory.bytes.size + 4096;
	for (size_t i = 0; i < export->layer_count; i++)
		room += export->layers[i].hashes.size + 64;
	if (room > SOUK_TORRENT_SIZE_MAX)
		return say(export, SOUK_LOCAL_FULL, "a torrent file has at most 64 MiB");
	export->torrent = malloc(room);
	if (export->torrent == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, export->torrent, room);
	SOUK_TRY(souk_torrent_encode(
		&writer, tracker, export->directory.bytes, export->layers, export->layer_count));
	export->size = writer.size;
	struct souk_torrent torrent; /* what is written is what will be read */
	SOUK_TRY(souk_torrent_parse(&torrent, souk_bytes_of(export->torrent, export->size)));
	export->infohash = torrent.infohash;
	souk_writer_init(&writer, export->magnet, sizeof export->magnet - 1);
	SOUK_TRY(souk_torrent_magnet(&writer, &export->infohash, export->directory.name, tracker));
	export->magnet[writer.size] = '\0';
	return SOUK_OK;
}

static souk_status make(struct export *export, const struct souk_content_name *name)
{
	SOUK_TRY(torrent_rows_find(&export->rows, name, &export->source));
	SOUK_TRY(try_directory(export));
	if (!export->is_directory)
		SOUK_TRY(make_info(export));
	SOUK_TRY(find_layers(export));
	return encode(export);
}

static void print_done(const struct export *export, const char *path)
{
	struct souk_content_name name = souk_content_name_of(&export->source.content);
	char text[SOUK_CONTENT_NAME_SIZE];
	const struct souk_directory *directory = &export->directory;
	souk_content_name_format(text, &name);
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:s, s:s}", "content",
			text, "torrent", path, "is_directory", export->is_directory, "file_count",
			(json_int_t)directory->file_count, "files_bytes",
			(json_int_t)directory->total_size, "piece_bytes",
			(json_int_t)directory->piece_length, "infohash",
			cli_hash_text(&export->infohash), "magnet", export->magnet));
		return;
	}
	printf("torrent   %s, %zu bytes\n", path, export->size);
	printf("content   %s\n", text);
	printf("files     %" PRIu32 ", %s, in pieces of %s\n", directory->file_count,
		cli_size_text(directory->total_size), cli_size_text(directory->piece_length));
	printf("infohash  %s\n", cli_hash_text(&export->infohash));
	printf("magnet    %s\n", export->magnet);
}

static void done(struct export *export)
{
	for (size_t i = 0; i < export->layer_count; i++)
		free((void *)export->layers[i].hashes.data);
	free(export->layers);
	free(export->info);
	free(export->torrent);
	torrent_rows_close(&export->rows);
}

static int run(const char *text, const char *path)
{
	struct souk_content_name name;
	struct export export = {0};
	char own_path[300];
	if (souk_content_name_parse(&name, text) != SOUK_OK)
		return cli_fail("torrent export", text, SOUK_PEER_BAD_HEX,
			"a content id is 64 lower-case hexadecimal digits");
	torrent_rows_open(&export.rows, cli_home_path(), cli_ledger_url());
	souk_status status = make(&export, &name);
	if (path == NULL) {
		snprintf(own_path, sizeof own_path, "%.*s.torrent", (int)export.directory.name.size,
			(const char *)export.directory.name.data);
		path = own_path;
	}
	if (status == SOUK_OK)
		status = souk_file_write_atomic(
			path, souk_bytes_of(export.torrent, export.size), false);
	int code = 0;
	if (status == SOUK_OK)
		print_done(&export, path);
	else
		code = cli_fail("torrent export", text, status, export.rows.detail);
	done(&export);
	return code;
}

int cmd_torrent_export(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"name", "NAME", "what a single file is called (as it was added)", OPTION_TEXT,
			&name_asked},
		{"folder", NULL, "it is a folder in the market: buy its list of files", OPTION_FLAG,
			&is_folder},
		{"tracker", "URL", "put this tracker in", OPTION_TEXT, &tracker},
	};
	static const struct command_spec command = {.name = "torrent export",
		.arguments = "CONTENT [FILE.torrent]",
		.summary = "Write the torrent file of a content, for any BitTorrent v2 client.",
		.details =
			"A folder must be in this home; of a file the chunk row is enough, which "
			"any provider\n"
			"gives away. Pieces are as long as chunks, or as the folder says. Nothing "
			"is seeded.",
		.examples = "  souk torrent export 5d9a...e1\n"
			    "  souk torrent export 5d9a...e1 site.torrent --tracker "
			    "http://tracker.example/announce",
		.options = options,
		.option_count = 3,
		.arguments_min = 1,
		.arguments_max = 2};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return run(argv[0], count > 1 ? argv[1] : NULL);
}
