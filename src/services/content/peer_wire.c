/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/peer_wire.h"

#include <string.h>

#include "souk/base/check.h"

static const uint8_t protocol[] = "\x13"
				  "BitTorrent protocol";
#define PROTOCOL_SIZE  20
#define RESERVED_FAST  0x04 /* of the last reserved byte */
#define RESERVED_V2    0x10
#define HASH_ASK_SIZE  48 /* root, base, index, count, proofs */
#define HASHES_MAX     4096
#define HASH_PROOF_MAX 64

void souk_peer_handshake_write(
	uint8_t out[SOUK_PEER_HANDSHAKE_SIZE], const struct souk_peer_handshake *handshake)
{
	memset(out, 0, SOUK_PEER_HANDSHAKE_SIZE);
	memcpy(out, protocol, PROTOCOL_SIZE);
	out[27] = RESERVED_V2 | (handshake->speaks_fast ? RESERVED_FAST : 0);
	memcpy(out + 28, handshake->infohash, sizeof handshake->infohash);
	memcpy(out + 48, handshake->peer_id, sizeof handshake->peer_id);
}

souk_status souk_peer_handshake_read(
	struct souk_peer_handshake *ret, const uint8_t bytes[SOUK_PEER_HANDSHAKE_SIZE])
{
	if (memcmp(bytes, protocol, PROTOCOL_SIZE) != 0)
		return SOUK_PEER_BAD_SWARM;
	ret->speaks_fast = (bytes[27] & RESERVED_FAST) != 0;
	memcpy(ret->infohash, bytes + 28, sizeof ret->infohash);
	memcpy(ret->peer_id, bytes + 48, sizeof ret->peer_id);
	return SOUK_OK;
}

/* The longest message that a peer of a torrent with PIECES pieces has reason to send. */
static uint32_t length_max(uint32_t pieces)
{
	uint32_t bitfield = 1 + pieces / 8 + (pieces % 8 != 0);
	uint32_t hashes = 1 + HASH_ASK_SIZE + (HASHES_MAX + HASH_PROOF_MAX) * SOUK_HASH_SIZE;
	return bitfield > hashes ? bitfield : hashes;
}

static souk_status read_bitfield(
	struct souk_peer_message *ret, struct souk_bytes payload, uint32_t pieces)
{
	if (payload.size != pieces / 8 + (pieces % 8 != 0))
		return SOUK_PEER_BAD_SWARM;
	if (pieces % 8 != 0 && (payload.data[payload.size - 1] & (0xff >> pieces % 8)) != 0)
		return SOUK_PEER_BAD_SWARM;
	ret->data = payload;
	return SOUK_OK;
}

static souk_status read_block(
	struct souk_peer_message *ret, struct souk_bytes payload, uint32_t pieces)
{
	if (payload.size != 12)
		return SOUK_PEER_BAD_SWARM;
	ret->piece = souk_load_be32(payload.data);
	ret->begin = souk_load_be32(payload.data + 4);
	ret->length = souk_load_be32(payload.data + 8);
	return ret->piece < pieces && ret->length > 0 && ret->length <= SOUK_BLOCK_SIZE
		       ? SOUK_OK
		       : SOUK_PEER_BAD_SWARM;
}

static souk_status read_piece(
	struct souk_peer_message *ret, struct souk_bytes payload, uint32_t pieces)
{
	if (payload.size <= 8 || payload.size - 8 > SOUK_BLOCK_SIZE)
		return SOUK_PEER_BAD_SWARM;
	ret->piece = souk_load_be32(payload.data);
	ret->begin = souk_load_be32(payload.data + 4);
	ret->data = souk_bytes_of(payload.data + 8, payload.size - 8);
	ret->length = (uint32_t)ret->data.size;
	return ret->piece < pieces ? SOUK_OK : SOUK_PEER_BAD_SWARM;
}

static souk_status read_hashes(struct souk_peer_message *ret, struct souk_bytes payload)
{
	if (payload.size < HASH_ASK_SIZE)
		return SOUK_PEER_BAD_SWARM;
	memcpy(ret->root.bytes, payload.data, SOUK_HASH_SIZE);
	ret->base = souk_load_be32(payload.data + 32);
	ret->index = souk_load_be32(payload.data + 36);
	ret->count = souk_load_be32(payload.data + 40);
	ret->proofs = souk_load_be32(payload.data + 44);
	ret->data = souk_bytes_of(payload.data + HASH_ASK_SIZE, payload.size - HASH_ASK_SIZE);
	if (ret->count > HASHES_MAX || ret->proofs > HASH_PROOF_MAX)
		return SOUK_PEER_BAD_SWARM;
	size_t hashes = ret->data.size / SOUK_HASH_SIZE;
	bool is_whole = ret->data.size % SOUK_HASH_SIZE == 0 && hashes >= ret->count &&
			hashes <= ret->count + ret->proofs;
	return (ret->kind == SOUK_PEER_HASHES ? is_whole : ret->data.size == 0)
		       ? SOUK_OK
		       : SOUK_PEER_BAD_SWARM;
}

static souk_status read_payload(
	struct souk_peer_message *ret, struct souk_bytes payload, uint32_t pieces)
{
	switch ((unsigned)ret->kind) {
	case SOUK_PEER_CHOKE:
	case SOUK_PEER_UNCHOKE:
	case SOUK_PEER_INTERESTED:
	case SOUK_PEER_NOT_INTERESTED:
	case SOUK_PEER_HAVE_ALL:
	case SOUK_PEER_HAVE_NONE: return payload.size == 0 ? SOUK_OK : SOUK_PEER_BAD_SWARM;
	case SOUK_PEER_HAVE:
		if (payload.size != 4)
			return SOUK_PEER_BAD_SWARM;
		ret->piece = souk_load_be32(payload.data);
		return ret->piece < pieces ? SOUK_OK : SOUK_PEER_BAD_SWARM;
	case SOUK_PEER_BITFIELD: return read_bitfield(ret, payload, pieces);
	case SOUK_PEER_REQUEST:
	case SOUK_PEER_CANCEL:
	case SOUK_PEER_REJECT: return read_block(ret, payload, pieces);
	case SOUK_PEER_PIECE: return read_piece(ret, payload, pieces);
	case SOUK_PEER_HASH_REQUEST:
	case SOUK_PEER_HASHES:
	case SOUK_PEER_HASH_REJECT: return read_hashes(ret, payload);
	default: ret->kind = SOUK_PEER_OTHER; return SOUK_OK;
	}
}

souk_status souk_peer_wire_read(
	struct souk_peer_message *ret, size_t *ret_size, struct souk_bytes bytes, uint32_t pieces)
{
	struct souk_peer_message message = {.kind = SOUK_PEER_KEEP_ALIVE};
	if (bytes.size < 4)
		return SOUK_LOCAL_TOO_SMALL;
	uint32_t length = souk_load_be32(bytes.data);
	if (length > length_max(pieces) || length > SOUK_PEER_WIRE_MAX - 4)
		return SOUK_PEER_OVERSIZED;
	if (bytes.size - 4 < length)
		return SOUK_LOCAL_TOO_SMALL;
	if (length > 0) {
		message.kind = (enum souk_peer_kind)bytes.data[4];
		SOUK_TRY(read_payload(&message, souk_bytes_of(bytes.data + 5, length - 1), pieces));
	}
	*ret = message;
	*ret_size = 4 + (size_t)length;
	return SOUK_OK;
}

static void write_head(struct souk_writer *writer, enum souk_peer_kind kind, size_t payload)
{
	souk_writer_u32(writer, (uint32_t)(1 + payload));
	souk_writer_u8(writer, (uint8_t)kind);
}

static void write_hashes(struct souk_writer *writer, const struct souk_peer_message *message)
{
	write_head(writer, message->kind, HASH_ASK_SIZE + message->data.size);
	souk_writer_append(writer, message->root.bytes, SOUK_HASH_SIZE);
	souk_writer_u32(writer, message->base);
	souk_writer_u32(writer, message->index);
	souk_writer_u32(writer, message->count);
	souk_writer_u32(writer, message->proofs);
	souk_writer_append(writer, message->data.data, message->data.size);
}

void souk_peer_wire_write(struct souk_writer *writer, const struct souk_peer_message *message)
{
	switch (message->kind) {
	case SOUK_PEER_KEEP_ALIVE:
	case SOUK_PEER_OTHER: souk_writer_u32(writer, 0); break;
	case SOUK_PEER_HAVE:
		write_head(writer, message->kind, 4);
		souk_writer_u32(writer, message->piece);
		break;
	case SOUK_PEER_REQUEST:
	case SOUK_PEER_CANCEL:
	case SOUK_PEER_REJECT:
		write_head(writer, message->kind, 12);
		souk_writer_u32(writer, message->piece);
		souk_writer_u32(writer, message->begin);
		souk_writer_u32(writer, message->length);
		break;
	case SOUK_PEER_PIECE:
		write_head(writer, message->kind, 8 + message->data.size);
		souk_writer_u32(writer, message->piece);
		souk_writer_u32(writer, message->begin);
		souk_writer_append(writer, message->data.data, message->data.size);
		break;
	case SOUK_PEER_HASH_REQUEST:
	case SOUK_PEER_HASHES:
	case SOUK_PEER_HASH_REJECT: write_hashes(writer, message); break;
	case SOUK_PEER_BITFIELD:
		write_head(writer, message->kind, message->data.size);
		souk_writer_append(writer, message->data.data, message->data.size);
		break;
	case SOUK_PEER_CHOKE:
	case SOUK_PEER_UNCHOKE:
	case SOUK_PEER_INTERESTED:
	case SOUK_PEER_NOT_INTERESTED:
	case SOUK_PEER_HAVE_ALL:
	case SOUK_PEER_HAVE_NONE: write_head(writer, message->kind, 0); break;
	}
}
