/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "souk/base/check.h"

souk_status souk_file_status(int error, souk_status otherwise)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: return SOUK_IO_DISK_FULL;
	case ENOENT: return SOUK_LOCAL_NOT_FOUND;
	case EEXIST: return SOUK_LOCAL_EXISTS;
	case ENOMEM: return SOUK_IO_MEMORY;
	default: return otherwise;
	}
}

/* Up to SIZE bytes; fewer only at the end of the file. Pipes and /proc have no size, so the size
 * that stat tells is never trusted. */
static souk_status read_up_to(int fd, char *out, size_t size, size_t *ret_got)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, out + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SOUK_IO_READ;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_got = got;
	return SOUK_OK;
}

static souk_status read_open_file(int fd, size_t size_max_bytes, char **ret_data, size_t *ret_size)
{
	size_t room = 4096, got = 0;
	char *data = NULL;

	for (;;) {
		/* One byte more than allowed shows that the file is too long. */
		if (room > size_max_bytes + 1)
			room = size_max_bytes + 1;
		char *more = realloc(data, room + 1);
		if (!more) {
			free(data);
			return SOUK_IO_MEMORY;
		}
		data = more;
		size_t n = 0;
		souk_status status = read_up_to(fd, data + got, room - got, &n);
		got += n;
		if (status == SOUK_OK && got > size_max_bytes)
			status = SOUK_LOCAL_FULL;
		if (status != SOUK_OK) {
			free(data);
			return status;
		}
		if (got < room)
			break;
		room *= 2;
	}
	data[got] = 0;
	*ret_data = data;
	*ret_size = got;
	return SOUK_OK;
}

souk_status souk_file_read(
	const char *path, size_t size_max_bytes, char **ret_data, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_READ);
	souk_status status = read_open_file(fd, size_max_bytes, ret_data, ret_size);
	close(fd);
	return status;
}

static souk_status write_all(int fd, struct souk_bytes data)
{
	while (data.size) {
		ssize_t n = write(fd, data.data, data.size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return souk_file_status(errno, SOUK_IO_WRITE);
		data.data += n;
		data.size -= (size_t)n;
	}
	return SOUK_OK;
}

/* A rename is only durable once its folder is. */
static souk_status sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 1;

	if (slash == path)
		size = 1;
	if (size >= sizeof(folder))
		return SOUK_IO_WRITE;
	memcpy(folder, slash ? path : ".", size);
	folder[size] = 0;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return SOUK_IO_WRITE;
	int failed = fsync(fd);
	close(fd);
	return failed ? SOUK_IO_WRITE : SOUK_OK;
}

static souk_status write_temporary(char *name, struct souk_bytes data, bool is_private)
{
	int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	souk_status status = write_all(fd, data);
	if (status == SOUK_OK && !is_private) {
		mode_t mask = umask(0);
		umask(mask);
		if (fchmod(fd, 0644 & ~mask) < 0)
			status = SOUK_IO_WRITE;
	}
	if (status == SOUK_OK && fsync(fd) < 0)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (close(fd) < 0 && status == SOUK_OK)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (status != SOUK_OK)
		unlink(name);
	return status;
}

souk_status souk_file_write_atomic(const char *path, struct souk_bytes data, bool is_private)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name))
		return SOUK_IO_WRITE;
	SOUK_TRY(write_temporary(name, data, is_private));
	if (rename(name, path) < 0) {
		souk_status status = souk_file_status(errno, SOUK_IO_WRITE);
		unlink(name);
		return status;
	}
	return sync_folder_of(path);
}

souk_status souk_file_write_new(const char *path, struct souk_bytes data)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >= (int)sizeof(name))
		return SOUK_IO_WRITE;
	SOUK_TRY(write_temporary(name, data, true));
	int error = link(name, path) < 0 ? errno : 0;
	unlink(name);
	if (error == EEXIST)
		return SOUK_LOCAL_EXISTS;
	return error == 0 ? sync_folder_of(path) : souk_file_status(error, SOUK_IO_WRITE);
}

static souk_status make_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return SOUK_OK;
	int error = errno;
	if (error == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return SOUK_OK;
	return error == ENOSPC || error == EDQUOT ? SOUK_IO_DISK_FULL : SOUK_IO_WRITE;
}

souk_status souk_file_make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t size = strlen(path);

	if (size >= sizeof(part))
		return SOUK_LOCAL_FULL;
	memcpy(part, path, size + 1);
	for (size_t i = 1; i < size; i++) {
		if (part[i] != '/')
			continue;
		part[i] = 0;
		SOUK_TRY(make_folder(part));
		part[i] = '/';
	}
	return make_folder(part);
}

souk_status souk_file_read_at(int fd, void *out, size_t size, uint64_t offset)
{
	uint8_t *p = out;

	while (size) {
		ssize_t n = pread(fd, p, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return SOUK_IO_READ;
		p += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return SOUK_OK;
}

souk_status souk_file_write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *p = data;

	while (size) {
		ssize_t n = pwrite(fd, p, size, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			souk_status status = souk_file_status(errno, SOUK_IO_WRITE);
			return status == SOUK_IO_DISK_FULL ? status : SOUK_IO_WRITE;
		}
		p += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return SOUK_OK;
}
