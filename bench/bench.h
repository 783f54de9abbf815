/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.h - the benchmarks behind `souk bench payments|content|keys|ledger|sim`.
 *
 * Each prints a table, or one JSON object. Every figure has its unit in its
 * name, a comparison is a ratio to a peer in the same run, and the names are a
 * contract: others plot them. Benchmarks may read clocks, allocate and print.
 *
 * Each returns 0, or 1 after saying on standard error what went wrong. */
#ifndef SOUK_BENCH_BENCH_H
#define SOUK_BENCH_BENCH_H

#include <stdbool.h>

struct souk_bench_options {
	bool json;	     /* one JSON object instead of a table */
	bool quick;	     /* a tenth of the time or less: to see that it works, not to quote */
	const char *report;  /* a folder for a page and charts, or NULL */
	const char *only;    /* content: one part of it; NULL: all */
	const char *workdir; /* an existing folder for files; they are removed again */
	const char *self;    /* path of the souk binary */
	const char *soukd;   /* path of the soukd binary */
};

/* Tickets, strips and claims per second on one core, beside MicroCash and MICROPAY. */
int souk_bench_payments(const struct souk_bench_options *options);
/* A download over loopback: paid, unpaid, and by nginx, curl and openssl. */
int souk_bench_content(const struct souk_bench_options *options);
/* Claims and transactions applied per second, by the size of the ledger; bytes and restart. */
int souk_bench_ledger(const struct souk_bench_options *options);
/* Umbral beside umbral-pre, and a proxy's whole service. */
int souk_bench_keys(const struct souk_bench_options *options);
/* Messages delivered per second by the simulator; time and memory by its nodes. */
int souk_bench_sim(const struct souk_bench_options *options);

#endif
