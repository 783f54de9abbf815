/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder becomes its files, and a directory of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"
#include "import_journal.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

struct folder_file {
	char *path; /* below the folder */
	struct import_mark mark;
	uint64_t size;
	struct souk_hash id;
};

struct folder {
	const struct provider_store *store;
	const struct import_folder_options *options;
	struct import_folder_result *ret;
	struct stat home; /* of the store: never a part of what it sells */
	char *root;	  /* as realpath gives it */
	struct folder_file *files;
	size_t count, capacity;
	uint64_t total;
	size_t packed; /* files that are in the pack; 0: there is none */
	uint64_t pack_size;
	char path[SOUK_DIRECTORY_PATH_MAX + 1]; /* of what is walked now */
	size_t path_size;
};

__attribute__((format(printf, 3, 4))) static souk_status explain(
	struct folder *folder, souk_status status, const char *format, ...)
{
	va_list arguments;
	char *detail = folder->ret->item.detail;
	va_start(arguments, format);
	vsnprintf(detail, sizeof folder->ret->item.detail, format, arguments);
	va_end(arguments);
	import_clean(detail);
	return status;
}

static void skip(struct folder *folder, const char *why)
{
	char text[SOUK_DIRECTORY_PATH_MAX + 64];
	folder->ret->skipped++;
	snprintf(text, sizeof text, "skipped %s: %s", folder->path, why);
	if (folder->options->note != NULL)
		folder->options->note(folder->options->note_ctx, text);
}

/* ------------------------------------------------------------------ the walk */

static souk_status walk(struct folder *folder, int fd, uint32_t depth);

static souk_status append(struct folder *folder, const struct stat *status)
{
	if (folder->count == SOUK_DIRECTORY_FILES_MAX)
		return explain(folder, SOUK_LOCAL_FULL, "a directory has at most %u files",
			SOUK_DIRECTORY_FILES_MAX);
	if (folder->count == folder->capacity) {
		size_t more = folder->capacity == 0 ? 64 : 2 * folder->capacity;
		void *grown = realloc(folder->files, more * sizeof *folder->files);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		folder->files = grown;
		folder->capacity = more;
	}
	struct folder_file file = {.path = strdup(folder->path),
		.mark = import_mark_of(status),
		.size = (uint64_t)status->st_size};
	if (file.path == NULL)
		return SOUK_IO_MEMORY;
	folder->files[folder->count++] = file;
	folder->total += file.size;
	return SOUK_OK;
}

static souk_status walk_below(struct folder *folder, int parent, const char *name, uint32_t depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return explain(folder, SOUK_IO_READ, "%s: %s", folder->path, strerror(errno));
	size_t before = folder->count;
	uint32_t skipped = folder->ret->skipped;
	souk_status status = walk(folder, fd, depth); /* closes fd */
	if (status == SOUK_OK && folder->count == before && folder->ret->skipped == skipped)
		skip(folder, "an empty folder");
	return status;
}

/* One entry of a folder, whose path is in folder->path already. */
static souk_status take_entry(struct folder *folder, int parent, const char *name, uint32_t depth)
{
	struct stat status;
	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return explain(folder, SOUK_IO_READ, "%s: %s", folder->path, strerror(errno));
	if (S_ISLNK(status.st_mode))
		skip(folder, "a symbolic link");
	else if (S_ISDIR(status.st_mode) && status.st_dev == folder->home.st_dev &&
		 status.st_ino == folder->home.st_ino)
		skip(folder, "this home");
	else if (S_ISDIR(status.st_mode))
		return walk_below(folder, parent, name, depth + 1);
	else if (S_ISREG(status.st_mode))
		return append(folder, &status);
	else
		skip(folder, "no regular file");
	return SOUK_OK;
}

static souk_status enter(struct folder *folder, int parent, const char *name, uint32_t depth)
{
	size_t before = folder->path_size, size = strlen(name);
	bool is_good = souk_directory_component_is_good(souk_bytes_of(name, size));
	if (!is_good || depth >= SOUK_DIRECTORY_DEPTH_MAX ||
		before + size + 1 > SOUK_DIRECTORY_PATH_MAX)
		return explain(folder, SOUK_PEER_BAD_DIRECTORY, "%s%s%s: %s", folder->path,
			before > 0 ? "/" : "", name,
			is_good ? "the path is too long" : "a name that no directory may have");
	if (before > 0)
		folder->path[folder->path_size++] = '/';
	memcpy(folder->path + folder->path_size, name, size + 1);
	folder->path_size += size;
	souk_status status = take_entry(folder, parent, name, depth);
	folder->path_size = before;
	folder->path[before] = '\0';
	return status;
}

/* Takes FD. */
static souk_status walk(struct folder *folder, int fd, uint32_t depth)
{
	DIR *entries = fdopendir(fd);
	souk_status status = SOUK_OK;
	if (entries == NULL) {
		close(fd);
		return SOUK_IO_MEMORY;
	}
	for (struct dirent *entry; status == SOUK_OK && (entry = readdir(entries)) != NULL;) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			status = enter(folder, fd, entry->d_name, depth);
	}
	closedir(entries);
	return status;
}

static int compare_files(const void *a, const void *b)
{
	const struct folder_file *x = a, *y = b;
	return souk_directory_path_compare(souk_bytes_text(x->path), souk_bytes_text(y->path));
}

static souk_status find_files(struct folder *folder, const char *path)
{
	folder->root = realpath(path, NULL);
	if (folder->root == NULL)
		return explain(
			folder, souk_file_status(errno, SOUK_IO_READ), "%s", strerror(errno));
	int fd = open(folder->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return explain(folder, SOUK_LOCAL_USAGE, "it is no folder that can be read: %s",
			strerror(errno));
	if (stat(folder->store->home, &folder->home) < 0) {
		close(fd);
		return SOUK_IO_READ;
	}
	SOUK_TRY(walk(folder, fd, 0));
	if (folder->count == 0)
		return explain(folder, SOUK_LOCAL_USAGE, "there is no file in it");
	qsort(folder->files, folder->count, sizeof *folder->files, compare_files);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ importing */

static souk_status import_one(struct folder *folder, struct folder_file *file,
	struct import_source source, struct import_journal *journal)
{
	struct import_result *result = &folder->ret->item;
	char path[PATH_MAX];
	if (import_journal_find(journal, file->path, &file->mark, &file->id))
		return SOUK_OK;
	if (snprintf(path, sizeof path, "%s/%s", folder->root, file->path) >= (int)sizeof path)
		return explain(folder, SOUK_LOCAL_FULL, "%s: the path is too long", file->path);
	source.path = path;
	souk_status status = import_as(folder->store, &source, result);
	if (status != SOUK_OK) {
		char why[IMPORT_DETAIL_SIZE];
		snprintf(why, sizeof why, "%s", import_why(result, status));
		return explain(folder, status, "%s: %s", file->path, why);
	}
	file->id = result->content.id;
	file->size = result->content.size;
	import_journal_add(journal, file->path, &file->mark, &file->id);
	return SOUK_OK;
}

static bool is_packed(const struct folder *folder, const struct folder_file *file)
{
	return folder->packed > 0 && souk_directory_may_pack(file->size);
}

static void plan_pack(struct folder *folder)
{
	for (size_t i = 0; i < folder->count; i++) {
		uint64_t size = folder->files[i].size;
		if (!souk_directory_may_pack(size))
			continue;
		folder->packed++;
		folder->pack_size += size;
	}
	if (folder->options->packing == IMPORT_EACH ||
		folder->packed < SOUK_DIRECTORY_PACK_FILES_MIN)
		folder->packed = 0;
}

/* What is sold by itself. */
static souk_status import_each(
	struct folder *folder, struct import_progress *progress, struct import_journal *journal)
{
	const struct import_folder_options *options = folder->options;
	const struct import_source source = {
		.progress = progress, .wants_link = options->wants_link, .price = options->price};
	for (size_t i = 0; i < folder->count; i++) {
		struct folder_file *file = &folder->files[i];
		if (is_packed(folder, file) && options->packing != IMPORT_PACKED_EACH)
			continue;
		SOUK_TRY(import_one(folder, file, source, journal));
		progress->before += file->size;
	}
	return SOUK_OK;
}

/* The pack, which finds their ids; FILES is room for them. */
static souk_status import_small(
	struct folder *folder, struct import_pack_file *files, struct import_progress *progress)
{
	struct import_pack pack = {
		.folder_fd = open(folder->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.files = files,
		.folder = souk_bytes_text(strrchr(folder->root, '/') + 1),
		.progress = progress,
		.price = folder->options->price};
	if (pack.folder_fd < 0)
		return explain(folder, SOUK_IO_READ, "%s", strerror(errno));
	for (size_t i = 0; i < folder->count; i++) {
		if (is_packed(folder, &folder->files[i]))
			files[pack.count++] = (struct import_pack_file){
				.path = folder->files[i].path, .size = folder->files[i].size};
	}
	souk_status status = import_pack(folder->store, &pack, &folder->ret->pack);
	close(pack.folder_fd);
	if (status != SOUK_OK)
		return explain(folder, status, "%s", import_why(&folder->ret->pack, status));
	for (size_t i = 0, packed = 0; i < folder->count; i++) {
		if (is_packed(folder, &folder->files[i]))
			folder->files[i].id = files[packed++].id;
	}
	return SOUK_OK;
}

static souk_status import_all_small(struct folder *folder, struct import_progress *progress)
{
	if (folder->packed == 0)
		return SOUK_OK;
	struct import_pack_file *files = calloc(folder->packed, sizeof *files);
	souk_status status = files != NULL ? import_small(folder, files, progress) : SOUK_IO_MEMORY;
	free(files);
	return status;
}

static souk_status import_files(struct folder *folder)
{
	struct import_progress progress;
	struct import_journal journal;
	bool is_twice = folder->options->packing == IMPORT_PACKED_EACH;
	import_journal_open(&journal, folder->store, folder->root, folder->options->price);
	import_progress_start(&progress, folder->total + (is_twice ? folder->pack_size : 0));
	souk_status status = import_each(folder, &progress, &journal);
	if (status == SOUK_OK)
		status = import_all_small(folder, &progress);
	import_progress_end(&progress);
	import_journal_close(&journal, status == SOUK_OK);
	return status;
}

/* ------------------------------------------------------------------ the directory */

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, SOUK_HASH_SIZE);
}

struct numbered {
	struct souk_hash id;
	uint64_t units;
};

static struct numbered numbered_of(
	const struct import_folder_result *ret, const struct souk_hash *id, uint64_t size)
{
	struct souk_content content = {*id, size, ret->item.content.chunk_size};
	return (struct numbered){*id, souk_content_chunk_count(&content)};
}

/* Units of all contents, each once. */
static souk_status count_units(struct import_folder_result *ret)
{
	const struct souk_directory_pack *pack = &ret->directory.pack;
	struct numbered *all = calloc((size_t)ret->directory.file_count + 1, sizeof *all);
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	size_t count = 0;
	if (all == NULL)
		return SOUK_IO_MEMORY;
	souk_directory_begin(&it, &ret->directory);
	while (souk_directory_next(&it, &entry)) {
		if (!entry.is_packed || ret->has_each)
			all[count++] = numbered_of(ret, &entry.id, entry.size);
	}
	if (pack->file_count > 0)
		all[count++] = numbered_of(ret, &pack->id, pack->size);
	qsort(all, count, sizeof *all, compare_ids);
	ret->units = souk_content_chunk_count(&ret->item.content);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || !souk_hash_equal(&all[i].id, &all[i - 1].id))
			ret->units += all[i].units;
	}
	free(all);
	return SOUK_OK;
}

souk_status import_directory(const struct provider_store *store, struct souk_bytes bytes,
	struct souk_amount price, struct import_folder_result *ret)
{
	char shown[SOUK_DIRECTORY_COMPONENT_MAX + 2];
	ret->bytes = malloc(bytes.size);
	if (ret->bytes == NULL)
		return SOUK_IO_MEMORY;
	memcpy(ret->bytes, bytes.data, bytes.size);
	bytes.data = ret->bytes;
	SOUK_TRY(souk_directory_parse(&ret->directory, bytes));
	snprintf(shown, sizeof shown, "%.*s/", (int)ret->directory.name.size,
		(const char *)ret->directory.name.data);
	SOUK_TRY(import_bytes(store, bytes, shown, price, &ret->item));
	return count_units(ret);
}

static souk_status encode(
	struct folder *folder, struct souk_bytes name, const struct souk_directory_file *files)
{
	const struct souk_hash *pack = folder->packed > 0 ? &folder->ret->pack.content.id : NULL;
	struct souk_writer writer;
	uint8_t *bytes = malloc(SOUK_DIRECTORY_SIZE_MAX);
	if (bytes == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, bytes, SOUK_DIRECTORY_SIZE_MAX);
	souk_status status = souk_directory_encode(
		&writer, name, SOUK_DIRECTORY_PIECE_DEFAULT, files, folder->count, pack);
	if (status == SOUK_LOCAL_TOO_SMALL)
		status = explain(folder, SOUK_LOCAL_FULL,
			"a directory has at most %u bytes of names", SOUK_DIRECTORY_SIZE_MAX);
	if (status == SOUK_OK)
		status = import_directory(folder->store, souk_bytes_of(bytes, writer.size),
			folder->options->price, folder->ret);
	free(bytes);
	return status;
}

static souk_status import_list(struct folder *folder)
{
	struct souk_directory_file *files = calloc(folder->count, sizeof *files);
	struct souk_bytes name = souk_bytes_text(strrchr(folder->root, '/') + 1);
	if (files == NULL)
		return SOUK_IO_MEMORY;
	for (size_t i = 0; i < folder->count; i++)
		files[i] = (struct souk_directory_file){souk_bytes_text(folder->files[i].path),
			folder->files[i].size, folder->files[i].id};
	souk_status status = SOUK_PEER_BAD_DIRECTORY;
	if (souk_directory_component_is_good(name))
		status = encode(folder, name, files);
	else
		explain(folder, status, "its own name is one that no directory may have");
	free(files);
	return status;
}

bool import_packing_of(
	enum import_packing *ret, const char *command, bool wants_each, bool wants_no_pack)
{
	*ret = wants_no_pack ? IMPORT_EACH : wants_each ? IMPORT_PACKED_EACH : IMPORT_PACKED;
	if (!wants_each || !wants_no_pack)
		return true;
	fprintf(stderr, "souk %s: --no-pack sells each file by itself: it needs no --each\n",
		command);
	return false;
}

souk_status import_folder(const struct provider_store *store, const char *path,
	const struct import_folder_options *options, struct import_folder_result *ret)
{
	struct folder folder = {.store = store, .ret = ret, .options = options};
	memset(ret, 0, sizeof *ret);
	ret->has_each = options->packing != IMPORT_PACKED;
	souk_status status = find_files(&folder, path);
	if (status == SOUK_OK) {
		plan_pack(&folder);
		status = import_files(&folder);
	}
	if (status == SOUK_OK)
		status = import_list(&folder);
	for (size_t i = 0; i < folder.count; i++)
		free(folder.files[i].path);
	free(folder.files);
	free(folder.root);
	return status;
}

void import_folder_done(struct import_folder_result *result)
{
	free(result->bytes);
	result->bytes = NULL;
}
