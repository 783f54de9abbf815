/* SPDX-License-Identifier: Apache-2.0
 *
 * Torrent files and trackers' answers: the first byte says which. A torrent that is read and whose
 * layers are checked is written again, and read again, as the same one. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/torrent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LAYERS_MAX 64

static void check_again(
	const struct souk_torrent *torrent, const struct souk_torrent_layer *layers, size_t count)
{
	static uint8_t memory[1 << 17];
	struct souk_torrent_layer again_layers[LAYERS_MAX];
	struct souk_torrent again;
	struct souk_writer writer;
	size_t again_count;
	souk_writer_init(&writer, memory, sizeof memory);
	SOUK_CHECK(
		souk_torrent_encode(&writer, "http://t/", torrent->info, layers, count) == SOUK_OK);
	SOUK_CHECK(souk_torrent_parse(&again, souk_bytes_of(memory, writer.size)) == SOUK_OK);
	SOUK_CHECK(souk_hash_equal(&again.infohash, &torrent->infohash));
	SOUK_CHECK(again.piece_count == torrent->piece_count && again.tracker_count == 1);
	SOUK_CHECK(souk_torrent_index(&again, again_layers, LAYERS_MAX, &again_count) == SOUK_OK);
	SOUK_CHECK(again_count == count);
}

static void try_torrent(struct souk_bytes bytes)
{
	struct souk_torrent_layer layers[LAYERS_MAX];
	struct souk_torrent torrent;
	size_t count;
	if (souk_torrent_parse(&torrent, bytes) != SOUK_OK)
		return;
	SOUK_CHECK(torrent.tracker_count <= SOUK_TORRENT_TRACKERS_MAX);
	if (souk_torrent_index(&torrent, layers, LAYERS_MAX, &count) != SOUK_OK)
		return;
	for (size_t i = 0; i < count; i++)
		SOUK_CHECK(souk_torrent_layer_of(layers, count, &layers[i].id) == &layers[i]);
	check_again(&torrent, layers, count);
}

static void try_tracker(struct souk_bytes bytes)
{
	struct souk_torrent_peer peers[16];
	struct souk_tracker_answer answer;
	if (souk_tracker_parse(&answer, peers, SOUK_COUNT_OF(peers), bytes) != SOUK_OK)
		return;
	SOUK_CHECK(answer.peer_count <= SOUK_COUNT_OF(peers) && answer.interval_s <= 86400);
	for (size_t i = 0; i < answer.peer_count; i++)
		SOUK_CHECK(peers[i].port != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 1 << 16)
		return 0;
	struct souk_bytes bytes = souk_bytes_of(data + 1, size - 1);
	if (data[0] == 't')
		try_torrent(bytes);
	else
		try_tracker(bytes);
	return 0;
}
