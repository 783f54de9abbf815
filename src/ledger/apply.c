/* SPDX-License-Identifier: Apache-2.0
 *
 * What every transaction has in common, and the kinds that touch only accounts
 * and providers. */
#include "souk/base/check.h"
#include "apply.h"
#include "state.h"

souk_status ledger_tx_debit(struct ledger_tx *tx, struct souk_amount amount)
{
	if (souk_amount_sub(&tx->signer.balance, tx->signer.balance, amount) != SOUK_OK)
		return SOUK_PEER_NO_FUNDS;
	return SOUK_OK;
}

souk_status ledger_tx_credit(struct ledger_tx *tx, struct souk_amount amount)
{
	return souk_amount_add(&tx->signer.balance, tx->signer.balance, amount);
}

/* ---- accounts ---- */

static souk_status apply_faucet(struct ledger_tx *tx, const struct souk_tx_faucet *body)
{
	struct souk_amount minted;
	if (body->amount.ncoin == 0)
		return SOUK_PEER_ZERO_AMOUNT;
	if (souk_amount_is_less(tx->ledger->genesis.faucet_max, body->amount))
		return SOUK_PEER_FAUCET;
	/* No sum of money on the ledger can overflow as long as this one does not. */
	SOUK_TRY(souk_amount_add(&minted, tx->ledger->record.minted, body->amount));
	SOUK_TRY(ledger_tx_credit(tx, body->amount));
	tx->ledger->record.minted = minted;
	return SOUK_OK;
}

static souk_status apply_transfer(struct ledger_tx *tx, const struct souk_tx_transfer *body)
{
	struct souk_account_record to = {0};
	if (body->amount.ncoin == 0)
		return SOUK_PEER_ZERO_AMOUNT;
	SOUK_TRY(ledger_tx_debit(tx, body->amount));
	if (souk_address_equal(&tx->from, &body->to))
		return ledger_tx_credit(tx, body->amount);
	souk_status status = souk_ledger_get_account(&to, tx->ledger, &body->to);
	if (status != SOUK_OK && status != SOUK_PEER_NO_ACCOUNT)
		return status;
	SOUK_TRY(souk_amount_add(&to.balance, to.balance, body->amount));
	/* The signer first, so that no total is ever above what was minted. */
	SOUK_TRY(ledger_put_account(tx->ledger, &tx->from, &tx->signer));
	return ledger_put_account(tx->ledger, &body->to, &to);
}

/* ---- providers ---- */

static souk_status apply_provider_register(
	struct ledger_tx *tx, const struct souk_tx_provider_register *body)
{
	struct souk_provider_record provider = {0};
	souk_status status = souk_ledger_get_provider(&provider, tx->ledger, &tx->from);
	if (status != SOUK_OK && status != SOUK_PEER_NO_PROVIDER)
		return status;
	SOUK_TRY(ledger_tx_debit(tx, body->deposit));
	SOUK_TRY(souk_amount_add(&provider.deposit, provider.deposit, body->deposit));
	if (souk_amount_is_less(provider.deposit, tx->ledger->genesis.deposit_min))
		return SOUK_PEER_PROVIDER_DEPOSIT;
	provider.unbonding = false;
	provider.unlock = souk_time_at_ms(0);
	__builtin_memcpy(&provider.control_url, &body->control_url, sizeof provider.control_url);
	provider.tls_pin = body->tls_pin;
	return ledger_put_provider(tx->ledger, &tx->from, &provider);
}

static souk_status apply_provider_unbond(struct ledger_tx *tx)
{
	struct souk_provider_record provider;
	SOUK_TRY(souk_ledger_get_provider(&provider, tx->ledger, &tx->from));
	provider.unbonding = true;
	provider.unlock = souk_time_plus_ms(tx->now, tx->ledger->genesis.unbond_ms);
	return ledger_put_provider(tx->ledger, &tx->from, &provider);
}

static souk_status apply_provider_withdraw(struct ledger_tx *tx)
{
	struct souk_provider_record provider;
	SOUK_TRY(souk_ledger_get_provider(&provider, tx->ledger, &tx->from));
	if (!provider.unbonding || souk_time_is_before(tx->now, provider.unlock))
		return SOUK_PEER_PROVIDER_BONDED;
	SOUK_TRY(ledger_tx_credit(tx, provider.deposit));
	tx->amount = provider.deposit;
	return ledger_del_provider(tx->ledger, &tx->from);
}

/* ---- logs of others ---- */

/* A log only grows: whoever shows a shorter one, or another one of this length, is caught. */
static souk_status apply_anchor(struct ledger_tx *tx, const struct souk_tx_anchor *body)
{
	struct souk_anchor_record record = {.count = 0};
	souk_status status = souk_ledger_get_anchor(&record, tx->ledger, &tx->from);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (body->count <= record.count)
		return SOUK_PEER_ANCHOR;
	record = (struct souk_anchor_record){.root = body->root,
		.count = body->count,
		.time = tx->now,
		.height = tx->ledger->record.height};
	return ledger_put_anchor(tx->ledger, &tx->from, &record);
}

/* ---- all kinds ---- */

static souk_status apply_body(struct ledger_tx *tx, const struct souk_tx_body *body)
{
	switch (body->kind) {
	case SOUK_TX_BODY_FAUCET: return apply_faucet(tx, &body->faucet);
	case SOUK_TX_BODY_TRANSFER: return apply_transfer(tx, &body->transfer);
	case SOUK_TX_BODY_ESCROW_OPEN: return ledger_apply_escrow_open(tx, &body->escrow_open);
	case SOUK_TX_BODY_ESCROW_TOP_UP:
		return ledger_apply_escrow_top_up(tx, &body->escrow_top_up);
	case SOUK_TX_BODY_ESCROW_CLOSE: return ledger_apply_escrow_close(tx, &body->escrow_close);
	case SOUK_TX_BODY_ESCROW_WITHDRAW:
		return ledger_apply_escrow_withdraw(tx, &body->escrow_withdraw);
	case SOUK_TX_BODY_ALLOT: return ledger_apply_allot(tx, &body->allot);
	case SOUK_TX_BODY_CLAIM: return ledger_apply_claim(tx, &body->claim);
	case SOUK_TX_BODY_PROVIDER_REGISTER:
		return apply_provider_register(tx, &body->provider_register);
	case SOUK_TX_BODY_PROVIDER_UNBOND: return apply_provider_unbond(tx);
	case SOUK_TX_BODY_PROVIDER_WITHDRAW: return apply_provider_withdraw(tx);
	case SOUK_TX_BODY_EPOCH_CLOSE: return ledger_apply_epoch_close(tx, &body->epoch_close);
	case SOUK_TX_BODY_DRAW: return ledger_apply_draw(tx, &body->draw);
	case SOUK_TX_BODY_CLAIM_MANY: return ledger_apply_claim_many(tx, &body->claim_many);
	case SOUK_TX_BODY_CLAIM_RECEIPT:
		return ledger_apply_claim_receipt(tx, &body->claim_receipt);
	case SOUK_TX_BODY_STAND: return ledger_apply_stand(tx, &body->stand);
	case SOUK_TX_BODY_DOUBLE_ISSUE: return ledger_apply_double_issue(tx, &body->double_issue);
	case SOUK_TX_BODY_AGREE: return ledger_apply_agree(tx, &body->agree);
	case SOUK_TX_BODY_ACCUSE: return ledger_apply_accuse(tx, &body->accuse);
	case SOUK_TX_BODY_CHALLENGE: return ledger_apply_challenge(tx, &body->challenge);
	case SOUK_TX_BODY_ANSWER: return ledger_apply_answer(tx, &body->answer);
	case SOUK_TX_BODY_SILENCE: return ledger_apply_silence(tx, &body->silence);
	case SOUK_TX_BODY_AGREEMENT_END:
		return ledger_apply_agreement_end(tx, &body->agreement_end);
	case SOUK_TX_BODY_AGREEMENT_REVOKE:
		return ledger_apply_agreement_revoke(tx, &body->agreement_revoke);
	case SOUK_TX_BODY_ANCHOR: return apply_anchor(tx, &body->anchor);
	}
	return SOUK_PEER_TX_KIND;
}

/* The kinds that may bring an account into being: they only credit it. */
static bool opens_account(enum souk_tx_body_kind kind)
{
	return kind == SOUK_TX_BODY_FAUCET || kind == SOUK_TX_BODY_CLAIM ||
	       kind == SOUK_TX_BODY_CLAIM_MANY || kind == SOUK_TX_BODY_CLAIM_RECEIPT ||
	       kind == SOUK_TX_BODY_DOUBLE_ISSUE;
}

static souk_status find_signer(struct ledger_tx *ctx, const struct souk_tx *tx)
{
	souk_status status = souk_ledger_get_account(&ctx->signer, ctx->ledger, &tx->from);
	if (status == SOUK_PEER_NO_ACCOUNT && opens_account(tx->body.kind))
		ctx->signer = (struct souk_account_record){.nonce = 0};
	else if (status != SOUK_OK)
		return status;
	if (tx->nonce != ctx->signer.nonce || tx->nonce == UINT64_MAX)
		return SOUK_PEER_TX_NONCE;
	ctx->signer.nonce++;
	return SOUK_OK;
}

souk_status ledger_apply_tx(struct souk_ledger *ledger, const struct souk_signed_tx *signed_tx,
	const struct souk_signed_check *check, struct souk_receipt *receipt)
{
	const struct souk_tx *tx = &signed_tx->tx;
	struct ledger_tx ctx = {.ledger = ledger, .now = ledger->record.time, .from = tx->from};
	if (!souk_hash_equal(&tx->ledger, &ledger->record.ledger))
		return SOUK_PEER_TX_WRONG_LEDGER;
	SOUK_TRY(check->signature);
	SOUK_TRY(find_signer(&ctx, tx));
	ledger->touched_count = 0;
	SOUK_TRY(apply_body(&ctx, &tx->body));
	SOUK_TRY(ledger_put_account(ledger, &ctx.from, &ctx.signer));
	receipt->amount = ctx.amount;
	SOUK_TRY(ledger_history_write(ledger, tx, &check->name, receipt));
	return ledger_put_receipt(ledger, &check->name, receipt);
}
