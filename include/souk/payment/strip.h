/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/strip.h - a strip: one signature for up to 65,536 micropayments.
 *
 * A strip lays `count` units of `price` each on [start, start + count * price)
 * of its leaf's interval, and names the chain whose values are the tickets. The
 * issuer signs the size and the Merkle root of a batch of strips, so that one
 * signature serves many sessions.
 *
 * The key chain that a strip names has as many values as the strip has units,
 * so that unit j is paid by x_j and opened by k_j.
 *
 * Memory: caller's. Threads: any. Spec: spec/payment.md 3. */
#ifndef SOUK_PAYMENT_STRIP_H
#define SOUK_PAYMENT_STRIP_H

#include "souk/crypto/chain.h"
#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

#define SOUK_STRIP_BATCH_MAX 256u

/* souk_strip_end: start + count * price, checked.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_STRIP_RANGE  no units, no price, more than SOUK_CHAIN_LENGTH_MAX units, or an
 *                          amount out of range: refuse the strip. */
SOUK_MUST_CHECK souk_status souk_strip_end(struct souk_amount *ret, const struct souk_strip *strip);

/* souk_strip_sign_batch: fill signature and batch fields of OPENS[0..count), whose strips are set.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL  more than SOUK_STRIP_BATCH_MAX, or none; sign fewer at once. */
SOUK_MUST_CHECK souk_status souk_strip_sign_batch(
	struct souk_strip_open *const *opens, size_t count, const struct souk_identity *issuer);

/* souk_strip_verify_signature: LEAF's issuer signed the batch that holds STRIP.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_BATCH, SOUK_PEER_BAD_SIGNATURE, SOUK_PEER_WRONG_SIGNER:
 * refuse the strip or the claim. */
SOUK_MUST_CHECK souk_status souk_strip_verify_signature(const struct souk_strip *strip,
	const struct souk_allotment_leaf *leaf, const struct souk_signature *signature,
	uint32_t batch_index, uint32_t batch_count, const struct souk_hash *path, size_t depth);

/* souk_strip_open_verify: everything about OPEN that does not depend on who asks: version, path,
 * range inside the leaf, the ticket chain's checkpoint leaves, signature; the dearest check last.
 * Left to the payee: the leaf's provider, the terms of the grant, `expires`, overlapping strips.
 *
 *  Out: ret_base  where the leaf's interval starts on the value line
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _BAD_PATH, _STRIP_RANGE, _BAD_CHECKPOINT and those of
 * souk_strip_verify_signature: refuse the strip, keep the session waiting for a good one. */
SOUK_MUST_CHECK souk_status souk_strip_open_verify(struct souk_amount *ret_base,
	const struct souk_strip_open *open, const struct souk_allotment_record *record);

/* The evidence of a promise, without what only its payee needs. */
void souk_signed_strip_of(struct souk_signed_strip *ret, const struct souk_strip_open *open);

/* souk_signed_strip_verify: that the issuer of its leaf promised STRIP, as souk_strip_open_verify
 * but for the ticket chain, which is the payee's concern.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _NOT_PAYEE, _STRIP_RANGE, _BAD_CHECKPOINT, _BAD_PATH
 * and those of souk_strip_verify_signature: it is no evidence. */
SOUK_MUST_CHECK souk_status souk_signed_strip_verify(struct souk_amount *ret_base,
	const struct souk_signed_strip *strip, const struct souk_allotment_record *record);

#endif
