/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_client.h"
#include "souk/io/http_fetch.h"
#include "souk/io/http_server.h"
#include "souk/io/pool.h"
#include "souk/io/tls_key.h"

#define UNIT_SIZE (1u << 20)

static struct souk_pool *pool;
static _Atomic int handled;

/* --- a server with a few odd pages --- */

static void answer_unit(const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_pool_buffer *buffer = souk_pool_take(pool);
	const char *index = souk_http_request_query(request, "i");
	const char *ticket = souk_http_request_header(request, "souk-ticket");

	if (!buffer || !index || !ticket) {
		if (buffer)
			souk_pool_give(buffer);
		souk_http_reply_problem(reply, 402, SOUK_PEER_UNPAID, "unit \"7\"");
		return;
	}
	memset(buffer->data, atoi(index), buffer->size);
	souk_http_reply_owned(reply, 200, "application/octet-stream",
		souk_bytes_of(buffer->data, buffer->size), souk_pool_give, buffer);
	if (souk_http_reply_header(reply, "Souk-Key", ticket) != SOUK_OK)
		souk_http_reply_problem(reply, 400, SOUK_PEER_BAD_REQUEST, NULL);
}

static void answer_echo(const struct souk_http_request *request, struct souk_http_reply *reply)
{
	souk_http_reply_copy(reply, 200, NULL, request->body);
	if (souk_http_reply_header(reply, "X-Method", request->method) != SOUK_OK)
		reply->status = 500;
}

/* --- a streamed page: /stream?size=N&fail=AT&wait=1 --- */

struct streamed {
	uint64_t fail_at;
	int socket; /* wait until its peer is gone; -1: do not */
};

static _Atomic int streams_open, streams_waiting, peers_gone;
static _Atomic uint64_t bytes_streamed;

static uint8_t stream_byte(uint64_t offset)
{
	return (uint8_t)(offset * 31 >> 3);
}

static size_t read_streamed(void *ctx, uint64_t offset, uint8_t *out, size_t size)
{
	struct streamed *streamed = ctx;

	if (offset >= streamed->fail_at)
		return 0;
	if (streamed->socket >= 0 && offset > 0)
		streams_waiting++;
	for (int i = 0; streamed->socket >= 0 && offset > 0 && i < 2000; i++) {
		if (souk_http_peer_is_gone(streamed->socket)) {
			peers_gone++;
			return 0;
		}
		usleep(5000);
	}
	/* Odd pieces, smaller than what is asked for. */
	size = size > 10007 ? 10007 : size;
	size = size > streamed->fail_at - offset ? (size_t)(streamed->fail_at - offset) : size;
	for (size_t i = 0; i < size; i++)
		out[i] = stream_byte(offset + i);
	bytes_streamed += size;
	return size;
}

static void release_streamed(void *ctx)
{
	free(ctx);
	streams_open--;
}

static void answer_stream(const struct souk_http_request *request, struct souk_http_reply *reply)
{
	const char *size = souk_http_request_query(request, "size");
	const char *fail = souk_http_request_query(request, "fail");
	struct streamed *streamed = malloc(sizeof(*streamed));

	streamed->fail_at = fail ? strtoull(fail, NULL, 10) : UINT64_MAX;
	streamed->socket = souk_http_request_has_query(request, "wait")
				   ? souk_http_request_socket(request)
				   : -1;
	streams_open++;
	souk_http_reply_stream(reply, 200, "text/plain", strtoull(size, NULL, 10), read_streamed,
		release_streamed, streamed);
}

static void handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];

	(void)ctx;
	handled++;
	if (strcmp(request->path, "/unit") == 0)
		answer_unit(request, reply);
	else if (strcmp(request->path, "/echo") == 0)
		answer_echo(request, reply);
	else if (strcmp(request->path, "/stream") == 0)
		answer_stream(request, reply);
	else if (strcmp(request->path, "/slow") == 0)
		usleep(600000);
	else if (strcmp(request->path, "/peer") == 0) {
		souk_http_request_peer(request, peer);
		souk_http_reply_copy(reply, 200, "text/plain", souk_bytes_text(peer));
	} else if (strcmp(request->path, "/static") == 0)
		souk_http_reply_static(reply, 200, "text/plain", souk_bytes_text("still"));
	else if (strcmp(request->path, "/none") != 0)
		souk_http_reply_problem(reply, 404, SOUK_LOCAL_NOT_FOUND, request->path);
}

struct place {
	struct souk_http_server *server;
	char base[64];
	uint16_t port;
};

static struct place start(struct souk_http_server_config config)
{
	struct place place;

	config.handler = handler;
	assert_int_equal(souk_http_server_start(&place.server, &place.port, &config), SOUK_OK);
	snprintf(place.base, sizeof(place.base), "%s://127.0.0.1:%u",
		config.certificate_pem ? "https" : "http", place.port);
	return place;
}

static souk_status call(struct souk_http_client *client, const struct place *place,
	const char *path, struct souk_http_call call, struct souk_http_answer *ret_answer)
{
	char url[256];

	snprintf(url, sizeof(url), "%s%s", place->base, path);
	call.url = url;
	return souk_http_client_call(client, &call, ret_answer);
}

static void check_call(struct souk_http_client *client, const struct place *place, const char *path,
	struct souk_http_call request, unsigned status, const char *body)
{
	struct souk_http_answer answer;

	assert_int_equal(call(client, place, path, request, &answer), SOUK_OK);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.body, body);
	assert_string_equal(souk_http_client_error(client), "");
	souk_http_answer_done(&answer);
}

static void run_calls(struct souk_http_server_config config)
{
	struct place place = start(config);
	struct souk_http_client *client;
	struct souk_http_answer answer = {0};

	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	check_call(client, &place, "/static", (struct souk_http_call){0}, 200, "still");
	check_call(client, &place, "/echo",
		(struct souk_http_call){.method = "POST", .body = souk_bytes_text("hello")}, 200,
		"hello");
	check_call(client, &place, "/echo", (struct souk_http_call){.method = "POST"}, 200, "");
	check_call(client, &place, "/echo",
		(struct souk_http_call){.method = "PUT", .body = souk_bytes_text("x")}, 200, "x");
	check_call(client, &place, "/static", (struct souk_http_call){.method = "HEAD"}, 200, "");
	check_call(client, &place, "/none", (struct souk_http_call){0}, 500, "");
	check_call(client, &place, "/a%22%0ab?x=1", (struct souk_http_call){0}, 404,
		"{\"error\":\"LOCAL_NOT_FOUND\",\"text\":\"not "
		"found\",\"detail\":\"/a\\\"\\u000ab\"}\n");
	check_call(client, &place, "/unit", (struct souk_http_call){0}, 402,
		"{\"error\":\"PEER_UNPAID\",\"text\":\"payment required: the window of unpaid "
		"units "
		"is used up\",\"detail\":\"unit \\\"7\\\"\"}\n");
	assert_int_equal(
		call(client, &place, "/peer", (struct souk_http_call){0}, &answer), SOUK_OK);
	assert_memory_equal(answer.body, "127.0.0.1:", 10);
	souk_http_answer_done(&answer);
	souk_http_client_free(client);
	souk_http_server_stop(place.server);
}

static void test_calls(void **state)
{
	(void)state;
	run_calls((struct souk_http_server_config){.threading = SOUK_HTTP_POOL});
	run_calls((struct souk_http_server_config){.threading = SOUK_HTTP_POOL, .thread_count = 2});
	run_calls((struct souk_http_server_config){.threading = SOUK_HTTP_CONNECTION});
}

/* --- limits --- */

static void run_body_limit(enum souk_http_threading threading)
{
	static uint8_t body[100001];
	struct place place = start(
		(struct souk_http_server_config){.threading = threading, .body_size_max = 100000});
	struct souk_http_client *client;
	struct souk_http_answer answer;
	struct souk_http_call post = {
		.method = "POST", .body = souk_bytes_of(body, sizeof(body) - 1)};
	const char *chunked[] = {"Transfer-Encoding: chunked"};
	int before;

	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	memset(body, 'b', sizeof(body));
	assert_int_equal(call(client, &place, "/echo", post, &answer), SOUK_OK);
	assert_int_equal(answer.size, 100000);
	assert_memory_equal(answer.body, body, 100000);
	souk_http_answer_done(&answer);
	/* One byte more, with its length stated, then without. */
	before = handled;
	post.body.size++;
	for (post.header_count = 0; post.header_count < 2; post.header_count++) {
		post.headers = chunked;
		assert_int_equal(call(client, &place, "/echo", post, &answer), SOUK_OK);
		assert_int_equal(answer.status, 413);
		assert_non_null(strstr(answer.body, "PEER_OVERSIZED"));
		souk_http_answer_done(&answer);
	}
	assert_int_equal(handled, before);
	/* The limit of the client. */
	assert_int_equal(call(client, &place, "/static",
				 (struct souk_http_call){.answer_size_max = 4}, &answer),
		SOUK_PEER_OVERSIZED);
	check_call(client, &place, "/static", (struct souk_http_call){.answer_size_max = 5}, 200,
		"still");
	souk_http_client_free(client);
	souk_http_server_stop(place.server);
}

static void test_body_limit(void **state)
{
	(void)state;
	run_body_limit(SOUK_HTTP_POOL);
	run_body_limit(SOUK_HTTP_CONNECTION);
}

static void test_reply_limits(void **state)
{
	struct souk_http_reply reply = {0};
	char value[SOUK_HTTP_HEADER_VALUE_SIZE + 1];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	assert_int_equal(souk_http_reply_header(&reply, "A", value), SOUK_LOCAL_FULL);
	assert_int_equal(souk_http_reply_header(&reply, "A", value + 1), SOUK_OK);
	assert_int_equal(souk_http_reply_header(&reply, "A", "a\r\nB: c"), SOUK_PEER_BAD_REQUEST);
	for (int i = 1; i < SOUK_HTTP_REPLY_HEADERS_MAX; i++)
		assert_int_equal(souk_http_reply_header(&reply, "A", "a"), SOUK_OK);
	assert_int_equal(souk_http_reply_header(&reply, "A", "a"), SOUK_LOCAL_FULL);
	assert_int_equal(reply.header_count, SOUK_HTTP_REPLY_HEADERS_MAX);
	/* A detail too long to be told is left out; a second reply releases the first. */
	char *detail = calloc(1, 5000);
	memset(detail, 'd', 4999);
	souk_http_reply_problem(&reply, 400, SOUK_PEER_BAD_HEX, detail);
	free(detail);
	assert_null(memmem(reply.body.data, reply.body.size, "ddd", 3));
	assert_true(reply.body.size < 200);
	souk_http_reply_problem(&reply, 503, SOUK_IO_STORE, NULL);
	souk_http_reply_static(&reply, 200, NULL, souk_bytes_text(""));
}

static void test_status_of(void **state)
{
	(void)state;
	assert_int_equal(souk_http_status_of(SOUK_OK), 200);
	assert_int_equal(souk_http_status_of(SOUK_PEER_UNPAID), 402);
	assert_int_equal(souk_http_status_of(SOUK_PEER_BAD_HEX), 400);
	assert_int_equal(souk_http_status_of(SOUK_PEER_UNKNOWN_SESSION), 404);
	assert_int_equal(souk_http_status_of(SOUK_LOCAL_STATE), 409);
	assert_int_equal(souk_http_status_of(SOUK_IO_STORE), 503);
	assert_int_equal(souk_http_status_of(SOUK_CORRUPT_STORE), 500);
}

/* --- failures --- */

static void test_failures(void **state)
{
	struct place place = start((struct souk_http_server_config){.threading = SOUK_HTTP_POOL});
	struct souk_http_server *second = NULL;
	struct souk_http_client *client;
	struct souk_http_answer answer = {0};
	struct souk_http_server_config config = {.port = place.port, .handler = handler};

	(void)state;
	assert_int_equal(souk_http_server_start(&second, NULL, &config), SOUK_IO_NET);
	config = (struct souk_http_server_config){.address = "localhost", .handler = handler};
	assert_int_equal(souk_http_server_start(&second, NULL, &config), SOUK_LOCAL_CONFIG);
	config = (struct souk_http_server_config){
		.certificate_pem = "x", .key_pem = "y", .handler = handler};
	assert_int_equal(souk_http_server_start(&second, NULL, &config), SOUK_LOCAL_CONFIG);
	assert_null(second);
	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	assert_int_equal(
		call(client, &place, "/slow", (struct souk_http_call){.timeout_ms = 100}, &answer),
		SOUK_IO_TIMEOUT);
	assert_true(souk_http_client_error(client)[0] != 0);
	souk_http_server_stop(place.server);
	assert_int_equal(
		call(client, &place, "/static", (struct souk_http_call){0}, &answer), SOUK_IO_NET);
	strcpy(place.base, "file:///etc/passwd");
	assert_int_equal(
		call(client, &place, "", (struct souk_http_call){0}, &answer), SOUK_LOCAL_CONFIG);
	strcpy(place.base, "not a url");
	assert_int_equal(
		call(client, &place, "", (struct souk_http_call){0}, &answer), SOUK_LOCAL_CONFIG);
	assert_null(answer.body);
	souk_http_client_free(client);
}

static void run_pins(enum souk_http_threading threading)
{
	char name[] = "/tmp/souk-tls-XXXXXX", path[64];
	struct souk_tls_key key;
	struct souk_hash wrong;
	struct souk_http_client *client;
	struct souk_http_answer answer = {0};

	assert_non_null(mkdtemp(name));
	snprintf(path, sizeof(path), "%s/tls.pem", name);
	assert_int_equal(souk_tls_key_open(&key, path), SOUK_OK);
	struct place place = start((struct souk_http_server_config){.threading = threading,
		.certificate_pem = key.certificate_pem,
		.key_pem = key.key_pem});
	wrong = key.pin;
	wrong.bytes[31] ^= 1;
	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	int before = handled;
	/* No pin: unknown to the authorities. Wrong pin, also over a connection that is open. */
	assert_int_equal(call(client, &place, "/static", (struct souk_http_call){0}, &answer),
		SOUK_IO_TLS_PIN);
	assert_int_equal(
		call(client, &place, "/static", (struct souk_http_call){.pin = &wrong}, &answer),
		SOUK_IO_TLS_PIN);
	assert_int_equal(handled, before);
	check_call(
		client, &place, "/static", (struct souk_http_call){.pin = &key.pin}, 200, "still");
	assert_int_equal(
		call(client, &place, "/static", (struct souk_http_call){.pin = &wrong}, &answer),
		SOUK_IO_TLS_PIN);
	check_call(client, &place, "/echo",
		(struct souk_http_call){
			.pin = &key.pin, .method = "POST", .body = souk_bytes_text("e")},
		200, "e");
	assert_int_equal(call(client, &place, "/static", (struct souk_http_call){0}, &answer),
		SOUK_IO_TLS_PIN);
	assert_int_equal(handled, before + 2);
	souk_http_client_free(client);
	souk_http_server_stop(place.server);
	souk_tls_key_done(&key);
	unlink(path);
	rmdir(name);
}

static void test_pins(void **state)
{
	(void)state;
	run_pins(SOUK_HTTP_POOL);
	run_pins(SOUK_HTTP_CONNECTION);
}

/* --- bytes that are not HTTP --- */

static int connect_to(const struct place *place)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(place->port)};
	struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* What the server says to TEXT before it closes the connection. */
static void say(const struct place *place, const void *text, size_t size, char *out, size_t max)
{
	int fd = connect_to(place);
	size_t got = 0;
	ssize_t n;

	(void)!send(fd, text, size, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (got < max - 1 && (n = recv(fd, out + got, max - 1 - got, 0)) > 0)
		got += (size_t)n;
	out[got] = 0;
	close(fd);
}

static void run_garbage(enum souk_http_threading threading)
{
	static char text[100000], out[4096];
	struct place place = start((struct souk_http_server_config){
		.threading = threading, .body_size_max = 1000, .timeout_s = 2});
	struct souk_http_client *client;
	struct souk_rng rng;
	int before = handled;

	souk_rng_init(&rng, 1);
	for (int i = 0; i < 20; i++) {
		size_t size = 1 + souk_rng_below(&rng, 20000);
		souk_rng_fill(&rng, text, size);
		say(&place, text, size, out, sizeof(out));
	}
	/* A header line without end; no version; negative and absurd lengths; an endless body. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
	say(&place, text, sizeof(text), out, sizeof(out));
	assert_true(out[0] == 0 || strstr(out, " 431 "));
	say(&place, "GET\r\n\r\n", 7, out, sizeof(out));
	say(&place, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 52, out,
		sizeof(out));
	assert_null(strstr(out, " 200 "));
	say(&place,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		70, out, sizeof(out));
	assert_null(strstr(out, " 200 "));
	say(&place, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", 54, out,
		sizeof(out));
	assert_non_null(strstr(out, " 413 "));
	say(&place, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", 55, out,
		sizeof(out));
	assert_int_equal(handled, before);
	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	check_call(client, &place, "/static", (struct souk_http_call){0}, 200, "still");
	souk_http_client_free(client);
	souk_http_server_stop(place.server);
}

static void test_garbage(void **state)
{
	(void)state;
	run_garbage(SOUK_HTTP_POOL);
	run_garbage(SOUK_HTTP_CONNECTION);
}

/* --- streamed replies --- */

static void check_stream(struct souk_http_client *client, const struct place *place, uint64_t size)
{
	struct souk_http_answer answer;
	char path[64];

	snprintf(path, sizeof(path), "/stream?size=%ju", (uintmax_t)size);
	assert_int_equal(call(client, place, path, (struct souk_http_call){0}, &answer), SOUK_OK);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.size, size);
	for (size_t i = 0; i < answer.size; i++) {
		if ((uint8_t)answer.body[i] != stream_byte(i))
			fail_msg("byte %zu of %ju", i, (uintmax_t)size);
	}
	souk_http_answer_done(&answer);
}

static void run_streams(enum souk_http_threading threading)
{
	static const char head[] = "HEAD /stream?size=5000000000 HTTP/1.1\r\nHost: a\r\n\r\n";
	static char out[4096];
	struct place place = start((struct souk_http_server_config){.threading = threading});
	struct souk_http_client *client;
	struct souk_http_answer answer = {0};

	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	check_stream(client, &place, 0);
	check_stream(client, &place, 1);
	check_stream(client, &place, 131072);
	check_stream(client, &place, 900001);
	/* The headers of a stream without reading it. */
	uint64_t before = bytes_streamed;
	check_call(client, &place, "/stream?size=5000000000",
		(struct souk_http_call){.method = "HEAD"}, 200, "");
	say(&place, head, sizeof(head) - 1, out, sizeof(out));
	assert_non_null(strstr(out, "Content-Length: 5000000000\r\n"));
	assert_int_equal(bytes_streamed, before);
	/* Cut off at the first byte and in the midst: an error for the peer, never a whole body. */
	assert_int_not_equal(call(client, &place, "/stream?size=70000&fail=0",
				     (struct souk_http_call){0}, &answer),
		SOUK_OK);
	assert_int_not_equal(call(client, &place, "/stream?size=70000&fail=69999",
				     (struct souk_http_call){0}, &answer),
		SOUK_OK);
	assert_null(answer.body);
	check_stream(client, &place, 70000);
	souk_http_client_free(client);
	souk_http_server_stop(place.server);
	assert_int_equal(streams_open, 0);
}

static void test_streams(void **state)
{
	(void)state;
	run_streams(SOUK_HTTP_POOL);
	run_streams(SOUK_HTTP_CONNECTION);
}

/* A reader that waits learns that its peer has hung up, and one that sends to nobody ends. */
static void test_stream_peer_gone(void **state)
{
	static const char ask[] = "GET /stream?size=70000&wait HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char flood[] = "GET /stream?size=9000000000 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct place place =
		start((struct souk_http_server_config){.threading = SOUK_HTTP_CONNECTION});
	char out[64];
	int gone = peers_gone;

	(void)state;
	int fd = connect_to(&place);
	assert_int_equal(send(fd, ask, sizeof(ask) - 1, 0), sizeof(ask) - 1);
	assert_true(recv(fd, out, sizeof(out), 0) > 0);
	for (int i = 0; streams_waiting == 0 && i < 2000; i++)
		usleep(5000);
	close(fd);
	fd = connect_to(&place);
	assert_int_equal(send(fd, flood, sizeof(flood) - 1, 0), sizeof(flood) - 1);
	assert_true(recv(fd, out, sizeof(out), 0) > 0);
	close(fd);
	for (int i = 0; streams_open > 0 && i < 2000; i++)
		usleep(5000);
	assert_int_equal(streams_open, 0);
	assert_int_equal(peers_gone, gone + 1);
	souk_http_server_stop(place.server);
}

/* --- many transfers --- */

static souk_status fetch_start(struct souk_http_fetcher *fetcher, const struct place *place,
	const char *path, struct souk_http_fetch fetch)
{
	static const char *const headers[] = {"Souk-Ticket: abc def"};
	char url[128];

	snprintf(url, sizeof(url), "%s%s", place->base, path);
	fetch.url = url;
	if (!fetch.headers) {
		fetch.headers = headers;
		fetch.header_count = 1;
	}
	fetch.reply_header = "Souk-Key";
	return souk_http_fetcher_start(fetcher, &fetch);
}

static struct souk_http_fetched fetch_wait(struct souk_http_fetcher *fetcher)
{
	struct souk_http_fetched fetched = {0};
	uint64_t start_ns = souk_clock_steady_ns();

	while (!souk_http_fetcher_next(fetcher, &fetched)) {
		assert_true(souk_clock_steady_ns() - start_ns < 20000000000u);
		assert_int_equal(souk_http_fetcher_poll(fetcher, 1000, -1), SOUK_OK);
	}
	return fetched;
}

/* 96 units over at most 4 connections, 8 at a time. */
static void test_fetch_many(void **state)
{
	enum { COUNT = 96, AT_ONCE = 8 };
	struct place place = start(
		(struct souk_http_server_config){.threading = SOUK_HTTP_POOL, .thread_count = 2});
	struct souk_http_fetcher *fetcher;
	uint8_t *buffers = malloc(AT_ONCE * (size_t)UNIT_SIZE);
	int indexes[AT_ONCE], started = 0, done = 0, seen[COUNT] = {0};
	char path[32];

	(void)state;
	assert_int_equal(souk_http_fetcher_new(&fetcher, AT_ONCE, 4), SOUK_OK);
	while (done < COUNT) {
		for (int slot = started; slot < AT_ONCE && started < AT_ONCE; slot++, started++) {
			indexes[slot] = slot;
			snprintf(path, sizeof(path), "/unit?i=%d", slot);
			assert_int_equal(
				fetch_start(fetcher, &place, path,
					(struct souk_http_fetch){
						.destination = buffers + (size_t)slot * UNIT_SIZE,
						.size_max = UNIT_SIZE,
						.user = &indexes[slot]}),
				SOUK_OK);
		}
		struct souk_http_fetched got = fetch_wait(fetcher);
		int *index = got.user;
		size_t slot = (size_t)(index - indexes);
		const uint8_t *unit = buffers + slot * UNIT_SIZE;
		assert_int_equal(got.status, SOUK_OK);
		assert_int_equal(got.http_status, 200);
		assert_int_equal(got.size, UNIT_SIZE);
		assert_string_equal(got.reply_header, "abc def");
		assert_int_equal(unit[0], *index);
		assert_memory_equal(unit, unit + 1, UNIT_SIZE - 1);
		assert_int_equal(seen[*index]++, 0);
		done++;
		if (started == COUNT)
			continue;
		*index = started++;
		snprintf(path, sizeof(path), "/unit?i=%d", *index);
		assert_int_equal(
			fetch_start(fetcher, &place, path,
				(struct souk_http_fetch){.destination = buffers + slot * UNIT_SIZE,
					.size_max = UNIT_SIZE,
					.user = index}),
			SOUK_OK);
	}
	assert_int_equal(souk_http_fetcher_count(fetcher), 0);
	souk_http_fetcher_free(fetcher);
	souk_http_server_stop(place.server);
	free(buffers);
}

static void test_fetch_faults(void **state)
{
	struct place place =
		start((struct souk_http_server_config){.threading = SOUK_HTTP_CONNECTION});
	struct souk_http_fetcher *fetcher;
	struct souk_http_fetched got;
	uint8_t *buffer = malloc(UNIT_SIZE);
	struct souk_http_fetch fetch = {.destination = buffer, .size_max = UNIT_SIZE - 1};
	const char *none[] = {"X: y"};
	int a, b;

	(void)state;
	assert_int_equal(souk_http_fetcher_new(&fetcher, 2, 2), SOUK_OK);
	/* Too much, by one byte: cut off, and nothing behind the destination was touched. */
	buffer[UNIT_SIZE - 1] = 0xee;
	assert_int_equal(fetch_start(fetcher, &place, "/unit?i=3", fetch), SOUK_OK);
	got = fetch_wait(fetcher);
	assert_int_equal(got.status, SOUK_PEER_WRONG_LENGTH);
	assert_int_equal(buffer[UNIT_SIZE - 1], 0xee);
	/* 402 is an answer, with its text, also where the text does not fit. */
	fetch.headers = none;
	fetch.header_count = 1;
	fetch.size_max = 20;
	assert_int_equal(fetch_start(fetcher, &place, "/unit?i=3", fetch), SOUK_OK);
	got = fetch_wait(fetcher);
	assert_int_equal(got.status, SOUK_OK);
	assert_int_equal(got.http_status, 402);
	assert_int_equal(got.size, 20);
	assert_memory_equal(buffer, "{\"error\":\"PEER_UNPAI", 20);
	assert_string_equal(got.reply_header, "");
	/* A timeout beside a full engine, and a cancel. */
	fetch.user = &a;
	fetch.timeout_ms = 100;
	assert_int_equal(fetch_start(fetcher, &place, "/slow", fetch), SOUK_OK);
	fetch.user = &b;
	fetch.timeout_ms = 0;
	assert_int_equal(fetch_start(fetcher, &place, "/slow", fetch), SOUK_OK);
	assert_int_equal(fetch_start(fetcher, &place, "/static", fetch), SOUK_LOCAL_FULL);
	got = fetch_wait(fetcher);
	assert_ptr_equal(got.user, &a);
	assert_int_equal(got.status, SOUK_IO_TIMEOUT);
	souk_http_fetcher_cancel(fetcher, &b);
	assert_int_equal(souk_http_fetcher_count(fetcher), 0);
	/* Wrong URLs, and nobody there. */
	strcpy(place.base, "file:///");
	assert_int_equal(fetch_start(fetcher, &place, "etc", fetch), SOUK_LOCAL_CONFIG);
	souk_http_server_stop(place.server);
	snprintf(place.base, sizeof(place.base), "http://127.0.0.1:%u", place.port);
	assert_int_equal(fetch_start(fetcher, &place, "/static", fetch), SOUK_OK);
	got = fetch_wait(fetcher);
	assert_int_equal(got.status, SOUK_IO_NET);
	assert_int_equal(got.http_status, 0);
	souk_http_fetcher_free(fetcher);
	free(buffer);
}

/* Bodies are sent as they are, a GET may follow on the same handle, and a connection that is open
 * is no way around a pin. */
static void test_fetch_posts(void **state)
{
	char name[] = "/tmp/souk-tls-XXXXXX", path[64];
	struct souk_tls_key key;
	struct souk_hash wrong;
	struct souk_http_fetcher *fetcher;
	struct souk_http_fetched got;
	uint8_t body[5000], out[sizeof(body)];
	struct souk_http_fetch fetch = {
		.destination = out, .size_max = sizeof(out), .pin = &key.pin};

	(void)state;
	assert_non_null(mkdtemp(name));
	snprintf(path, sizeof(path), "%s/tls.pem", name);
	assert_int_equal(souk_tls_key_open(&key, path), SOUK_OK);
	struct place place = start((struct souk_http_server_config){
		.certificate_pem = key.certificate_pem, .key_pem = key.key_pem});
	assert_int_equal(souk_http_fetcher_new(&fetcher, 1, 1), SOUK_OK);
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * i);
	fetch.body = souk_bytes_of(body, sizeof(body));
	assert_int_equal(fetch_start(fetcher, &place, "/echo", fetch), SOUK_OK);
	/* It was copied. */
	memset(body, 0, 100);
	got = fetch_wait(fetcher);
	assert_int_equal(got.status, SOUK_OK);
	assert_int_equal(got.http_status, 200);
	assert_int_equal(got.size, sizeof(body));
	assert_int_equal(out[3], 9);
	assert_memory_equal(out + 100, body + 100, sizeof(body) - 100);
	fetch.body = souk_bytes_of(NULL, 0);
	assert_int_equal(fetch_start(fetcher, &place, "/static", fetch), SOUK_OK);
	got = fetch_wait(fetcher);
	assert_int_equal(got.size, 5);
	assert_memory_equal(out, "still", 5);
	wrong = key.pin;
	wrong.bytes[0] ^= 1;
	fetch.pin = &wrong;
	int before = handled;
	assert_int_equal(fetch_start(fetcher, &place, "/static", fetch), SOUK_OK);
	got = fetch_wait(fetcher);
	assert_int_equal(got.status, SOUK_IO_TLS_PIN);
	assert_int_equal(handled, before);
	souk_http_fetcher_free(fetcher);
	souk_http_server_stop(place.server);
	souk_tls_key_done(&key);
	unlink(path);
	rmdir(name);
}

/* Another descriptor, and a wake, end a poll. */
static void test_fetch_wakes(void **state)
{
	struct souk_http_fetcher *fetcher;
	int ends[2];
	uint64_t start_ns = souk_clock_steady_ns();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(souk_http_fetcher_new(&fetcher, 1, 1), SOUK_OK);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(souk_http_fetcher_poll(fetcher, 10000, ends[0]), SOUK_OK);
	souk_http_fetcher_wake(fetcher);
	assert_int_equal(souk_http_fetcher_poll(fetcher, 10000, -1), SOUK_OK);
	assert_true(souk_clock_steady_ns() - start_ns < 5000000000u);
	souk_http_fetcher_free(fetcher);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_body_limit),
		cmocka_unit_test(test_reply_limits),
		cmocka_unit_test(test_status_of),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_stream_peer_gone),
		cmocka_unit_test(test_fetch_many),
		cmocka_unit_test(test_fetch_faults),
		cmocka_unit_test(test_fetch_posts),
		cmocka_unit_test(test_fetch_wakes),
	};

	if (souk_pool_new(&pool, 16, UNIT_SIZE) != SOUK_OK)
		return 99;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	/* Traps where a server has not given every buffer back. */
	souk_pool_free(pool);
	return failed;
}
