/* SPDX-License-Identifier: Apache-2.0
 *
 * Torrent files, trackers' answers and peers' messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/peer_wire.h"
#include "souk/content/torrent.h"

#define BYTES(literal) souk_bytes_of(literal, sizeof(literal) - 1)
#define LITERAL(literal)                                                                           \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}
#define PIECE	   32768u
#define PIECES_MAX 70

static struct souk_hash row[PIECES_MAX * 4], scratch[PIECES_MAX * 4];
static uint8_t memory[1 << 16];

/* A torrent of one file of COUNT pieces, whose layer is ROW. */
static struct souk_bytes make_torrent(size_t count, const char *tracker, uint64_t size)
{
	static uint8_t info[512];
	struct souk_torrent_layer layer = {.hashes = souk_bytes_of(row, count * SOUK_HASH_SIZE)};
	struct souk_directory_file file = {.path = BYTES("a"), .size = size};
	struct souk_writer writer;
	memcpy(scratch, row, count * sizeof *row);
	layer.id = file.id = souk_bep52_root(scratch, count, PIECE);
	souk_writer_init(&writer, info, sizeof info);
	assert_int_equal(
		souk_directory_encode(&writer, BYTES("a"), PIECE, &file, 1, NULL), SOUK_OK);
	struct souk_bytes encoded = souk_bytes_of(info, writer.size);
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(
		souk_torrent_encode(&writer, tracker, encoded, &layer, count > 1), SOUK_OK);
	return souk_bytes_of(memory, writer.size);
}

/* For every number of pieces: the layer is accepted, and no other one. */
static void layers_lead_to_their_files(void **state)
{
	(void)state;
	for (size_t count = 1; count <= PIECES_MAX; count++) {
		struct souk_torrent torrent;
		struct souk_torrent_layer layers[2];
		size_t found;
		struct souk_bytes bytes = make_torrent(count, NULL, (uint64_t)count * PIECE);
		assert_int_equal(souk_torrent_parse(&torrent, bytes), SOUK_OK);
		assert_int_equal(torrent.piece_count, count);
		assert_int_equal(souk_torrent_index(&torrent, layers, 2, &found), SOUK_OK);
		assert_int_equal(found, count > 1);
		if (count == 1)
			continue;
		assert_int_equal(
			souk_torrent_index(&torrent, layers, 0, &found), SOUK_PEER_BAD_TORRENT);
		memory[(size_t)(layers[0].hashes.data - memory) + 40 * (count / 2)] ^= 1;
		assert_int_equal(
			souk_torrent_index(&torrent, layers, 2, &found), SOUK_PEER_BAD_TORRENT);
		/* a layer of another length leads to the root as well, with the wrong file */
		bytes = make_torrent(count, NULL, (uint64_t)count * PIECE + 1);
		assert_int_equal(souk_torrent_parse(&torrent, bytes), SOUK_OK);
		assert_int_equal(
			souk_torrent_index(&torrent, layers, 2, &found), SOUK_PEER_BAD_TORRENT);
	}
}

static void rows_of_chunks_reduce_to_layers(void **state)
{
	(void)state;
	for (size_t count = 1; count <= PIECES_MAX; count++) {
		struct souk_hash root, reduced[PIECES_MAX];
		memcpy(scratch, row, count * sizeof *row);
		root = souk_bep52_root(scratch, count, PIECE);
		for (uint32_t piece = PIECE; piece <= 16 * PIECE; piece *= 2) {
			memcpy(reduced, row, count * sizeof *row);
			size_t pieces = souk_torrent_reduce(reduced, count, PIECE, piece);
			assert_int_equal(pieces, souk_torrent_pieces(count * PIECE, piece));
			struct souk_hash again = souk_bep52_root(reduced, pieces, piece);
			if (pieces > 1)
				assert_true(souk_hash_equal(&again, &root));
		}
		assert_int_equal(souk_torrent_reduce(reduced, count, PIECE, PIECE / 2), 0);
	}
}

static void torrents_are_checked(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes bytes;
		souk_status status;
	} table[] = {
		{LITERAL("de"), SOUK_PEER_BAD_TORRENT},
		{LITERAL("le"), SOUK_PEER_BAD_TORRENT},
		{LITERAL("d4:infoi1ee"), SOUK_PEER_BAD_TORRENT},
		{LITERAL("d4:infod6:lengthi1e4:name1:n12:piece lengthi16384e6:pieces0:ee"),
			SOUK_PEER_BAD_TORRENT},
		{LITERAL("d4:infod9:file treedeee"), SOUK_PEER_BAD_DIRECTORY},
		{LITERAL("d13:announce-listl1:aee"), SOUK_PEER_BAD_TORRENT},
		{LITERAL("d13:announce-listi1ee"), SOUK_PEER_BAD_TORRENT},
		{LITERAL("d4:infodee "), SOUK_PEER_TRAILING},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_torrent torrent;
		souk_status status = souk_torrent_parse(&torrent, table[i].bytes);
		if (status != table[i].status)
			fail_msg("row %zu: %s", i, souk_status_name(status));
	}
}

static void magnets_and_queries_are_escaped(void **state)
{
	(void)state;
	struct souk_hash hash;
	struct souk_writer writer;
	const uint8_t id[20] = "-SK0001-\0\xff "
			       "abcdefghi";
	memset(hash.bytes, 0xab, sizeof hash.bytes);
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(souk_torrent_magnet(&writer, &hash, BYTES("a b&\xc3\xbc"), "http://t/a?b"),
		SOUK_OK);
	souk_writer_u8(&writer, 0);
	assert_string_equal(memory,
		"magnet:?xt=urn:btmh:"
		"1220abababababababababababababababababababababababababababababab"
		"abab&dn=a%20b%26%C3%BC&tr=http%3A%2F%2Ft%2Fa%3Fb");
	souk_writer_init(&writer, memory, sizeof memory);
	assert_int_equal(
		souk_tracker_query(&writer, BYTES("http://t/a?k=1"), &hash, id, 5, "started"),
		SOUK_OK);
	souk_writer_u8(&writer, 0);
	assert_string_equal(memory,
		"http://t/"
		"a?k=1&info_hash=%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB%AB"
		"&peer_id=-SK0001-%00%FF%20abcdefghi&port=1&uploaded=0&downloaded=0&left=5&compact="
		"1"
		"&numwant=50&event=started");
}

static void trackers_answers_are_checked(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes bytes;
		souk_status status;
		size_t peers;
	} table[] = {
		{LITERAL("d8:intervali5e5:peers0:e"), SOUK_OK, 0},
		{LITERAL("d5:peers6:\x7f\0\0\1\x1a\xe1"
			 "e"),
			SOUK_OK, 1},
		{LITERAL("d5:peers6:\x7f\0\0\1\0\0e"), SOUK_OK, 0},
		{LITERAL("d5:peers5:\x7f\0\0\1\x1a"
			 "e"),
			SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("d5:peersld2:ip9:127.0.0.14:porti6881eeee"), SOUK_OK, 1},
		{LITERAL("d5:peersld2:ip4:host4:porti6881eeee"), SOUK_OK, 0},
		{LITERAL("d5:peersld2:ip9:127.0.0.14:porti65536eeee"), SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("d5:peersli1eee"), SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("d5:peersd1:ai1eee"), SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("d14:failure reason2:noe"), SOUK_OK, 0},
		{LITERAL("d8:intervali-1e5:peers0:e"), SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("de"), SOUK_PEER_BAD_TRACKER, 0},
		{LITERAL("<html>"), SOUK_PEER_BAD_BENCODE, 0},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_tracker_answer answer = {0};
		struct souk_torrent_peer peers[2];
		souk_status status = souk_tracker_parse(&answer, peers, 2, table[i].bytes);
		if (status != table[i].status || answer.peer_count != table[i].peers)
			fail_msg("row %zu: %s", i, souk_status_name(status));
	}
}

static void peers_messages_are_checked(void **state)
{
	(void)state;
	static const struct {
		struct souk_bytes bytes;
		souk_status status;
	} table[] = {
		{LITERAL("\0\0\0\0"), SOUK_OK},
		{LITERAL("\0\0\0\1\0"), SOUK_OK},
		{LITERAL("\0\0\0\2\1\0"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\5\4\0\0\0\11"), SOUK_OK},
		{LITERAL("\0\0\0\5\4\0\0\0\12"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\3\5\xff\xc0"), SOUK_OK},
		{LITERAL("\0\0\0\3\5\xff\xe0"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\4\5\xff\xc0\0"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\11\7\0\0\0\0\0\0\0\0"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\12\7\0\0\0\0\0\0\0\0x"), SOUK_OK},
		{LITERAL("\0\0\0\15\6\0\0\0\0\0\0\0\0\0\1\0\0"), SOUK_PEER_BAD_SWARM},
		{LITERAL("\0\0\0\2\x63x"), SOUK_OK},
		{LITERAL("\0\0\0"), SOUK_LOCAL_TOO_SMALL},
		{LITERAL("\0\0\100\11\7"), SOUK_LOCAL_TOO_SMALL},
		{LITERAL("\1\0\0\0\7"), SOUK_PEER_OVERSIZED},
		{LITERAL("\xff\xff\xff\xff"), SOUK_PEER_OVERSIZED},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_peer_message message;
		size_t size;
		souk_status status = souk_peer_wire_read(&message, &size, table[i].bytes, 10);
		if (status != table[i].status)
			fail_msg("row %zu: %s", i, souk_status_name(status));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_lead_to_their_files),
		cmocka_unit_test(rows_of_chunks_reduce_to_layers),
		cmocka_unit_test(torrents_are_checked),
		cmocka_unit_test(magnets_and_queries_are_escaped),
		cmocka_unit_test(trackers_answers_are_checked),
		cmocka_unit_test(peers_messages_are_checked),
	};
	struct souk_rng rng;
	souk_rng_init(&rng, 7);
	souk_rng_fill(&rng, row, sizeof row);
	return cmocka_run_group_tests_name("torrent", tests, NULL, NULL);
}
