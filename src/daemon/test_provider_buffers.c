/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider_buffers.h"

#define COUNT 256

static struct provider_buffer *held[COUNT];
static size_t held_count;

static unsigned take_all(struct provider_buffers *buffers, uint8_t session)
{
	struct souk_nonce nonce = {{session}};
	struct provider_buffer *buffer;
	unsigned taken = 0;
	while ((buffer = provider_buffer_take(buffers, &nonce)) != NULL) {
		assert_true(held_count < COUNT);
		held[held_count++] = buffer;
		taken++;
	}
	return taken;
}

static void a_greedy_session_leaves_something(void **state)
{
	(void)state;
	struct provider_buffers *buffers;
	assert_int_equal(provider_buffers_new(&buffers, COUNT), SOUK_OK);
	assert_in_range(take_all(buffers, 1), 16, COUNT / 8);
	/* After twenty greedy ones an honest one still has several at once. */
	for (uint8_t i = 2; i <= 20; i++)
		assert_true(take_all(buffers, i) >= 2);
	assert_true(take_all(buffers, 100) >= 2);
	/* To the last one there is one for who has none. */
	for (unsigned i = 101; held_count < COUNT; i++)
		assert_true(take_all(buffers, (uint8_t)i) >= 1);
	assert_int_equal(take_all(buffers, 99), 0);
	while (held_count > 0)
		provider_buffer_give(held[--held_count]);
	assert_in_range(take_all(buffers, 1), 16, COUNT / 8);
	while (held_count > 0)
		provider_buffer_give(held[--held_count]);
	provider_buffers_free(buffers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greedy_session_leaves_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
