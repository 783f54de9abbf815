/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/judge.h - content's judge, and what goes to it.
 *
 * Under an agreement a provider signs a statement of each unit that it sends:
 * the encrypted bytes (by a root), the chunk they are, and what was paid by then.
 * Two things can be proved with it.
 *
 *   fault 1, a wrong unit     statement + k_j + one encrypted block that does not
 *                             decrypt to the block which the content id names
 *   silence, a key withheld   statement + x_j: unit j was paid, so k_j is owed
 *
 * Invariants: J1 whatever is accepted as evidence contains the provider's own
 *                signature over the fault: bytes that it did not sign convict nobody.
 *             J2 a provider that signs only statements of what it sends, and sends
 *                what the content id names, is never convicted.
 *             J3 a provider that keeps its session records can answer every question
 *                that is accepted.
 *             J4 a customer that checked the statement can convict for any wrong unit.
 *
 * A verdict costs one signature, at most 255 steps of a chain, one block and about
 * 40 hashes more. Memory: caller's. Threads: any. Spec: spec/content.md 5. */
#ifndef SOUK_CONTENT_JUDGE_H
#define SOUK_CONTENT_JUDGE_H

#include "souk/content/chunk.h"
#include "souk/crypto/chain.h"
#include "souk/exchange/session.h"
#include "souk/ledger/judge.h"
#include "souk/payment/payer.h"

#define SOUK_SERVICE_CONTENT	1u
#define SOUK_CONTENT_FAULT_UNIT 1u

/* The judge, for a composition root's list: static const struct souk_judge x = SOUK_CONTENT_JUDGE;
 */
#define SOUK_CONTENT_JUDGE                                                                         \
	{                                                                                          \
		.service = SOUK_SERVICE_CONTENT, .convict = souk_content_convict,                  \
		.question = souk_content_question_check, .answer = souk_content_answer_check       \
	}

/* souk_content_convict: whether EVIDENCE, an encoded content_evidence, proves FAULT.
 *
 * Returns SOUK_OK: guilty, or why not:
 *   SOUK_PEER_NOT_GUILTY      another fault than 1; or the block is the right one.
 *   SOUK_PEER_BAD_STATEMENT   of another agreement, session or unit than the rest.
 *   SOUK_PEER_BAD_GRANT, _BAD_SIGNATURE, _WRONG_SIGNER, _BAD_KEY, _BAD_CONTENT, _NO_CHUNK,
 *   _WRONG_LENGTH, _BAD_PATH  that part of it proves nothing.
 *   SOUK_PEER_TRUNCATED and the like: no content_evidence. */
SOUK_MUST_CHECK souk_status souk_content_convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence);

/* souk_content_question_check: whether the provider owes the key that QUESTION, an encoded
 * content_question, asks for.
 *
 * Returns SOUK_OK, or as above, and SOUK_PEER_UNPAID: the ticket does not pay the unit. */
SOUK_MUST_CHECK souk_status souk_content_question_check(
	const struct souk_agreement *agreement, struct souk_bytes question);

/* souk_content_answer_check: whether ANSWER, an encoded content_answer, is that key.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_KEY, SOUK_PEER_TRUNCATED and the like. */
SOUK_MUST_CHECK souk_status souk_content_answer_check(const struct souk_agreement *agreement,
	struct souk_bytes question, struct souk_bytes answer);

/* ---- statements ---- */

/* cipher_root: over the 16 KiB blocks of UNIT, encrypted, 1 to SOUK_CHUNK_SIZE_MAX bytes. */
struct souk_hash souk_content_cipher_root(struct souk_bytes unit);

/* Sign unit->statement by PROVIDER. */
void souk_content_statement_sign(
	struct souk_signed_unit *unit, const struct souk_identity *provider);

/* souk_content_statement_check: whether UNIT says what a customer must have in hand before it pays:
 * that PROVIDER stands up, under AGREEMENT, for CIPHER being unit j, chunk INDEX of CONTENT.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_STATEMENT, _BAD_SIGNATURE, _WRONG_SIGNER: do not pay it. */
SOUK_MUST_CHECK souk_status souk_content_statement_check(const struct souk_signed_unit *unit,
	const struct souk_hash *agreement, const struct souk_grant *grant, uint32_t j,
	const struct souk_content *content, uint64_t index, struct souk_bytes cipher);

/* souk_content_statement_check_paid: whether what STATEMENT says was paid by then is what PAYER's
 * customer paid. Else the provider could withhold the key, and no question would be owed an answer.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_STATEMENT: do not pay it. */
SOUK_MUST_CHECK souk_status souk_content_statement_check_paid(
	const struct souk_unit_statement *statement, struct souk_payer_strip *payer);

/* ---- making evidence ---- */

/* A unit that failed its check, and what is right in its place. */
struct souk_content_case {
	const struct souk_ask *ask;
	const struct souk_grant *grant;
	const struct souk_signed_unit *unit;
	const struct souk_hash *key;	    /* k_j */
	const struct souk_hash *key_leaves; /* of the key chain's checkpoints, as the grant has */
	struct souk_bytes cipher;	    /* the whole unit, as it was sent */
	struct souk_bytes chunk;	    /* the right bytes, from another provider */
	const struct souk_hash *row;	    /* of the content, verified */
	struct souk_hash *scratch;	    /* room for the row */
};

/* souk_content_accuse: evidence for the first wrong block.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_GUILTY    the unit decrypts to the right bytes.
 *   SOUK_PEER_WRONG_LENGTH  the unit or the chunk is not as long as the statement says. */
SOUK_MUST_CHECK souk_status souk_content_accuse(
	struct souk_content_evidence *ret, const struct souk_content_case *about);

/* souk_content_answer: what a provider answers to QUESTION, from the record of its session.
 *
 *  In: chain  scratch; holds secrets afterwards, wipe it
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_UNKNOWN_SESSION  RECORD is of another session than the question.
 *   SOUK_PEER_OVERDRAW         the session has no such unit. */
SOUK_MUST_CHECK souk_status souk_content_answer(struct souk_content_answer *ret,
	const struct souk_content_question *question, const struct souk_session_record *record,
	struct souk_chain *chain);

#endif
