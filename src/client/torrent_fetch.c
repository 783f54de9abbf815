/* SPDX-License-Identifier: Apache-2.0
 *
 * Which piece is asked of whom, and what becomes of it. */
#include "torrent_fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "torrent_internal.h"

#define CONNECTIONS_MAX	  16u
#define WAITING_BYTES_MAX (64u << 20)
#define TIMEOUT_MS	  20000u
#define PROGRESS_MS	  200u
#define POLL_MS		  100
/* A piece that one peer has been at for so long may be asked of a second one, at the end. */
#define SLOW_MS 3000u
/* Time-outs without any block, after which nobody has what lacks. */
#define STALLED 6

uint64_t torrent_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void torrent_file_path(char *out, size_t size, const char *folder, uint32_t number)
{
	snprintf(out, size, "%s/%u", folder, (unsigned)number);
}

/* ------------------------------------------------------------------ files and pieces */

struct torrent_file *torrent_file_of(struct torrent_run *run, uint32_t piece)
{
	uint32_t low = 0, high = run->file_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct torrent_file *file = &run->files[middle];
		if (piece < file->first_piece)
			high = middle;
		else if (piece - file->first_piece >= file->pieces)
			low = middle + 1;
		else
			return file;
	}
	return NULL;
}

void torrent_piece_facts(const struct torrent_run *run, const struct torrent_file *file,
	uint32_t piece, struct souk_hash *ret_hash, uint32_t *ret_size)
{
	uint32_t index = piece - file->first_piece;
	uint64_t left = file->size - (uint64_t)index * run->piece_length;
	*ret_size = left < run->piece_length ? (uint32_t)left : run->piece_length;
	if (file->layer == NULL)
		*ret_hash = file->id;
	else
		memcpy(ret_hash->bytes, file->layer + (size_t)index * SOUK_HASH_SIZE,
			SOUK_HASH_SIZE);
}

static bool verifies(const struct torrent_run *run, const struct torrent_file *file, uint32_t piece,
	const uint8_t *data)
{
	struct souk_hash expected, root;
	uint32_t size;
	torrent_piece_facts(run, file, piece, &expected, &size);
	root = souk_bep52_chunk_root(
		souk_bytes_of(data, size), run->piece_length, file->pieces == 1);
	return souk_hash_equal(&root, &expected);
}

static void set_done(struct torrent_run *run, struct torrent_file *file, uint32_t piece)
{
	struct souk_hash hash;
	uint32_t size;
	torrent_piece_facts(run, file, piece, &hash, &size);
	run->done[piece] = 1;
	run->bytes_done += size;
	file->pieces_left--;
}

/* ------------------------------------------------------------------ what is on the disk */

static int open_file(const struct torrent_run *run, const struct torrent_file *file)
{
	char path[600];
	torrent_file_path(path, sizeof path, run->config->folder, file->number);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* The pieces that an earlier run left. */
static souk_status look_at(struct torrent_run *run, struct torrent_file *file, uint8_t *data)
{
	struct stat status;
	int fd = open_file(run, file);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	uint64_t there = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
	for (uint32_t i = 0; i < file->pieces && there > 0; i++) {
		struct souk_hash hash;
		uint32_t size, piece = file->first_piece + i;
		uint64_t offset = (uint64_t)i * run->piece_length;
		torrent_piece_facts(run, file, piece, &hash, &size);
		if (offset + size > there || souk_file_read_at(fd, data, size, offset) != SOUK_OK)
			break;
		if (verifies(run, file, piece, data))
			set_done(run, file, piece);
	}
	close(fd);
	return SOUK_OK;
}

static souk_status look_at_all(struct torrent_run *run)
{
	uint8_t *data = malloc(run->piece_length);
	souk_status status = data == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	for (uint32_t i = 0; status == SOUK_OK && i < run->file_count; i++)
		status = look_at(run, &run->files[i], data);
	free(data);
	return status;
}

static souk_status keep(const struct torrent_run *run, const struct torrent_file *file,
	const struct torrent_work *work)
{
	uint64_t offset = (uint64_t)(work->piece - file->first_piece) * run->piece_length;
	int fd = open_file(run, file);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	souk_status status = souk_file_write_at(fd, work->data, work->size, offset);
	if (close(fd) < 0 && status == SOUK_OK)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	return status;
}

souk_status torrent_work_finish(struct torrent_run *run, const struct torrent_work *work)
{
	struct torrent_file *file = torrent_file_of(run, work->piece);
	if (!work->is_proven && !verifies(run, file, work->piece, work->data))
		return SOUK_PEER_BAD_UNIT;
	SOUK_TRY(keep(run, file, work));
	set_done(run, file, work->piece);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ who does what */

static bool has_piece(const struct torrent_peer *peer, uint32_t piece)
{
	return (peer->pieces[piece / 8] & (0x80 >> piece % 8)) != 0;
}

static bool works_at(const struct torrent_peer *peer, uint32_t piece)
{
	for (uint32_t i = 0; i < peer->work_count; i++) {
		if (peer->works[i]->piece == piece)
			return true;
	}
	return false;
}

/* Whether the one peer that is at PIECE has been so for long. */
static bool is_slow(const struct torrent_run *run, uint32_t piece)
{
	uint64_t now = torrent_now_ms();
	for (size_t i = 0; i < run->peer_count; i++) {
		const struct torrent_peer *peer = &run->peers[i];
		for (uint32_t j = 0; j < peer->work_count; j++) {
			if (peer->works[j]->piece == piece)
				return now - peer->works[j]->began_ms >= SLOW_MS;
		}
	}
	return false;
}

/* The first piece that PEER has and nobody is at; then one that somebody slow is at. */
static bool choose_piece(struct torrent_run *run, const struct torrent_peer *peer, uint32_t *ret)
{
	while (run->first_missing < run->piece_count && run->done[run->first_missing])
		run->first_missing++;
	for (uint8_t others = 0; others <= 1; others++) {
		for (uint32_t piece = run->first_missing; piece < run->piece_count; piece++) {
			if (run->done[piece] || run->workers[piece] != others ||
				!has_piece(peer, piece) || works_at(peer, piece))
				continue;
			if (others == 1 && !is_slow(run, piece))
				continue;
			*ret = piece;
			return true;
		}
	}
	return false;
}

void torrent_work_free(struct torrent_run *run, struct torrent_work *work)
{
	if (work == NULL)
		return;
	if (work->data != NULL) {
		run->waiting_bytes -= work->size;
		run->workers[work->piece]--;
	}
	free(work->has);
	free(work->data);
	free(work->leaves);
	free(work);
}

struct torrent_work *torrent_work_new(struct torrent_run *run, struct torrent_peer *peer)
{
	struct torrent_work *work;
	struct souk_hash hash;
	uint32_t piece;
	/* What waits for verification is bounded; one piece may always be fetched. */
	if ((run->waiting_bytes + run->piece_length > WAITING_BYTES_MAX &&
		    run->waiting_bytes > 0) ||
		!choose_piece(run, peer, &piece) || (work = calloc(1, sizeof *work)) == NULL)
		return NULL;
	work->piece = piece;
	torrent_piece_facts(run, torrent_file_of(run, piece), piece, &hash, &work->size);
	work->blocks = work->size / SOUK_BLOCK_SIZE + (work->size % SOUK_BLOCK_SIZE != 0);
	work->began_ms = torrent_now_ms();
	work->has = calloc(work->blocks, 1);
	work->leaves = calloc(work->blocks, sizeof *work->leaves);
	work->data = work->has != NULL && work->leaves != NULL ? malloc(work->size) : NULL;
	if (work->data == NULL) {
		torrent_work_free(run, work);
		return NULL;
	}
	run->waiting_bytes += work->size;
	run->workers[piece]++;
	return work;
}

/* ------------------------------------------------------------------ the run */

static souk_status add_files(struct torrent_run *run)
{
	const struct torrent_fetch_config *config = run->config;
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	uint32_t number = 0, piece = 0;
	souk_directory_begin(&it, &config->torrent->directory);
	for (; souk_directory_next(&it, &entry); number++) {
		uint32_t pieces = (uint32_t)souk_torrent_pieces(entry.size, run->piece_length);
		const struct souk_torrent_layer *layer =
			pieces > 1 ? souk_torrent_layer_of(
					     config->layers, config->layer_count, &entry.id)
				   : NULL;
		if (config->wanted[number] && pieces > 0) {
			run->files[run->file_count++] = (struct torrent_file){.size = entry.size,
				.id = entry.id,
				.number = number,
				.first_piece = piece,
				.pieces = pieces,
				.pieces_left = pieces,
				.layer = layer != NULL ? layer->hashes.data : NULL};
			memset(run->done + piece, 0, pieces);
			run->bytes += entry.size;
		}
		piece += pieces;
	}
	SOUK_CHECK(piece == run->piece_count);
	return SOUK_OK;
}

static void add_peers(struct torrent_run *run)
{
	for (size_t i = 0; i < run->config->peer_count; i++) {
		struct torrent_peer *peer = &run->peers[run->peer_count++];
		char address[INET6_ADDRSTRLEN] = "";
		peer->run = run;
		peer->at = run->config->peers[i];
		peer->fd = -1;
		peer->state = PEER_WAITING;
		inet_ntop(peer->at.is_v6 ? AF_INET6 : AF_INET, peer->at.address, address,
			sizeof address);
		snprintf(peer->name, sizeof peer->name, peer->at.is_v6 ? "[%s]:%u" : "%s:%u",
			address, (unsigned)peer->at.port);
	}
}

static souk_status make_run(struct torrent_run *run, const struct torrent_fetch_config *config)
{
	const struct souk_torrent *torrent = config->torrent;
	*run = (struct torrent_run){.config = config,
		.timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : TIMEOUT_MS,
		.start_ms = torrent_now_ms(),
		.piece_length = torrent->directory.piece_length,
		.piece_count = torrent->piece_count};
	memcpy(run->infohash, torrent->infohash.bytes, sizeof run->infohash);
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), run->peer_id, sizeof run->peer_id));
	memcpy(run->peer_id, "-SK0100-", 8); /* the usual form: a client, its version */
	run->files = calloc(torrent->directory.file_count, sizeof *run->files);
	run->done = malloc(run->piece_count + 1u);
	run->workers = calloc(run->piece_count + 1u, 1);
	run->peers = calloc(config->peer_count + 1, sizeof *run->peers);
	if (run->files == NULL || run->done == NULL || run->workers == NULL || run->peers == NULL)
		return SOUK_IO_MEMORY;
	memset(run->done, 1, run->piece_count + 1u);
	SOUK_TRY(add_files(run));
	add_peers(run);
	SOUK_TRY(look_at_all(run));
	run->heard_ms = torrent_now_ms();
	return SOUK_OK;
}

static void free_run(struct torrent_run *run)
{
	for (size_t i = 0; i < run->peer_count; i++)
		torrent_peer_done(&run->peers[i]);
	free(run->files);
	free(run->done);
	free(run->workers);
	free(run->peers);
}

static uint32_t count_connections(const struct torrent_run *run)
{
	uint32_t count = 0;
	for (size_t i = 0; i < run->peer_count; i++)
		count += run->peers[i].fd >= 0;
	return count;
}

/* Connect to those whose turn it is. False where nobody is left. */
static bool start_peers(struct torrent_run *run, uint64_t now_ms)
{
	uint32_t connections = count_connections(run);
	bool is_anybody_left = connections > 0;
	for (size_t i = 0; i < run->peer_count; i++) {
		struct torrent_peer *peer = &run->peers[i];
		if (peer->state != PEER_WAITING)
			continue;
		is_anybody_left = true;
		if (connections < CONNECTIONS_MAX && now_ms >= peer->wake_ms) {
			torrent_peer_start(peer);
			connections += peer->fd >= 0;
		}
	}
	return is_anybody_left;
}

static void wait_for_peers(struct torrent_run *run)
{
	struct pollfd fds[CONNECTIONS_MAX];
	struct torrent_peer *peers[CONNECTIONS_MAX];
	nfds_t count = 0;
	for (size_t i = 0; i < run->peer_count && count < CONNECTIONS_MAX; i++) {
		if (run->peers[i].fd < 0)
			continue;
		peers[count] = &run->peers[i];
		fds[count++] = (struct pollfd){
			.fd = run->peers[i].fd, .events = torrent_peer_poll_events(&run->peers[i])};
	}
	if (poll(fds, count, POLL_MS) <= 0)
		return;
	for (nfds_t i = 0; i < count; i++) {
		if (fds[i].revents != 0)
			torrent_peer_act(peers[i], fds[i].revents);
	}
}

static bool show(struct torrent_run *run, uint64_t now_ms)
{
	const struct torrent_events *events = &run->config->events;
	struct torrent_figures figures = {.bytes_done = run->bytes_done,
		.bytes = run->bytes,
		.connections = count_connections(run),
		.elapsed_ms = now_ms - run->start_ms};
	if (events->progress == NULL || now_ms - run->shown_ms < PROGRESS_MS)
		return true;
	run->shown_ms = now_ms;
	return events->progress(events->ctx, &figures);
}

static souk_status run_loop(struct torrent_run *run, char detail[TORRENT_DETAIL_SIZE])
{
	while (run->bytes_done < run->bytes) {
		uint64_t now_ms = torrent_now_ms();
		if (!show(run, now_ms))
			return SOUK_LOCAL_STOPPED;
		bool is_stalled = now_ms - run->heard_ms > STALLED * run->timeout_ms;
		if (!start_peers(run, now_ms) || is_stalled) {
			snprintf(detail, TORRENT_DETAIL_SIZE,
				"%llu of %llu bytes are here, and are kept",
				(unsigned long long)run->bytes_done,
				(unsigned long long)run->bytes);
			return SOUK_LOCAL_NO_PROVIDER_LEFT;
		}
		for (size_t i = 0; i < run->peer_count; i++)
			torrent_peer_tick(&run->peers[i], now_ms);
		wait_for_peers(run);
		SOUK_TRY(run->failure);
	}
	return SOUK_OK;
}

static souk_status sync_files(const struct torrent_run *run)
{
	for (uint32_t i = 0; i < run->file_count; i++) {
		int fd = open_file(run, &run->files[i]);
		if (fd < 0)
			return souk_file_status(errno, SOUK_IO_WRITE);
		int failed = fsync(fd);
		close(fd);
		if (failed)
			return SOUK_IO_WRITE;
	}
	return SOUK_OK;
}

souk_status torrent_fetch_run(
	const struct torrent_fetch_config *config, char detail[TORRENT_DETAIL_SIZE])
{
	struct torrent_run run;
	detail[0] = '\0';
	souk_status status = make_run(&run, config);
	if (status == SOUK_OK)
		status = run_loop(&run, detail);
	if (status == SOUK_OK)
		status = sync_files(&run);
	free_run(&run);
	return status;
}
