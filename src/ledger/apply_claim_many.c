/* SPDX-License-Identifier: Apache-2.0
 *
 * Several strips of one leaf in one transaction, and receipts in their place.
 *
 * A leaf is claimed in one way only. Whose choice that is matters once the beacon
 * is known: strips in pieces may have won more than the receipt, or less. So a
 * receipt may be lodged before the draw, by either side, and then it counts. */
#include "souk/base/check.h"
#include "souk/payment/receipt.h"
#include "apply.h"
#include "prizes.h"
#include "state.h"

souk_status ledger_apply_claim_many(struct ledger_tx *tx, const struct souk_tx_claim_many *body)
{
	struct souk_claim_span spans[SOUK_CLAIM_ITEMS_MAX];
	struct ledger_prizes prizes;
	if (body->items.count == 0)
		return SOUK_PEER_BAD_REQUEST;
	for (uint16_t i = 0; i < body->items.count; i++) {
		if (!souk_address_equal(&tx->from, &body->items.items[i].strip.payee))
			return SOUK_PEER_NOT_PAYEE;
	}
	const struct souk_strip *first = &body->items.items[0].strip;
	SOUK_TRY(ledger_prizes_open_strip(&prizes, tx, first));
	SOUK_TRY(souk_claim_many_verify(spans, body, &prizes.allotment));
	SOUK_TRY(ledger_check_no_receipt(tx, first, body->leaf_path.count));
	for (uint16_t i = 0; i < body->items.count; i++)
		SOUK_TRY(ledger_prizes_add(&prizes, tx, spans[i].lo, spans[i].hi));
	return ledger_prizes_pay(&prizes, tx);
}

/* ---- receipts ---- */

static struct souk_ledger_key key_of(const struct souk_tx_claim_receipt *body)
{
	const struct souk_leaf_receipt *receipt = &body->receipt.receipt;
	return ledger_leaf_key(&receipt->escrow, receipt->epoch, receipt->segment, receipt->leaf,
		body->leaf_path.count);
}

/* Whether the leaf has a receipt: this one, or SOUK_PEER_LEAF_CLAIMED for any other. */
static souk_status find_lodged(
	bool *ret, const struct ledger_tx *tx, const struct souk_tx_claim_receipt *body)
{
	const struct souk_leaf_receipt *receipt = &body->receipt.receipt;
	struct souk_ledger_key key = key_of(body);
	struct souk_amount amount;
	souk_status status = ledger_get_leaf(&amount, tx->ledger, &key);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (status == SOUK_OK && amount.ncoin != receipt->amount.ncoin)
		return SOUK_PEER_LEAF_CLAIMED;
	*ret = status == SOUK_OK;
	return SOUK_OK;
}

static souk_status lodge(struct ledger_tx *tx, const struct souk_tx_claim_receipt *body)
{
	struct souk_ledger_key key = key_of(body);
	return ledger_put_leaf(tx->ledger, &key, body->receipt.receipt.amount);
}

/* The payee takes its prizes; before the draw the payer may lodge the receipt too. */
static souk_status check_receipt_signer(const struct ledger_tx *tx,
	const struct ledger_prizes *prizes, const struct souk_leaf_receipt *receipt)
{
	if (souk_address_equal(&tx->from, &receipt->payee))
		return SOUK_OK;
	if (!prizes->drawn && souk_address_equal(&tx->from, &prizes->escrow.record.payer))
		return SOUK_OK;
	return SOUK_PEER_NOT_PAYEE;
}

/* The winning points of a receipt that counts: it was lodged, or no strip of LEAF was paid. */
static souk_status add_receipt(struct ledger_prizes *prizes, const struct ledger_tx *tx,
	const struct souk_tx_claim_receipt *body, struct souk_amount base, bool lodged)
{
	struct souk_amount end, leaf_end;
	bool any_paid = false;
	SOUK_TRY(souk_amount_add(&end, base, body->receipt.receipt.amount));
	SOUK_TRY(souk_amount_add(&leaf_end, base, body->leaf.amount));
	if (!lodged)
		SOUK_TRY(ledger_prizes_any_paid(&any_paid, prizes, tx, base, leaf_end));
	if (any_paid)
		return SOUK_PEER_LEAF_CLAIMED;
	return ledger_prizes_add(prizes, tx, base, end);
}

souk_status ledger_apply_claim_receipt(
	struct ledger_tx *tx, const struct souk_tx_claim_receipt *body)
{
	const struct souk_leaf_receipt *receipt = &body->receipt.receipt;
	struct ledger_prizes prizes;
	struct souk_amount base;
	bool lodged;
	SOUK_TRY(ledger_prizes_open(
		&prizes, tx, &receipt->escrow, receipt->epoch, receipt->segment));
	SOUK_TRY(check_receipt_signer(tx, &prizes, receipt));
	SOUK_TRY(souk_leaf_receipt_verify(&base, &body->receipt, &body->leaf, body->leaf_path.items,
		body->leaf_path.count, &prizes.allotment));
	SOUK_TRY(find_lodged(&lodged, tx, body));
	if (!prizes.drawn) {
		if (lodged)
			return SOUK_PEER_NOT_DRAWN;
		SOUK_TRY(lodge(tx, body));
		return ledger_escrow_put(tx->ledger, &prizes.escrow);
	}
	SOUK_TRY(add_receipt(&prizes, tx, body, base, lodged));
	/* A credit that overflows must be refused before anything is written. */
	SOUK_TRY(ledger_prizes_pay(&prizes, tx));
	return lodged ? SOUK_OK : lodge(tx, body);
}
