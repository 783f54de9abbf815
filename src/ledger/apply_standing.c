/* SPDX-License-Identifier: Apache-2.0
 *
 * Allotments that roll from epoch to epoch. */
#include "souk/base/check.h"
#include "apply.h"
#include "state.h"

souk_status ledger_apply_stand(struct ledger_tx *tx, const struct souk_tx_stand *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}
