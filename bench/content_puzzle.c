/* SPDX-License-Identifier: Apache-2.0 */
#include "content_puzzle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/puzzle.h"
#include "souk/exchange/session.h"
#include "median.h"

#define UNIT_SIZE   262144u
#define UNITS	    8u /* a full segment of the default window */
#define PARTS	    6u
#define REPEATS_MAX 5u

struct segment {
	struct souk_puzzle_data data;
	struct souk_puzzle_policy policy;
	struct souk_puzzle puzzle;
	struct souk_hash keys[PARTS][UNITS];
	uint8_t *bytes; /* what is sent; for the sponsor, the content: as long to encrypt */
};

static double thread_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* As a sponsor reads: the key's cipher over the content, from the block of keystream on. */
static souk_status read_sent(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	const struct segment *segment = ctx;
	uint8_t buffer[SOUK_PUZZLE_PIECE_MAX + 64];
	const struct souk_nonce session = {{(uint8_t)part}};
	uint32_t unit = (uint32_t)(offset / UNIT_SIZE), within = (uint32_t)(offset % UNIT_SIZE);
	uint32_t lead = within % 64;
	struct souk_unit_cipher cipher =
		souk_unit_cipher_of(&session, unit + 1, unit, &segment->keys[part][unit]);
	memcpy(buffer, segment->data.parts[part].units[unit] + within - lead, lead + size);
	souk_unit_cipher_xor_at(&cipher, buffer, buffer, lead + size, within - lead);
	memcpy(out, buffer + lead, size);
	return SOUK_OK;
}

static bool fill(struct segment *segment, uint64_t part_bytes)
{
	struct souk_rng rng;
	souk_rng_init(&rng, 3);
	segment->bytes = malloc(PARTS * part_bytes);
	if (segment->bytes == NULL)
		return false;
	souk_rng_fill(&rng, segment->bytes, PARTS * part_bytes);
	souk_rng_fill(&rng, segment->keys, sizeof segment->keys);
	segment->data.unit_size = UNIT_SIZE;
	segment->data.shape.part_count = PARTS;
	for (uint32_t part = 0; part < PARTS; part++) {
		segment->data.shape.sizes[part] = part_bytes;
		for (uint32_t unit = 0; unit * (uint64_t)UNIT_SIZE < part_bytes; unit++)
			segment->data.parts[part].units[unit] =
				segment->bytes + part * part_bytes + unit * (uint64_t)UNIT_SIZE;
	}
	return true;
}

static void make(struct segment *segment, uint64_t number)
{
	const struct souk_puzzle_source source = {segment, read_sent};
	struct souk_puzzle_token token;
	struct souk_hash salt = {{0}}, secret = {{0}};
	souk_store_be64(salt.bytes, number);
	souk_store_be64(secret.bytes, number * 0x9e3779b97f4a7c15u);
	SOUK_CHECK(souk_puzzle_make(&segment->puzzle, &token, &segment->policy,
			   &segment->data.shape, &salt, &secret, &source) == SOUK_OK);
}

static double time_make_us(struct segment *segment, double seconds)
{
	uint64_t count = 0;
	double started = thread_s(), now;
	do {
		for (int i = 0; i < 16; i++)
			make(segment, count++);
		now = thread_s();
	} while (now - started < seconds);
	return (now - started) / (double)count * 1e6;
}

/* Over starts that do not lead to the goal, as nearly all do. The mean viewer tries half of them.
 */
static double time_solver_gbps(struct segment *segment, double seconds)
{
	uint32_t step = segment->policy.mode != SOUK_PUZZLE_FAST ? 4096
			: segment->policy.starts < 64		 ? segment->policy.starts
								 : 64;
	uint32_t from = 0;
	uint64_t tried = 0;
	struct souk_puzzle_token token;
	double started, now;
	make(segment, 1);
	/* A goal that no start has. */
	memset(segment->puzzle.goal.data, 0xff, segment->puzzle.goal.size);
	started = thread_s();
	do {
		SOUK_CHECK(souk_puzzle_solve(&token, &segment->puzzle, &segment->data, from,
				   step) == SOUK_LOCAL_NOT_FOUND);
		tried += step;
		from = from + 2 * step <= segment->puzzle.starts ? from + step : 0;
		now = thread_s();
	} while (now - started < seconds);
	double whole_s = (now - started) / (double)tried * segment->puzzle.starts / 2;
	return (double)(PARTS * segment->data.shape.sizes[0]) * 8 / whole_s / 1e9;
}

static bool run_row(struct content_puzzle_row *row, bool is_quick)
{
	double gbps[REPEATS_MAX], us[REPEATS_MAX], seconds = is_quick ? 0.05 : 0.4;
	unsigned repeats = is_quick ? 1 : REPEATS_MAX;
	bool is_fast = strcmp(row->mode, "fast") == 0;
	struct segment *segment = calloc(1, sizeof *segment);
	if (segment == NULL || !fill(segment, row->part_bytes)) {
		fprintf(stderr, "souk bench content: out of memory\n");
		free(segment);
		return false;
	}
	segment->policy = (struct souk_puzzle_policy){
		.mode = is_fast ? SOUK_PUZZLE_FAST : SOUK_PUZZLE_REFERENCE,
		.rounds = (uint16_t)row->rounds,
		.starts = row->starts,
	};
	for (unsigned i = 0; i < repeats; i++) {
		gbps[i] = time_solver_gbps(segment, seconds);
		us[i] = time_make_us(segment, seconds / 4);
	}
	row->solver_gbps = bench_median(gbps, repeats);
	row->make_us = bench_median(us, repeats);
	free(segment->bytes);
	free(segment);
	return true;
}

bool content_puzzle_run(struct content_puzzle_row rows[CONTENT_PUZZLE_ROWS], bool is_quick)
{
	/* The first is the default, over a full segment. */
	static const uint64_t full = UNITS * UNIT_SIZE, least = UNIT_SIZE;
	const struct content_puzzle_row asked[CONTENT_PUZZLE_ROWS] = {
		{.mode = "fast",
			.rounds = SOUK_PUZZLE_ROUNDS_DEFAULT,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT,
			.part_bytes = full},
		{.mode = "fast", .rounds = 8, .starts = 64, .part_bytes = full},
		{.mode = "reference", .rounds = 5, .part_bytes = full},
		{.mode = "fast",
			.rounds = SOUK_PUZZLE_ROUNDS_DEFAULT,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT,
			.part_bytes = least},
		{.mode = "fast", .rounds = 8, .starts = 64, .part_bytes = least},
		{.mode = "reference", .rounds = 5, .part_bytes = least},
	};
	for (unsigned i = 0; i < CONTENT_PUZZLE_ROWS; i++) {
		rows[i] = asked[i];
		rows[i].parts = PARTS;
		if (!run_row(&rows[i], is_quick))
			return false;
	}
	return true;
}
