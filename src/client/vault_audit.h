/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_audit.h - a home's log and the ledger: its root put there, and what is there compared.
 *
 * Threads: one at a time for a home and a ledger's client. */
#ifndef SOUK_CLIENT_VAULT_AUDIT_H
#define SOUK_CLIENT_VAULT_AUDIT_H

#include "chain_client.h"
#include "vault_home.h"

/* vault_anchor: the ledger gets the log's root, unless it has it.
 *
 *  Out: ret_count  entries that the ledger knows of now
 *       ret_new    a transaction was needed
 * Returns SOUK_OK, or why the ledger refused (souk_chain_detail), or SOUK_LOCAL_STATE: the ledger
 * has more entries than the log. */
SOUK_MUST_CHECK souk_status vault_anchor(struct vault_home *home, struct souk_chain_client *chain,
	uint64_t *ret_count, bool *ret_new);

/* What a check of the whole log found. */
struct vault_report {
	uint64_t entries;
	struct souk_hash root;
	bool has_anchor;
	struct souk_anchor_record anchor;
	uint64_t bad_entry; /* where it failed */
	char what[160];	    /* is wrong with it */
};

/* vault_check: each entry, the chain, the end that the vault remembers, and the ledger's anchor
 * (ANCHOR; NULL: it has none, or was not asked).
 * Returns SOUK_OK, SOUK_CORRUPT_VAULT_LOG (ret->what says), SOUK_IO_*. */
SOUK_MUST_CHECK souk_status vault_check(
	struct vault_home *home, const struct souk_anchor_record *anchor, struct vault_report *ret);

#endif
