/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left on a disk after each kind of fault, at each moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "souk/base/rng.h"
#include "world.h"

#define LATENCY_US 5000u

void *sim_alloc(size_t size)
{
	void *memory = calloc(1, size);
	assert_non_null(memory);
	return memory;
}

uint64_t sim_time_us(const struct sim_world *world)
{
	return world->now_us;
}

static struct sim_world *world_at(uint64_t us)
{
	static struct sim_world world;
	world.now_us = us;
	return &world;
}

static struct sim_disk *disk_new(uint64_t seed)
{
	struct sim_disk *disk = sim_disk_new(world_at(0), seed);
	sim_disk_faults(disk)->latency_us = LATENCY_US;
	return disk;
}

static struct souk_bytes number(uint32_t n, uint8_t memory[4])
{
	souk_store_be32(memory, n);
	return souk_bytes_of(memory, 4);
}

/* N under N, in a transaction of their own: keys FIRST to FIRST + COUNT - 1. */
static souk_status write(struct sim_disk *disk, uint32_t first, uint32_t count, uint64_t *ret_us)
{
	struct souk_store view;
	uint8_t memory[4];
	assert_int_equal(sim_disk_begin(disk, &view), SOUK_OK);
	for (uint32_t n = first; n < first + count; n++) {
		struct souk_bytes bytes = number(n, memory);
		souk_status status = souk_store_put(&view, bytes, bytes);
		if (status != SOUK_OK) {
			assert_int_equal(sim_disk_commit(disk, ret_us), status);
			return status;
		}
	}
	return sim_disk_commit(disk, ret_us);
}

static bool has(struct sim_disk *disk, uint32_t n)
{
	struct souk_store view = sim_disk_view(disk);
	struct souk_bytes value;
	uint8_t memory[4];
	souk_status status = souk_store_get(&view, number(n, memory), &value);
	assert_true(status == SOUK_OK || status == SOUK_LOCAL_NOT_FOUND);
	return status == SOUK_OK;
}

/* Keys 1 to what is returned are there, and no other up to 100. */
static uint32_t count_of(struct sim_disk *disk)
{
	uint32_t count = 0;
	while (has(disk, count + 1))
		count++;
	assert_int_equal(sim_disk_count(disk), count);
	return count;
}

/* ---- the truth table of a crash ---- */

/* Five commits of one key each, one every 2 ms, durable after 5 ms each, one after the other: at
 * 5, 10, 15, 20 and 25 ms. */
#define COMMITS 5u

static uint32_t left_after(bool loses, bool is_power_cut, uint64_t crash_us)
{
	struct sim_disk *disk = disk_new(1);
	uint64_t us;
	sim_disk_faults(disk)->loses = loses;
	for (uint32_t i = 0; i < COMMITS && 2000 * i <= crash_us; i++) {
		world_at(2000 * i);
		assert_int_equal(write(disk, i + 1, 1, &us), SOUK_OK);
		assert_int_equal(us, LATENCY_US * (i + 1));
		assert_int_equal(count_of(disk), i + 1);
	}
	world_at(crash_us);
	sim_disk_crash(disk, is_power_cut);
	uint32_t count = count_of(disk);
	sim_disk_free(disk);
	return count;
}

static void test_crash_table(void **state)
{
	(void)state;
	for (uint64_t us = 0; us <= 30000; us += 500) {
		uint32_t made = us / 2000 + 1 < COMMITS ? (uint32_t)(us / 2000) + 1 : COMMITS;
		uint32_t durable =
			us / LATENCY_US < COMMITS ? (uint32_t)(us / LATENCY_US) : COMMITS;
		/* A process that is killed leaves all of its commits, even those under way. */
		assert_int_equal(left_after(false, false, us), made);
		assert_int_equal(left_after(false, true, us), durable);
		/* A disk that lies has the last two only in its mouth. */
		assert_int_equal(left_after(true, false, us), made > 2 ? made - 2 : 0);
		assert_int_equal(left_after(true, true, us), durable > 2 ? durable - 2 : 0);
	}
}

/* An honest commit behind those that were lied about brings them along. */
static void test_lies_end(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	uint64_t us;
	world_at(0);
	sim_disk_faults(disk)->loses = true;
	assert_int_equal(write(disk, 1, 1, &us), SOUK_OK);
	sim_disk_faults(disk)->loses = false;
	assert_int_equal(write(disk, 2, 1, &us), SOUK_OK);
	sim_disk_faults(disk)->loses = true;
	assert_int_equal(write(disk, 3, 1, &us), SOUK_OK);
	world_at(us);
	sim_disk_crash(disk, true);
	assert_int_equal(count_of(disk), 2);
	sim_disk_free(disk);
}

/* ---- tears ---- */

/* Of the first transaction that is lost a beginning stays, any of them; nothing of the next. */
static void test_tears(void **state)
{
	(void)state;
	bool seen[5] = {false};
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct sim_disk *disk = disk_new(seed);
		uint64_t us;
		world_at(0);
		sim_disk_faults(disk)->tears = true;
		assert_int_equal(write(disk, 1, 3, &us), SOUK_OK);
		world_at(us);
		assert_int_equal(write(disk, 4, 4, &us), SOUK_OK);
		assert_int_equal(write(disk, 8, 4, &us), SOUK_OK);
		world_at(us - LATENCY_US - 1);
		sim_disk_crash(disk, true);
		uint32_t count = count_of(disk);
		assert_in_range(count, 3, 7);
		seen[count - 3] = true;
		/* What is there now is there for good. */
		sim_disk_crash(disk, true);
		assert_int_equal(count_of(disk), count);
		sim_disk_free(disk);
	}
	for (size_t i = 0; i < 5; i++)
		assert_true(seen[i]);
}

/* ---- disks that refuse ---- */

static void test_full(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	uint64_t us = 77;
	world_at(0);
	assert_int_equal(write(disk, 1, 2, &us), SOUK_OK);
	us = 77;
	sim_disk_faults(disk)->is_full = true;
	assert_int_equal(write(disk, 3, 2, &us), SOUK_IO_DISK_FULL);
	assert_int_equal(us, 77);
	assert_int_equal(count_of(disk), 2);
	sim_disk_faults(disk)->is_full = false;
	assert_int_equal(write(disk, 3, 2, &us), SOUK_OK);
	assert_int_equal(count_of(disk), 4);
	sim_disk_free(disk);
}

/* Full in the middle: what was written before is gone with it. */
static void test_full_in_between(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	struct souk_store view;
	struct souk_bytes key = souk_bytes_of("\0\0\0\1", 4);
	uint64_t us = 77;
	world_at(0);
	assert_int_equal(sim_disk_begin(disk, &view), SOUK_OK);
	assert_int_equal(souk_store_put(&view, key, key), SOUK_OK);
	sim_disk_faults(disk)->is_full = true;
	assert_int_equal(souk_store_put(&view, key, key), SOUK_IO_DISK_FULL);
	sim_disk_faults(disk)->is_full = false;
	assert_int_equal(sim_disk_commit(disk, &us), SOUK_IO_DISK_FULL);
	assert_int_equal(count_of(disk), 0);
	assert_int_equal(us, 77);
	sim_disk_free(disk);
}

static void test_failing(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	uint64_t us = 77;
	world_at(0);
	sim_disk_faults(disk)->is_failing = true;
	assert_int_equal(write(disk, 1, 2, &us), SOUK_IO_STORE);
	assert_int_equal(us, 77);
	assert_int_equal(count_of(disk), 0);
	sim_disk_faults(disk)->is_failing = false;
	assert_int_equal(write(disk, 1, 2, &us), SOUK_OK);
	sim_disk_free(disk);
}

static void test_slow(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	uint64_t us;
	world_at(1000);
	assert_int_equal(write(disk, 1, 1, &us), SOUK_OK);
	assert_int_equal(us, 1000 + LATENCY_US);
	sim_disk_faults(disk)->latency_us = 100000;
	assert_int_equal(write(disk, 2, 1, &us), SOUK_OK);
	assert_int_equal(us, 1000 + LATENCY_US + 100000);
	world_at(us + 1);
	assert_int_equal(write(disk, 3, 1, &us), SOUK_OK);
	assert_int_equal(us, world_at(us)->now_us);
	sim_disk_free(disk);
}

/* ---- transactions ---- */

static void test_transactions(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	struct souk_store view = sim_disk_view(disk), again;
	struct souk_bytes key = souk_bytes_of("\0\0\0\1", 4), found, value;
	uint64_t us;
	world_at(0);
	assert_int_equal(souk_store_put(&view, key, key), SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_del(&view, key), SOUK_LOCAL_STATE);
	assert_int_equal(sim_disk_commit(disk, &us), SOUK_LOCAL_STATE);
	sim_disk_abort(disk);
	assert_int_equal(sim_disk_begin(disk, &view), SOUK_OK);
	assert_int_equal(sim_disk_begin(disk, &again), SOUK_LOCAL_STATE);
	assert_int_equal(souk_store_put(&view, key, key), SOUK_OK);
	assert_int_equal(souk_store_next(&view, souk_bytes_of("", 0), &found, &value), SOUK_OK);
	assert_true(souk_bytes_equal_var(found, key));
	sim_disk_abort(disk);
	assert_int_equal(count_of(disk), 0);
	assert_int_equal(write(disk, 1, 1, &us), SOUK_OK);
	assert_int_equal(sim_disk_begin(disk, &view), SOUK_OK);
	assert_int_equal(souk_store_del(&view, key), SOUK_OK);
	assert_int_equal(souk_store_del(&view, key), SOUK_LOCAL_NOT_FOUND);
	/* A crash ends what is open, of whatever kind it is. */
	sim_disk_crash(disk, false);
	assert_int_equal(count_of(disk), 1);
	assert_int_equal(write(disk, 2, 1, &us), SOUK_OK);
	sim_disk_free(disk);
}

/* ---- everything at once, against a list of what each commit left ---- */

#define STEPS 3000u

struct history {
	uint32_t count[STEPS + 1]; /* after commit i; 0: the start */
	uint64_t us[STEPS + 1];
	uint32_t made; /* commits since the last crash, whose state is number 0 */
};

/* A power cut leaves the state after some commit, and after every one that is durable. */
static void power_cut(struct sim_disk *disk, struct history *history, uint64_t now_us)
{
	uint32_t durable = 0;
	for (uint32_t i = 1; i <= history->made; i++)
		durable = history->us[i] <= now_us ? i : durable;
	sim_disk_crash(disk, true);
	assert_int_equal(count_of(disk), history->count[durable]);
	history->count[0] = history->count[durable];
	history->made = 0;
}

static void test_storm(void **state)
{
	(void)state;
	struct history *history = sim_alloc(sizeof *history);
	struct sim_disk *disk = disk_new(5);
	struct souk_rng rng;
	uint64_t now_us = 0;
	souk_rng_init(&rng, 5);
	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t count = history->count[history->made];
		now_us += souk_rng_below(&rng, 8000);
		world_at(now_us);
		sim_disk_faults(disk)->is_full = souk_rng_below(&rng, 10) == 0;
		sim_disk_faults(disk)->is_failing = souk_rng_below(&rng, 10) == 0;
		sim_disk_faults(disk)->latency_us = souk_rng_below(&rng, 20000);
		if (count > 300 || souk_rng_below(&rng, 12) == 0) {
			power_cut(disk, history, now_us);
			continue;
		}
		uint32_t more = 1 + (uint32_t)souk_rng_below(&rng, 4);
		uint64_t us;
		if (write(disk, count + 1, more, &us) == SOUK_OK) {
			history->made++;
			history->count[history->made] = count + more;
			history->us[history->made] = us;
		}
		assert_int_equal(count_of(disk), history->count[history->made]);
		if (count > 250) {
			sim_disk_free(disk);
			disk = disk_new(i);
			*history = (struct history){.made = 0};
		}
	}
	sim_disk_free(disk);
	free(history);
}

static void test_rot(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	struct souk_store view = sim_disk_view(disk);
	struct souk_bytes key = souk_bytes_of("\0\0\0\1", 4), value;
	uint64_t us;
	world_at(0);
	assert_false(sim_disk_rot(disk, 9));
	assert_int_equal(write(disk, 1, 1, &us), SOUK_OK);
	assert_true(sim_disk_rot(disk, 9));
	assert_int_equal(souk_store_get(&view, key, &value), SOUK_OK);
	assert_false(souk_bytes_equal_var(key, value));
	sim_disk_free(disk);
}

/* Commits at 0, 0 and 0 take 5, 10 and 15 ms; one at 100 ms takes 5 ms. */
static void test_longest(void **state)
{
	(void)state;
	struct sim_disk *disk = disk_new(1);
	uint64_t us;
	world_at(0);
	assert_int_equal(sim_disk_longest_us(disk, 0), 0);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(write(disk, i, 1, &us), SOUK_OK);
	world_at(100000);
	assert_int_equal(write(disk, 4, 1, &us), SOUK_OK);
	assert_int_equal(sim_disk_longest_us(disk, 0), 3 * LATENCY_US);
	assert_int_equal(sim_disk_longest_us(disk, 3 * LATENCY_US), 3 * LATENCY_US);
	assert_int_equal(sim_disk_longest_us(disk, 3 * LATENCY_US + 1), LATENCY_US);
	assert_int_equal(sim_disk_longest_us(disk, us), LATENCY_US);
	assert_int_equal(sim_disk_longest_us(disk, us + 1), 0);
	sim_disk_free(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash_table),
		cmocka_unit_test(test_lies_end),
		cmocka_unit_test(test_tears),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_in_between),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_rot),
		cmocka_unit_test(test_longest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
