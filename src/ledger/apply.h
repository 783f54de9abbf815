/* SPDX-License-Identifier: Apache-2.0
 *
 * apply.h - one function for each kind of transaction.
 *
 * Private to src/ledger. Each checks everything first, on copies; from its first
 * put on it cannot be refused any more, only fail. The signer's account is a copy
 * in the context, which the caller writes at the end. */
#ifndef SOUK_LEDGER_APPLY_H
#define SOUK_LEDGER_APPLY_H

#include "souk/ledger/ledger.h"

struct ledger_tx {
	struct souk_ledger *ledger;
	struct souk_time now;
	struct souk_address from;
	struct souk_account_record signer; /* as it will be written; nonce already raised */
	struct souk_amount amount;	   /* for the receipt */
};

/* Everything of souk_ledger_apply but the transaction root; RECEIPT has height and index set. */
SOUK_MUST_CHECK souk_status ledger_apply_tx(struct souk_ledger *ledger,
	const struct souk_signed_tx *tx, const struct souk_signed_check *check,
	struct souk_receipt *receipt);

/* Take from, and give to, the signer's account. SOUK_PEER_NO_FUNDS. */
SOUK_MUST_CHECK souk_status ledger_tx_debit(struct ledger_tx *tx, struct souk_amount amount);
SOUK_MUST_CHECK souk_status ledger_tx_credit(struct ledger_tx *tx, struct souk_amount amount);

/* The escrow ID as it is now, for what only its payer may do. SOUK_PEER_NO_ESCROW,
 * SOUK_PEER_WRONG_SIGNER. */
struct ledger_escrow;
SOUK_MUST_CHECK souk_status ledger_find_own_escrow(
	struct ledger_escrow *ret, const struct ledger_tx *tx, const struct souk_hash *id);

SOUK_MUST_CHECK souk_status ledger_apply_escrow_open(
	struct ledger_tx *tx, const struct souk_tx_escrow_open *body);
SOUK_MUST_CHECK souk_status ledger_apply_escrow_top_up(
	struct ledger_tx *tx, const struct souk_tx_escrow_top_up *body);
SOUK_MUST_CHECK souk_status ledger_apply_escrow_close(
	struct ledger_tx *tx, const struct souk_tx_escrow_close *body);
SOUK_MUST_CHECK souk_status ledger_apply_escrow_withdraw(
	struct ledger_tx *tx, const struct souk_tx_escrow_withdraw *body);
SOUK_MUST_CHECK souk_status ledger_apply_allot(
	struct ledger_tx *tx, const struct souk_tx_allot *body);
SOUK_MUST_CHECK souk_status ledger_apply_claim(
	struct ledger_tx *tx, const struct souk_tx_claim *body);
SOUK_MUST_CHECK souk_status ledger_apply_epoch_close(
	struct ledger_tx *tx, const struct souk_tx_epoch_close *body);
SOUK_MUST_CHECK souk_status ledger_apply_draw(
	struct ledger_tx *tx, const struct souk_tx_draw *body);
SOUK_MUST_CHECK souk_status ledger_apply_claim_many(
	struct ledger_tx *tx, const struct souk_tx_claim_many *body);
SOUK_MUST_CHECK souk_status ledger_apply_claim_receipt(
	struct ledger_tx *tx, const struct souk_tx_claim_receipt *body);
SOUK_MUST_CHECK souk_status ledger_apply_stand(
	struct ledger_tx *tx, const struct souk_tx_stand *body);
SOUK_MUST_CHECK souk_status ledger_apply_double_issue(
	struct ledger_tx *tx, const struct souk_tx_double_issue *body);
SOUK_MUST_CHECK souk_status ledger_apply_agree(
	struct ledger_tx *tx, const struct souk_tx_agree *body);
SOUK_MUST_CHECK souk_status ledger_apply_accuse(
	struct ledger_tx *tx, const struct souk_tx_accuse *body);
SOUK_MUST_CHECK souk_status ledger_apply_challenge(
	struct ledger_tx *tx, const struct souk_tx_challenge *body);
SOUK_MUST_CHECK souk_status ledger_apply_answer(
	struct ledger_tx *tx, const struct souk_tx_answer *body);
SOUK_MUST_CHECK souk_status ledger_apply_silence(
	struct ledger_tx *tx, const struct souk_tx_silence *body);
SOUK_MUST_CHECK souk_status ledger_apply_agreement_end(
	struct ledger_tx *tx, const struct souk_tx_agreement_end *body);
SOUK_MUST_CHECK souk_status ledger_apply_agreement_revoke(
	struct ledger_tx *tx, const struct souk_tx_agreement_revoke *body);

#endif
