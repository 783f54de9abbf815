/* SPDX-License-Identifier: Apache-2.0 */
#include "agreement_kit.h"

#include <stdio.h>
#include <string.h>

#include "souk/base/check.h"

/* ---- a judge ---- */

bool says(struct souk_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static souk_status fake_convict(
	const struct souk_agreement *about, uint32_t fault, struct souk_bytes evidence)
{
	(void)about;
	return fault == 1 && says(evidence, "guilty") ? SOUK_OK : SOUK_PEER_NOT_GUILTY;
}

static souk_status fake_question(const struct souk_agreement *about, struct souk_bytes question)
{
	(void)about;
	return says(question, "question") ? SOUK_OK : SOUK_PEER_UNPAID;
}

static souk_status fake_answer(
	const struct souk_agreement *about, struct souk_bytes question, struct souk_bytes answer)
{
	(void)about;
	return says(question, "question") && says(answer, "answer") ? SOUK_OK : SOUK_PEER_BAD_KEY;
}

const struct souk_judge fake_judge = {.service = SERVICE,
	.convict = fake_convict,
	.question = fake_question,
	.answer = fake_answer};

/* Another, of a service that runs until it is revoked, and wants it said how. */
static souk_status fake_terms(const struct souk_agreement *about)
{
	return says(souk_bytes_of(about->details.data, about->details.size), "details")
		       ? SOUK_OK
		       : SOUK_PEER_TRUNCATED;
}

/* Whoever's address starts as the terms do. */
static bool fake_may_ask(const struct souk_agreement *about, const struct souk_address *who)
{
	return memcmp(about->terms.bytes, who->bytes, sizeof who->bytes) == 0;
}

/* Evidence is the time of the revocation: it must be told. */
static souk_status fake_convict_revoked(const struct souk_agreement *about,
	struct souk_time revoked, uint32_t fault, struct souk_bytes evidence)
{
	char text[24];
	(void)about;
	snprintf(text, sizeof text, "%llu", (unsigned long long)revoked.ms);
	return fault == 2 && says(evidence, text) ? SOUK_OK : SOUK_PEER_NOT_GUILTY;
}

static const struct souk_judge revocable_judge = {.service = REVOCABLE,
	.convict = fake_convict,
	.question = fake_question,
	.answer = fake_answer,
	.terms = fake_terms,
	.may_ask = fake_may_ask,
	.convict_revoked = fake_convict_revoked};
static const struct souk_judge *const judge_list[] = {&fake_judge, &revocable_judge};
const struct souk_judges judges = {judge_list, SOUK_COUNT_OF(judge_list)};

/* ---- the scene: BOB provides, CAROL is the customer, DAVE and ALICE look on ---- */

struct market *market;
struct souk_agreement agreement;
struct souk_hash id;

struct souk_agreement make_agreement(void)
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

struct souk_tx_body body_agree(const struct souk_agreement *about, enum party customer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_AGREE};
	struct souk_hash digest = souk_agreement_digest(about);
	body.agree.agreement.agreement = *about;
	souk_ecdsa_sign(&body.agree.agreement.signature, &digest, &market->parties[customer]);
	return body;
}

struct souk_tx_body body_accuse(uint32_t fault, const char *evidence)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ACCUSE};
	body.accuse.agreement = id;
	body.accuse.fault = fault;
	PUT_TEXT(body.accuse.evidence, evidence);
	return body;
}

struct souk_tx_body body_challenge(const char *question)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CHALLENGE, .challenge = {.agreement = id}};
	PUT_TEXT(body.challenge.question, question);
	return body;
}

struct souk_tx_body body_answer(const char *answer)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ANSWER, .answer = {.agreement = id}};
	PUT_TEXT(body.answer.answer, answer);
	return body;
}

struct souk_tx_body body_silence(void)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_SILENCE, .silence = {id}};
}

struct souk_tx_body body_end(void)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_END, .agreement_end = {id}};
}

struct souk_tx_body body_revoke(void)
{
	return (struct souk_tx_body){
		.kind = SOUK_TX_BODY_AGREEMENT_REVOKE, .agreement_revoke = {id}};
}

void act(enum party who, struct souk_tx_body body)
{
	market_do(market, who, &body);
}

void refused(enum party who, struct souk_tx_body body, souk_status status)
{
	market_refuse(market, who, &body, status);
}

void agree(void)
{
	act(BOB, body_agree(&agreement, CAROL));
}

struct souk_agreement_record record(void)
{
	struct souk_agreement_record got;
	assert_int_equal(souk_ledger_get_agreement(&got, &market->ledger, &id), SOUK_OK);
	return got;
}

/* What each party has gained since setup, and what was burned. */
void balances(int64_t bob, int64_t carol, int64_t dave, uint64_t deposits, uint64_t burned)
{
	assert_int_equal((int64_t)market_balance(market, BOB) - (int64_t)FUNDS, bob);
	assert_int_equal((int64_t)market_balance(market, CAROL) - (int64_t)FUNDS, carol);
	assert_int_equal((int64_t)market_balance(market, DAVE) - (int64_t)FUNDS, dave);
	assert_int_equal(market->ledger.record.deposits.ncoin, deposits);
	assert_int_equal(market->ledger.record.burned.ncoin, burned);
}

int agreement_setup(void **state)
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
souk_status replay(const struct souk_judges *known)
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

int agreement_teardown(void **state)
{
	(void)state;
	market_seal(market);
	int failed = souk_ledger_audit(&market->ledger) != SOUK_OK || replay(&judges) != SOUK_OK;
	market_free(market);
	return failed;
}
