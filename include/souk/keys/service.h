/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/service.h - re-encryption as a service of the exchange: what both sides of a unit do.
 *
 *   owner      key_terms: A, B, t, and the key fragment that the proxy is given, committed to
 *              --> agreement.details; its deposit answers for what follows
 *   receiver   key_request: 1 to 8 capsules, and a late block of the ledger
 *   proxy      key_reply:   a fragment for each, encrypted under k_j, and a signed statement
 *   receiver   checks the statement, pays, has k_j, opens the fragments, checks each of them
 *
 * A unit is one request. It goes the way of every unit (souk/exchange): the session's "content" is
 * the agreement, and its chunk number is the number of the request. Each fragment is encrypted
 * under a key of its own, made of k_j and of its capsule: no keystream covers two fragments, and
 * two requests with one number, which somebody may look for, gain nothing.
 *
 * On the wire a fragment is 197 bytes, e1 v1 e2 v2 u2 z: what a proxy can get wrong. The rest of a
 * capsule fragment (id, X, u1, the receiver's signature) stands in the terms.
 *
 * Invariants: K1 a statement fixes what was asked (capsules, block) and what was sent (encrypted
 *                fragments, the lock of k_j): with k_j it shows whether the fragments are right.
 *             K2 the same request under the same unit has the same reply: nothing is drawn twice.
 *
 * Memory: caller's; key fragments are secrets. Threads: any. Spec: spec/keys.md 7. */
#ifndef SOUK_KEYS_SERVICE_H
#define SOUK_KEYS_SERVICE_H

#include "souk/exchange/session.h"
#include "souk/keys/umbral.h"
#include "souk/wire/messages.h"

#define SOUK_SERVICE_KEYS 3u

#define SOUK_KEYS_BATCH_MAX	8u
#define SOUK_KEYS_FRAGMENT_SIZE 197u /* on the wire */

/* What terms say, as points: parsed and checked once. */
struct souk_keys_policy {
	struct souk_point delegating, receiving, verifying, x, u1;
	uint8_t id[32];
	struct souk_ecdsa_rs receiver_signature;
	uint32_t threshold;
	struct souk_amount price;
};

/* souk_keys_terms_of: what an owner commits to for KFRAG. */
void souk_keys_terms_of(struct souk_key_terms *ret, const struct souk_umbral_kfrag *kfrag,
	const struct souk_point *delegating, const struct souk_point *receiving,
	const struct souk_point *verifying, uint32_t threshold, struct souk_amount price);

/* Write TERMS into agreement->details, and its digest into agreement->terms. */
void souk_keys_agreement_set(struct souk_agreement *agreement, const struct souk_key_terms *terms);

/* souk_keys_policy_parse: read agreement->details.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_AGREEMENT_TERMS  another service's; `terms` is not the digest of the details; a
 *                              threshold out of range, or no price.
 *   SOUK_PEER_BAD_POINT, _NOT_CANONICAL, _TRUNCATED and the like  not key_terms.
 *   SOUK_PEER_BAD_KEY_FRAGMENT  the receiver's signature is not the verifying key's: every fragment
 *                               of this policy would be wrong.
 * in each case: do not enter into it. */
SOUK_MUST_CHECK souk_status souk_keys_policy_parse(
	struct souk_keys_policy *ret, const struct souk_agreement *agreement);

/* souk_keys_kfrag_check: whether KFRAG is the one that POLICY commits to, and whoever serves with
 * it can never be blamed.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_KEY_FRAGMENT: do not enter into the agreement. */
SOUK_MUST_CHECK souk_status souk_keys_kfrag_check(
	const struct souk_keys_policy *policy, const struct souk_umbral_kfrag *kfrag);

/* ---- fragments on the wire ---- */

void souk_keys_fragment_format(
	uint8_t ret[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_umbral_cfrag *cfrag);
/* souk_keys_fragment_parse: the whole fragment, with what POLICY says.
 *
 * Returns SOUK_OK: not verified yet, or SOUK_PEER_BAD_POINT, _NOT_CANONICAL: evidence. */
SOUK_MUST_CHECK souk_status souk_keys_fragment_parse(struct souk_umbral_cfrag *ret,
	const uint8_t bytes[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_keys_policy *policy);
/* souk_keys_fragment_verify: parse, and the proof. SOUK_OK, or as above, or
 * SOUK_PEER_BAD_FRAGMENT: evidence. */
SOUK_MUST_CHECK souk_status souk_keys_fragment_verify(struct souk_umbral_cfrag *ret,
	const uint8_t bytes[SOUK_KEYS_FRAGMENT_SIZE], const struct souk_umbral_capsule *capsule,
	const struct souk_keys_policy *policy);

/* ---- a unit ---- */

/* The number of a request: the chunk of souk_customer_next and of the path. */
uint64_t souk_keys_request_number(const struct souk_key_request *request);

/* The lock of a unit's cipher, as statements state it: D("key_lock", key of the cipher). Whoever
 * has k_j has the cipher (souk_unit_cipher_of). */
struct souk_hash souk_keys_lock(const struct souk_unit_cipher *cipher);

/* The leaf of one capsule and its encrypted fragment under a statement's root. */
struct souk_hash souk_keys_leaf(const uint8_t capsule[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE],
	const uint8_t fragment[SOUK_KEYS_FRAGMENT_SIZE]);

/* souk_keys_request_parse: what a proxy does before a unit is bound to a request.
 *
 *  Out: ret        as many as the request has; each valid
 *       ret_index  of the bad capsule, where it is one's fault
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_REQUEST  no capsules, or the request's number is not NUMBER.
 *   those of souk_umbral_capsule_parse_simple
 * in each case: refuse it, nothing is owed for it. */
SOUK_MUST_CHECK souk_status souk_keys_request_parse(
	struct souk_umbral_capsule ret[SOUK_KEYS_BATCH_MAX], uint32_t *ret_index,
	const struct souk_key_request *request, uint64_t number);

/* souk_keys_serve: the reply to a request, which the exchange has agreed to answer.
 *
 *  Out: ret       complete but for the signature
 *  In:  capsules  of souk_keys_request_parse
 *       kfrag     the agreement's
 *       cipher    of the unit (souk_provider_reply)
 *       secret    32 bytes that the proxy keeps: proofs are derived from it (K2) */
void souk_keys_serve(struct souk_key_reply *ret, const struct souk_key_request *request,
	const struct souk_umbral_capsule *capsules, const struct souk_hash *agreement,
	const struct souk_nonce *session, uint32_t unit, const struct souk_umbral_kfrag *kfrag,
	const struct souk_unit_cipher *cipher, const uint8_t secret[32]);

/* Sign reply->statement by PROXY. */
void souk_keys_reply_sign(struct souk_key_reply *reply, const struct souk_identity *proxy);

/* souk_keys_reply_check: whether REPLY says what a receiver must have in hand before it pays.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_STATEMENT  of another agreement, session, unit or request; or its root is not
 *                            that of what came.
 *   SOUK_PEER_WRONG_LENGTH   not a fragment for each capsule.
 *   SOUK_PEER_BAD_SIGNATURE, _WRONG_SIGNER
 * in each case: do not pay it. */
SOUK_MUST_CHECK souk_status souk_keys_reply_check(const struct souk_key_reply *reply,
	const struct souk_key_request *request, const struct souk_hash *agreement,
	const struct souk_nonce *session, uint32_t unit, const struct souk_address *proxy);

/* souk_keys_reply_open: the fragments, decrypted.
 *
 *  Out: ret  as many as the request has capsules, encoded
 *  In:  reply   checked (souk_keys_reply_check)
 *       cipher  of the unit, from k_j (souk_customer_cipher)
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_KEY: the statement has another lock: evidence. */
SOUK_MUST_CHECK souk_status souk_keys_reply_open(
	uint8_t ret[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE],
	const struct souk_key_reply *reply, const struct souk_key_request *request,
	const struct souk_unit_cipher *cipher);

#endif
