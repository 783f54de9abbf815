/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent_internal.h - what torrent_fetch.c (pieces) and torrent_peer.c (connections) share. */
#ifndef SOUK_CLIENT_TORRENT_INTERNAL_H
#define SOUK_CLIENT_TORRENT_INTERNAL_H

#include <poll.h>

#include "souk/content/peer_wire.h"
#include "torrent_fetch.h"

/* Blocks asked of a peer and not there yet. */
#define PIPELINE_BLOCKS 64u
#define WORKS_MAX	PIPELINE_BLOCKS
#define OUT_SIZE	8192u

struct torrent_file {
	uint64_t size;
	struct souk_hash id;
	uint32_t number;      /* in the directory */
	uint32_t first_piece; /* of the torrent */
	uint32_t pieces;
	uint32_t pieces_left;
	const uint8_t *layer; /* hashes of the pieces; NULL: one piece, whose hash is the id */
};

/* A piece, as one peer is asked for it. */
struct torrent_work {
	uint32_t piece;
	uint32_t size;	 /* bytes */
	uint32_t blocks; /* of them */
	uint32_t asked;	 /* blocks, in order */
	uint32_t got;	 /* blocks */
	bool is_proven;	 /* leaves are known to be right */
	uint64_t began_ms;
	uint8_t *has; /* a byte for each block */
	uint8_t *data;
	struct souk_hash *leaves;
};

enum torrent_peer_state {
	PEER_WAITING, /* for its turn, from wake_ms on */
	PEER_CONNECTING,
	PEER_GREETING, /* its handshake has not come */
	PEER_TALKING,
	PEER_LEFT, /* for good */
};

struct torrent_peer {
	struct torrent_run *run;
	struct souk_torrent_peer at;
	char name[64];
	enum torrent_peer_state state;
	int fd;
	bool choked, speaks_fast, has_spoken;
	unsigned failures;  /* of connections, since it completed a piece */
	unsigned fruitless; /* chokes while it owed blocks, since then */
	uint64_t wake_ms;   /* WAITING: try then; else: give up then */
	uint32_t stray;	    /* blocks that may still come, though they are not wanted any more */
	uint8_t *pieces;    /* a bit for each that it has */
	struct torrent_work *works[WORKS_MAX];
	uint32_t work_count;
	uint32_t in_flight; /* blocks */
	uint8_t *in;
	size_t in_size;
	uint8_t out[OUT_SIZE];
	size_t out_size;
};

struct torrent_run {
	const struct torrent_fetch_config *config;
	uint64_t timeout_ms, start_ms, shown_ms;
	uint64_t heard_ms; /* the last block that was asked for */
	uint8_t infohash[20], peer_id[20];
	uint32_t piece_length, piece_count;
	struct torrent_file *files; /* that are wanted */
	uint32_t file_count;
	uint8_t *done;		/* of each piece; those of files that are not wanted are done */
	uint8_t *workers;	/* peers that were asked for it */
	uint32_t first_missing; /* no piece before it is missing */
	uint64_t bytes_done, bytes;
	size_t waiting_bytes; /* of all works */
	struct torrent_peer *peers;
	size_t peer_count;
	souk_status failure; /* of the disk: ends the run */
};

uint64_t torrent_now_ms(void);
/* The file that PIECE is of; NULL where it is not wanted. */
struct torrent_file *torrent_file_of(struct torrent_run *run, uint32_t piece);
/* What the piece must hash to, and its bytes. */
void torrent_piece_facts(const struct torrent_run *run, const struct torrent_file *file,
	uint32_t piece, struct souk_hash *ret_hash, uint32_t *ret_size);
/* A piece for PEER to work at; NULL where there is none. */
struct torrent_work *torrent_work_new(struct torrent_run *run, struct torrent_peer *peer);
void torrent_work_free(struct torrent_run *run, struct torrent_work *work);
/* All blocks of WORK are there: verify, keep. SOUK_PEER_BAD_UNIT where it is wrong. */
souk_status torrent_work_finish(struct torrent_run *run, const struct torrent_work *work);
/* PIECE was finished by somebody else. */
void torrent_peer_forget(struct torrent_peer *peer, uint32_t piece);

/* As if it had connected to FD, and had sent its handshake: for tests. */
void torrent_peer_take(struct torrent_peer *peer, int fd);
/* Begin to connect. */
void torrent_peer_start(struct torrent_peer *peer);
/* What poll said. */
void torrent_peer_act(struct torrent_peer *peer, short events);
/* Ask for more, and see whether it is too late. */
void torrent_peer_tick(struct torrent_peer *peer, uint64_t now_ms);
short torrent_peer_poll_events(const struct torrent_peer *peer);
void torrent_peer_done(struct torrent_peer *peer);

#endif
