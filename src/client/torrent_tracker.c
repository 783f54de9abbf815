/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the peers of a torrent are: from its trackers, or from a name and a port. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/io/http_client.h"
#include "souk/io/network.h"
#include "torrent_fetch.h"

#define URL_MAX	   2048
#define ANSWER_MAX (64u << 10)
#define TRACKER_MS 10000u
#define STOPPED_MS 2000u

struct ask {
	struct souk_http_client *http;
	const struct souk_torrent *torrent;
	const struct torrent_events *events;
	bool is_local_allowed;
	uint8_t peer_id[20];
};

static bool is_http(struct souk_bytes url)
{
	return (url.size > 7 && memcmp(url.data, "http://", 7) == 0) ||
	       (url.size > 8 && memcmp(url.data, "https://", 8) == 0);
}

static void note(const struct ask *ask, struct souk_bytes url, souk_status status)
{
	char shown[100], text[400];
	const char *more = is_http(url) ? souk_http_client_error(ask->http) : "";
	size_t size = url.size < sizeof shown - 1 ? url.size : sizeof shown - 1;
	if (ask->events->note == NULL)
		return;
	for (size_t i = 0; i < size; i++)
		shown[i] = (char)(url.data[i] >= 0x20 && url.data[i] < 0x7f ? url.data[i] : '?');
	shown[size] = '\0';
	snprintf(text, sizeof text, "tracker %s: %s (%s)%s%.200s", shown, souk_status_text(status),
		souk_status_name(status), more[0] != '\0' ? ": " : "", more);
	ask->events->note(ask->events->ctx, text);
}

static souk_status call(
	struct ask *ask, struct souk_bytes url, const char *event, struct souk_http_answer *ret)
{
	char text[URL_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, text, sizeof text - 1);
	SOUK_TRY(souk_tracker_query(&writer, url, &ask->torrent->infohash, ask->peer_id,
		ask->torrent->directory.total_size, event));
	text[writer.size] = '\0';
	const struct souk_http_call http = {.url = text,
		.timeout_ms = event[3] == 'r' ? TRACKER_MS : STOPPED_MS,
		.answer_size_max = ANSWER_MAX,
		.is_public_only = !ask->is_local_allowed};
	return souk_http_client_call(ask->http, &http, ret);
}

/* No more peers are sent here: nothing is served. Whatever it answers. */
static void take_back(struct ask *ask, struct souk_bytes url)
{
	struct souk_http_answer answer = {0};
	souk_status status = call(ask, url, "stopped", &answer);
	(void)status;
	souk_http_answer_done(&answer);
}

/* PEERS without those of the local network; how many are left of COUNT. */
static size_t drop_local(struct ask *ask, struct souk_torrent_peer *peers, size_t count)
{
	size_t kept = 0;
	char text[160];
	for (size_t i = 0; i < count; i++) {
		if (ask->is_local_allowed ||
			(peers[i].is_v6 ? souk_network_is_public_v6(peers[i].address)
					: souk_network_is_public_v4(peers[i].address)))
			peers[kept++] = peers[i];
	}
	if (kept < count && ask->events->note != NULL) {
		snprintf(text, sizeof text,
			"left out %zu peers of the local network (--local asks them, too)",
			count - kept);
		ask->events->note(ask->events->ctx, text);
	}
	return kept;
}

static souk_status ask_one(struct ask *ask, struct souk_bytes url, struct souk_torrent_peer *peers,
	size_t max, size_t *ret_count)
{
	struct souk_http_answer answer = {0};
	struct souk_tracker_answer parsed;
	if (!is_http(url))
		return SOUK_LOCAL_CONFIG; /* udp: is not spoken here */
	souk_status status = call(ask, url, "started", &answer);
	if (status == SOUK_OK)
		status = souk_tracker_parse(
			&parsed, peers, max, souk_bytes_of(answer.body, answer.size));
	if (status == SOUK_OK && parsed.failure.size > 0)
		status = SOUK_PEER_BAD_REQUEST;
	souk_http_answer_done(&answer);
	SOUK_TRY(status);
	take_back(ask, url);
	*ret_count = drop_local(ask, peers, parsed.peer_count);
	return SOUK_OK;
}

size_t torrent_ask_trackers(const struct souk_torrent *torrent, struct souk_torrent_peer *peers,
	size_t count, size_t max, bool is_local_allowed, const struct torrent_events *events)
{
	struct ask ask = {
		.torrent = torrent, .events = events, .is_local_allowed = is_local_allowed};
	size_t found = 0;
	if (souk_entropy_fill(souk_entropy_real(), ask.peer_id, sizeof ask.peer_id) != SOUK_OK ||
		souk_http_client_new(&ask.http) != SOUK_OK)
		return count;
	memcpy(ask.peer_id, "-SK0100-", 8);
	for (uint32_t i = 0; i < torrent->tracker_count && found == 0; i++) {
		souk_status status =
			ask_one(&ask, torrent->trackers[i], peers + count, max - count, &found);
		if (status != SOUK_OK)
			note(&ask, torrent->trackers[i], status);
	}
	souk_http_client_free(ask.http);
	return count + found;
}

/* ------------------------------------------------------------------ names */

static bool split(const char *text, char *host, size_t host_size, char *port, size_t port_size)
{
	const char *colon = strrchr(text, ':');
	size_t size = colon != NULL ? (size_t)(colon - text) : 0;
	if (size >= 2 && text[0] == '[' && text[size - 1] == ']') {
		text++;
		size -= 2;
	}
	if (size == 0 || size >= host_size || strlen(colon + 1) >= port_size || colon[1] == '\0' ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return atoi(port) > 0 && atoi(port) <= 65535;
}

static struct souk_torrent_peer peer_of(const struct addrinfo *info)
{
	struct souk_torrent_peer peer = {.is_v6 = info->ai_family == AF_INET6};
	if (peer.is_v6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, info->ai_addr, sizeof v6);
		memcpy(peer.address, &v6.sin6_addr, 16);
		peer.port = ntohs(v6.sin6_port);
	} else {
		struct sockaddr_in v4;
		memcpy(&v4, info->ai_addr, sizeof v4);
		memcpy(peer.address, &v4.sin_addr, 4);
		peer.port = ntohs(v4.sin_port);
	}
	return peer;
}

souk_status torrent_resolve(
	struct souk_torrent_peer *peers, size_t max, size_t *ret_count, const char *text)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char host[256], port[8];
	size_t count = 0;
	if (!split(text, host, sizeof host, port, sizeof port))
		return SOUK_LOCAL_USAGE;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return SOUK_IO_NET;
	for (const struct addrinfo *info = found; info != NULL && count < max;
		info = info->ai_next) {
		if (info->ai_family == AF_INET || info->ai_family == AF_INET6)
			peers[count++] = peer_of(info);
	}
	freeaddrinfo(found);
	*ret_count = count;
	return SOUK_OK;
}
