/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_network.h - the network of an address: of IPv4 the first 24 bits, of IPv6 the first 48.
 * What a peer says of itself in a header is never read. */
#ifndef SOUK_DAEMON_SPONSOR_NETWORK_H
#define SOUK_DAEMON_SPONSOR_NETWORK_H

#include <stdint.h>

/* Of PEER, "192.0.2.1:4711" or "[2001:db8::1]:4711". IPv4 within IPv6 ("[::ffff:192.0.2.1]:1") is
 * IPv4. What cannot be read is one network, 0. */
uint64_t sponsor_network_of_peer(const char *peer);

/* Of a URL's host: as above where it is an address, else a number that stands for the name. */
uint64_t sponsor_network_of_url(const char *url);

#endif
