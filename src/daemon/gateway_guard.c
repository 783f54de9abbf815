/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_guard.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HALF ((size_t)SOUK_HASH_SIZE) /* digits of half an id */

static bool text_is(struct souk_bytes text, const char *word)
{
	return text.size == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.size) == 0;
}

/* Whether WORD is one of LIST, which commas and blanks separate. */
static bool list_has(const char *list, struct souk_bytes word)
{
	while (list && *(list += strspn(list, " \t,"))) {
		size_t size = strcspn(list, " \t,");
		if (size == word.size && strncasecmp(list, (const char *)word.data, size) == 0)
			return true;
		list += size;
	}
	return false;
}

/* The host without its port and its last point; empty where it is neither. */
static struct souk_bytes name_of_host(const char *host)
{
	size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (size > strlen(host) || (host[size] != 0 && host[size] != ':') ||
		strlen(host) >= GATEWAY_HOST_SIZE)
		return souk_bytes_of(host, 0);
	if (size > 1 && host[size - 1] == '.')
		size--;
	return souk_bytes_of(host, size);
}

/* No name can be made to point to an address: it is one. */
static bool is_address(struct souk_bytes name)
{
	char text[INET6_ADDRSTRLEN + 2];
	uint8_t address[16];

	if (name.size == 0 || name.size >= sizeof(text))
		return false;
	memcpy(text, name.data, name.size);
	text[name.size] = 0;
	if (text[0] != '[')
		return inet_pton(AF_INET, text, address) == 1;
	text[name.size - 1] = 0;
	return inet_pton(AF_INET6, text + 1, address) == 1;
}

static bool is_content(struct souk_bytes name, struct souk_hash *ret)
{
	static const char ending[] = ".localhost";
	char hex[2 * SOUK_HASH_SIZE + 1];
	struct souk_bytes tail = souk_bytes_of(name.data + 2 * HALF + 1, sizeof(ending) - 1);

	if (name.size != 2 * HALF + 1 + sizeof(ending) - 1 || name.data[HALF] != '.' ||
		!text_is(tail, ending))
		return false;
	memcpy(hex, name.data, HALF);
	memcpy(hex + HALF, name.data + HALF + 1, HALF);
	hex[2 * HALF] = 0;
	/* Its digits and nothing else: no 0x. */
	return strspn(hex, "0123456789abcdefABCDEF") == 2 * HALF &&
	       souk_hex_decode(ret->bytes, SOUK_HASH_SIZE, hex) == SOUK_OK;
}

enum gateway_host_kind gateway_host_of(
	const char *host, const char *allowed, struct souk_hash *ret_content)
{
	/* No browser leaves it out. */
	if (!host)
		return GATEWAY_HOST_SHARED;
	struct souk_bytes name = name_of_host(host);
	if (name.size == 0)
		return GATEWAY_HOST_FOREIGN;
	if (text_is(name, "localhost") || is_address(name) || list_has(allowed, name))
		return GATEWAY_HOST_SHARED;
	return is_content(name, ret_content) ? GATEWAY_HOST_CONTENT : GATEWAY_HOST_FOREIGN;
}

void gateway_host_of_content(char *out, const struct souk_hash *content, uint16_t port)
{
	char hex[2 * SOUK_HASH_SIZE + 1];

	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	snprintf(out, GATEWAY_HOST_SIZE, "%.32s.%s.localhost:%u", hex, hex + HALF, port);
}

/* "https://a.example:8443" of "https://a.example:8443/path"; empty where TEXT is no URL. */
static struct souk_bytes origin_of(const char *text)
{
	const char *host = text ? strstr(text, "://") : NULL;

	return host ? souk_bytes_of(text, (size_t)(host + 3 - text) + strcspn(host + 3, "/?#"))
		    : souk_bytes_of("", 0);
}

static bool is_of_host(struct souk_bytes origin, const char *host)
{
	static const char scheme[] = "http://";
	size_t size = sizeof(scheme) - 1;

	return host && origin.size == size + strlen(host) &&
	       strncasecmp((const char *)origin.data, scheme, size) == 0 &&
	       strncasecmp((const char *)origin.data + size, host, strlen(host)) == 0;
}

/* Who made the browser ask: a page's origin, or, where that is hidden, its address. */
static struct souk_bytes asker_of(const struct gateway_visit *visit)
{
	bool hides = !visit->origin || strcmp(visit->origin, "null") == 0;

	return origin_of(hides ? visit->referer : visit->origin);
}

static bool is_word(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

enum gateway_visit_kind gateway_visit_of(const struct gateway_visit *visit, const char *allowed)
{
	struct souk_bytes asker = asker_of(visit);

	if (is_word(visit->site, "same-origin") || is_word(visit->site, "none"))
		return GATEWAY_VISIT_OWN;
	/* A page of its own in a sandbox has no origin; where a browser tells its address, it is
	 * known by that. */
	if (asker.size > 0 && (list_has(allowed, asker) || is_of_host(asker, visit->host)))
		return GATEWAY_VISIT_INVITED;
	/* Nobody has asked to see it. */
	if (visit->purpose && visit->site)
		return GATEWAY_VISIT_REFUSED;
	if (is_word(visit->mode, "navigate") && is_word(visit->dest, "document"))
		return GATEWAY_VISIT_LINK;
	/* No browser of today: a program, or an old browser that names at least the origin. */
	if (!visit->site && !visit->origin)
		return GATEWAY_VISIT_OWN;
	return GATEWAY_VISIT_REFUSED;
}
