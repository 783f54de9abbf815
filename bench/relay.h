/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.h - a longer way on loopback: what goes through takes half a round trip each way, and a
 * connection takes one more, as its handshake would. */
#ifndef SOUK_BENCH_RELAY_H
#define SOUK_BENCH_RELAY_H

#include <stdbool.h>
#include <stdint.h>

struct bench_relay;

/* From a free port of 127.0.0.1, which goes into *RET_PORT, to PORT. NULL: it could not be made. */
struct bench_relay *bench_relay_start(uint16_t port, double round_trip_ms, uint16_t *ret_port);
/* No new connection is taken; those that run end with their ends. NULL is allowed. */
void bench_relay_stop(struct bench_relay *relay);

#endif
