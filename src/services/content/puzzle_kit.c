/* SPDX-License-Identifier: Apache-2.0 */
#include "puzzle_kit.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"

static souk_status read_kit(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	const struct souk_puzzle_data *data = ctx;
	SOUK_CHECK(offset + size <= data->shape.sizes[part]);
	memcpy(out, data->parts[part].units[offset / data->unit_size] + offset % data->unit_size,
		size);
	return SOUK_OK;
}

struct souk_puzzle_source kit_puzzle_source(struct kit_puzzle *kit)
{
	return (struct souk_puzzle_source){&kit->data, read_kit};
}

static void fill(struct kit_puzzle *kit, uint64_t seed, uint32_t parts, uint32_t units,
	uint32_t unit_size, uint32_t cut)
{
	struct souk_rng rng;
	size_t size = (size_t)parts * units * unit_size;
	memset(kit, 0, sizeof *kit);
	kit->bytes = malloc(size);
	SOUK_CHECK(kit->bytes != NULL);
	souk_rng_init(&rng, seed);
	for (size_t i = 0; i < size; i += 8)
		souk_store_be64(kit->bytes + i, souk_rng_u64(&rng));
	kit->data.shape.part_count = parts;
	kit->data.unit_size = unit_size;
	for (uint32_t part = 0; part < parts; part++) {
		kit->data.shape.sizes[part] = (uint64_t)units * unit_size;
		for (uint32_t unit = 0; unit < units; unit++)
			kit->data.parts[part].units[unit] =
				kit->bytes + ((size_t)part * units + unit) * unit_size;
	}
	kit->data.shape.sizes[parts - 1] -= cut;
}

void kit_puzzle_make(struct kit_puzzle *kit, uint64_t seed, const struct souk_puzzle_policy *policy,
	uint32_t parts, uint32_t units, uint32_t unit_size, uint32_t cut)
{
	struct souk_hash salt = souk_sha256_of(&seed, sizeof seed);
	struct souk_hash secret = souk_sha256_of(&salt, sizeof salt);
	fill(kit, seed, parts, units, unit_size, cut);
	struct souk_puzzle_source source = kit_puzzle_source(kit);
	SOUK_CHECK(souk_puzzle_make(&kit->puzzle, &kit->token, policy, &kit->data.shape, &salt,
			   &secret, &source) == SOUK_OK);
}

void kit_puzzle_free(struct kit_puzzle *kit)
{
	free(kit->bytes);
	kit->bytes = NULL;
}

/* ------------------------------------------------------------------ what was fetched */

struct attack {
	struct kit_puzzle *kit;
	uint32_t own;
	uint32_t per_part;	     /* pieces */
	uint8_t has[KIT_PIECES_MAX]; /* part * per_part + piece */
	uint32_t fetched, foreign;
	/* where the last try stopped */
	bool is_stuck;
	bool fetches; /* get what is lacking, in place of stopping */
	uint32_t stuck_at;
	uint32_t deepest_ppm; /* of a foreign part, on the way */
	uint32_t passed;      /* foreign pieces on the way */
};

static struct attack *attack_new(struct kit_puzzle *kit, uint32_t own)
{
	struct attack *a = calloc(1, sizeof *a);
	SOUK_CHECK(a != NULL);
	a->kit = kit;
	a->own = own;
	a->per_part = (uint32_t)(kit->data.shape.sizes[0] / kit->puzzle.piece);
	SOUK_CHECK(a->per_part * kit->data.shape.part_count <= KIT_PIECES_MAX);
	for (uint32_t part = 0; part < kit->data.shape.part_count; part++) {
		bool is_own = own >> part & 1;
		a->foreign += is_own ? 0 : a->per_part;
		memset(a->has + part * a->per_part, is_own, a->per_part);
	}
	return a;
}

static void fetch(struct attack *a, uint32_t index)
{
	a->fetched += !a->has[index];
	a->has[index] = 1;
}

static souk_status read_attacked(
	void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	struct attack *a = ctx;
	uint32_t piece = (uint32_t)(offset / a->kit->puzzle.piece);
	uint32_t index = part * a->per_part + piece;
	if (!(a->own >> part & 1)) {
		uint32_t deep =
			(uint32_t)((offset + size) * 1000000 / a->kit->data.shape.sizes[part]);
		a->deepest_ppm = deep > a->deepest_ppm ? deep : a->deepest_ppm;
	}
	if (!a->has[index] && !a->fetches) {
		a->is_stuck = true;
		a->stuck_at = index;
		return SOUK_IO_READ;
	}
	fetch(a, index);
	a->passed += !(a->own >> part & 1);
	return read_kit(&a->kit->data, part, offset, out, size);
}

/* Try START with what there is; whether it leads to the goal. */
static bool try_start(struct attack *a, uint32_t start)
{
	struct souk_puzzle_source source = {a, read_attacked};
	struct souk_puzzle_token token;
	a->is_stuck = false;
	a->passed = 0;
	a->deepest_ppm = 0;
	souk_status status =
		souk_puzzle_try(&token, &a->kit->puzzle, &a->kit->data.shape, start, &source);
	if (status == SOUK_OK)
		SOUK_CHECK(souk_puzzle_token_equal(&token, &a->kit->token));
	return status == SOUK_OK;
}

static uint32_t fraction_of(const struct attack *a)
{
	return a->foreign == 0 ? 0 : (uint32_t)((uint64_t)a->fetched * 1000 / a->foreign);
}

/* ------------------------------------------------------------------ strategies */

/* The way that leads to the goal is the only one that matters: how deep does it go? */
uint32_t kit_attack_prefix(struct kit_puzzle *kit, uint32_t own)
{
	struct attack *a = attack_new(kit, own);
	uint32_t deepest = 0;
	a->fetches = true;
	for (uint32_t start = 0; start < kit->puzzle.starts; start++) {
		if (!try_start(a, start))
			continue;
		deepest = a->deepest_ppm;
		break;
	}
	free(a);
	return deepest / 1000;
}

uint32_t kit_attack_turns(struct kit_puzzle *kit, uint32_t own)
{
	struct attack *a = attack_new(kit, own);
	uint32_t start = 0;
	a->fetches = true;
	while (!try_start(a, start))
		start++;
	uint32_t fraction = fraction_of(a);
	free(a);
	return fraction;
}

#define BLOCK_PIECES 64u

/* Ways that wait, by the piece they wait for; the best piece of each block is remembered. */
struct crowd {
	double score[KIT_PIECES_MAX];
	uint32_t best[KIT_PIECES_MAX / BLOCK_PIECES];
	bool is_stale[KIT_PIECES_MAX / BLOCK_PIECES];
	uint32_t first[KIT_PIECES_MAX]; /* way + 1 */
	uint32_t next[KIT_STARTS_MAX];
};

/* Put START where it waits; true where it reached the goal. */
static bool crowd_put(struct attack *a, struct crowd *crowd, uint32_t start, uint32_t weight)
{
	if (try_start(a, start))
		return true;
	if (!a->is_stuck)
		return false;
	double score = 1;
	for (uint32_t i = 0; i < a->passed; i++)
		score *= weight;
	crowd->score[a->stuck_at] += score;
	crowd->is_stale[a->stuck_at / BLOCK_PIECES] = true;
	crowd->next[start] = crowd->first[a->stuck_at];
	crowd->first[a->stuck_at] = start + 1;
	return false;
}

static void weigh_block(struct crowd *crowd, uint32_t block)
{
	uint32_t best = block * BLOCK_PIECES;
	for (uint32_t i = best; i < (block + 1) * BLOCK_PIECES; i++)
		best = crowd->score[i] > crowd->score[best] ? i : best;
	crowd->best[block] = best;
	crowd->is_stale[block] = false;
}

static uint32_t most_wanted(const struct attack *a, struct crowd *crowd)
{
	uint32_t best = 0, count = a->per_part * a->kit->data.shape.part_count;
	for (uint32_t block = 0; block * BLOCK_PIECES < count; block++) {
		if (crowd->is_stale[block])
			weigh_block(crowd, block);
		if (crowd->score[crowd->best[block]] > crowd->score[best])
			best = crowd->best[block];
	}
	return best;
}

uint32_t kit_attack_crowd(struct kit_puzzle *kit, uint32_t own, uint32_t weight)
{
	struct attack *a = attack_new(kit, own);
	struct crowd *crowd = calloc(1, sizeof *crowd);
	bool solved = false;
	SOUK_CHECK(crowd != NULL && kit->puzzle.starts <= KIT_STARTS_MAX);
	for (uint32_t start = 0; start < kit->puzzle.starts && !solved; start++)
		solved = crowd_put(a, crowd, start, weight);
	while (!solved) {
		uint32_t best = most_wanted(a, crowd);
		SOUK_CHECK(crowd->first[best] != 0);
		fetch(a, best);
		uint32_t way = crowd->first[best];
		crowd->first[best] = 0;
		crowd->score[best] = 0;
		crowd->is_stale[best / BLOCK_PIECES] = true;
		while (way != 0 && !solved) {
			uint32_t next = crowd->next[way - 1];
			solved = crowd_put(a, crowd, way - 1, weight);
			way = next;
		}
	}
	uint32_t fraction = fraction_of(a);
	free(crowd);
	free(a);
	return fraction;
}

/* ------------------------------------------------------------------ prefixes of units */

/* Of each unit, what came is a prefix; the best stretch after it, and what that brings for a piece.
 */
struct stretches {
	struct crowd crowd;
	uint32_t per_unit;	       /* pieces */
	uint32_t from[KIT_PIECES_MAX]; /* by unit, over all parts: the first piece that lacks */
	uint32_t end[KIT_PIECES_MAX];  /* of the best stretch */
	double value[KIT_PIECES_MAX];  /* 0: nobody waits there */
	bool is_stale[KIT_PIECES_MAX];
};

static void stretch_put(
	struct attack *a, struct stretches *s, uint32_t start, uint32_t weight, bool *solved)
{
	*solved = crowd_put(a, &s->crowd, start, weight) || *solved;
	s->is_stale[a->stuck_at / s->per_unit] = true;
}

static void stretch_weigh(struct stretches *s, uint32_t unit)
{
	uint32_t end = (unit + 1) * s->per_unit;
	double sum = 0;
	s->is_stale[unit] = false;
	s->value[unit] = 0;
	for (uint32_t i = s->from[unit]; i < end; i++) {
		sum += s->crowd.score[i];
		double value = sum / (i + 1 - s->from[unit]);
		if (s->crowd.first[i] == 0 || value <= s->value[unit])
			continue;
		s->value[unit] = value;
		s->end[unit] = i + 1;
	}
}

static uint32_t stretch_best(struct stretches *s, uint32_t units)
{
	uint32_t best = 0;
	for (uint32_t unit = 0; unit < units; unit++) {
		if (s->is_stale[unit])
			stretch_weigh(s, unit);
		best = s->value[unit] > s->value[best] ? unit : best;
	}
	return best;
}

/* Fetch the best stretch of UNIT, and let everybody go on who waited there. */
static bool stretch_fetch(struct attack *a, struct stretches *s, uint32_t unit, uint32_t weight)
{
	bool solved = false;
	uint32_t from = s->from[unit];
	for (uint32_t i = from; i < s->end[unit]; i++)
		fetch(a, i);
	s->from[unit] = s->end[unit];
	s->is_stale[unit] = true;
	for (uint32_t i = from; i < s->end[unit]; i++) {
		uint32_t way = s->crowd.first[i];
		s->crowd.first[i] = 0;
		s->crowd.score[i] = 0;
		while (way != 0 && !solved) {
			uint32_t next = s->crowd.next[way - 1];
			stretch_put(a, s, way - 1, weight, &solved);
			way = next;
		}
	}
	return solved;
}

uint32_t kit_attack_units(struct kit_puzzle *kit, uint32_t own, uint32_t weight)
{
	struct attack *a = attack_new(kit, own);
	struct stretches *s = calloc(1, sizeof *s);
	bool solved = false;
	SOUK_CHECK(s != NULL && kit->puzzle.starts <= KIT_STARTS_MAX);
	s->per_unit = kit->data.unit_size / kit->puzzle.piece;
	uint32_t units = a->per_part * kit->data.shape.part_count / s->per_unit;
	for (uint32_t unit = 0; unit < units; unit++)
		s->from[unit] = unit * s->per_unit;
	for (uint32_t start = 0; start < kit->puzzle.starts && !solved; start++)
		stretch_put(a, s, start, weight, &solved);
	while (!solved) {
		uint32_t best = stretch_best(s, units);
		SOUK_CHECK(s->value[best] > 0);
		solved = stretch_fetch(a, s, best, weight);
	}
	uint32_t fraction = fraction_of(a);
	free(s);
	free(a);
	return fraction;
}
