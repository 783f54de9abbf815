/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims: sessions of one leaf go to the ledger in one transaction, up to eight of them. Where the
 * ledger refuses such a batch each is claimed by itself, so that one bad strip costs nobody else.
 */
#include <stdlib.h>
#include <string.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"
#include "souk/payment/claim.h"
#include "souk/payment/lottery.h"

/* Sessions of one leaf, and what they claim. Large: on the heap. */
struct batch {
	struct provider_node *node;
	struct souk_chain_client *chain;
	size_t count;
	struct souk_nonce sessions[SOUK_CLAIM_ITEMS_MAX];
	struct souk_claim claims[SOUK_CLAIM_ITEMS_MAX];
	struct souk_amount worth[SOUK_CLAIM_ITEMS_MAX];
	struct souk_session_record record;
	struct souk_chain keys;
	struct souk_tx_body body;
};

bool provider_is_stopping(struct provider_node *node)
{
	return stopper_pause(&node->stopper, 0);
}

static bool same_leaf(const struct souk_leaf_id *a, const struct souk_leaf_id *b)
{
	return souk_hash_equal(&a->escrow, &b->escrow) && a->epoch == b->epoch &&
	       a->segment == b->segment && a->leaf == b->leaf;
}

/* Take the claims of one leaf out of what provider_commit found; how many. */
static size_t take_claims(struct provider_node *node, struct souk_nonce *sessions)
{
	size_t count = 0, kept = 0;
	pthread_mutex_lock(&node->commit_lock);
	for (size_t i = 0, last = node->claim_count; i < last; i++) {
		const struct claim_due due = node->claims[i];
		/* The last one is never moved over while others are looked at. */
		if (count < SOUK_CLAIM_ITEMS_MAX &&
			same_leaf(&due.leaf, &node->claims[last - 1].leaf))
			sessions[count++] = due.session;
		else
			node->claims[kept++] = due;
	}
	node->claim_count = kept;
	pthread_mutex_unlock(&node->commit_lock);
	return count;
}

static void report(struct batch *batch, size_t index, souk_status status, struct souk_amount paid)
{
	struct provider_node *node = batch->node;
	const struct souk_nonce *session = &batch->sessions[index];
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN, "claim",
		souk_log_hex("session", session->bytes, SOUK_NONCE_SIZE),
		souk_log_amount("paid", paid), souk_log_status(status));
	pthread_mutex_lock(&node->lock);
	souk_provider_claim_result(&node->provider, session, status, paid, provider_now());
	pthread_mutex_unlock(&node->lock);
}

/* What the points in the paid part of batch->record bring, if nobody else has them. */
static souk_status find_worth(struct batch *batch, struct souk_amount *ret)
{
	const struct souk_session_record *r = &batch->record;
	struct souk_epoch_record epoch;
	struct souk_amount lo, hi, length;
	uint64_t first;
	SOUK_TRY(souk_chain_epoch(batch->chain, r->ask.epoch, &epoch));
	SOUK_TRY(souk_amount_add(&lo, r->base, r->strip_open.strip.start));
	SOUK_TRY(souk_amount_mul(&length, r->strip_open.strip.price, r->unit));
	SOUK_TRY(souk_amount_add(&hi, lo, length));
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &r->ask.escrow, r->ask.epoch, r->prize);
	return souk_amount_mul(
		ret, r->prize, souk_lottery_points(&first, offset, r->prize, lo, hi));
}

/* Build the claim of sessions[INDEX]; a session that cannot be claimed is reported, not kept. */
static souk_status build_claim(struct batch *batch, const struct souk_nonce *session)
{
	size_t index = batch->count;
	souk_status status = provider_newest_record(batch->node, session, &batch->record);
	if (status == SOUK_OK)
		status = souk_provider_claim(&batch->claims[index], &batch->record, &batch->keys);
	if (status == SOUK_OK)
		status = find_worth(batch, &batch->worth[index]);
	souk_bytes_wipe(&batch->record, sizeof batch->record);
	souk_bytes_wipe(&batch->keys, sizeof batch->keys);
	batch->sessions[index] = *session;
	if (status == SOUK_OK)
		batch->count++;
	else
		report(batch, index, status, SOUK_AMOUNT_ZERO);
	return status;
}

static souk_status submit(struct batch *batch, struct souk_amount *ret_paid)
{
	struct souk_chain_result result;
	souk_status status =
		souk_chain_submit(batch->chain, &batch->body, batch->node->identity, &result);
	/* A ledger that is broken judges nothing: what it says of itself is not said of our
	 * record. */
	if (souk_status_class(status) == SOUK_CLASS_CORRUPT)
		return SOUK_IO_STORE;
	if (status == SOUK_OK)
		*ret_paid = result.receipt.amount;
	return status;
}

static souk_status claim_one(struct batch *batch, size_t index)
{
	struct souk_amount paid = SOUK_AMOUNT_ZERO;
	const struct souk_claim *claim = &batch->claims[index];
	batch->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM, .claim = {.claim = *claim}};
	souk_status status = submit(batch, &paid);
	/* Every point of a leaf of ours can be paid to us only: it was, before a crash. The points
	 * of an open leaf may have been promised twice. */
	if (status == SOUK_PEER_CLAIM_PAID && !souk_address_is_zero(&claim->leaf.provider)) {
		paid = batch->worth[index];
		status = SOUK_OK;
	}
	report(batch, index, status, paid);
	return status;
}

/* Share PAID out as the claims are worth, in their order. */
static void report_all(struct batch *batch, struct souk_amount paid)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct souk_amount share = batch->worth[i];
		if (paid.ncoin < share.ncoin)
			share = paid;
		paid.ncoin -= share.ncoin;
		report(batch, i, SOUK_OK, share);
	}
}

static souk_status claim_batch(struct batch *batch)
{
	struct souk_amount paid;
	souk_status status = SOUK_LOCAL_STATE;
	batch->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM_MANY};
	if (batch->count > 1)
		status =
			souk_claim_many_build(&batch->body.claim_many, batch->claims, batch->count);
	if (status == SOUK_OK)
		status = submit(batch, &paid);
	if (status == SOUK_OK) {
		report_all(batch, paid);
		return SOUK_OK;
	}
	if (souk_status_class(status) == SOUK_CLASS_IO) {
		for (size_t i = 0; i < batch->count; i++)
			report(batch, i, status, SOUK_AMOUNT_ZERO);
		return status;
	}
	for (size_t i = 0; i < batch->count; i++)
		status = claim_one(batch, i);
	return status;
}

/* Where the ledger cannot be reached the rest waits for the next round: each try may take long, and
 * epochs must be followed meanwhile. */
void provider_claims_send(struct provider_node *node, struct souk_chain_client *chain)
{
	struct souk_nonce sessions[SOUK_CLAIM_ITEMS_MAX];
	struct batch *batch = NULL;
	while (!provider_is_stopping(node)) {
		souk_status status = SOUK_OK;
		if (batch == NULL)
			batch = calloc(1, sizeof *batch);
		if (batch == NULL)
			return;
		size_t count = take_claims(node, sessions);
		if (count == 0)
			break;
		*batch = (struct batch){.node = node, .chain = chain};
		for (size_t i = 0; i < count; i++)
			status = build_claim(batch, &sessions[i]);
		if (batch->count > 0)
			status = claim_batch(batch);
		if (souk_status_class(status) == SOUK_CLASS_IO)
			break;
	}
	free(batch);
}
