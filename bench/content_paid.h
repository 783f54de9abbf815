/* SPDX-License-Identifier: Apache-2.0
 *
 * content_paid.h - one download, whole: paid, unpaid, and by nginx, curl and openssl. */
#ifndef SOUK_BENCH_CONTENT_PAID_H
#define SOUK_BENCH_CONTENT_PAID_H

#include <stdint.h>

#include "bench.h"

struct content_paid_figures {
	uint64_t bytes, big_bytes;
	int rounds;
	double paid_bytes_per_s; /* the whole process */
	double transfer_bytes_per_s;
	double https_bytes_per_s;
	double unpaid_bytes_per_s;
	double ratio_https, ratio_unpaid;
	double provider_rss_mib; /* its own memory, having sold big_bytes */
};

/* False: said on standard error. */
bool content_paid_run(struct content_paid_figures *ret, const struct souk_bench_options *options);

#endif
