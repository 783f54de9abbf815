/* SPDX-License-Identifier: Apache-2.0
 *
 * Modelled tasks: the judge, the draws, and what becomes of the money. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run.h"
#include "souk/crypto/sha256.h"
#include "task.h"

static struct souk_identity identity_of(uint8_t number)
{
	struct souk_identity identity;
	struct souk_seckey seckey = {{number}};
	assert_int_equal(souk_identity_of(&identity, &seckey), SOUK_OK);
	return identity;
}

/* ---------------------------------------------------------------- the judge */

struct trial {
	struct souk_identity provider, customer;
	struct souk_agreement agreement;
	struct souk_hash measure;
	struct sim_task_statement statement;
};

static void sign(struct trial *trial)
{
	trial->statement.agreement = souk_agreement_digest(&trial->agreement);
	sim_task_statement_sign(&trial->statement, &trial->provider);
}

static struct trial trial_of(uint32_t detect_ppm, uint32_t false_ppm)
{
	struct sim_task_terms terms = {detect_ppm, false_ppm, {1000}};
	struct trial trial = {.provider = identity_of(1), .customer = identity_of(2)};
	trial.agreement = (struct souk_agreement){
		.version = 1,
		.service = SIM_SERVICE_TASK,
		.provider = trial.provider.address,
		.customer = trial.customer.address,
		.terms = sim_task_terms_hash(&terms),
		.deposit = {5},
		.bond = {1},
	};
	trial.measure.bytes[3] = 7;
	trial.statement.number = 12;
	trial.statement.is_bad = true;
	trial.statement.sealed = sim_task_seal(&trial.measure);
	sign(&trial);
	return trial;
}

static souk_status convict(const struct trial *trial, uint32_t fault)
{
	uint8_t evidence[SIM_TASK_EVIDENCE_SIZE];
	sim_task_statement_write(evidence, &trial->statement);
	memcpy(evidence + SIM_TASK_STATEMENT_SIZE, trial->measure.bytes, SOUK_HASH_SIZE);
	return sim_task_judge.convict(
		&trial->agreement, fault, souk_bytes_of(evidence, sizeof evidence));
}

static void test_judge(void **state)
{
	(void)state;
	struct trial trial = trial_of(1000000, 0);
	assert_int_equal(convict(&trial, SIM_TASK_FAULT), SOUK_OK);
	assert_int_equal(convict(&trial, 2), SOUK_PEER_NOT_GUILTY);

	struct trial good = trial_of(1000000, 0);
	good.statement.is_bad = false;
	assert_int_equal(convict(&good, SIM_TASK_FAULT), SOUK_PEER_WRONG_SIGNER);
	sign(&good);
	assert_int_equal(convict(&good, SIM_TASK_FAULT), SOUK_PEER_NOT_GUILTY);

	struct trial other = trial_of(1000000, 0);
	other.statement.agreement.bytes[0] ^= 1;
	sim_task_statement_sign(&other.statement, &other.provider);
	assert_int_equal(convict(&other, SIM_TASK_FAULT), SOUK_PEER_BAD_STATEMENT);

	struct trial ground = trial_of(1000000, 0);
	ground.measure.bytes[0] ^= 1; /* another measure than was sealed */
	assert_int_equal(convict(&ground, SIM_TASK_FAULT), SOUK_PEER_BAD_STATEMENT);

	struct trial forged = trial_of(1000000, 0);
	sim_task_statement_sign(&forged.statement, &forged.customer);
	assert_int_equal(convict(&forged, SIM_TASK_FAULT), SOUK_PEER_WRONG_SIGNER);

	struct trial strange = trial_of(1000001, 0);
	assert_int_equal(convict(&strange, SIM_TASK_FAULT), SOUK_PEER_AGREEMENT_TERMS);
	strange.agreement.terms.bytes[0] ^= 1;
	sign(&strange);
	assert_int_equal(convict(&strange, SIM_TASK_FAULT), SOUK_PEER_AGREEMENT_TERMS);
}

static void test_judge_bytes(void **state)
{
	(void)state;
	struct trial trial = trial_of(1000000, 0);
	uint8_t evidence[SIM_TASK_EVIDENCE_SIZE + 1] = {0};
	sim_task_statement_write(evidence, &trial.statement);
	memcpy(evidence + SIM_TASK_STATEMENT_SIZE, trial.measure.bytes, SOUK_HASH_SIZE);
	for (size_t size = 0; size <= sizeof evidence; size++)
		assert_int_equal(sim_task_judge.convict(&trial.agreement, SIM_TASK_FAULT,
					 souk_bytes_of(evidence, size)),
			size == SIM_TASK_EVIDENCE_SIZE ? SOUK_OK : SOUK_PEER_TRUNCATED);
	/* Any bit changed: no longer what was signed and sealed. */
	for (size_t bit = 0; bit < 8 * SIM_TASK_EVIDENCE_SIZE; bit += 5) {
		evidence[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(sim_task_judge.convict(&trial.agreement, SIM_TASK_FAULT,
					     souk_bytes_of(evidence, SIM_TASK_EVIDENCE_SIZE)),
			SOUK_OK);
		evidence[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(sim_task_judge.question(&trial.agreement, souk_bytes_of(evidence, 9)),
		SOUK_PEER_BAD_QUESTION);
}

/* ---------------------------------------------------------------- draws */

static uint32_t found_among(uint32_t count, bool is_bad, const struct sim_task_terms *terms)
{
	struct sim_task_statement statement = {.is_bad = is_bad};
	static const uint8_t seed[32] = {1};
	uint32_t found = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct souk_hash measure = sim_task_derive(seed, 'm', i, 0);
		statement.draw = sim_task_derive(seed, 'd', i, 0);
		found += sim_task_is_found(&statement, &measure, terms);
	}
	return found;
}

/* T and F are frequencies: within five standard deviations. */
static void test_frequencies(void **state)
{
	(void)state;
	const uint32_t count = 100000;
	struct sim_task_terms terms = {980000, 40000, {1}};
	assert_in_range(found_among(count, true, &terms), 98000 - 222, 98000 + 222);
	assert_in_range(found_among(count, false, &terms), 4000 - 310, 4000 + 310);
	terms = (struct sim_task_terms){1000000, 0, {1}};
	assert_int_equal(found_among(1000, true, &terms), 1000);
	assert_int_equal(found_among(1000, false, &terms), 0);
}

/* One audit in each stretch of 1/p, also where that is no whole number. */
static void test_strata(void **state)
{
	(void)state;
	static const uint64_t rates[] = {1000000, 500000, 300000, 50000, 333333, 7};
	static const uint8_t seed[32] = {9};
	struct sim_scenario *scenario = calloc(1, sizeof *scenario);
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		uint64_t audited = 0, count = 30000;
		scenario->audit_ppm = rates[i];
		for (uint64_t n = 0; n < count; n++) {
			audited += sim_task_is_audited(scenario, seed, n);
			/* Never a whole one ahead of the rate, or behind it. */
			uint64_t most = (n + 1) * rates[i] / 1000000 + 1;
			assert_true(audited <= most && audited + 2 > most);
		}
	}
	scenario->audit_ppm = 0;
	assert_false(sim_task_is_audited(scenario, seed, 0));
	free(scenario);
}

/* ---------------------------------------------------------------- money */

static const char market[] = "[market]\nduration = 10m\nsettle = 1m\nepoch = 10m\n"
			     "draw-delay = 1s\nclaim-window = 10m\nblock = 50ms\n"
			     "latency-us = 500\njitter-us = 0\naudit = 20%\ndetect = 100%\n"
			     "false = 0%\nsaving = 80%\ndeposit = 5000\nrespond = 1s\n"
			     "[population workers]\nactor = task-cheat\n"
			     "[population sponsors]\nactor = task-customer\ndownloads = 500\n"
			     "pause = 0s\n";

static struct sim_report run(const char *const *settings)
{
	static struct sim_scenario scenario;
	struct sim_report report;
	char error[SIM_ERROR_SIZE];
	assert_int_equal(
		sim_scenario_parse(&scenario, "test", market, sizeof market - 1, error), SOUK_OK);
	for (; *settings != NULL; settings++)
		assert_int_equal(sim_scenario_set(&scenario, *settings, error), SOUK_OK);
	assert_int_equal(sim_run(&report, &scenario, NULL, error), SOUK_OK);
	for (uint32_t i = 0; i < report.violation_count; i++)
		print_message("# %s\n", report.violations[i].text);
	assert_int_equal(report.violation_count, 0);
	return report;
}

static int64_t cheat_profit(const char *const *settings)
{
	return run(settings).populations[0].profit_sum;
}

/* With certainty everywhere, profits are exact: 500 tasks of 1,000, an audit in each five. */
static void test_money(void **state)
{
	(void)state;
	const char *const as_is[] = {NULL};
	assert_int_equal(cheat_profit(as_is), 500 * 1000 - 100 * 5000);
	const char *const good[] = {"workers.cheated=0", NULL};
	assert_int_equal(cheat_profit(good), 500 * 200);
	const char *const no_audit[] = {"audit=0", NULL};
	assert_int_equal(cheat_profit(no_audit), 500 * 1000);
	const char *const blind[] = {"detect=0", NULL};
	assert_int_equal(cheat_profit(blind), 500 * 1000);
	/* 25 audits in each batch of 125, and one deposit. */
	const char *const batch[] = {"sponsors.batch=125", NULL};
	assert_int_equal(cheat_profit(batch), 500 * 1000 - 4 * 5000);
	/* A batch that is one stretch changes nothing. */
	const char *const stretch[] = {"sponsors.batch=5", NULL};
	assert_int_equal(cheat_profit(stretch), 500 * 1000 - 100 * 5000);
}

/* Honest work, wrongly convicted each time: it loses the deposits, and no one is called a cheat. */
static void test_wrong_audits(void **state)
{
	(void)state;
	const char *const wrong[] = {"false=100%", "workers.cheated=0", NULL};
	assert_int_equal(cheat_profit(wrong), 500 * 200 - 100 * 5000);
}

/* What comes back through an accomplice: the reporter's part, the victim's, or both. */
static void test_accomplices(void **state)
{
	(void)state;
	const char *const unheard[] = {"workers.accomplice=1", NULL};
	assert_int_equal(cheat_profit(unheard), 500 * 1000 - 100 * 5000);
	const char *const reporter[] = {"workers.accomplice=1", "sponsors.hearing=200", NULL};
	assert_int_equal(cheat_profit(reporter), 500 * 1000 - 100 * 4500);
	const char *const victim[] = {"workers.accomplice=2", "sponsors.sponsor=1", NULL};
	assert_int_equal(cheat_profit(victim), 500 * 1000 - 100 * 2500);
	const char *const both[] = {
		"workers.accomplice=2", "sponsors.sponsor=1", "sponsors.hearing=200", NULL};
	assert_int_equal(cheat_profit(both), 500 * 1000 - 100 * 2000);
}

/* Two cheats that are compared with each other are never found. */
static void test_comparison(void **state)
{
	(void)state;
	const char *const pair[] = {
		"workers.count=2", "sponsors.count=2", "sponsors.compare=1", NULL};
	assert_int_equal(cheat_profit(pair), 2 * 500 * 1000);
	const char *const single[] = {"sponsors.compare=1", NULL};
	assert_int_equal(cheat_profit(single), 500 * 1000);
}

/* Lost messages are asked for again, and nothing is paid, done or judged twice. */
static void test_loss(void **state)
{
	(void)state;
	const char *const lossy[] = {"loss=5%", "double=5%", NULL};
	assert_int_equal(cheat_profit(lossy), 500 * 1000 - 100 * 5000);
	const char *const good[] = {"loss=5%", "double=5%", "workers.cheated=0", NULL};
	assert_int_equal(cheat_profit(good), 500 * 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_judge_bytes),
		cmocka_unit_test(test_frequencies),
		cmocka_unit_test(test_strata),
		cmocka_unit_test(test_money),
		cmocka_unit_test(test_wrong_audits),
		cmocka_unit_test(test_accomplices),
		cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
