/* SPDX-License-Identifier: Apache-2.0
 *
 * content_delivery.h - bytes for each second of processor time: of caches beside as many nginx over
 * TLS 1.3, and of viewers beside curl and sha256sum. */
#ifndef SOUK_BENCH_CONTENT_DELIVERY_H
#define SOUK_BENCH_CONTENT_DELIVERY_H

#include <stdint.h>

#include "bench.h"

#define CONTENT_DELIVERY_ROWS_MAX 32u

struct content_delivery_row {
	bool is_paid; /* by the viewer; false: by a sponsor */
	unsigned caches, viewers, rounds;
	unsigned files;	 /* 1: a single one; else a directory of them */
	unsigned starts; /* of the sponsor's puzzles; 0: its default */
	uint64_t bytes;	 /* of a file */
	/* medians */
	double cache_bytes_per_cpu_s, nginx_bytes_per_cpu_s;
	double viewer_bytes_per_cpu_s, curl_bytes_per_cpu_s;
	double bytes_per_s, nginx_bytes_per_s; /* of all viewers together, from start to end */
	/* medians of the rounds' ratios */
	double ratio_cache, ratio_viewer;
	double ratio_pipe; /* of a viewer and a curl that writes nothing; 0: not measured */
};

struct content_delivery {
	struct content_delivery_row rows[CONTENT_DELIVERY_ROWS_MAX];
	unsigned count;
};

/* False: said on standard error. */
bool content_delivery_run(struct content_delivery *ret, const struct souk_bench_options *options);

/* The row of that kind with the default of starts, or NULL. BYTES 0: the largest. */
const struct content_delivery_row *content_delivery_row(const struct content_delivery *delivery,
	bool is_paid, unsigned caches, unsigned viewers, uint64_t bytes);

#endif
