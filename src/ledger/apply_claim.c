/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims of one strip. */
#include "souk/base/check.h"
#include "apply.h"
#include "prizes.h"
#include "state.h"

souk_status ledger_apply_claim(struct ledger_tx *tx, const struct souk_tx_claim *body)
{
	const struct souk_claim *claim = &body->claim;
	struct ledger_prizes prizes;
	struct souk_amount lo, hi;
	if (!souk_address_equal(&tx->from, &claim->strip.payee))
		return SOUK_PEER_NOT_PAYEE;
	SOUK_TRY(ledger_prizes_open_strip(&prizes, tx, &claim->strip));
	SOUK_TRY(souk_claim_verify(&lo, &hi, claim, &prizes.allotment));
	SOUK_TRY(ledger_check_no_receipt(tx, &claim->strip, claim->leaf_path.count));
	SOUK_TRY(ledger_prizes_add(&prizes, tx, lo, hi));
	return ledger_prizes_pay(&prizes, tx);
}
