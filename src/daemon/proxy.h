/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy.h - a provider that re-encrypts: what owners gave it, and who may use it.
 *
 *   POST /v1/key-grants --policy, checks--> stored, sealed --> tx_agree --> stored: entered --> 200
 *   a unit              --may it be sent?, capsules--> bound --> fragments, signed
 *   the ledger, polled  --> revoked, over, convicted: not served any more, then deleted
 *                       --> a challenge: tx_answer
 *
 * Invariants: P1 a deposit is locked only for a fragment that is on the disk, and what was answered
 *                200 is entered; whatever is in between at a crash, the ledger says after it.
 *             P2 nothing is served unless the ledger was seen within a quarter of the agreement's
 *                time to respond, and said then that it runs.
 *             P3 a fragment stays as long as a question about it could be asked on the ledger.
 *             P4 a bad capsule, or somebody without a session, costs no re-encryption and binds no
 *                unit.
 *
 *             P5 once an agreement can be judged no more, its deposit is fetched back.
 *
 * Locks: `lock` for the table, short; `write_lock` for one record read and written again; it is
 * taken first. `grant_lock` lets one grant after the other ask the ledger.
 *
 * Memory: heap, bounded by `grants_max`. Threads: any; proxy_round, proxy_follow and
 * proxy_followed are the settler's. Spec: spec/keys.md 11. */
#ifndef SOUK_DAEMON_PROXY_H
#define SOUK_DAEMON_PROXY_H

#include "../client/chain_client.h"
#include "souk/exchange/session.h"
#include "souk/io/http_server.h"

/* What a proxy enters into. The default enters into nothing. */
struct proxy_policy {
	bool accepts;
	struct souk_amount price;	/* of a unit, at least */
	struct souk_amount deposit_max; /* of one grant */
	uint64_t life_max_ms;
	uint64_t respond_min_ms;
	uint64_t grants_max;
	const char *secret; /* file; NULL: proxy.secret in the home */
};

struct provider_node;
struct proxy;

struct proxy_policy proxy_policy_default(void);

/* proxy_open: read the grants. *RET is NULL where there are none and the policy accepts none.
 *
 * Returns SOUK_OK, or why not; *RET_WHAT says what it was about. */
SOUK_MUST_CHECK souk_status proxy_open(
	struct proxy **ret, struct provider_node *node, const char **ret_what);
void proxy_close(struct proxy *proxy); /* NULL is allowed, here and below */

/* proxy_sale: what sessions under agreement ID are sold as: a record without size and chunks.
 *
 * Returns SOUK_OK, or SOUK_PEER_UNKNOWN_CONTENT; SOUK_PEER_AGREEMENT_OVER, _REVOKED;
 * SOUK_LOCAL_STATE: the ledger was not seen lately. */
SOUK_MUST_CHECK souk_status proxy_sale(
	struct proxy *proxy, const struct souk_hash *id, struct souk_content_record *ret);

/* The doors on the control server; whether PATH was one of them. */
bool proxy_control(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply);

/* Grants that are here, and since the start: units answered, capsules of them, units refused. */
struct proxy_figures {
	uint64_t grants, units, fragments, refused;
};
struct proxy_figures proxy_figures_now(struct proxy *proxy);

/* POST of a unit, on the data server. */
void proxy_unit(struct provider_node *node, const struct souk_unit_request *request,
	struct souk_bytes body, struct souk_http_reply *reply);

/* ---- the ledger, by the settler's thread ---- */

/* Whether there is something to follow; and whether it is time to: with many grants not always. */
bool proxy_has_grants(struct proxy *proxy);
bool proxy_is_due(struct proxy *proxy);
/* Everything that is read from now on is at least as new as LEDGER. */
void proxy_round(struct proxy *proxy, const struct souk_ledger_status *ledger);
/* What the ledger says of one of ours. */
void proxy_follow(struct provider_node *node, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id);
/* All of them were followed: what was not among them is not on the ledger. */
void proxy_followed(struct provider_node *node);

#endif
