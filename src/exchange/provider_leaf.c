/* SPDX-License-Identifier: Apache-2.0
 *
 * Where strips were laid, of the leaves that were paid from last. A sponsor pays thousands of
 * sessions from one leaf, one behind the other: to look at all of them for each new one would cost
 * more than to serve it.
 *
 *   0          gap         gap        end
 *   |----------....|------|....|-------|. . . . . .
 *
 * Nothing was ever accepted in a gap, or from `end` on; more is not known here. Strips that come in
 * another order than they were laid in fill gaps. What is forgotten of this costs time only, and
 * ends never go back, so that nothing need be told of a strip that is let go of. */
#include <string.h>

#include "provider_internal.h"
#include "souk/base/check.h"

static uint32_t index_of(const struct souk_strip *strip)
{
	return (strip->escrow.bytes[0] + 7u * strip->leaf + 13u * strip->segment) %
	       SOUK_PROVIDER_LEAVES;
}

static bool is_leaf(const struct souk_provider_leaf *leaf, const struct souk_strip *strip)
{
	return leaf->known && leaf->id.epoch == strip->epoch &&
	       leaf->id.segment == strip->segment && leaf->id.leaf == strip->leaf &&
	       souk_hash_equal(&leaf->id.escrow, &strip->escrow);
}

static bool is_within(
	const struct souk_provider_gap *gap, struct souk_amount start, struct souk_amount end)
{
	return !souk_amount_is_less(start, gap->start) && !souk_amount_is_less(gap->end, end);
}

bool provider_leaf_is_clear(const struct souk_provider *provider, const struct souk_strip *strip)
{
	const struct souk_provider_leaf *leaf = &provider->leaves[index_of(strip)];
	struct souk_amount end;
	if (!is_leaf(leaf, strip) || souk_strip_end(&end, strip) != SOUK_OK)
		return false;
	if (!souk_amount_is_less(strip->start, leaf->end))
		return true;
	for (uint32_t i = 0; i < leaf->gap_count; i++) {
		if (is_within(&leaf->gaps[i], strip->start, end))
			return true;
	}
	return false;
}

/* From START to END; the oldest one is forgotten where there are too many. */
static void add_gap(
	struct souk_provider_leaf *leaf, struct souk_amount start, struct souk_amount end)
{
	if (!souk_amount_is_less(start, end))
		return;
	if (leaf->gap_count == SOUK_PROVIDER_GAPS) {
		leaf->gap_count--;
		memmove(&leaf->gaps[0], &leaf->gaps[1], leaf->gap_count * sizeof *leaf->gaps);
	}
	leaf->gaps[leaf->gap_count++] = (struct souk_provider_gap){start, end};
}

/* No gap has a part of START to END any more. */
static void fill_gaps(
	struct souk_provider_leaf *leaf, struct souk_amount start, struct souk_amount end)
{
	struct souk_provider_gap old[SOUK_PROVIDER_GAPS];
	uint32_t count = leaf->gap_count;
	memcpy(old, leaf->gaps, sizeof old);
	leaf->gap_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		bool is_apart = !souk_amount_is_less(old[i].start, end) ||
				!souk_amount_is_less(start, old[i].end);
		add_gap(leaf, old[i].start, is_apart ? old[i].end : start);
		if (!is_apart)
			add_gap(leaf, end, old[i].end);
	}
}

static struct souk_strip strip_of_due(const struct souk_provider_due *due)
{
	return (struct souk_strip){
		.escrow = due->escrow,
		.epoch = due->epoch,
		.segment = due->segment,
		.leaf = due->leaf,
		.start = due->start,
		.count = due->count,
		.price = due->price,
	};
}

static void raise_end(struct souk_provider_leaf *leaf, const struct souk_strip *strip)
{
	struct souk_amount end;
	if (!is_leaf(leaf, strip))
		return;
	SOUK_CHECK(souk_strip_end(&end, strip) == SOUK_OK); /* it was accepted */
	if (souk_amount_is_less(leaf->end, end))
		leaf->end = end;
}

/* LEAF becomes STRIP's, which is in the table. */
static void begin_leaf(struct souk_provider *provider, struct souk_provider_leaf *leaf,
	const struct souk_strip *strip)
{
	*leaf = (struct souk_provider_leaf){
		.known = true, .id = {strip->escrow, strip->epoch, strip->segment, strip->leaf}};
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_OPEN)
			raise_end(leaf, &s->record.strip_open.strip);
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		const struct souk_provider_due *due = &provider->memory.dues[i];
		struct souk_strip other = strip_of_due(due);
		if (due->state != SOUK_DUE_FREE)
			raise_end(leaf, &other);
	}
}

void provider_leaf_note(struct souk_provider *provider, const struct souk_strip *strip)
{
	struct souk_provider_leaf *leaf = &provider->leaves[index_of(strip)];
	struct souk_amount end;
	if (!is_leaf(leaf, strip)) {
		begin_leaf(provider, leaf, strip);
		return;
	}
	SOUK_CHECK(souk_strip_end(&end, strip) == SOUK_OK); /* it was accepted */
	fill_gaps(leaf, strip->start, end);
	add_gap(leaf, leaf->end, strip->start);
	if (souk_amount_is_less(leaf->end, end))
		leaf->end = end;
}

bool provider_walk_overlaps(const struct souk_provider *provider, const struct souk_strip *strip)
{
	for (uint32_t i = 0; i < provider->session_top; i++) {
		const struct souk_provider_session *s = &provider->memory.sessions[i];
		if (s->state == SOUK_PROVIDER_OPEN &&
			souk_payee_strips_overlap(&s->record.strip_open.strip, strip))
			return true;
	}
	for (uint32_t i = 0; i < provider->due_top; i++) {
		const struct souk_provider_due *due = &provider->memory.dues[i];
		if (due->state == SOUK_DUE_FREE || due->epoch != strip->epoch)
			continue;
		struct souk_strip other = strip_of_due(due);
		if (souk_payee_strips_overlap(&other, strip))
			return true;
	}
	return false;
}

bool provider_overlaps(const struct souk_provider *provider, const struct souk_strip *strip)
{
	return !provider_leaf_is_clear(provider, strip) && provider_walk_overlaps(provider, strip);
}
