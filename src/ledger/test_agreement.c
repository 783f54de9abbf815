/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreements, under a judge that does as the evidence says. Every refusal has its row, every coin
 * its place. What content's judge convicts for is tested with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agreement_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"

/* ---- agree ---- */

static void test_agree(void **state)
{
	(void)state;
	agree();
	balances(-(int64_t)DEPOSIT, 0, 0, DEPOSIT, 0);
	struct souk_agreement_record got = record();
	struct souk_hash stored = souk_agreement_digest(&got.agreement);
	assert_true(souk_hash_equal(&stored, &id));
	assert_false(got.convicted || got.challenged);
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_EXISTS);
	/* Each agreement locks its own deposit. */
	agreement.nonce.bytes[0]++;
	agree();
	balances(-2 * (int64_t)DEPOSIT, 0, 0, 2 * DEPOSIT, 0);
}

static void test_agree_refusals(void **state)
{
	(void)state;
#define BENT(change, status)                                                                       \
	do {                                                                                       \
		struct souk_agreement bent = agreement;                                            \
		struct souk_agreement *a = &bent;                                                  \
		change;                                                                            \
		refused(BOB, body_agree(&bent, CAROL), status);                                    \
	} while (0)
	BENT(a->provider = market->parties[DAVE].address, SOUK_PEER_WRONG_SIGNER);
	BENT(a->ledger.bytes[3] ^= 1, SOUK_PEER_TX_WRONG_LEDGER);
	BENT(a->service = 1, SOUK_PEER_NO_JUDGE);
	BENT(a->service = 0, SOUK_PEER_NO_JUDGE);
	BENT(a->deposit.ncoin = 0, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->bond.ncoin = 0, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->victim_permille = 751, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->reporter_permille = UINT16_MAX, SOUK_PEER_AGREEMENT_TERMS);
	BENT((a->victim_permille = UINT16_MAX, a->reporter_permille = 1001),
		SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->respond_ms = 0, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->ends = market->now, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->ends.ms = 0, SOUK_PEER_AGREEMENT_TERMS);
	BENT(a->customer = market->parties[DAVE].address, SOUK_PEER_WRONG_SIGNER);
	BENT(a->deposit.ncoin = FUNDS + 1, SOUK_PEER_NO_FUNDS);
#undef BENT
	/* Not what the customer signed; not by whom it binds. */
	struct souk_tx_body body = body_agree(&agreement, CAROL);
	body.agree.agreement.agreement.deposit.ncoin--;
	refused(BOB, body, SOUK_PEER_WRONG_SIGNER);
	refused(DAVE, body_agree(&agreement, CAROL), SOUK_PEER_WRONG_SIGNER);
	refused(CAROL, body_agree(&agreement, CAROL), SOUK_PEER_WRONG_SIGNER);
	souk_ledger_set_judges(&market->ledger, NULL);
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_NO_JUDGE);
	souk_ledger_set_judges(&market->ledger, &judges);
	/* The edges are allowed. */
	agreement.victim_permille = 1000;
	agreement.reporter_permille = 0;
	agreement.ends = souk_time_plus_ms(market->now, 1);
	agreement.deposit.ncoin = FUNDS;
	agree();
}

/* ---- accuse ---- */

static void test_guilty(void **state)
{
	(void)state;
	agree();
	act(DAVE, body_accuse(1, "guilty"));
	/* 1001: 500 to the victim, 250 to the reporter, 251 burnt. */
	assert_int_equal(market->receipt.amount.ncoin, 250);
	balances(-(int64_t)DEPOSIT, 500, 250, 0, 251);
	assert_true(record().convicted);
	refused(DAVE, body_accuse(1, "guilty"), SOUK_PEER_AGREEMENT_OVER);
	refused(CAROL, body_challenge("question"), SOUK_PEER_AGREEMENT_OVER);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_OVER);
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_EXISTS);
}

static void test_not_guilty(void **state)
{
	(void)state;
	static const struct {
		uint32_t fault;
		const char *evidence;
	} rows[] = {{1, "innocent"}, {2, "guilty"}, {0, "guilty"}, {1, ""}, {1, "guilty "}};
	agree();
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		int64_t lost = (int64_t)(i + 1) * BOND;
		act(DAVE, body_accuse(rows[i].fault, rows[i].evidence));
		assert_int_equal(market->receipt.amount.ncoin, 0);
		balances(lost - (int64_t)DEPOSIT, 0, -lost, DEPOSIT, 0);
		assert_false(record().convicted);
	}
}

/* Whoever accuses, and whoever is whose victim, the money adds up. */
static void test_parties_meet(void **state)
{
	(void)state;
	static const struct {
		enum party accuser;
		int64_t bob, carol, dave;
	} rows[] = {
		{CAROL, -(int64_t)DEPOSIT, 750, 0},
		{BOB, 250 - (int64_t)DEPOSIT, 500, 0},
		{DAVE, -(int64_t)DEPOSIT, 500, 250},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		agreement_teardown(state);
		agreement_setup(state);
		agree();
		/* A false accusation of one's own costs nothing: the bond goes round. */
		act(BOB, body_accuse(1, "innocent"));
		balances(-(int64_t)DEPOSIT, 0, 0, DEPOSIT, 0);
		act(rows[i].accuser, body_accuse(1, "guilty"));
		balances(rows[i].bob, rows[i].carol, rows[i].dave, 0, 251);
	}
	/* The provider is its own customer. */
	agreement_teardown(state);
	agreement_setup(state);
	agreement.customer = agreement.provider;
	id = souk_agreement_digest(&agreement);
	act(BOB, body_agree(&agreement, BOB));
	act(BOB, body_accuse(1, "guilty"));
	balances(750 - (int64_t)DEPOSIT, 0, 0, 0, 251);
}

/* A victim without an account is given one. */
static void test_new_victim(void **state)
{
	(void)state;
	agreement.customer = market->parties[STRANGER].address;
	id = souk_agreement_digest(&agreement);
	uint64_t accounts = market->ledger.record.account_count;
	act(BOB, body_agree(&agreement, STRANGER));
	act(DAVE, body_accuse(1, "guilty"));
	assert_int_equal(market_balance(market, STRANGER), 500);
	assert_int_equal(market->ledger.record.account_count, accounts + 1);
}

static void test_accuse_refusals(void **state)
{
	(void)state;
	refused(DAVE, body_accuse(1, "guilty"), SOUK_PEER_NO_AGREEMENT);
	agree();
	refused(STRANGER, body_accuse(1, "guilty"), SOUK_PEER_NO_ACCOUNT);
	market_fund(market, ALICE, BOND - 1);
	refused(ALICE, body_accuse(1, "guilty"), SOUK_PEER_NO_FUNDS);
	refused(ALICE, body_accuse(1, "innocent"), SOUK_PEER_NO_FUNDS);
	souk_ledger_set_judges(&market->ledger, NULL);
	refused(DAVE, body_accuse(1, "guilty"), SOUK_PEER_NO_JUDGE);
	souk_ledger_set_judges(&market->ledger, &judges);
}

/* Faults are judged W longer than units are stood up for, and not a moment more. */
static void test_deadlines(void **state)
{
	(void)state;
	agree();
	market_advance(market, LIFE_MS);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_RUNS);
	act(DAVE, body_accuse(1, "innocent"));
	market_advance(market, RESPOND_MS - 1);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_RUNS);
	act(DAVE, body_accuse(1, "innocent"));
	market_advance(market, 1);
	refused(DAVE, body_accuse(1, "guilty"), SOUK_PEER_AGREEMENT_OVER);
	refused(DAVE, body_accuse(1, "innocent"), SOUK_PEER_AGREEMENT_OVER);
	refused(CAROL, body_challenge("question"), SOUK_PEER_AGREEMENT_OVER);
	refused(CAROL, body_end(), SOUK_PEER_WRONG_SIGNER);
	act(BOB, body_end());
	assert_int_equal(market->receipt.amount.ncoin, DEPOSIT);
	balances(2 * BOND, 0, -2 * (int64_t)BOND, 0, 0);
	refused(BOB, body_end(), SOUK_PEER_NO_AGREEMENT);
	/* It cannot come back: its time is over. */
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_TERMS);
}

/* An evil `respond_ms` locks the provider's own deposit for ever, and wraps nothing. */
static void test_time_saturates(void **state)
{
	(void)state;
	agreement.respond_ms = UINT64_MAX;
	id = souk_agreement_digest(&agreement);
	agree();
	market_advance(market, LIFE_MS + 1);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_RUNS);
	act(CAROL, body_challenge("question"));
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
	act(BOB, body_answer("answer"));
}

/* ---- challenge and response ---- */

static void test_answered(void **state)
{
	(void)state;
	agree();
	act(CAROL, body_challenge("question"));
	balances(-(int64_t)DEPOSIT, -(int64_t)BOND, 0, DEPOSIT + BOND, 0);
	struct souk_agreement_record got = record();
	assert_true(got.challenged);
	assert_int_equal(got.due.ms, market->now.ms + RESPOND_MS);
	refused(CAROL, body_challenge("question"), SOUK_PEER_CHALLENGED);
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
	refused(BOB, body_answer("answers"), SOUK_PEER_BAD_ANSWER);
	refused(CAROL, body_answer("answer"), SOUK_PEER_WRONG_SIGNER);
	market_advance(market, RESPOND_MS);
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
	act(BOB, body_answer("answer"));
	assert_int_equal(market->receipt.amount.ncoin, BOND);
	balances((int64_t)BOND - DEPOSIT, -(int64_t)BOND, 0, DEPOSIT, 0);
	got = record();
	assert_false(got.challenged || got.convicted);
	assert_int_equal(got.question.size, 0);
	refused(BOB, body_answer("answer"), SOUK_PEER_NO_CHALLENGE);
	act(CAROL, body_challenge("question"));
}

static void test_silence(void **state)
{
	(void)state;
	agree();
	act(CAROL, body_challenge("question"));
	market_advance(market, RESPOND_MS + 1);
	refused(BOB, body_answer("answer"), SOUK_PEER_SILENT);
	act(DAVE, body_silence());
	/* The bond is back, and the reward the challenger's. */
	balances(-(int64_t)DEPOSIT, 750, 0, 0, 251);
	assert_true(record().convicted);
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
	refused(BOB, body_answer("answer"), SOUK_PEER_NO_CHALLENGE);
}

static void test_challenge_refusals(void **state)
{
	(void)state;
	refused(CAROL, body_challenge("question"), SOUK_PEER_NO_AGREEMENT);
	refused(BOB, body_answer("answer"), SOUK_PEER_NO_AGREEMENT);
	refused(DAVE, body_silence(), SOUK_PEER_NO_AGREEMENT);
	refused(BOB, body_end(), SOUK_PEER_NO_AGREEMENT);
	agree();
	refused(DAVE, body_challenge("question"), SOUK_PEER_WRONG_SIGNER);
	refused(BOB, body_challenge("question"), SOUK_PEER_WRONG_SIGNER);
	refused(CAROL, body_challenge("nothing owed"), SOUK_PEER_BAD_QUESTION);
	refused(CAROL, body_challenge(""), SOUK_PEER_BAD_QUESTION);
	refused(BOB, body_answer("answer"), SOUK_PEER_NO_CHALLENGE);
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
	struct souk_tx_body all = body_transfer(market, DAVE, FUNDS - BOND + 1);
	act(CAROL, all);
	refused(CAROL, body_challenge("question"), SOUK_PEER_NO_FUNDS);
}

/* A challenge of the last moment is answered, or punished, after the agreement's time. */
static void test_late_challenge(void **state)
{
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		agreement_teardown(state);
		agreement_setup(state);
		agree();
		market_advance(market, LIFE_MS + RESPOND_MS - 1);
		act(CAROL, body_challenge("question"));
		market_advance(market, RESPOND_MS);
		refused(BOB, body_end(), SOUK_PEER_CHALLENGED);
		if (silent) {
			market_advance(market, 1);
			refused(BOB, body_end(), SOUK_PEER_CHALLENGED);
			act(CAROL, body_silence());
			balances(-(int64_t)DEPOSIT, 750, 0, 0, 251);
		} else {
			act(BOB, body_answer("answer"));
			act(BOB, body_end());
			balances(BOND, -(int64_t)BOND, 0, 0, 0);
		}
	}
}

/* A conviction ends a pending challenge: its bond goes back. */
static void test_guilty_while_challenged(void **state)
{
	(void)state;
	agree();
	act(CAROL, body_challenge("question"));
	act(DAVE, body_accuse(1, "guilty"));
	balances(-(int64_t)DEPOSIT, 500, 250, 0, 251);
	refused(BOB, body_answer("answer"), SOUK_PEER_NO_CHALLENGE);
	refused(DAVE, body_silence(), SOUK_PEER_NO_CHALLENGE);
}

static void test_not_guilty_while_challenged(void **state)
{
	(void)state;
	agree();
	act(CAROL, body_challenge("question"));
	act(DAVE, body_accuse(1, "innocent"));
	assert_true(record().challenged);
	balances((int64_t)BOND - DEPOSIT, -(int64_t)BOND, -(int64_t)BOND, DEPOSIT + BOND, 0);
}

/* ---- properties ---- */

/* For every split of every small deposit: no share is more than its part, nothing is lost. */
static void test_every_split(void **state)
{
	(void)state;
	static const uint64_t deposits[] = {1, 2, 3, 7, 999, 1000, 1001, 10 * COIN};
	static const uint16_t parts[][2] = {
		{0, 0}, {1000, 0}, {0, 1000}, {333, 333}, {999, 1}, {1, 1}, {500, 499}, {667, 333}};
	uint64_t burned = 0;
	for (size_t i = 0; i < SOUK_COUNT_OF(deposits) * SOUK_COUNT_OF(parts); i++) {
		const uint16_t *part = parts[i % SOUK_COUNT_OF(parts)];
		uint64_t deposit = deposits[i / SOUK_COUNT_OF(parts)];
		uint64_t carol = market_balance(market, CAROL), dave = market_balance(market, DAVE);
		agreement.deposit.ncoin = deposit;
		agreement.victim_permille = part[0];
		agreement.reporter_permille = part[1];
		id = souk_agreement_digest(&agreement);
		agree();
		act(DAVE, body_accuse(1, "guilty"));
		uint64_t victim = deposit * part[0] / 1000, reporter = deposit * part[1] / 1000;
		burned += deposit - victim - reporter;
		assert_int_equal(market_balance(market, CAROL), carol + victim);
		assert_int_equal(market_balance(market, DAVE), dave + reporter);
		assert_int_equal(market->ledger.record.burned.ncoin, burned);
		if (i % 20 == 19)
			market_advance(market, 1);
	}
}

/* The sum of a share must not wrap for a deposit of all the money there can be. */
static void test_huge_deposit(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		market_fund(market, BOB, 1000 * COIN);
		if (i % 50 == 49)
			market_advance(market, 1);
	}
	agreement.deposit.ncoin = market_balance(market, BOB);
	id = souk_agreement_digest(&agreement);
	uint64_t deposit = agreement.deposit.ncoin;
	agree();
	assert_int_equal(market_balance(market, BOB), 0);
	act(CAROL, body_accuse(1, "guilty"));
	assert_int_equal(market_balance(market, CAROL), FUNDS + deposit / 1000 * 750);
}

/* Random moves by everybody. Whatever is refused changes nothing (market_send is compared by the
 * storm of the ledger); the totals are counted at each seal, and the log replays. */
static void test_random_walk(void **state)
{
	(void)state;
	struct souk_rng rng;
	static const enum party who[] = {BOB, CAROL, DAVE, OPERATOR};
	souk_rng_init(&rng, 20);
	unsigned accepted = 0, convicted = 0, ended = 0, revoked = 0;
	for (int i = 0; i < 1500; i++) {
		enum party party = who[souk_rng_below(&rng, SOUK_COUNT_OF(who))];
		bool good = souk_rng_below(&rng, 2);
		struct souk_tx_body body;
		switch (i % 25 == 0 ? 0 : 1 + souk_rng_below(&rng, 7)) {
		case 0:
			agreement = make_agreement();
			agreement.nonce.bytes[1] = (uint8_t)i;
			agreement.nonce.bytes[2] = (uint8_t)(i >> 8);
			if (i % 2 != 0) {
				agreement.service = REVOCABLE;
				PUT_TEXT(agreement.details, "details");
			}
			id = souk_agreement_digest(&agreement);
			body = body_agree(&agreement, CAROL);
			party = BOB;
			break;
		case 1: body = body_accuse(1, i % 31 ? "innocent" : "guilty"); break;
		case 2: body = body_challenge(good ? "question" : "?"); break;
		case 3: body = body_answer(good ? "answer" : "?"); break;
		case 4: body = body_silence(); break;
		case 5: body = body_end(); break;
		case 6: body = body_revoke(); break;
		default: market_advance(market, souk_rng_below(&rng, 2 * RESPOND_MS)); continue;
		}
		souk_status status = market_send(market, party, &body);
		assert_true(status == SOUK_OK || souk_ledger_refused(status));
		accepted += status == SOUK_OK;
		convicted += status == SOUK_OK && body.kind == SOUK_TX_BODY_SILENCE;
		ended += status == SOUK_OK && body.kind == SOUK_TX_BODY_AGREEMENT_END;
		revoked += status == SOUK_OK && body.kind == SOUK_TX_BODY_AGREEMENT_REVOKE;
	}
	/* The walk went through every room. */
	assert_true(accepted > 200 && convicted > 2 && ended > 2 && revoked > 2);
}

/* Without the judge, or with one of another opinion, a replay stops at the transaction. */
static void test_replay_needs_the_judge(void **state)
{
	(void)state;
	agree();
	market_advance(market, 1);
	assert_int_equal(replay(&judges), SOUK_OK);
	assert_int_equal(replay(NULL), SOUK_PEER_NO_JUDGE);
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(souk_judges_find(&judges, SERVICE), &fake_judge);
	assert_null(souk_judges_find(&judges, REVOCABLE + 1));
	assert_null(souk_judges_find(NULL, SERVICE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, agreement_setup, agreement_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_agree),
		TEST(test_agree_refusals),
		TEST(test_guilty),
		TEST(test_not_guilty),
		TEST(test_parties_meet),
		TEST(test_new_victim),
		TEST(test_accuse_refusals),
		TEST(test_deadlines),
		TEST(test_time_saturates),
		TEST(test_answered),
		TEST(test_silence),
		TEST(test_challenge_refusals),
		TEST(test_late_challenge),
		TEST(test_guilty_while_challenged),
		TEST(test_not_guilty_while_challenged),
		TEST(test_every_split),
		TEST(test_huge_deposit),
		TEST(test_random_walk),
		TEST(test_replay_needs_the_judge),
		TEST(test_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
