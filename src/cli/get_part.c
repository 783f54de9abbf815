/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

static souk_status fail(
	const char *name, souk_status status, const char *why, char detail[FETCH_DETAIL_SIZE])
{
	snprintf(detail, FETCH_DETAIL_SIZE, "%.300s%s%.150s", name, why != NULL ? ": " : "",
		why != NULL ? why : "");
	return status;
}

/* The next chunk from FROM on of which the part file may hold something; *RET_COUNT: there is none.
 * A hole holds nothing of ours. */
static uint32_t skip_hole(const struct get_file *file, uint32_t from, uint32_t count)
{
	const struct souk_content *content = fetch_content(file->fetch);
	uint64_t offset = souk_content_chunk_offset(content, from);
	off_t data = lseek(file->part_fd, (off_t)offset, SEEK_DATA);
	if (data < 0)
		return count;
	if ((uint64_t)data < offset + content->chunk_size)
		return from;
	return (uint32_t)((uint64_t)data / content->chunk_size);
}

/* Count the chunks that the part file holds already; each is hashed, none is believed. */
static void scan(struct get_file *file, uint64_t size_found, uint8_t *chunk)
{
	const struct souk_content *content = fetch_content(file->fetch);
	const struct souk_hash *row = fetch_row(file->fetch);
	uint32_t count = souk_content_chunk_count(content);
	for (uint32_t i = 0; i < count; i++) {
		i = skip_hole(file, i, count);
		if (i >= count)
			return;
		uint64_t offset = souk_content_chunk_offset(content, i);
		uint32_t length = souk_content_chunk_length(content, i);
		if (offset + length > size_found)
			return;
		if (souk_file_read_at(file->part_fd, chunk, length, offset) != SOUK_OK ||
			souk_content_verify_chunk(
				content, i, &row[i], souk_bytes_of(chunk, length)) != SOUK_OK)
			continue;
		fetch_have(file->fetch, i);
		file->resumed_bytes += length;
	}
}

souk_status get_part_open(struct get_file *file, char detail[FETCH_DETAIL_SIZE])
{
	struct stat info;
	/* Its name is known, and in a folder like /tmp anybody could make it a link to another
	 * file. */
	file->part_fd = open(file->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (file->part_fd < 0 && errno == ELOOP)
		return fail(file->part, SOUK_IO_WRITE,
			"it is a link, and would be written through: remove it", detail);
	if (file->part_fd >= 0 && flock(file->part_fd, LOCK_EX | LOCK_NB) != 0)
		return fail(file->part, SOUK_LOCAL_STATE, "another souk get writes to it", detail);
	if (file->part_fd >= 0 && file->fill != NULL)
		file->fill(file);
	if (file->part_fd < 0 || fstat(file->part_fd, &info) != 0)
		return fail(file->part, souk_file_status(errno, SOUK_IO_WRITE), strerror(errno),
			detail);
	uint8_t *chunk = malloc(fetch_content(file->fetch)->chunk_size);
	if (chunk == NULL)
		return fail(file->part, SOUK_IO_MEMORY, NULL, detail);
	scan(file, (uint64_t)info.st_size, chunk);
	free(chunk);
	if (file->skip != NULL)
		file->skip(file);
	return SOUK_OK;
}

souk_status get_part_finish(struct get_file *file, char detail[FETCH_DETAIL_SIZE])
{
	bool good = ftruncate(file->part_fd, (off_t)fetch_content(file->fetch)->size) == 0 &&
		    fsync(file->part_fd) == 0 &&
		    renameat(AT_FDCWD, file->part, file->folder_fd, file->name) == 0;
	return good ? SOUK_OK
		    : fail(file->name, souk_file_status(errno, SOUK_IO_WRITE), strerror(errno),
			      detail);
}

souk_status get_part_write(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct get_file *file = ctx;
	if (chunk == 0 && file->get->share != NULL)
		SOUK_TRY(get_share_check_first(file->get, data));
	if (chunk == 0 && file->tree != NULL && file->get->inner != NULL &&
		!souk_directory_may_be(fetch_content(file->fetch)->size, data)) {
		file->is_no_directory = true;
		return SOUK_LOCAL_STOPPED; /* who sold it sold what was asked for */
	}
	/* The kernel has one writer of a file at a time, and the others spin: here they sleep. */
	pthread_mutex_lock(&file->writing);
	souk_status status = souk_file_write_at(file->part_fd, data.data, data.size,
		souk_content_chunk_offset(fetch_content(file->fetch), chunk));
	pthread_mutex_unlock(&file->writing);
	return status;
}

souk_status get_part_read(void *ctx, uint32_t chunk, uint8_t *out, size_t size)
{
	const struct get_file *file = ctx;
	return souk_file_read_at(file->part_fd, out, size,
		souk_content_chunk_offset(fetch_content(file->fetch), chunk));
}

void get_part_close(struct get_file *file)
{
	if (file->part_fd >= 0)
		close(file->part_fd);
	file->part_fd = -1;
}
