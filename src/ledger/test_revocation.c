/* SPDX-License-Identifier: Apache-2.0
 *
 * What agreements of some services have beside: details, others who may ask, revocation. And logs
 * that are anchored. */
#include <stdio.h>

#include "agreement_kit.h"

/* ---- details, revocation ---- */

/* A revocable agreement, of which DAVE is told that he may ask. */
static void agree_revocable(void)
{
	agreement.service = REVOCABLE;
	memcpy(agreement.terms.bytes, market->parties[DAVE].address.bytes,
		sizeof market->parties[DAVE].address.bytes);
	PUT_TEXT(agreement.details, "details");
	id = souk_agreement_digest(&agreement);
	agree();
}

static void test_details(void **state)
{
	(void)state;
	/* None are wanted, none may be there: nobody would know what they bind to. */
	PUT_TEXT(agreement.details, "details");
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_TERMS);
	agreement.service = REVOCABLE;
	PUT_TEXT(agreement.details, "others");
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_TERMS);
	agreement.details.size = 0;
	refused(BOB, body_agree(&agreement, CAROL), SOUK_PEER_AGREEMENT_TERMS);
	agree_revocable();
	assert_true(says(
		souk_bytes_of(record().agreement.details.data, record().agreement.details.size),
		"details"));
}

static void test_who_else_may_ask(void **state)
{
	(void)state;
	agree_revocable();
	refused(BOB, body_challenge("question"), SOUK_PEER_WRONG_SIGNER);
	act(DAVE, body_challenge("question"));
	market_advance(market, RESPOND_MS + 1);
	act(BOB, body_silence());
	/* Half to the customer, a quarter and the bond to who asked. */
	balances(-(int64_t)DEPOSIT, 500, 250, 0, 251);
}

static void test_revoke_refusals(void **state)
{
	(void)state;
	refused(CAROL, body_revoke(), SOUK_PEER_NO_AGREEMENT);
	agree();
	refused(CAROL, body_revoke(), SOUK_PEER_NOT_REVOCABLE);
	agree_revocable();
	refused(BOB, body_revoke(), SOUK_PEER_WRONG_SIGNER);
	refused(DAVE, body_revoke(), SOUK_PEER_WRONG_SIGNER);
	act(CAROL, body_challenge("question"));
	refused(CAROL, body_revoke(), SOUK_PEER_CHALLENGED);
	act(BOB, body_answer("answer"));
	act(CAROL, body_revoke());
	refused(CAROL, body_revoke(), SOUK_PEER_AGREEMENT_REVOKED);
	/* From its end on there is nothing to revoke. */
	agreement.nonce.bytes[0]++;
	agree_revocable();
	market_advance(market, LIFE_MS);
	refused(CAROL, body_revoke(), SOUK_PEER_AGREEMENT_OVER);
	agreement.ends = souk_time_plus_ms(market->now, 1);
	agree_revocable();
	act(CAROL, body_revoke());
	/* A conviction is final. */
	agreement.ends = souk_time_plus_ms(market->now, 1000);
	agree_revocable();
	act(DAVE, body_accuse(1, "guilty"));
	refused(CAROL, body_revoke(), SOUK_PEER_AGREEMENT_OVER);
}

/* No answer is owed, faults are judged as before, and the judge is told when. */
static void test_revoked(void **state)
{
	char when[24];
	(void)state;
	agree_revocable();
	market_advance(market, 100);
	act(CAROL, body_revoke());
	snprintf(when, sizeof when, "%llu", (unsigned long long)market->now.ms);
	assert_int_equal(record().revoked.ms, market->now.ms);
	balances(-(int64_t)DEPOSIT, 0, 0, DEPOSIT, 0);
	refused(CAROL, body_challenge("question"), SOUK_PEER_AGREEMENT_REVOKED);
	refused(DAVE, body_challenge("question"), SOUK_PEER_AGREEMENT_REVOKED);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_RUNS);
	market_advance(market, LIFE_MS);
	act(DAVE, body_accuse(1, "guilty"));
	assert_false(record().convicted); /* of a fault that this judge does not know */
	act(DAVE, body_accuse(2, when));
	assert_true(record().convicted);
	balances((int64_t)BOND - DEPOSIT, 500, 250 - (int64_t)BOND, 0, 251);
}

/* The deposit comes back at the time that was agreed, revoked or not. */
static void test_revoked_ends(void **state)
{
	(void)state;
	agree_revocable();
	act(CAROL, body_revoke());
	market_advance(market, LIFE_MS + RESPOND_MS - 1);
	refused(BOB, body_end(), SOUK_PEER_AGREEMENT_RUNS);
	market_advance(market, 1);
	act(BOB, body_end());
	balances(0, 0, 0, 0, 0);
}

/* Its provider may forget at `ends` what it serves with: it is asked until then, and judged longer.
 */
static void test_no_question_after_the_end(void **state)
{
	(void)state;
	agree_revocable();
	market_advance(market, LIFE_MS - 1);
	act(CAROL, body_challenge("question"));
	act(BOB, body_answer("answer"));
	market_advance(market, 1);
	refused(CAROL, body_challenge("question"), SOUK_PEER_AGREEMENT_OVER);
	refused(DAVE, body_challenge("question"), SOUK_PEER_AGREEMENT_OVER);
	act(DAVE, body_accuse(1, "guilty"));
	assert_true(record().convicted);
}

/* ---- anchors ---- */

static struct souk_tx_body body_anchor(uint8_t root, uint64_t count)
{
	return (struct souk_tx_body){
		.kind = SOUK_TX_BODY_ANCHOR, .anchor = {.root = {{root}}, .count = count}};
}

static void test_anchor(void **state)
{
	struct souk_anchor_record got;
	const struct souk_address *carol = &market->parties[CAROL].address;
	(void)state;
	assert_int_not_equal(souk_ledger_get_anchor(&got, &market->ledger, carol), SOUK_OK);
	refused(CAROL, body_anchor(1, 0), SOUK_PEER_ANCHOR);
	act(CAROL, body_anchor(1, 5));
	assert_int_equal(souk_ledger_get_anchor(&got, &market->ledger, carol), SOUK_OK);
	assert_int_equal(got.count, 5);
	assert_int_equal(got.root.bytes[0], 1);
	assert_int_equal(got.time.ms, market->now.ms);
	/* A log never gets shorter; nor has it two roots at one length. */
	refused(CAROL, body_anchor(2, 5), SOUK_PEER_ANCHOR);
	refused(CAROL, body_anchor(2, 4), SOUK_PEER_ANCHOR);
	act(DAVE, body_anchor(3, 1));
	uint64_t height = got.height;
	market_advance(market, 10);
	act(CAROL, body_anchor(2, UINT64_MAX));
	assert_int_equal(souk_ledger_get_anchor(&got, &market->ledger, carol), SOUK_OK);
	assert_int_equal(got.count, UINT64_MAX);
	assert_true(got.height > height);
	refused(CAROL, body_anchor(2, UINT64_MAX), SOUK_PEER_ANCHOR);
	refused(STRANGER, body_anchor(2, 1), SOUK_PEER_NO_ACCOUNT);
	balances(0, 0, 0, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, agreement_setup, agreement_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_details),
		TEST(test_who_else_may_ask),
		TEST(test_revoke_refusals),
		TEST(test_revoked),
		TEST(test_revoked_ends),
		TEST(test_no_question_after_the_end),
		TEST(test_anchor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
