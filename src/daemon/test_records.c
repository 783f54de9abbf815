/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that wait to be written, and the pause that a stop ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "records.h"
#include "stopper.h"

static char folder[] = "/tmp/souk-records-XXXXXX";
static struct souk_lmdb_store *lmdb;

static int open_store(void **state)
{
	(void)state;
	char path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/x.mdb", folder);
	struct souk_lmdb_config config = {.path = path, .map_size_max = 1 << 24};
	assert_int_equal(souk_lmdb_store_open(&lmdb, &config), SOUK_OK);
	return 0;
}

static int close_store(void **state)
{
	(void)state;
	char command[80];
	souk_lmdb_store_close(lmdb);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static struct souk_bytes bytes(const char *text)
{
	return souk_bytes_of(text, strlen(text));
}

static void put(struct record_queue *queue, char kind, const char *id, const char *text)
{
	assert_int_equal(record_queue_put(queue, kind, id, strlen(id), bytes(text)), SOUK_OK);
}

/* All records of a kind, one after the other. */
static souk_status collect(void *ctx, struct souk_bytes id, struct souk_bytes record)
{
	char *out = ctx;
	sprintf(out + strlen(out), "%.*s=%.*s ", (int)id.size, (const char *)id.data,
		(int)record.size, (const char *)record.data);
	return SOUK_OK;
}

static void expect(char kind, const char *wanted)
{
	char out[256] = "";
	assert_int_equal(records_each(lmdb, kind, collect, out), SOUK_OK);
	assert_string_equal(out, wanted);
}

static void write_all(struct record_queue *queue)
{
	assert_int_equal(records_write(lmdb, queue), SOUK_OK);
	record_queue_clear(queue);
}

static void test_write_and_walk(void **state)
{
	(void)state;
	struct record_queue queue = {0};
	put(&queue, 'A', "b", "2");
	put(&queue, 'A', "a", "1");
	put(&queue, 'A', "", "0");
	put(&queue, 'B', "a", "x");
	write_all(&queue);
	expect('A', "=0 a=1 b=2 ");
	expect('B', "a=x ");
	expect('C', "");
	/* An empty record deletes; one that is not there, too. */
	put(&queue, 'A', "a", "");
	put(&queue, 'A', "z", "");
	write_all(&queue);
	expect('A', "=0 b=2 ");
	record_queue_free(&queue);
}

/* What could not be written waits, and a newer record of the same key takes its place. */
static void test_rounds(void **state)
{
	(void)state;
	struct record_queue queue = {0}, other = {0};
	record_queue_round(&queue);
	put(&queue, 'R', "a", "old");
	put(&queue, 'R', "b", "old");
	record_queue_round(&queue);
	put(&queue, 'R', "a", "new");
	assert_int_equal(queue.count, 2);
	const struct record_write *w = record_queue_find(&queue, 'R', "a", 1);
	assert_memory_equal(w->record.data, "new", 3);
	assert_null(record_queue_find(&queue, 'R', "c", 1));
	assert_null(record_queue_find(&queue, 'Q', "a", 1));
	put(&other, 'R', "b", "newest");
	put(&other, 'R', "c", "third");
	record_queue_round(&queue);
	assert_int_equal(record_queue_move(&queue, &other), SOUK_OK);
	assert_int_equal(other.count, 0);
	write_all(&queue);
	expect('R', "a=new b=newest c=third ");
	record_queue_free(&queue);
	record_queue_free(&other);
}

static void test_many(void **state)
{
	(void)state;
	struct record_queue queue = {0};
	char id[8];
	for (int round = 0; round < 3; round++) {
		record_queue_round(&queue);
		for (int i = 0; i < 500; i++) {
			snprintf(id, sizeof id, "%03d", i);
			put(&queue, 'M', id, "value");
		}
		assert_int_equal(queue.count, 500);
	}
	write_all(&queue);
	record_queue_free(&queue);
}

static void *stop_soon(void *ctx)
{
	usleep(20000);
	stopper_stop(ctx);
	return NULL;
}

static void test_stopper(void **state)
{
	(void)state;
	struct stopper stopper;
	pthread_t thread;
	stopper_init(&stopper);
	assert_false(stopper_pause(&stopper, 0));
	assert_false(stopper_pause(&stopper, 5));
	assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stopper), 0);
	assert_true(stopper_pause(&stopper, 60000));
	assert_true(stopper_pause(&stopper, 60000));
	pthread_join(thread, NULL);
	stopper_done(&stopper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_walk),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_stopper),
	};
	return cmocka_run_group_tests(tests, open_store, close_store);
}
