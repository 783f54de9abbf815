/* SPDX-License-Identifier: Apache-2.0
 *
 * The replay with helpers says what the plain verifier says, to the same frame,
 * whatever the number of threads; and many batches long. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../ledger/test_market.h"
#include "souk/io/log_replay.h"

#define TRANSFERS 3000

static struct market *market;

static int setup(void **state)
{
	(void)state;
	market = market_example_more();
	market_begin(market);
	for (uint32_t i = 0; i < TRANSFERS; i++) {
		struct souk_tx_body body = {
			.kind = SOUK_TX_BODY_TRANSFER, .transfer = {.amount = {1}}};
		souk_store_be32(body.transfer.to.bytes, i % 700 + 1);
		market_do(market, ALICE, &body);
		if (i % 100 == 99) {
			market_seal(market);
			market_begin(market);
		}
	}
	market_seal(market);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	market_free(market);
	return 0;
}

static souk_status replay_all(struct souk_log_replay *replay, struct souk_bytes in)
{
	struct souk_bytes frame;
	size_t used;
	in = souk_bytes_of(in.data + SOUK_LOG_MAGIC_SIZE, in.size - SOUK_LOG_MAGIC_SIZE);
	for (; in.size; in = souk_bytes_of(in.data + used, in.size - used)) {
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		souk_status status = souk_log_replay_feed(replay, frame);
		if (status != SOUK_OK)
			return status;
	}
	return souk_log_replay_finish(replay);
}

static void test_honest(void **state)
{
	(void)state;
	for (unsigned threads = 0; threads < 5; threads++) {
		struct souk_log_replay_config config = {
			.thread_count = threads, .keeps_index = threads % 2};
		struct souk_log_replay *replay;
		assert_int_equal(souk_log_replay_new(&replay, &config), SOUK_OK);
		assert_int_equal(
			replay_all(replay, souk_bytes_of(market->log, market->log_size)), SOUK_OK);
		assert_memory_equal(&souk_log_replay_verifier(replay)->ledger.record,
			&market->ledger.record, sizeof market->ledger.record);
		souk_log_replay_free(replay);
	}
}

/* Where frame NUMBER has its 40th byte. */
static size_t place_in_frame(size_t number)
{
	size_t at = SOUK_LOG_MAGIC_SIZE;
	for (size_t i = 0; i < number; i++)
		at += 4 + souk_load_be32(market->log + at);
	return at + 4 + 40;
}

/* A flipped bit anywhere: the same status, block and transaction as without helpers. */
static void test_forged(void **state)
{
	(void)state;
	for (size_t n = 1; n < 12; n++) {
		size_t at = place_in_frame(n * 270);
		struct souk_log_verdict verdicts[2];
		market->log[at] ^= 1;
		for (unsigned threads = 0; threads < 2; threads++) {
			struct souk_log_replay_config config = {.thread_count = threads * 3};
			struct souk_log_replay *replay;
			memset(&verdicts[threads], 0, sizeof verdicts[threads]);
			assert_int_equal(souk_log_replay_new(&replay, &config), SOUK_OK);
			souk_status status =
				replay_all(replay, souk_bytes_of(market->log, market->log_size));
			assert_int_not_equal(status, SOUK_OK);
			verdicts[threads] = souk_log_replay_verifier(replay)->verdict;
			assert_int_equal(verdicts[threads].status, status);
			souk_log_replay_free(replay);
		}
		assert_int_equal(verdicts[0].status, verdicts[1].status);
		assert_int_equal(verdicts[0].height, verdicts[1].height);
		assert_int_equal(verdicts[0].index, verdicts[1].index);
		market->log[at] ^= 1;
	}
}

static void test_given_up(void **state)
{
	struct souk_log_replay_config config = {.thread_count = UINT_MAX};
	struct souk_log_replay *replay;
	(void)state;
	assert_int_equal(souk_log_replay_new(&replay, &config), SOUK_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			souk_log_replay_feed(replay, souk_bytes_of("nonsense", 8)), SOUK_OK);
	assert_int_equal(souk_log_replay_finish(replay), SOUK_PEER_BAD_VERSION);
	souk_log_replay_free(replay);
	assert_int_equal(souk_log_replay_new(&replay, &config), SOUK_OK);
	assert_int_equal(souk_log_replay_finish(replay), SOUK_CORRUPT_LOG);
	souk_log_replay_free(replay);
	souk_log_replay_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_given_up),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
