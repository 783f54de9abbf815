/* SPDX-License-Identifier: Apache-2.0
 *
 * Several strips of one leaf in one transaction, and receipts in their place. */
#include "souk/base/check.h"
#include "apply.h"
#include "state.h"

souk_status ledger_apply_claim_many(struct ledger_tx *tx, const struct souk_tx_claim_many *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_claim_receipt(
	struct ledger_tx *tx, const struct souk_tx_claim_receipt *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}
