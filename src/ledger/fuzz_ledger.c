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
	sale_init(sale, market, &id, epoch, take(in) % 4, amount, take(in), take(in));
	struct souk_tx_body body = sale_allot(sale);
	send(market, ALICE, &body);
	sale_strip(sale, market, 0, (uint32_t)amount, 1);
	*sold = true;
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
		return body_open(take(in) % 3, line, take_amount(in), take_amount(in));
	case 3: return body_top_up(&id, take_amount(in));
	case 4: return body_close(&id);
	case 5: return body_withdraw(&id);
	case 6: return body_register(take_amount(in));
	case 7: return (struct souk_tx_body){.kind = SOUK_TX_BODY_PROVIDER_UNBOND};
	case 8: return (struct souk_tx_body){.kind = SOUK_TX_BODY_PROVIDER_WITHDRAW};
	case 9:
		return (struct souk_tx_body){.kind = SOUK_TX_BODY_EPOCH_CLOSE,
			.epoch_close = {{market->now.ms + take_amount(in) % 20000}}};
	default: return body_draw(market, market->ledger.record.next_draw + take(in) % 8 / 7);
	}
}

static void step(struct market *market, struct input *in, struct sale *sale, bool *sold)
{
	uint8_t op = take(in);
	enum party from = take(in) % PARTY_COUNT;
	struct souk_tx_body body;
	if (op % 16 <= 10) {
		body = template_body(market, in, op % 16);
		send(market, from, &body);
	} else if (op % 16 == 11) {
		step_sale(market, in, sale, sold);
	} else if (op % 16 == 12 && *sold) {
		step_claim(market, in, sale);
	} else if (op % 16 == 13) {
		step_raw_body(market, in, from);
	} else if (op % 16 == 14) {
		step_raw_tx(market, in);
	} else {
		market_advance(market, (uint64_t)take(in) * 100);
		REQUIRE(souk_ledger_audit(&market->ledger) == SOUK_OK);
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
	struct souk_tx_body open = body_open(0, 100, 10, 500);
	market_do(market, ALICE, &open);
	for (unsigned i = 0; in.size && i < STEPS_MAX; i++)
		step(market, &in, &sale, &sold);
	market_seal(market);
	REQUIRE(souk_ledger_audit(&market->ledger) == SOUK_OK);
	market_free(market);
	return 0;
}
