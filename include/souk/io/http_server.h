/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/http_server.h - an HTTP/1.1 server with limits, over libmicrohttpd.
 *
 * One handler answers every request, whole: it is called once the body is here,
 * and fills in a reply. Two shapes of threads:
 *
 *   POOL        N threads, each an epoll loop over its share of the connections.
 *               The handler runs in the loop and must not block. For bulk data.
 *   CONNECTION  a thread for each connection: the handler may block, for instance
 *               on a durable commit. For control and the ledger.
 *
 * A reply may be streamed: its length is known, and its bytes are read piece by piece while it is
 * sent. Where they cannot be read the connection ends at once, so the peer sees that the reply was
 * cut off: it is never short and called complete. A reader that waits for its bytes must be in
 * CONNECTION; one that reads a file may be in POOL.
 *
 * Refused before the handler sees it: a body over body_max (413), headers that do
 * not fit (431), bytes that are not HTTP (400), connections over connection_max.
 * With a certificate the server speaks TLS 1.3 only.
 *
 * Memory: heap. Threads: start and stop from one; the handler runs in many at once.
 * They inherit the signal mask of start: block there what the main thread waits for. */
#ifndef SOUK_IO_HTTP_SERVER_H
#define SOUK_IO_HTTP_SERVER_H

#include <stdbool.h>

#include "souk/base/bytes.h"
#include "souk/base/status.h"

#define SOUK_HTTP_REPLY_HEADERS_MAX 16
#define SOUK_HTTP_HEADER_VALUE_SIZE 512 /* with its terminator */
#define SOUK_HTTP_PEER_TEXT_SIZE    64

struct souk_http_server;

/* Borrowed for the call of the handler. */
struct souk_http_request {
	const char *method; /* "GET" */
	const char *path;   /* "/v1/units", decoded, without the query */
	struct souk_bytes body;
	void *connection; /* the server's own */
};

/* The first value of NAME in the query string, decoded; NULL where it is not there. */
const char *souk_http_request_query(const struct souk_http_request *request, const char *name);
/* Whether NAME is in the query string, with a value or bare: "?json". */
bool souk_http_request_has_query(const struct souk_http_request *request, const char *name);
/* The value of header NAME, any case; NULL where it is not there. */
const char *souk_http_request_header(const struct souk_http_request *request, const char *name);
/* "127.0.0.1:4711", for logs. */
void souk_http_request_peer(
	const struct souk_http_request *request, char out[SOUK_HTTP_PEER_TEXT_SIZE]);

/* The place of a connection, for souk_http_peer_is_gone; -1 where there is none. */
int souk_http_request_socket(const struct souk_http_request *request);
/* Whether the peer of SOCKET has hung up or sends no more, so that nobody waits for a reply; while
 * that reply is made or streamed, on its thread. */
bool souk_http_peer_is_gone(int socket);

/* souk_http_reader: the bytes of a streamed reply from OFFSET on, at most SIZE of them.
 *
 * Returns how many: at least 1; or 0, and the connection ends. It is asked in order, on the thread
 * of the connection, and never past the end. It must return before the server's timeout is over. */
typedef size_t souk_http_reader(void *ctx, uint64_t offset, uint8_t *out, size_t size);

struct souk_http_reply_header {
	const char *name; /* static */
	char value[SOUK_HTTP_HEADER_VALUE_SIZE];
};

/* Filled in by the functions below; a handler that fills in nothing answers 500. */
struct souk_http_reply {
	unsigned status;
	const char *content_type; /* static; NULL for none */
	struct souk_bytes body;
	souk_http_reader *reader; /* of a streamed reply; then body is not used */
	uint64_t stream_size;
	void (*release)(void *ctx); /* once the body is sent, or never will be; may be NULL */
	void *release_ctx;
	size_t header_count;
	struct souk_http_reply_header headers[SOUK_HTTP_REPLY_HEADERS_MAX];
};

/* Answer with bytes that outlive the server. */
void souk_http_reply_static(struct souk_http_reply *reply, unsigned status,
	const char *content_type, struct souk_bytes body);

/* Answer with a copy of BODY; where there is no memory for it, with 503. */
void souk_http_reply_copy(struct souk_http_reply *reply, unsigned status, const char *content_type,
	struct souk_bytes body);

/* Answer with BODY itself, sent without a copy. RELEASE(RELEASE_CTX) is called exactly once, from
 * some thread of the server, when the body is no longer needed. */
void souk_http_reply_owned(struct souk_http_reply *reply, unsigned status, const char *content_type,
	struct souk_bytes body, void (*release)(void *ctx), void *release_ctx);

/* Answer with SIZE bytes that READER(CTX, ...) gives; to HEAD with their headers alone.
 * RELEASE(CTX) as above; it may be NULL. */
void souk_http_reply_stream(struct souk_http_reply *reply, unsigned status,
	const char *content_type, uint64_t size, souk_http_reader *reader,
	void (*release)(void *ctx), void *ctx);

/* Answer {"error":"PEER_UNPAID","text":"...","detail":"..."}; DETAIL may be NULL. */
void souk_http_reply_problem(
	struct souk_http_reply *reply, unsigned status, souk_status problem, const char *detail);

/* The HTTP status that fits PROBLEM where a handler has no better idea: 402 for PEER_UNPAID, 404
 * for what is unknown, 400 for other PEER, 409 for LOCAL, 503 for IO, 500 for CORRUPT. */
unsigned souk_http_status_of(souk_status problem);

/* souk_http_reply_header: add a header; before or after the body is set.
 *
 *  In:     name   static
 *          value  copied; visible characters and spaces only
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL         too many, or too long; reply unchanged.
 *   SOUK_PEER_BAD_REQUEST   VALUE has characters no header may have; reply unchanged. */
SOUK_MUST_CHECK souk_status souk_http_reply_header(
	struct souk_http_reply *reply, const char *name, const char *value);

typedef void souk_http_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply);

enum souk_http_threading {
	SOUK_HTTP_POOL,
	SOUK_HTTP_CONNECTION,
};

struct souk_http_server_config {
	const char *address;		       /* numeric IPv4 or IPv6; NULL means 127.0.0.1 */
	uint16_t port;			       /* 0: any free one */
	const char *certificate_pem, *key_pem; /* both, or both NULL for plain HTTP; not kept */
	enum souk_http_threading threading;
	unsigned thread_count;		/* of a pool; 0 means 1 */
	unsigned connection_max;	/* 0 means 256 */
	unsigned connection_per_ip_max; /* 0 means no limit */
	/* When all are taken, the network with most of them gives up the one that it used longest
	 * ago: so nobody is kept out by those who only hold them. */
	bool connections_are_shared;
	size_t body_size_max; /* 0 means 1 MiB */
	unsigned timeout_s;   /* an idle connection is closed after it; 0 means 30 */
	souk_http_handler *handler;
	void *ctx;
};

/* souk_http_server_start: listen and serve until stopped.
 *
 *  Out:    ret_server
 *          ret_port    the port it is on; may be NULL
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_CONFIG  the address is no numeric one, or the certificate and key do not fit.
 *   SOUK_IO_NET        the port is taken or not allowed. Tell the operator which one.
 *   SOUK_IO_MEMORY     out of memory. */
SOUK_MUST_CHECK souk_status souk_http_server_start(struct souk_http_server **ret_server,
	uint16_t *ret_port, const struct souk_http_server_config *config);

/* Stop listening, let running handlers return, close the connections. NULL is allowed. */
void souk_http_server_stop(struct souk_http_server *server);

#endif
