/* SPDX-License-Identifier: Apache-2.0
 *
 * content_puzzle.h - how fast a segment's puzzle is solved, and what it costs the sponsor. */
#ifndef SOUK_BENCH_CONTENT_PUZZLE_H
#define SOUK_BENCH_CONTENT_PUZZLE_H

#include <stdbool.h>
#include <stdint.h>

#define CONTENT_PUZZLE_ROWS 6u

struct content_puzzle_row {
	const char *mode;	 /* "fast", "reference" */
	unsigned rounds, starts; /* of the reference mode as many as part 0 has pieces */
	unsigned parts;
	uint64_t part_bytes;
	double solver_gbps; /* bits of the segment over half of its starts */
	double make_us;	    /* puzzle, token and checks at the sponsor: what it costs to verify */
};

/* One core. False: out of memory, said on standard error. */
bool content_puzzle_run(struct content_puzzle_row rows[CONTENT_PUZZLE_ROWS], bool is_quick);

#endif
