/* SPDX-License-Identifier: Apache-2.0
 *
 * listen_address.h - "127.0.0.1:7610" or "[::1]:7610", as a configuration says where to listen. */
#ifndef SOUK_DAEMON_LISTEN_ADDRESS_H
#define SOUK_DAEMON_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define LISTEN_HOST_SIZE 64
#define LISTEN_URL_SIZE	 128

struct listen_address {
	char host[LISTEN_HOST_SIZE]; /* without brackets */
	bool is_ipv6;
	uint16_t port; /* 0: any free one */
};

/* Whether TEXT is of that form. Whether the host is an address, the server says. */
bool listen_address_parse(struct listen_address *ret, const char *text);

/* "SCHEME://host:PORT", with the port that was really taken. */
void listen_address_url(char out[LISTEN_URL_SIZE], const struct listen_address *address,
	const char *scheme, uint16_t port);

#endif
