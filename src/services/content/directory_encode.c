/* SPDX-License-Identifier: Apache-2.0
 *
 * What a path may be, and writing directories. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/directory.h"

/* ------------------------------------------------------------------ paths */

/* The next code point of valid UTF-8 in its shortest form; 0 for anything else, and for NUL. */
static uint32_t next_code_point(struct souk_bytes text, size_t *at)
{
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
	uint8_t first = text.data[*at];
	size_t more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	uint32_t point = first < 0x80 ? first : first & (0x3fu >> more);
	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || more >= text.size - *at)
		return 0;
	for (size_t i = 1; i <= more; i++) {
		uint8_t byte = text.data[*at + i];
		if ((byte & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (byte & 0x3fu);
	}
	*at += more + 1;
	bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
	return point < smallest[more] || point > 0x10ffff || is_surrogate ? 0 : point;
}

/* Control characters would reach terminals, and a backslash parts folders elsewhere. */
static bool is_allowed(uint32_t point)
{
	return point >= 0x20 && !(point >= 0x7f && point <= 0x9f) && point != '/' && point != '\\';
}

bool souk_directory_component_is_good(struct souk_bytes text)
{
	if (text.size == 0 || text.size > SOUK_DIRECTORY_COMPONENT_MAX)
		return false;
	if (souk_bencode_is(text, ".") || souk_bencode_is(text, ".."))
		return false;
	for (size_t at = 0; at < text.size;) {
		if (!is_allowed(next_code_point(text, &at)))
			return false;
	}
	return true;
}

/* The component of PATH at *AT; the cursor moves behind its slash, or past the end. */
static struct souk_bytes next_component(struct souk_bytes path, size_t *at)
{
	size_t start = *at, end = start;
	while (end < path.size && path.data[end] != '/')
		end++;
	*at = end + 1;
	return souk_bytes_of(path.data + start, end - start);
}

bool souk_directory_path_is_good(struct souk_bytes text)
{
	uint32_t depth = 0;
	if (text.size == 0 || text.size > SOUK_DIRECTORY_PATH_MAX)
		return false;
	for (size_t at = 0; at <= text.size; depth++) {
		if (!souk_directory_component_is_good(next_component(text, &at)))
			return false;
	}
	return depth <= SOUK_DIRECTORY_DEPTH_MAX;
}

/* With the slash first among the bytes, strings compare as lists of components do. */
int souk_directory_path_compare(struct souk_bytes a, struct souk_bytes b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	for (size_t i = 0; i < common; i++) {
		int x = a.data[i] == '/' ? -1 : a.data[i], y = b.data[i] == '/' ? -1 : b.data[i];
		if (x != y)
			return x - y;
	}
	return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

/* ------------------------------------------------------------------ writing */

static void put_component(struct souk_writer *writer, struct souk_bytes component)
{
	souk_bencode_put_string(writer, component);
	souk_bencode_put_dictionary(writer);
}

/* The facts of some bytes: a file's, or the pack's. */
static void put_root(struct souk_writer *writer, uint64_t length, const struct souk_hash *root)
{
	souk_bencode_put_dictionary(writer);
	souk_bencode_put_text(writer, "length");
	souk_bencode_put_integer(writer, length);
	if (length > 0) {
		souk_bencode_put_text(writer, "pieces root");
		souk_bencode_put_string(writer, souk_bytes_of(root->bytes, SOUK_HASH_SIZE));
	}
	souk_bencode_put_end(writer);
}

static void put_file(struct souk_writer *writer, const struct souk_directory_file *file)
{
	souk_bencode_put_text(writer, "");
	put_root(writer, file->size, &file->id);
}

static uint32_t count_slashes(struct souk_bytes text)
{
	uint32_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '/';
	return count;
}

/* Where the first component begins in which B is not A. */
static size_t split_of(struct souk_bytes a, struct souk_bytes b)
{
	size_t split = 0;
	for (size_t i = 0; i < a.size && i < b.size && a.data[i] == b.data[i]; i++) {
		if (b.data[i] == '/')
			split = i + 1;
	}
	return split;
}

/* From the end of BEFORE to the beginning of PATH; either may be empty. */
static void put_way(struct souk_writer *writer, struct souk_bytes before, struct souk_bytes path)
{
	size_t at = split_of(before, path);
	if (before.size > 0) {
		uint32_t open = count_slashes(souk_bytes_of(before.data + at, before.size - at));
		for (uint32_t i = 0; i <= open; i++)
			souk_bencode_put_end(writer);
	}
	while (path.size > 0 && at <= path.size)
		put_component(writer, next_component(path, &at));
}

/* Of two paths in order: the first must not be a folder of the second. */
static bool is_folder_of(struct souk_bytes a, struct souk_bytes b)
{
	return b.size > a.size && b.data[a.size] == '/' && memcmp(a.data, b.data, a.size) == 0;
}

static souk_status check_file(
	const struct souk_directory_file *file, struct souk_bytes before, uint64_t *total)
{
	if (!souk_directory_path_is_good(file->path) ||
		souk_hash_is_zero(&file->id) != (file->size == 0) ||
		file->size > SOUK_DIRECTORY_TOTAL_MAX - *total)
		return SOUK_PEER_BAD_DIRECTORY;
	*total += file->size;
	if (before.size > 0 && (souk_directory_path_compare(before, file->path) >= 0 ||
				       is_folder_of(before, file->path)))
		return SOUK_PEER_NOT_CANONICAL;
	return SOUK_OK;
}

static souk_status put_tree(
	struct souk_writer *writer, const struct souk_directory_file *files, size_t count)
{
	struct souk_bytes before = {0}, none = {0};
	uint64_t total = 0;
	souk_bencode_put_dictionary(writer);
	for (size_t i = 0; i < count && !writer->full; i++) {
		SOUK_TRY(check_file(&files[i], before, &total));
		put_way(writer, before, files[i].path);
		put_file(writer, &files[i]);
		before = files[i].path;
	}
	put_way(writer, before, none);
	souk_bencode_put_end(writer);
	return SOUK_OK;
}

bool souk_directory_may_pack(uint64_t size)
{
	return size > 0 && size <= SOUK_DIRECTORY_PACK_FILE_MAX;
}

struct souk_directory_pack souk_directory_pack_of(
	const struct souk_directory_file *files, size_t count)
{
	struct souk_directory_pack pack = {0}, none = {0};
	for (size_t i = 0; i < count && i < SOUK_DIRECTORY_FILES_MAX; i++) {
		if (!souk_directory_may_pack(files[i].size))
			continue;
		pack.size += files[i].size;
		pack.file_count++;
	}
	return pack.file_count >= SOUK_DIRECTORY_PACK_FILES_MIN ? pack : none;
}

souk_status souk_directory_encode(struct souk_writer *writer, struct souk_bytes name,
	uint32_t piece_length, const struct souk_directory_file *files, size_t count,
	const struct souk_hash *pack)
{
	struct souk_directory_pack packed = souk_directory_pack_of(files, count);
	if (!souk_directory_component_is_good(name) || piece_length < SOUK_DIRECTORY_PIECE_MIN ||
		piece_length > SOUK_DIRECTORY_PIECE_MAX ||
		(piece_length & (piece_length - 1)) != 0 || count == 0 ||
		count > SOUK_DIRECTORY_FILES_MAX ||
		(pack != NULL && (packed.file_count == 0 || souk_hash_is_zero(pack))))
		return SOUK_PEER_BAD_DIRECTORY;
	souk_bencode_put_dictionary(writer);
	souk_bencode_put_text(writer, "file tree");
	SOUK_TRY(put_tree(writer, files, count));
	souk_bencode_put_text(writer, "meta version");
	souk_bencode_put_integer(writer, 2);
	souk_bencode_put_text(writer, "name");
	souk_bencode_put_string(writer, name);
	souk_bencode_put_text(writer, "piece length");
	souk_bencode_put_integer(writer, piece_length);
	if (pack != NULL) {
		souk_bencode_put_text(writer, "souk pack");
		put_root(writer, packed.size, pack);
	}
	souk_bencode_put_end(writer);
	return writer->full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK;
}
