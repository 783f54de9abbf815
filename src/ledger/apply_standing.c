/* SPDX-License-Identifier: Apache-2.0
 *
 * Allotments that roll from epoch to epoch: this only says what stands; each
 * epoch's start funds it (escrow_epochs.h). */
#include "souk/base/check.h"
#include "apply.h"
#include "escrow_epochs.h"
#include "state.h"

/* From the next epoch on; an epoch that no beacon is left for would lock the escrow for ever. */
static souk_status standing_of(struct souk_standing *ret, const struct ledger_tx *tx,
	const struct souk_escrow_record *escrow, const struct souk_tx_stand *body)
{
	uint64_t from = tx->ledger->record.epoch + 1;
	if (body->epochs == 0) {
		*ret = (struct souk_standing){.from = 0};
		return SOUK_OK;
	}
	if (body->total.ncoin == 0)
		return SOUK_PEER_ZERO_AMOUNT;
	if (souk_amount_is_less(escrow->line, body->total))
		return SOUK_PEER_ALLOTMENT_OVER_LINE;
	if (body->epochs > SOUK_ESCROW_STANDING_MAX ||
		from + body->epochs > tx->ledger->genesis.beacon_count)
		return SOUK_PEER_STANDING;
	*ret = (struct souk_standing){.root = body->root,
		.total = body->total,
		.from = from,
		.until = from + body->epochs};
	return SOUK_OK;
}

souk_status ledger_apply_stand(struct ledger_tx *tx, const struct souk_tx_stand *body)
{
	struct ledger_escrow escrow;
	SOUK_TRY(ledger_find_own_escrow(&escrow, tx, &body->escrow));
	if (escrow.record.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	SOUK_TRY(standing_of(&escrow.record.standing, tx, &escrow.record, body));
	return ledger_escrow_put(tx->ledger, &escrow);
}
