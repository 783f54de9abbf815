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
 *                souk_keys_serve, and serves only while it has seen the ledger in the last quarter
 *                of the time to respond, is never convicted.
 *             J3 it can answer every question that is accepted: the key fragment is all it needs.
 *             J4 an invalid capsule convicts nobody, and is no question.
 *             J5 a receiver that checked the reply before it paid can convict for any wrong
 * fragment that it paid for.
 *
 * A verdict costs ten multiplications at most. Memory: caller's. Threads: any.
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

extern const struct souk_judge souk_keys_judge;

/* ---- making evidence: each checks what the judge would ---- */

/* souk_keys_accuse_fragment: evidence for item INDEX of a reply whose fragment failed.
 *
 * Returns SOUK_OK, or SOUK_PEER_NOT_GUILTY: the fragment is right. */
SOUK_MUST_CHECK souk_status souk_keys_accuse_fragment(struct souk_key_evidence *ret,
	const struct souk_key_request *request, const struct souk_key_reply *reply, uint32_t index,
	const struct souk_unit_cipher *cipher, const struct souk_agreement *agreement);

/* souk_keys_accuse_lock: evidence that the statement locks another key than k_j of the grant.
 *
 *  In: key_leaves  of the key chain's checkpoints, as the grant came with
 *
 * Returns SOUK_OK, or SOUK_PEER_NOT_GUILTY. */
SOUK_MUST_CHECK souk_status souk_keys_accuse_lock(struct souk_key_lock_evidence *ret,
	const struct souk_key_reply *reply, const struct souk_signed_grant *grant,
	const struct souk_hash *key, const struct souk_hash *key_leaves);

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
