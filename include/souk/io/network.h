/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/network.h - whether an address is one of the Internet.
 *
 * What a stranger names (a tracker, a peer) must not lead into the user's own network: to this
 * machine, to a router's pages, to a cloud's metadata. A name is no better than the addresses that
 * it leads to, and may lead elsewhere the next time: what counts is the address that is connected
 * to. Threads: any. */
#ifndef SOUK_IO_NETWORK_H
#define SOUK_IO_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

/* False for loopback, private and shared networks, link-local, multicast and reserved addresses,
 * for IPv4 of these kinds within IPv6, and for what is neither IPv4 nor IPv6. */
bool souk_network_is_public(const struct sockaddr *address);
/* The same, of 4 bytes, or of 16. */
bool souk_network_is_public_v4(const uint8_t address[4]);
bool souk_network_is_public_v6(const uint8_t address[16]);

#endif
