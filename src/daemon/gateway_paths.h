/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_paths.h - the files of a directory by their paths.
 *
 * A directory is walked from its beginning; a page of a thousand pictures would walk it a thousand
 * times. So where it has many files, they are sorted once by a digest of their paths: whoever wrote
 * it cannot make two of them meet.
 *
 * Memory: heap, 80 bytes for a file. Threads: any, once it is made. */
#ifndef SOUK_DAEMON_GATEWAY_PATHS_H
#define SOUK_DAEMON_GATEWAY_PATHS_H

#include "souk/content/directory.h"

struct gateway_paths;

/* Of DIRECTORY, which is walked here alone. *RET is NULL where it has too few files to be worth it.
 * SOUK_OK or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status gateway_paths_new(
	struct gateway_paths **ret, const struct souk_directory *directory);
void gateway_paths_free(struct gateway_paths *paths); /* NULL is allowed */

/* Whether PATH is a file; RET borrows it. PATHS may be NULL: then it is not known. */
bool gateway_paths_find(
	const struct gateway_paths *paths, const char *path, struct souk_directory_entry *ret);

#endif
