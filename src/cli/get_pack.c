/* SPDX-License-Identifier: Apache-2.0
 *
 * The small files of a directory, out of their pack. It is fetched like any file, into a part file
 * of its own, and cut up once it is whole. What is here already of its files is put into the part
 * before, where it is found by its hash; what holds nothing that is wanted is left out: so of a
 * pack of which few files are wanted, or missing, few chunks are bought.
 *
 *   files that are here --copied--> part <--the rest-- market
 *                                    |
 *                                    '--each checked--> file beside the folder --rename--> folder
 *
 * No file is written under its name that is not the one that the directory says. The part is
 * removed once all files are on the disk for good, which the file system is told once: what a crash
 * of the machine spoils before is not believed by the next one, and cut out of the part again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get_tree.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

struct pack {
	struct get *get;
	struct get_tree *tree;
	int root_fd;
	bool *here; /* of each packed file, in order: it is where it belongs */
	uint32_t here_count;
	uint8_t *memory; /* of a file */
	/* The folder of the file before: those of a folder stand together. */
	int folder_fd; /* -1: there is none */
	char folder[SOUK_DIRECTORY_PATH_MAX + 1];
	bool has_folder;
	char first_missing[SOUK_DIRECTORY_PATH_MAX + 1];
	char part[4200];
	char one[4200]; /* the file that is being written, beside the folder */
};

/* ------------------------------------------------------------------ folders */

static void leave_folder(struct pack *pack)
{
	if (pack->has_folder && pack->folder_fd >= 0)
		close(pack->folder_fd);
	pack->has_folder = false;
}

/* The folder of ENTRY; -1, with errno, where it cannot be entered, or is not there and not MADE. */
static int folder_of(struct pack *pack, const struct souk_directory_entry *entry, bool made)
{
	const char *name;
	size_t size = (size_t)(entry->name - entry->path);
	bool is_same = pack->has_folder && strlen(pack->folder) == size &&
		       memcmp(pack->folder, entry->path, size) == 0;
	if (is_same && (pack->folder_fd >= 0 || !made))
		return pack->folder_fd;
	leave_folder(pack);
	pack->folder_fd = get_tree_enter(pack->root_fd, entry->path, made, &name);
	memcpy(pack->folder, entry->path, size);
	pack->folder[size] = '\0';
	pack->has_folder = true;
	return pack->folder_fd;
}

/* ------------------------------------------------------------------ what is here */

/* Whether ENTRY is here, and then in pack->memory. */
static bool read_here(struct pack *pack, const struct souk_directory_entry *entry)
{
	struct stat info;
	int folder_fd = folder_of(pack, entry, false);
	int fd = folder_fd < 0 ? -1
			       : openat(folder_fd, entry->name,
					 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool is_read = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
		       (uint64_t)info.st_size == entry->size &&
		       souk_file_read_at(fd, pack->memory, (size_t)entry->size, 0) == SOUK_OK;
	close(fd);
	return is_read && souk_directory_check_packed(entry,
				  souk_bytes_of(pack->memory, (size_t)entry->size)) == SOUK_OK;
}

static void look(struct pack *pack)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	uint32_t at = 0;
	souk_directory_begin(&it, &pack->tree->directory);
	while (get_tree_next(pack->tree, &it, &entry)) {
		if (!entry.is_packed)
			continue;
		pack->here[at] = read_here(pack, &entry);
		if (pack->here[at])
			pack->here_count++;
		else if (pack->first_missing[0] == '\0')
			snprintf(pack->first_missing, sizeof pack->first_missing, "%s", entry.path);
		at++;
	}
	leave_folder(pack);
}

/* It costs nothing but time where this fails: the part is believed in no chunk. */
static void fill_part(struct get_file *file)
{
	struct pack *pack = file->pack;
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	uint32_t at = 0;
	souk_directory_begin(&it, &pack->tree->directory);
	while (pack->here_count > 0 && get_tree_next(pack->tree, &it, &entry)) {
		if (!entry.is_packed || !pack->here[at++] || !read_here(pack, &entry))
			continue;
		if (souk_file_write_at(file->part_fd, pack->memory, (size_t)entry.size,
			    entry.pack_offset) != SOUK_OK)
			break;
	}
	leave_folder(pack);
}

/* The chunks that nothing of is wanted, or all of it here. */
static void skip_rest(struct get_file *file)
{
	struct pack *pack = file->pack;
	const struct souk_content *content = fetch_content(file->fetch);
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	uint64_t before = fetch_figures_now(file->fetch).bytes_done;
	uint32_t chunk = 0, at = 0;
	souk_directory_begin(&it, &pack->tree->directory);
	while (get_tree_next(pack->tree, &it, &entry)) {
		if (!entry.is_packed || pack->here[at++])
			continue;
		for (; souk_content_chunk_offset(content, chunk) + content->chunk_size <=
			entry.pack_offset;
			chunk++)
			fetch_have(file->fetch, chunk);
		chunk = (uint32_t)((entry.pack_offset + entry.size - 1) / content->chunk_size) + 1;
	}
	for (; chunk < souk_content_chunk_count(content); chunk++)
		fetch_have(file->fetch, chunk);
	file->skipped_bytes = fetch_figures_now(file->fetch).bytes_done - before;
}

/* ------------------------------------------------------------------ cutting up */

static souk_status write_one(struct pack *pack, const struct souk_directory_entry *entry)
{
	int folder_fd = folder_of(pack, entry, true);
	if (folder_fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	int fd = open(pack->one, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	souk_status status = souk_file_write_at(fd, pack->memory, (size_t)entry->size, 0);
	if (close(fd) < 0 && status == SOUK_OK)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (status == SOUK_OK && renameat(AT_FDCWD, pack->one, folder_fd, entry->name) < 0)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (status != SOUK_OK)
		unlink(pack->one);
	return status;
}

static souk_status cut_one(struct pack *pack, const struct souk_directory_entry *entry, int part_fd,
	char detail[FETCH_DETAIL_SIZE])
{
	struct souk_bytes data = souk_bytes_of(pack->memory, (size_t)entry->size);
	SOUK_TRY(souk_file_read_at(part_fd, pack->memory, (size_t)entry->size, entry->pack_offset));
	souk_status status = souk_directory_check_packed(entry, data);
	if (status != SOUK_OK) {
		snprintf(detail, FETCH_DETAIL_SIZE,
			"%.300s: the pack of this directory has other bytes for it than the "
			"directory says; nothing is written under that name",
			entry->path);
		return status;
	}
	errno = 0;
	status = write_one(pack, entry);
	if (status != SOUK_OK)
		snprintf(detail, FETCH_DETAIL_SIZE, "%.300s: %.150s", entry->path,
			errno != 0 ? strerror(errno) : souk_status_text(status));
	return status;
}

/* A file that is not what was said does not keep the others from being written. */
static souk_status cut_all(struct pack *pack, int part_fd, char detail[FETCH_DETAIL_SIZE])
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	char why[FETCH_DETAIL_SIZE];
	souk_status first_bad = SOUK_OK;
	uint32_t at = 0;
	souk_directory_begin(&it, &pack->tree->directory);
	while (get_tree_next(pack->tree, &it, &entry)) {
		if (!entry.is_packed)
			continue;
		if (get_is_interrupted())
			return SOUK_LOCAL_STOPPED;
		souk_status status =
			pack->here[at++] ? SOUK_OK : cut_one(pack, &entry, part_fd, why);
		if (status == SOUK_OK) {
			pack->tree->files_done++;
			continue;
		}
		if (first_bad == SOUK_OK) {
			snprintf(pack->first_missing, sizeof pack->first_missing, "%s", entry.path);
			memcpy(detail, why, FETCH_DETAIL_SIZE);
			first_bad = status;
		}
		if (status != SOUK_PEER_BAD_DIRECTORY)
			return status;
	}
	return first_bad;
}

static souk_status cut(struct pack *pack, char detail[FETCH_DETAIL_SIZE])
{
	int fd = open(pack->part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return get_tree_fail(pack->part, detail);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		snprintf(detail, FETCH_DETAIL_SIZE, "%.300s: another souk get uses it", pack->part);
		return SOUK_LOCAL_STATE;
	}
	unlink(pack->one); /* left by one that was killed */
	souk_status status = cut_all(pack, fd, detail);
	leave_folder(pack);
	if (status == SOUK_OK && syncfs(pack->root_fd) < 0)
		status = get_tree_fail(pack->get->path, detail);
	if (status == SOUK_OK)
		unlink(pack->part);
	close(fd);
	return status;
}

/* What one left that was killed just before its end. */
static void clean(const struct pack *pack)
{
	int fd = open(pack->part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		unlink(pack->one);
		unlink(pack->part);
	}
	close(fd);
}

/* ------------------------------------------------------------------ fetching */

static souk_status fetch_pack(struct pack *pack, struct get_file *file, char *detail)
{
	struct get *get = pack->get;
	const struct get_tree *tree = pack->tree;
	struct souk_content_name name = souk_directory_pack_name(&tree->directory);
	struct souk_amount whole = get->config.budget;
	bool began;
	get->config.units_ahead = (tree->size - tree->packed_size) / SOUK_CHUNK_SIZE_DEFAULT +
				  tree->file_count - tree->packed_count;
	SOUK_TRY(get_tree_cut_budget(get, detail));
	souk_status status = get_one(get, file, &name, &began, detail);
	get->config.budget = whole;
	return status;
}

static souk_status get_missing(struct pack *pack, char detail[FETCH_DETAIL_SIZE])
{
	struct get *get = pack->get;
	struct get_totals *totals = &get->totals;
	uint64_t done = totals->bytes_done, resumed = totals->resumed_bytes;
	struct get_file file = {.folder_fd = pack->root_fd,
		.name = "",
		.is_of_tree = true,
		.pack = pack,
		.fill = fill_part,
		.skip = skip_rest};
	memcpy(file.part, pack->part, sizeof file.part);
	souk_status status = fetch_pack(pack, &file, detail);
	/* It may have been published without. */
	if (fetch_is_nowhere(status)) {
		if (!cli_json)
			fprintf(stderr, "souk get: the pack of its small files is not to be had: "
					"they are fetched one by one\n");
		totals->bytes_done = done;
		totals->resumed_bytes = resumed;
		return SOUK_OK;
	}
	SOUK_TRY(status);
	SOUK_TRY(cut(pack, detail));
	/* Chunks were fetched, and have more in them than what is wanted. */
	if (totals->resumed_bytes > resumed + pack->tree->packed_size)
		totals->resumed_bytes = resumed + pack->tree->packed_size;
	totals->bytes_done = done + pack->tree->packed_size;
	pack->tree->is_unpacked = true;
	return SOUK_OK;
}

static souk_status run(struct pack *pack, char detail[FETCH_DETAIL_SIZE])
{
	struct get_tree *tree = pack->tree;
	char id[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(id, tree->directory.pack.id.bytes, SOUK_HASH_SIZE);
	snprintf(pack->part, sizeof pack->part, "%.4000s.%s.part", pack->get->path, id);
	snprintf(pack->one, sizeof pack->one, "%.4000s.%s.file", pack->get->path, id);
	look(pack);
	if (pack->here_count < tree->packed_count)
		return get_missing(pack, detail);
	clean(pack);
	pack->get->totals.bytes_done += tree->packed_size;
	pack->get->totals.resumed_bytes += tree->packed_size;
	tree->files_done += tree->packed_count;
	tree->is_unpacked = true;
	return SOUK_OK;
}

souk_status get_pack_files(
	struct get *get, struct get_tree *tree, int root_fd, char detail[FETCH_DETAIL_SIZE])
{
	struct pack *pack;
	if (tree->packed_count == 0)
		return SOUK_OK;
	pack = calloc(1, sizeof *pack);
	if (pack == NULL)
		return SOUK_IO_MEMORY;
	*pack = (struct pack){.get = get, .tree = tree, .root_fd = root_fd};
	pack->here = calloc(tree->packed_count, sizeof *pack->here);
	pack->memory = malloc(SOUK_DIRECTORY_PACK_FILE_MAX);
	souk_status status =
		pack->here != NULL && pack->memory != NULL ? run(pack, detail) : SOUK_IO_MEMORY;
	if (status != SOUK_OK)
		get_tree_set_failed(tree, pack->first_missing);
	free(pack->here);
	free(pack->memory);
	free(pack);
	return status;
}
