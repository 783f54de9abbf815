/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories as strangers write them: what parses is walked to its end, holds good paths in order,
 * is the same through the iterator, the listings and the look-ups, is encoded again to the same
 * bytes where it is plain, and has its packed files one behind the other. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 16384
#define FILES_MAX 1024

static struct souk_directory_file files[FILES_MAX];
static char paths[1 << 20];
static uint64_t scratch[FILES_MAX];

/* The files, copied out of the iterator, in order and with good paths. */
static void collect(const struct souk_directory *directory)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	const struct souk_directory_pack *pack = &directory->pack;
	size_t count = 0, used = 0;
	uint64_t total = 0, packed_size = 0;
	uint32_t packed = 0;
	souk_directory_begin(&it, directory);
	while (souk_directory_next(&it, &entry)) {
		size_t size = strlen(entry.path);
		SOUK_CHECK(count < directory->file_count && size <= sizeof paths - used);
		memcpy(paths + used, entry.path, size);
		files[count] = (struct souk_directory_file){
			souk_bytes_of(paths + used, size), entry.size, entry.id};
		used += size;
		SOUK_CHECK(souk_directory_path_is_good(files[count].path));
		SOUK_CHECK(souk_hash_is_zero(&entry.id) == (entry.size == 0));
		SOUK_CHECK(count == 0 || souk_directory_path_compare(
						 files[count - 1].path, files[count].path) < 0);
		if (entry.is_packed) {
			SOUK_CHECK(entry.size > 0 && entry.size <= SOUK_DIRECTORY_PACK_FILE_MAX);
			SOUK_CHECK(entry.pack_offset == packed_size);
			packed_size += entry.size;
			packed++;
		}
		total += entry.size;
		count++;
	}
	SOUK_CHECK(count == directory->file_count && total == directory->total_size);
	SOUK_CHECK(packed == pack->file_count && packed_size == pack->size);
	SOUK_CHECK(packed == 0 ||
		   (packed >= SOUK_DIRECTORY_PACK_FILES_MIN && !souk_hash_is_zero(&pack->id)));
}

static void check_encoding(const struct souk_directory *directory)
{
	static uint8_t again[2 * INPUT_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, again, sizeof again);
	SOUK_CHECK(souk_directory_encode(&writer, directory->name, directory->piece_length, files,
			   directory->file_count,
			   directory->pack.file_count > 0 ? &directory->pack.id : NULL) == SOUK_OK);
	SOUK_CHECK(directory->is_plain ==
		   souk_bytes_equal_var(directory->bytes, souk_bytes_of(again, writer.size)));
}

/* The listing of PATH has everything below it once. Returns how many files that were. */
static uint32_t check_listing(const struct souk_directory *directory, const char *path,
	uint32_t depth, uint64_t *total, uint32_t *budget)
{
	struct souk_directory_listing listing;
	struct souk_directory_entry entry, found;
	uint32_t count = 0;
	char below[SOUK_DIRECTORY_PATH_MAX + 1];
	SOUK_CHECK(depth <= SOUK_DIRECTORY_DEPTH_MAX);
	SOUK_CHECK(souk_directory_list(&listing, directory, path) == SOUK_OK);
	while (souk_directory_list_next(&listing, &entry)) {
		memcpy(below, entry.path, strlen(entry.path) + 1);
		SOUK_CHECK(souk_directory_find(directory, below, &found) == SOUK_OK);
		SOUK_CHECK(found.is_folder == entry.is_folder && found.size == entry.size);
		SOUK_CHECK(found.file_count == entry.file_count);
		SOUK_CHECK(strcmp(found.name, entry.name) == 0);
		SOUK_CHECK(found.is_packed == entry.is_packed);
		SOUK_CHECK(found.pack_offset == entry.pack_offset);
		count += entry.file_count;
		*total += entry.size;
		if (entry.is_folder && *budget > 0) {
			uint64_t size = 0;
			--*budget;
			SOUK_CHECK(check_listing(directory, below, depth + 1, &size, budget) ==
				   entry.file_count);
			SOUK_CHECK(size == entry.size);
		}
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct souk_directory directory;
	struct souk_directory_entry root;
	uint64_t total = 0;
	uint32_t budget = 64;
	if (size > INPUT_MAX ||
		souk_directory_parse(&directory, souk_bytes_of(data, size)) != SOUK_OK ||
		directory.file_count > FILES_MAX)
		return 0;
	SOUK_CHECK(souk_directory_may_be(size, directory.bytes));
	SOUK_CHECK(souk_bencode_check(directory.bytes) == SOUK_OK);
	collect(&directory);
	check_encoding(&directory);
	SOUK_CHECK(souk_directory_find(&directory, "", &root) == SOUK_OK);
	SOUK_CHECK(root.is_folder && root.size == directory.total_size);
	SOUK_CHECK(check_listing(&directory, "", 0, &total, &budget) == directory.file_count);
	SOUK_CHECK(souk_directory_case_clashes(&directory, scratch) < directory.file_count);
	return 0;
}
