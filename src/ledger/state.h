/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h - records of the ledger, and the one door through which they change.
 *
 * Private to src/ledger. Every put and del passes ledger_write, which compares
 * the value that the old and the new record hold, moves the totals, the digest and
 * the history. The rules never touch a total themselves. */
#ifndef SOUK_LEDGER_STATE_H
#define SOUK_LEDGER_STATE_H

#include "souk/ledger/ledger.h"

/* An agreement_record, with its question. */
#define LEDGER_RECORD_SIZE_MAX 1536

/* What an escrow holds: free, its penalty, and what its open epochs may still have to pay.
 * SOUK_CORRUPT_STORE where an epoch has paid more than it reserved. */
SOUK_MUST_CHECK souk_status ledger_escrow_value(
	struct souk_amount *ret, const struct souk_escrow_record *escrow);

SOUK_MUST_CHECK souk_status ledger_put_account(struct souk_ledger *ledger,
	const struct souk_address *address, const struct souk_account_record *record);
SOUK_MUST_CHECK souk_status ledger_put_escrow(struct souk_ledger *ledger,
	const struct souk_hash *id, const struct souk_escrow_record *record);
SOUK_MUST_CHECK souk_status ledger_del_escrow(
	struct souk_ledger *ledger, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status ledger_put_allotment(struct souk_ledger *ledger,
	const struct souk_ledger_key *key, const struct souk_allotment_record *record);
SOUK_MUST_CHECK souk_status ledger_put_provider(struct souk_ledger *ledger,
	const struct souk_address *address, const struct souk_provider_record *record);
SOUK_MUST_CHECK souk_status ledger_del_provider(
	struct souk_ledger *ledger, const struct souk_address *address);
SOUK_MUST_CHECK souk_status ledger_put_agreement(struct souk_ledger *ledger,
	const struct souk_hash *id, const struct souk_agreement_record *record);
SOUK_MUST_CHECK souk_status ledger_del_agreement(
	struct souk_ledger *ledger, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status ledger_put_anchor(struct souk_ledger *ledger,
	const struct souk_address *address, const struct souk_anchor_record *record);
SOUK_MUST_CHECK souk_status ledger_put_epoch(
	struct souk_ledger *ledger, uint64_t epoch, const struct souk_epoch_record *record);
SOUK_MUST_CHECK souk_status ledger_put_receipt(
	struct souk_ledger *ledger, const struct souk_hash *tx, const struct souk_receipt *record);
SOUK_MUST_CHECK souk_status ledger_put_genesis(struct souk_ledger *ledger);
/* Past the door: the summary and the sum, which are made of the records. */
SOUK_MUST_CHECK souk_status ledger_put_summary(struct souk_ledger *ledger);

/* Bits of points already paid; absent records are all zero. */
struct ledger_paid {
	uint8_t bits[SOUK_LEDGER_PAID_BITS / 8];
};
SOUK_MUST_CHECK souk_status ledger_get_paid(struct ledger_paid *ret,
	const struct souk_ledger *ledger, const struct souk_ledger_key *key);
SOUK_MUST_CHECK souk_status ledger_put_paid(struct souk_ledger *ledger,
	const struct souk_ledger_key *key, const struct ledger_paid *paid);
/* How much of a leaf its receipt is for. SOUK_LOCAL_NOT_FOUND where there is no receipt. */
SOUK_MUST_CHECK souk_status ledger_get_leaf(struct souk_amount *ret,
	const struct souk_ledger *ledger, const struct souk_ledger_key *key);
SOUK_MUST_CHECK souk_status ledger_put_leaf(
	struct souk_ledger *ledger, const struct souk_ledger_key *key, struct souk_amount amount);

/* Delete a record that is there. */
SOUK_MUST_CHECK souk_status ledger_del_record(
	struct souk_ledger *ledger, const struct souk_ledger_key *key);
/* Delete every record of KEY's table, escrow and epoch. */
SOUK_MUST_CHECK souk_status ledger_del_epoch_records(
	struct souk_ledger *ledger, const struct souk_ledger_key *key);

/* ---- sum.c: the digest of the set of records ---- */

/* Hash of one record: an element of the set. */
struct souk_hash ledger_record_hash(struct souk_bytes key, struct souk_bytes value);
/* KEY changes from OLD to VALUE; no size: no record. */
void ledger_sum_change(struct souk_ledger *ledger, struct souk_bytes key, struct souk_bytes old,
	struct souk_bytes value);
/* The digest that a header states; afterwards the sum is that of all records. */
struct souk_hash ledger_state_digest(struct souk_ledger *ledger);
/* The same of any SUM and RECORD, whose own `last` and `state` do not count. */
struct souk_hash ledger_state_digest_of(
	const struct souk_lthash *sum, const struct souk_ledger_record *record);

/* ---- ledger.c: the parts of souk_ledger_accept ---- */

SOUK_MUST_CHECK souk_status ledger_check_link(
	const struct souk_ledger *ledger, const struct souk_block_header *header);
/* All but the signature, which somebody checked. */
SOUK_MUST_CHECK souk_status ledger_accept_signed(
	struct souk_ledger *ledger, const struct souk_block_header *theirs);

/* ---- audit.c ---- */

/* Whether what was COUNTED is what RECORD says, and that it is what was minted. */
SOUK_MUST_CHECK souk_status ledger_check_totals(
	const struct souk_ledger_record *record, const struct souk_ledger_record *counted);
/* The cheap half of souk_ledger_audit, for a replay that has just made the sum itself. */
SOUK_MUST_CHECK souk_status ledger_audit_money(const struct souk_ledger *ledger);

/* ---- history.c: what befell each account ---- */

/* Note where KEY is an account: for the transaction at hand. */
SOUK_MUST_CHECK souk_status ledger_history_touch(struct souk_ledger *ledger, struct souk_bytes key,
	struct souk_bytes old, struct souk_bytes value);
/* Write what the transaction NAME did to each account it touched. */
SOUK_MUST_CHECK souk_status ledger_history_write(struct souk_ledger *ledger,
	const struct souk_tx *tx, const struct souk_hash *name, const struct souk_receipt *receipt);

/* SOUK_CORRUPT_SUPPLY unless accounts + escrows + deposits + burned = minted. */
SOUK_MUST_CHECK souk_status ledger_check_supply(const struct souk_ledger_record *record);

/* The value that one stored record holds, into the total it belongs to; SIGN is 1 to add. For
 * tables without value nothing happens. */
SOUK_MUST_CHECK souk_status ledger_count_value(struct souk_ledger_record *totals,
	struct souk_bytes key, struct souk_bytes value, bool add);

#endif
