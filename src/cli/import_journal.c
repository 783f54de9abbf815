/* SPDX-License-Identifier: Apache-2.0 */
#include "import_journal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/content/directory.h"
#include "souk/crypto/sha256.h"

/* The mark, the id, and the path: "1-2-3-4 ab..ef docs/a.txt". */
struct import_journal_line {
	char *text;
};

#define MARK_FORMAT "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64

struct import_mark import_mark_of(const struct stat *status)
{
	return (struct import_mark){.device = (uint64_t)status->st_dev,
		.inode = (uint64_t)status->st_ino,
		.size = (uint64_t)status->st_size,
		.changed_ns = (uint64_t)status->st_mtim.tv_sec * 1000000000u +
			      (uint64_t)status->st_mtim.tv_nsec};
}

static void read_lines(struct import_journal *journal)
{
	FILE *file = fopen(journal->path, "r");
	char *line = NULL;
	size_t room = 0, capacity = 0;
	if (file == NULL)
		return;
	/* A line without its end was torn by a crash. */
	for (ssize_t size; (size = getline(&line, &room, file)) > 0 && line[size - 1] == '\n';) {
		if (journal->count == capacity) {
			capacity = capacity == 0 ? 64 : 2 * capacity;
			void *grown = realloc(journal->lines, capacity * sizeof *journal->lines);
			if (grown == NULL)
				break;
			journal->lines = grown;
		}
		line[size - 1] = '\0';
		journal->lines[journal->count++].text = line;
		line = NULL;
		room = 0;
	}
	free(line);
	fclose(file);
}

void import_journal_open(struct import_journal *journal, const struct provider_store *store,
	const char *folder, struct souk_amount price)
{
	char name[PATH_MAX + 64], digest[2 * SOUK_HASH_SIZE + 1];
	int size = snprintf(name, sizeof name, "%" PRIu64 " %s", price.ncoin, folder);
	struct souk_hash hash = souk_sha256_of(name, (size_t)size);
	souk_hex_encode(digest, hash.bytes, sizeof hash.bytes);
	digest[16] = '\0';
	*journal = (struct import_journal){.store = store};
	snprintf(journal->path, sizeof journal->path, "%s/content/.folder-%s", store->home, digest);
	read_lines(journal);
	journal->file = fopen(journal->path, "ae");
}

/* What stands behind the mark and the id; "" where the line makes no sense. */
static const char *path_of(const char *line)
{
	const char *space = strchr(line, ' ');
	space = space != NULL ? strchr(space + 1, ' ') : NULL;
	return space != NULL ? space + 1 : "";
}

/* Whether LINE has MARK; then its id. */
static bool has_mark(const char *line, const struct import_mark *mark, struct souk_hash *ret_id)
{
	char head[128], hex[2 * SOUK_HASH_SIZE + 1];
	int size = snprintf(head, sizeof head, MARK_FORMAT " ", mark->device, mark->inode,
		mark->size, mark->changed_ns);
	if (strncmp(line, head, (size_t)size) != 0)
		return false;
	snprintf(hex, sizeof hex, "%s", line + size);
	return souk_hex_decode(ret_id->bytes, sizeof ret_id->bytes, hex) == SOUK_OK;
}

static bool is_in_store(
	const struct import_journal *journal, const struct souk_hash *id, uint64_t size)
{
	struct souk_content_record record;
	struct stat status;
	char path[512], have[512];
	provider_store_data_path(journal->store, id, path);
	provider_store_have_path(journal->store, id, have);
	return provider_store_content(journal->store, id, &record) == SOUK_OK &&
	       record.size == size && stat(path, &status) == 0 &&
	       (uint64_t)status.st_size == size && access(have, F_OK) < 0;
}

/* Lines and files are both sorted: each line is looked at once. */
bool import_journal_find(struct import_journal *journal, const char *path,
	const struct import_mark *mark, struct souk_hash *ret_id)
{
	struct souk_hash id;
	int order = -1;
	for (; journal->next < journal->count; journal->next++) {
		order = souk_directory_path_compare(
			souk_bytes_text(path_of(journal->lines[journal->next].text)),
			souk_bytes_text(path));
		if (order >= 0)
			break;
	}
	if (order != 0 || !has_mark(journal->lines[journal->next].text, mark, &id) ||
		!is_in_store(journal, &id, mark->size))
		return false;
	*ret_id = id;
	return true;
}

void import_journal_add(struct import_journal *journal, const char *path,
	const struct import_mark *mark, const struct souk_hash *id)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	if (journal->file == NULL)
		return;
	souk_hex_encode(hex, id->bytes, sizeof id->bytes);
	fprintf(journal->file, MARK_FORMAT " %s %s\n", mark->device, mark->inode, mark->size,
		mark->changed_ns, hex, path);
	fflush(journal->file);
}

void import_journal_close(struct import_journal *journal, bool is_done)
{
	if (journal->file != NULL)
		fclose(journal->file);
	if (is_done)
		unlink(journal->path);
	for (size_t i = 0; i < journal->count; i++)
		free(journal->lines[i].text);
	free(journal->lines);
}
