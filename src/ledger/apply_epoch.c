/* SPDX-License-Identifier: Apache-2.0
 *
 * What only the operator does: end an epoch early, and draw beacons. */
#include "souk/base/check.h"
#include "souk/crypto/chain.h"
#include "apply.h"
#include "state.h"

static souk_status check_operator(const struct ledger_tx *tx)
{
	return souk_address_equal(&tx->from, &tx->ledger->genesis.operator)
		       ? SOUK_OK
		       : SOUK_PEER_NOT_OPERATOR;
}

souk_status ledger_apply_epoch_close(struct ledger_tx *tx, const struct souk_tx_epoch_close *body)
{
	const struct souk_genesis *genesis = &tx->ledger->genesis;
	uint64_t number = tx->ledger->record.epoch;
	struct souk_epoch_record epoch;
	SOUK_TRY(check_operator(tx));
	SOUK_TRY(souk_ledger_get_epoch(&epoch, tx->ledger, number));
	struct souk_time earliest = souk_time_plus_ms(tx->now, genesis->notice_ms);
	if (genesis->notice_ms == 0 || souk_time_is_before(body->end, earliest) ||
		!souk_time_is_before(body->end, epoch.end))
		return SOUK_PEER_EPOCH_END;
	epoch.end = body->end;
	return ledger_put_epoch(tx->ledger, number, &epoch);
}

/* b_epoch from b_{epoch+1}. */
static struct souk_hash beacon_before(uint64_t epoch, const struct souk_hash *beacon)
{
	static const struct souk_nonce zero;
	return souk_chain_step(souk_chain_tag_beacon, &zero, (uint32_t)(epoch + 1), beacon);
}

souk_status ledger_apply_draw(struct ledger_tx *tx, const struct souk_tx_draw *body)
{
	struct souk_ledger_record *record = &tx->ledger->record;
	struct souk_epoch_record epoch;
	bool due;
	SOUK_TRY(check_operator(tx));
	if (body->epoch != record->next_draw)
		return SOUK_PEER_WRONG_EPOCH;
	SOUK_TRY(souk_ledger_draw_due(&due, tx->ledger, tx->now));
	if (!due)
		return SOUK_PEER_DRAW_EARLY;
	struct souk_hash before = beacon_before(body->epoch, &body->beacon);
	if (!souk_hash_equal(&before, &record->beacon))
		return SOUK_PEER_BAD_BEACON;
	SOUK_TRY(souk_ledger_get_epoch(&epoch, tx->ledger, body->epoch));
	epoch.drawn = true;
	epoch.drawn_at = tx->now;
	epoch.beacon = body->beacon;
	record->beacon = body->beacon;
	record->next_draw++;
	return ledger_put_epoch(tx->ledger, body->epoch, &epoch);
}
