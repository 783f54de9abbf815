/* SPDX-License-Identifier: Apache-2.0
 *
 * peers.h - many customers of MicroCash and of MICROPAY, measured round by round.
 *
 * As many customers as Souk has strips in the same race, their payments
 * interleaved in the same way. */
#ifndef SOUK_BENCH_PEERS_H
#define SOUK_BENCH_PEERS_H

#include "race.h"

struct bench_peers;

/* NULL where there is no memory, or a library refuses. */
struct bench_peers *bench_peers_new(void);
void bench_peers_free(struct bench_peers *peers);

/* Measure all roles of SYSTEM, not Souk, once: the rates of ROUND. False where a payment or a claim
 * was refused: the comparison would be worth nothing. */
bool bench_peers_run(double rates[RACE_SYSTEMS][RACE_ROLES][RACE_ROUNDS_MAX],
	struct bench_peers *peers, enum race_system system, unsigned round);

#endif
