/* SPDX-License-Identifier: Apache-2.0
 *
 * http_seats.h - who has the connections of a server that has only so many.
 *
 * While there are some left anybody has as many as it likes. When all are taken, the network that
 * has most of them gives up the one that it used longest ago: so a newcomer of another network is
 * let in, and whoever wants to keep others out needs as many networks as there are connections.
 * A network is the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
 *
 *   take(socket) --> seat --begin/end: a request--> leave
 *                     '- its network has most, all are taken: the socket is shut down
 *
 * Memory: heap. Threads: any. */
#ifndef SOUK_IO_HTTP_SEATS_H
#define SOUK_IO_HTTP_SEATS_H

#include <sys/socket.h>

#include "souk/base/status.h"

struct http_seats;
struct http_seat;

/* COUNT of them: one more that comes has one of them given up. */
SOUK_MUST_CHECK souk_status http_seats_new(struct http_seats **ret, unsigned count);
void http_seats_free(struct http_seats *seats); /* NULL is allowed; nobody sits */

/* A seat for who connected at SOCKET from ADDRESS; NULL: none is left, even so. */
struct http_seat *http_seats_take(
	struct http_seats *seats, int socket, const struct sockaddr *address);
void http_seats_leave(struct http_seats *seats, struct http_seat *seat); /* NULL is allowed */
/* A request of it came; and was answered. SEAT may be NULL. */
void http_seats_begin(struct http_seats *seats, struct http_seat *seat);
void http_seats_end(struct http_seats *seats, struct http_seat *seat);

#endif
