/* SPDX-License-Identifier: Apache-2.0
 *
 * Viewers over real HTTP, with the sponsor and the caches of view_kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "admission.h"
#include "http_keep.h"
#include "souk/base/check.h"
#include "view_early.h"
#include "view_key.h"
#include "view_kit.h"

/* ------------------------------------------------------------------ a viewer */

static souk_status on_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct place *place = ctx;
	place->given[chunk]++;
	place->count++;
	if (memcmp(data.data, place->kit->bytes + (size_t)chunk * KIT_CHUNK, data.size) != 0)
		place->wrong++;
	return SOUK_OK;
}

static void on_outcome(void *ctx, const struct view_outcome *outcome)
{
	struct place *place = ctx;
	place->outcomes++;
	for (uint32_t i = 0; i < outcome->count; i++)
		place->blamed += outcome->seen[i] != SOUK_OK &&
				 outcome->seen[i] != SOUK_LOCAL_STATE &&
				 souk_status_class(outcome->seen[i]) == SOUK_CLASS_PEER;
}

static struct view_config config_of(struct place *place)
{
	return (struct view_config){
		.home = place->home,
		.ledger_url = "http://127.0.0.1:1",
		.sponsors = &place->who,
		.sponsor_count = 1,
		.content = place->kit->content,
		.row = place->kit->row,
		.entries = place->entries,
		.entry_count = CACHES,
		.timeout_ms = 2000,
		.patience_ms = 3000,
		.events = {.ctx = place, .chunk = on_chunk},
		.outcome = on_outcome,
	};
}

static souk_status run(const struct view_config *config, char detail[FETCH_DETAIL_SIZE])
{
	struct view *view;
	assert_int_equal(view_new(&view, config), SOUK_OK);
	souk_status status = view_run(view, detail);
	view_free(view);
	return status;
}

static void assert_all_came(struct place *place)
{
	assert_int_equal(place->wrong, 0);
	assert_int_equal(place->count, KIT_CHUNKS);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_int_equal(place->given[i], 1);
}

static void test_whole(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	static const uint16_t shapes[][2] = {{1, 1}, {3, 4}, {4, 16}, {8, 2}};
	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct place *place = place_new(shapes[i][0], shapes[i][1], SOUK_PUZZLE_FAST);
		struct view_config config = config_of(place);
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
		assert_int_equal(place->bundles, 1);
		assert_int_equal(place->outcomes, 1);
		assert_int_equal(place->blamed, 0);
		place_free(place);
	}
}

static void test_modes(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	(void)state;
	for (uint8_t mode = 0; mode <= SOUK_PUZZLE_REFERENCE; mode++) {
		struct place *place = place_new(3, 4, mode);
		struct view_config config = config_of(place);
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
		place_free(place);
	}
}

/* Numbers of bundles go on, with the same key; without a home there is none to go on with. */
static void test_numbers(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct view_key key;
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_int_equal(view_key_take(&key, place->home, &place->who.address,
					 &place->kit->content.id, place->kit->epoch),
			SOUK_OK);
		assert_int_equal(key.number, i + 1);
		view_key_give(&key);
	}
	assert_int_equal(place->kit->sponsor.totals.viewers, 1);
	config.home = NULL;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(place->kit->sponsor.totals.viewers, 2);
	place_free(place);
}

/* The next view finds the connections of the one before. */
static void test_connections(void **state)
{
	char detail[FETCH_DETAIL_SIZE], first[SOUK_HTTP_PEER_TEXT_SIZE];
	struct place *place = place_new(3, 16, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	assert_int_equal(run(&config, detail), SOUK_OK);
	strcpy(first, place->peer);
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_string_equal(place->peer, first);
	place_free(place);
}

/* A crash left the number unwritten: another key. */
static void test_number_lost(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view_key key;
	(void)state;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(view_key_take(&key, place->home, &place->who.address,
				 &place->kit->content.id, place->kit->epoch),
		SOUK_OK);
	key.number = 5;
	view_key_give(&key);
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(place->kit->sponsor.totals.viewers, 2);
	place_free(place);
}

/* One cache in eight does wrong, three are drawn: those bundles fail that drew it, and are
 * complained of; the file comes. Whether it was drawn; viewers of a kit are few. */
static bool run_manner_here(enum manner manner, bool is_blamed)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	/* On a machine that is slow enough everybody seems to stall. */
	config.timeout_ms = manner == STALLS ? 500 : 20000;
	config.patience_ms = 60000;
	config.home = NULL; /* so that each time others are drawn */
	place->caches[2].manner = manner;
	for (int i = 0; i < 9 && place->kit->caches[2].record.complaints == 0; i++) {
		memset((void *)place->given, 0, sizeof place->given);
		place->count = 0;
		place->blamed = 0;
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
	}
	bool was_drawn = place->kit->caches[2].record.complaints > 0;
	for (uint32_t i = 0; i < CACHES; i++) {
		uint64_t complaints = place->kit->caches[i].record.complaints;
		assert_true(i == 2 || complaints == 0 || manner == STALLS);
	}
	assert_true(!was_drawn || is_blamed == (place->blamed > 0));
	place_free(place);
	return was_drawn;
}

static void run_manner(enum manner manner, bool is_blamed)
{
	bool was_drawn = false;
	for (int i = 0; i < 4 && !was_drawn; i++)
		was_drawn = run_manner_here(manner, is_blamed);
	assert_true(was_drawn);
}

static void test_bad_caches(void **state)
{
	(void)state;
	run_manner(GARBAGE, true);
	run_manner(WITHHOLDS, true);
	run_manner(HEAD_ONLY, false);
	run_manner(REFUSES, false);
	run_manner(STALLS, true);
}

/* Where every cache does wrong for good it gives up, however small the content is. */
static void test_gives_up(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(1, 64, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	(void)state;
	for (uint32_t i = 0; i < CACHES; i++)
		place->caches[i].manner = GARBAGE;
	config.patience_ms = 100;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	for (uint32_t i = 1; i < KIT_CHUNKS; i++)
		view_have(view, i);
	assert_int_equal(view_run(view, detail), SOUK_PEER_BAD_UNIT);
	assert_int_equal(place->count, 0);
	view_free(view);
	place_free(place);
}

/* A sponsor that restarts, and answers that are lost after they were given. */
static void test_sponsor_away(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	place->refuse = 1;
	place->lose = 3;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	/* 41 chunks of 3 caches: 14 units of each, and nothing is paid twice. */
	assert_int_equal(place->kit->sponsor.totals.units, 14 * 3);
	place_free(place);
}

static void test_refusals(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct souk_identity site, viewer;
	struct souk_signed_admission admission;
	(void)state;
	place->kit->sponsor.config.viewer_units = 9;
	assert_int_equal(run(&config, detail), SOUK_PEER_SPONSOR_QUOTA);
	assert_non_null(strstr(detail, "--pay"));
	assert_int_equal(place->count, 9);
	place->kit->sponsor.config.viewer_units = 0;
	/* Somebody else's content is none of this sponsor's. */
	struct view_config other = config;
	other.content.id.bytes[0] ^= 1;
	assert_int_equal(run(&other, detail), SOUK_PEER_UNKNOWN_CONTENT);
	/* A site lets viewers in. */
	kit_identity(&site, 77);
	place->kit->sponsor.config.site = place->kit->config.site = site.address;
	assert_int_equal(run(&config, detail), SOUK_PEER_SPONSOR_ADMISSION);
	assert_non_null(strstr(detail, "--admission"));
	assert_int_equal(view_key_admitted(&viewer, place->home), SOUK_OK);
	admission_make(&admission, &site, &place->who.address, &viewer.address,
		souk_time_plus_ms(now(), 60000));
	config.admission = &admission;
	memset((void *)place->given, 0, sizeof place->given);
	place->count = 0;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	place_free(place);
}

/* ------------------------------------------------------------------ wants */

static void *run_thread(void *ctx)
{
	char detail[FETCH_DETAIL_SIZE];
	return (void *)(intptr_t)view_run(ctx, detail);
}

static void wait_for(struct place *place, uint32_t first, uint32_t count)
{
	for (int i = 0; i < 2000; i++) {
		uint32_t there = 0;
		for (uint32_t k = first; k < first + count; k++)
			there += place->given[k] > 0;
		if (there == count)
			return;
		usleep(5000);
	}
	fail_msg("wanted chunks did not come");
}

static void test_wants(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	pthread_t thread;
	void *result;
	(void)state;
	config.is_streaming = true;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	for (uint32_t i = 20; i < 23; i++)
		view_have(view, i);
	assert_int_equal(pthread_create(&thread, NULL, run_thread, view), 0);
	usleep(100000);
	assert_int_equal(place->bundles, 0);
	view_want(view, 30, 4);
	wait_for(place, 30, 4);
	view_want(view, 0, 2);
	view_want(view, 18, 6);
	wait_for(place, 18, 2);
	wait_for(place, 23, 1);
	wait_for(place, 0, 2);
	view_want(view, 0, 0);
	assert_true(view_figures_now(view).chunks_done >= 3 + 4 + 2 + 3);
	view_stop(view);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((souk_status)(intptr_t)result, SOUK_LOCAL_STOPPED);
	assert_int_equal(place->wrong, 0);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_true(place->given[i] <= 1);
	view_free(view);
	place_free(place);
}

/* Wants come faster than a key is to be had: the bundles of the older ones and that of the newest
 * want the same lock, and whoever has it must not wait for one that has not. */
static void test_wants_at_once(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view_key held;
	struct view *view;
	pthread_t thread;
	void *result;
	(void)state;
	config.is_streaming = true;
	assert_int_equal(view_key_take(&held, place->home, &place->who.address, &config.content.id,
				 VIEW_KEY_ANY),
		SOUK_OK);
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	assert_int_equal(pthread_create(&thread, NULL, run_thread, view), 0);
	for (uint32_t i = 0; i < 3; i++) {
		view_want(view, 15 * i, 2);
		usleep(50000); /* for a bundle to begin */
	}
	view_key_give(&held);
	for (uint32_t i = 0; i < 3; i++)
		wait_for(place, 15 * i, 2);
	view_stop(view);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((souk_status)(intptr_t)result, SOUK_LOCAL_STOPPED);
	view_free(view);
	place_free(place);
}

/* One that waits for its key is stopped, too. */
static void test_stopped_without_key(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view_key held;
	struct view *view;
	pthread_t thread;
	(void)state;
	config.is_streaming = true;
	assert_int_equal(view_key_take(&held, place->home, &place->who.address, &config.content.id,
				 VIEW_KEY_ANY),
		SOUK_OK);
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	assert_int_equal(pthread_create(&thread, NULL, run_thread, view), 0);
	view_want(view, 0, 2);
	usleep(50000);
	view_want(view, 20, 2);
	usleep(50000);
	view_stop(view);
	view_key_give(&held);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(place->count, 0);
	view_free(view);
	place_free(place);
}

/* A want in a whole download, and everything in the end. */
static void test_want_in_whole(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	char detail[FETCH_DETAIL_SIZE];
	struct fetch_source sources[CACHES + 1];
	(void)state;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	view_want(view, 35, 3);
	view_want(view, 100, 3);
	assert_int_equal(view_run(view, detail), SOUK_OK);
	assert_all_came(place);
	size_t count = view_sources(view, sources, CACHES + 1);
	uint64_t units = 0;
	for (size_t i = 0; i < count; i++)
		units += sources[i].units;
	assert_true(count >= 3 && units >= KIT_CHUNKS);
	view_free(view);
	place_free(place);
}

/* ------------------------------------------------------------------ asked before the rest */

/* The first of CONFIG's sponsors is asked for a content of which the id is known. */
static struct view_early *ask_early(const struct view_config *config, uint32_t chunks,
	souk_status *ret_status, struct souk_content *ret_content, const struct souk_hash **ret_row)
{
	struct souk_http_fetcher *engine;
	struct souk_http_fetched fetched;
	struct view_early *early;
	struct view_config unknown = *config;
	unknown.content = (struct souk_content){.id = config->content.id};
	assert_int_equal(http_keep_take_engine(&engine), SOUK_OK);
	assert_int_equal(view_early_ask(&early, &unknown, chunks, engine), SOUK_OK);
	while (view_early_is_waited(early)) {
		assert_int_equal(souk_http_fetcher_poll(engine, 100, -1), SOUK_OK);
		while (souk_http_fetcher_next(engine, &fetched))
			assert_true(view_early_take(early, &fetched, engine));
	}
	http_keep_give_engine(engine);
	*ret_status = view_early_status(early, ret_content, ret_row);
	return early;
}

/* What the content is, its row, and the first bundle come with one answer; then it goes on. */
static void test_early(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct souk_content content;
	const struct souk_hash *row;
	souk_status status;
	(void)state;
	struct view_early *early = ask_early(&config, 9, &status, &content, &row);
	assert_int_equal(status, SOUK_OK);
	assert_int_equal(content.size, place->kit->content.size);
	assert_int_equal(content.chunk_size, KIT_CHUNK);
	assert_memory_equal(row, place->kit->row, sizeof place->kit->row);
	config.early = early;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	assert_int_equal(place->bundles, 2);
	assert_int_equal(place->outcomes, 2);
	assert_int_equal(place->kit->sponsor.totals.viewers, 1);
	place_free(place);
}

/* One that was given to a view that never runs, or to none; and the key's lock is let go of. */
static void test_early_unused(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct souk_content content;
	const struct souk_hash *row;
	struct view *view;
	souk_status status;
	(void)state;
	view_early_free(ask_early(&config, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_OK);
	config.early = ask_early(&config, 9, &status, &content, &row);
	assert_int_equal(status, SOUK_OK);
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	view_free(view);
	config.early = NULL;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	/* Their numbers were written down. */
	assert_int_equal(place->bundles, 3);
	assert_int_equal(place->kit->sponsor.totals.viewers, 1);
	place_free(place);
}

/* Without a row, of another's content, or with a number that the sponsor does not know. */
static void test_early_refused(void **state)
{
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place), other = config;
	struct souk_content content;
	const struct souk_hash *row;
	struct view_key key;
	souk_status status;
	(void)state;
	other.content.id.bytes[0] ^= 1;
	view_early_free(ask_early(&other, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_PEER_UNKNOWN_CONTENT);
	place->no_row = true;
	view_early_free(ask_early(&config, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_LOCAL_NOT_FOUND);
	place->no_row = false;
	place->refuse = 1;
	view_early_free(ask_early(&config, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_LOCAL_STATE);
	assert_int_equal(view_key_take(&key, place->home, &place->who.address, &config.content.id,
				 VIEW_KEY_ANY),
		SOUK_OK);
	key.number += 7;
	view_key_give(&key);
	view_early_free(ask_early(&config, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_OK);
	place->kit->row[3].bytes[0] ^= 1;
	view_early_free(ask_early(&config, 9, &status, &content, &row));
	assert_int_equal(status, SOUK_PEER_BAD_CONTENT);
	place_free(place);
}

/* ------------------------------------------------------------------ who pays */

static void test_find(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_sponsor found[VIEW_SPONSORS_MAX], named;
	struct souk_identity liar;
	char detail[FETCH_DETAIL_SIZE];
	size_t count;
	(void)state;
	assert_int_equal(view_find_sponsors(place->entries, CACHES, &place->kit->content.id, 2000,
				 found, &count),
		SOUK_OK);
	assert_int_equal(count, 1);
	assert_string_equal(found[0].name, place->who.name);
	assert_true(souk_address_equal(&found[0].address, &place->who.address));
	assert_int_equal(view_name_sponsor(&named, place->who.name, 2000, detail), SOUK_OK);
	assert_true(souk_address_equal(&named.address, &place->who.address));
	assert_int_equal(
		view_name_sponsor(&named, "http://127.0.0.1:1#00", 2000, detail), SOUK_LOCAL_USAGE);
	/* Who names another sponsor than the others do is no more than heard. */
	struct souk_signed_recruit *lie = &place->caches[0].recruit;
	kit_identity(&liar, 99);
	lie->recruit.sponsor = liar.address;
	lie->recruit.sponsor_key = liar.pubkey;
	souk_recruit_sign(lie, &liar);
	assert_int_equal(view_find_sponsors(place->entries, CACHES, &place->kit->content.id, 2000,
				 found, &count),
		SOUK_OK);
	assert_true(souk_address_equal(&found[0].address, &place->who.address));
	/* Recruits of other caches, or with another URL than was signed, say nothing. */
	for (uint32_t i = 0; i < CACHES; i++)
		place->caches[i].recruit.recruit.url.text[9] ^= 1;
	assert_int_equal(view_find_sponsors(place->entries, CACHES, &place->kit->content.id, 2000,
				 found, &count),
		SOUK_LOCAL_NOT_FOUND);
	place_free(place);
}

/* A home knows the address of who was met by that name. */
static void test_names(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_sponsor known, other = place->who;
	(void)state;
	assert_false(view_sponsor_known(&known, place->home, place->who.name));
	view_sponsor_keep(&place->who, place->home);
	assert_true(view_sponsor_known(&known, place->home, place->who.name));
	assert_true(souk_address_equal(&known.address, &place->who.address));
	assert_string_equal(known.name, place->who.name);
	/* Another one goes by the name now. */
	other.address.bytes[0] ^= 1;
	view_sponsor_keep(&other, place->home);
	assert_true(view_sponsor_known(&known, place->home, place->who.name));
	assert_true(souk_address_equal(&known.address, &other.address));
	assert_false(view_sponsor_known(&known, place->home, "https://127.0.0.1:1#00"));
	assert_false(view_sponsor_known(&known, NULL, place->who.name));
	place_free(place);
}

static void test_admission_text(void **state)
{
	struct souk_identity site;
	struct souk_signed_admission made, read;
	struct souk_address someone = {{1}};
	char text[ADMISSION_TEXT_SIZE + 2];
	(void)state;
	kit_identity(&site, 5);
	admission_make(&made, &site, &someone, &site.address, souk_time_at_ms(99));
	admission_text_format(text, &made);
	strcat(text, "\n");
	assert_int_equal(admission_text_parse(&read, text), SOUK_OK);
	assert_memory_equal(&read.admission.viewer, &site.address, SOUK_ADDRESS_SIZE);
	strcat(text, "x");
	assert_int_not_equal(admission_text_parse(&read, text), SOUK_OK);
	text[10] = '\0';
	assert_int_not_equal(admission_text_parse(&read, text), SOUK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_number_lost),
		cmocka_unit_test(test_bad_caches),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_sponsor_away),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_wants),
		cmocka_unit_test(test_wants_at_once),
		cmocka_unit_test(test_stopped_without_key),
		cmocka_unit_test(test_want_in_whole),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_early_unused),
		cmocka_unit_test(test_early_refused),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_admission_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
