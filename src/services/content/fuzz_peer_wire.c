/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer's bytes, as one stream: each message that is read is written again as the same bytes, is
 * read the same wherever the stream is cut, and never waited for in vain. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/peer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct souk_peer_message *message, struct souk_bytes bytes)
{
	static uint8_t memory[SOUK_PEER_WIRE_MAX];
	struct souk_writer writer;
	if (message->kind == SOUK_PEER_OTHER)
		return;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_peer_wire_write(&writer, message);
	SOUK_CHECK(!writer.full);
	SOUK_CHECK(souk_bytes_equal_var(bytes, souk_bytes_of(memory, writer.size)));
}

/* A message is not complete before its last byte. */
static void check_cuts(struct souk_bytes bytes, uint32_t pieces)
{
	struct souk_peer_message message;
	size_t size, step = bytes.size / 16 + 1;
	for (size_t cut = 0; cut < bytes.size; cut += step)
		SOUK_CHECK(souk_peer_wire_read(&message, &size, souk_bytes_of(bytes.data, cut),
				   pieces) == SOUK_LOCAL_TOO_SMALL);
}

static void check_message(const struct souk_peer_message *message, uint32_t pieces)
{
	SOUK_CHECK(message->piece < pieces || message->piece == 0);
	SOUK_CHECK(message->length <= SOUK_BLOCK_SIZE);
	SOUK_CHECK(message->kind != SOUK_PEER_PIECE || message->data.size == message->length);
	SOUK_CHECK(message->kind != SOUK_PEER_HASHES ||
		   message->data.size >= (size_t)message->count * SOUK_HASH_SIZE);
}

/* Two bytes for how many pieces there are, a handshake, then messages. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct souk_peer_handshake handshake;
	struct souk_peer_message message;
	uint8_t again[SOUK_PEER_HANDSHAKE_SIZE];
	size_t at = 2 + SOUK_PEER_HANDSHAKE_SIZE, taken;
	if (size < at)
		return 0;
	uint32_t pieces = souk_load_be16(data) + 1u;
	if (souk_peer_handshake_read(&handshake, data + 2) != SOUK_OK)
		return 0;
	souk_peer_handshake_write(again, &handshake);
	SOUK_CHECK(memcmp(again, data + 2, 20) == 0 && memcmp(again + 28, data + 30, 40) == 0);
	for (; souk_peer_wire_read(&message, &taken, souk_bytes_of(data + at, size - at), pieces) ==
		SOUK_OK;
		at += taken) {
		SOUK_CHECK(taken >= 4 && taken <= size - at && taken <= SOUK_PEER_WIRE_MAX);
		check_message(&message, pieces);
		check_again(&message, souk_bytes_of(data + at, taken));
		check_cuts(souk_bytes_of(data + at, taken), pieces);
	}
	return 0;
}
