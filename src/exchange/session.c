/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/session.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/sha256.h"

/* Bytes of keystream to a number of the counter. */
#define CHACHA_BLOCK 64u

souk_status souk_session_secret(struct souk_hash *ret, const struct souk_seckey *mine,
	const struct souk_pubkey *peer, const struct souk_nonce *session,
	const struct souk_hash *ask)
{
	struct souk_hash shared;
	uint8_t message[SOUK_HASH_SIZE + SOUK_NONCE_SIZE + SOUK_HASH_SIZE];
	SOUK_TRY(souk_ecdh(&shared, mine, peer));
	memcpy(message, shared.bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, session->bytes, SOUK_NONCE_SIZE);
	memcpy(message + SOUK_HASH_SIZE + SOUK_NONCE_SIZE, ask->bytes, SOUK_HASH_SIZE);
	*ret = souk_sha256_domain("session", souk_bytes_of(message, sizeof message));
	souk_bytes_wipe(&shared, sizeof shared);
	souk_bytes_wipe(message, sizeof message);
	return SOUK_OK;
}

struct souk_unit_cipher souk_unit_cipher_of(const struct souk_nonce *session, uint32_t unit,
	uint64_t chunk, const struct souk_hash *key)
{
	uint8_t message[SOUK_SHA256_ONE_BLOCK_MAX];
	struct souk_unit_cipher cipher = {0};
	memcpy(message, "SKE", 3);
	memcpy(message + 3, session->bytes, SOUK_NONCE_SIZE);
	souk_store_be32(message + 19, unit);
	memcpy(message + 23, key->bytes, SOUK_HASH_SIZE);
	struct souk_hash derived = souk_sha256_one_block(message, sizeof message);
	memcpy(cipher.key, derived.bytes, sizeof cipher.key);
	souk_store_be64(cipher.nonce + 4, chunk);
	souk_bytes_wipe(message, sizeof message);
	souk_bytes_wipe(&derived, sizeof derived);
	return cipher;
}

void souk_unit_cipher_xor(
	const struct souk_unit_cipher *cipher, uint8_t *out, const uint8_t *in, size_t size)
{
	souk_chacha20_xor(out, in, size, cipher->key, cipher->nonce, 0);
}

void souk_unit_cipher_xor_at(const struct souk_unit_cipher *cipher, uint8_t *out, const uint8_t *in,
	size_t size, uint64_t offset)
{
	SOUK_CHECK(offset % CHACHA_BLOCK == 0);
	souk_chacha20_xor(
		out, in, size, cipher->key, cipher->nonce, (uint32_t)(offset / CHACHA_BLOCK));
}

struct souk_hash souk_unit_key_mask(
	const struct souk_hash *secret, uint32_t unit, const struct souk_hash *key)
{
	struct souk_hash masked;
	uint8_t nonce[12] = {0};
	souk_store_be64(nonce + 4, unit);
	souk_chacha20_xor(masked.bytes, key->bytes, sizeof masked.bytes, secret->bytes, nonce, 0);
	return masked;
}

/* "unit" || j || chunk || ticket, or "keys" || ticket; the ticket in its 40 bytes, if there is one.
 * The ticket's value is covered too: nobody on the path can spoil it and have the session blamed.
 */
struct souk_unit_auth souk_unit_request_auth(
	const struct souk_hash *secret, const struct souk_unit_request *request)
{
	uint8_t message[4 + 4 + 8 + SOUK_TICKET_SIZE_MAX];
	struct souk_writer writer;
	struct souk_unit_auth auth;
	souk_writer_init(&writer, message, sizeof message);
	souk_writer_text(&writer, request->unit > 0 ? "unit" : "keys");
	if (request->unit > 0) {
		souk_writer_u32(&writer, request->unit);
		souk_writer_u64(&writer, request->chunk);
	}
	if (request->has_ticket)
		souk_ticket_encode(&writer, &request->ticket);
	struct souk_hash mac = souk_hmac_sha256(souk_bytes_of(secret->bytes, sizeof secret->bytes),
		souk_bytes_of(message, writer.size));
	memcpy(auth.bytes, mac.bytes, sizeof auth.bytes);
	souk_bytes_wipe(&mac, sizeof mac);
	return auth;
}

void souk_offer_sign(struct souk_signed_offer *signed_offer, const struct souk_identity *provider)
{
	struct souk_hash digest = souk_offer_digest(&signed_offer->offer);
	souk_ecdsa_sign(&signed_offer->signature, &digest, provider);
}

void souk_grant_sign(struct souk_signed_grant *signed_grant, const struct souk_identity *provider)
{
	struct souk_hash digest = souk_grant_digest(&signed_grant->grant);
	souk_ecdsa_sign(&signed_grant->signature, &digest, provider);
}

static bool is_window(uint32_t window)
{
	return window >= 1 && window <= SOUK_WINDOW_MAX;
}

static bool are_units(uint32_t units)
{
	return units >= 1 && units <= SOUK_CHAIN_LENGTH_MAX;
}

/* No session for this offer could be paid if units_max * price were no amount. */
static bool is_price(struct souk_amount price, uint32_t units)
{
	struct souk_amount total;
	return price.ncoin > 0 && souk_amount_mul(&total, price, units) == SOUK_OK;
}

souk_status souk_offer_verify(const struct souk_signed_offer *signed_offer, struct souk_time now)
{
	const struct souk_offer *offer = &signed_offer->offer;
	if (offer->version != SOUK_EXCHANGE_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!is_window(offer->window) || !are_units(offer->units_max) ||
		!is_price(offer->price, offer->units_max) ||
		!souk_is_unit_shape(offer->size, offer->chunk_size) ||
		!souk_time_is_before(now, offer->expires))
		return SOUK_PEER_BAD_OFFER;
	struct souk_hash digest = souk_offer_digest(offer);
	return souk_ecdsa_verify(&offer->provider, &digest, &signed_offer->signature);
}

souk_status souk_grant_verify(const struct souk_signed_grant *signed_grant, struct souk_time now)
{
	const struct souk_grant *grant = &signed_grant->grant;
	if (grant->version != SOUK_EXCHANGE_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!is_window(grant->window) || !are_units(grant->units) ||
		!is_price(grant->price, grant->units) || !souk_time_is_before(now, grant->expires))
		return SOUK_PEER_BAD_GRANT;
	/* A chain without 256 values has no checkpoints, and one with them has a root. */
	if (souk_hash_is_zero(&grant->key_checkpoints) !=
		(souk_chain_checkpoint_count(grant->units) == 0))
		return SOUK_PEER_BAD_GRANT;
	struct souk_hash digest = souk_grant_digest(grant);
	return souk_ecdsa_verify(&grant->provider, &digest, &signed_grant->signature);
}

souk_status souk_key_leaves_check(
	const struct souk_grant *grant, const struct souk_hash *leaves, uint32_t count)
{
	struct souk_hash nodes[SOUK_CHAIN_CHECKPOINT_MAX];
	if (count != souk_chain_checkpoint_count(grant->units))
		return SOUK_PEER_BAD_CHECKPOINT;
	memcpy(nodes, leaves, count * sizeof *nodes);
	struct souk_hash root = souk_merkle_root(nodes, count);
	return souk_hash_equal(&root, &grant->key_checkpoints) ? SOUK_OK : SOUK_PEER_BAD_CHECKPOINT;
}

souk_status souk_grant_open_verify(const struct souk_grant_open *open, struct souk_time now)
{
	SOUK_TRY(souk_grant_verify(&open->grant, now));
	return souk_key_leaves_check(
		&open->grant.grant, open->key_leaves.items, open->key_leaves.count);
}
