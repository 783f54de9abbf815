/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to a peer of a swarm: it greets, says what it has, and sends blocks. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "torrent_internal.h"

#define FAILURES_MAX  3
#define FRUITLESS_MAX 16
#define IN_SIZE	      (SOUK_PEER_WIRE_MAX + 65536u)

/* ------------------------------------------------------------------ leaving */

static void drop_work(struct torrent_peer *peer, uint32_t at)
{
	struct torrent_work *work = peer->works[at];
	uint32_t owed = work->asked - work->got;
	peer->in_flight -= owed;
	peer->stray += owed;
	torrent_work_free(peer->run, work);
	peer->works[at] = peer->works[--peer->work_count];
}

void torrent_peer_forget(struct torrent_peer *peer, uint32_t piece)
{
	for (uint32_t i = 0; i < peer->work_count; i++) {
		if (peer->works[i]->piece == piece) {
			drop_work(peer, i);
			return;
		}
	}
}

static void let_go(struct torrent_peer *peer)
{
	while (peer->work_count > 0)
		drop_work(peer, peer->work_count - 1);
	if (peer->fd >= 0)
		close(peer->fd);
	free(peer->in);
	free(peer->pieces);
	peer->in = peer->pieces = NULL;
	peer->fd = -1;
	peer->in_flight = peer->stray = 0;
	peer->in_size = peer->out_size = 0;
}

void torrent_peer_done(struct torrent_peer *peer)
{
	let_go(peer);
	peer->state = PEER_LEFT;
}

/* A connection may fail and be tried again; who breaks the protocol or sends wrong bytes may not.
 */
static void leave(struct torrent_peer *peer, souk_status why)
{
	const struct torrent_events *events = &peer->run->config->events;
	bool is_final =
		souk_status_class(why) == SOUK_CLASS_PEER || ++peer->failures >= FAILURES_MAX;
	char text[256];
	let_go(peer);
	peer->state = is_final ? PEER_LEFT : PEER_WAITING;
	peer->wake_ms = torrent_now_ms() + (500ull << peer->failures);
	snprintf(text, sizeof text, "peer %s: %s (%s)%s", peer->name, souk_status_text(why),
		souk_status_name(why), is_final ? "; it is not asked again" : "; trying again");
	if (events->note != NULL)
		events->note(events->ctx, text);
}

static void set_deadline(struct torrent_peer *peer)
{
	peer->wake_ms = torrent_now_ms() + peer->run->timeout_ms;
}

/* ------------------------------------------------------------------ sending */

static void flush(struct torrent_peer *peer)
{
	if (peer->out_size == 0)
		return;
	ssize_t n = send(peer->fd, peer->out, peer->out_size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		leave(peer, SOUK_IO_NET);
		return;
	}
	memmove(peer->out, peer->out + n, peer->out_size - (size_t)n);
	peer->out_size -= (size_t)n;
}

/* False where there is no room: the caller comes back later. */
static bool say(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	struct souk_writer writer;
	souk_writer_init(&writer, peer->out + peer->out_size, OUT_SIZE - peer->out_size);
	souk_peer_wire_write(&writer, message);
	if (!writer.full)
		peer->out_size += writer.size;
	return !writer.full;
}

static uint32_t leaf_count(const struct torrent_run *run, const struct torrent_file *file,
	const struct torrent_work *work)
{
	uint32_t count = run->piece_length / SOUK_BLOCK_SIZE;
	while (file->pieces == 1 && count / 2 >= work->blocks)
		count /= 2;
	return count;
}

/* The leaves of the piece: with them each block is verified when it comes. */
static void ask_leaves(struct torrent_peer *peer, const struct torrent_work *work)
{
	const struct torrent_run *run = peer->run;
	const struct torrent_file *file = torrent_file_of(peer->run, work->piece);
	struct souk_peer_message ask = {.kind = SOUK_PEER_HASH_REQUEST,
		.root = file->id,
		.index = (work->piece - file->first_piece) * (run->piece_length / SOUK_BLOCK_SIZE),
		.count = leaf_count(run, file, work)};
	if (ask.count >= 2)
		(void)say(peer, &ask); /* without them the piece is verified as a whole */
}

static uint32_t block_size(const struct torrent_work *work, uint32_t block)
{
	uint32_t left = work->size - block * SOUK_BLOCK_SIZE;
	return left < SOUK_BLOCK_SIZE ? left : SOUK_BLOCK_SIZE;
}

static void ask_blocks(struct torrent_peer *peer, struct torrent_work *work)
{
	while (work->asked < work->blocks && peer->in_flight < PIPELINE_BLOCKS) {
		struct souk_peer_message ask = {.kind = SOUK_PEER_REQUEST,
			.piece = work->piece,
			.begin = work->asked * SOUK_BLOCK_SIZE,
			.length = block_size(work, work->asked)};
		if (!say(peer, &ask))
			return;
		if (peer->in_flight == 0)
			set_deadline(peer);
		work->asked++;
		peer->in_flight++;
	}
}

static void ask_more(struct torrent_peer *peer)
{
	if (peer->state != PEER_TALKING || peer->choked)
		return;
	for (uint32_t i = 0; i < peer->work_count; i++)
		ask_blocks(peer, peer->works[i]);
	while (peer->in_flight < PIPELINE_BLOCKS && peer->work_count < WORKS_MAX &&
		OUT_SIZE - peer->out_size > 512) {
		struct torrent_work *work = torrent_work_new(peer->run, peer);
		if (work == NULL)
			break;
		peer->works[peer->work_count++] = work;
		ask_leaves(peer, work);
		ask_blocks(peer, work);
	}
	flush(peer);
}

/* ------------------------------------------------------------------ hearing */

static struct torrent_work *work_of(struct torrent_peer *peer, uint32_t piece)
{
	for (uint32_t i = 0; i < peer->work_count; i++) {
		if (peer->works[i]->piece == piece)
			return peer->works[i];
	}
	return NULL;
}

static bool is_leaf(const struct torrent_work *work, uint32_t block)
{
	struct souk_hash leaf = souk_sha256_of(
		work->data + (size_t)block * SOUK_BLOCK_SIZE, block_size(work, block));
	return souk_hash_equal(&leaf, &work->leaves[block]);
}

static souk_status finish_work(struct torrent_peer *peer, struct torrent_work *work)
{
	uint32_t piece = work->piece;
	SOUK_TRY(torrent_work_finish(peer->run, work));
	peer->failures = peer->fruitless = 0;
	for (size_t i = 0; i < peer->run->peer_count; i++)
		torrent_peer_forget(&peer->run->peers[i], piece);
	return SOUK_OK;
}

/* A block for no work here: somebody else was faster, or it choked us meanwhile. */
static souk_status take_stray(struct torrent_peer *peer)
{
	if (peer->stray == 0)
		return SOUK_PEER_BAD_SWARM; /* BEP 52: close on a piece that nobody asked for */
	peer->stray--;
	return SOUK_OK;
}

static souk_status take_block(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	struct torrent_work *work = work_of(peer, message->piece);
	uint32_t block = message->begin / SOUK_BLOCK_SIZE;
	if (work == NULL)
		return take_stray(peer);
	if (message->begin % SOUK_BLOCK_SIZE != 0 || block >= work->asked || work->has[block] ||
		message->length != block_size(work, block))
		return SOUK_PEER_BAD_SWARM;
	memcpy(work->data + message->begin, message->data.data, message->length);
	if (work->is_proven && !is_leaf(work, block))
		return SOUK_PEER_BAD_UNIT;
	work->has[block] = 1;
	work->got++;
	peer->in_flight--;
	peer->run->heard_ms = torrent_now_ms();
	set_deadline(peer);
	return work->got == work->blocks ? finish_work(peer, work) : SOUK_OK;
}

/* The work whose leaves these are; NULL where it is over. */
static struct torrent_work *work_of_hashes(
	struct torrent_peer *peer, const struct souk_peer_message *message)
{
	struct torrent_run *run = peer->run;
	for (uint32_t i = 0; i < peer->work_count; i++) {
		struct torrent_work *work = peer->works[i];
		struct torrent_file *file = torrent_file_of(run, work->piece);
		uint32_t index =
			(work->piece - file->first_piece) * (run->piece_length / SOUK_BLOCK_SIZE);
		if (souk_hash_equal(&file->id, &message->root) && message->index == index &&
			message->base == 0 && message->count == leaf_count(run, file, work))
			return work;
	}
	return NULL;
}

static souk_status take_leaves(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	struct torrent_work *work = work_of_hashes(peer, message);
	struct souk_hash expected, root, *nodes;
	uint32_t size;
	if (work == NULL || work->is_proven)
		return SOUK_OK;
	if (message->data.size != (size_t)message->count * SOUK_HASH_SIZE)
		return SOUK_PEER_BAD_SWARM;
	nodes = malloc(message->data.size);
	if (nodes == NULL)
		return SOUK_IO_MEMORY;
	memcpy(nodes, message->data.data, message->data.size);
	root = souk_bep52_root(nodes, message->count, SOUK_BLOCK_SIZE);
	free(nodes);
	torrent_piece_facts(
		peer->run, torrent_file_of(peer->run, work->piece), work->piece, &expected, &size);
	if (!souk_hash_equal(&root, &expected))
		return SOUK_PEER_BAD_SWARM;
	memcpy(work->leaves, message->data.data, work->blocks * sizeof *work->leaves);
	work->is_proven = true;
	for (uint32_t block = 0; block < work->asked; block++) {
		if (work->has[block] && !is_leaf(work, block))
			return SOUK_PEER_BAD_UNIT;
	}
	return SOUK_OK;
}

static souk_status take_pieces(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	size_t size = peer->run->piece_count / 8 + 1;
	if (peer->has_spoken) /* BEP 3: only ever the first message */
		return SOUK_PEER_BAD_SWARM;
	if (message->kind == SOUK_PEER_BITFIELD)
		memcpy(peer->pieces, message->data.data, message->data.size);
	else
		memset(peer->pieces, message->kind == SOUK_PEER_HAVE_ALL ? 0xff : 0, size);
	return SOUK_OK;
}

/* Whoever chokes again and again before a piece is complete is of no use, and might go on so. */
static souk_status take_choke(struct torrent_peer *peer)
{
	peer->choked = true;
	if (peer->in_flight > 0 && ++peer->fruitless >= FRUITLESS_MAX)
		return SOUK_PEER_SILENT;
	while (peer->work_count > 0)
		drop_work(peer, peer->work_count - 1);
	set_deadline(peer);
	return SOUK_OK;
}

/* It will not serve this block: what is asked of it goes to others. It may have it later. */
static void take_reject(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	if (work_of(peer, message->piece) == NULL)
		return;
	torrent_peer_forget(peer, message->piece);
	peer->pieces[message->piece / 8] &= (uint8_t) ~(0x80 >> message->piece % 8);
}

static souk_status hear(struct torrent_peer *peer, const struct souk_peer_message *message)
{
	switch (message->kind) {
	case SOUK_PEER_CHOKE: return take_choke(peer);
	case SOUK_PEER_UNCHOKE: peer->choked = false; return SOUK_OK;
	case SOUK_PEER_HAVE:
		peer->pieces[message->piece / 8] |= (uint8_t)(0x80 >> message->piece % 8);
		return SOUK_OK;
	case SOUK_PEER_BITFIELD:
	case SOUK_PEER_HAVE_ALL:
	case SOUK_PEER_HAVE_NONE: return take_pieces(peer, message);
	case SOUK_PEER_PIECE: return take_block(peer, message);
	case SOUK_PEER_REJECT: take_reject(peer, message); return SOUK_OK;
	case SOUK_PEER_HASHES: return take_leaves(peer, message);
	/* What it wants is not here, and a hash that it rejects is not needed. */
	case SOUK_PEER_INTERESTED:
	case SOUK_PEER_NOT_INTERESTED:
	case SOUK_PEER_REQUEST:
	case SOUK_PEER_CANCEL:
	case SOUK_PEER_HASH_REQUEST:
	case SOUK_PEER_HASH_REJECT:
	case SOUK_PEER_KEEP_ALIVE:
	case SOUK_PEER_OTHER: return SOUK_OK;
	}
	return SOUK_OK;
}

static souk_status greet_back(struct torrent_peer *peer)
{
	struct souk_peer_handshake theirs;
	struct souk_peer_message message = {.kind = SOUK_PEER_HAVE_NONE};
	SOUK_TRY(souk_peer_handshake_read(&theirs, peer->in));
	if (memcmp(theirs.infohash, peer->run->infohash, sizeof theirs.infohash) != 0)
		return SOUK_PEER_BAD_SWARM;
	peer->speaks_fast = theirs.speaks_fast;
	peer->state = PEER_TALKING;
	peer->choked = true;
	peer->has_spoken = false;
	if (peer->speaks_fast)
		(void)say(peer, &message);
	message.kind = SOUK_PEER_INTERESTED;
	(void)say(peer, &message); /* the buffer is empty: it fits */
	set_deadline(peer);
	return SOUK_OK;
}

/* What is in the buffer, message by message. */
static souk_status hear_all(struct torrent_peer *peer)
{
	struct souk_peer_message message;
	size_t at = 0, size;
	souk_status status = SOUK_OK;
	if (peer->state == PEER_GREETING) {
		if (peer->in_size < SOUK_PEER_HANDSHAKE_SIZE)
			return SOUK_OK;
		SOUK_TRY(greet_back(peer));
		at = SOUK_PEER_HANDSHAKE_SIZE;
	}
	while (status == SOUK_OK) {
		status = souk_peer_wire_read(&message, &size,
			souk_bytes_of(peer->in + at, peer->in_size - at), peer->run->piece_count);
		if (status == SOUK_LOCAL_TOO_SMALL)
			break;
		SOUK_TRY(status);
		status = hear(peer, &message);
		peer->has_spoken = peer->has_spoken || message.kind != SOUK_PEER_KEEP_ALIVE;
		at += size;
	}
	memmove(peer->in, peer->in + at, peer->in_size - at);
	peer->in_size -= at;
	return status == SOUK_LOCAL_TOO_SMALL ? SOUK_OK : status;
}

static void receive(struct torrent_peer *peer)
{
	ssize_t n = recv(peer->fd, peer->in + peer->in_size, IN_SIZE - peer->in_size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leave(peer, SOUK_IO_NET);
		return;
	}
	peer->in_size += (size_t)n;
	souk_status status = hear_all(peer);
	if (status == SOUK_OK)
		return;
	/* What is no fault of the peer is ours: the disk, or memory. */
	if (souk_status_class(status) != SOUK_CLASS_PEER)
		peer->run->failure = status;
	leave(peer, status);
}

/* ------------------------------------------------------------------ connecting */

static int connect_to(const struct souk_torrent_peer *at)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
	memcpy(&v4.sin_addr, at->address, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, at->address, sizeof v6.sin6_addr);
	int fd = socket(
		at->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	int failed = at->is_v6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6)
			       : connect(fd, (struct sockaddr *)&v4, sizeof v4);
	if (failed == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static bool make_room(struct torrent_peer *peer)
{
	peer->in = malloc(IN_SIZE);
	peer->pieces = calloc(1, peer->run->piece_count / 8 + 1);
	return peer->in != NULL && peer->pieces != NULL;
}

void torrent_peer_take(struct torrent_peer *peer, int fd)
{
	peer->fd = fd;
	peer->state = PEER_GREETING;
	set_deadline(peer);
	if (!make_room(peer))
		leave(peer, SOUK_IO_MEMORY);
}

void torrent_peer_start(struct torrent_peer *peer)
{
	if (!make_room(peer)) {
		peer->run->failure = SOUK_IO_MEMORY;
		let_go(peer);
		return;
	}
	peer->fd = connect_to(&peer->at);
	peer->state = PEER_CONNECTING;
	set_deadline(peer);
	if (peer->fd < 0)
		leave(peer, SOUK_IO_NET);
}

static void greet(struct torrent_peer *peer)
{
	struct souk_peer_handshake ours = {.speaks_fast = true};
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		leave(peer, SOUK_IO_NET);
		return;
	}
	memcpy(ours.infohash, peer->run->infohash, sizeof ours.infohash);
	memcpy(ours.peer_id, peer->run->peer_id, sizeof ours.peer_id);
	souk_peer_handshake_write(peer->out, &ours);
	peer->out_size = SOUK_PEER_HANDSHAKE_SIZE;
	peer->state = PEER_GREETING;
	set_deadline(peer);
	flush(peer);
}

short torrent_peer_poll_events(const struct torrent_peer *peer)
{
	if (peer->state == PEER_CONNECTING)
		return POLLOUT;
	return (short)(POLLIN | (peer->out_size > 0 ? POLLOUT : 0));
}

void torrent_peer_act(struct torrent_peer *peer, short events)
{
	if (peer->state == PEER_CONNECTING) {
		if (events & (POLLOUT | POLLERR | POLLHUP))
			greet(peer);
		return;
	}
	if (events & (POLLIN | POLLERR | POLLHUP))
		receive(peer);
	if (peer->fd >= 0 && (events & POLLOUT))
		flush(peer);
}

void torrent_peer_tick(struct torrent_peer *peer, uint64_t now_ms)
{
	if (peer->fd < 0)
		return;
	ask_more(peer);
	/* Nobody owes anything who was asked for nothing. */
	bool owes = peer->state != PEER_TALKING || peer->choked || peer->in_flight > 0;
	uint64_t patience =
		peer->state == PEER_TALKING && peer->choked ? 2 * peer->run->timeout_ms : 0;
	if (peer->fd >= 0 && owes && now_ms >= peer->wake_ms + patience)
		leave(peer, SOUK_IO_TIMEOUT);
}
