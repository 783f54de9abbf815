/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/torrent.h - torrent files of BitTorrent v2.
 *
 *   d 8:announce ...  4:info <a directory>  12:piece layers d 32:<pieces root> N:<hashes> ... e e
 *
 * The info dictionary is a directory (souk/content/directory.h), kept byte by byte,
 * so the infohash stays what it was. A file longer than `piece length` has a layer:
 * the hashes of its pieces. A chunk is a power of two of blocks as a piece is, so a
 * chunk row is the layer where both lengths are equal, and one reduces to the other
 * where the piece is longer.
 *
 *   bytes --souk_torrent_parse--> torrent --souk_torrent_index--> layers, all checked
 *
 * What of it is version 1 (a hybrid's) is kept in the info dictionary and not used.
 *
 * Memory: caller's; a torrent borrows its bytes. Threads: any, on distinct objects.
 * Spec: spec/content.md 7, BEP 52, 12, 3, 23. */
#ifndef SOUK_CONTENT_TORRENT_H
#define SOUK_CONTENT_TORRENT_H

#include "souk/content/directory.h"

#define SOUK_TORRENT_SIZE_MAX	  (64u << 20) /* bytes of the file */
#define SOUK_TORRENT_TRACKERS_MAX 32u
#define SOUK_TORRENT_PIECES_MAX	  (1u << 21) /* libtorrent's limit too */

struct souk_torrent {
	struct souk_bytes info;
	struct souk_bytes layers; /* the dictionary's bytes; empty where there is none */
	struct souk_bytes trackers[SOUK_TORRENT_TRACKERS_MAX]; /* URLs, as they stand */
	uint32_t tracker_count;
	uint32_t piece_count; /* of all files: each begins with a piece of its own */
	struct souk_directory directory;
	struct souk_hash infohash;
};

/* The pieces of a file that has more than one. */
struct souk_torrent_layer {
	struct souk_hash id;
	struct souk_bytes hashes;
};

/* souk_torrent_parse: read BYTES; the layers are checked by souk_torrent_index.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_TORRENT    no torrent, one of version 1 alone, or past a limit.
 *   SOUK_PEER_BAD_DIRECTORY  its info dictionary is not one that may be used.
 *   As souk_bencode_next     the bytes are not canonical. */
SOUK_MUST_CHECK souk_status souk_torrent_parse(struct souk_torrent *ret, struct souk_bytes bytes);

/* souk_torrent_index: find the layers, sorted by id, and check them all: each leads to its id, and
 * each file that needs one has one of its length.
 *
 *  Out: out        room for MAX layers; directory.file_count are enough
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_TORRENT  a layer is wrong or missing. Or as souk_bencode_next. */
SOUK_MUST_CHECK souk_status souk_torrent_index(const struct souk_torrent *torrent,
	struct souk_torrent_layer *out, size_t max, size_t *ret_count);
/* The layer of a file, in LAYERS; NULL where it has one piece only. */
const struct souk_torrent_layer *souk_torrent_layer_of(
	const struct souk_torrent_layer *layers, size_t count, const struct souk_hash *id);

/* Pieces of a file of SIZE bytes. */
static inline uint64_t souk_torrent_pieces(uint64_t size, uint32_t piece_length)
{
	return size / piece_length + (size % piece_length != 0);
}

/* souk_torrent_reduce: make the row of a content with chunks of CHUNK_SIZE, which stands in ROW,
 * into its layer of pieces; in place. Returns how many hashes it has; 0 where a piece is shorter
 * than a chunk, which no row can tell. */
size_t souk_torrent_reduce(
	struct souk_hash *row, size_t count, uint32_t chunk_size, uint32_t piece_length);

/* souk_torrent_encode: a torrent file of INFO and LAYERS, sorted by id, each once; TRACKER may be
 * NULL.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_TOO_SMALL  the writer is full. */
SOUK_MUST_CHECK souk_status souk_torrent_encode(struct souk_writer *writer, const char *tracker,
	struct souk_bytes info, const struct souk_torrent_layer *layers, size_t count);

/* souk_torrent_magnet: "magnet:?xt=urn:btmh:1220...&dn=...&tr=..."; TRACKER may be NULL.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_TOO_SMALL. */
SOUK_MUST_CHECK souk_status souk_torrent_magnet(struct souk_writer *writer,
	const struct souk_hash *infohash, struct souk_bytes name, const char *tracker);

/* ------------------------------------------------------------------ trackers */

struct souk_torrent_peer {
	bool is_v6;
	uint8_t address[16]; /* 4 of them where it is not v6 */
	uint16_t port;
};

struct souk_tracker_answer {
	struct souk_bytes failure; /* why not; empty otherwise. A stranger's bytes */
	uint32_t interval_s;
	size_t peer_count;
};

/* souk_tracker_query: the URL of an announcement: with port 1, since nobody listens here.
 *
 *  In: event  "started" or "stopped"
 *
 * Returns SOUK_OK, or SOUK_LOCAL_TOO_SMALL. */
SOUK_MUST_CHECK souk_status souk_tracker_query(struct souk_writer *writer, struct souk_bytes url,
	const struct souk_hash *infohash, const uint8_t peer_id[20], uint64_t left,
	const char *event);

/* souk_tracker_parse: an answer, with compact lists and with lists of dictionaries. Peers that are
 * named by a host name are left out; of more than MAX the first ones are taken.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_TRACKER  it makes no sense. Or as souk_bencode_next. Try another tracker. */
SOUK_MUST_CHECK souk_status souk_tracker_parse(struct souk_tracker_answer *ret,
	struct souk_torrent_peer *peers, size_t max, struct souk_bytes bytes);

#endif
