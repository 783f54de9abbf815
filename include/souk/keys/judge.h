/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/judge.h - the judge of service 3, keys.
 *
 *   fault 1, a wrong fragment   one capsule, its encrypted fragment, the cipher, the signature
 *   fault 2, served too late    the statement names a block from after the end, the revocation or
 *                               the deletion, by more than half the time to respond
 *   fault 3, a false lock       k_j of the session's chain is not the key that the statement locks
 *   silence                     a capsule on the ledger that is not re-encrypted in time
 *
 * Invariants: J1 whatever convicts carries the proxy's own signature over the fault.
 *             J2 a proxy that checked its key fragment (souk_keys_kfrag_check), answers with
 *                souk_keys_serve, serves only while it has seen the ledger in the last quarter of
 *                the time to respond, and signs deletions with the ledger's time, is never
 *                convicted; but for a header that the ledger's operator signs with a false time.
 *             J3 it can answer every question that is accepted: the key fragment is all it needs.
 *             J4 an invalid capsule convicts nobody, and is no question.
 *             J5 a receiver that checked the reply before it paid can convict for any wrong
 * fragment that it paid for.
 *
 * A verdict costs a dozen multiplications at most. Memory: caller's. Threads: any.
 * Spec: spec/keys.md 8. */
#ifndef SOUK_KEYS_JUDGE_H
#define SOUK_KEYS_JUDGE_H

#include "souk/keys/service.h"
#include "souk/ledger/judge.h"

#define SOUK_KEYS_FAULT_FRAGMENT 1u
#define SOUK_KEYS_FAULT_LATE	 2u
#define SOUK_KEYS_FAULT_LOCK	 3u

/* Evidence of fault 1, encoded, at most. */
#define SOUK_KEYS_EVIDENCE_SIZE_MAX 700u

/* The judge, for a composition root's list: static const struct souk_judge x = SOUK_KEYS_JUDGE; */
#define SOUK_KEYS_JUDGE                                                                            \
	{                                                                                          \
		.service = SOUK_SERVICE_KEYS, .convict = souk_keys_convict,                        \
		.question = souk_keys_question_check, .answer = souk_keys_answer_check,            \
		.terms = souk_keys_terms_check, .may_ask = souk_keys_may_ask,                      \
		.convict_revoked = souk_keys_convict_revoked                                       \
	}

/* souk_keys_convict: whether EVIDENCE proves FAULT, under an agreement whose terms passed
 * souk_keys_terms_check.
 *
 * Returns SOUK_OK: guilty, or why not:
 *   SOUK_PEER_NOT_GUILTY     no such fault; the fragment, the time or the lock is right.
 *   SOUK_PEER_BAD_STATEMENT, _BAD_PATH, _BAD_GRANT, _BAD_KEY, _BAD_CAPSULE, _WRONG_LENGTH,
 *   _TX_WRONG_LEDGER, _BAD_SIGNATURE, _WRONG_SIGNER  that part of it proves nothing.
 *   SOUK_PEER_TRUNCATED and the like: not the evidence of that fault. */
SOUK_MUST_CHECK souk_status souk_keys_convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence);
/* The same of an agreement that was revoked at REVOKED. */
SOUK_MUST_CHECK souk_status souk_keys_convict_revoked(const struct souk_agreement *agreement,
	struct souk_time revoked, uint32_t fault, struct souk_bytes evidence);

/* souk_keys_question_check: whether QUESTION, an encoded key_question, is owed an answer.
 *
 * Returns SOUK_OK, or those of souk_umbral_capsule_parse_simple; SOUK_PEER_TRUNCATED and the like.
 */
SOUK_MUST_CHECK souk_status souk_keys_question_check(
	const struct souk_agreement *agreement, struct souk_bytes question);

/* souk_keys_answer_check: whether ANSWER, an encoded key_answer, answers it.
 *
 * Returns SOUK_OK, or those of souk_keys_fragment_verify; SOUK_PEER_TRUNCATED and the like. */
SOUK_MUST_CHECK souk_status souk_keys_answer_check(const struct souk_agreement *agreement,
	struct souk_bytes question, struct souk_bytes answer);

/* As souk_keys_policy_parse. */
SOUK_MUST_CHECK souk_status souk_keys_terms_check(const struct souk_agreement *agreement);
/* Whether WHO is the receiver: the address of its point. */
bool souk_keys_may_ask(const struct souk_agreement *agreement, const struct souk_address *who);

/* ---- making evidence: each checks what the judge would ---- */

/* souk_keys_accuse_fragment: evidence for item INDEX of a reply whose fragment failed.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_GUILTY  the fragment is right.
 *   SOUK_PEER_BAD_STATEMENT, _BAD_SIGNATURE, _WRONG_SIGNER, _BAD_CAPSULE  the reply was not checked
 *                         (souk_keys_reply_check), or CIPHER is not what it was locked with. */
SOUK_MUST_CHECK souk_status souk_keys_accuse_fragment(struct souk_key_evidence *ret,
	const struct souk_key_request *request, const struct souk_key_reply *reply, uint32_t index,
	const struct souk_unit_cipher *cipher, const struct souk_agreement *agreement);

/* souk_keys_accuse_late: evidence that STATEMENT names a block from after the end.
 *
 *  In: revoked   of the agreement's record; agreement->ends, or later, where it was not
 *      block     whose hash the request named
 *      deletion  the proxy's receipt, or NULL
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_GUILTY   not by more than half the time to respond.
 *   SOUK_PEER_TX_WRONG_LEDGER, _BAD_STATEMENT, _BAD_SIGNATURE, _WRONG_SIGNER  the parts do not
 *                          belong together: nothing is proved. */
SOUK_MUST_CHECK souk_status souk_keys_accuse_late(struct souk_key_late_evidence *ret,
	const struct souk_agreement *agreement, struct souk_time revoked,
	const struct souk_signed_key_statement *statement, const struct souk_genesis *genesis,
	const struct souk_signed_block_header *block,
	const struct souk_signed_key_deletion *deletion);

/* souk_keys_accuse_lock: evidence that the statement locks another key than k_j of the grant.
 *
 *  In: key_leaves  of the key chain's checkpoints, as the grant came with
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_GUILTY
 *   SOUK_PEER_BAD_GRANT, _BAD_KEY  of another session, or KEY is not its k_j: nothing is proved. */
SOUK_MUST_CHECK souk_status souk_keys_accuse_lock(struct souk_key_lock_evidence *ret,
	const struct souk_key_reply *reply, const struct souk_signed_grant *grant,
	const struct souk_hash *key, const struct souk_hash *key_leaves,
	const struct souk_agreement *agreement);

/* ---- challenges ---- */

/* souk_keys_answer: what a proxy answers to QUESTION.
 *
 *  In: secret  as souk_keys_serve
 *
 * Returns SOUK_OK, or why the question is none: it was not accepted then. */
SOUK_MUST_CHECK souk_status souk_keys_answer(struct souk_key_answer *ret,
	const struct souk_key_question *question, const struct souk_umbral_kfrag *kfrag,
	const uint8_t secret[32]);

/* ---- deletion ---- */

void souk_keys_deletion_sign(
	struct souk_signed_key_deletion *deletion, const struct souk_identity *proxy);
/* SOUK_OK, or SOUK_PEER_BAD_SIGNATURE, _WRONG_SIGNER. */
SOUK_MUST_CHECK souk_status souk_keys_deletion_verify(
	const struct souk_signed_key_deletion *deletion, const struct souk_address *proxy);

#endif
