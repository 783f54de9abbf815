/* SPDX-License-Identifier: Apache-2.0
 *
 * Standing allotments: what each epoch's start does to an escrow, although nobody
 * sends a transaction then; and that it makes no difference when anybody looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "escrow_epochs.h"
#include "test_market.h"

#define PRIZE 10u
#define LINE  100u

static struct market *market;
static struct souk_hash escrow_id;
static struct sale sale;

static int setup(void **state)
{
	(void)state;
	market = market_new();
	market_fund(market, ALICE, 1000 * COIN);
	struct souk_tx_body body = body_open(1, LINE, PRIZE, 3 * LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	market_seal(market);
	int failed = souk_ledger_audit(&market->ledger) != SOUK_OK;
	market_free(market);
	return failed;
}

/* Let BOB 45, CAROL 0, DAVE 5 stand for EPOCHS. */
static struct souk_tx_body stand(uint32_t epochs)
{
	sale_init(&sale, market, &escrow_id, market->ledger.record.epoch + 1, 0, 45, 0, 5);
	return sale_stand(&sale, epochs);
}

static struct souk_escrow_record view(void)
{
	struct souk_escrow_record record;
	assert_int_equal(souk_ledger_view_escrow(&record, &market->ledger, &escrow_id), SOUK_OK);
	return record;
}

static souk_status view_segment(uint64_t epoch, uint32_t segment)
{
	struct souk_allotment_record record;
	return souk_ledger_view_allotment(&record, &market->ledger, &escrow_id, epoch, segment);
}

static void next_epoch(void)
{
	struct souk_epoch_record record;
	assert_int_equal(
		souk_ledger_get_epoch(&record, &market->ledger, market->ledger.record.epoch),
		SOUK_OK);
	market_advance(market, souk_time_since_ms(market->now, record.end));
}

static void test_refusals(void **state)
{
	(void)state;
	struct souk_tx_body good = stand(3), bad, close = body_close(&escrow_id),
			    none = body_stand_no_more(&escrow_id);
#define BENT(from, change, status)                                                                 \
	do {                                                                                       \
		bad = good;                                                                        \
		change;                                                                            \
		market_refuse(market, from, &bad, status);                                         \
	} while (0)
	BENT(ALICE, bad.stand.escrow.bytes[0] ^= 1, SOUK_PEER_NO_ESCROW);
	BENT(OPERATOR, (void)0, SOUK_PEER_WRONG_SIGNER);
	BENT(BOB, (void)0, SOUK_PEER_NO_ACCOUNT);
	BENT(ALICE, bad.stand.total.ncoin = 0, SOUK_PEER_ZERO_AMOUNT);
	BENT(ALICE, bad.stand.total.ncoin = LINE + 1, SOUK_PEER_ALLOTMENT_OVER_LINE);
	BENT(ALICE, bad.stand.total.ncoin = UINT64_MAX, SOUK_PEER_ALLOTMENT_OVER_LINE);
	BENT(ALICE, bad.stand.epochs = 4097, SOUK_PEER_STANDING);
	BENT(ALICE, bad.stand.epochs = UINT32_MAX, SOUK_PEER_STANDING);
	BENT(ALICE, bad.stand.epochs = MARKET_BEACON_COUNT, SOUK_PEER_STANDING);
#undef BENT
	good.stand.epochs = MARKET_BEACON_COUNT - 1;
	market_do(market, ALICE, &good);
	market_do(market, ALICE, &none);
	market_do(market, ALICE, &close);
	market_refuse(market, ALICE, &good, SOUK_PEER_ESCROW_CLOSING);
	market_refuse(market, ALICE, &none, SOUK_PEER_ESCROW_CLOSING);
}

static void test_what_it_says(void **state)
{
	(void)state;
	struct souk_tx_body body = stand(3), none = body_stand_no_more(&escrow_id);
	market_do(market, ALICE, &body);
	struct souk_escrow_record record = view();
	assert_int_equal(record.standing.from, 1);
	assert_int_equal(record.standing.until, 4);
	assert_int_equal(record.standing.total.ncoin, 50);
	assert_memory_equal(&record.standing.root, &body.stand.root, SOUK_HASH_SIZE);
	assert_int_equal(record.open.count, 0);
	assert_int_equal(view_segment(0, 0), SOUK_PEER_NO_ALLOTMENT);
	assert_int_equal(view_segment(1, 0), SOUK_PEER_NO_ALLOTMENT);
	market_do(market, ALICE, &none);
	record = view();
	assert_int_equal(record.standing.total.ncoin, 0);
	assert_int_equal(record.standing.until, 0);
}

/* Three epochs are funded and paid out although only the claims are transactions. */
static void test_rolls(void **state)
{
	(void)state;
	struct souk_tx_body body = stand(3);
	market_do(market, ALICE, &body);
	for (uint64_t epoch = 0; epoch <= 5; epoch++) {
		struct souk_escrow_record record = view();
		bool stands = epoch >= 1 && epoch <= 3;
		assert_int_equal(record.rolled, epoch + 1);
		assert_int_equal(view_segment(epoch, 0), stands ? SOUK_OK : SOUK_PEER_NO_ALLOTMENT);
		assert_int_equal(view_segment(epoch, 1), SOUK_PEER_NO_ALLOTMENT);
		sale.epoch = epoch;
		sale_strip(&sale, market, 0, 45, 1);
		struct souk_tx_body claim = sale_claim(&sale, 45);
		market_refuse(
			market, BOB, &claim, stands ? SOUK_PEER_NOT_DRAWN : SOUK_PEER_NO_ALLOTMENT);
		market_finish_epoch(market);
		if (!stands) {
			market_refuse(market, BOB, &claim, SOUK_PEER_NO_ALLOTMENT);
			continue;
		}
		market_do(market, BOB, &claim);
		assert_in_range(market->receipt.amount.ncoin, 40, 50);
		market_refuse(market, BOB, &claim, SOUK_PEER_CLAIM_PAID);
	}
	market_advance(market, MARKET_CLAIM_MS);
	assert_int_equal(view().open.count, 0);
	assert_int_equal(view().free.ncoin, 3 * LINE - market_balance(market, BOB));
}

/* An allotment in advance takes the place of what stands; further segments come on top of it. */
static void test_besides_allotments(void **state)
{
	(void)state;
	struct sale extra;
	struct souk_tx_body body = stand(9);
	market_do(market, ALICE, &body);
	sale_init(&extra, market, &escrow_id, 1, 0, 7, 0, 0);
	body = sale_allot(&extra);
	market_do(market, ALICE, &body);
	next_epoch();
	struct souk_escrow_record record = view();
	assert_int_equal(record.open.count, 1);
	assert_int_equal(record.open.items[0].reserved.ncoin, 10);
	next_epoch();
	sale_init(&extra, market, &escrow_id, 2, 0, 7, 0, 0);
	body = sale_allot(&extra);
	market_refuse(market, ALICE, &body, SOUK_PEER_ALLOTMENT_INDEX);
	extra.segment = 1;
	extra.leaves[0].amount.ncoin = 51;
	body = sale_allot(&extra);
	market_refuse(market, ALICE, &body, SOUK_PEER_ALLOTMENT_OVER_LINE);
	extra.leaves[0].amount.ncoin = 50;
	body = sale_allot(&extra);
	market_do(market, ALICE, &body);
	struct souk_allotment_record allotment;
	assert_int_equal(
		souk_ledger_get_allotment(&allotment, &market->ledger, &escrow_id, 2, 0), SOUK_OK);
	assert_int_equal(allotment.total.ncoin, 50);
	assert_int_equal(
		souk_ledger_get_allotment(&allotment, &market->ledger, &escrow_id, 2, 1), SOUK_OK);
	assert_int_equal(allotment.base.ncoin, 50);
	sale_strip(&extra, market, 0, 50, 1);
	struct souk_tx_body claim = sale_claim(&extra, 50);
	market_finish_epoch(market);
	market_do(market, BOB, &claim);
	assert_int_equal(market->receipt.amount.ncoin, 50);
}

/* No money, no allotment: a top-up helps the next epoch, not the one that has begun; there the
 * payer may still allot by hand. */
static void test_without_money(void **state)
{
	(void)state;
	struct souk_tx_body body = body_open(2, LINE, PRIZE, LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 2);
	sale_init(&sale, market, &escrow_id, 0, 0, 60, 0, 0);
	body = sale_stand(&sale, 9);
	market_do(market, ALICE, &body);
	next_epoch();
	next_epoch();
	assert_int_equal(view_segment(1, 0), SOUK_OK);
	assert_int_equal(view_segment(2, 0), SOUK_PEER_NO_ALLOTMENT);
	body = body_top_up(&escrow_id, 20);
	market_do(market, ALICE, &body);
	assert_int_equal(view_segment(2, 0), SOUK_PEER_NO_ALLOTMENT);
	sale.epoch = 2;
	sale.leaves[0].amount.ncoin = 6;
	body = sale_allot(&sale);
	market_do(market, ALICE, &body);
	next_epoch();
	assert_int_equal(view_segment(3, 0), SOUK_PEER_NO_ALLOTMENT);
	body = body_top_up(&escrow_id, 10);
	market_do(market, ALICE, &body);
	next_epoch();
	assert_int_equal(view_segment(3, 0), SOUK_PEER_NO_ALLOTMENT);
	assert_int_equal(view_segment(4, 0), SOUK_OK);
	assert_int_equal(view().free.ncoin, 0);
}

/* The money of an epoch that is over at the very moment the next begins is there for it; a moment
 * later it is not. */
static void expiry_meets_start(uint64_t late_ms, bool funded)
{
	struct souk_tx_body body = body_open(3, LINE, PRIZE, LINE);
	market_do(market, ALICE, &body);
	escrow_id = market_escrow_id(market, ALICE, 3);
	sale_init(&sale, market, &escrow_id, 0, 0, LINE, 0, 0);
	body = sale_stand(&sale, 9);
	market_do(market, ALICE, &body);
	next_epoch();
	next_epoch();
	/* Epoch 1 is drawn so that its window ends when epoch 4 begins, or just after. */
	struct souk_epoch_record record;
	assert_int_equal(souk_ledger_get_epoch(&record, &market->ledger, 2), SOUK_OK);
	uint64_t draw_ms = record.end.ms + MARKET_EPOCH_MS - MARKET_CLAIM_MS + late_ms;
	market_advance(market, draw_ms - market->now.ms);
	for (uint64_t epoch = 0; epoch <= 1; epoch++) {
		body = body_draw(market, epoch);
		market_do(market, OPERATOR, &body);
	}
	next_epoch();
	next_epoch();
	assert_int_equal(market->ledger.record.epoch, 4);
	assert_int_equal(view_segment(4, 0), funded ? SOUK_OK : SOUK_PEER_NO_ALLOTMENT);
	market_advance(market, 5);
	assert_int_equal(view_segment(4, 0), funded ? SOUK_OK : SOUK_PEER_NO_ALLOTMENT);
}

static void test_expiry_meets_start(void **state)
{
	(void)state;
	expiry_meets_start(0, true);
}

static void test_expiry_just_after_start(void **state)
{
	(void)state;
	expiry_meets_start(1, false);
}

static void test_closing_ends_it(void **state)
{
	(void)state;
	struct souk_tx_body body = stand(9), close = body_close(&escrow_id),
			    withdraw = body_withdraw(&escrow_id);
	market_do(market, ALICE, &body);
	next_epoch();
	next_epoch();
	/* The block that begins epoch 2 has begun: it is funded before the escrow closes. */
	market_do(market, ALICE, &close);
	next_epoch();
	assert_int_equal(view_segment(1, 0), SOUK_OK);
	assert_int_equal(view_segment(2, 0), SOUK_OK);
	assert_int_equal(view_segment(3, 0), SOUK_PEER_NO_ALLOTMENT);
	market_refuse(market, ALICE, &withdraw, SOUK_PEER_ESCROW_LOCKED);
	market_finish_epoch(market);
	market_advance(market, MARKET_CLAIM_MS);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(market->receipt.amount.ncoin, 3 * LINE);
}

/* Beacons that are never drawn: eight epochs, and no more. */
static void test_never_drawn(void **state)
{
	(void)state;
	struct souk_tx_body more = body_top_up(&escrow_id, 100 * LINE), body = stand(20);
	market_do(market, ALICE, &more);
	market_do(market, ALICE, &body);
	for (int i = 0; i < 12; i++)
		next_epoch();
	struct souk_escrow_record record = view();
	assert_int_equal(record.open.count, 8);
	assert_int_equal(record.open.items[0].epoch, 1);
	assert_int_equal(record.open.items[7].epoch, 8);
	market_do(market, ALICE, &more);
	sale.epoch = 12;
	body = sale_allot(&sale);
	market_refuse(market, ALICE, &body, SOUK_PEER_TOO_MANY_EPOCHS);
}

static size_t count_records(uint8_t table)
{
	size_t count = 0;
	for (size_t i = 0; i < market->records.count; i++)
		count += market->records.records[i].key[0] == table;
	return count;
}

/* Sixty epochs of trade leave no more behind than three. */
static void test_state_does_not_grow(void **state)
{
	(void)state;
	struct souk_tx_body body = body_top_up(&escrow_id, 60 * LINE);
	market_do(market, ALICE, &body);
	body = stand(200);
	market_do(market, ALICE, &body);
	size_t most_segments = 0, most_paid = 0, most_leaves = 0;
	next_epoch();
	for (int i = 0; i < 60; i++) {
		sale.epoch = market->ledger.record.epoch;
		sale_strip(&sale, market, 0, 45, 1);
		struct souk_tx_body claim = sale_claim(&sale, 45),
				    receipt = sale_receipt(&sale, market, 0, 45);
		market_finish_epoch(market);
		market_do(market, BOB, i % 2 ? &claim : &receipt);
		size_t segments = count_records(SOUK_TABLE_ALLOTMENT),
		       paid = count_records(SOUK_TABLE_PAID),
		       leaves = count_records(SOUK_TABLE_LEAF);
		most_segments = segments > most_segments ? segments : most_segments;
		most_paid = paid > most_paid ? paid : most_paid;
		most_leaves = leaves > most_leaves ? leaves : most_leaves;
	}
	assert_in_range(most_segments, 1, 4);
	assert_in_range(most_paid, 1, 4);
	assert_in_range(most_leaves, 1, 3);
	struct souk_tx_body close = body_close(&escrow_id), withdraw = body_withdraw(&escrow_id);
	market_do(market, ALICE, &close);
	for (int i = 0; i < 4; i++)
		market_finish_epoch(market);
	market_do(market, ALICE, &withdraw);
	assert_int_equal(count_records(SOUK_TABLE_ALLOTMENT), 0);
	assert_int_equal(count_records(SOUK_TABLE_PAID), 0);
	assert_int_equal(count_records(SOUK_TABLE_LEAF), 0);
}

/* All the money that there can be, in one escrow: nothing wraps, and nothing is lost. */
static void test_all_the_money(void **state)
{
	(void)state;
	const uint64_t line = 1ull << 63, price = (1ull << 47) - 17, bob = 65536 * price;
	market->ledger.genesis.faucet_max.ncoin = UINT64_MAX;
	market_fund(market, ALICE, UINT64_MAX - market->ledger.record.minted.ncoin);
	struct souk_tx_body body = body_faucet(1);
	market_refuse(market, BOB, &body, SOUK_LOCAL_OVERFLOW);
	body = body_open_penal(2, line, 1ull << 43, line, market_balance(market, ALICE) - line);
	market_do(market, ALICE, &body);
	assert_int_equal(market_balance(market, ALICE), 0);
	uint64_t penalty = body.escrow_open.penalty.ncoin;
	escrow_id = market_escrow_id(market, ALICE, 2);
	sale_init(&sale, market, &escrow_id, 1, 0, bob, 0, line - bob);
	sale.leaves[2].provider = (struct souk_address){{0}};
	body = sale_stand(&sale, 2);
	market_do(market, ALICE, &body);
	next_epoch();
	assert_int_equal(view().free.ncoin, 0);
	static struct sale first, second;
	first = second = sale;
	sale_strip_at(&first, market, 2, BOB, 0, 10, 1, 1);
	sale_strip_at(&second, market, 2, BOB, 9, 10, 1, 2);
	body = body_double_issue(&first.open, &second.open);
	market_do(market, DAVE, &body);
	assert_int_equal(market_balance(market, DAVE), penalty / 10);
	sale_strip(&sale, market, 0, 65536, price);
	body = sale_claim(&sale, 65536);
	market_finish_epoch(market);
	market_do(market, BOB, &body);
	assert_in_range(market_balance(market, BOB), bob - (1ull << 43), bob + (1ull << 43));
	next_epoch();
	market_advance(market, MARKET_CLAIM_MS);
	assert_int_equal(view().open.count, 0);
	assert_int_equal(view().free.ncoin, line - market_balance(market, BOB));
}

/* ---- it makes no difference when anybody looks ---- */

/* Two ledgers get the same transactions. On one, the escrow is also rolled and written at random
 * moments; on the other never but by the transactions themselves. A model does at every epoch's
 * start what the rules say, eagerly and naively. All three must agree after every block. */

#define EPOCHS_MAX 160

struct eager_epoch {
	bool open;
	uint32_t segments;
	uint64_t amounts[8]; /* of BOB's leaf in each segment */
	uint64_t end, paid;
};

static struct eager {
	uint64_t held, total, bob;
	uint64_t from, until;
	bool closing;
	struct eager_epoch epochs[EPOCHS_MAX];
	uint64_t drawn_at[EPOCHS_MAX];
} eager;

static struct market *markets[2]; /* touched, untouched */
static struct souk_rng rng;
static uint64_t happened[5]; /* funded, taken, poor, full, paid */

static uint64_t whole(uint64_t length)
{
	return (length + PRIZE - 1) / PRIZE * PRIZE;
}

static uint64_t eager_free(void)
{
	uint64_t left = eager.held;
	for (int e = 0; e < EPOCHS_MAX; e++) {
		if (eager.epochs[e].open)
			left -= whole(eager.epochs[e].end) - eager.epochs[e].paid;
	}
	return left;
}

static unsigned eager_open_count(void)
{
	unsigned count = 0;
	for (int e = 0; e < EPOCHS_MAX; e++)
		count += eager.epochs[e].open;
	return count;
}

static void eager_collect(uint64_t time_ms)
{
	for (int e = 0; e < EPOCHS_MAX; e++) {
		if (eager.drawn_at[e] != 0 && time_ms - eager.drawn_at[e] >= MARKET_CLAIM_MS)
			eager.epochs[e].open = false;
	}
}

static void eager_start(uint64_t epoch)
{
	struct eager_epoch *begun = &eager.epochs[epoch];
	if (eager.closing || eager.total == 0 || epoch < eager.from || epoch >= eager.until)
		return;
	if (begun->open || eager_open_count() == 8 || eager_free() < whole(eager.total)) {
		happened[begun->open ? 1 : eager_open_count() == 8 ? 3 : 2]++;
		return;
	}
	*begun = (struct eager_epoch){
		.open = true, .segments = 1, .amounts = {eager.bob}, .end = eager.total};
	happened[0]++;
}

static souk_status both(enum party from, const struct souk_tx_body *body)
{
	souk_status status = market_send(markets[0], from, body);
	assert_int_equal(market_send(markets[1], from, body), status);
	if (status == SOUK_OK)
		assert_int_equal(
			markets[0]->receipt.amount.ncoin, markets[1]->receipt.amount.ncoin);
	return status;
}

static void check_view(const struct market *at)
{
	struct souk_escrow_record record;
	assert_int_equal(souk_ledger_view_escrow(&record, &at->ledger, &escrow_id), SOUK_OK);
	assert_int_equal(record.free.ncoin, eager_free());
	assert_int_equal(record.open.count, eager_open_count());
	assert_int_equal(record.rolled, at->ledger.record.epoch + 1);
	for (uint16_t i = 0; i < record.open.count; i++) {
		const struct souk_open_epoch *open = &record.open.items[i];
		const struct eager_epoch *expected = &eager.epochs[open->epoch];
		assert_true(expected->open);
		assert_int_equal(open->segments, expected->segments);
		assert_int_equal(open->reserved.ncoin, whole(expected->end));
		assert_int_equal(open->paid.ncoin, expected->paid);
	}
}

static bool is_same_view(void)
{
	uint8_t bytes[2][SOUK_ESCROW_RECORD_SIZE_MAX];
	struct souk_writer writers[2];
	for (int i = 0; i < 2; i++) {
		struct souk_escrow_record record;
		assert_int_equal(
			souk_ledger_view_escrow(&record, &markets[i]->ledger, &escrow_id), SOUK_OK);
		souk_writer_init(&writers[i], bytes[i], sizeof bytes[i]);
		souk_escrow_record_encode(&writers[i], &record);
	}
	return writers[0].size == writers[1].size &&
	       memcmp(bytes[0], bytes[1], writers[0].size) == 0;
}

static void check_allotments(const struct market *at)
{
	for (uint64_t e = 0; e < at->ledger.record.epoch + 2; e++) {
		for (uint32_t segment = 0; segment < 3; segment++) {
			struct souk_allotment_record record;
			const struct eager_epoch *epoch = &eager.epochs[e];
			bool is = epoch->open && segment < epoch->segments;
			assert_int_equal(souk_ledger_view_allotment(
						 &record, &at->ledger, &escrow_id, e, segment),
				is ? SOUK_OK : SOUK_PEER_NO_ALLOTMENT);
		}
	}
}

static void advance_both(uint64_t ms)
{
	uint64_t before = markets[0]->ledger.record.epoch;
	for (int i = 0; i < 2; i++)
		market_advance(markets[i], ms);
	eager_collect(markets[0]->now.ms);
	if (markets[0]->ledger.record.epoch != before)
		eager_start(before + 1);
	for (int i = 0; i < 2; i++) {
		check_view(markets[i]);
		check_allotments(markets[i]);
	}
	assert_true(is_same_view());
}

/* What a transaction that changes nothing else would do. */
static void touch(void)
{
	struct ledger_escrow escrow;
	assert_int_equal(ledger_escrow_get(&escrow, &markets[0]->ledger, &escrow_id), SOUK_OK);
	assert_int_equal(ledger_escrow_put(&markets[0]->ledger, &escrow), SOUK_OK);
}

static void step_stand(void)
{
	uint64_t bob = 1 + souk_rng_below(&rng, 80), epoch = markets[0]->ledger.record.epoch;
	sale_init(&sale, markets[0], &escrow_id, epoch + 1, 0, bob, 0, souk_rng_below(&rng, 20));
	struct souk_tx_body body = sale_stand(&sale, (uint32_t)souk_rng_below(&rng, 20));
	if (both(ALICE, &body) != SOUK_OK)
		return;
	bool stands = body.stand.epochs != 0;
	eager.total = stands ? body.stand.total.ncoin : 0;
	eager.bob = bob;
	eager.from = epoch + 1;
	eager.until = epoch + 1 + body.stand.epochs;
}

static void step_allot(void)
{
	uint64_t bob = 1 + souk_rng_below(&rng, 30);
	uint64_t number = markets[0]->ledger.record.epoch + souk_rng_below(&rng, 2);
	struct eager_epoch *epoch = &eager.epochs[number];
	uint32_t segment = epoch->open ? epoch->segments : 0;
	sale_init(&sale, markets[0], &escrow_id, number, segment, bob, 0, 3);
	struct souk_tx_body body = sale_allot(&sale);
	if (segment == 8 || both(ALICE, &body) != SOUK_OK)
		return;
	if (!epoch->open)
		*epoch = (struct eager_epoch){.open = true};
	epoch->amounts[epoch->segments++] = bob;
	epoch->end += body.allot.total.ncoin;
}

/* The leaves are (bob, 0, total - bob) in each segment: enough to build their paths again. */
static void step_claim(uint64_t dave_of_standing)
{
	uint64_t number = souk_rng_below(&rng, markets[0]->ledger.record.epoch + 1);
	struct eager_epoch *epoch = &eager.epochs[number];
	bool drawn = eager.drawn_at[number] != 0;
	if (epoch->amounts[0] == 0)
		return;
	sale_init(&sale, markets[0], &escrow_id, number, 0, epoch->amounts[0], 0, dave_of_standing);
	sale_strip(&sale, markets[0], 0, (uint32_t)epoch->amounts[0], 1);
	struct souk_tx_body body = sale_claim(&sale, (uint32_t)epoch->amounts[0]);
	souk_status status = both(BOB, &body);
	if (!epoch->open)
		assert_true(status == SOUK_PEER_CLAIM_LATE || status == SOUK_PEER_NO_ALLOTMENT);
	else if (!drawn)
		assert_int_equal(status, SOUK_PEER_NOT_DRAWN);
	else
		assert_true(status == SOUK_OK || status == SOUK_PEER_CLAIM_PAID ||
			    status == SOUK_PEER_CLAIM_NO_PRIZE || status == SOUK_PEER_BAD_PATH);
	if (status != SOUK_OK)
		return;
	epoch->paid += markets[0]->receipt.amount.ncoin;
	eager.held -= markets[0]->receipt.amount.ncoin;
	happened[4]++;
}

static void step_draw(void)
{
	uint64_t next = markets[0]->ledger.record.next_draw;
	struct souk_tx_body body = body_draw(markets[0], next);
	if (both(OPERATOR, &body) == SOUK_OK)
		eager.drawn_at[next] = markets[0]->now.ms;
}

static void step_early_end(void)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_EPOCH_CLOSE,
		.epoch_close = {{markets[0]->now.ms + MARKET_NOTICE_MS}}};
	souk_status status = both(OPERATOR, &body);
	assert_true(status == SOUK_OK || status == SOUK_PEER_EPOCH_END);
}

static void step(uint64_t draw_in)
{
	struct souk_tx_body body;
	switch (souk_rng_below(&rng, 12)) {
	case 0: step_stand(); return;
	case 1: step_allot(); return;
	case 2: step_claim(souk_rng_below(&rng, 20)); return;
	case 3:
		if (souk_rng_below(&rng, draw_in) == 0)
			step_draw();
		return;
	case 4:
		body = body_top_up(&escrow_id, 1 + souk_rng_below(&rng, 60));
		if (both(ALICE, &body) == SOUK_OK)
			eager.held += body.escrow_top_up.amount.ncoin;
		return;
	case 5: step_early_end(); return;
	case 6:
	case 7: touch(); return;
	case 8: step_claim(3); return;
	default: advance_both(souk_rng_below(&rng, 3) ? souk_rng_below(&rng, 4000) : 30000);
	}
}

/* The next record that an escrow has a part in; headers tell of when it was written. */
static const struct test_record *next_record(const struct market *at, size_t *i)
{
	while (*i < at->records.count) {
		const struct test_record *record = &at->records.records[(*i)++];
		if (strchr("ABCELT", record->key[0]) != NULL)
			return record;
	}
	return NULL;
}

static void check_same_records(void)
{
	size_t i = 0, k = 0, count = 0;
	for (;;) {
		const struct test_record *a = next_record(markets[0], &i),
					 *b = next_record(markets[1], &k);
		assert_int_equal(a == NULL, b == NULL);
		if (a == NULL)
			break;
		assert_int_equal(a->key_size, b->key_size);
		assert_int_equal(a->value_size, b->value_size);
		assert_memory_equal(a->key, b->key, a->key_size);
		assert_memory_equal(a->value, b->value, a->value_size);
		count++;
	}
	assert_true(count > 5);
}

static void compare_once(uint64_t seed, uint64_t skip_ms)
{
	souk_rng_init(&rng, seed);
	memset(&eager, 0, sizeof eager);
	struct souk_tx_body body = body_open(1, LINE, PRIZE, LINE + seed % 300);
	for (int i = 0; i < 2; i++) {
		markets[i] = market_new();
		market_fund(markets[i], ALICE, 1000 * COIN);
		market_do(markets[i], ALICE, &body);
	}
	eager.held = body.escrow_open.deposit.ncoin;
	escrow_id = market_escrow_id(markets[0], ALICE, 1);
	advance_both(skip_ms);
	for (int i = 0; i < 400 && markets[0]->ledger.record.epoch < EPOCHS_MAX - 3; i++)
		step(1 + seed % 3);
	body = body_close(&escrow_id);
	if (seed % 4 == 0) {
		assert_int_equal(both(ALICE, &body), SOUK_OK);
		eager.closing = true;
	}
	for (int i = 0; i < 5; i++)
		advance_both(MARKET_EPOCH_MS);
	/* Touched at the end, both are the same byte for byte. */
	struct market *last = markets[0];
	touch();
	markets[0] = markets[1];
	touch();
	markets[0] = last;
	assert_true(is_same_view());
	for (int i = 0; i < 2; i++) {
		market_seal(markets[i]);
		assert_int_equal(souk_ledger_audit(&markets[i]->ledger), SOUK_OK);
	}
	check_same_records();
	for (int i = 0; i < 2; i++)
		market_free(markets[i]);
}

static void test_no_difference(void **state)
{
	(void)state;
	memset(happened, 0, sizeof happened);
	for (uint64_t seed = 1; seed <= 40; seed++)
		compare_once(seed, 0);
	/* Until the end of time, where blocks go on and the clock does not. */
	for (uint64_t seed = 41; seed <= 60; seed++)
		compare_once(seed, UINT64_MAX - MARKET_START - seed * 5000);
	/* A comparison in which nothing happens would pass too. */
	for (unsigned i = 0; i < SOUK_COUNT_OF(happened); i++)
		assert_true(happened[i] >= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refusals),
		TEST(test_what_it_says),
		TEST(test_rolls),
		TEST(test_besides_allotments),
		TEST(test_without_money),
		TEST(test_expiry_meets_start),
		TEST(test_expiry_just_after_start),
		TEST(test_closing_ends_it),
		TEST(test_never_drawn),
		TEST(test_state_does_not_grow),
		TEST(test_all_the_money),
		cmocka_unit_test(test_no_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
