/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/io/lmdb_store.h"
#include "souk/io/memory_store.h"

/* One face for both stores, so that the same test runs on each. */
struct subject {
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	struct souk_memory_store *memory;
	struct souk_store view;
};

static char folder[] = "/tmp/souk-store-XXXXXX";
static char path[64];

static void subject_begin(struct subject *s)
{
	if (s->lmdb)
		assert_int_equal(souk_lmdb_store_begin(s->lmdb, SOUK_LMDB_WRITE, &s->txn, &s->view),
			SOUK_OK);
	else
		assert_int_equal(souk_memory_store_begin(s->memory, &s->view), SOUK_OK);
}

static void subject_end(struct subject *s, bool commit)
{
	if (s->lmdb && commit)
		assert_int_equal(souk_lmdb_txn_commit(s->txn), SOUK_OK);
	else if (s->lmdb)
		souk_lmdb_txn_abort(s->txn);
	else if (commit)
		souk_memory_store_commit(s->memory);
	else
		souk_memory_store_abort(s->memory);
}

/* The naive model: 600 possible keys, each with a value or none. */
#define KEYS 600
struct model {
	bool is_there[KEYS];
	uint64_t stamp[KEYS];
};

/* Keys of many lengths; some are prefixes of others; bytes above 127 test the order. */
static size_t make_key(uint8_t *out, unsigned index)
{
	struct souk_rng rng;
	size_t size = 2;

	out[0] = (uint8_t)(index % 5 * 60);
	out[1] = (uint8_t)(index / 5);
	if (index % 7 == 0)
		size = 128;
	else if (index % 3 == 0)
		size = 2 + index % 30;
	souk_rng_init(&rng, index);
	souk_rng_fill(&rng, out + 2, size - 2);
	return size;
}

static size_t make_value(uint8_t *out, uint64_t stamp)
{
	size_t size = stamp % 11 == 0 ? 0 : stamp % 97 == 0 ? 65536 : 8 + stamp % 100;
	struct souk_rng rng;

	souk_rng_init(&rng, stamp);
	souk_rng_fill(&rng, out, size);
	return size;
}

static int compare_bytes(struct souk_bytes a, struct souk_bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = memcmp(a.data, b.data, size);

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

static void check_value(struct souk_bytes got, uint64_t stamp)
{
	static uint8_t want[65536];

	assert_int_equal(got.size, make_value(want, stamp));
	assert_memory_equal(got.data, want, got.size);
}

static void check_get(const struct souk_store *store, const struct model *model, unsigned index)
{
	uint8_t key[128];
	struct souk_bytes value = {0};
	souk_status status =
		souk_store_get(store, souk_bytes_of(key, make_key(key, index)), &value);

	assert_int_equal(status, model->is_there[index] ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
	if (status == SOUK_OK)
		check_value(value, model->stamp[index]);
}

static void check_next(const struct souk_store *store, const struct model *model, unsigned index)
{
	uint8_t from_key[128], key[128], best_key[128];
	struct souk_bytes from = souk_bytes_of(from_key, make_key(from_key, index));
	struct souk_bytes best = {0}, got_key, got_value;
	unsigned best_index = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		struct souk_bytes k = souk_bytes_of(key, make_key(key, i));
		if (!model->is_there[i] || compare_bytes(k, from) < 0 ||
			(best.size && compare_bytes(k, best) >= 0))
			continue;
		memcpy(best_key, key, k.size);
		best = souk_bytes_of(best_key, k.size);
		best_index = i;
	}
	souk_status status = souk_store_next(store, from, &got_key, &got_value);
	assert_int_equal(status, best.size ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
	if (status == SOUK_OK) {
		assert_int_equal(compare_bytes(got_key, best), 0);
		check_value(got_value, model->stamp[best_index]);
	}
}

/* A walk over everything is in order and complete. */
static void check_walk(const struct souk_store *store, const struct model *model)
{
	uint8_t last[129];
	struct souk_bytes from = {0}, key, value;
	unsigned seen = 0, expected = 0;

	while (souk_store_next(store, from, &key, &value) == SOUK_OK) {
		if (from.size)
			assert_true(compare_bytes(key, from) >= 0);
		memcpy(last, key.data, key.size);
		last[key.size] = 0;
		from = souk_bytes_of(last, key.size + 1);
		seen++;
	}
	for (unsigned i = 0; i < KEYS; i++)
		expected += model->is_there[i];
	assert_int_equal(seen, expected);
}

static void change(const struct souk_store *store, struct model *model, struct souk_rng *rng)
{
	static uint8_t value[65536];
	uint8_t key[128];
	unsigned index = (unsigned)souk_rng_below(rng, KEYS);
	struct souk_bytes k = souk_bytes_of(key, make_key(key, index));

	if (souk_rng_below(rng, 3) == 0) {
		assert_int_equal(souk_store_del(store, k),
			model->is_there[index] ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
		model->is_there[index] = false;
		return;
	}
	uint64_t stamp = souk_rng_u64(rng);
	assert_int_equal(
		souk_store_put(store, k, souk_bytes_of(value, make_value(value, stamp))), SOUK_OK);
	model->is_there[index] = true;
	model->stamp[index] = stamp;
}

static void run_property(struct subject *s, uint64_t seed)
{
	static struct model kept, now;
	struct souk_rng rng;

	memset(&kept, 0, sizeof(kept));
	souk_rng_init(&rng, seed);
	for (int round = 0; round < 120; round++) {
		now = kept;
		subject_begin(s);
		for (uint64_t n = souk_rng_below(&rng, 60); n > 0; n--) {
			change(&s->view, &now, &rng);
			check_get(&s->view, &now, (unsigned)souk_rng_below(&rng, KEYS));
			if (souk_rng_below(&rng, 8) == 0)
				check_next(&s->view, &now, (unsigned)souk_rng_below(&rng, KEYS));
		}
		check_walk(&s->view, &now);
		bool commit = souk_rng_below(&rng, 3) != 0;
		subject_end(s, commit);
		if (commit)
			kept = now;
		subject_begin(s);
		check_walk(&s->view, &kept);
		for (unsigned i = 0; i < KEYS; i += 5)
			check_get(&s->view, &kept, i);
		subject_end(s, false);
	}
}

static void run_limits(struct subject *s)
{
	static uint8_t big[SOUK_STORE_VALUE_SIZE_MAX + 1];
	struct souk_bytes none = {0}, value, key, ok = souk_bytes_text("k");

	subject_begin(s);
	assert_int_equal(souk_store_put(&s->view, none, ok), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_get(&s->view, none, &value), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_del(&s->view, none), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_put(&s->view, souk_bytes_of(big, 129), ok), SOUK_LOCAL_FULL);
	assert_int_equal(
		souk_store_put(&s->view, ok, souk_bytes_of(big, sizeof(big))), SOUK_LOCAL_FULL);
	assert_int_equal(
		souk_store_next(&s->view, souk_bytes_of(big, 130), &key, &value), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_put(&s->view, souk_bytes_of(big, 128), none), SOUK_OK);
	assert_int_equal(
		souk_store_put(&s->view, ok, souk_bytes_of(big, sizeof(big) - 1)), SOUK_OK);
	assert_int_equal(souk_store_next(&s->view, souk_bytes_of(big, 129), &key, &value), SOUK_OK);
	assert_int_equal(key.size, 1);
	subject_end(s, false);
}

static void test_memory(void **state)
{
	struct subject s = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		assert_int_equal(souk_memory_store_new(&s.memory, 0, seed), SOUK_OK);
		run_limits(&s);
		run_property(&s, seed);
		souk_memory_store_free(s.memory);
	}
}

static void test_memory_states(void **state)
{
	struct souk_memory_store *store;
	struct souk_store view, other;
	struct souk_bytes k = souk_bytes_text("key"), v = souk_bytes_text("value");

	(void)state;
	assert_int_equal(souk_memory_store_new(&store, 150, 7), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(store, &view), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(store, &other), SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_put(&view, k, v), SOUK_OK);
	assert_int_equal(souk_store_put(&view, k, v), SOUK_OK);
	assert_int_equal(souk_store_put(&view, v, v), SOUK_IO_DISK_FULL);
	assert_int_equal(souk_memory_store_count(store), 1);
	souk_memory_store_commit(store);
	assert_int_equal(souk_store_put(&view, k, v), SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_del(&view, k), SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_get(&view, k, &v), SOUK_OK);
	/* Dropped in the middle of a transaction: nothing leaks. */
	assert_int_equal(souk_memory_store_begin(store, &view), SOUK_OK);
	assert_int_equal(souk_store_del(&view, k), SOUK_OK);
	souk_memory_store_free(store);
}

/* Enough records to double the table many times, then all gone again. */
static void test_memory_many(void **state)
{
	enum { COUNT = 50000 };
	struct souk_memory_store *store;
	struct souk_store view;
	struct souk_bytes key_out, value;
	uint8_t key[8];

	(void)state;
	assert_int_equal(souk_memory_store_new(&store, 0, 9), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(store, &view), SOUK_OK);
	for (uint64_t i = 0; i < COUNT; i++) {
		souk_store_be64(key, i * 7919 % COUNT);
		assert_int_equal(
			souk_store_put(&view, souk_bytes_of(key, 8), souk_bytes_of(key, 8)),
			SOUK_OK);
	}
	souk_memory_store_commit(store);
	assert_int_equal(souk_memory_store_count(store), COUNT);
	for (uint64_t i = 0; i < COUNT; i += 97) {
		souk_store_be64(key, i);
		assert_int_equal(
			souk_store_next(&view, souk_bytes_of(key, 8), &key_out, &value), SOUK_OK);
		assert_int_equal(souk_load_be64(key_out.data), i);
	}
	assert_int_equal(souk_memory_store_begin(store, &view), SOUK_OK);
	for (uint64_t i = 0; i < COUNT; i++) {
		souk_store_be64(key, i);
		assert_int_equal(souk_store_del(&view, souk_bytes_of(key, 8)), SOUK_OK);
	}
	souk_memory_store_commit(store);
	assert_int_equal(souk_memory_store_count(store), 0);
	souk_memory_store_free(store);
}

static struct souk_lmdb_store *open_lmdb(struct souk_lmdb_config config)
{
	struct souk_lmdb_store *store;

	config.path = path;
	assert_int_equal(souk_lmdb_store_open(&store, &config), SOUK_OK);
	return store;
}

static int fresh(void **state)
{
	char lock[80];

	(void)state;
	snprintf(lock, sizeof(lock), "%s-lock", path);
	unlink(path);
	unlink(lock);
	return 0;
}

static void test_lmdb(void **state)
{
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){.is_fast_unsafe = true})};

	(void)state;
	run_limits(&s);
	run_property(&s, 1);
	souk_lmdb_store_close(s.lmdb);
}

static void test_lmdb_full(void **state)
{
	static uint8_t value[60000];
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){.map_size_max = 1 << 20})};
	struct souk_bytes got;
	souk_status status = SOUK_OK;
	uint8_t key[8];

	(void)state;
	subject_begin(&s);
	assert_int_equal(
		souk_store_put(&s.view, souk_bytes_text("kept"), souk_bytes_text("1")), SOUK_OK);
	subject_end(&s, true);
	subject_begin(&s);
	for (uint64_t i = 0; i < 100 && status == SOUK_OK; i++) {
		souk_store_be64(key, i);
		status = souk_store_put(
			&s.view, souk_bytes_of(key, 8), souk_bytes_of(value, sizeof(value)));
	}
	assert_int_equal(status, SOUK_IO_DISK_FULL);
	/* A half-written transaction cannot be committed by mistake. */
	assert_int_equal(souk_lmdb_txn_commit(s.txn), SOUK_IO_DISK_FULL);
	subject_begin(&s);
	souk_store_be64(key, 0);
	assert_int_equal(
		souk_store_get(&s.view, souk_bytes_of(key, 8), &got), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_store_get(&s.view, souk_bytes_text("kept"), &got), SOUK_OK);
	assert_int_equal(
		souk_store_put(&s.view, souk_bytes_text("more"), souk_bytes_text("1")), SOUK_OK);
	subject_end(&s, true);
	souk_lmdb_store_close(s.lmdb);
}

static void put_commit(struct subject *s, const char *value)
{
	subject_begin(s);
	assert_int_equal(
		souk_store_put(&s->view, souk_bytes_text("k"), souk_bytes_text(value)), SOUK_OK);
	subject_end(s, true);
}

static void check_k(const struct souk_store *view, const char *want)
{
	struct souk_bytes got;

	assert_int_equal(souk_store_get(view, souk_bytes_text("k"), &got), SOUK_OK);
	assert_true(souk_bytes_equal_var(got, souk_bytes_text(want)));
}

static void test_lmdb_snapshot(void **state)
{
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
	struct souk_lmdb_txn *old, *new;
	struct souk_store old_view, new_view;

	(void)state;
	put_commit(&s, "one");
	assert_int_equal(souk_lmdb_store_begin(s.lmdb, SOUK_LMDB_READ, &old, &old_view), SOUK_OK);
	put_commit(&s, "two");
	assert_int_equal(souk_lmdb_store_begin(s.lmdb, SOUK_LMDB_READ, &new, &new_view), SOUK_OK);
	check_k(&old_view, "one");
	check_k(&new_view, "two");
	assert_int_equal(souk_store_put(&new_view, souk_bytes_text("k"), souk_bytes_text("3")),
		SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_del(&new_view, souk_bytes_text("k")), SOUK_LOCAL_STATE);
	souk_lmdb_txn_abort(old);
	souk_lmdb_txn_abort(new);
	souk_lmdb_store_close(s.lmdb);
}

/* As many snapshots at once as a server has connections, and more. */
static void test_lmdb_readers(void **state)
{
	(void)state;
	enum { READERS = 1024 };
	static struct souk_lmdb_txn *txns[READERS];
	struct souk_lmdb_config config = {.path = path};
	struct souk_lmdb_store *lmdb;
	struct souk_store view;
	assert_int_equal(souk_lmdb_store_open(&lmdb, &config), SOUK_OK);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(
			souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txns[i], &view), SOUK_OK);
	for (unsigned i = 0; i < READERS; i++)
		souk_lmdb_txn_abort(txns[i]);
	souk_lmdb_store_close(lmdb);
}

/* Another process reads while this one has written; and a process killed in the middle of a
 * transaction leaves the last commit. */
static void test_lmdb_processes(void **state)
{
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
	int wait_status;

	(void)state;
	put_commit(&s, "one");
	souk_lmdb_store_close(s.lmdb);
	pid_t child = fork();
	if (child == 0) {
		struct subject c = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
		subject_begin(&c);
		if (souk_store_put(&c.view, souk_bytes_text("k"), souk_bytes_text("lost")) !=
			SOUK_OK)
			_exit(1);
		kill(getpid(), 9);
	}
	waitpid(child, &wait_status, 0);
	assert_true(WIFSIGNALED(wait_status));
	s.lmdb = open_lmdb((struct souk_lmdb_config){0});
	subject_begin(&s);
	check_k(&s.view, "one");
	subject_end(&s, false);
	put_commit(&s, "two");
	child = fork();
	if (child == 0) {
		struct souk_lmdb_store *r =
			open_lmdb((struct souk_lmdb_config){.is_read_only = true});
		struct souk_lmdb_txn *txn;
		struct souk_store view;
		if (souk_lmdb_store_begin(r, SOUK_LMDB_WRITE, &txn, &view) != SOUK_LOCAL_STATE)
			_exit(1);
		if (souk_lmdb_store_begin(r, SOUK_LMDB_READ, &txn, &view) != SOUK_OK)
			_exit(2);
		check_k(&view, "two");
		souk_lmdb_txn_abort(txn);
		_exit(0);
	}
	waitpid(child, &wait_status, 0);
	assert_true(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0);
	souk_lmdb_store_close(s.lmdb);
}

/* Write the same number under two keys, again and again, until killed. */
static void count_for_ever(void)
{
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
	struct souk_bytes got;
	uint8_t number[8] = {0};

	for (;;) {
		subject_begin(&s);
		if (souk_store_get(&s.view, souk_bytes_text("a"), &got) == SOUK_OK)
			souk_store_be64(number, souk_load_be64(got.data) + 1);
		if (souk_store_put(&s.view, souk_bytes_text("a"), souk_bytes_of(number, 8)) ||
			souk_store_put(&s.view, souk_bytes_text("b"), souk_bytes_of(number, 8)))
			_exit(1);
		subject_end(&s, true);
	}
}

/* Killed at any moment, the file holds a whole commit, and never an older one than before. */
static void test_lmdb_kills(void **state)
{
	struct souk_rng rng;
	uint64_t last = 0;

	(void)state;
	souk_rng_init(&rng, 5);
	for (int round = 0; round < 20; round++) {
		struct souk_bytes a, b;
		int wait_status;
		pid_t child = fork();
		if (child == 0)
			count_for_ever();
		usleep((useconds_t)souk_rng_below(&rng, 50000));
		kill(child, SIGKILL);
		waitpid(child, &wait_status, 0);
		assert_true(WIFSIGNALED(wait_status));
		struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
		subject_begin(&s);
		if (souk_store_get(&s.view, souk_bytes_text("a"), &a) == SOUK_OK) {
			assert_int_equal(
				souk_store_get(&s.view, souk_bytes_text("b"), &b), SOUK_OK);
			assert_true(souk_bytes_equal_var(a, b));
			assert_true(souk_load_be64(a.data) >= last);
			last = souk_load_be64(a.data);
		}
		subject_end(&s, false);
		souk_lmdb_store_close(s.lmdb);
	}
	assert_true(last > 0);
}

/* The file may not grow: the commit fails, says so, and the store goes on with what it had. */
static void test_lmdb_disk_full(void **state)
{
	static uint8_t value[60000];
	struct subject s = {.lmdb = open_lmdb((struct souk_lmdb_config){0})};
	struct rlimit before, limit;
	uint8_t key[8];

	(void)state;
	put_commit(&s, "one");
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 262144;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	subject_begin(&s);
	for (uint64_t i = 0; i < 30; i++) {
		souk_store_be64(key, i);
		assert_int_equal(souk_store_put(&s.view, souk_bytes_of(key, 8),
					 souk_bytes_of(value, sizeof(value))),
			SOUK_OK);
	}
	souk_status status = souk_lmdb_txn_commit(s.txn);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(status, SOUK_IO_DISK_FULL);
	subject_begin(&s);
	check_k(&s.view, "one");
	subject_end(&s, false);
	put_commit(&s, "two");
	souk_lmdb_store_close(s.lmdb);
}

static void test_lmdb_refusals(void **state)
{
	struct souk_lmdb_store *store = NULL;
	struct souk_lmdb_config config = {.path = path, .is_read_only = true};

	(void)state;
	assert_int_equal(souk_lmdb_store_open(&store, &config), SOUK_LOCAL_NOT_FOUND);
	config = (struct souk_lmdb_config){.path = "/nonexistent/folder/file"};
	assert_int_equal(souk_lmdb_store_open(&store, &config), SOUK_IO_STORE);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 4096; i++)
		fputs("garbage!", file);
	fclose(file);
	config.path = path;
	assert_int_equal(souk_lmdb_store_open(&store, &config), SOUK_CORRUPT_STORE);
	assert_null(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_states),
		cmocka_unit_test(test_memory_many),
		cmocka_unit_test_setup(test_lmdb, fresh),
		cmocka_unit_test_setup(test_lmdb_full, fresh),
		cmocka_unit_test_setup(test_lmdb_snapshot, fresh),
		cmocka_unit_test_setup(test_lmdb_readers, fresh),
		cmocka_unit_test_setup(test_lmdb_processes, fresh),
		cmocka_unit_test_setup(test_lmdb_kills, fresh),
		cmocka_unit_test_setup(test_lmdb_disk_full, fresh),
		cmocka_unit_test_setup(test_lmdb_refusals, fresh),
	};

	if (!mkdtemp(folder))
		return 99;
	snprintf(path, sizeof(path), "%s/store", folder);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fresh(NULL);
	rmdir(folder);
	return failed;
}
