/* SPDX-License-Identifier: Apache-2.0
 *
 * market.h - a market of real processes on loopback: a ledger, one provider, one customer. */
#ifndef SOUK_BENCH_MARKET_H
#define SOUK_BENCH_MARKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench.h"

struct bench_market {
	const struct souk_bench_options *options;
	char folder[256]; /* holds the homes: ledger, provider, customer */
	char log[300];
	char ledger_url[64];
	pid_t ledger, provider;
};

/* Make the homes, start both daemons and lock money for the customer. False: see the log. */
bool bench_market_start(struct bench_market *market, const struct souk_bench_options *options);
void bench_market_stop(struct bench_market *market);

/* Run souk ARGUMENTS (ends with NULL) in HOME, a folder in the market's; its JSON into OUT (may be
 * NULL). Whether it succeeded. */
bool bench_market_souk(struct bench_market *market, const char *home, const char *const *arguments,
	char *out, size_t size);
/* Start soukd in HOME; its process id, or -1. */
pid_t bench_market_daemon(struct bench_market *market, const char *home);
/* Text member NAME of the JSON object in TEXT, or of the first of its contents; false: none. */
bool bench_json_text(const char *text, const char *name, char *out, size_t size);

/* Put FILE on sale (a hard link, no copy); its content id into ID, 65 characters or more. */
bool bench_market_add(struct bench_market *market, const char *file, char *id, size_t size);

/* Buy ID into FILE. *RET_SECONDS: the transfer alone; the caller times the process. */
bool bench_market_get(
	struct bench_market *market, const char *id, const char *file, double *ret_seconds);

#endif
