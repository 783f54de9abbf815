/* SPDX-License-Identifier: Apache-2.0
 *
 * Storms: random transactions, sensible and senseless, against a model that keeps
 * every promise as naively as possible. The model decides first whether a
 * transaction must be accepted and what everybody owns afterwards; it shares no
 * code with the ledger but the lottery's offset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/rng.h"
#include "test_market.h"

#define SEEDS	   16
#define STEPS	   1200
#define ESCROWS	   3
#define LINE	   60u
#define PRIZE	   7u
#define EPOCHS_MAX 200
#define SALES_MAX  64

struct model_epoch {
	uint64_t allotted; /* length of the line that is promised */
	uint32_t segments;
	uint64_t paid_points; /* bit per point of the line: LINE / PRIZE < 64 */
	bool collected;
};

struct model_escrow {
	bool exists, closing;
	uint64_t held, unlock;
	struct model_epoch epochs[EPOCHS_MAX];
};

struct model {
	uint64_t balance[PARTY_COUNT];
	bool account[PARTY_COUNT];
	uint64_t deposit[PARTY_COUNT], bond_unlock[PARTY_COUNT];
	bool registered[PARTY_COUNT], unbonding[PARTY_COUNT];
	uint64_t minted;
	struct model_escrow escrows[ESCROWS];
	uint64_t drawn_at[EPOCHS_MAX]; /* 0: not drawn */
};

struct promise {
	struct sale sale;
	unsigned escrow;
	uint64_t base;
	uint64_t leaf_amount;
};

static struct market *market;
static struct model model;
static struct promise promises[SALES_MAX];
static unsigned promise_count;
static struct souk_rng rng;
static unsigned outcomes[SOUK_TX_BODY_DRAW + 1][2]; /* refused, accepted: by kind */

static uint64_t pick(uint64_t bound)
{
	return souk_rng_below(&rng, bound);
}

static uint64_t now(void)
{
	return market->now.ms;
}

static bool model_expired(uint64_t epoch)
{
	return model.drawn_at[epoch] != 0 && now() >= model.drawn_at[epoch] + MARKET_CLAIM_MS;
}

static bool model_is_open(const struct model_escrow *escrow, uint64_t epoch)
{
	return escrow->epochs[epoch].segments != 0 && !escrow->epochs[epoch].collected;
}

static void model_collect(struct model_escrow *escrow)
{
	for (uint64_t e = 0; e < EPOCHS_MAX; e++) {
		if (model_is_open(escrow, e) && model_expired(e))
			escrow->epochs[e].collected = true;
	}
}

static uint64_t whole_prizes(uint64_t length)
{
	uint64_t prizes = 0;
	while (prizes * PRIZE < length)
		prizes++;
	return prizes * PRIZE;
}

/* What of an escrow's money is not promised, were EPOCH's line allotted up to LENGTH. */
static int64_t model_free(const struct model_escrow *escrow, uint64_t epoch, uint64_t length)
{
	int64_t left = (int64_t)escrow->held;
	for (uint64_t e = 0; e < EPOCHS_MAX; e++) {
		uint64_t allotted = e == epoch ? length : escrow->epochs[e].allotted;
		bool is_open = e == epoch ? true : model_is_open(escrow, e) && !model_expired(e);
		if (!is_open)
			continue;
		left -= (int64_t)whole_prizes(allotted);
		left += PRIZE * __builtin_popcountll(escrow->epochs[e].paid_points);
	}
	return left;
}

/* Send BODY; it must be accepted exactly where the model says so. */
static bool agree(enum party from, const struct souk_tx_body *body, bool accept)
{
	accept = accept && (model.account[from] || body->kind == SOUK_TX_BODY_FAUCET ||
				   body->kind == SOUK_TX_BODY_CLAIM);
	struct souk_hash before = test_store_digest(&market->records);
	souk_status status = market_send(market, from, body);
	if ((status == SOUK_OK) != accept) {
		print_message("kind %d by %d: %s, model says %d\n", (int)body->kind, (int)from,
			souk_status_name(status), (int)accept);
		fail();
	}
	if (!accept) {
		struct souk_hash after = test_store_digest(&market->records);
		assert_true(souk_ledger_refused(status));
		assert_memory_equal(&before, &after, sizeof before);
	}
	if (accept)
		model.account[from] = true;
	outcomes[body->kind][accept]++;
	return accept;
}

static void step_faucet(enum party who)
{
	uint64_t amount = pick(4) ? pick(100) : 1000 * COIN + pick(2);
	struct souk_tx_body body = body_faucet(amount);
	if (!agree(who, &body, amount > 0 && amount <= 1000 * COIN))
		return;
	model.balance[who] += amount;
	model.minted += amount;
}

static void step_transfer(enum party who)
{
	enum party to = (enum party)pick(PARTY_COUNT);
	uint64_t amount = pick(80);
	struct souk_tx_body body = body_transfer(market, to, amount);
	if (!agree(who, &body, amount > 0 && amount <= model.balance[who]))
		return;
	model.balance[who] -= amount;
	model.balance[to] += amount;
	model.account[to] = true;
}

static void step_open(unsigned e)
{
	struct model_escrow *escrow = &model.escrows[e];
	uint64_t deposit = LINE - LINE % PRIZE - 1 + pick(300);
	uint64_t line = LINE - LINE % PRIZE;
	struct souk_tx_body body = body_open((uint8_t)e, line, PRIZE, deposit);
	bool good = !escrow->exists && deposit >= line && deposit <= model.balance[ALICE];
	if (!agree(ALICE, &body, good))
		return;
	/* A new escrow under an old id starts with nothing promised. */
	memset(escrow, 0, sizeof *escrow);
	escrow->exists = true;
	escrow->held = deposit;
	model.balance[ALICE] -= deposit;
}

static void step_top_up(unsigned e, enum party who)
{
	struct model_escrow *escrow = &model.escrows[e];
	uint64_t amount = pick(60);
	struct souk_hash id = market_escrow_id(market, ALICE, (uint8_t)e);
	struct souk_tx_body body = body_top_up(&id, amount);
	bool good =
		escrow->exists && !escrow->closing && amount > 0 && amount <= model.balance[who];
	if (!agree(who, &body, good))
		return;
	escrow->held += amount;
	model.balance[who] -= amount;
}

static void step_close(unsigned e, enum party who)
{
	struct model_escrow *escrow = &model.escrows[e];
	struct souk_hash id = market_escrow_id(market, ALICE, (uint8_t)e);
	struct souk_tx_body body = body_close(&id);
	if (!agree(who, &body, escrow->exists && !escrow->closing && who == ALICE))
		return;
	escrow->closing = true;
	escrow->unlock = now() + MARKET_UNLOCK_MS;
}

static void step_withdraw(unsigned e, enum party who)
{
	struct model_escrow *escrow = &model.escrows[e];
	struct souk_hash id = market_escrow_id(market, ALICE, (uint8_t)e);
	struct souk_tx_body body = body_withdraw(&id);
	bool good = escrow->exists && escrow->closing && who == ALICE && now() >= escrow->unlock;
	for (uint64_t i = 0; i < EPOCHS_MAX; i++)
		good = good && (!model_is_open(escrow, i) || model_expired(i));
	if (!agree(who, &body, good))
		return;
	assert_int_equal(market->receipt.amount.ncoin, escrow->held);
	model.balance[who] += escrow->held;
	memset(escrow, 0, sizeof *escrow);
}

static unsigned model_open_count(const struct model_escrow *escrow, uint64_t besides)
{
	unsigned count = 0;
	for (uint64_t e = 0; e < EPOCHS_MAX; e++)
		count += e != besides && model_is_open(escrow, e) && !model_expired(e);
	return count;
}

static void step_allot(unsigned e)
{
	struct model_escrow *escrow = &model.escrows[e];
	if (promise_count == SALES_MAX)
		return;
	struct promise *promise = &promises[promise_count];
	struct souk_hash id = market_escrow_id(market, ALICE, (uint8_t)e);
	uint64_t current = market->ledger.record.epoch, epoch = current + pick(3);
	struct model_epoch *line = &escrow->epochs[epoch];
	uint64_t bob = 1 + pick(30), dave = pick(10), total = bob + dave;
	uint32_t segment = line->segments + (pick(8) == 0);
	sale_init(&promise->sale, market, &id, epoch, segment, bob, 0, dave);
	struct souk_tx_body body = sale_allot(&promise->sale);
	bool good = escrow->exists && !escrow->closing && epoch - current <= 1 &&
		    segment == line->segments && line->allotted + total <= LINE - LINE % PRIZE &&
		    model_free(escrow, epoch, line->allotted + total) >= 0 &&
		    model_open_count(escrow, epoch) < SOUK_ESCROW_OPEN_MAX;
	if (!agree(ALICE, &body, good))
		return;
	model_collect(escrow);
	promise->escrow = e;
	promise->base = line->allotted;
	promise->leaf_amount = bob;
	promise_count++;
	line->allotted += total;
	line->segments++;
	sale_strip(&promise->sale, market, 0, (uint32_t)bob, 1);
}

/* Points won by the first UNIT of the promise and not paid yet, as a bit set. */
static uint64_t model_win(const struct promise *promise, uint32_t unit)
{
	uint64_t epoch = promise->sale.epoch, won = 0;
	struct souk_epoch_record record;
	assert_int_equal(souk_ledger_get_epoch(&record, &market->ledger, epoch), SOUK_OK);
	struct souk_amount offset = souk_lottery_offset(
		&record.beacon, &promise->sale.escrow, epoch, souk_amount_of_ncoin(PRIZE));
	for (uint64_t v = promise->base; v < promise->base + unit; v++) {
		if (v % PRIZE == offset.ncoin)
			won |= 1ull << v / PRIZE;
	}
	return won & ~model.escrows[promise->escrow].epochs[epoch].paid_points;
}

static void step_claim(enum party who)
{
	if (promise_count == 0)
		return;
	struct promise *promise = &promises[pick(promise_count)];
	struct model_escrow *escrow = &model.escrows[promise->escrow];
	uint64_t epoch = promise->sale.epoch, won = 0;
	uint32_t unit = 1 + (uint32_t)pick(promise->leaf_amount);
	struct souk_tx_body body = sale_claim(&promise->sale, unit);
	/* An escrow that was withdrawn and opened again has forgotten the promise. */
	bool known = escrow->exists && model_is_open(escrow, epoch);
	if (known && model.drawn_at[epoch] != 0)
		won = model_win(promise, unit);
	bool good = who == BOB && known && model.drawn_at[epoch] != 0 && !model_expired(epoch) &&
		    won != 0;
	if (!agree(who, &body, good))
		return;
	uint64_t amount = PRIZE * (uint64_t)__builtin_popcountll(won);
	assert_int_equal(market->receipt.amount.ncoin, amount);
	escrow->epochs[epoch].paid_points |= won;
	assert_true(escrow->held >= amount);
	escrow->held -= amount;
	model.balance[BOB] += amount;
}

static void step_provider(enum party who)
{
	uint64_t deposit = pick(3) ? 5 * COIN : pick(3);
	struct souk_tx_body join = body_register(deposit),
			    unbond = {.kind = SOUK_TX_BODY_PROVIDER_UNBOND},
			    leave = {.kind = SOUK_TX_BODY_PROVIDER_WITHDRAW};
	bool is = model.registered[who];
	switch (pick(3)) {
	case 0:
		if (!agree(who, &join,
			    deposit <= model.balance[who] &&
				    model.deposit[who] + deposit >= 5 * COIN))
			return;
		model.balance[who] -= deposit;
		model.deposit[who] += deposit;
		model.registered[who] = true;
		model.unbonding[who] = false;
		return;
	case 1:
		if (!agree(who, &unbond, is))
			return;
		model.unbonding[who] = true;
		model.bond_unlock[who] = now() + MARKET_UNBOND_MS;
		return;
	default:
		if (!agree(who, &leave,
			    is && model.unbonding[who] && now() >= model.bond_unlock[who]))
			return;
		model.balance[who] += model.deposit[who];
		model.deposit[who] = 0;
		model.registered[who] = false;
	}
}

static void step_draw(void)
{
	uint64_t epoch = market->ledger.record.next_draw;
	struct souk_epoch_record record;
	struct souk_tx_body body = body_draw(market, epoch);
	bool closed = epoch < market->ledger.record.epoch;
	assert_int_equal(souk_ledger_get_epoch(&record, &market->ledger, epoch), SOUK_OK);
	if (agree(OPERATOR, &body, closed && now() >= record.end.ms + MARKET_DRAW_MS))
		model.drawn_at[epoch] = now();
}

static void step_time(void)
{
	market_advance(market, pick(3) ? pick(3000) : pick(2 * MARKET_EPOCH_MS));
	assert_int_equal(souk_ledger_audit(&market->ledger), SOUK_OK);
}

static void step(void)
{
	enum party who = (enum party)pick(PARTY_COUNT);
	unsigned escrow = (unsigned)pick(ESCROWS);
	switch (pick(12)) {
	case 0: step_faucet(pick(2) ? ALICE : who); return;
	case 1: step_transfer(who); return;
	case 2: step_open(escrow); return;
	case 3: step_top_up(escrow, who); return;
	case 4:
		if (pick(4) == 0)
			step_close(escrow, pick(2) ? ALICE : who);
		return;
	case 5: step_withdraw(escrow, pick(2) ? ALICE : who); return;
	case 6: step_allot(escrow); return;
	case 7: step_claim(pick(8) ? BOB : who); return;
	case 8: step_claim(BOB); return;
	case 9: step_provider(who); return;
	case 10: step_draw(); return;
	default: step_time(); return;
	}
}

static void compare_balances(void)
{
	uint64_t sum = 0;
	for (int who = 0; who < PARTY_COUNT; who++) {
		assert_int_equal(market_balance(market, (enum party)who), model.balance[who]);
		sum += model.balance[who] + model.deposit[who];
	}
	for (unsigned e = 0; e < ESCROWS; e++)
		sum += model.escrows[e].held;
	assert_int_equal(sum, model.minted);
	assert_int_equal(market->ledger.record.minted.ncoin, model.minted);
}

/* The log of the storm, replayed, leads to the same summary and the same records. */
static void replay(void)
{
	static struct souk_log_verifier verifier;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	souk_log_verifier_init(&verifier, &store);
	while (in.size) {
		struct souk_bytes frame;
		size_t used;
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		assert_int_equal(souk_log_verifier_feed(&verifier, frame), SOUK_OK);
		in.data += used;
		in.size -= used;
	}
	assert_int_equal(souk_log_verifier_finish(&verifier), SOUK_OK);
	struct souk_hash ours = test_store_digest(&market->records),
			 theirs = test_store_digest(&records);
	assert_memory_equal(&ours, &theirs, sizeof ours);
	test_store_done(&records);
}

static void storm(uint64_t seed)
{
	souk_rng_init(&rng, seed);
	memset(&model, 0, sizeof model);
	promise_count = 0;
	market = market_new();
	model.account[OPERATOR] = true;
	for (int who = ALICE; who <= BOB; who++) {
		market_fund(market, (enum party)who, 10 * COIN);
		model.balance[who] = 10 * COIN;
		model.account[who] = true;
		model.minted += 10 * COIN;
	}
	for (unsigned i = 0; i < STEPS; i++)
		step();
	compare_balances();
	market_seal(market);
	assert_int_equal(souk_ledger_audit(&market->ledger), SOUK_OK);
	replay();
	market_free(market);
}

static void test_storms(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		storm(seed);
	/* A storm in which nothing happens would pass too: so look that everything did. */
	for (int kind = SOUK_TX_BODY_FAUCET; kind <= SOUK_TX_BODY_DRAW; kind++) {
		if (kind == SOUK_TX_BODY_EPOCH_CLOSE)
			continue;
		assert_true(outcomes[kind][0] >= 5);
		assert_true(outcomes[kind][1] >= 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_storms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
