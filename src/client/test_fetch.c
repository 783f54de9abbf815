/* SPDX-License-Identifier: Apache-2.0
 *
 * What fetch.c does between a user and an engine; the engines are tried end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fetch_internal.h"

#define CHUNKS 100u

/* An engine that notes what it is told. */
struct fake {
	uint32_t first[64], count[64];
	size_t wants;
	uint32_t haves, stops, frees;
	/* Of the user. */
	uint32_t given;
	souk_status answer;
	char note[64];
};

static void have(void *hands, uint32_t chunk)
{
	struct fake *fake = hands;
	assert_true(chunk < CHUNKS);
	fake->haves++;
}

static void want(void *hands, uint32_t first, uint32_t count)
{
	struct fake *fake = hands;
	fake->first[fake->wants] = first;
	fake->count[fake->wants++] = count;
}

static void stop(void *hands)
{
	((struct fake *)hands)->stops++;
}

static struct fetch_figures figures(void *hands)
{
	(void)hands;
	return (struct fetch_figures){.spent = {7}, .bytes_done = 1};
}

static size_t sources(void *hands, struct fetch_source *out, size_t max)
{
	(void)hands;
	out[0] = (struct fetch_source){.units = 3};
	return max > 0;
}

static souk_status run(void *hands, char detail[FETCH_DETAIL_SIZE])
{
	(void)hands;
	fetch_tell(detail, "it broke", "Mend it.");
	return SOUK_IO_MEMORY;
}

static void done(void *hands)
{
	((struct fake *)hands)->frees++;
}

static const struct fetch_way fake_way = {have, run, want, stop, figures, sources, done};

static souk_status on_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct fake *fake = ctx;
	(void)chunk;
	(void)data;
	fake->given++;
	return fake->answer;
}

static void on_note(void *ctx, const char *text)
{
	struct fake *fake = ctx;
	snprintf(fake->note, sizeof fake->note, "%s", text);
}

static struct fetch *begin(struct fake *fake)
{
	struct fetch *fetch = calloc(1, sizeof *fetch);
	const struct fetch_config config = {
		.home = "/nowhere", .events = {.ctx = fake, .chunk = on_chunk, .note = on_note}};
	*fake = (struct fake){0};
	assert_non_null(fetch);
	fetch_init(fetch, &config);
	fetch->content = (struct souk_content){.size = CHUNKS * 16384ull, .chunk_size = 16384};
	fetch->chunk_count = CHUNKS;
	assert_int_equal(fetch_note_shape(fetch), SOUK_OK);
	fetch->engines[FETCH_BY_OWN] = (struct fetch_engine){&fake_way, fake};
	fetch->current = &fetch->engines[FETCH_BY_OWN];
	return fetch;
}

static souk_status give(struct fetch *fetch, uint32_t chunk)
{
	static const uint8_t data[16384];
	return fetch->engine_events.chunk(
		fetch->engine_events.ctx, chunk, souk_bytes_of(data, sizeof data));
}

static void a_chunk_is_given_once(void **state)
{
	struct fake fake;
	struct fetch *fetch = begin(&fake);
	(void)state;
	assert_int_equal(give(fetch, 5), SOUK_OK);
	assert_int_equal(give(fetch, 5), SOUK_OK);
	assert_int_equal(fake.given, 1);
	assert_int_equal(fetch_figures_now(fetch).bytes_done, 16384);
	assert_int_equal(fetch_figures_now(fetch).chunks_done, 1);
	/* What the user could not keep is not there, and comes again. */
	fake.answer = SOUK_IO_DISK_FULL;
	assert_int_equal(give(fetch, 6), SOUK_IO_DISK_FULL);
	assert_int_equal(fetch_figures_now(fetch).chunks_done, 1);
	fake.answer = SOUK_OK;
	assert_int_equal(give(fetch, 6), SOUK_OK);
	assert_int_equal(fake.given, 3);
	fetch_free(fetch);
	assert_int_equal(fake.frees, 1);
}

static void what_is_there_counts_once(void **state)
{
	struct fake fake;
	struct fetch *fetch = begin(&fake);
	(void)state;
	fetch_have(fetch, 3);
	fetch_have(fetch, 3);
	fetch_have(fetch, CHUNKS);
	assert_int_equal(fake.haves, 1);
	assert_int_equal(fetch_figures_now(fetch).bytes_done, 16384);
	assert_int_equal(give(fetch, 3), SOUK_OK);
	assert_int_equal(fake.given, 0);
	fetch_free(fetch);
}

static void wants_are_cut_and_remembered(void **state)
{
	struct fake fake;
	struct fetch *fetch = begin(&fake);
	(void)state;
	fetch_want(fetch, CHUNKS, 1);
	assert_int_equal(fake.wants, 0);
	fetch_want(fetch, CHUNKS - 1, 10);
	assert_int_equal(fake.count[0], 1);
	fetch_want(fetch, 1, UINT32_MAX);
	assert_int_equal(fake.count[1], CHUNKS - 1);
	for (uint32_t i = 0; i < FETCH_WANTS_MAX + 3; i++)
		fetch_want(fetch, i, 1);
	/* The newest are remembered, for the engine that may come after this one. */
	assert_int_equal(fetch->want_count, FETCH_WANTS_MAX);
	assert_int_equal(fetch->wants[0].first, 3);
	assert_int_equal(fetch->wants[FETCH_WANTS_MAX - 1].first, FETCH_WANTS_MAX + 2);
	fetch_want(fetch, 0, 0);
	assert_int_equal(fetch->want_count, 0);
	assert_int_equal(fake.count[fake.wants - 1], 0);
	fetch_free(fetch);
}

static void what_an_engine_says_is_passed_on(void **state)
{
	struct fake fake;
	struct fetch *fetch = begin(&fake);
	struct fetch_source source[2];
	char detail[FETCH_DETAIL_SIZE];
	(void)state;
	assert_int_equal(fetch_run(fetch, detail), SOUK_IO_MEMORY);
	assert_string_equal(detail, "it broke\nMend it.");
	assert_int_equal(fetch_figures_now(fetch).spent.ncoin, 7);
	assert_false(fetch_figures_now(fetch).is_sponsored);
	assert_int_equal(fetch_sources(fetch, source, 2), 1);
	assert_int_equal(source[0].units, 3);
	fetch->engine_events.note(fetch->engine_events.ctx, "100 %s");
	assert_string_equal(fake.note, "100 %s");
	fetch_stop(fetch);
	assert_int_equal(fake.stops, 1);
	fetch_free(fetch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_given_once),
		cmocka_unit_test(what_is_there_counts_once),
		cmocka_unit_test(wants_are_cut_and_remembered),
		cmocka_unit_test(what_an_engine_says_is_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
