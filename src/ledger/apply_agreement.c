/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreements: deposits that answer for faults, judged by the service. */
#include "souk/base/check.h"
#include "apply.h"
#include "state.h"

souk_status ledger_apply_agree(struct ledger_tx *tx, const struct souk_tx_agree *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_accuse(struct ledger_tx *tx, const struct souk_tx_accuse *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_challenge(struct ledger_tx *tx, const struct souk_tx_challenge *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_answer(struct ledger_tx *tx, const struct souk_tx_answer *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_silence(struct ledger_tx *tx, const struct souk_tx_silence *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}

souk_status ledger_apply_agreement_end(
	struct ledger_tx *tx, const struct souk_tx_agreement_end *body)
{
	(void)tx;
	(void)body;
	return SOUK_PEER_TX_KIND;
}
