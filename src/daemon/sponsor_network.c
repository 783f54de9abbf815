/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_network.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What the number begins with keeps the kinds apart. */
#define KIND_IPV4 4u
#define KIND_IPV6 6u
#define KIND_NAME 9u

static uint64_t number_of(unsigned kind, const uint8_t *bytes, int count)
{
	uint64_t number = kind;
	for (int i = 0; i < count; i++)
		number = number << 8 | bytes[i];
	return number;
}

static bool network_of_host(const char *host, uint64_t *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t address[16];
	if (inet_pton(AF_INET, host, address) == 1)
		*ret = number_of(KIND_IPV4, address, 3);
	else if (inet_pton(AF_INET6, host, address) != 1)
		return false;
	else if (memcmp(address, mapped, sizeof mapped) == 0)
		*ret = number_of(KIND_IPV4, address + 12, 3);
	else
		*ret = number_of(KIND_IPV6, address, 6);
	return true;
}

/* The host of "HOST:PORT" or "[HOST]:PORT", which ends at a slash too; "" where there is none. */
static void read_host(char out[64], const char *text)
{
	bool is_long = text[0] == '[';
	size_t size = is_long ? strcspn(text + 1, "]") : strcspn(text, ":/");
	const char *from = is_long ? text + 1 : text;
	char *zone;
	out[0] = '\0';
	if (size >= 64 || (is_long && from[size] != ']'))
		return;
	memcpy(out, from, size);
	out[size] = '\0';
	zone = strchr(out, '%');
	if (zone != NULL)
		*zone = '\0';
}

uint64_t sponsor_network_of_peer(const char *peer)
{
	char host[64];
	uint64_t network;
	read_host(host, peer);
	return network_of_host(host, &network) ? network : 0;
}

uint64_t sponsor_network_of_url(const char *url)
{
	char host[64];
	uint64_t network;
	const char *mark = strstr(url, "://");
	read_host(host, mark != NULL ? mark + 3 : url);
	if (network_of_host(host, &network))
		return network;
	network = UINT64_C(0xcbf29ce484222325);
	for (const char *p = host; *p != '\0'; p++)
		network = (network ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return (uint64_t)KIND_NAME << 56 | network >> 8;
}
