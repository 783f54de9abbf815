/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/crypto/chain.h"
#include "souk/payment/receipt.h"
#include "test_market.h"

/* Fails loudly in tests and fuzzers alike: this file knows no test framework. */
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void identity_of_byte(struct souk_identity *ret, uint8_t byte)
{
	struct souk_seckey seckey = {{0}};
	memset(seckey.bytes, byte, sizeof seckey.bytes);
	REQUIRE(souk_identity_of(ret, &seckey) == SOUK_OK);
}

struct souk_genesis market_genesis(const struct market *market)
{
	struct souk_genesis genesis = {
		.version = 1,
		.created = {MARKET_START},
		.operator= market->parties[OPERATOR].address,
		.epoch_ms = MARKET_EPOCH_MS,
		.draw_delay_ms = MARKET_DRAW_MS,
		.claim_ms = MARKET_CLAIM_MS,
		.unlock_ms = MARKET_UNLOCK_MS,
		.unbond_ms = MARKET_UNBOND_MS,
		.notice_ms = MARKET_NOTICE_MS,
		.deposit_min = {5 * COIN},
		.faucet_max = {1000 * COIN},
		.beacon_anchor = market->beacons.anchor,
		.beacon_count = MARKET_BEACON_COUNT,
	};
	REQUIRE(souk_text_set(&genesis.name, market->name) == SOUK_OK);
	return genesis;
}

static void log_append(struct market *market, const void *data, size_t size)
{
	if (market->log_max - market->log_size < size) {
		market->log_max = (market->log_max + size) * 2;
		market->log = realloc(market->log, market->log_max);
		REQUIRE(market->log != NULL);
	}
	memcpy(market->log + market->log_size, data, size);
	market->log_size += size;
}

static void log_frame(struct market *market, const struct souk_writer *writer)
{
	uint8_t memory[4 + SOUK_LOG_FRAME_MAX];
	struct souk_writer frame;
	souk_writer_init(&frame, memory, sizeof memory);
	souk_log_write_frame(&frame, souk_bytes_of(writer->data, writer->size));
	REQUIRE(!frame.full);
	log_append(market, memory, frame.size);
}

struct market *market_new(void)
{
	return market_new_named("test market");
}

struct market *market_new_named(const char *name)
{
	struct market *market = calloc(1, sizeof *market);
	struct souk_hash seed = {{7}};
	struct souk_nonce zero = {{0}};
	uint8_t memory[SOUK_GENESIS_SIZE_MAX];
	struct souk_writer writer;
	REQUIRE(market != NULL);
	market->name = name;
	for (uint8_t i = 0; i < PARTY_COUNT; i++)
		identity_of_byte(&market->parties[i], (uint8_t)(i + 1));
	identity_of_byte(&market->issuer, 99);
	souk_chain_init(&market->beacons, souk_chain_tag_beacon, &zero, MARKET_BEACON_COUNT, &seed);
	struct souk_genesis genesis = market_genesis(market);
	struct souk_store store = test_store_port(&market->records);
	REQUIRE(souk_ledger_genesis(&market->ledger, &store, &genesis) == SOUK_OK);
	log_append(market, SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_genesis_encode(&writer, &genesis);
	log_frame(market, &writer);
	market->now = souk_time_at_ms(MARKET_START);
	market_begin(market);
	return market;
}

void market_free(struct market *market)
{
	test_store_done(&market->records);
	free(market->log);
	free(market);
}

void market_begin(struct market *market)
{
	REQUIRE(souk_ledger_begin(&market->ledger, market->now) == SOUK_OK);
	market->tx_count = 0;
}

void market_seal(struct market *market)
{
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	struct souk_signed_block_header header;
	REQUIRE(souk_ledger_seal(&market->ledger, &market->parties[OPERATOR], &header) == SOUK_OK);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_block_header_encode(&writer, &header);
	log_frame(market, &writer);
	for (uint32_t i = 0; i < market->tx_count; i++) {
		souk_writer_init(&writer, memory, sizeof memory);
		souk_signed_tx_encode(&writer, &market->txs[i]);
		log_frame(market, &writer);
	}
}

void market_advance(struct market *market, uint64_t ms)
{
	market_seal(market);
	market->now = souk_time_plus_ms(market->now, ms);
	market_begin(market);
}

void market_finish_epoch(struct market *market)
{
	uint64_t epoch = market->ledger.record.epoch;
	struct souk_epoch_record record;
	REQUIRE(souk_ledger_get_epoch(&record, &market->ledger, epoch) == SOUK_OK);
	market_advance(market, souk_time_since_ms(market->now, record.end));
	market_advance(market, MARKET_DRAW_MS);
	while (market->ledger.record.next_draw <= epoch) {
		struct souk_tx_body draw = body_draw(market, market->ledger.record.next_draw);
		market_do(market, OPERATOR, &draw);
	}
}

/* ---- transactions ---- */

void market_sign(struct souk_signed_tx *ret, const struct market *market, enum party from,
	const struct souk_tx_body *body)
{
	struct souk_account_record account = {.nonce = 0};
	struct souk_tx tx = {.ledger = market->ledger.record.ledger, .body = *body};
	souk_status status =
		souk_ledger_get_account(&account, &market->ledger, &market->parties[from].address);
	REQUIRE(status == SOUK_OK || status == SOUK_PEER_NO_ACCOUNT);
	tx.nonce = account.nonce;
	souk_tx_sign(ret, &tx, &market->parties[from]);
}

static souk_status send_signed(struct market *market, const struct souk_signed_tx *tx)
{
	if (market->tx_count == MARKET_BLOCK_TX_MAX)
		market_advance(market, 0);
	souk_status status = souk_ledger_apply(&market->ledger, tx, &market->receipt);
	if (status == SOUK_OK)
		market->txs[market->tx_count++] = *tx;
	return status;
}

souk_status market_send(struct market *market, enum party from, const struct souk_tx_body *body)
{
	struct souk_signed_tx tx;
	market_sign(&tx, market, from, body);
	return send_signed(market, &tx);
}

void market_do(struct market *market, enum party from, const struct souk_tx_body *body)
{
	REQUIRE(market_send(market, from, body) == SOUK_OK);
}

void market_refuse_signed(
	struct market *market, const struct souk_signed_tx *tx, souk_status status)
{
	static struct souk_ledger before;
	struct souk_hash records = test_store_digest(&market->records);
	memcpy(&before, &market->ledger, sizeof before);
	souk_status got = send_signed(market, tx);
	if (got != status) {
		/* Names the difference in a debugger and in a test's core. */
		const char *expected_name = souk_status_name(status);
		const char *got_name = souk_status_name(got);
		printf("# expected %s, got %s\n", expected_name, got_name);
		fflush(stdout);
		abort();
	}
	REQUIRE(souk_ledger_refused(status));
	REQUIRE(memcmp(&before, &market->ledger, sizeof before) == 0);
	struct souk_hash after = test_store_digest(&market->records);
	REQUIRE(souk_hash_equal(&records, &after));
}

void market_refuse(
	struct market *market, enum party from, const struct souk_tx_body *body, souk_status status)
{
	struct souk_signed_tx tx;
	market_sign(&tx, market, from, body);
	market_refuse_signed(market, &tx, status);
}

uint64_t market_balance(const struct market *market, enum party who)
{
	struct souk_account_record account;
	souk_status status =
		souk_ledger_get_account(&account, &market->ledger, &market->parties[who].address);
	return status == SOUK_OK ? account.balance.ncoin : 0;
}

void market_fund(struct market *market, enum party who, uint64_t ncoin)
{
	struct souk_tx_body body = body_faucet(ncoin);
	market_do(market, who, &body);
}

/* ---- bodies ---- */

struct souk_tx_body body_faucet(uint64_t ncoin)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_FAUCET, .faucet = {{ncoin}}};
}

struct souk_tx_body body_transfer(const struct market *market, enum party to, uint64_t ncoin)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER,
		.transfer = {.to = market->parties[to].address, .amount = {ncoin}}};
}

struct souk_tx_body body_open(uint8_t salt, uint64_t line, uint64_t prize, uint64_t deposit)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {
			.salt = {{salt}}, .line = {line}, .prize = {prize}, .deposit = {deposit}}};
}

struct souk_tx_body body_open_penal(
	uint8_t salt, uint64_t line, uint64_t prize, uint64_t deposit, uint64_t penalty)
{
	struct souk_tx_body body = body_open(salt, line, prize, deposit);
	body.escrow_open.penalty.ncoin = penalty;
	return body;
}

struct souk_tx_body body_stand_no_more(const struct souk_hash *escrow)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_STAND, .stand = {.escrow = *escrow}};
}

struct souk_tx_body body_claim_many(const struct souk_tx_body *claims, size_t count)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_MANY};
	struct souk_claim list[SOUK_CLAIM_ITEMS_MAX];
	REQUIRE(count <= SOUK_CLAIM_ITEMS_MAX);
	for (size_t i = 0; i < count; i++)
		list[i] = claims[i].claim.claim;
	REQUIRE(souk_claim_many_build(&body.claim_many, list, count) == SOUK_OK);
	return body;
}

struct souk_tx_body body_double_issue(
	const struct souk_strip_open *first, const struct souk_strip_open *second)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_DOUBLE_ISSUE};
	souk_signed_strip_of(&body.double_issue.first, first);
	souk_signed_strip_of(&body.double_issue.second, second);
	return body;
}

struct souk_tx_body body_top_up(const struct souk_hash *escrow, uint64_t ncoin)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_TOP_UP,
		.escrow_top_up = {.escrow = *escrow, .amount = {ncoin}}};
}

struct souk_tx_body body_close(const struct souk_hash *escrow)
{
	return (struct souk_tx_body){
		.kind = SOUK_TX_BODY_ESCROW_CLOSE, .escrow_close = {.escrow = *escrow}};
}

struct souk_tx_body body_withdraw(const struct souk_hash *escrow)
{
	return (struct souk_tx_body){
		.kind = SOUK_TX_BODY_ESCROW_WITHDRAW, .escrow_withdraw = {.escrow = *escrow}};
}

struct souk_tx_body body_register(uint64_t deposit)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_PROVIDER_REGISTER,
		.provider_register = {.deposit = {deposit}, .tls_pin = {{5}}}};
	REQUIRE(souk_text_set(&body.provider_register.control_url, "https://127.0.0.1:1") ==
		SOUK_OK);
	return body;
}

struct souk_tx_body body_draw(struct market *market, uint64_t epoch)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_DRAW, .draw = {.epoch = epoch}};
	if (epoch < MARKET_BEACON_COUNT)
		body.draw.beacon = souk_chain_value(&market->beacons, (uint32_t)epoch + 1);
	return body;
}

struct souk_hash market_escrow_id(const struct market *market, enum party payer, uint8_t salt)
{
	struct souk_nonce nonce = {{salt}};
	return souk_escrow_id(
		&market->ledger.record.ledger, &market->parties[payer].address, &nonce);
}

/* ---- sales ---- */

void sale_init(struct sale *sale, const struct market *market, const struct souk_hash *escrow,
	uint64_t epoch, uint32_t segment, uint64_t bob, uint64_t carol, uint64_t dave)
{
	static const enum party providers[] = {BOB, CAROL, DAVE};
	uint64_t amounts[] = {bob, carol, dave};
	memset(sale, 0, sizeof *sale);
	sale->escrow = *escrow;
	sale->epoch = epoch;
	sale->segment = segment;
	for (unsigned i = 0; i < 3; i++) {
		sale->leaves[i].provider = market->parties[providers[i]].address;
		sale->leaves[i].issuer = market->issuer.address;
		sale->leaves[i].amount.ncoin = amounts[i];
	}
}

struct souk_tx_body sale_allot(const struct sale *sale)
{
	struct souk_sum_node nodes[4], root;
	REQUIRE(souk_allotment_commit(&root, sale->leaves, 3, nodes) == SOUK_OK);
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = sale->escrow,
			.epoch = sale->epoch,
			.segment = sale->segment,
			.root = root.hash,
			.total = root.sum}};
}

static void strip_on(struct sale *sale, const struct market *market, uint32_t index,
	const struct souk_address *payee, uint64_t start, uint32_t count, uint64_t price,
	uint8_t salt)
{
	struct souk_sum_node nodes[4];
	struct souk_strip terms = {.version = SOUK_STRIP_VERSION,
		.payee = *payee,
		.count = count,
		.price = {price},
		.customer = market->parties[ALICE].pubkey,
		.nonce = {{(uint8_t)(index + 1), (uint8_t)sale->segment, (uint8_t)sale->epoch,
			salt}},
		.expires = SOUK_TIME_NEVER};
	struct souk_payer_leaf leaf = {.escrow = sale->escrow,
		.epoch = sale->epoch,
		.segment = sale->segment,
		.index = index,
		.amount = sale->leaves[index].amount,
		.used = {start}};
	struct souk_hash ticket_secret = {{11, (uint8_t)index}},
			 key_secret = {{12, (uint8_t)index}};
	struct souk_strip_open *opens[] = {&sale->open};
	souk_chain_init(&sale->keys, souk_chain_tag_key, &terms.nonce, count, &key_secret);
	terms.key_anchor = sale->keys.anchor;
	terms.key_checkpoints = sale->keys.checkpoint_root;
	memset(&sale->open, 0, sizeof sale->open);
	REQUIRE(souk_payer_strip_open(
			&sale->payer, &leaf, &terms, 0, &ticket_secret, &sale->open) == SOUK_OK);
	sale->open.strip = sale->payer.strip;
	REQUIRE(souk_allotment_prove(&sale->open, sale->leaves, 3, index, nodes) == SOUK_OK);
	REQUIRE(souk_strip_sign_batch(opens, 1, &market->issuer) == SOUK_OK);
}

void sale_strip(struct sale *sale, const struct market *market, uint32_t index, uint32_t count,
	uint64_t price)
{
	strip_on(sale, market, index, &sale->leaves[index].provider, 0, count, price, 0);
}

void sale_strip_at(struct sale *sale, const struct market *market, uint32_t index, enum party payee,
	uint64_t start, uint32_t count, uint64_t price, uint8_t salt)
{
	strip_on(sale, market, index, &market->parties[payee].address, start, count, price, salt);
}

struct souk_tx_body sale_claim(struct sale *sale, uint32_t unit)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM};
	struct souk_hash value = souk_chain_value(&sale->payer.chain, unit);
	REQUIRE(souk_claim_build(&body.claim.claim, &sale->open, unit, &value, &sale->keys) ==
		SOUK_OK);
	return body;
}

struct souk_tx_body sale_stand(const struct sale *sale, uint32_t epochs)
{
	struct souk_sum_node nodes[4], root;
	REQUIRE(souk_allotment_commit(&root, sale->leaves, 3, nodes) == SOUK_OK);
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_STAND,
		.stand = {.escrow = sale->escrow,
			.root = root.hash,
			.total = root.sum,
			.epochs = epochs}};
}

static const struct souk_identity *identity_of(
	const struct market *market, const struct souk_address *address)
{
	for (int who = 0; who < PARTY_COUNT; who++) {
		if (souk_address_equal(&market->parties[who].address, address))
			return &market->parties[who];
	}
	return NULL;
}

struct souk_tx_body sale_receipt(
	const struct sale *sale, const struct market *market, uint32_t index, uint64_t amount)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_RECEIPT};
	struct souk_tx_claim_receipt *claim = &body.claim_receipt;
	struct souk_strip place = {.escrow = sale->escrow,
		.epoch = sale->epoch,
		.segment = sale->segment,
		.leaf = index};
	struct souk_strip_open open;
	struct souk_sum_node nodes[4];
	REQUIRE(souk_allotment_prove(&open, sale->leaves, 3, index, nodes) == SOUK_OK);
	REQUIRE(souk_leaf_receipt_build(&claim->receipt, &place, &sale->leaves[index],
			souk_amount_of_ncoin(amount)) == SOUK_OK);
	souk_leaf_receipt_countersign(
		&claim->receipt, identity_of(market, &sale->leaves[index].provider));
	souk_leaf_receipt_issue(&claim->receipt, &market->issuer);
	claim->leaf = open.leaf;
	claim->leaf_path.count = open.leaf_path.count;
	memcpy(claim->leaf_path.items, open.leaf_path.items, sizeof open.leaf_path.items);
	return body;
}

/* ---- an example ---- */

struct market *market_example(void)
{
	static struct sale sale;
	struct market *market = market_new();
	market_fund(market, ALICE, 100 * COIN);
	market_fund(market, BOB, 10 * COIN);
	struct souk_tx_body body = body_transfer(market, CAROL, COIN);
	market_do(market, ALICE, &body);
	market_advance(market, 5);
	body = body_open(1, 1000, 10, 4000);
	market_do(market, ALICE, &body);
	struct souk_hash escrow = market_escrow_id(market, ALICE, 1);
	sale_init(&sale, market, &escrow, 0, 0, 300, 200, 100);
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	body = body_register(5 * COIN);
	market_do(market, BOB, &body);
	market_advance(market, 5);
	market_finish_epoch(market);
	sale_strip(&sale, market, 0, 100, 3);
	body = sale_claim(&sale, 90);
	market_do(market, BOB, &body);
	market_advance(market, 5);
	market_fund(market, ALICE, COIN);
	market_seal(market);
	return market;
}

/* BOB's leaf 300, CAROL's 200, an open one of 100: for the next two epochs. */
static void example_stand(struct market *market, struct sale *sale)
{
	struct souk_tx_body body = body_open_penal(2, 1000, 10, 4000, 555);
	market_do(market, ALICE, &body);
	struct souk_hash escrow = market_escrow_id(market, ALICE, 2);
	sale_init(sale, market, &escrow, market->ledger.record.epoch + 1, 0, 300, 200, 100);
	sale->leaves[2].provider = (struct souk_address){{0}};
	body = sale_stand(sale, 2);
	market_do(market, ALICE, &body);
}

static void example_double_issue(struct market *market, const struct sale *sale)
{
	static struct sale first, second;
	first = second = *sale;
	sale_strip_at(&first, market, 2, CAROL, 0, 20, 3, 1);
	sale_strip_at(&second, market, 2, DAVE, 57, 10, 3, 2);
	struct souk_tx_body body = body_double_issue(&first.open, &second.open);
	market_do(market, DAVE, &body);
}

struct market *market_example_more(void)
{
	static struct sale sale, strips[2];
	struct souk_tx_body claims[2];
	struct market *market = market_example();
	market->now = souk_time_plus_ms(market->now, 5);
	market_begin(market);
	example_stand(market, &sale);
	market_advance(market, MARKET_EPOCH_MS);
	struct souk_tx_body receipt = sale_receipt(&sale, market, 1, 123);
	market_do(market, ALICE, &receipt);
	for (uint8_t i = 0; i < 2; i++) {
		strips[i] = sale;
		sale_strip_at(&strips[i], market, 0, BOB, i * 120u, 40, 3, i);
		claims[i] = sale_claim(&strips[i], 20u + i);
	}
	struct souk_tx_body many = body_claim_many(claims, 2);
	market_finish_epoch(market);
	market_do(market, BOB, &many);
	market_do(market, CAROL, &receipt);
	example_double_issue(market, &sale);
	struct souk_tx_body none = body_stand_no_more(&sale.escrow);
	market_do(market, ALICE, &none);
	market_seal(market);
	return market;
}
