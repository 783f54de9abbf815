/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/bundle.h - how the chunks of a bundle are spread over its caches, and cut into
 * segments.
 *
 *             cache 0   cache 1   cache 2      n caches, `units` of each
 *   unit 1    first     first+1   first+2      segment 0: 1 unit of each
 *   unit 2    first+3   first+4   first+5      segment 1: 2
 *   unit 3    first+6   ...                    segment 2: 4, ... up to `segment`
 *
 * Every cache has the same number of units in every segment, so that no segment's puzzle is over
 * fewer caches than were drawn. Where the content ends inside the last row, its first chunks fill
 * the row up. A content of fewer chunks than n has fewer caches: a row of one chunk again and again
 * would be paid n times.
 *
 * Memory: values. Threads: any. Spec: spec/sponsor.md 4. */
#ifndef SOUK_CONTENT_BUNDLE_H
#define SOUK_CONTENT_BUNDLE_H

#include "souk/content/chunk.h"
#include "souk/content/puzzle.h"

#define SOUK_BUNDLE_CACHES_MAX SOUK_PUZZLE_PARTS_MAX
/* A segment is served before it is paid: it must fit in a window. */
#define SOUK_BUNDLE_SEGMENT_MAX SOUK_PUZZLE_UNITS_MAX
/* Of each cache. */
#define SOUK_BUNDLE_UNITS_MAX 4096u

struct souk_bundle_plan {
	struct souk_content content;
	uint32_t caches;
	uint32_t first;
	uint32_t units; /* of each cache */
	uint32_t segment;
};

/* souk_bundle_caches: how many of MOST caches a bundle of CONTENT has: so many that each has SHARE
 * chunks of it, at least one. SHARE 0: all. By the content and not by what is asked for: else one
 * could ask for a chunk at a time, until it is a friend who is drawn alone. */
uint32_t souk_bundle_caches(const struct souk_content *content, uint32_t most, uint32_t share);

/* souk_bundle_plan_of: for CHUNKS from FIRST on, at most UNITS_MAX of each cache.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NO_CHUNK  the content has no chunk FIRST, or none is asked for. */
SOUK_MUST_CHECK souk_status souk_bundle_plan_of(struct souk_bundle_plan *ret,
	const struct souk_content *content, uint32_t first, uint32_t chunks, uint32_t caches,
	uint32_t segment, uint32_t units_max);

/* souk_bundle_plan_check: whether a sponsor's plan is one to follow.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_BUNDLE. */
SOUK_MUST_CHECK souk_status souk_bundle_plan_check(const struct souk_bundle_plan *plan);

/* The chunk of unit UNIT (from 1) of CACHE. */
uint32_t souk_bundle_chunk(const struct souk_bundle_plan *plan, uint32_t cache, uint32_t unit);
uint32_t souk_bundle_segment_count(const struct souk_bundle_plan *plan);
/* The last unit of the segments before SEGMENT, and of SEGMENT. */
uint32_t souk_bundle_segment_start(const struct souk_bundle_plan *plan, uint32_t segment);
uint32_t souk_bundle_segment_end(const struct souk_bundle_plan *plan, uint32_t segment);
/* The parts of SEGMENT's puzzle. */
void souk_bundle_shape(
	struct souk_puzzle_shape *ret, const struct souk_bundle_plan *plan, uint32_t segment);

#endif
