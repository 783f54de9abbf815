/* SPDX-License-Identifier: Apache-2.0
 *
 * torrent_fetch.h - the files of a torrent, fetched from its swarm's seeds, verified.
 *
 *   torrent --> pieces --assigned whole--> peers --blocks--> verified --> FOLDER/<file's number>
 *                 ^                          |
 *                 '---- a peer that left ----'
 *
 * It only takes: nothing is uploaded, and no connection is accepted. A piece is asked of
 * one peer, so that whoever sends wrong bytes is known; once no other piece is left, a
 * second peer may be asked for what a slow one still owes.
 *
 * Nothing unverified is written, so that the files are the progress: a run that was
 * killed goes on with those of their pieces that verify.
 *
 * Bounds: connections, bytes waiting for verification, a peer's message, its silence.
 * Memory: heap. Threads: one. */
#ifndef SOUK_CLIENT_TORRENT_FETCH_H
#define SOUK_CLIENT_TORRENT_FETCH_H

#include "souk/content/torrent.h"

#define TORRENT_PEERS_MAX   256u
#define TORRENT_DETAIL_SIZE 512

struct torrent_figures {
	uint64_t bytes_done, bytes; /* of the files that are wanted */
	uint32_t connections;
	uint64_t elapsed_ms;
};

struct torrent_events {
	void *ctx;
	/* One line: a peer was left, and why. May be NULL. */
	void (*note)(void *ctx, const char *text);
	/* A few times a second; false stops. May be NULL. */
	bool (*progress)(void *ctx, const struct torrent_figures *figures);
};

struct torrent_fetch_config {
	const struct souk_torrent *torrent;
	const struct souk_torrent_layer *layers;
	size_t layer_count;
	const bool *wanted; /* for each file of the directory, in order */
	const char *folder; /* exists */
	const struct souk_torrent_peer *peers;
	size_t peer_count;
	uint64_t timeout_ms; /* without a block that was asked for; 0: 20 s */
	struct torrent_events events;
};

/* torrent_fetch_run: until all wanted files are complete and on the disk.
 *
 * Returns SOUK_OK; or, with a sentence in DETAIL,
 *   SOUK_LOCAL_NO_PROVIDER_LEFT  no peer is left to ask: run again later, or with others.
 *   SOUK_LOCAL_STOPPED           events.progress said so.
 *   SOUK_IO_*                    the files cannot be written, or memory runs out.
 * What is verified stays in FOLDER. */
SOUK_MUST_CHECK souk_status torrent_fetch_run(
	const struct torrent_fetch_config *config, char detail[TORRENT_DETAIL_SIZE]);

/* FOLDER/<number of the file in the directory>; OUT has SIZE characters. */
void torrent_file_path(char *out, size_t size, const char *folder, uint32_t number);

/* torrent_ask_trackers: announce to the torrent's trackers over HTTP, one after the other, until
 * one names peers; and take the announcement back at once, since nothing will be served. Whoever
 * made the torrent chose them: without IS_LOCAL_ALLOWED neither a tracker nor a peer that one names
 * may be in the local network (souk/io/network.h).
 *
 * Returns how many peers are in PEERS now; it had COUNT of MAX. */
size_t torrent_ask_trackers(const struct souk_torrent *torrent, struct souk_torrent_peer *peers,
	size_t count, size_t max, bool is_local_allowed, const struct torrent_events *events);

/* torrent_resolve: the peers that TEXT names, "HOST:PORT" or "[V6]:PORT"; at most MAX.
 *
 * Returns SOUK_OK, SOUK_LOCAL_USAGE (no such form), or SOUK_IO_NET (no such host). */
SOUK_MUST_CHECK souk_status torrent_resolve(
	struct souk_torrent_peer *peers, size_t max, size_t *ret_count, const char *text);

#endif
