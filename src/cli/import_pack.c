/* SPDX-License-Identifier: Apache-2.0
 *
 * The small files of a directory, behind each other, as one content. Each is hashed by itself on
 * its way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"
#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX SOUK_DIRECTORY_PACK_FILE_MAX

/* Where in the files the content is. */
struct cursor {
	int folder_fd;
	struct import_pack_file *files;
	size_t count, next; /* the next to be read */
	uint8_t *memory;    /* of the file before that */
	size_t size, given;
};

static souk_status explain(const struct import_pack_file *file, souk_status status, const char *why,
	char detail[IMPORT_DETAIL_SIZE])
{
	snprintf(detail, IMPORT_DETAIL_SIZE, "%.300s: %.150s", file->path, why);
	import_clean(detail);
	return status;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static souk_status read_opened(struct cursor *cursor, struct import_pack_file *file, int fd,
	char detail[IMPORT_DETAIL_SIZE])
{
	struct stat before, after;
	if (fstat(fd, &before) < 0)
		return explain(file, SOUK_IO_READ, strerror(errno), detail);
	if (!S_ISREG(before.st_mode) || (uint64_t)before.st_size != file->size)
		return explain(file, SOUK_LOCAL_STATE, "it changed while it was read", detail);
	souk_status status = souk_file_read_at(fd, cursor->memory, (size_t)file->size, 0);
	if (fstat(fd, &after) < 0 || !is_same(&before, &after))
		return explain(file, SOUK_LOCAL_STATE, "it changed while it was read", detail);
	if (status != SOUK_OK)
		return explain(file, status, souk_status_text(status), detail);
	cursor->size = (size_t)file->size;
	cursor->given = 0;
	file->id = souk_bep52_chunk_root(
		souk_bytes_of(cursor->memory, cursor->size), FILE_SIZE_MAX, true);
	return SOUK_OK;
}

static souk_status read_next(struct cursor *cursor, char detail[IMPORT_DETAIL_SIZE])
{
	struct import_pack_file *file = &cursor->files[cursor->next++];
	/* O_NONBLOCK: opening a pipe must not wait for its writer. */
	int fd = openat(cursor->folder_fd, file->path,
		O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0)
		return explain(
			file, souk_file_status(errno, SOUK_IO_READ), strerror(errno), detail);
	souk_status status = read_opened(cursor, file, fd, detail);
	close(fd);
	return status;
}

static souk_status read_pack(void *ctx, uint8_t *out, size_t size, char detail[IMPORT_DETAIL_SIZE])
{
	struct cursor *cursor = ctx;
	for (size_t at = 0; at < size;) {
		if (cursor->given == cursor->size) {
			SOUK_TRY(read_next(cursor, detail));
			continue;
		}
		size_t left = cursor->size - cursor->given, part = size - at;
		part = part < left ? part : left;
		memcpy(out + at, cursor->memory + cursor->given, part);
		cursor->given += part;
		at += part;
	}
	return SOUK_OK;
}

souk_status import_pack(const struct provider_store *store, const struct import_pack *pack,
	struct import_result *ret)
{
	char name[SOUK_DIRECTORY_PACK_TITLE_SIZE];
	struct cursor cursor = {
		.folder_fd = pack->folder_fd, .files = pack->files, .count = pack->count};
	struct import_stream stream = {.read = read_pack, .ctx = &cursor};
	struct import_source source = {.path = "",
		.name = name,
		.stream = &stream,
		.expected = pack->expected,
		.progress = pack->progress,
		.price = pack->price};
	ret->detail[0] = '\0';
	for (size_t i = 0; i < pack->count; i++)
		stream.size += pack->files[i].size;
	souk_directory_pack_title(name, pack->folder);
	cursor.memory = malloc(FILE_SIZE_MAX);
	if (cursor.memory == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = import_as(store, &source, ret);
	free(cursor.memory);
	return status;
}
