/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/share.h - the file that a receiver is given: which content, and how to have its key.
 *
 *   owner     policy (t of n, until when), file key --> share: capsule for the policy, file key
 *             encrypted under the capsule's content key; signed by the policy's verifying key
 *   receiver  check --> t fragments of the capsule --> content key --> file key --> the content
 *
 * A share is no secret: without the receiver's key and t proxies it opens nothing. What it says is
 * believed only as far as the signature reaches, and that is the owner's, whoever that is: a share
 * that somebody made up is consistent with itself too. The agreements that it names are compared
 * with the ledger's by who asks the proxies.
 *
 * Memory: caller's; file keys are secrets. Threads: any. Spec: spec/keys.md 10. */
#ifndef SOUK_KEYS_SHARE_H
#define SOUK_KEYS_SHARE_H

#include "souk/crypto/ecdsa.h"
#include "souk/keys/sealed.h"
#include "souk/keys/umbral.h"
#include "souk/wire/messages.h"

/* "souk-share:", hexadecimal, a line's end, a terminator. */
#define SOUK_SHARE_PREFIX "souk-share:"
#define SOUK_SHARE_TEXT_SIZE_MAX                                                                   \
	(sizeof SOUK_SHARE_PREFIX + 2 * SOUK_SIGNED_CONTENT_SHARE_SIZE_MAX + 1)

/* The same of a policy alone. */
#define SOUK_SHARE_POLICY_PREFIX "souk-policy:"
#define SOUK_SHARE_POLICY_TEXT_SIZE_MAX                                                            \
	(sizeof SOUK_SHARE_POLICY_PREFIX + 2 * SOUK_KEY_POLICY_SIZE_MAX + 1)

/* souk_share_make: fill in capsule, wrapped key and signature; the rest of ret->share is filled.
 *
 *  In: seed    of CAPSULE, which is for ret->share.policy
 *      signer  the policy's verifying key */
void souk_share_make(struct souk_signed_content_share *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_seed *seed,
	const uint8_t file_key[SOUK_SEALED_KEY_SIZE], const struct souk_umbral_key *signer,
	struct souk_secret_rng *rng);

/* souk_share_check: whether what it says can be acted upon.
 *
 *  Out: ret_capsule  may be NULL
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_SHARE  forged; a threshold that its proxies cannot meet, one of them twice; a
 * name that is none for a file: ask the owner for another one. SOUK_PEER_BAD_SEAL   no sealed file
 * has that size. those of souk_umbral_capsule_parse_simple. */
SOUK_MUST_CHECK souk_status souk_share_check(const struct souk_signed_content_share *signed_share,
	struct souk_umbral_capsule *ret_capsule);

/* souk_share_file_key: the file key, from the capsule's content key. Wipe it.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_CIPHERTEXT: not the seed of this share's capsule. */
SOUK_MUST_CHECK souk_status souk_share_file_key(uint8_t ret[SOUK_SEALED_KEY_SIZE],
	const struct souk_content_share *share, const struct souk_umbral_seed *seed);

/* As a file has it. Returns its length. */
size_t souk_share_format(
	char out[SOUK_SHARE_TEXT_SIZE_MAX], const struct souk_signed_content_share *share);
/* souk_share_parse: not checked yet. White space at the end is allowed.
 *
 * Returns SOUK_OK, SOUK_PEER_BAD_SHARE: no such file, or why it cannot be decoded. */
SOUK_MUST_CHECK souk_status souk_share_parse(
	struct souk_signed_content_share *ret, struct souk_bytes text);

/* A policy that belongs to no content, as its receiver is given it. */
size_t souk_share_policy_format(
	char out[SOUK_SHARE_POLICY_TEXT_SIZE_MAX], const struct souk_key_policy *policy);
/* souk_share_policy_parse: nobody has signed it: what it says is compared with the ledger's
 * agreements by who asks the proxies.
 *
 * Returns SOUK_OK, SOUK_PEER_BAD_SHARE: no such file, or a threshold that its proxies cannot meet,
 * or one of them twice; or why it cannot be decoded. */
SOUK_MUST_CHECK souk_status souk_share_policy_parse(
	struct souk_key_policy *ret, struct souk_bytes text);

#endif
