/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection to a peer of a swarm, over a socket pair: whatever the peer sends, what is asked of
 * it and waits for verification adds up, and a piece that counts as done has the torrent's bytes.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "torrent_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE	    32768u
#define FIRST_SIZE  5u
#define SECOND_SIZE (PIECE + 16384u + 7u) /* two pieces, of two blocks each */

static char folder[] = "/tmp/souk-fuzz-XXXXXX";
static uint8_t second[SECOND_SIZE];
static struct souk_hash layer[2];
static struct torrent_file files[2];
static const uint8_t first[FIRST_SIZE] = "hello";

static void remove_folder(void)
{
	char path[64];
	for (uint32_t i = 0; i < 2; i++) {
		torrent_file_path(path, sizeof path, folder, i);
		unlink(path);
	}
	rmdir(folder);
}

/* Two files of known bytes; what a corpus has must match them. */
static void make_files(void)
{
	struct souk_hash scratch[2];
	if (files[0].size != 0)
		return;
	for (size_t i = 0; i < SECOND_SIZE; i++)
		second[i] = (uint8_t)(i / 1024);
	files[0] = (struct torrent_file){.size = FIRST_SIZE,
		.id = souk_bep52_chunk_root(souk_bytes_of(first, FIRST_SIZE), PIECE, true),
		.pieces = 1};
	layer[0] = souk_bep52_chunk_root(souk_bytes_of(second, PIECE), PIECE, false);
	layer[1] = souk_bep52_chunk_root(
		souk_bytes_of(second + PIECE, SECOND_SIZE - PIECE), PIECE, false);
	memcpy(scratch, layer, sizeof scratch);
	files[1] = (struct torrent_file){.size = SECOND_SIZE,
		.id = souk_bep52_root(scratch, 2, PIECE),
		.number = 1,
		.first_piece = 1,
		.pieces = 2,
		.layer = (const uint8_t *)layer};
	SOUK_CHECK(mkdtemp(folder) != NULL);
	atexit(remove_folder);
}

static void check_run(const struct torrent_run *run)
{
	const struct torrent_peer *peer = run->peers;
	uint8_t workers[3] = {0};
	size_t waiting = 0;
	uint32_t owed = 0;
	for (uint32_t i = 0; i < peer->work_count; i++) {
		const struct torrent_work *work = peer->works[i];
		SOUK_CHECK(work->got <= work->asked && work->asked <= work->blocks);
		SOUK_CHECK(!run->done[work->piece]);
		workers[work->piece]++;
		waiting += work->size;
		owed += work->asked - work->got;
	}
	SOUK_CHECK(owed == peer->in_flight && waiting == run->waiting_bytes);
	SOUK_CHECK(memcmp(workers, run->workers, sizeof workers) == 0);
	SOUK_CHECK(
		(peer->fd >= 0) == (peer->state == PEER_GREETING || peer->state == PEER_TALKING));
}

/* The bytes on the disk of a piece that is done. */
static void check_piece(const struct torrent_run *run, uint32_t piece)
{
	uint8_t data[PIECE];
	char path[64];
	const uint8_t *expected = piece == 0 ? first : second + (piece - 1) * PIECE;
	size_t size = piece == 0 ? FIRST_SIZE : piece == 1 ? PIECE : SECOND_SIZE - PIECE;
	if (!run->done[piece])
		return;
	torrent_file_path(path, sizeof path, folder, piece > 0);
	int fd = open(path, O_RDONLY);
	SOUK_CHECK(fd >= 0);
	SOUK_CHECK(pread(fd, data, size, piece == 2 ? PIECE : 0) == (ssize_t)size);
	close(fd);
	SOUK_CHECK(memcmp(data, expected, size) == 0);
}

static void talk(struct torrent_run *run, int other, const uint8_t *data, size_t size, size_t step)
{
	struct torrent_peer *peer = run->peers;
	uint8_t said[4096];
	for (size_t at = 0; at < size && peer->fd >= 0; at += step) {
		size_t n = size - at < step ? size - at : step;
		if (send(other, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
			break;
		torrent_peer_act(peer, POLLIN);
		check_run(run);
		torrent_peer_tick(peer, 0);
		check_run(run);
		while (recv(other, said, sizeof said, MSG_DONTWAIT) > 0)
			;
	}
}

/* The first byte says how many bytes come at once, times 64; then what the peer sends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct torrent_fetch_config config = {.folder = folder};
	struct torrent_file mine[2];
	struct torrent_peer peer = {.state = PEER_GREETING, .choked = true, .fd = -1};
	uint8_t done[3] = {0}, workers[3] = {0};
	int pair[2];
	if (size < 1 || size > 1 << 17)
		return 0;
	make_files();
	memcpy(mine, files, sizeof mine);
	mine[0].pieces_left = 1;
	mine[1].pieces_left = 2;
	struct torrent_run run = {.config = &config,
		.timeout_ms = 1000,
		.piece_length = PIECE,
		.piece_count = 3,
		.files = mine,
		.file_count = 2,
		.done = done,
		.workers = workers,
		.bytes = FIRST_SIZE + SECOND_SIZE,
		.peers = &peer,
		.peer_count = 1};
	memset(run.infohash, 'i', sizeof run.infohash);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 0;
	peer.run = &run;
	torrent_peer_take(&peer, pair[0]);
	talk(&run, pair[1], data + 1, size - 1, 64 * (data[0] + 1u));
	for (uint32_t piece = 0; piece < 3; piece++)
		check_piece(&run, piece);
	torrent_peer_done(&peer);
	SOUK_CHECK(run.waiting_bytes == 0);
	close(pair[1]);
	return 0;
}
