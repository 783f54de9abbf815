/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/peer_wire.h - what BitTorrent peers say to each other, as bytes.
 *
 *   handshake (68 bytes)   19 "BitTorrent protocol" | 8 reserved | 20 infohash | 20 peer id
 *   message                u32 length | u8 kind | payload;  length 0: a keep-alive
 *
 * Strict: each kind has its length, and a length that no message of this torrent
 * can have is refused before a byte of it is waited for. Kinds that are not known
 * here are read over, up to that length, as the protocol wants it.
 *
 * Memory: caller's; a message borrows the bytes. Threads: any. Spec: BEP 3, 6, 52. */
#ifndef SOUK_CONTENT_PEER_WIRE_H
#define SOUK_CONTENT_PEER_WIRE_H

#include "souk/base/bytes.h"
#include "souk/crypto/merkle.h"

#define SOUK_PEER_HANDSHAKE_SIZE 68u
/* The longest message: the bitfield of a torrent with as many pieces as one may have. */
#define SOUK_PEER_WIRE_MAX	((1u << 18) + 64)
#define SOUK_PEER_REQUEST_SIZE	17u /* of a request, cancel, as written here */
#define SOUK_PEER_HASH_ASK_SIZE 53u

struct souk_peer_handshake {
	uint8_t infohash[20];
	uint8_t peer_id[20];
	bool speaks_fast; /* BEP 6: rejects, "all" and "none" */
};

enum souk_peer_kind {
	SOUK_PEER_CHOKE = 0,
	SOUK_PEER_UNCHOKE = 1,
	SOUK_PEER_INTERESTED = 2,
	SOUK_PEER_NOT_INTERESTED = 3,
	SOUK_PEER_HAVE = 4,
	SOUK_PEER_BITFIELD = 5,
	SOUK_PEER_REQUEST = 6,
	SOUK_PEER_PIECE = 7,
	SOUK_PEER_CANCEL = 8,
	SOUK_PEER_HAVE_ALL = 14,
	SOUK_PEER_HAVE_NONE = 15,
	SOUK_PEER_REJECT = 16,
	SOUK_PEER_HASH_REQUEST = 21,
	SOUK_PEER_HASHES = 22,
	SOUK_PEER_HASH_REJECT = 23,
	SOUK_PEER_KEEP_ALIVE = 256,
	SOUK_PEER_OTHER = 257, /* a kind that means nothing here */
};

struct souk_peer_message {
	enum souk_peer_kind kind;
	uint32_t piece;	 /* have, request, piece, cancel, reject */
	uint32_t begin;	 /* request, piece, cancel, reject: bytes */
	uint32_t length; /* likewise; of a piece, the data's */
	/* A bitfield, a piece's data, or hashes. */
	struct souk_bytes data;
	/* Of hash requests, hashes and hash rejects. */
	struct souk_hash root;
	uint32_t base, index, count, proofs;
};

/* The 8 reserved bytes say: BEP 6, and version 2. */
void souk_peer_handshake_write(
	uint8_t out[SOUK_PEER_HANDSHAKE_SIZE], const struct souk_peer_handshake *handshake);
/* souk_peer_handshake_read: the first SOUK_PEER_HANDSHAKE_SIZE bytes of a connection.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_SWARM: no such protocol; close the connection. */
SOUK_MUST_CHECK souk_status souk_peer_handshake_read(
	struct souk_peer_handshake *ret, const uint8_t bytes[SOUK_PEER_HANDSHAKE_SIZE]);

/* souk_peer_wire_read: the message that BYTES begin with, in a torrent of PIECES pieces.
 *
 *  Out: ret_size  what it takes of BYTES
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_TOO_SMALL  it is not all there yet: read more. What is there is good so far.
 *   SOUK_PEER_OVERSIZED   longer than any message of this torrent.
 *   SOUK_PEER_BAD_SWARM   a wrong length for its kind, a piece that does not exist, a block over
 *                         16 KiB, spare bits, or hashes that are not as many as they say.
 * After the last two the connection is of no use any more: close it. */
SOUK_MUST_CHECK souk_status souk_peer_wire_read(
	struct souk_peer_message *ret, size_t *ret_size, struct souk_bytes bytes, uint32_t pieces);

/* Append a message; of those with data a piece, a bitfield and hashes are written as well. */
void souk_peer_wire_write(struct souk_writer *writer, const struct souk_peer_message *message);

#endif
