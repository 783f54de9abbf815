/* SPDX-License-Identifier: Apache-2.0
 *
 * Every check here is on bytes that anybody may have made up, under an agreement whose terms passed
 * souk_keys_policy_parse when it was entered into. What the proxy signed is found first; the rest
 * is only a way of finding it. */
#include "souk/keys/judge.h"

#include <string.h>

#include "keys_internal.h"
#include "souk/base/check.h"

/* ---- what evidence has in common ---- */

/* STATEMENT is the proxy's own, under AGREEMENT. */
static souk_status check_signed(const struct souk_agreement *agreement,
	const struct souk_key_statement *statement, const struct souk_signature *signature)
{
	struct souk_hash id = souk_agreement_digest(agreement);
	if (!souk_hash_equal(&statement->agreement, &id))
		return SOUK_PEER_BAD_STATEMENT;
	struct souk_hash digest = souk_key_statement_digest(statement);
	return souk_ecdsa_verify(&agreement->provider, &digest, signature);
}

static souk_status parse_capsule(
	struct souk_umbral_capsule *ret, const uint8_t *bytes, uint16_t size)
{
	return souk_umbral_capsule_parse_simple(ret, souk_bytes_of(bytes, size));
}

/* ---- fault 1: a wrong fragment ---- */

/* The root over leaf INDEX of COUNT along the path. Its depth is exact: an inner node cannot pass
 * for a leaf. */
static souk_status fold(
	struct souk_hash *ret, const struct souk_key_evidence *evidence, struct souk_hash leaf)
{
	size_t used = 0;
	for (size_t index = evidence->index, count = evidence->count; count > 1;
		index /= 2, count = (count + 1) / 2) {
		if ((index ^ 1) >= count)
			continue;
		if (used == evidence->path.count)
			return SOUK_PEER_BAD_PATH;
		const struct souk_hash *sibling = &evidence->path.items[used++];
		leaf = index % 2 != 0 ? souk_merkle_node(sibling, &leaf)
				      : souk_merkle_node(&leaf, sibling);
	}
	if (used != evidence->path.count)
		return SOUK_PEER_BAD_PATH;
	*ret = leaf;
	return SOUK_OK;
}

/* The statement that EVIDENCE was taken out of. */
static souk_status rebuild(struct souk_key_statement *ret, const struct souk_agreement *agreement,
	const struct souk_key_evidence *evidence)
{
	if (evidence->capsule.size != SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE ||
		evidence->fragment.size != SOUK_KEYS_FRAGMENT_SIZE)
		return SOUK_PEER_WRONG_LENGTH;
	if (evidence->count > SOUK_KEYS_BATCH_MAX || evidence->index >= evidence->count)
		return SOUK_PEER_BAD_STATEMENT;
	*ret = (struct souk_key_statement){
		.version = SOUK_EXCHANGE_VERSION,
		.agreement = souk_agreement_digest(agreement),
		.session = evidence->session,
		.unit = evidence->unit,
		.number = evidence->number,
		.after = evidence->after,
		.lock = keys_lock_of(evidence->key.bytes),
		.count = evidence->count,
	};
	return fold(&ret->root, evidence,
		souk_keys_leaf(evidence->capsule.data, evidence->fragment.data));
}

static souk_status convict_fragment(const struct souk_agreement *agreement, struct souk_bytes bytes)
{
	struct souk_key_evidence evidence;
	struct souk_key_statement statement;
	struct souk_umbral_capsule capsule;
	struct souk_keys_policy policy;
	struct souk_umbral_cfrag cfrag;
	uint8_t plain[SOUK_KEYS_FRAGMENT_SIZE];
	SOUK_TRY(souk_key_evidence_decode(&evidence, bytes, NULL));
	SOUK_TRY(rebuild(&statement, agreement, &evidence));
	SOUK_TRY(check_signed(agreement, &statement, &evidence.signature));
	SOUK_TRY(parse_capsule(&capsule, evidence.capsule.data, evidence.capsule.size));
	SOUK_TRY(souk_keys_policy_parse(&policy, agreement));
	keys_fragment_xor(plain, evidence.fragment.data, evidence.key.bytes, evidence.capsule.data);
	if (souk_keys_fragment_verify(&cfrag, plain, &capsule, &policy) == SOUK_OK)
		return SOUK_PEER_NOT_GUILTY;
	return SOUK_OK;
}

/* ---- fault 2: served too late ---- */

/* DELETION is the proxy's, of this agreement. */
static souk_status check_deletion(
	const struct souk_agreement *agreement, const struct souk_signed_key_deletion *deletion)
{
	struct souk_hash id = souk_agreement_digest(agreement);
	if (!souk_hash_equal(&deletion->deletion.agreement, &id))
		return SOUK_PEER_BAD_STATEMENT;
	return souk_keys_deletion_verify(deletion, &agreement->provider);
}

/* BLOCK is of the agreement's ledger, and the one that the statement names. */
static souk_status check_block(
	const struct souk_agreement *agreement, const struct souk_key_late_evidence *evidence)
{
	const struct souk_block_header *header = &evidence->block.header;
	struct souk_hash ledger = souk_genesis_digest(&evidence->genesis);
	struct souk_hash name = souk_block_header_digest(header);
	if (!souk_hash_equal(&ledger, &agreement->ledger) ||
		!souk_hash_equal(&header->ledger, &ledger))
		return SOUK_PEER_TX_WRONG_LEDGER;
	if (!souk_hash_equal(&name, &evidence->statement.statement.after))
		return SOUK_PEER_BAD_STATEMENT;
	return souk_ecdsa_verify(&evidence->genesis.operator, & name, &evidence->block.signature);
}

/* From when on no service was owed, as the ledger and the proxy itself say. */
static souk_status end_of(struct souk_time *ret, const struct souk_agreement *agreement,
	struct souk_time revoked, const struct souk_key_late_evidence *evidence)
{
	*ret = souk_time_earlier(revoked, agreement->ends);
	if (evidence->deletion.count == 0)
		return SOUK_OK;
	SOUK_TRY(check_deletion(agreement, &evidence->deletion.items[0]));
	*ret = souk_time_earlier(*ret, evidence->deletion.items[0].deletion.time);
	return SOUK_OK;
}

static souk_status convict_late(
	const struct souk_agreement *agreement, struct souk_time revoked, struct souk_bytes bytes)
{
	struct souk_key_late_evidence evidence;
	struct souk_time end;
	SOUK_TRY(souk_key_late_evidence_decode(&evidence, bytes, NULL));
	SOUK_TRY(check_block(agreement, &evidence));
	SOUK_TRY(check_signed(
		agreement, &evidence.statement.statement, &evidence.statement.signature));
	SOUK_TRY(end_of(&end, agreement, revoked, &evidence));
	/* Half of what a proxy has to respond is its time to hear of it. */
	end = souk_time_plus_ms(end, agreement->respond_ms / 2);
	return souk_time_is_before(end, evidence.block.header.time) ? SOUK_OK
								    : SOUK_PEER_NOT_GUILTY;
}

/* ---- fault 3: a false lock ---- */

/* KEY is k_j of the grant's chain. A path that is not needed must be empty. */
static souk_status check_key(const struct souk_grant *grant, uint32_t unit,
	const struct souk_key_lock_evidence *evidence)
{
	struct souk_merkle_path path = {.depth = evidence->key_path.count};
	if (unit < SOUK_CHAIN_SEGMENT && path.depth != 0)
		return SOUK_PEER_BAD_KEY;
	memcpy(path.siblings, evidence->key_path.items, path.depth * sizeof *path.siblings);
	if (souk_chain_verify(souk_chain_tag_key, &grant->session, grant->units, &grant->key_anchor,
		    &grant->key_checkpoints, unit, &evidence->key, &path) != SOUK_OK)
		return SOUK_PEER_BAD_KEY;
	return SOUK_OK;
}

static souk_status convict_lock(const struct souk_agreement *agreement, struct souk_bytes bytes)
{
	struct souk_key_lock_evidence evidence;
	SOUK_TRY(souk_key_lock_evidence_decode(&evidence, bytes, NULL));
	const struct souk_key_statement *statement = &evidence.statement.statement;
	const struct souk_grant *grant = &evidence.grant.grant;
	SOUK_TRY(check_signed(agreement, statement, &evidence.statement.signature));
	if (memcmp(&grant->session, &statement->session, sizeof grant->session) != 0 ||
		!souk_address_equal(&grant->provider, &agreement->provider))
		return SOUK_PEER_BAD_GRANT;
	struct souk_hash digest = souk_grant_digest(grant);
	SOUK_TRY(souk_ecdsa_verify(&agreement->provider, &digest, &evidence.grant.signature));
	if (statement->unit == 0)
		return SOUK_PEER_BAD_STATEMENT;
	SOUK_TRY(check_key(grant, statement->unit, &evidence));
	struct souk_unit_cipher cipher = souk_unit_cipher_of(
		&grant->session, statement->unit, statement->number, &evidence.key);
	struct souk_hash lock = souk_keys_lock(&cipher);
	return souk_hash_equal(&lock, &statement->lock) ? SOUK_PEER_NOT_GUILTY : SOUK_OK;
}

/* ---- the judge ---- */

souk_status souk_keys_convict_revoked(const struct souk_agreement *agreement,
	struct souk_time revoked, uint32_t fault, struct souk_bytes evidence)
{
	switch (fault) {
	case SOUK_KEYS_FAULT_FRAGMENT: return convict_fragment(agreement, evidence);
	case SOUK_KEYS_FAULT_LATE: return convict_late(agreement, revoked, evidence);
	case SOUK_KEYS_FAULT_LOCK: return convict_lock(agreement, evidence);
	default: return SOUK_PEER_NOT_GUILTY;
	}
}

souk_status souk_keys_convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	return souk_keys_convict_revoked(agreement, agreement->ends, fault, evidence);
}

souk_status souk_keys_question_check(
	const struct souk_agreement *agreement, struct souk_bytes question)
{
	struct souk_key_question asked;
	struct souk_umbral_capsule capsule;
	(void)agreement; /* its terms were checked: the proxy can answer for every valid capsule */
	SOUK_TRY(souk_key_question_decode(&asked, question, NULL));
	return parse_capsule(&capsule, asked.capsule.data, asked.capsule.size);
}

souk_status souk_keys_answer_check(const struct souk_agreement *agreement,
	struct souk_bytes question, struct souk_bytes answer)
{
	struct souk_key_question asked;
	struct souk_key_answer answered;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_cfrag cfrag;
	struct souk_keys_policy policy;
	SOUK_TRY(souk_key_question_decode(&asked, question, NULL));
	SOUK_TRY(souk_key_answer_decode(&answered, answer, NULL));
	if (answered.fragment.size != SOUK_KEYS_FRAGMENT_SIZE)
		return SOUK_PEER_WRONG_LENGTH;
	SOUK_TRY(parse_capsule(&capsule, asked.capsule.data, asked.capsule.size));
	SOUK_TRY(souk_keys_policy_parse(&policy, agreement));
	return souk_keys_fragment_verify(&cfrag, answered.fragment.data, &capsule, &policy);
}

souk_status souk_keys_terms_check(const struct souk_agreement *agreement)
{
	struct souk_keys_policy policy;
	return souk_keys_policy_parse(&policy, agreement);
}

/* The receiver, by the address of its point. */
bool souk_keys_may_ask(const struct souk_agreement *agreement, const struct souk_address *who)
{
	struct souk_key_terms terms;
	struct souk_address receiver;
	return souk_key_terms_decode(&terms,
		       souk_bytes_of(agreement->details.data, agreement->details.size),
		       NULL) == SOUK_OK &&
	       souk_address_of_pubkey(&receiver, &terms.receiving) == SOUK_OK &&
	       souk_address_equal(&receiver, who);
}
