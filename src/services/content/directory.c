/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading directories: one pass over the tree, and what is built of it. */
#include "souk/content/directory.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "souk/crypto/sha256.h"

static bool is_piece_length(int64_t length)
{
	return length >= SOUK_DIRECTORY_PIECE_MIN && length <= SOUK_DIRECTORY_PIECE_MAX &&
	       (length & (length - 1)) == 0;
}

/* ------------------------------------------------------------------ the walk */

static void walk_init(struct souk_directory_iterator *it, const struct souk_directory *directory)
{
	souk_bencode_reader_init(&it->reader, directory->tree);
	it->depth = 0;
	it->path_size = 0;
	it->just_opened = false;
	it->is_plain = true;
	it->path[0] = '\0';
	it->pack_size = 0;
	it->has_pack = directory->pack.file_count > 0;
}

static souk_status push(struct souk_directory_iterator *it, struct souk_bytes component)
{
	size_t slash = it->depth > 0;
	if (!souk_directory_component_is_good(component) || it->depth == SOUK_DIRECTORY_DEPTH_MAX ||
		component.size + slash > SOUK_DIRECTORY_PATH_MAX - it->path_size)
		return SOUK_PEER_BAD_DIRECTORY;
	if (slash)
		it->path[it->path_size++] = '/';
	it->starts[it->depth++] = (uint16_t)it->path_size;
	memcpy(it->path + it->path_size, component.data, component.size);
	it->path_size += component.size;
	it->path[it->path_size] = '\0';
	return SOUK_OK;
}

static void pop(struct souk_directory_iterator *it)
{
	it->depth--;
	it->path_size = it->depth == 0 ? 0 : it->starts[it->depth] - 1u;
}

static souk_status expect(struct souk_directory_iterator *it, enum souk_bencode_kind kind)
{
	struct souk_bencode_token token;
	SOUK_TRY(souk_bencode_next(&it->reader, &token));
	return token.kind == kind ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
}

struct properties {
	bool has_length;
	bool has_root;
	uint64_t length;
	struct souk_hash root;
};

static souk_status read_length(uint64_t *ret, struct souk_bytes value)
{
	int64_t length;
	if (souk_bencode_integer(&length, value) != SOUK_OK || length < 0 ||
		(uint64_t)length > SOUK_DIRECTORY_TOTAL_MAX)
		return SOUK_PEER_BAD_DIRECTORY;
	*ret = (uint64_t)length;
	return SOUK_OK;
}

static souk_status read_root(struct souk_hash *ret, struct souk_bytes value)
{
	struct souk_bytes root;
	if (souk_bencode_string(&root, value) != SOUK_OK || root.size != SOUK_HASH_SIZE)
		return SOUK_PEER_BAD_DIRECTORY;
	memcpy(ret->bytes, root.data, SOUK_HASH_SIZE);
	return souk_hash_is_zero(ret) ? SOUK_PEER_BAD_DIRECTORY : SOUK_OK;
}

/* BEP 47: "l" is a symbolic link and "p" padding, which a tree of version 2 does not have. */
static souk_status take_attributes(struct souk_bytes value)
{
	struct souk_bytes attributes;
	if (souk_bencode_string(&attributes, value) != SOUK_OK)
		return SOUK_PEER_BAD_DIRECTORY;
	for (size_t i = 0; i < attributes.size; i++) {
		if (attributes.data[i] == 'l' || attributes.data[i] == 'p')
			return SOUK_PEER_BAD_DIRECTORY;
	}
	return SOUK_OK;
}

static souk_status take_property(struct souk_directory_iterator *it, struct properties *file,
	struct souk_bytes key, struct souk_bytes value)
{
	if (souk_bencode_is(key, "length")) {
		file->has_length = true;
		return read_length(&file->length, value);
	}
	if (souk_bencode_is(key, "pieces root")) {
		file->has_root = true;
		return read_root(&file->root, value);
	}
	it->is_plain = false;
	return souk_bencode_is(key, "attr") ? take_attributes(value) : SOUK_OK;
}

/* From behind the empty key of a file to the end of its component. */
static souk_status read_file(struct souk_directory_iterator *it, struct properties *ret)
{
	struct souk_bytes key, value;
	struct properties file = {0};
	SOUK_TRY(expect(it, SOUK_BENCODE_DICTIONARY));
	while (souk_bencode_next_pair(&it->reader, &key, &value))
		SOUK_TRY(take_property(it, &file, key, value));
	SOUK_TRY(it->reader.status);
	if (!file.has_length || file.has_root != (file.length != 0))
		return SOUK_PEER_BAD_DIRECTORY;
	/* A file has no siblings in its own component: it would be a folder as well. */
	SOUK_TRY(expect(it, SOUK_BENCODE_END));
	*ret = file;
	return SOUK_OK;
}

static void set_entry(struct souk_directory_iterator *it, const struct properties *file,
	struct souk_directory_entry *ret)
{
	bool is_packed = it->has_pack && souk_directory_may_pack(file->length);
	*ret = (struct souk_directory_entry){.path = it->path,
		.name = it->path + it->starts[it->depth - 1],
		.size = file->length,
		.file_count = 1,
		.id = file->root,
		.is_packed = is_packed,
		.pack_offset = is_packed ? it->pack_size : 0};
	it->pack_size += is_packed ? file->length : 0;
}

static souk_status enter(struct souk_directory_iterator *it, struct souk_bytes component)
{
	it->just_opened = true;
	SOUK_TRY(push(it, component));
	return expect(it, SOUK_BENCODE_DICTIONARY);
}

/* The next file; SOUK_LOCAL_NOT_FOUND at the end. */
static souk_status walk_next(struct souk_directory_iterator *it, struct souk_directory_entry *ret)
{
	struct souk_bencode_token token;
	struct properties file;
	for (;;) {
		SOUK_TRY(souk_bencode_next(&it->reader, &token));
		if (token.kind == SOUK_BENCODE_DONE)
			return SOUK_LOCAL_NOT_FOUND;
		if (token.kind == SOUK_BENCODE_END) {
			if (it->just_opened)
				return SOUK_PEER_BAD_DIRECTORY;
			if (it->depth > 0)
				pop(it);
		} else if (token.kind == SOUK_BENCODE_KEY && token.string.size > 0) {
			SOUK_TRY(enter(it, token.string));
		} else if (token.kind == SOUK_BENCODE_KEY && it->depth > 0 && it->just_opened) {
			SOUK_TRY(read_file(it, &file));
			set_entry(it, &file, ret);
			it->just_opened = false;
			pop(it);
			return SOUK_OK;
		} else {
			return SOUK_PEER_BAD_DIRECTORY;
		}
	}
}

/* The root folder's own beginning is read here, so that walk_next need not tell it apart. */
static souk_status walk_begin(
	struct souk_directory_iterator *it, const struct souk_directory *directory)
{
	walk_init(it, directory);
	it->just_opened = true;
	return expect(it, SOUK_BENCODE_DICTIONARY);
}

/* ------------------------------------------------------------------ parsing */

static souk_status check_tree(struct souk_directory *directory)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry file;
	souk_status status;
	SOUK_TRY(walk_begin(&it, directory));
	uint32_t packed = 0;
	while ((status = walk_next(&it, &file)) == SOUK_OK) {
		if (directory->file_count == SOUK_DIRECTORY_FILES_MAX ||
			file.size > SOUK_DIRECTORY_TOTAL_MAX - directory->total_size)
			return SOUK_PEER_BAD_DIRECTORY;
		directory->file_count++;
		directory->total_size += file.size;
		packed += file.is_packed;
	}
	directory->is_plain = directory->is_plain && it.is_plain;
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (directory->pack.file_count == 0)
		return SOUK_OK;
	directory->pack.file_count = packed;
	return packed >= SOUK_DIRECTORY_PACK_FILES_MIN && it.pack_size == directory->pack.size
		       ? SOUK_OK
		       : SOUK_PEER_BAD_DIRECTORY;
}

struct facts {
	bool has_tree, has_name, has_piece_length, has_version;
};

static souk_status take_number(int64_t *ret, struct souk_bytes value, bool *has)
{
	*has = true;
	return souk_bencode_integer(ret, value) == SOUK_OK ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
}

/* How many files are in it is counted later. */
static souk_status take_pack(struct souk_directory *directory, struct souk_bytes value)
{
	struct souk_bencode_reader reader;
	struct souk_bytes key;
	struct souk_directory_pack pack = {.file_count = 1};
	bool has_length = false, has_root = false;
	SOUK_TRY(souk_bencode_begin_dictionary(&reader, value, SOUK_PEER_BAD_DIRECTORY));
	while (souk_bencode_next_pair(&reader, &key, &value)) {
		if (souk_bencode_is(key, "length")) {
			SOUK_TRY(read_length(&pack.size, value));
			has_length = true;
		} else if (souk_bencode_is(key, "pieces root")) {
			SOUK_TRY(read_root(&pack.id, value));
			has_root = true;
		} else {
			directory->is_plain = false;
		}
	}
	SOUK_TRY(reader.status);
	directory->pack = pack;
	return has_length && has_root ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
}

static souk_status take_fact(struct souk_directory *directory, struct facts *facts,
	struct souk_bytes key, struct souk_bytes value)
{
	int64_t number = 0;
	if (souk_bencode_is(key, "file tree")) {
		facts->has_tree = true;
		directory->tree = value;
	} else if (souk_bencode_is(key, "meta version")) {
		SOUK_TRY(take_number(&number, value, &facts->has_version));
		return number == 2 ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
	} else if (souk_bencode_is(key, "name")) {
		facts->has_name = true;
		if (souk_bencode_string(&directory->name, value) != SOUK_OK ||
			!souk_directory_component_is_good(directory->name))
			return SOUK_PEER_BAD_DIRECTORY;
	} else if (souk_bencode_is(key, "piece length")) {
		SOUK_TRY(take_number(&number, value, &facts->has_piece_length));
		directory->piece_length = (uint32_t)number;
		return is_piece_length(number) ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
	} else if (souk_bencode_is(key, "souk pack")) {
		return take_pack(directory, value);
	} else {
		directory->is_plain = false;
	}
	return SOUK_OK;
}

static souk_status read_facts(struct souk_directory *directory)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_bytes key, value;
	struct facts facts = {0};
	SOUK_TRY(souk_bencode_begin_dictionary(&reader, directory->bytes, SOUK_PEER_BAD_DIRECTORY));
	while (souk_bencode_next_pair(&reader, &key, &value))
		SOUK_TRY(take_fact(directory, &facts, key, value));
	SOUK_TRY(souk_bencode_next(&reader, &token)); /* nothing follows */
	return facts.has_tree && facts.has_name && facts.has_piece_length && facts.has_version
		       ? SOUK_OK
		       : SOUK_PEER_BAD_DIRECTORY;
}

souk_status souk_directory_parse(struct souk_directory *ret, struct souk_bytes bytes)
{
	struct souk_directory directory = {.bytes = bytes, .is_plain = true};
	if (bytes.size > SOUK_DIRECTORY_SIZE_MAX)
		return SOUK_PEER_BAD_DIRECTORY;
	SOUK_TRY(read_facts(&directory));
	SOUK_TRY(check_tree(&directory));
	*ret = directory;
	return SOUK_OK;
}

bool souk_directory_may_be(uint64_t size, struct souk_bytes start)
{
	return size <= SOUK_DIRECTORY_SIZE_MAX && start.size >= 2 && start.data[0] == 'd' &&
	       start.data[1] >= '1' && start.data[1] <= '9';
}

struct souk_content_name souk_directory_content_name(const struct souk_directory_entry *entry)
{
	return (struct souk_content_name){.id = entry->id, .has_size = true, .size = entry->size};
}

struct souk_content_name souk_directory_pack_name(const struct souk_directory *directory)
{
	return (struct souk_content_name){
		.id = directory->pack.id, .has_size = true, .size = directory->pack.size};
}

void souk_directory_pack_title(char out[SOUK_DIRECTORY_PACK_TITLE_SIZE], struct souk_bytes name)
{
	size_t size =
		name.size < SOUK_DIRECTORY_COMPONENT_MAX ? name.size : SOUK_DIRECTORY_COMPONENT_MAX;
	memcpy(out, name.data, size);
	memcpy(out + size, "/ pack", sizeof "/ pack");
}

souk_status souk_directory_check_packed(
	const struct souk_directory_entry *entry, struct souk_bytes data)
{
	if (!entry->is_packed || data.size != entry->size)
		return SOUK_PEER_BAD_DIRECTORY;
	struct souk_hash id = souk_bep52_chunk_root(data, SOUK_DIRECTORY_PACK_FILE_MAX, true);
	return souk_hash_equal(&id, &entry->id) ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY;
}

/* ------------------------------------------------------------------ walking what parsed */

void souk_directory_begin(
	struct souk_directory_iterator *iterator, const struct souk_directory *directory)
{
	souk_status status = walk_begin(iterator, directory);
	SOUK_CHECK(status == SOUK_OK); /* it was parsed */
}

bool souk_directory_next(struct souk_directory_iterator *iterator, struct souk_directory_entry *ret)
{
	return walk_next(iterator, ret) == SOUK_OK;
}

/* Whether the file PATH is below the folder whose path and slash are PREFIX. */
static bool is_below(const char *path, const char *prefix, size_t prefix_size)
{
	return strncmp(path, prefix, prefix_size) == 0;
}

static struct souk_directory_entry folder_entry(const char *path)
{
	struct souk_directory_entry folder = {.path = path, .name = path, .is_folder = true};
	for (const char *c = path; *c != '\0'; c++) {
		if (*c == '/')
			folder.name = c + 1;
	}
	return folder;
}

souk_status souk_directory_find(
	const struct souk_directory *directory, const char *path, struct souk_directory_entry *ret)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry file, folder = folder_entry(path);
	size_t size = strnlen(path, SOUK_DIRECTORY_PATH_MAX + 1);
	if (size > SOUK_DIRECTORY_PATH_MAX)
		return SOUK_LOCAL_NOT_FOUND;
	souk_directory_begin(&it, directory);
	while (souk_directory_next(&it, &file)) {
		bool is_inside =
			size == 0 || (is_below(file.path, path, size) && (file.path[size] == '/'));
		if (is_inside) {
			folder.size += file.size;
			folder.file_count++;
		} else if (strcmp(file.path, path) == 0) {
			file.path = path;
			file.name = folder.name;
			*ret = file;
			return SOUK_OK;
		} else if (folder.file_count > 0) {
			break; /* those of a folder stand together */
		}
	}
	if (folder.file_count == 0)
		return SOUK_LOCAL_NOT_FOUND;
	*ret = folder;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ listing a folder */

/* Move on to the next file of the folder. Those of a folder stand together. */
static void advance(struct souk_directory_listing *listing)
{
	do
		listing->has_file = souk_directory_next(&listing->iterator, &listing->file);
	while (listing->has_file &&
		!is_below(listing->file.path, listing->prefix, listing->prefix_size));
}

souk_status souk_directory_list(struct souk_directory_listing *listing,
	const struct souk_directory *directory, const char *path)
{
	size_t size = strnlen(path, SOUK_DIRECTORY_PATH_MAX + 1);
	if (size > SOUK_DIRECTORY_PATH_MAX)
		return SOUK_LOCAL_NOT_FOUND;
	memcpy(listing->prefix, path, size);
	if (size > 0)
		listing->prefix[size++] = '/';
	listing->prefix[size] = '\0';
	listing->prefix_size = size;
	souk_directory_begin(&listing->iterator, directory);
	advance(listing);
	return listing->has_file ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}

/* All files below the folder of PATH_SIZE bytes in listing->path, as one entry. */
static void gather(struct souk_directory_listing *listing, size_t path_size,
	struct souk_directory_entry *folder)
{
	do {
		folder->size += listing->file.size;
		folder->file_count++;
		advance(listing);
	} while (listing->has_file && is_below(listing->file.path, listing->path, path_size) &&
		 listing->file.path[path_size] == '/');
}

bool souk_directory_list_next(
	struct souk_directory_listing *listing, struct souk_directory_entry *ret)
{
	if (!listing->has_file)
		return false;
	struct souk_directory_entry entry = listing->file;
	size_t size = listing->prefix_size;
	while (entry.path[size] != '/' && entry.path[size] != '\0')
		size++;
	bool is_folder = entry.path[size] == '/';
	memcpy(listing->path, listing->file.path, size);
	listing->path[size] = '\0';
	entry.path = listing->path;
	entry.name = listing->path + listing->prefix_size;
	if (!is_folder) {
		advance(listing);
	} else {
		entry = (struct souk_directory_entry){
			.path = entry.path, .name = entry.name, .is_folder = true};
		gather(listing, size, &entry);
	}
	*ret = entry;
	return true;
}

/* ------------------------------------------------------------------ case */

static uint64_t folded_hash(const char *path)
{
	char folded[SOUK_DIRECTORY_PATH_MAX];
	size_t size = 0;
	for (; path[size] != '\0'; size++)
		folded[size] = (char)(path[size] >= 'A' && path[size] <= 'Z' ? path[size] + 32
									     : path[size]);
	struct souk_hash hash = souk_sha256_of(folded, size);
	return souk_load_be64(hash.bytes);
}

/* Heap sort: qsort of a C library may take memory of its own. */
static void sift(uint64_t *heap, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && heap[child] < heap[child + 1])
			child++;
		if (heap[at] >= heap[child])
			return;
		uint64_t swap = heap[at];
		heap[at] = heap[child];
		heap[child] = swap;
	}
}

static void sort(uint64_t *numbers, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift(numbers, i, count);
	for (size_t last = count; last-- > 1;) {
		uint64_t greatest = numbers[0];
		numbers[0] = numbers[last];
		numbers[last] = greatest;
		sift(numbers, 0, last);
	}
}

uint32_t souk_directory_case_clashes(const struct souk_directory *directory, uint64_t *scratch)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry file;
	uint32_t count = 0, clashes = 0;
	souk_directory_begin(&it, directory);
	while (count < directory->file_count && souk_directory_next(&it, &file))
		scratch[count++] = folded_hash(file.path);
	sort(scratch, count);
	for (uint32_t i = 1; i < count; i++)
		clashes += scratch[i] == scratch[i - 1];
	return clashes;
}
