/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreements: deposits that answer for faults, judged by the service.
 *
 *   RUNS --challenge--> CHALLENGED --answer in time--> RUNS
 *     |                     `--silence------+
 *     |--accuse, guilty---------------------+--> CONVICTED, for good
 *     |--revoke--> REVOKED: no service is owed, faults are judged as before
 *     `--end, W after `ends`--> no record, the deposit is back
 *
 * Each rule takes money away before it gives it, so that no total is ever above
 * what was minted. */
#include "souk/base/check.h"
#include "apply.h"
#include "state.h"

#define PERMILLE 1000u

/* Faults are judged W longer than units are stood up for: the last one may be bad too. */
static struct souk_time judged_until(const struct souk_agreement *agreement)
{
	return souk_time_plus_ms(agreement->ends, agreement->respond_ms);
}

/* Give to an account that may be the signer's, which is written at the end, or not there yet. */
static souk_status credit(
	struct ledger_tx *tx, const struct souk_address *to, struct souk_amount amount)
{
	struct souk_account_record account = {0};
	if (amount.ncoin == 0)
		return SOUK_OK;
	if (souk_address_equal(to, &tx->from))
		return ledger_tx_credit(tx, amount);
	souk_status status = souk_ledger_get_account(&account, tx->ledger, to);
	if (status != SOUK_OK && status != SOUK_PEER_NO_ACCOUNT)
		return status;
	SOUK_TRY(souk_amount_add(&account.balance, account.balance, amount));
	return ledger_put_account(tx->ledger, to, &account);
}

/* AMOUNT * PERMILLE / 1000, rounded down; no product overflows. */
static struct souk_amount share(struct souk_amount amount, uint16_t permille)
{
	uint64_t whole = amount.ncoin / PERMILLE, rest = amount.ncoin % PERMILLE;
	return souk_amount_of_ncoin(whole * permille + rest * permille / PERMILLE);
}

/* ---- agree ---- */

static bool are_terms(const struct souk_agreement *agreement, struct souk_time now)
{
	return agreement->deposit.ncoin > 0 && agreement->bond.ncoin > 0 &&
	       agreement->victim_permille + agreement->reporter_permille <= (int)PERMILLE &&
	       agreement->respond_ms > 0 && souk_time_is_before(now, agreement->ends);
}

/* What the service wants said is said; where it wants nothing, nothing is. */
static souk_status check_details(const struct ledger_tx *tx, const struct souk_agreement *agreement)
{
	const struct souk_judge *judge = souk_judges_find(tx->ledger->judges, agreement->service);
	if (judge->terms != NULL)
		return judge->terms(agreement) == SOUK_OK ? SOUK_OK : SOUK_PEER_AGREEMENT_TERMS;
	return agreement->details.size == 0 ? SOUK_OK : SOUK_PEER_AGREEMENT_TERMS;
}

static souk_status check_agreement(const struct ledger_tx *tx,
	const struct souk_signed_agreement *signed_agreement, const struct souk_hash *id)
{
	const struct souk_agreement *agreement = &signed_agreement->agreement;
	struct souk_agreement_record known;
	if (!souk_address_equal(&agreement->provider, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	if (!souk_hash_equal(&agreement->ledger, &tx->ledger->record.ledger))
		return SOUK_PEER_TX_WRONG_LEDGER;
	if (souk_judges_find(tx->ledger->judges, agreement->service) == NULL)
		return SOUK_PEER_NO_JUDGE;
	if (!are_terms(agreement, tx->now))
		return SOUK_PEER_AGREEMENT_TERMS;
	SOUK_TRY(check_details(tx, agreement));
	SOUK_TRY(souk_ecdsa_verify(&agreement->customer, id, &signed_agreement->signature));
	souk_status status = souk_ledger_get_agreement(&known, tx->ledger, id);
	if (status == SOUK_OK)
		return SOUK_PEER_AGREEMENT_EXISTS;
	return status == SOUK_PEER_NO_AGREEMENT ? SOUK_OK : status;
}

souk_status ledger_apply_agree(struct ledger_tx *tx, const struct souk_tx_agree *body)
{
	const struct souk_agreement *agreement = &body->agreement.agreement;
	struct souk_agreement_record record = {.agreement = *agreement};
	struct souk_hash id = souk_agreement_digest(agreement);
	SOUK_TRY(check_agreement(tx, &body->agreement, &id));
	SOUK_TRY(ledger_tx_debit(tx, agreement->deposit));
	return ledger_put_agreement(tx->ledger, &id, &record);
}

/* ---- what the later kinds have in common ---- */

struct matter {
	const struct souk_hash *id;
	struct souk_agreement_record record;
	const struct souk_judge *judge;
};

static souk_status find_matter(
	struct matter *matter, const struct ledger_tx *tx, const struct souk_hash *id)
{
	matter->id = id;
	SOUK_TRY(souk_ledger_get_agreement(&matter->record, tx->ledger, id));
	matter->judge = souk_judges_find(tx->ledger->judges, matter->record.agreement.service);
	return matter->judge == NULL ? SOUK_PEER_NO_JUDGE : SOUK_OK;
}

/* Whether a fault of this agreement is still judged. */
static souk_status check_open(const struct matter *matter, struct souk_time now)
{
	bool over = matter->record.convicted ||
		    !souk_time_is_before(now, judged_until(&matter->record.agreement));
	return over ? SOUK_PEER_AGREEMENT_OVER : SOUK_OK;
}

static void drop_challenge(struct souk_agreement_record *record)
{
	record->challenged = false;
	record->challenger = (struct souk_address){{0}};
	record->due = souk_time_at_ms(0);
	record->question.size = 0;
}

/* The deposit goes as the agreement says; a challenger, if one waits, has the bond back. */
static souk_status punish(
	struct ledger_tx *tx, struct matter *matter, const struct souk_address *reporter)
{
	struct souk_agreement_record *record = &matter->record;
	const struct souk_agreement *agreement = &record->agreement;
	struct souk_address challenger = record->challenger;
	struct souk_amount bond = record->challenged ? agreement->bond : SOUK_AMOUNT_ZERO;
	struct souk_amount victim = share(agreement->deposit, agreement->victim_permille);
	struct souk_amount reward = share(agreement->deposit, agreement->reporter_permille);
	struct souk_amount burned =
		souk_amount_of_ncoin(agreement->deposit.ncoin - victim.ncoin - reward.ncoin);
	record->convicted = true;
	drop_challenge(record);
	SOUK_TRY(ledger_put_agreement(tx->ledger, matter->id, record));
	SOUK_TRY(souk_amount_add(&tx->ledger->record.burned, tx->ledger->record.burned, burned));
	SOUK_TRY(credit(tx, &agreement->customer, victim));
	SOUK_TRY(credit(tx, reporter, reward));
	return credit(tx, &challenger, bond);
}

/* ---- accuse ---- */

/* The bond of an accuser who did not convict; its own account first, as in a transfer. */
static souk_status lose_bond(struct ledger_tx *tx, const struct souk_agreement *agreement)
{
	SOUK_TRY(ledger_put_account(tx->ledger, &tx->from, &tx->signer));
	return credit(tx, &agreement->provider, agreement->bond);
}

/* What the judge says, who knows what was revoked and when. */
static souk_status judge_of(const struct matter *matter, const struct souk_tx_accuse *body)
{
	const struct souk_agreement_record *record = &matter->record;
	struct souk_bytes evidence = souk_bytes_of(body->evidence.data, body->evidence.size);
	if (record->revoked.ms != 0)
		return matter->judge->convict_revoked(
			&record->agreement, record->revoked, body->fault, evidence);
	return matter->judge->convict(&record->agreement, body->fault, evidence);
}

souk_status ledger_apply_accuse(struct ledger_tx *tx, const struct souk_tx_accuse *body)
{
	struct matter matter;
	SOUK_TRY(find_matter(&matter, tx, &body->agreement));
	SOUK_TRY(check_open(&matter, tx->now));
	const struct souk_agreement *agreement = &matter.record.agreement;
	SOUK_TRY(ledger_tx_debit(tx, agreement->bond));
	souk_status verdict = judge_of(&matter, body);
	if (verdict != SOUK_OK)
		return lose_bond(tx, agreement);
	SOUK_TRY(ledger_tx_credit(tx, agreement->bond));
	SOUK_TRY(punish(tx, &matter, &tx->from));
	tx->amount = share(agreement->deposit, agreement->reporter_permille);
	return SOUK_OK;
}

/* ---- challenge and response ---- */

static bool may_ask(const struct matter *matter, const struct souk_address *who)
{
	const struct souk_agreement *agreement = &matter->record.agreement;
	return souk_address_equal(&agreement->customer, who) ||
	       (matter->judge->may_ask != NULL && matter->judge->may_ask(agreement, who));
}

/* Units that were delivered are answered for as long as they are judged. A service that can be
 * revoked delivers until it ends or is revoked, and its provider may forget then what it serves
 * with: a question after that could not be answered. */
static souk_status check_owed(const struct matter *matter, struct souk_time now)
{
	const struct souk_agreement_record *record = &matter->record;
	SOUK_TRY(check_open(matter, now));
	if (record->revoked.ms != 0)
		return SOUK_PEER_AGREEMENT_REVOKED;
	if (matter->judge->convict_revoked != NULL &&
		!souk_time_is_before(now, record->agreement.ends))
		return SOUK_PEER_AGREEMENT_OVER;
	return SOUK_OK;
}

souk_status ledger_apply_challenge(struct ledger_tx *tx, const struct souk_tx_challenge *body)
{
	struct matter matter;
	struct souk_agreement_record *record = &matter.record;
	SOUK_TRY(find_matter(&matter, tx, &body->agreement));
	/* Nobody else is owed an answer: strangers could wait for an outage, and be paid for it. */
	if (!may_ask(&matter, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	SOUK_TRY(check_owed(&matter, tx->now));
	if (record->challenged)
		return SOUK_PEER_CHALLENGED;
	if (matter.judge->question(&record->agreement,
		    souk_bytes_of(body->question.data, body->question.size)) != SOUK_OK)
		return SOUK_PEER_BAD_QUESTION;
	SOUK_TRY(ledger_tx_debit(tx, record->agreement.bond));
	record->challenged = true;
	record->challenger = tx->from;
	record->due = souk_time_plus_ms(tx->now, record->agreement.respond_ms);
	__builtin_memcpy(&record->question, &body->question, sizeof record->question);
	return ledger_put_agreement(tx->ledger, matter.id, record);
}

souk_status ledger_apply_answer(struct ledger_tx *tx, const struct souk_tx_answer *body)
{
	struct matter matter;
	struct souk_agreement_record *record = &matter.record;
	SOUK_TRY(find_matter(&matter, tx, &body->agreement));
	if (!souk_address_equal(&record->agreement.provider, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	if (!record->challenged)
		return SOUK_PEER_NO_CHALLENGE;
	if (souk_time_is_before(record->due, tx->now))
		return SOUK_PEER_SILENT;
	if (matter.judge->answer(&record->agreement,
		    souk_bytes_of(record->question.data, record->question.size),
		    souk_bytes_of(body->answer.data, body->answer.size)) != SOUK_OK)
		return SOUK_PEER_BAD_ANSWER;
	SOUK_TRY(ledger_tx_credit(tx, record->agreement.bond));
	tx->amount = record->agreement.bond;
	drop_challenge(record);
	return ledger_put_agreement(tx->ledger, matter.id, record);
}

souk_status ledger_apply_silence(struct ledger_tx *tx, const struct souk_tx_silence *body)
{
	struct matter matter;
	SOUK_TRY(find_matter(&matter, tx, &body->agreement));
	if (!matter.record.challenged || !souk_time_is_before(matter.record.due, tx->now))
		return SOUK_PEER_NO_CHALLENGE;
	/* The reward is the challenger's, who risked the bond: else the quickest would have it. */
	struct souk_address challenger = matter.record.challenger;
	return punish(tx, &matter, &challenger);
}

/* ---- the end ---- */

/* The deposit stays to the end: it answers for what the provider does after this. */
souk_status ledger_apply_agreement_revoke(
	struct ledger_tx *tx, const struct souk_tx_agreement_revoke *body)
{
	struct matter matter;
	struct souk_agreement_record *record = &matter.record;
	SOUK_TRY(find_matter(&matter, tx, &body->agreement));
	if (matter.judge->convict_revoked == NULL)
		return SOUK_PEER_NOT_REVOCABLE;
	if (!souk_address_equal(&record->agreement.customer, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	if (record->convicted || !souk_time_is_before(tx->now, record->agreement.ends))
		return SOUK_PEER_AGREEMENT_OVER;
	if (record->revoked.ms != 0)
		return SOUK_PEER_AGREEMENT_REVOKED;
	/* An answer that is due stays due, and needs what the provider would delete now. */
	if (record->challenged)
		return SOUK_PEER_CHALLENGED;
	record->revoked = tx->now;
	return ledger_put_agreement(tx->ledger, matter.id, record);
}

souk_status ledger_apply_agreement_end(
	struct ledger_tx *tx, const struct souk_tx_agreement_end *body)
{
	struct souk_agreement_record record;
	SOUK_TRY(souk_ledger_get_agreement(&record, tx->ledger, &body->agreement));
	if (!souk_address_equal(&record.agreement.provider, &tx->from))
		return SOUK_PEER_WRONG_SIGNER;
	if (record.convicted)
		return SOUK_PEER_AGREEMENT_OVER;
	if (souk_time_is_before(tx->now, judged_until(&record.agreement)))
		return SOUK_PEER_AGREEMENT_RUNS;
	if (record.challenged)
		return SOUK_PEER_CHALLENGED;
	SOUK_TRY(ledger_tx_credit(tx, record.agreement.deposit));
	tx->amount = record.agreement.deposit;
	return ledger_del_agreement(tx->ledger, &body->agreement);
}
