/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreements, under a judge that does as the evidence says. Every refusal has its row, every coin
 * its place. What content's judge convicts for is tested with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "test_market.h"

#define SERVICE	   7u
#define DEPOSIT	   1001u
#define BOND	   100u
#define RESPOND_MS 3000u
#define LIFE_MS	   8000u
#define FUNDS	   (100 * COIN)

/* ---- a judge ---- */

static bool says(struct souk_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static souk_status fake_convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	(void)agreement;
	return fault == 1 && says(evidence, "guilty") ? SOUK_OK : SOUK_PEER_NOT_GUILTY;
}

static souk_status fake_question(const struct souk_agreement *agreement, struct souk_bytes question)
{
	(void)agreement;
	return says(question, "question") ? SOUK_OK : SOUK_PEER_UNPAID;
}

static souk_status fake_answer(const struct souk_agreement *agreement, struct souk_bytes question,
	struct souk_bytes answer)
{
	(void)agreement;
	return says(question, "question") && says(answer, "answer") ? SOUK_OK : SOUK_PEER_BAD_KEY;
}

static const struct souk_judge fake_judge = {.service = SERVICE,
	.convict = fake_convict,
	.question = fake_question,
	.answer = fake_answer};
static const struct souk_judge *const judge_list[] = {&fake_judge};
static const struct souk_judges judges = {judge_list, 1};

/* ---- the scene: BOB provides, CAROL is the customer, DAVE and ALICE look on ---- */

static struct market *market;
static struct souk_agreement agreement;
static struct souk_hash id;

static struct souk_agreement make_agreement(void)
{
	return (struct souk_agreement){
		.version = 1,
		.ledger = market->ledger.record.ledger,
		.service = SERVICE,
		.provider = market->parties[BOB].address,
		.customer = market->parties[CAROL].address,
		.terms = {{9}},
		.deposit = {DEPOSIT},
		.bond = {BOND},
		.victim_permille = 500,
		.reporter_permille = 250,
		.respond_ms = RESPOND_MS,
		.ends = souk_time_plus_ms(market->now, LIFE_MS),
		.nonce = {{1}},
	};
}

static struct souk_tx_body body_agree(const struct souk_agreement *about, enum party customer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_AGREE};
	struct souk_hash digest = souk_agreement_digest(about);
	body.agree.agreement.agreement = *about;
	souk_ecdsa_sign(&body.agree.agreement.signature, &digest, &market->parties[customer]);
	return body;
}

#define PUT_TEXT(field, text)                                                                      \
	do {                                                                                       \
		(field).size = (uint16_t)strlen(text);                                             \
		memcpy((field).data, (text), strlen(text));                                        \
	} while (0)

static struct souk_tx_body body_accuse(uint32_t fault, const char *evidence)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ACCUSE};
	body.accuse.agreement = id;
	body.accuse.fault = fault;
	PUT_TEXT(body.accuse.evidence, evidence);
	return body;
}

static struct souk_tx_body body_challenge(const char *question)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CHALLENGE, .challenge = {.agreement = id}};
	PUT_TEXT(body.challenge.question, question);
	return body;
}

static struct souk_tx_body body_answer(const char *answer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ANSWER, .answer = {.agreement = id}};
	PUT_TEXT(body.answer.answer, answer);
	return body;
}

static struct souk_tx_body body_silence(void)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_SILENCE, .silence = {id}};
}

static struct souk_tx_body body_end(void)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_END, .agreement_end = {id}};
}

static void act(enum party who, struct souk_tx_body body)
{
	market_do(market, who, &body);
}

static void refused(enum party who, struct souk_tx_body body, souk_status status)
{
	market_refuse(market, who, &body, status);
}

static void agree(void)
{
	act(BOB, body_agree(&agreement, CAROL));
}

static struct souk_agreement_record record(void)
{
	struct souk_agreement_record got;
	assert_int_equal(souk_ledger_get_agreement(&got, &market->ledger, &id), SOUK_OK);
	return got;
}

/* What each party has gained since setup, and what was burned. */
static void balances(int64_t bob, int64_t carol, int64_t dave, uint64_t deposits, uint64_t burned)
{
	assert_int_equal((int64_t)market_balance(market, BOB) - (int64_t)FUNDS, bob);
	assert_int_equal((int64_t)market_balance(market, CAROL) - (int64_t)FUNDS, carol);
	assert_int_equal((int64_t)market_balance(market, DAVE) - (int64_t)FUNDS, dave);
	assert_int_equal(market->ledger.record.deposits.ncoin, deposits);
	assert_int_equal(market->ledger.record.burned.ncoin, burned);
}

static int setup(void **state)
{
	(void)state;
	market = market_new();
	souk_ledger_set_judges(&market->ledger, &judges);
	market_fund(market, BOB, FUNDS);
	market_fund(market, CAROL, FUNDS);
	market_fund(market, DAVE, FUNDS);
	agreement = make_agreement();
	id = souk_agreement_digest(&agreement);
	return 0;
}

/* Somebody else's replay of the log, with JUDGES. */
static souk_status replay(const struct souk_judges *known)
{
	static struct souk_log_verifier verifier;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	souk_status status = SOUK_OK;
	souk_log_verifier_init(&verifier, &store);
	souk_log_verifier_set_judges(&verifier, known);
	while (status == SOUK_OK && in.size > 0) {
		struct souk_bytes frame;
		size_t used;
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		status = souk_log_verifier_feed(&verifier, frame);
		in = souk_bytes_of(in.data + used, in.size - used);
	}
	if (status == SOUK_OK)
		status = souk_log_verifier_finish(&verifier);
	test_store_done(&records);
	return status;
}

static int teardown(void **state)
{
	(void)state;
	market_seal(market);
	int failed = souk_ledger_audit(&market->ledger) != SOUK_OK || replay(&judges) != SOUK_OK;
	market_free(market);
	return failed;
}

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
		teardown(state);
		setup(state);
		agree();
		/* A false accusation of one's own costs nothing: the bond goes round. */
		act(BOB, body_accuse(1, "innocent"));
		balances(-(int64_t)DEPOSIT, 0, 0, DEPOSIT, 0);
		act(rows[i].accuser, body_accuse(1, "guilty"));
		balances(rows[i].bob, rows[i].carol, rows[i].dave, 0, 251);
	}
	/* The provider is its own customer. */
	teardown(state);
	setup(state);
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
		teardown(state);
		setup(state);
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
	unsigned accepted = 0, convicted = 0, ended = 0;
	for (int i = 0; i < 1500; i++) {
		enum party party = who[souk_rng_below(&rng, SOUK_COUNT_OF(who))];
		bool good = souk_rng_below(&rng, 2);
		struct souk_tx_body body;
		switch (i % 25 == 0 ? 0 : 1 + souk_rng_below(&rng, 6)) {
		case 0:
			agreement = make_agreement();
			agreement.nonce.bytes[1] = (uint8_t)i;
			agreement.nonce.bytes[2] = (uint8_t)(i >> 8);
			id = souk_agreement_digest(&agreement);
			body = body_agree(&agreement, CAROL);
			party = BOB;
			break;
		case 1: body = body_accuse(1, i % 31 ? "innocent" : "guilty"); break;
		case 2: body = body_challenge(good ? "question" : "?"); break;
		case 3: body = body_answer(good ? "answer" : "?"); break;
		case 4: body = body_silence(); break;
		case 5: body = body_end(); break;
		default: market_advance(market, souk_rng_below(&rng, 2 * RESPOND_MS)); continue;
		}
		souk_status status = market_send(market, party, &body);
		assert_true(status == SOUK_OK || souk_ledger_refused(status));
		accepted += status == SOUK_OK;
		convicted += status == SOUK_OK && body.kind == SOUK_TX_BODY_SILENCE;
		ended += status == SOUK_OK && body.kind == SOUK_TX_BODY_AGREEMENT_END;
	}
	/* The walk went through every room. */
	assert_true(accepted > 200 && convicted > 2 && ended > 2);
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
	assert_null(souk_judges_find(&judges, SERVICE + 1));
	assert_null(souk_judges_find(NULL, SERVICE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
