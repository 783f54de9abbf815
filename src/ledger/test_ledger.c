/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kind of transaction but claims: what it changes, and each way it is
 * refused. market_refuse also asserts that a refusal changed not one byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "souk/crypto/merkle.h"
#include "test_market.h"

static struct market *market;

static int setup(void **state)
{
	(void)state;
	market = market_new();
	market_fund(market, ALICE, 1000 * COIN);
	market_fund(market, BOB, 100 * COIN);
	return 0;
}

/* Every test ends with a sealed block and an audit: no test may lose a coin. */
static int teardown(void **state)
{
	(void)state;
	market_seal(market);
	int failed = souk_ledger_audit(&market->ledger) != SOUK_OK;
	market_free(market);
	return failed;
}

static struct souk_hash open_escrow(uint8_t salt, uint64_t line, uint64_t prize, uint64_t deposit)
{
	struct souk_tx_body body = body_open(salt, line, prize, deposit);
	market_do(market, ALICE, &body);
	return market_escrow_id(market, ALICE, salt);
}

static struct souk_escrow_record escrow_of(const struct souk_hash *id)
{
	struct souk_escrow_record escrow;
	assert_int_equal(souk_ledger_get_escrow(&escrow, &market->ledger, id), SOUK_OK);
	return escrow;
}

/* ---- genesis ---- */

static void test_genesis_rules(void **state)
{
	(void)state;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	struct souk_ledger ledger;
	struct souk_genesis good = market_genesis(market), bad;
#define BAD(change)                                                                                \
	bad = good;                                                                                \
	change;                                                                                    \
	assert_int_equal(souk_ledger_genesis(&ledger, &store, &bad), SOUK_LOCAL_CONFIG);           \
	assert_int_equal(records.count, 0)
	BAD(bad.epoch_ms = 0);
	BAD(bad.beacon_count = 0);
	BAD(bad.operator=(struct souk_address){{0}});
	BAD(bad.draw_delay_ms = UINT64_MAX);
	BAD(bad.claim_ms = 0);
	BAD(bad.claim_ms = 6 * MARKET_EPOCH_MS - MARKET_DRAW_MS + 1);
#undef BAD
	bad = good;
	bad.version = 2;
	assert_int_equal(souk_ledger_genesis(&ledger, &store, &bad), SOUK_PEER_BAD_VERSION);
	assert_int_equal(souk_ledger_load(&ledger, &store), SOUK_LOCAL_NOT_FOUND);
	bad = good;
	bad.claim_ms = 6 * MARKET_EPOCH_MS - MARKET_DRAW_MS;
	assert_int_equal(souk_ledger_genesis(&ledger, &store, &bad), SOUK_OK);
	assert_int_equal(souk_ledger_genesis(&ledger, &store, &bad), SOUK_LOCAL_EXISTS);
	test_store_done(&records);
}

static void test_load_goes_on(void **state)
{
	(void)state;
	struct souk_ledger loaded;
	struct souk_store store = test_store_port(&market->records);
	market_seal(market);
	assert_int_equal(souk_ledger_load(&loaded, &store), SOUK_OK);
	assert_memory_equal(&loaded.record, &market->ledger.record, sizeof loaded.record);
	/* Not memory: what stands in the padding of a copied struct is the compiler's choice. */
	struct souk_hash ours = souk_genesis_digest(&market->ledger.genesis),
			 theirs = souk_genesis_digest(&loaded.genesis);
	assert_memory_equal(&ours, &theirs, sizeof ours);
	market->ledger = loaded;
	market_begin(market);
	market_fund(market, ALICE, COIN);
}

/* ---- blocks ---- */

static void test_block_states(void **state)
{
	(void)state;
	struct souk_signed_block_header header;
	struct souk_signed_tx tx;
	struct souk_receipt receipt;
	struct souk_tx_body body = body_faucet(1);
	struct souk_time earlier = souk_time_at_ms(market->now.ms - 1);
	market_sign(&tx, market, ALICE, &body);
	assert_int_equal(souk_ledger_begin(&market->ledger, market->now), SOUK_LOCAL_STATE);
	assert_int_equal(souk_ledger_seal(&market->ledger, &market->parties[ALICE], &header),
		SOUK_PEER_NOT_OPERATOR);
	market_seal(market);
	assert_int_equal(souk_ledger_apply(&market->ledger, &tx, &receipt), SOUK_LOCAL_STATE);
	assert_int_equal(souk_ledger_seal(&market->ledger, &market->parties[OPERATOR], &header),
		SOUK_LOCAL_STATE);
	assert_int_equal(souk_ledger_accept(&market->ledger, &header), SOUK_LOCAL_STATE);
	assert_int_equal(souk_ledger_begin(&market->ledger, earlier), SOUK_PEER_BLOCK_TIME);
	market_begin(market);
}

/* The streamed root is the root of the tree in one piece. */
static void test_tx_root(void **state)
{
	(void)state;
	for (uint32_t count = 0; count <= 19; count++) {
		struct souk_hash leaves[19];
		struct souk_signed_block_header header;
		market_advance(market, 1);
		for (uint32_t i = 0; i < count; i++) {
			uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
			struct souk_writer writer;
			market_fund(market, ALICE, i + 1);
			souk_writer_init(&writer, memory, sizeof memory);
			souk_signed_tx_encode(&writer, &market->txs[i]);
			leaves[i] = souk_merkle_leaf(souk_bytes_of(memory, writer.size));
		}
		assert_int_equal(
			souk_ledger_seal(&market->ledger, &market->parties[OPERATOR], &header),
			SOUK_OK);
		market_begin(market);
		struct souk_hash root = souk_merkle_root(leaves, count);
		assert_memory_equal(&root, &header.header.tx_root, sizeof root);
		assert_int_equal(header.header.tx_count, count);
	}
}

/* A store that fails is no refusal: the block is abandoned and made again. */
static void test_store_failure_abandons(void **state)
{
	(void)state;
	struct souk_tx_body body = body_faucet(1);
	struct souk_ledger before = market->ledger;
	uint64_t balance = market_balance(market, ALICE);
	market->records.failing = true;
	souk_status status = market_send(market, ALICE, &body);
	assert_int_equal(status, SOUK_IO_DISK_FULL);
	assert_false(souk_ledger_refused(status));
	assert_int_not_equal(market->ledger.record.minted.ncoin, before.record.minted.ncoin);
	market->records.failing = false;
	market->ledger = before;
	market_do(market, ALICE, &body);
	assert_int_equal(market_balance(market, ALICE), balance + 1);
}

/* ---- what all transactions share ---- */

static void test_common_refusals(void **state)
{
	(void)state;
	struct souk_tx_body body = body_transfer(market, BOB, COIN);
	struct souk_signed_tx tx, other;
	market_sign(&tx, market, ALICE, &body);
	other = tx;
	other.tx.ledger.bytes[0] ^= 1;
	market_refuse_signed(market, &other, SOUK_PEER_TX_WRONG_LEDGER);
	other = tx;
	other.tx.body.transfer.amount.ncoin++;
	market_refuse_signed(market, &other, SOUK_PEER_WRONG_SIGNER);
	other = tx;
	other.signature.bytes[64] = 2;
	market_refuse_signed(market, &other, SOUK_PEER_BAD_SIGNATURE);
	other = tx;
	other.tx.from = market->parties[BOB].address;
	market_refuse_signed(market, &other, SOUK_PEER_WRONG_SIGNER);
	for (int off = -1; off <= 1; off += 2) {
		struct souk_tx wrong = tx.tx;
		wrong.nonce += (uint64_t)off;
		souk_tx_sign(&other, &wrong, &market->parties[ALICE]);
		market_refuse_signed(market, &other, SOUK_PEER_TX_NONCE);
	}
	market_refuse(market, STRANGER, &body, SOUK_PEER_NO_ACCOUNT);
	market_do(market, ALICE, &body);
	market_refuse_signed(market, &tx, SOUK_PEER_TX_NONCE);
}

static void test_receipt(void **state)
{
	(void)state;
	struct souk_tx_body body = body_transfer(market, BOB, COIN);
	struct souk_signed_tx tx;
	struct souk_receipt receipt, stored;
	market_sign(&tx, market, ALICE, &body);
	struct souk_hash hash = souk_tx_digest(&tx.tx);
	assert_int_equal(
		souk_ledger_get_receipt(&stored, &market->ledger, &hash), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_ledger_apply(&market->ledger, &tx, &receipt), SOUK_OK);
	assert_int_equal(souk_ledger_get_receipt(&stored, &market->ledger, &hash), SOUK_OK);
	assert_int_equal(stored.height, 1);
	assert_int_equal(stored.index, 2);
	assert_int_equal(stored.amount.ncoin, 0);
}

static void test_faucet(void **state)
{
	(void)state;
	struct souk_tx_body none = body_faucet(0), most = body_faucet(1000 * COIN),
			    over = body_faucet(1000 * COIN + 1);
	market_refuse(market, STRANGER, &none, SOUK_PEER_ZERO_AMOUNT);
	market_refuse(market, STRANGER, &over, SOUK_PEER_FAUCET);
	market_do(market, STRANGER, &most);
	assert_int_equal(market_balance(market, STRANGER), 1000 * COIN);
	assert_int_equal(market->ledger.record.minted.ncoin, 2100 * COIN);
	struct souk_ledger_record saved = market->ledger.record;
	market->ledger.record.minted.ncoin = UINT64_MAX;
	market_refuse(market, STRANGER, &most, SOUK_LOCAL_OVERFLOW);
	market->ledger.record = saved;
}

static void test_transfer(void **state)
{
	(void)state;
	struct souk_tx_body none = body_transfer(market, BOB, 0),
			    over = body_transfer(market, BOB, 1000 * COIN + 1),
			    all = body_transfer(market, CAROL, 1000 * COIN),
			    self = body_transfer(market, BOB, 100 * COIN);
	market_refuse(market, ALICE, &none, SOUK_PEER_ZERO_AMOUNT);
	market_refuse(market, ALICE, &over, SOUK_PEER_NO_FUNDS);
	market_do(market, ALICE, &all);
	market_refuse(market, ALICE, &all, SOUK_PEER_NO_FUNDS);
	assert_int_equal(market_balance(market, ALICE), 0);
	assert_int_equal(market_balance(market, CAROL), 1000 * COIN);
	market_do(market, BOB, &self);
	assert_int_equal(market_balance(market, BOB), 100 * COIN);
}

/* ---- escrows ---- */

static void test_escrow_open(void **state)
{
	(void)state;
	static const struct {
		uint64_t line, prize, deposit;
		souk_status status;
	} rows[] = {
		{0, COIN, COIN, SOUK_PEER_ESCROW_TERMS},
		{10 * COIN, 0, 10 * COIN, SOUK_PEER_ESCROW_TERMS},
		{10 * COIN + 1, COIN, 20 * COIN, SOUK_PEER_ESCROW_TERMS},
		{10 * COIN, COIN, 10 * COIN - 1, SOUK_PEER_ESCROW_TERMS},
		{(1u << 20) + 1, 1, 10 * COIN, SOUK_PEER_ESCROW_TERMS},
		{2000 * COIN, COIN, 2000 * COIN, SOUK_PEER_NO_FUNDS},
	};
	struct souk_tx_body body;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		body = body_open(1, rows[i].line, rows[i].prize, rows[i].deposit);
		market_refuse(market, ALICE, &body, rows[i].status);
	}
	body = body_open(1, 10 * COIN, COIN, 30 * COIN);
	market_do(market, ALICE, &body);
	market_refuse(market, ALICE, &body, SOUK_PEER_ESCROW_EXISTS);
	struct souk_hash id = market_escrow_id(market, ALICE, 1);
	struct souk_escrow_record escrow = escrow_of(&id);
	assert_int_equal(escrow.free.ncoin, 30 * COIN);
	assert_int_equal(escrow.open.count, 0);
	assert_false(escrow.closing);
	assert_int_equal(market_balance(market, ALICE), 970 * COIN);
	assert_int_equal(market->ledger.record.escrow_count, 1);
	assert_int_equal(market->ledger.record.escrows.ncoin, 30 * COIN);
}

static void test_escrow_top_up(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10 * COIN, COIN, 10 * COIN), unknown = {{1}};
	struct souk_tx_body none = body_top_up(&id, 0), more = body_top_up(&id, 5 * COIN),
			    lost = body_top_up(&unknown, COIN), over = body_top_up(&id, 101 * COIN),
			    close = body_close(&id);
	market_refuse(market, BOB, &none, SOUK_PEER_ZERO_AMOUNT);
	market_refuse(market, BOB, &lost, SOUK_PEER_NO_ESCROW);
	market_refuse(market, BOB, &over, SOUK_PEER_NO_FUNDS);
	market_do(market, BOB, &more);
	assert_int_equal(escrow_of(&id).free.ncoin, 15 * COIN);
	assert_int_equal(market_balance(market, BOB), 95 * COIN);
	market_do(market, ALICE, &close);
	market_refuse(market, BOB, &more, SOUK_PEER_ESCROW_CLOSING);
}

static void test_escrow_close_and_withdraw(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10 * COIN, COIN, 30 * COIN), unknown = {{1}};
	struct souk_tx_body close = body_close(&id), withdraw = body_withdraw(&id),
			    close_none = body_close(&unknown), none = body_withdraw(&unknown);
	market_refuse(market, ALICE, &close_none, SOUK_PEER_NO_ESCROW);
	market_refuse(market, ALICE, &none, SOUK_PEER_NO_ESCROW);
	market_refuse(market, BOB, &close, SOUK_PEER_WRONG_SIGNER);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_do(market, ALICE, &close);
	market_refuse(market, ALICE, &close, SOUK_PEER_ESCROW_CLOSING);
	market_advance(market, MARKET_UNLOCK_MS - 1);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_refuse(market, BOB, &withdraw, SOUK_PEER_WRONG_SIGNER);
	market_advance(market, 1);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 30 * COIN);
	assert_int_equal(market_balance(market, ALICE), 1000 * COIN);
	assert_int_equal(market->ledger.record.escrow_count, 0);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_NO_ESCROW);
}

/* ---- allotments ---- */

static struct souk_tx_body allot(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment, uint64_t total)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = *escrow,
			.epoch = epoch,
			.segment = segment,
			.root = {{3}},
			.total = {total}}};
}

static void test_allot_refusals(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10 * COIN, COIN, 15 * COIN), unknown = {{1}};
	struct souk_tx_body close = body_close(&id);
	struct {
		enum party from;
		struct souk_tx_body body;
		souk_status status;
	} rows[] = {
		{ALICE, allot(&id, 0, 0, 0), SOUK_PEER_ZERO_AMOUNT},
		{ALICE, allot(&unknown, 0, 0, 1), SOUK_PEER_NO_ESCROW},
		{BOB, allot(&id, 0, 0, 1), SOUK_PEER_WRONG_SIGNER},
		{ALICE, allot(&id, 2, 0, 1), SOUK_PEER_WRONG_EPOCH},
		{ALICE, allot(&id, UINT64_MAX, 0, 1), SOUK_PEER_WRONG_EPOCH},
		{ALICE, allot(&id, 0, 1, 1), SOUK_PEER_ALLOTMENT_INDEX},
		{ALICE, allot(&id, 0, 0, 10 * COIN + 1), SOUK_PEER_ALLOTMENT_OVER_LINE},
		{ALICE, allot(&id, 0, 0, UINT64_MAX), SOUK_PEER_ALLOTMENT_OVER_LINE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		market_refuse(market, rows[i].from, &rows[i].body, rows[i].status);
	struct souk_tx_body now = allot(&id, 0, 0, 10 * COIN), ahead = allot(&id, 1, 0, 5 * COIN),
			    over = allot(&id, 0, 1, 1), poor = allot(&id, 1, 0, 5 * COIN + 1);
	market_do(market, ALICE, &now);
	market_refuse(market, ALICE, &now, SOUK_PEER_ALLOTMENT_INDEX);
	market_refuse(market, ALICE, &over, SOUK_PEER_ALLOTMENT_OVER_LINE);
	market_refuse(market, ALICE, &poor, SOUK_PEER_ALLOTMENT_FUNDS);
	market_do(market, ALICE, &ahead);
	market_advance(market, MARKET_EPOCH_MS);
	market_refuse(market, ALICE, &over, SOUK_PEER_EPOCH_CLOSED);
	market_do(market, ALICE, &close);
	struct souk_tx_body late = allot(&id, 1, 1, 1);
	market_refuse(market, ALICE, &late, SOUK_PEER_ESCROW_CLOSING);
}

/* What is reserved is whole prizes up to the end of what is allotted. */
static void test_allot_reserves_whole_prizes(void **state)
{
	(void)state;
	static const struct {
		uint64_t total, reserved;
	} rows[] = {{1, 10}, {9, 10}, {1, 20}, {9, 20}, {10, 30}, {70, 100}};
	struct souk_hash id = open_escrow(1, 100, 10, 100);
	uint64_t base = 0;
	for (uint32_t i = 0; i < 6; i++) {
		struct souk_allotment_record record;
		struct souk_tx_body body = allot(&id, 0, i, rows[i].total);
		market_do(market, ALICE, &body);
		struct souk_escrow_record escrow = escrow_of(&id);
		assert_int_equal(escrow.open.count, 1);
		assert_int_equal(escrow.open.items[0].segments, i + 1);
		assert_int_equal(escrow.open.items[0].reserved.ncoin, rows[i].reserved);
		assert_int_equal(escrow.free.ncoin, 100 - rows[i].reserved);
		assert_int_equal(
			souk_ledger_get_allotment(&record, &market->ledger, &id, 0, i), SOUK_OK);
		assert_int_equal(record.base.ncoin, base);
		assert_int_equal(record.total.ncoin, rows[i].total);
		base += rows[i].total;
	}
	assert_int_equal(market->ledger.record.escrows.ncoin, 100);
}

/* An expired epoch gives back what it did not pay, when the escrow is touched next. */
static void test_collect_expired(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10 * COIN, COIN, 10 * COIN);
	struct souk_tx_body first = allot(&id, 0, 0, 10 * COIN);
	market_do(market, ALICE, &first);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS - 1);
	uint64_t epoch = market->ledger.record.epoch;
	struct souk_tx_body again = allot(&id, epoch, 0, 10 * COIN);
	market_refuse(market, ALICE, &again, SOUK_PEER_ALLOTMENT_FUNDS);
	market_advance(market, 1);
	again.allot.epoch = market->ledger.record.epoch;
	market_do(market, ALICE, &again);
	assert_int_equal(escrow_of(&id).open.count, 1);
	assert_int_equal(escrow_of(&id).free.ncoin, 0);
}

/* Without draws no epoch expires, and the list of open ones is bounded. */
/* As many segments as an epoch may have; when it is over, all of them go at once. */
static void test_too_many_segments(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 2048, 1, 4096);
	struct souk_tx_body body;
	size_t before = market->records.count;
	for (uint32_t i = 0; i < 1024; i++) {
		body = allot(&id, 0, i, 1);
		market_do(market, ALICE, &body);
	}
	body = allot(&id, 0, 1024, 1);
	market_refuse(market, ALICE, &body, SOUK_PEER_ALLOTMENT_INDEX);
	body = allot(&id, 0, UINT32_MAX, 1);
	market_refuse(market, ALICE, &body, SOUK_PEER_ALLOTMENT_INDEX);
	assert_true(market->records.count >= before + 1024);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS);
	body = body_top_up(&id, 1);
	market_do(market, ALICE, &body);
	struct souk_ledger_key key = souk_ledger_key_allotment(&id, 0, 0);
	for (size_t i = 0; i < market->records.count; i++)
		assert_int_not_equal(market->records.records[i].key[0], key.bytes[0]);
	assert_int_equal(escrow_of(&id).free.ncoin, 4097);
}

static void test_too_many_epochs(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10, 1, 1000);
	for (uint64_t epoch = 0; epoch < SOUK_ESCROW_OPEN_MAX; epoch++) {
		struct souk_tx_body body = allot(&id, epoch, 0, 1);
		market_do(market, ALICE, &body);
		market_advance(market, MARKET_EPOCH_MS);
	}
	struct souk_tx_body body = allot(&id, SOUK_ESCROW_OPEN_MAX, 0, 1);
	market_refuse(market, ALICE, &body, SOUK_PEER_TOO_MANY_EPOCHS);
}

/* ---- providers ---- */

static void test_provider(void **state)
{
	(void)state;
	struct souk_tx_body low = body_register(5 * COIN - 1), poor = body_register(101 * COIN),
			    join = body_register(5 * COIN), update = body_register(0),
			    unbond = {.kind = SOUK_TX_BODY_PROVIDER_UNBOND},
			    withdraw = {.kind = SOUK_TX_BODY_PROVIDER_WITHDRAW};
	struct souk_provider_record record;
	market_refuse(market, BOB, &low, SOUK_PEER_PROVIDER_DEPOSIT);
	market_refuse(market, BOB, &poor, SOUK_PEER_NO_FUNDS);
	market_refuse(market, BOB, &unbond, SOUK_PEER_NO_PROVIDER);
	market_refuse(market, BOB, &withdraw, SOUK_PEER_NO_PROVIDER);
	market_do(market, BOB, &join);
	market_do(market, BOB, &update);
	market_refuse(market, BOB, &withdraw, SOUK_PEER_PROVIDER_BONDED);
	assert_int_equal(market->ledger.record.deposits.ncoin, 5 * COIN);
	market_do(market, BOB, &unbond);
	market_advance(market, MARKET_UNBOND_MS - 1);
	market_refuse(market, BOB, &withdraw, SOUK_PEER_PROVIDER_BONDED);
	market_do(market, BOB, &update);
	market_advance(market, 1);
	market_refuse(market, BOB, &withdraw, SOUK_PEER_PROVIDER_BONDED);
	market_do(market, BOB, &unbond);
	market_advance(market, MARKET_UNBOND_MS);
	market_do(market, BOB, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 5 * COIN);
	assert_int_equal(market_balance(market, BOB), 100 * COIN);
	assert_int_equal(
		souk_ledger_get_provider(&record, &market->ledger, &market->parties[BOB].address),
		SOUK_PEER_NO_PROVIDER);
}

/* ---- epochs ---- */

static struct souk_epoch_record epoch_of(uint64_t number)
{
	struct souk_epoch_record epoch;
	assert_int_equal(souk_ledger_get_epoch(&epoch, &market->ledger, number), SOUK_OK);
	return epoch;
}

static void test_epoch_steps(void **state)
{
	(void)state;
	struct souk_time deadline;
	market_advance(market, MARKET_EPOCH_MS - 1);
	assert_int_equal(market->ledger.record.epoch, 0);
	assert_int_equal(souk_ledger_deadline(&deadline, &market->ledger), SOUK_OK);
	assert_int_equal(deadline.ms, MARKET_START + MARKET_EPOCH_MS);
	market_advance(market, 1);
	assert_int_equal(market->ledger.record.epoch, 1);
	/* After a long silence one step is made, and the new epoch is as long as any. */
	market_advance(market, 7 * MARKET_EPOCH_MS);
	assert_int_equal(market->ledger.record.epoch, 2);
	assert_int_equal(epoch_of(2).start.ms, market->now.ms);
	assert_int_equal(epoch_of(2).end.ms, market->now.ms + MARKET_EPOCH_MS);
	assert_int_equal(epoch_of(1).end.ms, MARKET_START + 2 * MARKET_EPOCH_MS);
}

static void test_epoch_close(void **state)
{
	(void)state;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_EPOCH_CLOSE};
	static const uint64_t wrong[] = {
		0, MARKET_NOTICE_MS - 1, MARKET_EPOCH_MS, MARKET_EPOCH_MS + 1};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		body.epoch_close.end.ms = MARKET_START + wrong[i];
		market_refuse(market, OPERATOR, &body, SOUK_PEER_EPOCH_END);
	}
	body.epoch_close.end.ms = MARKET_START + MARKET_NOTICE_MS;
	market_refuse(market, ALICE, &body, SOUK_PEER_NOT_OPERATOR);
	market_do(market, OPERATOR, &body);
	assert_int_equal(epoch_of(0).end.ms, MARKET_START + MARKET_NOTICE_MS);
	market_advance(market, MARKET_NOTICE_MS);
	assert_int_equal(market->ledger.record.epoch, 1);
	uint64_t notice = market->ledger.genesis.notice_ms;
	market->ledger.genesis.notice_ms = 0;
	body.epoch_close.end.ms += 10;
	market_refuse(market, OPERATOR, &body, SOUK_PEER_EPOCH_END);
	market->ledger.genesis.notice_ms = notice;
}

static void test_draw(void **state)
{
	(void)state;
	struct souk_tx_body draw = body_draw(market, 0), second = body_draw(market, 1), wrong;
	bool due;
	market_refuse(market, OPERATOR, &draw, SOUK_PEER_DRAW_EARLY);
	market_advance(market, MARKET_EPOCH_MS + MARKET_DRAW_MS - 1);
	market_refuse(market, OPERATOR, &draw, SOUK_PEER_DRAW_EARLY);
	assert_int_equal(souk_ledger_draw_due(&due, &market->ledger, market->now), SOUK_OK);
	assert_false(due);
	market_advance(market, 1);
	assert_int_equal(souk_ledger_draw_due(&due, &market->ledger, market->now), SOUK_OK);
	assert_true(due);
	market_refuse(market, ALICE, &draw, SOUK_PEER_NOT_OPERATOR);
	market_refuse(market, OPERATOR, &second, SOUK_PEER_WRONG_EPOCH);
	wrong = draw;
	wrong.draw.beacon = second.draw.beacon;
	market_refuse(market, OPERATOR, &wrong, SOUK_PEER_BAD_BEACON);
	wrong.draw.beacon = draw.draw.beacon;
	wrong.draw.beacon.bytes[31] ^= 1;
	market_refuse(market, OPERATOR, &wrong, SOUK_PEER_BAD_BEACON);
	market_do(market, OPERATOR, &draw);
	assert_true(epoch_of(0).drawn);
	assert_int_equal(epoch_of(0).drawn_at.ms, market->now.ms);
	struct souk_epoch_record drawn = epoch_of(0);
	assert_memory_equal(&drawn.beacon, &draw.draw.beacon, sizeof drawn.beacon);
	market_refuse(market, OPERATOR, &draw, SOUK_PEER_WRONG_EPOCH);
	market_refuse(market, OPERATOR, &second, SOUK_PEER_DRAW_EARLY);
}

/* The last beacon is drawn; the epochs after it take no allotments and are never due. */
static void test_beacon_runs_out(void **state)
{
	(void)state;
	struct souk_hash id = open_escrow(1, 10, 1, 10);
	bool due;
	for (uint32_t epoch = 0; epoch < MARKET_BEACON_COUNT; epoch++)
		market_finish_epoch(market);
	assert_int_equal(market->ledger.record.next_draw, MARKET_BEACON_COUNT);
	struct souk_tx_body body = allot(&id, market->ledger.record.epoch, 0, 1);
	market_refuse(market, ALICE, &body, SOUK_PEER_WRONG_EPOCH);
	market_advance(market, 2 * MARKET_EPOCH_MS);
	assert_int_equal(souk_ledger_draw_due(&due, &market->ledger, market->now), SOUK_OK);
	assert_false(due);
	struct souk_tx_body draw = body_draw(market, MARKET_BEACON_COUNT);
	market_refuse(market, OPERATOR, &draw, SOUK_PEER_DRAW_EARLY);
}

/* ---- audit ---- */

/* The canary: a coin more in one record, put past the door, must be found. */
static void test_audit_finds_a_coin(void **state)
{
	(void)state;
	struct souk_store store = test_store_port(&market->records);
	struct souk_ledger_key key = souk_ledger_key_account(&market->parties[BOB].address);
	uint8_t memory[SOUK_ACCOUNT_RECORD_SIZE_MAX];
	static const int64_t deltas[] = {1, -1, 0};
	for (size_t i = 0; i < 3; i++) {
		struct souk_account_record account = {
			.balance = {(uint64_t)((int64_t)(100 * COIN) + deltas[i])}, .nonce = 1};
		struct souk_writer writer;
		souk_writer_init(&writer, memory, sizeof memory);
		souk_account_record_encode(&writer, &account);
		assert_int_equal(souk_store_put(&store, souk_ledger_key_bytes(&key),
					 souk_bytes_of(memory, writer.size)),
			SOUK_OK);
		assert_int_equal(souk_ledger_audit(&market->ledger),
			deltas[i] == 0 ? SOUK_OK : SOUK_CORRUPT_SUPPLY);
	}
	struct souk_signed_block_header header;
	struct souk_ledger saved = market->ledger;
	market->ledger.record.accounts.ncoin++;
	assert_int_equal(souk_ledger_seal(&market->ledger, &market->parties[OPERATOR], &header),
		SOUK_CORRUPT_SUPPLY);
	market->ledger = saved;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_genesis_rules),
		TEST(test_load_goes_on),
		TEST(test_block_states),
		TEST(test_tx_root),
		TEST(test_store_failure_abandons),
		TEST(test_common_refusals),
		TEST(test_receipt),
		TEST(test_faucet),
		TEST(test_transfer),
		TEST(test_escrow_open),
		TEST(test_escrow_top_up),
		TEST(test_escrow_close_and_withdraw),
		TEST(test_allot_refusals),
		TEST(test_allot_reserves_whole_prizes),
		TEST(test_collect_expired),
		TEST(test_too_many_segments),
		TEST(test_too_many_epochs),
		TEST(test_provider),
		TEST(test_epoch_steps),
		TEST(test_epoch_close),
		TEST(test_draw),
		TEST(test_beacon_runs_out),
		TEST(test_audit_finds_a_coin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
