/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/file.h - files, whole: read all of it, write all of it, or say why not.
 *
 * Memory: what is read is heap of the caller, bounded. Threads: any. */
#ifndef SOUK_IO_FILE_H
#define SOUK_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "souk/base/bytes.h"
#include "souk/base/status.h"

/* The status of an errno: IO_DISK_FULL (ENOSPC, EDQUOT, EFBIG), LOCAL_NOT_FOUND (ENOENT),
 * LOCAL_EXISTS (EEXIST), IO_MEMORY (ENOMEM), and OTHERWISE for the rest. */
souk_status souk_file_status(int error, souk_status otherwise);

/* souk_file_read: the whole file.
 *
 *  Out:    ret_data  heap, with a zero byte after its SIZE bytes; free() it
 *          ret_size
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  no such file.
 *   SOUK_LOCAL_FULL       longer than SIZE_MAX_BYTES.
 *   SOUK_IO_READ          not readable.
 *   SOUK_IO_MEMORY        out of memory. */
SOUK_MUST_CHECK souk_status souk_file_read(
	const char *path, size_t size_max_bytes, char **ret_data, size_t *ret_size);

/* souk_file_write_atomic: replace PATH by DATA, so that a crash leaves the old or the new file, and
 * the new one once this returned. A private file has mode 0600, another 0644 (less the umask).
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_DISK_FULL, SOUK_IO_WRITE, SOUK_LOCAL_NOT_FOUND (no such folder)
 *     PATH is what it was. */
SOUK_MUST_CHECK souk_status souk_file_write_atomic(
	const char *path, struct souk_bytes data, bool is_private);

/* souk_file_write_new: the same for a private file that must not be there: of several processes
 * that make it at once, one does.
 *
 * Returns as souk_file_write_atomic, or
 *   SOUK_LOCAL_EXISTS  somebody was quicker; read it. */
SOUK_MUST_CHECK souk_status souk_file_write_new(const char *path, struct souk_bytes data);

/* souk_file_make_folders: PATH and every folder above it, mode 0700; those that exist are left.
 *
 * Returns SOUK_OK, SOUK_IO_DISK_FULL, SOUK_LOCAL_FULL (the path is too long), or
 *   SOUK_IO_WRITE  not allowed, or something in the way is no folder. */
SOUK_MUST_CHECK souk_status souk_file_make_folders(const char *path);

/* souk_file_read_at: exactly SIZE bytes at OFFSET.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_READ  the file ends before that, or cannot be read. */
SOUK_MUST_CHECK souk_status souk_file_read_at(int fd, void *out, size_t size, uint64_t offset);

/* souk_file_write_at: exactly SIZE bytes at OFFSET.
 *
 * Returns SOUK_OK, or
 *   SOUK_IO_DISK_FULL, SOUK_IO_WRITE  a part of it may have been written. */
SOUK_MUST_CHECK souk_status souk_file_write_at(
	int fd, const void *data, size_t size, uint64_t offset);

#endif
