/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots in front of blocks, records forged in them, what a start reads, what
 * an account's history says, and the two ways to check a transaction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "test_market.h"

#define FRAMES_MAX 256

struct frame {
	uint8_t *data;
	size_t size;
};

struct frames {
	struct frame items[FRAMES_MAX];
	size_t count;
};

static struct market *market;

static void frames_add(struct frames *frames, struct souk_bytes bytes)
{
	assert_true(frames->count < FRAMES_MAX);
	struct frame *frame = &frames->items[frames->count++];
	frame->size = bytes.size;
	frame->data = malloc(bytes.size ? bytes.size : 1);
	assert_non_null(frame->data);
	if (bytes.size)
		memcpy(frame->data, bytes.data, bytes.size);
}

static void frames_free(struct frames *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		free(frames->items[i].data);
	frames->count = 0;
}

static struct souk_bytes bytes_of(const struct frame *frame)
{
	return souk_bytes_of(frame->data, frame->size);
}

/* The frames of the market's log, without the magic. */
static void log_frames(struct frames *frames)
{
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	while (in.size) {
		struct souk_bytes frame;
		size_t used;
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		frames_add(frames, frame);
		in = souk_bytes_of(in.data + used, in.size - used);
	}
}

static int setup(void **state)
{
	(void)state;
	market = market_example_more();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	market_free(market);
	return 0;
}

static void snapshot_frames(struct frames *frames, const struct souk_store *store)
{
	struct souk_snapshot_source source = {.store = *store};
	uint8_t memory[SOUK_SNAPSHOT_FRAME_MAX];
	struct souk_writer writer;
	souk_status status;
	for (;;) {
		souk_writer_init(&writer, memory, sizeof memory);
		status = souk_snapshot_next(&source, &writer);
		if (status != SOUK_OK)
			break;
		frames_add(frames, souk_bytes_of(memory + 4, writer.size - 4));
	}
	assert_int_equal(status, SOUK_LOCAL_NOT_FOUND);
}

/* Replay the log up to block HEIGHT in VERIFIER, whose store is RECORDS; the index of the next
 * frame. */
static size_t replay_to(struct souk_log_verifier *verifier, struct test_store *records,
	const struct frames *log, uint64_t height)
{
	struct souk_store store = test_store_port(records);
	size_t i = 0;
	souk_log_verifier_init(verifier, &store);
	for (; i < log->count; i++) {
		if (verifier->state == SOUK_LOG_HEADER && verifier->ledger.record.height == height)
			break;
		if (verifier->state == SOUK_LOG_HEADER) {
			struct souk_ledger_key key =
				souk_ledger_key_header(verifier->ledger.record.height + 1);
			assert_int_equal(souk_store_put(&store, souk_ledger_key_bytes(&key),
						 bytes_of(&log->items[i])),
				SOUK_OK);
		}
		assert_int_equal(
			souk_log_verifier_feed(verifier, bytes_of(&log->items[i])), SOUK_OK);
	}
	return i;
}

static souk_status feed_all(struct souk_log_verifier *verifier, struct test_store *records,
	const struct frames *frames, size_t snapshot_count)
{
	struct souk_store store = test_store_port(records);
	souk_status status = SOUK_OK;
	souk_log_verifier_init(verifier, &store);
	if (snapshot_count)
		souk_log_verifier_expect_snapshot(verifier);
	for (size_t i = 0; i < frames->count && status == SOUK_OK; i++)
		status = souk_log_verifier_feed(verifier, bytes_of(&frames->items[i]));
	souk_status finished = souk_log_verifier_finish(verifier);
	assert_true(status == SOUK_OK || status == finished);
	return finished;
}

/* From every height the rest of the log leads to the same ledger. */
static void test_from_every_height(void **state)
{
	static struct souk_log_verifier verifier;
	static struct frames log;
	(void)state;
	log_frames(&log);
	for (uint64_t height = 1; height <= market->ledger.record.height; height++) {
		struct test_store full = {0}, rest = {0};
		static struct frames frames;
		size_t next = replay_to(&verifier, &full, &log, height);
		snapshot_frames(&frames, &verifier.ledger.store);
		size_t snapshot_count = frames.count;
		for (size_t i = next; i < log.count; i++)
			frames_add(&frames, bytes_of(&log.items[i]));
		assert_int_equal(feed_all(&verifier, &rest, &frames, snapshot_count), SOUK_OK);
		assert_int_equal(verifier.from_height, height);
		assert_memory_equal(&verifier.ledger.record, &market->ledger.record,
			sizeof verifier.ledger.record);
		assert_true(souk_lthash_equal(&verifier.ledger.sum, &market->ledger.sum));
		assert_int_equal(souk_ledger_audit(&verifier.ledger), SOUK_OK);
		frames_free(&frames);
		test_store_done(&full);
		test_store_done(&rest);
	}
	frames_free(&log);
}

/* ---- forged snapshots ---- */

static struct frames honest;
static struct test_store honest_store;

static int setup_snapshot(void **state)
{
	static struct souk_log_verifier verifier;
	static struct frames log;
	setup(state);
	log_frames(&log);
	replay_to(&verifier, &honest_store, &log, market->ledger.record.height);
	snapshot_frames(&honest, &verifier.ledger.store);
	frames_free(&log);
	return 0;
}

static int teardown_snapshot(void **state)
{
	frames_free(&honest);
	test_store_done(&honest_store);
	return teardown(state);
}

static souk_status verify(const struct frames *frames, struct souk_log_verdict *ret)
{
	static struct souk_log_verifier verifier;
	struct test_store records = {0};
	souk_status status = feed_all(&verifier, &records, frames, 1);
	*ret = verifier.verdict;
	test_store_done(&records);
	return status;
}

/* One bit of every byte of every frame. */
static void test_any_flipped_bit(void **state)
{
	struct souk_log_verdict verdict;
	unsigned tried = 0;
	(void)state;
	assert_int_equal(verify(&honest, &verdict), SOUK_OK);
	for (size_t f = 0; f < honest.count; f++) {
		for (size_t i = 0; i < honest.items[f].size; i++, tried++) {
			uint8_t bit = (uint8_t)(1u << (i + f) % 8);
			honest.items[f].data[i] ^= bit;
			if (verify(&honest, &verdict) == SOUK_OK)
				fail_msg("frame %zu, byte %zu", f, i);
			honest.items[f].data[i] ^= bit;
		}
	}
	assert_true(tried > 1000);
}

/* Frames 0 to 2 are genesis, header and summary; the last is empty. */
static void test_missing_extra_swapped(void **state)
{
	struct souk_log_verdict verdict;
	(void)state;
	for (size_t at = 3; at + 1 < honest.count; at++) {
		struct frames forged = honest;
		memmove(&forged.items[at], &forged.items[at + 1],
			(forged.count - at - 1) * sizeof *forged.items);
		forged.count--;
		assert_int_not_equal(verify(&forged, &verdict), SOUK_OK);
		forged = honest;
		memmove(&forged.items[at + 1], &forged.items[at],
			(forged.count - at) * sizeof *forged.items);
		forged.count++;
		assert_int_equal(verify(&forged, &verdict), SOUK_CORRUPT_SNAPSHOT);
		assert_int_equal(verdict.item, at - 1);
		assert_true(verdict.key.size > 0);
		if (at + 2 == honest.count)
			continue;
		forged = honest;
		forged.items[at] = honest.items[at + 1];
		forged.items[at + 1] = honest.items[at];
		assert_int_equal(verify(&forged, &verdict), SOUK_CORRUPT_SNAPSHOT);
		assert_int_equal(verdict.item, at - 1);
	}
	struct frames cut = honest;
	cut.count--;
	assert_int_equal(verify(&cut, &verdict), SOUK_CORRUPT_LOG);
}

/* ---- starting ---- */

struct counted {
	struct souk_store inner;
	unsigned gets, nexts;
};

static souk_status counted_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret)
{
	struct counted *counted = ctx;
	counted->gets++;
	return souk_store_get(&counted->inner, key, ret);
}

static souk_status counted_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct counted *counted = ctx;
	return souk_store_put(&counted->inner, key, value);
}

static souk_status counted_del(void *ctx, struct souk_bytes key)
{
	struct counted *counted = ctx;
	return souk_store_del(&counted->inner, key);
}

static souk_status counted_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct counted *counted = ctx;
	counted->nexts++;
	return souk_store_next(&counted->inner, from, ret_key, ret_value);
}

/* What a start reads does not grow with the accounts: a few records, and never a walk. */
static void test_start_reads_little(void **state)
{
	static const struct souk_store_ops ops = {
		counted_get, counted_put, counted_del, counted_next};
	static struct souk_ledger ledger;
	unsigned before = 0;
	(void)state;
	market_begin(market);
	for (uint32_t accounts = 0; accounts < 2000; accounts += 1000) {
		struct counted counted = {.inner = test_store_port(&market->records)};
		struct souk_store store = {&counted, &ops};
		struct souk_time deadline;
		bool due;
		for (uint32_t i = 0; i < accounts; i++) {
			struct souk_tx_body body = {
				.kind = SOUK_TX_BODY_TRANSFER, .transfer = {.amount = {1}}};
			souk_store_be32(body.transfer.to.bytes, i + 1);
			if (i % 200 == 199) {
				market_seal(market);
				market_begin(market);
			}
			market_do(market, ALICE, &body);
		}
		market_seal(market);
		assert_int_equal(souk_ledger_load(&ledger, &store), SOUK_OK);
		assert_int_equal(souk_ledger_deadline(&deadline, &ledger), SOUK_OK);
		assert_int_equal(souk_ledger_draw_due(&due, &ledger, market->now), SOUK_OK);
		assert_int_equal(souk_ledger_begin(&ledger, market->now), SOUK_OK);
		assert_int_equal(counted.nexts, 0);
		assert_in_range(counted.gets, 3, 12);
		if (before != 0)
			assert_int_equal(counted.gets, before);
		before = counted.gets;
		assert_true(ledger.record.account_count >= accounts);
		market_begin(market);
	}
	market_seal(market);
}

/* ---- history ---- */

/* Gains and losses of every account add up to its balance. */
static void test_history_adds_up(void **state)
{
	struct souk_store store = test_store_port(&market->records);
	(void)state;
	for (enum party who = OPERATOR; who < PARTY_COUNT; who++) {
		const struct souk_address *address = &market->parties[who].address;
		struct souk_ledger_key from = souk_ledger_key_history(address, UINT64_MAX, 0);
		struct souk_account_record account;
		struct souk_bytes key = souk_bytes_of(from.bytes, 21), value;
		uint8_t at[64];
		size_t at_size = 21;
		uint64_t sum = 0, signed_count = 0;
		memcpy(at, key.data, 21);
		while (souk_store_next(&store, souk_bytes_of(at, at_size), &key, &value) ==
				SOUK_OK &&
			key.size == from.size && memcmp(key.data, from.bytes, 21) == 0) {
			struct souk_history_item item;
			assert_int_equal(souk_history_item_decode(&item, value, NULL), SOUK_OK);
			sum += item.gained.ncoin - item.lost.ncoin;
			signed_count += item.signer;
			assert_true(item.gained.ncoin == 0 || item.lost.ncoin == 0);
			memcpy(at, key.data, key.size);
			at[key.size] = 0;
			at_size = key.size + 1;
		}
		if (souk_ledger_get_account(&account, &market->ledger, address) != SOUK_OK)
			account = (struct souk_account_record){0};
		assert_int_equal(sum, account.balance.ncoin);
		assert_int_equal(signed_count, account.nonce);
	}
}

/* ---- checks ahead of time ---- */

static void test_checks_of_bytes(void **state)
{
	static struct frames log;
	struct souk_signed_check check;
	struct souk_signed_block_header header;
	(void)state;
	log_frames(&log);
	struct frame *frame = &log.items[1];
	struct souk_address *signer = &market->parties[OPERATOR].address;
	assert_int_equal(souk_signed_block_header_decode(&header, bytes_of(frame), NULL), SOUK_OK);
	souk_block_check(&check, bytes_of(frame), signer);
	struct souk_hash name = souk_block_header_digest(&header.header);
	assert_int_equal(check.signature, SOUK_OK);
	assert_memory_equal(&check.name, &name, sizeof name);
	souk_block_check(&check, bytes_of(frame), &market->parties[BOB].address);
	assert_int_equal(check.signature, SOUK_PEER_WRONG_SIGNER);
	struct souk_signed_tx tx;
	frame = &log.items[2];
	assert_int_equal(souk_signed_tx_decode(&tx, bytes_of(frame), NULL), SOUK_OK);
	souk_tx_check(&check, bytes_of(frame));
	name = souk_tx_digest(&tx.tx);
	assert_int_equal(check.signature, SOUK_OK);
	assert_memory_equal(&check.name, &name, sizeof name);
	frame->data[frame->size - 40] ^= 1;
	souk_tx_check(&check, bytes_of(frame));
	assert_int_not_equal(check.signature, SOUK_OK);
	for (size_t size = 0; size < 117; size++) {
		souk_tx_check(&check, souk_bytes_of(frame->data, size));
		assert_int_equal(check.signature, SOUK_PEER_TRUNCATED);
	}
	souk_block_check(&check, souk_bytes_of(frame->data, 64), signer);
	assert_int_equal(check.signature, SOUK_PEER_TRUNCATED);
	frames_free(&log);
}

#define TEST(name)	    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SNAPSHOT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_snapshot, teardown_snapshot)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_every_height),
		SNAPSHOT_TEST(test_any_flipped_bit),
		SNAPSHOT_TEST(test_missing_extra_swapped),
		TEST(test_start_reads_little),
		TEST(test_history_adds_up),
		TEST(test_checks_of_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
