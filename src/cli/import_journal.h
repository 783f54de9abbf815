/* SPDX-License-Identifier: Apache-2.0
 *
 * import_journal.h - which files of a folder were imported, before it was stopped.
 *
 *   HOME/content/.folder-XXXX   a header, then a line for each file: mark, id, path
 *
 * A file with the same inode, size and time is the one that was read then. The
 * journal is only a way to save time: where it is gone or torn, files are read again.
 *
 * Memory: heap. Threads: one owner. */
#ifndef SOUK_CLI_IMPORT_JOURNAL_H
#define SOUK_CLI_IMPORT_JOURNAL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../daemon/provider_store.h"

/* What changes when a file does. */
struct import_mark {
	uint64_t device, inode, size, changed_ns; /* by the modification time */
};
struct import_mark import_mark_of(const struct stat *status);

struct import_journal {
	const struct provider_store *store;
	char path[512];
	FILE *file; /* to append; NULL: nothing is remembered */
	struct import_journal_line *lines;
	size_t count, next; /* lines are found in order, as they were written */
};

/* The lines that an earlier import of FOLDER for PRICE left. */
void import_journal_open(struct import_journal *journal, const struct provider_store *store,
	const char *folder, struct souk_amount price);
/* Whether PATH was imported as it is now, and is still in the store. */
bool import_journal_find(struct import_journal *journal, const char *path,
	const struct import_mark *mark, struct souk_hash *ret_id);
void import_journal_add(struct import_journal *journal, const char *path,
	const struct import_mark *mark, const struct souk_hash *id);
/* IS_DONE: it is not needed any more. */
void import_journal_close(struct import_journal *journal, bool is_done);

#endif
