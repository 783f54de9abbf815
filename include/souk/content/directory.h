/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/directory.h - many files under one id.
 *
 * A directory is a content whose bytes are a BEP 52 info dictionary. It is fetched
 * like any content, and then each of its files by its own id, the pieces root.
 *
 *   d 9:file tree  d 4:docs d 5:a.txt d 0: d 6:length i5e 11:pieces root 32:... e e e ... e
 *     12:meta version i2e  4:name 4:site  12:piece length i262144e
 *     9:souk pack d 6:length i5e 11:pieces root32:... e  e
 *
 * Up to 16 KiB its id is the hash of these bytes, and so the v2 infohash of a
 * torrent of them. Files come in the order of the tree: by the bytes of each
 * component, which is the order of a torrent's pieces.
 *
 * Thousands of small files would be thousands of contents. So those of up to 1 MiB may be sold as
 * one, the pack: their bytes behind each other in the order of the tree.
 *
 *   files  a 5   b 0   c 9000000   d 7
 *   pack   aaaaa ddddddd                "souk pack": its length and its id
 *
 * Which files are in it follows from their lengths, and where each is from those before it. Each
 * has an id of its own all the same, which is checked when it is cut out.
 *
 * Who wrote it is not trusted. A path that passes cannot leave a folder, name the
 * same file twice, or be file and folder at once; it holds no slash, backslash or
 * control character and is valid UTF-8. Paths that differ in case alone are allowed,
 * since most file systems keep them apart; souk_directory_case_clashes counts them.
 *
 *   bytes --souk_directory_parse--> directory --> iterator | listing | find
 *
 * Invariants: what parsed is walked to its end without a failure.
 * Memory: caller's; a directory borrows its bytes, an entry its iterator. No heap.
 * Threads: any, on distinct objects. Spec: spec/content.md 6. */
#ifndef SOUK_CONTENT_DIRECTORY_H
#define SOUK_CONTENT_DIRECTORY_H

#include "souk/content/bencode.h"
#include "souk/content/chunk.h"

#define SOUK_DIRECTORY_SIZE_MAX	     (8u << 20) /* of its bytes; libtorrent reads 10 MB */
#define SOUK_DIRECTORY_FILES_MAX     65536u
#define SOUK_DIRECTORY_TOTAL_MAX     (1ull << 48) /* bytes of all files */
#define SOUK_DIRECTORY_COMPONENT_MAX 255u
#define SOUK_DIRECTORY_PATH_MAX	     1024u /* with its slashes */
#define SOUK_DIRECTORY_DEPTH_MAX     32u   /* components */
#define SOUK_DIRECTORY_PIECE_MIN     SOUK_CHUNK_SIZE_MIN
#define SOUK_DIRECTORY_PIECE_MAX     SOUK_CHUNK_SIZE_MAX
/* What our own directories have: so the chunks of their files are the torrent's pieces. */
#define SOUK_DIRECTORY_PIECE_DEFAULT SOUK_CHUNK_SIZE_DEFAULT
/* Of a file in a pack: it is checked in memory. */
#define SOUK_DIRECTORY_PACK_FILE_MAX  (1u << 20)
#define SOUK_DIRECTORY_PACK_FILES_MIN 2u

/* The content that the small files of a directory are. */
struct souk_directory_pack {
	struct souk_hash id;
	uint64_t size;
	uint32_t file_count; /* 0: there is none */
};

struct souk_directory {
	struct souk_bytes bytes;
	struct souk_bytes tree; /* the value of "file tree" */
	struct souk_bytes name; /* a good component; advisory */
	uint32_t piece_length;
	uint32_t file_count;
	uint64_t total_size;
	bool is_plain; /* encoding its files, and its pack, again gives the same bytes */
	struct souk_directory_pack pack;
};

/* A file or a folder. */
struct souk_directory_entry {
	const char *path; /* from the directory's root, "docs/a.txt"; terminated */
	const char *name; /* its last component, in path */
	bool is_folder;
	uint64_t size;	     /* of a folder: of all files below it */
	uint32_t file_count; /* below a folder; 1 for a file */
	struct souk_hash id; /* of a file: its pieces root, zero where it is empty */
	bool is_packed;	     /* a file of the pack */
	uint64_t pack_offset;
};

/* souk_directory_parse: check BYTES, all of them.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_DIRECTORY  no info dictionary of BitTorrent v2, a bad path, an empty folder, a
 *                            symbolic link, a pack that is not as long as its files, or past a
 *                            limit.
 *   As souk_bencode_next     the bytes are not canonical.
 * In all these cases these bytes are a file to whoever fetched them, and no directory. */
SOUK_MUST_CHECK souk_status souk_directory_parse(
	struct souk_directory *ret, struct souk_bytes bytes);

/* Whether a content of SIZE bytes that begin with START may be a directory: worth fetching whole.
 */
bool souk_directory_may_be(uint64_t size, struct souk_bytes start);

/* Whether the SIZE bytes at TEXT may be one component of a path. */
bool souk_directory_component_is_good(struct souk_bytes text);
/* Whether TEXT, components joined by "/", may be the path of a file. */
bool souk_directory_path_is_good(struct souk_bytes text);
/* The order of files: negative, 0 or positive, as strcmp; a "/" is before everything else. */
int souk_directory_path_compare(struct souk_bytes a, struct souk_bytes b);

/* The file as souk get takes it: with its size, which the directory vouches for. */
struct souk_content_name souk_directory_content_name(const struct souk_directory_entry *entry);

/* The pack as souk get takes it. */
struct souk_content_name souk_directory_pack_name(const struct souk_directory *directory);

/* What people see as the name of the pack of the directory NAME: "site/ pack", terminated. */
#define SOUK_DIRECTORY_PACK_TITLE_SIZE (SOUK_DIRECTORY_COMPONENT_MAX + sizeof "/ pack")
void souk_directory_pack_title(char out[SOUK_DIRECTORY_PACK_TITLE_SIZE], struct souk_bytes name);

/* souk_directory_check_packed: whether DATA, cut out of the pack, are the file ENTRY.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_DIRECTORY  the pack is not of the files that the directory names: whoever wrote
 *                            it lied. Take the file by its own id, if anybody sells it. */
SOUK_MUST_CHECK souk_status souk_directory_check_packed(
	const struct souk_directory_entry *entry, struct souk_bytes data);

/* All files, in order. */
struct souk_directory_iterator {
	struct souk_bencode_reader reader;
	uint32_t depth;				   /* components of the path */
	uint16_t starts[SOUK_DIRECTORY_DEPTH_MAX]; /* of each component in the path */
	size_t path_size;
	bool just_opened; /* a folder, in which nothing came so far */
	bool is_plain;	  /* nothing came that an encoder would not write */
	bool has_pack;
	uint64_t pack_size; /* of the packed files so far */
	char path[SOUK_DIRECTORY_PATH_MAX + 1];
};

void souk_directory_begin(
	struct souk_directory_iterator *iterator, const struct souk_directory *directory);
/* The next file. Its path is valid until the next call. False after the last one. */
bool souk_directory_next(
	struct souk_directory_iterator *iterator, struct souk_directory_entry *ret);

/* souk_directory_find: what PATH names; "" is the root folder. In time linear in the directory.
 *
 *  In: path      borrowed by the entry as well
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  nothing has that path, whatever it is. */
SOUK_MUST_CHECK souk_status souk_directory_find(
	const struct souk_directory *directory, const char *path, struct souk_directory_entry *ret);

/* What is in one folder: files and folders, in order. */
struct souk_directory_listing {
	struct souk_directory_iterator iterator;
	struct souk_directory_entry file; /* the next one, where has_file */
	bool has_file;
	size_t prefix_size; /* of the folder's path and its "/" */
	char prefix[SOUK_DIRECTORY_PATH_MAX + 2];
	char path[SOUK_DIRECTORY_PATH_MAX + 1]; /* of the entry given out */
};

/* souk_directory_list: begin to list the folder PATH; "" is the root.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  there is no such folder. */
SOUK_MUST_CHECK souk_status souk_directory_list(struct souk_directory_listing *listing,
	const struct souk_directory *directory, const char *path);
/* The next entry, with its path valid until the next call. False after the last one. */
bool souk_directory_list_next(
	struct souk_directory_listing *listing, struct souk_directory_entry *ret);

/* Files whose paths another file's path equals but for the case of ASCII letters: on a file system
 * that keeps them not apart, one of them would be lost.
 *
 *  In: scratch  room for directory->file_count numbers */
uint32_t souk_directory_case_clashes(const struct souk_directory *directory, uint64_t *scratch);

/* A file to be put into a directory. */
struct souk_directory_file {
	struct souk_bytes path;
	uint64_t size;
	struct souk_hash id; /* zero iff the file is empty */
};

/* Whether a file of SIZE bytes is one for a pack. */
bool souk_directory_may_pack(uint64_t size);
/* The pack that COUNT files make, without its id; with a file_count of 0 where they make none. */
struct souk_directory_pack souk_directory_pack_of(
	const struct souk_directory_file *files, size_t count);

/* souk_directory_encode: the bytes of the directory NAME of COUNT files, sorted by
 * souk_directory_path_compare.
 *
 *  In:  pack    the id of their pack; NULL: they are sold each by itself
 *  Out: writer  the bytes are appended; undefined on failure
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_DIRECTORY  a bad name, path, size or piece length, or no files, or too many; a
 *                            pack of files that make none.
 *   SOUK_PEER_NOT_CANONICAL  the paths are not sorted, twice the same, or both file and folder.
 *   SOUK_LOCAL_TOO_SMALL     the writer is full. */
SOUK_MUST_CHECK souk_status souk_directory_encode(struct souk_writer *writer,
	struct souk_bytes name, uint32_t piece_length, const struct souk_directory_file *files,
	size_t count, const struct souk_hash *pack);

#endif
