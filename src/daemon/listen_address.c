/* SPDX-License-Identifier: Apache-2.0 */
#include "listen_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(uint16_t *ret, const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
		return false;
	unsigned long port = strtoul(text, NULL, 10);
	*ret = (uint16_t)port;
	return port <= UINT16_MAX;
}

bool listen_address_parse(struct listen_address *ret, const char *text)
{
	const char *colon = strrchr(text, ':');
	uint16_t port;
	if (colon == NULL || !parse_port(&port, colon + 1))
		return false;
	size_t size = (size_t)(colon - text);
	bool is_ipv6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
	if (is_ipv6) {
		text++;
		size -= 2;
	}
	if (size == 0 || size >= LISTEN_HOST_SIZE)
		return false;
	/* Brackets are for the colons of IPv6, and colons for brackets. */
	if (!is_ipv6 && strcspn(text, "[]:") < size)
		return false;
	memcpy(ret->host, text, size);
	ret->host[size] = '\0';
	ret->is_ipv6 = is_ipv6;
	ret->port = port;
	return true;
}

void listen_address_url(char out[LISTEN_URL_SIZE], const struct listen_address *address,
	const char *scheme, uint16_t port)
{
	snprintf(out, LISTEN_URL_SIZE, address->is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
		address->host, port);
}
