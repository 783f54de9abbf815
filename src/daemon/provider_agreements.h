/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_agreements.h - the agreements that a provider's deposits answer for.
 *
 *   POST /v1/agreements --policy, content--> tx_agree --> the table
 *   the ledger, polled  --> the table;  a challenge in it --> tx_answer
 *   a unit under an agreement --> checked, signed
 *
 * The ledger has them all; the table here is a copy of what concerns this
 * provider, so that no unit waits for the ledger. Nothing of it is stored.
 *
 * Threads: any; it has a lock of its own, never held over a call or a disk. */
#ifndef SOUK_DAEMON_PROVIDER_AGREEMENTS_H
#define SOUK_DAEMON_PROVIDER_AGREEMENTS_H

#include "../client/chain_client.h"
#include "souk/content/judge.h"

/* What a provider enters into. The defaults enter into nothing. */
struct provider_agreement_policy {
	bool accepts;
	bool verifies;			/* reads the chunk's hash before it signs */
	struct souk_amount deposit_max; /* of one agreement */
	uint64_t count_max;		/* that run at once */
	uint64_t life_max_ms;
	uint64_t respond_min_ms;
};

struct provider_node;
struct provider_agreements;

struct provider_agreements *provider_agreements_new(void);
void provider_agreements_free(struct provider_agreements *agreements);

/* provider_agreements_find: the terms of ID, for a unit that is sent now.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NO_AGREEMENT, _AGREEMENT_OVER
 *   SOUK_IO_TIMEOUT  the ledger was not asked yet. */
SOUK_MUST_CHECK souk_status provider_agreements_find(struct provider_agreements *agreements,
	const struct souk_hash *id, struct souk_time now, struct souk_agreement *ret);

/* provider_agreements_enter: enter into an agreement that a customer signed, if the policy allows
 * it. *RET_DETAIL says to people which of its terms does not.
 *
 * Returns SOUK_OK once a block holds it, or why not. */
SOUK_MUST_CHECK souk_status provider_agreements_enter(struct provider_node *node,
	const struct souk_signed_agreement *signed_agreement, const char **ret_detail);

/* Ask the ledger, where it is time to, and answer what is challenged. By the settler's thread. */
SOUK_MUST_CHECK souk_status provider_agreements_poll(
	struct provider_node *node, struct souk_chain_client *chain);

/* provider_statement_sign: all of a statement that souk_provider_statement left open, and the
 * header's text.
 *
 *  In: cipher  the unit, encrypted
 *  Out: text   SOUK_STATEMENT_TEXT_SIZE bytes */
void provider_statement_sign(struct provider_node *node, struct souk_unit_statement *statement,
	const struct souk_hash *agreement, struct souk_bytes cipher, char *text);

#endif
