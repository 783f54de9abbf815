/* SPDX-License-Identifier: Apache-2.0
 *
 * The hub's escrow: a leaf for each provider that its customers buy from, and sessions on them.
 *
 * A leaf is worth many sessions, so that few need a transaction. After a restart it goes on where
 * the stored sessions end: they hold its path. What is not used of it is free again after the
 * epoch. */
#include <stdlib.h>
#include <string.h>

#include "../client/escrow_line.h"
#include "hub_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

#define ALLOT_TRIES 4

/* A further segment with one leaf for PROVIDER, worth NEED at least. */
static souk_status allot(struct hub_node *node, const struct souk_address *provider,
	struct souk_amount need, struct souk_strip_open *proof)
{
	struct souk_sum_node nodes[2];
	struct souk_allotment_leaf leaves[2];
	struct line_room room;
	souk_status status = SOUK_PEER_ALLOTMENT_INDEX;
	SOUK_TRY(line_nobodys_leaf(&leaves[1], node->identity));
	for (int i = 0; i < ALLOT_TRIES && status == SOUK_PEER_ALLOTMENT_INDEX; i++) {
		SOUK_TRY(line_find_room(node->chain, &node->hub.config.escrow, &room));
		if (souk_amount_is_less(room.amount, need))
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		leaves[0] = (struct souk_allotment_leaf){.provider = *provider,
			.issuer = node->identity->address,
			.amount = souk_hub_leaf_amount(need, room.amount)};
		status = line_allot(node->chain, node->identity, &node->hub.config.escrow, &room,
			leaves, 2, nodes);
	}
	SOUK_TRY(status);
	struct souk_payer_leaf fresh = {
		.escrow = node->hub.config.escrow,
		.epoch = room.epoch,
		.segment = room.segment,
		.amount = leaves[0].amount,
	};
	SOUK_TRY(souk_allotment_prove(proof, leaves, 2, 0, nodes));
	souk_hub_leaves_keep(&node->leaves, &fresh, proof);
	SOUK_LOG(SOUK_LOG_INFO, "hub_allotted",
		souk_log_hex("provider", provider->bytes, SOUK_ADDRESS_SIZE),
		souk_log_u64("epoch", room.epoch), souk_log_amount("amount", leaves[0].amount));
	return SOUK_OK;
}

/* A leaf for OPEN's provider with room for all of it. Under money_lock. */
static souk_status make_leaf_ready(struct hub_node *node, const struct souk_hub_open *open,
	struct souk_strip_open *proof, struct souk_hub_leaf **ret)
{
	const struct souk_grant *grant = &open->grant.grant;
	struct souk_amount need;
	SOUK_TRY(souk_amount_mul(&need, grant->price, grant->units));
	struct souk_hub_leaf *leaf =
		souk_hub_leaves_find(&node->leaves, &grant->provider, open->ask.epoch);
	if (leaf == NULL || !souk_hub_leaf_has_room(leaf, need)) {
		souk_status status = allot(node, &grant->provider, need, proof);
		if (status != SOUK_OK) {
			SOUK_LOG(SOUK_LOG_WARN, "hub_cannot_allot", souk_log_status(status),
				souk_log_text("detail", souk_chain_detail(node->chain)));
			/* The operator's trouble, and no fault of the customer's. */
			return souk_status_class(status) == SOUK_CLASS_PEER ? SOUK_LOCAL_FULL
									    : status;
		}
		leaf = souk_hub_leaves_find(&node->leaves, &grant->provider, open->ask.epoch);
		/* A new epoch began meanwhile. */
		if (leaf == NULL || !souk_hub_leaf_has_room(leaf, need))
			return SOUK_PEER_WRONG_EPOCH;
	}
	souk_hub_leaves_use(&node->leaves, leaf, proof);
	*ret = leaf;
	return SOUK_OK;
}

struct opening {
	struct souk_hub_session_record stored;
	struct souk_strip_open proof;
};

static souk_status open_with(struct hub_node *node, const struct souk_hub_open *open,
	struct opening *o, struct souk_strip_open *ret)
{
	struct souk_hub_leaf *leaf = NULL;
	souk_status status = hub_newest_session(node, &open->strip.nonce, &o->stored);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	const struct souk_hub_session_record *stored = status == SOUK_OK ? &o->stored : NULL;
	pthread_mutex_lock(&node->lock);
	status = souk_hub_check(&node->hub, open, stored, hub_now());
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = make_leaf_ready(node, open, &o->proof, &leaf);
	else if (status == SOUK_LOCAL_EXISTS)
		status = SOUK_OK;
	SOUK_TRY(status);
	pthread_mutex_lock(&node->lock);
	status = souk_hub_open(&node->hub, open, stored, leaf != NULL ? &leaf->free : NULL,
		&o->proof, hub_now(), ret);
	pthread_mutex_unlock(&node->lock);
	return status;
}

souk_status hub_open(
	struct hub_node *node, const struct souk_hub_open *open, struct souk_strip_open *ret)
{
	struct opening *opening = calloc(1, sizeof *opening);
	if (opening == NULL)
		return SOUK_IO_MEMORY;
	pthread_mutex_lock(&node->money_lock);
	souk_status status = open_with(node, open, opening, ret);
	pthread_mutex_unlock(&node->money_lock);
	souk_bytes_wipe(opening, sizeof *opening);
	free(opening);
	if (status == SOUK_OK)
		status = hub_commit(node);
	return status;
}
