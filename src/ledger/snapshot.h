/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.h - the frames in front of the blocks of a snapshot log.
 *
 * Private to src/ledger: steps of the verifier, in this order. Each returns
 * SOUK_OK or what is wrong; ledger_snapshot_item and _end name the record in the
 * verdict where it can be told which one it is. */
#ifndef SOUK_LEDGER_SNAPSHOT_H
#define SOUK_LEDGER_SNAPSHOT_H

#include "souk/ledger/verify.h"

SOUK_MUST_CHECK souk_status ledger_snapshot_begin(
	struct souk_log_verifier *verifier, const struct souk_genesis *genesis);
SOUK_MUST_CHECK souk_status ledger_snapshot_header(
	struct souk_log_verifier *verifier, struct souk_bytes frame);
SOUK_MUST_CHECK souk_status ledger_snapshot_record(
	struct souk_log_verifier *verifier, struct souk_bytes frame);
SOUK_MUST_CHECK souk_status ledger_snapshot_item(
	struct souk_log_verifier *verifier, struct souk_bytes frame);
/* The records are there: afterwards the verifier's ledger stands at the snapshot's height. */
SOUK_MUST_CHECK souk_status ledger_snapshot_end(struct souk_log_verifier *verifier);

#endif
