/* SPDX-License-Identifier: Apache-2.0
 *
 * souk earnings over stores that are written here, against sums made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../daemon/provider_store.h"
#include "cli.h"
#include "souk/io/file.h"

#define PRIZE 1000u

/* A session: COUNT units of PRICE are its strip, UNIT of them are paid. */
struct row {
	uint8_t id;
	uint8_t escrow;
	uint64_t epoch;
	uint32_t leaf;
	uint64_t base;
	uint64_t start;
	uint64_t price;
	uint32_t unit;
	bool open;
	bool claimed;
	uint64_t paid;
};

static struct souk_session_record record;
static uint8_t encoded[SOUK_SESSION_RECORD_SIZE_MAX];

static void put_row(const struct provider_store *store, const struct row *row)
{
	struct souk_writer writer;
	struct provider_store_write write = {.session = {{row->id}}};
	struct souk_strip *strip = &record.strip_open.strip;
	memset(&record, 0, sizeof record);
	record.ask.version = record.grant.version = strip->version = 1;
	record.grant.session = write.session;
	*strip = (struct souk_strip){.version = 1,
		.escrow = {{row->escrow}},
		.epoch = row->epoch,
		.leaf = row->leaf,
		.start = {row->start},
		.count = 100,
		.price = {row->price},
		.expires = {1}};
	record.base.ncoin = row->base;
	record.prize.ncoin = PRIZE;
	record.unit = row->unit;
	record.open = row->open;
	record.claimed = row->claimed;
	record.paid.ncoin = row->paid;
	souk_writer_init(&writer, encoded, sizeof encoded);
	souk_session_record_encode(&writer, &record);
	assert_int_equal(souk_writer_finish(&writer, &write.record), SOUK_OK);
	assert_int_equal(provider_store_put_sessions(store, &write, 1), SOUK_OK);
}

/* A home of its own, with an identity. */
static int make_home(void **state)
{
	static char home[64];
	static const char key[] =
		"0000000000000000000000000000000000000000000000000000000000000001\n";
	strcpy(home, "/tmp/souk-earnings-XXXXXX");
	if (mkdtemp(home) == NULL)
		return -1;
	cli_home = home;
	cli_json = true;
	*state = home;
	return souk_file_write_atomic(cli_home_file("identity.key"),
		       souk_bytes_of(key, sizeof key - 1), true) != SOUK_OK;
}

static int remove_home(void **state)
{
	const char *names[] = {"identity.key", "provider.mdb", "provider.mdb-lock"};
	for (size_t i = 0; i < 3; i++)
		unlink(cli_home_file(names[i]));
	rmdir(cli_home_file("content"));
	return rmdir(*state);
}

static json_t *earnings(void)
{
	char *argv[] = {"--sessions", NULL};
	FILE *file = tmpfile();
	json_error_t error;
	assert_non_null(file);
	fflush(NULL);
	int kept = dup(STDOUT_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	int code = cmd_earnings(1, argv);
	fflush(NULL);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	rewind(file);
	json_t *object = json_loadf(file, 0, &error);
	fclose(file);
	assert_int_equal(code, 0);
	assert_non_null(object);
	return object;
}

static json_t *earnings_of(const struct row *rows, size_t count)
{
	struct provider_store store;
	assert_int_equal(provider_store_open(&store, cli_home, false), SOUK_OK);
	for (size_t i = 0; i < count; i++)
		put_row(&store, &rows[i]);
	provider_store_close(&store);
	return earnings();
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_integer(value))
		fail_msg("no number %s", key);
	return json_integer_value(value);
}

static const json_t *epoch_at(const json_t *object, size_t index)
{
	const json_t *epoch = json_array_get(json_object_get(object, "epochs"), index);
	assert_non_null(epoch);
	return epoch;
}

static void test_no_store(void **state)
{
	(void)state;
	json_t *object = earnings();
	assert_int_equal(number(object, "sessions"), 0);
	assert_int_equal(json_array_size(json_object_get(object, "epochs")), 0);
	assert_string_equal(json_string_value(json_object_get(object, "address")),
		"0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
	json_decref(object);
}

static void test_sums(void **state)
{
	(void)state;
	static const struct row rows[] = {
		/* epoch 4: two sessions side by side on one leaf, one on another; all settled */
		{1, 9, 4, 0, 0, 0, 10, 100, true, true, 1000},
		{2, 9, 4, 0, 0, 1000, 10, 80, true, true, 1000},
		{3, 9, 4, 1, 50000, 0, 10, 30, true, true, 0},
		/* epoch 5: one settled, one waits, one was never opened */
		{4, 9, 5, 0, 0, 0, 20, 50, true, true, 1000},
		{5, 9, 5, 0, 0, 1000, 20, 7, true, false, 0},
		{6, 9, 5, 0, 0, 0, 20, 0, false, false, 0},
	};
	json_t *object = earnings_of(rows, sizeof rows / sizeof *rows);
	assert_int_equal(number(object, "sessions"), 5);
	assert_int_equal(number(object, "units"), 100 + 80 + 30 + 50 + 7);
	assert_int_equal(number(object, "owed_ncoin"), 1000 + 800 + 300 + 1000 + 140);
	assert_int_equal(number(object, "settled_owed_ncoin"), 1000 + 800 + 300 + 1000);
	assert_int_equal(number(object, "paid_ncoin"), 3000);
	assert_int_equal(number(object, "due_ncoin"), 140);
	const json_t *fourth = epoch_at(object, 0), *fifth = epoch_at(object, 1);
	assert_int_equal(number(fourth, "epoch"), 4);
	assert_int_equal(number(fourth, "leaves"), 2);
	assert_int_equal(number(fourth, "prize_ncoin"), PRIZE);
	assert_true(json_is_true(json_object_get(fourth, "settled")));
	assert_true(json_is_true(json_object_get(fourth, "within_one_prize")));
	assert_int_equal(number(fifth, "sessions"), 2);
	assert_false(json_is_true(json_object_get(fifth, "settled")));
	assert_true(json_is_null(json_object_get(fifth, "within_one_prize")));
	assert_int_equal(json_array_size(json_object_get(object, "session_list")), 5);
	json_decref(object);
}

/* Each is an epoch of its own; sessions 16 apart in the leaf are not side by side. */
static void test_within_one_prize(void **state)
{
	(void)state;
	static const struct {
		struct row rows[3];
		bool within;
	} cases[] = {
		/* just below and just at a prize apart */
		{{{1, 1, 1, 0, 0, 0, 1, 999, true, true, 0}}, true},
		{{{1, 1, 1, 0, 0, 0, 1, 1000, true, true, 0}}, false},
		{{{1, 1, 1, 0, 0, 0, 1, 1, true, true, 1000}}, true},
		{{{1, 1, 1, 0, 0, 0, 1, 0, true, true, 1000}}, false},
		{{{1, 1, 1, 0, 0, 0, 1, 1, true, true, 2000}}, false},
		/* side by side: one run, two halves of an unpaid prize too many */
		{{{1, 1, 1, 0, 0, 0, 1, 600, true, true, 0},
			 {2, 1, 1, 0, 0, 600, 1, 600, true, true, 0}},
			false},
		/* the same with a gap, or in two escrows: each by itself is right */
		{{{1, 1, 1, 0, 0, 0, 1, 600, true, true, 0},
			 {2, 1, 1, 0, 0, 616, 1, 600, true, true, 0}},
			true},
		{{{1, 1, 1, 0, 0, 0, 1, 600, true, true, 0},
			 {2, 2, 1, 0, 0, 600, 1, 600, true, true, 0}},
			true},
		/* across leaves that touch, in whatever order they were stored */
		{{{3, 1, 1, 1, 1200, 0, 1, 600, true, true, 0},
			 {1, 1, 1, 0, 0, 0, 1, 600, true, true, 0},
			 {2, 1, 1, 0, 0, 600, 1, 600, true, true, 1000}},
			true},
		/* a session without a ticket changes nothing, and nor does one epoch another */
		{{{1, 1, 1, 0, 0, 0, 1, 900, true, true, 0},
			 {2, 1, 1, 0, 0, 900, 1, 0, true, true, 0},
			 {3, 1, 2, 0, 0, 900, 1, 900, true, true, 0}},
			true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		void *home;
		size_t count = 0;
		while (count < 3 && cases[i].rows[count].id != 0)
			count++;
		assert_int_equal(make_home(&home), 0);
		json_t *object = earnings_of(cases[i].rows, count);
		const json_t *within = json_object_get(epoch_at(object, 0), "within_one_prize");
		if (!json_is_boolean(within) || json_is_true(within) != cases[i].within)
			fail_msg("case %zu", i);
		json_decref(object);
		assert_int_equal(remove_home(&home), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_store, make_home, remove_home),
		cmocka_unit_test_setup_teardown(test_sums, make_home, remove_home),
		cmocka_unit_test(test_within_one_prize),
	};
	return cmocka_run_group_tests_name("earnings", tests, NULL, NULL);
}
