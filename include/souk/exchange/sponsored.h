/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/sponsored.h - a session that a sponsor pays for: what cache, sponsor and viewer
 * derive and say.
 *
 *   sponsor -- recruit --> provider      both: S = D("sponsor_secret", ecdh || digest of recruit)
 *          <-- enlist ---                session: k_n = D("sponsored_keys", S || session || ask)
 *                                                 secret = D("sponsored_session", the same)
 *                                        T = D("sponsor_pair", ecdh), for all contents
 *
 *   sponsor: session, keys, strip --> viewer -- strip and first unit --> cache: the same session
 *
 * A session that a sponsor pays for is opened by the sponsor alone: the cache said yes to all of
 * them when it enlisted. Its ask and grant are in its strip, its key chain and its secret come of
 * S. So no viewer waits for a grant; and the sponsor can compute every k_j, and with the content
 * every byte that the cache sends: no other cache, and no viewer before it paid, can.
 *
 * The viewer's side is a customer (souk/exchange/customer.h) whose strip is laid by the sponsor,
 * and who learns the tickets from it, segment by segment, and pays nothing.
 *
 * Memory: values; S and k_n are secrets. Threads: any. Spec: spec/sponsor.md 2, 3. */
#ifndef SOUK_EXCHANGE_SPONSORED_H
#define SOUK_EXCHANGE_SPONSORED_H

#include "souk/exchange/customer.h"

#define SOUK_SPONSOR_VERSION 1

/* souk_sponsor_secret: S, the same value for (sponsor, cache's key) and (cache, sponsor's key).
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY. */
SOUK_MUST_CHECK souk_status souk_sponsor_secret(struct souk_hash *ret,
	const struct souk_identity *mine, const struct souk_pubkey *peer,
	const struct souk_recruit *recruit);

/* souk_sponsor_pair: T, which sponsor and cache share whatever the content: by it a cache knows the
 * strips that are meant for it.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_PUBKEY. */
SOUK_MUST_CHECK souk_status souk_sponsor_pair(
	struct souk_hash *ret, const struct souk_identity *mine, const struct souk_pubkey *peer);

/* D("strip_seal", T || session): what seals the strip of a session on its way over plain HTTP, so
 * that nobody on it learns which content is viewed. The sponsor tells its viewer. */
struct souk_hash souk_strip_seal_of(const struct souk_hash *pair, const struct souk_nonce *session);
/* Seal SIZE bytes at OUT, an encoded strip_open, in place; or unseal them. Nothing is
 * authenticated: the strip is signed, and its request has a MAC. */
void souk_strip_seal(const struct souk_hash *seal, uint8_t *out, size_t size);

/* The secret of the key chain, k_n, of a sponsored session; ASK is the ask's digest. */
struct souk_hash souk_sponsored_keys(const struct souk_hash *secret,
	const struct souk_nonce *session, const struct souk_hash *ask);
/* What authenticates its requests and masks its keys, in place of what customer and provider
 * share in another session. The sponsor tells its viewer. */
struct souk_hash souk_sponsored_session_secret(const struct souk_hash *secret,
	const struct souk_nonce *session, const struct souk_hash *ask);

/* The ask and the grant that nobody sent, of the session that STRIP pays for. WINDOW is the
 * provider's. Nothing of STRIP is checked. */
struct souk_ask souk_sponsored_ask(const struct souk_strip *strip);
struct souk_grant souk_sponsored_grant(const struct souk_strip *strip, uint16_t window);

void souk_recruit_sign(
	struct souk_signed_recruit *signed_recruit, const struct souk_identity *sponsor);
void souk_enlist_sign(
	struct souk_signed_enlist *signed_enlist, const struct souk_identity *provider);

/* souk_recruit_verify: whether PROVIDER is asked, and by whom it says.
 *
 * Returns SOUK_OK: the price is the provider's to judge; or
 *   SOUK_PEER_BAD_VERSION, _BAD_PUBKEY, _BAD_SIGNATURE, _WRONG_SIGNER
 *   SOUK_PEER_BAD_REQUEST  for another provider, expired, or without a price. */
SOUK_MUST_CHECK souk_status souk_recruit_verify(const struct souk_signed_recruit *signed_recruit,
	const struct souk_address *provider, struct souk_time now);

/* souk_enlist_verify: whether RECRUIT's provider says yes to it.
 *
 * Returns SOUK_OK, SOUK_PEER_BAD_VERSION, _BAD_REQUEST, _BAD_PUBKEY, _BAD_SIGNATURE or
 * _WRONG_SIGNER, or those of souk_offer_verify; SOUK_PEER_BAD_OFFER too where the offer is another
 * provider's, of another content, or dearer than the recruit says. */
SOUK_MUST_CHECK souk_status souk_enlist_verify(const struct souk_signed_enlist *signed_enlist,
	const struct souk_recruit *recruit, struct souk_time now);

/* ---- the viewer's customer ---- */

/* souk_customer_sponsored: a customer of the session that a sponsor opened at OFFER's provider:
 * OPEN. Forward the strip with the request for the first unit. OFFER passed souk_offer_verify; the
 * strip's signature is not checked: the cache does, and nobody else loses by it.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_STRIP_TERMS      not a strip that pays this offer's provider for its content at its
 *                              price: leave the sponsor.
 *   SOUK_PEER_STRIP_EXPIRED    it is over already.
 *   SOUK_PEER_BAD_CHECKPOINT   its key leaves are not those that the strip states. */
SOUK_MUST_CHECK souk_status souk_customer_sponsored(struct souk_customer *customer,
	const struct souk_offer *offer, const struct souk_bundle_session *session,
	struct souk_time now);

/* souk_customer_sponsor_ticket: the ticket that the sponsor gave for a segment.
 *
 * Returns SOUK_OK (also where as much is known already), or
 *   SOUK_LOCAL_STATE       not OPEN, or not sponsored.
 *   SOUK_PEER_BAD_TICKET   not a ticket of the strip: the sponsor lies. The session is ENDED. */
SOUK_MUST_CHECK souk_status souk_customer_sponsor_ticket(
	struct souk_customer *customer, const struct souk_ticket *ticket);

#endif
