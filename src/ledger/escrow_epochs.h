/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_epochs.h - the epochs in which an escrow may still have to pay.
 *
 *   absent --allot--> open --claims--> open --window over, collected--> absent
 *
 * Private to src/ledger. All work on a copy of the escrow's record. */
#ifndef SOUK_LEDGER_ESCROW_EPOCHS_H
#define SOUK_LEDGER_ESCROW_EPOCHS_H

#include "souk/ledger/ledger.h"

/* Whether claims on EPOCH are over: drawn, and claim_ms gone by since. */
bool ledger_epoch_expired(const struct souk_ledger *ledger, const struct souk_epoch_record *epoch);

/* What expired epochs did not pay becomes free again; they are removed.
 * SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status ledger_epochs_collect(
	struct souk_escrow_record *escrow, const struct souk_ledger *ledger);

/* NULL where EPOCH is not open. */
struct souk_open_epoch *ledger_epochs_find(struct souk_escrow_record *escrow, uint64_t epoch);

/* SOUK_PEER_TOO_MANY_EPOCHS where there is no room for another. */
SOUK_MUST_CHECK souk_status ledger_epochs_find_or_add(
	struct souk_open_epoch **ret, struct souk_escrow_record *escrow, uint64_t epoch);

#endif
