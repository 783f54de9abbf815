/* SPDX-License-Identifier: Apache-2.0
 *
 * import.h - bring a file into a provider's store: whole and durable, or not at all.
 *
 *   FILE --read once--> chunks --> row, content id
 *                         |
 *                         v
 *   HOME/content/.add-XXXXXX --fsync, rename--> HOME/content/ID, ID.row --> content_record
 *
 * The record comes last: what it names is on the disk. A file that is being added
 * has a lock on its temporary copy; a copy without one was left by a crash, and the
 * next import removes it.
 *
 * Threads: one import at a time in a process; several processes may import. */
#ifndef SOUK_CLI_IMPORT_H
#define SOUK_CLI_IMPORT_H

#include <stdbool.h>

#include "../daemon/provider_store.h"
#include "souk/content/chunk.h"

#define IMPORT_DETAIL_SIZE 256

struct import_result {
	struct souk_content content;
	struct souk_content_record record;
	bool was_there;			 /* these bytes were on sale already; no copy was kept */
	char detail[IMPORT_DETAIL_SIZE]; /* of a failure, for people; may be empty */
};

/* import_file: put the file at PATH on sale for PRICE (0: the provider's default).
 *
 *  In: wants_link  a hard link in place of a copy; PATH must never be changed afterwards
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_USAGE    PATH is no regular file.
 *   SOUK_LOCAL_FULL     it is too large for a content.
 *   SOUK_LOCAL_STATE    it changed while it was read, or cannot be linked.
 *   SOUK_LOCAL_STOPPED  SIGINT, SIGTERM or SIGHUP came.
 *   SOUK_LOCAL_NOT_FOUND, SOUK_IO_*, SOUK_CORRUPT_STORE  as they say; detail says more.
 * In all these cases the store is as it was, and nothing temporary is left. */
SOUK_MUST_CHECK souk_status import_file(const struct provider_store *store, const char *path,
	bool wants_link, struct souk_amount price, struct import_result *ret);

#endif
