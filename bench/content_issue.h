/* SPDX-License-Identifier: Apache-2.0
 *
 * content_issue.h - how many bundles one core of a sponsor issues, from the bytes of a viewer's
 * messages to the bytes of the answers, records stored. */
#ifndef SOUK_BENCH_CONTENT_ISSUE_H
#define SOUK_BENCH_CONTENT_ISSUE_H

#include <stdbool.h>
#include <stdint.h>

#define CONTENT_ISSUE_ROWS 5u

struct content_issue_row {
	uint32_t chunk_bytes;
	uint32_t caches;  /* of a bundle */
	uint32_t units;	  /* of each cache */
	uint32_t segment; /* units of each cache in a full one */
	uint32_t starts;  /* of the puzzle: 32 by default; many: pieces of about 1 KiB */
	uint32_t segments;
	double ask_us, claim_us; /* of a bundle: its ask, and all of its claims */
	double store_us;	 /* beside them */
	double locked_us;	 /* of all that: what no second core can do meanwhile */
	double bundles_per_s;
	double tbps; /* of content, that these bundles are good for */
};

/* WORKDIR: where the store is. False: said on standard error. */
bool content_issue_run(
	struct content_issue_row rows[CONTENT_ISSUE_ROWS], const char *workdir, bool is_quick);

#endif
