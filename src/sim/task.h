/* SPDX-License-Identifier: Apache-2.0
 *
 * task.h - a modelled service, to try the arithmetic of deposits on the real ledger.
 *
 *   customer                          provider
 *     | -- agreement (T, F, price) ----> |  locks D on the ledger
 *     | -- task n, sealed measure ------> |
 *     | <-- signed: n, seal, draw, bad? - |  good work costs it k
 *     |   one task in each stretch of 1/p is audited
 *     | -- accuse(statement, measure) --> ledger: this file's judge; D is gone, a new one follows
 *     | -- transfer of what is owed ----> |
 *
 * What a task computes is left out. Whether it was done stands in the statement, as the bytes of a
 * unit stand in content's; whether an audit finds it out is a draw, as with a measurement that can
 * fail: of a bad task with the chance T, of a good one with F.
 *
 * Neither side chooses the draw. The customer seals its measure before it has the provider's part;
 * the provider signs its part before it sees the measure; the judge hashes both. So T and F are
 * frequencies that no party moves, and the same evidence has the same verdict everywhere.
 *
 * Audits are stratified: one in each stretch of 1/p tasks, at a place that only the customer knows.
 * Their share is then p and not about p, and a sweep needs fewer tasks.
 *
 * Invariants: T1 what convicts has the provider's signature.
 *             T2 the verdict of task n under the seeds of both nodes is the same for every deposit,
 *                so that profits of one seed are comparable, and linear in D.
 *
 * Memory: values. Threads: any. See docs/security.md. */
#ifndef SOUK_SIM_TASK_H
#define SOUK_SIM_TASK_H

#include "sim.h"
#include "souk/ledger/judge.h"
#include "souk/wire/messages.h"

#define SIM_SERVICE_TASK 0x7461736bu /* "task": a number of the simulator's own */
#define SIM_TASK_FAULT	 1u

#define SIM_TASK_STATEMENT_SIZE 170
#define SIM_TASK_EVIDENCE_SIZE	(SIM_TASK_STATEMENT_SIZE + 32)

/* What agreement.terms says: the 32 bytes hold it as it is. */
struct sim_task_terms {
	uint32_t detect_ppm; /* T */
	uint32_t false_ppm;  /* F */
	struct souk_amount price;
};

struct souk_hash sim_task_terms_hash(const struct sim_task_terms *terms);
/* Returns SOUK_OK, or SOUK_PEER_AGREEMENT_TERMS: no terms of tasks, or chances above certainty. */
SOUK_MUST_CHECK souk_status sim_task_terms_read(
	struct sim_task_terms *ret, const struct souk_hash *terms);

struct sim_task_statement {
	struct souk_hash agreement; /* zero: a second opinion, that no deposit answers for */
	uint64_t number;
	struct souk_hash sealed; /* SHA-256 of the measure */
	struct souk_hash draw;	 /* the provider's part */
	bool is_bad;
	struct souk_signature signature;
};

void sim_task_statement_sign(
	struct sim_task_statement *statement, const struct souk_identity *provider);
/* SOUK_OK, or SOUK_PEER_BAD_SIGNATURE, _WRONG_SIGNER. */
SOUK_MUST_CHECK souk_status sim_task_statement_check(
	const struct sim_task_statement *statement, const struct souk_address *provider);
void sim_task_statement_write(
	uint8_t out[SIM_TASK_STATEMENT_SIZE], const struct sim_task_statement *statement);
SOUK_MUST_CHECK souk_status sim_task_statement_read(
	struct sim_task_statement *ret, struct souk_bytes in);

struct souk_hash sim_task_seal(const struct souk_hash *measure);
/* Whether the audit finds a fault, by the rules alone: T of bad work, F of good work. */
bool sim_task_is_found(const struct sim_task_statement *statement, const struct souk_hash *measure,
	const struct sim_task_terms *terms);

/* Hash of a seed, a purpose, and two numbers: draws that do not depend on their order. */
struct souk_hash sim_task_derive(
	const uint8_t seed[32], uint8_t purpose, uint64_t first, uint64_t second);
/* k: what good work costs who does it. What bad work costs is left out on both sides. */
struct souk_amount sim_task_cost(const struct sim_scenario *scenario);
/* Whether an actor is one that does tasks. */
bool sim_task_is_provider(const struct sim_actor *actor);
/* Audits among the first COUNT tasks, rounded up. */
uint64_t sim_task_audits(const struct sim_scenario *scenario, uint64_t count);
/* Whether task NUMBER is the audited one of its stretch. */
bool sim_task_is_audited(
	const struct sim_scenario *scenario, const uint8_t seed[32], uint64_t number);

/* Words of a SIM_TASK message. */
enum {
	SIM_TASK_NUMBER,
	SIM_TASK_HEARING, /* not 0: no task; the bytes are evidence that was found, to be heard */
};

/* The ledger's judge. Evidence is a statement and the measure. It convicts of fault 1; there is
 * nothing to ask. */
extern const struct souk_judge sim_task_judge;

#endif
