/* SPDX-License-Identifier: Apache-2.0
 *
 * The Nth operation of the store fails under the ledger's rules: for every N.
 *
 * A ledger with one of most things on it is made again, block by block, over a
 * store whose Nth get, next, put or del fails. The failure must come out as what
 * it is, never as a refusal of the transaction; the block is abandoned, made
 * again, and must be the same block to the last byte. The replay of a log that
 * meets the failure must say that it reached no verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/verify.h"
#include "test_market.h"

/* A store that fails once. */
struct faulty {
	struct souk_store inner;
	unsigned long left; /* operations until then */
	bool fired;
	souk_status status;
};

static bool fails(struct faulty *faulty)
{
	if (faulty->fired || faulty->left-- > 0)
		return false;
	faulty->fired = true;
	return true;
}

static souk_status faulty_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	struct faulty *faulty = ctx;
	return fails(faulty) ? faulty->status : souk_store_get(&faulty->inner, key, ret_value);
}

static souk_status faulty_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct faulty *faulty = ctx;
	return fails(faulty) ? faulty->status : souk_store_put(&faulty->inner, key, value);
}

static souk_status faulty_del(void *ctx, struct souk_bytes key)
{
	struct faulty *faulty = ctx;
	return fails(faulty) ? faulty->status : souk_store_del(&faulty->inner, key);
}

static souk_status faulty_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct faulty *faulty = ctx;
	return fails(faulty) ? faulty->status
			     : souk_store_next(&faulty->inner, from, ret_key, ret_value);
}

static const struct souk_store_ops faulty_ops = {
	.get = faulty_get,
	.put = faulty_put,
	.del = faulty_del,
	.next = faulty_next,
};

/* ---- a sequencer over it ---- */

struct life {
	struct souk_memory_store *memory;
	struct faulty faulty;
	struct souk_ledger ledger;
	unsigned abandoned;
};

static struct market *market;
static struct souk_genesis genesis;

static struct souk_bytes next_frame(struct souk_bytes *in)
{
	struct souk_bytes frame;
	size_t used;
	assert_int_equal(souk_log_read_frame(&frame, &used, *in), SOUK_OK);
	in->data += used;
	in->size -= used;
	return frame;
}

static struct souk_store begin(struct life *life)
{
	assert_int_equal(souk_memory_store_begin(life->memory, &life->faulty.inner), SOUK_OK);
	return (struct souk_store){.ctx = &life->faulty, .ops = &faulty_ops};
}

/* What a sequencer does with the transactions of one block; IN starts with them. */
static souk_status build_block(struct life *life, const struct souk_signed_block_header *header,
	struct souk_bytes *in, struct souk_signed_block_header *ret)
{
	static struct souk_signed_tx tx;
	struct souk_receipt receipt;
	SOUK_TRY(souk_ledger_begin(&life->ledger, header->header.time));
	for (uint32_t i = 0; i < header->header.tx_count; i++) {
		struct souk_bytes frame = next_frame(in);
		assert_int_equal(souk_signed_tx_decode(&tx, frame, NULL), SOUK_OK);
		SOUK_TRY(souk_ledger_apply(&life->ledger, &tx, &receipt));
	}
	return souk_ledger_seal(&life->ledger, &market->parties[OPERATOR], ret);
}

/* The block of the log at IN; a failure is met once, and then it is made again. */
static void make_block(struct life *life, struct souk_bytes *in)
{
	struct souk_signed_block_header header, made;
	assert_int_equal(souk_signed_block_header_decode(&header, next_frame(in), NULL), SOUK_OK);
	struct souk_ledger before = life->ledger;
	struct souk_bytes txs = *in;
	life->ledger.store = begin(life);
	souk_status status = build_block(life, &header, &txs, &made);
	if (status != SOUK_OK) {
		if (status != life->faulty.status || souk_ledger_refused(status))
			fail_msg("block %llu: %s", (unsigned long long)header.header.height,
				souk_status_name(status));
		souk_memory_store_abort(life->memory);
		life->ledger = before;
		life->abandoned++;
		txs = *in;
		life->ledger.store = begin(life);
		assert_int_equal(build_block(life, &header, &txs, &made), SOUK_OK);
	}
	souk_memory_store_commit(life->memory);
	struct souk_hash expected = souk_block_header_digest(&header.header);
	struct souk_hash digest = souk_block_header_digest(&made.header);
	assert_memory_equal(&digest, &expected, sizeof digest);
	*in = txs;
}

static void make_genesis(struct life *life)
{
	struct souk_store store = begin(life);
	souk_status status = souk_ledger_genesis(&life->ledger, &store, &genesis);
	if (status != SOUK_OK) {
		assert_int_equal(status, life->faulty.status);
		souk_memory_store_abort(life->memory);
		life->abandoned++;
		store = begin(life);
		assert_int_equal(souk_ledger_genesis(&life->ledger, &store, &genesis), SOUK_OK);
	}
	souk_memory_store_commit(life->memory);
}

static struct souk_bytes log_of_market(void)
{
	return souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
}

/* Whether operation NUMBER was there to fail. */
static bool sequence(unsigned long number, souk_status status)
{
	static struct life life;
	struct souk_bytes in = log_of_market();
	memset(&life, 0, sizeof life);
	life.faulty.left = number;
	life.faulty.status = status;
	assert_int_equal(souk_memory_store_new(&life.memory, 0, 1), SOUK_OK);
	next_frame(&in);
	make_genesis(&life);
	while (in.size)
		make_block(&life, &in);
	assert_int_equal(life.abandoned, life.faulty.fired ? 1 : 0);
	life.ledger.store = life.faulty.inner;
	assert_int_equal(souk_ledger_audit(&life.ledger), SOUK_OK);
	souk_memory_store_free(life.memory);
	return life.faulty.fired;
}

/* Whoever verifies meets a failure: no verdict on the log, but the failure. */
static bool verify(unsigned long number)
{
	static struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	struct souk_bytes in = log_of_market();
	struct faulty faulty = {.left = number, .status = SOUK_IO_STORE};
	struct souk_store store = {.ctx = &faulty, .ops = &faulty_ops};
	souk_status status = SOUK_OK;
	assert_int_equal(souk_memory_store_new(&memory, 0, 1), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(memory, &faulty.inner), SOUK_OK);
	souk_log_verifier_init(&verifier, &store);
	while (in.size && status == SOUK_OK)
		status = souk_log_verifier_feed(&verifier, next_frame(&in));
	if (status == SOUK_OK)
		status = souk_log_verifier_finish(&verifier);
	assert_int_equal(status, faulty.fired ? SOUK_IO_STORE : SOUK_OK);
	souk_memory_store_free(memory);
	return faulty.fired;
}

static void test_sequencer(void **state)
{
	(void)state;
	static const souk_status statuses[] = {SOUK_IO_STORE, SOUK_IO_DISK_FULL};
	unsigned long number = 0;
	while (sequence(number, statuses[number % 2]))
		number++;
	assert_true(number > 100);
	print_message("# %lu failures of the sequencer's store survived\n", number);
}

static void test_verifier(void **state)
{
	(void)state;
	unsigned long number = 0;
	while (verify(number))
		number++;
	assert_true(number > 100);
	print_message("# %lu failures of the verifier's store told\n", number);
}

static int setup(void **state)
{
	(void)state;
	market = market_example_more();
	genesis = market_genesis(market);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	market_free(market);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequencer),
		cmocka_unit_test(test_verifier),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
