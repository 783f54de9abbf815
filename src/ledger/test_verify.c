/* SPDX-License-Identifier: Apache-2.0
 *
 * An exported log is replayed elsewhere: the honest one passes and leads to the
 * same state; each way to tamper with it is found, at the right place. */
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

/* A log taken apart, to be tampered with. */
struct log {
	struct frame frames[FRAMES_MAX];
	size_t count;
};

static struct market *market;
static struct log honest;

static void log_split(struct log *log, struct souk_bytes bytes)
{
	log->count = 0;
	bytes.data += SOUK_LOG_MAGIC_SIZE;
	bytes.size -= SOUK_LOG_MAGIC_SIZE;
	while (bytes.size) {
		struct souk_bytes frame;
		size_t used;
		assert_int_equal(souk_log_read_frame(&frame, &used, bytes), SOUK_OK);
		assert_true(log->count < FRAMES_MAX);
		struct frame *copy = &log->frames[log->count++];
		copy->size = frame.size;
		copy->data = malloc(frame.size);
		assert_non_null(copy->data);
		memcpy(copy->data, frame.data, frame.size);
		bytes.data += used;
		bytes.size -= used;
	}
}

static int setup(void **state)
{
	(void)state;
	market = market_example();
	log_split(&honest, souk_bytes_of(market->log, market->log_size));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < honest.count; i++)
		free(honest.frames[i].data);
	market_free(market);
	return 0;
}

/* Replays LOG into a fresh store; the verifier stays for a look at its end. */
static souk_status verify_log(struct souk_log_verifier *verifier, const struct log *log)
{
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	souk_status status = SOUK_OK;
	souk_log_verifier_init(verifier, &store);
	for (size_t i = 0; i < log->count && status == SOUK_OK; i++)
		status = souk_log_verifier_feed(
			verifier, souk_bytes_of(log->frames[i].data, log->frames[i].size));
	if (status != SOUK_OK) {
		/* A verifier that failed stays failed. */
		assert_int_equal(souk_log_verifier_feed(verifier, souk_bytes_of("", 0)), status);
		assert_int_equal(verifier->verdict.status, status);
	}
	souk_status finished = souk_log_verifier_finish(verifier);
	assert_true(status == SOUK_OK || finished == status);
	test_store_done(&records);
	return finished;
}

static void test_honest_log(void **state)
{
	static struct souk_log_verifier verifier;
	(void)state;
	assert_int_equal(verify_log(&verifier, &honest), SOUK_OK);
	assert_memory_equal(
		&verifier.ledger.record, &market->ledger.record, sizeof verifier.ledger.record);
	assert_true(verifier.ledger.record.height > 4);
	assert_int_equal(verifier.ledger.record.minted.ncoin, 111 * COIN);
}

/* Every byte of the log, one bit each (all bits of the small frames would take long). */
static void test_any_flipped_bit(void **state)
{
	static struct souk_log_verifier verifier;
	unsigned missed = 0, tried = 0;
	(void)state;
	for (size_t f = 0; f < honest.count; f++) {
		for (size_t i = 0; i < honest.frames[f].size; i++) {
			uint8_t bit = (uint8_t)(1u << (i + f) % 8);
			honest.frames[f].data[i] ^= bit;
			missed += verify_log(&verifier, &honest) == SOUK_OK;
			honest.frames[f].data[i] ^= bit;
			tried++;
		}
	}
	assert_int_equal(missed, 0);
	assert_true(tried > 2000);
}

static void expect(const struct log *log, souk_status status, uint64_t height, uint32_t index)
{
	static struct souk_log_verifier verifier;
	assert_int_equal(verify_log(&verifier, log), status);
	assert_int_equal(verifier.verdict.height, height);
	assert_int_equal(verifier.verdict.index, index);
}

/* Frames: 0 genesis, 1 header, 2-4 its transactions, 5 header, 6-8 its transactions, ... */
static void test_reordered_removed_doubled(void **state)
{
	(void)state;
	struct log log = honest;
	log.frames[3] = honest.frames[2];
	log.frames[2] = honest.frames[3];
	expect(&log, SOUK_CORRUPT_BLOCK_ROOT, 1, SOUK_LOG_NO_TX);
	log = honest;
	memmove(&log.frames[3], &log.frames[4], (log.count - 4) * sizeof log.frames[0]);
	log.count--;
	/* The next header stands where a transaction must be. */
	static struct souk_log_verifier verifier;
	assert_int_not_equal(verify_log(&verifier, &log), SOUK_OK);
	assert_int_equal(verifier.verdict.height, 1);
	assert_int_equal(verifier.verdict.index, 2);
	log = honest;
	log.frames[3] = honest.frames[2];
	expect(&log, SOUK_PEER_TX_NONCE, 1, 1);
	log = honest;
	memmove(&log.frames[1], &log.frames[5], (log.count - 5) * sizeof log.frames[0]);
	log.count -= 4;
	expect(&log, SOUK_CORRUPT_BLOCK_LINK, 1, SOUK_LOG_NO_TX);
	log = honest;
	log.count = 3;
	expect(&log, SOUK_CORRUPT_LOG, 1, 1);
	log.count = 0;
	expect(&log, SOUK_CORRUPT_LOG, 0, SOUK_LOG_NO_TX);
}

/* ---- a forger who re-links hashes ---- */

static void frame_set(struct frame *frame, const struct souk_writer *writer)
{
	frame->data = realloc(frame->data, writer->size);
	assert_non_null(frame->data);
	memcpy(frame->data, writer->data, writer->size);
	frame->size = writer->size;
}

/* Make ALICE's first faucet call bring more; SIGN_TX: with her own key. */
static void forge_amount(bool sign_tx)
{
	struct souk_signed_tx tx;
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	assert_int_equal(souk_signed_tx_decode(&tx,
				 souk_bytes_of(honest.frames[2].data, honest.frames[2].size), NULL),
		SOUK_OK);
	tx.tx.body.faucet.amount.ncoin += COIN;
	if (sign_tx)
		souk_tx_sign(&tx, &tx.tx, &market->parties[ALICE]);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_tx_encode(&writer, &tx);
	frame_set(&honest.frames[2], &writer);
}

/* Replays with headers made anew by SIGNER, who knows the rules as well as we do: every root,
 * state and link of the forged log is right, but for the signature. */
static void relink(const struct souk_identity *signer, struct souk_signed_block_header *first)
{
	static struct souk_ledger ledger;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	struct souk_genesis genesis = market_genesis(market);
	struct souk_identity as_operator = *signer;
	as_operator.address = genesis.operator;
	assert_int_equal(souk_ledger_genesis(&ledger, &store, &genesis), SOUK_OK);
	assert_int_equal(souk_ledger_begin(&ledger, genesis.created), SOUK_OK);
	for (size_t f = 2; f < 5; f++) {
		struct souk_signed_tx tx;
		struct souk_receipt receipt;
		assert_int_equal(
			souk_signed_tx_decode(&tx,
				souk_bytes_of(honest.frames[f].data, honest.frames[f].size), NULL),
			SOUK_OK);
		assert_int_equal(souk_ledger_apply(&ledger, &tx, &receipt), SOUK_OK);
	}
	assert_int_equal(souk_ledger_seal(&ledger, &as_operator, first), SOUK_OK);
	test_store_done(&records);
}

static void test_changed_amount(void **state)
{
	(void)state;
	forge_amount(false);
	expect(&honest, SOUK_PEER_WRONG_SIGNER, 1, 0);
}

static void test_changed_amount_signed_by_its_sender(void **state)
{
	(void)state;
	forge_amount(true);
	expect(&honest, SOUK_CORRUPT_BLOCK_ROOT, 1, SOUK_LOG_NO_TX);
}

static void relink_first(const struct souk_identity *signer)
{
	struct souk_signed_block_header first;
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	forge_amount(true);
	relink(signer, &first);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_block_header_encode(&writer, &first);
	frame_set(&honest.frames[1], &writer);
}

static void test_relinked_without_the_operator(void **state)
{
	(void)state;
	relink_first(&market->parties[STRANGER]);
	expect(&honest, SOUK_PEER_WRONG_SIGNER, 1, SOUK_LOG_NO_TX);
}

/* The operator itself rewrites block 1: the next block no longer follows it. */
static void test_relinked_by_the_operator(void **state)
{
	(void)state;
	relink_first(&market->parties[OPERATOR]);
	expect(&honest, SOUK_CORRUPT_BLOCK_LINK, 2, SOUK_LOG_NO_TX);
}

/* The operator signs a block that states another state, or another root. */
static void test_operator_lies(void **state)
{
	(void)state;
	for (int lie = 0; lie < 3; lie++) {
		struct souk_signed_block_header header;
		uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
		struct souk_writer writer;
		relink(&market->parties[OPERATOR], &header);
		if (lie == 0)
			header.header.state.bytes[0] ^= 1;
		else if (lie == 1)
			header.header.tx_root.bytes[0] ^= 1;
		else
			header.header.time.ms--;
		struct souk_hash digest = souk_block_header_digest(&header.header);
		souk_ecdsa_sign(&header.signature, &digest, &market->parties[OPERATOR]);
		souk_writer_init(&writer, memory, sizeof memory);
		souk_signed_block_header_encode(&writer, &header);
		frame_set(&honest.frames[1], &writer);
		static const souk_status expected[] = {
			SOUK_CORRUPT_STATE, SOUK_CORRUPT_BLOCK_ROOT, SOUK_PEER_BLOCK_TIME};
		expect(&honest, expected[lie], 1, SOUK_LOG_NO_TX);
	}
}

static void test_frames(void **state)
{
	(void)state;
	uint8_t bytes[16] = {0, 0, 0, 3, 'a', 'b', 'c', 9};
	struct souk_bytes frame = {NULL, 77};
	struct souk_writer writer;
	size_t used = 5;
	for (size_t size = 0; size < 7; size++)
		assert_int_equal(souk_log_read_frame(&frame, &used, souk_bytes_of(bytes, size)),
			SOUK_PEER_TRUNCATED);
	assert_int_equal(frame.size, 77);
	assert_int_equal(souk_log_read_frame(&frame, &used, souk_bytes_of(bytes, 8)), SOUK_OK);
	assert_int_equal(used, 7);
	assert_memory_equal(frame.data, "abc", 3);
	bytes[2] = 0xff;
	assert_int_equal(
		souk_log_read_frame(&frame, &used, souk_bytes_of(bytes, 8)), SOUK_CORRUPT_LOG);
	souk_writer_init(&writer, bytes, 6);
	souk_log_write_frame(&writer, souk_bytes_of("abc", 3));
	assert_true(writer.full);
	assert_int_equal(writer.size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_honest_log),
		TEST(test_any_flipped_bit),
		TEST(test_reordered_removed_doubled),
		TEST(test_changed_amount),
		TEST(test_changed_amount_signed_by_its_sender),
		TEST(test_relinked_without_the_operator),
		TEST(test_relinked_by_the_operator),
		TEST(test_operator_lies),
		cmocka_unit_test(test_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
