/* SPDX-License-Identifier: Apache-2.0 */
#include "http_seats.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Those that were told to leave take a moment, as do those that come meanwhile. */
#define SPARE 16u

struct http_seat {
	bool is_taken, is_busy, is_leaving;
	int socket;
	uint64_t network;
	uint64_t used; /* a count */
};

struct http_seats {
	pthread_mutex_t lock;
	unsigned count, taken; /* taken: without those that leave */
	uint64_t clock;
	uint64_t *networks; /* scratch */
	struct http_seat seats[];
};

static uint64_t network_of(const struct sockaddr *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *bytes = NULL;
	uint64_t network = 0;
	int count = 3;

	if (address->sa_family == AF_INET) {
		bytes = (const void *)&((const struct sockaddr_in *)(const void *)address)
				->sin_addr;
	} else if (address->sa_family == AF_INET6) {
		bytes = (const void *)&((const struct sockaddr_in6 *)(const void *)address)
				->sin6_addr;
		count = 6;
		if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
			bytes += sizeof(mapped);
			count = 3;
		}
	}
	for (int i = 0; bytes && i < count; i++)
		network = network << 8 | bytes[i];
	return network << 8 | (uint64_t)count;
}

souk_status http_seats_new(struct http_seats **ret, unsigned count)
{
	size_t all = (size_t)count + SPARE;
	struct http_seats *seats = calloc(1, sizeof(*seats) + all * sizeof(*seats->seats));
	uint64_t *networks = calloc(all, sizeof(*networks));

	if (!seats || !networks) {
		free(seats);
		free(networks);
		return SOUK_IO_MEMORY;
	}
	seats->count = count;
	seats->networks = networks;
	pthread_mutex_init(&seats->lock, NULL);
	*ret = seats;
	return SOUK_OK;
}

void http_seats_free(struct http_seats *seats)
{
	if (!seats)
		return;
	pthread_mutex_destroy(&seats->lock);
	free(seats->networks);
	free(seats);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The network that has most. Under lock. */
static uint64_t find_greedy(struct http_seats *seats)
{
	size_t count = 0, most = 0, run = 0;
	uint64_t greedy = 0;

	for (size_t i = 0; i < seats->count + SPARE; i++) {
		const struct http_seat *seat = &seats->seats[i];
		if (seat->is_taken && !seat->is_leaving)
			seats->networks[count++] = seat->network;
	}
	qsort(seats->networks, count, sizeof(*seats->networks), by_number);
	for (size_t i = 0; i < count; i++) {
		run = i > 0 && seats->networks[i] == seats->networks[i - 1] ? run + 1 : 1;
		if (run > most) {
			most = run;
			greedy = seats->networks[i];
		}
	}
	return greedy;
}

/* The one of NETWORK, but for NEWEST, that is idle for longest; busy ones last. Under lock. */
static struct http_seat *find_idle(
	struct http_seats *seats, uint64_t network, const struct http_seat *newest)
{
	struct http_seat *idle = NULL;

	for (size_t i = 0; i < seats->count + SPARE; i++) {
		struct http_seat *seat = &seats->seats[i];
		if (!seat->is_taken || seat->is_leaving || seat == newest ||
			seat->network != network)
			continue;
		if (!idle || seat->is_busy < idle->is_busy ||
			(seat->is_busy == idle->is_busy && seat->used < idle->used))
			idle = seat;
	}
	return idle;
}

struct http_seat *http_seats_take(
	struct http_seats *seats, int socket, const struct sockaddr *address)
{
	struct http_seat *seat = NULL, *leaves = NULL;

	pthread_mutex_lock(&seats->lock);
	for (size_t i = 0; i < seats->count + SPARE && !seat; i++)
		seat = seats->seats[i].is_taken ? NULL : &seats->seats[i];
	if (seat) {
		*seat = (struct http_seat){.is_taken = true,
			.socket = socket,
			.network = network_of(address),
			.used = ++seats->clock};
		seats->taken++;
	}
	if (seat && seats->taken > seats->count)
		leaves = find_idle(seats, find_greedy(seats), seat);
	if (leaves) {
		/* It is closed after it has left, which takes this lock. */
		shutdown(leaves->socket, SHUT_RDWR);
		leaves->is_leaving = true;
		seats->taken--;
	}
	pthread_mutex_unlock(&seats->lock);
	return seat;
}

void http_seats_leave(struct http_seats *seats, struct http_seat *seat)
{
	if (!seat)
		return;
	pthread_mutex_lock(&seats->lock);
	seats->taken -= !seat->is_leaving;
	seat->is_taken = false;
	pthread_mutex_unlock(&seats->lock);
}

static void set_busy(struct http_seats *seats, struct http_seat *seat, bool is_busy)
{
	if (!seat)
		return;
	pthread_mutex_lock(&seats->lock);
	seat->is_busy = is_busy;
	seat->used = ++seats->clock;
	pthread_mutex_unlock(&seats->lock);
}

void http_seats_begin(struct http_seats *seats, struct http_seat *seat)
{
	set_busy(seats, seat, true);
}

void http_seats_end(struct http_seats *seats, struct http_seat *seat)
{
	set_busy(seats, seat, false);
}
