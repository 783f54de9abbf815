/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_store against a list of pairs that is copied at every mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "souk/base/rng.h"

#define KEYS	  40u
#define MARKS	  24u
#define STEPS	  20000u
#define VALUE_MAX 12u

void *sim_alloc(size_t size)
{
	void *memory = calloc(1, size);
	assert_non_null(memory);
	return memory;
}

/* Key K is that many bytes long, so that some are the beginnings of others. */
struct model {
	struct {
		bool is_there;
		uint8_t size;
		uint8_t value[VALUE_MAX];
	} of[KEYS];
	uint64_t mark;
};

struct world {
	struct sim_store *store;
	struct souk_store view;
	struct model now;
	struct model marks[MARKS]; /* by rising mark */
	uint32_t mark_count;
	struct souk_rng rng;
};

static struct souk_bytes key_of(uint32_t k, uint8_t memory[KEYS])
{
	for (uint32_t i = 0; i <= k / 4; i++)
		memory[i] = (uint8_t)(i < k / 4 ? 'a' : 'a' + k % 4);
	return souk_bytes_of(memory, k / 4 + 1);
}

static int order(uint32_t a, uint32_t b)
{
	uint8_t memory[2][KEYS];
	struct souk_bytes x = key_of(a, memory[0]), y = key_of(b, memory[1]);
	int result = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
	return result != 0 ? result : (int)x.size - (int)y.size;
}

static void put(struct world *w, uint32_t k)
{
	uint8_t memory[KEYS];
	uint8_t size = (uint8_t)souk_rng_below(&w->rng, VALUE_MAX + 1);
	souk_rng_fill(&w->rng, w->now.of[k].value, size);
	w->now.of[k].is_there = true;
	w->now.of[k].size = size;
	assert_int_equal(souk_store_put(&w->view, key_of(k, memory),
				 souk_bytes_of(w->now.of[k].value, size)),
		SOUK_OK);
}

static void del(struct world *w, uint32_t k)
{
	uint8_t memory[KEYS];
	assert_int_equal(souk_store_del(&w->view, key_of(k, memory)),
		w->now.of[k].is_there ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
	w->now.of[k].is_there = false;
}

static void check_get(struct world *w, uint32_t k)
{
	uint8_t memory[KEYS];
	struct souk_bytes value;
	souk_status status = souk_store_get(&w->view, key_of(k, memory), &value);
	assert_int_equal(status, w->now.of[k].is_there ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
	if (status != SOUK_OK)
		return;
	assert_int_equal(value.size, w->now.of[k].size);
	assert_memory_equal(value.data, w->now.of[k].value, value.size);
}

/* The first key of the model at or after FROM, or KEYS. */
static uint32_t model_next(const struct world *w, uint32_t from)
{
	uint32_t best = KEYS;
	for (uint32_t k = 0; k < KEYS; k++) {
		if (w->now.of[k].is_there && order(k, from) >= 0 &&
			(best == KEYS || order(k, best) < 0))
			best = k;
	}
	return best;
}

static void check_next(struct world *w, uint32_t from)
{
	uint8_t memory[2][KEYS];
	struct souk_bytes key, value;
	uint32_t best = model_next(w, from);
	souk_status status = souk_store_next(&w->view, key_of(from, memory[0]), &key, &value);
	assert_int_equal(status, best < KEYS ? SOUK_OK : SOUK_LOCAL_NOT_FOUND);
	if (best < KEYS)
		assert_true(souk_bytes_equal_var(key, key_of(best, memory[1])));
}

static void take_mark(struct world *w)
{
	w->now.mark = sim_store_mark(w->store);
	if (w->mark_count == MARKS ||
		(w->mark_count > 0 && w->marks[w->mark_count - 1].mark == w->now.mark))
		return;
	w->marks[w->mark_count++] = w->now;
}

static void go_back(struct world *w)
{
	if (w->mark_count == 0)
		return;
	uint32_t to = (uint32_t)souk_rng_below(&w->rng, w->mark_count);
	sim_store_rollback(w->store, w->marks[to].mark);
	w->now = w->marks[to];
	w->mark_count = to + (souk_rng_below(&w->rng, 2) ? 1 : 0);
}

static void forget(struct world *w)
{
	if (w->mark_count == 0)
		return;
	uint32_t from = (uint32_t)souk_rng_below(&w->rng, w->mark_count);
	sim_store_forget(w->store, w->marks[from].mark);
	memmove(w->marks, w->marks + from, (w->mark_count - from) * sizeof w->marks[0]);
	w->mark_count -= from;
}

static void check_all(struct world *w)
{
	uint64_t count = 0;
	for (uint32_t k = 0; k < KEYS; k++) {
		check_get(w, k);
		check_next(w, k);
		count += w->now.of[k].is_there;
	}
	assert_int_equal(sim_store_count(w->store), count);
}

static void step(struct world *w)
{
	uint32_t k = (uint32_t)souk_rng_below(&w->rng, KEYS);
	uint64_t what = souk_rng_below(&w->rng, 100);
	if (what < 45)
		put(w, k);
	else if (what < 70)
		del(w, k);
	else if (what < 80)
		check_get(w, k);
	else if (what < 88)
		check_next(w, k);
	else if (what < 94)
		take_mark(w);
	else if (what < 97)
		go_back(w);
	else
		forget(w);
}

static void test_is_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct world *w = sim_alloc(sizeof *w);
		w->store = sim_store_new(seed);
		w->view = sim_store_view(w->store);
		souk_rng_init(&w->rng, seed);
		for (uint32_t i = 0; i < STEPS; i++) {
			step(w);
			if (i % 64 == 0)
				check_all(w);
		}
		check_all(w);
		sim_store_free(w->store);
		free(w);
	}
}

/* Back to the very start, however much was written. */
static void test_back_to_nothing(void **state)
{
	(void)state;
	struct world *w = sim_alloc(sizeof *w);
	w->store = sim_store_new(9);
	w->view = sim_store_view(w->store);
	souk_rng_init(&w->rng, 9);
	for (uint32_t i = 0; i < 500; i++)
		(i % 3 == 2 ? del : put)(w, (uint32_t)souk_rng_below(&w->rng, KEYS));
	sim_store_rollback(w->store, 0);
	memset(&w->now, 0, sizeof w->now);
	check_all(w);
	assert_int_equal(sim_store_mark(w->store), 0);
	sim_store_free(w->store);
	free(w);
}

static void test_limits(void **state)
{
	(void)state;
	static uint8_t big[SOUK_STORE_VALUE_SIZE_MAX + 1];
	struct sim_store *store = sim_store_new(1);
	struct souk_store view = sim_store_view(store);
	struct souk_bytes key = souk_bytes_of("k", 1), value, next;
	assert_int_equal(souk_store_put(&view, souk_bytes_of(big, 0), key), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_put(&view, souk_bytes_of(big, 129), key), SOUK_LOCAL_FULL);
	assert_int_equal(
		souk_store_put(&view, key, souk_bytes_of(big, sizeof big)), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_get(&view, souk_bytes_of(big, 129), &value), SOUK_LOCAL_FULL);
	assert_int_equal(souk_store_del(&view, souk_bytes_of(big, 0)), SOUK_LOCAL_FULL);
	assert_int_equal(
		souk_store_next(&view, souk_bytes_of(big, 130), &next, &value), SOUK_LOCAL_FULL);
	assert_int_equal(sim_store_mark(store), 0);
	assert_int_equal(souk_store_put(&view, key, souk_bytes_of(big, sizeof big - 1)), SOUK_OK);
	assert_int_equal(souk_store_put(&view, souk_bytes_of(big, 128), key), SOUK_OK);
	sim_store_free(store);
}

/* One bit of one value, never a key, also where values are empty. */
static void test_rot(void **state)
{
	(void)state;
	struct sim_store *store = sim_store_new(3);
	struct souk_store view = sim_store_view(store);
	struct souk_bytes empty = souk_bytes_of("", 0), value;
	assert_false(sim_store_rot(store, 5));
	assert_int_equal(souk_store_put(&view, souk_bytes_of("a", 1), empty), SOUK_OK);
	assert_false(sim_store_rot(store, 5));
	assert_int_equal(
		souk_store_put(&view, souk_bytes_of("b", 1), souk_bytes_of("\0\0", 2)), SOUK_OK);
	for (uint64_t which = 0; which < 32; which++) {
		assert_true(sim_store_rot(store, which));
		assert_int_equal(souk_store_get(&view, souk_bytes_of("b", 1), &value), SOUK_OK);
		unsigned bits =
			__builtin_popcount(value.data[0]) + __builtin_popcount(value.data[1]);
		assert_int_equal(bits, 1);
		assert_int_equal(value.data[which / 2 / 8], 1 << which / 2 % 8);
		assert_true(sim_store_rot(store, which));
	}
	sim_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_the_model),
		cmocka_unit_test(test_back_to_nothing),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
