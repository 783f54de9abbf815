/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts: at an epoch's end a customer may sign for the sum of all that it paid on a leaf. One
 * piece instead of many is drawn for then, so the provider is paid within one prize for the leaf.
 *
 *   check --> sessions of the leaf serve no more --> kept on the disk --> its strips are settled
 *         '--> refused: nothing changed          '--> not kept: strips are claimed as ever */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"
#include "souk/payment/lottery.h"
#include "souk/payment/receipt.h"

#define LOOKUP_WAIT_S 4
/* Receipts that one round of the settler claims. */
#define ROUND_MAX 64u

static struct souk_leaf_id leaf_of(const struct souk_leaf_receipt *receipt)
{
	return (struct souk_leaf_id){
		receipt->escrow, receipt->epoch, receipt->segment, receipt->leaf};
}

/* After the draw either side would sign only what it gains by. */
static souk_status check_undrawn(struct provider_node *node, uint64_t epoch)
{
	struct souk_epoch_record record;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOOKUP_WAIT_S;
	if (pthread_mutex_timedlock(&node->lookup_lock, &until) != 0)
		return SOUK_IO_TIMEOUT;
	souk_status status = souk_chain_epoch(node->lookup, epoch, &record);
	pthread_mutex_unlock(&node->lookup_lock);
	if (status != SOUK_OK)
		return status;
	return record.drawn ? SOUK_PEER_EPOCH_CLOSED : SOUK_OK;
}

/* What the session's record says of the leaf, and whether the receipt is one for it. */
static souk_status fill_record(struct provider_node *node, const struct souk_nonce *session,
	const struct souk_receipt_proposal *proposal, struct souk_receipt_record *ret)
{
	struct souk_session_record *stored = malloc(sizeof *stored);
	if (stored == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = provider_newest_record(node, session, stored);
	if (status == SOUK_OK) {
		*ret = (struct souk_receipt_record){
			.receipt = {.receipt = proposal->receipt,
				.issuer_signature = proposal->issuer_signature},
			.leaf = stored->strip_open.leaf,
			.base = stored->base,
			.prize = stored->prize};
		ret->leaf_path.count = stored->strip_open.leaf_path.count;
		memcpy(ret->leaf_path.items, stored->strip_open.leaf_path.items,
			stored->strip_open.leaf_path.count * sizeof *ret->leaf_path.items);
		status = souk_leaf_receipt_check(&proposal->receipt, &ret->leaf);
	}
	if (status == SOUK_OK)
		status = souk_leaf_receipt_verify_issuer(&ret->receipt, &ret->leaf);
	souk_bytes_wipe(stored, sizeof *stored);
	free(stored);
	return status;
}

/* No more is owed on the leaf than AMOUNT, and its sessions end. */
static souk_status stop_leaf(
	struct provider_node *node, const struct souk_leaf_id *leaf, struct souk_amount amount)
{
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_receipt(&node->provider, leaf, amount);
	pthread_mutex_unlock(&node->lock);
	return status == SOUK_OK ? provider_commit(node) : status;
}

/* The record of a receipt that may be kept, as far as that depends on nobody else. */
static souk_status screen(struct provider_node *node, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_receipt_record *ret,
	struct souk_amount *ret_owed)
{
	struct souk_nonce session;
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_leaf_owed(&node->provider, leaf, &session, ret_owed);
	pthread_mutex_unlock(&node->lock);
	return status == SOUK_OK ? fill_record(node, &session, proposal, ret) : status;
}

static souk_status keep(struct provider_node *node, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret,
	char ret_detail[64])
{
	struct souk_receipt_record record;
	struct souk_amount owed;
	/* A receipt that is none must not end the sessions of the leaf. */
	souk_status status = screen(node, leaf, proposal, &record, &owed);
	if (status == SOUK_OK)
		status = stop_leaf(node, leaf, proposal->receipt.amount);
	if (status == SOUK_PEER_UNPAID)
		snprintf(ret_detail, 64, "owed on this leaf: %ju ncoin", (uintmax_t)owed.ncoin);
	if (status != SOUK_OK)
		return status;
	souk_leaf_receipt_countersign(&record.receipt, node->identity);
	SOUK_TRY(provider_store_put_receipt(&node->store, &record));
	pthread_mutex_lock(&node->lock);
	souk_provider_receipt_kept(&node->provider, leaf);
	pthread_mutex_unlock(&node->lock);
	*ret = record.receipt;
	return provider_commit(node);
}

/* The receipt that is kept already is given again, to whoever proposes the same. */
static souk_status find_kept(struct provider_node *node, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret)
{
	struct souk_receipt_record kept;
	souk_status status = provider_store_receipt(&node->store, leaf, &kept);
	if (status != SOUK_OK)
		return status;
	if (kept.receipt.receipt.amount.ncoin != proposal->receipt.amount.ncoin)
		return SOUK_PEER_LEAF_CLAIMED;
	*ret = kept.receipt;
	return SOUK_OK;
}

static souk_status take(struct provider_node *node, const struct souk_leaf_id *leaf,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret,
	char ret_detail[64])
{
	struct souk_receipt_record record;
	struct souk_amount owed;
	if (!souk_address_equal(&proposal->receipt.payee, &node->identity->address))
		return SOUK_PEER_NOT_PAYEE;
	souk_status status = find_kept(node, leaf, proposal, ret);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	/* Only the issuer of a leaf that we were paid on has us ask the ledger. */
	SOUK_TRY(screen(node, leaf, proposal, &record, &owed));
	SOUK_TRY(check_undrawn(node, leaf->epoch));
	pthread_rwlock_wrlock(&node->receipt_lock);
	status = find_kept(node, leaf, proposal, ret);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = keep(node, leaf, proposal, ret, ret_detail);
	pthread_rwlock_unlock(&node->receipt_lock);
	return status;
}

souk_status provider_receipt_take(struct provider_node *node,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret,
	char ret_detail[64])
{
	const struct souk_leaf_id leaf = leaf_of(&proposal->receipt);
	ret_detail[0] = '\0';
	souk_status status = take(node, &leaf, proposal, ret, ret_detail);
	/* Anybody can propose anything: that is not worth a line each. */
	SOUK_LOG(status == SOUK_OK || status == SOUK_PEER_UNPAID ? SOUK_LOG_INFO : SOUK_LOG_DEBUG,
		status == SOUK_OK ? "receipt_accepted" : "receipt_refused",
		souk_log_u64("epoch", leaf.epoch), souk_log_u64("leaf", leaf.leaf),
		souk_log_amount("amount", proposal->receipt.amount), souk_log_status(status));
	return status;
}

souk_status provider_receipt_check(struct provider_node *node, const struct souk_strip *strip)
{
	struct souk_receipt_record kept;
	const struct souk_leaf_id leaf = {strip->escrow, strip->epoch, strip->segment, strip->leaf};
	souk_status status = provider_store_receipt(&node->store, &leaf, &kept);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_OK;
	return status == SOUK_OK ? SOUK_PEER_LEAF_CLAIMED : status;
}

static souk_status restore_receipt(void *ctx, const struct souk_receipt_record *record)
{
	struct provider_node *node = ctx;
	const struct souk_leaf_id leaf = leaf_of(&record->receipt.receipt);
	souk_provider_receipt_kept(&node->provider, &leaf);
	return SOUK_OK;
}

souk_status provider_receipt_restore(struct provider_node *node)
{
	return provider_store_each_receipt(&node->store, restore_receipt, node);
}

/* ------------------------------------------------------------------ claims */

struct open_receipts {
	uint64_t next_draw;
	size_t count, max;
	struct souk_receipt_record *items;
};

static souk_status add_open(void *ctx, const struct souk_receipt_record *record)
{
	struct open_receipts *open = ctx;
	if (!record->claimed && record->receipt.receipt.epoch < open->next_draw)
		open->items[open->count++] = *record;
	return open->count < open->max ? SOUK_OK : SOUK_LOCAL_FULL;
}

souk_status provider_receipts_open(const struct provider_store *store, uint64_t next_draw,
	struct souk_receipt_record *items, size_t max, size_t *ret_count)
{
	struct open_receipts open = {.next_draw = next_draw, .max = max, .items = items};
	souk_status status = provider_store_each_receipt(store, add_open, &open);
	*ret_count = open.count;
	return status == SOUK_LOCAL_FULL ? SOUK_OK : status;
}

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

static bool is_verdict(souk_status status)
{
	return status == SOUK_PEER_CLAIM_LATE || status == SOUK_PEER_CLAIM_NO_PRIZE ||
	       status == SOUK_PEER_LEAF_CLAIMED || status == SOUK_PEER_NO_ALLOTMENT ||
	       status == SOUK_PEER_NO_ESCROW;
}

/* Whether RECORD is history now: paid, or not to be paid ever. */
static souk_status claim_receipt(struct provider_node *node, struct souk_chain_client *chain,
	struct souk_receipt_record *record, struct souk_tx_body *body)
{
	struct souk_epoch_record epoch;
	struct souk_chain_result result;
	SOUK_TRY(souk_chain_epoch(chain, record->receipt.receipt.epoch, &epoch));
	if (!epoch.drawn)
		return SOUK_PEER_NOT_DRAWN;
	souk_status status = find_worth(record, &epoch.beacon, &record->paid);
	if (status != SOUK_OK || record->paid.ncoin == 0)
		return status;
	*body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM_RECEIPT,
		.claim_receipt = {.receipt = record->receipt, .leaf = record->leaf}};
	body->claim_receipt.leaf_path.count = record->leaf_path.count;
	memcpy(body->claim_receipt.leaf_path.items, record->leaf_path.items,
		record->leaf_path.count * sizeof *record->leaf_path.items);
	status = souk_chain_submit(chain, body, node->identity, &result);
	if (status == SOUK_OK)
		record->paid = result.receipt.amount;
	/* It was, before a crash. */
	if (status == SOUK_PEER_CLAIM_PAID)
		status = SOUK_OK;
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN, "receipt_claim",
		souk_log_u64("epoch", record->receipt.receipt.epoch),
		souk_log_u64("leaf", record->receipt.receipt.leaf),
		souk_log_amount("amount", record->receipt.receipt.amount),
		souk_log_amount("paid", status == SOUK_OK ? record->paid : SOUK_AMOUNT_ZERO),
		souk_log_status(status));
	if (!is_verdict(status))
		return status;
	record->paid = SOUK_AMOUNT_ZERO;
	return SOUK_OK;
}

void provider_receipts_claim(
	struct provider_node *node, struct souk_chain_client *chain, uint64_t next_draw)
{
	struct souk_receipt_record *open = calloc(ROUND_MAX, sizeof *open);
	struct souk_tx_body *body = malloc(sizeof *body);
	souk_status status = SOUK_IO_MEMORY;
	size_t count = 0;
	if (open != NULL && body != NULL)
		status = provider_receipts_open(&node->store, next_draw, open, ROUND_MAX, &count);
	for (size_t i = 0; status == SOUK_OK && i < count && !provider_is_stopping(node); i++) {
		souk_status claimed = claim_receipt(node, chain, &open[i], body);
		open[i].claimed = true;
		if (claimed == SOUK_OK)
			status = provider_store_put_receipt(&node->store, &open[i]);
		else if (souk_status_class(claimed) == SOUK_CLASS_IO)
			break;
	}
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_ERROR, "receipts_failed", souk_log_status(status));
	free(body);
	free(open);
}
