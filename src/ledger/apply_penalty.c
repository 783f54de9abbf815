/* SPDX-License-Identifier: Apache-2.0
 *
 * Open leaves: who lays two strips over each other forfeits the penalty. */
#include "souk/base/check.h"
#include "souk/payment/escrow.h"
#include "souk/payment/payee.h"
#include "apply.h"
#include "prizes.h"
#include "state.h"

/* Whether the two strips, if their issuer signed them, promise a common point of one open leaf. */
static souk_status check_overlap(
	const struct souk_signed_strip *first, const struct souk_signed_strip *second)
{
	struct souk_hash a = souk_strip_digest(&first->strip),
			 b = souk_strip_digest(&second->strip);
	if (!souk_address_is_zero(&first->leaf.provider) || souk_hash_equal(&a, &b) ||
		!souk_payee_strips_overlap(&first->strip, &second->strip))
		return SOUK_PEER_NO_DOUBLE_ISSUE;
	return SOUK_OK;
}

static souk_status forfeit(struct ledger_tx *tx, struct ledger_escrow *escrow)
{
	struct souk_amount penalty = escrow->record.penalty, rest, burned;
	struct souk_amount reward =
		souk_amount_of_ncoin(penalty.ncoin / SOUK_ESCROW_REPORTER_PARTS);
	SOUK_TRY(souk_amount_sub(&rest, penalty, reward));
	SOUK_TRY(souk_amount_add(&burned, tx->ledger->record.burned, rest));
	SOUK_TRY(ledger_tx_credit(tx, reward));
	tx->amount = reward;
	tx->ledger->record.burned = burned;
	escrow->record.penalty = SOUK_AMOUNT_ZERO;
	return ledger_escrow_put(tx->ledger, escrow);
}

souk_status ledger_apply_double_issue(struct ledger_tx *tx, const struct souk_tx_double_issue *body)
{
	const struct souk_strip *strip = &body->first.strip;
	struct ledger_prizes prizes;
	struct souk_amount base;
	SOUK_TRY(check_overlap(&body->first, &body->second));
	SOUK_TRY(ledger_prizes_open(&prizes, tx, &strip->escrow, strip->epoch, strip->segment));
	if (prizes.escrow.record.penalty.ncoin == 0)
		return SOUK_PEER_NO_PENALTY;
	SOUK_TRY(souk_signed_strip_verify(&base, &body->first, &prizes.allotment));
	SOUK_TRY(souk_signed_strip_verify(&base, &body->second, &prizes.allotment));
	return forfeit(tx, &prizes.escrow);
}
