/* SPDX-License-Identifier: Apache-2.0
 *
 * unpaid.h - the same download with payment switched off: what payment costs is the difference.
 *
 * Same server wrapper, buffers, cipher, transfers, checks and writes as soukd and souk get use, in
 * two processes; but no session, ticket, key release, request authentication or planner. */
#ifndef SOUK_BENCH_UNPAID_H
#define SOUK_BENCH_UNPAID_H

#include <stdbool.h>

/* Fetch the content of the file SOURCE into TARGET; *RET_SECONDS is the transfer alone. */
bool bench_unpaid_get(const char *source, const char *target, double *ret_seconds);

#endif
