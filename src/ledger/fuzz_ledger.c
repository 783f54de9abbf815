/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes become blocks of transactions: built from templates, or decoded from the
 * input and signed by a party of the market, so that they pass the signature and
 * reach the rules. After each one: a refusal changed nothing, and no coin was made
 * or lost. */
#include <stdlib.h>
#include <string.h>

#include "test_market.h"

#define STEPS_MAX 60
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t take(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

/* Small numbers mostly, then coins, then the edge of 64 bits. */
static uint64_t take_amount(struct input *in)
{
	uint8_t shape = take(in), v = take(in);
	switch (shape % 4) {
	case 0: return v;
	case 1: return v * COIN;
	case 2: return (uint64_t)v << 8 | take(in);
	default: return UINT64_MAX - v;
	}
}

static void apply_checked(struct market *market, const struct souk_signed_tx *tx)
{
	static struct souk_ledger before;
	struct souk_receipt receipt;
	struct souk_hash records = test_store_digest(&market->records);
	memcpy(&before, &market->ledger, sizeof before);
	souk_status status = souk_ledger_apply(&market->ledger, tx, &receipt);
	if (status == SOUK_OK) {
		if (market->tx_count < MARKET_BLOCK_TX_MAX)
			market->txs[market->tx_count++] = *tx;
		REQUIRE(receipt.height == market->ledger.record.height);
		return;
	}
	REQUIRE(souk_ledger_refused(status));
	REQUIRE(memcmp(&before, &market->ledger, sizeof before) == 0);
	struct souk_hash after = test_store_digest(&market->records);
	REQUIRE(souk_hash_equal(&records, &after));
}

static void send(struct market *market, enum party from, const struct souk_tx_body *body)
{
	struct souk_signed_tx tx;
	market_sign(&tx, market, from, body);
	apply_checked(market, &tx);
}

/* A body from the input itself; what does not decode is dropped. */
static void step_raw_body(struct market *market, struct input *in, enum party from)
{
	struct souk_reader reader;
	struct souk_tx_body body;
	souk_reader_init(&reader, souk_bytes_of(in->data, in->size));
	souk_status status = souk_tx_body_read(&body, &reader);
	in->data += reader.at;
	in->size -= reader.at;
	if (status == SOUK_OK)
		send(market, from, &body);
}

/* A whole signed transaction from the input: all but certainly with a bad signature. */
static void step_raw_tx(struct market *market, struct input *in)
{
	struct souk_reader reader;
	struct souk_signed_tx tx;
	souk_reader_init(&reader, souk_bytes_of(in->data, in->size));
	souk_status status = souk_signed_tx_read(&tx, &reader);
	in->data += reader.at;
	in->size -= reader.at;
	if (status == SOUK_OK)
		apply_checked(market, &tx);
}

static void step_sale(struct market *market, struct input *in, struct sale *sale, bool *sold)
{
	struct souk_hash id = market_escrow_id(market, ALICE, take(in) % 3);
	uint64_t epoch = market->ledger.record.epoch + take(in) % 3;
	uint64_t amount = 1 + take(in) % 40;
	uint32_t segment = take(in) % 4;
	uint64_t carol = take(in), dave = take(in);
	sale_init(sale, market, &id, epoch, segment, amount, carol, dave);
	if (dave % 2)
		sale->leaves[2].provider = (struct souk_address){{0}};
	struct souk_tx_body body = sale_allot(sale);
	send(market, ALICE, &body);
	sale_strip(sale, market, 0, (uint32_t)amount, 1);
	*sold = true;
}

/* BODY, or one with a byte of it changed. */
static void send_bent(
	struct market *market, struct input *in, enum party from, struct souk_tx_body *body)
{
	static uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	uint8_t bent = take(in);
	if (bent != 0) {
		souk_writer_init(&writer, memory, sizeof memory);
		souk_tx_body_encode(&writer, body);
		memory[((size_t)bent * 256 + take(in)) % writer.size] ^= take(in);
		if (souk_tx_body_decode(body, souk_bytes_of(memory, writer.size), NULL) != SOUK_OK)
			return;
	}
	send(market, from, body);
}

/* The sale's leaves, to stand; the sale moves on with the epochs that they are for. */
static void step_stand(struct market *market, struct input *in, struct sale *sale)
{
	struct souk_tx_body body = sale_stand(sale, take(in) % 16 * 20u);
	send_bent(market, in, ALICE, &body);
	sale->epoch = market->ledger.record.epoch + take(in) % 3;
	sale->segment = 0;
	sale_strip(sale, market, 0, sale->open.strip.count, 1);
}

static void step_claim_many(struct market *market, struct input *in, const struct sale *sale)
{
	static struct sale strips[3];
	struct souk_tx_body claims[3];
	uint32_t count = 1 + take(in) % 3, room = sale->open.strip.count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t start = take(in) % room, units = 1 + take(in) % (room - start);
		strips[i] = *sale;
		sale_strip_at(&strips[i], market, 0, BOB, start, units, 1, (uint8_t)(1 + i));
		claims[i] = sale_claim(&strips[i], 1 + take(in) % units);
	}
	struct souk_tx_body body = body_claim_many(claims, count);
	send_bent(market, in, BOB, &body);
}

static void step_receipt(
	struct market *market, struct input *in, enum party from, const struct sale *sale)
{
	uint64_t amount = 1 + take(in) % sale->open.strip.count;
	struct souk_tx_body body = sale_receipt(sale, market, 0, amount);
	send_bent(market, in, from % 2 ? BOB : ALICE, &body);
}

static void step_double_issue(
	struct market *market, struct input *in, enum party from, const struct sale *sale)
{
	static struct sale two[2];
	uint32_t room = (uint32_t)sale->leaves[2].amount.ncoin;
	if (room == 0)
		return;
	for (int i = 0; i < 2; i++) {
		uint32_t start = take(in) % room;
		two[i] = *sale;
		sale_strip_at(&two[i], market, 2, take(in) % 2 ? CAROL : DAVE, start,
			1 + take(in) % (room - start), 1, take(in) % 2);
	}
	struct souk_tx_body body = body_double_issue(&two[0].open, &two[1].open);
	send_bent(market, in, from, &body);
}

static uint64_t value_of(const struct souk_escrow_record *escrow)
{
	uint64_t value = escrow->free.ncoin + escrow->penalty.ncoin;
	for (uint16_t i = 0; i < escrow->open.count; i++)
		value += escrow->open.items[i].reserved.ncoin - escrow->open.items[i].paid.ncoin;
	return value;
}

/* Rolling an escrow moves its money about and loses none; every segment that it shows can be read,
 * and none besides. */
static void check_views(const struct market *market)
{
	for (uint8_t salt = 0; salt < 3; salt++) {
		struct souk_hash id = market_escrow_id(market, ALICE, salt);
		struct souk_escrow_record stored, view;
		struct souk_allotment_record allotment;
		souk_status status = souk_ledger_get_escrow(&stored, &market->ledger, &id);
		REQUIRE(souk_ledger_view_escrow(&view, &market->ledger, &id) == status);
		if (status != SOUK_OK)
			continue;
		REQUIRE(value_of(&stored) == value_of(&view));
		for (uint16_t i = 0; i < view.open.count; i++) {
			const struct souk_open_epoch *open = &view.open.items[i];
			for (uint32_t k = 0; k <= open->segments; k++)
				REQUIRE((souk_ledger_view_allotment(&allotment, &market->ledger,
						 &id, open->epoch, k) == SOUK_OK) ==
					(k < open->segments));
		}
	}
}

/* A good claim, or one with a byte of it changed. */
static void step_claim(struct market *market, struct input *in, struct sale *sale)
{
	uint32_t unit = 1 + take(in) % sale->open.strip.count;
	struct souk_tx_body body = sale_claim(sale, unit);
	uint8_t bent = take(in);
	if (bent != 0) {
		uint8_t memory[SOUK_CLAIM_SIZE_MAX];
		struct souk_writer writer;
		souk_writer_init(&writer, memory, sizeof memory);
		souk_claim_encode(&writer, &body.claim.claim);
		memory[((size_t)bent * 256 + take(in)) % writer.size] ^= take(in);
		if (souk_claim_decode(
			    &body.claim.claim, souk_bytes_of(memory, writer.size), NULL) != SOUK_OK)
			return;
	}
	send(market, BOB, &body);
}

static struct souk_tx_body template_body(struct market *market, struct input *in, uint8_t kind)
{
	struct souk_hash id = market_escrow_id(market, ALICE, take(in) % 3);
	uint64_t line;
	switch (kind) {
	case 0: return body_faucet(take_amount(in));
	case 1: return body_transfer(market, take(in) % PARTY_COUNT, take_amount(in));
	case 2:
		line = take_amount(in);
		return body_open_penal(
			take(in) % 3, line, take_amount(in), take_amount(in), take_amount(in));
	case 3: return body_top_up(&id, take_amount(in));
	case 4: return body_close(&id);
	case 5: return body_withdraw(&id);
	case 6: return body_register(take_amount(in));
	case 7: return (struct souk_tx_body){.kind = SOUK_TX_BODY_PROVIDER_UNBOND};
	case 8: return (struct souk_tx_body){.kind = SOUK_TX_BODY_PROVIDER_WITHDRAW};
	case 9:
		return (struct souk_tx_body){.kind = SOUK_TX_BODY_EPOCH_CLOSE,
			.epoch_close = {{market->now.ms + take_amount(in) % 20000}}};
	case 10: return body_stand_no_more(&id);
	default: return body_draw(market, market->ledger.record.next_draw + take(in) % 8 / 7);
	}
}

enum op {
	OP_TEMPLATES = 12, /* so many kinds that need no sale */
	OP_SALE = OP_TEMPLATES,
	OP_RAW_BODY,
	OP_RAW_TX,
	OP_TIME,
	OP_CLAIM, /* from here on a sale is needed */
	OP_STAND,
	OP_CLAIM_MANY,
	OP_RECEIPT,
	OP_DOUBLE_ISSUE,
	OP_COUNT,
};

static void step_time(struct market *market, struct input *in)
{
	market_advance(market, (uint64_t)take(in) * 100);
	REQUIRE(souk_ledger_audit(&market->ledger) == SOUK_OK);
	check_views(market);
}

static void step(struct market *market, struct input *in, struct sale *sale, bool *sold)
{
	uint8_t op = take(in) % OP_COUNT;
	enum party from = take(in) % PARTY_COUNT;
	struct souk_tx_body body;
	if (op >= OP_CLAIM && !*sold)
		op = OP_TIME;
	switch (op) {
	case OP_SALE: step_sale(market, in, sale, sold); return;
	case OP_RAW_BODY: step_raw_body(market, in, from); return;
	case OP_RAW_TX: step_raw_tx(market, in); return;
	case OP_TIME: step_time(market, in); return;
	case OP_CLAIM: step_claim(market, in, sale); return;
	case OP_STAND: step_stand(market, in, sale); return;
	case OP_CLAIM_MANY: step_claim_many(market, in, sale); return;
	case OP_RECEIPT: step_receipt(market, in, from, sale); return;
	case OP_DOUBLE_ISSUE: step_double_issue(market, in, from, sale); return;
	default: body = template_body(market, in, op); send(market, from, &body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sale sale;
	struct input in = {data, size};
	struct market *market = market_new();
	bool sold = false;
	market_fund(market, ALICE, 100 * COIN);
	market_fund(market, BOB, 10 * COIN);
	struct souk_tx_body open = body_open_penal(0, 100, 10, 500, 50);
	market_do(market, ALICE, &open);
	for (unsigned i = 0; in.size && i < STEPS_MAX; i++)
		step(market, &in, &sale, &sold);
	market_seal(market);
	REQUIRE(souk_ledger_audit(&market->ledger) == SOUK_OK);
	market_free(market);
	return 0;
}
