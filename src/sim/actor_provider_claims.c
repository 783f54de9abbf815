/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims: sessions of one leaf go to the ledger in one transaction, up to eight of them. Where the
 * ledger refuses such a batch each is claimed by itself, so that one bad strip costs nobody else.
 * See src/daemon/provider_claims.c; here several transactions are under way at once, since a
 * simulated epoch is short. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "souk/base/check.h"
#include "souk/payment/lottery.h"

static bool same_leaf(const struct souk_leaf_id *a, const struct souk_leaf_id *b)
{
	return souk_hash_equal(&a->escrow, &b->escrow) && a->epoch == b->epoch &&
	       a->segment == b->segment && a->leaf == b->leaf;
}

/* Take the claims of one leaf out of those that are due; how many. */
static size_t take_claims(struct sim_provider *p, struct souk_nonce *sessions)
{
	size_t count = 0;
	uint32_t kept = 0;
	for (uint32_t i = 0, last = p->claim_count; i < last; i++) {
		const struct sim_provider_claim due = p->claims[i];
		/* The last one is never moved over while others are looked at. */
		if (count < SOUK_CLAIM_ITEMS_MAX && same_leaf(&due.leaf, &p->claims[last - 1].leaf))
			sessions[count++] = due.session;
		else
			p->claims[kept++] = due;
	}
	p->claim_count = kept;
	return count;
}

/* STATUS is what the ledger said; an amount comes with SOUK_OK, and with a claim that was paid
 * before. */
static void report(struct sim_provider *p, const struct souk_nonce *session, souk_status status,
	struct souk_amount paid)
{
	bool was_paid = status == SOUK_PEER_CLAIM_PAID && paid.ncoin > 0;
	sim_say(p->node, "claimed %llu: %s", (unsigned long long)paid.ncoin,
		souk_status_name(status));
	if (status == SOUK_OK) {
		struct souk_amount sum;
		if (souk_amount_add(&sum, p->node->tally.claimed, paid) == SOUK_OK)
			p->node->tally.claimed = sum;
	}
	souk_provider_claim_result(
		&p->provider, session, was_paid ? SOUK_OK : status, paid, sim_now(p->node));
	p->wants_commit = true;
}

/* What the points in the paid part of p->record bring, if nobody else has them. */
static souk_status find_worth(struct sim_provider *p, struct souk_amount *ret)
{
	const struct souk_session_record *r = p->record;
	struct souk_epoch_record epoch;
	struct souk_amount lo, hi, length;
	uint64_t first;
	SOUK_TRY(sim_ledger_epoch(p->node, r->ask.epoch, &epoch));
	SOUK_TRY(souk_amount_add(&lo, r->base, r->strip_open.strip.start));
	SOUK_TRY(souk_amount_mul(&length, r->strip_open.strip.price, r->unit));
	SOUK_TRY(souk_amount_add(&hi, lo, length));
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &r->ask.escrow, r->ask.epoch, r->prize);
	return souk_amount_mul(
		ret, r->prize, souk_lottery_points(&first, offset, r->prize, lo, hi));
}

/* A session that cannot be claimed is reported, not kept. */
static void build_claim(
	struct sim_provider *p, struct sim_claim_batch *batch, const struct souk_nonce *session)
{
	size_t index = batch->count;
	souk_status status = sim_provider_record(p, session, p->record);
	if (status == SOUK_OK)
		status = souk_provider_claim(&batch->claims[index], p->record, p->keys);
	if (status == SOUK_OK)
		status = find_worth(p, &batch->worth[index]);
	/* As in the daemon: only what the store itself says of our record is final. */
	if (status != SOUK_OK) {
		report(p, session, status, SOUK_AMOUNT_ZERO);
		return;
	}
	batch->sessions[index] = *session;
	batch->count++;
}

static void submit_one(struct sim_provider *p, uint32_t slot, size_t index)
{
	struct sim_claim_batch *batch = p->batches[slot];
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	batch->alone = index + 1;
	body->kind = SOUK_TX_BODY_CLAIM;
	body->claim.claim = batch->claims[index];
	sim_ledger_submit(p->node, body, sim_provider_token(p, SIM_PROVIDER_CLAIM, slot));
	free(body);
}

static void submit(struct sim_provider *p, uint32_t slot)
{
	struct sim_claim_batch *batch = p->batches[slot];
	if (batch->count == 1) {
		submit_one(p, slot, 0);
		return;
	}
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_CLAIM_MANY;
	if (souk_claim_many_build(&body->claim_many, batch->claims, batch->count) == SOUK_OK)
		sim_ledger_submit(p->node, body, sim_provider_token(p, SIM_PROVIDER_CLAIM, slot));
	else
		submit_one(p, slot, 0);
	free(body);
}

static bool find_slot(const struct sim_provider *p, uint32_t *ret)
{
	for (uint32_t i = 0; i < SIM_PROVIDER_CLAIMS; i++) {
		if (p->batches[i] == NULL) {
			*ret = i;
			return true;
		}
	}
	return false;
}

void sim_provider_claims_send(struct sim_provider *p)
{
	struct souk_nonce sessions[SOUK_CLAIM_ITEMS_MAX];
	uint32_t slot;
	while (p->claim_count > 0 && find_slot(p, &slot)) {
		size_t count = take_claims(p, sessions);
		struct sim_claim_batch *batch = sim_alloc(sizeof *batch);
		for (size_t i = 0; i < count; i++)
			build_claim(p, batch, &sessions[i]);
		if (batch->count == 0) {
			free(batch);
			continue;
		}
		p->batches[slot] = batch;
		submit(p, slot);
	}
}

/* ---------------------------------------------------------------- results */

/* Share PAID out as the claims are worth, in their order. */
static void report_all(struct sim_provider *p, const struct sim_claim_batch *batch,
	souk_status status, struct souk_amount paid)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct souk_amount share = batch->worth[i];
		if (paid.ncoin < share.ncoin)
			share = paid;
		paid.ncoin -= share.ncoin;
		report(p, &batch->sessions[i], status, share);
	}
}

static void end_batch(struct sim_provider *p, uint32_t slot)
{
	free(p->batches[slot]);
	p->batches[slot] = NULL;
	/* There is room for the next. */
	sim_provider_claims_send(p);
}

static void claimed_alone(
	struct sim_provider *p, uint32_t slot, souk_status status, struct souk_amount amount)
{
	struct sim_claim_batch *batch = p->batches[slot];
	size_t index = batch->alone - 1;
	/* Every point of a leaf of ours can be paid to us only: it was, before a crash. The points
	 * of an open leaf may have been promised twice. */
	if (status == SOUK_PEER_CLAIM_PAID &&
		!souk_address_is_zero(&batch->claims[index].leaf.provider))
		amount = batch->worth[index];
	report(p, &batch->sessions[index], status, amount);
	if (index + 1 < batch->count)
		submit_one(p, slot, index + 1);
	else
		end_batch(p, slot);
}

void sim_provider_claimed(
	struct sim_provider *p, uint32_t slot, souk_status status, struct souk_amount amount)
{
	struct sim_claim_batch *batch = p->batches[slot];
	/* A ledger that is broken judges nothing. */
	if (souk_status_class(status) == SOUK_CLASS_CORRUPT)
		status = SOUK_IO_STORE;
	if (batch->alone > 0) {
		claimed_alone(p, slot, status, amount);
		return;
	}
	if (status == SOUK_OK || souk_status_class(status) == SOUK_CLASS_IO) {
		report_all(p, batch, status, amount);
		end_batch(p, slot);
		return;
	}
	submit_one(p, slot, 0);
}
