/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/bundle.h"

#include "souk/base/check.h"

_Static_assert(SOUK_CHUNK_SIZE_MIN >= SOUK_PUZZLE_PIECE_MAX, "a unit holds a piece");

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
	return a / b + (a % b != 0);
}

uint32_t souk_bundle_caches(const struct souk_content *content, uint32_t most, uint32_t share)
{
	if (share == 0)
		return most;
	uint32_t caches = souk_content_chunk_count(content) / share;
	return caches == 0 ? 1 : caches < most ? caches : most;
}

souk_status souk_bundle_plan_of(struct souk_bundle_plan *ret, const struct souk_content *content,
	uint32_t first, uint32_t chunks, uint32_t caches, uint32_t segment, uint32_t units_max)
{
	uint32_t count = souk_content_chunk_count(content);
	if (first >= count || chunks == 0)
		return SOUK_PEER_NO_CHUNK;
	uint32_t left = count - first, units = ceil_div(chunks < left ? chunks : left, caches);
	*ret = (struct souk_bundle_plan){
		.content = *content,
		.caches = caches,
		.first = first,
		.units = units < units_max ? units : units_max,
		.segment = segment,
	};
	return SOUK_OK;
}

souk_status souk_bundle_plan_check(const struct souk_bundle_plan *plan)
{
	uint32_t count = souk_content_chunk_count(&plan->content);
	if (plan->caches == 0 || plan->caches > SOUK_BUNDLE_CACHES_MAX || plan->segment == 0 ||
		plan->segment > SOUK_BUNDLE_SEGMENT_MAX || plan->units == 0 ||
		plan->units > SOUK_BUNDLE_UNITS_MAX || plan->first >= count)
		return SOUK_PEER_BAD_BUNDLE;
	uint32_t rows = ceil_div(count - plan->first, plan->caches);
	return plan->units <= rows ? SOUK_OK : SOUK_PEER_BAD_BUNDLE;
}

uint32_t souk_bundle_chunk(const struct souk_bundle_plan *plan, uint32_t cache, uint32_t unit)
{
	uint64_t index = (uint64_t)plan->first + (uint64_t)(unit - 1) * plan->caches + cache;
	return (uint32_t)(index % souk_content_chunk_count(&plan->content));
}

/* Segments double until they are full. */
uint32_t souk_bundle_segment_start(const struct souk_bundle_plan *plan, uint32_t segment)
{
	uint64_t start = 0, size = 1;
	for (uint32_t i = 0; i < segment && start < plan->units; i++) {
		start += size;
		size = 2 * size < plan->segment ? 2 * size : plan->segment;
	}
	return start < plan->units ? (uint32_t)start : plan->units;
}

uint32_t souk_bundle_segment_end(const struct souk_bundle_plan *plan, uint32_t segment)
{
	return souk_bundle_segment_start(plan, segment + 1);
}

uint32_t souk_bundle_segment_count(const struct souk_bundle_plan *plan)
{
	uint32_t count = 0;
	while (souk_bundle_segment_start(plan, count) < plan->units)
		count++;
	return count;
}

void souk_bundle_shape(
	struct souk_puzzle_shape *ret, const struct souk_bundle_plan *plan, uint32_t segment)
{
	uint32_t start = souk_bundle_segment_start(plan, segment);
	uint32_t end = souk_bundle_segment_end(plan, segment);
	*ret = (struct souk_puzzle_shape){.part_count = plan->caches};
	for (uint32_t cache = 0; cache < plan->caches; cache++) {
		for (uint32_t unit = start + 1; unit <= end; unit++)
			ret->sizes[cache] += souk_content_chunk_length(
				&plan->content, souk_bundle_chunk(plan, cache, unit));
	}
}
