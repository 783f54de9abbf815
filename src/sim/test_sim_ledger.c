/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of a simulation: what it promises to who submits, whatever becomes of its blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger_internal.h"
#include "souk/base/rng.h"
#include "test_ledger_kit.h"

#define COIN 1000000000ull

/* What must hold whenever one looks. */
static void check_ledger(struct kit *kit)
{
	assert_int_equal(sim_ledger_health(kit->world.ledger), SOUK_OK);
	assert_int_equal(souk_ledger_audit(sim_ledger_state(kit->world.ledger)), SOUK_OK);
	assert_int_equal(sim_ledger_replay(kit->world.ledger, true), SOUK_OK);
	assert_int_equal(sim_ledger_replay(kit->world.ledger, false), SOUK_OK);
}

static void assert_told(const struct kit *kit, uint64_t token, souk_status status)
{
	assert_int_equal(kit->results[token].count, 1);
	assert_int_equal(kit->results[token].status, status);
}

static void test_funding(void **state)
{
	(void)state;
	struct kit *kit = kit_new(1, 5 * COIN, NULL);
	for (uint32_t id = 0; id < KIT_NODES; id++) {
		assert_int_equal(kit_balance(kit, id), 5 * COIN);
		assert_int_equal(kit_node(kit, id)->funded.ncoin, 5 * COIN);
	}
	assert_int_equal(
		sim_ledger_state(kit->world.ledger)->record.minted.ncoin, KIT_NODES * 5 * COIN);
	assert_int_equal(kit_height(kit), 1);
	assert_int_equal(kit->told, 0);
	check_ledger(kit);
	kit_free(kit);
}

/* There is no free money: not for who asks, and nothing of a refusal reaches the log. */
static void test_faucet_is_closed(void **state)
{
	(void)state;
	struct kit *kit = kit_new(1, COIN, NULL);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET, .faucet = {.amount = {COIN}}};
	sim_ledger_submit(kit_node(kit, 0), &body, 3);
	kit_quiet(kit);
	assert_told(kit, 3, SOUK_PEER_FAUCET);
	assert_int_equal(kit_balance(kit, 0), COIN);
	check_ledger(kit);
	kit_free(kit);
}

static void three_confirmations(struct sim_scenario *scenario)
{
	scenario->confirmations = 3;
}

/* Told when the block is deep enough, and not before; a refusal at once. */
static void test_confirmations(void **state)
{
	(void)state;
	static const struct {
		void (*set)(struct sim_scenario *scenario);
		uint64_t depth;
	} rows[] = {{NULL, 0}, {three_confirmations, 2}};
	for (size_t i = 0; i < 2; i++) {
		struct kit *kit = kit_new(1, COIN, rows[i].set);
		struct souk_account_record account;
		kit_transfer(kit, 0, 1, 100, 1);
		kit_transfer(kit, 2, 1, 2 * COIN, 2);
		kit_run(kit, 150000);
		assert_int_equal(kit_height(kit), 2);
		assert_told(kit, 2, SOUK_PEER_NO_FUNDS);
		assert_int_equal(kit->results[1].count, rows[i].depth == 0);
		assert_int_equal(sim_ledger_account(kit_node(kit, 0),
					 &kit_node(kit, 1)->identity.address, &account),
			SOUK_OK);
		assert_int_equal(account.balance.ncoin, rows[i].depth == 0 ? COIN + 100 : COIN);
		kit_quiet(kit);
		assert_told(kit, 1, SOUK_OK);
		assert_int_equal(kit->results[1].depth, 2 + rows[i].depth);
		assert_int_equal(sim_ledger_account(kit_node(kit, 0),
					 &kit_node(kit, 1)->identity.address, &account),
			SOUK_OK);
		assert_int_equal(account.balance.ncoin, COIN + 100);
		/* And then there is peace: no block for nothing. */
		uint64_t height = kit_height(kit);
		kit_run(kit, 1900000);
		assert_int_equal(kit_height(kit), height);
		check_ledger(kit);
		kit_free(kit);
	}
}

static void few_txs(struct sim_scenario *scenario)
{
	scenario->block_txs = 3;
}

/* Congestion delays, and loses nothing; what one account sends stays in order. */
static void test_congestion(void **state)
{
	(void)state;
	struct kit *kit = kit_new(2, COIN, few_txs);
	for (uint32_t i = 0; i < 60; i++)
		kit_transfer(kit, i % 4, 5, 1 + i, i);
	kit_run(kit, 1050000);
	assert_in_range(kit->told, 30, 33);
	sim_ledger_set_block_txs(kit->world.ledger, 100);
	kit_run(kit, 1200000);
	assert_int_equal(kit->told, 60);
	for (uint32_t i = 0; i < 60; i++) {
		assert_told(kit, i, SOUK_OK);
		if (i >= 4)
			assert_true(kit->results[i].us >= kit->results[i - 4].us);
	}
	assert_int_equal(kit_balance(kit, 5), COIN + 60 * 61 / 2);
	check_ledger(kit);
	kit_free(kit);
}

static void test_stop(void **state)
{
	(void)state;
	struct kit *kit = kit_new(2, COIN, NULL);
	sim_ledger_stop(kit->world.ledger, true);
	kit_transfer(kit, 0, 1, 7, 1);
	kit_run(kit, 9000000);
	assert_int_equal(kit->told, 0);
	assert_int_equal(sim_ledger_due(kit->world.ledger), SIM_NEVER_US);
	sim_ledger_stop(kit->world.ledger, false);
	kit_run(kit, 9100000);
	assert_told(kit, 1, SOUK_OK);
	/* Epochs that should have begun meanwhile: one with each block. */
	kit_run(kit, 12000000);
	assert_in_range(sim_ledger_state(kit->world.ledger)->record.epoch, 1, 3);
	check_ledger(kit);
	kit_free(kit);
}

static void test_cut_off(void **state)
{
	(void)state;
	struct kit *kit = kit_new(3, COIN, three_confirmations);
	struct souk_epoch_record epoch;
	uint64_t number;
	kit_transfer(kit, 0, 1, 7, 1);
	kit_node(kit, 0)->cut = 1;
	kit_transfer(kit, 0, 1, 7, 2);
	assert_int_equal(sim_ledger_now(kit_node(kit, 0), &number, &epoch), SOUK_IO_NET);
	kit_run(kit, 5000000);
	/* The first was on its way, and what became of it waits for the node. */
	assert_told(kit, 2, SOUK_IO_NET);
	assert_int_equal(kit->results[1].count, 0);
	assert_int_equal(kit_balance(kit, 1), COIN + 7);
	kit_node(kit, 0)->cut = 0;
	kit_run(kit, 7000000);
	assert_told(kit, 1, SOUK_OK);
	assert_int_equal(sim_ledger_now(kit_node(kit, 0), &number, &epoch), SOUK_OK);
	kit_free(kit);
}

/* Who crashed is told nothing of its former life. */
static void test_crash(void **state)
{
	(void)state;
	struct kit *kit = kit_new(3, COIN, NULL);
	kit_transfer(kit, 0, 1, 7, 1);
	kit_node(kit, 0)->incarnation++;
	kit_transfer(kit, 0, 1, 7, 2);
	kit_quiet(kit);
	assert_int_equal(kit->results[1].count, 0);
	assert_told(kit, 2, SOUK_OK);
	assert_int_equal(kit_balance(kit, 1), COIN + 14);
	kit_free(kit);
}

/* ---- claims ---- */

static void test_claims_are_paid(void **state)
{
	(void)state;
	struct kit *kit = kit_new(4, COIN, NULL);
	struct kit_sale *sales = calloc(4, sizeof *sales);
	for (uint32_t i = 0; i < 4; i++)
		kit_sell(kit, &sales[i], i, 8 + i, 0, 800 + 8 * i, 10 * i);
	kit_run(kit, 1000000);
	for (uint32_t i = 0; i < 4; i++) {
		assert_told(kit, 10 * i, SOUK_OK);
		assert_told(kit, 10 * i + 1, SOUK_OK);
		kit_claim(kit, &sales[i], 10 * i + 2);
	}
	kit_run(kit, 2300000);
	/* The epoch is over, and not drawn. */
	for (uint32_t i = 0; i < 4; i++) {
		assert_told(kit, 10 * i + 2, SOUK_PEER_NOT_DRAWN);
		kit_claim(kit, &sales[i], 10 * i + 3);
	}
	kit_run(kit, 2700000);
	for (uint32_t i = 0; i < 4; i++) {
		kit_claim(kit, &sales[i], 10 * i + 4);
		kit_claim(kit, &sales[i], 10 * i + 5);
	}
	kit_run(kit, 3000000);
	for (uint32_t i = 0; i < 4; i++) {
		assert_told(kit, 10 * i + 3, SOUK_PEER_NOT_DRAWN);
		assert_told(kit, 10 * i + 4, SOUK_OK);
		assert_int_equal(kit->results[10 * i + 4].amount, sales[i].prize);
		assert_told(kit, 10 * i + 5, SOUK_PEER_CLAIM_PAID);
		assert_int_equal(kit_balance(kit, 8 + i), COIN + sales[i].prize);
	}
	check_ledger(kit);
	free(sales);
	kit_free(kit);
}

/* A claim stays good through a ledger that is stuck and forks, as long as its window is open. */
static void test_claim_survives_forks(void **state)
{
	(void)state;
	struct kit *kit = kit_new(5, COIN, three_confirmations);
	struct kit_sale *sale = calloc(1, sizeof *sale);
	kit_sell(kit, sale, 0, 1, 0, 800, 0);
	kit_run(kit, 1000000);
	sim_ledger_fork(kit->world.ledger, 5);
	kit_run(kit, 2900000);
	kit_claim(kit, sale, 2);
	kit_run(kit, 3100000);
	sim_ledger_fork(kit->world.ledger, 2);
	kit_run(kit, 3800000);
	assert_told(kit, 0, SOUK_OK);
	assert_told(kit, 1, SOUK_OK);
	assert_told(kit, 2, SOUK_OK);
	assert_int_equal(kit->results[2].amount, 800);
	assert_int_equal(kit_balance(kit, 1), COIN + 800);
	check_ledger(kit);
	free(sale);
	kit_free(kit);
}

/* ---- forks ---- */

/* A fork of each depth under one and three confirmations, with traffic before and after: all money
 * is there, everything is told, and nobody hears of it twice unless it matters. */
static void test_forks(void **state)
{
	(void)state;
	for (uint32_t depth = 1; depth <= 10; depth++) {
		struct kit *kit = kit_new(depth, COIN, depth <= 5 ? NULL : three_confirmations);
		uint64_t sum = 0;
		for (uint32_t i = 0; i < 40; i++) {
			kit_transfer(kit, i % 5, 6 + i % 3, 1 + i, i);
			sum += 1 + i;
			kit_run(kit, kit->world.now_us + 40000);
		}
		uint64_t height = kit_height(kit);
		sim_ledger_fork(kit->world.ledger, (depth - 1) % 5 + 1);
		assert_int_equal(kit_height(kit), height - ((depth - 1) % 5 + 1));
		assert_int_equal(sim_ledger_undone(kit->world.ledger), (depth - 1) % 5 + 1);
		assert_int_equal(sim_ledger_health(kit->world.ledger), SOUK_OK);
		kit_transfer(kit, 9, 6, 1000, 100);
		kit_quiet(kit);
		for (uint32_t i = 0; i < 40; i++)
			assert_told(kit, i, SOUK_OK);
		assert_told(kit, 100, SOUK_OK);
		assert_int_equal(kit_balance(kit, 6) + kit_balance(kit, 7) + kit_balance(kit, 8),
			3 * COIN + sum + 1000);
		check_ledger(kit);
		kit_free(kit);
	}
}

/* Node 0's money arrives and is spent, in one order that works. What depends on it fails where the
 * fork turns the order round, and that is told even to who was told otherwise. */
static uint32_t count_reversals(uint64_t seed, void (*set)(struct sim_scenario *scenario))
{
	struct kit *kit = kit_new(seed, COIN, set);
	kit_transfer(kit, 1, 0, COIN, 1);
	kit_run(kit, 1500);
	kit_transfer(kit, 0, 2, 2 * COIN, 2);
	kit_run(kit, 200000);
	uint32_t before = kit->results[2].count;
	sim_ledger_fork(kit->world.ledger, 10);
	kit_quiet(kit);
	assert_told(kit, 1, SOUK_OK);
	uint32_t reversals = kit->results[2].status == SOUK_PEER_NO_FUNDS;
	assert_int_equal(kit->results[2].count, 1 + (before == 1 && reversals));
	assert_int_equal(kit_balance(kit, 2), reversals ? COIN : 3 * COIN);
	check_ledger(kit);
	kit_free(kit);
	return reversals;
}

static void ten_confirmations(struct sim_scenario *scenario)
{
	scenario->confirmations = 10;
}

static void test_order_is_another(void **state)
{
	(void)state;
	uint32_t shallow = 0, deep = 0;
	for (uint64_t seed = 0; seed < 12; seed++) {
		shallow += count_reversals(seed, NULL);
		deep += count_reversals(seed, ten_confirmations);
	}
	assert_in_range(shallow, 1, 11);
	assert_in_range(deep, 1, 11);
}

/* Forks in a row, less deep than the confirmations: what was read once is never different later. */
static void test_forks_in_a_row(void **state)
{
	(void)state;
	struct kit *kit = kit_new(3, COIN, three_confirmations);
	uint64_t last = 0;
	for (uint32_t i = 0; i < 100; i++) {
		struct souk_account_record account;
		kit_transfer(kit, 0, 1, 1, i);
		kit_run(kit, kit->world.now_us + 100000);
		if (i % 10 > 6)
			sim_ledger_fork(kit->world.ledger, 2);
		assert_int_equal(sim_ledger_account(kit_node(kit, 0),
					 &kit_node(kit, 1)->identity.address, &account),
			SOUK_OK);
		assert_true(account.balance.ncoin >= last);
		last = account.balance.ncoin;
	}
	assert_in_range(sim_ledger_undone(kit->world.ledger), 30, 60);
	kit_quiet(kit);
	for (uint32_t i = 0; i < 100; i++)
		assert_told(kit, i, SOUK_OK);
	assert_int_equal(kit_balance(kit, 1), COIN + 100);
	check_ledger(kit);
	kit_free(kit);
}

/* However deep: not behind the funding, and not further than is kept. */
static void test_fork_floor(void **state)
{
	(void)state;
	struct kit *kit = kit_new(6, COIN, NULL);
	sim_ledger_fork(kit->world.ledger, 5);
	assert_int_equal(kit_height(kit), 1);
	for (uint32_t i = 0; i < 100; i++) {
		kit_transfer(kit, 0, 1, 1, i);
		kit_run(kit, kit->world.now_us + 100000);
	}
	uint64_t height = kit_height(kit);
	assert_true(height > 100);
	sim_ledger_fork(kit->world.ledger, 1000);
	assert_int_equal(kit_height(kit), height - SIM_FORK_MAX);
	kit_quiet(kit);
	assert_int_equal(kit_balance(kit, 1), COIN + 100);
	check_ledger(kit);
	kit_free(kit);
}

/* ---- in front ---- */

struct seen {
	uint32_t count;
	uint64_t sum;
};

static bool see(void *ctx, const struct souk_address *from, const struct souk_tx_body *body)
{
	struct seen *seen = ctx;
	(void)from;
	assert_int_equal(body->kind, SOUK_TX_BODY_TRANSFER);
	seen->count++;
	seen->sum += body->transfer.amount.ncoin;
	return seen->count < 3;
}

static void test_front_runner(void **state)
{
	(void)state;
	struct kit *kit = kit_new(7, COIN, few_txs);
	struct seen seen = {0, 0};
	kit_transfer(kit, 0, 1, 1, 0);
	kit_run(kit, 150000);
	for (uint32_t i = 1; i < 10; i++)
		kit_transfer(kit, 0, 1, 1 + i, i);
	kit_run(kit, 180000);
	assert_int_equal(kit->told, 1);
	sim_ledger_peek(kit_node(kit, 2), SOUK_TX_BODY_CLAIM, see, &seen);
	assert_int_equal(seen.count, 0);
	sim_ledger_peek(kit_node(kit, 2), SOUK_TX_BODY_TRANSFER, see, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.sum, 2 + 3 + 4);
	kit->body.transfer.to = kit_node(kit, 3)->identity.address;
	sim_ledger_submit_first(kit_node(kit, 2), &kit_node(kit, 4)->identity, &kit->body, 20);
	kit_run(kit, 250000);
	assert_told(kit, 20, SOUK_OK);
	assert_int_equal(kit->told, 4);
	assert_int_equal(kit_balance(kit, 4), COIN - 10);
	kit_quiet(kit);
	assert_int_equal(kit->told, 11);
	kit_free(kit);
}

/* ---- the same again ---- */

struct outcome {
	uint64_t trace;
	uint64_t height;
	struct souk_hash last;
};

static struct outcome storm(uint64_t seed)
{
	struct kit *kit = kit_new(seed, COIN, seed % 2 ? three_confirmations : NULL);
	struct souk_rng rng;
	uint64_t total = 0;
	souk_rng_init(&rng, seed);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t from = (uint32_t)souk_rng_below(&rng, KIT_NODES);
		uint32_t to = (uint32_t)souk_rng_below(&rng, KIT_NODES);
		kit_transfer(kit, from, to, 1 + souk_rng_below(&rng, COIN), i);
		if (souk_rng_below(&rng, 12) == 0)
			sim_ledger_fork(kit->world.ledger, 1 + (uint32_t)souk_rng_below(&rng, 5));
		sim_ledger_set_block_txs(kit->world.ledger, 1 + souk_rng_below(&rng, 6));
		kit_node(kit, to)->cut = souk_rng_below(&rng, 10) == 0;
		kit_run(kit, kit->world.now_us + souk_rng_below(&rng, 90000));
	}
	for (uint32_t id = 0; id < KIT_NODES; id++)
		kit_node(kit, id)->cut = 0;
	kit_quiet(kit);
	assert_true(sim_ledger_is_quiet(kit->world.ledger));
	for (uint32_t i = 0; i < 200; i++)
		assert_true(kit->results[i].count >= 1);
	for (uint32_t id = 0; id < KIT_NODES; id++)
		total += kit_balance(kit, id);
	assert_int_equal(total, KIT_NODES * COIN);
	check_ledger(kit);
	struct outcome outcome = {kit->world.trace, kit_height(kit),
		sim_ledger_state(kit->world.ledger)->record.last};
	kit_free(kit);
	return outcome;
}

static void test_same_seed(void **state)
{
	(void)state;
	struct outcome before = {0};
	for (uint64_t seed = 20; seed < 26; seed++) {
		struct outcome a = storm(seed), b = storm(seed);
		assert_int_equal(a.trace, b.trace);
		assert_int_equal(a.height, b.height);
		assert_true(souk_hash_equal(&a.last, &b.last));
		assert_int_not_equal(a.trace, before.trace);
		before = a;
	}
}

/* The number was printed by this very test: another one means that runs of old are not repeated
 * any more, on this compiler or by this code. */
static void test_trace_is_known(void **state)
{
	(void)state;
	struct outcome outcome = storm(42);
	print_message("# trace %016llx\n", (unsigned long long)outcome.trace);
	assert_int_equal(outcome.trace, 0x2b40a0b397ffa321ull);
}

/* ---- replay ---- */

static void count_bytes(void *ctx, struct souk_bytes piece)
{
	*(uint64_t *)ctx += piece.size;
}

static void test_log(void **state)
{
	(void)state;
	struct kit *kit = kit_new(8, COIN, three_confirmations);
	uint64_t size = 0;
	kit_transfer(kit, 0, 1, 5, 1);
	kit_run(kit, 150000);
	sim_ledger_log(kit->world.ledger, count_bytes, &size);
	assert_true(size > 1000);
	sim_ledger_drop_log(kit->world.ledger);
	kit_quiet(kit);
	assert_told(kit, 1, SOUK_OK);
	sim_ledger_fork(kit->world.ledger, 3);
	kit_quiet(kit);
	assert_told(kit, 1, SOUK_OK);
	assert_int_equal(sim_ledger_replay(kit->world.ledger, false), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(souk_ledger_audit(sim_ledger_state(kit->world.ledger)), SOUK_OK);
	kit_free(kit);
}

/* A bit of any block that is not as it was is found, however the log is replayed. */
static void test_replay_finds_bits(void **state)
{
	(void)state;
	struct kit *kit = kit_new(9, COIN, NULL);
	uint32_t found = 0;
	for (uint32_t i = 0; i < 6; i++) {
		kit_transfer(kit, i, i + 1, 5, i);
		kit_run(kit, kit->world.now_us + 60000);
	}
	kit_quiet(kit);
	check_ledger(kit);
	for (uint64_t height = 1; height <= kit_height(kit); height++) {
		struct sim_block *block = sim_ledger_block(kit->world.ledger, height);
		for (uint32_t at = (uint32_t)height; at < block->log_size; at += 31) {
			block->log[at] ^= (uint8_t)(1 << at % 8);
			assert_int_not_equal(sim_ledger_replay(kit->world.ledger, true), SOUK_OK);
			assert_int_not_equal(sim_ledger_replay(kit->world.ledger, false), SOUK_OK);
			block->log[at] ^= (uint8_t)(1 << at % 8);
			found++;
		}
	}
	assert_true(found > 100);
	check_ledger(kit);
	kit_free(kit);
}

/* And so is a ledger that is not where its log leads to. */
static void test_replay_finds_state(void **state)
{
	(void)state;
	struct kit *kit = kit_new(9, COIN, NULL);
	kit_transfer(kit, 0, 1, 5, 1);
	kit_quiet(kit);
	kit->world.ledger->tip.state.record.burned.ncoin ^= 1;
	assert_int_equal(sim_ledger_replay(kit->world.ledger, false), SOUK_CORRUPT_STATE);
	kit->world.ledger->tip.state.record.burned.ncoin ^= 1;
	check_ledger(kit);
	kit_free(kit);
}

/* Rules that make money stop the ledger where it was, and say so. */
static void test_made_money(void **state)
{
	(void)state;
	struct kit *kit = kit_new(9, COIN, NULL);
	kit_transfer(kit, 0, 1, 5, 1);
	kit->world.ledger->tip.state.record.accounts.ncoin += 1;
	kit_run(kit, 500000);
	assert_int_equal(sim_ledger_health(kit->world.ledger), SOUK_CORRUPT_SUPPLY);
	assert_int_equal(kit_height(kit), 1);
	assert_int_equal(kit->told, 0);
	assert_int_equal(sim_ledger_due(kit->world.ledger), SIM_NEVER_US);
	kit_free(kit);
}

static void test_check(void **state)
{
	(void)state;
	struct sim_scenario *scenario = calloc(1, sizeof *scenario);
	scenario->epoch_ms = 1000;
	scenario->draw_delay_ms = 2000;
	scenario->claim_ms = 4000;
	assert_int_equal(sim_ledger_check(scenario), SOUK_OK);
	scenario->claim_ms = 4001;
	assert_int_equal(sim_ledger_check(scenario), SOUK_LOCAL_CONFIG);
	free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_funding),
		cmocka_unit_test(test_faucet_is_closed),
		cmocka_unit_test(test_confirmations),
		cmocka_unit_test(test_congestion),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_claims_are_paid),
		cmocka_unit_test(test_claim_survives_forks),
		cmocka_unit_test(test_forks),
		cmocka_unit_test(test_order_is_another),
		cmocka_unit_test(test_forks_in_a_row),
		cmocka_unit_test(test_fork_floor),
		cmocka_unit_test(test_front_runner),
		cmocka_unit_test(test_same_seed),
		cmocka_unit_test(test_trace_is_known),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_replay_finds_bits),
		cmocka_unit_test(test_replay_finds_state),
		cmocka_unit_test(test_made_money),
		cmocka_unit_test(test_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
