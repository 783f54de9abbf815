/* SPDX-License-Identifier: Apache-2.0
 *
 * A server whose connections are all taken by one network, and who else gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "http_seats.h"
#include "souk/io/http_server.h"

#define SEATS 8
#define FLOOD 40

static void answer(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	(void)ctx;
	(void)request;
	souk_http_reply_static(reply, 200, "text/plain", souk_bytes_of("yes", 3));
}

static int connect_from(const char *from, uint16_t port)
{
	struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, from, &here.sin_addr), 1);
	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	there.sin_port = htons(port);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	return fd;
}

static bool ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
	char text[512] = "";
	size_t size = 0;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return false;
	while (size < sizeof(text) - 1 && !strstr(text, "\r\n\r\nyes")) {
		ssize_t got = recv(fd, text + size, sizeof(text) - 1 - size, 0);
		if (got <= 0)
			return false;
		size += (size_t)got;
		text[size] = '\0';
	}
	return strncmp(text, "HTTP/1.1 200", 12) == 0;
}

/* While those that give up their seats are on their way out somebody new may be turned away, and
 * asks again, as every client does. */
static int get_in(const char *from, uint16_t port)
{
	for (int i = 0; i < 2000; i++) {
		int fd = connect_from(from, port);
		if (ask(fd))
			return fd;
		close(fd);
		poll(NULL, 0, 5);
	}
	fail_msg("%s was never let in", from);
	return -1;
}

static void serve(enum souk_http_threading threading)
{
	struct souk_http_server_config config = {.threading = threading,
		.connection_max = SEATS,
		.connections_are_shared = true,
		.handler = answer};
	struct souk_http_server *server;
	uint16_t port;
	int held[FLOOD], early, late;

	assert_int_equal(souk_http_server_start(&server, &port, &config), SOUK_OK);
	early = connect_from("127.0.1.1", port);
	assert_true(ask(early));
	for (int i = 0; i < FLOOD; i++)
		held[i] = connect_from("127.0.0.1", port);
	/* Who came before is still there, and who comes now is let in. */
	assert_true(ask(early));
	late = get_in("127.0.2.1", port);
	assert_true(ask(early));
	for (int i = 0; i < FLOOD; i++)
		close(held[i]);
	assert_true(ask(late));
	close(early);
	close(late);
	souk_http_server_stop(server);
}

static void test_one_network_cannot_have_all(void **state)
{
	(void)state;
	serve(SOUK_HTTP_CONNECTION);
	serve(SOUK_HTTP_POOL);
}

/* Who leaves, by the rule alone. */
static void test_who_leaves(void **state)
{
	static const char *const from[] = {"10.0.0.1", "10.0.0.2", "10.0.1.1", "::ffff:10.0.0.3"};
	struct http_seats *seats;
	struct http_seat *seat[4];
	int fds[4][2];

	(void)state;
	assert_int_equal(http_seats_new(&seats, 3), SOUK_OK);
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		bool is_v4 = inet_pton(AF_INET, from[i], &v4.sin_addr) == 1;
		if (!is_v4)
			assert_int_equal(inet_pton(AF_INET6, from[i], &v6.sin6_addr), 1);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
		seat[i] = http_seats_take(
			seats, fds[i][0], is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6);
		assert_non_null(seat[i]);
		if (i == 0)
			http_seats_begin(seats, seat[0]); /* it is answered just now */
	}
	/* The second of the network with most: the first is busy, the last has just come. */
	for (int i = 0; i < 4; i++) {
		struct pollfd poll_fd = {.fd = fds[i][1], .events = POLLIN};
		assert_int_equal(poll(&poll_fd, 1, 0), i == 1);
	}
	for (int i = 0; i < 4; i++) {
		http_seats_leave(seats, seat[i]);
		close(fds[i][0]);
		close(fds[i][1]);
	}
	http_seats_leave(seats, NULL);
	http_seats_free(seats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_leaves),
		cmocka_unit_test(test_one_network_cannot_have_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
