/* SPDX-License-Identifier: Apache-2.0
 *
 * Escrows: open, top up, allot, close, withdraw. */
#include "souk/base/check.h"
#include "souk/payment/escrow.h"
#include "apply.h"
#include "escrow_epochs.h"
#include "state.h"

souk_status ledger_apply_escrow_open(struct ledger_tx *tx, const struct souk_tx_escrow_open *body)
{
	struct souk_escrow_record escrow;
	struct souk_amount locked;
	struct souk_hash id = souk_escrow_id(&tx->ledger->record.ledger, &tx->from, &body->salt);
	souk_status status = souk_ledger_get_escrow(&escrow, tx->ledger, &id);
	if (status == SOUK_OK)
		return SOUK_PEER_ESCROW_EXISTS;
	if (status != SOUK_PEER_NO_ESCROW)
		return status;
	SOUK_TRY(souk_escrow_check_terms(body->line, body->prize));
	if (souk_amount_is_less(body->deposit, body->line))
		return SOUK_PEER_ESCROW_TERMS;
	SOUK_TRY(souk_amount_add(&locked, body->deposit, body->penalty));
	SOUK_TRY(ledger_tx_debit(tx, locked));
	escrow = (struct souk_escrow_record){
		.payer = tx->from,
		.line = body->line,
		.prize = body->prize,
		.free = body->deposit,
		.penalty = body->penalty,
		.rolled = tx->ledger->record.epoch + 1,
	};
	return ledger_put_escrow(tx->ledger, &id, &escrow);
}

souk_status ledger_apply_escrow_top_up(
	struct ledger_tx *tx, const struct souk_tx_escrow_top_up *body)
{
	struct ledger_escrow escrow;
	if (body->amount.ncoin == 0)
		return SOUK_PEER_ZERO_AMOUNT;
	SOUK_TRY(ledger_escrow_get(&escrow, tx->ledger, &body->escrow));
	if (escrow.record.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	SOUK_TRY(ledger_tx_debit(tx, body->amount));
	SOUK_TRY(souk_amount_add(&escrow.record.free, escrow.record.free, body->amount));
	return ledger_escrow_put(tx->ledger, &escrow);
}

souk_status ledger_find_own_escrow(
	struct ledger_escrow *ret, const struct ledger_tx *tx, const struct souk_hash *id)
{
	struct ledger_escrow escrow;
	SOUK_TRY(ledger_escrow_get(&escrow, tx->ledger, id));
	if (!souk_address_equal(&escrow.record.payer, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	*ret = escrow;
	return SOUK_OK;
}

souk_status ledger_apply_escrow_close(struct ledger_tx *tx, const struct souk_tx_escrow_close *body)
{
	struct ledger_escrow escrow;
	SOUK_TRY(ledger_find_own_escrow(&escrow, tx, &body->escrow));
	if (escrow.record.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	escrow.record.closing = true;
	escrow.record.unlock = souk_time_plus_ms(tx->now, tx->ledger->genesis.unlock_ms);
	return ledger_escrow_put(tx->ledger, &escrow);
}

/* The penalty goes back only when no epoch is open: until then anybody may prove double issuance.
 */
souk_status ledger_apply_escrow_withdraw(
	struct ledger_tx *tx, const struct souk_tx_escrow_withdraw *body)
{
	struct ledger_escrow escrow;
	struct souk_amount locked;
	SOUK_TRY(ledger_find_own_escrow(&escrow, tx, &body->escrow));
	if (!escrow.record.closing || souk_time_is_before(tx->now, escrow.record.unlock) ||
		escrow.record.open.count != 0)
		return SOUK_PEER_ESCROW_LOCKED;
	SOUK_TRY(souk_amount_add(&locked, escrow.record.free, escrow.record.penalty));
	SOUK_TRY(ledger_tx_credit(tx, locked));
	tx->amount = locked;
	return ledger_escrow_del(tx->ledger, &escrow);
}

/* ---- allotments ---- */

/* Where the next segment of OPEN starts: where the last one ended. */
static souk_status next_base(struct souk_amount *ret, const struct ledger_tx *tx,
	const struct ledger_escrow *escrow, const struct souk_open_epoch *open)
{
	struct souk_allotment_record last;
	if (open->segments == 0) {
		*ret = SOUK_AMOUNT_ZERO;
		return SOUK_OK;
	}
	souk_status status =
		ledger_escrow_allotment(&last, tx->ledger, escrow, open->epoch, open->segments - 1);
	if (status != SOUK_OK)
		return status == SOUK_PEER_NO_ALLOTMENT ? SOUK_CORRUPT_STORE : status;
	return souk_amount_add(ret, last.base, last.total);
}

static souk_status check_allot_epoch(const struct ledger_tx *tx, uint64_t epoch)
{
	uint64_t current = tx->ledger->record.epoch;
	if (epoch < current)
		return SOUK_PEER_EPOCH_CLOSED;
	/* An epoch that no beacon is left for would lock the escrow for ever. */
	if (epoch >= tx->ledger->genesis.beacon_count)
		return SOUK_PEER_WRONG_EPOCH;
	return epoch - current <= 1 ? SOUK_OK : SOUK_PEER_WRONG_EPOCH;
}

static souk_status reserve(
	struct souk_escrow_record *escrow, struct souk_open_epoch *open, struct souk_amount end)
{
	struct souk_amount reserved, more;
	SOUK_TRY(ledger_reserve_for(&reserved, escrow->prize, end));
	SOUK_TRY(souk_amount_sub(&more, reserved, open->reserved));
	if (souk_amount_sub(&escrow->free, escrow->free, more) != SOUK_OK)
		return SOUK_PEER_ALLOTMENT_FUNDS;
	open->reserved = reserved;
	return SOUK_OK;
}

souk_status ledger_apply_allot(struct ledger_tx *tx, const struct souk_tx_allot *body)
{
	struct ledger_escrow escrow;
	struct souk_open_epoch *open;
	struct souk_allotment_record allotment = {.root = body->root, .total = body->total};
	struct souk_amount end;
	if (body->total.ncoin == 0)
		return SOUK_PEER_ZERO_AMOUNT;
	SOUK_TRY(ledger_find_own_escrow(&escrow, tx, &body->escrow));
	if (escrow.record.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	SOUK_TRY(check_allot_epoch(tx, body->epoch));
	SOUK_TRY(ledger_epochs_find_or_add(&open, &escrow.record, body->epoch));
	if (body->segment != open->segments || body->segment >= SOUK_ESCROW_SEGMENTS_MAX)
		return SOUK_PEER_ALLOTMENT_INDEX;
	SOUK_TRY(next_base(&allotment.base, tx, &escrow, open));
	if (souk_amount_add(&end, allotment.base, body->total) != SOUK_OK ||
		souk_amount_is_less(escrow.record.line, end))
		return SOUK_PEER_ALLOTMENT_OVER_LINE;
	SOUK_TRY(reserve(&escrow.record, open, end));
	open->segments++;
	struct souk_ledger_key key =
		souk_ledger_key_allotment(&body->escrow, body->epoch, body->segment);
	SOUK_TRY(ledger_put_allotment(tx->ledger, &key, &allotment));
	return ledger_escrow_put(tx->ledger, &escrow);
}
