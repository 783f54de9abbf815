/* SPDX-License-Identifier: Apache-2.0
 *
 * content_first.h - how long until the first byte: of nginx over TLS 1.3, and of a gateway that has
 * nothing of the content yet, and pays or has a sponsor, on loopback and with a delay on every way
 * from the gateway: to the ledger, the provider and the sponsor. */
#ifndef SOUK_BENCH_CONTENT_FIRST_H
#define SOUK_BENCH_CONTENT_FIRST_H

#include <stdbool.h>

#include "bench.h"

#define CONTENT_FIRST_ROWS 6u

struct content_first_row {
	bool is_paid;	      /* by the gateway; false: by a sponsor */
	double round_trip_ms; /* added */
	double nginx_ms;      /* medians, from the connection on */
	double first_ms;      /* gateway: just started, it knows nobody and has nothing ready */
	double next_ms;	      /*   a content that is new to it, after it has run for a while */
	double soon_ms;	      /*   another one right after that */
	double ready_ms;      /*   a content that it has */
	double bound_ms;      /* 1.2 times nginx and a round trip */
};

/* False: said on standard error. */
bool content_first_run(struct content_first_row rows[CONTENT_FIRST_ROWS],
	const struct souk_bench_options *options);

#endif
