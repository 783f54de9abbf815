/* SPDX-License-Identifier: Apache-2.0
 *
 * Bencode and directories: one form only, and no path that leads astray. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/content/directory.h"
#include "souk/crypto/sha256.h"

#define BYTES(literal) souk_bytes_of(literal, sizeof(literal) - 1)
#define LITERAL(literal)                                                                           \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}

/* The examples of BEP 3 and 52, and what they forbid. */
static void bencode_has_one_form(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes text;
		souk_status status;
	} table[] = {
		{LITERAL("4:spam"), SOUK_OK},
		{LITERAL("i3e"), SOUK_OK},
		{LITERAL("i-3e"), SOUK_OK},
		{LITERAL("i0e"), SOUK_OK},
		{LITERAL("l4:spam4:eggse"), SOUK_OK},
		{LITERAL("d3:cow3:moo4:spam4:eggse"), SOUK_OK},
		{LITERAL("d4:spaml1:a1:bee"), SOUK_OK},
		{LITERAL("d0:0:1:\0i1ee"), SOUK_OK},
		{LITERAL("i9223372036854775807e"), SOUK_OK},
		{LITERAL("i-9223372036854775808e"), SOUK_OK},
		{LITERAL("i9223372036854775808e"), SOUK_PEER_OVERSIZED},
		{LITERAL("i-9223372036854775809e"), SOUK_PEER_OVERSIZED},
		{LITERAL("i99999999999999999999999e"), SOUK_PEER_OVERSIZED},
		{LITERAL("i-0e"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("i03e"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("i-03e"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("04:spam"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("00:"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("d1:bi1e1:ai1ee"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("d1:ai1e1:ai1ee"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL("d2:aai1e1:ai1ee"), SOUK_PEER_NOT_CANONICAL},
		{LITERAL(""), SOUK_PEER_TRUNCATED},
		{LITERAL("i3"), SOUK_PEER_TRUNCATED},
		{LITERAL("5:spam"), SOUK_PEER_TRUNCATED},
		{LITERAL("18446744073709551615:"), SOUK_PEER_TRUNCATED},
		{LITERAL("99999999999999999999999:"), SOUK_PEER_OVERSIZED},
		{LITERAL("l"), SOUK_PEER_TRUNCATED},
		{LITERAL("d1:a"), SOUK_PEER_TRUNCATED},
		{LITERAL("i3e "), SOUK_PEER_TRAILING},
		{LITERAL("dee"), SOUK_PEER_TRAILING},
		{LITERAL("e"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("ie"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("i-e"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("i+3e"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("i 3e"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("d1:ae"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("di1ei1ee"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("-1:"), SOUK_PEER_BAD_BENCODE},
		{LITERAL("x"), SOUK_PEER_BAD_BENCODE},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		if (souk_bencode_check(table[i].text) != table[i].status)
			fail_msg("%s: %s", (const char *)table[i].text.data,
				souk_status_name(souk_bencode_check(table[i].text)));
	}
}

static void nesting_is_bounded(void **state)
{
	(void)state;
	char text[2 * (SOUK_BENCODE_DEPTH_MAX + 1)];
	for (size_t depth = SOUK_BENCODE_DEPTH_MAX; depth <= SOUK_BENCODE_DEPTH_MAX + 1; depth++) {
		memset(text, 'l', depth);
		memset(text + depth, 'e', depth);
		assert_int_equal(souk_bencode_check(souk_bytes_of(text, 2 * depth)),
			depth == SOUK_BENCODE_DEPTH_MAX ? SOUK_OK : SOUK_PEER_OVERSIZED);
	}
}

static void values_are_found(void **state)
{
	(void)state;
	struct souk_bytes value, string, dictionary = BYTES("d1:ai-7e1:bl1:xe3:cowd1:a2:noee");
	int64_t number;
	assert_int_equal(souk_bencode_find(&value, dictionary, "a"), SOUK_OK);
	assert_int_equal(souk_bencode_integer(&number, value), SOUK_OK);
	assert_int_equal(number, -7);
	assert_int_equal(souk_bencode_string(&string, value), SOUK_PEER_BAD_BENCODE);
	assert_int_equal(souk_bencode_find(&value, dictionary, "cow"), SOUK_OK);
	assert_int_equal(souk_bencode_find(&value, value, "a"), SOUK_OK);
	assert_int_equal(souk_bencode_string(&string, value), SOUK_OK);
	assert_true(souk_bencode_is(string, "no"));
	assert_int_equal(souk_bencode_find(&value, dictionary, "co"), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_bencode_find(&value, BYTES("i1e"), "a"), SOUK_PEER_BAD_BENCODE);
	assert_int_equal(
		souk_bencode_find(&value, BYTES("d1:ai1e1:bi02ee"), "c"), SOUK_PEER_NOT_CANONICAL);
}

/* ------------------------------------------------------------------ paths */

static void paths_cannot_lead_astray(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "a/b", "a b", "...", "..a", ".hidden", "a.",
		"ü/日本/🎬", "a:b", "con", "%2e%2e", "\xc2\xa0", "\xf4\x8f\xbf\xbf"};
	static const struct souk_bytes bad[] = {LITERAL(""), LITERAL("."), LITERAL(".."),
		LITERAL("/a"), LITERAL("a/"), LITERAL("a//b"), LITERAL("a/./b"), LITERAL("a/../b"),
		LITERAL("../a"), LITERAL("a\\b"), LITERAL("a\0b"), LITERAL("a\nb"),
		LITERAL("\x1b[2J"), LITERAL("\x7f"), LITERAL("\xc2\x9b"), LITERAL("\xff"),
		LITERAL("\xc0\xaf"), LITERAL("\xc0\xae\xc0\xae"), LITERAL("\xe0\x80\xaf"),
		LITERAL("\xf0\x80\x80\xaf"), LITERAL("\xed\xa0\x80"), LITERAL("\xf4\x90\x80\x80"),
		LITERAL("\xe2\x82"), LITERAL("\x80"), LITERAL("\xf8\x88\x80\x80"),
		LITERAL("\xe2/\x82")};
	char longest[SOUK_DIRECTORY_PATH_MAX + 1];
	for (size_t i = 0; i < SOUK_COUNT_OF(good); i++) {
		if (!souk_directory_path_is_good(souk_bytes_text(good[i])))
			fail_msg("refused: %s", good[i]);
	}
	for (size_t i = 0; i < SOUK_COUNT_OF(bad); i++) {
		if (souk_directory_path_is_good(bad[i]))
			fail_msg("accepted: bad path %zu", i);
	}
	memset(longest, 'x', sizeof longest);
	assert_true(
		souk_directory_path_is_good(souk_bytes_of(longest, SOUK_DIRECTORY_COMPONENT_MAX)));
	assert_false(souk_directory_path_is_good(
		souk_bytes_of(longest, SOUK_DIRECTORY_COMPONENT_MAX + 1)));
	for (size_t i = 100; i < sizeof longest; i += 100)
		longest[i] = '/';
	assert_true(souk_directory_path_is_good(souk_bytes_of(longest, SOUK_DIRECTORY_PATH_MAX)));
	assert_false(
		souk_directory_path_is_good(souk_bytes_of(longest, SOUK_DIRECTORY_PATH_MAX + 1)));
	for (size_t i = 1; i < 2 * SOUK_DIRECTORY_DEPTH_MAX; i += 2)
		longest[i] = '/';
	assert_true(souk_directory_path_is_good(
		souk_bytes_of(longest, 2 * SOUK_DIRECTORY_DEPTH_MAX - 1)));
	longest[2 * SOUK_DIRECTORY_DEPTH_MAX] = 'x';
	assert_false(souk_directory_path_is_good(
		souk_bytes_of(longest, 2 * SOUK_DIRECTORY_DEPTH_MAX + 1)));
}

/* ------------------------------------------------------------------ directories */

#define ID	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TAIL	    "12:meta versioni2e4:name4:site12:piece lengthi262144ee"
#define FILE_5	    "d0:d6:lengthi5e11:pieces root32:" ID "ee"
#define EMPTY	    "d0:d6:lengthi0eee"
#define TREE(inner) "d9:file treed" inner "e" TAIL

static struct souk_directory_file file_of(const char *path, uint64_t size)
{
	struct souk_directory_file file = {.path = souk_bytes_text(path), .size = size};
	if (size > 0)
		memset(file.id.bytes, 'a', SOUK_HASH_SIZE);
	return file;
}

/* The order of a tree is not the order of strings: "a-b" comes after everything in "a". */
static void files_become_a_tree(void **state)
{
	(void)state;
	const struct souk_directory_file files[] = {
		file_of("a/x", 5), file_of("a/y/z", 0), file_of("a-b", 5), file_of("b/c/d/e", 5)};
	static const char expected[] = TREE(
		"1:ad1:x" FILE_5 "1:yd1:z" EMPTY "ee3:a-b" FILE_5 "1:bd1:cd1:dd1:e" FILE_5 "eee");
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	struct souk_directory directory;
	struct souk_writer writer;
	uint8_t memory[1024];
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(
		souk_directory_encode(&writer, BYTES("site"), 262144, files, 4, NULL), SOUK_OK);
	assert_int_equal(writer.size, sizeof expected - 1);
	assert_memory_equal(memory, expected, writer.size);
	assert_int_equal(
		souk_directory_parse(&directory, souk_bytes_of(memory, writer.size)), SOUK_OK);
	assert_int_equal(directory.file_count, 4);
	assert_int_equal(directory.total_size, 15);
	assert_true(directory.is_plain);
	souk_directory_begin(&it, &directory);
	for (size_t i = 0; i < 4; i++) {
		assert_true(souk_directory_next(&it, &entry));
		assert_string_equal(entry.path, (const char *)files[i].path.data);
		assert_int_equal(entry.size, files[i].size);
		assert_memory_equal(entry.id.bytes, files[i].id.bytes, SOUK_HASH_SIZE);
	}
	assert_string_equal(entry.name, "e");
	assert_false(souk_directory_next(&it, &entry));
}

/* A directory of at most one block: its id is the hash of its bytes, as the v2 infohash is. */
static void a_small_directory_has_its_infohash_as_id(void **state)
{
	(void)state;
	static const char bytes[] = TREE("1:a" FILE_5);
	struct souk_content_builder builder;
	struct souk_hash row[2], scratch[2], hash = souk_sha256_of(bytes, sizeof bytes - 1);
	struct souk_content content;
	souk_content_builder_init(&builder, SOUK_CHUNK_SIZE_DEFAULT, row, 2);
	assert_int_equal(souk_content_builder_add(&builder, BYTES(bytes)), SOUK_OK);
	souk_content_builder_finish(&builder, scratch, &content);
	assert_true(souk_hash_equal(&content.id, &hash));
}

static void strangers_directories_are_checked(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes bytes;
		souk_status status;
	} table[] = {
		{LITERAL(TREE("1:a" FILE_5)), SOUK_OK},
		{LITERAL(TREE("1:a" EMPTY "1:b" FILE_5)), SOUK_OK},
		/* what other programs add is kept, and not understood */
		{LITERAL(TREE("1:ad0:d4:attr1:x6:lengthi0e5:mtimei7eee")), SOUK_OK},
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni2e4:name1:n12:piece lengthi16384e7:privatei1ee"),
			SOUK_OK},
		/* the tree */
		{LITERAL(TREE("")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ade")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ai1e")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("0:d6:lengthi0ee")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d6:lengthi0ee1:b" EMPTY "e")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:i1ee")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:.") EMPTY), SOUK_PEER_BAD_BENCODE},
		{LITERAL(TREE("1:." EMPTY)), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("2:.." EMPTY)), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("3:a/b" EMPTY)), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:\0" EMPTY)), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:\xff" EMPTY)), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:a" EMPTY "1:a" EMPTY)), SOUK_PEER_NOT_CANONICAL},
		{LITERAL(TREE("1:b" EMPTY "1:a" EMPTY)), SOUK_PEER_NOT_CANONICAL},
		/* a file */
		{LITERAL(TREE("1:ad0:dee")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d6:lengthi5eee")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d6:lengthi-5eee")), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d6:lengthi281474976710657e11:pieces root32:" ID "ee")),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d6:lengthi0e11:pieces root32:" ID "ee")),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE(
			 "1:ad0:d6:lengthi5e11:pieces root31:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaee")),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL(TREE("1:ad0:d4:attr1:l6:lengthi0eee")), SOUK_PEER_BAD_DIRECTORY},
		/* the facts */
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni1e4:name1:n12:piece lengthi16384ee"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni2e4:name2:..12:piece lengthi16384ee"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni2e4:name1:n12:piece lengthi1048577ee"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni2e4:name1:n12:piece lengthi8192ee"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d9:file treed1:a" EMPTY
			 "e12:meta versioni2e4:name1:n12:piece lengthi4311744512ee"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d9:file treed1:a" EMPTY "e12:meta versioni2e4:name1:ne"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d6:lengthi1e4:name1:n12:piece lengthi16384e6:pieces0:e"),
			SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("le"), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("hello"), SOUK_PEER_BAD_BENCODE},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_directory directory;
		souk_status status = souk_directory_parse(&directory, table[i].bytes);
		if (status != table[i].status)
			fail_msg("row %zu: %s", i, souk_status_name(status));
	}
}

static void lists_of_files_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *paths[3];
		uint64_t size;
		souk_status status;
	} table[] = {
		{{"a", "b", "c"}, 1, SOUK_OK},
		{{"a/b", "a/c", "a-b"}, 1, SOUK_OK},
		{{"a/b", "a-b", "a/c"}, 1, SOUK_PEER_NOT_CANONICAL},
		{{"a", "a", "b"}, 1, SOUK_PEER_NOT_CANONICAL},
		{{"a", "a/b", "b"}, 1, SOUK_PEER_NOT_CANONICAL},
		{{"a", "b/../c", "d"}, 1, SOUK_PEER_BAD_DIRECTORY},
		{{"a", "b", "c"}, SOUK_DIRECTORY_TOTAL_MAX, SOUK_PEER_BAD_DIRECTORY},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_directory_file files[3];
		struct souk_writer writer;
		uint8_t memory[1024];
		for (size_t j = 0; j < 3; j++)
			files[j] = file_of(table[i].paths[j], table[i].size);
		souk_writer_init(&writer, memory, sizeof memory);
		souk_status status =
			souk_directory_encode(&writer, BYTES("n"), 262144, files, 3, NULL);
		if (status != table[i].status)
			fail_msg("row %zu: %s", i, souk_status_name(status));
		souk_writer_init(&writer, memory, 100);
		if (status == SOUK_OK)
			assert_int_equal(
				souk_directory_encode(&writer, BYTES("n"), 262144, files, 3, NULL),
				SOUK_LOCAL_TOO_SMALL);
	}
}

/* ------------------------------------------------------------------ packs */

#define FACTS	   "12:meta versioni2e4:name4:site12:piece lengthi16384e"
#define ID2	   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PACK(size) "9:souk packd6:lengthi" #size "e11:pieces root32:" ID2 "e"
#define WITH(pack) "d9:file treed1:a" FILE_5 "1:b" EMPTY "1:c" FILE_5 "e" FACTS pack "e"
#define LARGE	   "d0:d6:lengthi1048577e11:pieces root32:" ID "ee"

static void small_files_are_packed_in_order(void **state)
{
	(void)state;
	const struct souk_directory_file files[] = {file_of("a/x", 5), file_of("a/y", 1048577),
		file_of("b", 1048576), file_of("c", 0), file_of("d/e", 1)};
	static const uint64_t offsets[] = {0, 0, 5, 0, 1048581};
	static const bool packed[] = {true, false, true, false, true};
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	struct souk_directory directory;
	struct souk_writer writer;
	struct souk_hash pack;
	uint8_t memory[1024];
	memset(pack.bytes, 'b', sizeof pack.bytes);
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(
		souk_directory_encode(&writer, BYTES("site"), 16384, files, 5, &pack), SOUK_OK);
	static const char tail[] = FACTS PACK(1048582) "e";
	assert_memory_equal(memory + writer.size - (sizeof tail - 1), tail, sizeof tail - 1);
	assert_int_equal(
		souk_directory_parse(&directory, souk_bytes_of(memory, writer.size)), SOUK_OK);
	assert_true(directory.is_plain);
	assert_int_equal(directory.pack.file_count, 3);
	assert_int_equal(directory.pack.size, 1048582);
	assert_true(souk_hash_equal(&directory.pack.id, &pack));
	struct souk_content_name name = souk_directory_pack_name(&directory);
	assert_true(name.has_size && name.size == 1048582);
	char title[SOUK_DIRECTORY_PACK_TITLE_SIZE];
	souk_directory_pack_title(title, directory.name);
	assert_string_equal(title, "site/ pack");
	souk_directory_begin(&it, &directory);
	for (size_t i = 0; i < 5; i++) {
		assert_true(souk_directory_next(&it, &entry));
		assert_int_equal(entry.is_packed, packed[i]);
		assert_int_equal(entry.pack_offset, offsets[i]);
	}
	assert_int_equal(souk_directory_find(&directory, "d/e", &entry), SOUK_OK);
	assert_true(entry.is_packed);
	assert_int_equal(entry.pack_offset, 1048581);
}

static void files_of_a_pack_are_checked(void **state)
{
	(void)state;
	struct souk_directory_file files[] = {file_of("a", 5), file_of("b", 3)};
	struct souk_directory_entry entry;
	struct souk_directory directory;
	struct souk_writer writer;
	uint8_t memory[1024];
	files[0].id = souk_sha256_of("hello", 5);
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(souk_directory_encode(&writer, BYTES("n"), 262144, files, 2, &files[0].id),
		SOUK_OK);
	assert_int_equal(
		souk_directory_parse(&directory, souk_bytes_of(memory, writer.size)), SOUK_OK);
	assert_int_equal(souk_directory_find(&directory, "a", &entry), SOUK_OK);
	static const struct {
		struct souk_bytes data;
		souk_status status;
	} table[] = {{LITERAL("hello"), SOUK_OK}, {LITERAL("hellp"), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("hell"), SOUK_PEER_BAD_DIRECTORY}};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++)
		assert_int_equal(
			souk_directory_check_packed(&entry, table[i].data), table[i].status);
	entry.is_packed = false;
	assert_int_equal(
		souk_directory_check_packed(&entry, table[0].data), SOUK_PEER_BAD_DIRECTORY);
}

static void strangers_packs_are_checked(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes bytes;
		souk_status status;
		bool is_plain;
	} table[] = {
		{LITERAL(WITH(PACK(10))), SOUK_OK, true},
		{LITERAL(WITH("")), SOUK_OK, true},
		{LITERAL(WITH(PACK(10) "1:tle")), SOUK_OK, false},
		{LITERAL(WITH("9:souk packd1:a1:b6:lengthi10e11:pieces root32:" ID2 "e")), SOUK_OK,
			false},
		{LITERAL(WITH(PACK(11))), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH(PACK(5))), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH(PACK(0))), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH(PACK(-10))), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH(PACK(9223372036854775807))), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH("9:souk packd6:lengthi10ee")), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH("9:souk packd11:pieces root32:" ID2 "e")), SOUK_PEER_BAD_DIRECTORY,
			false},
		{LITERAL(WITH("9:souk packd6:lengthi10e11:pieces root31:"
			      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbe")),
			SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH("9:souk packde")), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH("9:souk packle")), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH("9:souk packi10e")), SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL(WITH(PACK(10) PACK(10))), SOUK_PEER_NOT_CANONICAL, false},
		/* one file makes none, nor do long ones */
		{LITERAL("d9:file treed1:a" FILE_5 "e" FACTS PACK(5) "e"), SOUK_PEER_BAD_DIRECTORY,
			false},
		{LITERAL("d9:file treed1:a" FILE_5 "1:b" LARGE "e" FACTS PACK(5) "e"),
			SOUK_PEER_BAD_DIRECTORY, false},
		{LITERAL("d9:file treed1:a" FILE_5 "1:b" LARGE "1:c" FILE_5 "e" FACTS PACK(10) "e"),
			SOUK_OK, true},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_directory directory;
		souk_status status = souk_directory_parse(&directory, table[i].bytes);
		if (status != table[i].status ||
			(status == SOUK_OK && directory.is_plain != table[i].is_plain))
			fail_msg("row %zu: %s", i, souk_status_name(status));
	}
}

static void packs_are_written_of_two_files_on(void **state)
{
	(void)state;
	static const struct {
		uint64_t sizes[3];
		uint32_t packed;
	} table[] = {
		{{1, 2, 3}, 3},
		{{1, 0, 3}, 2},
		{{1, 0, 0}, 0},
		{{1, 1048577, 0}, 0},
		{{1048576, 1048577, 16384}, 2},
		{{0, 0, 0}, 0},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_directory_file files[] = {file_of("a", table[i].sizes[0]),
			file_of("b", table[i].sizes[1]), file_of("c", table[i].sizes[2])};
		struct souk_hash id = {{1}}, zero = {{0}};
		struct souk_writer writer;
		uint8_t memory[1024];
		assert_int_equal(souk_directory_pack_of(files, 3).file_count, table[i].packed);
		souk_writer_init(&writer, memory, sizeof memory);
		assert_int_equal(souk_directory_encode(&writer, BYTES("n"), 16384, files, 3, &id),
			table[i].packed > 0 ? SOUK_OK : SOUK_PEER_BAD_DIRECTORY);
		souk_writer_init(&writer, memory, sizeof memory);
		assert_int_equal(souk_directory_encode(&writer, BYTES("n"), 16384, files, 3, &zero),
			SOUK_PEER_BAD_DIRECTORY);
	}
}

#define SITE                                                                                       \
	TREE("1:A" EMPTY "1:a" FILE_5 "4:docsd1:x" FILE_5 "3:yesd1:1" FILE_5 "1:2" FILE_5          \
	     "ee5:docs2" FILE_5)

static void folders_are_listed_in_order(void **state)
{
	(void)state;
	static const struct souk_directory_entry root[] = {{"A", "A", false, 0, 1, {{0}}, false, 0},
		{"a", "a", false, 5, 1, {{0}}, false, 0},
		{"docs", "docs", true, 15, 3, {{0}}, false, 0},
		{"docs2", "docs2", false, 5, 1, {{0}}, false, 0}};
	static const struct souk_directory_entry docs[] = {
		{"docs/x", "x", false, 5, 1, {{0}}, false, 0},
		{"docs/yes", "yes", true, 10, 2, {{0}}, false, 0}};
	static const struct {
		const char *path;
		const struct souk_directory_entry *entries;
		size_t count;
	} table[] = {{"", root, 4}, {"docs", docs, 2}};
	struct souk_directory directory;
	struct souk_directory_listing listing;
	struct souk_directory_entry entry;
	assert_int_equal(souk_directory_parse(&directory, BYTES(SITE)), SOUK_OK);
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		assert_int_equal(souk_directory_list(&listing, &directory, table[i].path), SOUK_OK);
		for (size_t j = 0; j < table[i].count; j++) {
			const struct souk_directory_entry *want = &table[i].entries[j];
			assert_true(souk_directory_list_next(&listing, &entry));
			assert_string_equal(entry.path, want->path);
			assert_string_equal(entry.name, want->name);
			assert_int_equal(entry.is_folder, want->is_folder);
			assert_int_equal(entry.size, want->size);
			assert_int_equal(entry.file_count, want->file_count);
		}
		assert_false(souk_directory_list_next(&listing, &entry));
	}
	static const char *const none[] = {"doc", "docs/", "docs/y", "docs2", "/", "nothing", ".."};
	for (size_t i = 0; i < SOUK_COUNT_OF(none); i++)
		assert_int_equal(
			souk_directory_list(&listing, &directory, none[i]), SOUK_LOCAL_NOT_FOUND);
}

static void paths_are_looked_up(void **state)
{
	(void)state;
	struct souk_directory directory;
	struct souk_directory_entry entry;
	uint64_t scratch[6];
	assert_int_equal(souk_directory_parse(&directory, BYTES(SITE)), SOUK_OK);
	assert_int_equal(souk_directory_find(&directory, "docs/yes/2", &entry), SOUK_OK);
	assert_false(entry.is_folder);
	assert_string_equal(entry.name, "2");
	assert_int_equal(souk_directory_find(&directory, "docs/yes", &entry), SOUK_OK);
	assert_true(entry.is_folder);
	assert_int_equal(entry.file_count, 2);
	assert_int_equal(souk_directory_find(&directory, "docs2", &entry), SOUK_OK);
	assert_false(entry.is_folder);
	static const char *const none[] = {"b", "docs/", "/docs", "docs/yes/3", "docs//x", "a/a"};
	for (size_t i = 0; i < SOUK_COUNT_OF(none); i++)
		assert_int_equal(
			souk_directory_find(&directory, none[i], &entry), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(directory.file_count, 6);
	assert_int_equal(souk_directory_case_clashes(&directory, scratch), 1);
}

/* One more file than a directory may have. */
static void directories_are_bounded(void **state)
{
	(void)state;
	static struct souk_directory_file files[SOUK_DIRECTORY_FILES_MAX + 1];
	static char names[SOUK_DIRECTORY_FILES_MAX + 1][8];
	static uint8_t memory[SOUK_DIRECTORY_SIZE_MAX];
	struct souk_directory directory;
	struct souk_writer writer;
	for (uint32_t i = 0; i <= SOUK_DIRECTORY_FILES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "%06u", (unsigned)i);
		files[i] = file_of(names[i], 0);
	}
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(souk_directory_encode(&writer, BYTES("n"), 262144, files,
				 SOUK_DIRECTORY_FILES_MAX + 1, NULL),
		SOUK_PEER_BAD_DIRECTORY);
	assert_int_equal(souk_directory_encode(&writer, BYTES("n"), 262144, files,
				 SOUK_DIRECTORY_FILES_MAX, NULL),
		SOUK_OK);
	assert_int_equal(
		souk_directory_parse(&directory, souk_bytes_of(memory, writer.size)), SOUK_OK);
	assert_int_equal(directory.file_count, SOUK_DIRECTORY_FILES_MAX);
	assert_int_equal(souk_directory_parse(
				 &directory, souk_bytes_of(memory, SOUK_DIRECTORY_SIZE_MAX + 1ul)),
		SOUK_PEER_BAD_DIRECTORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bencode_has_one_form),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(values_are_found),
		cmocka_unit_test(paths_cannot_lead_astray),
		cmocka_unit_test(files_become_a_tree),
		cmocka_unit_test(a_small_directory_has_its_infohash_as_id),
		cmocka_unit_test(strangers_directories_are_checked),
		cmocka_unit_test(lists_of_files_are_checked),
		cmocka_unit_test(small_files_are_packed_in_order),
		cmocka_unit_test(files_of_a_pack_are_checked),
		cmocka_unit_test(strangers_packs_are_checked),
		cmocka_unit_test(packs_are_written_of_two_files_on),
		cmocka_unit_test(folders_are_listed_in_order),
		cmocka_unit_test(paths_are_looked_up),
		cmocka_unit_test(directories_are_bounded),
	};
	return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
