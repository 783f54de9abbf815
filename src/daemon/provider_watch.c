/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch: a strip on an open leaf is a promise that may have been made to another provider too.
 * Both promises come to light when both claim. So claims on open leaves are compared with this
 * provider's own strips, and two that overlap are reported: the payer forfeits its penalty, of
 * which the reporter gets a share. */
#include <stdlib.h>
#include <string.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"
#include "souk/ledger/verify.h"
#include "souk/payment/payee.h"

/* Large: on the heap. */
struct watch {
	struct provider_node *node;
	struct souk_chain_client *chain;
	const struct souk_signed_strip *theirs;
	struct souk_signed_tx tx;
	struct souk_signed_strip strip; /* of the claim that is looked at */
	struct souk_tx_body report;
	bool found;
};

/* Whether a strip of ours overlaps watch->theirs. */
static souk_status compare(void *ctx, const struct souk_session_record *record)
{
	struct watch *watch = ctx;
	const struct souk_strip_open *ours = &record->strip_open;
	if (!record->open || !souk_address_is_zero(&ours->leaf.provider) ||
		!souk_payee_strips_overlap(&ours->strip, &watch->theirs->strip))
		return SOUK_OK;
	souk_signed_strip_of(&watch->report.double_issue.first, ours);
	watch->found = true;
	return SOUK_LOCAL_EXISTS;
}

static souk_status report(struct watch *watch)
{
	struct souk_chain_result result = {.receipt = {.amount = SOUK_AMOUNT_ZERO}};
	const struct souk_strip *strip = &watch->theirs->strip;
	souk_status status =
		souk_chain_submit(watch->chain, &watch->report, watch->node->identity, &result);
	SOUK_LOG(SOUK_LOG_WARN, "double_issue",
		souk_log_hex("escrow", strip->escrow.bytes, SOUK_HASH_SIZE),
		souk_log_u64("epoch", strip->epoch),
		souk_log_hex("other", strip->payee.bytes, SOUK_ADDRESS_SIZE),
		souk_log_amount("reward", result.receipt.amount), souk_log_status(status));
	/* Somebody else was quicker, or it is too late: there is nothing to do again. */
	return souk_status_class(status) == SOUK_CLASS_IO ? status : SOUK_OK;
}

static souk_status check_strip(struct watch *watch)
{
	const struct souk_signed_strip *theirs = &watch->strip;
	if (!souk_address_is_zero(&theirs->leaf.provider) ||
		souk_address_equal(&theirs->strip.payee, &watch->node->identity->address))
		return SOUK_OK;
	watch->theirs = theirs;
	watch->found = false;
	watch->report = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_DOUBLE_ISSUE, .double_issue = {.second = *theirs}};
	souk_status status = provider_store_each_session(&watch->node->store, compare, watch);
	if (status != SOUK_OK && status != SOUK_LOCAL_EXISTS)
		return status;
	return watch->found ? report(watch) : SOUK_OK;
}

/* The same fields, in messages of different kinds. */
#define FILL_STRIP(ret, from, leaf_of)                                                             \
	do {                                                                                       \
		*(ret) = (struct souk_signed_strip){                                               \
			.strip = (from)->strip,                                                    \
			.signature = (from)->signature,                                            \
			.batch_index = (from)->batch_index,                                        \
			.batch_count = (from)->batch_count,                                        \
			.leaf = (leaf_of)->leaf,                                                   \
		};                                                                                 \
		(ret)->batch_path.count = (from)->batch_path.count;                                \
		memcpy((ret)->batch_path.items, (from)->batch_path.items,                          \
			sizeof(ret)->batch_path.items);                                            \
		(ret)->leaf_path.count = (leaf_of)->leaf_path.count;                               \
		memcpy((ret)->leaf_path.items, (leaf_of)->leaf_path.items,                         \
			sizeof(ret)->leaf_path.items);                                             \
	} while (0)

static souk_status check_tx(struct watch *watch)
{
	const struct souk_tx_body *body = &watch->tx.tx.body;
	if (body->kind == SOUK_TX_BODY_CLAIM) {
		FILL_STRIP(&watch->strip, &body->claim.claim, &body->claim.claim);
		return check_strip(watch);
	}
	if (body->kind != SOUK_TX_BODY_CLAIM_MANY)
		return SOUK_OK;
	for (uint16_t i = 0; i < body->claim_many.items.count; i++) {
		FILL_STRIP(&watch->strip, &body->claim_many.items.items[i], &body->claim_many);
		SOUK_TRY(check_strip(watch));
	}
	return SOUK_OK;
}

static souk_status next_frame(struct souk_bytes *rest, struct souk_bytes *ret)
{
	size_t used;
	SOUK_TRY(souk_log_read_frame(ret, &used, *rest));
	*rest = souk_bytes_of(rest->data + used, rest->size - used);
	return SOUK_OK;
}

/* Each block of the page; *ret_height is the last one's. */
static souk_status check_page(struct watch *watch, struct souk_bytes page, uint64_t *ret_height)
{
	while (page.size > 0) {
		struct souk_signed_block_header block;
		struct souk_bytes frame;
		SOUK_TRY(next_frame(&page, &frame));
		SOUK_TRY(souk_signed_block_header_decode(&block, frame, NULL));
		for (uint32_t i = 0; i < block.header.tx_count; i++) {
			SOUK_TRY(next_frame(&page, &frame));
			SOUK_TRY(souk_signed_tx_decode(&watch->tx, frame, NULL));
			SOUK_TRY(check_tx(watch));
		}
		*ret_height = block.header.height;
	}
	return SOUK_OK;
}

/* Where to begin: what a claim of an accepted strip can be in comes after its acceptance. */
static souk_status find_start(struct watch *watch, uint64_t *ret_height)
{
	struct souk_ledger_status ledger;
	SOUK_TRY(provider_store_watched(&watch->node->store, ret_height));
	if (*ret_height != 0)
		return SOUK_OK;
	SOUK_TRY(souk_chain_status(watch->chain, &ledger));
	SOUK_TRY(provider_store_put_watched(&watch->node->store, ledger.record.height));
	*ret_height = ledger.record.height;
	return SOUK_OK;
}

static souk_status is_pruned(struct watch *watch, uint64_t height, bool *ret)
{
	uint8_t *frames;
	size_t size;
	souk_status status = souk_chain_log(watch->chain, height, &frames, &size);
	if (status == SOUK_OK)
		free(frames);
	*ret = status == SOUK_LOCAL_NOT_FOUND;
	return *ret ? SOUK_OK : status;
}

/* Who was away for long comes back to a ledger that has thrown away what came next. What is left
 * may still tell of a double promise: *RET_HEIGHT becomes the last block that is gone. */
static souk_status skip_pruned(struct watch *watch, uint64_t *ret_height)
{
	struct souk_ledger_status ledger;
	SOUK_TRY(souk_chain_status(watch->chain, &ledger));
	uint64_t gone = *ret_height + 1, kept = ledger.record.height + 1;
	if (gone >= kept)
		return SOUK_LOCAL_NOT_FOUND;
	while (kept - gone > 1) {
		uint64_t middle = gone + (kept - gone) / 2;
		bool pruned;
		SOUK_TRY(is_pruned(watch, middle, &pruned));
		*(pruned ? &gone : &kept) = middle;
	}
	SOUK_LOG(SOUK_LOG_WARN, "watch_skipped", souk_log_u64("from", *ret_height + 1),
		souk_log_u64("to", gone));
	*ret_height = gone;
	return SOUK_OK;
}

static souk_status follow(struct watch *watch)
{
	uint64_t height;
	SOUK_TRY(find_start(watch, &height));
	while (!provider_is_stopping(watch->node)) {
		uint64_t last = height;
		uint8_t *frames;
		size_t size;
		souk_status status = souk_chain_log(watch->chain, height + 1, &frames, &size);
		if (status == SOUK_LOCAL_NOT_FOUND) {
			SOUK_TRY(skip_pruned(watch, &height));
			continue;
		}
		SOUK_TRY(status);
		status = check_page(watch, souk_bytes_of(frames, size), &last);
		free(frames);
		SOUK_TRY(status);
		if (last == height)
			return SOUK_OK;
		height = last;
		SOUK_TRY(provider_store_put_watched(&watch->node->store, height));
	}
	return SOUK_OK;
}

void provider_watch(struct provider_node *node, struct souk_chain_client *chain)
{
	if (!atomic_load(&node->has_open_leaves))
		return;
	struct watch *watch = calloc(1, sizeof *watch);
	if (watch == NULL)
		return;
	watch->node = node;
	watch->chain = chain;
	souk_status status = follow(watch);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_DEBUG, "watch_failed", souk_log_status(status));
	free(watch);
}
