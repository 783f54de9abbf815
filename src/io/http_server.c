/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_seats.h"
#include "souk/base/check.h"

#define CONNECTION_MAX_DEFAULT 256
#define BODY_MAX_DEFAULT       ((size_t)1 << 20)
#define TIMEOUT_DEFAULT_S      30
/* For a connection's request line and headers; more is answered 431. */
#define HEADER_MEMORY	 32768
#define BODY_ROOM_FIRST	 4096
#define PROBLEM_TEXT_MAX 1024
#define LISTEN_BACKLOG	 128
/* Connections beyond those that there are seats for: while one is being given up. */
#define STANDING 8u
/* TLS 1.3, and of its ciphers AES-128 first: with it goes SHA-256, which processors compute; with
 * AES-256 goes SHA-384, which they do not. Neither is weaker than the curves. Of these X25519 goes
 * first, which clients guess: another one costs them a round trip. */
#define TLS_PRIORITIES                                                                             \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305:+AES-256-GCM:"  \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:"             \
	"%SERVER_PRECEDENCE"
/* What a streamed reply holds at once. */
#define STREAM_BLOCK 131072

struct souk_http_server {
	struct MHD_Daemon *daemon;
	souk_http_handler *handler;
	void *ctx;
	size_t body_size_max;
	struct http_seats *seats; /* NULL: who comes first has them */
};

/* A request whose body is still coming. */
struct upload {
	uint8_t *data;
	size_t size, room;
	uint64_t seen;	/* bytes that came, those dropped included */
	bool is_failed; /* no memory */
};

/* --- requests --- */

const char *souk_http_request_query(const struct souk_http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool souk_http_request_has_query(const struct souk_http_request *request, const char *name)
{
	return MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
		       strlen(name), NULL, NULL) == MHD_YES;
}

int souk_http_request_socket(const struct souk_http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

bool souk_http_peer_is_gone(int socket)
{
	struct pollfd poll_fd = {.fd = socket, .events = POLLRDHUP};

	return socket >= 0 && poll(&poll_fd, 1, 0) > 0 &&
	       (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

const char *souk_http_request_header(const struct souk_http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void souk_http_request_peer(
	const struct souk_http_request *request, char out[SOUK_HTTP_PEER_TEXT_SIZE])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;

	if (info && info->client_addr && info->client_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)info->client_addr;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		port = ntohs(in->sin_port);
	} else if (info && info->client_addr && info->client_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)info->client_addr;
		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		port = ntohs(in->sin6_port);
	}
	snprintf(
		out, SOUK_HTTP_PEER_TEXT_SIZE, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

/* --- replies --- */

static void drop_body(struct souk_http_reply *reply)
{
	if (reply->release)
		reply->release(reply->release_ctx);
	reply->release = NULL;
	reply->reader = NULL;
	reply->body = souk_bytes_of(NULL, 0);
}

void souk_http_reply_owned(struct souk_http_reply *reply, unsigned status, const char *content_type,
	struct souk_bytes body, void (*release)(void *ctx), void *release_ctx)
{
	drop_body(reply);
	reply->status = status;
	reply->content_type = content_type;
	reply->body = body;
	reply->release = release;
	reply->release_ctx = release_ctx;
}

void souk_http_reply_static(struct souk_http_reply *reply, unsigned status,
	const char *content_type, struct souk_bytes body)
{
	souk_http_reply_owned(reply, status, content_type, body, NULL, NULL);
}

void souk_http_reply_stream(struct souk_http_reply *reply, unsigned status,
	const char *content_type, uint64_t size, souk_http_reader *reader,
	void (*release)(void *ctx), void *ctx)
{
	souk_http_reply_owned(reply, status, content_type, souk_bytes_of(NULL, 0), release, ctx);
	reply->reader = reader;
	reply->stream_size = size;
}

void souk_http_reply_copy(struct souk_http_reply *reply, unsigned status, const char *content_type,
	struct souk_bytes body)
{
	uint8_t *copy = malloc(body.size + 1);

	if (!copy) {
		souk_http_reply_static(reply, 503, NULL, souk_bytes_of(NULL, 0));
		return;
	}
	if (body.size)
		memcpy(copy, body.data, body.size);
	souk_http_reply_owned(
		reply, status, content_type, souk_bytes_of(copy, body.size), free, copy);
}

unsigned souk_http_status_of(souk_status problem)
{
	switch (problem) {
	case SOUK_OK: return 200;
	case SOUK_PEER_UNPAID: return 402;
	case SOUK_PEER_BAD_AUTH: return 403;
	case SOUK_PEER_UNKNOWN_SESSION:
	case SOUK_PEER_UNKNOWN_CONTENT:
	case SOUK_PEER_NO_CHUNK:
	case SOUK_PEER_NO_ESCROW:
	case SOUK_PEER_NO_ALLOTMENT:
	case SOUK_PEER_NO_ACCOUNT:
	case SOUK_PEER_NO_PROVIDER:
	case SOUK_LOCAL_NOT_FOUND: return 404;
	case SOUK_PEER_OVERSIZED: return 413;
	case SOUK_LOCAL_FULL: return 503;
	default: break;
	}
	switch (souk_status_class(problem)) {
	case SOUK_CLASS_OK: return 200;
	case SOUK_CLASS_PEER: return 400;
	case SOUK_CLASS_LOCAL: return 409;
	case SOUK_CLASS_IO: return 503;
	case SOUK_CLASS_CORRUPT: break;
	}
	return 500;
}

/* The inside of a JSON string. A detail may quote what a peer sent. */
static void write_json_text(struct souk_writer *writer, const char *text)
{
	char escape[8];

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		else
			snprintf(escape, sizeof(escape), "%c", c);
		souk_writer_text(writer, escape);
	}
}

void souk_http_reply_problem(
	struct souk_http_reply *reply, unsigned status, souk_status problem, const char *detail)
{
	char text[PROBLEM_TEXT_MAX];
	struct souk_writer writer;
	struct souk_bytes body;

	souk_writer_init(&writer, text, sizeof(text));
	souk_writer_text(&writer, "{\"error\":\"");
	souk_writer_text(&writer, souk_status_name(problem));
	souk_writer_text(&writer, "\",\"text\":\"");
	write_json_text(&writer, souk_status_text(problem));
	if (detail) {
		souk_writer_text(&writer, "\",\"detail\":\"");
		write_json_text(&writer, detail);
	}
	souk_writer_text(&writer, "\"}\n");
	if (souk_writer_finish(&writer, &body) == SOUK_OK)
		souk_http_reply_copy(reply, status, "application/json", body);
	else
		souk_http_reply_problem(reply, status, problem, NULL);
}

souk_status souk_http_reply_header(
	struct souk_http_reply *reply, const char *name, const char *value)
{
	size_t size = strlen(value);

	if (reply->header_count == SOUK_HTTP_REPLY_HEADERS_MAX ||
		size >= SOUK_HTTP_HEADER_VALUE_SIZE)
		return SOUK_LOCAL_FULL;
	for (const char *p = value; *p; p++) {
		if (*p < 0x20 || *p > 0x7e)
			return SOUK_PEER_BAD_REQUEST;
	}
	struct souk_http_reply_header *header = &reply->headers[reply->header_count++];
	header->name = name;
	memcpy(header->value, value, size + 1);
	return SOUK_OK;
}

/* --- between the two --- */

/* A reply that is being streamed. */
struct stream {
	souk_http_reader *reader;
	void (*release)(void *ctx);
	void *ctx;
};

static ssize_t read_stream(void *cls, uint64_t offset, char *out, size_t size)
{
	struct stream *stream = cls;
	size_t got = size ? stream->reader(stream->ctx, offset, (uint8_t *)out, size) : 0;

	SOUK_CHECK(got <= size);
	return got ? (ssize_t)got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_stream(void *cls)
{
	struct stream *stream = cls;

	if (stream->release)
		stream->release(stream->ctx);
	free(stream);
}

static struct MHD_Response *stream_response(const struct souk_http_reply *reply)
{
	struct stream *stream = malloc(sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct stream){reply->reader, reply->release, reply->release_ctx};
	struct MHD_Response *response = MHD_create_response_from_callback(
		reply->stream_size, STREAM_BLOCK, read_stream, stream, free_stream);
	if (!response)
		free(stream);
	return response;
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct souk_http_reply *reply)
{
	struct MHD_Response *response;
	void *data = (void *)(uintptr_t)reply->body.data;

	if (reply->reader)
		response = stream_response(reply);
	else if (reply->release)
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			reply->body.size, data, reply->release, reply->release_ctx);
	else
		response = MHD_create_response_from_buffer(
			reply->body.size, data, MHD_RESPMEM_PERSISTENT);
	if (!response) {
		drop_body(reply);
		return MHD_NO;
	}
	if (reply->content_type)
		MHD_add_response_header(response, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
	enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_problem(struct MHD_Connection *connection, souk_status problem)
{
	struct souk_http_reply reply;

	reply.release = NULL;
	reply.reader = NULL;
	reply.header_count = 0;
	souk_http_reply_problem(&reply, souk_http_status_of(problem), problem, NULL);
	return send_reply(connection, &reply);
}

static enum MHD_Result answer(struct souk_http_server *server, struct MHD_Connection *connection,
	const char *path, const char *method, const struct upload *upload)
{
	struct souk_http_request request = {.method = method,
		.path = path,
		.body = souk_bytes_of(upload->data, upload->size),
		.connection = connection};
	struct souk_http_reply reply;

	/* Not the header values: zeroing 4 KiB for each unit would be felt. */
	reply.status = 500;
	reply.content_type = NULL;
	reply.body = souk_bytes_of(NULL, 0);
	reply.reader = NULL;
	reply.release = NULL;
	reply.release_ctx = NULL;
	reply.header_count = 0;
	server->handler(server->ctx, &request, &reply);
	return send_reply(connection, &reply);
}

static void upload_grow(struct souk_http_server *server, struct upload *upload, size_t size)
{
	size_t room = upload->room ? upload->room : BODY_ROOM_FIRST;

	while (room < size)
		room *= 2;
	if (room > server->body_size_max)
		room = server->body_size_max;
	uint8_t *data = realloc(upload->data, room);
	if (!data) {
		upload->is_failed = true;
		return;
	}
	upload->data = data;
	upload->room = room;
}

/* An answer cannot be given before the body has ended, so a little too much is read and dropped;
 * who goes on is cut off. */
static enum MHD_Result upload_add(
	struct souk_http_server *server, struct upload *upload, const char *data, size_t *size)
{
	size_t taken = *size;

	*size = 0;
	upload->seen += taken;
	if (upload->seen > server->body_size_max)
		return upload->seen > 2 * (uint64_t)server->body_size_max + 65536 ? MHD_NO
										  : MHD_YES;
	if (upload->size + taken > upload->room)
		upload_grow(server, upload, upload->size + taken);
	if (upload->is_failed)
		return MHD_YES;
	memcpy(upload->data + upload->size, data, taken);
	upload->size += taken;
	return MHD_YES;
}

static bool states_too_long_body(
	const struct souk_http_server *server, struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > server->body_size_max;
}

/* libmicrohttpd calls this once with the headers, then for each piece of the body, then once more
 * without any. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct souk_http_server *server = cls;
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *address =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		http_seats_leave(server->seats, *context);
		*context = NULL;
	} else if (fd && address && address->client_addr) {
		*context = http_seats_take(server->seats, fd->connect_fd, address->client_addr);
	}
}

static struct http_seat *seat_of(
	const struct souk_http_server *server, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		server->seats
			? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			: NULL;

	return info ? info->socket_context : NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct souk_http_server *server = cls;
	struct upload *upload = *state;

	(void)version;
	if (!upload) {
		if (states_too_long_body(server, connection))
			return send_problem(connection, SOUK_PEER_OVERSIZED);
		http_seats_begin(server->seats, seat_of(server, connection));
		*state = calloc(1, sizeof(*upload));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*size)
		return upload_add(server, upload, data, size);
	if (upload->seen > server->body_size_max)
		return send_problem(connection, SOUK_PEER_OVERSIZED);
	if (upload->is_failed)
		return send_problem(connection, SOUK_IO_MEMORY);
	return answer(server, connection, url, method, upload);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct souk_http_server *server = cls;
	struct upload *upload = *state;

	(void)code;
	http_seats_end(server->seats, seat_of(server, connection));
	if (upload)
		free(upload->data);
	free(upload);
	*state = NULL;
}

/* Complaints about peers' bytes come by the thousand and name nothing: dropped. */
static void on_log(void *cls, const char *format, va_list args)
{
	(void)cls;
	(void)format;
	(void)args;
}

/* --- start and stop --- */

static souk_status parse_address(
	const char *address, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		*ret_size = sizeof(*in);
		return SOUK_OK;
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		*ret_size = sizeof(*in6);
		return SOUK_OK;
	}
	return SOUK_LOCAL_CONFIG;
}

/* Our own socket, so that a taken port is told from a wrong certificate. */
static souk_status listen_on(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
	struct sockaddr_storage sa;
	socklen_t size;
	int on = 1;

	SOUK_TRY(parse_address(address, port, &sa, &size));
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SOUK_IO_NET;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, size) < 0 || listen(fd, LISTEN_BACKLOG) < 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &size) < 0) {
		close(fd);
		return SOUK_IO_NET;
	}
	*ret_fd = fd;
	*ret_port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
						  : ((struct sockaddr_in6 *)&sa)->sin6_port);
	return SOUK_OK;
}

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value ? value : otherwise;
}

static unsigned daemon_flags(const struct souk_http_server_config *config)
{
	unsigned flags = config->threading == SOUK_HTTP_POOL
				 ? MHD_USE_EPOLL_INTERNAL_THREAD
				 : MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					   MHD_USE_POLL;

	if (config->certificate_pem)
		flags |= MHD_USE_TLS;
	return flags | MHD_USE_ITC | MHD_USE_ERROR_LOG;
}

static struct MHD_Daemon *start_daemon(
	struct souk_http_server *server, const struct souk_http_server_config *config, int fd)
{
	unsigned connections = or_default(config->connection_max, CONNECTION_MAX_DEFAULT);
	struct MHD_OptionItem options[13] = {
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, server},
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, connections + (server->seats ? STANDING : 0), NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, or_default(config->timeout_s, TIMEOUT_DEFAULT_S),
			NULL},
		{MHD_OPTION_PER_IP_CONNECTION_LIMIT, config->connection_per_ip_max, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_MEMORY, NULL},
	};
	size_t n = 7;

	if (config->threading == SOUK_HTTP_POOL && config->thread_count > 1)
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_THREAD_POOL_SIZE, config->thread_count, NULL};
	if (server->seats)
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server};
	if (config->certificate_pem) {
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)config->certificate_pem};
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)config->key_pem};
		options[n++] = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES};
	}
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	return MHD_start_daemon(daemon_flags(config), 0, NULL, NULL, on_request, server,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

souk_status souk_http_server_start(struct souk_http_server **ret_server, uint16_t *ret_port,
	const struct souk_http_server_config *config)
{
	uint16_t port;
	int fd;

	SOUK_CHECK(config->handler && !config->certificate_pem == !config->key_pem);
	SOUK_TRY(listen_on(
		config->address ? config->address : "127.0.0.1", config->port, &fd, &port));
	struct souk_http_server *server = calloc(1, sizeof(*server));
	if (!server) {
		close(fd);
		return SOUK_IO_MEMORY;
	}
	server->handler = config->handler;
	server->ctx = config->ctx;
	server->body_size_max = config->body_size_max ? config->body_size_max : BODY_MAX_DEFAULT;
	souk_status status = SOUK_OK;
	if (config->connections_are_shared)
		status = http_seats_new(
			&server->seats, or_default(config->connection_max, CONNECTION_MAX_DEFAULT));
	if (status == SOUK_OK)
		server->daemon = start_daemon(server, config, fd);
	if (!server->daemon) {
		close(fd);
		http_seats_free(server->seats);
		free(server);
		SOUK_TRY(status);
		return config->certificate_pem ? SOUK_LOCAL_CONFIG : SOUK_IO_NET;
	}
	if (ret_port)
		*ret_port = port;
	*ret_server = server;
	return SOUK_OK;
}

void souk_http_server_stop(struct souk_http_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	http_seats_free(server->seats);
	free(server);
}
