/* SPDX-License-Identifier: Apache-2.0
 *
 * key_grant_client.h - an owner of keys at a proxy's control server: what it asks for, the delivery
 * of a key fragment, and its deletion.
 *
 *   key_offer --> an agreement for each proxy --> key_deliver: 200 once the ledger has it
 *   tx_agreement_revoke --> key_delete: the proxy's receipt
 *
 * A delivery or a deletion whose answer was lost is sent again: the answer is the same.
 *
 * Memory: caller's. Threads: the owner of `client`. Spec: spec/keys.md 11. */
#ifndef SOUK_CLIENT_KEY_GRANT_CLIENT_H
#define SOUK_CLIENT_KEY_GRANT_CLIENT_H

#include "provider_client.h"

/* Each returns SOUK_OK, SOUK_IO_*, the status that the proxy refused with (client->detail says
 * more), or SOUK_PEER_* where its answer is malformed. */

/* SOUK_LOCAL_NOT_FOUND: the provider is no proxy. */
SOUK_MUST_CHECK souk_status key_offer(struct provider_client *client, struct souk_key_offer *ret);

/* key_deliver: the proxy keeps the fragment, and its deposit answers for it.
 *
 * Returns SOUK_OK, or beside the above
 *   SOUK_PEER_AGREEMENT_TERMS   not by its offer.
 *   SOUK_PEER_BAD_KEY_FRAGMENT  not the one that the terms commit to.
 *   SOUK_PEER_NO_FUNDS          it cannot pay the deposit: ask another. */
SOUK_MUST_CHECK souk_status key_deliver(
	struct provider_client *client, const struct souk_key_delivery *delivery);

/* key_delete: once the agreement was revoked, or has ended. The signature is checked.
 *
 * Returns SOUK_OK, or beside the above
 *   SOUK_PEER_AGREEMENT_RUNS  it was not revoked; or the proxy does not know yet: try again. */
SOUK_MUST_CHECK souk_status key_delete(struct provider_client *client,
	const struct souk_hash *agreement, const struct souk_address *proxy,
	struct souk_signed_key_deletion *ret);

#endif
