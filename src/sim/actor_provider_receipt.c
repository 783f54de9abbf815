/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts: one piece in place of the strips of a leaf; see src/daemon/provider_receipt.c.
 *
 *   check --> sessions of the leaf serve no more --> kept on the disk --> its strips are settled
 *         '--> refused: nothing changed          '--> not kept: strips are claimed as ever */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "souk/base/check.h"
#include "souk/payment/lottery.h"
#include "souk/payment/receipt.h"

#define PREFIX_RECEIPT 'R'

static struct souk_leaf_id leaf_of(const struct souk_leaf_receipt *receipt)
{
	return (struct souk_leaf_id){
		receipt->escrow, receipt->epoch, receipt->segment, receipt->leaf};
}

static struct souk_leaf_id leaf_of_strip(const struct souk_strip *strip)
{
	return (struct souk_leaf_id){strip->escrow, strip->epoch, strip->segment, strip->leaf};
}

static souk_status find_record(const struct sim_provider *p, const struct souk_leaf_id *leaf,
	struct souk_receipt_record *ret)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_bytes value;
	SOUK_TRY(sim_writes_get(&p->writes, sim_provider_receipt_key(key, leaf), &value));
	return souk_receipt_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
								       : SOUK_CORRUPT_STORE;
}

static struct souk_bytes encode(
	uint8_t out[SOUK_RECEIPT_RECORD_SIZE_MAX], const struct souk_receipt_record *record)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_RECEIPT_RECORD_SIZE_MAX);
	souk_receipt_record_encode(&writer, record);
	SOUK_CHECK(!writer.full);
	return souk_bytes_of(out, writer.size);
}

/* ---------------------------------------------------------------- taking one */

/* After the draw either side would sign only what it gains by. */
static souk_status check_undrawn(struct sim_provider *p, uint64_t epoch)
{
	struct souk_epoch_record record;
	SOUK_TRY(sim_ledger_epoch(p->node, epoch, &record));
	return record.drawn ? SOUK_PEER_EPOCH_CLOSED : SOUK_OK;
}

/* What the session's record says of the leaf, and whether the receipt is one for it. */
static souk_status fill_record(struct sim_provider *p, const struct souk_nonce *session,
	const struct souk_receipt_proposal *proposal, struct souk_receipt_record *ret)
{
	const struct souk_session_record *stored = p->record;
	SOUK_TRY(sim_provider_record(p, session, p->record));
	*ret = (struct souk_receipt_record){.receipt = {.receipt = proposal->receipt,
						    .issuer_signature = proposal->issuer_signature},
		.leaf = stored->strip_open.leaf,
		.base = stored->base,
		.prize = stored->prize};
	ret->leaf_path.count = stored->strip_open.leaf_path.count;
	memcpy(ret->leaf_path.items, stored->strip_open.leaf_path.items,
		stored->strip_open.leaf_path.count * sizeof *ret->leaf_path.items);
	SOUK_TRY(souk_leaf_receipt_check(&proposal->receipt, &ret->leaf));
	return souk_leaf_receipt_verify_issuer(&ret->receipt, &ret->leaf);
}

/* Pull what there is, and commit it. */
static souk_status commit(struct sim_provider *p)
{
	sim_provider_take_effects(p);
	sim_writes_commit(&p->writes);
	if (p->writes.status != SOUK_OK)
		sim_provider_commit_soon(p);
	else if (!p->writes.is_running)
		sim_provider_note_stored(p);
	return p->writes.status;
}

static souk_status keep(struct sim_provider *p, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret)
{
	uint8_t key[SIM_WRITE_KEY_MAX], bytes[SOUK_RECEIPT_RECORD_SIZE_MAX];
	struct souk_receipt_record record;
	struct souk_nonce session;
	struct souk_amount owed;
	/* A receipt that is none must not end the sessions of the leaf. */
	SOUK_TRY(souk_provider_leaf_owed(&p->provider, leaf, &session, &owed));
	SOUK_TRY(fill_record(p, &session, proposal, &record));
	SOUK_TRY(check_undrawn(p, leaf->epoch));
	SOUK_TRY(souk_provider_receipt(&p->provider, leaf, proposal->receipt.amount));
	SOUK_TRY(commit(p));
	souk_leaf_receipt_countersign(&record.receipt, &p->node->identity);
	SOUK_TRY(sim_writes_further(
		&p->writes, sim_provider_receipt_key(key, leaf), encode(bytes, &record)));
	souk_provider_receipt_kept(&p->provider, leaf);
	p->open_receipts++;
	SOUK_CHECK(p->kept_count < SIM_PROVIDER_WAITING);
	p->kept[p->kept_count++] = (struct sim_provider_kept){session, proposal->receipt.amount};
	if (!p->writes.is_running)
		sim_provider_note_kept(p);
	*ret = record.receipt;
	return SOUK_OK;
}

/* The receipt that is kept already is given again, to whoever proposes the same. */
static souk_status find_kept(const struct sim_provider *p, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret)
{
	struct souk_receipt_record kept;
	SOUK_TRY(find_record(p, leaf, &kept));
	if (kept.receipt.receipt.amount.ncoin != proposal->receipt.amount.ncoin)
		return SOUK_PEER_LEAF_CLAIMED;
	*ret = kept.receipt;
	return SOUK_OK;
}

static souk_status take(struct sim_provider *p, const struct sim_message *message,
	struct souk_signed_leaf_receipt *ret)
{
	struct souk_receipt_proposal proposal;
	SOUK_TRY(souk_receipt_proposal_decode(&proposal, sim_message_bytes(message), NULL));
	const struct souk_leaf_id leaf = leaf_of(&proposal.receipt);
	if (!souk_address_equal(&proposal.receipt.payee, &p->node->identity.address))
		return SOUK_PEER_NOT_PAYEE;
	souk_status status = find_kept(p, &leaf, &proposal, ret);
	return status == SOUK_LOCAL_NOT_FOUND ? keep(p, &leaf, &proposal, ret) : status;
}

void sim_provider_receipt_message(struct sim_provider *p, const struct sim_message *message)
{
	struct souk_signed_leaf_receipt receipt;
	souk_status status = take(p, message, &receipt);
	sim_say(p->node, "is offered a receipt by %u: %s", message->from, souk_status_name(status));
	p->wants_commit = true;
	if (status != SOUK_OK) {
		sim_provider_refuse(p, message, status);
		return;
	}
	struct sim_message *answer =
		sim_provider_answer(p, message, SOUK_SIGNED_LEAF_RECEIPT_SIZE_MAX);
	SIM_PROVIDER_ENCODE(signed_leaf_receipt, answer, &receipt);
	sim_provider_hold(p, answer);
}

souk_status sim_provider_receipt_check(const struct sim_provider *p, const struct souk_strip *strip)
{
	struct souk_receipt_record kept;
	const struct souk_leaf_id leaf = leaf_of_strip(strip);
	souk_status status = find_record(p, &leaf, &kept);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_OK;
	return status == SOUK_OK ? SOUK_PEER_LEAF_CLAIMED : status;
}

static void note_receipt(
	struct sim_provider *p, const struct souk_nonce *session, struct souk_amount amount)
{
	const struct sim_note note = {
		.kind = SIM_NOTE_RECEIPT,
		.peer = UINT32_MAX,
		.session = *session,
		.amount = amount,
	};
	sim_note(p->node, &note);
}

void sim_provider_note_kept(struct sim_provider *p)
{
	for (uint32_t i = 0; i < p->kept_count; i++)
		note_receipt(p, &p->kept[i].session, p->kept[i].amount);
	p->kept_count = 0;
}

void sim_provider_receipt_note_restored(
	struct sim_provider *p, const struct souk_session_record *record)
{
	struct souk_receipt_record kept;
	const struct souk_leaf_id leaf = leaf_of_strip(&record->strip_open.strip);
	if (find_record(p, &leaf, &kept) == SOUK_OK)
		note_receipt(p, &record->grant.session, kept.receipt.receipt.amount);
}

static bool restore(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_provider *p = ctx;
	struct souk_receipt_record record;
	(void)id;
	if (souk_receipt_record_decode(&record, value, NULL) != SOUK_OK)
		return true;
	const struct souk_leaf_id leaf = leaf_of(&record.receipt.receipt);
	souk_provider_receipt_kept(&p->provider, &leaf);
	p->open_receipts += !record.claimed;
	return true;
}

void sim_provider_receipts_restore(struct sim_provider *p)
{
	sim_writes_each(p->node, PREFIX_RECEIPT, restore, p);
}

/* ---------------------------------------------------------------- claiming */

static souk_status find_worth(const struct souk_receipt_record *record,
	const struct souk_hash *beacon, struct souk_amount *ret)
{
	const struct souk_leaf_receipt *receipt = &record->receipt.receipt;
	struct souk_amount hi;
	uint64_t first;
	SOUK_TRY(souk_amount_add(&hi, record->base, receipt->amount));
	struct souk_amount offset =
		souk_lottery_offset(beacon, &receipt->escrow, receipt->epoch, record->prize);
	return souk_amount_mul(ret, record->prize,
		souk_lottery_points(&first, offset, record->prize, record->base, hi));
}

/* RECORD is history now. */
static void close_receipt(
	struct sim_provider *p, struct souk_receipt_record *record, struct souk_amount paid)
{
	uint8_t key[SIM_WRITE_KEY_MAX], bytes[SOUK_RECEIPT_RECORD_SIZE_MAX];
	const struct souk_leaf_id leaf = leaf_of(&record->receipt.receipt);
	record->claimed = true;
	record->paid = paid;
	sim_writes_put(&p->writes, sim_provider_receipt_key(key, &leaf), encode(bytes, record));
	p->open_receipts--;
	p->wants_commit = true;
}

static void submit(struct sim_provider *p, const struct souk_receipt_record *record)
{
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_CLAIM_RECEIPT;
	body->claim_receipt.receipt = record->receipt;
	body->claim_receipt.leaf = record->leaf;
	body->claim_receipt.leaf_path.count = record->leaf_path.count;
	memcpy(body->claim_receipt.leaf_path.items, record->leaf_path.items,
		record->leaf_path.count * sizeof *record->leaf_path.items);
	sim_ledger_submit(p->node, body, sim_provider_token(p, SIM_PROVIDER_RECEIPT, 0));
	free(body);
}

/* What can be claimed: the first receipt of an epoch that is drawn; those that won nothing are
 * closed on the way. */
struct search {
	struct sim_provider *p;
	struct souk_receipt_record found;
	bool has_found;
	struct souk_receipt_record lost[16];
	uint32_t lost_count;
};

static bool look(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct search *search = ctx;
	struct souk_epoch_record epoch;
	struct souk_receipt_record record;
	(void)id;
	if (souk_receipt_record_decode(&record, value, NULL) != SOUK_OK || record.claimed)
		return true;
	/* It may have been closed, which is not on the disk yet. */
	const struct souk_leaf_id leaf = leaf_of(&record.receipt.receipt);
	if (find_record(search->p, &leaf, &record) != SOUK_OK || record.claimed)
		return true;
	if (sim_ledger_epoch(search->p->node, record.receipt.receipt.epoch, &epoch) != SOUK_OK ||
		!epoch.drawn || find_worth(&record, &epoch.beacon, &record.paid) != SOUK_OK)
		return true;
	if (record.paid.ncoin > 0) {
		search->found = record;
		search->has_found = true;
		return false;
	}
	search->lost[search->lost_count++] = record;
	return search->lost_count < SOUK_COUNT_OF(search->lost);
}

void sim_provider_receipts_claim(struct sim_provider *p)
{
	if (p->open_receipts == 0 || p->receipt != NULL)
		return;
	struct search *search = sim_alloc(sizeof *search);
	search->p = p;
	sim_writes_each(p->node, PREFIX_RECEIPT, look, search);
	for (uint32_t i = 0; i < search->lost_count; i++)
		close_receipt(p, &search->lost[i], SOUK_AMOUNT_ZERO);
	if (search->has_found) {
		p->receipt = sim_alloc(sizeof *p->receipt);
		*p->receipt = search->found;
		submit(p, p->receipt);
	}
	free(search);
}

static bool is_verdict(souk_status status)
{
	return status == SOUK_PEER_CLAIM_LATE || status == SOUK_PEER_CLAIM_NO_PRIZE ||
	       status == SOUK_PEER_LEAF_CLAIMED || status == SOUK_PEER_NO_ALLOTMENT ||
	       status == SOUK_PEER_NO_ESCROW;
}

/* One of the sessions that RECEIPT stands for. */
struct owner {
	struct souk_leaf_id leaf;
	struct souk_nonce session;
};

static bool look_for_owner(void *ctx, const struct souk_session_record *record)
{
	struct owner *owner = ctx;
	const struct souk_strip *strip = &record->strip_open.strip;
	if (!record->open || record->unit == 0 ||
		!souk_hash_equal(&strip->escrow, &owner->leaf.escrow) ||
		strip->epoch != owner->leaf.epoch || strip->segment != owner->leaf.segment ||
		strip->leaf != owner->leaf.leaf)
		return true;
	owner->session = record->grant.session;
	return false;
}

static void note_claimed(struct sim_provider *p, const struct souk_receipt_record *record,
	souk_status status, struct souk_amount paid)
{
	struct owner owner = {.leaf = leaf_of(&record->receipt.receipt)};
	sim_provider_each_record(p, look_for_owner, &owner);
	const struct sim_note note = {
		.kind = SIM_NOTE_CLAIMED,
		.peer = UINT32_MAX,
		.session = owner.session,
		.amount = paid,
		.status = status,
	};
	sim_note(p->node, &note);
}

void sim_provider_receipt_claimed(
	struct sim_provider *p, souk_status status, struct souk_amount amount)
{
	struct souk_receipt_record *record = p->receipt;
	struct souk_amount sum;
	/* It was paid, before a crash: what it is worth stands in the record. */
	struct souk_amount paid = status == SOUK_OK ? amount : record->paid;
	bool is_paid = status == SOUK_OK || status == SOUK_PEER_CLAIM_PAID;
	sim_say(p->node, "claimed a receipt: %s", souk_status_name(status));
	if (is_paid || is_verdict(status))
		note_claimed(
			p, record, is_paid ? SOUK_OK : status, is_paid ? paid : SOUK_AMOUNT_ZERO);
	if (status == SOUK_OK && souk_amount_add(&sum, p->node->tally.claimed, paid) == SOUK_OK)
		p->node->tally.claimed = sum;
	if (is_paid || is_verdict(status))
		close_receipt(p, record, is_paid ? paid : SOUK_AMOUNT_ZERO);
	free(record);
	p->receipt = NULL;
	/* The next, at once; what cannot be claimed now is tried in the next round. */
	p->wants_settling = p->wants_settling || is_paid || is_verdict(status);
}
