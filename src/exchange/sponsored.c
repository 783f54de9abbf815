/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/sponsored.h"

#include <string.h>

#include "customer_internal.h"
#include "souk/base/check.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/sha256.h"

souk_status souk_sponsor_secret(struct souk_hash *ret, const struct souk_identity *mine,
	const struct souk_pubkey *peer, const struct souk_recruit *recruit)
{
	uint8_t message[2 * SOUK_HASH_SIZE];
	struct souk_hash shared, digest = souk_recruit_digest(recruit);
	SOUK_TRY(souk_ecdh(&shared, &mine->seckey, peer));
	memcpy(message, shared.bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, digest.bytes, SOUK_HASH_SIZE);
	*ret = souk_sha256_domain("sponsor_secret", souk_bytes_of(message, sizeof message));
	souk_bytes_wipe(&shared, sizeof shared);
	souk_bytes_wipe(message, sizeof message);
	return SOUK_OK;
}

souk_status souk_sponsor_pair(
	struct souk_hash *ret, const struct souk_identity *mine, const struct souk_pubkey *peer)
{
	struct souk_hash shared;
	SOUK_TRY(souk_ecdh(&shared, &mine->seckey, peer));
	*ret = souk_sha256_domain("sponsor_pair", souk_bytes_of(shared.bytes, SOUK_HASH_SIZE));
	souk_bytes_wipe(&shared, sizeof shared);
	return SOUK_OK;
}

struct souk_hash souk_strip_seal_of(const struct souk_hash *pair, const struct souk_nonce *session)
{
	uint8_t message[SOUK_HASH_SIZE + SOUK_NONCE_SIZE];
	memcpy(message, pair->bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, session->bytes, SOUK_NONCE_SIZE);
	struct souk_hash seal =
		souk_sha256_domain("strip_seal", souk_bytes_of(message, sizeof message));
	souk_bytes_wipe(message, sizeof message);
	return seal;
}

void souk_strip_seal(const struct souk_hash *seal, uint8_t *out, size_t size)
{
	static const uint8_t nonce[12];
	souk_chacha20_xor(out, out, size, seal->bytes, nonce, 0);
}

static struct souk_hash derive(const char *domain, const struct souk_hash *secret,
	const struct souk_nonce *session, const struct souk_hash *ask)
{
	uint8_t message[SOUK_HASH_SIZE + SOUK_NONCE_SIZE + SOUK_HASH_SIZE];
	memcpy(message, secret->bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, session->bytes, SOUK_NONCE_SIZE);
	memcpy(message + SOUK_HASH_SIZE + SOUK_NONCE_SIZE, ask->bytes, SOUK_HASH_SIZE);
	struct souk_hash key = souk_sha256_domain(domain, souk_bytes_of(message, sizeof message));
	souk_bytes_wipe(message, sizeof message);
	return key;
}

struct souk_hash souk_sponsored_keys(const struct souk_hash *secret,
	const struct souk_nonce *session, const struct souk_hash *ask)
{
	return derive("sponsored_keys", secret, session, ask);
}

struct souk_hash souk_sponsored_session_secret(const struct souk_hash *secret,
	const struct souk_nonce *session, const struct souk_hash *ask)
{
	return derive("sponsored_session", secret, session, ask);
}

struct souk_ask souk_sponsored_ask(const struct souk_strip *strip)
{
	return (struct souk_ask){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = strip->payee,
		.content = strip->request,
		.units = strip->count,
		.price = strip->price,
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.customer = strip->customer,
	};
}

struct souk_grant souk_sponsored_grant(const struct souk_strip *strip, uint16_t window)
{
	struct souk_ask ask = souk_sponsored_ask(strip);
	return (struct souk_grant){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = strip->payee,
		.session = strip->nonce,
		.ask = souk_ask_digest(&ask),
		.price = strip->price,
		.units = strip->count,
		.window = window,
		.key_anchor = strip->key_anchor,
		.key_checkpoints = strip->key_checkpoints,
		.session_key = strip->customer,
		.expires = strip->expires,
	};
}

/* ------------------------------------------------------------------ recruiting */

void souk_recruit_sign(
	struct souk_signed_recruit *signed_recruit, const struct souk_identity *sponsor)
{
	struct souk_hash digest = souk_recruit_digest(&signed_recruit->recruit);
	souk_ecdsa_sign(&signed_recruit->signature, &digest, sponsor);
}

void souk_enlist_sign(
	struct souk_signed_enlist *signed_enlist, const struct souk_identity *provider)
{
	struct souk_hash digest = souk_enlist_digest(&signed_enlist->enlist);
	souk_ecdsa_sign(&signed_enlist->signature, &digest, provider);
}

/* KEY is the one that WHO's address comes from, and signed DIGEST. */
static souk_status check_signed(const struct souk_pubkey *key, const struct souk_address *who,
	const struct souk_hash *digest, const struct souk_signature *signature)
{
	struct souk_address address;
	SOUK_TRY(souk_address_of_pubkey(&address, key));
	if (!souk_address_equal(&address, who))
		return SOUK_PEER_WRONG_SIGNER;
	return souk_ecdsa_verify(who, digest, signature);
}

souk_status souk_recruit_verify(const struct souk_signed_recruit *signed_recruit,
	const struct souk_address *provider, struct souk_time now)
{
	const struct souk_recruit *recruit = &signed_recruit->recruit;
	if (recruit->version != SOUK_SPONSOR_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&recruit->provider, provider) || recruit->price.ncoin == 0 ||
		!souk_time_is_before(now, recruit->expires))
		return SOUK_PEER_BAD_REQUEST;
	struct souk_hash digest = souk_recruit_digest(recruit);
	return check_signed(
		&recruit->sponsor_key, &recruit->sponsor, &digest, &signed_recruit->signature);
}

souk_status souk_enlist_verify(const struct souk_signed_enlist *signed_enlist,
	const struct souk_recruit *recruit, struct souk_time now)
{
	const struct souk_enlist *enlist = &signed_enlist->enlist;
	const struct souk_offer *offer = &signed_enlist->offer.offer;
	struct souk_hash asked = souk_recruit_digest(recruit), digest = souk_enlist_digest(enlist);
	if (enlist->version != SOUK_SPONSOR_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_hash_equal(&enlist->recruit, &asked) ||
		!souk_time_is_before(now, recruit->expires))
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(check_signed(
		&enlist->provider_key, &recruit->provider, &digest, &signed_enlist->signature));
	SOUK_TRY(souk_offer_verify(&signed_enlist->offer, now));
	bool agreed = souk_address_equal(&offer->provider, &recruit->provider) &&
		      souk_hash_equal(&offer->content, &recruit->content) &&
		      offer->price.ncoin <= recruit->price.ncoin;
	return agreed ? SOUK_OK : SOUK_PEER_BAD_OFFER;
}

/* ------------------------------------------------------------------ the viewer's customer */

souk_status souk_customer_sponsored(struct souk_customer *customer, const struct souk_offer *offer,
	const struct souk_bundle_session *session, struct souk_time now)
{
	const struct souk_strip *strip = &session->strip.strip;
	bool is_offered = strip->version == SOUK_STRIP_VERSION &&
			  souk_address_equal(&strip->payee, &offer->provider) &&
			  souk_hash_equal(&strip->request, &offer->content) &&
			  strip->price.ncoin == offer->price.ncoin && strip->count > 0 &&
			  strip->count <= offer->units_max;
	if (!is_offered)
		return SOUK_PEER_STRIP_TERMS;
	if (!souk_time_is_before(now, strip->expires))
		return SOUK_PEER_STRIP_EXPIRED;
	struct souk_grant grant = souk_sponsored_grant(strip, offer->window);
	SOUK_TRY(souk_key_leaves_check(
		&grant, session->key_leaves.items, session->key_leaves.count));
	memset(customer, 0, sizeof *customer);
	customer->ask = souk_sponsored_ask(strip);
	customer->grant = grant;
	customer->price = strip->price;
	customer->cost = SOUK_AMOUNT_ZERO;
	customer->window = offer->window < SOUK_WINDOW_MAX ? offer->window : SOUK_WINDOW_MAX;
	memcpy(customer->key_leaves, session->key_leaves.items,
		session->key_leaves.count * sizeof *customer->key_leaves);
	customer->session_secret = session->secret;
	customer->key = strip->key_anchor;
	customer->via_hub = true;
	customer->step = 0; /* nothing is ever bought */
	souk_payer_strip_adopt(&customer->payer, strip, 0);
	customer->state = SOUK_CUSTOMER_OPEN;
	return SOUK_OK;
}

souk_status souk_customer_sponsor_ticket(
	struct souk_customer *customer, const struct souk_ticket *ticket)
{
	if (customer->state != SOUK_CUSTOMER_OPEN || !customer->payer.adopted ||
		customer->step != 0)
		return SOUK_LOCAL_STATE;
	if (ticket->unit <= customer->payer.known)
		return SOUK_OK;
	if (ticket->strip == customer->payer.number &&
		souk_payer_learn(&customer->payer, ticket->unit, &ticket->value) == SOUK_OK) {
		customer->bought = ticket->unit;
		return SOUK_OK;
	}
	souk_customer_end(customer, SOUK_PEER_BAD_TICKET);
	return SOUK_PEER_BAD_TICKET;
}
