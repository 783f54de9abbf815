/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/umbral.h - threshold proxy re-encryption, as umbral-pre 0.10 has it, byte for byte.
 *
 *   owner A: souk_umbral_encrypt ------------------------> capsule, ciphertext
 *            souk_umbral_delegate (t of n, for B) -------> n key fragments, one for each proxy
 *   proxy i: souk_umbral_kfrag_verify, souk_umbral_reencrypt(capsule) --> fragment i, with a proof
 *   B:       souk_umbral_open(t fragments) --------------> the content key
 *
 * A proxy learns nothing, nor do t - 1 of them. B with t of them could compute A's key: so every
 * policy has an A of its own, never a root key.
 *
 * What comes from others is parsed into a structure here and checked; a capsule that was parsed is
 * a valid one (its proof holds), a key fragment and a fragment still have to be verified. Lengths
 * are exact, scalars canonical, points on the curve, and the base point U is the one constant: a
 * key fragment with another one is refused, as it would convict an honest proxy (facts: umbral-pre
 * checks it against itself).
 *
 * Constant time in every secret: keys, r, u, x, polynomial, evaluation points, rk, t. What travels
 * in the open (capsules, fragments, signatures) may take a time of its own.
 *
 * Memory: values; secrets are wiped by who owns them. Threads: any. Spec: spec/keys.md. Source: D.
 * Nunez, "Umbral: a threshold proxy re-encryption scheme", 2018. */
#ifndef SOUK_KEYS_UMBRAL_H
#define SOUK_KEYS_UMBRAL_H

#include "souk/crypto/aead.h"
#include "souk/crypto/group.h"
#include "souk/crypto/secret.h"

/* Most fragments of one policy; umbral-pre has no bound. */
#define SOUK_UMBRAL_SHARES_MAX 64u

/* Sizes of the forms: "simple" is the fields one after the other, the other is MessagePack. */
#define SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE 98u
#define SOUK_UMBRAL_CAPSULE_SIZE	105u
#define SOUK_UMBRAL_KFRAG_SIZE		310u
#define SOUK_UMBRAL_CFRAG_SIMPLE_SIZE	359u
#define SOUK_UMBRAL_CFRAG_SIZE		381u
/* What a ciphertext has on top of its plain text. */
#define SOUK_UMBRAL_CIPHERTEXT_EXTRA (SOUK_AEAD_NONCE_SIZE + SOUK_AEAD_TAG_SIZE)

struct souk_umbral_key {
	struct souk_scalar secret; /* not zero */
	struct souk_point point;
};

struct souk_umbral_capsule {
	struct souk_point e, v;
	struct souk_scalar s;
};

struct souk_umbral_kfrag {
	uint8_t id[32];
	struct souk_scalar rk; /* secret */
	struct souk_point x;   /* the policy's ephemeral point */
	struct souk_point u1;  /* rk U */
	struct souk_ecdsa_rs proxy_signature;
	struct souk_ecdsa_rs receiver_signature;
	bool names_delegating; /* what the proxy's signature covers */
	bool names_receiving;
};

/* What a proxy answers with. */
struct souk_umbral_cfrag {
	struct souk_point e1, v1;
	uint8_t id[32];
	struct souk_point x;
	struct souk_point e2, v2, u1, u2;
	struct souk_scalar z;
	struct souk_ecdsa_rs receiver_signature;
};

/* The content key: what a capsule hides. Wipe it. */
struct souk_umbral_seed {
	uint8_t bytes[SOUK_PUBKEY_SIZE];
};

/* ---- forms ---- */

/* Each parse returns SOUK_OK, or
 *   SOUK_PEER_TRUNCATED, _TRAILING  not exactly its size.
 *   SOUK_PEER_BAD_REQUEST           not the form.
 *   SOUK_PEER_BAD_POINT, SOUK_PEER_NOT_CANONICAL
 *   SOUK_PEER_BAD_CAPSULE           capsules: the proof does not hold.
 *   SOUK_PEER_FOREIGN_PARAMETER     key fragments: another U.
 * in every case: refuse the message. */
SOUK_MUST_CHECK souk_status souk_umbral_capsule_parse_simple(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes);
SOUK_MUST_CHECK souk_status souk_umbral_capsule_parse(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes);
/* The same of COUNT capsules in the simple form, at most SOUK_UMBRAL_CAPSULES_MAX, together; where
 * one of them is bad its place is in RET_INDEX. */
#define SOUK_UMBRAL_CAPSULES_MAX 8u
SOUK_MUST_CHECK souk_status souk_umbral_capsules_parse_simple(struct souk_umbral_capsule *ret,
	size_t *ret_index, const struct souk_bytes *items, size_t count);
SOUK_MUST_CHECK souk_status souk_umbral_kfrag_parse(
	struct souk_umbral_kfrag *ret, struct souk_bytes bytes);
SOUK_MUST_CHECK souk_status souk_umbral_cfrag_parse_simple(
	struct souk_umbral_cfrag *ret, struct souk_bytes bytes);
SOUK_MUST_CHECK souk_status souk_umbral_cfrag_parse(
	struct souk_umbral_cfrag *ret, struct souk_bytes bytes);

void souk_umbral_capsule_format_simple(
	uint8_t ret[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE], const struct souk_umbral_capsule *capsule);
void souk_umbral_capsule_format(
	uint8_t ret[SOUK_UMBRAL_CAPSULE_SIZE], const struct souk_umbral_capsule *capsule);
void souk_umbral_kfrag_format(
	uint8_t ret[SOUK_UMBRAL_KFRAG_SIZE], const struct souk_umbral_kfrag *kfrag);
void souk_umbral_cfrag_format_simple(
	uint8_t ret[SOUK_UMBRAL_CFRAG_SIMPLE_SIZE], const struct souk_umbral_cfrag *cfrag);
void souk_umbral_cfrag_format(
	uint8_t ret[SOUK_UMBRAL_CFRAG_SIZE], const struct souk_umbral_cfrag *cfrag);

/* ---- keys ---- */

void souk_umbral_key_generate(struct souk_umbral_key *ret, struct souk_secret_rng *rng);
/* Returns SOUK_OK, or SOUK_PEER_NOT_CANONICAL: zero, or not below the order. */
SOUK_MUST_CHECK souk_status souk_umbral_key_of(
	struct souk_umbral_key *ret, const uint8_t secret[32]);
#define SOUK_UMBRAL_LABEL_MAX 256u
/* The key of LABEL, at most SOUK_UMBRAL_LABEL_MAX bytes, under a 32-byte seed: umbral-pre's
 * SecretKeyFactory. */
void souk_umbral_key_derive(
	struct souk_umbral_key *ret, const uint8_t seed[32], struct souk_bytes label);

/* ---- the owner ---- */

/* A fresh content key for KEY's owner, and the capsule that hides it. */
void souk_umbral_encapsulate(struct souk_umbral_capsule *ret_capsule,
	struct souk_umbral_seed *ret_seed, const struct souk_point *key,
	struct souk_secret_rng *rng);
/* The owner's way back. */
void souk_umbral_decapsulate(struct souk_umbral_seed *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_key *key);

/* Encrypt PLAIN under SEED into OUT, SOUK_UMBRAL_CIPHERTEXT_EXTRA longer: nonce, ciphertext, tag.
 */
void souk_umbral_seal(uint8_t *out, const struct souk_umbral_seed *seed,
	const struct souk_umbral_capsule *capsule, struct souk_bytes plain,
	struct souk_secret_rng *rng);
/* Returns SOUK_OK, or SOUK_PEER_BAD_CIPHERTEXT. OUT is SOUK_UMBRAL_CIPHERTEXT_EXTRA shorter. */
SOUK_MUST_CHECK souk_status souk_umbral_unseal(uint8_t *out, const struct souk_umbral_seed *seed,
	const struct souk_umbral_capsule *capsule, struct souk_bytes ciphertext);

/* souk_umbral_delegate: key fragments for SHARES proxies, any THRESHOLD of which let RECEIVING read
 * what is encrypted to DELEGATING.
 *
 *  In:     signer  whose verifying key others are told
 *          names_delegating, names_receiving  whether a proxy is shown whom it serves
 *  Out:    ret     SHARES of them
 *
 * Returns SOUK_OK, or SOUK_LOCAL_STATE: not 1 <= threshold <= shares <= SOUK_UMBRAL_SHARES_MAX. */
SOUK_MUST_CHECK souk_status souk_umbral_delegate(struct souk_umbral_kfrag *ret, uint32_t threshold,
	uint32_t shares, const struct souk_umbral_key *delegating,
	const struct souk_point *receiving, const struct souk_umbral_key *signer,
	bool names_delegating, bool names_receiving, struct souk_secret_rng *rng);

/* ---- a proxy ---- */

/* souk_umbral_kfrag_verify: whether the proxy can serve with KFRAG without ever being blamed for
 * it. DELEGATING and RECEIVING are NULL where they are not known; they must be given where the
 * signature names them.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_KEY_FRAGMENT: do not accept it. */
SOUK_MUST_CHECK souk_status souk_umbral_kfrag_verify(const struct souk_umbral_kfrag *kfrag,
	const struct souk_point *verifying, const struct souk_point *delegating,
	const struct souk_point *receiving);

/* Re-encrypt with a verified KFRAG, and prove it. FRESH: 32 bytes that were never used before; the
 * proof's nonce depends on key and capsule as well, so that a bad source does not give rk away. */
void souk_umbral_reencrypt(struct souk_umbral_cfrag *ret, const struct souk_umbral_capsule *capsule,
	const struct souk_umbral_kfrag *kfrag, const uint8_t fresh[32]);

/* The same of COUNT capsules, together; a FRESH for each. */
void souk_umbral_reencrypt_all(struct souk_umbral_cfrag *ret,
	const struct souk_umbral_capsule *capsules, size_t count,
	const struct souk_umbral_kfrag *kfrag, const struct souk_hash *fresh);

/* souk_umbral_serve: from a capsule's bytes (the packed form), which are checked on the
 * way.
 *
 * Returns SOUK_OK, or those of souk_umbral_capsule_parse: refuse the request. */
SOUK_MUST_CHECK souk_status souk_umbral_serve(struct souk_umbral_cfrag *ret,
	struct souk_bytes capsule_bytes, const struct souk_umbral_kfrag *kfrag,
	const uint8_t fresh[32]);

/* ---- the receiver ---- */

/* souk_umbral_cfrag_verify: whether CFRAG is the honest answer of a proxy with a key fragment that
 * VERIFYING's owner made for RECEIVING.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_FRAGMENT: evidence, with the proxy's signature under it. */
SOUK_MUST_CHECK souk_status souk_umbral_cfrag_verify(const struct souk_umbral_cfrag *cfrag,
	const struct souk_umbral_capsule *capsule, const struct souk_point *verifying,
	const struct souk_point *delegating, const struct souk_point *receiving);

/* souk_umbral_open: the content key from THRESHOLD or more fragments. They need not be verified
 * before: the result is checked against the capsule. Where that fails, verify each, to know whom
 * to blame.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_FRAGMENTS_DIFFER  none, too many, of different policies, or one of them twice.
 *   SOUK_PEER_BAD_FRAGMENT      too few, or one of them is wrong. */
SOUK_MUST_CHECK souk_status souk_umbral_open(struct souk_umbral_seed *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_cfrag *cfrags,
	size_t count, const struct souk_umbral_key *receiving, const struct souk_point *delegating);

/* U: whose discrete logarithm nobody knows (RFC 9380, DST "PARAMETERS", message "POINT_U"). */
struct souk_point souk_umbral_parameter(void);

#endif
