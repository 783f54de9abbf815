/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_paths.h"

#include <stdlib.h>
#include <string.h>

#include "souk/crypto/sha256.h"

#define FILES_MIN   32u
#define DIGEST_SIZE 16u

struct row {
	uint8_t digest[DIGEST_SIZE];
	struct souk_hash id;
	uint64_t size, pack_offset;
	bool is_packed;
};

struct gateway_paths {
	size_t count;
	struct row rows[];
};

static void digest_of(uint8_t out[DIGEST_SIZE], const char *path)
{
	struct souk_hash hash = souk_sha256_of(path, strlen(path));

	memcpy(out, hash.bytes, DIGEST_SIZE);
}

static int compare_rows(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_SIZE);
}

souk_status gateway_paths_new(struct gateway_paths **ret, const struct souk_directory *directory)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;

	*ret = NULL;
	if (directory->file_count < FILES_MIN)
		return SOUK_OK;
	struct gateway_paths *paths =
		calloc(1, sizeof(*paths) + directory->file_count * sizeof(paths->rows[0]));
	if (!paths)
		return SOUK_IO_MEMORY;
	souk_directory_begin(&it, directory);
	while (souk_directory_next(&it, &entry)) {
		struct row *row = &paths->rows[paths->count++];
		digest_of(row->digest, entry.path);
		row->id = entry.id;
		row->size = entry.size;
		row->is_packed = entry.is_packed;
		row->pack_offset = entry.pack_offset;
	}
	qsort(paths->rows, paths->count, sizeof(paths->rows[0]), compare_rows);
	*ret = paths;
	return SOUK_OK;
}

void gateway_paths_free(struct gateway_paths *paths)
{
	free(paths);
}

bool gateway_paths_find(
	const struct gateway_paths *paths, const char *path, struct souk_directory_entry *ret)
{
	uint8_t digest[DIGEST_SIZE];

	if (!paths)
		return false;
	digest_of(digest, path);
	const struct row *row =
		bsearch(digest, paths->rows, paths->count, sizeof(paths->rows[0]), compare_rows);
	if (!row)
		return false;
	const char *slash = strrchr(path, '/');
	*ret = (struct souk_directory_entry){
		.path = path,
		.name = slash ? slash + 1 : path,
		.size = row->size,
		.file_count = 1,
		.id = row->id,
		.is_packed = row->is_packed,
		.pack_offset = row->pack_offset,
	};
	return true;
}
