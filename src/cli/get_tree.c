/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory's files, fetched in turn into a folder. Whoever wrote the directory chose their
 * names, and whoever else may write here could have laid links: so every folder is entered by its
 * descriptor, no link is followed, and what is not whole yet has a name of our own beside the
 * folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get_tree.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

/* ------------------------------------------------------------------ the directory itself */

bool get_tree_read(struct get_file *file)
{
	struct get_tree *tree = file->tree;
	uint64_t size = fetch_content(file->fetch)->size;
	if (tree == NULL || size == 0 || size > SOUK_DIRECTORY_SIZE_MAX)
		return false;
	uint8_t *bytes = malloc(size);
	struct souk_bytes view = souk_bytes_of(bytes, size);
	if (bytes == NULL || souk_file_read_at(file->part_fd, bytes, size, 0) != SOUK_OK ||
		!souk_directory_may_be(size, view) ||
		souk_directory_parse(&tree->directory, view) != SOUK_OK) {
		free(bytes);
		return false;
	}
	tree->bytes = bytes;
	return true;
}

/* ------------------------------------------------------------------ folders */

souk_status get_tree_fail(const char *what, char detail[FETCH_DETAIL_SIZE])
{
	souk_status status = souk_file_status(errno, SOUK_IO_WRITE);
	snprintf(detail, FETCH_DETAIL_SIZE, "%.300s: %.150s", what, strerror(errno));
	return status;
}

static int enter(int parent_fd, const char *name, bool made, int more_flags)
{
	if (made && mkdirat(parent_fd, name, 0777) != 0 && errno != EEXIST)
		return -1;
	return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | more_flags);
}

int get_tree_enter(int root_fd, const char *path, bool made, const char **ret_name)
{
	char name[SOUK_DIRECTORY_COMPONENT_MAX + 1];
	int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	const char *slash;
	for (; fd >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
		int next = enter(fd, name, made, O_NOFOLLOW);
		int error = errno;
		close(fd);
		errno = error;
		fd = next;
	}
	*ret_name = path;
	return fd;
}

/* The folder that everything is in, by the user's own path, which may well be a link. */
static int open_root(const struct get *get, const struct get_tree *tree)
{
	char folder[4200];
	if (tree->own_name == NULL)
		return enter(AT_FDCWD, get->path, true, 0);
	snprintf(folder, sizeof folder, "%.*s", (int)(tree->own_name - get->path), get->path);
	return enter(AT_FDCWD, folder[0] != '\0' ? folder : ".", false, 0);
}

/* ------------------------------------------------------------------ what is wanted */

bool get_tree_next(const struct get_tree *tree, struct souk_directory_iterator *iterator,
	struct souk_directory_entry *ret)
{
	size_t size = strlen(tree->chosen);
	while (souk_directory_next(iterator, ret)) {
		if (size == 0)
			return true;
		if (strncmp(ret->path, tree->chosen, size) != 0)
			continue;
		if (ret->path[size] == '/') {
			ret->path += size + 1;
			return true;
		}
		if (ret->path[size] == '\0') {
			ret->path = ret->name = tree->own_name;
			return true;
		}
	}
	return false;
}

void get_tree_set_failed(struct get_tree *tree, const char *path)
{
	bool is_below = tree->own_name == NULL && tree->chosen[0] != '\0';
	snprintf(tree->failed_path, sizeof tree->failed_path, "%s%s%s", tree->chosen,
		is_below ? "/" : "", tree->own_name == NULL ? path : "");
	tree->failed = tree->failed_path;
}

static souk_status choose(struct get *get, struct get_tree *tree, char detail[FETCH_DETAIL_SIZE])
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	tree->chosen = get->inner != NULL ? get->inner : "";
	if (souk_directory_find(&tree->directory, tree->chosen, &entry) != SOUK_OK) {
		tree->failed = tree->chosen;
		snprintf(detail, FETCH_DETAIL_SIZE, "the directory has no %.300s", tree->chosen);
		return SOUK_LOCAL_NOT_FOUND;
	}
	if (!entry.is_folder) {
		const char *slash = strrchr(get->path, '/');
		tree->own_name = slash != NULL ? slash + 1 : get->path;
	}
	if (tree->own_name != NULL && tree->own_name[0] == '\0') {
		snprintf(detail, FETCH_DETAIL_SIZE,
			"%.200s is a folder, and %.200s a file\nSay what it shall be called there.",
			get->path, tree->chosen);
		return SOUK_LOCAL_USAGE;
	}
	souk_directory_begin(&it, &tree->directory);
	while (get_tree_next(tree, &it, &entry)) {
		tree->file_count++;
		tree->size += entry.size;
		tree->packed_count += entry.is_packed;
		tree->packed_size += entry.is_packed ? entry.size : 0;
	}
	return SOUK_OK;
}

/* ------------------------------------------------------------------ what is there */

static souk_status hash_file(int fd, uint64_t size, struct souk_content_builder *builder,
	uint8_t *chunk, struct souk_hash *ret)
{
	for (uint64_t at = 0; at < size; at += builder->chunk_size) {
		uint64_t left = size - at;
		size_t length = left < builder->chunk_size ? (size_t)left : builder->chunk_size;
		SOUK_TRY(souk_file_read_at(fd, chunk, length, at));
		SOUK_TRY(souk_content_builder_add(builder, souk_bytes_of(chunk, length)));
	}
	struct souk_content content;
	souk_content_builder_finish(builder, builder->row, &content);
	*ret = content.id;
	return SOUK_OK;
}

static bool has_id(int fd, const struct souk_directory_entry *entry)
{
	struct souk_content_builder builder;
	struct souk_hash id;
	uint32_t count = (uint32_t)(entry->size / SOUK_CHUNK_SIZE_DEFAULT + 1);
	struct souk_hash *row = calloc(count, sizeof *row);
	uint8_t *chunk = malloc(SOUK_CHUNK_SIZE_DEFAULT);
	bool is_same = false;
	if (row != NULL && chunk != NULL && entry->size > 0) {
		souk_content_builder_init(&builder, SOUK_CHUNK_SIZE_DEFAULT, row, count);
		is_same = hash_file(fd, entry->size, &builder, chunk, &id) == SOUK_OK &&
			  souk_hash_equal(&id, &entry->id);
	}
	free(row);
	free(chunk);
	return is_same || entry->size == 0;
}

/* Whether the file is whole already: it is hashed, not believed. */
static bool is_here(int folder_fd, const char *name, const struct souk_directory_entry *entry)
{
	struct stat info;
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool here = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
		    (uint64_t)info.st_size == entry->size && has_id(fd, entry);
	if (fd >= 0)
		close(fd);
	return here;
}

/* ------------------------------------------------------------------ files */

/* Units of the files that come after ENTRY, about. */
static uint64_t units_after(const struct get *get, const struct get_tree *tree,
	const struct souk_directory_entry *entry)
{
	uint64_t bytes = get->totals.bytes - get->totals.bytes_done;
	uint32_t files = tree->file_count - tree->files_done;
	return (bytes - entry->size) / SOUK_CHUNK_SIZE_DEFAULT + files - 1;
}

/* Nobody sells nothing. */
static souk_status make_empty(int folder_fd, const char *name, char detail[FETCH_DETAIL_SIZE])
{
	int fd =
		openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return get_tree_fail(name, detail);
	close(fd);
	return SOUK_OK;
}

souk_status get_tree_cut_budget(struct get *get, char detail[FETCH_DETAIL_SIZE])
{
	struct souk_amount whole = get->config.budget;
	if (whole.ncoin == 0)
		return SOUK_OK;
	if (souk_amount_sub(&get->config.budget, whole, get->totals.spent) == SOUK_OK &&
		get->config.budget.ncoin > 0)
		return SOUK_OK;
	snprintf(detail, FETCH_DETAIL_SIZE, "not complete");
	return SOUK_LOCAL_BUDGET;
}

static souk_status buy_file(struct get *get, int folder_fd, const char *name,
	const struct souk_directory_entry *entry, char detail[FETCH_DETAIL_SIZE])
{
	char id[2 * SOUK_HASH_SIZE + 1];
	bool began;
	struct souk_amount whole = get->config.budget;
	struct souk_content_name content = souk_directory_content_name(entry);
	struct get_file file = {.folder_fd = folder_fd, .name = name, .is_of_tree = true};
	SOUK_TRY(get_tree_cut_budget(get, detail));
	souk_hex_encode(id, entry->id.bytes, SOUK_HASH_SIZE);
	snprintf(file.part, sizeof file.part, "%.4000s.%s.part", get->path, id);
	souk_status status = get_one(get, &file, &content, &began, detail);
	get->config.budget = whole;
	return status;
}

static souk_status get_file_of(struct get *get, const struct get_tree *tree, int root_fd,
	const struct souk_directory_entry *entry, char detail[FETCH_DETAIL_SIZE])
{
	const char *name;
	souk_status status = SOUK_OK;
	int folder_fd = get_tree_enter(root_fd, entry->path, true, &name);
	if (folder_fd < 0)
		return get_tree_fail(entry->path, detail);
	if (is_here(folder_fd, name, entry)) {
		get->totals.bytes_done += entry->size;
		get->totals.resumed_bytes += entry->size;
	} else if (entry->size == 0) {
		status = make_empty(folder_fd, name, detail);
	} else {
		get->config.units_ahead = units_after(get, tree, entry);
		status = buy_file(get, folder_fd, name, entry, detail);
	}
	close(folder_fd);
	return status;
}

static souk_status get_all(
	struct get *get, struct get_tree *tree, int root_fd, char detail[FETCH_DETAIL_SIZE])
{
	struct souk_directory_iterator iterator;
	struct souk_directory_entry entry;
	souk_directory_begin(&iterator, &tree->directory);
	while (get_tree_next(tree, &iterator, &entry)) {
		if (tree->is_unpacked && entry.is_packed)
			continue;
		souk_status status = get_is_interrupted()
					     ? SOUK_LOCAL_STOPPED
					     : get_file_of(get, tree, root_fd, &entry, detail);
		if (status != SOUK_OK) {
			get_tree_set_failed(tree, entry.path);
			return status;
		}
		tree->files_done++;
	}
	return SOUK_OK;
}

souk_status get_tree_files(struct get *get, struct get_tree *tree, char detail[FETCH_DETAIL_SIZE])
{
	SOUK_TRY(choose(get, tree, detail));
	int root_fd = open_root(get, tree);
	if (root_fd < 0)
		return get_tree_fail(get->path, detail);
	/* The directory's own bytes are not among those to be had. */
	get->totals.bytes = tree->size;
	get->totals.bytes_done = 0;
	get->totals.resumed_bytes = 0;
	souk_status status = get_pack_files(get, tree, root_fd, detail);
	if (status == SOUK_OK)
		status = get_all(get, tree, root_fd, detail);
	close(root_fd);
	return status;
}
