/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/session.h - what both sides of a session derive, and what they say about a unit.
 *
 *   customer's ephemeral key --\
 *                               ecdh --> session secret --> masks keys, authenticates requests
 *   provider's session key ----/
 *
 *   k_j of the provider's key chain --> cipher of unit j --> chunk xor keystream
 *
 * The unit's cipher is also its confidentiality in transit: bulk data travels
 * over plain HTTP/1.1 and is encrypted exactly once. The chunk's number is the
 * cipher's nonce, so that one keystream never covers two chunks, whatever either
 * side forgets.
 *
 * Memory: values; most of them are secrets. Threads: any. Spec: spec/exchange.md 3. */
#ifndef SOUK_EXCHANGE_SESSION_H
#define SOUK_EXCHANGE_SESSION_H

#include "souk/crypto/chain.h"
#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

#define SOUK_EXCHANGE_VERSION 1
/* Units that may be unpaid at once, at most: it bounds what a session keeps. */
#define SOUK_WINDOW_MAX	    64u
#define SOUK_UNIT_AUTH_SIZE 16

/* First 16 bytes of a MAC under the session secret. */
struct souk_unit_auth {
	uint8_t bytes[SOUK_UNIT_AUTH_SIZE];
};

/* What encrypts one unit. */
struct souk_unit_cipher {
	uint8_t key[32];
	uint8_t nonce[12];
};

/* k_unit of the key chain, masked under the session secret: the header Souk-Key. */
struct souk_unit_key {
	uint32_t unit;
	struct souk_hash masked;
};

/* A request of the data path: made by a customer, digested by a provider. */
struct souk_unit_request {
	struct souk_nonce session;
	uint32_t unit; /* j; 0: only the key is wanted (/v1/keys) */
	/* Of the content, or what a service numbers its unit with; 0 where unit is 0. */
	uint64_t chunk;
	bool has_ticket;
	struct souk_ticket ticket;
	struct souk_unit_auth auth;
};

/* Whether what is sold has a shape: chunks of a size; or, both 0, a service's units, whose bytes
 * are the service's and whose chunk numbers are any. */
static inline bool souk_is_unit_shape(uint64_t size, uint32_t chunk_size)
{
	return chunk_size != 0 || size == 0;
}

/* souk_session_secret: the same value for (mine, peer) on both sides.
 *
 *  In: ask  souk_ask_digest of the ask that the grant answers
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY: refuse the ask or the grant. */
SOUK_MUST_CHECK souk_status souk_session_secret(struct souk_hash *ret,
	const struct souk_seckey *mine, const struct souk_pubkey *peer,
	const struct souk_nonce *session, const struct souk_hash *ask);

/* The cipher of UNIT for CHUNK from k_unit. */
struct souk_unit_cipher souk_unit_cipher_of(const struct souk_nonce *session, uint32_t unit,
	uint64_t chunk, const struct souk_hash *key);
/* OUT = IN under the cipher; encrypts and decrypts; OUT may be IN. */
void souk_unit_cipher_xor(
	const struct souk_unit_cipher *cipher, uint8_t *out, const uint8_t *in, size_t size);

/* The same for a part of the unit that starts at OFFSET, a multiple of 64. */
void souk_unit_cipher_xor_at(const struct souk_unit_cipher *cipher, uint8_t *out, const uint8_t *in,
	size_t size, uint64_t offset);

/* k_unit masked under the session secret, or unmasked again. */
struct souk_hash souk_unit_key_mask(
	const struct souk_hash *secret, uint32_t unit, const struct souk_hash *key);

/* What request->auth must be. request->auth itself is not read. */
struct souk_unit_auth souk_unit_request_auth(
	const struct souk_hash *secret, const struct souk_unit_request *request);

/* Sign the message inside by PROVIDER, whose address it must carry. */
void souk_offer_sign(struct souk_signed_offer *signed_offer, const struct souk_identity *provider);
void souk_grant_sign(struct souk_signed_grant *signed_grant, const struct souk_identity *provider);

/* souk_offer_verify: that the offer is one a customer may act on.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION, _BAD_SIGNATURE, _WRONG_SIGNER  ignore the offer.
 *   SOUK_PEER_BAD_OFFER  expired, or a window, price, chunk size or unit count out of range:
 *                        ignore it, or ask the provider for a newer one.
 * Whether it is of a content or a service's (souk_is_unit_shape) is the caller's to ask. */
SOUK_MUST_CHECK souk_status souk_offer_verify(
	const struct souk_signed_offer *signed_offer, struct souk_time now);

/* souk_grant_verify: version, ranges and signature by grant.provider.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _BAD_GRANT, _BAD_SIGNATURE, _WRONG_SIGNER. */
SOUK_MUST_CHECK souk_status souk_grant_verify(
	const struct souk_signed_grant *signed_grant, struct souk_time now);

/* Whether COUNT leaves are those of the checkpoints of GRANT's key chain, under the root that it
 * states: SOUK_OK, or SOUK_PEER_BAD_CHECKPOINT. */
SOUK_MUST_CHECK souk_status souk_key_leaves_check(
	const struct souk_grant *grant, const struct souk_hash *leaves, uint32_t count);

/* souk_grant_open_verify: that, and the leaves of the key chain's checkpoints: as many as the chain
 * has, and under the root that the grant states.
 *
 * Returns SOUK_OK, those of souk_grant_verify, or
 *   SOUK_PEER_BAD_CHECKPOINT  the leaves are not those of the grant: refuse it. */
SOUK_MUST_CHECK souk_status souk_grant_open_verify(
	const struct souk_grant_open *open, struct souk_time now);

#endif
