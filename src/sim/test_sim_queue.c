/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue.h"
#include "souk/base/rng.h"

#define EVENTS 5000u

static void events_come_by_time_then_by_coming(void **state)
{
	(void)state;
	struct sim_queue queue = {0};
	struct sim_event event, last = {0};
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	for (uint64_t i = 0; i < EVENTS; i++)
		sim_queue_push(&queue, souk_rng_below(&rng, 100), SIM_EVENT_WAKE, i);
	for (uint32_t i = 0; i < EVENTS; i++) {
		assert_true(sim_queue_pop(&queue, &event));
		assert_true(event.us >= last.us);
		if (i > 0 && event.us == last.us)
			assert_true(event.of.word > last.of.word);
		last = event;
	}
	assert_false(sim_queue_pop(&queue, &event));
	sim_queue_free(&queue);
}

/* Against a count of each moment: what goes in comes out, in the midst of pushing too. */
static void nothing_is_lost_in_between(void **state)
{
	(void)state;
	struct sim_queue queue = {0};
	struct sim_event event;
	struct souk_rng rng;
	uint64_t now = 0, in = 0, out = 0;
	souk_rng_init(&rng, 2);
	for (uint32_t i = 0; i < 20 * EVENTS; i++) {
		if (souk_rng_below(&rng, 5) < 3 && i < 10 * EVENTS) {
			uint64_t us = now + souk_rng_below(&rng, 1000);
			sim_queue_push(&queue, us, SIM_EVENT_LEDGER, us);
			in += us;
		} else if (sim_queue_pop(&queue, &event)) {
			assert_true(event.us >= now);
			assert_true(event.of.word == event.us);
			assert_int_equal(sim_event_kind_of(&event), SIM_EVENT_LEDGER);
			now = event.us;
			out += event.us;
		}
	}
	assert_true(in > 0 && in == out);
	assert_int_equal(queue.count, 0);
	sim_queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_by_time_then_by_coming),
		cmocka_unit_test(nothing_is_lost_in_between),
	};
	return cmocka_run_group_tests_name("sim_queue", tests, NULL, NULL);
}
