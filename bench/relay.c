/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread listens; each connection has one of its own, with a queue of what is on its way. */
#include "relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "souk/io/clock_real.h"

#define CHUNK_SIZE 65536u
#define CHUNKS	   128u

struct bench_relay {
	int listener;
	uint16_t port;
	uint64_t round_trip_ns;
	pthread_t thread;
};

struct chunk {
	uint64_t due_ns;
	size_t size;
	uint8_t data[CHUNK_SIZE];
};

/* One direction: a ring of what was read and is not due yet. */
struct way {
	int from, to;
	uint64_t not_before_ns, delay_ns;
	struct chunk *chunks;
	unsigned first, count;
	bool ended, closed;
};

struct connection {
	int client, server;
	uint64_t round_trip_ns;
};

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static void take(struct way *way)
{
	struct chunk *chunk = &way->chunks[(way->first + way->count) % CHUNKS];
	ssize_t n = recv(way->from, chunk->data, CHUNK_SIZE, 0);
	uint64_t now_ns = souk_clock_steady_ns();
	way->ended = n <= 0;
	if (n <= 0)
		return;
	chunk->size = (size_t)n;
	chunk->due_ns = (now_ns > way->not_before_ns ? now_ns : way->not_before_ns) + way->delay_ns;
	way->count++;
}

/* Pass on what is due; how long until the next, in ms, or -1. */
static int pass(struct way *way)
{
	uint64_t now_ns = souk_clock_steady_ns();
	while (way->count > 0 && way->chunks[way->first].due_ns <= now_ns) {
		struct chunk *chunk = &way->chunks[way->first];
		if (!write_all(way->to, chunk->data, chunk->size))
			way->ended = true;
		way->first = (way->first + 1) % CHUNKS;
		way->count--;
	}
	if (way->ended && way->count == 0 && !way->closed) {
		shutdown(way->to, SHUT_WR);
		way->closed = true;
	}
	if (way->count == 0)
		return -1;
	return (int)((way->chunks[way->first].due_ns - now_ns) / 1000000) + 1;
}

static bool way_init(struct way *way, int from, int to, uint64_t start_ns, uint64_t delay_ns)
{
	*way = (struct way){.from = from,
		.to = to,
		.not_before_ns = start_ns,
		.delay_ns = delay_ns,
		.chunks = malloc(CHUNKS * sizeof *way->chunks)};
	return way->chunks != NULL;
}

static void run_ways(struct way ways[2])
{
	while (!ways[0].closed || !ways[1].closed) {
		int a = pass(&ways[0]), b = pass(&ways[1]);
		struct pollfd wait[2];
		for (int i = 0; i < 2; i++)
			wait[i] = (struct pollfd){
				.fd = ways[i].ended || ways[i].count == CHUNKS ? -1 : ways[i].from,
				.events = POLLIN};
		int soonest = a < 0 ? b : b < 0 ? a : a < b ? a : b;
		if (wait[0].fd < 0 && wait[1].fd < 0 && soonest < 0)
			continue;
		if (poll(wait, 2, soonest) < 0)
			break;
		for (int i = 0; i < 2; i++) {
			if (wait[i].fd >= 0 && wait[i].revents != 0)
				take(&ways[i]);
		}
	}
}

static void *run_connection(void *ctx)
{
	struct connection *connection = ctx;
	struct way ways[2] = {0};
	uint64_t half_ns = connection->round_trip_ns / 2;
	uint64_t start_ns = souk_clock_steady_ns() + connection->round_trip_ns;
	if (way_init(&ways[0], connection->client, connection->server, start_ns, half_ns) &&
		way_init(&ways[1], connection->server, connection->client, start_ns, half_ns))
		run_ways(ways);
	free(ways[0].chunks);
	free(ways[1].chunks);
	close(connection->client);
	close(connection->server);
	free(connection);
	return NULL;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static void serve(const struct bench_relay *relay, int client)
{
	struct sockaddr_in to = loopback(relay->port);
	struct connection *connection = malloc(sizeof *connection);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	if (connection != NULL && server >= 0 &&
		connect(server, (struct sockaddr *)&to, sizeof to) == 0) {
		*connection = (struct connection){client, server, relay->round_trip_ns};
		if (pthread_create(&thread, NULL, run_connection, connection) == 0) {
			pthread_detach(thread);
			return;
		}
	}
	free(connection);
	close(client);
	if (server >= 0)
		close(server);
}

static void *run_relay(void *ctx)
{
	const struct bench_relay *relay = ctx;
	for (;;) {
		int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0)
			return NULL;
		serve(relay, client);
	}
}

struct bench_relay *bench_relay_start(uint16_t port, double round_trip_ms, uint16_t *ret_port)
{
	struct bench_relay *relay = malloc(sizeof *relay);
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	if (relay == NULL)
		return NULL;
	*relay = (struct bench_relay){.port = port,
		.round_trip_ns = (uint64_t)(round_trip_ms * 1e6),
		.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (relay->listener < 0 || bind(relay->listener, (struct sockaddr *)&address, size) != 0 ||
		listen(relay->listener, 64) != 0 ||
		getsockname(relay->listener, (struct sockaddr *)&address, &size) != 0 ||
		pthread_create(&relay->thread, NULL, run_relay, relay) != 0) {
		if (relay->listener >= 0)
			close(relay->listener);
		free(relay);
		return NULL;
	}
	*ret_port = ntohs(address.sin_port);
	return relay;
}

void bench_relay_stop(struct bench_relay *relay)
{
	if (relay == NULL)
		return;
	shutdown(relay->listener, SHUT_RDWR);
	pthread_join(relay->thread, NULL);
	close(relay->listener);
	free(relay);
}
