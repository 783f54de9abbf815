/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent import: a torrent's files on sale, from this disk or from its swarm. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../client/torrent_fetch.h"
#include "cli.h"
#include "cmd_torrent.h"
#include "import.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

static const char *data_path;
static struct option_list peer_names;
static bool no_trackers, is_local_allowed;
static uint64_t timeout_ms;
static struct souk_amount price;
static volatile sig_atomic_t stop_asked;

struct task {
	struct provider_store store;
	struct souk_bytes bytes; /* heap */
	struct souk_torrent torrent;
	struct souk_torrent_layer *layers;
	size_t layer_count;
	bool *wanted; /* for each file: it is not here yet */
	uint32_t wanted_count;
	uint32_t from_data, from_peers, was_there;
	bool has_pack;	  /* it was here when the import began */
	char folder[520]; /* HOME/torrents/INFOHASH */
	int lock;
	struct souk_torrent_peer peers[TORRENT_PEERS_MAX];
	size_t peer_count;
	struct import_folder_result result;
	char detail[TORRENT_DETAIL_SIZE + 128];
};

static souk_status say(struct task *task, souk_status status, const char *what, const char *why)
{
	snprintf(task->detail, sizeof task->detail, "%.200s: %.300s", what, why);
	return status;
}

static void note(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "souk torrent import: %s\n", text);
}

/* ------------------------------------------------------------------ the torrent */

static souk_status read_torrent(struct task *task, const char *path)
{
	char *data;
	size_t size;
	SOUK_TRY(souk_file_read(path, SOUK_TORRENT_SIZE_MAX, &data, &size));
	task->bytes = souk_bytes_of(data, size);
	SOUK_TRY(souk_torrent_parse(&task->torrent, task->bytes));
	size_t files = task->torrent.directory.file_count;
	task->layers = calloc(files, sizeof *task->layers);
	task->wanted = calloc(files, sizeof *task->wanted);
	if (task->layers == NULL || task->wanted == NULL)
		return SOUK_IO_MEMORY;
	return souk_torrent_index(&task->torrent, task->layers, files, &task->layer_count);
}

static bool is_here(const struct task *task, const struct souk_directory_entry *entry)
{
	struct souk_content_record record;
	char data[512], have[512];
	struct stat status;
	provider_store_data_path(&task->store, &entry->id, data);
	provider_store_have_path(&task->store, &entry->id, have);
	return provider_store_content(&task->store, &entry->id, &record) == SOUK_OK &&
	       record.size == entry->size && stat(data, &status) == 0 &&
	       (uint64_t)status.st_size == entry->size && access(have, F_OK) < 0;
}

/* ------------------------------------------------------------------ from this disk */

/* Where a file of the torrent may be below --data: there, below the torrent's name, or it is it. */
static bool find_data(
	const struct task *task, const struct souk_directory_entry *entry, char path[PATH_MAX])
{
	const struct souk_directory *directory = &task->torrent.directory;
	struct stat status;
	if (stat(data_path, &status) != 0)
		return false;
	if (S_ISREG(status.st_mode)) {
		snprintf(path, PATH_MAX, "%s", data_path);
		return directory->file_count == 1;
	}
	snprintf(path, PATH_MAX, "%s/%s", data_path, entry->path);
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		return true;
	snprintf(path, PATH_MAX, "%s/%.*s/%s", data_path, (int)directory->name.size,
		(const char *)directory->name.data, entry->path);
	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static souk_status take(struct task *task, const struct souk_directory_entry *entry,
	const char *path, bool wants_link)
{
	struct import_result result;
	const struct import_source source = {.path = path,
		.name = entry->name,
		.expected = &entry->id,
		.wants_link = wants_link,
		.price = price};
	souk_status status = import_as(&task->store, &source, &result);
	if (status != SOUK_OK)
		return say(task, status, entry->path, import_why(&result, status));
	return SOUK_OK;
}

/* What is here, in --data, or wanted of peers. */
static souk_status look_at(
	struct task *task, const struct souk_directory_entry *entry, bool *ret_wanted)
{
	struct import_result result;
	char path[PATH_MAX];
	*ret_wanted = false;
	if ((entry->is_packed && task->has_pack) || is_here(task, entry)) {
		task->was_there++;
		return SOUK_OK;
	}
	if (entry->size == 0) {
		struct souk_bytes none = {0};
		return import_bytes(&task->store, none, entry->name, price, &result);
	}
	if (data_path != NULL && find_data(task, entry, path)) {
		souk_status status = take(task, entry, path, false);
		task->from_data += status == SOUK_OK;
		if (status != SOUK_PEER_BAD_CONTENT)
			return status;
		note(NULL, task->detail);
	}
	*ret_wanted = true;
	return SOUK_OK;
}

static souk_status look_at_all(struct task *task)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	souk_directory_begin(&it, &task->torrent.directory);
	for (uint32_t i = 0; souk_directory_next(&it, &entry); i++) {
		SOUK_TRY(look_at(task, &entry, &task->wanted[i]));
		task->wanted_count += task->wanted[i];
	}
	return SOUK_OK;
}

/* ------------------------------------------------------------------ from the swarm */

struct numbered {
	struct souk_hash id;
	uint32_t number;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int order = memcmp(x->id.bytes, y->id.bytes, SOUK_HASH_SIZE);
	return order != 0 ? order : x->number < y->number ? -1 : 1;
}

/* The same file twice is fetched once. */
static souk_status drop_twins(struct task *task)
{
	uint32_t file_count = task->torrent.directory.file_count, count = 0;
	struct numbered *all = calloc(file_count, sizeof *all);
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	if (all == NULL)
		return SOUK_IO_MEMORY;
	souk_directory_begin(&it, &task->torrent.directory);
	for (uint32_t i = 0; souk_directory_next(&it, &entry); i++) {
		if (task->wanted[i])
			all[count++] = (struct numbered){entry.id, i};
	}
	qsort(all, count, sizeof *all, compare_numbered);
	for (uint32_t i = 1; i < count; i++) {
		if (!souk_hash_equal(&all[i].id, &all[i - 1].id))
			continue;
		task->wanted[all[i].number] = false;
		task->wanted_count--;
		task->was_there++;
	}
	free(all);
	return SOUK_OK;
}

static void ask_to_stop(int number)
{
	(void)number;
	stop_asked = 1;
}

static bool show_progress(void *ctx, const struct torrent_figures *figures)
{
	(void)ctx;
	uint64_t rate = figures->bytes_done * 1000 / (figures->elapsed_ms + 1);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%3u%%  %s of %s  %s/s  %u peers \033[K",
			(unsigned)(figures->bytes_done * 100 / figures->bytes),
			cli_size_text(figures->bytes_done), cli_size_text(figures->bytes),
			cli_size_text(rate), (unsigned)figures->connections);
	return !stop_asked;
}

static souk_status find_peers(struct task *task, const struct torrent_events *events)
{
	for (unsigned i = 0; i < peer_names.count; i++) {
		size_t count = 0;
		souk_status status = torrent_resolve(task->peers + task->peer_count,
			TORRENT_PEERS_MAX - task->peer_count, &count, peer_names.values[i]);
		if (status != SOUK_OK)
			return say(task, status, peer_names.values[i],
				"a peer is HOST:PORT, such as 192.0.2.1:6881");
		task->peer_count += count;
	}
	if (!no_trackers)
		task->peer_count = torrent_ask_trackers(&task->torrent, task->peers,
			task->peer_count, TORRENT_PEERS_MAX, is_local_allowed, events);
	if (task->peer_count == 0)
		return say(task, SOUK_LOCAL_NO_PROVIDER_LEFT, "no peers",
			"name some with --peer HOST:PORT, or the files with --data; --local "
			"asks trackers of the local network, too");
	return SOUK_OK;
}

static void set_folder(struct task *task)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, task->torrent.infohash.bytes, SOUK_HASH_SIZE);
	snprintf(task->folder, sizeof task->folder, "%s/torrents/%s", task->store.home, hex);
}

/* One import of a torrent at a time: they would write the same files. */
static souk_status lock_folder(struct task *task)
{
	char path[560];
	SOUK_TRY(souk_file_make_folders(task->folder));
	snprintf(path, sizeof path, "%s/lock", task->folder);
	task->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (task->lock < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	if (flock(task->lock, LOCK_EX | LOCK_NB) < 0)
		return say(task, SOUK_LOCAL_STATE, task->folder,
			"another souk is importing this torrent");
	return SOUK_OK;
}

/* Into the store by a link: the bytes are there once, and the copy here can go. */
static souk_status take_fetched(struct task *task)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	char path[600];
	souk_directory_begin(&it, &task->torrent.directory);
	for (uint32_t i = 0; souk_directory_next(&it, &entry); i++) {
		if (!task->wanted[i])
			continue;
		torrent_file_path(path, sizeof path, task->folder, i);
		if (!is_here(task, &entry))
			SOUK_TRY(take(task, &entry, path, true));
		task->from_peers++;
	}
	return SOUK_OK;
}

static souk_status fetch(struct task *task)
{
	const struct sigaction catch = {.sa_handler = ask_to_stop}, leave = {.sa_handler = SIG_DFL};
	const struct torrent_fetch_config config = {.torrent = &task->torrent,
		.layers = task->layers,
		.layer_count = task->layer_count,
		.wanted = task->wanted,
		.folder = task->folder,
		.peers = task->peers,
		.timeout_ms = timeout_ms,
		.events = {.note = note, .progress = show_progress}};
	struct torrent_fetch_config with_peers = config;
	char detail[TORRENT_DETAIL_SIZE];
	SOUK_TRY(find_peers(task, &config.events));
	SOUK_TRY(lock_folder(task));
	with_peers.peer_count = task->peer_count;
	sigaction(SIGINT, &catch, NULL);
	sigaction(SIGTERM, &catch, NULL);
	souk_status status = torrent_fetch_run(&with_peers, detail);
	sigaction(SIGINT, &leave, NULL);
	sigaction(SIGTERM, &leave, NULL);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (status != SOUK_OK) {
		snprintf(task->detail, sizeof task->detail,
			"%s%sthe same command goes on from there", detail,
			detail[0] != '\0' ? "; " : "what is verified is kept; ");
		return status;
	}
	return take_fetched(task);
}

/* Also what a run left that was killed when all was in the store. */
static void clean_folder(struct task *task)
{
	char path[600];
	if (access(task->folder, F_OK) < 0 || (task->lock < 0 && lock_folder(task) != SOUK_OK))
		return;
	for (uint32_t i = 0; i < task->torrent.directory.file_count; i++) {
		torrent_file_path(path, sizeof path, task->folder, i);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/lock", task->folder);
	unlink(path);
	rmdir(task->folder);
}

/* ------------------------------------------------------------------ the pack */

static bool is_pack_here(const struct task *task)
{
	const struct souk_directory_pack *pack = &task->torrent.directory.pack;
	const struct souk_directory_entry whole = {.id = pack->id, .size = pack->size};
	return pack->file_count > 0 && is_here(task, &whole);
}

/* By their names in HOME/content. */
static souk_status pack_files(
	struct task *task, struct import_pack *pack, char (*names)[2 * SOUK_HASH_SIZE + 1])
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	struct import_result result;
	souk_directory_begin(&it, &task->torrent.directory);
	while (souk_directory_next(&it, &entry)) {
		if (!entry.is_packed)
			continue;
		souk_hex_encode(names[pack->count], entry.id.bytes, SOUK_HASH_SIZE);
		pack->files[pack->count] =
			(struct import_pack_file){.path = names[pack->count], .size = entry.size};
		pack->count++;
	}
	souk_status status = import_pack(&task->store, pack, &result);
	if (status == SOUK_PEER_BAD_CONTENT)
		return say(task, SOUK_PEER_BAD_DIRECTORY, "its pack",
			"the torrent names another one than its files make");
	return status == SOUK_OK ? SOUK_OK
				 : say(task, status, "the pack", import_why(&result, status));
}

/* Whoever fetches the directory asks for its pack first: it is made of the files that are here. */
static souk_status make_pack(struct task *task)
{
	const struct souk_directory *directory = &task->torrent.directory;
	char folder[520], (*names)[2 * SOUK_HASH_SIZE + 1];
	if (directory->pack.file_count == 0 || task->has_pack)
		return SOUK_OK;
	snprintf(folder, sizeof folder, "%s/content", task->store.home);
	struct import_pack pack = {.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.files = calloc(directory->pack.file_count, sizeof *pack.files),
		.folder = directory->name,
		.expected = &directory->pack.id,
		.price = price};
	names = calloc(directory->pack.file_count, sizeof *names);
	souk_status status = pack.folder_fd < 0 ? SOUK_IO_READ : SOUK_IO_MEMORY;
	if (pack.folder_fd >= 0 && pack.files != NULL && names != NULL)
		status = pack_files(task, &pack, names);
	if (pack.folder_fd >= 0)
		close(pack.folder_fd);
	free(pack.files);
	free(names);
	return status;
}

/* ------------------------------------------------------------------ the command */

static souk_status import(struct task *task, const char *path)
{
	SOUK_TRY(read_torrent(task, path));
	set_folder(task);
	task->has_pack = is_pack_here(task);
	SOUK_TRY(look_at_all(task));
	SOUK_TRY(drop_twins(task));
	if (task->wanted_count > 0)
		SOUK_TRY(fetch(task));
	SOUK_TRY(make_pack(task));
	souk_status status =
		import_directory(&task->store, task->torrent.info, price, &task->result);
	if (status != SOUK_OK)
		return say(task, status, "the directory", import_why(&task->result.item, status));
	clean_folder(task);
	return SOUK_OK;
}

static void print_done(const struct task *task)
{
	const struct souk_directory *directory = &task->torrent.directory;
	struct souk_content_name name = souk_content_name_of(&task->result.item.content);
	struct souk_directory_iterator it;
	struct souk_directory_entry first;
	char id[SOUK_CONTENT_NAME_SIZE], file[SOUK_CONTENT_NAME_SIZE] = "";
	souk_content_name_format(id, &name);
	souk_directory_begin(&it, directory);
	if (directory->file_count == 1 && souk_directory_next(&it, &first)) {
		struct souk_content only = {.id = first.id, .size = first.size};
		name = souk_content_name_of(&only);
		souk_content_name_format(file, &name);
	}
	if (cli_json) {
		json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "content", id,
			"infohash", cli_hash_text(&task->torrent.infohash), "file_count",
			(json_int_t)directory->file_count, "files_bytes",
			(json_int_t)directory->total_size, "files_there",
			(json_int_t)task->was_there, "files_from_data", (json_int_t)task->from_data,
			"files_from_peers", (json_int_t)task->from_peers);
		if (file[0] != '\0')
			json_object_set_new(object, "file", json_string(file));
		cli_print_json(object);
		return;
	}
	printf("content   %s\n", id);
	if (file[0] != '\0')
		printf("file      %s\n", file);
	printf("files     %" PRIu32 ", %s: %" PRIu32 " were here, %" PRIu32 " from disk, %" PRIu32
	       " from peers\n",
		directory->file_count, cli_size_text(directory->total_size), task->was_there,
		task->from_data, task->from_peers);
	printf("infohash  %s\n", cli_hash_text(&task->torrent.infohash));
	printf("buy       souk get %s\n", file[0] != '\0' ? file : id);
}

static int run(const char *path)
{
	static struct task task = {.lock = -1};
	struct souk_identity identity;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	souk_bytes_wipe(&identity, sizeof identity);
	if (strlen(cli_home_path()) >= sizeof task.store.home)
		return cli_fail(
			"torrent import", cli_home_path(), SOUK_LOCAL_FULL, "the path is too long");
	souk_status status = provider_store_open(&task.store, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail("torrent import", cli_home_path(), status, NULL);
	status = import(&task, path);
	int code = 0;
	if (status == SOUK_OK)
		print_done(&task);
	else
		code = cli_fail("torrent import", path, status, task.detail);
	import_folder_done(&task.result);
	provider_store_close(&task.store);
	if (task.lock >= 0)
		close(task.lock);
	free((void *)task.bytes.data);
	free(task.layers);
	free(task.wanted);
	return code;
}

int cmd_torrent_import(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"data", "PATH", "take the files from here, as far as they are the torrent's",
			OPTION_TEXT, &data_path},
		{"peer", "HOST:PORT", "a seed to download from; may stand several times",
			OPTION_LIST, &peer_names},
		{"no-trackers", NULL, "ask only the peers that are named", OPTION_FLAG,
			&no_trackers},
		{"local", NULL,
			"the torrent's trackers, and their peers, may be in the local network",
			OPTION_FLAG, &is_local_allowed},
		{"timeout", "TIME", "leave a peer that owes a block for so long (20s)",
			OPTION_DURATION, &timeout_ms},
		{"price", "COINS", "of one unit (the home's price)", OPTION_AMOUNT, &price},
	};
	static const struct command_spec command = {.name = "torrent import",
		.arguments = "FILE.torrent",
		.summary = "Put the files of a BitTorrent v2 torrent on sale.",
		.details =
			"What is in the home already is kept; the rest comes from --data, then "
			"from "
			"the peers that\n"
			"--peer and the torrent's HTTP trackers name. Every block is verified. "
			"Nothing "
			"is uploaded.\n"
			"A command that was stopped goes on where it was when it is given again.",
		.examples = "  souk torrent import site.torrent --data ~/site\n"
			    "  souk torrent import debian.torrent --peer 192.0.2.1:6881",
		.options = options,
		.option_count = 6,
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return run(argv[0]);
}
