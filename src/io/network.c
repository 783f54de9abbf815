/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/network.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "souk/base/check.h"

/* An address is in it whose first BITS are those of PREFIX. */
struct block {
	uint8_t bits;
	uint8_t prefix[16];
};

/* RFC 6890, and what came after. */
static const struct block blocks_v4[] = {
	{8, {0}},	      /* this network */
	{8, {10}},	      /* private */
	{10, {100, 64}},      /* shared by a provider's customers */
	{8, {127}},	      /* loopback */
	{16, {169, 254}},     /* link-local, clouds' metadata */
	{12, {172, 16}},      /* private */
	{24, {192, 0, 0}},    /* protocols */
	{24, {192, 0, 2}},    /* documentation */
	{16, {192, 168}},     /* private */
	{15, {198, 18}},      /* benchmarks */
	{24, {198, 51, 100}}, /* documentation */
	{24, {203, 0, 113}},  /* documentation */
	{3, {224}},	      /* multicast, reserved, broadcast */
};

static const struct block blocks_v6[] = {
	{7, {0xfc}},			/* private */
	{10, {0xfe, 0x80}},		/* link-local */
	{10, {0xfe, 0xc0}},		/* site-local */
	{8, {0xff}},			/* multicast */
	{32, {0x20, 0x01, 0x0d, 0xb8}}, /* documentation */
	{64, {0x01}},			/* discarded */
};

/* Addresses that IPv4 ones stand in, and where. */
static const struct {
	struct block block;
	unsigned at;
} embedded[] = {
	{{96, {[10] = 0xff, [11] = 0xff}}, 12}, /* mapped */
	{{96, {0x00, 0x64, 0xff, 0x9b}}, 12},	/* translated */
	{{16, {0x20, 0x02}}, 2},		/* 6to4 */
	{{96, {0}}, 12},			/* compatible; with :: and ::1 */
};

static bool is_in(const struct block *block, const uint8_t *address)
{
	unsigned bytes = block->bits / 8, rest = block->bits % 8;

	if (memcmp(block->prefix, address, bytes) != 0)
		return false;
	return rest == 0 || (block->prefix[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

bool souk_network_is_public_v4(const uint8_t address[4])
{
	for (size_t i = 0; i < SOUK_COUNT_OF(blocks_v4); i++) {
		if (is_in(&blocks_v4[i], address))
			return false;
	}
	return true;
}

bool souk_network_is_public_v6(const uint8_t address[16])
{
	for (size_t i = 0; i < SOUK_COUNT_OF(embedded); i++) {
		if (is_in(&embedded[i].block, address))
			return souk_network_is_public_v4(address + embedded[i].at);
	}
	for (size_t i = 0; i < SOUK_COUNT_OF(blocks_v6); i++) {
		if (is_in(&blocks_v6[i], address))
			return false;
	}
	return true;
}

bool souk_network_is_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return souk_network_is_public_v4((const uint8_t *)&v4.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		return souk_network_is_public_v6(v6.sin6_addr.s6_addr);
	}
	return false;
}
