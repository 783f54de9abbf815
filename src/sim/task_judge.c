/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge of modelled tasks: pure, as every judge, and hard to please. */
#include <string.h>

#include "souk/base/check.h"
#include "task.h"

static souk_status convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	struct sim_task_statement statement;
	struct sim_task_terms terms;
	struct souk_hash measure, id = souk_agreement_digest(agreement);
	if (fault != SIM_TASK_FAULT)
		return SOUK_PEER_NOT_GUILTY;
	if (evidence.size != SIM_TASK_EVIDENCE_SIZE)
		return SOUK_PEER_TRUNCATED;
	SOUK_TRY(sim_task_statement_read(
		&statement, souk_bytes_of(evidence.data, SIM_TASK_STATEMENT_SIZE)));
	memcpy(measure.bytes, evidence.data + SIM_TASK_STATEMENT_SIZE, sizeof measure.bytes);
	SOUK_TRY(sim_task_terms_read(&terms, &agreement->terms));
	struct souk_hash sealed = sim_task_seal(&measure);
	if (!souk_hash_equal(&statement.agreement, &id) ||
		!souk_hash_equal(&statement.sealed, &sealed))
		return SOUK_PEER_BAD_STATEMENT;
	SOUK_TRY(sim_task_statement_check(&statement, &agreement->provider));
	return sim_task_is_found(&statement, &measure, &terms) ? SOUK_OK : SOUK_PEER_NOT_GUILTY;
}

static souk_status question(const struct souk_agreement *agreement, struct souk_bytes asked)
{
	(void)agreement;
	(void)asked;
	return SOUK_PEER_BAD_QUESTION;
}

static souk_status answer(
	const struct souk_agreement *agreement, struct souk_bytes asked, struct souk_bytes answered)
{
	(void)agreement;
	(void)asked;
	(void)answered;
	return SOUK_PEER_BAD_ANSWER;
}

const struct souk_judge sim_task_judge = {
	.service = SIM_SERVICE_TASK, .convict = convict, .question = question, .answer = answer};
